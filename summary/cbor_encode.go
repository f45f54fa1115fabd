package summary

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
)

// Encoding assumes a summary that passed the checker: it cannot fail.

// appendValue appends the CBOR of a value that is present.
func appendValue(b []byte, s *shape, v reflect.Value) []byte {
	switch s.kind {
	case kindText:
		if n, ok := decimal(v.String()); ok && s.digits {
			return appendHead(b, majorUint, n)
		}
		return appendText(b, v.String())
	case kindEnum:
		return appendEnum(b, s.enum, v.String())
	case kindDate:
		return appendInt(b, v.Addr().Interface().(*Date).number())
	case kindFlag:
		if v.Int() == int64(Yes) {
			return append(b, 0xf5)
		}
		return append(b, 0xf4)
	case kindValue:
		q := v.Addr().Interface().(*Value)
		if !q.Number {
			return appendText(b, q.Text)
		}
		// The number 1.50 is not 1.5: only a plain whole number is known to come back to the letter.
		if n, ok := decimal(q.Text); ok {
			return appendHead(b, majorUint, n)
		}
		return appendText(appendHead(b, majorArray, 1), q.Text)
	case kindList:
		if s.elem.flat(v) {
			return appendPairs(appendHead(b, majorArray, uint64(2*v.Len())), s.elem.obj, v)
		}
		b = appendHead(b, majorArray, uint64(v.Len()))
		for i := range v.Len() {
			b = appendValue(b, s.elem, v.Index(i))
		}
		return b
	}
	return appendObject(b, s.obj, s.deref(v))
}

func appendEnum(b []byte, e *enum, v string) []byte {
	if n := e.number(v); n >= 0 {
		return appendHead(b, majorUint, uint64(n))
	}
	if n, ok := newerNumber(v); ok {
		return appendHead(b, majorUint, n)
	}
	return appendText(b, v)
}

// flat says whether a list is written without its elements' heads: first, second, first, second, ….
func (s *shape) flat(list reflect.Value) bool {
	if s.kind != kindObject || s.obj.form != formPair {
		return false
	}
	for i := range list.Len() {
		if len(*s.obj.extraOf(list.Index(i))) > 0 {
			return false
		}
	}
	return true
}

func appendPairs(b []byte, o *object, list reflect.Value) []byte {
	for i := range list.Len() {
		for f := range o.fields {
			b = appendValue(b, o.fields[f].shape, o.fields[f].of(list.Index(i)))
		}
	}
	return b
}

func appendObject(b []byte, o *object, v reflect.Value) []byte {
	switch o.form {
	case formAuthor:
		if a := v.Addr().Interface().(*Author); a.bare() {
			return appendText(b, a.Name)
		}
	case formConcept:
		codes := o.field("codes")
		list := codes.of(v)
		if len(*o.extraOf(v)) == 0 && codes.elem.flat(list) {
			text := v.Addr().Interface().(*Concept).Text
			if list.IsNil() {
				return appendText(b, text)
			}
			return appendPairs(appendText(appendHead(b, majorArray, uint64(1+2*list.Len())), text), codes.elem.obj, list)
		}
	}
	m := members{object: o, value: v, extra: o.entries(*o.extraOf(v), scope{named: true})}
	return m.append(b)
}

// members is an object on its way to a CBOR map.
type members struct {
	*object
	value reflect.Value
	// withoutID and withoutLevel leave out what an item is not always stored with.
	withoutID, withoutLevel bool
	// extra are members that have no field, encoded, in any order.
	extra []entry
}

// An entry is one member of a map, encoded.
type entry struct{ key, value []byte }

func (m *members) append(b []byte) []byte {
	w := openMap(b, m.extra)
	for _, i := range m.sorted {
		f := &m.fields[i]
		if m.withoutID && f.key == keyID || m.withoutLevel && f.key == keyLevel {
			continue
		}
		if fv := f.of(m.value); !f.absent(fv) {
			w.key(f.key)
			w.b = appendValue(w.b, f.shape, fv)
		}
	}
	return w.close()
}

// A mapWriter appends a map to b, the keys of which come in order, and puts further members where they belong.
type mapWriter struct {
	b            []byte
	start, count int
	rest         []entry
}

func openMap(b []byte, extra []entry) mapWriter {
	if len(extra) > 1 {
		slices.SortFunc(extra, func(x, y entry) int { return bytes.Compare(x.key, y.key) })
	}
	return mapWriter{b: append(b, majorMap<<5), start: len(b), rest: extra}
}

// key appends a key; its value is then appended to b.
func (w *mapWriter) key(n int64) {
	if len(w.rest) > 0 {
		w.before(appendInt(nil, n))
	}
	w.b = appendInt(w.b, n)
	w.count++
}

// before appends the further members that come before a key, all of them where it is nil.
func (w *mapWriter) before(key []byte) {
	for len(w.rest) > 0 && (key == nil || bytes.Compare(w.rest[0].key, key) < 0) {
		w.b = append(append(w.b, w.rest[0].key...), w.rest[0].value...)
		w.rest = w.rest[1:]
		w.count++
	}
}

func (w *mapWriter) close() []byte {
	w.before(nil)
	// The head has one byte up to 23 members, which is nearly always: only then is it known before the end.
	if w.count < 24 {
		w.b[w.start] |= byte(w.count)
		return w.b
	}
	head := appendHead(nil, majorMap, uint64(w.count))
	return slices.Replace(w.b, w.start, w.start+1, head...)
}

// A scope says which unknown members of an object stand in the compartment at hand: its level, the usual level of those that
// only a newer format knows (newerName), and whether those known by a JSON name stand there.
type scope struct {
	level, home Level
	named       bool
}

// entries encodes the unknown members in scope.
func (o *object) entries(extra Extra, sc scope) []entry {
	if len(extra) == 0 {
		return nil
	}
	var all []entry
	for name, raw := range extra {
		if !strings.HasPrefix(name, "#") {
			if sc.named {
				value := append(appendHead(nil, majorBytes, uint64(len(raw))), raw...)
				all = append(all, entry{appendText(nil, name), value})
			}
			continue
		}
		n, content, err := o.newerMember(name, raw)
		if err == nil && name == newerName(n, sc.level, sc.home) {
			all = append(all, entry{appendInt(nil, n), content})
		}
	}
	return all
}
