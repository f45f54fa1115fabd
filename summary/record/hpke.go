package record

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// The numbers of RFC 9180, section 7.
const (
	kemP256   uint16 = 0x0010
	kemX25519 uint16 = 0x0020
	kdfSHA256 uint16 = 0x0001
)

func (s Suite) hpkeAEAD() hpke.AEAD {
	if s == SuiteAESGCM {
		return hpke.AES256GCM()
	}
	return hpke.ChaCha20Poly1305()
}

// Takes reports whether keys of a curve have a place in the suite.
func (s Suite) Takes(curve ecdh.Curve) bool {
	return curve == ecdh.P256() && s != SuiteNone || curve == ecdh.X25519() && s == SuiteChaCha
}

// hpkeOpen opens what was sealed to a key: RFC 9180, base mode.
func (s Suite) hpkeOpen(key *ecdh.PrivateKey, enc, info, aad, sealed []byte) ([]byte, error) {
	private, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, err
	}
	r, err := hpke.NewRecipient(enc, private, hpke.HKDFSHA256(), s.hpkeAEAD(), info)
	if err != nil {
		return nil, err
	}
	return r.Open(aad, sealed)
}

// hpkeSeal seals to a key as crypto/hpke would, but with an ephemeral key that several recipients share, which the library
// does not offer and its receivers cannot tell (FORMAT 3.2). The caller gives no recipient twice: each has an AEAD key of its
// own only because its public key is in the KEM context.
func (s Suite) hpkeSeal(to *ecdh.PublicKey, ephemeral *ecdh.PrivateKey, info, aad, plaintext []byte) ([]byte, error) {
	dh, err := ephemeral.ECDH(to)
	if err != nil {
		return nil, err // a low-order point
	}
	kem := kemX25519
	if to.Curve() == ecdh.P256() {
		kem = kemP256
	}
	// RFC 9180, 4.1: ExtractAndExpand.
	k := labels(binary.BigEndian.AppendUint16([]byte("KEM"), kem))
	enc := ephemeral.PublicKey().Bytes()
	shared := k.expand(k.extract(nil, "eae_prk", dh), "shared_secret", append(enc[:len(enc):len(enc)], to.Bytes()...), 32)
	// RFC 9180, 5.1: KeySchedule in base mode.
	id := binary.BigEndian.AppendUint16([]byte("HPKE"), kem)
	id = binary.BigEndian.AppendUint16(id, kdfSHA256)
	id = binary.BigEndian.AppendUint16(id, s.hpkeAEAD().ID())
	h := labels(id)
	context := append([]byte{0}, h.extract(nil, "psk_id_hash", nil)...)
	context = append(context, h.extract(nil, "info_hash", info)...)
	secret := h.extract(shared, "secret", nil)
	nonce := h.expand(secret, "base_nonce", context, 12)
	return s.newAEAD(h.expand(secret, "key", context, 32)).Seal(nil, nonce, plaintext, aad), nil
}

// labels are the labelled HKDF functions of RFC 9180, section 4, under a suite_id.
type labels []byte

func (id labels) extract(salt []byte, label string, secret []byte) []byte {
	input := append([]byte("HPKE-v1"), id...)
	input = append(append(input, label...), secret...)
	prk, err := hkdf.Extract(sha256.New, input, salt)
	if err != nil {
		panic("record: " + err.Error()) // only where FIPS mode forbids the hash
	}
	return prk
}

func (id labels) expand(prk []byte, label string, info []byte, size int) []byte {
	labelled := binary.BigEndian.AppendUint16(nil, uint16(size))
	labelled = append(append(append(labelled, "HPKE-v1"...), id...), label...)
	key, err := hkdf.Expand(sha256.New, prk, string(append(labelled, info...)), size)
	if err != nil {
		panic("record: " + err.Error()) // only for sizes over 255 hashes
	}
	return key
}

// RecoveryKey makes the patient's recovery key from the code on paper (FORMAT 3.2).
func RecoveryKey(code [16]byte, curve ecdh.Curve) (*ecdh.PrivateKey, error) {
	material, err := hkdf.Key(sha256.New, code[:], nil, "secours/1 recovery", 32)
	if err != nil {
		return nil, err
	}
	derived, err := hpke.DHKEM(curve).DeriveKeyPair(material)
	if err != nil {
		return nil, err
	}
	raw, err := derived.Bytes()
	if err != nil {
		return nil, err
	}
	return curve.NewPrivateKey(raw)
}

const grantInfo = "secours/1 grant"

// SealGrant seals keys that an authority hands to an establishment, for its own key: HPKE in base mode, the info
// "secours/1 grant", AES-256-GCM for P-256 and ChaCha20-Poly1305 for X25519. The encapsulated key comes first.
func SealGrant(to *ecdh.PublicKey, keys []byte) ([]byte, error) {
	public, err := hpke.NewDHKEMPublicKey(to)
	if err != nil {
		return nil, err
	}
	return hpke.Seal(public, hpke.HKDFSHA256(), grantSuite(to.Curve()).hpkeAEAD(), []byte(grantInfo), keys)
}

// OpenGrant opens what SealGrant sealed. The error is ErrGrant.
func OpenGrant(key *ecdh.PrivateKey, data []byte) ([]byte, error) {
	private, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGrant, err)
	}
	keys, err := hpke.Open(private, hpke.HKDFSHA256(), grantSuite(key.Curve()).hpkeAEAD(), []byte(grantInfo), data)
	if err != nil {
		return nil, ErrGrant
	}
	return keys, nil
}

func grantSuite(curve ecdh.Curve) Suite {
	if curve == ecdh.P256() {
		return SuiteAESGCM
	}
	return SuiteChaCha
}
