package fhir

import (
	"cmp"
	"strings"

	"github.com/secours-card/secours/summary"
)

const (
	// sysDirective are the code systems of what only a summary tells of a directive, as codings of Consent.category.
	sysDirectiveKind    = base + "CodeSystem/directive-kind"
	sysDirectiveSubject = base + "CodeSystem/directive-subject"
	sysPosition         = base + "CodeSystem/position"
	// sysConsent marks the Consent that is the summary's own: what the patient agreed to when it was made.
	sysConsent = base + "CodeSystem/consent"
)

// directiveCodes are codes of Consent.category (consentcategorycodes, LOINC) that a summary has a word for.
var directiveCodes = map[string]struct {
	kind    summary.DirectiveKind
	subject summary.DirectiveSubject
}{
	"acd": {summary.DirectiveAdvance, ""}, "hcd": {summary.DirectiveAdvance, ""}, "polst": {summary.DirectiveTreatmentLimit, ""},
	"dnr": {summary.DirectiveTreatmentLimit, summary.SubjectResuscitation}, "42348-3": {summary.DirectiveAdvance, ""}, "75320-2": {summary.DirectiveAdvance, ""},
	"64298-3": {summary.DirectiveAdvance, ""}, "84095-9": {summary.DirectiveTreatmentLimit, summary.SubjectResuscitation},
}

// directive takes a Consent about care, and a DocumentReference that the advance directives list. What somebody agreed to about his data
// or about research binds no hand.
func (im *importer) directive(r *resource, p listing) bool {
	if r.kind == "DocumentReference" {
		if !p.known || p.name != "directives" {
			im.drop(r, summary.ReasonNoPlace)
			return false
		}
		return im.directiveDocument(r)
	}
	status := im.code(r, "status")
	if ownCode(r.get("category"), sysConsent) != "" {
		return im.consent(r)
	}
	switch status {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "rejected", "inactive":
		im.drop(r, summary.ReasonNotInForce)
		return false
	case "", "active":
	default:
		im.say(r, summary.LossAmbiguous, summary.ReasonNotInForce, "status", status)
	}
	scope := conceptCode(r.peek("scope"))
	listed := p.known && p.name == "directives"
	if !listed && scope != "adr" && scope != "treatment" {
		im.drop(r, summary.ReasonNoPlace)
		return false
	}
	d := summary.Directive{Common: im.common(r, "directives", "performer"), Kind: summary.DirectiveOther}
	if scope == "adr" || listed {
		d.Kind = summary.DirectiveAdvance
	}
	d.Date = im.date(r, r.get("dateTime"), "dateTime")
	var texts []string
	for _, n := range r.get("category").list() {
		kind, subject := summary.DirectiveKind(ownCode(n, sysDirectiveKind)), summary.DirectiveSubject(ownCode(n, sysDirectiveSubject))
		for _, c := range n.peek("coding").list() {
			if known, ok := directiveCodes[c.peek("code").str()]; ok && kind == "" {
				kind, subject = known.kind, known.subject
			}
		}
		position := summary.Position(ownCode(n, sysPosition))
		d.Kind, d.Subject, d.Position = cmp.Or(kind, d.Kind), cmp.Or(subject, d.Subject), cmp.Or(position, d.Position)
		if n.kind == kindObject && n.peek("text") == nil && (kind != "" || subject != "" || position != "") {
			n.readAll()
			continue
		}
		if c := im.concept(r, n, "category"); c != nil {
			texts = append(texts, c.Text)
		}
	}
	if d.Kind == summary.DirectiveTreatmentLimit && d.Subject == summary.SubjectResuscitation && d.Position == "" {
		d.Position = summary.PositionOpposed
	}
	provision := r.get("provision")
	if provision != nil {
		kind := provision.string("type")
		for _, n := range provision.get("code").list() {
			if c := im.concept(r, n, "provision.code"); c != nil {
				if kind != "" {
					c.Text = map[string]string{"deny": im.word("refusé : ", "refused: "), "permit": im.word("accepté : ", "accepted: ")}[kind] + c.Text
				}
				texts = append(texts, c.Text)
			}
		}
		if kind == "deny" && d.Position == "" {
			d.Position = summary.PositionOpposed
		}
	}
	for _, n := range r.each("policy") {
		d.Location = cmp.Or(d.Location, n.string("uri"))
	}
	r.skip("scope", "policyRule", "organization")
	im.original(r, "sourceReference", "sourceAttachment", &d)
	// What stands in an extension of the kinds that people use for a free text.
	d.Text = join("\n", texts...)
	if text := im.ownText(r); text != "" {
		d.Text = text
	}
	im.addDirective(d, r)
	return true
}

