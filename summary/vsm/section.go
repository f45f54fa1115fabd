package vsm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/secours-card/secours/summary"
)

// A kind of section, by what its entries are.
type kind int

const (
	kindOther kind = iota
	kindAllergies
	kindMedications
	kindProblems
	kindProcedures
	kindFamily
	kindAlerts
	kindDevices
	kindPregnancy
	kindVaccinations
	kindMeasurements
	kindVisits
	kindDirectives
)

// The sections of a document that are one section of a summary, the history.
const (
	partCurrent    = "current"
	partPast       = "past"
	partProcedures = "procedures"
	partFamily     = "family"
)

// A section is one of the document.
type section struct {
	n      *node
	text   *node
	kind   kind
	target string
	part   string
	author summary.Author
	title  string
	masked bool

	// items is how many it gave.
	items int
	// What it says of the list as a whole: none is known, of these categories none is known, or the list is not available.
	none        *none
	noneOf      []none
	unavailable bool
}

// A none is a statement that none is known, of a category where it is of one: where it stands and in what words.
type none struct {
	of   summary.Category
	by   *section
	at   *node
	text string
}

// classify finds out what a section is, by its LOINC code, or where it has none by its template: that of the CI-SIS, or of IHE
// PCC below 1.3.6.1.4.1.19376.1.5.3.1.
func (s *section) classify() {
	code := s.n.kid("code").peek("code")
	if code == "" {
		code = codeOfTemplate(s.n)
	}
	set := func(k kind, target, part string) { s.kind, s.target, s.part = k, target, part }
	switch code {
	case "48765-2", "44939-7": // allergies; adverse reactions to drugs
		set(kindAllergies, "allergies", "")
	case "10160-0":
		set(kindMedications, "medications", "")
	case "11450-4":
		set(kindProblems, "history", partCurrent)
	case "11348-0":
		set(kindProblems, "history", partPast)
	case "47519-4":
		set(kindProcedures, "history", partProcedures)
	case "10157-6":
		set(kindFamily, "history", partFamily)
	case "44944-7", "104605-1":
		set(kindAlerts, "alerts", "")
	case "46264-8":
		set(kindDevices, "alerts", "")
	case "10162-6":
		set(kindPregnancy, "alerts", "")
	case "11369-6":
		set(kindVaccinations, "vaccinations", "")
	case "8716-3":
		set(kindMeasurements, "measurements", "")
	case "30954-2":
		// The VSM of 2013 has its points of attention under the code of results.
		if s.n.is("1.2.250.1.213.1.1.2.150") || strings.Contains(fold(s.title), "vigilance") {
			set(kindAlerts, "alerts", "")
		} else {
			set(kindMeasurements, "measurements", "")
		}
	case "46240-8":
		set(kindVisits, "visits", "")
	case "42348-3":
		set(kindDirectives, "directives", "")
	}
}

func codeOfTemplate(n *node) string {
	const pcc = "1.3.6.1.4.1.19376.1.5.3.1."
	for _, t := range n.all("templateId") {
		switch t.peek("root") {
		case "1.2.250.1.213.1.1.2.137", pcc + "3.13":
			return "48765-2"
		case "1.2.250.1.213.1.1.2.247":
			return "44939-7"
		case "1.2.250.1.213.1.1.2.143", pcc + "3.19":
			return "10160-0"
		case "1.2.250.1.213.1.1.2.132", pcc + "3.6":
			return "11450-4"
		case "1.2.250.1.213.1.1.2.134", pcc + "3.8":
			return "11348-0"
		case "1.2.250.1.213.1.1.2.136", pcc + "3.11", pcc + "3.12":
			return "47519-4"
		case "1.2.250.1.213.1.1.2.139", pcc + "3.14", pcc + "3.15":
			return "10157-6"
		case "1.2.250.1.213.1.1.2.245", "1.2.250.1.213.1.1.2.150":
			return "44944-7"
		case "1.2.250.1.213.1.1.2.1", pcc + "1.5.3.5":
			return "46264-8"
		case "1.2.250.1.213.1.1.2.146", pcc + "3.23":
			return "11369-6"
		}
	}
	return ""
}

