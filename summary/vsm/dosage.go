package vsm

import (
	"slices"
	"strings"
	"time"

	"github.com/secours-card/secours/summary"
)

// dosage reads dose, times and conditions. The author's words come first; what the document has only as numbers and codes is
// written out in French, returned too, and never calculated with: 8 hours stay "toutes les 8 heures".
func (im *importer) dosage(it *summary.Medication, n *node) string {
	d := &summary.Dosage{}
	im.times = nil
	var parts []string
	written := false
	one := func(n *node) {
		dose, own := im.dose(n.kid("doseQuantity"))
		written = written || own
		if rate := im.quantities(n.kid("rateQuantity")); rate != "" {
			dose = strings.TrimPrefix(dose+", débit "+rate, ", ")
		}
		times, own := im.timing(it, d, n.all("effectiveTime"))
		written = written || own
		parts = append(parts, dose, times)
	}
	one(n)
	for _, r := range n.all("entryRelationship") {
		// A dose that is split or tapered has the others as administrations within the first, without a product of their own.
		sub := r.kid("substanceAdministration")
		switch {
		case sub == nil:
		case sub.kid("code").peek("code") == "76662-6": // free text of the prescription
			if s := im.original(sub.kid("text")); s != "" {
				sub.kid("code").take()
				parts, written = append([]string{s}, parts...), true
			}
		case r.peek("typeCode") == "COMP":
			one(sub)
		}
	}
	for _, p := range n.all("precondition") {
		d.AsNeeded = summary.Yes
		c := p.kid("criterion")
		what := cmpOr(im.original(c.kid("text")), im.label(c.kid("value")))
		c.kid("code").take()
		if what == "" {
			parts = append(parts, "si besoin")
		} else {
			parts = append(parts, "si besoin : "+what)
		}
		p.kid("criterion").kid("text").take()
	}
	if limit := im.limit(d, n.kid("maxDoseQuantity")); limit != "" {
		parts = append(parts, limit)
	}
	parts = slices.DeleteFunc(parts, blank)
	d.Text = strings.Join(parts, ", ")
	im.tell(d.Text)
	if d.Text != "" || d.Period != "" || d.AsNeeded != summary.Unsaid || d.MaxPerDay.Text != "" || len(d.Weekdays) > 0 {
		it.Dosage = d
	}
	if written {
		return ""
	}
	return d.Text
}

// dose reads a doseQuantity, and says whether it is in the author's words.
func (im *importer) dose(n *node) (string, bool) {
	if s := im.translated(n); s != "" {
		return s, true
	}
	return im.quantities(n), false
}

// translated returns the words that a translation of a quantity refers to, and leaves the quantity to be read where there are none.
func (im *importer) translated(n *node) string {
	for _, at := range []*node{n, n.kid("low"), n.kid("high"), n.kid("period")} {
		for _, t := range at.all("translation") {
			if s := im.original(t.kid("originalText")); s != "" {
				at.take()
				if at.name == "low" && at.peek("value") == n.kid("high").peek("value") {
					n.kid("high").take()
				}
				return s
			}
		}
	}
	return ""
}

// quantities reads a quantity or an interval of quantities.
func (im *importer) quantities(n *node) string {
	if n == nil {
		return ""
	}
	if s := im.quantity(n); s != "" {
		return s
	}
	low, high := n.kid("low"), n.kid("high")
	switch {
	case low.peek("value") == "" && high.peek("value") == "":
		return im.quantity(n.kid("center"))
	case high.peek("value") == "":
		return "au moins " + im.quantity(low)
	case low.peek("value") == "":
		return "au plus " + im.quantity(high)
	case low.peek("value") == high.peek("value") && low.peek("unit") == high.peek("unit"):
		low.take()
		return im.quantity(high)
	case low.peek("unit") == high.peek("unit"):
		low.attr("unit")
		return decimal(low.attr("value")) + " à " + im.quantity(high)
	}
	return im.quantity(low) + " à " + im.quantity(high)
}

// quantity writes a quantity (PQ) out, "0,5 mg" or "2 comprimés".
func (im *importer) quantity(n *node) string {
	value := n.attr("value")
	if value == "" {
		return ""
	}
	value = decimal(value)
	unit := unitName(n.attr("unit"), value)
	im.tell(value, unit, n.peek("value"), n.peek("unit"))
	return strings.TrimSpace(value + " " + unit)
}

// decimal writes a number as it is read aloud in French: never ".5", never "1.0".
func decimal(s string) string {
	if !isNumber(strings.TrimPrefix("0"+s, "0-")) && !isNumber(s) {
		return s
	}
	if strings.HasPrefix(s, ".") {
		s = "0" + s
	}
	whole, frac, ok := strings.Cut(s, ".")
	if ok {
		if frac = strings.TrimRight(frac, "0"); frac != "" {
			return whole + "," + frac
		}
	}
	return whole
}

