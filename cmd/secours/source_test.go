package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// What the importers say of a document that they refuse is said in French to who reads it.
func TestRefusalsInFrench(t *testing.T) {
	message := regexp.MustCompile(`(?:errors\.New|fmt\.Errorf|im\.refuse)\(\s*"((?:[^"\\]|\\.)*)"`)
	verb := regexp.MustCompile(`%[a-z]`)
	english := regexp.MustCompile(`\b(want|the|of|in|an|without|no|not|is|has|and|with|than|which|that|it|its|to)\b`)
	found := 0
	for _, dir := range []string{"fhir", "vsm"} {
		files, err := filepath.Glob("../../summary/" + dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if matched, _ := filepath.Match("*_test.go", filepath.Base(file)); matched {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range message.FindAllSubmatch(source, -1) {
				found++
				text := verb.ReplaceAllString(string(m[1]), "7")
				if got := frenchDocuments.Replace(text); english.MatchString(got) {
					t.Errorf("%s: %q is %q in French", filepath.Base(file), text, got)
				}
			}
		}
	}
	if found < 35 {
		t.Errorf("only %d messages found", found)
	}
}
