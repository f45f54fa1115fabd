package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

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
