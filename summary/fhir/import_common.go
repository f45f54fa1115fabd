package fhir

import (
	"cmp"
	"strings"

	"github.com/secours-card/secours/summary"
)

// notes joins the texts of annotations; who wrote one, and when, stands with it where it is said.
func (im *importer) notes(r *resource, name string) string {
	var texts []string
	for _, n := range r.each(name) {
		if n.kind != kindObject {
			texts = append(texts, n.str())
			continue
		}
		text := im.text(r, n.get("text"), name+".text")
		if text == notReviewed[0] || text == notReviewed[1] {
			continue // a tag says it
		}
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

// notReviewed is the note of an export on an item that the physician did not review.
var notReviewed = [2]string{"non revu par le médecin", "not reviewed by the physician"}

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
	for _, t := range r.peek("meta").peek("tag").list() {
		if t.peek("system").str() == sysReview && t.peek("code").str() == "unreviewed" {
			c.Unreviewed = summary.Yes
		}
	}
	for _, n := range r.peek("note").list() {
		if text := n.peek("text").str(); text == notReviewed[0] || text == notReviewed[1] {
			c.Unreviewed = summary.Yes // of a server that keeps no tags
		}
	}
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

// level reads the security labels. A summary's own is taken as it is, the highest where there are several; of HL7's, only what asks for more: such
// a label never makes an item more readable than its section's are, or than somebody has asked since.
func (im *importer) level(r *resource, section string) summary.Level {
	usual := summary.DefaultLevel(section)
	own, asked := summary.Level(""), summary.LevelOpen
	for _, label := range r.peek("meta").get("security").list() {
		label.read = true
		label.skip("display", "version", "userSelected", "id")
		system, code := label.string("system"), label.string("code")
		switch {
		case system == sysLevel && summary.Level(code).Rank() >= 0:
			if summary.Level(code).Rank() > own.Rank() {
				own = summary.Level(code)
			}
		case system != sysConfidentiality && system != "http://hl7.org/fhir/v3/Confidentiality":
			im.say(r, summary.LossDropped, summary.ReasonLevel, "meta.security", strings.TrimSpace(code+" "+label.peek("display").str()))
		case code == "V":
			asked = summary.LevelMasked
		case code == "R" && asked.Rank() < summary.LevelClinical.Rank():
			asked = summary.LevelClinical
		}
	}
	level := cmp.Or(own, usual)
	if asked.Rank() > level.Rank() {
		level = asked
	}
	if level == usual {
		return ""
	}
	return level
}
