package card

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

const (
	containerVersion = 1

	superblockLen = 40
	markLen       = 16
	slotHeaderLen = 28

	// levels is how many marks a slot has. Each makes the container survive one more torn write in a row, at the worst
	// possible place and with torn pages that read in the worst possible way (docs/FORMAT.md, 2.4).
	levels = 3

	minCapacity   = 256
	maxLayoutPage = 4096
	// maxSlot bounds what a lying superblock can make a reader allocate. It is four of the largest records.
	maxSlot = 1 << 16
	// maxEnd is where the longest container ends, whatever its pages.
	maxEnd = (1+2*levels)*maxLayoutPage + 2*maxSlot
)

var magic = [4]byte{'S', 'C', 'R', 'S'}

// ID is the identity of a card, drawn at random when it is formatted.
type ID [16]byte

// String is the id in lower-case hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// layout is what the superblock says: where everything is (docs/FORMAT.md, 2.1).
type layout struct {
	card ID
	page int64
	slot int64 // length of one slot, a multiple of page
}

// up rounds n up to a multiple of the page.
func (l layout) up(n int64) int64 { return (n + l.page - 1) / l.page * l.page }

// markAt is where the mark of slot i at a level is; the level is 0, 1, 2 for the letters A, B, C.
func (l layout) markAt(level, i int) int64 {
	return l.up(superblockLen) + int64(2*level+i)*l.up(markLen)
}
func (l layout) slotAt(i int) int64 { return l.markAt(levels, 0) + int64(i)*l.slot }
func (l layout) end() int64         { return l.slotAt(2) }
func (l layout) capacity() int      { return int(l.slot) - slotHeaderLen }

// newLayout divides a medium.
func newLayout(m Medium, id ID) (layout, error) {
	page, size := m.PageSize(), m.Size()
	if page < 1 || page > maxLayoutPage {
		return layout{}, fmt.Errorf("%w: %d is not between 1 and %d", ErrPageSize, page, maxLayoutPage)
	}
	l := layout{card: id, page: int64(page)}
	smallest := l.up(slotHeaderLen + minCapacity)
	if need := l.slotAt(0) + 2*smallest; size < need {
		return layout{}, &NoSpaceError{Need: need, Have: size}
	}
	l.slot = min((size-l.slotAt(0))/2, maxSlot) / l.page * l.page
	return l, nil
}

func (l layout) superblock() []byte {
	b := make([]byte, 0, superblockLen)
	b = append(b, magic[:]...)
	b = append(b, containerVersion, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(l.page))
	b = binary.BigEndian.AppendUint32(b, uint32(l.slot))
	b = append(b, l.card[:]...)
	b = append(b, 0, 0, 0, 0)
	sum := sha256.Sum256(b)
	return append(b, sum[:8]...)
}

// parseSuperblock trusts nothing: the digest is no protection against a forger, so every bound is checked as well.
func parseSuperblock(b []byte, size int64) (layout, error) {
	if !bytes.Equal(b[:4], magic[:]) {
		return layout{}, ErrNotFormatted
	}
	sum := sha256.Sum256(b[:32])
	if !bytes.Equal(sum[:8], b[32:superblockLen]) {
		return layout{}, fmt.Errorf("%w: the digest of the superblock is wrong", ErrDamaged)
	}
	reserved := b[5] | b[28] | b[29] | b[30] | b[31]
	if b[4] != containerVersion || reserved != 0 {
		return layout{}, fmt.Errorf("%w: version %d, this tool knows %d", ErrNewerFormat, b[4], containerVersion)
	}
	l := layout{
		card: ID(b[12:28]),
		page: int64(binary.BigEndian.Uint16(b[6:8])),
		slot: int64(binary.BigEndian.Uint32(b[8:12])),
	}
	if l.page < 1 || l.page > maxLayoutPage || l.slot > maxSlot || l.slot < slotHeaderLen+minCapacity || l.slot%l.page != 0 {
		return layout{}, fmt.Errorf("%w: the superblock is inconsistent", ErrDamaged)
	}
	if l.end() > size {
		return layout{}, fmt.Errorf("%w: it takes %d bytes, and the card gives %d", ErrDamaged, l.end(), size)
	}
	return l, nil
}

// stamp names one attempt to write a record. Sequence 0 is no record.
type stamp struct {
	seq, nonce uint32
}

// newer compares sequences, which wrap around.
func newer(a, b uint32) bool { return a != b && a-b < 1<<31 }

func nextSeq(seq uint32) uint32 {
	if seq++; seq == 0 {
		seq = 1
	}
	return seq
}

// markKind is how a mark reads. Noise is neither void nor valid, and proves nothing.
type markKind int

const (
	markNoise markKind = iota
	markVoid
	markValid
)

type mark struct {
	kind markKind
	stamp
}

func (l layout) encodeMark(level, i int, s stamp) []byte {
	b := make([]byte, 0, markLen)
	b = binary.BigEndian.AppendUint32(b, s.seq)
	b = binary.BigEndian.AppendUint32(b, s.nonce)
	h := sha256.New()
	h.Write([]byte("secours/1 mark"))
	h.Write(l.card[:])
	h.Write([]byte{'A' + byte(level), byte(i)})
	h.Write(b)
	return append(b, h.Sum(nil)[:8]...)
}

func (l layout) parseMark(level, i int, b []byte) mark {
	s := stamp{seq: binary.BigEndian.Uint32(b), nonce: binary.BigEndian.Uint32(b[4:])}
	switch {
	case !bytes.Equal(b[:markLen], l.encodeMark(level, i, s)):
		return mark{kind: markNoise}
	case s == stamp{}:
		return mark{kind: markVoid}
	default:
		return mark{kind: markValid, stamp: s}
	}
}

func (l layout) encodeSlot(s stamp, record []byte) []byte {
	b := make([]byte, 12, slotHeaderLen+len(record))
	binary.BigEndian.PutUint32(b, s.seq)
	binary.BigEndian.PutUint32(b[4:], s.nonce)
	binary.BigEndian.PutUint32(b[8:], uint32(len(record)))
	b = append(b, l.slotDigest(b[:12], record)...)
	return append(b, record...)
}

func (l layout) slotDigest(header, record []byte) []byte {
	h := sha256.New()
	h.Write([]byte("secours/1 slot"))
	h.Write(l.card[:])
	h.Write(header)
	h.Write(record)
	return h.Sum(nil)[:16]
}

// parseSlotHeader gives the stamp and the length of the record; ok is false where they cannot be those of a record.
func (l layout) parseSlotHeader(b []byte) (s stamp, n int, ok bool) {
	s = stamp{seq: binary.BigEndian.Uint32(b), nonce: binary.BigEndian.Uint32(b[4:])}
	length := binary.BigEndian.Uint32(b[8:])
	if s.seq == 0 || s.nonce == 0 || length == 0 || int64(length) > int64(l.capacity()) {
		return stamp{}, 0, false
	}
	return s, int(length), true
}
