package main

import (
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/fhir"
)

// showFHIR prints what was read as an IPS Bundle: with the verdict, with what this reader does not see, and with what others have said since.
func (a *app) showFHIR(r *reading) error {
	if r.record.Summary == nil || r.record.Clearance == 0 {
		// A document without a patient would be nobody's. The outcome says why there is none.
		return nil
	}
	s, retracted, err := a.withChanges(r)
	if err != nil {
		return err
	}
	origin := fhir.Origin{
		Time: r.record.Time, Verdict: string(r.record.Verdict.Status), Reason: string(r.record.Verdict.Reason),
		Card: r.content.Card.String(), Seq: r.record.LastSeq(), Hidden: map[string]fhir.Hidden{}, Retracted: retracted,
	}
	if origin.Time.IsZero() {
		origin.Time = r.now
	}
	if signer := r.record.Signer; signer != nil {
		if signer.Demonstration {
			origin.Reason += " (demonstration keys, which prove nothing)"
		}
		origin.Signer = summary.Author{Name: signer.Name, Role: string(signer.Role), ID: signer.ID, Org: signer.Organization}
	}
	if err := a.outcome(r); err != nil && r.record.Verdict.Good() {
		origin.Doubts = append(origin.Doubts, a.explain(err).message)
	}
	if r.record.Dropped != nil {
		origin.Doubts = append(origin.Doubts, a.lang.s(
			"l'auteur de cette synthèse n'a pas pu lire toute la précédente, et l'a remplacée",
			"the author of this summary could not read all of the one before, and replaced it",
		))
	}
	for name, v := range r.visibility() {
		if v.Visible == visibleFull || v.Reason == "absent" {
			continue
		}
		origin.Hidden[name] = fhir.Hidden{All: v.Visible == visibleNone, Damaged: v.Reason == "undecodable"}
	}
	bundle, losses, err := fhir.Export(s, origin)
	if err != nil {
		return err
	}
	if !a.json {
		a.tellLosses(losses)
	}
	_, err = a.out.Write(escapeControls(bundle))
	return err
}

// withChanges is the summary with what amendments say of its items standing with them, and the ids of what its author took back: a copy, since
// others look at the one that was read. What a damaged card has left is no summary that could be copied, and stays as it is.
func (a *app) withChanges(r *reading) (s *summary.Summary, retracted []string, err error) {
	text, err := r.record.Summary.JSON()
	if err != nil {
		return nil, nil, err
	}
	if s, err = summary.Parse(text); err != nil {
		return r.record.Summary, nil, nil
	}
	for i := range r.record.Changes {
		c := &r.record.Changes[i]
		_, _, common := s.Find(c.ID)
		if common == nil || c.Operation == summary.OpAdd {
			continue
		}
		if c.Operation == summary.OpRetract {
			retracted = append(retracted, c.ID)
		}
		common.Remarks = append(common.Remarks, summary.Remark{Text: remarkText(*c), By: c.By, On: c.On})
	}
	return s, retracted, nil
}
