package main

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secours-card/secours/summary"
)

// maxAmendments is the most that a record holds (FORMAT 3); what a hostile one had beyond it is counted and not shown.
const maxAmendments = 64

// amendmentView is one amendment of the card.
type amendmentView struct {
	ID      string // names it to other verbs
	State   string // one of the constants below; any other counts as apart
	Verdict verdict
	Author  signer    // with a bad verdict, who is said to have signed
	Time    time.Time // of signing; zero if unknown
	// Content is what it says; nil where that could not be read. Of one that is applied only what Missing names is looked at: the ids
	// of items that it speaks of and that are not there.
	Content *summary.Amendment
	Missing []string
	// Gap is set where something that stood before it was taken from the card.
	Gap bool
}

// The states of FORMAT 3.7.
const (
	amendmentApplied    = "applied"
	amendmentApart      = "apart"
	amendmentSuperseded = "superseded"
	amendmentUnreadable = "unreadable"
)

// dropped says that the author of the summary replaced one of which he could not read all.
type dropped struct {
	Level  int // the lowest confidentiality level that was lost
	Reason string
}

// inState counts the amendments in a state.
func (v *view) inState(state string) int {
	n := 0
	for i := range v.Amendments {
		if v.Amendments[i].State == state {
			n++
		}
	}
	return n
}

// apart tells the amendments of which something is no part of the summary shown.
func (a *amendmentView) apart() bool {
	return a.State != amendmentUnreadable && (a.State != amendmentApplied || len(a.Missing) > 0)
}

// urgent tells those that must not wait until the end of the screen.
func (a *amendmentView) urgent() bool {
	return a.State != amendmentApplied && a.Content != nil && len(a.Content.Add.Alerts)+len(a.Content.Add.Allergies) > 0
}

// amended says beside the date of the summary who added to it since, once for each author. Whoever adds for the fourth time today
// must not push what is critical off the page.
func (r *renderer) amended(p *phrase) {
	const most = 3
	l := r.l
	var last []*amendmentView
	for i := range r.v.Amendments {
		a := &r.v.Amendments[i]
		if a.State != amendmentApplied {
			continue
		}
		if same := slices.IndexFunc(last, func(b *amendmentView) bool { return b.Author == a.Author }); same < 0 {
			last = append(last, a)
		} else if a.Time.After(last[same].Time) {
			last[same] = a
		}
	}
	slices.SortStableFunc(last, func(a, b *amendmentView) int { return b.Time.Compare(a.Time) })
	for i, a := range last {
		if i == most {
			p.add(plain, ", ").keep(plain, l.count(len(last)-most, pair{"autre auteur", "more author"}, pair{"autres auteurs", "more authors"}))
			break
		}
		who := a.Author.Role
		if w, ok := amendedWords[who]; ok {
			who = l.p(w)
		}
		text := l.s("ajout ", "amended by ") + cmp.Or(who, a.Author.Place, a.Author.Name, l.s("d'auteur inconnu", "unknown author"))
		if day := r.signedDay(a.Time); day != "" {
			text += l.s(" le ", " on ") + day
		}
		p.add(plain, map[bool]string{true: "   ", false: ", "}[i == 0]).keep(plain, text)
	}
}

// amendedWords say where an addition came from.
var amendedWords = words{
	"physician":  {"médecin", "physician"},
	"pharmacist": {"pharmacie", "pharmacist"},
	"nurse":      {"infirmier", "nurse"},
	"midwife":    {"sage-femme", "midwife"},
	"dentist":    {"dentiste", "dentist"},
}

// signedDay is the day of a signature where the reader is; "" if unknown.
func (r *renderer) signedDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return r.l.day(t.In(r.now.Location()))
}

// amendmentsAtTop says what is missing, and what is shown apart further down.
func (r *renderer) amendmentsAtTop(s *screen) {
	l := r.l
	gaps, apart, urgent := 0, 0, 0
	for i := range r.v.Amendments {
		a := &r.v.Amendments[i]
		if a.Gap {
			gaps++
		}
		if a.apart() {
			apart++
			if a.urgent() {
				urgent++
			}
		}
	}
	if gaps > 0 {
		p := new(phrase).add(caution, l.s("UN AJOUT MANQUE : quelque chose a été retiré de la carte",
			"AN AMENDMENT IS MISSING: something was taken from the card"))
		if gaps > 1 {
			p.add(caution, l.s(", à ", ", in ")+strconv.Itoa(gaps)+l.s(" endroits", " places"))
		}
		s.entry(important, p)
	}
	if apart > 0 {
		text := l.count(apart, pair{"AJOUT NON INTÉGRÉ", "AMENDMENT NOT MERGED"}, pair{"AJOUTS NON INTÉGRÉS", "AMENDMENTS NOT MERGED"})
		if urgent > 0 {
			text += l.s(", dont ALLERGIE ou POINT DE VIGILANCE", ", with an ALLERGY or POINT OF ATTENTION")
		}
		s.entry(important, new(phrase).add(caution, text).add(plain, l.s(" :", ":")+r.elsewhere()+l.s(", marqué « ? »", ", marked “?”")))
	}
}

