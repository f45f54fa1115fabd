package card

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// The NDEF Tag Application of an NFC Forum Type 4 Tag, mapping versions 2 and 3, and its capability container.
var ndefAID = [7]byte{0xD2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01}

const (
	fidCC = 0xE103
	// minCC is what every tag lets read in one command: CCLEN, version, MLe, MLc and the NDEF File Control TLV.
	minCC = 15
	// maxCC bounds what is read of a capability container. The TLV that counts is the first, but for what a vendor puts before it.
	maxCC = maxShortRead
)

// ErrReadOnly: the tag lets nobody write, or not any more. A write that fails with it was not sent.
var ErrReadOnly = errors.New("the tag is write-protected")

// CapabilityContainer is what a Type 4 Tag says about itself.
type CapabilityContainer struct {
	Version           byte // of the mapping, the major number in the high half
	MaxRead, MaxWrite int  // MLe and MLc: most data of one command, in bytes
	File              uint16
	FileSize          int64
	ExtendedLength    bool // NLEN has four bytes
	WriteAccess       byte // 00: everybody may write
}

// Writable tells whether the tag lets everybody write.
func (c CapabilityContainer) Writable() bool { return c.WriteAccess == 0 }

func (c CapabilityContainer) file() ndefFile {
	f := ndefFile{lenSize: 2, size: c.FileSize}
	if c.ExtendedLength {
		f.lenSize = 4
	}
	return f
}

// Tag is an NFC Forum Type 4 Tag with its NDEF file selected. It is not safe for concurrent use.
type Tag struct {
	t       Transmitter
	cc      CapabilityContainer
	bareAID bool  // the tag wants SELECT by name without Le
	message error // nil: the file holds our message
	lost    error // why the last reset failed: the file is not selected, or it is that of another card
	// head is how the file began when it was selected, for the first read of the container. No write and no reset leaves it.
	head []byte
}

// Card is an emergency card of either kind, an [*Application] or a [*Tag].
type Card interface {
	// Medium returns the container's memory. All its commands run under ctx.
	Medium(ctx context.Context) *EF
}

// Open selects what there is on the card behind t: our application, else the message of a Type 4 Tag. ErrNotOurCard: neither. A tag that
// does not hold our message is returned beside [ErrBlankTag], [ErrOtherMessage] or [ErrOtherLayout]: [Tag.LayOut] prepares it.
func Open(ctx context.Context, t Transmitter) (Card, error) {
	a, err := Select(ctx, t)
	if err == nil {
		return a, nil
	}
	if !errors.Is(err, ErrNotOurCard) {
		return nil, err
	}
	tag, tagErr := SelectTag(ctx, t)
	switch {
	case errors.Is(tagErr, ErrNotOurCard):
		return nil, fmt.Errorf("%w; %w", err, tagErr)
	case tagErr != nil:
		return nil, tagErr
	}
	return tag, tag.Message()
}

// SelectTag selects the NDEF file of the Type 4 Tag behind t, whatever message it holds. The error is ErrNotOurCard where the card is no
// such tag, or one whose capability container makes no sense, and ErrSecurity where reading takes a password or key.
func SelectTag(ctx context.Context, t Transmitter) (*Tag, error) {
	tag := &Tag{t: t}
	if err := tag.sel(ctx); err != nil {
		return nil, fmt.Errorf("selecting the Type 4 Tag: %w", err)
	}
	return tag, nil
}

// CC is the capability container as it was at the last selection.
func (t *Tag) CC() CapabilityContainer { return t.cc }

// Message tells what the NDEF file held when it was selected: nil for our message, otherwise ErrBlankTag, ErrOtherMessage or
// ErrOtherLayout. Every access to the container fails with that error.
func (t *Tag) Message() error { return t.message }

// Medium returns the memory of the container within the message. All its commands run under ctx.
func (t *Tag) Medium(ctx context.Context) *EF { return &EF{ctx: ctx, file: t} }

func (t *Tag) bounds() (size, page int) { return max(t.cc.file().end()-tagPage, 0), tagPage }

