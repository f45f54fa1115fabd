package vsm

import (
	"encoding/json"
	"strings"

	"github.com/secours-card/secours/summary"
)

// original returns what an originalText or a text says: its own words, or those of the narrative that it refers to.
func (im *importer) original(n *node) string {
	if n == nil {
		return ""
	}
	target := im.referred(n)
	own := flat(n)
	n.take()
	text := own
	if target != nil {
		text = cmpOr(own, flat(target))
	}
	if blank(text) {
		return ""
	}
	return text
}

// referred returns the element of the narrative that a text refers to. What names nothing is reported: the words of who wrote it
// are not in the document.
func (im *importer) referred(n *node) *node {
	value := n.kid("reference").attr("value")
	if strings.Trim(value, "# ") == "" {
		return nil
	}
	target := im.ids.find(sectionOf(n), value)
	if target == nil {
		im.report(summary.LossDropped, summary.ReasonNotFound, n, value)
	}
	return target
}

func sectionOf(n *node) *node {
	for ; n != nil; n = n.up {
		if n.name == "section" {
			return n
		}
	}
	return nil
}

// entryText returns what the narrative says of an entry, or of the first statement within it that has a text.
func (im *importer) entryText(n *node) string {
	for _, at := range append([]*node{n}, n.elements()...) {
		if t := at.kid("text"); t != nil {
			if s := im.original(t); s != "" {
				return s
			}
		}
	}
	return ""
}

// codeSystem names a terminology by its OID. It is "" where what stands there is neither an OID nor a UUID.
func codeSystem(oid string) summary.CodeSystem {
	switch oid {
	case "2.16.840.1.113883.6.73":
		return summary.CodeATC
	case "2.16.840.1.113883.6.3":
		return summary.CodeCIM10
	case "2.16.840.1.113883.6.347":
		return summary.CodeICD11
	case "2.16.840.1.113883.6.139":
		return summary.CodeICPC2
	case "1.2.250.1.213.2.3.1":
		return summary.CodeCIS
	case "1.2.250.1.213.2.3.2":
		return summary.CodeCIP
	case oidSNOMED:
		return summary.CodeSNOMED
	case oidLOINC:
		return summary.CodeLOINC
	case "2.16.840.1.113883.6.88":
		return summary.CodeRxNorm
	case "0.4.0.127.0.16.1.1.2.1":
		return summary.CodeEDQM
	case "1.2.250.1.213.2.49":
		return summary.CodeOrpha
	}
	return summary.CodeSystem(uri(oid))
}

// uri returns the URI of an OID or a UUID, the two forms that CDA has for identifiers.
func uri(root string) string {
	if root == "" || len(root) > 128 {
		return ""
	}
	if strings.Trim(root, "0123456789.") == "" && '0' <= root[0] && root[0] <= '2' {
		return "urn:oid:" + root
	}
	if len(root) == 36 && strings.Count(root, "-") == 4 && strings.Trim(root, "0123456789abcdefABCDEF-") == "" {
		return "urn:uuid:" + root
	}
	return ""
}

// maxCode is the length of the longest code of a summary. A code that is cut is another code.
const maxCode = 64

// words that may stand for a code: name is what the document has beside it, entry what the narrative says of the whole.
type beside struct{ name, entry string }

// concept reads a coded value. Its text is what the author wrote, and else the label of the code, never the other way round; a code
// without any word stands for itself.
func (im *importer) concept(n *node, b beside) summary.Concept {
	var c summary.Concept
	original := im.original(n.kid("originalText"))
	var labels []string
	var codes func(n *node)
	codes = func(n *node) {
		if n == nil {
			return
		}
		if n.name == "translation" {
			original = cmpOr(original, im.original(n.kid("originalText")))
		}
		if label := n.attr("displayName"); !blank(label) {
			labels = append(labels, label)
		}
		if code := n.attr("code"); code != "" {
			im.tell(code)
			system := codeSystem(n.attr("codeSystem"))
			switch {
			case system == "":
				im.report(summary.LossDropped, summary.ReasonCodeSystem, n, code)
			case len(code) > maxCode:
				im.report(summary.LossDropped, summary.ReasonTooLong, n, code)
			default:
				c.Codes = addCode(c.Codes, summary.Code{System: system, Code: code})
			}
		}
		for _, t := range n.all("translation") {
			codes(t)
		}
	}
	codes(n)
	label := ""
	if len(labels) > 0 {
		label = labels[0]
	}
	c.Text = cmpOr(original, b.name, label, b.entry)
	if c.Text == "" && n.peek("code") != "" {
		c.Text = n.peek("code")
		im.report(summary.LossChanged, summary.ReasonNoText, n, c.Text)
	}
	if c.Text == "" && len(c.Codes) > 0 {
		c.Text = c.Codes[0].Code
		im.report(summary.LossChanged, summary.ReasonNoText, n, c.Text)
	}
	im.tell(c.Text)
	for _, l := range labels {
		im.tell(l)
		if fold(l) != fold(c.Text) {
			im.minor(summary.LossDropped, summary.ReasonLabel, n, l)
		}
	}
	return c
}

