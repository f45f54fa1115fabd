//go:build linux && cgo

package pcsc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ebfe/scard"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

var selectMF = []byte{0x00, 0xA4, 0x00, 0x0C}

// foreign is another program's connection to the card in a slot.
func foreign(t *testing.T, slot int, mode scard.ShareMode) *scard.Card {
	t.Helper()
	c, err := scard.EstablishContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Release() })
	card, err := c.Connect(rig.Reader(slot), mode, scard.ProtocolAny)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = card.Disconnect(scard.LeaveCard) })
	return card
}

// hung is a card that takes commands and never answers them. The second function lets the first command go on; the first waits for it.
func hung(t *testing.T, slot int) (waiting <-chan struct{}, pull func()) {
	t.Helper()
	w, let := make(chan struct{}, 16), make(chan struct{})
	card := insert(t, slot, func([]byte) []byte {
		w <- struct{}{}
		<-let
		return nil
	})
	t.Cleanup(func() { close(let) })
	return w, card.remove
}

const patience = 100 * time.Millisecond

// The promise is a second; a loaded machine is given more.
const loaded = 3 * time.Second

// within runs a call with a context that ends soon, and sees that the call honours it.
func within(t *testing.T, what string, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	start := time.Now()
	err := call(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: %v, want the context's error", what, err)
	}
	if d := time.Since(start); d > patience+loaded {
		t.Errorf("%s returned after %v", what, d)
	}
}

func transmit(c *Conn) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.Transmit(ctx, selectMF)
		return err
	}
}

func reaching(reader string) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := Connect(ctx, reader)
		if err == nil {
			c.Close()
		}
		return err
	}
}

func listing(ctx context.Context) error {
	_, err := Readers(ctx)
	return err
}

// watching is a Watch that is expected to say nothing but its first list, if that.
func watching(ctx context.Context) error {
	for _, err := range Watch(ctx) {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func awaiting(reader string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := WaitCard(ctx, reader)
		return err
	}
}

func TestCardThatDoesNotAnswer(t *testing.T) {
	unleaked(t)
	service(t, true)
	waiting, pull := hung(t, 0)
	c, other := connect(t, ""), connect(t, "")
	within(t, "Transmit", transmit(c))
	<-waiting
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	_, err := c.Transmit(t.Context(), selectMF)
	expect(t, "Transmit afterwards", err, ErrClosed)
	expect(t, "Reset afterwards", c.Reset(t.Context()), ErrClosed)
	expect(t, "Begin afterwards", c.Begin(t.Context()), ErrClosed)
	// All that reaches the reader hangs behind that command.
	within(t, "Transmit of another", transmit(other))
	within(t, "Connect", reaching(rig.Reader(0)))
	within(t, "Connect to any", reaching(""))
	within(t, "WaitCard for the other reader", awaiting(rig.Reader(1)))
	settled(t)
	pull()
	eventually(t, "the reader is empty", func() bool { return rig.ATR(0) == nil })
	insert(t, 0, echo)
	if _, err := connect(t, "").Transmit(t.Context(), selectMF); err != nil {
		t.Errorf("a new connection: %v", err)
	}
}

func TestResetBehindACardThatDoesNotAnswer(t *testing.T) {
	unleaked(t)
	service(t, true)
	waiting, _ := hung(t, 0)
	c, other := connect(t, ""), connect(t, "")
	go transmit(other)(t.Context())
	<-waiting
	within(t, "Reset", c.Reset)
	settledBut(t, 1)
	start := time.Now()
	expect(t, "Close during a call", other.Close(), context.DeadlineExceeded)
	if d := time.Since(start); d > closeTime+loaded {
		t.Errorf("Close returned after %v", d)
	}
	settled(t)
}

func TestAnswersThatAreNone(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, func(command []byte) []byte { return make([]byte, command[3]) })
	c := connect(t, "")
	got, err := c.Transmit(t.Context(), []byte{0, 0xB0, 0, 1})
	if got != nil {
		t.Errorf("answer %x", got)
	}
	expect(t, "Transmit, answered with one byte", err, ErrCardRemoved)
	// vpcd waits for more when the length is zero.
	if err := c.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, "Transmit, answered with nothing", func(ctx context.Context) error {
		_, err := c.Transmit(ctx, []byte{0, 0xB0, 0, 0})
		return err
	})
	settled(t)
}

