package fhir

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secours-card/secours/summary"
)

var update = flag.Bool("update", false, "write the golden files")

// bundles are the documents of testdata, all of invented people.
func bundles(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, name := range all {
		if !strings.HasSuffix(name, ".summary.json") && !strings.HasSuffix(name, ".losses.json") {
			list = append(list, name)
		}
	}
	if len(list) < 15 {
		t.Fatalf("%d bundles in testdata, want all of them", len(list))
	}
	return list
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// indented writes JSON as the golden files have it.
func indented(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(read(t, name)), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestImportGolden(t *testing.T) {
	for _, name := range bundles(t) {
		base := strings.TrimSuffix(name, ".json")
		t.Run(filepath.Base(base), func(t *testing.T) {
			s, losses, err := Import(read(t, name))
			if err != nil {
				t.Fatal(err)
			}
			said, err := s.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := summary.Parse(said); err != nil {
				t.Errorf("the summary cannot be read again: %v", err)
			}
			golden(t, base+".summary.json", indented(t, json.RawMessage(said)))
			golden(t, base+".losses.json", indented(t, losses))
		})
	}
}