// addCode adds a code that is not there yet. Fit cuts the list; beyond its length twice is as good as once.
func addCode(codes []summary.Code, c summary.Code) []summary.Code {
	for _, d := range codes[:min(len(codes), maxItems)] {
		if d.System == c.System && d.Code == c.Code {
			return codes
		}
	}
	return append(codes, c)
}

// label reads a coded value whose code has no place: its text.
func (im *importer) label(n *node) string {
	if n == nil {
		return ""
	}
	c := im.concept(n, beside{})
	for _, code := range c.Codes {
		if code.Code != c.Text {
			im.minor(summary.LossDropped, summary.ReasonNoPlace, n, code.Code)
		}
	}
	return c.Text
}

// date reads a point in time (TS): the day is kept, as it is written there, whatever the time zone.
func (im *importer) date(n *node) summary.Date {
	value := n.attr("value")
	if value == "" {
		return summary.Date{}
	}
	digits, _, _ := strings.Cut(value, ".")
	if i := strings.IndexAny(digits, "+-"); i >= 0 {
		digits = digits[:i]
	}
	form := digits[:min(len(digits), 8)]
	// Some fill up what is not known with zeros.
	for len(form) > 4 && strings.HasSuffix(form, "00") && len(digits) == 8 {
		form = form[:len(form)-2]
	}
	iso := form
	if len(form) > 6 {
		iso = form[:4] + "-" + form[4:6] + "-" + form[6:]
	} else if len(form) > 4 {
		iso = form[:4] + "-" + form[4:]
	}
	d, err := summary.ParseDate(iso)
	if err != nil || strings.Trim(digits, "0123456789") != "" {
		im.report(summary.LossDropped, summary.ReasonDate, n, value)
		return summary.Date{}
	}
	if len(digits) > 8 && strings.Trim(digits[8:], "0") != "" {
		im.minor(summary.LossChanged, summary.ReasonTimeOfDay, n, value)
	}
	im.tell(value, digits)
	im.tellDate(d)
	return d
}

// tellDate remembers a date in the ways in which a narrative writes it.
func (im *importer) tellDate(d summary.Date) {
	im.tell(d.String(), strings.ReplaceAll(d.String(), "-", ""))
	if d.Month > 0 {
		months := [...]string{
			"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre",
		}
		im.tell(months[d.Month-1])
	}
}

// interval reads a time: its beginning, or its only point, and its end.
func (im *importer) interval(n *node) (low, high summary.Date) {
	if n == nil {
		return low, high
	}
	if low = im.date(n); low.IsZero() {
		low = im.date(n.kid("low"))
	}
	if low.IsZero() {
		low = im.date(n.kid("center"))
	}
	return low, im.date(n.kid("high"))
}

// past says whether a time is before the day of the document, as far as both are known. An end in the future is one that is
// planned.
func (im *importer) past(value string) bool {
	today := strings.ReplaceAll(im.day.String(), "-", "")
	digits := value[:min(len(value), len("20060102"))]
	for len(digits) > 4 && strings.HasSuffix(digits, "00") {
		digits = digits[:len(digits)-2]
	}
	n := min(len(digits), len(today))
	return n >= 4 && strings.Trim(digits, "0123456789") == "" && digits[:n] < today[:n]
}

// isTrue reads a truth value, which XML Schema writes in two ways.
func isTrue(value string) bool { return value == "true" || value == "1" }

// isNumber says whether a text is a number as JSON writes it, so that it stays one.
func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789.-") == "" && json.Valid([]byte(s))
}

// common reads what every entry can say of itself: who wrote it and when, and who may see it.
func (im *importer) common(n *node) summary.Common {
	var c summary.Common
	if im.here.masked || im.confidential(n.kid("confidentialityCode")) {
		c.Level = summary.LevelMasked
	}
	if a := n.kid("author"); a != nil {
		c.Recorded = im.date(a.kid("time"))
		c.By = im.authorOf(a)
		im.tell(c.By.Name, c.By.Org)
		if c.By.Name == im.author.Name && c.By.ID == im.author.ID {
			c.By = summary.Author{}
		}
	}
	return c
}

// confidential says whether a confidentiality is "very restricted", which a card can keep. One below it is reported: it says less
// than a masked level and more than none.
func (im *importer) confidential(n *node) bool {
	switch code := n.attr("code"); code {
	case "", "N", "L", "M", "U":
	case "V":
		return true
	default:
		im.report(summary.LossDropped, summary.ReasonLevel, n, code)
	}
	return false
}
