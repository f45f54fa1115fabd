package record

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/secours-card/secours/summary"
)

// Kind is what a signed record is.
type Kind uint8

// KindBase is a whole summary. Amendments are a later version's.
const KindBase Kind = 0

// manifest is what the signature covers directly (FORMAT 3.4). Everything else is covered through its digests.
type manifest struct {
	Version    uint   `cbor:"1,keyasint"`
	Seq        uint64 `cbor:"2,keyasint"`
	Time       int64  `cbor:"3,keyasint"`
	Kind       Kind   `cbor:"4,keyasint"`
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

// parseManifest reads a manifest. A reader passes over members below firstCritical that it does not know; those from there on change
// what the others mean.
func parseManifest(data []byte) (*manifest, error) {
	var members map[uint64]cbor.RawMessage
	if err := decodeOnly(data, &members); err != nil {
		return nil, err
	}
	for key := range members {
		if key >= firstCritical {
			return nil, ErrNewerFormat
		}
	}
	m := new(manifest)
	if err := decMode.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", ErrMalformed, err)
	}
	switch {
	case m.Version > formatVersion:
		return nil, ErrNewerFormat
	case m.Version != formatVersion, m.Kind != KindBase, m.Seq == 0, m.Seq > maxSeq, m.Time < 0, m.Time > maxTime, len(m.D2) != sha256.Size,
		len(m.D0) != 0 && len(m.D0) != sha256.Size, len(m.Prev) != 0 && len(m.Prev) != sha256.Size, summary.CheckText(m.OnBehalfOf, maxOnBehalfOf) != nil:
		return nil, fmt.Errorf("%w: manifest", ErrMalformed)
	}
	return m, nil
}

const (
	// maxOnBehalfOf bounds the name of the professional whom a locum stands in for, in characters.
	maxOnBehalfOf = 120
	// firstCritical is the first key of a manifest that no reader may pass over.
	firstCritical = 16
)

func (m *manifest) time() time.Time { return time.Unix(m.Time, 0).UTC() }
