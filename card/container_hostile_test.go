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
)

// liar answers as it likes.
type liar struct {
	*plate
	read  func(b []byte, off int64) (int, error)
	write func(b []byte, off int64) (int, error)
	size  int64
	pages int
}

func (l *liar) Size() int64   { return l.size }
func (l *liar) PageSize() int { return l.pages }
func (l *liar) ReadAt(b []byte, off int64) (int, error) {
	if l.read == nil {
		return l.plate.ReadAt(b, off)
	}
	return l.read(b, off)
}

func (l *liar) WriteAt(b []byte, off int64) (int, error) {
	if l.write == nil {
		return l.plate.WriteAt(b, off)
	}
	return l.write(b, off)
}

func TestHostileMedium(t *testing.T) {
	full := func() *plate {
		m := newPlate(8192, 64)
		mustFormat(t, m)
		mustWrite(t, m, []byte("x"), 0)
		return m
	}
	r := rand.New(rand.NewPCG(3, 4))
	for name, l := range map[string]*liar{
		"short reads":       {plate: full(), read: func(b []byte, _ int64) (int, error) { return len(b) / 2, nil }},
		"more than asked":   {plate: full(), read: func(b []byte, _ int64) (int, error) { return len(b) + 1, nil }},
		"far more":          {plate: full(), read: func([]byte, int64) (int, error) { return 1 << 40, nil }},
		"negative":          {plate: full(), read: func([]byte, int64) (int, error) { return -1, nil }},
		"EOF with nothing":  {plate: full(), read: func([]byte, int64) (int, error) { return 0, io.EOF }},
		"noise":             {plate: full(), read: func(b []byte, _ int64) (int, error) { fill(r, b); return len(b), nil }},
		"size 0":            {plate: full(), size: -1},
		"vast, then nought": {plate: full(), size: 1 << 62},
		"pages of 0":        {plate: full(), pages: -64},
		"pages vast":        {plate: full(), pages: 1 << 30},
		"writes nothing":    {plate: full(), write: func(b []byte, _ int64) (int, error) { return len(b), nil }},
		"writes half":       {plate: full(), write: func(b []byte, _ int64) (int, error) { return len(b) / 2, nil }},
		"writes more":       {plate: full(), write: func(b []byte, _ int64) (int, error) { return len(b) + 1, nil }},
	} {
		if l.size == 0 {
			l.size = 8192
		}
		if l.pages == 0 {
			l.pages = 64
		}
		c, err := Read(l)
		if err == nil && string(c.Record) != "x" {
			t.Errorf("%s: read %+v", name, c)
		}
		if strings.HasPrefix(name, "writes") && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		expect := uint32(0)
		if c != nil {
			expect = c.Seq
		}
		if _, err := Write(l, []byte("new"), expect); err == nil && name != "vast, then nought" {
			t.Errorf("%s: written", name)
		}
		if err := Format(l, ID{}); err == nil && name != "vast, then nought" {
			t.Errorf("%s: formatted", name)
		}
	}
}

// TestWrongCounts: a medium that fills the buffer and claims another count is not believed.
func TestWrongCounts(t *testing.T) {
	p := newPlate(8192, 64)
	mustFormat(t, p)
	mustWrite(t, p, []byte("x"), 0)
	for _, d := range []int{-1, 1, 1 << 40, -1 << 40} {
		l := &liar{plate: p, size: 8192, pages: 64, read: func(b []byte, off int64) (int, error) {
			n, err := p.ReadAt(b, off)
			return n + d, err
		}}
		if _, err := Read(l); !errors.Is(err, errMisread) {
			t.Errorf("%+d: %v", d, err)
		}
	}
}

// TestVastSlots: neither a superblock nor a size is believed beyond what a slot can be.
func TestVastSlots(t *testing.T) {
	p := newPlate(8192, 64)
	mustFormat(t, p)
	p.b[8] = 0x7f
	sum := sha256.Sum256(p.b[:32])
	copy(p.b[32:superblockLen], sum[:])
	l := &liar{plate: p, size: 1 << 62, pages: 64}
	if c, err := Read(l); !errors.Is(err, ErrDamaged) {
		t.Errorf("%+v, %v", c, err)
	}
}

func fill(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

// TestChangingMedium flips a bit of what is read, now here, now there: nothing but the record, or an error.
func TestChangingMedium(t *testing.T) {
	p := newPlate(4096, 64)
	mustFormat(t, p)
	record := bytes.Repeat([]byte("record "), 100)
	seq := mustWrite(t, p, record, mustWrite(t, p, []byte("before"), 0))
	r := rand.New(rand.NewPCG(5, 6))
	good := 0
	for range 5000 {
		l := &liar{plate: p, size: 4096, pages: 64}
		l.read = func(b []byte, off int64) (int, error) {
			n, err := p.ReadAt(b, off)
			if r.IntN(2) == 0 {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			}
			return n, err
		}
		c, err := Read(l)
		if err != nil {
			continue
		}
		switch {
		case bytes.Equal(c.Record, record) && c.Seq == seq:
			good++
		case string(c.Record) == "before", c.Record == nil:
		default:
			t.Fatalf("read %+v", c)
		}
	}
	if good == 0 {
		t.Error("never read")
	}
}

func FuzzContainerRead(f *testing.F) {
	m := newPlate(1600, 16)
	mustFormat(f, m)
	f.Add(slices.Clone(m.b), 16, false)
	seq := mustWrite(f, m, []byte("first"), 0)
	f.Add(slices.Clone(m.b), 16, false)
	mustWrite(f, m, make([]byte, 300), seq)
	f.Add(slices.Clone(m.b), 64, true)
	f.Fuzz(func(t *testing.T, b []byte, page int, sign bool) {
		if b = slices.Clone(b); sign && len(b) >= superblockLen {
			sum := sha256.Sum256(b[:32])
			copy(b[32:], sum[:8])
		}
		m := &plate{b: b, page: page}
		c, err := Read(m)
		if m.readBytes > 2*maxSlot+1024 {
			t.Fatalf("%d bytes read", m.readBytes)
		}
		if err != nil || c.Record == nil {
			return
		}
		// A record is there only if some slot header with its digest is.
		l, err := parseSuperblock(b, int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			at := l.slotAt(i)
			s, n, ok := l.parseSlotHeader(b[at:])
			if ok && n == len(c.Record) && s.seq == c.Seq && bytes.Equal(l.encodeSlot(s, c.Record), b[at:at+slotHeaderLen+int64(n)]) {
				return
			}
		}
		t.Fatalf("%d bytes that stand in no slot", len(c.Record))
	})
}
