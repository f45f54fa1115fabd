//go:build cgo || windows

package pcsc

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/ebfe/scard"
)

// Readers lists the readers that are plugged in, in the service's order, with what is in them. No reader is an empty list.
//
// Errors: ErrNoService, ErrVersion, ErrNotPermitted, or the context's.
func Readers(ctx context.Context) ([]Reader, error) {
	o := newOwner()
	defer o.end(releaseTime)
	var readers []Reader
	err := o.do(ctx, func() error {
		if err := o.establish(); err != nil {
			return err
		}
		found, err := o.readers()
		readers = found
		return err
	})
	if err != nil {
		return nil, err
	}
	return readers, nil
}

func (o *owner) readers() ([]Reader, error) {
	states, err := o.states()
	if err != nil {
		return nil, err
	}
	readers := make([]Reader, len(states))
	for i, s := range states {
		readers[i] = asReader(s)
	}
	return readers, nil
}

func asReader(s scard.ReaderState) Reader {
	r := Reader{
		Name:      s.Reader,
		Card:      s.EventState&scard.StatePresent != 0,
		Events:    uint16(s.EventState >> 16),
		Exclusive: s.EventState&scard.StateExclusive != 0,
	}
	// pcsc-lite says either; Windows says both.
	r.InUse = s.EventState&(scard.StateInuse|scard.StateExclusive) != 0
	r.Mute = r.Card && s.EventState&scard.StateMute != 0
	// The ATR of a card that has left stays behind in the state.
	if r.Card && !r.Mute && len(s.Atr) > 0 {
		r.ATR = s.Atr
	}
	return r
}

// looking lets one goroutine at a time ask for readers and their states. ebfe/scard keeps the reader names that C code reads in
// SCardGetStatusChange alive in a map by name, where a second call for the same name takes the first one's place; and libpcsclite 1.9.9
// has one buffer for what the service says of the readers, which both calls fill.
var looking = make(chan struct{}, 1)

// A reader that is plugged in or pulled between two questions makes the second fail. Hands are slow: a few tries outlast them.
const listTries = 5

// states lists the readers, with their present states, without waiting.
func (o *owner) states() ([]scard.ReaderState, error) {
	if err := o.acquire(looking); err != nil {
		return nil, err
	}
	defer func() { <-looking }()
	var err error
	for range listTries {
		var names []string
		names, err = o.context.ListReaders()
		switch {
		case errors.Is(err, scard.ErrNoReadersAvailable):
			return nil, nil
		case errors.Is(err, scard.ErrInsufficientBuffer): // one more reader since the length was asked for
			continue
		case err != nil:
			return nil, failed("listing the readers", err)
		}
		states := make([]scard.ReaderState, len(names))
		for i, name := range names {
			states[i] = scard.ReaderState{Reader: name, CurrentState: scard.StateUnaware}
		}
		err = nil
		for rest := states; len(rest) > 0 && err == nil; {
			n := min(len(rest), maxStates)
			err = o.context.GetStatusChange(rest[:n], 0)
			rest = rest[n:]
		}
		switch {
		case err == nil:
			return states, nil
		case errors.Is(err, scard.ErrUnknownReader): // one reader that has gone fails the question for all
		default:
			return nil, failed("looking into the readers", err)
		}
		if o.stopped() {
			break
		}
	}
	return nil, failed("listing the readers", err)
}

// maxStates is what SCardGetStatusChange takes: MAXIMUM_SMARTCARD_READERS of winscard.h. pcsc-lite has no more readers than it takes.
var maxStates = map[bool]int{true: 10, false: 16}[runtime.GOOS == "windows"]

// await returns when something has changed in a reader since the states were taken, and otherwise after a time.
func (o *owner) await(states []scard.ReaderState, patience time.Duration) error {
	if err := o.acquire(looking); err != nil {
		return err
	}
	defer func() { <-looking }()
	current := make([]scard.ReaderState, min(len(states), maxStates))
	for i := range current {
		current[i] = scard.ReaderState{Reader: states[i].Reader, CurrentState: states[i].EventState &^ scard.StateChanged}
	}
	return o.context.GetStatusChange(current, patience)
}
