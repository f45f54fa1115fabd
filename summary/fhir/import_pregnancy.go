package fhir

import (
	"cmp"
	"strings"

	"github.com/secours-card/secours/summary"
)

// pregnancies are the codes of LOINC that tell of the present pregnancy: its status, and when it is due.
var pregnancies = map[string]bool{pregnancyStatus: true, "11778-8": true, "11779-6": true, "11780-4": true}

const pregnancyStatus = "82810-3"

// pregnancy is what the observations of one say: whether there is one by the most recent of them, and when it is due.
type pregnancy struct {
	status, due *resource
	at, dueAt   string
}

// pregnancyOf notes what an observation says. The status that was found last counts: that somebody was pregnant, or was not, on some day is
// not said again later.
func (im *importer) pregnancyOf(r *resource, loinc string) bool {
	last, at := &im.pregnancy.status, &im.pregnancy.at
	if loinc != pregnancyStatus {
		last, at = &im.pregnancy.due, &im.pregnancy.dueAt
	}
	when := observedAt(r)
	older := r
	if *last == nil || when > *at {
		older, *last, *at = *last, r, when
	}
	if older != nil {
		im.drop(older, summary.ReasonNotMostRecent)
	}
	return false
}

// finishPregnancy makes one alert of it.
func (im *importer) finishPregnancy() {
	status, due := im.pregnancy.status, im.pregnancy.due
	a := summary.Alert{Kind: summary.AlertPregnancy, Text: im.word("grossesse", "pregnancy")}
	from := cmp.Or(status, due)
	if status != nil {
		value, unit := im.value(status)
		switch code := conceptCode(status.peek("valueCodeableConcept")); code {
		case "77386006", "LA15173-0": // pregnant
			a.Common = im.common(status, "alerts", "performer")
			a.Text = join("\n", join(" ", value, unit), im.notes(status, "note"))
			if on, _ := im.moment(status, "effective"); a.Recorded.IsZero() {
				a.Recorded = on
			}
			for _, member := range status.each("hasMember") {
				member.readAll()
			}
			status.skip("category", "issued", "encounter", "code")
			im.unreadOf(status)
		default:
			reason := summary.ReasonNotInForce
			if code == "" {
				reason = summary.ReasonNoValue
			}
			im.drop(status, reason)
			from = nil
		}
	}
	if due != nil {
		value, _ := im.value(due)
		day, _, _ := strings.Cut(value, "T")
		on, err := summary.ParseDate(day)
		switch {
		case err != nil:
			im.drop(due, summary.ReasonDate)
			if from == due {
				from = nil
			}
		case from == nil:
			im.drop(due, summary.ReasonNotInForce)
		default:
			a.DueDate = on
			if from == due {
				// Nothing says that she still is.
				im.say(due, summary.LossAmbiguous, summary.ReasonNoValue, "value", on.String())
			}
			due.skip("category", "issued", "encounter", "code", "effectiveDateTime", "performer")
			im.unreadOf(due)
		}
	}
	if from != nil {
		im.addAlert(a, from)
	}
}
