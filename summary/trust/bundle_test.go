package trust

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// programme is an authority of bundles, with keys from fixed seeds.
type programme struct {
	roots  []ed25519.PrivateKey
	bundle ed25519.PrivateKey
}

func seedKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func publics(keys ...ed25519.PrivateKey) []ed25519.PublicKey {
	var list []ed25519.PublicKey
	for _, k := range keys {
		list = append(list, k.Public().(ed25519.PublicKey))
	}
	return list
}

func newProgramme(seed byte) *programme {
	return &programme{[]ed25519.PrivateKey{seedKey(seed)}, seedKey(seed + 1)}
}

func (p *programme) statement(t testing.TB, number uint64, signers ...ed25519.PrivateKey) *RootStatement {
	t.Helper()
	s := &RootStatement{Number: number, Issued: now, Roots: RootSet{publics(p.roots...), max(1, len(p.roots)-1)}, BundleKeys: publics(p.bundle)}
	if signers == nil {
		signers = p.roots
	}
	if err := s.Sign(signers...); err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *programme) draft(t testing.TB) *BundleDraft {
	return &BundleDraft{
		Name: "Programme", Counter: 1, Issued: now, NextUpdate: now.AddDate(0, 3, 0),
		Statements: []*RootStatement{p.statement(t, 1)},
	}
}

func (p *programme) pinned() *Store {
	return &Store{Roots: RootSet{sorted(publics(p.roots...)), max(1, len(p.roots)-1)}}
}

