package record

import (
	"bytes"
	"crypto/hmac"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"time"

	"github.com/veraison/go-cose"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// Record is what a card says, and how far it can be believed.
type Record struct {
	Verdict Verdict
	// Summary is what could be read of the summary; nil if nothing could.
	Summary *summary.Summary
	// Signer is who signed; with an unverifiable or invalid verdict, who the certificate claims to be.
	Signer     *trust.Signer
	Seq        uint64
	Time       time.Time
	OnBehalfOf string
	Prev       []byte // Head of the predecessor; empty for a first record
	// Head identifies this record; a successor names it as Prev.
	Head  [32]byte
	Suite Suite
	// Levels says for each confidentiality level, 0 to 3, what became of it.
	Levels [4]Level
	// Amendments counts the amendments on the card, which this version does not show.
	Amendments int
	// Size is that of the whole record on the card, in bytes.
	Size int
	// Signature is what was verified, for whoever wants to verify it with other means.
	Signature Signature
}

// Level is what became of one level's compartment.
type Level struct {
	State LevelState
	// Raw and Coded are its sizes in bytes: canonical CBOR, and as the unit on the card with its codec byte.
	Raw, Coded int
	Codec      Codec
}

// LevelState says whether a compartment was read.
type LevelState uint8

// The states of a level. A damaged one is signed for but missing or changed; it must never pass for an empty one.
const (
	LevelEmpty LevelState = iota
	LevelRead
	LevelDamaged
)

// Signature holds the inputs of the signature check.
type Signature struct {
	Message     []byte // COSE_Sign1, tagged
	ExternalAAD []byte
	Certificate []byte // DER
	Algorithm   cose.Algorithm
}

// clockSkew is how far the clocks of two practices may disagree before a record counts as signed in the future.
const clockSkew = 24 * time.Hour

// earliest is before the first record that can exist. A time of signing before it comes from a clock that was never
// set.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Read opens a record and checks it, in the order of FORMAT 3.6. The error is nil only for the verdicts Valid and
// ValidStale. It is an *UnverifiedError, with all that could be decoded, for the others, and one of this package's Err
// values where nothing could be. Now is the reader's best knowledge of the time.
func Read(raw []byte, card [16]byte, anchors *trust.Store, now time.Time) (*Record, error) {
	f, h, amendments, err := parse(raw)
	if err != nil {
		return nil, err
	}
	c := deriveChain(card, h.Suite, h.K3)
	if subtle.ConstantTimeCompare(c.base[:], h.ID) != 1 {
		return nil, ErrCommitment
	}
	o, err := c.openBoxes(f)
	if err != nil {
		return nil, err
	}
	r := &Record{Head: f.head(), Suite: h.Suite, Amendments: amendments, Size: len(raw)}
	m := o.manifest
	r.Seq, r.Time, r.OnBehalfOf, r.Prev = m.Seq, m.time(), m.OnBehalfOf, m.Prev
	var failed reasons
	failed.add(r.checkSignature(c, o))
	failed.add(r.checkSigner(o.leaf, anchors, now))
	if o.damaged {
		failed.add(ReasonDamaged)
	}
	if amendments > 0 {
		failed.add(ReasonAmendments)
	}
	if r.Summary, err = o.merge(); err != nil {
		failed.add(ReasonContent)
	}
	r.Levels = o.levels
	r.Verdict = failed.verdict()
	if r.Verdict.Status == Valid && !anchors.NextUpdate.IsZero() && now.After(anchors.NextUpdate) {
		r.Verdict = Verdict{ValidStale, ReasonTrustOutdated}
	}
	if r.Verdict.Status != Valid && r.Verdict.Status != ValidStale {
		return nil, &UnverifiedError{Unverified: r}
	}
	return r, nil
}

// checkSigner is about who signed and when: certificate, chain, role, clock.
func (r *Record) checkSigner(leaf *x509.Certificate, anchors *trust.Store, now time.Time) Reason {
	if leaf == nil {
		return ReasonCertificate
	}
	var err error
	r.Signer, err = anchors.Check(leaf, r.Time)
	switch {
	case errors.Is(err, trust.ErrNoAnchors):
		return ReasonNoTrust
	case errors.Is(err, trust.ErrUnknownIssuer):
		return ReasonUnknownIssuer
	case errors.Is(err, trust.ErrNotValidThen):
		return ReasonNotValidThen
	case errors.Is(err, trust.ErrDistrusted):
		return ReasonDistrusted
	case errors.Is(err, trust.ErrRole), errors.Is(err, trust.ErrCeiling):
		return ReasonRole
	case err != nil:
		return ReasonCertificate
	case r.Signer.Role != trust.RolePhysician:
		return ReasonRole
	case r.Time.Before(earliest), r.Time.After(now.Add(clockSkew)):
		return ReasonClock
	}
	return ReasonOK
}

// checkSignature is about what was signed: the signature itself, and the digests of what it covers.
func (r *Record) checkSignature(c *chain, o *opened) Reason {
	own := c.base
	r.Signature = Signature{
		Message:     o.signed.message(),
		ExternalAAD: c.externalAAD(own, c.digest(own, 1, o.message[1])),
		Certificate: o.signed.Certificate,
		Algorithm:   o.signed.Algorithm,
	}
	if o.leaf == nil {
		return ReasonCertificate
	}
	err := o.signed.verify(o.leaf.PublicKey, r.Signature.ExternalAAD)
	switch {
	case errors.Is(err, errAlgorithm):
		return ReasonCertificate
	case err != nil, o.manifest.Suite != c.suite:
		return ReasonSignature
	}
	// From here on the digests are those that the signer meant. A compartment that does not match its own is dropped:
	// what it says was not signed.
	if o.levels[2].State != LevelDamaged && !hmac.Equal(o.manifest.D2, c.digest(own, 2, o.d3, o.message[2])) {
		o.damage(2)
	}
	if o.levels[2].State == LevelDamaged {
		// Without level 2 there is no signed digest of level 3.
		o.damage(3)
	}
	if o.levels[3].State != LevelDamaged && !hmac.Equal(o.d3, c.digest(own, 3, o.message[3])) {
		o.damage(3)
	}
	var d0 []byte
	if len(o.message[0]) > 0 {
		d0 = c.digest(own, 0, o.message[0])
	}
	if !bytes.Equal(o.manifest.D0, d0) {
		o.damage(0)
	}
	return ReasonOK
}

// reasons collects what was found wrong; the worst decides.
type reasons []Reason

func (f *reasons) add(r Reason) {
	if r != ReasonOK {
		*f = append(*f, r)
	}
}

func (f reasons) verdict() Verdict {
	v := Verdict{Valid, ReasonOK}
	for _, r := range f {
		// Among equals the first stands: the checks come in the order of their weight.
		if s := r.status(); v.Status == Valid || s == Invalid && v.Status == Unverifiable {
			v = Verdict{s, r}
		}
	}
	return v
}
