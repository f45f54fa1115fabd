package vsm

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/secours-card/secours/summary"
)

// The identifier systems of the French national health identity.
const (
	oidINSNIR = "1.2.250.1.213.1.4.8"
	oidINSNIA = "1.2.250.1.213.1.4.9"
)

// patient reads whom the document is about.
func (im *importer) patient() error {
	targets := im.root.all("recordTarget")
	if len(targets) != 1 {
		return fmt.Errorf("%w: the document is about %d persons, and a summary about one", ErrPatient, len(targets))
	}
	target := targets[0]
	role := target.kid("patientRole")
	person := role.kid("patient")
	p := &im.out.Patient
	im.identifiers(role)
	im.patientNames(person.all("name"))
	p.BirthDate = im.date(person.kid("birthTime"))
	switch code := person.kid("administrativeGenderCode").attr("code"); code {
	case "F":
		p.Sex = summary.SexFemale
	case "M":
		p.Sex = summary.SexMale
	case "UN":
		p.Sex = summary.SexOther
	default:
		p.Sex = summary.SexUnknown
		im.report(summary.LossAmbiguous, summary.ReasonIdentity, target, cmpOr(code, "administrativeGenderCode"))
	}
	im.birthplace(person.at("birthplace", "place"))
	for _, g := range person.all("guardian") {
		im.contact(g, summary.ContactGuardian)
	}
	var missing []string
	if blank(p.Family) {
		missing = append(missing, "family name")
	}
	if len(p.Given) == 0 {
		missing = append(missing, "given name")
	}
	if p.BirthDate.IsZero() {
		missing = append(missing, "birth date")
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: the document does not give the %s", ErrPatient, strings.Join(missing, " and the "))
	}
	im.rest(target)
	return nil
}

func (im *importer) identifiers(role *node) {
	p := &im.out.Patient
	for _, id := range role.all("id") {
		root, value := id.attr("root"), id.attr("extension")
		var system summary.System
		switch root {
		case oidINSNIR:
			system = summary.SystemINSNIR
		case oidINSNIA:
			system = summary.SystemINSNIA
		default:
			system = summary.System(uri(root))
		}
		switch {
		case value == "":
			// A root alone names this document's patient, not a person.
		case system == "" || len(value) > maxCode:
			im.report(summary.LossDropped, summary.ReasonIdentity, id, value)
		default:
			p.IDs = append(p.IDs, summary.Identifier{System: system, Value: value})
		}
	}
}

// patientNames reads the names of the patient. The qualifiers are those of the CI-SIS: BR the birth name, CL the name in use, SP that
// of the spouse, which older documents have for it. A name without a qualifier is the birth name where no other is, else the
// name in use.
func (im *importer) patientNames(all []*node) {
	p := &im.out.Patient
	family, given := map[string][]string{}, map[string][]string{}
	for _, n := range all {
		for _, k := range n.all("family", "given") {
			q := k.attr("qualifier")
			if !slices.Contains([]string{"BR", "CL", "SP"}, q) {
				q = ""
			}
			s := flat(k)
			k.take()
			if blank(s) {
				continue
			}
			if k.name == "family" {
				family[q] = append(family[q], s)
			} else {
				given[q] = append(given[q], s)
			}
		}
	}
	for _, q := range []string{"BR", "", "CL", "SP"} {
		for _, s := range family[q] {
			switch {
			case p.Family == "":
				p.Family = s
				if q == "CL" || q == "SP" {
					// The summary wants the birth name, and this is all there is.
					im.identity(s)
				}
			case fold(s) == fold(p.Family), s == p.UsedFamily:
			case p.UsedFamily == "":
				p.UsedFamily = s
			default:
				im.identity(s)
			}
		}
	}
	p.Given = given[""]
	if first := given["BR"]; len(first) > 0 {
		p.Given = mergeGiven(first, p.Given)
	}
	for _, s := range append(given["CL"], given["SP"]...) {
		switch {
		case len(p.Given) == 0:
			p.Given = []string{s}
			im.identity(s)
		case p.UsedGiven == "":
			p.UsedGiven = s
		case s != p.UsedGiven:
			im.identity(s)
		}
	}
}

