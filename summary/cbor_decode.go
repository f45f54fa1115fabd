package summary

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
)

// A cborDecoder fills the structs from the CBOR of one compartment. It stops at the first error: a compartment is written by a
// program, and what is wrong with it is not for a person to mend.
type cborDecoder struct {
	reader
	path path
	// level is that of the compartment.
	level Level
}

func (d *cborDecoder) fail(err error) error {
	if _, ok := err.(*PathError); ok || err == nil {
		return err
	}
	return &PathError{d.path.String(), err}
}

func (d *cborDecoder) value(s *shape, v reflect.Value) error {
	switch s.kind {
	case kindText:
		if major, err := d.peek(); err == nil && major == majorUint && s.digits {
			n, err := d.int()
			if err == nil && n >= maxDecimal {
				err = notCanonical("integer out of range")
			}
			v.SetString(strconv.FormatInt(n, 10))
			return d.fail(err)
		}
		text, err := d.text()
		v.SetString(text)
		return d.fail(err)
	case kindEnum:
		return d.fail(d.enum(s.enum, v))
	case kindDate:
		n, err := d.int()
		if err == nil {
			*v.Addr().Interface().(*Date), err = dateOf(n)
		}
		return d.fail(err)
	case kindFlag:
		_, n, err := d.head()
		switch {
		case err != nil:
		case d.data[d.pos-1] == 0xf4:
			v.SetInt(int64(No))
		case d.data[d.pos-1] == 0xf5:
			v.SetInt(int64(Yes))
		default:
			err = fmt.Errorf("%w: want true or false, simple value %d", ErrEncoding, n)
		}
		return d.fail(err)
	case kindValue:
		return d.fail(d.quantity(v.Addr().Interface().(*Value)))
	case kindList:
		return d.list(s, v)
	}
	if s.ptr {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	return d.object(s.obj, v)
}

func (d *cborDecoder) enum(e *enum, v reflect.Value) error {
	major, err := d.peek()
	if err != nil {
		return err
	}
	if major == majorText && e.uri {
		text, err := d.text()
		if err == nil && !IsURI(text) {
			err = fmt.Errorf("%w: want a URI", ErrUnknownValue)
		}
		v.SetString(text)
		return err
	}
	n, err := d.want(majorUint)
	switch {
	case err != nil:
		return err
	case n < uint64(len(e.values)):
		v.SetString(e.values[n])
	case v.Type() == reflect.TypeFor[Level]():
		return fmt.Errorf("%w level", ErrUnknownValue)
	case n >= maxDecimal:
		return notCanonical("integer out of range")
	default:
		v.SetString("#" + strconv.FormatUint(n, 10))
	}
	return nil
}

func (d *cborDecoder) quantity(q *Value) error {
	major, err := d.peek()
	switch {
	case err != nil:
		return err
	case major == majorUint:
		n, err := d.int()
		if err == nil && n >= maxDecimal {
			err = notCanonical("integer out of range")
		}
		*q = Value{strconv.FormatInt(n, 10), true}
		return err
	case major == majorArray:
		if n, err := d.want(majorArray); err != nil || n != 1 {
			return notCanonical("want one number")
		}
		q.Number = true
	}
	q.Text, err = d.text()
	return err
}

// list consumes an array; its length is checked before anything is allocated.
func (d *cborDecoder) list(s *shape, v reflect.Value) error {
	n, err := d.want(majorArray)
	if err != nil {
		return d.fail(err)
	}
	if major, err := d.peek(); n > 0 && err == nil && major != majorMap && s.elem.kind == kindObject && s.elem.obj.form == formPair {
		return d.pairs(s, v, n)
	}
	if n > uint64(s.max) {
		return d.fail(fmt.Errorf("%w: %d elements, at most %d", ErrTooLarge, n, s.max))
	}
	v.Set(reflect.MakeSlice(v.Type(), int(n), int(n)))
	for i := range int(n) {
		d.path = append(d.path, step{index: i})
		if err := d.value(s.elem, v.Index(i)); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
	}
	return nil
}

// pairs consumes the n elements of a flat list.
func (d *cborDecoder) pairs(s *shape, v reflect.Value, n uint64) error {
	if n%2 != 0 {
		return d.fail(notCanonical("half a pair"))
	}
	if n /= 2; n > uint64(s.max) {
		return d.fail(fmt.Errorf("%w: %d elements, at most %d", ErrTooLarge, n, s.max))
	}
	v.Set(reflect.MakeSlice(v.Type(), int(n), int(n)))
	for i := range int(n) {
		d.path = append(d.path, step{index: i})
		for j := range s.elem.obj.fields {
			f := &s.elem.obj.fields[j]
			d.path = append(d.path, step{name: f.name})
			if err := d.value(f.shape, f.of(v.Index(i))); err != nil {
				return err
			}
			d.path = d.path[:len(d.path)-1]
		}
		d.path = d.path[:len(d.path)-1]
	}
	return nil
}

func (d *cborDecoder) object(o *object, v reflect.Value) error {
	major, err := d.peek()
	switch {
	case err != nil:
		return d.fail(err)
	case o.form == formAuthor && major == majorText:
		a := v.Addr().Interface().(*Author)
		a.Name, err = d.text()
		a.Bare = true
		return d.fail(err)
	case o.form == formConcept && major != majorMap:
		return d.concept(o, v, major)
	}
	return d.members(o, scope{named: true}, o.extraOf(v), func(f *field) error { return d.value(f.shape, f.of(v)) })
}

func (d *cborDecoder) concept(o *object, v reflect.Value, major byte) error {
	n := uint64(0)
	var err error
	if major == majorArray {
		if n, err = d.want(majorArray); err == nil && n == 0 {
			err = notCanonical("concept without text")
		}
	}
	c := v.Addr().Interface().(*Concept)
	if err == nil {
		c.Text, err = d.text()
	}
	if err != nil || major != majorArray {
		return d.fail(err)
	}
	codes := o.field("codes")
	return d.pairs(codes.shape, codes.of(v), n-1)
}

// members consumes a map. member reads the value of a field; unknown members go to extra.
func (d *cborDecoder) members(o *object, sc scope, extra *Extra, member func(*field) error) error {
	n, err := d.want(majorMap)
	if err != nil {
		return d.fail(err)
	}
	var keys keyOrder
	for range n {
		start := d.pos
		major, err := d.peek()
		if err != nil {
			return d.fail(err)
		}
		if major == majorText {
			name, err := d.text()
			if err == nil {
				err = keys.next(d.data[start:d.pos])
			}
			if err == nil {
				err = d.unknown(o, sc, extra, name)
			}
			if err != nil {
				return d.fail(err)
			}
			continue
		}
		key, err := d.int()
		if err == nil {
			err = keys.next(d.data[start:d.pos])
		}
		if err != nil {
			return d.fail(err)
		}
		if i, ok := o.keys[key]; ok {
			d.path = append(d.path, step{name: o.fields[i].name})
			if err := member(&o.fields[i]); err != nil {
				return err
			}
			d.path = d.path[:len(d.path)-1]
			continue
		}
		if o.places != nil && key == o.places.key {
			d.path = append(d.path, step{name: o.places.name})
			if err := member(o.places); err != nil {
				return err
			}
			d.path = d.path[:len(d.path)-1]
			continue
		}
		start = d.pos
		if err := d.reader.value(0); err != nil {
			return d.fail(err)
		}
		extra.set(newerName(key, sc.level, sc.home), newerText(d.data[start:d.pos]))
	}
	return nil
}

// unknown consumes a member that came from JSON under a name that this version does not know.
func (d *cborDecoder) unknown(o *object, sc scope, extra *Extra, name string) error {
	_, known := o.names[name]
	switch {
	case known:
		return notCanonical("a known member under its name")
	case name == "" || name[0] == '#':
		return notCanonical("name of a member")
	case !sc.named:
		return notCanonical("an unknown member in the wrong compartment")
	}
	n, err := d.want(majorBytes)
	if err != nil {
		return err
	}
	extra.set(name, bytes.Clone(d.data[d.pos:d.pos+int(n)]))
	d.pos += int(n)
	return nil
}

func (e *Extra) set(name string, raw []byte) {
	if *e == nil {
		*e = Extra{}
	}
	(*e)[name] = raw
}
