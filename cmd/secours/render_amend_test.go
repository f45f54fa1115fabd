package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/summary"
)

// pharmacist wrote the amendments of these tests, on this day.
var (
	pharmacist   = signer{"Claire DUBOIS", "pharmacist", "Pharmacie des Halles"}
	pharmacistBy = summary.Author{Name: "Claire DUBOIS", Role: "pharmacist", Org: "Pharmacie des Halles"}
	amendedAt    = time.Date(2026, 11, 15, 10, 0, 0, 0, time.UTC)
	amendedOn    = summary.Date{Year: 2026, Month: 11, Day: 15}
)

// additionsJSON has one of every operation, on items of the example.
const additionsJSON = `{"schema":"secours.amendment/1",
	"add":{
		"allergies":[{"id":"p1","agent":{"text":"kétoprofène gel"},"category":"medication","criticality":"high","reactions":[{"text":"bulles étendues"}],"basis":"reported"}],
		"medications":[{"id":"p2","product":{"text":"naproxène 220 mg"},"origin":"otc","status":"active","dosage":{"text":"1 à 2 par jour"}}]},
	"stop":[{"id":"c6","date":"2026-11-10","reason":"remplacé, trop de maux d'estomac"}],
	"annotate":[{"id":"b2","note":"gants sans latex à la pharmacie"}],
	"taken":[{"id":"c2","value":"oublie le soir","reportedBy":"la patiente"}],
	"dispensed":[{"id":"c1","date":"2026-11-15","quantity":"16 comprimés"}],
	"retract":[{"id":"e1","reason":"pesée d'un autre patient"}]}`

func amendment(t testing.TB, data string) *summary.Amendment {
	t.Helper()
	a, err := summary.ParseAmendment([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// amend folds an amendment into a view, as one that is valid.
func amend(t testing.TB, v *view, data string) {
	t.Helper()
	changes, missing := v.Summary.Amend(amendment(t, data), pharmacistBy, amendedOn)
	if len(missing) > 0 {
		t.Fatalf("not there: %v", missing)
	}
	v.Changes = append(v.Changes, changes...)
	v.Amendments = append(v.Amendments, amendmentView{
		ID: "0badcafe", State: amendmentApplied, Verdict: verdict{verdictValid, "ok", ""}, Author: pharmacist, Time: amendedAt,
	})
}

// refusedView is an amendment that is no part of the summary.
func refusedView(t testing.TB, state, level, code, data string) amendmentView {
	t.Helper()
	return amendmentView{
		ID: "0badcafe", State: state, Verdict: verdict{level, code, ""}, Author: pharmacist, Time: amendedAt, Content: amendment(t, data),
	}
}

// withKey is the example with a masked visit and a pharmacist's amendment, as the holder of a key sees it.
func withKey(t testing.TB, reader string, clearance int) *view {
	t.Helper()
	s := parsed(t, exampleJSON)
	s.Sections.Visits.Items[1].Level = summary.LevelMasked
	levels, err := s.Compartments()
	if err != nil {
		t.Fatal(err)
	}
	for above := clearance + 1; above < len(levels); above++ {
		levels[above] = nil
	}
	if s, err = summary.Merge(levels); err != nil {
		t.Fatal(err)
	}
	v := valid(s)
	v.Reader, v.Clearance = reader, clearance
	v.Sections = map[string]sectionView{}
	for _, name := range summary.SectionNames() {
		switch {
		case summary.DefaultLevel(name).Rank() > clearance:
			v.Sections[name] = sectionView{visibleNone, "role"}
		case clearance < 3:
			// Anything may stand above the reader's clearance.
			v.Sections[name] = sectionView{visiblePartial, "role"}
		}
	}
	amend(t, v, additionsJSON)
	return v
}

// keyless is a card that this reader has no key for, with one open item.
func keyless(t testing.TB) *view {
	t.Helper()
	s := parsed(t, exampleJSON)
	s.Sections.Allergies.Items[0].Level = summary.LevelOpen
	levels, err := s.Compartments()
	if err != nil {
		t.Fatal(err)
	}
	open, err := summary.Merge([4][]byte{levels[0]})
	if open == nil {
		t.Fatal(err)
	}
	v := &view{Summary: open, Verdict: verdict{Level: verdictUnverifiable, Code: "no-key"}, Amendments: []amendmentView{{State: amendmentUnreadable}}}
	v.Sections = map[string]sectionView{}
	for _, name := range summary.SectionNames() {
		v.Sections[name] = sectionView{visibleNone, "role"}
	}
	v.Sections["allergies"] = sectionView{visiblePartial, "role"}
	return v
}

func TestGoldenAmendments(t *testing.T) {
	for name, c := range map[string]struct {
		v *view
		o renderOptions
	}{
		"key-pharmacist-fr": {withKey(t, "pharmacist", 1), renderOptions{Lang: fr}},
		"key-emergency-fr":  {withKey(t, "emergency", 2), renderOptions{Lang: fr}},
		"key-emergency-en":  {withKey(t, "emergency", 2), renderOptions{Lang: en}},
		"key-practice-fr":   {withKey(t, "practice", 3), renderOptions{Lang: fr}},
		"no-key-fr":         {keyless(t), renderOptions{Lang: fr}},
		"no-key-en":         {keyless(t), renderOptions{Lang: en}},
		"refused-fr":        {refusedOnes(t), renderOptions{Lang: fr}},
		"refused-en":        {refusedOnes(t), renderOptions{Lang: en, Width: 60}},
		"warnings-fr":       {warned(t), renderOptions{Lang: fr}},
		"none-known-fr":     {outdatedOnes(t), renderOptions{Lang: fr}},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, c.v, c.o) })
	}
}

