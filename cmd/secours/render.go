package main

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/secours-card/secours/summary"
)

// The rules of the screen.
//
// It is read in one second, by somebody who has never seen it, with a patient who cannot answer. So:
//   - everything marked !! comes in the first page lines; where it does not fit, it comes before everything else, and its number
//     is said; on a small screen it comes in short lines, and in full below;
//   - what a terminal scrolls away of that is repeated at the end, and an entry that finds no room there is left out whole and counted;
//   - what a professional wrote is shown to the letter and whole: wrapped, never cut, abbreviated or replaced;
//   - nothing is derived: no dose computed, no alert inferred, no absence that nobody stated;
//   - not asked, none known, unavailable, not visible and unreadable are five different things, each said;
//   - a dose that is not daily says so in capitals wherever it stands;
//   - the verdict stands at the top, and again at the end when it is a bad one;
//   - colour repeats what the words say already.

// page is the number of lines that a terminal of 24 shows beside a prompt.
const page = 22

// view is what one reading of a card gives the screen.
type view struct {
	Summary *summary.Summary // nil where nothing could be decoded
	Verdict verdict
	Signer  signer
	// OnBehalfOf is for whom the signer wrote; "" for nobody.
	OnBehalfOf string
	Signed     time.Time // zero if unknown
	Trust      trustAge
	// Unsealed is set for suite 0: whoever holds the card can read it.
	Unsealed bool
	// DemoKeys is set where the signer's or the reader's keys are demonstration keys.
	DemoKeys bool
	// Sections says how much of each section is visible, by JSON name. A missing entry is fully visible.
	Sections map[string]sectionView
	// Damaged are the confidentiality levels, 0 to 3, that are signed for but missing or changed.
	Damaged []int
	// NewerLost is set where the card held a newer summary that cannot be read; Unconfirmed, where the write of this one
	// was never finished.
	NewerLost, Unconfirmed bool
	// Clearance is the highest confidentiality level that the reader's key opens, 0 without a key; for an unsealed card it does not
	// matter. Reader is the role of that key, or "practice" or "recovery"; "" if unknown.
	Clearance int
	Reader    string
	// Amendments are those on the card, in its order. What the applied ones say is in Summary; Changes is what they said of what was
	// there before, in their order.
	Amendments []amendmentView
	Changes    []summary.Change
	// Dropped is set where the author of the summary replaced one that he could not read whole.
	Dropped *dropped
	// Older is set where this reader has met a newer summary, or newer amendments, on this card.
	Older bool
	// StolenKey is the role of a key that the card is sealed for and that is reported stolen.
	StolenKey string
}

// clearance is the highest level that this reading could have shown.
func (v *view) clearance() int {
	if v.Unsealed {
		return 3
	}
	return v.Clearance
}

// keyless tells a reading that shows what is open and nothing else.
func (v *view) keyless() bool { return v.Verdict.Code == "no-key" }

// possiblyMasked is true unless everything that a patient can hide was opened and could be read.
func (v *view) possiblyMasked() bool {
	return v.clearance() < 3 || len(v.Damaged) > 0 || v.inState(amendmentUnreadable) > 0
}

// verdict is the conclusion of the verification. Anything but the four levels below counts as unverifiable.
type verdict struct {
	Level string // one of the constants below
	Code  string // stable reason code
	Text  string // shown where the code has no wording of its own
}

const (
	verdictValid        = "valid"
	verdictStale        = "valid-stale"
	verdictUnverifiable = "unverifiable"
	verdictInvalid      = "invalid"
)

func (v verdict) good() bool { return v.Level == verdictValid || v.Level == verdictStale }

// signer is who signed the record; with a bad verdict, who is said to have.
type signer struct{ Name, Role, Place string }

// trustAge is the age of the trust data that the verdict rests on.
type trustAge struct {
	Present bool
	Days    int
	Stale   bool // past its next update
}

// sectionView says how much of a section this reader sees.
type sectionView struct {
	Visible visibility
	Reason  string // "role", "undecodable" or "absent", unless all is visible
}

type visibility uint8

const (
	visibleFull visibility = iota
	visiblePartial
	visibleNone
)

// renderOptions are the choices of whoever prints the screen.
type renderOptions struct {
	Lang   lang
	Colour bool
	Width  int // columns; 0 stands for 80, less than 40 counts as 40, more than 120 as 120
	Rows   int // of the terminal; 0 for none. Of a screen that is longer the head is repeated at the end
	Talk   int // lines that follow the screen on that terminal
	Now    time.Time
}

