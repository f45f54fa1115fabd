//go:build cgo || windows

package pcsc

import (
	"errors"
	"fmt"

	"github.com/ebfe/scard"
)

// statusError is a PC/SC return code and what it means to a caller. The library's own texts differ from one system to
// another, so they are neither compared nor shown.
type statusError struct {
	code    scard.Error
	meaning error
}

func (e *statusError) Error() string {
	if e.meaning == nil {
		return fmt.Sprintf("PC/SC error %08X", uint32(e.code))
	}
	return fmt.Sprintf("%v (PC/SC %08X)", e.meaning, uint32(e.code))
}

func (e *statusError) Unwrap() error { return e.meaning }

// failed says what was being done when err came from PC/SC.
func failed(action string, err error) error {
	var code scard.Error
	if !errors.As(err, &code) {
		return fmt.Errorf("%s: %w", action, err)
	}
	return fmt.Errorf("%s: %w", action, &statusError{code, meaning(code)})
}

// Of Windows, which answers with codes of its own where it has no SCARD_E for it.
const (
	errorInvalidHandle scard.Error = 6   // ERROR_INVALID_HANDLE, of a context from before the service was restarted
	errorBrokenPipe    scard.Error = 109 // ERROR_BROKEN_PIPE, in a remote session without smart card redirection
)

func meaning(code scard.Error) error {
	switch code {
	case scard.ErrNoService, scard.ErrServiceStopped, scard.ErrCommError, scard.ErrShutdown, scard.ErrSystemCancelled, errorBrokenPipe,
		// A handle goes bad only when the service that gave it has gone.
		scard.ErrInvalidHandle, errorInvalidHandle:
		return ErrNoService
	case scard.ErrNoAccess:
		return ErrNotPermitted
	case scard.ErrSecurityViolation:
		if pcscLite {
			// Of a connection that was reset (ECONNRESET), in the belief that it was polkit's doing. So it is where a context is
			// established (establish.go); later, pcscd has died.
			return ErrNoService
		}
		return ErrNotPermitted
	case scard.ErrNoReadersAvailable, scard.ErrUnknownReader, scard.ErrReaderUnavailable:
		return ErrNoReader
	case scard.ErrSharingViolation, scard.ErrServerTooBusy:
		return ErrReaderBusy
	case scard.ErrNoSmartcard:
		return ErrNoCard
	case scard.ErrUnresponsiveCard, scard.ErrUnpoweredCard, scard.ErrUnsupportedCard, scard.ErrProtoMismatch:
		return ErrCardUnresponsive
	case scard.ErrRemovedCard,
		// Contact lost while a command was under way; what pcsc-lite says until it has noticed the removal.
		scard.ErrNotTransacted:
		return ErrCardRemoved
	case scard.ErrResetCard:
		return ErrCardReset
	}
	return nil
}

// kind is what makes two errors the same to somebody who wants to be told once.
func kind(err error) error {
	var s *statusError
	if errors.As(err, &s) && s.meaning == nil {
		return s.code
	}
	for _, k := range []error{
		ErrVersion, ErrNoService, ErrNotPermitted, ErrNoReader, ErrReaderBusy, ErrNoCard, ErrCardUnresponsive, ErrCardRemoved, ErrCardReset,
		errLibrary,
	} {
		if errors.Is(err, k) {
			return k
		}
	}
	return errUnknown
}

var errUnknown = errors.New("unknown")
