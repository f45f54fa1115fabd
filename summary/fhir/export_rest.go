package fhir

import (
	"slices"
	"strings"

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
			end = x.word("fin : ", "ended: ") + date(c.End)
			x.lose(summary.LossChanged, summary.ReasonNoPlace, true, "abatementDateTime", date(c.End))
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
	r.put("note", x.notesOf(&c.Common, c.Note, end))
	loinc := "11450-4"
	if ended || c.Certainty == summary.CertaintyRefuted {
		loinc = "11348-0"
	}
	x.add(loinc, url, r, x.line(&c.Common, c.Condition.Text, string(c.Certainty), string(c.Status), c.Laterality, join(" - ", date(c.Onset), date(c.End)), c.Note))
}

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
	switch {
	case !c.End.IsZero():
		r.put("performedPeriod", obj().put("start", date(c.Onset)).put("end", date(c.End)))
	default:
		dated(r, "performedDateTime", c.Onset)
	}
	r.put("recorder", reference(x.agent(c.By))).put("bodySite", x.laterality(c.Laterality))
	var more []string
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

func (x *exporter) alerts() {
	s := x.s.Sections.Alerts
	if s == nil {
		return
	}
	for _, c := range s.NoneKnown {
		if c == summary.Category(summary.AlertImplant) {
			device := x.url("no device")
			x.entry(device, obj().put("resourceType", "Device").put("type", said("787483001", "No known devices in use")).
				put("patient", reference(x.patient)))
			x.none("alerts", "46264-8", "DeviceUseStatement none", func(r *object) *object {
				r.put("status", "active").put("subject", reference(x.patient))
				dated(r, "timingDateTime", s.Reviewed)
				return r.put("device", reference(device))
			}, "No known devices in use")
			continue
		}
		x.path = "sections.alerts.noneKnown"
		x.lose(summary.LossChanged, summary.ReasonNoPlace, false, "text", string(c))
	}
	for i := range s.Items {
		x.alert(&s.Items[i], i)
	}
}

func (x *exporter) alert(a *summary.Alert, i int) {
	details := obj()
	var parts []any
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, obj().put("url", name).put("valueString", value))
		}
	}
	add("action", a.Action)
	add("laterality", a.Laterality)
	add("mri", string(a.MRI))
	add("dueDate", date(a.DueDate))
	for _, l := range a.Languages {
		add("language", l)
	}
	for _, n := range a.Needs {
		add("need", n)
	}
	if a.Centre != nil {
		add("centreName", a.Centre.Name)
		add("centrePhone", a.Centre.Phone)
	}
	if len(parts) > 0 {
		details.put("url", extAlert).put("extension", parts)
	}
	priority := obj()
	switch a.Priority {
	case summary.PriorityCritical:
		priority = codeable("http://hl7.org/fhir/flag-priority-code", "PH", "High priority")
	case summary.PriorityImportant:
		priority = codeable("http://hl7.org/fhir/flag-priority-code", "PM", "Medium priority")
	}
	var level *object
	if len(priority.names) > 0 {
		level = obj().put("url", flagPriority).put("valueCodeableConcept", priority)
	}
	extensions := list(level, details)
	centre := ""
	if a.Centre != nil {
		centre = join(" ", a.Centre.Name, a.Centre.Phone)
	}
	line := func() string {
		mri := ""
		if a.MRI != "" {
			mri = x.word("IRM : ", "MRI: ") + string(a.MRI)
		}
		return x.line(&a.Common, string(a.Priority), a.Text, a.Action, a.Laterality, mri, date(a.Since), date(a.DueDate), strings.Join(a.Languages, ", "),
			strings.Join(a.Needs, ", "), centre)
	}
	if a.Kind == summary.AlertImplant {
		url, r := x.begin("alerts", "DeviceUseStatement", i, &a.Common)
		device := x.url(x.path + " device")
		x.entry(device, obj().put("resourceType", "Device").put("type", coded(a.Codes, a.Text)).put("patient", reference(x.patient)))
		r.put("extension", extensions).put("status", "active").put("subject", reference(x.patient))
		dated(r, "timingDateTime", a.Since)
		r.put("recordedOn", date(a.Recorded)).put("source", reference(x.agent(a.By))).put("device", reference(device)).put("note", x.notesOf(&a.Common, ""))
		x.add("46264-8", url, r, line())
		return
	}
	url, r := x.begin("alerts", "Flag", i, &a.Common)
	r.put("extension", extensions).put("status", "active").put("category", list(codeable(sysAlertKind, string(a.Kind), ""))).
		put("code", coded(a.Codes, a.Text)).put("subject", reference(x.patient))
	if !a.Since.IsZero() {
		r.put("period", obj().put("start", date(a.Since)))
	}
	r.put("author", reference(x.agent(a.By)))
	x.without(&a.Common, !a.Recorded.IsZero())
	x.add("104605-1", url, r, line())
}

