package card

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// recoveries bounds how often a failed write is looked after: each costs a reset, and a contact that fails three times
// in a row wants a person to push the card in properly.
const recoveries = 3

// Write replaces the record. expectSeq is the Seq of the content that the caller has read, 0 for an empty card; where
// the card holds another, a [*ConflictError] is returned and nothing is written. The sequence of the new record is
// returned; it is never 0.
//
// nil means that the record was read back from the card, mark included, after a cold reset where the medium can do one.
// An error that is neither [ErrNotWritten] nor [ErrUnknownOutcome] means that nothing was written at all; these two wrap
// their cause.
//
// The old record itself is not read again in the common case, only its mark and its header: whoever knows its sequence
// has read it.
func Write(m Medium, record []byte, expectSeq uint32) (seq uint32, err error) {
	return write(m, record, expectSeq, rand.Reader)
}

func write(m Medium, record []byte, expectSeq uint32, random io.Reader) (uint32, error) {
	if len(record) == 0 {
		return 0, ErrEmptyRecord
	}
	// Marginal bits must not be taken for settled ones because the card remembers what it was sent.
	if err := reset(m); err != nil {
		return 0, err
	}
	c, err := open(m)
	if err != nil {
		return 0, err
	}
	if p := m.PageSize(); p < 1 || c.page%int64(p) != 0 {
		return 0, fmt.Errorf("%w: the container was laid out for %d, the medium has %d", ErrPageSize, c.page, p)
	}
	if len(record) > c.capacity() {
		return 0, &NoSpaceError{Need: int64(len(record)), Have: int64(c.capacity())}
	}
	base, err := c.base(expectSeq)
	if err != nil {
		return 0, err
	}
	if found := base.stamp().seq; found != expectSeq {
		return 0, &ConflictError{Expected: expectSeq, Found: found}
	}
	s, err := newStamp(base.last, random)
	if err != nil {
		return 0, err
	}
	u := &update{container: c, base: base, stamp: s, record: record}
	if base.current == 0 {
		u.target = 1
	}
	if err := u.run(); err != nil {
		if err := u.recover(err); err != nil {
			return 0, err
		}
	}
	return s.seq, nil
}

// base finds the slot that the new record will be newer than. Where both marks are valid, nothing was torn, and the
// header of the slot they point at is enough; where that is not what the caller expects, everything is read.
func (c *container) base(expectSeq uint32) (*view, error) {
	n := c.newestMark()
	if n < 0 || c.marks[1-n].kind != markValid || c.marks[n].seq != expectSeq {
		return c.survey()
	}
	b := make([]byte, slotHeaderLen)
	if err := readAt(c.m, b, c.slotAt(n)); err != nil {
		return nil, err
	}
	s, _, ok := c.parseSlotHeader(b)
	if !ok || s != c.marks[n].stamp {
		return c.survey()
	}
	v := &view{current: n, confirmed: true, last: s.seq}
	v.slots[n].stamp = s
	return v, nil
}

// newStamp draws a nonce, and the first sequence of a card: a finder must not learn how often the patient sees a doctor.
// Both are never 0.
func newStamp(last uint32, random io.Reader) (stamp, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return stamp{}, fmt.Errorf("drawing a nonce: %w", err)
	}
	s := stamp{seq: nextSeq(last), nonce: max(binary.BigEndian.Uint32(b[4:]), 1)}
	if last == 0 {
		s.seq = max(binary.BigEndian.Uint32(b[:4]), 1)
	}
	return s, nil
}

// update is one attempt to write a record (docs/FORMAT.md, 2.3).
type update struct {
	*container
	base   *view
	target int // the slot that is not the current one
	stamp
	record []byte
	// committing: the slot was read back, and the mark may have been written in part.
	committing bool
}

// run is the protocol. Its one idea: a page being rewritten may afterwards read as anything, differently each time, but a
// mark over which only valid marks were written since it was last settled never reads as void. So void is the only
// reading that disqualifies a slot, a slot is touched only while its mark is settled and void, and the other slot is given
// up only after the mark of this one was settled and valid.
func (u *update) run() error {
	// Settle the mark of the current slot: a torn commit may have left it between void and valid. A slot that does not
	// count is not promoted here, because nobody read it back.
	if u.base.confirmed {
		cur := u.base.current
		if err := writeAt(u.m, u.encodeMark(cur, u.base.stamp()), u.markAt(cur)); err != nil {
			return err
		}
	}
	if err := writeAt(u.m, u.encodeMark(u.target, stamp{}), u.markAt(u.target)); err != nil {
		return err
	}
	data := u.encodeSlot(u.stamp, u.record)
	if err := writeAt(u.m, data, u.slotAt(u.target)); err != nil {
		return err
	}
	if err := u.verify(data, u.slotAt(u.target)); err != nil {
		return err
	}
	u.committing = true
	return u.commit()
}

// commit makes the slot count: from the first bit of the mark on, the new record may be what a reader sees.
func (u *update) commit() error {
	b := u.encodeMark(u.target, u.stamp)
	if err := writeAt(u.m, b, u.markAt(u.target)); err != nil {
		return err
	}
	return u.verify(b, u.markAt(u.target))
}

// verify reads back what was written, after a cold reset.
func (u *update) verify(want []byte, off int64) error {
	if err := reset(u.m); err != nil {
		return err
	}
	got := make([]byte, len(want))
	if err := readAt(u.m, got, off); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%d bytes written at %d read back differently", len(want), off)
	}
	return nil
}

// recover finds out what became of a failed update, and finishes it where the mark may have been touched: leaving it
// would let the outcome depend on how marginal bits read later. nil: the record is written and read back after all.
func (u *update) recover(cause error) error {
	for range recoveries {
		if reset(u.m) != nil {
			continue
		}
		c, err := open(u.m)
		if err != nil {
			continue
		}
		if c.layout != u.layout {
			// Another card lies in the reader.
			break
		}
		v, err := c.survey()
		if err != nil {
			continue
		}
		if u.committing {
			if v.slots[u.target].stamp == u.stamp && u.commit() == nil {
				return nil
			}
			continue
		}
		if v.confirmed == u.base.confirmed && (!v.confirmed || v.stamp() == u.base.stamp()) {
			return errors.Join(ErrNotWritten, cause)
		}
	}
	return errors.Join(ErrUnknownOutcome, cause)
}
