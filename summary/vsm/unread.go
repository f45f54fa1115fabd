package vsm

import (
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// unread reports what nothing has read below an element, once, at the highest element of which nothing was read. What says how
// the document is built is no content: templates, identifiers, types, and names of code systems.
func (im *importer) unread(n *node) {
	if n.name == "text" && n.up != nil && n.up.name == "section" {
		return // a narrative is compared block by block
	}
	found, touched := leftovers(n)
	if !touched && len(found) > 0 {
		found = []leftover{{n: n}}
	}
	for _, l := range found {
		text := l.text
		if text == "" {
			text = im.readable(l.n)
		}
		if blank(text) {
			continue
		}
		switch l.n.name {
		case "text", "originalText", "effectiveTime", "time", "low", "high", "phase":
			// What a part says in words or when, and the whole says too.
			if !says(text, im.seen) {
				continue
			}
		}
		im.tell(text)
		im.report(summary.LossDropped, summary.ReasonNoPlace, l.n, text)
	}
	n.take()
}

// A leftover is an element of which nothing was read, or where there is a text only that.
type leftover struct {
	n    *node
	text string
}

// leftovers returns what was not read, and whether anything was.
func leftovers(n *node) (found []leftover, touched bool) {
	if structural(n) {
		return nil, false
	}
	touched = n.read
	var own []string
	for _, a := range n.attrs {
		switch {
		case a.read:
			touched = true
		case structuralAttr(n, a.name, a.value):
		default:
			own = append(own, a.name+" "+a.value)
		}
	}
	if !n.read {
		for _, k := range n.kids {
			if k.name == "" && !blank(k.text) {
				own = append(own, strings.Join(strings.Fields(k.text), " "))
			}
		}
	}
	if len(own) > 0 {
		found = append(found, leftover{n, strings.Join(own, " ")})
	}
	for _, k := range n.kids {
		if k.name == "" {
			continue
		}
		f, t := leftovers(k)
		if !t && len(f) > 0 {
			f = []leftover{{n: k}}
		}
		found, touched = append(found, f...), touched || t
	}
	return found, touched
}

func structural(n *node) bool {
	switch n.name {
	case "templateId", "id", "realmCode", "typeId", "setId", "versionNumber":
		return true
	case "statusCode":
		return slices.Contains([]string{"completed", "active", "normal"}, n.peek("code"))
	}
	return false
}

func structuralAttr(n *node, name, value string) bool {
	switch name {
	case "classCode", "typeCode", "moodCode", "determinerCode", "contextControlCode", "contextConductionInd", "inversionInd",
		"xsi:type", "nullFlavor", "codeSystem", "codeSystemName", "codeSystemVersion", "mediaType", "representation", "use", "ID",
		"xsi:schemaLocation", "assigningAuthorityName", "displayable", "independentInd", "separatableInd", "operator",
		"sdtc:valueSet", "sdtc:valueSetVersion":
		return true
	case "negationInd", "institutionSpecified", "inclusive":
		return !isTrue(value) || name == "inclusive"
	case "code":
		return value == "ASSERTION" || value == "CONC"
	case "value":
		return n.name == "reference" && strings.Trim(value, "# ") == ""
	case "displayName":
		// A label beside a code that was read, where the code decides.
		for _, a := range n.attrs {
			if a.name == "code" {
				return a.read
			}
		}
	}
	return false
}

// readable is what an element says to a person.
func (im *importer) readable(n *node) string {
	var parts []string
	length := 0
	add := func(s string) {
		s = strings.Join(strings.Fields(s), " ")
		if s != "" && length < 2*summary.MaxLossText && !slices.Contains(parts, s) {
			parts = append(parts, s)
			length += len(s)
		}
	}
	if n == nil {
		return ""
	}
	section := sectionOf(n)
	var walk func(n *node)
	walk = func(n *node) {
		switch {
		case structural(n) || length >= 2*summary.MaxLossText || n.peek("representation") == "B64":
			return
		case n.name == "reference" && n.peek("value") != "":
			if target := im.ids.find(section, n.peek("value")); target != nil {
				add(flat(target))
			} else {
				add(strings.Trim(n.peek("value"), "# "))
			}
			return
		}
		label := cmpOr(n.peek("displayName"), n.peek("code"))
		if label != "" && !structuralAttr(n, "code", n.peek("code")) {
			add(label)
		}
		if v := n.peek("value"); v != "" {
			if u := n.peek("unit"); u != "" && u != "1" {
				v += " " + u
			}
			add(v)
		}
		if isTrue(n.peek("negationInd")) {
			add("negationInd true")
		}
		for _, a := range n.attrs {
			switch {
			case slices.Contains([]string{"displayName", "code", "value", "unit", "negationInd"}, a.name):
			case !structuralAttr(n, a.name, a.value):
				add(a.name + " " + a.value)
			}
		}
		for _, k := range n.kids {
			if k.name == "" {
				add(k.text)
			} else {
				walk(k)
			}
		}
	}
	walk(n)
	return strings.Join(parts, ", ")
}
