package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

// insertSim puts a simulated card into a virtual reader.
func insertSim(t *testing.T, s *pcsctest.Service, slot int, c *sim.Card) *pcsctest.Card {
	t.Helper()
	return pcsctest.Insert(t, s, slot, &pcsctest.Card{Answer: func(command []byte) []byte {
		answer, err := c.Transmit(context.Background(), command)
		if err != nil {
			return nil
		}
		return answer
	}})
}

func insertForeign(t *testing.T, s *pcsctest.Service, slot int) *pcsctest.Card {
	t.Helper()
	return pcsctest.Insert(t, s, slot, &pcsctest.Card{Answer: func([]byte) []byte { return []byte{0x6A, 0x82} }})
}

// states runs "readers" and returns the states it prints, and the document.
func states(t *testing.T, want int) (string, readersDocument) {
	t.Helper()
	code, out, talk := invoke(t, nil, "readers", "--json", "--timeout", "4s")
	if code != want {
		t.Fatalf("exit code %d, want %d: %s", code, want, talk)
	}
	var d readersDocument
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range d.Readers {
		list = append(list, r.State)
	}
	return strings.Join(list, " "), d
}

// diagnosis runs "doctor" and returns the last check of the reader's side.
func diagnosis(t *testing.T, want int, args ...string) check {
	t.Helper()
	began := time.Now()
	code, out, talk := invoke(t, nil, append([]string{"--home", t.TempDir(), "doctor", "--json", "--timeout", "4s"}, args...)...)
	if code != want {
		t.Errorf("exit code %d, want %d: %s", code, want, talk)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("doctor took %v", took)
	}
	var d doctorDocument
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	last := check{}
	for _, c := range d.Checks {
		if c.Name == "identity" {
			break
		}
		last = c
	}
	return last
}

func TestReadersThroughPCSC(t *testing.T) {
	s := pcsctest.Start(t, pcsctest.Readers)
	if got, d := states(t, 0); got != "no-card no-card" || d.Readers[0].Name != s.Reader(0) {
		t.Errorf("%s, %+v", got, d)
	}
	if c := diagnosis(t, 11); c.Name != "card" {
		t.Errorf("%+v", c)
	}
	professional := insertForeign(t, s, 0)
	if c := diagnosis(t, 12); c.Name != "card" {
		t.Errorf("%+v", c)
	}
	powered := len(professional.Controls())
	ours := insertSim(t, s, 1, simCard(t, sim.Options{}, recorded(t)))
	got, d := states(t, 0)
	if got != "other written" || d.Readers[1].ID != "00000000000000010000000000000000" || d.Readers[1].Card != "pcsc:"+s.Reader(1) || d.Readers[0].ATR != "3B800181" {
		t.Errorf("%s, %+v", got, d)
	}
	if n := len(professional.Controls()); n != powered {
		t.Errorf("the professional's card had %d resets", n-powered)
	}
	if controls := ours.Controls(); len(controls) < 2 || controls[len(controls)-1] != pcsctest.Reset {
		t.Errorf("our card was left selected: %v", controls)
	}
	if c := diagnosis(t, 0); c.Name != "card" || !strings.Contains(c.Text, s.Reader(1)) {
		t.Errorf("%+v", c)
	}
	if c := diagnosis(t, 12, "--card", "pcsc:"+s.Reader(0)); c.Name != "card" {
		t.Errorf("%+v", c)
	}
	// What readers prints is what --card takes.
	if code, _, talk := invoke(t, nil, "card", "info", "--card", d.Readers[1].Card); code != 0 {
		t.Errorf("card info: %d %s", code, talk)
	}
}

func TestReadersTagThroughPCSC(t *testing.T) {
	s := pcsctest.Start(t, pcsctest.Readers)
	insertSim(t, s, 0, simCard(t, sim.Options{Tag: &sim.Tag{}}, nil))
	insertSim(t, s, 1, simCard(t, sim.Options{Tag: &sim.Tag{Quirks: sim.QuirksOpenJavaCard}}, recorded(t)))
	if got, d := states(t, 0); got != "tag written" || d.Readers[0].Medium != "type4" || d.Readers[1].Medium != "type4" {
		t.Errorf("%s, %+v", got, d)
	}
	diagnosis(t, 0)
	diagnosis(t, 12, "--card", "pcsc:"+s.Reader(0))
}

