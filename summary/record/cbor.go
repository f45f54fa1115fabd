package record

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// The record's own CBOR, configured once. A card is hostile. Whatever could be written in two ways, or cost more than
// it brings, is refused.
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
			DupMapKey:         cbor.DupMapKeyEnforcedAPF,
			IndefLength:       cbor.IndefLengthForbidden,
			TagsMd:            cbor.TagsForbidden,
			MaxNestedLevels:   8, // the deepest is a record with recipients: 4
			MaxArrayElements:  64,
			MaxMapPairs:       64,
			UTF8:              cbor.UTF8RejectInvalid,
			ExtraReturnErrors: cbor.ExtraDecErrorNone,
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
		panic("record: " + err.Error()) // only for types that CBOR cannot hold
	}
	return b
}

// decodeFirst decodes the first item of a sequence into v and returns what follows. It refuses any but the
// deterministic encoding by encoding again and comparing.
func decodeFirst(data []byte, v any) ([]byte, error) {
	rest, err := decMode.UnmarshalFirst(data, v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if item := data[:len(data)-len(rest)]; !bytes.Equal(encode(v), item) {
		return nil, fmt.Errorf("%w: not in deterministic encoding", ErrMalformed)
	}
	return rest, nil
}

// decodeOnly decodes data, which must hold one item and nothing else.
func decodeOnly(data []byte, v any) error {
	rest, err := decodeFirst(data, v)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: %d bytes too many", ErrMalformed, len(rest))
	}
	return err
}

// checkPadding refuses anything but a few zeros.
func checkPadding(rest []byte) error {
	if len(rest) > maxPadding || len(bytes.Trim(rest, "\x00")) > 0 {
		return fmt.Errorf("%w: the padding is not zeros", ErrMalformed)
	}
	return nil
}
