package trust

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// The CBOR of bundles, configured once. A bundle is believed only after its signature, but what is around the signature
// is parsed before. Whatever could be written in two ways, or cost more than it brings, is refused.
var (
	encMode = func() cbor.EncMode {
		o := cbor.CoreDetEncOptions()
		o.NilContainers = cbor.NilContainerAsEmpty // an absent byte string is h'', never null
		m, err := o.EncMode()
		if err != nil {
			panic(err)
		}
		return m
	}()
	decMode = func() cbor.DecMode {
		m, err := cbor.DecOptions{
			DupMapKey:        cbor.DupMapKeyEnforcedAPF,
			IndefLength:      cbor.IndefLengthForbidden,
			TagsMd:           cbor.TagsForbidden, // the two tags that a bundle has are taken off before
			MaxNestedLevels:  8,                  // the deepest is the ceiling of an anchor: 4
			MaxArrayElements: maxIntermediates,   // the longest list of FORMAT 7.2
			MaxMapPairs:      64,
			UTF8:             cbor.UTF8RejectInvalid,
		}.DecMode()
		if err != nil {
			panic(err)
		}
		return m
	}()
)

func encode(v any) []byte {
	b, err := encMode.Marshal(v)
	if err != nil {
		panic("trust: " + err.Error()) // only for types that CBOR cannot hold
	}
	return b
}

// decode decodes data, which must hold one item in deterministic encoding and nothing else. Errors are ErrBundle.
func decode(data []byte, v any) error {
	if err := decMode.Unmarshal(data, v); err != nil {
		// The library's text can quote what it read.
		return fmt.Errorf("%w: malformed CBOR", ErrBundle)
	}
	if !bytes.Equal(encode(v), data) {
		return fmt.Errorf("%w: not in deterministic encoding, or with members that do not belong there", ErrBundle)
	}
	return nil
}

// The algorithm names of Ed25519: EdDSA (RFC 9053), which writers use as in records, and Ed25519 (RFC 9864).
const (
	algorithmEdDSA   = -8
	algorithmEd25519 = -19
)

func knownAlgorithm(alg int64) bool { return alg == algorithmEdDSA || alg == algorithmEd25519 }

// The first elements of external_aad. A signature over one kind of thing must not pass for one over another.
const (
	contextBundle = "secours/1 bundle"
	contextRoot   = "secours/1 root"
)

// The heads of the tags 18 (COSE_Sign1) and 98 (COSE_Sign).
var (
	tagSign1 = []byte{0xD2}
	tagSign  = []byte{0xD8, 98}
)

// coseSign1 is an untagged COSE_Sign1 (RFC 9052, section 4.2), the only form of it that FORMAT 7.1 has. go-cose stays with the
// records: one algorithm and one form need none of its breadth.
type coseSign1 struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected map[int]int
	Payload     []byte
	Signature   []byte
}

type protectedSign1 struct {
	Algorithm int64 `cbor:"1,keyasint"`
}

func (m *coseSign1) toSign() []byte {
	return encode([]any{"Signature1", m.Protected, encode([]string{contextBundle}), m.Payload})
}

func parseSign1(data []byte) (*coseSign1, error) {
	rest, tagged := bytes.CutPrefix(data, tagSign1)
	if !tagged {
		return nil, fmt.Errorf("%w: no COSE_Sign1", ErrBundle)
	}
	var m coseSign1
	var protected protectedSign1
	if err := decode(rest, &m); err != nil {
		return nil, err
	}
	if err := decode(m.Protected, &protected); err != nil {
		return nil, err
	}
	if len(m.Unprotected) > 0 || !knownAlgorithm(protected.Algorithm) {
		return nil, fmt.Errorf("%w: a header that is not that of an Ed25519 signature", ErrBundle)
	}
	return &m, nil
}

// newSign1 returns the tagged message.
func newSign1(payload []byte, key ed25519.PrivateKey) []byte {
	m := coseSign1{Protected: encode(protectedSign1{algorithmEdDSA}), Payload: payload}
	m.Signature = ed25519.Sign(key, m.toSign())
	return append(slices.Clone(tagSign1), encode(&m)...)
}

// coseSign is an untagged COSE_Sign (RFC 9052, section 4.1), with the signers' keys as key ids.
type coseSign struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected map[int]int
	Payload     []byte
	Signatures  []coseSignature
}

type coseSignature struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected map[int]int
	Signature   []byte
}

type protectedSignature struct {
	Algorithm int64  `cbor:"1,keyasint"`
	Key       []byte `cbor:"4,keyasint"`
}

func (m *coseSign) toSign(protected []byte) []byte {
	return encode([]any{"Signature", m.Protected, protected, encode([]string{contextRoot}), m.Payload})
}

func parseSign(data []byte) (*coseSign, []ed25519.PublicKey, error) {
	rest, tagged := bytes.CutPrefix(data, tagSign)
	if !tagged {
		return nil, nil, fmt.Errorf("%w: no COSE_Sign", ErrBundle)
	}
	var m coseSign
	if err := decode(rest, &m); err != nil {
		return nil, nil, err
	}
	if len(m.Protected)+len(m.Unprotected) > 0 || len(m.Signatures) == 0 || len(m.Signatures) > maxSignatures {
		return nil, nil, fmt.Errorf("%w: a statement of roots with headers, or with no or too many signatures", ErrBundle)
	}
	var keys []ed25519.PublicKey
	for _, s := range m.Signatures {
		var p protectedSignature
		if err := decode(s.Protected, &p); err != nil {
			return nil, nil, err
		}
		if !knownAlgorithm(p.Algorithm) || len(s.Unprotected) > 0 || len(p.Key) != ed25519.PublicKeySize {
			return nil, nil, fmt.Errorf("%w: a header that is not that of an Ed25519 signature", ErrBundle)
		}
		keys = append(keys, p.Key)
	}
	if !ascending(keys) {
		return nil, nil, fmt.Errorf("%w: the signatures of a statement are not in order", ErrBundle)
	}
	return &m, keys, nil
}

// ascending reports whether the keys are in order and no two equal.
func ascending(keys []ed25519.PublicKey) bool {
	for i := 1; i < len(keys); i++ {
		if bytes.Compare(keys[i-1], keys[i]) >= 0 {
			return false
		}
	}
	return true
}
