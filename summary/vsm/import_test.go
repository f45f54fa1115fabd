package vsm

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/secours-card/secours/summary"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden compares what each document of testdata becomes, losses included, with what somebody has looked at.
func TestGolden(t *testing.T) {
	found := documents(t, "testdata/*.xml")
	if len(found) < 10 {
		t.Fatalf("only %d documents in testdata", len(found))
	}
	for _, name := range found {
		if strings.HasPrefix(filepath.Base(name), "refused-") {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := read(t, name)
			s, losses, err := Import(data)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := s.JSON()
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(map[string]any{"summary": json.RawMessage(doc), "losses": losses}); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(name, ".xml") + ".json"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(read(t, golden)), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	want := map[string]error{
		"allergy":       ErrAllergy,
		"doctype":       ErrDTD,
		"encoding":      ErrEncoding,
		"entity":        ErrXML,
		"malformed":     ErrXML,
		"no-birth-date": ErrPatient,
		"no-name":       ErrPatient,
		"no-patient":    ErrPatient,
		"not-cda":       ErrNotCDA,
		"pdf":           ErrUnstructured,
		"two-patients":  ErrPatient,
	}
	found := documents(t, "testdata/refused-*.xml")
	if len(found) != len(want) {
		t.Errorf("%d documents, want %d", len(found), len(want))
	}
	for _, name := range found {
		key := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "refused-"), ".xml")
		s, losses, err := Import(read(t, name))
		if want[key] == nil || !errors.Is(err, want[key]) {
			t.Errorf("%s: error %v, want one that is %v", key, err, want[key])
		}
		if s != nil || losses != nil {
			t.Errorf("%s: a summary beside an error", key)
		}
	}
}

// TestErrAllergyNames guards that who reads the error finds the entry.
func TestErrAllergyNames(t *testing.T) {
	_, _, err := Import(read(t, "testdata/refused-allergy.xml"))
	if err == nil || !strings.Contains(err.Error(), "48765-2/entry/act/entryRelationship/observation") {
		t.Errorf("error %v does not name the entry", err)
	}
}

// TestStatus guards what a section may say where it has no items. A text never makes none-known, and no statement about a kind of
// allergies one about all.
func TestStatus(t *testing.T) {
	tests := []struct {
		name, section string
		status        summary.SectionStatus
		noneKnown     []summary.Category
	}{
		{"none-known", "allergies", summary.StatusNoneKnown, nil},
		{"none-known", "medications", summary.StatusNoneKnown, nil},
		{"none-known", "history", summary.StatusNoneKnown, nil},
		{"none-known", "vaccinations", summary.StatusNoneKnown, nil},
		{"none-known", "alerts", summary.StatusNotAsked, []summary.Category{"implant"}},
		{"none-of-a-kind", "allergies", summary.StatusNotAsked, []summary.Category{"medication", "food"}},
		{"none-of-a-kind", "medications", summary.StatusNotAsked, nil},
		{"none-of-a-kind", "history", summary.StatusNotAsked, []summary.Category{"disease"}},
		{"none-contradicted", "allergies", summary.StatusItems, nil},
		{"none-problems", "history", summary.StatusNotAsked, []summary.Category{"disease"}},
		{"edges", "allergies", summary.StatusItems, nil},
		{"edges", "vaccinations", summary.StatusNotAsked, nil},
		{"none-beside", "allergies", summary.StatusItems, []summary.Category{"medication"}},
		{"none-beside", "medications", summary.StatusItems, nil},
		{"none-beside", "history", summary.StatusItems, []summary.Category{"procedure"}},
		{"none-negated", "allergies", summary.StatusItems, []summary.Category{"medication"}},
		{"none-negated", "medications", summary.StatusNoneKnown, nil},
		{"none-negated", "history", summary.StatusUnavailable, nil},
		{"not-asked", "allergies", summary.StatusNotAsked, nil},
		{"not-asked", "medications", summary.StatusNotAsked, nil},
		{"not-asked", "history", summary.StatusNotAsked, nil},
		{"not-asked", "alerts", summary.StatusNotAsked, nil},
		{"not-asked", "vaccinations", summary.StatusNotAsked, nil},
		{"unavailable", "allergies", summary.StatusUnavailable, nil},
		{"unavailable", "medications", summary.StatusUnavailable, nil},
		{"unavailable", "history", summary.StatusUnavailable, []summary.Category{"procedure"}},
		{"unavailable", "alerts", summary.StatusUnavailable, nil},
	}
	for _, tt := range tests {
		s, _, err := Import(read(t, "testdata/"+tt.name+".xml"))
		if err != nil {
			t.Fatal(tt.name, err)
		}
		sec := s.Sections.Section(tt.section)
		if sec == nil {
			t.Errorf("%s: no section %s", tt.name, tt.section)
			continue
		}
		if h := sec.Head(); h.Status != tt.status || !slices.Equal(h.NoneKnown, tt.noneKnown) {
			t.Errorf("%s: %s is %s %v, want %s %v", tt.name, tt.section, h.Status, h.NoneKnown, tt.status, tt.noneKnown)
		}
		if h := sec.Head(); h.Status == summary.StatusNotAsked && len(h.NoneKnown) == 0 && !h.Reviewed.IsZero() {
			t.Errorf("%s: %s was not asked about, and yet reviewed", tt.name, tt.section)
		}
	}
}

