package record

import (
	"errors"
	"fmt"
)

// What stops a record from being decoded at all.
var (
	// ErrMalformed means that the bytes are not a record.
	ErrMalformed = errors.New("not a record")
	// ErrNewerFormat means that a later version of the format is needed.
	ErrNewerFormat = errors.New("the record's format is newer than this program")
	// ErrSuite means that the record is sealed in a way this version cannot open.
	ErrSuite = errors.New("the record is sealed with a suite that this program does not have")
	// ErrCommitment means that the keys do not belong to this record on this card. It was copied from another card, or
	// changed.
	ErrCommitment = errors.New("the record is not this card's, or was changed")
	// ErrBox means that the box of level 1, which holds the signature, does not open: it was changed.
	ErrBox = errors.New("the record was changed: its first box does not open")
	// ErrGrant means that keys handed over by an authority are not for this establishment, or were changed.
	ErrGrant = errors.New("the keys are not for this establishment, or were changed")
)

// What makes Write refuse a signer.
var (
	// ErrRole means that the signer may not write this kind of record.
	ErrRole = errors.New("only a physician may write a summary")
	// ErrCertificate means that no reader would accept the signer's certificate.
	ErrCertificate = errors.New("the signer's certificate cannot be used")
	// ErrRecipient means that a key cannot be sealed to.
	ErrRecipient = errors.New("the recipient cannot be used")
	// ErrNoPractice means that nobody could write the next summary: none of the recipients is a practice.
	ErrNoPractice = errors.New("a record is sealed for one practice at least, which writes the next one")
	// ErrClearance means that the keys at hand do not open what they would have to.
	ErrClearance = errors.New("no key here opens enough of the record")
	// ErrContradicts means that the summary says to more people that there is none of what would be added.
	ErrContradicts = errors.New("the summary says that none is known, to people who could not read the addition")
	// ErrTooMany means that a base has had so many amendments that there are no numbers left: a new base is due.
	ErrTooMany = errors.New("too many amendments: a physician writes a new summary first")
	// ErrUnreliable means that the record is not one to build on: it is invalid.
	ErrUnreliable = errors.New("the record cannot be relied on")
)

// SizeError means that a record would be larger than any card.
type SizeError struct{ Size int } // bytes

func (e *SizeError) Error() string {
	return fmt.Sprintf("the record would be %d bytes, over %d", e.Size, MaxSize)
}

// What stays inside the package: each becomes a reason of the verdict, or a damaged level.
var (
	errAlgorithm = errors.New("the algorithm is not one for this certificate's key")
	errUnit      = errors.New("malformed unit")
	// errNoKey: none of the recipients is one of the reader's keys.
	errNoKey = errors.New("no key opens the record")
)
