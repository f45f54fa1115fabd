//go:build cgo || windows

package pcsc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ebfe/scard"
)

// Built says whether this build has PC/SC.
const Built = true

// Connect connects to the card in the named reader, or, for the empty name, to the first card that can be connected to.
// It does not wait for a card, but for the transaction of another program, where there is one.
//
// Which card the empty name gets depends on the order of the service's readers, and on who else is at work. A program that writes names
// the reader.
//
// Errors: ErrNoReader, ErrNoCard, ErrCardUnresponsive, ErrReaderBusy, ErrNoService, ErrVersion, ErrNotPermitted, or the context's.
func Connect(ctx context.Context, reader string) (*Conn, error) {
	if err := letGo(ctx, reader); err != nil {
		return nil, err
	}
	c := &Conn{owner: newOwner()}
	var connected string // not c.reader: after a call was given up, the goroutine may still write
	err := c.owner.do(ctx, func() error {
		if err := c.owner.establish(); err != nil {
			return err
		}
		var err error
		connected, err = c.owner.connect(reader)
		if hungUp(err) && pcscLite {
			if err := c.owner.renew(); err != nil {
				return err
			}
			connected, err = c.owner.connect(reader)
			if hungUp(err) {
				// It serves us until we ask for the card: polkit's org.debian.pcsc-lite.access_card.
				err = fmt.Errorf("connecting to the card: %w", &statusError{scard.ErrCommError, ErrNotPermitted})
			}
		}
		if err == nil {
			c.askExtended()
		}
		return err
	})
	if err != nil {
		c.owner.end(releaseTime)
		return nil, err
	}
	c.reader = connected
	return c, nil
}

// hungUp reports that the service closed the connection in the midst of things.
func hungUp(err error) bool {
	var s *statusError
	return errors.As(err, &s) && s.code == scard.ErrCommError
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
		err := error(nil)
		if stuckAt(r.Name) != nil {
			err = errStuck(r.Name)
		} else {
			err = o.connectTo(r.Name)
		}
		if err == nil {
			return r.Name, nil
		}
		if o.stopped() {
			return "", ErrClosed
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
	o.reader.Store(&name)
	card, err := o.context.Connect(name, scard.ShareShared, scard.ProtocolAny)
	if errors.Is(err, scard.ErrInvalidValue) {
		err = scard.ErrUnknownReader // what pcsc-lite says of a name that is too long for one
	}
	if err != nil {
		return failed("connecting to the card in "+name, err)
	}
	if !speaks(card) {
		_ = card.Disconnect(scard.LeaveCard) // nothing was done with it
		return fmt.Errorf("connecting to the card in %s: %w", name, ErrCardUnresponsive)
	}
	o.card = card
	return nil
}

func speaks(card *scard.Card) bool {
	return card.ActiveProtocol() == scard.ProtocolT0 || card.ActiveProtocol() == scard.ProtocolT1
}
