package card_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
)

const (
	selectApp = "00A4040008F05345434F55525300"
	selectFCP = "00A40004020101 00"
	fci       = "6F14 8408F05345434F555253 A508 80022000 81020040 9000"
)

func TestSelect(t *testing.T) {
	for _, tc := range []struct {
		name       string
		steps      []step
		size, page int64 // 0: refused
		err        error
	}{
		{"FCI", []step{{selectApp, fci}}, 8192, 64, nil},
		{"FCI by GET RESPONSE", []step{{selectApp, "6116"}, {"00C0000016", fci}}, 8192, 64, nil},
		{"short numbers", []step{{selectApp, "6F08 A506 8001FF 810110 9000"}}, 255, 16, nil},
		{"FCP", []step{{selectApp, "9000"}, {selectFCP, "620D 80022000 820101 A504 81020040 9000"}}, 8192, 64, nil},
		{"FCP and FMD within FCI", []step{{selectApp, "6F1A 6214 8408F05345434F555253 A508 80022000 81020040 6402 5000 9000"}}, 8192, 64, nil},
		{"padding", []step{{selectApp, "6F16 8408F05345434F555253 A508 80022000 81020040 0000 000000 9000"}}, 8192, 64, nil},
		{"absent", []step{{selectApp, "6A82"}}, 0, 0, card.ErrNotOurCard},
		{"no SELECT", []step{{selectApp, "6D00"}}, 0, 0, card.ErrNotOurCard},
		{"applet says no", []step{{selectApp, "6999"}}, 0, 0, card.ErrNotOurCard},
		{"terminated", []step{{selectApp, "6285"}}, 0, 0, card.ErrNotOurCard},
		{"no file", []step{{selectApp, "9000"}, {selectFCP, "6A82"}}, 0, 0, card.ErrNotOurCard},
		{"another name", []step{{selectApp, "6F14 8408F05345434F555254 A508 80022000 81020040 9000"}}, 0, 0, card.ErrNotOurCard},
		{"no size", []step{{selectApp, "6F06 A504 81020040 9000"}}, 0, 0, card.ErrNotOurCard},
		{"no page", []step{{selectApp, "6F06 A504 80020040 9000"}}, 0, 0, card.ErrNotOurCard},
		{"size 0", []step{{selectApp, "6F0A A508 80020000 81020040 9000"}}, 0, 0, card.ErrNotOurCard},
		{"size beyond offsets", []step{{selectApp, "6F0A A508 80028000 81020040 9000"}}, 0, 0, card.ErrNotOurCard},
		{"page beyond size", []step{{selectApp, "6F0A A508 80020040 81020041 9000"}}, 0, 0, card.ErrNotOurCard},
		{"page 0", []step{{selectApp, "6F0A A508 80020040 81020000 9000"}}, 0, 0, card.ErrNotOurCard},
		{"a length that lies", []step{{selectApp, "6F0A A509 80022000 81020040 9000"}}, 0, 0, card.ErrNotOurCard},
		{"a number of five bytes", []step{{selectApp, "6F0D A50B 80050000002000 81020040 9000"}}, 0, 0, card.ErrNotOurCard},
		{"noise", []step{{selectApp, "FFFFFFFF9000"}}, 0, 0, card.ErrNotOurCard},
		{"security", []step{{selectApp, "6982"}}, 0, 0, card.ErrSecurity},
		{"gone", []step{{selectApp, ""}}, 0, 0, card.ErrCardGone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &script{t: t, steps: tc.steps}
			a, err := card.Select(t.Context(), s)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%v, want %v", err, tc.err)
			}
			if errors.Is(err, card.ErrNotOurCard) && tc.err != card.ErrNotOurCard {
				t.Errorf("%v is taken for another card", err)
			}
			if err != nil {
				return
			}
			if m := a.Medium(t.Context()); m.Size() != tc.size || int64(m.PageSize()) != tc.page {
				t.Errorf("%d bytes, pages of %d; want %d, %d", m.Size(), m.PageSize(), tc.size, tc.page)
			}
		})
	}
}

