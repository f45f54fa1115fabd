package main

import (
	"slices"
	"strings"
	"testing"
)

func TestDoses(t *testing.T) {
	for _, c := range []struct{ dosage, fr, en string }{
		{`{"unit":"comprimés","evening":"4","period":"week","weekdays":["mon"]}`, "DOSE 4 comprimés le soir, LE LUNDI, 1 FOIS PAR SEMAINE pour", "DOSE 4 comprimés in the evening, ON MONDAY, ONCE A WEEK for"},
		{`{"unit":"cp","morning":"1","noon":"2","evening":"3","bedtime":"4","period":"day"}`, "DOSE 1 cp le matin, 2 cp à midi, 3 cp le soir, 4 cp au coucher pour", "DOSE 1 cp in the morning, 2 cp at noon, 3 cp in the evening, 4 cp at bedtime for"},
		{`{"unit":"comprimés","morning":"2","evening":"2","period":"week","weekdays":["mon"]}`, "LE LUNDI, 1 JOUR PAR SEMAINE", "ON MONDAY, ONE DAY A WEEK"},
		{`{"unit":"cp","morning":"1","weekdays":["mon","thu"],"period":"week"}`, "LE LUNDI ET LE JEUDI, 2 JOURS PAR SEMAINE, PAS TOUS LES JOURS", "ON MONDAY AND THURSDAY, 2 DAYS A WEEK, NOT EVERY DAY"},
		{`{"unit":"cp","morning":"1","weekdays":["mon","tue","thu"],"period":"week"}`, "LE LUNDI, LE MARDI ET LE JEUDI, 3 JOURS", "ON MONDAY, TUESDAY AND THURSDAY, 3 DAYS"},
		{`{"unit":"cp","morning":"1","period":"week"}`, "1 cp le matin, PAR SEMAINE, JOUR NON INDIQUÉ, PAS TOUS LES JOURS", "1 cp in the morning, PER WEEK, DAY NOT STATED, NOT EVERY DAY"},
		{`{"unit":"cp","morning":"1","weekdays":["tue"]}`, "LE MARDI, 1 FOIS PAR SEMAINE", "ON TUESDAY, ONCE A WEEK"},
		{`{"unit":"cp","morning":"1","weekdays":["tue"],"period":"day"}`, "LE MARDI, PAS TOUS LES JOURS", "ON TUESDAY, NOT EVERY DAY"},
		{`{"unit":"cp","morning":"1","period":"month"}`, "1 cp le matin, PAR MOIS, PAS TOUS LES JOURS", "1 cp in the morning, PER MONTH, NOT EVERY DAY"},
		{`{"unit":"cp","morning":"1","period":"other"}`, "AUTRE RYTHME, PAS TOUS LES JOURS", "OTHER SCHEDULE, NOT EVERY DAY"},
		{`{"text":"4 cp le lundi","period":"week"}`, "DOSE « 4 cp le lundi », PAR SEMAINE", "DOSE “4 cp le lundi”, PER WEEK"},
		{`{"text":"4 cp le lundi","unit":"cp","morning":"4","period":"week"}`, "DOSE 4 cp le matin, PAR SEMAINE, JOUR NON INDIQUÉ, PAS TOUS LES JOURS « 4 cp le lundi »", "NOT EVERY DAY “4 cp le lundi”"},
		{`{"text":"1 CP le matin","unit":"cp","morning":"1","period":"day"}`, "DOSE 1 cp le matin pour", "DOSE 1 cp in the morning “1 CP le matin” for"},
		{`{"unit":"cp","morning":"1"}`, "DOSE 1 cp le matin (RYTHME NON INDIQUÉ)", "DOSE 1 cp in the morning (SCHEDULE NOT STATED)"},
		{`{"morning":"1,0","period":"day"}`, "DOSE 1,0 (UNITÉ NON INDIQUÉE) le matin", "DOSE 1,0 (UNIT NOT STATED) in the morning"},
		{`{"unit":"mg","morning":".5","period":"day"}`, "DOSE .5 mg le matin", "DOSE .5 mg in the morning"},
		{`{"unit":"mg","period":"day"}`, "DOSE NON INDIQUÉE (unité : mg)", "DOSE NOT STATED (unit: mg)"},
		{`{"text":"1 cp","asNeeded":true,"maxPerDay":3}`, "DOSE « 1 cp », SI BESOIN, MAXIMUM 3 PAR JOUR pour", "DOSE “1 cp”, AS NEEDED, MAXIMUM 3 PER DAY for"},
		{`{"asNeeded":true,"maxPerDay":"6 cp"}`, "produit SI BESOIN, DOSE NON INDIQUÉE, MAXIMUM 6 cp PAR JOUR pour", "produit AS NEEDED, DOSE NOT STATED, MAXIMUM 6 cp PER DAY for"},
		{`{"asNeeded":true,"period":"week","weekdays":["mon"]}`, "SI BESOIN, DOSE NON INDIQUÉE, LE LUNDI, 1 FOIS PAR SEMAINE", "AS NEEDED, DOSE NOT STATED, ON MONDAY, ONCE A WEEK"},
	} {
		s := sections(t, `"medications":{"status":"items","items":[{"product":{"text":"produit"},"status":"active","reason":{"text":"z"},"dosage":`+c.dosage+`}]}`)
		for l, want := range map[lang]string{fr: c.fr, en: c.en} {
			if text := flat(read(t, valid(s), renderOptions{Lang: l})); !strings.Contains(text, want) {
				t.Errorf("%s: want %q in\n%s", c.dosage, want, text)
			}
		}
	}
	s := sections(t, `"medications":{"status":"items","items":[{"product":{"text":"produit"},"status":"active"}]}`)
	if text := flat(read(t, valid(s), renderOptions{Lang: fr})); !strings.Contains(text, "produit DOSE NON INDIQUÉE") {
		t.Errorf("a missing dose is not said:\n%s", text)
	}
}

// A weekly dose must be spelled out on every line where it shows: when stopped, when pulled to the top, in a period from a
// newer format.
func TestWeeklyDoseEverywhere(t *testing.T) {
	var meds []string
	for _, status := range []string{"active", "on-hold", "stopped", "completed", "unknown"} {
		for _, risk := range []string{"true", "false"} {
			meds = append(meds, `{"product":{"text":"méthotrexate"},"status":"`+status+`","highRisk":`+risk+`,"dosage":{"unit":"comprimés","morning":"7","period":"week","weekdays":["mon"]}}`)
		}
	}
	for _, copies := range []int{1, 8} {
		s := sections(t, `"medications":{"status":"items","items":[`+strings.Join(slices.Repeat(meds, copies), ",")+`]}`)
		for _, width := range []int{40, 80, 120} {
			text := flat(read(t, valid(s), renderOptions{Lang: fr, Width: width}))
			doses := strings.Count(text, "7 comprimés")
			if doses < len(meds)*copies {
				t.Errorf("%d doses shown, want at least %d", doses, len(meds)*copies)
			}
			if got := strings.Count(text, "7 comprimés le matin, LE LUNDI, 1 FOIS PAR SEMAINE"); got != doses {
				t.Errorf("%d of %d doses are spelled out as weekly", got, doses)
			}
		}
	}
	s := sections(t, `"medications":{"status":"items","items":[`+meds[0]+`]}`)
	s.Sections.Medications.Items[0].Dosage.Period = "#4"
	if text := flat(read(t, valid(s), renderOptions{Lang: fr})); !strings.Contains(text, "RYTHME #4, PEUT NE PAS ÊTRE QUOTIDIEN") {
		t.Errorf("an unknown period is taken for a daily one:\n%s", text)
	}
}
