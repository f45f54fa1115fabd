package fhir

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/secours-card/secours/summary"
)

// timing renders a Timing after the dose: how often, when, for how long. What is not every day is written in capitals, as on the screen.
func (im *importer) timing(r *resource, n *node, at string, d *dose) {
	if n == nil {
		return
	}
	n.skip("id")
	repeat := n.get("repeat")
	if repeat != nil && repeat.kind == kindObject {
		im.repeat(r, repeat, at+".repeat", d)
	}
	if code := n.get("code"); code != nil {
		im.timingCode(r, code, at+".code", d)
	}
	var events []string
	for i, e := range n.each("event") {
		if on := im.date(r, e, at+".event["+itoa(i)+"]"); !on.IsZero() {
			events = append(events, on.String())
		}
	}
	if len(events) > 0 {
		d.odd(im.word("le ", "on ") + strings.Join(events, ", "))
		d.period, d.byDays = summary.PeriodOther, false
	}
}

// odd adds a rhythm that is no daily one.
func (d *dose) odd(text string) {
	d.add(bit{text: text, exact: true})
	d.plain = false
}

// timingCode reads the code of a Timing. Where it means another period than the structure beside it, neither can be relied on.
func (im *importer) timingCode(r *resource, code *node, at string, d *dose) {
	known := false
	d.words = append(d.words, wordsOf(code)...)
	for _, c := range code.peek("coding").list() {
		t, ok := timingCodes[strings.ToUpper(c.peek("code").str())]
		if !ok {
			continue
		}
		known, d.byDays = true, false
		label := im.word(t.words[0], t.words[1])
		switch {
		case d.period == "" && len(d.columns) == 0 && len(d.weekdays) == 0:
			d.period = t.period
		case d.period != t.period && (d.period != "" || t.period != summary.PeriodDay):
			im.say(r, summary.LossAmbiguous, summary.ReasonContradiction, at, label)
			d.period, d.columns = summary.PeriodOther, nil
			d.odd(label)
			continue
		}
		switch {
		case slices.ContainsFunc(d.bits, func(b bit) bool { return strings.EqualFold(b.text, label) }):
		case t.period == summary.PeriodDay:
			d.more(label)
		default:
			d.odd(label)
		}
	}
	// Beside a code that is known, only other words than its own matter.
	written := code.peek("text").str()
	if known && (written == "" || slices.ContainsFunc(code.peek("coding").list(), func(c *node) bool { return strings.EqualFold(c.peek("code").str(), written) })) {
		code.readAll()
		return
	}
	if c := im.concept(r, code, at); c != nil {
		d.quote("", c.Text)
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

func (im *importer) repeat(r *resource, n *node, at string, d *dose) {
	n.skip("id")
	frequency, most := n.string("frequency"), n.string("frequencyMax")
	period, periodMax, unit := n.string("period"), n.string("periodMax"), n.string("periodUnit")
	d.period = rhythmOf(period, periodMax, unit)
	if unit == "" && period != "" {
		im.say(r, summary.LossAmbiguous, summary.ReasonNoValue, at+".periodUnit", period)
		d.period = summary.PeriodOther
	}
	if more := n.get("extension"); more != nil {
		// Days of a cycle, days of a month: whatever it says, it is not every day without more.
		d.period = summary.PeriodOther
		d.more(more.gist(100))
		im.say(r, summary.LossAmbiguous, summary.ReasonNoPlace, at+".extension", more.gist(summary.MaxLossText))
		more.readAll()
	}
	days, names := im.weekdays(r, n, at)
	everyDay, torn := len(days) == 7 && len(names) == 7, false
	switch {
	case everyDay && unit != "" && (unit != "d" || d.period != summary.PeriodDay):
		// Every day of the week, and once a week: neither can be relied on.
		torn, d.period = true, summary.PeriodOther
	case len(names) == 0 || d.period != "" && d.period != summary.PeriodDay && d.period != summary.PeriodWeek:
	case len(days) != len(names):
		d.period = summary.PeriodOther
	case everyDay:
		d.period, d.weekdays = summary.PeriodDay, days
	default:
		// A dose for each day of a list of weekdays is no daily one.
		d.period, d.weekdays = summary.PeriodWeek, days
	}
	d.byDays = len(d.weekdays) > 0 && frequency == "" && period == "" && unit == ""
	when := im.whens(r, n, at, d)
	often := im.often(frequency, most, period, periodMax, unit)
	d.often = often
	once := most == "" && (frequency == "1" || frequency == "")
	// With moments of the day, "1 a day" is what each of them says.
	if often != "" && !(len(when) > 0 && d.period == summary.PeriodDay && most == "" && (once || frequency == itoa(len(when)))) {
		b := bit{text: often, period: once && d.period != summary.PeriodOther && d.period != "" && len(days) < 2}
		if d.period != summary.PeriodDay {
			b.text, b.exact = strings.ToUpper(often), true
		}
		d.add(b)
		d.plain = d.plain && b.period
	}
	if len(names) > 0 && (!everyDay || d.period != summary.PeriodDay) {
		d.add(bit{text: im.word("LE ", "ON ") + strings.Join(names, ", "), exact: true, period: len(d.weekdays) > 0})
	}
	if len(when) > 0 {
		d.add(bit{text: strings.Join(when, im.word(" et ", " and "))})
	}
	if minutes := n.string("offset"); minutes != "" {
		d.more(minutes + " min")
		d.columns = nil
	}
	var hours []string
	for _, h := range n.each("timeOfDay") {
		hours = append(hours, strings.TrimSuffix(h.str(), ":00"))
	}
	if len(hours) > 0 {
		d.more(im.word("à ", "at ") + strings.Join(hours, ", "))
	}
	if count := n.string("count"); count != "" {
		d.odd(count + dashed(n.string("countMax")) + im.word(" fois en tout", " times in all"))
		if count == "1" {
			// Once and never again is no dose of every day.
			d.period, d.columns, d.byDays = summary.PeriodOther, nil, false
		}
	}
	if length := n.string("duration"); length != "" {
		d.more(im.word("pendant ", "over ") + im.span(length+dashed(n.string("durationMax")), n.string("durationUnit")))
	}
	if torn {
		d.columns, d.plain = nil, false
		im.say(r, summary.LossAmbiguous, summary.ReasonContradiction, at+".dayOfWeek", strings.ToUpper(often)+", "+im.word("LE ", "ON ")+strings.Join(names, ", "))
	}
	im.bounds(r, n, at, d)
}

// weekdays reads the days of the week, and how they are said. A name that is no code is said as it is written.
func (im *importer) weekdays(r *resource, n *node, at string) (days []summary.Weekday, names []string) {
	for _, day := range n.each("dayOfWeek") {
		w := weekday(day.str())
		if w == "" {
			im.say(r, summary.LossAmbiguous, summary.ReasonUnknownCode, at+".dayOfWeek", day.gist(summary.MaxLossText))
			names = append(names, strings.ToUpper(day.gist(40)))
			day.readAll()
			continue
		}
		if !slices.Contains(days, w) {
			days, names = append(days, w), append(names, im.weekdayName(w))
		}
	}
	return days, names
}

// whens reads the moments of the day, in words, and which columns of a prescription they are.
func (im *importer) whens(r *resource, n *node, at string, d *dose) (when []string) {
	d.columns = nil
	elsewhen := false
	for _, w := range n.each("when") {
		code := w.str()
		if words, ok := whens[code]; ok {
			when = append(when, im.word(words[0], words[1]))
		} else {
			im.say(r, summary.LossDropped, summary.ReasonUnknownCode, at+".when", code)
			when = append(when, code)
		}
		column, ok := moments[code]
		if !ok || slices.Contains(d.columns, column) {
			elsewhen = true
			continue
		}
		d.columns = append(d.columns, column)
		// What the column does not say stays in words.
		d.plain = d.plain && columnCodes[column] == code
	}
	if elsewhen {
		d.columns = nil
	}
	return when
}

// bounds reads from when, until when, and how long.
func (im *importer) bounds(r *resource, n *node, at string, d *dose) {
	switch {
	case n.peek("boundsPeriod") != nil:
		d.from, d.to = im.period(r, n.get("boundsPeriod"), at+".boundsPeriod")
	case n.peek("boundsDuration") != nil:
		q := n.get("boundsDuration")
		value, unit := im.amount(q)
		if code := q.peek("code").str(); periodUnits[code].per[0] != "" {
			unit = code
		}
		d.more(im.word("pendant ", "for ") + im.span(value, unit))
	case n.peek("boundsRange") != nil:
		d.more(im.word("pendant ", "for ") + im.rangeOf(n.get("boundsRange")))
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
	if unit == "" {
		return ""
	}
	number := func(s string) float64 {
		if s == "" {
			return 1
		}
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return -1
		}
		return n
	}
	length, longest := number(period), number(cmp.Or(most, period))
	if within := map[string]float64{"s": 86400, "min": 1440, "h": 24}[unit]; within > 0 && length > 0 && longest > 0 && length <= within && longest <= within {
		return summary.PeriodDay
	}
	one := map[string]summary.Period{"d": summary.PeriodDay, "wk": summary.PeriodWeek, "mo": summary.PeriodMonth}[unit]
	if one != "" && length == 1 && longest == 1 {
		return one
	}
	return summary.PeriodOther
}

// often says how many times in which period.
func (im *importer) often(frequency, most, period, periodMax, unit string) string {
	switch {
	case unit == "" && period != "":
		return join(" ", frequency+dashed(most), im.word("fois par période de", "times in a period of"), period+dashed(periodMax), im.word("(unité non indiquée)", "(unit not stated)"))
	case unit == "" && frequency == "":
		return ""
	case unit == "":
		return frequency + dashed(most) + im.word(" fois", " times")
	}
	times := frequency + dashed(most)
	u, known := periodUnits[unit]
	every := im.word("tous les ", "every ")
	if unit != "d" && unit != "mo" && unit != "a" && known {
		every = im.word("toutes les ", "every ")
	}
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
	case !known:
		return join(" ", times, im.word("fois par période de", "times in a period of"), period+dashed(periodMax), unit)
	case times == "" || times == "1":
		return every + im.span(period+dashed(periodMax), unit)
	}
	return times + im.word(" fois ", " times ") + every + im.span(period+dashed(periodMax), unit)
}

// weekdays are FHIR's, by their English names.
var weekdays = map[string]summary.Weekday{
	"monday": summary.WeekdayMon, "tuesday": summary.WeekdayTue, "wednesday": summary.WeekdayWed, "thursday": summary.WeekdayThu,
	"friday": summary.WeekdayFri, "saturday": summary.WeekdaySat, "sunday": summary.WeekdaySun,
}

// weekday reads a code of FHIR's, or the whole name that some write for it.
func weekday(code string) summary.Weekday {
	code = strings.ToLower(code)
	for name, w := range weekdays {
		if code == name || code == string(w) {
			return w
		}
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
