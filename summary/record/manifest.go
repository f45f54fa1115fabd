package record

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/secours-card/secours/summary"
)

// The kinds of a manifest.
const (
	kindBase      = 0
	kindAmendment = 1
)

// manifest is what the signature covers directly (FORMAT 3.5). Everything else is covered through its digests.
type manifest struct {
	Version    uint   `cbor:"1,keyasint"`
	Seq        uint64 `cbor:"2,keyasint"`
	Time       int64  `cbor:"3,keyasint"`
	Kind       uint8  `cbor:"4,keyasint"`
	Suite      Suite  `cbor:"5,keyasint"`
	D2         []byte `cbor:"6,keyasint,omitempty"`
	D0         []byte `cbor:"7,keyasint,omitempty"`
	Prev       []byte `cbor:"8,keyasint,omitempty"`
	OnBehalfOf string `cbor:"9,keyasint,omitempty"`
	// Replaces says which amendments of the same author this one took the place of.
	Replaces []replaced `cbor:"16,keyasint,omitempty"`
	Dropped  *dropped   `cbor:"17,keyasint,omitempty"`
}

// replaced names an amendment that is gone: its digest, and what it was written on.
type replaced struct {
	_      struct{} `cbor:",toarray"`
	Digest []byte
	Prev   []byte
}

// dropped is what the author of a base could not read of the record before it.
type dropped struct {
	_      struct{} `cbor:",toarray"`
	Level  uint8
	Reason string
}

// maxSeq keeps sequence numbers exact in JSON, whose numbers many readers hold as doubles.
const maxSeq = 1<<53 - 1

// maxTime keeps times within what RFC 3339 can write: the end of the year 9999.
const maxTime = 253402300799

// parseManifest reads a manifest and refuses any but the deterministic encoding, since two manifests that say the same
// would be two records. A reader passes over the members from firstReserved on that it does not know. Those from
// firstCritical on change what the others mean.
func parseManifest(data []byte) (*manifest, error) {
	var members map[uint64]cbor.RawMessage
	if err := decodeOnly(data, &members); err != nil {
		return nil, err
	}
	for key := range members {
		if key == 0 || key >= firstUnknown {
			return nil, ErrNewerFormat
		}
	}
	m := new(manifest)
	if err := decMode.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", ErrMalformed, err)
	}
	if m.Version > formatVersion {
		return nil, ErrNewerFormat
	}
	// decodeOnly held the map to its form, but not the members, which it took as they came.
	for key, member := range members {
		if key < firstReserved || key >= firstCritical {
			continue
		}
		var v any
		if err := decodeOnly(member, &v); err != nil {
			return nil, fmt.Errorf("manifest, member %d: %w", key, err)
		}
		delete(members, key)
	}
	if !bytes.Equal(encode(members), encode(m)) {
		return nil, fmt.Errorf("%w: manifest: a member is missing, empty, or not in deterministic encoding", ErrMalformed)
	}
	switch {
	case m.Version != formatVersion, m.Seq == 0, m.Seq > maxSeq, m.Time < 0, m.Time > maxTime,
		m.Prev != nil && len(m.Prev) != len(Head{}), summary.CheckText(m.OnBehalfOf, maxOnBehalfOf) != nil,
		m.Kind == kindBase && !m.isBase(), m.Kind == kindAmendment && !m.isAmendment(), m.Kind > kindAmendment:
		return nil, fmt.Errorf("%w: manifest", ErrMalformed)
	}
	return m, nil
}

func (m *manifest) isBase() bool {
	if d := m.Dropped; d != nil && (d.Level > 3 || d.Reason == "" || summary.CheckText(d.Reason, maxReason) != nil) {
		return false
	}
	return len(m.D2) == sha256.Size && (m.D0 == nil || len(m.D0) == sha256.Size) && m.Replaces == nil
}

func (m *manifest) isAmendment() bool {
	for _, r := range m.Replaces {
		if len(r.Digest) != len(Head{}) || len(r.Prev) != len(Head{}) {
			return false
		}
	}
	return m.D2 == nil && m.D0 == nil && m.Dropped == nil && m.Prev != nil && len(m.Replaces) <= maxAmendments
}

const (
	// maxReason bounds the reason why a level was dropped, in characters.
	maxReason = 200
	// maxOnBehalfOf bounds the name of the professional whom a locum stands in for, in characters.
	maxOnBehalfOf = 120
	// firstReserved is the first key that this version gives no meaning.
	firstReserved = 10
	// firstCritical is the first key of a manifest that no reader may pass over.
	firstCritical = 16
	// firstUnknown is the first of those that this version does not know.
	firstUnknown = 18
)

func (m *manifest) time() time.Time { return time.Unix(m.Time, 0).UTC() }
