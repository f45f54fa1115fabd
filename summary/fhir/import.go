package fhir

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/secours-card/secours/summary"
)

// Import reads a document Bundle and returns the summary that it amounts to, and everything that it did not take over as it was. The summary
// passes Validate. The error wraps one of the sentinels of this package, or is one of Validate's.
func Import(data []byte) (*summary.Summary, []summary.Loss, error) {
	root, err := parse(data)
	if err != nil {
		return nil, nil, err
	}
	if root.kind != kindObject || root.string("resourceType") != "Bundle" {
		return nil, nil, fmt.Errorf("%w: its resourceType is not Bundle", ErrNotFHIR)
	}
	im := &importer{
		summary:   &summary.Summary{Schema: summary.Schema},
		sources:   map[string][]string{},
		claims:    map[string][]claim{},
		said:      map[string]summary.SectionHead{},
		measure:   map[string]candidate{},
		denied:    map[string]bool{},
		allergies: map[*node]bool{},
		compare:   maxCompared,
	}
	if err := im.document(root); err != nil {
		return nil, nil, err
	}
	im.summary.Fit(func(l summary.Loss) {
		if name, i, ok := itemOf(l.Path); ok && i < len(im.sources[name]) {
			l.Source = im.sources[name][i]
		}
		for _, name := range []string{"allergies", "alerts"} {
			if last := len(im.sources[name]) - 1; l.Reason == summary.ReasonTooMany && l.Path == pathAfter(name, last) {
				im.fail = fmt.Errorf("%w: %d %s, more than a summary holds", ErrTooLarge, last+1, name)
			}
		}
		im.losses = append(im.losses, l)
	})
	if im.fail != nil {
		return nil, nil, im.fail
	}
	if err := im.summary.Validate(); err != nil {
		return nil, nil, err
	}
	return im.summary, im.losses, nil
}

// maxLosses is the length of the longest report. A record of a whole life has some thousand values that a summary has no place for; above that
// nobody reads it.
const maxLosses = 100_000

// importer is the work on one document.
type importer struct {
	*bundle
	summary *summary.Summary
	losses  []summary.Loss
	// fail is what makes the document one that must be refused.
	fail error
	// patient is the one that the document is about.
	patient     *resource
	composition *resource
	french      bool
	// sources are the labels of the resources behind the items, by section and in the order of its items.
	sources map[string][]string
	claims  map[string][]claim
	// said is what a section says of when it was reviewed, by whom, and on whose word.
	said map[string]summary.SectionHead
	// denied are the sections of which something is named that the summary has not: they are not empty. within is set while a section is read
	// that speaks of a part of the one around it.
	denied map[string]bool
	within bool
	// measure is the most recent measurement of each kind.
	measure map[string]candidate
	// pregnancy is what the observations of one say.
	pregnancy pregnancy
	// allergies are the AllergyIntolerances that the summary or the report has.
	allergies map[*node]bool
	// exported is set for a document that Export wrote: its narratives are made of its entries, in other words.
	exported bool
	// compare is how much more of the document is looked at for what narratives say.
	compare int
}

// itemOf reads the section and the index of the item that a path of a summary leads to.
func itemOf(path string) (section string, index int, ok bool) {
	rest, ok := strings.CutPrefix(path, "sections.")
	if !ok {
		return "", 0, false
	}
	section, rest, ok = strings.Cut(rest, ".items[")
	if !ok {
		return "", 0, false
	}
	number, _, _ := strings.Cut(rest, "]")
	index, err := strconv.Atoi(number)
	return section, index, err == nil
}

func (im *importer) add(l summary.Loss) {
	// Ids and names of members are the document's too.
	if len(im.losses) >= maxLosses {
		im.refuse("%w: more than %d things that a summary has no place for", ErrTooLarge, maxLosses)
		return
	}
	l.Source, l.Element, l.Text = summary.LossText(l.Source), summary.LossText(l.Element), summary.LossText(l.Text)
	im.losses = append(im.losses, l)
}

