package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
)

func write(t *testing.T, m *Memory, b []byte, off int64) {
	t.Helper()
	if n, err := m.WriteAt(b, off); n != len(b) || err != nil {
		t.Fatalf("%d bytes at %d: %d, %v", len(b), off, n, err)
	}
}

func read(t *testing.T, m *Memory, n int, off int64) []byte {
	t.Helper()
	b := make([]byte, n)
	if n, err := m.ReadAt(b, off); n != len(b) || err != nil {
		t.Fatalf("%d bytes at %d: %d, %v", len(b), off, n, err)
	}
	return b
}

// written is a memory of four pages that holds a known pattern, and a write over it of 24 bytes on three of the pages.
func written(t *testing.T, a Atomicity, seed uint64) (m *Memory, old, after, data []byte, off int64) {
	t.Helper()
	m = NewMemory(64, 16, a, seed)
	old = bytes.Repeat([]byte{0x3c, 0xa5}, 32)
	write(t, m, old, 0)
	data, off = bytes.Repeat([]byte{0x5a}, 24), 12
	after = bytes.Clone(old)
	copy(after[off:], data)
	return m, old, after, data, off
}

func TestMemoryContract(t *testing.T) {
	for _, a := range []Atomicity{Raw, PageAtomic, CommandAtomic} {
		m, _, after, data, off := written(t, a, 1)
		write(t, m, data, off)
		if got := read(t, m, 64, 0); !bytes.Equal(got, after) {
			t.Errorf("%v: % x", a, got)
		}
		b := make([]byte, 10)
		for _, c := range []struct {
			off int64
			n   int
			err error
		}{{60, 4, io.EOF}, {64, 0, io.EOF}, {1 << 40, 0, io.EOF}} {
			if n, err := m.ReadAt(b, c.off); n != c.n || !errors.Is(err, c.err) {
				t.Errorf("%v: read at %d: %d, %v", a, c.off, n, err)
			}
		}
		if _, err := m.ReadAt(b, -1); err == nil {
			t.Errorf("%v: read at -1", a)
		}
		for _, o := range []int64{-1, 60, 64, 1 << 62} {
			if n, err := m.WriteAt(b, o); n != 0 || err == nil {
				t.Errorf("%v: write at %d: %d, %v", a, o, n, err)
			}
		}
		if got := read(t, m, 64, 0); !bytes.Equal(got, after) {
			t.Errorf("%v: a refused write changed % x", a, got)
		}
	}
}

// TestCutPoints cuts at every point of one write, for many seeds, and says what may be there then.
func TestCutPoints(t *testing.T) {
	for _, c := range []struct {
		kind   Atomicity
		points int // of a write on three pages
	}{
		{Raw, 3*8 + 1},
		{PageAtomic, 3 + 1},
		{CommandAtomic, 2},
	} {
		marginal, between := 0, 0
		for seed := range uint64(40) {
			m, _, _, data, off := written(t, c.kind, seed)
			start := m.CutPoints()
			write(t, m, data, off)
			if got := m.CutPoints() - start; got != uint64(c.points) {
				t.Fatalf("%v: %d cut points, not %d", c.kind, got, c.points)
			}
			for at := 1; at <= c.points; at++ {
				m, old, after, data, off := written(t, c.kind, seed)
				m.CutAfter(at)
				if _, err := m.WriteAt(data, off); !errors.Is(err, ErrPowerLost) {
					t.Fatalf("%v, cut %d: %v", c.kind, at, err)
				}
				for range 2 {
					if _, err := m.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrPowerLost) {
						t.Fatalf("%v, cut %d: read without power: %v", c.kind, at, err)
					}
				}
				if _, err := m.WriteAt(data, off); !errors.Is(err, ErrPowerLost) {
					t.Fatalf("%v, cut %d: write without power: %v", c.kind, at, err)
				}
				if err := m.Reset(); err != nil {
					t.Fatal(err)
				}
				marginal += m.WeakBits()
				between += m.Tears()
				got := read(t, m, 64, 0)
				torn := 0
				for p := 0; p < 64; p += 16 {
					page := got[p : p+16]
					isOld, isNew := bytes.Equal(page, old[p:p+16]), bytes.Equal(page, after[p:p+16])
					if !isOld && !isNew {
						torn++
					}
					if p == 48 && !isOld {
						t.Errorf("%v, cut %d: a page that was not written changed", c.kind, at)
					}
				}
				whole := bytes.Equal(got, old) || bytes.Equal(got, after)
				if torn > 1 || c.kind != Raw && torn > 0 || c.kind == CommandAtomic && !whole {
					t.Errorf("%v, cut %d: % x", c.kind, at, got)
				}
				if at == 1 && !bytes.Equal(got, old) || at == c.points && !bytes.Equal(got, after) {
					t.Errorf("%v, cut %d: % x", c.kind, at, got)
				}
				// Writing the pages again heals them.
				write(t, m, after, 0)
				if m.WeakBits() != 0 || !bytes.Equal(read(t, m, 64, 0), after) {
					t.Errorf("%v, cut %d: not healed", c.kind, at)
				}
			}
		}
		if got := marginal > 0 && between > 0; got != (c.kind == Raw) {
			t.Errorf("%v: %d tears within a page, %d marginal bits", c.kind, between, marginal)
		}
	}
}

