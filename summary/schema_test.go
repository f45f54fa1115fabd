package summary

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the JSON Schema anew")

// schemaText is the schema in ASCII: the characters that no text may hold must not stand in the file either.
func schemaText(t *testing.T, schema js) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, r := range b.String() {
		if r == '\n' || ' ' <= r && r <= '~' {
			out = append(out, byte(r))
		} else {
			out = fmt.Appendf(out, "\\u%04x", r)
		}
	}
	return string(out)
}

func TestSchemaFile(t *testing.T) {
	for _, s := range []struct{ file, is, want string }{
		{"secours.summary-1.schema.json", SchemaJSON(), schemaText(t, summarySchema())},
		{"secours.amendment-1.schema.json", AmendmentSchemaJSON(), schemaText(t, amendmentSchema())},
	} {
		if *update {
			if err := os.WriteFile(s.file, []byte(s.want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if s.is != s.want {
			t.Errorf("%s is not that of the model: go generate ./summary", s.file)
		}
	}
}

func compileSchema(t testing.TB, schema string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("s.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func accepts(t testing.TB, s *jsonschema.Schema, text string) bool {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("a sample is no JSON: %v", err)
	}
	return s.Validate(doc) == nil
}

// Parse and the schema agree on every sample, but for what a schema cannot say.
func TestSchemaAgrees(t *testing.T) {
	s := compileSchema(t, SchemaJSON())
	for _, doc := range good {
		if !accepts(t, s, doc) {
			t.Errorf("the schema refuses a good document: %s", doc)
		}
	}
	beyond := 0
	for _, tt := range bad {
		if got := accepts(t, s, tt.json); got != tt.beyond {
			t.Errorf("%s: the schema accepts it: %v", tt.name, got)
		}
		if tt.beyond {
			beyond++
		}
	}
	if beyond == 0 || beyond*3 > len(bad) {
		t.Errorf("the schema misses %d of %d faults", beyond, len(bad))
	}
}

// The schema refuses the same characters as the checker, which refuses none beyond the basic plane.
func TestSchemaCharacters(t *testing.T) {
	for _, block := range []bool{false, true} {
		re := regexp.MustCompile(textPattern(block))
		for r := rune(0); r <= 0x1ffff; r++ {
			if utf8.ValidRune(r) && re.MatchString(string(r)) != allowed(r, block) {
				t.Fatalf("%U, block %v", r, block)
			}
		}
	}
}
