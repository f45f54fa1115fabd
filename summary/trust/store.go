package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// StoreSchema is the schema name of a store's JSON.
const StoreSchema = "secours.trust/1"

// Bounds of a store: a national programme has a few dozen authorities, and every read pays for each of them.
const (
	MaxAnchors   = 256
	MaxStoreSize = 4 << 20
)

// DemonstrationOrganization in the subject of an authority marks it, and all it issues, as made for demonstrations.
const DemonstrationOrganization = "SECOURS DEMONSTRATION"

// Anchor is an authority that a reader trusts, and how far.
type Anchor struct {
	Name        string
	Certificate *x509.Certificate
	// Role, if not empty, is the role of those certificates of this anchor that name no profession, for countries where
	// none does.
	Role Role
	// Ceiling lists the roles that the anchor may vouch for; nil means all of SignerRoles.
	Ceiling []Role
	// DistrustAfter, if not zero, is the time from which signatures under this anchor count no more.
	DistrustAfter time.Time
	// Bundled marks an anchor that came with the bundle in use. The same certificate may be an anchor of the user's too.
	Bundled bool
}

// Demonstration reports whether a certificate, an authority's or one that it issued, was made for demonstrations.
func Demonstration(c *x509.Certificate) bool {
	return slices.Contains(c.Subject.Organization, DemonstrationOrganization) || slices.Contains(c.Issuer.Organization, DemonstrationOrganization)
}

// Store is what a reader trusts: anchors that its user added, and a bundle. JSON holds the former, and which bundle it was;
// the bundle itself stays in its own file and comes back with Attach.
//
// Where the same certificate is an anchor of the user's and of the bundle, the more restrictive wins: the earlier date of
// distrust, the roles that both ceilings have, the one role that is pinned; two different pinned roles are none.
type Store struct {
	Anchors []Anchor
	// Updated is when the store was last changed.
	Updated time.Time
	// NextUpdate, if not zero, is when the store is out of date.
	NextUpdate time.Time

	// Roots is the authority whose bundles the store takes; without keys there is none.
	Roots RootSet
	// Statement, Counter and Digest are of the last bundle taken: the number of its last statement of roots, its counter, and
	// SHA-256 over it up to the shards.
	Statement uint64
	Counter   uint64
	Digest    [32]byte
	// Issued is when the bundle in use was issued; zero without one.
	Issued time.Time

	// What the bundle in use holds, besides Anchors and NextUpdate. JSON leaves it out.
	Intermediates [][]byte // certificates in DER
	RoleKeys      []RoleKey
	RetiredSuites []int

	bundle *Bundle
}

// Now is the reader's best knowledge of the time: its clock, unless the store was changed, or its bundle issued, later than
// the clock says.
func (s *Store) Now(clock time.Time) time.Time {
	for _, t := range []time.Time{s.Updated, s.Issued} {
		if t.After(clock) {
			clock = t
		}
	}
	return clock
}

// AsOf is how old the store's knowledge is, the age that a screen shows: when the bundle in use was issued, or else when the
// store was last changed.
func (s *Store) AsOf() time.Time {
	if !s.Issued.IsZero() {
		return s.Issued
	}
	return s.Updated
}

// Signer is who signed, as a trusted authority vouches for it.
type Signer struct {
	Name          string
	Role          Role
	ID            string // the professional identifier, where the certificate has one
	Organization  string
	Place         string
	Anchor        string
	Demonstration bool
	Certificate   *x509.Certificate
}

// Add adds an anchor of the user's, or replaces the one with the same certificate. Only an authority's certificate can be
// one. A professional's own, added beside its authority's, would escape the limits of the latter.
func (s *Store) Add(a Anchor) error {
	if err := a.check(); err != nil {
		return err
	}
	a.Bundled = false
	s.Anchors = slices.DeleteFunc(s.Anchors, func(b Anchor) bool { return !b.Bundled && b.Certificate.Equal(a.Certificate) })
	own := 0
	for own < len(s.Anchors) && !s.Anchors[own].Bundled {
		own++
	}
	if own >= MaxAnchors {
		return fmt.Errorf("a store holds at most %d authorities", MaxAnchors)
	}
	s.Anchors = slices.Insert(s.Anchors, own, a)
	return nil
}

func (a *Anchor) check() error {
	switch {
	case a.Certificate == nil:
		return errors.New("an anchor needs a certificate")
	case !a.Certificate.IsCA || !a.Certificate.BasicConstraintsValid:
		return ErrNotAuthority
	case a.Ceiling != nil && len(a.Ceiling) == 0:
		return errors.New("an empty ceiling lets an anchor vouch for nobody")
	}
	if err := checkAuthorityKey(a.Certificate.PublicKey); err != nil {
		return err
	}
	if a.Role != "" {
		if _, err := ParseRole(string(a.Role)); err != nil {
			return err
		}
	}
	for _, r := range a.Ceiling {
		if _, err := ParseRole(string(r)); err != nil {
			return err
		}
	}
	return nil
}