func TestDenies(t *testing.T) {
	for text, want := range map[string]bool{
		"Néant": true, "R.A.S.": true, "RAS": true, "-": true, "?": true, "Aucune allergie connue": true, "Non renseigné": true,
		"Allergies : aucune connue à ce jour": true, "Pas d’antécédent": true, "No known drug allergies": true, "NKDA": true,
		"Aucune autre allergie": true, "Absence d'allergie médicamenteuse": true,
		"Pas d'allergie alimentaire connue": true, "Aucune allergie médicamenteuse ni alimentaire": true, "Allergies : ø": true,
		"Le patient n'est pas allergique aux médicaments": true, "Pas d'allergie sauf au latex": false, "Ne pas donner d'aspirine": false,
		"Pénicilline": false, "Aucune, sauf pénicilline": false, "Pas d'aspirine": false, "Allergie alimentaire": false,
		"Insuffisance rénale": false, "aucune allergie hormis l'iode": false, "Rasburicase": false,
	} {
		if got := denies(text); got != want {
			t.Errorf("denies(%q) is %v", text, got)
		}
	}
}

// TestRows guards which rows of a narrative, beside an entry for penicillin, are an allergy of their own. The section
// after it has two more, and one that its author withdrew stands between.
func TestRows(t *testing.T) {
	doc := string(read(t, "testdata/rows.xml"))
	from := strings.Index(doc, "<text>") + len("<text>")
	to := strings.Index(doc, "</text>")
	for row, want := range map[string]bool{
		"Latex : urticaire": true, "Allergie au latex": true, "Allergie à la pénicilline et au latex": true, "Pénicilline, or": true,
		"Thé": true, "Lait de pénicilline": true, "Pas d'allergie, sauf au latex": true, "Pénicilline ; allergie alimentaire": true,
		"Choc anaphylactique": true, "Allergies alimentaires": true, "Chocolat": true, "Pénicilline, genévrier": true,
		"Allergies : latex :": true, "Pas d'aspirine": true, "E120": true,
		"Pénicilline": false, "PENICILLINES": false, "Allergie à la pénicilline": false, "Pénicilline : choc en 1998, grave": false,
		"Allergie médicamenteuse : pénicilline (urticaire)": false, "Urticaire": false, "Néant": false, "RAS": false, "-": false, "0": false,
		"This section contains all allergies. It does not contain allergies that were deleted or entered in error.": false, "Allergies : or": true,
		"Aucune autre allergie connue": false, "Pas d'allergie alimentaire connue": false, "Allergies": false, "Allergies alimentaires :": false,
	} {
		s, losses, err := Import([]byte(doc[:from] + "<list><item>" + row + "</item><item>Néant</item></list>" + doc[to:]))
		if err != nil {
			t.Fatal(row, err)
		}
		items := s.Sections.Allergies.Items
		if got := items[2].Agent.Text == row; got != want || !got && len(items) != 4 {
			t.Errorf("%q: an allergy of its own: %v, want %v", row, got, want)
		}
		told := slices.ContainsFunc(losses, func(l summary.Loss) bool {
			return l.Kind == summary.LossAmbiguous && l.Reason == summary.ReasonNarrative && l.Text == row &&
				l.Path == "sections.allergies.items[2]" && l.Source == "48765-2"
		})
		if told != want {
			t.Errorf("%q: reported as doubtful: %v, want %v", row, told, want)
		}
	}
}

