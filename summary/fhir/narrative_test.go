package fhir

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/summary"
)

// TestNarrative: a row that says more than the entries is told of, though a word of it stands there or elsewhere in the document.
func TestNarrative(t *testing.T) {
	latex := entry(`{"resourceType": "AllergyIntolerance", "id": "l", "patient": {"reference": "urn:uuid:2"}, "code": {"text": "latex"},
		"verificationStatus": {"coding": [{"code": "confirmed"}]}, "reaction": [{"manifestation": [{"text": "urticaire"}], "severity": "mild"}]}`) +
		entry(`{"resourceType": "Condition", "subject": {"reference": "urn:uuid:2"}, "code": {"text": "choc anaphylactique aux curares"}}`)
	for _, test := range []struct {
		rows string
		told bool
	}{
		{`<li>Latex : urticaire</li>`, false},
		{`<li>latex (confirmé, mild)</li><li>Status: active</li>`, false},
		{`<table><thead><tr><th>Substance étrange</th></tr></thead><tr><td>LATEX</td><td>urticaire</td></tr></table>`, false},
		{`<li>Sulfamides</li>`, true},
		{`<li>Curares : choc</li>`, true},
		{`<li>Latex : écarté. Iode : choc</li>`, true},
		{`<li>Latex : urticaire généralisée, choc</li>`, true},
		{`<p>Pas d'arachide ; allergie aux SULFAMIDES confirmée (Lyell)</p>`, true},
		{`<ul><li class="remark">PARTIEL : d'autres éléments peuvent exister</li><li>latex, urticaire</li></ul>`, false},
	} {
		section := `{"title": "Allergies", "code": {"coding": [{"system": "http://loinc.org", "code": "48765-2"}]}, "entry": [{"reference": "AllergyIntolerance/l"}],
			"text": {"status": "generated", "div": ` + fmt.Sprintf("%q", `<div xmlns="http://www.w3.org/1999/xhtml">`+test.rows+`</div>`) + `}}`
		_, losses, err := Import(make1(section, latex))
		if err != nil {
			t.Fatal(err)
		}
		told := false
		for _, l := range losses {
			told = told || l.Reason == summary.ReasonNarrative && l.Kind == summary.LossDropped && !l.Minor
		}
		if told != test.told {
			t.Errorf("%s: told of %v, want %v", test.rows, told, test.told)
		}
	}
	_, losses, err := Import(make1("", entry(`{"resourceType": "AllergyIntolerance", "patient": {"reference": "urn:uuid:2"}, "code": {"text": "latex"},
		"text": {"status": "additional", "div": "<div>et les <b>sulfamides</b></div>"}}`)))
	if err != nil || !strings.Contains(fmt.Sprint(losses), "et les sulfamides") {
		t.Errorf("an additional narrative: %v %v", losses, err)
	}
}

// TestDocumentsOfCards: what an export says of itself is not lost when it is read again: that it was not verified, that it shows a part, and
// what nobody has reviewed.
func TestDocumentsOfCards(t *testing.T) {
	s, _, err := Import(make1("", entry(`{"resourceType": "AllergyIntolerance", "id": "l", "patient": {"reference": "urn:uuid:2"}, "code": {"text": "latex"}}`)))
	if err != nil {
		t.Fatal(err)
	}
	s.Sections.Allergies.Items[0].Unreviewed = summary.Yes
	for _, test := range []struct {
		origin Origin
		want   string
	}{
		{Origin{}, "[]"},
		{Origin{Verdict: "valid"}, "[]"},
		{Origin{Verdict: "valid-stale"}, "[]"},
		{Origin{Verdict: "unverifiable", Reason: "clock"}, "[not-verified: unverifiable, clock]"},
		{Origin{Verdict: "invalid", Reason: "signature"}, "[not-verified: invalid, signature]"},
		{Origin{Verdict: "valid", Hidden: map[string]Hidden{"history": {All: true}}}, "[withheld: partial, what one reader may see withheld: Not visible to this reader: there may be some]"},
		{Origin{Verdict: "valid", Hidden: map[string]Hidden{"allergies": {}}}, "[withheld: partial, what one reader may see]"},
	} {
		test.origin.Time = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
		data, _, err := Export(s, test.origin)
		if err != nil {
			t.Fatal(err)
		}
		again, losses, err := Import(data)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, l := range losses {
			if !l.Minor {
				got = append(got, string(l.Reason)+": "+l.Text)
			}
		}
		if fmt.Sprint(got) != test.want {
			t.Errorf("%+v: %v, want %s", test.origin, got, test.want)
		}
		if again.Sections.Alerts != nil {
			t.Errorf("%+v: the program that wrote it became a device of the patient: %+v", test.origin, again.Sections.Alerts)
		}
		if a := again.Sections.Allergies.Items[0]; a.Unreviewed != summary.Yes || a.Note != "" {
			t.Errorf("unreviewed %v, note %q", a.Unreviewed, a.Note)
		}
	}
}

// TestTapering: the bounds of doses that follow each other are not those of the treatment.
func TestTapering(t *testing.T) {
	dose := func(amount int, bounds string) string {
		return fmt.Sprintf(`{"doseAndRate": [{"doseQuantity": {"value": %d, "unit": "cp"}}], "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"%s}}}`, amount, bounds)
	}
	for _, test := range []struct{ doses, start, end, text string }{
		{dose(4, `, "boundsPeriod": {"start": "2026-11-20", "end": "2026-11-30"}`), "2026-11-20", "2026-11-30", "4 cp, 1 time a day"},
		{
			dose(4, `, "boundsPeriod": {"start": "2026-11-20", "end": "2026-11-30"}`) + "," + dose(2, `, "boundsPeriod": {"start": "2026-12-01"}`), "2026-11-20", "",
			"4 cp, 1 time a day, from 2026-11-20, until 2026-11-30\n2 cp, 1 time a day, from 2026-12-01",
		},
		{
			dose(4, `, "boundsPeriod": {"start": "2026-11-20", "end": "2026-11-30"}`) + "," + dose(2, `, "boundsPeriod": {"start": "2026-12-01", "end": "2026-12-05"}`), "2026-11-20", "2026-12-05",
			"4 cp, 1 time a day, from 2026-11-20, until 2026-11-30\n2 cp, 1 time a day, from 2026-12-01, until 2026-12-05",
		},
		{dose(4, `, "boundsPeriod": {"end": "2026-11-30"}`) + "," + dose(2, ""), "", "", "4 cp, 1 time a day, until 2026-11-30\n2 cp, 1 time a day"},
	} {
		s, _, err := Import(make1("", entry(`{"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": "urn:uuid:2"},
			"medicationCodeableConcept": {"text": "prednisone"}, "dosageInstruction": [`+test.doses+`]}`)))
		if err != nil {
			t.Fatal(err)
		}
		m := s.Sections.Medications.Items[0]
		if m.Start.String() != test.start || m.End.String() != test.end || m.Dosage.Text != test.text {
			t.Errorf("from %s to %s: %q; want from %s to %s: %q", m.Start, m.End, m.Dosage.Text, test.start, test.end, test.text)
		}
	}
}
