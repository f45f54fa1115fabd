package summary

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// amended is a realistic amendment, a pharmacist's for the most part, with something at every level.
const amended = `{
  "schema": "secours.amendment/1",
  "add": {
    "allergies": [{"agent": {"text": "latex"}, "category": "latex", "basis": "reported"}],
    "medications": [
      {"product": {"text": "ibuprofène 400 mg", "codes": [{"system": "cip", "code": "3400930000000"}]}, "origin": "otc", "dispensed": {"date": "2026-11-15", "quantity": 1}},
      {"id": "own-1", "product": {"text": "paracétamol 1 g"}, "origin": "reported", "level": "masked", "recorded": "2026-11"}
    ],
    "history": [{"condition": {"text": "asthme"}}],
    "vaccinations": [{"vaccine": {"text": "grippe"}, "date": "2026-11-15", "by": "Dr LEROY"}]
  },
  "stop": [{"id": "md1", "date": "2026-11-10", "reason": "mal toléré"}],
  "annotate": [{"id": "ag1", "note": "le patient dit\nne pas savoir"}, {"id": "ag1", "recorded": "2026-11-01", "note": "x"}],
  "taken": [{"id": "md2", "value": "un jour sur deux", "lastTaken": "2026-11-14", "reportedBy": "patiente"}],
  "dispensed": [{"id": "md2", "date": "2026-11-15", "quantity": "28", "as": {"text": "APIXABAN BIOGARAN 5 mg"}}],
  "retract": [{"id": "vx1", "reason": "erreur de carte"}]
}`

// amending is an amendment with the given members.
func amending(members string) string { return `{"schema":"secours.amendment/1",` + members + `}` }

// adding is an amendment that adds an allergy with the given members.
func adding(members string) string { return amending(`"add":{"allergies":[{` + members + `}]}`) }

