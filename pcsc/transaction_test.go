//go:build linux && cgo

package pcsc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ebfe/scard"
)

// locked sees that another program's command waits, and returns what tells that it went through.
func locked(t *testing.T, other *scard.Card) (through <-chan error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := other.Transmit(selectMF)
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("another program's command went through: %v", err)
	case <-time.After(250 * time.Millisecond):
	}
	return done
}

// A card takes 0.4 s to be seen: these share one.
func TestTransactions(t *testing.T) {
	unleaked(t)
	service(t, true)
	card := insert(t, 0, echo)
	for _, test := range []struct {
		name string
		run  func(*testing.T, testCard)
	}{
		{"keeps others away", testTransactionKeepsOthersAway},
		{"survives Reset", testTransactionSurvivesReset},
		{"after a foreign reset", testBeginAfterForeignReset},
		{"after a reset that was reported", testBeginAfterReportedReset},
		{"a reset that End reports", testResetReportedByEnd},
		{"a foreign reset while Begin waits", testForeignResetWhileBeginWaits},
		{"ends", testEndsOfATransaction},
		{"given up outside", testGivenUpOutsideATransaction},
		{"process killed inside", testProcessKilledInATransaction},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, card)
		})
	}
}

func testTransactionKeepsOthersAway(t *testing.T, _ testCard) {
	c, other := connect(t, ""), foreign(t, 0, scard.ShareShared)
	if err := c.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	through := locked(t, other)
	if _, err := c.Transmit(t.Context(), selectMF); err != nil {
		t.Errorf("Transmit: %v", err)
	}
	if err := c.Begin(t.Context()); err == nil {
		t.Error("a second transaction began in the first")
	}
	if err := c.End(t.Context()); err != nil {
		t.Errorf("End: %v", err)
	}
	if err := <-through; err != nil {
		t.Errorf("the other's command: %v", err)
	}
	err := c.End(t.Context())
	if err == nil || errors.Is(err, ErrCardRemoved) {
		t.Errorf("End without a transaction: %v", err)
	}
}

func testTransactionSurvivesReset(t *testing.T, card testCard) {
	c, other := connect(t, ""), foreign(t, 0, scard.ShareShared)
	if err := c.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := len(card.powered())
	if err := c.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := card.powered()[before:]; !strings.Contains(got, "\x00\x01") {
		t.Errorf("the card saw %x, want power off and on", got)
	}
	through := locked(t, other)
	if _, err := c.Transmit(t.Context(), selectMF); err != nil {
		t.Errorf("Transmit: %v", err)
	}
	if err := c.End(t.Context()); err != nil {
		t.Errorf("End: %v", err)
	}
	if err := <-through; !errors.Is(err, scard.ErrResetCard) {
		t.Errorf("the other's command: %v, want to hear of the reset", err)
	}
}

func testBeginAfterForeignReset(t *testing.T, _ testCard) {
	c, other := connect(t, ""), foreign(t, 0, scard.ShareShared)
	for _, disposition := range []scard.Disposition{scard.ResetCard, scard.UnpowerCard} {
		if err := other.Reconnect(scard.ShareShared, scard.ProtocolAny, disposition); err != nil {
			t.Fatal(err)
		}
		if err := c.Begin(t.Context()); err != nil {
			t.Fatalf("Begin: %v", err)
		}
		if _, err := c.Transmit(t.Context(), selectMF); err != nil {
			t.Errorf("Transmit: %v", err)
		}
		if err := c.End(t.Context()); err != nil {
			t.Errorf("End: %v", err)
		}
	}
}

func foreignReset(t *testing.T, other *scard.Card) {
	t.Helper()
	if err := other.Reconnect(scard.ShareShared, scard.ProtocolAny, scard.ResetCard); err != nil {
		t.Fatal(err)
	}
}

func testBeginAfterReportedReset(t *testing.T, _ testCard) {
	c, other := connect(t, ""), foreign(t, 0, scard.ShareShared)
	foreignReset(t, other)
	for range 2 {
		_, err := c.Transmit(t.Context(), selectMF)
		expect(t, "Transmit", err, ErrCardReset)
	}
	if err := c.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Transmit(t.Context(), selectMF); err != nil {
		t.Errorf("Transmit in a new transaction: %v", err)
	}
}

