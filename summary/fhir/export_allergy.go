package fhir

import (
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

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
	none := s.NoneKnown
	refuted := !slices.ContainsFunc(s.Items, func(a summary.Allergy) bool { return a.Verification != summary.VerificationRefuted })
	if s.Status == summary.StatusNoneKnown || len(none) == len(ownCategories) && refuted {
		// None of any category is none, beside those that were refuted.
		none = nil
		absent("716186003", "No known allergy", "")
	}
	for _, c := range none {
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
	verification := a.Verification
	if verification == summary.VerificationPresumed {
		// R4 does not have it yet; in R5 it is a kind of unconfirmed.
		verification = summary.VerificationUnconfirmed
		extensions = append(extensions, obj().put("url", extVerification).put("valueCode", string(a.Verification)))
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
		r.put("verificationStatus", codeable("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", string(verification), ""))
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
	// extVerification is a verification that R4 has no code for.
	extVerification = base + "StructureDefinition/allergy-verification"
	// extBasis is what an allergy is known from.
	extBasis = base + "StructureDefinition/allergy-basis"
)
