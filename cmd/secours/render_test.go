package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// criticalLines are the numbers of the lines of the entries marked !!, from 1, continuation lines included.
func criticalLines(text string) []int {
	var lines []int
	in := false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "!!"):
			in = true
		case !strings.HasPrefix(line, "     "):
			in = false
		}
		if in {
			lines = append(lines, i+1)
		}
	}
	return lines
}

func TestCriticalFirst(t *testing.T) {
	t.Run("the example fits the first page", func(t *testing.T) {
		for _, l := range []lang{fr, en} {
			for _, d := range []verdict{{verdictValid, "ok", ""}, {verdictUnverifiable, "issuer-unknown", ""}, {verdictInvalid, "signature", ""}} {
				v := exampleView(t)
				v.Verdict = d
				lines := criticalLines(read(t, v, renderOptions{Lang: l}))
				if len(lines) < 7 {
					t.Errorf("%v: %d lines marked !!, want at least 7", d, len(lines))
				}
				if last := slices.Max(lines); last > page {
					t.Errorf("%v: the last line marked !! is %d, want at most %d", d, last, page)
				}
			}
		}
	})
	t.Run("what does not fit comes before everything else", func(t *testing.T) {
		for n := 1; n < 40; n += 3 {
			var alerts []string
			for range n {
				alerts = append(alerts, `{"kind":"other","priority":"important","text":"courant"},{"kind":"other","priority":"critical","text":"grave"}`)
			}
			v := valid(sections(t, `"alerts":{"status":"items","items":[`+strings.Join(alerts, ",")+`]},
				"medications":{"status":"items","items":[{"product":{"text":"méthotrexate"},"highRisk":true,"status":"active"}]}`))
			text := read(t, v, renderOptions{Lang: fr})
			if got := strings.Count(text, "\n!! "); got != n+1 {
				t.Errorf("%d entries marked !!, want %d", got, n+1)
			}
			lines := criticalLines(text)
			if last := slices.Max(lines); last > page {
				for i, line := range strings.Split(text, "\n")[:last] {
					if strings.HasPrefix(line, " !") {
						t.Errorf("line %d, marked !, comes before the last one marked !!, on line %d", i+1, last)
					}
				}
				if want := fmt.Sprintf("\n== !! %d CRITIQUES ==", n+1); !strings.Contains(text, want) {
					t.Errorf("nothing says %s", want)
				}
			}
		}
	})
}

// A terminal of 40 columns and 24 lines shows what each critical item is on its first page, and the details below.
func TestSmallScreen(t *testing.T) {
	for l, want := range map[lang][]string{
		fr: {"7 CRITIQUES", "ANTICOAGULANT", "DISPOSITIF IMPLANTÉ", "REFUS DE TRANSFUSION", "amoxicilline", "méthotrexate 2,5 mg, comprimé, 1 FOIS PAR SEMAINE", "ELIQUIS 5 mg, comprimé pelliculé (apixaban)"},
		en: {"7 CRITICAL", "ANTICOAGULANT", "IMPLANT", "REFUSAL OF TRANSFUSION", "amoxicilline", "méthotrexate 2,5 mg, comprimé, ONCE A WEEK", "ELIQUIS 5 mg, comprimé pelliculé (apixaban)"},
	} {
		text := read(t, exampleView(t), renderOptions{Lang: l, Width: 40})
		if last := slices.Max(criticalLines(text)); last > page {
			t.Errorf("the last line marked !! is %d, want at most %d:\n%s", last, page, text)
		}
		first := flat(strings.Join(strings.Split(text, "\n")[:page], "\n"))
		for _, w := range want {
			if !strings.Contains(first, w) {
				t.Errorf("%q is not on the first page:\n%s", w, text)
			}
		}
		if got := strings.Count(text, "\n!! "); got != 7 {
			t.Errorf("%d short lines, want 7", got)
		}
		// The refusal stands among the points of attention and in its section.
		if got := strings.Count(text, "\n^^ "); got != 8 {
			t.Errorf("%d entries repeated in full, want 8", got)
		}
	}
	// What does not fit in short lines either is counted on the first page.
	v := exampleView(t)
	v.Verdict = verdict{verdictInvalid, "signature", ""}
	lines := strings.Split(read(t, v, renderOptions{Lang: fr, Width: 40}), "\n")
	if !slices.ContainsFunc(lines[:page], func(s string) bool { return strings.HasPrefix(s, "== !! 7 CRITIQUES [INVALIDE]") }) {
		t.Errorf("the number of critical items is not on the first page:\n%s", strings.Join(lines, "\n"))
	}
	// A limit that is said not to be opposed keeps its position, and a short text that fits is kept.
	directives := strings.Repeat(`{"kind":"treatment-limit","subject":"intubation","position":"not-opposed","text":"relire"},`, 20)
	v = valid(sections(t, `"directives":{"status":"items","items":[`+strings.TrimSuffix(directives, ",")+`]}`))
	want := "!! LIMITATION DE TRAITEMENT : INTUBATION, NON OPPOSÉ  relire\n"
	if text := read(t, v, renderOptions{Lang: fr}); strings.Count(text, want) != 20 {
		t.Errorf("want %q 20 times in\n%s", want, text)
	}
}

