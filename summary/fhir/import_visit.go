package fhir

import (
	"cmp"

	"github.com/secours-card/secours/summary"
)

// encounter takes a consultation or stay.
func (im *importer) encounter(r *resource) bool {
	switch im.code(r, "status") {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "cancelled", "planned":
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	v := summary.Visit{Common: im.common(r, "visits")}
	var notes []string
	if p := cmp.Or(r.get("period"), r.get("actualPeriod")); p != nil {
		var end summary.Date
		v.Date, end = im.period(r, p, "period")
		if v.Date.IsZero() {
			v.Date = end
		} else if !end.IsZero() && end != v.Date {
			notes = append(notes, im.word("jusqu'au ", "until ")+end.String())
		}
	}
	var reasons []summary.Concept
	read := func(n *node, element string) {
		if c := im.concept(r, n, element); c != nil {
			reasons = append(reasons, *c)
		}
	}
	for _, n := range r.get("reasonCode").list() {
		read(n, "reasonCode")
	}
	for _, ref := range r.each("reasonReference") {
		ref.readAll()
		if to, _ := im.find(r, ref.peek("reference").str()); to != nil {
			read(clone(to.peek("code")), "reasonReference")
		} else if display := ref.peek("display").str(); display != "" {
			reasons = append(reasons, summary.Concept{Text: display})
		}
	}
	for _, n := range r.each("diagnosis") {
		ref := n.get("condition")
		n.readAll()
		to, _ := im.find(r, ref.peek("reference").str())
		var c *summary.Concept
		if to != nil {
			c = im.concept(r, clone(to.peek("code")), "diagnosis")
		} else if display := ref.peek("display").str(); display != "" {
			c = &summary.Concept{Text: display}
		}
		if c != nil && v.Conclusion == nil {
			v.Conclusion = c
		} else if c != nil {
			notes = append(notes, c.Text)
		}
	}
	for _, name := range []string{"type", "serviceType", "class"} {
		for _, n := range r.get(name).list() {
			if name == "class" && len(reasons) > 0 {
				n.readAll() // as "EMER": why somebody came says more
				continue
			}
			if n.peek("coding") == nil && n.peek("code") != nil { // a Coding
				n = &node{kind: kindObject, names: []string{"coding"}, kids: []*node{n}}
			}
			c := im.concept(r, n, name)
			switch {
			case c == nil:
			case len(reasons) == 0:
				reasons = append(reasons, *c)
			default:
				notes = append(notes, c.Text)
			}
		}
	}
	for i, c := range reasons {
		if i == 0 {
			v.Reason = c
		} else {
			notes = append(notes, c.Text)
		}
	}
	for _, n := range r.each("location") {
		ref := n.get("location")
		n.readAll()
		if to := im.resolve(r, ref.peek("reference").str()); to != nil {
			v.Place = cmp.Or(v.Place, to.peek("name").str())
		}
		v.Place = cmp.Or(v.Place, ref.peek("display").str())
	}
	if ref := r.get("serviceProvider"); ref != nil {
		a := im.author(r, ref)
		v.Place = cmp.Or(v.Place, a.Org, a.Name)
	}
	v.Note = join("\n", append([]string{im.ownText(r)}, notes...)...)
	r.skip("participant", "length", "statusHistory", "classHistory", "priority", "episodeOfCare", "basedOn", "appointment", "account", "partOf")
	if v.Date.IsZero() || v.Reason.Text == "" {
		reason := summary.ReasonNoDate
		if !v.Date.IsZero() {
			reason = summary.ReasonNoText
		}
		im.drop(r, reason)
		return false
	}
	s := &im.summary.Sections
	if s.Visits == nil {
		s.Visits = &summary.Section[summary.Visit]{}
	}
	s.Visits.Items = append(s.Visits.Items, v)
	im.sources["visits"] = append(im.sources["visits"], r.label)
	return true
}
