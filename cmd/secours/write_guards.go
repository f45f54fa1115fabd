package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
)

// What write refuses before it touches a card.

// checkOpen refuses to show an item to everybody unless the patient consents: no key protects it.
func (a *app) checkOpen(s *summary.Summary, consent bool) error {
	paths := itemsAtLevel(s, summary.LevelOpen)
	if consent || len(paths) == 0 {
		return nil
	}
	return &failure{
		code: exitGeneral, name: "open-without-consent", path: paths[0],
		message: a.lang.s(
			"un élément serait lisible par quiconque trouve la carte ; rien n'a été écrit",
			"an item would be readable by whoever finds the card; nothing was written",
		),
		hint: a.lang.s("si le patient y consent : --consent-open", "if the patient consents: --consent-open"),
	}
}

// checkHead refuses to write where the card is not in the state that was read.
func (a *app) checkHead(previous *record.Record, expected string) error {
	if expected == "" {
		return nil
	}
	if previous == nil || !strings.EqualFold(expected, hex.EncodeToString(previous.Head[:])) {
		return a.conflict(a.lang.s(
			"la carte n'est plus dans l'état qui a été lu",
			"the card is no longer in the state that was read",
		))
	}
	return nil
}

// checkMasking refuses to mask an alert or an allergy unless that was asked for: nobody can break that glass.
func (a *app) checkMasking(s *summary.Summary, allowed bool) error {
	paths := itemsAtLevel(s, summary.LevelMasked, "alerts", "allergies")
	if allowed || len(paths) == 0 {
		return nil
	}
	return a.maskedCritical(paths[0])
}

// previous is the record on the card, nil for an empty card. What cannot be read whole is refused, since writing over it
// loses what somebody may still be able to read; --drop-unreadable waives that, and nothing else: what can be read of it still guards
// against the wrong patient and a changed card.
//
// Lost is what the new summary will say of what it gave up.
func (a *app) previous(content *card.Content, reader record.Reader, o writeOptions) (r *record.Record, lost *record.Dropped, err error) {
	if content.Record == nil {
		return nil, nil, nil
	}
	// What it says is not believed if it is not verified: the number, the head and the patient only guard against mistakes.
	r, err = readRecord(content, reader)
	l := a.lang
	switch {
	case err != nil:
		f := *a.explain(err)
		if f.code != exitInvalid {
			return nil, nil, &f
		}
		// Nothing says whose card this is, and which number it is at.
		switch {
		case o.dropUnreadable && o.expectSeq.given:
			return nil, nil, a.conflict(l.s(
				"ce qui est sur la carte est illisible, et n'a pas de numéro",
				"what is on the card is unreadable, and has no number",
			))
		case o.dropUnreadable && o.patient == "" && !o.newPatient:
			return nil, nil, a.whose()
		case o.dropUnreadable:
			return nil, &record.Dropped{Level: 0, Reason: o.reason}, nil
		}
		f.hint = l.s(
			"--drop-unreadable écrit par-dessus, et perd ce qui s'y trouve",
			"--drop-unreadable writes over it, and loses what is there",
		)
		return nil, nil, &f
	}
	level, damaged := unread(r)
	if level < 0 && !content.NewerLost {
		return r, nil, nil
	}
	if o.dropUnreadable {
		switch {
		case r.Clearance == 0 && o.patient == "" && !o.newPatient:
			return nil, nil, a.whose()
		case content.NewerLost:
			level = 0
		}
		return r, &record.Dropped{Level: level, Reason: o.reason}, nil
	}
	if !damaged && !content.NewerLost {
		f := &failure{
			code: exitNotAuthorised, name: "clearance",
			message: l.s(
				"ce poste ne peut pas ouvrir tout ce que porte la carte ; une nouvelle synthèse le perdrait ; rien n'a été écrit",
				"this workstation cannot open all that the card holds; a new summary would lose it; nothing was written",
			),
			hint: l.s(
				"« secours amend » ajoute sans rien perdre ; le code de secours du patient ouvre tout (--recovery)",
				"\"secours amend\" adds without losing anything; the patient's recovery code opens everything (--recovery)",
			),
		}
		return nil, nil, f
	}
	return nil, nil, &failure{
		code: exitInvalid, name: "partly-unreadable",
		message: l.s(
			"une partie de ce qui est sur la carte est illisible ; rien n'a été écrit",
			"part of what is on the card is unreadable; nothing was written",
		),
		hint: l.s(
			"--drop-unreadable --reason écrit par-dessus, et perd cette partie ; si la mémoire de la carte faiblit, prenez une carte neuve",
			"--drop-unreadable --reason writes over it, and loses that part; if the card's memory is failing, take a new card",
		),
	}
}

