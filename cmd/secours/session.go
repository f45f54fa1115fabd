package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/pcsc"
)

// session is a card in a reader, selected, and held: no other program reaches it before close.
type session struct {
	card card.Card
	// application is the card where it has our application, nil where it is a Type 4 Tag.
	application *card.Application
	medium      card.Medium
	// simulated cards may carry unsealed records; real ones must not.
	simulated bool
	name      string
	reader    string
	close     func() error
}

// open reaches the card that --card names, and selects what is on it. The caller closes the session. Whatever a human has to be
// asked is asked before: while the session lasts, everybody else waits, and Windows resets a card that is held and left idle.
func (a *app) open(ctx context.Context) (*session, error) {
	open := a.openOnce
	if a.wait {
		open = a.openWhenThere
	}
	s, err := open(ctx)
	if err != nil || a.patientPIN == nil {
		return s, err
	}
	if err := a.presentPIN(ctx, s); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (a *app) openOnce(ctx context.Context) (*session, error) {
	if a.card == "" || a.card == "pcsc" {
		return a.openAny(ctx)
	}
	c, err := a.connection(ctx)
	if err != nil {
		return nil, err
	}
	return a.selected(ctx, c)
}

// openWhenThere waits for a card of ours where there is none.
func (a *app) openWhenThere(ctx context.Context) (*session, error) {
	s, err := a.openOnce(ctx)
	if _, simulated := a.imagePath(); simulated || !isAbsent(err) {
		return s, err
	}
	if !a.json {
		a.note("%s", a.lang.s("insérez la carte…", "insert the card…"))
	}
	for _, failed := range pcsc.Watch(ctx) {
		if failed != nil && !isAbsent(failed) {
			return nil, failed
		}
		if s, err = a.openOnce(ctx); !isAbsent(err) {
			return s, err
		}
	}
	return nil, errors.Join(ctx.Err(), err)
}

// isAbsent tells whether an error may go away when a card, a reader or the service comes.
func isAbsent(err error) bool {
	for _, absent := range []error{pcsc.ErrNoCard, pcsc.ErrNoReader, pcsc.ErrNoService, pcsc.ErrCardRemoved, pcsc.ErrCardUnresponsive, card.ErrNotOurCard, card.ErrCardGone} {
		if errors.Is(err, absent) {
			return true
		}
	}
	return false
}

// selected selects what there is on the card. One that is not ours is left as it was.
func (a *app) selected(ctx context.Context, c *connection) (*session, error) {
	found, err := card.Open(ctx, c.Transmitter)
	if notLaidOut(err) && a.layOut {
		err = nil
	}
	if err != nil {
		if c.leave != nil && (errors.Is(err, card.ErrNotOurCard) || notLaidOut(err)) {
			c.leave()
		} else {
			c.close()
		}
		return nil, err
	}
	application, _ := found.(*card.Application)
	return &session{
		card: found, application: application, medium: found.Medium(ctx), simulated: c.simulated, name: c.name, reader: c.reader, close: c.close,
	}, nil
}

// notLaidOut tells whether a card is a Type 4 Tag that could be ours, and is not.
func notLaidOut(err error) bool {
	return errors.Is(err, card.ErrBlankTag) || errors.Is(err, card.ErrOtherMessage) || errors.Is(err, card.ErrOtherLayout)
}

// reading opens the card and reads from it. The caller closes the session. What another program's reset cut short is begun again, once: read writes
// nothing. A card that wants the patient's PIN is let go of while the PIN is asked for.
func (a *app) reading(ctx context.Context, read func(*session) error) (*session, error) {
	restarted := false
	for {
		s, err := a.open(ctx)
		if err == nil {
			if err = read(s); err == nil {
				return s, nil
			}
			if wantsPIN(err) && a.patientPIN == nil && s.application != nil {
				err = a.expectPIN(ctx, s, err)
			}
			s.close()
		}
		var wanted *pinWanted
		switch {
		case errors.As(err, &wanted):
			if err := a.askPIN(ctx, wanted.left); err != nil {
				return nil, err
			}
		case wasReset(err) && !errors.Is(err, errPresenting) && !restarted:
			restarted = true
		default:
			return nil, err
		}
	}
}

// wasReset tells whether another program reset the card: PC/SC says so, or the card answers as one on which nothing is selected.
func wasReset(err error) bool {
	switch {
	case errors.Is(err, pcsc.ErrCardReset):
		return true
	case errors.Is(err, card.ErrNotOurCard):
		return false
	}
	return slices.ContainsFunc(deselected, func(e error) bool { return errors.Is(err, e) })
}

// deselected are the answers of a card that was swapped, reset, or lost its power since the application was selected.
var deselected = []error{card.ErrFile, card.ErrNotFound, card.ErrConditions}

// content reads the container of the card that --card names.
func (a *app) content(ctx context.Context) (*card.Content, *session, error) {
	var c *card.Content
	s, err := a.reading(ctx, func(s *session) (err error) {
		c, err = card.Read(s.medium)
		if errors.Is(err, card.ErrNotFormatted) && !blank(s.medium) {
			err = a.notBlank(err)
		}
		return err
	})
	return c, s, err
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
