package record

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
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
	// Seq is the record's sequence number: 1, or one more than that of the head it replaces.
	Seq uint64
	// Time is the time of signing.
	Time time.Time
	// Prev is the Head of the card that this record replaces, nil for the first.
	Prev *Head
	// OnBehalfOf names the professional whom the signer stands in for; one line of at most 120 characters.
	OnBehalfOf string
	// Suite and Recipients say how, and for whom, the record is sealed: at least one practice, which writes the next
	// record; nobody in SuiteNone.
	Suite      Suite
	Recipients []Recipient
	// Dropped is set where the signer could not read all of the record that this one replaces.
	Dropped *Dropped
}

// Dropped says what a record's author could not read of the one before it.
type Dropped struct {
	// Level is the lowest confidentiality level that was lost, 0 for the whole record.
	Level int
	// Reason is one line of at most 200 characters.
	Reason string
}

// Write signs the summary, seals it, and returns the record's bytes. Errors of the summary are *summary.PathError. ErrRole and
// ErrCertificate mean that the signer's record would be refused by every reader; ErrRecipient and ErrNoPractice, that it
// cannot be sealed like that.
func Write(d Draft) ([]byte, error) {
	if d.Seq == 0 || d.Seq > maxSeq {
		return nil, errors.New("sequence number out of range")
	}
	if d.Suite > SuiteAESGCM {
		return nil, fmt.Errorf("%w (suite %d)", ErrSuite, d.Suite)
	}
	if d.Dropped != nil {
		if err := summary.CheckText(d.Dropped.Reason, maxReason); err != nil || d.Dropped.Reason == "" {
			return nil, fmt.Errorf("the reason for dropping a level: one line of 1 to %d characters", maxReason)
		}
	}
	// A certificate without a role is let pass: the anchor of its country may state it.
	if role, err := trust.CertificateRole(d.Signer.Certificate); err == nil && role != trust.RolePhysician {
		return nil, fmt.Errorf("%w, not a %s", ErrRole, role)
	}
	if err := checkSigning(d.Signer.Certificate, d.Time, d.OnBehalfOf); err != nil {
		return nil, err
	}
	s, err := prepare(d)
	if err != nil {
		return nil, err
	}
	p, err := s.sealed(d.Recipients)
	if err != nil {
		return nil, err
	}
	raw, err := p.encoded()
	if err != nil {
		return nil, err
	}
	if err := s.check(raw, d); err != nil {
		return nil, err
	}
	return raw, nil
}

// checkSigning refuses what is no reader's fault to refuse.
func checkSigning(leaf *x509.Certificate, at time.Time, onBehalfOf string) error {
	if at.Unix() < 0 || at.Unix() > maxTime {
		return errors.New("time out of range")
	}
	if err := summary.CheckText(onBehalfOf, maxOnBehalfOf); err != nil {
		return fmt.Errorf("onBehalfOf: %w", err)
	}
	if at.Before(leaf.NotBefore) || at.After(leaf.NotAfter) {
		return fmt.Errorf("%w: not valid at the time of signing", ErrCertificate)
	}
	if len(leaf.Raw) > maxCertificate {
		return fmt.Errorf("%w: over %d bytes", ErrCertificate, maxCertificate)
	}
	return nil
}

// check reads a new record as a stranger would who was given its key. Whatever is wrong with the code above, or with the machine it
// ran on, is found before the card's old record is given up, not by the next reader.
func (s *sealing) check(raw []byte, d Draft) error {
	p, err := parse(raw)
	if err != nil {
		return fmt.Errorf("the new record does not read back: %w", err)
	}
	r, err := readWith(p, deriveChain(d.Card, d.Suite, s.level[3], 3), Reader{Now: d.Time, Simulated: true})
	if err != nil || r.Verdict.Reason != ReasonNoTrust {
		return fmt.Errorf("the new record does not read back: %w", errors.Join(err, errors.New(r.verdictText())))
	}
	got, err := r.Summary.Compartments()
	if err != nil {
		return fmt.Errorf("the new record does not read back: %w", err)
	}
	for level := range s.levels {
		if !bytes.Equal(got[level], s.levels[level]) {
			return errors.New("the new record does not read back as it was meant")
		}
	}
	return nil
}

