//go:build cgo || windows

package pcsc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ebfe/scard"
)

// owner is the one goroutine that ever touches a PC/SC context and the card connected through it. Two
// goroutines on one context can stall every context of the process (pcsc-lite 1.9.9 holds the lock over its list of
// contexts while it waits for the lock of one), and a blocked SCardTransmit or SCardConnect obeys no SCardCancel.
// So a caller whose context ends walks away, and the goroutine, once PC/SC lets go of it, cleans up and leaves.
type owner struct {
	work chan func()
	quit chan struct{} // closed: no further work is begun
	left chan struct{} // closed: everything is released
	once sync.Once
	// leave: the card is not reset when it is released.
	leave atomic.Bool

	// The goroutine's own: nobody else may look at these.
	context *scard.Context
	card    *scard.Card
}

func newOwner() *owner {
	o := &owner{work: make(chan func()), quit: make(chan struct{}), left: make(chan struct{})}
	go o.run()
	return o
}

func (o *owner) run() {
	defer close(o.left)
	defer o.release()
	for {
		select {
		case <-o.quit:
			return
		case f := <-o.work:
			f()
		}
	}
}

// release resets the card: a PIN verified through this connection must not stay so for the next program. pcscd
// does the same to the cards of a client that dies.
func (o *owner) release() {
	if o.card != nil {
		disposition := scard.ResetCard
		if o.leave.Load() {
			disposition = scard.LeaveCard
		}
		_ = o.card.Disconnect(disposition) // fails when card, reader or service are gone: nothing is left to release then
	}
	if o.context != nil {
		_ = o.context.Release()
	}
}

// stop lets the goroutine leave when its present call returns.
func (o *owner) stop() { o.once.Do(func() { close(o.quit) }) }

func (o *owner) stopped() bool {
	select {
	case <-o.quit:
		return true
	default:
		return false
	}
}

// do has f run by the owner and waits for it. When ctx ends while f runs, the owner is stopped: what the card is
// doing is unknown from then on. When it ends before f began, nothing has happened.
func (o *owner) do(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.stopped() {
		return ErrClosed
	}
	done := make(chan error, 1)
	select {
	case o.work <- func() {
		if o.stopped() { // by a Close that came while this waited for its turn
			done <- ErrClosed
			return
		}
		done <- guarded(f)
	}:
	case <-o.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		select {
		case err := <-done: // both at once: what is known is worth more than the deadline
			return err
		default:
		}
		o.stop()
		return ctx.Err()
	}
}

var errLibrary = errors.New("the PC/SC library failed")

// guarded turns a panic into an error. ebfe/scard indexes buffers whose length the service reported (a list of
// readers of length 0, a status without a name) and a misbehaving service must not end the program.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errLibrary, r)
		}
	}()
	return f()
}

// establish gives the owner its context.
func (o *owner) establish() error {
	c, err := scard.EstablishContext()
	if err != nil {
		return failed("opening PC/SC", err)
	}
	o.context = c
	return nil
}
