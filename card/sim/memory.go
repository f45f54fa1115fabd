package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
)

// ErrPowerLost is what every access answers between a power cut and the next Reset.
var ErrPowerLost = errors.New("sim: power lost")

// Atomicity is what a power cut during a write may leave behind.
type Atomicity int

const (
	// Raw memory erases a page and then programs it: a cut leaves the page in between, with marginal bits.
	Raw Atomicity = iota
	// PageAtomic memory leaves each page as it was or as it was to be.
	PageAtomic
	// CommandAtomic memory does so for a whole WriteAt.
	CommandAtomic
)

func (a Atomicity) String() string {
	switch a {
	case Raw:
		return "raw"
	case PageAtomic:
		return "page-atomic"
	case CommandAtomic:
		return "command-atomic"
	}
	return fmt.Sprintf("Atomicity(%d)", int(a))
}

// Memory is the non-volatile memory of a card, in pages, with power that can be cut. Its type satisfies card.Medium.
//
// A write to Raw memory takes each page it touches through these states, whole pages at a time, also where the bytes
// stay the same: before, erase started, half erased, erased but for a few bits, erased, program started, half
// programmed, programmed but for a few bits, done. Each is a cut point, and so are the moment before a read and the
// moment after a write, before it is acknowledged. A bit caught in transition may become marginal: it reads at random, anew at
// each read and also after a Reset, until its page is written again.
//
// Everything that is drawn at random follows from the seed and the sequence of calls. A Memory is not for concurrent use.
type Memory struct {
	data   []byte // what settled bits read as, and what a marginal bit reads as when it happens to read well
	weak   []byte // mask of marginal bits
	page   int
	kind   Atomicity
	erased byte // 00 or FF, by the seed: both exist
	rng    *rand.Rand

	points uint64 // cut points passed
	cutAt  uint64 // the one that fails; 0: none
	off    bool   // power is lost
	tears  int
	marred int
}

// NewMemory returns size bytes of erased memory. It panics if size is negative or page is less than 1.
func NewMemory(size, page int, a Atomicity, seed uint64) *Memory {
	if size < 0 || page < 1 {
		panic("sim: impossible memory")
	}
	m := &Memory{
		data: make([]byte, size),
		weak: make([]byte, size),
		page: page,
		kind: a,
		rng:  rand.New(rand.NewPCG(seed, 0x5ec0025)),
	}
	if m.rng.IntN(2) == 1 {
		m.erased = 0xff
	}
	for i := range m.data {
		m.data[i] = m.erased
	}
	return m
}

// Size is the number of bytes.
func (m *Memory) Size() int64 { return int64(len(m.data)) }

// PageSize is the number of bytes that are erased together.
func (m *Memory) PageSize() int { return m.page }

// Reset switches the memory off and on: power that was lost is back. Marginal bits stay marginal. A cut that is still
// to come stays set.
func (m *Memory) Reset() error {
	m.off = false
	return nil
}

// CutAfter makes the power fail at the given cut point, counted from now: 1 is the next one. 0 takes a cut back.
func (m *Memory) CutAfter(points int) {
	m.cutAt = 0
	if points > 0 {
		m.cutAt = m.points + uint64(points)
	}
}

// CutPoints is the number of cut points passed so far; a dry run counts them.
func (m *Memory) CutPoints() uint64 { return m.points }

// Tears is the number of power cuts that caught a page between two contents.
func (m *Memory) Tears() int { return m.tears }

// Marred is the number of bits that ever became marginal.
func (m *Memory) Marred() int { return m.marred }

// WeakBits is the number of bits that are marginal now.
func (m *Memory) WeakBits() int {
	n := 0
	for _, b := range m.weak {
		n += bits.OnesCount8(b)
	}
	return n
}

// Dump returns copies of the bytes and of the mask of marginal bits.
func (m *Memory) Dump() (data, weak []byte) {
	return append([]byte{}, m.data...), append([]byte{}, m.weak...)
}

// Restore sets the bytes and the mask of marginal bits, both of the length of the memory.
func (m *Memory) Restore(data, weak []byte) error {
	if len(data) != len(m.data) || len(weak) != len(m.weak) {
		return fmt.Errorf("sim: %d bytes and a mask of %d for a memory of %d", len(data), len(weak), len(m.data))
	}
	copy(m.data, data)
	copy(m.weak, weak)
	return nil
}

