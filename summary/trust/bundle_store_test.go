package trust

import (
	"bytes"
	"crypto/ecdh"
	"crypto/x509"
	"errors"
	"testing"
	"time"
)

func TestUpdateRefuses(t *testing.T) {
	p, other := newProgramme(1), newProgramme(3)
	made := func(p *programme, change func(*BundleDraft)) []byte {
		d := p.draft(t)
		d.Counter = 5
		change(d)
		return p.sign(t, d)
	}
	first := made(p, func(*BundleDraft) {})
	for _, test := range []struct {
		name string
		data []byte
		want error
	}{
		{"the same again", first, nil},
		{"the next", made(p, func(d *BundleDraft) { d.Counter = 6 }), nil},
		{"a lower counter", made(p, func(d *BundleDraft) { d.Counter = 4; d.Issued = now.Add(time.Hour) }), ErrOlderBundle},
		{"the same counter, other bytes", made(p, func(d *BundleDraft) { d.Name = "Q" }), ErrTwoBundles},
		{"another authority", made(other, func(d *BundleDraft) { d.Counter = 6 }), ErrForeignBundle},
		{"a day ahead", made(p, func(d *BundleDraft) { d.Counter = 6; d.Issued = now.Add(maxAhead) }), nil},
		{"from the future", made(p, func(d *BundleDraft) { d.Counter = 6; d.Issued = now.Add(maxAhead + time.Second) }), ErrFutureBundle},
	} {
		s := p.pinned()
		if err := accept(s, first); err != nil {
			t.Fatal(err)
		}
		before, _ := s.JSON()
		err := accept(s, test.data)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if after, _ := s.JSON(); err != nil && !bytes.Equal(before, after) {
			t.Errorf("%s: refused, and the store is another", test.name)
		}
	}
	if err := accept(&Store{}, first); !errors.Is(err, ErrNoRoot) {
		t.Errorf("without a pin: %v", err)
	}
	// A clock that was reset does not make a bundle one of the future.
	s := p.pinned()
	s.Updated = now
	if err := s.Update(open(t, first), now.AddDate(-10, 0, 0)); err != nil {
		t.Errorf("a clock behind: %v", err)
	}
}

func TestSealingAndStolenKeys(t *testing.T) {
	p, d := newProgramme(1), (*BundleDraft)(nil)
	d = p.draft(t)
	d.RoleKeys = []RoleKey{
		roleKey(t, RoleEmergency, 1, ecdh.X25519()), roleKey(t, RoleEmergency, 2, ecdh.X25519()),
		roleKey(t, RoleNurse, 3, ecdh.P256()), roleKey(t, RoleNurse, 3, ecdh.X25519()),
	}
	d.RoleKeys[0].Stolen, d.RoleKeys[2].Stolen = now, now
	s := p.pinned()
	if err := accept(s, p.sign(t, d)); err != nil {
		t.Fatal(err)
	}
	keys := s.SealingKeys()
	if len(keys) != 3 || keys[0].Epoch != 2 || !keys[0].Stolen.IsZero() || keys[1].Stolen.IsZero() {
		t.Errorf("keys to seal to: %+v", keys)
	}
	stolen := s.StolenKeys(KeyID(d.RoleKeys[0].Public))
	if len(stolen) != 1 || !stolen[0].Public.Equal(d.RoleKeys[0].Public) {
		t.Errorf("stolen keys: %+v", stolen)
	}
	if len(s.StolenKeys(KeyID(d.RoleKeys[1].Public))) != 0 {
		t.Error("an honest key is reported stolen")
	}
}

func TestStoreJSONKeepsThePin(t *testing.T) {
	p := newProgramme(1)
	p.roots = append(p.roots, seedKey(8), seedKey(9))
	d := p.draft(t)
	d.Counter = 7
	d.Anchors = []Anchor{{Name: "A", Certificate: newRoot(t, "Root").Certificate}}
	data := p.sign(t, d)
	s := p.pinned()
	if err := s.Add(Anchor{Name: "own", Certificate: newRoot(t, "Own").Certificate}); err != nil {
		t.Fatal(err)
	}
	if err := accept(s, data); err != nil {
		t.Fatal(err)
	}
	if len(s.Anchors) != 2 || s.Anchors[0].Bundled || !s.Anchors[1].Bundled {
		t.Fatalf("anchors %+v", s.Anchors)
	}
	text, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseStore(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Anchors) != 1 || back.Anchors[0].Name != "own" {
		t.Errorf("anchors of the bundle in the JSON: %+v", back.Anchors)
	}
	if again, err := back.JSON(); err != nil || !bytes.Equal(text, again) {
		t.Errorf("round trip differs (%v):\n%s\n%s", err, text, again)
	}
	// Without its bundle the store knows no revocations, and vouches for nobody.
	leaf := newIdentity(t, newAuthority(t, "B"), physician).Certificate
	if _, err := back.Check(leaf, now); !errors.Is(err, ErrTrustDamaged) {
		t.Errorf("a store without its bundle: %v", err)
	}
	if err := back.Attach(open(t, data)); err != nil {
		t.Fatal(err)
	}
	if _, err := back.Check(leaf, now); !errors.Is(err, ErrUnknownIssuer) {
		t.Errorf("with its bundle: %v", err)
	}
	// The process that took a later bundle ended before it wrote the JSON.
	d.Counter = 8
	later := p.sign(t, d)
	d.Counter = 6
	older := p.sign(t, d)
	if err := back.Attach(open(t, later)); err != nil {
		t.Errorf("a later bundle: %v", err)
	}
	if err := back.Attach(open(t, older)); !errors.Is(err, ErrOlderBundle) {
		t.Errorf("an older bundle: %v", err)
	}
	if len(back.Anchors) != 2 {
		t.Errorf("%d anchors after attaching again", len(back.Anchors))
	}
	// The age of the store is the bundle's, and its time counts.
	back.Updated = now.AddDate(-1, 0, 0)
	if !back.AsOf().Equal(now) || !back.Now(now.AddDate(-2, 0, 0)).Equal(now) {
		t.Errorf("as of %v, now %v", back.AsOf(), back.Now(now.AddDate(-2, 0, 0)))
	}
	for _, bad := range []string{
		`"roots":{"keys":[],"threshold":1}`, `"roots":{"keys":["AAAA"],"threshold":1}`,
		`"bundle":{"statement":1,"counter":1,"digest":"AAAA","issued":"2026-01-01T00:00:00Z"}`,
	} {
		if _, err := ParseStore([]byte(`{"schema":"secours.trust/1","updated":"2026-01-01T00:00:00Z","anchors":[],` + bad + `}`)); err == nil {
			t.Errorf("accepted %s", bad)
		}
	}
}

