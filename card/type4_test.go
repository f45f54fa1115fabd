package card

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/secours-card/secours/card/sim"
)

func mustTag(t testing.TB, tr Transmitter) *Tag {
	t.Helper()
	tag, err := SelectTag(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// laidOut is a tag with a container.
func laidOut(t testing.TB, p *paperTag) *Tag {
	t.Helper()
	tag := mustTag(t, p)
	if err := tag.LayOut(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	mustFormat(t, tag.Medium(t.Context()))
	return tag
}

// wellFormed checks what any NDEF reader finds on a tag that is laid out.
func wellFormed(p *paperTag) error {
	n := len(p.head())
	file := p.file()
	end := (min(p.size, 32768) - 1) / 64 * 64
	length, types, err := parseMessage(file, p.extended)
	if err != nil {
		return err
	}
	if length != end-n || !slices.Equal(types, []string{"application/vnd.secours"}) {
		return fmt.Errorf("a message of %d bytes with the records %q, want %d", length, types, end-n)
	}
	return nil
}

// The bytes of docs/FORMAT.md, 1.1, by hand.
func TestTagLayoutBytes(t *testing.T) {
	for _, tc := range []struct {
		size     int
		extended bool
		head     string
		memory   int64
	}{
		{2048, false, "07BE C217000007A1" + hex.EncodeToString([]byte("application/vnd.secours")), 1984 - 64},
		{1985, false, "07BE C217000007A1" + hex.EncodeToString([]byte("application/vnd.secours")), 1984 - 64},
		{1984, false, "077E C21700000761" + hex.EncodeToString([]byte("application/vnd.secours")), 1920 - 64},
		{1153, false, "047E C21700000461" + hex.EncodeToString([]byte("application/vnd.secours")), 1088},
		{65534, false, "7FBE C21700007FA1" + hex.EncodeToString([]byte("application/vnd.secours")), 32704 - 64},
		{100000, true, "00007FBC C21700007F9F" + hex.EncodeToString([]byte("application/vnd.secours")), 32704 - 64},
	} {
		p := newPaperTag(tc.size)
		p.extended = tc.extended
		tag := laidOut(t, p)
		want := make([]byte, 64)
		if _, err := hex.Decode(want, []byte(strings.ReplaceAll(tc.head, " ", ""))); err != nil {
			t.Fatal(err)
		}
		if got := p.file()[:64]; !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %X, want %X", tc.size, got, want)
		}
		if err := wellFormed(p); err != nil {
			t.Errorf("%d bytes: %v", tc.size, err)
		}
		m := tag.Medium(t.Context())
		if m.Size() != tc.memory || m.PageSize() != 64 {
			t.Errorf("%d bytes: %d bytes, pages of %d; want %d", tc.size, m.Size(), m.PageSize(), tc.memory)
		}
		if !bytes.Equal(p.file()[64:68], []byte("SCRS")) {
			t.Errorf("%d bytes: the container does not begin at 64", tc.size)
		}
		if behind := p.file()[64+tc.memory:]; len(bytes.Trim(behind, "\x00")) > 0 {
			t.Errorf("%d bytes: something was written behind the message", tc.size)
		}
	}
}

// quirks are tags in use: each is laid out, formatted, written, read and written again, and no command goes beyond what it allows.
func quirks() map[string]*paperTag {
	out := map[string]*paperTag{}
	add := func(name string, size int, change func(p *paperTag)) {
		p := newPaperTag(size)
		change(p)
		out[name] = p
	}
	add("plain", 8192, func(*paperTag) {})
	add("mapping version 3", 8192, func(p *paperTag) { p.extended = true })
	add("ST25TA64K", 8192, func(p *paperTag) { p.id, p.mle, p.mlc, p.message = 1, 246, 246, true })
	add("OpenJavaCard-NDEF", 4096, func(p *paperTag) { p.mle, p.mlc, p.cut, p.lastByte = 128, 128, 128, true })
	add("OpenJavaCard-NDEF, the largest", 32767, func(p *paperTag) { p.mle, p.mlc, p.cut, p.lastByte = 128, 128, 128, true })
	add("cut to 128, and says more", 4096, func(p *paperTag) { p.cut = 128 })
	add("FCI to every SELECT", 4096, func(p *paperTag) { p.fci = true })
	add("FCI by GET RESPONSE", 4096, func(p *paperTag) { p.fci, p.t0 = true, true })
	add("no Le in SELECT by name", 4096, func(p *paperTag) { p.refuseLe = true })
	add("6282 at the end", 1153, func(p *paperTag) { p.endOfFile = true })
	add("past the end", 4096, func(p *paperTag) { p.pastEnd = true })
	add("MLe 15, MLc 13", 4096, func(p *paperTag) { p.mle, p.mlc = 15, 13 })
	add("MLe 50, MLc 100", 4096, func(p *paperTag) { p.mle, p.mlc = 50, 100 })
	add("MLe 65535, MLc 65535", 4096, func(p *paperTag) { p.mle, p.mlc = 65535, 65535 })
	add("a vendor's TLV first", 4096, func(p *paperTag) { p.before = []byte{0x05, 0x06, 0xE1, 0x05, 0, 100, 0, 0} })
	add("a vendor's long TLV first", 4096, func(p *paperTag) {
		p.mle, p.before = 20, append([]byte{0xFD, 0xFF, 0, 200}, make([]byte, 200)...)
	})
	add("a vendor's TLV first, version 3", 4096, func(p *paperTag) { p.extended, p.before = true, []byte{0xFE, 0} })
	add("64 KiB", 65534, func(*paperTag) {})
	add("1 MiB", 1<<20, func(p *paperTag) { p.extended = true })
	return out
}

func TestTagQuirks(t *testing.T) {
	for name, p := range quirks() {
		t.Run(name, func(t *testing.T) {
			tag := laidOut(t, p)
			if tag.bareAID != p.refuseLe {
				t.Errorf("Le in SELECT by name: %v", !tag.bareAID)
			}
			seq, last := uint32(0), []byte(nil)
			for n, size := range []int{1, 290, tag.capacity(t)} {
				last = bytes.Repeat([]byte{byte(n + 1)}, size)
				seq = mustWrite(t, tag.Medium(t.Context()), last, seq)
			}
			if err := p.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			c, err := Open(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Read(c.Medium(t.Context()))
			if err != nil || got.Seq != seq || !bytes.Equal(got.Record, last) {
				t.Fatalf("read back otherwise: %v", err)
			}
			if err := wellFormed(p); err != nil {
				t.Error(err)
			}
			most, end := min(p.mlc, 128), tag.cc.file().end()
			for _, c := range p.commands {
				off, n := int(c[2])<<8|int(c[3]), int(c[4])
				switch c[1] {
				case 0xB0:
					if n == 0 || n > min(p.mle, 240) || off >= 0x7FFF {
						t.Fatalf("% X", c)
					}
				case 0xD6:
					whole := off%64 == 0 && n%64 == 0
					if n > most || off+n > end || off+n >= p.size || !whole && off/64 != (off+n-1)/64 {
						t.Fatalf("% X", c[:5])
					}
				case 0xA4:
					if c[2] == 0 && c[3] != 0x0C {
						t.Fatalf("% X", c)
					}
				case 0xC0:
				default:
					t.Fatalf("% X", c)
				}
			}
		})
	}
}

// capacity is the longest record.
func (t *Tag) capacity(tb testing.TB) int {
	tb.Helper()
	c, err := Read(t.Medium(tb.Context()))
	if err != nil {
		tb.Fatal(err)
	}
	return c.Capacity
}

// The simulated tags, written by somebody else from the same specification.
func TestTagSimulated(t *testing.T) {
	for _, o := range []sim.Tag{
		{},
		{Quirks: sim.QuirksST, FileID: 1},
		{Quirks: sim.QuirksOpenJavaCard, MLe: 128, MLc: 128},
		{Quirks: sim.QuirksEmulated},
		{Mapping: 3},
		{Mapping: 3, NLEN: 2, MLe: 15, MLc: 13},
	} {
		c, err := sim.New(sim.Options{Tag: &o, Size: 8192, Session: sim.Session{Seed: 1}})
		if err != nil {
			t.Fatal(err)
		}
		k, err := Open(t.Context(), c)
		if !errors.Is(err, ErrBlankTag) {
			t.Fatalf("%+v: %v", o, err)
		}
		if err := k.(*Tag).LayOut(t.Context(), false); err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		m := k.Medium(t.Context())
		mustFormat(t, m)
		record := bytes.Repeat([]byte("abc"), 1000)
		mustWrite(t, m, record, 0)
		if k, err = Open(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(k.Medium(t.Context())); err != nil || !bytes.Equal(got.Record, record) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// The figures of docs/FORMAT.md, 1.1: from the SELECT of our application to the last byte.
func TestTagCommandBudget(t *testing.T) {
	for _, extended := range []bool{false, true} {
		for size, want := range map[int]int{100: 7, 400: 8, 1000: 11, 3000: 19} {
			p := newPaperTag(8192)
			if p.extended = extended; extended {
				want++
			}
			record := bytes.Repeat([]byte{0x53}, size)
			mustWrite(t, laidOut(t, p).Medium(t.Context()), record, 0)
			if err := p.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.commands = nil
			c, err := Open(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Read(c.Medium(t.Context()))
			if err != nil || !bytes.Equal(got.Record, record) {
				t.Fatal(err)
			}
			if len(p.commands) != want {
				t.Errorf("%d bytes: %d commands, want %d", size, len(p.commands), want)
			}
		}
	}
}

// The bytes that came with the selection serve one read, and none after a write or a reset.
func TestTagHeadIsUsedOnce(t *testing.T) {
	p := newPaperTag(4096)
	m := laidOut(t, p).Medium(t.Context())
	reads := func(name string, want int) {
		t.Helper()
		before := len(p.commands)
		b := make([]byte, 16)
		if _, err := m.ReadAt(b, 0); err != nil || !bytes.Equal(b, p.file()[64:80]) {
			t.Errorf("%s: % X, %v", name, b, err)
		}
		if n := len(p.commands) - before; n != want {
			t.Errorf("%s: %d commands, want %d", name, n, want)
		}
	}
	if err := m.Reset(); err != nil {
		t.Fatal(err)
	}
	reads("after a reset", 0)
	reads("again", 1)
	if err := m.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.WriteAt([]byte("other"), 0); err != nil {
		t.Fatal(err)
	}
	reads("after a write", 1)
	if err := m.Reset(); err != nil {
		t.Fatal(err)
	}
	// Over the end of what came.
	got := make([]byte, 300)
	if _, err := m.ReadAt(got, 100); err != nil || !bytes.Equal(got, p.file()[164:464]) {
		t.Error(err)
	}
}

// answers makes a tag give other answers to some commands, by the beginning of the command in hexadecimal.
func answers(t testing.TB, change map[string]string) func(command, answer []byte) ([]byte, error) {
	return func(command, answer []byte) ([]byte, error) {
		for begin, other := range change {
			if strings.HasPrefix(hex.EncodeToString(command), strings.ToLower(strings.ReplaceAll(begin, " ", ""))) {
				b, err := hex.DecodeString(strings.ReplaceAll(other, " ", ""))
				if err != nil {
					t.Fatal(err)
				}
				return b, nil
			}
		}
		return answer, nil
	}
}

func TestSelectTag(t *testing.T) {
	const app, cc, file = "00A4040007", "00A4000C02E103", "00A4000C02E104"
	container := func(s string) map[string]string { return map[string]string{"00B000000F": s + "9000"} }
	for _, tc := range []struct {
		name   string
		change map[string]string
		err    error // nil: a tag
	}{
		{"as it is", nil, nil},
		{"no application", map[string]string{app: "6A82"}, ErrNotOurCard},
		{"no SELECT", map[string]string{app: "6D00"}, ErrNotOurCard},
		{"application without Le neither", map[string]string{app: "6700"}, ErrNotOurCard},
		{"application terminated", map[string]string{app: "6285"}, ErrNotOurCard},
		{"application locked", map[string]string{app: "6982"}, ErrSecurity},
		{"no capability container", map[string]string{cc: "6A82"}, ErrNotOurCard},
		{"capability container not readable", map[string]string{"00B0": "6982"}, ErrNotOurCard},
		{"capability container empty", map[string]string{"00B0": "9000"}, ErrNotOurCard},
		{"capability container cut", container("000F2000FF00FF0406E104100000"), ErrNotOurCard},
		{"6282 at its end", map[string]string{"00B000000F": "000F2000FF00FF0406E104100000006282"}, nil},
		{"CCLEN 14", container("000E2000FF00FF0406E10410000000"), ErrNotOurCard},
		{"CCLEN 65535", container("FFFF2000FF00FF0406E10410000000"), nil},
		{"CCLEN 65535, no TLV", container("FFFF2000FF00FF0506E10410000000"), ErrNotOurCard},
		{"version 1", container("000F1000FF00FF0406E10410000000"), ErrNotOurCard},
		{"version 2.1", container("000F2100FF00FF0406E10410000000"), nil},
		{"version 4", container("000F4000FF00FF0406E10410000000"), ErrNotOurCard},
		{"MLe 14", container("000F20000E00FF0406E10410000000"), ErrNotOurCard},
		{"MLc 0", container("000F2000FF00000406E10410000000"), ErrNotOurCard},
		{"TLV too long", container("000F2000FF00FF0407E10410000000"), ErrNotOurCard},
		{"TLV too short", container("000F2000FF00FF0405E10410000000"), ErrNotOurCard},
		{"long TLV over the end", container("000F2000FF00FF0608E10400001000"), ErrNotOurCard},
		{"no TLV", container("000F2000FF00FF0006E10410000000"), ErrNotOurCard},
		{"length of three bytes cut short", container("000F2000FF00FF05040000000005FF"), ErrNotOurCard},
		{"a TLV of 65535 bytes", container("000F2000FF00FF05FFFFFF10000000"), ErrNotOurCard},
		{"file 0000", container("000F2000FF00FF0406000010000000"), ErrNotOurCard},
		{"file E102", container("000F2000FF00FF0406E10210000000"), ErrNotOurCard},
		{"file E103", container("000F2000FF00FF0406E10310000000"), ErrNotOurCard},
		{"file 3F00", container("000F2000FF00FF04063F0010000000"), ErrNotOurCard},
		{"file 3FFF", container("000F2000FF00FF04063FFF10000000"), ErrNotOurCard},
		{"file FFFF", container("000F2000FF00FF0406FFFF10000000"), ErrNotOurCard},
		{"file 3FFF, which can be selected", map[string]string{
			"00B000000F": "000F2000FF00FF04063FFF100000009000", "00A4000C023FFF": "9000",
		}, ErrNotOurCard},
		{"TLV too short, a good one behind", map[string]string{
			"00B000000F": "00162000FF00FF0405E104100000049000", "00B0000F07": "06E104100000009000",
		}, ErrNotOurCard},
		{"file not there", container("000F2000FF00FF0406E10510000000"), ErrNotOurCard},
		{"4 bytes", container("000F2000FF00FF0406E10400040000"), ErrNotOurCard},
		{"0 bytes", container("000F2000FF00FF0406E10400000000"), ErrNotOurCard},
		{"5 bytes", container("000F2000FF00FF0406E10400050000"), nil},
		{"65535 bytes", container("000F2000FF00FF0406E104FFFF0000"), nil},
		{"a vendor's TLV", map[string]string{
			"00B000000F": "00172000FF00FF0500 0406 E104 1000 9000", "00B000000F08": "", "00B0000F08": "00 00 FFFFFFFFFFFF 9000",
		}, nil},
		{"the rest missing", map[string]string{"00B000000F": "00172000FF00FF0500 0406 E104 1000 9000", "00B0000F08": "6B00"}, ErrNotOurCard},
		{"read access", container("000F2000FF00FF0406E10410008000"), ErrSecurity},
		{"file locked", map[string]string{file: "6982"}, ErrSecurity},
		{"reading locked", map[string]string{"00B00000F0": "6982"}, ErrSecurity},
		{"reading wants a password", map[string]string{"00B00000F0": "6300"}, ErrSecurity},
		{"reading refused, NLEN too", map[string]string{"00B00000F0": "6700", "00B0000002": "6581"}, ErrMemory},
		{"reading over the end refused", map[string]string{"00B00000F0": "6B00"}, nil},
		{"reading over the end refused by 6280", map[string]string{"00B00000F0": "6280"}, nil},
		{"NLEN empty", map[string]string{"00B00000F0": "6282", "00B0000002": "9000"}, ErrProtocol},
		{"gone", map[string]string{file: ""}, ErrCardGone},
		{"endless 61xx", map[string]string{"00A4": "6110", "00C0": "AA6110"}, ErrProtocol},
		{"endless 6Cxx", map[string]string{"00B0": "6C10"}, ErrNotOurCard},
		{"more than asked for", map[string]string{"00B0": strings.Repeat("00", 16) + "9000"}, ErrNotOurCard},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPaperTag(4096)
			p.change = answers(t, tc.change)
			tag, err := SelectTag(t.Context(), p)
			if !errors.Is(err, tc.err) || (tag == nil) != (tc.err != nil) {
				t.Fatalf("%v, want %v", err, tc.err)
			}
			if errors.Is(err, ErrNotOurCard) && tc.err != ErrNotOurCard {
				t.Errorf("%v is taken for another card", err)
			}
			if len(p.commands) > 300 {
				t.Errorf("%d commands", len(p.commands))
			}
			if n := len(p.updates()); n > 0 {
				t.Errorf("%d writes", n)
			}
		})
	}
}

func TestTagCC(t *testing.T) {
	p := newPaperTag(100000)
	p.extended, p.id, p.mle, p.mlc, p.access = true, 0x1234, 300, 77, 0xFF
	want := CapabilityContainer{
		Version: 0x30, MaxRead: 300, MaxWrite: 77, File: 0x1234, FileSize: 100000, ExtendedLength: true, WriteAccess: 0xFF,
	}
	if got := mustTag(t, p).CC(); got != want || got.Writable() {
		t.Errorf("%+v", got)
	}
}

// put is a message on a tag.
func put(t testing.TB, p *paperTag, b ...byte) {
	t.Helper()
	if _, err := p.mem.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
}

// otherMessage is a text record.
var otherMessage = []byte{0, 10, 0xD1, 1, 6, 'T', 2, 'f', 'r', 'A', 'B', 'C'}

func TestOpen(t *testing.T) {
	const app = "00A4040008F0"
	t.Run("application", func(t *testing.T) {
		c, err := sim.New(sim.Options{Session: sim.Session{Seed: 1}})
		if err != nil {
			t.Fatal(err)
		}
		k, err := Open(t.Context(), c)
		if _, ok := k.(*Application); !ok || err != nil {
			t.Errorf("%T, %v", k, err)
		}
		if c.Commands() != 1 {
			t.Errorf("%d commands", c.Commands())
		}
	})
	for name, refused := range map[string]string{"no such name": "6A82", "Java Card": "6999", "applet": "6A81", "its default": "6F009000"} {
		t.Run(name, func(t *testing.T) {
			p := newPaperTag(4096)
			laidOut(t, p)
			p.change = answers(t, map[string]string{app: refused})
			k, err := Open(t.Context(), p)
			if _, ok := k.(*Tag); !ok || err != nil {
				t.Errorf("%T, %v", k, err)
			}
		})
	}
	for name, tc := range map[string]struct {
		answer string
		err    error
	}{
		"gone":   {"", ErrCardGone},
		"locked": {"6982", ErrSecurity},
		"broken": {"6F00", ErrCard},
	} {
		t.Run("application "+name, func(t *testing.T) {
			p := newPaperTag(4096)
			laidOut(t, p)
			p.commands, p.change = nil, answers(t, map[string]string{app: tc.answer})
			k, err := Open(t.Context(), p)
			if k != nil || !errors.Is(err, tc.err) || errors.Is(err, ErrNotOurCard) || len(p.commands) != 1 {
				t.Errorf("%T, %v, %d commands", k, err, len(p.commands))
			}
		})
	}
	for name, answer := range map[string]string{"neither": "6A82", "nothing is selectable": "6D00"} {
		t.Run(name, func(t *testing.T) {
			p := newPaperTag(4096)
			p.change = answers(t, map[string]string{"00A4": answer})
			if k, err := Open(t.Context(), p); k != nil || !errors.Is(err, ErrNotOurCard) {
				t.Errorf("%T, %v", k, err)
			}
		})
	}
	t.Run("gone between", func(t *testing.T) {
		p := newPaperTag(4096)
		p.change = answers(t, map[string]string{"00A4040007": ""})
		if k, err := Open(t.Context(), p); k != nil || !errors.Is(err, ErrCardGone) || errors.Is(err, ErrNotOurCard) {
			t.Errorf("%T, %v", k, err)
		}
	})

	ours := newPaperTag(4096)
	laidOut(t, ours)
	for _, tc := range []struct {
		name string
		file []byte
		err  error
	}{
		{"blank", nil, ErrBlankTag},
		{"blank, something behind", append([]byte{0, 0}, otherMessage...), ErrBlankTag},
		{"other", otherMessage, ErrOtherMessage},
		{"malformed", bytes.Repeat([]byte{0xFF}, 60), ErrOtherMessage},
		{"of another tag", func() []byte {
			p := newPaperTag(8192)
			laidOut(t, p)
			return p.file()[:64]
		}(), ErrOtherLayout},
		{"another payload", func() []byte {
			b := ours.file()[:64]
			b[7]++
			return b
		}(), ErrOtherLayout},
		{"another type", func() []byte {
			b := ours.file()[:64]
			b[30]++
			return b
		}(), ErrOtherMessage},
		{"another record after ours", func() []byte {
			b := ours.file()[:64]
			b[2] &^= 0x40
			return b
		}(), ErrOtherMessage},
	} {
		for _, message := range []bool{false, true} {
			t.Run(tc.name, func(t *testing.T) {
				p := newPaperTag(4096)
				put(t, p, tc.file...)
				p.message = message
				k, err := Open(t.Context(), p)
				tag, ok := k.(*Tag)
				if !ok || !errors.Is(err, tc.err) || !errors.Is(tag.Message(), tc.err) {
					t.Fatalf("%T, %v", k, err)
				}
				m := tag.Medium(t.Context())
				before := len(p.commands)
				if _, err := Read(m); !errors.Is(err, tc.err) {
					t.Error(err)
				}
				if _, err := m.WriteAt([]byte{1}, 0); !errors.Is(err, tc.err) {
					t.Error(err)
				}
				if err := Format(m, ID{1}); !errors.Is(err, tc.err) {
					t.Error(err)
				}
				if len(p.commands) != before {
					t.Error("commands to a file that is not ours")
				}
			})
		}
	}
	t.Run("laid out, no container", func(t *testing.T) {
		p := newPaperTag(4096)
		if err := mustTag(t, p).LayOut(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		k, err := Open(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(k.Medium(t.Context())); !errors.Is(err, ErrNotFormatted) {
			t.Error(err)
		}
	})
	t.Run("too small for ours", func(t *testing.T) {
		p := newPaperTag(1152)
		put(t, p, ndefFile{2, 1152}.head()...)
		if _, err := Open(t.Context(), p); !errors.Is(err, ErrOtherLayout) {
			t.Error(err)
		}
	})
}

func TestTagReadOnly(t *testing.T) {
	for _, access := range []byte{0xFF, 0x80, 0x01} {
		p := newPaperTag(4096)
		tag := laidOut(t, p)
		seq := mustWrite(t, tag.Medium(t.Context()), []byte("x"), 0)
		p.access, p.commands = access, nil
		c, err := Open(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		m := c.Medium(t.Context())
		if got, err := Read(m); err != nil || string(got.Record) != "x" {
			t.Error(err)
		}
		if _, err := m.WriteAt([]byte{1}, 0); !errors.Is(err, ErrReadOnly) {
			t.Error(err)
		}
		if _, err := Write(m, []byte("y"), seq); !errors.Is(err, ErrReadOnly) {
			t.Error(err)
		}
		if err := Format(m, ID{}); !errors.Is(err, ErrReadOnly) {
			t.Error(err)
		}
		if err := c.(*Tag).LayOut(t.Context(), true); err != nil {
			t.Errorf("a tag that is laid out: %v", err)
		}
		if n := len(p.updates()); n > 0 {
			t.Errorf("access %02X: %d writes were sent", access, n)
		}
		// Another message on a tag that nobody may write.
		p.mem = newPlate(4096, 64)
		if err := mustTag(t, p).LayOut(t.Context(), true); !errors.Is(err, ErrReadOnly) || len(p.updates()) > 0 {
			t.Error(err)
		}
	}
}

// A tag that lets write once is found out when it is laid out, not when a summary is to be written.
func TestTagWriteOnce(t *testing.T) {
	p := newPaperTag(4096)
	p.once = true
	tag := mustTag(t, p)
	if err := tag.LayOut(t.Context(), false); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if err := wellFormed(p); err != nil {
		t.Error(err)
	}
	if err := Format(tag.Medium(t.Context()), ID{}); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
}

func TestTagStatus(t *testing.T) {
	for answer, want := range map[string]error{
		"9000": nil,
		"63C2": nil,
		"63C0": ErrMemory,
		"6300": ErrSecurity, // ST: a password is needed
		"6282": ErrMemory,
		"6581": ErrMemory,
		"6982": ErrSecurity,
		"6A84": ErrNoSpace,
		"6700": ErrLength,
		"6C10": ErrLength,
		"":     ErrCardGone,
	} {
		p := newPaperTag(4096)
		m := laidOut(t, p).Medium(t.Context())
		before := len(p.commands)
		p.change = answers(t, map[string]string{"00D6": answer})
		if _, err := m.WriteAt([]byte{1}, 300); !errors.Is(err, want) || (err == nil) != (want == nil) || len(p.commands) != before+1 {
			t.Errorf("UPDATE BINARY %s: %v, want %v", answer, err, want)
		}
	}
	for answer, want := range map[string]error{
		strings.Repeat("AA", 100) + "9000": nil,
		strings.Repeat("AA", 50) + "6282":  nil, // and the rest
		strings.Repeat("AA", 100) + "6281": nil, // for the digests to judge
		strings.Repeat("AA", 101) + "9000": ErrProtocol,
		"AA9000":                           ErrProtocol,
		"9000":                             ErrProtocol,
		"6282":                             ErrProtocol,
		"6300":                             ErrSecurity,
		"6982":                             ErrSecurity,
		"6B00":                             ErrOffset,
		"":                                 ErrCardGone,
	} {
		p := newPaperTag(4096)
		m := laidOut(t, p).Medium(t.Context())
		p.change = answers(t, map[string]string{"00B0": answer})
		if n, err := m.ReadAt(make([]byte, 100), 300); !errors.Is(err, want) || (err == nil) != (n == 100) {
			t.Errorf("READ BINARY %s: %d, %v, want %v", answer, n, err, want)
		}
	}
}

func TestTagBounds(t *testing.T) {
	p := newPaperTag(4096)
	m := laidOut(t, p).Medium(t.Context())
	before := len(p.commands)
	for _, tc := range []struct{ off, n int64 }{{-1, 1}, {m.Size(), 1}, {m.Size() - 1, 2}, {1 << 62, 1}} {
		if _, err := m.WriteAt(make([]byte, tc.n), tc.off); !errors.Is(err, ErrNoSpace) {
			t.Errorf("writing %d at %d: %v", tc.n, tc.off, err)
		}
	}
	if n, err := m.ReadAt(make([]byte, 1), m.Size()); n != 0 || err != io.EOF {
		t.Errorf("reading at the end: %d, %v", n, err)
	}
	if n := len(p.commands) - before; n != 0 {
		t.Errorf("%d commands for what can only fail", n)
	}
	b := make([]byte, 20)
	if n, err := m.ReadAt(b, m.Size()-10); n != 10 || err != io.EOF {
		t.Errorf("reading over the end: %d, %v", n, err)
	}
}

func TestLayOut(t *testing.T) {
	ctx := context.Background()
	t.Run("blank", func(t *testing.T) {
		p := newPaperTag(4096)
		tag := mustTag(t, p)
		if err := tag.LayOut(ctx, false); err != nil {
			t.Fatal(err)
		}
		if got := p.updates(); len(got) != 2 || got[0][3] != 2 || got[0][4] != 62 || got[1][3] != 0 || got[1][4] != 2 {
			t.Errorf("% X", got)
		}
		mustWriteNew(t, tag)
	})
	for name, message := range map[string][]byte{"other": otherMessage, "malformed": bytes.Repeat([]byte{0xFF}, 60)} {
		t.Run(name, func(t *testing.T) {
			p := newPaperTag(4096)
			put(t, p, message...)
			before := p.file()
			tag := mustTag(t, p)
			if err := tag.LayOut(ctx, false); !errors.Is(err, ErrOtherMessage) || !bytes.Equal(p.file(), before) || len(p.updates()) > 0 {
				t.Fatalf("without being told to replace it: %v", err)
			}
			if err := tag.LayOut(ctx, true); err != nil {
				t.Fatal(err)
			}
			if got := p.updates(); len(got) != 3 || got[0][3] != 0 || got[0][4] != 2 || got[0][5]|got[0][6] != 0 {
				t.Errorf("% X", got)
			}
			mustWriteNew(t, tag)
		})
	}
	t.Run("of another length", func(t *testing.T) {
		p := newPaperTag(4096)
		put(t, p, ndefFile{2, 8192}.head()...)
		tag := mustTag(t, p)
		if err := tag.LayOut(ctx, false); !errors.Is(err, ErrOtherLayout) || len(p.updates()) > 0 {
			t.Fatal(err)
		}
		if err := tag.LayOut(ctx, true); err != nil {
			t.Fatal(err)
		}
		mustWriteNew(t, tag)
	})
	t.Run("already", func(t *testing.T) {
		p := newPaperTag(4096)
		tag := laidOut(t, p)
		mustWrite(t, tag.Medium(ctx), []byte("x"), 0)
		before := p.file()
		p.commands = nil
		for _, replace := range []bool{false, true} {
			if err := tag.LayOut(ctx, replace); err != nil || len(p.updates()) > 0 || !bytes.Equal(p.file(), before) {
				t.Error(err)
			}
		}
	})
	t.Run("already, without a container", func(t *testing.T) {
		p := newPaperTag(4096)
		tag := mustTag(t, p)
		for range 2 {
			p.commands = nil
			if err := tag.LayOut(ctx, false); err != nil || len(p.updates()) < 2 {
				t.Error(err)
			}
		}
		mustWriteNew(t, tag)
	})
	t.Run("too small", func(t *testing.T) {
		for _, size := range []int{5, 64, 256, 1152} {
			p := newPaperTag(size)
			tag := mustTag(t, p)
			before := len(p.commands)
			err := tag.LayOut(ctx, true)
			if e := (*NoSpaceError)(nil); !errors.As(err, &e) || e.Need != 1153 || e.Have != int64(size) || len(p.commands) != before {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	})
	t.Run("MLc less than NLEN", func(t *testing.T) {
		p := newPaperTag(4096)
		p.extended, p.mlc = true, 3
		if err := mustTag(t, p).LayOut(ctx, true); !errors.Is(err, ErrLength) || len(p.updates()) > 0 {
			t.Error(err)
		}
	})
	// Whatever is acknowledged and not kept is not reported as done.
	for _, drop := range []string{"00D6000002", "00D600023E"} {
		t.Run("not kept "+drop, func(t *testing.T) {
			p := newPaperTag(4096)
			put(t, p, otherMessage...)
			tag := mustTag(t, p)
			kept := p.file()
			p.change = func(command, answer []byte) ([]byte, error) {
				if strings.HasPrefix(strings.ToUpper(hex.EncodeToString(command)), drop) {
					put(t, p, kept...)
				}
				kept = p.file()
				return answer, nil
			}
			if err := tag.LayOut(ctx, true); !errors.Is(err, ErrMemory) {
				t.Error(err)
			}
			if err := Format(tag.Medium(ctx), ID{}); err == nil {
				t.Error("formatted")
			}
		})
	}
	t.Run("zeros not kept", func(t *testing.T) {
		p := newPaperTag(4096)
		put(t, p, append([]byte{0, 0}, bytes.Repeat([]byte{0xFF}, 200)...)...)
		p.change = func(command, answer []byte) ([]byte, error) {
			if command[1] == 0xD6 && command[3] == 2 {
				_, err := p.mem.WriteAt([]byte{1}, 63)
				return answer, err
			}
			return answer, nil
		}
		if err := mustTag(t, p).LayOut(ctx, true); !errors.Is(err, ErrMemory) {
			t.Error(err)
		}
	})
}

func mustWriteNew(t *testing.T, tag *Tag) {
	t.Helper()
	m := tag.Medium(t.Context())
	mustFormat(t, m)
	mustWrite(t, m, []byte("new"), 0)
	if got, err := Read(m); err != nil || string(got.Record) != "new" {
		t.Error(err)
	}
}

func TestTagReset(t *testing.T) {
	ctx := context.Background()
	t.Run("is cold, and selects again", func(t *testing.T) {
		p := newPaperTag(4096)
		m := laidOut(t, p).Medium(ctx)
		before := p.resets
		if err := m.Reset(); err != nil || p.resets != before+1 {
			t.Errorf("%d resets, %v", p.resets-before, err)
		}
		if _, err := Read(m); err != nil {
			t.Error(err)
		}
	})
	t.Run("without a cold reset, selects", func(t *testing.T) {
		p := newPaperTag(4096)
		tag := mustTag(t, struct{ Transmitter }{p})
		if err := tag.LayOut(ctx, false); err != nil || p.resets > 0 {
			t.Fatal(err)
		}
		mustWriteNew(t, tag)
	})
	for name, change := range map[string]func(p *paperTag){
		"another file":      func(p *paperTag) { p.id = 0xE105 },
		"another size":      func(p *paperTag) { p.size = 4095 },
		"another MLe":       func(p *paperTag) { p.mle = 100 },
		"another MLc":       func(p *paperTag) { p.mlc = 100 },
		"another version":   func(p *paperTag) { p.extended = true },
		"no tag":            func(p *paperTag) { p.change = answers(t, map[string]string{"00A4": "6A82"}) },
		"a nonsensical tag": func(p *paperTag) { p.mle = 1 },
		"a blank tag":       func(p *paperTag) { p.mem = newPlate(4096, 64) },
		"another message":   func(p *paperTag) { put(t, p, otherMessage...) },
		"of another length": func(p *paperTag) { put(t, p, ndefFile{2, 2000}.head()...) },
		"a bit of NLEN":     func(p *paperTag) { put(t, p, 0x0F, 0xBF) },
	} {
		t.Run("notices "+name, func(t *testing.T) {
			p := newPaperTag(4096)
			tag := laidOut(t, p)
			m := tag.Medium(ctx)
			c, err := Read(m)
			if err != nil {
				t.Fatal(err)
			}
			cc := tag.CC()
			p.commands = nil
			p.onReset = func() { change(p) }
			if err := m.Reset(); !errors.Is(err, ErrCardChanged) {
				t.Errorf("%v, want ErrCardChanged", err)
			}
			n := len(p.commands)
			if _, err := m.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrCardChanged) {
				t.Errorf("read: %v", err)
			}
			if _, err := m.WriteAt([]byte{1}, 0); !errors.Is(err, ErrCardChanged) {
				t.Errorf("write: %v", err)
			}
			if len(p.commands) != n || tag.CC() != cc {
				t.Error("commands to another card, or its description taken over")
			}
			if _, err := c.Replace(m, []byte("new")); !errors.Is(err, ErrCardChanged) || len(p.updates()) > 0 {
				t.Errorf("Replace: %v", err)
			}
		})
	}
	t.Run("does not mind the write access", func(t *testing.T) {
		p := newPaperTag(4096)
		m := laidOut(t, p).Medium(ctx)
		p.access = 0xFF
		if err := m.Reset(); err != nil {
			t.Error(err)
		}
		if _, err := m.WriteAt([]byte{1}, 0); !errors.Is(err, ErrReadOnly) {
			t.Error(err)
		}
		p.access = 0
		if err := m.Reset(); err != nil {
			t.Error(err)
		}
		if _, err := m.WriteAt([]byte{1}, 0); err != nil {
			t.Error(err)
		}
	})
	t.Run("after one that failed, all fails until one does not", func(t *testing.T) {
		p := newPaperTag(4096)
		m := laidOut(t, p).Medium(ctx)
		p.change = answers(t, map[string]string{"00A4000C02E104": "6F00"})
		if err := m.Reset(); !errors.Is(err, ErrCard) || errors.Is(err, ErrCardChanged) {
			t.Error(err)
		}
		n := len(p.commands)
		if _, err := m.WriteAt([]byte{1}, 0); !errors.Is(err, ErrCard) || len(p.commands) != n {
			t.Error("written to whatever is selected", err)
		}
		p.change = nil
		if err := m.Reset(); err != nil {
			t.Error(err)
		}
		if _, err := m.WriteAt([]byte{1}, 0); err != nil {
			t.Error(err)
		}
	})
}

// A tag that is put in while another is laid out is not written over.
func TestLayOutSwap(t *testing.T) {
	for at := 1; ; at++ {
		p := newPaperTag(4096)
		put(t, p, otherMessage...)
		tag := mustTag(t, p)
		resets, updates := 0, 0
		other := newPlate(4096, 64)
		copy(other.b, []byte{0, 20, 0xD1, 1, 16, 'T'})
		untouched := slices.Clone(other.b)
		p.onReset = func() {
			if resets++; resets == at {
				p.mem, updates = other, len(p.updates())
			}
		}
		err := tag.LayOut(t.Context(), at > 1) // the first reset comes before anything is decided
		if resets < at {
			if err != nil || at < 3 {
				t.Errorf("%v after %d resets", err, resets)
			}
			break
		}
		if err == nil || !bytes.Equal(other.b, untouched) || len(p.updates()) != updates {
			t.Errorf("swapped at reset %d: %v", at, err)
		}
	}
}

// Data that changes from read to read is for the container to judge; here it must only do no harm.
func TestTagDataThatChanges(t *testing.T) {
	p := newPaperTag(4096)
	tag := laidOut(t, p)
	mustWrite(t, tag.Medium(t.Context()), []byte("x"), 0)
	n := uint32(1)
	draw := func(below int) int { n = n*1664525 + 1013904223; return int(n>>8) % below }
	p.change = func(command, answer []byte) ([]byte, error) {
		if command[1] == 0xB0 {
			for range draw(3) {
				answer[draw(max(len(answer)-2, 1))] ^= 1 << draw(8)
			}
		}
		return answer, nil
	}
	read := 0
	for range 2000 {
		before := len(p.commands)
		if c, err := Open(t.Context(), p); err == nil {
			if got, err := Read(c.Medium(t.Context())); err == nil && got.Record != nil && string(got.Record) != "x" {
				t.Fatalf("a record out of noise: %q", got.Record)
			} else if err == nil {
				read++
			}
		}
		if len(p.commands)-before > 60 {
			t.Fatalf("%d commands", len(p.commands)-before)
		}
	}
	if read == 0 || read == 2000 {
		t.Errorf("%d of 2000 read", read)
	}
}

// A hostile tag: whatever it answers, nothing panics and nothing goes on for long.
func FuzzTag(f *testing.F) {
	p := newPaperTag(4096)
	laidOut(f, p)
	var session []byte
	p.change = func(_, answer []byte) ([]byte, error) {
		session = append(session, byte(len(answer)))
		session = append(session, answer...)
		return answer, nil
	}
	c, err := Open(f.Context(), p)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := Read(c.Medium(f.Context())); err != nil {
		f.Fatal(err)
	}
	f.Add(session)
	f.Add([]byte{2, 0x6A, 0x82, 2, 0x90, 0, 2, 0x90, 0, 17, 0, 15, 0x20, 0, 255, 0, 255, 4, 6, 0xE1, 4, 0x10, 0, 0, 0, 0x90, 0})
	f.Add([]byte{2, 0x61, 0x10})
	f.Add([]byte{2, 0x6A, 0x82, 2, 0x90, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		commands, rest := 0, b
		tr := transmitFunc(func(command []byte) ([]byte, error) {
			if commands++; len(command) > 5+128+1 {
				t.Fatalf("a command of %d bytes", len(command))
			}
			if len(command) > 4 && command[1] == 0xB0 && int(command[2])<<8|int(command[3]) >= 0x7FFF {
				t.Fatal("a read where no offset reaches")
			}
			if len(rest) == 0 {
				rest = b // again from the start, for ever
			}
			if len(rest) == 0 {
				return nil, nil
			}
			n := min(int(rest[0]), len(rest)-1)
			answer := bytes.Clone(rest[1 : 1+n])
			rest = rest[1+n:]
			return answer, nil
		})
		c, err := Open(t.Context(), tr)
		tag, ok := c.(*Tag)
		if !ok {
			if commands > 2000 {
				t.Fatalf("%d commands: %v", commands, err)
			}
			return
		}
		if err == nil {
			if _, err := Read(tag.Medium(t.Context())); err == nil && commands > 20000 {
				t.Fatalf("%d commands to read", commands)
			}
		}
		before := commands
		_ = tag.LayOut(t.Context(), true)
		// Five selections at most, and one page in pieces of MLc.
		if commands-before > 5*2000 {
			t.Fatalf("%d commands to lay out", commands-before)
		}
	})
}

type transmitFunc func(command []byte) ([]byte, error)

func (f transmitFunc) Transmit(_ context.Context, command []byte) ([]byte, error) { return f(command) }

// The parser of the tests is held to what it has to find.
func TestParseMessage(t *testing.T) {
	good := ndefFile{2, 4096}.head()
	file := append(good, make([]byte, 4096-64)...)
	if length, types, err := parseMessage(file, false); err != nil || length != 4032-2 || len(types) != 1 {
		t.Errorf("%d, %q, %v", length, types, err)
	}
	for _, at := range []int{0, 1, 2, 3, 4, 5, 6, 7} {
		b := slices.Clone(file)
		b[at] ^= 0x21
		if _, _, err := parseMessage(b, false); err == nil {
			t.Errorf("byte %d changed, and nothing wrong", at)
		}
	}
	if length, types, err := parseMessage(append(slices.Clone(otherMessage), 1, 2, 3), false); err != nil || length != 10 || types[0] != "T" {
		t.Errorf("%d, %q, %v", length, types, err)
	}
	two := []byte{0, 8, 0x91, 1, 0, 'T', 0x51, 1, 0, 'U'}
	if _, types, err := parseMessage(two, false); err != nil || !slices.Equal(types, []string{"T", "U"}) {
		t.Errorf("%q, %v", types, err)
	}
	empty := binary.BigEndian.AppendUint32(nil, 0)
	if length, types, err := parseMessage(empty, true); err != nil || length != 0 || len(types) != 0 {
		t.Errorf("%d, %q, %v", length, types, err)
	}
}
