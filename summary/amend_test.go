package summary

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	pharmacist = Author{Name: "Anne DUBOIS", Role: "pharmacist"}
	signing    = Date{2026, 11, 15}
)

// restored is a summary as a reader of the card has it, every item with its id.
func restored(t testing.TB, s *Summary) *Summary {
	t.Helper()
	m, err := Merge(compartments(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAmendAdds(t *testing.T) {
	s := restored(t, parse(t, sample))
	a := parseAmendment(t, amended)
	before := amendmentJSON(t, a)
	a.AssignIDs(nil)
	withIDs := amendmentJSON(t, a)
	lens := map[string]int{}
	s.Sections.Each(func(name string, sec AnySection) { lens[name] = sec.Len() })
	changes, missing := s.Amend(a, pharmacist, signing)
	if before == withIDs || amendmentJSON(t, a) != withIDs {
		t.Error("Amend changed the amendment")
	}
	var got []string
	for _, c := range changes {
		if c.Operation != OpAdd {
			t.Errorf("%s of what is not there", c.Operation)
		}
		got = append(got, fmt.Sprint(c.Section, " ", c.By.Name, " ", c.On, " ", c.Head))
	}
	want := []string{
		"allergies Anne DUBOIS 2026-11-15 <nil>", "medications Anne DUBOIS 2026-11-15 <nil>", "medications Anne DUBOIS 2026-11 <nil>",
		"history Anne DUBOIS 2026-11-15 <nil>", "vaccinations Anne DUBOIS 2026-11-15 <nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(missing) != 6 {
		t.Errorf("%d operations on items that are not there", len(missing))
	}
	if n := s.Sections.Medications.Len(); n != lens["medications"]+2 {
		t.Fatalf("%d medications", n)
	}
	ibuprofen := s.Sections.Medications.Items[lens["medications"]]
	if c := ibuprofen.Common; c.Unreviewed != Yes || !reflect.DeepEqual(c.By, pharmacist) || c.Recorded != signing || c.ID != a.Add.Medications[0].ID {
		t.Errorf("%+v", c)
	}
	if c := s.Sections.Vaccinations.Items[lens["vaccinations"]].Common; c.By.Name != "Dr LEROY" || c.Unreviewed != Yes {
		t.Errorf("an item that names its author: %+v", c)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if m := restored(t, s); !reflect.DeepEqual(m, s) {
		t.Error("changed by way of the card")
	}
}

func TestAmendItems(t *testing.T) {
	base := `"medications":{"status":"items","items":[
		{"id":"m1","product":{"text":"a"},"status":"active","end":"2020","stopReason":"old","taken":{"value":"old"},"dispensed":{"quantity":1}},
		{"id":"m2","product":{"text":"b"}}]},
		"allergies":{"status":"items","items":[{"id":"a1","agent":{"text":"c"}}]}`
	type want struct{ changes, missing []Change }
	for _, tt := range []struct {
		name, amendment string
		want            want
		check           func(m []Medication) bool
	}{
		{
			"stop", amending(`"stop":[{"id":"m1","date":"2026-11-10","reason":"x","new":1}]`),
			want{changes: []Change{{Operation: OpStop, Section: "medications", ID: "m1", Text: "x", End: Date{2026, 11, 10}, Extra: Extra{"new": []byte("1")}}}},
			func(m []Medication) bool {
				return m[0].Status == MedicationStopped && m[0].End == Date{2026, 11, 10} && m[0].StopReason == "x"
			},
		},
		{
			"stop that says no more", amending(`"stop":[{"id":"m1","recorded":"2026-11-14"}]`),
			want{changes: []Change{{Operation: OpStop, Section: "medications", ID: "m1", On: Date{2026, 11, 14}}}},
			// The end and the reason of a former stop are not those of this one.
			func(m []Medication) bool {
				return m[0].Status == MedicationStopped && m[0].End == Date{} && m[0].StopReason == ""
			},
		},
		{
			"taken", amending(`"taken":[{"id":"m1","value":"x","lastTaken":"2026"}]`),
			want{changes: []Change{{Operation: OpTaken, Section: "medications", ID: "m1", Taken: &Taken{Value: "x", LastTaken: Date{Year: 2026}}}}},
			func(m []Medication) bool { return m[0].Taken.Value == "x" && m[0].Status == MedicationActive },
		},
		{
			"dispensed", amending(`"dispensed":[{"id":"m1","quantity":2}]`),
			want{changes: []Change{{Operation: OpDispensed, Section: "medications", ID: "m1", Dispensed: &Dispensed{Quantity: Value{"2", true}}}}},
			func(m []Medication) bool { return m[0].Dispensed.Quantity.Text == "2" },
		},
		{
			"annotate anything", amending(`"annotate":[{"id":"a1","note":"x"},{"id":"m2","note":"y"}]`),
			want{changes: []Change{
				{Operation: OpAnnotate, Section: "allergies", ID: "a1", Text: "x"}, {Operation: OpAnnotate, Section: "medications", ID: "m2", Text: "y"},
			}},
			nil,
		},
		{
			"retract", amending(`"retract":[{"id":"a1","reason":"x"},{"id":"m1"}]`),
			want{changes: []Change{
				{Operation: OpRetract, Section: "allergies", ID: "a1", Text: "x"}, {Operation: OpRetract, Section: "medications", ID: "m1"},
			}},
			func(m []Medication) bool { return m[0].Status == MedicationActive && len(m) == 2 },
		},
		{
			"nothing of the kind", amending(`"stop":[{"id":"x"},{"id":"a1"}],"annotate":[{"id":"x","note":"y"}],"taken":[{"id":"a1","value":"z"}],"retract":[{"id":"x","reason":"w"}]`),
			want{missing: []Change{
				{Operation: OpStop, ID: "x"},
				{Operation: OpStop, ID: "a1"},
				{Operation: OpAnnotate, ID: "x", Text: "y"},
				{Operation: OpTaken, ID: "a1", Taken: &Taken{Value: "z"}},
				{Operation: OpRetract, ID: "x", Text: "w"},
			}},
			nil,
		},
		{
			"the rest is done", amending(`"stop":[{"id":"x"},{"id":"m1"}]`),
			want{
				changes: []Change{{Operation: OpStop, Section: "medications", ID: "m1"}},
				missing: []Change{{Operation: OpStop, ID: "x"}},
			},
			func(m []Medication) bool { return m[0].Status == MedicationStopped },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := restored(t, parse(t, with(base)))
			old := s.Sections.Medications.Items[0]
			changes, missing := s.Amend(parseAmendment(t, tt.amendment), pharmacist, signing)
			for _, list := range [][]Change{tt.want.changes, tt.want.missing} {
				for i := range list {
					list[i].By = pharmacist
					if list[i].On.IsZero() {
						list[i].On = signing
					}
					if op := list[i].Operation; list[i].Section != "" && (op == OpStop || op == OpTaken || op == OpDispensed) {
						list[i].Before = &old
					}
				}
			}
			if diff := cmp.Diff(tt.want.changes, changes); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want.missing, missing); diff != "" {
				t.Error(diff)
			}
			if m := s.Sections.Medications.Items; tt.check != nil && !tt.check(m) {
				t.Errorf("%+v", m[0])
			}
			if tt.check == nil && !reflect.DeepEqual(s, restored(t, parse(t, with(base)))) {
				t.Error("the summary changed")
			}
			restored(t, s)
		})
	}
}

// What the section said of itself gives way to the item, and is handed back.
func TestAmendHead(t *testing.T) {
	none := SectionHead{Status: StatusNoneKnown, Reviewed: Date{2026, 11, 2}, ReviewedBy: Author{Name: "Dr LEROY", Bare: true}}
	for _, tt := range []struct {
		name, section, item string
		head                *SectionHead
		now                 SectionHead
	}{
		{"absent", ``, `"category":"latex"`, &SectionHead{Status: StatusNotAsked}, SectionHead{Status: StatusItems}},
		{"not asked", `"status":"not-asked"`, `"category":"latex"`, &SectionHead{Status: StatusNotAsked}, SectionHead{Status: StatusItems}},
		{"unavailable", `"status":"unavailable"`, `"category":"latex"`, &SectionHead{Status: StatusUnavailable}, SectionHead{Status: StatusItems}},
		{
			"none known", `"status":"none-known","reviewed":"2026-11-02","reviewedBy":"Dr LEROY"`, `"category":"latex"`, &none,
			SectionHead{Status: StatusItems, Reviewed: none.Reviewed, ReviewedBy: none.ReviewedBy},
		},
		{
			"none known, refuted", `"status":"none-known","reviewed":"2026-11-02","reviewedBy":"Dr LEROY"`, `"verification":"refuted"`, &none,
			SectionHead{Status: StatusItems, Reviewed: none.Reviewed, ReviewedBy: none.ReviewedBy},
		},
		{
			"none known, in an empty list", `"status":"none-known","items":[]`, ``, &SectionHead{Status: StatusNoneKnown}, SectionHead{Status: StatusItems},
		},
		{"items", `"status":"items","noneKnown":["food"],"items":[{"agent":{"text":"y"}}]`, `"category":"latex"`, nil, SectionHead{Status: StatusItems, NoneKnown: []Category{CategoryFood}}},
		{
			"none of the category", `"status":"items","noneKnown":["food","latex"],"items":[{"agent":{"text":"y"}}]`, `"category":"latex"`,
			&SectionHead{Status: StatusItems, NoneKnown: []Category{CategoryFood, CategoryLatex}},
			SectionHead{Status: StatusItems, NoneKnown: []Category{CategoryFood}},
		},
		{
			"none of the only category", `"status":"items","noneKnown":["latex"],"items":[{"agent":{"text":"y"}}]`, `"category":"latex"`,
			&SectionHead{Status: StatusItems, NoneKnown: []Category{CategoryLatex}},
			SectionHead{Status: StatusItems},
		},
		{
			"none of the category, refuted", `"status":"items","noneKnown":["latex"],"items":[{"agent":{"text":"y"}}]`, `"category":"latex","verification":"refuted"`,
			nil,
			SectionHead{Status: StatusItems, NoneKnown: []Category{CategoryLatex}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			section := ""
			if tt.section != "" {
				section = `"allergies":{` + tt.section + `}`
			}
			s := restored(t, parse(t, with(section)))
			item := `"agent":{"text":"x"}`
			if tt.item != "" {
				item += "," + tt.item
			}
			changes, missing := s.Amend(parseAmendment(t, adding(item)), pharmacist, signing)
			if len(changes) != 1 || len(missing) != 0 {
				t.Fatalf("%d changes", len(changes))
			}
			if diff := cmp.Diff(tt.head, changes[0].Head); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.now, *s.Sections.Allergies.Head()); diff != "" {
				t.Error(diff)
			}
			if a := s.Sections.Allergies.Items; a[len(a)-1].Agent.Text != "x" {
				t.Error("the item is not there")
			}
			restored(t, s)
		})
	}
}

// An id that is there already gets a suffix, and what the amendment says of its own item follows.
func TestAmendSuffix(t *testing.T) {
	s := restored(t, parse(t, with(`"allergies":{"status":"items","items":[{"id":"a","agent":{"text":"x"}},{"id":"a-2","agent":{"text":"y"}}]}`)))
	changes, missing := s.Amend(parseAmendment(t, amending(`"add":{
		"allergies":[{"id":"a","agent":{"text":"z"}},{"id":"a-3","agent":{"text":"w"}}],"visits":[{"id":"a-2","date":"2026","reason":{"text":"v"}}]},
		"annotate":[{"id":"a","note":"n"},{"id":"a-3","note":"m"}],"retract":[{"id":"a-2"}]`)), pharmacist, signing)
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprint(c.Operation, " ", c.Section, " ", c.ID))
	}
	want := []string{
		"add allergies a-4", "add allergies a-3", "add visits a-2-2",
		"annotate allergies a-4", "annotate allergies a-3", "retract visits a-2-2",
	}
	if diff := cmp.Diff(want, got); diff != "" || len(missing) != 0 {
		t.Error(diff)
	}
	restored(t, s)

	// Ids as long as they may be are cut for it.
	long := strings.Repeat("b", 16)
	s = restored(t, parse(t, with(`"allergies":{"status":"items","items":[{"id":"`+long+`","agent":{"text":"x"}},{"id":"`+long[:14]+`-2","agent":{"text":"y"}}]}`)))
	changes, _ = s.Amend(parseAmendment(t, adding(`"id":"`+long+`","agent":{"text":"z"}`)), pharmacist, signing)
	if changes[0].ID != long[:14]+"-3" {
		t.Errorf("id %s", changes[0].ID)
	}
	restored(t, s)
}

