package summary

import (
	"regexp"
	"sync"
)

// The words by which people write how often a dose is taken. The weekdays stand alone too: "4 comprimés le lundi", "lundi 4 cp".
var (
	notDaily = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(?:par|chaque|la|une|/) ?(?:semaine|sem\b|mois)|hebdo|mensuel|trimestriel|tou(?:te)?s les (?:\d+|deux|trois|quatre|cinq|six|sept|huit|dix|quinze|vingt) (?:j\b|jours|semaines|mois)|` +
			`jour sur (?:\d|deux|trois)|\b(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)s?\b|(?:48|72|96) ?(?:h\b|heures|hours)|\d ?x ?/ ?(?:\d+ ?j|sem)|/ ?\d+ ?j(?:ours)?\b|` +
			`weekly|monthly|fortnight|every other|alternate days?|(?:per|each|every|/) ?(?:week|month)\b|(?:once|twice|times?|\d) (?:a|per|in a) (?:week|month)\b|` +
			`every (?:\d+|two|second|three|third|four|fourth|five|six|seven|ten) (?:days|day|weeks|week|months|month)\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\bq ?(?:w|wk|mo|od|48h|72h)\b|` +
			`pro woche|wöchentlich|monatlich|(?:por|a la|cada) semana|semanal|mensual|(?:a|alla|per) settimana|settimanal|wekelijks|per week`)
	})
	daily = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)par jour|/ ?j(?:our)?\b|quotidien|chaque jour|tous les jours|daily|per day|\ba day\b|each day|every day|/ ?day\b|täglich|al día|cada día|al giorno|dagelijks`)
	})
)

// NotDaily says whether the words of a dosage speak of a dose that is not one of every day, in French or English, and as far as a few words go in
// other languages. A converter compares them with a structure that says otherwise: what is weekly must not look daily. It may be wrong both
// ways, and decides nothing by itself.
func NotDaily(text string) bool { return notDaily().MatchString(text) }

// Daily says whether the words of a dosage speak of a dose of every day.
func Daily(text string) bool { return daily().MatchString(text) }
