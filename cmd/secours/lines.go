package main

import (
	"fmt"
	"strings"
)

// lines prints "name  value" pairs in two columns, for a person.
type lines struct {
	a    *app
	rows [][2]string
}

func (a *app) lines() *lines { return &lines{a: a} }

func (p *lines) add(name, value string) { p.rows = append(p.rows, [2]string{name, value}) }

func (p *lines) print() error {
	widest := 0
	for _, r := range p.rows {
		widest = max(widest, textWidth(r[0]))
	}
	for _, r := range p.rows {
		gap := strings.Repeat(" ", widest-textWidth(r[0])+2)
		// Nothing here spans lines: a newline in a name must not start a line that looks like one of ours.
		value := strings.ReplaceAll(clean(r[1]), "\n", " ")
		if _, err := fmt.Fprintf(p.a.out, "%s%s%s\n", clean(r[0]), gap, value); err != nil {
			return err
		}
	}
	return nil
}
