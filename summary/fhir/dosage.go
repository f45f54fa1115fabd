package fhir

import (
	"regexp"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// moments are the codes of Timing.repeat.when that are a column of a prescription: morning, noon, evening and bedtime.
var moments = map[string]int{
	"MORN": 0, "MORN.early": 0, "MORN.late": 0, "CM": 0, "ACM": 0, "PCM": 0,
	"NOON": 1, "CD": 1, "ACD": 1, "PCD": 1,
	"EVE": 2, "EVE.early": 2, "EVE.late": 2, "CV": 2, "ACV": 2, "PCV": 2,
	"HS": 3, "NIGHT": 3,
}

// whens are the words for the codes of Timing.repeat.when.
var whens = map[string][2]string{
	"MORN": {"le matin", "in the morning"}, "MORN.early": {"tôt le matin", "early in the morning"}, "MORN.late": {"en fin de matinée", "late in the morning"},
	"NOON": {"à midi", "at noon"}, "AFT": {"l'après-midi", "in the afternoon"}, "AFT.early": {"en début d'après-midi", "early in the afternoon"},
	"AFT.late": {"en fin d'après-midi", "late in the afternoon"}, "EVE": {"le soir", "in the evening"}, "EVE.early": {"en début de soirée", "early in the evening"},
	"EVE.late": {"tard le soir", "late in the evening"}, "NIGHT": {"la nuit", "at night"}, "PHS": {"après le coucher", "after going to sleep"},
	"HS": {"au coucher", "at bedtime"}, "WAKE": {"au réveil", "on waking"}, "C": {"aux repas", "with meals"}, "CM": {"au petit déjeuner", "with breakfast"},
	"CD": {"au déjeuner", "with lunch"}, "CV": {"au dîner", "with dinner"}, "AC": {"avant les repas", "before meals"}, "ACM": {"avant le petit déjeuner", "before breakfast"},
	"ACD": {"avant le déjeuner", "before lunch"}, "ACV": {"avant le dîner", "before dinner"}, "PC": {"après les repas", "after meals"},
	"PCM": {"après le petit déjeuner", "after breakfast"}, "PCD": {"après le déjeuner", "after lunch"}, "PCV": {"après le dîner", "after dinner"},
}

// timingCodes are the abbreviations of Timing.code (v3-GTSAbbreviation), with the period that they mean.
var timingCodes = map[string]struct {
	period summary.Period
	words  [2]string
}{
	"BID": {summary.PeriodDay, [2]string{"2 fois par jour", "2 times a day"}}, "TID": {summary.PeriodDay, [2]string{"3 fois par jour", "3 times a day"}},
	"QID": {summary.PeriodDay, [2]string{"4 fois par jour", "4 times a day"}}, "QD": {summary.PeriodDay, [2]string{"1 fois par jour", "once a day"}},
	"AM": {summary.PeriodDay, [2]string{"le matin", "in the morning"}}, "PM": {summary.PeriodDay, [2]string{"l'après-midi", "in the afternoon"}},
	"BED": {summary.PeriodDay, [2]string{"au coucher", "at bedtime"}}, "QOD": {summary.PeriodOther, [2]string{"UN JOUR SUR DEUX", "EVERY OTHER DAY"}},
	"WK": {summary.PeriodWeek, [2]string{"1 FOIS PAR SEMAINE", "ONCE A WEEK"}}, "MO": {summary.PeriodMonth, [2]string{"1 FOIS PAR MOIS", "ONCE A MONTH"}},
	"Q1H": {summary.PeriodDay, [2]string{"toutes les heures", "every hour"}}, "Q2H": {summary.PeriodDay, [2]string{"toutes les 2 heures", "every 2 hours"}},
	"Q3H": {summary.PeriodDay, [2]string{"toutes les 3 heures", "every 3 hours"}}, "Q4H": {summary.PeriodDay, [2]string{"toutes les 4 heures", "every 4 hours"}},
	"Q6H": {summary.PeriodDay, [2]string{"toutes les 6 heures", "every 6 hours"}}, "Q8H": {summary.PeriodDay, [2]string{"toutes les 8 heures", "every 8 hours"}},
}

// A dose is one Dosage element, rendered.
type dose struct {
	// text is what was written, rest what only the structure says, in words.
	text, rest string
	// extra are the instructions beside it, to the letter.
	extra  string
	amount string
	// line is how an export writes a dose that the columns say all of.
	line    string
	unit    string
	columns []int
	// plain is set where the columns and the amount say all of the structure.
	plain    bool
	period   summary.Period
	weekdays []summary.Weekday
	asNeeded summary.Flag
	max      string
}

// dosages reads the Dosage elements of a line into the one dosage that a summary has: the texts to the letter, one a line, and
// after them whatever their structure says beyond. What is not daily is never left to the text alone: the period stands beside it.
func (im *importer) dosages(r *resource, name string, m *summary.Medication) *summary.Dosage {
	var doses []dose
	for i, n := range r.get(name).list() {
		at := name + "[" + itoa(i) + "]"
		n.read = true
		if n.kind != kindObject {
			if text := im.text(r, n, at); text != "" {
				doses = append(doses, dose{text: text, plain: true})
			}
			continue
		}
		doses = append(doses, im.dose(r, n, at, m))
	}
	if len(doses) == 0 {
		return nil
	}
	d := &summary.Dosage{}
	var texts []string
	columns := im.columns(doses)
	for _, x := range doses {
		text := x.text
		rest := x.rest
		if columns && x.plain {
			rest = ""
			if strings.EqualFold(text, x.line) {
				text = ""
			}
		}
		switch {
		case text == "":
			text = rest
		case rest != "" && !saysAll(text, rest):
			text += " [" + rest + "]"
		}
		text = join("\n", text, x.extra)
		texts = append(texts, text)
		if x.asNeeded != summary.Unsaid && d.AsNeeded == summary.Unsaid {
			d.AsNeeded = x.asNeeded
		}
		if d.MaxPerDay.Text == "" {
			d.MaxPerDay.Text = x.max
		}
	}
	d.Text = join("\n", texts...)
	d.Period, d.Weekdays = rhythm(doses)
	if columns {
		fields := []*string{&d.Morning, &d.Noon, &d.Evening, &d.Bedtime}
		for _, x := range doses {
			for _, c := range x.columns {
				*fields[c] = x.amount
			}
			d.Unit = x.unit
		}
	}
	if d.Text == "" && d.Period == "" && !columns && d.MaxPerDay.Text == "" && d.AsNeeded == summary.Unsaid {
		return nil
	}
	return d
}

// columns says whether the doses fit the columns of a prescription: each at moments of its own, all in one unit and with a plain number.
func (im *importer) columns(doses []dose) bool {
	var used [4]bool
	for _, x := range doses {
		if len(x.columns) == 0 || x.amount == "" || x.unit != doses[0].unit {
			return false
		}
		for _, c := range x.columns {
			if used[c] {
				return false
			}
			used[c] = true
		}
	}
	return true
}

// rhythm is the period that all doses share; where they differ it is another one, which the text tells.
func rhythm(doses []dose) (summary.Period, []summary.Weekday) {
	period, weekdays := doses[0].period, doses[0].weekdays
	for _, x := range doses[1:] {
		if x.period != period || !slices.Equal(x.weekdays, weekdays) {
			return summary.PeriodOther, nil
		}
	}
	return period, weekdays
}

var numbers = regexp.MustCompile(`[0-9]+(?:[.,][0-9]+)?`)

// saysAll says whether a text has every number of another but 1, which people leave out or spell out.
func saysAll(text, rest string) bool {
	have := map[string]bool{"1": true}
	for _, n := range numbers.FindAllString(text, -1) {
		have[strings.Replace(n, ",", ".", 1)] = true
	}
	for _, n := range numbers.FindAllString(rest, -1) {
		if !have[strings.Replace(n, ",", ".", 1)] {
			return false
		}
	}
	return true
}

func (im *importer) dose(r *resource, n *node, at string, m *summary.Medication) dose {
	n.skip("id", "sequence")
	d := dose{text: im.text(r, n.get("text"), at+".text"), plain: true}
	var parts []string
	more := func(text string) {
		if text != "" {
			parts = append(parts, text)
			d.plain = false
		}
	}
	amounts := n.each("doseAndRate")
	if len(amounts) == 0 {
		// Before R4 the dose stood in the dosage itself, and in MedicationAdministration it still does.
		amounts = []*node{n}
	}
	for i, a := range amounts {
		a.skip("type", "id")
		text := ""
		switch {
		case a.peek("doseQuantity") != nil, a.peek("dose") != nil:
			q := a.get("doseQuantity")
			if q == nil {
				q = a.get("dose")
			}
			value, unit := im.amount(q)
			if i == 0 {
				d.amount, d.unit = value, unit
			}
			text = strings.TrimSpace(value + " " + unit)
		case a.peek("doseRange") != nil:
			text = im.rangeOf(a.get("doseRange"))
			d.plain = false
		}
		if text != "" {
			parts = append(parts, text)
		}
		for _, name := range []string{"rateRatio", "rateQuantity", "rateRange"} {
			rate := a.get(name)
			switch {
			case rate == nil:
			case name == "rateRatio":
				more(im.ratio(rate))
			case name == "rateRange":
				more(im.rangeOf(rate))
			default:
				more(im.quantity(rate))
			}
		}
	}
	if len(amounts) > 1 {
		d.plain = false
	}
	im.timing(r, n.get("timing"), at+".timing", &d, &parts, m)
	for _, e := range n.each("extension") {
		if e.peek("url").str() == extPeriod {
			e.readAll()
			d.period = summary.Period(e.peek("valueCode").str())
		} else {
			e.read = false
		}
	}
	if needed := n.get("asNeededBoolean"); needed != nil {
		if needed.str() == "true" {
			d.asNeeded = summary.Yes
		} else if needed.str() == "false" {
			d.asNeeded = summary.No
		}
	}
	if c := im.concept(r, n.get("asNeededCodeableConcept"), at+".asNeeded"); c != nil {
		d.asNeeded = summary.Yes
		more(im.word("si besoin : ", "as needed: ") + c.Text)
	}
	for _, c := range n.get("asNeededFor").list() { // R5
		if c := im.concept(r, c, at+".asNeededFor"); c != nil {
			d.asNeeded = summary.Yes
			more(im.word("si besoin : ", "as needed: ") + c.Text)
		}
	}
	if c := im.concept(r, n.get("route"), at+".route"); c != nil {
		switch {
		case m.Route == "":
			m.Route = c.Text
		case m.Route != c.Text:
			more(im.word("voie : ", "route: ") + c.Text)
		}
		for _, code := range c.Codes {
			im.minor(r, summary.LossDropped, summary.ReasonNoPlace, at+".route.coding", code.Code)
		}
	}
	for _, name := range []string{"site", "method"} {
		if c := im.concept(r, n.get(name), at+"."+name); c != nil {
			more(c.Text)
		}
	}
	var extras []string
	for _, c := range n.get("additionalInstruction").list() {
		if c := im.concept(r, c, at+".additionalInstruction"); c != nil {
			extras = append(extras, c.Text)
		}
	}
	extras = append(extras, im.text(r, n.get("patientInstruction"), at+".patientInstruction"))
	for _, limit := range n.get("maxDosePerPeriod").list() {
		im.limit(limit, &d, more)
	}
	if q := im.quantity(n.get("maxDosePerAdministration")); q != "" {
		more(im.word("au plus ", "at most ") + q + im.word(" par prise", " each time"))
	}
	if q := im.quantity(n.get("maxDosePerLifetime")); q != "" {
		more(im.word("au plus ", "at most ") + q + im.word(" en tout", " in all"))
	}
	d.rest = join(", ", parts...)
	d.line = im.columnLine(&d)
	for _, extra := range extras {
		if !strings.Contains(strings.ToLower(d.text), strings.ToLower(extra)) {
			d.extra = join("\n", d.extra, extra)
		}
	}
	return d
}

// columnLine is the text that an export gives a dose of one moment.
func (im *importer) columnLine(d *dose) string {
	if len(d.columns) != 1 {
		return ""
	}
	code := columnCodes[d.columns[0]]
	return join(", ", join(" ", d.amount, d.unit, im.word(whens[code][0], whens[code][1])), rhythmWords(d.period, d.weekdays, im.french))
}

// columnCodes are the moments of a prescription's columns.
var columnCodes = [4]string{"MORN", "NOON", "EVE", "HS"}

// rhythmWords spells out what is not daily, in capitals, as on the screen.
func rhythmWords(p summary.Period, weekdays []summary.Weekday, french bool) string {
	im := &importer{french: french}
	words := map[summary.Period]string{
		summary.PeriodWeek: im.word("PAR SEMAINE", "PER WEEK"), summary.PeriodMonth: im.word("PAR MOIS", "PER MONTH"),
		summary.PeriodOther: im.word("AUTRE RYTHME", "OTHER SCHEDULE"),
	}[p]
	var days []string
	for _, w := range weekdays {
		days = append(days, im.weekdayName(w))
	}
	if len(days) > 0 {
		words = join(" ", words, im.word("LE ", "ON ")+strings.Join(days, ", "))
	}
	return words
}

// limit reads maxDosePerPeriod: of one day it has a member of its own.
func (im *importer) limit(n *node, d *dose, more func(string)) {
	n.read = true
	top := im.quantity(n.get("numerator"))
	bottom := n.get("denominator")
	value, unit := im.amount(bottom)
	code := bottom.peek("code").str()
	switch {
	case top == "":
	case value == "1" && (code == "d" || unit == "d" || unit == "day" || unit == "jour"), value == "24" && (code == "h" || unit == "h"):
		d.max = top
	default:
		more(im.word("au plus ", "at most ") + top + im.word(" en ", " in ") + strings.TrimSpace(value+" "+unit))
	}
}
