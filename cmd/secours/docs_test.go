package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHazardsNameTests holds docs/HAZARDS.md and docs/THREATS.md to tests that exist.
func TestHazardsNameTests(t *testing.T) {
	folders := map[string]string{
		"secours": ".", "card": "../../card", "pcsc": "../../pcsc", "vpcd": "../../pcsc/vpcd", "sim": "../../card/sim", "summary": "../../summary",
		"record": "../../summary/record", "trust": "../../summary/trust", "fhir": "../../summary/fhir", "vsm": "../../summary/vsm",
	}
	sources := map[string]string{}
	for name, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources[name] += string(source)
		}
	}
	test, script := regexp.MustCompile("`(\\w+)\\.((?:Test|Fuzz)\\w+)`"), regexp.MustCompile("scripts? `(\\w+)`")
	for _, document := range []string{"HAZARDS.md", "THREATS.md"} {
		text, err := os.ReadFile(filepath.Join("../../docs", document))
		if err != nil {
			t.Fatal(err)
		}
		named := test.FindAllStringSubmatch(string(text), -1)
		if len(named) < 20 {
			t.Fatalf("%s: only %d tests are named", document, len(named))
		}
		for _, n := range named {
			if !strings.Contains(sources[n[1]], "\nfunc "+n[2]+"(") {
				t.Errorf("%s names %s.%s, which does not exist", document, n[1], n[2])
			}
		}
		for _, n := range script.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("testdata/script", n[1]+".txtar")); err != nil {
				t.Errorf("%s names the script %s: %v", document, n[1], err)
			}
		}
	}
}