// sel runs the detection of the specification, and reads the beginning of the file.
func (t *Tag) sel(ctx context.Context) error {
	t.head = nil
	if err := t.selectNDEF(ctx); err != nil {
		return fmt.Errorf("NDEF application: %w", err)
	}
	if err := t.selectFile(ctx, fidCC); err != nil {
		return fmt.Errorf("capability container: %w", err)
	}
	cc, read, err := t.readCC(ctx)
	if err != nil {
		return fmt.Errorf("capability container: %w", err)
	}
	if read != 0 {
		return fmt.Errorf("read access %02X of the NDEF file: %w", read, ErrSecurity)
	}
	if err := t.selectFile(ctx, cc.File); err != nil {
		return fmt.Errorf("NDEF file %04X: %w", cc.File, err)
	}
	t.cc = cc
	head, err := t.readHead(ctx)
	if err != nil {
		return fmt.Errorf("NDEF file: %w", err)
	}
	t.head, t.message, t.lost = head, cc.file().judge(head), nil
	return nil
}

// selectNDEF selects the application by name. The specification asks for Le; there are tags that refuse it, and others that refuse a
// SELECT without.
func (t *Tag) selectNDEF(ctx context.Context) error {
	c := Command{Instruction: insSelect, P1: 0x04, Data: ndefAID[:]}
	if !t.bareAID {
		c.Ne = maxShortNe
	}
	r, err := Exchange(ctx, t.t, c)
	if refused := (*CommandError)(nil); errors.As(err, &refused) && refused.Status == 0x6700 && !t.bareAID {
		c.Ne = 0
		if r, err = Exchange(ctx, t.t, c); err == nil {
			t.bareAID = true
		}
	}
	return selected(r, err)
}

// selectFile selects by file id and wants no data: P1 and P2 are the only ones that OpenJavaCard-NDEF takes. Emulated cards answer with
// an FCI all the same.
func (t *Tag) selectFile(ctx context.Context, id uint16) error {
	return selected(Exchange(ctx, t.t, Command{Instruction: insSelect, P2: 0x0C, Data: []byte{byte(id >> 8), byte(id)}}))
}

// readCC reads the capability container: so much as every tag gives in one command, and more where the TLV that counts is longer or comes
// later.
func (t *Tag) readCC(ctx context.Context) (cc CapabilityContainer, readAccess byte, err error) {
	b := make([]byte, minCC, maxCC)
	if err := t.fillCC(ctx, b, 0, minCC); err != nil {
		return cc, 0, err
	}
	total := int(binary.BigEndian.Uint16(b))
	cc.Version = b[2]
	cc.MaxRead, cc.MaxWrite = int(binary.BigEndian.Uint16(b[3:])), int(binary.BigEndian.Uint16(b[5:]))
	if major := cc.Version >> 4; total < minCC || major != 2 && major != 3 || cc.MaxRead < minCC || cc.MaxWrite < 1 {
		return cc, 0, fmt.Errorf("%w: length %d, version %02X, MLe %d, MLc %d", ErrNotOurCard, total, cc.Version, cc.MaxRead, cc.MaxWrite)
	}
	if total > minCC && (b[7] != tlvFile || b[8] != 6) {
		b = b[:min(total, maxCC)]
		if err := t.fillCC(ctx, b[minCC:], minCC, cc.MaxRead); err != nil {
			return cc, 0, err
		}
	}
	v, err := fileControl(b[7:])
	if err != nil {
		return cc, 0, fmt.Errorf("%w: %w", ErrNotOurCard, err)
	}
	cc.File = binary.BigEndian.Uint16(v)
	if len(v) == 8 {
		cc.ExtendedLength, cc.FileSize = true, int64(binary.BigEndian.Uint32(v[2:]))
	} else {
		cc.FileSize = int64(binary.BigEndian.Uint16(v[2:]))
	}
	readAccess, cc.WriteAccess = v[len(v)-2], v[len(v)-1]
	switch cc.File {
	case 0x0000, 0xE102, 0xE103, 0x3F00, 0x3FFF, 0xFFFF:
		return cc, 0, fmt.Errorf("%w: the NDEF file has the reserved id %04X", ErrNotOurCard, cc.File)
	}
	if cc.FileSize < minFile {
		return cc, 0, fmt.Errorf("%w: an NDEF file of %d bytes", ErrNotOurCard, cc.FileSize)
	}
	return cc, readAccess, nil
}

// fillCC reads a part of the capability container. A card that does not give it is no Type 4 Tag, whatever it says.
func (t *Tag) fillCC(ctx context.Context, b []byte, off, most int) error {
	err := t.fill(ctx, b, off, most)
	refused := (*CommandError)(nil)
	if errors.As(err, &refused) && refused.Cause == nil || errors.Is(err, ErrProtocol) {
		return fmt.Errorf("%w: %w", ErrNotOurCard, err)
	}
	return err
}

const (
	tlvFile         = 0x04 // NDEF File Control TLV
	tlvExtendedFile = 0x06 // Extended NDEF File Control TLV, mapping version 3
	minFile         = 5    // the specification's smallest NDEF file: NLEN and the shortest record
)