// whose refuses to write where nothing says whose card it is.
func (a *app) whose() *failure {
	return &failure{
		code: exitWrongPatient, name: "wrong-patient",
		message: a.lang.s(
			"rien de lisible ne dit à qui est cette carte ; rien n'a été écrit",
			"nothing readable says whose card this is; nothing was written",
		),
		hint: a.lang.s(
			"avec --drop-unreadable, dites pour qui : --patient SYSTÈME:VALEUR, ou --new-patient",
			"with --drop-unreadable, say for whom: --patient SYSTEM:VALUE, or --new-patient",
		),
	}
}

// unread is the lowest level of which something could not be read, -1 where all could, and whether that is damage rather than a lack
// of keys.
func unread(r *record.Record) (level int, damaged bool) {
	level = -1
	for i, l := range r.Levels {
		if l.State == record.LevelDamaged || l.State == record.LevelSealed {
			damaged = damaged || l.State == record.LevelDamaged
			if level < 0 {
				level = i
			}
		}
	}
	for _, m := range r.Amendments {
		if m.State == record.AmendmentUnreadable && level < 0 {
			level, damaged = 1, true // with every key there, it is damaged; its level nobody knows
		}
	}
	return level, damaged
}

// next is the number of the record that replaces one. A number that was lost with its record is not used again; one that nobody
// can have reached is a forger's, who would leave no room after it.
func next(previous *record.Record, content *card.Content) uint64 {
	switch {
	case previous == nil:
		return 1
	case previous.LastSeq() > plausibleSeq, !previous.Verdict.Good() && previous.LastSeq() > unverifiedSeq:
		return 1
	case content.NewerLost:
		return previous.LastSeq() + 2
	}
	return previous.LastSeq() + 1
}

const (
	// plausibleSeq is more than a card can be written in its life.
	plausibleSeq = 1 << 32
	// unverifiedSeq is the same for a record that anybody may have made: he must not use up the numbers.
	unverifiedSeq = 1 << 20
)

func (a *app) checkExpected(previous *record.Record, expected optionalSeq) error {
	var seq uint64
	if previous != nil {
		seq = previous.Seq
	}
	switch {
	case !expected.given || expected.value == seq:
		return nil
	case previous == nil:
		return a.conflict(fmt.Sprintf(a.lang.s(
			"la carte est vide, et ne porte pas la synthèse numéro %d",
			"the card is empty, and does not hold summary number %d",
		), expected.value))
	}
	return a.conflict(fmt.Sprintf(a.lang.s(
		"la carte porte la synthèse numéro %d, pas %d",
		"the card holds summary number %d, not %d",
	), seq, expected.value))
}

func (a *app) conflict(message string) *failure {
	return &failure{
		code: exitConflict, name: "conflict",
		message: message + a.lang.s(" ; rien n'a été écrit", "; nothing was written"),
		hint:    a.lang.s("relisez la carte, puis écrivez de nouveau", "read the card again, then write again"),
	}
}

// optionalSeq is the value of --expect-seq: a number from 0, or not given.
type optionalSeq struct {
	value uint64
	given bool
}

func (o *optionalSeq) String() string { return "" }
func (o *optionalSeq) Type() string   { return "N" }

func (o *optionalSeq) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return errors.New("0, 1, 2, …")
	}
	o.value, o.given = n, true
	return nil
}

// unchanged compares what would be signed: the canonical bytes of every level.
func unchanged(previous *record.Record, s *summary.Summary) bool {
	was, err := previous.Summary.Compartments()
	if err != nil {
		return false
	}
	is, err := s.Compartments()
	if err != nil {
		return false
	}
	for level := range was {
		if !bytes.Equal(was[level], is[level]) {
			return false
		}
	}
	return true
}
