package main

import (
	"slices"
	"testing"

	"github.com/secours-card/secours/summary"
)

func TestDifferentTraits(t *testing.T) {
	born := summary.Date{Year: 1948, Month: 12, Day: 3}
	person := func(change func(*summary.Patient)) *summary.Patient {
		p := &summary.Patient{
			IDs:    []summary.Identifier{{System: "urn:practice", Value: "77"}, {System: summary.SystemINSNIR, Value: "1"}},
			Family: "DURAND", Given: []string{"Jeanne", "Marie"}, BirthDate: born, Sex: summary.SexFemale,
		}
		change(p)
		return p
	}
	ids := func(list ...summary.Identifier) func(*summary.Patient) {
		return func(p *summary.Patient) { p.IDs = list }
	}
	for _, test := range []struct {
		name   string
		change func(*summary.Patient)
		want   []string
	}{
		{"the same", func(*summary.Patient) {}, nil},
		{"married", func(p *summary.Patient) { p.Family = "MARTIN" }, nil},
		{"lower case", func(p *summary.Patient) { p.IDs, p.Family = nil, "Durand" }, nil},
		{"second given name", func(p *summary.Patient) { p.IDs, p.Given = nil, []string{"Jeanne"} }, nil},
		{"another practice", ids(summary.Identifier{System: "urn:other", Value: "77"}), nil},
		{"same number in the practice, another INS", ids(summary.Identifier{System: "urn:practice", Value: "77"}, summary.Identifier{System: summary.SystemINSNIR, Value: "2"}), []string{"patient.ids"}},
		{"same INS, another number in the practice", ids(summary.Identifier{System: "urn:practice", Value: "78"}, summary.Identifier{System: summary.SystemINSNIR, Value: "1"}), []string{"patient.ids"}},
		{"same number in the practice, another name", func(p *summary.Patient) { p.IDs, p.Family = p.IDs[:1], "MARTIN" }, []string{"patient.family"}},
		{"a child under a parent's INS", func(p *summary.Patient) { p.BirthDate.Year = 2020; p.Given = []string{"Léa"} }, []string{"patient.birthDate"}},
		{"all", func(p *summary.Patient) {
			*p = summary.Patient{Family: "X", Given: []string{"Y"}, BirthDate: summary.Date{Year: 1990}, Sex: summary.SexMale}
		}, []string{"patient.family", "patient.given", "patient.birthDate", "patient.sex"}},
	} {
		if got := differentTraits(person(func(*summary.Patient) {}), person(test.change)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