// fileControl finds the TLV that describes the NDEF file: 6 or 8 bytes.
func fileControl(b []byte) ([]byte, error) {
	for len(b) >= 2 {
		tag, n, start := b[0], int(b[1]), 2
		if n == 0xFF { // a length of three bytes
			if len(b) < 4 {
				break
			}
			n, start = int(binary.BigEndian.Uint16(b[2:])), 4
		}
		if n > len(b)-start {
			break
		}
		v := b[start : start+n]
		switch {
		case tag == tlvFile && n == 6, tag == tlvExtendedFile && n == 8:
			return v, nil
		case tag == tlvFile, tag == tlvExtendedFile:
			return nil, fmt.Errorf("NDEF File Control TLV of %d bytes: %w", n, ErrProtocol)
		}
		b = b[start+n:]
	}
	return nil, fmt.Errorf("no NDEF File Control TLV: %w", ErrProtocol)
}

// readHead reads the beginning of the file. One command brings all that matters, and the beginning of the container, from a tag that is
// laid out and lets read that much. ST's tags refuse to read behind the message, and others behind the file: then NLEN is asked for first.
func (t *Tag) readHead(ctx context.Context) ([]byte, error) {
	f := t.cc.file()
	b := make([]byte, min(f.size, maxShortRead))
	n, err := t.readBinary(ctx, b, 0, t.cc.MaxRead)
	if n < f.lenSize {
		if refused := (*CommandError)(nil); !errors.Is(err, ErrProtocol) &&
			(!errors.As(err, &refused) || refused.Cause != nil || errors.Is(err, ErrSecurity)) {
			return nil, err
		}
		n = f.lenSize
		if err := t.fill(ctx, b[:n], 0, t.cc.MaxRead); err != nil {
			return nil, err
		}
	}
	need := int(min(f.message(b), int64(f.headLen()), int64(len(b))))
	if n < need {
		if err := t.fill(ctx, b[n:need], n, t.cc.MaxRead); err != nil {
			return nil, err
		}
		n = need
	}
	return b[:n], nil
}

// fill reads until b is full.
func (t *Tag) fill(ctx context.Context, b []byte, off, most int) error {
	for n := 0; n < len(b); {
		got, err := t.readBinary(ctx, b[n:], off+n, most)
		n += got
		if err != nil {
			return err
		}
	}
	return nil
}

// readBinary reads some bytes of the current file.
func (t *Tag) readBinary(ctx context.Context, p []byte, off, most int) (int, error) {
	want := min(len(p), maxShortRead, most)
	r, err := Exchange(ctx, t.t, Command{Instruction: insReadBinary, P1: byte(off >> 8), P2: byte(off), Ne: want})
	if err != nil {
		return 0, err
	}
	if r.Status == passwordNeeded {
		return 0, fmt.Errorf("READ BINARY: %w: %w", ErrSecurity, r.Status)
	}
	return answered(p, r, want)
}

// passwordNeeded is what ST's tags answer where others say 6982.
const passwordNeeded Status = 0x6300

func (t *Tag) updateBinary(ctx context.Context, p []byte, off int) error {
	t.head = nil
	r, err := Exchange(ctx, t.t, Command{Instruction: insUpdateBinary, P1: byte(off >> 8), P2: byte(off), Data: p})
	if err != nil {
		return err
	}
	if r.Status == passwordNeeded {
		return fmt.Errorf("UPDATE BINARY: %w: %w", ErrSecurity, r.Status)
	}
	return updated(r.Status)
}

// usable tells why the container cannot be accessed.
func (t *Tag) usable() error {
	if t.lost != nil {
		return t.lost
	}
	return t.message
}

func (t *Tag) read(ctx context.Context, p []byte, off int) (int, error) {
	if err := t.usable(); err != nil {
		return 0, err
	}
	head := t.head
	t.head = nil
	if off += tagPage; off < len(head) {
		return copy(p, head[off:]), nil
	}
	return t.readBinary(ctx, p, off, t.cc.MaxRead)
}

func (t *Tag) write(ctx context.Context, p []byte, off int) (int, error) {
	if err := t.usable(); err != nil {
		return 0, err
	}
	if !t.cc.Writable() {
		return 0, ErrReadOnly
	}
	n := span(off, len(p), tagPage, min(maxShortWrite, t.cc.MaxWrite))
	if err := t.updateBinary(ctx, p[:n], tagPage+off); err != nil {
		return 0, err
	}
	return n, nil
}

