package fhir

import (
	"strings"

	"github.com/secours-card/secours/summary"
)

func (x *exporter) alerts() {
	s := x.s.Sections.Alerts
	if s == nil {
		return
	}
	for _, c := range s.NoneKnown {
		if c == summary.Category(summary.AlertImplant) {
			device := x.url("no device")
			x.entry(device, x.resource("Device", "", "").put("type", said("787483001", "No known devices in use")).
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
		x.entry(device, x.resource("Device", "", "").put("type", coded(a.Codes, a.Text)).put("patient", reference(x.patient)))
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
