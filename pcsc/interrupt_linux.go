//go:build cgo && linux

package pcsc

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/ebfe/scard"
	"golang.org/x/sys/unix"
)

// How long the one who gives up a call tries to get it to return.
const cutTime = 500 * time.Millisecond

// line is the socket between a PC/SC context and pcscd, held by a duplicate. No SCardCancel ends a call of libpcsclite other than
// SCardGetStatusChange; some wait without end for another program, for a card, or for pcscd itself. To shut the socket down makes each
// of them return, and every later one fail at once, which releases what the library holds. A duplicate, because the library closes its own
// descriptor when it likes, and the number would then be somebody else's file.
type line struct {
	mu sync.Mutex
	fd int // 0: none; never a standard stream

	// While SCardEstablishContext runs:
	thread  int             // in which it does, else 0
	before  map[uint64]bool // the sockets to the service that there were
	severed bool

	contested bool // another socket came at the same time as ours
}

// open establishes a PC/SC context. One at a time in this package: what is new afterwards must be its socket. Severed is true where the
// call was cut off, even if it got through; then what there is of a socket is good for cut only.
func (l *line) open() (c *scard.Context, severed bool, err error) {
	// A blocking call stays in its thread, and unblock must know which.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := map[uint64]bool{}
	for _, s := range sockets(nil) {
		before[s.inode] = true
		_ = unix.Close(s.fd)
	}
	l.mu.Lock()
	l.thread, l.before, l.severed = unix.Gettid(), before, false
	l.mu.Unlock()
	c, err = scard.EstablishContext()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.thread, l.before = 0, nil
	if err == nil {
		found := sockets(before)
		l.contested = len(found) > 1
		l.fd = only(found)
	}
	return c, l.severed, err
}

// cut makes the call that is under way return, if it waits for the service. It may come too early for a context that is still being
// established, and so is repeated until the call has returned.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd != 0 {
		_ = unix.Shutdown(l.fd, unix.SHUT_RDWR)
		return
	}
	l.sever()
}

// cutOpening does so for a context that is still being established, and leaves one that is established alone.
func (l *line) cutOpening() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sever()
}

func (l *line) sever() {
	if l.thread == 0 {
		return
	}
	l.severed = true
	if unblock(l.thread) {
		return
	}
	if fd := only(sockets(l.before)); fd != 0 {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
		_ = unix.Close(fd)
	}
}

// unsure reports that calls cannot be cut off, because it is unknown which of several sockets is the context's.
func (l *line) unsure() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.contested
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd != 0 {
		_ = unix.Close(l.fd)
		l.fd = 0
	}
}

// duplicate is one of a descriptor that is connected to pcscd. The inode is the socket's, for as long as it exists.
type duplicate struct {
	fd    int
	inode uint64
}

// sockets finds the connections of this process to pcscd, but for the known ones.
func sockets(known map[uint64]bool) []duplicate {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var found []duplicate
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err != nil || !toService(fd) {
			continue
		}
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			continue
		}
		// Looked at again: the descriptor may have been closed, and its number taken by another file, before it was duplicated.
		var s unix.Stat_t
		if !toService(dup) || unix.Fstat(dup, &s) != nil || known[s.Ino] {
			_ = unix.Close(dup)
			continue
		}
		found = append(found, duplicate{dup, s.Ino})
	}
	return found
}

// only is the descriptor of the one socket there is; 0 if there are more: another user of libpcsclite in this process, a PKCS#11
// module perhaps, connected at the same time, and his connections are not ours to cut.
func only(found []duplicate) int {
	if len(found) == 1 {
		return found[0].fd
	}
	for _, s := range found {
		_ = unix.Close(s.fd)
	}
	return 0
}

// toService tells pcscd by the address that it is bound to. In a container that is not always the name by which the library reached it.
func toService(fd int) bool {
	peer, err := unix.Getpeername(fd)
	if err != nil {
		return false
	}
	u, ok := peer.(*unix.SockaddrUnix)
	return ok && (u.Name == socketName() || filepath.Base(u.Name) == filepath.Base(defaultSocket))
}

// unblock ends a connect(2) to a service that accepts nobody: pcscd that is stopped, and started without systemd lets two programs
// wait for it (listen(2) with a backlog of 1). Such a socket cannot be shut down. It is made non-blocking instead; a signal then has the
// kernel begin the call anew, which now fails. Go's handler for SIGURG, which the runtime sends to threads of its own all the time,
// restarts system calls and leaves C code alone.
func unblock(thread int) bool {
	fd, ok := connecting(thread)
	if !ok {
		return false
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return false
	}
	defer unix.Close(dup)
	// Still in the same call: then it is its socket that was duplicated.
	if again, ok := connecting(thread); !ok || again != fd {
		return false
	}
	if unix.SetNonblock(dup, true) != nil {
		return false
	}
	return unix.Tgkill(os.Getpid(), thread, unix.SIGURG) == nil
}

// connecting returns the descriptor for which a thread waits in connect(2).
func connecting(thread int) (fd int, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", thread))
	if err != nil {
		return 0, false
	}
	var call int
	n, err := fmt.Sscanf(string(b), "%d 0x%x", &call, &fd)
	return fd, n == 2 && err == nil && call == unix.SYS_CONNECT
}
