package summary

import (
	"fmt"
	"reflect"
	"slices"
)

// The keys of a section in a compartment that are not those of its head.
const (
	keyItems  = 6
	keyPlaces = 7
)

// Compartments returns the canonical CBOR of the summary by level, from open to masked, as docs/FORMAT.md, section 4, lays
// down. A level that has nothing to say is nil, except level 1, which is always there. The summary is validated first and not
// changed.
func (s *Summary) Compartments() ([4][]byte, error) {
	var out [4][]byte
	if err := s.Validate(); err != nil {
		return out, err
	}
	parts := s.split()
	assignIDs(parts, s.ids(), func(p *sectionPart, i int, id, derived string) {
		if id == derived {
			id = ""
		}
		p.ids[i] = id
	})
	for r, p := range parts {
		if p.empty() {
			continue
		}
		out[r] = p.append(nil)
		if len(out[r]) > MaxCompartment {
			return [4][]byte{}, fmt.Errorf("%w: the %s compartment has %d bytes, at most %d", ErrTooLarge, p.level, len(out[r]), MaxCompartment)
		}
	}
	return out, nil
}

// AssignIDs gives every item that has no id the one that it has on the card.
func (s *Summary) AssignIDs() {
	assignIDs(s.split(), s.ids(), func(p *sectionPart, i int, id, _ string) {
		p.sec.Common(p.items[i]).ID = id
	})
}

// A part is what one compartment holds. holder has the members of Summary and Sections themselves; its sections are those of
// sections.
type part struct {
	level    Level
	holder   *Summary
	sections [len(sectionNames)]*sectionPart
	// salt goes before the body of an item where its id is derived: nothing in a summary.
	salt []byte
}

// A sectionPart is what one compartment holds of a section.
type sectionPart struct {
	level Level
	// head is the statement about the section where it stands in this compartment, a bare StatusUnavailable where it stands
	// in another, or zero. In a compartment with items an absent status is StatusItems.
	head SectionHead
	// sec has the items; items are those of this compartment, by their index.
	sec   section
	items []int
	// ids are the ids that are stored, by item of this compartment, "" for one that is not.
	ids []string
	// listed says that an empty list of items was given.
	listed bool
	// places are the indices of the items in the list of all items of this and lower levels, nil where they are its end.
	places []int
	// entries are the unknown members.
	entries []entry
	// raw are the items of a compartment that was read as they stand in it.
	raw [][]byte
}

// levelOf is the level of an item: its own, else that of its section.
func levelOf(c *Common, name string) Level {
	if c.Level.Rank() < 0 {
		return DefaultLevel(name)
	}
	return c.Level
}

// home is the rank of the compartment that holds the head of a section: its default one, or, where all items lie above, the
// lowest that has any, so that whoever sees none of them cannot learn what is said about them.
func home(name string, count [len(levels)]int) int {
	home := DefaultLevel(name).Rank()
	for r, n := range count {
		if n > 0 {
			return max(home, r)
		}
	}
	return home
}

// split distributes a summary over its compartments.
func (s *Summary) split() [len(levels)]*part {
	m := model()
	var parts [len(levels)]*part
	for r, l := range levels {
		parts[r] = &part{level: l, holder: s}
	}
	for i, sec := range s.Sections.all() {
		name := sectionNames[i]
		var byLevel [len(levels)][]int
		var count [len(levels)]int
		for j := range sec.Len() {
			r := levelOf(sec.Common(j), name).Rank()
			byLevel[r] = append(byLevel[r], j)
			count[r]++
		}
		at := home(name, count)
		for r, items := range byLevel {
			p := &sectionPart{level: levels[r], sec: sec, items: items, ids: make([]string, len(items)), places: places(byLevel[:r+1])}
			p.entries = m.parts[i].entries(*sec.extra(), scope{level: levels[r], home: DefaultLevel(name), named: r == at})
			switch {
			case r == at:
				p.head = *sec.Head()
				p.listed = sec.listed() && sec.Len() == 0
			case r == LevelCare.Rank() && len(items) == 0:
				p.head.Status = StatusUnavailable
			case len(items) == 0 && len(p.entries) == 0:
				continue
			}
			if p.head.Status == StatusItems && len(items) > 0 {
				p.head.Status = ""
			}
			parts[r].sections[i] = p
		}
	}
	return parts
}

// places returns where the items of the last list stand among those of all lists, nil if at the end.
func places(lists [][]int) []int {
	last := lists[len(lists)-1]
	var all []int
	for _, l := range lists {
		all = append(all, l...)
	}
	lower := len(all) - len(last)
	if len(last) == 0 || lower == 0 || last[0] > slices.Max(all[:lower]) {
		return nil
	}
	slices.Sort(all)
	at := make([]int, len(last))
	for i, j := range last {
		at[i], _ = slices.BinarySearch(all, j)
	}
	return at
}

