package fhir

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/secours-card/secours/summary"
)

// medicationStatuses are the codes of MedicationStatement, MedicationRequest, MedicationDispense and MedicationAdministration.
var medicationStatuses = map[string]summary.MedicationStatus{
	"active": summary.MedicationActive, "completed": summary.MedicationCompleted, "stopped": summary.MedicationStopped,
	"on-hold": summary.MedicationOnHold, "unknown": summary.MedicationUnknown, "intended": summary.MedicationIntended,
	"not-taken": summary.MedicationNotTaken,
	// A request that was cancelled is one that ended, a draft one that is intended.
	"cancelled": summary.MedicationStopped, "draft": summary.MedicationIntended, "in-progress": summary.MedicationActive,
	"preparation": summary.MedicationIntended, "declined": summary.MedicationNotTaken, "not-done": summary.MedicationNotTaken,
	// R5 has one status for what was recorded well: whether it is taken, it says beside.
	"recorded": summary.MedicationUnknown,
}

func (im *importer) medication(r *resource) bool {
	code, ref := r.peek("medicationCodeableConcept"), r.peek("medicationReference")
	if both := r.peek("medication"); both != nil { // R5's CodeableReference
		code, ref = cmp.Or(code, both.peek("concept")), cmp.Or(ref, both.peek("reference"))
	}
	med, _ := im.find(r, ref.peek("reference").str())
	if med != nil && !med.is("Medication") {
		med = nil
	}
	drug := named(code, ref, med)
	if code == nil && med != nil {
		code = med.peek("code")
	}
	status := im.code(r, "status")
	if !drug && im.absent(r, code, "medications", partAll, !slices.Contains([]string{"entered-in-error", "not-taken", "cancelled", "stopped", "draft", "not-done", "declined"}, status)) {
		return false
	}
	if status == "entered-in-error" {
		im.drop(r, summary.ReasonEnteredInError)
		return false
	}
	m := summary.Medication{
		Common: im.common(r, "medications", "informationSource", "requester", "recorder", "performer"),
		Status: medicationStatuses[status],
	}
	switch {
	case status != "" && m.Status == "":
		im.say(r, summary.LossDropped, summary.ReasonUnknownCode, "status", status)
	case status != "" && status != string(m.Status):
		im.say(r, summary.LossChanged, summary.ReasonUnknownCode, "status", status)
	}
	if !im.product(r, &m) {
		r.done = true
		im.say(r, summary.LossDropped, summary.ReasonNoText, "", join(", ", r.describe(), r.peek("medicationReference").peek("identifier").gist(100), inner(r)))
		r.readAll()
		return false
	}
	if r.get("doNotPerform").str() == "true" {
		return im.forbidden(r, &m)
	}
	im.course(r, &m)
	im.origin(r, &m)
	dosages := "dosage"
	if r.peek("dosageInstruction") != nil {
		dosages = "dosageInstruction"
	}
	m.Dosage = im.dosages(r, dosages, &m)
	for i, reason := range r.get("reasonCode").list() {
		im.reason(r, &m, im.concept(r, reason, "reasonCode"), i)
	}
	for i, ref := range r.each("reasonReference") {
		display := ref.string("display")
		to, _ := im.find(r, ref.string("reference"))
		ref.skip("type", "identifier")
		var c *summary.Concept
		if to != nil {
			quiet := &importer{bundle: im.bundle, french: im.french}
			c = quiet.concept(to, clone(to.peek("code")), "code")
		}
		if c == nil && display != "" {
			c = &summary.Concept{Text: display}
		}
		if c == nil {
			im.say(r, summary.LossDropped, summary.ReasonNotFound, "reasonReference", ref.peek("reference").str())
			continue
		}
		im.reason(r, &m, c, i)
	}
	var whys []string
	for _, why := range r.get("statusReason").list() {
		if c := im.concept(r, why, "statusReason"); c != nil {
			whys = append(whys, c.Text)
		}
	}
	m.StopReason = join("; ", whys...)
	m.Note = join("\n", m.Note, im.notes(r, "note"))
	im.longDosage(r, dosages, &m)
	im.addMedication(m, r)
	return true
}