// reset makes a cold reset, if the transmitter can, and selects the file again. A tag that held our message and does not any more is
// another one.
func (t *Tag) reset(ctx context.Context) error {
	before := t.message
	err := t.restart(ctx)
	if err == nil && before == nil && t.message != nil {
		err = errors.Join(ErrCardChanged, t.message)
		t.message, t.lost, t.head = before, err, nil
	}
	if err != nil {
		return fmt.Errorf("after a reset: %w", err)
	}
	return nil
}

// restart is reset without regard to the message. The write access is not compared: there are applets that let write once.
func (t *Tag) restart(ctx context.Context) (err error) {
	cc, message := t.cc, t.message
	defer func() {
		if err != nil {
			t.cc, t.message, t.head, t.lost = cc, message, nil, err
		}
	}()
	if r, ok := t.t.(coldResetter); ok {
		if err := r.Reset(ctx); err != nil {
			return fmt.Errorf("resetting the card: %w", transportError(err))
		}
	}
	err = t.sel(ctx)
	if errors.Is(err, ErrNotOurCard) {
		return errors.Join(ErrCardChanged, err)
	}
	if err != nil {
		return err
	}
	now := t.cc
	if now.WriteAccess = cc.WriteAccess; now != cc {
		return ErrCardChanged
	}
	return nil
}

// LayOut prepares the tag: it writes the message that the container lives in, and leaves formatting that to [Format]. A tag that is laid
// out and has a container is left as it is. A tag with another message loses it where replace says so; otherwise the error is
// ErrOtherMessage or ErrOtherLayout and nothing is written. A [*NoSpaceError] is a file that is too small for a container. ErrReadOnly is
// also the answer of a tag that lets write once, which does not show before its first message is there. After an error from the first
// write on, the tag can be laid out again: where the first page of its file was torn, with replace.
func (t *Tag) LayOut(ctx context.Context, replace bool) error {
	if err := t.layOut(ctx, replace); err != nil {
		return fmt.Errorf("laying out the tag: %w", err)
	}
	return nil
}

func (t *Tag) layOut(ctx context.Context, replace bool) error {
	f := t.cc.file()
	if f.end() < minTagEnd {
		return &NoSpaceError{Need: int64(minTagEnd) + 1, Have: f.size}
	}
	// What another message looked like when the tag was selected may be bits that read otherwise now.
	if err := t.restart(ctx); err != nil {
		return err
	}
	if t.message == nil {
		// A page that was torn may read as ours today. Where there is a container, the page was acknowledged before it.
		b := make([]byte, len(magic))
		if err := readAt(t.Medium(ctx), b, 0); err != nil || bytes.Equal(b, magic[:]) {
			return err
		}
	}
	switch {
	case !t.cc.Writable():
		return ErrReadOnly
	case t.cc.MaxWrite < f.lenSize: // NLEN in pieces would be another length in between
		return fmt.Errorf("a tag that takes %d bytes in one command: %w", t.cc.MaxWrite, ErrLength)
	case t.message != nil && t.message != ErrBlankTag && !replace:
		return t.message
	}
	if t.message != ErrBlankTag {
		if err := t.updateBinary(ctx, make([]byte, f.lenSize), 0); err != nil {
			return err
		}
		if err := t.restart(ctx); err != nil {
			return err
		}
		if t.message != ErrBlankTag {
			return fmt.Errorf("the old message stays: %w", ErrMemory)
		}
	}
	page := f.head()
	for n := f.lenSize; n < tagPage; {
		end := min(n+min(t.cc.MaxWrite, maxShortWrite), tagPage)
		if err := t.updateBinary(ctx, page[n:end], n); err != nil {
			return err
		}
		n = end
	}
	if err := t.updateBinary(ctx, page[:f.lenSize], 0); err != nil {
		return err
	}
	if err := t.holds(ctx, page); err != nil {
		return err
	}
	if !t.cc.Writable() {
		return fmt.Errorf("after its first message: %w", ErrReadOnly)
	}
	return nil
}

// holds resets the tag and reads back the first page of the file.
func (t *Tag) holds(ctx context.Context, page []byte) error {
	if err := t.restart(ctx); err != nil {
		return err
	}
	got := make([]byte, tagPage)
	if n := copy(got, t.head); n < tagPage {
		if err := t.fill(ctx, got[n:], n, t.cc.MaxRead); err != nil {
			return err
		}
	}
	if !bytes.Equal(got, page) {
		return fmt.Errorf("%w: %w", ErrMemory, errDiffers)
	}
	return nil
}
