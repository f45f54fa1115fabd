package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secours-card/secours/summary"
)

// Those about allergies come first, the details are counted, and a document of a thousand losses does not flood a screen.
func TestTellLosses(t *testing.T) {
	losses := []summary.Loss{
		{Kind: summary.LossDropped, Reason: summary.ReasonNoPlace, Source: "CarePlan/p", Text: "repos"},
		{Kind: summary.LossChanged, Reason: summary.ReasonTimeOfDay, Minor: true, Source: "Condition/c"},
		{Kind: summary.LossChanged, Reason: summary.ReasonTimeOfDay, Minor: true, Source: "Condition/d"},
		{Kind: summary.LossAmbiguous, Reason: summary.ReasonNoText, Source: "AllergyIntolerance/a", Element: "code", Path: "sections.allergies.items[0]", Text: "x\x1b[2Jy"},
		{Kind: summary.LossShortened, Reason: summary.ReasonTooLong, Path: "sections.visits.items[0].note"},
	}
	tell := func(l lang, losses []summary.Loss) []string {
		var talk bytes.Buffer
		a := newApp()
		a.lang, a.err = l, &talk
		a.tellLosses(losses)
		return strings.Split(strings.TrimSuffix(talk.String(), "\n"), "\n")
	}
	for l, want := range map[lang][]string{
		en: {
			"secours: TO BE CHECKED: AllergyIntolerance/a code “x�[2Jy” (no text: a code, or what stood beside it, takes its place)",
			"secours: NOT TAKEN OVER: CarePlan/p “repos” (nothing corresponds to it)",
			"secours: SHORTENED: sections.visits.items[0].note (text too long)",
			"secours: details, which --json lists: the hour is not taken over, the day is (2)",
		},
		fr: {
			"secours: À VÉRIFIER : AllergyIntolerance/a code « x�[2Jy » (sans texte : un code, ou ce qui se trouvait à côté, en tient lieu)",
			"secours: NON REPRIS : CarePlan/p « repos » (rien ne lui correspond)",
			"secours: RACCOURCI : sections.visits.items[0].note (texte trop long)",
			"secours: détails, que --json énumère : l'heure n'est pas reprise, le jour l'est (2)",
		},
	} {
		if diff := cmp.Diff(want, tell(l, losses)); diff != "" {
			t.Error(diff)
		}
	}
	var many []summary.Loss
	for i := range 1000 {
		many = append(many, summary.Loss{Kind: summary.LossDropped, Reason: summary.ReasonNoPlace, Source: fmt.Sprint("Observation/", i)})
	}
	many = append(many, summary.Loss{Kind: summary.LossAmbiguous, Reason: summary.ReasonNotFound, Source: "AllergyIntolerance/last"})
	lines := tell(en, many)
	if len(lines) != maxLosses+1 || !strings.Contains(lines[0], "AllergyIntolerance/last") || !strings.Contains(lines[maxLosses], "801 more lines") {
		t.Errorf("%d lines, from %q to %q", len(lines), lines[0], lines[len(lines)-1])
	}
}

func TestIsFHIR(t *testing.T) {
	for text, want := range map[string]bool{
		`{"resourceType": "Bundle"}`: true,
		` {"id": [[{"resourceType": 1}]], "meta": {}, "resourceType": "Patient"}`:                      true,
		`{"schema": "secours.summary/1", "resourceType": "Bundle"}`:                                    false,
		`{"patient": {"resourceType": "Patient"}, "sections": {}}`:                                     false,
		`[{"resourceType": "Bundle"}]`:                                                                 false,
		`{"a": ` + strings.Repeat("[", 5000):                                                           false,
		`{"a": ` + strings.Repeat("[", 900) + strings.Repeat("]", 900) + `, "resourceType": "Bundle"}`: true,
		`{`:        false,
		``:         false,
		`resource`: false,
	} {
		if got := isFHIR([]byte(text)); got != want {
			t.Errorf("isFHIR(%.60s) = %v", text, got)
		}
	}
}
