package main

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
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
	// older is set where this home has read a newer state of the card.
	older bool
}

// reader is who reads with a home: its trust, its keys, its time. What has to be asked is asked here, before the card is opened.
func (a *app) reader(ctx context.Context, h home, store *trust.Store) (record.Reader, error) {
	keys, err := a.openKeys(ctx, h)
	if err != nil {
		return record.Reader{}, err
	}
	r := record.Reader{Trust: store, Keys: keys.Keys, Now: store.Now(a.now())}
	if a.recovery {
		more, err := a.recoveryKeys(ctx)
		if err != nil {
			return record.Reader{}, err
		}
		r.Keys = append(more, r.Keys...)
	}
	return r, nil
}

// recoveryKeys asks for the patient's recovery code.
func (a *app) recoveryKeys(ctx context.Context) ([]trust.PrivateKey, error) {
	text, err := a.secret(ctx, a.lang.s("Code de secours du patient : ", "The patient's recovery code: "))
	if err != nil {
		return nil, err
	}
	code, err := trust.ParseRecoveryCode(text)
	if err != nil {
		return nil, err
	}
	var keys []trust.PrivateKey
	for _, curve := range []ecdh.Curve{ecdh.X25519(), ecdh.P256()} {
		key, err := record.RecoveryKey(code, curve)
		if err != nil {
			return nil, err
		}
		keys = append(keys, trust.PrivateKey{Kind: trust.KeyRecovery, Opening: key})
	}
	return keys, nil
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
	reader, err := a.reader(ctx, h, store)
	if err != nil {
		return nil, err
	}
	c, s, err := a.content(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := a.notEmpty(c); err != nil {
		return nil, err
	}
	reader.Simulated = s.simulated
	r := &reading{content: c, trust: reader.Trust, now: reader.Now}
	r.record, err = readRecord(c, reader)
	if err != nil {
		return nil, err
	}
	if now := stateOf(r.record); r.record.Verdict.Good() && !c.Unconfirmed {
		r.older = h.notAfter(c.Card, now)
		h.remember(c.Card, now)
	}
	return r, nil
}

// readRecord reads what is on a card, verified or not.
func readRecord(c *card.Content, reader record.Reader) (*record.Record, error) {
	r, err := record.Read(c.Record, c.Card, reader)
	var unverified *record.UnverifiedError
	if errors.As(err, &unverified) {
		return unverified.Unverified, nil
	}
	return r, err
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
		return a.doubts(r)
	case record.Unverifiable:
		if v.Reason == record.ReasonNoKey && (r.record.Summary == nil || r.record.Levels[0].State != record.LevelRead) {
			return a.noClearance()
		}
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

// doubts is the failure for what is wrong beside a good signature, nil if nothing is.
func (a *app) doubts(r *reading) error {
	l := a.lang
	doubtful := 0
	for i := range r.record.Amendments {
		if r.record.Amendments[i].Doubtful() {
			doubtful++
		}
	}
	if doubtful == 0 && r.older {
		return &failure{
			code: exitUnverifiable, name: "older-state",
			message: l.s(
				"ce poste a déjà lu une synthèse ou des ajouts plus récents sur cette carte",
				"this workstation has read a newer summary or newer amendments on this card",
			),
			hint: l.s(
				"la carte a peut-être été copiée, remise à un état antérieur, ou retirée pendant une écriture : ne vous fiez pas à ce qui manque",
				"the card may have been copied, put back to an older state, or pulled out during a write: do not rely on what is absent",
			),
		}
	}
	if doubtful == 0 {
		return nil
	}
	return &failure{
		code: exitUnverifiable, name: "amendment",
		message: fmt.Sprintf(l.s(
			"la synthèse est vérifiée, mais pas tous ses ajouts (%d) : ils sont montrés à part",
			"the summary is verified, but not all of its amendments (%d): they are shown apart",
		), doubtful),
		hint: l.s("ne vous y fiez pas sans en parler à leur auteur", "do not rely on them without asking their author"),
	}
}

// noClearance is the failure of a reader for whose keys the card is not sealed.
func (a *app) noClearance() *failure {
	return &failure{
		code: exitNotAuthorised, name: "clearance",
		message: a.lang.s("la carte n'est scellée pour aucune des clés de ce poste", "the card is sealed for none of the keys of this workstation"),
		hint: a.lang.s(
			"« secours keys import » installe les clés d'un rôle ; avec l'accord du patient, --recovery ouvre avec son code de secours",
			"\"secours keys import\" installs the keys of a role; with the patient's consent, --recovery opens with the recovery code",
		),
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
	case record.ReasonTrustDamaged:
		return a.lang.s("« secours trust update » remplace la liste de confiance", "\"secours trust update\" replaces the trust bundle")
	}
	return ""
}

// visibility says, per section, how much of it this reading shows.
func (r *reading) visibility() map[string]sectionView {
	rec := r.record
	views := map[string]sectionView{}
	state := func(level summary.Level) record.LevelState { return rec.Levels[level.Rank()].State }
	lost, sealed := false, false
	for _, l := range rec.Levels {
		lost = lost || l.State == record.LevelDamaged
		sealed = sealed || l.State == record.LevelSealed
	}
	for i := range rec.Amendments {
		a := &rec.Amendments[i]
		lost = lost || a.Doubtful()
		sealed = sealed || a.State == record.AmendmentUnreadable && !a.Doubtful()
	}
	present, empty := map[string]bool{}, map[string]bool{}
	if rec.Summary != nil {
		rec.Summary.Sections.Each(func(name string, s summary.AnySection) {
			present[name], empty[name] = true, s.Len() == 0 && s.Head().Status == summary.StatusUnavailable
		})
	}
	for _, name := range summary.SectionNames() {
		home := state(summary.DefaultLevel(name))
		nothing := !present[name] || empty[name]
		switch {
		case nothing && (rec.Summary == nil && rec.Clearance > 0 || home == record.LevelDamaged):
			views[name] = sectionView{visibleNone, "undecodable"}
		case nothing && (home == record.LevelSealed || empty[name] && sealed):
			views[name] = sectionView{visibleNone, "role"}
		case lost:
			// An item of any section may stand at the level that was lost, or in an amendment.
			views[name] = sectionView{visiblePartial, "undecodable"}
		case !present[name]:
			views[name] = sectionView{visibleNone, "absent"}
		case sealed:
			// An item of any section may stand above this reader's clearance.
			views[name] = sectionView{visiblePartial, "role"}
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
		Clearance: rec.Clearance,
		Changes:   rec.Changes,
		Older:     r.older,
		StolenKey: string(r.stolen()),
	}
	if rec.Key != nil {
		v.Reader = string(rec.Key.Kind)
		if rec.Key.Kind == trust.KeyRole {
			v.Reader = string(rec.Key.Role)
		}
	}
	if rec.Dropped != nil {
		v.Dropped = &dropped{rec.Dropped.Level, rec.Dropped.Reason}
	}
	if rec.Signer != nil {
		v.Signer = signerOf(rec.Signer)
		v.DemoKeys = rec.Signer.Demonstration
	}
	for level, l := range rec.Levels {
		if l.State == record.LevelDamaged {
			v.Damaged = append(v.Damaged, level)
		}
	}
	for i := range rec.Amendments {
		v.Amendments = append(v.Amendments, amendmentViewOf(&rec.Amendments[i]))
	}
	return v
}

func signerOf(s *trust.Signer) signer {
	return signer{Name: s.Name, Role: string(s.Role), Place: s.Place}
}

func amendmentViewOf(m *record.Amendment) amendmentView {
	v := amendmentView{
		ID: m.ID, State: string(m.State), Verdict: verdict{Level: string(m.Verdict.Status), Code: string(m.Verdict.Reason)},
		Time: m.Time, Content: m.Content, Gap: m.Gap,
	}
	if m.Signer != nil {
		v.Author = signerOf(m.Signer)
	}
	if m.State != record.AmendmentApplied {
		v.Content = m.Unverified
	}
	for _, c := range m.Missing {
		v.Missing = append(v.Missing, c.ID)
	}
	return v
}

// stolen is the role of a key that the card is sealed for and that is reported stolen, "" for none.
func (r *reading) stolen() trust.Role {
	for _, id := range r.record.Groups {
		for _, k := range r.trust.StolenKeys(id) {
			return k.Role
		}
	}
	return ""
}

func (r *reading) trustAge() trustAge {
	if len(r.trust.Anchors) == 0 {
		return trustAge{}
	}
	return trustAge{
		Present: true,
		Days:    max(0, int(r.now.Sub(r.trust.AsOf()).Hours()/24)),
		Stale:   !r.trust.NextUpdate.IsZero() && r.now.After(r.trust.NextUpdate),
	}
}
