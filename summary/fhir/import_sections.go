package fhir

import (
	"html"
	"regexp"
	"slices"
	"strings"

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

// claim notes what a resource says that stands in the place of an item.
func (im *importer) claim(section string, p part, a absence, r *resource) {
	common := im.common(r, section, "recorder", "asserter", "informationSource", "performer")
	c := claim{part: p, status: a.status, only: a.only, label: r.label, by: common.By, on: common.Recorded}
	im.claims[section] = append(im.claims[section], c)
	// Its code says it all: labels, statuses and categories of what is not there do not matter, notes do.
	for _, name := range r.names {
		if name != "note" && name != "reaction" && name != "modifierExtension" {
			r.skip(name)
		}
	}
}

// emptyReason reads why a section has no entries.
func (im *importer) emptyReason(n *node, p listing) {
	status := summary.SectionStatus("")
	for _, c := range n.peek("coding").list() {
		if status == "" {
			status = emptyReasons[c.peek("code").str()]
		}
		if code := c.peek("code").str(); code == "withheld" || code == "notstarted" || code == "closed" {
			im.say(im.composition, summary.LossChanged, summary.ReasonUnknownCode, p.path+".emptyReason", code)
		}
	}
	text := n.gist(summary.MaxLossText)
	n.readAll()
	switch {
	case status == "":
		im.say(im.composition, summary.LossDropped, summary.ReasonUnknownCode, p.path+".emptyReason", text)
	case !p.known || p.part == partResults:
		im.minor(im.composition, summary.LossDropped, summary.ReasonNoPlace, p.path+".emptyReason", text)
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
	}
	im.open()
	im.ids()
}

// status works out what can be said of a section. Statements that nothing in a summary can hold are reported.
func (im *importer) status(name string, head *summary.SectionHead, count int, claims []claim) {
	var all, some []claim
	for _, c := range claims {
		if c.status == summary.StatusNoneKnown && c.only == "" && wholeOf(name, c.part) {
			all = append(all, c)
		} else {
			some = append(some, c)
		}
	}
	none := map[summary.Category]claim{}
	for _, c := range some {
		if c.status != summary.StatusNoneKnown {
			continue
		}
		if category := categoryOf(name, c); category != "" {
			none[category] = c
		} else {
			im.lostClaim(c, summary.ReasonPartOfSection)
		}
	}
	// Problems and procedures together are what a history is made of.
	if _, procedures := none[summary.Category(summary.ConditionProcedure)]; name == "history" && procedures && count == 0 {
		if d, diseases := none[summary.Category(summary.ConditionDisease)]; diseases {
			all = append(all, d)
		}
	}
	unavailable, notAsked := false, false
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
			if c.status == summary.StatusUnavailable {
				im.lostClaim(c, summary.ReasonPartOfSection)
			}
		}
	case len(all) > 0 && !unavailable:
		head.Status = summary.StatusNoneKnown
		none = nil
	case unavailable:
		head.Status = summary.StatusUnavailable
		for _, c := range all {
			im.lostClaim(c, summary.ReasonContradiction)
		}
	default:
		head.Status = summary.StatusNotAsked
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
		case present[category]:
			im.lostClaim(c, summary.ReasonContradiction)
		default:
			head.NoneKnown = append(head.NoneKnown, category)
		}
	}
}

func (im *importer) lostClaim(c claim, reason summary.LossReason) {
	im.add(summary.Loss{Kind: summary.LossDropped, Reason: reason, Source: c.label, Text: string(c.status) + " " + string(c.only) + string(c.part)})
}

// wholeOf says whether a part is the section: devices and pregnancies are no points of attention by themselves, problems are not all of a
// history.
func wholeOf(_ string, p part) bool { return p == partAll }

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

var (
	headRow = regexp.MustCompile(`(?is)<(thead|caption|h[1-6]|th)\b[^>]*>.*?</(thead|caption|h[1-6]|th)>`)
	rowEnd  = regexp.MustCompile(`(?i)</(tr|li|p|div|dd)>|<br\b[^>]*>`)
	tag     = regexp.MustCompile(`<[^>]*>`)
	wordRE  = regexp.MustCompile(`[\p{L}\p{N}]{4,}`)
)

// maxNarrative bounds the narrative that is compared: what is longer is compared as far as that.
const maxNarrative = 1 << 20

// narrative warns where the text of a section has a row no word of which stands in its entries: somebody may read there what nobody coded.
func (im *importer) narrative(n *node, p listing, title string) {
	text := n.get("text")
	div := text.peek("div").str()
	text.readAll()
	if div == "" {
		return
	}
	known := map[string]bool{}
	note := func(s string) {
		for _, w := range wordRE.FindAllString(strings.ToLower(s), -1) {
			known[w] = true
		}
	}
	note(title)
	if said, err := im.summary.JSON(); err == nil {
		note(string(said))
	}
	var walk func(n *node, depth int)
	walk = func(n *node, depth int) {
		if n == nil || depth > maxDepth {
			return
		}
		if n.kind == kindString {
			note(n.text)
		}
		for _, kid := range n.kids {
			walk(kid, depth+1)
		}
	}
	seen := map[*resource]bool{}
	var follow func(r *resource, depth int)
	follow = func(r *resource, depth int) {
		if r == nil || seen[r] || depth > 3 {
			return
		}
		seen[r] = true
		walk(r.without("text"), 0)
		for _, ref := range r.references() {
			follow(im.find(r, ref), depth+1)
		}
	}
	walk(n.peek("extension"), 0)
	entries := n.peek("entry").list()
	for _, e := range entries {
		note(e.peek("display").str())
		follow(im.find(im.composition, e.peek("reference").str()), 0)
	}
	if len(entries) == 0 && (n.peek("emptyReason") != nil || n.peek("section") != nil) {
		return
	}
	var rows []string
	div = headRow.ReplaceAllString(div[:min(len(div), maxNarrative)], " ")
	for _, row := range rowEnd.Split(div, -1) {
		plain := strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(row, " "))), " ")
		words := wordRE.FindAllString(strings.ToLower(plain), -1)
		if len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return known[w] }) {
			rows = append(rows, plain)
		}
	}
	if len(rows) > 0 {
		im.say(im.composition, summary.LossAmbiguous, summary.ReasonNarrative, p.path+".text", title+": "+strings.Join(rows, " / "))
	}
}

// without is an object less one member.
func (n *node) without(name string) *node {
	c := &node{kind: n.kind}
	for i, s := range n.names {
		if s != name {
			c.names, c.kids = append(c.names, s), append(c.kids, n.kids[i])
		}
	}
	return c
}

// references lists where a resource points to.
func (r *resource) references() (list []string) {
	var walk func(n *node)
	walk = func(n *node) {
		if ref := n.peek("reference"); ref != nil && ref.kind == kindString {
			list = append(list, ref.text)
		}
		for _, kid := range n.kids {
			walk(kid)
		}
	}
	for i, name := range r.names {
		if name != "subject" && name != "patient" {
			walk(r.kids[i])
		}
	}
	return list
}
