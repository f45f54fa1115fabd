package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
)

// What others have said since the last summary enters a new one as its author says: kept under their own name, marked as not reviewed;
// accepted, and then the author's own; or discarded, by name. Nothing goes without a word: practice software that does not know of an
// amendment must not lose an allergy that an emergency department added.

// carryOptions are --amendments and --discard.
type carryOptions struct {
	amendments string
	discard    []string
}

// carried says what became of something that was not the author's.
type carried struct {
	// ID is that of the item. Amendment is that which said it, "" for an item that an earlier summary kept.
	ID        string            `json:"id,omitempty"`
	Amendment string            `json:"amendment,omitempty"`
	Section   string            `json:"section,omitempty"`
	Operation summary.Operation `json:"operation,omitempty"`
	By        string            `json:"by,omitempty"`
	Role      string            `json:"role,omitempty"`
	// Outcome is kept, accepted, discarded, or in-summary where the summary written says the same item itself.
	Outcome string `json:"outcome"`
}

const (
	carriedKept      = "kept"
	carriedAccepted  = "accepted"
	carriedDiscarded = "discarded"
	carriedInSummary = "in-summary"
)

// carrying is the work of bringing over what others said.
type carrying struct {
	from, to *summary.Summary
	accept   func(ids ...string) bool
	discard  func(ids ...string) bool
	list     []carried
}

// carry brings what others said since into the new summary, and says what it did.
func (a *app) carry(previous *record.Record, s *summary.Summary, o carryOptions) ([]carried, error) {
	if previous == nil || previous.Summary == nil {
		return nil, a.unknownAmendments(nil, o)
	}
	accepted := selection(o.amendments)
	c := &carrying{from: previous.Summary, to: s, discard: oneOf(o.discard)}
	switch o.amendments {
	case "keep":
		c.accept = oneOf(nil)
	case "accept":
		c.accept = func(...string) bool { return true }
	default:
		c.accept = oneOf(accepted)
	}
	known := map[string]bool{}
	amendmentOf := map[string]string{}
	for i := range previous.Amendments {
		m := &previous.Amendments[i]
		known[m.ID] = true
		for _, id := range m.Added {
			amendmentOf[id] = m.ID
		}
		for _, e := range operationsOf(m) {
			known[e.ID] = true
		}
	}
	c.from.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			if common := section.Common(i); common.Unreviewed == summary.Yes {
				known[common.ID] = true
			}
		}
	})
	for _, id := range append(slices.Clone(accepted), o.discard...) {
		if !known[id] {
			return nil, a.unknownAmendments(known, o)
		}
	}
	for i := range previous.Amendments {
		if m := &previous.Amendments[i]; m.State != record.AmendmentApplied || len(m.Missing) > 0 {
			if !c.discard(m.ID) && !(m.State == record.AmendmentApplied && c.accept(m.ID)) {
				return nil, a.undecided(m)
			}
			c.list = append(c.list, carried{Amendment: m.ID, Outcome: carriedDiscarded})
		}
	}
	s.AssignIDs()
	var order []string
	c.from.Sections.Each(func(_ string, section summary.AnySection) {
		for i := range section.Len() {
			if common := section.Common(i); common.Unreviewed == summary.Yes {
				order = append(order, common.ID)
			}
		}
	})
	for _, id := range order {
		c.item(id, amendmentOf[id])
	}
	for i := range previous.Amendments {
		if m := &previous.Amendments[i]; m.State == record.AmendmentApplied {
			for _, e := range operationsOf(m) {
				c.operation(m, e)
			}
		}
	}
	return c.list, nil
}

// item brings over an item that nobody reviewed.
func (c *carrying) item(id, amendment string) {
	section, _, common := itemByID(c.from, id)
	done := carried{ID: id, Amendment: amendment, Section: section, Operation: summary.OpAdd, By: common.By.Name, Role: common.By.Role}
	switch _, _, there := itemByID(c.to, id); {
	case c.discard(id, amendment):
		done.Outcome = carriedDiscarded
	case there != nil:
		done.Outcome = carriedInSummary
		if c.accept(id, amendment) {
			there.Unreviewed = summary.Unsaid
		}
	default:
		done.Outcome = carriedKept
		c.to.Carry(c.from, []string{id})
		if c.accept(id, amendment) {
			done.Outcome = carriedAccepted
			_, _, there := itemByID(c.to, id)
			there.Unreviewed, there.By = summary.Unsaid, summary.Author{}
		}
	}
	c.list = append(c.list, done)
}

