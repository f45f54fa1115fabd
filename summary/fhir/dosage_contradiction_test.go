package fhir

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary"
)

// line imports a document with one line of medication, made of the members given.
func line(t *testing.T, kind, members string, more ...string) (summary.Medication, []summary.Loss) {
	t.Helper()
	s, losses, err := Import(make1("", entry(`{"resourceType": "`+kind+`", "id": "m", "subject": {"reference": "urn:uuid:2"}, `+members+`}`)+strings.Join(more, "")))
	if err != nil {
		t.Fatal(err)
	}
	if s.Sections.Medications == nil || len(s.Sections.Medications.Items) != 1 {
		t.Fatalf("no medication: %v", losses)
	}
	return s.Sections.Medications.Items[0], losses
}

// dosed imports a line of one dosage.
func dosed(t *testing.T, dosage string, more ...string) (summary.Dosage, []summary.Loss) {
	t.Helper()
	m, losses := line(t, "MedicationStatement", strings.Join(append([]string{`"status": "active", "medicationCodeableConcept": {"text": "methotrexate"}, "dosage": [` + dosage + `]`}, more...), ", "))
	return *m.Dosage, losses
}

// reported finds a loss that says all the words.
func reported(losses []summary.Loss, kind summary.LossKind, reason summary.LossReason, words ...string) bool {
	return slices.ContainsFunc(losses, func(l summary.Loss) bool {
		return l.Kind == kind && l.Reason == reason && !l.Minor && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(l.Text, w) })
	})
}

// mornings is 4 tablets of every morning.
const mornings = `"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["MORN"]}}, "doseAndRate": [{"doseQuantity": {"value": 4, "unit": "tablets"}}]`

func TestDosageOwnPeriod(t *testing.T) {
	own := func(p string) string {
		return `"extension": [{"url": "` + extPeriod + `", "valueCode": "` + p + `"}], "text": "10 mg"`
	}
	repeat := func(p, r string) string { return `{` + own(p) + `, "timing": {"repeat": {` + r + `}}}` }
	for name, test := range map[string]struct {
		dosage string
		want   summary.Period
		words  string
		lost   bool
	}{
		"day, weekly":           {repeat("day", `"frequency": 1, "period": 1, "periodUnit": "wk"`), summary.PeriodOther, "1 TIME A WEEK", true},
		"day, a weekday":        {repeat("day", `"dayOfWeek": ["mon"]`), summary.PeriodOther, "ON MONDAY", true},
		"day, every other day":  {repeat("day", `"frequency": 1, "period": 2, "periodUnit": "d"`), summary.PeriodOther, "EVERY 2 DAYS", true},
		"day, a code of a week": {`{` + own("day") + `, "timing": {"code": {"coding": [{"code": "WK"}]}}}`, summary.PeriodOther, "1 TIME A WEEK", true},
		"week, daily":           {repeat("week", `"frequency": 1, "period": 1, "periodUnit": "d"`), summary.PeriodOther, "1 time a day, PER WEEK", true},
		"week, mornings":        {`{` + own("week") + `, ` + mornings + `}`, summary.PeriodOther, "1 time a day, PER WEEK", true},
		"month, weekly":         {repeat("month", `"frequency": 1, "period": 1, "periodUnit": "wk"`), summary.PeriodOther, "1 TIME A WEEK, PER MONTH", true},
		"other, daily":          {repeat("other", `"frequency": 1, "period": 1, "periodUnit": "d"`), summary.PeriodOther, "1 time a day", true},
		"the same":              {repeat("week", `"frequency": 1, "period": 1, "periodUnit": "wk"`), summary.PeriodWeek, "", false},
		"month, a weekday":      {repeat("month", `"dayOfWeek": ["mon"]`), summary.PeriodMonth, "", false},
		"alone":                 {`{` + own("week") + `}`, summary.PeriodWeek, "", false},
		"two of them": {
			`{"extension": [{"url": "` + extPeriod + `", "valueCode": "day"}, {"url": "` + extPeriod + `", "valueCode": "week"}], "text": "10 mg"}`, summary.PeriodOther, "PER WEEK", true,
		},
	} {
		d, losses := dosed(t, test.dosage)
		if d.Period != test.want || !strings.Contains(d.Text, test.words) || d.Morning != "" {
			t.Errorf("%s: %+v, want %s, %q", name, d, test.want, test.words)
		}
		if lost := reported(losses, summary.LossAmbiguous, summary.ReasonContradiction, test.words); lost != test.lost {
			t.Errorf("%s: reported %v: %v", name, lost, losses)
		}
	}
}

