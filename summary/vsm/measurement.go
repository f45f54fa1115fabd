package vsm

import (
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// measured is the kind of a measurement, by LOINC. ok is false for what a summary has no kind for.
func measured(code string) (kind summary.MeasurementKind, ok bool) {
	switch code {
	case "29463-7", "3141-9", "8335-2":
		return summary.MeasureWeight, true
	case "8302-2", "3137-7", "8301-4":
		return summary.MeasureHeight, true
	case "33914-3", "48642-3", "48643-1", "50044-7", "50210-4", "62238-1", "69405-9", "77147-7", "88293-6", "88294-4", "98979-8":
		return summary.MeasureEGFR, true
	case "2160-0", "14682-9", "38483-4":
		return summary.MeasureCreatinine, true
	case "6301-6", "34714-6", "38875-1":
		return summary.MeasureINR, true
	case "4548-4", "59261-8", "17856-6":
		return summary.MeasureHbA1c, true
	case "10230-1", "8806-2", "8808-8", "18043-0":
		return summary.MeasureLVEF, true
	case "11524-6", "34534-8", "8601-7":
		return summary.MeasureECG, true
	case "882-1", "883-9", "10331-7", "34530-6":
		return summary.MeasureBloodGroup, true
	case "2708-6", "59408-5", "20564-1":
		return summary.MeasureSpO2Baseline, true
	}
	return "", false
}

func (im *importer) measurementEntry(e *node) {
	found := observations(e, "observation")
	for _, o := range found {
		im.measurement(o)
	}
	if battery := e.kid("organizer"); battery != nil && len(found) > 0 {
		// The name and the time of a panel, beside those of what was measured.
		for _, n := range []*node{battery.kid("code"), battery.kid("effectiveTime"), battery.kid("author")} {
			if text := im.readable(n); text != "" {
				im.minor(summary.LossDropped, summary.ReasonNoPlace, n, text)
			}
			n.take()
		}
	}
}

func (im *importer) measurement(o *node) {
	code := o.kid("code")
	system := code.peek("codeSystem")
	kind, ok := measured(code.peek("code"))
	if ok = ok && (system == oidLOINC || system == ""); !ok {
		for _, t := range code.all("translation") {
			if k, known := measured(t.peek("code")); known && t.peek("codeSystem") == oidLOINC {
				kind, ok = k, true
			}
		}
	}
	text := im.readable(o)
	drop := func(reason summary.LossReason) {
		im.tell(text)
		im.report(summary.LossDropped, reason, o, text)
		o.take()
	}
	switch value := o.kid("value"); {
	case !ok:
		if text != "" {
			drop(summary.ReasonNoPlace)
		}
		return
	case kind == summary.MeasureSpO2Baseline:
		drop(summary.ReasonNotBaseline)
		return
	case isTrue(o.peek("negationInd")) || slices.Contains([]string{"aborted", "cancelled", "nullified"}, o.kid("statusCode").peek("code")) || planned(o):
		drop(summary.ReasonNotInForce)
		return
	case value == nil || len(value.attrs) == 0 && len(value.kids) == 0:
		drop(summary.ReasonNoValue)
		return
	}
	item(im, &im.measurements, o, func() (summary.Measurement, bool) {
		m := summary.Measurement{Common: im.common(o), Kind: kind}
		value := o.kid("value")
		m.Date, _ = im.interval(o.kid("effectiveTime"))
		if m.Date.IsZero() {
			// The battery of a panel has the time for all of it.
			for up := o.up; up != nil && up.name != "entry" && m.Date.IsZero(); up = up.up {
				if up.name == "organizer" {
					m.Date, _ = im.interval(up.kid("effectiveTime"))
				}
			}
		}
		entry := im.original(o.kid("text"))
		switch typ := value.peek("xsi:type"); {
		case value.peek("value") != "":
			m.Value = summary.Value{Text: value.attr("value"), Number: isNumber(value.peek("value"))}
			if strings.HasSuffix(typ, "PQ") && !m.Value.Number {
				im.report(summary.LossAmbiguous, summary.ReasonWrongType, value, m.Value.Text)
			}
			if m.Unit = value.attr("unit"); m.Unit == "1" {
				m.Unit = ""
			}
		case value.kid("low") != nil || value.kid("high") != nil:
			m.Value.Text = im.quantities(value)
		case strings.HasSuffix(typ, "ST"), strings.HasSuffix(typ, "ED"):
			m.Value.Text = im.original(value)
		default:
			m.Value.Text = im.concept(value, beside{entry: entry}).Text
		}
		im.tell(m.Value.Text, m.Unit)
		switch {
		case blank(m.Value.Text):
			drop(summary.ReasonNoValue)
			return m, false
		case m.Date.IsZero():
			drop(summary.ReasonNoDate)
			return m, false
		}
		if kind == summary.MeasureBloodGroup {
			im.laboratory(&m, o)
			// ABO and Rh may come apart.
			if label := im.label(code); !strings.Contains(fold(m.Value.Text), fold(label)) && code.peek("code") != "882-1" {
				m.Note = label
			}
		} else {
			im.tell(code.peek("displayName"), code.peek("code"), im.original(code.kid("originalText")))
			code.take()
		}
		m.Note = joinNotes(m.Note, im.note("", o, len(im.measurements)))
		return m, true
	})
}

func (im *importer) laboratory(m *summary.Measurement, o *node) {
	for _, path := range [][]string{
		{"performer", "assignedEntity", "representedOrganization", "name"},
		{"author", "assignedAuthor", "representedOrganization", "name"},
	} {
		for up := o; up != nil && up.name != "entry"; up = up.up {
			if n := up.at(path...); m.Laboratory == "" && n != nil {
				m.Laboratory = flat(n)
				n.take()
			}
		}
	}
}

// mostRecent keeps the newest measurement of each kind; of a blood group each part.
func (im *importer) mostRecent() {
	type key struct {
		kind summary.MeasurementKind
		note string
	}
	newest := map[key]int{}
	of := func(d draft[summary.Measurement]) key {
		if d.item.Kind == summary.MeasureBloodGroup {
			return key{d.item.Kind, d.item.Note}
		}
		return key{d.item.Kind, ""}
	}
	for i, d := range im.measurements {
		if j, ok := newest[of(d)]; !ok || d.item.Date.String() > im.measurements[j].item.Date.String() {
			newest[of(d)] = i
		}
	}
	var kept []draft[summary.Measurement]
	for i, d := range im.measurements {
		if newest[of(d)] == i {
			kept = append(kept, d)
			continue
		}
		im.losses = append(im.losses, summary.Loss{
			Kind: summary.LossDropped, Reason: summary.ReasonNotMostRecent, Source: d.source,
			Text: summary.LossText(string(d.item.Kind) + " " + d.item.Value.Text + " " + d.item.Unit + " " + d.item.Date.String()),
		})
	}
	im.measurements = kept
}
