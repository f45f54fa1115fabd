package fhir

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/secours-card/secours/summary"
)

// The extensions of a Patient that say what a summary has a member for: HL7's, and those of the French core profiles.
const (
	extBirthPlace  = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
	extINSEE       = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code"
	extReliability = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability"
)

// reliabilities are the codes of French identity rules (RNIV) for how well an identity was checked.
var reliabilities = map[string]summary.IdentityStatus{
	"PROV": summary.IdentityProvisional, "RECUP": summary.IdentityRetrieved, "VALI": summary.IdentityValidated, "QUAL": summary.IdentityQualified,
}

var sexes = map[string]summary.Sex{"female": summary.SexFemale, "male": summary.SexMale, "other": summary.SexOther, "unknown": summary.SexUnknown}

// readPatient reads who the document is about. A name and a day of birth must be there: without them nobody can check whose card it is.
func (im *importer) readPatient() error {
	r := im.patient
	p := &im.summary.Patient
	r.skip("id", "text", "active", "meta", "implicitRules", "language", "managingOrganization")
	im.patientName(r, p)
	if p.Family == "" {
		return fmt.Errorf("%w: %s has no name", ErrPatient, r.label)
	}
	p.BirthDate = im.date(r, r.get("birthDate"), "birthDate")
	if p.BirthDate.IsZero() {
		return fmt.Errorf("%w: %s has no date of birth", ErrPatient, r.label)
	}
	p.Sex = enum(im, r, "gender", sexes)
	if p.Sex == "" {
		p.Sex = summary.SexUnknown
		im.say(r, summary.LossAmbiguous, summary.ReasonIdentity, "gender", "")
	}
	for i, n := range r.peek("identifier").list() {
		at := "identifier[" + itoa(i) + "]"
		n.readAll()
		system, value := n.peek("system").str(), n.peek("value").str()
		name := identifierSystem(system)
		switch {
		case strings.TrimSpace(value) == "":
		case n.peek("use").str() == "old":
			im.minor(r, summary.LossDropped, summary.ReasonNotInForce, at, system+" "+value)
		case summary.CheckText(value, maxCode) != nil:
			// An identifier that is cut is another one.
			im.say(r, summary.LossDropped, summary.ReasonTooLong, at, value)
		case name == "":
			im.say(r, summary.LossDropped, summary.ReasonCodeSystem, at, strings.TrimSpace(cmp.Or(system, conceptLabel(n.peek("type")))+" "+value))
		default:
			p.IDs = append(p.IDs, summary.Identifier{System: name, Value: value})
		}
	}
	for _, e := range r.each("extension") {
		switch e.peek("url").str() {
		case extBirthPlace:
			e.readAll()
			address := e.peek("valueAddress")
			p.BirthPlace = cmp.Or(address.peek("text").str(), address.peek("city").str())
			if p.BirthPlace == "" {
				p.BirthPlace = address.gist(80)
			}
			p.BirthPlaceCode = insee(address)
		case extReliability:
			e.readAll()
			for _, n := range append(e.peek("extension").list(), e) {
				if status := reliabilities[cmp.Or(conceptCode(n.peek("valueCoding")), conceptCode(n.peek("valueCodeableConcept")), n.peek("valueCode").str())]; status != "" {
					p.IdentityStatus = status
				}
			}
		default:
			e.read = false
		}
	}
	if dead := cmp.Or(r.get("deceasedDateTime"), r.get("deceasedBoolean")); dead.str() != "" && dead.str() != "false" {
		im.say(r, summary.LossDropped, summary.ReasonNoPlace, "deceased", dead.str())
	}
	return nil
}

// insee finds the code of the commune in an address.
func insee(address *node) (code string) {
	var walk func(n *node, depth int)
	walk = func(n *node, depth int) {
		if n == nil || depth > 6 {
			return
		}
		if n.peek("url").str() == extINSEE {
			code = cmp.Or(code, conceptCode(n.peek("valueCoding")), n.peek("valueString").str(), n.peek("valueCode").str())
		}
		for _, kid := range n.kids {
			walk(kid, depth+1)
		}
	}
	walk(address, 0)
	return code
}

// patientName takes the official name, or the first one. Where there is a name of birth beside it, that is the family name, and
// the other one the name that is used (INS).
func (im *importer) patientName(r *resource, p *summary.Patient) {
	var best, maiden *node
	bestAt := 0
	names := r.each("name")
	order := map[string]int{"official": 5, "usual": 4, "": 3, "temp": 2, "nickname": 1, "anonymous": 1, "old": 0}
	for i, n := range names {
		switch use := n.peek("use").str(); {
		case use == "maiden" && n.peek("family").str() != "":
			maiden = cmp.Or(maiden, n)
		case best == nil || order[use] > order[best.peek("use").str()]:
			best, bestAt = n, i
		}
	}
	if best == nil {
		best = maiden
	}
	if best == nil {
		return
	}
	best.skip("id", "use", "period", "prefix", "suffix")
	p.Family = im.text(r, best.get("family"), "name.family")
	for _, g := range best.get("given").list() {
		if given := im.text(r, g, "name.given"); given != "" {
			p.Given = append(p.Given, given)
		}
	}
	text := im.text(r, best.get("text"), "name.text")
	if maiden != nil && maiden != best {
		maiden.readAll()
		if family := maiden.peek("family").str(); !strings.EqualFold(family, p.Family) {
			p.Family, p.UsedFamily = family, p.Family
		}
		if len(p.Given) == 0 {
			for _, g := range maiden.peek("given").list() {
				p.Given = append(p.Given, g.str())
			}
		}
	}
	switch {
	case p.Family == "" && text != "":
		// What is written in one piece is kept in one piece: which word is the family's, nothing says.
		p.Family = text
		im.say(r, summary.LossAmbiguous, summary.ReasonIdentity, "name.family", text)
	case p.Family == "" && len(p.Given) > 0:
		p.Family = strings.Join(p.Given, " ")
		im.say(r, summary.LossAmbiguous, summary.ReasonIdentity, "name.family", p.Family)
	}
	if p.Family != "" && len(p.Given) == 0 {
		p.Given = []string{"-"}
		im.say(r, summary.LossAmbiguous, summary.ReasonIdentity, "name.given", "")
	}
	if use := best.peek("use").str(); use == "nickname" || use == "anonymous" || use == "old" || use == "temp" {
		im.say(r, summary.LossAmbiguous, summary.ReasonIdentity, "name["+itoa(bestAt)+"].use", use)
	}
	for i, n := range names {
		if n == best || n == maiden {
			continue
		}
		given := ""
		for _, g := range n.peek("given").list() {
			given = cmp.Or(given, g.str())
		}
		family, use := n.peek("family").str(), n.peek("use").str()
		same := strings.EqualFold(family, p.Family) || strings.EqualFold(family, p.UsedFamily)
		switch {
		case use == "usual" && p.UsedFamily == "" && p.UsedGiven == "" && (family != "" || given != ""):
			if !same {
				p.UsedFamily = family
			}
			if len(p.Given) > 0 && !strings.EqualFold(given, p.Given[0]) {
				p.UsedGiven = given
			}
		case same && (given == "" || len(p.Given) > 0 && strings.EqualFold(given, p.Given[0])):
		default:
			im.say(r, summary.LossDropped, summary.ReasonNoPlace, "name["+itoa(i)+"]", n.gist(100))
		}
		n.readAll()
	}
}
