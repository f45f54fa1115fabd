package fhir

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secours-card/secours/summary"
)

// Origin is what a document says of where a summary comes from, and how far it is to be trusted.
type Origin struct {
	// Time is when the summary was signed, or else when it is exported.
	Time time.Time
	// Signer is who signed it, the zero Author for nobody.
	Signer summary.Author
	// Verdict is what came of checking the signature, as "valid" or "invalid"; "" where there is none. Reason is its reason code.
	Verdict, Reason string
	// Doubts are what else makes this less than the last and whole word, a line each: a newer summary that is lost, an amendment that was
	// refused. A document with any is preliminary.
	Doubts []string
	// Retracted are the ids of items that whoever said them took back: they are written as entered in error.
	Retracted []string
	// Card and Seq name the state of the card that it was read from.
	Card string
	Seq  uint64
	// Hidden are the sections that this reader does not see, or does not see whole.
	Hidden map[string]Hidden
}

// Hidden says how much of a section a reader does not see, and why.
type Hidden struct {
	// All is set where nothing of it is seen.
	All bool
	// Damaged is set where it cannot be read, rather than not be opened.
	Damaged bool
}

// good says whether the signature of the summary was found good.
func (o Origin) good() bool { return o.Verdict == "valid" || o.Verdict == "valid-stale" }

// Export writes a summary as an IPS 2.0 document Bundle (FHIR R4), and tells what of it a Bundle has no element for. What the signature was
// found to be stands as a tag on the Bundle and on every resource; a summary that is not verified makes a document that is preliminary, and says so
// in its title.
func Export(s *summary.Summary, o Origin) ([]byte, []summary.Loss, error) {
	x := &exporter{
		s: s, o: o, french: strings.HasPrefix(strings.ToLower(s.Language), "fr"), agents: map[string]string{},
		narrative: map[string][]string{}, used: map[string]bool{},
	}
	content, err := s.JSON()
	if err != nil {
		return nil, nil, err
	}
	// Of all that the document depends on: two patients, or two views of one card, never have a name in common.
	seed := sha256.Sum256(fmt.Appendf(content, "\x00%s\x00%d\x00%s\x00%s\x00%v\x00%v\x00%v", o.Card, o.Seq, o.Time.UTC().Format(time.RFC3339), o.Verdict, o.Hidden, o.Doubts, o.Retracted))
	x.seed = seed[:]
	bundle := x.bundle()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(bundle); err != nil {
		return nil, nil, err
	}
	return b.Bytes(), x.losses, nil
}

const (
	// extReviewed is when a section was reviewed, which no element says: the date of a Composition is when it was signed, and what was reviewed years
	// before must not look younger.
	extReviewed = base + "StructureDefinition/section-reviewed"
	// extInformant is whom it was learned from.
	extInformant = base + "StructureDefinition/section-informant"
)

// sysVerdict is the code system of the verdicts on a signature.
const (
	sysVerdict = base + "CodeSystem/verdict"
	// unsigned is the verdict on what was not read from a card.
	unsigned = "unsigned"
	// sysView marks a document that shows what one reader may see, and not all that there is.
	sysView = base + "CodeSystem/view"
	// viewDoubtful marks one that is less than the last, verified and whole word.
	viewDoubtful = "doubtful"
	// sysReview marks an item that the physician who wrote the summary did not review.
	sysReview = base + "CodeSystem/review"
)

// exporter is the work on one document.
type exporter struct {
	s       *summary.Summary
	o       Origin
	french  bool
	losses  []summary.Loss
	entries []any
	// agents are the fullUrls of those who said something.
	agents map[string]string
	// sections are the entries of the Composition's sections by LOINC code, narrative the lines of their texts.
	refs      map[string][]any
	narrative map[string][]string
	patient   string
	path      string
	used      map[string]bool
	highest   summary.Level
	// seed is what the names of this document are made of, retracted is set while an item is written that was taken back.
	seed      []byte
	retracted bool
	// prefix is who wrote an item, for its line in the narrative.
	prefix string
	// unreviewed is set while the resource of an item begins that nobody reviewed.
	unreviewed bool
}

func (x *exporter) word(french, english string) string {
	if x.french {
		return french
	}
	return english
}

func (x *exporter) lose(kind summary.LossKind, reason summary.LossReason, minor bool, element, text string) {
	x.losses = append(x.losses, summary.Loss{Kind: kind, Reason: reason, Minor: minor, Path: x.path, Element: element, Text: summary.LossText(text)})
}

