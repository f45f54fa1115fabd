package trust

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"
)

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
