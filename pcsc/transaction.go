//go:build cgo || windows

package pcsc

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/ebfe/scard"
)

const resetEndsTransaction = runtime.GOOS == "windows"

// Begin begins a transaction: until End no other program's command reaches the card. It waits for others to end theirs. What they
// selected or verified is not what this connection left, so a transaction begins with a SELECT, and with a look at which
// card it is. That goes for a reset too, reported before or not: Begin takes note of it and succeeds. Nothing should wait for a human
// inside one: everybody else waits too, and Windows resets a card whose transaction is idle for five seconds.
//
// A transaction also ends with Close, Leave, a call that is given up and the process; after the latter two pcsc-lite resets the card.
func (c *Conn) Begin(ctx context.Context) error {
	return c.owner.do(ctx, func() error {
		const action = "beginning a transaction"
		switch {
		case c.removed:
			return fmt.Errorf("%s: %w", action, ErrCardRemoved)
		case c.owner.begun:
			// pcsc-lite would count, and want as many Ends.
			return fmt.Errorf("%s: there is one", action)
		}
		if err := c.begin(action); err != nil {
			return err
		}
		c.askExtended()
		return nil
	})
}

// How often begin starts over because another program reset the card meanwhile.
const beginTries = 5

func (c *Conn) begin(action string) error {
	var err error
	for range beginTries {
		err = c.owner.card.BeginTransaction()
		if err == nil {
			c.owner.begun, c.reset = true, false
			return nil
		}
		if !errors.Is(err, scard.ErrResetCard) || c.owner.stopped() {
			break
		}
		// Nothing of ours is selected yet, so nothing is lost.
		if err := c.reconnect(action, scard.LeaveCard); err != nil {
			return err
		}
	}
	return c.failed(action, err)
}

// End ends a transaction and leaves the card as it is. ErrCardReset means that the transaction had ended before: Windows resets a card
// whose transaction is idle. After another error only Close or Leave lets others have the card for sure.
func (c *Conn) End(ctx context.Context) error {
	return c.owner.do(ctx, func() error {
		const action = "ending a transaction"
		switch {
		case c.removed:
			return fmt.Errorf("%s: %w", action, ErrCardRemoved)
		case !c.owner.begun:
			// pcsc-lite would end, or answer, with the code of a card that has lost contact.
			return fmt.Errorf("%s: there is none", action)
		}
		err := c.owner.card.EndTransaction(scard.LeaveCard)
		if errors.Is(err, scard.ErrResetCard) {
			c.owner.begun, c.reset = false, true
			if err := c.reconnect(action, scard.LeaveCard); err != nil {
				return err
			}
			_ = c.owner.card.EndTransaction(scard.LeaveCard) // pcsc-lite had kept it
		}
		if err != nil {
			return c.failed(action, err)
		}
		c.owner.begun = false
		return nil
	})
}
