package fhir

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

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
	"QID": {summary.PeriodDay, [2]string{"4 fois par jour", "4 times a day"}}, "QD": {summary.PeriodDay, [2]string{"1 fois par jour", "1 time a day"}},
	"AM": {summary.PeriodDay, [2]string{"le matin", "in the morning"}}, "PM": {summary.PeriodDay, [2]string{"l'après-midi", "in the afternoon"}},
	"BED": {summary.PeriodDay, [2]string{"au coucher", "at bedtime"}}, "QOD": {summary.PeriodOther, [2]string{"UN JOUR SUR DEUX", "EVERY OTHER DAY"}},
	"WK": {summary.PeriodWeek, [2]string{"1 FOIS PAR SEMAINE", "1 TIME A WEEK"}}, "MO": {summary.PeriodMonth, [2]string{"1 FOIS PAR MOIS", "1 TIME A MONTH"}},
	"Q1H": {summary.PeriodDay, [2]string{"toutes les heures", "every hour"}}, "Q2H": {summary.PeriodDay, [2]string{"toutes les 2 heures", "every 2 hours"}},
	"Q3H": {summary.PeriodDay, [2]string{"toutes les 3 heures", "every 3 hours"}}, "Q4H": {summary.PeriodDay, [2]string{"toutes les 4 heures", "every 4 hours"}},
	"Q6H": {summary.PeriodDay, [2]string{"toutes les 6 heures", "every 6 hours"}}, "Q8H": {summary.PeriodDay, [2]string{"toutes les 8 heures", "every 8 hours"}},
}

// A dose is one Dosage element, rendered.
type dose struct {
	// text is what was written, bits are what its structure says, in words.
	text string
	bits []bit
	// extra are the instructions beside it, to the letter.
	extra  []string
	amount string
	// line is how an export writes a dose that the columns say all of.
	line    string
	unit    string
	columns []int
	// plain is set where the columns and the amount say all of the structure.
	plain    bool
	period   summary.Period
	weekdays []summary.Weekday
	// byDays is set where nothing but the list of weekdays says the period.
	byDays bool
	// often is how often the structure says, which the moments beside it may say already.
	often string
	// words are all that was written in the elements of the dose, whether or not it stands in the summary.
	words    []string
	asNeeded summary.Flag
	max      string
	sequence string
	// from and to are the bounds of its times.
	from, to summary.Date
}

// A bit is one thing that the structure of a dose says.
type bit struct {
	text string
	// exact is set where a text says the same only in the same words: words of the document, and every rhythm but a daily one.
	exact bool
	// period is set where the period of a dosage says it, beside any text.
	period bool
}

func (d *dose) add(b bit) {
	if b.text != "" {
		d.bits = append(d.bits, b)
	}
}

// more adds what no column of a prescription holds.
func (d *dose) more(text string) {
	if text != "" {
		d.add(bit{text: text})
		d.plain = false
	}
}

// quote adds words of the document.
func (d *dose) quote(before, text string) {
	if text != "" {
		d.add(bit{text: before + text, exact: true})
		d.plain = false
	}
}

// rest is what the structure says that the text does not.
func (d *dose) rest() string {
	var parts []string
	for _, b := range d.bits {
		if d.text == "" || !b.period && !saidIn(d.text, b) {
			parts = append(parts, b.text)
		}
	}
	return join(", ", parts...)
}

var (
	numbers = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`[0-9]+(?:[.,][0-9]+)?`)
	})
	letters = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`[\p{L}%]+`)
	})
	// fillers are words that a text says otherwise, or not at all.
	fillers = map[string]bool{
		"le": true, "la": true, "les": true, "à": true, "au": true, "en": true, "et": true, "par": true, "de": true, "in": true, "the": true, "at": true,
		"a": true, "an": true, "on": true, "and": true, "to": true, "with": true,
	}
)