// What an amendment says at one level is said of items of that level, whatever else has their id.
func TestAmendLevel(t *testing.T) {
	base := with(`"allergies":{"status":"items","items":[{"id":"c","agent":{"text":"x"}},{"id":"m","agent":{"text":"y"},"level":"masked"},{"id":"o","agent":{"text":"z"},"level":"open"}]}`)
	for _, tt := range []struct {
		at   Level
		want []string
	}{
		{"", []string{"c", "m", "o"}},
		{LevelCare, []string{"c", "o"}},
		{LevelClinical, nil},
		{LevelMasked, []string{"m"}},
	} {
		a := parseAmendment(t, amending(`"annotate":[{"id":"c","note":"n"},{"id":"m","note":"n"},{"id":"o","note":"n"}]`))
		a.Level = tt.at
		changes, missing := restored(t, parse(t, base)).Amend(a, pharmacist, signing)
		var got []string
		for _, c := range changes {
			got = append(got, c.ID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || len(changes)+len(missing) != 3 {
			t.Errorf("%s: %s", tt.at, diff)
		}
	}
}

// The limit of a section is the one rule that adding may break: nothing is dropped for it.
func TestAmendPastTheLimit(t *testing.T) {
	s := restored(t, parse(t, with(`"allergies":{"status":"items","items":[`+repeat(100, `{"agent":{"text":"x"}}`)+`]}`)))
	changes, _ := s.Amend(parseAmendment(t, adding(`"agent":{"text":"latex"}`)), pharmacist, signing)
	if len(changes) != 1 || s.Sections.Allergies.Len() != 101 || s.Sections.Allergies.Items[100].Agent.Text != "latex" {
		t.Fatal("the item is not there")
	}
	errs := pathErrors(s.Validate())
	if len(errs) != 1 || errs[0].Path != "sections.allergies.items" {
		t.Errorf("%v", errs)
	}
	if _, err := s.JSON(); err != nil {
		t.Error(err)
	}
}

// A summary made in Go may have no ids as yet.
func TestAmendWithoutIDs(t *testing.T) {
	s := parse(t, allergy(`"agent":{"text":"latex"}`))
	changes, _ := s.Amend(parseAmendment(t, adding(`"agent":{"text":"x"}`)), pharmacist, signing)
	if changes[0].ID == "" || s.Sections.Allergies.Items[0].ID != "agd67rf" || s.Sections.Allergies.Items[1].ID != changes[0].ID {
		t.Errorf("%+v", s.Sections.Allergies.Items)
	}
}

// As many items of one id as there can be take as many steps, not that many for each; ids that are cut are cut to different ones.
func TestSuffixes(t *testing.T) {
	taken, calls := map[string]bool{}, 0
	s := suffixes{taken: func(id string) bool { calls++; return taken[id] }}
	for n := range 10_000 {
		taken[fmt.Sprintf("x-%d", n)] = true
	}
	got := map[string]bool{}
	for i := range 200 {
		got[s.free("x")] = true
		got[s.free(fmt.Sprintf("%015d%d", i/10, i%10))] = true
		got[s.free(strings.Repeat("y", 13)+fmt.Sprintf("%03d", i))] = true
	}
	if len(got) != 600 {
		t.Errorf("%d ids", len(got))
	}
	for id := range got {
		if taken[id] || len(id) > maxID || !isIdent(id) {
			t.Errorf("%s", id)
		}
	}
	if calls > 12_000 {
		t.Errorf("%d steps", calls)
	}
}

func TestCarry(t *testing.T) {
	from := restored(t, parse(t, with(`"allergies":{"status":"items","items":[{"id":"a1","agent":{"text":"latex"},"category":"latex","by":"Mme DUBOIS","recorded":"2026-11-15","unreviewed":true,"level":"masked"},
		{"id":"a2","agent":{"text":"x"}}]},"medications":{"status":"items","items":[{"id":"m1","product":{"text":"a"},"level":"open"}]}`)))
	to := parse(t, `{"schema":"secours.summary/1",`+patient+`,"sections":{"allergies":{"status":"none-known","reviewed":"2027"},
		"visits":{"status":"items","items":[{"date":"2027","reason":{"text":"x"}},{"id":"a2","date":"2027","reason":{"text":"y"}}]}}}`)
	changes, missing := to.Carry(from, []string{"m1", "a1", "a1", "a2", "nobody"})
	want := []Change{
		{Operation: OpAdd, Section: "medications", ID: "m1", Head: &SectionHead{Status: StatusNotAsked}},
		{
			Operation: OpAdd, Section: "allergies", ID: "a1", By: Author{Name: "Mme DUBOIS", Bare: true}, On: Date{2026, 11, 15},
			Head: &SectionHead{Status: StatusNoneKnown, Reviewed: Date{Year: 2027}},
		},
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"nobody"}, missing); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(from.Sections.Allergies.Items[:1], to.Sections.Allergies.Items); diff != "" {
		t.Error(diff)
	}
	// There is no consent in the new base.
	if l := to.Sections.Medications.Items[0].Level; l != "" {
		t.Errorf("level %q", l)
	}
	if from.Sections.Medications.Items[0].Level != LevelOpen {
		t.Error("the other summary changed")
	}
	restored(t, to)
	// With consent it stays open.
	to = parse(t, with(``))
	if to.Carry(from, []string{"m1"}); to.Sections.Medications.Items[0].Level != LevelOpen {
		t.Error("no longer open")
	}
}

// mixed makes an amendment from items of the sample and operations on anything.
func mixed(t testing.TB, rng *rand.Rand, s *Summary) *Amendment {
	a := &Amendment{Schema: AmendmentSchema}
	ids := []string{"nobody"}
	s.Sections.Each(func(_ string, sec AnySection) {
		for i := range sec.Len() {
			ids = append(ids, sec.Common(i).ID)
		}
	})
	from, used := random(t, rng.Uint64()), map[string]bool{}
	for i, list := range a.Add.lists() {
		sec := from.Sections.at(i)
		if sec == nil {
			continue
		}
		for j := range sec.Len() {
			if rng.IntN(3) > 0 {
				continue
			}
			list.grow(1)
			last := list.Len() - 1
			reflect.ValueOf(list.Item(last)).Elem().Set(reflect.ValueOf(sec.Item(j)).Elem())
			c := list.Common(last)
			if c.Level == LevelOpen {
				c.Level = ""
			}
			if rng.IntN(4) == 0 {
				c.ID = ids[rng.IntN(len(ids))]
			}
			if used[c.ID] {
				c.ID = ""
			}
			used[c.ID] = true
			a.Add.set(list)
		}
	}
	for _, id := range ids {
		t := Target{ID: id}
		switch rng.IntN(8) {
		case 0:
			a.Stop = append(a.Stop, Stop{Target: t, Reason: "x"})
		case 1:
			a.Annotate = append(a.Annotate, Annotation{Target: t, Note: "x"})
		case 2:
			a.Taken = append(a.Taken, Intake{t, Taken{Value: "x"}})
		case 3:
			a.Dispensed = append(a.Dispensed, Dispensing{t, Dispensed{Quantity: Value{"1", true}}})
		case 4:
			a.Retract = append(a.Retract, Retraction{Target: t})
		}
	}
	return a
}

// folded folds a into s, and says what must hold whatever they are: nothing is lost, and what comes out can be signed.
func folded(t testing.TB, s *Summary, a *Amendment) {
	t.Helper()
	s.AssignIDs()
	a.AssignIDs(nil)
	type item struct {
		section string
		body    any
	}
	// Items without what an amendment may set.
	bare := func(v any) any {
		x := reflect.New(reflect.TypeOf(v).Elem())
		x.Elem().Set(reflect.ValueOf(v).Elem())
		c := x.Interface().(interface{ common() *Common }).common()
		c.ID, c.Recorded, c.By, c.Unreviewed = "", Date{}, Author{}, Unsaid
		if m, ok := x.Interface().(*Medication); ok {
			m.Status, m.End, m.StopReason, m.Taken, m.Dispensed = "", Date{}, "", nil, nil
		}
		return x.Elem().Interface()
	}
	var want, got []item
	for i, sec := range s.Sections.all() {
		for j := range sec.Len() {
			want = append(want, item{sectionNames[i], bare(sec.Item(j))})
		}
	}
	a.Add.Each(func(section string, v any, _ *Common) { want = append(want, item{section, bare(v)}) })
	ops := len(a.Stop) + len(a.Annotate) + len(a.Taken) + len(a.Dispensed) + len(a.Retract)
	added := len(want)
	for _, sec := range s.Sections.all() {
		added -= sec.Len()
	}
	changes, missing := s.Amend(a, pharmacist, signing)
	if len(changes)+len(missing) != ops+added {
		t.Fatalf("%d changes and %d missing, of %d", len(changes), len(missing), ops+added)
	}
	at := s.index()
	for _, c := range changes {
		if p, ok := at[c.ID]; !ok || sectionNames[p.i] != c.Section {
			t.Fatalf("%s of %s is not in %s", c.Operation, c.ID, c.Section)
		}
	}
	long := false
	for i, sec := range s.Sections.all() {
		long = long || sec.Len() > 100
		for j := range sec.Len() {
			got = append(got, item{sectionNames[i], bare(sec.Item(j))})
		}
	}
	if len(got) != len(want) || len(at) != len(want) {
		t.Fatalf("%d items with %d ids, want %d", len(got), len(at), len(want))
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g item) bool { return reflect.DeepEqual(g, w) }) {
			t.Fatalf("lost: %+v", w)
		}
	}
	f := s.check(checkOptions{newer: true})
	if err := f.err(); err != nil && !long {
		t.Fatal(err)
	}
}

func TestAmendKeepsEverything(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 50 {
		s := restored(t, random(t, rng.Uint64()))
		for range 3 {
			a := mixed(t, rng, s)
			folded(t, s, a)
			if m := restored(t, s); !reflect.DeepEqual(m, restored(t, m)) || jsonOf(t, m) != jsonOf(t, s) {
				t.Fatal("changed by way of the card")
			}
		}
	}
}
