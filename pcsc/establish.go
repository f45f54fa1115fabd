//go:build cgo || windows

package pcsc

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ebfe/scard"
)

// opening lets one SCardEstablishContext run at a time. libpcsclite does the same, but its lock, which every other call needs
// too, obeys no context.
var (
	opening = make(chan struct{}, 1)
	opener  atomic.Pointer[owner]
)

// establishTries bounds the search for the context's socket, which fails only when something else in the process connects to
// the service at the same moment.
const establishTries = 10

// establish gives the owner its context.
func (o *owner) establish() error {
	for try := 1; ; {
		c, severed, err := o.open()
		switch {
		case err == nil && !severed && (!o.line.unsure() || try == establishTries):
			o.context = c
			return nil
		case err == nil:
			if severed {
				// Somebody waits for the library's lock, which Release would hold while it waits for a service that hangs.
				o.line.cut()
			}
			_ = c.Release()
			o.line.close()
		}
		switch {
		case o.stopped():
			return ErrClosed
		case severed: // for somebody who had given up and could not leave before this one let go of the library's lock
		case err == nil:
			try++
		default:
			return unreachable(err)
		}
	}
}

func (o *owner) open() (c *scard.Context, severed bool, err error) {
	for waiting := true; waiting; {
		select {
		case opening <- struct{}{}:
			waiting = false
		case <-o.quit:
			return nil, false, ErrClosed
		case <-time.After(cutTime):
			// Whoever gave that one up may have left before it could be cut off.
			if other := opener.Load(); other != nil && other.stopped() {
				other.line.cutOpening()
			}
		}
	}
	opener.Store(o)
	defer func() {
		opener.Store(nil)
		<-opening
	}()
	return o.line.open()
}

const pcscLite = runtime.GOOS != "windows" && runtime.GOOS != "darwin"

// unreachable says why there is no context.
func unreachable(err error) error {
	const action = "opening PC/SC"
	var code scard.Error
	switch {
	case !errors.As(err, &code):
	case code == scard.ErrServiceStopped && pcscLite:
		// pcscd's answer to a library whose protocol is not its own (CMD_VERSION).
		return fmt.Errorf("%s: %w", action, &statusError{code, ErrVersion})
	case pcscLite && meaning(code) == ErrNoService && refused(code):
		return fmt.Errorf("%s: %w", action, &statusError{code, ErrNotPermitted})
	}
	return failed(action, err)
}
