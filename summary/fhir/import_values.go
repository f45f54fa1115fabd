package fhir

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// word is a text that an importer writes itself, in the language of the document.
func (im *importer) word(french, english string) string {
	if im.french {
		return french
	}
	return english
}

// text reads a string. What is no string and can be read as one is taken, with a word; what cannot is reported where it stands.
func (im *importer) text(r *resource, n *node, element string) string {
	switch {
	case n == nil:
		return ""
	case n.kind == kindObject || n.kind == kindArray:
		im.say(r, summary.LossDropped, summary.ReasonWrongType, element, n.gist(summary.MaxLossText))
		n.readAll()
		return ""
	case n.kind != kindString:
		im.minor(r, summary.LossChanged, summary.ReasonWrongType, element, n.text)
	}
	s := n.str()
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}

// concept reads a CodeableConcept, nil where it says nothing. Its text stays as it was written; where there is none, the label of a code
// stands for it, the one that a person chose first, and at last the code itself.
func (im *importer) concept(r *resource, n *node, element string) *summary.Concept {
	if n == nil {
		return nil
	}
	n.read = true
	c := &summary.Concept{}
	switch n.kind {
	case kindArray:
		kids := n.list()
		for i, kid := range kids {
			if i > 0 {
				im.say(r, summary.LossDropped, summary.ReasonTooMany, element, kid.gist(summary.MaxLossText))
				kid.readAll()
			}
		}
		if len(kids) == 0 {
			return nil
		}
		return im.concept(r, kids[0], element)
	case kindObject:
	default:
		// A text where an object should be is still what somebody wrote.
		if c.Text = n.str(); strings.TrimSpace(c.Text) == "" {
			return nil
		}
		im.say(r, summary.LossAmbiguous, summary.ReasonWrongType, element, c.Text)
		return c
	}
	n.skip("id")
	c.Text = im.text(r, n.get("text"), element+".text")
	var labels []string
	for _, coding := range n.each("coding") {
		if coding.kind != kindObject {
			im.say(r, summary.LossDropped, summary.ReasonWrongType, element+".coding", coding.gist(summary.MaxLossText))
			coding.readAll()
			continue
		}
		coding.skip("id", "version")
		system, code := coding.string("system"), im.text(r, coding.get("code"), element+".coding.code")
		label := im.text(r, coding.get("display"), element+".coding.display")
		if coding.string("userSelected") == "true" && label != "" {
			labels = append([]string{label}, labels...)
		} else if label != "" {
			labels = append(labels, label)
		}
		name := codeSystem(system)
		switch {
		case code == "":
		case system == sysDataAbsent, system == sysNullFlavor:
			// It says why there is none, and its label is that of the reason.
			if label != "" {
				labels = slices.DeleteFunc(labels, func(l string) bool { return l == label })
			}
		case name == "":
			im.say(r, summary.LossDropped, summary.ReasonCodeSystem, element+".coding", strings.TrimSpace(system+" "+code))
			if label == "" && c.Text == "" {
				labels = append(labels, code)
			}
		default:
			c.Codes = appendCode(c.Codes, summary.Code{System: name, Code: code})
		}
	}
	switch {
	case c.Text != "":
	case len(labels) > 0:
		c.Text = labels[0]
	case len(c.Codes) > 0:
		c.Text = systemLabel(c.Codes[0].System) + " " + c.Codes[0].Code
		im.say(r, summary.LossAmbiguous, summary.ReasonNoText, element, c.Text)
	default:
		return nil
	}
	for _, l := range labels {
		if !strings.EqualFold(l, c.Text) {
			im.minor(r, summary.LossDropped, summary.ReasonLabel, element, l)
		}
	}
	return c
}

// The systems of codes that say why there is no value.
const (
	sysDataAbsent = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
	sysNullFlavor = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
)

func appendCode(codes []summary.Code, c summary.Code) []summary.Code {
	for _, d := range codes {
		if d.System == c.System && d.Code == c.Code {
			return codes
		}
	}
	return append(codes, c)
}