// saidIn says whether a text says what a bit does: in its words, or at least with all its numbers, but 1, which people leave out or spell out,
// and the stems of its words.
func saidIn(text string, b bit) bool {
	text = strings.ToLower(text)
	said := strings.ToLower(b.text)
	if strings.Contains(text, said) {
		return true
	}
	if b.exact {
		return false
	}
	have := map[string]bool{"1": true}
	for _, n := range numbers().FindAllString(text, -1) {
		have[strings.Replace(n, ",", ".", 1)] = true
	}
	for _, n := range numbers().FindAllString(said, -1) {
		if !have[strings.Replace(n, ",", ".", 1)] {
			return false
		}
	}
	for _, word := range letters().FindAllString(said, -1) {
		stem := []rune(word)
		if !fillers[word] && !strings.Contains(text, string(stem[:min(4, len(stem))])) {
			return false
		}
	}
	return true
}

// wordsOf are the texts, labels and codes of CodeableConcepts, whichever of them stands in the summary.
func wordsOf(n *node) (words []string) {
	for _, c := range n.list() {
		words = append(words, c.str(), c.peek("text").str())
		for _, coding := range c.peek("coding").list() {
			words = append(words, coding.peek("display").str(), coding.peek("code").str())
		}
	}
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

// oddNotes are the notes of a line, and what else it says of all its doses, that speak of a rhythm which is not daily: as much as a report holds.
func oddNotes(r *resource, m *summary.Medication) (odd []string) {
	add := func(text string) {
		if summary.NotDaily(text) {
			odd = append(odd, summary.LossText(text))
		}
	}
	add(m.Note)
	for _, name := range []string{"note", "renderedDosageInstruction"} { // the second in R5
		for _, n := range r.peek(name).list() {
			add(n.gist(MaxSize))
		}
	}
	return odd
}

// disagree makes a dose one of another rhythm, with all that its structure says in words.
func (d *dose) disagree() {
	d.period, d.columns, d.plain, d.byDays = summary.PeriodOther, nil, false, false
	for i := range d.bits {
		d.bits[i].exact, d.bits[i].period = true, false
	}
}

// contradicts makes sure that a dose whose words and structure differ in rhythm never looks daily. The notes are those of the line that are not daily.
func (im *importer) contradicts(r *resource, at string, d *dose, notes []string) {
	words := slices.Concat([]string{d.text}, d.extra, d.words)
	var odd []string
	daily := false
	for _, w := range words {
		switch {
		case summary.NotDaily(w):
			odd = append(odd, w)
		case summary.Daily(w):
			daily = true
		}
	}
	switch {
	case len(odd)+len(notes) > 0 && (d.period == summary.PeriodDay || d.period == "" && len(d.columns) > 0):
		d.disagree()
		for _, w := range odd {
			if w != d.text && !slices.Contains(d.extra, w) && !slices.ContainsFunc(d.bits, func(b bit) bool { return strings.HasSuffix(b.text, w) }) {
				d.quote("", w)
			}
		}
	case len(odd) > 0 && daily && d.period == "":
		// The words differ among themselves.
		d.period, d.plain = summary.PeriodOther, false
	case daily && (d.period == summary.PeriodWeek || d.period == summary.PeriodMonth || d.period == summary.PeriodOther):
		odd, notes = nil, nil
		for i := range d.bits {
			d.bits[i].period = false
		}
	default:
		return
	}
	said := slices.Concat(odd, notes)
	if !slices.Contains(said, d.text) {
		said = append(said, d.text)
	}
	im.say(r, summary.LossAmbiguous, summary.ReasonContradiction, at, join(" / ", append(said, d.rest())...))
}

// ownPeriod takes the period that an export of ours wrote beside a dose. It says what no structure does, and overrides none: where they differ,
// somebody changed the one or the other.
func (im *importer) ownPeriod(r *resource, at string, d *dose, p summary.Period) {
	switch {
	case p == "" || p == d.period:
		return
	case d.period == "", d.byDays && p != summary.PeriodDay:
		d.period = p
		return
	}
	d.disagree()
	if d.often != "" && !slices.ContainsFunc(d.bits, func(b bit) bool { return strings.EqualFold(b.text, d.often) }) {
		d.odd(d.often)
	}
	if len(d.weekdays) == 7 {
		d.odd(rhythmWords("", d.weekdays, im.french))
	}
	own := cmp.Or(rhythmWords(p, nil, im.french), im.word("par jour", "a day"))
	if p == summary.PeriodWeek || p == summary.PeriodMonth {
		d.odd(own)
	}
	im.say(r, summary.LossAmbiguous, summary.ReasonContradiction, at+".extension", join(" / ", own, d.rest()))
}

// dosages reads the Dosage elements of a line into the one dosage that a summary has: the texts to the letter, one a line, and
// after them whatever their structure says beyond. What is not daily is never left to the text alone: the period stands beside it.
func (im *importer) dosages(r *resource, name string, m *summary.Medication) *summary.Dosage {
	var doses []dose
	notes := oddNotes(r, m)
	for i, n := range r.get(name).list() {
		at := name + "[" + itoa(i) + "]"
		n.read = true
		if n.kind != kindObject {
			if text := im.text(r, n, at); text != "" {
				doses = append(doses, dose{text: text, plain: true})
			}
			continue
		}
		doses = append(doses, im.dose(r, n, at, m, notes))
	}
	if len(doses) == 0 {
		return nil
	}
	inOrder(doses)
	im.courseOf(doses, m)
	d := &summary.Dosage{AsNeeded: doses[0].asNeeded, MaxPerDay: summary.Value{Text: doses[0].max}}
	for _, x := range doses[1:] {
		if x.asNeeded != d.AsNeeded {
			d.AsNeeded = summary.Unsaid
		}
		if x.max != d.MaxPerDay.Text {
			d.MaxPerDay.Text = ""
		}
	}
	var texts []string
	columns := fitColumns(doses)
	for _, x := range doses {
		if x.asNeeded == summary.Yes && d.AsNeeded == summary.Unsaid {
			// Said of this one alone.
			x.add(bit{text: im.word("si besoin", "as needed")})
			x.plain = false
		}
		if x.max != "" && d.MaxPerDay.Text == "" {
			x.add(bit{text: im.word("au plus ", "at most ") + x.max + im.word(" par jour", " a day")})
			x.plain = false
		}
		text, rest := x.text, x.rest()
		if columns && x.plain {
			rest = ""
			if strings.EqualFold(text, x.line) {
				text = ""
			}
		}
		switch {
		case text == "":
			text = rest
		case rest != "":
			text += " [" + rest + "]"
		}
		texts = append(append(texts, text), x.extra...)
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

// courseOf makes the bounds that all doses share those of the treatment. Where they follow each other, each keeps its own in words, and the treatment
// ends only where each of them does.
func (im *importer) courseOf(doses []dose, m *summary.Medication) {
	first, last := doses[0].from, doses[0].to
	same := true
	for _, d := range doses[1:] {
		same = same && d.from == doses[0].from && d.to == doses[0].to
		if d.from.IsZero() || !first.IsZero() && d.from.String() < first.String() {
			first = d.from
		}
		if d.to.IsZero() || !last.IsZero() && d.to.String() > last.String() {
			last = d.to
		}
	}
	for i := range doses {
		d := &doses[i]
		if !d.from.IsZero() && (!same || !m.Start.IsZero() && m.Start != d.from) {
			d.more(im.word("à partir du ", "from ") + d.from.String())
		}
		if !d.to.IsZero() && (!same || !m.End.IsZero() && m.End != d.to) {
			d.more(im.word("jusqu'au ", "until ") + d.to.String())
		}
	}
	if m.Start.IsZero() {
		m.Start = first
	}
	if m.End.IsZero() {
		m.End = last
	}
}

// inOrder puts doses that follow each other in their order. Without a number for each, they stand as they were listed.
func inOrder(doses []dose) {
	number := func(d dose) int {
		n, err := strconv.Atoi(d.sequence)
		if err != nil {
			return -1
		}
		return n
	}
	for _, d := range doses {
		if number(d) < 0 {
			return
		}
	}
	slices.SortStableFunc(doses, func(a, b dose) int { return cmp.Compare(number(a), number(b)) })
}

// fitColumns says whether the doses fit the columns of a prescription: each at moments of its own, all in one unit and one rhythm, with a plain number,
// and at the same time: those whose sequences differ follow each other (R4, Dosage.sequence).
func fitColumns(doses []dose) bool {
	var used [4]bool
	for _, x := range doses {
		if len(x.columns) == 0 || x.amount == "" || x.unit != doses[0].unit || x.sequence != doses[0].sequence ||
			x.from != doses[0].from || x.to != doses[0].to || x.asNeeded != doses[0].asNeeded || x.period != doses[0].period || !slices.Equal(x.weekdays, doses[0].weekdays) {
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

func (im *importer) dose(r *resource, n *node, at string, m *summary.Medication, notes []string) dose {
	n.skip("id")
	d := dose{text: im.text(r, n.get("text"), at+".text"), plain: true, sequence: n.string("sequence")}
	amounts := n.each("doseAndRate")
	if len(amounts) == 0 {
		// Before R4 the dose stood in the dosage itself, and in MedicationAdministration it still does.
		amounts = []*node{n}
	}
	for i, a := range amounts {
		a.skip("type", "id")
		im.doseAndRate(a, i, &d)
		for _, name := range []string{"doseQuantity", "dose", "doseRange", "rateRatio", "rateRange", "rateQuantity"} {
			im.units(r, a.peek(name), at+"."+name)
		}
	}
	if len(amounts) > 1 {
		d.plain = false
	}
	im.timing(r, n.get("timing"), at+".timing", &d)
	for _, e := range n.each("extension") {
		switch e.peek("url").str() {
		case extPeriod:
			e.readAll()
			im.ownPeriod(r, at, &d, own(im, r, at+".extension", e.peek("valueCode").str(), ownPeriods))
		case extAmount:
			e.readAll()
			d.amount = cmp.Or(e.peek("valueString").str(), d.amount)
		default:
			e.read = false
		}
	}
	switch n.get("asNeededBoolean").str() {
	case "true":
		d.asNeeded = summary.Yes
	case "false":
		d.asNeeded = summary.No
	}
	for _, c := range append(n.get("asNeededCodeableConcept").list(), n.get("asNeededFor").list()...) { // the second in R5
		if c := im.concept(r, c, at+".asNeeded"); c != nil {
			d.asNeeded = summary.Yes
			if !strings.Contains(strings.ToLower(d.text), strings.ToLower(c.Text)) {
				d.quote(im.word("si besoin : ", "as needed: "), c.Text)
			}
		}
	}
	if c := im.concept(r, n.get("route"), at+".route"); c != nil {
		switch {
		case m.Route == "":
			m.Route = c.Text
		case m.Route != c.Text:
			d.quote(im.word("voie : ", "route: "), c.Text)
		}
		for _, code := range c.Codes {
			im.minor(r, summary.LossDropped, summary.ReasonNoPlace, at+".route.coding", code.Code)
		}
	}
	for _, name := range []string{"site", "method"} {
		if c := im.concept(r, n.get(name), at+"."+name); c != nil {
			d.quote("", c.Text)
		}
	}
	var extras []string
	for _, c := range n.get("additionalInstruction").list() {
		if c := im.concept(r, c, at+".additionalInstruction"); c != nil {
			extras = append(extras, c.Text)
		}
	}
	extras = append(extras, im.text(r, n.get("patientInstruction"), at+".patientInstruction"))
	for _, name := range []string{"maxDosePerPeriod", "maxDosePerAdministration", "maxDosePerLifetime"} {
		im.units(r, n.peek(name), at+"."+name)
	}
	for _, limit := range n.get("maxDosePerPeriod").list() {
		im.limit(limit, &d)
	}
	if q := im.quantity(n.get("maxDosePerAdministration")); q != "" {
		d.more(im.word("au plus ", "at most ") + q + im.word(" par prise", " each time"))
	}
	if q := im.quantity(n.get("maxDosePerLifetime")); q != "" {
		d.more(im.word("au plus ", "at most ") + q + im.word(" en tout", " in all"))
	}
	for _, name := range []string{"asNeededCodeableConcept", "asNeededFor", "route", "site", "method", "additionalInstruction"} {
		d.words = append(d.words, wordsOf(n.peek(name))...)
	}
	for _, extra := range extras {
		if extra != "" && !strings.Contains(strings.ToLower(d.text), strings.ToLower(extra)) {
			d.extra = append(d.extra, extra)
		}
	}
	im.contradicts(r, at, &d, notes)
	d.line = im.columnLine(&d)
	return d
}

// measures are the units of UCUM that a dose is measured in, by the other names that people give them.
var measures = func() map[string]string {
	names := map[string]string{}
	for code, list := range map[string]string{
		"kg": "kilogram kilograms kilogramme kilogrammes", "g": "gm gr gram grams gramme grammes", "mg": "milligram milligrams milligramme milligrammes",
		"ug": "µg μg mcg microgram micrograms microgramme microgrammes", "ng": "nanogram nanograms nanogramme nanogrammes",
		"l": "liter liters litre litres", "dl": "deciliter deciliters decilitre decilitres", "cl": "centiliter centiliters centilitre centilitres",
		"ml": "cc cm3 milliliter milliliters millilitre millilitres", "ul": "µl μl microliter microliters microlitre microlitres",
		"mol": "mole moles", "mmol": "millimole millimoles", "umol": "µmol μmol micromole micromoles", "meq": "milliequivalent milliequivalents", "kcal": "",
		"[iu]": "iu ui u.i. i.u. u [arb'u] unit units unité unités", "k[iu]": "kiu kui", "m[iu]": "miu mui", "[drp]": "gtt drop drops goutte gouttes",
		"kbq": "", "mbq": "", "gbq": "", "%": "", "m2": "m²", "cm": "", "m": "", "s": "sec second seconds seconde secondes", "min": "minute minutes mn",
		"h": "hr hour hours heure heures", "d": "day days jour jours j", "wk": "week weeks semaine semaines", "mo": "month months mois", "a": "year years an ans",
	} {
		names[code] = code
		for _, name := range strings.Fields(list) {
			names[name] = code
		}
	}
	return names
}()

var annotation = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\{[^{}]*\}`)
})

// measure is a unit as UCUM spells it, but for its capitals: "" for what is counted in pieces, and for what nobody knows.
func measure(unit string) string {
	unit = strings.ToLower(annotation().ReplaceAllString(unit, ""))
	unit = strings.NewReplacer(" par ", "/", " per ", "/", " a ", "/").Replace(unit)
	var parts []string
	for i, part := range strings.Split(unit, "/") {
		part = strings.TrimSpace(part)
		known, ok := measures[part]
		switch {
		case ok:
			part = known
		case i == 0:
			return ""
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/")
}

// units reports the quantities whose unit and code are two different measures, or a measure and a piece. What a summary shows is the unit, which
// is what a person reads.
func (im *importer) units(r *resource, n *node, at string) {
	for _, kid := range n.list() {
		if kid.kind != kindObject {
			continue
		}
		unit, code, system := kid.peek("unit").str(), kid.peek("code").str(), kid.peek("system").str()
		a, b := measure(unit), measure(code)
		if unit != "" && code != "" && a != b && (b != "" || system == "" || system == sysUCUM) {
			value := kid.peek("value").str()
			im.say(r, summary.LossAmbiguous, summary.ReasonContradiction, at, join(" / ", join(" ", value, unit), join(" ", value, code)))
		}
		for i, name := range kid.names {
			if kid.kids[i].kind == kindObject {
				im.units(r, kid.kids[i], at+"."+name)
			}
		}
	}
}

// doseAndRate reads how much, the first of them as what a column may hold.
func (im *importer) doseAndRate(n *node, i int, d *dose) {
	quantity := n.get("doseQuantity")
	if quantity == nil {
		quantity = n.get("dose")
	}
	switch {
	case quantity != nil:
		value, unit := im.amount(quantity)
		if i == 0 {
			d.amount, d.unit = value, unit
		}
		d.add(bit{text: join(" ", value, unit)})
	case n.peek("doseRange") != nil:
		d.more(im.rangeOf(n.get("doseRange")))
	}
	if rate := n.get("rateRatio"); rate != nil {
		d.more(im.ratio(rate))
	}
	if rate := n.get("rateRange"); rate != nil {
		d.more(im.rangeOf(rate))
	}
	if rate := n.get("rateQuantity"); rate != nil {
		d.more(im.quantity(rate))
	}
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
func (im *importer) limit(n *node, d *dose) {
	n.read = true
	top := im.quantity(n.get("numerator"))
	bottom := n.get("denominator")
	value, unit := im.amount(bottom)
	day := map[string]string{"d": "1", "day": "1", "jour": "1", "h": "24"}
	switch {
	case top == "":
	case d.max == "" && value != "" && (day[bottom.peek("code").str()] == value || day[unit] == value):
		d.max = top
	default:
		d.more(im.word("au plus ", "at most ") + top + im.word(" en ", " in ") + strings.TrimSpace(value+" "+unit))
	}
}
