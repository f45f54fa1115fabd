package sim_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/secours-card/secours/card/sim"
)

// ndef is an NDEF reader and writer as the Type 4 Tag specification, version 2.0, has it in 5.4, and nothing that knows of Secours.
type ndef struct {
	c        *sim.Card
	fileID   []byte
	size     int
	nlen     int
	mle, mlc int
	writable bool
}

// command sends a command that has to succeed. The data of a warning count as those of a success, as in most readers.
func (n *ndef) command(apdu ...byte) ([]byte, error) {
	out, err := n.c.Transmit(context.Background(), apdu)
	if err != nil {
		return nil, err
	}
	data, status := out[:len(out)-2], binary.BigEndian.Uint16(out[len(out)-2:])
	if status != 0x9000 && (status != 0x6282 || len(data) == 0) {
		return nil, fmt.Errorf("%X: %04X", apdu[:min(len(apdu), 7)], status)
	}
	return data, nil
}

func (n *ndef) read(off, length int) ([]byte, error) {
	b, err := n.command(0, 0xB0, byte(off>>8), byte(off), byte(length))
	if err == nil && len(b) != length {
		err = fmt.Errorf("%d bytes at %d: %d", length, off, len(b))
	}
	return b, err
}

// detect is the NDEF detection procedure, 5.4.1, up to the selected NDEF file.
func detect(c *sim.Card) (*ndef, error) {
	n := &ndef{c: c}
	if _, err := n.command(0, 0xA4, 4, 0, 7, 0xD2, 0x76, 0, 0, 0x85, 1, 1, 0); err != nil {
		return nil, err
	}
	if _, err := n.command(0, 0xA4, 0, 0x0C, 2, 0xE1, 0x03); err != nil {
		return nil, err
	}
	cc, err := n.read(0, 15)
	if err != nil {
		return nil, err
	}
	if rest := int(binary.BigEndian.Uint16(cc)) - 15; rest > 0 {
		more, err := n.read(15, rest)
		if err != nil {
			return nil, err
		}
		cc = append(cc, more...)
	}
	n.mle, n.mlc = int(binary.BigEndian.Uint16(cc[3:])), int(binary.BigEndian.Uint16(cc[5:]))
	n.fileID, n.writable = cc[9:11], cc[len(cc)-1] == 0
	switch {
	case cc[2]>>4 != 2 && cc[2]>>4 != 3 || cc[len(cc)-2] != 0:
		return nil, fmt.Errorf("version and access of %X", cc)
	case cc[7] == 4 && cc[8] == 6 && len(cc) == 15:
		n.nlen, n.size = 2, int(binary.BigEndian.Uint16(cc[11:]))
	case cc[7] == 6 && cc[8] == 8 && len(cc) == 17 && cc[2]>>4 == 3:
		n.nlen, n.size = 4, int(binary.BigEndian.Uint32(cc[11:]))
	default:
		return nil, fmt.Errorf("file control of %X", cc)
	}
	_, err = n.command(0, 0xA4, 0, 0x0C, 2, n.fileID[0], n.fileID[1])
	return n, err
}

// message is the NDEF read procedure, 5.4.6: in pieces of MLe, never behind the message.
func (n *ndef) message() ([]byte, error) {
	b, err := n.read(0, n.nlen)
	if err != nil {
		return nil, err
	}
	length := 0
	for _, x := range b {
		length = length<<8 | int(x)
	}
	if length > n.size-n.nlen {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	var out []byte
	for len(out) < length {
		piece, err := n.read(n.nlen+len(out), min(n.mle, 255, length-len(out)))
		if err != nil {
			return nil, err
		}
		out = append(out, piece...)
	}
	return out, nil
}

// update is the NDEF update procedure, 5.4.7: no message, the new one in pieces of MLc, its length.
func (n *ndef) update(message []byte) error {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(message)))[4-n.nlen:]
	if err := n.write(0, make([]byte, n.nlen)); err != nil {
		return err
	}
	if err := n.write(n.nlen, message); err != nil {
		return err
	}
	return n.write(0, length)
}

func (n *ndef) write(off int, b []byte) error {
	for len(b) > 0 {
		piece := b[:min(n.mlc, 255, len(b))]
		if _, err := n.command(append([]byte{0, 0xD6, byte(off >> 8), byte(off), byte(len(piece))}, piece...)...); err != nil {
			return err
		}
		off, b = off+len(piece), b[len(piece):]
	}
	return nil
}