// section reads one section without those within it.
func (im *importer) section(n *node) {
	s := &section{n: n, text: n.kid("text"), title: flat(n.kid("title"))}
	s.classify()
	im.here, im.told = s, map[string]bool{}
	entries := n.all("entry")
	if s.kind == kindOther && len(entries) == 0 && (s.text == nil || blank(flat(s.text))) && len(n.all("component")) > 0 {
		return // holds others, and says nothing itself
	}
	im.sections = append(im.sections, s)
	s.masked = im.masked || im.confidential(n.kid("confidentialityCode"))
	if a := n.kid("author"); a != nil {
		s.author = im.authorOf(a)
	}
	im.tell(s.title)
	if s.kind == kindOther {
		im.unplaced(s, entries)
		return
	}
	im.absence(s, n)
	silent := true
	for _, e := range entries {
		silent = silent && hollow(e)
		if err := im.entry(s, e); err != nil {
			im.err = errors.Join(im.err, err)
		}
		im.unread(e)
	}
	if s.items == 0 && silent && s.none == nil && len(s.noneOf) == 0 {
		im.fromText(s)
	} else {
		im.untold(s)
	}
}

// absence takes the null flavor of a whole section.
func (im *importer) absence(s *section, n *node) {
	switch flavor := n.attr("nullFlavor"); flavor {
	case "":
	case "NI", "UNK", "ASKU", "NAV", "NAVU", "MSK":
		s.unavailable = true
	case "NASK", "NA":
	default:
		im.report(summary.LossAmbiguous, summary.ReasonUnknownCode, n, flavor)
	}
}

func (im *importer) entry(s *section, e *node) error {
	switch s.kind {
	case kindAllergies:
		return im.allergyEntry(s, e)
	case kindMedications:
		im.medicationEntry(s, e)
	case kindProblems:
		im.problemEntry(s, e)
	case kindProcedures:
		im.procedureEntry(s, e)
	case kindFamily:
		im.familyEntry(e)
	case kindAlerts:
		im.alertEntry(s, e)
	case kindDevices:
		im.deviceEntry(s, e)
	case kindPregnancy:
		im.pregnancyEntry(e)
	case kindVaccinations:
		im.vaccinationEntry(s, e)
	case kindMeasurements:
		im.measurementEntry(e)
	case kindVisits:
		im.visitEntry(e)
	case kindDirectives:
		im.directiveEntry(e)
	}
	return nil
}

// unplaced reports a section that a summary has no place for.
func (im *importer) unplaced(s *section, entries []*node) {
	s.target = ""
	title := cmpOr(s.title, s.n.kid("code").peek("displayName"))
	for _, e := range entries {
		text := cmpOr(im.readable(e), im.entryText(e))
		e.take()
		if text != "" {
			im.tell(text)
			im.report(summary.LossDropped, summary.ReasonNoPlace, e, title+": "+text)
		}
	}
	if len(entries) > 0 {
		im.untold(s)
		return
	}
	if text := flat(s.text); !blank(text) {
		im.report(summary.LossDropped, summary.ReasonNoPlace, s.n, title+": "+text)
	}
}

// fromText makes items of a narrative, where no entry gave one. Each is carried as it is written, and somebody has to look.
func (im *importer) fromText(s *section) {
	for _, b := range blocks(s.text) {
		switch {
		case s.isTitle(b.text):
			continue
		case denies(b.text):
			// Not none-known: that is a statement which an author makes by a code.
			im.report(summary.LossDropped, summary.ReasonNarrative, s.text, b.text)
			continue
		}
		im.carry(s, s.text, b.text, summary.ReasonStructure)
	}
}

func (s *section) isTitle(text string) bool {
	return slices.Contains([]string{fold(s.title), fold(s.n.kid("code").peek("displayName"))}, fold(text))
}

