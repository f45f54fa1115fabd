package card

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/secours-card/secours/card/sim"
)

// shifted is memory in which the file begins elsewhere than on a page.
type shifted struct {
	*sim.Memory
	by int64
}

func (s shifted) Size() int64                              { return s.Memory.Size() - s.by }
func (s shifted) ReadAt(p []byte, off int64) (int, error)  { return s.Memory.ReadAt(p, off+s.by) }
func (s shifted) WriteAt(p []byte, off int64) (int, error) { return s.Memory.WriteAt(p, off+s.by) }

// onMemory is a tag of 2 KiB on a memory that tears.
func onMemory(m *sim.Memory, by int, extended bool) *paperTag {
	p := newPaperTag(2048)
	p.mem, p.extended = shifted{m, int64(by)}, extended
	return p
}

// TestTagTearEverywhere cuts the power at every cut point of an update by APDUs, and after each at some of the update that follows. At
// every moment the tag holds one well-formed message of the same length, and the container reads as it was or as it was to be. The
// message is also held to that where pages are larger, or the file does not begin on one, which the container does not promise to survive.
func TestTagTearEverywhere(t *testing.T) {
	for _, tc := range []struct {
		kind      sim.Atomicity
		page, by  int
		extended  bool
		container bool // is asked too
	}{
		{sim.Raw, 64, 0, false, true},
		{sim.Raw, 64, 0, true, true},
		{sim.Raw, 16, 0, false, true},
		{sim.PageAtomic, 64, 0, false, true},
		{sim.CommandAtomic, 64, 0, false, true},
		{sim.Raw, 64, 32, false, false},
		{sim.Raw, 64, 2, false, false},
		{sim.Raw, 128, 0, false, false},
	} {
		t.Run(fmt.Sprintf("%v %d+%d %v", tc.kind, tc.page, tc.by, tc.extended), func(t *testing.T) {
			memory := func(seed uint64) *sim.Memory { return sim.NewMemory(2048+tc.by, tc.page, tc.kind, seed) }
			m := memory(1)
			tag := laidOut(t, onMemory(m, tc.by, tc.extended))
			seq := uint32(0)
			for n := range uint64(3) {
				seq = mustWrite(t, tag.Medium(t.Context()), numbered(n, 20), seq)
			}
			data, weak := m.Dump()
			update := func(p *paperTag, m *sim.Memory, record uint64, at int) error {
				c, err := Open(t.Context(), p)
				if err != nil {
					t.Fatal(err)
				}
				medium := c.Medium(t.Context())
				old, err := Read(medium)
				if err != nil {
					return err
				}
				m.CutAfter(at)
				_, err = old.Replace(medium, numbered(record, 20))
				m.CutAfter(0)
				p.pulled = false
				if rerr := p.Reset(t.Context()); rerr != nil {
					t.Fatal(rerr)
				}
				return err
			}
			// check tells what reads afterwards.
			check := func(p *paperTag, allowed ...uint64) {
				t.Helper()
				for range 8 {
					if err := wellFormed(p); err != nil {
						t.Fatal(err)
					}
					if !tc.container {
						continue
					}
					c, err := Open(t.Context(), p)
					if err != nil {
						t.Fatal(err)
					}
					got, err := Read(c.Medium(t.Context()))
					if err != nil {
						t.Fatal(err)
					}
					ok := false
					for _, a := range allowed {
						ok = ok || number(got.Record) == a
					}
					if !ok || got.Unconfirmed || got.NewerLost {
						t.Fatalf("%d reads, and one of %d should: %+v", number(got.Record), allowed, got)
					}
				}
			}
			rng := rand.New(rand.NewPCG(7, uint64(tc.page)))
			cuts := 0
			for _, pulled := range []bool{false, true} {
				for at := 1; ; at++ {
					m := memory(uint64(at))
					if err := m.Restore(data, weak); err != nil {
						t.Fatal(err)
					}
					p := onMemory(m, tc.by, tc.extended)
					p.pulled = pulled
					start := m.CutPoints()
					err := update(p, m, 3, at)
					passed := int(m.CutPoints() - start)
					allowed := []uint64{2, 3}
					switch {
					case err == nil:
						allowed = []uint64{3}
					case errors.Is(err, ErrNotWritten):
						allowed = []uint64{2}
					}
					check(p, allowed...)
					if err == nil && passed < at {
						break
					}
					cuts++
					p.pulled = !pulled
					if err := update(p, m, 4, 1+rng.IntN(passed+1)); err == nil {
						allowed = []uint64{4}
					} else {
						allowed = append(allowed, 4)
					}
					check(p, allowed...)
				}
			}
			t.Logf("%d cuts", cuts)
			if cuts < 100 {
				t.Errorf("only %d cuts", cuts)
			}
		})
	}
}

