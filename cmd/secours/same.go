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
		return ok && x.Kind == y.Kind && (x.Kind != summary.AlertOther || sameText(x.Text, y.Text) || sameCode(x.Codes, y.Codes))
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

func sameConcept(a, b summary.Concept) bool {
	return sameText(a.Text, b.Text) || sameCode(a.Codes, b.Codes)
}

// sameText is strict: "fruits" is not "fruits de mer", nor vitamin B1 B12. Better ask about one thing that was reworded than lose another.
func sameText(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

func sameCode(a, b []summary.Code) bool {
	return slices.ContainsFunc(a, func(x summary.Code) bool {
		return slices.ContainsFunc(b, func(y summary.Code) bool { return x.System == y.System && strings.EqualFold(x.Code, y.Code) })
	})
}

// removedItem is an item of the previous summary that the new one has no more, under its id or as the same thing.
type removedItem struct {
	ID      string `json:"id"`
	Section string `json:"section"`
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
				list = append(list, removedItem{cmp.Or(was[common.ID], common.ID), name})
			}
		}
	})
	return list
}

// checkRemoved refuses to leave out an alert or an allergy unless that is said by name: a file that never had it, or lost it, looks like
// one from which somebody took it.
func (a *app) checkRemoved(list []removedItem, allowed []string) error {
	for _, r := range list {
		if r.Section != "alerts" && r.Section != "allergies" || slices.Contains(allowed, r.ID) {
			continue
		}
		return &failure{
			code: exitGeneral, name: "critical-removed", path: "sections." + r.Section,
			message: fmt.Sprintf(a.lang.s(
				"la carte porte une alerte ou une allergie (%s) que cette synthèse n'a plus ; rien n'a été écrit",
				"the card holds an alert or an allergy (%s) that this summary does not have any more; nothing was written",
			), r.ID),
			hint: fmt.Sprintf(a.lang.s(
				"gardez-la dans la synthèse, écartée ou résolue s'il le faut (« read --json » la montre) ; si elle doit partir : --remove %s",
				"keep it in the summary, refuted or resolved if need be (\"read --json\" shows it); if it has to go: --remove %s",
			), r.ID),
		}
	}
	return nil
}
