package trust

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// BundleDraft is what an authority wants to say with its next bundle.
type BundleDraft struct {
	Name       string
	Counter    uint64 // one more than that of the bundle before
	Issued     time.Time
	NextUpdate time.Time
	// Statements, signed, in the order of their numbers: one for each root set that readers may still know.
	Statements    []*RootStatement
	Anchors       []Anchor
	Intermediates [][]byte // certificates in DER
	RoleKeys      []RoleKey
	RetiredSuites []int
	// Revocations in any order. They are kept for ever: one that was in an earlier bundle belongs into this one too.
	Revocations []Revocation
}

// Sign makes the bundle, signed by one of the bundle keys of the last statement. It is read back before it is returned: no
// reader refuses what Sign returns. A million revocations take 12 MB, and three times that while they are sorted.
func (d *BundleDraft) Sign(key ed25519.PrivateKey) ([]byte, error) {
	if !knownTime(d.Issued) || !knownTime(d.NextUpdate) {
		return nil, errors.New("a bundle outside of the years 1970 to 9999")
	}
	table, data, err := encodeShards(d.Revocations)
	if err != nil {
		return nil, err
	}
	var statements [][]byte
	for _, s := range d.Statements {
		statements = append(statements, s.Bytes())
	}
	members := map[uint64]cbor.RawMessage{
		memberVersion:    encode(bundleVersion),
		memberName:       encode(d.Name),
		memberCounter:    encode(d.Counter),
		memberIssued:     encode(d.Issued.Unix()),
		memberNextUpdate: encode(d.NextUpdate.Unix()),
		memberStatements: encode(statements),
		memberTable:      encode(table),
	}
	var anchors []anchorContent
	for _, a := range d.Anchors {
		c := anchorContent{Name: a.Name, Certificate: a.Certificate.Raw, Role: a.Role, Ceiling: a.Ceiling}
		if !a.DistrustAfter.IsZero() {
			c.DistrustAfter = uint64(a.DistrustAfter.Unix())
		}
		anchors = append(anchors, c)
	}
	var keys []roleKeyContent
	for _, k := range d.RoleKeys {
		c := roleKeyContent{
			Authority: k.Authority, Role: k.Role, Epoch: k.Epoch, Clearance: k.Clearance,
			Curve: slices.Index(curves, k.Public.Curve()), Public: k.Public.Bytes(),
		}
		if !k.Stolen.IsZero() {
			c.Stolen = uint64(k.Stolen.Unix())
		}
		keys = append(keys, c)
	}
	suites := slices.Compact(slices.Sorted(slices.Values(d.RetiredSuites)))
	if len(anchors) > 0 {
		members[memberAnchors] = encode(anchors)
	}
	if len(d.Intermediates) > 0 {
		members[memberIntermediates] = encode(d.Intermediates)
	}
	if len(keys) > 0 {
		members[memberRoleKeys] = encode(keys)
	}
	if len(suites) > 0 {
		members[memberRetired] = encode(suites)
	}
	header := newSign1(encode(members), key)
	if len(header) > maxHeader {
		return nil, fmt.Errorf("the header of the bundle has %d bytes, at most %d are allowed", len(header), maxHeader)
	}
	file := make([]byte, 0, preambleSize+len(header)+len(data))
	file = append(append(file, bundleMagic...), bundleVersion, 0, 0, 0)
	file = append(append(binary.BigEndian.AppendUint32(file, uint32(len(header))), header...), data...)
	b, err := OpenBundle(bytes.NewReader(file), int64(len(file)))
	if err == nil {
		err = b.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("no reader would take this bundle: %w", err)
	}
	return file, nil
}
