package fhir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/secours-card/secours/summary"
)

// small is a bundle of one of everything that can go wrong; the entries and members of the Composition come in place of the words.
const small = `{"resourceType": "Bundle", "type": "document", "entry": [
	{"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Composition", "status": "final", "type": {"coding": [{"system": "http://loinc.org", "code": "60591-5"}]},
		"subject": {"reference": "urn:uuid:2"}, "date": "2026-01-01", "title": "x", "section": [SECTIONS]}},
	{"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Patient", "name": [{"family": "A", "given": ["B"]}], "gender": "male", "birthDate": "1980-01-01"}}ENTRIES]}`

func make1(sections, entries string) []byte {
	return []byte(strings.NewReplacer("SECTIONS", sections, "ENTRIES", entries).Replace(small))
}

func entry(resource string) string { return `,{"resource": ` + resource + `}` }

func TestImportRefuses(t *testing.T) {
	utf16le := func(s string) []byte {
		out := []byte{}
		for _, u := range utf16.Encode([]rune(s)) {
			out = append(out, byte(u), byte(u>>8))
		}
		return out
	}
	good := string(make1("", ""))
	allergies := `{"code": {"coding": [{"system": "http://loinc.org", "code": "48765-2"}]}, "entry": [%s]}`
	for name, test := range map[string]struct {
		data []byte
		want error
		word string
	}{
		"empty":                      {nil, ErrNotFHIR, "ends"},
		"truncated":                  {[]byte(good[:len(good)/2]), ErrNotFHIR, "ends"},
		"truncated in a text":        {[]byte(`{"resourceType": "Bun`), ErrNotFHIR, "ends"},
		"two documents":              {[]byte(good + good), ErrNotFHIR, "after the end"},
		"no JSON":                    {[]byte("<Bundle/>"), ErrNotFHIR, "malformed"},
		"no bundle":                  {[]byte(`{"resourceType": "Patient"}`), ErrNotFHIR, "not Bundle"},
		"a list":                     {[]byte(`[]`), ErrNotFHIR, "not Bundle"},
		"null":                       {[]byte(`null`), ErrNotFHIR, "not Bundle"},
		"UTF-16 with BOM":            {append([]byte{0xff, 0xfe}, utf16le(good)...), ErrNotFHIR, "UTF-16"},
		"UTF-16 without BOM":         {utf16le(good), ErrNotFHIR, "UTF-16"},
		"Windows-1252":               {[]byte(strings.Replace(good, `"A"`, "\"\xe9\"", 1)), ErrNotFHIR, "UTF-8"},
		"too deep":                   {[]byte(`{"resourceType": "Bundle", "x": ` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}"), ErrTooLarge, "deeper"},
		"too many":                   {[]byte(`{"resourceType": "Bundle", "x": [` + strings.Repeat("1,", maxNodes) + "1]}"), ErrTooLarge, "elements"},
		"too long":                   {bytes.Repeat([]byte(" "), MaxSize+1), ErrTooLarge, "bytes"},
		"a member twice":             {[]byte(`{"resourceType": "Bundle", "type": "document", "type": "document"}`), ErrNotFHIR, "twice"},
		"the twentieth member twice": {[]byte(`{` + members(20) + `, "m3": 1}`), ErrNotFHIR, "twice"},
		"no patient":                 {[]byte(`{"resourceType": "Bundle"}`), ErrPatient, "no Patient"},
		"a patient without a name":   {[]byte(`{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "birthDate": "1980"}}]}`), ErrPatient, "name"},
		"a patient without a birth":  {[]byte(`{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "name": [{"family": "A"}]}}]}`), ErrPatient, "birth"},
		"two patients, no composition": {
			[]byte(`{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "1"}}, {"resource": {"resourceType": "Patient", "id": "2"}}]}`), ErrTwoPatients, "2",
		},
		"a condition of another": {
			make1("", entry(`{"resourceType": "Patient", "id": "other"}`)+entry(`{"resourceType": "Condition", "code": {"text": "x"}, "subject": {"reference": "Patient/other"}}`)), ErrTwoPatients, "other",
		},
		"a contained condition of another": {
			make1("", entry(`{"resourceType": "Patient", "id": "other"}`)+
				entry(`{"resourceType": "Procedure", "code": {"text": "x"}, "contained": [{"resourceType": "Condition", "subject": {"reference": "Patient/other"}}]}`)), ErrTwoPatients, "other",
		},
		"an allergy that is not there":        {make1(fmt.Sprintf(allergies, `{"reference": "urn:uuid:9"}`), ""), ErrAllergy, "section[0].entry[0]"},
		"an allergies entry of nothing":       {make1(fmt.Sprintf(allergies, `{"reference": null}`), ""), ErrAllergy, "without a name"},
		"an allergy that says nothing":        {make1("", entry(`{"resourceType": "AllergyIntolerance", "id": "a"}`)), ErrAllergy, "AllergyIntolerance/a"},
		"an allergy in a bundle within":       {make1("", entry(`{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "AllergyIntolerance", "code": {"text": "x"}}}]}`)), ErrAllergy, "no place"},
		"an allergy where none is looked for": {make1(`{"text": {"resourceType": "AllergyIntolerance", "code": {"text": "x"}}}`, ""), ErrAllergy, "no place"},
		"more allergies than a list holds":    {make1("", strings.Repeat(entry(`{"resourceType": "AllergyIntolerance", "code": {"text": "x"}}`), 101)), ErrTooLarge, "101"},
		"a list of a thousand and one":        {make1("", entry(`{"resourceType": "Condition", "code": {"coding": [`+strings.Repeat(`{"code": "1"},`, maxList)+`{}]}}`)), ErrTooLarge, "coding"},
	} {
		t.Run(name, func(t *testing.T) {
			s, losses, err := Import(test.data)
			if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err), test.word) {
				t.Fatalf("error %v, want %v with %q", err, test.want, test.word)
			}
			if s != nil || losses != nil {
				t.Error("a summary beside the error")
			}
		})
	}
}

