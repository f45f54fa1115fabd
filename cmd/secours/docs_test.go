package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHazardsNameTests holds docs/HAZARDS.md to tests that exist.
func TestHazardsNameTests(t *testing.T) {
	text, err := os.ReadFile("../../docs/HAZARDS.md")
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]string{
		"secours": ".", "card": "../../card", "sim": "../../card/sim", "summary": "../../summary",
		"record": "../../summary/record", "trust": "../../summary/trust",
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
	named := regexp.MustCompile("`(\\w+)\\.((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(text), -1)
	if len(named) < 20 {
		t.Fatalf("only %d tests are named", len(named))
	}
	for _, n := range named {
		if !strings.Contains(sources[n[1]], "\nfunc "+n[2]+"(") {
			t.Errorf("HAZARDS.md names %s.%s, which does not exist", n[1], n[2])
		}
	}
	for _, n := range regexp.MustCompile("script `(\\w+)`").FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join("testdata/script", n[1]+".txtar")); err != nil {
			t.Errorf("HAZARDS.md names the script %s: %v", n[1], err)
		}
	}
}