func TestDosageWords(t *testing.T) {
	const weekly = "une fois par semaine, le lundi"
	for name, test := range map[string]struct {
		dosage, line string
		want         summary.Period
		words        string
	}{
		"patientInstruction":           {`{"patientInstruction": "` + weekly + `", ` + mornings + `}`, "", summary.PeriodOther, weekly},
		"additionalInstruction":        {`{"additionalInstruction": [{"text": "` + weekly + `"}], ` + mornings + `}`, "", summary.PeriodOther, weekly},
		"label of it":                  {`{"additionalInstruction": [{"text": "x", "coding": [{"display": "once weekly"}]}], ` + mornings + `}`, "", summary.PeriodOther, "once weekly"},
		"timing.code.text":             {`{"timing": {"code": {"text": "once weekly"}, "repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}`, "", summary.PeriodOther, "once weekly"},
		"a code and its label":         {`{"text": "10 mg", "timing": {"code": {"coding": [{"code": "QD", "display": "once weekly"}]}}}`, "", summary.PeriodOther, "once weekly"},
		"columns alone":                {`{"patientInstruction": "` + weekly + `", "timing": {"repeat": {"when": ["MORN"]}}, "doseAndRate": [{"doseQuantity": {"value": 4}}]}`, "", summary.PeriodOther, weekly},
		"a note":                       {`{` + mornings + `}`, `"note": [{"text": "` + weekly + `"}]`, summary.PeriodOther, ""},
		"a note, and more than one":    {`{` + mornings + `}`, `"note": [{"text": "x"}, {"text": "every other day"}]`, summary.PeriodOther, ""},
		"R5's rendering":               {`{` + mornings + `}`, `"renderedDosageInstruction": "4 tablets once weekly"`, summary.PeriodOther, ""},
		"text and instruction":         {`{"text": "1 par jour", "patientInstruction": "` + weekly + `"}`, "", summary.PeriodOther, weekly},
		"our own period":               {`{"extension": [{"url": "` + extPeriod + `", "valueCode": "day"}], "text": "10 mg", "patientInstruction": "` + weekly + `"}`, "", summary.PeriodOther, weekly},
		"weekly, and a text of daily":  {`{"text": "x", "patientInstruction": "every day", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}}}`, "", summary.PeriodWeek, "1 TIME A WEEK"},
		"daily, and odd in the method": {`{"method": {"text": "once weekly"}, ` + mornings + `}`, "", summary.PeriodOther, "once weekly"},
	} {
		var more []string
		if test.line != "" {
			more = append(more, test.line)
		}
		d, losses := dosed(t, test.dosage, more...)
		if d.Period != test.want || d.Morning != "" || !strings.Contains(d.Text, test.words) {
			t.Errorf("%s: %+v, want %s, %q", name, d, test.want, test.words)
		}
		if !reported(losses, summary.LossAmbiguous, summary.ReasonContradiction, test.words) {
			t.Errorf("%s: not reported: %v", name, losses)
		}
	}
	d, losses := dosed(t, `{"patientInstruction": "every day", `+mornings+`}`, `"note": [{"text": "daily"}]`)
	if d.Period != summary.PeriodDay || d.Morning != "4" || reported(losses, summary.LossAmbiguous, summary.ReasonContradiction) {
		t.Errorf("daily by all words: %+v, %v", d, losses)
	}
}