// say reports something about a resource or an element of it.
func (im *importer) say(r *resource, kind summary.LossKind, reason summary.LossReason, element, text string) {
	l := summary.Loss{Kind: kind, Reason: reason, Element: element, Text: text}
	if r != nil {
		l.Source = r.label
	}
	im.add(l)
}

func (im *importer) minor(r *resource, kind summary.LossKind, reason summary.LossReason, element, text string) {
	im.add(summary.Loss{Kind: kind, Reason: reason, Minor: true, Source: r.label, Element: element, Text: text})
}

// drop reports a whole resource that is not taken over.
func (im *importer) drop(r *resource, reason summary.LossReason) {
	r.done = true
	im.say(r, summary.LossDropped, reason, "", r.describe())
	r.readAll()
}

// describe is what a resource is about, for a person.
func (r *resource) describe() string {
	say := func(name string) string {
		n := r.peek(name)
		if n.peek("value") != nil { // a Quantity
			quiet := &importer{}
			return quiet.quantity(clone(n))
		}
		if label := conceptLabel(n); label != "" {
			return label
		}
		return n.gist(summary.MaxLossText)
	}
	for _, name := range []string{"code", "medicationCodeableConcept", "vaccineCode", "type", "title", "description", "category"} {
		text := say(name)
		if text == "" {
			continue
		}
		for _, more := range []string{
			"valueQuantity", "valueCodeableConcept", "valueString", "valueInteger", "component", "effectiveDateTime", "onsetDateTime", "description",
			"conclusion", "reaction", "note",
		} {
			if value := say(more); value != "" && name != more && len(text) < summary.MaxLossText {
				text += ", " + value
			}
		}
		return text
	}
	return r.gist(summary.MaxLossText)
}

func (im *importer) structure(label string, n *node) {
	im.add(summary.Loss{Kind: summary.LossDropped, Reason: summary.ReasonStructure, Source: label, Element: n.nested(), Text: n.gist(summary.MaxLossText)})
	n.readAll()
}

// nested names a resource that stands somewhere within, "" for none.
func (n *node) nested() string {
	if kind := n.peek("resourceType").str(); kind != "" {
		return kind + "/" + n.peek("id").str()
	}
	for _, kid := range n.kids {
		if name := kid.nested(); name != "" {
			return name
		}
	}
	return ""
}

// document reads everything, in the order in which a later step needs an earlier one.
func (im *importer) document(root *node) error {
	root.skip("id", "meta", "implicitRules", "language", "identifier", "type", "timestamp", "total", "link", "signature")
	im.entries(root)
	if im.fail != nil {
		return im.fail
	}
	if err := im.findComposition(); err != nil {
		return err
	}
	if err := im.provenance(root); err != nil {
		return err
	}
	language := cmp.Or(im.composition.language(), root.peek("language").str())
	if err := im.findPatient(); err != nil {
		return err
	}
	language = cmp.Or(language, im.patient.language())
	im.french = strings.HasPrefix(strings.ToLower(language), "fr")
	im.summary.Language = language
	if err := im.readPatient(); err != nil {
		return err
	}
	if err := im.checkSubjects(); err != nil {
		return err
	}
	if im.composition != nil {
		im.composition.skip("id", "meta", "text", "status", "type", "title", "custodian", "attester", "relatesTo", "event", "confidentiality", "category")
		for i, s := range im.composition.each("section") {
			im.section(s, fmt.Sprintf("section[%d]", i), 0, listing{})
		}
	}
	im.unlisted()
	im.finishMeasurements()
	im.finishPregnancy()
	im.contacts()
	im.checkAllergies(root)
	if im.fail != nil {
		return im.fail
	}
	im.heads()
	im.leftovers(root)
	return im.fail
}

func (r *resource) language() string {
	if r == nil {
		return ""
	}
	return r.peek("language").str()
}

