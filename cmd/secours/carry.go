package main

import (
	"cmp"
	"fmt"
	"reflect"
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
	// dropUnreadable is that of write: it names what is given up, and why, for all that could not be read.
	dropUnreadable bool
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
	// author is who signed the previous summary.
	author  summary.Author
	accept  func(ids ...string) bool
	discard func(ids ...string) bool
	list    []carried
	// gone are the items that were discarded: what is said of them goes with them.
	gone map[string]bool
	// full are the items that cannot hold another remark.
	full []string
	// names are the new ids of items whose id the new summary gives to something else, and was the other way round.
	names, was map[string]string
}

// rename gives another id to what has one that stands for something else in the new summary. What others said is about a thing, not about
// an id: a stop of one drug must not fall upon another, nor an allergy make way for one that was given its number.
func (c *carrying) rename() {
	c.names, c.was = map[string]string{}, map[string]string{}
	taken := func(id string) bool {
		_, _, here := c.to.Find(id)
		_, _, there := c.from.Find(id)
		return here != nil || there != nil
	}
	c.from.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			common := section.Common(i)
			other, item, there := c.to.Find(common.ID)
			if there == nil || other == name && sameThing(section.Item(i), item) {
				continue
			}
			id := ""
			for n := 2; id == "" || taken(id); n++ {
				suffix := fmt.Sprintf("-%d", n)
				id = common.ID[:min(len(common.ID), 16-len(suffix))] + suffix
			}
			c.names[common.ID], c.was[id] = id, common.ID
			common.ID = id
		}
	})
}

// name is the id under which an item of the previous summary goes now.
func (c *carrying) name(id string) string {
	if n, ok := c.names[id]; ok {
		return n
	}
	return id
}

// carry brings what others said since into the new summary, and says what it did. Was holds the ids that items of the previous summary had
// before they got another.
func (a *app) carry(previous *record.Record, s *summary.Summary, o carryOptions) (list []carried, was map[string]string, err error) {
	if previous == nil || previous.Summary == nil {
		return nil, nil, a.unknownAmendments(nil, o)
	}
	accepted := selection(o.amendments)
	c := &carrying{from: previous.Summary, to: s, discard: oneOf(o.discard), gone: map[string]bool{}}
	if previous.Signer != nil {
		c.author = record.AuthorOf(previous.Signer)
	}
	switch o.amendments {
	case "keep":
		c.accept = oneOf(nil)
	case "accept":
		c.accept = func(...string) bool { return true }
	default:
		c.accept = oneOf(accepted)
	}
	s.AssignIDs()
	c.rename()
	known := map[string]bool{}
	amendmentOf := map[string]string{}
	for i := range previous.Amendments {
		m := &previous.Amendments[i]
		known[m.ID] = true
		for _, id := range m.Added {
			amendmentOf[c.name(id)] = m.ID
		}
		for _, e := range operationsOf(m) {
			known[e.ID] = true
		}
	}
	order := pending(c.from)
	for _, id := range order {
		known[id], known[c.was[id]] = true, true
	}
	for _, id := range append(slices.Clone(accepted), o.discard...) {
		if !known[id] {
			return nil, nil, a.unknownAmendments(known, o)
		}
	}
	for i := range previous.Amendments {
		if m := &previous.Amendments[i]; m.State != record.AmendmentApplied || len(m.Missing) > 0 {
			dropped := m.State == record.AmendmentUnreadable && o.dropUnreadable
			if !dropped && !c.discard(m.ID) && !(m.State == record.AmendmentApplied && c.accept(m.ID)) {
				return nil, nil, a.undecided(m)
			}
			c.list = append(c.list, carried{Amendment: m.ID, Outcome: carriedDiscarded})
		}
	}
	for _, id := range order {
		amendment := amendmentOf[id]
		// Whoever wrote the record on the card would put words into other people's mouths, and this author would sign them.
		if amendment == "" && !previous.Verdict.Good() && !c.accept(id, c.was[id]) && !c.discard(id, c.was[id]) {
			return nil, nil, a.unvouched(id, previous.Verdict.Reason)
		}
		c.item(id, amendment)
	}
	for i := range previous.Amendments {
		if m := &previous.Amendments[i]; m.State == record.AmendmentApplied {
			for _, e := range operationsOf(m) {
				e.ID = c.name(e.ID)
				c.operation(m, e)
			}
		}
	}
	if len(c.full) > 0 {
		return nil, nil, a.fullOfRemarks(c.full[0])
	}
	return c.list, c.was, nil
}