func TestRefusalsAtTheTopAndInTheirPlace(t *testing.T) {
	v := exampleView(t)
	text := read(t, v, renderOptions{Lang: fr})
	if got := strings.Count(text, "REFUS DE TRANSFUSION"); got != 2 {
		t.Errorf("the refusal is shown %d times, want 2", got)
	}
	if i := strings.Index(text, "REFUS DE TRANSFUSION"); i < 0 || i > strings.Index(text, "== ALLERGIES") {
		t.Error("the refusal is not among the points of attention")
	}
	for _, d := range []string{
		`{"kind":"treatment-limit","subject":"intubation"}`,
		`{"kind":"advance-directive","subject":"resuscitation","position":"opposed"}`,
	} {
		// Nobody was asked about alerts: a refusal must not go down with the section.
		text := read(t, valid(sections(t, `"directives":{"status":"items","items":[`+d+`]}`)), renderOptions{Lang: fr})
		if !strings.Contains(text, "\n!! ") {
			t.Errorf("%s is not among the first", d)
		}
	}
	text = read(t, valid(sections(t, `"directives":{"status":"items","items":[{"kind":"organ-donation","position":"opposed"}]}`)), renderOptions{Lang: fr})
	if strings.Contains(text, "\n!! ") {
		t.Error("organ donation is among the first")
	}
}

func TestStatusesAreFiveDifferentThings(t *testing.T) {
	titles := func(text string) map[string]string {
		parts := map[string]string{}
		for _, p := range strings.Split(text, "\n== ")[1:] {
			title, rest, _ := strings.Cut(p, " =")
			parts[title] = flat(rest)
		}
		return parts
	}
	v := valid(sections(t, `"alerts":{"status":"none-known","reviewed":"2026-10-05","reviewedBy":"Dr PINTO"},
		"allergies":{"status":"not-asked"},"medications":{"status":"unavailable"}`))
	v.Sections = map[string]sectionView{
		"history":  {visibleNone, "role"},
		"visits":   {visibleNone, "undecodable"},
		"contacts": {visibleNone, "absent"},
	}
	got := titles(read(t, v, renderOptions{Lang: fr}))
	for title, want := range map[string]string{
		"POINTS DE VIGILANCE":      "AUCUN POINT DE VIGILANCE CONNU, dit par Dr PINTO le 05/10/2026",
		"ALLERGIES":                "NON DEMANDÉ",
		"MÉDICAMENTS":              "NON DISPONIBLE",
		"ANTÉCÉDENTS":              "NON VISIBLE POUR VOTRE RÔLE",
		"CONSULTATIONS ET SÉJOURS": "ILLISIBLE",
	} {
		if !strings.Contains(got[title], want) {
			t.Errorf("%s: want %q, got %q", title, want, got[title])
		}
		for other, words := range map[string]string{
			"POINTS DE VIGILANCE": "AUCUN", "ALLERGIES": "NON DEMANDÉ", "MÉDICAMENTS": "NON DISPONIBLE", "ANTÉCÉDENTS": "NON VISIBLE",
		} {
			part, _, _ := strings.Cut(got[title], "NON DEMANDÉ : MESURES")
			if other != title && strings.Contains(part, words) {
				t.Errorf("%s also says %q", title, words)
			}
		}
	}
	// Sections that nobody mentioned are named all the same.
	text := flat(read(t, v, renderOptions{Lang: fr}))
	if !strings.Contains(text, "NON DEMANDÉ : MESURES, VACCINATIONS, PERSONNES À APPELER, DIRECTIVES") {
		t.Errorf("the sections not asked about are not named:\n%s", text)
	}
	if strings.Contains(text, "NON DEMANDÉ : ANTÉCÉDENTS") || strings.Contains(text, "AUCUNE ALLERGIE") {
		t.Errorf("something hidden or not asked reads as absent:\n%s", text)
	}
}