// systemLabel is how a person names a terminology.
func systemLabel(s summary.CodeSystem) string {
	switch s {
	case summary.CodeSNOMED:
		return "SNOMED CT"
	case summary.CodeATC, summary.CodeCIS, summary.CodeCIP, summary.CodeLOINC, summary.CodeEDQM:
		return strings.ToUpper(string(s))
	case summary.CodeCIM10:
		return "CIM-10"
	case summary.CodeICD10, summary.CodeICD11:
		return "ICD-" + string(s[3:])
	case summary.CodeICPC2:
		return "ICPC-2"
	case summary.CodeRxNorm:
		return "RxNorm"
	case summary.CodeOrpha:
		return "ORPHA"
	}
	return string(s)
}

// absent looks for a code that says that there is none, or that nothing is known.
func absentOf(n *node) (absence, bool) {
	for _, c := range n.peek("coding").list() {
		system := c.peek("system").str()
		if codeSystem(system) == summary.CodeSNOMED {
			system = sysSNOMED
		}
		if a, ok := absences[system+"|"+c.peek("code").str()]; ok {
			return a, true
		}
	}
	return absence{}, false
}

// code reads the code of a CodeableConcept, or of a code, that has a list of its own in FHIR: its first coding, whatever the system.
func (im *importer) code(r *resource, name string) string {
	n := r.get(name)
	if n == nil {
		return ""
	}
	if n.kind != kindObject {
		return strings.ToLower(strings.TrimSpace(n.str()))
	}
	n.skip("id")
	var first string
	for _, c := range n.each("coding") {
		c.skip("system", "version", "display", "userSelected", "id")
		first = cmp.Or(first, strings.ToLower(strings.TrimSpace(c.string("code"))))
	}
	text := n.string("text")
	return cmp.Or(first, strings.ToLower(text))
}

// enum maps a code of FHIR to a value of a summary, and reports one that has none.
func enum[T ~string](im *importer, r *resource, name string, values map[string]T) T {
	code := im.code(r, name)
	if code == "" {
		return ""
	}
	v, ok := values[code]
	if !ok {
		im.say(r, summary.LossDropped, summary.ReasonUnknownCode, name, code)
	}
	return v
}

// date reads a date or dateTime. A summary has days: the hour is dropped, the day stays the one that was written, whatever its zone.
func (im *importer) date(r *resource, n *node, element string) summary.Date {
	s := im.text(r, n, element)
	if s == "" {
		return summary.Date{}
	}
	day, hour, _ := strings.Cut(s, "T")
	d, err := summary.ParseDate(day)
	if err != nil {
		im.say(r, summary.LossDropped, summary.ReasonDate, element, s)
		return summary.Date{}
	}
	if hour != "" {
		im.minor(r, summary.LossChanged, summary.ReasonTimeOfDay, element, s)
	}
	return d
}

// moment reads name[x] of the kinds that have a day: the start of a Period, with its end.
func (im *importer) moment(r *resource, name string) (start, end summary.Date) {
	for _, kind := range []string{"DateTime", "Date", "Instant"} {
		if n := r.get(name + kind); n != nil {
			start = im.date(r, n, name+kind)
		}
	}
	if p := r.get(name + "Period"); p != nil {
		from, to := im.period(r, p, name+"Period")
		if start.IsZero() {
			start = from
		}
		end = to
	}
	return start, end
}

func (im *importer) period(r *resource, p *node, element string) (start, end summary.Date) {
	return im.date(r, p.get("start"), element+".start"), im.date(r, p.get("end"), element+".end")
}

// describeMoment renders name[x] of the kinds that have no day, as an age or a text, "" where there is none.
func (im *importer) describeMoment(r *resource, name string) string {
	switch {
	case r.peek(name+"Age") != nil:
		return im.word("à l'âge de ", "at the age of ") + im.quantity(r.get(name+"Age"))
	case r.peek(name+"Range") != nil:
		return im.rangeOf(r.get(name + "Range"))
	case r.peek(name+"String") != nil:
		return im.text(r, r.get(name+"String"), name+"String")
	}
	return ""
}

// units spells out the codes of UCUM that people do not write so.
func (im *importer) unit(unit string) string {
	unit = strings.Trim(unit, "{}")
	switch unit {
	case "1":
		return ""
	case "a":
		return im.word("ans", "years")
	case "mo":
		return im.word("mois", "months")
	case "wk":
		return im.word("semaines", "weeks")
	case "d":
		return im.word("jours", "days")
	case "h":
		return im.word("heures", "hours")
	}
	return unit
}

