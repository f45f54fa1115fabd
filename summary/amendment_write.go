package summary

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// ByLevel parts an amendment by the level that each operation must be sealed at, nil where there is none: an item is added at
// its own level or the default of its section; what is said of an item is as confidential as the item, whose level itemLevel
// gives unless the amendment itself adds it. There is no key of level 0, so what is said of an open item is sealed at
// LevelCare, and the first part is always nil.
//
// The amendment is validated first and not changed. A target that is unknown is an ErrTarget; so is, as an ErrUnknownValue, a
// member of the amendment or of an operation that this version does not know, since nobody would ever see it.
func (a *Amendment) ByLevel(itemLevel func(id string) (Level, bool)) ([4]*Amendment, error) {
	var parts [4]*Amendment
	if err := a.Validate(); err != nil {
		return parts, err
	}
	var c checker
	c.foreign(a)
	part := func(l Level) *Amendment {
		r := max(l.Rank(), LevelCare.Rank())
		if parts[r] == nil {
			parts[r] = &Amendment{Schema: a.Schema, Level: levels[r]}
		}
		return parts[r]
	}
	added := map[string]Level{}
	for i, list := range a.Add.lists() {
		for j := range list.Len() {
			common := list.Common(j)
			l := levelOf(common, sectionNames[i])
			to := part(l)
			added[common.ID] = l
			more := to.Add.lists()[i]
			more.grow(1)
			reflect.ValueOf(more.Item(more.Len() - 1)).Elem().Set(reflect.ValueOf(list.Item(j)).Elem())
			to.Add.set(more)
		}
	}
	levelOfTarget := func(id string) (Level, bool) {
		if l, ok := added[id]; ok {
			return l, true
		}
		return itemLevel(id)
	}
	distribute(&c, "stop", a.Stop, levelOfTarget, func(l Level) *[]Stop { return &part(l).Stop })
	distribute(&c, "annotate", a.Annotate, levelOfTarget, func(l Level) *[]Annotation { return &part(l).Annotate })
	distribute(&c, "taken", a.Taken, levelOfTarget, func(l Level) *[]Intake { return &part(l).Taken })
	distribute(&c, "dispensed", a.Dispensed, levelOfTarget, func(l Level) *[]Dispensing { return &part(l).Dispensed })
	distribute(&c, "retract", a.Retract, levelOfTarget, func(l Level) *[]Retraction { return &part(l).Retract })
	if err := c.err(); err != nil {
		return [4]*Amendment{}, err
	}
	return parts, nil
}

// distribute appends each operation to the list for the level of its target.
func distribute[O any, P operation[O]](c *checker, list string, ops []O, levelOf func(string) (Level, bool), to func(Level) *[]O) {
	for i := range ops {
		l, ok := levelOf(P(&ops[i]).target().ID)
		if !ok {
			c.wrong(list, i, "id", ErrTarget)
			continue
		}
		more := to(l)
		*more = append(*more, ops[i])
	}
}

// foreign refuses the unknown members of the amendment itself, of the list of sections, and of operations. Those of items are
// carried as everywhere.
func (c *checker) foreign(a *Amendment) {
	refuse := func(e Extra) {
		for _, name := range slices.Sorted(maps.Keys(e)) {
			c.at(name, func() { c.add(fmt.Errorf("%w: no such member, and none that would be shown", ErrUnknownValue)) })
		}
	}
	refuse(a.Extra)
	c.at("add", func() { refuse(a.Add.Extra) })
	o, v := model().amendment, reflect.ValueOf(a).Elem()
	for i := range o.fields {
		f := &o.fields[i]
		if f.kind != kindList {
			continue
		}
		c.at(f.name, func() {
			for j := range f.of(v).Len() {
				c.path = append(c.path, step{index: j})
				refuse(*f.elem.obj.extraOf(f.of(v).Index(j)))
				c.path = c.path[:len(c.path)-1]
			}
		})
	}
}

