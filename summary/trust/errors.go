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
