package fhir

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/secours-card/secours/summary"
)

var (
	headRow = regexp.MustCompile(`(?is)<(thead|caption|h[1-6]|th)\b[^>]*>.*?</(thead|caption|h[1-6]|th)>`)
	rowEnd  = regexp.MustCompile(`(?i)</(tr|li|p|div|dd)>|<br\b[^>]*>`)
	tag     = regexp.MustCompile(`<[^>]*>`)
)

// maxNarrative bounds the narrative that is compared: what is longer is compared as far as that.
const maxNarrative = 1 << 20

// maxCompared bounds what is looked at for all narratives together, in bytes and nodes: sections that list the same entries again would make it
// endless. A narrative beyond is reported without being compared.
const maxCompared = 32 << 20

// narrative warns where the text of a section has a row no word of which stands in its entries: somebody may read there what nobody coded.
func (im *importer) narrative(n *node, p listing, title string) {
	text := n.get("text")
	div := text.peek("div").str()
	text.readAll()
	if div == "" {
		return
	}
	known := map[string]bool{}
	note := func(s string) {
		im.compare -= 1 + len(s)
		for _, w := range words(s) {
			known[w] = true
		}
	}
	if im.compare < 0 {
		im.say(im.composition, summary.LossAmbiguous, summary.ReasonNarrative, p.path+".text", title)
		return
	}
	note(title)
	if said, err := im.summary.JSON(); err == nil {
		note(string(said))
	}
	var walk func(n *node)
	walk = func(n *node) {
		if n == nil || im.compare < 0 {
			return
		}
		im.compare--
		if n.kind == kindString {
			note(n.text)
		}
		for _, kid := range n.kids {
			walk(kid)
		}
	}
	seen := map[*resource]bool{}
	var follow func(r *resource, depth int)
	follow = func(r *resource, depth int) {
		if r == nil || seen[r] || depth > 3 || im.compare < 0 {
			return
		}
		seen[r] = true
		walk(r.without("text"))
		for _, ref := range r.references() {
			to, _ := im.find(r, ref)
			follow(to, depth+1)
		}
	}
	walk(n.peek("extension"))
	entries := n.peek("entry").list()
	if len(entries) == 0 && (n.peek("emptyReason") != nil || n.peek("section") != nil) {
		return
	}
	for _, e := range entries {
		note(e.peek("display").str())
		to, _ := im.find(im.composition, e.peek("reference").str())
		follow(to, 0)
	}
	if im.compare < 0 {
		im.say(im.composition, summary.LossAmbiguous, summary.ReasonNarrative, p.path+".text", title)
		return
	}
	var rows []string
	div = headRow.ReplaceAllString(div[:min(len(div), maxNarrative)], " ")
	for _, row := range rowEnd.Split(div, -1) {
		plain := strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(row, " "))), " ")
		said := words(plain)
		if len(said) > 0 && !slices.ContainsFunc(said, func(w string) bool { return known[w] }) {
			rows = append(rows, plain)
		}
	}
	if len(rows) > 0 {
		im.say(im.composition, summary.LossAmbiguous, summary.ReasonNarrative, p.path+".text", title+": "+strings.Join(rows, " / "))
	}
}

// words are those of a text that mean something: of four characters and more.
func words(s string) []string {
	list := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	return slices.DeleteFunc(list, func(w string) bool { return len(w) < 4 || utf8.RuneCountInString(w) < 4 })
}

// without is an object less one member.
func (n *node) without(name string) *node {
	c := &node{kind: n.kind}
	for i, s := range n.names {
		if s != name {
			c.names, c.kids = append(c.names, s), append(c.kids, n.kids[i])
		}
	}
	return c
}

// references lists where a resource points to.
func (r *resource) references() (list []string) {
	var walk func(n *node)
	walk = func(n *node) {
		if ref := n.peek("reference"); ref != nil && ref.kind == kindString {
			list = append(list, ref.text)
		}
		for _, kid := range n.kids {
			walk(kid)
		}
	}
	for i, name := range r.names {
		if name != "subject" && name != "patient" {
			walk(r.kids[i])
		}
	}
	return list
}
