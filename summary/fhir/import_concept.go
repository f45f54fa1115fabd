package fhir

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

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
		if c.Text = n.str(); c.Text == "" {
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
		case summary.CheckText(code, maxCode) != nil:
			// A code that is cut is another one.
			im.say(r, summary.LossDropped, summary.ReasonTooLong, element+".coding.code", code)
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

// maxCode is the length in characters of the longest code, or value of an identifier, that a summary holds.
const maxCode = 64

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

// absentOf looks for a code that says that there is none, or that nothing is known. Of several, the one that claims least counts. other says
// that the code of something else stands beside.
func absentOf(n *node) (found absence, ok, other bool) {
	for _, c := range n.peek("coding").list() {
		system, code := c.peek("system").str(), c.peek("code").str()
		if codeSystem(system) == summary.CodeSNOMED {
			system = sysSNOMED
		}
		a, is := absences[system+"|"+code]
		switch {
		case !is && (code == "" || system == sysDataAbsent || system == sysNullFlavor):
		case !is:
			other = true
		case !ok, found.status == summary.StatusNoneKnown && (a.status != summary.StatusNoneKnown || found.only == "" && a.only != ""):
			found, ok = a, true
		}
	}
	return found, ok, ok && other
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

// conceptCode is the code of the first coding.
func conceptCode(n *node) string {
	for _, c := range n.peek("coding").list() {
		return c.peek("code").str()
	}
	return n.peek("code").str()
}

// ownCode returns the code that a CodeableConcept, or a list of them, has of a system, and reads it.
func ownCode(n *node, system string) string {
	for _, concept := range n.list() {
		for _, c := range concept.peek("coding").list() {
			if c.peek("system").str() == system {
				concept.read = true
				c.readAll()
				return c.peek("code").str()
			}
		}
	}
	return ""
}
