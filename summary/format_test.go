package summary

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const formatFile = "../docs/FORMAT.md"

// kebab turns a Go name into one of CDDL: IdentityStatus, identity-status.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(rune(name[i-1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// cddlType is the name of the CDDL rule of a value, and its limit.
func cddlType(s *shape) (rule, limit string) {
	switch s.kind {
	case kindText:
		rule = map[bool]string{true: "block", false: "line"}[s.block]
		if s.digits {
			rule = "digits"
		}
		if s.ident {
			rule = "ident"
		}
		return rule, fmt.Sprintf(", at most %d characters", s.max)
	case kindEnum:
		return kebab(s.enum.name), ""
	case kindDate:
		return "date", ""
	case kindFlag:
		return "bool", ""
	case kindValue:
		return "value", fmt.Sprintf(", at most %d characters", s.max)
	case kindList:
		limit = fmt.Sprintf(", at most %d", s.max)
		if s.elem.kind == kindObject && s.elem.obj.form == formPair {
			return kebab(s.elem.obj.name) + "s", limit
		}
		elem, each := cddlType(s.elem)
		if s.elem.kind == kindText {
			limit += strings.Replace(each, " characters", " characters each", 1)
		}
		if s.min > 0 {
			return "[+ " + elem + "]", limit
		}
		return "[* " + elem + "]", limit
	}
	return kebab(s.obj.name), ""
}

func cddlFields(b *strings.Builder, o *object, want func(*field) bool) {
	for _, i := range o.sorted {
		f := &o.fields[i]
		if !want(f) {
			continue
		}
		rule, limit := cddlType(f.shape)
		if f.name == "noneKnown" {
			rule = "[* uint]"
			limit += ", numbers of alert-kind, category or condition-kind"
		}
		optional := "? "
		if f.req && f.name != "status" {
			optional = ""
		}
		line := fmt.Sprintf("  %s%d: %s,", optional, f.key, rule)
		fmt.Fprintf(b, "%-34s; %s%s\n", line, f.name, limit)
	}
}

// cddl writes the rules of all objects and enumerations of the model.
func cddl() (objects, enumerations string) {
	m := model()
	var b strings.Builder
	seen := map[*object]bool{}
	var names []string
	all := map[string]*enum{}
	note := func(e *enum) {
		if e.name != "" && all[e.name] == nil {
			all[e.name] = e
			names = append(names, e.name)
		}
	}
	var walk func(o *object)
	walk = func(o *object) {
		if seen[o] {
			return
		}
		seen[o] = true
		item := slices.Contains(m.items, o)
		name := kebab(o.name)
		if o.form != formPlain {
			name += "-map"
		}
		fmt.Fprintf(&b, "%s = {\n", name)
		cddlFields(&b, o, func(f *field) bool { return f.key > 0 })
		if item {
			b.WriteString("  common,\n")
		}
		b.WriteString("  extra }\n")
		for i := range o.fields {
			for s := o.fields[i].shape; s != nil; s = s.elem {
				if s.kind == kindEnum {
					note(s.enum)
				}
				if s.kind == kindObject {
					walk(s.obj)
				}
			}
		}
	}
	b.WriteString("sections = {\n")
	for i, name := range sectionNames {
		fmt.Fprintf(&b, "%-34s; %s, %s\n", fmt.Sprintf("  ? %d: section<%s>,", m.sections.field(name).key, kebab(m.items[i].name)), name, DefaultLevel(name))
	}
	b.WriteString("  extra }\n")
	walk(m.summary.field("patient").obj)
	walk(m.summary.field("consent").obj)
	b.WriteString("head = (\n")
	cddlFields(&b, m.heads[0], func(*field) bool { return true })
	b.WriteString("  )\ncommon = (\n")
	cddlFields(&b, m.items[0], func(f *field) bool { return f.key < 0 })
	b.WriteString("  )\n")
	note(m.heads[0].field("status").enum)
	note(m.heads[0].field("informant").enum)
	for _, o := range m.items {
		walk(o)
	}

	var e strings.Builder
	for _, name := range names {
		line := kebab(name) + " ="
		if all[name].uri {
			line += " tstr /"
		}
		line += " &("
		for i, v := range all[name].values {
			item := fmt.Sprintf(" %s: %d,", v, i)
			if i == len(all[name].values)-1 {
				item = strings.TrimSuffix(item, ",")
			}
			if len(line)+len(item) > 110 {
				e.WriteString(line + "\n")
				line = "   "
			}
			line += item
		}
		e.WriteString(line + " )\n")
	}
	return b.String(), e.String()
}

// amendmentCDDL writes the rules of what only amendments have.
func amendmentCDDL() string {
	var b strings.Builder
	for _, o := range []*object{model().amendment, model().additions} {
		name := kebab(o.name)
		if o == model().amendment {
			name = "amendment-content"
		}
		fmt.Fprintf(&b, "%s = {\n", name)
		cddlFields(&b, o, func(f *field) bool { return f.name != "schema" })
		b.WriteString("  extra }\n")
	}
	for _, i := range model().amendment.sorted {
		if s := model().amendment.fields[i].shape; s.kind == kindList {
			fmt.Fprintf(&b, "%s = {\n", kebab(s.elem.obj.name))
			cddlFields(&b, s.elem.obj, func(*field) bool { return true })
			b.WriteString("  extra }\n")
		}
	}
	return b.String()
}