// Check checks a signer's certificate as of the time of signing and returns who it names. The errors are those of this
// package. The Signer is returned beside them too, as the certificate names itself, so that a screen can name an
// unverified author as such. ErrUnknownIssuer, ErrNoAnchors, ErrCompromised and ErrTrustDamaged say that the signer cannot be
// verified, the others that the signature does not count.
func (s *Store) Check(leaf *x509.Certificate, signed time.Time) (*Signer, error) {
	who := describe(leaf)
	switch {
	case !forSigning(leaf):
		return who, ErrNotForSigning
	case s != nil && s.Counter > 0 && s.bundle == nil:
		// Without the revocations, anybody would pass who was revoked.
		return who, fmt.Errorf("%w: the store has taken one, and it is not there", ErrTrustDamaged)
	case s == nil || len(s.Anchors) == 0:
		return who, ErrNoAnchors
	}
	chains, err := s.chains(leaf, signed)
	if err != nil {
		return who, err
	}
	// A certificate may chain to several anchors (cross-certification); the first chain that vouches for it counts. Where none
	// does, one that only cannot be verified counts before one that says no.
	for _, chain := range chains {
		vouching, role, failed := s.vouch(chain, signed)
		if role != "" {
			who.Role = role
		}
		if failed == nil {
			who.Anchor = vouching
			return who, nil
		}
		if err == nil || errors.Is(failed, ErrCompromised) || errors.Is(failed, ErrTrustDamaged) {
			err = failed
		}
	}
	if err == nil {
		err = ErrUnknownIssuer
	}
	return who, err
}

// vouch returns the name of the anchor of a chain, and the role that it vouches for.
func (s *Store) vouch(chain []*x509.Certificate, signed time.Time) (name string, role Role, err error) {
	a := s.anchor(chain[len(chain)-1])
	if a == nil {
		return "", "", ErrUnknownIssuer
	}
	if role, err = a.role(chain[0]); err != nil {
		return "", role, err
	}
	if !a.DistrustAfter.IsZero() && !signed.Before(a.DistrustAfter) {
		return "", role, ErrDistrusted
	}
	if s.bundle != nil {
		err = s.bundle.revoked(chain, signed)
	}
	return a.Name, role, err
}

// forSigning reports whether a certificate is one that a person signs with. Where it says what its key is for, that
// must cover documents, mail, or the person's own authentication, which is what professional cards say; a web server's
// or a time stamp's certificate has the same issuer in many countries, and no person behind it.
func forSigning(c *x509.Certificate) bool {
	if c.IsCA || c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return false
	}
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	for _, usage := range c.ExtKeyUsage {
		switch usage {
		case x509.ExtKeyUsageAny, x509.ExtKeyUsageEmailProtection, x509.ExtKeyUsageClientAuth:
			return true
		}
	}
	return slices.ContainsFunc(c.UnknownExtKeyUsage, func(oid asn1.ObjectIdentifier) bool {
		return oid.Equal(documentSigning) || oid.Equal(documentSigningMicrosoft)
	})
}

// The extended key usages of document signing: RFC 9336, and the one in use before it.
var (
	documentSigning          = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}
	documentSigningMicrosoft = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 12}
)

// maxIssuers bounds the names that are looked for above a leaf; real chains have one to three.
const maxIssuers = 16

// above returns the certificates that chains from the leaf can consist of, and the dates between which they are valid. Most of a
// store has nothing to do with the leaf in hand: what names no issuer of it is not even parsed.
func (s *Store) above(leaf *x509.Certificate) (roots, intermediates *x509.CertPool, dates []time.Time) {
	roots, intermediates = x509.NewCertPool(), x509.NewCertPool()
	issuers := [][]byte{leaf.RawIssuer}
	for next := 0; next < len(issuers); next++ {
		issuer := issuers[next]
		for _, a := range s.Anchors {
			if bytes.Equal(a.Certificate.RawSubject, issuer) {
				roots.AddCert(a.Certificate)
				dates = append(dates, a.Certificate.NotBefore, a.Certificate.NotAfter)
			}
		}
		for _, der := range s.Intermediates {
			if !bytes.Contains(der, issuer) {
				continue
			}
			c, err := parseIntermediate(der)
			if err != nil || !bytes.Equal(c.RawSubject, issuer) {
				continue
			}
			intermediates.AddCert(c)
			dates = append(dates, c.NotBefore, c.NotAfter)
			known := slices.ContainsFunc(issuers, func(b []byte) bool { return bytes.Equal(b, c.RawIssuer) })
			if !known && len(issuers) < maxIssuers {
				issuers = append(issuers, c.RawIssuer)
			}
		}
	}
	return roots, intermediates, dates
}