// unitName is the French name of a unit of doses and times. UCUM sets in braces what is counted.
func unitName(unit, value string) string {
	many := value != "1" && value != "0" && !strings.HasPrefix(value, "0,") && !strings.HasPrefix(value, "1,")
	plural := func(s string) string {
		if many && !strings.HasSuffix(s, "s") {
			return s + "s"
		}
		return s
	}
	switch strings.ToLower(strings.Trim(unit, "{}[]")) {
	case "", "1":
		return ""
	case "tbl", "tablet", "tablets", "tab", "tabs", "comprime", "comprimé", "cp":
		return plural("comprimé")
	case "capsule", "capsules", "cap", "gelule", "gélule":
		return plural("gélule")
	case "drop", "drops", "drp", "goutte", "gtt":
		return plural("goutte")
	case "puff", "puffs", "bouffee", "bouffée":
		return plural("bouffée")
	case "sachet":
		return plural("sachet")
	case "dose", "doses":
		return plural("dose")
	case "iu":
		return "UI"
	case "ug", "mcg":
		return "µg"
	case "min":
		return "min"
	case "h", "hour":
		return plural("heure")
	case "d", "day":
		return plural("jour")
	case "wk", "week":
		return plural("semaine")
	case "mo", "month":
		return "mois"
	case "a", "year":
		return plural("an")
	}
	return strings.Trim(unit, "{}")
}

// timing writes out when a drug is taken, and takes its beginning and end. It says whether the words are the author's.
func (im *importer) timing(it *summary.Medication, d *summary.Dosage, all []*node) (string, bool) {
	var parts []string
	written := false
	for _, n := range all {
		if s := im.translated(n); s != "" {
			parts, written = append(parts, s), true
			im.period(d, n.kid("period"), n, true)
			continue
		}
		switch typ := n.peek("xsi:type"); {
		case strings.HasSuffix(typ, "PIVL_TS"):
			parts = append(parts, im.period(d, n.kid("period"), n, false))
		case strings.HasSuffix(typ, "EIVL_TS"):
			parts = append(parts, im.event(d, n))
		case strings.HasSuffix(typ, "SXPR_TS"):
			s, own := im.timing(it, d, n.all("comp"))
			parts, written = append(parts, s), written || own
		default:
			low, high := im.interval(n)
			if it.Start.IsZero() && it.End.IsZero() {
				it.Start, it.End = low, high
				continue
			}
			if low == it.Start && high == it.End {
				continue
			}
			// The part of a tapered dose.
			switch {
			case !low.IsZero() && !high.IsZero():
				parts = append(parts, "du "+day(low)+" au "+day(high))
			case !low.IsZero():
				parts = append(parts, "à partir du "+day(low))
			case !high.IsZero():
				parts = append(parts, "jusqu'au "+day(high))
			}
		}
	}
	parts = slices.DeleteFunc(parts, blank)
	return strings.Join(slices.Compact(parts), ", "), written
}

// day writes a date as it is read in French.
func day(d summary.Date) string {
	parts := strings.Split(d.String(), "-")
	slices.Reverse(parts)
	return strings.Join(parts, "/")
}

// period reads how often: n is a PIVL_TS. Some software writes there how many times a day a drug is taken, "3 d" for three times a
// day. To read that as every three days would be as wrong as the other way round, so a few days are carried as they are coded.
func (im *importer) period(d *summary.Dosage, p, n *node, written bool) string {
	value, unit := decimal(p.attr("value")), p.attr("unit")
	if value == "" {
		return ""
	}
	im.tell(p.peek("value"), unit)
	per := summary.PeriodOther
	text := ""
	switch unit + value {
	case "d1", "h24":
		per, text = summary.PeriodDay, "1 fois par jour"
	case "wk1", "d7":
		per, text = summary.PeriodWeek, "1 fois par semaine"
	case "mo1":
		per, text = summary.PeriodMonth, "1 fois par mois"
	default:
		if unit == "min" || unit == "h" && value != "0" && len(value) <= 2 && (len(value) == 1 || value < "24") {
			per = summary.PeriodDay
		}
		every := "tous les "
		switch unitName(unit, "1") {
		case "heure", "min", "semaine":
			every = "toutes les "
		}
		text = strings.TrimSpace(every + value + " " + unitName(unit, "2"))
		if unit == "d" && len(value) == 1 && !written {
			text = "rythme codé « " + value + " d », à vérifier"
			im.report(summary.LossAmbiguous, summary.ReasonStructure, p, text)
		}
	}
	// Of several times the longest is what must not be overlooked.
	switch {
	case d.Period == "" || d.Period == summary.PeriodDay:
		d.Period = per
	case per != summary.PeriodDay && per != d.Period:
		d.Period = summary.PeriodOther
	}
	if phase := n.kid("phase"); n.attr("alignment") == "DW" && per == summary.PeriodWeek {
		if w, name := im.weekday(phase); w != "" {
			text += ", le " + name
			if !slices.Contains(d.Weekdays, w) {
				d.Weekdays = append(d.Weekdays, w)
			}
		}
	}
	im.times = append(im.times, text)
	return text
}

