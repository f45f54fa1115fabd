package main

import (
	"testing"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary/record"
)

// A home knows the newest state of a card that it has met: what has a lower number, or the same one and another head, did not come after.
func TestSeen(t *testing.T) {
	h, id := home(t.TempDir()), card.ID{1}
	one, two := state{7, record.Head{1}}, state{7, record.Head{2}}
	if h.notAfter(id, one) {
		t.Error("a card that was never met is taken for older")
	}
	h.remember(id, one)
	for _, c := range []struct {
		now  state
		want bool
	}{
		{one, false},
		{two, true},
		{state{6, record.Head{1}}, true},
		{state{8, record.Head{3}}, false},
	} {
		if got := h.notAfter(id, c.now); got != c.want {
			t.Errorf("%d %x: %v", c.now.seq, c.now.head[:1], got)
		}
	}
	h.remember(id, state{3, record.Head{4}})
	h.remember(id, state{plausibleSeq + 1, record.Head{5}})
	if h.seen(id) != one || h.notAfter(card.ID{2}, two) {
		t.Errorf("%+v", h.seen(id))
	}
}

// A record that anybody may have made does not use up the numbers.
func TestNextNumber(t *testing.T) {
	good, bad := record.Verdict{Status: record.Valid}, record.Verdict{Status: record.Unverifiable}
	for _, c := range []struct {
		verdict record.Verdict
		seq     uint64
		want    uint64
	}{
		{good, 5, 6},
		{bad, 5, 6},
		{good, unverifiedSeq + 5, unverifiedSeq + 6},
		{bad, unverifiedSeq + 5, 1},
		{good, plausibleSeq + 1, 1},
	} {
		if got := next(&record.Record{Verdict: c.verdict, Seq: c.seq}, &card.Content{}); got != c.want {
			t.Errorf("%v, %d: %d, want %d", c.verdict.Status, c.seq, got, c.want)
		}
	}
}
