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

// What ParseAmendment accepts is JSON, comes back the same through JSON, and, parted by level, through its encoding.
func FuzzParseAmendment(f *testing.F) {
	for _, doc := range goodAmendments {
		f.Add([]byte(doc))
	}
	for _, tt := range badAmendments {
		f.Add([]byte(tt.json))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAmendment(data)
		if err != nil {
			if a != nil {
				t.Fatal("an amendment with an error")
			}
			return
		}
		if !json.Valid(data) {
			t.Fatal("accepted what encoding/json refuses")
		}
		out := amendmentJSON(t, a)
		if again, err := ParseAmendment([]byte(out)); err != nil || !reflect.DeepEqual(a, again) {
			t.Fatalf("not the same again: %v\n%s", err, out)
		}
		parts, err := a.ByLevel(func(id string) (Level, bool) { return levels[len(id)%4], true })
		if errors.Is(err, ErrUnknownValue) {
			return
		}
		if err != nil {
			t.Fatalf("valid, but not to be parted: %v", err)
		}
		for r, p := range parts {
			if p == nil {
				continue
			}
			content, err := p.CBOR(levels[r])
			if errors.Is(err, ErrTooLarge) {
				continue
			}
			if err != nil {
				t.Fatalf("valid, but not to be written: %v", err)
			}
			got, err := UnmarshalAmendment(content, levels[r])
			if err != nil {
				t.Fatalf("written, but not to be read: %v", err)
			}
			p.AssignIDs(nil)
			if !reflect.DeepEqual(p, got) {
				t.Fatalf("changed:\n%s\n%s", amendmentJSON(t, p), amendmentJSON(t, got))
			}
		}
	})
}

// The content of an amendment that is read is the only encoding of what it says, and loses nothing when it is joined or folded.
func FuzzUnmarshalAmendment(f *testing.F) {
	for _, doc := range goodAmendments {
		a := parseAmendment(f, doc)
		a.Add.History, a.Add.Visits, a.Add.Directives = nil, nil, nil
		for i := range a.Add.Medications {
			a.Add.Medications[i].Level = ""
		}
		for i := range a.Add.Allergies {
			a.Add.Allergies[i].Level = ""
		}
		f.Add(sealed(f, a, LevelCare), byte(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, rank byte) {
		level := levels[rank%4]
		a, err := UnmarshalAmendment(data, level)
		if err != nil {
			if a != nil {
				t.Fatal("an amendment with an error")
			}
			return
		}
		again, err := a.CBOR(level)
		if err == nil && !bytes.Equal(again, data) {
			t.Fatalf("not canonical:\n%x\n%x", data, again)
		}
		if err != nil && !errors.Is(err, ErrNewer) {
			t.Fatalf("read, but not to be written: %v", err)
		}
		if p, err := ParseAmendment([]byte(amendmentJSON(t, a))); err == nil {
			p.Level = level
			if !reflect.DeepEqual(p, a) {
				t.Fatalf("changed by way of JSON: %s", amendmentJSON(t, a))
			}
		} else if !errors.Is(err, ErrNewer) {
			t.Fatalf("read, but its JSON is not: %v", err)
		}
		joined, err := UnmarshalAmendment(data, level)
		if err != nil {
			t.Fatal(err)
		}
		joined.Join(a, signing)
		items := 0
		joined.Add.Each(func(string, any, *Common) { items++ })
		a.Add.Each(func(string, any, *Common) { items-- })
		if items != 0 || len(joined.Stop) != len(a.Stop) || len(joined.Taken) != len(a.Taken) ||
			len(joined.Dispensed) != len(a.Dispensed) || len(joined.Retract) != len(a.Retract) || len(joined.Annotate) > len(a.Annotate) {
			t.Fatalf("joined with itself:\n%s\n%s", amendmentJSON(t, a), amendmentJSON(t, joined))
		}
		wrong := joined.check(checkOptions{newer: true})
		if err := wrong.err(); err != nil && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("joined with itself: %v", err)
		}
		folded(t, restored(t, parse(t, sample)), a)
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