// url makes the fullUrl of a resource: a UUID of its own kind (RFC 9562, version 8), the same whenever the same state of a card is exported.
func (x *exporter) url(name string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x\x00%s", x.seed, name))
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// resource begins a resource: its type, its id where it is one of FHIR's, its labels.
func (x *exporter) resource(kind, id string, level summary.Level) *object {
	r := obj().put("resourceType", kind)
	if id != "" && !strings.Contains(id, "_") && !x.used[kind+"/"+id] {
		x.used[kind+"/"+id] = true
		r.put("id", id)
	}
	meta := obj()
	if level != "" {
		meta.put("security", x.security(level))
		if level.Rank() > x.highest.Rank() {
			x.highest = level
		}
	}
	tags := list(x.tag())
	if x.unreviewed {
		tags = append(tags, coding(sysReview, "unreviewed", "not reviewed by the physician"))
	}
	return r.put("meta", meta.put("tag", tags))
}

func (x *exporter) security(level summary.Level) []any {
	c := confidentiality[level]
	return list(coding(sysConfidentiality, c.code, c.display), coding(sysLevel, string(level), ""))
}

func (x *exporter) tag() *object {
	if x.o.Verdict == "" {
		return coding(sysVerdict, unsigned, "not read from a card")
	}
	return coding(sysVerdict, x.o.Verdict, x.o.Reason)
}

func coding(system, code, display string) *object {
	return obj().put("system", system).put("code", code).put("display", display)
}

// codeable is a CodeableConcept of one coding.
func codeable(system, code, display string) *object {
	return obj().put("coding", list(coding(system, code, display)))
}

// concept is the CodeableConcept of a summary's concept.
func concept(c *summary.Concept) *object {
	if c == nil {
		return nil
	}
	return coded(c.Codes, c.Text)
}

func coded(codes []summary.Code, text string) *object {
	var all []any
	for _, code := range codes {
		all = append(all, coding(codeSystemURI(code.System), oneSpace(code.Code), ""))
	}
	return obj().put("coding", all).put("text", text)
}

// oneSpace makes a code of FHIR, which has no space at its ends, and one at a time within.
func oneSpace(code string) string { return strings.Join(strings.Fields(code), " ") }

func text(s string) *object { return obj().put("text", s) }

// reference points to an entry.
func reference(url string) *object {
	if url == "" {
		return nil
	}
	return obj().put("reference", url)
}

// date is a date, or "" for none: a partial one is one in FHIR too.
func date(d summary.Date) string { return d.String() }

// absentDate stands for a date that must be there and is not known.
func absentDate() *object {
	return obj().put("extension", list(obj().put("url", extAbsent).put("valueCode", "unknown")))
}

// dated puts a date that must be there, as name or as an extension in its place.
func dated(r *object, name string, d summary.Date) {
	if d.IsZero() {
		r.put("_"+name, absentDate())
		return
	}
	r.put(name, date(d))
}

func (x *exporter) entry(url string, r *object) {
	x.entries = append(x.entries, obj().put("fullUrl", url).put("resource", r))
}

// add puts a resource into a section, with its line of narrative.
func (x *exporter) add(loinc, url string, r *object, line string) {
	if x.retracted {
		withdraw(r)
		line = x.word("RETIRÉ PAR SON AUTEUR : ", "WITHDRAWN BY ITS AUTHOR: ") + line
		x.retracted = false
	}
	x.entry(url, r)
	x.refs[loinc] = append(x.refs[loinc], reference(url))
	if line != "" {
		x.narrative[loinc] = append(x.narrative[loinc], line)
	}
}

// withdraw makes a resource one that was entered in error, in whichever way its type says that.
func withdraw(r *object) {
	const code = "entered-in-error"
	switch r.values[0] {
	case "AllergyIntolerance":
		r.drop("clinicalStatus", "verificationStatus")
		r.put("verificationStatus", codeable("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", code, ""))
	case "Condition":
		r.drop("clinicalStatus", "verificationStatus")
		r.put("verificationStatus", codeable("http://terminology.hl7.org/CodeSystem/condition-ver-status", code, ""))
	case "RelatedPerson":
		r.drop("active")
		r.put("active", false)
	default:
		r.drop("status")
		r.put("status", code)
	}
}

func (x *exporter) bundle() *object {
	x.refs = map[string][]any{}
	x.highest = summary.LevelCare // an identity is never below
	x.patient = x.url("patient")
	author := x.signer()
	x.alerts()
	x.allergies()
	x.medications()
	x.history()
	x.measurements()
	x.vaccinations()
	x.visits()
	x.directives()
	x.contacts()
	x.extra()
	composition := x.composition(author)
	patient := x.patientResource()
	rest := x.entries
	x.entries = nil
	url := x.url("composition")
	x.entry(url, composition)
	x.entry(x.patient, patient)
	x.entries = append(x.entries, rest...)
	x.entry(x.url("provenance"), x.provenance(url, author))
	when := x.o.Time.UTC().Format(time.RFC3339)
	tags := list(x.tag())
	if len(x.o.Doubts) > 0 {
		tags = append(tags, coding(sysView, viewDoubtful, "not the last, verified and whole word"))
	}
	if len(x.o.Hidden) > 0 {
		tags = append(tags, coding(sysView, "partial", "what one reader may see"))
	}
	meta := obj().put("security", x.security(x.highest)).put("tag", tags)
	return obj().put("resourceType", "Bundle").put("meta", meta).put("language", language(x.s.Language)).
		put("identifier", obj().put("system", "urn:ietf:rfc:3986").put("value", x.url("bundle"))).
		put("type", "document").put("timestamp", when).put("entry", x.entries)
}

// language is a summary's where it is a tag (RFC 5646).
func language(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r > 'z' || !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9'))
	}) {
		return ""
	}
	return s
}