// without reports what the common members of an item say where its resource has no element for it.
func (x *exporter) without(c *summary.Common, recorded bool) {
	if recorded {
		x.lose(summary.LossDropped, summary.ReasonNoPlace, true, "recorded", date(c.Recorded))
	}
	for _, m := range c.Remarks {
		x.lose(summary.LossChanged, summary.ReasonNoPlace, false, "remarks", m.Text)
	}
}

// loincOf are the codes that measurements are written with.
var loincOf = map[summary.MeasurementKind]struct{ code, section string }{
	summary.MeasureWeight: {"29463-7", "8716-3"},
	summary.MeasureHeight: {"8302-2", "8716-3"},
	// By which formula it was estimated, a summary does not say.
	summary.MeasureEGFR:         {"69405-9", "30954-2"},
	summary.MeasureCreatinine:   {"2160-0", "30954-2"},
	summary.MeasureINR:          {"6301-6", "30954-2"},
	summary.MeasureHbA1c:        {"4548-4", "30954-2"},
	summary.MeasureLVEF:         {"10230-1", "30954-2"},
	summary.MeasureSpO2Baseline: {"59408-5", "8716-3"},
	summary.MeasureECG:          {"11524-6", "30954-2"},
	summary.MeasureBloodGroup:   {"882-1", "30954-2"},
}

func (x *exporter) measurementName(k summary.MeasurementKind) string {
	words, ok := map[summary.MeasurementKind][2]string{
		summary.MeasureWeight: {"poids", "weight"}, summary.MeasureHeight: {"taille", "height"}, summary.MeasureEGFR: {"DFG estimé", "eGFR"},
		summary.MeasureCreatinine: {"créatinine", "creatinine"}, summary.MeasureINR: {"INR", "INR"}, summary.MeasureHbA1c: {"HbA1c", "HbA1c"},
		summary.MeasureLVEF: {"FEVG", "LVEF"}, summary.MeasureSpO2Baseline: {"SpO2 habituelle", "usual SpO2"}, summary.MeasureECG: {"ECG", "ECG"},
		summary.MeasureBloodGroup: {"groupe sanguin, sans valeur transfusionnelle", "blood group, not valid for transfusion"},
	}[k]
	if !ok {
		return x.word("autre mesure", "other measurement")
	}
	return x.word(words[0], words[1])
}

func (x *exporter) measurements() {
	s := x.s.Sections.Measurements
	if s == nil {
		return
	}
	if s.Status != summary.StatusItems {
		x.path = "sections.measurements"
		x.lose(summary.LossDropped, summary.ReasonNoPlace, true, "status", string(s.Status))
	}
	for i := range s.Items {
		m := &s.Items[i]
		url, r := x.begin("measurements", "Observation", i, &m.Common)
		l := loincOf[m.Kind]
		switch {
		case m.Kind == summary.MeasureCreatinine && strings.Contains(m.Unit, "mol"):
			l.code = "14682-9"
		case m.Kind == summary.MeasureHbA1c && strings.Contains(m.Unit, "mol"):
			l.code = "59261-8"
		case l.code == "":
			l.section = "30954-2"
		}
		codes := list(coding(sysMeasurementKind, string(m.Kind), ""))
		if l.code != "" {
			codes = append(list(coding(sysLOINC, l.code, "")), codes...)
		}
		category, label := "laboratory", "Laboratory"
		switch {
		case l.section == "8716-3":
			category, label = "vital-signs", "Vital Signs"
		case m.Kind == summary.MeasureECG || m.Kind == summary.MeasureLVEF:
			category, label = "exam", "Exam"
		}
		r.put("status", "final").put("category", list(codeable("http://terminology.hl7.org/CodeSystem/observation-category", category, label))).
			put("code", obj().put("coding", codes).put("text", x.measurementName(m.Kind))).put("subject", reference(x.patient))
		dated(r, "effectiveDateTime", m.Date)
		by := m.By
		if m.Laboratory != "" {
			by = summary.Author{Org: m.Laboratory}
		}
		r.put("performer", list(reference(x.agent(by))))
		if value, rest, ok := number(m.Value.Text); ok && rest == "" {
			r.put("valueQuantity", quantity(value, m.Unit))
		} else {
			r.put("valueString", join(" ", m.Value.Text, m.Unit))
		}
		r.put("note", x.notesOf(&m.Common, m.Note))
		x.without(&summary.Common{Recorded: m.Recorded}, !m.Recorded.IsZero())
		x.add(l.section, url, r, x.line(&m.Common, x.measurementName(m.Kind), join(" ", m.Value.Text, m.Unit), date(m.Date), m.Laboratory, m.Note))
	}
}

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
			if c.Language != "" {
				r.put("communication", list(obj().put("language", codeable("urn:ietf:bcp:47", c.Language, ""))))
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