func stops(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"id":"a%d"}`, i))
	}
	return amending(`"stop":[` + strings.Join(all, ",") + `]`)
}

// goodAmendments are accepted by ParseAmendment and the schema.
var goodAmendments = []string{
	amended,
	adding(`"agent":{"text":"x"}`),
	adding(`"agent":{"text":"x"},"id":"x","level":"care","recorded":"2026","by":{"name":"Dr LEROY","role":"physician"},"source":"reported"`),
	adding(`"agent":{"text":"x"},"level":"clinical","new":[1.50]`),
	amending(`"stop":[{"id":"a"}]`),
	stops(100),
	amending(`"stop":[{"id":"a"}],"taken":[{"id":"a","value":"x"}],"dispensed":[{"id":"a","quantity":1.0}],"retract":[{"id":"a"}],"annotate":[{"id":"a","note":"x"},{"id":"a","note":"y"}]`),
	amending(`"taken":[{"id":"a","new":null}],"add":null,"stop":null`),
	amending(`"add":{"alerts":[{"kind":"other","text":"x"}],"visits":[{"date":"2026","reason":{"text":"x"}}],"directives":[{"kind":"other"}],"contacts":[{"name":"x"}],"measurements":[{"kind":"inr","value":2.0,"date":"2026"}]}`),
	amending(`"new":1,"#7":"AQ=="`),
	amending(`"add":{"devices":[{}],"#10":"gQE="},"stop":[{"id":"a","x":1,"#9":"AQ=="}]`),
}

// badAmendments are refused by ParseAmendment: with which error, and where. beyond says that the schema cannot see it.
var badAmendments = []struct {
	name, json, path string
	err              error
	beyond           bool
}{
	{"schema missing", `{"stop":[{"id":"a"}]}`, "schema", ErrMissing, false},
	{"a summary", with(``), "schema", ErrUnknownValue, false},
	{"nothing", `{"schema":"secours.amendment/1"}`, "", ErrMissing, false},
	{"nothing but null", amending(`"stop":null`), "", ErrMissing, true},
	{"nothing to add", amending(`"add":{}`), "", ErrMissing, true},
	{"an empty list to add", amending(`"add":{"alerts":[]}`), "add.alerts", ErrEmpty, false},
	{"an empty list", amending(`"stop":[]`), "stop", ErrEmpty, false},
	{"101 operations", stops(101), "stop", ErrTooLarge, false},
	{"101 items", amending(`"add":{"allergies":[` + repeat(101, `{"agent":{"text":"x"}}`) + `]}`), "add.allergies", ErrTooLarge, false},
	{"an item without what it must have", adding(``), "add.allergies[0].agent", ErrMissing, false},
	{"an item of no section", amending(`"add":[]`), "add", ErrType, false},
	{"no target", amending(`"stop":[{"reason":"x"}]`), "stop[0].id", ErrMissing, false},
	{"target that is no id", amending(`"retract":[{"id":"a b"}]`), "retract[0].id", ErrCharacter, false},
	{"target too long", amending(`"retract":[{"id":"abcdefghijklmnopq"}]`), "retract[0].id", ErrTooLarge, false},
	{"no note", amending(`"annotate":[{"id":"a"}]`), "annotate[0].note", ErrMissing, false},
	{"note too long", amending(`"annotate":[{"id":"a","note":"` + strings.Repeat("é", 501) + `"}]`), "annotate[0].note", ErrTooLarge, false},
	{"control character", amending(`"stop":[{"id":"a","reason":"\u001b[2J"}]`), "stop[0].reason", ErrCharacter, false},
	{"line break in a reason", amending(`"retract":[{"id":"a","reason":"a\nb"}]`), "retract[0].reason", ErrCharacter, false},
	{"date that is none", amending(`"stop":[{"id":"a","date":"2026-02-30"}]`), "stop[0].date", ErrDate, true},
	{"taken says nothing", amending(`"taken":[{"id":"a"}]`), "taken[0]", ErrEmpty, true},
	{"dispensed says nothing", amending(`"dispensed":[{"id":"a","recorded":"2026"}]`), "dispensed[0]", ErrEmpty, true},
	{"stopped twice", amending(`"stop":[{"id":"a","reason":"x"},{"id":"b"},{"id":"a","reason":"y"}]`), "stop[2].id", ErrDuplicate, true},
	{"taken twice", amending(`"taken":[{"id":"a","value":"x"},{"id":"a","value":"y"}]`), "taken[1].id", ErrDuplicate, true},
	{"dispensed twice", amending(`"dispensed":[{"id":"a","quantity":1},{"id":"a","quantity":2}]`), "dispensed[1].id", ErrDuplicate, true},
	{"retracted twice", amending(`"retract":[{"id":"a"},{"id":"a"}]`), "retract[1].id", ErrDuplicate, true},
	{"the same note twice", amending(`"annotate":[{"id":"a","note":"x"},{"id":"a","note":"x"}]`), "annotate[1].id", ErrDuplicate, true},
	{"id twice", amending(`"add":{"allergies":[{"id":"a","agent":{"text":"x"}}],"visits":[{"id":"a","date":"2026","reason":{"text":"x"}}]}`), "add.visits[0].id", ErrDuplicate, true},
	{"open", adding(`"agent":{"text":"x"},"level":"open"`), "add.allergies[0].level", ErrContradiction, true},
	{"says that it is unreviewed", adding(`"agent":{"text":"x"},"unreviewed":true`), "add.allergies[0].unreviewed", ErrContradiction, true},
	{"says that it is reviewed", adding(`"agent":{"text":"x"},"unreviewed":false`), "add.allergies[0].unreviewed", ErrContradiction, true},
	{"has remarks", adding(`"agent":{"text":"x"},"remarks":[{"text":"x","by":"Dr LEROY"}]`), "add.allergies[0].remarks", ErrContradiction, true},
	{"newer value", adding(`"agent":{"text":"x"},"category":"#99"`), "add.allergies[0].category", ErrNewer, false},
	{"member twice", amending(`"stop":[{"id":"a"}],"stop":[{"id":"b"}]`), "stop", ErrDuplicate, true},
	{"newer member that is known", amending(`"#2":"AQ=="`), "#2", ErrDuplicate, true},
	{"newer member of the other operations", amending(`"stop":[{"id":"a","#-1":"AQ=="}]`), "stop[0].#-1", ErrDuplicate, true},
}

func parseAmendment(t testing.TB, doc string) *Amendment {
	t.Helper()
	a, err := ParseAmendment([]byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return a
}

func amendmentJSON(t testing.TB, a *Amendment) string {
	t.Helper()
	out, err := a.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// sealed is the content of an amendment all of which is of one level.
func sealed(t testing.TB, a *Amendment, level Level) []byte {
	t.Helper()
	b, err := a.CBOR(level)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseAmendmentRefuses(t *testing.T) {
	s := compileSchema(t, AmendmentSchemaJSON())
	beyond := 0
	for _, tt := range badAmendments {
		t.Run(tt.name, func(t *testing.T) {
			a, err := ParseAmendment([]byte(tt.json))
			if err == nil || a != nil {
				t.Fatal("accepted")
			}
			errs := pathErrors(err)
			if len(errs) != 1 || errs[0].Path != tt.path || !errors.Is(errs[0], tt.err) {
				t.Errorf("want %v at %q, got:\n%v", tt.err, tt.path, err)
			}
			if got := accepts(t, s, tt.json); got != tt.beyond {
				t.Errorf("the schema accepts it: %v", got)
			}
		})
		if tt.beyond {
			beyond++
		}
	}
	if beyond == 0 || beyond*3 > 2*len(badAmendments) {
		t.Errorf("the schema misses %d of %d faults", beyond, len(badAmendments))
	}
	if _, err := ParseAmendment(bytes.Repeat([]byte{' '}, MaxJSON+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("1 MiB and a byte: %v", err)
	}
	if _, err := ParseAmendment([]byte(amending(`"x":` + strings.Repeat("[", 17) + strings.Repeat("]", 17)))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("18 levels: %v", err)
	}
}

func TestAmendmentJSONRoundTrip(t *testing.T) {
	s := compileSchema(t, AmendmentSchemaJSON())
	for _, doc := range goodAmendments {
		if !accepts(t, s, doc) {
			t.Errorf("the schema refuses a good document: %s", doc)
		}
		a := parseAmendment(t, doc)
		out := amendmentJSON(t, a)
		if diff := sameJSON(t, doc, out); diff != "" {
			t.Errorf("changed: %s", diff)
		}
		if again := parseAmendment(t, out); !reflect.DeepEqual(a, again) {
			t.Errorf("not the same once more: %s", out)
		}
		var in struct{ A *Amendment }
		if err := json.Unmarshal([]byte(`{"A":`+doc+`}`), &in); err != nil || !reflect.DeepEqual(in.A, a) {
			t.Errorf("encoding/json: %v", err)
		}
	}
}

// What an amendment says at its level comes back exactly, with ids, and is written again as the same bytes.
func TestAmendmentCBORRoundTrip(t *testing.T) {
	count := 0
	for _, doc := range goodAmendments {
		a := parseAmendment(t, doc)
		before := amendmentJSON(t, a)
		parts, err := a.ByLevel(func(string) (Level, bool) { return LevelCare, true })
		if errors.Is(err, ErrUnknownValue) {
			// What no version shows is not put on a card, but read from one.
			parts = [4]*Amendment{1: a}
			a.Level = LevelCare
		} else if err != nil {
			t.Fatal(err)
		}
		for r, p := range parts {
			if p == nil {
				continue
			}
			level := levels[r]
			data := sealed(t, p, level)
			got, err := UnmarshalAmendment(data, level)
			if err != nil {
				t.Fatal(err)
			}
			if again := sealed(t, got, level); !bytes.Equal(again, data) {
				t.Errorf("%s: other bytes\n%x\n%x", level, data, again)
			}
			p.AssignIDs(nil)
			if again := sealed(t, p, level); !bytes.Equal(again, data) {
				t.Errorf("%s: other bytes with ids\n%x\n%x", level, data, again)
			}
			if diff := cmp.Diff(p, got); diff != "" {
				t.Errorf("%s: %s", level, diff)
			}
			count++
		}
		a.Level = ""
		if parts[1] != a && amendmentJSON(t, a) != before {
			t.Error("ByLevel or CBOR changed the amendment")
		}
	}
	if count < len(goodAmendments)+2 {
		t.Errorf("only %d amendments", count)
	}
}

func TestAmendmentLevels(t *testing.T) {
	item := `"agent":{"text":"a"}`
	for _, tt := range []struct {
		item string
		at   Level
		want string // of the item, "" where it is an error
	}{
		// {1: {2: [{1: "a"}]}}; −2 stands only where the level is the default and was given all the same.
		{item, LevelCare, "a1016161"},
		{item + `,"level":"care"`, LevelCare, "a20161612101"},
		{item + `,"level":"clinical"`, LevelClinical, "a1016161"},
		{item + `,"level":"masked"`, LevelMasked, "a1016161"},
		{item, LevelClinical, ""},
		{item, LevelOpen, ""},
		{item, "", ""},
		{item + `,"level":"care"`, LevelMasked, ""},
		{item + `,"level":"masked"`, LevelCare, ""},
	} {
		a := parseAmendment(t, adding(tt.item))
		data, err := a.CBOR(tt.at)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s was written at %q", tt.item, tt.at)
			}
			continue
		}
		if err != nil || !bytes.Equal(data, unhex(t, "a101a10281"+tt.want)) {
			t.Errorf("%s at %s: %x, %v", tt.item, tt.at, data, err)
			continue
		}
		got, err := UnmarshalAmendment(data, tt.at)
		if err != nil || got.Add.Allergies[0].Level != a.Add.Allergies[0].Level || got.Level != tt.at {
			t.Errorf("%s at %s: %v", tt.item, tt.at, err)
		}
	}
	if _, err := new(Amendment).CBOR(LevelCare); !errors.Is(err, ErrMissing) {
		t.Errorf("nothing at all: %v", err)
	}
}

// Everything that is not exactly what CBOR writes is refused.
func TestUnmarshalAmendmentRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("81", n) + "80" }
	stop := "0281a1206161"
	for _, good := range []string{"a1" + stop, "a2" + stop + "07" + deep(maxNestedNewer-1), "a101a10281a1016161"} {
		if _, err := UnmarshalAmendment(unhex(t, good), LevelCare); err != nil {
			t.Fatalf("the base of the samples is wrong: %s: %v", good, err)
		}
	}
	for _, tt := range []struct {
		name, hex string
		level     Level
		err       error
	}{
		{"nothing", "", LevelCare, ErrEncoding},
		{"no operation", "a0", LevelCare, ErrMissing},
		{"no map", "80", LevelCare, ErrEncoding},
		{"level 0", "a1" + stop, LevelOpen, ErrUnknownValue},
		{"no level", "a1" + stop, "", ErrUnknownValue},
		{"trailing byte", "a1" + stop + "00", LevelCare, ErrEncoding},
		{"cut", "a10281a12061", LevelCare, ErrEncoding},
		{"schema", "a2006178" + stop, LevelCare, ErrEncoding},
		{"schema in its place", "a20073" + "7365636f7572732e616d656e646d656e742f31" + stop, LevelCare, ErrEncoding},
		{"indefinite map", "bf" + stop + "ff", LevelCare, ErrEncoding},
		{"operations twice", "a2" + stop + stop, LevelCare, ErrEncoding},
		{"out of order", "a206" + "81a1206161" + stop, LevelCare, ErrEncoding},
		{"long number", "a1021801", LevelCare, ErrEncoding},
		{"no operations", "a10280", LevelCare, ErrEmpty},
		{"nothing added", "a101a0", LevelCare, ErrMissing},
		{"nothing added beside a stop", "a201a0" + stop, LevelCare, ErrEncoding},
		{"no items", "a101a10280", LevelCare, ErrEncoding},
		{"no items beside a stop", "a201a10280" + stop, LevelCare, ErrEncoding},
		{"no target", "a10281a1026178", LevelCare, ErrMissing},
		{"empty target", "a10281a12060", LevelCare, ErrMissing},
		{"target with an escape", "a10281a120611b", LevelCare, ErrCharacter},
		{"stopped twice", "a10282a1206161a1206161", LevelCare, ErrDuplicate},
		{"taken says nothing", "a10481a1206161", LevelCare, ErrEmpty},
		{"unreviewed", "a101a10281a201616125f5", LevelCare, ErrContradiction},
		{"open", "a101a10281a20161612100", LevelCare, ErrContradiction},
		{"another level", "a101a10281a20161612103", LevelCare, ErrContradiction},
		{"level that is implied", "a101a10281a20161612103", LevelMasked, ErrEncoding},
		{"id twice", "a101a10282a20161612061" + "6ba201616220616b", LevelCare, ErrDuplicate},
		{"101 operations", "a1029865" + strings.Repeat("a1206161", 101), LevelCare, ErrTooLarge},
		{"101 items", "a101a1029865" + strings.Repeat("a1016161", 101), LevelCare, ErrTooLarge},
		{"65,536 operations", "a1029a00010000" + strings.Repeat("a0", 40), LevelCare, ErrEncoding},
		{"unknown operation 8 deep", "a2" + stop + "07" + deep(maxNestedNewer), LevelCare, ErrTooLarge},
		{"unknown operation 100 deep", "a2" + stop + "07" + deep(100), LevelCare, ErrEncoding},
		{"tag", "a2" + stop + "07c001", LevelCare, ErrEncoding},
		{"known operation by name", "a16473746f70415b", LevelCare, ErrEncoding},
		{"too large", "a2" + stop + "075a00010000" + strings.Repeat("00", 1<<16), LevelCare, ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := UnmarshalAmendment(unhex(t, tt.hex), tt.level)
			if !errors.Is(err, tt.err) || a != nil {
				t.Errorf("want %v, got %v", tt.err, err)
			}
		})
	}
	// An id that is stored although it is the derived one.
	a := parseAmendment(t, adding(`"agent":{"text":"a"}`))
	a.AssignIDs(nil)
	data := append(unhex(t, "a101a10281a201616120"), appendText(nil, a.Add.Allergies[0].ID)...)
	if _, err := UnmarshalAmendment(data, LevelCare); !errors.Is(err, ErrEncoding) {
		t.Errorf("a derived id is stored: %v", err)
	}
	if _, err := UnmarshalAmendment(data, LevelClinical); err != nil {
		t.Errorf("at another level it is not the derived one: %v", err)
	}
}

// Any change of any byte is refused, or is another amendment's only encoding.
func TestMangledAmendment(t *testing.T) {
	parts, err := parseAmendment(t, amended).ByLevel(func(string) (Level, bool) { return LevelCare, true })
	if err != nil {
		t.Fatal(err)
	}
	data := sealed(t, parts[1], LevelCare)
	accepted := 0
	for i := range data {
		for _, flip := range []byte{1, 0x20, 0x80} {
			d := bytes.Clone(data)
			d[i] ^= flip
			a, err := UnmarshalAmendment(d, LevelCare)
			if err != nil {
				if a != nil {
					t.Fatalf("byte %d: an amendment with an error", i)
				}
				continue
			}
			accepted++
			again, err := a.CBOR(LevelCare)
			if !errors.Is(err, ErrNewer) && (err != nil || !bytes.Equal(again, d)) {
				t.Fatalf("byte %d: two encodings of one amendment: %v", i, err)
			}
		}
		if _, err := UnmarshalAmendment(data[:i], LevelCare); err == nil {
			t.Fatalf("cut at byte %d it was accepted", i)
		}
	}
	if accepted == 0 {
		t.Error("no change at all was accepted, not even of a letter")
	}
}

func TestAmendmentTooLarge(t *testing.T) {
	a := &Amendment{Schema: AmendmentSchema}
	for range 100 {
		a.Add.Medications = append(a.Add.Medications, Medication{Product: Concept{Text: strings.Repeat("é", 200)}, Dosage: &Dosage{Text: strings.Repeat("é", 300)}})
	}
	if _, err := a.CBOR(LevelCare); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestAmendmentUnknown(t *testing.T) {
	a := parseAmendment(t, amending(`"stop":[{"id":"a","why":"x"}],"anotate":[]`))
	if diff := cmp.Diff([]string{"stop[0].why", "anotate"}, a.Unknown()); diff != "" {
		t.Error(diff)
	}
}

func TestAmendmentIDs(t *testing.T) {
	latex := `{"agent":{"text":"latex"}}`
	ids := func(doc string, taken func(string) bool) []string {
		a := parseAmendment(t, doc)
		a.AssignIDs(taken)
		var all []string
		a.Add.Each(func(_ string, _ any, c *Common) { all = append(all, c.ID) })
		return all
	}
	list := func(items string) string { return amending(`"add":{"allergies":[` + items + `]}`) }
	// SHA-256 of 01 a1 01 65 "latex" (FORMAT.md, 4.11).
	const care = "ag8mhr8"
	for _, tt := range []struct {
		name, doc string
		taken     func(string) bool
		want      []string
	}{
		{"derived", list(latex), nil, []string{care}},
		{"twice", list(latex + "," + latex), nil, []string{care, care + "-2"}},
		{"own", list(`{"id":"a1","agent":{"text":"latex"}}`), nil, []string{"a1"}},
		{"taken by the summary", list(latex), func(id string) bool { return id == care }, []string{care + "-2"}},
		{"taken by an item that has it", list(latex + `,{"id":"` + care + `","agent":{"text":"x"}}`), nil, []string{care + "-2", care}},
	} {
		if diff := cmp.Diff(tt.want, ids(tt.doc, tt.taken)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	// What says the same at another level, or in a base, has another id: who cannot see it must not be able to take it.
	seen := map[string]bool{"agd67rf": true}
	for _, level := range []string{"care", "clinical", "masked"} {
		id := ids(list(`{"agent":{"text":"latex"},"level":"`+level+`"}`), nil)[0]
		if seen[id] {
			t.Errorf("%s: %s again", level, id)
		}
		seen[id] = true
	}
}

func TestByLevel(t *testing.T) {
	a := parseAmendment(t, amending(`"add":{
		"alerts":[{"id":"n1","kind":"other","text":"a"},{"id":"n2","kind":"other","text":"b","level":"masked"}],
		"history":[{"id":"n3","condition":{"text":"c"}},{"id":"n4","condition":{"text":"d"},"level":"care"}]},
		"stop":[{"id":"b1"},{"id":"b0"}],"annotate":[{"id":"n2","note":"x"},{"id":"n4","note":"x"},{"id":"b2","note":"x"}],
		"taken":[{"id":"b3","value":"x"}],"dispensed":[{"id":"b2","quantity":1}],"retract":[{"id":"n3"}]`))
	of := map[string]Level{"b0": LevelOpen, "b1": LevelCare, "b2": LevelClinical, "b3": LevelMasked, "n2": LevelCare}
	parts, err := a.ByLevel(func(id string) (Level, bool) { l, ok := of[id]; return l, ok })
	if err != nil {
		t.Fatal(err)
	}
	if parts[0] != nil {
		t.Error("there is no key of level 0")
	}
	for r, want := range []string{
		1: amending(`"add":{"alerts":[{"id":"n1","kind":"other","text":"a"}],"history":[{"id":"n4","condition":{"text":"d"},"level":"care"}]},
			"stop":[{"id":"b1"},{"id":"b0"}],"annotate":[{"id":"n4","note":"x"}]`),
		2: amending(`"add":{"history":[{"id":"n3","condition":{"text":"c"}}]},"annotate":[{"id":"b2","note":"x"}],"dispensed":[{"id":"b2","quantity":1}],"retract":[{"id":"n3"}]`),
		3: amending(`"add":{"alerts":[{"id":"n2","kind":"other","text":"b","level":"masked"}]},"annotate":[{"id":"n2","note":"x"}],"taken":[{"id":"b3","value":"x"}]`),
	} {
		if want == "" {
			continue
		}
		if diff := sameJSON(t, want, amendmentJSON(t, parts[r])); diff != "" {
			t.Errorf("level %d: %s", r, diff)
		}
		if parts[r].Level != levels[r] {
			t.Errorf("level %d says %s", r, parts[r].Level)
		}
		sealed(t, parts[r], levels[r])
	}
	for _, tt := range []struct {
		doc, path string
		err       error
	}{
		{amending(`"stop":[{"id":"b1"},{"id":"x"}]`), "stop[1].id", ErrTarget},
		{amending(`"annotate":[{"id":"x","note":"a"}]`), "annotate[0].id", ErrTarget},
		{amending(`"taken":[{"id":"x","value":"a"}]`), "taken[0].id", ErrTarget},
		{amending(`"dispensed":[{"id":"x","quantity":1}]`), "dispensed[0].id", ErrTarget},
		{amending(`"retract":[{"id":"x"}]`), "retract[0].id", ErrTarget},
		{amending(`"stop":[{"id":"b1"}],"anotate":[]`), "anotate", ErrUnknownValue},
		{amending(`"stop":[{"id":"b1"}],"#7":"AQ=="`), "#7", ErrUnknownValue},
		{amending(`"add":{"alergies":[]}`), "add.alergies", ErrUnknownValue},
		{amending(`"stop":[{"id":"b1","why":"x"}]`), "stop[0].why", ErrUnknownValue},
	} {
		parts, err := parseAmendment(t, tt.doc).ByLevel(func(id string) (Level, bool) { l, ok := of[id]; return l, ok })
		if errs := pathErrors(err); len(errs) != 1 || errs[0].Path != tt.path || !errors.Is(errs[0], tt.err) {
			t.Errorf("%s: %v", tt.doc, err)
		}
		if parts != [4]*Amendment{} {
			t.Errorf("%s: parts with an error", tt.doc)
		}
	}
	open := &Amendment{Schema: AmendmentSchema, Add: Additions{Alerts: []Alert{{Kind: AlertOther, Text: "x", Common: Common{Level: LevelOpen}}}}}
	if _, err := open.ByLevel(nil); !errors.Is(err, ErrContradiction) {
		t.Errorf("open: %v", err)
	}
}

func TestJoin(t *testing.T) {
	on := Date{2026, 11, 1}
	for _, tt := range []struct{ name, older, newer, want string }{
		{
			"different operations", amending(`"stop":[{"id":"a"}]`), amending(`"taken":[{"id":"a","value":"x"}]`),
			amending(`"stop":[{"id":"a","recorded":"2026-11-01"}],"taken":[{"id":"a","value":"x"}]`),
		},
		{
			"the same once, as it was said first", amending(`"stop":[{"id":"a","reason":"x"}],"annotate":[{"id":"a","note":"x"}]`),
			amending(`"stop":[{"id":"a","reason":"x"}],"annotate":[{"id":"a","note":"x"}]`),
			amending(`"stop":[{"id":"a","reason":"x","recorded":"2026-11-01"}],"annotate":[{"id":"a","note":"x","recorded":"2026-11-01"}]`),
		},
		{
			"later ones replace", amending(`"stop":[{"id":"a","reason":"x"},{"id":"b"}],"taken":[{"id":"a","value":"x"}],"dispensed":[{"id":"a","quantity":1}],"retract":[{"id":"a"}]`),
			amending(`"stop":[{"id":"a","reason":"y"}],"taken":[{"id":"a","value":"y"}],"dispensed":[{"id":"a","quantity":2}],"retract":[{"id":"a","reason":"y"}]`),
			amending(`"stop":[{"id":"b","recorded":"2026-11-01"},{"id":"a","reason":"y"}],"taken":[{"id":"a","value":"y"}],"dispensed":[{"id":"a","quantity":2}],"retract":[{"id":"a","reason":"y"}]`),
		},
		{
			"notes add up", amending(`"annotate":[{"id":"a","note":"x","recorded":"2026-10"}]`), amending(`"annotate":[{"id":"a","note":"y"},{"id":"a","note":"x","recorded":"2026-11-02"}]`),
			amending(`"annotate":[{"id":"a","note":"x","recorded":"2026-10"},{"id":"a","note":"y"},{"id":"a","note":"x","recorded":"2026-11-02"}]`),
		},
		{
			"a note that gets the date of another", amending(`"annotate":[{"id":"a","note":"x"},{"id":"a","note":"x","recorded":"2026-11-01"}]`), amending(`"stop":[{"id":"a"}]`),
			amending(`"annotate":[{"id":"a","note":"x","recorded":"2026-11-01"}],"stop":[{"id":"a"}]`),
		},
		{
			"items add up", adding(`"id":"a","agent":{"text":"x"}`), adding(`"agent":{"text":"y"}`),
			amending(`"add":{"allergies":[{"id":"a","agent":{"text":"x"},"recorded":"2026-11-01"},{"agent":{"text":"y"}}]}`),
		},
		{
			"the same item once", adding(`"id":"a","agent":{"text":"x"}`), adding(`"agent":{"text":"x"},"level":"care"`),
			adding(`"id":"a","agent":{"text":"x"},"recorded":"2026-11-01"`),
		},
		{
			"the same item of another id", adding(`"id":"a","agent":{"text":"x"}`), adding(`"id":"b","agent":{"text":"x"}`),
			amending(`"add":{"allergies":[{"id":"a","agent":{"text":"x"},"recorded":"2026-11-01"},{"id":"b","agent":{"text":"x"}}]}`),
		},
		{
			"another item of the same id", amending(`"add":{"allergies":[{"id":"a","agent":{"text":"x"}}]},"retract":[{"id":"a"}]`),
			amending(`"add":{"visits":[{"id":"a","date":"2026","reason":{"text":"x"}}]},"annotate":[{"id":"a","note":"x"}]`),
			amending(`"add":{"allergies":[{"id":"a","agent":{"text":"x"},"recorded":"2026-11-01"}],"visits":[{"id":"a-2","date":"2026","reason":{"text":"x"}}]},
				"annotate":[{"id":"a-2","note":"x"}],"retract":[{"id":"a","recorded":"2026-11-01"}]`),
		},
		{
			"the suffix is taken too", amending(`"add":{"allergies":[{"id":"a","agent":{"text":"x"}},{"id":"a-2","agent":{"text":"y"}}]}`), amending(`"add":{"allergies":[{"id":"a-3","agent":{"text":"z"}},{"id":"a","agent":{"text":"w"}}]}`),
			amending(`"add":{"allergies":[{"id":"a","agent":{"text":"x"},"recorded":"2026-11-01"},{"id":"a-2","agent":{"text":"y"},"recorded":"2026-11-01"},{"id":"a-3","agent":{"text":"z"}},{"id":"a-4","agent":{"text":"w"}}]}`),
		},
		{
			"unknown members", amending(`"x":1,"add":{"y":1}`), amending(`"stop":[{"id":"a"}],"x":2,"add":{"z":1}`),
			amending(`"stop":[{"id":"a"}],"x":2,"add":{"y":1,"z":1}`),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			older, a := parseAmendment(t, tt.older), parseAmendment(t, tt.newer)
			a.Join(older, on)
			if diff := sameJSON(t, tt.want, amendmentJSON(t, a)); diff != "" {
				t.Error(diff)
			}
			if amendmentJSON(t, older) != amendmentJSON(t, parseAmendment(t, tt.older)) {
				t.Error("the older one was changed")
			}
			if err := a.Validate(); err != nil {
				t.Error(err)
			}
			a.Join(older, on)
			if diff := sameJSON(t, tt.want, amendmentJSON(t, a)); diff != "" {
				t.Errorf("changed when joined again: %s", diff)
			}
		})
	}
}