// chapter returns what stands in the format between two headings.
func chapter(t *testing.T, from, to string) string {
	t.Helper()
	doc, err := os.ReadFile(formatFile)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)\n` + regexp.QuoteMeta(from) + ` .*?\n` + regexp.QuoteMeta(to) + ` `).Find(doc)
	if m == nil {
		t.Fatalf("docs/FORMAT.md has nothing between %s and %s", from, to)
	}
	return string(m)
}

func section4(t *testing.T) string { return chapter(t, "## 4.", "## 5.") }

// blocks are the fenced blocks of a language.
func blocks(doc, lang string) []string {
	var all []string
	for _, m := range regexp.MustCompile("(?s)```"+lang+"\n(.*?)```").FindAllStringSubmatch(doc, -1) {
		all = append(all, m[1])
	}
	return all
}

// unhexBlock are the bytes of a block of hexadecimal with comments.
func unhexBlock(t *testing.T, text string) []byte {
	t.Helper()
	text = regexp.MustCompile(`;.*`).ReplaceAllString(text, "")
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The CDDL of the document is that of the model.
func TestFormatRules(t *testing.T) {
	doc := section4(t)
	objects, enumerations := cddl()
	for _, want := range []string{objects, enumerations, amendmentCDDL()} {
		if !strings.Contains(doc, "```cddl\n"+want+"```\n") {
			t.Errorf("docs/FORMAT.md, section 4, does not have\n%s", want)
		}
	}
	for _, want := range []string{
		fmt.Sprintf("%d KiB", MaxCompartment>>10), fmt.Sprintf("%d MiB", MaxJSON>>20),
		fmt.Sprintf("nest at most %d deep", maxNested), fmt.Sprintf("%d of them in an unknown member", maxNestedNewer),
		fmt.Sprintf("at most %d unknown members", maxUnknown), fmt.Sprintf("at most %d elements", maxEntries),
		fmt.Sprintf("a section has at most %d items", model().parts[0].field("items").max),
		strings.Join(idPrefixes[:], ", "), "`" + crockford + "`",
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("docs/FORMAT.md, section 4, does not say %q", want)
		}
	}
}

// Numbers on cards are for ever: this list is written by hand, and only ever grows at the ends of its lines.
func TestEnumNumbersAreForEver(t *testing.T) {
	_, enumerations := cddl()
	frozen := []string{
		"sex = &( female: 0, male: 1, other: 2, unknown: 3",
		"section-status = &( items: 0, none-known: 1, not-asked: 2, unavailable: 3",
		"category = &( medication: 0, food: 1, environment: 2, biologic: 3, contrast: 4, latex: 5, other: 6",
		"verification = &( unconfirmed: 0, presumed: 1, confirmed: 2, refuted: 3",
		"criticality = &( low: 0, high: 1, unable-to-assess: 2",
		"period = &( day: 0, week: 1, month: 2, other: 3",
		"medication-status = &( active: 0, on-hold: 1, stopped: 2, completed: 3, unknown: 4",
		"position = &( opposed: 0, not-opposed: 1, unknown: 2",
		"level = &( open: 0, care: 1, clinical: 2, masked: 3",
	}
	for _, want := range frozen {
		if !strings.Contains("\n"+enumerations, "\n"+want) {
			t.Errorf("changed: %s", want)
		}
	}
}

// The worked example is what the code writes.
func TestFormatExample(t *testing.T) {
	doc := chapter(t, "### 4.10", "### 4.11")
	in, out := blocks(doc, "json"), blocks(doc, "hex")
	if len(in) != 1 || len(out) != 2 {
		t.Fatalf("%d documents, %d compartments", len(in), len(out))
	}
	c := compartments(t, parse(t, in[0]))
	for i, text := range out {
		b := unhexBlock(t, text)
		if size := fmt.Sprintf("Level %d (%d bytes)", i+1, len(b)); !strings.Contains(doc, size) {
			t.Errorf("the document does not say %q", size)
		}
		if r := i + 1; !reflect.DeepEqual(b, c[r]) {
			t.Errorf("level %d:\n%x\ninstead of\n%x", r, b, c[r])
		}
	}
	if c[0] != nil || c[3] != nil {
		t.Error("the example has other compartments")
	}
	m, err := Merge(c)
	if err != nil {
		t.Fatal(err)
	}
	if id := m.Sections.Allergies.Items[0].ID; !strings.Contains(doc, "`"+id+"`") {
		t.Errorf("the document does not say that the id of the first allergy is %s", id)
	}
}

// So is the one of an amendment.
func TestFormatAmendment(t *testing.T) {
	doc := chapter(t, "### 4.11", "## 5.")
	in, out := blocks(doc, "json"), blocks(doc, "hex")
	if len(in) != 1 || len(out) != 1 {
		t.Fatalf("%d documents, %d encodings", len(in), len(out))
	}
	want, got := unhexBlock(t, out[0]), sealed(t, parseAmendment(t, in[0]), LevelCare)
	if !bytes.Equal(want, got) {
		t.Errorf("%x\ninstead of\n%x", want, got)
	}
	if size := fmt.Sprintf("At level 1 (%d bytes)", len(got)); !strings.Contains(doc, size) {
		t.Errorf("the document does not say %q", size)
	}
	a, err := UnmarshalAmendment(got, LevelCare)
	if err != nil {
		t.Fatal(err)
	}
	if id := a.Add.Medications[0].ID; !strings.Contains(doc, "`"+id+"`") {
		t.Errorf("the document does not say that the id of the medication is %s", id)
	}
}
