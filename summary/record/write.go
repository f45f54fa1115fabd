package record

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// Draft is what a new record is made from.
type Draft struct {
	// Card is the id of the card that the record is for; it opens on no other.
	Card [16]byte
	// Summary is validated before anything is signed.
	Summary *summary.Summary
	// Signer signs. Its role is checked by readers, and here too, so that nobody writes what nobody will accept.
	Signer *trust.Identity
	// Seq is the record's sequence number: 1, or one more than that of the record it replaces.
	Seq uint64
	// Time is the time of signing.
	Time time.Time
	// Prev is the Head of the record that this one replaces, nil for the first.
	Prev *[32]byte
	// OnBehalfOf names the professional whom the signer stands in for; one line of at most 120 characters.
	OnBehalfOf string
}

// Write signs the summary for the card and returns the record's bytes. In this version the suite is SuiteNone: the
// record is signed but not sealed. Errors of the summary are *summary.PathError. ErrRole and ErrCertificate mean that
// the signer's record would be refused by every reader.
func Write(d Draft) ([]byte, error) {
	if d.Seq == 0 || d.Seq > maxSeq || d.Time.Unix() < 0 || d.Time.Unix() > maxTime {
		return nil, errors.New("sequence number or time out of range")
	}
	if err := summary.CheckText(d.OnBehalfOf, maxOnBehalfOf); err != nil {
		return nil, fmt.Errorf("onBehalfOf: %w", err)
	}
	leaf := d.Signer.Certificate
	// A certificate without a role is let pass: the anchor of its country may state it.
	if role, err := trust.CertificateRole(leaf); err == nil && role != trust.RolePhysician {
		return nil, fmt.Errorf("%w, not a %s", ErrRole, role)
	}
	if d.Time.Before(leaf.NotBefore) || d.Time.After(leaf.NotAfter) {
		return nil, fmt.Errorf("%w: not valid at the time of signing", ErrCertificate)
	}
	raw, err := write(d)
	if err != nil {
		return nil, err
	}
	if err := check(raw, d); err != nil {
		return nil, err
	}
	return raw, nil
}

// check reads a new record as a stranger would. Whatever is wrong with the code above, or with the machine it ran on,
// is found before the card's old record is given up, not by the next reader.
func check(raw []byte, d Draft) error {
	_, err := Read(raw, d.Card, nil, d.Time)
	var u *UnverifiedError
	if !errors.As(err, &u) || u.Unverified.Verdict.Reason != ReasonNoTrust {
		return fmt.Errorf("the new record does not read back: %w", err)
	}
	want, err := d.Summary.Compartments()
	if err != nil {
		return err
	}
	got, err := u.Unverified.Summary.Compartments()
	if err != nil {
		return fmt.Errorf("the new record does not read back: %w", err)
	}
	for level := range want {
		if !bytes.Equal(got[level], want[level]) {
			return errors.New("the new record does not read back as it was meant")
		}
	}
	return nil
}

func write(d Draft) ([]byte, error) {
	s, err := prepare(d)
	if err != nil {
		return nil, err
	}
	raw := s.raw()
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("the record would be %d bytes, over %d", len(raw), MaxSize)
	}
	return raw, nil
}

// sealing is a signed record before its boxes are closed.
type sealing struct {
	*chain
	signed     signed
	levels     [4][]byte // compartments
	d3         []byte
	box2, box3 []byte // nil: made from the above
}

// prepare draws the keys, computes the digests, and signs.
func prepare(d Draft) (*sealing, error) {
	if len(d.Signer.Certificate.Raw) > maxCertificate {
		return nil, fmt.Errorf("%w: over %d bytes", ErrCertificate, maxCertificate)
	}
	levels, err := d.Summary.Compartments()
	if err != nil {
		return nil, err
	}
	c := newChain(d.Card, SuiteNone)
	own := c.base
	s := &sealing{chain: c, levels: levels, d3: c.digest(own, 3, levels[3])}
	m := manifest{
		Version:    formatVersion,
		Seq:        d.Seq,
		Time:       d.Time.Unix(),
		Kind:       kindBase,
		Suite:      c.suite,
		D2:         c.digest(own, 2, s.d3, levels[2]),
		OnBehalfOf: d.OnBehalfOf,
	}
	if d.Prev != nil {
		m.Prev = d.Prev[:]
	}
	if len(levels[0]) > 0 {
		m.D0 = c.digest(own, 0, levels[0])
	}
	s.signed = signed{Certificate: d.Signer.Certificate.Raw, Manifest: encode(m)}
	if err := s.signed.sign(d.Signer.Key, c.externalAAD(own, c.digest(own, 1, levels[1]))); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return s, nil
}

// raw closes the boxes and returns the record.
func (s *sealing) raw() []byte {
	own := s.base
	var c coder
	header := encode(clearHeader{Version: formatVersion, Suite: s.suite, ID: own[:], K3: s.level[3]})
	f := frame{
		Header: header,
		Open:   c.unit(s.levels[0]),
		Box1:   s.seal(own, 1, header, encodeBox1(&s.signed, c.unit(s.signed.Certificate), c.unit(s.levels[1]))),
		Box2:   s.box2,
		Box3:   s.box3,
	}
	if f.Box2 == nil {
		f.Box2 = s.seal(own, 2, header, encodeSequence(s.d3, c.unit(s.levels[2])))
	}
	if f.Box3 == nil {
		f.Box3 = s.seal(own, 3, header, encodeSequence(c.unit(s.levels[3])))
	}
	return encode(f)
}

// externalAAD is what the signature covers beside the manifest: what reader and writer both know.
func (c *chain) externalAAD(own [idSize]byte, d1 []byte) []byte {
	return encode([]any{contextBase, c.card[:], c.base[:], own[:], d1})
}

func encodeBox1(s *signed, certificate, level1 []byte) []byte {
	return encodeSequence(int64(s.Algorithm), certificate, s.Manifest, s.Signature, level1)
}

// encodeSequence is a CBOR sequence (RFC 8742).
func encodeSequence(items ...any) []byte {
	var b []byte
	for _, item := range items {
		b = append(b, encode(item)...)
	}
	return b
}
