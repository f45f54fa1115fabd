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
		line := strings.TrimRight(clean(r[0])+gap+oneLine(r[1]), " ")
		if _, err := fmt.Fprintln(p.a.out, line); err != nil {
			return err
		}
	}
	return nil
}

// oneLine cleans what somebody else wrote, and keeps it from starting a line that looks like one of ours.
func oneLine(s string) string { return strings.ReplaceAll(clean(s), "\n", " ") }
