package main

import (
	"encoding/hex"
	"time"

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
	return checkedDocument{schema, a.verdictDocument(r), cardDocumentOf(r), recordDocumentOf(r.record), signerDocumentOf(r.record.Signer), trustDocumentOf(r)}
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
}

func cardDocumentOf(r *reading) cardDocument {
	return cardDocument{ID: r.content.Card.String(), Unconfirmed: r.content.Unconfirmed, NewerLost: r.content.NewerLost}
}

type recordDocument struct {
	Seq        uint64       `json:"seq"`
	SignedAt   time.Time    `json:"signedAt"`
	OnBehalfOf string       `json:"onBehalfOf,omitempty"`
	Sealed     bool         `json:"sealed"`
	Suite      record.Suite `json:"suite"`
	Head       string       `json:"head"`
	Prev       string       `json:"prev,omitempty"`
	Amendments int          `json:"amendmentsNotShown"`
}

func recordDocumentOf(r *record.Record) recordDocument {
	return recordDocument{
		Seq: r.Seq, SignedAt: r.Time, OnBehalfOf: r.OnBehalfOf, Sealed: r.Suite != record.SuiteNone, Suite: r.Suite,
		Head: hex.EncodeToString(r.Head[:]), Prev: hex.EncodeToString(r.Prev), Amendments: r.Amendments,
	}
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
	Authorities int        `json:"authorities"`
	Updated     *time.Time `json:"updated,omitempty"`
	AgeDays     *int       `json:"ageDays,omitempty"`
	Stale       bool       `json:"stale"`
}

func trustDocumentOf(r *reading) trustDocument {
	d := trustDocument{Authorities: len(r.trust.Anchors)}
	if age := r.trustAge(); age.Present {
		d.Updated, d.AgeDays, d.Stale = &r.trust.Updated, &age.Days, age.Stale
	}
	return d
}
