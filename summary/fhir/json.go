package fhir

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// An object is a JSON object whose members are written in the order in which they were put: resourceType first, as people read it.
type object struct {
	names  []string
	values []any
}

// put adds a member, unless it is empty: FHIR knows no empty elements.
func (o *object) put(name string, v any) *object {
	if s, ok := v.(string); ok {
		v = plainSpaces(s)
	}
	if !empty(v) {
		o.names, o.values = append(o.names, name), append(o.values, v)
	}
	return o
}

// plainSpaces makes the no-break spaces of French, and their like, the one that the pattern of FHIR's strings has. In JSON Schema it refuses all
// others, in XML Schema none.
func plainSpaces(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && unicode.IsSpace(r) || r == '\ufeff' {
			return ' '
		}
		return r
	}, s)
}

// drop takes members out.
func (o *object) drop(names ...string) {
	for i := len(o.names) - 1; i >= 0; i-- {
		if slices.Contains(names, o.names[i]) {
			o.names, o.values = slices.Delete(o.names, i, i+1), slices.Delete(o.values, i, i+1)
		}
	}
}

func obj() *object { return &object{} }

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case *object:
		return v == nil || len(v.names) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// list is an array of what is not empty.
func list(values ...any) []any {
	var out []any
	for _, v := range values {
		if s, ok := v.(string); ok {
			v = plainSpaces(s)
		}
		if !empty(v) {
			out = append(out, v)
		}
	}
	return out
}

// MarshalJSON writes the members in their order.
func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(o.values[i]); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
