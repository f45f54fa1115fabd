package fhir

import (
	"cmp"

	"github.com/secours-card/secours/summary"
)

// immunization takes a dose that was given.
func (im *importer) immunization(r *resource) bool {
	status := im.code(r, "status")
	if im.absent(r, r.peek("vaccineCode"), "vaccinations", partAll, status != "entered-in-error") {
		return false
	}
	switch status {
	case "entered-in-error":
		im.drop(r, summary.ReasonEnteredInError)
		return false
	case "not-done":
		im.drop(r, summary.ReasonNotInForce)
		return false
	}
	v := summary.Vaccination{Common: im.common(r, "vaccinations", "performer", "reportOrigin")}
	c := im.concept(r, r.get("vaccineCode"), "vaccineCode")
	if c == nil {
		im.drop(r, summary.ReasonNoText)
		return false
	}
	v.Vaccine = *c
	var notes []string
	v.Date, _ = im.moment(r, "occurrence")
	notes = append(notes, im.describeMoment(r, "occurrence"))
	for _, n := range r.each("protocolApplied") {
		number := cmp.Or(n.string("doseNumberPositiveInt"), n.string("doseNumberString"), n.string("doseNumber"))
		of := cmp.Or(n.string("seriesDosesPositiveInt"), n.string("seriesDosesString"), n.string("seriesDoses"))
		if number != "" && of != "" {
			number += "/" + of
		}
		if number != "" {
			notes = append(notes, im.word("dose ", "dose ")+number)
		}
		n.skip("id", "authority")
		for _, target := range n.get("targetDisease").list() {
			if c := im.concept(r, target, "targetDisease"); c != nil {
				notes = append(notes, c.Text)
			}
		}
	}
	if lot := im.text(r, r.get("lotNumber"), "lotNumber"); lot != "" {
		notes = append(notes, im.word("lot ", "lot ")+lot)
	}
	for _, n := range r.each("reaction") {
		notes = append(notes, im.word("réaction : ", "reaction: ")+n.gist(100))
		n.readAll()
	}
	r.skip("primarySource", "encounter")
	v.Note = join("\n", im.notes(r, "note"), join(", ", notes...))
	s := &im.summary.Sections
	if s.Vaccinations == nil {
		s.Vaccinations = &summary.Section[summary.Vaccination]{}
	}
	s.Vaccinations.Items = append(s.Vaccinations.Items, v)
	im.sources["vaccinations"] = append(im.sources["vaccinations"], r.label)
	return true
}