// A card that another program holds, or that hangs, stops neither the list nor doctor.
func TestReadersHeldThroughPCSC(t *testing.T) {
	s := pcsctest.Start(t, pcsctest.Readers)
	insertForeign(t, s, 0)
	insertSim(t, s, 1, simCard(t, sim.Options{}, recorded(t)))
	c, err := pcsc.Connect(t.Context(), s.Reader(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := states(t, 0); got != "other busy" {
		t.Errorf("%s", got)
	}
	if x := diagnosis(t, 16); x.Name != "card" {
		t.Errorf("%+v", x)
	}
	if err := c.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := states(t, 0); got != "other written" {
		t.Errorf("afterwards %s", got)
	}
}

func TestReadersSilentThroughPCSC(t *testing.T) {
	s := pcsctest.Start(t, pcsctest.Readers)
	answer := make(chan struct{})
	defer close(answer)
	pcsctest.Insert(t, s, 0, &pcsctest.Card{Answer: func([]byte) []byte { <-answer; return []byte{0x6A, 0x82} }})
	insertSim(t, s, 1, simCard(t, sim.Options{}, recorded(t)))
	if got, _ := states(t, 0); got != "silent written" {
		t.Errorf("%s", got)
	}
}

// A card the wrong way round: something is there, and has no ATR that makes sense.
func TestReadersMuteThroughPCSC(t *testing.T) {
	s := pcsctest.Start(t, pcsctest.Readers)
	pcsctest.Insert(t, s, 0, &pcsctest.Card{Raw: func(message []byte) []byte {
		if len(message) == 1 && message[0] == pcsctest.GetATR {
			return pcsctest.Frame([]byte{0x00, 0x00})
		}
		return nil
	}})
	eventually(t, "the reader sees something", func() bool { got, _ := states(t, 0); return got != "no-card no-card" })
	if got, _ := states(t, 0); got != "mute no-card" {
		t.Errorf("%s", got)
	}
	if c := diagnosis(t, 11); !strings.Contains(c.Remedy, "turn it over") {
		t.Errorf("%+v", c)
	}
}

func TestReadersNoneThroughPCSC(t *testing.T) {
	s := pcsctest.Start(t, pcsctest.NoReaders)
	if got, d := states(t, 10); got != "" || d.Readers == nil {
		t.Errorf("%s, %+v", got, d)
	}
	if c := diagnosis(t, 10); c.Name != "reader" {
		t.Errorf("%+v", c)
	}
	s.Pause()
	if c := diagnosis(t, 10); c.Name != "service" || !strings.Contains(fmt.Sprint(c.Details), "no-answer") {
		t.Errorf("%+v", c)
	}
	s.Continue()
	s.Stop()
	if c := diagnosis(t, 10); c.Name != "service" {
		t.Errorf("%+v", c)
	}
}

// Another program, none of ours, holds the reader for itself, and is named.
func TestDoctorNamesTheHolder(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs are named on Linux only")
	}
	s := pcsctest.Start(t, pcsctest.Readers)
	insertForeign(t, s, 0)
	holder := pcsctest.Python(t, "-c", `
import sys
from smartcard.scard import *
context = SCardEstablishContext(SCARD_SCOPE_USER)[1]
result = SCardConnect(context, sys.argv[1], SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY)[0]
print("held" if result == 0 else result, flush=True)
sys.stdin.read()`, s.Reader(0))
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	holder.Stderr = os.Stderr
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Wait()
	defer in.Close()
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the holder says %q", line)
	}
	if got, _ := states(t, 0); got != "busy no-card" {
		t.Errorf("%s", got)
	}
	c := diagnosis(t, 16)
	if want := fmt.Sprintf("(%d)", holder.Process.Pid); !strings.Contains(c.Remedy, "python") || !strings.Contains(c.Remedy, want) {
		t.Errorf("%s, want %s", c.Remedy, want)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to be that %s", what)
		}
	}
}
