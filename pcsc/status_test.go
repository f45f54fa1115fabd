//go:build cgo || windows

package pcsc

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/ebfe/scard"
)

func TestMeanings(t *testing.T) {
	reset := ErrNotPermitted // SCARD_W_SECURITY_VIOLATION
	if pcscLite {
		reset = ErrNoService
	}
	for code, want := range map[scard.Error]error{
		scard.ErrNoService:          ErrNoService,
		scard.ErrServiceStopped:     ErrNoService,
		scard.ErrCommError:          ErrNoService,
		scard.ErrInvalidHandle:      ErrNoService,
		scard.ErrShutdown:           ErrNoService,
		scard.ErrSecurityViolation:  reset,
		scard.ErrNoAccess:           ErrNotPermitted,
		scard.ErrNoReadersAvailable: ErrNoReader,
		scard.ErrUnknownReader:      ErrNoReader,
		scard.ErrReaderUnavailable:  ErrNoReader,
		scard.ErrSharingViolation:   ErrReaderBusy,
		scard.ErrNoSmartcard:        ErrNoCard,
		scard.ErrUnresponsiveCard:   ErrCardUnresponsive,
		scard.ErrRemovedCard:        ErrCardRemoved,
		scard.ErrNotTransacted:      ErrCardRemoved,
		scard.ErrResetCard:          ErrCardReset,
		errorInvalidHandle:          ErrNoService,
		errorBrokenPipe:             ErrNoService,
	} {
		err := fmt.Errorf("looking: %w", failed("acting", code))
		if !errors.Is(err, want) || kind(err) != want {
			t.Errorf("%08X on %s: %v, of kind %v", uint32(code), runtime.GOOS, err, kind(err))
		}
	}
	strange := failed("acting", scard.ErrNoMemory)
	if kind(strange) != scard.ErrNoMemory || kind(strange) == kind(failed("acting", scard.ErrInternalError)) {
		t.Errorf("%v: of kind %v", strange, kind(strange))
	}
	if !errors.Is(ErrVersion, ErrNoService) || kind(ErrVersion) != ErrVersion {
		t.Error("another version is no missing service")
	}
}
