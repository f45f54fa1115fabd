package card

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The NDEF message that the container lives in (docs/FORMAT.md, 1.1). It takes the file up to its end, whatever the container holds: its
// length never changes, so that no update of the container touches what makes it well-formed.
const (
	// The first page of the file has the message's head, the next pages are the container's.
	tagPage = 64

	// One record, first and last (MB, ME), not short, without an id, of a media type (TNF 2): NFC Forum, NDEF 1.0, 3.2.
	recordFlags = 0xC2
	recordType  = "application/vnd.secours"
)

// What a tag holds instead of our message. Test with errors.Is.
var (
	ErrBlankTag     = errors.New("a Type 4 Tag without a message")
	ErrOtherMessage = errors.New("a Type 4 Tag with another message")
	// ErrOtherLayout: the message has our type, and another length than the file asks for. It was copied from another tag, or a tear
	// left it while it was laid out.
	ErrOtherLayout = errors.New("a Type 4 Tag with a Secours message of another length")
)

// ndefFile is the NDEF file as the capability container describes it.
type ndefFile struct {
	lenSize int // of NLEN: 2 bytes, or 4 (ENLEN)
	size    int64
}

// end is where the message ends: on a page, so that the container has whole ones; below 32,768, because a 15-bit offset reaches no further
// and applets keep offset + length in a signed short; and before the last byte of the file, which OpenJavaCard-NDEF refuses to write.
func (f ndefFile) end() int { return int((min(f.size, 1<<15) - 1) / tagPage * tagPage) }

// headLen is how many bytes of the message's head are the same on every tag with a file of this size.
func (f ndefFile) headLen() int { return f.lenSize + 6 + len(recordType) }

// head is the first page of the file.
func (f ndefFile) head() []byte {
	n, end := f.lenSize, f.end()
	b := make([]byte, tagPage)
	f.putLen(b, end-n)
	b[n], b[n+1] = recordFlags, byte(len(recordType))
	binary.BigEndian.PutUint32(b[n+2:], uint32(end-f.headLen()))
	copy(b[n+6:], recordType)
	return b
}

// message is how many bytes the message and its NLEN take, as NLEN says.
func (f ndefFile) message(b []byte) int64 {
	n := int64(0)
	for _, x := range b[:f.lenSize] {
		n = n<<8 | int64(x)
	}
	return n + int64(f.lenSize)
}

// putLen puts NLEN.
func (f ndefFile) putLen(b []byte, length int) {
	if f.lenSize == 4 {
		binary.BigEndian.PutUint32(b, uint32(length))
	} else {
		binary.BigEndian.PutUint16(b, uint16(length))
	}
}

// judge tells whether the beginning of the file is that of our message; nil: it is.
func (f ndefFile) judge(b []byte) error {
	n, want := f.lenSize, f.head()[:f.headLen()]
	switch {
	case bytes.Equal(b[:n], make([]byte, n)):
		return ErrBlankTag
	case len(b) < len(want) || !bytes.Equal(b[n:n+2], want[n:n+2]) || !bytes.Equal(b[n+6:len(want)], want[n+6:]):
		return ErrOtherMessage
	case f.end() < minTagEnd || !bytes.Equal(b[:len(want)], want):
		return ErrOtherLayout
	}
	return nil
}

// minTagEnd is the end of a message with the smallest container.
var minTagEnd = func() int {
	l := layout{page: tagPage}
	return tagPage + int(l.slotAt(0)+2*l.up(slotHeaderLen+minCapacity))
}()
