package record

import "fmt"

// Verdict is the conclusion of a verification.
type Verdict struct {
	Status Status
	Reason Reason
}

func (v Verdict) String() string { return fmt.Sprintf("%s (%s)", v.Status, v.Reason) }

// Good reports whether what comes with the verdict is verified.
func (v Verdict) Good() bool { return v.Status == Valid || v.Status == ValidStale }

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
	ReasonTrustDamaged  Reason = "trust-damaged"   // the trust data cannot say whether the certificate is revoked
	ReasonCompromised   Reason = "key-compromised" // signed before the day from which the key was in strange hands
	ReasonClock         Reason = "clock"
	ReasonNoKey         Reason = "no-key"   // sealed, and not for this reader: only what is open is shown
	ReasonUnsealed      Reason = "unsealed" // suite 0 on a card that is not simulated
	// unverifiable, of amendments
	ReasonNewer Reason = "newer-format" // it needs a later version
	// invalid
	ReasonSignature    Reason = "signature"     // the signature does not match what is signed
	ReasonRecipients   Reason = "recipients"    // somebody changed for whom the record is sealed
	ReasonDamaged      Reason = "level-damaged" // a signed compartment is missing or was changed
	ReasonContent      Reason = "content"       // signed, but not a summary that this version can read
	ReasonCertificate  Reason = "certificate"   // not a certificate for signing summaries, or its key and algorithm disagree
	ReasonNotValidThen Reason = "certificate-not-valid-then"
	ReasonRole         Reason = "role"
	ReasonDistrusted   Reason = "issuer-distrusted"
	ReasonRevoked      Reason = "revoked"
	// invalid, of amendments
	ReasonFork       Reason = "fork"       // not written on what stands before it
	ReasonAuthor     Reason = "author"     // its mark is not its signer's
	ReasonSuperseded Reason = "superseded" // its signer replaced it, and it was put back
	ReasonTarget     Reason = "target"     // it speaks of an item that is not there
)

func (r Reason) status() Status {
	switch r {
	case ReasonOK:
		return Valid
	case ReasonTrustOutdated:
		return ValidStale
	case ReasonNoTrust, ReasonUnknownIssuer, ReasonTrustDamaged, ReasonCompromised, ReasonClock, ReasonNoKey, ReasonUnsealed, ReasonNewer:
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