// A card that says nothing when it is asked for its ATR: pcscd hangs in the driver, and looks into the reader no more.
func TestCardThatGoesSilent(t *testing.T) {
	unleaked(t)
	service(t, true)
	silent := make(chan struct{})
	card := &pcsctest.Card{Raw: func(m []byte) []byte {
		select {
		case <-silent:
			return nil
		default:
		}
		switch {
		case len(m) == 1 && m[0] == pcsctest.GetATR:
			return pcsctest.Frame(pcsctest.DefaultATR)
		case len(m) == 1:
			return nil
		}
		return pcsctest.Frame(echo(m))
	}}
	pcsctest.Insert(t, rig, 0, card)
	eventually(t, "pcscd sees the card", func() bool { return rig.ATR(0) != nil })
	c := connect(t, "")
	close(silent)
	within(t, "Reset", c.Reset)
	within(t, "Connect", reaching(rig.Reader(0)))
	settled(t)
	card.Remove()
	eventually(t, "the reader is empty", func() bool { return rig.ATR(0) == nil })
}

func TestTransactionOfAnother(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, echo)
	holder := foreign(t, 0, scard.ShareShared)
	conns := map[string]*Conn{}
	for _, call := range []string{"Transmit", "Begin", "Reset", "Close", "Leave"} {
		conns[call] = connect(t, "")
	}
	if err := holder.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	within(t, "Transmit", transmit(conns["Transmit"]))
	within(t, "Begin", conns["Begin"].Begin)
	within(t, "Reset", conns["Reset"].Reset)
	within(t, "Connect", reaching(rig.Reader(0)))
	within(t, "Connect to any", reaching(""))
	if err := conns["Leave"].Leave(); err != nil {
		t.Errorf("Leave: %v", err)
	}
	settledBut(t, 2) // the holder, and the one that is not closed yet
	start := time.Now()
	expect(t, "Close", conns["Close"].Close(), context.DeadlineExceeded)
	if d := time.Since(start); d > closeTime+loaded {
		t.Errorf("Close returned after %v", d)
	}
	settledBut(t, 1)
	if _, err := holder.Transmit(selectMF); err != nil {
		t.Errorf("the holder's command: %v", err)
	}
	if err := holder.EndTransaction(scard.LeaveCard); err != nil {
		t.Errorf("the end of the holder's transaction: %v", err)
	}
	// What was given up must not have the transaction now.
	if err := connect(t, "").Begin(t.Context()); err != nil {
		t.Errorf("Begin: %v", err)
	}
}

// Given up at any moment, Begin must not leave a transaction behind.
func TestBeginGivenUpAsItIsGranted(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, echo)
	for i := range 8 {
		a, b := connect(t, ""), connect(t, "")
		if err := a.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		done := make(chan error)
		go func() { done <- b.Begin(ctx) }()
		time.Sleep(time.Duration(85+4*i) * time.Millisecond)
		if err := a.End(t.Context()); err != nil {
			expect(t, "End", err, ErrCardReset)
		}
		err := <-done
		cancel()
		if err != nil {
			expect(t, "Begin", err, context.DeadlineExceeded)
		}
		_ = b.Close()
		again, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := a.Begin(again); err != nil {
			t.Errorf("try %d: a transaction was left behind: %v", i, err)
		}
		cancel()
		_ = a.Close()
	}
}