// After End has taken note of a reset, the service has forgotten it; the connection has not.
func testResetReportedByEnd(t *testing.T, _ testCard) {
	c, other := connect(t, ""), foreign(t, 0, scard.ShareShared)
	foreignReset(t, other)
	err := c.owner.do(t.Context(), func() error {
		c.owner.begun = true // as on Windows, which ends a transaction with a reset
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "End", c.End(t.Context()), ErrCardReset)
	_, err = c.Transmit(t.Context(), selectMF)
	expect(t, "Transmit", err, ErrCardReset)
	expect(t, "Transmit", err, ErrNotBegun)
	if err := c.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Transmit(t.Context(), selectMF); err != nil {
		t.Errorf("Transmit after Reset: %v", err)
	}
}

func testForeignResetWhileBeginWaits(t *testing.T, _ testCard) {
	c, other := connect(t, ""), foreign(t, 0, scard.ShareShared)
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	begun := make(chan error)
	go func() { begun <- c.Begin(t.Context()) }()
	eventually(t, "Begin waits", calls("(*Card).BeginTransaction("))
	foreignReset(t, other)
	eventually(t, "Begin has heard of the reset", calls("(*Conn).reconnect("))
	select {
	case err := <-begun:
		t.Fatalf("Begin did not wait: %v", err)
	case <-time.After(150 * time.Millisecond):
	}
	if err := other.EndTransaction(scard.LeaveCard); err != nil {
		t.Fatal(err)
	}
	if err := <-begun; err != nil {
		t.Fatalf("Begin: %v", err)
	}
	if _, err := c.Transmit(t.Context(), selectMF); err != nil {
		t.Errorf("Transmit: %v", err)
	}
}

// What happens to the card, and to the transaction, when a connection ends within one.
func testEndsOfATransaction(t *testing.T, card testCard) {
	const cold, warm = "\x00\x01", "\x02"
	for name, test := range map[string]struct {
		end   func(t *testing.T, c *Conn)
		reset bool
	}{
		"Close": {func(t *testing.T, c *Conn) {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}, true},
		"Leave": {func(t *testing.T, c *Conn) {
			if err := c.Leave(); err != nil {
				t.Error(err)
			}
		}, false},
		"End, Leave": {func(t *testing.T, c *Conn) {
			if err := c.End(t.Context()); err != nil {
				t.Error(err)
			}
			c.Leave()
		}, false},
		// The service takes it for dead.
		"given up": {func(_ *testing.T, c *Conn) {
			c.owner.line.cut()
			c.owner.giveUp()
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, other := connect(t, ""), connect(t, "")
			if err := c.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := len(card.powered())
			test.end(t, c)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			if err := other.Begin(ctx); err != nil {
				t.Fatalf("the next transaction: %v", err)
			}
			if test.reset { // of a client that died, the service lets the lock go first
				eventually(t, "the card is reset", func() bool { return strings.Contains(card.powered()[before:], warm) })
			}
			if got := card.powered()[before:]; strings.Contains(got, warm) != test.reset || strings.Contains(got, cold) {
				t.Errorf("the card saw %x, want a reset: %v", got, test.reset)
			}
		})
	}
}

// pcscd 1.9.9 leaves the card of a client that dies as it is, unless it dies within a transaction.
func testGivenUpOutsideATransaction(t *testing.T, card testCard) {
	c, other := connect(t, ""), connect(t, "")
	if _, err := c.Transmit(t.Context(), selectMF); err != nil {
		t.Fatal(err)
	}
	before := len(card.powered())
	c.owner.line.cut() // as in the middle of a call: an owner that is idle takes leave in good order
	c.owner.giveUp()
	if _, err := other.Transmit(t.Context(), selectMF); err != nil {
		t.Errorf("Transmit: %v", err)
	}
	if got := card.powered()[before:]; got != "" {
		t.Errorf("the card saw %x; the documentation says that it is left alone", got)
	}
}

func init() {
	parts["holder"] = func(t *testing.T) {
		c, err := Connect(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		stayed()
	}
}

func testProcessKilledInATransaction(t *testing.T, card testCard) {
	c := connect(t, "")
	holder := child(t, "holder")
	before := len(card.powered())
	within(t, "Readers, where nothing holds them", func(ctx context.Context) error {
		if err := listing(ctx); err != nil {
			return err
		}
		return c.Begin(ctx)
	})
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	next := connect(t, "")
	if err := next.Begin(ctx); err != nil {
		t.Fatalf("Begin: %v", err)
	}
	if got := card.powered()[before:]; !strings.Contains(got, "\x02") {
		t.Errorf("the card saw %x, want a reset", got)
	}
}