func TestEncodings(t *testing.T) {
	text := strings.Replace(string(read(t, "testdata/level2.xml")), `encoding="UTF-8"`, `encoding="%s"`, 1)
	text = strings.ReplaceAll(text, "Pénicilline : œdème", "Pénicilline : oedème")
	plain := func(name string) string { return strings.Replace(text, "%s", name, 1) }
	var want *summary.Summary
	latin := func(s string) []byte {
		var b []byte
		for _, r := range s {
			b = append(b, byte(r))
		}
		return b
	}
	wide := func(s string, bom string, big bool) []byte {
		b := []byte(bom)
		for _, u := range utf16.Encode([]rune(s)) {
			if big {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return b
	}
	for name, data := range map[string][]byte{
		"utf-8":         []byte(plain("UTF-8")),
		"utf-8 bom":     []byte(bomUTF8 + plain("utf-8")),
		"utf-16le":      wide(plain("UTF-16"), "\xff\xfe", false),
		"utf-16be":      wide(plain("UTF-16"), "\xfe\xff", true),
		"iso-8859-1":    latin(plain("ISO-8859-1")),
		"iso-8859-15":   latin(plain("ISO-8859-15")),
		"windows-1252":  latin(plain("windows-1252")),
		"other prefix":  []byte(prefixed(plain("UTF-8"))),
		"declared late": []byte(plain("UTF-8") + "\n<!-- end -->\n"),
	} {
		if !Is(data) {
			t.Errorf("%s: Is says no", name)
		}
		s, _, err := Import(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want == nil {
			want = s
		}
		if diff := cmp.Diff(want, s); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, data := range map[string][]byte{
		"latin-1 called utf-8": latin(plain("UTF-8")),
		"utf-16 without bom":   []byte(plain("UTF-16")),
		"utf-16 cut":           wide(plain("UTF-16"), "\xff\xfe", false)[:1001],
		"unknown":              []byte(plain("EBCDIC-FR")),
	} {
		if _, _, err := Import(data); !errors.Is(err, ErrEncoding) {
			t.Errorf("%s: error %v, want one that is ErrEncoding", name, err)
		}
	}
	if s := string(must(decode([]byte("<?xml version='1.0' encoding='iso-8859-1'?>\x9c\x92")))); !strings.HasSuffix(s, "œ’") {
		t.Errorf("the bytes that ISO-8859-1 does not use are %q", s)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// prefixed gives every element of HL7 a prefix.
func prefixed(doc string) string {
	doc = strings.Replace(doc, `<ClinicalDocument xmlns="`, `<ClinicalDocument xmlns:v="`, 1)
	var b strings.Builder
	for i := 0; i < len(doc); i++ {
		b.WriteByte(doc[i])
		if doc[i] != '<' || i+1 >= len(doc) || doc[i+1] == '?' || doc[i+1] == '!' {
			continue
		}
		if doc[i+1] == '/' {
			i++
			b.WriteByte('/')
		}
		if !strings.HasPrefix(doc[i+1:], "pharm:") {
			b.WriteString("v:")
		}
	}
	return b.String()
}

func TestIs(t *testing.T) {
	for _, name := range documents(t, "testdata/*.xml") {
		if got, want := Is(read(t, name)), !strings.Contains(name, "not-cda"); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, s := range []string{"", "{}", "<", "<ClinicalDocument/>", `<x xmlns="urn:hl7-org:v3"/>`, "\xff\xfe", strings.Repeat(" ", 1<<20)} {
		if Is([]byte(s)) {
			t.Errorf("%.20q is no CDA document", s)
		}
	}
	if !Is([]byte("\xef\xbb\xbf\n<?pi?><!-- \xe9 --><c:ClinicalDocument xmlns:c=\"urn:hl7-org:v3\">")) {
		t.Error("what stands before the root element matters")
	}
}

// TestBounds breaks each limit by one.
func TestBounds(t *testing.T) {
	doc := string(read(t, "testdata/level2.xml"))
	in := func(s string) string { return strings.Replace(doc, "<list>", "<list>"+s, 1) }
	deep := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	const above = 7 // ClinicalDocument, component, structuredBody, component, section, text, list
	var entries strings.Builder
	for i := range maxItems + 1 {
		fmt.Fprintf(&entries, "<item>agent %d</item>", i)
	}
	for _, tt := range []struct {
		name, doc string
		ok        bool
	}{
		{"depth", in(deep(maxDepth - above)), true},
		{"depth", in(deep(maxDepth - above + 1)), false},
		{"attribute", in(`<item styleCode="` + strings.Repeat("x", maxAttr) + `"/>`), true},
		{"attribute", in(`<item styleCode="` + strings.Repeat("x", maxAttr+1) + `"/>`), false},
		{"nodes", in(strings.Repeat("<b/>", maxNodes)), false},
		{"size", doc + strings.Repeat(" ", MaxSize), false},
		{"allergies", in(entries.String()), false},
		{"losses", in(strings.Repeat("</list></text></section></component><component><section><text>a</text></section></component><component><section><text><list>", maxLosses+1)), false},
	} {
		_, _, err := Import([]byte(tt.doc))
		if ok := !errors.Is(err, ErrTooLarge); ok != tt.ok || ok && err != nil {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
	_, losses, err := Import([]byte(strings.Replace(doc, "</tbody>", strings.Repeat("<tr><td>drug</td></tr>", maxItems)+"</tbody>", 1)))
	if err != nil || !slices.ContainsFunc(losses, func(l summary.Loss) bool {
		return l.Reason == summary.ReasonTooMany && l.Source == "10160-0"
	}) {
		t.Errorf("one medication too many: error %v, and no loss that names its source", err)
	}
}

// TestNothingLost guards the promise of the report: a mark put into any text or label of the entries comes out in the summary or in
// the report.
func TestNothingLost(t *testing.T) {
	doc := string(read(t, "testdata/full.xml"))
	body := strings.Index(doc, "<structuredBody>")
	marked := 0
	for _, attr := range []string{`displayName="`, `unit="`, `<name>`, `<originalText>`, `<text>`, `<lotNumberText>`, `<item>`, `<td>`, `<paragraph>`} {
		for i := body; ; {
			j := strings.Index(doc[i:], attr)
			if j < 0 {
				break
			}
			i += j + len(attr)
			if c := doc[i]; c == '<' || c == '\n' || c == ' ' {
				continue
			}
			marked++
			s, losses, err := Import([]byte(doc[:i] + "zqx" + doc[i:]))
			if err != nil {
				t.Errorf("%s at byte %d: %v", attr, i, err)
				continue
			}
			out := string(must(s.JSON()))
			for _, l := range losses {
				out += l.Text
			}
			if !strings.Contains(strings.ToLower(out), "zqx") && !said(doc[:i], attr) {
				t.Errorf("lost: %.80q", doc[i-len(attr):])
			}
		}
	}
	if marked < 60 {
		t.Errorf("only %d marks", marked)
	}
}

// said is true for the labels of codes that are a value of a summary: the label of "diagnosis", or of "active".
func said(before, attr string) bool {
	tag := before[strings.LastIndexByte(before, '<'):]
	return attr == `displayName="` && (strings.Contains(tag, "G-1009") || strings.Contains(tag, `"active"`))
}

// FuzzImport: no input makes Import panic, what comes out is valid, and no entry of the allergies disappears.
func FuzzImport(f *testing.F) {
	for _, name := range documents(f, "testdata/*.xml") {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, losses, err := Import(data)
		if err != nil {
			if s != nil || losses != nil {
				t.Fatal("a summary beside an error")
			}
			return
		}
		if !Is(data) && len(data) < sniffed {
			t.Error("imported, and Is says that it is no CDA document")
		}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		root, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		checkAllergies(t, root, s, losses)
	})
}

// checkAllergies counts: each statement of the section 48765-2 is an item, a statement about the list, or reported by its entry.
func checkAllergies(t *testing.T, root *node, s *summary.Summary, losses []summary.Loss) {
	var walk func(n *node, body bool)
	walk = func(n *node, body bool) {
		if n.name == "section" && body && n.kid("code").peek("code") == "48765-2" {
			items := 0
			if s.Sections.Allergies != nil {
				items = len(s.Sections.Allergies.Items)
			}
			said := 0
			for _, e := range n.all("entry") {
				for range observations(e, "observation") {
					said++
				}
			}
			reported := 0
			for _, l := range losses {
				if strings.HasPrefix(l.Source, "48765-2") {
					reported++
				}
			}
			stated := 0
			if a := s.Sections.Allergies; a != nil {
				if a.Status == summary.StatusNoneKnown || a.Status == summary.StatusUnavailable {
					stated = said
				}
				stated += len(a.NoneKnown)
			}
			if items+reported+stated < said {
				t.Errorf("%d statements on allergies: %d items, %d losses, %d statements about the list", said, items, reported, stated)
			}
		}
		for _, k := range n.kids {
			inside := body || k.name == "structuredBody"
			if !inside && k.name != "component" || inside && k.name != "structuredBody" && k.name != "component" && k.name != "section" {
				continue
			}
			walk(k, inside)
		}
	}
	walk(root, false)
}

func documents(t testing.TB, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no document %s: %v", pattern, err)
	}
	return found
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestMangle takes out each element, and then each attribute, of the documents: what Import makes of the rest keeps its promises.
func TestMangle(t *testing.T) {
	for _, name := range []string{"full", "dirty", "none-beside", "none-negated"} {
		data := read(t, "testdata/"+name+".xml")
		for i, cut := range cuts(t, data) {
			if i%5 != 0 {
				continue // some thousands: a part of them will do
			}
			rest := slices.Concat(data[:cut[0]], data[cut[1]:])
			s, losses, err := Import(rest)
			if err != nil {
				if s != nil || losses != nil {
					t.Fatal("a summary beside an error")
				}
				continue
			}
			if err := s.Validate(); err != nil {
				t.Fatalf("%s without bytes %v: %v", name, cut, err)
			}
			root, err := parse(rest)
			if err != nil {
				t.Fatal(err)
			}
			checkAllergies(t, root, s, losses)
			if t.Failed() {
				t.Fatalf("%s without bytes %v: %s", name, cut, data[cut[0]:cut[1]])
			}
		}
	}
}

// cuts returns where the elements and the attributes of a document stand.
func cuts(t *testing.T, data []byte) (found [][2]int64) {
	t.Helper()
	d := newDecoder(data)
	var open []int64
	for {
		at := d.InputOffset()
		token, err := d.Token()
		if err != nil {
			break
		}
		switch token.(type) {
		case xml.StartElement:
			open = append(open, at)
		case xml.EndElement:
			if at := open[len(open)-1]; at > 0 {
				found = append(found, [2]int64{at, d.InputOffset()})
			}
			open = open[:len(open)-1]
		}
	}
	for _, m := range regexp.MustCompile(` [a-z:A-Z]+="[^"]*"`).FindAllIndex(data, -1) {
		found = append(found, [2]int64{int64(m[0]), int64(m[1])})
	}
	if len(found) < 100 {
		t.Fatalf("only %d elements and attributes", len(found))
	}
	return found
}