// ReadAt implements io.ReaderAt.
func (m *Memory) ReadAt(p []byte, off int64) (int, error) {
	if m.off || m.cut() {
		return 0, ErrPowerLost
	}
	if off < 0 {
		return 0, errors.New("sim: negative offset")
	}
	if off >= int64(len(m.data)) {
		return 0, io.EOF
	}
	n := copy(p, m.data[off:])
	m.waver(p[:n], m.weak[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// waver lets marginal bits read wrongly. How often is drawn for each read, because voltage and temperature move them
// together: in one read they all read well, in the next they are noise.
func (m *Memory) waver(p, weak []byte) {
	wrong := []int{0, 1, 8, 15}[m.rng.IntN(4)] // sixteenths
	for i := range p {
		for w := weak[i]; w != 0; w &= w - 1 {
			if m.rng.IntN(16) < wrong {
				p[i] ^= w & -w
			}
		}
	}
}

// WriteAt implements io.WriterAt. What lies beyond the end is refused before anything is written.
func (m *Memory) WriteAt(p []byte, off int64) (int, error) {
	if m.off {
		return 0, ErrPowerLost
	}
	if off < 0 || off > int64(len(m.data)) || int64(len(p)) > int64(len(m.data))-off {
		return 0, errors.New("sim: write outside the memory")
	}
	if m.kind == CommandAtomic {
		if m.cut() {
			return 0, ErrPowerLost
		}
		m.settle(p, int(off))
	} else if n, ok := m.writePages(p, int(off)); !ok {
		return n, ErrPowerLost
	}
	if m.cut() {
		return 0, ErrPowerLost // written, but nobody heard of it
	}
	return len(p), nil
}

// writePages writes page after page; n bytes were written before the power failed.
func (m *Memory) writePages(p []byte, off int) (n int, ok bool) {
	for n < len(p) {
		at := off + n
		part := p[n:min(n+m.page-at%m.page, len(p))]
		if m.cut() {
			return n, false
		}
		if m.kind == Raw && !m.transition(part, at) {
			return n, false
		}
		m.settle(part, at)
		n += len(part)
	}
	return n, true
}

// settle writes the bytes; nothing stays marginal on the pages they are on.
func (m *Memory) settle(p []byte, off int) {
	if len(p) == 0 {
		return
	}
	first := off / m.page * m.page
	last := min((off+len(p)+m.page-1)/m.page*m.page, len(m.data))
	copy(m.data[off:], p)
	clear(m.weak[first:last])
}

// transition takes a page through the states between two contents, and stops in one if the power fails there.
func (m *Memory) transition(p []byte, off int) bool {
	first := off / m.page * m.page
	last := min(first+m.page, len(m.data))
	page, weak := m.data[first:last], m.weak[first:last]
	after := append([]byte{}, page...)
	copy(after[off-first:], p)
	blank := bytes.Repeat([]byte{m.erased}, len(page))

	for s := started; s <= nearly; s++ {
		if m.cut() {
			m.catch(page, weak, blank, s)
			return false
		}
	}
	copy(page, blank)
	clear(weak)
	if m.cut() {
		m.tears++
		return false
	}
	for s := started; s <= nearly; s++ {
		if m.cut() {
			m.catch(page, weak, after, s)
			return false
		}
	}
	copy(page, after) // the bytes beside p are programmed again too
	return true
}

// stage is how far a page is on its way from one content to another.
type stage int

const (
	started stage = iota
	half
	nearly
)

// catch leaves a page on its way. The bits around those that moved last may be marginal, and bits that were marginal
// before stay so unless they moved.
func (m *Memory) catch(page, weak, after []byte, s stage) {
	m.tears++
	moving := differing(page, after)
	m.rng.Shuffle(len(moving), func(i, j int) { moving[i], moving[j] = moving[j], moving[i] })
	few := min(1+m.rng.IntN(6), len(moving))
	moved := []int{few, len(moving) / 2, len(moving) - few}[s]
	reach := 0 // one tear in four leaves stable garbage
	if m.rng.IntN(4) != 0 {
		reach = []int{few, 1 + len(moving)/4, few}[s]
	}
	for i, bit := range moving {
		at, mask := bit/8, byte(1)<<(bit%8)
		move := i < moved
		if move {
			weak[at] &^= mask
		}
		if i >= moved-reach && i < moved+reach {
			weak[at] |= mask
			m.marred++
			// When it reads well, a page hardly begun reads as before, and one all but done reads as after.
			move = s == nearly || s == half && move
		}
		if move {
			page[at] ^= mask
		}
	}
}

// differing lists the numbers of the bits that differ.
func differing(a, b []byte) []int {
	var out []int
	for i := range a {
		for d := a[i] ^ b[i]; d != 0; d &= d - 1 {
			out = append(out, i*8+bits.TrailingZeros8(d))
		}
	}
	return out
}

// cut passes one cut point, and tells whether the power fails there.
func (m *Memory) cut() bool {
	m.points++
	if m.points == m.cutAt {
		m.off, m.cutAt = true, 0
		return true
	}
	return false
}
