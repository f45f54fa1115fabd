package card

import (
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
// returned; it is never 0. Every empty card has the Seq 0: [Content.Replace] makes sure of the card as well.
//
// nil means that the record was read back from the card, mark included, after a cold reset where the medium can do one.
// An error that is neither [ErrNotWritten] nor [ErrUnknownOutcome] means that nothing was written at all; these two wrap
// their cause. Where another card is found in the reader, it is not written to, and [ErrCardChanged] is in the chain.
//
// The resets end a PIN session: a card with a PIN needs [Application.AfterReset].
//
// The old record itself is not read again in the common case, only its mark and its header: whoever knows its sequence
// has read it.
func Write(m Medium, record []byte, expectSeq uint32) (seq uint32, err error) {
	return write(m, record, expectSeq, rand.Reader)
}

// Replace is [Write] to the card that c was read from: on another one, the error is [ErrCardChanged] and nothing is written.
func (c *Content) Replace(m Medium, record []byte) (seq uint32, err error) {
	return replace(m, record, &c.Card, c.Seq, slotHead, rand.Reader)
}

// ReplaceBoth is [Content.Replace], and then does it again in the other slot: nil means that no byte of an earlier record is left
// on the card. It is for records that somebody must no longer be able to open, and takes much longer: it writes all of both slots
// (docs/FORMAT.md, 2.3).
//
// [ErrNotErased] means that the new record was written and read back as [Content.Replace] does, and is what readers get, but an
// earlier one may still stand in the other slot. [Read] the card and do it again, with the same record or a newer one. The error
// wraps what the second write failed with, but neither [ErrNotWritten] nor [ErrUnknownOutcome]. Any other error is as from
// [Content.Replace], and nothing is erased for certain.
func (c *Content) ReplaceBoth(m Medium, record []byte) (seq uint32, err error) {
	return replaceBoth(m, record, &c.Card, c.Seq, rand.Reader)
}

// replaceBoth is two whole updates, so that whatever holds for one holds for the second: the first has taken over, with all its
// marks read back, before the slot of the old record is touched.
func replaceBoth(m Medium, record []byte, id *ID, expectSeq uint32, random io.Reader) (uint32, error) {
	first, err := replace(m, record, id, expectSeq, wholeSlot, random)
	if err != nil {
		return 0, err
	}
	seq, err := replace(m, record, id, first, wholeSlot, random)
	if err != nil {
		// What became of the second write is no matter: before and after it, the record is the new one.
		if failed := (*updateError)(nil); errors.As(err, &failed) {
			err = failed.cause
		}
		return 0, fmt.Errorf("%w: %w", ErrNotErased, err)
	}
	return seq, nil
}

func write(m Medium, record []byte, expectSeq uint32, random io.Reader) (uint32, error) {
	return replace(m, record, nil, expectSeq, slotHead, random)
}

// extent is how much of its slot a record takes.
type extent bool

const (
	slotHead  extent = false // its own length; behind it stays what stood there
	wholeSlot extent = true  // all, with zeros behind it
)

// replace writes to the card with this id, or to any where it is nil.
func replace(m Medium, record []byte, id *ID, expectSeq uint32, e extent, random io.Reader) (uint32, error) {
	if len(record) == 0 {
		return 0, ErrEmptyRecord
	}
	c, base, err := begin(m, id, expectSeq, len(record))
	if conflict := (*ConflictError)(nil); misread(err) || errors.Is(err, ErrCardChanged) || errors.As(err, &conflict) {
		// A bit may have been lost on the way. Nothing was written.
		c, base, err = begin(m, id, expectSeq, len(record))
	}
	if err != nil {
		return 0, err
	}
	s, err := newStamp(base.last, random)
	if err != nil {
		return 0, err
	}
	u := &update{container: c, base: base, target: base.spare(), stamp: s, data: c.encodeSlot(s, record)}
	if e == wholeSlot {
		u.data = append(u.data, make([]byte, int(c.slot)-len(u.data))...)
	}
	if err := u.run(); err != nil {
		if err := u.recover(err); err != nil {
			return 0, err
		}
	}
	return s.seq, nil
}

// begin makes sure of the card and of what it holds.
func begin(m Medium, id *ID, expectSeq uint32, length int) (*container, *view, error) {
	// Marginal bits must not be taken for settled ones because the card remembers what it was sent.
	if err := reset(m); err != nil {
		return nil, nil, err
	}
	c, err := open(m)
	if err != nil {
		return nil, nil, err
	}
	if id != nil && *id != c.card {
		return nil, nil, ErrCardChanged
	}
	if p := m.PageSize(); p < 1 || c.page%int64(p) != 0 {
		return nil, nil, fmt.Errorf("%w: the container was laid out for %d, the medium has %d", ErrPageSize, c.page, p)
	}
	if length > c.capacity() {
		return nil, nil, &NoSpaceError{Need: int64(length), Have: int64(c.capacity())}
	}
	base, err := c.base(expectSeq)
	if err != nil {
		return nil, nil, err
	}
	base.witness(expectSeq)
	if found := base.stamp().seq; found != expectSeq {
		return nil, nil, &ConflictError{Expected: expectSeq, Found: found}
	}
	return c, base, nil
}

// base finds out what the new record will be newer than. Where both marks A are valid and the newer record has all its
// marks, nothing was torn, and its header is enough; otherwise, or where it is not what the caller expects, everything is
// read.
func (c *container) base(expectSeq uint32) (*view, error) {
	n := c.newestMark()
	if n < 0 || c.marks[1-n][0].kind != markValid || c.marks[n][0].seq != expectSeq {
		return c.survey()
	}
	if err := c.readMarks(n, levels); err != nil {
		return nil, err
	}
	b := make([]byte, slotHeaderLen)
	if err := readAt(c.m, b, c.slotAt(n)); err != nil {
		return nil, err
	}
	s, _, ok := c.parseSlotHeader(b)
	if !ok || s != c.marks[n][0].stamp || c.named(n, s) != levels {
		return c.survey()
	}
	v := &view{current: n, confirmed: true, last: s.seq}
	v.slots[n].stamp = s
	return v, nil
}

// witness makes the record of that sequence the current one, though no mark is seen to name it now, where it is the newest complete
// one and others were confirmed: whoever knows its sequence has read it, so a mark did name it, and it must not be lost.
func (v *view) witness(seq uint32) {
	for i, s := range v.slots {
		if v.confirmed && i != v.current && s.complete() && s.seq == seq && newer(s.seq, v.stamp().seq) {
			v.current = i
		}
	}
}

// spare is the slot that a new record goes to: never over the record that was read.
func (v *view) spare() int {
	if v.current == 0 {
		return 1
	}
	return 0
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
	target int
	stamp
	// data is what is written to the slot, from its beginning on.
	data []byte
	// begun: the slot may have been written in part.
	begun bool
	// verified: the slot was read back. From then on marks may have been written in part.
	verified bool
	// marked is how many marks the card acknowledged. These are never written again.
	marked int
}

// run is the protocol. A torn page may read as anything that was ever being written to it, but never as a mark with a
// nonce that was not drawn yet. So the current record is settled first, because it was read; the marks of the other slot
// come off, from C to A, before it is touched; and go on when it was read back. A mark that reads as valid is never
// written again: torn, it would no longer hold what it holds now.
func (u *update) run() error {
	if err := u.settle(); err != nil {
		return err
	}
	for level := levels - 1; level >= 0; level-- {
		if err := writeAt(u.m, u.encodeMark(level, u.target, stamp{}), u.markAt(level, u.target)); err != nil {
			return err
		}
	}
	u.begun = true
	if err := writeAt(u.m, u.data, u.slotAt(u.target)); err != nil {
		return err
	}
	if err := reset(u.m); err != nil {
		return err
	}
	// No other card holds the new nonce: what reads back is on the card that was opened.
	if err := verify(u.m, u.data, u.slotAt(u.target)); err != nil {
		return err
	}
	u.verified = true
	return u.commit()
}

// settle finishes the commit of the current record, where a torn write left it unfinished. Only marks that do not read as valid are
// written: a settled one always reads so, and is never put at risk. A marginal one may read as valid once; each round looks again.
func (u *update) settle() error {
	if !u.base.confirmed {
		return nil
	}
	cur, s := u.base.current, u.base.stamp()
	for range recoveries {
		settled := true
		for level := range levels {
			if u.names(level, cur, s) {
				continue
			}
			if err := writeAt(u.m, u.encodeMark(level, cur, s), u.markAt(level, cur)); err != nil {
				return err
			}
			settled = false
		}
		if settled {
			return nil
		}
		if err := u.restart(); err != nil {
			return err
		}
		if err := u.readMarks(cur, levels); err != nil {
			return err
		}
	}
	return fmt.Errorf("the marks of the current record do not settle")
}

// restart makes a cold reset and opens the container again. A card can be swapped in the time that a reset takes, and what is
// written next was meant for the one before.
func (c *container) restart() error {
	if err := reset(c.m); err != nil {
		return err
	}
	again, err := open(c.m)
	if err != nil {
		return err
	}
	if again.layout != c.layout {
		return ErrCardChanged
	}
	*c = *again
	return nil
}

// commit writes the marks that are missing: from the first bit of mark A on, the new record may be what a reader sees.
func (u *update) commit() error {
	for ; u.marked < levels; u.marked++ {
		b := u.encodeMark(u.marked, u.target, u.stamp)
		if err := writeAt(u.m, b, u.markAt(u.marked, u.target)); err != nil {
			return err
		}
	}
	if err := reset(u.m); err != nil {
		return err
	}
	for level := range levels {
		if err := verify(u.m, u.encodeMark(level, u.target, u.stamp), u.markAt(level, u.target)); err != nil {
			return err
		}
	}
	return nil
}

// recover finds out what became of a failed update, and finishes it where a mark may have been touched: leaving it would
// let the outcome depend on how marginal bits read later. nil: the record is written and read back after all.
//
// Where nothing is confirmed, a slot that was begun is finished too. It may read as complete, and where there is no confirmed
// record a complete one is what readers get.
func (u *update) recover(cause error) error {
	for range recoveries {
		if err := u.restart(); err != nil {
			if errors.Is(err, ErrCardChanged) || errors.As(err, new(*PINError)) {
				cause = errors.Join(err, cause)
				break
			}
			continue
		}
		v, err := u.survey()
		switch {
		case u.verified:
			if err == nil && v.slots[u.target].stamp == u.stamp && u.commit() == nil {
				return nil
			}
		case u.begun && !u.base.confirmed:
			if u.run() == nil {
				return nil
			}
		case err == nil && v.confirmed == u.base.confirmed && (!v.confirmed || v.stamp() == u.base.stamp()):
			return &updateError{ErrNotWritten, cause}
		}
	}
	return &updateError{ErrUnknownOutcome, cause}
}

// updateError is an update that failed: what became of it, and why.
type updateError struct{ outcome, cause error }

func (e *updateError) Error() string   { return fmt.Sprintf("%v: %v", e.outcome, e.cause) }
func (e *updateError) Unwrap() []error { return []error{e.outcome, e.cause} }