// torn is a memory with marginal bits.
func torn(t *testing.T) *Memory {
	t.Helper()
	for seed := range uint64(40) {
		m, _, _, data, off := written(t, Raw, seed)
		m.CutAfter(4) // nearly erased
		if _, err := m.WriteAt(data, off); err == nil {
			t.Fatal("not cut")
		}
		if err := m.Reset(); err != nil {
			t.Fatal(err)
		}
		if m.WeakBits() > 2 {
			return m
		}
	}
	t.Fatal("no seed leaves marginal bits")
	return nil
}

func TestMarginalBitsWaver(t *testing.T) {
	m := torn(t)
	seen := map[string]bool{}
	for range 40 {
		if err := m.Reset(); err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprintf("%x", read(t, m, 16, 0))] = true
		if !bytes.Equal(read(t, m, 16, 48), bytes.Repeat([]byte{0x3c, 0xa5}, 8)) {
			t.Fatal("another page wavers")
		}
	}
	if len(seen) < 3 {
		t.Errorf("%d marginal bits, and only %d readings", m.WeakBits(), len(seen))
	}
}

func TestDumpRestore(t *testing.T) {
	m := torn(t)
	data, weak := m.Dump()
	other := NewMemory(64, 16, Raw, 99)
	if err := other.Restore(data, weak); err != nil {
		t.Fatal(err)
	}
	d, w := other.Dump()
	if !bytes.Equal(d, data) || !bytes.Equal(w, weak) || other.WeakBits() != m.WeakBits() {
		t.Error("not restored")
	}
	data[0] ^= 1
	if d, _ := m.Dump(); d[0] == data[0] {
		t.Error("a dump is not a copy")
	}
	if other.Restore(data[1:], weak) == nil || other.Restore(data, weak[1:]) == nil {
		t.Error("restored from another length")
	}
}

func TestDeterministic(t *testing.T) {
	run := func(seed uint64) string {
		m, _, _, data, off := written(t, Raw, seed)
		var out bytes.Buffer
		for at := 1; at < 25; at++ {
			m.CutAfter(at)
			_, _ = m.WriteAt(data, off)
			_ = m.Reset()
			out.Write(read(t, m, 64, 0))
		}
		return out.String()
	}
	first, again, other := run(7), run(7), run(8)
	if first != again {
		t.Error("one seed, two runs")
	}
	if first == other {
		t.Error("two seeds, one run")
	}
}

func TestCutTakenBack(t *testing.T) {
	m, _, _, data, off := written(t, Raw, 1)
	m.CutAfter(3)
	m.CutAfter(0)
	write(t, m, data, off)
}