// provenance tells where a document says of itself that it is not the verified and whole word on a patient: a tag of an export, on the Bundle or, where
// a server has made a Bundle anew, on a resource; and a Composition that is not final. One that its author withdrew is refused.
func (im *importer) provenance(root *node) error {
	tagged := map[string]string{}
	unsignedOne := false
	read := func(n *node) {
		for _, t := range n.peek("meta").peek("tag").list() {
			code, text := t.peek("code").str(), join(", ", t.peek("code").str(), t.peek("display").str())
			switch t.peek("system").str() {
			case sysVerdict:
				im.exported = true
				unsignedOne = unsignedOne || code == unsigned
				if code != "valid" && code != "valid-stale" && code != unsigned {
					tagged["not-verified"] = text
				}
			case sysView:
				if code == viewDoubtful {
					tagged["not-verified"] = text
				} else {
					tagged["withheld"] = text
				}
			}
		}
	}
	read(root)
	for _, r := range im.resources {
		read(r.node)
	}
	for _, reason := range []summary.LossReason{summary.ReasonNotVerified, summary.ReasonWithheld} {
		if text, ok := tagged[string(reason)]; ok {
			im.add(summary.Loss{Kind: summary.LossAmbiguous, Reason: reason, Source: "Bundle", Element: "meta.tag", Text: text})
		}
	}
	if im.composition == nil {
		return nil
	}
	switch status := im.composition.peek("status").str(); status {
	case "entered-in-error":
		return fmt.Errorf("%w: %s was entered in error", ErrWithdrawn, im.composition.label)
	case "preliminary":
		if !unsignedOne && len(tagged) == 0 {
			im.say(im.composition, summary.LossAmbiguous, summary.ReasonNotInForce, "status", status)
		}
	}
	return nil
}

// findComposition takes the one Composition, or that of a patient summary among several.
func (im *importer) findComposition() error {
	list := im.of("Composition")
	for _, r := range list {
		if im.composition == nil || r.has("type", sysLOINC, "60591-5") && !im.composition.has("type", sysLOINC, "60591-5") {
			im.composition = r
		}
	}
	for _, r := range list {
		if r != im.composition {
			im.drop(r, summary.ReasonTooMany)
		}
	}
	if im.composition == nil {
		im.add(summary.Loss{Kind: summary.LossAmbiguous, Reason: summary.ReasonStructure, Element: "Composition"})
		return nil
	}
	im.composition.done, im.composition.read = true, true
	return nil
}

// has says whether a CodeableConcept of the resource has a code.
func (n *node) has(name, system, code string) bool {
	for _, concept := range n.peek(name).list() {
		for _, c := range concept.peek("coding").list() {
			if c.peek("system").str() == system && c.peek("code").str() == code {
				return true
			}
		}
	}
	return false
}

// findPatient takes the subject of the Composition, or else the only Patient.
func (im *importer) findPatient() error {
	list := im.of("Patient")
	if im.composition != nil {
		if ref := im.composition.get("subject"); ref != nil {
			ref.readAll()
			if r := im.resolve(im.composition, ref.peek("reference").str()); r != nil && r.kind == "Patient" {
				im.patient = r
			}
		}
	}
	switch {
	case im.patient != nil:
	case len(list) == 1:
		im.patient = list[0]
		if im.composition != nil {
			im.say(im.composition, summary.LossAmbiguous, summary.ReasonSubject, "subject", "")
		}
	case len(list) == 0:
		return fmt.Errorf("%w: the bundle has no Patient", ErrPatient)
	default:
		return fmt.Errorf("%w: %d of them, and no Composition whose subject is one", ErrTwoPatients, len(list))
	}
	im.patient.done, im.patient.used, im.patient.read = true, true, true
	for _, r := range list {
		if r != im.patient {
			im.drop(r, summary.ReasonSubject)
		}
	}
	return nil
}

