package vsm

import (
	"strings"

	"github.com/secours-card/secours/summary"
)

// share finds the rows that several statements refer to: what else such a row says is of none of them in particular.
func (im *importer) share() {
	owner := map[*node]*node{}
	var walk func(n, statement *node)
	walk = func(n, statement *node) {
		switch n.name {
		case "entry":
			statement = nil
		case "observation", "substanceAdministration", "procedure", "supply", "encounter":
			if statement == nil {
				statement = n
			}
		case "reference":
			if target := im.ids.find(sectionOf(n), n.peek("value")); target != nil && statement != nil {
				r := row(target)
				if o := owner[r]; o != nil && o != statement {
					im.shared[r] = true
				}
				owner[r] = statement
			}
		}
		for _, k := range n.kids {
			walk(k, statement)
		}
	}
	walk(im.root, nil)
}

// A remark is what the narrative says beside an entry, with the head of its column where it is a cell of a table.
type remark struct{ head, text string }

func (r remark) String() string {
	if r.head == "" {
		return r.text
	}
	return strings.TrimRight(r.head, " :") + " : " + r.text
}

// remarks returns what the narrative of a statement says that was not taken from anywhere else: a VSM has the dosage in a cell that
// only the row connects with the drug. Columns that wanted takes are returned whatever they say. Rank is the place of the item; what
// is beyond the end of the list is not looked at.
func (im *importer) remarks(o *node, rank int, wanted func(head string) bool) []remark {
	if rank >= maxItems {
		return nil
	}
	var found []remark
	done := map[*node]bool{}
	see := func(t *node) {
		value := t.kid("reference").peek("value")
		if strings.Trim(value, "# ") == "" {
			return
		}
		target := im.ids.find(sectionOf(t), value)
		if target == nil {
			return
		}
		if r := row(target); !im.shared[r] {
			target = r
		}
		if done[target] {
			return
		}
		done[target] = true
		if target.name != "tr" {
			if s := flat(target); says(s, im.seen) {
				found = append(found, remark{text: s})
			}
			return
		}
		heads, texts := cells(target)
		for i, s := range texts {
			if says(s, im.seen) || !blank(s) && wanted(heads[i]) {
				found = append(found, remark{heads[i], s})
			}
		}
	}
	for up := o; up != nil && up.name != "entry"; up = up.up {
		if up == o || up.name == "act" {
			see(up.kid("text"))
		}
	}
	see(o.at("value", "originalText"))
	see(o.at("code", "originalText"))
	see(o.at("consumable", "manufacturedProduct", "manufacturedMaterial", "code", "originalText"))
	see(o.at("participant", "participantRole", "playingEntity", "code", "originalText"))
	for _, r := range found {
		im.tell(r.text)
	}
	return found
}

// note joins what is said of an item beyond its fields: comments, and what only the narrative says.
func (im *importer) note(current string, o *node, rank int) string {
	parts := []string{current}
	for _, r := range o.all("entryRelationship") {
		a := r.kid("act")
		switch a.kid("code").peek("code") {
		case "48767-8", // comment
			"PINSTRUCT", "FINSTRUCT": // instructions to the patient, to who dispenses
			if s := im.original(a.kid("text")); s != "" {
				im.tell(s)
				parts = append(parts, s)
				a.kid("code").take()
			}
		}
	}
	for _, r := range im.remarks(o, rank, func(string) bool { return false }) {
		im.report(summary.LossAmbiguous, summary.ReasonNarrative, o, r.String())
		parts = append(parts, r.String())
	}
	return joinNotes(parts...)
}

func joinNotes(parts ...string) string {
	var kept []string
	for _, s := range parts {
		if !blank(s) {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, "\n")
}

// concernStatus reads the status of the concern around a statement: active, inactive or resolved. A concern that is completed is
// closed, which is "resolved" where it has an end.
func (im *importer) concernStatus(e, o *node, set func(string)) {
	act := o
	for act != nil && act != e && act.name != "act" {
		act = act.up
	}
	if act == nil || act == e {
		return
	}
	act.kid("code").take()
	when := act.kid("effectiveTime")
	ended := im.past(when.kid("high").peek("value")) || im.past(o.at("effectiveTime", "high").peek("value"))
	if when.kid("low").peek("value") == cmpOr(o.at("effectiveTime", "low").peek("value"), o.kid("effectiveTime").peek("value")) {
		when.kid("low").take()
	}
	if when.kid("high").peek("value") == o.at("effectiveTime", "high").peek("value") {
		when.kid("high").take()
	}
	switch status := act.kid("statusCode").attr("code"); {
	case status == "active":
		set("active")
	case status == "suspended", status == "aborted":
		set("inactive")
	case status == "completed" && ended:
		set("resolved")
	case status == "completed":
		im.report(summary.LossDropped, summary.ReasonNotInForce, act.kid("statusCode"), "concern completed")
	case status != "":
		im.report(summary.LossDropped, summary.ReasonUnknownCode, act.kid("statusCode"), status)
	}
}
