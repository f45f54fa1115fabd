package summary

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Merge rebuilds a summary from its compartments, by level from open to masked; nil stands for a level that is not available or
// says nothing. All items get their ids. With levels missing the result is what may be known without them: a section of which
// only they say something reads StatusUnavailable, never StatusNoneKnown or StatusNotAsked.
//
// Where the level 1 compartment is missing, Merge returns ErrNoIdentity, and with it, where any other is there, a summary without
// patient and consent in which every section of which no item is at hand reads StatusUnavailable. Any other error comes
// without a summary: a compartment that is not exactly what Compartments writes is refused.
func Merge(c [4][]byte) (*Summary, error) {
	var parts [len(levels)]*part
	found := false
	for r, data := range c {
		if len(data) == 0 {
			continue
		}
		p, err := readPart(data, levels[r])
		if err != nil {
			return nil, fmt.Errorf("the %s compartment: %w", levels[r], err)
		}
		parts[r] = p
		found = true
	}
	if !found {
		return nil, ErrNoIdentity
	}
	s := &Summary{Schema: Schema}
	for _, p := range parts {
		if p == nil {
			continue
		}
		if p.level == LevelCare {
			s.Language, s.Patient, s.Consent = p.holder.Language, p.holder.Patient, p.holder.Consent
		}
		s.Extra.join(p.holder.Extra)
		s.Sections.Extra.join(p.holder.Sections.Extra)
	}
	if err := deriveIDs(parts); err != nil {
		return nil, err
	}
	for i := range sectionNames {
		if err := s.Sections.join(i, parts); err != nil {
			return nil, err
		}
	}
	partial := parts[LevelCare.Rank()] == nil
	wrong := s.check(checkOptions{newer: true, partial: partial})
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if partial {
		return s, ErrNoIdentity
	}
	return s, nil
}

// join adds the unknown members of another compartment. Their names differ by the level (newerName).
func (e *Extra) join(more Extra) {
	if len(more) == 0 {
		return
	}
	if *e == nil {
		*e = Extra{}
	}
	maps.Copy(*e, more)
}

// join puts the i-th section together.
func (s *Sections) join(i int, parts [len(levels)]*part) error {
	name := sectionNames[i]
	var here [len(levels)]*sectionPart
	var count [len(levels)]int
	stated, visible := false, 0
	for r, p := range parts {
		if p != nil && p.sections[i] != nil {
			here[r] = p.sections[i]
			count[r] = len(here[r].items)
			visible += count[r]
			stated = true
		}
	}
	care := LevelCare.Rank()
	if parts[care] == nil {
		stated = true
	}
	if !stated {
		return nil
	}
	wrong := func(what string) error {
		return &PathError{"sections." + name, notCanonical(what)}
	}
	if parts[care] != nil && here[care] == nil {
		return wrong("not stated in the care compartment")
	}
	at := home(name, count)
	sec := s.make(i)
	for r, p := range here {
		if p == nil {
			continue
		}
		stub := r == care && count[r] == 0 && reflect.DeepEqual(p.head, SectionHead{Status: StatusUnavailable})
		if r != at && (!stub && !reflect.DeepEqual(p.head, SectionHead{}) || p.listed || named(*p.sec.extra())) {
			return wrong("stated in the wrong compartment")
		}
		sec.extra().join(*p.sec.extra())
		sec.insert(p.sec, p.places)
	}
	p := here[at]
	if p != nil && count[at] == 0 && reflect.DeepEqual(p.head, SectionHead{}) {
		// Only unknown members stand here: the head is in a compartment that is missing.
		p = nil
	}
	switch {
	case p != nil && p.head.Status == "" && count[at] == 0:
		return &PathError{"sections." + name + ".status", ErrMissing}
	case p != nil:
		*sec.Head() = p.head
		if p.listed {
			sec.setListed()
		}
		if p.head.Status == "" {
			sec.Head().Status = StatusItems
		}
	case parts[at] != nil && visible > 0:
		return wrong("not stated in its compartment")
	default:
		sec.Head().Status = StatusItems
	}
	if sec.Head().Status == StatusItems && visible == 0 {
		// The items are in a compartment that is missing.
		*sec.Head() = SectionHead{Status: StatusUnavailable}
	}
	return nil
}

// named says whether a member is known by a JSON name.
func named(e Extra) bool {
	for name := range e {
		if name[0] != '#' {
			return true
		}
	}
	return false
}