// checkSubjects refuses a document that says of one resource that it is another patient's: a mix-up of two people must not become one
// person's summary. A subject that is not in the document may be the same person under another address, and is reported.
func (im *importer) checkSubjects() (err error) {
	im.all(func(r *resource) {
		if r.kind == "Composition" || r.kind == "Patient" {
			return
		}
		for _, name := range []string{"subject", "patient"} {
			ref := r.get(name)
			if ref == nil {
				continue
			}
			ref.readAll()
			to := ref.peek("reference").str()
			other, guess := im.find(r, to)
			if other != nil {
				other.used = true
			}
			if system, value := ref.peek("identifier").peek("system").str(), ref.peek("identifier").peek("value").str(); im.isAnother(system, value) && err == nil {
				err = fmt.Errorf("%w: %s is of a patient with another identifier than %s", ErrTwoPatients, r.label, im.patient.label)
			}
			switch {
			case other == im.patient && guess && strings.Contains(to, "://") && strings.Contains(im.patient.fullURL, "://"):
				// The same type and id on two servers are two patients as well as one.
				im.say(r, summary.LossAmbiguous, summary.ReasonSubject, name, to)
			case other == im.patient:
			case other != nil && other.kind == "Patient":
				if err == nil {
					err = fmt.Errorf("%w: %s is of %s, the document of %s", ErrTwoPatients, r.label, other.label, im.patient.label)
				}
			case other != nil, lastTwo(to) != im.patient.kind+"/"+im.patient.id, im.patient.id == "":
				im.say(r, summary.LossAmbiguous, summary.ReasonSubject, name, cmp.Or(to, ref.gist(summary.MaxLossText)))
			}
		}
	})
	return err
}

// isAnother says whether an identifier is of a system in which the patient has another one.
func (im *importer) isAnother(system, value string) bool {
	same, other := false, false
	for _, id := range im.summary.Patient.IDs {
		if value != "" && identifierSystem(system) == id.System {
			same, other = same || id.Value == value, other || id.Value != value
		}
	}
	return other && !same
}

// told notes that the summary or the report has what is an AllergyIntolerance, here or within.
func (im *importer) told(n *node) {
	if n.is("AllergyIntolerance") {
		im.allergies[n] = true
	}
	for _, kid := range n.kids {
		im.told(kid)
	}
}

// is says whether an object is a resource of a type.
func (n *node) is(kind string) bool { return n.peek("resourceType").str() == kind }

// checkAllergies refuses a document with an AllergyIntolerance at a place where none can stand, as in a Bundle within it: it would be told of by
// a few words about what holds it.
func (im *importer) checkAllergies(n *node) {
	if n.is("AllergyIntolerance") && !im.allergies[n] {
		im.refuse("%w: an AllergyIntolerance where the document has no place for one", ErrAllergy)
	}
	for _, kid := range n.kids {
		im.checkAllergies(kid)
	}
}

func (im *importer) refuse(format string, args ...any) {
	if im.fail == nil {
		im.fail = fmt.Errorf(format, args...)
	}
}

// lastPath is the path of the last item of a section.
func (im *importer) lastPath(section string) string {
	return fmt.Sprintf("sections.%s.items[%d]", section, len(im.sources[section])-1)
}

// take puts a resource where it belongs, once: which section lists it first decides what a type alone leaves open.
func (im *importer) take(r *resource, p listing) {
	if r.done {
		return
	}
	if r.kind == "Patient" || r.kind == "Composition" {
		return
	}
	r.done, r.read = true, true
	if text := r.peek("text"); text.peek("status").str() == "additional" {
		// By its own word it says more than the elements do.
		im.say(r, summary.LossDropped, summary.ReasonNarrative, "text", plainText(text.peek("div").str()))
	}
	r.skip("id", "text", "identifier", "implicitRules", "language", "subject", "patient")
	carried := false
	im.within = p.within
	if p.known && p.name == "allergies" && (r.kind == "Condition" || r.kind == "Observation") && im.asAllergy(r) {
		im.unreadOf(r)
		return
	}
	switch r.kind {
	case "AllergyIntolerance":
		carried = im.allergy(r)
	case "MedicationStatement", "MedicationRequest", "MedicationDispense", "MedicationAdministration":
		carried = im.medication(r)
	case "Condition":
		carried = im.condition(r, p)
	case "Procedure":
		carried = im.procedure(r)
	case "FamilyMemberHistory":
		carried = im.family(r)
	case "Immunization":
		carried = im.immunization(r)
	case "Observation":
		carried = im.observation(r, p)
	case "Flag":
		carried = im.flag(r)
	case "DeviceUseStatement", "Device":
		carried = im.device(r)
	case "Consent", "DocumentReference":
		carried = im.directive(r, p)
	case "Encounter":
		carried = im.encounter(r)
	case "RelatedPerson":
		r.done = false // contacts reads them
		return
	case "List":
		im.list(r, p)
		return
	default:
		im.drop(r, summary.ReasonNoPlace)
		return
	}
	if p.unlisted && im.composition != nil && carried {
		im.say(r, summary.LossAmbiguous, summary.ReasonNotListed, "", r.describe())
	}
	if r == im.pregnancy.status || r == im.pregnancy.due {
		return // finishPregnancy reads it
	}
	im.unreadOf(r)
}