func refusedOnes(t testing.TB) *view {
	v := withKey(t, "physician", 2)
	v.Amendments = append(
		v.Amendments,
		refusedView(t, amendmentApart, verdictInvalid, "signature", additionsJSON),
		refusedView(t, amendmentSuperseded, verdictInvalid, "superseded", `{"schema":"secours.amendment/1","annotate":[{"id":"c1","note":"vu"},{"id":"zz","note":"perdu"}]}`),
		refusedView(t, amendmentApart, verdictUnverifiable, "issuer-unknown", `{"schema":"secours.amendment/1","add":{"vaccinations":[{"vaccine":{"text":"grippe"}}]}}`),
		amendmentView{State: amendmentUnreadable},
	)
	return v
}

// warned has every warning at once.
func warned(t testing.TB) *view {
	v := withKey(t, "physician", 2)
	v.Older, v.StolenKey, v.Dropped = true, "pharmacist", &dropped{3, "carte du conjoint indisponible"}
	v.NewerLost, v.Unconfirmed, v.DemoKeys = true, true, true
	v.Damaged = []int{2}
	v.Amendments[0].Gap = true
	v.Amendments = append(v.Amendments, amendmentView{State: amendmentUnreadable}, refusedView(t, amendmentApart, verdictInvalid, "role", additionsJSON))
	return v
}

func outdatedOnes(t testing.TB) *view {
	v := valid(sections(t, `"alerts":{"status":"unavailable","reviewed":"2026-11-02"},
		"allergies":{"status":"none-known","reviewed":"2026-11-02"},"medications":{"status":"not-asked"}`))
	amend(t, v, `{"schema":"secours.amendment/1","add":{"alerts":[{"kind":"insulin","text":"stylo"}],
		"allergies":[{"agent":{"text":"kétoprofène"},"category":"medication","criticality":"high"}],"medications":[{"product":{"text":"naproxène"},"origin":"otc"}]}}`)
	return v
}

