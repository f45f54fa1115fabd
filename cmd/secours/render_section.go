package main

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/secours-card/secours/summary"
)

// start begins the block of a section: its status, what of it this reader cannot see, and who reviewed it when. It
// returns the items beside it, since a nil section has none.
func start[I any](r *renderer, name string, s *summary.Section[I]) (block, []I) {
	b := block{name: name}
	var head summary.SectionHead
	var items []I
	if s != nil {
		head, items = s.SectionHead, s.Items
	} else {
		head.Status = summary.StatusNotAsked
	}
	l := r.l
	say := func(m mark, st style, text string) {
		b.remarks = append(b.remarks, remark{m, new(phrase).add(st, text)})
	}
	if s != nil && len(s.Extra) > 0 {
		b.closing = append(b.closing, remark{important, new(phrase).add(caution, r.notShown(len(s.Extra)))})
	}
	if r.v.keyless() {
		switch {
		case len(items) > 0:
			say(important, caution, l.s(
				"PARTIEL : seuls les éléments ouverts à tous sont visibles, le reste est scellé",
				"PARTIAL: only items open to everybody are visible, the rest is sealed",
			))
		case core[name], len(b.closing) > 0:
			say(important, caution, l.s(
				"SCELLÉ : non visible sans clé, des éléments peuvent exister",
				"SEALED: not visible without a key, items may exist",
			))
		default:
			b.grouped = true
		}
		return b, items
	}
	seen := r.seen(name)
	hidden := seen.Visible != visibleFull && seen.Reason != "absent"
	switch {
	case hidden && seen.Visible == visibleNone:
		if seen.Reason == "undecodable" {
			say(important, caution, l.s(
				"ILLISIBLE : partie endommagée de la carte, des éléments manquent",
				"UNREADABLE: damaged part of the card, items are missing",
			))
		} else {
			say(important, caution, l.s(
				"NON VISIBLE POUR VOTRE RÔLE : des éléments peuvent exister",
				"NOT VISIBLE TO YOUR ROLE: items may exist",
			))
		}
	case hidden && seen.Reason == "undecodable":
		say(important, caution, l.s(
			"INCOMPLET : une partie endommagée de la carte n'a pas pu être lue",
			"INCOMPLETE: a damaged part of the card could not be read",
		))
	case hidden:
		say(important, caution, l.s(
			"PARTIEL : d'autres éléments peuvent exister, non visibles pour votre rôle",
			"PARTIAL: other items may exist that your role cannot see",
		))
	}
	// What the author of the summary said of the section stands, also where something was added since: as what he said.
	since := ""
	if before := r.outdone[name]; len(before) > 0 && before[0].Status != summary.StatusItems {
		head, since = *before[0], l.s(" ; ajouté depuis :", "; added since:")
	}
	projected := head.Status == summary.StatusUnavailable && r.bare(&head)
	if hidden && (s == nil || projected) {
		// What cannot be seen must not be called not asked, nor unavailable to its author.
		return b, items
	}
	switch head.Status {
	case summary.StatusItems:
		b.info = r.reviewed(name, &head)
		if hidden && r.bare(&head) {
			b.info = l.s("revue non visible", "review not visible")
		}
		if len(items) == 0 {
			say(important, caution, l.s("AUCUN ÉLÉMENT LISIBLE : la carte en annonce", "NO READABLE ITEM: the card announces some"))
		}
	case summary.StatusNoneKnown:
		if since != "" {
			b.remarks = append(b.remarks, r.outdated(l.p(sectionWords[name].none), &head))
			break
		}
		say(ordinary, strong, l.p(sectionWords[name].none)+", "+r.saidBy(&head))
		if r.v.inState(amendmentUnreadable) > 0 {
			say(important, caution, l.s(
				"IL Y A UN AJOUT QUE CETTE CLÉ NE LIT PAS : il peut dire autre chose",
				"THERE IS AN AMENDMENT THAT THIS KEY CANNOT READ: it may say otherwise",
			))
		}
		if len(items) > 0 {
			say(important, caution, l.s(
				"CONTRADICTION DANS LA CARTE : « aucun connu », et pourtant :",
				"CONTRADICTION ON THE CARD: “none known”, and yet:",
			))
		}
	case summary.StatusNotAsked:
		switch {
		case since != "":
			say(important, caution, l.s("NON DEMANDÉ par l'auteur de la synthèse", "NOT ASKED by the author of the summary")+since)
		case len(items) > 0:
			say(important, caution, l.s(
				"CONTRADICTION DANS LA CARTE : « non demandé », et pourtant :",
				"CONTRADICTION ON THE CARD: “not asked”, and yet:",
			))
		case len(head.NoneKnown) > 0:
			// That nobody asked is not all that was said: of some kinds, none is known.
			say(important, caution, l.s(
				"NON DEMANDÉ pour tout le reste : rien n'indique s'il y en a",
				"NOT ASKED for all else: nothing says whether there are any",
			))
		case core[name], hidden, s != nil && len(s.Extra) > 0:
			say(important, caution, l.s(
				"NON DEMANDÉ : rien n'indique s'il y en a ou non",
				"NOT ASKED: nothing says whether there are any",
			))
		default:
			b.grouped = true
		}
	case summary.StatusUnavailable:
		if projected && r.v.clearance() < 3 {
			// Where all items lie above the reader's clearance the card says the same as where the author had no access.
			say(important, caution, l.s("NON DISPONIBLE OU NON VISIBLE POUR VOTRE RÔLE : des éléments peuvent exister",
				"NOT AVAILABLE OR NOT VISIBLE TO YOUR ROLE: items may exist")+since)
			break
		}
		say(important, caution, l.s("NON DISPONIBLE : des éléments peuvent exister", "NOT AVAILABLE: items may exist")+since)
		b.info = r.reviewed(name, &head)
	default:
		say(important, caution, l.s(
			"STATUT INCONNU DE CETTE VERSION : ",
			"STATUS UNKNOWN TO THIS VERSION: ",
		)+r.statusText(head.Status))
	}
	if name != "allergies" {
		still, before := r.noneKnown(name, &head)
		if len(still) > 0 {
			// "None known" is what was said; that there is none would be more than that.
			say(ordinary, plain, l.s("Aucun connu pour : ", "None known for: ")+strings.Join(still, ", ")+", "+r.saidBy(&head))
		}
		b.remarks = append(b.remarks, before...)
	}
	return b, items
}

