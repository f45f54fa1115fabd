package fhir

import (
	"regexp"
	"strings"
	"sync"

	"github.com/secours-card/secours/summary"
)

func (x *exporter) medications() {
	s := x.s.Sections.Medications
	if s == nil {
		return
	}
	if s.Status == summary.StatusNoneKnown {
		x.none("medications", "10160-0", "MedicationStatement none", func(r *object) *object {
			r.put("status", "unknown").put("medicationCodeableConcept", said("787481004", "No known medications")).
				put("subject", reference(x.patient))
			dated(r, "effectiveDateTime", s.Reviewed)
			return r.put("dateAsserted", date(s.Reviewed)).put("informationSource", reference(x.agent(s.ReviewedBy)))
		}, "No known medications")
	}
	for i := range s.Items {
		x.medication(&s.Items[i], i)
	}
}

func (x *exporter) medication(m *summary.Medication, i int) {
	url, r := x.begin("medications", "MedicationStatement", i, &m.Common)
	status := m.Status
	if status == "" {
		status = summary.MedicationUnknown
	}
	var parts []any
	detail := func(name, value string) {
		if value != "" {
			parts = append(parts, obj().put("url", name).put("valueCode", value))
		}
	}
	detail("origin", string(m.Origin))
	var words []string
	if m.Origin == summary.OriginOTC {
		words = append(words, x.word("sans ordonnance", "without prescription"))
	}
	if m.HighRisk != summary.Unsaid {
		detail("highRisk", yesNo[m.HighRisk])
	}
	if m.HighRisk == summary.Yes {
		words = append(words, x.word("médicament à haut risque", "high-risk drug"))
	}
	if m.LongTerm != summary.Unsaid {
		detail("longTerm", yesNo[m.LongTerm])
	}
	if m.LongTerm == summary.Yes {
		words = append(words, x.word("au long cours", "long-term"))
	}
	if len(parts) > 0 {
		r.put("extension", list(obj().put("url", extMedication).put("extension", parts)))
	}
	r.put("status", string(status))
	if m.StopReason != "" {
		r.put("statusReason", list(text(m.StopReason)))
	}
	switch m.Origin {
	case summary.OriginHospital:
		r.put("category", codeable("http://terminology.hl7.org/CodeSystem/medication-statement-category", "inpatient", ""))
	case summary.OriginReported, summary.OriginOTC:
		r.put("category", codeable("http://terminology.hl7.org/CodeSystem/medication-statement-category", "patientspecified", ""))
	}
	if len(m.Ingredients) > 0 || m.Strength != "" || m.Form != "" {
		drug := x.url(x.path + " medication")
		x.entry(drug, x.drug(m))
		r.put("medicationReference", reference(drug))
	} else {
		r.put("medicationCodeableConcept", concept(&m.Product))
	}
	r.put("subject", reference(x.patient))
	var more []string
	if m.Start.IsZero() && m.End.IsZero() {
		dated(r, "effectiveDateTime", m.Start)
	} else {
		period, end := x.period(m.Start, m.End)
		r.put("effectivePeriod", period)
		more = append(more, end)
	}
	r.put("dateAsserted", date(m.Recorded))
	if m.Source == summary.SourceReported && m.By.Name == "" {
		r.put("informationSource", reference(x.patient))
	} else {
		r.put("informationSource", reference(x.agent(m.By)))
	}
	if m.Reason != nil {
		r.put("reasonCode", list(concept(m.Reason)))
	}
	if d := m.Dispensed; d != nil {
		said := join(" ", x.word("délivré", "dispensed"), date(d.Date), d.Quantity.Text)
		if d.As != nil {
			said += x.word(" sous le nom de ", " as ") + d.As.Text
		}
		more = append(more, said)
		x.lose(summary.LossChanged, summary.ReasonNoPlace, true, "dispensed", said)
	}
	if t := m.Taken; t != nil {
		x.lose(summary.LossChanged, summary.ReasonNoPlace, true, "taken", t.Value)
		more = append(more, join(", ", x.word("prise réelle : ", "taken: ")+t.Value, date(t.LastTaken), t.ReportedBy.Name))
	}
	r.put("note", x.notesOf(&m.Common, m.Note, more...))
	doses, said := x.dosage(m)
	r.put("dosage", doses)
	x.add("10160-0", url, r, x.line(&m.Common, m.Product.Text, join(", ", words...), m.Strength, string(m.Status), said, join(" - ", date(m.Start), date(m.End)), m.StopReason,
		join(", ", more...), m.Note))
}

// extMedication holds what a MedicationStatement has no element for.
const extMedication = base + "StructureDefinition/medication"

// yesNo are the codes of a flag.
var yesNo = map[summary.Flag]string{summary.Yes: "yes", summary.No: "no"}

var quantityText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([<>]=?)?\s*(\d+/\d+|\d+(?:[.,]\d+)?)\s*(\D.*)?$`)
})

// fractions are the ones that prescriptions write; any other stays a text.
var fractions = map[string]string{"1/2": "0.5", "1/4": "0.25", "3/4": "0.75", "1/8": "0.125"}

// extStrength is a strength in its own words, which may be no ratio.
const extStrength = base + "StructureDefinition/strength"

func (x *exporter) drug(m *summary.Medication) *object {
	r := x.resource("Medication", "", "")
	if m.Strength != "" {
		r.put("extension", list(obj().put("url", extStrength).put("valueString", m.Strength)))
	}
	r.put("code", concept(&m.Product))
	if m.Form != "" {
		r.put("form", text(m.Form))
	}
	var ingredients []any
	for i := range m.Ingredients {
		ingredient := obj().put("itemCodeableConcept", concept(&m.Ingredients[i]))
		if value, unit, ok := number(m.Strength); ok && len(m.Ingredients) == 1 && unit != "" && !strings.ContainsAny(unit, "/+ ") {
			ingredient.put("strength", obj().put("numerator", quantity(value, unit)).put("denominator", quantity("1", "")))
		}
		ingredients = append(ingredients, ingredient)
	}
	return r.put("ingredient", ingredients)
}
