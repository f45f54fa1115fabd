package summary

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
)

// CBOR returns the canonical encoding of what an amendment sealed at a level says: docs/FORMAT.md, section 4.11. An item of
// another level is an error; ByLevel parts them. The amendment is validated first and not changed.
func (a *Amendment) CBOR(level Level) ([]byte, error) {
	if err := amendmentLevel(level); err != nil {
		return nil, err
	}
	if err := a.Validate(); err != nil {
		return nil, err
	}
	for i, list := range a.Add.lists() {
		for j := range list.Len() {
			if levelOf(list.Common(j), sectionNames[i]) != level {
				p := path{{name: "add"}, {name: sectionNames[i]}, {index: j}, {name: "level"}}
				return nil, &PathError{p.String(), fmt.Errorf("%w: not the level that the amendment is sealed at", ErrContradiction)}
			}
		}
	}
	parts := a.parts()
	assignIDs(parts, a.ids(), func(p *sectionPart, j int, id, derived string) {
		if id == derived {
			id = ""
		}
		p.ids[j] = id
	})
	b := a.append(nil, parts[level.Rank()])
	if len(b) > MaxCompartment {
		return nil, fmt.Errorf("%w: the amendment has %d bytes, at most %d", ErrTooLarge, len(b), MaxCompartment)
	}
	return b, nil
}

// UnmarshalAmendment reads what CBOR wrote at the same level, and nothing else. All items get their ids, and their level where
// it is not the default of their section.
func UnmarshalAmendment(data []byte, level Level) (*Amendment, error) {
	if err := amendmentLevel(level); err != nil {
		return nil, err
	}
	if err := wellFormed(data); err != nil {
		return nil, err
	}
	m := model()
	a := &Amendment{Schema: AmendmentSchema, Level: level}
	var parts [len(levels)]*part
	p := amendmentPart(level.Rank())
	parts[level.Rank()] = p
	d := cborDecoder{reader: reader{data: data}, path: make(path, 0, maxDepth), level: level}
	v := reflect.ValueOf(a).Elem()
	err := d.members(m.amendment, scope{named: true}, &a.Extra, func(f *field) error {
		switch f.name {
		case "schema":
			return d.fail(notCanonical("not stored"))
		case "add":
			return d.members(m.additions, scope{named: true}, &a.Add.Extra, func(f *field) error {
				i := slices.Index(sectionNames[:], f.name)
				sp := &sectionPart{level: level, sec: new(Sections).make(i)}
				p.sections[i] = sp
				if err := d.items(sp, i); err != nil || len(sp.items) > 0 {
					return err
				}
				return d.fail(notCanonical("an empty list"))
			})
		}
		return d.value(f.shape, f.of(v))
	})
	if err != nil {
		return nil, err
	}
	if err := deriveIDs(parts); err != nil {
		return nil, err
	}
	for _, sp := range p.sections {
		if sp != nil {
			a.Add.set(sp.sec)
		}
	}
	wrong := a.check(checkOptions{newer: true})
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if !bytes.Equal(a.append(make([]byte, 0, len(data)+1), p), data) {
		return nil, notCanonical("another encoding of the same content")
	}
	return a, nil
}

// AssignIDs gives every added item that has no id the one that it has on the card, or another one where taken, which may be
// nil, says that an item of the summary or of another amendment has it.
func (a *Amendment) AssignIDs(taken func(id string) bool) {
	ids := a.ids()
	given := func(id string) bool { return ids(id) || taken != nil && taken(id) }
	assignIDs(a.parts(), given, func(p *sectionPart, j int, id, _ string) {
		p.sec.Common(p.items[j]).ID = id
	})
}

func (a *Amendment) ids() func(id string) bool {
	given := map[string]bool{}
	a.Add.Each(func(_ string, _ any, c *Common) { given[c.ID] = true })
	return func(id string) bool { return given[id] }
}

func amendmentLevel(l Level) error {
	if l.Rank() < LevelCare.Rank() {
		// There is no key of level 0.
		return fmt.Errorf("%w: an amendment is sealed at %s, %s or %s", ErrUnknownValue, LevelCare, LevelClinical, LevelMasked)
	}
	return nil
}

// amendmentPart is what an amendment adds at a level, without items as yet. The level goes into the ids: a reader without it
// must come to the same ids as one who also sees that an item of another level, of a base or an amendment, says the same.
func amendmentPart(rank int) *part {
	return &part{level: levels[rank], salt: []byte{byte(rank)}}
}

// parts are the added items by level.
func (a *Amendment) parts() [len(levels)]*part {
	var parts [len(levels)]*part
	for r := range levels {
		parts[r] = amendmentPart(r)
	}
	for i, list := range a.Add.lists() {
		for j := range list.Len() {
			p := parts[levelOf(list.Common(j), sectionNames[i]).Rank()]
			if p.sections[i] == nil {
				p.sections[i] = &sectionPart{level: p.level, sec: list}
			}
			sp := p.sections[i]
			sp.items, sp.ids = append(sp.items, j), append(sp.ids, "")
		}
	}
	return parts
}

// append appends the CBOR of the amendment, the items of which are those of p.
func (a *Amendment) append(b []byte, p *part) []byte {
	m := model()
	v := reflect.ValueOf(a).Elem()
	w := openMap(b, m.amendment.entries(a.Extra, scope{named: true}))
	for _, i := range m.amendment.sorted {
		switch f := &m.amendment.fields[i]; {
		case f.name == "schema":
			// It is that of the record's version.
		case f.name == "add":
			extra := m.additions.entries(a.Add.Extra, scope{named: true})
			if p.sections == [len(sectionNames)]*sectionPart{} && len(extra) == 0 {
				continue
			}
			w.key(f.key)
			add := openMap(w.b, extra)
			for i, name := range sectionNames {
				if sp := p.sections[i]; sp != nil {
					add.key(m.additions.field(name).key)
					add.b = sp.appendItems(add.b, i)
				}
			}
			w.b = add.close()
		default:
			if fv := f.of(v); !f.absent(fv) {
				w.key(f.key)
				w.b = appendValue(w.b, f.shape, fv)
			}
		}
	}
	return w.close()
}
