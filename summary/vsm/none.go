package vsm

import (
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// A verdict is what a code says of a list as a whole: of the lists of one kind, or of whatever list it stands in.
type verdict struct {
	kind        kind
	none        bool
	of          summary.Category
	unavailable bool
}

const (
	oidSNOMED = "2.16.840.1.113883.6.96"
	oidLOINC  = "2.16.840.1.113883.6.1"
	// oidCISIS is the ANS's own terminology, "TA-ASIP".
	oidCISIS = "1.2.250.1.213.1.1.4.322"
)

// verdictOf reads a code that stands in place of an entry: "no known allergies" and its kin. The codes of IHE and IPS
// (2.16.840.1.113883.5.1150.1 and its successors) mean the same under every OID they were published under.
func verdictOf(system, code string) (verdict, bool) {
	none := func(k kind) (verdict, bool) { return verdict{kind: k, none: true}, true }
	noAllergy := func(c summary.Category) (verdict, bool) {
		return verdict{kind: kindAllergies, none: true, of: c}, true
	}
	unavailable := verdict{unavailable: true}
	switch code {
	case "no-known-allergies":
		return none(kindAllergies)
	case "no-known-medication-allergies":
		return noAllergy(summary.CategoryMedication)
	case "no-known-food-allergies":
		return noAllergy(summary.CategoryFood)
	case "no-known-environmental-allergies":
		return noAllergy(summary.CategoryEnvironment)
	case "no-known-problems":
		return none(kindProblems)
	case "no-known-medications":
		return none(kindMedications)
	case "no-known-procedures":
		return none(kindProcedures)
	case "no-known-devices":
		return none(kindDevices)
	case "no-known-immunizations":
		return none(kindVaccinations)
	case "no-allergy-info", "no-problem-info", "no-medication-info", "no-procedure-info", "no-device-info", "no-immunization-info":
		return unavailable, true
	}
	switch system {
	case oidSNOMED:
		switch code {
		case "716186003", "160244002": // no known allergy, and its older code
			return none(kindAllergies)
		case "409137002":
			return noAllergy(summary.CategoryMedication)
		case "429625007":
			return noAllergy(summary.CategoryFood)
		case "428607008":
			return noAllergy(summary.CategoryEnvironment)
		case "160245001": // no current problems or disability
			return none(kindProblems)
		case "787481004":
			return none(kindMedications)
		case "787480003":
			return none(kindProcedures)
		case "787483001":
			return none(kindDevices)
		case "1287211007", // no information available
			"396782006", // past medical history unknown
			"182904002": // drug treatment unknown
			return unavailable, true
		}
	case oidCISIS:
		switch code {
		case "MED-273": // no treatment
			return none(kindMedications)
		case "MED-274": // no allergy, intolerance or adverse reaction
			return none(kindAllergies)
		}
	}
	return verdict{}, false
}

// claimed returns the verdict of an element, by its code or a translation of that.
func claimed(n *node) (verdict, bool) {
	if n == nil {
		return verdict{}, false
	}
	for _, c := range append([]*node{n}, n.all("translation")...) {
		if v, ok := verdictOf(c.peek("codeSystem"), c.peek("code")); ok {
			return v, true
		}
	}
	return verdict{}, false
}

// absent takes what a code says of the whole section, from the first of the elements that has such a code. Where the author's words beside
// it make an exception or name something, they are carried, and the code says nothing.
func (im *importer) absent(s *section, nodes ...*node) bool {
	for _, n := range nodes {
		v, ok := claimed(n)
		if !ok {
			continue
		}
		if said := im.beyond(n); said != "" {
			im.withdraw(n)
			im.carry(s, n, said, summary.ReasonContradiction)
			return true
		}
		im.conclude(s, n, v)
		return true
	}
	return false
}

// withdraw reports a statement that there is none which the same entry contradicts.
func (im *importer) withdraw(n *node) {
	im.report(summary.LossDropped, summary.ReasonContradiction, n, cmpOr(n.peek("displayName"), im.spoken(n.kid("originalText")), n.peek("code")))
	n.take()
}

// beyond returns what is said beside a code for "none known" and is more than that: the author's words for the code, a label of it that
// denies nothing, and texts about the whole.
func (im *importer) beyond(n *node, texts ...*node) string {
	var found []string
	words := func(text string) bool {
		return denial(text) || im.here.kind != kindAllergies && deniesFirst(text)
	}
	add := func(text string, silent func(string) bool) {
		if !blank(text) && !silent(text) && !slices.ContainsFunc(found, func(other string) bool { return within(text, other) }) {
			found = append(found, text)
		}
	}
	if n != nil {
		for _, c := range append([]*node{n}, n.all("translation")...) {
			add(im.spoken(c.kid("originalText")), words)
			add(c.peek("displayName"), func(label string) bool { return denial(label) || hasDenial(label) })
		}
	}
	for _, t := range texts {
		add(im.spoken(t), words)
	}
	return strings.Join(found, ", ")
}

// hasDenial says whether a text denies something, and makes no exception.
func hasDenial(s string) bool {
	all := words(s)
	return slices.ContainsFunc(all, func(w string) bool { return slices.Contains(denials, w) }) && !slices.ContainsFunc(all, isException)
}

// spoken returns what an originalText or a text says, as original does, and leaves it to be read.
func (im *importer) spoken(n *node) string {
	if n == nil {
		return ""
	}
	value := n.kid("reference").peek("value")
	if strings.Trim(value, "# ") == "" {
		return flat(n)
	}
	return cmpOr(flat(n), flat(im.ids.find(sectionOf(n), value)))
}

// conclude remembers what a section says of its list. Devices and pregnancy are alerts of one kind each: that there is no device
// says nothing of the other points of attention.
func (im *importer) conclude(s *section, n *node, v verdict) {
	text := cmpOr(im.original(n.kid("originalText")), n.peek("displayName"), n.peek("code"))
	im.tell(text)
	if s.kind == kindAllergies {
		im.account(account{words: stems(text)})
	}
	n.take()
	said := none{of: v.of, by: s, at: n, text: text}
	switch {
	case v.unavailable:
		s.unavailable = true
	case v.kind != s.kind && (v.kind != kindProblems || s.kind != kindFamily),
		s.part == partPast && n.peek("code") == "160245001":
		// No allergy among the problems, or no current problem among the past ones.
		im.report(summary.LossDropped, summary.ReasonStructure, n, text)
	case v.of != "":
		s.noneOf = append(s.noneOf, said)
	case s.kind == kindDevices:
		said.of = summary.Category(summary.AlertImplant)
		s.noneOf = append(s.noneOf, said)
	case s.n.kid("code").peek("code") == "44939-7":
		// No adverse reaction to a drug is less than no allergy, and not the same as no allergy to one.
		im.report(summary.LossDropped, summary.ReasonPartOfSection, n, text)
	default:
		s.none = &said
	}
}

// generalAllergy says whether a negated observation denies all allergies, or those to the kind of things that its type names. One
// that denies intolerances says nothing of allergies.
func generalAllergy(system, code string) (verdict, bool) {
	v := verdict{kind: kindAllergies, none: true}
	switch system + " " + code {
	case oidSNOMED + " 419199007", oidSNOMED + " 420134006", oidSNOMED + " 418038007", oidSNOMED + " 106190000", oidActCode + " ALG":
	case oidSNOMED + " 416098002", oidSNOMED + " 419511003", oidActCode + " DALG":
		v.of = summary.CategoryMedication
	case oidSNOMED + " 414285001", oidSNOMED + " 418471000", oidActCode + " FALG":
		v.of = summary.CategoryFood
	case oidSNOMED + " 426232007", oidActCode + " EALG":
		v.of = summary.CategoryEnvironment
	default:
		return verdict{}, false
	}
	return v, true
}

// oidActCode is HL7's ActCode, with the types of allergies and severities.
const oidActCode = "2.16.840.1.113883.5.4"