// mark is what an entry begins with: its importance, in characters rather than colour.
type mark string

const (
	critical  mark = "!!"
	important mark = " !"
	refuted   mark = " -"
	added     mark = " +"
	stopped   mark = " x"
	ordinary  mark = "  "
	// unverified marks, on each of its lines, what is no part of the summary.
	unverified mark = " ?"
	// repeated marks what stands at the top already, with !!.
	repeated mark = "^^"
)

func (m mark) style() style {
	switch m {
	case critical:
		return danger
	case important, unverified:
		return caution
	}
	return strong
}

// entry is one item of a section.
type entry struct {
	mark mark
	// lead says what the item is where it stands outside its section, before its title: "ALLERGIE, ".
	lead  string
	title string  // our words, in capitals
	main  *phrase // nil in an entry that was shortened
	// credit says who added what the author of the summary has not reviewed; it goes wherever the entry goes.
	credit string
	// more are details, on lines of their own, and notes what amendments say of the item.
	more  []string
	notes []remark
	// brief is what a short line says of the item.
	brief brief
}

// brief is an item in a line where there is no room for more: its kind, a title in capitals, and a text, whole or left out. Essential
// is set where the kind alone would say nothing; such a text is wrapped when it has to be. Detail continues it, and goes last.
type brief struct {
	kind, text string
	essential  bool
	detail     string
}

// block is a section as it is shown.
type block struct {
	name    string // JSON name of the section
	title   string // of a block that is no section
	info    string
	remarks []remark // what is to be known of the section as a whole, before its items
	entries []entry
	closing []remark // after the items
	grouped bool     // nothing but "not asked": said in one line with others
}

type remark struct {
	mark mark
	text *phrase
}

// render writes the screen for a person: v, in the language, width and colour of o. It shows whatever there is, and an error
// is only ever that of w.
func render(w io.Writer, v *view, o renderOptions) error {
	if o.Width == 0 {
		o.Width = 80
	}
	r := &renderer{v: v, l: o.Lang, now: o.Now, page: page}
	r.index()
	s := r.fit(o)
	if _, err := w.Write(s.out); err != nil {
		return err
	}
	_, err := w.Write(r.repeat(o, s.lines))
	return err
}

// fit lays the screen out in the first way that has everything critical on the first page. What cannot stay is given up in this order:
// details, from the last entry to the first; the place of the caveats; in a repetition, of the top all but who this is and a bad verdict;
// what was only kept of the details; in a repetition, the last entries.
func (r *renderer) fit(o renderOptions) *screen {
	blocks := r.blocks()
	s, fits := r.compose(o, layout{blocks: blocks})
	if !fits && len(blocks[0].remarks) == 0 {
		r.gather(blocks)
		s, fits = r.compose(o, layout{blocks: blocks})
	}
	if fits {
		return s
	}
	blocks = r.blocks()
	pulled := r.pull(blocks)
	short, terse := shorten(pulled, true), shorten(pulled, false)
	for _, way := range []struct {
		from, to   []entry
		late, bare bool
	}{{pulled, short, false, false}, {pulled, short, true, false}, {pulled, short, true, r.again}, {short, terse, true, r.again}} {
		for n := len(pulled); n >= 0; n-- {
			mixed := slices.Concat(way.from[:n], way.to[n:])
			if s, fits = r.compose(o, layout{blocks: blocks, pulled: mixed, late: way.late, bare: way.bare}); fits {
				return s
			}
		}
	}
	s, _ = r.compose(o, layout{blocks: blocks, pulled: terse, late: true, bare: r.again, last: true})
	return s
}

// layout is one way to fit what is critical onto the first page.
type layout struct {
	blocks []block
	// pulled are the critical entries, before the sections, which then repeat them in their place.
	pulled []entry
	// late puts what is to be known of the reading as a whole, and is not critical, after the pulled entries.
	late bool
	// bare leaves out who signed, and when.
	bare bool
	// last is set where there is no other way left.
	last bool
}

// gather moves what is critical in other sections up among the points of attention, after those that stand there.
func (r *renderer) gather(blocks []block) {
	attention := &blocks[0]
	moved := r.pull(blocks[1:])
	n := 0
	for n < len(attention.entries) && attention.entries[n].mark == critical {
		n++
	}
	attention.entries = slices.Insert(attention.entries, n, moved...)
}

