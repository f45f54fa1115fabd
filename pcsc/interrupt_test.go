//go:build linux && cgo

package pcsc

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Somebody who is stuck behind a context that is being established may cut that short, but not one that has just become somebody's.
func TestOnlyWhatIsBeingEstablishedIsCutForOthers(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	l := &line{fd: pair[0]}
	defer l.close()
	l.cutOpening()
	if _, err := unix.Write(pair[1], []byte{1}); err != nil {
		t.Errorf("the line was cut: %v", err)
	}
	l.cut()
	if _, err := unix.Write(pair[1], []byte{1}); err != unix.EPIPE {
		t.Errorf("the line was not cut: %v", err)
	}
}
