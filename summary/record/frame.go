package record

import (
	"bytes"
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

// clearHeader is a base's header; K3 is empty but in suite 0.
type clearHeader struct {
	suite Suite
	id    []byte
	k3    []byte
}

func (h *clearHeader) encoded() []byte {
	parts := []any{formatVersion, uint8(h.suite), h.id}
	if h.suite == SuiteNone {
		parts = append(parts, h.k3)
	}
	return encode(parts)
}

// parsed is a record taken apart, nothing of it authenticated yet.
type parsed struct {
	base       *frame
	header     *clearHeader
	wraps      *wraps
	amendments []amendmentFrame
}

// parse takes a record apart and holds it to the form of FORMAT 3.
func parse(raw []byte) (*parsed, error) {
	if len(raw) == 0 || len(raw) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(raw))
	}
	p := &parsed{base: new(frame)}
	rest, err := decodeFirst(raw, p.base)
	if err != nil {
		return nil, err
	}
	if p.header, err = parseHeader(p.base.Header); err != nil {
		return nil, err
	}
	if p.wraps, err = parseWraps(p.base.Wraps, p.header.suite); err != nil {
		return nil, err
	}
	for len(rest) > 0 {
		var a amendmentFrame
		if rest, err = decodeFirst(rest, &a); err != nil {
			return nil, err
		}
		if err := a.parse(p.header.suite); err != nil {
			return nil, err
		}
		if p.amendments = append(p.amendments, a); len(p.amendments) > maxAmendments {
			return nil, fmt.Errorf("%w: more than %d amendments", ErrMalformed, maxAmendments)
		}
	}
	return p, nil
}

// encoded is the record's bytes.
func (p *parsed) encoded() ([]byte, error) {
	p.base.Wraps = p.wraps.encoded()
	raw := encode(p.base)
	for _, a := range p.amendments {
		raw = append(raw, encode(a)...)
	}
	if len(raw) > MaxSize || len(p.amendments) > maxAmendments {
		return nil, &SizeError{Size: len(raw)}
	}
	return raw, nil
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
	if suite > uint64(SuiteAESGCM) {
		return nil, fmt.Errorf("%w (suite %d)", ErrSuite, suite)
	}
	h := &clearHeader{suite: Suite(suite)}
	err := decodeOnly(parts[2], &h.id)
	if err == nil && len(parts) > 3 {
		err = decodeOnly(parts[3], &h.k3)
	}
	wantKey := 0
	if h.suite == SuiteNone {
		wantKey = keySize
	}
	if err != nil || version != formatVersion || len(h.id) != idSize || len(h.k3) != wantKey || !bytes.Equal(h.encoded(), header) {
		return nil, fmt.Errorf("%w: header", ErrMalformed)
	}
	return h, nil
}

// Head names a state of a card: the base, or the last amendment to it (FORMAT 3.4). What is written next names it as what it
// was written on.
type Head [16]byte

// HeadOf is the head of the card on which a record stands.
func HeadOf(raw []byte) (Head, error) {
	p, err := parse(raw)
	if err != nil {
		return Head{}, err
	}
	return p.head(), nil
}

// link is the base's: everything but the wraps, so that re-sealing does not change it.
func (f *frame) link() Head { return linkOf(f.Header, f.Open, f.Box1, f.Box2, f.Box3) }

func linkOf(parts ...[]byte) Head {
	h := sha256.New()
	for _, part := range parts {
		h.Write(encode(part))
	}
	return Head(h.Sum(nil)[:16])
}

// head is that of the card.
func (p *parsed) head() Head {
	if n := len(p.amendments); n > 0 {
		return p.amendments[n-1].link()
	}
	return p.base.link()
}

const (
	authorSize = 8
	numberSize = 2
	checkSize  = 4
)

// amendmentFrame is an amendment as it stands on the card.
type amendmentFrame struct {
	_      struct{} `cbor:",toarray"`
	Header []byte
	Box    []byte
	Check  []byte

	// newer: it needs a later version.
	newer  bool
	own    [idSize]byte
	author [authorSize]byte
	number [numberSize]byte // under a pad (chain.number)
}

type amendmentHeader struct {
	_       struct{} `cbor:",toarray"`
	Version uint
	Suite   Suite
	ID      []byte
	Mark    []byte
}

func (a *amendmentFrame) parse(suite Suite) error {
	// What a later version adds hides nothing of the rest, if it keeps to the three byte strings.
	var parts []cbor.RawMessage
	var version uint64
	if decodeOnly(a.Header, &parts) == nil && len(parts) > 0 && decodeOnly(parts[0], &version) == nil && version > formatVersion {
		a.newer = true
		return nil
	}
	var h amendmentHeader
	if err := decodeOnly(a.Header, &h); err != nil {
		return err
	}
	switch {
	case h.Version != formatVersion, h.Suite != suite, len(h.ID) != idSize, len(h.Mark) != authorSize+numberSize, len(a.Box) < tagSize, len(a.Check) != checkSize:
		return fmt.Errorf("%w: amendment", ErrMalformed)
	}
	a.own, a.author, a.number = [idSize]byte(h.ID), [authorSize]byte(h.Mark), [numberSize]byte(h.Mark[authorSize:])
	return nil
}

func (a *amendmentFrame) digest() [16]byte { return linkOf(a.Header, a.Box) }

func (a *amendmentFrame) link() Head { return authoredLink(a.author, a.digest()) }

// authoredLink puts an author's mark before a digest, so that nobody else can explain where the amendment went.
func authoredLink(author [authorSize]byte, digest [16]byte) Head {
	h := sha256.New()
	h.Write(author[:])
	h.Write(digest[:])
	return Head(h.Sum(nil)[:16])
}
