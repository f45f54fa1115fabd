package card_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secours-card/secours/card"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The encodings of ISO/IEC 7816-3:2006, 12.1.3, all seven of them.
func TestCommandEncoding(t *testing.T) {
	long := bytes.Repeat([]byte{0xAB}, 300)
	for _, tc := range []struct {
		name string
		c    card.Command
		want string
	}{
		{"1", card.Command{Instruction: 0x20, P2: 1}, "00200001"},
		{"2S", card.Command{Instruction: 0xB0, P1: 0x81, Ne: 240}, "00B08100F0"},
		{"2S all", card.Command{Instruction: 0xB0, Ne: 256}, "00B0000000"},
		{"3S", card.Command{Instruction: 0xD6, Data: []byte{1, 2}}, "00D60000020102"},
		{"4S", card.Command{Instruction: 0xA4, P1: 4, Data: []byte{0xF0}, Ne: 256}, "00A4040001F000"},
		{"2E", card.Command{Instruction: 0xB0, Ne: 1000, Extended: true}, "00B000000003E8"},
		{"2E all", card.Command{Instruction: 0xB0, Ne: 65536, Extended: true}, "00B00000000000"},
		{"3E", card.Command{Instruction: 0xD6, Data: long, Extended: true}, "00D6000000012C" + hex.EncodeToString(long)},
		{"4E", card.Command{Instruction: 0xA4, Data: []byte{0xF0}, Ne: 258, Extended: true}, "00A40000000001F00102"},
	} {
		got, err := tc.c.Bytes()
		if err != nil || !bytes.Equal(got, unhex(t, tc.want)) {
			t.Errorf("%s: %X, %v; want %s", tc.name, got, err, tc.want)
			continue
		}
		back, err := card.ParseCommand(got)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if d := cmp.Diff(tc.c, back); d != "" {
			t.Errorf("%s: parsing gives another command:\n%s", tc.name, d)
		}
	}
	for _, c := range []card.Command{
		{Data: make([]byte, 256)},
		{Ne: 257},
		{Ne: -1},
		{Data: make([]byte, 65536), Extended: true},
		{Ne: 65537, Extended: true},
	} {
		if _, err := c.Bytes(); !errors.Is(err, card.ErrLength) {
			t.Errorf("%d bytes, Ne %d: %v, want ErrLength", len(c.Data), c.Ne, err)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{
		"", "00", "00B00000", "00B0000000", "00D60000020102", "00A4040001F000", "00B00000000000", "00B0000000",
		"00D60000000002AABB", "00D60000000002AABB0000", "00D6000000", "00D600000000", "00D6000000000000", "00D6000003AA",
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := card.ParseCommand(b)
		if err != nil {
			return
		}
		again, err := c.Bytes()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%X parses, and encodes as %X, %v", b, again, err)
		}
	})
}

// script answers command after command; a command other than expected fails the test.
type script struct {
	t     *testing.T
	steps []step
	n     int
}

type step struct{ command, answer string }

func (s *script) Transmit(_ context.Context, command []byte) ([]byte, error) {
	s.t.Helper()
	if s.n == len(s.steps) {
		s.t.Errorf("command %X after the end of the script", command)
		return nil, nil
	}
	st := s.steps[s.n]
	s.n++
	if want := unhex(s.t, st.command); !bytes.Equal(command, want) {
		s.t.Errorf("command %d is %X, want %X", s.n, command, want)
	}
	return unhex(s.t, st.answer), nil
}

func TestExchange(t *testing.T) {
	read := card.Command{Instruction: 0xB0, Ne: 16}
	update := card.Command{Instruction: 0xD6, Data: []byte{1}}
	for _, tc := range []struct {
		name   string
		c      card.Command
		steps  []step
		data   string
		status card.Status
		err    error
	}{
		{"done", read, []step{{"00B0000010", "AABB9000"}}, "AABB", 0x9000, nil},
		{"a warning is no error", read, []step{{"00B0000010", "AA6282"}}, "AA", 0x6282, nil},
		{"more", read, []step{{"00B0000010", "6103"}, {"00C0000003", "AABBCC9000"}}, "AABBCC", 0x9000, nil},
		{
			"more, in pieces, after some", read,
			[]step{{"00B0000010", "AA6100"}, {"00C0000000", "BB6101"}, {"00C0000001", "CC6282"}},
			"AABBCC", 0x6282, nil,
		},
		{"resent", read, []step{{"00B0000010", "6C02"}, {"00B0000002", "AABB9000"}}, "AABB", 0x9000, nil},
		{"resent for 256", read, []step{{"00B0000010", "6C00"}, {"00B0000000", "AA9000"}}, "AA", 0x9000, nil},
		{
			"more, resent", read,
			[]step{{"00B0000010", "6105"}, {"00C0000005", "6C02"}, {"00C0000002", "AABB9000"}},
			"AABB", 0x9000, nil,
		},
		{"resent once only", read, []step{{"00B0000010", "6C02"}, {"00B0000002", "6C03"}}, "", 0x6C03, card.ErrLength},
		{"a command without Le is not resent", update, []step{{"00D600000101", "6C02"}}, "", 0x6C02, card.ErrLength},
		{"an empty GET RESPONSE ends it", read, []step{{"00B0000010", "6105"}, {"00C0000005", "6105"}}, "", 0, card.ErrProtocol},
		{"refused", read, []step{{"00B0000010", "6982"}}, "", 0x6982, card.ErrSecurity},
		{"gone", read, []step{{"00B0000010", ""}}, "", 0, card.ErrCardGone},
		{"one byte", read, []step{{"00B0000010", "90"}}, "", 0, card.ErrCardGone},
		{"gone in GET RESPONSE", read, []step{{"00B0000010", "6105"}, {"00C0000005", ""}}, "", 0, card.ErrCardGone},
		{"up to 256 bytes unasked", update, []step{{"00D600000101", strings.Repeat("EE", 256) + "9000"}}, strings.Repeat("EE", 256), 0x9000, nil},
		{"more than that", update, []step{{"00D600000101", strings.Repeat("EE", 257) + "9000"}}, "", 0, card.ErrProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &script{t: t, steps: tc.steps}
			r, err := card.Exchange(t.Context(), s, tc.c)
			if !errors.Is(err, tc.err) || r.Status != tc.status || !bytes.Equal(r.Data, unhex(t, tc.data)) {
				t.Errorf("%X %04X %v, want %s %04X %v", r.Data, uint16(r.Status), err, tc.data, uint16(tc.status), tc.err)
			}
			if s.n != len(s.steps) {
				t.Errorf("%d commands, want %d", s.n, len(s.steps))
			}
		})
	}
}