// list is what stands in a List resource, as if the section listed it.
func (im *importer) list(r *resource, p listing) {
	for i, e := range r.each("entry") {
		item := e.get("item")
		e.skip("flag", "date")
		item.readAll()
		at := fmt.Sprintf("%s.entry[%d]", r.label, i)
		to := im.resolve(r, item.peek("reference").str())
		deleted := e.string("deleted") == "true"
		switch {
		case item == nil:
		case to == nil:
			im.missing(p, at, item.peek("reference").str(), item.peek("type").str(), item.peek("display").str())
		case deleted && to.kind != "AllergyIntolerance" && !to.done && !slices.Contains(supporting, to.kind):
			im.drop(to, summary.ReasonNotInForce)
		default:
			if deleted {
				im.say(to, summary.LossAmbiguous, summary.ReasonNotInForce, "List.entry.deleted", "")
			}
			im.take(to, p)
		}
	}
	switch status := im.code(r, "status"); status {
	case "", "current":
		if reason := r.get("emptyReason"); reason != nil {
			im.emptyReason(reason, p)
		}
	default:
		im.say(r, summary.LossAmbiguous, summary.ReasonNotInForce, "status", status)
	}
	r.skip("mode", "title", "code", "date", "source", "orderedBy", "encounter", "meta")
	im.unreadOf(r)
}

// clinical are the types that are taken over although no section lists them: better an item too many, with a word, than one too few.
var clinical = []string{
	"AllergyIntolerance", "MedicationStatement", "MedicationRequest", "MedicationDispense", "MedicationAdministration", "Condition", "Procedure",
	"FamilyMemberHistory", "Immunization", "Flag", "DeviceUseStatement", "Observation", "Consent", "Encounter",
}

// unlisted takes what no section lists, contained resources included: a panel's members, and what a diagnosis or a result points to, are in no
// section of their own either.
func (im *importer) unlisted() {
	byKind := map[string][]*resource{}
	im.all(func(r *resource) { byKind[r.kind] = append(byKind[r.kind], r) })
	if len(byKind["Device"]) > 0 {
		// What wrote a document or measured something is no device of the patient; what a procedure put in is.
		im.all(func(r *resource) {
			for _, ref := range r.references() {
				if to, _ := im.find(r, ref); to != nil && to.kind == "Device" && r.kind != "Procedure" {
					to.used = true
				}
			}
		})
	}
	for _, kind := range append(slices.Clone(clinical), "Device") {
		for _, r := range byKind[kind] {
			switch {
			case r.done:
			case r.used && (kind == "MedicationRequest" || kind == "MedicationDispense") && im.repeats(r):
				im.drop(r, summary.ReasonDuplicate)
			case r.used && kind == "Device":
				// It belongs to what points to it.
			default:
				im.take(r, listing{unlisted: true})
			}
		}
	}
}

