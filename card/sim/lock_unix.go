//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package sim

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the exclusive lock of an open file, or tells that somebody else has it. The system releases it when the file is
// closed, also by the end of the process. It belongs to the open file, not the process, so it works within one process too.
func tryLock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, err
		}
	}
}

func isReadOnlyFS(err error) bool { return errors.Is(err, unix.EROFS) }
