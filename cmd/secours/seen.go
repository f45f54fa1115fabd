package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary/record"
)

// What this home has read of a card before: one small file per card, since a pharmacy meets thousands. A memory cannot prove that it
// is the newest; who has seen it newer can say so.

func (h home) seenFile(id card.ID) string {
	// Not the card's own number: these files are no list of it for whoever steals the computer.
	name := sha256.Sum256(append([]byte("secours/1 seen"), id[:]...))
	return filepath.Join(string(h), "seen", hex.EncodeToString(name[:8]))
}

// state is a state of a card: its number, and its head, since two states that went apart have the same number. The head is zero where
// it says nothing: a finder of the card can append what looks like an amendment, and take it off again.
type state struct {
	seq  uint64
	head record.Head
}

func stateOf(r *record.Record) state {
	s := state{r.LastSeq(), r.Head}
	for i := range r.Amendments {
		if r.Amendments[i].Verdict.Reason == record.ReasonDamaged {
			s.head = record.Head{}
		}
	}
	return s
}

// seen is the newest state of a card that this home has read, the zero one for none.
func (h home) seen(id card.ID) state {
	data, err := readFile(h.seenFile(id), 128)
	if err != nil {
		return state{}
	}
	var s state
	var head []byte
	if _, err := fmt.Sscanf(string(data), "%d %x\n", &s.seq, &head); err != nil || len(head) != len(s.head) {
		return state{}
	}
	s.head = record.Head(head)
	return s
}

// notAfter reports whether a state cannot have come after what this home has seen: somebody put the card back, or copied it.
func (h home) notAfter(id card.ID, now state) bool {
	seen := h.seen(id)
	none := record.Head{}
	return now.seq < seen.seq || now.seq == seen.seq && now.head != seen.head && now.head != none && seen.head != none
}

// remember notes a state that was read from a card or written to it. A home that cannot be written to is no reason not to show a card.
func (h home) remember(id card.ID, now state) {
	if now.seq <= h.seen(id).seq || now.seq > plausibleSeq {
		return
	}
	name := h.seenFile(id)
	if os.MkdirAll(filepath.Dir(name), 0o700) != nil {
		return
	}
	// Not writeFile: what a power cut leaves of this is worth nothing, and a read must not wait for the disk.
	temporary := name + ".new"
	if os.WriteFile(temporary, fmt.Appendf(nil, "%d %x\n", now.seq, now.head), 0o600) == nil {
		os.Rename(temporary, name)
	}
}

// A write whose end is not known may have been read elsewhere. What this home writes next is numbered after it, so that nobody who read
// it takes the next state for an older one.

func (h home) attemptFile(id card.ID) string { return h.seenFile(id) + ".attempt" }

// attempted is the highest number that this home has given on a card, 0 for none.
func (h home) attempted(id card.ID) uint64 {
	data, err := readFile(h.attemptFile(id), 32)
	if err != nil {
		return 0
	}
	var seq uint64
	if _, err := fmt.Sscanf(string(data), "%d\n", &seq); err != nil || seq > plausibleSeq {
		return 0
	}
	return seq
}

func (h home) attempt(id card.ID, seq uint64) {
	if os.MkdirAll(filepath.Dir(h.attemptFile(id)), 0o700) == nil {
		os.WriteFile(h.attemptFile(id), fmt.Appendf(nil, "%d\n", seq), 0o600)
	}
}

// A write that hides something goes into both slots. Where it was cut short the older record may still be on the card, which no later
// reader can see; who began it remembers, and the next write of this home does it.

func (h home) erasingFile(id card.ID) string { return h.seenFile(id) + ".erase" }

// erasing reports whether this home began to erase an older record from a card, and was not told that it is gone.
func (h home) erasing(id card.ID) bool {
	_, err := os.Stat(h.erasingFile(id))
	return err == nil
}

func (h home) beginErasing(id card.ID) {
	if os.MkdirAll(filepath.Dir(h.erasingFile(id)), 0o700) == nil {
		os.WriteFile(h.erasingFile(id), nil, 0o600)
	}
}

func (h home) endErasing(id card.ID) { os.Remove(h.erasingFile(id)) }
