package summary

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFit(t *testing.T) {
	long := strings.Repeat("mot ", 60)
	s := parse(t, sample)
	s.Patient.Family = "DU\u202eRAND\x07"
	s.Patient.Given = []string{" ", "Jeanne\nMarie", ""}
	s.Patient.UsedFamily = "\t"
	s.Sections.Allergies.Items[0].Agent.Text = long
	s.Sections.Allergies.Items[0].Note = "une\r\ndeux\u2028trois \ufffd \xff"
	s.Sections.Allergies.Items[0].Reactions = make([]Concept, 12)
	for i := range 12 {
		s.Sections.Allergies.Items[0].Reactions[i].Text = fmt.Sprint("r", i)
	}
	s.Sections.Allergies.Items[0].Reactions[3].Text = ""
	var got []string
	s.Fit(func(l Loss) {
		got = append(got, fmt.Sprintf("%s %s %v %s %.12s", l.Kind, l.Reason, l.Minor, l.Path, l.Text))
	})
	slices.Sort(got)
	want := []string{
		"changed character false patient.family DU RAND",
		"changed character false sections.allergies.items[0].note une deux tro",
		"changed character true patient.given[1] Jeanne Marie",
		"dropped too-many false sections.allergies.items[0].reactions[10] r10",
		"dropped too-many false sections.allergies.items[0].reactions[11] r11",
		"shortened too-long false sections.allergies.items[0].agent.text mot mot mot ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	a := s.Sections.Allergies.Items[0]
	if n := len([]rune(a.Agent.Text)); n > 200 || n < 180 || !strings.HasSuffix(a.Agent.Text, "mot […]") {
		t.Errorf("agent of %d characters: %q", n, a.Agent.Text)
	}
	if a.Note != "une\ndeux\ntrois ? ?" || len(a.Reactions) != 9 || s.Patient.Family != "DURAND" || s.Patient.UsedFamily != "" {
		t.Errorf("%q, %d reactions, %q", a.Note, len(a.Reactions), s.Patient.Family)
	}
	if diff := cmp.Diff([]string{"Jeanne Marie"}, s.Patient.Given); diff != "" {
		t.Error(diff)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

// TestFitChangesNothing: a summary in form stays what it was.
func TestFitChangesNothing(t *testing.T) {
	s := parse(t, sample)
	was, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	s.Fit(func(l Loss) { t.Errorf("%+v", l) })
	is, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(was), string(is)); diff != "" {
		t.Error(diff)
	}
}
