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

// openSigned opens a box that holds a signature and the unit that goes with it.
//
// Base is the certificate of the base, where this is an amendment.
func (c *chain) openSigned(own [idSize]byte, level int, header, box, base []byte) (s *signed, leaf *x509.Certificate, m *manifest, content []byte, err error) {
	plain, err := c.open(own, level, header, box)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	s = new(signed)
	var algorithm int64
	var certificate []byte
	rest, err := decodeSequence(plain, &algorithm, &certificate, &s.Manifest, &s.Signature, &content)
	if err == nil {
		err = checkPadding(rest)
	}
	if err == nil {
		s.Certificate, err = decodeUnit(certificate, ofCertificate(base), maxCertificate)
	}
	if err == nil {
		m, err = parseManifest(s.Manifest)
	}
	if err != nil {
		if errors.Is(err, ErrNewerFormat) {
			return nil, nil, nil, nil, err
		}
		return nil, nil, nil, nil, fmt.Errorf("%w: signed box: %w", ErrMalformed, err)
	}
	s.Algorithm = cose.Algorithm(algorithm)
	if leaf, err = x509.ParseCertificate(s.Certificate); err != nil {
		leaf = nil
	}
	return s, leaf, m, content, nil
}

// openBoxes opens the boxes up to the clearance. Only the first must open. The others are reported as damaged, since what the
// first holds is still worth showing.
func (c *chain) openBoxes(f *frame) (*opened, error) {
	o := new(opened)
	units := [4][]byte{0: f.Open}
	s, leaf, m, level1, err := c.openSigned(c.base, 1, f.Header, f.Box1, nil)
	if err == nil && m.Kind != kindBase {
		err = fmt.Errorf("%w: the base is an amendment", ErrMalformed)
	}
	if err != nil {
		return nil, err
	}
	o.signed, o.leaf, o.manifest, units[1] = *s, leaf, m, level1
	for level, box := range [4][]byte{2: f.Box2, 3: f.Box3} {
		if level < 2 {
			continue
		}
		if c.level[level] == nil {
			o.levels[level] = Level{State: LevelSealed}
			continue
		}
		plain, err := c.open(c.base, level, f.Header, box)
		var rest []byte
		switch {
		case err != nil:
		case level == 2:
			rest, err = decodeSequence(plain, &o.d3, &units[2])
		default:
			rest, err = decodeSequence(plain, &units[3])
		}
		if err != nil || checkPadding(rest) != nil {
			o.damage(level)
		}
	}
	for level, unit := range units {
		if o.levels[level].State != LevelEmpty {
			continue
		}
		o.decode(level, unit)
	}
	return o, nil
}

// decode takes a unit for the compartment of a level.
func (o *opened) decode(level int, unit []byte) {
	message, err := decodeUnit(unit, preset(o.message, level), maxInflated)
	if err != nil {
		o.damage(level)
		return
	}
	o.message[level] = message
	o.levels[level] = Level{Raw: len(message), Coded: len(unit), Codec: codecOf(unit)}
	if len(message) > 0 {
		o.levels[level].State = LevelRead
	}
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
