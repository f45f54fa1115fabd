package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/secours-card/secours/card"
)

// What this home has read of a card before: one small file per card, since a pharmacy meets thousands. A memory cannot prove that it
// is the newest; who has seen it newer can say so.

func (h home) seenFile(id card.ID) string {
	// Not the card's own number: these files are no list of it for whoever steals the computer.
	name := sha256.Sum256(append([]byte("secours/1 seen"), id[:]...))
	return filepath.Join(string(h), "seen", hex.EncodeToString(name[:8]))
}

// seen is the highest number that this home has read from a card, 0 for none.
func (h home) seen(id card.ID) uint64 {
	data, err := readFile(h.seenFile(id), 64)
	if err != nil {
		return 0
	}
	var seq uint64
	if _, err := fmt.Sscanf(string(data), "%d\n", &seq); err != nil {
		return 0
	}
	return seq
}

// remember notes a number that was read from a card or written to it. A home that cannot be written to is no reason not to show a card.
func (h home) remember(id card.ID, seq uint64) {
	if seq <= h.seen(id) || seq > plausibleSeq {
		return
	}
	name := h.seenFile(id)
	if os.MkdirAll(filepath.Dir(name), 0o700) != nil {
		return
	}
	// Not writeFile: what a power cut leaves of this is worth nothing, and a read must not wait for the disk.
	temporary := name + ".new"
	if os.WriteFile(temporary, fmt.Appendf(nil, "%d\n", seq), 0o600) == nil {
		os.Rename(temporary, name)
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
