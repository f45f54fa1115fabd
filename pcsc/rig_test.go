//go:build linux && cgo

package pcsc

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/secours-card/secours/pcsc/pcsctest"
)

// Says to a copy of the test binary that it is the one that TestNoService runs.
const alone = "SECOURS_TEST_NO_SERVICE"

// rig is the service that insert puts cards into.
var rig *pcsctest.Service

func TestMain(m *testing.M) { os.Exit(pcsctest.M{M: m}.Run()) }

// service starts pcscd with the virtual reader, or without any, and returns what stops it.
func service(t *testing.T, withReader bool) (stop func()) {
	t.Helper()
	readers := pcsctest.NoReaders
	if withReader {
		readers = pcsctest.Readers
	}
	rig = pcsctest.Start(t, readers)
	return rig.Stop
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to be that %s", what)
		}
	}
}

type testCard struct{ *pcsctest.Card }

// insert puts a card into a slot, 0 or 1. A nil answer pulls it out in the middle of the command.
func insert(t *testing.T, slot int, answer func(command []byte) []byte) testCard {
	t.Helper()
	return testCard{pcsctest.Insert(t, rig, slot, &pcsctest.Card{Answer: answer})}
}

func (c testCard) remove() { c.Remove() }

// powered gives the controls the card has seen: 0 power off, 1 power on, 2 reset.
func (c testCard) powered() string { return string(c.Controls()) }

func connect(t *testing.T, reader string) *Conn {
	t.Helper()
	c, err := Connect(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// echo answers a command with itself and 9000.
func echo(command []byte) []byte { return pcsctest.Echo(command) }

func expect(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}
