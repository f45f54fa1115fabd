package main

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/secours-card/secours/summary"
)

// medications come in the order in which they matter: high risk, active, unclear, on hold, bought without prescription, and the
// stopped ones at the end, since what was stopped is asked for too.
func (r *renderer) medications(s *summary.Section[summary.Medication]) block {
	l := r.l
	b, items := start(r, "medications", s)
	var groups [6][]entry
	var active, intended, held, ended, untaken, unclear, unstated, withdrawn int
	for i := range items {
		m := &items[i]
		e := r.medication(m)
		group := 1
		switch retracted := r.changed(m.ID, summary.OpRetract) != nil; {
		case retracted:
			withdrawn, group = withdrawn+1, 5
		case m.Status == "active":
			active++
		case m.Status == "on-hold":
			held, group = held+1, 3
		case m.Status == "stopped", m.Status == "completed":
			ended, group = ended+1, 5
		case m.Status == "intended":
			intended++
		case m.Status == "not-taken":
			untaken, group = untaken+1, 2
		case m.Status == "":
			unstated, group = unstated+1, 2
		default:
			unclear, group = unclear+1, 2
		}
		switch {
		case e.mark == critical:
			group = 0
		case group != 5 && m.Origin == "otc":
			group = 4
		}
		groups[group] = append(groups[group], e)
	}
	for _, g := range groups {
		b.entries = append(b.entries, g...)
	}
	var counts []string
	if active > 0 {
		counts = append(counts, strconv.Itoa(active)+l.s(" en cours", " active"))
	}
	if intended > 0 {
		counts = append(counts, l.count(intended, pair{"prévu", "intended"}, pair{"prévus", "intended"}))
	}
	if untaken > 0 {
		counts = append(counts, l.count(untaken, pair{"non pris", "not taken"}, pair{"non pris", "not taken"}))
	}
	if held > 0 {
		counts = append(counts, l.count(held, pair{"suspendu", "on hold"}, pair{"suspendus", "on hold"}))
	}
	if unclear > 0 {
		counts = append(counts, strconv.Itoa(unclear)+l.s(" de statut inconnu", " of unknown status"))
	}
	if unstated > 0 {
		counts = append(counts, strconv.Itoa(unstated)+l.s(" de statut non indiqué", " of unstated status"))
	}
	if ended > 0 {
		counts = append(counts, l.count(ended, pair{"arrêté", "stopped"}, pair{"arrêtés", "stopped"}))
	}
	if withdrawn > 0 {
		counts = append(counts, l.count(withdrawn, pair{"retiré", "withdrawn"}, pair{"retirés", "withdrawn"}))
	}
	if b.info != "" {
		counts = append(counts, b.info)
	}
	b.info = strings.Join(counts, ", ")
	return b
}

func (r *renderer) medication(m *summary.Medication) entry {
	l := r.l
	e := entry{mark: ordinary, main: new(phrase), lead: l.s("MÉDICAMENT À HAUT RISQUE, ", "HIGH-RISK DRUG, ")}
	ended := m.Status == "stopped" || m.Status == "completed"
	switch {
	case ended:
		e.mark = stopped
		e.title = caps(l, medicationStatusWords, m.Status)
		if m.End != (summary.Date{}) {
			e.title += " " + l.date(m.End)
		} else {
			e.title += l.s(" (date non indiquée)", " (date not stated)")
		}
	case m.HighRisk == summary.Yes:
		e.mark = critical
	case m.Origin == "otc":
		e.mark = added
	}
	switch m.Status {
	case "active", "stopped", "completed":
	case "":
		e.title = l.s("STATUT NON INDIQUÉ", "STATUS NOT STATED")
	default:
		e.title = caps(l, medicationStatusWords, m.Status)
	}
	e.brief = brief{kind: strings.TrimSuffix(e.lead+e.title, ", "), text: r.product(m) + r.rate(m.Dosage), essential: true}
	e.main.keep(strong, r.product(m))
	if m.Origin == "otc" {
		e.main.add(plain, "  ").keep(strong, word(l, medicationOriginWords, m.Origin))
	}
	if ended {
		// Whoever stopped it since says why below, under his own name.
		if m.StopReason != "" && r.changed(m.ID, summary.OpStop) == nil {
			e.main.list(l.s("raison : ", "reason: ") + m.StopReason)
		}
		if m.Dosage != nil {
			dose, text := r.dose(m.Dosage)
			e.more = append(e.more, strings.TrimSpace(l.s("avant l'arrêt ", "before stopping ")+dose+" "+text))
		}
	} else {
		dose, text := r.dose(m.Dosage)
		e.main.add(plain, "   ").keep(strong, dose)
		if text != "" {
			e.main.add(plain, " ").add(strong, text)
		}
		if m.StopReason != "" {
			why := l.s("raison de l'arrêt : ", "reason for stopping: ")
			if m.Status == "on-hold" {
				why = l.s("raison de la suspension : ", "reason for the hold: ")
			}
			e.more = append(e.more, why+m.StopReason)
		}
	}
	detail := func(label, text string) {
		if text != "" {
			e.more = append(e.more, label+text)
		}
	}
	if m.Reason != nil {
		detail(l.s("pour ", "for "), r.concept(m.Reason))
	}
	if !says(r.product(m), m.Form) {
		detail("", m.Form)
	}
	label := l.s("voie ", "route ")
	if strings.HasPrefix(strings.ToLower(m.Route), label) {
		label = "" // the professional wrote the word too
	}
	detail(label, m.Route)
	if m.LongTerm == summary.Yes {
		detail("", l.s("au long cours", "long-term"))
	}
	detail(l.s("depuis ", "since "), l.date(m.Start))
	if !ended && m.End != (summary.Date{}) {
		detail(l.s("jusqu'à ", "until "), l.date(m.End))
	}
	if m.Origin != "" && m.Origin != "otc" && m.Origin != "prescribed" {
		detail("", word(l, medicationOriginWords, m.Origin))
	}
	if ended && m.HighRisk == summary.Yes {
		detail("", l.s("à haut risque", "high risk"))
	}
	if r.changed(m.ID, summary.OpDispensed) == nil {
		detail("", r.dispensed(m.Dispensed))
	}
	if r.changed(m.ID, summary.OpTaken) == nil {
		detail("", r.taken(m.Taken))
	}
	if m.Note != "" {
		detail("", l.quote(m.Note))
	}
	r.common(&e, &m.Common, m)
	return e
}

