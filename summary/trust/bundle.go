package trust

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// bundleVersion is that of the file, of the payload and of the statements of roots.
const bundleVersion = 1

var bundleMagic = []byte("SCTB")

// Bounds of a bundle (FORMAT 7). The header is held in memory whole and read at every use.
const (
	MaxBundleSize    = 256 << 20
	maxHeader        = 4 << 20
	maxIntermediates = 1024
	maxRoleKeys      = 1024
	maxRetired       = 16
	maxCertificate   = 16 << 10
	preambleSize     = 12
)

// maxTime9999 is the end of the year 9999, the last that RFC 3339 can write.
const maxTime9999 = 253402300799

// Bundle is what an authority tells its readers: whom to believe, which keys to seal to, what is revoked (FORMAT 7).
//
// A bundle is consistent in itself, and signed by keys that its own statements name. Whose it is, and whether it is the
// newest, only a Store knows: nothing of a bundle is to be believed before Store.Update or Store.Attach has taken it.
type Bundle struct {
	Name       string // of the authority
	Counter    uint64
	Issued     time.Time
	NextUpdate time.Time
	// Statements is the row of root statements, the last one in force.
	Statements []*RootStatement
	Anchors    []Anchor
	// Intermediates are certificates in DER. A read parses those that the chain in hand can need.
	Intermediates [][]byte
	RoleKeys      []RoleKey
	RetiredSuites []int

	digest [32]byte // of the file before the shards
	file   io.ReaderAt
	shards shards
}

// Members of the payload.
const (
	memberVersion = 1 + iota
	memberName
	memberCounter
	memberIssued
	memberNextUpdate
	memberStatements
	memberAnchors
	memberIntermediates
	memberRoleKeys
	memberRetired
	memberTable

	firstReserved = 32
	lastReserved  = 63
)

type anchorContent struct {
	Name          string `cbor:"1,keyasint"`
	Certificate   []byte `cbor:"2,keyasint"`
	Role          Role   `cbor:"3,keyasint,omitempty"`
	Ceiling       []Role `cbor:"4,keyasint,omitempty"`
	DistrustAfter uint64 `cbor:"5,keyasint,omitempty"`
}

type roleKeyContent struct {
	Authority string `cbor:"1,keyasint"`
	Role      Role   `cbor:"2,keyasint"`
	Epoch     uint32 `cbor:"3,keyasint"`
	Clearance int    `cbor:"4,keyasint"`
	Curve     int    `cbor:"5,keyasint"`
	Public    []byte `cbor:"6,keyasint"`
	Stolen    uint64 `cbor:"7,keyasint,omitempty"`
}

// curves are the numbers of FORMAT 7.2.
var curves = []ecdh.Curve{ecdh.X25519(), ecdh.P256()}

// OpenBundle reads the header of a bundle of size bytes, and checks it: bounds, statements, signature. The revocations
// are read when they are looked up, so file must stay open and unchanged. Errors are ErrBundle, ErrNewerBundle, or those of file.
func OpenBundle(file io.ReaderAt, size int64) (*Bundle, error) {
	if size < preambleSize || size > MaxBundleSize {
		return nil, fmt.Errorf("%w: a file of %d bytes", ErrBundle, size)
	}
	preamble := make([]byte, preambleSize)
	if err := readAt(file, preamble, 0); err != nil {
		return nil, err
	}
	length := int64(binary.BigEndian.Uint32(preamble[8:]))
	switch {
	case !slices.Equal(preamble[:4], bundleMagic):
		return nil, fmt.Errorf("%w: another kind of file", ErrBundle)
	case preamble[4] != bundleVersion:
		return nil, ErrNewerBundle
	case preamble[5]|preamble[6]|preamble[7] != 0, length > maxHeader, length > size-preambleSize:
		return nil, fmt.Errorf("%w: its first bytes", ErrBundle)
	}
	head := make([]byte, preambleSize+length)
	if err := readAt(file, head, 0); err != nil {
		return nil, err
	}
	message, err := parseSign1(head[preambleSize:])
	if err != nil {
		return nil, err
	}
	b := &Bundle{digest: sha256.Sum256(head), file: file}
	if err := b.parse(message.Payload, int64(len(head)), size); err != nil {
		return nil, err
	}
	if err := checkStatements(b.Statements); err != nil {
		return nil, err
	}
	toSign := message.toSign()
	if !slices.ContainsFunc(b.statement().BundleKeys, func(key ed25519.PublicKey) bool {
		return ed25519.Verify(key, toSign, message.Signature)
	}) {
		return nil, fmt.Errorf("%w: its signature is not that of its bundle keys", ErrBundle)
	}
	return b, nil
}

