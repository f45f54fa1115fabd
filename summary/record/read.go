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

// Reader is who reads: whom it trusts, what it can open, and when it reads.
type Reader struct {
	Trust *trust.Store
	// Keys are the private keys at hand. Those that sign bundles are passed over.
	Keys []trust.PrivateKey
	// Now is the reader's best knowledge of the time.
	Now time.Time
	// Simulated lets an unsealed record pass, which is for simulated cards only.
	Simulated bool
}

// Record is what a card says, and how far it can be believed.
type Record struct {
	Verdict Verdict
	// Summary is what could be read of the summary, the applied amendments included; nil if nothing could.
	Summary *summary.Summary
	// Signer is who signed the base; with an unverifiable or invalid verdict, who the certificate claims to be. Nil without a
	// key.
	Signer     *trust.Signer
	Seq        uint64
	Time       time.Time
	OnBehalfOf string
	Prev       []byte // Head of the predecessor; empty for a first record
	Dropped    *Dropped
	// Head names this state of the card; what is written next names it as Prev.
	Head  Head
	Suite Suite
	// Clearance is the highest level that the reader's keys open, 0 without any. Key is the one that was used, nil in
	// SuiteNone.
	Clearance int
	Key       *trust.PrivateKey
	// Levels says for each confidentiality level, 0 to 3, what became of it.
	Levels [4]Level
	// Amendments are those on the card, in its order; Changes is what the applied ones said about items that were there before.
	Amendments []Amendment
	Changes    []summary.Change
	// Groups are the key ids of the roles that the record is sealed for; Individuals counts the others. Ring names these to a
	// reader who can open everything, if there are several.
	Groups      [][2]byte
	Individuals int
	Ring        []Recipient
	// Size is that of the whole record on the card, in bytes.
	Size int
	// Signature is what was verified, for whoever wants to verify it with other means.
	Signature Signature

	// authors are the certificates of those who added an item, by its id.
	authors map[string]*x509.Certificate
	// level1 is the compartment of level 1 as it stands on the card.
	level1 []byte
}

