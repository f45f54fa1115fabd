//go:build cgo || windows

package pcsc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ebfe/scard"
)

// owner is the one goroutine that ever touches a PC/SC context and the card connected through it. Two
// goroutines on one context can stall every context of the process (pcsc-lite 1.9.9 holds the lock over its list of
// contexts while it waits for the lock of one), and a blocked SCardTransmit or SCardConnect obeys no SCardCancel.
// So a caller whose context ends cuts the line to the service and walks away, and the goroutine cleans up and leaves.
type owner struct {
	work chan func()
	quit chan struct{} // closed: no further work is begun
	left chan struct{} // closed: everything is released
	once sync.Once
	// leave: the card is not reset when it is released.
	leave atomic.Bool
	// The reader that it is connected to, or tries to be.
	reader atomic.Pointer[string]
	line   line
	// Given up, and not gone in time.
	abandoned atomic.Bool

	// The goroutine's own: nobody else may look at these.
	context *scard.Context
	card    *scard.Card
	begun   bool // within a transaction
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

// release resets the card: a PIN verified through this connection must not stay so for the next program.
func (o *owner) release() {
	if o.card != nil {
		_ = o.card.Disconnect(o.disposition())
	}
	o.forget()
}

// disposition is what SCardDisconnect is to do with the card. It asks no questions: told to reset, it does so to the card that is there,
// even if ours has left and somebody is at work with the next. SCardEndTransaction knows the difference.
func (o *owner) disposition() scard.Disposition {
	switch {
	case o.leave.Load():
		return scard.LeaveCard
	case o.begun:
		if err := o.card.EndTransaction(scard.ResetCard); err == nil || gone(err) {
			return scard.LeaveCard
		}
	case gone(o.card.EndTransaction(scard.LeaveCard)):
		return scard.LeaveCard
	}
	return scard.ResetCard
}

// gone reports that nothing of ours can be left on the card.
func gone(err error) bool {
	return errors.Is(err, scard.ErrRemovedCard) || errors.Is(err, scard.ErrResetCard)
}

func (o *owner) forget() {
	if o.context != nil {
		// Fails when line or service are gone. The library forgets the context all the same.
		_ = o.context.Release()
		o.context = nil
	}
	o.line.close()
}

// renew replaces a context that the service has hung up on.
func (o *owner) renew() error {
	o.forget()
	return o.establish()
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

// end stops the owner and reports whether it left by itself. What still hangs in PC/SC after a time is cut off.
func (o *owner) end(patience time.Duration) bool {
	o.stop()
	if o.abandoned.Load() { // it has had its time
		o.line.cut()
		select {
		case <-o.left:
			return true
		default:
			return false
		}
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-o.left:
		return true
	case <-timer.C:
		o.giveUp()
		return false
	}
}

// How long a context may take to be released that no card was connected through.
const releaseTime = 250 * time.Millisecond

// giveUp returns when the goroutine has left, or else when nothing more can be done about it.
func (o *owner) giveUp() {
	o.stop()
	patience := time.NewTimer(cutTime)
	defer patience.Stop()
	for pause := time.Millisecond; ; pause = min(2*pause, 16*time.Millisecond) {
		o.line.cut()
		if other := opener.Load(); pause == 16*time.Millisecond && other != nil && other != o {
			other.line.cutOpening() // it may hold the lock of libpcsclite; it will try again
		}
		select {
		case <-o.left:
			return
		case <-patience.C:
			o.abandoned.Store(true)
			o.abandon()
			return
		case <-time.After(pause):
		}
	}
}

// do has f run by the owner and waits for it. When ctx ends while f runs, the owner is given up: what the card is
// doing is unknown from then on. Where f never began, the error is an ErrNotBegun.
func (o *owner) do(ctx context.Context, f func() error) error {
	return o.call(ctx, f, func() {})
}

// call is do with a function that runs where nobody sees what f did, because the call was given up or f never runs.
func (o *owner) call(ctx context.Context, f func() error, unseen func()) error {
	if err := ctx.Err(); err != nil {
		unseen()
		return notBegun(err)
	}
	if o.stopped() {
		unseen()
		return notBegun(ErrClosed)
	}
	done := make(chan error, 1)
	var settled atomic.Bool // by the owner with its result or by a caller who gives up, whoever comes first
	select {
	case o.work <- func() {
		if o.stopped() { // by a Close that came while this waited for its turn
			unseen()
			settled.Store(true)
			done <- notBegun(ErrClosed)
			return
		}
		err := guarded(f)
		if err != nil && o.stopped() { // and cut off, perhaps: not the service's fault
			err = ErrClosed
		}
		if !settled.CompareAndSwap(false, true) {
			unseen()
		}
		done <- err
	}:
	case <-o.quit:
		unseen()
		return notBegun(ErrClosed)
	case <-ctx.Done():
		unseen()
		return notBegun(ctx.Err())
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if !settled.CompareAndSwap(false, true) { // both at once: what is known is worth more than the deadline
			return <-done
		}
		o.giveUp()
		return ctx.Err()
	}
}

func notBegun(err error) error { return fmt.Errorf("%w: %w", ErrNotBegun, err) }

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

// acquire takes a semaphore of the package's.
func (o *owner) acquire(semaphore chan struct{}) error {
	select {
	case semaphore <- struct{}{}:
		return nil
	case <-o.quit:
		return ErrClosed
	}
}
