package summary

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// Limits of a compartment.
const (
	// MaxCompartment is the size in bytes of the largest compartment: what a reader is ready to inflate.
	MaxCompartment = 64 << 10
	// maxNested is how deep arrays and maps nest in a compartment: 9 levels of the model, 7 within an unknown member.
	maxNested      = 16
	maxNestedNewer = 7
	// maxEntries bounds the elements of one array or map. The limits of the model are lower; this one holds for what only a
	// newer format knows.
	maxEntries = 1024
)

// The major types of CBOR (RFC 8949, section 3.1).
const (
	majorUint   = 0
	majorNegint = 1
	majorBytes  = 2
	majorText   = 3
	majorArray  = 4
	majorMap    = 5
	majorSimple = 7
)

// decMode refuses what no compartment holds before anything of it is read.
var decMode = sync.OnceValues(func() (cbor.DecMode, error) {
	return cbor.DecOptions{
		// A card is hostile: bounded recursion, and no count that is larger than what a reader would ever show.
		MaxNestedLevels:  maxNested,
		MaxArrayElements: maxEntries,
		MaxMapPairs:      maxEntries,
		// The deterministic encoding has one form (RFC 8949, section 4.2.1), and no tag is used.
		IndefLength: cbor.IndefLengthForbidden,
		TagsMd:      cbor.TagsForbidden,
		DupMapKey:   cbor.DupMapKeyEnforcedAPF,
		UTF8:        cbor.UTF8RejectInvalid,
	}.DecMode()
})

// wellFormed checks the size and the form of a compartment, trailing bytes included.
func wellFormed(data []byte) error {
	if len(data) > MaxCompartment {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), MaxCompartment)
	}
	mode, err := decMode()
	if err == nil {
		err = mode.Wellformed(data)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	return nil
}

func appendHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendInt(b []byte, n int64) []byte {
	if n < 0 {
		return appendHead(b, majorNegint, uint64(-1-n))
	}
	return appendHead(b, majorUint, uint64(n))
}

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, majorText, uint64(len(s))), s...)
}

// A reader reads the deterministic encoding. Its methods fail on anything else.
type reader struct {
	data []byte
	pos  int
}

func notCanonical(what string) error { return fmt.Errorf("%w: %s", ErrEncoding, what) }

// peek returns the major type of the next item.
func (r *reader) peek() (byte, error) {
	if r.pos >= len(r.data) {
		return 0, notCanonical("ends early")
	}
	return r.data[r.pos] >> 5, nil
}

// head consumes the head of an item. For strings, arrays and maps the argument is no more than what is left to read, an element
// taking at least a byte.
func (r *reader) head() (major byte, n uint64, err error) {
	if major, err = r.peek(); err != nil {
		return 0, 0, err
	}
	info := r.data[r.pos] & 31
	r.pos++
	size := 0
	switch {
	case info < 24:
		n = uint64(info)
	case info < 28:
		size = 1 << (info - 24)
	default:
		return 0, 0, notCanonical("indefinite length")
	}
	if size > len(r.data)-r.pos {
		return 0, 0, notCanonical("ends early")
	}
	for range size {
		n = n<<8 | uint64(r.data[r.pos])
		r.pos++
	}
	if size == 1 && n < 24 || size > 1 && n < 1<<(4*size) {
		return 0, 0, notCanonical("number longer than needed")
	}
	if majorBytes <= major && major <= majorMap && n > uint64(len(r.data)-r.pos) {
		return 0, 0, notCanonical("ends early")
	}
	return major, n, nil
}

func (r *reader) want(major byte) (uint64, error) {
	got, n, err := r.head()
	if err == nil && got != major {
		err = notCanonical("unexpected type")
	}
	return n, err
}

// int consumes an integer that fits in an int64.
func (r *reader) int() (int64, error) {
	major, n, err := r.head()
	switch {
	case err != nil:
		return 0, err
	case major > majorNegint:
		return 0, notCanonical("want an integer")
	case n >= 1<<63:
		return 0, notCanonical("integer out of range")
	case major == majorNegint:
		return -1 - int64(n), nil
	}
	return int64(n), nil
}

