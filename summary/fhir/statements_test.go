package fhir

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/summary"
)

// TestNoneKnownAndMore: none is known only where nothing beside the code says otherwise.
func TestNoneKnownAndMore(t *testing.T) {
	const none = `{"system": "http://snomed.info/sct", "code": "716186003", "display": "No known allergy"}`
	allergy := func(members string) string {
		return entry(`{"resourceType": "AllergyIntolerance", "patient": {"reference": "urn:uuid:2"}, ` + members + `}`)
	}
	section := func(members string) string {
		return `{"title": "Allergies", "code": {"coding": [{"system": "http://loinc.org", "code": "48765-2"}]}, ` + members + `}`
	}
	for _, test := range []struct {
		name, sections, entries string
		want                    summary.SectionStatus
		agent                   string
	}{
		{"plain", "", allergy(`"code": {"coding": [` + none + `]}`), summary.StatusNoneKnown, ""},
		{"in words", "", allergy(`"code": {"coding": [` + none + `], "text": "Aucune allergie connue"}`), summary.StatusNoneKnown, ""},
		{"in Japanese", "", allergy(`"code": {"coding": [` + none + `], "text": "アレルギーなし"}`), summary.StatusNoneKnown, ""},
		{"but one", "", allergy(`"code": {"coding": [` + none + `], "text": "Aucune connue sauf pénicilline"}`), summary.StatusItems, "Aucune connue sauf pénicilline"},
		{"another name", "", allergy(`"code": {"coding": [` + none + `], "text": "Penicillin"}`), summary.StatusItems, "Penicillin"},
		{"but one, in a note", "", allergy(`"code": {"coding": [` + none + `]}, "note": [{"text": "except penicillin"}]`), summary.StatusItems, "No known allergy"},
		{"modified", "", allergy(`"code": {"coding": [` + none + `]}, "modifierExtension": [{"url": "x:y"}]`), summary.StatusItems, "No known allergy"},
		{"refuted, second of two codings", "", allergy(`"code": {"coding": [` + none + `]}, "verificationStatus": {"coding": [{"code": "723511001"}, {"code": "refuted"}]}`), summary.StatusNotAsked, ""},
		{"empty", section(`"emptyReason": {"coding": [{"code": "nilknown"}], "text": "Aucune"}`), "", summary.StatusNoneKnown, ""},
		{"empty but one", section(`"emptyReason": {"coding": [{"code": "nilknown"}], "text": "Aucune, sauf pénicilline"}`), "", summary.StatusItems, "Aucune, sauf pénicilline"},
		{"empty, by another system", section(`"emptyReason": {"coding": [{"system": "http://example.org", "code": "nilknown"}]}`), "", summary.StatusNotAsked, ""},
		{"empty, of a part", section(`"section": [{"title": "Drugs", "code": {"coding": [{"system": "http://loinc.org", "code": "48765-2"}]}, "emptyReason": {"coding": [{"code": "nilknown"}]}}]`), "", summary.StatusNotAsked, ""},
		{"beside one that is missing", section(`"entry": [{"reference": "urn:uuid:9", "display": "Latex"}], "emptyReason": {"coding": [{"code": "nilknown"}]}`), "", summary.StatusItems, "Latex"},
		{
			"beside a condition", section(`"entry": [{"reference": "Condition/c"}]`),
			entry(`{"resourceType": "Condition", "id": "c", "subject": {"reference": "urn:uuid:2"}, "code": {"text": "Allergy to penicillin"}}`) + allergy(`"code": {"coding": [`+none+`]}`), summary.StatusItems, "Allergy to penicillin",
		},
	} {
		s, losses, err := Import(make1(test.sections, test.entries))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := s.Sections.Allergies
		agent := ""
		if len(got.Items) > 0 {
			agent = got.Items[0].Agent.Text
		}
		if got.Status != test.want || agent != test.agent {
			t.Errorf("%s: %s %q, want %s %q: %v", test.name, got.Status, agent, test.want, test.agent, losses)
		}
	}
	// What is named in another list, and is not there, is not none either.
	s, _, err := Import(make1(`{"title": "M", "code": {"coding": [{"system": "http://loinc.org", "code": "10160-0"}]}, "entry": [{"display": "Warfarin"}], "emptyReason": {"coding": [{"code": "nilknown"}]}}`, ""))
	if err != nil || s.Sections.Medications.Status != summary.StatusUnavailable {
		t.Errorf("%v %v", s.Sections.Medications, err)
	}
}