// apart is the block of the amendments that are no part of the summary, the urgent ones or the others. Every line of it is marked, so
// that none can be taken for what was verified.
func (r *renderer) apart(urgent bool) (block, bool) {
	l := r.l
	b := block{title: l.s("AJOUTS NON VÉRIFIÉS, NON INTÉGRÉS", "AMENDMENTS NOT VERIFIED, NOT MERGED")}
	over := 0
	for i := range r.v.Amendments {
		a := &r.v.Amendments[i]
		if !a.apart() || a.urgent() != urgent {
			continue
		}
		if i >= maxAmendments {
			over++
			continue
		}
		b.entries = append(b.entries, r.refused(a)...)
	}
	if over > 0 {
		b.entries = append(b.entries, entry{mark: unverified, main: new(phrase).add(caution,
			l.count(over, pair{"ajout de trop, non affiché", "amendment too many, not shown"},
				pair{"ajouts de trop, non affichés", "amendments too many, not shown"}))})
	}
	return b, len(b.entries) > 0
}

// refused is all that one amendment says, each entry with the mark of what is not verified.
func (r *renderer) refused(a *amendmentView) []entry {
	l := r.l
	head := entry{mark: unverified, title: l.s("AJOUT", "AMENDMENT"), main: new(phrase)}
	if day := r.signedDay(a.Time); day != "" {
		head.title += l.s(" DU ", " OF ") + day
	} else {
		head.title += l.s(" NON DATÉ", ", NOT DATED")
	}
	who := r.person(a.Author)
	switch {
	case who == "":
		who = l.s("signataire inconnu", "unknown signer")
	case !a.Verdict.good():
		who = l.s("au nom de ", "in the name of ") + who
	}
	head.main.add(plain, who+l.colon()).add(strong, r.refusal(a))
	if a.ID != "" {
		head.main.add(plain, " ("+a.ID+")")
	}
	entries := []entry{head}
	c := a.Content
	if c == nil {
		return append(entries, entry{mark: unverified, main: new(phrase).add(plain, l.s("contenu illisible", "content unreadable"))})
	}
	if a.State != amendmentApplied {
		entries = append(entries, r.additions(a)...)
	}
	for _, op := range operations(c) {
		if a.State != amendmentApplied || slices.Contains(a.Missing, op.ID) {
			p := r.change(&op).add(plain, l.s(" ; à propos de : ", "; about: ")+r.target(op.ID))
			entries = append(entries, entry{mark: unverified, main: p})
		}
	}
	if n := unknownIn(reflect.ValueOf(c)) - unknownIn(reflect.ValueOf(items(&c.Add))); n > 0 {
		entries = append(entries, entry{mark: unverified, main: new(phrase).add(caution, r.notShown(n))})
	}
	return entries
}

// additions are the items that an amendment adds, as it says them: without what others said of items that have the same ids.
func (r *renderer) additions(a *amendmentView) []entry {
	l := r.l
	own := &renderer{
		v: &view{Verdict: a.Verdict, Signer: a.Author, Signed: a.Time, Unsealed: r.v.Unsealed, Clearance: r.v.Clearance},
		l: l, now: r.now,
	}
	s := items(&a.Content.Add)
	var entries []entry
	for _, b := range []block{
		own.alerts(s.Alerts, nil), own.allergies(s.Allergies), own.medications(s.Medications), own.measurements(s.Measurements),
		own.vaccinations(s.Vaccinations), own.history(s.History), own.contacts(s.Contacts), own.directives(s.Directives), own.visits(s.Visits),
	} {
		for _, e := range b.entries {
			e.mark = unverified
			e.title = strings.TrimSuffix(l.p(itemWords[b.name])+l.colon()+e.title, l.colon())
			entries = append(entries, e)
		}
	}
	return entries
}

