package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// MaxIdentitySize bounds a PKCS#12 file: a key with a long chain takes a few kilobytes.
const MaxIdentitySize = 256 << 10

// maxIterations bounds the work that a PKCS#12 file can ask for. Ten times what current tools write (OpenSSL 2,048,
// Windows 2,000, the strictest guidance 600,000 for PBKDF2) would still be under this; 20 million take eight seconds.
const maxIterations = 6_000_000

// Identity is a professional's signing key with its certificate.
type Identity struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	// Chain holds the certificates above Certificate that the file carried, nearest first.
	Chain []*x509.Certificate
}

// ParseIdentity reads a PKCS#12 file (RFC 7292). It returns an error that is ErrPassphrase or ErrIdentity.
func ParseIdentity(data []byte, passphrase string) (*Identity, error) {
	if len(data) > MaxIdentitySize {
		return nil, fmt.Errorf("%w: the file is over %d bytes", ErrIdentity, MaxIdentitySize)
	}
	if err := checkIterations(data, 0); err != nil {
		return nil, err
	}
	key, certificate, chain, err := pkcs12.DecodeChain(data, passphrase)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, ErrPassphrase
	case err != nil:
		// The library's text can quote parts of the file; its kind is enough for a reader.
		return nil, fmt.Errorf("%w: the file does not decode", ErrIdentity)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: the key cannot sign", ErrIdentity)
	}
	id := &Identity{Certificate: certificate, Key: signer, Chain: chain}
	if err := id.check(); err != nil {
		return nil, err
	}
	return id, nil
}

func (id *Identity) check() error {
	type equaler interface{ Equal(crypto.PublicKey) bool }
	public, ok := id.Key.Public().(equaler)
	if !ok || !public.Equal(id.Certificate.PublicKey) {
		return fmt.Errorf("%w: the key is not the certificate's", ErrIdentity)
	}
	return CheckKey(id.Certificate.PublicKey)
}

// PKCS12 encodes the identity under a passphrase, in the form that OpenSSL 3.0 reads too (PBES2, AES-256, SHA-256).
func (id *Identity) PKCS12(passphrase string) ([]byte, error) {
	return pkcs12.Modern2023.Encode(id.Key, id.Certificate, id.Chain, passphrase)
}

// CheckKey reports whether records can be signed with that kind of key: Ed25519, P-256, P-384, or RSA of 2048 to
// 4096 bits.
func CheckKey(public crypto.PublicKey) error {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return nil
		}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= 4096 {
			return nil
		}
	}
	return fmt.Errorf("%w: the key is not Ed25519, P-256, P-384 or RSA of 2048 to 4096 bits", ErrIdentity)
}

// checkAuthorityKey holds an authority to keys that cannot be forged today; P-521 and long RSA keys are common there.
func checkAuthorityKey(public crypto.PublicKey) error {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P224() {
			return nil
		}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= 16384 {
			return nil
		}
	}
	return errors.New("the authority's key is too weak, or of an unknown kind")
}

// KeyType names the kind of key that NewKey makes.
type KeyType string

// The kinds of key. Ed25519 makes the smallest certificates and signatures.
const (
	Ed25519 KeyType = "ed25519"
	P256    KeyType = "p256"
	P384    KeyType = "p384"
	RSA2048 KeyType = "rsa2048"
)

// NewKey makes a signing key.
func NewKey(t KeyType) (crypto.Signer, error) {
	switch t {
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, fmt.Errorf("unknown kind of key %q (one of ed25519, p256, p384, rsa2048)", t)
}

// checkIterations walks the ASN.1 of a PKCS#12 file and refuses iteration counts that would keep us busy for long,
// before the library obeys them. In every key derivation of RFC 7292 and RFC 8018 the count is an INTEGER that follows
// an OCTET STRING, the salt, in the same SEQUENCE. The library takes a salt of any class that has its tag number, and
// so does this. A count inside an encrypted part cannot be seen from outside, so callers that open files from strangers
// want a time limit as well.
func checkIterations(der []byte, depth int) error {
	if depth > 24 {
		return fmt.Errorf("%w: nested too deep", ErrIdentity)
	}
	afterOctets := false
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			if depth == 0 {
				return fmt.Errorf("%w: not DER", ErrIdentity)
			}
			return nil // an OCTET STRING that holds no DER
		}
		der = rest
		integer := v.Class == asn1.ClassUniversal && v.Tag == asn1.TagInteger
		if integer && afterOctets {
			var n int64
			if _, err := asn1.Unmarshal(v.FullBytes, &n); err != nil || n < 0 || n > maxIterations {
				return fmt.Errorf("%w: it asks for more than %d rounds of key derivation", ErrIdentity, maxIterations)
			}
		}
		octets := v.Tag == asn1.TagOctetString
		afterOctets = octets
		if v.IsCompound || octets {
			if err := checkIterations(v.Bytes, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
