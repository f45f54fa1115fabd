package vsm

import (
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

func (im *importer) problemEntry(s *section, e *node) {
	found := observations(e, "observation")
	for _, o := range found {
		im.problem(s, e, o, summary.ConditionDisease, "")
	}
	for _, p := range observations(e, "procedure") {
		im.procedure(s, p)
	}
	if len(found) == 0 {
		if n := e.at("act", "code"); n != nil && im.absent(s, n) {
			return
		}
		if text := im.entryText(e); text != "" && !denies(text) {
			im.carry(s, e, text, summary.ReasonStructure)
		}
	}
}

// uncoded is the code of CIM-10 that software gives to a diagnosis in words of which it knows no code: "unknown causes of morbidity".
const uncoded = "R69"

// problem reads one problem, of a relative where who is not empty.
func (im *importer) problem(s *section, e, o *node, kind summary.ConditionKind, who string) {
	value, code := o.kid("value"), o.kid("code")
	if im.absent(s, present([]*node{value, code})...) {
		o.take()
		return
	}
	if isTrue(o.peek("negationInd")) && value.peek("code") == "55607006" {
		im.conclude(s, value, verdict{kind: s.kind, none: true})
		o.take()
		return
	}
	item(im, &im.history, o, func() (summary.Condition, bool) {
		c := summary.Condition{Common: im.common(o), Kind: kind}
		entry := cmpOr(im.original(o.kid("text")), im.lonely(e, o))
		b := beside{entry: entry}
		if value.peek("code") == uncoded {
			b.name = entry
		}
		c.Condition = im.concept(value, b)
		switch {
		case c.Condition.Text == "" && entry != "":
			c.Condition.Text = entry
		case c.Condition.Text == "" && value.peek("value") != "":
			c.Condition.Text = strings.TrimSpace(value.attr("value") + " " + value.attr("unit"))
		case c.Condition.Text == "" && value != nil && !blank(flat(value)):
			c.Condition.Text = flat(value)
			value.take()
		case c.Condition.Text == "" && kind == summary.ConditionFamily || c.Condition.Text == "" && value == nil && !isProblemType(code):
			c.Condition = im.concept(code, beside{})
		}
		switch {
		case c.Condition.Text == "":
			return c, false
		case denies(c.Condition.Text) && len(c.Condition.Codes) == 0:
			im.report(summary.LossDropped, summary.ReasonNarrative, o, c.Condition.Text)
			return c, false
		}
		if isProblemType(code) || code.kid("originalText") == nil && code.peek("displayName") == "" {
			im.tell(code.peek("displayName"))
			code.take()
		}
		c.Onset, c.End = im.interval(o.kid("effectiveTime"))
		if !im.conditionDetails(&c, o) {
			im.report(summary.LossDropped, summary.ReasonEnteredInError, o, c.Condition.Text)
			o.take()
			return c, false
		}
		if isTrue(o.attr("negationInd")) {
			c.Certainty = summary.CertaintyRefuted
		}
		im.concernStatus(e, o, func(status string) {
			if c.Status == "" && c.Certainty != summary.CertaintyRefuted {
				c.Status = summary.ConditionStatus(status)
			}
		})
		im.tell(who)
		c.Note = im.note(joinNotes(who, c.Note), o, len(im.history))
		return c, true
	})
}

// lonely returns the text of the concern where it is about this problem alone.
func (im *importer) lonely(e, o *node) string {
	for up := o.up; up != nil && up != e; up = up.up {
		if up.nth > 0 {
			return ""
		}
		if up.name == "act" || up.name == "organizer" {
			return im.original(up.kid("text"))
		}
	}
	return ""
}

// isProblemType says whether a code says of what kind a problem is: diagnosis, symptom, finding. That is no diagnosis.
func isProblemType(n *node) bool {
	switch n.peek("codeSystem") + " " + n.peek("code") {
	case "1.2.250.1.213.2.12 G-1009", oidSNOMED + " 282291009", oidSNOMED + " 64572001", oidSNOMED + " 418799008",
		oidSNOMED + " 404684003", oidSNOMED + " 409586006", oidSNOMED + " 55607006", oidSNOMED + " 248536006",
		oidSNOMED + " 373930000", oidSNOMED + " 439401001", oidLOINC + " 29308-4", oidLOINC + " 75323-6", oidLOINC + " 75326-9",
		oidLOINC + " 75325-1":
		return true
	}
	return n == nil || n.peek("code") == "" || n.peek("code") == "ASSERTION"
}

// conditionDetails reads status, certainty and laterality. It is false for what its author withdrew.
func (im *importer) conditionDetails(c *summary.Condition, o *node) bool {
	valid := true
	for _, r := range o.all("entryRelationship") {
		sub := r.kid("observation")
		v := sub.kid("value")
		switch sub.kid("code").peek("code") {
		case "33999-4":
			sub.kid("code").take()
			switch code := v.attr("code"); code {
			case "active", "recurrence", "relapse", "inactive", "remission", "resolved":
				c.Status = summary.ConditionStatus(code)
			case "55561003":
				c.Status = summary.HistoryActive
			case "73425007":
				c.Status = summary.HistoryInactive
			case "413322009":
				c.Status = summary.HistoryResolved
			default:
				im.unknown(v)
			}
			im.understood(v)
		case "66455-7":
			sub.kid("code").take()
			switch code := v.attr("code"); code {
			case "confirmed", "unconfirmed", "provisional", "differential", "refuted":
				c.Certainty = summary.Certainty(code)
			case "entered-in-error":
				valid = false
			default:
				im.unknown(v)
			}
			im.understood(v)
		}
	}
	site := o.kid("targetSiteCode")
	for _, q := range append(site.all("qualifier"), o.kid("value").all("qualifier")...) {
		// 272741003 is SNOMED CT's name for laterality; 20228-3 is LOINC's, which IHE has.
		if name := q.kid("name").peek("code"); (name == "272741003" || name == "20228-3") && c.Laterality == "" {
			q.kid("name").take()
			c.Laterality = im.label(q.kid("value"))
		}
	}
	if s := im.label(site); s != "" {
		c.Note = joinNotes(c.Note, "Localisation : "+s)
	}
	return valid
}

func (im *importer) procedureEntry(s *section, e *node) {
	found := observations(e, "procedure")
	if len(found) == 0 {
		found = observations(e, "observation")
	}
	if len(found) == 0 {
		if act := e.kid("act"); act != nil {
			found = []*node{act}
		}
	}
	for _, p := range found {
		im.procedure(s, p)
	}
}

func (im *importer) procedure(s *section, p *node) {
	code := p.kid("code")
	if im.absent(s, present([]*node{code, p.kid("value")})...) {
		p.take()
		return
	}
	item(im, &im.history, p, func() (summary.Condition, bool) {
		c := summary.Condition{Common: im.common(p), Kind: summary.ConditionProcedure}
		entry := im.original(p.kid("text"))
		c.Condition = im.concept(code, beside{entry: entry})
		if c.Condition.Text == "" {
			c.Condition.Text = entry
		}
		c.Onset, c.End = im.interval(p.kid("effectiveTime"))
		if c.End == c.Onset {
			c.End = summary.Date{}
		}
		status := p.kid("statusCode").attr("code")
		switch {
		case c.Condition.Text == "":
			return c, false
		case denies(c.Condition.Text) && len(c.Condition.Codes) == 0:
			im.report(summary.LossDropped, summary.ReasonNarrative, p, c.Condition.Text)
			return c, false
		case isTrue(p.attr("negationInd")), status == "cancelled", status == "aborted", status == "nullified", planned(p):
			im.report(summary.LossDropped, summary.ReasonNotInForce, p, c.Condition.Text)
			p.take()
			return c, false
		}
		im.conditionDetails(&c, p)
		c.Note = im.note(c.Note, p, len(im.history))
		return c, true
	})
}

// planned says whether something is intended or asked for and did not take place.
func planned(n *node) bool {
	return slices.Contains([]string{"INT", "RQO", "PRP", "PRMS", "APT", "ARQ"}, n.peek("moodCode"))
}

// familyEntry reads what relatives have: who it is stands in the note.
func (im *importer) familyEntry(e *node) {
	for _, o := range observations(e, "observation") {
		var subject *node
		for up := o; up != nil && up != e && subject == nil; up = up.up {
			subject = up.at("subject", "relatedSubject")
		}
		code := subject.kid("code")
		who := cmpOr(im.original(code.kid("originalText")), code.peek("displayName"), code.peek("code"))
		before := len(im.history)
		im.problem(im.here, e, o, summary.ConditionFamily, who)
		if len(im.history) > before {
			code.take()
		}
	}
}
