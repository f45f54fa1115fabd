//go:build linux && cgo

package pcsc

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// settled waits until no goroutine of this package is left and no descriptor that leads to the service.
func settled(t *testing.T) {
	t.Helper()
	var stacks []byte
	var open int
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stacks = owners()
		found := sockets(nil)
		for _, s := range found {
			_ = unix.Close(s.fd)
		}
		if open = len(found); len(stacks) == 0 && open == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d connections to the service are left, and these goroutines:\n%s", open, stacks)
		}
	}
}

// owners gives the stacks that touch PC/SC.
func owners() []byte {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	var found []byte
	for stack := range bytes.SplitSeq(b, []byte("\n\n")) {
		if bytes.Contains(stack, []byte("secours/pcsc.(*owner).run(")) {
			found = append(append(found, stack...), "\n\n"...)
		}
	}
	return found
}

// calls tells whether an owner is in a function.
func calls(function string) func() bool {
	return func() bool { return bytes.Contains(owners(), []byte(function)) }
}

// unleaked checks at the end of the test, after everything else has been cleaned up.
func unleaked(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() {
			settled(t)
		}
	})
}

// settledBut waits until nothing is left but a number of connections to the service.
func settledBut(t *testing.T, n int) {
	t.Helper()
	var open int
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		found := sockets(nil)
		for _, s := range found {
			_ = unix.Close(s.fd)
		}
		// Ours are there twice.
		inodes := map[uint64]bool{}
		for _, s := range found {
			inodes[s.inode] = true
		}
		if open = len(inodes); open == n {
			return
		}
	}
	t.Fatalf("%d connections to the service are left, want %d", open, n)
}