// TestStatusOfSeveralCodings: the coding that FHIR has a list for counts, wherever it stands.
func TestStatusOfSeveralCodings(t *testing.T) {
	s, _, err := Import(make1("", entry(`{"resourceType": "AllergyIntolerance", "patient": {"reference": "urn:uuid:2"}, "code": {"text": "x"},
		"verificationStatus": {"coding": [{"system": "http://snomed.info/sct", "code": "723511001"}, {"code": "refuted"}]}, "clinicalStatus": {"coding": [{"code": "413322009"}, {"code": "resolved"}]}}`)+
		entry(`{"resourceType": "Condition", "subject": {"reference": "urn:uuid:2"}, "code": {"text": "mistake"}, "verificationStatus": {"coding": [{"code": "1"}, {"code": "entered-in-error"}]}}`)))
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Sections.Allergies.Items[0]; a.Verification != summary.VerificationRefuted || a.ClinicalStatus != summary.AllergyResolved {
		t.Errorf("%+v", a)
	}
	if h := s.Sections.History; len(h.Items) != 0 {
		t.Errorf("%+v", h.Items)
	}
}

// TestAnotherPatient: an identifier that is not the patient's is another's.
func TestAnotherPatient(t *testing.T) {
	bundle := strings.Replace(string(make1("", entry(`{"resourceType": "AllergyIntolerance", "patient": {"identifier": {"system": "urn:oid:1.2.250.1.213.1.4.8", "value": "IDENTIFIER"}}, "code": {"text": "x"}}`))),
		`"gender": "male"`, `"gender": "male", "identifier": [{"system": "urn:oid:1.2.250.1.213.1.4.8", "value": "111"}]`, 1)
	for value, want := range map[string]error{"111": nil, "999": ErrTwoPatients} {
		if _, _, err := Import([]byte(strings.Replace(bundle, "IDENTIFIER", value, 1))); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", value, err, want)
		}
	}
	if _, _, err := Import([]byte(strings.Replace(string(make1("", "")), `"status": "final"`, `"status": "entered-in-error"`, 1))); !errors.Is(err, ErrWithdrawn) {
		t.Errorf("a document entered in error: %v", err)
	}
}

// TestLabels: a label asks for more confidentiality than is usual, or than was said before, and never for less.
func TestLabels(t *testing.T) {
	own := func(level string) string { return `{"system": "` + sysLevel + `", "code": "` + level + `"}` }
	hl7 := func(code string) string { return `{"system": "` + sysConfidentiality + `", "code": "` + code + `"}` }
	for labels, want := range map[string]summary.Level{
		"": "", hl7("N"): "", hl7("U"): "", hl7("R"): summary.LevelClinical, hl7("V"): summary.LevelMasked, own("masked"): summary.LevelMasked, own("open"): "",
		hl7("V") + "," + own("care"): summary.LevelMasked, own("masked") + "," + own("care"): summary.LevelMasked, own("clinical") + "," + hl7("R"): summary.LevelClinical,
	} {
		s, _, err := Import(make1("", entry(`{"resourceType": "AllergyIntolerance", "patient": {"reference": "urn:uuid:2"}, "code": {"text": "x"}, "meta": {"security": [`+labels+`]}}`)))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Sections.Allergies.Items[0].Level; got != want {
			t.Errorf("%s: level %q, want %q", labels, got, want)
		}
	}
}

