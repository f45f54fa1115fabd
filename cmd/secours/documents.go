package main

import (
	"encoding/hex"
	"time"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// The parts that the JSON documents of several verbs share. Their members are part of the interface.

// checkedDocument is what every verb says that reads and checks a card.
type checkedDocument struct {
	Schema  string          `json:"schema"`
	Verdict verdictDocument `json:"verdict"`
	Card    cardDocument    `json:"card"`
	Record  recordDocument  `json:"record"`
	Signer  *signerDocument `json:"signer"`
	Trust   trustDocument   `json:"trust"`
}

func (a *app) checkedDocument(schema string, r *reading) checkedDocument {
	return checkedDocument{schema, a.verdictDocument(r), cardDocumentOf(r), a.recordDocument(r.record), signerDocumentOf(r.record.Signer), trustDocumentOf(r)}
}

type verdictDocument struct {
	Status  record.Status `json:"status"`
	Reason  record.Reason `json:"reason"`
	Message string        `json:"message"`
}

func (a *app) verdictDocument(r *reading) verdictDocument {
	v := r.record.Verdict
	return verdictDocument{v.Status, v.Reason, a.reason(v.Reason)}
}

type cardDocument struct {
	ID string `json:"id"`
	// Unconfirmed is true where the record was found without a mark that confirms it (FORMAT 2.2).
	Unconfirmed bool `json:"unconfirmed,omitempty"`
	// NewerLost is true where a newer record was on the card and can no longer be read.
	NewerLost bool `json:"newerLost,omitempty"`
	// Older is true where this home has read a newer state of the card; StolenKey names the role of a key that the card is sealed for and
	// that is reported stolen.
	Older     bool       `json:"olderState,omitempty"`
	StolenKey trust.Role `json:"stolenKey,omitempty"`
}

func cardDocumentOf(r *reading) cardDocument {
	return cardDocument{ID: r.content.Card.String(), Unconfirmed: r.content.Unconfirmed, NewerLost: r.content.NewerLost, Older: r.older, StolenKey: r.stolen()}
}

type recordDocument struct {
	// Seq is the number of the summary, LastSeq that of the last amendment to it.
	Seq        uint64       `json:"seq"`
	LastSeq    uint64       `json:"lastSeq"`
	SignedAt   *time.Time   `json:"signedAt"`
	OnBehalfOf string       `json:"onBehalfOf,omitempty"`
	Sealed     bool         `json:"sealed"`
	Suite      record.Suite `json:"suite"`
	// Head names this state of the card; --expect-head compares it.
	Head string `json:"head"`
	Prev string `json:"prev,omitempty"`
	// Clearance is the highest confidentiality level that the keys at hand open, "none" without any; OpenedWith says which key.
	Clearance  string              `json:"clearance"`
	OpenedWith string              `json:"openedWith,omitempty"`
	Dropped    *droppedDocument    `json:"dropped,omitempty"`
	Amendments []amendmentDocument `json:"amendments"`
}

type droppedDocument struct {
	Level  summary.Level `json:"lowestLevel"`
	Reason string        `json:"reason"`
}

// amendmentDocument says what became of an amendment. What it says is in the document of "read".
type amendmentDocument struct {
	ID         string                `json:"id"`
	State      record.AmendmentState `json:"state"`
	Verdict    *verdictDocument      `json:"verdict,omitempty"`
	Signer     *signerDocument       `json:"signer,omitempty"`
	Seq        uint64                `json:"seq,omitempty"`
	SignedAt   *time.Time            `json:"signedAt,omitempty"`
	OnBehalfOf string                `json:"onBehalfOf,omitempty"`
	Level      summary.Level         `json:"level,omitempty"`
	Gap        bool                  `json:"gap,omitempty"`
	// Items are the ids of what it added; Missing those of items that it speaks of and that are not there.
	Items   []string `json:"items,omitempty"`
	Missing []string `json:"missing,omitempty"`
	Bytes   int      `json:"bytes"`
}

func (a *app) recordDocument(r *record.Record) recordDocument {
	d := recordDocument{
		Seq: r.Seq, LastSeq: r.LastSeq(), OnBehalfOf: r.OnBehalfOf, Sealed: r.Suite != record.SuiteNone, Suite: r.Suite,
		Head: hex.EncodeToString(r.Head[:]), Prev: hex.EncodeToString(r.Prev), Clearance: "none", Amendments: []amendmentDocument{},
	}
	if !r.Time.IsZero() {
		d.SignedAt = &r.Time
	}
	if r.Clearance > 0 {
		d.Clearance = string(levelNames()[r.Clearance])
	}
	if r.Key != nil {
		d.OpenedWith = string(r.Key.Kind)
		if r.Key.Kind == trust.KeyRole {
			d.OpenedWith = string(r.Key.Role)
		}
	}
	if r.Dropped != nil {
		d.Dropped = &droppedDocument{levelNames()[r.Dropped.Level], r.Dropped.Reason}
	}
	for i := range r.Amendments {
		d.Amendments = append(d.Amendments, a.amendmentDocument(&r.Amendments[i]))
	}
	return d
}

func (a *app) amendmentDocument(m *record.Amendment) amendmentDocument {
	d := amendmentDocument{
		ID: m.ID, State: m.State, Signer: signerDocumentOf(m.Signer), Seq: m.Seq, OnBehalfOf: m.OnBehalfOf, Gap: m.Gap,
		Items: m.Added, Bytes: m.Size,
	}
	if m.Verdict.Status != "" {
		d.Verdict = &verdictDocument{m.Verdict.Status, m.Verdict.Reason, a.reason(m.Verdict.Reason)}
	}
	if !m.Time.IsZero() {
		d.SignedAt = &m.Time
	}
	if m.Level > 0 {
		d.Level = levelNames()[m.Level]
	}
	for _, c := range m.Missing {
		d.Missing = append(d.Missing, c.ID)
	}
	return d
}

type signerDocument struct {
	Name          string     `json:"name"`
	Role          trust.Role `json:"role,omitempty"`
	ID            string     `json:"id,omitempty"`
	Organization  string     `json:"org,omitempty"`
	Place         string     `json:"place,omitempty"`
	Authority     string     `json:"authority,omitempty"`
	Demonstration bool       `json:"demonstration"`
}

func signerDocumentOf(s *trust.Signer) *signerDocument {
	if s == nil {
		return nil
	}
	return &signerDocument{s.Name, s.Role, s.ID, s.Organization, s.Place, s.Anchor, s.Demonstration}
}

type trustDocument struct {
	Authorities int `json:"authorities"`
	// Updated is when the trust bundle was issued, or else when the home's own trust last changed.
	Updated *time.Time `json:"updated,omitempty"`
	AgeDays *int       `json:"ageDays,omitempty"`
	Stale   bool       `json:"stale"`
}

func trustDocumentOf(r *reading) trustDocument {
	d := trustDocument{Authorities: len(r.trust.Anchors)}
	if age := r.trustAge(); age.Present {
		asOf := r.trust.AsOf()
		d.Updated, d.AgeDays, d.Stale = &asOf, &age.Days, age.Stale
	}
	return d
}
