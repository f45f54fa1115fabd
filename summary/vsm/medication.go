package vsm

import (
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

func (im *importer) medicationEntry(s *section, e *node) {
	for _, n := range observations(e, "substanceAdministration") {
		if im.isVaccination(n) {
			im.vaccination(s, n)
			continue
		}
		im.medication(s, n)
	}
	if s.items == 0 {
		for _, n := range observations(e, "supply") {
			im.supplied(s, n)
		}
	}
}

// material is the product of an administration.
func material(n *node) *node {
	p := n.at("consumable", "manufacturedProduct")
	if p == nil {
		p = n.at("product", "manufacturedProduct")
	}
	if m := p.kid("manufacturedMaterial"); m != nil {
		return m
	}
	return p.kid("manufacturedLabeledDrug")
}

func (im *importer) medication(s *section, n *node) {
	m, code := material(n), n.kid("code")
	if im.noTreatment(s, n, m) {
		return
	}
	item(im, &im.medications, n, func() (summary.Medication, bool) {
		it := summary.Medication{Common: im.common(n)}
		text := im.original(n.kid("text"))
		it.Product = im.product(&it, m, text)
		if c := code.peek("code"); c == "DRUG" || c == "" && code.kid("originalText") == nil {
			code.take()
		}
		switch {
		case it.Product.Text == "":
			if text = im.readable(m); text == "" {
				if text = im.readable(n); text == "" {
					return it, false
				}
				im.report(summary.LossDropped, summary.ReasonNoText, n, text)
				n.take()
				return it, false
			}
			it.Product.Text = text
			im.report(summary.LossAmbiguous, summary.ReasonNoText, n, text)
		case denies(it.Product.Text) && len(it.Product.Codes) == 0:
			im.report(summary.LossDropped, summary.ReasonNarrative, n, it.Product.Text)
			return it, false
		}
		it.Route = im.label(n.kid("routeCode"))
		if it.Form == "" {
			it.Form = im.label(n.kid("administrationUnitCode"))
		}
		coded := im.dosage(&it, n)
		im.medicationStatus(&it, n)
		im.medicationKind(&it, s, n)
		for _, r := range n.all("entryRelationship") {
			if r.peek("typeCode") == "RSON" {
				im.reason(&it, r)
			}
		}
		im.writtenDosage(&it, n, coded)
		im.rhythm(&it, n, text)
		return it, true
	})
}

// noTreatment takes an entry that says that there is no treatment. MED-273 in the material alone is what some software writes for
// a list that it does not keep: then it says nothing.
func (im *importer) noTreatment(s *section, n, m *node) bool {
	code := n.kid("code")
	product := m.kid("code")
	if product.peek("code") == "MED-273" && code.peek("code") != "MED-273" {
		im.report(summary.LossAmbiguous, summary.ReasonStructure, product, cmpOr(product.peek("displayName"), "MED-273"))
		n.take()
		return true
	}
	if im.absent(s, present([]*node{code, product})...) {
		n.take()
		return true
	}
	if !isTrue(n.peek("negationInd")) || product == nil {
		return false
	}
	for _, c := range append([]*node{product}, product.all("translation")...) {
		// C-CDA denies all treatment by denying "drug or medicament".
		if c.peek("code") == "410942007" && c.peek("codeSystem") == oidSNOMED {
			im.conclude(s, c, verdict{kind: kindMedications, none: true})
			n.take()
			return true
		}
	}
	return false
}

// product reads the drug, with what IHE Pharmacy adds to it: form, ingredients, strength, classes.
func (im *importer) product(it *summary.Medication, m *node, entry string) summary.Concept {
	name := flat(m.kid("name"))
	m.kid("name").take()
	c := im.concept(m.kid("code"), beside{name: name, entry: entry})
	if name != "" && c.Text != "" && fold(name) != fold(c.Text) {
		im.minor(summary.LossDropped, summary.ReasonLabel, m.kid("name"), name)
	}
	im.tell(name)
	if label := m.kid("code").peek("displayName"); label != "" && c.Text != "" && strangers(label, c.Text) && strangers(label, name) {
		im.report(summary.LossAmbiguous, summary.ReasonContradiction, m.kid("code"), c.Text+" / "+label)
		c.Text = both(c.Text, label)
	}
	it.Form = im.label(m.kid("pharm:formCode"))
	for _, k := range m.all("pharm:asSpecializedKind") {
		class := k.at("pharm:generalizedMedicineClass", "pharm:code")
		if class == nil {
			class = k.at("pharm:generalizedMaterialKind", "pharm:code")
		}
		if class.peek("code") == "" {
			continue
		}
		for _, code := range im.concept(class, beside{name: c.Text}).Codes {
			c.Codes = addCode(c.Codes, code)
		}
	}
	var strengths []string
	for _, k := range m.all("pharm:ingredient") {
		if class := k.peek("classCode"); class != "" && class != "ACTI" && class != "ACTIB" && class != "ACTIM" {
			continue
		}
		in := k.kid("pharm:ingredient")
		if in == nil {
			in = k.kid("pharm:ingredientSubstance")
		}
		name := flat(in.kid("pharm:name"))
		in.kid("pharm:name").take()
		ingredient := im.concept(in.kid("pharm:code"), beside{name: name})
		strength := im.ratio(k.kid("pharm:quantity"))
		if ingredient.Text != "" {
			it.Ingredients = append(it.Ingredients, ingredient)
		}
		if strength != "" {
			strengths = append(strengths, strength)
		}
	}
	it.Strength = strings.Join(strengths, " + ")
	return c
}

// ratio reads a strength (RTO): "75 mg", or with a denominator that is not one thing "5 mg / 1 mL".
func (im *importer) ratio(n *node) string {
	num, den := n.kid("numerator"), n.kid("denominator")
	text := im.quantity(num)
	if text == "" {
		return ""
	}
	unit := den.peek("unit")
	value := den.attr("value")
	if value == "" || value == "1" && (unit == "" || unit == "1" || strings.HasPrefix(unit, "{")) {
		den.take()
		return text
	}
	return text + " / " + im.quantity(den)
}

// medicationStatus takes the status from where CDA has it: a status of its own, else that of the act, where "completed" says only
// that it was recorded, else the end.
func (im *importer) medicationStatus(it *summary.Medication, n *node) {
	for _, r := range n.all("entryRelationship") {
		o := r.kid("observation")
		if o.kid("code").peek("code") != "33999-4" {
			continue
		}
		o.kid("code").take()
		v := o.kid("value")
		switch v.attr("code") {
		case "active", "55561003":
			it.Status = summary.MedicationActive
		case "on-hold", "suspended", "421139008":
			it.Status = summary.MedicationOnHold
		case "stopped", "aborted":
			it.Status = summary.MedicationStopped
		case "completed":
			it.Status = summary.MedicationCompleted
		case "intended":
			it.Status = summary.MedicationIntended
		case "not-taken":
			it.Status = summary.MedicationNotTaken
		case "unknown":
			it.Status = summary.MedicationUnknown
		default:
			im.unknown(v)
		}
		im.understood(v)
	}
	status := n.kid("statusCode").attr("code")
	switch {
	case it.Status != "":
	case status == "active":
		it.Status = summary.MedicationActive
	case status == "suspended", status == "held":
		it.Status = summary.MedicationOnHold
	case status == "aborted", status == "cancelled", status == "obsolete":
		it.Status = summary.MedicationStopped
	case !it.End.IsZero() && !im.day.IsZero() && it.End.Day > 0 && im.day.Day > 0 && it.End.String() < im.day.String():
		it.Status = summary.MedicationCompleted
	case status != "" && status != "completed":
		im.report(summary.LossDropped, summary.ReasonUnknownCode, n.kid("statusCode"), status)
	}
	switch n.peek("moodCode") {
	case "PRP", "RQO", "PRMS", "ARQ", "APT":
		if it.Status == "" || it.Status == summary.MedicationActive {
			it.Status = summary.MedicationIntended
		}
	case "INT":
		it.Origin = summary.OriginPrescribed
	}
	if isTrue(n.attr("negationInd")) {
		it.Status = summary.MedicationNotTaken
	}
}

// medicationKind says whether a treatment is long term: by its template, or because it stands in a section that is called so.
func (im *importer) medicationKind(it *summary.Medication, s *section, n *node) {
	switch {
	case n.is("1.2.250.1.213.1.1.3.42.3"):
		it.LongTerm = summary.Yes
	case n.is("1.2.250.1.213.1.1.3.42.4"):
		it.LongTerm = summary.No
	default:
		for up := s.n; up != nil; up = up.up {
			if up.name == "section" && strings.Contains(fold(flat(up.kid("title"))), "long cours") {
				it.LongTerm = summary.Yes
			}
		}
	}
}

// reason reads what a drug is taken for: the code of the act, else the problem that it names.
func (im *importer) reason(it *summary.Medication, r *node) {
	for _, n := range r.elements() {
		value := n.kid("value")
		if value == nil {
			value = n.kid("code")
		} else {
			n.kid("code").take()
		}
		entry := im.original(n.kid("text"))
		c := im.concept(value, beside{entry: entry})
		if c.Text == "" {
			if c.Text = entry; c.Text == "" {
				continue
			}
		}
		if it.Reason == nil {
			it.Reason = &c
		} else {
			im.report(summary.LossDropped, summary.ReasonTooMany, n, c.Text)
		}
	}
}

// writtenDosage puts the words in which the narrative has the dose before those made of its codes, and keeps both.
func (im *importer) writtenDosage(it *summary.Medication, n *node, coded string) {
	var others []remark
	isDosage := func(head string) bool {
		return slices.ContainsFunc(words(head), func(w string) bool {
			return strings.HasPrefix(w, "poso") || strings.HasPrefix(w, "dos") || strings.HasPrefix(w, "freq") || strings.HasPrefix(w, "prise")
		})
	}
	for _, r := range im.remarks(n, len(im.medications), isDosage) {
		if isDosage(r.head) {
			if it.Dosage == nil {
				it.Dosage = &summary.Dosage{}
			}
			if coded != "" && it.Dosage.Text == coded {
				it.Note = joinNotes(it.Note, "Dose codée : "+coded)
				im.report(summary.LossAmbiguous, summary.ReasonNarrative, n, r.text+" / "+coded)
				it.Dosage.Text = r.text
			} else if !within(r.text, it.Dosage.Text) {
				it.Dosage.Text = strings.TrimPrefix(it.Dosage.Text+", "+r.text, ", ")
			}
			continue
		}
		others = append(others, r)
	}
	for _, r := range others {
		im.report(summary.LossAmbiguous, summary.ReasonNarrative, n, r.String())
		it.Note = joinNotes(it.Note, r.String())
	}
	it.Note = im.note(it.Note, n, maxItems)
}

// supplied reads a drug of which only the supply is in the document.
func (im *importer) supplied(s *section, n *node) {
	m := material(n)
	if m == nil || im.absent(s, present([]*node{m.kid("code")})...) {
		return
	}
	item(im, &im.medications, n, func() (summary.Medication, bool) {
		it := summary.Medication{Common: im.common(n)}
		it.Product = im.product(&it, m, im.original(n.kid("text")))
		if it.Product.Text == "" {
			return it, false
		}
		it.Dispensed = &summary.Dispensed{Date: im.date(n.kid("effectiveTime"))}
		if q := im.quantity(n.kid("quantity")); q != "" {
			it.Dispensed.Quantity = summary.Value{Text: q}
		}
		if n.peek("moodCode") != "EVN" {
			it.Origin, it.Dispensed = summary.OriginPrescribed, nil
		}
		it.Note = im.note("", n, len(im.medications))
		return it, true
	})
}

func (im *importer) isVaccination(n *node) bool {
	return n.kid("code").peek("code") == "IMMUNIZ" || n.is("1.2.250.1.213.1.1.3.45", "1.3.6.1.4.1.19376.1.5.3.1.4.12", "2.16.840.1.113883.10.20.22.4.52")
}

func (im *importer) vaccinationEntry(s *section, e *node) {
	for _, n := range observations(e, "substanceAdministration") {
		im.vaccination(s, n)
	}
}

func (im *importer) vaccination(s *section, n *node) {
	m := material(n)
	if im.absent(s, present([]*node{n.kid("code"), m.kid("code")})...) {
		n.take()
		return
	}
	item(im, &im.vaccinations, n, func() (summary.Vaccination, bool) {
		v := summary.Vaccination{Common: im.common(n)}
		entry := im.original(n.kid("text"))
		var drug summary.Medication
		v.Vaccine = im.product(&drug, m, entry)
		v.Date, _ = im.interval(n.kid("effectiveTime"))
		n.kid("code").take()
		switch {
		case v.Vaccine.Text == "":
			return v, false
		case isTrue(n.attr("negationInd")):
			im.report(summary.LossDropped, summary.ReasonNotInForce, n, v.Vaccine.Text)
			n.take()
			return v, false
		case slices.Contains([]string{"INT", "RQO", "PRP", "PRMS", "APT", "ARQ"}, n.peek("moodCode")):
			im.report(summary.LossDropped, summary.ReasonNotInForce, n, v.Vaccine.Text)
			n.take()
			return v, false
		case denies(v.Vaccine.Text) && len(v.Vaccine.Codes) == 0:
			im.report(summary.LossDropped, summary.ReasonNarrative, n, v.Vaccine.Text)
			return v, false
		}
		if m != nil {
			if lot := flat(m.kid("lotNumberText")); lot != "" {
				v.Note = "Lot " + lot
				m.kid("lotNumberText").take()
				im.tell("lot", lot)
			}
		}
		v.Note = im.note(v.Note, n, len(im.vaccinations))
		return v, true
	})
}