// rate is what a short line says of a dosage after its drug: whoever reads no further must not take it for a daily one. Where only
// the prescriber's words may tell, it is these.
func (r *renderer) rate(d *summary.Dosage) string {
	if d == nil {
		return ""
	}
	days, rate := r.schedule(d, r.amount(d) != "")
	switch {
	case strings.HasPrefix(rate, "("):
		return " " + rate
	case rate != "":
		return ", " + rate
	case days == "" && d.Period == "" && d.Text != "":
		return ", " + r.l.quote(d.Text)
	}
	return ""
}

// product is the drug as it was written, then its strength and ingredients where the text does not say them.
func (r *renderer) product(m *summary.Medication) string {
	text := r.concept(&m.Product)
	if m.Strength != "" && !says(text, m.Strength) {
		text += " " + m.Strength
	}
	var parts []string
	for i := range m.Ingredients {
		if c := r.concept(&m.Ingredients[i]); !says(text, c) {
			parts = append(parts, c)
		}
	}
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, " + ") + ")"
	}
	return text
}

// says tells whether part stands in text as words of its own: "2,5 mg" does not stand in "12,5 mg".
func says(text, part string) bool {
	part = strings.TrimSpace(part)
	for from := 0; part != "" && from <= len(text)-len(part); {
		i := strings.Index(text[from:], part)
		if i < 0 {
			return false
		}
		i += from
		if !joined(text[:i], text[i+len(part):]) {
			return true
		}
		from = i + 1
	}
	return false
}

// joined tells whether the part between two texts is in the middle of a word: a letter or a figure touches it, or a sign
// and then one, as in "12,5" or "mg/mL".
func joined(before, after string) bool {
	inWord := func(near, next rune) bool {
		return alphanumeric(near) || strings.ContainsRune(".,/'-", near) && alphanumeric(next)
	}
	b, n := utf8.DecodeLastRuneInString(before)
	b2, _ := utf8.DecodeLastRuneInString(before[:len(before)-n])
	a, n := utf8.DecodeRuneInString(after)
	a2, _ := utf8.DecodeRuneInString(after[n:])
	return inWord(b, b2) || inWord(a, a2)
}

func alphanumeric(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || r == '%'
}

func (r *renderer) dispensed(d *summary.Dispensed) string {
	if d == nil {
		return ""
	}
	text := r.l.s("délivré", "dispensed")
	if d.Date != (summary.Date{}) {
		text += " " + r.l.on(d.Date)
	}
	if d.Quantity.Text != "" {
		text += r.l.s(", quantité ", ", quantity ") + d.Quantity.Text
	}
	if d.As != nil {
		text += r.l.s(", sous le nom ", ", as ") + r.concept(d.As)
	}
	return text
}

func (r *renderer) taken(t *summary.Taken) string {
	if t == nil {
		return ""
	}
	text := r.l.s("prise réelle : ", "actually taken: ")
	if t.Value != "" {
		text += r.l.quote(t.Value)
	} else {
		text += r.l.s("non indiquée", "not stated")
	}
	if t.LastTaken != (summary.Date{}) {
		text += r.l.s(", dernière prise ", ", last taken ") + r.l.date(t.LastTaken)
	}
	if who := r.author(t.ReportedBy); who != "" {
		text += r.l.s(", dit par ", ", reported by ") + who
	}
	return text
}

