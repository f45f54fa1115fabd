package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// An image is one file, numbers big-endian:
//
//	0     header: magic, version, atomicity, flags, shape of the log, page, size, limits, in version 2 a tag's mapping version, length of
//	      NLEN, file id, MLe, MLc and quirks; SHA-256 in its last 32 bytes
//	512   state, copy A: counter, PIN, PUK; SHA-256 in its last 32 bytes
//	1024  state, copy B
//	1536  access log: records+1 slots of number, record, and the first 8 bytes of SHA-256 over both
//	…     from the next multiple of 512: the container's memory as it is on the card, then as many bytes of its weak bits
//
// Version 1 is a card with our application, version 2 a Type 4 Tag, whose state has no PIN and whose log no records. A program from before
// the tags then says that the image is newer, and does not take it for the other kind of card.
//
// The header is written once, and last, so that an image whose making was interrupted is none. The retry counters must survive
// whatever happens, or pulling the plug would give free attempts: two copies in different sectors, the older one overwritten, the newer
// valid one counts. The memory is written in place, without a journal, on purpose: a process that dies while writing leaves a page
// partly written, which is what a card torn out of its reader leaves, and the container on it is made to survive exactly
// that. The weak bits are there so that a marginal bit is still marginal for the next process.
//
// Every write is on the disk (fsync) before the command that caused it is answered.
const (
	sector       = 512
	versionApp   = 1
	versionTag   = 2
	imageVersion = 2       // the newest
	maxImage     = 1 << 20 // an image of the largest card with the largest log is under 140 kB

	atStateA = 1 * sector
	atStateB = 2 * sector
	atLog    = 3 * sector

	flagT0       = 1
	flagReadOnly = 2 // of a tag: write access FF
)

var magic = [16]byte{'S', 'e', 'c', 'o', 'u', 'r', 's', ' ', 'c', 'a', 'r', 'd', '\r', '\n', 0x1A, 0}

// Errors about images. All but ErrBusy are also ErrImage.
var (
	ErrImage          = errors.New("no usable card image")
	ErrImageForeign   = fmt.Errorf("%w: not a card image, or one whose making was interrupted", ErrImage)
	ErrImageVersion   = fmt.Errorf("%w: made by a newer version", ErrImage)
	ErrImageTruncated = fmt.Errorf("%w: the file is cut short", ErrImage)
	ErrImageTooLong   = fmt.Errorf("%w: the file is too long", ErrImage)
	ErrImageDamaged   = fmt.Errorf("%w: damaged", ErrImage)

	ErrBusy = errors.New("the card image is in use: a card is in one reader at a time")
)

// ReadOnlyError is an update of an image that must not be written. It is an fs.ErrPermission.
type ReadOnlyError struct{ Path string }

func (e *ReadOnlyError) Error() string {
	return fmt.Sprintf("card image %s is read-only: %v", e.Path, fs.ErrPermission)
}

// Unwrap gives fs.ErrPermission.
func (e *ReadOnlyError) Unwrap() error { return fs.ErrPermission }

// image is an open image file. Saving on a nil image does nothing.
type image struct {
	f        *os.File
	path     string
	readOnly bool

	counter uint64 // of the newest copy of the state
	logSlot int    // length of a slot of the log
	data    int64  // where the memory begins
	size    int64
}

func layout(o Options) (slot int, data, total int64) {
	slot = 4 + o.LogRecord + 8
	data = int64(atLog + (o.LogRecords+1)*slot)
	data = (data + sector - 1) / sector * sector
	return slot, data, data + 2*int64(o.Size)
}

// Create makes an image of a new card, and opens it. An existing file is an error that wraps fs.ErrExist, unless o.Replace is set:
// then it is overwritten where it is, once nobody has it open.
func Create(path string, o Options) (*Card, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	fresh := err == nil
	if errors.Is(err, fs.ErrExist) && o.Replace {
		f, err = openRegular(path, os.O_RDWR)
		if err == nil && readOnlyMode(f) {
			f.Close()
			return nil, fmt.Errorf("creating a card image: %w", &ReadOnlyError{Path: path})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("creating a card image: %w", err)
	}
	if err = lockWithin(f, o.Wait); err == nil {
		err = c.fill(f)
	}
	if err != nil {
		f.Close()
		if fresh {
			os.Remove(path)
		}
		return nil, fmt.Errorf("creating card image %s: %w", path, err)
	}
	c.img.path = path
	return c, nil
}

// fill writes a whole image.
func (c *Card) fill(f *os.File) error {
	slot, data, total := layout(c.opt)
	c.img = &image{f: f, logSlot: slot, data: data, size: int64(c.opt.Size)}
	if err := f.Truncate(0); err != nil {
		return err
	}
	if err := f.Truncate(total); err != nil {
		return err
	}
	for range 2 { // both copies
		if err := c.img.saveState(c.state); err != nil {
			return err
		}
	}
	if err := c.img.savePages(c.mem, 0, c.opt.Size); err != nil {
		return err
	}
	if err := c.img.write(encodeHeader(c.opt), 0); err != nil {
		return err
	}
	// The file's name is not on the disk before its directory is. Not every system can do this, and none has an error worth
	// reporting: what is lost is an image that nobody wrote on yet.
	if dir, err := os.Open(filepath.Dir(f.Name())); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// Open puts the card of an image into a reader: it holds the image, against all other processes, until Close. An image that may
// not be written (no write bit in its mode, whoever asks, or no permission) is opened for reading.
func Open(path string, s Session) (*Card, error) {
	c, err := open(path, s)
	if err != nil {
		return nil, fmt.Errorf("opening card image %s: %w", path, err)
	}
	return c, nil
}

func open(path string, s Session) (*Card, error) {
	f, err := openRegular(path, os.O_RDWR)
	readOnly := errors.Is(err, fs.ErrPermission) || isReadOnlyFS(err)
	if readOnly {
		f, err = openRegular(path, os.O_RDONLY)
	}
	if err != nil {
		return nil, err
	}
	// The superuser can write to a file without write bits; whoever took them away meant it all the same.
	readOnly = readOnly || readOnlyMode(f)
	c, err := load(f, s)
	if err != nil {
		f.Close()
		return nil, err
	}
	c.img.path, c.img.readOnly = path, readOnly
	return c, nil
}

// openRegular opens a file, but no directory, device or pipe: opening a pipe would wait for its other end.
func openRegular(path string, flag int) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, ErrImageForeign)
	}
	return os.OpenFile(path, flag, 0)
}