func (im *importer) identity(text string) {
	im.report(summary.LossAmbiguous, summary.ReasonIdentity, im.root.kid("recordTarget"), text)
}

// mergeGiven puts the first given name of the birth certificate before the others, which often repeat it, in one element or in
// several.
func mergeGiven(first, others []string) []string {
	all := slices.Clone(first)
	for _, s := range others {
		for _, f := range first {
			if rest, ok := strings.CutPrefix(s, f+" "); ok {
				s = strings.TrimSpace(rest)
			}
		}
		if !slices.Contains(all[:min(len(all), maxItems)], s) {
			all = append(all, s)
		}
	}
	return all
}

// birthplace reads the town and its INSEE code, which the CI-SIS has in county.
func (im *importer) birthplace(place *node) {
	p := &im.out.Patient
	addr := place.kid("addr")
	for _, n := range []*node{addr.kid("county"), addr.kid("city")} {
		if s := flat(n); isINSEE(s) && p.BirthPlaceCode == "" {
			p.BirthPlaceCode = s
			n.take()
		}
	}
	for _, n := range []*node{addr.kid("city"), place.kid("name")} {
		if n != nil && !n.read && p.BirthPlace == "" && !blank(flat(n)) {
			p.BirthPlace = flat(n)
			n.take()
		}
	}
}

// isINSEE says whether a text is the code of a commune: two digits or 2A and 2B for the department, three for the commune.
func isINSEE(s string) bool {
	return len(s) == 5 && strings.Trim(s[:1]+s[2:], "0123456789") == "" && strings.Contains("0123456789AB", s[1:2])
}

// rest reports what the header says of the patient beyond the identity: addresses, languages. That the patient has died is not
// minor.
func (im *importer) rest(target *node) {
	if d := target.at("patientRole", "patient", "sdtc:deceasedInd"); d.peek("value") == "true" {
		im.report(summary.LossDropped, summary.ReasonNoPlace, d, "deceased")
	}
	before := len(im.losses)
	im.unread(target)
	for i := range im.losses[before:] {
		im.losses[before+i].Minor = true
	}
}

// header reads the date, the authors and the people to call.
func (im *importer) header() {
	im.out.Language = im.root.kid("languageCode").attr("code")
	im.day = im.date(im.root.kid("effectiveTime"))
	for _, a := range im.root.all("author") {
		if by := im.authorOf(a); im.author.Name == "" {
			im.author = by
		}
	}
	im.masked = im.confidential(im.root.kid("confidentialityCode"))
	im.here.masked = im.masked
	for _, i := range im.root.all("informant") {
		switch e := i.kid("relatedEntity"); e.peek("classCode") {
		case "ECON":
			im.contact(e, summary.ContactEmergency)
		case "NOK":
			im.contact(e, summary.ContactTrustedPerson)
		case "GUARD":
			im.contact(e, summary.ContactGuardian)
		}
	}
	for _, p := range im.root.all("participant") {
		e := p.kid("associatedEntity")
		switch class := e.peek("classCode"); {
		case p.kid("functionCode").peek("code") == "PCP":
			im.contact(e, summary.ContactTreatingPhysician)
		case class == "ECON":
			im.contact(e, summary.ContactEmergency)
		case class == "NOK":
			im.contact(e, summary.ContactTrustedPerson)
		case class == "GUARD":
			im.contact(e, summary.ContactGuardian)
		case p.peek("typeCode") == "IND":
			im.contact(e, "")
		}
	}
	for _, of := range im.root.all("documentationOf") {
		for _, p := range of.kid("serviceEvent").all("performer") {
			if p.kid("functionCode").peek("code") == "PCP" {
				im.contact(p.kid("assignedEntity"), summary.ContactTreatingPhysician)
			}
		}
	}
}

