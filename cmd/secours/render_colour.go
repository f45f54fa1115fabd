package main

import (
	"os"

	"golang.org/x/term"
)

// colourWanted tells whether f is a terminal that takes colour. A NO_COLOR that is not empty (no-color.org) and TERM=dumb
// say no.
func colourWanted(f *os.File, getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