// repeats says whether a request or dispensing says only once more what a line that was made from it says: the same drug, with a dose of its own
// or none here either.
func (im *importer) repeats(r *resource) bool {
	name := conceptName(r.peek("medicationCodeableConcept"))
	if ref := r.peek("medicationReference"); ref != nil {
		to, _ := im.find(r, ref.peek("reference").str())
		name = ref.peek("display").str()
		if to != nil {
			name = cmp.Or(conceptName(to.peek("code")), name)
		}
	}
	if im.summary.Sections.Medications == nil || name == "" {
		return false
	}
	dosed := len(r.peek("dosageInstruction").list()) > 0
	return slices.ContainsFunc(im.summary.Sections.Medications.Items, func(m summary.Medication) bool {
		same := strings.EqualFold(m.Product.Text, name)
		over := m.Status == summary.MedicationStopped || m.Status == summary.MedicationCompleted
		return same && (m.Dosage != nil || !dosed) && !(over && r.peek("status").str() == "active")
	})
}

// supporting are the types that say something only for another resource.
var supporting = []string{"Practitioner", "PractitionerRole", "Organization", "Location", "Provenance", "Binary", "Specimen", "Medication", "Device", "Substance", "HealthcareService", "Endpoint"}

// leftovers reports what nobody has read.
func (im *importer) leftovers(root *node) {
	im.all(func(r *resource) {
		switch {
		case r == im.composition, r == im.patient:
			im.unreadOf(r)
		case r.done:
		case !slices.Contains(supporting, r.kind):
			im.drop(r, summary.ReasonNoPlace)
		case !r.used || r.kind == "Binary" || r.kind == "Specimen":
			im.minor(r, summary.LossDropped, summary.ReasonNoPlace, "", r.describe())
		}
	})
	im.all(func(r *resource) { r.readAll() })
	root.unread("", func(path string, n *node) {
		im.add(summary.Loss{Kind: summary.LossDropped, Reason: summary.ReasonNoPlace, Source: "Bundle", Element: path, Text: n.gist(summary.MaxLossText)})
	})
}

// trifles are the elements of resources that a summary has no place for, and that nobody in an emergency asks for.
var trifles = map[string][]string{
	"Immunization": {"site", "route", "doseQuantity", "expirationDate", "location", "manufacturer"}, "Observation": {"method", "device", "specimen", "interpretation", "referenceRange"},
	"RelatedPerson": {"address"}, "Encounter": {"class", "participant"},
}

// spoken are the types whose extensions may say what must not be missed.
var spoken = []string{"AllergyIntolerance", "MedicationStatement", "MedicationRequest", "MedicationDispense", "MedicationAdministration", "Medication", "Condition"}

// administrative are the elements of a Patient that are no part of an identity to check, and nothing clinical.
var administrative = map[string]bool{"telecom": true, "address": true, "maritalStatus": true, "photo": true}

// unreadOf reports the elements of a resource that nobody has read. An extension that modifies the meaning of what holds it is never minor.
func (im *importer) unreadOf(r *resource) {
	r.skip("meta")
	report := func(path string, n *node) {
		last := path[strings.LastIndexByte(path, '.')+1:]
		name, _, _ := strings.Cut(last, "[")
		text := n.gist(summary.MaxLossText)
		switch {
		case name == "modifierExtension":
			im.say(r, summary.LossAmbiguous, summary.ReasonNoPlace, path, text)
		case name == "extension" && slices.Contains(spoken, r.kind):
			// Guides put doses, agents and ends of treatments there.
			im.say(r, summary.LossDropped, summary.ReasonNoPlace, path, text)
		case name == "extension", strings.HasPrefix(name, "_"), name == "identifier", r.kind == "Patient" && administrative[name], slices.Contains(trifles[r.kind], name):
			im.minor(r, summary.LossDropped, summary.ReasonNoPlace, path, text)
		default:
			im.say(r, summary.LossDropped, summary.ReasonNoPlace, path, text)
		}
		n.readAll()
	}
	for i, name := range r.names {
		if name != "contained" { // they are resources of their own
			r.kids[i].unread(name, report)
		}
	}
}
