package fhir

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

const (
	// sysDirective are the code systems of what only a summary tells of a directive, as codings of Consent.category.
	sysDirectiveKind    = base + "CodeSystem/directive-kind"
	sysDirectiveSubject = base + "CodeSystem/directive-subject"
	sysPosition         = base + "CodeSystem/position"
	// sysConsent marks the Consent that is the summary's own: what the patient agreed to when it was made.
	sysConsent = base + "CodeSystem/consent"
)

// directiveCodes are codes of Consent.category (consentcategorycodes, LOINC) that a summary has a word for.
var directiveCodes = map[string]struct {
	kind    summary.DirectiveKind
	subject summary.DirectiveSubject
}{
	"acd": {summary.DirectiveAdvance, ""}, "hcd": {summary.DirectiveAdvance, ""}, "polst": {summary.DirectiveTreatmentLimit, ""},
	"dnr": {summary.DirectiveTreatmentLimit, summary.SubjectResuscitation}, "42348-3": {summary.DirectiveAdvance, ""}, "75320-2": {summary.DirectiveAdvance, ""},
	"64298-3": {summary.DirectiveAdvance, ""}, "84095-9": {summary.DirectiveTreatmentLimit, summary.SubjectResuscitation},
}

// directive takes a Consent about care, and a DocumentReference that the advance directives list. What somebody agreed to about his data
// or about research binds no hand.
func (im *importer) directive(r *resource, p listing) bool {
	if r.kind == "DocumentReference" {
		if !p.known || p.name != "directives" {
			im.drop(r, summary.ReasonNoPlace)
			return false
		}
		return im.directiveDocument(r)
	}
	status := im.code(r, "status")
	if ownCode(r.get("category"), sysConsent) != "" && status == "active" {
		return im.consent(r)
	}
	switch status {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "rejected", "inactive", "draft", "proposed":
		im.drop(r, summary.ReasonNotInForce)
		return false
	case "", "active":
	default:
		im.say(r, summary.LossAmbiguous, summary.ReasonNotInForce, "status", status)
	}
	scope := conceptCode(r.peek("scope"))
	listed := p.known && p.name == "directives"
	if !listed && scope != "adr" && scope != "treatment" {
		im.drop(r, summary.ReasonNoPlace)
		return false
	}
	d := summary.Directive{Common: im.common(r, "directives", "performer"), Kind: summary.DirectiveOther}
	if scope == "adr" || listed {
		d.Kind = summary.DirectiveAdvance
	}
	d.Date = im.date(r, r.get("dateTime"), "dateTime")
	var texts []string
	for _, n := range r.get("category").list() {
		kind := own(im, r, "category", ownCode(n, sysDirectiveKind), ownDirectiveKinds)
		subject := own(im, r, "category", ownCode(n, sysDirectiveSubject), ownDirectiveSubjects)
		for _, c := range n.peek("coding").list() {
			if known, ok := directiveCodes[c.peek("code").str()]; ok && kind == "" {
				kind, subject = known.kind, known.subject
			}
		}
		position := own(im, r, "category", ownCode(n, sysPosition), ownPositions)
		d.Kind, d.Subject, d.Position = cmp.Or(kind, d.Kind), cmp.Or(subject, d.Subject), cmp.Or(position, d.Position)
		if n.kind == kindObject && n.peek("text") == nil && (kind != "" || subject != "" || position != "") {
			n.readAll()
			continue
		}
		if c := im.concept(r, n, "category"); c != nil {
			texts = append(texts, c.Text)
		}
	}
	if d.Kind == summary.DirectiveTreatmentLimit && d.Subject == summary.SubjectResuscitation && d.Position == "" {
		d.Position = summary.PositionOpposed
	}
	provision := r.get("provision")
	if provision != nil {
		kind := provision.string("type")
		for _, n := range provision.get("code").list() {
			if c := im.concept(r, n, "provision.code"); c != nil {
				if kind != "" {
					c.Text = map[string]string{"deny": im.word("refusé : ", "refused: "), "permit": im.word("accepté : ", "accepted: ")}[kind] + c.Text
				}
				texts = append(texts, c.Text)
			}
		}
		if kind == "deny" && d.Position == "" {
			d.Position = summary.PositionOpposed
		}
	}
	for _, n := range r.each("policy") {
		d.Location = cmp.Or(d.Location, n.string("uri"))
	}
	if rule := im.concept(r, r.get("policyRule"), "policyRule"); rule != nil && !slices.Contains(ownDirectiveKinds, summary.DirectiveKind(rule.Text)) {
		texts = append(texts, rule.Text)
	}
	r.skip("scope", "organization")
	im.original(r, "sourceReference", "sourceAttachment", &d)
	// What stands in an extension of the kinds that people use for a free text.
	d.Text = join("\n", texts...)
	if text := im.ownText(r); text != "" {
		d.Text = text
	}
	im.addDirective(d, r)
	return true
}