func TestServiceThatHangs(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, echo)
	name := rig.Reader(0)
	conns := map[string]*Conn{}
	for _, call := range []string{"Transmit", "Begin", "End", "Reset", "Close", "Leave"} {
		conns[call] = connect(t, "")
	}
	if err := conns["End"].Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	watched, stop := context.WithCancel(t.Context())
	defer stop()
	seen, over := make(chan struct{}), make(chan struct{})
	go func() {
		for readers, err := range Watch(watched) {
			if err != nil || len(readers) == 2 {
				close(seen)
			}
		}
		close(over)
	}()
	<-seen
	rig.Pause()
	within(t, "Transmit", transmit(conns["Transmit"]))
	within(t, "Begin", conns["Begin"].Begin)
	within(t, "End", conns["End"].End)
	within(t, "Reset", conns["Reset"].Reset)
	var ends sync.WaitGroup
	ends.Go(func() { expect(t, "Close", conns["Close"].Close(), context.DeadlineExceeded) })
	ends.Go(func() { expect(t, "Leave", conns["Leave"].Leave(), context.DeadlineExceeded) })
	ends.Wait()
	stop()
	select {
	case <-over:
	case <-time.After(loaded):
		t.Error("Watch goes on after its context")
	}
	settled(t)
	// pcscd lets two programs wait to be accepted; the third is stuck in connect(2).
	for i := range 2 {
		within(t, fmt.Sprint("Readers ", i), listing)
		within(t, fmt.Sprint("Connect ", i), reaching(name))
		within(t, fmt.Sprint("Watch ", i), watching)
		within(t, fmt.Sprint("WaitCard ", i), awaiting(""))
	}
	settled(t)
	rig.Continue()
	c := connect(t, name)
	_, err := c.Transmit(t.Context(), selectMF)
	if errors.Is(err, ErrCardReset) { // what was asked of pcscd before, it does now
		if err = c.Reset(t.Context()); err == nil {
			_, err = c.Transmit(t.Context(), selectMF)
		}
	}
	if err != nil {
		t.Errorf("a new connection: %v", err)
	}
}

// Somebody who waits without end for a service that hangs holds the lock of libpcsclite. Others must get away nevertheless, and he
// must get his answer when the service goes on.
func TestServiceThatHangsUnderSomebodyPatient(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, echo)
	c := connect(t, "")
	rig.Pause()
	patient := make(chan error)
	go func() { patient <- listing(t.Context()) }()
	eventually(t, "a context is being established", func() bool { return opener.Load() != nil })
	within(t, "Transmit", transmit(c))
	within(t, "Readers", listing)
	eventually(t, "the patient one is alone", func() bool { return bytes.Count(owners(), []byte("(*owner).run(")) == 1 })
	rig.Continue()
	if err := <-patient; err != nil {
		t.Errorf("the patient one: %v", err)
	}
}

func TestServiceStopsDuringCalls(t *testing.T) {
	unleaked(t)
	service(t, true)
	for _, name := range []string{"Transmit", "Begin", "Connect"} {
		insert(t, 0, echo)
		holder, c := connect(t, ""), connect(t, "")
		if err := holder.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		call := map[string]func(context.Context) error{
			"Transmit": transmit(c), "Begin": c.Begin, "Connect": reaching(rig.Reader(0)),
		}[name]
		done := make(chan error)
		go func() { done <- call(t.Context()) }()
		eventually(t, "it is in "+name, calls(map[string]string{
			"Transmit": "scard.(*Card).Transmit(", "Begin": "scard.(*Card).BeginTransaction(", "Connect": "scard.(*Context).Connect(",
		}[name]))
		rig.Stop()
		expect(t, name, <-done, ErrNoService)
		expect(t, "End", holder.End(t.Context()), ErrNoService)
		for _, c := range []*Conn{c, holder} {
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		settled(t)
		rig.Restart()
	}
	insert(t, 0, echo)
	if _, err := connect(t, "").Transmit(t.Context(), selectMF); err != nil {
		t.Errorf("a new connection: %v", err)
	}
}

// Other code in the process, a PKCS#11 module perhaps, uses libpcsclite too. Its connections must survive what is cut here.
func TestConnectionsOfOthersAreLeftAlone(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, echo)
	if err := connect(t, "").Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	var kept []*scard.Context
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for len(kept) < 60 {
			select {
			case <-stop:
				return
			default:
			}
			c, err := scard.EstablishContext()
			if err != nil {
				t.Errorf("a foreign context: %v", err)
				return
			}
			kept = append(kept, c)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	for range 5 {
		within(t, "Connect", reaching(""))
	}
	close(stop)
	<-done
	for i, c := range kept {
		if _, err := c.ListReaders(); err != nil {
			t.Fatalf("foreign context %d of %d: %v", i, len(kept), err)
		}
		_ = c.Release()
	}
}
