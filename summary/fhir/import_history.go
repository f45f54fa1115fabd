package fhir

import (
	"cmp"
	"strings"

	"github.com/secours-card/secours/summary"
)

// The codes of Condition.
var (
	conditionStatuses = map[string]summary.ConditionStatus{
		"active": summary.HistoryActive, "recurrence": summary.HistoryRecurrence, "relapse": summary.HistoryRelapse,
		"inactive": summary.HistoryInactive, "remission": summary.HistoryRemission, "resolved": summary.HistoryResolved,
	}
	certainties = map[string]summary.Certainty{
		"unconfirmed": summary.CertaintyUnconfirmed, "provisional": summary.CertaintyProvisional, "differential": summary.CertaintyDifferential,
		"confirmed": summary.CertaintyConfirmed, "refuted": summary.CertaintyRefuted,
		// What an export writes for a doubt whose kind a summary does not tell.
		"suspected": summary.CertaintySuspected,
	}
)

func (im *importer) addHistory(c summary.Condition, r *resource) {
	s := &im.summary.Sections
	if s.History == nil {
		s.History = &summary.Section[summary.Condition]{}
	}
	s.History.Items = append(s.History.Items, c)
	im.sources["history"] = append(im.sources["history"], r.label)
}

// condition takes a Condition into the history, or into the alerts where they list it.
func (im *importer) condition(r *resource, p listing) bool {
	code := r.get("code")
	verification := im.code(r, "verificationStatus", verificationCodes...)
	status := im.code(r, "clinicalStatus", clinicalCodes...)
	void := verification == "refuted" || verification == "entered-in-error" || status == "inactive" || status == "remission" || status == "resolved"
	part := partProblems
	if p.known && p.name == "history" {
		part = p.part
	}
	if im.absent(r, code, "history", part, !void) {
		return false
	}
	if verification == "entered-in-error" {
		im.drop(r, summary.ReasonEnteredInError)
		return false
	}
	c := summary.Condition{Common: im.common(r, "history", "recorder", "asserter"), Kind: summary.ConditionDisease}
	if p.known && p.name != "history" && p.name != "alerts" || !p.known && !p.unlisted {
		// A section of functions or of social circumstances lists conditions that are no disease.
		c.Kind = summary.ConditionOther
	}
	if text := im.concept(r, code, "code"); text != nil {
		c.Condition = *text
	}
	c.Status = enum(im, r, "clinicalStatus", conditionStatuses)
	c.Certainty = certainties[verification]
	if c.Certainty == "" && verification != "" {
		im.say(r, summary.LossDropped, summary.ReasonUnknownCode, "verificationStatus", verification)
	}
	var notes []string
	onset, until := im.moment(r, "onset")
	c.Onset = onset
	if text := join(", ", im.spell(onset, until), im.describeMoment(r, "onset")); text != "" {
		notes = append(notes, im.word("début : ", "onset: ")+text)
	}
	end, last := im.moment(r, "abatement")
	c.End = end
	if !last.IsZero() {
		c.End = last
	}
	for _, e := range r.each("extension") {
		if e.peek("url").str() == extEnd && c.End.IsZero() {
			c.End = im.date(r, e.get("valueDateTime"), "extension")
			e.readAll()
		} else {
			e.read = false
		}
	}
	if text := im.describeMoment(r, "abatement"); text != "" {
		notes = append(notes, im.word("fin : ", "abatement: ")+text)
	}
	if n := r.get("abatementBoolean"); n != nil && c.Status == "" && n.str() == "true" {
		c.Status = summary.HistoryResolved
	}
	for _, site := range r.get("bodySite").list() {
		im.site(r, site, &c, &notes)
	}
	if severity := im.concept(r, r.get("severity"), "severity"); severity != nil {
		notes = append(notes, im.word("gravité : ", "severity: ")+severity.Text)
	}
	for _, stage := range r.each("stage") {
		if s := im.concept(r, stage.get("summary"), "stage.summary"); s != nil {
			notes = append(notes, im.word("stade : ", "stage: ")+s.Text)
		}
	}
	if kind := own(im, r, "category", ownCode(r.peek("category"), sysConditionKind), ownConditionKinds); kind != "" {
		c.Kind = kind
	}
	// That a problem is one of the list, or was a diagnosis of a stay, its section says.
	r.skip("category", "encounter")
	c.Note = join("\n", append([]string{im.notes(r, "note")}, notes...)...)
	if c.Condition.Text == "" {
		text := strings.TrimSpace(cmp.Or(code.gist(150), c.Note))
		if text == "" {
			im.drop(r, summary.ReasonNoText)
			return false
		}
		c.Condition.Text = text
		im.say(r, summary.LossAmbiguous, summary.ReasonNoText, "code", text)
	}
	over := c.Certainty == summary.CertaintyRefuted || c.Status == summary.HistoryResolved || c.Status == summary.HistoryInactive || c.Status == summary.HistoryRemission
	if p.known && p.name == "alerts" && p.part == partAll && !over {
		im.addAlert(summary.Alert{
			Common: c.Common, Kind: summary.AlertOther, Since: c.Onset, Codes: c.Condition.Codes, Laterality: c.Laterality,
			Text: join("\n", c.Condition.Text, c.Note),
		}, r)
		return true
	}
	im.addHistory(c, r)
	return true
}

