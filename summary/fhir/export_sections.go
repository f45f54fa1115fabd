package fhir

import (
	"strings"

	"github.com/secours-card/secours/summary"
)

func (x *exporter) vaccinations() {
	s := x.s.Sections.Vaccinations
	if s == nil {
		return
	}
	for i := range s.Items {
		v := &s.Items[i]
		url, r := x.begin("vaccinations", "Immunization", i, &v.Common)
		r.put("status", "completed").put("vaccineCode", concept(&v.Vaccine)).put("patient", reference(x.patient))
		dated(r, "occurrenceDateTime", v.Date)
		r.put("recorded", date(v.Recorded))
		if by := x.agent(v.By); by != "" {
			r.put("performer", list(obj().put("actor", reference(by))))
		}
		r.put("note", x.notesOf(&v.Common, v.Note))
		x.add("11369-6", url, r, x.line(&v.Common, v.Vaccine.Text, date(v.Date), v.Note))
	}
}

func (x *exporter) visits() {
	s := x.s.Sections.Visits
	if s == nil {
		return
	}
	for i := range s.Items {
		v := &s.Items[i]
		url, r := x.begin("visits", "Encounter", i, &v.Common)
		if v.Note != "" {
			r.put("extension", list(obj().put("url", extText).put("valueString", v.Note)))
		}
		r.put("status", "finished").put("class", coding(sysDataAbsent, "unknown", "Unknown")).put("subject", reference(x.patient)).
			put("period", obj().put("start", date(v.Date))).put("reasonCode", list(concept(&v.Reason)))
		if v.Conclusion != nil {
			r.put("diagnosis", list(obj().put("condition", obj().put("display", v.Conclusion.Text))))
			if len(v.Conclusion.Codes) > 0 {
				x.lose(summary.LossDropped, summary.ReasonNoPlace, true, "diagnosis.condition", v.Conclusion.Codes[0].Code)
			}
		}
		if v.Place != "" {
			r.put("location", list(obj().put("location", obj().put("display", v.Place))))
		}
		x.without(&v.Common, !v.Recorded.IsZero() || v.By.Name != "")
		conclusion := ""
		if v.Conclusion != nil {
			conclusion = v.Conclusion.Text
		}
		x.add("46240-8", url, r, x.line(&v.Common, date(v.Date), v.Reason.Text, conclusion, v.Place, v.Note))
	}
}

func (x *exporter) directives() {
	s := x.s.Sections.Directives
	if s == nil {
		return
	}
	for i := range s.Items {
		d := &s.Items[i]
		url, r := x.begin("directives", "Consent", i, &d.Common)
		if d.Text != "" {
			r.put("extension", list(obj().put("url", extText).put("valueString", d.Text)))
		}
		categories := list(codeable(sysDirectiveKind, string(d.Kind), ""))
		if d.Subject != "" {
			categories = append(categories, codeable(sysDirectiveSubject, string(d.Subject), ""))
		}
		if d.Position != "" {
			categories = append(categories, codeable(sysPosition, string(d.Position), ""))
		}
		provision := obj()
		switch d.Position {
		case summary.PositionOpposed:
			provision.put("type", "deny")
		case summary.PositionNotOpposed:
			provision.put("type", "permit")
		}
		r.put("status", "active").put("scope", codeable("http://terminology.hl7.org/CodeSystem/consentscope", "adr", "Advanced Care Directive")).
			put("category", categories).put("patient", reference(x.patient)).put("dateTime", date(d.Date)).
			put("performer", list(reference(x.agent(d.By))))
		if d.Location != "" {
			r.put("sourceAttachment", obj().put("title", d.Location))
		}
		// A Consent wants a policy or a rule (ppc-1).
		r.put("policyRule", text(string(d.Kind))).put("provision", provision)
		x.without(&d.Common, !d.Recorded.IsZero())
		x.add("42348-3", url, r, x.line(&d.Common, string(d.Kind), string(d.Subject), string(d.Position), d.Text, d.Location, date(d.Date)))
	}
}

// extPriority is whom to call first.
const extPriority = base + "StructureDefinition/contact-priority"

func (x *exporter) contacts() {
	if s := x.s.Sections.Contacts; s != nil {
		for i := range s.Items {
			c := &s.Items[i]
			url, r := x.begin("contacts", "RelatedPerson", i, &c.Common)
			if c.Priority.Text != "" {
				r.put("extension", list(obj().put("url", extPriority).put("valueString", c.Priority.Text)))
			}
			r.put("active", true).put("patient", reference(x.patient))
			var relationships []any
			if c.Kind != "" {
				relationships = append(relationships, codeable(sysContactKind, string(c.Kind), ""))
			}
			if c.Relationship != "" {
				relationships = append(relationships, text(c.Relationship))
			}
			r.put("relationship", relationships).put("name", list(text(c.Name)))
			var phones []any
			for n, phone := range c.Phones {
				phones = append(phones, obj().put("system", "phone").put("value", phone).put("rank", n+1))
			}
			r.put("telecom", phones)
			switch {
			case c.Language == "":
			case language(c.Language) != "":
				r.put("communication", list(obj().put("language", codeable("urn:ietf:bcp:47", c.Language, ""))))
			default:
				r.put("communication", list(obj().put("language", text(c.Language))))
			}
			x.add("contacts", url, r, x.line(&c.Common, c.Name, c.Relationship, strings.Join(c.Phones, ", "), c.Language))
		}
	}
	if c := x.s.Consent; c != nil {
		x.path = "consent"
		r := x.resource("Consent", "", summary.LevelCare)
		if c.Scope != "" {
			r.put("extension", list(obj().put("url", extText).put("valueString", c.Scope)))
		}
		provision := obj()
		switch c.EmergencyAccess {
		case summary.Yes:
			provision.put("type", "permit")
		case summary.No:
			provision.put("type", "deny")
		}
		r.put("status", "active").put("scope", codeable("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy", "Privacy Consent")).
			put("category", list(codeable(sysConsent, "summary", ""))).put("patient", reference(x.patient)).put("dateTime", date(c.Date)).
			put("performer", list(reference(x.agent(c.By)))).put("policyRule", text("summary on a card")).put("provision", provision)
		x.add("consent", x.url("consent"), r, join(", ", date(c.Date), c.By.Name, c.Scope))
	}
}
