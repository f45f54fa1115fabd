package record

import (
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/veraison/go-cose"

	"github.com/secours-card/secours/summary"
)

// opened is what the boxes held.
type opened struct {
	signed   signed
	leaf     *x509.Certificate // nil where the certificate does not parse
	manifest *manifest
	d3       []byte
	message  [4][]byte // the levels' compartments
	levels   [4]Level
	damaged  bool
}

// openBoxes opens the boxes. Only the first must open. The others are reported as damaged, since what the first holds
// is still worth showing.
func (c *chain) openBoxes(f *frame) (*opened, error) {
	o := new(opened)
	plain, err := c.open(c.base, 1, f.Header, f.Box1)
	if err != nil {
		return nil, err
	}
	var algorithm int64
	var certificate, level1, level2, level3 []byte
	rest, err := decodeSequence(plain, &algorithm, &certificate, &o.signed.Manifest, &o.signed.Signature, &level1)
	if err == nil {
		err = checkPadding(rest)
	}
	if err == nil {
		o.signed.Certificate, err = decodeUnit(certificate, maxCertificate)
	}
	if err == nil {
		o.manifest, err = parseManifest(o.signed.Manifest)
	}
	if err != nil {
		if errors.Is(err, ErrNewerFormat) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: box 1: %w", ErrMalformed, err)
	}
	o.signed.Algorithm = cose.Algorithm(algorithm)
	if o.leaf, err = x509.ParseCertificate(o.signed.Certificate); err != nil {
		o.leaf = nil
	}
	if plain, err = c.open(c.base, 2, f.Header, f.Box2); err == nil {
		rest, err = decodeSequence(plain, &o.d3, &level2)
	}
	if err != nil || checkPadding(rest) != nil {
		o.damage(2)
	}
	if plain, err = c.open(c.base, 3, f.Header, f.Box3); err == nil {
		rest, err = decodeSequence(plain, &level3)
	}
	if err != nil || checkPadding(rest) != nil {
		o.damage(3)
	}
	for level, unit := range [4][]byte{f.Open, level1, level2, level3} {
		if o.levels[level].State == LevelDamaged {
			continue
		}
		message, err := decodeUnit(unit, maxInflated)
		if err != nil {
			o.damage(level)
			continue
		}
		o.message[level] = message
		o.levels[level] = Level{Raw: len(message), Coded: len(unit), Codec: codecOf(unit)}
		if len(message) > 0 {
			o.levels[level].State = LevelRead
		}
	}
	return o, nil
}

func (o *opened) damage(level int) {
	o.damaged = true
	o.levels[level] = Level{State: LevelDamaged}
	o.message[level] = nil
}

// merge puts the compartments together. One that is signed and yet cannot be read, because a later version wrote it or a faulty
// one, is given up, and the others are still shown; the error says so.
func (o *opened) merge() (*summary.Summary, error) {
	s, err := summary.Merge(o.message)
	if err == nil {
		return s, nil
	}
	for _, lost := range [][]int{{3}, {2}, {0}, {2, 3}, {0, 2, 3}} {
		rest := o.message
		for _, level := range lost {
			rest[level] = nil
		}
		if s, again := summary.Merge(rest); again == nil {
			for _, level := range lost {
				if len(o.message[level]) > 0 {
					o.damage(level)
				}
			}
			return s, err
		}
	}
	return nil, err
}

// decodeSequence decodes the items of a CBOR sequence into the pointers given and returns what follows.
func decodeSequence(data []byte, items ...any) ([]byte, error) {
	for _, item := range items {
		var err error
		if data, err = decodeFirst(data, item); err != nil {
			return nil, err
		}
	}
	return data, nil
}
