package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
)

// memory is all that the card holds, and record the one that is read, if there is one.
func (p *playground) memory(t *testing.T) (memory, record []byte) {
	t.Helper()
	p.card(t, func(m card.Medium) {
		memory = make([]byte, m.Size())
		if _, err := m.ReadAt(memory, 0); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if c, err := card.Read(m); err == nil {
			record = bytes.Clone(c.Record)
		}
	})
	return memory, record
}

func (p *playground) id(t *testing.T) string {
	t.Helper()
	out, _ := p.gp(t, 0, "card", "info", "--json")
	var info cardInfo
	if err := json.Unmarshal([]byte(out), &info); err != nil {
		t.Fatal(err)
	}
	return info.ID
}

// left tells whether a piece of a record is in a memory.
func left(memory, record []byte) bool {
	for i := 0; i+8 <= len(record); i++ {
		if piece := record[i : i+8]; len(bytes.Trim(piece, "\x00")) > 0 && bytes.Contains(memory, piece) {
			return true
		}
	}
	return false
}

// spoil changes bytes of the card's memory.
func (p *playground) spoil(t *testing.T, change func(memory []byte)) {
	t.Helper()
	memory, _ := p.memory(t)
	change(memory)
	p.card(t, func(m card.Medium) {
		if _, err := m.WriteAt(memory, 0); err != nil {
			t.Fatal(err)
		}
	})
}

// TestWipe: whatever the card held, readable or not, nothing of it is left, and the card has a new number.
func TestWipe(t *testing.T) {
	superblock := func(memory []byte, at int, b byte) {
		memory[at] = b
		sum := sha256.Sum256(memory[:32])
		copy(memory[32:40], sum[:8])
	}
	for _, verb := range [][]string{{"card", "wipe", "--yes"}, {"card", "init", "--erase"}} {
		for name, c := range map[string]struct {
			spoil func(memory []byte)
			warns bool
		}{
			"readable":      {func([]byte) {}, false},
			"not formatted": {func(memory []byte) { memory[0] ^= 1 }, false},
			"damaged":       {func(memory []byte) { memory[20] ^= 1 }, false},
			"newer":         {func(memory []byte) { superblock(memory, 4, 9) }, true},
			"of other pages": {func(memory []byte) {
				superblock(memory, 7, 16)
				copy(memory[len(memory)-16:], "a piece of it")
			}, false},
		} {
			t.Run(verb[1]+" "+name, func(t *testing.T) {
				p := newPlayground(t)
				p.gp(t, 0, "write", p.file("summary.json"))
				id := p.id(t)
				_, record := p.memory(t)
				p.spoil(t, c.spoil)
				if before, _ := p.memory(t); len(record) < 500 || !left(before, record) {
					t.Fatal("nothing to erase")
				}
				out, talk := p.gp(t, 0, verb...)
				if !strings.Contains(out, "empty") || (c.warns && verb[1] == "wipe") != strings.Contains(talk, "newer version") {
					t.Errorf("%s%s", out, talk)
				}
				after, _ := p.memory(t)
				if left(after, record) || left(after, []byte("a piece of it")) {
					t.Error("a piece of the record is left")
				}
				if now := p.id(t); now == id || strings.Trim(now, "0") == "" {
					t.Errorf("the number was %s and is %s", id, now)
				}
				p.gp(t, 0, "write", p.file("summary.json"))
			})
		}
	}
}

// TestWipePulled pulls the card while it is wiped: nothing is left, or the user is told that it may be, and wipes it again.
func TestWipePulled(t *testing.T) {
	p := newPlayground(t)
	p.gp(t, 0, "write", p.file("summary.json"))
	full, record := p.memory(t)
	notErased, remains, untouched := 0, 0, 0
	for cut := 1; ; cut += 61 {
		p.spoil(t, func(memory []byte) { copy(memory, full) })
		code, _, talk := invoke(t, func(path string, s sim.Session) (*sim.Card, error) {
			c, err := sim.Open(path, s)
			if err == nil {
				c.PullAfter(cut)
			}
			return c, err
		}, "--card", "sim:"+p.image, "card", "wipe", "--yes", "--json")
		after, _ := p.memory(t)
		remain := left(after, record)
		if code == 0 {
			if remain {
				t.Fatalf("cut %d: reported as wiped, and a piece of the record is left", cut)
			}
			break
		}
		var f struct {
			Name      string
			Retryable bool
		}
		if err := json.Unmarshal(talk, &f); err != nil || code != exitNoCard || !f.Retryable {
			t.Fatalf("cut %d: exit code %d, %s", cut, code, talk)
		}
		switch f.Name {
		case "not-erased":
			notErased++
			if remain {
				remains++
			}
		case "no-card":
			if untouched++; !bytes.Equal(after, full) {
				t.Fatalf("cut %d: %s, and something was written", cut, talk)
			}
		default:
			t.Fatalf("cut %d: %s", cut, talk)
		}
		p.gp(t, 0, "card", "wipe", "--yes")
		if after, _ := p.memory(t); left(after, record) {
			t.Fatalf("cut %d: wiped again, and a piece of the record is left", cut)
		}
	}
	t.Logf("%d not erased, %d of them with a record left, %d untouched", notErased, remains, untouched)
	if notErased < 5 || remains == 0 || untouched == 0 {
		t.Error("not every outcome was seen")
	}
}

// TestWipeAnother: the card that was confirmed is wiped, and no other that lies in its place since.
func TestWipeAnother(t *testing.T) {
	p, other := newPlayground(t), newPlayground(t)
	before, _ := other.memory(t)
	wipe := func(image string, confirmed identified) error {
		a := newApp()
		a.card, a.out, a.err = "sim:"+image, io.Discard, io.Discard
		return a.wipe(context.Background(), &confirmed)
	}
	var confirmed identified
	p.card(t, func(m card.Medium) {
		var err error
		if confirmed, err = identify(m); err != nil || confirmed.unreadable != nil {
			t.Fatal(confirmed, err)
		}
	})
	for _, c := range []identified{confirmed, {unreadable: card.ErrDamaged}, {}} {
		if err := wipe(other.image, c); !errors.Is(err, card.ErrCardChanged) {
			t.Errorf("%v was confirmed: %v", c, err)
		}
	}
	if after, _ := other.memory(t); !bytes.Equal(before, after) {
		t.Error("another card was written to")
	}
	if err := wipe(p.image, confirmed); err != nil {
		t.Error(err)
	}
}
