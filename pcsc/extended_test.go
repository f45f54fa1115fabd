//go:build cgo || windows

package pcsc

import (
	"bytes"
	"testing"
)

func TestProperty(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []byte
		ok   bool
	}{
		{"", nil, false},
		{"\x0A", nil, false},
		{"\x0A\x01", nil, false},
		{"\x0A\x00", []byte{}, true},
		{"\x0A\x01\x05", []byte{5}, true},
		{"\x01\x00\x0A\x01\x05\x0A\x01\x06", []byte{5}, true},
		{"\x01\x02\x0A\x01\x05", nil, false},
		{"\x01\xFF\x0A\x01\x05", nil, false},
		{"\x0A\xFE" + string(make([]byte, 254)), make([]byte, 254), true},
		{"\x0A\xFF" + string(make([]byte, 255)), make([]byte, 255), true},
		{"\x0A\xFF" + string(make([]byte, 254)), nil, false},
	} {
		got, ok := property([]byte(test.in), 0x0A)
		if ok != test.ok || !bytes.Equal(got, test.want) {
			t.Errorf("%x: %x, %v", test.in, got, ok)
		}
	}
}

func TestSaysExtended(t *testing.T) {
	for in, want := range map[string]bool{
		"":                                 false,
		"\x0A\x00":                         false,
		"\x0A\x02\x00\x01":                 false, // 256
		"\x0A\x02\x01\x01":                 true,
		"\x0A\x04\x00\x00\x01\x00":         true,
		"\x0A\x04\x00\x01\x00\x00":         false,
		"\x0A\x05\x00\x00\x01\x00\x00":     false,
		"\x0B\x02\x01\x01":                 false,
		"\x01\x02\x0A\x02\x0A\x02\x01\x01": true,
	} {
		if got := saysExtended([]byte(in)); got != want {
			t.Errorf("%x: %v", in, got)
		}
	}
}

func FuzzProperty(f *testing.F) {
	f.Add([]byte("\x0A\x04\x00\x00\x01\x00"), byte(0x0A))
	f.Add(bytes.Repeat([]byte{0xFE}, 300), byte(0xFE))
	f.Fuzz(func(t *testing.T, b []byte, tag byte) {
		got, ok := property(b, tag)
		if ok && !bytes.Contains(b, append([]byte{tag, byte(len(got))}, got...)) {
			t.Errorf("%x is not in %x", got, b)
		}
	})
}
