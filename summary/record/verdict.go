package record

import "fmt"

// Verdict is the conclusion of a verification.
type Verdict struct {
	Status Status
	Reason Reason
}

func (v Verdict) String() string { return fmt.Sprintf("%s (%s)", v.Status, v.Reason) }

// Status is the class of a verdict. The strings are stable: they stand in JSON.
type Status string

// The statuses, from the best to the worst.
const (
	Valid        Status = "valid"
	ValidStale   Status = "valid-stale"
	Unverifiable Status = "unverifiable"
	Invalid      Status = "invalid"
)

// Reason says why. The strings are stable: they stand in JSON.
type Reason string

// The reasons, each under the status it comes with.
const (
	// valid
	ReasonOK Reason = "ok"
	// valid-stale
	ReasonTrustOutdated Reason = "trust-outdated"
	// unverifiable
	ReasonNoTrust       Reason = "no-trust-data"
	ReasonUnknownIssuer Reason = "issuer-unknown"
	ReasonClock         Reason = "clock"
	ReasonAmendments    Reason = "amendments-unread" // a later version added to the record what this one cannot show
	// invalid
	ReasonSignature    Reason = "signature"     // the signature does not match what is signed
	ReasonDamaged      Reason = "level-damaged" // a signed compartment is missing or was changed
	ReasonContent      Reason = "content"       // signed, but not a summary that this version can read
	ReasonCertificate  Reason = "certificate"   // not a certificate for signing summaries, or its key and algorithm disagree
	ReasonNotValidThen Reason = "certificate-not-valid-then"
	ReasonRole         Reason = "role"
	ReasonDistrusted   Reason = "issuer-distrusted"
)

func (r Reason) status() Status {
	switch r {
	case ReasonOK:
		return Valid
	case ReasonTrustOutdated:
		return ValidStale
	case ReasonNoTrust, ReasonUnknownIssuer, ReasonClock, ReasonAmendments:
		return Unverifiable
	}
	return Invalid
}

// UnverifiedError carries a record that was decoded but must not be taken for verified. Everything in Unverified may
// have been written by anybody.
type UnverifiedError struct {
	Unverified *Record
}

func (e *UnverifiedError) Error() string {
	return "the record is not verified: " + e.Unverified.Verdict.String()
}
