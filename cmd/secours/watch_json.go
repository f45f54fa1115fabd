package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// jsonFront writes an object a line.
type jsonFront struct {
	a *app
	// line is used again and wiped, since a reading passes through it. It never grows: what it had outgrown would stay behind.
	line []byte
}

// maxEnvelope is room for what stands around the document of a reading: names, a failure, talk.
const maxEnvelope = 128 << 10

func newJSONFront(a *app) *jsonFront {
	return &jsonFront{a: a, line: make([]byte, 0, maxDocument+maxEnvelope)}
}

func (f *jsonFront) keeps() bool           { return false }
func (f *jsonFront) job(reader string) job { return job{reader: reader} }
func (f *jsonFront) refresh() error        { return nil }
func (f *jsonFront) inputs() <-chan input  { return nil }
func (f *jsonFront) input(input) error     { return nil }

// errLongEvent cannot happen: what surrounds a document is bounded by maxTalk, and readers' names by PC/SC.
var errLongEvent = errors.New("an event is too long")

// eventTime is RFC 3339, to the millisecond.
const eventTime = "2006-01-02T15:04:05.000Z07:00"

// eventDocument is a line, but for the document of the reading, which follows as "read". Its members are part of the interface.
type eventDocument struct {
	Schema  string          `json:"schema"`
	Event   string          `json:"event"`
	Time    string          `json:"time"`
	Reader  string          `json:"reader,omitempty"`
	Card    string          `json:"card,omitempty"`
	Readers *[]string       `json:"readers,omitempty"`
	ATR     string          `json:"atr,omitempty"`
	Exit    *int            `json:"exit,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
	Retry   *bool           `json:"retry,omitempty"`
	Notes   []string        `json:"notes,omitempty"`
}

func (f *jsonFront) tell(e *event) error {
	d := eventDocument{
		Schema: "secours.watch/1", Event: e.kind, Time: f.a.now().Format(eventTime),
		Reader: e.reader, ATR: strings.ToUpper(hex.EncodeToString(e.atr)),
	}
	if e.reader != "" {
		d.Card = "pcsc:" + e.reader
	}
	if e.kind == eventWatching {
		d.Readers = &e.readers
	}
	if e.answer != nil {
		d.Exit, d.Error, d.Notes = &e.answer.code, e.answer.object, e.answer.notes
	}
	if d.Error == nil && e.failure != nil {
		d.Error = f.a.failureJSON(e.failure)
	}
	if e.kind == eventFailed {
		d.Retry = &e.retry
	}
	head, err := json.Marshal(d)
	if err != nil {
		return err
	}
	head = escapeControls(head)
	if len(head)+len(e.document)+16 > cap(f.line) {
		return errLongEvent
	}
	f.line = append(f.line[:0], head...)
	if len(e.document) > 0 {
		f.line = append(f.line[:len(f.line)-1], `,"read":`...)
		f.line = append(f.line, e.document...)
		f.line = append(f.line, '}')
	}
	f.line = append(f.line, '\n')
	_, err = f.a.out.Write(f.line)
	clear(f.line)
	return err
}

// textFront writes one summary after the other, where there is no terminal to draw on.
type textFront struct {
	a *app
	w *watcher
	// width is that of a terminal that can do nothing but print, or 80.
	width  int
	colour bool
}

func (a *app) newTextFront(w *watcher) *textFront {
	f := &textFront{a: a, w: w, width: 80, colour: a.colour == "always"}
	if out, ok := a.out.(*os.File); ok {
		if columns, _ := terminalSize(out); columns > 0 {
			f.width = columns
		}
	}
	return f
}

func (f *textFront) keeps() bool { return false }
func (f *textFront) job(reader string) job {
	return job{reader: reader, width: f.width, colour: f.colour}
}
func (f *textFront) refresh() error       { return nil }
func (f *textFront) inputs() <-chan input { return nil }
func (f *textFront) input(input) error    { return nil }

func (f *textFront) tell(e *event) error {
	a, l := f.a, f.a.lang
	reader := oneLine(e.reader)
	switch e.kind {
	case eventWatching:
		a.note("%s", l.s(
			"en attente de cartes ; ce qui est écrit sur la sortie ne peut pas être repris quand la carte est retirée",
			"waiting for cards; what is printed cannot be taken back when the card is taken out",
		))
		for _, r := range e.readers {
			a.note(l.s("lecteur : %s", "reader: %s"), oneLine(r))
		}
		if len(e.readers) == 0 {
			a.note("%s", l.s("aucun lecteur de cartes pour l'instant", "no card reader so far"))
		}
	case eventReaderAdded:
		a.note(l.s("lecteur : %s", "reader: %s"), reader)
	case eventReaderRemoved:
		a.note(l.s("lecteur débranché : %s", "reader unplugged: %s"), reader)
	case eventNoService:
		a.sayFailure(e)
	case eventService:
		a.note("%s", l.s("le service PC/SC répond de nouveau", "the PC/SC service answers again"))
	case eventInserted:
		return f.rule(l.s("CARTE INSÉRÉE", "CARD INSERTED"), reader)
	case eventRemoved:
		return f.rule(l.s("CARTE RETIRÉE", "CARD REMOVED"), reader)
	case eventRead, eventFailed:
		if e.changed {
			if err := f.rule(l.s("CARTE MODIFIÉE, RELUE", "CARD CHANGED, READ AGAIN"), reader); err != nil {
				return err
			}
		}
		if _, err := a.out.Write(e.document); err != nil {
			return err
		}
		for _, n := range e.answer.notes {
			a.note("%s", strings.TrimPrefix(n, "secours: "))
		}
		a.sayFailure(e)
	}
	return nil
}

// rule separates what belongs to one card from the next.
func (f *textFront) rule(what, reader string) error {
	line := "---- " + what + "  " + reader + "  " + f.a.now().Format(time.TimeOnly) + " ----\n"
	_, err := f.a.out.Write([]byte(line))
	return err
}

// sayFailure is what a person reads of an event's failure; that of the last event is said when the program ends.
func (a *app) sayFailure(e *event) {
	if e.failure != nil && !e.final {
		fmt.Fprint(a.err, a.talk(e.failure))
	}
}

// failureJSON is a failure of our own within an event.
func (a *app) failureJSON(f *failure) []byte {
	b, err := json.Marshal(struct {
		Code      int    `json:"code"`
		Name      string `json:"name"`
		Message   string `json:"message"`
		Hint      string `json:"hint,omitempty"`
		Retryable bool   `json:"retryable"`
	}{f.code, f.name, clean(f.message), clean(f.hint), f.retryable})
	if err != nil {
		return nil
	}
	return b
}
