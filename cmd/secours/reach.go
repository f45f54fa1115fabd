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
	reader    string // its PC/SC name, where the card is in one
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
		for gone := 0; ; {
			c, err = a.hold(limited, reader)
			switch {
			case limited.Err() != nil:
				return err
			case errors.Is(err, pcsc.ErrReaderBusy):
			case gone < goneTries && errors.Is(err, pcsc.ErrCardRemoved):
				gone++ // while another program resets it, a card looks as if it were taken out
			default:
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

// goneTries bounds how often a card that seems to leave as it is connected to is tried again.
const goneTries = 3

func (a *app) hold(ctx context.Context, reader string) (*connection, error) {
	c, err := pcsc.Connect(ctx, reader)
	if err == nil {
		if err = c.Begin(ctx); err != nil {
			c.Leave()
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%s: %w: %w", reader, a.whatHangs(), err)
	}
	if err != nil {
		return nil, err
	}
	return &connection{
		Transmitter: &heldCard{c, max(a.timeout, shortestCommand)}, name: "pcsc:" + c.Reader(), reader: c.Reader(), close: c.Close, leave: c.Leave,
	}, nil
}

// whatHangs tells another program's transaction from a service that answers nobody.
func (a *app) whatHangs() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := pcsc.Readers(ctx); errors.Is(err, context.DeadlineExceeded) {
		return pcsc.ErrNoService
	}
	return pcsc.ErrReaderBusy
}