// sides are the codes of SNOMED CT that say which side, and the words for one.
var sides = map[string]string{"7771000": "left", "24028007": "right", "51440002": "bilateral"}

// site reads a body site: a side is the laterality, anything else goes to the note.
func (im *importer) site(r *resource, n *node, c *summary.Condition, notes *[]string) {
	for _, coding := range n.peek("coding").list() {
		if side := sides[coding.peek("code").str()]; side != "" && c.Laterality == "" && codeSystem(coding.peek("system").str()) == summary.CodeSNOMED {
			n.readAll()
			c.Laterality = side
			return
		}
	}
	if site := im.concept(r, n, "bodySite"); site != nil {
		*notes = append(*notes, im.word("siège : ", "site: ")+site.Text)
		for _, code := range site.Codes {
			im.minor(r, summary.LossDropped, summary.ReasonNoPlace, "bodySite.coding", code.Code)
		}
	}
}

// procedure takes a Procedure that was done; one that was not, or is only planned, is none.
func (im *importer) procedure(r *resource) bool {
	code := r.get("code")
	status := im.code(r, "status")
	if im.absent(r, code, "history", partProcedure, status != "entered-in-error") {
		return false
	}
	switch status {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "not-done", "preparation", "stopped":
		im.drop(r, summary.ReasonNotInForce)
		return false
	case "", "completed", "in-progress", "unknown", "on-hold":
		if status != "completed" && status != "" {
			im.say(r, summary.LossDropped, summary.ReasonNoPlace, "status", status)
		}
	default:
		im.say(r, summary.LossDropped, summary.ReasonUnknownCode, "status", status)
	}
	c := summary.Condition{Common: im.common(r, "history", "recorder", "asserter", "performer"), Kind: summary.ConditionProcedure}
	text := im.concept(r, code, "code")
	if text == nil {
		im.drop(r, summary.ReasonNoText)
		return false
	}
	c.Condition = *text
	var notes []string
	c.Onset, c.End = im.moment(r, "performed")
	if c.End == c.Onset {
		c.End = summary.Date{}
	}
	if text := im.describeMoment(r, "performed"); text != "" {
		notes = append(notes, im.word("date : ", "date: ")+text)
	}
	for _, site := range r.get("bodySite").list() {
		im.site(r, site, &c, &notes)
	}
	for _, reason := range r.get("reasonCode").list() {
		if why := im.concept(r, reason, "reasonCode"); why != nil {
			notes = append(notes, im.word("motif : ", "reason: ")+why.Text)
		}
	}
	if outcome := im.concept(r, r.get("outcome"), "outcome"); outcome != nil {
		notes = append(notes, im.word("résultat : ", "outcome: ")+outcome.Text)
	}
	for _, complication := range r.get("complication").list() {
		if what := im.concept(r, complication, "complication"); what != nil {
			notes = append(notes, im.word("complication : ", "complication: ")+what.Text)
		}
	}
	r.skip("category", "encounter")
	c.Note = join("\n", append([]string{im.notes(r, "note")}, notes...)...)
	im.addHistory(c, r)
	return true
}

// family takes each condition of a FamilyMemberHistory, with who of the family had it.
func (im *importer) family(r *resource) bool {
	switch im.code(r, "status") {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "health-unknown":
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	if im.absent(r, r.peek("relationship"), "history", partFamily, true) {
		return false
	}
	var who *summary.Concept
	if conceptCode(r.peek("relationship")) == "FAMMEMB" {
		r.skip("relationship") // somebody of the family, which the kind says
	} else {
		who = im.concept(r, r.get("relationship"), "relationship")
	}
	name := im.text(r, r.get("name"), "name")
	common := im.common(r, "history")
	common.Recorded = im.date(r, r.get("date"), "date")
	general := im.notes(r, "note")
	conditions := r.each("condition")
	for i, n := range conditions {
		c := summary.Condition{Common: common, Kind: summary.ConditionFamily}
		if i > 0 {
			c.ID = ""
		}
		at := "condition[" + itoa(i) + "]"
		text := im.concept(r, n.get("code"), at+".code")
		if text == nil {
			im.say(r, summary.LossDropped, summary.ReasonNoText, at, n.gist(summary.MaxLossText))
			n.readAll()
			continue
		}
		c.Condition = *text
		n.skip("id")
		var notes []string
		if who != nil {
			notes = append(notes, join(" ", who.Text, name))
		}
		inner := &resource{node: n, kind: r.kind, label: r.label}
		if age := im.describeMoment(inner, "onset"); age != "" {
			notes = append(notes, im.word("début : ", "onset: ")+age)
		}
		c.Onset, _ = im.moment(inner, "onset")
		if outcome := im.concept(r, n.get("outcome"), at+".outcome"); outcome != nil {
			notes = append(notes, outcome.Text)
		}
		if n.get("contributedToDeath").str() == "true" {
			notes = append(notes, im.word("cause du décès", "contributed to death"))
		}
		for _, note := range n.each("note") {
			notes = append(notes, im.text(r, note.get("text"), at+".note"))
			note.skip("authorString", "authorReference", "time", "id")
		}
		c.Note = join("\n", join(", ", notes...), general)
		im.addHistory(c, r)
	}
	if len(conditions) == 0 {
		im.drop(r, summary.ReasonNoPlace)
		return false
	}
	return true
}