func readOnlyMode(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode().Perm()&0o222 == 0
}

// lockWithin locks the file, waiting for others up to a time.
func lockWithin(f *os.File, wait time.Duration) error {
	const pause = 5 * time.Millisecond // a read of a card image takes about as long
	for end := time.Now().Add(wait); ; time.Sleep(pause) {
		held, err := tryLock(f)
		if err != nil {
			return fmt.Errorf("locking: %w", err)
		}
		if held {
			return nil
		}
		if !time.Now().Before(end) {
			return ErrBusy
		}
	}
}

// load locks and reads an image.
func load(f *os.File, s Session) (*Card, error) {
	if err := lockWithin(f, s.Wait); err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > maxImage {
		return nil, ErrImageTooLong
	}
	b := make([]byte, st.Size())
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, st.Size()), b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImageTruncated, err)
	}
	o, err := decodeHeader(b)
	if err != nil {
		return nil, err
	}
	slot, data, total := layout(o)
	switch n := int64(len(b)); {
	case n < total:
		return nil, ErrImageTruncated
	case n > total:
		return nil, ErrImageTooLong
	}
	o.Session = s
	c := &Card{opt: o, powered: true}
	c.img = &image{f: f, logSlot: slot, data: data, size: int64(o.Size)}
	var ok bool
	if c.state, c.img.counter, ok = newestState(b[atStateA:atStateA+sector], b[atStateB:atStateB+sector]); !ok {
		return nil, fmt.Errorf("%w: both copies of the retry counters", ErrImageDamaged)
	}
	c.mem = newMemory(o)
	if err := c.mem.Restore(b[data:data+c.img.size], b[data+c.img.size:total]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImageDamaged, err)
	}
	c.log = loadLog(b[atLog:data], slot, o)
	return c, nil
}

func encodeHeader(o Options) []byte {
	b := append(make([]byte, 0, sector), magic[:]...)
	version, flags := uint16(versionApp), byte(0)
	if o.Tag != nil {
		version = versionTag
		if o.Tag.ReadOnly {
			flags |= flagReadOnly
		}
	}
	b = binary.BigEndian.AppendUint16(b, version)
	if o.T0 {
		flags |= flagT0
	}
	b = append(b, byte(o.Atomicity), flags, byte(o.LogRecords), byte(o.LogRecord))
	b = binary.BigEndian.AppendUint16(b, uint16(o.Page))
	for _, n := range []int{o.Size, o.MaxCommand, o.MaxResponse} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	if t := o.Tag; t != nil {
		b = append(b, t.Mapping, byte(t.NLEN))
		for _, n := range []int{int(t.FileID), t.MLe, t.MLc} {
			b = binary.BigEndian.AppendUint16(b, uint16(n))
		}
		b = binary.BigEndian.AppendUint32(b, uint32(t.Quirks))
	}
	return seal(b)
}

// seal fills a sector up, with a digest at its end.
func seal(b []byte) []byte {
	out := make([]byte, sector)
	copy(out, b)
	sum := sha256.Sum256(out[:sector-32])
	copy(out[sector-32:], sum[:])
	return out
}

func sealed(b []byte) bool {
	sum := sha256.Sum256(b[:sector-32])
	return bytes.Equal(b[sector-32:], sum[:])
}

