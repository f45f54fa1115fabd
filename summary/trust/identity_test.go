package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

func TestIdentityRoundTrip(t *testing.T) {
	for _, kind := range []KeyType{Ed25519, P256, P384, RSA2048} {
		t.Run(string(kind), func(t *testing.T) {
			a := newAuthority(t, "Root")
			id, err := a.NewIdentity(physician, kind, now)
			if err != nil {
				t.Fatal(err)
			}
			data, err := id.PKCS12("sésame")
			if err != nil {
				t.Fatal(err)
			}
			back, err := ParseIdentity(data, "sésame")
			if err != nil {
				t.Fatal(err)
			}
			if !back.Certificate.Equal(id.Certificate) || len(back.Chain) != 1 || !back.Chain[0].Equal(a.Certificate) {
				t.Error("the certificate or its chain changed")
			}
			for _, wrong := range []string{"", "sesame", "sésame "} {
				if _, err := ParseIdentity(data, wrong); !errors.Is(err, ErrPassphrase) {
					t.Errorf("passphrase %q: %v", wrong, err)
				}
			}
		})
	}
}

func TestParseIdentityRefusals(t *testing.T) {
	a := newAuthority(t, "Root")
	id := newIdentity(t, a, physician)
	good, err := id.PKCS12("")
	if err != nil {
		t.Fatal(err)
	}
	other := newIdentity(t, a, physician)
	mismatched, err := pkcs12.Modern2023.Encode(other.Key, id.Certificate, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weakCertificate, err := a.Issue(physician, p224.Public(), now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	weak, err := pkcs12.Modern2023.Encode(p224, weakCertificate, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	slow, err := pkcs12.Modern2023.WithIterations(0x018765).Encode(id.Key, id.Certificate, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	slow = bytes.ReplaceAll(slow, []byte{2, 3, 0x01, 0x87, 0x65}, []byte{2, 3, 0x7F, 0xFF, 0xFF}) // 8.4 million, as INTEGERs
	// The library takes a salt of any class.
	hidden := bytes.Clone(slow)
	for i := 0; i+4 < len(hidden); i++ {
		if bytes.Equal(hidden[i:i+5], []byte{2, 3, 0x7F, 0xFF, 0xFF}) {
			for j := i - 1; j > i-40; j-- {
				if hidden[j] == 0x04 && j+2+int(hidden[j+1]) == i {
					hidden[j] = 0x84
				}
			}
		}
	}
	if bytes.Equal(hidden, slow) {
		t.Fatal("no salt found to change")
	}
	for name, data := range map[string][]byte{
		"too many iterations, hidden": hidden,
		"empty":                       nil, "noise": bytes.Repeat([]byte{0xA5}, 300), "truncated": good[:len(good)/2], "too large": make([]byte, MaxIdentitySize+1),
		"another key's certificate": mismatched, "weak curve": weak, "too many iterations": slow, "nested": bytes.Repeat([]byte{0x30, 0x80}, 5000),
	} {
		start := time.Now()
		if _, err := ParseIdentity(data, ""); !errors.Is(err, ErrIdentity) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); strings.HasPrefix(name, "too many iterations") && took > 2*time.Second {
			t.Errorf("refusing the iterations took %v: it obeyed them first", took)
		}
	}
}

// A single changed byte never panics and never yields another key.
func TestParseIdentityMangled(t *testing.T) {
	id := newIdentity(t, newAuthority(t, "Root"), physician)
	good, err := pkcs12.Modern2023.WithIterations(1).Encode(id.Key, id.Certificate, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x55
		if got, err := ParseIdentity(bad, ""); err == nil && !got.Certificate.Equal(id.Certificate) {
			t.Fatalf("byte %d changed: another certificate was accepted", i)
		}
	}
}

// Identities come from other tools: OpenSSL is the one that everybody has.
func TestParseIdentityFromOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("this machine has no openssl to make a PKCS#12 file with")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		c := exec.Command(openssl, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
	}
	run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-subj", "/CN=x", "-days", "2",
		"-addext", "1.2.250.1.71.1.2.7=ASN1:PRINTABLESTRING:10")
	run("pkcs12", "-export", "-inkey", "k.pem", "-in", "c.pem", "-out", "id.p12", "-passout", "pass:secret")
	data := readTestFile(t, filepath.Join(dir, "id.p12"))
	id, err := ParseIdentity(data, "secret")
	if err != nil {
		t.Fatal(err)
	}
	if role, err := CertificateRole(id.Certificate); role != RolePhysician || err != nil {
		t.Errorf("role %q, %v", role, err)
	}
}

func TestCheckKey(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil && CheckKey(small.Public()) == nil {
		t.Error("RSA of 1024 bits was accepted")
	}
	if CheckKey("not a key") == nil {
		t.Error("a string was accepted as a key")
	}
}

func readTestFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