// transmit is a Transmitter made of a function.
type transmit func(ctx context.Context, command []byte) ([]byte, error)

func (f transmit) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	return f(ctx, command)
}

func TestHostileTransmitters(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer func(command []byte) []byte
		most   int // commands
		err    error
	}{
		{"endless 61xx, a byte each", func([]byte) []byte { return []byte{0xAA, 0x61, 0x00} }, 258, card.ErrProtocol},
		{"endless 61xx, empty", func([]byte) []byte { return []byte{0x61, 0x00} }, 2, card.ErrProtocol},
		{"endless 61xx, 256 bytes each", func([]byte) []byte { return append(make([]byte, 256), 0x61, 0x00) }, 258, card.ErrProtocol},
		{"endless 6Cxx", func([]byte) []byte { return []byte{0x6C, 0x10} }, 2, card.ErrLength},
		{"a megabyte", func([]byte) []byte { return make([]byte, 1<<20) }, 1, card.ErrProtocol},
		{"nothing", func([]byte) []byte { return nil }, 1, card.ErrCardGone},
		{"one byte", func([]byte) []byte { return []byte{0x90} }, 1, card.ErrCardGone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := 0
			_, err := card.Exchange(t.Context(), transmit(func(_ context.Context, c []byte) ([]byte, error) {
				n++
				return tc.answer(c), nil
			}), card.Command{Instruction: 0xB0, Ne: 256})
			if !errors.Is(err, tc.err) || n > tc.most {
				t.Errorf("%d commands, %v; want at most %d, %v", n, err, tc.most, tc.err)
			}
		})
	}
}

type goneErr struct{}

func (goneErr) Error() string  { return "pulled" }
func (goneErr) CardGone() bool { return true }

func TestTransportErrors(t *testing.T) {
	answering := func(answer []byte, err error) error {
		_, err = card.Exchange(t.Context(), transmit(func(context.Context, []byte) ([]byte, error) { return answer, err }),
			card.Command{Instruction: 0xD6, Data: []byte{1}})
		return err
	}
	if err := answering(nil, goneErr{}); !errors.Is(err, card.ErrCardGone) || !errors.Is(err, goneErr{}) {
		t.Errorf("an error with CardGone: %v", err)
	}
	other := errors.New("reader on fire")
	if err := answering(nil, other); errors.Is(err, card.ErrCardGone) || !errors.Is(err, other) {
		t.Errorf("any other error: %v", err)
	}
	err := answering([]byte{0x69, 0x85}, fs.ErrPermission)
	if !errors.Is(err, card.ErrConditions) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a status with a reason: %v", err)
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	waiting := transmit(func(ctx context.Context, _ []byte) ([]byte, error) {
		if n++; n == 2 {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return []byte{0xAA, 0x61, 0x00}, nil
	})
	_, err := card.Exchange(ctx, waiting, card.Command{Instruction: 0xB0, Ne: 256})
	if !errors.Is(err, context.Canceled) || n != 2 {
		t.Errorf("%d commands, %v", n, err)
	}
	if _, err := card.Exchange(ctx, waiting, card.Command{Instruction: 0xB0, Ne: 256}); !errors.Is(err, context.Canceled) || n != 2 {
		t.Errorf("after the end: %d commands, %v", n, err)
	}
}

func TestStatus(t *testing.T) {
	for status, want := range map[card.Status]error{
		0x6A80: card.ErrData, 0x6A82: card.ErrNotFound, 0x6A83: card.ErrNotFound, 0x6A84: card.ErrNoSpace, 0x6A86: card.ErrOffset,
		0x6A88: card.ErrNotFound, 0x6B00: card.ErrOffset, 0x6982: card.ErrSecurity, 0x6983: card.ErrBlocked, 0x6984: card.ErrReference,
		0x6985: card.ErrConditions, 0x6981: card.ErrFile, 0x6986: card.ErrFile, 0x6581: card.ErrMemory, 0x6500: card.ErrMemory,
		0x6700: card.ErrLength, 0x6C10: card.ErrLength, 0x6D00: card.ErrInstruction, 0x6E00: card.ErrClass, 0x6884: card.ErrClass,
		0x6F00: card.ErrCard, 0x6400: card.ErrCard, 0x0000: card.ErrCard, 0xFFFF: card.ErrCard,
		0x9000: nil, 0x6282: nil, 0x63C2: nil, 0x6110: nil,
	} {
		if got := status.Unwrap(); !errors.Is(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%04X means %v, want %v", uint16(status), got, want)
		}
	}
	err := error(&card.CommandError{Command: "READ BINARY", Status: 0x6982})
	if got, want := err.Error(), "READ BINARY: status 6982, security status not satisfied"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var s card.Status
	if !errors.As(err, &s) || s != 0x6982 {
		t.Errorf("no status in %v", err)
	}
}
