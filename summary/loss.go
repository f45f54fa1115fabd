package summary

import "strings"

// A Loss is one thing that a conversion between a summary and another format did not keep as it was: what the converter knew
// nothing to do with, what it shortened, and what it could only guess. A converter drops nothing without one.
type Loss struct {
	// Kind says what became of it.
	Kind LossKind `json:"kind"`
	// Reason says why.
	Reason LossReason `json:"reason"`
	// Minor is set where nothing clinical can hang on it: the label of a code, the hour of a date.
	Minor bool `json:"minor,omitempty"`
	// Source is what it was part of, as "AllergyIntolerance/a1" in FHIR or "48765-2/entry[2]" in CDA.
	Source string `json:"source,omitempty"`
	// Element is where in that it stood, as "reaction[0].exposureRoute".
	Element string `json:"element,omitempty"`
	// Path is where in the summary that stands which was kept of it, as "sections.allergies.items[0]".
	Path string `json:"path,omitempty"`
	// Text is what it said, to tell a person what is missing: at most MaxLossText characters of it, on one line. It is as confidential as the
	// source.
	Text string `json:"text,omitempty"`
}

// MaxLossText is the length in characters of the longest Loss.Text.
const MaxLossText = 300

// A LossKind is what became of something.
type LossKind string

// The values of LossKind.
const (
	// LossDropped is not in the result.
	LossDropped LossKind = "dropped"
	// LossShortened is in the result in part.
	LossShortened LossKind = "shortened"
	// LossChanged is in the result in another form.
	LossChanged LossKind = "changed"
	// LossAmbiguous is in the result, and somebody should look whether rightly so.
	LossAmbiguous LossKind = "ambiguous"
)

// A LossReason is why something was not kept as it was.
type LossReason string

// The values of LossReason.
const (
	ReasonNoPlace        LossReason = "no-place"         // a summary has no member for it
	ReasonTooLong        LossReason = "too-long"         // longer than a text may be
	ReasonTooMany        LossReason = "too-many"         // more than a list may hold, or more than the one that a summary has
	ReasonCharacter      LossReason = "character"        // characters that no text may have
	ReasonWrongType      LossReason = "wrong-type"       // not of the type that the format wants there
	ReasonUnknownCode    LossReason = "unknown-code"     // a value outside the list that the format has for it
	ReasonCodeSystem     LossReason = "code-system"      // a code of a system that nothing names
	ReasonNoText         LossReason = "no-text"          // no text: a code, or what was found beside, stands in its place
	ReasonLabel          LossReason = "label"            // the label of a code, beside the text of who wrote it
	ReasonNoDate         LossReason = "no-date"          // without the date that it cannot go without
	ReasonDate           LossReason = "date"             // no date that can be read
	ReasonTimeOfDay      LossReason = "time-of-day"      // a summary has days
	ReasonNoValue        LossReason = "no-value"         // a measurement without one
	ReasonNotMostRecent  LossReason = "not-most-recent"  // a newer one is kept
	ReasonNotBaseline    LossReason = "not-baseline"     // nothing says that it is the patient's usual value
	ReasonNotInForce     LossReason = "not-in-force"     // of a status by which it does not hold: refuted, inactive, not done
	ReasonEnteredInError LossReason = "entered-in-error" // its author withdrew it
	ReasonNotListed      LossReason = "not-listed"       // in no section of the document
	ReasonNotFound       LossReason = "not-found"        // a reference to nothing in the document
	ReasonDuplicate      LossReason = "duplicate"        // stands there twice
	ReasonContradiction  LossReason = "contradiction"    // two statements that cannot both be true
	ReasonPartOfSection  LossReason = "part-of-section"  // said of a part of what is one section of a summary
	ReasonNarrative      LossReason = "narrative"        // the narrative seems to say more than the entries
	ReasonSubject        LossReason = "subject"          // nothing says that it is about this patient
	ReasonIdentity       LossReason = "identity"         // the patient's identity is not all there
	ReasonStructure      LossReason = "structure"        // the document is not built as its format wants
	ReasonLevel          LossReason = "level"            // a confidentiality that a summary does not take over
	ReasonNotVerified    LossReason = "not-verified"     // the source of it was not verified
	ReasonWithheld       LossReason = "withheld"         // the source shows a part of it only
)

// LossText cuts a text for Loss.Text.
func LossText(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || !allowed(r, false) }), " ")
	return shorten(s, MaxLossText)
}

// ellipsis marks the end of a text that was cut.
const ellipsis = " […]"

// shorten cuts a text to at most limit characters, at the end of a word where there is one near, and marks it.
func shorten(s string, limit int) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	mark := []rune(ellipsis)
	if limit <= len(mark) {
		return string(runes[:limit])
	}
	cut := limit - len(mark)
	for back := cut; back > cut-20 && back > 0; back-- {
		if runes[back] == ' ' || runes[back] == '\n' {
			cut = back
			break
		}
	}
	return strings.TrimRight(string(runes[:cut]), " \n") + ellipsis
}
