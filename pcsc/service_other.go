//go:build (cgo && !linux) || windows

package pcsc

import "github.com/ebfe/scard"

// refused believes pcsc-lite's library.
func refused(code scard.Error) bool { return code == scard.ErrSecurityViolation }
