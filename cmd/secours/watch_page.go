package main

import (
	"unicode/utf8"
)

// pager is what is in view of a text that may be longer than the screen. It holds places in the text, never a copy of it.
type pager struct {
	rows   []row
	lines  int // of the text
	height int // rows in view
	top    int // the first of them
}

// row is a line of the text, or a part of one that is wider than the screen.
type row struct {
	from, to int
	line     int // from 0
}

// lay breaks text into rows of at most width columns, at spaces where there are any. Nothing else is left out.
func (p *pager) lay(text []byte, width, height int) {
	width, height = max(width, 2), max(height, 1)
	p.rows, p.lines, p.height = p.rows[:0], 0, height
	for at := 0; at < len(text); {
		from, columns, space := at, 0, -1
		for at < len(text) && text[at] != '\n' {
			if n := sgrLength(text[at:]); n > 0 {
				at += n
				continue
			}
			r, size := utf8.DecodeRune(text[at:])
			wide := runeWidth(r)
			switch {
			case columns+wide <= width:
				if r == ' ' {
					space = at
				}
				columns += wide
				at += size
				continue
			case r == ' ':
				space = at
				fallthrough
			case space > from:
				p.rows = append(p.rows, row{from, space, p.lines})
				at = space + 1
			default:
				p.rows = append(p.rows, row{from, at, p.lines})
			}
			from, columns, space = at, 0, -1
		}
		p.rows = append(p.rows, row{from, at, p.lines})
		p.lines++
		at++
	}
	p.top = min(p.top, p.last())
}

// sgrLength is the length of the colour code that b begins with, 0 for none. The screen holds no other control sequences.
func sgrLength(b []byte) int {
	if len(b) < 3 || b[0] != 0x1b || b[1] != '[' {
		return 0
	}
	for i := 2; i < len(b); i++ {
		switch c := b[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

// last is the top of the last page.
func (p *pager) last() int { return max(0, len(p.rows)-p.height) }

// view are the rows on the screen.
func (p *pager) view() []row { return p.rows[p.top:min(len(p.rows), p.top+p.height)] }

// span are the lines on the screen, from 1; whether there is more above and below.
func (p *pager) span() (first, last int, above, below bool) {
	v := p.view()
	if len(v) == 0 {
		return 0, 0, false, false
	}
	return v[0].line + 1, v[len(v)-1].line + 1, p.top > 0, p.top+len(v) < len(p.rows)
}

// move does what a key says, and tells whether it was one that moves.
func (p *pager) move(k key) bool {
	// A row stays in view, so that the eye finds its place.
	step := max(1, p.height-1)
	top := p.top
	switch k {
	case keyUp:
		top--
	case keyDown:
		top++
	case keyPageUp:
		top -= step
	case keyPageDown:
		top += step
	case keyHome:
		top = 0
	case keyEnd:
		top = p.last()
	default:
		return false
	}
	p.top = min(max(top, 0), p.last())
	return true
}

// key is one that means something.
type key int

const (
	keyNone key = iota
	keyUp
	keyDown
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
	keyTab
	keyAgain
	keyRedraw
	keyQuit
	keyInterrupt
	keySuspend
)

var plainKeys = map[byte]key{
	0x03: keyInterrupt, 0x04: keyQuit, 0x1a: keySuspend, 0x0c: keyRedraw, '\t': keyTab, ' ': keyPageDown, '\r': keyDown, 'q': keyQuit, 'Q': keyQuit, 'r': keyAgain, 'R': keyAgain,
}

// sequenceKeys are what follows ESC [ or ESC O (ECMA-48, xterm, VT220, and what the Linux console and rxvt send).
var sequenceKeys = map[string]key{
	"A": keyUp, "B": keyDown, "H": keyHome, "F": keyEnd, "5~": keyPageUp, "6~": keyPageDown,
	"1~": keyHome, "4~": keyEnd, "7~": keyHome, "8~": keyEnd, "Z": keyTab,
}

// parseKeys returns the keys that a terminal sent. A sequence that goes on after b is left as the rest, unless it is longer than any.
func parseKeys(b []byte) (keys []key, rest []byte) {
	for len(b) > 0 {
		if b[0] != 0x1b {
			if k := plainKeys[b[0]]; k != keyNone {
				keys = append(keys, k)
			}
			b = b[1:]
			continue
		}
		if len(b) == 1 {
			return keys, b
		}
		if b[1] != '[' && b[1] != 'O' {
			b = b[1:] // the escape key, or Alt and another
			continue
		}
		n := 2
		for n < len(b) && (b[n] < 0x40 || b[n] > 0x7e) {
			n++
		}
		switch {
		case n == len(b) && n < 16:
			return keys, b
		case n == len(b):
			return keys, nil
		}
		if k := sequenceKeys[string(b[2:n+1])]; k != keyNone {
			keys = append(keys, k)
		}
		b = b[n+1:]
	}
	return keys, nil
}
