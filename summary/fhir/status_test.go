package fhir

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary"
)

// TestClaims checks what two statements about one list amount to: never more than the weaker of them.
func TestClaims(t *testing.T) {
	allergy := func(code string) string {
		return entry(`{"resourceType": "AllergyIntolerance", "code": {"coding": [{"system": "http://snomed.info/sct", "code": "` + code + `"}]}, "patient": {"reference": "urn:uuid:2"}}`)
	}
	empty := func(reason string) string {
		return `{"title": "Allergies", "code": {"coding": [{"system": "http://loinc.org", "code": "48765-2"}]}, "emptyReason": {"coding": [{"code": "` + reason + `"}]}}`
	}
	const none, drug, unknown, notAsked = "716186003", "409137002", "1287211007", "1631000175102"
	for _, test := range []struct {
		name, sections, entries string
		want                    summary.SectionStatus
		only                    string
		lost                    bool
	}{
		{"nothing", "", "", summary.StatusNotAsked, "[]", false},
		{"none known", "", allergy(none), summary.StatusNoneKnown, "[]", false},
		{"none known, twice", empty("nilknown"), allergy(none), summary.StatusNoneKnown, "[]", false},
		{"no drug", "", allergy(drug), summary.StatusNotAsked, "[medication]", false},
		{"none known, and no information", empty("nilknown"), allergy(unknown), summary.StatusUnavailable, "[]", true},
		{"none known, and not asked", empty("nilknown"), allergy(notAsked), summary.StatusNotAsked, "[]", true},
		{"two reasons", empty("nilknown") + "," + empty("notasked"), "", summary.StatusNotAsked, "[]", true},
		{"an unknown reason", empty("none"), "", summary.StatusNotAsked, "[]", true},
	} {
		s, losses, err := Import(make1(test.sections, test.entries))
		if err != nil {
			t.Fatal(err)
		}
		head := s.Sections.Allergies
		if head.Status != test.want || fmt.Sprint(head.NoneKnown) != test.only {
			t.Errorf("%s: %s %v, want %s %s", test.name, head.Status, head.NoneKnown, test.want, test.only)
		}
		lost := false
		for _, l := range losses {
			lost = lost || l.Kind == summary.LossDropped && !l.Minor
		}
		if lost != test.lost {
			t.Errorf("%s: lost %v, want %v: %v", test.name, lost, test.lost, losses)
		}
	}
}

// TestExportRhythm makes sure that a dose that is not daily is one in all that an export says of it: the text, the structure and, read again, the period.
func TestExportRhythm(t *testing.T) {
	for _, d := range []summary.Dosage{
		{Text: "10 mg", Period: summary.PeriodWeek},
		{Text: "10 mg", Period: summary.PeriodOther},
		{Morning: "1", Unit: "mg", Period: summary.PeriodOther},
		{Morning: "1/2", Evening: "0,5", Period: summary.PeriodMonth},
		{Evening: "4", Period: summary.PeriodWeek, Weekdays: []summary.Weekday{summary.WeekdayMon}},
		{Text: "x", Period: summary.PeriodWeek, Weekdays: []summary.Weekday{summary.WeekdayMon, summary.WeekdayFri}},
	} {
		s, _, err := Import(make1("", ""))
		if err != nil {
			t.Fatal(err)
		}
		s.Language = "en"
		s.Sections.Medications = &summary.Section[summary.Medication]{
			SectionHead: summary.SectionHead{Status: summary.StatusItems}, Items: []summary.Medication{{Product: summary.Concept{Text: "drug"}, Dosage: &d}},
		}
		data := exports(t, fmt.Sprint(d), s, origin)
		if !strings.Contains(string(data), rhythmWords(d.Period, d.Weekdays, false)) {
			t.Errorf("%v: the rhythm is not in the text", d)
		}
		again, _, err := Import(data)
		if err != nil {
			t.Fatal(err)
		}
		got := again.Sections.Medications.Items[0].Dosage
		if got.Period != d.Period || fmt.Sprint(got.Weekdays) != fmt.Sprint(d.Weekdays) || got.Morning != d.Morning || got.Evening != d.Evening {
			t.Errorf("%v comes back as %v", d, *got)
		}
	}
}

// TestExportSaysWhatIsWrong: a document that is not the last, whole and verified word is preliminary, and its title and narrative say why.
func TestExportSaysWhatIsWrong(t *testing.T) {
	s, _, err := Import(make1("", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		origin      Origin
		status, say string
	}{
		{Origin{Verdict: "valid"}, "final", "Emergency patient summary"},
		{Origin{Verdict: "valid-stale"}, "final", "Emergency patient summary"},
		{Origin{}, "preliminary", "NOT SIGNED - Emergency"},
		{Origin{Verdict: "unverifiable"}, "preliminary", "NOT VERIFIED, DO NOT RELY ON IT - Emergency"},
		{Origin{Verdict: "invalid"}, "preliminary", "NOT VERIFIED, DO NOT RELY ON IT - Emergency"},
		{Origin{Verdict: "no such verdict"}, "preliminary", "NOT VERIFIED, DO NOT RELY ON IT - Emergency"},
		{Origin{Verdict: "valid", Doubts: []string{"a newer one is lost"}}, "preliminary", "TO BE CHECKED - Emergency"},
	} {
		data, _, err := Export(s, test.origin)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		if !strings.Contains(text, `"status": "`+test.status+`"`) || !strings.Contains(text, `"title": "`+test.say) {
			t.Errorf("%+v: want %s, %q", test.origin, test.status, test.say)
		}
		for _, d := range test.origin.Doubts {
			if !strings.Contains(text, `<li class=\"remark\">`+d+"</li>") {
				t.Errorf("%q is not said", d)
			}
		}
	}
}

// TestNotMeasured guards that a measurement which never took place, or was entered in error, is no measurement.
func TestNotMeasured(t *testing.T) {
	for status, want := range map[string]summary.LossReason{"final": "", "cancelled": summary.ReasonNotInForce, "entered-in-error": summary.ReasonEnteredInError} {
		s, losses, err := Import(make1("", entry(`{"resourceType": "Observation", "id": "w", "status": "`+status+`", "subject": {"reference": "urn:uuid:2"},
			"code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}, "effectiveDateTime": "2026-10-01",
			"valueQuantity": {"value": 71, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}}`)))
		if err != nil {
			t.Fatal(err)
		}
		if carried := s.Sections.Measurements != nil && len(s.Sections.Measurements.Items) > 0; carried != (want == "") {
			t.Errorf("%s: carried is %v", status, carried)
		}
		if want != "" && !slices.ContainsFunc(losses, func(l summary.Loss) bool { return l.Kind == summary.LossDropped && l.Reason == want }) {
			t.Errorf("%s: %v", status, losses)
		}
	}
}