func decodeHeader(b []byte) (Options, error) {
	var o Options
	switch {
	case len(b) < len(magic) || !bytes.Equal(b[:len(magic)], magic[:]):
		if len(b) > 0 && len(b) < len(magic) && bytes.HasPrefix(magic[:], b) {
			return o, ErrImageTruncated
		}
		return o, ErrImageForeign
	case len(b) < atLog:
		return o, ErrImageTruncated
	// The version comes before the digest: a newer header may be sealed otherwise.
	case binary.BigEndian.Uint16(b[16:]) > imageVersion:
		return o, ErrImageVersion
	case !sealed(b[:sector]):
		return o, fmt.Errorf("%w: header", ErrImageDamaged)
	}
	b = b[16:]
	o = Options{
		Atomicity: Atomicity(b[2]), T0: b[3]&flagT0 != 0, LogRecords: int(b[4]), LogRecord: int(b[5]),
		Page: int(binary.BigEndian.Uint16(b[6:])), Size: int(binary.BigEndian.Uint32(b[8:])),
		MaxCommand: int(binary.BigEndian.Uint32(b[12:])), MaxResponse: int(binary.BigEndian.Uint32(b[16:])),
	}
	switch binary.BigEndian.Uint16(b) {
	case versionApp:
	case versionTag:
		o.Tag = &Tag{
			Mapping: b[20], NLEN: int(b[21]), FileID: binary.BigEndian.Uint16(b[22:]),
			MLe: int(binary.BigEndian.Uint16(b[24:])), MLc: int(binary.BigEndian.Uint16(b[26:])),
			ReadOnly: b[3]&flagReadOnly != 0, Quirks: Quirk(binary.BigEndian.Uint32(b[28:])),
		}
		if o.Tag.Quirks&^quirks != 0 {
			return o, ErrImageVersion // the digest is right: somebody knows what they mean
		}
	default:
		return o, fmt.Errorf("%w: version 0", ErrImageDamaged)
	}
	if err := o.check(); err != nil {
		return o, fmt.Errorf("%w: %w", ErrImageDamaged, err)
	}
	return o, nil
}

func encodeState(s state, counter uint64) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, sector), counter)
	for _, x := range []secret{s.pin, s.puk} {
		b = append(b, x.length, x.retries)
		b = append(b, x.salt[:]...)
		b = append(b, x.hash[:]...)
	}
	return seal(b)
}

func decodeState(b []byte) (s state, counter uint64, ok bool) {
	if !sealed(b) {
		return s, 0, false
	}
	counter, b = binary.BigEndian.Uint64(b), b[8:]
	for _, x := range []*secret{&s.pin, &s.puk} {
		x.length, x.retries = b[0], b[1]
		b = b[2+copy(x.salt[:], b[2:]):]
		b = b[copy(x.hash[:], b):]
	}
	return s, counter, s.pin.length <= maxSecret && s.puk.length <= maxSecret
}

func newestState(a, b []byte) (s state, counter uint64, ok bool) {
	sA, nA, okA := decodeState(a)
	sB, nB, okB := decodeState(b)
	if okA && (!okB || nA > nB) {
		return sA, nA, true
	}
	return sB, nB, okB
}

// saveState writes the next copy of the state, in the place of the older one.
func (m *image) saveState(s state) error {
	if m == nil {
		return nil
	}
	if m.readOnly {
		return &ReadOnlyError{Path: m.path}
	}
	m.counter++
	at := int64(atStateA)
	if m.counter%2 == 1 {
		at = atStateB
	}
	return m.write(encodeState(s, m.counter), at)
}

// savePages writes the bytes from first to last of the memory, and their weak bits.
func (m *image) savePages(mem *Memory, first, last int) error {
	if m == nil {
		return nil
	}
	data, weak := mem.Dump()
	if _, err := m.f.WriteAt(weak[first:last], m.data+m.size+int64(first)); err != nil {
		return err
	}
	return m.write(data[first:last], m.data+int64(first))
}

// saveRecord writes a slot of the access log.
func (m *image) saveRecord(slot int, number uint32, record []byte) error {
	if m == nil {
		return nil
	}
	return m.write(encodeRecord(number, record), int64(atLog+slot*m.logSlot))
}

func encodeRecord(number uint32, record []byte) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, number), record...)
	sum := sha256.Sum256(b)
	return append(b, sum[:8]...)
}

// loadLog takes the slots whose digest is right: the newest, and those that go back from it without a gap.
func loadLog(b []byte, slot int, o Options) accessLog {
	l := newAccessLog(o.LogRecords, o.LogRecord)
	numbers := make([]uint32, len(l.slots))
	for i := range l.slots {
		s := b[i*slot : (i+1)*slot]
		number, record := binary.BigEndian.Uint32(s), s[4:4+o.LogRecord]
		if int(number%uint32(len(l.slots))) != i || !bytes.Equal(s, encodeRecord(number, record)) {
			continue
		}
		numbers[i], l.slots[i] = number, append([]byte(nil), record...)
		l.newest = max(l.newest, number)
	}
	for l.oldest = l.newest; l.oldest > 1; l.oldest-- {
		before := l.oldest - 1
		if numbers[before%uint32(len(numbers))] != before {
			break
		}
	}
	return l
}

// write returns when the bytes are on the disk.
func (m *image) write(b []byte, at int64) error {
	if _, err := m.f.WriteAt(b, at); err != nil {
		return err
	}
	return m.f.Sync()
}

func (m *image) close() error { return m.f.Close() } // which also ends the lock
