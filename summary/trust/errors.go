package trust

import (
	"errors"
	"fmt"
)

// What Store.Check can find wrong. Each stands for one reason code of a verdict.
var (
	// ErrNoAnchors means that the reader trusts nobody yet.
	ErrNoAnchors = errors.New("no authority is trusted yet")
	// ErrUnknownIssuer means that no trusted authority issued the certificate.
	ErrUnknownIssuer = errors.New("the certificate's issuer is not trusted here")
	// ErrNotValidThen means that the certificate, or one above it, was not valid at the time of signing.
	ErrNotValidThen = errors.New("the certificate was not valid at the time of signing")
	// ErrRole means that the certificate carries no usable role.
	ErrRole = errors.New("no role")
	// ErrNoProfession is the ErrRole of a certificate that has no profession extension at all.
	ErrNoProfession = fmt.Errorf("%w: the certificate names no profession", ErrRole)
	// ErrCeiling means that the anchor may not vouch for that role.
	ErrCeiling = errors.New("the authority may not vouch for this role")
	// ErrDistrusted means that the anchor was no longer trusted at the time of signing.
	ErrDistrusted = errors.New("the authority was no longer trusted at the time of signing")
	// ErrNotForSigning means that the certificate's key usage excludes a person's signatures, or that the certificate
	// is an authority's.
	ErrNotForSigning = errors.New("the certificate is not one for signing documents")
)

// ErrNotAuthority means that a certificate to be trusted as an authority's is not one.
var ErrNotAuthority = errors.New("the certificate is not an authority's")

// What reading an identity can find wrong.
var (
	// ErrPassphrase means that the passphrase does not open the file.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrIdentity means that the file is not a usable PKCS#12 identity.
	ErrIdentity = errors.New("not a usable PKCS#12 identity")
)

// What reading and changing a keystore can find wrong, besides ErrPassphrase.
var (
	// ErrKeystore means that the file is damaged, or that a key is not one that a keystore can hold.
	ErrKeystore = errors.New("not a usable keystore")
	// ErrNewerKeystore means that the file holds what only a later version understands.
	ErrNewerKeystore = errors.New("the keystore was written by a newer version")
	// ErrHaveKey means that the keystore has that key already.
	ErrHaveKey = errors.New("the keystore has this key already")
	// ErrKeyEpoch means that the keystore has another key for that epoch of the role.
	ErrKeyEpoch = errors.New("the keystore has another key for this epoch of the role")
)

// What Store.Check can find wrong with the help of a bundle.
var (
	// ErrRevoked means that the certificate, its key, or one above it was revoked when the record was signed.
	ErrRevoked = errors.New("the certificate was revoked at the time of signing")
	// ErrCompromised means that the key was later in strange hands: the time of signing may be invented.
	ErrCompromised = errors.New("the key was compromised later, and the time of signing is only its word")
	// ErrTrustDamaged means that the revocations cannot be read, so that nobody can be vouched for.
	ErrTrustDamaged = errors.New("the trust bundle cannot be read")
)

// What taking a bundle can find wrong.
var (
	// ErrBundle means that the file is no bundle, or damaged, or not signed as it says.
	ErrBundle = errors.New("not a usable trust bundle")
	// ErrNewerBundle means that only a later version understands the bundle.
	ErrNewerBundle = errors.New("the trust bundle was made for a newer version")
	// ErrNoRoot means that the store is not tied to an authority yet: somebody has to compare a fingerprint first.
	ErrNoRoot = errors.New("no authority of bundles is known yet")
	// ErrForeignBundle means that another authority signed the bundle.
	ErrForeignBundle = errors.New("the trust bundle is another authority's")
	// ErrOlderBundle means that the store has taken a later bundle, or a later statement of the roots.
	ErrOlderBundle = errors.New("the trust bundle is older than the one in use")
	// ErrTwoBundles means that the authority signed two bundles with one counter.
	ErrTwoBundles = errors.New("another trust bundle with the same counter is in use")
	// ErrFutureBundle means that the bundle says it was issued more than a day after now.
	ErrFutureBundle = errors.New("the trust bundle is from the future")
)
