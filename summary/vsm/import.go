package vsm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// maxLosses is the length of the longest report. A record of a whole life has some thousand values that a summary has no place
// for; above that nobody reads it.
const maxLosses = 20_000

// maxItems is the length of a section of a summary. Allergies and points of attention are never left out, so more are an error.
const maxItems = 100

// Import reads a CDA document into a summary, and reports what it did not keep as it was. The summary is valid; its items have
// no ids and, but for what the document calls very restricted, no levels. The error wraps one of this package, or is that of
// [summary.Summary.Validate].
func Import(data []byte) (*summary.Summary, []summary.Loss, error) {
	root, err := parse(data)
	if err != nil {
		return nil, nil, err
	}
	im := &importer{
		root: root,
		ids:  indexed(root),
		out:  &summary.Summary{Schema: summary.Schema},
		from: map[string]string{},

		names:  map[*node]string{},
		shared: map[*node]bool{},
	}
	im.share()
	if err := im.document(); err != nil {
		return nil, nil, err
	}
	if im.full || len(im.losses) > maxLosses {
		return nil, nil, fmt.Errorf("%w: more than %d things that a summary has no place for", ErrTooLarge, maxLosses)
	}
	if err := im.out.Validate(); err != nil {
		return nil, nil, err
	}
	return im.out, im.losses, nil
}

type importer struct {
	root *node
	ids  index
	out  *summary.Summary
	// losses are those of the item that is being read, until it is settled, and then all.
	losses []summary.Loss
	// seen are the words that were taken into the item that is being read, and those of the section.
	seen, told map[string]bool
	// from says where in the document an item of the summary comes from, by its path.
	from map[string]string
	// names are those of the sections in the report.
	names map[*node]string
	// shared are the rows of narratives to which several statements refer.
	shared map[*node]bool
	// accounts are what the allergies that were read so far say.
	accounts []account
	// day is that of the document, author who wrote it.
	day    summary.Date
	author summary.Author
	// times are those of the dosage that is being read, as its structure has them.
	times []string
	// here is the section that is being read.
	here *section
	// masked says that the whole document is very restricted.
	masked bool
	// items counts what was read, and full says that it was too much.
	items int
	full  bool
	err   error

	sections     []*section
	alerts       []draft[summary.Alert]
	allergies    []draft[summary.Allergy]
	medications  []draft[summary.Medication]
	history      []draft[summary.Condition]
	measurements []draft[summary.Measurement]
	vaccinations []draft[summary.Vaccination]
	visits       []draft[summary.Visit]
	directives   []draft[summary.Directive]
	contacts     []draft[summary.Contact]
}

// A draft is an item with what was lost of it.
type draft[I any] struct {
	item   I
	source string
	losses []summary.Loss
}

// item reads one item: build says whether there is one. What it reports goes with the item, or where there is none to the report
// as a whole; content of n that nothing read is reported last.
func item[I any](im *importer, list *[]draft[I], n *node, build func() (I, bool)) bool {
	// What is beyond the end of a list will be a loss.
	if im.items++; im.full || im.items+len(im.losses) > maxLosses {
		im.full = true
		return false
	}
	outer := im.losses
	im.losses, im.seen = nil, map[string]bool{}
	it, ok := build()
	im.unread(n)
	reported := func(l summary.Loss) bool { return l.Element == summary.LossText(n.path(im.top(n))) }
	if !ok && sectionOf(n) != nil && !slices.ContainsFunc(im.losses, reported) {
		im.report(summary.LossDropped, summary.ReasonNoText, n, im.readable(n))
	}
	mine := im.losses
	im.losses = outer
	for w := range im.seen {
		im.told[w] = true
	}
	if !ok {
		im.losses = append(im.losses, mine...)
		return false
	}
	*list = append(*list, draft[I]{it, im.source(n), mine})
	im.here.items++
	return true
}

// report adds a loss about an element, at the path below its entry.
func (im *importer) report(kind summary.LossKind, reason summary.LossReason, n *node, text string) {
	im.add(summary.Loss{Kind: kind, Reason: reason, Text: text}, n)
}

// minor reports what nothing clinical hangs on.
func (im *importer) minor(kind summary.LossKind, reason summary.LossReason, n *node, text string) {
	im.add(summary.Loss{Kind: kind, Reason: reason, Minor: true, Text: text}, n)
}

func (im *importer) add(l summary.Loss, n *node) {
	if len(im.losses) > maxLosses {
		im.full = true
		return
	}
	l.Source, l.Text = im.source(n), summary.LossText(l.Text)
	if top := im.top(n); top != nil && n != top {
		l.Element = summary.LossText(n.path(top))
	}
	im.losses = append(im.losses, l)
}

