package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
)

// lossKindWords are what became of something in a conversion.
var lossKindWords = words{
	"dropped":   {"NON REPRIS", "NOT TAKEN OVER"},
	"shortened": {"RACCOURCI", "SHORTENED"},
	"changed":   {"changé", "changed"},
	"ambiguous": {"À VÉRIFIER", "TO BE CHECKED"},
}

// lossReasonWords are why.
var lossReasonWords = words{
	"no-place":         {"rien ne lui correspond", "nothing corresponds to it"},
	"too-long":         {"texte trop long", "text too long"},
	"too-many":         {"plus d'éléments que la place prévue", "more than there is room for"},
	"character":        {"caractères interdits enlevés", "forbidden characters taken out"},
	"wrong-type":       {"pas du type attendu", "not of the expected type"},
	"unknown-code":     {"code sans équivalent", "code without equivalent"},
	"code-system":      {"code d'un système que rien ne nomme", "code of a system that nothing names"},
	"no-text":          {"sans texte : un code, ou ce qui se trouvait à côté, en tient lieu", "no text: a code, or what stood beside it, takes its place"},
	"label":            {"libellé d'un code, à côté du texte du professionnel", "label of a code, beside the professional's text"},
	"no-date":          {"sans date", "without a date"},
	"date":             {"date illisible", "unreadable date"},
	"time-of-day":      {"l'heure n'est pas reprise, le jour l'est", "the hour is not taken over, the day is"},
	"no-value":         {"sans valeur", "without a value"},
	"not-most-recent":  {"une mesure plus récente est reprise", "a more recent one is taken over"},
	"not-baseline":     {"rien ne dit que c'est la valeur habituelle", "nothing says that it is the usual value"},
	"not-in-force":     {"n'est pas en vigueur : écarté, inactif, non fait ou provisoire", "not in force: refuted, inactive, not done or provisional"},
	"entered-in-error": {"saisi par erreur, dit son auteur", "entered in error, says its author"},
	"not-listed":       {"dans aucune section du document, repris quand même", "in no section of the document, taken over all the same"},
	"not-found":        {"renvoie à ce qui n'est pas dans le document", "refers to what is not in the document"},
	"duplicate":        {"s'y trouve deux fois", "stands there twice"},
	"contradiction":    {"contredit autre chose dans le document", "contradicts something else in the document"},
	"part-of-section":  {"dit d'une partie seulement de la rubrique", "said of only a part of the section"},
	"narrative":        {"le texte de la section semble en dire plus que ses entrées", "the text of the section seems to say more than its entries"},
	"subject":          {"rien ne dit que c'est de ce patient", "nothing says that it is about this patient"},
	"identity":         {"l'identité du patient est incomplète", "the patient's identity is incomplete"},
	"structure":        {"le document n'est pas construit comme prévu", "the document is not built as it should be"},
	"level":            {"confidentialité non reprise telle quelle", "confidentiality not taken over as it was"},
	"not-verified":     {"vient d'une carte dont la signature n'était pas vérifiée", "comes from a card whose signature was not verified"},
	"withheld":         {"le document n'en montre qu'une partie", "the document shows only a part of it"},
}

// maxLosses is how many lines of losses a person is shown; --json gives all of them.
const maxLosses = 200

// tellLosses says what a conversion did not keep: a line for each that matters, and a count of the details. Those of allergies come first.
func (a *app) tellLosses(losses []summary.Loss) {
	l := a.lang
	minor := map[summary.LossReason]int{}
	var lines []string
	for _, first := range []bool{true, false} {
		for i := range losses {
			loss := &losses[i]
			switch about := aboutAllergy(loss); {
			case about != first:
			case loss.Minor:
				minor[loss.Reason]++
			default:
				lines = append(lines, a.lossLine(loss))
			}
		}
	}
	for _, line := range lines[:min(len(lines), maxLosses)] {
		a.note("%s", line)
	}
	if n := len(lines) - maxLosses; n > 0 {
		a.note(l.s("et %d autres lignes : --json les donne toutes", "and %d more lines: --json gives them all"), n)
	}
	if len(minor) == 0 {
		return
	}
	var counts []string
	for reason, n := range minor {
		counts = append(counts, fmt.Sprintf("%s (%d)", word(l, lossReasonWords, reason), n))
	}
	slices.Sort(counts)
	a.note("%s", l.s("détails, que --json énumère : ", "details, which --json lists: ")+strings.Join(counts, l.s(" ; ", "; ")))
}

func aboutAllergy(l *summary.Loss) bool {
	return strings.HasPrefix(l.Path, "sections.allergies") || strings.Contains(l.Source, "AllergyIntolerance") || strings.HasPrefix(l.Source, "48765-2")
}

// lossLine is one line of the report: what became of what, why, and what it said.
func (a *app) lossLine(loss *summary.Loss) string {
	where := strings.TrimSpace(loss.Source + " " + loss.Element)
	if where == "" {
		where = loss.Path
	}
	text := word(a.lang, lossKindWords, loss.Kind) + a.lang.colon() + where
	if loss.Text != "" {
		text += " " + a.lang.quote(loss.Text)
	}
	return text + " (" + word(a.lang, lossReasonWords, loss.Reason) + ")"
}
