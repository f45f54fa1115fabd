package trust

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
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