// top is the entry that an element is part of, else its section, else the part of the header.
func (im *importer) top(n *node) *node {
	for up := n; up != nil; up = up.up {
		switch {
		case up.name == "section" || up.name == "ClinicalDocument":
			return up
		case up.up != nil && (up.name == "entry" && up.up.name == "section" || up.up.name == "ClinicalDocument"):
			return up
		}
	}
	return nil
}

// source names where an element stands: "48765-2/entry[2]" or "recordTarget". Numbers count from 1, as in XPath.
func (im *importer) source(n *node) string {
	top := im.top(n)
	switch {
	case top == nil:
		return ""
	case top.name == "entry":
		return summary.LossText(im.sectionName(top.up) + "/" + top.path(top.up))
	case top.name == "section":
		return im.sectionName(top)
	}
	return summary.LossText(top.path(im.root))
}

func (im *importer) sectionName(n *node) string {
	name := im.names[n]
	if name == "" {
		name = cmpOr(n.kid("code").peek("code"), "section")
		if len(name) > maxCode || name != summary.LossText(name) {
			// No code of a section: the number of the entry must stay in sight.
			name = summary.LossText(string([]rune(name)[:min(len([]rune(name)), maxCode)]))
		}
		im.names[n] = name
	}
	return name
}

// document reads the header and all sections, and makes the summary of what they gave.
func (im *importer) document() error {
	im.told = map[string]bool{}
	im.here = &section{}
	if err := im.patient(); err != nil {
		return err
	}
	im.header()
	bodies := im.root.all("component")
	for _, c := range bodies {
		im.body(c.kid("structuredBody"))
	}
	switch {
	case im.err != nil || im.full:
		return im.err
	case len(im.sections) == 0:
		media := ""
		for _, c := range bodies {
			media = cmpOr(c.at("nonXMLBody", "text").peek("mediaType"), media)
		}
		if media != "" {
			return fmt.Errorf("%w: its body is %s, which only a person can read", ErrUnstructured, printable(media))
		}
		return ErrUnstructured
	}
	return im.finish()
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), 60)])
}

func cmpOr(texts ...string) string {
	for _, s := range texts {
		if !blank(s) {
			return s
		}
	}
	return ""
}

// body reads the sections of a body, or those within another section, at any depth: a VSM nests them.
func (im *importer) body(n *node) {
	for _, c := range n.all("component") {
		for _, s := range c.all("section") {
			im.section(s)
			im.body(s)
		}
	}
}

// finish makes the sections of the summary.
func (im *importer) finish() error {
	im.mostRecent()
	out := &im.out.Sections
	for _, err := range []error{
		tooMany("allergies", len(im.allergies)), tooMany("points of attention", len(im.alerts)),
	} {
		if err != nil {
			return err
		}
	}
	out.Alerts = settle(im, "alerts", im.alerts)
	out.Allergies = settle(im, "allergies", im.allergies)
	out.Medications = settle(im, "medications", im.medications)
	out.History = settle(im, "history", im.history)
	out.Measurements = settle(im, "measurements", im.measurements)
	out.Vaccinations = settle(im, "vaccinations", im.vaccinations)
	out.Visits = settle(im, "visits", im.visits)
	out.Directives = settle(im, "directives", im.directives)
	out.Contacts = settle(im, "contacts", im.contacts)
	im.out.Fit(func(l summary.Loss) {
		l.Source = im.from[itemPath(l.Path)]
		im.losses = append(im.losses, l)
	})
	return nil
}

func tooMany(what string, n int) error {
	if n <= maxItems {
		return nil
	}
	return fmt.Errorf("%w: %d %s, at most %d, and none may be left out", ErrTooLarge, n, what, maxItems)
}

// itemPath cuts a path after the item.
func itemPath(path string) string {
	if i := strings.Index(path, "]"); i >= 0 && strings.HasPrefix(path, "sections.") {
		return path[:i+1]
	}
	return path
}

