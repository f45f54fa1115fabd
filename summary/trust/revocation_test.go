package trust

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"
)

// The names are over bytes that stand in the certificates, whatever reads them.
func TestRevocationNames(t *testing.T) {
	root := newRoot(t, "Root")
	key, err := NewKey(P256)
	if err != nil {
		t.Fatal(err)
	}
	for _, serial := range []*big.Int{big.NewInt(1), big.NewInt(127), big.NewInt(128), big.NewInt(0x1234), new(big.Int).Lsh(big.NewInt(255), 100)} {
		template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "x"}, NotBefore: now, NotAfter: now.Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, root.Certificate, key.Public(), root.Key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		var tbs struct {
			Version asn1.RawValue `asn1:"tag:0"`
			Serial  asn1.RawValue
		}
		if _, err := asn1.Unmarshal(c.RawTBSCertificate, &tbs); err != nil {
			// The rest of the structure is not described here.
			var all []asn1.RawValue
			if _, err := asn1.Unmarshal(c.RawTBSCertificate, &all); err != nil {
				t.Fatal(err)
			}
			tbs.Serial = all[1]
		}
		want := sha256.Sum256(append(slices.Clone(root.Certificate.RawSubjectPublicKeyInfo), tbs.Serial.Bytes...))
		if got := CertificateName(root.Certificate, c); got != want || tbs.Serial.Tag != asn1.TagInteger {
			t.Errorf("serial %x: %x, want %x", serial, got, want)
		}
	}
}

