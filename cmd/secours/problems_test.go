package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary"
)

func TestProblems(t *testing.T) {
	_, err := summary.Parse([]byte(`{"schema":"secours.summary/1","patient":{"family":"X","given":["Y"],"birthDate":"2026-02-30","sex":"either"},
	 "sections":{"allergies":{"items":[]},"visits":{"status":"items","items":[]}}}`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, l := range []lang{fr, en} {
		got := map[string]string{}
		for _, p := range (&app{lang: l}).problems(err) {
			got[p.Path] = p.Message
		}
		want := map[string]string{
			"patient.birthDate":         l.s("cette date n'existe pas : le mois n'a pas ce jour", "no such date: the month has no such day"),
			"patient.sex":               l.s("valeur inconnue : il faut female, male, other ou unknown", "unknown value: want female, male, other or unknown"),
			"sections.allergies.status": l.s("absent : dites items, none-known, not-asked ou unavailable", "missing: say items, none-known, not-asked or unavailable"),
			"sections.visits.items":     l.s("absent : le statut est items, il en faut donc au moins un", "missing: the status is items, so there must be one"),
		}
		for path, message := range want {
			if got[path] != message {
				t.Errorf("%s: %q, want %q", path, got[path], message)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d problems, want %d: %v", len(got), len(want), got)
		}
	}
	_, err = summary.Parse([]byte("{\n 7"))
	if got := (&app{lang: fr}).problems(err); len(got) != 1 || !strings.Contains(got[0].Message, "JSON mal formé, ligne 2") {
		t.Errorf("%v", got)
	}
}

// Nothing that is wrong with the JSON itself is said in English to who reads French.
func TestSyntaxInFrench(t *testing.T) {
	source, err := os.ReadFile("../../summary/scan.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`s\.fail\("([^"]*)"\)`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 12 {
		t.Errorf("only %d messages found", len(found))
	}
	english := regexp.MustCompile(`\b(want|the|of|in|a|an|without|unknown|text|name|value|end)\b`)
	for _, m := range found {
		if got := inFrench(m[1]); english.MatchString(got) {
			t.Errorf("%q is %q in French", m[1], got)
		}
	}
}

// What is carried without being understood is said, and what has no effect yet.
func TestWarnings(t *testing.T) {
	s, err := summary.Parse([]byte(`{"schema":"secours.summary/1","patient":{"family":"X","given":["Y"],"birthDate":"1980","sex":"other"},
	 "sections":{"alergies":{"status":"none-known"},"allergies":{"status":"items","items":[{"agent":{"text":"latex"},"critcality":"high","level":"masked"}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	a := &app{lang: en}
	var paths []string
	for _, w := range a.warnings(s, true) {
		paths = append(paths, w.Path)
	}
	want := "sections.alergies sections.allergies.items[0].critcality sections.allergies.items[0].level"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("warned of %q, want %q", got, want)
	}
	if a.checkMasking(s, false) == nil || a.checkMasking(s, true) != nil {
		t.Error("masking an allergy takes a flag, and that is all it takes")
	}
}