// chains returns the chains from the leaf to an anchor that were valid at the time of signing.
func (s *Store) chains(leaf *x509.Certificate, signed time.Time) ([][]*x509.Certificate, error) {
	// crypto/x509 refuses critical extensions that it does not know; this one we do know.
	checked := *leaf
	checked.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), professionExtension.Equal)
	roots, intermediates, dates := s.above(leaf)
	options := x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: signed, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	chains, err := checked.Verify(options)
	if err == nil {
		return chains, nil
	}
	// crypto/x509 looks at the dates before the issuer. A certificate from nobody we know is unverifiable, whatever its
	// dates; one from a known issuer used outside its dates is invalid: ask again at a time when the leaf was valid. An expired
	// certificate above the leaf gives this error too, or one that names no reason.
	for _, at := range append(dates, leaf.NotBefore, leaf.NotAfter) {
		if at.Before(leaf.NotBefore) || at.After(leaf.NotAfter) {
			continue
		}
		options.CurrentTime = at
		if _, again := checked.Verify(options); again == nil {
			return nil, ErrNotValidThen
		}
	}
	return nil, ErrUnknownIssuer
}

// anchor returns the anchor with that certificate, as restricted as the user and the bundle want it together.
func (s *Store) anchor(c *x509.Certificate) *Anchor {
	var found *Anchor
	for _, a := range s.Anchors {
		if !a.Certificate.Equal(c) {
			continue
		}
		if found != nil {
			a = found.and(a)
		}
		found = &a
	}
	return found
}

// and restricts a to what b allows too.
func (a *Anchor) and(b Anchor) Anchor {
	both := *a
	if both.DistrustAfter.IsZero() || !b.DistrustAfter.IsZero() && b.DistrustAfter.Before(both.DistrustAfter) {
		both.DistrustAfter = b.DistrustAfter
	}
	switch {
	case both.Ceiling == nil:
		both.Ceiling = b.Ceiling
	case b.Ceiling != nil:
		both.Ceiling = slices.DeleteFunc(slices.Clone(a.Ceiling), func(r Role) bool { return !slices.Contains(b.Ceiling, r) })
	}
	switch {
	case both.Role == "":
		both.Role = b.Role
	case b.Role != "" && b.Role != both.Role:
		both.Role = ""
	}
	return both
}

func (a *Anchor) role(leaf *x509.Certificate) (Role, error) {
	role, err := CertificateRole(leaf)
	if errors.Is(err, ErrNoProfession) && a.Role != "" {
		role, err = a.Role, nil
	}
	if err != nil {
		return "", err
	}
	if a.Ceiling != nil && !slices.Contains(a.Ceiling, role) {
		return role, ErrCeiling
	}
	return role, nil
}

// describe says who a certificate claims to name. French professional certificates hold the identifier in CN and the
// names in SN and GN; others hold the name in CN.
func describe(c *x509.Certificate) *Signer {
	who := &Signer{Name: c.Subject.CommonName, ID: c.Subject.SerialNumber, Certificate: c}
	var family, given string
	for _, n := range c.Subject.Names {
		value, ok := n.Value.(string)
		if !ok {
			continue
		}
		switch n.Type.String() {
		case "2.5.4.4":
			family = value
		case "2.5.4.42":
			given = value
		}
	}
	if family != "" && given != "" {
		if who.ID == "" {
			who.ID = who.Name
		}
		who.Name = given + " " + family
	}
	if len(c.Subject.Organization) > 0 {
		who.Organization = c.Subject.Organization[0]
	}
	if len(c.Subject.Locality) > 0 {
		who.Place = c.Subject.Locality[0]
	}
	if role, err := CertificateRole(c); err == nil {
		who.Role = role
	}
	who.Demonstration = Demonstration(c)
	return who
}

type storeJSON struct {
	Schema     string       `json:"schema"`
	Updated    time.Time    `json:"updated"`
	NextUpdate *time.Time   `json:"nextUpdate,omitempty"`
	Anchors    []anchorJSON `json:"anchors"`
	Roots      *rootsJSON   `json:"roots,omitempty"`
	Bundle     *bundleJSON  `json:"bundle,omitempty"`
}

type rootsJSON struct {
	Keys      [][]byte `json:"keys"`
	Threshold int      `json:"threshold"`
}

