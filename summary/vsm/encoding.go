package vsm

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// sniffed is how much of a document Is looks at: a declaration, stylesheets and a licence in a comment have a few kilobytes.
const sniffed = 64 << 10

// Is says whether data looks like a CDA document by its root element. It does not say that Import will take it.
func Is(data []byte) bool {
	head := data[:min(len(data), sniffed)]
	text, err := decode(head)
	if err != nil {
		// A character cut in two, or an encoding that Import refuses: what matters is ASCII, and every byte is something here.
		if text, err = charmap.ISO8859_1.NewDecoder().Bytes(bytes.TrimPrefix(head, []byte(bomUTF8))); err != nil {
			return false
		}
	}
	d := newDecoder(text)
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if t, ok := token.(xml.StartElement); ok {
			return qualified(t.Name, false) == "ClinicalDocument"
		}
	}
}

const bomUTF8 = "\xef\xbb\xbf"

func byteOrder(data []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")): // UTF-32
		return nil
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return binary.BigEndian
	}
	return nil
}

func fromUTF16(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// decode returns a document in UTF-8, by its byte order mark or else by its declaration.
func decode(data []byte) ([]byte, error) {
	if order := byteOrder(data); order != nil {
		if len(data)%2 != 0 {
			return nil, fmt.Errorf("%w: half a character at the end of UTF-16", ErrEncoding)
		}
		return fromUTF16(data[2:], order), nil
	}
	if rest, ok := bytes.CutPrefix(data, []byte(bomUTF8)); ok {
		return checkUTF8(rest, len(bomUTF8))
	}
	switch name := declared(data); strings.ToLower(name) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return checkUTF8(data, 0)
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "windows-1252", "cp1252":
		// What calls itself Latin-1 and has bytes from 80 to 9F is windows-1252 (WHATWG, Encoding, section 4.2): in Latin-1 they
		// are control characters, which XML texts do not have, and in windows-1252 the apostrophe and œ.
		return charmap.Windows1252.NewDecoder().Bytes(data)
	case "iso-8859-15", "iso8859-15", "iso_8859-15", "latin9", "latin-9":
		return charmap.ISO8859_15.NewDecoder().Bytes(data)
	case "utf-16", "utf-16le", "utf-16be":
		return nil, fmt.Errorf("%w: %s without a byte order mark", ErrEncoding, name)
	default:
		return nil, fmt.Errorf("%w %q is not read: want UTF-8, UTF-16 with a byte order mark, ISO-8859-1, ISO-8859-15 or windows-1252",
			ErrEncoding, name)
	}
}

var declaration = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']`)
})

// declared returns the encoding of the XML declaration.
func declared(data []byte) string {
	head := data[:min(len(data), 256)]
	m := declaration().FindSubmatch(head)
	if m == nil {
		return ""
	}
	return string(m[1])
}

func checkUTF8(data []byte, offset int) ([]byte, error) {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return nil, fmt.Errorf("%w: not UTF-8 at byte %d", ErrEncoding, offset+i)
		}
		i += size
	}
	return data, nil
}