func TestDosageSevenWeekdays(t *testing.T) {
	const all = `"dayOfWeek": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "when": ["MORN"]`
	for name, test := range map[string]struct {
		repeat string
		want   summary.Period
		column string
		words  string
	}{
		"once a week":      {`"frequency": 1, "period": 1, "periodUnit": "wk", `, summary.PeriodOther, "", "1 TIME A WEEK, ON MONDAY, TUESDAY"},
		"once a month":     {`"frequency": 1, "period": 1, "periodUnit": "mo", `, summary.PeriodOther, "", "1 TIME A MONTH, ON MONDAY"},
		"every other day":  {`"frequency": 1, "period": 2, "periodUnit": "d", `, summary.PeriodOther, "", "EVERY 2 DAYS"},
		"every day":        {`"frequency": 1, "period": 1, "periodUnit": "d", `, summary.PeriodDay, "4", ""},
		"nothing but them": {``, summary.PeriodDay, "4", ""},
	} {
		d, losses := dosed(t, `{"timing": {"repeat": {`+test.repeat+all+`}}, "doseAndRate": [{"doseQuantity": {"value": 4}}]}`)
		if d.Period != test.want || d.Morning != test.column || !strings.Contains(d.Text, test.words) {
			t.Errorf("%s: %+v", name, d)
		}
		if lost := reported(losses, summary.LossAmbiguous, summary.ReasonContradiction, test.words); lost != (test.want == summary.PeriodOther) {
			t.Errorf("%s: reported %v: %v", name, lost, losses)
		}
	}
}

func TestMedicationTwoProducts(t *testing.T) {
	const concept, ref = `"status": "active", "medicationCodeableConcept": {"text": "paracetamol"}`, `, "medicationReference": {"reference": "Medication/x"}`
	drug := func(members string) string {
		return entry(`{"resourceType": "Medication", "id": "x", ` + members + `}`)
	}
	const strength = `"ingredient": [{"itemCodeableConcept": {"text": "methotrexate"}, "strength": {"numerator": {"value": 2.5, "unit": "mg"}, "denominator": {"value": 1}}}]`
	const none = `"status": "active", "medicationCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "787481004", "display": "No known medications"}]}`
	for name, test := range map[string]struct {
		members, drug, product, note string
	}{
		"two names":                {concept + ref, drug(`"code": {"text": "methotrexate"}, ` + strength), "paracetamol", "methotrexate, 2.5 mg"},
		"an ingredient alone":      {concept + ref, drug(strength), "paracetamol", "methotrexate"},
		"a label alone":            {concept + `, "medicationReference": {"display": "methotrexate"}`, "", "paracetamol", "methotrexate"},
		"the label of the drug":    {concept + `, "medicationReference": {"reference": "Medication/x", "display": "methotrexate"}`, drug(`"code": {"text": "paracetamol"}`), "paracetamol", "methotrexate"},
		"three names":              {concept + `, "medicationReference": {"reference": "Medication/x", "display": "digoxin"}`, drug(`"code": {"text": "methotrexate"}`), "paracetamol", "digoxin"},
		"none, and one":            {none + ref, drug(`"code": {"text": "methotrexate"}`), "methotrexate", "No known medications"},
		"none, and an ingredient":  {none + ref, drug(strength), "methotrexate", "No known medications"},
		"none, and a label of one": {none + `, "medicationReference": {"display": "methotrexate"}`, "", "No known medications", "methotrexate"},
		"of R5":                    {`"status": "recorded", "medication": {"concept": {"text": "paracetamol"}, "reference": {"reference": "Medication/x"}}`, drug(`"code": {"text": "methotrexate"}`), "paracetamol", "methotrexate"},
	} {
		m, losses := line(t, "MedicationStatement", test.members, test.drug)
		if m.Product.Text != test.product || !strings.Contains(m.Note, test.note) || m.Strength != "" && m.Product.Text == "paracetamol" {
			t.Errorf("%s: %+v", name, m)
		}
		if !reported(losses, summary.LossAmbiguous, summary.ReasonContradiction, test.note) {
			t.Errorf("%s: not reported: %v", name, losses)
		}
	}
	for name, members := range map[string]string{
		"same name": `"code": {"text": "Paracetamol"}, "form": {"text": "tablet"}`, "no name": `"form": {"text": "tablet"}`,
	} {
		m, losses := line(t, "MedicationStatement", concept+ref, drug(members))
		if m.Product.Text != "paracetamol" || m.Form != "tablet" || m.Note != "" || reported(losses, summary.LossAmbiguous, summary.ReasonContradiction) {
			t.Errorf("%s: %+v %v", name, m, losses)
		}
	}
}

