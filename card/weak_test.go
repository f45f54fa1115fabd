package card

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// protocol is a way to keep records on a medium. The tests run the real one, and weaker ones to see that the tests see.
type protocol struct {
	name  string
	read  func(Medium) (*Content, error)
	write func(Medium, []byte, uint32, io.Reader) (uint32, error)
	// both, where there is one, is another way to write, with [ErrNotErased] among its answers.
	both func(Medium, []byte, uint32, io.Reader) (uint32, error)
}

var asBuilt = protocol{name: "as built", read: Read, write: write}

// intoBoth also writes into both slots, as [Content.ReplaceBoth] does.
var intoBoth = protocol{name: "as built, into both slots", read: Read, write: write, both: writeBoth}

func writeBoth(m Medium, record []byte, expect uint32, random io.Reader) (uint32, error) {
	return replaceBoth(m, record, nil, expect, random)
}

// plainAB is the layout that everybody thinks of first: two slots with a digest, the newest complete one counts.
var plainAB = weaker{marks: 0}.protocol("plain A/B")

// confirmAB adds a mark that confirms a slot, written after a cold read-back.
var confirmAB = weaker{marks: 1}.protocol("A/B with a confirm mark")

// refreshAB also rewrites the mark of the current slot before it touches the other one.
var refreshAB = weaker{marks: 1, refresh: true}.protocol("A/B with a confirm mark, refreshed")

// provedAB has two marks a slot, the second written when the first is settled. A second mark that reads as valid or as
// noise is taken to prove the first, and is rewritten; one that reads as void makes both be written again. But a torn
// rewriting of a void second mark reads as noise too, while the first may still be marginal.
var provedAB = weaker{marks: 2, refresh: true}.protocol("A/B with two marks, refreshed")

// weaker builds its protocols from the marks A and B of the real layout.
type weaker struct {
	marks   int
	refresh bool
}

func (w weaker) protocol(name string) protocol {
	return protocol{name: name, read: w.read, write: w.write}
}

func (w weaker) open(m Medium) (*container, *view, error) {
	c, err := open(m)
	if err != nil {
		return nil, nil, err
	}
	for i := range 2 {
		if err := c.readMarks(i, levels); err != nil {
			return nil, nil, err
		}
	}
	v, err := c.survey()
	return c, v, err
}

func (w weaker) read(m Medium) (*Content, error) {
	c, v, err := w.open(m)
	if err != nil {
		return nil, err
	}
	out := &Content{Card: c.card, Capacity: c.capacity(), PageSize: int(c.page)}
	if v.current >= 0 {
		out.Seq, out.Record = v.stamp().seq, v.slots[v.current].record
		out.Unconfirmed = w.marks > 0 && !v.confirmed
	}
	return out, nil
}

func (w weaker) write(m Medium, record []byte, expect uint32, random io.Reader) (uint32, error) {
	if err := reset(m); err != nil {
		return 0, err
	}
	c, v, err := w.open(m)
	if err != nil {
		return 0, err
	}
	if v.stamp().seq != expect {
		return 0, &ConflictError{expect, v.stamp().seq}
	}
	s, err := newStamp(v.last, random)
	if err != nil {
		return 0, err
	}
	u := &update{container: c, base: v, stamp: s, data: c.encodeSlot(s, record)}
	if v.current == 0 {
		u.target = 1
	}
	if err := w.update(u); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return s.seq, nil
}

func (w weaker) put(c *container, level, i int, s stamp) error {
	return writeAt(c.m, c.encodeMark(level, i, s), c.markAt(level, i))
}

func (w weaker) putAndVerify(u *update, level, i int, s stamp) error {
	if err := w.put(u.container, level, i, s); err != nil {
		return err
	}
	if err := reset(u.m); err != nil {
		return err
	}
	return verify(u.m, u.encodeMark(level, i, s), u.markAt(level, i))
}

func (w weaker) update(u *update) error {
	if w.refresh && u.base.confirmed {
		if err := w.solidify(u); err != nil {
			return err
		}
	}
	for level := w.marks - 1; level >= 0; level-- {
		if err := w.put(u.container, level, u.target, stamp{}); err != nil {
			return err
		}
	}
	if err := writeAt(u.m, u.data, u.slotAt(u.target)); err != nil {
		return err
	}
	if err := reset(u.m); err != nil {
		return err
	}
	if err := verify(u.m, u.data, u.slotAt(u.target)); err != nil {
		return err
	}
	for level := range w.marks {
		if err := w.putAndVerify(u, level, u.target, u.stamp); err != nil {
			return err
		}
	}
	return nil
}

func (w weaker) solidify(u *update) error {
	x, s := u.base.current, u.base.stamp()
	if w.marks == 1 {
		return w.putAndVerify(u, 0, x, s)
	}
	if u.marks[x][1].kind == markVoid {
		if err := w.put(u.container, 1, x, stamp{}); err != nil {
			return err
		}
		if err := w.putAndVerify(u, 0, x, s); err != nil {
			return err
		}
	} else if u.marks[x][0].kind != markValid {
		if err := w.putAndVerify(u, 0, x, s); err != nil {
			return err
		}
	}
	return w.put(u.container, 1, x, s)
}

// forgetful is a medium that acknowledges void marks and does not write them, on which the real code runs as if it left
// that step out.
type forgetful struct {
	Medium
	layout
}

func (f forgetful) Reset() error { return reset(f.Medium) }

func (f forgetful) WriteAt(p []byte, off int64) (int, error) {
	if off >= f.markAt(0, 0) && off < f.slotAt(0) && bytes.Equal(p[:8], make([]byte, 8)) {
		return len(p), nil
	}
	return f.Medium.WriteAt(p, off)
}

// drawn is randomness that the caller chose: a first sequence and a nonce.
func drawn(seq, nonce uint32) io.Reader {
	b := binary.BigEndian.AppendUint32(nil, seq)
	return bytes.NewReader(binary.BigEndian.AppendUint32(b, nonce))
}