// noneKnownWords are the wordings of what SectionHead.NoneKnown names, which differs by section.
var noneKnownWords = map[string]words{"alerts": alertKindWords, "allergies": categoryWords, "history": conditionKindWords}

// noneKnown lists the categories of which none is known, and says of which one was added since.
func (r *renderer) noneKnown(name string, h *summary.SectionHead) (still []string, before []remark) {
	table := noneKnownWords[name]
	for _, was := range r.outdone[name] {
		var gone []string
		for _, c := range was.NoneKnown {
			if !slices.Contains(h.NoneKnown, c) {
				gone = append(gone, word(r.l, table, c))
			}
		}
		if len(gone) > 0 && len(before) == 0 {
			before = append(before, r.outdated(r.l.s("aucun connu pour : ", "none known for: ")+strings.Join(gone, ", "), was))
		}
	}
	for _, c := range h.NoneKnown {
		still = append(still, word(r.l, table, c))
	}
	return still, before
}

// outdated says that an absence was stated before something was added: never both as true.
func (r *renderer) outdated(text string, h *summary.SectionHead) remark {
	l := r.l
	return remark{important, new(phrase).add(caution, l.s("N'EST PLUS À JOUR : ", "NO LONGER UP TO DATE: ")).
		add(plain, l.quote(strings.ToLower(text))+", "+r.saidBy(h)+l.s(" ; ajouté depuis :", "; added since:"))}
}