// Join puts what an older amendment of the same signer and level says before what a says, so that a can replace it on a card.
// What both say stands once. A later stop, taken, dispensed or retract takes the place of an earlier one of the same item;
// annotations add up. on is when the older one was signed, and becomes the date of whatever in it has none. Items get their ids
// (AssignIDs) after this.
func (a *Amendment) Join(older *Amendment, on Date) {
	lists, olderLists := a.Add.lists(), older.Add.lists()
	// Ids of the items of a change where an older item has them, and with them the targets of the operations of a.
	was := older.ids()
	is := a.ids()
	renamed := map[string]string{}
	suffix := suffixes{taken: func(id string) bool { return was(id) || is(id) }}
	for i, list := range lists {
		joined := new(Sections).make(i)
		joined.grow(olderLists[i].Len())
		for j := range joined.Len() {
			reflect.ValueOf(joined.Item(j)).Elem().Set(reflect.ValueOf(olderLists[i].Item(j)).Elem())
			dated(&joined.Common(j).Recorded, on)
		}
		for j := range list.Len() {
			if said(joined, olderLists[i].Len(), list, j) {
				continue
			}
			joined.grow(1)
			last := joined.Len() - 1
			reflect.ValueOf(joined.Item(last)).Elem().Set(reflect.ValueOf(list.Item(j)).Elem())
			if c := joined.Common(last); c.ID != "" && was(c.ID) {
				id := suffix.free(c.ID)
				renamed[c.ID] = id
				c.ID = id
			}
		}
		a.Add.set(joined)
	}
	a.Stop = join(older.Stop, a.Stop, on, renamed, sameTarget)
	a.Annotate = join(older.Annotate, a.Annotate, on, renamed, nil)
	a.Taken = join(older.Taken, a.Taken, on, renamed, sameTarget)
	a.Dispensed = join(older.Dispensed, a.Dispensed, on, renamed, sameTarget)
	a.Retract = join(older.Retract, a.Retract, on, renamed, sameTarget)
	extra := maps.Clone(older.Extra)
	extra.join(a.Extra)
	a.Extra = extra
	extra = maps.Clone(older.Add.Extra)
	extra.join(a.Add.Extra)
	a.Add.Extra = extra
}

// dated sets a date that is absent.
func dated(d *Date, on Date) {
	if d.IsZero() {
		*d = on
	}
}

// said says whether one of the first n items of older says what the j-th item of list says, under the same id where that has one.
func said(older section, n int, list section, j int) bool {
	for k := range n {
		x := reflect.New(reflect.TypeOf(list.Item(j)).Elem())
		y := reflect.New(x.Type().Elem())
		x.Elem().Set(reflect.ValueOf(list.Item(j)).Elem())
		y.Elem().Set(reflect.ValueOf(older.Item(k)).Elem())
		cx, cy := x.Interface().(interface{ common() *Common }).common(), y.Interface().(interface{ common() *Common }).common()
		if cx.ID == "" {
			cx.ID = cy.ID
		}
		// Both stand at one level, be it said or not.
		cx.Level = cy.Level
		dated(&cx.Recorded, cy.Recorded)
		if reflect.DeepEqual(x.Interface(), y.Interface()) {
			return true
		}
	}
	return false
}

// join returns the older operations, dated, and the newer ones that say something else; where replaces is given, without the
// older ones that a newer one replaces.
func join[O any, P operation[O]](older, newer []O, on Date, renamed map[string]string, replaces func(a, b P) bool) []O {
	var kept, more []O
	for _, op := range older {
		dated(&P(&op).target().Recorded, on)
		// With its date a note may be one that had the date already.
		if !slices.ContainsFunc(kept, func(o O) bool { return reflect.DeepEqual(o, op) }) {
			kept = append(kept, op)
		}
	}
	for _, op := range newer {
		t := P(&op).target()
		if id, ok := renamed[t.ID]; ok {
			t.ID = id
		}
		same := func(o O) bool {
			n := op
			dated(&P(&n).target().Recorded, P(&o).target().Recorded)
			return reflect.DeepEqual(n, o)
		}
		if slices.ContainsFunc(kept, same) {
			continue
		}
		if replaces != nil {
			kept = slices.DeleteFunc(kept, func(o O) bool { return replaces(&op, &o) })
		}
		more = append(more, op)
	}
	return append(kept, more...)
}

// maxID is how long an id is.
const maxID = 16

// suffixes makes ids that are not taken.
type suffixes struct {
	taken func(id string) bool
	// next is the first suffix to try: ten thousand items of one id must not take ten thousand times as long.
	next map[string]int
	made map[string]bool
}

// free returns id with the first suffix -2, -3, … that makes it a free one, cut where the two are too long together.
func (s *suffixes) free(id string) string {
	if s.next == nil {
		s.next, s.made = map[string]int{}, map[string]bool{}
	}
	for n := max(2, s.next[clip(id, maxID-2)]); ; n++ {
		tail := "-" + strconv.Itoa(n)
		if try := clip(id, maxID-len(tail)) + tail; !s.taken(try) && !s.made[try] {
			s.next[clip(id, maxID-2)], s.made[try] = n+1, true
			return try
		}
	}
}