func newCard(t testing.TB, o sim.Options) *sim.Card {
	t.Helper()
	o.Seed = 1
	c, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func selected(t testing.TB, tr card.Transmitter) *card.Application {
	t.Helper()
	a, err := card.Select(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tap lets a test see and change what goes between the application and a simulated card.
type tap struct {
	*sim.Card
	commands []card.Command
	change   func(c card.Command, answer []byte, err error) ([]byte, error) // nil: pass on
}

func (p *tap) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	c, err := card.ParseCommand(bytes.Clone(command))
	if err != nil {
		return nil, err
	}
	p.commands = append(p.commands, c)
	answer, err := p.Card.Transmit(ctx, command)
	if p.change != nil {
		return p.change(c, answer, err)
	}
	return answer, err
}

// The budget of an emergency read, from SELECT to the last byte; the figures of docs/FORMAT.md, section 1.
func TestCommandBudget(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    sim.Options
		want map[int]int // by length of the record
	}{
		{"short", sim.Options{}, map[int]int{100: 3, 400: 4, 1000: 7, 3000: 15}},
		{"extended", sim.Options{MaxCommand: 2048, MaxResponse: 2048}, map[int]int{100: 3, 400: 4, 1000: 4, 3000: 5}},
	} {
		for size, want := range tc.want {
			c := newCard(t, tc.o)
			m := selected(t, c).Medium(t.Context())
			if err := card.Format(m, card.ID{1}); err != nil {
				t.Fatal(err)
			}
			record := bytes.Repeat([]byte{0x53}, size)
			if _, err := card.Write(m, record, 0); err != nil {
				t.Fatal(err)
			}
			if err := c.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := c.Commands()
			got, err := card.Read(selected(t, c).Medium(t.Context()))
			if err != nil || !bytes.Equal(got.Record, record) {
				t.Fatal(err)
			}
			if n := c.Commands() - before; n != want {
				t.Errorf("%s, %d bytes: %d commands, want %d", tc.name, size, n, want)
			}
		}
	}
}

// What is written anywhere is read back, and no command breaks the rules of docs/FORMAT.md, section 1.
func TestMediumReadsWhatItWrote(t *testing.T) {
	for _, o := range []sim.Options{
		{Size: 2000},
		{Size: 2000, Page: 16},
		{Size: 2000, Page: 48},
		{Size: 2000, Page: 256},
		{Size: 2000, T0: true},
		{Size: 2000, MaxCommand: 581, MaxResponse: 500}, // nine pages and the header are 583
		{Size: 32767, Page: 128, MaxCommand: 65535, MaxResponse: 65535},
	} {
		p := &tap{Card: newCard(t, o)}
		m := selected(t, p).Medium(t.Context())
		size, page := int(m.Size()), m.PageSize()
		rng := rand.New(rand.NewPCG(2, 3))
		want := make([]byte, size)
		if n, err := m.WriteAt(want, 0); n != size || err != nil {
			t.Fatal(n, err)
		}
		for range 100 {
			off := rng.IntN(size)
			b := make([]byte, rng.IntN(min(size-off, 1200)+1))
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			copy(want[off:], b)
			if n, err := m.WriteAt(b, int64(off)); n != len(b) || err != nil {
				t.Fatalf("writing %d at %d: %d, %v", len(b), off, n, err)
			}
			off = rng.IntN(size + 10)
			got := make([]byte, rng.IntN(1200))
			n, err := m.ReadAt(got, int64(off))
			rest := max(size-off, 0)
			if n != min(len(got), rest) || len(got) > rest != (err == io.EOF) || err != nil && err != io.EOF {
				t.Fatalf("reading %d at %d of %d: %d, %v", len(got), off, size, n, err)
			}
			if n > 0 && !bytes.Equal(got[:n], want[off:off+n]) {
				t.Fatalf("%+v: reading %d at %d: other bytes than written", o, n, off)
			}
		}
		extended := 0
		for _, c := range p.commands {
			if c.Instruction != 0xB0 && c.Instruction != 0xD6 {
				continue
			}
			n := len(c.Data)
			if c.Instruction == 0xB0 {
				n = c.Ne
			}
			switch {
			case c.Extended:
				extended++
				if len(c.Data)+7 > max(o.MaxCommand, 0) || c.Ne+2 > max(o.MaxResponse, 0) && c.Ne > 0 {
					t.Fatalf("an extended command with %d and %d bytes, the card says %d, %d", len(c.Data), c.Ne, o.MaxCommand, o.MaxResponse)
				}
			case len(c.Data) > 128 || c.Ne > 240:
				t.Fatalf("a short command with %d and %d bytes", len(c.Data), c.Ne)
			}
			off := int(c.P1)<<8 | int(c.P2)
			if c.P1&0x80 != 0 {
				off = int(c.P2)
			}
			whole := off%page == 0 && n%page == 0
			if c.Instruction == 0xD6 && !whole && off/page != (off+n-1)/page {
				t.Fatalf("pages of %d: %d bytes at %d cross a page", page, n, off)
			}
		}
		if (extended > 0) != (o.MaxCommand > 0) {
			t.Errorf("%d extended commands, the card takes %d bytes", extended, o.MaxCommand)
		}
	}
}

func TestMediumBounds(t *testing.T) {
	p := &tap{Card: newCard(t, sim.Options{Size: 512})}
	a := selected(t, p)
	m := a.Medium(t.Context())
	before := len(p.commands)
	for _, tc := range []struct{ off, n int64 }{{-1, 1}, {512, 1}, {511, 2}, {1 << 62, 1}} {
		if _, err := m.WriteAt(make([]byte, tc.n), tc.off); !errors.Is(err, card.ErrNoSpace) {
			t.Errorf("writing %d at %d: %v", tc.n, tc.off, err)
		}
	}
	if _, err := m.ReadAt(make([]byte, 1), -1); !errors.Is(err, card.ErrOffset) {
		t.Errorf("reading at -1: %v", err)
	}
	if n, err := m.ReadAt(make([]byte, 1), 1<<62); n != 0 || err != io.EOF {
		t.Errorf("reading far behind the end: %d, %v", n, err)
	}
	if n := len(p.commands) - before; n != 0 {
		t.Errorf("%d commands for what can only fail", n)
	}
	// Without anything read before, an offset beyond P2 needs the file selected.
	if n, err := m.ReadAt(make([]byte, 10), 300); n != 10 || err != nil {
		t.Errorf("reading at 300 first: %d, %v", n, err)
	}
	// And again after another file was read.
	if _, err := a.Capabilities(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := m.ReadAt(make([]byte, 10), 300); n != 10 || err != nil {
		t.Errorf("reading at 300 after EF.ATR/INFO: %d, %v", n, err)
	}
}

// readerOnly hides what the reader or the card can do.
type readerOnly struct {
	card.Transmitter
	extended bool
}

func (r readerOnly) ExtendedAPDU() bool { return r.extended }

func TestExtendedNeedsBoth(t *testing.T) {
	longest := func(t *testing.T, o sim.Options, reader bool, strip bool) (most int) {
		p := &tap{Card: newCard(t, o)}
		p.change = func(c card.Command, answer []byte, err error) ([]byte, error) {
			if strip && c.Instruction == 0xA4 { // an FCI without limits: EF.ATR/INFO has them
				return unhex(t, fci), nil
			}
			return answer, err
		}
		m := selected(t, readerOnly{p, reader}).Medium(t.Context())
		if _, err := m.ReadAt(make([]byte, 1000), 300); err != nil {
			t.Fatal(err)
		}
		for _, c := range p.commands {
			if c.Instruction == 0xB0 && c.P1 != 0x9D {
				most = max(most, c.Ne)
			}
		}
		return most
	}
	ext := sim.Options{MaxCommand: 4096, MaxResponse: 4096}
	for _, tc := range []struct {
		name          string
		o             sim.Options
		reader, strip bool
		want          int
	}{
		{"both", ext, true, false, 1000},
		{"both, by EF.ATR/INFO", ext, true, true, 1000},
		{"card only", ext, false, false, 240},
		{"reader only", sim.Options{}, true, false, 240},
		{"within limits", sim.Options{MaxCommand: 400, MaxResponse: 402}, true, false, 400},
	} {
		if got := longest(t, tc.o, tc.reader, tc.strip); got != tc.want {
			t.Errorf("%s: reads of %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestReadHostileAnswers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer string
		err    error
		most   int
	}{
		{"more than asked for", strings.Repeat("AA", 101) + "9000", card.ErrProtocol, 1},
		{"crumbs", "AA9000", card.ErrProtocol, 1},
		{"empty", "9000", card.ErrProtocol, 1},
		{"end of the file at once", "6282", card.ErrProtocol, 1},
		{"half, then half", strings.Repeat("AA", 50) + "9000", nil, 2},
		{"half, called the end", strings.Repeat("AA", 50) + "6282", nil, 2},
		{"PIN", "6982", card.ErrSecurity, 1},
		{"offset", "6B00", card.ErrOffset, 1},
	} {
		p := &tap{Card: newCard(t, sim.Options{})}
		m := selected(t, p).Medium(t.Context())
		p.change = func(card.Command, []byte, error) ([]byte, error) { return unhex(t, tc.answer), nil }
		before := len(p.commands)
		n, err := m.ReadAt(make([]byte, 100), 0)
		if !errors.Is(err, tc.err) || (err == nil) != (n == 100) || len(p.commands)-before > tc.most {
			t.Errorf("%s: %d bytes, %v, %d commands", tc.name, n, err, len(p.commands)-before)
		}
	}
}

func TestWriteWarnings(t *testing.T) {
	for answer, want := range map[string]error{
		"9000": nil,
		"63C2": nil,            // written at the second attempt
		"63C0": card.ErrMemory, // not a retry count
		"6300": card.ErrMemory, // Type 4 tags: password needed
		"6281": card.ErrMemory,
		"6581": card.ErrMemory,
		"6982": card.ErrSecurity,
		"6A84": card.ErrNoSpace,
	} {
		p := &tap{Card: newCard(t, sim.Options{})}
		m := selected(t, p).Medium(t.Context())
		p.change = func(card.Command, []byte, error) ([]byte, error) { return unhex(t, answer), nil }
		if _, err := m.WriteAt([]byte{1}, 0); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: %v, want %v", answer, err, want)
		}
	}
}

// Data that changes from read to read is for the container to judge; here it must only do no harm.
func TestDataThatChanges(t *testing.T) {
	p := &tap{Card: newCard(t, sim.Options{})}
	rng := rand.New(rand.NewPCG(4, 5))
	m := selected(t, p).Medium(t.Context())
	if err := card.Format(m, card.ID{1}); err != nil {
		t.Fatal(err)
	}
	p.change = func(c card.Command, answer []byte, err error) ([]byte, error) {
		if c.Instruction == 0xB0 {
			for range rng.IntN(3) {
				answer[rng.IntN(len(answer)-2)] ^= 1 << rng.IntN(8)
			}
		}
		return answer, err
	}
	for range 200 {
		if c, err := card.Read(m); err == nil && c.Record != nil {
			t.Fatal("a record out of noise")
		}
	}
}

func TestReset(t *testing.T) {
	t.Run("selects again", func(t *testing.T) {
		p := &tap{Card: newCard(t, sim.Options{})}
		m := selected(t, p).Medium(t.Context())
		if _, err := m.WriteAt([]byte("abc"), 300); err != nil {
			t.Fatal(err)
		}
		if err := m.Reset(); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 3)
		if _, err := m.ReadAt(b, 300); err != nil || string(b) != "abc" {
			t.Errorf("%q, %v", b, err)
		}
	})
	t.Run("notices another card", func(t *testing.T) {
		for _, answer := range []string{"6A82", "6F14 8408F05345434F555253 A508 80022000 81020080 9000"} {
			p := &tap{Card: newCard(t, sim.Options{})}
			m := selected(t, p).Medium(t.Context())
			p.change = func(card.Command, []byte, error) ([]byte, error) { return unhex(t, answer), nil }
			if err := m.Reset(); !errors.Is(err, card.ErrCardChanged) {
				t.Errorf("%s: %v, want ErrCardChanged", answer, err)
			}
			if m.PageSize() != 64 {
				t.Error("the page size is now that of the other card")
			}
		}
	})
	t.Run("reports a card that is gone", func(t *testing.T) {
		p := &tap{Card: newCard(t, sim.Options{})}
		m := selected(t, p).Medium(t.Context())
		p.Remove()
		if err := m.Reset(); !errors.Is(err, card.ErrCardGone) || errors.Is(err, card.ErrCardChanged) {
			t.Errorf("%v, want ErrCardGone", err)
		}
	})
	t.Run("without a cold reset, selects", func(t *testing.T) {
		s := &script{t: t, steps: []step{{selectApp, fci}, {selectApp, fci}}}
		if err := selected(t, s).Medium(t.Context()).Reset(); err != nil || s.n != 2 {
			t.Errorf("%d commands, %v", s.n, err)
		}
	})
}

func TestCapabilities(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want card.Capabilities
	}{
		{"7F66 08 02020105 02020102", card.Capabilities{MaxCommand: 261, MaxResponse: 258}},
		{"7F66 08 02020400 02020800 4703 9601E0", card.Capabilities{
			MaxCommand: 1024, MaxResponse: 2048, SelectByName: true, Chaining: true, Extended: true,
		}},
		{"7F66 0A 0203010000 0203010000", card.Capabilities{MaxCommand: 65536, MaxResponse: 65538 - 2}},
		{"7F66 0C 02047FFFFFFF 02047FFFFFFF", card.Capabilities{MaxCommand: 65544, MaxResponse: 65538}},
		{"7F66 04 04000800", card.Capabilities{MaxCommand: 1024, MaxResponse: 2048}},
		{"E010 02020400 02020800 02020100 02020100", card.Capabilities{MaxCommand: 1024, MaxResponse: 2048}},
		{"0000 4703 960160 0000FFFF", card.Capabilities{SelectByName: true, Extended: true}},
		{"", card.Capabilities{}},
		{strings.Repeat("FF", 256), card.Capabilities{}},
	} {
		got, err := card.ParseInfo(unhex(t, tc.in))
		if d := cmp.Diff(tc.want, got); d != "" || err != nil {
			t.Errorf("%s: %v\n%s", tc.in, err, d)
		}
	}
	for _, bad := range []string{
		"7F66", "7F6608020201", "7F6600", "7F6604 02020105", "7F6608 03020105 02020102", "7F660C 0204FFFFFFFF 0204FFFFFFFF",
		"7F660E 02050000000400 02050000000400",
	} {
		if got, err := card.ParseInfo(unhex(t, bad)); !errors.Is(err, card.ErrProtocol) || got != (card.Capabilities{}) {
			t.Errorf("%s: %v, %v", bad, got, err)
		}
	}
	for in, want := range map[string]card.Capabilities{
		"":                        {},
		"80 3198 73960160":        {SelectByName: true, Extended: true},
		"80 3198 739601E0":        {SelectByName: true, Extended: true, Chaining: true},
		"00 3198 739601E0 059000": {SelectByName: true, Extended: true, Chaining: true},
		"10 FFFF":                 {},
	} {
		if got, err := card.ParseHistorical(unhex(t, in)); got != want || err != nil {
			t.Errorf("historical bytes %s: %v, %v", in, got, err)
		}
	}
	for _, bad := range []string{"80 73", "80 3F00", "00 9000"} {
		if _, err := card.ParseHistorical(unhex(t, bad)); !errors.Is(err, card.ErrProtocol) {
			t.Errorf("historical bytes %s: %v", bad, err)
		}
	}
	// A card without EF.ATR/INFO, or with noise in it, has no capabilities; a card that is gone is an error.
	for answer, want := range map[string]error{"6A82": nil, "7F669000": nil, "": card.ErrCardGone} {
		a := selected(t, &script{t: t, steps: []step{{selectApp, fci}, {"00B09D0000", answer}}})
		if c, err := a.Capabilities(t.Context()); c != (card.Capabilities{}) || !errors.Is(err, want) {
			t.Errorf("%q: %v, %v", answer, c, err)
		}
	}
	c := newCard(t, sim.Options{MaxCommand: 1024, MaxResponse: 2048})
	want := card.Capabilities{MaxCommand: 1024, MaxResponse: 2048, SelectByName: true, Extended: true}
	if got, err := selected(t, c).Capabilities(t.Context()); got != want || err != nil {
		t.Errorf("of the simulated card: %v, %v", got, err)
	}
}

// swapping is a reader in which another card lies from a reset on.
type swapping struct {
	*sim.Card
	other     *sim.Card
	at, count int
}

func (s *swapping) Reset(ctx context.Context) error {
	if s.count++; s.count == s.at {
		s.Card = s.other
	}
	return s.Card.Reset(ctx)
}

// Another card of the same make, put in while one is being written, is not written to.
func TestSwapDuringWrite(t *testing.T) {
	written := func(id byte) *sim.Card {
		c := newCard(t, sim.Options{})
		m := selected(t, c).Medium(t.Context())
		if err := card.Format(m, card.ID{id}); err != nil {
			t.Fatal(err)
		}
		if _, err := card.Write(m, []byte{id}, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := m.WriteAt(make([]byte, 16), 192); err != nil { // mark B is missing: there is something to settle
			t.Fatal(err)
		}
		return c
	}
	for at := 1; ; at++ {
		s := &swapping{Card: written(1), other: written(2), at: at}
		m := selected(t, s).Medium(t.Context())
		c, err := card.Read(m)
		if err != nil {
			t.Fatal(err)
		}
		points := s.other.CutPoints()
		_, err = c.Replace(m, []byte("new"))
		if s.count < at {
			if err != nil || at < 5 {
				t.Errorf("%v after %d resets", err, s.count)
			}
			break
		}
		if !errors.Is(err, card.ErrCardChanged) {
			t.Errorf("swapped at reset %d: %v", at, err)
		}
		// Each read passes one cut point, a write of one page many.
		if n := s.other.CutPoints() - points; n > 4 {
			t.Errorf("swapped at reset %d: %d cut points passed on the other card", at, n)
		}
		got, err := card.Read(selected(t, s.other).Medium(t.Context()))
		if err != nil || got.Card != (card.ID{2}) || !bytes.Equal(got.Record, []byte{2}) {
			t.Errorf("swapped at reset %d: the other card holds %+v: %v", at, got, err)
		}
	}
}