// A section that was not asked about and carries something all the same is said to be both.
func TestNotAskedWithMore(t *testing.T) {
	v := valid(sections(t, `"vaccinations":{"status":"not-asked"},"visits":{"status":"not-asked"}`))
	v.Summary.Sections.Vaccinations.Extra = summary.Extra{"x": nil}
	v.Sections = map[string]sectionView{"visits": {visiblePartial, "role"}}
	text := flat(read(t, v, renderOptions{Lang: fr, Width: 120}))
	for _, want := range []string{
		"= ! NON DEMANDÉ : rien n'indique s'il y en a ou non ! 1 champ inconnu de ce programme, non affiché ==",
		"= ! PARTIEL : d'autres éléments peuvent exister, non visibles pour votre rôle ! NON DEMANDÉ : rien",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
}

func TestNoneKnownHasAnAuthorAndADate(t *testing.T) {
	for head, want := range map[string]string{
		`"status":"none-known","reviewed":"2026-10","reviewedBy":{"name":"Mme ROUX","role":"nurse"}`:                        "AUCUNE ALLERGIE CONNUE, dit par Mme ROUX, infirmier(e), en 10/2026",
		`"status":"none-known","reviewed":"2026-10-01"`:                                                                     "AUCUNE ALLERGIE CONNUE, dit par Dr Paul LEROY le 01/10/2026",
		`"status":"none-known","informant":"patient"`:                                                                       "AUCUNE ALLERGIE CONNUE, dit par Dr Paul LEROY, revue non datée, synthèse du 02/11/2026, selon le patient",
		`"status":"items","reviewed":"2026-10-01","noneKnown":["food"],"items":[{"agent":{"text":"x"},"category":"latex"}]`: "Aucune connue pour : aliments (dit par Dr Paul LEROY le 01/10/2026). Autres catégories : NON DEMANDÉ",
	} {
		text := flat(read(t, valid(sections(t, `"allergies":{`+head+`}`)), renderOptions{Lang: fr}))
		if !strings.Contains(text, want) {
			t.Errorf("%s: want %q in\n%s", head, want, text)
		}
	}
}

func TestNothingIsHidden(t *testing.T) {
	for _, l := range []lang{fr, en} {
		for _, width := range []int{40, 80} {
			v := exampleView(t)
			text := flat(read(t, v, renderOptions{Lang: l, Width: width}))
			// Every text of the example, wherever it stands, is on the screen to the letter; codes and ids are for machines.
			var doc any
			if err := json.Unmarshal(exampleJSON, &doc); err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, s := range signersTexts(doc, "") {
				n++
				if !strings.Contains(text, flat(s)) {
					t.Errorf("width %d: %q is not on the screen", width, s)
				}
			}
			if n < 100 {
				t.Errorf("only %d texts looked for", n)
			}
		}
	}
	v := exampleView(t)
	v.Clearance, v.Unsealed = 2, false
	if !strings.Contains(read(t, v, renderOptions{Lang: fr}), "PEUT ÊTRE INCOMPLET") {
		t.Error("nothing says that something may be masked")
	}
	text := read(t, v, renderOptions{Lang: fr})
	if !strings.Contains(text, "\n - ÉCARTÉE  produit de contraste iodé") {
		t.Error("the refuted allergy is not shown as refuted")
	}
	if !strings.Contains(text, "\n x ARRÊTÉ 01/10/2026  amiodarone") {
		t.Error("the stopped drug is not shown as stopped")
	}
	if !strings.Contains(flat(text), "A RhD positif, 03/02/2014, laboratoire : EFS Centre-Pays de la Loire, SANS VALEUR TRANSFUSIONNELLE") {
		t.Error("the blood group is shown without its laboratory or its warning")
	}
}

// signersTexts collects the strings of a JSON document that a person wrote.
func signersTexts(v any, key string) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for k, w := range v {
			all = append(all, signersTexts(w, k)...)
		}
	case []any:
		for _, w := range v {
			all = append(all, signersTexts(w, key)...)
		}
	case string:
		switch key {
		case "text", "name", "value", "unit", "action", "form", "route", "family", "given", "usedFamily", "phones", "phone", "note",
			"laboratory", "stopReason", "location", "place", "relationship", "morning", "noon", "evening", "quantity", "maxPerDay",
			"scope", "birthPlace", "reportedBy":
			all = append(all, v)
		}
	}
	return all
}

