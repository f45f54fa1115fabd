package main

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// A screen longer than the terminal leaves its end in view, and the first lines, which hold what can kill, scrolled away. Waiting for
// a key would stop every program that drives this one through a terminal. So the head is printed again below the whole screen, in as
// many lines as stay in view: laid out anew for them, since a list that ends where the terminal does reads as a whole one.

// repeat returns what follows a screen of so many lines: nothing where all of it stays in view.
func (r *renderer) repeat(o renderOptions, lines int) []byte {
	if o.Rows == 0 || lines+o.Talk < o.Rows {
		return nil
	}
	// The line that announces it, what comes after it, and the prompt of the shell.
	r.page, r.again = min(o.Rows-o.Talk-2, page), true
	s := r.fit(o)
	if s.cut == 0 || s.lastCritical > r.page {
		return nil
	}
	title := r.l.s("-- LE DÉBUT À NOUVEAU, la suite est au-dessus ", "-- THE BEGINNING AGAIN, the rest is above ")
	if textWidth(title) > s.width {
		title = r.l.s("-- LE DÉBUT À NOUVEAU ", "-- THE BEGINNING AGAIN ")
	}
	rule := strings.TrimRight(title+strings.Repeat("-", s.width-textWidth(title)), " ") + "\n"
	return append([]byte(rule), s.out[:s.cut]...)
}

// terminalSize returns the columns and rows of a terminal, zeros for anything else.
func terminalSize(f *os.File) (columns, rows int) {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}
