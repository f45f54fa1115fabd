package card

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFormatted: there is no container on this medium.
	ErrNotFormatted = errors.New("no Secours container, format the card first")
	// ErrNewerFormat: the container is of a version that this package does not know.
	ErrNewerFormat = errors.New("the container has a newer format")
	// ErrDamaged: there is a container, and it once held a record, but none can be read.
	ErrDamaged = errors.New("the container is damaged")
	// ErrEmptyRecord: a record has at least one byte.
	ErrEmptyRecord = errors.New("the record is empty")
	// ErrPageSize: pages that the container cannot be laid out on, or larger ones than it was laid out for, which power
	// loss would corrupt beyond what the layout allows for.
	ErrPageSize = errors.New("unsuitable page size")
	// ErrNotWritten: the write failed, and the card was read again: the new record is not on the card, or in a slot that no mark
	// names and that the next write goes over. What was confirmed before is confirmed now.
	ErrNotWritten = errors.New("not written: the new record does not count, and what was confirmed before still does")
	// ErrUnknownOutcome: the write failed and the card could not be read again, or holds neither the old record nor
	// surely the new one. Read the card again before telling anybody anything.
	ErrUnknownOutcome = errors.New("unknown whether the record was written, put the card back and read it")
	// ErrNotErased: an earlier record, or a part of it, may still stand in the memory, and was to be gone. See [Content.ReplaceBoth]
	// and [Format] for what is on the card then.
	ErrNotErased = errors.New("an earlier record may still be in the memory of the card, do it again")
)

// ConflictError: the card does not hold the record that the caller expected; somebody else wrote. 0 is an empty card.
type ConflictError struct {
	Expected, Found uint32
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the card changed, read it again: expected sequence %d, found %d", e.Expected, e.Found)
}

// NoSpaceError: the record, or a container, needs more bytes than there are.
type NoSpaceError struct {
	Need, Have int64
}

func (e *NoSpaceError) Error() string {
	return fmt.Sprintf("no space: %d bytes needed, %d available", e.Need, e.Have)
}
