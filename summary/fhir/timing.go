package fhir

import (
	"strings"

	"github.com/secours-card/secours/summary"
)

// timing renders a Timing after the dose: how often, when, for how long. What is not every day is written in capitals, as on the screen.
func (im *importer) timing(r *resource, n *node, at string, d *dose, parts *[]string, m *summary.Medication) {
	if n == nil {
		return
	}
	n.skip("id")
	more := func(text string) {
		if text != "" {
			*parts = append(*parts, text)
			d.plain = false
		}
	}
	repeat := n.get("repeat")
	if repeat != nil && repeat.kind == kindObject {
		im.repeat(r, repeat, at+".repeat", d, parts, m)
	}
	if code := n.get("code"); code != nil {
		var label string
		if code.kind == kindObject {
			for _, c := range code.peek("coding").list() {
				if t, ok := timingCodes[strings.ToUpper(c.peek("code").str())]; ok {
					label = im.word(t.words[0], t.words[1])
					if d.period == "" {
						d.period = t.period
					}
				}
			}
		}
		c := im.concept(r, code, at+".code")
		switch {
		case repeat != nil && label != "":
			// The repeat says the same in its own way.
		case label != "":
			more(label)
		case c != nil:
			more(c.Text)
		}
	}
	var events []string
	for i, e := range n.each("event") {
		if on := im.date(r, e, at+".event["+itoa(i)+"]"); !on.IsZero() {
			events = append(events, on.String())
		}
	}
	if len(events) > 0 {
		more(im.word("le ", "on ") + strings.Join(events, ", "))
		d.period = summary.PeriodOther
	}
}

// periodUnits are the codes of UCUM for a Timing's period: one and many, in French and English, and how one of them is said with a number of times.
var periodUnits = map[string]struct {
	french, english [2]string
	per             [2]string
}{
	"s":   {[2]string{"seconde", "secondes"}, [2]string{"second", "seconds"}, [2]string{"par seconde", "a second"}},
	"min": {[2]string{"minute", "minutes"}, [2]string{"minute", "minutes"}, [2]string{"par minute", "a minute"}},
	"h":   {[2]string{"heure", "heures"}, [2]string{"hour", "hours"}, [2]string{"par heure", "an hour"}},
	"d":   {[2]string{"jour", "jours"}, [2]string{"day", "days"}, [2]string{"par jour", "a day"}},
	"wk":  {[2]string{"semaine", "semaines"}, [2]string{"week", "weeks"}, [2]string{"par semaine", "a week"}},
	"mo":  {[2]string{"mois", "mois"}, [2]string{"month", "months"}, [2]string{"par mois", "a month"}},
	"a":   {[2]string{"an", "ans"}, [2]string{"year", "years"}, [2]string{"par an", "a year"}},
}

// span is a number of units of time in words; an unknown unit stays what it was.
func (im *importer) span(value, unit string) string {
	u, ok := periodUnits[unit]
	if !ok {
		return strings.TrimSpace(value + " " + unit)
	}
	words := u.english
	if im.french {
		words = u.french
	}
	if value == "1" {
		return value + " " + words[0]
	}
	return value + " " + words[1]
}

