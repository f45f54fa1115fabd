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
	// CodecPreset is CodecDeflate with a preset dictionary: what a reader of the unit has decoded before it.
	CodecPreset Codec = 2
	// CodecCertificate is CodecDeflate with the dictionary of certificates.
	CodecCertificate Codec = 3
)

// dictionaries are those that a unit can have at its place (FORMAT 5).
type dictionaries map[Codec][]byte

// ofCertificate are the dictionaries of a certificate; base is the base's, for an amendment's.
func ofCertificate(base []byte) dictionaries {
	return dictionaries{CodecPreset: base, CodecCertificate: certificateDictionary}
}

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
func (c *coder) unit(message []byte, d dictionaries) []byte {
	if len(message) == 0 {
		return []byte{}
	}
	best := append([]byte{byte(CodecPlain)}, message...)
	keep := func(codec Codec, write func(io.Writer) *flate.Writer) {
		var b bytes.Buffer
		b.WriteByte(byte(codec))
		w := write(&b)
		w.Write(message) // a bytes.Buffer does not fail
		w.Close()
		if b.Len() < len(best) {
			best = b.Bytes()
		}
	}
	keep(CodecDeflate, func(b io.Writer) *flate.Writer {
		if c.deflate == nil {
			c.deflate = newDeflate(b, nil)
		} else {
			c.deflate.Reset(b)
		}
		return c.deflate
	})
	for _, codec := range []Codec{CodecPreset, CodecCertificate} {
		if len(d[codec]) > 0 {
			keep(codec, func(b io.Writer) *flate.Writer { return newDeflate(b, d[codec]) })
		}
	}
	return best
}

func newDeflate(b io.Writer, dictionary []byte) *flate.Writer {
	w, err := flate.NewWriterDict(b, flate.BestCompression, dictionary)
	if err != nil {
		panic("record: " + err.Error()) // only for an unknown level
	}
	return w
}

// decodeUnit returns the message of a unit, at most limit bytes of it: more is an error, found without decoding it all.
func decodeUnit(unit []byte, d dictionaries, limit int) ([]byte, error) {
	if len(unit) == 0 {
		return nil, nil
	}
	coded := unit[1:]
	switch codec := Codec(unit[0]); codec {
	case CodecPlain:
		if len(coded) > limit {
			return nil, fmt.Errorf("%w: over %d bytes", errUnit, limit)
		}
		return coded, nil
	case CodecDeflate, CodecPreset, CodecCertificate:
		dictionary := d[codec]
		if codec != CodecDeflate && len(dictionary) == 0 {
			return nil, fmt.Errorf("%w: no dictionary here", errUnit)
		}
		source := bytes.NewReader(coded)
		message, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(source, dictionary), int64(limit)+1))
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
