package record

import (
	"testing"

	"github.com/secours-card/secours/summary/trust"
)

// A compartment that is signed and cannot be read does not take the others with it.
func TestUnreadableCompartment(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	for level := range 4 {
		s, err := prepare(f.draft())
		if err != nil {
			t.Fatal(err)
		}
		s.levels[level] = []byte{0xA1, 0x04}
		own := s.base
		m, err := parseManifest(s.signed.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		s.d3 = s.digest(own, 3, s.levels[3])
		m.D2, m.D0 = s.digest(own, 2, s.d3, s.levels[2]), s.digest(own, 0, s.levels[0])
		s.signed.Manifest = encode(*m)
		if err := s.signed.sign(f.signer.Key, s.externalAAD(contextBase, own, s.digest(own, 1, s.levels[1]))); err != nil {
			t.Fatal(err)
		}
		r, err := Read(f.mustRaw(t, s), testCard, f.reader())
		u := unverified(t, r, err)
		if u.Verdict != (Verdict{Invalid, ReasonContent}) {
			t.Errorf("level %d: verdict %v", level, u.Verdict)
		}
		if level == 1 {
			if u.Summary != nil {
				t.Error("a summary without its identity is shown as whole")
			}
			continue
		}
		if u.Summary == nil || len(u.Summary.Sections.Allergies.Items) != 2 {
			t.Fatalf("level %d: the allergies are gone with it", level)
		}
		for other, l := range u.Levels {
			if (l.State == LevelDamaged) != (other == level) {
				t.Errorf("level %d unreadable: level %d is %+v", level, other, l)
			}
		}
	}
}
