//go:build linux && cgo

package pcsc

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/ebfe/scard"
)

// In a process of its own, because libpcsclite reads the socket's name once.
func TestNoService(t *testing.T) {
	if os.Getenv(alone) != "" {
		_, err := Readers(t.Context())
		expect(t, "Readers", err, ErrNoService)
		_, err = Connect(t.Context(), "")
		expect(t, "Connect", err, ErrNoService)
		_, err = Connect(t.Context(), "a reader")
		expect(t, "Connect by name", err, ErrNoService)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run=^TestNoService$", "-test.v")
	c.Env = append(os.Environ(), alone+"=1")
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestNoService")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestServiceWithoutReaders(t *testing.T) {
	unleaked(t)
	service(t, false)
	readers, err := Readers(t.Context())
	if err != nil || len(readers) != 0 {
		t.Errorf("Readers = %v, %v; want an empty list", readers, err)
	}
	_, err = Connect(t.Context(), "")
	expect(t, "Connect", err, ErrNoReader)
}

func TestEmptyReader(t *testing.T) {
	unleaked(t)
	service(t, true)
	readers, err := Readers(t.Context())
	if err != nil || len(readers) != 2 {
		t.Fatalf("Readers = %v, %v; want two", readers, err)
	}
	for _, r := range readers {
		if r.Card || r.ATR != nil || !strings.HasPrefix(r.Name, "Virtual") {
			t.Errorf("%+v, want an empty reader", r)
		}
	}
	_, err = Connect(t.Context(), "")
	expect(t, "Connect", err, ErrNoCard)
	_, err = Connect(t.Context(), readers[1].Name)
	expect(t, "Connect by name", err, ErrNoCard)
	_, err = Connect(t.Context(), "another reader")
	expect(t, "Connect to an unknown reader", err, ErrNoReader)
	_, err = Connect(t.Context(), readers[0].Name+"\x00")
	expect(t, "Connect to a name with a NUL", err, ErrNoReader)
}

// pcscd takes 0.4 s to see a card: these share one.
func TestConn(t *testing.T) {
	unleaked(t)
	service(t, true)
	card := insert(t, 1, echo)
	for _, test := range []struct {
		name string
		run  func(*testing.T, testCard)
	}{
		{"any length", testTransmit},
		{"many goroutines", testTransmitFromManyGoroutines},
		{"context ended before", testContextEndedBefore},
		{"Reset", testResetTakesThePowerAway},
		{"a foreign reset", testForeignReset},
		{"Close", testCloseResetsTheCard},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, card) })
	}
}

func testTransmit(t *testing.T, _ testCard) {
	c := connect(t, "")
	if !strings.HasSuffix(c.Reader(), "01") {
		t.Errorf("connected to %q, want the slot with the card", c.Reader())
	}
	for _, n := range []int{minCommand, 5, 261, 4000, maxCommand - 2} {
		command := bytes.Repeat([]byte{0x5A}, n)
		got, err := c.Transmit(t.Context(), command)
		if err != nil || !bytes.Equal(got, echo(command)) {
			t.Errorf("%d bytes: %d bytes came back, %v", n, len(got), err)
		}
		if cap(got) > 2*(n+2)+64 {
			t.Errorf("%d bytes: the answer keeps %d bytes alive", n, cap(got))
		}
		if !bytes.Equal(command, bytes.Repeat([]byte{0x5A}, n)) {
			t.Errorf("%d bytes: the caller's command was changed", n)
		}
	}
	for _, command := range [][]byte{nil, {}, make([]byte, minCommand-1), make([]byte, maxCommand+1)} {
		_, err := c.Transmit(t.Context(), command)
		expect(t, fmt.Sprintf("%d bytes", len(command)), err, ErrCommandLength)
	}
	if _, err := c.Transmit(t.Context(), make([]byte, minCommand)); err != nil {
		t.Errorf("after refused commands: %v", err)
	}
}

func testTransmitFromManyGoroutines(t *testing.T, _ testCard) {
	conns := []*Conn{connect(t, ""), connect(t, "")}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 5 {
				command := []byte{0, 0xB0, byte(i), byte(j)}
				got, err := conns[i%2].Transmit(t.Context(), command)
				if err != nil || !bytes.Equal(got, echo(command)) {
					t.Errorf("%x: %x, %v", command, got, err)
				}
			}
		})
	}
	all.Go(func() {
		for range 20 {
			if _, err := Readers(t.Context()); err != nil {
				t.Errorf("Readers meanwhile: %v", err)
			}
		}
	})
	all.Wait()
}

func TestCardPulledInsideTransmit(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, func([]byte) []byte { return nil })
	c := connect(t, "")
	got, err := c.Transmit(t.Context(), make([]byte, 5))
	if got != nil {
		t.Errorf("answer %x from a card that was pulled", got)
	}
	expect(t, "Transmit", err, ErrCardRemoved)
	_, err = c.Transmit(t.Context(), make([]byte, 5))
	expect(t, "Transmit afterwards", err, ErrCardRemoved)
}

func testContextEndedBefore(t *testing.T, _ testCard) {
	c := connect(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Transmit(ctx, make([]byte, 5))
	expect(t, "Transmit", err, context.Canceled)
	_, err = Connect(ctx, "")
	expect(t, "Connect", err, context.Canceled)
	if _, err := c.Transmit(t.Context(), make([]byte, 5)); err != nil {
		t.Errorf("nothing was sent, so nothing should be given up: %v", err)
	}
}

func testResetTakesThePowerAway(t *testing.T, card testCard) {
	c := connect(t, "")
	before := len(card.powered())
	if err := c.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := card.powered()[before:]; !strings.Contains(got, "\x00\x01") {
		t.Errorf("the card saw %x, want power off and on", got)
	}
	if _, err := c.Transmit(t.Context(), make([]byte, 5)); err != nil {
		t.Errorf("Transmit after Reset: %v", err)
	}
}

func testForeignReset(t *testing.T, _ testCard) {
	c, other := connect(t, ""), connect(t, "")
	if err := other.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Transmit(t.Context(), make([]byte, 5))
	expect(t, "Transmit", err, ErrCardReset)
	if err := c.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Transmit(t.Context(), make([]byte, 5)); err != nil {
		t.Errorf("Transmit after Reset: %v", err)
	}
}

// Whoever shares the card must not inherit the PIN that was verified here.
func testCloseResetsTheCard(t *testing.T, _ testCard) {
	c, other := connect(t, ""), connect(t, "")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := other.Transmit(t.Context(), make([]byte, 5))
	expect(t, "Transmit of another connection", err, ErrCardReset)
	if err := c.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	_, err = c.Transmit(t.Context(), make([]byte, 5))
	expect(t, "Transmit", err, ErrClosed)
}

// The professional's card is held exclusively in the first reader; the patient's is in the second.
func TestExclusiveHolder(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, echo)
	readers, err := Readers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	foreign(t, 0, scard.ShareExclusive)
	_, err = Connect(t.Context(), readers[0].Name)
	expect(t, "Connect by name", err, ErrReaderBusy)
	_, err = Connect(t.Context(), "")
	expect(t, "Connect", err, ErrReaderBusy)
	insert(t, 1, echo)
	if got := connect(t, "").Reader(); got != readers[1].Name {
		t.Errorf("connected to %q, want the reader that is free", got)
	}
}

// ebfe/scard panics where a service reports an empty buffer.
func TestLibraryPanicIsAnError(t *testing.T) {
	err := guarded(func() error { var none []byte; return fmt.Errorf("%d", none[len(os.Args)]) })
	expect(t, "guarded", err, errLibrary)
}