// pending are the items of a summary that nobody reviewed, or of which nobody reviewed what others said.
func pending(s *summary.Summary) []string {
	var ids []string
	s.Sections.Each(func(_ string, section summary.AnySection) {
		for i := range section.Len() {
			if c := section.Common(i); c.Unreviewed == summary.Yes || len(c.Remarks) > 0 {
				ids = append(ids, c.ID)
			}
		}
	})
	return ids
}

// item brings over an item that nobody reviewed, or what others said of one.
func (c *carrying) item(id, amendment string) {
	section, was, common := c.from.Find(id)
	done := carried{ID: id, Amendment: amendment, Section: section, Operation: summary.OpAdd, By: common.By.Name, Role: common.By.Role}
	if common.Unreviewed != summary.Yes {
		done.Operation, done.By, done.Role = summary.OpAnnotate, common.Remarks[0].By.Name, common.Remarks[0].By.Role
	}
	switch _, item, there := c.to.Find(id); {
	case c.discard(id, c.was[id], amendment):
		done.Outcome = carriedDiscarded
		c.gone[id] = there == nil
	case there != nil:
		done.Outcome = carriedInSummary
		accepted := c.accept(id, c.was[id], amendment)
		if c.remarks(was, common, item, there, accepted) {
			done.Outcome = carriedKept
			if accepted {
				done.Outcome = carriedAccepted
			}
		}
		if accepted {
			there.Unreviewed, there.Remarks = summary.Unsaid, nil
		}
	case common.Unreviewed != summary.Yes && c.accept(id, c.was[id]):
		return // the author knows of it, and wrote a summary without the item
	default:
		done.Outcome = carriedKept
		c.to.Carry(c.from, []string{id})
		_, _, there := c.to.Find(id)
		if c.accept(id, c.was[id], amendment) {
			done.Outcome = carriedAccepted
			there.Unreviewed, there.By, there.Remarks = summary.Unsaid, summary.Author{}, nil
		} else {
			c.unreviewed(there)
		}
	}
	c.list = append(c.list, done)
}

// unreviewed marks an item that stands in the new summary for what others said, and not because its author wrote it.
func (c *carrying) unreviewed(there *summary.Common) {
	there.Unreviewed = summary.Yes
	if reflect.DeepEqual(there.By, summary.Author{}) {
		there.By = c.author
	}
}

// remarks brings what others said of an item to the same item of the new summary, which does not know of it: the text that says so, and
// on a line of treatment what it was about. It reports whether there was anything.
func (c *carrying) remarks(was any, common *summary.Common, item any, there *summary.Common, accepted bool) bool {
	brought := false
	from, _ := was.(*summary.Medication)
	to, _ := item.(*summary.Medication)
	for _, remark := range common.Remarks {
		if hasRemark(there, remark) {
			continue
		}
		brought = true
		if from != nil && to != nil {
			switch {
			case strings.HasPrefix(remark.Text, stoppedRemark) && from.Status == summary.MedicationStopped:
				to.Status, to.End, to.StopReason = from.Status, from.End, from.StopReason
			case strings.HasPrefix(remark.Text, takenRemark):
				to.Taken = from.Taken
			case remark.Text == dispensedRemark:
				to.Dispensed = from.Dispensed
			}
		}
		if !accepted {
			c.remark(there, remark)
		}
	}
	return brought
}

func hasRemark(common *summary.Common, r summary.Remark) bool {
	return slices.ContainsFunc(common.Remarks, func(o summary.Remark) bool {
		return o.Text == r.Text && o.On == r.On && o.By.Name == r.By.Name
	})
}

// remark adds a remark to an item that does not have it yet.
func (c *carrying) remark(common *summary.Common, r summary.Remark) {
	switch {
	case r.Text == "", hasRemark(common, r):
	case len(common.Remarks) >= summary.MaxRemarks:
		c.full = append(c.full, common.ID)
	default:
		common.Remarks = append(common.Remarks, r)
	}
}

