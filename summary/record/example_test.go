package record_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// A physician writes a record for a card, sealed for the practice; two readers of the practice open it, of whom only the first trusts the physician's authority.
func ExampleRead() {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	authority, err := trust.NewAuthority("Demo", trust.Ed25519, now)
	if err != nil {
		panic(err)
	}
	doctor, err := authority.NewIdentity(trust.Subject{Name: "Dr Paul LEROY", Role: trust.RolePhysician}, trust.Ed25519, now)
	if err != nil {
		panic(err)
	}
	patient, err := summary.Parse([]byte(`{
		"schema": "secours.summary/1",
		"patient": {"family": "DURAND", "given": ["Jeanne"], "birthDate": "1948-12-03", "sex": "female"},
		"sections": {"allergies": {"status": "none-known", "reviewed": "2026-11-21"}}}`))
	if err != nil {
		panic(err)
	}
	practice, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	card := [16]byte{1, 2, 3} // what the card says its id is
	raw, err := record.Write(record.Draft{
		Card: card, Summary: patient, Signer: doctor, Seq: 1, Time: now, Suite: record.SuiteChaCha,
		Recipients: []record.Recipient{{Kind: trust.KeyPractice, Key: practice.PublicKey()}},
	})
	if err != nil {
		panic(err)
	}
	keys := []trust.PrivateKey{{Kind: trust.KeyPractice, Opening: practice}}

	trusting := &trust.Store{Updated: now}
	if err := trusting.Add(trust.Anchor{Name: "Demo", Certificate: authority.Certificate}); err != nil {
		panic(err)
	}
	for _, anchors := range []*trust.Store{trusting, {}} {
		r, err := record.Read(raw, card, record.Reader{Trust: anchors, Keys: keys, Now: now})
		var unverified *record.UnverifiedError
		switch {
		case err == nil:
			fmt.Println(r.Verdict, "signed by", r.Signer.Name)
		case errors.As(err, &unverified):
			u := unverified.Unverified
			fmt.Println(u.Verdict, "claims to be by", u.Signer.Name)
		default:
			panic(err) // nothing could be decoded
		}
	}
	// Output:
	// valid (ok) signed by Dr Paul LEROY
	// unverifiable (no-trust-data) claims to be by Dr Paul LEROY
}
