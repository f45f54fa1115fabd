package trust

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

// Authority is a small certificate authority for demonstrations and tests. A real programme has its own.
type Authority struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// Subject is whom a certificate is issued to.
type Subject struct {
	Name         string // "Dr Paul LEROY"
	ID           string // professional identifier, may be empty
	Organization string
	Place        string
	Role         Role // empty: the certificate names no profession
}

// NewAuthority makes an authority of that name, valid for ten years from now, and marked as made for demonstrations.
func NewAuthority(name string, t KeyType, now time.Time) (*Authority, error) {
	key, err := NewKey(t)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name, Organization: []string{DemonstrationOrganization}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: certificate, Key: key}, nil
}

// Issue issues a certificate for a public key, valid between the two times.
func (a *Authority) Issue(s Subject, public crypto.PublicKey, from, to time.Time) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	subject := pkix.Name{CommonName: s.Name, SerialNumber: s.ID}
	if s.Organization != "" {
		subject.Organization = []string{s.Organization}
	}
	if s.Place != "" {
		subject.Locality = []string{s.Place}
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    from,
		NotAfter:     to,
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if s.Role != "" {
		extension, err := professionOf(s.Role)
		if err != nil {
			return nil, err
		}
		template.ExtraExtensions = []pkix.Extension{extension}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, public, a.Key)
	if err != nil {
		return nil, fmt.Errorf("issuing the certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// NewIdentity makes a key of that kind and issues its certificate for three years, the life of a professional card.
func (a *Authority) NewIdentity(s Subject, t KeyType, now time.Time) (*Identity, error) {
	key, err := NewKey(t)
	if err != nil {
		return nil, err
	}
	certificate, err := a.Issue(s, key.Public(), now.Add(-time.Hour), now.AddDate(3, 0, 0))
	if err != nil {
		return nil, err
	}
	return &Identity{Certificate: certificate, Key: key, Chain: []*x509.Certificate{a.Certificate}}, nil
}

func professionOf(r Role) (pkix.Extension, error) {
	for code, role := range professionCodes {
		if role == r {
			value, err := asn1.MarshalWithParams(code, "printable")
			return pkix.Extension{Id: professionExtension, Value: value}, err
		}
	}
	return pkix.Extension{}, fmt.Errorf("the role %q has no profession code", r)
}

// newSerial draws eight random bytes: enough against guessing, and short, since the certificate travels on the card.
func newSerial() (*big.Int, error) {
	limit := new(big.Int).Lsh(big.NewInt(1), 63)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil {
		return nil, err
	}
	return n.Add(n, big.NewInt(1)), nil
}