// pull takes a copy of every critical entry, without its details, and marks the one in its place as repeated.
func (r *renderer) pull(blocks []block) []entry {
	var pulled []entry
	for _, b := range blocks {
		for i := range b.entries {
			if e := &b.entries[i]; e.mark == critical {
				c := *e
				c.title, c.more, c.notes = strings.TrimSuffix(c.lead+c.title, ", "), nil, nil
				if n := len(e.notes); n > 0 {
					c.more = []string{r.l.count(n, pair{"ajout à son sujet", "amendment about it"}, pair{"ajouts à son sujet", "amendments about it"}) +
						"," + r.elsewhere() + " ^^"}
				}
				pulled = append(pulled, c)
				e.mark = repeated
			}
		}
	}
	return pulled
}

// elsewhere is where the details stand that an entry left out.
func (r *renderer) elsewhere() string {
	if r.again {
		return r.l.s(" plus haut", " above")
	}
	return r.l.s(" plus bas", " below")
}

// shorten leaves each entry what a short line says.
func shorten(entries []entry, detail bool) []entry {
	short := make([]entry, len(entries))
	for i, e := range entries {
		short[i] = entry{mark: e.mark, brief: e.brief}
		if !detail {
			short[i].brief.detail = ""
		}
	}
	return short
}

// renderer turns a view into blocks.
type renderer struct {
	v   *view
	l   lang
	now time.Time
	// changes are what amendments said of items, by id; outdone the heads of sections as they were before something was added that
	// contradicts them, by JSON name.
	changes map[string][]*summary.Change
	outdone map[string][]*summary.SectionHead
	// page is the number of lines that have to hold what is critical; again is set for the repetition of the head.
	page   int
	again  bool
	screen screen
}

// compose lays everything out. It stops and answers false where what is critical does not fit the first page, unless this is the
// last way.
func (r *renderer) compose(o renderOptions, way layout) (s *screen, fits bool) {
	// What did not fit is written over.
	s = &r.screen
	if s.out == nil {
		s.out = make([]byte, 0, 8192)
	}
	*s = screen{width: min(max(o.Width, 40), 120), colour: o.Colour, out: s.out[:0], words: s.words, page: r.page}
	r.top(s, way)
	s.whole()
	if !way.late {
		r.caveats(s)
		s.whole()
	}
	if len(way.pulled) > 0 && !r.pulled(s, way) {
		return s, false
	}
	if way.late {
		r.checkPatient(s)
		s.whole()
		r.caveats(s)
		s.whole()
	}
	left := 0
	for _, b := range way.blocks {
		for _, e := range b.entries {
			if e.mark == critical {
				left++
			}
		}
	}
	for i := range way.blocks {
		r.block(s, &way.blocks[i], &left)
		if len(way.pulled) == 0 && !way.last && (s.lastCritical > r.page || left > 0 && s.lines >= r.page) {
			return s, false
		}
	}
	r.bottom(s, way.blocks)
	return s, true
}

// pulled writes the critical entries before everything else. It answers false where they do not fit.
func (r *renderer) pulled(s *screen, way layout) (fits bool) {
	l, n := r.l, len(way.pulled)
	if slices.ContainsFunc(way.pulled, func(e entry) bool { return e.main == nil }) {
		s.header("!! "+l.count(n, pair{"CRITIQUE", "CRITICAL"}, pair{"CRITIQUES", "CRITICAL"})+r.warning(),
			l.s("détail", "details")+r.elsewhere()+" ^^", r.headingStyle())
	} else {
		s.header(l.s("!! À LIRE EN PREMIER", "!! READ THESE FIRST")+r.warning(), l.count(n,
			pair{"critique, repris", "critical item, repeated"}, pair{"critiques, repris", "critical items, repeated"})+
			r.elsewhere()+" ^^", r.headingStyle())
	}
	for i, e := range way.pulled {
		before := len(s.out)
		linesBefore := s.lines
		if e.main == nil {
			s.short(e)
		} else {
			s.item(e)
		}
		switch {
		case !way.last && s.lastCritical > r.page:
			return false
		case r.again && way.last && s.lines+min(1, n-1-i) > r.page:
			// A dose must not be cut off its drug: the entry goes as a whole, with those after it.
			s.out, s.lines = s.out[:before], linesBefore
			left := new(phrase).keep(danger, l.s("TOUS PLUS HAUT", "ALL OF THEM ABOVE"))
			if i > 0 {
				left = new(phrase).keep(danger, l.s("ET ", "AND ")+l.count(n-i, pair{"AUTRE", "MORE"}, pair{"AUTRES", "MORE"})+l.s(", PLUS HAUT", ", ABOVE"))
			}
			s.entry(critical, left)
			s.whole()
			return true
		}
		s.whole()
	}
	return true
}