func (p *part) empty() bool {
	if p.level == LevelCare {
		return false
	}
	m := model()
	return !p.hasSections() && len(m.summary.entries(p.holder.Extra, p.scope(m.summary))) == 0
}

func (p *part) scope(o *object) scope {
	return scope{level: p.level, home: o.home, named: p.level == o.home}
}

// append appends the CBOR of the compartment.
func (p *part) append(b []byte) []byte {
	m := model()
	v := reflect.ValueOf(p.holder).Elem()
	w := openMap(b, m.summary.entries(p.holder.Extra, p.scope(m.summary)))
	for _, i := range m.summary.sorted {
		f := &m.summary.fields[i]
		switch fv := f.of(v); {
		case f.name == "sections":
			if p.hasSections() {
				w.key(f.key)
				w.b = p.appendSections(w.b)
			}
		case f.name == "schema" || p.level != LevelCare || !f.present(fv):
			// The schema is that of the record's version.
		default:
			w.key(f.key)
			w.b = appendValue(w.b, f.shape, fv)
		}
	}
	return w.close()
}

func (p *part) hasSections() bool {
	m := model()
	return p.sections != [len(sectionNames)]*sectionPart{} ||
		len(m.sections.entries(p.holder.Sections.Extra, p.scope(m.sections))) > 0
}

func (p *part) appendSections(b []byte) []byte {
	m := model()
	w := openMap(b, m.sections.entries(p.holder.Sections.Extra, p.scope(m.sections)))
	for i, name := range sectionNames {
		if sp := p.sections[i]; sp != nil {
			w.key(m.sections.field(name).key)
			w.b = sp.append(w.b, i)
		}
	}
	return w.close()
}

// append appends what the compartment says of a section: the status alone, the items alone, or a map.
func (p *sectionPart) append(b []byte, i int) []byte {
	head := reflect.ValueOf(&p.head).Elem()
	o := model().heads[i]
	fields := 0
	for j := range o.fields {
		if f := &o.fields[j]; !f.absent(f.of(head)) {
			fields++
		}
	}
	if plain := len(p.entries) == 0 && p.places == nil && !p.listed; plain {
		switch {
		case fields == 1 && p.head.Status != "" && len(p.items) == 0:
			status := o.field("status")
			return appendValue(b, status.shape, status.of(head))
		case fields == 0 && len(p.items) > 0:
			return p.appendItems(b, i)
		}
	}
	w := openMap(b, slices.Clone(p.entries))
	for _, j := range o.sorted {
		if f := &o.fields[j]; !f.absent(f.of(head)) {
			w.key(f.key)
			w.b = appendValue(w.b, f.shape, f.of(head))
		}
	}
	if len(p.items) > 0 || p.listed {
		w.key(keyItems)
		w.b = p.appendItems(w.b, i)
	}
	if p.places != nil {
		w.key(keyPlaces)
		w.b = appendHead(w.b, majorArray, uint64(len(p.places)))
		for _, at := range p.places {
			w.b = appendInt(w.b, int64(at))
		}
	}
	return w.close()
}

func (p *sectionPart) appendItems(b []byte, i int) []byte {
	b = appendHead(b, majorArray, uint64(len(p.items)))
	for j := range p.items {
		b = p.appendItem(b, i, j)
	}
	return b
}

// The keys of an item that its body, from which the id is derived, leaves out.
const (
	keyID    = -1
	keyLevel = -2
)

// appendItem appends the j-th item of this compartment with what must be stored of its id and level: a level that the compartment
// implies is stored only where it is the default one and was given all the same.
func (p *sectionPart) appendItem(b []byte, i, j int) []byte {
	o := model().items[i]
	v := reflect.ValueOf(p.sec.Item(p.items[j])).Elem()
	m := members{object: o, value: v, withoutID: true, extra: o.entries(*o.extraOf(v), scope{named: true})}
	m.withoutLevel = p.level != DefaultLevel(sectionNames[i])
	if p.ids[j] != "" {
		m.extra = append(m.extra, entry{appendInt(nil, keyID), appendText(nil, p.ids[j])})
	}
	return m.append(b)
}

// appendBody appends the j-th item without id and level.
func (p *sectionPart) appendBody(b []byte, i, j int) []byte {
	o := model().items[i]
	v := reflect.ValueOf(p.sec.Item(p.items[j])).Elem()
	m := members{object: o, value: v, withoutID: true, withoutLevel: true, extra: o.entries(*o.extraOf(v), scope{named: true})}
	return m.append(b)
}
