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

const patient = `"patient":{"family":"DURAND","given":["Jeanne"],"birthDate":"1948-12-03","sex":"female"}`

// with is a small document with the given sections, or other members after a comma.
func with(sections string) string {
	return `{"schema":"secours.summary/1",` + patient + `,"consent":{"date":"2026"},"sections":{` + sections + `}}`
}

// allergy is a document with one allergy that has the given members.
func allergy(members string) string {
	return with(`"allergies":{"status":"items","items":[{` + members + `}]}`)
}

func withPatient(members string) string {
	return `{"schema":"secours.summary/1","patient":{` + members + `},"sections":{}}`
}

func repeat(n int, s string) string {
	return strings.TrimSuffix(strings.Repeat(s+",", n), ",")
}

// good are documents that Parse and the schema accept.
var good = []string{
	sample,
	with(``),
	with(`"allergies":{"status":"none-known"}`),
	with(`"allergies":{"status":"none-known","items":[]}`),
	with(`"allergies":{"status":"not-asked","items":null}`),
	with(`"allergies":{"status":"unavailable"},"history":null`),
	with(`"allergies":{"status":"not-asked","noneKnown":["medication","food"]}`),
	with(`"alerts":{"status":"none-known","noneKnown":["g6pd"]},"history":{"status":"none-known","noneKnown":["family"]}`),
	with(`"visits":{"status":"not-asked","noneKnown":[]}`),
	with(`"allergies":{"status":"items","noneKnown":["contrast"],"items":[{"agent":{"text":"iode"},"category":"contrast","verification":"refuted"}]}`),
	allergy(`"agent":{"text":"pénicilline \"G\" \\ <b>","codes":[]},"level":"care"`),
	allergy(`"agent":{"text":"x","codes":[{"system":"urn:oid:1.2.3","code":"0012"},{"system":"snomed","code":"91936005"}]},"level":"open"`),
	allergy(`"agent":{"text":"iode"},"note":"deux\nlignes","by":"Dr LEROY","recorded":"2026-02"`),
	allergy(`"agent":{"text":"\ud83d\ude00 \u00e9"},"by":{"name":"Dr LEROY","role":"physician"}`),
	allergy(`"agent":{"text":"latex"},"by":"Mme DUBOIS","recorded":"2026-11-15","unreviewed":true`),
	with(`"medications":{"status":"items","items":[{"product":{"text":"x"},"longTerm":false,"dosage":{"maxPerDay":1.50,"asNeeded":true}}]}`),
	with(`"measurements":{"status":"items","items":[{"kind":"inr","value":2.0,"date":"2026"},{"kind":"inr","value":"2,0","date":"2026"},{"kind":"inr","value":-1e3,"date":"2026"},{"kind":"inr","value":0,"date":"1899-12-31"}]}`),
	with(`"devices":{"status":"items"},"contacts":{"status":"items","items":[{"name":"x","priority":"1","more":[1.0,{"a":"b"}]}],"x":null}`),
	`{"schema":"secours.summary/1",` + patient + `,"sections":{"#12":"GCo="},"#9@masked":"gwECAw=="}`,
}

