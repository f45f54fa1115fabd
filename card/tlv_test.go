package card

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestParseObjects(t *testing.T) {
	for _, tc := range []struct {
		in   string
		tags []uint32 // nil: refused
	}{
		{"", []uint32{}},
		{"8000", []uint32{0x80}},
		{"80020102 8100", []uint32{0x80, 0x81}},
		{"7F6600", []uint32{0x7F66}},
		{"00 8000 0000 8100 00", []uint32{0x80, 0x81}}, // padding
		{"5F814000", []uint32{0x5F8140}},
		{"808101AA", []uint32{0x80}},      // longer than need be, allowed in ISO/IEC 7816-4
		{"80820001AA", []uint32{0x80}},    // likewise
		{strings.Repeat("8000", 33), nil}, // more than a template holds
		{"80", nil},
		{"8001", nil},
		{"8002AA", nil},
		{"7F", nil},
		{"7F66", nil},
		{"5F818200", nil},       // a tag of four bytes
		{"8080AA0000", nil},     // indefinite
		{"8081", nil},           // length cut short
		{"808200", nil},         // length cut short
		{"8083000001AA", nil},   // three bytes of length
		{"80820100AA", nil},     // 256 bytes in one
		{"80FFFF", nil},         // reserved
		{"800100 81", nil},      // one byte left over
		{"8084FFFFFFFFAA", nil}, // four thousand million bytes
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(tc.in, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseObjects(b)
		if tc.tags == nil {
			if !errors.Is(err, ErrProtocol) {
				t.Errorf("%s: %v, want ErrProtocol", tc.in, err)
			}
			continue
		}
		if err != nil || len(got) != len(tc.tags) {
			t.Errorf("%s: %d objects, %v", tc.in, len(got), err)
			continue
		}
		for i, o := range got {
			if o.tag != tc.tags[i] {
				t.Errorf("%s: object %d is %X, want %X", tc.in, i, o.tag, tc.tags[i])
			}
		}
	}
}

// Whatever is parsed lies in order within the input, and accounts for all of it but tags and lengths.
func FuzzControlInformation(f *testing.F) {
	f.Add([]byte("\x6F\x14\x84\x08\xF0SECOURS\xA5\x08\x80\x02\x20\x00\x81\x02\x00\x40"))
	f.Add([]byte("\x7F\x66\x08\x02\x02\x01\x05\x02\x02\x01\x02\x47\x03\x96\x01\xE0"))
	f.Add([]byte("\x80\x31\x98\x73\x96\x01\x60"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if objects, err := parseObjects(b); err == nil {
			rest, n := b, 0
			for _, o := range objects {
				at := bytes.Index(rest, o.value)
				if at < 0 {
					t.Fatalf("object %X holds what the input does not", o.tag)
				}
				n += len(o.value)
			}
			if n+2*len(objects) > len(b) {
				t.Fatalf("%d objects with %d bytes in %d", len(objects), n, len(b))
			}
		}
		if c, err := parseControl(b); err == nil && (c.size < 1 || c.size > maxFile || c.page < 1 || c.page > c.size) {
			t.Fatalf("a file of %d bytes with pages of %d", c.size, c.page)
		}
		if c, err := ParseInfo(b); err == nil && (c.MaxResponse < 0 || c.MaxResponse > MaxResponse || c.MaxCommand < 0) {
			t.Fatalf("limits %d, %d", c.MaxCommand, c.MaxResponse)
		}
		_, _ = ParseHistorical(b)
	})
}

func TestSpan(t *testing.T) {
	for _, tc := range []struct{ off, n, page, most, want int }{
		{0, 64, 64, 128, 64},
		{0, 128, 64, 128, 128},
		{0, 1000, 64, 128, 128},
		{0, 100, 64, 128, 64},   // whole pages first
		{64, 36, 64, 128, 36},   // then what is left of one
		{10, 1000, 64, 128, 54}, // to the end of the page
		{10, 20, 64, 128, 20},
		{0, 1000, 48, 128, 96},   // two pages of 48
		{0, 1000, 256, 128, 128}, // a page larger than a command
		{128, 1000, 256, 128, 128},
		{200, 1000, 256, 128, 56},
		{0, 1000, 64, 900, 896},
		{0, 1000, 1, 128, 128},
	} {
		if got := span(tc.off, tc.n, tc.page, tc.most); got != tc.want {
			t.Errorf("span(%d, %d, %d, %d) = %d, want %d", tc.off, tc.n, tc.page, tc.most, got, tc.want)
		}
	}
}