// The lengths in characters of a dosage's text and of the note of a medication.
const (
	maxDosage = 300
	maxNote   = 500
)

// longDosage keeps what a dosage that is longer than a summary's says at its end, where people write "on Mondays only": the whole of it in the note,
// or else the rest of it in the report, in pieces. What is not daily in it is in the period too.
func (im *importer) longDosage(r *resource, element string, m *summary.Medication) {
	if m.Dosage == nil || utf8.RuneCountInString(m.Dosage.Text) <= maxDosage {
		return
	}
	d := m.Dosage
	if d.Period == "" && summary.NotDaily(d.Text) {
		d.Period = summary.PeriodOther
	}
	if note := join("\n", m.Note, d.Text); utf8.RuneCountInString(note) <= maxNote {
		m.Note = note
		im.say(r, summary.LossChanged, summary.ReasonTooLong, element, d.Text)
		return
	}
	// A piece begins before the place where a text of any characters is cut, and the last one is the end of it, whatever is between.
	const piece, most, before = summary.MaxLossText - 2, 16, 30
	rest := []rune(strings.Join(strings.Fields(string([]rune(d.Text)[maxDosage-before:])), " "))
	for range most - 1 {
		if len(rest) <= piece {
			break
		}
		im.say(r, summary.LossShortened, summary.ReasonTooLong, element, "… "+string(rest[:piece]))
		rest = rest[piece:]
	}
	im.say(r, summary.LossShortened, summary.ReasonTooLong, element, "… "+string(rest[max(0, len(rest)-piece):]))
}

// named says whether a line whose concept may say that there is none refers to a drug all the same.
func named(concept, ref *node, med *resource) bool {
	display := ref.peek("display").str()
	if concept == nil || ref == nil || med == nil {
		return concept != nil && display != "" && !strings.EqualFold(display, conceptName(concept))
	}
	_, none, _ := absentOf(med.peek("code"))
	return !none && (conceptLabel(med.peek("code")) != "" || med.peek("ingredient") != nil || display != "")
}

// inner is what the resources say that are contained in one.
func inner(r *resource) string {
	var said []string
	for _, n := range r.peek("contained").list() {
		said = append(said, n.gist(100))
	}
	return join(", ", said...)
}

// clone copies a value, so that reading it for another resource leaves it unread.
func clone(n *node) *node {
	if n == nil {
		return nil
	}
	c := *n
	c.kids = make([]*node, len(n.kids))
	for i, kid := range n.kids {
		c.kids[i] = clone(kid)
	}
	return &c
}

func (im *importer) addMedication(m summary.Medication, r *resource) {
	s := &im.summary.Sections
	if s.Medications == nil {
		s.Medications = &summary.Section[summary.Medication]{}
	}
	s.Medications.Items = append(s.Medications.Items, m)
	im.sources["medications"] = append(im.sources["medications"], r.label)
}

func (im *importer) reason(r *resource, m *summary.Medication, c *summary.Concept, i int) {
	switch {
	case c == nil:
	case m.Reason == nil:
		m.Reason = c
	case !strings.EqualFold(m.Reason.Text, c.Text):
		im.say(r, summary.LossDropped, summary.ReasonTooMany, "reason["+itoa(i)+"]", c.Text)
	}
}

// forbidden is an order not to give a drug: shown as a drug line, it would say the contrary.
func (im *importer) forbidden(r *resource, m *summary.Medication) bool {
	im.addAlert(summary.Alert{
		Common: m.Common, Kind: summary.AlertOther, Priority: summary.PriorityImportant, Codes: m.Product.Codes,
		Text: im.word("NE PAS DONNER : ", "DO NOT GIVE: ") + join("\n", m.Product.Text, m.Note),
	}, r)
	im.say(r, summary.LossAmbiguous, summary.ReasonNoPlace, "doNotPerform", m.Product.Text)
	r.skip("intent")
	return true
}

