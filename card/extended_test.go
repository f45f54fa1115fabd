package card_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
)

// halfway is a reader that does something else with extended commands, and knows how many it got.
type halfway struct {
	*sim.Card
	other    *sim.Card // lies in it after a reset
	answer   func(answer []byte) ([]byte, error)
	arrives  bool // at the card, before the answer is changed
	extended int
	resets   int
}

func (h *halfway) Reset(ctx context.Context) error {
	if h.resets++; h.other != nil {
		h.Card = h.other
	}
	return h.Card.Reset(ctx)
}

func (h *halfway) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	c, err := card.ParseCommand(command)
	if err != nil || !c.Extended {
		return h.Card.Transmit(ctx, command)
	}
	h.extended++
	answer := []byte{0x90, 0x00}
	if h.arrives {
		if answer, err = h.Card.Transmit(ctx, command); err != nil {
			return answer, err
		}
	}
	return h.answer(answer)
}

// A reader or card that announces extended APDUs and fails on them, in whatever way, is used with short ones, and not tried again.
func TestExtendedFallsBack(t *testing.T) {
	status := func(sw ...byte) func([]byte) ([]byte, error) {
		return func([]byte) ([]byte, error) { return bytes.Clone(sw), nil }
	}
	type lie struct {
		name   string
		answer func([]byte) ([]byte, error)
		onRead bool // it tells only where data is expected
	}
	lies := []lie{
		{"nothing", status(), false},
		{"one byte", status(0x90), false},
		{"reader's error", func([]byte) ([]byte, error) { return nil, errors.New("buffer too small") }, false},
		{"empty", status(0x90, 0x00), true},
		{"cut to 258 bytes", func(b []byte) ([]byte, error) { return b[:min(len(b), 258)], nil }, true},
		{"cut to 256 and 9000", func(b []byte) ([]byte, error) { return append(bytes.Clone(b[:min(len(b)-2, 256)]), 0x90, 0x00), nil }, true},
		{"cut and 6282", func(b []byte) ([]byte, error) { return append(bytes.Clone(b[:min(len(b)-2, 20)]), 0x62, 0x82), nil }, true},
		{"too long", func(b []byte) ([]byte, error) { return append(make([]byte, 500), b...), nil }, true},
	}
	for _, sw := range []string{"6700", "6D00", "6E00", "6F00", "6B00", "6A86", "6883", "6C00", "6CF0", "6281", "6581", "6985", "6110"} {
		lies = append(lies, lie{sw, status(unhex(t, sw)...), false})
	}
	for _, l := range lies {
		for _, arrives := range []bool{false, true} {
			if l.onRead && !arrives && l.name != "empty" {
				continue
			}
			t.Run(l.name, func(t *testing.T) {
				h := &halfway{Card: newCard(t, sim.Options{MaxCommand: 4096, MaxResponse: 4096}), answer: l.answer, arrives: arrives}
				a := selected(t, h)
				m := a.Medium(t.Context())
				if l.onRead {
					h.answer = func(b []byte) ([]byte, error) {
						if len(b) == 2 { // to an UPDATE
							return b, nil
						}
						return l.answer(b)
					}
					h.arrives = true
				}
				if err := card.Format(m, card.ID{1}); err != nil {
					t.Fatal(err)
				}
				record := bytes.Repeat([]byte("abc"), 300)
				if _, err := card.Write(m, record, 0); err != nil {
					t.Fatal(err)
				}
				got, err := card.Read(m)
				if err != nil || !bytes.Equal(got.Record, record) {
					t.Fatal("read back otherwise", err)
				}
				if l.onRead { // what went before were writes
					h.extended = 0
					if _, err := card.Read(m); err != nil || h.extended > 0 {
						t.Errorf("%d extended commands after a failure, %v", h.extended, err)
					}
				} else if h.extended != 1 && (h.extended != 2 || l.name[:2] != "6C") {
					t.Errorf("%d extended commands, want one", h.extended)
				}
			})
		}
	}
}

func TestExtendedStays(t *testing.T) {
	t.Run("when the card is gone", func(t *testing.T) {
		p := &tap{Card: newCard(t, sim.Options{MaxCommand: 4096, MaxResponse: 4096})}
		m := selected(t, p).Medium(t.Context())
		b := make([]byte, 1000)
		if _, err := m.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		p.Remove()
		before := len(p.commands)
		if _, err := m.ReadAt(b, 0); !errors.Is(err, card.ErrCardGone) || len(p.commands) != before+1 {
			t.Errorf("%d commands, %v", len(p.commands)-before, err)
		}
	})
	t.Run("when the PIN is missing", func(t *testing.T) {
		p := &tap{Card: newCard(t, sim.Options{MaxCommand: 4096, MaxResponse: 4096})}
		a := selected(t, p)
		m := a.Medium(t.Context())
		b := make([]byte, 1000)
		if _, err := m.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		for _, sw := range []string{"6982", "6983"} {
			p.change = func(card.Command, []byte, error) ([]byte, error) { return unhex(t, sw), nil }
			before := len(p.commands)
			if _, err := m.ReadAt(b, 0); err == nil || len(p.commands) != before+1 {
				t.Errorf("%s: %d commands, %v", sw, len(p.commands)-before, err)
			}
		}
		p.change = nil
		if _, err := m.ReadAt(b, 0); err != nil || !p.commands[len(p.commands)-1].Extended {
			t.Errorf("short after a refusal: %v", err)
		}
	})
}

// After silence there is a reset, and after it the card may be another one.
func TestExtendedSwap(t *testing.T) {
	o := sim.Options{MaxCommand: 4096, MaxResponse: 4096}
	first, other := newCard(t, o), newCard(t, o)
	for i, c := range []*sim.Card{first, other} {
		if err := card.Format(selected(t, c).Medium(t.Context()), card.ID{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	h := &halfway{Card: first, other: other, answer: func([]byte) ([]byte, error) { return nil, nil }}
	points := other.CutPoints()
	_, err := selected(t, h).Medium(t.Context()).WriteAt(make([]byte, 1000), 1024)
	if !errors.Is(err, card.ErrCardChanged) || !errors.Is(err, card.ErrCardGone) || h.resets != 1 {
		t.Errorf("%v, %d resets", err, h.resets)
	}
	if n := other.CutPoints() - points; n > 1 { // one read
		t.Errorf("%d cut points passed on the other card", n)
	}
}
