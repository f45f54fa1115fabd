package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
)

func (a *app) checkPatientOption(s *summary.Summary, option string) error {
	if option == "" {
		return nil
	}
	if system, value, ok := strings.Cut(option, ":"); !ok || system == "" || value == "" {
		return &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"--patient : SYSTÈME:VALEUR, par exemple ins-nir:…",
			"--patient: SYSTEM:VALUE, for example ins-nir:…",
		)}
	}
	for _, id := range s.Patient.IDs {
		if option == string(id.System)+":"+id.Value {
			return nil
		}
	}
	return &failure{
		code: exitWrongPatient, name: "wrong-patient", path: "patient.ids",
		message: a.lang.s(
			"la synthèse n'est pas celle du patient de --patient ; rien n'a été écrit",
			"the summary is not that of the patient of --patient; nothing was written",
		),
	}
}

// samePatient compares who the card is about with who the summary is about. Names of traits are told, never their values.
func (a *app) samePatient(previous *record.Record, s *summary.Summary, allowed bool) error {
	if previous == nil || previous.Summary == nil || previous.Clearance == 0 || allowed {
		return nil
	}
	differ := differentTraits(&previous.Summary.Patient, &s.Patient)
	if len(differ) == 0 {
		return nil
	}
	return &failure{
		code: exitWrongPatient, name: "wrong-patient", path: differ[0],
		message: fmt.Sprintf(a.lang.s(
			"la carte est celle d'un autre patient (traits différents : %s) ; rien n'a été écrit",
			"the card is another patient's (traits that differ: %s); nothing was written",
		), strings.Join(differ, ", ")),
		hint: a.lang.s(
			"vérifiez la carte ; si l'identité a été corrigée, --new-patient écrit quand même",
			"check the card; if the person's identity was corrected, --new-patient writes all the same",
		),
	}
}

// lostIdentifiers are the national identifiers of the card that the summary has no more: a document of other software may not have them.
func (a *app) lostIdentifiers(previous *record.Record, s *summary.Summary) (list []problem) {
	if previous.Summary == nil || previous.Clearance == 0 {
		return nil
	}
	for _, was := range previous.Summary.Patient.IDs {
		if (was.System == summary.SystemINSNIR || was.System == summary.SystemINSNIA) &&
			!slices.ContainsFunc(s.Patient.IDs, func(is summary.Identifier) bool { return is.System == was.System }) {
			list = append(list, problem{"patient.ids", fmt.Sprintf(a.lang.s(
				"la carte portait un identifiant %s que cette synthèse n'a pas",
				"the card held an identifier %s that this summary does not have",
			), was.System)})
		}
	}
	return list
}

// differentTraits returns the paths of the traits in which two patients differ, none if they can be one person. Names change by
// marriage or correction: they may differ where a national identifier is the same. A practice's own numbers prove nothing,
// since every practice counts from 1; but two different ones in one system are two persons.
func differentTraits(x, y *summary.Patient) []string {
	var differ []string
	national, known := false, false
	for _, a := range x.IDs {
		for _, b := range y.IDs {
			if a.System != b.System {
				continue
			}
			known = known || a.Value == b.Value
			if a.Value != b.Value {
				differ = append(differ, "patient.ids")
			} else if a.System == summary.SystemINSNIR || a.System == summary.SystemINSNIA {
				national = true
			}
		}
	}
	differ = slices.Compact(differ)
	unnamed := slices.Contains(x.Given, "-") || slices.Contains(y.Given, "-")
	if !national && unnamed && !known {
		// Without a given name twins are told apart by a number alone.
		differ = append(differ, "patient.given")
	}
	if !national && !unnamed {
		if !strings.EqualFold(x.Family, y.Family) {
			differ = append(differ, "patient.family")
		}
		if !strings.EqualFold(strings.Join(x.Given[:min(1, len(x.Given))], ""), strings.Join(y.Given[:min(1, len(y.Given))], "")) {
			differ = append(differ, "patient.given")
		}
	}
	if x.BirthDate != y.BirthDate {
		differ = append(differ, "patient.birthDate")
	}
	if x.Sex != y.Sex {
		differ = append(differ, "patient.sex")
	}
	return differ
}
