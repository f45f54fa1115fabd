package fhir

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// The codes of AllergyIntolerance whose names a summary shares.
var (
	allergyCategories = map[string]summary.Category{
		"food": summary.CategoryFood, "medication": summary.CategoryMedication, "environment": summary.CategoryEnvironment,
		"biologic": summary.CategoryBiologic,
	}
	allergyTypes   = map[string]summary.AllergyType{"allergy": summary.TypeAllergy, "intolerance": summary.TypeIntolerance}
	criticalities  = map[string]summary.Criticality{"low": summary.CriticalityLow, "high": summary.CriticalityHigh, "unable-to-assess": summary.CriticalityUnableToAssess}
	verifications  = map[string]summary.Verification{"unconfirmed": summary.VerificationUnconfirmed, "presumed": summary.VerificationPresumed, "confirmed": summary.VerificationConfirmed, "refuted": summary.VerificationRefuted}
	allergyStatues = map[string]summary.AllergyStatus{"active": summary.AllergyActive, "inactive": summary.AllergyInactive, "resolved": summary.AllergyResolved}
	// severities from the least to the gravest.
	severities = []string{"mild", "moderate", "severe"}
)

// allergy takes an AllergyIntolerance, whatever its status: a refuted one is there to say so. One whose agent nothing names stands with what
// else is known of it; one of which nothing at all is known makes the document refused.
func (im *importer) allergy(r *resource) bool {
	code := r.get("code")
	verification := im.code(r, "verificationStatus", verificationCodes...)
	status := im.code(r, "clinicalStatus", clinicalCodes...)
	void := verification == "refuted" || verification == "entered-in-error" || status == "inactive" || status == "resolved"
	if im.absent(r, code, "allergies", partAll, !void) {
		return false
	}
	im.told(r.node)
	a := summary.Allergy{Common: im.common(r, "allergies", "recorder", "asserter")}
	if c := im.concept(r, code, "code"); c != nil {
		a.Agent = *c
	}
	a.ClinicalStatus = enum(im, r, "clinicalStatus", allergyStatues)
	var notes []string
	switch v, ok := verifications[verification]; {
	case ok:
		a.Verification = v
	case verification == "entered-in-error":
		// Who withdraws an allergy may have withdrawn the wrong one: it stays in sight, as refuted.
		a.Verification = summary.VerificationRefuted
		notes = append(notes, im.word("retirée par son auteur : saisie par erreur", "withdrawn by its author: entered in error"))
		im.say(r, summary.LossAmbiguous, summary.ReasonEnteredInError, "verificationStatus", a.Agent.Text)
	case verification != "":
		im.say(r, summary.LossDropped, summary.ReasonUnknownCode, "verificationStatus", verification)
	}
	a.Type = enum(im, r, "type", allergyTypes)
	a.Criticality = enum(im, r, "criticality", criticalities)
	for _, n := range r.each("category") {
		code := strings.ToLower(n.str())
		category, known := allergyCategories[code]
		switch {
		case !known:
			im.say(r, summary.LossDropped, summary.ReasonUnknownCode, "category", n.gist(summary.MaxLossText))
			n.readAll()
		case a.Category == "":
			a.Category = category
		case a.Category != category:
			im.say(r, summary.LossDropped, summary.ReasonTooMany, "category", code)
		}
	}
	for _, e := range append(r.each("modifierExtension"), r.each("extension")...) {
		if e.peek("url").str() == extExposureRisk {
			im.exposureRisk(r, e, &a)
			continue
		}
		switch code := e.peek("valueCode").str(); e.peek("url").str() {
		case extCategory:
			e.readAll()
			a.Category = cmp.Or(own(im, r, "extension", code, ownCategories), a.Category)
		case extVerification:
			e.readAll()
			if a.Verification == summary.VerificationUnconfirmed && code == string(summary.VerificationPresumed) {
				a.Verification = summary.VerificationPresumed
			}
		case extBasis:
			e.readAll()
			a.Basis = own(im, r, "extension", code, ownBases)
		default:
			e.read = false
		}
	}
	onset, until := im.moment(r, "onset")
	a.Onset = onset
	if text := join(", ", im.spell(onset, until), im.describeMoment(r, "onset")); text != "" {
		notes = append(notes, im.word("début : ", "onset: ")+text)
	}
	a.LastReaction = im.date(r, r.get("lastOccurrence"), "lastOccurrence")
	notes = append(notes, im.agentOfKind(r, &a))
	for i, n := range r.each("reaction") {
		notes = append(notes, im.reaction(r, &a, n, i))
	}
	a.Note = join("\n", append([]string{im.notes(r, "note")}, notes...)...)
	if summary.CheckText(a.Agent.Text, maxConcept) != nil {
		// What is cut of it stays in the note.
		a.Note = join("\n", a.Agent.Text, a.Note)
	}
	if a.Agent.Text == "" && !im.agentless(r, &a) {
		return false
	}
	im.addAllergy(a, r)
	return true
}