func members(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"m%d": 1`, i))
	}
	return strings.Join(list, ",")
}

func TestImportBOM(t *testing.T) {
	data := read(t, "testdata/french.json")
	want, _, err := Import(data)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := Import(append([]byte("\xef\xbb\xbf"), data...))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := want.JSON()
	b, _ := got.JSON()
	if !bytes.Equal(a, b) {
		t.Error("a byte order mark changes the summary")
	}
}

// nodes lists the ways to every value of a document.
func nodes(v any, path []any) (list [][]any) {
	list = append(list, path)
	step := func(s any, kid any) {
		list = append(list, nodes(kid, append(path[:len(path):len(path)], s))...)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, kid := range v {
			step(name, kid)
		}
	case []any:
		for i, kid := range v {
			step(i, kid)
		}
	}
	return list
}

// mutate copies a document, with what stands at a path replaced by what f makes of it: nothing at all, or several values.
func mutate(v any, path []any, f func(v any) []any) any {
	if len(path) == 0 {
		if list := f(v); len(list) > 0 {
			return list[0]
		}
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		name := path[0].(string)
		out := make(map[string]any, len(v))
		for k, kid := range v {
			out[k] = kid
		}
		if len(path) > 1 {
			out[name] = mutate(v[name], path[1:], f)
			return out
		}
		delete(out, name)
		if list := f(v[name]); len(list) > 0 {
			out[name] = list[0] // a member cannot stand twice in a map: that is refused, and tested apart
		}
		return out
	case []any:
		at := path[0].(int)
		out := append([]any{}, v[:at]...)
		if len(path) > 1 {
			out = append(out, mutate(v[at], path[1:], f))
		} else {
			out = append(out, f(v[at])...)
		}
		return append(out, v[at+1:]...)
	}
	return v
}

// mutations are what is thrown at every place of a document.
var mutations = map[string]func(v any) []any{
	"null":      func(any) []any { return []any{nil} },
	"number":    func(any) []any { return []any{json.Number("42")} },
	"bool":      func(any) []any { return []any{true} },
	"text":      func(any) []any { return []any{"x"} },
	"blank":     func(any) []any { return []any{" \u0007\u202e"} },
	"object":    func(any) []any { return []any{map[string]any{}} },
	"array":     func(any) []any { return []any{[]any{}} },
	"wrapped":   func(v any) []any { return []any{[]any{v}} },
	"within":    func(v any) []any { return []any{map[string]any{"x": v}} },
	"deleted":   func(any) []any { return nil },
	"duplicate": func(v any) []any { return []any{v, v} },
}

// TestMutations does to every node of a bundle everything that can be done to it. Nothing may panic, and no allergy be lost.
func TestMutations(t *testing.T) {
	var root any
	d := json.NewDecoder(bytes.NewReader(read(t, "testdata/mutated.json")))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	paths := nodes(root, nil)
	var count, imported atomic.Int64
	t.Run("each", func(t *testing.T) {
		for name, f := range mutations {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, path := range paths {
					data, err := json.Marshal(mutate(root, path, f))
					if err != nil {
						t.Fatal(err)
					}
					count.Add(1)
					s, losses, err := Import(data)
					switch {
					case err == nil:
						imported.Add(1)
						account(t, data, s, losses)
						if err := s.Validate(); err != nil {
							t.Errorf("%v: %v", path, err)
						}
					case !refused(err):
						t.Errorf("%v: %v", path, err)
					}
					if t.Failed() {
						t.Fatalf("%v", path)
					}
				}
			})
		}
	})
	n, good := count.Load(), imported.Load()
	t.Logf("%d nodes, %d mutations, %d of them imported", len(paths), n, good)
	if n < 3000 || good < n/2 {
		t.Errorf("%d mutations, %d imported: too few to mean anything", n, good)
	}
}

// FuzzImport checks of any bytes that Import comes back in time, with a valid summary or one of its errors, and that no allergy of a document that is
// JSON is lost.
func FuzzImport(f *testing.F) {
	for _, name := range bundles(f) {
		var b bytes.Buffer
		if err := json.Compact(&b, read(f, name)); err != nil {
			f.Fatal(err)
		}
		if b.Len() < 8<<10 { // what is longer keeps the fuzzer making it shorter
			f.Add(b.Bytes())
		}
	}
	f.Add(make1("", ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		s, losses, err := Import(data)
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("%v for %d bytes", took, len(data))
		}
		if err != nil {
			if !refused(err) {
				t.Fatalf("not one of the package's errors: %v", err)
			}
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		account(t, data, s, losses, "AllergyIntolerance")
		exports(t, "fuzz", s, origin)
	})
}

// TestImportLarge reads the largest documents that there are, in bounded time and memory.
func TestImportLarge(t *testing.T) {
	if testing.Short() || racing {
		t.Skip("takes ten seconds, and a minute with the race detector")
	}
	observations := func(n int) []byte {
		var b, refs strings.Builder
		for i := range n {
			if i > 0 {
				refs.WriteByte(',')
			}
			fmt.Fprintf(&refs, `{"reference": "Observation/o%d"}`, i)
			fmt.Fprintf(&b, `,{"fullUrl": "https://example.org/fhir/Observation/o%d", "resource": {"resourceType": "Observation", "id": "o%d", "status": "final", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}], "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}], "text": "weight"}, "subject": {"reference": "urn:uuid:2"}, "effectiveDateTime": "20%02d-%02d-%02d", "valueQuantity": {"value": %d.%d, "unit": "kg"}}}`,
				i, i, i%26, 1+i%12, 1+i%28, 50+i%50, i%10)
		}
		return make1(`{"title": "Results", "code": {"coding": [{"system": "http://loinc.org", "code": "30954-2"}]}, "text": {"status": "generated", "div": "<div>x</div>"}, "entry": [`+refs.String()+"]}", b.String())
	}
	one := entry(`{"resourceType": "Condition", "id": "big", "code": {"text": "x"}, "note": [{"text": "` + strings.Repeat("long words ", 900_000) + `"}]}`)
	sections := strings.Repeat(`{"title": "s", "text": {"div": "<div><p>abcdef</p></div>"}, "entry": [{"reference": "Condition/big"}]},`, 20_000) + "{}"
	var contained strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&contained, `{"resourceType": "MedicationStatement", "id": "m%d", "status": "active", "medicationReference": {"reference": "#d%d"}}, {"resourceType": "Medication", "id": "d%d", "code": {"text": "drug"}},`, i, i, i)
	}
	for name, data := range map[string][]byte{
		"50000 observations":                  observations(50_000),
		"sections that list one thing":        make1(sections, one),
		"80000 contained resources":           make1("", entry(`{"resourceType": "Basic", "contained": [`+contained.String()+`{}]}`)),
		"an object of 300000 members":         make1("", entry(`{"resourceType": "Condition", "code": {"text": "x"}, `+members(300_000)+`}`)),
		"300000 entries without a resource":   make1("", strings.Repeat(",{}", 300_000)),
		"a narrative that is never closed":    make1(`{"title": "s", "text": {"div": "`+strings.Repeat("<th><p>x", 1_000_000)+`"}}`, ""),
		"lists that list each other":          make1(`{"entry": [{"reference": "List/l0"}]}`, chain(20_000)),
		"authors that are each other's roles": make1("", entry(`{"resourceType": "PractitionerRole", "id": "p", "practitioner": {"reference": "PractitionerRole/p"}}`)+strings.Repeat(entry(`{"resourceType": "Condition", "code": {"text": "x"}, "recorder": {"reference": "PractitionerRole/p"}}`), 100)),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			s, losses, err := Import(data)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			// A report that nobody could read is refused.
			if refused := name == "an object of 300000 members" || name == "300000 entries without a resource"; refused != errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			t.Logf("%.1f MB: %v, %d losses, %d MB allocated in all", float64(len(data))/1e6, took.Round(time.Millisecond), len(losses), (after.TotalAlloc-before.TotalAlloc)>>20)
			if took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			_ = s
		})
	}
}

