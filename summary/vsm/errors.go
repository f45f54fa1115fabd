package vsm

import "errors"

// What is wrong with a document. Each error of Import wraps one of these or comes from summary.Validate; none quotes a clinical
// value.
var (
	// ErrNotCDA is data whose root element is no ClinicalDocument of HL7 version 3.
	ErrNotCDA = errors.New("not a CDA document")
	// ErrXML is a document that is not well-formed.
	ErrXML = errors.New("malformed XML")
	// ErrDTD is a document type declaration. CDA has none, and its entities can make gigabytes of a kilobyte, or fetch a file.
	ErrDTD = errors.New("a document type declaration, which CDA does not have")
	// ErrEncoding is a character encoding that this package does not read, or bytes that are not in the one declared.
	ErrEncoding = errors.New("character encoding")
	// ErrTooLarge is a document, a depth or a list above its limit.
	ErrTooLarge = errors.New("too large")
	// ErrUnstructured is a document without sections: a PDF or a text that only a person can read.
	ErrUnstructured = errors.New("no section in the document")
	// ErrPatient is a document about nobody, about several patients, or about one whose name or birth date is not there.
	ErrPatient = errors.New("patient")
	// ErrAllergy is an entry of the allergies that has no text at all, so that it can neither be carried nor left out.
	ErrAllergy = errors.New("an allergy that cannot be read")
)
