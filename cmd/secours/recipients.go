package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// sealing says for whom a record is sealed.
type sealing struct {
	suite      record.Suite
	recipients []record.Recipient
	warnings   []problem
}

// sealFor chooses the suite and the recipients of a record: the newest keys of the roles in the home's trust, the practice's own key,
// and the other individuals that the card had, previous being nil or the record as the practice opened it. The practice's key is that of
// the opened keystore: what its file says in the clear is authenticated by opening it.
func (a *app) sealFor(h home, keys []trust.PrivateKey, store *trust.Store, previous *record.Record, wanted int, practiceOnly bool) (*sealing, error) {
	l := a.lang
	s := &sealing{suite: record.SuiteChaCha}
	for slices.Contains(store.RetiredSuites, int(s.suite)) && s.suite < record.SuiteAESGCM {
		s.suite++
	}
	if wanted != 0 {
		s.suite = record.Suite(wanted)
	}
	if s.suite != record.SuiteChaCha && s.suite != record.SuiteAESGCM || slices.Contains(store.RetiredSuites, int(s.suite)) {
		return nil, &failure{code: exitGeneral, name: "suite", message: fmt.Sprintf(l.s(
			"la suite %d n'existe pas, ou la liste de confiance l'a retirée",
			"suite %d does not exist, or the trust bundle has retired it",
		), s.suite)}
	}
	var practice *trust.PrivateKey // the newest that the suite takes
	for i, k := range keys {
		if k.Kind == trust.KeyPractice && s.suite.Takes(k.Opening.Curve()) && (practice == nil || !k.Created.Before(practice.Created)) {
			practice = &keys[i]
		}
	}
	if practice == nil {
		return nil, a.noPracticeKey(h)
	}
	s.add(record.Recipient{Kind: trust.KeyPractice, Key: practice.Opening.PublicKey()})
	roles := map[string]bool{}
	for _, k := range store.SealingKeys() {
		name := k.Authority + "\x00" + string(k.Role)
		if practiceOnly || k.Clearance == 0 || roles[name] || !s.suite.Takes(k.Public.Curve()) {
			continue
		}
		roles[name] = true
		s.add(record.Recipient{Kind: trust.KeyRole, Clearance: k.Clearance, Key: k.Public})
		if !k.Stolen.IsZero() {
			s.warnings = append(s.warnings, problem{"", fmt.Sprintf(l.s(
				"la clé la plus récente du rôle %s est déclarée volée : qui l'a peut lire cette carte",
				"the newest key of the role %s is reported stolen: whoever has it can read this card",
			), word(l, roleWords, string(k.Role)))})
		}
	}
	if len(roles) == 0 && !practiceOnly {
		return nil, &failure{
			code: exitNotAuthorised, name: "no-role-keys",
			message: l.s(
				"la confiance de ce dossier ne contient aucune clé de rôle : aux urgences, personne ne lirait la carte ; rien n'a été écrit",
				"this home's trust holds no role key: nobody in an emergency would read the card; nothing was written",
			),
			hint: l.s(
				"« secours trust update » en apporte ; pour un essai, --practice-only scelle pour ce cabinet seul",
				"\"secours trust update\" brings some; for a trial, --practice-only seals for this practice alone",
			),
		}
	}
	if previous == nil {
		return s, nil
	}
	for _, r := range previous.Ring {
		switch {
		case !s.suite.Takes(r.Key.Curve()):
			s.warnings = append(s.warnings, problem{"", l.s(
				"une clé qui ouvrait la carte n'existe pas dans cette suite : elle ne l'ouvre plus",
				"a key that opened the card has no place in this suite: it does not open it any more",
			)})
		case !own(keys, r):
			s.add(r)
		}
	}
	if known := max(len(previous.Ring), 1); previous.Clearance < 3 && previous.Individuals > 0 || previous.Clearance == 3 && previous.Individuals > known {
		s.warnings = append(s.warnings, problem{"", l.s(
			"d'autres cabinets ou un code de secours ouvraient la carte, et ne l'ouvrent plus : leurs clés n'ont pas pu être lues",
			"other practices or a recovery code opened the card, and do not any more: their keys could not be read",
		)})
	}
	return s, nil
}

// own tells an earlier key of this very practice, which the newest replaces.
func own(keys []trust.PrivateKey, r record.Recipient) bool {
	return slices.ContainsFunc(keys, func(k trust.PrivateKey) bool {
		return k.Kind == trust.KeyPractice && bytes.Equal(k.Public(), r.Key.Bytes())
	})
}

func (s *sealing) add(r record.Recipient) {
	if !slices.ContainsFunc(s.recipients, func(o record.Recipient) bool { return bytes.Equal(o.Key.Bytes(), r.Key.Bytes()) }) {
		s.recipients = append(s.recipients, r)
	}
}

// without takes out the recipients of a kind.
func (s *sealing) without(kind trust.KeyKind) {
	s.recipients = slices.DeleteFunc(s.recipients, func(r record.Recipient) bool { return r.Kind == kind })
}

// removes tells whether somebody who could open the previous record cannot open the next one. Then nothing of the previous one may
// stay in the other slot of the card.
func (s *sealing) removes(previous *record.Record) bool {
	if previous == nil {
		return false
	}
	if previous.Suite == record.SuiteNone {
		return s.suite != record.SuiteNone
	}
	for _, id := range previous.Groups {
		if !slices.ContainsFunc(s.recipients, func(r record.Recipient) bool {
			return r.Kind == trust.KeyRole && trust.KeyID(r.Key) == id
		}) {
			return true
		}
	}
	for _, old := range previous.Ring {
		if !slices.ContainsFunc(s.recipients, func(r record.Recipient) bool { return bytes.Equal(r.Key.Bytes(), old.Key.Bytes()) }) {
			return true
		}
	}
	if len(previous.Ring) > 0 {
		return false
	}
	// One individual, which the ring need not name: the one that opened it, or one that could not be seen.
	return previous.Key == nil || previous.Clearance < 3 || !slices.ContainsFunc(s.recipients, func(r record.Recipient) bool {
		return bytes.Equal(r.Key.Bytes(), previous.Key.Public())
	})
}

// raises tells whether the next summary hides what the previous one showed to more people: an item that stands above the default
// of its section, and that was not there at that level before, or one that stood below it and is gone. Whatever was said of it
// before may be in the other slot.
func raises(previous *record.Record, s *summary.Summary) bool {
	if previous == nil {
		return false
	}
	if previous.Summary == nil {
		return true // nobody knows
	}
	next := *s
	next.AssignIDs()
	raised := false
	next.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			c := section.Common(i)
			level := levelOfItem(name, c)
			_, _, was := previous.Summary.Find(c.ID)
			switch {
			case was != nil:
				raised = raised || level.Rank() > levelOfItem(name, was).Rank()
			default:
				raised = raised || level.Rank() > summary.DefaultLevel(name).Rank()
			}
		}
	})
	// What stood below the default of its section, in the clear perhaps, and is not there any more: taken back, or under another id.
	previous.Summary.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			c := section.Common(i)
			if levelOfItem(name, c).Rank() < summary.DefaultLevel(name).Rank() {
				_, _, is := next.Find(c.ID)
				raised = raised || is == nil
			}
		}
	})
	return raised
}

func levelOfItem(section string, c *summary.Common) summary.Level {
	if c.Level == "" {
		return summary.DefaultLevel(section)
	}
	return c.Level
}