// extText is the text of a directive, for which a Consent has no element.
const extText = base + "StructureDefinition/text"

func (im *importer) ownText(r *resource) (text string) {
	for _, e := range r.each("extension") {
		if e.peek("url").str() == extText {
			e.readAll()
			text = e.peek("valueString").str()
		} else {
			e.read = false
		}
	}
	return text
}

func (im *importer) addDirective(d summary.Directive, r *resource) {
	s := &im.summary.Sections
	if s.Directives == nil {
		s.Directives = &summary.Section[summary.Directive]{}
	}
	s.Directives.Items = append(s.Directives.Items, d)
	im.sources["directives"] = append(im.sources["directives"], r.label)
}

// originals are the types that a Consent's source may be of.
var originals = map[string]bool{"DocumentReference": true, "Contract": true, "QuestionnaireResponse": true}

// original says where the original lies.
func (im *importer) original(r *resource, reference, attachment string, d *summary.Directive) {
	if ref := r.get(reference); ref != nil {
		ref.readAll()
		if to := im.resolve(r, ref.peek("reference").str()); to != nil && originals[to.kind] {
			to.done, to.read = true, true
			d.Location = cmp.Or(to.peek("description").str(), conceptLabel(to.peek("type")), ref.peek("display").str(), d.Location)
			for _, content := range to.peek("content").list() {
				im.attachment(to, content.get("attachment"), "content.attachment", d)
				content.read = true
			}
			to.readAll()
		} else {
			d.Location = cmp.Or(ref.peek("display").str(), d.Location)
			im.say(r, summary.LossAmbiguous, summary.ReasonNotFound, reference, ref.peek("reference").str())
		}
	}
	im.attachment(r, r.get(attachment), attachment, d)
}

// attachment reads where a document can be had. The document itself does not go on a card.
func (im *importer) attachment(r *resource, n *node, element string, d *summary.Directive) {
	if n == nil {
		return
	}
	title := im.text(r, n.get("title"), element+".title")
	url := im.text(r, n.get("url"), element+".url")
	d.Location = cmp.Or(d.Location, title, url)
	if data := n.peek("data"); data != nil {
		im.say(r, summary.LossDropped, summary.ReasonNoPlace, element+".data", title)
	}
	n.readAll()
}

func (im *importer) directiveDocument(r *resource) bool {
	switch im.code(r, "status") {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "superseded":
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	d := summary.Directive{Common: im.common(r, "directives", "author"), Kind: summary.DirectiveAdvance}
	d.Date = im.date(r, r.get("date"), "date")
	texts := []string{im.text(r, r.get("description"), "description")}
	if c := im.concept(r, r.get("type"), "type"); c != nil {
		texts = append(texts, c.Text)
	}
	d.Text = join("\n", texts...)
	for _, content := range r.each("content") {
		im.attachment(r, content.get("attachment"), "content.attachment", &d)
		content.skip("format", "id")
	}
	r.skip("masterIdentifier", "category", "docStatus", "authenticator", "custodian", "context", "securityLabel")
	im.addDirective(d, r)
	return true
}

// consent takes the summary's own consent back from an export.
func (im *importer) consent(r *resource) bool {
	c := &summary.Consent{Date: im.date(r, r.get("dateTime"), "dateTime"), Scope: im.ownText(r)}
	for _, ref := range r.each("performer") {
		c.By = im.author(r, ref)
	}
	switch r.get("provision").get("type").str() {
	case "permit":
		c.EmergencyAccess = summary.Yes
	case "deny":
		c.EmergencyAccess = summary.No
	}
	r.readAll()
	im.summary.Consent = c
	return true
}

// wish takes an Observation among the advance directives.
func (im *importer) wish(r *resource) bool {
	c := im.concept(r, r.get("code"), "code")
	value, unit := im.value(r)
	d := summary.Directive{Common: im.common(r, "directives", "performer"), Kind: summary.DirectiveAdvance}
	if c != nil {
		d.Text = c.Text
	}
	if value != "" {
		d.Text = join(": ", d.Text, strings.TrimSpace(value+" "+unit))
	}
	d.Date, _ = im.moment(r, "effective")
	d.Text = join("\n", d.Text, im.notes(r, "note"))
	r.skip("category", "issued", "encounter")
	if d.Text == "" {
		im.drop(r, summary.ReasonNoText)
		return false
	}
	im.addDirective(d, r)
	return true
}