// product reads what is taken: a concept, or a Medication with its form, strength and ingredients. It returns false where nothing names it.
func (im *importer) product(r *resource, m *summary.Medication) bool {
	concept := r.get("medicationCodeableConcept")
	ref := r.get("medicationReference")
	if both := r.get("medication"); both != nil { // R5's CodeableReference
		concept = cmp.Or(concept, both.get("concept"))
		ref = cmp.Or(ref, both.get("reference"))
	}
	if c := im.concept(r, concept, "medicationCodeableConcept"); c != nil {
		m.Product = *c
	}
	if ref == nil {
		return m.Product.Text != ""
	}
	display := ref.string("display")
	to := ref.string("reference")
	ref.skip("type", "identifier", "id")
	given := m.Product.Text != ""
	var other summary.Medication
	med := im.resolve(r, to)
	if med == nil || med.kind != "Medication" {
		im.say(r, summary.LossAmbiguous, summary.ReasonNotFound, "medicationReference", cmp.Or(display, to))
	} else {
		im.medicationResource(med, &other)
	}
	_, none, _ := absentOf(concept)
	switch {
	case !given, none && other.Product.Text != "":
		if given {
			im.second(r, m, m.Product.Text)
			given = false
		}
		m.Product = other.Product
	case other.Product.Text == "", sameProduct(&m.Product, &other.Product):
		if strings.EqualFold(m.Product.Text, other.Product.Text) {
			for _, c := range other.Product.Codes {
				m.Product.Codes = appendCode(m.Product.Codes, c)
			}
		} else if other.Product.Text != "" {
			im.minor(r, summary.LossDropped, summary.ReasonLabel, "medicationReference", other.Product.Text)
		}
	default:
		// The strength of the one is not that of the other.
		var names []string
		for _, c := range other.Ingredients {
			if !strings.Contains(other.Product.Text, c.Text) {
				names = append(names, c.Text)
			}
		}
		im.second(r, m, join(", ", other.Product.Text, join(" + ", names...), other.Strength, other.Form, other.Note))
		if display != "" && !strings.EqualFold(display, m.Product.Text) && !strings.EqualFold(display, other.Product.Text) {
			im.second(r, m, display)
		}
		return true
	}
	m.Ingredients, m.Strength, m.Form, m.Note = other.Ingredients, other.Strength, other.Form, join("\n", m.Note, other.Note)
	switch {
	case m.Product.Text == "":
		m.Product.Text = display
	case display == "", strings.EqualFold(display, m.Product.Text), strings.EqualFold(display, other.Product.Text) && given:
	case given:
		im.second(r, m, display)
	default:
		im.minor(r, summary.LossDropped, summary.ReasonLabel, "medicationReference.display", display)
	}
	return m.Product.Text != ""
}

// second keeps in sight the name of a drug that a line gives beside another one.
func (im *importer) second(r *resource, m *summary.Medication, name string) {
	im.say(r, summary.LossAmbiguous, summary.ReasonContradiction, "medicationReference", join(" / ", m.Product.Text, name))
	m.Note = join("\n", m.Note, im.word("AUTRE PRODUIT NOMMÉ : ", "ANOTHER PRODUCT NAMED: ")+name)
}

// sameProduct says whether two concepts name one product: in the same words, or by a code that both have.
func sameProduct(a, b *summary.Concept) bool {
	return strings.EqualFold(a.Text, b.Text) || slices.ContainsFunc(a.Codes, func(c summary.Code) bool {
		return slices.ContainsFunc(b.Codes, func(d summary.Code) bool { return c.System == d.System && c.Code == d.Code })
	})
}