// statement is the one in force.
func (b *Bundle) statement() *RootStatement { return b.Statements[len(b.Statements)-1] }

// Roots returns the root set that speaks for the authority now.
func (b *Bundle) Roots() *RootSet { return &b.statement().Roots }

// RootsBy returns the root set with that fingerprint, the present one or one that it followed; nil if there is none.
func (b *Bundle) RootsBy(fingerprint [32]byte) *RootSet {
	for _, s := range b.Statements {
		if s.Roots.Fingerprint() == fingerprint {
			return &s.Roots
		}
	}
	return nil
}

func readAt(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// parse reads the payload; the shards stand in the file from start to size.
func (b *Bundle) parse(payload []byte, start, size int64) error {
	var members map[uint64]cbor.RawMessage
	if err := decode(payload, &members); err != nil {
		return err
	}
	var version, issued, next uint64
	var statements [][]byte
	var anchors []anchorContent
	var keys []roleKeyContent
	var table []byte
	for _, m := range []struct {
		key      uint64
		optional bool
		into     any
	}{
		{memberVersion, false, &version},
		{memberName, false, &b.Name},
		{memberCounter, false, &b.Counter},
		{memberIssued, false, &issued},
		{memberNextUpdate, false, &next},
		{memberStatements, false, &statements},
		{memberAnchors, true, &anchors},
		{memberIntermediates, true, &b.Intermediates},
		{memberRoleKeys, true, &keys},
		{memberRetired, true, &b.RetiredSuites},
		{memberTable, false, &table},
	} {
		data, there := members[m.key]
		if !there {
			if m.optional {
				continue
			}
			return fmt.Errorf("%w: member %d is missing", ErrBundle, m.key)
		}
		if m.optional && len(data) == 1 {
			return fmt.Errorf("%w: member %d is empty", ErrBundle, m.key)
		}
		if err := decode(data, m.into); err != nil {
			return fmt.Errorf("member %d: %w", m.key, err)
		}
		if m.key == memberVersion && version != bundleVersion {
			return ErrNewerBundle
		}
		delete(members, m.key)
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if key < firstReserved || key > lastReserved {
			// It may restrict what the rest says: refuse rather than widen.
			return fmt.Errorf("%w: member %d is not known", ErrNewerBundle, key)
		}
		var reserved any
		if err := decode(members[key], &reserved); err != nil {
			return fmt.Errorf("member %d: %w", key, err)
		}
	}
	b.Issued, b.NextUpdate = seconds(issued), seconds(next)
	switch {
	case !isName(b.Name):
		return fmt.Errorf("%w: the name of the authority", ErrBundle)
	case b.Counter < 1 || b.Counter > maxNumber:
		return fmt.Errorf("%w: the counter %d", ErrBundle, b.Counter)
	case issued > maxTime9999, next > maxTime9999, next <= issued:
		return fmt.Errorf("%w: its times", ErrBundle)
	case len(statements) < 1 || len(statements) > maxStatements:
		return fmt.Errorf("%w: %d statements of roots", ErrBundle, len(statements))
	case len(b.Intermediates) > maxIntermediates, len(b.RetiredSuites) > maxRetired:
		return fmt.Errorf("%w: %d intermediates, %d retired suites", ErrBundle, len(b.Intermediates), len(b.RetiredSuites))
	}
	for i, suite := range b.RetiredSuites {
		if suite < 0 || suite > 255 || i > 0 && suite <= b.RetiredSuites[i-1] {
			return fmt.Errorf("%w: the retired suites", ErrBundle)
		}
	}
	for i, der := range b.Intermediates {
		if len(der) == 0 || len(der) > maxCertificate {
			return fmt.Errorf("%w: intermediate %d has %d bytes", ErrBundle, i, len(der))
		}
	}
	for _, data := range statements {
		s, err := ParseRootStatement(data)
		if err != nil {
			return err
		}
		b.Statements = append(b.Statements, s)
	}
	if err := b.parseAnchors(anchors); err != nil {
		return err
	}
	if err := b.parseRoleKeys(keys); err != nil {
		return err
	}
	var err error
	b.shards, err = parseShards(table, start, size)
	return err
}

func (b *Bundle) parseAnchors(list []anchorContent) error {
	if len(list) > MaxAnchors {
		return fmt.Errorf("%w: %d anchors", ErrBundle, len(list))
	}
	seen := map[string]bool{}
	for i, c := range list {
		if !isName(c.Name) || len(c.Certificate) > maxCertificate || c.DistrustAfter > maxTime9999 || seen[string(c.Certificate)] {
			return fmt.Errorf("%w: anchor %d", ErrBundle, i)
		}
		seen[string(c.Certificate)] = true
		certificate, err := x509.ParseCertificate(c.Certificate)
		if err != nil {
			return fmt.Errorf("%w: anchor %d: %w", ErrBundle, i, err)
		}
		a := Anchor{Name: c.Name, Certificate: certificate, Role: c.Role, Ceiling: c.Ceiling, Bundled: true}
		if c.DistrustAfter != 0 {
			a.DistrustAfter = seconds(c.DistrustAfter)
		}
		if err := a.check(); err != nil {
			return fmt.Errorf("%w: anchor %d: %w", ErrBundle, i, err)
		}
		b.Anchors = append(b.Anchors, a)
	}
	return nil
}

func (b *Bundle) parseRoleKeys(list []roleKeyContent) error {
	if len(list) > maxRoleKeys {
		return fmt.Errorf("%w: %d role keys", ErrBundle, len(list))
	}
	type name struct {
		authority string
		role      Role
		epoch     uint32
		curve     int
	}
	seen := map[name]bool{}
	for i, c := range list {
		n := name{c.Authority, c.Role, c.Epoch, c.Curve}
		if !isName(c.Authority) || !slices.Contains(KeyRoles(), c.Role) || c.Epoch == 0 || c.Clearance < 0 || c.Clearance > 2 ||
			c.Curve < 0 || c.Curve >= len(curves) || c.Stolen > maxTime9999 || seen[n] {
			return fmt.Errorf("%w: role key %d", ErrBundle, i)
		}
		seen[n] = true
		public, err := curves[c.Curve].NewPublicKey(c.Public)
		if err != nil {
			return fmt.Errorf("%w: role key %d is no point", ErrBundle, i)
		}
		k := RoleKey{Authority: c.Authority, Role: c.Role, Epoch: c.Epoch, Clearance: c.Clearance, Public: public}
		if c.Stolen != 0 {
			k.Stolen = seconds(c.Stolen)
		}
		b.RoleKeys = append(b.RoleKeys, k)
	}
	return nil
}

// Check does what OpenBundle leaves out because a reader of one card has no time for it: every shard, every intermediate, and
// role keys of low order. Errors are ErrBundle.
func (b *Bundle) Check() error {
	seen := map[string]bool{}
	for i, der := range b.Intermediates {
		if seen[string(der)] {
			return fmt.Errorf("%w: intermediate %d is there twice", ErrBundle, i)
		}
		seen[string(der)] = true
		if _, err := parseIntermediate(der); err != nil {
			return fmt.Errorf("%w: intermediate %d: %w", ErrBundle, i, err)
		}
	}
	for i, k := range b.RoleKeys {
		if k.Public.Curve() == ecdh.X25519() && lowOrder(k.Public) {
			return fmt.Errorf("%w: role key %d is of low order", ErrBundle, i)
		}
	}
	return b.checkRevocations()
}

func parseIntermediate(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if !c.IsCA || !c.BasicConstraintsValid {
		return nil, ErrNotAuthority
	}
	return c, checkAuthorityKey(c.PublicKey)
}

func seconds(n uint64) time.Time { return time.Unix(int64(min(n, maxTime9999+1)), 0).UTC() }

func knownTime(t time.Time) bool { return t.Unix() >= 0 && t.Unix() <= maxTime9999 }
