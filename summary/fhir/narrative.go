package fhir

import (
	"encoding/xml"
	"slices"
	"strings"
)

// narrativeOf is a Narrative: a title, remarks about the whole, and lines, as XHTML. What stands in it is text, whatever it looks like.
func narrativeOf(title string, remarks, lines []string) *object {
	var b strings.Builder
	b.WriteString(`<div xmlns="http://www.w3.org/1999/xhtml"><p><b>`)
	escape(&b, title)
	b.WriteString("</b></p>")
	if len(remarks)+len(lines) > 0 {
		b.WriteString("<ul>")
		for i, line := range append(slices.Clone(remarks), lines...) {
			if i < len(remarks) {
				b.WriteString(`<li class="remark">`)
			} else {
				b.WriteString("<li>")
			}
			for i, part := range strings.Split(line, "\n") {
				if i > 0 {
					b.WriteString("<br/>")
				}
				escape(&b, part)
			}
			b.WriteString("</li>")
		}
		b.WriteString("</ul>")
	}
	b.WriteString("</div>")
	return obj().put("status", "generated").put("div", b.String())
}

func escape(b *strings.Builder, s string) {
	// A strings.Builder does not fail.
	_ = xml.EscapeText(b, []byte(s))
}
