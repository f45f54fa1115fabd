package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary"
)

// Ids are not things: what has the same number in another file may be something else.
func TestSameThing(t *testing.T) {
	s := sections(t, `"allergies":{"status":"items","items":[
		{"id":"b1","agent":{"text":"Amoxicilline","codes":[{"system":"atc","code":"J01CA04"}]}},
		{"id":"b2","agent":{"text":"amoxicilline (Clamoxyl)"}}, {"id":"b3","agent":{"text":"pollen"}}, {"id":"b4","agent":{"text":"antibiotique","codes":[{"system":"atc","code":"J01CA04"}]}}]},
		"alerts":{"status":"items","items":[{"kind":"epilepsy","text":"x"},{"kind":"epilepsy","text":"y"},{"kind":"other","text":"x"},{"kind":"other","text":"y"}]}`)
	a, p := s.Sections.Allergies.Items, s.Sections.Alerts.Items
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{&a[0], &a[0], true},
		{&a[0], &a[1], false},
		{&a[0], &a[2], false},
		{&a[0], &a[3], true},
		{&p[0], &p[1], true},
		{&p[2], &p[3], false},
		{&p[0], &p[2], false},
		{&a[0], &p[0], false},
	} {
		if got := sameThing(c.a, c.b); got != c.want {
			t.Errorf("%+v and %+v: %v", c.a, c.b, got)
		}
	}
}

func TestRemoved(t *testing.T) {
	before := sections(t, `"allergies":{"status":"items","items":[{"id":"b1","agent":{"text":"amoxicilline"}},{"id":"b2","agent":{"text":"latex"}},
		{"id":"b3","agent":{"text":"kiwi"},"unreviewed":true}]}, "visits":{"status":"items","items":[{"id":"g1","date":"2026","reason":{"text":"x"}}]},
		"directives":{"status":"items","items":[{"id":"h1","kind":"refusal","subject":"transfusion"},{"id":"h2","kind":"organ-donation"}]}`)
	after := sections(t, `"allergies":{"status":"items","items":[{"id":"b1","agent":{"text":"latex"}}]}`)
	got := removed(before, after, nil, oneOf(nil))
	if want := []removedItem{{"b1", "allergies", true}, {"g1", "visits", false}, {"h1", "directives", true}, {"h2", "directives", false}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	a := newApp()
	for allowed, ok := range map[string]bool{"": false, "g1": false, "b1": false, "h1": false, "b1 h1": true} {
		if err := a.checkRemoved(got, strings.Fields(allowed)); (err == nil) != ok {
			t.Errorf("an allergy or a refusal goes without a word, or a visit does not go: %q: %v", allowed, err)
		}
	}
	// All that has to be named is named at once.
	if err := a.checkRemoved(got, nil); err == nil || !strings.Contains(a.explain(err).hint, "--remove b1,h1") {
		t.Errorf("%v", err)
	}
}

// What is masked and stands elsewhere all the same is not hidden.
func TestEchoes(t *testing.T) {
	s := sections(t, `"history":{"status":"items","items":[{"condition":{"text":"Polyarthrite"},"level":"masked"}]},
		"medications":{"status":"items","items":[{"product":{"text":"x"}},{"product":{"text":"méthotrexate"},"reason":{"text":"polyarthrite rhumatoïde"}}]}`)
	if got := echoes(s); !slices.Equal(got, []string{"sections.medications.items[1]"}) {
		t.Errorf("%v", got)
	}
	s.Sections.History.Items[0].Level = summary.LevelClinical
	if got := echoes(s); got != nil {
		t.Errorf("%v", got)
	}
}

// Two allergies that share the code of their kind are two.
func TestSameKindIsNotTheSame(t *testing.T) {
	kind := []summary.Code{{System: summary.CodeSNOMED, Code: "416098002"}}
	a, b := &summary.Allergy{Agent: summary.Concept{Text: "pénicilline", Codes: kind}}, &summary.Allergy{Agent: summary.Concept{Text: "iode", Codes: kind}}
	if sameThing(a, b) {
		t.Error("an allergy to penicillin passes for one to iodine")
	}
	x, y := &summary.Alert{Kind: summary.AlertImplant, Text: "stimulateur cardiaque"}, &summary.Alert{Kind: summary.AlertImplant, Text: "implant dentaire"}
	if sameThing(x, y) || !sameThing(x, x) {
		t.Error("a dental implant passes for a pacemaker")
	}
}