// composition lists the sections that there are, and the three that there must be.
func (x *exporter) composition(author string) *object {
	title := x.word("Synthèse médicale d'urgence", "Emergency patient summary")
	status := "final"
	var warning string
	switch {
	case x.o.Verdict == "":
		status, warning = "preliminary", x.word("NON SIGNÉE", "NOT SIGNED")
	case !x.o.good():
		status, warning = "preliminary", x.word("NON VÉRIFIÉE, NE PAS S'Y FIER", "NOT VERIFIED, DO NOT RELY ON IT")
	}
	if warning == "" && len(x.o.Doubts) > 0 {
		status, warning = "preliminary", x.word("À VÉRIFIER", "TO BE CHECKED")
	}
	if len(x.o.Hidden) > 0 {
		title += x.word(" (vue partielle)", " (partial view)")
	}
	if warning != "" {
		title = warning + " - " + title
	}
	r := obj().put("resourceType", "Composition").
		put("meta", obj().put("security", x.security(x.highest)).put("tag", list(x.tag()))).
		put("language", language(x.s.Language)).
		put("text", narrativeOf(title, x.o.Doubts, []string{x.word("Sections ci-dessous.", "See the sections below.")})).
		put("status", status).put("type", codeable(sysLOINC, "60591-5", "Patient summary Document")).
		put("subject", reference(x.patient)).put("date", x.o.Time.UTC().Format(time.RFC3339)).put("author", list(reference(author))).
		put("title", title).put("confidentiality", confidentiality[x.highest].code)
	var all []any
	for _, s := range sections {
		if o := x.section(s); o != nil {
			all = append(all, o)
		}
	}
	for _, more := range []struct{ key, french, english string }{
		{"contacts", "Personnes à appeler", "People to call"}, {"consent", "Consentement", "Consent"},
	} {
		if len(x.refs[more.key]) > 0 {
			title := x.word(more.french, more.english)
			all = append(all, obj().put("title", title).put("code", text(title)).
				put("text", narrativeOf(title, nil, x.narrative[more.key])).put("entry", x.refs[more.key]))
		}
	}
	return r.put("section", all)
}

// titles of the sections, in the words of a summary's screens.
var titles = map[string][2]string{
	"11450-4": {"Problèmes en cours", "Problems"}, "48765-2": {"Allergies et intolérances", "Allergies and intolerances"},
	"10160-0": {"Médicaments", "Medications"}, "104605-1": {"Points de vigilance", "Alerts"}, "46264-8": {"Dispositifs", "Devices"},
	"11348-0": {"Antécédents", "Past problems"}, "47519-4": {"Interventions", "Procedures"}, "10157-6": {"Antécédents familiaux", "Family history"},
	"11369-6": {"Vaccinations", "Immunizations"}, "30954-2": {"Résultats", "Results"}, "8716-3": {"Mesures", "Vital signs"},
	"42348-3": {"Directives", "Advance directives"}, "46240-8": {"Consultations et séjours", "Encounters"},
}

// required are the sections that every IPS document has, even to say that nothing is known.
var required = []string{"11450-4", "48765-2", "10160-0"}

