package record

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
)

// Codec is how a unit is coded: bytes to bytes, so that recoding never touches the signature. The registry is in FORMAT
// 5.
type Codec uint8

// The codecs.
const (
	CodecPlain   Codec = 0
	CodecDeflate Codec = 1
)

const (
	// maxInflated bounds a unit after decoding. The largest summary the model allows is refused long before by the
	// card.
	maxInflated = 64 << 10
	// maxCertificate bounds a certificate: an RSA-4096 one with every extension in use stays below 3 KiB.
	maxCertificate = 4 << 10
)

// coder codes the units of one record. A deflate encoder takes longer to make than to use, so they share one.
type coder struct{ deflate *flate.Writer }

// unit returns the smallest coding of a message; an empty message is an empty unit.
func (c *coder) unit(message []byte) []byte {
	if len(message) == 0 {
		return []byte{}
	}
	plain := append([]byte{byte(CodecPlain)}, message...)
	var deflated bytes.Buffer
	deflated.WriteByte(byte(CodecDeflate))
	if c.deflate == nil {
		var err error
		if c.deflate, err = flate.NewWriter(&deflated, flate.BestCompression); err != nil {
			panic("record: " + err.Error()) // only for an unknown level
		}
	} else {
		c.deflate.Reset(&deflated)
	}
	c.deflate.Write(message) // a bytes.Buffer does not fail
	c.deflate.Close()
	if deflated.Len() < len(plain) {
		return deflated.Bytes()
	}
	return plain
}

// decodeUnit returns the message of a unit, at most limit bytes of it: more is an error, found without decoding it all.
func decodeUnit(unit []byte, limit int) ([]byte, error) {
	if len(unit) == 0 {
		return nil, nil
	}
	coded := unit[1:]
	switch Codec(unit[0]) {
	case CodecPlain:
		if len(coded) > limit {
			return nil, fmt.Errorf("%w: over %d bytes", errUnit, limit)
		}
		return coded, nil
	case CodecDeflate:
		source := bytes.NewReader(coded)
		message, err := io.ReadAll(io.LimitReader(flate.NewReader(source), int64(limit)+1))
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errUnit, err)
		case len(message) > limit:
			return nil, fmt.Errorf("%w: over %d bytes", errUnit, limit)
		case source.Len() > 0:
			return nil, fmt.Errorf("%w: bytes after the end of the stream", errUnit)
		}
		return message, nil
	}
	return nil, fmt.Errorf("%w: unknown codec %d", errUnit, unit[0])
}

func codecOf(unit []byte) Codec {
	if len(unit) == 0 {
		return CodecPlain
	}
	return Codec(unit[0])
}