// block writes a section, and takes its critical entries from those that are left.
func (r *renderer) block(s *screen, b *block, left *int) {
	if b.grouped {
		return
	}
	s.header(cmp.Or(b.title, r.l.p(sectionWords[b.name].title))+r.warning(), b.info, r.headingStyle())
	for _, m := range b.remarks {
		s.entry(m.mark, m.text)
		s.whole()
	}
	for _, e := range b.entries {
		s.item(e)
		s.whole()
		if e.mark == critical {
			*left--
		}
	}
	for _, m := range b.closing {
		s.entry(m.mark, m.text)
		s.whole()
	}
}

// item writes an entry, its details and what was said of it since.
func (s *screen) item(e entry) {
	p := &phrase{spans: make([]span, 0, len(e.main.spans)+2)}
	if e.title != "" {
		p.keep(e.mark.style(), e.title).add(plain, "  ")
	}
	group := p.group
	for _, sp := range e.main.spans {
		if sp.group != 0 {
			sp.group += group
		}
		p.spans = append(p.spans, sp)
	}
	margin := "     "
	if e.mark == unverified {
		s.rail, margin = string(unverified), string(unverified)+"   "
		defer func() { s.rail = "" }()
	}
	s.entry(e.mark, p)
	d := new(phrase).add(strong, e.credit)
	for _, m := range e.more {
		if !d.empty() {
			d.add(plain, " · ")
		}
		d.add(plain, m)
	}
	if !d.empty() {
		s.flow(margin, e.mark.style(), d, indent)
	}
	for _, n := range e.notes {
		s.flow("    "+string(n.mark)+" ", n.mark.style(), n.text, indent+2)
	}
	if e.mark == critical {
		s.lastCritical = s.lines
	}
}

// short writes what an entry says in short. A text that does not fit the line is wrapped or left out, never cut.
func (s *screen) short(e entry) {
	text := clean(e.brief.text)
	if !e.brief.essential && (strings.Contains(text, "\n") || textWidth(string(e.mark)+" "+clean(e.brief.kind)+"  "+text) > s.width) {
		text = ""
	}
	p := new(phrase).keep(e.mark.style(), e.brief.kind)
	if text != "" {
		p.add(plain, "  ").add(strong, text).add(plain, e.brief.detail)
	}
	s.entry(e.mark, p)
}

// warning is carried by the title of every section when the data must not be trusted, since a screen is read from anywhere.
func (r *renderer) warning() string {
	switch r.v.Verdict.Level {
	case verdictValid, verdictStale:
		return ""
	case verdictInvalid:
		return r.l.s(" [INVALIDE]", " [INVALID]")
	}
	return r.l.s(" [NON VÉRIFIÉ]", " [NOT VERIFIED]")
}

func (r *renderer) headingStyle() style {
	if r.v.Verdict.good() {
		return heading
	}
	return alarm
}

// blocks lists the sections in the order of need.
func (r *renderer) blocks() []block {
	sum := r.v.Summary
	if sum == nil {
		var blocks []block
		for _, urgent := range []bool{true, false} {
			if b, any := r.apart(urgent); any {
				blocks = append(blocks, b)
			}
		}
		return blocks
	}
	c := &sum.Sections
	blocks := []block{r.alerts(c.Alerts, c.Directives), r.allergies(c.Allergies)}
	if b, any := r.apart(true); any {
		blocks = append(blocks, b)
	}
	blocks = append(
		blocks,
		r.medications(c.Medications),
		r.measurements(c.Measurements),
		r.vaccinations(c.Vaccinations),
		r.history(c.History),
		r.contacts(c.Contacts),
		r.directives(c.Directives),
		r.visits(c.Visits),
	)
	if b, any := r.apart(false); any {
		blocks = append(blocks, b)
	}
	return blocks
}
