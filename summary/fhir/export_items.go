package fhir

import (
	"regexp"
	"strings"

	"github.com/secours-card/secours/summary"
)

// begin starts the resource of an item, and sets where its losses are.
func (x *exporter) begin(section, kind string, i int, c *summary.Common) (url string, r *object) {
	x.path = pathAfter(section, i)
	level := c.Level
	if level == "" {
		level = summary.DefaultLevel(section)
	}
	x.prefix = join(", ", c.By.Name, c.By.Org, date(c.Recorded))
	return x.url(x.path + c.ID), x.resource(kind, c.ID, level)
}

// notesOf are the Annotations of an item: its note, what the model says that FHIR has no element for, and what others said of it.
func (x *exporter) notesOf(c *summary.Common, note string, more ...string) []any {
	var notes []any
	for _, t := range append([]string{note}, more...) {
		notes = append(notes, list(text(t))...)
	}
	if c.Unreviewed == summary.Yes {
		notes = append(notes, text(x.word("non revu par le médecin", "not reviewed by the physician")))
	}
	for _, m := range c.Remarks {
		a := obj()
		if m.By.Name != "" {
			a.put("authorString", m.By.Name)
		}
		notes = append(notes, a.put("time", date(m.On)).put("text", m.Text))
	}
	return notes
}

// line adds to the narrative who wrote an item.
func (x *exporter) line(c *summary.Common, parts ...string) string {
	said := join(", ", parts...)
	if c.Unreviewed == summary.Yes {
		said += x.word(" (ajout non revu par le médecin)", " (added, not reviewed by the physician)")
	}
	if x.prefix != "" {
		said += " [" + x.prefix + "]"
	}
	for _, m := range c.Remarks {
		said += "\n" + m.Text
	}
	return said
}

// none writes the resource that says that there is none of something.
func (x *exporter) none(section, loinc, name string, r func(*object) *object, display string) {
	x.path = "sections." + section
	x.prefix = ""
	kind, rest, _ := strings.Cut(name, " ")
	url := x.url(x.path + " none " + rest)
	x.add(loinc, url, r(x.resource(kind, "", summary.DefaultLevel(section))), display)
}

// said is a code of SNOMED CT, with what it says as text: labels differ between editions.
func said(code, label string) *object {
	return codeable(sysSNOMED, code, "").put("text", label)
}