// settle makes a section of its items and of what the sections of the document say about the list as a whole. It is nil where
// the document has no such section: then nobody asked.
func settle[I any](im *importer, name string, drafts []draft[I]) *summary.Section[I] {
	var parts []*section
	for _, s := range im.sections {
		if s.target == name {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 && len(drafts) == 0 {
		return nil
	}
	sec := &summary.Section[I]{}
	for i, d := range drafts {
		path := fmt.Sprintf("sections.%s.items[%d]", name, i)
		for _, l := range d.losses {
			l.Path = path
			im.losses = append(im.losses, l)
		}
		im.from[path] = d.source
		sec.Items = append(sec.Items, d.item)
	}
	im.statement(&sec.SectionHead, parts, sec)
	return sec
}

// statement says what the list of a section stands for.
func (im *importer) statement(head *summary.SectionHead, parts []*section, sec summary.AnySection) {
	categories, all := im.noneKnown(parts)
	switch {
	case sec.Len() > 0:
		head.Status = summary.StatusItems
		if all {
			for _, p := range parts {
				im.retract(*p.none, summary.ReasonContradiction)
			}
		}
	case all:
		head.Status, categories = summary.StatusNoneKnown, nil
	case slices.ContainsFunc(parts, func(p *section) bool { return p.unavailable }):
		head.Status = summary.StatusUnavailable
	default:
		head.Status = summary.StatusNotAsked
	}
	for _, c := range categories {
		switch {
		case !hasCategory(sec, c.of):
			if !slices.Contains(head.NoneKnown, c.of) {
				head.NoneKnown = append(head.NoneKnown, c.of)
			}
		case c.by.items > 0:
			im.retract(c, summary.ReasonContradiction)
		default:
			im.retract(c, summary.ReasonPartOfSection)
		}
	}
	// That nobody asked was said by nobody.
	if head.Status == summary.StatusNotAsked && len(head.NoneKnown) == 0 {
		return
	}
	head.Reviewed = im.day
	head.ReviewedBy = im.author
	if len(parts) > 0 && parts[0].author.Name != "" && !slices.ContainsFunc(parts, func(p *section) bool {
		return p.author.Name != parts[0].author.Name
	}) {
		head.ReviewedBy = parts[0].author
	}
}

// retract reports a statement that there is none, which the summary cannot make.
func (im *importer) retract(n none, reason summary.LossReason) {
	im.report(summary.LossDropped, reason, n.at, n.text)
}

// noneKnown returns the categories of which none is known, and whether that holds for the whole list: only where every section
// of the document that is part of it says so.
func (im *importer) noneKnown(parts []*section) (categories []none, all bool) {
	all = len(parts) > 0
	for _, p := range parts {
		all = all && p.none != nil
		categories = append(categories, p.noneOf...)
	}
	if len(parts) > 0 && parts[0].target == "history" {
		return im.noneOfHistory(parts)
	}
	if !all {
		for _, p := range parts {
			if p.none != nil {
				im.retract(*p.none, summary.ReasonPartOfSection)
			}
		}
	}
	return categories, all
}

// noneOfHistory puts together what the sections say of which a history is made: each for its kind, and current and past problems for
// one together. Where one of these two is not in the document, the other speaks for both, and somebody has to look.
func (im *importer) noneOfHistory(parts []*section) (categories []none, all bool) {
	said := map[string]*none{}
	open := map[string]bool{} // a section is there that does not say so
	for _, p := range parts {
		if p.none == nil {
			open[p.part] = true
		} else {
			said[p.part] = p.none
		}
	}
	for part := range open {
		if n := said[part]; n != nil {
			im.retract(*n, summary.ReasonPartOfSection)
			delete(said, part)
		}
	}
	current, past := said[partCurrent], said[partPast]
	if current != nil && past != nil && said[partProcedures] != nil && !open[partFamily] {
		return nil, true
	}
	add := func(n *none, kind summary.ConditionKind) {
		if n != nil {
			c := *n
			c.of = summary.Category(kind)
			categories = append(categories, c)
		}
	}
	alone, other := current, open[partPast]
	if current == nil {
		alone, other = past, open[partCurrent]
	}
	switch {
	case current != nil && past != nil:
		add(current, summary.ConditionDisease)
	case alone != nil && other:
		im.retract(*alone, summary.ReasonPartOfSection)
	case alone != nil:
		im.report(summary.LossAmbiguous, summary.ReasonPartOfSection, alone.at, alone.text)
		add(alone, summary.ConditionDisease)
	}
	add(said[partProcedures], summary.ConditionProcedure)
	add(said[partFamily], summary.ConditionFamily)
	return categories, false
}

// hasCategory says whether an item is of a category; a refuted allergy is there to say that there is none.
func hasCategory(sec summary.AnySection, c summary.Category) bool {
	for i := range sec.Len() {
		switch it := sec.Item(i).(type) {
		case *summary.Alert:
			if string(it.Kind) == string(c) {
				return true
			}
		case *summary.Allergy:
			// An allergy whose category is not said may be of this one.
			if it.Verification != summary.VerificationRefuted && (it.Category == c || it.Category == "") {
				return true
			}
		case *summary.Condition:
			if string(it.Kind) == string(c) {
				return true
			}
		}
	}
	return false
}
