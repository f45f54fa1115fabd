package main

import (
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// alerts are the points of attention, critical first, with the refusals and treatment limits among them: whoever is
// about to act must meet a refusal before the act, not eight sections later.
func (r *renderer) alerts(s *summary.Section[summary.Alert], directives *summary.Section[summary.Directive]) block {
	b, items := start(r, "alerts", s)
	for i := range items {
		b.entries = append(b.entries, r.alert(&items[i]))
	}
	if directives != nil {
		for i := range directives.Items {
			if d := &directives.Items[i]; binding(d) && r.changed(d.ID, summary.OpRetract) == nil {
				b.entries = append(b.entries, r.directive(d, critical))
			}
		}
	}
	rank(b.entries, func(e entry) int {
		if e.mark == critical {
			return 0
		}
		return 1
	})
	l := r.l
	if seen := r.seen("directives"); r.v.keyless() || seen.Visible != visibleFull && seen.Reason != "absent" {
		p := new(phrase).add(caution, l.s("REFUS ET LIMITATIONS : ", "REFUSALS AND LIMITS: "))
		if r.v.keyless() {
			p.add(plain, l.s("scellés, il peut y en avoir", "sealed, there may be some"))
		} else if seen.Reason == "undecodable" {
			p.add(plain, l.s("illisibles, il peut y en avoir", "unreadable, there may be some"))
		} else {
			p.add(plain, l.s("non visibles pour votre rôle, il peut y en avoir", "not visible to your role, there may be some"))
		}
		b.closing = append(b.closing, remark{ordinary, p})
	}
	return b
}

func rank(entries []entry, key func(entry) int) {
	slices.SortStableFunc(entries, func(a, b entry) int { return key(a) - key(b) })
}

func (r *renderer) alert(a *summary.Alert) entry {
	l := r.l
	e := entry{mark: important, main: new(phrase), title: caps(l, alertKindWords, a.Kind)}
	switch a.Priority {
	case "critical":
		e.mark = critical
	case "", "important":
	default:
		// A priority of a later version: shown among the first, since it may be a higher one.
		e.mark = critical
		e.title += " (" + l.s("priorité ", "priority ") + string(a.Priority) + ")"
	}
	if a.Laterality != "" {
		e.title += ", " + caps(l, lateralityWords, a.Laterality)
	}
	_, known := alertKindWords[string(a.Kind)]
	e.brief = brief{kind: e.title, text: a.Text, essential: vague[a.Kind] || !known}
	e.main.list(a.Text)
	if a.Since != (summary.Date{}) {
		e.main.list(l.s("depuis ", "since ") + l.date(a.Since))
	}
	if a.DueDate != (summary.Date{}) {
		due := l.s("échéance ", "due ")
		if a.Kind == "pregnancy" || a.Kind == "breastfeeding" {
			due = l.s("terme prévu ", "expected delivery ")
		}
		e.main.list(due + l.date(a.DueDate))
	}
	var help []string
	if len(a.Languages) > 0 {
		var names []string
		for _, tag := range a.Languages {
			names = append(names, l.language(tag))
		}
		help = append(help, l.s("langue : ", "language: ")+strings.Join(names, ", "))
	}
	if len(a.Needs) > 0 {
		help = append(help, l.s("besoins : ", "needs: ")+strings.Join(a.Needs, ", "))
	}
	e.main.list(strings.Join(help, l.s(" ; ", "; ")))
	if a.MRI != "" {
		e.main.list("").add(plain, ". ").add(strong, r.mri(a.MRI))
	}
	if a.Action != "" {
		e.main.add(plain, "  ").add(strong, l.quote(a.Action))
	}
	if a.Centre != nil && (a.Centre.Name != "" || a.Centre.Phone != "") {
		e.more = append(e.more, strings.TrimSpace(l.s("centre : ", "centre: ")+a.Centre.Name+" "+a.Centre.Phone))
	}
	r.common(&e, &a.Common, a)
	return e
}

// vague are the kinds of alert that say nothing without their text.
var vague = map[summary.AlertKind]bool{"transfusion": true, "rare-disease": true, "other": true}

func (r *renderer) mri(m summary.MRI) string {
	if _, ok := mriWords[string(m)]; ok {
		return word(r.l, mriWords, m)
	}
	return r.l.s("IRM : ", "MRI: ") + string(m)
}

// binding tells the directives that stop a hand: refusals, limits, whatever opposes an act, and kinds that this version
// does not know.
func binding(d *summary.Directive) bool {
	switch d.Kind {
	case "refusal":
		return d.Position != "not-opposed"
	case "treatment-limit":
		return true
	case "organ-donation":
		return false
	case "advance-directive", "other":
		return d.Position == "opposed"
	}
	return true
}

func (r *renderer) directives(s *summary.Section[summary.Directive]) block {
	b, items := start(r, "directives", s)
	for i := range items {
		m := ordinary
		if binding(&items[i]) {
			m = repeated
		}
		b.entries = append(b.entries, r.directive(&items[i], m))
	}
	return b
}

func (r *renderer) directive(d *summary.Directive, m mark) entry {
	l := r.l
	e := entry{mark: m, main: new(phrase), title: caps(l, directiveKindWords, d.Kind)}
	accepted := d.Kind == "refusal" && d.Position == "not-opposed"
	if accepted {
		// Filed as a refusal, it says the opposite: the word must not stand there.
		e.title = caps(l, directiveKindWords, "other")
		if d.Subject != "" && d.Subject != "other" {
			e.title = caps(l, directiveSubjectWords, d.Subject)
		}
		e.title += l.colon() + caps(l, positionWords, d.Position)
	} else if d.Kind == "refusal" && d.Subject != "" {
		if _, ok := refusalWords[string(d.Subject)]; ok {
			e.title = caps(l, refusalWords, d.Subject)
		} else {
			e.title += l.colon() + string(d.Subject)
		}
	} else if d.Subject != "" {
		e.title += l.colon() + caps(l, directiveSubjectWords, d.Subject)
	}
	// A refusal of something is said by its title; of an unnamed thing, by its text.
	_, named := refusalWords[string(d.Subject)]
	e.brief = brief{kind: e.title, text: d.Text, essential: !named || d.Subject == "other" || d.Kind != "refusal" && d.Kind != "treatment-limit"}
	if d.Position != "" && !accepted && (d.Kind != "refusal" || d.Position != "opposed") {
		e.main.list(word(l, positionWords, d.Position))
		e.brief.kind += ", " + caps(l, positionWords, d.Position)
	}
	if d.Text != "" {
		e.main.list(l.quote(d.Text))
	}
	if d.Date.Day != 0 {
		e.main.list(l.s("écrit du ", "dated ") + l.date(d.Date))
	} else if d.Date != (summary.Date{}) {
		e.main.list(l.s("écrit en ", "dated ") + l.date(d.Date))
	} else {
		e.main.list(l.s("non daté", "not dated"))
	}
	if d.Location != "" {
		e.main.list(l.s("original : ", "original: ") + d.Location)
	}
	r.common(&e, &d.Common, d)
	return e
}

// allergies come with the high risks first; refuted ones are kept, as what was thought once will be said again.
func (r *renderer) allergies(s *summary.Section[summary.Allergy]) block {
	b, items := start(r, "allergies", s)
	for i := range items {
		b.entries = append(b.entries, r.allergy(&items[i]))
	}
	rank(b.entries, func(e entry) int {
		return map[mark]int{critical: 0, important: 1, ordinary: 2, added: 2, refuted: 3, stopped: 4}[e.mark]
	})
	if s != nil && !r.v.keyless() {
		still, before := r.noneKnown("allergies", &s.SectionHead)
		b.closing = slices.Insert(b.closing, 0, remark{ordinary, r.categories(&s.SectionHead, items, still)})
		b.closing = slices.Insert(b.closing, 0, before...)
	}
	return b
}

func (r *renderer) allergy(a *summary.Allergy) entry {
	l := r.l
	e := entry{main: new(phrase), lead: l.s("ALLERGIE, ", "ALLERGY, ")}
	e.title = l.s("RISQUE NON INDIQUÉ", "RISK NOT STATED")
	if a.Criticality != "" {
		e.title = caps(l, criticalityWords, a.Criticality)
		if _, ok := criticalityWords[string(a.Criticality)]; !ok {
			e.title = l.s("RISQUE ", "RISK ") + string(a.Criticality)
		}
	}
	switch {
	case a.Criticality == "high", severe[a.Severity]:
		e.mark = critical
	case a.Criticality == "low":
		e.mark = ordinary
	default:
		e.mark = important
	}
	verification := word(l, verificationWords, a.Verification)
	switch {
	case a.Verification == "refuted":
		e.mark, e.title, verification = refuted, caps(l, verificationWords, a.Verification), ""
	case a.ClinicalStatus == "inactive", a.ClinicalStatus == "resolved":
		e.mark, e.title = refuted, caps(l, allergyStatusWords, a.ClinicalStatus)+", "+e.title
	case a.ClinicalStatus != "" && a.ClinicalStatus != "active":
		e.title += " (" + string(a.ClinicalStatus) + ")"
	}
	e.brief = brief{kind: e.lead + e.title, text: r.concept(&a.Agent), essential: true}
	e.main.keep(strong, r.concept(&a.Agent))
	var reactions []string
	for i := range a.Reactions {
		reactions = append(reactions, r.concept(&a.Reactions[i]))
	}
	if len(reactions) > 0 {
		e.brief.detail = l.colon() + strings.Join(reactions, ", ")
		e.main.add(plain, e.brief.detail)
	}
	if a.LastReaction != (summary.Date{}) {
		e.main.list(l.s("dernière réaction ", "last reaction ") + l.date(a.LastReaction))
	}
	if a.Severity != "" {
		e.main.list(l.s("gravité ", "severity ") + word(l, severityWords, a.Severity))
	}
	if a.Verification == "refuted" && a.ClinicalStatus != "" {
		e.main.list(word(l, allergyStatusWords, a.ClinicalStatus))
	}
	if a.Type == "intolerance" || a.Type != "allergy" {
		e.main.list(word(l, allergyTypeWords, a.Type))
	}
	e.main.list(verification, word(l, allergyBasisWords, a.Basis))
	if a.Verification == "refuted" && a.Criticality != "" {
		e.more = append(e.more, l.s("notée avant : ", "recorded before: ")+word(l, criticalityWords, a.Criticality))
	}
	if a.Onset != (summary.Date{}) {
		e.main.list(l.s("depuis ", "since ") + l.date(a.Onset))
	}
	if a.Note != "" {
		e.more = append(e.more, l.quote(a.Note))
	}
	r.common(&e, &a.Common, a)
	return e
}

// severe are the words for a severity that puts an allergy among the first, whatever its risk was said to be.
var severe = map[string]bool{"severe": true, "life-threatening": true, "fatal": true}

// categories is the line under the allergies: the categories in which none is known, who says so and when, and whether others
// were left open. No known food allergy must not be read as no other allergy.
func (r *renderer) categories(h *summary.SectionHead, items []summary.Allergy, names []string) *phrase {
	l := r.l
	p := new(phrase)
	said := map[summary.Category]bool{}
	for _, c := range h.NoneKnown {
		said[c] = true
	}
	if len(names) > 0 {
		p.add(plain, l.s("Aucune connue pour : ", "None known for: ")+strings.Join(names, ", ")+" ("+r.saidBy(h)+").")
	}
	if before := r.outdone["allergies"]; h.Status != summary.StatusItems || len(before) > 0 && before[0].Status == summary.StatusNoneKnown {
		// None known was said of all categories, or nothing is said of any.
		return p
	}
	for i := range items {
		said[items[i].Category] = true
	}
	open := false
	for _, c := range []summary.Category{"medication", "food", "environment", "biologic", "contrast", "latex", "other"} {
		open = open || !said[c]
	}
	if open {
		if !p.empty() {
			p.add(plain, "  ")
		}
		p.add(plain, l.s("Autres catégories : ", "Other categories: "))
		if seen := r.v.Sections["allergies"]; seen.Visible == visibleFull && r.v.clearance() >= 3 {
			p.add(strong, l.s("NON DEMANDÉ", "NOT ASKED"))
		} else {
			p.add(strong, l.s("NON DEMANDÉ OU NON VISIBLE", "NOT ASKED OR NOT VISIBLE"))
		}
	}
	return p
}
