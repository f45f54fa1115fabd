package summary

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
)

// What Parse accepts is JSON, comes back the same through JSON, and, where it fits, through the compartments.
func FuzzParse(f *testing.F) {
	for _, doc := range good {
		f.Add([]byte(doc))
	}
	for _, tt := range bad {
		f.Add([]byte(tt.json))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil {
			if s != nil {
				t.Fatal("a summary with an error")
			}
			return
		}
		if !json.Valid(data) {
			t.Fatal("accepted what encoding/json refuses")
		}
		out, err := s.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out)
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Fatalf("not the same again: %v\n%s", err, out)
		}
		c, err := s.Compartments()
		if errors.Is(err, ErrTooLarge) {
			return
		}
		if err != nil {
			t.Fatalf("valid, but not to be written: %v", err)
		}
		m, err := Merge(c)
		if err != nil {
			t.Fatalf("written, but not to be read: %v", err)
		}
		s.AssignIDs()
		if !reflect.DeepEqual(s, m) {
			t.Fatalf("changed:\n%s\n%s", jsonOf(t, s), jsonOf(t, m))
		}
	})
}

// A compartment that is read is the only encoding of what it says.
func FuzzCompartment(f *testing.F) {
	for seed := range uint64(8) {
		c := compartments(f, random(f, seed))
		f.Add(c[0], c[1], c[2], c[3])
	}
	f.Fuzz(func(t *testing.T, open, care, clinical, masked []byte) {
		c := [4][]byte{open, care, clinical, masked}
		for r, data := range c {
			if p, err := readPart(data, levels[r]); err == nil && !bytes.Equal(p.append(nil), data) {
				t.Fatalf("level %d is not canonical", r)
			}
		}
		s, err := Merge(c)
		if err != nil {
			if s != nil && !errors.Is(err, ErrNoIdentity) {
				t.Fatal("a summary with an error")
			}
			return
		}
		out, err := s.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if p, err := Parse(out); err == nil && !reflect.DeepEqual(p, s) {
			t.Fatalf("changed by way of JSON: %s", out)
		}
		d, err := s.Compartments()
		if errors.Is(err, ErrNewer) || errors.Is(err, ErrTooLarge) {
			return
		}
		if err != nil {
			t.Fatalf("read, but not to be written: %v", err)
		}
		m, err := Merge(d)
		if err != nil || !reflect.DeepEqual(m, s) {
			t.Fatalf("changed when written: %v\n%s", err, out)
		}
		// A stub or a place that a missing level explains is written otherwise, and only then.
		if len(open) > 0 && len(clinical) > 0 && len(masked) > 0 && len(d[0]) > 0 && len(d[2]) > 0 && len(d[3]) > 0 &&
			placeless(t, c) && !slices.EqualFunc(c[1:], d[1:], bytes.Equal) {
			t.Fatalf("other bytes when written:\n%x\n%x", c, d)
		}
	})
}

// placeless says that no section has places or a stub: only all compartments together can tell whether those are needed.
func placeless(t *testing.T, c [4][]byte) bool {
	for r, data := range c {
		p, err := readPart(data, levels[r])
		if err != nil {
			t.Fatal(err)
		}
		for _, sp := range p.sections {
			if sp != nil && (sp.places != nil || sp.head.Status == StatusUnavailable) {
				return false
			}
		}
	}
	return true
}