func (r *Record) verdictText() string {
	if r == nil {
		return "nothing"
	}
	return r.Verdict.String()
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
	levels, err := d.Summary.Compartments()
	if err != nil {
		return nil, err
	}
	when := encode([]any{d.Seq, d.Time.Unix(), d.OnBehalfOf, d.Prev, d.Signer.Certificate.Raw})
	c := newChain(d.Card, d.Suite, levels[0], levels[1], levels[2], levels[3], when)
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
	if d.Dropped != nil {
		m.Dropped = &dropped{Level: uint8(d.Dropped.Level), Reason: d.Dropped.Reason}
	}
	if len(levels[0]) > 0 {
		m.D0 = c.digest(own, 0, levels[0])
	}
	s.signed = signed{Certificate: d.Signer.Certificate.Raw, Manifest: encode(m)}
	if err := s.signed.sign(d.Signer.Key, c.externalAAD(contextBase, own, c.digest(own, 1, levels[1]))); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return s, nil
}

// sealed closes the boxes and wraps the keys.
func (s *sealing) sealed(recipients []Recipient) (*parsed, error) {
	own := s.base
	var c coder
	h := &clearHeader{suite: s.suite, id: own[:]}
	if s.suite == SuiteNone {
		h.k3 = s.level[3]
	}
	header := h.encoded()
	w, err := s.wrap(recipients, header)
	if err != nil {
		return nil, err
	}
	f := &frame{
		Header: header,
		Open:   c.unit(s.levels[0], nil),
		Box1:   s.seal(own, 1, header, encodeSigned(&s.signed, c.unit(s.signed.Certificate, ofCertificate(nil)), c.unit(s.levels[1], nil))),
		Box2:   s.box2,
		Box3:   s.box3,
	}
	if f.Box2 == nil {
		f.Box2 = s.seal(own, 2, header, encodeSequence(s.d3, c.unit(s.levels[2], preset(s.levels, 2))))
	}
	if f.Box3 == nil {
		f.Box3 = s.seal(own, 3, header, encodeSequence(c.unit(s.levels[3], preset(s.levels, 3))))
	}
	return &parsed{base: f, header: h, wraps: w}, nil
}

// preset is the dictionary for the compartment of a level: those below it, which whoever opens it has, but for the open one.
func preset(messages [4][]byte, level int) dictionaries {
	if level < 2 {
		return nil
	}
	return dictionaries{CodecPreset: slices.Concat(messages[1:level]...)}
}

// externalAAD is what a signature covers beside the manifest: what reader and writer both know.
func (c *chain) externalAAD(context string, own [idSize]byte, digest []byte) []byte {
	return encode([]any{context, c.card[:], c.base[:], own[:], digest})
}

// encodeSigned is the plaintext of a box that holds a signature, and the content that goes with it.
func encodeSigned(s *signed, certificate, content []byte) []byte {
	return encodeSequence(int64(s.Algorithm), certificate, s.Manifest, s.Signature, content)
}

// encodeSequence is a CBOR sequence (RFC 8742).
func encodeSequence(items ...any) []byte {
	var b []byte
	for _, item := range items {
		b = append(b, encode(item)...)
	}
	return b
}

// Reseal wraps the keys of a record for other recipients. Signature, boxes, amendments and head stay as they are. It takes a key that
// opens everything, else the error is ErrClearance.
func Reseal(raw []byte, card [16]byte, keys []trust.PrivateKey, recipients []Recipient) ([]byte, error) {
	p, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if p.header.suite == SuiteNone {
		return nil, fmt.Errorf("%w: it is not sealed", ErrRecipient)
	}
	c, _, err := p.find(card, keys)
	if errors.Is(err, errNoKey) || err == nil && c.clearance() < 3 {
		return nil, ErrClearance
	}
	if err != nil {
		return nil, err
	}
	if p.wraps, err = c.wrap(recipients, p.base.Header); err != nil {
		return nil, err
	}
	return p.encoded()
}