// items are the additions as sections, for what shows sections.
func items(a *summary.Additions) *summary.Sections {
	return &summary.Sections{
		Alerts:       &summary.Section[summary.Alert]{Items: a.Alerts},
		Allergies:    &summary.Section[summary.Allergy]{Items: a.Allergies},
		Medications:  &summary.Section[summary.Medication]{Items: a.Medications},
		History:      &summary.Section[summary.Condition]{Items: a.History},
		Measurements: &summary.Section[summary.Measurement]{Items: a.Measurements},
		Vaccinations: &summary.Section[summary.Vaccination]{Items: a.Vaccinations},
		Visits:       &summary.Section[summary.Visit]{Items: a.Visits},
		Directives:   &summary.Section[summary.Directive]{Items: a.Directives},
		Contacts:     &summary.Section[summary.Contact]{Items: a.Contacts},
	}
}

// operations are what an amendment says of items that it does not add.
func operations(a *summary.Amendment) []summary.Change {
	var all []summary.Change
	add := func(op summary.Operation, t summary.Target, c summary.Change) {
		c.Operation, c.ID, c.On = op, t.ID, t.Recorded
		all = append(all, c)
	}
	for _, o := range a.Stop {
		add(summary.OpStop, o.Target, summary.Change{End: o.Date, Text: o.Reason})
	}
	for _, o := range a.Annotate {
		add(summary.OpAnnotate, o.Target, summary.Change{Text: o.Note})
	}
	for _, o := range a.Taken {
		add(summary.OpTaken, o.Target, summary.Change{Taken: &o.Taken})
	}
	for _, o := range a.Dispensed {
		add(summary.OpDispensed, o.Target, summary.Change{Dispensed: &o.Dispensed})
	}
	for _, o := range a.Retract {
		add(summary.OpRetract, o.Target, summary.Change{Text: o.Reason})
	}
	return all
}

// refusal is why an amendment is shown apart.
func (r *renderer) refusal(a *amendmentView) string {
	l := r.l
	reason := ""
	if p, ok := amendmentReasonWords[a.Verdict.Code]; ok {
		reason = l.p(p)
	} else if a.Verdict.Code != "ok" {
		reason = r.reason(a.Verdict)
	}
	text := l.s("NON INTÉGRÉ", "NOT MERGED")
	switch {
	case a.State == amendmentApplied:
		text, reason = l.s("EN PARTIE NON INTÉGRÉ", "PARTLY NOT MERGED"), l.p(reasonWords["target"])
	case a.State == amendmentSuperseded:
		text = l.s("PÉRIMÉ", "OUT OF DATE")
		if a.Verdict.good() {
			reason = l.p(reasonWords["superseded"])
		}
	case a.Verdict.Level == verdictInvalid:
		text = l.s("REFUSÉ", "REFUSED")
	case !a.Verdict.good():
		text = l.s("NON VÉRIFIÉ", "NOT VERIFIED")
	}
	if reason != "" {
		text += ", " + reason
	}
	return text
}

// amendmentReasonWords are the reasons that say something else of an amendment than of a summary.
var amendmentReasonWords = words{
	"role":    {"ce rôle n'a pas le droit d'écrire cela", "this role may not write this"},
	"content": {"ce qui est signé n'est pas lisible par cette version", "what was signed cannot be read by this version"},
}

// itemWords name one item of each section.
var itemWords = words{
	"alerts":       {"POINT DE VIGILANCE", "POINT OF ATTENTION"},
	"allergies":    {"ALLERGIE", "ALLERGY"},
	"medications":  {"MÉDICAMENT", "MEDICATION"},
	"history":      {"ANTÉCÉDENT", "HISTORY"},
	"measurements": {"MESURE", "MEASUREMENT"},
	"vaccinations": {"VACCINATION", "VACCINATION"},
	"visits":       {"CONSULTATION OU SÉJOUR", "VISIT"},
	"directives":   {"DIRECTIVE", "DIRECTIVE"},
	"contacts":     {"PERSONNE À APPELER", "PERSON TO CALL"},
}

// target is the item that a change speaks of, in the words of whoever wrote it.
func (r *renderer) target(id string) string {
	text := ""
	if r.v.Summary != nil {
		r.v.Summary.Sections.Each(func(name string, s summary.AnySection) {
			for i := range s.Len() {
				if s.Common(i).ID == id && text == "" {
					text = strings.ToLower(r.l.p(itemWords[name])) + " " + r.l.quote(r.itemText(s.Item(i)))
				}
			}
		})
	}
	if text == "" {
		return r.l.s("un élément que cet écran ne montre pas (", "an item that this screen does not show (") + id + ")"
	}
	return text
}

