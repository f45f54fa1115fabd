package card

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// swapped is a reader in which another card lies from the n-th reset on. A write that fails is one after which the reader resets.
type swapped struct {
	*plate
	other     *plate
	at, count int
	failWrite int // of the first card
}

func (s *swapped) Reset() error {
	if s.count++; s.count == s.at {
		s.plate = s.other
	}
	return s.plate.Reset()
}

func (s *swapped) WriteAt(b []byte, off int64) (int, error) {
	if s.failWrite--; s.failWrite == 0 {
		return 0, errBroken
	}
	return s.plate.WriteAt(b, off)
}

// TestCardSwapped: another card, even a copy of the first under another id, is not written to: whichever reset it comes with, and
// whichever write the first one failed at. The current record of the first lacks a mark, so that there is something to settle.
func TestCardSwapped(t *testing.T) {
	fresh := func(id ID) (*plate, *Content) {
		p := newPlate(8192, 64)
		if err := Format(p, id); err != nil {
			t.Fatal(err)
		}
		seq := uint32(0)
		for _, r := range []string{"first", "second"} {
			var err error
			if seq, err = write(p, []byte(r), seq, drawn(5, 5)); err != nil {
				t.Fatal(err)
			}
		}
		clear(p.b[256:272]) // mark B of slot 1
		p.zero()
		c, err := Read(p)
		if err != nil || c.Seq != 6 {
			t.Fatal(c, err)
		}
		return p, c
	}
	found := 0
	for failWrite := range 2*levels + 3 {
		for at := 1; ; at++ {
			first, c := fresh(ID{1})
			other, _ := fresh(ID{7})
			before, untouched := slices.Clone(first.b), slices.Clone(other.b)
			s := &swapped{plate: first, other: other, at: at, failWrite: failWrite}
			_, err := c.Replace(s, []byte("third"))
			if !bytes.Equal(other.b, untouched) {
				t.Fatalf("write %d failed, swapped at reset %d: another card was written to: %v", failWrite, at, err)
			}
			if s.count < at {
				break
			}
			found++
			if !errors.Is(err, ErrCardChanged) || (at > 1) != errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("write %d failed, swapped at reset %d: %v", failWrite, at, err)
			}
			if at == 1 && !bytes.Equal(first.b, before) {
				t.Errorf("write %d failed, swapped at reset %d: the first card was written to", failWrite, at)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d swaps", found)
	}
}

// TestReplaceEmpty: every empty card has the same sequence, and is still not another one.
func TestReplaceEmpty(t *testing.T) {
	p, other := newPlate(8192, 64), newPlate(8192, 64)
	for i, m := range []*plate{p, other} {
		if err := Format(m, ID{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Read(p)
	if err != nil {
		t.Fatal(err)
	}
	other.zero()
	if _, err := c.Replace(other, []byte("x")); !errors.Is(err, ErrCardChanged) || errors.Is(err, ErrUnknownOutcome) || len(other.writes) > 0 {
		t.Errorf("%v, %d writes", err, len(other.writes))
	}
	seq, err := c.Replace(p, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Replace(p, []byte("y")); !errors.As(err, new(*ConflictError)) {
		t.Error(err)
	}
	if got, err := Read(p); err != nil || got.Seq != seq || string(got.Record) != "x" {
		t.Error(got, err)
	}
}

// deaf is a medium that does not hear one acknowledgement.
type deaf struct {
	*plate
	at int
}

func (d *deaf) WriteAt(b []byte, off int64) (int, error) {
	n, err := d.plate.WriteAt(b, off)
	if len(d.writes) == d.at {
		return 0, errBroken
	}
	return n, err
}

// TestAcknowledgementLost: a record that is reported as not written is not what is read, on a card where nothing was confirmed
// either.
func TestAcknowledgementLost(t *testing.T) {
	for _, empty := range []bool{true, false} {
		for at := 1; at <= 2*levels+1; at++ {
			p := newPlate(8192, 64)
			mustFormat(t, p)
			seq, want := uint32(0), ""
			if !empty {
				seq, want = mustWrite(t, p, []byte("first"), 0), "first"
			}
			p.zero()
			_, err := Write(&deaf{p, at}, []byte("second"), seq)
			switch {
			case err == nil:
				want = "second"
			case !errors.Is(err, ErrNotWritten):
				t.Errorf("write %d: %v", at, err)
			}
			if begun := at > levels; begun && empty && err != nil {
				t.Errorf("write %d, nothing confirmed: %v", at, err)
			}
			if got, rerr := Read(p); rerr != nil || string(got.Record) != want || got.Unconfirmed {
				t.Errorf("write %d: %v, and %+v reads: %v", at, err, got, rerr)
			}
		}
	}
}
