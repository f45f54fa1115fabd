package sim_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secours-card/secours/card/sim"
)

// Whatever is sent to a card, it answers with a status word and at most 65,536 bytes of data, or is gone because the power was cut; and
// it still selects its application afterwards. The input is a byte of options, then commands with their lengths in two bytes.
func FuzzCommands(f *testing.F) {
	text, err := os.ReadFile("testdata/exchanges.txt")
	if err != nil {
		f.Fatal(err)
	}
	for option := range byte(8) {
		seed := []byte{option}
		for _, line := range strings.Split(string(text), "\n") {
			command, _, ok := strings.Cut(line, " => ")
			if !ok || strings.ContainsAny(command, "*#") {
				continue
			}
			b := bytesOfSeed(command)
			seed = binary.BigEndian.AppendUint16(seed, uint16(len(b)))
			seed = append(seed, b...)
			if len(seed) > 2000 {
				break
			}
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		o := sim.Options{Size: 300, Page: 16, T0: in[0]&1 != 0, Session: sim.Session{Seed: 1, Link: sim.Contact(115200)}}
		if in[0]&2 != 0 {
			o.MaxCommand, o.MaxResponse = 65535, 65535
		}
		if in[0]&4 != 0 {
			o.PIN, o.PUK = []byte("1234"), []byte("123456")
		}
		c, err := sim.New(o)
		if err != nil {
			t.Fatal(err)
		}
		c.CutAfter(int(in[0]>>3) * 20)
		converse(t, c, in[1:], 65538)
		send(t, c, "00a4040c08f05345434f555253", "9000")
	})
}

// converse sends commands with their lengths in two bytes, then resets the card.
func converse(t *testing.T, c *sim.Card, in []byte, longest int) {
	t.Helper()
	for len(in) >= 2 {
		n := min(int(binary.BigEndian.Uint16(in)), len(in)-2)
		before := c.Elapsed()
		out, err := c.Transmit(context.Background(), in[2:2+n])
		in = in[2+n:]
		switch {
		case errors.Is(err, sim.ErrPowerLost):
			if err := c.Reset(context.Background()); err != nil {
				t.Fatal(err)
			}
		case err != nil || len(out) < 2 || len(out) > longest:
			t.Fatalf("%d bytes, %v", len(out), err)
		case c.Elapsed() <= before:
			t.Fatal("an exchange that took no time")
		}
	}
	if err := c.Reset(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// The same of tags: at most 256 bytes of data, and a capability container that is as it was. The input is a byte of quirks, one of other
// options, then commands.
func FuzzTagCommands(f *testing.F) {
	text, err := os.ReadFile("testdata/tags.txt")
	if err != nil {
		f.Fatal(err)
	}
	for i, part := range strings.Split(string(text), "\ncard ") {
		seed := []byte{byte(i * 37), byte(i)}
		for _, line := range strings.Split(part, "\n") {
			command, _, ok := strings.Cut(line, " => ")
			if !ok || strings.ContainsAny(command, "*#") {
				continue
			}
			b := bytesOfSeed(command)
			seed = append(binary.BigEndian.AppendUint16(seed, uint16(len(b))), b...)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) < 2 {
			return
		}
		tag := &sim.Tag{Mapping: 2 + in[1]&1, ReadOnly: in[1]&2 != 0, MLe: 15 + int(in[1]&4)*60, Quirks: sim.Quirk(in[0]) | sim.Quirk(in[1]&4)<<6}
		c, err := sim.New(sim.Options{Size: 300, Page: 16, Tag: tag, Session: sim.Session{Seed: 1, Link: sim.Contactless(106)}})
		if err != nil {
			t.Fatal(err)
		}
		cc := func() string {
			if _, err := c.Transmit(context.Background(), bytesOfSeed("00a4040007d276000085010100")); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Transmit(context.Background(), bytesOfSeed("00a4000c02e103")); err != nil {
				t.Fatal(err)
			}
			out, err := c.Transmit(context.Background(), bytesOfSeed("00b000000f"))
			if err != nil || len(out) != 17 {
				t.Fatalf("%X, %v", out, err)
			}
			return string(out[:14]) // write access may change
		}
		before := cc()
		c.CutAfter(int(in[1]>>3) * 20)
		converse(t, c, in[2:], 258)
		c.CutAfter(0)
		if after := cc(); after != before {
			t.Fatalf("%X became %X", before, after)
		}
	})
}

func bytesOfSeed(s string) []byte {
	var out []byte
	s = strings.ReplaceAll(s, " ", "")
	for i := 0; i+1 < len(s); i += 2 {
		var b byte
		for _, d := range s[i : i+2] {
			b = b<<4 | byte(strings.IndexRune("0123456789abcdef", d))
		}
		out = append(out, b)
	}
	return out
}

// Whatever is in an image file, opening it succeeds or fails with an error that says what is wrong, and the card of an
// image that opens can be used.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "seed.img")
	for i, o := range []sim.Options{
		{Size: 64, Page: 16, LogRecords: 1, LogRecord: 1},
		{Size: 300, T0: true, LogRecords: 2, PIN: []byte("1234")},
		{Size: 64, Tag: &sim.Tag{FileID: 1, Quirks: sim.QuirksST}},
		{Size: 300, Page: 16, Tag: &sim.Tag{Mapping: 3, Quirks: sim.QuirksEmulated}},
	} {
		o.Replace = i > 0
		c, err := sim.Create(path, o)
		if err != nil {
			f.Fatal(err)
		}
		c.Close()
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		path := filepath.Join(t.TempDir(), "card.img")
		if err := os.WriteFile(path, in, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := sim.Open(path, sim.Session{Seed: 1})
		if err != nil {
			if !errors.Is(err, sim.ErrImage) {
				t.Fatalf("%v is not ErrImage", err)
			}
			return
		}
		defer c.Close()
		for _, command := range []string{
			"00a4040007d276000085010100", "00a4000c02e103", "00b000000f", "00a4000c02e104", "00b0000002", "00d6000001aa", "00b0000003",
			"00a4040008f05345434f55525300", "00b09d0000", "00b0810000", "00d6810001aa", "00b2011400", "0020008110 31323334ffffffffffffffffffffffff",
		} {
			if out, err := c.Transmit(context.Background(), bytesOfSeed(command)); err != nil || len(out) < 2 {
				t.Fatalf("%s: %X, %v", command, out, err)
			}
		}
	})
}
