package card

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Medium is the memory of a card, addressed from 0. Calls are made one at a time.
type Medium interface {
	io.ReaderAt
	// WriteAt returns only after the card acknowledged every byte; a torn write returns an error.
	io.WriterAt
	// Size is the number of bytes that can be addressed.
	Size() int64
	// PageSize is the unit of damage: power lost during a write may corrupt any byte of the pages being written, and no
	// other.
	PageSize() int
}

// Resetter is what a Medium offers when it can switch the card off and on again (a cold reset). [Write] then reads back
// what the memory holds, and not what the card remembers having written.
type Resetter interface {
	Reset() error
}

func reset(m Medium) error {
	r, ok := m.(Resetter)
	if !ok {
		return nil
	}
	if err := r.Reset(); err != nil {
		return fmt.Errorf("resetting the card: %w", err)
	}
	return nil
}

// errMisread is a Medium that breaks the contract of io.ReaderAt or io.WriterAt.
var errMisread = errors.New("the medium moved another number of bytes than it was asked to")

// readAt fills b, or fails. The count is checked from both sides: some drivers pass on the length a card claims.
func readAt(m Medium, b []byte, off int64) error {
	n, err := m.ReadAt(b, off)
	switch {
	case n == len(b) && (err == nil || errors.Is(err, io.EOF)):
		return nil
	case err == nil:
		err = errMisread
	}
	return fmt.Errorf("reading %d bytes at %d: %w", len(b), off, err)
}

func writeAt(m Medium, b []byte, off int64) error {
	n, err := m.WriteAt(b, off)
	if err == nil && n != len(b) {
		err = errMisread
	}
	if err != nil {
		return fmt.Errorf("writing %d bytes at %d: %w", len(b), off, err)
	}
	return nil
}

// errDiffers is memory that does not hold what was written to it.
var errDiffers = errors.New("read back differently")

// verify reads back what was written.
func verify(m Medium, want []byte, off int64) error {
	got := make([]byte, len(want))
	if err := readAt(m, got, off); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%d bytes written at %d: %w", len(want), off, errDiffers)
	}
	return nil
}
