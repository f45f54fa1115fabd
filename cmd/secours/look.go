package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
)

// What is in the readers, seen without disturbing it: a card that is none of ours may have a session with another program, which a reset
// would end.

// smartCards is the PC/SC of this computer; tests put another in its place.
type smartCards interface {
	Readers(ctx context.Context) ([]pcsc.Reader, error)
	Connect(ctx context.Context, reader string) (sharedCard, error)
}

// sharedCard is a connection to a card that other programs may use too.
type sharedCard interface {
	card.Transmitter
	Begin(ctx context.Context) error
	End(ctx context.Context) error
	Leave() error
	Close() error
}

type systemCards struct{}

func (systemCards) Readers(ctx context.Context) ([]pcsc.Reader, error) { return pcsc.Readers(ctx) }

func (systemCards) Connect(ctx context.Context, reader string) (sharedCard, error) {
	c, err := pcsc.Connect(ctx, reader)
	if err != nil {
		return nil, err // not a nil *pcsc.Conn in an interface
	}
	return c, nil
}

// The states of a reader. They are part of the interface; those of a card with a container are those of "card info".
const (
	lookNoCard      = "no-card"
	lookEmpty       = "empty"
	lookWritten     = "written"
	lookUnconfirmed = "unconfirmed"
	lookNewerLost   = "newer-lost"
	lookUnprepared  = "not-prepared"
	lookNewerFormat = "newer-format"
	lookDamaged     = "damaged"
	lookPIN         = "pin"
	lookTag         = "tag"
	// A Type 4 Tag with a message that is not ours: to prepare it would lose that.
	lookOtherMessage = "other-message"
	lookOther        = "other"
	lookMute         = "mute"
	lookSilent       = "silent"
	lookBusy         = "busy"
	lookFailed       = "failed"
	lookAmbiguous    = "ambiguous"
)

var lookWords = words{
	lookNoCard:      {"pas de carte", "no card"},
	lookEmpty:       {"carte Secours, vide", "Secours card, empty"},
	lookWritten:     {"carte Secours, écrite", "Secours card, written"},
	lookUnconfirmed: {"carte Secours, écriture non terminée", "Secours card, its write was not finished"},
	lookNewerLost: {
		"carte Secours, écrite ; une synthèse plus récente est illisible",
		"Secours card, written; a newer summary cannot be read",
	},
	lookUnprepared:  {"carte Secours, non préparée (« secours card init »)", "Secours card, not prepared (\"secours card init\")"},
	lookNewerFormat: {"carte Secours, écrite par une version plus récente", "Secours card, written by a newer version"},
	lookDamaged:     {"carte Secours, contenu abîmé", "Secours card, its content is damaged"},
	lookPIN:         {"carte fermée par un code", "card closed by a PIN"},
	lookTag: {
		"tag NFC (Type 4) vierge ; « secours card init --type4 » le prépare",
		"NFC tag (Type 4), blank; \"secours card init --type4\" prepares it",
	},
	lookOtherMessage: {"tag NFC (Type 4) avec un autre message", "NFC tag (Type 4) with another message"},
	lookOther:        {"autre carte, pas une carte Secours", "another card, not a Secours card"},
	lookMute:         {"ne répond pas, peut-être à l'envers", "does not answer, perhaps the wrong way round"},
	lookSilent:       {"n'a pas répondu à temps", "did not answer in time"},
	lookBusy:         {"tenue par un autre programme", "held by another program"},
	lookFailed:       {"ne répond pas comme elle le devrait", "does not answer as it should"},
	lookAmbiguous: {
		"pas regardée : un autre lecteur porte le même nom",
		"not looked at: another reader has the same name",
	},
}

// found is what a look at a reader found.
type found struct {
	state  string
	medium string // "application" or "type4", "" where the card is not ours or could not be asked
	id     string // the card's number
	// err is what keeps the card from being read; nil for none.
	err error
	// selected: it is ours, whatever may be wrong with it.
	selected bool
}

// errTwins are readers that a name does not tell apart.
var errTwins = errors.New("two readers of one name")

// lookTime is the most that one reader is given.
const lookTime = 2 * time.Second

// lookLimit is what each of the two steps, asking for the readers and looking into them, may take.
func (a *app) lookLimit() time.Duration { return max(100*time.Millisecond, min(lookTime, a.timeout/2)) }

// releaseTime is how long the cards are waited for that were looked at and are let go. pcsc has a limit of its own; where that is
// missed, the service resets the card when this process has ended.
const releaseTime = 800 * time.Millisecond

// lookInto lists the readers and looks into all of them at once: one that hangs takes no time of the others.
func (a *app) lookInto(ctx context.Context, s smartCards) ([]pcsc.Reader, []found, error) {
	limit := a.lookLimit()
	readers, err := within(ctx, limit, s.Readers)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("listing the readers: %w: %w", pcsc.ErrNoService, err)
	}
	if err != nil {
		return nil, nil, err
	}
	type answer struct {
		i int
		found
	}
	answers := make(chan answer, len(readers))
	var released sync.WaitGroup
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	all := make([]found, len(readers))
	named := map[string]bool{}
	for i, r := range readers {
		switch {
		case !r.Card:
			answers <- answer{i, found{state: lookNoCard, err: pcsc.ErrNoCard}}
		case named[r.Name]:
			answers <- answer{i, found{state: lookAmbiguous, err: errTwins}}
		default:
			released.Go(func() { lookAt(limited, s, r.Name, func(f found) { answers <- answer{i, f} }) })
		}
		named[r.Name] = true
		all[i] = found{state: lookSilent, err: errSilent}
	}
	// A little more than the looks have: each says best itself where it stopped.
	patience := time.NewTimer(limit + 50*time.Millisecond)
	defer patience.Stop()