// LastSeq is the sequence number of the head: that of the last amendment that this reader can read, else the base's.
func (r *Record) LastSeq() uint64 {
	last := r.Seq
	for _, a := range r.Amendments {
		last = max(last, a.Seq)
	}
	return last
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
	// LevelSealed is above the reader's clearance: whether there is anything in it is not known.
	LevelSealed
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
// values where nothing could be. Amendments have verdicts of their own: an amendment that is refused does not make the rest
// unverified.
func Read(raw []byte, card [16]byte, reader Reader) (*Record, error) {
	p, err := parse(raw)
	if err != nil {
		return nil, err
	}
	c, key, err := p.find(card, reader.Keys)
	var r *Record
	switch {
	case errors.Is(err, errNoKey):
		r = readOpen(p)
	case err != nil:
		return nil, err
	default:
		if r, err = readWith(p, c, reader); err != nil {
			return nil, err
		}
		r.Key = key
	}
	r.Size, r.Suite, r.Head = len(raw), p.header.suite, p.head()
	r.Groups, r.Individuals = p.wraps.groups(), p.wraps.individuals()
	if !r.Verdict.Good() {
		return nil, &UnverifiedError{Unverified: r}
	}
	return r, nil
}

// find is the chain that the reader's keys give.
func (p *parsed) find(card [idSize]byte, keys []trust.PrivateKey) (*chain, *trust.PrivateKey, error) {
	if p.header.suite != SuiteNone {
		return p.wraps.find(keys, card, p.header.suite, p.header.id)
	}
	c := deriveChain(card, SuiteNone, p.header.k3, 3)
	if subtle.ConstantTimeCompare(c.base[:], p.header.id) != 1 {
		return nil, nil, ErrCommitment
	}
	return c, nil, nil
}

// readOpen is all that a reader without a key can read: what is open. Nothing says who wrote it.
func readOpen(p *parsed) *Record {
	var o opened
	o.decode(0, p.base.Open)
	r := &Record{Verdict: Verdict{Unverifiable, ReasonNoKey}}
	r.Summary, _ = summary.Merge([4][]byte{o.message[0]}) // without an identity, which the error says
	for level := 1; level <= 3; level++ {
		o.levels[level] = Level{State: LevelSealed}
	}
	r.Levels = o.levels
	for range p.amendments {
		r.Amendments = append(r.Amendments, Amendment{State: AmendmentUnreadable})
	}
	return r
}

// readWith reads and checks a record with its keys.
func readWith(p *parsed, c *chain, reader Reader) (*Record, error) {
	o, err := c.openBoxes(p.base)
	if err != nil {
		return nil, err
	}
	r := &Record{Clearance: c.clearance(), level1: o.message[1]}
	m := o.manifest
	r.Seq, r.Time, r.OnBehalfOf, r.Prev = m.Seq, m.time(), m.OnBehalfOf, m.Prev
	if m.Dropped != nil {
		r.Dropped = &Dropped{int(m.Dropped.Level), m.Dropped.Reason}
	}
	if c.level[3] != nil {
		if r.Ring, err = c.openRing(p.wraps, p.base.Header); err != nil {
			return nil, err
		}
	}
	// Anybody who holds K1 can make a MAC; who holds K3 knows how many individuals there are.
	changed := p.wraps.mac != nil && !hmac.Equal(p.wraps.mac, c.authenticate(p.wraps)) ||
		p.wraps.mac != nil && c.level[3] != nil && p.wraps.individuals() != max(len(r.Ring), 1)
	var failed reasons
	failed.add(r.checkSignature(c, o))
	if changed {
		failed.add(ReasonRecipients)
	}
	var reason Reason
	r.Signer, reason = reader.checkSigner(o.leaf, r.Time)
	if reason == ReasonOK && r.Signer.Role != trust.RolePhysician {
		reason = ReasonRole
	}
	failed.add(reason)
	if o.damaged {
		failed.add(ReasonDamaged)
	}
	if p.header.suite == SuiteNone && !reader.Simulated {
		failed.add(ReasonUnsealed)
	}
	if r.Summary, err = o.merge(); err != nil {
		failed.add(ReasonContent)
	}
	r.Levels = o.levels
	r.Verdict = failed.verdict()
	if r.Verdict.Status == Valid && reader.stale() {
		r.Verdict = Verdict{ValidStale, ReasonTrustOutdated}
	}
	again := func() *summary.Summary {
		s, _ := summary.Merge(o.message) // what could not be read is out of it by now
		return s
	}
	r.readAmendments(p, c, again, reader)
	return r, nil
}

// stale reports whether the trust data is past its next update.
func (reader *Reader) stale() bool {
	t := reader.Trust
	return t != nil && !t.NextUpdate.IsZero() && reader.Now.After(t.NextUpdate)
}

// checkSigner is about who signed and when: certificate, chain, revocation, clock. The role is the caller's to judge.
func (reader *Reader) checkSigner(leaf *x509.Certificate, signed time.Time) (*trust.Signer, Reason) {
	if leaf == nil {
		return nil, ReasonCertificate
	}
	who, err := reader.Trust.Check(leaf, signed)
	switch {
	case errors.Is(err, trust.ErrNoAnchors):
		return who, ReasonNoTrust
	case errors.Is(err, trust.ErrUnknownIssuer):
		return who, ReasonUnknownIssuer
	case errors.Is(err, trust.ErrNotValidThen):
		return who, ReasonNotValidThen
	case errors.Is(err, trust.ErrDistrusted):
		return who, ReasonDistrusted
	case errors.Is(err, trust.ErrRevoked):
		return who, ReasonRevoked
	case errors.Is(err, trust.ErrCompromised):
		return who, ReasonCompromised
	case errors.Is(err, trust.ErrTrustDamaged):
		return who, ReasonTrustDamaged
	case errors.Is(err, trust.ErrRole), errors.Is(err, trust.ErrCeiling):
		return who, ReasonRole
	case err != nil:
		return who, ReasonCertificate
	case signed.Before(earliest), signed.After(reader.Now.Add(clockSkew)):
		return who, ReasonClock
	}
	return who, ReasonOK
}

// checkSignature is about what was signed: the signature itself, and the digests of what it covers.
func (r *Record) checkSignature(c *chain, o *opened) Reason {
	own := c.base
	r.Signature = Signature{
		Message:     o.signed.message(),
		ExternalAAD: c.externalAAD(contextBase, own, c.digest(own, 1, o.message[1])),
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
	if c.level[2] != nil && o.levels[2].State != LevelDamaged && !hmac.Equal(o.manifest.D2, c.digest(own, 2, o.d3, o.message[2])) {
		o.damage(2)
	}
	if c.level[3] != nil && o.levels[2].State == LevelDamaged {
		// Without level 2 there is no signed digest of level 3.
		o.damage(3)
	}
	if c.level[3] != nil && o.levels[3].State != LevelDamaged && !hmac.Equal(o.d3, c.digest(own, 3, o.message[3])) {
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