// extText is the text of a directive, for which a Consent has no element.
const extText = base + "StructureDefinition/text"

func (im *importer) ownText(r *resource) (text string) {
	for _, e := range r.each("extension") {
		if e.peek("url").str() == extText {
			e.readAll()
			text = e.peek("valueString").str()
		} else {
			e.read = false
		}
	}
	return text
}

func (im *importer) addDirective(d summary.Directive, r *resource) {
	s := &im.summary.Sections
	if s.Directives == nil {
		s.Directives = &summary.Section[summary.Directive]{}
	}
	s.Directives.Items = append(s.Directives.Items, d)
	im.sources["directives"] = append(im.sources["directives"], r.label)
}

// original says where the original lies.
func (im *importer) original(r *resource, reference, attachment string, d *summary.Directive) {
	if ref := r.get(reference); ref != nil {
		ref.readAll()
		if to := im.resolve(r, ref.peek("reference").str()); to != nil {
			to.done, to.read = true, true
			d.Location = cmp.Or(to.peek("description").str(), conceptLabel(to.peek("type")), ref.peek("display").str(), d.Location)
			for _, content := range to.peek("content").list() {
				im.attachment(to, content.get("attachment"), "content.attachment", d)
				content.read = true
			}
			to.readAll()
		} else {
			d.Location = cmp.Or(ref.peek("display").str(), d.Location)
			im.say(r, summary.LossAmbiguous, summary.ReasonNotFound, reference, ref.peek("reference").str())
		}
	}
	im.attachment(r, r.get(attachment), attachment, d)
}

// attachment reads where a document can be had. The document itself does not go on a card.
func (im *importer) attachment(r *resource, n *node, element string, d *summary.Directive) {
	if n == nil {
		return
	}
	title := im.text(r, n.get("title"), element+".title")
	url := im.text(r, n.get("url"), element+".url")
	d.Location = cmp.Or(d.Location, title, url)
	if data := n.peek("data"); data != nil {
		im.say(r, summary.LossDropped, summary.ReasonNoPlace, element+".data", title)
	}
	n.readAll()
}

