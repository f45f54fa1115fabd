package main

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// What a card says is hostile terminal input. Every word of the screen goes through clean on its way out, our own words
// included, so that there is no second way past it.

// withheld stands for what was there and is not shown.
const withheld = '\uFFFD'

// clean replaces everything that could move the cursor, change what follows, or hide: control characters (C0, C1, DEL),
// invalid UTF-8, format characters (bidirectional overrides and isolates, zero-width characters, soft hyphens), line and
// paragraph separators, unassigned and private characters, and blanks that are letters to Unicode. Newlines are
// breaks of the signer's own and are kept for the layout, which indents what follows them. Accents stacked higher
// than any script needs would run over the lines above: the fifth and later ones are replaced.
func clean(s string) string {
	stacked := 0
	for i, r := range s {
		if harmless(r) {
			stacked = 0
			continue
		}
		if withhold(r, &stacked) || r == utf8.RuneError {
			return cleaned(s, i)
		}
	}
	return s
}

// cleaned is clean for a text of which only the first good bytes are known to be harmless.
func cleaned(s string, good int) string {
	var b strings.Builder
	b.Grow(len(s))
	stacked := 0
	for i, r := range s {
		if i < good || harmless(r) {
			withhold(r, &stacked)
		} else if withhold(r, &stacked) {
			r = withheld
		}
		b.WriteRune(r)
	}
	return b.String()
}

// harmless is the quick answer for most of what is written in Latin script.
func harmless(r rune) bool {
	return r >= 0x20 && r < 0x7f || r == '\n' || r >= 0xa0 && r < 0x300 && r != 0xad || r >= 0x2010 && r <= 0x2027
}

// withhold decides about one character; stacked counts the accents since the last letter.
func withhold(r rune, stacked *int) bool {
	if harmless(r) || !unicode.In(r, unicode.Mn, unicode.Me) {
		*stacked = 0
	} else {
		*stacked++
	}
	return *stacked > 4 || !harmless(r) && (!unicode.IsGraphic(r) || invisible(r))
}

// invisible tells the characters that Unicode counts as letters, marks or symbols and that show nothing.
func invisible(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0:
		return true
	}
	return r >= 0xFE00 && r <= 0xFE0F || r >= 0x180B && r <= 0x180F || r >= 0xE0100 && r <= 0xE01EF
}

