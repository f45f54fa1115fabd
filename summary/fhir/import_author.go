package fhir

import (
	"cmp"
	"strings"

	"github.com/secours-card/secours/summary"
)

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