// seen says how much of a section is visible, beside what is said once for all of them at the top: that anything may be masked above
// the reader's clearance, and that amendments are shown apart.
func (r *renderer) seen(name string) sectionView {
	v := r.v
	seen := v.Sections[name]
	switch {
	case seen.Reason == "role" && v.clearance() < 3 && summary.DefaultLevel(name).Rank() <= v.clearance(),
		seen.Reason == "undecodable" && seen.Visible == visiblePartial && len(v.Damaged) == 0:
		return sectionView{}
	}
	return seen
}

// bare tells a head that says nothing but its status, as one does that this reader was not given.
func (r *renderer) bare(h *summary.SectionHead) bool {
	return h.Reviewed == (summary.Date{}) && r.author(h.ReviewedBy) == "" && h.Informant == "" && len(h.NoneKnown) == 0
}

// core are the sections whose absence is said in their own place, under their own title.
var core = map[string]bool{"alerts": true, "allergies": true, "medications": true, "history": true}

func (r *renderer) statusText(s summary.SectionStatus) string {
	if s == "" {
		return r.l.s("absent", "absent")
	}
	return string(s)
}

// reviewed is the right of a section's title: when, by whom if not the signer, and from whom it was learned.
func (r *renderer) reviewed(name string, h *summary.SectionHead) string {
	l := r.l
	text := l.s("revue non datée", "review not dated")
	if h.Reviewed != (summary.Date{}) {
		text = l.p(sectionWords[name].reviewed) + " " + l.s(l.on(h.Reviewed), l.date(h.Reviewed))
	}
	if who := r.author(h.ReviewedBy); who != "" && h.ReviewedBy.Name != r.v.Signer.Name {
		text += l.s(" par ", " by ") + who
	}
	if h.Informant != "" {
		text += ", " + word(l, informantWords, h.Informant)
	}
	return text
}

// saidBy is the author and the date of a statement that something is absent: it is never shown without them.
func (r *renderer) saidBy(h *summary.SectionHead) string {
	l := r.l
	who := r.author(h.ReviewedBy)
	switch {
	case who == "" && r.v.Signer.Name == "":
		who = l.s("le signataire (inconnu)", "the signer (unknown)")
	case who == "", h.ReviewedBy.Name == r.v.Signer.Name:
		who = r.v.Signer.Name
	case strings.Contains(who, ","):
		who += ","
	}
	text := l.s("dit par ", "stated by ") + who
	switch {
	case h.Reviewed != (summary.Date{}):
		text += " " + l.on(h.Reviewed)
	case !r.v.Signed.IsZero():
		text += l.s(", revue non datée, synthèse du ", ", review not dated, summary of ") + l.day(r.v.Signed.In(r.now.Location()))
	default:
		text += l.s(", NON DATÉ", ", NOT DATED")
	}
	if h.Informant != "" {
		text += ", " + word(l, informantWords, h.Informant)
	}
	return text
}