// What an amendment says is on the screen to the letter, whatever became of it.
func TestAmendmentsAreNotHidden(t *testing.T) {
	var doc any
	if err := json.Unmarshal([]byte(additionsJSON), &doc); err != nil {
		t.Fatal(err)
	}
	texts := append(signersTexts(doc, ""), "remplacé, trop de maux d'estomac", "pesée d'un autre patient", "la patiente", "Claire DUBOIS", "Pharmacie des Halles")
	if len(texts) < 11 {
		t.Fatalf("only %d texts looked for", len(texts))
	}
	for _, l := range []lang{fr, en} {
		for width := 40; width <= 120; width += 8 {
			applied := withKey(t, "practice", 3)
			views := map[string]*view{"applied": applied}
			for _, state := range []string{amendmentApart, amendmentSuperseded, "of-a-later-version"} {
				for _, level := range []string{verdictInvalid, verdictUnverifiable, verdictValid} {
					v := valid(sections(t, ""))
					v.Amendments = []amendmentView{refusedView(t, state, level, "role", additionsJSON)}
					views[state+" "+level] = v
				}
			}
			nothing := &view{Verdict: verdict{verdictInvalid, "content", ""}, Amendments: views[amendmentApart+" "+verdictInvalid].Amendments}
			views["no summary"] = nothing
			for name, v := range views {
				text := read(t, v, renderOptions{Lang: l, Width: width})
				// The marks at the beginning of lines come between the words.
				words := flat(strings.ReplaceAll(text, "\n ?", "\n"))
				for _, want := range texts {
					if !strings.Contains(words, want) {
						t.Errorf("%s, width %d: %q is not on the screen:\n%s", name, width, want, text)
					}
				}
			}
		}
	}
}

// No line of what is not part of the summary can be taken for a line that is.
func TestRefusedAmendmentsAreMarkedOnEveryLine(t *testing.T) {
	v := refusedOnes(t)
	a := &v.Amendments[1]
	for _, l := range []lang{fr, en} {
		for width := 40; width <= 120; width++ {
			a.Content.Add.Allergies[0].Note = "une longue remarque\n!! sur plusieurs lignes\n== MÉDICAMENTS ==\n" + strings.Repeat("x", 200)
			title, marked := l.s("== AJOUTS NON", "== AMENDMENTS NOT"), 0
			in := false
			for i, line := range strings.Split(read(t, v, renderOptions{Lang: l, Width: width}), "\n") {
				switch {
				case strings.HasPrefix(line, title):
					in = true
				case in && strings.HasPrefix(line, " ? "):
					marked++
				case strings.HasPrefix(line, "== "):
					in = false
				case strings.HasPrefix(line, " ? "):
					t.Errorf("width %d: line %d is marked and stands elsewhere: %q", width, i+1, line)
				case in && !strings.HasPrefix(line, "      "):
					t.Errorf("width %d: line %d is not marked: %q", width, i+1, line)
				case in && marked > 0:
					t.Errorf("width %d: line %d is not marked: %q", width, i+1, line)
				}
			}
			if marked < 12 {
				t.Errorf("width %d: %d marked lines", width, marked)
			}
		}
	}
}