func (im *importer) repeat(r *resource, n *node, at string, d *dose, parts *[]string, m *summary.Medication) {
	n.skip("id")
	more := func(text string) {
		if text != "" {
			*parts = append(*parts, text)
			d.plain = false
		}
	}
	frequency, most := n.string("frequency"), n.string("frequencyMax")
	period, periodMax, unit := n.string("period"), n.string("periodMax"), n.string("periodUnit")
	var days []summary.Weekday
	for _, day := range n.each("dayOfWeek") {
		if w := weekday(day.str()); w != "" {
			days = append(days, w)
		} else {
			im.say(r, summary.LossDropped, summary.ReasonUnknownCode, at+".dayOfWeek", day.str())
		}
	}
	if unit == "" && period != "" {
		im.say(r, summary.LossAmbiguous, summary.ReasonNoValue, at+".periodUnit", period)
	}
	d.period = rhythmOf(period, periodMax, unit)
	if len(days) > 0 && (d.period == "" || d.period == summary.PeriodDay || d.period == summary.PeriodWeek) {
		// A dose for each day of a list of weekdays is no daily one.
		d.period = summary.PeriodWeek
		if len(days) == 7 {
			d.period = summary.PeriodDay
		}
		d.weekdays = days
	}
	d.columns = nil
	elsewhen := false
	var when []string
	for _, w := range n.each("when") {
		code := w.str()
		if words, ok := whens[code]; ok {
			when = append(when, im.word(words[0], words[1]))
		} else {
			im.say(r, summary.LossDropped, summary.ReasonUnknownCode, at+".when", code)
			when = append(when, code)
		}
		if column, ok := moments[code]; ok {
			d.columns = append(d.columns, column)
		} else {
			elsewhen = true
		}
	}
	often := im.often(frequency, most, period, periodMax, unit)
	// With moments of the day, "1 a day" is what each of them says.
	if often != "" && !(len(when) > 0 && d.period == summary.PeriodDay && most == "" && (frequency == "1" || frequency == "" || frequency == itoa(len(when)))) {
		if d.period != summary.PeriodDay {
			often = strings.ToUpper(often)
		}
		*parts = append(*parts, often)
		d.plain = d.plain && d.period != summary.PeriodOther && d.period != "" && (frequency == "1" || frequency == "")
	}
	if elsewhen || d.period == "" && len(days) == 0 && len(d.columns) == 0 {
		d.columns = nil
	}
	if len(days) > 0 && len(days) < 7 {
		var names []string
		for _, w := range days {
			names = append(names, im.weekdayName(w))
		}
		*parts = append(*parts, im.word("LE ", "ON ")+strings.Join(names, ", "))
	}
	if len(when) > 0 {
		*parts = append(*parts, strings.Join(when, im.word(" et ", " and ")))
	}
	if minutes := n.string("offset"); minutes != "" {
		more(minutes + " min")
		d.columns = nil
	}
	var hours []string
	for _, h := range n.each("timeOfDay") {
		hours = append(hours, strings.TrimSuffix(h.str(), ":00"))
	}
	if len(hours) > 0 {
		more(im.word("à ", "at ") + strings.Join(hours, ", "))
	}
	if count := n.string("count"); count != "" {
		more(count + dashed(n.string("countMax")) + im.word(" fois en tout", " times in all"))
	}
	if length := n.string("duration"); length != "" {
		more(im.word("pendant ", "over ") + im.span(length+dashed(n.string("durationMax")), n.string("durationUnit")))
	}
	switch {
	case n.peek("boundsPeriod") != nil:
		start, end := im.period(r, n.get("boundsPeriod"), at+".boundsPeriod")
		if m.Start.IsZero() {
			m.Start = start
		} else if start != m.Start && !start.IsZero() {
			more(im.word("depuis le ", "from ") + start.String())
		}
		if m.End.IsZero() {
			m.End = end
		} else if end != m.End && !end.IsZero() {
			more(im.word("jusqu'au ", "until ") + end.String())
		}
	case n.peek("boundsDuration") != nil:
		q := n.get("boundsDuration")
		value, unit := im.amount(q)
		if code := q.peek("code").str(); periodUnits[code].per[0] != "" {
			unit = code
		}
		more(im.word("pendant ", "for ") + im.span(value, unit))
	case n.peek("boundsRange") != nil:
		more(im.word("pendant ", "for ") + im.rangeOf(n.get("boundsRange")))
	}
}

func dashed(most string) string {
	if most == "" {
		return ""
	}
	return "-" + most
}

// rhythmOf is the period of a summary for a Timing's: one day, week or month, and anything of hours, which is within a day.
func rhythmOf(period, most, unit string) summary.Period {
	if most != "" && unit != "h" && unit != "min" && unit != "s" {
		return summary.PeriodOther
	}
	one := period == "1" || period == "" || strings.Trim(period, "0") == "1." // 1.0
	switch unit {
	case "":
		return ""
	case "s", "min", "h":
		if len(period) > 2 || len(period) == 2 && period > "24" {
			return summary.PeriodOther
		}
		return summary.PeriodDay
	case "d":
		if one {
			return summary.PeriodDay
		}
	case "wk":
		if one {
			return summary.PeriodWeek
		}
	case "mo":
		if one {
			return summary.PeriodMonth
		}
	}
	return summary.PeriodOther
}

// often says how many times in which period.
func (im *importer) often(frequency, most, period, periodMax, unit string) string {
	if unit == "" {
		if frequency == "" {
			return ""
		}
		return frequency + dashed(most) + im.word(" fois", " times")
	}
	times := frequency + dashed(most)
	u, known := periodUnits[unit]
	switch {
	case (period == "1" || period == "") && periodMax == "" && known:
		if times == "" {
			times = "1"
		}
		noun := im.word(" fois ", " times ")
		if times == "1" {
			noun = im.word(" fois ", " time ")
		}
		return times + noun + im.word(u.per[0], u.per[1])
	case times == "" || times == "1":
		return im.word("tous les ", "every ") + im.span(period+dashed(periodMax), unit)
	}
	return times + im.word(" fois tous les ", " times every ") + im.span(period+dashed(periodMax), unit)
}

func weekday(code string) summary.Weekday {
	switch w := summary.Weekday(strings.ToLower(code)); w {
	case summary.WeekdayMon, summary.WeekdayTue, summary.WeekdayWed, summary.WeekdayThu, summary.WeekdayFri, summary.WeekdaySat, summary.WeekdaySun:
		return w
	}
	return ""
}

func (im *importer) weekdayName(w summary.Weekday) string {
	names := map[summary.Weekday][2]string{
		summary.WeekdayMon: {"LUNDI", "MONDAY"}, summary.WeekdayTue: {"MARDI", "TUESDAY"}, summary.WeekdayWed: {"MERCREDI", "WEDNESDAY"},
		summary.WeekdayThu: {"JEUDI", "THURSDAY"}, summary.WeekdayFri: {"VENDREDI", "FRIDAY"}, summary.WeekdaySat: {"SAMEDI", "SATURDAY"},
		summary.WeekdaySun: {"DIMANCHE", "SUNDAY"},
	}[w]
	return im.word(names[0], names[1])
}
