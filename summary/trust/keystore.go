package trust

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The schema names of the JSON documents that hold keys.
const (
	KeystoreSchema  = "secours.keystore/1"
	KeysSchema      = "secours.keys/1"
	PublicKeySchema = "secours.publickey/1"
)

// Bounds of a keystore: a programme has seven roles, and a new epoch of each perhaps every year.
const (
	MaxKeys         = 1024
	MaxKeystoreSize = 1 << 20
)

// maxName bounds the name of an authority, in characters (FORMAT 7.2).
const maxName = 64

// X25519 names the kind of key that opens records, beside P256.
const X25519 KeyType = "x25519"

// Keystore is the private keys of a home, opened.
type Keystore struct {
	Keys []PrivateKey
}

// PublicKey is the public half of a PrivateKey, with what that says of itself: Opening or Signing is set, as there.
type PublicKey struct {
	Kind      KeyKind
	Authority string
	Role      Role
	Epoch     uint32
	Created   time.Time
	Opening   *ecdh.PublicKey
	Signing   ed25519.PublicKey
}

// Bytes returns the key alone, as RFC 9180 (X25519, P-256 uncompressed) and RFC 8032 serialise it.
func (k *PublicKey) Bytes() []byte {
	if k.Opening != nil {
		return k.Opening.Bytes()
	}
	return slices.Clone(k.Signing)
}

// Algorithm is X25519, P256 or Ed25519.
func (k *PublicKey) Algorithm() KeyType {
	switch {
	case k.Opening == nil:
		return Ed25519
	case k.Opening.Curve() == ecdh.P256():
		return P256
	}
	return X25519
}

// Fingerprint is what two people compare to know that they have the same key. It begins with the KeyID.
func (k *PublicKey) Fingerprint() [32]byte {
	h := sha256.New()
	h.Write([]byte("secours/1 key"))
	h.Write(k.Bytes())
	return [32]byte(h.Sum(nil))
}

// PublicKey returns the public half.
func (k *PrivateKey) PublicKey() PublicKey {
	p := PublicKey{Kind: k.Kind, Authority: k.Authority, Role: k.Role, Epoch: k.Epoch, Created: k.Created}
	if k.Opening != nil {
		p.Opening = k.Opening.PublicKey()
	} else if len(k.Signing) == ed25519.PrivateKeySize {
		p.Signing = k.Signing.Public().(ed25519.PublicKey)
	}
	return p
}

// check returns an error that is ErrKeystore, or ErrNewerKeystore where a later version may know better.
func (k *PrivateKey) check() error {
	if k.Opening != nil && k.Signing != nil {
		return fmt.Errorf("%w: a key for opening and signing both", ErrKeystore)
	}
	// An Ed25519 private key carries its public half along, which somebody may have put together wrongly.
	if k.Signing != nil && (len(k.Signing) != ed25519.PrivateKeySize || !ed25519.NewKeyFromSeed(k.Signing.Seed()).Equal(k.Signing)) {
		return fmt.Errorf("%w: a public key that does not belong to its private key", ErrKeystore)
	}
	p := k.PublicKey()
	return p.check()
}

func (k *PublicKey) check() error {
	authority := false
	switch k.Kind {
	case KeyRole:
		authority = true
		if !slices.Contains(KeyRoles(), k.Role) {
			return fmt.Errorf("%w: a key of an unknown role", ErrNewerKeystore)
		}
		if k.Epoch == 0 {
			return fmt.Errorf("%w: a role key without an epoch", ErrKeystore)
		}
	case KeyBundle, KeyBundleRoot:
		authority = true
	case KeyPractice, KeyRecovery:
	default:
		return fmt.Errorf("%w: an unknown kind of key", ErrNewerKeystore)
	}
	signs := k.Kind == KeyBundle || k.Kind == KeyBundleRoot
	switch {
	case signs && (k.Opening != nil || len(k.Signing) != ed25519.PublicKeySize), !signs && (k.Opening == nil || k.Signing != nil):
		return fmt.Errorf("%w: a %s key of the wrong algorithm", ErrKeystore, k.Kind)
	case k.Opening != nil && k.Opening.Curve() != ecdh.X25519() && k.Opening.Curve() != ecdh.P256():
		return fmt.Errorf("%w: a key on a curve other than X25519 and P-256", ErrKeystore)
	case authority != (k.Authority != ""):
		return fmt.Errorf("%w: a %s key, and its authority", ErrKeystore, k.Kind)
	case k.Kind != KeyRole && (k.Role != "" || k.Epoch != 0):
		return fmt.Errorf("%w: a %s key with a role or an epoch", ErrKeystore, k.Kind)
	case !k.Created.IsZero() && (k.Created.Year() < 1970 || k.Created.Year() > 9999):
		return fmt.Errorf("%w: a key made at an impossible time", ErrKeystore)
	}
	if authority && !isName(k.Authority) {
		return fmt.Errorf("%w: an authority's name of more than %d characters, or with one that is not allowed", ErrKeystore, maxName)
	}
	return nil
}

