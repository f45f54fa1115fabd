package fhir

import (
	"strings"

	"github.com/secours-card/secours/summary"
)

// extPeriod is the period of a dose whose times are in its text alone: a weekly dose must never become one of an unknown rhythm.
const extPeriod = base + "StructureDefinition/dosage-period"

// extAmount is how much to take in its own words, as "1/2", where they are no number.
const extAmount = base + "StructureDefinition/dosage-amount"

// dosage writes a dose. Its text has all of it, for those who read nothing else: what is not daily in capitals.
func (x *exporter) dosage(m *summary.Medication) (doses []any, said string) {
	d := m.Dosage
	route := list(m.Route)
	withRoute := func(o *object) *object {
		if len(route) > 0 {
			o.put("route", text(m.Route))
		}
		return o
	}
	if d == nil {
		if len(route) > 0 {
			doses = list(withRoute(obj()))
		}
		return doses, ""
	}
	rhythm := rhythmWords(d.Period, d.Weekdays, x.french)
	var codes []any
	for _, w := range d.Weekdays {
		codes = append(codes, string(w))
	}
	needed := ""
	if d.AsNeeded == summary.Yes {
		needed = x.word("si besoin", "as needed")
	}
	limit := ""
	if d.MaxPerDay.Text != "" {
		limit = x.word("au plus ", "at most ") + d.MaxPerDay.Text + x.word(" par jour", " a day")
	}
	common := func(o *object) *object {
		if d.AsNeeded != summary.Unsaid {
			o.put("asNeededBoolean", d.AsNeeded == summary.Yes)
		}
		return withRoute(o)
	}
	amounts := [4]string{d.Morning, d.Noon, d.Evening, d.Bedtime}
	column := func(i int) string {
		when := whens[columnCodes[i]]
		return join(" ", amounts[i], d.Unit, x.word(when[0], when[1]))
	}
	var columns []string
	for i, amount := range amounts {
		if amount != "" {
			columns = append(columns, column(i))
		}
	}
	said = join(", ", join(", ", columns...), rhythm, needed, limit, d.Text)
	first := true
	for i, amount := range amounts {
		if amount == "" {
			continue
		}
		line := join(", ", column(i), rhythm)
		o := obj()
		var extensions []any
		if d.Period != "" && d.Period != summary.PeriodDay {
			extensions = append(extensions, obj().put("url", extPeriod).put("valueCode", string(d.Period)))
		}
		value, rest, isNumber := number(amount)
		if !isNumber || rest != "" || value != amount {
			extensions = append(extensions, obj().put("url", extAmount).put("valueString", amount))
		}
		o.put("extension", extensions)
		// Without a sequence: a number of its own would say that the evening's follows the morning's, some day (R4, Dosage.sequence).
		o.put("text", line)
		if first && d.Text != "" {
			o.put("additionalInstruction", list(text(d.Text)))
		}
		first = false
		repeat := obj()
		switch {
		case len(codes) > 0:
			repeat.put("dayOfWeek", codes)
		case d.Period == summary.PeriodDay || d.Period == summary.PeriodWeek || d.Period == summary.PeriodMonth:
			unit := map[summary.Period]string{summary.PeriodDay: "d", summary.PeriodWeek: "wk", summary.PeriodMonth: "mo"}[d.Period]
			repeat.put("frequency", 1).put("period", 1).put("periodUnit", unit)
		}
		repeat.put("when", list(columnCodes[i]))
		o.put("timing", obj().put("repeat", repeat))
		common(o)
		if isNumber && rest == "" {
			o.put("doseAndRate", list(obj().put("doseQuantity", quantity(value, d.Unit))))
		}
		x.max(o, d)
		doses = append(doses, o)
	}
	if len(doses) > 0 {
		return doses, said
	}
	o := obj()
	if d.Period != "" {
		o.put("extension", list(obj().put("url", extPeriod).put("valueCode", string(d.Period))))
	}
	o.put("text", join(", ", d.Text, unless(d.Text, rhythm), unless(d.Text, needed), unless(d.Text, limit)))
	if len(codes) > 0 {
		o.put("timing", obj().put("repeat", obj().put("dayOfWeek", codes)))
	}
	common(o)
	x.max(o, d)
	return list(o), said
}

// unless leaves out what a text has in its words.
func unless(text, more string) string {
	if strings.Contains(strings.ToUpper(text), strings.ToUpper(more)) {
		return ""
	}
	return more
}

// max writes what must not be exceeded in a day, where it is a number.
func (x *exporter) max(o *object, d *summary.Dosage) {
	if value, unit, ok := number(d.MaxPerDay.Text); ok {
		o.put("maxDosePerPeriod", obj().put("numerator", quantity(value, unit)).
			put("denominator", obj().put("value", 1).put("unit", "d").put("system", sysUCUM).put("code", "d")))
	}
}
