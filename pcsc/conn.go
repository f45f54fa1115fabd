//go:build cgo || windows

package pcsc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ebfe/scard"
)

// Conn is a connection to the card in a reader, shared with other programs. It may be used from several goroutines; one
// command at a time reaches the card. It must be closed.
type Conn struct {
	owner    *owner
	reader   string
	extended atomic.Bool

	// Touched by the owner's goroutine only.

	// Once the service has seen the card leave, this connection never speaks to a card again, not even through Reset: it could be
	// another patient's.
	removed bool
	// Contact was lost in a command. The service may see nothing, and a card that was put in meanwhile would answer the next one.
	lost bool
	// A reset was reported. What comes next must be a new start, and not the next command.
	reset bool
	asked bool // whether the reader passes extended APDUs
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
// is acted on. The command may be overwritten once Transmit has returned. Outside a transaction it waits for those of others to end.
//
// After ErrCardReset no command reaches the card before Begin or Reset, which both mean to start over: nothing is selected or verified any
// more. Where ErrCardRemoved was no more than lost contact, only Reset helps.
//
// An error that is an ErrNotBegun means that nothing was sent. After any other one, the context's own included, it is unknown whether the
// card carried out the command.
func (c *Conn) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) < minCommand || len(command) > maxCommand {
		return nil, fmt.Errorf("transmitting %d bytes: %w", len(command), notBegun(ErrCommandLength))
	}
	// A call that is given up still reads the command and has its answer written; both can hold secrets, and so neither
	// is the caller's memory.
	sent := bytes.Clone(command)
	var answer []byte
	err := c.owner.call(ctx, func() error {
		defer clear(sent)
		received, err := c.transmit(sent)
		if c.owner.stopped() {
			clear(received)
			return ErrClosed
		}
		answer = received
		return err
	}, func() {
		clear(sent)
		clear(answer)
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func (c *Conn) transmit(command []byte) ([]byte, error) {
	const action = "transmitting"
	switch {
	case c.removed || c.lost:
		return nil, fmt.Errorf("%s: %w", action, notBegun(ErrCardRemoved))
	case c.reset:
		return nil, fmt.Errorf("%s: %w", action, notBegun(ErrCardReset))
	case !speaks(c.owner.card): // since a reset, and ebfe/scard would panic
		return nil, fmt.Errorf("%s: %w", action, notBegun(ErrCardUnresponsive))
	}
	// A buffer of 64 KiB is made for every call, and its head returned.
	buffer, err := c.owner.card.Transmit(command)
	if err != nil {
		c.lost = errors.Is(err, scard.ErrNotTransacted)
		if errors.Is(err, scard.ErrProtoMismatch) {
			// The protocol was agreed on when the card was connected to: it is the card that another program has reset since.
			err = scard.ErrResetCard
		}
		return nil, c.failed(action, err)
	}
	answer := bytes.Clone(buffer)
	clear(buffer[:cap(buffer)])
	if len(answer) < 2 {
		c.lost = true
		// Success without a status word is what pcsc-lite says of a card pulled in the middle of a command.
		return nil, fmt.Errorf("%s: answer of %d bytes: %w", action, len(answer), ErrCardRemoved)
	}
	return answer, nil
}

// Reset takes the card's power (or field) away and gives it back: nothing stays selected or verified, and cells that were
// only half programmed are read anew. A transaction goes on, but on Windows it is left for the reset and begun anew after it: another
// program may have had its turn.
//
// A card that was swapped for another faster than the service looks (0.4 s with pcsc-lite) goes unnoticed: select
// again, and check that it is the same card.
func (c *Conn) Reset(ctx context.Context) error {
	return c.owner.do(ctx, func() error {
		const action = "resetting the card"
		if c.removed {
			return fmt.Errorf("%s: %w", action, ErrCardRemoved)
		}
		again := c.owner.begun && resetEndsTransaction
		if again {
			// SCardReconnect would end it (winscard_clnt.c of pcsc-lite notes the difference). Ended here, there is no doubt.
			_ = c.owner.card.EndTransaction(scard.LeaveCard)
			c.owner.begun = false
		}
		if err := c.reconnect(action, scard.UnpowerCard); err != nil {
			return err
		}
		c.lost, c.reset = false, false
		if again {
			return c.begin(action)
		}
		return nil
	})
}

// reconnect acknowledges a reset, or makes one. pcscd reports success without a protocol for a card that leaves at that moment.
func (c *Conn) reconnect(action string, disposition scard.Disposition) error {
	if err := c.owner.card.Reconnect(scard.ShareShared, scard.ProtocolAny, disposition); err != nil {
		return c.failed(action, err)
	}
	if !speaks(c.owner.card) {
		return fmt.Errorf("%s: %w", action, ErrCardUnresponsive)
	}
	return nil
}

// failed is the package's failed for a connection: no card means that there was one.
func (c *Conn) failed(action string, err error) error {
	if errors.Is(err, scard.ErrNoSmartcard) {
		err = scard.ErrRemovedCard
	}
	if errors.Is(err, scard.ErrRemovedCard) {
		c.removed = true
	}
	if errors.Is(err, scard.ErrResetCard) {
		c.reset = true
	}
	return failed(action, err)
}

// How long Close and Leave wait for the card to be released. A healthy reader takes some milliseconds.
const closeTime = time.Second

// Close resets the card and ends the connection, and a transaction with it: no PIN stays verified, nothing stays selected. It waits for a
// second, for a call under way or another program's transaction; what then still hangs is given up, within half a second more, with an
// error. After a call that was given up it does not wait. Closing again does nothing.
func (c *Conn) Close() error { return c.end() }

// Leave ends the connection, and a transaction with it, and leaves the card as it is, for a card that is none of the caller's business: a
// reset would end the PIN session that another program has with it.
func (c *Conn) Leave() error {
	c.owner.leave.Store(true)
	return c.end()
}

func (c *Conn) end() error {
	if !c.owner.end(closeTime) {
		return fmt.Errorf("closing: the reader did not let go of the card: %w", context.DeadlineExceeded)
	}
	return nil
}
