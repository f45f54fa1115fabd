package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secours-card/secours/summary"
)

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
		{drug(`"status":"active","route":"Voie orale"`), "= 1 en cours, revue non datée x DOSE NON INDIQUÉE Voie orale", "route Voie orale"},
		{drug(`"status":"intended"`), "= 1 prévu, revue non datée PRÉVU x", "= 1 intended, review not dated INTENDED x"},
		{drug(`"status":"not-taken"`), "= 1 non pris, revue non datée NON PRIS x", "= 1 not taken, review not dated NOT TAKEN x"},
		{drug(`"status":"active","note":"à jeun"`), "« à jeun »", "“à jeun”"},
		{screen(nil, `"history":{"status":"items","items":[{"condition":{"text":"x"},"certainty":"refuted"}]}`), "- ÉCARTÉ x", "- REFUTED x"},
		{screen(nil, `"history":{"status":"items","items":[{"condition":{"text":"y"},"status":"resolved"},{"condition":{"text":"x"},"status":"relapse"}]}`), "x, rechute y, résolu", "x, relapse y, resolved"},
		{
			screen(nil, `"history":{"status":"not-asked","reviewed":"2026-11-02","noneKnown":["disease"]}`),
			"NON DEMANDÉ pour tout le reste : rien n'indique s'il y en a Aucun connu pour : maladie, dit par Dr Paul LEROY le 02/11/2026",
			"NOT ASKED for all else: nothing says whether there are any None known for: disease, stated by Dr Paul LEROY on 2 Nov 2026",
		},
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
