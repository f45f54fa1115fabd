package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// Ids name items, and practice software may count its own: b5 can be another allergy in every file. What is the same thing is told by
// what it is.

// sameThing reports whether two items of one section are about the same thing, as far as their main text or a code says.
func sameThing(a, b any) bool {
	switch x := a.(type) {
	case *summary.Alert:
		y, ok := b.(*summary.Alert)
		return ok && x.Kind == y.Kind && (!many[x.Kind] || sameText(x.Text, y.Text) || sameCode(x.Codes, y.Codes))
	case *summary.Allergy:
		y, ok := b.(*summary.Allergy)
		return ok && sameConcept(x.Agent, y.Agent)
	case *summary.Medication:
		y, ok := b.(*summary.Medication)
		return ok && sameConcept(x.Product, y.Product)
	case *summary.Condition:
		y, ok := b.(*summary.Condition)
		return ok && sameConcept(x.Condition, y.Condition)
	case *summary.Measurement:
		y, ok := b.(*summary.Measurement)
		return ok && x.Kind == y.Kind
	case *summary.Vaccination:
		y, ok := b.(*summary.Vaccination)
		return ok && sameConcept(x.Vaccine, y.Vaccine)
	case *summary.Visit:
		y, ok := b.(*summary.Visit)
		return ok && (x.Date == y.Date || sameConcept(x.Reason, y.Reason))
	case *summary.Directive:
		y, ok := b.(*summary.Directive)
		return ok && x.Kind == y.Kind && x.Subject == y.Subject
	case *summary.Contact:
		y, ok := b.(*summary.Contact)
		return ok && sameText(x.Name, y.Name)
	}
	return false
}

// many are the kinds of alert of which a patient has several: a dental implant is no pacemaker.
var many = map[summary.AlertKind]bool{
	summary.AlertOther: true, summary.AlertImplant: true, summary.AlertCommunication: true, summary.AlertRareDisease: true, summary.AlertLimbRestriction: true,
	summary.AlertTransplant: true, summary.AlertResistantInfection: true,
}

func sameConcept(a, b summary.Concept) bool {
	return sameText(a.Text, b.Text) || sameCode(a.Codes, b.Codes)
}

// sameText is strict: "fruits" is not "fruits de mer", nor vitamin B1 B12. Better ask about one thing that was reworded than lose another.
func sameText(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

func sameCode(a, b []summary.Code) bool {
	return slices.ContainsFunc(a, func(x summary.Code) bool {
		return slices.ContainsFunc(b, func(y summary.Code) bool {
			return x.System == y.System && strings.EqualFold(x.Code, y.Code) && !summary.AllergyKind(x)
		})
	})
}

// removedItem is an item of the previous summary that the new one has no more, under its id or as the same thing.
type removedItem struct {
	ID      string `json:"id"`
	Section string `json:"section"`
	// critical is set for what stops a hand: it goes by name only.
	critical bool
}

// removed lists what a new summary leaves out of the previous one. Items that others added are not among them: they are brought over, or
// discarded by name. Was holds the ids that items had before carry gave them another.
func removed(previous, s *summary.Summary, was map[string]string, discarded func(ids ...string) bool) []removedItem {
	list := []removedItem{}
	previous.Sections.Each(func(name string, section summary.AnySection) {
		next := s.Sections.Section(name)
		for i := range section.Len() {
			common, item := section.Common(i), section.Item(i)
			kept := common.Unreviewed == summary.Yes || discarded(common.ID, was[common.ID])
			for j := 0; next != nil && j < next.Len() && !kept; j++ {
				kept = sameThing(item, next.Item(j)) || common.ID == next.Common(j).ID && name != "allergies" && name != "alerts"
			}
			if !kept {
				d, isDirective := item.(*summary.Directive)
				critical := name == "alerts" || name == "allergies" || isDirective && binding(d)
				list = append(list, removedItem{cmp.Or(was[common.ID], common.ID), name, critical})
			}
		}
	})
	return list
}

// checkRemoved refuses to leave out an alert, an allergy, a refusal or a treatment limit unless that is said by name: a file that never had it,
// or lost it, looks like one from which somebody took it.
func (a *app) checkRemoved(list []removedItem, allowed []string) error {
	ids, problems := []string{}, []problem{}
	for _, r := range list {
		if r.critical && !slices.Contains(allowed, r.ID) {
			ids = append(ids, r.ID)
			problems = append(problems, problem{"sections." + r.Section, r.ID})
		}
	}
	if len(ids) == 0 {
		return nil
	}
	all := strings.Join(ids, ",")
	return &failure{
		code: exitGeneral, name: "critical-removed", path: problems[0].Path, problems: problems,
		message: fmt.Sprintf(a.lang.s(
			"la carte porte une alerte, une allergie ou un refus (%s) que cette synthèse n'a plus ; rien n'a été écrit",
			"the card holds an alert, an allergy or a refusal (%s) that this summary does not have any more; nothing was written",
		), all),
		hint: fmt.Sprintf(a.lang.s(
			"gardez-la dans la synthèse, écartée ou résolue s'il le faut (« read --json » la montre) ; si elle doit partir : --remove %s",
			"keep it in the summary, refuted or resolved if need be (\"read --json\" shows it); if it has to go: --remove %s",
		), all),
	}
}

// checkDocument refuses to sign what a document of a card says of itself that it is not: verified, or whole.
func (a *app) checkDocument(src *imported, list []removedItem) error {
	for _, l := range src.losses {
		switch {
		case l.Reason == summary.ReasonNotVerified:
			return &failure{
				code: exitUnverifiable, name: "unverified-document",
				message: a.lang.s(
					"ce document vient d'une carte dont la signature n'était pas vérifiée ; rien n'a été écrit",
					"this document comes from a card whose signature was not verified; nothing was written",
				),
				hint: a.lang.s(
					"« secours convert » en fait une synthèse JSON : relisez-la, et écrivez ce qui est vrai",
					"\"secours convert\" makes a summary in JSON of it: read it, and write what is true",
				),
			}
		case l.Reason == summary.ReasonWithheld && (l.Source == "Bundle" || len(list) > 0):
			return &failure{
				code: exitNotAuthorised, name: "partial-document",
				message: a.lang.s(
					"ce document ne montre qu'une partie d'une synthèse ; signée, elle passerait pour entière ; rien n'a été écrit",
					"this document shows only a part of a summary; signed, it would pass for the whole; nothing was written",
				),
				hint: a.lang.s(
					"prenez un document complet, ou ajoutez seulement (« secours amend »)",
					"take a document that is whole, or only add (\"secours amend\")",
				),
			}
		}
	}
	return nil
}
