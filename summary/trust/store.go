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
}

// Demonstration reports whether a certificate, an authority's or one that it issued, was made for demonstrations.
func Demonstration(c *x509.Certificate) bool {
	return slices.Contains(c.Subject.Organization, DemonstrationOrganization) || slices.Contains(c.Issuer.Organization, DemonstrationOrganization)
}

// Store is what a reader trusts.
type Store struct {
	Anchors []Anchor
	// Updated is when the store was last changed, the age that a screen shows.
	Updated time.Time
	// NextUpdate, if not zero, is when the store is out of date.
	NextUpdate time.Time
}

// Now is the reader's best knowledge of the time: its clock, unless the store was made later than the clock says.
func (s *Store) Now(clock time.Time) time.Time {
	if s.Updated.After(clock) {
		return s.Updated
	}
	return clock
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

// Add adds an anchor, or replaces the one with the same certificate. Only an authority's certificate can be one. A
// professional's own, added beside its authority's, would escape the limits of the latter.
func (s *Store) Add(a Anchor) error {
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
	s.Anchors = slices.DeleteFunc(s.Anchors, func(b Anchor) bool { return b.Certificate.Equal(a.Certificate) })
	if len(s.Anchors) >= MaxAnchors {
		return fmt.Errorf("a store holds at most %d authorities", MaxAnchors)
	}
	s.Anchors = append(s.Anchors, a)
	return nil
}

// Check checks a signer's certificate as of the time of signing and returns who it names. The errors are those of this
// package. The Signer is returned beside them too, as the certificate names itself, so that a screen can name an
// unverified author as such.
func (s *Store) Check(leaf *x509.Certificate, signed time.Time) (*Signer, error) {
	who := describe(leaf)
	if !forSigning(leaf) {
		return who, ErrNotForSigning
	}
	if s == nil || len(s.Anchors) == 0 {
		return who, ErrNoAnchors
	}
	chains, err := s.chains(leaf, signed)
	if err != nil {
		return who, err
	}
	// A certificate may chain to several anchors (cross-certification); the first that vouches for it counts.
	for _, chain := range chains {
		anchor := s.anchor(chain[len(chain)-1])
		if anchor == nil {
			continue
		}
		var role Role
		if role, err = anchor.role(leaf); err != nil {
			continue
		}
		who.Role = role
		if !anchor.DistrustAfter.IsZero() && !signed.Before(anchor.DistrustAfter) {
			err = ErrDistrusted
			continue
		}
		who.Anchor = anchor.Name
		return who, nil
	}
	if err == nil {
		err = ErrUnknownIssuer
	}
	return who, err
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

// chains returns the chains from the leaf to an anchor that were valid at the time of signing.
func (s *Store) chains(leaf *x509.Certificate, signed time.Time) ([][]*x509.Certificate, error) {
	// crypto/x509 refuses critical extensions that it does not know; this one we do know.
	checked := *leaf
	checked.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), professionExtension.Equal)
	roots := x509.NewCertPool()
	for _, a := range s.Anchors {
		roots.AddCert(a.Certificate)
	}
	options := x509.VerifyOptions{Roots: roots, CurrentTime: signed, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	chains, err := checked.Verify(options)
	if err == nil {
		return chains, nil
	}
	// crypto/x509 looks at the dates before the issuer. A certificate from nobody we know is unverifiable, whatever its
	// dates; one from a known issuer used outside its dates is invalid: ask again at a time when the leaf was valid.
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		times := []time.Time{leaf.NotBefore, leaf.NotAfter}
		for _, a := range s.Anchors {
			times = append(times, a.Certificate.NotBefore, a.Certificate.NotAfter)
		}
		for _, at := range times {
			if at.Before(leaf.NotBefore) || at.After(leaf.NotAfter) {
				continue
			}
			options.CurrentTime = at
			if _, again := checked.Verify(options); again == nil {
				return nil, ErrNotValidThen
			}
		}
	}
	return nil, ErrUnknownIssuer
}

func (s *Store) anchor(c *x509.Certificate) *Anchor {
	for i := range s.Anchors {
		if s.Anchors[i].Certificate.Equal(c) {
			return &s.Anchors[i]
		}
	}
	return nil
}

func (a *Anchor) role(leaf *x509.Certificate) (Role, error) {
	role, err := CertificateRole(leaf)
	if errors.Is(err, ErrNoProfession) && a.Role != "" {
		role, err = a.Role, nil
	}
	if err != nil {
		return "", err
	}
	if len(a.Ceiling) > 0 && !slices.Contains(a.Ceiling, role) {
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
	return s, nil
}

// JSON returns the store as JSON.
func (s *Store) JSON() ([]byte, error) {
	j := storeJSON{Schema: StoreSchema, Updated: s.Updated.UTC().Truncate(time.Second), Anchors: []anchorJSON{}}
	if !s.NextUpdate.IsZero() {
		j.NextUpdate = &s.NextUpdate
	}
	for _, a := range s.Anchors {
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
