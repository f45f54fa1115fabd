package record

import (
	"bytes"
	"slices"
	"testing"

	"github.com/secours-card/secours/summary/trust"
)

// TestForgeries: an attacker who holds K3 can open and seal every box. What he cannot do is
// sign.
func TestForgeries(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	another := newFixture(t, trust.Ed25519)
	another.summary.Sections.Allergies.Items = another.summary.Sections.Allergies.Items[:1]
	otherLevels, err := another.summary.Compartments()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		forge func(*sealing)
		want  Verdict
		lost  []int // levels that must be reported as damaged
	}{
		{"untouched", func(*sealing) {}, Verdict{Valid, ReasonOK}, nil},
		{"level 1 replaced", func(s *sealing) { s.levels[1] = otherLevels[1] }, Verdict{Invalid, ReasonSignature}, nil},
		{"manifest changed", func(s *sealing) { s.signed.Manifest[len(s.signed.Manifest)-1] ^= 1 }, Verdict{Invalid, ReasonSignature}, nil},
		{"signature changed", func(s *sealing) { s.signed.Signature[9] ^= 1 }, Verdict{Invalid, ReasonSignature}, nil},
		{"signature empty", func(s *sealing) { s.signed.Signature = nil }, Verdict{Invalid, ReasonSignature}, nil},
		{"somebody else's certificate", func(s *sealing) { s.signed.Certificate = another.signer.Certificate.Raw }, Verdict{Invalid, ReasonSignature}, nil},
		{"no certificate", func(s *sealing) { s.signed.Certificate = nil }, Verdict{Invalid, ReasonCertificate}, nil},
		{"another algorithm", func(s *sealing) { s.signed.Algorithm = -7 }, Verdict{Invalid, ReasonCertificate}, nil},
		{"the other name of the algorithm", func(s *sealing) { s.signed.Algorithm = algorithmEd25519 }, Verdict{Invalid, ReasonSignature}, nil},
		{"level 2 dropped", func(s *sealing) { s.levels[2] = nil }, Verdict{Invalid, ReasonDamaged}, []int{2, 3}},
		{"level 2 replaced", func(s *sealing) { s.levels[2] = otherLevels[1] }, Verdict{Invalid, ReasonDamaged}, []int{2, 3}},
		{"digest of level 3 replaced", func(s *sealing) { s.d3 = make([]byte, 32) }, Verdict{Invalid, ReasonDamaged}, []int{2, 3}},
		{"level 3 dropped", func(s *sealing) { s.levels[3] = nil }, Verdict{Invalid, ReasonDamaged}, []int{3}},
		{"level 3 replaced", func(s *sealing) { s.levels[3] = s.levels[2] }, Verdict{Invalid, ReasonDamaged}, []int{3}},
		{"open level dropped", func(s *sealing) { s.levels[0] = nil }, Verdict{Invalid, ReasonDamaged}, []int{0}},
		{"open level replaced", func(s *sealing) { s.levels[0] = otherLevels[2] }, Verdict{Invalid, ReasonDamaged}, []int{0}},
		{"box 2 is noise", func(s *sealing) { s.box2 = make([]byte, 64) }, Verdict{Invalid, ReasonDamaged}, []int{2, 3}},
		{"box 3 is absent", func(s *sealing) { s.box3 = []byte{} }, Verdict{Invalid, ReasonDamaged}, []int{3}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := prepare(f.draft())
			if err != nil {
				t.Fatal(err)
			}
			test.forge(s)
			r, err := Read(f.mustRaw(t, s), testCard, f.reader())
			if test.want.Status != Valid {
				r, err = unverified(t, r, err), nil
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != test.want {
				t.Errorf("verdict %v, want %v", r.Verdict, test.want)
			}
			var lost []int
			for level, l := range r.Levels {
				if l.State == LevelDamaged {
					lost = append(lost, level)
				}
			}
			if !slices.Equal(lost, test.lost) {
				t.Errorf("damaged levels %v, want %v", lost, test.lost)
			}
			// What is damaged is not shown: the masked item is at level 3.
			if len(test.lost) > 0 && bytes.Contains([]byte(jsonOf(t, r.Summary)), []byte("interruption")) && lost[len(lost)-1] == 3 {
				t.Error("an unsigned level is shown")
			}
		})
	}
}

// The signature must not serve for another card, base or level.
func TestSignatureIsBound(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	one, err := prepare(f.draft())
	if err != nil {
		t.Fatal(err)
	}
	two, err := prepare(f.draft())
	if err != nil {
		t.Fatal(err)
	}
	two.signed = one.signed
	r, err := Read(f.mustRaw(t, two), testCard, f.reader())
	if u := unverified(t, r, err); u.Verdict.Reason != ReasonSignature {
		t.Errorf("the signature of one base passes for another's: %v", u.Verdict)
	}
}

// A changed record is that first, whoever is named beside it: nobody chooses, by a certificate, what is said of the
// change.
func TestSignatureWeighsMost(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	pharmacist, err := f.authority.Issue(trust.Subject{Name: "X", Role: trust.RolePharmacist}, f.signer.Key.Public(), testNow, testNow.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for name, certificate := range map[string][]byte{"a pharmacist": pharmacist.Raw, "unknown": newFixture(t, trust.Ed25519).signer.Certificate.Raw} {
		s, err := prepare(f.draft())
		if err != nil {
			t.Fatal(err)
		}
		s.signed.Certificate = certificate
		s.levels[3] = nil
		r, err := Read(f.mustRaw(t, s), testCard, f.reader())
		if u := unverified(t, r, err); u.Verdict != (Verdict{Invalid, ReasonSignature}) {
			t.Errorf("%s: verdict %v", name, u.Verdict)
		}
	}
}
