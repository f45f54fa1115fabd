package trust

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newAuthority(t *testing.T, name string) *Authority {
	t.Helper()
	a, err := NewAuthority(name, Ed25519, now.AddDate(-1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newIdentity(t *testing.T, a *Authority, s Subject) *Identity {
	t.Helper()
	id, err := a.NewIdentity(s, Ed25519, now)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func storeOf(t *testing.T, anchors ...Anchor) *Store {
	t.Helper()
	s := &Store{Updated: now}
	for _, a := range anchors {
		if err := s.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

var physician = Subject{Name: "Dr A", ID: "42", Organization: "Cabinet", Place: "Tours", Role: RolePhysician}

func TestCheckNamesTheSigner(t *testing.T) {
	a := newAuthority(t, "Root")
	id := newIdentity(t, a, physician)
	who, err := storeOf(t, Anchor{Name: "anchor", Certificate: a.Certificate}).Check(id.Certificate, now)
	if err != nil {
		t.Fatal(err)
	}
	if who.Name != "Dr A" || who.Role != RolePhysician || who.ID != "42" || who.Place != "Tours" || who.Organization != "Cabinet" || who.Anchor != "anchor" || !who.Demonstration {
		t.Errorf("signer %+v", who)
	}
}

func TestCheckRefusals(t *testing.T) {
	a, other := newAuthority(t, "Root"), newAuthority(t, "Other")
	id := newIdentity(t, a, physician)
	anchor := Anchor{Name: "anchor", Certificate: a.Certificate}
	with := func(change func(*Anchor)) *Store {
		changed := anchor
		change(&changed)
		return storeOf(t, changed)
	}
	noRole := newIdentity(t, a, Subject{Name: "Nobody"}).Certificate
	expired, err := a.Issue(physician, id.Key.Public(), now.AddDate(-1, 0, 0), now.AddDate(0, -1, 0))
	if err != nil {
		t.Fatal(err)
	}
	expiredElsewhere, err := other.Issue(physician, id.Key.Public(), now.AddDate(-1, 0, 0), now.AddDate(0, -1, 0))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		store *Store
		leaf  *x509.Certificate
		at    time.Time
		want  error
	}{
		{"nil store", nil, id.Certificate, now, ErrNoAnchors},
		{"empty store", &Store{}, id.Certificate, now, ErrNoAnchors},
		{"unknown issuer", storeOf(t, Anchor{Certificate: other.Certificate}), id.Certificate, now, ErrUnknownIssuer},
		{"unknown issuer, expired too", storeOf(t, anchor), expiredElsewhere, now, ErrUnknownIssuer},
		{"expired at signing", storeOf(t, anchor), expired, now, ErrNotValidThen},
		{"before its time", storeOf(t, anchor), id.Certificate, now.AddDate(0, 0, -2), ErrNotValidThen},
		{"no role", storeOf(t, anchor), noRole, now, ErrRole},
		{"beyond the ceiling", with(func(a *Anchor) { a.Ceiling = []Role{RolePharmacist} }), id.Certificate, now, ErrCeiling},
		{"distrusted", with(func(a *Anchor) { a.DistrustAfter = now.Add(-time.Second) }), id.Certificate, now, ErrDistrusted},
		{"an authority's own", storeOf(t, anchor), a.Certificate, now, ErrNotForSigning},
		{"expired, but valid when it signed", storeOf(t, anchor), expired, now.AddDate(0, -2, 0), nil},
		{"distrusted later", with(func(a *Anchor) { a.DistrustAfter = now.Add(time.Second) }), id.Certificate, now, nil},
		{"role pinned", with(func(a *Anchor) { a.Role = RolePhysician }), noRole, now, nil},
		{"within the ceiling", with(func(a *Anchor) { a.Ceiling = []Role{RolePhysician} }), id.Certificate, now, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := test.store.Check(test.leaf, test.at); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// What a certificate itself says decides: a pinned role is for those that say nothing.
func TestPinnedRoleDoesNotOverrule(t *testing.T) {
	a := newAuthority(t, "Root")
	store := storeOf(t, Anchor{Certificate: a.Certificate, Role: RolePhysician})
	pharmacist := newIdentity(t, a, Subject{Name: "Ph", Role: RolePharmacist})
	if who, err := store.Check(pharmacist.Certificate, now); err != nil || who.Role != RolePharmacist {
		t.Errorf("%+v, %v", who, err)
	}
	malformed := newIdentity(t, a, Subject{Name: "M"}).Certificate
	malformed.Extensions = append(malformed.Extensions, pkix.Extension{Id: professionExtension, Value: []byte{0x30}})
	if _, err := store.Check(malformed, now); !errors.Is(err, ErrRole) {
		t.Errorf("a malformed profession passes under a pinned role: %v", err)
	}
}

// A web server's certificate of a trusted issuer signs no summary.
func TestCheckKeyPurposes(t *testing.T) {
	a := newAuthority(t, "Root")
	key, err := NewKey(P256)
	if err != nil {
		t.Fatal(err)
	}
	store := storeOf(t, Anchor{Certificate: a.Certificate, Role: RolePhysician})
	for _, test := range []struct {
		name   string
		change func(*x509.Certificate)
		good   bool
	}{
		{"none stated", func(*x509.Certificate) {}, true},
		{"mail", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }, true},
		{"authentication of a person", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, true},
		{"documents", func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{documentSigning} }, true},
		{"web server", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, false},
		{"time stamps", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping} }, false},
		{"OCSP", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }, false},
		{"key agreement only", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, false},
		{"content commitment", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageContentCommitment }, true},
	} {
		template := &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "x"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
		test.change(template)
		der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, key.Public(), a.Key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Check(c, now); (err == nil) != test.good {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// Only authorities are anchors: a leaf beside its authority would escape the authority's limits.
func TestAddRefuses(t *testing.T) {
	a := newAuthority(t, "Root")
	if err := new(Store).Add(Anchor{Certificate: newIdentity(t, a, physician).Certificate}); !errors.Is(err, ErrNotAuthority) {
		t.Errorf("a leaf as an anchor: %v", err)
	}
	if err := new(Store).Add(Anchor{Certificate: a.Certificate, Ceiling: []Role{}}); err == nil {
		t.Error("an empty ceiling was taken for none")
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no weak keys: ", err)
	}
	c := *a.Certificate
	c.PublicKey = weak.Public()
	if err := new(Store).Add(Anchor{Certificate: &c}); err == nil {
		t.Error("an authority with RSA of 1024 bits was accepted")
	}
}

func TestNow(t *testing.T) {
	s := &Store{Updated: now}
	if got := s.Now(now.Add(-time.Hour)); !got.Equal(now) {
		t.Errorf("a clock behind the store: %v", got)
	}
	if got := s.Now(now.Add(time.Hour)); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("a clock after the store: %v", got)
	}
}

// A certificate whose anchor is known by two names counts if either vouches for it.
func TestCheckTriesEveryChain(t *testing.T) {
	a := newAuthority(t, "Root")
	// The same name and key, certified again.
	template := *a.Certificate
	template.SerialNumber = big.NewInt(7)
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, a.Key.Public(), a.Key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	id := newIdentity(t, a, physician)
	narrow := Anchor{Name: "narrow", Certificate: a.Certificate, Ceiling: []Role{RoleNurse}}
	wide := Anchor{Name: "wide", Certificate: again}
	for _, s := range []*Store{storeOf(t, narrow, wide), storeOf(t, wide, narrow)} {
		who, err := s.Check(id.Certificate, now)
		if err != nil || who.Anchor != "wide" {
			t.Errorf("anchor %+v, %v", who, err)
		}
	}
}

func TestCertificateRole(t *testing.T) {
	printable := func(s string) []byte { return append([]byte{0x13, byte(len(s))}, s...) }
	wrap := func(tag byte, b ...byte) []byte { return append([]byte{tag, byte(len(b))}, b...) }
	tests := []struct {
		name   string
		values [][]byte
		want   Role
	}{
		{"printable", [][]byte{printable("10")}, RolePhysician},
		{"pharmacist", [][]byte{printable("21")}, RolePharmacist},
		{"dentist", [][]byte{printable("40")}, RoleDentist},
		{"midwife", [][]byte{printable("50")}, RoleMidwife},
		{"nurse", [][]byte{printable("60")}, RoleNurse},
		{"utf8", [][]byte{wrap(0x0C, '1', '0')}, RolePhysician},
		{"integer", [][]byte{{0x02, 0x01, 10}}, RolePhysician},
		{"sequence", [][]byte{wrap(0x30, printable("10")...)}, RolePhysician},
		{"octets of a set", [][]byte{wrap(0x04, wrap(0x31, printable("10")...)...)}, RolePhysician},
		{"none", nil, ""},
		{"two in one", [][]byte{wrap(0x30, append(printable("10"), printable("21")...)...)}, ""},
		{"twice", [][]byte{printable("10"), printable("10")}, ""},
		{"unknown", [][]byte{printable("99")}, ""},
		{"text", [][]byte{printable("physician")}, ""},
		{"empty", [][]byte{{}}, ""},
		{"noise", [][]byte{{0xFF, 0x00, 0x01}}, ""},
		{"an empty one beside it", [][]byte{wrap(0x30, append(printable(""), printable("10")...)...)}, ""},
		{"signed", [][]byte{printable("+10")}, ""},
		{"padded", [][]byte{printable("0010")}, ""},
		{"deep", [][]byte{wrap(0x30, wrap(0x30, wrap(0x30, wrap(0x30, wrap(0x30, printable("10")...)...)...)...)...)}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := &x509.Certificate{}
			for _, v := range test.values {
				c.Extensions = append(c.Extensions, pkix.Extension{Id: professionExtension, Value: v})
			}
			got, err := CertificateRole(c)
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
			if err != nil && !errors.Is(err, ErrRole) {
				t.Errorf("%v is no ErrRole", err)
			}
		})
	}
}

// Professional certificates may mark the profession extension critical.
func TestCheckAcceptsACriticalProfession(t *testing.T) {
	a := newAuthority(t, "Root")
	key, err := NewKey(P256)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(oid asn1.ObjectIdentifier) *x509.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			ExtraExtensions: []pkix.Extension{
				{Id: professionExtension, Value: []byte{0x13, 2, '1', '0'}, Critical: oid.Equal(professionExtension)},
			},
		}
		if !oid.Equal(professionExtension) {
			template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oid, Value: []byte{5, 0}, Critical: true})
		}
		der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, key.Public(), a.Key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	s := storeOf(t, Anchor{Certificate: a.Certificate})
	if _, err := s.Check(issue(professionExtension), now); err != nil {
		t.Errorf("critical profession: %v", err)
	}
	if _, err := s.Check(issue(asn1.ObjectIdentifier{1, 2, 3, 4}), now); err == nil {
		t.Error("an unknown critical extension passed")
	}
}

