package summary

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// idPrefixes begin the derived ids of the items of each section, in canonical order.
var idPrefixes = [len(sectionNames)]string{"at", "ag", "md", "hx", "ms", "vx", "vs", "dr", "ct"}

// crockford is the alphabet of derived ids: no letter that reads as another one over the telephone.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// ids says which ids are given, so that no derived one takes their place.
func (s *Summary) ids() func(id string) bool {
	given := make(map[string]bool, 64)
	for _, sec := range s.Sections.all() {
		for j := range sec.Len() {
			given[sec.Common(j).ID] = true
		}
	}
	return func(id string) bool { return given[id] }
}

// derive returns the id of an item from its body, and another one as long as taken says so.
func derive(i int, body []byte, taken func(string) bool) string {
	sum := sha256.Sum256(body)
	text := append(make([]byte, 0, 8), idPrefixes[i]...)
	for bits := binary.BigEndian.Uint32(sum[:]); len(text) < 7; bits <<= 5 {
		text = append(text, crockford[bits>>27])
	}
	id := string(text)
	free := id
	for n := 2; taken(free); n++ {
		free = id + "-" + strconv.Itoa(n)
	}
	return free
}

// assignIDs works out the id of every item: its own, else one derived from its body. It calls set with it, and with the id that
// a reader of the card derives, who knows only the items of this and lower levels before it, in the order of levels, sections
// and items; where the two are the same, none is stored. A part may be nil.
func assignIDs(parts [len(levels)]*part, given func(id string) bool, set func(p *sectionPart, j int, id, derived string)) {
	used := make(map[string]bool, 64)
	var body []byte
	for _, p := range parts {
		if p == nil {
			continue
		}
		for i, sp := range p.sections {
			if sp == nil {
				continue
			}
			for j := range sp.items {
				body = sp.appendBody(append(body[:0], p.salt...), i, j)
				derived := derive(i, body, func(id string) bool { return used[id] })
				id := sp.sec.Common(sp.items[j]).ID
				if id == "" {
					id = derive(i, body, func(id string) bool { return used[id] || given(id) })
				}
				used[id] = true
				set(sp, j, id, derived)
			}
		}
	}
}

// deriveIDs gives the items of compartments that were read the ids that are not stored.
func deriveIDs(parts [len(levels)]*part) error {
	used := make(map[string]bool, 64)
	var body []byte
	for _, p := range parts {
		if p == nil {
			continue
		}
		for i, sp := range p.sections {
			if sp == nil {
				continue
			}
			for j := range sp.items {
				c := sp.sec.Common(j)
				body = append(body[:0], p.salt...)
				if c.ID != "" || c.Level != "" && p.level == DefaultLevel(sectionNames[i]) {
					body = sp.appendBody(body, i, j)
				} else {
					body = append(body, sp.raw[j]...)
				}
				derived := derive(i, body, func(id string) bool { return used[id] })
				switch c.ID {
				case "":
					c.ID = derived
				case derived:
					return &PathError{sectionNames[i], notCanonical("an id is stored that need not be")}
				}
				used[c.ID] = true
			}
		}
	}
	return nil
}
