//go:build cgo || windows

package pcsc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ebfe/scard"
)

// Built says whether this build has PC/SC.
const Built = true

// Conn is a connection to the card in a reader, shared with other programs. It may be used from several goroutines; one
// command at a time reaches the card. It must be closed.
type Conn struct {
	owner    *owner
	reader   string
	extended bool

	// Touched by the owner's goroutine only. Once the service has seen the card leave, this connection never speaks to a
	// card again, not even through Reset: it could be another patient's.
	removed bool
}

// Connect connects to the card in the named reader, or, for the empty name, to the first card that can be connected to.
// It does not wait for a card.
//
// Errors: ErrNoReader, ErrNoCard, ErrCardUnresponsive, ErrReaderBusy, ErrNoService, ErrNotPermitted, or the context's.
func Connect(ctx context.Context, reader string) (*Conn, error) {
	c := &Conn{owner: newOwner()}
	var connected string // not c.reader: after a call was given up, the goroutine may still write
	var extended bool
	err := c.owner.do(ctx, func() error {
		if err := c.owner.establish(); err != nil {
			return err
		}
		var err error
		connected, err = c.owner.connect(reader)
		if err == nil {
			extended = c.owner.passesExtended()
		}
		return err
	})
	if err != nil {
		c.owner.stop()
		return nil, err
	}
	c.reader, c.extended = connected, extended
	return c, nil
}