func chain(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(entry(fmt.Sprintf(`{"resourceType": "List", "id": "l%d", "status": "current", "entry": [{"item": {"reference": "List/l%d"}}]}`, i, (i+1)%n)))
	}
	return b.String()
}

// TestPregnancyAfterMoreAlerts guards that what a pregnancy's observations say stays with its alert when others come after it.
func TestPregnancyAfterMoreAlerts(t *testing.T) {
	observation := func(code, value string) string {
		return entry(`{"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "` + code + `"}]}, "subject": {"reference": "urn:uuid:2"}, "effectiveDateTime": "2026-01-01", ` + value + `}`)
	}
	status := func(code string) string {
		return observation(pregnancyStatus, `"valueCodeableConcept": {"text": "as asked", "coding": [{"system": "http://snomed.info/sct", "code": "`+code+`"}]}`)
	}
	due := observation("11778-8", `"valueDateTime": "2026-08-01"`)
	flags := strings.Repeat(entry(`{"resourceType": "Flag", "status": "active", "code": {"text": "f"}, "subject": {"reference": "urn:uuid:2"}}`), 5)
	for name, test := range map[string]struct {
		entries string
		want    string
	}{
		"pregnant":         {status("77386006") + flags + due, "2026-08-01"},
		"due first":        {due + flags + status("77386006"), "2026-08-01"},
		"not pregnant":     {due + flags + status("60001007"), "none"},
		"a due date alone": {due + flags, "2026-08-01"},
	} {
		s, _, err := Import(make1("", test.entries))
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		for _, a := range s.Sections.Alerts.Items {
			if a.Kind == summary.AlertPregnancy {
				got = a.DueDate.String()
			}
		}
		if got != test.want {
			t.Errorf("%s: due %s, want %s", name, got, test.want)
		}
	}
}
