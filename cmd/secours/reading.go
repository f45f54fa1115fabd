package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// reading is one card, read and checked.
type reading struct {
	content *card.Content
	record  *record.Record
	trust   *trust.Store
	now     time.Time
}

// readCard reads and checks the record of the card that --card names. An error means that there is nothing to show; a record
// that is not valid is no error here, and its verdict says so.
func (a *app) readCard(ctx context.Context) (*reading, error) {
	h, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	store, err := h.trust()
	if err != nil {
		// A card is shown whatever is wrong with this computer; nothing on it is verified then.
		a.note(a.lang.s(
			"attention : la confiance de ce poste est illisible (%s) : %v",
			"warning: the trust data of this workstation is unreadable (%s): %v",
		), h.file("trust.json"), err)
		store = &trust.Store{}
	}
	c, s, err := a.content(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := a.notEmpty(c); err != nil {
		return nil, err
	}
	r := &reading{content: c, trust: store, now: store.Now(a.now())}
	r.record, err = record.Read(c.Record, c.Card, store, r.now)
	var unverified *record.UnverifiedError
	if errors.As(err, &unverified) {
		r.record, err = unverified.Unverified, nil
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// checking is what a verb does that reads and checks the card: it shows the reading, whatever the verdict, and ends with its exit code.
func (a *app) checking(show func(*reading) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		r, err := a.readCard(c.Context())
		if err != nil {
			return err
		}
		if err := show(r); err != nil {
			return err
		}
		return a.outcome(r)
	}
}

// outcome is the failure that stands for the verdict of a reading, nil for a good one.
func (a *app) outcome(r *reading) error {
	l := a.lang
	v := r.record.Verdict
	switch v.Status {
	case record.Valid, record.ValidStale:
		if r.content.NewerLost {
			return &failure{
				code: exitUnverifiable, name: "not-the-last",
				message: l.s(
					"ce n'est pas la dernière synthèse : une plus récente est illisible",
					"this is not the last summary: a newer one cannot be read",
				),
				hint: l.s(
					"la mémoire de la carte faiblit : faites réécrire la synthèse sur une carte neuve",
					"the card's memory is failing: have the summary written to a new card",
				),
			}
		}
		return nil
	case record.Unverifiable:
		return &failure{
			code: exitUnverifiable, name: "unverifiable",
			message: l.s("la signature n'a pas pu être vérifiée : ", "the signature could not be verified: ") + a.reason(v.Reason),
			hint:    a.reasonHint(v.Reason),
		}
	}
	return &failure{
		code: exitInvalid, name: "invalid",
		message: l.s("ne pas se fier à ce qui est sur la carte : ", "do not rely on what is on the card: ") + a.reason(v.Reason),
	}
}

func (a *app) reason(r record.Reason) string { return word(a.lang, reasonWords, string(r)) }

func (a *app) reasonHint(r record.Reason) string {
	switch r {
	case record.ReasonNoTrust, record.ReasonUnknownIssuer:
		return a.lang.s("« secours trust add FICHIER » fait confiance à une autorité, dont vous aurez vérifié l'empreinte ; sinon, tenez ces données pour non vérifiées",
			"\"secours trust add FILE\" trusts an authority, once you have checked its fingerprint; otherwise take these data for unverified")
	case record.ReasonClock:
		return a.lang.s("vérifiez l'horloge de cet ordinateur", "check the clock of this computer")
	case record.ReasonAmendments:
		return a.lang.s("mettez secours à jour", "upgrade secours")
	}
	return ""
}

// visibility says, per section, how much of it this reading shows.
func (r *reading) visibility() map[string]sectionView {
	views := map[string]sectionView{}
	lost := func(level summary.Level) bool { return r.record.Levels[level.Rank()].State == record.LevelDamaged }
	anyLost := false
	for _, l := range []summary.Level{summary.LevelOpen, summary.LevelCare, summary.LevelClinical, summary.LevelMasked} {
		anyLost = anyLost || lost(l)
	}
	present, empty := map[string]bool{}, map[string]bool{}
	if r.record.Summary != nil {
		r.record.Summary.Sections.Each(func(name string, s summary.AnySection) {
			present[name], empty[name] = true, s.Len() == 0 && s.Head().Status == summary.StatusUnavailable
		})
	}
	for _, name := range summary.SectionNames() {
		switch {
		case r.record.Summary == nil, lost(summary.DefaultLevel(name)) && (!present[name] || empty[name]):
			views[name] = sectionView{visibleNone, "undecodable"}
		case anyLost, r.record.Amendments > 0:
			// An item of any section may stand at the level that was lost, or in an amendment.
			views[name] = sectionView{visiblePartial, "undecodable"}
		case !present[name]:
			views[name] = sectionView{visibleNone, "absent"}
		default:
			views[name] = sectionView{visibleFull, ""}
		}
	}
	return views
}

// view is what the screen shows of a reading.
func (a *app) view(r *reading) *view {
	rec := r.record
	v := &view{
		Summary:    rec.Summary,
		Verdict:    verdict{Level: string(rec.Verdict.Status), Code: string(rec.Verdict.Reason)},
		OnBehalfOf: rec.OnBehalfOf,
		Signed:     rec.Time,
		Trust:      r.trustAge(),
		Unsealed:   rec.Suite == record.SuiteNone,
		Sections:   r.visibility(),
		NewerLost:  r.content.NewerLost, Unconfirmed: r.content.Unconfirmed,
		Amendments: rec.Amendments,
		// Suite 0 hides nothing: every level was read, or is reported as damaged.
		PossiblyMasked: rec.Suite != record.SuiteNone,
	}
	if rec.Signer != nil {
		v.Signer = signer{Name: rec.Signer.Name, Role: string(rec.Signer.Role), Place: rec.Signer.Place}
		v.DemoKeys = rec.Signer.Demonstration
	}
	for level, l := range rec.Levels {
		if l.State == record.LevelDamaged {
			v.Damaged = append(v.Damaged, level)
		}
	}
	return v
}

func (r *reading) trustAge() trustAge {
	if len(r.trust.Anchors) == 0 {
		return trustAge{}
	}
	return trustAge{
		Present: true,
		Days:    max(0, int(r.now.Sub(r.trust.Updated).Hours()/24)),
		Stale:   !r.trust.NextUpdate.IsZero() && r.now.After(r.trust.NextUpdate),
	}
}
