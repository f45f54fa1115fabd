package summary

import (
	"reflect"
	"slices"
)

// Operation is what an amendment does with one item.
type Operation string

// The operations, in the order in which Amend applies them.
const (
	OpAdd       Operation = "add"
	OpStop      Operation = "stop"
	OpAnnotate  Operation = "annotate"
	OpTaken     Operation = "taken"
	OpDispensed Operation = "dispensed"
	OpRetract   Operation = "retract"
)

// Change is one operation of an amendment: what a screen shows with the item, and what the summary alone no longer tells.
type Change struct {
	Operation Operation
	// Section and ID are those of the item, as it stands in the summary now. Section is empty where there is no such item.
	Section, ID string
	// By is the signer, whom an added item need not name, and On is when it was said.
	By Author
	On Date
	// Text is the note of OpAnnotate, or the reason of OpStop and OpRetract. End is that of OpStop.
	Text string
	End  Date
	// Taken and Dispensed are what OpTaken and OpDispensed say.
	Taken     *Taken
	Dispensed *Dispensed
	// Before is the medication as it was before OpStop, OpTaken or OpDispensed.
	Before *Medication
	// Head is what was said of the section as a whole before OpAdd, where the item contradicts that: that none is known, that
	// nobody asked, or that none of the item's category is known. By it none known is still said by somebody on a day.
	Head *SectionHead
	// Extra are the members of the operation that this version does not know.
	Extra Extra
}

// Amend folds an amendment that by signed on a day into the summary, and returns what changed, in the order of the amendment,
// and what is said of items that are not there, or of anything but a medication where only one can be meant. The rest is done
// all the same.
//
// Items are added to their section, whatever that says of itself: what an item contradicts is taken back (Change.Head). They
// are unreviewed, by whom they name or else by the signer, recorded when they say or else when it was signed. An id that
// another item has gets a suffix, in the operations of the amendment too. A stop, taken or dispensed replaces what the line
// said (Change.Before). Notes and retractions change no item: a retracted one stays, and Change alone says that it is. Items of
// a, and of the summary, that have no id get one.
//
// The summary then passes Validate as it did before, but for one rule: with what is added a section may have more than 100
// items, and none of them is dropped for it. Compartments refuses such a summary.
func (s *Summary) Amend(a *Amendment, by Author, on Date) (changes, missing []Change) {
	items := s.index()
	a.AssignIDs(func(id string) bool { _, ok := items[id]; return ok })
	given := a.ids()
	suffix := suffixes{taken: func(id string) bool { _, ok := items[id]; return ok || given(id) }}
	renamed := map[string]string{}
	for i, list := range a.Add.lists() {
		for j := range list.Len() {
			id := list.Common(j).ID
			if _, taken := items[id]; taken {
				free := suffix.free(id)
				renamed[id] = free
				id = free
			}
			at, head := s.Sections.admit(i, list, j)
			items[id] = at
			c := at.common()
			c.ID, c.Unreviewed = id, Yes
			dated(&c.Recorded, on)
			if reflect.DeepEqual(c.By, Author{}) {
				c.By = by
			}
			changes = append(changes, Change{Operation: OpAdd, Section: sectionNames[i], ID: id, By: by, On: c.Recorded, Head: head})
		}
	}
	// apply does one operation on the item of a target, if there is one.
	apply := func(op Operation, t Target, c Change, do func(*Change, any) bool) {
		c.Operation, c.ID, c.By, c.On = op, t.ID, by, t.Recorded
		dated(&c.On, on)
		if id, ok := renamed[t.ID]; ok {
			c.ID = id
		}
		at, ok := items[c.ID]
		if ok && (a.Level == "" || sealedAt(at) == a.Level) && (do == nil || do(&c, at.sec.Item(at.j))) {
			c.Section = sectionNames[at.i]
			changes = append(changes, c)
			return
		}
		missing = append(missing, c)
	}
	line := func(set func(*Change, *Medication)) func(*Change, any) bool {
		return func(c *Change, item any) bool {
			m, ok := item.(*Medication)
			if ok {
				before := *m
				c.Before = &before
				set(c, m)
			}
			return ok
		}
	}
	for _, op := range a.Stop {
		apply(OpStop, op.Target, Change{End: op.Date, Text: op.Reason, Extra: op.Extra}, line(func(c *Change, m *Medication) {
			m.Status, m.End, m.StopReason = MedicationStopped, op.Date, op.Reason
		}))
	}
	for _, op := range a.Annotate {
		apply(OpAnnotate, op.Target, Change{Text: op.Note, Extra: op.Extra}, nil)
	}
	for _, op := range a.Taken {
		apply(OpTaken, op.Target, Change{Taken: &op.Taken}, line(func(c *Change, m *Medication) { m.Taken = c.Taken }))
	}
	for _, op := range a.Dispensed {
		apply(OpDispensed, op.Target, Change{Dispensed: &op.Dispensed}, line(func(c *Change, m *Medication) {
			m.Dispensed = c.Dispensed
		}))
	}
	for _, op := range a.Retract {
		apply(OpRetract, op.Target, Change{Text: op.Reason, Extra: op.Extra}, nil)
	}
	return changes, missing
}

