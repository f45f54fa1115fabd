package main

import (
	"bytes"
	"os"
	"strings"

	"golang.org/x/term"
)

// A screen longer than the terminal leaves its end in view, and the first lines, which hold what can kill, scrolled away. Waiting for
// a key would stop every program that drives this one through a terminal. So the first page is printed again below the whole
// screen: what stays in view is the beginning.

// repeatTop returns what follows a screen on a terminal of so many rows, 0 for no terminal: nothing where the screen fits.
func repeatTop(text []byte, rows, width int, l lang) []byte {
	// The line that announces it, and the prompt of the shell below.
	lines := min(rows-2, page)
	if rows == 0 || bytes.Count(text, []byte("\n")) < rows || lines < 1 {
		return nil
	}
	end := 0
	for range lines {
		end += bytes.IndexByte(text[end:], '\n') + 1
	}
	title := l.s("-- LE DÉBUT À NOUVEAU, la suite est au-dessus ", "-- THE BEGINNING AGAIN, the rest is above ")
	rule := title + strings.Repeat("-", max(0, width-textWidth(title))) + "\n"
	return append([]byte(rule), text[:end]...)
}

// terminalSize returns the columns and rows of a terminal, zeros for anything else.
func terminalSize(f *os.File) (columns, rows int) {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}
