package record

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/secours-card/secours/summary"
)

// kindBase is the kind of a whole summary. Amendments are a later version's.
const kindBase = 0

// manifest is what the signature covers directly (FORMAT 3.5). Everything else is covered through its digests.
type manifest struct {
	Version    uint   `cbor:"1,keyasint"`
	Seq        uint64 `cbor:"2,keyasint"`
	Time       int64  `cbor:"3,keyasint"`
	Kind       uint8  `cbor:"4,keyasint"`
	Suite      Suite  `cbor:"5,keyasint"`
	D2         []byte `cbor:"6,keyasint"`
	D0         []byte `cbor:"7,keyasint,omitempty"`
	Prev       []byte `cbor:"8,keyasint,omitempty"`
	OnBehalfOf string `cbor:"9,keyasint,omitempty"`
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
		if key == 0 || key >= firstCritical {
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
		if key < firstReserved {
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
	case m.Version != formatVersion, m.Kind != kindBase, m.Seq == 0, m.Seq > maxSeq, m.Time < 0, m.Time > maxTime,
		len(m.D2) != sha256.Size, m.D0 != nil && len(m.D0) != sha256.Size, m.Prev != nil && len(m.Prev) != sha256.Size,
		summary.CheckText(m.OnBehalfOf, maxOnBehalfOf) != nil:
		return nil, fmt.Errorf("%w: manifest", ErrMalformed)
	}
	return m, nil
}

const (
	// maxOnBehalfOf bounds the name of the professional whom a locum stands in for, in characters.
	maxOnBehalfOf = 120
	// firstReserved is the first key that this version gives no meaning.
	firstReserved = 10
	// firstCritical is the first key of a manifest that no reader may pass over.
	firstCritical = 16
)

func (m *manifest) time() time.Time { return time.Unix(m.Time, 0).UTC() }