// weekday is the day of a week on which a phase falls.
func (im *importer) weekday(phase *node) (summary.Weekday, string) {
	low, _ := im.interval(phase)
	if low.Day == 0 {
		return "", ""
	}
	names := [...]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"}
	days := [...]summary.Weekday{
		summary.WeekdaySun, summary.WeekdayMon, summary.WeekdayTue, summary.WeekdayWed, summary.WeekdayThu, summary.WeekdayFri,
		summary.WeekdaySat,
	}
	w := time.Date(low.Year, time.Month(low.Month), low.Day, 0, 0, 0, 0, time.UTC).Weekday()
	return days[w], names[w]
}

// event reads a time that a meal or sleep sets (TimingEvent).
func (im *importer) event(d *summary.Dosage, n *node) string {
	code := n.kid("event").attr("code")
	if code == "" {
		return ""
	}
	text := im.meal(d, n, code)
	im.times = append(im.times, text)
	return text
}

func (im *importer) meal(d *summary.Dosage, n *node, code string) string {
	im.tell(code)
	if d.Period == "" {
		d.Period = summary.PeriodDay
	}
	switch code {
	case "HS":
		return "au coucher"
	case "WAKE":
		return "au réveil"
	case "AC":
		return "avant les repas"
	case "PC":
		return "après les repas"
	case "IC":
		return "entre les repas"
	case "C":
		return "au moment des repas"
	case "ACM":
		return "avant le petit-déjeuner"
	case "ACD":
		return "avant le déjeuner"
	case "ACV":
		return "avant le dîner"
	case "PCM":
		return "après le petit-déjeuner"
	case "PCD":
		return "après le déjeuner"
	case "PCV":
		return "après le dîner"
	case "CM":
		return "au petit-déjeuner"
	case "CD":
		return "au déjeuner"
	case "CV":
		return "au dîner"
	}
	im.report(summary.LossChanged, summary.ReasonUnknownCode, n, code)
	return code
}

// rhythm compares the words of a dosage, and what goes with it, with its times: a dose whose words and structure differ never looks daily.
// What the structure says stands in the text.
func (im *importer) rhythm(it *summary.Medication, n *node, words string) {
	d := it.Dosage
	if d == nil || d.Period == "" {
		return
	}
	words = strings.Join([]string{it.Product.Text, d.Text, it.Note, words}, "\n")
	coded := strings.Join(slices.Compact(im.times), ", ")
	for _, t := range im.times {
		words = strings.ReplaceAll(words, t, "")
	}
	if d.MaxPerDay.Text != "" {
		words = strings.ReplaceAll(words, "maximum "+d.MaxPerDay.Text+" par jour", "")
	}
	odd := summary.NotDaily(words)
	switch {
	case odd && d.Period == summary.PeriodDay:
		d.Period = summary.PeriodOther
	case !odd && summary.Daily(words) && d.Period != summary.PeriodDay:
	default:
		return
	}
	im.report(summary.LossAmbiguous, summary.ReasonContradiction, n, joinNotes(d.Text, it.Note)+" / "+coded)
	if coded != "" && !strings.Contains(fold(d.Text), fold(coded)) {
		d.Text = strings.TrimSpace(d.Text + " (codé : " + coded + ")")
	}
}

// limit reads the most that may be taken. Per day it has a place of its own, and it is written out in any case.
func (im *importer) limit(d *summary.Dosage, n *node) string {
	num, den := im.quantity(n.kid("numerator")), n.kid("denominator")
	if num == "" {
		return ""
	}
	value, unit := decimal(den.attr("value")), den.attr("unit")
	if unit+value == "d1" || unit+value == "h24" {
		d.MaxPerDay = summary.Value{Text: num}
		return "maximum " + num + " par jour"
	}
	text := "maximum " + num
	if value != "" {
		text += " en " + strings.TrimSpace(value+" "+unitName(unit, value))
	}
	return text
}
