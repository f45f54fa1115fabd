package card

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secours-card/secours/card/sim"
)

// onlyHolds makes sure that both slots of a memory hold this record and else zeros, with no bit that may read otherwise.
func onlyHolds(m *sim.Memory, record []byte) error {
	data, weak := m.Dump()
	l, err := parseSuperblock(data, m.Size())
	if err != nil {
		return err
	}
	for i := range 2 {
		slot := data[l.slotAt(i) : l.slotAt(i)+l.slot]
		s, _, ok := l.parseSlotHeader(slot)
		want := make([]byte, l.slot)
		copy(want, l.encodeSlot(s, record))
		for at := range want {
			if !ok || slot[at] != want[at] || weak[l.slotAt(i)+int64(at)] != 0 {
				return fmt.Errorf("byte %d of slot %d is neither of the record nor a zero that stays", at, i)
			}
		}
	}
	return nil
}

// leftOf finds a piece of a secret in a memory.
func leftOf(data, secret []byte) bool {
	for i := 0; i+8 <= len(secret); i++ {
		if bytes.Contains(data, secret[i:i+8]) {
			return true
		}
	}
	return false
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	fill(r, b)
	return b
}

// TestReplaceBoth: of longer records before, also of one that only the tail of a slot was left of, nothing is in the memory.
func TestReplaceBoth(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, page := range []int{1, 16, 64, 128} {
		for records := range 4 {
			m := newPlate(4096, page)
			mustFormat(t, m)
			var secrets [][]byte
			seq := uint32(0)
			for i := range records {
				secrets = append(secrets, random(r, 1200-400*i))
				seq = mustWrite(t, m, secrets[i], seq)
			}
			c, err := Read(m)
			if err != nil {
				t.Fatal(err)
			}
			if records == 3 && (!leftOf(m.b, secrets[0]) || !leftOf(m.b, secrets[1])) {
				t.Fatal("nothing is left to erase")
			}
			record := random(r, 100)
			seq, err = c.ReplaceBoth(m, record)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range secrets {
				if leftOf(m.b, s) {
					t.Errorf("pages of %d: a piece of record %d of %d is left", page, i+1, records)
				}
			}
			got, err := Read(m)
			if err != nil || !bytes.Equal(got.Record, record) || got.Seq != seq || got.Unconfirmed || got.NewerLost {
				t.Errorf("pages of %d, after %d records: %+v, %v", page, records, got, err)
			}
			if seq, err = got.ReplaceBoth(m, random(r, got.Capacity)); err != nil {
				t.Errorf("pages of %d: a full slot: %v", page, err)
			}
			if _, err := got.ReplaceBoth(m, record); !errors.As(err, new(*ConflictError)) || errors.Is(err, ErrNotErased) {
				t.Errorf("pages of %d: by an old sequence: %v", page, err)
			}
			mustWrite(t, m, []byte("the next one"), seq)
		}
	}
}

// TestReplaceBothTorn cuts the power at every cut point. Before the new record is acknowledged, one of the two reads, and after
// that the new one; an ordinary update that is torn as well changes nothing of that; and done again, nothing of an old record is left.
func TestReplaceBothTorn(t *testing.T) {
	for _, kind := range tearKinds {
		for _, page := range tearPages {
			t.Run(fmt.Sprintf("%v/%d", kind, page), func(t *testing.T) {
				var written, refused, unknown, notErased int
				for _, pulled := range []bool{false, true} {
					for at := 1; ; at++ {
						err := replaceBothTorn(t, kind, page, at, pulled)
						if err == errUntorn {
							break
						}
						switch {
						case err == nil:
							written++
						case errors.Is(err, ErrNotErased):
							notErased++
						case errors.Is(err, ErrNotWritten):
							refused++
						case errors.Is(err, ErrUnknownOutcome):
							unknown++
						}
					}
				}
				t.Logf("%d written after all, %d not written, %d unknown, %d not erased", written, refused, unknown, notErased)
				if written == 0 || refused == 0 || unknown == 0 || notErased == 0 {
					t.Error("not every outcome was seen")
				}
			})
		}
	}
}

// errUntorn: the cut came after the update.
var errUntorn = errors.New("not torn")

