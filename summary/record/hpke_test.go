package record

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/secours-card/secours/summary/trust"
)

// What hpkeSeal makes, the standard library opens, for each recipient of a shared ephemeral key; and nothing else.
func TestSealOpensElsewhere(t *testing.T) {
	info, aad, secret := []byte("info"), []byte("kid"), []byte("sixteen byte key")
	for _, suite := range []Suite{SuiteChaCha, SuiteAESGCM} {
		for _, curve := range []ecdh.Curve{ecdh.X25519(), ecdh.P256()} {
			ephemeral, err := curve.GenerateKey(crand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			enc := ephemeral.PublicKey().Bytes()
			for range 3 {
				key, err := curve.GenerateKey(crand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				sealed, err := suite.hpkeSeal(key.PublicKey(), ephemeral, info, aad, secret)
				if err != nil {
					t.Fatal(err)
				}
				open := func(enc, info, aad, sealed []byte) ([]byte, error) {
					private, err := hpke.NewDHKEMPrivateKey(key)
					if err != nil {
						t.Fatal(err)
					}
					r, err := hpke.NewRecipient(enc, private, hpke.HKDFSHA256(), suite.hpkeAEAD(), info)
					if err != nil {
						return nil, err
					}
					return r.Open(aad, sealed)
				}
				if got, err := open(enc, info, aad, sealed); err != nil || !bytes.Equal(got, secret) {
					t.Fatalf("suite %d: %v", suite, err)
				}
				if _, err := open(enc, []byte("other"), aad, sealed); err == nil {
					t.Error("opens under another info")
				}
				if _, err := open(enc, info, nil, sealed); err == nil {
					t.Error("opens under another aad")
				}
				if _, err := open(key.PublicKey().Bytes(), info, aad, sealed); err == nil {
					t.Error("opens with another encapsulated key")
				}
			}
		}
	}
}

// Every suite and kind of key: each recipient opens what its clearance says, and a stranger nothing.
func TestClearances(t *testing.T) {
	for _, suite := range []Suite{SuiteChaCha, SuiteAESGCM} {
		curves := []ecdh.Curve{ecdh.P256()}
		if suite == SuiteChaCha {
			curves = append(curves, ecdh.X25519())
		}
		f := newFixture(t, trust.Ed25519)
		f.suite = suite
		var keys []trust.PrivateKey
		for _, curve := range curves {
			keys = append(keys, newKey(t, trust.KeyPractice, "", curve), newKey(t, trust.KeyRole, trust.RoleEmergency, curve),
				newKey(t, trust.KeyRole, trust.RoleNurse, curve), newKey(t, trust.KeyRecovery, "", curve))
		}
		d := f.draft()
		d.Recipients = nil
		for _, k := range keys {
			d.Recipients = append(d.Recipients, recipientOf(k))
		}
		raw, err := Write(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			r, err := Read(raw, testCard, f.as(k))
			if err != nil {
				t.Fatalf("suite %d, %s %s: %v", suite, k.Kind, k.Role, err)
			}
			want := 3
			if k.Kind == trust.KeyRole {
				want = k.Role.Clearance()
			}
			if r.Clearance != want || r.Key.Kind != k.Kind || r.Key.Role != k.Role {
				t.Errorf("%s %s: clearance %d with %+v", k.Kind, k.Role, r.Clearance, r.Key)
			}
			text := jsonOf(t, r.Summary)
			for level, secret := range []string{"06 00 00 00 00", "amoxicilline", "fibrillation", "interruption"} {
				if got := bytes.Contains([]byte(text), []byte(secret)); got != (level <= want) {
					t.Errorf("%s %s: level %d visible: %v", k.Kind, k.Role, level, got)
				}
				if state := r.Levels[level].State; (state == LevelSealed) != (level > want) {
					t.Errorf("%s %s: level %d is %v", k.Kind, k.Role, level, state)
				}
			}
			if len(r.Ring) != 0 != (want == 3) {
				t.Errorf("%s %s: ring %v", k.Kind, k.Role, r.Ring)
			}
		}
		r, err := Read(raw, testCard, f.as(newKey(t, trust.KeyPractice, "", ecdh.P256()), newKey(t, trust.KeyRole, trust.RolePhysician, ecdh.X25519())))
		u := unverified(t, r, err)
		if u.Verdict != (Verdict{Unverifiable, ReasonNoKey}) || u.Signer != nil || u.Clearance != 0 || u.Summary.Patient.Family != "" {
			t.Errorf("a stranger reads %+v", u)
		}
	}
}

// Many keys at hand: the one that opens most is used.
func TestBestKey(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	r, err := Read(f.write(t), testCard, f.as(f.pharmacist, f.physician, f.practice))
	if err != nil || r.Clearance != 3 {
		t.Errorf("clearance %d, %v", r.Clearance, err)
	}
	if r, err = Read(f.write(t), testCard, f.as(f.pharmacist, f.physician)); err != nil || r.Clearance != 2 {
		t.Errorf("clearance %d, %v", r.Clearance, err)
	}
}

func TestRecipientsRefused(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	p256 := recipientOf(newKey(t, trust.KeyRole, trust.RoleNurse, ecdh.P256()))
	low, err := ecdh.X25519().NewPublicKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdh.P384().GenerateKey(crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var many []Recipient
	for range maxRecipients {
		many = append(many, recipientOf(newKey(t, trust.KeyRole, trust.RoleNurse, ecdh.X25519())))
	}
	for name, test := range map[string]struct {
		suite Suite
		add   []Recipient
		want  error
	}{
		"X25519 in suite 2":   {SuiteAESGCM, nil, ErrRecipient},
		"P-256 in suite 1":    {SuiteChaCha, []Recipient{p256}, nil},
		"one twice":           {SuiteChaCha, []Recipient{recipientOf(f.practice)}, ErrRecipient},
		"twice, other rights": {SuiteChaCha, []Recipient{{Kind: trust.KeyRole, Clearance: 1, Key: f.practice.Opening.PublicKey()}}, ErrRecipient},
		"low-order point":     {SuiteChaCha, []Recipient{{Kind: trust.KeyRole, Clearance: 1, Key: low}}, ErrRecipient},
		"P-384":               {SuiteChaCha, []Recipient{{Kind: trust.KeyRole, Clearance: 1, Key: p384.PublicKey()}}, ErrRecipient},
		"no clearance":        {SuiteChaCha, []Recipient{{Kind: trust.KeyRole, Key: p256.Key}}, ErrRecipient},
		"a role for level 3":  {SuiteChaCha, []Recipient{{Kind: trust.KeyRole, Clearance: 3, Key: p256.Key}}, ErrRecipient},
		"a signing key":       {SuiteChaCha, []Recipient{{Kind: trust.KeyBundle, Key: p256.Key}}, ErrRecipient},
		"too many":            {SuiteChaCha, many, ErrRecipient},
		"in suite 0":          {SuiteNone, nil, nil}, // any error
		"suite 3":             {3, nil, ErrSuite},
	} {
		d := f.draft()
		d.Suite = test.suite
		d.Recipients = append(d.Recipients, test.add...)
		_, err := Write(d)
		if test.want == nil && (err == nil) != (test.suite == SuiteChaCha) || !errors.Is(err, test.want) && test.want != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := f.draft()
	d.Recipients = d.Recipients[1:]
	if _, err := Write(d); !errors.Is(err, ErrNoPractice) {
		t.Errorf("without a practice: %v", err)
	}
}

// The recipients as they stand on the card: in one order, each once, of a kind that the suite has, and not ten thousand.
func TestWrapsRefused(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	d := f.draft()
	recovery := newKey(t, trust.KeyRecovery, "", ecdh.X25519())
	d.Recipients = append(d.Recipients, recipientOf(recovery), recipientOf(newKey(t, trust.KeyRole, trust.RoleNurse, ecdh.P256())))
	raw, err := Write(d)
	if err != nil {
		t.Fatal(err)
	}
	good, err := parse(raw)
	if err != nil || len(good.wraps.lots) != 2 || good.wraps.ring == nil {
		t.Fatal(good.wraps, err)
	}
	x, p := good.wraps.lots[0], good.wraps.lots[1]
	item := func(l lot) cbor.RawMessage { return encode(append([][]byte{l.enc}, l.recipients...)) }
	change := func(f func(*lot)) cbor.RawMessage {
		l := lot{enc: x.enc, recipients: slices.Clone(x.recipients)}
		f(&l)
		return item(l)
	}
	ring, mac := cbor.RawMessage(encode(good.wraps.ring)), cbor.RawMessage(encode(good.wraps.mac))
	many := [][]byte{x.enc}
	for i := range 10_000 {
		many = append(many, append(bytes.Repeat([]byte{byte(i >> 8)}, 33), byte(i)))
	}
	for name, test := range map[string]struct {
		wraps []cbor.RawMessage
		want  error
	}{
		"as it was":             {[]cbor.RawMessage{item(x), item(p), ring}, nil},
		"reordered":             {[]cbor.RawMessage{change(func(l *lot) { slices.Reverse(l.recipients) }), item(p), ring}, ErrMalformed},
		"doubled":               {[]cbor.RawMessage{change(func(l *lot) { l.recipients = append(l.recipients[:1:1], l.recipients...) }), item(p), ring}, ErrMalformed},
		"lots reordered":        {[]cbor.RawMessage{item(p), item(x), ring}, ErrMalformed},
		"lot twice":             {[]cbor.RawMessage{item(x), item(x), ring}, ErrMalformed},
		"no recipients":         {[]cbor.RawMessage{change(func(l *lot) { l.recipients = nil }), item(p), ring}, ErrMalformed},
		"none at all":           {nil, ErrMalformed},
		"a ring alone":          {[]cbor.RawMessage{ring}, ErrMalformed},
		"ring first":            {[]cbor.RawMessage{ring, item(x), item(p)}, ErrMalformed},
		"ring too short":        {[]cbor.RawMessage{item(x), item(p), encode(make([]byte, 15))}, ErrMalformed},
		"ring changed":          {[]cbor.RawMessage{item(x), item(p), encode(make([]byte, 60))}, ErrMalformed},
		"a MAC too many":        {[]cbor.RawMessage{item(x), item(p), ring, mac}, ErrMalformed},
		"ring of another lot":   {[]cbor.RawMessage{item(p), ring}, errNoKey},
		"short recipient":       {[]cbor.RawMessage{change(func(l *lot) { l.recipients[0] = l.recipients[0][1:] }), item(p), ring}, ErrMalformed},
		"long encapsulated key": {[]cbor.RawMessage{change(func(l *lot) { l.enc = append(l.enc[:32:32], 0) }), item(p), ring}, ErrMalformed},
		"10,000 recipients":     {[]cbor.RawMessage{encode(many), item(p), ring}, ErrMalformed},
		"a map":                 {[]cbor.RawMessage{encode(map[int]int{1: 1}), item(p), ring}, ErrMalformed},
		"low-order enc":         {[]cbor.RawMessage{change(func(l *lot) { l.enc = make([]byte, 32) }), item(p), ring}, errNoKey},
		"not on the curve":      {[]cbor.RawMessage{item(x), item(lot{enc: append([]byte{4}, make([]byte, 64)...), recipients: p.recipients}), ring}, ErrMalformed},
	} {
		changed := *good.base
		changed.Wraps = append(test.wraps, mac)
		r, err := Read(encode(changed), testCard, f.reader())
		switch {
		case test.want == nil && err != nil:
			t.Errorf("%s: %v", name, err)
		case name == "not on the curve":
			// Ours is in the first lot, and opens; that the second was changed is noticed all the same.
			if u := unverified(t, r, err); u.Verdict.Reason != ReasonRecipients {
				t.Errorf("%s: %v", name, u.Verdict)
			}
		case test.want == errNoKey:
			if u := unverified(t, r, err); u.Verdict.Reason != ReasonNoKey {
				t.Errorf("%s: %v", name, u.Verdict)
			}
		case test.want != nil && !errors.Is(err, test.want):
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// A recipient that has the reader's key id and does not open was changed, or is another card's.
func TestForeignWraps(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	one, err := parse(f.write(t))
	if err != nil {
		t.Fatal(err)
	}
	two, err := parse(f.write(t))
	if err != nil {
		t.Fatal(err)
	}
	one.wraps = two.wraps
	raw, err := one.encoded()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(raw, testCard, f.as(f.pharmacist)); !errors.Is(err, ErrCommitment) {
		t.Errorf("the wraps of another record: %v", err)
	}
	// Somebody who knows the pharmacists' public key wraps a key of his own.
	stranger := newChain(testCard, SuiteChaCha)
	stranger.base = [16]byte(two.header.id)
	if two.wraps, err = stranger.wrap(f.draft().Recipients, two.base.Header); err != nil {
		t.Fatal(err)
	}
	if raw, err = two.encoded(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []trust.PrivateKey{f.pharmacist, f.practice} {
		if _, err := Read(raw, testCard, f.as(key)); !errors.Is(err, ErrCommitment) {
			t.Errorf("a key that is not the record's: %v", err)
		}
	}
}

// Whoever can open the record can make its MAC; that an individual was taken out, a holder of K3 notices all the same.
func TestIndividualsCounted(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	d := f.draft()
	d.Recipients = append(d.Recipients, recipientOf(newKey(t, trust.KeyRecovery, "", ecdh.X25519())))
	raw, err := Write(d)
	if err != nil {
		t.Fatal(err)
	}
	p := mustParse(t, raw)
	c, _, err := p.find(testCard, []trust.PrivateKey{f.pharmacist})
	if err != nil {
		t.Fatal(err)
	}
	kept := p.wraps.lots[0].recipients
	for i, r := range kept {
		if len(r) != sealedSize {
			continue
		}
		p := mustParse(t, raw)
		p.wraps.lots[0].recipients = slices.Delete(slices.Clone(kept), i, i+1)
		p.wraps.mac = c.authenticate(p.wraps)
		changed, err := p.encoded()
		if err != nil {
			t.Fatal(err)
		}
		r, err := Read(changed, testCard, f.reader())
		if u := unverified(t, r, err); u.Verdict.Reason != ReasonRecipients && u.Verdict.Reason != ReasonNoKey {
			t.Errorf("%v", u.Verdict)
		}
		if _, err := Read(changed, testCard, f.as(f.pharmacist)); err != nil {
			t.Errorf("who cannot know is told: %v", err)
		}
	}
}

func TestReseal(t *testing.T) {
	f := newFixture(t, trust.Ed25519)
	raw := f.write(t)
	before, err := Read(raw, testCard, f.reader())
	if err != nil {
		t.Fatal(err)
	}
	recovery := newKey(t, trust.KeyRecovery, "", ecdh.X25519())
	nurse := newKey(t, trust.KeyRole, trust.RoleNurse, ecdh.P256())
	recipients := []Recipient{recipientOf(f.practice), recipientOf(recovery), recipientOf(nurse)}
	for _, key := range []trust.PrivateKey{f.pharmacist, f.physician, nurse} {
		if _, err := Reseal(raw, testCard, []trust.PrivateKey{key}, recipients); !errors.Is(err, ErrClearance) {
			t.Errorf("%s reseals: %v", key.Role, err)
		}
	}
	resealed, err := Reseal(raw, testCard, []trust.PrivateKey{f.practice}, recipients)
	if err != nil {
		t.Fatal(err)
	}
	old, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	now, err := parse(resealed)
	if err != nil {
		t.Fatal(err)
	}
	for i, pair := range [][2][]byte{
		{old.base.Header, now.base.Header},
		{old.base.Open, now.base.Open},
		{old.base.Box1, now.base.Box1},
		{old.base.Box2, now.base.Box2},
		{old.base.Box3, now.base.Box3},
	} {
		if !bytes.Equal(pair[0], pair[1]) {
			t.Errorf("part %d changed", i)
		}
	}
	for _, key := range []trust.PrivateKey{f.practice, recovery, nurse} {
		r, err := Read(resealed, testCard, f.as(key))
		if err != nil || r.Head != before.Head || !bytes.Equal(r.Signature.Message, before.Signature.Message) {
			t.Errorf("%s %s: %v", key.Kind, key.Role, err)
		}
	}
	if r, err := Read(resealed, testCard, f.as(recovery)); err != nil || len(r.Ring) != 2 || r.Individuals != 2 || len(r.Groups) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	r, err := Read(resealed, testCard, f.as(f.pharmacist))
	if u := unverified(t, r, err); u.Verdict.Reason != ReasonNoKey {
		t.Errorf("a recipient that was taken out: %v", u.Verdict)
	}
}

func TestRecoveryKey(t *testing.T) {
	for _, curve := range []ecdh.Curve{ecdh.X25519(), ecdh.P256()} {
		one, err := RecoveryKey([16]byte{1, 2, 3}, curve)
		if err != nil {
			t.Fatal(err)
		}
		again, err := RecoveryKey([16]byte{1, 2, 3}, curve)
		if err != nil || !one.Equal(again) {
			t.Error("another key from the same code")
		}
		if other, err := RecoveryKey([16]byte{1, 2, 4}, curve); err != nil || one.Equal(other) {
			t.Error("the same key from another code")
		}
	}
}

// FORMAT 3.2 has a code and its keys.
func TestRecoveryExample(t *testing.T) {
	format, err := os.ReadFile("../../docs/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	seed := [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	want := []string{trust.RecoveryCode(seed).String()}
	for _, curve := range []ecdh.Curve{ecdh.X25519(), ecdh.P256()} {
		key, err := RecoveryKey(seed, curve)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, hex.EncodeToString(key.Bytes()))
	}
	for _, text := range want {
		if !bytes.Contains(format, []byte(text)) {
			t.Errorf("FORMAT does not have %s", text)
		}
	}
}

func TestGrant(t *testing.T) {
	for _, curve := range []ecdh.Curve{ecdh.X25519(), ecdh.P256()} {
		key, err := curve.GenerateKey(crand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := SealGrant(key.PublicKey(), []byte("keys"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := OpenGrant(key, sealed); err != nil || string(got) != "keys" {
			t.Errorf("%q, %v", got, err)
		}
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if _, err := OpenGrant(key, bad); !errors.Is(err, ErrGrant) {
				t.Fatalf("byte %d changed: %v", i, err)
			}
			if _, err := OpenGrant(key, sealed[:i]); !errors.Is(err, ErrGrant) {
				t.Fatalf("%d bytes: %v", i, err)
			}
		}
		other, err := curve.GenerateKey(crand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenGrant(other, sealed); !errors.Is(err, ErrGrant) {
			t.Errorf("another key: %v", err)
		}
	}
}