// dose spells a dosage out: every figure as it was written and every schedule that is not daily in capitals; and the text of
// the prescriber, quoted, unless it says the same.
func (r *renderer) dose(d *summary.Dosage) (dose, text string) {
	l := r.l
	if d == nil {
		return l.s("DOSE NON INDIQUÉE", "DOSE NOT STATED"), ""
	}
	amount := r.amount(d)
	days, rate := r.schedule(d, amount != "")
	if d.Text != "" && !sameWords(d.Text, commas(amount, days, rate)) {
		text = l.quote(d.Text)
	}
	what := "DOSE " + amount
	asNeeded := ""
	if d.AsNeeded == summary.Yes {
		asNeeded = l.s("SI BESOIN", "AS NEEDED")
	}
	if amount == "" {
		if d.Text != "" {
			what, text = "DOSE "+text, ""
		} else {
			// "Not stated as needed" would deny what was stated.
			what, asNeeded = commas(asNeeded, l.s("DOSE NON INDIQUÉE", "DOSE NOT STATED")), ""
		}
		if d.Unit != "" {
			what += " (" + l.s("unité : ", "unit: ") + d.Unit + ")"
		}
	}
	most := ""
	if d.MaxPerDay.Text != "" {
		most = "MAXIMUM " + d.MaxPerDay.Text + l.s(" PAR JOUR", " PER DAY")
	}
	if strings.HasPrefix(rate, "(") {
		what, rate = what+" "+rate, ""
	}
	return commas(what, days, rate, asNeeded, most), text
}

// commas joins what there is.
func commas(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// amount is what is taken at each moment of the day.
func (r *renderer) amount(d *summary.Dosage) string {
	l := r.l
	var parts []string
	for _, m := range []struct{ value, when string }{
		{d.Morning, l.s("le matin", "in the morning")},
		{d.Noon, l.s("à midi", "at noon")},
		{d.Evening, l.s("le soir", "in the evening")},
		{d.Bedtime, l.s("au coucher", "at bedtime")},
	} {
		if m.value == "" {
			continue
		}
		unit := d.Unit
		if unit == "" {
			unit = l.s("(UNITÉ NON INDIQUÉE)", "(UNIT NOT STATED)")
		}
		parts = append(parts, m.value+" "+unit+" "+m.when)
	}
	return strings.Join(parts, ", ")
}

// schedule is on which days and how often, in capitals unless it is said to be every day. A period that was not said is not
// taken for a daily one where there are figures that invite it.
func (r *renderer) schedule(d *summary.Dosage, figures bool) (days, rate string) {
	l := r.l
	notDaily := l.s("PAS TOUS LES JOURS", "NOT EVERY DAY")
	days, n := r.weekdays(d.Weekdays)
	switch d.Period {
	case "day":
		if n > 0 && n < 7 {
			return days, notDaily
		}
		return days, ""
	case "", "week":
		switch {
		case n == 0 && d.Period == "week":
			return "", l.s("PAR SEMAINE, JOUR NON INDIQUÉ, ", "PER WEEK, DAY NOT STATED, ") + notDaily
		case n == 0 && figures:
			return "", l.s("(RYTHME NON INDIQUÉ)", "(SCHEDULE NOT STATED)")
		case n == 0:
			return "", ""
		case n == 1 && moments(d) <= 1:
			return days, l.s("1 FOIS PAR SEMAINE", "ONCE A WEEK")
		case n == 1:
			return days, l.s("1 JOUR PAR SEMAINE", "ONE DAY A WEEK")
		case n < 7:
			return days, strconv.Itoa(n) + l.s(" JOURS PAR SEMAINE, ", " DAYS A WEEK, ") + notDaily
		}
		return days, ""
	case "month":
		return days, l.s("PAR MOIS, ", "PER MONTH, ") + notDaily
	case "other":
		return days, l.s("AUTRE RYTHME, ", "OTHER SCHEDULE, ") + notDaily
	}
	return days, l.s("RYTHME ", "SCHEDULE ") + string(d.Period) + l.s(", PEUT NE PAS ÊTRE QUOTIDIEN", ", MAY NOT BE DAILY")
}

func moments(d *summary.Dosage) int {
	n := 0
	for _, v := range []string{d.Morning, d.Noon, d.Evening, d.Bedtime} {
		if v != "" {
			n++
		}
	}
	return n
}

// weekdays lists the days in capitals, and counts the different ones.
func (r *renderer) weekdays(days []summary.Weekday) (string, int) {
	var names []string
	seen := map[string]bool{}
	for _, d := range days {
		name := word(r.l, weekdayWords, d)
		if !seen[name] {
			seen[name] = true
			if r.l == fr || len(names) == 0 {
				name = r.l.s("LE ", "ON ") + name
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "", 0
	}
	last := len(names) - 1
	if last == 0 {
		return names[0], 1
	}
	return strings.Join(names[:last], ", ") + r.l.s(" ET ", " AND ") + names[last], len(names)
}

// sameWords compares two wordings without regard to capitals and spaces.
func sameWords(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}
