//go:build linux && cgo

package pcsc

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ebfe/scard"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

// signed is a card that answers with a byte of its own.
func signed(id byte) func([]byte) []byte {
	return func([]byte) []byte { return []byte{id, 0x90, 0x00} }
}

// A card that is swapped for another while a command is under way: pcscd sees no gap, and a connection from before talks to the second
// card. What the package promises is that no command does before Reset; which card it is then, only its identity tells.
func TestSwapThatTheServiceDoesNotSee(t *testing.T) {
	unleaked(t)
	service(t, true)
	for try := range 5 {
		first := insert(t, 0, signed(1))
		c, other := connect(t, ""), foreign(t, 0, scard.ShareShared)
		before, err := Readers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen := make(chan struct{})
		second := &pcsctest.Card{Raw: func(m []byte) []byte {
			switch {
			case len(m) == 1 && m[0] == pcsctest.GetATR:
				select {
				case <-seen:
				default:
					close(seen)
				}
				return pcsctest.Frame(pcsctest.DefaultATR)
			case len(m) == 1:
				return nil
			}
			return pcsctest.Frame(signed(2)(m))
		}}
		first.remove()
		pcsctest.Insert(t, rig, 0, second)
		_, err = c.Transmit(t.Context(), selectMF)
		expect(t, "Transmit during the swap", err, ErrCardRemoved)
		<-seen
		after, err := Readers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if after[0].Events != before[0].Events {
			t.Logf("try %d: pcscd looked in between", try)
			second.Remove()
			eventually(t, "the reader is empty", func() bool { return rig.ATR(0) == nil })
			continue
		}
		if got, err := other.Transmit(selectMF); err != nil || got[0] != 2 {
			t.Errorf("another program's old connection: %x, %v; this test makes no sense then", got, err)
		}
		got, err := c.Transmit(t.Context(), selectMF)
		if got != nil {
			t.Errorf("the second card answered the first one's reader: %x", got)
		}
		expect(t, "Transmit after the swap", err, ErrCardRemoved)
		if err := c.Reset(t.Context()); err != nil {
			t.Fatalf("Reset: %v", err)
		}
		if !slices.Contains(second.Controls(), pcsctest.PowerOn) {
			t.Errorf("Reset did not reach the second card: it saw %x", second.Controls())
		}
		if got, err := c.Transmit(t.Context(), selectMF); err != nil || got[0] != 2 {
			t.Errorf("after Reset: %x, %v", got, err)
		}
		return
	}
	t.Error("pcscd saw every swap")
}

// A swap that pcscd sees: the connection is the first card's for good, and the event counter tells whoever looks too late to see the gap.
func TestSwapThatTheServiceSees(t *testing.T) {
	unleaked(t)
	service(t, true)
	first := insert(t, 0, signed(1))
	c, late, ended := connect(t, ""), connect(t, ""), connect(t, "")
	before, err := Readers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := ended.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.remove()
	eventually(t, "the reader is empty", func() bool { return rig.ATR(0) == nil })
	_, err = c.Transmit(t.Context(), selectMF)
	expect(t, "Transmit without a card", err, ErrCardRemoved)
	expect(t, "End without a card", ended.End(t.Context()), ErrCardRemoved)
	insert(t, 0, signed(2))
	after, err := Readers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !after[0].Card || after[0].Events == before[0].Events || before[0].equal(after[0]) {
		t.Errorf("before %+v, after %+v", before[0], after[0])
	}
	_, err = c.Transmit(t.Context(), selectMF)
	expect(t, "Transmit", err, ErrCardRemoved)
	expect(t, "Reset", c.Reset(t.Context()), ErrCardRemoved)
	expect(t, "Begin", c.Begin(t.Context()), ErrCardRemoved)
	// The first card's transaction went with it.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	next, err := Connect(ctx, "")
	if err != nil {
		t.Fatalf("a new connection: %v", err)
	}
	defer next.Close()
	if got, err := next.Transmit(t.Context(), selectMF); err != nil || got[0] != 2 {
		t.Errorf("a new connection: %x, %v", got, err)
	}
	// To end the old connection is nothing that the next card should notice.
	for _, c := range []*Conn{c, late, ended} {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, err := next.Transmit(t.Context(), selectMF); err != nil {
			t.Errorf("after the Close of an old connection: %v", err)
		}
	}
}

func TestATRLengths(t *testing.T) {
	unleaked(t)
	service(t, true)
	// 3B DF: T0 announces TA1, TC1, TD1 and 15 historical bytes; TD1 leads to TD2 and so on, up to 32 bytes after TS.
	long := append([]byte{0x3B, 0xFF, 0x11, 0x00, 0x00, 0xF1, 0x00, 0x00, 0x00, 0xF1, 0x00, 0x00, 0x00, 0x01}, make([]byte, 19)...)
	if len(long) != 33 {
		t.Fatal(len(long))
	}
	pcsctest.Insert(t, rig, 0, &pcsctest.Card{ATR: long, Answer: echo})
	readers, err := Readers(t.Context())
	if err != nil || !bytes.Equal(readers[0].ATR, long) {
		t.Errorf("Readers = %+v, %v", readers, err)
	}
	if _, err := connect(t, rig.Reader(0)).Transmit(t.Context(), selectMF); err != nil && !errors.Is(err, ErrCardUnresponsive) {
		t.Errorf("Transmit: %v", err)
	}
	// Longer than any can be (ISO/IEC 7816-3, 8.2.1).
	over := &pcsctest.Card{Raw: func(m []byte) []byte {
		if len(m) == 1 && m[0] == pcsctest.GetATR {
			return pcsctest.Frame(bytes.Repeat([]byte{0x3B}, 300))
		}
		return nil
	}}
	pcsctest.Insert(t, rig, 1, over)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	seen := false
	for readers, err := range Watch(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if readers[1].Card {
			seen = true
			if !readers[1].Mute || readers[1].ATR != nil {
				t.Errorf("%+v", readers[1])
			}
			break
		}
	}
	if !seen {
		t.Fatal("the card was not seen")
	}
	_, err = Connect(t.Context(), rig.Reader(1))
	expect(t, "Connect", err, ErrCardUnresponsive)
	// libpcsclite takes 0.4 s to look at a card without an ATR.
	ctx, cancel = context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	_, err = WaitCard(ctx, rig.Reader(1))
	expect(t, "WaitCard", err, context.DeadlineExceeded)
}
