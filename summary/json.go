package summary

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unicode/utf8"
)

// Parse reads a summary in JSON and checks its form. A member that is null is absent; members that this version does not know
// are kept. The error is a *SyntaxError, or joins up to 20 of type *PathError.
func Parse(data []byte) (*Summary, error) {
	s := &Summary{}
	found, err := readJSON(data, model().summary, reflect.ValueOf(s).Elem())
	if err != nil {
		return nil, err
	}
	found.merge(s.check(checkOptions{}))
	if err := found.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// readJSON fills v, the struct of o, from a document, and returns what in it could not be read.
func readJSON(data []byte, o *object, v reflect.Value) (*findings, error) {
	if len(data) > MaxJSON {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), MaxJSON)
	}
	d := jsonDecoder{scanner: scanner{data: data}}
	if !utf8.Valid(data) {
		for d.pos < len(data) {
			if r, n := utf8.DecodeRune(data[d.pos:]); r == utf8.RuneError && n == 1 {
				break
			} else {
				d.pos += n
			}
		}
		d.fail("invalid UTF-8")
		return nil, d.err
	}
	d.object(o, v)
	if d.peek(); d.err == nil && d.pos < len(data) {
		d.fail("something after the end of the document")
	}
	if d.err != nil {
		return nil, d.err
	}
	return &d.findings, nil
}

// UnmarshalJSON is Parse for users of encoding/json, which however hides duplicate members of what surrounds the summary.
func (s *Summary) UnmarshalJSON(data []byte) error {
	p, err := Parse(data)
	if err != nil {
		return err
	}
	*s = *p
	return nil
}

// MarshalJSON is JSON for users of encoding/json.
func (s *Summary) MarshalJSON() ([]byte, error) { return s.JSON() }

// jsonDecoder fills the structs from JSON. It finds what cannot be read; what can be read but must not be there is left
// to the checker, which also sees summaries made in Go.
type jsonDecoder struct {
	scanner
	findings findings
	path     path
}

func (d *jsonDecoder) add(err error) { d.findings.add(d.path, err) }

func (d *jsonDecoder) wrong(want string) {
	d.add(fmt.Errorf("%w: want %s", ErrType, want))
	d.skip()
}

func (d *jsonDecoder) object(o *object, v reflect.Value) {
	if d.peek() != '{' {
		d.wrong("an object")
		return
	}
	// By field: those that were named, and those that were more than null.
	seen, given := uint64(0), uint64(0)
	count := 0
	d.scanner.object(func(name string) {
		d.path = append(d.path, step{name, -1})
		switch i, known := o.names[name]; {
		case !known:
			count++
			d.unknown(o.extraOf(v), name, count)
		case seen&(1<<i) != 0:
			d.add(fmt.Errorf("%w member", ErrDuplicate))
			d.skip()
		case d.peek() == 'n':
			seen |= 1 << i
			if !d.word("null") {
				d.fail("want a value")
			}
		default:
			seen |= 1 << i
			given |= 1 << i
			f := &o.fields[i]
			d.value(f.shape, f.of(v))
		}
		d.path = d.path[:len(d.path)-1]
	})
	if count > maxUnknown {
		d.add(fmt.Errorf("%w: %d unknown members, at most %d", ErrTooLarge, count, maxUnknown))
	}
	if o.form == formAuthor && v.IsZero() {
		d.add(fmt.Errorf("%w object: leave the member out", ErrEmpty))
	}
	for i := range o.fields {
		// The checker cannot tell an absent object of this kind from one that is there and has no member.
		if f := &o.fields[i]; f.req && f.kind == kindObject && !f.obj.required && given&(1<<i) == 0 {
			d.path = append(d.path, step{name: f.name})
			d.add(ErrMissing)
			d.path = d.path[:len(d.path)-1]
		}
	}
}

// unknown keeps a member that this version does not know. Its content is checked with everything else.
func (d *jsonDecoder) unknown(extra *Extra, name string, count int) {
	_, twice := (*extra)[name]
	raw := d.skip()
	switch {
	case twice:
		d.add(fmt.Errorf("%w member", ErrDuplicate))
	case count > maxUnknown || d.err != nil:
	default:
		if *extra == nil {
			*extra = Extra{}
		}
		(*extra)[name] = raw
	}
	d.text = nil
}