// readPart reads the compartment of a level, and accepts only the bytes that would be written again.
func readPart(data []byte, level Level) (*part, error) {
	if err := wellFormed(data); err != nil {
		return nil, err
	}
	m := model()
	p := &part{level: level, holder: &Summary{}}
	d := cborDecoder{reader: reader{data: data}, path: make(path, 0, maxDepth), level: level}
	v := reflect.ValueOf(p.holder).Elem()
	err := d.members(m.summary, p.scope(m.summary), &p.holder.Extra, func(f *field) error {
		switch {
		case f.name == "sections":
			return d.members(m.sections, p.scope(m.sections), &p.holder.Sections.Extra, func(f *field) error {
				i := slices.Index(sectionNames[:], f.name)
				sp, err := d.section(i)
				p.sections[i] = sp
				return err
			})
		case f.name == "schema" || level != LevelCare:
			return d.fail(notCanonical("not in this compartment"))
		}
		return d.value(f.shape, f.of(v))
	})
	if err != nil {
		return nil, err
	}
	if p.empty() {
		return nil, notCanonical("says nothing")
	}
	if !bytes.Equal(p.append(make([]byte, 0, len(data)+1)), data) {
		return nil, notCanonical("another encoding of the same content")
	}
	return p, nil
}

// section reads what the compartment says of the i-th section.
func (d *cborDecoder) section(i int) (*sectionPart, error) {
	m := model()
	p := &sectionPart{level: d.level, sec: new(Sections).make(i)}
	head := reflect.ValueOf(&p.head).Elem()
	status := m.heads[i].field("status")
	major, err := d.peek()
	switch {
	case err != nil:
		return nil, d.fail(err)
	case major == majorUint:
		return p, d.value(status.shape, status.of(head))
	case major == majorArray:
		return p, d.items(p, i)
	}
	o := m.parts[i]
	sc := scope{level: d.level, home: o.home, named: true}
	err = d.members(o, sc, p.sec.extra(), func(f *field) error {
		switch f.key {
		case keyItems:
			p.listed = true
			return d.items(p, i)
		case keyPlaces:
			return d.places(p)
		}
		hf := m.heads[i].field(f.name)
		return d.value(hf.shape, hf.of(head))
	})
	if err != nil {
		return nil, err
	}
	if p.places != nil && len(p.places) != len(p.items) {
		return nil, d.fail(notCanonical("as many places as items"))
	}
	p.listed = p.listed && len(p.items) == 0
	switch {
	case !p.listed && len(p.items) == 0 && len(*p.sec.extra()) == 0 && reflect.DeepEqual(p.head, SectionHead{}):
		return nil, d.fail(notCanonical("says nothing"))
	case p.head.Status == StatusItems && len(p.items) > 0:
		return nil, d.fail(notCanonical("a status that the items imply"))
	}
	p.entries = o.entries(*p.sec.extra(), sc)
	return p, nil
}

// items reads a list of items.
func (d *cborDecoder) items(p *sectionPart, i int) error {
	o := model().items[i]
	n, err := d.want(majorArray)
	if limit := uint64(model().parts[i].field("items").max); err == nil && n > limit {
		err = fmt.Errorf("%w: %d items, at most %d", ErrTooLarge, n, limit)
	}
	if err != nil {
		return d.fail(err)
	}
	name := sectionNames[i]
	p.sec.grow(int(n))
	p.items, p.ids, p.raw = make([]int, 0, n), make([]string, 0, n), make([][]byte, 0, n)
	for j := range int(n) {
		d.path = append(d.path, step{name: "items"}, step{index: j})
		start := d.pos
		if err := d.object(o, reflect.ValueOf(p.sec.Item(j)).Elem()); err != nil {
			return err
		}
		c := p.sec.Common(j)
		switch {
		case c.Level == "" && d.level == DefaultLevel(name):
		case c.Level == "":
			c.Level = d.level
		case c.Level != d.level:
			d.path = append(d.path, step{name: "level"})
			return d.fail(fmt.Errorf("%w: not the level of the compartment", ErrContradiction))
		}
		p.items = append(p.items, j)
		p.ids = append(p.ids, c.ID)
		p.raw = append(p.raw, d.data[start:d.pos])
		d.path = d.path[:len(d.path)-2]
	}
	return nil
}

// places reads where the items stand. Their number, and whether they need saying, is known only when all is read.
func (d *cborDecoder) places(p *sectionPart) error {
	n, err := d.want(majorArray)
	if err != nil {
		return d.fail(err)
	}
	// wellFormed has bounded n.
	for range n {
		at, err := d.int()
		if err == nil && (at < 0 || at >= maxEntries || len(p.places) > 0 && int(at) <= p.places[len(p.places)-1]) {
			err = notCanonical("places are not in order")
		}
		if err != nil {
			return d.fail(err)
		}
		p.places = append(p.places, int(at))
	}
	if n == 0 {
		return d.fail(notCanonical("no places"))
	}
	return nil
}