// record is an NDEF message of one record, of a media type, with a payload of n bytes that are told from another's by its seed.
func record(n int, seed byte) []byte {
	b := []byte{0xC2, 10}
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = append(b, "text/plain"...)
	for i := range n {
		b = append(b, seed+byte(i*7))
	}
	return b
}

func newTag(t testing.TB, o sim.Options) *sim.Card {
	t.Helper()
	c, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The devices of the facts, and what the specification allows at its edges.
func tags() map[string]sim.Options {
	return map[string]sim.Options{
		"ST25TA64K":    {Tag: &sim.Tag{FileID: 1, Quirks: sim.QuirksST}},
		"OpenJavaCard": {Size: 32767, Atomicity: sim.CommandAtomic, Tag: &sim.Tag{MLe: 128, MLc: 128, Quirks: sim.QuirksOpenJavaCard}},
		"DESFire":      {Size: 4096, Page: 32, Tag: &sim.Tag{MLe: 59, MLc: 52}},
		"emulated":     {Size: 2048, Tag: &sim.Tag{MLe: 65535, MLc: 65535, Quirks: sim.QuirksEmulated}},
		"version 3":    {Size: 65536, Tag: &sim.Tag{Mapping: 3}},
		"least":        {Size: 1000, Tag: &sim.Tag{MLe: 15, MLc: 1}},
	}
}

func TestGenericReader(t *testing.T) {
	for name, o := range tags() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tag.img")
			c := create(t, path, o)
			n, err := detect(c)
			if err != nil {
				t.Fatal(err)
			}
			if want := max(o.Size, 8192); o.Size != 0 && n.size != o.Size || o.Size == 0 && n.size != want || !n.writable {
				t.Errorf("%d bytes, writable %v", n.size, n.writable)
			}
			if got, err := n.message(); err != nil || len(got) != 0 {
				t.Errorf("a blank tag holds %X, %v", got, err)
			}
			short, long := record(20, 1), record(n.size-n.nlen-17, 2) // all but the last byte
			if n.size > 32768 {
				long = record(30000, 2)
			}
			for _, message := range [][]byte{long, short, {}, long} {
				if err := n.update(message); err != nil {
					t.Fatal(err)
				}
				c.Close()
				c = reopen(t, path)
				if n, err = detect(c); err != nil {
					t.Fatal(err)
				}
				if got, err := n.message(); err != nil || !bytes.Equal(got, message) {
					t.Fatalf("%d bytes of %d, %v", len(got), len(message), err)
				}
			}
		})
	}
}

// The standard update, cut at every point: hardly anywhere does a reader find the old message or the new one.
func TestTornUpdate(t *testing.T) {
	before, after := record(300, 1), record(310, 2)
	prepare := func(seed uint64) (*sim.Card, *ndef) {
		c := newTag(t, sim.Options{Size: 1024, Tag: &sim.Tag{}, Session: sim.Session{Seed: seed}})
		n, err := detect(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.update(before); err != nil {
			t.Fatal(err)
		}
		return c, n
	}
	c, n := prepare(1)
	start := c.CutPoints()
	if err := n.update(after); err != nil {
		t.Fatal(err)
	}
	points := int(c.CutPoints() - start)
	for seed := range uint64(5) {
		readable := 0
		for at := 1; at <= points; at++ {
			c, n := prepare(seed + 1)
			c.CutAfter(at)
			if err := n.update(after); !errors.Is(err, sim.ErrPowerLost) {
				t.Fatalf("cut %d: %v", at, err)
			}
			if err := c.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			n, err := detect(c)
			if err != nil {
				t.Fatal(err)
			}
			got, err := n.message()
			whole := err == nil && (bytes.Equal(got, before) || bytes.Equal(got, after))
			if whole {
				readable++
			}
			if (at == 1 || at == points) && !whole {
				t.Errorf("seed %d, cut %d, before the first change or after the last: %d bytes, %v", seed, at, len(got), err)
			}
			// A tag is not broken by this: it can be written again.
			if err := n.update(after); err != nil {
				t.Fatal(err)
			}
			if got, err := n.message(); err != nil || !bytes.Equal(got, after) {
				t.Fatalf("seed %d, cut %d: not healed, %v", seed, at, err)
			}
		}
		t.Logf("seed %d: a message at %d of %d cut points", seed, readable, points)
		if readable*8 > points {
			t.Errorf("seed %d: a message at %d of %d cut points", seed, readable, points)
		}
	}
}

// One byte that is read from a tag whose NLEN was torn is answered, whatever it says.
func TestTornNLEN(t *testing.T) {
	for seed := range uint64(20) {
		c := newTag(t, sim.Options{Size: 256, Tag: &sim.Tag{Mapping: 3, Quirks: sim.QuirksST}, Session: sim.Session{Seed: seed + 1}})
		n, err := detect(c)
		if err != nil {
			t.Fatal(err)
		}
		c.CutAfter(3 + int(seed)%5)
		if err := n.write(0, []byte{0xFF, 0xFF, 0xFF, 0xFF}); !errors.Is(err, sim.ErrPowerLost) {
			t.Fatal(err)
		}
		if err := c.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err = detect(c); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if _, err := n.read(0, 4); err != nil {
				t.Fatal(err)
			}
			if out, err := c.Transmit(t.Context(), []byte{0, 0xB0, 0, 100, 1}); err != nil || len(out) != 3 && !bytes.Equal(out, []byte{0x62, 0x82}) {
				t.Fatalf("%X, %v", out, err)
			}
		}
	}
}