func (p *programme) sign(t testing.TB, d *BundleDraft) []byte {
	t.Helper()
	data, err := d.Sign(p.bundle)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func open(t testing.TB, data []byte) *Bundle {
	t.Helper()
	b, err := OpenBundle(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// accept opens and updates.
func accept(s *Store, data []byte) error {
	b, err := OpenBundle(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	return s.Update(b, now)
}

// signPayload makes a file around a payload that BundleDraft would not write.
func (p *programme) signPayload(payload, shards []byte) []byte {
	header := newSign1(payload, p.bundle)
	file := append(slices.Clone(bundleMagic), bundleVersion, 0, 0, 0)
	return append(append(binary.BigEndian.AppendUint32(file, uint32(len(header))), header...), shards...)
}

func (p *programme) members(t testing.TB) map[uint64]cbor.RawMessage {
	t.Helper()
	data := p.sign(t, p.draft(t))
	m, err := parseSign1(data[preambleSize:])
	if err != nil {
		t.Fatal(err)
	}
	var members map[uint64]cbor.RawMessage
	if err := decode(m.Payload, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func roleKey(t testing.TB, role Role, epoch uint32, curve ecdh.Curve) RoleKey {
	t.Helper()
	key, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return RoleKey{Authority: "Programme", Role: role, Epoch: epoch, Clearance: role.Clearance(), Public: key.PublicKey()}
}

// intermediate issues an authority's certificate under another authority.
func intermediate(t testing.TB, above *Authority, name string, from, to time.Time) *Authority {
	t.Helper()
	key, err := NewKey(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := newSerial()
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above.Certificate, key.Public(), above.Key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Authority{Certificate: c, Key: key}
}

// longCertificate is an authority's, and would do but for its length.
func longCertificate(t testing.TB) []byte {
	t.Helper()
	key, err := NewKey(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Long"}, NotBefore: now, NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: make([]byte, maxCertificate)}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// newRoot is NewAuthority without its path length of zero.
func newRoot(t testing.TB, name string) *Authority {
	t.Helper()
	key, err := NewKey(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Authority{Certificate: c, Key: key}
}

func TestBundleRoundTrip(t *testing.T) {
	p, root := newProgramme(1), newRoot(t, "Root")
	sub := intermediate(t, root, "Sub", now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	d := p.draft(t)
	d.Anchors = []Anchor{{Name: "Ordre", Certificate: root.Certificate, Role: RoleNurse, Ceiling: []Role{RoleNurse, RolePhysician}, DistrustAfter: now}}
	d.Intermediates = [][]byte{sub.Certificate.Raw}
	stolen := roleKey(t, RoleEmergency, 1, ecdh.X25519())
	stolen.Stolen = now
	d.RoleKeys = []RoleKey{stolen, roleKey(t, RoleEmergency, 2, ecdh.X25519()), roleKey(t, RoleEmergency, 2, ecdh.P256()), roleKey(t, RoleFirstResponder, 7, ecdh.P256())}
	d.RoleKeys[3].Clearance = 1
	d.RetiredSuites = []int{2, 1}
	d.Revocations = []Revocation{{[8]byte{9}, Ceased, 20000}, {[8]byte{1}, Compromised, 3}, {[8]byte{9}, Ceased, 20000}}
	b := open(t, p.sign(t, d))
	s := p.pinned()
	if err := s.Update(b, now); err != nil {
		t.Fatal(err)
	}
	switch a := b.Anchors[0]; {
	case b.Name != "Programme" || b.Counter != 1 || !b.Issued.Equal(now) || !b.NextUpdate.Equal(now.AddDate(0, 3, 0)):
		t.Errorf("bundle %+v", b)
	case len(s.Anchors) != 1 || a.Name != "Ordre" || !a.Certificate.Equal(root.Certificate) || a.Role != RoleNurse || len(a.Ceiling) != 2 || !a.DistrustAfter.Equal(now):
		t.Errorf("anchor %+v", a)
	case len(s.Intermediates) != 1 || !bytes.Equal(s.Intermediates[0], sub.Certificate.Raw):
		t.Errorf("%d intermediates", len(s.Intermediates))
	case !slices.Equal(s.RetiredSuites, []int{1, 2}):
		t.Errorf("retired %v", s.RetiredSuites)
	case len(s.RoleKeys) != 4:
		t.Fatalf("%d role keys", len(s.RoleKeys))
	}
	for i, k := range s.RoleKeys {
		want := d.RoleKeys[i]
		if k.Authority != want.Authority || k.Role != want.Role || k.Epoch != want.Epoch || k.Clearance != want.Clearance || !k.Public.Equal(want.Public) || !k.Stolen.Equal(want.Stolen) {
			t.Errorf("role key %+v, want %+v", k, want)
		}
	}
	var got []Revocation
	if err := b.Revocations(func(r Revocation) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []Revocation{{[8]byte{1}, Compromised, 3}, {[8]byte{9}, Ceased, 20000}}) {
		t.Errorf("revocations %v", got)
	}
	if !s.Issued.Equal(now) || !s.NextUpdate.Equal(b.NextUpdate) || s.Counter != 1 || s.Statement != 1 {
		t.Errorf("store %+v", s)
	}
}

// Whatever is changed in a bundle, or lost, or added, it is refused.
func TestBundleEveryByteCounts(t *testing.T) {
	p := newProgramme(1)
	d := p.draft(t)
	d.Anchors = []Anchor{{Name: "A", Certificate: newRoot(t, "Root").Certificate}}
	d.RoleKeys = []RoleKey{roleKey(t, RoleNurse, 1, ecdh.P256())}
	d.Revocations = []Revocation{{[8]byte{1}, Ceased, 1}, {[8]byte{2}, Compromised, 2}}
	data := p.sign(t, d)
	if err := accept(p.pinned(), data); err != nil {
		t.Fatal(err)
	}
	for i := range data {
		for _, flip := range []byte{0x01, 0x80, 0xFF} {
			changed := slices.Clone(data)
			changed[i] ^= flip
			if err := accept(p.pinned(), changed); err == nil {
				t.Fatalf("byte %d ^ %02x passes", i, flip)
			}
		}
		if err := accept(p.pinned(), data[:i]); err == nil {
			t.Fatalf("the first %d bytes pass", i)
		}
	}
	if err := accept(p.pinned(), append(slices.Clone(data), 0)); err == nil {
		t.Error("a byte too many passes")
	}
}

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

func TestRoots(t *testing.T) {
	one, two, stranger := newProgramme(1), newProgramme(20), seedKey(99)
	two.roots = []ed25519.PrivateKey{seedKey(10), seedKey(11), seedKey(12)} // two of three
	rotation := func(signers ...ed25519.PrivateKey) *BundleDraft {
		d := one.draft(t)
		d.Statements = append(d.Statements, two.statement(t, 2, signers...))
		return d
	}
	for _, test := range []struct {
		name  string
		draft *BundleDraft
		by    *programme
		pin   *programme
		want  error
	}{
		{"a rotation, one step behind", rotation(one.roots[0], two.roots[0], two.roots[2]), two, one, nil},
		{"a rotation, up to date", rotation(one.roots[0], two.roots[0], two.roots[2]), two, two, nil},
		{"three of two", rotation(one.roots[0], two.roots[0], two.roots[1], two.roots[2]), two, one, nil},
		{"not signed by the old roots", rotation(two.roots...), two, one, ErrBundle},
		{"one signature of two", rotation(one.roots[0], two.roots[0]), two, one, ErrBundle},
		{"a stranger's beside it", rotation(one.roots[0], two.roots[0], stranger), two, one, ErrBundle},
		{"the same key twice", rotation(one.roots[0], two.roots[0], two.roots[0]), two, one, ErrBundle},
		{"signed by the old bundle key", rotation(one.roots[0], two.roots[0], two.roots[1]), one, two, ErrBundle},
		{"not signed by anybody who may", one.draft(t), two, one, ErrBundle},
		{"another root", one.draft(t), one, two, ErrForeignBundle},
	} {
		d := test.draft
		table, _, err := encodeShards(nil)
		if err != nil {
			t.Fatal(err)
		}
		var statements [][]byte
		for _, s := range d.Statements {
			statements = append(statements, s.Bytes())
		}
		members := one.members(t)
		members[memberStatements], members[memberTable] = encode(statements), encode(table)
		if err := accept(test.pin.pinned(), test.by.signPayload(encode(members), nil)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}

	// The pin moves with the rotation: the old keys count no more, whatever the counter.
	s := one.pinned()
	if err := accept(s, two.sign(t, rotation(one.roots[0], two.roots[0], two.roots[2]))); err != nil {
		t.Fatal(err)
	}
	if s.Roots.Fingerprint() != two.pinned().Roots.Fingerprint() || s.Statement != 2 {
		t.Errorf("pin %+v", s.Roots)
	}
	d := one.draft(t)
	d.Counter = 100
	if err := accept(s, one.sign(t, d)); !errors.Is(err, ErrForeignBundle) {
		t.Errorf("the old roots alone: %v", err)
	}
}

// Whoever names the root under a statement has not signed as the root.
func TestForgedRootSignature(t *testing.T) {
	p, thief := newProgramme(1), &programme{newProgramme(1).roots, seedKey(66)}
	for name, forge := range map[string]func(*RootStatement){
		"another key's signature": func(s *RootStatement) {
			one := &s.message.Signatures[0]
			one.Signature = ed25519.Sign(seedKey(66), s.message.toSign(one.Protected))
		},
		"that of another statement": func(s *RootStatement) { s.message.Signatures = p.statement(t, 1).message.Signatures },
		"no signature":              func(s *RootStatement) { s.message.Signatures[0].Signature = []byte{} },
		"without the context": func(s *RootStatement) {
			one := &s.message.Signatures[0]
			one.Signature = ed25519.Sign(p.roots[0], encode([]any{"Signature", []byte{}, one.Protected, []byte{}, s.message.Payload}))
		},
	} {
		s := thief.statement(t, 1)
		forge(s)
		members := p.members(t)
		members[memberStatements] = encode([][]byte{s.Bytes()})
		if err := accept(p.pinned(), thief.signPayload(encode(members), nil)); !errors.Is(err, ErrBundle) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A bundle key that was replaced signs no more bundles, even if the roots stay.
func TestOldStatementDoesNotComeBack(t *testing.T) {
	p := newProgramme(1)
	old := p.draft(t)
	renewed := &programme{p.roots, seedKey(77)}
	d := renewed.draft(t)
	d.Statements = []*RootStatement{renewed.statement(t, 2)}
	s := p.pinned()
	if err := accept(s, renewed.sign(t, d)); err != nil {
		t.Fatal(err)
	}
	old.Counter = 100
	if err := accept(s, p.sign(t, old)); !errors.Is(err, ErrOlderBundle) {
		t.Errorf("the old bundle key: %v", err)
	}
}

func TestRootStatementSignedInTurn(t *testing.T) {
	p := &programme{[]ed25519.PrivateKey{seedKey(10), seedKey(11), seedKey(12)}, seedKey(5)}
	s := p.statement(t, 1, p.roots[1])
	again, err := ParseRootStatement(s.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if again.signedBy(&again.Roots) {
		t.Error("one of two is enough")
	}
	if err := again.Sign(p.roots[0]); err != nil {
		t.Fatal(err)
	}
	if !again.signedBy(&again.Roots) {
		t.Error("two of two are not enough")
	}
	before := again.Bytes()
	if err := again.Sign(p.roots[1], p.roots[0]); err != nil || !bytes.Equal(before, again.Bytes()) {
		t.Errorf("signed once more it differs (%v)", err)
	}
	again.Number = 2
	if err := again.Sign(p.roots[0]); err != nil {
		t.Fatal(err)
	}
	if again.signedBy(&again.Roots) {
		t.Error("a signature of another statement counts")
	}
}

// What is around the signatures of a statement has one form too.
func TestRootStatementForm(t *testing.T) {
	p := newProgramme(1)
	protected := func(alg int64, key ed25519.PrivateKey) []byte {
		return encode(protectedSignature{alg, key.Public().(ed25519.PublicKey)})
	}
	for _, test := range []struct {
		name   string
		change func(*coseSign)
		good   bool
	}{
		{"as it is", func(*coseSign) {}, true},
		{"RFC 9864", func(m *coseSign) { m.Signatures[0].Protected = protected(algorithmEd25519, p.roots[0]) }, true},
		{"ES256", func(m *coseSign) { m.Signatures[0].Protected = protected(-7, p.roots[0]) }, false},
		{"a protected header", func(m *coseSign) { m.Protected = []byte{0xA0} }, false},
		{"an unprotected header", func(m *coseSign) { m.Unprotected = map[int]int{1: 1} }, false},
		{"an unprotected header of a signature", func(m *coseSign) { m.Signatures[0].Unprotected = map[int]int{1: 1} }, false},
		{"no signature", func(m *coseSign) { m.Signatures = []coseSignature{} }, false},
		{"a signature twice", func(m *coseSign) { m.Signatures = append(m.Signatures, m.Signatures[0]) }, false},
		{"32 signatures", func(m *coseSign) { m.Signatures = crowd(protected, maxSignatures) }, true},
		{"33 signatures", func(m *coseSign) { m.Signatures = crowd(protected, maxSignatures+1) }, false},
	} {
		m := *p.statement(t, 1).message
		m.Signatures = slices.Clone(m.Signatures)
		test.change(&m)
		if _, err := ParseRootStatement(append(slices.Clone(tagSign), encode(&m)...)); (err == nil) != test.good {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func crowd(protected func(int64, ed25519.PrivateKey) []byte, n int) []coseSignature {
	var list []coseSignature
	for i := range n {
		list = append(list, coseSignature{Protected: protected(algorithmEdDSA, seedKey(byte(i))), Signature: make([]byte, 64)})
	}
	slices.SortFunc(list, func(a, b coseSignature) int { return bytes.Compare(a.Protected, b.Protected) })
	return list
}

func TestRootFingerprint(t *testing.T) {
	keys := publics(seedKey(1), seedKey(2), seedKey(3))
	a := (&RootSet{keys, 2}).Fingerprint()
	if b := (&RootSet{[]ed25519.PublicKey{keys[2], keys[0], keys[1]}, 2}).Fingerprint(); a != b {
		t.Error("the order of the keys changes the fingerprint")
	}
	if b := (&RootSet{keys, 1}).Fingerprint(); a == b {
		t.Error("the threshold does not change the fingerprint")
	}
}

// Payloads that are signed well and still no bundle.
func TestBundlePayloads(t *testing.T) {
	p := newProgramme(1)
	table, _, err := encodeShards(nil)
	if err != nil {
		t.Fatal(err)
	}
	certificate := newRoot(t, "Root").Certificate.Raw
	leaf := newIdentity(t, newAuthority(t, "A"), physician).Certificate.Raw
	anchor := func(change func(*anchorContent)) any {
		c := anchorContent{Name: "A", Certificate: certificate}
		change(&c)
		return []anchorContent{c}
	}
	offCurve := roleKey(t, RoleNurse, 1, ecdh.P256()).Public.Bytes()
	offCurve[64] ^= 1
	x := roleKey(t, RoleNurse, 1, ecdh.X25519()).Public.Bytes()
	lowest := make([]byte, 32)
	lowest[0] = 1
	order8 := []byte{
		0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
		0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
	}
	key := func(change func(*roleKeyContent)) any {
		c := roleKeyContent{Authority: "P", Role: RoleNurse, Epoch: 1, Clearance: 1, Public: x}
		change(&c)
		return []roleKeyContent{c}
	}
	statement := p.statement(t, 1).Bytes()
	statements := func(n int) any {
		var list [][]byte
		for i := range n {
			list = append(list, p.statement(t, uint64(i+1)).Bytes())
		}
		return list
	}
	long := longCertificate(t)
	type absent struct{}
	for _, test := range []struct {
		name   string
		member uint64
		value  any
		want   error
	}{
		{"as it is", memberName, "Programme", nil},
		{"another version", memberVersion, 2, ErrNewerBundle},
		{"no version", memberVersion, absent{}, ErrBundle},
		{"no name", memberName, "", ErrBundle},
		{"a name of two lines", memberName, "a\nb", ErrBundle},
		{"a name turned round", memberName, "a\u202eb", ErrBundle},
		{"a name as bytes", memberName, []byte("a"), ErrBundle},
		{"a long name", memberName, string(bytes.Repeat([]byte("x"), 65)), ErrBundle},
		{"counter 0", memberCounter, 0, ErrBundle},
		{"counter 2^53", memberCounter, uint64(1) << 53, ErrBundle},
		{"a negative counter", memberCounter, -1, ErrBundle},
		{"issued in the year 10000", memberIssued, maxTime9999 + 1, ErrBundle},
		{"next update in the year 10000", memberNextUpdate, maxTime9999 + 1, ErrBundle},
		{"next update before issue", memberNextUpdate, now.Unix(), ErrBundle},
		{"next update null", memberNextUpdate, nil, ErrBundle},
		{"no statements", memberStatements, [][]byte{}, ErrBundle},
		{"a statement twice", memberStatements, [][]byte{statement, statement}, ErrBundle},
		{"16 statements", memberStatements, statements(16), nil},
		{"17 statements", memberStatements, statements(17), ErrBundle},
		{"a statement of noise", memberStatements, [][]byte{{0xD8, 98, 0x80}}, ErrBundle},
		{"an anchor", memberAnchors, anchor(func(*anchorContent) {}), nil},
		{"an empty list of anchors", memberAnchors, []anchorContent{}, ErrBundle},
		{"an anchor twice", memberAnchors, append(anchor(func(*anchorContent) {}).([]anchorContent), anchor(func(c *anchorContent) { c.Name = "B" }).([]anchorContent)...), ErrBundle},
		{"an anchor that is a leaf", memberAnchors, anchor(func(c *anchorContent) { c.Certificate = leaf }), ErrBundle},
		{"an anchor of noise", memberAnchors, anchor(func(c *anchorContent) { c.Certificate = []byte{0x30, 0} }), ErrBundle},
		{"an anchor without a name", memberAnchors, anchor(func(c *anchorContent) { c.Name = "" }), ErrBundle},
		{"an unknown role pinned", memberAnchors, anchor(func(c *anchorContent) { c.Role = "wizard" }), ErrBundle},
		{"a service as a signer", memberAnchors, anchor(func(c *anchorContent) { c.Ceiling = []Role{RoleEmergency} }), ErrBundle},
		{"an anchor with an unknown member", memberAnchors, []any{map[int]any{1: "A", 2: certificate, 6: true}}, ErrBundle},
		{"an intermediate", memberIntermediates, [][]byte{certificate}, nil},
		{"an intermediate twice", memberIntermediates, [][]byte{certificate, certificate}, ErrBundle},
		{"an intermediate that is a leaf", memberIntermediates, [][]byte{leaf}, ErrBundle},
		{"a long intermediate", memberIntermediates, [][]byte{long}, ErrBundle},
		{"a long anchor", memberAnchors, anchor(func(c *anchorContent) { c.Certificate = long }), ErrBundle},
		{"1025 intermediates", memberIntermediates, make([][]byte, 1025), ErrBundle},
		{"a role key", memberRoleKeys, key(func(*roleKeyContent) {}), nil},
		{"a role key twice", memberRoleKeys, append(key(func(*roleKeyContent) {}).([]roleKeyContent), key(func(c *roleKeyContent) { c.Clearance = 0 }).([]roleKeyContent)...), ErrBundle},
		{"a role key at 0", memberRoleKeys, key(func(c *roleKeyContent) { c.Public = make([]byte, 32) }), ErrBundle},
		{"a role key at 1", memberRoleKeys, key(func(c *roleKeyContent) { c.Public = lowest }), ErrBundle},
		{"a role key of order 8", memberRoleKeys, key(func(c *roleKeyContent) { c.Public = order8 }), ErrBundle},
		{"a role key off the curve", memberRoleKeys, key(func(c *roleKeyContent) { c.Curve, c.Public = 1, offCurve }), ErrBundle},
		{"a role key at infinity", memberRoleKeys, key(func(c *roleKeyContent) { c.Curve, c.Public = 1, []byte{0} }), ErrBundle},
		{"a role key of another curve", memberRoleKeys, key(func(c *roleKeyContent) { c.Curve = 1 }), ErrBundle},
		{"a role key of no curve", memberRoleKeys, key(func(c *roleKeyContent) { c.Curve = 2 }), ErrBundle},
		{"a role key for level 3", memberRoleKeys, key(func(c *roleKeyContent) { c.Clearance = 3 }), ErrBundle},
		{"a role key below level 0", memberRoleKeys, key(func(c *roleKeyContent) { c.Clearance = -1 }), ErrBundle},
		{"a role key of epoch 0", memberRoleKeys, key(func(c *roleKeyContent) { c.Epoch = 0 }), ErrBundle},
		{"a role key of no role", memberRoleKeys, key(func(c *roleKeyContent) { c.Role = "wizard" }), ErrBundle},
		{"retired suites out of order", memberRetired, []int{2, 1}, ErrBundle},
		{"retired suite 256", memberRetired, []int{256}, ErrBundle},
		{"17 retired suites", memberRetired, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, ErrBundle},
		{"no table", memberTable, []byte{}, ErrBundle},
		{"three shards", memberTable, bytes.Repeat(table, 3), ErrBundle},
		{"two shards", memberTable, bytes.Repeat(table, 2), nil},
		{"131072 shards", memberTable, bytes.Repeat(table, 1<<17), ErrBundle},
		{"a shard that is not there", memberTable, append([]byte{0, 0, 0, 1}, table[4:]...), ErrBundle},
		{"an unknown member", 12, 1, ErrNewerBundle},
		{"a reserved member", firstReserved, map[string]int{"x": 1}, nil},
		{"beyond the reserved members", lastReserved + 1, 1, ErrNewerBundle},
	} {
		members := p.members(t)
		if members[test.member] = nil; test.value == (absent{}) {
			delete(members, test.member)
		} else {
			members[test.member] = encode(test.value)
		}
		if err := accept(p.pinned(), p.signPayload(encode(members), nil)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	// Well-formed, and not deterministic: a longer head for the version.
	payload := encode(p.members(t))
	longer := append([]byte{payload[0], payload[1], 0x18, 0x01}, payload[3:]...)
	if err := accept(p.pinned(), p.signPayload(longer, nil)); !errors.Is(err, ErrBundle) {
		t.Errorf("a longer head: %v", err)
	}
}

// An authority learns of its mistakes before its readers do.
func TestSignRefusesWhatReadersRefuse(t *testing.T) {
	p := newProgramme(1)
	point, err := ecdh.X25519().NewPublicKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*BundleDraft){
		"a leaf between": func(d *BundleDraft) {
			d.Intermediates = [][]byte{newIdentity(t, newAuthority(t, "A"), physician).Certificate.Raw}
		},
		"a key of low order": func(d *BundleDraft) {
			d.RoleKeys = []RoleKey{{Authority: "P", Role: RoleNurse, Epoch: 1, Public: point}}
		},
		"no name":                 func(d *BundleDraft) { d.Name = "" },
		"no statement":            func(d *BundleDraft) { d.Statements = nil },
		"an unsigned statement":   func(d *BundleDraft) { d.Statements = []*RootStatement{{Number: 1}} },
		"another bundle key's":    func(d *BundleDraft) { d.Statements = []*RootStatement{newProgramme(9).statement(t, 1)} },
		"a bundle before 1970":    func(d *BundleDraft) { d.Issued = time.Time{} },
		"outdated when it issues": func(d *BundleDraft) { d.NextUpdate = d.Issued },
	} {
		d := p.draft(t)
		change(d)
		if _, err := d.Sign(p.bundle); err == nil {
			t.Errorf("%s was signed", name)
		}
	}
}

func TestBundleAnchorsBounded(t *testing.T) {
	p, root := newProgramme(1), newRoot(t, "Root")
	var list []anchorContent
	for i := range MaxAnchors + 1 {
		c := intermediate(t, root, "A", now, now.Add(time.Duration(i+1)*time.Hour)).Certificate.Raw
		list = append(list, anchorContent{Name: "A", Certificate: c})
	}
	for n, want := range map[int]error{MaxAnchors: nil, MaxAnchors + 1: ErrBundle} {
		members := p.members(t)
		members[memberAnchors] = encode(list[:n])
		if err := accept(p.pinned(), p.signPayload(encode(members), nil)); !errors.Is(err, want) {
			t.Errorf("%d anchors: %v", n, err)
		}
	}
}

// A file may say that it is as large as it likes: nothing is allocated for what is not there.
func TestBundleSizes(t *testing.T) {
	p := newProgramme(1)
	data := p.sign(t, p.draft(t))
	for _, size := range []int64{-1, 0, 11, MaxBundleSize + 1} {
		if _, err := OpenBundle(bytes.NewReader(data), size); !errors.Is(err, ErrBundle) {
			t.Errorf("size %d: %v", size, err)
		}
	}
	if _, err := OpenBundle(bytes.NewReader(data), int64(len(data))+1); !errors.Is(err, ErrBundle) {
		t.Errorf("a size that the table does not give: %v", err)
	}
	for _, head := range [][]byte{{0, 0x40, 0, 1}, {0xFF, 0xFF, 0xFF, 0xFF}} {
		long := slices.Clone(data)
		copy(long[8:], head)
		if _, err := OpenBundle(bytes.NewReader(long), MaxBundleSize); !errors.Is(err, ErrBundle) {
			t.Errorf("a header of %x bytes: %v", head, err)
		}
	}
	newer := slices.Clone(data)
	newer[4] = 2
	if _, err := OpenBundle(bytes.NewReader(newer), int64(len(newer))); !errors.Is(err, ErrNewerBundle) {
		t.Errorf("version 2: %v", err)
	}
}

// An Ed25519 signature over the same bytes for another purpose is none over a bundle.
func TestBundleContext(t *testing.T) {
	p := newProgramme(1)
	data := p.sign(t, p.draft(t))
	m, err := parseSign1(data[preambleSize:])
	if err != nil {
		t.Fatal(err)
	}
	for name, toSign := range map[string][]byte{
		"no context":    encode([]any{"Signature1", m.Protected, []byte{}, m.Payload}),
		"a record's":    encode([]any{"Signature1", m.Protected, encode([]string{"secours/1 base"}), m.Payload}),
		"the roots'":    encode([]any{"Signature1", m.Protected, encode([]string{contextRoot}), m.Payload}),
		"several sign":  encode([]any{"Signature", m.Protected, m.Protected, encode([]string{contextBundle}), m.Payload}),
		"payload alone": m.Payload,
	} {
		forged := *m
		forged.Signature = ed25519.Sign(p.bundle, toSign)
		header := append(slices.Clone(tagSign1), encode(&forged)...)
		file := append(binary.BigEndian.AppendUint32(slices.Clone(data[:8]), uint32(len(header))), header...)
		if _, err := OpenBundle(bytes.NewReader(file), int64(len(file))); !errors.Is(err, ErrBundle) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An unprotected header is not covered by the signature.
	tagged := *m
	tagged.Unprotected = map[int]int{4: 1}
	header := append(slices.Clone(tagSign1), encode(&tagged)...)
	file := append(binary.BigEndian.AppendUint32(slices.Clone(data[:8]), uint32(len(header))), header...)
	if _, err := OpenBundle(bytes.NewReader(file), int64(len(file))); !errors.Is(err, ErrBundle) {
		t.Errorf("an unprotected header: %v", err)
	}
	// The name of RFC 9864 is as good, any other is not.
	for alg, good := range map[int64]bool{algorithmEd25519: true, -7: false, -257: false} {
		other := coseSign1{Protected: encode(protectedSign1{alg}), Payload: m.Payload}
		other.Signature = ed25519.Sign(p.bundle, other.toSign())
		header := append(slices.Clone(tagSign1), encode(&other)...)
		file := append(binary.BigEndian.AppendUint32(slices.Clone(data[:8]), uint32(len(header))), header...)
		if _, err := OpenBundle(bytes.NewReader(file), int64(len(file))); (err == nil) != good {
			t.Errorf("algorithm %d: %v", alg, err)
		}
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

// counting tells how much of a file was read, and may fail.
type counting struct {
	io.ReaderAt
	n    int64
	fail bool
}

func (c *counting) ReadAt(b []byte, offset int64) (int, error) {
	if c.fail {
		return 0, errors.New("the disk is gone")
	}
	c.n += int64(len(b))
	return c.ReaderAt.ReadAt(b, offset)
}

func randomRevocations(n int) []Revocation {
	list := make([]Revocation, n)
	for i := range list {
		name := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		list[i] = Revocation{[8]byte(name[:8]), Ceased, 20000}
	}
	return list
}

// A reader of one card does not read a whole national list.
func TestReadsOnlyWhatItNeeds(t *testing.T) {
	p, root := newProgramme(1), newAuthority(t, "Root")
	leaf := newIdentity(t, root, physician).Certificate
	d := p.draft(t)
	d.Anchors = []Anchor{{Name: "A", Certificate: root.Certificate}}
	d.Revocations = randomRevocations(100_000)
	data := p.sign(t, d)
	s := p.pinned()
	file := &counting{ReaderAt: bytes.NewReader(data)}
	b, err := OpenBundle(file, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Attach(b); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(leaf, now); err != nil {
		t.Fatal(err)
	}
	// The header with its table of 128 shards, and the three shards of the leaf, its key, and the anchor's key.
	if limit := int64(len(data)) / 20; file.n > limit {
		t.Errorf("%d of %d bytes were read", file.n, len(data))
	}
}

func FuzzOpenBundle(f *testing.F) {
	p := newProgramme(1)
	d := p.draft(f)
	d.Revocations = randomRevocations(3)
	// The processes that fuzz must all have the same bundle: nothing in it is random.
	key, err := ecdh.P256().NewPrivateKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	d.RoleKeys = []RoleKey{{Authority: "Programme", Role: RoleNurse, Epoch: 1, Clearance: 1, Public: key.PublicKey()}}
	good := p.sign(f, d)
	f.Add(good)
	f.Add(good[:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := OpenBundle(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		// Nobody else has the key.
		if end := b.shards.offsets[0]; !bytes.Equal(data[:end], good[:min(end, int64(len(good)))]) {
			t.Fatal("a bundle that was not signed")
		}
		if err := p.pinned().Update(b, now); err == nil && !bytes.Equal(data, good) {
			t.Fatal("a changed bundle was taken")
		}
	})
}

// FuzzBundlePayload signs whatever it is given: what is behind a good signature is parsed with care too. What opens and is
// drafted again gives the same payload.
func FuzzBundlePayload(f *testing.F) {
	p := newProgramme(1)
	d := p.draft(f)
	d.Anchors = []Anchor{{Name: "A", Certificate: newRoot(f, "Root").Certificate, Ceiling: []Role{RoleNurse}, DistrustAfter: now}}
	d.Intermediates = [][]byte{newRoot(f, "Sub").Certificate.Raw}
	d.RoleKeys = []RoleKey{roleKey(f, RoleNurse, 1, ecdh.P256()), roleKey(f, RoleEmergency, 1, ecdh.X25519())}
	d.RoleKeys[0].Stolen = now
	d.RetiredSuites = []int{0, 1}
	for _, draft := range []*BundleDraft{d, p.draft(f)} {
		m, err := parseSign1(p.sign(f, draft)[preambleSize:])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(m.Payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		file := p.signPayload(payload, nil)
		b, err := OpenBundle(bytes.NewReader(file), int64(len(file)))
		if err != nil || b.Check() != nil {
			return
		}
		var members map[uint64]cbor.RawMessage
		if err := decode(payload, &members); err != nil {
			t.Fatal(err)
		}
		for key := range members {
			if key >= firstReserved {
				return // a draft has none
			}
		}
		if b.shards.bits > 0 {
			return // a draft makes one shard of nothing
		}
		again := &BundleDraft{
			Name: b.Name, Counter: b.Counter, Issued: b.Issued, NextUpdate: b.NextUpdate, Statements: b.Statements,
			Anchors: b.Anchors, Intermediates: b.Intermediates, RoleKeys: b.RoleKeys, RetiredSuites: b.RetiredSuites,
		}
		if data, err := again.Sign(p.bundle); err != nil || !bytes.Equal(data, file) {
			t.Fatalf("drafted again it differs: %v", err)
		}
	})
}

// BenchmarkMillionRevocations is what a process that reads one card pays for a national list: open, verify, check a signer
// who is not revoked.
func BenchmarkMillionRevocations(b *testing.B) {
	p := newProgramme(1)
	root, err := NewAuthority("Root", Ed25519, now)
	if err != nil {
		b.Fatal(err)
	}
	id, err := root.NewIdentity(physician, Ed25519, now)
	if err != nil {
		b.Fatal(err)
	}
	d := p.draft(b)
	d.Anchors = []Anchor{{Name: "A", Certificate: root.Certificate}}
	d.Revocations = randomRevocations(1_000_000)
	data := p.sign(b, d)
	var read int64
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s := p.pinned()
		file := &counting{ReaderAt: bytes.NewReader(data)}
		bundle, err := OpenBundle(file, int64(len(data)))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Attach(bundle); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Check(id.Certificate, now); err != nil {
			b.Fatal(err)
		}
		read = file.n
	}
	b.ReportMetric(float64(read), "B-read/op")
	b.ReportMetric(float64(len(data)), "B-file")
}

// BenchmarkSignMillion is what the authority pays.
func BenchmarkSignMillion(b *testing.B) {
	p := newProgramme(1)
	d := p.draft(b)
	d.Revocations = randomRevocations(1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Sign(p.bundle); err != nil {
			b.Fatal(err)
		}
	}
}