func (im *importer) directiveDocument(r *resource) bool {
	switch im.code(r, "status") {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "superseded":
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	d := summary.Directive{Common: im.common(r, "directives", "author"), Kind: summary.DirectiveAdvance}
	d.Date = im.date(r, r.get("date"), "date")
	texts := []string{im.text(r, r.get("description"), "description")}
	if c := im.concept(r, r.get("type"), "type"); c != nil {
		texts = append(texts, c.Text)
	}
	d.Text = join("\n", texts...)
	for _, content := range r.each("content") {
		im.attachment(r, content.get("attachment"), "content.attachment", &d)
		content.skip("format", "id")
	}
	r.skip("masterIdentifier", "category", "docStatus", "authenticator", "custodian", "context", "securityLabel")
	im.addDirective(d, r)
	return true
}

// consent takes the summary's own consent back from an export.
func (im *importer) consent(r *resource) bool {
	c := &summary.Consent{Date: im.date(r, r.get("dateTime"), "dateTime"), Scope: im.ownText(r)}
	for _, ref := range r.each("performer") {
		c.By = im.author(r, ref)
	}
	switch r.get("provision").get("type").str() {
	case "permit":
		c.EmergencyAccess = summary.Yes
	case "deny":
		c.EmergencyAccess = summary.No
	}
	r.readAll()
	im.summary.Consent = c
	return true
}

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
	if none, ok := absentOf(code); ok && p.known {
		im.claim(p.name, cmp.Or(none.part, p.part), none, r)
		return false
	}
	var loinc string
	kind := summary.MeasurementKind(ownCode(code, sysMeasurementKind))
	own := kind != ""
	for _, c := range code.peek("coding").list() {
		if codeSystem(c.peek("system").str()) == summary.CodeLOINC {
			number := c.peek("code").str()
			loinc = cmp.Or(loinc, number)
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
	case kind == summary.MeasureSpO2Baseline && !own:
		im.drop(r, summary.ReasonNotBaseline)
		return false
	}
	code.readAll() // the kind says it
	m := summary.Measurement{Common: im.common(r, "measurements", "performer"), Kind: kind}
	value, unit := im.value(r)
	at := cmp.Or(r.peek("effectiveDateTime").str(), r.peek("effectiveInstant").str(), r.peek("effectivePeriod").peek("start").str(), r.peek("issued").str())
	m.Date, _ = im.moment(r, "effective")
	if issued := r.get("issued"); issued != nil && m.Date.IsZero() {
		m.Date = im.date(r, issued, "issued")
	}
	r.skip("issued", "category", "encounter", "device", "specimen", "method", "basedOn", "partOf")
	note := im.notes(r, "note")
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

// finishMeasurements adds the most recent of each kind, in the order in which the document has them.
func (im *importer) finishMeasurements() {
	for _, r := range im.resources {
		for _, c := range append([]*resource{r}, r.contained...) {
			for _, m := range im.measure {
				if m.r == c {
					s := &im.summary.Sections
					if s.Measurements == nil {
						s.Measurements = &summary.Section[summary.Measurement]{}
					}
					s.Measurements.Items = append(s.Measurements.Items, m.Measurement)
					im.sources["measurements"] = append(im.sources["measurements"], c.label)
				}
			}
		}
	}
}

// pregnancies are the codes of LOINC that tell of the present pregnancy: its status, and when it is due.
var pregnancies = map[string]bool{"82810-3": true, "11778-8": true, "11779-6": true, "11780-4": true}

// pregnancyOf makes one alert of what several observations say. That somebody was not pregnant on some day is not said again later.
func (im *importer) pregnancyOf(r *resource, loinc string) bool {
	value, unit := im.value(r)
	on, _ := im.moment(r, "effective")
	code := conceptCode(r.peek("valueCodeableConcept"))
	if loinc != "82810-3" {
		due, err := summary.ParseDate(value[:min(10, len(value))])
		if err != nil {
			im.drop(r, summary.ReasonDate)
			return false
		}
		im.pregnant(r)
		im.pregnancy.DueDate = due
		r.readAll()
		return true
	}
	switch code {
	case "77386006", "LA15173-0": // pregnant
	case "":
		im.drop(r, summary.ReasonNoValue)
		return false
	default:
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	im.pregnant(r)
	im.pregnancy.Text = strings.TrimSpace(value + " " + unit)
	im.pregnancy.Recorded = on
	im.pregnancy.Common.By = im.common(r, "alerts", "performer").By
	if note := im.notes(r, "note"); note != "" {
		im.pregnancy.Text += "\n" + note
	}
	for _, member := range r.each("hasMember") {
		member.readAll()
	}
	r.skip("category", "issued", "encounter")
	return true
}

func (im *importer) pregnant(r *resource) {
	if im.pregnancy == nil {
		im.addAlert(summary.Alert{Kind: summary.AlertPregnancy, Text: im.word("grossesse", "pregnancy")}, r)
		im.pregnancy = &im.summary.Sections.Alerts.Items[len(im.summary.Sections.Alerts.Items)-1]
	}
}

// wish takes an Observation among the advance directives.
func (im *importer) wish(r *resource) bool {
	c := im.concept(r, r.get("code"), "code")
	value, unit := im.value(r)
	d := summary.Directive{Common: im.common(r, "directives", "performer"), Kind: summary.DirectiveAdvance}
	if c != nil {
		d.Text = c.Text
	}
	if value != "" {
		d.Text = join(": ", d.Text, strings.TrimSpace(value+" "+unit))
	}
	d.Date, _ = im.moment(r, "effective")
	d.Text = join("\n", d.Text, im.notes(r, "note"))
	r.skip("category", "issued", "encounter")
	if d.Text == "" {
		im.drop(r, summary.ReasonNoText)
		return false
	}
	im.addDirective(d, r)
	return true
}