// asAllergy takes what is no AllergyIntolerance and stands in the section of allergies for one, to be checked. It returns false for what says that
// there is none.
func (im *importer) asAllergy(r *resource) bool {
	if _, none, _ := absentOf(r.peek("code")); none {
		return false
	}
	c := im.concept(r, r.get("code"), "code")
	if c == nil {
		return false
	}
	a := summary.Allergy{Common: im.common(r, "allergies", "recorder", "asserter", "performer"), Agent: *c}
	a.ClinicalStatus = enum(im, r, "clinicalStatus", allergyStatues)
	switch v := im.code(r, "verificationStatus", verificationCodes...); v {
	case "refuted", "entered-in-error":
		a.Verification = summary.VerificationRefuted
	default:
		a.Verification = verifications[v]
	}
	if r.kind == "Observation" {
		value, unit := im.value(r)
		a.Note = strings.TrimSpace(value + " " + unit)
	}
	a.Onset, _ = im.moment(r, "onset")
	a.Note = join("\n", a.Note, im.notes(r, "note"))
	r.skip("category", "status", "meta")
	im.say(r, summary.LossAmbiguous, summary.ReasonStructure, "", c.Text)
	im.addAllergy(a, r)
	return true
}

// maxConcept is the length in characters of the longest text of a concept.
const maxConcept = 200

func (im *importer) addAllergy(a summary.Allergy, r *resource) {
	s := &im.summary.Sections
	if s.Allergies == nil {
		s.Allergies = &summary.Section[summary.Allergy]{}
	}
	s.Allergies.Items = append(s.Allergies.Items, a)
	im.sources["allergies"] = append(im.sources["allergies"], r.label)
}

// extExposureRisk names the agent where the code of an allergy does not (HL7's allergyintolerance-substanceExposureRisk).
const extExposureRisk = "http://hl7.org/fhir/StructureDefinition/allergyintolerance-substanceExposureRisk"

// exposureRisk reads the agent, and whether there is a risk at all: where none is known, the allergy is a refuted one.
func (im *importer) exposureRisk(r *resource, e *node, a *summary.Allergy) {
	e.read = true
	e.skip("url")
	for _, n := range e.each("extension") {
		switch url := n.string("url"); {
		case url == "substance":
			if c := im.concept(r, n.get("valueCodeableConcept"), "extension.substance"); c != nil && a.Agent.Text == "" {
				a.Agent = *c
			}
		case url == "exposureRisk" && conceptCode(n.peek("valueCodeableConcept")) == "no-known-reaction-risk":
			a.Verification = summary.VerificationRefuted
			im.say(r, summary.LossAmbiguous, summary.ReasonNotInForce, "exposureRisk", "no-known-reaction-risk")
			n.readAll()
		default:
			n.readAll()
		}
	}
}

// agentOfKind makes the substances of the reactions the agent of an allergy whose code is only its kind, which is returned as a note: the French
// profile has the kind as the code of every allergy, and the agent as the substance of its reactions.
func (im *importer) agentOfKind(r *resource, a *summary.Allergy) string {
	if !slices.ContainsFunc(a.Agent.Codes, summary.AllergyKind) {
		return ""
	}
	quiet := &importer{bundle: im.bundle, french: im.french}
	var texts []string
	var codes []summary.Code
	for _, n := range r.peek("reaction").list() {
		if c := quiet.concept(r, clone(n.peek("substance")), ""); c != nil && !slices.Contains(texts, c.Text) {
			texts, codes = append(texts, c.Text), append(codes, c.Codes...)
		}
	}
	if len(texts) == 0 {
		return ""
	}
	kind := a.Agent.Text
	// The code of the kind stays, last: who compares codes passes it over (summary.AllergyKind).
	a.Agent = summary.Concept{Text: join(", ", texts...), Codes: append(codes, a.Agent.Codes...)}
	return kind
}