func (x *exporter) allergies() {
	s := x.s.Sections.Allergies
	if s == nil {
		return
	}
	absent := func(code, display, category string) {
		x.none("allergies", "48765-2", "AllergyIntolerance "+code, func(r *object) *object {
			r.put("clinicalStatus", codeable("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", "")).
				put("verificationStatus", codeable("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "confirmed", ""))
			if category != "" {
				r.put("category", list(category))
			}
			r.put("code", said(code, display)).put("patient", reference(x.patient))
			return r.put("recordedDate", date(s.Reviewed)).put("recorder", reference(x.agent(s.ReviewedBy)))
		}, display)
	}
	if s.Status == summary.StatusNoneKnown {
		absent("716186003", "No known allergy", "")
	}
	for _, c := range s.NoneKnown {
		switch c {
		case summary.CategoryMedication:
			absent("409137002", "No known drug allergy", "medication")
		case summary.CategoryFood:
			absent("429625007", "No known food allergy", "food")
		case summary.CategoryEnvironment:
			absent("428607008", "No known environmental allergy", "environment")
		case summary.CategoryLatex:
			absent("1003774007", "No known Hevea brasiliensis latex allergy", "")
		default:
			x.path = "sections.allergies.noneKnown"
			x.lose(summary.LossChanged, summary.ReasonNoPlace, false, "text", string(c))
		}
	}
	for i := range s.Items {
		x.allergy(&s.Items[i], i)
	}
}

func (x *exporter) allergy(a *summary.Allergy, i int) {
	url, r := x.begin("allergies", "AllergyIntolerance", i, &a.Common)
	category := map[summary.Category]string{
		summary.CategoryMedication: "medication", summary.CategoryFood: "food", summary.CategoryEnvironment: "environment", summary.CategoryBiologic: "biologic",
		summary.CategoryContrast: "medication", summary.CategoryLatex: "environment",
	}[a.Category]
	var extensions []any
	if a.Category != "" && string(a.Category) != category {
		extensions = append(extensions, obj().put("url", extCategory).put("valueCode", string(a.Category)))
	}
	if a.Basis != "" {
		extensions = append(extensions, obj().put("url", extBasis).put("valueCode", string(a.Basis)))
	}
	r.put("extension", extensions)
	status := a.ClinicalStatus
	if status == "" {
		// AllergyIntolerance wants one (ait-1). What is on the list and was not refuted is taken for what it warns of.
		status = summary.AllergyActive
		if a.Verification == summary.VerificationRefuted {
			status = summary.AllergyInactive
		}
		x.lose(summary.LossChanged, summary.ReasonUnknownCode, true, "clinicalStatus", string(status))
	}
	r.put("clinicalStatus", codeable("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", string(status), ""))
	if a.Verification != "" {
		r.put("verificationStatus", codeable("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", string(a.Verification), ""))
	}
	r.put("type", string(a.Type))
	if category != "" {
		r.put("category", list(category))
	}
	r.put("criticality", string(a.Criticality)).put("code", concept(&a.Agent)).put("patient", reference(x.patient))
	if !a.Onset.IsZero() {
		r.put("onsetDateTime", date(a.Onset))
	}
	r.put("recordedDate", date(a.Recorded)).put("recorder", reference(x.agent(a.By)))
	if a.Source == summary.SourceReported {
		r.put("asserter", reference(x.patient))
	}
	r.put("lastOccurrence", date(a.LastReaction))
	severity := a.Severity
	var grave string
	switch severity {
	case "", "mild", "moderate", "severe":
	case "life-threatening", "fatal":
		severity, grave = "severe", x.word("gravité : ", "severity: ")+a.Severity
	default:
		severity, grave = "", x.word("gravité : ", "severity: ")+a.Severity
	}
	var reactions []any
	for i := range a.Reactions {
		reaction := obj().put("manifestation", list(concept(&a.Reactions[i])))
		if i == 0 {
			reaction.put("severity", severity)
		}
		reactions = append(reactions, reaction)
	}
	if len(reactions) == 0 && severity != "" {
		grave = x.word("gravité : ", "severity: ") + a.Severity
	}
	r.put("note", x.notesOf(&a.Common, a.Note, grave)).put("reaction", reactions)
	var said []string
	for _, c := range a.Reactions {
		said = append(said, c.Text)
	}
	x.add("48765-2", url, r, x.line(&a.Common, a.Agent.Text, string(a.Verification), string(a.ClinicalStatus), string(a.Criticality), strings.Join(said, ", "),
		a.Severity, string(a.Basis), date(a.Onset), date(a.LastReaction), a.Note))
}

const (
	// extCategory is the category of an allergy that FHIR has no code for.
	extCategory = base + "StructureDefinition/allergy-category"
	// extBasis is what an allergy is known from.
	extBasis = base + "StructureDefinition/allergy-basis"
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
	if m.Start.IsZero() && m.End.IsZero() {
		dated(r, "effectiveDateTime", m.Start)
	} else {
		r.put("effectivePeriod", obj().put("start", date(m.Start)).put("end", date(m.End)))
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
	var more []string
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

var quantityText = regexp.MustCompile(`^([<>]=?)?\s*(\d+/\d+|\d+(?:[.,]\d+)?)\s*(\D.*)?$`)

// fractions are the ones that prescriptions write; any other stays a text.
var fractions = map[string]string{"1/2": "0.5", "1/4": "0.25", "3/4": "0.75", "1/8": "0.125"}

// number reads the number that begins a text, as JSON writes it, and what follows; ok is false where there is none.
func number(s string) (value, rest string, ok bool) {
	m := quantityText.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil || m[1] != "" {
		return "", "", false
	}
	value = strings.Replace(m[2], ",", ".", 1)
	if strings.Contains(value, "/") {
		if value, ok = fractions[value]; !ok {
			return "", "", false
		}
	}
	if len(value) > 1 && value[0] == '0' && value[1] != '.' || len(value) > 18 {
		return "", "", false
	}
	return value, strings.TrimSpace(m[3]), true
}

// raw is a number as it is written in JSON.
type raw string

// MarshalJSON writes the number.
func (n raw) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// ucum are the codes of the units that measurements and strengths mostly have, by how people write them.
var ucum = map[string]string{
	"kg": "kg", "g": "g", "mg": "mg", "µg": "ug", "μg": "ug", "cm": "cm", "m": "m", "%": "%", "mL": "mL", "ml": "mL", "mg/L": "mg/L", "mg/dL": "mg/dL", "g/L": "g/L",
	"µmol/L": "umol/L", "μmol/L": "umol/L", "umol/L": "umol/L", "mmol/L": "mmol/L", "mmol/mol": "mmol/mol", "mL/min": "mL/min",
	"mL/min/1,73 m²": "mL/min/{1.73_m2}", "mL/min/1.73 m²": "mL/min/{1.73_m2}", "mL/min/1.73m2": "mL/min/{1.73_m2}", "mL/min/{1.73_m2}": "mL/min/{1.73_m2}",
	"UI": "[IU]", "IU": "[IU]", "lb": "[lb_av]", "in": "[in_i]",
}

func quantity(value, unit string) *object {
	q := obj().put("value", raw(value)).put("unit", unit)
	if code := ucum[unit]; code != "" {
		q.put("system", sysUCUM).put("code", code)
	}
	return q
}

// extStrength is a strength in its own words, which may be no ratio.
const extStrength = base + "StructureDefinition/strength"

func (x *exporter) drug(m *summary.Medication) *object {
	r := obj().put("resourceType", "Medication")
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

// extPeriod is the period of a dose whose times are in its text alone: a weekly dose must never become one of an unknown rhythm.
const extPeriod = base + "StructureDefinition/dosage-period"

// dosage writes a dose. Its text has all of it, for those who read nothing else: what is not daily in capitals.
func (x *exporter) dosage(m *summary.Medication) (doses []any, said string) {
	d := m.Dosage
	route := list(m.Route)
	withRoute := func(o *object) *object {
		if len(route) > 0 {
			o.put("route", text(m.Route))
		}
		return o
	}
	if d == nil {
		if len(route) > 0 {
			doses = list(withRoute(obj()))
		}
		return doses, ""
	}
	rhythm := rhythmWords(d.Period, d.Weekdays, x.french)
	var codes []any
	for _, w := range d.Weekdays {
		codes = append(codes, string(w))
	}
	needed := ""
	if d.AsNeeded == summary.Yes {
		needed = x.word("si besoin", "as needed")
	}
	limit := ""
	if d.MaxPerDay.Text != "" {
		limit = x.word("au plus ", "at most ") + d.MaxPerDay.Text + x.word(" par jour", " a day")
	}
	common := func(o *object) *object {
		if d.AsNeeded != summary.Unsaid {
			o.put("asNeededBoolean", d.AsNeeded == summary.Yes)
		}
		return withRoute(o)
	}
	amounts := [4]string{d.Morning, d.Noon, d.Evening, d.Bedtime}
	column := func(i int) string {
		when := whens[columnCodes[i]]
		return join(" ", amounts[i], d.Unit, x.word(when[0], when[1]))
	}
	var columns []string
	for i, amount := range amounts {
		if amount != "" {
			columns = append(columns, column(i))
		}
	}
	said = join(", ", join(", ", columns...), rhythm, needed, limit, d.Text)
	first := true
	for i, amount := range amounts {
		if amount == "" {
			continue
		}
		line := join(", ", column(i), rhythm)
		o := obj()
		if d.Period != "" && d.Period != summary.PeriodDay {
			o.put("extension", list(obj().put("url", extPeriod).put("valueCode", string(d.Period))))
		}
		o.put("sequence", len(doses)+1).put("text", line)
		if first && d.Text != "" {
			o.put("additionalInstruction", list(text(d.Text)))
		}
		first = false
		repeat := obj()
		switch {
		case len(codes) > 0:
			repeat.put("dayOfWeek", codes)
		case d.Period == summary.PeriodDay || d.Period == summary.PeriodWeek || d.Period == summary.PeriodMonth:
			unit := map[summary.Period]string{summary.PeriodDay: "d", summary.PeriodWeek: "wk", summary.PeriodMonth: "mo"}[d.Period]
			repeat.put("frequency", 1).put("period", 1).put("periodUnit", unit)
		}
		repeat.put("when", list(columnCodes[i]))
		o.put("timing", obj().put("repeat", repeat))
		common(o)
		if value, rest, ok := number(amount); ok && rest == "" {
			o.put("doseAndRate", list(obj().put("doseQuantity", quantity(value, d.Unit))))
		}
		x.max(o, d)
		doses = append(doses, o)
	}
	if len(doses) > 0 {
		return doses, said
	}
	o := obj()
	if d.Period != "" {
		o.put("extension", list(obj().put("url", extPeriod).put("valueCode", string(d.Period))))
	}
	o.put("text", join(", ", d.Text, rhythmUnless(d.Text, rhythm), needed, limit))
	if len(codes) > 0 {
		o.put("timing", obj().put("repeat", obj().put("dayOfWeek", codes)))
	}
	common(o)
	x.max(o, d)
	return list(o), said
}

// rhythmUnless leaves a rhythm out where the text has it in its words.
func rhythmUnless(text, rhythm string) string {
	if strings.Contains(strings.ToUpper(text), rhythm) {
		return ""
	}
	return rhythm
}

// max writes what must not be exceeded in a day, where it is a number.
func (x *exporter) max(o *object, d *summary.Dosage) {
	if value, unit, ok := number(d.MaxPerDay.Text); ok {
		o.put("maxDosePerPeriod", obj().put("numerator", quantity(value, unit)).
			put("denominator", obj().put("value", 1).put("unit", "d").put("system", sysUCUM).put("code", "d")))
	}
}
