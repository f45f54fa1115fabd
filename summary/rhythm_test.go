package summary

import (
	"strings"
	"testing"
)

func TestRhythm(t *testing.T) {
	for _, text := range strings.Split(`4 comprimés le lundi|lundi : 4 cp|1 fois par semaine|1 cp/semaine|1 patch tous les 3 jours|toutes les deux semaines|un jour sur deux|1 inj. toutes les 4 semaines|
		once weekly|every other day|1 tablet on Mondays|2 times a week|every third day|1 patch every 72 h|1x/7j|q48h|une fois la semaine|qw|1 dose mensuelle|einmal wöchentlich|una vez por semana|1 cp par mois`, "|") {
		if text = strings.TrimSpace(text); !NotDaily(text) {
			t.Errorf("%q is not seen as other than daily", text)
		}
	}
	for _, text := range strings.Split(`1 comprimé matin et soir|1 cp/j|1 fois par jour|toutes les 6 heures|every 6 hours|twice daily|1 tablet a day|au coucher|si douleur|10 mg|pendant 3 jours|for 7 days|for two weeks`, "|") {
		if NotDaily(text) {
			t.Errorf("%q is seen as other than daily", text)
		}
	}
	if !Daily("2 fois par jour") || !Daily("1 tablet daily") || Daily("le lundi") {
		t.Error("what is daily")
	}
}