// section writes one, nil where there is nothing to say and it need not be there.
func (x *exporter) section(s section) *object {
	var head summary.SectionHead
	present := false
	if sec := x.s.Sections.Section(s.name); sec != nil {
		head, present = *sec.Head(), true
	}
	refs, lines := x.refs[s.loinc], x.narrative[s.loinc]
	hidden, isHidden := x.o.Hidden[s.name]
	reason := ""
	switch {
	case isHidden && hidden.Damaged:
		reason = "unavailable"
	case isHidden && head.Status != summary.StatusNoneKnown:
		reason = "withheld"
	case !present || head.Status == summary.StatusNotAsked:
		reason = "notasked"
	case head.Status == summary.StatusUnavailable:
		reason = "unavailable"
	case head.Status == summary.StatusNoneKnown:
		reason = "nilknown"
	default:
		// The items stand in another part of what is one section in a summary: of this one, nothing is said.
		reason = "notasked"
	}
	main := s.part == partAll || s.part == partProblems
	// That there is no history says so of the past too.
	main = main || s.part == partPast && len(refs) == 0 && reason == "nilknown"
	if len(refs) == 0 && !slices.Contains(required, s.loinc) && (!main || reason == "notasked") {
		return nil
	}
	title := x.word(titles[s.loinc][0], titles[s.loinc][1])
	if !slices.Contains(required, s.loinc) && s.part == partResults && len(refs) == 0 {
		return nil
	}
	var remarks []string
	if isHidden && !hidden.All {
		why := x.word("PARTIEL : d'autres éléments peuvent exister, non visibles pour ce lecteur", "PARTIAL: other items may exist that this reader cannot see")
		if hidden.Damaged {
			why = x.word("INCOMPLET : une partie de la carte est illisible", "INCOMPLETE: a part of the card cannot be read")
		}
		remarks = append(remarks, why)
	}
	if main || s.part == partResults {
		remarks = append(remarks, x.headLines(s.name, &head)...)
	}
	o := obj()
	speaks := main || s.part == partResults
	if speaks {
		var extensions []any
		if !head.Reviewed.IsZero() {
			extensions = append(extensions, obj().put("url", extReviewed).put("valueDate", date(head.Reviewed)))
		}
		if head.Informant != "" {
			extensions = append(extensions, obj().put("url", extInformant).put("valueCode", string(head.Informant)))
		}
		o.put("extension", extensions)
	}
	o.put("title", title).put("code", codeable(sysLOINC, s.loinc, "").put("text", title))
	if speaks {
		o.put("author", list(reference(x.agent(head.ReviewedBy))))
	}
	if len(refs) > 0 {
		return o.put("text", narrativeOf(title, remarks, lines)).put("entry", refs)
	}
	words := map[string][2]string{
		"notasked": {"Non demandé", "Not asked"}, "unavailable": {"Non disponible : il peut y en avoir", "Not available: there may be some"},
		"withheld": {"Non visible pour ce lecteur : il peut y en avoir", "Not visible to this reader: there may be some"},
		"nilknown": {"Aucun connu", "None known"},
	}[reason]
	displays := map[string]string{"notasked": "Not Asked", "unavailable": "Unavailable", "withheld": "Information Withheld", "nilknown": "Nil Known"}
	return o.put("text", narrativeOf(title, remarks, []string{x.word(words[0], words[1])})).
		put("emptyReason", codeable(sysEmptyReason, reason, displays[reason]).put("text", x.word(words[0], words[1])))
}

// headLines says who reviewed a section, when, and of which kinds none is known.
func (x *exporter) headLines(name string, h *summary.SectionHead) (lines []string) {
	if !h.Reviewed.IsZero() || h.ReviewedBy.Name != "" {
		who := join(", ", h.ReviewedBy.Name, h.ReviewedBy.Org)
		lines = append(lines, join(" ", x.word("Revu", "Reviewed"), date(h.Reviewed), who))
	}
	for _, c := range h.NoneKnown {
		lines = append(lines, x.word("Aucun connu pour : ", "None known for: ")+string(c))
	}
	if h.Informant != "" {
		lines = append(lines, x.word("Source : ", "Informant: ")+string(h.Informant))
	}
	return lines
}

// signer is the author of the Composition: who signed, or else the program.
func (x *exporter) signer() string {
	if a := x.agent(x.o.Signer); a != "" {
		return a
	}
	url := x.url("device")
	x.entry(url, x.resource("Device", "", "").put("deviceName", list(obj().put("name", "Secours").put("type", "manufacturer-name"))))
	return url
}

