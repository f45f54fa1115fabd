package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestRepeatTop(t *testing.T) {
	var text strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "ligne %d\n", i+1)
	}
	for _, c := range []struct {
		name              string
		rows, first, last int // of the lines repeated; 0: none
	}{
		{"no terminal", 0, 0, 0},
		{"fits", 61, 0, 0},
		{"one too many", 60, 1, 22},
		{"the usual terminal", 24, 1, 22},
		{"small", 10, 1, 8},
		{"too small", 2, 0, 0},
	} {
		got := string(repeatTop([]byte(text.String()), c.rows, 80, fr))
		if c.last == 0 {
			if got != "" {
				t.Errorf("%s: got %q", c.name, got)
			}
			continue
		}
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		if len(lines) != 1+c.last || textWidth(lines[0]) != 80 || lines[1] != "ligne 1" || lines[len(lines)-1] != fmt.Sprintf("ligne %d", c.last) {
			t.Errorf("%s: got %q", c.name, got)
		}
		// Nothing of it scrolls away above the shell's prompt.
		if len(lines)+1 > c.rows {
			t.Errorf("%s: %d lines and a prompt on %d rows", c.name, len(lines), c.rows)
		}
	}
}