// medicationResource reads a Medication. Several lines may point to one, which is reported for the first of them alone.
func (im *importer) medicationResource(med *resource, m *summary.Medication) {
	first := !med.done
	med.done, med.read = true, true
	say := im
	if !first {
		say = &importer{bundle: im.bundle, french: im.french}
	}
	if c := say.concept(med, med.get("code"), "code"); c != nil && m.Product.Text == "" {
		m.Product = *c
	}
	if c := say.concept(med, med.get("form"), "form"); c != nil {
		m.Form = c.Text
		for _, code := range c.Codes {
			say.minor(med, summary.LossDropped, summary.ReasonNoPlace, "form.coding", code.Code)
		}
	}
	ingredients := med.each("ingredient")
	var strengths []string
	for i, n := range ingredients {
		at := "ingredient[" + itoa(i) + "]"
		n.skip("id")
		c := say.concept(med, n.get("itemCodeableConcept"), at+".item")
		if ref := n.get("itemReference"); ref != nil {
			ref.readAll()
			if to := say.resolve(med, ref.peek("reference").str()); to != nil && (to.kind == "Medication" || to.kind == "Substance") {
				to.done = true
				c = say.concept(to, to.get("code"), "code")
			}
			if c == nil && ref.peek("display").str() != "" {
				c = &summary.Concept{Text: ref.peek("display").str()}
			}
		}
		strength := n.get("strength")
		text := ""
		if strength != nil {
			strength.skip("id")
			say.units(med, strength, at+".strength")
			text = say.ratio(strength)
		}
		active := n.get("isActive").str() != "false"
		switch {
		case c == nil && text == "":
			continue
		case c == nil:
			c = &summary.Concept{}
		case !active:
			say.say(med, summary.LossDropped, summary.ReasonNoPlace, at, c.Text)
			continue
		}
		if c.Text != "" {
			m.Ingredients = append(m.Ingredients, *c)
		}
		if len(ingredients) > 1 && text != "" && c.Text != "" {
			text = c.Text + " " + text
		}
		strengths = append(strengths, text)
	}
	m.Strength = join(" + ", strengths...)
	for _, e := range med.each("extension") {
		if e.peek("url").str() == extStrength {
			e.readAll()
			m.Strength = e.peek("valueString").str()
		} else {
			e.read = false
		}
	}
	if amount := med.get("amount"); amount != nil {
		if text := say.ratio(amount); text != "" {
			m.Note = join("\n", m.Note, im.word("conditionnement : ", "pack: ")+text)
		}
	}
	if m.Product.Text == "" && len(m.Ingredients) > 0 {
		var names []string
		for _, c := range m.Ingredients {
			names = append(names, c.Text)
		}
		m.Product.Text = join(" + ", names...)
		if len(m.Ingredients) == 1 {
			m.Product.Codes = m.Ingredients[0].Codes
		}
	}
	switch status := say.code(med, "status"); status {
	case "", "active":
	default:
		say.say(med, summary.LossAmbiguous, summary.ReasonNotInForce, "status", status)
	}
	med.skip("id", "text", "identifier", "meta", "implicitRules", "language")
	if first {
		im.unreadOf(med)
	}
}

// course reads since when, and until when.
func (im *importer) course(r *resource, m *summary.Medication) {
	for _, name := range []string{"effective", "occurence", "occurrence"} { // the second is how R5 spells it
		if start, end := im.moment(r, name); !start.IsZero() || !end.IsZero() {
			m.Start, m.End = start, end
		}
		if text := im.describeMoment(r, name); text != "" {
			m.Note = join("\n", m.Note, text)
		}
	}
}