waiting:
	for range readers {
		select {
		case x := <-answers:
			all[x.i] = x.found
		case <-patience.C:
			break waiting
		}
	}
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return nil, nil, err
	}
	free := make(chan struct{})
	go func() { released.Wait(); close(free) }()
	select {
	case <-free:
	case <-time.After(releaseTime):
	}
	return readers, all, nil
}

// within runs f, and returns when the time is over even where f does not.
func within[T any](ctx context.Context, limit time.Duration, f func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f(limited)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-limited.Done():
		select {
		case r := <-done: // both at once: what is known is worth more than the deadline
			return r.value, r.err
		case <-time.After(20 * time.Millisecond): // f may just be about to say it better
			var none T
			return none, limited.Err()
		}
	}
}

// lookAt looks at the card in a reader, in one transaction, tells what it found, and lets the card go.
func lookAt(ctx context.Context, s smartCards, reader string, tell func(found)) {
	c, err := s.Connect(ctx, reader)
	if err != nil {
		tell(notReached(err))
		return
	}
	if err := c.Begin(ctx); err != nil {
		tell(notReached(err))
		c.Leave()
		return
	}
	t := &touched{Transmitter: c}
	tell(look(ctx, t))
	if t.selected {
		c.Close() // which ends the transaction too: nobody finds our application selected
		return
	}
	c.End(ctx)
	c.Leave()
}

// notReached is about a card that no command was sent to. What waits without end there waits for another program.
func notReached(err error) found {
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", pcsc.ErrReaderBusy, err)
	}
	return notRead(err)
}

// touched notices whether a SELECT did anything. It passes on neither resets nor extended APDUs: a look needs none.
type touched struct {
	card.Transmitter
	selected bool
}

func (t *touched) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	answer, err := t.Transmitter.Transmit(ctx, command)
	// A refused SELECT by name leaves the application that was selected (ISO/IEC 7816-4:2020, 11.2.2.2). What has no answer may have
	// been carried out.
	if len(answer) < 2 || answer[len(answer)-2] < 0x64 || answer[len(answer)-2] == 0x90 {
		t.selected = true
	}
	return answer, err
}

// look says what kind of card this is and how its container reads.
func look(ctx context.Context, t card.Transmitter) found {
	opened, err := card.Open(ctx, t)
	medium := ""
	switch opened.(type) {
	case *card.Application:
		medium = "application"
	case *card.Tag:
		medium = "type4"
	}
	if err != nil {
		f := notRead(err)
		f.medium = medium
		return f
	}
	f := found{medium: medium, selected: true}
	m := opened.Medium(ctx)
	c, err := card.Read(m)
	if err != nil {
		x := notRead(err)
		f.state, f.err = x.state, x.err
		if x.state == lookUnprepared && !blank(m) {
			f.state = lookDamaged
		}
		return f
	}
	f.id, f.state = c.Card.String(), contentState(c)
	return f
}

func contentState(c *card.Content) string {
	switch {
	case c.Record == nil:
		return lookEmpty
	case c.NewerLost:
		return lookNewerLost
	case c.Unconfirmed:
		return lookUnconfirmed
	}
	return lookWritten
}

// notRead sorts what keeps a card from being read.
func notRead(err error) found {
	f := found{state: lookFailed, err: err}
	for _, c := range []struct {
		state string
		of    []error
	}{
		{lookSilent, []error{context.DeadlineExceeded}},
		{lookNoCard, []error{pcsc.ErrNoCard, pcsc.ErrCardRemoved, card.ErrCardGone, sim.ErrRemoved, sim.ErrPowerLost}},
		{lookMute, []error{pcsc.ErrCardUnresponsive}},
		{lookBusy, []error{pcsc.ErrReaderBusy, pcsc.ErrCardReset, pcsc.ErrClosed, sim.ErrBusy}},
		{lookPIN, []error{card.ErrSecurity, card.ErrBlocked}},
		{lookNewerFormat, []error{card.ErrNewerFormat}},
		{lookDamaged, []error{card.ErrDamaged}},
		{lookTag, []error{card.ErrBlankTag}},
		{lookOtherMessage, []error{card.ErrOtherMessage}},
		// A tag of another layout: its preparation was torn, or it is a copy.
		{lookUnprepared, []error{card.ErrNotFormatted, card.ErrOtherLayout}},
		{lookOther, []error{card.ErrNotOurCard}},
	} {
		for _, target := range c.of {
			if errors.Is(err, target) {
				f.state = c.state
				// Busy says so first where a deadline ended the wait for it.
				if c.state == lookSilent && errors.Is(err, pcsc.ErrReaderBusy) {
					f.state = lookBusy
				} else if c.state == lookSilent {
					f.err = fmt.Errorf("%w: %w", errSilent, err)
				}
				return f
			}
		}
	}
	return f
}
