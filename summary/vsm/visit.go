package vsm

import (
	"github.com/secours-card/secours/summary"
)

// visitEntry reads an encounter: its reason is the diagnosis that it names, else what it was.
func (im *importer) visitEntry(e *node) {
	for _, n := range observations(e, "encounter") {
		item(im, &im.visits, n, func() (summary.Visit, bool) {
			v := summary.Visit{Common: im.common(n)}
			entry := im.original(n.kid("text"))
			v.Date, _ = im.interval(n.kid("effectiveTime"))
			for _, r := range n.all("entryRelationship") {
				o := r.kid("observation")
				if o == nil {
					o = r.at("act", "entryRelationship", "observation")
				}
				if o == nil || v.Reason.Text != "" {
					continue
				}
				v.Reason = im.concept(o.kid("value"), beside{entry: im.original(o.kid("text"))})
				if isProblemType(o.kid("code")) {
					o.kid("code").take()
				}
			}
			what := im.concept(n.kid("code"), beside{entry: entry})
			if what.Text == "" {
				what.Text = entry
			}
			if v.Reason.Text == "" {
				v.Reason = what
			} else if fold(what.Text) != fold(v.Reason.Text) {
				v.Note = what.Text
			}
			for _, p := range n.all("participant") {
				name := p.at("participantRole", "playingEntity", "name")
				if v.Place == "" && p.peek("typeCode") == "LOC" && !blank(flat(name)) {
					v.Place = flat(name)
					name.take()
					im.tell(v.Place)
				}
			}
			switch {
			case v.Reason.Text == "":
				return v, false
			case v.Date.IsZero():
				im.report(summary.LossDropped, summary.ReasonNoDate, n, im.readable(n))
				n.take()
				return v, false
			case planned(n):
				im.report(summary.LossDropped, summary.ReasonNotInForce, n, im.readable(n))
				n.take()
				return v, false
			}
			v.Note = im.note(v.Note, n, len(im.visits))
			return v, true
		})
	}
}

// directiveEntry reads an advance directive. By IHE PCC its value says whether what the code names may be done.
func (im *importer) directiveEntry(e *node) {
	for _, o := range observations(e, "observation", "act") {
		item(im, &im.directives, o, func() (summary.Directive, bool) {
			d := summary.Directive{Common: im.common(o), Kind: summary.DirectiveAdvance}
			entry := im.original(o.kid("text"))
			code, value := o.kid("code"), o.kid("value")
			switch code.peek("code") {
			case "116859006":
				d.Subject = summary.SubjectTransfusion
			case "304251008", "439569004", "89666000":
				d.Subject = summary.SubjectResuscitation
			case "52765003":
				d.Subject = summary.SubjectIntubation
			}
			what := im.label(code)
			answer := im.plainValue(value)
			if answer == "" {
				answer = im.label(value)
			}
			if d.Subject != "" {
				switch value.peek("value") {
				case "true", "1":
					d.Position, answer = summary.PositionNotOpposed, ""
				case "false", "0":
					d.Position, answer = summary.PositionOpposed, ""
				}
			}
			switch {
			case what == "":
				what = answer
			case answer != "" && fold(answer) != fold(what):
				what += " : " + answer
			}
			d.Text = cmpOr(what, entry)
			d.Date, _ = im.interval(o.kid("effectiveTime"))
			switch {
			case d.Text == "":
				return d, false
			case denies(d.Text):
				im.report(summary.LossDropped, summary.ReasonNarrative, o, d.Text)
				return d, false
			case isTrue(o.attr("negationInd")):
				im.report(summary.LossDropped, summary.ReasonNotInForce, o, d.Text)
				o.take()
				return d, false
			}
			d.Text = joinNotes(d.Text, im.note("", o, len(im.directives)))
			return d, true
		})
	}
}
