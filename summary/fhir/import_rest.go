package fhir

import (
	"cmp"
	"slices"
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

// ownCode returns the code that a CodeableConcept, or a list of them, has of a system, and reads it.
func ownCode(n *node, system string) string {
	for _, concept := range n.list() {
		for _, c := range concept.peek("coding").list() {
			if c.peek("system").str() == system {
				concept.read = true
				c.readAll()
				return c.peek("code").str()
			}
		}
	}
	return ""
}

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
	if none, ok := absentOf(r.peek("code")); ok {
		im.claim("alerts", none.part, none, r)
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
	if kind := summary.AlertKind(ownCode(r.get("category"), sysAlertKind)); kind != "" {
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
		if !im.alertExtension(e, &a) {
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
func (im *importer) alertExtension(e *node, a *summary.Alert) bool {
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
		im.alertDetails(e, a)
	default:
		return false
	}
	return true
}

// conceptCode is the code of the first coding.
func conceptCode(n *node) string {
	for _, c := range n.peek("coding").list() {
		return c.peek("code").str()
	}
	return n.peek("code").str()
}

// device takes what a patient carries in or on him: from a DeviceUseStatement, or from a Device that none speaks of.
func (im *importer) device(r *resource) bool {
	a := summary.Alert{Kind: summary.AlertImplant}
	body := r
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
		a.Since, _ = im.moment(r, "timing")
		ref := r.get("device")
		ref.readAll()
		display := ref.peek("display").str()
		body = im.resolve(r, ref.peek("reference").str())
		if none, ok := absentOf(ref.peek("concept")); ok {
			im.claim("alerts", cmp.Or(none.part, partDevices), none, r)
			return false
		}
		if body == nil {
			a.Text = display
			im.say(r, summary.LossAmbiguous, summary.ReasonNotFound, "device", cmp.Or(display, ref.peek("reference").str()))
		}
	} else {
		a.Common = im.common(r, "alerts")
	}
	if body != nil {
		if none, ok := absentOf(body.peek("type")); ok {
			body.done = true
			body.readAll()
			im.claim("alerts", cmp.Or(none.part, partDevices), none, r)
			return false
		}
		im.deviceResource(body, &a)
	}
	for _, e := range r.each("extension") {
		if !im.alertExtension(e, &a) {
			e.read = false
		}
	}
	if site := im.concept(r, r.get("bodySite"), "bodySite"); site != nil {
		a.Text = join(", ", a.Text, site.Text)
		for _, code := range site.Codes {
			im.minor(r, summary.LossDropped, summary.ReasonNoPlace, "bodySite.coding", code.Code)
		}
	}
	for _, reason := range r.get("reasonCode").list() {
		if c := im.concept(r, reason, "reasonCode"); c != nil {
			a.Text = join(", ", a.Text, c.Text)
		}
	}
	if note := im.notes(r, "note"); note != "" {
		a.Text = join("\n", a.Text, note)
	}
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
	for _, n := range d.each("deviceName") {
		n.skip("type", "id")
		if name := im.text(d, n.get("name"), "deviceName.name"); name != "" && !strings.EqualFold(name, a.Text) {
			a.Text = join(", ", a.Text, name)
		}
	}
	for _, name := range []string{"manufacturer", "modelNumber"} {
		if text := im.text(d, d.get(name), name); text != "" {
			a.Text = join(", ", a.Text, text)
		}
	}
	if text := im.concept(d, d.get("safety"), "safety"); text != nil {
		a.Text = join(", ", a.Text, text.Text)
	}
	d.skip("id", "text", "identifier", "status", "patient", "owner", "meta")
}

// immunization takes a dose that was given.
func (im *importer) immunization(r *resource) bool {
	if none, ok := absentOf(r.peek("vaccineCode")); ok {
		im.claim("vaccinations", partAll, none, r)
		return false
	}
	switch status := im.code(r, "status"); status {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "not-done":
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	v := summary.Vaccination{Common: im.common(r, "vaccinations", "performer", "reportOrigin")}
	c := im.concept(r, r.get("vaccineCode"), "vaccineCode")
	if c == nil {
		im.drop(r, summary.ReasonNoText)
		return false
	}
	v.Vaccine = *c
	var notes []string
	v.Date, _ = im.moment(r, "occurrence")
	notes = append(notes, im.describeMoment(r, "occurrence"))
	for _, n := range r.each("protocolApplied") {
		number := cmp.Or(im.text(r, n.get("doseNumberPositiveInt"), "doseNumber"), im.text(r, n.get("doseNumberString"), "doseNumber"), im.text(r, n.get("doseNumber"), "doseNumber"))
		of := cmp.Or(im.text(r, n.get("seriesDosesPositiveInt"), "seriesDoses"), im.text(r, n.get("seriesDosesString"), "seriesDoses"))
		if number != "" && of != "" {
			number += "/" + of
		}
		if number != "" {
			notes = append(notes, im.word("dose ", "dose ")+number)
		}
		n.skip("id", "authority")
		for _, target := range n.get("targetDisease").list() {
			if c := im.concept(r, target, "targetDisease"); c != nil {
				notes = append(notes, c.Text)
			}
		}
	}
	if lot := im.text(r, r.get("lotNumber"), "lotNumber"); lot != "" {
		notes = append(notes, im.word("lot ", "lot ")+lot)
	}
	for _, n := range r.each("reaction") {
		notes = append(notes, im.word("réaction : ", "reaction: ")+n.gist(100))
		n.readAll()
	}
	r.skip("primarySource", "encounter", "location", "expirationDate", "doseQuantity", "route", "site")
	v.Note = join("\n", im.notes(r, "note"), join(", ", notes...))
	s := &im.summary.Sections
	if s.Vaccinations == nil {
		s.Vaccinations = &summary.Section[summary.Vaccination]{}
	}
	s.Vaccinations.Items = append(s.Vaccinations.Items, v)
	im.sources["vaccinations"] = append(im.sources["vaccinations"], r.label)
	return true
}

// encounter takes a consultation or stay.
func (im *importer) encounter(r *resource) bool {
	switch im.code(r, "status") {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "cancelled", "planned":
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	v := summary.Visit{Common: im.common(r, "visits")}
	if p := cmp.Or(r.get("period"), r.get("actualPeriod")); p != nil {
		var end summary.Date
		v.Date, end = im.period(r, p, "period")
		if v.Date.IsZero() {
			v.Date = end
		} else if !end.IsZero() && end != v.Date {
			v.Note = im.word("jusqu'au ", "until ") + end.String()
		}
	}
	var reasons []summary.Concept
	read := func(n *node, element string) {
		if c := im.concept(r, n, element); c != nil {
			reasons = append(reasons, *c)
		}
	}
	for _, n := range r.get("reasonCode").list() {
		read(n, "reasonCode")
	}
	for _, ref := range r.each("reasonReference") {
		ref.readAll()
		if to := im.find(r, ref.peek("reference").str()); to != nil {
			read(clone(to.peek("code")), "reasonReference")
		} else if display := ref.peek("display").str(); display != "" {
			reasons = append(reasons, summary.Concept{Text: display})
		}
	}
	for _, n := range r.each("diagnosis") {
		ref := n.get("condition")
		n.readAll()
		to := im.find(r, ref.peek("reference").str())
		var c *summary.Concept
		if to != nil {
			c = im.concept(r, clone(to.peek("code")), "diagnosis")
		} else if display := ref.peek("display").str(); display != "" {
			c = &summary.Concept{Text: display}
		}
		if c != nil && v.Conclusion == nil {
			v.Conclusion = c
		} else if c != nil {
			v.Note = join("\n", v.Note, c.Text)
		}
	}
	for _, name := range []string{"type", "serviceType", "class"} {
		for _, n := range r.get(name).list() {
			if n.peek("coding") == nil && n.peek("code") != nil { // a Coding
				n = &node{kind: kindObject, names: []string{"coding"}, kids: []*node{n}}
			}
			c := im.concept(r, n, name)
			switch {
			case c == nil:
			case len(reasons) == 0:
				reasons = append(reasons, *c)
			case name != "class":
				v.Note = join("\n", v.Note, c.Text)
			}
		}
	}
	for i, c := range reasons {
		if i == 0 {
			v.Reason = c
		} else {
			v.Note = join("\n", v.Note, c.Text)
		}
	}
	for _, n := range r.each("location") {
		ref := n.get("location")
		n.readAll()
		if to := im.resolve(r, ref.peek("reference").str()); to != nil {
			v.Place = cmp.Or(v.Place, to.peek("name").str())
		}
		v.Place = cmp.Or(v.Place, ref.peek("display").str())
	}
	if ref := r.get("serviceProvider"); ref != nil {
		a := im.author(r, ref)
		v.Place = cmp.Or(v.Place, a.Org, a.Name)
	}
	v.Note = join("\n", im.ownText(r), v.Note)
	r.skip("participant", "length", "statusHistory", "classHistory", "priority", "episodeOfCare", "basedOn", "appointment", "account", "partOf")
	if v.Date.IsZero() || v.Reason.Text == "" {
		reason := summary.ReasonNoDate
		if !v.Date.IsZero() {
			reason = summary.ReasonNoText
		}
		im.drop(r, reason)
		return false
	}
	s := &im.summary.Sections
	if s.Visits == nil {
		s.Visits = &summary.Section[summary.Visit]{}
	}
	s.Visits.Items = append(s.Visits.Items, v)
	im.sources["visits"] = append(im.sources["visits"], r.label)
	return true
}

// contacts takes the people to call: those of the Patient, the RelatedPersons, and the general practitioner.
func (im *importer) contacts() {
	add := func(c summary.Contact, r *resource, element string) {
		if c.Name == "" {
			if len(c.Phones) == 0 {
				return
			}
			c.Name = cmp.Or(c.Relationship, im.word("nom non indiqué", "name not stated"))
			im.say(r, summary.LossAmbiguous, summary.ReasonNoText, element+".name", c.Name)
		}
		s := &im.summary.Sections
		if s.Contacts == nil {
			s.Contacts = &summary.Section[summary.Contact]{}
		}
		s.Contacts.Items = append(s.Contacts.Items, c)
		im.sources["contacts"] = append(im.sources["contacts"], r.label)
	}
	for i, n := range im.patient.each("contact") {
		at := "contact[" + itoa(i) + "]"
		n.skip("id", "gender", "period")
		c := summary.Contact{}
		name := n.get("name")
		name.readAll()
		c.Name = personName(&node{kind: kindObject, names: []string{"name"}, kids: []*node{cmp.Or(name, &node{})}})
		if org := n.get("organization"); org != nil {
			a := im.author(im.patient, org)
			c.Name = cmp.Or(c.Name, a.Org, a.Name)
		}
		im.relation(im.patient, n, at, &c)
		im.phones(im.patient, n, at, &c)
		add(c, im.patient, at)
	}
	for _, r := range im.of("RelatedPerson") {
		if r.done || r.peek("active").str() == "false" {
			if !r.done {
				im.drop(r, summary.ReasonNotInForce)
			}
			continue
		}
		r.done, r.read = true, true
		r.skip("id", "text", "identifier", "patient", "active", "gender", "birthDate", "photo")
		c := summary.Contact{Common: im.common(r, "contacts")}
		c.Name = personName(r.node)
		r.skip("name")
		for _, e := range r.each("extension") {
			if e.peek("url").str() == extPriority {
				e.readAll()
				c.Priority.Text = e.peek("valueString").str()
			} else {
				e.read = false
			}
		}
		im.relation(r, r.node, "RelatedPerson", &c)
		im.phones(r, r.node, "", &c)
		for _, n := range r.each("communication") {
			c.Language = cmp.Or(c.Language, conceptCode(n.get("language")))
			n.readAll()
		}
		if c.Name == "" && len(c.Phones) == 0 {
			im.drop(r, summary.ReasonNoText)
			continue
		}
		add(c, r, "RelatedPerson")
		im.unreadOf(r)
	}
	for i, ref := range im.patient.each("generalPractitioner") {
		at := "generalPractitioner[" + itoa(i) + "]"
		ref.readAll()
		c := summary.Contact{Kind: summary.ContactTreatingPhysician}
		to := im.resolve(im.patient, ref.peek("reference").str())
		for range 2 {
			if to == nil {
				break
			}
			a := im.authorOf(to, 0)
			c.Name = cmp.Or(c.Name, a.Name, a.Org)
			im.phones(to, clone(to.node), "", &c)
			next := to.peek("practitioner").peek("reference").str()
			if next == "" {
				break
			}
			to = im.resolve(to, next)
		}
		c.Name = cmp.Or(c.Name, ref.peek("display").str())
		add(c, im.patient, at)
	}
}

// relations are the codes of who a contact is (v2-0131, v3-RoleCode) that a summary has a kind for.
var relations = map[string]summary.ContactKind{
	"C": summary.ContactEmergency, "ECON": summary.ContactEmergency, "N": summary.ContactEmergency, "NOK": summary.ContactEmergency,
	"GUARD": summary.ContactGuardian, "GUADLTM": summary.ContactGuardian, "POWATT": summary.ContactGuardian, "HPOWATT": summary.ContactTrustedPerson,
}

// relatives are words for the codes of who somebody is to a patient, which often stand without any.
var relatives = map[string][2]string{
	"MTH": {"mère", "mother"}, "FTH": {"père", "father"}, "PRN": {"parent", "parent"}, "SPS": {"conjoint(e)", "spouse"}, "WIFE": {"épouse", "wife"},
	"HUSB": {"époux", "husband"}, "DOMPART": {"compagne ou compagnon", "domestic partner"}, "SIGOTHR": {"compagne ou compagnon", "significant other"},
	"CHILD": {"enfant", "child"}, "SON": {"fils", "son"}, "SONC": {"fils", "son"}, "DAU": {"fille", "daughter"}, "DAUC": {"fille", "daughter"},
	"SIB": {"frère ou sœur", "sibling"}, "BRO": {"frère", "brother"}, "SIS": {"sœur", "sister"}, "GRPRN": {"grand-parent", "grandparent"},
	"GRMTH": {"grand-mère", "grandmother"}, "GRFTH": {"grand-père", "grandfather"}, "FAMMEMB": {"famille", "family member"}, "FRND": {"ami(e)", "friend"},
	"NBOR": {"voisin(e)", "neighbour"}, "GUARD": {"représentant légal", "guardian"}, "C": {"à prévenir", "emergency contact"},
	"ECON": {"à prévenir", "emergency contact"}, "N": {"plus proche parent", "next of kin"}, "NOK": {"plus proche parent", "next of kin"},
}

const sysContactKind = base + "CodeSystem/contact-kind"

func (im *importer) relation(r *resource, n *node, at string, c *summary.Contact) {
	for _, rel := range n.get("relationship").list() {
		if own := ownCode(rel, sysContactKind); own != "" {
			c.Kind = summary.ContactKind(own)
			rel.readAll()
			continue
		}
		for _, coding := range rel.peek("coding").list() {
			if kind, ok := relations[coding.peek("code").str()]; ok && c.Kind == "" {
				c.Kind = kind
			}
		}
		if words, ok := relatives[conceptCode(rel)]; ok && conceptName(rel) == "" {
			rel.readAll()
			c.Relationship = join(", ", c.Relationship, im.word(words[0], words[1]))
			continue
		}
		if text := im.concept(r, rel, at+".relationship"); text != nil {
			c.Relationship = join(", ", c.Relationship, text.Text)
			for _, code := range text.Codes {
				im.minor(r, summary.LossDropped, summary.ReasonNoPlace, at+".relationship.coding", code.Code)
			}
		}
	}
}

// phones takes the numbers, the one to use first first; other ways to reach somebody have no place on a card.
func (im *importer) phones(r *resource, n *node, at string, c *summary.Contact) {
	list := n.each("telecom")
	rank := func(n *node) string { return cmp.Or(n.peek("rank").str(), "9") }
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *node) int { return strings.Compare(rank(a), rank(b)) })
	for _, t := range list {
		t.skip("use", "rank", "period", "id")
		system, value := t.string("system"), strings.TrimPrefix(im.text(r, t.get("value"), at+".telecom"), "tel:")
		switch {
		case value == "":
		case system == "" || system == "phone" || system == "sms" || system == "pager":
			if !slices.Contains(c.Phones, value) {
				c.Phones = append(c.Phones, value)
			}
		default:
			im.minor(r, summary.LossDropped, summary.ReasonNoPlace, strings.TrimPrefix(at+".telecom", "."), value)
		}
	}
	n.skip("address")
}
