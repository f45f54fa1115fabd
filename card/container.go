package card

import (
	"bytes"
	"errors"
	"fmt"
)

// firstRead is what one short APDU brings back. The common read is two of these and the rest of the record.
const firstRead = 240

// Content is what a container holds. Seq 0 and a nil Record: it is empty.
type Content struct {
	Card   ID
	Seq    uint32 // of the record: what [Write] wants to be given back; the numbers say nothing else
	Record []byte
	// Unconfirmed: the record is complete, but its writing was never finished. It is the torn first write of a card.
	Unconfirmed bool
	// NewerLost: a newer record was confirmed once and can no longer be read. Torn writes do not cause this; a failing
	// memory does. Whoever is shown this record must be told that it is not the last one.
	NewerLost bool
	Capacity  int // longest record, in bytes
	PageSize  int // pages the container was laid out for, in bytes
}

// Format lays out an empty container and clears the memory: nil means that zeros were read back from wherever a container can
// ever have held a record, also one with other pages. A card whose formatting was interrupted holds what it held, has no container
// or a damaged one, or an empty one that is whole, and can be formatted again. What is written to it is never lost.
//
// Whatever the medium held is lost, a readable record included: asking first is the caller's business. Slots hold at
// least 256 bytes of record; a card that is to carry a summary wants 3 KiB in each. Formatting takes resets: a card with a PIN
// needs [Application.AfterReset].
//
// [ErrNotErased] is in the chain of every error from the first write on; what the card held may still be read then. Where
// [ErrDamaged] is too, the memory does not keep what is written to it.
func Format(m Medium, id ID) error {
	l, err := newLayout(m, id)
	if err != nil {
		return err
	}
	if err := format(m, l); err != nil {
		return fmt.Errorf("formatting: %w: %w", ErrNotErased, err)
	}
	return nil
}

// format writes void marks only under a superblock that was read back after a reset. One that was torn may read well today
// and not tomorrow; as long as it may, there are neither marks nor records under it, and a reader finds damage.
func format(m Medium, l layout) error {
	front, end := l.markAt(0, 0), min(m.Size(), maxEnd)
	image := make([]byte, end)
	for i := range 2 {
		for level := range levels {
			if err := writeAt(m, image[:markLen], l.markAt(level, i)); err != nil { // zeros are no mark, not a void one either
				return err
			}
		}
	}
	if err := writeAt(m, image[front:], front); err != nil {
		return err
	}
	copy(image, l.superblock())
	if err := writeAt(m, image[:front], 0); err != nil {
		return err
	}
	if err := reset(m); err != nil {
		return err
	}
	if err := formatted(m, image); err != nil {
		return err
	}
	for i := range 2 {
		for level := range levels {
			void := l.encodeMark(level, i, stamp{})
			if err := writeAt(m, void, l.markAt(level, i)); err != nil {
				return err
			}
			copy(image[l.markAt(level, i):], void)
		}
	}
	if err := reset(m); err != nil {
		return err
	}
	return formatted(m, image[:l.slotAt(0)])
}

func formatted(m Medium, image []byte) error {
	err := verify(m, image, 0)
	if errors.Is(err, errDiffers) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Read returns the newest confirmed record. Torn writes do not show.
//
// A card with pages of 64 bytes or less is read in three calls, of 144 bytes or less, of at most 240, and of what is left
// of the record. Before a card is called damaged, not formatted or of a newer format it is read once more, after a reset where the
// medium can do one: a bit may have been lost on the way.
func Read(m Medium) (*Content, error) {
	content, err := readOnce(m)
	if !misread(err) {
		return content, err
	}
	if err := reset(m); err != nil {
		return nil, err
	}
	return readOnce(m)
}

// misread tells whether an error says that the content is not as it should be, not that it could not be read.
func misread(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFormatted) || errors.Is(err, ErrNewerFormat)
}

func readOnce(m Medium) (*Content, error) {
	c, err := open(m)
	if err != nil {
		return nil, err
	}
	v, err := c.read()
	if err != nil {
		return nil, err
	}
	out := &Content{Card: c.card, Capacity: c.capacity(), PageSize: int(c.page)}
	if v.current >= 0 {
		s := v.slots[v.current]
		out.Seq, out.Record = s.seq, s.record
		out.Unconfirmed, out.NewerLost = !v.confirmed, v.newerLost
	}
	return out, nil
}

// container is an open container: where things are, and how the marks read.
type container struct {
	m Medium
	layout
	marks [2][levels]mark // by slot and level
	known [2]int          // levels read so far
}