// bad are documents that Parse refuses: with which error, and where. beyond says that the schema cannot see it.
var bad = []struct {
	name, json, path string
	err              error
	beyond           bool
}{
	{"schema missing", `{` + patient + `,"sections":{}}`, "schema", ErrMissing, false},
	{"schema of another version", `{"schema":"secours.summary/2",` + patient + `,"sections":{}}`, "schema", ErrUnknownValue, false},
	{"patient missing", `{"schema":"secours.summary/1","sections":{}}`, "patient", ErrMissing, false},
	{"patient empty", withPatient(``), "patient", ErrMissing, false},
	{"sections missing", `{"schema":"secours.summary/1",` + patient + `}`, "sections", ErrMissing, false},
	{"sections null", `{"schema":"secours.summary/1",` + patient + `,"sections":null}`, "sections", ErrMissing, false},
	{"given empty", withPatient(`"family":"A","given":[],"birthDate":"1948","sex":"male"`), "patient.given", ErrMissing, false},
	{"given has null", withPatient(`"family":"A","given":[null],"birthDate":"1948","sex":"male"`), "patient.given[0]", ErrType, false},
	{"given has an empty text", withPatient(`"family":"A","given":[""],"birthDate":"1948","sex":"male"`), "patient.given[0]", ErrEmpty, false},
	{"family is null", withPatient(`"family":null,"given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrMissing, false},
	{"family empty", withPatient(`"family":"","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrEmpty, false},
	{"used name empty", withPatient(`"family":"A","usedFamily":"","given":["B"],"birthDate":"1948","sex":"male"`), "patient.usedFamily", ErrEmpty, false},
	{"sex unknown to us", withPatient(`"family":"A","given":["B"],"birthDate":"1948","sex":"F"`), "patient.sex", ErrUnknownValue, false},
	{"sex of a newer format", withPatient(`"family":"A","given":["B"],"birthDate":"1948","sex":"#9"`), "patient.sex", ErrNewer, false},
	{"sex by number", withPatient(`"family":"A","given":["B"],"birthDate":"1948","sex":"#1"`), "patient.sex", ErrUnknownValue, false},
	{"name too long", withPatient(`"family":"` + strings.Repeat("é", 81) + `","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrTooLarge, false},
	{"control character", withPatient(`"family":"A\u001b[2J","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"C1", withPatient(`"family":"A\u0085","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"DEL", withPatient(`"family":"A` + "\x7f" + `","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"bidirectional override", withPatient(`"family":"A\u202e","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"bidirectional isolate", withPatient(`"family":"A\u2066","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"line separator", withPatient(`"family":"A\u2028","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"replacement character", withPatient(`"family":"A\ufffd","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"lone surrogate", withPatient(`"family":"A\ud800","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"two high surrogates", withPatient(`"family":"A\ud800\ud800","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"line break in a name", withPatient(`"family":"A\nB","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrCharacter, false},
	{"identifier system", withPatient(`"ids":[{"system":"nir","value":"1"}],"family":"A","given":["B"],"birthDate":"1948","sex":"male"`), "patient.ids[0].system", ErrUnknownValue, false},
	{"duplicate member", withPatient(`"family":"A","family":"B","given":["B"],"birthDate":"1948","sex":"male"`), "patient.family", ErrDuplicate, true},
	{"day that is none", withPatient(`"family":"A","given":["B"],"birthDate":"2026-02-30","sex":"male"`), "patient.birthDate", ErrDate, true},
	{"leap day of a common year", withPatient(`"family":"A","given":["B"],"birthDate":"1900-02-29","sex":"male"`), "patient.birthDate", ErrDate, true},
	{"month 13", withPatient(`"family":"A","given":["B"],"birthDate":"1948-13","sex":"male"`), "patient.birthDate", ErrDate, false},
	{"month 0", withPatient(`"family":"A","given":["B"],"birthDate":"1948-00","sex":"male"`), "patient.birthDate", ErrDate, false},
	{"day 0", withPatient(`"family":"A","given":["B"],"birthDate":"1948-01-00","sex":"male"`), "patient.birthDate", ErrDate, false},
	{"year 1849", withPatient(`"family":"A","given":["B"],"birthDate":"1849","sex":"male"`), "patient.birthDate", ErrDate, false},
	{"year 2156", withPatient(`"family":"A","given":["B"],"birthDate":"2156","sex":"male"`), "patient.birthDate", ErrDate, false},
	{"French date", withPatient(`"family":"A","given":["B"],"birthDate":"03/12/1948","sex":"male"`), "patient.birthDate", ErrType, false},
	{"date as a number", withPatient(`"family":"A","given":["B"],"birthDate":1948,"sex":"male"`), "patient.birthDate", ErrType, false},
	{"date with a sign", withPatient(`"family":"A","given":["B"],"birthDate":"+948","sex":"male"`), "patient.birthDate", ErrType, false},

	{"status missing", with(`"allergies":{}`), "sections.allergies.status", ErrMissing, false},
	{"status missing beside items", with(`"allergies":{"items":[{"agent":{"text":"x"}}]}`), "sections.allergies.status", ErrMissing, false},
	{"status unknown", with(`"allergies":{"status":"nil-known"}`), "sections.allergies.status", ErrUnknownValue, false},
	{"section is a list", with(`"allergies":[]`), "sections.allergies", ErrType, false},
	{"items without items", with(`"allergies":{"status":"items"}`), "sections.allergies.items", ErrMissing, false},
	{"items with an empty list", with(`"allergies":{"status":"items","items":[]}`), "sections.allergies.items", ErrMissing, false},
	{"items null", with(`"allergies":{"status":"items","items":null}`), "sections.allergies.items", ErrMissing, false},
	{"none known, but items", with(`"allergies":{"status":"none-known","items":[{"agent":{"text":"x"}}]}`), "sections.allergies.status", ErrContradiction, false},
	{"not asked, but items", with(`"allergies":{"status":"not-asked","items":[{"agent":{"text":"x"}}]}`), "sections.allergies.status", ErrContradiction, false},
	{"unavailable, but items", with(`"visits":{"status":"unavailable","items":[{"date":"2026","reason":{"text":"x"}}]}`), "sections.visits.status", ErrContradiction, false},
	{"too many items", with(`"allergies":{"status":"items","items":[` + repeat(101, `{"agent":{"text":"x"}}`) + `]}`), "sections.allergies.items", ErrTooLarge, false},
	{"none known of no category", with(`"allergies":{"status":"not-asked","noneKnown":["drugs"]}`), "sections.allergies.noneKnown[0]", ErrUnknownValue, false},
	{"none known of another section's category", with(`"alerts":{"status":"not-asked","noneKnown":["food"]}`), "sections.alerts.noneKnown[0]", ErrUnknownValue, false},
	{"none known where there are no categories", with(`"visits":{"status":"not-asked","noneKnown":["food"]}`), "sections.visits.noneKnown[0]", ErrUnknownValue, false},
	{"none known twice", with(`"allergies":{"status":"not-asked","noneKnown":["food","food"]}`), "sections.allergies.noneKnown[1]", ErrDuplicate, false},
	{"none known contradicted", with(`"allergies":{"status":"items","noneKnown":["latex","food"],"items":[{"agent":{"text":"x"},"category":"food"}]}`), "sections.allergies.noneKnown[1]", ErrContradiction, true},

	{"agent missing", allergy(`"category":"food"`), "sections.allergies.items[0].agent", ErrMissing, false},
	{"agent without text", allergy(`"agent":{"codes":[]}`), "sections.allergies.items[0].agent.text", ErrMissing, false},
	{"agent is a text", allergy(`"agent":"x"`), "sections.allergies.items[0].agent", ErrType, false},
	{"text is a number", allergy(`"agent":{"text":1}`), "sections.allergies.items[0].agent.text", ErrType, false},
	{"item is null", with(`"allergies":{"status":"items","items":[null]}`), "sections.allergies.items[0]", ErrType, false},
	{"code without system", allergy(`"agent":{"text":"x","codes":[{"code":"1"}]}`), "sections.allergies.items[0].agent.codes[0].system", ErrMissing, false},
	{"code system", allergy(`"agent":{"text":"x","codes":[{"system":"cim 10","code":"1"}]}`), "sections.allergies.items[0].agent.codes[0].system", ErrUnknownValue, false},
	{"URI too long", allergy(`"agent":{"text":"x","codes":[{"system":"urn:` + strings.Repeat("x", 200) + `","code":"1"}]}`), "sections.allergies.items[0].agent.codes[0].system", ErrTooLarge, false},
	{"too many codes", allergy(`"agent":{"text":"x","codes":[` + repeat(9, `{"system":"atc","code":"A"}`) + `]}`), "sections.allergies.items[0].agent.codes", ErrTooLarge, false},
	{"line break in an agent", allergy(`"agent":{"text":"x\ny"}`), "sections.allergies.items[0].agent.text", ErrCharacter, false},
	{"tab in a note", allergy(`"agent":{"text":"x"},"note":"a\tb"`), "sections.allergies.items[0].note", ErrCharacter, false},
	{"id too long", allergy(`"agent":{"text":"x"},"id":"abcdefghijklmnopq"`), "sections.allergies.items[0].id", ErrTooLarge, false},
	{"id with a blank", allergy(`"agent":{"text":"x"},"id":"a b"`), "sections.allergies.items[0].id", ErrCharacter, false},
	{"id twice", with(`"allergies":{"status":"items","items":[{"id":"a","agent":{"text":"x"}}]},"visits":{"status":"items","items":[{"id":"b","date":"2026","reason":{"text":"x"}},{"id":"a","date":"2026","reason":{"text":"x"}}]}`), "sections.visits.items[1].id", ErrDuplicate, true},
	{"level unknown", allergy(`"agent":{"text":"x"},"level":"secret"`), "sections.allergies.items[0].level", ErrUnknownValue, false},
	{"level open without consent", `{"schema":"secours.summary/1",` + patient + `,"sections":{"allergies":{"status":"items","items":[{"agent":{"text":"x"},"level":"open"}]}}}`, "sections.allergies.items[0].level", ErrContradiction, true},
	{"author is an empty object", allergy(`"agent":{"text":"x"},"by":{}`), "sections.allergies.items[0].by", ErrEmpty, false},
	{"author has nothing but nulls", allergy(`"agent":{"text":"x"},"by":{"name":null}`), "sections.allergies.items[0].by", ErrEmpty, true},
	{"author is an empty text", allergy(`"agent":{"text":"x"},"by":""`), "sections.allergies.items[0].by", ErrEmpty, false},
	{"author is a list", allergy(`"agent":{"text":"x"},"by":["x"]`), "sections.allergies.items[0].by", ErrType, false},
	{"flag is a text", with(`"medications":{"status":"items","items":[{"product":{"text":"x"},"longTerm":"true"}]}`), "sections.medications.items[0].longTerm", ErrType, false},
	{"unreviewed is a text", allergy(`"agent":{"text":"x"},"unreviewed":"true"`), "sections.allergies.items[0].unreviewed", ErrType, false},
	{"value is a flag", with(`"measurements":{"status":"items","items":[{"kind":"inr","value":true,"date":"2026"}]}`), "sections.measurements.items[0].value", ErrType, false},
	{"value is an empty text", with(`"measurements":{"status":"items","items":[{"kind":"inr","value":"","date":"2026"}]}`), "sections.measurements.items[0].value", ErrEmpty, false},
	{"value too long as a number", with(`"measurements":{"status":"items","items":[{"kind":"inr","value":1` + strings.Repeat("0", 120) + `,"date":"2026"}]}`), "sections.measurements.items[0].value", ErrTooLarge, true},
	{"list is an object", allergy(`"agent":{"text":"x"},"reactions":{}`), "sections.allergies.items[0].reactions", ErrType, false},
	{"weekday twice", with(`"medications":{"status":"items","items":[{"product":{"text":"x"},"dosage":{"weekdays":["mon","mon"]}}]}`), "sections.medications.items[0].dosage.weekdays[1]", ErrDuplicate, false},

	{"unknown member twice", allergy(`"agent":{"text":"x"},"new":1,"new":1`), "sections.allergies.items[0].new", ErrDuplicate, true},
	{"unknown member with a duplicate within", allergy(`"agent":{"text":"x"},"new":{"a":1,"a":2}`), "sections.allergies.items[0].new", ErrDuplicate, true},
	{"unknown member with a control character", allergy(`"agent":{"text":"x"},"new":["\u0007"]`), "sections.allergies.items[0].new", ErrCharacter, false},
	{"unknown member with a lone surrogate", allergy(`"agent":{"text":"x"},"new":"\udc00"`), "sections.allergies.items[0].new", ErrCharacter, false},
	{"unknown member without a name", allergy(`"agent":{"text":"x"},"":1`), `sections.allergies.items[0][""]`, ErrEmpty, false},
	{"unknown member with a control character in its name", allergy(`"agent":{"text":"x"},"a\u0007":1`), `sections.allergies.items[0]["a\a"]`, ErrCharacter, false},
	{"unknown member with a long name", allergy(`"agent":{"text":"x"},"` + strings.Repeat("n", 65) + `":1`), `sections.allergies.items[0]["` + strings.Repeat("n", 64) + `"]`, ErrTooLarge, false},
	{"newer member by a wrong name", allergy(`"agent":{"text":"x"},"#07":"AQ=="`), "sections.allergies.items[0].#07", ErrUnknownValue, false},
	{"newer member that is known", allergy(`"agent":{"text":"x"},"#2":"AQ=="`), "sections.allergies.items[0].#2", ErrDuplicate, true},
	{"newer member that is no text", allergy(`"agent":{"text":"x"},"#70":1`), "sections.allergies.items[0].#70", ErrType, false},
	{"newer member that is no base64", allergy(`"agent":{"text":"x"},"#70":"*"`), "sections.allergies.items[0].#70", ErrType, false},
	{"newer member that is no canonical CBOR", allergy(`"agent":{"text":"x"},"#70":"GAE="`), "sections.allergies.items[0].#70", ErrEncoding, true},
	{"newer member at a level where there are none", allergy(`"agent":{"text":"x"},"#70@masked":"AQ=="`), "sections.allergies.items[0].#70@masked", ErrUnknownValue, true},
	{"the places of a section", with(`"allergies":{"status":"not-asked","#7":"gQE="}`), "sections.allergies.#7", ErrDuplicate, true},
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range bad {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse([]byte(tt.json))
			if err == nil || s != nil {
				t.Fatal("accepted")
			}
			for _, e := range pathErrors(err) {
				if e.Path == tt.path && errors.Is(e, tt.err) {
					return
				}
			}
			t.Errorf("want %v at %s, got:\n%v", tt.err, tt.path, err)
		})
	}
}

func pathErrors(err error) []*PathError {
	var all []*PathError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if p := (*PathError)(nil); errors.As(e, &p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// One fault is one error: what could not be read is not missing as well.
func TestParseReportsOnce(t *testing.T) {
	for _, tt := range bad {
		_, err := Parse([]byte(tt.json))
		if n := len(pathErrors(err)); n != 1 {
			t.Errorf("%s: %d errors:\n%v", tt.name, n, err)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for _, tt := range []struct{ json, want string }{
		{with(`"allergies":{}`), "sections.allergies.status: missing: say items, none-known, not-asked or unavailable"},
		{with(`"allergies":{"status":"x"}`), "sections.allergies.status: unknown value: want items, none-known, not-asked or unavailable"},
		{withPatient(`"family":"A","given":["B"],"birthDate":"2026-02-30","sex":"male"`), "patient.birthDate: no such date: the month has no such day"},
		{allergy(`"agent":{"text":""}`), "sections.allergies.items[0].agent.text: empty text: leave the member out"},
	} {
		if _, err := Parse([]byte(tt.json)); err == nil || err.Error() != tt.want {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
	}
	// A wrong value is a clinical value, more often than not.
	_, err := Parse([]byte(allergy(`"agent":{"text":"x"},"category":"penicillinum","onset":"1987-02-31","note":"a\u0007penicillinum"`)))
	if len(pathErrors(err)) != 3 || strings.Contains(err.Error(), "penicillinum") || strings.Contains(err.Error(), "1987") {
		t.Errorf("the error quotes a value:\n%v", err)
	}
}

func TestParseCollectsErrors(t *testing.T) {
	_, err := Parse([]byte(with(`"allergies":{"status":"items","items":[` + repeat(30, `{}`) + `]}`)))
	if n := len(pathErrors(err)); n != maxErrors || !strings.HasSuffix(err.Error(), "and 10 more") {
		t.Errorf("%d errors:\n%v", n, err)
	}
}

func TestParseSyntax(t *testing.T) {
	for _, tt := range []struct {
		json               string
		offset, line, colu int
	}{
		{"", 0, 1, 1},
		{"{", 1, 1, 2},
		{"{}x", 2, 1, 3},
		{"{\n \"schema\" 1}", 12, 2, 11},
		{`{"schema":"a` + "\n" + `"}`, 12, 1, 13},
		{`{"schema":"\x"}`, 11, 1, 12},
		{`{"schema":"\u12"}`, 11, 1, 12},
		{`{"schema":nul}`, 10, 1, 11},
		{`{"schema":1,}`, 12, 1, 13},
		{`{"x":01}`, 6, 1, 7},
		{`{"x":+1}`, 5, 1, 6},
		{`{"x":[1,]}`, 8, 1, 9},
		{`{"x":{"y"}}`, 9, 1, 10},
		{`{"schema":"a`, 12, 1, 13},
		{"{\"schema\":\"\xff\"}", 11, 1, 12},
		{"\ufeff{}", 0, 1, 1},
	} {
		_, err := Parse([]byte(tt.json))
		var e *SyntaxError
		switch {
		case tt.json == "" || tt.json[0] != '{':
			// What is no object at all may also be called a wrong type; it must be refused.
			if err == nil {
				t.Errorf("%q: accepted", tt.json)
			}
		case !errors.As(err, &e) || !errors.Is(err, ErrSyntax):
			t.Errorf("%q: %v", tt.json, err)
		case e.Offset != tt.offset || e.Line != tt.line || e.Column != tt.colu:
			t.Errorf("%q: at %d, line %d, column %d", tt.json, e.Offset, e.Line, e.Column)
		}
	}
}

func TestParseLimits(t *testing.T) {
	pad := func(n int) []byte {
		doc := with(``)
		return append([]byte(doc), bytes.Repeat([]byte{' '}, n-len(doc))...)
	}
	if _, err := Parse(pad(MaxJSON)); err != nil {
		t.Errorf("1 MiB: %v", err)
	}
	if _, err := Parse(pad(MaxJSON + 1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("1 MiB and a byte: %v", err)
	}
	nested := func(n int) string {
		return `{"schema":"secours.summary/1",` + patient + `,"sections":{},"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	if _, err := Parse([]byte(nested(maxDepth - 1))); err != nil {
		t.Errorf("16 levels: %v", err)
	}
	for _, n := range []int{maxDepth, 400_000} {
		if _, err := Parse([]byte(nested(n))); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d levels: %v", n+1, err)
		}
	}
	if _, err := Parse([]byte(strings.Repeat("[", MaxJSON))); err == nil {
		t.Error("a million brackets were accepted")
	}
	many := func(n int) string {
		members := ""
		for i := range n {
			members += fmt.Sprintf(`,"x%d":1`, i)
		}
		return allergy(`"agent":{"text":"x"}` + members)
	}
	if _, err := Parse([]byte(many(maxUnknown))); err != nil {
		t.Errorf("32 unknown members: %v", err)
	}
	if _, err := Parse([]byte(many(maxUnknown + 1))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("33 unknown members: %v", err)
	}
}

// sameJSON compares documents by their members; numbers are compared as they are written.
func sameJSON(t *testing.T, a, b string) string {
	t.Helper()
	read := func(text string) any {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		return withoutNull(v)
	}
	return cmp.Diff(read(a), read(b))
}

// withoutNull leaves out what is absent: members that are null, except those that nobody knows.
func withoutNull(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			if m == nil && name != "x" {
				delete(v, name)
			} else {
				v[name] = withoutNull(m)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNull(v[i])
		}
	}
	return v
}

func TestJSONRoundTrip(t *testing.T) {
	for _, doc := range good {
		s, err := Parse([]byte(doc))
		if err != nil {
			t.Errorf("%v\n%s", err, doc)
			continue
		}
		out, err := s.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if diff := sameJSON(t, doc, string(out)); diff != "" {
			t.Errorf("changed: %s", diff)
		}
		again, err := Parse(out)
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("not the same once more: %v\n%s", err, out)
		}
	}
}

func TestEncodingJSON(t *testing.T) {
	var in struct{ Summary *Summary }
	if err := json.Unmarshal([]byte(`{"Summary":`+good[0]+`}`), &in); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := sameJSON(t, `{"Summary":`+good[0]+`}`, string(out)); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal([]byte(`{"Summary":`+bad[0].json+`}`), &in); !errors.Is(err, bad[0].err) {
		t.Errorf("encoding/json: %v", err)
	}
}

func TestJSONRefusesWhatIsNoJSON(t *testing.T) {
	s, _ := Parse([]byte(sample))
	s.Patient.Family = "\xff"
	if _, err := s.JSON(); err == nil {
		t.Error("invalid UTF-8 was written")
	}
	s, _ = Parse([]byte(sample))
	s.Sections.Measurements.Items[0].Value = Value{"1,5", true}
	if _, err := s.JSON(); err == nil {
		t.Error("a number that is none was written")
	}
}

// Validate sees in Go values what Parse sees in a document.
func TestValidateGo(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*Summary)
		path string
		err  error
	}{
		{"date without month", func(s *Summary) { s.Patient.BirthDate = Date{1948, 0, 3} }, "patient.birthDate", ErrDate},
		{"invalid UTF-8", func(s *Summary) { s.Patient.Family = "\xff" }, "patient.family", ErrCharacter},
		{"number", func(s *Summary) { s.Sections.Measurements.Items[0].Value = Value{"1,5", true} }, "sections.measurements.items[0].value", ErrType},
		{"flag", func(s *Summary) { s.Sections.Medications.Items[0].LongTerm = 7 }, "sections.medications.items[0].longTerm", ErrUnknownValue},
		{"bare author", func(s *Summary) { s.Consent.By = Author{Name: "x", Org: "y", Bare: true} }, "consent.by", ErrContradiction},
		{"known among unknown", func(s *Summary) { s.Patient.Extra = Extra{"family": []byte(`"x"`)} }, "patient.family", ErrDuplicate},
		{"unknown that is no JSON", func(s *Summary) { s.Patient.Extra = Extra{"x": []byte(`{`)} }, "patient.x", ErrSyntax},
		{"unknown that is two values", func(s *Summary) { s.Patient.Extra = Extra{"x": []byte(`1 2`)} }, "patient.x", ErrSyntax},
		{"unknown that is not compact", func(s *Summary) { s.Patient.Extra = Extra{"x": []byte(`[ 1]`)} }, "patient.x", ErrSyntax},
	} {
		s, err := Parse([]byte(sample))
		if err != nil {
			t.Fatal(err)
		}
		tt.edit(s)
		errs := pathErrors(s.Validate())
		if len(errs) != 1 || errs[0].Path != tt.path || !errors.Is(errs[0], tt.err) {
			t.Errorf("%s: %v", tt.name, errs)
		}
		if _, err := s.Compartments(); err == nil {
			t.Errorf("%s: Compartments accepted it", tt.name)
		}
		s.AssignIDs() // must not panic
	}
	if err := new(Summary).Validate(); !errors.Is(err, ErrMissing) {
		t.Errorf("an empty summary: %v", err)
	}
}

func TestUnknown(t *testing.T) {
	s, err := Parse([]byte(allergy(`"agent":{"text":"x"},"categorie":"food"`)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"sections.allergies.items[0].categorie"}, s.Unknown()); diff != "" {
		t.Error(diff)
	}
}
