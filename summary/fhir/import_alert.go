package fhir

import (
	"cmp"
	"strings"

	"github.com/secours-card/secours/summary"
)

func (im *importer) addAlert(a summary.Alert, r *resource) {
	s := &im.summary.Sections
	if s.Alerts == nil {
		s.Alerts = &summary.Section[summary.Alert]{}
	}
	s.Alerts.Items = append(s.Alerts.Items, a)
	im.sources["alerts"] = append(im.sources["alerts"], r.label)
}

// sysAlertKind is the code system of the kinds of alerts, which an export writes as the category of a Flag.
const sysAlertKind = base + "CodeSystem/alert-kind"

// flagPriority is the extension of IPS for how much a Flag matters.
const flagPriority = "http://hl7.org/fhir/StructureDefinition/flag-priority"

func (im *importer) flag(r *resource) bool {
	switch status := im.code(r, "status"); status {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "inactive":
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	if im.absent(r, r.peek("code"), "alerts", partAll, true) {
		return false
	}
	a := summary.Alert{Common: im.common(r, "alerts", "author"), Kind: summary.AlertOther}
	if c := im.concept(r, r.get("code"), "code"); c != nil {
		a.Text, a.Codes = c.Text, c.Codes
	}
	if a.Text == "" {
		im.drop(r, summary.ReasonNoText)
		return false
	}
	if kind := own(im, r, "category", ownCode(r.get("category"), sysAlertKind), ownAlertKinds); kind != "" {
		a.Kind = kind
		r.skip("category")
	} else {
		// A category of care, as "drug" or "safety", is shown with the text.
		for _, n := range r.get("category").list() {
			if c := im.concept(r, n, "category"); c != nil {
				im.minor(r, summary.LossDropped, summary.ReasonNoPlace, "category", c.Text)
			}
		}
	}
	for _, e := range r.each("extension") {
		if !im.alertExtension(r, e, &a) {
			e.read = false
		}
	}
	if p := r.get("period"); p != nil {
		var end summary.Date
		a.Since, end = im.period(r, p, "period")
		if !end.IsZero() {
			a.Text += im.word(", jusqu'au ", ", until ") + end.String()
		}
	}
	im.addAlert(a, r)
	return true
}

// alertExtension reads the extensions of an alert that a summary has a member for.
func (im *importer) alertExtension(r *resource, e *node, a *summary.Alert) bool {
	switch e.peek("url").str() {
	case flagPriority:
		e.readAll()
		switch conceptCode(e.peek("valueCodeableConcept")) {
		case "PH":
			a.Priority = summary.PriorityCritical
		case "PM":
			a.Priority = summary.PriorityImportant
		}
	case extAlert:
		im.alertDetails(r, e, a)
	default:
		return false
	}
	return true
}

// device takes what a patient carries in or on him: from a DeviceUseStatement, or from a Device that none speaks of.
func (im *importer) device(r *resource) bool {
	a := summary.Alert{Kind: summary.AlertImplant}
	body := r
	var until summary.Date
	if r.kind == "DeviceUseStatement" {
		switch status := im.code(r, "status"); status {
		case "entered-in-error":
			im.drop(r, summary.ReasonEnteredInError)
			return false
		case "", "active", "completed":
			// A statement about a device is completed, the device is still there.
		default:
			im.say(r, summary.LossAmbiguous, summary.ReasonNotInForce, "status", status)
		}
		a.Common = im.common(r, "alerts", "source")
		a.Since, until = im.moment(r, "timing")
		ref := r.get("device")
		ref.readAll()
		display := ref.peek("display").str()
		body = im.resolve(r, ref.peek("reference").str())
		if im.absent(r, ref.peek("concept"), "alerts", partDevices, true) { // R5
			return false
		}
		if body != nil && body.kind != "Device" {
			im.say(r, summary.LossAmbiguous, summary.ReasonWrongType, "device", body.label)
			body = nil
		}
		if body == nil {
			a.Text = display
			im.say(r, summary.LossAmbiguous, summary.ReasonNotFound, "device", cmp.Or(display, ref.peek("reference").str()))
		}
	} else {
		a.Common = im.common(r, "alerts")
	}
	if body != nil {
		if im.absent(r, body.peek("type"), "alerts", partDevices, true) {
			body.done = true
			body.readAll()
			return false
		}
		im.deviceResource(body, &a)
	}
	for _, e := range r.each("extension") {
		if !im.alertExtension(r, e, &a) {
			e.read = false
		}
	}
	texts := []string{a.Text}
	if site := im.concept(r, r.get("bodySite"), "bodySite"); site != nil {
		texts = append(texts, site.Text)
		for _, code := range site.Codes {
			im.minor(r, summary.LossDropped, summary.ReasonNoPlace, "bodySite.coding", code.Code)
		}
	}
	for _, reason := range r.get("reasonCode").list() {
		if c := im.concept(r, reason, "reasonCode"); c != nil {
			texts = append(texts, c.Text)
		}
	}
	a.Text = join(", ", texts...)
	if !until.IsZero() {
		a.Text += im.word(", jusqu'au ", ", until ") + until.String()
	}
	a.Text = join("\n", a.Text, im.notes(r, "note"))
	if body != nil && body != r {
		body.done, body.read = true, true
		im.unreadOf(body)
	}
	if strings.TrimSpace(a.Text) == "" {
		im.drop(r, summary.ReasonNoText)
		return false
	}
	im.addAlert(a, r)
	return true
}

func (im *importer) deviceResource(d *resource, a *summary.Alert) {
	if c := im.concept(d, d.get("type"), "type"); c != nil {
		a.Text, a.Codes = c.Text, c.Codes
	}
	texts := []string{a.Text}
	for _, n := range d.each("deviceName") {
		n.skip("type", "id")
		if name := im.text(d, n.get("name"), "deviceName.name"); !strings.EqualFold(name, a.Text) {
			texts = append(texts, name)
		}
	}
	for _, name := range []string{"manufacturer", "modelNumber"} {
		texts = append(texts, im.text(d, d.get(name), name))
	}
	if c := im.concept(d, d.get("safety"), "safety"); c != nil {
		texts = append(texts, c.Text)
	}
	a.Text = join(", ", texts...)
	d.skip("id", "text", "identifier", "status", "patient", "owner", "meta")
}

// alertDetails reads what an export says of an alert beyond a Flag.
func (im *importer) alertDetails(r *resource, e *node, a *summary.Alert) {
	e.readAll()
	for _, n := range e.peek("extension").list() {
		value := cmp.Or(n.peek("valueString").str(), n.peek("valueCode").str(), n.peek("valueDate").str())
		switch n.peek("url").str() {
		case "action":
			a.Action = value
		case "laterality":
			a.Laterality = value
		case "mri":
			a.MRI = own(im, r, "extension", value, ownMRIs)
		case "dueDate":
			a.DueDate = im.date(r, cmp.Or(n.peek("valueString"), n.peek("valueDate")), "extension")
		case "language":
			a.Languages = append(a.Languages, value)
		case "need":
			a.Needs = append(a.Needs, value)
		case "centreName", "centrePhone":
			if a.Centre == nil {
				a.Centre = &summary.Centre{}
			}
			if n.peek("url").str() == "centreName" {
				a.Centre.Name = value
			} else {
				a.Centre.Phone = value
			}
		default:
			im.say(r, summary.LossDropped, summary.ReasonUnknownCode, "extension", n.gist(summary.MaxLossText))
		}
	}
}

// extAlert holds what a Flag has no element for.
const extAlert = base + "StructureDefinition/alert"
