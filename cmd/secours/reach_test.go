package main

import (
	"strings"
	"testing"

	"github.com/secours-card/secours/card/sim"
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

func invokeWant(t *testing.T, code int, text string, args ...string) {
	t.Helper()
	got, out, talk := invoke(t, nil, append([]string{"--lang", "en", "--timeout", "2s"}, args...)...)
	if got != code || !strings.Contains(string(out)+string(talk), text) {
		t.Errorf("%v: exit code %d, want %d and %q: %s%s", args, got, code, text, out, talk)
	}
}