func TestMedicationIntent(t *testing.T) {
	for intent, test := range map[string]struct {
		status string
		want   summary.MedicationStatus
		origin summary.MedicationOrigin
	}{
		"proposal": {"active", summary.MedicationIntended, ""}, "plan": {"unknown", summary.MedicationIntended, ""}, "option": {"on-hold", summary.MedicationIntended, ""},
		"Plan": {"stopped", summary.MedicationStopped, ""}, "order": {"active", summary.MedicationActive, summary.OriginPrescribed},
	} {
		m, losses := line(t, "MedicationRequest", `"status": "`+test.status+`", "intent": "`+intent+`", "medicationCodeableConcept": {"text": "x"}`)
		if m.Status != test.want || m.Origin != test.origin {
			t.Errorf("%s: %s %s", intent, m.Status, m.Origin)
		}
		if lost := reported(losses, summary.LossAmbiguous, summary.ReasonNoPlace, strings.ToLower(intent)); lost != (intent != "order") {
			t.Errorf("%s: reported %v: %v", intent, lost, losses)
		}
	}
}

func TestDosageLong(t *testing.T) {
	const end = "LE LUNDI SEULEMENT"
	for name, test := range map[string]struct {
		words int
		note  string
		whole bool
	}{
		"in the note":          {45, "", true},
		"the note is full":     {45, strings.Repeat("y", 300), false},
		"longer than a note":   {80, "", false},
		"longer than a report": {2000, "", false},
	} {
		text := "10 mg" + strings.Repeat(" abcdefg", test.words/2) + " MILIEU" + strings.Repeat(" abcdefg", test.words/2) + " " + end
		value, _ := json.Marshal(text)
		m, losses := line(t, "MedicationStatement", `"status": "active", "medicationCodeableConcept": {"text": "x"}, "note": [{"text": "`+test.note+`"}], "dosage": [{"text": `+string(value)+`}]`)
		if strings.Contains(m.Dosage.Text, end) || m.Dosage.Period != summary.PeriodOther {
			t.Errorf("%s: %+v", name, m.Dosage)
		}
		if got := strings.Contains(m.Note, text); got != test.whole {
			t.Errorf("%s: note %q", name, m.Note)
		}
		if kind := map[bool]summary.LossKind{true: summary.LossChanged, false: summary.LossShortened}[test.whole]; !reported(losses, kind, summary.ReasonTooLong) {
			t.Errorf("%s: not reported: %v", name, losses)
		}
		if !test.whole && !reported(losses, summary.LossShortened, summary.ReasonTooLong, "… ", end) {
			t.Errorf("%s: the end is nowhere: %v", name, losses)
		}
		if len(losses) > 40 {
			t.Errorf("%s: %d losses", name, len(losses))
		}
	}
	// Of a text of a few thousand characters, every word is told of.
	var words []string
	for i := range 500 {
		words = append(words, "w"+itoa(i)+"w")
	}
	m, losses := line(t, "MedicationStatement", `"status": "active", "medicationCodeableConcept": {"text": "x"}, "dosage": [{"text": "`+strings.Join(words, " ")+`"}]`)
	told := m.Dosage.Text
	for _, l := range losses {
		told += strings.TrimPrefix(l.Text, "… ")
	}
	for _, w := range words {
		if !strings.Contains(told, w) {
			t.Errorf("%s is nowhere", w)
		}
	}
}