// origin says how the line came about, as far as the resource does, and reads what a dispensing says.
func (im *importer) origin(r *resource, m *summary.Medication) {
	switch r.kind {
	case "MedicationRequest":
		m.Origin = summary.OriginPrescribed
		if intent := im.code(r, "intent"); intent == "proposal" || intent == "plan" || intent == "option" {
			// Nobody has prescribed it yet.
			m.Origin = ""
			switch m.Status {
			case summary.MedicationStopped, summary.MedicationCompleted, summary.MedicationNotTaken:
			default:
				m.Status = summary.MedicationIntended
			}
			im.say(r, summary.LossAmbiguous, summary.ReasonNoPlace, "intent", intent)
		}
		if r.get("reportedBoolean").str() == "true" {
			m.Source = summary.SourceReported
		}
		im.courseOfTherapy(r, m)
		r.skip("priority", "groupIdentifier", "encounter", "category", "basedOn", "priorPrescription", "supportingInformation", "insurance", "eventHistory", "detectedIssue", "performerType")
		if d := r.get("dispenseRequest"); d != nil {
			if p := d.get("validityPeriod"); p != nil && m.Start.IsZero() {
				m.Start, _ = im.period(r, p, "dispenseRequest.validityPeriod")
			}
		}
	case "MedicationDispense":
		m.Origin = summary.OriginDispensed
		d := &summary.Dispensed{Quantity: summary.Value{Text: im.quantity(r.get("quantity"))}}
		for _, name := range []string{"whenHandedOver", "whenPrepared"} {
			if on := im.date(r, r.get(name), name); d.Date.IsZero() {
				d.Date = on
			}
		}
		if d.Quantity.Text != "" || !d.Date.IsZero() {
			m.Dispensed = d
		}
		// A dispensing that is over says nothing of the treatment's end.
		if m.Status == summary.MedicationCompleted {
			m.Status = summary.MedicationUnknown
			im.say(r, summary.LossChanged, summary.ReasonNoPlace, "status", "completed")
		}
		r.skip("context", "authorizingPrescription", "type", "category", "destination", "receiver")
	case "MedicationAdministration":
		m.Origin = summary.OriginHospital
		if m.Status == summary.MedicationCompleted {
			m.Status = summary.MedicationUnknown
			im.say(r, summary.LossChanged, summary.ReasonNoPlace, "status", "completed")
		}
		r.skip("context", "request", "category", "eventHistory")
	default:
		switch im.code(r, "category") {
		case "inpatient":
			m.Origin = summary.OriginHospital
		case "patientspecified":
			m.Origin = summary.OriginReported
		}
		if adherence := im.concept(r, r.get("adherence").get("code"), "adherence"); adherence != nil { // R5
			m.Taken = &summary.Taken{Value: adherence.Text}
		}
		// What a statement was made from: the request that it repeats is in the bundle, or is no part of it.
		for _, name := range []string{"basedOn", "derivedFrom", "partOf"} {
			for _, ref := range r.each(name) {
				ref.readAll()
				if to := im.resolve(r, ref.peek("reference").str()); to != nil && to.kind == "MedicationRequest" {
					m.Origin = summary.OriginPrescribed
				}
			}
		}
		r.skip("context")
	}
	for _, e := range r.each("extension") {
		if e.peek("url").str() != extMedication {
			e.read = false
			continue
		}
		e.readAll()
		for _, n := range e.peek("extension").list() {
			flag := map[string]summary.Flag{"yes": summary.Yes, "no": summary.No}[n.peek("valueCode").str()]
			switch n.peek("url").str() {
			case "origin":
				m.Origin = cmp.Or(own(im, r, "extension", n.peek("valueCode").str(), ownOrigins), m.Origin)
			case "highRisk":
				m.HighRisk = flag
			case "longTerm":
				m.LongTerm = flag
			}
		}
	}
	if m.Source == summary.SourceReported && m.Origin == "" {
		m.Origin = summary.OriginReported
	}
}

func (im *importer) courseOfTherapy(r *resource, m *summary.Medication) {
	c := r.get("courseOfTherapyType")
	if c == nil {
		return
	}
	if im.code(r, "courseOfTherapyType") == "continuous" {
		m.LongTerm = summary.Yes
	} else if text := conceptLabel(c); text != "" {
		m.Note = join("\n", m.Note, text)
	}
	c.readAll()
}
