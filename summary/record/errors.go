package record

import "errors"

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
)

// What makes Write refuse a signer.
var (
	// ErrRole means that the signer may not write this kind of record.
	ErrRole = errors.New("only a physician may write a summary")
	// ErrCertificate means that no reader would accept the signer's certificate.
	ErrCertificate = errors.New("the signer's certificate cannot be used")
)

// What stays inside the package: each becomes a reason of the verdict, or a damaged level.
var (
	errAlgorithm = errors.New("the algorithm is not one for this certificate's key")
	errUnit      = errors.New("malformed unit")
)
