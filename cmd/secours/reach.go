package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
)

// connection is a card before anything is selected on it. From connect to close no other program reaches the card.
type connection struct {
	card.Transmitter
	simulated bool
	name      string
	// close resets the card; leave, where there is one, does not: for cards that are not ours.
	close, leave func() error
}

const simPrefix = "sim:"

// shortestCommand is the least time that a card is given for one command, whatever --timeout says: to erase and program two pages
// takes a slow one some tens of milliseconds.
const shortestCommand = 2 * time.Second

var errSilent = errors.New("the card does not answer")

// heldCard is a card in a reader, within a transaction. A command that is not answered within the limit ends the connection: a
// reader may hang for ever, and there is no taking a command back.
type heldCard struct {
	*pcsc.Conn
	limit time.Duration
}

func (h *heldCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	limited, cancel := context.WithTimeoutCause(ctx, h.limit, errSilent)
	defer cancel()
	answer, err := h.Conn.Transmit(limited, command)
	return answer, silent(limited, err)
}

func (h *heldCard) Reset(ctx context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, h.limit, errSilent)
	defer cancel()
	return silent(limited, h.Conn.Reset(limited))
}

// silent adds that it was the card's time that ran out.
func silent(limited context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(limited), errSilent) {
		return fmt.Errorf("%w: %w", errSilent, err)
	}
	return err
}

// connect reaches the card that --card names, where it names one.
func (a *app) connect(ctx context.Context) (*connection, error) {
	spec := a.card
	path, simulated := strings.CutPrefix(spec, simPrefix)
	reader, named := strings.CutPrefix(spec, "pcsc:")
	switch {
	case simulated && path != "":
		return a.connectImage(ctx, path)
	case named && reader != "":
		return a.connectReader(ctx, reader, a.timeout)
	}
	return nil, &failure{
		code: exitGeneral, name: "usage",
		message: a.lang.s("--card : sim:FICHIER, pcsc ou pcsc:LECTEUR", "--card: sim:FILE, pcsc, or pcsc:READER"),
	}
}

func (a *app) connectImage(ctx context.Context, path string) (*connection, error) {
	var c *sim.Card
	err := a.waiting(a.lang.s(
		"un autre programme tient la carte, attente…",
		"another program holds the card, waiting…",
	), func() (err error) {
		c, err = interruptible(ctx, func() (*sim.Card, error) { return a.openImage(path, sim.Session{Wait: a.timeout}) })
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &failure{
			code: exitNoCard, name: "no-card", err: err,
			message: fmt.Sprintf(a.lang.s("pas de carte simulée : %s", "no simulated card: %s"), path),
			hint: a.lang.s(
				"« secours card init --card sim:FICHIER » en crée une",
				"\"secours card init --card sim:FILE\" creates one",
			),
		}
	}
	if err != nil {
		return nil, err
	}
	return &connection{Transmitter: c, simulated: true, name: simPrefix + path, close: c.Close}, nil
}

// connectReader connects to the card in a reader and begins a transaction, waiting up to a time for other programs.
func (a *app) connectReader(ctx context.Context, reader string, patience time.Duration) (*connection, error) {
	var c *connection
	err := a.waiting(a.lang.s(
		"un autre programme tient le lecteur, attente…",
		"another program holds the reader, waiting…",
	), func() (err error) {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		for {
			c, err = a.hold(limited, reader)
			if !errors.Is(err, pcsc.ErrReaderBusy) || limited.Err() != nil {
				return err
			}
			select {
			case <-limited.Done():
				return err
			case <-time.After(busyPause):
			}
		}
	})
	return c, err
}

// busyPause is the time between two looks at a reader that another program holds for itself.
const busyPause = 250 * time.Millisecond

func (a *app) hold(ctx context.Context, reader string) (*connection, error) {
	c, err := pcsc.Connect(ctx, reader)
	if err == nil {
		if err = c.Begin(ctx); err != nil {
			c.Leave()
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%s: %w: %w", reader, pcsc.ErrReaderBusy, err)
	}
	if err != nil {
		return nil, err
	}
	return &connection{
		Transmitter: &heldCard{c, max(a.timeout, shortestCommand)}, name: "pcsc:" + c.Reader(), close: c.Close, leave: c.Leave,
	}, nil
}

// openAny looks for our card in all readers. A professional's own card often sits in the first, and is left as it is: a reset would
// end the session that the practice software has with it.
func (a *app) openAny(ctx context.Context) (*session, error) {
	limited, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	type notOurs struct {
		events uint16 // what the reader had seen
		why    error
	}
	foreign := map[string]notOurs{}
	for {
		readers, err := pcsc.Readers(limited)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", pcsc.ErrNoService, err)
		}
		if err != nil {
			return nil, err
		}
		if len(readers) == 0 {
			return nil, pcsc.ErrNoReader
		}
		if err := a.onlyCard(readers); err != nil {
			return nil, err
		}
		var best error
		busy := false
		for i, r := range readers {
			if !r.Card {
				continue
			}
			if f, ok := foreign[r.Name]; ok && f.events == r.Events {
				best = graver(best, f.why)
				continue
			}
			// One reader that is held must not keep us from the others.
			patience := a.timeout
			if i < len(readers)-1 || i > 0 {
				patience = min(patience, 2*busyPause)
			}
			s, err := a.openReader(ctx, r.Name, patience)
			if err == nil {
				return s, nil
			}
			if ctx.Err() != nil {
				return nil, err
			}
			if errors.Is(err, card.ErrNotOurCard) || notLaidOut(err) {
				foreign[r.Name] = notOurs{r.Events, err}
			}
			busy = busy || errors.Is(err, pcsc.ErrReaderBusy)
			best = graver(best, err)
		}
		switch {
		case best == nil:
			return nil, pcsc.ErrNoCard
		case !busy || limited.Err() != nil:
			return nil, best
		}
		select {
		case <-limited.Done():
			return nil, best
		case <-time.After(busyPause):
		}
	}
}

// onlyCard refuses to choose among several cards the one that a verb is about to erase.
func (a *app) onlyCard(readers []pcsc.Reader) error {
	var names []string
	for _, r := range readers {
		if r.Card {
			names = append(names, a.lang.quote("pcsc:"+oneLine(r.Name)))
		}
	}
	if !a.erases || len(names) < 2 {
		return nil
	}
	return &failure{
		code: exitGeneral, name: "several-cards",
		message: a.lang.s("plusieurs lecteurs ont une carte : dites laquelle préparer", "several readers have a card: say which one to prepare"),
		hint:    "--card " + strings.Join(names, ", --card "),
	}
}

// graver is the one of two errors of different readers that is to be told: what keeps a card that may be ours from being read comes before
// a tag that could be made ours, and that before a card that is another.
func graver(a, b error) error {
	if a == nil || weight(b) > weight(a) {
		return b
	}
	return a
}

func weight(err error) int {
	switch {
	case errors.Is(err, card.ErrNotOurCard):
		return 0
	case notLaidOut(err):
		return 1
	}
	return 2
}

func (a *app) openReader(ctx context.Context, reader string, patience time.Duration) (*session, error) {
	c, err := a.connectReader(ctx, reader, patience)
	if err != nil {
		return nil, err
	}
	return a.selected(ctx, c)
}
