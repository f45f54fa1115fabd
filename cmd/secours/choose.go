package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/pcsc"
)

// purpose is what a verb wants with the card: whose card it is must be the surer, the more it does.
type purpose int

const (
	toRead purpose = iota
	toWrite
	toErase
)

// openAny looks for our card in all readers. It must be the only one: which patient's card it is must depend neither on the order of the
// readers nor on who is busy. A professional's own card often sits in the first, and is left as it is: a reset would end the session that
// the practice software has with it.
func (a *app) openAny(ctx context.Context) (*session, error) {
	limited, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	foreign := map[string]notOurs{}
	began := time.Now()
	for {
		// The last look begins when the time is over, and tells what was busy.
		looking, done := context.WithTimeout(ctx, max(a.timeout, shortestCommand))
		readers, err := pcsc.Readers(looking)
		done()
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", pcsc.ErrNoService, err)
		}
		if err != nil {
			return nil, err
		}
		if len(readers) == 0 {
			return nil, pcsc.ErrNoReader
		}
		if a.purpose == toErase {
			if err := a.onlyCard(readers); err != nil {
				return nil, err
			}
		}
		found, busy, err := a.lookAround(ctx, readers, foreign)
		late := limited.Err() != nil
		// Who reads in an emergency does not wait long for a reader that may have nothing to do with it.
		enough := late || time.Since(began) >= neighbourTime
		switch {
		case found == nil && (len(busy) == 0 || late):
			return nil, err
		case found != nil && len(busy) == 0:
			return found, nil
		case found != nil && a.purpose == toRead && (enough || !slices.ContainsFunc(busy, func(r pcsc.Reader) bool { return !r.Exclusive })):
			a.tellBusy(found, busy)
			return found, nil
		case found != nil:
			found.close() // held, it would keep others waiting as long as we wait for them
			if late {
				return nil, a.unsure(found, busy)
			}
		}
		select {
		case <-limited.Done():
		case <-time.After(busyPause):
		}
	}
}

// neighbourTime is how long reading waits for readers beside the one that has our card.
const neighbourTime = time.Second

// notOurs is why a reader's card is none of ours, and what the reader had seen then.
type notOurs struct {
	events uint16
	why    error
}

// lookAround opens our card. Without one, the error is the gravest of all readers'.
func (a *app) lookAround(ctx context.Context, readers []pcsc.Reader, foreign map[string]notOurs) (found *session, busy []pcsc.Reader, gravest error) {
	gravest = pcsc.ErrNoCard
	for _, r := range readers {
		if !r.Card {
			continue
		}
		if f, ok := foreign[r.Name]; ok && f.events == r.Events {
			gravest = graver(gravest, f.why)
			continue
		}
		// One reader that is held must not keep us from the others.
		patience := a.timeout
		if len(readers) > 1 {
			patience = min(patience, 2*busyPause)
		}
		s, err := a.openReader(ctx, r.Name, patience)
		switch {
		case err == nil && found == nil:
			found = s
		case err == nil:
			found.close()
			s.close()
			return nil, nil, a.severalCards(a.lang.s("plusieurs cartes Secours sont en place : dites laquelle", "there are several Secours cards: say which one"), found.name, s.name)
		case errors.Is(err, pcsc.ErrReaderBusy):
			busy = append(busy, r)
		case errors.Is(err, card.ErrNotOurCard) || notLaidOut(err):
			foreign[r.Name] = notOurs{r.Events, err}
		}
		if err != nil {
			gravest = graver(gravest, err)
		}
		if ctx.Err() != nil {
			if found != nil {
				found.close()
			}
			return nil, nil, ctx.Err()
		}
	}
	return found, busy, gravest
}

func (a *app) names(readers []pcsc.Reader) string {
	var names []string
	for _, r := range readers {
		names = append(names, a.lang.quote(oneLine(r.Name)))
	}
	return strings.Join(names, ", ")
}

// tellBusy says which cards were not looked at.
func (a *app) tellBusy(found *session, busy []pcsc.Reader) {
	if !a.json {
		a.note(a.lang.s(
			"attention : un autre programme tient %s, dont la carte n'a pas été regardée ; ceci est celle de %s",
			"warning: another program holds %s, whose card was not looked at; this is that of %s",
		), a.names(busy), a.lang.quote(oneLine(found.name)))
	}
}

// unsure refuses to write to a card that may not be the only one of ours.
func (a *app) unsure(found *session, busy []pcsc.Reader) error {
	return &failure{
		code: exitBusy, name: "reader-busy", retryable: true, err: pcsc.ErrReaderBusy,
		message: fmt.Sprintf(a.lang.s(
			"un autre programme tient %s : la carte à écrire n'est pas sûre ; rien n'a été changé",
			"another program holds %s: it is not sure which card to write to; nothing was changed",
		), a.names(busy)),
		hint: "--card " + a.lang.quote(oneLine(found.name)),
	}
}

func (a *app) severalCards(message string, names ...string) error {
	hint := ""
	for _, name := range names {
		hint += " --card " + a.lang.quote(oneLine(name))
	}
	return &failure{code: exitGeneral, name: "several-cards", message: message, hint: strings.TrimSpace(hint)}
}

// onlyCard refuses to choose among several cards, whatever they are, the one that is about to be erased.
func (a *app) onlyCard(readers []pcsc.Reader) error {
	var names []string
	for _, r := range readers {
		if r.Card {
			names = append(names, "pcsc:"+r.Name)
		}
	}
	if len(names) < 2 {
		return nil
	}
	return a.severalCards(a.lang.s("plusieurs lecteurs ont une carte : dites laquelle préparer", "several readers have a card: say which one to prepare"), names...)
}

// graver is the one of two errors of different readers that is to be told: what keeps a card that may be ours from being read comes before
// a tag that could be made ours, and that before a card that is another.
func graver(a, b error) error {
	if weight(b) > weight(a) {
		return b
	}
	return a
}

func weight(err error) int {
	switch {
	case errors.Is(err, pcsc.ErrNoCard):
		return 0
	case errors.Is(err, card.ErrNotOurCard):
		return 1
	case notLaidOut(err):
		return 2
	}
	return 3
}

func (a *app) openReader(ctx context.Context, reader string, patience time.Duration) (*session, error) {
	c, err := a.connectReader(ctx, reader, patience)
	if err != nil {
		return nil, err
	}
	return a.selected(ctx, c)
}