func TestUnknownIsSaid(t *testing.T) {
	v := exampleView(t)
	s := &v.Summary.Sections
	s.Alerts.Items[0].Kind, s.Alerts.Items[0].Priority = "#31", "#2"
	s.Alerts.Items[1].Extra = summary.Extra{"a": nil}
	s.Medications.Items[0].Dosage.Extra = summary.Extra{"b": nil, "c": nil}
	s.Medications.Items[1].Status = "#9"
	s.Allergies.Items[1].Criticality = "#3"
	s.History.Status = "#4"
	s.Extra = summary.Extra{"devices": nil}
	text := flat(read(t, v, renderOptions{Lang: fr}))
	for _, want := range []string{
		"!! #31 (priorité #2) apixaban", "02 61 91 00 01 · 1 champ inconnu de ce programme, non affiché", "depuis 03/2021 · 2 champs inconnus de ce programme, non affichés ^^", "À HAUT RISQUE, #9 ELIQUIS", "^^ #9 ELIQUIS",
		"RISQUE #3 latex", "STATUT INCONNU DE CETTE VERSION : #4", "en urgence accepté ! 1 champ inconnu de ce programme, non affiché == FIN",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
}

// Wordings that somebody misread, or that said what is not so.
func TestWording(t *testing.T) {
	screen := func(change func(*view), sec string) func(lang) string {
		return func(l lang) string {
			v := valid(sections(t, sec))
			if change != nil {
				change(v)
			}
			return flat(read(t, v, renderOptions{Lang: l, Width: 120}))
		}
	}
	alert := func(members string) func(lang) string {
		return screen(nil, `"alerts":{"status":"items","reviewed":"2026-11-02","items":[{"priority":"critical","text":"x",`+members+`}]}`)
	}
	drug := func(members string) func(lang) string {
		return screen(nil, `"medications":{"status":"items","items":[{"product":{"text":"x"},`+members+`}]}`)
	}
	masked := `"visits":{"status":"items","items":[{"date":"2026-11-02","reason":{"text":"x"},"level":"masked"}]}`
	trusted := func(days int) func(lang) string {
		return screen(func(v *view) { v.Trust.Days = days }, "")
	}
	for _, c := range []struct {
		screen func(lang) string
		fr, en string
	}{
		{screen(func(v *view) { v.Summary.Patient.UsedGiven = "Yann" }, ""), "(prénom utilisé : Yann)", "(given name used: Yann)"},
		{screen(func(v *view) { v.Summary.Patient.UsedFamily, v.Summary.Patient.UsedGiven = "M", "Yann" }, ""), "(nom utilisé : M Yann)", "(name used: M Yann)"},
		{screen(nil, ""), "FEMME 77 ans née", "FEMALE aged 77 born"},
		{trusted(0), "Tours liste de confiance du jour SYN", "Tours trust list of today SUM"},
		{trusted(12), "Tours liste de confiance : 12 jours SYN", "Tours trust list: 12 days SUM"},
		{alert(`"kind":"difficult-airway","laterality":"right"`), "INTUBATION DIFFICILE, CÔTÉ DROIT x", "DIFFICULT AIRWAY, RIGHT SIDE x"},
		{alert(`"kind":"limb-restriction","laterality":"left"`), "MEMBRE À PROTÉGER, CÔTÉ GAUCHE x", "LIMB RESTRICTION, LEFT SIDE x"},
		{alert(`"kind":"communication","languages":["ar","en"],"needs":["interprète","lecture labiale"]`), "x, langue : arabe (ar), anglais (en) ; besoins : interprète, lecture labiale ==", "x, language: Arabic (ar), English (en); needs: interprète, lecture labiale =="},
		{alert(`"kind":"communication","needs":["interprète"]`), "x, besoins : interprète", "x, needs: interprète"},
		{alert(`"kind":"pregnancy","dueDate":"2027-03-02"`), "terme prévu 02/03/2027", "expected delivery 2 Mar 2027"},
		{alert(`"kind":"implant","dueDate":"2027-03-02"`), "échéance 02/03/2027", "due 2 Mar 2027"},
		{screen(nil, `"alerts":{"status":"items","reviewed":"2026-11-02","noneKnown":["asplenia"],"items":[{"kind":"insulin","text":"x"}]}`), "Aucun connu pour : asplénie, dit par Dr Paul LEROY le 02/11/2026", "None known for: asplenia, stated by Dr Paul LEROY on 2 Nov 2026"},
		{drug(`"status":"on-hold","stopReason":"saignement"`), "raison de la suspension : saignement", "reason for the hold: saignement"},
		{drug(`"status":"active","stopReason":"saignement"`), "raison de l'arrêt : saignement", "reason for stopping: saignement"},
		{drug(`"status":"unknown"`), "= 1 de statut inconnu, revue non datée STATUT INCONNU x", "= 1 of unknown status, review not dated STATUS UNKNOWN x"},
		{drug(`"form":"y"`), "= 1 de statut non indiqué, revue non datée STATUT NON INDIQUÉ x", "= 1 of unstated status, review not dated STATUS NOT STATED x"},
		{drug(`"status":"active","taken":{"value":"un soir","reportedBy":"Luc"}`), "prise réelle : « un soir », dit par Luc", "actually taken: “un soir”, reported by Luc"},
		{screen(nil, `"contacts":{"status":"items","items":[{"name":"x","kind":"guardian"}]}`), "REPRÉSENTANT LÉGAL x", "LEGAL GUARDIAN x"},
		{screen(nil, masked), "MASQUÉ À D'AUTRES PAR LE PATIENT", "HIDDEN FROM OTHERS BY THE PATIENT"},
		{screen(func(v *view) { v.Unsealed = true }, masked), "x À MASQUER (non appliqué : carte non scellée) !", "x TO BE HIDDEN (not applied: card not sealed) !"},
		{screen(nil, `"directives":{"status":"items","items":[{"kind":"organ-donation","date":"2024-01-10"}]}`), "écrit du 10/01/2024", "dated 10 Jan 2024"},
		{screen(nil, `"directives":{"status":"items","items":[{"kind":"organ-donation","date":"2024-01"}]}`), "écrit en 01/2024", "dated Jan 2024"},
		{screen(nil, `"directives":{"status":"items","items":[{"kind":"organ-donation","date":"2024"}]}`), "écrit en 2024", "dated 2024"},
	} {
		for l, want := range map[lang]string{fr: c.fr, en: c.en} {
			if text := c.screen(l); !strings.Contains(text, want) {
				t.Errorf("want %q in\n%s", want, text)
			}
		}
	}
	for title, reviewed := range map[string]string{
		"alerts": "revus", "allergies": "revues", "medications": "revus", "history": "revus", "measurements": "revues", "vaccinations": "revues",
		"visits": "revues", "directives": "revues", "contacts": "revues",
	} {
		for date, on := range map[string]string{"2026-11-02": "le 02/11/2026", "2026-11": "en 11/2026"} {
			text := screen(nil, `"`+title+`":{"status":"unavailable","reviewed":"`+date+`"}`)(fr)
			if want := "= " + reviewed + " " + on + " "; !strings.Contains(text, want) {
				t.Errorf("%s: want %q in\n%s", title, want, text)
			}
		}
	}
}

// A refusal that was filed with the opposite position must not stop a hand.
func TestNotOpposedIsNoRefusal(t *testing.T) {
	for subject, want := range map[string]string{
		`,"subject":"transfusion"`: "TRANSFUSION : NON OPPOSÉ", `,"subject":"other"`: "AUTRE DIRECTIVE : NON OPPOSÉ", ``: "AUTRE DIRECTIVE : NON OPPOSÉ",
	} {
		for position, opposed := range map[string]bool{"not-opposed": false, "opposed": true, "unknown": true} {
			text := read(t, valid(sections(t, `"directives":{"status":"items","items":[{"kind":"refusal","position":"`+position+`"`+subject+`}]}`)), renderOptions{Lang: fr})
			if got := strings.Contains(text, "\n!! "); got != opposed {
				t.Errorf("%s %s: among the first: %v, want %v", subject, position, got, opposed)
			}
			if got := strings.Contains(text, "\n   "+want+"  "); got == opposed {
				t.Errorf("%s %s: %q: %v in\n%s", subject, position, want, got, text)
			}
			if got := strings.Contains(text, "REFUS"); got != opposed {
				t.Errorf("%s %s: reads as a refusal: %v", subject, position, got)
			}
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		v             verdict
		top, mark     string
		repeated, bad bool
	}{
		{verdict{verdictValid, "ok", ""}, "SIGNATURE VALIDE", "", false, false},
		{verdict{verdictStale, "trust-outdated", ""}, "CONFIANCE PÉRIMÉE", "", false, false},
		{verdict{verdictUnverifiable, "issuer-unknown", ""}, "NON VÉRIFIABLE : l'autorité du signataire", "[NON VÉRIFIÉ]", true, true},
		{verdict{verdictInvalid, "signature", ""}, "INVALIDE : NE PAS SE FIER À CES DONNÉES : contenu", "[INVALIDE]", true, true},
		{verdict{"", "new-code", "autre raison"}, "NON VÉRIFIABLE : autre raison (new-code)", "[NON VÉRIFIÉ]", true, true},
		{verdict{"better-than-valid", "", ""}, "NON VÉRIFIABLE : raison inconnue", "[NON VÉRIFIÉ]", true, true},
	} {
		v := exampleView(t)
		v.Verdict = c.v
		text := read(t, v, renderOptions{Lang: fr})
		want := 1
		if c.repeated {
			want = 2
		}
		if got := strings.Count(flat(text), c.top); got != want {
			t.Errorf("%v: %q stands %d times, want %d:\n%s", c.v, c.top, got, want, text)
		}
		if c.bad {
			if !strings.HasPrefix(text, "## ") || strings.Contains(text, "SIGNATURE VALIDE") {
				t.Errorf("%v: the verdict is not the first line, or the signature reads as valid:\n%s", c.v, text)
			}
			lines := strings.Split(strings.TrimSpace(text), "\n")
			if !slices.ContainsFunc(lines[len(lines)-3:], func(s string) bool { return strings.HasPrefix(s, "## ") }) {
				t.Errorf("%v: the verdict is not repeated at the end", c.v)
			}
			for _, line := range lines {
				if strings.HasPrefix(line, "== ") && !strings.Contains(line, c.mark) {
					t.Errorf("%v: a section without the mark %s: %s", c.v, c.mark, line)
				}
			}
		}
	}
}

func TestAgeOfTheSummary(t *testing.T) {
	for _, c := range []struct {
		signed time.Time
		want   string
	}{
		{viewed, "SYNTHÈSE DU 22/11/2026 (aujourd'hui)"},
		{viewed.AddDate(0, 0, -1), "(1 jour)"},
		{viewed.AddDate(0, 0, -99), "(99 jours)"},
		{viewed.AddDate(0, 0, -360), "(11 mois)"},
		{viewed.AddDate(-1, 0, 0), "SYNTHÈSE DU 22/11/2025 (ANCIENNE : 12 mois)"},
		{viewed.AddDate(-5, 0, 0), "(ANCIENNE : 5 ans)"},
		{viewed.AddDate(0, 0, 2), "SYNTHÈSE DU 24/11/2026 (DATE DANS LE FUTUR : vérifier l'horloge)"},
		{time.Time{}, "DATE DE LA SYNTHÈSE INCONNUE"},
	} {
		v := valid(sections(t, ""))
		v.Signed = c.signed
		if text := read(t, v, renderOptions{Lang: fr}); !strings.Contains(text, c.want) {
			t.Errorf("want %q in\n%s", c.want, text)
		}
	}
}

func TestOrder(t *testing.T) {
	v := valid(sections(t, `
		"allergies":{"status":"items","items":[
			{"agent":{"text":"refutée"},"verification":"refuted","criticality":"high"},{"agent":{"text":"guérie"},"clinicalStatus":"resolved","criticality":"high"},
			{"agent":{"text":"faible"},"criticality":"low"},{"agent":{"text":"muette"}},{"agent":{"text":"incertaine"},"criticality":"unable-to-assess"},
			{"agent":{"text":"grave"},"severity":"severe"},{"agent":{"text":"haute"},"criticality":"high"}]},
		"medications":{"status":"items","items":[
			{"product":{"text":"fini"},"status":"stopped","highRisk":true},{"product":{"text":"achat"},"status":"active","origin":"otc"},
			{"product":{"text":"pause"},"status":"on-hold"},{"product":{"text":"douteux"},"status":"unknown"},{"product":{"text":"sans"}},
			{"product":{"text":"courant"},"status":"active"},{"product":{"text":"fort"},"status":"active","highRisk":true}]},
		"history":{"status":"items","items":[
			{"condition":{"text":"famille"},"kind":"family"},{"condition":{"text":"passé"},"status":"resolved"},
			{"condition":{"text":"calme"},"status":"remission"},{"condition":{"text":"flou"}},{"condition":{"text":"présent"},"status":"active"}]}`))
	lines := strings.Split(read(t, v, renderOptions{Lang: fr}), "\n")
	for _, want := range [][]string{
		{
			"!! RISQUE NON INDIQUÉ  grave", "!! RISQUE ÉLEVÉ  haute", " ! RISQUE NON INDIQUÉ  muette", " ! RISQUE NON ÉVALUÉ  incertaine",
			"   RISQUE FAIBLE  faible", " - ÉCARTÉE  refutée", " - RÉSOLUE, RISQUE ÉLEVÉ  guérie",
		},
		{
			"!! fort", "   courant", "   STATUT INCONNU  douteux", "   STATUT NON INDIQUÉ  sans", "   SUSPENDU  pause", " + achat  SANS ORDONNANCE",
			" x ARRÊTÉ (date non indiquée)  fini",
		},
		{"   présent", "   flou", "   calme", "   passé", "   FAMILLE  famille"},
	} {
		for _, prefix := range want {
			i := slices.IndexFunc(lines, func(s string) bool { return strings.HasPrefix(s, prefix) })
			if i < 0 {
				t.Fatalf("%q is missing or out of order in\n%s", prefix, strings.Join(lines, "\n"))
			}
			lines = lines[i+1:]
		}
	}
}

// What is missing from a screen, or makes it worth less, is said on it.
func TestCaveats(t *testing.T) {
	v := exampleView(t)
	text := read(t, v, renderOptions{Lang: fr})
	v.Damaged, v.OnBehalfOf = []int{2, 3}, "Dr PINTO"
	v.NewerLost, v.Unconfirmed = true, true
	v.Sections = map[string]sectionView{"directives": {visibleNone, "role"}, "allergies": {visiblePartial, "role"}}
	more := read(t, v, renderOptions{Lang: fr})
	for _, want := range []string{
		"!! CARTE EN PARTIE ILLISIBLE : il manque antécédents", "pour Dr PINTO",
		"!! CE N'EST PAS LA DERNIÈRE SYNTHÈSE", "ÉCRITURE NON TERMINÉE",
		"REFUS ET LIMITATIONS : non visibles pour votre rôle", "NON DEMANDÉ OU NON VISIBLE", "PARTIEL",
	} {
		if !strings.Contains(flat(more), want) || strings.Contains(flat(text), want) {
			t.Errorf("want %q when it is so and only then, in\n%s", want, more)
		}
	}
	for _, want := range []string{"NON SCELLÉ — DÉMONSTRATION", "CLÉS DE DÉMONSTRATION", "Vérifier que la carte est bien celle de ce patient."} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q", want)
		}
	}
	v.Unsealed, v.DemoKeys = false, false
	if text := read(t, v, renderOptions{Lang: fr}); strings.Contains(text, "DÉMONSTRATION") {
		t.Error("a real card is called a demonstration")
	}
}

// Severity is never conveyed by colour alone: without its colour codes the screen is the same.
func TestColourSaysNothingMore(t *testing.T) {
	for _, level := range []string{verdictValid, verdictInvalid} {
		v := exampleView(t)
		v.Verdict.Level = level
		var plain, coloured bytes.Buffer
		if err := render(&plain, v, renderOptions{Lang: fr, Now: viewed}); err != nil {
			t.Fatal(err)
		}
		if err := render(&coloured, v, renderOptions{Lang: fr, Now: viewed, Colour: true}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(plain.String(), "\x1b") {
			t.Error("colour codes where none were asked for")
		}
		stripped := sgrCode.ReplaceAllString(coloured.String(), "")
		if stripped == coloured.String() {
			t.Error("no colour codes where they were asked for")
		}
		if diff := cmp.Diff(plain.String(), stripped); diff != "" {
			t.Error(diff)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	v := exampleView(b)
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := render(&out, v, renderOptions{Lang: fr, Now: viewed}); err != nil {
			b.Fatal(err)
		}
	}
}