// runeWidth is the number of columns a character takes on a terminal.
func runeWidth(r rune) int {
	if r < 0x300 || r >= 0x2010 && r <= 0x2027 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// style is how a word is set apart where there is colour. It never carries anything that the words do not say.
type style uint8

const (
	plain style = iota
	strong
	danger
	caution
	heading
	alarm
)

// sgr are the colour codes (ECMA-48, 8.3.117), of the sixteen that every terminal has.
var sgr = [...]string{
	plain: "", strong: "\x1b[1m", danger: "\x1b[1;31m", caution: "\x1b[1;33m", heading: "\x1b[1;36m", alarm: "\x1b[1;7;31m",
}

const sgrReset = "\x1b[0m"

// phrase is a text being composed for one entry of the screen.
type phrase struct {
	spans []span
	group int
}

type span struct {
	text  string
	style style
	group int
}

func (p *phrase) add(st style, s string) *phrase {
	if s != "" {
		p.grow()
		p.spans = append(p.spans, span{s, st, 0})
	}
	return p
}

// keep adds a text that stays on one line where that is possible: a drug's name, a dose.
func (p *phrase) keep(st style, s string) *phrase {
	if s != "" {
		p.grow()
		p.group++
		p.spans = append(p.spans, span{s, st, p.group})
	}
	return p
}

// grow makes room for what most phrases hold, at the first span.
func (p *phrase) grow() {
	if p.spans == nil {
		p.spans = make([]span, 0, 8)
	}
}

// list adds texts with commas between them and before the first, unless the phrase ends in a gap.
func (p *phrase) list(texts ...string) *phrase {
	for _, t := range texts {
		if t == "" {
			continue
		}
		if n := len(p.spans); n > 0 && !strings.HasSuffix(p.spans[n-1].text, " ") {
			p.add(plain, ", ")
		}
		p.add(plain, t)
	}
	return p
}

func (p *phrase) empty() bool { return len(p.spans) == 0 }

// piece is an unbroken run of characters, with the number of spaces before it.
type piece struct {
	text  string
	width int
	style style
	group int
	gap   int
	glued bool // no line break before it, if that can be helped
	fresh bool // begins a line, since the signer's text did
}

// split takes a phrase apart at its spaces.
func (p *phrase) split(words []piece) []piece {
	words = words[:0]
	gap, fresh := 0, false
	for _, s := range p.spans {
		rest := clean(s.text)
		for rest != "" {
			switch rest[0] {
			case ' ':
				gap++
				rest = rest[1:]
				continue
			case '\n':
				fresh = true
				rest = rest[1:]
				continue
			}
			end := 0
			for end < len(rest) && rest[end] != ' ' && rest[end] != '\n' {
				end++
			}
			w := piece{text: rest[:end], style: s.style, group: s.group, gap: gap, fresh: fresh && len(words) > 0}
			w.width = textWidth(w.text)
			if len(words) > 0 && !w.fresh {
				w.glued = gap == 0 || gap == 1 && inseparable(words[len(words)-1].text, w.text)
			}
			words = append(words, w)
			rest = rest[end:]
			gap, fresh = 0, false
		}
	}
	return words
}

// inseparable tells words that mislead when a line ends between them: a figure and its unit, the parts of a telephone
// number, a mark and what it belongs to.
func inseparable(a, b string) bool {
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	switch {
	case strings.ContainsRune(":;!?»%/", first), strings.ContainsRune("«/:", last):
		return true
	case unicode.IsNumber(first) && slices.Contains(shortMonths[:], a):
		return true
	case unicode.IsNumber(last):
		return unicode.IsLetter(first) || unicode.IsNumber(first) || first == '°'
	}
	return a == "DOSE"
}

// screen lays phrases out in lines of at most width columns.
type screen struct {
	width  int
	colour bool
	out    []byte
	lines  int
	// lastCritical is the number of the last line, from 1, that belongs to an entry marked !!.
	lastCritical int
	// page is the number of lines of the first page, and cut the number of bytes of what stands there whole.
	page, cut int
	words     []piece // of the phrase at hand
	// rail, if not empty, begins every line that continues one.
	rail  string
	style style // in force
	gap   int   // spaces to come
}

// whole is called after what must not be parted.
func (s *screen) whole() {
	if s.lines <= s.page {
		s.cut = len(s.out)
	}
}

// indent is where the lines after the first begin: what a card says can never stand where a mark or a header does.
const indent = 6

// entry writes a mark and a phrase.
func (s *screen) entry(m mark, p *phrase) {
	if p.empty() {
		return
	}
	s.flow(string(m)+" ", m.style(), p, indent)
	if m == critical {
		s.lastCritical = s.lines
	}
}

func (s *screen) flow(first string, st style, p *phrase, hang int) {
	s.words = p.split(s.words)
	words := s.words
	s.paint(st, strings.TrimRight(first, " "))
	col := textWidth(first)
	pending := len(first) - len(strings.TrimRight(first, " "))
	start := true // nothing but the mark stands on this line yet
	full := s.width - hang
	wrap := func() {
		s.newline()
		s.paint(caution, s.rail)
		pending, col = hang-len(s.rail), hang
	}
	for i := 0; i < len(words); {
		// A chunk is what must stay together, and a group what had better.
		end, need := run(words, i, func(w piece) bool { return w.glued })
		if need > full {
			end, need = i+1, words[i].width
		}
		_, group := run(words, i, func(w piece) bool { return w.group != 0 && w.group == words[i].group || w.glued })
		begins := words[i].group != 0 && (i == 0 || words[i-1].group != words[i].group)
		room := s.width - col - words[i].gap
		if !start && (words[i].fresh || need > room || begins && group > room && group <= full) {
			wrap()
			start = true
		}
		for ; i < end; i++ {
			if !start {
				pending += words[i].gap
				col += words[i].gap
			}
			start = false
			for rest := words[i].text; rest != ""; {
				n, columns := fit(rest, s.width-col)
				if n == 0 {
					wrap()
					continue
				}
				s.spaces(pending)
				pending = 0
				s.paint(words[i].style, rest[:n])
				col += columns
				rest = rest[n:]
			}
		}
	}
	s.newline()
}

// run finds where the words that belong with the one at i end, and how wide they are together.
func run(words []piece, i int, belongs func(piece) bool) (end, columns int) {
	columns = words[i].width
	for end = i + 1; end < len(words) && !words[end].fresh && belongs(words[end]); end++ {
		columns += words[end].gap + words[end].width
	}
	return end, columns
}

// fit is how many bytes of s, in whole characters, fit into columns; accents stay with their letter.
func fit(s string, columns int) (n, used int) {
	for i, r := range s {
		w := runeWidth(r)
		if used+w > columns {
			return i, used
		}
		used += w
	}
	return len(s), used
}

// spaces come before the next text, and within its colour where the text before them has the same.
func (s *screen) spaces(n int) { s.gap += n }

func (s *screen) paint(st style, text string) {
	if text == "" {
		return
	}
	change := s.colour && st != s.style
	if change && s.style != plain {
		s.out = append(s.out, sgrReset...)
	}
	for ; s.gap > 0; s.gap-- {
		s.out = append(s.out, ' ')
	}
	if change {
		if st != plain {
			s.out = append(s.out, sgr[st]...)
		}
		s.style = st
	}
	s.out = append(s.out, text...)
}

func (s *screen) newline() {
	if s.style != plain {
		s.out = append(s.out, sgrReset...)
		s.style = plain
	}
	s.gap = 0
	s.out = append(s.out, '\n')
	s.lines++
}

// header writes the title of a section, with what is to be known of the whole section at the right.
func (s *screen) header(title, info string, st style) {
	title, info = clean(title), strings.TrimRight(clean(info), " ")
	line := "== " + title + " "
	if fill := s.width - textWidth(line) - textWidth(info) - 1; info != "" && fill >= 2 && !strings.Contains(info, "\n") {
		s.paint(st, line+strings.Repeat("=", fill))
		s.paint(plain, " "+info)
		s.newline()
		return
	}
	if fill := s.width - textWidth(line); fill >= 0 {
		s.paint(st, strings.TrimRight(line+strings.Repeat("=", fill), " "))
		s.newline()
	} else {
		s.flow("== ", st, new(phrase).add(st, title), indent)
	}
	if info != "" {
		s.flow("   ", plain, new(phrase).add(plain, info), indent)
	}
}