// connect returns the name of the reader that it connected to.
func (o *owner) connect(name string) (string, error) {
	if name != "" {
		// The name ends at a NUL on its way to the library, which would then find another reader.
		if strings.ContainsRune(name, 0) {
			return "", fmt.Errorf("connecting to the card: %w", ErrNoReader)
		}
		return name, o.connectTo(name)
	}
	readers, err := o.readers()
	if err != nil {
		return "", err
	}
	if len(readers) == 0 {
		return "", fmt.Errorf("looking for a card: %w", ErrNoReader)
	}
	// A professional's own card often sits in the first reader, held exclusively by the practice software: the patient's is in
	// another. The first failure is told only when no reader does.
	var first error
	for _, r := range readers {
		if !r.Card {
			continue
		}
		err := o.connectTo(r.Name)
		if err == nil {
			return r.Name, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = fmt.Errorf("looking for a card: %w", ErrNoCard)
	}
	return "", first
}

// connectTo shares the card. ShareDirect would leave no protocol, on which Transmit of ebfe/scard panics.
func (o *owner) connectTo(name string) error {
	card, err := o.context.Connect(name, scard.ShareShared, scard.ProtocolAny)
	if err != nil {
		return failed("connecting to the card in "+name, err)
	}
	switch card.ActiveProtocol() {
	case scard.ProtocolT0, scard.ProtocolT1:
	default:
		_ = card.Disconnect(scard.LeaveCard) // nothing was done with it
		return fmt.Errorf("connecting to the card in %s: %w", name, ErrCardUnresponsive)
	}
	o.card = card
	return nil
}

// Reader returns the name of the reader.
func (c *Conn) Reader() string { return c.reader }

// A command APDU has at least CLA INS P1 P2 (ISO/IEC 7816-3, 12.1.1). The longest extended one would be 65,544 bytes, but
// a virtual reader (vpcd) ejects its card at 65,536, and no card takes that much.
const (
	minCommand = 4
	maxCommand = 65535
)

// Transmit sends a command APDU and returns the response APDU, at least the two bytes of the status word. Neither 61xx nor 6Cxx
// is acted on. The command may be overwritten once Transmit has returned.
//
// After ErrCardReset, and where ErrCardRemoved was no more than lost contact, Reset revives the connection.
// Whether the card carried out the command is unknown after any error but ErrCommandLength.
func (c *Conn) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) < minCommand || len(command) > maxCommand {
		return nil, fmt.Errorf("transmitting %d bytes: %w", len(command), ErrCommandLength)
	}
	// A call that is given up still reads the command and has its answer written; both can hold secrets, and so neither
	// is the caller's memory.
	sent := bytes.Clone(command)
	var answer []byte
	err := c.owner.do(ctx, func() error {
		defer clear(sent)
		received, err := c.transmit(sent)
		if c.owner.stopped() {
			clear(received)
			return ErrClosed
		}
		answer = received
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func (c *Conn) transmit(command []byte) ([]byte, error) {
	if c.removed {
		return nil, fmt.Errorf("transmitting: %w", ErrCardRemoved)
	}
	// A buffer of 64 KiB is made for every call, and its head returned.
	buffer, err := c.owner.card.Transmit(command)
	if err != nil {
		return nil, c.failed("transmitting", err)
	}
	answer := bytes.Clone(buffer)
	clear(buffer[:cap(buffer)])
	if len(answer) < 2 {
		// Success without a status word is what pcsc-lite says of a card pulled in the middle of a command.
		return nil, fmt.Errorf("transmitting: answer of %d bytes: %w", len(answer), ErrCardRemoved)
	}
	return answer, nil
}

// Reset takes the card's power (or field) away and gives it back: nothing stays selected or verified, and cells that were
// only half programmed are read anew.
//
// A card that was swapped for another faster than the service looks (0.4 s with pcsc-lite) goes unnoticed: select
// again, and check that it is the same card.
func (c *Conn) Reset(ctx context.Context) error {
	return c.owner.do(ctx, func() error {
		if c.removed {
			return fmt.Errorf("resetting the card: %w", ErrCardRemoved)
		}
		if err := c.owner.card.Reconnect(scard.ShareShared, scard.ProtocolAny, scard.UnpowerCard); err != nil {
			return c.failed("resetting the card", err)
		}
		return nil
	})
}

// ExtendedAPDU reports whether the reader says that it passes extended APDUs (PC/SC part 10, dwMaxAPDUDataSize). Readers are on
// record that say so and do not.
func (c *Conn) ExtendedAPDU() bool { return c.extended }

// How often Begin starts over because another program reset the card meanwhile.
const beginTries = 5

// Begin begins a transaction: until End no other program's command reaches the card. It waits for others to end theirs. What they
// selected or verified is not what this connection left, so a transaction begins with a SELECT, and with a look at which
// card it is. Nothing should wait for a human inside one: everybody else waits too, and Windows resets a card whose transaction is
// idle for five seconds.
func (c *Conn) Begin(ctx context.Context) error {
	return c.owner.do(ctx, func() error {
		if c.removed {
			return fmt.Errorf("beginning a transaction: %w", ErrCardRemoved)
		}
		var err error
		for range beginTries {
			if err = c.owner.card.BeginTransaction(); err == nil {
				return nil
			}
			if !errors.Is(err, scard.ErrResetCard) {
				break
			}
			// Nothing of ours is selected yet, so nothing is lost.
			if err := c.owner.card.Reconnect(scard.ShareShared, scard.ProtocolAny, scard.LeaveCard); err != nil {
				return c.failed("beginning a transaction", err)
			}
		}
		return c.failed("beginning a transaction", err)
	})
}

// End ends a transaction and leaves the card as it is.
func (c *Conn) End(ctx context.Context) error {
	return c.owner.do(ctx, func() error {
		if err := c.owner.card.EndTransaction(scard.LeaveCard); err != nil {
			return c.failed("ending a transaction", err)
		}
		return nil
	})
}

// failed is the package's failed for a connection: no card means that there was one.
func (c *Conn) failed(action string, err error) error {
	if errors.Is(err, scard.ErrNoSmartcard) {
		err = scard.ErrRemovedCard
	}
	if errors.Is(err, scard.ErrRemovedCard) {
		c.removed = true
	}
	return failed(action, err)
}

// How long Close and Leave wait for the card to be released. A healthy reader takes some milliseconds.
const closeTime = time.Second

// Close resets the card and ends the connection: no PIN stays verified, nothing stays selected. It waits at most a second; what then
// still hangs in PC/SC is released when it returns. Closing again does nothing.
func (c *Conn) Close() error { return c.end() }

// Leave ends the connection and leaves the card as it is, for a card that is none of the caller's business: a reset would end
// the PIN session that another program has with it.
func (c *Conn) Leave() error {
	c.owner.leave.Store(true)
	return c.end()
}

func (c *Conn) end() error {
	c.owner.stop()
	patience := time.NewTimer(closeTime)
	defer patience.Stop()
	select {
	case <-c.owner.left:
		return nil
	case <-patience.C:
		return fmt.Errorf("closing: the reader did not let go of the card: %w", context.DeadlineExceeded)
	}
}
