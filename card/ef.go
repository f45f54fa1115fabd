package card

import (
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	// Short commands stay below what every reader and card passes: 246 bytes is the limit of common Type 4 tags, 128 that of
	// the usual Java Card NDEF applet for writing.
	maxShortRead  = 240
	maxShortWrite = 128

	// A card may answer a read with less than asked for. Below this it is feeding crumbs, which would make a file take
	// thousands of commands.
	minAnswer = 16

	// The longest extended command we send is one with these bytes around its data: header 4, Lc 3.
	extOverhead = 7
)

// EF is the container's memory in an elementary file, as a [Medium]. It uses the context it was made with.
type EF struct {
	ctx  context.Context
	file transparent
}

// transparent is a transparent EF, or the part of one that is the container's, with its memory addressed from 0.
type transparent interface {
	bounds() (size, page int)
	read(ctx context.Context, p []byte, off int) (int, error)  // some bytes, by one command
	write(ctx context.Context, p []byte, off int) (int, error) // likewise
	reset(ctx context.Context) error
}

// Medium returns the container's file. All its commands run under ctx.
func (a *Application) Medium(ctx context.Context) *EF { return &EF{ctx: ctx, file: a} }

func (a *Application) bounds() (size, page int) { return a.size, a.page }

// Size is the length of the container's memory in bytes.
func (f *EF) Size() int64 {
	size, _ := f.file.bounds()
	return int64(size)
}

// PageSize is the number of bytes that power loss during a write may corrupt together.
func (f *EF) PageSize() int {
	_, page := f.file.bounds()
	return page
}

// Reset makes a cold reset, if the reader can, selects the application again, and refuses with ErrCardChanged a card that
// describes itself otherwise than before.
func (f *EF) Reset() error { return f.file.reset(f.ctx) }

// ReadAt reads with READ BINARY. It is as in [io.ReaderAt]: at the end of the file, fewer bytes and io.EOF.
func (f *EF) ReadAt(p []byte, off int64) (int, error) {
	size := f.Size()
	if off < 0 {
		return 0, fmt.Errorf("reading at %d: %w", off, ErrOffset)
	}
	if off >= size {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	var atEnd error
	if rest := size - off; int64(len(p)) > rest {
		p, atEnd = p[:rest], io.EOF
	}
	n := 0
	for n < len(p) {
		got, err := f.file.read(f.ctx, p[n:], int(off)+n)
		n += got
		if err != nil {
			return n, fmt.Errorf("reading the container at %d: %w", int(off)+n, err)
		}
	}
	return n, atEnd
}

// read reads some bytes at off, at least minAnswer of them unless fewer are wanted.
func (a *Application) read(ctx context.Context, p []byte, off int) (int, error) {
	if err := a.probe(ctx); err != nil {
		return 0, err
	}
	want := min(len(p), max(maxShortRead, a.maxExtNe))
	p1, p2, err := a.address(ctx, off)
	if err != nil {
		return 0, err
	}
	c := Command{Instruction: insReadBinary, P1: p1, P2: p2, Ne: want, Extended: want > maxShortRead}
	r, err := a.exchange(ctx, c)
	if errors.Is(err, errShortOnly) {
		return a.read(ctx, p, off)
	}
	if err != nil {
		return 0, err
	}
	a.current = true
	n, err := answered(p, r, want)
	if off == 0 && n >= min(headLen, a.size) {
		a.head = append(a.head[:0], p[:min(n, headLen)]...)
	}
	return n, err
}

// answered takes the data of a READ BINARY that asked for want bytes. 6282 means that the file ended; the data before its end is good.
// Other warnings (6281, part of the data may be corrupted) are for the container's digests to judge.
func answered(p []byte, r Response, want int) (int, error) {
	n := len(r.Data)
	err := fmt.Errorf("READ BINARY: %d bytes where %d were asked for: %w", n, want, ErrProtocol)
	switch {
	case n > want:
		return 0, err
	case n < want && n < minAnswer:
		return copy(p, r.Data), err
	}
	return copy(p, r.Data), nil
}

// WriteAt writes with UPDATE BINARY and returns when the card acknowledged the last byte. No command crosses a multiple of the
// page unless it covers whole pages, so that a tear stays within the pages that were being replaced.
func (f *EF) WriteAt(p []byte, off int64) (int, error) {
	size := f.Size()
	if off < 0 || off > size || int64(len(p)) > size-off {
		return 0, fmt.Errorf("writing %d bytes at %d of %d: %w", len(p), off, size, ErrNoSpace)
	}
	n := 0
	for n < len(p) {
		done, err := f.file.write(f.ctx, p[n:], int(off)+n)
		n += done
		if err != nil {
			return n, fmt.Errorf("writing the container at %d: %w", int(off)+n, err)
		}
	}
	return n, nil
}

func (a *Application) write(ctx context.Context, p []byte, off int) (int, error) {
	if err := a.probe(ctx); err != nil {
		return 0, err
	}
	n := span(off, len(p), a.page, max(maxShortWrite, a.maxExtOut))
	p1, p2, err := a.address(ctx, off)
	if err != nil {
		return 0, err
	}
	c := Command{Instruction: insUpdateBinary, P1: p1, P2: p2, Data: p[:n], Extended: n > maxShortWrite}
	r, err := a.exchange(ctx, c)
	if errors.Is(err, errShortOnly) {
		// The same bytes to the same place: harmless where the first command had arrived after all.
		return a.write(ctx, p, off)
	}
	if err != nil {
		return 0, err
	}
	if err := updated(r.Status); err != nil {
		return 0, err
	}
	a.current = true
	if off < headLen {
		a.head = a.head[:0]
	}
	return n, nil
}

// updated judges the warnings of UPDATE BINARY. 63Cx, x not 0: written, after x internal attempts (ISO/IEC 7816-4:2020, 11.3.4). Others
// do not say that it was written.
func updated(s Status) error {
	if s.OK() || s>>4 == 0x63C && s&0xF != 0 {
		return nil
	}
	return fmt.Errorf("UPDATE BINARY: %w: %w", ErrMemory, s)
}

// span is the number of bytes to write at off in one command: up to the end of the page, or whole pages, at most most.
func span(off, n, page, most int) int {
	if head := off % page; head != 0 || n < page || most < page {
		return min(n, page-head, most)
	}
	return min(n, most) / page * page
}

// address gives P1 and P2 of a command at off: the short file id while the offset fits P2, the file made current otherwise.
func (a *Application) address(ctx context.Context, off int) (p1, p2 byte, err error) {
	if off <= 0xFF {
		return 0x80 | sfiContainer, byte(off), nil
	}
	if !a.current {
		_, err := Exchange(ctx, a.t, Command{
			Instruction: insSelect, P2: 0x0C, Data: []byte{fidContainer >> 8, fidContainer & 0xFF},
		})
		if err != nil {
			return 0, 0, err
		}
		a.current = true
	}
	return byte(off >> 8), byte(off), nil
}
