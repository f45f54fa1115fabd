package record

import (
	"crypto/ecdh"
	crand "crypto/rand"
	"errors"
	"testing"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// A small summary with something at each of the four levels.
const testSummary = `{
 "schema": "secours.summary/1", "language": "fr",
 "patient": {"ids": [{"system": "ins-nir", "value": "248120000000152"}], "family": "DURAND", "given": ["Jeanne"], "birthDate": "1948-12-03", "sex": "female"},
 "consent": {"date": "2026-01-10", "emergencyAccess": true},
 "sections": {
  "allergies": {"status": "items", "reviewed": "2026-11-02", "noneKnown": ["food"], "items": [
    {"agent": {"text": "amoxicilline", "codes": [{"system": "atc", "code": "J01CA04"}]}, "category": "medication", "criticality": "high", "verification": "confirmed"},
    {"agent": {"text": "iode"}, "category": "contrast", "verification": "refuted"}]},
  "medications": {"status": "none-known", "reviewed": "2026-11-02"},
  "history": {"status": "items", "items": [
    {"condition": {"text": "fibrillation atriale"}, "onset": "2019"},
    {"condition": {"text": "interruption de grossesse"}, "level": "masked", "onset": "1970-05"}]},
  "contacts": {"status": "items", "items": [{"name": "Marc", "phones": ["06 00 00 00 00"], "level": "open"}]}
 }}`

type fixture struct {
	summary    *summary.Summary
	authority  *trust.Authority
	signer     *trust.Identity
	store      *trust.Store
	practice   trust.PrivateKey
	physician  trust.PrivateKey // and pharmacist: the keys of roles
	pharmacist trust.PrivateKey
	suite      Suite
}

func newFixture(t testing.TB, kind trust.KeyType) *fixture {
	t.Helper()
	s, err := summary.Parse([]byte(testSummary))
	if err != nil {
		t.Fatal(err)
	}
	a, err := trust.NewAuthority("Root", trust.Ed25519, testNow.AddDate(-1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.NewIdentity(trust.Subject{Name: "Dr Paul LEROY", Place: "Tours", Role: trust.RolePhysician}, kind, testNow.AddDate(0, -1, 0))
	if err != nil {
		t.Fatal(err)
	}
	store := &trust.Store{Updated: testNow}
	if err := store.Add(trust.Anchor{Name: "Root", Certificate: a.Certificate}); err != nil {
		t.Fatal(err)
	}
	return &fixture{
		s, a, id, store,
		newKey(t, trust.KeyPractice, "", ecdh.X25519()),
		newKey(t, trust.KeyRole, trust.RolePhysician, ecdh.X25519()),
		newKey(t, trust.KeyRole, trust.RolePharmacist, ecdh.X25519()),
		SuiteChaCha,
	}
}

func newKey(t testing.TB, kind trust.KeyKind, role trust.Role, curve ecdh.Curve) trust.PrivateKey {
	t.Helper()
	key, err := curve.GenerateKey(crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return trust.PrivateKey{Kind: kind, Role: role, Authority: "Root", Epoch: 1, Opening: key}
}

func recipientOf(k trust.PrivateKey) Recipient {
	return Recipient{Kind: k.Kind, Clearance: k.Role.Clearance(), Key: k.Opening.PublicKey()}
}

func (f *fixture) draft() Draft {
	d := Draft{Card: testCard, Summary: f.summary, Signer: f.signer, Seq: 1, Time: testNow, Suite: f.suite}
	if f.suite != SuiteNone {
		d.Recipients = []Recipient{recipientOf(f.practice), recipientOf(f.physician), recipientOf(f.pharmacist)}
	}
	return d
}

// reader is one who can open everything.
func (f *fixture) reader() Reader { return f.as(f.practice) }

func (f *fixture) as(keys ...trust.PrivateKey) Reader {
	return Reader{Trust: f.store, Keys: keys, Now: testNow, Simulated: true}
}

// writeUnchecked makes what Write refuses to make: somebody else may have made it.
func writeUnchecked(d Draft) ([]byte, error) {
	s, err := prepare(d)
	if err != nil {
		return nil, err
	}
	return s.raw(d.Recipients)
}

func (s *sealing) raw(recipients []Recipient) ([]byte, error) {
	p, err := s.sealed(recipients)
	if err != nil {
		return nil, err
	}
	return p.encoded()
}

// mustRaw closes the boxes of a forged record.
func (f *fixture) mustRaw(t testing.TB, s *sealing) []byte {
	t.Helper()
	raw, err := s.raw(f.draft().Recipients)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (f *fixture) write(t testing.TB) []byte {
	t.Helper()
	raw, err := Write(f.draft())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func jsonOf(t testing.TB, s *summary.Summary) string {
	t.Helper()
	if s == nil {
		return ""
	}
	b, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// unverified returns the record inside an UnverifiedError.
func unverified(t testing.TB, r *Record, err error) *Record {
	t.Helper()
	var u *UnverifiedError
	if !errors.As(err, &u) {
		t.Fatalf("got %v, want an UnverifiedError", err)
	}
	if r != nil {
		t.Fatal("a record that is not verified was returned beside its error")
	}
	return u.Unverified
}
