package fhir

import (
	"cmp"
	"strings"

	"github.com/secours-card/secours/summary"
)

// A candidate is the most recent measurement of a kind so far.
type candidate struct {
	summary.Measurement
	r *resource
	// at is its date to the second, for two on one day.
	at string
}

// measurements are the codes of LOINC for the kinds of a summary's measurements.
var measurements = map[string]summary.MeasurementKind{
	"29463-7": summary.MeasureWeight, "3141-9": summary.MeasureWeight, "8335-2": summary.MeasureWeight, "8350-1": summary.MeasureWeight,
	"8302-2": summary.MeasureHeight, "3137-7": summary.MeasureHeight, "8306-3": summary.MeasureHeight, "8301-4": summary.MeasureHeight, "8308-9": summary.MeasureHeight,
	"33914-3": summary.MeasureEGFR, "48642-3": summary.MeasureEGFR, "48643-1": summary.MeasureEGFR, "50044-7": summary.MeasureEGFR, "62238-1": summary.MeasureEGFR,
	"69405-9": summary.MeasureEGFR, "77147-7": summary.MeasureEGFR, "88293-6": summary.MeasureEGFR, "88294-4": summary.MeasureEGFR, "94677-2": summary.MeasureEGFR,
	"98979-8": summary.MeasureEGFR, "98980-6": summary.MeasureEGFR, "70969-1": summary.MeasureEGFR,
	"2160-0": summary.MeasureCreatinine, "14682-9": summary.MeasureCreatinine, "38483-4": summary.MeasureCreatinine, "59826-8": summary.MeasureCreatinine, "77140-2": summary.MeasureCreatinine,
	"6301-6": summary.MeasureINR, "34714-6": summary.MeasureINR, "46418-0": summary.MeasureINR, "38875-1": summary.MeasureINR, "61189-7": summary.MeasureINR,
	"4548-4": summary.MeasureHbA1c, "17856-6": summary.MeasureHbA1c, "4549-2": summary.MeasureHbA1c, "59261-8": summary.MeasureHbA1c, "62388-4": summary.MeasureHbA1c,
	"71875-9": summary.MeasureHbA1c, "41995-2": summary.MeasureHbA1c, "96595-4": summary.MeasureHbA1c,
	"10230-1": summary.MeasureLVEF, "8806-2": summary.MeasureLVEF, "8807-0": summary.MeasureLVEF, "8808-8": summary.MeasureLVEF, "18043-0": summary.MeasureLVEF, "18045-5": summary.MeasureLVEF,
	"11524-6": summary.MeasureECG, "34534-8": summary.MeasureECG, "8601-7": summary.MeasureECG, "18844-1": summary.MeasureECG,
	"882-1": summary.MeasureBloodGroup, "883-9": summary.MeasureBloodGroup, "10331-7": summary.MeasureBloodGroup, "34530-6": summary.MeasureBloodGroup,
	"77397-8": summary.MeasureBloodGroup, "1305-2": summary.MeasureBloodGroup,
	// The usual saturation has no code: one reading is not what a patient is used to.
	"59408-5": summary.MeasureSpO2Baseline, "2708-6": summary.MeasureSpO2Baseline, "20564-1": summary.MeasureSpO2Baseline,
}

// bloodParts are the blood groups that are one half of one, and kept apart: a group without its rhesus is not replaced by a rhesus.
var bloodParts = map[string]bool{"883-9": true, "10331-7": true, "1305-2": true}

const sysMeasurementKind = base + "CodeSystem/measurement-kind"

