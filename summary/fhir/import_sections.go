package fhir

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/secours-card/secours/summary"
)

// A claim is what a document says of a list as a whole: that it is empty, was not asked for, or cannot be had.
type claim struct {
	part   part
	status summary.SectionStatus
	only   summary.Category
	// label, by and on are where it stands, who says so and when.
	label string
	by    summary.Author
	on    summary.Date
}

// absent says whether a resource stands in the place of an item, to say that there is none. It notes the claim, unless the resource's status takes it
// back.
func (im *importer) absent(r *resource, code *node, section string, p part, inForce bool) bool {
	none, ok, other := absentOf(code)
	if !ok {
		return false
	}
	text := conceptName(code)
	switch {
	case other || r.peek("reaction") != nil || r.peek("modifierExtension") != nil || none.status == summary.StatusNoneKnown && (exceptional(text, r) || !denies(code)):
		// A code of something else says two things at once, and nobody reacts to nothing: it is an item, whatever this code says.
		im.say(r, summary.LossAmbiguous, summary.ReasonContradiction, "code", text)
		return false
	case none.section != "" && none.section != section:
		// That no medication is known, said in the place of an allergy, says nothing of either.
		im.drop(r, summary.ReasonStructure)
		im.told(r.node)
		return true
	case !inForce:
		im.drop(r, summary.ReasonNotInForce)
		im.told(r.node)
		return true
	}
	only := []summary.Category{none.only}
	if categories := noneOf(r); section == "allergies" && none.only == "" && none.status == summary.StatusNoneKnown && len(categories) > 0 {
		only = categories
	}
	common := im.common(r, section, "recorder", "asserter", "informationSource", "performer", "source")
	if im.within && none.status == summary.StatusNoneKnown && only[0] == "" {
		im.lostClaim(claim{status: none.status, label: r.label, part: cmp.Or(none.part, p)}, summary.ReasonPartOfSection)
		only = nil
	}
	for _, category := range only {
		im.claims[section] = append(im.claims[section], claim{
			part: cmp.Or(none.part, p), status: none.status, only: category, label: r.label, by: common.By, on: common.Recorded,
		})
	}
	if text != "" {
		im.minor(r, summary.LossDropped, summary.ReasonLabel, "code", text)
	}
	// Its code says it all: statuses and categories of what is not there do not matter, notes do.
	for i, name := range r.names {
		if name != "note" && name != "contained" {
			r.kids[i].readAll()
		}
	}
	im.told(r.node)
	return true
}

// exceptions are the words that make "none but" of "none".
var exceptions = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:sauf|except(?:é|ée|és|ées|ion|ing)?|hormis|autre que|autres que|mise? à part|but|other than|apart from|aside from|ausser|außer|salvo|excepto|tranne|behalve|undtagen)(?:$|[^\p{L}])`)
})

// exceptional says whether what stands beside a code of none known names something after all.
func exceptional(text string, r *resource) bool {
	if exceptions().MatchString(text) {
		return true
	}
	for _, n := range r.peek("note").list() {
		if exceptions().MatchString(n.peek("text").str()) {
			return true
		}
	}
	return false
}

// denials are words of "none known" in the languages of the guides.
var denials = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:no|none|nil|not|non|nka|nkda|nkma|unknown|without|aucune?s?|pas|néant|ras|sans|keine?|ohne|nessuna?|nulla|senza|geen|zonder|ingen|inga|ikke|ninguna?|sin|niega|nenhuma?|sem|brak|žádn\p{L}*|bez|ei|nincs\p{L}*|nav|nėra|ingin|unbekannt\p{L}*|denies)(?:$|[^\p{L}])|なし|無|无|沒|没|없|لا |нет|не |όχι|δεν|ไม่`)
})

// denies says whether the text beside a code of none known, where somebody wrote one, says so too. A label is that of the code.
func denies(code *node) bool {
	text := code.peek("text").str()
	if strings.TrimSpace(text) == "" || denials().MatchString(text) {
		return true
	}
	for _, c := range code.peek("coding").list() {
		if strings.EqualFold(c.peek("display").str(), text) {
			return true
		}
	}
	return false
}

