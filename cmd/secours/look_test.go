package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
)

// desk is a PC/SC with readers that misbehave as told.
type desk struct {
	err     error // of the list
	hang    bool  // the list never comes
	readers []deskReader

	mu  sync.Mutex
	log []string // what reached the cards
}

type deskReader struct {
	name    string
	card    card.Transmitter // nil: none
	connect error
	begin   error
	// hangs: "connect", "begin", "transmit", "close" never return, whatever the context says.
	hangs string
}

func (d *desk) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, what)
}

func (d *desk) said() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

func (d *desk) Readers(context.Context) ([]pcsc.Reader, error) {
	if d.hang {
		select {}
	}
	var list []pcsc.Reader
	for _, r := range d.readers {
		x := pcsc.Reader{Name: r.name, Card: r.card != nil || r.connect != nil || r.hangs != ""}
		if x.Card {
			x.ATR = []byte{0x3B, 0x80, 0x01, 0x81}
		}
		list = append(list, x)
	}
	return list, d.err
}

func (d *desk) Connect(ctx context.Context, reader string) (sharedCard, error) {
	for _, r := range d.readers {
		if r.name != reader {
			continue
		}
		if r.hangs == "connect" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return &deskCard{d, r}, r.connect
	}
	return nil, pcsc.ErrNoReader
}

type deskCard struct {
	d *desk
	r deskReader
}

func (c *deskCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if c.r.hangs == "transmit" {
		select {}
	}
	return c.r.card.Transmit(ctx, command)
}

func (c *deskCard) Begin(ctx context.Context) error {
	c.d.note(c.r.name + " begin")
	if c.r.hangs == "begin" {
		<-ctx.Done()
		return ctx.Err()
	}
	return c.r.begin
}

func (c *deskCard) End(context.Context) error { c.d.note(c.r.name + " end"); return nil }
func (c *deskCard) Leave() error              { c.d.note(c.r.name + " leave"); return nil }

func (c *deskCard) Close() error {
	c.d.note(c.r.name + " close")
	if c.r.hangs == "close" {
		select {}
	}
	return nil
}

// foreignCard refuses every command as a card does that knows no such application.
type foreignCard struct{}

func (foreignCard) Transmit(context.Context, []byte) ([]byte, error) { return []byte{0x6A, 0x82}, nil }