// operation brings over what was said about an item.
func (c *carrying) operation(m *record.Amendment, e summary.Change) {
	by := record.AuthorOf(m.Signer)
	done := carried{ID: e.ID, Amendment: m.ID, Section: e.Section, Operation: e.Operation, By: by.Name, Role: by.Role}
	defer func() { c.list = append(c.list, done) }()
	if c.discard(e.ID, m.ID) {
		done.Outcome = carriedDiscarded
		return
	}
	accepted := c.accept(e.ID, m.ID)
	done.Outcome = carriedKept
	if accepted {
		done.Outcome = carriedAccepted
	}
	_, item, common := itemByID(c.to, e.ID)
	if common == nil {
		if accepted {
			return // the author knows of it, and wrote a summary without the item
		}
		// An item that the author no longer has, or has under another id: as it stood, with what was said of it.
		c.to.Carry(c.from, []string{e.ID})
		if _, item, common = itemByID(c.to, e.ID); common == nil {
			return
		}
		common.Unreviewed = summary.Yes
	}
	line, _ := item.(*summary.Medication)
	switch {
	case e.Operation == summary.OpStop && line != nil:
		if line.Status == summary.MedicationStopped && line.End == e.End {
			done.Outcome = carriedInSummary
			return
		}
		line.Status, line.End, line.StopReason = summary.MedicationStopped, e.End, e.Text
	case e.Operation == summary.OpTaken && line != nil:
		line.Taken = e.Taken
	case e.Operation == summary.OpDispensed && line != nil:
		line.Dispensed = e.Dispensed
	case accepted:
		return
	}
	if accepted {
		return
	}
	remark := summary.Remark{Text: remarkText(e), By: by, On: e.On}
	if remark.Text != "" && len(common.Remarks) < summary.MaxRemarks && !slices.ContainsFunc(common.Remarks, func(r summary.Remark) bool {
		return r.Text == remark.Text && r.On == remark.On && r.By.Name == remark.By.Name
	}) {
		common.Remarks = append(common.Remarks, remark)
	}
}

// remarkText is how an operation stands under an item that a later summary kept: in the language of the card, which is French.
func remarkText(e summary.Change) string {
	switch e.Operation {
	case summary.OpAnnotate:
		return e.Text
	case summary.OpStop:
		return strings.TrimSuffix("arrêté le "+e.End.String()+" : "+e.Text, " : ")
	case summary.OpRetract:
		return strings.TrimSuffix("retiré par son auteur : "+e.Text, " : ")
	case summary.OpTaken:
		return "prise réelle notée"
	case summary.OpDispensed:
		return "délivrance notée"
	}
	return ""
}

// operationsOf is what an amendment says about items, with their dates.
func operationsOf(m *record.Amendment) []summary.Change {
	if m.Content == nil {
		return nil
	}
	on := dateOf(m.Time)
	dated := func(t summary.Target) summary.Change {
		c := summary.Change{ID: t.ID, On: t.Recorded}
		if c.On.IsZero() {
			c.On = on
		}
		return c
	}
	var list []summary.Change
	for _, op := range m.Content.Stop {
		c := dated(op.Target)
		c.Operation, c.End, c.Text = summary.OpStop, op.Date, op.Reason
		list = append(list, c)
	}
	for _, op := range m.Content.Annotate {
		c := dated(op.Target)
		c.Operation, c.Text = summary.OpAnnotate, op.Note
		list = append(list, c)
	}
	for _, op := range m.Content.Taken {
		c := dated(op.Target)
		c.Operation, c.Taken = summary.OpTaken, &op.Taken
		list = append(list, c)
	}
	for _, op := range m.Content.Dispensed {
		c := dated(op.Target)
		c.Operation, c.Dispensed = summary.OpDispensed, &op.Dispensed
		list = append(list, c)
	}
	for _, op := range m.Content.Retract {
		c := dated(op.Target)
		c.Operation, c.Text = summary.OpRetract, op.Reason
		list = append(list, c)
	}
	return list
}

func dateOf(t time.Time) summary.Date {
	d, _ := summary.ParseDate(t.UTC().Format(time.DateOnly)) // always a date
	return d
}

// itemByID returns the item with an id, nil where there is none.
func itemByID(s *summary.Summary, id string) (name string, item any, common *summary.Common) {
	s.Sections.Each(func(n string, section summary.AnySection) {
		for i := range section.Len() {
			if c := section.Common(i); c.ID == id && common == nil {
				name, item, common = n, section.Item(i), c
			}
		}
	})
	return name, item, common
}

// selection is the ids of --amendments, none for its two words.
func selection(option string) []string {
	if option == "keep" || option == "accept" {
		return nil
	}
	return strings.Split(option, ",")
}

func oneOf(list []string) func(ids ...string) bool {
	return func(ids ...string) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return id != "" && slices.Contains(list, id) })
	}
}

// unknownAmendments refuses ids of --amendments and --discard that are nobody's.
func (a *app) unknownAmendments(known map[string]bool, o carryOptions) error {
	for _, id := range append(selection(o.amendments), o.discard...) {
		if !known[id] {
			return &failure{
				code: exitGeneral, name: "unknown-amendment",
				message: fmt.Sprintf(a.lang.s(
					"la carte n'a ni ajout ni élément non revu de ce nom : %s ; rien n'a été écrit",
					"the card has neither an amendment nor an unreviewed item of that name: %s; nothing was written",
				), oneLine(id)),
				hint: a.lang.s("« secours read » les montre", "\"secours read\" shows them"),
			}
		}
	}
	return nil
}

// undecided refuses to write over what is on the card and not in its summary.
func (a *app) undecided(m *record.Amendment) error {
	return &failure{
		code: exitUnverifiable, name: "amendment-apart",
		message: fmt.Sprintf(a.lang.s(
			"un ajout de la carte n'a pas pu être intégré (%s : %s) ; une nouvelle synthèse le perdrait ; rien n'a été écrit",
			"an amendment on the card could not be applied (%s: %s); a new summary would lose it; nothing was written",
		), m.ID, a.reason(m.Verdict.Reason)),
		hint: fmt.Sprintf(a.lang.s(
			"lisez-le (« secours read »), reprenez ce qui est vrai dans la synthèse, puis --discard %s",
			"read it (\"secours read\"), put what is true into the summary, then --discard %s",
		), m.ID),
	}
}