func agentKey(a summary.Author) string {
	return strings.Join([]string{a.Name, a.Role, a.ID, a.Org}, "\x00")
}

// agent returns the fullUrl of who said something: the patient, or a PractitionerRole of his own, "" for nobody.
func (x *exporter) agent(a summary.Author) string {
	switch {
	case a.Role == rolePatient || a.Name == "" && a.Org == "" && a.ID == "":
		if a.Role == rolePatient {
			return x.patient
		}
		return ""
	}
	key := agentKey(a)
	if url, ok := x.agents[key]; ok {
		return url
	}
	url := x.url("agent " + key)
	x.agents[key] = url
	if a.Role == roleRelative {
		x.entry(url, x.resource("RelatedPerson", "", "").put("active", false).put("patient", reference(x.patient)).
			put("name", list(text(cmp.Or(a.Name, a.ID)))))
		return url
	}
	practitioner, organization := "", ""
	if a.Name != "" || a.ID != "" {
		practitioner = x.url("practitioner " + key)
		p := x.resource("Practitioner", "", "")
		if a.ID != "" {
			p.put("identifier", list(obj().put("value", a.ID)))
		}
		p.put("name", list(text(cmp.Or(a.Name, a.ID))))
		if a.Role == "" && a.Org == "" {
			x.agents[key] = practitioner
			x.entry(practitioner, p)
			return practitioner
		}
		x.entry(practitioner, p)
	}
	if a.Org != "" {
		organization = x.agents["org "+a.Org]
		if organization == "" {
			organization = x.url("organization " + a.Org)
			x.agents["org "+a.Org] = organization
			x.entry(organization, x.resource("Organization", "", "").put("name", a.Org))
		}
	}
	var role []any
	if a.Role != "" {
		role = list(text(a.Role))
	}
	x.entry(url, x.resource("PractitionerRole", "", "").put("practitioner", reference(practitioner)).
		put("organization", reference(organization)).put("code", role))
	return url
}

// provenance says who signed what, when, and what came of checking it.
func (x *exporter) provenance(composition, author string) *object {
	activity := "assemble"
	p := obj().put("resourceType", "Provenance").put("meta", obj().put("tag", list(x.tag()))).
		put("target", list(reference(composition))).put("recorded", x.o.Time.UTC().Format(time.RFC3339)).
		put("activity", text(activity))
	what := x.word("signature : ", "signature: ") + join(", ", cmp.Or(x.o.Verdict, x.word("aucune", "none")), x.o.Reason)
	return p.put("reason", list(text(what))).
		put("agent", list(obj().put("type", codeable("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author", "Author")).
			put("who", reference(author))))
}

func (x *exporter) patientResource() *object {
	p := &x.s.Patient
	r := x.resource("Patient", "", summary.LevelCare)
	var extensions []any
	if p.BirthPlace != "" || p.BirthPlaceCode != "" {
		address := obj()
		if p.BirthPlaceCode != "" {
			address.put("extension", list(obj().put("url", extINSEE).put("valueCoding", obj().put("code", oneSpace(p.BirthPlaceCode)))))
		}
		address.put("city", p.BirthPlace)
		extensions = append(extensions, obj().put("url", extBirthPlace).put("valueAddress", address))
	}
	for code, status := range reliabilities {
		if status == p.IdentityStatus {
			extensions = append(extensions, obj().put("url", extReliability).put("extension", list(obj().put("url", "identityStatus").
				put("valueCoding", coding("https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0445", code, "")))))
		}
	}
	r.put("extension", extensions)
	var ids []any
	for _, id := range p.IDs {
		ids = append(ids, obj().put("system", identifierURI(id.System)).put("value", id.Value))
	}
	r.put("identifier", ids)
	var given []any
	for _, g := range p.Given {
		if g != "-" {
			given = append(given, g)
		}
	}
	names := list(obj().put("use", "official").put("family", p.Family).put("given", given))
	if p.UsedFamily != "" || p.UsedGiven != "" {
		names = append(names, obj().put("use", "usual").put("family", p.UsedFamily).put("given", list(p.UsedGiven)))
	}
	r.put("name", names).put("gender", string(p.Sex))
	dated(r, "birthDate", p.BirthDate)
	return r
}

// extra reports what the summary has that this version does not know.
func (x *exporter) extra() {
	for _, path := range x.s.Unknown() {
		x.losses = append(x.losses, summary.Loss{Kind: summary.LossDropped, Reason: summary.ReasonNoPlace, Path: path})
	}
}
