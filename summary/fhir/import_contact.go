package fhir

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// contacts takes the people to call: those of the Patient, the RelatedPersons, and the general practitioner.
func (im *importer) contacts() {
	add := func(c summary.Contact, r *resource, element string) {
		if c.Name == "" {
			if len(c.Phones) == 0 {
				return
			}
			c.Name = cmp.Or(c.Relationship, im.word("nom non indiqué", "name not stated"))
			im.say(r, summary.LossAmbiguous, summary.ReasonNoText, element+".name", c.Name)
		}
		s := &im.summary.Sections
		if s.Contacts == nil {
			s.Contacts = &summary.Section[summary.Contact]{}
		}
		s.Contacts.Items = append(s.Contacts.Items, c)
		im.sources["contacts"] = append(im.sources["contacts"], r.label)
	}
	for i, n := range im.patient.each("contact") {
		at := "contact[" + itoa(i) + "]"
		n.skip("id", "gender", "period")
		c := summary.Contact{}
		name := n.get("name")
		name.readAll()
		c.Name = personName(&node{kind: kindObject, names: []string{"name"}, kids: []*node{cmp.Or(name, &node{})}})
		if org := n.get("organization"); org != nil {
			a := im.author(im.patient, org)
			c.Name = cmp.Or(c.Name, a.Org, a.Name)
		}
		im.relation(im.patient, n, at, &c)
		im.phones(im.patient, n, at, &c)
		add(c, im.patient, at)
	}
	for _, r := range im.of("RelatedPerson") {
		if r.done || r.peek("active").str() == "false" {
			if !r.done {
				im.drop(r, summary.ReasonNotInForce)
			}
			continue
		}
		r.done, r.read = true, true
		r.skip("id", "text", "identifier", "patient", "active", "gender", "birthDate", "photo")
		c := summary.Contact{Common: im.common(r, "contacts")}
		c.Name = personName(r.node)
		r.skip("name")
		for _, e := range r.each("extension") {
			if e.peek("url").str() == extPriority {
				e.readAll()
				c.Priority.Text = e.peek("valueString").str()
			} else {
				e.read = false
			}
		}
		im.relation(r, r.node, "RelatedPerson", &c)
		im.phones(r, r.node, "", &c)
		for _, n := range r.each("communication") {
			c.Language = cmp.Or(c.Language, conceptCode(n.peek("language")), conceptName(n.peek("language")))
			n.readAll()
		}
		if c.Name == "" && len(c.Phones) == 0 {
			im.drop(r, summary.ReasonNoText)
			continue
		}
		add(c, r, "RelatedPerson")
		im.unreadOf(r)
	}
	for i, ref := range im.patient.each("generalPractitioner") {
		at := "generalPractitioner[" + itoa(i) + "]"
		ref.readAll()
		c := summary.Contact{Kind: summary.ContactTreatingPhysician}
		to := im.resolve(im.patient, ref.peek("reference").str())
		for range 2 {
			if to == nil {
				break
			}
			a := im.authorOf(to, 0)
			c.Name = cmp.Or(c.Name, a.Name, a.Org)
			im.phones(to, clone(to.node), "", &c)
			next := to.peek("practitioner").peek("reference").str()
			if next == "" {
				break
			}
			to = im.resolve(to, next)
		}
		c.Name = cmp.Or(c.Name, ref.peek("display").str())
		add(c, im.patient, at)
	}
}

// relations are the codes of who a contact is (v2-0131, v3-RoleCode) that a summary has a kind for.
var relations = map[string]summary.ContactKind{
	"C": summary.ContactEmergency, "ECON": summary.ContactEmergency, "N": summary.ContactEmergency, "NOK": summary.ContactEmergency,
	"GUARD": summary.ContactGuardian, "GUADLTM": summary.ContactGuardian, "POWATT": summary.ContactGuardian, "HPOWATT": summary.ContactTrustedPerson,
}

// relatives are words for the codes of who somebody is to a patient, which often stand without any.
var relatives = map[string][2]string{
	"MTH": {"mère", "mother"}, "FTH": {"père", "father"}, "PRN": {"parent", "parent"}, "SPS": {"conjoint(e)", "spouse"}, "WIFE": {"épouse", "wife"},
	"HUSB": {"époux", "husband"}, "DOMPART": {"compagne ou compagnon", "domestic partner"}, "SIGOTHR": {"compagne ou compagnon", "significant other"},
	"CHILD": {"enfant", "child"}, "SON": {"fils", "son"}, "SONC": {"fils", "son"}, "DAU": {"fille", "daughter"}, "DAUC": {"fille", "daughter"},
	"SIB": {"frère ou sœur", "sibling"}, "BRO": {"frère", "brother"}, "SIS": {"sœur", "sister"}, "GRPRN": {"grand-parent", "grandparent"},
	"GRMTH": {"grand-mère", "grandmother"}, "GRFTH": {"grand-père", "grandfather"}, "FAMMEMB": {"famille", "family member"}, "FRND": {"ami(e)", "friend"},
	"NBOR": {"voisin(e)", "neighbour"}, "GUARD": {"représentant légal", "guardian"}, "C": {"à prévenir", "emergency contact"},
	"ECON": {"à prévenir", "emergency contact"}, "N": {"plus proche parent", "next of kin"}, "NOK": {"plus proche parent", "next of kin"},
}

const sysContactKind = base + "CodeSystem/contact-kind"

func (im *importer) relation(r *resource, n *node, at string, c *summary.Contact) {
	var texts []string
	for _, rel := range n.get("relationship").list() {
		if code := ownCode(rel, sysContactKind); code != "" {
			c.Kind = cmp.Or(own(im, r, at+".relationship", code, ownContactKinds), c.Kind)
			rel.readAll()
			continue
		}
		for _, coding := range rel.peek("coding").list() {
			if kind, ok := relations[coding.peek("code").str()]; ok && c.Kind == "" {
				c.Kind = kind
			}
		}
		if words, ok := relatives[conceptCode(rel)]; ok && conceptName(rel) == "" {
			rel.readAll()
			texts = append(texts, im.word(words[0], words[1]))
			continue
		}
		if text := im.concept(r, rel, at+".relationship"); text != nil {
			texts = append(texts, text.Text)
			for _, code := range text.Codes {
				im.minor(r, summary.LossDropped, summary.ReasonNoPlace, at+".relationship.coding", code.Code)
			}
		}
	}
	c.Relationship = join(", ", texts...)
}

// phones takes the numbers, the one to use first first; other ways to reach somebody have no place on a card.
func (im *importer) phones(r *resource, n *node, at string, c *summary.Contact) {
	list := n.each("telecom")
	rank := func(n *node) string { return cmp.Or(n.peek("rank").str(), "9") }
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *node) int { return strings.Compare(rank(a), rank(b)) })
	for _, t := range list {
		t.skip("use", "rank", "period", "id")
		system, value := t.string("system"), strings.TrimPrefix(im.text(r, t.get("value"), at+".telecom"), "tel:")
		switch {
		case value == "":
		case system == "" || system == "phone" || system == "sms" || system == "pager":
			if !slices.Contains(c.Phones, value) {
				c.Phones = append(c.Phones, value)
			}
		default:
			im.minor(r, summary.LossDropped, summary.ReasonNoPlace, strings.TrimPrefix(at+".telecom", "."), value)
		}
	}
}