// noneOf are the categories that a "no known allergy" is limited to, none where it has all of FHIR's.
func noneOf(r *resource) (list []summary.Category) {
	for _, n := range r.peek("category").list() {
		if c, ok := allergyCategories[strings.ToLower(n.str())]; ok && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	if len(list) == len(allergyCategories) {
		return nil
	}
	return list
}

// emptyReason reads why a section has no entries.
func (im *importer) emptyReason(n *node, p listing) {
	status := summary.SectionStatus("")
	for _, c := range n.peek("coding").list() {
		code, system := c.peek("code").str(), c.peek("system").str()
		said, ok := emptyReasons[code]
		ok = ok && (system == "" || system == sysEmptyReason)
		switch {
		case !ok:
			continue
		case status != "" && status != said:
			// Two reasons that differ say no more than that something may be there.
			im.say(im.composition, summary.LossAmbiguous, summary.ReasonContradiction, p.path+".emptyReason", code)
			status = summary.StatusUnavailable
		default:
			status = said
		}
		switch code {
		case "withheld":
			im.say(im.composition, summary.LossAmbiguous, summary.ReasonWithheld, p.path+".emptyReason", n.peek("text").str())
		case "notstarted", "closed":
			im.say(im.composition, summary.LossChanged, summary.ReasonUnknownCode, p.path+".emptyReason", code)
		}
	}
	text, words := n.gist(summary.MaxLossText), n.peek("text").str()
	n.readAll()
	if status == summary.StatusNoneKnown && exceptions().MatchString(words) {
		im.say(im.composition, summary.LossAmbiguous, summary.ReasonContradiction, p.path+".emptyReason", words)
		status = summary.StatusUnavailable
		if p.known && p.name == "allergies" {
			im.addAllergy(summary.Allergy{Agent: summary.Concept{Text: words}}, im.composition)
		}
	}
	switch {
	case status == "":
		im.say(im.composition, summary.LossDropped, summary.ReasonUnknownCode, p.path+".emptyReason", text)
	case !p.known || p.part == partResults:
		im.minor(im.composition, summary.LossDropped, summary.ReasonNoPlace, p.path+".emptyReason", text)
	case p.within && status == summary.StatusNoneKnown:
		im.lostClaim(claim{status: status, label: p.path, part: p.part}, summary.ReasonPartOfSection)
	default:
		im.claims[p.name] = append(im.claims[p.name], claim{part: p.part, status: status, label: p.path, by: p.by})
	}
}

// heads gives every section its status. A statement about a part of what is one section in a summary is never made one about the whole.
func (im *importer) heads() {
	on := summary.Date{}
	var by summary.Author
	if im.composition != nil {
		on = im.date(im.composition, im.composition.get("date"), "date")
		for _, ref := range im.composition.each("author") {
			a := im.author(im.composition, ref)
			if by.Name == "" && by.Org == "" {
				by = a
			} else if a.Name != "" || a.Org != "" {
				im.minor(im.composition, summary.LossDropped, summary.ReasonTooMany, "author", a.Name+" "+a.Org)
			}
		}
	}
	s := &im.summary.Sections
	for _, name := range summary.SectionNames() {
		head := headOf(s, name)
		count := len(im.sources[name])
		claims := im.claims[name]
		if count == 0 && len(claims) == 0 && !slices.Contains([]string{"allergies", "medications", "history"}, name) {
			continue
		}
		if head == nil {
			head = makeSection(s, name)
		}
		head.Reviewed, head.ReviewedBy = on, by
		if said, ok := im.said[name]; ok {
			head.Informant = said.Informant
			if !said.Reviewed.IsZero() {
				head.Reviewed = said.Reviewed
			}
			if said.ReviewedBy.Name != "" || said.ReviewedBy.Org != "" {
				head.ReviewedBy = said.ReviewedBy
			}
		}
		for _, c := range claims {
			if c.status == summary.StatusNoneKnown && (c.by.Name != "" || c.by.Org != "") {
				head.ReviewedBy = c.by
			}
			if c.status == summary.StatusNoneKnown && !c.on.IsZero() {
				head.Reviewed = c.on
			}
		}
		im.status(name, head, count, claims)
		if head.Status == summary.StatusNotAsked && len(head.NoneKnown) == 0 {
			// What nobody asked about, nobody reviewed.
			head.Reviewed, head.ReviewedBy = summary.Date{}, summary.Author{}
		}
	}
	im.open()
	im.ids()
}

// status works out what can be said of a section. Statements that nothing in a summary can hold are reported.
func (im *importer) status(name string, head *summary.SectionHead, count int, claims []claim) {
	var all, some []claim
	for _, c := range claims {
		if c.status == summary.StatusNoneKnown && c.only == "" && c.part == partAll {
			all = append(all, c)
		} else {
			some = append(some, c)
		}
	}
	none := map[summary.Category]claim{}
	parts := map[part]bool{}
	var unplaced []claim
	for _, c := range some {
		if c.status != summary.StatusNoneKnown {
			continue
		}
		parts[c.part] = true
		if category := categoryOf(name, c); category != "" {
			none[category] = c
		} else {
			unplaced = append(unplaced, c)
		}
	}
	// Problems, those of the past and procedures together are what a history is made of, not the problems of today alone.
	if name == "history" && count == 0 && parts[partProblems] && parts[partPast] && parts[partProcedure] {
		all, unplaced = append(all, none[summary.Category(summary.ConditionDisease)]), nil
	}
	for _, c := range unplaced {
		im.lostClaim(c, summary.ReasonPartOfSection)
	}
	// What the document names and does not hold is not none.
	unavailable, notAsked := im.denied[name] && count == 0 && len(all)+len(none) > 0, false
	if im.denied[name] {
		for _, c := range none {
			im.lostClaim(c, summary.ReasonContradiction)
		}
		clear(none)
	}
	for _, c := range some {
		unavailable = unavailable || c.status == summary.StatusUnavailable
		notAsked = notAsked || c.status == summary.StatusNotAsked
	}
	switch {
	case count > 0:
		head.Status = summary.StatusItems
		for _, c := range all {
			if name == "allergies" && im.allRefuted() {
				// Nothing is known but what was refuted: none of any category.
				for _, category := range []summary.Category{
					summary.CategoryMedication, summary.CategoryFood, summary.CategoryEnvironment, summary.CategoryBiologic, summary.CategoryContrast,
					summary.CategoryLatex, summary.CategoryOther,
				} {
					none[category] = c
				}
				continue
			}
			im.lostClaim(c, summary.ReasonContradiction)
		}
		for _, c := range some {
			if c.status != summary.StatusNoneKnown {
				im.lostClaim(c, summary.ReasonPartOfSection)
			}
		}
	case len(all) > 0 && !unavailable && !notAsked:
		head.Status = summary.StatusNoneKnown
		none = nil
	default:
		head.Status = summary.StatusNotAsked
		if unavailable {
			head.Status = summary.StatusUnavailable
		}
		for _, c := range all {
			im.lostClaim(c, summary.ReasonContradiction)
		}
	}
	present := im.categories(name)
	for _, category := range []summary.Category{
		summary.CategoryMedication, summary.CategoryFood, summary.CategoryEnvironment, summary.CategoryBiologic, summary.CategoryContrast,
		summary.CategoryLatex, summary.CategoryOther, summary.Category(summary.ConditionDisease), summary.Category(summary.ConditionProcedure),
		summary.Category(summary.ConditionFamily), summary.Category(summary.AlertImplant), summary.Category(summary.AlertPregnancy),
	} {
		c, said := none[category]
		switch {
		case !said, slices.Contains(head.NoneKnown, category):
		case present[category], name == "allergies" && present[""]:
			// An allergy of no category may be one of this.
			im.lostClaim(c, summary.ReasonContradiction)
		default:
			head.NoneKnown = append(head.NoneKnown, category)
		}
	}
}

func (im *importer) lostClaim(c claim, reason summary.LossReason) {
	im.add(summary.Loss{Kind: summary.LossDropped, Reason: reason, Source: c.label, Text: string(c.status) + " " + string(c.only) + string(c.part)})
}

// categoryOf is the category of a section that a claim of "none known" is about.
func categoryOf(name string, c claim) summary.Category {
	switch {
	case name == "allergies":
		return c.only
	case c.part == partProblems:
		return summary.Category(summary.ConditionDisease)
	case c.part == partProcedure:
		return summary.Category(summary.ConditionProcedure)
	case c.part == partFamily:
		return summary.Category(summary.ConditionFamily)
	case c.part == partDevices:
		return summary.Category(summary.AlertImplant)
	case c.part == partPregnancy:
		return summary.Category(summary.AlertPregnancy)
	}
	return ""
}

func (im *importer) allRefuted() bool {
	for _, a := range im.summary.Sections.Allergies.Items {
		if a.Verification != summary.VerificationRefuted {
			return false
		}
	}
	return true
}

// categories are those of the items that a section has.
func (im *importer) categories(name string) map[summary.Category]bool {
	present := map[summary.Category]bool{}
	s := &im.summary.Sections
	switch {
	case name == "allergies" && s.Allergies != nil:
		for _, a := range s.Allergies.Items {
			if a.Verification != summary.VerificationRefuted {
				present[a.Category] = true
			}
		}
	case name == "history" && s.History != nil:
		for _, c := range s.History.Items {
			present[summary.Category(c.Kind)] = true
		}
	case name == "alerts" && s.Alerts != nil:
		for _, a := range s.Alerts.Items {
			present[summary.Category(a.Kind)] = true
		}
	}
	return present
}

func headOf(s *summary.Sections, name string) *summary.SectionHead {
	if sec := s.Section(name); sec != nil {
		return sec.Head()
	}
	return nil
}

func makeSection(s *summary.Sections, name string) *summary.SectionHead {
	switch name {
	case "alerts":
		s.Alerts = &summary.Section[summary.Alert]{}
	case "allergies":
		s.Allergies = &summary.Section[summary.Allergy]{}
	case "medications":
		s.Medications = &summary.Section[summary.Medication]{}
	case "history":
		s.History = &summary.Section[summary.Condition]{}
	case "measurements":
		s.Measurements = &summary.Section[summary.Measurement]{}
	case "vaccinations":
		s.Vaccinations = &summary.Section[summary.Vaccination]{}
	case "visits":
		s.Visits = &summary.Section[summary.Visit]{}
	case "directives":
		s.Directives = &summary.Section[summary.Directive]{}
	case "contacts":
		s.Contacts = &summary.Section[summary.Contact]{}
	}
	return headOf(s, name)
}

// open takes the level open from what no consent opens.
func (im *importer) open() {
	if im.summary.Consent != nil {
		return
	}
	im.summary.Sections.Each(func(name string, sec summary.AnySection) {
		for i := range sec.Len() {
			if c := sec.Common(i); c.Level == summary.LevelOpen {
				c.Level = ""
				im.add(summary.Loss{Kind: summary.LossChanged, Reason: summary.ReasonLevel, Source: im.sources[name][i], Path: pathAfter(name, i), Text: "open"})
			}
		}
	})
}

// ids takes an id from all items that would share it: every kind of resource counts for itself.
func (im *importer) ids() {
	count := map[string]int{}
	each := func(f func(*summary.Common)) {
		im.summary.Sections.Each(func(_ string, sec summary.AnySection) {
			for i := range sec.Len() {
				f(sec.Common(i))
			}
		})
	}
	each(func(c *summary.Common) { count[c.ID]++ })
	each(func(c *summary.Common) {
		if count[c.ID] > 1 {
			c.ID = ""
		}
	})
}

// A listing is where in the Composition something stands.
type listing struct {
	section
	known bool
	path  string
	by    summary.Author
	// within is set for a section that speaks of a part of the one around it.
	within bool
	// unlisted is set for what stands in no section.
	unlisted bool
}

// section reads a section of the Composition: what its entries are, and what it says of the list as a whole.
func (im *importer) section(n *node, path string, depth int, parent listing) {
	if depth > maxSections || n.kind != kindObject {
		im.say(im.composition, summary.LossDropped, summary.ReasonStructure, path, n.gist(summary.MaxLossText))
		n.readAll()
		return
	}
	n.read = true
	n.skip("id", "mode", "orderedBy", "focus")
	title := n.string("title")
	var kept section
	known := false
	for _, c := range n.get("code").each("coding") {
		code, system := c.peek("code").str(), codeSystem(c.peek("system").str())
		if system == summary.CodeSNOMED {
			code, system = snomedSections[code], summary.CodeLOINC
		}
		if s, ok := sectionOf(code); ok && !known && system == summary.CodeLOINC {
			kept, known = s, true
		}
	}
	n.skip("code")
	label := cmp.Or(title, path)
	// A section within one of the same kind, as "drug allergies" within "allergies", speaks of a part of it.
	within := parent.known && (!known || kept.name == parent.name)
	place := listing{section: kept, known: known, path: path, by: im.sectionAuthor(n), within: within}
	im.sectionHead(n, place)
	own := place
	if !known && parent.known {
		// A part of it that has no code of its own.
		place.section, place.known = parent.section, true
	}
	said := 0
	for i, e := range n.each("entry") {
		at := fmt.Sprintf("%s.entry[%d]", path, i)
		to, display := e.string("reference"), e.string("display")
		kind := e.string("type")
		e.skip("identifier")
		if e.kind == kindString {
			to = e.str()
		}
		r := im.resolve(im.composition, to)
		said++
		if r == nil {
			im.missing(place, at, to, kind, display)
			continue
		}
		im.take(r, place)
	}
	if reason := n.get("emptyReason"); reason != nil {
		im.emptyReason(reason, own)
	}
	im.narrative(n, place, label)
	for i, sub := range n.each("section") {
		im.section(sub, fmt.Sprintf("%s.section[%d]", path, i), depth+1, place)
	}
}

// maxSections bounds how deep sections nest: the document's depth is bounded already, the recursion's cost is not.
const maxSections = 10

// sectionHead reads what an export says of a section beyond the Composition.
func (im *importer) sectionHead(n *node, p listing) {
	head := im.said[p.name]
	for _, e := range n.each("extension") {
		switch e.peek("url").str() {
		case extReviewed:
			e.readAll()
			head.Reviewed = im.date(im.composition, e.peek("valueDate"), p.path+".extension")
		case extInformant:
			e.readAll()
			head.Informant = own(im, im.composition, p.path+".extension", e.peek("valueCode").str(), ownInformants)
		default:
			e.read = false
		}
	}
	if p.by.Name != "" || p.by.Org != "" {
		head.ReviewedBy = p.by
	}
	if p.known && (p.part == partAll || p.part == partProblems || p.part == partResults) {
		im.said[p.name] = head
	}
}

func (im *importer) sectionAuthor(n *node) summary.Author {
	for _, ref := range n.each("author") {
		if a := im.author(im.composition, ref); a.Name != "" || a.Org != "" {
			return a
		}
	}
	return summary.Author{}
}

// missing is an entry that the bundle does not hold. An allergy that is listed and is not there must not go unseen: the name that the reference
// gives stands for it, and without one the document is refused.
func (im *importer) missing(p listing, at, ref, kind, display string) {
	name := cmp.Or(display, ref, at)
	isAllergy := strings.Contains(ref, "AllergyIntolerance/") || kind == "AllergyIntolerance" || p.known && p.name == "allergies"
	if !isAllergy {
		im.denied[p.name] = true
		im.say(im.composition, summary.LossDropped, summary.ReasonNotFound, at, name)
		return
	}
	if strings.TrimSpace(display) == "" {
		im.refuse("%w: %s, a reference to what is not in the bundle, without a name", ErrAllergy, at)
		return
	}
	im.addAllergy(summary.Allergy{Agent: summary.Concept{Text: display}}, im.composition)
	im.add(summary.Loss{
		Kind: summary.LossAmbiguous, Reason: summary.ReasonNotFound, Source: im.composition.label, Element: at, Text: display,
		Path: im.lastPath("allergies"),
	})
}