// A tag takes the time of its link and of its pages, like any card: to read 2,000 bytes in pieces of 240, about 53 ms at 424 kbit/s.
func TestTagTime(t *testing.T) {
	c := newTag(t, sim.Options{Tag: &sim.Tag{}, Session: sim.Session{Link: sim.Contactless(424), PageTime: time.Second}})
	n, err := detect(c)
	if err != nil {
		t.Fatal(err)
	}
	start := c.Elapsed()
	for off := 0; off < 2000; off += 240 {
		if _, err := n.read(off, min(240, 2000-off)); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Elapsed() - start; got < 48*time.Millisecond || got > 58*time.Millisecond {
		t.Errorf("2,000 bytes take %v", got)
	}
	start = c.Elapsed()
	if err := n.write(60, make([]byte, 70)); err != nil { // three pages
		t.Fatal(err)
	}
	if got := c.Elapsed() - start; got < 3*time.Second || got > 3*time.Second+10*time.Millisecond {
		t.Errorf("three pages take %v", got)
	}
	c.Remove()
	if err := n.write(0, []byte{0}); !errors.Is(err, sim.ErrRemoved) {
		t.Errorf("removed: %v", err)
	}
	c.Insert()
	if _, err := n.read(0, 2); err == nil {
		t.Error("put back, the file is still selected")
	}
}

func TestTagOptions(t *testing.T) {
	asked := sim.Tag{Mapping: 3}
	newTag(t, sim.Options{Tag: &asked})
	if asked != (sim.Tag{Mapping: 3}) {
		t.Errorf("the caller's options became %+v", asked)
	}
	for _, o := range []sim.Options{
		{PIN: []byte("1234"), Tag: &sim.Tag{}},
		{PUK: []byte("123456"), Tag: &sim.Tag{}},
		{T0: true, Tag: &sim.Tag{}},
		{MaxCommand: 1000, MaxResponse: 1000, Tag: &sim.Tag{}},
		{LogRecords: 1, Tag: &sim.Tag{}},
		{LogRecord: 1, Tag: &sim.Tag{}},
		{Page: -1, Tag: &sim.Tag{}},
		{Page: 65, Size: 64, Tag: &sim.Tag{}},
		{Size: 4, Page: 1, Tag: &sim.Tag{}},
		{Size: 32768, Tag: &sim.Tag{}},
		{Size: 32768, Tag: &sim.Tag{Mapping: 3, NLEN: 2}},
		{Size: 65537, Tag: &sim.Tag{Mapping: 3}},
		{Tag: &sim.Tag{Mapping: 1}},
		{Tag: &sim.Tag{Mapping: 4}},
		{Tag: &sim.Tag{NLEN: 4}},
		{Tag: &sim.Tag{Mapping: 3, NLEN: 3}},
		{Tag: &sim.Tag{MLe: 14}},
		{Tag: &sim.Tag{MLe: 65536}},
		{Tag: &sim.Tag{MLc: -1}},
		{Tag: &sim.Tag{MLc: 65536}},
		{Tag: &sim.Tag{FileID: 0xE102}},
		{Tag: &sim.Tag{FileID: 0xE103}},
		{Tag: &sim.Tag{FileID: 0x3F00}},
		{Tag: &sim.Tag{FileID: 0x3FFF}},
		{Tag: &sim.Tag{FileID: 0xFFFF}},
		{Tag: &sim.Tag{Quirks: 1 << 20}},
	} {
		p := filepath.Join(t.TempDir(), "x")
		if _, err := sim.Create(p, o); err == nil {
			t.Errorf("%+v with %+v makes a tag", o, *o.Tag)
		}
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v with %+v leaves a file", o, *o.Tag)
		}
	}
}
