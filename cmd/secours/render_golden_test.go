package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/secours-card/secours/summary"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing")

// viewed is the moment at which every golden screen is read.
var viewed = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// read prints a view and fails on anything that no screen may have, whatever it shows.
func read(t testing.TB, v *view, o renderOptions) string {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = viewed
	}
	var b bytes.Buffer
	if err := render(&b, v, o); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if o.Colour {
		text = sgrCode.ReplaceAllString(text, "")
	}
	width := min(max(o.Width, 40), 120)
	if o.Width == 0 {
		width = 80
	}
	for i, line := range strings.Split(text, "\n") {
		if n := textWidth(line); n > width {
			t.Errorf("line %d is %d columns wide, the screen has %d: %q", i+1, n, width, line)
		}
		for _, r := range line {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) {
				t.Errorf("line %d has the character %U: %q", i+1, r, line)
			}
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("line %d ends in spaces: %q", i+1, line)
		}
	}
	return text
}

var sgrCode = regexp.MustCompile("\x1b\\[[0-9;]*m")

// flat is a screen with its line breaks taken out, to look for a sentence wherever it was wrapped.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

func parsed(t testing.TB, data []byte) *summary.Summary {
	t.Helper()
	s, err := summary.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sections makes a summary of the sections given in JSON.
func sections(t testing.TB, sections string) *summary.Summary {
	t.Helper()
	return parsed(t, []byte(`{"schema":"secours.summary/1","patient":{"family":"DURAND","given":["Jeanne"],
		"birthDate":"1948-12-03","sex":"female"},"sections":{`+sections+`}}`))
}

// valid is a view of s under a good verdict.
func valid(s *summary.Summary) *view {
	return &view{
		Summary: s,
		Verdict: verdict{Level: verdictValid, Code: "ok"},
		Signer:  signer{"Dr Paul LEROY", "physician", "Tours"},
		Signed:  time.Date(2026, 11, 2, 17, 30, 0, 0, time.UTC),
		Trust:   trustAge{Present: true, Days: 12},

		Clearance: 3, Reader: "practice",
	}
}

func exampleView(t testing.TB) *view {
	v := valid(parsed(t, exampleJSON))
	v.Unsealed, v.DemoKeys = true, true
	return v
}

func TestGolden(t *testing.T) {
	hostile := "\x1b[2J\x1b]0;x\a\u202eAIROLG\u2066\u200b\u00ad\u2028\n!! FAUX\r\x9b31m\xff a\u0301\u0302\u0303\u0304\u0305\u0306"
	many := func() *view {
		var alerts, meds []string
		for i := range 14 {
			n := string(rune('A' + i))
			alerts = append(alerts, `{"kind":"rare-disease","priority":"critical","text":"point `+n+` à ne pas manquer","action":"appeler le centre `+n+`"}`)
			meds = append(meds, `{"product":{"text":"médicament `+n+` 2,5 mg"},"dosage":{"unit":"comprimés","morning":"4","period":"week","weekdays":["mon"]},"status":"active","highRisk":`+map[bool]string{true: "true", false: "false"}[i%3 == 0]+`}`)
		}
		return valid(sections(t, `"alerts":{"status":"items","reviewed":"2026-11-02","items":[`+strings.Join(alerts, ",")+`]},
			"allergies":{"status":"items","items":[{"agent":{"text":"venin de guêpe"},"criticality":"high","reactions":[{"text":"choc"}],"note":"adrénaline sur soi"}]},
			"medications":{"status":"items","items":[`+strings.Join(meds, ",")+`]}`))
	}
	states := func() *view {
		return valid(sections(t, `
			"alerts":{"status":"none-known","reviewed":"2026-10","reviewedBy":{"name":"Dr Ana PINTO","role":"physician","org":"CHU de Tours"}},
			"allergies":{"status":"none-known","informant":"relative"},
			"medications":{"status":"unavailable"},
			"vaccinations":{"status":"none-known","reviewed":"2025"},
			"visits":{"status":"not-asked"}`))
	}
	for name, c := range map[string]struct {
		v *view
		o renderOptions
	}{
		"example-fr":        {exampleView(t), renderOptions{Lang: fr}},
		"example-en":        {exampleView(t), renderOptions{Lang: en}},
		"example-fr-narrow": {exampleView(t), renderOptions{Lang: fr, Width: 40}},
		"example-en-wide":   {exampleView(t), renderOptions{Lang: en, Width: 118}},
		"example-fr-colour": {exampleView(t), renderOptions{Lang: fr, Colour: true}},
		"stale-fr": {with(states(), func(v *view) {
			v.Verdict = verdict{Level: verdictStale, Code: "trust-outdated"}
			v.Trust = trustAge{Present: true, Days: 412, Stale: true}
			v.Clearance, v.Reader = 2, "emergency"
			v.Signed = time.Date(2024, 5, 3, 8, 0, 0, 0, time.UTC)
		}), renderOptions{Lang: fr}},
		"unverifiable-fr": {with(exampleView(t), func(v *view) {
			v.Verdict = verdict{Level: verdictUnverifiable, Code: "issuer-unknown"}
		}), renderOptions{Lang: fr}},
		"unverifiable-en": {with(states(), func(v *view) {
			v.Verdict = verdict{Level: verdictUnverifiable, Code: "no-trust-data"}
			v.Trust = trustAge{}
		}), renderOptions{Lang: en}},
		"invalid-fr": {with(exampleView(t), func(v *view) {
			v.Verdict = verdict{Level: verdictInvalid, Code: "signature"}
		}), renderOptions{Lang: fr}},
		"invalid-en": {with(states(), func(v *view) {
			v.Verdict = verdict{Level: verdictInvalid, Code: "signature"}
		}), renderOptions{Lang: en}},
		"states-fr": {states(), renderOptions{Lang: fr}},
		"states-en": {states(), renderOptions{Lang: en}},
		"damaged-fr": {with(exampleView(t), func(v *view) {
			v.Verdict = verdict{Level: verdictInvalid, Code: "level-damaged"}
			v.Damaged = []int{2}
			s := &v.Summary.Sections
			s.History, s.Visits, s.Directives = nil, nil, nil
			v.Sections = map[string]sectionView{
				"history": {visibleNone, "undecodable"}, "visits": {visibleNone, "undecodable"},
				"directives": {visibleNone, "undecodable"}, "alerts": {visiblePartial, "undecodable"},
			}
		}), renderOptions{Lang: fr}},
		"pharmacist-fr": {with(exampleView(t), func(v *view) {
			s := &v.Summary.Sections
			s.History, s.Visits, s.Directives = nil, nil, nil
			v.Sections = map[string]sectionView{
				"history": {visibleNone, "role"}, "visits": {visibleNone, "role"}, "directives": {visibleNone, "role"},
			}
			v.Clearance, v.Reader, v.Unsealed = 1, "pharmacist", false
			v.Amendments = []amendmentView{{State: amendmentUnreadable}, {State: amendmentUnreadable}}
			v.OnBehalfOf = "Dr Ana PINTO"
		}), renderOptions{Lang: fr}},
		"unreadable-fr": {&view{Verdict: verdict{Level: verdictInvalid, Code: "content"}, Damaged: []int{1, 2}}, renderOptions{Lang: fr}},
		"many-fr":       {many(), renderOptions{Lang: fr}},
		"many-en":       {many(), renderOptions{Lang: en, Width: 60}},
		"hostile-fr": {with(exampleView(t), func(v *view) {
			p := &v.Summary.Patient
			p.Family, p.Given = hostile, []string{hostile}
			v.Signer = signer{hostile, hostile, hostile}
			v.Verdict.Text = hostile
			v.Summary.Sections.Alerts.Items[0].Text = hostile
			v.Summary.Sections.Allergies.Items[0].Agent.Text = hostile
			v.Summary.Sections.Medications.Items[0].Dosage.Text = hostile
			v.Summary.Sections.Contacts.Items[0].Phones[0] = hostile
		}), renderOptions{Lang: fr}},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, c.v, c.o) })
	}
}

// golden compares a screen with the one on file.
func golden(t *testing.T, name string, v *view, o renderOptions) {
	t.Helper()
	read(t, v, o)
	var b bytes.Buffer
	o.Now = viewed
	if err := render(&b, v, o); err != nil {
		t.Fatal(err)
	}
	goldenText(t, name, b.String())
}

func goldenText(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", "render", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("the screen changed (go test -run %s -update writes it):\n%s", t.Name(), diff)
	}
}

func with(v *view, change func(*view)) *view {
	change(v)
	return v
}