func TestStoreJSON(t *testing.T) {
	a := newAuthority(t, "Root")
	s := storeOf(t, Anchor{Name: "n", Certificate: a.Certificate, Role: RoleNurse, Ceiling: []Role{RoleNurse}, DistrustAfter: now})
	s.NextUpdate = now.AddDate(0, 1, 0)
	data, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseStore(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.JSON()
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("round trip differs (%v):\n%s\n%s", err, data, again)
	}
	for _, bad := range []string{
		``, `{}`, `{"schema":"secours.trust/2","updated":"2026-01-01T00:00:00Z","anchors":[]}`,
		`{"schema":"secours.trust/1","updated":"2026-01-01T00:00:00Z","anchors":[{"name":"x","certificate":"AAAA"}]}`,
		`{"schema":"secours.trust/1","updated":"2026-01-01T00:00:00Z","anchors":[],"onlyFor":"x"}`,
		`{"schema":"secours.trust/1","updated":"2026-01-01T00:00:00Z","anchors":[]}}`,
		`{"schema":"secours.trust/1","updated":"2026-01-01T00:00:00Z","anchors":[]} {}`,
	} {
		if _, err := ParseStore([]byte(bad)); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}

func TestAddReplacesTheSameCertificate(t *testing.T) {
	a := newAuthority(t, "Root")
	s := storeOf(t, Anchor{Name: "old", Certificate: a.Certificate}, Anchor{Name: "new", Certificate: a.Certificate})
	if len(s.Anchors) != 1 || s.Anchors[0].Name != "new" {
		t.Errorf("anchors %+v", s.Anchors)
	}
	if err := s.Add(Anchor{Certificate: a.Certificate, Ceiling: []Role{"wizard"}}); err == nil {
		t.Error("an unknown role in the ceiling was accepted")
	}
}

func TestParseCertificates(t *testing.T) {
	a, b := newAuthority(t, "A"), newAuthority(t, "B")
	var text bytes.Buffer
	text.WriteString("words before\n")
	for _, c := range []*Authority{a, b} {
		pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate.Raw})
	}
	if got, err := ParseCertificates(text.Bytes()); err != nil || len(got) != 2 || !got[1].Equal(b.Certificate) {
		t.Errorf("PEM: %d, %v", len(got), err)
	}
	if got, err := ParseCertificates(a.Certificate.Raw); err != nil || len(got) != 1 {
		t.Errorf("DER: %d, %v", len(got), err)
	}
	for _, bad := range [][]byte{nil, []byte("hello"), bytes.Repeat([]byte{0x30}, 100)} {
		if _, err := ParseCertificates(bad); err == nil {
			t.Errorf("accepted %x", bad)
		}
	}
}
