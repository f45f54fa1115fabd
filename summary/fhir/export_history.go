package fhir

import (
	"slices"

	"github.com/secours-card/secours/summary"
)

// sysConditionKind tells what in a history is no disease.
const sysConditionKind = base + "CodeSystem/condition-kind"

func (x *exporter) history() {
	s := x.s.Sections.History
	if s == nil {
		return
	}
	none := func(kind summary.ConditionKind) bool {
		return s.Status == summary.StatusNoneKnown || slices.Contains(s.NoneKnown, summary.Category(kind))
	}
	if none(summary.ConditionDisease) {
		x.none("history", "11450-4", "Condition disease", func(r *object) *object {
			return r.put("clinicalStatus", codeable("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "")).
				put("code", said("160245001", "No current problems or disability")).put("subject", reference(x.patient)).
				put("recordedDate", date(s.Reviewed)).put("recorder", reference(x.agent(s.ReviewedBy)))
		}, "No current problems or disability")
	}
	if none(summary.ConditionProcedure) {
		x.none("history", "47519-4", "Procedure none", func(r *object) *object {
			r.put("status", "completed").put("code", said("787480003", "No known procedures")).put("subject", reference(x.patient))
			dated(r, "performedDateTime", summary.Date{})
			return r
		}, "No known procedures")
	}
	for _, c := range s.NoneKnown {
		if c != summary.Category(summary.ConditionDisease) && c != summary.Category(summary.ConditionProcedure) {
			x.path = "sections.history.noneKnown"
			x.lose(summary.LossChanged, summary.ReasonNoPlace, false, "text", string(c))
		}
	}
	for i := range s.Items {
		c := &s.Items[i]
		switch c.Kind {
		case summary.ConditionProcedure:
			x.procedure(c, i)
		case summary.ConditionFamily:
			x.family(c, i)
		default:
			x.condition(c, i)
		}
	}
}

func (x *exporter) condition(c *summary.Condition, i int) {
	url, r := x.begin("history", "Condition", i, &c.Common)
	status := c.Status
	ended := status == summary.HistoryInactive || status == summary.HistoryRemission || status == summary.HistoryResolved
	var end string
	if !c.End.IsZero() && !ended {
		if status == "" {
			// What has ended is not active any more (con-4).
			status, ended = summary.HistoryInactive, true
			x.lose(summary.LossChanged, summary.ReasonUnknownCode, true, "clinicalStatus", string(status))
		} else {
			// What is active has no abatement (con-4), and yet somebody said so.
			end = x.word("fin : ", "ended: ") + date(c.End)
			r.put("extension", list(obj().put("url", extEnd).put("valueDateTime", date(c.End))))
		}
	}
	if status != "" {
		r.put("clinicalStatus", codeable("http://terminology.hl7.org/CodeSystem/condition-clinical", string(status), ""))
	}
	if certainty := c.Certainty; certainty != "" {
		if certainty == summary.CertaintySuspected {
			certainty = summary.CertaintyProvisional
			x.lose(summary.LossChanged, summary.ReasonUnknownCode, true, "verificationStatus", string(c.Certainty))
		}
		r.put("verificationStatus", codeable("http://terminology.hl7.org/CodeSystem/condition-ver-status", string(certainty), ""))
	}
	var categories []any
	if status != "" && !ended {
		categories = append(categories, codeable("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item", "Problem List Item"))
	}
	if c.Kind != "" && c.Kind != summary.ConditionDisease {
		categories = append(categories, codeable(sysConditionKind, string(c.Kind), ""))
	}
	r.put("category", categories).put("code", concept(&c.Condition)).put("bodySite", x.laterality(c.Laterality)).put("subject", reference(x.patient))
	if !c.Onset.IsZero() {
		r.put("onsetDateTime", date(c.Onset))
	}
	if !c.End.IsZero() && ended {
		r.put("abatementDateTime", date(c.End))
	}
	r.put("recordedDate", date(c.Recorded)).put("recorder", reference(x.agent(c.By)))
	if c.Source == summary.SourceReported {
		r.put("asserter", reference(x.patient))
	}
	r.put("note", x.notesOf(&c.Common, c.Note))
	loinc := "11450-4"
	if ended || c.Certainty == summary.CertaintyRefuted {
		loinc = "11348-0"
	}
	x.add(loinc, url, r, x.line(&c.Common, c.Condition.Text, string(c.Certainty), string(c.Status), c.Laterality, join(" - ", date(c.Onset), date(c.End)), c.Note, end))
}

// extEnd is when a condition ended that is active all the same.
const extEnd = base + "StructureDefinition/condition-end"

// laterality is a body site of SNOMED CT for the sides that have a code.
func (x *exporter) laterality(side string) []any {
	if side == "" {
		return nil
	}
	for code, name := range sides {
		if name == side {
			return list(codeable(sysSNOMED, code, ""))
		}
	}
	return list(text(side))
}

func (x *exporter) procedure(c *summary.Condition, i int) {
	url, r := x.begin("history", "Procedure", i, &c.Common)
	r.put("status", "completed").put("code", concept(&c.Condition)).put("subject", reference(x.patient))
	var more []string
	if c.End.IsZero() {
		dated(r, "performedDateTime", c.Onset)
	} else {
		period, end := x.period(c.Onset, c.End)
		r.put("performedPeriod", period)
		more = append(more, end)
	}
	r.put("recorder", reference(x.agent(c.By))).put("bodySite", x.laterality(c.Laterality))
	if c.Status != "" || c.Certainty != "" {
		more = append(more, join(", ", string(c.Status), string(c.Certainty)))
	}
	r.put("note", x.notesOf(&c.Common, c.Note, more...))
	x.add("47519-4", url, r, x.line(&c.Common, c.Condition.Text, c.Laterality, join(" - ", date(c.Onset), date(c.End)), c.Note))
}

func (x *exporter) family(c *summary.Condition, i int) {
	url, r := x.begin("history", "FamilyMemberHistory", i, &c.Common)
	condition := obj().put("code", concept(&c.Condition))
	if !c.Onset.IsZero() {
		condition.put("onsetString", date(c.Onset))
	}
	r.put("status", "completed").put("patient", reference(x.patient)).put("date", date(c.Recorded)).
		put("relationship", codeable("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "FAMMEMB", "family member")).
		put("note", x.notesOf(&c.Common, c.Note)).put("condition", list(condition))
	if c.By.Name != "" {
		x.lose(summary.LossDropped, summary.ReasonNoPlace, true, "by", c.By.Name)
	}
	x.add("10157-6", url, r, x.line(&c.Common, c.Condition.Text, date(c.Onset), c.Note))
}