// open reads the superblock and the marks A.
func open(m Medium) (*container, error) {
	// The page size of the medium says how far the marks are, if the superblock agrees; in one read when that is short.
	guess := layout{page: int64(min(max(m.PageSize(), 1), maxLayoutPage))}
	size := m.Size()
	if size < superblockLen {
		return nil, ErrNotFormatted
	}
	n := guess.markAt(0, 1) + markLen
	if n > firstRead {
		n = guess.markAt(0, 0) + markLen
	}
	if n > firstRead {
		n = superblockLen
	}
	front := make([]byte, min(n, size))
	if err := readAt(m, front, 0); err != nil {
		return nil, err
	}
	l, err := parseSuperblock(front, size)
	if err != nil {
		return nil, err
	}
	c := &container{m: m, layout: l}
	for i := range 2 {
		if at := c.markAt(0, i); at+markLen <= int64(len(front)) {
			c.marks[i][0], c.known[i] = c.parseMark(0, i, front[at:]), 1
		} else if err := c.readMarks(i, 1); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readMarks reads the marks of a slot below the given level that were not read yet.
func (c *container) readMarks(i, below int) error {
	b := make([]byte, markLen)
	for ; c.known[i] < below; c.known[i]++ {
		level := c.known[i]
		if err := readAt(c.m, b, c.markAt(level, i)); err != nil {
			return err
		}
		c.marks[i][level] = c.parseMark(level, i, b)
	}
	return nil
}

// names tells whether a mark of a slot reads as valid and names a record.
func (c *container) names(level, i int, s stamp) bool {
	m := c.marks[i][level]
	return m.kind == markValid && m.stamp == s
}

// named counts the marks of a slot that name a record.
func (c *container) named(i int, s stamp) (n int) {
	for level := range levels {
		if c.names(level, i, s) {
			n++
		}
	}
	return n
}

// slot is what stands in one: a record where its digest is right, nothing (stamp 0) where it is not.
type slot struct {
	stamp
	record []byte
}

func (s slot) complete() bool { return s.record != nil }

// view is what a container holds.
type view struct {
	slots     [2]slot
	current   int  // the slot that is read; -1: empty
	confirmed bool // a mark names its record
	newerLost bool
	last      uint32 // the newest sequence that anybody can have read, 0 where there is none
}

// stamp is what identifies the content: that of the current slot, 0 where there is none.
func (v *view) stamp() stamp {
	if v.current < 0 {
		return stamp{}
	}
	return v.slots[v.current].stamp
}

// read looks where the marks A point, and at everything only when they do not settle it.
func (c *container) read() (*view, error) {
	n := c.newestMark()
	if n < 0 {
		return c.survey()
	}
	s, err := c.readSlot(n)
	if err != nil {
		return nil, err
	}
	if s.stamp != c.marks[n][0].stamp {
		return c.survey()
	}
	v := &view{current: n, confirmed: true, last: s.seq}
	v.slots[n] = s
	return v, nil
}

// newestMark is the slot whose mark A is valid and the newer one, where neither is noise; otherwise -1.
func (c *container) newestMark() int {
	a, b := c.marks[0][0], c.marks[1][0]
	switch {
	case a.kind == markNoise || b.kind == markNoise:
		return -1
	case a.kind == markValid && (b.kind == markVoid || newer(a.seq, b.seq)):
		return 0
	case b.kind == markValid && (a.kind == markVoid || newer(b.seq, a.seq)):
		return 1
	}
	return -1
}

// survey reads everything and decides (docs/FORMAT.md, 2.2).
func (c *container) survey() (*view, error) {
	v := &view{current: -1}
	for i := range v.slots {
		var err error
		if v.slots[i], err = c.readSlot(i); err != nil {
			return nil, err
		}
		if err := c.readMarks(i, levels); err != nil {
			return nil, err
		}
		s := v.slots[i]
		if !s.complete() {
			continue
		}
		confirmed := c.named(i, s.stamp) > 0
		better := v.current < 0 || newer(s.seq, v.stamp().seq)
		if v.current >= 0 && confirmed != v.confirmed {
			better = confirmed
		}
		if better {
			v.current, v.confirmed = i, confirmed
		}
	}
	if v.current < 0 {
		return v, c.empty()
	}
	c.sequences(v)
	return v, nil
}

// sequences finds the newest sequence ever used, and whether its record is lost.
func (c *container) sequences(v *view) {
	v.last = v.stamp().seq
	for i, s := range v.slots {
		if s.complete() && newer(s.seq, v.last) {
			v.last = s.seq
		}
		for _, m := range c.marks[i] {
			if m.kind != markValid {
				continue
			}
			v.newerLost = v.newerLost || m.stamp != s.stamp && newer(m.seq, v.stamp().seq)
			if newer(m.seq, v.last) {
				v.last = m.seq
			}
		}
	}
}

// empty tells an empty container (nil) from a damaged one, where no slot is complete. A valid mark without its record is
// damage, and so is noise everywhere; noise here and there may be the torn first write.
func (c *container) empty() error {
	noise := 0
	for _, marks := range c.marks {
		for _, m := range marks {
			switch m.kind {
			case markValid:
				return fmt.Errorf("%w: a record was confirmed, and none is complete", ErrDamaged)
			case markNoise:
				noise++
			}
		}
	}
	if noise == 2*levels {
		return fmt.Errorf("%w: neither records nor marks", ErrDamaged)
	}
	return nil
}

// readSlot reads the record of a slot; an incomplete one is no error.
func (c *container) readSlot(i int) (slot, error) {
	at := c.slotAt(i)
	b := make([]byte, min(firstRead, c.slot))
	if err := readAt(c.m, b, at); err != nil {
		return slot{}, err
	}
	s, n, ok := c.parseSlotHeader(b)
	if !ok {
		return slot{}, nil
	}
	if missing := slotHeaderLen + n - len(b); missing > 0 {
		have := len(b)
		b = append(b, make([]byte, missing)...)
		if err := readAt(c.m, b[have:], at+int64(have)); err != nil {
			return slot{}, err
		}
	}
	record := b[slotHeaderLen : slotHeaderLen+n : slotHeaderLen+n]
	if !bytes.Equal(c.slotDigest(b[:12], record), b[12:slotHeaderLen]) {
		return slot{}, nil
	}
	return slot{stamp: s, record: record}, nil
}
