package summary

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t testing.TB, doc string) *Summary {
	t.Helper()
	s, err := Parse([]byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return s
}

func compartments(t testing.TB, s *Summary) [4][]byte {
	t.Helper()
	c, err := s.Compartments()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func jsonOf(t testing.TB, s *Summary) string {
	t.Helper()
	out, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// view is what a summary says of its sections: the status, what none is known of, who reviewed, and a text for each item.
func view(s *Summary) map[string]string {
	v := map[string]string{}
	s.Sections.Each(func(name string, sec AnySection) {
		h := sec.Head()
		line := string(h.Status)
		for _, n := range h.NoneKnown {
			line += " no-" + string(n)
		}
		if !h.Reviewed.IsZero() {
			line += " reviewed"
		}
		for i := range sec.Len() {
			switch item := sec.Item(i).(type) {
			case *Allergy:
				line += " " + item.Agent.Text
			case *Condition:
				line += " " + item.Condition.Text
			case *Alert:
				line += " " + item.Text
			}
		}
		v[name] = line
	})
	return v
}

// What each clearance sees of a section. "none-known", "not-asked", "unavailable" and an absent section must never turn into one
// another, but for what a clearance must not see, which is unavailable.
func TestProjection(t *testing.T) {
	allergies := func(head, items string) string { return `"allergies":{` + head + `,"items":[` + items + `]}` }
	history := func(head, items string) string { return `"history":{` + head + `,"items":[` + items + `]}` }
	ag := func(text, level string) string {
		if level != "" {
			level = `,"level":"` + level + `"`
		}
		return `{"agent":{"text":"` + text + `"}` + level + `}`
	}
	hx := func(text, level string) string { return strings.Replace(ag(text, level), "agent", "condition", 1) }
	const un = "unavailable"
	for _, tt := range []struct {
		name, sections, section string
		// What the section reads with the levels open; open and care; open, care and clinical; all.
		want [4]string
	}{
		{"absent", ``, "allergies", [4]string{un, "", "", ""}},
		{"absent, clinical", ``, "history", [4]string{un, "", "", ""}},
		{"none known", `"allergies":{"status":"none-known","reviewed":"2026"}`, "allergies", [4]string{un, "none-known reviewed", "none-known reviewed", "none-known reviewed"}},
		{"not asked", `"allergies":{"status":"not-asked"}`, "allergies", [4]string{un, "not-asked", "not-asked", "not-asked"}},
		{"unavailable", `"allergies":{"status":"unavailable"}`, "allergies", [4]string{un, un, un, un}},
		{"none known by category", `"allergies":{"status":"not-asked","noneKnown":["food"]}`, "allergies", [4]string{un, "not-asked no-food", "not-asked no-food", "not-asked no-food"}},
		{"none known, clinical", `"history":{"status":"none-known"}`, "history", [4]string{un, un, "none-known", "none-known"}},
		{"not asked, clinical", `"history":{"status":"not-asked"}`, "history", [4]string{un, un, "not-asked", "not-asked"}},
		{"unavailable, clinical", `"history":{"status":"unavailable","reviewed":"2026"}`, "history", [4]string{un, un, un + " reviewed", un + " reviewed"}},
		{"items", allergies(`"status":"items","noneKnown":["food"]`, ag("a", "")), "allergies", [4]string{un, "items no-food a", "items no-food a", "items no-food a"}},
		{"items, one masked", allergies(`"status":"items"`, ag("m", "masked")+","+ag("a", "")), "allergies", [4]string{un, "items a", "items a", "items m a"}},
		{"all masked", allergies(`"status":"items","reviewed":"2026","noneKnown":["food"]`, ag("m", "masked")), "allergies", [4]string{un, un, un, "items no-food reviewed m"}},
		{"all above, in two levels", allergies(`"status":"items","reviewed":"2026"`, ag("m", "masked")+","+ag("c", "clinical")), "allergies", [4]string{un, un, "items reviewed c", "items reviewed m c"}},
		{"open and masked", allergies(`"status":"items","reviewed":"2026"`, ag("m", "masked")+","+ag("o", "open")), "allergies", [4]string{"items o", "items reviewed o", "items reviewed o", "items reviewed m o"}},
		{"all open", allergies(`"status":"items","reviewed":"2026"`, ag("o", "open")), "allergies", [4]string{"items o", "items reviewed o", "items reviewed o", "items reviewed o"}},
		{"clinical items", history(`"status":"items","reviewed":"2026"`, hx("a", "")), "history", [4]string{un, un, "items reviewed a", "items reviewed a"}},
		{"clinical, some lowered", history(`"status":"items","reviewed":"2026","noneKnown":["family"]`, hx("a", "")+","+hx("b", "care")+","+hx("o", "open")), "history", [4]string{"items o", "items b o", "items no-family reviewed a b o", "items no-family reviewed a b o"}},
		{"clinical, all lowered", history(`"status":"items","reviewed":"2026"`, hx("b", "care")), "history", [4]string{un, "items b", "items reviewed b", "items reviewed b"}},
		{"clinical, all masked", history(`"status":"items","reviewed":"2026"`, hx("m", "masked")), "history", [4]string{un, un, un, "items reviewed m"}},
		{"clinical, open and masked", history(`"status":"items","reviewed":"2026"`, hx("m", "masked")+","+hx("o", "open")), "history", [4]string{"items o", "items o", "items reviewed o", "items reviewed m o"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := parse(t, with(tt.sections))
			c := compartments(t, s)
			for r := range c {
				var part [4][]byte
				copy(part[:r+1], c[:r+1])
				m, err := Merge(part)
				if r == 0 {
					if !errors.Is(err, ErrNoIdentity) {
						t.Fatalf("level 0 alone: %v", err)
					}
					if m == nil && part[0] == nil {
						continue // nothing at all
					}
				} else if err != nil {
					t.Fatalf("up to level %d: %v", r, err)
				}
				// "no-" before "reviewed" is only the order of view.
				if got := view(m)[tt.section]; got != tt.want[r] {
					t.Errorf("up to level %d: %q, want %q", r, got, tt.want[r])
				}
			}
			// A damaged level 1 with all others there: nothing may read as not asked.
			m, err := Merge([4][]byte{c[0], nil, c[2], c[3]})
			if !errors.Is(err, ErrNoIdentity) {
				t.Fatal(err)
			}
			if m != nil {
				for _, name := range sectionNames {
					if sec := m.Sections.Section(name); sec == nil || sec.Head().Status != StatusUnavailable && sec.Head().Status != StatusItems && !strings.HasPrefix(tt.name, strings.ReplaceAll(string(sec.Head().Status), "-", " ")) {
						t.Errorf("without level 1, %s is %v", name, sec)
					}
				}
			}
			// A damaged level 2.
			if m, err = Merge([4][]byte{c[0], c[1], nil, c[3]}); err != nil {
				t.Fatal(err)
			}
			if sec := m.Sections.Section(tt.section); tt.sections != "" && (sec == nil || sec.Head().Status != s.Sections.Section(tt.section).Head().Status && sec.Head().Status != StatusUnavailable) {
				t.Errorf("without level 2: %q", view(m)[tt.section])
			}
		})
	}
}

// A stub says nothing of what lies above: the compartment is that of a section which is unavailable in truth.
func TestStubTellsNothing(t *testing.T) {
	for _, tt := range []struct{ name, item string }{
		{"alerts", `{"kind":"pregnancy","text":"x","level":"masked"}`},
		{"allergies", `{"agent":{"text":"x"},"level":"clinical"}`},
		{"history", `{"condition":{"text":"x"}}`},
		{"visits", `{"date":"2026","reason":{"text":"x"},"level":"masked"}`},
	} {
		c := compartments(t, parse(t, with(`"`+tt.name+`":{"status":"items","reviewed":"2026-11-02","reviewedBy":"Dr LEROY","informant":"patient","new":1,"items":[`+tt.item+`]}`)))
		want := compartments(t, parse(t, with(`"`+tt.name+`":{"status":"unavailable"}`)))
		if !bytes.Equal(c[1], want[1]) {
			t.Errorf("%s: level 1 is %x", tt.name, c[1])
		}
		if c[0] != nil {
			t.Errorf("%s: level 0 is %x", tt.name, c[0])
		}
	}
}

// random makes a summary from the sample: some sections gone or without items, levels and order changed at random.
func random(t testing.TB, seed uint64) *Summary {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := parse(t, sample)
	for i, sec := range s.Sections.all() {
		for j := range sec.Len() {
			c := sec.Common(j)
			if c.Level = ""; rng.IntN(2) == 0 {
				c.Level = levels[rng.IntN(4)]
			}
			if rng.IntN(6) == 0 {
				c.ID = fmt.Sprintf("own-%d-%d", i, j)
			}
			if rng.IntN(6) == 0 {
				c.Extra = Extra{"x": []byte(`[1,"é"]`), "#99": []byte(`"GCo="`), "#-9": []byte(`"9g=="`)}
			}
		}
		switch rng.IntN(8) {
		case 0:
			name := sectionNames[i]
			*s = *parse(t, strings.Replace(jsonOf(t, s), `"`+name+`":`, `"was-`+name+`":`, 1))
		case 1:
			*sec.extra() = Extra{"x": []byte("1"), "#20": []byte(`"AQ=="`), "#21@masked": []byte(`"Ag=="`)}
		}
	}
	rng.Shuffle(len(s.Sections.Medications.itemsOrNil()), func(i, j int) {
		m := s.Sections.Medications.Items
		m[i], m[j] = m[j], m[i]
	})
	if rng.IntN(3) == 0 {
		s.Sections.Extra = Extra{"new": []byte(`{"status":"items"}`), "#30": []byte(`"AQ=="`), "#31@care": []byte(`"AQ=="`)}
		s.Extra = Extra{"made-by": []byte(`"x"`), "#40@open": []byte(`"AQ=="`)}
	}
	return s
}

func (s *Section[I]) itemsOrNil() []I {
	if s == nil {
		return nil
	}
	return s.Items
}

// With all compartments the summary comes back exactly; with some, as much of it as they hold, in the same order.
func TestMergeRestores(t *testing.T) {
	var all []*Summary
	for _, doc := range good {
		all = append(all, parse(t, doc))
	}
	for seed := range uint64(150) {
		all = append(all, random(t, seed))
	}
	places := 0
	for i, s := range all {
		before := jsonOf(t, s)
		c := compartments(t, s)
		if jsonOf(t, s) != before {
			t.Fatalf("%d: Compartments changed the summary", i)
		}
		m, err := Merge(c)
		if err != nil {
			t.Fatalf("%d: %v\n%s", i, err, before)
		}
		s.AssignIDs()
		if diff := sameJSON(t, jsonOf(t, s), jsonOf(t, m)); diff != "" {
			t.Fatalf("%d: changed: %s", i, diff)
		}
		if again := compartments(t, m); !slices.EqualFunc(again[:], c[:], bytes.Equal) {
			t.Fatalf("%d: other compartments the second time", i)
		}
		if c2 := compartments(t, parse(t, jsonOf(t, m))); !slices.EqualFunc(c2[:], c[:], bytes.Equal) {
			t.Fatalf("%d: other compartments by way of JSON", i)
		}
		for _, p := range s.split() {
			for _, sp := range p.sections {
				if sp != nil && sp.places != nil {
					places++
				}
			}
		}
		for r := 1; r < 4; r++ {
			var part [4][]byte
			copy(part[:r+1], c[:r+1])
			m, err := Merge(part)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range sectionNames {
				if diff := cmp.Diff(visible(s, name, r), visible(m, name, r)); diff != "" {
					t.Fatalf("%d: up to level %d, %s: %s", i, r, name, diff)
				}
			}
		}
	}
	if places == 0 {
		t.Error("no summary needed places")
	}
}

// visible are the ids of the items up to a level.
func visible(s *Summary, name string, rank int) []string {
	var ids []string
	if sec := s.Sections.Section(name); sec != nil {
		for i := range sec.Len() {
			if c := sec.Common(i); levelOf(c, name).Rank() <= rank {
				ids = append(ids, c.ID)
			}
		}
	}
	return ids
}

func TestLevelIsKeptAsGiven(t *testing.T) {
	s := parse(t, with(`"allergies":{"status":"items","items":[{"agent":{"text":"a"}},{"agent":{"text":"b"},"level":"care"},{"agent":{"text":"c"},"level":"masked"}]}`))
	c := compartments(t, s)
	m, err := Merge(c)
	if err != nil {
		t.Fatal(err)
	}
	var got []Level
	for _, a := range m.Sections.Allergies.Items {
		got = append(got, a.Level)
	}
	if diff := cmp.Diff([]Level{"", LevelCare, LevelMasked}, got); diff != "" {
		t.Error(diff)
	}
	// {4: {2: [{1: "c"}]}}: the level of the compartment says it all.
	if got := hex.EncodeToString(c[3]); got != "a104a10281a1016163" {
		t.Errorf("masked: %s", got)
	}
}

func TestUnreviewed(t *testing.T) {
	c := compartments(t, parse(t, with(`"allergies":{"status":"items","items":[{"agent":{"text":"a"},"unreviewed":true},{"agent":{"text":"b"},"unreviewed":false}]}`)))
	// [{1: "a", -6: true}, {1: "b", -6: false}]
	if want := unhex(t, "82a201616125f5a201616225f4"); !bytes.Contains(c[1], want) {
		t.Errorf("%x is not in %x", want, c[1])
	}
	m, err := Merge(c)
	if err != nil {
		t.Fatal(err)
	}
	if a := m.Sections.Allergies.Items; a[0].Unreviewed != Yes || a[1].Unreviewed != No {
		t.Errorf("%v, %v", a[0].Unreviewed, a[1].Unreviewed)
	}
}

func TestIDs(t *testing.T) {
	ids := func(sections string) []string {
		s := parse(t, with(sections))
		m, err := Merge(compartments(t, s))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		m.Sections.Each(func(_ string, sec AnySection) {
			for i := range sec.Len() {
				all = append(all, sec.Common(i).ID)
			}
		})
		return all
	}
	section := func(items ...string) string {
		return `"allergies":{"status":"items","items":[` + strings.Join(items, ",") + `]}`
	}
	item := func(more string) string { return `{"agent":{"text":"latex"}` + more + `}` }
	// SHA-256 of a1 01 65 "latex", {1: "latex"}, begins with the bits that these five characters spell (FORMAT.md, 4.6).
	const id = "agd67rf"
	for _, tt := range []struct {
		name     string
		sections string
		want     []string
	}{
		{"derived", section(item("")), []string{id}},
		{"not of the level", section(item(`,"level":"masked"`)), []string{id}},
		{"twice", section(item(""), item("")), []string{id, id + "-2"}},
		{"lower levels first", section(item(`,"level":"masked"`), item("")), []string{id + "-2", id}},
		{"own", section(item(`,"id":"a1"`)), []string{"a1"}},
		{"derived one is taken", section(item(""), `{"agent":{"text":"x"},"id":"`+id+`"}`), []string{id + "-2", id}},
		{"derived one given", section(item(`,"id":"`+id+`"`), item("")), []string{id, id + "-2"}},
		{"derived one given to the second", section(item(""), item(`,"id":"`+id+`"`)), []string{id + "-2", id}},
	} {
		if diff := cmp.Diff(tt.want, ids(tt.sections)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	// An id that a reader derives costs nothing.
	a := compartments(t, parse(t, with(section(item("")))))
	b := compartments(t, parse(t, with(section(item(`,"id":"`+id+`"`)))))
	if !bytes.Equal(a[1], b[1]) {
		t.Error("a derived id is stored")
	}
}

// Members that this version does not know survive everywhere, by JSON name and by number.
func TestUnknownMembersSurvive(t *testing.T) {
	count := 0
	for _, m := range []struct{ at, more string }{
		{`"schema":"secours.summary/1"`, `,"x":{"a":[1.50,"\u00e9"]},"#9":"gwECAw==","#9@open":"AQ==","#9@clinical":"AQ==","#9@masked":"AQ=="`},
		{`"family":"DURAND"`, `,"x":"é","#99":"9g==","#-40":"QQA="`},
		{`"system":"ins-nir"`, `,"x":1,"#3":"AQ=="`},
		{`"scope":"tout"`, `,"x":1,"#5":"AQ=="`},
		{`"sections":{`, `"x":{"status":"none-known"},"#10":"AQ==","#10@open":"oQGBAg==","#10@care":"AQ==","#10@masked":"AQ==",`},
		{`"status":"items"`, `,"x":1,"#8":"AQ==","#8@open":"AQ==","#8@clinical":"AQ==","#8@masked":"AQ=="`},
		{`"note":"b"`, `,"x":1,"#13":"AQ==","#-8":"AQ=="`},
		{`"text":"a"`, `,"x":null,"#3":"AQ=="`},
		{`"system":"atc"`, `,"x":1,"#3":"AQ=="`},
		{`"name":"Dr LEROY"`, `,"x":1,"#5":"AQ=="`},
	} {
		doc := `{"schema":"secours.summary/1","patient":{"family":"DURAND","given":["J"],"birthDate":"1948","sex":"female",
			"ids":[{"system":"ins-nir","value":"1"}]},"consent":{"scope":"tout"},"sections":{"allergies":{"status":"items","items":[
			{"agent":{"text":"a","codes":[{"system":"atc","code":"A"}]},"by":{"name":"Dr LEROY"},"note":"b"}]}}}`
		if strings.Count(doc, m.at) != 1 {
			t.Fatalf("%s is not in the document once", m.at)
		}
		s := parse(t, strings.Replace(doc, m.at, m.at+m.more, 1))
		c := compartments(t, s)
		got, err := Merge(c)
		if err != nil {
			t.Errorf("%s: %v", m.at, err)
			continue
		}
		s.AssignIDs()
		if diff := sameJSON(t, jsonOf(t, s), jsonOf(t, got)); diff != "" {
			t.Errorf("%s: %s", m.at, diff)
		}
		if c2 := compartments(t, parse(t, jsonOf(t, got))); !slices.EqualFunc(c2[:], c[:], bytes.Equal) {
			t.Errorf("%s: other compartments by way of JSON", m.at)
		}
		count += len(s.Unknown())
	}
	if count < 30 {
		t.Errorf("only %d unknown members", count)
	}
}

// A value that only a newer format can name is shown by its number, and cannot be signed anew.
func TestNewerValues(t *testing.T) {
	c := compartments(t, parse(t, with(`"allergies":{"status":"items","items":[{"agent":{"text":"a"},"category":"other"}]}`)))
	old := "a20161610206" // {1: "a", 2: other}
	text := hex.EncodeToString(c[1])
	if strings.Count(text, old) != 1 {
		t.Fatalf("%s is not in %s", old, text)
	}
	c[1], _ = hex.DecodeString(strings.Replace(text, old, "a20161610217", 1))
	m, err := Merge(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Sections.Allergies.Items[0].Category; got != "#23" {
		t.Errorf("category %q", got)
	}
	if !strings.Contains(jsonOf(t, m), `"category":"#23"`) {
		t.Error("not shown in JSON")
	}
	_, err = m.Compartments()
	if errs := pathErrors(err); len(errs) != 1 || !errors.Is(errs[0], ErrNewer) || errs[0].Path != "sections.allergies.items[0].category" {
		t.Errorf("writing it: %v", err)
	}
}

func TestCompartmentTooLarge(t *testing.T) {
	s := parse(t, with(``))
	s.Sections.Visits = &Section[Visit]{SectionHead: SectionHead{Status: StatusItems}}
	for range 100 {
		s.Sections.Visits.Items = append(s.Sections.Visits.Items, Visit{
			Date: Date{Year: 2026}, Reason: Concept{Text: strings.Repeat("é", 200)}, Note: strings.Repeat("é", 500),
		})
	}
	if _, err := s.Compartments(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// The figures of a summary of about 5 items a section.
func TestSizes(t *testing.T) {
	s := parse(t, sample)
	c := compartments(t, s)
	raw, deflated := 0, 0
	for _, b := range c {
		var z bytes.Buffer
		w, _ := flate.NewWriter(&z, 9)
		w.Write(b)
		w.Close()
		if b != nil {
			raw, deflated = raw+len(b), deflated+z.Len()
		}
	}
	items := 0
	s.Sections.Each(func(_ string, sec AnySection) { items += sec.Len() })
	t.Logf("%d items: JSON %d B, compartments %d B (%d, %d, %d, %d), deflated %d B", items, len(jsonOf(t, s)), raw,
		len(c[0]), len(c[1]), len(c[2]), len(c[3]), deflated)
	if raw*3 > len(jsonOf(t, s)) {
		t.Errorf("%d B is more than a third of the JSON", raw)
	}
}