// carry makes an item of a text alone.
func (im *importer) carry(s *section, n *node, text string, reason summary.LossReason) {
	im.tell(text)
	if n != s.text {
		n.take()
	}
	common := im.common(n)
	concept := summary.Concept{Text: text}
	ambiguous := func() { im.report(summary.LossAmbiguous, reason, n, text) }
	switch s.kind {
	case kindAllergies:
		item(im, &im.allergies, n, func() (summary.Allergy, bool) {
			ambiguous()
			a := summary.Allergy{Common: common, Agent: concept}
			im.account(accountOf(&a))
			return a, true
		})
	case kindMedications:
		item(im, &im.medications, n, func() (summary.Medication, bool) {
			ambiguous()
			return summary.Medication{Common: common, Product: concept}, true
		})
	case kindProblems, kindProcedures, kindFamily:
		item(im, &im.history, n, func() (summary.Condition, bool) {
			ambiguous()
			return summary.Condition{Common: common, Condition: concept, Kind: s.conditionKind()}, true
		})
	case kindAlerts, kindDevices, kindPregnancy:
		item(im, &im.alerts, n, func() (summary.Alert, bool) {
			ambiguous()
			return summary.Alert{Common: common, Text: text, Kind: summary.AlertOther}, true
		})
	case kindVaccinations:
		item(im, &im.vaccinations, n, func() (summary.Vaccination, bool) {
			ambiguous()
			return summary.Vaccination{Common: common, Vaccine: concept}, true
		})
	case kindDirectives:
		item(im, &im.directives, n, func() (summary.Directive, bool) {
			ambiguous()
			return summary.Directive{Common: common, Text: text, Kind: summary.DirectiveAdvance}, true
		})
	default:
		// A measurement and a visit cannot go without a date.
		im.report(summary.LossDropped, summary.ReasonNoDate, n, text)
	}
}

func (s *section) conditionKind() summary.ConditionKind {
	switch s.kind {
	case kindProcedures:
		return summary.ConditionProcedure
	case kindFamily:
		return summary.ConditionFamily
	}
	return summary.ConditionDisease
}

// tell remembers words that went into the summary or into the report.
func (im *importer) tell(texts ...string) {
	for _, s := range texts {
		for _, w := range words(s) {
			im.told[w] = true
			if im.seen != nil {
				im.seen[w] = true
			}
		}
	}
}

// plain are words that say nothing by themselves, and those with which tables say what the entries have as codes.
var plain = strings.Fields(`a au aux d de des du en et l la le les par pour the of and in to for since un une on
	date depuis debut fin`)

// says returns whether a text has a word that was not taken from anywhere else.
func says(text string, known map[string]bool) bool {
	return slices.ContainsFunc(words(text), func(w string) bool {
		// 05 is 5: entries and narratives write days and doses differently.
		short := strings.TrimLeft(w, "0")
		return !known[w] && !known[short] && !known["0"+w] && !slices.Contains(plain, w)
	})
}

// within says whether every word of a text is in another.
func within(text, other string) bool {
	known := map[string]bool{}
	for _, w := range words(other) {
		known[w] = true
	}
	return !says(text, known)
}

// untold reports what the narrative of a section says and its entries do not. An allergy that only the narrative names is carried.
func (im *importer) untold(s *section) {
	found := blocks(s.text)
	for i, b := range found {
		if s.isTitle(b.text) {
			continue
		}
		if len(im.allergies) > maxItems {
			return // an error
		}
		if s.kind == kindAllergies && strings.ContainsFunc(b.text, unicode.IsLetter) && !denies(b.text) && !heads(found, i) && !im.rowAccounted(b) {
			switch {
			case s.none == nil:
				im.carry(s, s.text, b.text, summary.ReasonNarrative)
				continue
			case !deniesFirst(b.text):
				// The code says that there is no allergy, the text seems to name one. Of the two, the text is carried.
				im.carry(s, s.text, b.text, summary.ReasonContradiction)
				continue
			}
		}
		stated := s.items == 0 && (s.none != nil || len(s.noneOf) > 0 || s.unavailable)
		if says(b.text, im.told) && !(stated && denies(b.text)) {
			im.report(summary.LossDropped, summary.ReasonNarrative, s.text, b.text)
		}
	}
}

// errAllergy names an entry that cannot be carried.
func (im *importer) errAllergy(n *node) error {
	return fmt.Errorf("%w: %s has no text", ErrAllergy, strings.TrimSuffix(im.source(n)+"/"+n.path(im.top(n)), "/"))
}