func replaceBothTorn(t *testing.T, kind sim.Atomicity, page, at int, pulled bool) error {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(at), uint64(page)))
	m := sim.NewMemory(8*page+2*(minCapacity+slotHeaderLen+page), page, kind, uint64(at)<<8+uint64(page))
	mustFormat(t, m)
	secrets := [][]byte{random(r, 250), random(r, 200), random(r, 120)}
	seq := uint32(0)
	for _, s := range secrets {
		seq = mustWrite(t, m, s, seq)
	}
	old, record, later := secrets[2], random(r, 40), random(r, 60)
	c, err := Read(m)
	if err != nil {
		t.Fatal(err)
	}
	m.CutAfter(at)
	s := &socket{Memory: m, pulled: pulled}
	_, answer := c.ReplaceBoth(s, record)
	if !s.lost {
		return errUntorn
	}
	reads := func(what string, allowed ...[]byte) *Content {
		t.Helper()
		m.CutAfter(0)
		if err := m.Reset(); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			got, err := Read(m)
			if err != nil || got.Unconfirmed || got.NewerLost {
				t.Fatalf("cut %d (pulled: %v), %s, the answer was %v: %+v, %v", at, pulled, what, answer, got, err)
			}
			if !slices.ContainsFunc(allowed, func(a []byte) bool { return bytes.Equal(a, got.Record) }) {
				t.Fatalf("cut %d (pulled: %v), %s, the answer was %v: another record reads", at, pulled, what, answer)
			}
			c = got
		}
		return c
	}
	allowed := [][]byte{old, record}
	switch {
	case answer == nil:
		allowed = [][]byte{record}
		if err := onlyHolds(m, record); err != nil {
			t.Fatalf("cut %d (pulled: %v): erased, and %v", at, pulled, err)
		}
	case errors.Is(answer, ErrNotErased):
		allowed = [][]byte{record}
		if errors.Is(answer, ErrNotWritten) || errors.Is(answer, ErrUnknownOutcome) || !errors.Is(answer, sim.ErrPowerLost) {
			t.Fatalf("cut %d (pulled: %v): %v", at, pulled, answer)
		}
	case errors.Is(answer, ErrNotWritten):
		allowed = [][]byte{old}
	case !errors.Is(answer, ErrUnknownOutcome): // nothing was begun
		allowed = [][]byte{old}
	}
	c = reads("torn", allowed...)
	m.CutAfter(1 + r.IntN(150))
	if _, err := c.Replace(&socket{Memory: m, pulled: !pulled}, later); err == nil {
		allowed = nil
	}
	c = reads("and torn again", append(allowed, later)...)
	again := random(r, 20)
	_, err = c.ReplaceBoth(m, again)
	for tries := 0; errors.As(err, new(*ConflictError)) && tries < 20; tries++ { // what a marginal mark names reads now and then
		_, err = reads("and torn again", append(allowed, later)...).ReplaceBoth(m, again)
	}
	if err != nil {
		t.Fatalf("cut %d (pulled: %v): done again: %v", at, pulled, err)
	}
	if err := onlyHolds(m, again); err != nil {
		t.Fatalf("cut %d (pulled: %v): done again, and %v", at, pulled, err)
	}
	data, _ := m.Dump()
	for _, s := range append(secrets, record, later) {
		if leftOf(data, s) {
			t.Fatalf("cut %d (pulled: %v): done again, and a piece of an earlier record is left", at, pulled)
		}
	}
	return answer
}

// TestReplaceBothSwapped: what the second write finds is told, but not as if the first had not been.
func TestReplaceBothSwapped(t *testing.T) {
	first, other := newPlate(4096, 64), newPlate(4096, 64)
	mustFormat(t, first)
	mustWrite(t, first, []byte("the old record"), 0)
	if err := Format(other, ID{7}); err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(other.b)
	c, err := Read(first)
	if err != nil {
		t.Fatal(err)
	}
	for at := 4; at <= 6; at++ { // the resets of the second write
		m := newPlate(4096, 64)
		copy(m.b, first.b)
		_, err := c.ReplaceBoth(&swapped{plate: m, other: other, at: at}, []byte("new"))
		if !errors.Is(err, ErrNotErased) || !errors.Is(err, ErrCardChanged) || errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("swapped at reset %d: %v", at, err)
		}
		if !bytes.Equal(other.b, before) {
			t.Errorf("swapped at reset %d: another card was written to", at)
		}
		if got, err := Read(m); err != nil || string(got.Record) != "new" {
			t.Errorf("swapped at reset %d: %+v, %v", at, got, err)
		}
	}
}