// quantity renders a Quantity with its number to the letter.
func (im *importer) quantity(n *node) string {
	value, unit := im.amount(n)
	return strings.TrimSpace(value + " " + unit)
}

// amount reads a Quantity: the number with what it is compared by, and the unit as it is written, or else its code.
func (im *importer) amount(n *node) (value, unit string) {
	if n == nil {
		return "", ""
	}
	if n.kind != kindObject {
		return n.str(), ""
	}
	n.skip("system", "id")
	value = n.string("value")
	if value != "" {
		value = n.string("comparator") + value
	}
	unit = n.string("unit")
	code := n.string("code")
	if unit == "" {
		unit = im.unit(code)
	}
	return value, strings.Trim(unit, "{}")
}

func (im *importer) rangeOf(n *node) string {
	low, high := im.quantity(n.get("low")), im.quantity(n.get("high"))
	lowValue, _, _ := strings.Cut(low, " ")
	switch {
	case low == "":
		return im.word("au plus ", "at most ") + high
	case high == "":
		return im.word("au moins ", "at least ") + low
	}
	_, lowUnit, _ := strings.Cut(low, " ")
	if _, highUnit, _ := strings.Cut(high, " "); lowUnit == highUnit {
		low = lowValue
	}
	return low + im.word(" à ", " to ") + high
}

// ratio renders a Ratio, as a strength: "500 mg / 5 mL", and "500 mg" of one piece.
func (im *importer) ratio(n *node) string {
	top, bottom := im.quantity(n.get("numerator")), im.quantity(n.get("denominator"))
	switch {
	case bottom == "" || bottom == "1":
		return top
	case top == "":
		return ""
	}
	return top + " / " + bottom
}

// people are the roles of those who are not professionals.
const (
	rolePatient  = "patient"
	roleRelative = "relative"
)

// author resolves a reference to whoever said something. Name, Role and Org are as the resource says them.
func (im *importer) author(r *resource, ref *node) summary.Author {
	ref.readAll()
	display := ref.peek("display").str()
	to := im.resolve(r, ref.peek("reference").str())
	if to == nil {
		return summary.Author{Name: display}
	}
	a := im.authorOf(to, 0)
	if a.Name == "" && a.Org == "" && to.kind != "Patient" {
		a.Name = display
	}
	return a
}

func (im *importer) authorOf(r *resource, depth int) (a summary.Author) {
	if depth > 3 {
		// A role whose practitioner is a role leads nowhere.
		return a
	}
	follow := func(name string) summary.Author {
		ref := r.peek(name)
		to := im.resolve(r, ref.peek("reference").str())
		if to == nil {
			return summary.Author{Name: ref.peek("display").str()}
		}
		return im.authorOf(to, depth+1)
	}
	switch r.kind {
	case "Practitioner":
		a.Name = personName(r.node)
	case "PractitionerRole":
		a = follow("practitioner")
		org := follow("organization")
		a.Org = cmp.Or(a.Org, org.Org, org.Name)
		for _, kind := range append(r.peek("code").list(), r.peek("specialty").list()...) {
			a.Role = cmp.Or(a.Role, conceptName(kind))
		}
	case "Organization":
		a.Org = r.peek("name").str()
	case "RelatedPerson":
		a.Name, a.Role = personName(r.node), roleRelative
	case "Patient":
		a.Role = rolePatient
	case "Device":
		for _, n := range r.peek("deviceName").list() {
			a.Name = cmp.Or(a.Name, n.peek("name").str())
		}
		a.Name = cmp.Or(a.Name, conceptLabel(r.peek("type")))
	}
	return a
}

// conceptName is a concept in its own words, "" where it has only codes.
func conceptName(n *node) string {
	text := n.peek("text").str()
	for _, c := range n.peek("coding").list() {
		text = cmp.Or(text, c.peek("display").str())
	}
	return text
}

// conceptLabel is a concept in one word, for what stands beside something else.
func conceptLabel(n *node) string { return cmp.Or(conceptName(n), conceptCode(n)) }

