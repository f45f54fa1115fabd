package main

import (
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
	// Amendments counts amendments on the card that are not shown.
	Amendments int
	// PossiblyMasked is set unless the reader's key opens everything that a patient can hide.
	PossiblyMasked bool
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
	// repeated marks what stands at the top already, with !!.
	repeated mark = "^^"
)

func (m mark) style() style {
	switch m {
	case critical:
		return danger
	case important:
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
	// more are details, on lines of their own.
	more []string
	// brief is what a short line says of the item.
	brief brief
}

// brief is an item in a line where there is no room for more: its kind, a title in capitals, and a text, whole or left out. Essential
// is set where the kind alone would say nothing; such a text is wrapped when it has to be.
type brief struct {
	kind, text string
	essential  bool
}

// block is a section as it is shown.
type block struct {
	name    string
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
	r := &renderer{v: v, l: o.Lang, now: o.Now}
	blocks := r.blocks()
	s, fits := r.compose(o, blocks, nil)
	if !fits && len(blocks[0].remarks) == 0 {
		gather(blocks)
		s, fits = r.compose(o, blocks, nil)
	}
	if !fits {
		blocks = r.blocks()
		pulled := pull(blocks)
		if s, fits = r.compose(o, blocks, pulled); !fits {
			s, _ = r.compose(o, blocks, shorten(pulled))
		}
	}
	_, err := w.Write(s.out)
	return err
}

// gather moves what is critical in other sections up among the points of attention, after those that stand there.
func gather(blocks []block) {
	attention := &blocks[0]
	moved := pull(blocks[1:])
	n := 0
	for n < len(attention.entries) && attention.entries[n].mark == critical {
		n++
	}
	attention.entries = slices.Insert(attention.entries, n, moved...)
}

// pull takes a copy of every critical entry, without its details, and marks the one in its place as repeated.
func pull(blocks []block) []entry {
	var pulled []entry
	for _, b := range blocks {
		for i := range b.entries {
			if e := &b.entries[i]; e.mark == critical {
				c := *e
				c.title, c.more = strings.TrimSuffix(c.lead+c.title, ", "), nil
				pulled = append(pulled, c)
				e.mark = repeated
			}
		}
	}
	return pulled
}

// shorten leaves each entry what a short line says.
func shorten(entries []entry) []entry {
	short := make([]entry, len(entries))
	for i, e := range entries {
		short[i] = entry{mark: e.mark, brief: e.brief}
	}
	return short
}

// renderer turns a view into blocks.
type renderer struct {
	v   *view
	l   lang
	now time.Time
}

// compose lays everything out. Pulled entries, whole or shortened, come before the sections, which then repeat them in their place.
// Unless they were shortened, it stops and answers false when what is critical does not fit the first page.
func (r *renderer) compose(o renderOptions, blocks []block, pulled []entry) (s *screen, fits bool) {
	l := r.l
	s = &screen{width: min(max(o.Width, 40), 120), colour: o.Colour, out: make([]byte, 0, 8192)}
	r.top(s)
	if pulled != nil {
		short := len(pulled) > 0 && pulled[0].main == nil
		if short {
			s.header("!! "+l.count(len(pulled), pair{"CRITIQUE", "CRITICAL"}, pair{"CRITIQUES", "CRITICAL"})+r.warning(),
				l.s("détail plus bas ^^", "details below ^^"), r.headingStyle())
		} else {
			s.header(l.s("!! À LIRE EN PREMIER", "!! READ THESE FIRST")+r.warning(), l.count(len(pulled),
				pair{"critique, repris", "critical item, repeated"}, pair{"critiques, repris", "critical items, repeated"})+
				l.s(" plus bas ^^", " below ^^"), r.headingStyle())
		}
		for _, e := range pulled {
			if short {
				s.short(e)
			} else {
				s.item(e)
			}
		}
		if !short && s.lastCritical > page {
			return s, false
		}
	}
	left := 0
	for _, b := range blocks {
		for _, e := range b.entries {
			if e.mark == critical {
				left++
			}
		}
	}
	for i := range blocks {
		r.block(s, &blocks[i], &left)
		if pulled == nil && (s.lastCritical > page || left > 0 && s.lines >= page) {
			return s, false
		}
	}
	r.bottom(s, blocks)
	return s, true
}

// block writes a section, and takes its critical entries from those that are left.
func (r *renderer) block(s *screen, b *block, left *int) {
	if b.grouped {
		return
	}
	s.header(r.l.p(sectionWords[b.name].title)+r.warning(), b.info, r.headingStyle())
	for _, m := range b.remarks {
		s.entry(m.mark, m.text)
	}
	for _, e := range b.entries {
		s.item(e)
		if e.mark == critical {
			*left--
		}
	}
	for _, m := range b.closing {
		s.entry(m.mark, m.text)
	}
}

// item writes an entry and its details.
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
	s.entry(e.mark, p)
	if len(e.more) > 0 {
		d := new(phrase)
		for i, m := range e.more {
			if i > 0 {
				d.add(plain, " · ")
			}
			d.add(plain, m)
		}
		s.flow("     ", plain, d, indent)
		if e.mark == critical {
			s.lastCritical = s.lines
		}
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
		p.add(plain, "  ").add(strong, text)
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
		return nil
	}
	c := &sum.Sections
	return []block{
		r.alerts(c.Alerts, c.Directives),
		r.allergies(c.Allergies),
		r.medications(c.Medications),
		r.measurements(c.Measurements),
		r.vaccinations(c.Vaccinations),
		r.history(c.History),
		r.contacts(c.Contacts),
		r.directives(c.Directives),
		r.visits(c.Visits),
	}
}
