package record

import (
	"crypto/sha256"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// MaxSize bounds a record, in bytes. It is about what a card of 32 KiB, the most that 15-bit offsets reach, holds in
// one of its two slots.
const MaxSize = 16 << 10

// maxAmendments bounds what may follow a base.
const maxAmendments = 64

const formatVersion = 1

// frame is the base as it stands on the card (FORMAT 3).
type frame struct {
	_      struct{} `cbor:",toarray"`
	Header []byte
	Wraps  []cbor.RawMessage
	Open   []byte
	Box1   []byte
	Box2   []byte
	Box3   []byte
}

// clearHeader is suite 0's header, the only one that this version writes.
type clearHeader struct {
	_       struct{} `cbor:",toarray"`
	Version uint
	Suite   Suite
	ID      []byte
	K3      []byte
}

// parse splits a record into its base, the base's header, and the number of amendments that follow.
func parse(raw []byte) (*frame, *clearHeader, int, error) {
	if len(raw) == 0 || len(raw) > MaxSize {
		return nil, nil, 0, fmt.Errorf("%w: %d bytes", ErrMalformed, len(raw))
	}
	f := new(frame)
	rest, err := decodeFirst(raw, f)
	if err != nil {
		return nil, nil, 0, err
	}
	h, err := parseHeader(f.Header)
	if err != nil {
		return nil, nil, 0, err
	}
	if len(f.Wraps) > 0 {
		return nil, nil, 0, fmt.Errorf("%w: recipients in suite 0", ErrMalformed)
	}
	amendments := 0
	for len(rest) > 0 {
		if rest, err = parseAmendment(rest); err != nil {
			return nil, nil, 0, err
		}
		if amendments++; amendments > maxAmendments {
			return nil, nil, 0, fmt.Errorf("%w: more than %d amendments", ErrMalformed, maxAmendments)
		}
	}
	return f, h, amendments, nil
}

// amendmentFrame is an amendment as it stands on the card (FORMAT 3). This version only counts them.
type amendmentFrame struct {
	_      struct{} `cbor:",toarray"`
	Header []byte
	Wraps  []cbor.RawMessage
	Box    []byte
}

// parseAmendment holds the first item of a sequence to the shape of an amendment and returns what follows.
func parseAmendment(data []byte) ([]byte, error) {
	var a amendmentFrame
	rest, err := decodeFirst(data, &a)
	if err != nil {
		return nil, err
	}
	var header struct {
		_       struct{} `cbor:",toarray"`
		Version uint
		Suite   Suite
		ID      []byte
		Level   uint8
	}
	if err := decodeOnly(a.Header, &header); err != nil {
		return nil, err
	}
	switch {
	case header.Version > formatVersion:
		return nil, ErrNewerFormat
	case header.Version != formatVersion, len(header.ID) != idSize, header.Level < 1, header.Level > 3, len(a.Box) < tagSize:
		return nil, fmt.Errorf("%w: amendment", ErrMalformed)
	}
	return rest, nil
}

// parseHeader looks at version and suite before it holds the rest to this version's shape.
func parseHeader(header []byte) (*clearHeader, error) {
	var parts []cbor.RawMessage
	if err := decodeOnly(header, &parts); err != nil {
		return nil, err
	}
	var version, suite uint64
	if len(parts) < 3 || decodeOnly(parts[0], &version) != nil || decodeOnly(parts[1], &suite) != nil {
		return nil, fmt.Errorf("%w: header", ErrMalformed)
	}
	if version > formatVersion {
		return nil, ErrNewerFormat
	}
	if suite != uint64(SuiteNone) {
		return nil, fmt.Errorf("%w (suite %d)", ErrSuite, suite)
	}
	h := new(clearHeader)
	if err := decodeOnly(header, h); err != nil {
		return nil, err
	}
	if h.Version != formatVersion || len(h.ID) != idSize || len(h.K3) != keySize {
		return nil, fmt.Errorf("%w: header", ErrMalformed)
	}
	return h, nil
}

// head is what a successor's prev points to: everything of the base but the wraps, so that re-sealing does not change
// it.
func (f *frame) head() [sha256.Size]byte {
	h := sha256.New()
	for _, part := range [][]byte{f.Header, f.Open, f.Box1, f.Box2, f.Box3} {
		h.Write(encode(part))
	}
	return [sha256.Size]byte(h.Sum(nil))
}
