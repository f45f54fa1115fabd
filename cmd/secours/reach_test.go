package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

// TestSeveralCards: without a reader's name, our card is found behind others, what is told of several is the gravest, and no verb that
// erases takes one by chance.
func TestSeveralCards(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	ours, err := sim.New(sim.Options{Size: 16384})
	if err != nil {
		t.Fatal(err)
	}
	card := insertSim(t, service, 1, ours)
	invokeWant(t, 0, "", "card", "init")
	foreign := insertForeign(t, service, 0)
	invokeWant(t, 0, "empty", "card", "info")
	for _, args := range [][]string{{"card", "init", "--erase"}, {"card", "wipe", "--yes"}, {"card", "init", "--type4", "--erase"}} {
		invokeWant(t, exitGeneral, "several readers", args...)
	}
	invokeWant(t, 0, "empty", "--card", "pcsc:"+service.Reader(1), "card", "wipe", "--yes")
	if got := string(foreign.Controls()); strings.Count(got, "\x01") > 1 || strings.Contains(got, "\x02") {
		t.Errorf("the card that is not ours saw %x, want no reset", got)
	}

	take := func(slot int, card *pcsctest.Card) {
		card.Remove()
		eventually(t, "the reader is empty", func() bool { return len(service.ATR(slot)) == 0 })
	}
	take(1, card)
	tag, err := sim.New(sim.Options{Tag: &sim.Tag{}})
	if err != nil {
		t.Fatal(err)
	}
	insertSim(t, service, 1, tag)
	invokeWant(t, exitNotOurCard, "blank", "read")
	take(0, foreign)
	pcsctest.Insert(t, service, 0, &pcsctest.Card{Answer: func([]byte) []byte { return []byte{0x6F, 0x00} }})
	invokeWant(t, exitNotOurCard, "does not answer as it should", "read")
}

// TestTwoSecoursCards: whose card is read or written must depend neither on the order of the readers nor on who is busy.
func TestTwoSecoursCards(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	p := newPlayground(t)
	for slot := range 2 {
		c, err := sim.New(sim.Options{Size: 16384})
		if err != nil {
			t.Fatal(err)
		}
		insertSim(t, service, slot, c)
		invokeWant(t, 0, "empty", "--card", "pcsc:"+service.Reader(slot), "card", "init")
	}
	invokeWant(t, 0, "signed", "--home", p.file("gp"), "--card", "pcsc:"+service.Reader(1), "write", p.file("summary.json"))
	verbs := [][]string{
		{"--home", p.file("gp"), "read"},
		{"card", "info"},
		{"--home", p.file("gp"), "write", p.file("summary.json")},
		{"--home", p.file("pharmacy"), "amend", "--file", p.file("amendment.json")},
		{"--home", p.file("gp"), "card", "reseal"},
	}
	for _, args := range verbs {
		invokeWant(t, exitGeneral, service.Reader(1), args...)
		invokeWant(t, exitGeneral, "several Secours cards", args...)
	}
	other, err := pcsc.Connect(t.Context(), service.Reader(0))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, args := range verbs {
		if i < 2 {
			invokeWant(t, 0, "was not looked at", args...)
		} else {
			invokeWant(t, exitBusy, "not sure which card", args...)
		}
	}
	invokeWant(t, 0, "DURAND", "--home", p.file("pharmacy"), "--card", "pcsc:"+service.Reader(1), "amend", "--file", p.file("amendment.json"))
}

// TestPINStaysWithItsCard: a card that is put in while the PIN of another is typed is not given it.
func TestPINStaysWithItsCard(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	withPIN := func(pin string) *sim.Card {
		c, err := sim.New(sim.Options{Size: 16384, PIN: []byte(pin)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first, second := withPIN("1111"), withPIN("2222")
	card := insertSim(t, service, 0, first)
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var talk bytes.Buffer
	a := newApp()
	a.in, a.out, a.err, a.getenv = in, io.Discard, &talk, func(string) string { return "" }
	ended := make(chan int, 1)
	go func() {
		ended <- execute(t.Context(), []string{"--lang", "en", "card", "info", "--passphrase-stdin"}, a)
	}()
	eventually(t, "the card was looked at and let go of", func() bool {
		return first.Commands() >= 3 && bytes.Contains(card.Controls(), []byte{2}) // Close resets it
	})
	card.Remove()
	eventually(t, "the reader is empty", func() bool { return len(service.ATR(0)) == 0 })
	insertSim(t, service, 0, second)
	if _, err := feed.WriteString("1111\n"); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	if code := <-ended; code != exitConflict || !strings.Contains(talk.String(), "no longer the same card") {
		t.Errorf("exit code %d: %s", code, talk.String())
	}
	answer, err := second.Transmit(t.Context(), append([]byte{0x00, 0xA4, 0x04, 0x00, 0x08}, []byte("\xF0SECOURS")...))
	if err != nil || len(answer) < 2 {
		t.Fatal(err)
	}
	if answer, err := second.Transmit(t.Context(), []byte{0x00, 0x20, 0x00, 0x81}); err != nil || !bytes.Equal(answer, []byte{0x63, 0xC3}) {
		t.Errorf("the other card says %x, %v of its PIN, want all its attempts", answer, err)
	}
}

func invokeWant(t *testing.T, code int, text string, args ...string) {
	t.Helper()
	got, out, talk := invoke(t, nil, append([]string{"--lang", "en", "--timeout", "2s"}, args...)...)
	if got != code || !strings.Contains(string(out)+string(talk), text) {
		t.Errorf("%v: exit code %d, want %d and %q: %s%s", args, got, code, text, out, talk)
	}
}