// The user's own anchor and the bundle's with the same certificate restrict one another.
func TestBundleAndOwnAnchor(t *testing.T) {
	root := newAuthority(t, "Root")
	leaf := newIdentity(t, root, physician).Certificate
	nameless := newIdentity(t, root, Subject{Name: "Nobody"}).Certificate
	check := func(own, bundled func(*Anchor), leaf *x509.Certificate) error {
		p := newProgramme(1)
		s, d := p.pinned(), p.draft(t)
		a, b := Anchor{Name: "own", Certificate: root.Certificate}, Anchor{Name: "bundle", Certificate: root.Certificate}
		own(&a)
		bundled(&b)
		if err := s.Add(a); err != nil {
			t.Fatal(err)
		}
		d.Anchors = []Anchor{b}
		if err := accept(s, p.sign(t, d)); err != nil {
			t.Fatal(err)
		}
		_, err := s.Check(leaf, now)
		return err
	}
	free := func(*Anchor) {}
	ceiling := func(r ...Role) func(*Anchor) { return func(a *Anchor) { a.Ceiling = r } }
	distrust := func(at time.Time) func(*Anchor) { return func(a *Anchor) { a.DistrustAfter = at } }
	pin := func(r Role) func(*Anchor) { return func(a *Anchor) { a.Role = r } }
	for _, test := range []struct {
		name         string
		own, bundled func(*Anchor)
		leaf         *x509.Certificate
		want         error
	}{
		{"both free", free, free, leaf, nil},
		{"own ceiling", ceiling(RoleNurse), free, leaf, ErrCeiling},
		{"the bundle's ceiling", free, ceiling(RoleNurse), leaf, ErrCeiling},
		{"ceilings that meet", ceiling(RoleNurse, RolePhysician), ceiling(RolePhysician), leaf, nil},
		{"ceilings that do not meet", ceiling(RoleNurse), ceiling(RolePhysician), leaf, ErrCeiling},
		{"own distrust", distrust(now), distrust(now.Add(time.Hour)), leaf, ErrDistrusted},
		{"the bundle's distrust", distrust(now.Add(time.Hour)), distrust(now), leaf, ErrDistrusted},
		{"the bundle's distrust alone", free, distrust(now), leaf, ErrDistrusted},
		{"own pinned role", pin(RolePhysician), free, nameless, nil},
		{"the bundle's pinned role", free, pin(RolePhysician), nameless, nil},
		{"two pinned roles", pin(RolePhysician), pin(RoleNurse), nameless, ErrRole},
	} {
		if err := check(test.own, test.bundled, test.leaf); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestIntermediatesOfTheBundle(t *testing.T) {
	p, root := newProgramme(1), newRoot(t, "Root")
	sub := intermediate(t, root, "Sub", now.AddDate(-1, 0, 0), now.AddDate(0, 6, 0))
	low := intermediate(t, sub, "Low", now.AddDate(-1, 0, 0), now.AddDate(0, 6, 0))
	leaf := newIdentity(t, low, physician).Certificate
	d := p.draft(t)
	d.Anchors = []Anchor{{Name: "A", Certificate: root.Certificate}}
	for i := range 50 {
		other := intermediate(t, root, "Other", now, now.Add(time.Duration(i+1)*time.Hour))
		d.Intermediates = append(d.Intermediates, other.Certificate.Raw)
	}
	without := p.pinned()
	if err := accept(without, p.sign(t, d)); err != nil {
		t.Fatal(err)
	}
	if _, err := without.Check(leaf, now); !errors.Is(err, ErrUnknownIssuer) {
		t.Errorf("without intermediates: %v", err)
	}
	d.Intermediates = append(d.Intermediates, low.Certificate.Raw, sub.Certificate.Raw)
	s := p.pinned()
	if err := accept(s, p.sign(t, d)); err != nil {
		t.Fatal(err)
	}
	if who, err := s.Check(leaf, now); err != nil || who.Anchor != "A" {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := s.Check(leaf, now.AddDate(0, 7, 0)); !errors.Is(err, ErrNotValidThen) {
		t.Errorf("after the intermediates: %v", err)
	}
	// An intermediate is believed only under an anchor.
	d.Anchors = []Anchor{{Name: "B", Certificate: newRoot(t, "Elsewhere").Certificate}}
	s = p.pinned()
	if err := accept(s, p.sign(t, d)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(leaf, now); !errors.Is(err, ErrUnknownIssuer) {
		t.Errorf("under no anchor: %v", err)
	}
}