// observation takes a measurement of one of the kinds of a summary, and what tells of a pregnancy.
func (im *importer) observation(r *resource, p listing) bool {
	status := im.code(r, "status")
	switch status {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "cancelled":
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	code := r.get("code")
	if p.known && im.absent(r, code, p.name, p.part, true) {
		return false
	}
	var loinc string
	kind := own(im, r, "code", ownCode(code, sysMeasurementKind), ownMeasurementKinds)
	ours := kind != ""
	for _, c := range code.peek("coding").list() {
		if codeSystem(c.peek("system").str()) == summary.CodeLOINC {
			number := c.peek("code").str()
			loinc = cmp.Or(loinc, number)
			if k, ok := measurements[number]; ok && ours && k != kind {
				im.say(r, summary.LossAmbiguous, summary.ReasonContradiction, "code", string(kind)+" / "+number)
				kind, ours = "", false
			}
			if k, ok := measurements[number]; ok && kind == "" {
				kind, loinc = k, number
			}
		}
	}
	switch {
	case pregnancies[loinc]:
		return im.pregnancyOf(r, loinc)
	case kind == "" && p.known && p.name == "directives":
		return im.wish(r)
	case kind == "":
		im.drop(r, summary.ReasonNoPlace)
		return false
	case kind == summary.MeasureSpO2Baseline && !ours:
		im.drop(r, summary.ReasonNotBaseline)
		return false
	}
	code.readAll() // the kind says it
	m := summary.Measurement{Common: im.common(r, "measurements", "performer"), Kind: kind}
	value, unit := im.value(r)
	at := observedAt(r)
	day, until := im.moment(r, "effective")
	m.Date = day
	if issued := r.get("issued"); issued != nil && m.Date.IsZero() {
		m.Date = im.date(r, issued, "issued")
	}
	r.skip("issued", "category", "encounter", "basedOn", "partOf")
	note := join("\n", im.notes(r, "note"), im.spell(day, until))
	if kind == summary.MeasureBloodGroup {
		m.Laboratory, m.By = cmp.Or(m.By.Org, m.By.Name), summary.Author{}
	}
	if value == "" {
		im.drop(r, summary.ReasonNoValue)
		return false
	}
	if m.Date.IsZero() {
		im.drop(r, summary.ReasonNoDate)
		return false
	}
	if status == "preliminary" || status == "registered" || status == "unknown" {
		im.say(r, summary.LossAmbiguous, summary.ReasonNotInForce, "status", status)
	}
	if day := m.Date.String(); !strings.HasPrefix(at, day) {
		at = day
	}
	m.Value, m.Unit, m.Note = summary.Value{Text: value}, unit, note
	key := string(kind)
	switch {
	case kind == summary.MeasureOther:
		key += " " + conceptName(code) + note
	case bloodParts[loinc]:
		key += " " + loinc
	}
	was, there := im.measure[key]
	switch {
	case !there:
		im.measure[key] = candidate{m, r, at}
	case at > was.at:
		im.older(was)
		im.measure[key] = candidate{m, r, at}
	default:
		im.older(candidate{m, r, at})
	}
	return !p.unlisted
}

func (im *importer) older(c candidate) {
	im.say(c.r, summary.LossDropped, summary.ReasonNotMostRecent, "", strings.Join([]string{string(c.Kind), c.Value.Text, c.Unit, c.Date.String()}, " "))
}

// value reads value[x], and the components of a panel, as text.
func (im *importer) value(r *resource) (value, unit string) {
	for _, name := range []string{"valueQuantity", "valueCodeableConcept", "valueString", "valueInteger", "valueBoolean", "valueRange", "valueRatio", "valueDateTime", "valueTime"} {
		n := r.get(name)
		switch {
		case n == nil:
		case name == "valueQuantity":
			value, unit = im.amount(n)
		case name == "valueCodeableConcept":
			if c := im.concept(r, n, name); c != nil {
				value = c.Text
			}
		case name == "valueRange":
			value = im.rangeOf(n)
		case name == "valueRatio":
			value = im.ratio(n)
		default:
			value = im.text(r, n, name)
		}
	}
	if value != "" {
		return value, unit
	}
	var parts []string
	for _, n := range r.each("component") {
		inner := &resource{node: n, kind: r.kind, label: r.label, container: r.container}
		v, u := im.value(inner)
		name := ""
		if c := im.concept(r, n.get("code"), "component.code"); c != nil {
			name = c.Text
		}
		if v != "" {
			parts = append(parts, strings.TrimSpace(name+" "+v+" "+u))
		}
	}
	return join(", ", parts...), ""
}

// observedAt is when something was observed, as it is written, for which of two is the more recent.
func observedAt(r *resource) string {
	return cmp.Or(r.peek("effectiveDateTime").str(), r.peek("effectiveInstant").str(), r.peek("effectivePeriod").peek("start").str(), r.peek("issued").str())
}

// finishMeasurements adds the most recent of each kind, in the order in which the document has them.
func (im *importer) finishMeasurements() {
	kept := map[*resource]summary.Measurement{}
	for _, c := range im.measure {
		kept[c.r] = c.Measurement
	}
	im.all(func(r *resource) {
		m, ok := kept[r]
		if !ok {
			return
		}
		s := &im.summary.Sections
		if s.Measurements == nil {
			s.Measurements = &summary.Section[summary.Measurement]{}
		}
		s.Measurements.Items = append(s.Measurements.Items, m)
		im.sources["measurements"] = append(im.sources["measurements"], r.label)
	})
}
