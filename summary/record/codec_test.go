package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary/trust"
)

func TestUnits(t *testing.T) {
	long := bytes.Repeat([]byte("amoxicilline "), 100)
	for _, message := range [][]byte{nil, {0}, []byte("x"), long} {
		unit := new(coder).unit(message, nil)
		got, err := decodeUnit(unit, nil, maxInflated)
		if err != nil || !bytes.Equal(got, message) {
			t.Errorf("%d bytes: %v", len(message), err)
		}
	}
	if unit := new(coder).unit(long, nil); codecOf(unit) != CodecDeflate || len(unit) > 100 {
		t.Errorf("the smaller codec was not kept: %d bytes, codec %d", len(unit), unit[0])
	}
	if unit := new(coder).unit([]byte{1, 2, 3}, nil); codecOf(unit) != CodecPlain {
		t.Error("deflate was kept though it is larger")
	}
	bomb := new(coder).unit(make([]byte, maxInflated+1), nil)
	for name, unit := range map[string][]byte{
		"bomb": bomb, "unknown codec": {9, 1, 2}, "trailing bytes": append(new(coder).unit(long, nil), 0), "noise": {1, 0xFF, 0xFF},
		"no dictionary": {2, 1, 0, 0, 0xFF, 0xFF}, "truncated": new(coder).unit(long, nil)[:20], "plain over the limit": append([]byte{0}, make([]byte, maxInflated+1)...),
	} {
		if _, err := decodeUnit(unit, nil, maxInflated); !errors.Is(err, errUnit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was decoded before it serves as a dictionary, for the same dictionary only.
func TestPresetUnits(t *testing.T) {
	before := []byte("un certificat de la même autorité, au nom de quelqu'un d'autre, 0123456789")
	message := []byte("un certificat de la même autorité, au nom du Dr LEROY, 0123456789")
	unit := new(coder).unit(message, dictionaries{CodecPreset: before})
	if codecOf(unit) != CodecPreset || len(unit) > 30 {
		t.Fatalf("%d bytes, codec %d", len(unit), codecOf(unit))
	}
	if got, err := decodeUnit(unit, dictionaries{CodecPreset: before}, 1000); err != nil || !bytes.Equal(got, message) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := decodeUnit(unit, nil, 1000); !errors.Is(err, errUnit) {
		t.Errorf("without the dictionary: %v", err)
	}
	if _, err := decodeUnit(unit, dictionaries{CodecPreset: before}, len(message)-1); !errors.Is(err, errUnit) {
		t.Errorf("over the limit: %v", err)
	}
}

// The dictionary is for ever: cards that were written with it are read with it.
func TestCertificateDictionary(t *testing.T) {
	const digest = "9601876bd631ef3c0754cd2d73f87d1ef6de7ed4a99542d8480b18072be40944"
	if sum := sha256.Sum256(certificateDictionary); hex.EncodeToString(sum[:]) != digest {
		t.Errorf("the dictionary of certificates changed: %x", sum)
	}
	format, err := os.ReadFile("../../docs/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	if flat := strings.Join(strings.Fields(string(format)), ""); !strings.Contains(flat, hex.EncodeToString(certificateDictionary)) || !strings.Contains(flat, digest) {
		t.Error("FORMAT 5.1 does not have the dictionary, or its digest")
	}
	f := newFixture(t, trust.Ed25519)
	message := f.signer.Certificate.Raw
	unit := new(coder).unit(message, ofCertificate(nil))
	if got, err := decodeUnit(unit, ofCertificate(nil), maxCertificate); err != nil || !bytes.Equal(got, message) || codecOf(unit) != CodecCertificate {
		t.Errorf("codec %d, %v", codecOf(unit), err)
	}
	t.Logf("%d bytes of %d", len(unit), len(message))
}