// simCard is a simulated card, prepared and perhaps changed.
func simCard(t *testing.T, o sim.Options, change func(m card.Medium)) *sim.Card {
	t.Helper()
	c, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		opened, err := card.Open(t.Context(), c)
		if errors.Is(err, card.ErrBlankTag) {
			err = opened.(*card.Tag).LayOut(t.Context(), false)
		}
		if err != nil {
			t.Fatal(err)
		}
		m := opened.Medium(t.Context())
		if err := card.Format(m, card.ID{7: 1}); err != nil {
			t.Fatal(err)
		}
		change(m)
		if err := c.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func formatted(card.Medium) {}

func recorded(t *testing.T) func(m card.Medium) {
	return func(m card.Medium) {
		if _, err := card.Write(m, []byte("a record"), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func scribbled(t *testing.T, off int64, with string) func(m card.Medium) {
	return func(m card.Medium) {
		if _, err := m.WriteAt([]byte(with), off); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLook(t *testing.T) {
	otherMessage := simCard(t, sim.Options{Tag: &sim.Tag{}}, nil)
	tag, err := card.SelectTag(t.Context(), otherMessage)
	if err != nil || !errors.Is(tag.Message(), card.ErrBlankTag) {
		t.Fatal(err, tag.Message())
	}
	// NLEN 4, and an empty record with a payload of one byte.
	if _, err := otherMessage.Transmit(t.Context(), []byte{0x00, 0xD6, 0x00, 0x00, 0x06, 0x00, 0x04, 0xD0, 0x00, 0x01, 0x00}); err != nil {
		t.Fatal(err)
	}
	removed := simCard(t, sim.Options{}, formatted)
	removed.Remove()
	for name, c := range map[string]struct {
		card     card.Transmitter
		state    string
		medium   string
		is       error
		selected bool
	}{
		"empty":         {simCard(t, sim.Options{}, formatted), lookEmpty, "application", nil, true},
		"written":       {simCard(t, sim.Options{}, recorded(t)), lookWritten, "application", nil, true},
		"tag, written":  {simCard(t, sim.Options{Tag: &sim.Tag{}}, recorded(t)), lookWritten, "type4", nil, true},
		"tag, blank":    {simCard(t, sim.Options{Tag: &sim.Tag{}}, nil), lookTag, "type4", card.ErrBlankTag, false},
		"tag, other":    {otherMessage, lookOtherMessage, "type4", card.ErrOtherMessage, false},
		"unprepared":    {simCard(t, sim.Options{}, nil), lookUnprepared, "application", card.ErrNotFormatted, true},
		"overwritten":   {simCard(t, sim.Options{}, scribbled(t, 0, "something else stands here")), lookDamaged, "application", card.ErrNotFormatted, true},
		"newer format":  {simCard(t, sim.Options{}, newerFormat(t)), lookNewerFormat, "application", card.ErrNewerFormat, true},
		"with a PIN":    {simCard(t, sim.Options{PIN: []byte("1234")}, nil), lookPIN, "application", card.ErrSecurity, true},
		"another":       {foreignCard{}, lookOther, "", card.ErrNotOurCard, false},
		"taken out":     {removed, lookNoCard, "", sim.ErrRemoved, false},
		"nonsense":      {answering("\x01\x02\x03\x90\x00"), lookOther, "", card.ErrNotOurCard, false},
		"refusing":      {answering("\x6F\x00"), lookFailed, "", card.ErrCard, false},
		"two bytes few": {answering(""), lookNoCard, "", card.ErrCardGone, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := look(t.Context(), c.card)
			if f.state != c.state || f.medium != c.medium || f.selected != c.selected {
				t.Errorf("%+v, want %s, %q, selected %v", f, c.state, c.medium, c.selected)
			}
			if c.is == nil && f.err != nil || c.is != nil && !errors.Is(f.err, c.is) {
				t.Errorf("error %v, want %v", f.err, c.is)
			}
			if (f.id != "") != (c.is == nil) {
				t.Errorf("card number %q", f.id)
			}
			if w, ok := lookWords[f.state]; !ok || w.fr == "" || w.en == "" {
				t.Errorf("no wording for %s", f.state)
			}
		})
	}
}

// answering is a card that has one answer for everything.
type answering string

func (a answering) Transmit(context.Context, []byte) ([]byte, error) { return []byte(a), nil }

// newerFormat raises the version of the container (docs/FORMAT.md, 2.1).
func newerFormat(t *testing.T) func(m card.Medium) {
	return func(m card.Medium) {
		superblock := make([]byte, 40)
		if _, err := m.ReadAt(superblock, 0); err != nil {
			t.Fatal(err)
		}
		superblock[4]++
		sum := sha256.Sum256(superblock[:32])
		copy(superblock[32:], sum[:8])
		if _, err := m.WriteAt(superblock, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// A card that is none of ours keeps the session that another program has with it; one that is ours is reset, whatever is wrong with it.
func TestLookLetsGo(t *testing.T) {
	d := &desk{readers: []deskReader{
		{name: "practice", card: foreignCard{}},
		{name: "ours", card: simCard(t, sim.Options{}, recorded(t))},
		{name: "locked", card: simCard(t, sim.Options{PIN: []byte("1234")}, nil)},
		{name: "tag", card: simCard(t, sim.Options{Tag: &sim.Tag{}}, nil)},
		{name: "deactivated", card: answering("\x62\x83")}, // and selected all the same (ISO/IEC 7816-4:2020, 7.4.10)
		{name: "held", card: foreignCard{}, begin: pcsc.ErrCardReset},
	}}
	a := &app{timeout: 5 * time.Second}
	if _, _, err := a.lookInto(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	log := d.said()
	for _, r := range d.readers {
		var got []string
		for _, line := range log {
			if what, ok := strings.CutPrefix(line, r.name+" "); ok {
				got = append(got, what)
			}
		}
		want := map[string]string{
			"practice": "begin end leave", "ours": "begin close", "locked": "begin close", "tag": "begin close", "deactivated": "begin close", "held": "begin leave",
		}[r.name]
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", r.name, got, want)
		}
	}
}

// Whatever hangs in one reader, the others are told of, in the service's order, and in time.
func TestLookHangs(t *testing.T) {
	ours := simCard(t, sim.Options{}, recorded(t))
	for _, c := range []struct{ hangs, state string }{
		{"connect", lookBusy}, {"begin", lookBusy}, {"transmit", lookSilent}, {"close", lookWritten},
	} {
		t.Run(c.hangs, func(t *testing.T) {
			t.Parallel()
			d := &desk{readers: []deskReader{{name: "A", hangs: c.hangs, card: ours}, {name: "B", card: foreignCard{}}, {name: "C"}}}
			a := &app{timeout: 300 * time.Millisecond}
			began := time.Now()
			list, looks, err := a.lookInto(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > a.timeout+time.Second {
				t.Errorf("it took %v", took)
			}
			var got []string
			for i := range list {
				got = append(got, list[i].Name+" "+looks[i].state)
			}
			if want := fmt.Sprintf("A %s, B other, C no-card", c.state); strings.Join(got, ", ") != want {
				t.Errorf("%v, want %s", got, want)
			}
		})
	}
	t.Run("list", func(t *testing.T) {
		t.Parallel()
		a := &app{timeout: 300 * time.Millisecond}
		_, _, err := a.lookInto(t.Context(), &desk{hang: true})
		if !errors.Is(err, pcsc.ErrNoService) {
			t.Errorf("%v", err)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		a := &app{timeout: time.Minute}
		d := &desk{readers: []deskReader{{name: "A", hangs: "begin", card: ours}}}
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, _, err := a.lookInto(ctx, d); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// One name reaches one reader: what is in the other is not guessed.
func TestLookTwins(t *testing.T) {
	d := &desk{readers: []deskReader{{name: "A", card: foreignCard{}}, {name: "A", card: simCard(t, sim.Options{}, recorded(t))}}}
	a := &app{timeout: time.Second}
	_, looks, err := a.lookInto(t.Context(), d)
	if err != nil || looks[0].state != lookOther || looks[1].state != lookAmbiguous {
		t.Errorf("%+v, %v", looks, err)
	}
}
