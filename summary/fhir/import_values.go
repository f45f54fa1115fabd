package fhir

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
	return n.str()
}

// blank says whether nothing of a text can be seen.
func blank(s string) bool {
	for i := range len(s) {
		if c := s[i]; 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' {
			return false
		}
	}
	return strings.TrimSpace(summary.LossText(s)) == ""
}

// code reads the code of a CodeableConcept, or of a code, that has a list of its own in FHIR. Of several codings it is the first that the list
// has, whatever its system; without a list, the first.
func (im *importer) code(r *resource, name string, list ...string) string {
	n := r.get(name)
	if n == nil {
		return ""
	}
	if n.kind != kindObject {
		return strings.ToLower(strings.TrimSpace(n.str()))
	}
	n.skip("id")
	var first, known string
	for _, c := range n.each("coding") {
		c.skip("system", "version", "display", "userSelected", "id")
		code := strings.ToLower(strings.TrimSpace(c.string("code")))
		first = cmp.Or(first, code)
		if slices.Contains(list, code) {
			known = cmp.Or(known, code)
		}
	}
	text := strings.ToLower(n.string("text"))
	if slices.Contains(list, text) {
		known = cmp.Or(known, text)
	}
	return cmp.Or(known, first, text)
}

// enum maps a code of FHIR to a value of a summary, and reports one that has none.
func enum[T ~string](im *importer, r *resource, name string, values map[string]T) T {
	code := im.code(r, name, slices.Collect(maps.Keys(values))...)
	if code == "" {
		return ""
	}
	v, ok := values[code]
	if !ok {
		im.say(r, summary.LossDropped, summary.ReasonUnknownCode, name, code)
	}
	return v
}

// The codes of the statuses by which a statement does not hold, and those by which it does.
var (
	verificationCodes = []string{"unconfirmed", "presumed", "confirmed", "refuted", "entered-in-error", "provisional", "differential", "suspected"}
	clinicalCodes     = []string{"active", "inactive", "resolved", "recurrence", "relapse", "remission"}
)

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

// spell renders a Period that is no single day, for what a summary has one date of.
func (im *importer) spell(start, end summary.Date) string {
	if end.IsZero() || end == start {
		return ""
	}
	return join(" ", start.String(), im.word("à", "to"), end.String())
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
	n.skip("id")
	system := n.string("system")
	value = n.string("value")
	if value != "" {
		value = n.string("comparator") + value
	}
	unit = n.string("unit")
	code := n.string("code")
	switch {
	case unit != "" && unit != code:
	case doseForms[code] != [2]string{}:
		unit = im.word(doseForms[code][0], doseForms[code][1])
	case code != "" && system != "" && system != sysUCUM:
		// A code of a terminology is no unit that a person reads.
		unit = "(" + systemLabel(codeSystem(system)) + " " + code + ")"
	default:
		unit = im.unit(code)
	}
	return value, strings.Trim(unit, "{}")
}

// doseForms are the codes of SNOMED CT and EDQM for what doses are mostly counted in.
var doseForms = map[string][2]string{
	"732936001": {"comprimé", "tablet"}, "732937005": {"gélule", "capsule"}, "428673006": {"comprimé", "tablet"}, "428641000": {"gélule", "capsule"},
	"15054000": {"comprimé", "tablet"}, "15012000": {"gélule", "capsule"},
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

func itoa(i int) string { return strconv.Itoa(i) }

// pathAfter is the path of the item that comes after n others.
func pathAfter(section string, n int) string { return fmt.Sprintf("sections.%s.items[%d]", section, n) }
