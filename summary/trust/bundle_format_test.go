package trust

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"
)

// TestFormatBundle holds the worked example of docs/FORMAT.md (7.6) to the code: nothing in a bundle is random but its keys.
func TestFormatBundle(t *testing.T) {
	root := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	signer := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
	role, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{3}, 32))
	if err != nil {
		t.Fatal(err)
	}
	issued := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	statement := &RootStatement{Number: 1, Issued: issued, Roots: RootSet{publics(root), 1}, BundleKeys: publics(signer)}
	if err := statement.Sign(root); err != nil {
		t.Fatal(err)
	}
	d := &BundleDraft{
		Name: "Programme", Counter: 7, Issued: issued, NextUpdate: issued.AddDate(0, 0, 90), Statements: []*RootStatement{statement},
		RoleKeys: []RoleKey{{Authority: "Programme", Role: RoleEmergency, Epoch: 2, Clearance: 2, Public: role.PublicKey()}},
		Revocations: []Revocation{
			{[8]byte{0x0a, 1, 2, 3, 4, 5, 6, 7}, Ceased, Day(issued)}, {[8]byte{0xf0, 1, 2, 3, 4, 5, 6, 7}, Compromised, Day(issued)},
		},
	}
	data, err := d.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenBundle(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	message, err := parseSign1(data[preambleSize:b.shards.offsets[0]])
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := b.Roots().Fingerprint()
	text, err := os.ReadFile("../../docs/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, part := range []struct {
		name string
		data []byte
	}{
		{"statement", statement.Bytes()},
		{"fingerprint of the root", fingerprint[:]},
		{"payload", message.Payload},
		{"Sig_structure", message.toSign()},
		{"shard", data[b.shards.offsets[0]:]},
		{"file", data},
	} {
		want.WriteString(part.name + "\n")
		for rest := hex.EncodeToString(part.data); rest != ""; {
			line := rest[:min(96, len(rest))]
			rest = rest[len(line):]
			want.WriteString("    " + line + "\n")
		}
	}
	if !strings.Contains(string(text), "```\n"+want.String()+"```") {
		t.Errorf("docs/FORMAT.md, 7.6, does not say\n%s", want.String())
	}
}