// contact reads somebody to call.
func (im *importer) contact(n *node, kind summary.ContactKind) {
	if n == nil {
		return
	}
	before := len(im.contacts)
	item(im, &im.contacts, n, func() (summary.Contact, bool) {
		c := summary.Contact{Common: im.common(n), Kind: kind}
		for _, who := range []string{"relatedPerson", "associatedPerson", "assignedPerson", "guardianPerson"} {
			c.Name = cmpOr(c.Name, im.personName(n.kid(who)))
		}
		for _, org := range []string{"guardianOrganization", "scopingOrganization", "representedOrganization"} {
			if name := n.at(org, "name"); c.Name == "" && !blank(flat(name)) {
				c.Name = flat(name)
				name.take()
			}
		}
		c.Relationship = im.label(n.kid("code"))
		for _, t := range n.all("telecom") {
			value := t.attr("value")
			scheme, number, ok := strings.Cut(value, ":")
			switch {
			case value == "":
			case !ok:
				c.Phones = append(c.Phones, value)
			case strings.EqualFold(scheme, "tel"):
				c.Phones = append(c.Phones, number)
			default:
				im.minor(summary.LossDropped, summary.ReasonNoPlace, t, value)
			}
		}
		if c.Name == "" && len(c.Phones) > 0 {
			// A number alone can be called.
			c.Name = cmpOr(c.Relationship, string(kind), "?")
			im.report(summary.LossChanged, summary.ReasonNoText, n, c.Name)
		}
		for _, other := range im.contacts[:min(len(im.contacts), maxItems)] {
			if other.item.Name == c.Name && other.item.Kind == c.Kind && slices.Equal(other.item.Phones, c.Phones) {
				return c, false
			}
		}
		return c, c.Name != ""
	})
	// An address, a hospital: who is called is the same.
	for i := range im.contacts[before:] {
		for j, l := range im.contacts[before+i].losses {
			im.contacts[before+i].losses[j].Minor = l.Minor || l.Reason == summary.ReasonNoPlace
		}
	}
}

// personName joins the parts of a name in the order in which a letter has them.
func (im *importer) personName(person *node) string {
	n := person.kid("name")
	if n == nil {
		return ""
	}
	defer n.take()
	var parts []string
	for _, k := range append(n.all("prefix"), n.all("given")...) {
		parts = append(parts, flat(k))
	}
	families := n.all("family")
	for _, k := range families {
		// Of a birth name and one in use, the one in use is on the door.
		if len(families) == 1 || k.peek("qualifier") != "BR" {
			parts = append(parts, flat(k))
		}
	}
	for _, k := range n.all("suffix") {
		parts = append(parts, flat(k))
	}
	parts = slices.DeleteFunc(parts, blank)
	if len(parts) == 0 {
		return cmpOr(flat(n))
	}
	return strings.Join(parts, " ")
}

// authorOf reads who wrote something: a person, else a program.
func (im *importer) authorOf(n *node) summary.Author {
	var a summary.Author
	who := n.kid("assignedAuthor")
	a.Name = im.personName(who.kid("assignedPerson"))
	if device := who.kid("assignedAuthoringDevice"); a.Name == "" && device != nil {
		a.Name = cmpOr(flat(device.kid("softwareName")), flat(device.kid("manufacturerModelName")))
	}
	if id := who.kid("id"); id.attr("extension") != "" {
		a.ID = id.peek("extension")
	}
	a.Role = im.roleOf(who.kid("code"))
	if short := shortRole(a.Role); short != a.Role {
		im.minor(summary.LossShortened, summary.ReasonTooLong, who.kid("code"), a.Role)
		a.Role = short
	}
	a.Org = flat(who.at("representedOrganization", "name"))
	if a.Name == "" && a.Org != "" {
		a.Name = a.Org
	}
	if a.Name == "" {
		a = summary.Author{}
	}
	n.take()
	return a
}

// shortRole makes the label of a profession fit: "Médecin - Qualifié en Médecine Générale (SM)" loses its code, and then what
// stands behind the profession.
func shortRole(role string) string {
	const limit = 40
	for _, sep := range []string{" (", " - "} {
		if utf8.RuneCountInString(role) > limit {
			role, _, _ = strings.Cut(role, sep)
		}
	}
	return role
}

// roleOf is the profession, without a loss for its code: the certificate of who signs says who that is.
func (im *importer) roleOf(n *node) string {
	return cmpOr(im.original(n.kid("originalText")), n.attr("displayName"), n.attr("code"))
}
