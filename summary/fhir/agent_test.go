package fhir

import (
	"fmt"
	"testing"
)

// TestAgent: what somebody is allergic to, where the code does not say it. An allergy of which anything is known is shown.
func TestAgent(t *testing.T) {
	const kind = `"code": {"coding": [{"system": "http://snomed.info/sct", "code": "416098002", "display": "allergie médicamenteuse"}]}`
	for _, test := range []struct{ members, agent, note string }{
		{`"code": {"text": "latex"}`, "latex", ""},
		{kind, "allergie médicamenteuse", ""},
		{kind + `, "reaction": [{"substance": {"text": "paracétamol"}}, {"substance": {"text": "paracétamol"}}]`, "paracétamol", "allergie médicamenteuse"},
		{kind + `, "reaction": [{"substance": {"text": "fer"}}, {"substance": {"text": "clotrimazole"}}]`, "fer, clotrimazole", "allergie médicamenteuse"},
		{`"code": {"text": "iode"}, "reaction": [{"substance": {"text": "iohexol"}}]`, "iode", "substance: iohexol"},
		{`"reaction": [{"substance": {"text": "iohexol"}}]`, "iohexol", ""},
		{`"code": {}, "criticality": "high"`, "agent not stated", ""},
		{`"clinicalStatus": {"coding": [{"code": "active"}]}`, "agent not stated", ""},
		{`"onsetDateTime": "2012"`, "agent not stated", ""},
		{`"note": [{"text": "choc au bloc"}]`, "agent not stated", "choc au bloc"},
	} {
		s, losses, err := Import(make1("", entry(`{"resourceType": "AllergyIntolerance", "patient": {"reference": "urn:uuid:2"}, `+test.members+`}`)))
		if err != nil {
			t.Errorf("%s: %v", test.members, err)
			continue
		}
		a := s.Sections.Allergies.Items[0]
		if a.Agent.Text != test.agent || a.Note != test.note {
			t.Errorf("%s: agent %q, note %q; want %q, %q", test.members, a.Agent.Text, a.Note, test.agent, test.note)
		}
		// What stands in for an agent is to be checked.
		asked := false
		for _, l := range losses {
			asked = asked || l.Path == "sections.allergies.items[0]" && l.Reason == "no-text"
		}
		if asked != (test.agent == "agent not stated") {
			t.Errorf("%s: %v", test.members, losses)
		}
	}
	s, _, err := Import(make1("", entry(`{"resourceType": "AllergyIntolerance", "patient": {"reference": "urn:uuid:2"}, `+kind+`,
		"reaction": [{"substance": {"coding": [{"system": "http://www.whocc.no/atc", "code": "N02BE01", "display": "paracétamol"}]}}]}`)))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Sections.Allergies.Items[0].Agent.Codes); got != "[{atc N02BE01 map[]} {snomed 416098002 map[]}]" {
		t.Error(got)
	}
}

// TestNamelessDrug: what a drug is stands in the summary, or else in the report.
func TestNamelessDrug(t *testing.T) {
	for members, want := range map[string]string{
		`"medicationReference": {"reference": "#m"}, "contained": [{"resourceType": "Medication", "id": "m", "ingredient": [{"itemReference": {"reference": "#i"}}],
			"contained": [{"resourceType": "Substance", "id": "i", "code": {"text": "Amoxicillin"}}]}]`: "item Amoxicillin",
		`"medicationReference": {"identifier": {"system": "http://pzn", "value": "12345"}}`:                                                               "loss active, 12345",
		`"medicationReference": {"reference": "#m"}, "contained": [{"resourceType": "Medication", "id": "m", "amount": {"numerator": {"unit": "vial"}}}]`: "loss active, vial",
	} {
		s, losses, err := Import(make1("", entry(`{"resourceType": "MedicationStatement", "status": "active", "subject": {"reference": "urn:uuid:2"}, `+members+`}`)))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if m := s.Sections.Medications; len(m.Items) > 0 {
			got = "item " + m.Items[0].Product.Text
		}
		for _, l := range losses {
			if l.Reason == "no-text" && l.Kind == "dropped" {
				got += "loss " + l.Text
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", members, got, want)
		}
	}
}