func TestRevocations(t *testing.T) {
	p, root := newProgramme(1), newRoot(t, "Root")
	sub := intermediate(t, root, "Sub", now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	leaf := newIdentity(t, sub, physician).Certificate
	// Midnight, where the day begins.
	day := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	before := day.Add(-time.Second)
	revoke := func(name [32]byte, class RevocationClass, at time.Time) Revocation {
		return Revocation{[8]byte(name[:8]), class, Day(at)}
	}
	check := func(signed time.Time, list ...Revocation) error {
		d := p.draft(t)
		d.Anchors = []Anchor{{Name: "A", Certificate: root.Certificate}}
		d.Intermediates = [][]byte{sub.Certificate.Raw}
		d.Revocations = append(randomRevocations(2000), list...)
		s := p.pinned()
		if err := accept(s, p.sign(t, d)); err != nil {
			t.Fatal(err)
		}
		who, err := s.Check(leaf, signed)
		if who == nil || who.Name != "Dr A" {
			t.Errorf("signer %+v", who)
		}
		return err
	}
	for name, revoked := range map[string][32]byte{
		"the leaf":               CertificateName(sub.Certificate, leaf),
		"the leaf's key":         KeyName(leaf),
		"the intermediate":       CertificateName(root.Certificate, sub.Certificate),
		"the intermediate's key": KeyName(sub.Certificate),
		"the anchor's key":       KeyName(root.Certificate),
	} {
		for _, test := range []struct {
			what   string
			signed time.Time
			list   []Revocation
			want   error
		}{
			{"ceased later", before, []Revocation{revoke(revoked, Ceased, day)}, nil},
			{"ceased", day, []Revocation{revoke(revoked, Ceased, day)}, ErrRevoked},
			{"compromised later", before, []Revocation{revoke(revoked, Compromised, day)}, ErrCompromised},
			{"compromised", day, []Revocation{revoke(revoked, Compromised, day)}, ErrRevoked},
			{"ceased and later compromised", before, []Revocation{revoke(revoked, Ceased, day), revoke(revoked, Compromised, day.AddDate(1, 0, 0))}, ErrCompromised},
			{"compromised later, ceased before", before, []Revocation{revoke(revoked, Compromised, day), revoke(revoked, Ceased, day.AddDate(0, 0, -1))}, ErrRevoked},
			{"ceased twice", before, []Revocation{revoke(revoked, Ceased, day), revoke(revoked, Ceased, day.AddDate(0, 0, -1))}, ErrRevoked},
		} {
			if err := check(test.signed, test.list...); !errors.Is(err, test.want) {
				t.Errorf("%s, %s: %v, want %v", name, test.what, err, test.want)
			}
		}
	}
	// Somebody else's, and the issuer taken for another.
	other := newIdentity(t, sub, physician).Certificate
	list := []Revocation{
		revoke(CertificateName(sub.Certificate, other), Compromised, before), revoke(CertificateName(root.Certificate, leaf), Compromised, before), revoke(KeyName(other), Ceased, before),
	}
	if err := check(day, list...); err != nil {
		t.Errorf("others are revoked: %v", err)
	}
	// Of two names of one chain the worse counts, in whatever order they are met.
	if err := check(before, revoke(KeyName(leaf), Compromised, day), revoke(KeyName(sub.Certificate), Ceased, before)); !errors.Is(err, ErrRevoked) {
		t.Errorf("compromised leaf, revoked intermediate: %v", err)
	}
}

// A signer with two chains is as good as the better one: here one authority went, and a second one vouches for its key.
func TestBestChainCounts(t *testing.T) {
	p, one, two := newProgramme(1), newRoot(t, "One"), newRoot(t, "Two")
	sub := intermediate(t, one, "Sub", now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	// The same name and key, certified by the other.
	template := *sub.Certificate
	template.SerialNumber = big.NewInt(77)
	der, err := x509.CreateCertificate(rand.Reader, &template, two.Certificate, sub.Key.Public(), two.Key)
	if err != nil {
		t.Fatal(err)
	}
	cross, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	leaf := newIdentity(t, sub, physician).Certificate
	day := Day(now)
	by := func(issuer *Authority, c *x509.Certificate, class RevocationClass, day uint32) Revocation {
		name := CertificateName(issuer.Certificate, c)
		return Revocation{[8]byte(name[:8]), class, day}
	}
	for _, order := range [][]*Authority{{one, two}, {two, one}} {
		for _, test := range []struct {
			name string
			list []Revocation
			want error
		}{
			{"one revoked", []Revocation{by(one, sub.Certificate, Ceased, day)}, nil},
			{"the other revoked", []Revocation{by(two, cross, Ceased, day)}, nil},
			{"both revoked", []Revocation{by(one, sub.Certificate, Ceased, day), by(two, cross, Ceased, day)}, ErrRevoked},
			{"one revoked, the other compromised", []Revocation{by(one, sub.Certificate, Ceased, day), by(two, cross, Compromised, day+9)}, ErrCompromised},
			{"one compromised, the other revoked", []Revocation{by(one, sub.Certificate, Compromised, day+9), by(two, cross, Ceased, day)}, ErrCompromised},
		} {
			d := p.draft(t)
			for _, a := range order {
				d.Anchors = append(d.Anchors, Anchor{Name: a.Certificate.Subject.CommonName, Certificate: a.Certificate})
			}
			d.Intermediates, d.Revocations = [][]byte{sub.Certificate.Raw, cross.Raw}, test.list
			s := p.pinned()
			if err := accept(s, p.sign(t, d)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Check(leaf, now); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
		}
	}
}

// A revocation that cannot be read is not one that is not there.
func TestDamagedShard(t *testing.T) {
	p, root := newProgramme(1), newAuthority(t, "Root")
	leaf := newIdentity(t, root, physician).Certificate
	d := p.draft(t)
	d.Anchors = []Anchor{{Name: "A", Certificate: root.Certificate}}
	d.Revocations = randomRevocations(1 << 16)
	data := p.sign(t, d)
	good := open(t, data)
	check := func(data []byte, file *counting) error {
		s := p.pinned()
		file.ReaderAt = bytes.NewReader(data)
		b, err := OpenBundle(file, int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Attach(b); err != nil {
			t.Fatal(err)
		}
		_, err = s.Check(leaf, now)
		return err
	}
	damaged := 0
	mine := map[int]bool{}
	for _, name := range [][32]byte{KeyName(leaf), CertificateName(root.Certificate, leaf), KeyName(root.Certificate)} {
		mine[shardOf(name[:], good.shards.bits)] = true
	}
	for i := range 1 << good.shards.bits {
		changed := slices.Clone(data)
		changed[good.shards.offsets[i]+8] ^= 3 // a class
		err := check(changed, &counting{})
		if mine[i] {
			damaged++
			if !errors.Is(err, ErrTrustDamaged) {
				t.Errorf("shard %d: %v", i, err)
			}
		} else if err != nil {
			t.Errorf("shard %d, which nobody needs: %v", i, err)
		}
	}
	if damaged == 0 {
		t.Error("no shard was looked at")
	}
	// The file shrinks, or the disk fails, after the header was read.
	s := p.pinned()
	file := &counting{ReaderAt: bytes.NewReader(data)}
	b, err := OpenBundle(file, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Attach(b); err != nil {
		t.Fatal(err)
	}
	file.fail = true
	if _, err := s.Check(leaf, now); !errors.Is(err, ErrTrustDamaged) {
		t.Errorf("a disk that fails: %v", err)
	}
	file.fail, file.ReaderAt = false, bytes.NewReader(data[:good.shards.offsets[0]])
	if _, err := s.Check(leaf, now); !errors.Is(err, ErrTrustDamaged) {
		t.Errorf("a file that shrank: %v", err)
	}
	// Taking a bundle looks at all of it.
	changed := slices.Clone(data)
	changed[len(changed)-1] ^= 1
	if err := accept(p.pinned(), changed); !errors.Is(err, ErrBundle) {
		t.Errorf("a bundle with a damaged shard: %v", err)
	}
}

// Shards that are digested well and are still not in order: a reader would not find what is in them.
func TestShardOrder(t *testing.T) {
	p := newProgramme(1)
	e := func(first byte, class RevocationClass) []byte {
		b := Revocation{[8]byte{first}, class, 1}.entry()
		return b[:]
	}
	full := func(n int) (shard []byte) {
		for i := range n {
			r := Revocation{Class: Ceased, Day: 1}
			binary.BigEndian.PutUint32(r.Name[:], uint32(i))
			b := r.entry()
			shard = append(shard, b[:]...)
		}
		return shard
	}
	for _, test := range []struct {
		name   string
		shards [][]byte
		want   error
	}{
		{"in order", [][]byte{slices.Concat(e(1, Ceased), e(2, Ceased)), e(0x80, Compromised)}, nil},
		{"out of order", [][]byte{slices.Concat(e(2, Ceased), e(1, Ceased)), nil}, ErrBundle},
		{"twice", [][]byte{slices.Concat(e(1, Ceased), e(1, Ceased)), nil}, ErrBundle},
		{"in the wrong shard", [][]byte{e(0x80, Ceased), nil}, ErrBundle},
		{"class 0", [][]byte{e(1, 0), nil}, ErrBundle},
		{"class 3", [][]byte{e(1, 3), nil}, ErrBundle},
		{"a full shard", [][]byte{full(maxShard), nil}, nil},
		{"more than a shard holds", [][]byte{full(maxShard + 1), nil}, ErrBundle},
	} {
		var table []byte
		for _, s := range test.shards {
			digest := sha256.Sum256(s)
			table = append(binary.BigEndian.AppendUint32(table, uint32(len(s)/entrySize)), digest[:]...)
		}
		members := p.members(t)
		members[memberTable] = encode(table)
		data := p.signPayload(encode(members), slices.Concat(test.shards...))
		if err := accept(p.pinned(), data); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestShardsScale(t *testing.T) {
	for n, bits := range map[int]int{0: 0, 1: 0, 1024: 0, 1025: 1, 100_000: 7} {
		table, data, err := encodeShards(randomRevocations(n))
		if err != nil || len(table) != shardRow<<bits || len(data) != n*entrySize {
			t.Errorf("%d revocations: %d shards, %d bytes, %v", n, len(table)/shardRow, len(data), err)
		}
	}
	// Names that begin alike are kept apart for as long as there are bits.
	crowd := func(n int, first uint16) (list []Revocation) {
		for i := range n {
			r := Revocation{Class: Ceased}
			binary.BigEndian.PutUint16(r.Name[:], first)
			binary.BigEndian.PutUint32(r.Name[2:], uint32(i))
			list = append(list, r)
		}
		return list
	}
	if table, _, err := encodeShards(append(crowd(maxShard, 0), crowd(maxShard, 1)...)); err != nil || len(table) != shardRow<<16 {
		t.Errorf("%d shards, %v", len(table)/shardRow, err)
	}
	if _, _, err := encodeShards(crowd(maxShard+1, 0)); err == nil {
		t.Error("more than a shard holds")
	}
	if _, _, err := encodeShards([]Revocation{{Class: 3}}); err == nil {
		t.Error("a revocation of class 3")
	}
}

func TestDay(t *testing.T) {
	for at, want := range map[time.Time]uint32{
		time.Unix(0, 0): 0, time.Unix(86399, 0): 0, time.Unix(86400, 0): 1, time.Unix(-1, 0): 0,
		time.Date(2026, 11, 21, 23, 59, 59, 0, time.UTC): 20778, {}: 0, time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC): maxDay,
	} {
		if got := Day(at); got != want {
			t.Errorf("%v: %d, want %d", at, got, want)
		}
	}
	if got := (Revocation{Day: 20778}).Date(); !got.Equal(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("day 20778 is %v", got)
	}
}
