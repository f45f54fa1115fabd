package vsm

import (
	"errors"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// observations returns the statements of an entry: those in the concerns, organizers and components around them.
func observations(entry *node, names ...string) []*node {
	var found []*node
	var walk func(n *node)
	walk = func(n *node) {
		for _, k := range n.elements() {
			switch {
			case slices.Contains(names, k.name):
				found = append(found, k)
			case k.name == "act" || k.name == "organizer" || k.name == "component":
				walk(k)
			case k.name == "entryRelationship" && k.peek("typeCode") != "REFR" && k.kid("act") == nil:
				walk(k)
			}
		}
	}
	walk(entry)
	return found
}

func (im *importer) allergyEntry(s *section, e *node) error {
	found := observations(e, "observation")
	if len(found) == 0 {
		return im.allergyText(s, e)
	}
	var errs error
	for _, o := range found {
		errs = errors.Join(errs, im.allergy(s, e, o))
	}
	return errs
}

// allergyText carries an entry of which nothing is known but its words. A concern with nothing in it, as some programs write one
// for each section, says nothing.
func (im *importer) allergyText(s *section, e *node) error {
	if n := e.at("act", "code"); n != nil {
		if v, ok := claimed(n); ok {
			return im.noAllergy(s, e, e.kid("act"), n, v, isTrue(e.kid("act").attr("negationInd")))
		}
	}
	text := cmpOr(im.entryText(e), im.readable(e))
	switch {
	case hollow(e) && (text == "" || denies(text) || strings.Trim(text, "0123456789+-., ") == ""):
		im.report(summary.LossAmbiguous, summary.ReasonStructure, e, text)
		return nil
	case text == "":
		return im.errAllergy(e)
	}
	e.take()
	im.carry(s, e, text, summary.ReasonStructure)
	return nil
}

// hollow says whether an entry is a concern about nothing.
func hollow(e *node) bool {
	for _, n := range e.elements() {
		for _, k := range n.elements() {
			if !structural(k) && !slices.Contains([]string{"code", "effectiveTime", "statusCode", "text", "author"}, k.name) {
				return false
			}
		}
	}
	return true
}

func (im *importer) allergy(s *section, e, o *node) error {
	agents := agentsOf(o)
	candidates := []*node{o.kid("value"), o.kid("code")}
	for _, a := range agents {
		candidates = append(candidates, a.kid("code"))
	}
	negated := isTrue(o.attr("negationInd"))
	for _, n := range present(candidates) {
		v, ok := claimed(n)
		if !ok && negated && !slices.ContainsFunc(agents, im.namesThing) {
			v, ok = generalAllergy(n.peek("codeSystem"), n.peek("code"))
		}
		if ok {
			return im.noAllergy(s, e, o, n, v, negated)
		}
	}
	if len(agents) == 0 {
		agents = []*node{nil}
	}
	var errs error
	for i, agent := range agents {
		errs = errors.Join(errs, im.allergyTo(s, e, o, agent, "", negated, i > 0))
	}
	return errs
}

// noAllergy takes an observation in which n says that there is no allergy. Where the same observation names one, that is carried, and the
// statement is not made.
func (im *importer) noAllergy(s *section, e, o, n *node, v verdict, negated bool) error {
	agents := agentsOf(o)
	if withdrawn(e, o) {
		im.report(summary.LossDropped, summary.ReasonEnteredInError, n, im.readable(n))
		im.account(account{words: stems(im.spoken(n.kid("originalText")), im.spoken(o.kid("text")))})
		o.take()
		return nil
	}
	texts := []*node{o.kid("text"), e.at("act", "text")}
	reacted := false
	for _, r := range o.all("entryRelationship") {
		texts = append(texts, r.at("act", "text"))
		if value := r.at("observation", "value"); r.peek("typeCode") == "MFST" && value != nil {
			said := cmpOr(im.spoken(value.kid("originalText")), value.peek("displayName"), value.peek("code"))
			_, none := claimed(value)
			reacted = reacted || said != "" && !none && !denial(said)
		}
	}
	said := im.beyond(n, texts...)
	named := slices.DeleteFunc(slices.Clone(agents), func(a *node) bool { return !im.namesAgent(a) })
	if len(named) == 0 && said == "" && !reacted {
		im.conclude(s, n, v)
		o.kid("code").take()
		for _, a := range agents {
			if negated {
				a.take()
			}
		}
		return nil
	}
	for _, m := range present([]*node{o.kid("value"), o.kid("code")}) {
		if _, ok := claimed(m); ok && m != n {
			im.withdraw(m)
		}
	}
	im.withdraw(n)
	if negated {
		// Nobody can say what of the two is denied.
		im.report(summary.LossAmbiguous, summary.ReasonContradiction, o, "negationInd true")
	}
	if len(named) == 0 {
		named = []*node{nil}
	}
	var errs error
	for i, agent := range named {
		errs = errors.Join(errs, im.allergyTo(s, e, o, agent, said, false, i > 0))
	}
	return errs
}

// namesAgent says whether a participant names something that a patient may be allergic to: it has words for more than a kind of things, or a
// code without a word.
func (im *importer) namesAgent(a *node) bool {
	code := a.kid("code")
	texts := []string{flat(a.kid("name")), im.spoken(code.kid("originalText"))}
	coded := false
	for _, c := range append(present([]*node{code}), code.all("translation")...) {
		texts = append(texts, im.spoken(c.kid("originalText")))
		_, verdict := verdictOf(c.peek("codeSystem"), c.peek("code"))
		if verdict || c.peek("code") == "" || c.peek("codeSystem") == oidSNOMED && slices.Contains(kindCodes, c.peek("code")) {
			continue
		}
		texts = append(texts, c.peek("displayName"))
		coded = true
	}
	texts = slices.DeleteFunc(texts, blank)
	if len(texts) == 0 {
		return coded
	}
	return slices.ContainsFunc(texts, func(t string) bool { return !unnamed(t) })
}

// kindCodes are those of SNOMED CT for all that one may be allergic to: drug or medicament, substance, pharmaceutical product, food.
var kindCodes = []string{"410942007", "105590001", "373873005", "763158003", "762766007", "255620007"}

// withdrawn says whether the author of a statement of the allergies took it back.
func withdrawn(e, o *node) bool {
	for up := o; up != nil && up != e; up = up.up {
		switch up.name {
		case "observation", "act", "organizer":
			if code := up.kid("statusCode").peek("code"); code == "nullified" || code == "entered-in-error" {
				return true
			}
		}
	}
	for _, r := range o.all("entryRelationship") {
		if sub := r.kid("observation"); sub.kid("code").peek("code") == "66455-7" && sub.kid("value").peek("code") == "entered-in-error" {
			return true
		}
	}
	return false
}

func present(nodes []*node) []*node {
	return slices.DeleteFunc(nodes, func(n *node) bool { return n == nil })
}

// agentsOf returns what the patient is allergic to: the consumable participant, or in an adverse reaction the drug that was given.
func agentsOf(o *node) []*node {
	var all, consumed []*node
	for _, p := range o.all("participant") {
		a := p.at("participantRole", "playingEntity")
		if a == nil {
			a = p.at("participantRole", "playingDevice")
		}
		if a == nil {
			continue
		}
		all = append(all, a)
		if p.peek("typeCode") == "CSM" {
			consumed = append(consumed, a)
		}
	}
	if len(consumed) > 0 {
		return consumed
	}
	for _, r := range o.all("entryRelationship") {
		if m := r.at("substanceAdministration", "consumable", "manufacturedProduct", "manufacturedMaterial"); m != nil {
			all = append(all, m)
		}
	}
	return all
}

// namesThing says whether a participant says what it is, be it in the narrative.
func (im *importer) namesThing(n *node) bool {
	code := n.kid("code")
	return code.peek("code") != "" || !blank(flat(n.kid("name"))) || code.kid("translation").peek("code") != "" ||
		!blank(flat(code.kid("originalText"))) || strings.Trim(code.at("originalText", "reference").peek("value"), "# ") != ""
}

// allergyTo reads the allergy to one agent. Said are the words that contradict a statement in the same place that there is none, which is
// reported already.
func (im *importer) allergyTo(s *section, e, o, agent *node, said string, negated, again bool) error {
	var err error
	found := item(im, &im.allergies, o, func() (summary.Allergy, bool) {
		a := summary.Allergy{Common: im.common(o)}
		value, code := o.kid("value"), o.kid("code")
		text := cmpOr(im.original(o.kid("text")), im.original(e.at("act", "text")))
		kindOf := func(n *node) bool {
			category, typ, ok := allergyType(n.peek("codeSystem"), n.peek("code"))
			if ok {
				if a.Category == "" {
					a.Category = category
				}
				if a.Type == "" {
					a.Type = typ
				}
				im.tell(n.attr("code"), n.attr("displayName"))
				n.attr("codeSystem")
			}
			return ok
		}
		kindOf(code)
		valueIsType := kindOf(value)
		if _, ok := claimed(value); ok {
			value, valueIsType = nil, false
		}
		switch {
		case agent == nil && said != "":
			a.Agent.Text = said
			im.tell(said)
			im.report(summary.LossAmbiguous, summary.ReasonContradiction, o, said)
		case agent != nil:
			name := flat(agent.kid("name"))
			agent.kid("name").take()
			named := agent.kid("code")
			if _, ok := claimed(named); ok {
				name = cmpOr(im.original(named.kid("originalText")), name)
				named.take()
				named = nil
			}
			a.Agent = im.concept(named, beside{name: name})
			if a.Agent.Text == "" {
				a.Agent.Text = name
			}
			if said != "" && !within(said, a.Agent.Text) {
				a.Note = said
				im.tell(said)
			}
			if name != "" && fold(name) != fold(a.Agent.Text) {
				im.minor(summary.LossDropped, summary.ReasonLabel, agent.kid("name"), name)
				im.tell(name)
			}
		}
		im.allergyDetails(&a, o)
		if agent != nil {
			im.misnamed(&a, agent)
		}
		switch {
		case valueIsType && a.Agent.Text == "":
			// The label says only of what type the allergy is; what it is to, the author's words say.
			a.Agent.Text = im.original(value.kid("originalText"))
		case valueIsType:
			if words := im.original(value.kid("originalText")); words != "" && fold(words) != fold(a.Agent.Text) {
				a.Note = joinNotes(a.Note, words)
			}
		case value == nil:
		case a.Agent.Text == "":
			a.Agent = im.concept(value, beside{entry: text})
		default:
			im.allergyValue(&a, value, again)
		}
		if a.Agent.Text == "" {
			a.Agent.Text = cmpOr(text, im.original(e.at("act", "entryRelationship", "text")))
			if a.Agent.Text == "" {
				for _, r := range a.Reactions {
					a.Agent.Text = strings.TrimPrefix(a.Agent.Text+", "+r.Text, ", ")
				}
				if a.Agent.Text = cmpOr(a.Agent.Text, im.readableStatement(o)); a.Agent.Text == "" {
					if negated {
						im.report(summary.LossAmbiguous, summary.ReasonStructure, o, "negationInd true")
					} else {
						err = im.errAllergy(o)
					}
					return a, false
				}
			}
			im.report(summary.LossAmbiguous, summary.ReasonNoText, o, a.Agent.Text)
		}
		if denies(a.Agent.Text) && len(a.Reactions) == 0 && a.Severity == "" && a.Criticality == "" && len(a.Agent.Codes) == 0 {
			im.report(summary.LossDropped, summary.ReasonNarrative, o, a.Agent.Text)
			return a, false
		}
		if withdrawn(e, o) {
			// Who withdraws an allergy may have withdrawn the wrong one: it stays in sight, as refuted.
			o.kid("statusCode").take()
			a.Verification = summary.VerificationRefuted
			a.Note = joinNotes(a.Note, "retirée par son auteur : saisie par erreur")
			im.report(summary.LossAmbiguous, summary.ReasonEnteredInError, o, a.Agent.Text)
		}
		if negated {
			a.Verification = summary.VerificationRefuted
		}
		im.concernStatus(e, o, func(status string) {
			if a.ClinicalStatus == "" && a.Verification != summary.VerificationRefuted {
				a.ClinicalStatus = summary.AllergyStatus(status)
			}
		})
		a.Note = im.note(a.Note, o, len(im.allergies))
		im.account(accountOf(&a))
		return a, true
	})
	if found && !again {
		im.unread(o)
	}
	return err
}

// misnamed takes the label of the agent where the words in its place are those of a reaction: some software refers to the wrong
// cell, and "nausea" for penicillin would kill. Where the two only have nothing in common, both are kept.
func (im *importer) misnamed(a *summary.Allergy, agent *node) {
	label := cmpOr(flat(agent.kid("name")), agent.kid("code").peek("displayName"))
	if label == "" || !strangers(label, a.Agent.Text) {
		return
	}
	im.report(summary.LossAmbiguous, summary.ReasonContradiction, agent, a.Agent.Text+" / "+label)
	for _, r := range a.Reactions {
		if fold(r.Text) == fold(a.Agent.Text) {
			a.Agent.Text = label
			return
		}
	}
	a.Agent.Text = both(a.Agent.Text, label)
}

// both keeps a text and a label that has nothing in common with it: nobody can say which of the two is right.
func both(text, label string) string { return text + " (" + label + ")" }

// strangers says whether two texts have no word in common, not even its beginning.
func strangers(a, b string) bool {
	for _, v := range words(a) {
		for _, w := range words(b) {
			if n := min(len(v), len(w), 5); n >= 3 && v[:n] == w[:n] {
				return false
			}
		}
	}
	return true
}

// readableStatement is what an observation says at all, but for its status and times.
func (im *importer) readableStatement(o *node) string {
	var parts []string
	for _, k := range o.elements() {
		switch k.name {
		case "statusCode", "effectiveTime", "author", "text":
		case "code":
			// The bare code of a type, "ALG", names nothing.
			parts = append(parts, cmpOr(im.original(k.kid("originalText")), k.peek("displayName")))
		default:
			parts = append(parts, im.readable(k))
		}
	}
	return strings.Join(slices.DeleteFunc(parts, blank), ", ")
}

// allergyValue reads the value of an allergy whose agent stands elsewhere. In a VSM it is the manifestation; elsewhere it may name
// the allergy once more.
func (im *importer) allergyValue(a *summary.Allergy, value *node, again bool) {
	if again && len(a.Reactions) > 0 {
		return
	}
	c := im.concept(value, beside{})
	switch all := fold(c.Text); {
	case c.Text == "" || all == fold(a.Agent.Text):
	case strings.Contains(all, "allerg"), strings.Contains(all, "intoler"), strings.Contains(all, fold(a.Agent.Text)):
		a.Note = joinNotes(a.Note, c.Text)
		for _, code := range c.Codes {
			im.minor(summary.LossDropped, summary.ReasonNoPlace, value, code.Code)
		}
	default:
		a.Reactions = append([]summary.Concept{c}, a.Reactions...)
	}
}

// allergyDetails reads what is said of an allergy: reactions, severity, criticality, certainty, status, and since when.
func (im *importer) allergyDetails(a *summary.Allergy, o *node) {
	low, high := im.interval(o.kid("effectiveTime"))
	a.Onset = low
	if !high.IsZero() {
		im.report(summary.LossDropped, summary.ReasonNoPlace, o.at("effectiveTime", "high"), high.String())
		if im.past(o.at("effectiveTime", "high").peek("value")) {
			a.ClinicalStatus = summary.AllergyResolved
		}
	}
	var severities []*node
	for _, r := range o.all("entryRelationship") {
		sub := r.kid("observation")
		code := sub.kid("code").peek("code")
		switch {
		case sub == nil:
		case r.peek("typeCode") == "MFST":
			severities = append(severities, im.reaction(a, sub)...)
		case code == "SEV":
			sub.kid("code").take()
			a.Severity = cmpOr(im.label(sub.kid("value")), im.original(sub.kid("text")))
			im.tell(a.Severity)
		case code == "82606-5":
			sub.kid("code").take()
			im.criticality(a, sub.kid("value"))
		case code == "66455-7":
			sub.kid("code").take()
			im.verification(a, sub.kid("value"))
		case code == "33999-4":
			sub.kid("code").take()
			im.allergyStatus(a, sub.kid("value"))
		}
	}
	// A summary has one severity: that of the allergy, else the one on which all reactions agree.
	if a.Severity != "" || len(severities) == 0 {
		return
	}
	for _, v := range severities {
		if v.peek("code") != severities[0].peek("code") {
			return
		}
	}
	for _, v := range severities {
		v.up.kid("code").take()
		a.Severity = cmpOr(im.label(v), im.original(v.up.kid("text")))
		im.tell(a.Severity)
	}
}

// reaction reads a manifestation, and returns its severities, unread.
func (im *importer) reaction(a *summary.Allergy, o *node) (severities []*node) {
	text := im.original(o.kid("text"))
	value := o.kid("value")
	if value == nil || value.peek("code") == "" && value.peek("displayName") == "" && len(value.all("originalText", "translation")) == 0 {
		value = o.kid("code")
		if value.peek("code") == "ASSERTION" {
			value = nil
		}
	} else {
		o.kid("code").take()
	}
	c := im.concept(value, beside{entry: text})
	if c.Text != "" {
		a.Reactions = append(a.Reactions, c)
	}
	low, _ := im.interval(o.kid("effectiveTime"))
	if low.String() > a.LastReaction.String() {
		a.LastReaction = low
	}
	for _, r := range o.all("entryRelationship") {
		if sub := r.kid("observation"); sub.kid("code").peek("code") == "SEV" && sub.kid("value") != nil {
			severities = append(severities, sub.kid("value"))
		}
	}
	return severities
}

func (im *importer) criticality(a *summary.Allergy, n *node) {
	switch code := n.attr("code"); code {
	case "low", "CRITL", "62482003":
		a.Criticality = summary.CriticalityLow
	case "high", "CRITH", "75540009":
		a.Criticality = summary.CriticalityHigh
	case "unable-to-assess", "CRITU":
		a.Criticality = summary.CriticalityUnableToAssess
	default:
		im.unknown(n)
	}
	im.understood(n)
}

func (im *importer) verification(a *summary.Allergy, n *node) {
	switch code := n.attr("code"); code {
	case "unconfirmed":
		a.Verification = summary.VerificationUnconfirmed
	case "presumed":
		a.Verification = summary.VerificationPresumed
	case "confirmed":
		a.Verification = summary.VerificationConfirmed
	case "refuted":
		a.Verification = summary.VerificationRefuted
	case "entered-in-error":
		// withdrawn sees to it
	default:
		im.unknown(n)
	}
	im.understood(n)
}

func (im *importer) allergyStatus(a *summary.Allergy, n *node) {
	switch code := n.attr("code"); code {
	case "active", "55561003":
		a.ClinicalStatus = summary.AllergyActive
	case "inactive", "73425007":
		a.ClinicalStatus = summary.AllergyInactive
	case "resolved", "413322009":
		a.ClinicalStatus = summary.AllergyResolved
	default:
		im.unknown(n)
	}
	im.understood(n)
}

// unknown reports a code outside the list of values that a summary has for it.
func (im *importer) unknown(n *node) {
	if n != nil {
		if text := cmpOr(im.readable(n)); text != "" {
			im.report(summary.LossDropped, summary.ReasonUnknownCode, n, text)
		}
	}
}

// understood takes an element whose code says all. Its label is not a loss.
func (im *importer) understood(n *node) {
	if n != nil {
		im.tell(n.peek("displayName"), n.peek("code"), statusWords)
		n.take()
	}
}

// statusWords are the words by which narratives say what the entries have as codes.
const statusWords = "actif active inactif inactive en cours résolu résolue resolved confirmé confirmée confirmed statut status"

// allergyType reads the type of an allergy, of HL7's ActCode or of SNOMED CT.
func allergyType(system, code string) (summary.Category, summary.AllergyType, bool) {
	switch system {
	case oidActCode:
		var typ summary.AllergyType
		rest, ok := code, false
		if rest, ok = strings.CutSuffix(code, "ALG"); ok {
			typ = summary.TypeAllergy
		} else if rest, ok = strings.CutSuffix(code, "NAINT"); ok {
			typ = summary.TypeIntolerance
		} else if rest, ok = strings.CutSuffix(code, "INT"); ok {
			// "Intolerance" is above "allergy" in ActCode: it says that nobody knows which of the two.
			typ = ""
		}
		if !ok {
			return "", "", false
		}
		switch rest {
		case "D":
			return summary.CategoryMedication, typ, true
		case "F":
			return summary.CategoryFood, typ, true
		case "E":
			return summary.CategoryEnvironment, typ, true
		case "", "O":
			return "", typ, true
		}
	case oidSNOMED:
		switch code {
		case "416098002":
			return summary.CategoryMedication, summary.TypeAllergy, true
		case "419511003":
			return summary.CategoryMedication, "", true
		case "59037007":
			return summary.CategoryMedication, summary.TypeIntolerance, true
		case "414285001":
			return summary.CategoryFood, summary.TypeAllergy, true
		case "418471000":
			return summary.CategoryFood, "", true
		case "235719002":
			return summary.CategoryFood, summary.TypeIntolerance, true
		case "426232007":
			return summary.CategoryEnvironment, summary.TypeAllergy, true
		case "419199007", "106190000":
			return "", summary.TypeAllergy, true
		case "420134006", "418038007", "609328004", "609433001":
			return "", "", true
		case "782197009", "782415009":
			return "", summary.TypeIntolerance, true
		}
	}
	return "", "", false
}