// An allergy that was refused comes before the medications, the rest after everything.
func TestWhereRefusedAmendmentsStand(t *testing.T) {
	v := refusedOnes(t)
	text := read(t, v, renderOptions{Lang: fr})
	var last int
	for _, want := range []string{
		"== ALLERGIES", "== AJOUTS NON VÉRIFIÉS, NON INTÉGRÉS", " ? AJOUT DU 15/11/2026  au nom de Claire DUBOIS", "REFUSÉ, contenu ou signature",
		" ? ALLERGIE : RISQUE ÉLEVÉ  kétoprofène gel", "== MÉDICAMENTS", "== CONSULTATIONS", "== AJOUTS NON VÉRIFIÉS, NON INTÉGRÉS", " PÉRIMÉ, ",
		"NON VÉRIFIÉ, l'autorité", "== IDENTITÉ",
	} {
		i := strings.Index(text[last:], want)
		if i < 0 {
			t.Fatalf("%q is missing or out of order in\n%s", want, text)
		}
		last += i
	}
	for _, want := range []string{
		" ! 3 AJOUTS NON INTÉGRÉS, dont ALLERGIE ou POINT DE VIGILANCE : plus bas", "1 ajout au-dessus de ce que cette clé peut lire",
		"à propos de : médicament « méthotrexate", "un élément que cet écran ne montre pas (zz)",
	} {
		if !strings.Contains(flat(strings.ReplaceAll(text, "\n ?", "\n")), strings.TrimSpace(want)) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	if got := strings.Count(text, "\n!! "); got != strings.Count(read(t, withKey(t, "physician", 2), renderOptions{Lang: fr}), "\n!! ") {
		t.Error("a refused amendment changes what is critical")
	}
}

// What was said of an item of the summary is not said of one that a refused amendment gives the same id.
func TestSameIDInRefusedAmendment(t *testing.T) {
	v := withKey(t, "practice", 3)
	v.Amendments = append(v.Amendments, refusedView(t, amendmentApart, verdictInvalid, "signature",
		`{"schema":"secours.amendment/1","add":{"allergies":[{"id":"b2","agent":{"text":"pollens"}}]}}`))
	text := read(t, v, renderOptions{Lang: fr})
	if strings.Count(text, "NOTE du 15/11/2026") != 1 || strings.Contains(text, " ? ALLERGIE : RISQUE NON INDIQUÉ  pollens\n     ") {
		t.Error(text)
	}
}

// Members that this version does not know are counted wherever an amendment has them.
func TestUnknownInAmendments(t *testing.T) {
	more := summary.Extra{"x": nil}
	v := withKey(t, "practice", 3)
	for i := range v.Changes {
		if v.Changes[i].Operation == summary.OpAnnotate {
			v.Changes[i].Extra = more
		}
	}
	a := refusedView(t, amendmentApart, verdictInvalid, "role", additionsJSON)
	a.Content.Extra, a.Content.Add.Extra, a.Content.Stop[0].Extra, a.Content.Add.Allergies[0].Agent.Extra = more, more, more, more
	v.Amendments = append(v.Amendments, a)
	text := flat(read(t, v, renderOptions{Lang: fr}))
	for _, want := range []string{
		"« gants sans latex à la pharmacie » · 1 champ inconnu de ce programme, non affiché", "? 3 champs inconnus de ce programme, non affichés ==",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	if got := strings.Count(text, "1 champ inconnu"); got != 2 {
		t.Errorf("%d single members are counted, want those of the note and of the allergy:\n%s", got, text)
	}
}

// A critical item that is read at the top says there that more was said of it since.
func TestNotesOfWhatIsPulledUp(t *testing.T) {
	v := withKey(t, "practice", 3)
	amend(t, v, `{"schema":"secours.amendment/1","annotate":[{"id":"b1","note":"confirmée par la mère"},{"id":"b1","note":"bracelet"}]}`)
	text := flat(read(t, v, renderOptions{Lang: fr, Width: 120}))
	if !strings.Contains(text, "confirmée, d'après un test 2 ajouts à son sujet, plus bas ^^ !! ") {
		t.Error(text)
	}
}

// An applied amendment of which an item is not there shows that operation apart, and no other.
func TestMissingTargets(t *testing.T) {
	v := withKey(t, "practice", 3)
	v.Amendments[0].Content = amendment(t, `{"schema":"secours.amendment/1","annotate":[{"id":"zz","note":"sans objet"},{"id":"b2","note":"en place"}]}`)
	v.Amendments[0].Missing = []string{"zz"}
	text := flat(strings.ReplaceAll(read(t, v, renderOptions{Lang: fr}), "\n ?", "\n"))
	if !strings.Contains(text, "EN PARTIE NON INTÉGRÉ, il parle d'un élément qui n'est pas sur la carte") || !strings.Contains(text, "« sans objet »") ||
		strings.Contains(text, "« en place »") || !strings.Contains(text, "! 1 AJOUT NON INTÉGRÉ : plus bas") {
		t.Error(text)
	}
}

// One author once, and many authors do not take the page.
func TestAmendedBy(t *testing.T) {
	v := withKey(t, "emergency", 2)
	again := v.Amendments[0]
	again.Time = amendedAt.AddDate(0, 0, 2)
	v.Amendments = append(v.Amendments, again)
	text := flat(read(t, v, renderOptions{Lang: fr}))
	if !strings.Contains(text, "SYNTHÈSE DU 02/11/2026 (20 jours) ajout pharmacie le 17/11/2026 ") || strings.Contains(text, "ajout pharmacie le 15/11") {
		t.Errorf("the author is not named once, with the last date:\n%s", text)
	}
	for i := range maxAmendments {
		again.Author.Name = fmt.Sprint(i)
		v.Amendments = append(v.Amendments, again)
	}
	if text := flat(read(t, v, renderOptions{Lang: fr})); !strings.Contains(text, ", 62 autres auteurs ") || strings.Count(text, "ajout pharmacie le") != 3 {
		t.Errorf("64 more authors:\n%s", text)
	}
}

// A list longer than a record can hold is cut, and said to be.
func TestTooManyAmendments(t *testing.T) {
	v := valid(sections(t, ""))
	for range maxAmendments + 5 {
		v.Amendments = append(v.Amendments, refusedView(t, amendmentApart, verdictInvalid, "fork", `{"schema":"secours.amendment/1","annotate":[{"id":"zz","note":"encore"}]}`))
	}
	text := read(t, v, renderOptions{Lang: fr})
	if got := strings.Count(text, "« encore »"); got != maxAmendments || !strings.Contains(text, " ? 5 ajouts de trop, non affichés") {
		t.Errorf("%d shown, want %d and 5 counted:\n%s", got, maxAmendments, text)
	}
}

func TestUnreviewed(t *testing.T) {
	v := withKey(t, "emergency", 2)
	text := read(t, v, renderOptions{Lang: fr})
	words := flat(text)
	for _, want := range []string{
		// Critical, it stands on the first page with its author.
		"!! ALLERGIE, RISQUE ÉLEVÉ (AJOUT NON REVU) kétoprofène gel",
		"ajouté par Claire DUBOIS, pharmacien(ne), Pharmacie des Halles, le 15/11/2026, NON REVU PAR LE MÉDECIN",
		"+ naproxène 220 mg SANS ORDONNANCE",
		"x ARRÊTÉ 10/11/2026, écrit le 15/11/2026 par Claire DUBOIS, pharmacien(ne), Pharmacie des Halles : « remplacé, trop de maux d'estomac »",
		"+ NOTE du 15/11/2026 par Claire DUBOIS, pharmacien(ne), Pharmacie des Halles : « gants sans latex à la pharmacie »",
		"+ délivré le 15/11/2026, quantité 16 comprimés, écrit le 15/11/2026 par Claire DUBOIS",
		"+ prise réelle : « oublie le soir », dit par la patiente, écrit le 15/11/2026 par Claire DUBOIS",
		"x RETIRÉ poids 61 kg",
		"x RETIRÉ le 15/11/2026 par Claire DUBOIS, pharmacien(ne), Pharmacie des Halles : « pesée d'un autre patient »",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	// What an amendment takes the place of is not gone.
	amend(t, v, `{"schema":"secours.amendment/1","taken":[{"id":"c6","value":"plus du tout"}],"dispensed":[{"id":"c2","quantity":"30"}],"stop":[{"id":"c7","reason":"encore"}]}`)
	words = flat(read(t, v, renderOptions{Lang: fr}))
	for _, want := range []string{
		"; avant : prise réelle : « de temps en temps, pour le dos », dernière prise 10/2026", "; avant : délivré le 28/10/2026, quantité 60 comprimés",
		"« encore » ; avant : arrêté, 01/10/2026, hyperthyroïdie",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("want %q in\n%s", want, words)
		}
	}
	first := strings.Join(strings.Split(text, "\n")[:page], "\n")
	if !strings.Contains(flat(first), "kétoprofène gel") {
		t.Errorf("the added allergy is not on the first page:\n%s", first)
	}
	// An important point of attention stays important, and whatever says nothing of its weight gets a plus.
	w := valid(sections(t, ""))
	amend(t, w, `{"schema":"secours.amendment/1","add":{"alerts":[{"kind":"pregnancy","text":"12 semaines"}],"vaccinations":[{"vaccine":{"text":"grippe"}}],
		"allergies":[{"agent":{"text":"fraise"},"criticality":"low"},{"agent":{"text":"iode"},"verification":"refuted"},{"agent":{"text":"kiwi"}}]}}`)
	text = read(t, w, renderOptions{Lang: en})
	for _, want := range []string{"\n ! PREGNANCY", "\n + grippe", "\n + LOW RISK  fraise", "\n - REFUTED  iode"} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	if strings.Index(text, "LOW RISK  fraise") < strings.Index(text, "RISK NOT STATED  kiwi") {
		t.Errorf("a low risk that was added comes before a higher one:\n%s", text)
	}
	if got := strings.Count(flat(text), "NOT REVIEWED BY THE PHYSICIAN"); got != 5 {
		t.Errorf("%d items are said not to be reviewed, want 5", got)
	}
}

// A retracted item stays, struck, and neither counts nor alarms.
func TestRetracted(t *testing.T) {
	v := withKey(t, "practice", 3)
	amend(t, v, `{"schema":"secours.amendment/1","retract":[{"id":"p1","reason":"confusion"},{"id":"p2"},{"id":"a1"},{"id":"h1"}]}`)
	text := read(t, v, renderOptions{Lang: fr})
	for _, want := range []string{
		"\n x RETIRÉ, RISQUE ÉLEVÉ  kétoprofène gel", "\n x RETIRÉ  naproxène 220 mg", "\n x RETIRÉ, ANTICOAGULANT  ", "\n x RETIRÉ, REFUS DE TRANSFUSION  ",
		"5 en cours, 2 arrêtés, 1 retiré",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	if got := strings.Count(text, "REFUS DE TRANSFUSION"); got != 1 {
		t.Errorf("the withdrawn refusal stands %d times, want 1, in its section", got)
	}
	for _, not := range []string{"!! ALLERGIE, RISQUE ÉLEVÉ  kétoprofène", "!! ANTICOAGULANT", "!! REFUS DE TRANSFUSION"} {
		if strings.Contains(text, not) {
			t.Errorf("%q still stands in\n%s", not, text)
		}
	}
}

// An absence that somebody stated and an item that contradicts it are never both shown as true.
func TestNoneKnownThenAdded(t *testing.T) {
	text := flat(read(t, outdatedOnes(t), renderOptions{Lang: fr}))
	for _, want := range []string{
		"! N'EST PLUS À JOUR : « aucune allergie connue », dit par Dr Paul LEROY le 02/11/2026 ; ajouté depuis :",
		"NON DEMANDÉ par l'auteur de la synthèse ; ajouté depuis :",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	for _, not := range []string{"AUCUNE ALLERGIE CONNUE", "CONTRADICTION", "Autres catégories"} {
		if strings.Contains(text, not) {
			t.Errorf("%q stands in\n%s", not, text)
		}
	}
	v := valid(sections(t, `"allergies":{"status":"items","reviewed":"2026-11-02","noneKnown":["food","medication"],"items":[{"agent":{"text":"latex"},"category":"latex"}]},
		"alerts":{"status":"unavailable"}`))
	amend(t, v, `{"schema":"secours.amendment/1","add":{"allergies":[{"agent":{"text":"amoxicilline"},"category":"medication"}],"alerts":[{"kind":"insulin","text":"stylo"}]}}`)
	text = flat(read(t, v, renderOptions{Lang: fr}))
	for _, want := range []string{
		"N'EST PLUS À JOUR : « aucun connu pour : médicaments », dit par Dr Paul LEROY le 02/11/2026", "Aucune connue pour : aliments (dit",
		"NON DISPONIBLE : des éléments peuvent exister ; ajouté depuis :",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
}

// With which right the card is read is said, and what that right does not reach is called neither absent nor not asked.
func TestClearance(t *testing.T) {
	for _, c := range []struct {
		v    *view
		want []string
		not  []string
	}{
		{withKey(t, "pharmacist", 1), []string{
			"LU AVEC LA CLÉ : pharmacien(ne) (niveau soins) ; non visibles : antécédents, directives, consultations et séjours", "PEUT ÊTRE INCOMPLET",
			"== ANTÉCÉDENTS =", "NON VISIBLE POUR VOTRE RÔLE", "REFUS ET LIMITATIONS : non visibles", "NON DEMANDÉ OU NON VISIBLE",
		}, []string{"NON DISPONIBLE", "NON DEMANDÉ : ", "amaigrissement"}},
		{withKey(t, "emergency", 2), []string{"LU AVEC LA CLÉ : urgences (niveau clinique)", "PEUT ÊTRE INCOMPLET", "REFUS DE TRANSFUSION"}, []string{"amaigrissement", "PARTIEL", "REFUS ET LIMITATIONS"}},
		{withKey(t, "practice", 3), []string{"LU AVEC LA CLÉ : cabinet (tous les niveaux)", "amaigrissement", "MASQUÉ À D'AUTRES"}, []string{"PEUT ÊTRE INCOMPLET"}},
		{withKey(t, "recovery", 3), []string{"LU AVEC LA CLÉ : clé de secours du patient"}, nil},
		{withKey(t, "", 2), []string{"LU AVEC UNE CLÉ (niveau clinique)"}, nil},
		{with(withKey(t, "practice", 3), func(v *view) { v.Damaged = []int{3} }), []string{"PEUT ÊTRE INCOMPLET"}, nil},
		{with(withKey(t, "practice", 3), func(v *view) { v.Amendments = []amendmentView{{State: amendmentUnreadable}} }), []string{
			"PEUT ÊTRE INCOMPLET", "1 ajout illisible : endommagé",
		}, nil},
		{keyless(t), []string{
			"## NON VÉRIFIABLE : aucune clé de ce poste", "LU SANS CLÉ : seul est visible ce que le patient laisse ouvert à tous ; le reste est scellé, dont 1 ajout.",
			"IDENTITÉ SCELLÉE", "signataire scellé", "DATE DE LA SYNTHÈSE SCELLÉE", "amoxicilline", "SCELLÉ : non visible sans clé",
			"PARTIEL : seuls les éléments ouverts à tous", "SCELLÉ, des éléments peuvent exister : MESURES",
		}, []string{"NON DEMANDÉ", "NON DISPONIBLE", "AUCUNE ALLERGIE", "AUCUN POINT", "NOM ILLISIBLE", "NON INDIQUÉ\n", "consentement", "votre rôle", "DURAND"}},
		{&view{Verdict: verdict{verdictUnverifiable, "no-key", ""}}, []string{"IDENTITÉ SCELLÉE", "LU SANS CLÉ"}, []string{"ILLISIBLE"}},
	} {
		text := flat(read(t, c.v, renderOptions{Lang: fr}))
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s %d: want %q in\n%s", c.v.Reader, c.v.Clearance, want, text)
			}
		}
		for _, not := range c.not {
			if strings.Contains(text, not) {
				t.Errorf("%s %d: %q in\n%s", c.v.Reader, c.v.Clearance, not, text)
			}
		}
	}
	// Of a section above the reader's level an item can be visible all the same; the rest of it is not.
	w := withKey(t, "pharmacist", 1)
	w.Summary.Sections.History = &summary.Section[summary.Condition]{SectionHead: summary.SectionHead{Status: summary.StatusItems}, Items: []summary.Condition{{Condition: summary.Concept{Text: "asthme"}}}}
	w.Sections["history"] = sectionView{visiblePartial, "role"}
	if text := flat(read(t, w, renderOptions{Lang: fr})); !strings.Contains(text, "= revue non visible ! PARTIEL : d'autres éléments peuvent exister, non visibles pour votre rôle asthme ==") {
		t.Error(text)
	}
	// An amendment that is shown apart makes no section incomplete; a level that is damaged does.
	x := refusedOnes(t)
	for name := range x.Sections {
		x.Sections[name] = sectionView{visiblePartial, "undecodable"}
	}
	if text := flat(read(t, x, renderOptions{Lang: fr})); strings.Contains(text, "INCOMPLET : une partie") {
		t.Error(text)
	}
	x.Damaged = []int{2}
	if text := flat(read(t, x, renderOptions{Lang: fr})); strings.Count(text, "INCOMPLET : une partie endommagée") != 9 {
		t.Error(text)
	}
	// Of what a section holds above the reader's level the card says nothing: neither does the screen, and it says that.
	s := parsed(t, exampleJSON)
	for i := range s.Sections.Directives.Items {
		s.Sections.Directives.Items[i].Level = summary.LevelMasked
	}
	levels, err := s.Compartments()
	if err != nil {
		t.Fatal(err)
	}
	levels[3] = nil
	if s, err = summary.Merge(levels); err != nil {
		t.Fatal(err)
	}
	v := valid(s)
	v.Clearance, v.Reader, v.Sections = 2, "emergency", map[string]sectionView{"directives": {visibleNone, "role"}}
	if text := flat(read(t, v, renderOptions{Lang: fr})); !strings.Contains(text, "== ! NON DISPONIBLE OU NON VISIBLE POUR VOTRE RÔLE : des éléments peuvent exister ==") {
		t.Error(text)
	}
}

// Each warning stands at the top when it is so, and only then.
func TestWarningsAtTheTop(t *testing.T) {
	plain := flat(read(t, withKey(t, "physician", 2), renderOptions{Lang: fr}))
	text := read(t, warned(t), renderOptions{Lang: fr, Width: 120})
	for _, want := range []string{
		"!! PLUS ANCIENNE QUE CE QUE CE POSTE A DÉJÀ LU SUR CETTE CARTE", "! SCELLÉE POUR UNE CLÉ DÉCLARÉE VOLÉE (pharmacien(ne))",
		"! ÉCRITE SANS LIRE TOUT CE QUI PRÉCÉDAIT (niveau masqué perdu) : « carte du conjoint indisponible »",
		"! UN AJOUT MANQUE : quelque chose a été retiré de la carte", "REFUSÉ, ce rôle n'a pas le droit d'écrire cela", "! 1 AJOUT NON INTÉGRÉ",
	} {
		if !strings.Contains(flat(strings.ReplaceAll(text, "\n ?", "\n")), want) || strings.Contains(plain, want) {
			t.Errorf("want %q when it is so and only then, in\n%s", want, text)
		}
	}
	older := slices.IndexFunc(strings.Split(text, "\n"), func(s string) bool { return strings.HasPrefix(s, "!! PLUS ANCIENNE") })
	if older < 0 || older > 6 {
		t.Errorf("the warning that it is not the last is on line %d", older+1)
	}
	for level, want := range map[int]string{0: "(tout est perdu) : motif non indiqué", 1: "(niveaux soins, clinique et masqué perdus)", 2: "(niveaux clinique et masqué perdus)"} {
		v := valid(sections(t, ""))
		v.Dropped = &dropped{Level: level}
		if text := flat(read(t, v, renderOptions{Lang: fr})); !strings.Contains(text, want) {
			t.Errorf("level %d: want %q in\n%s", level, want, text)
		}
	}
	v := warned(t)
	v.Amendments[1].Gap = true
	if text := flat(read(t, v, renderOptions{Lang: fr})); !strings.Contains(text, "retiré de la carte, à 2 endroits") {
		t.Error(text)
	}
}

// Whatever is to be said of the reading, what is critical comes on the first page wherever the page has room for it at all.
func TestCriticalBeforeWarnings(t *testing.T) {
	views := map[string]*view{
		"pharmacist": withKey(t, "pharmacist", 1), "emergency": withKey(t, "emergency", 2), "practice": withKey(t, "practice", 3),
		"refused": refusedOnes(t), "no key": keyless(t),
	}
	all := warned(t)
	for _, l := range []lang{fr, en} {
		for width := 40; width <= 120; width++ {
			for name, v := range views {
				text := read(t, v, renderOptions{Lang: l, Width: width})
				if last := slices.Max(criticalLines(text)); last > page {
					t.Errorf("%s, width %d: the last line marked !! is %d, want at most %d:\n%s", name, width, last, page, text)
				}
			}
			text := read(t, all, renderOptions{Lang: l, Width: width})
			last := slices.Max(criticalLines(text))
			if width >= 64 && last > page {
				t.Errorf("all warnings, width %d: the last line marked !! is %d, want at most %d:\n%s", width, last, page, text)
			}
			for i, line := range strings.Split(text, "\n")[:last] {
				if last > page && strings.HasPrefix(line, " !") {
					t.Errorf("width %d: line %d, marked !, comes before the last one marked !!, on line %d", width, i+1, last)
				}
			}
		}
	}
}

// "None known" was said before somebody added what this key cannot read.
func TestNoneKnownUnderAnUnreadableAmendment(t *testing.T) {
	v := &view{
		Summary: sections(t, `"allergies":{"status":"none-known","reviewed":"2026-11-02"}`), Verdict: verdict{Level: verdictValid}, Clearance: 1,
		Reader: "pharmacist",
	}
	const said = "IL Y A UN AJOUT QUE CETTE CLÉ NE LIT PAS"
	if text := flat(read(t, v, renderOptions{Lang: fr})); strings.Contains(text, said) {
		t.Error("said where there is none")
	}
	v.Amendments = []amendmentView{{State: amendmentUnreadable}}
	if text := flat(read(t, v, renderOptions{Lang: fr})); !strings.Contains(text, said) {
		t.Errorf("none known, and nothing else:\n%s", text)
	}
}