// operation brings over what was said about an item.
func (c *carrying) operation(m *record.Amendment, e summary.Change) {
	by := record.AuthorOf(m.Signer)
	done := carried{ID: e.ID, Amendment: m.ID, Section: e.Section, Operation: e.Operation, By: by.Name, Role: by.Role}
	defer func() { c.list = append(c.list, done) }()
	if c.discard(e.ID, c.was[e.ID], m.ID) || c.gone[e.ID] {
		done.Outcome = carriedDiscarded
		return
	}
	accepted := c.accept(e.ID, c.was[e.ID], m.ID)
	done.Outcome = carriedKept
	if accepted {
		done.Outcome = carriedAccepted
	}
	_, item, common := c.to.Find(e.ID)
	there := common != nil
	if !there {
		if accepted {
			return // the author knows of it, and wrote a summary without the item
		}
		// An item that the author no longer has, or has under another id: as it stood, with what was said of it.
		c.to.Carry(c.from, []string{e.ID})
		if _, item, common = c.to.Find(e.ID); common == nil {
			return
		}
		c.unreviewed(common)
	}
	line, _ := item.(*summary.Medication)
	switch {
	case e.Operation == summary.OpStop && line != nil:
		stopped := line.Status == summary.MedicationStopped
		if there && stopped && line.End == e.End {
			done.Outcome = carriedInSummary
			return
		}
		if !stopped { // else the author has a day and a reason of his own
			line.Status, line.End, line.StopReason = summary.MedicationStopped, e.End, e.Text
		}
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
	c.remark(common, summary.Remark{Text: remarkText(e), By: by, On: e.On})
}

// The remarks that stand for operations on a line of treatment. A later summary knows them by these texts.
const (
	stoppedRemark   = "arrêté le "
	takenRemark     = "prise réelle notée"
	dispensedRemark = "délivrance notée"
)

// remarkText is how an operation stands under an item that a later summary kept: in the language of the card, which is French.
func remarkText(e summary.Change) string {
	switch e.Operation {
	case summary.OpAnnotate:
		return e.Text
	case summary.OpStop:
		return strings.TrimSuffix(stoppedRemark+cmp.Or(e.End, e.On).String()+" : "+e.Text, " : ")
	case summary.OpRetract:
		return strings.TrimSuffix("retiré par son auteur : "+e.Text, " : ")
	case summary.OpTaken:
		text := takenRemark + " : " + e.Taken.Value
		if !e.Taken.LastTaken.IsZero() {
			text += ", dernière prise " + e.Taken.LastTaken.String()
		}
		return text
	case summary.OpDispensed:
		return dispensedRemark
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
				hint: a.lang.s("« secours read --json » les montre", "\"secours read --json\" shows them"),
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

// unvouched refuses to sign what a record that is not verified says in other people's names.
func (a *app) unvouched(id string, reason record.Reason) error {
	return &failure{
		code: exitUnverifiable, name: "unverified-item",
		message: fmt.Sprintf(a.lang.s(
			"la synthèse de la carte n'est pas vérifiée (%s), et attribue à d'autres un élément non revu (%s) ; rien n'a été écrit",
			"the summary on the card is not verified (%s), and says in somebody else's name an item that nobody reviewed (%s); nothing was written",
		), a.reason(reason), id),
		hint: fmt.Sprintf(a.lang.s(
			"lisez-le (« secours read »), puis --amendments %s le prend à votre compte, ou --discard %s le laisse",
			"read it (\"secours read\"), then --amendments %s makes it yours, or --discard %s leaves it",
		), id, id),
	}
}

// fullOfRemarks refuses to lose a remark for want of room.
func (a *app) fullOfRemarks(id string) error {
	return &failure{
		code: exitUnverifiable, name: "too-many-remarks",
		message: fmt.Sprintf(a.lang.s(
			"l'élément %s porte déjà %d remarques non revues, et une de plus se perdrait ; rien n'a été écrit",
			"the item %s has %d unreviewed remarks already, and one more would be lost; nothing was written",
		), id, summary.MaxRemarks),
		hint: fmt.Sprintf(a.lang.s(
			"lisez-les (« secours read »), puis --amendments %s les accepte, ou --discard %s les laisse",
			"read them (\"secours read\"), then --amendments %s accepts them, or --discard %s leaves them",
		), id, id),
	}
}