// value reads a value other than null into v.
func (d *jsonDecoder) value(s *shape, v reflect.Value) {
	switch s.kind {
	case kindText, kindEnum, kindDate:
		if d.peek() != '"' {
			d.wrong("a text")
			return
		}
		text := d.string()
		switch {
		case d.err != nil:
		case text == "":
			d.add(errEmptyText())
		case s.kind == kindDate:
			date, err := ParseDate(text)
			if err != nil {
				d.add(err)
				return
			}
			v.Set(reflect.ValueOf(date))
		default:
			v.SetString(text)
		}
	case kindFlag:
		switch {
		case d.word("true"):
			v.SetInt(int64(Yes))
		case d.word("false"):
			v.SetInt(int64(No))
		default:
			d.wrong("true or false")
		}
	case kindValue:
		d.quantity(v.Addr().Interface().(*Value))
	case kindList:
		d.list(s, v)
	case kindObject:
		d.member(s, v)
	}
}

func errEmptyText() error { return fmt.Errorf("%w text: leave the member out", ErrEmpty) }

func (d *jsonDecoder) quantity(q *Value) {
	switch c := d.peek(); {
	case c == '"':
		if q.Text = d.string(); q.Text == "" && d.err == nil {
			d.add(errEmptyText())
		}
	case c == '-' || '0' <= c && c <= '9':
		q.Text, q.Number = d.number(), true
	default:
		d.wrong("a text or a number")
	}
}

func (d *jsonDecoder) list(s *shape, v reflect.Value) {
	if d.peek() != '[' {
		d.wrong("a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	count := 0
	d.array(func(i int) {
		if count++; count > s.max {
			d.skip()
			return
		}
		d.path = append(d.path, step{index: i})
		v.Grow(1)
		v.SetLen(i + 1)
		v.Index(i).SetZero()
		d.value(s.elem, v.Index(i))
		d.path = d.path[:len(d.path)-1]
	})
	if count > s.max {
		d.add(fmt.Errorf("%w: %d elements, at most %d", ErrTooLarge, count, s.max))
	}
}

func (d *jsonDecoder) member(s *shape, v reflect.Value) {
	if s.obj.form == formAuthor && d.peek() == '"' {
		a := v.Addr().Interface().(*Author)
		if a.Name, a.Bare = d.string(), true; a.Name == "" && d.err == nil {
			d.add(errEmptyText())
		}
		return
	}
	if s.ptr {
		if d.peek() == '{' {
			v.Set(reflect.New(v.Type().Elem()))
			v = v.Elem()
		}
	}
	d.object(s.obj, v)
}

// bare says whether the author is written as a text alone.
func (a *Author) bare() bool {
	return a.Bare && a.Role == "" && a.ID == "" && a.Org == "" && a.Extra == nil
}

// JSON returns the summary as compact JSON, unknown members included and to the letter. It does not check the summary, so that
// what is left of a damaged card can be shown; it fails only where what it would write is no JSON.
func (s *Summary) JSON() ([]byte, error) {
	return writeJSON(model().summary, reflect.ValueOf(s).Elem())
}

func writeJSON(o *object, v reflect.Value) ([]byte, error) {
	b := appendObjectJSON(make([]byte, 0, 4096), o, v)
	if !utf8.Valid(b) || !json.Valid(b) {
		return nil, errors.New("a text is not UTF-8, or a number or an unknown member is no JSON: it does not pass Validate")
	}
	return b, nil
}

func appendObjectJSON(b []byte, o *object, v reflect.Value) []byte {
	if o.form == formAuthor {
		if a := v.Addr().Interface().(*Author); a.bare() {
			return appendQuoted(b, a.Name)
		}
	}
	start := len(b)
	for i := range o.fields {
		f := &o.fields[i]
		if fv := f.of(v); f.present(fv) {
			b = append(b, ',', '"')
			b = append(append(b, f.name...), '"', ':')
			b = appendJSON(b, f.shape, fv)
		}
	}
	if extra := *o.extraOf(v); len(extra) > 0 {
		for _, name := range slices.Sorted(maps.Keys(extra)) {
			b = append(appendQuoted(append(b, ','), name), ':')
			b = append(b, extra[name]...)
		}
	}
	if len(b) == start {
		return append(b, '{', '}')
	}
	b[start] = '{'
	return append(b, '}')
}

func appendJSON(b []byte, s *shape, v reflect.Value) []byte {
	switch s.kind {
	case kindText, kindEnum:
		return appendQuoted(b, v.String())
	case kindDate:
		return append(v.Addr().Interface().(*Date).append(append(b, '"')), '"')
	case kindFlag:
		if v.Int() == int64(Yes) {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case kindValue:
		q := v.Addr().Interface().(*Value)
		if q.Number {
			return append(b, q.Text...)
		}
		return appendQuoted(b, q.Text)
	case kindList:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, s.elem, v.Index(i))
		}
		return append(b, ']')
	}
	return appendObjectJSON(b, s.obj, s.deref(v))
}
