package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// headAgain returns what a terminal of so many rows shows again below a screen, "" for nothing.
func headAgain(t *testing.T, v *view, o renderOptions) (head string, lines int) {
	t.Helper()
	once := o
	once.Rows = 0
	screen := read(t, v, once)
	again, found := strings.CutPrefix(read(t, v, o), screen)
	if !found {
		t.Fatal("the screen itself changes with the rows of the terminal")
	}
	return again, strings.Count(screen, "\n")
}

var leftOut = regexp.MustCompile(`(?m)^!! (?:ET|AND) (\d+) (?:AUTRES?|MORE), (?:PLUS HAUT|ABOVE)$`)

// Whatever the terminal, what is critical is in view at the end or counted there, no entry is cut, and nothing of it scrolls away.
func TestRepeatedHead(t *testing.T) {
	heads := 0
	for _, l := range []lang{fr, en} {
		for _, level := range []string{verdictValid, verdictInvalid} {
			for _, width := range []int{40, 46, 80, 120} {
				for rows := range 34 {
					v := exampleView(t)
					v.Verdict = verdict{level, "signature", ""}
					o := renderOptions{Lang: l, Width: width, Rows: rows}
					if !v.Verdict.good() {
						o.Talk = 3
					}
					head, screen := headAgain(t, v, o)
					name := fmt.Sprintf("%v %s %dx%d", l, level, width, rows)
					if rows == 0 || screen+o.Talk < rows {
						if head != "" {
							t.Errorf("%s: repeated though nothing scrolls away:\n%s", name, head)
						}
						continue
					}
					if head == "" {
						if rows >= 18 {
							t.Errorf("%s: nothing is repeated", name)
						}
						continue
					}
					heads++
					_, head, _ = strings.Cut(head, "\n")
					if got := 1 + strings.Count(head, "\n") + o.Talk + 1; got > rows {
						t.Errorf("%s: %d lines for %d rows:\n%s", name, got, rows, head)
					}
					if !v.Verdict.good() && !strings.HasPrefix(head, "## ") {
						t.Errorf("%s: the verdict is not in view:\n%s", name, head)
					}
					shown := strings.Count(head, "\n!! ")
					if m := leftOut.FindStringSubmatch(head); m != nil {
						n, _ := strconv.Atoi(m[1])
						shown += n - 1
					} else if strings.Contains(head, "TOUS PLUS HAUT") || strings.Contains(head, "ALL OF THEM ABOVE") {
						shown = 7
					}
					if shown != 7 {
						t.Errorf("%s: %d critical entries shown or counted, want 7:\n%s", name, shown, head)
					}
					if drug := strings.Count(flat(head), "méthotrexate 2,5 mg"); drug != strings.Count(flat(head), l.s("1 FOIS PAR SEMAINE", "ONCE A WEEK")) {
						t.Errorf("%s: the drug without its weekly dose:\n%s", name, head)
					}
					if strings.Contains(head, l.s("plus bas", "below")) {
						t.Errorf("%s: points down, to where nothing is:\n%s", name, head)
					}
				}
			}
		}
	}
	if heads < 180 {
		t.Errorf("only %d heads looked at", heads)
	}
}

// A head that was laid out for few rows, as somebody sees it.
func TestRepeatedHeadGolden(t *testing.T) {
	for name, o := range map[string]renderOptions{
		"head-fr-80x24":         {Lang: fr, Rows: 24},
		"head-fr-80x20":         {Lang: fr, Rows: 20},
		"head-fr-40x20":         {Lang: fr, Width: 40, Rows: 20},
		"head-en-40x16":         {Lang: en, Width: 40, Rows: 16},
		"head-invalid-fr-80x24": {Lang: fr, Rows: 24, Talk: 3},
		"head-invalid-fr-40x20": {Lang: fr, Width: 40, Rows: 20, Talk: 5},
	} {
		t.Run(name, func(t *testing.T) {
			v := exampleView(t)
			if o.Talk > 0 {
				v.Verdict = verdict{verdictInvalid, "revoked", ""}
			}
			head, _ := headAgain(t, v, o)
			goldenText(t, name, head)
		})
	}
}

// The kind of a critical entry does not change with the room there is.
func TestSameLeadInShort(t *testing.T) {
	v := exampleView(t)
	for _, o := range []renderOptions{{Lang: fr}, {Lang: fr, Width: 40}, {Lang: fr, Width: 40, Rows: 20}, {Lang: fr, Width: 80, Rows: 20}} {
		text := read(t, v, o)
		if o.Rows > 0 {
			text, _ = headAgain(t, v, o)
		}
		if got := strings.Count(text, "!! MÉDICAMENT À HAUT RISQUE"); got != 2 {
			t.Errorf("%dx%d: %d of 2 drugs are said to be of high risk:\n%s", o.Width, o.Rows, got, text)
		}
	}
}

// A short line says of a dose what may keep it from being taken for a daily one.
func TestShortDose(t *testing.T) {
	for dosage, want := range map[string]string{
		`{"unit":"cp","evening":"4","period":"week","weekdays":["mon"]}`: "!! MÉDICAMENT À HAUT RISQUE  produit, 1 FOIS PAR SEMAINE\n",
		`{"unit":"cp","evening":"4"}`:                                    "!! MÉDICAMENT À HAUT RISQUE  produit (RYTHME NON INDIQUÉ)\n",
		`{"text":"4 cp le lundi"}`:                                       "!! MÉDICAMENT À HAUT RISQUE  produit, « 4 cp le lundi »\n",
		`{"text":"1 cp","period":"day"}`:                                 "!! MÉDICAMENT À HAUT RISQUE  produit\n",
	} {
		drug := `{"product":{"text":"produit"},"status":"active","highRisk":true,"dosage":` + dosage + `}`
		s := sections(t, `"medications":{"status":"items","items":[`+strings.TrimSuffix(strings.Repeat(drug+",", 25), ",")+`]}`)
		if text := read(t, valid(s), renderOptions{Lang: fr}); strings.Count(text, want) != 25 {
			t.Errorf("%s: want %q 25 times in\n%s", dosage, want, text)
		}
	}
}
