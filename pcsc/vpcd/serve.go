package vpcd

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Away is how long a reader should be left without a card before the next one is plugged in. pcscd looks every 400 ms. A card that
// comes before it looked is taken for the one that left, and after a tear it may not be seen at all: pcscd 1.9.9, which failed to reset
// the torn card, then believes the reader empty for as long as it finds a card in it.
const Away = 600 * time.Millisecond

const (
	// Pauses between two attempts to reach a reader that is not there. Two a second, while pcscd is away for the night, harm nobody.
	firstPause = 50 * time.Millisecond
	lastPause  = 500 * time.Millisecond
	// vpcd takes a connection from its queue when it looks for a card. One that hears nothing for this long waits there behind
	// another card's.
	silence = 2 * time.Second
)

// Serve keeps a card plugged into the reader at addr: it waits for a reader that is not there, and comes back when it hung up, until
// ctx ends, the card is gone (ErrGone) or faulty (ErrFaulty); it returns that.
//
// It calls told, if not nil, with nil when the reader is heard, before its first question is answered, and with an error when it is
// not there, asks nothing or has hung up: once, however often the reader is tried before it is heard again. Calls come one at a time.
func Serve(ctx context.Context, addr string, c Card, told func(error)) error {
	s := server{addr: addr, card: c, told: told}
	pause := firstPause
	for {
		err := s.connection(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrGone), errors.Is(err, ErrFaulty):
			return err
		}
		s.tell(err)
		wait := pause
		pause = min(2*pause, lastPause)
		if !errors.Is(err, ErrNoReader) {
			wait, pause = Away, firstPause
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

type server struct {
	addr string
	card Card

	mu   sync.Mutex
	told func(error)
	lost bool // and told so
}

// tell tells of a reader that is heard, and once of one that is not.
func (s *server) tell(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told != nil && (err == nil || !s.lost) {
		s.told(err)
	}
	s.lost = err != nil
}

// connection is Plug with word of when the reader is heard.
func (s *server) connection(ctx context.Context) error {
	conn, err := dial(ctx, s.addr)
	if err != nil {
		return err
	}
	p := newPlug(conn, s.card, quickAck(conn))
	told := make(chan struct{})
	quiet := time.AfterFunc(silence, func() {
		defer close(told)
		s.tell(ErrSilent)
	})
	settle := func() {
		if !quiet.Stop() {
			<-told
		}
	}
	p.first = func() {
		settle()
		s.tell(nil)
	}
	err = p.serve(ctx)
	if p.first != nil {
		settle()
	}
	return err
}