// Carry copies the items with the given ids from another summary, with all that they say of themselves, into this one, where no
// item has that id: what the author of a new base takes over from the amendments of the old one. What they contradict is taken
// back, as Amend does it; an open item is no longer open where this summary has no consent. It returns what was copied, and the
// ids that the other summary does not have either.
func (s *Summary) Carry(from *Summary, ids []string) (changes []Change, missing []string) {
	here, there := s.index(), from.index()
	for _, id := range ids {
		if _, ok := here[id]; ok {
			continue
		}
		at, ok := there[id]
		if !ok {
			missing = append(missing, id)
			continue
		}
		to, head := s.Sections.admit(at.i, at.sec, at.j)
		here[id] = to
		c := to.common()
		if c.Level == LevelOpen && s.Consent == nil {
			c.Level = ""
		}
		changes = append(changes, Change{Operation: OpAdd, Section: sectionNames[at.i], ID: id, By: c.By, On: c.Recorded, Head: head})
	}
	return changes, missing
}

// A place is where an item stands: the j-th of the i-th section.
type place struct {
	i, j int
	sec  section
}

func (p place) common() *Common { return p.sec.Common(p.j) }

// sealedAt is the level that what is said of an item is sealed at: there is no key of level 0.
func sealedAt(p place) Level {
	return levels[max(levelOf(p.common(), sectionNames[p.i]).Rank(), LevelCare.Rank())]
}

// index returns the items by their id, which all of them have then.
func (s *Summary) index() map[string]place {
	if s.ids()("") {
		s.AssignIDs()
	}
	at := make(map[string]place, 64)
	for i, sec := range s.Sections.all() {
		for j := range sec.Len() {
			at[sec.Common(j).ID] = place{i, j, sec}
		}
	}
	return at
}

// admit appends a copy of an item to the i-th section, and makes that section's statement about itself one that the item does not
// contradict. It returns the statement as it was, where it had to change.
func (s *Sections) admit(i int, from section, j int) (place, *SectionHead) {
	sec := s.at(i)
	if sec == nil {
		sec = s.make(i)
		sec.Head().Status = StatusNotAsked
	}
	sec.grow(1)
	at := place{i, sec.Len() - 1, sec}
	item := reflect.ValueOf(sec.Item(at.j)).Elem()
	item.Set(reflect.ValueOf(from.Item(j)).Elem())
	head := sec.Head()
	before := *head
	contradicted := head.Status != StatusItems
	head.Status = StatusItems
	if category := model().items[i].category; category != nil && !isRefuted(sec.Item(at.j)) {
		kept := slices.DeleteFunc(slices.Clone(head.NoneKnown), func(c Category) bool {
			return string(c) == category.of(item).String()
		})
		if len(kept) < len(head.NoneKnown) {
			contradicted = true
			head.NoneKnown = kept
			if len(kept) == 0 {
				head.NoneKnown = nil
			}
		}
	}
	if contradicted {
		return at, &before
	}
	return at, nil
}

// isRefuted says that an item is there to say that there is none.
func isRefuted(item any) bool {
	a, ok := item.(*Allergy)
	return ok && a.Verification == VerificationRefuted
}
