package trust

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Bounds of the delegation (FORMAT 7.3). Each statement may cost as many verifications as it has signatures.
const (
	maxStatements = 16
	maxRoots      = 16
	maxSignatures = 2 * maxRoots // of the old roots and the new ones
	maxNumber     = 1<<53 - 1    // what every language counts exactly
)

// RootSet is the keys that an authority keeps offline, and how many of them it takes to speak for it.
type RootSet struct {
	Keys      []ed25519.PublicKey
	Threshold int
}

// Fingerprint is what a person compares before a home is tied to an authority (FORMAT 7.3). The order of the keys does not matter.
func (r *RootSet) Fingerprint() [32]byte {
	return sha256.Sum256(encode([]any{contextRoot, r.Threshold, sorted(r.Keys)}))
}

func sorted(keys []ed25519.PublicKey) []ed25519.PublicKey {
	list := slices.Clone(keys)
	slices.SortFunc(list, func(a, b ed25519.PublicKey) int { return bytes.Compare(a, b) })
	return list
}

func (r *RootSet) check() error {
	if err := checkKeys(r.Keys, maxRoots); err != nil {
		return err
	}
	if r.Threshold < 1 || r.Threshold > len(r.Keys) {
		return fmt.Errorf("%w: a threshold of %d for %d roots", ErrBundle, r.Threshold, len(r.Keys))
	}
	return nil
}

// checkKeys wants 1 to limit keys in ascending order.
func checkKeys(keys []ed25519.PublicKey, limit int) error {
	if len(keys) == 0 || len(keys) > limit || !ascending(keys) {
		return fmt.Errorf("%w: keys out of order, or none, or more than %d", ErrBundle, limit)
	}
	for _, k := range keys {
		if len(k) != ed25519.PublicKeySize {
			return fmt.Errorf("%w: an Ed25519 key of %d bytes", ErrBundle, len(k))
		}
	}
	return nil
}

// RootStatement is how the roots of an authority name the keys that sign its bundles (FORMAT 7.3).
type RootStatement struct {
	Number     uint64
	Issued     time.Time
	Roots      RootSet
	BundleKeys []ed25519.PublicKey

	message *coseSign
	signers []ed25519.PublicKey // of message, one for each of its signatures
}

type statementContent struct {
	Version   int64               `cbor:"1,keyasint"`
	Number    uint64              `cbor:"2,keyasint"`
	Issued    uint64              `cbor:"3,keyasint"`
	Roots     []ed25519.PublicKey `cbor:"4,keyasint"`
	Threshold int                 `cbor:"5,keyasint"`
	Keys      []ed25519.PublicKey `cbor:"6,keyasint"`
}

// ParseRootStatement reads a signed statement. Its signatures are not looked at: a bundle's are, by OpenBundle. Errors are
// ErrBundle or ErrNewerBundle.
func ParseRootStatement(data []byte) (*RootStatement, error) {
	message, signers, err := parseSign(data)
	if err != nil {
		return nil, err
	}
	var c statementContent
	if err := decode(message.Payload, &c); err != nil {
		return nil, err
	}
	if c.Version != bundleVersion {
		return nil, ErrNewerBundle
	}
	s := &RootStatement{
		Number: c.Number, Issued: seconds(c.Issued), Roots: RootSet{c.Roots, c.Threshold}, BundleKeys: c.Keys,
		message: message, signers: signers,
	}
	return s, s.check()
}

func (s *RootStatement) check() error {
	if s.Number < 1 || s.Number > maxNumber || !knownTime(s.Issued) {
		return fmt.Errorf("%w: the number or the time of a statement of roots", ErrBundle)
	}
	if err := s.Roots.check(); err != nil {
		return err
	}
	return checkKeys(s.BundleKeys, maxRoots)
}

// Sign signs the statement. Several roots sign one after the other, wherever each is kept: a statement that was signed
// before keeps its signatures as long as it says the same. A new root set needs the signatures of the one before it too.
func (s *RootStatement) Sign(keys ...ed25519.PrivateKey) error {
	s.Roots.Keys, s.BundleKeys = sorted(s.Roots.Keys), sorted(s.BundleKeys)
	if err := s.check(); err != nil {
		return err
	}
	payload := encode(&statementContent{
		bundleVersion, s.Number, uint64(s.Issued.Unix()), s.Roots.Keys, s.Roots.Threshold, s.BundleKeys,
	})
	if s.message == nil || !bytes.Equal(s.message.Payload, payload) {
		s.message, s.signers = &coseSign{Payload: payload}, nil
	}
	for _, key := range keys {
		public, ok := key.Public().(ed25519.PublicKey)
		if !ok {
			return errors.New("a root that is no Ed25519 key")
		}
		at, found := slices.BinarySearchFunc(s.signers, public, func(a, b ed25519.PublicKey) int { return bytes.Compare(a, b) })
		if found {
			continue
		}
		if len(s.signers) >= maxSignatures {
			return fmt.Errorf("a statement has at most %d signatures", maxSignatures)
		}
		protected := encode(protectedSignature{algorithmEdDSA, public})
		one := coseSignature{Protected: protected, Signature: ed25519.Sign(key, s.message.toSign(protected))}
		s.message.Signatures = slices.Insert(s.message.Signatures, at, one)
		s.signers = slices.Insert(s.signers, at, public)
	}
	return nil
}

// Bytes encodes the signed statement.
func (s *RootStatement) Bytes() []byte {
	if s.message == nil {
		return nil
	}
	return append(slices.Clone(tagSign), encode(s.message)...)
}

// signedBy reports whether a root set stands behind the statement.
func (s *RootStatement) signedBy(roots *RootSet) bool {
	valid := 0
	for i, key := range s.signers {
		if !slices.ContainsFunc(roots.Keys, func(k ed25519.PublicKey) bool { return k.Equal(key) }) {
			continue
		}
		one := s.message.Signatures[i]
		if ed25519.Verify(key, s.message.toSign(one.Protected), one.Signature) {
			if valid++; valid == roots.Threshold {
				return true
			}
		}
	}
	return false
}

// checkStatements checks the row of statements of a bundle: numbers, and signatures by their own roots and those before.
func checkStatements(list []*RootStatement) error {
	for i, s := range list {
		switch {
		case i > 0 && s.Number <= list[i-1].Number:
			return fmt.Errorf("%w: the statements of roots are not in order", ErrBundle)
		case !s.signedBy(&s.Roots), i > 0 && !s.signedBy(&list[i-1].Roots):
			return fmt.Errorf("%w: too few valid signatures under a statement of roots", ErrBundle)
		}
	}
	return nil
}
