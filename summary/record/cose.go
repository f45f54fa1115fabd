package record

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
)

// What the external_aad begins with. A signature over one kind of thing must not pass for one over another.
const (
	contextBase      = "secours/1 base"
	contextAmendment = "secours/1 amendment"
)

// The algorithm names of RFC 9864, which fix the curve; go-cose knows the older, polymorphic ones.
const (
	algorithmEd25519 cose.Algorithm = -19
	algorithmESP256  cose.Algorithm = -9
	algorithmESP384  cose.Algorithm = -51
)

// algorithms returns the algorithms that go with a key, the preferred one first, and the one go-cose computes them
// with. The pairing is ours to check: go-cose takes an ES256 signature made with a P-384 key.
func algorithms(public crypto.PublicKey) (accepted []cose.Algorithm, computed cose.Algorithm) {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return []cose.Algorithm{cose.AlgorithmEdDSA, algorithmEd25519}, cose.AlgorithmEdDSA
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return []cose.Algorithm{cose.AlgorithmES256, algorithmESP256}, cose.AlgorithmES256
		case elliptic.P384():
			return []cose.Algorithm{cose.AlgorithmES384, algorithmESP384}, cose.AlgorithmES384
		}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= 4096 {
			return []cose.Algorithm{cose.AlgorithmPS256}, cose.AlgorithmPS256
		}
	}
	return nil, cose.AlgorithmReserved
}

// signed is a COSE_Sign1 as the card stores it: the parts from which the message is rebuilt.
type signed struct {
	Algorithm   cose.Algorithm
	Certificate []byte // DER
	Manifest    []byte
	Signature   []byte
}

func (s *signed) protected() []byte {
	return encode(map[int]any{1: int64(s.Algorithm), 33: s.Certificate})
}

// message rebuilds the tagged COSE_Sign1 (RFC 9052, 4.2). This is the only form it can take: nothing is unprotected,
// and the encoding is deterministic.
func (s *signed) message() []byte {
	return encode(cbor.Tag{Number: cose.CBORTagSign1Message, Content: []any{s.protected(), map[int]any{}, s.Manifest, s.Signature}})
}

// sign makes the signature over s.Manifest.
func (s *signed) sign(key crypto.Signer, externalAAD []byte) error {
	accepted, computed := algorithms(key.Public())
	if len(accepted) == 0 {
		return errAlgorithm
	}
	s.Algorithm = accepted[0]
	signer, err := cose.NewSigner(computed, key)
	if err != nil {
		return err
	}
	m := cose.NewSign1Message()
	m.Headers.RawProtected = encode(s.protected())
	m.Headers.Protected = cose.ProtectedHeader{
		cose.HeaderLabelAlgorithm: s.Algorithm,
		cose.HeaderLabelX5Chain:   s.Certificate,
	}
	m.Payload = s.Manifest
	if err := m.Sign(rand.Reader, externalAAD, signer); err != nil {
		return err
	}
	s.Signature = m.Signature
	return nil
}

// verify checks the signature with the certificate's key.
func (s *signed) verify(public crypto.PublicKey, externalAAD []byte) error {
	accepted, computed := algorithms(public)
	if !slices.Contains(accepted, s.Algorithm) {
		return errAlgorithm
	}
	inner, err := cose.NewVerifier(computed, public)
	if err != nil {
		return err
	}
	var m cose.Sign1Message
	if err := m.UnmarshalCBOR(s.message()); err != nil {
		return err
	}
	if !bytes.Equal(m.Headers.RawProtected, encode(s.protected())) {
		return fmt.Errorf("%w: protected header", ErrMalformed)
	}
	return m.Verify(externalAAD, verifierAs{inner, s.Algorithm})
}

// verifierAs lets go-cose verify under an RFC 9864 name what it computes under the older one.
type verifierAs struct {
	cose.Verifier
	algorithm cose.Algorithm
}

func (v verifierAs) Algorithm() cose.Algorithm { return v.algorithm }