// personName is the name of somebody who is not the patient, in the order in which it is spoken.
func personName(n *node) string {
	var best string
	rank := -1
	for _, name := range n.peek("name").list() {
		var words []string
		for _, part := range []string{"prefix", "given", "family", "suffix"} {
			for _, w := range name.peek(part).list() {
				if s := strings.TrimSpace(w.str()); s != "" {
					words = append(words, s)
				}
			}
		}
		text := cmp.Or(strings.TrimSpace(name.peek("text").str()), strings.Join(words, " "))
		order := map[string]int{"old": 0, "maiden": 0, "temp": 1, "nickname": 1, "anonymous": 1, "": 2, "usual": 3, "official": 4}
		if r := order[name.peek("use").str()]; text != "" && r > rank {
			best, rank = text, r
		}
	}
	return best
}

// notes joins the texts of annotations; who wrote one, and when, stands with it where it is said.
func (im *importer) notes(r *resource, name string) string {
	var texts []string
	for _, n := range r.each(name) {
		if n.kind != kindObject {
			texts = append(texts, n.str())
			continue
		}
		text := im.text(r, n.get("text"), name+".text")
		who := n.string("authorString")
		if ref := n.get("authorReference"); ref != nil {
			who = im.author(r, ref).Name
		}
		on := im.date(r, n.get("time"), name+".time").String()
		if by := strings.Trim(who+", "+on, ", "); by != "" && text != "" {
			text += " (" + by + ")"
		}
		texts = append(texts, text)
	}
	return join("\n", texts...)
}

// join joins what is not empty.
func join(sep string, texts ...string) string {
	var kept []string
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			kept = append(kept, t)
		}
	}
	return strings.Join(kept, sep)
}

// common reads what every item has: who recorded it, when, on whose word, and how confidential it is.
func (im *importer) common(r *resource, section string, by ...string) summary.Common {
	c := summary.Common{ID: itemID(r.id)}
	for _, name := range by {
		ref := r.get(name)
		if ref == nil {
			continue
		}
		for _, one := range ref.list() {
			if target := one.get("actor"); target != nil {
				one.skip("function", "id", "onBehalfOf")
				one = target
			}
			a := im.author(r, one)
			if a.Role == rolePatient || a.Role == roleRelative {
				c.Source = summary.SourceReported
			}
			switch {
			case a.Name == "" && a.Org == "":
			case c.By.Name == "" && c.By.Org == "":
				c.By = a
			case a.Name != c.By.Name:
				im.minor(r, summary.LossDropped, summary.ReasonTooMany, name, a.Name)
			}
		}
	}
	for _, name := range []string{"recordedDate", "dateAsserted", "authoredOn", "recorded", "recordedOn"} {
		if n := r.get(name); n != nil {
			c.Recorded = im.date(r, n, name)
		}
	}
	c.Level = im.level(r, section)
	return c
}

// itemID takes the id of a resource for that of its item where it is one.
func itemID(id string) string {
	if len(id) == 0 || len(id) > 16 {
		return ""
	}
	for i := range len(id) {
		if c := id[i]; !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return ""
		}
	}
	return id
}

// sysLevel is the code system of a summary's own levels, which an export writes beside HL7's confidentiality.
const sysLevel = base + "CodeSystem/level"

// confidentiality gives each level its code of HL7 v3 Confidentiality.
var confidentiality = map[summary.Level]struct{ code, display string }{
	summary.LevelOpen:     {"U", "unrestricted"},
	summary.LevelCare:     {"N", "normal"},
	summary.LevelClinical: {"R", "restricted"},
	summary.LevelMasked:   {"V", "very restricted"},
}

// level reads the security labels. A summary's own is taken as it is; of HL7's, only what asks for more than is usual is: a label
// never makes an item more readable than its section's are.
func (im *importer) level(r *resource, section string) summary.Level {
	usual := summary.DefaultLevel(section)
	level, own := usual, false
	for _, label := range r.peek("meta").get("security").list() {
		label.read = true
		label.skip("display", "version", "userSelected", "id")
		system, code := label.string("system"), label.string("code")
		switch {
		case system == sysLevel && summary.Level(code).Rank() >= 0:
			level, own = summary.Level(code), true
		case system != sysConfidentiality && system != "http://hl7.org/fhir/v3/Confidentiality":
			im.say(r, summary.LossDropped, summary.ReasonLevel, "meta.security", strings.TrimSpace(code+" "+label.peek("display").str()))
		case own:
		case code == "V":
			level = summary.LevelMasked
		case code == "R" && level.Rank() < summary.LevelClinical.Rank():
			level = summary.LevelClinical
		}
	}
	if level == usual {
		return ""
	}
	return level
}