// isName reports whether s is a line of FORMAT 4.2 of at most maxName characters. Every JSON encoder writes these in the
// same way, on which the checksum depends.
func isName(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxName && !strings.ContainsFunc(s, notInLine)
}

func notInLine(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError ||
		r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// Add adds a key. The error is ErrHaveKey where the key is there, ErrKeyEpoch where another is there for that epoch of
// the role on the same curve, and ErrKeystore where the key is not one that a keystore can hold.
func (k *Keystore) Add(key PrivateKey) error {
	if err := key.check(); err != nil {
		return err
	}
	if len(k.Keys) >= MaxKeys {
		return fmt.Errorf("%w: it would hold more than %d keys", ErrKeystore, MaxKeys)
	}
	var seen keySet
	for i := range k.Keys {
		if err := seen.add(k.Keys[i].PublicKey()); err != nil {
			return err
		}
	}
	if err := seen.add(key.PublicKey()); err != nil {
		return err
	}
	key.Created = key.Created.UTC().Truncate(time.Second)
	k.Keys = append(k.Keys, key)
	return nil
}

// keySet finds keys that are there twice, and two keys for one epoch.
type keySet struct {
	keys   map[string]bool
	epochs map[roleEpoch]bool
}

// roleEpoch is what an authority names a role key by (FORMAT 7.2).
type roleEpoch struct {
	authority string
	role      Role
	epoch     uint32
	algorithm KeyType
}

func (s *keySet) add(k PublicKey) error {
	if s.keys == nil {
		s.keys, s.epochs = map[string]bool{}, map[roleEpoch]bool{}
	}
	if public := string(k.Bytes()); s.keys[public] {
		return ErrHaveKey
	} else {
		s.keys[public] = true
	}
	if k.Kind == KeyRole {
		of := roleEpoch{k.Authority, k.Role, k.Epoch, k.Algorithm()}
		if s.epochs[of] {
			return ErrKeyEpoch
		}
		s.epochs[of] = true
	}
	return nil
}

// keyJSON is a key in all JSON documents. Private is absent where it stands elsewhere: in the box, or nowhere. Members
// stand in the order of their names, as they do in canonical JSON (RFC 8785).
type keyJSON struct {
	Algorithm KeyType `json:"algorithm"`
	Authority string  `json:"authority,omitempty"`
	Created   string  `json:"created,omitempty"`
	Epoch     uint32  `json:"epoch,omitempty"`
	Kind      KeyKind `json:"kind"`
	Private   []byte  `json:"private,omitempty"`
	Public    []byte  `json:"public"`
	Role      Role    `json:"role,omitempty"`
}

// createdFormat is RFC 3339 in UTC, to the second.
const createdFormat = "2006-01-02T15:04:05Z"

func (k *PublicKey) json() keyJSON {
	j := keyJSON{Algorithm: k.Algorithm(), Authority: k.Authority, Epoch: k.Epoch, Kind: k.Kind, Public: k.Bytes(), Role: k.Role}
	if !k.Created.IsZero() {
		j.Created = k.Created.UTC().Format(createdFormat)
	}
	return j
}

// rawKeySize is the length of every private key: X25519 (RFC 7748), P-256 (SEC 1), and the seed of Ed25519 (RFC 8032).
const rawKeySize = 32

func (k *PrivateKey) raw() []byte {
	switch {
	case k.Opening != nil:
		return k.Opening.Bytes()
	case len(k.Signing) == ed25519.PrivateKeySize:
		return k.Signing.Seed()
	}
	return nil
}

// public reads the public half. P-256 points off the curve are refused here by crypto/ecdh.
func (j *keyJSON) public() (PublicKey, error) {
	k := PublicKey{Kind: j.Kind, Authority: j.Authority, Role: j.Role, Epoch: j.Epoch}
	var err error
	if j.Created != "" {
		if k.Created, err = time.Parse(createdFormat, j.Created); err != nil {
			return k, fmt.Errorf("%w: a time that is not one", ErrKeystore)
		}
	}
	switch j.Algorithm {
	case X25519:
		k.Opening, err = ecdh.X25519().NewPublicKey(j.Public)
	case P256:
		k.Opening, err = ecdh.P256().NewPublicKey(j.Public)
	case Ed25519:
		k.Signing = slices.Clone(j.Public)
	default:
		return k, fmt.Errorf("%w: a key of an unknown algorithm", ErrNewerKeystore)
	}
	if err != nil {
		return k, fmt.Errorf("%w: a public key that is not one", ErrKeystore)
	}
	return k, k.check()
}

// private reads the private half from its raw bytes, and refuses one that does not belong to the public half.
func (k *PublicKey) private(raw []byte) (PrivateKey, error) {
	own := PrivateKey{Kind: k.Kind, Authority: k.Authority, Role: k.Role, Epoch: k.Epoch, Created: k.Created}
	if len(raw) != rawKeySize {
		return PrivateKey{}, fmt.Errorf("%w: a private key that is not of %d bytes", ErrKeystore, rawKeySize)
	}
	var err error
	if k.Opening == nil {
		own.Signing = ed25519.NewKeyFromSeed(raw)
	} else if own.Opening, err = k.Opening.Curve().NewPrivateKey(raw); err != nil {
		return PrivateKey{}, fmt.Errorf("%w: a private key that is not one", ErrKeystore)
	}
	if !bytes.Equal(own.Public(), k.Bytes()) {
		return PrivateKey{}, fmt.Errorf("%w: a public key that does not belong to its private key", ErrKeystore)
	}
	return own, nil
}

type keysJSON struct {
	Keys   []keyJSON `json:"keys"`
	Schema string    `json:"schema"`
}

// MarshalKeys encodes private keys, in the clear, for somebody to seal: the content of a grant. The keys must be such as
// Keystore.Add takes.
func MarshalKeys(keys []PrivateKey) []byte {
	j := keysJSON{Keys: []keyJSON{}, Schema: KeysSchema}
	for i := range keys {
		p := keys[i].PublicKey()
		e := p.json()
		e.Private = keys[i].raw()
		j.Keys = append(j.Keys, e)
	}
	return canonicalJSON(j)
}

// UnmarshalKeys reads what MarshalKeys wrote. Errors are ErrKeystore or ErrNewerKeystore.
func UnmarshalKeys(data []byte) ([]PrivateKey, error) {
	var j keysJSON
	if err := parseKeyDocument(data, KeysSchema, &j); err != nil {
		return nil, err
	}
	if len(j.Keys) > MaxKeys {
		return nil, fmt.Errorf("%w: more than %d keys", ErrKeystore, MaxKeys)
	}
	var seen keySet
	keys := make([]PrivateKey, 0, len(j.Keys))
	for i := range j.Keys {
		public, err := j.Keys[i].public()
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		if err := seen.add(public); err != nil {
			return nil, fmt.Errorf("%w: keys[%d]: %w", ErrKeystore, i, err)
		}
		k, err := public.private(j.Keys[i].Private)
		clear(j.Keys[i].Private)
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

type publicKeyJSON struct {
	Key    keyJSON `json:"key"`
	Schema string  `json:"schema"`
}

// JSON encodes the key for somebody else to seal to: to an authority, for a grant. Nothing authenticates it; the
// Fingerprint is for that.
func (k *PublicKey) JSON() ([]byte, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	return indentJSON(publicKeyJSON{k.json(), PublicKeySchema}), nil
}

// ParsePublicKey reads what PublicKey.JSON wrote. Errors are ErrKeystore or ErrNewerKeystore.
func ParsePublicKey(data []byte) (*PublicKey, error) {
	var j publicKeyJSON
	if err := parseKeyDocument(data, PublicKeySchema, &j); err != nil {
		return nil, err
	}
	if j.Key.Private != nil {
		return nil, fmt.Errorf("%w: a private key, where a public one is due", ErrKeystore)
	}
	k, err := j.Key.public()
	if err != nil {
		return nil, err
	}
	if k.Opening != nil && k.Opening.Curve() == ecdh.X25519() && lowOrder(k.Opening) {
		return nil, fmt.Errorf("%w: a public key of low order", ErrKeystore)
	}
	return &k, nil
}

// lowOrder reports whether what is sealed to an X25519 key could be opened by everybody (RFC 7748, section 6.1).
// NewPublicKey takes such keys; an agreement with any private key shows them.
func lowOrder(public *ecdh.PublicKey) bool {
	one, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, rawKeySize))
	if err != nil {
		return true
	}
	_, err = one.ECDH(public)
	return err != nil
}

// parseKeyDocument reads one JSON document. Its errors quote nothing of it, since it may hold private keys.
func parseKeyDocument(data []byte, schema string, into any) error {
	if len(data) > MaxKeystoreSize {
		return fmt.Errorf("%w: over %d bytes", ErrKeystore, MaxKeystoreSize)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	// Unmarshal, unlike a Decoder, refuses data after the document.
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("%w: not a JSON document", ErrKeystore)
	}
	if head.Schema != schema {
		name, _, _ := strings.Cut(schema, "/")
		if strings.HasPrefix(head.Schema, name+"/") {
			return fmt.Errorf("%w: another version of %s", ErrNewerKeystore, name)
		}
		return fmt.Errorf("%w: not a %s document", ErrKeystore, name)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	// What this version does not know may limit what a key is for: refuse rather than widen.
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: not a %s document", ErrKeystore, schema)
	}
	return nil
}

// canonicalJSON is RFC 8785 for the documents of this file: members declared in the order of their names, integers below
// 2^53, strings of printable characters, nothing null.
func canonicalJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // structures of strings, bytes and integers always encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func indentJSON(v any) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, canonicalJSON(v), "", "  "); err != nil {
		panic(err) // canonicalJSON wrote it
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// checksum finds accidents, such as a file that an editor cut short; it is no authentication.
func checksum(v any) string {
	h := sha256.Sum256(canonicalJSON(v))
	return hex.EncodeToString(h[:])
}
