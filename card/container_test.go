package card

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secours-card/secours/card/sim"
)

// plate is a perfect memory that counts what is asked of it.
type plate struct {
	b                         []byte
	page                      int
	reads, readBytes, resets  int
	writes                    []int64 // offsets
	readAPDUs                 int     // at 240 bytes each
	failWrite, failRead, fail int     // the call that fails, from 1; fail: of either kind
	calls                     int
}

func newPlate(size, page int) *plate { return &plate{b: make([]byte, size), page: page} }

func (p *plate) Size() int64   { return int64(len(p.b)) }
func (p *plate) PageSize() int { return p.page }
func (p *plate) Reset() error  { p.resets++; return nil }
func (p *plate) zero()         { *p = plate{b: p.b, page: p.page} }

func (p *plate) ReadAt(b []byte, off int64) (int, error) {
	p.calls++
	p.reads++
	p.readBytes += len(b)
	p.readAPDUs += (len(b) + 239) / 240
	if p.reads == p.failRead || p.calls == p.fail {
		return 0, errBroken
	}
	n := copy(b, p.b[min(off, int64(len(p.b))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (p *plate) WriteAt(b []byte, off int64) (int, error) {
	p.calls++
	p.writes = append(p.writes, off)
	if len(p.writes) == p.failWrite || p.calls == p.fail {
		return 0, errBroken
	}
	return copy(p.b[off:], b), nil
}

var errBroken = errors.New("broken")

func mustFormat(t testing.TB, m Medium) {
	t.Helper()
	if err := Format(m, ID{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
}

func mustWrite(t testing.TB, m Medium, record []byte, expect uint32) uint32 {
	t.Helper()
	seq, err := Write(m, record, expect)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func TestContainerRoundTrip(t *testing.T) {
	for _, page := range []int{1, 4, 16, 64, 100, 128, 1024, 4096} {
		m := newPlate(65536, page)
		mustFormat(t, m)
		c, err := Read(m)
		if err != nil {
			t.Fatal(err)
		}
		if c.Seq != 0 || c.Record != nil || c.Unconfirmed || c.PageSize != page || c.Card != (ID{1, 2, 3}) {
			t.Fatalf("pages of %d, empty: %+v", page, c)
		}
		seq := uint32(0)
		for _, n := range []int{1, 200, 212, 213, 1000, c.Capacity} {
			record := bytes.Repeat([]byte{byte(n)}, n)
			next := mustWrite(t, m, record, seq)
			if next == 0 || seq != 0 && next != nextSeq(seq) {
				t.Errorf("after sequence %d comes %d", seq, next)
			}
			seq = next
			got, err := Read(m)
			if err != nil {
				t.Fatal(err)
			}
			want := &Content{Card: ID{1, 2, 3}, Seq: seq, Record: record, Capacity: c.Capacity, PageSize: page}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("pages of %d, %d bytes: %s", page, n, d)
			}
		}
	}
}

// TestContainerLayout holds the code to docs/FORMAT.md, 2.1.
func TestContainerLayout(t *testing.T) {
	m := newPlate(8192, 64)
	mustFormat(t, m)
	l, err := newLayout(m, ID{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	var marks []int64
	for level := range levels {
		marks = append(marks, l.markAt(level, 0), l.markAt(level, 1))
	}
	if d := cmp.Diff([]int64{64, 128, 192, 256, 320, 384}, marks); d != "" {
		t.Error(d)
	}
	if l.slotAt(0) != 448 || l.slot != 3840 || l.slotAt(1) != 448+3840 {
		t.Errorf("slots of %d at %d and %d", l.slot, l.slotAt(0), l.slotAt(1))
	}
	head := []byte{'S', 'C', 'R', 'S', 1, 0, 0, 64, 0, 0, 0x0f, 0, 1, 2, 3, 0}
	if !bytes.Equal(m.b[:16], head) {
		t.Errorf("the superblock begins with % x", m.b[:16])
	}
	// Marks are gone first, then everything, before there is a superblock, and void marks come when all that was read back.
	want := append([]int64{64, 192, 320, 128, 256, 384, 64}, 0, 64, 192, 320, 128, 256, 384)
	if d := cmp.Diff(want, m.writes); d != "" {
		t.Error(d)
	}
}

func TestFormatRefuses(t *testing.T) {
	for _, c := range []struct {
		size, page int
		want       error
	}{
		{8192, 0, ErrPageSize},
		{8192, -1, ErrPageSize},
		{1 << 20, 4097, ErrPageSize},
		{448 + 2*320 - 1, 64, &NoSpaceError{}},
		{0, 64, &NoSpaceError{}},
		{448 + 2*320, 64, nil},
	} {
		m := newPlate(c.size, c.page)
		err := Format(m, ID{})
		switch want := c.want.(type) {
		case nil:
			if err != nil {
				t.Errorf("%d bytes in pages of %d: %v", c.size, c.page, err)
			}
		case *NoSpaceError:
			if !errors.As(err, &want) || want.Have != int64(c.size) || want.Need != 448+2*320 {
				t.Errorf("%d bytes in pages of %d: %v", c.size, c.page, err)
			}
		default:
			if !errors.Is(err, want) {
				t.Errorf("%d bytes in pages of %d: %v", c.size, c.page, err)
			}
		}
		if err != nil && len(m.writes) > 0 {
			t.Errorf("%d bytes in pages of %d: refused, and written to", c.size, c.page)
		}
	}
}

// TestFormatClears: nothing of what stood in the memory is left, whatever pages it was laid out for, and not beyond the end of
// the new container either.
func TestFormatClears(t *testing.T) {
	for _, page := range []int{1, 16, 64, 128, 1000} {
		m := newPlate(9011, page)
		for i := range m.b {
			m.b[i] = 0xaa
		}
		mustFormat(t, m)
		l, _ := newLayout(m, ID{1, 2, 3})
		want := make([]byte, len(m.b))
		copy(want, l.superblock())
		for i := range 2 {
			for level := range levels {
				copy(want[l.markAt(level, i):], l.encodeMark(level, i, stamp{}))
			}
		}
		if !bytes.Equal(m.b, want) {
			t.Errorf("pages of %d: something is left", page)
		}
	}
}

// TestFormatLongest: a container of the longest kind is cleared to its end, and a vaster medium is not swept for ever.
func TestFormatLongest(t *testing.T) {
	m := newPlate(maxEnd+5, maxLayoutPage)
	for i := range m.b {
		m.b[i] = 0xaa
	}
	mustFormat(t, m)
	l, _ := newLayout(m, ID{1, 2, 3})
	if l.end() != maxEnd || bytes.IndexByte(m.b, 0xaa) != maxEnd {
		t.Errorf("the container ends at %d, and byte %d is not cleared", l.end(), bytes.IndexByte(m.b, 0xaa))
	}
}

// TestFormatReadsBack: a cell that keeps what it holds is found, wherever it is, after a cold reset.
func TestFormatReadsBack(t *testing.T) {
	for at := range int64(1600) {
		p := newPlate(1600, 64)
		mustFormat(t, p)
		p.b[at] ^= 0x55
		err := Format(&stuck{p, at}, ID{9})
		if !errors.Is(err, ErrNotErased) || !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d does not take: %v", at, err)
		}
	}
	p := newPlate(1600, 64)
	mustFormat(t, p)
	mustWrite(t, p, []byte("a record"), 0)
	c := &cached{p, slices.Clone(p.b)}
	if err := Format(&keepsFront{c, 448}, ID{1, 2, 3}); !errors.Is(err, ErrNotErased) {
		t.Error("the card was believed:", err)
	}
	for _, at := range []int64{64, 128, 192, 256, 320, 384} { // marks that stay zero
		p := newPlate(1600, 64)
		if err := Format(&stuck{p, at + 8}, ID{9}); !errors.Is(err, ErrNotErased) || !errors.Is(err, ErrDamaged) {
			t.Errorf("the mark at %d does not take: %v", at, err)
		}
	}
}

// keepsFront is a cached card whose memory keeps what is written before an offset.
type keepsFront struct {
	*cached
	before int64
}

func (k *keepsFront) WriteAt(b []byte, off int64) (int, error) {
	if off < k.before {
		copy(k.b[off:k.before], b)
	}
	return k.cached.WriteAt(b, off)
}

func TestContainerRefuses(t *testing.T) {
	m := newPlate(8192, 64)
	mustFormat(t, m)
	c, _ := Read(m)
	seq := mustWrite(t, m, []byte("old"), 0)
	m.zero()

	if _, err := Write(m, nil, seq); !errors.Is(err, ErrEmptyRecord) {
		t.Error("empty:", err)
	}
	var space *NoSpaceError
	if _, err := Write(m, make([]byte, c.Capacity+1), seq); !errors.As(err, &space) ||
		space.Need != int64(c.Capacity+1) || space.Have != int64(c.Capacity) {
		t.Error("too long:", err)
	}
	for _, expect := range []uint32{0, seq - 1, seq + 1} {
		var conflict *ConflictError
		if _, err := Write(m, []byte("new"), expect); !errors.As(err, &conflict) ||
			*conflict != (ConflictError{Expected: expect, Found: seq}) {
			t.Error("conflict:", err)
		}
	}
	m.page = 128
	if _, err := Write(m, []byte("new"), seq); !errors.Is(err, ErrPageSize) {
		t.Error("pages:", err)
	}
	m.page = 16
	if len(m.writes) > 0 {
		t.Error("refused, and written to")
	}
	mustWrite(t, m, []byte("new"), seq)
}

// TestContainerStates gives every error that is about what the medium holds.
func TestContainerStates(t *testing.T) {
	fresh := func() *plate {
		m := newPlate(8192, 64)
		mustFormat(t, m)
		return m
	}
	full := func() *plate {
		m := fresh()
		mustWrite(t, m, []byte("second"), mustWrite(t, m, []byte("first"), 0))
		return m
	}
	signed := func(change func(b []byte)) *plate {
		m := full()
		change(m.b)
		sum := sha256.Sum256(m.b[:32])
		copy(m.b[32:superblockLen], sum[:])
		return m
	}
	noise := full()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise.b[superblockLen:] {
		noise.b[superblockLen+i] = byte(r.Uint32())
	}
	for _, c := range []struct {
		name string
		m    *plate
		want error
	}{
		{"zeros", newPlate(8192, 64), ErrNotFormatted},
		{"ones", &plate{b: bytes.Repeat([]byte{0xff}, 8192), page: 64}, ErrNotFormatted},
		{"nothing", newPlate(0, 64), ErrNotFormatted},
		{"short", newPlate(39, 64), ErrNotFormatted},
		{"truncated", &plate{b: full().b[:5000], page: 64}, ErrDamaged},
		{"superblock", func() *plate { m := full(); m.b[20] ^= 1; return m }(), ErrDamaged},
		{"version", signed(func(b []byte) { b[4] = 2 }), ErrNewerFormat},
		{"reserved", signed(func(b []byte) { b[5] = 1 }), ErrNewerFormat},
		{"pages of 0", signed(func(b []byte) { b[7] = 0 }), ErrDamaged},
		{"vast slots", signed(func(b []byte) { b[8] = 0x7f }), ErrDamaged},
		{"tiny slots", signed(func(b []byte) { copy(b[8:], []byte{0, 0, 0, 64}) }), ErrDamaged},
		{"odd slots", signed(func(b []byte) { b[11]++ }), ErrDamaged},
		{"noise", noise, ErrDamaged},
		{"no slots", func() *plate { m := full(); clear(m.b[448:]); return m }(), ErrDamaged},
		{"fresh", fresh(), nil},
		{"full", full(), nil},
	} {
		got, err := Read(c.m)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		if (got == nil) != (err != nil) {
			t.Errorf("%s: both %v and %v", c.name, got, err)
		}
		if err != nil {
			if _, werr := Write(c.m, []byte("x"), 0); !errors.Is(werr, c.want) {
				t.Errorf("%s: writing: %v", c.name, werr)
			}
		}
	}
}

func TestNewerLost(t *testing.T) {
	m := newPlate(8192, 64)
	mustFormat(t, m)
	seq := mustWrite(t, m, []byte("first"), 0)
	last := mustWrite(t, m, []byte("second"), seq)
	m.b[448+3840+30] ^= 1
	got, err := Read(m)
	if err != nil || string(got.Record) != "first" || !got.NewerLost {
		t.Fatalf("%+v, %v", got, err)
	}
	// The next record takes neither the sequence of the lost one, nor the slot of the only one left.
	next := mustWrite(t, m, []byte("third"), got.Seq)
	if next != nextSeq(last) {
		t.Errorf("%d was lost, and %d written", last, next)
	}
	if got, err = Read(m); err != nil || string(got.Record) != "third" || got.NewerLost {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSequence(t *testing.T) {
	for _, c := range []struct {
		a, b uint32
		want bool
	}{
		{2, 1, true},
		{1, 2, false},
		{1, 1, false},
		{1, 0xffffffff, true},
		{0xffffffff, 1, false},
		{1 << 31, 0, false},
		{1<<31 - 1, 0, true},
	} {
		if got := newer(c.a, c.b); got != c.want {
			t.Errorf("%d newer than %d: %v", c.a, c.b, got)
		}
	}
	m := newPlate(8192, 64)
	mustFormat(t, m)
	seq, err := write(m, []byte("a"), 0, drawn(0xfffffffe, 1))
	for _, want := range []uint32{0xfffffffe, 0xffffffff, 1, 2} {
		if err != nil || seq != want {
			t.Fatalf("%d and not %d: %v", seq, want, err)
		}
		seq, err = Write(m, []byte("b"), seq)
	}
}

// TestReadBudget: one SELECT and at most seven reads of 240 bytes bring a record of 1 kB.
func TestReadBudget(t *testing.T) {
	for _, page := range []int{16, 64, 128} {
		m := newPlate(8192, page)
		mustFormat(t, m)
		seq := uint32(0)
		for range 3 {
			seq = mustWrite(t, m, make([]byte, 1000), seq)
		}
		m.zero()
		if _, err := Read(m); err != nil {
			t.Fatal(err)
		}
		t.Logf("pages of %d: %d calls, %d APDUs, %d bytes", page, m.reads, m.readAPDUs, m.readBytes)
		if m.readAPDUs > 7 || m.reads > 4 || page <= 64 && m.reads > 3 {
			t.Errorf("pages of %d: %d calls, %d APDUs", page, m.reads, m.readAPDUs)
		}
	}
}

// TestWriteBudget: 9600 bytes a second on the link, 15 bytes around each APDU, 3 ms a page, a SELECT of 40 bytes after
// each reset.
func TestWriteBudget(t *testing.T) {
	for _, n := range []int{844, 1000} {
		m := newPlate(8192, 64)
		mustFormat(t, m)
		seq := uint32(0)
		for range 3 {
			seq = mustWrite(t, m, make([]byte, n), seq)
		}
		m.zero()
		mustWrite(t, m, make([]byte, n), seq)
		pages := (n+slotHeaderLen+63)/64 + 2*levels
		written := n + slotHeaderLen + 2*levels*markLen
		writeAPDUs := (n+slotHeaderLen+127)/128 + 2*levels
		bytes := m.readBytes + written + 15*(m.readAPDUs+writeAPDUs) + 40*m.resets
		ms := float64(bytes)/9.6 + 3*float64(pages)
		t.Logf("%d bytes: %d read in %d APDUs, %d written in %d, %d pages, %d resets: %.0f ms",
			n, m.readBytes, m.readAPDUs, written, writeAPDUs, pages, m.resets, ms)
		if len(m.writes) != 2*levels+1 {
			t.Errorf("%d writes", len(m.writes))
		}
		if ms > 500 {
			t.Errorf("%d bytes take %.0f ms", n, ms)
		}
	}
}

// TestWriteRecovers fails each call of an update once, and for good.
func TestWriteRecovers(t *testing.T) {
	m := newPlate(8192, 64)
	mustFormat(t, m)
	seq := mustWrite(t, m, []byte("first"), 0)
	seq = mustWrite(t, m, []byte("second"), seq)
	before := slices.Clone(m.b)
	m.zero()
	mustWrite(t, m, []byte("third"), seq)
	calls := m.calls
	var done, not, nothing int
	for n := 1; n <= calls; n++ {
		m := &plate{b: slices.Clone(before), page: 64, fail: n}
		_, err := Write(m, []byte("third"), seq)
		m.zero()
		got, rerr := Read(m)
		if rerr != nil {
			t.Fatal(rerr)
		}
		want := "second"
		switch {
		case err == nil:
			want, done = "third", done+1
		case errors.Is(err, ErrNotWritten) && errors.Is(err, errBroken):
			not++
		case errors.Is(err, errBroken) && !errors.Is(err, ErrUnknownOutcome):
			nothing++
			if !bytes.Equal(m.b, before) {
				t.Errorf("call %d: %v, and bytes were written", n, err)
			}
		default:
			t.Errorf("call %d: %v", n, err)
		}
		if string(got.Record) != want {
			t.Errorf("call %d: %v, and %q reads", n, err, got.Record)
		}
	}
	if done == 0 || not == 0 || nothing == 0 {
		t.Errorf("%d written after all, %d not written, %d never begun", done, not, nothing)
	}
}

// dies is a medium that goes away for good at a call.
type dies struct {
	*plate
	after int
}

func (d *dies) ReadAt(b []byte, off int64) (int, error) {
	if d.calls >= d.after {
		return 0, errBroken
	}
	return d.plate.ReadAt(b, off)
}

func (d *dies) WriteAt(b []byte, off int64) (int, error) {
	if d.calls >= d.after {
		return 0, errBroken
	}
	return d.plate.WriteAt(b, off)
}

func TestWriteUnknown(t *testing.T) {
	p := newPlate(8192, 64)
	mustFormat(t, p)
	seq := mustWrite(t, p, []byte("first"), 0)
	p.zero()
	// The reads before the first write, then the voids.
	_, err := Write(&dies{p, 8}, []byte("second"), seq)
	if !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, errBroken) || errors.Is(err, ErrNotWritten) {
		t.Error(err)
	}
	if s := err.Error(); strings.Contains(s, "first") || strings.Contains(s, "second") {
		t.Errorf("a record in an error: %s", s)
	}
}

// stuck is a memory with a byte that does not take.
type stuck struct {
	*plate
	at int64
}

func (s *stuck) WriteAt(b []byte, off int64) (int, error) {
	old := s.b[s.at]
	n, err := s.plate.WriteAt(b, off)
	s.b[s.at] = old
	return n, err
}

// TestWriteBadCell: what does not read back is not reported as written, and costs nothing of the old record.
func TestWriteBadCell(t *testing.T) {
	for _, at := range []int64{448, 448 + 3, 448 + 27, 448 + 28, 448 + 32, 64, 192, 320} {
		p := newPlate(8192, 64)
		mustFormat(t, p)
		seq := uint32(0)
		for range 2 {
			seq = mustWrite(t, p, []byte("old record"), seq)
		}
		p.b[at] ^= 0x55
		_, err := Write(&stuck{p, at}, []byte("new record"), seq)
		got, rerr := Read(p)
		if err == nil || rerr != nil {
			t.Fatalf("byte %d: %v, %v", at, err, rerr)
		}
		slotByte := at >= 448
		if slotByte && (!errors.Is(err, ErrNotWritten) || string(got.Record) != "old record" || got.Seq != seq) {
			t.Errorf("byte %d: %v, and %q reads", at, err, got.Record)
		}
		if !slotByte && !errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

// TestOneByteChanged changes every byte of a full medium in several ways. The current record is read, or an error, or a
// record with a warning: never another one as if it were the current one.
func TestOneByteChanged(t *testing.T) {
	m := newPlate(1600, 16)
	mustFormat(t, m)
	seq := uint32(0)
	for _, r := range []string{"the record before", "the record"} {
		seq = mustWrite(t, m, []byte(r), seq)
	}
	kept, warned, failed := 0, 0, 0
	for i := range m.b {
		for _, x := range []byte{0x01, 0x80, 0xff, m.b[i], ^m.b[i]} {
			if x == 0 {
				continue
			}
			m.b[i] ^= x
			got, err := Read(m)
			switch {
			case err != nil:
				failed++
			case got.NewerLost || got.Unconfirmed:
				warned++
			case string(got.Record) == "the record" && got.Seq == seq && got.Card == ID{1, 2, 3}:
				kept++
			default:
				t.Errorf("byte %d changed by %02x: %+v", i, x, got)
			}
			m.b[i] ^= x
		}
	}
	if kept == 0 || warned == 0 || failed == 0 {
		t.Errorf("%d kept, %d warned, %d failed", kept, warned, failed)
	}
	t.Logf("%d kept, %d with a warning, %d errors", kept, warned, failed)
}

// TestSimulatedMemory holds the memory of the simulated card to the contract of a Medium.
func TestSimulatedMemory(t *testing.T) {
	var m Medium = sim.NewMemory(8192, 64, sim.Raw, 1)
	if _, ok := m.(Resetter); !ok {
		t.Error("no cold reset")
	}
	mustFormat(t, m)
	seq := mustWrite(t, m, []byte("x"), 0)
	if c, err := Read(m); err != nil || c.Seq != seq {
		t.Error(c, err)
	}
}

// TestCommitResumes: a mark that the card acknowledged is not written again; torn, it would no longer hold what it holds.
func TestCommitResumes(t *testing.T) {
	for level := range levels {
		p := newPlate(8192, 64)
		mustFormat(t, p)
		seq := mustWrite(t, p, []byte("first"), 0)
		p.zero()
		p.failWrite = levels + 1 + level + 1 // the voids, the slot, the marks below
		mustWrite(t, p, []byte("second"), seq)
		var want []int64
		for l := range levels {
			want = append(want, 128+128*int64(l))
			if l == level {
				want = append(want, 128+128*int64(l))
			}
		}
		if d := cmp.Diff(want, p.writes[levels+1:]); d != "" {
			t.Errorf("mark %c failed once: %s", 'A'+level, d)
		}
	}
}

// cached is a card that answers, until a reset, with what it was sent, and whose memory keeps nothing.
type cached struct {
	*plate
	cache []byte
}

func (c *cached) ReadAt(b []byte, off int64) (int, error) { return copy(b, c.cache[off:]), nil }
func (c *cached) WriteAt(b []byte, off int64) (int, error) {
	return copy(c.cache[off:], b), nil
}

func (c *cached) Reset() error {
	copy(c.cache, c.b)
	return c.plate.Reset()
}

// TestColdResets: what is read before a write, and what is read back, is what the memory holds.
func TestColdResets(t *testing.T) {
	p := newPlate(8192, 64)
	mustFormat(t, p)
	seq := mustWrite(t, p, []byte("first"), 0)
	c := &cached{p, slices.Clone(p.b)}
	if _, err := Write(c, []byte("second"), seq); !errors.Is(err, ErrNotWritten) {
		t.Error(err)
	}
	c.cache[448+30] ^= 1
	if _, err := Write(c, []byte("second"), seq); !errors.Is(err, ErrNotWritten) {
		t.Error("the card was believed before the write:", err)
	}
	p.zero()
	mustWrite(t, p, []byte("second"), seq)
	if p.resets != 3 {
		t.Errorf("%d resets", p.resets)
	}
}