// agentless names an allergy whose code is missing by what else it says.
func (im *importer) agentless(r *resource, a *summary.Allergy) bool {
	silent := len(a.Reactions) == 0 && a.Note == "" && r.peek("code").gist(1) == "" && a.Onset.IsZero() && a.LastReaction.IsZero()
	if silent && a.Category == "" && a.Type == "" && a.Criticality == "" && a.ClinicalStatus == "" && a.Verification == "" {
		im.refuse("%w: %s says nothing of it", ErrAllergy, r.label)
		return false
	}
	a.Agent.Text = cmp.Or(strings.TrimSpace(r.peek("code").gist(150)), im.word("agent non indiqué", "agent not stated"))
	im.add(summary.Loss{
		Kind: summary.LossAmbiguous, Reason: summary.ReasonNoText, Source: r.label, Element: "code", Text: a.Agent.Text,
		Path: pathAfter("allergies", len(im.sources["allergies"])),
	})
	return true
}

// reaction reads one reaction; what of it has no member of its own is returned as a note.
func (im *importer) reaction(r *resource, a *summary.Allergy, n *node, i int) string {
	at := "reaction[" + itoa(i) + "]"
	if n.kind != kindObject {
		im.say(r, summary.LossAmbiguous, summary.ReasonWrongType, at, n.gist(summary.MaxLossText))
		text := n.gist(200)
		n.readAll()
		return text
	}
	n.skip("id")
	before := len(a.Reactions)
	for _, m := range n.get("manifestation").list() {
		if c := im.concept(r, m, at+".manifestation"); c != nil {
			a.Reactions = append(a.Reactions, *c)
		}
	}
	description := im.text(r, n.get("description"), at+".description")
	if len(a.Reactions) == before && description != "" {
		a.Reactions, description = append(a.Reactions, summary.Concept{Text: description}), ""
	}
	severity := strings.ToLower(im.text(r, n.get("severity"), at+".severity"))
	if severity != "" && severity != a.Severity {
		lesser := severity
		if rankOf(severity) > rankOf(a.Severity) {
			lesser, a.Severity = a.Severity, severity
		}
		if lesser != "" {
			im.say(r, summary.LossDropped, summary.ReasonTooMany, at+".severity", lesser)
		}
	}
	if on := im.date(r, n.get("onset"), at+".onset"); !on.IsZero() {
		switch {
		case a.LastReaction.IsZero() || on.String() > a.LastReaction.String():
			a.LastReaction = on
		case on != a.LastReaction:
			im.say(r, summary.LossDropped, summary.ReasonNotMostRecent, at+".onset", on.String())
		}
	}
	var also []string
	if c := im.concept(r, n.get("substance"), at+".substance"); c != nil && !strings.Contains(strings.ToLower(a.Agent.Text), strings.ToLower(c.Text)) {
		if a.Agent.Text == "" {
			a.Agent = *c
		} else {
			also = append(also, im.word("substance : ", "substance: ")+c.Text)
			if len(c.Codes) > 0 {
				im.minor(r, summary.LossDropped, summary.ReasonNoPlace, at+".substance.coding", c.Codes[0].Code)
			}
		}
	}
	if c := im.concept(r, n.get("exposureRoute"), at+".exposureRoute"); c != nil {
		also = append(also, im.word("voie d'exposition : ", "exposure route: ")+c.Text)
	}
	also = append(also, description)
	for _, note := range n.each("note") {
		also = append(also, im.text(r, note.get("text"), at+".note"))
		note.skip("authorString", "authorReference", "time", "id")
	}
	return join(", ", also...)
}

func rankOf(severity string) int {
	for i, s := range severities {
		if s == severity {
			return i + 1
		}
	}
	return 0
}