// TestTagTearCampaign tears updates in a row, at random, for longer.
func TestTagTearCampaign(t *testing.T) {
	updates := setting(t, "SECOURS_TEARS_TAG_UPDATES", 300, 20_000)
	for _, page := range []int{16, 64} {
		m := sim.NewMemory(2048, page, sim.Raw, 77)
		p := onMemory(m, 0, page == 16)
		laidOut(t, p)
		rng := rand.New(rand.NewPCG(3, uint64(page)))
		var acked uint64
		torn := 0
		for n := uint64(1); n <= uint64(updates); n++ {
			c, err := Open(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			medium := c.Medium(t.Context())
			old, err := Read(medium)
			if err != nil {
				t.Fatal(err)
			}
			p.pulled = rng.IntN(2) == 0
			if rng.IntN(4) > 0 {
				m.CutAfter(1 + rng.IntN(130))
			}
			write := old.Replace
			if n%4 == 0 {
				write = old.ReplaceBoth
			}
			if _, err = write(medium, numbered(n, rng.IntN(150))); err == nil || errors.Is(err, ErrNotErased) {
				acked = n
			}
			if p.off {
				torn++
			}
			m.CutAfter(0)
			p.pulled = false
			if err := p.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 4 {
				if err := wellFormed(p); err != nil {
					t.Fatalf("update %d: %v", n, err)
				}
				if c, err = Open(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				got, err := Read(c.Medium(t.Context()))
				if err != nil || acked > 0 && (got.Record == nil || number(got.Record) < acked) {
					t.Fatalf("update %d, %d was acknowledged: %+v, %v", n, acked, got, err)
				}
			}
		}
		t.Logf("pages of %d: %d updates, %d ended without power, %d bits made marginal", page, updates, torn, m.Marred())
		if torn < updates/5 || m.Marred() < torn || acked == 0 {
			t.Error("the campaign did not tear as it should")
		}
	}
}

// TestTagTearLayOut cuts the power at every cut point of laying out. Where pages are atomic, a reader finds what was there, an empty tag
// or our message. Where they are not, the first page may be anything; either way laying out again mends it, and leaves no marginal bit.
func TestTagTearLayOut(t *testing.T) {
	for _, kind := range tearKinds {
		for _, page := range []int{16, 64} {
			for _, message := range [][]byte{{0, 0}, otherMessage} {
				for _, mlc := range []int{255, 13} {
					t.Run(fmt.Sprintf("%v/%d/%d/%d", kind, page, len(message), mlc), func(t *testing.T) {
						cuts, seeds := 0, setting(t, "SECOURS_TEARS_LAYOUT_SEEDS", 4, 200)
						if kind != sim.Raw { // only raw memory has marginal bits to draw
							seeds = 2
						}
						for seed := range uint64(seeds) {
							for at := 1; tearLayOut(t, kind, page, message, mlc, seed, at); at++ {
								cuts++
							}
						}
						if t.Logf("%d cuts", cuts); cuts < 10*seeds {
							t.Errorf("only %d cuts", cuts)
						}
					})
				}
			}
		}
	}
}

func tearLayOut(t *testing.T, kind sim.Atomicity, page int, message []byte, mlc int, seed uint64, at int) (torn bool) {
	t.Helper()
	m := sim.NewMemory(2048, page, kind, seed<<16+uint64(at))
	p := onMemory(m, 0, false)
	p.mlc = mlc
	put(t, p, message...)
	tag := mustTag(t, p)
	m.CutAfter(at)
	err := tag.LayOut(t.Context(), true)
	torn = p.off || err != nil
	if torn && err == nil {
		t.Fatal("torn, and reported as done")
	}
	m.CutAfter(0)
	if err := p.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kind != sim.Raw {
		length, types, err := parseMessage(p.file(), false)
		ours := wellFormed(p) == nil
		old := len(types) == 1 && types[0] == "T" && length == 10
		if err != nil || !ours && !old && length != 0 {
			t.Fatalf("seed %d, cut %d: a message of %d bytes, %q, %v", seed, at, length, types, err)
		}
	}
	// Nothing of what a tear leaves is written to as a container without being laid out again, unless it reads as ours.
	if tag, err = SelectTag(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := tag.LayOut(t.Context(), true); err != nil {
		t.Fatalf("seed %d, cut %d: mending: %v", seed, at, err)
	}
	if n := m.WeakBits(); n > 0 {
		t.Fatalf("seed %d, cut %d: %d marginal bits after mending", seed, at, n)
	}
	if err := wellFormed(p); err != nil {
		t.Fatalf("seed %d, cut %d: after mending: %v", seed, at, err)
	}
	medium := tag.Medium(t.Context())
	mustFormat(t, medium)
	mustWrite(t, medium, []byte("x"), 0)
	return torn
}
