package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// What inspect prints is enough for a verifier that knows nothing of Secours: RFC 9052, section 4.4, by hand.
func TestInspectVerifiesElsewhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	image := "sim:" + filepath.Join(dir, "card.img")
	for _, args := range [][]string{
		{"demo", dir},
		{"--home", filepath.Join(dir, "gp"), "--card", image, "write", filepath.Join(dir, "summary.json")},
	} {
		if code, _, talk := invoke(t, nil, args...); code != 0 {
			t.Fatalf("%v: %d %s", args, code, talk)
		}
	}
	code, out, talk := invoke(t, nil, "--home", filepath.Join(dir, "emergency"), "--card", image, "inspect", "--json")
	if code != 0 {
		t.Fatalf("inspect: %d %s", code, talk)
	}
	var d struct {
		PayloadBytes, RawBytes, RecordBytes int
		Levels                              []struct {
			Level        string
			Items        map[string]int
			PayloadBytes int
		}
		Signature struct{ CoseSign1, ExternalAAD, Certificate string }
	}
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	decode := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) == 0 {
			t.Fatalf("%q: %v", s, err)
		}
		return b
	}
	var message cbor.RawTag
	if err := cbor.Unmarshal(decode(d.Signature.CoseSign1), &message); err != nil || message.Number != 18 {
		t.Fatalf("tag %d, %v", message.Number, err)
	}
	var parts []cbor.RawMessage
	if err := cbor.Unmarshal(message.Content, &parts); err != nil || len(parts) != 4 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	var protected, payload, signature []byte
	for i, p := range []*[]byte{0: &protected, 2: &payload, 3: &signature} {
		if p == nil {
			continue
		}
		if err := cbor.Unmarshal(parts[i], p); err != nil {
			t.Fatal(err)
		}
	}
	toBeSigned, err := cbor.Marshal([]any{"Signature1", protected, decode(d.Signature.ExternalAAD), payload})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(decode(d.Signature.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(certificate.PublicKey.(ed25519.PublicKey), toBeSigned, signature) {
		t.Error("the signature does not verify")
	}
	total, items := 0, 0
	for _, l := range d.Levels {
		total += l.PayloadBytes
		for _, n := range l.Items {
			items += n
		}
	}
	if total != d.PayloadBytes || d.PayloadBytes >= d.RawBytes || d.RecordBytes <= d.PayloadBytes || items < 30 {
		t.Errorf("payload %d (levels %d), raw %d, record %d, %d items", d.PayloadBytes, total, d.RawBytes, d.RecordBytes, items)
	}
}