func (r *reader) text() (string, error) {
	n, err := r.want(majorText)
	if err != nil {
		return "", err
	}
	s := string(r.data[r.pos : r.pos+int(n)])
	if !utf8.ValidString(s) {
		return "", notCanonical("text is not UTF-8")
	}
	r.pos += int(n)
	return s, nil
}

// value consumes anything that a newer format may hold: no tag, no float, and keys in order. nested is the number of arrays and
// maps around it.
func (r *reader) value(nested int) error {
	start := r.pos
	major, n, err := r.head()
	switch {
	case err != nil:
		return err
	case (major == majorArray || major == majorMap) && nested >= maxNestedNewer:
		return fmt.Errorf("%w: nested deeper than %d levels", ErrTooLarge, maxNestedNewer)
	case (major == majorArray || major == majorMap) && n > maxEntries:
		return fmt.Errorf("%w: %d elements, at most %d", ErrTooLarge, n, maxEntries)
	case major == majorBytes:
		r.pos += int(n)
	case major == majorText:
		r.pos = start
		_, err = r.text()
	case major == majorArray:
		for range n {
			if err := r.value(nested + 1); err != nil {
				return err
			}
		}
	case major == majorMap:
		var keys keyOrder
		for range n {
			start := r.pos
			if err := r.value(nested + 1); err != nil {
				return err
			}
			if err := keys.next(r.data[start:r.pos]); err != nil {
				return err
			}
			if err := r.value(nested + 1); err != nil {
				return err
			}
		}
	case major == majorSimple && 20 <= n && n <= 22 && r.pos == start+1:
		// false, true, null
	case major > majorMap:
		return notCanonical("tag, float or simple value")
	}
	return err
}

// keyOrder holds the last key of a map: each must be above the one before, which also excludes duplicates.
type keyOrder struct{ last []byte }

func (k *keyOrder) next(key []byte) error {
	if k.last != nil && bytes.Compare(k.last, key) >= 0 {
		return notCanonical("map keys are not in order")
	}
	k.last = key
	return nil
}

// newerName names the member n of an object that this version does not know, where it stands in the compartment of the given
// level; home is the usual one of the object, or "" where only one compartment can hold it.
func newerName(n int64, level, home Level) string {
	name := "#" + strconv.FormatInt(n, 10)
	if home != "" && level != home {
		name += "@" + string(level)
	}
	return name
}

// newerNumber returns N of "#N": the number of an enumerated value that this version does not know.
func newerNumber(v string) (uint64, bool) {
	digits, ok := strings.CutPrefix(v, "#")
	if !ok {
		return 0, false
	}
	return decimal(digits)
}

// newerMember reads the name and the content of a member "#N" or "#N@level".
func (o *object) newerMember(name string, raw []byte) (n int64, content []byte, err error) {
	name, level, at := strings.Cut(name, "@")
	digits, negative := strings.CutPrefix(name[1:], "-")
	u, ok := decimal(digits)
	n = int64(u)
	if negative {
		n = -n
	}
	_, known := o.keys[n]
	switch {
	case !ok || negative && n == 0 || at && (o.home == "" || Level(level) == o.home || Level(level).Rank() < 0):
		return 0, nil, fmt.Errorf("%w: a name that begins with # must be #N, the number of a member", ErrUnknownValue)
	case known || o.places != nil && n == keyPlaces:
		return 0, nil, fmt.Errorf("%w: this version knows the member under its name", ErrDuplicate)
	}
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return 0, nil, fmt.Errorf("%w: want a text", ErrType)
	}
	content, err = base64.StdEncoding.Strict().DecodeString(string(raw[1 : len(raw)-1]))
	if err != nil || bytes.ContainsAny(raw, "\r\n") {
		return 0, nil, fmt.Errorf("%w: want CBOR in base64", ErrType)
	}
	r := reader{data: content}
	if err = r.value(0); err == nil && r.pos != len(content) {
		err = notCanonical("trailing bytes")
	}
	return n, content, err
}

// newerText is the JSON of a member that only a newer format knows.
func newerText(content []byte) []byte {
	b := make([]byte, 0, base64.StdEncoding.EncodedLen(len(content))+2)
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), content), '"')
}
