package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
)

// session is a card in a reader, selected.
type session struct {
	application *card.Application
	medium      card.Medium
	// simulated cards may carry unsealed records; real ones must not.
	simulated bool
	name      string
	close     func() error
}

// connection is a card before its application is selected.
type connection struct {
	card.Transmitter
	simulated bool
	name      string
	close     func() error
}

const simPrefix = "sim:"

// connect reaches the card that --card names.
func (a *app) connect(ctx context.Context) (*connection, error) {
	spec := a.card
	path, simulated := strings.CutPrefix(spec, simPrefix)
	reader, named := strings.CutPrefix(spec, "pcsc:")
	switch {
	case simulated && path == "", named && reader == "":
		return nil, a.badCard()
	case simulated:
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
		return &connection{Transmitter: c, simulated: true, name: spec, close: c.Close}, nil
	case named, spec == "pcsc", spec == "":
		var c *pcsc.Conn
		err := a.waiting(a.lang.s(
			"le lecteur ne répond pas encore, attente…",
			"the reader does not answer yet, waiting…",
		), func() (err error) {
			c, err = a.connectReader(ctx, reader)
			return err
		})
		if err != nil {
			return nil, err
		}
		return &connection{Transmitter: c, name: "pcsc:" + c.Reader(), close: c.Close}, nil
	}
	return nil, a.badCard()
}

// connectReader connects to the card in a reader, and waits for one that another program holds.
func (a *app) connectReader(ctx context.Context, reader string) (*pcsc.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	for {
		c, err := pcsc.Connect(limited, reader)
		if errors.Is(err, context.DeadlineExceeded) {
			err = pcsc.ErrReaderBusy
		}
		if !errors.Is(err, pcsc.ErrReaderBusy) || limited.Err() != nil {
			return c, err
		}
		select {
		case <-limited.Done():
			return nil, err
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func (a *app) badCard() error {
	return &failure{
		code: exitGeneral, name: "usage",
		message: a.lang.s("--card : sim:FICHIER, pcsc ou pcsc:LECTEUR", "--card: sim:FILE, pcsc, or pcsc:READER"),
	}
}

// open reaches the card and selects its application. The caller closes the session.
func (a *app) open(ctx context.Context) (*session, error) {
	c, err := a.connection(ctx)
	if err != nil {
		return nil, err
	}
	application, err := card.Select(ctx, c.Transmitter)
	if err != nil {
		c.close()
		return nil, err
	}
	return &session{
		application: application, medium: application.Medium(ctx),
		simulated: c.simulated, name: c.name, close: c.close,
	}, nil
}

// content reads the container of the card that --card names.
func (a *app) content(ctx context.Context) (*card.Content, *session, error) {
	s, err := a.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, err := card.Read(s.medium)
	if errors.Is(err, card.ErrNotFormatted) && !blank(s.medium) {
		err = a.notBlank(err)
	}
	if err != nil {
		s.close()
		return nil, nil, err
	}
	return c, s, nil
}

// blank reports whether the beginning of a memory is as it left the factory. Where it is not and there is no container, a container
// may have lost its first bytes, with whole summaries behind them.
func blank(m card.Medium) bool {
	head := make([]byte, min(64, m.Size()))
	if _, err := m.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	return len(bytes.Trim(head, "\x00")) == 0 || len(bytes.Trim(head, "\xFF")) == 0
}

func (a *app) notBlank(err error) error {
	return &failure{
		code: exitInvalid, name: "damaged", err: err,
		message: a.lang.s(
			"la carte porte des données dont le début n'est pas reconnu : une synthèse peut s'y trouver encore",
			"the card holds data whose beginning is not recognised: a summary may still be there",
		),
		hint: a.lang.s(
			"relisez-la dans un autre lecteur ; « secours card init --erase » la prépare de nouveau et perd tout",
			"read it in another reader; \"secours card init --erase\" prepares it again and loses everything",
		),
	}
}

// imagePath returns the file of a simulated card, and whether --card names one.
func (a *app) imagePath() (string, bool) { return strings.CutPrefix(a.card, simPrefix) }

// notEmpty turns an empty card into the failure that a reader reports.
func (a *app) notEmpty(c *card.Content) error {
	if c.Record != nil {
		return nil
	}
	return &failure{
		code: exitNoCard, name: "empty-card",
		message: a.lang.s(
			"la carte est préparée mais vide : personne n'y a encore écrit de synthèse",
			"the card is prepared but empty: nobody has written a summary to it yet",
		),
		hint: a.lang.s("« secours write FICHIER » en écrit une", "\"secours write FILE\" writes one"),
	}
}