type bundleJSON struct {
	Statement uint64    `json:"statement"`
	Counter   uint64    `json:"counter"`
	Digest    []byte    `json:"digest"`
	Issued    time.Time `json:"issued"`
}

type anchorJSON struct {
	Name          string     `json:"name"`
	Certificate   []byte     `json:"certificate"`
	Role          Role       `json:"role,omitempty"`
	Ceiling       []Role     `json:"ceiling,omitempty"`
	DistrustAfter *time.Time `json:"distrustAfter,omitempty"`
}

// ParseStore reads a store's JSON.
func ParseStore(data []byte) (*Store, error) {
	if len(data) > MaxStoreSize {
		return nil, fmt.Errorf("the trust store is over %d bytes", MaxStoreSize)
	}
	var j storeJSON
	d := json.NewDecoder(bytes.NewReader(data))
	// A member this version does not know may restrict what an anchor is trusted for: refuse rather than widen.
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return nil, fmt.Errorf("reading the trust store: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("reading the trust store: data after the document")
	}
	if j.Schema != StoreSchema {
		return nil, fmt.Errorf("the trust store has the schema %q, not %q", j.Schema, StoreSchema)
	}
	s := &Store{Updated: j.Updated}
	if j.NextUpdate != nil {
		s.NextUpdate = *j.NextUpdate
	}
	for i, a := range j.Anchors {
		c, err := x509.ParseCertificate(a.Certificate)
		if err != nil {
			return nil, fmt.Errorf("anchors[%d]: %w", i, err)
		}
		anchor := Anchor{Name: a.Name, Certificate: c, Role: a.Role, Ceiling: a.Ceiling}
		if a.DistrustAfter != nil {
			anchor.DistrustAfter = *a.DistrustAfter
		}
		if err := s.Add(anchor); err != nil {
			return nil, fmt.Errorf("anchors[%d]: %w", i, err)
		}
	}
	if j.Roots != nil {
		for _, key := range j.Roots.Keys {
			s.Roots.Keys = append(s.Roots.Keys, key)
		}
		s.Roots.Threshold = j.Roots.Threshold
		if err := s.Roots.check(); err != nil {
			return nil, fmt.Errorf("roots: %w", err)
		}
	}
	if j.Bundle != nil {
		if j.Roots == nil || j.Bundle.Counter == 0 || len(j.Bundle.Digest) != len(s.Digest) {
			return nil, errors.New("bundle: no roots, no counter, or no digest")
		}
		s.Statement, s.Counter, s.Issued = j.Bundle.Statement, j.Bundle.Counter, j.Bundle.Issued
		s.Digest = [32]byte(j.Bundle.Digest)
	}
	return s, nil
}

// JSON returns the store as JSON: without what the bundle in use holds.
func (s *Store) JSON() ([]byte, error) {
	j := storeJSON{Schema: StoreSchema, Updated: s.Updated.UTC().Truncate(time.Second), Anchors: []anchorJSON{}}
	if !s.NextUpdate.IsZero() {
		j.NextUpdate = &s.NextUpdate
	}
	if len(s.Roots.Keys) > 0 {
		j.Roots = &rootsJSON{Threshold: s.Roots.Threshold}
		for _, key := range sorted(s.Roots.Keys) {
			j.Roots.Keys = append(j.Roots.Keys, key)
		}
	}
	if s.Counter > 0 {
		j.Bundle = &bundleJSON{Statement: s.Statement, Counter: s.Counter, Digest: s.Digest[:], Issued: s.Issued.UTC()}
	}
	for _, a := range s.Anchors {
		if a.Bundled {
			continue
		}
		aj := anchorJSON{Name: a.Name, Certificate: a.Certificate.Raw, Role: a.Role, Ceiling: a.Ceiling}
		if !a.DistrustAfter.IsZero() {
			aj.DistrustAfter = &a.DistrustAfter
		}
		j.Anchors = append(j.Anchors, aj)
	}
	return json.MarshalIndent(j, "", "  ")
}

// ParseCertificates reads one or more certificates, in PEM or one in DER.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	if len(data) > MaxStoreSize {
		return nil, fmt.Errorf("the file is over %d bytes", MaxStoreSize)
	}
	var certificates []*x509.Certificate
	rest := data
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if certificates = append(certificates, c); len(certificates) > MaxAnchors {
			return nil, fmt.Errorf("more than %d certificates", MaxAnchors)
		}
	}
	if len(certificates) > 0 {
		return certificates, nil
	}
	c, err := x509.ParseCertificate(data)
	if err != nil {
		return nil, errors.New("no certificate found (PEM or DER)")
	}
	return []*x509.Certificate{c}, nil
}
