package fhir

import (
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// begin starts the resource of an item, and sets where its losses are.
func (x *exporter) begin(section, kind string, i int, c *summary.Common) (url string, r *object) {
	x.path = pathAfter(section, i)
	level := c.Level
	if level == "" {
		level = summary.DefaultLevel(section)
	}
	x.prefix = join(", ", c.By.Name, c.By.Org, date(c.Recorded))
	x.unreviewed, x.retracted = c.Unreviewed == summary.Yes, c.ID != "" && slices.Contains(x.o.Retracted, c.ID)
	url, r = x.url(x.path+c.ID), x.resource(kind, c.ID, level)
	x.unreviewed = false
	return url, r
}

// period writes a Period. One that would end before it starts (per-1) has its start alone, and its end in the words that are returned.
func (x *exporter) period(start, end summary.Date) (p *object, words string) {
	from, to := date(start), date(end)
	if short := min(len(from), len(to)); from[:short] > to[:short] {
		x.lose(summary.LossChanged, summary.ReasonContradiction, false, "period.end", to)
		return obj().put("start", from), x.word("fin : ", "ended: ") + to
	}
	return obj().put("start", from).put("end", to), ""
}

// notesOf are the Annotations of an item: its note, what the model says that FHIR has no element for, and what others said of it.
func (x *exporter) notesOf(c *summary.Common, note string, more ...string) []any {
	var notes []any
	for _, t := range append([]string{note}, more...) {
		notes = append(notes, list(text(t))...)
	}
	if c.Unreviewed == summary.Yes {
		notes = append(notes, text(x.word(notReviewed[0], notReviewed[1])))
	}
	for _, m := range c.Remarks {
		a := obj()
		if m.By.Name != "" {
			a.put("authorString", m.By.Name)
		}
		notes = append(notes, a.put("time", date(m.On)).put("text", m.Text))
	}
	return notes
}

// line adds to the narrative who wrote an item.
func (x *exporter) line(c *summary.Common, parts ...string) string {
	said := join(", ", parts...)
	if c.Unreviewed == summary.Yes {
		said += x.word(" (ajout non revu par le médecin)", " (added, not reviewed by the physician)")
	}
	if x.prefix != "" {
		said += " [" + x.prefix + "]"
	}
	for _, m := range c.Remarks {
		said += "\n" + m.Text
	}
	return said
}

// number reads the number that begins a text, as JSON writes it, and what follows; ok is false where there is none.
func number(s string) (value, rest string, ok bool) {
	m := quantityText().FindStringSubmatch(strings.TrimSpace(s))
	if m == nil || m[1] != "" {
		return "", "", false
	}
	value = strings.Replace(m[2], ",", ".", 1)
	if strings.Contains(value, "/") {
		if value, ok = fractions[value]; !ok {
			return "", "", false
		}
	}
	if len(value) > 1 && value[0] == '0' && value[1] != '.' || len(value) > 18 {
		return "", "", false
	}
	return value, strings.TrimSpace(m[3]), true
}

// raw is a number as it is written in JSON.
type raw string

// MarshalJSON writes the number.
func (n raw) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// ucum are the codes of the units that measurements and strengths mostly have, by how people write them.
var ucum = map[string]string{
	"kg": "kg", "g": "g", "mg": "mg", "µg": "ug", "μg": "ug", "cm": "cm", "m": "m", "%": "%", "mL": "mL", "ml": "mL", "mg/L": "mg/L", "mg/dL": "mg/dL", "g/L": "g/L",
	"µmol/L": "umol/L", "μmol/L": "umol/L", "umol/L": "umol/L", "mmol/L": "mmol/L", "mmol/mol": "mmol/mol", "mL/min": "mL/min",
	"mL/min/1,73 m²": "mL/min/{1.73_m2}", "mL/min/1.73 m²": "mL/min/{1.73_m2}", "mL/min/1.73m2": "mL/min/{1.73_m2}", "mL/min/{1.73_m2}": "mL/min/{1.73_m2}",
	"UI": "[IU]", "IU": "[IU]", "lb": "[lb_av]", "in": "[in_i]",
}

func quantity(value, unit string) *object {
	q := obj().put("value", raw(value)).put("unit", unit)
	if code := ucum[unit]; code != "" {
		q.put("system", sysUCUM).put("code", code)
	}
	return q
}
