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

// EF is the container's elementary file as a [Medium]. It uses the context it was made with.
type EF struct {
	ctx context.Context
	app *Application
}

// Medium returns the container's file. All its commands run under ctx.
func (a *Application) Medium(ctx context.Context) *EF { return &EF{ctx: ctx, app: a} }

// Size is the length of the file in bytes.
func (f *EF) Size() int64 { return int64(f.app.size) }

// PageSize is the number of bytes that power loss during a write may corrupt together.
func (f *EF) PageSize() int { return f.app.page }

// Reset makes a cold reset, if the reader can, selects the application again, and refuses with ErrCardChanged a card that
// describes itself otherwise than before.
func (f *EF) Reset() error { return f.app.reset(f.ctx) }

// ReadAt reads with READ BINARY. It is as in [io.ReaderAt]: at the end of the file, fewer bytes and io.EOF.
func (f *EF) ReadAt(p []byte, off int64) (int, error) {
	a := f.app
	if off < 0 {
		return 0, fmt.Errorf("reading at %d: %w", off, ErrOffset)
	}
	if off >= int64(a.size) {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	var atEnd error
	if rest := int64(a.size) - off; int64(len(p)) > rest {
		p, atEnd = p[:rest], io.EOF
	}
	n := 0
	for n < len(p) {
		got, err := a.read(f.ctx, p[n:], int(off)+n)
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
	// 6282 means that the file ended; the data before its end is good. Other warnings (6281, part of the data may be corrupted)
	// are for the container's digests to judge.
	if len(r.Data) > want {
		return 0, fmt.Errorf("READ BINARY: %d bytes where %d were asked for: %w", len(r.Data), want, ErrProtocol)
	}
	n := copy(p, r.Data)
	if off == 0 && n >= min(headLen, a.size) {
		a.head = append(a.head[:0], p[:min(n, headLen)]...)
	}
	if n < want && n < minAnswer {
		return n, fmt.Errorf("READ BINARY: %d bytes where %d were asked for: %w", n, want, ErrProtocol)
	}
	return n, nil
}

// WriteAt writes with UPDATE BINARY and returns when the card acknowledged the last byte. No command crosses a multiple of the
// page unless it covers whole pages, so that a tear stays within the pages that were being replaced.
func (f *EF) WriteAt(p []byte, off int64) (int, error) {
	a := f.app
	if off < 0 || off > int64(a.size) || int64(len(p)) > int64(a.size)-off {
		return 0, fmt.Errorf("writing %d bytes at %d of %d: %w", len(p), off, a.size, ErrNoSpace)
	}
	n := 0
	for n < len(p) {
		done, err := a.write(f.ctx, p[n:], int(off)+n)
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
	// 63Cx, x not 0: written, after x internal attempts (ISO/IEC 7816-4:2020, 11.3.4). Other warnings do not say that it
	// was written; 6300 is what Type 4 tags give where a password is needed.
	if s := r.Status; !s.OK() && (s>>4 != 0x63C || s&0xF == 0) {
		return 0, fmt.Errorf("UPDATE BINARY: %w: %w", ErrMemory, s)
	}
	a.current = true
	if off < headLen {
		a.head = a.head[:0]
	}
	return n, nil
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
