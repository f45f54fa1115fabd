package fhir

import "errors"

// What makes Import refuse a document. A summary that is not in form is refused with the errors of package summary.
var (
	// ErrNotFHIR is no FHIR Bundle in JSON.
	ErrNotFHIR = errors.New("not a FHIR Bundle in JSON")
	// ErrTooLarge is a document above MaxSize, or of more elements or levels than any summary has.
	ErrTooLarge = errors.New("too large")
	// ErrPatient is a document that does not say who the patient is.
	ErrPatient = errors.New("no patient")
	// ErrTwoPatients is a document that speaks of more than one.
	ErrTwoPatients = errors.New("more than one patient")
	// ErrWithdrawn is a document that its author took back.
	ErrWithdrawn = errors.New("a document that its author withdrew")
	// ErrAllergy is an allergy that nothing can be told of: without it, a summary must not be written.
	ErrAllergy = errors.New("an allergy that cannot be read")
)