// TestRetracted: what its author took back leaves as entered in error, whatever it is.
func TestRetracted(t *testing.T) {
	s, err := summary.Parse([]byte(`{"schema": "secours.summary/1", "patient": {"family": "A", "given": ["B"], "birthDate": "1980", "sex": "other"}, "sections": {
		"alerts": {"status": "items", "items": [{"id": "a", "kind": "other", "text": "x"}, {"id": "b", "kind": "implant", "text": "x"}]},
		"allergies": {"status": "items", "items": [{"id": "c", "agent": {"text": "x"}, "clinicalStatus": "active"}]},
		"medications": {"status": "items", "items": [{"id": "d", "product": {"text": "x"}, "status": "active"}]},
		"history": {"status": "items", "items": [{"id": "e", "condition": {"text": "x"}, "status": "active"}, {"id": "f", "condition": {"text": "x"}, "kind": "procedure"}, {"id": "g", "condition": {"text": "x"}, "kind": "family"}]},
		"measurements": {"status": "items", "items": [{"id": "h", "kind": "weight", "value": "70", "unit": "kg", "date": "2026"}]},
		"vaccinations": {"status": "items", "items": [{"id": "i", "vaccine": {"text": "x"}, "date": "2026"}]},
		"visits": {"status": "items", "items": [{"id": "j", "date": "2026", "reason": {"text": "x"}}]},
		"directives": {"status": "items", "items": [{"id": "k", "kind": "refusal", "position": "opposed"}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	ids := strings.Split("a b c d e f g h i j k", " ")
	data, _, err := Export(s, Origin{Verdict: "valid", Time: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), Retracted: ids})
	if err != nil {
		t.Fatal(err)
	}
	var bundle struct {
		Entry []struct {
			Resource map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal(data, &bundle); err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, e := range bundle.Entry {
		id := strings.Trim(string(e.Resource["id"]), `"`)
		if id == "" {
			continue
		}
		taken++
		if status := string(e.Resource["status"]) + string(e.Resource["verificationStatus"]); !strings.Contains(status, "entered-in-error") || e.Resource["clinicalStatus"] != nil {
			t.Errorf("%s %s: %s", e.Resource["resourceType"], id, status)
		}
	}
	if taken != len(ids) {
		t.Errorf("%d resources, want %d", taken, len(ids))
	}
	for _, problem := range checkR4(data) {
		t.Error(problem)
	}
}

// TestNamesDiffer: no two documents have the name of a resource in common, unless they say the same.
func TestNamesDiffer(t *testing.T) {
	at := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	seen := map[string]string{}
	for _, test := range []struct {
		family string
		o      Origin
	}{
		{"A", Origin{Time: at}},
		{"B", Origin{Time: at}},
		{"A", Origin{Time: at, Hidden: map[string]Hidden{"history": {All: true}}}},
		{"A", Origin{Time: at, Verdict: "valid"}},
		{"A", Origin{Time: at, Card: "1"}},
	} {
		s := &summary.Summary{Schema: summary.Schema, Patient: summary.Patient{Family: test.family, Given: []string{"X"}, BirthDate: summary.Date{Year: 1980}, Sex: summary.SexOther}}
		data, _, err := Export(s, test.o)
		if err != nil {
			t.Fatal(err)
		}
		var bundle struct{ Identifier struct{ Value string } }
		if err := json.Unmarshal(data, &bundle); err != nil {
			t.Fatal(err)
		}
		if was, twice := seen[bundle.Identifier.Value]; twice || bundle.Identifier.Value == "" {
			t.Errorf("%s %+v has the name of %s", test.family, test.o, was)
		}
		seen[bundle.Identifier.Value] = fmt.Sprint(test.family, test.o)
	}
}

// TestDosesThatLookAlike: days of a cycle are not every day, a dose as needed is no column beside a regular one, doses that follow each other are not
// taken together, and a code is no unit.
func TestDosesThatLookAlike(t *testing.T) {
	const daily = `"frequency": 1, "period": 1, "periodUnit": "d"`
	dose := func(amount, repeat, more string) string {
		return `{"doseAndRate": [{"doseQuantity": ` + amount + `}], "timing": {"repeat": {` + daily + repeat + `}}` + more + `}`
	}
	const one = `{"value": 1, "unit": "tablet"}`
	for _, test := range []struct {
		name, doses, morning, period, text string
	}{
		{"a cycle", dose(one, `, "when": ["MORN"], "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/timing-daysOfCycle", "extension": [{"url": "day", "valueInteger": 14}]}]`, ""), "1", "other", "14"},
		{"as needed beside", dose(one, `, "when": ["MORN"]`, "") + "," + dose(one, `, "when": ["HS"]`, `, "asNeededBoolean": true`), "", "day", "as needed"},
		{"one after the other", dose(one, `, "when": ["MORN"], "boundsPeriod": {"start": "2026-01-01", "end": "2026-01-07"}`, "") + "," + dose(one, `, "when": ["NOON"], "boundsPeriod": {"start": "2026-01-08"}`, ""), "", "day", "from 2026-01-08"},
		{"a known code", dose(`{"value": 2, "system": "http://snomed.info/sct", "code": "732936001"}`, "", ""), "", "day", "2 tablet"},
		{"a code", dose(`{"value": 2, "system": "http://snomed.info/sct", "code": "1234567"}`, "", ""), "", "day", "2 (SNOMED CT 1234567)"},
	} {
		s, _, err := Import(make1("", entry(`{"resourceType": "MedicationStatement", "status": "active", "subject": {"reference": "urn:uuid:2"},
			"medicationCodeableConcept": {"text": "x"}, "dosage": [`+test.doses+`]}`)))
		if err != nil {
			t.Fatal(err)
		}
		d := s.Sections.Medications.Items[0].Dosage
		if d.Morning != test.morning || string(d.Period) != test.period || !strings.Contains(d.Text, test.text) {
			t.Errorf("%s: %+v", test.name, *d)
		}
	}
}