func TestDosageUnits(t *testing.T) {
	for name, test := range map[string]struct {
		quantity, unit string
		lost           string
	}{
		"mg, g":             {`"unit": "mg", "code": "g"`, "mg", "4 mg / 4 g"},
		"mg, g of UCUM":     {`"unit": "mg", "system": "http://unitsofmeasure.org", "code": "g"`, "mg", "4 mg / 4 g"},
		"tablets, mg":       {`"unit": "tablets", "code": "mg"`, "tablets", "4 tablets / 4 mg"},
		"mg, tablets":       {`"unit": "mg", "system": "http://unitsofmeasure.org", "code": "{tablet}"`, "mg", "4 mg / 4 {tablet}"},
		"µg, mg":            {`"unit": "µg", "code": "mg"`, "µg", "4 µg / 4 mg"},
		"per day":           {`"unit": "mg/day", "code": "mg/h"`, "mg/day", "4 mg/day / 4 mg/h"},
		"milligrams, mg":    {`"unit": "milligrams", "code": "mg"`, "milligrams", ""},
		"mcg, ug":           {`"unit": "mcg", "code": "ug"`, "mcg", ""},
		"IU":                {`"unit": "UI", "code": "[iU]"`, "UI", ""},
		"per kg":            {`"unit": "mg par kg", "code": "mg/kg"`, "mg par kg", ""},
		"tablets, {tablet}": {`"unit": "tablets", "system": "http://unitsofmeasure.org", "code": "{tablet}"`, "tablets", ""},
		"tablets, 1":        {`"unit": "tablets", "system": "http://unitsofmeasure.org", "code": "1"`, "tablets", ""},
		"of SNOMED CT":      {`"unit": "mg", "system": "http://snomed.info/sct", "code": "258684004"`, "mg", ""},
	} {
		d, losses := dosed(t, `{"timing": {"repeat": {"when": ["MORN"]}}, "doseAndRate": [{"doseQuantity": {"value": 4, `+test.quantity+`}}]}`)
		if d.Unit != test.unit || d.Morning != "4" {
			t.Errorf("%s: %+v", name, d)
		}
		if lost := reported(losses, summary.LossAmbiguous, summary.ReasonContradiction, test.lost); lost != (test.lost != "") {
			t.Errorf("%s: reported %v: %v", name, lost, losses)
		}
	}
}

// TestForbiddenTwoProducts: an order not to give one of two drugs names both.
func TestForbiddenTwoProducts(t *testing.T) {
	s, losses, err := Import(make1("", entry(`{"resourceType": "MedicationRequest", "status": "active", "intent": "order", "doNotPerform": true, "subject": {"reference": "urn:uuid:2"},
		"medicationCodeableConcept": {"text": "paracetamol"}, "medicationReference": {"reference": "Medication/x"}}`)+entry(`{"resourceType": "Medication", "id": "x", "code": {"text": "methotrexate"}}`)))
	if err != nil {
		t.Fatal(err)
	}
	if text := s.Sections.Alerts.Items[0].Text; !strings.Contains(text, "paracetamol") || !strings.Contains(text, "methotrexate") {
		t.Errorf("%q", text)
	}
	if !reported(losses, summary.LossAmbiguous, summary.ReasonContradiction, "methotrexate") {
		t.Error(losses)
	}
}

func TestStrengthUnits(t *testing.T) {
	_, losses := line(t, "MedicationStatement", `"status": "active", "medicationReference": {"reference": "Medication/x"}`,
		entry(`{"resourceType": "Medication", "id": "x", "code": {"text": "x"}, "ingredient": [{"itemCodeableConcept": {"text": "x"}, "strength": {"numerator": {"value": 5, "unit": "mg", "code": "g"}}}]}`))
	if !reported(losses, summary.LossAmbiguous, summary.ReasonContradiction, "5 mg / 5 g") {
		t.Error(losses)
	}
}
