package trust

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

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
