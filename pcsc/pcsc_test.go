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
	"time"

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
	service(t, false)
	readers, err := Readers(t.Context())
	if err != nil || len(readers) != 0 {
		t.Errorf("Readers = %v, %v; want an empty list", readers, err)
	}
	_, err = Connect(t.Context(), "")
	expect(t, "Connect", err, ErrNoReader)
}

func TestEmptyReader(t *testing.T) {
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

func TestTransmit(t *testing.T) {
	service(t, true)
	insert(t, 1, echo)
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

func TestTransmitFromManyGoroutines(t *testing.T) {
	service(t, true)
	insert(t, 0, echo)
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

// A card put in after the service saw the first one leave is somebody else's: the old connection must not reach it.
func TestNextCardNeedsANewConnection(t *testing.T) {
	service(t, true)
	card := insert(t, 0, echo)
	c := connect(t, "")
	card.remove()
	eventually(t, "the reader is empty", func() bool {
		readers, err := Readers(t.Context())
		return err == nil && !readers[0].Card
	})
	_, err := c.Transmit(t.Context(), make([]byte, 5))
	expect(t, "Transmit without a card", err, ErrCardRemoved)
	insert(t, 0, echo)
	_, err = c.Transmit(t.Context(), make([]byte, 5))
	expect(t, "Transmit with the next card", err, ErrCardRemoved)
	expect(t, "Reset with the next card", c.Reset(t.Context()), ErrCardRemoved)
	if _, err := connect(t, "").Transmit(t.Context(), make([]byte, 5)); err != nil {
		t.Errorf("a new connection: %v", err)
	}
}

func TestContextEndsInsideTransmit(t *testing.T) {
	service(t, true)
	let := make(chan struct{})
	var begun sync.Once
	waiting := make(chan struct{})
	insert(t, 0, func(command []byte) []byte {
		begun.Do(func() { close(waiting) })
		<-let
		return echo(command)
	})
	c := connect(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-waiting; cancel() }()
	command := make([]byte, 5)
	start := time.Now()
	_, err := c.Transmit(ctx, command)
	expect(t, "Transmit", err, context.Canceled)
	if d := time.Since(start); d > time.Second {
		t.Errorf("Transmit returned after %v", d)
	}
	_, err = c.Transmit(t.Context(), command)
	expect(t, "Transmit afterwards", err, ErrClosed)
	expect(t, "Reset afterwards", c.Reset(t.Context()), ErrClosed)

	start = time.Now()
	expect(t, "Close while PC/SC hangs", c.Close(), context.DeadlineExceeded)
	if d := time.Since(start); d > closeTime+time.Second {
		t.Errorf("Close returned after %v", d)
	}
	close(let)
	eventually(t, "the goroutine has left", func() bool { return c.Close() == nil })
	if _, err := connect(t, "").Transmit(t.Context(), command); err != nil {
		t.Errorf("a new connection: %v", err)
	}
}

func TestContextEndedBefore(t *testing.T) {
	service(t, true)
	insert(t, 0, echo)
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

func TestResetTakesThePowerAway(t *testing.T) {
	service(t, true)
	card := insert(t, 0, echo)
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

func TestForeignReset(t *testing.T) {
	service(t, true)
	insert(t, 0, echo)
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
func TestCloseResetsTheCard(t *testing.T) {
	service(t, true)
	insert(t, 0, echo)
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
	service(t, true)
	insert(t, 0, echo)
	readers, err := Readers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	holder, err := scard.EstablishContext()
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Release()
	held, err := holder.Connect(readers[0].Name, scard.ShareExclusive, scard.ProtocolAny)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Disconnect(scard.LeaveCard)

	_, err = Connect(t.Context(), readers[0].Name)
	expect(t, "Connect by name", err, ErrReaderBusy)
	_, err = Connect(t.Context(), "")
	expect(t, "Connect", err, ErrReaderBusy)
	insert(t, 1, echo)
	if got := connect(t, "").Reader(); got != readers[1].Name {
		t.Errorf("connected to %q, want the reader that is free", got)
	}
}

func TestServiceStopsAndComesBack(t *testing.T) {
	stop := service(t, true)
	insert(t, 0, echo)
	c := connect(t, "")
	stop()
	_, err := c.Transmit(t.Context(), make([]byte, 5))
	expect(t, "Transmit", err, ErrNoService)
	expect(t, "Reset", c.Reset(t.Context()), ErrNoService)
	_, err = Connect(t.Context(), "")
	expect(t, "Connect", err, ErrNoService)
	service(t, true)
	insert(t, 0, echo)
	if _, err := connect(t, "").Transmit(t.Context(), make([]byte, 5)); err != nil {
		t.Errorf("a new connection: %v", err)
	}
}

// ebfe/scard panics where a service reports an empty buffer.
func TestLibraryPanicIsAnError(t *testing.T) {
	err := guarded(func() error { var none []byte; return fmt.Errorf("%d", none[len(os.Args)]) })
	expect(t, "guarded", err, errLibrary)
}
