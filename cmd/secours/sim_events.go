package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// simEvent is a line of "sim serve --json".
type simEvent struct {
	Schema string    `json:"schema"`
	Event  string    `json:"event"`
	Time   time.Time `json:"time"`
	Reader string    `json:"reader"`
	Image  string    `json:"image"`

	Seed   uint64     `json:"seed,omitempty"`   // listening, inserted, swapped: of this card's memory
	Power  string     `json:"power,omitempty"`  // powered: on, off, reset
	At     string     `json:"at,omitempty"`     // pulled: cut (in the memory), command (between two)
	After  int        `json:"after,omitempty"`  // armed
	Detail string     `json:"detail,omitempty"` // occupied, lost-reader, waiting: for whoever looks into it
	Status *simStatus `json:"status,omitempty"`
	Error  *simError  `json:"error,omitempty"` // failed

	Dropped int `json:"dropped,omitempty"` // events before this one that nobody took in time
}

type simStatus struct {
	In        bool   `json:"in"`
	Seen      bool   `json:"seen"` // by the reader
	Powered   bool   `json:"powered"`
	Commands  int    `json:"commands"` // since it was put in, as the rest
	CutPoints uint64 `json:"cutPoints"`
	ElapsedMS int64  `json:"elapsedMs"` // of the card's clock
}

type simError struct {
	Code    int    `json:"code"`
	Name    string `json:"name"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// untaken bounds the events that wait for a script which does not read them. The card does not wait for it: the reader would hang.
const untaken = 1024

// failed tells of an error that ends nothing; nil is none.
func (s *simBench) failed(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	f := s.a.explain(err)
	s.say("failed", simEvent{Error: &simError{f.code, f.name, clean(f.message), clean(f.hint)}})
}

// say tells of an event.
func (s *simBench) say(event string, e simEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Schema, e.Event, e.Time, e.Reader, e.Image = "secours.sim/1", event, s.a.now().UTC(), s.o.addr(), s.image
	if event == "inserted" {
		e.Seed = s.seed
	}
	e.Dropped = s.dropped
	select {
	case s.said <- e:
		s.dropped = 0
	default:
		s.dropped++
	}
}

// tellAll prints what is said until there is no more.
func (s *simBench) tellAll() {
	for e := range s.said {
		if !s.a.json {
			fmt.Fprint(s.a.err, s.text(e))
			continue
		}
		if b, err := json.Marshal(e); err == nil {
			// Whoever closed it does not want to hear more; the card stays.
			_, _ = s.a.out.Write(append(escapeControls(b), '\n'))
		}
	}
}

func (s *simBench) text(e simEvent) string {
	l := s.a.lang
	image := oneLine(e.Image)
	note := func(format string, args ...any) string {
		return "secours: " + oneLine(fmt.Sprintf(format, args...)) + "\n"
	}
	switch e.Event {
	case "failed":
		return s.a.talk(&failure{message: e.Error.Message, hint: e.Error.Hint})
	case "listening":
		return note(l.s("%s pour le lecteur %s, graine %d ; insert, remove, swap, pull, status, quit (--help les explique)",
			"%s for the reader at %s, seed %d; insert, remove, swap, pull, status, quit (--help explains them)"), image, e.Reader, e.Seed)
	case "waiting":
		return note(l.s("pas de lecteur virtuel en %s, attente…", "no virtual reader at %s, waiting…"), e.Reader) +
			note("%s%s%s", l.s("conseil", "hint"), l.colon(), l.s(
				"démarrez pcscd avec vpcd (paquet vsmartcard-vpcd), ou, dans les sources de secours, « make pcscd »",
				"start pcscd with vpcd (package vsmartcard-vpcd) or, in the sources of secours, \"make pcscd\"",
			))
	case "occupied":
		return note(l.s("le lecteur %s ne demande rien, attente… (une autre carte y est, ou ce n'est pas vpcd)",
			"the reader at %s asks nothing, waiting… (another card is in it, or it is not vpcd)"), e.Reader)
	case "inserted":
		return note(l.s("%s est dans le lecteur", "%s is in the reader"), image)
	case "powered":
		return note("%s", l.p(powerWords[e.Power]))
	case "lost-reader":
		return note(l.s("le lecteur %s s'en est allé, attente…", "the reader at %s has gone, waiting…"), e.Reader)
	case "removed":
		return note(l.s("%s est hors du lecteur", "%s is out of the reader"), image)
	case "pulled":
		if e.At == "cut" {
			return note(l.s("%s a été arrachée en pleine commande ; insert la remet", "%s was torn out in the middle of a command; insert puts it back"), image)
		}
		return note(l.s("%s a été arrachée entre deux commandes ; insert la remet", "%s was torn out between two commands; insert puts it back"), image)
	case "swapped":
		return note(l.s("%s est à sa place, à l'insu du lecteur", "%s is in its place, behind the reader's back"), image)
	case "armed":
		switch {
		case e.After == 0:
			return note("%s", l.s("ne sera pas arrachée", "will not be torn out"))
		case e.At == "cut":
			return note(l.s("sera arrachée au point de coupure %d de sa mémoire", "will be torn out at cut point %d of its memory"), e.After)
		}
		return note(l.s("sera arrachée après %s", "will be torn out after %s"), l.count(e.After, pair{"réponse", "answer"}, pair{"réponses", "answers"}))
	case "reset":
		return note("%s", l.s("alimentation coupée un instant, à l'insu du lecteur", "power taken away for an instant, behind the reader's back"))
	case "status":
		if !e.Status.In {
			return note(l.s("%s est hors du lecteur", "%s is out of the reader"), image)
		}
		return note(l.s("%s est pour le lecteur %s : vue %s, alimentée %s ; %d commandes, %d points de coupure, %d ms",
			"%s is for the reader at %s: seen %s, powered %s; %d commands, %d cut points, %d ms"), image, e.Reader,
			l.yes(e.Status.Seen), l.yes(e.Status.Powered), e.Status.Commands, e.Status.CutPoints, e.Status.ElapsedMS)
	}
	return ""
}

var powerWords = map[string]pair{
	"on": {"le lecteur l'alimente", "the reader gives it power"}, "off": {"le lecteur ne l'alimente plus", "the reader takes its power away"},
	"reset": {"le lecteur la réinitialise", "the reader resets it"},
}

func (l lang) yes(b bool) string {
	if b {
		return l.s("oui", "yes")
	}
	return l.s("non", "no")
}