// itemText is what an item is about, to the letter.
func (r *renderer) itemText(item any) string {
	switch i := item.(type) {
	case *summary.Alert:
		return i.Text
	case *summary.Allergy:
		return r.concept(&i.Agent)
	case *summary.Medication:
		return r.product(i)
	case *summary.Measurement:
		return strings.TrimSpace(word(r.l, measurementKindWords, i.Kind) + " " + i.Value.Text + " " + i.Unit)
	case *summary.Vaccination:
		return r.concept(&i.Vaccine)
	case *summary.Condition:
		return r.concept(&i.Condition)
	case *summary.Contact:
		return i.Name
	case *summary.Directive:
		return cmp.Or(i.Text, word(r.l, directiveKindWords, i.Kind))
	case *summary.Visit:
		return r.concept(&i.Reason)
	}
	return ""
}

// change is what was said of an item, by whom and when, and what that replaced.
func (r *renderer) change(c *summary.Change) *phrase {
	l := r.l
	p := new(phrase)
	day := l.date(c.On)
	on := func(french, english string) string {
		if day == "" {
			return ""
		}
		return l.s(french, english) + day
	}
	dated := true // says the day on which it was said
	before := ""
	switch c.Operation {
	case summary.OpStop:
		end := cmp.Or(c.End, c.On)
		dated = end == c.On
		p.keep(strong, strings.TrimSpace(l.s("ARRÊTÉ ", "STOPPED ")+l.date(end)))
		if c.Before != nil && c.Before.Status != summary.MedicationActive {
			before = commas(cmp.Or(word(l, medicationStatusWords, c.Before.Status), l.s("statut non indiqué", "status not stated")),
				l.date(c.Before.End), c.Before.StopReason)
		}
	case summary.OpRetract:
		p.keep(strong, l.s("RETIRÉ", "WITHDRAWN")+on(" le ", " on "))
	case summary.OpAnnotate:
		p.keep(strong, "NOTE"+on(" du ", " of "))
	case summary.OpDispensed:
		dated = false
		p.add(strong, r.dispensed(cmp.Or(c.Dispensed, &summary.Dispensed{})))
		if c.Before != nil {
			before = r.dispensed(c.Before.Dispensed)
		}
	case summary.OpTaken:
		dated = false
		p.add(strong, r.taken(cmp.Or(c.Taken, &summary.Taken{})))
		if c.Before != nil {
			before = r.taken(c.Before.Taken)
		}
	default:
		p.keep(strong, string(c.Operation)+on(" le ", " on "))
	}
	who := r.author(c.By)
	if who != "" {
		who = l.s(" par ", " by ") + who
	}
	switch {
	case dated:
		p.add(plain, who)
	case day != "" || who != "":
		p.add(plain, l.s(", écrit", ", written")+on(" le ", " on ")+who)
	}
	if c.Text != "" {
		p.add(plain, l.colon()+l.quote(c.Text))
	}
	if before != "" {
		p.add(plain, l.s(" ; avant : ", "; before: ")+before)
	}
	if n := unknownIn(reflect.ValueOf(c.Extra)); n > 0 {
		p.add(plain, " · "+r.notShown(n))
	}
	return p
}

// index sorts what the amendments said: by item, and what they made untrue by section.
func (r *renderer) index() {
	if len(r.v.Changes) == 0 {
		return
	}
	r.changes, r.outdone = map[string][]*summary.Change{}, map[string][]*summary.SectionHead{}
	for i := range r.v.Changes {
		switch c := &r.v.Changes[i]; {
		case c.Operation != summary.OpAdd:
			r.changes[c.ID] = append(r.changes[c.ID], c)
		case c.Head != nil:
			r.outdone[c.Section] = append(r.outdone[c.Section], c.Head)
		}
	}
}

// changed is the last change of a kind to an item, nil if there is none.
func (r *renderer) changed(id string, op summary.Operation) *summary.Change {
	for _, c := range slices.Backward(r.changes[id]) {
		if c.Operation == op {
			return c
		}
	}
	return nil
}

// person is who signed, with role and place.
func (r *renderer) person(who signer) string {
	var parts []string
	for _, part := range []string{who.Name, word(r.l, roleWords, who.Role), who.Place} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}
