//go:build cgo && linux

package pcsc

import (
	"errors"
	"os"

	"github.com/ebfe/scard"
	"golang.org/x/sys/unix"
)

// What Debian, Fedora and the others build into libpcsclite.
const defaultSocket = "/run/pcscd/pcscd.comm"

func socketName() string {
	if name := os.Getenv("PCSCLITE_CSOCK_NAME"); name != "" {
		return name
	}
	return defaultSocket
}

// refused reports whether it is the service that wants nothing of us. libpcsclite does not know: where the permissions of the socket
// are in the way it says that there is no service; where pcscd hangs up, because of polkit or because it serves as many as it
// can, it says that or SCARD_W_SECURITY_VIOLATION, as chance has it, and so it does where pcscd has just died.
func refused(scard.Error) bool {
	for range 2 { // somebody who dies hangs up only once
		if !hangsUp() {
			return false
		}
	}
	return true
}

// How long pcscd may take to hang up: it asks polkit.
const refusalTime = 100 // ms

func hangsUp() bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: socketName()}); {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return true
	case err != nil:
		return false
	}
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(poll, refusalTime)
	return err == nil && n == 1
}
