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

func meaning(code scard.Error) error {
	switch code {
	case scard.ErrNoService, scard.ErrServiceStopped, scard.ErrCommError,
		// A handle goes bad only when the service that gave it has gone.
		scard.ErrInvalidHandle:
		return ErrNoService
	case scard.ErrNoAccess, scard.ErrSecurityViolation: // the latter is pcscd's answer when polkit says no
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
