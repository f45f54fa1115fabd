//go:build cgo || windows

package pcsc

import (
	"context"
	"errors"
	"sync"

	"github.com/ebfe/scard"
)

// Readers lists the readers that are plugged in, in the service's order, with what is in them. No reader is an empty list.
func Readers(ctx context.Context) ([]Reader, error) {
	o := newOwner()
	defer o.stop()
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

// A reader that is plugged in or pulled between two questions makes the second fail. Hands are slow: a few tries outlast them.
const listTries = 5

func (o *owner) readers() ([]Reader, error) {
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
		if len(names) == 0 {
			return nil, nil
		}
		states := make([]scard.ReaderState, len(names))
		for i, name := range names {
			states[i] = scard.ReaderState{Reader: name, CurrentState: scard.StateUnaware}
		}
		err = o.poll(states)
		switch {
		case errors.Is(err, scard.ErrUnknownReader): // one reader that has gone fails the question for all
			continue
		case err != nil:
			return nil, failed("looking into the readers", err)
		}
		readers := make([]Reader, len(states))
		for i, s := range states {
			readers[i] = Reader{Name: s.Reader, Card: s.EventState&scard.StatePresent != 0, Events: uint16(s.EventState >> 16), Exclusive: s.EventState&scard.StateExclusive != 0}
			// The ATR of a card that has left stays behind in the state.
			if readers[i].Card && s.EventState&scard.StateMute == 0 && len(s.Atr) > 0 {
				readers[i].ATR = s.Atr
			}
		}
		return readers, nil
	}
	return nil, failed("listing the readers", err)
}

// polling lets one SCardGetStatusChange run at a time: ebfe/scard keeps the reader names that C code reads alive in
// a map by name, where a second call for the same name takes the first one's place.
var polling sync.Mutex

// poll fills in the readers' present states without waiting.
func (o *owner) poll(states []scard.ReaderState) error {
	polling.Lock()
	defer polling.Unlock()
	// The library passes whole milliseconds: 0 answers at once.
	return o.context.GetStatusChange(states, 0)
}