// author is a name with role and organisation, or the identifier where there is no name.
func (r *renderer) author(a summary.Author) string {
	name := a.Name
	if name == "" {
		name = a.ID
	}
	var parts []string
	for _, part := range []string{name, word(r.l, roleWords, a.Role), a.Org} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// concept is the text as it was written. A concept without one, which only a damaged or newer card has, is shown by its codes.
func (r *renderer) concept(c *summary.Concept) string {
	if c == nil {
		return ""
	}
	if c.Text != "" {
		return c.Text
	}
	text := r.l.s("SANS TEXTE", "NO TEXT")
	for _, code := range c.Codes {
		text += " " + string(code.System) + " " + code.Code
	}
	return text
}

// common adds to an entry what every item may have: details, who added it, what was said of it since. Item is the item itself, for the
// members that this version does not know.
func (r *renderer) common(e *entry, c *summary.Common, item any) {
	l := r.l
	detail := func(text string) { e.more = append(e.more, text) }
	who, recorded := r.author(c.By), ""
	if c.Unreviewed == summary.Yes {
		if e.mark == ordinary {
			e.mark = added
		}
		e.credit = l.s("ajouté par ", "added by ") + cmp.Or(who, l.s("un auteur inconnu", "an unknown author"))
		if on := l.on(c.Recorded); on != "" {
			e.credit += ", " + on
		}
		e.credit += l.s(", NON REVU PAR LE MÉDECIN", ", NOT REVIEWED BY THE PHYSICIAN")
		e.brief.kind += l.s(" (AJOUT NON REVU)", " (ADDED, NOT REVIEWED)")
	} else {
		if who != "" {
			detail(l.s("écrit par ", "written by ") + who)
		}
		if c.Recorded != (summary.Date{}) {
			recorded = l.s("noté ", "recorded ") + l.on(c.Recorded)
		}
	}
	if c.Source != "" && c.Source != "diagnosed" {
		detail(word(l, sourceWords, c.Source))
	}
	if recorded != "" {
		detail(recorded)
	}
	switch c.Level {
	case "", summary.LevelOpen, summary.LevelCare, summary.LevelClinical:
	default:
		hidden := word(l, levelWords, c.Level)
		if c.Level == summary.LevelMasked && r.v.Unsealed {
			// Whoever holds the card reads it: saying that it is hidden would be untrue.
			hidden = l.s("À MASQUER (non appliqué : carte non scellée)", "TO BE HIDDEN (not applied: card not sealed)")
		}
		detail(hidden)
	}
	if n := unknownIn(reflect.ValueOf(item)); n > 0 {
		detail(r.notShown(n))
	}
	for _, said := range c.Remarks {
		e.notes = append(e.notes, remark{added, r.change(&summary.Change{
			Operation: summary.OpAnnotate, ID: c.ID, Text: said.Text, By: said.By, On: said.On,
		})})
	}
	for _, change := range r.changes[c.ID] {
		m := added
		if change.Operation == summary.OpStop || change.Operation == summary.OpRetract {
			m = stopped
		}
		e.notes = append(e.notes, remark{m, r.change(change)})
	}
	if r.changed(c.ID, summary.OpRetract) != nil {
		e.mark = stopped
		e.title = strings.TrimSuffix(l.s("RETIRÉ, ", "WITHDRAWN, ")+e.title, ", ")
	}
}

// notShown says how many members there are that this version does not know: of a newer format, or of another program.
func (r *renderer) notShown(n int) string {
	return r.l.count(n, pair{"champ inconnu de ce programme, non affiché", "field unknown to this program, not shown"},
		pair{"champs inconnus de ce programme, non affichés", "fields unknown to this program, not shown"})
}

// unknownMembers counts those of the summary outside its sections; a whole section may be among them.
func (r *renderer) unknownMembers() int {
	sum := r.v.Summary
	if sum == nil {
		return 0
	}
	return len(sum.Extra) + len(sum.Sections.Extra) + unknownIn(reflect.ValueOf(&sum.Patient)) + unknownIn(reflect.ValueOf(sum.Consent))
}

var extraType = reflect.TypeFor[summary.Extra]()

// unknownIn counts the unknown members of a value and of everything in it. The types of the model are a tree, so it ends.
func unknownIn(v reflect.Value) int {
	n := 0
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			n = unknownIn(v.Elem())
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.Struct || k == reflect.Pointer {
			for i := range v.Len() {
				n += unknownIn(v.Index(i))
			}
		}
	case reflect.Map:
		if v.Type() == extraType {
			n = v.Len()
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += unknownIn(v.Field(i))
		}
	}
	return n
}

// calendarDays is the number of midnights between two instants, in the location of the second.
func calendarDays(from, to time.Time) int {
	noon := func(t time.Time) time.Time {
		y, m, d := t.In(to.Location()).Date()
		return time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
	}
	return int(noon(to).Sub(noon(from)).Hours() / 24)
}
