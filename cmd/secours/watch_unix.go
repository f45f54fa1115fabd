//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

const windowsConsole = false

var (
	hangup     = []os.Signal{unix.SIGHUP}
	brokenPipe = []os.Signal{unix.SIGPIPE}
	// Not SIGTSTP: once asked for, the runtime never leaves it to the system again, and then Ctrl-Z could not stop the process.
	screenSignals = []os.Signal{unix.SIGWINCH, unix.SIGCONT}
)

func screenSignal(s os.Signal) input {
	return input{resume: s == unix.SIGCONT, resize: s == unix.SIGWINCH}
}

// stopSelf stops the process as Ctrl-Z does, and returns when it goes on. Where no shell could make it go on, the system does not stop it.
func stopSelf() {
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, unix.SIGCONT)
	defer signal.Stop(resumed)
	_ = unix.Kill(0, unix.SIGTSTP)
	select {
	case <-resumed:
	case <-time.After(200 * time.Millisecond):
	}
}

// escapesUnderstood: every terminal here obeys control sequences, unless TERM says otherwise.
func escapesUnderstood(*os.File) (undo func(), ok bool) { return func() {}, true }

// closedPipe tells whether a write failed because nobody reads any more.
func closedPipe(err error) bool { return errors.Is(err, unix.EPIPE) }

// noCoreDumps keeps what was read off the disk if this program crashes, as far as the system lets it.
func noCoreDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	undumpable()
}

// endWhenClosed calls end when the reader of a pipe has gone, which a write would find out only at the next card.
func endWhenClosed(ctx context.Context, out io.Writer, end func()) {
	f, ok := out.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return
	}
	fd := int32(f.Fd())
	go func() {
		for ctx.Err() == nil {
			p := []unix.PollFd{{Fd: fd}}
			n, err := unix.Poll(p, 1000)
			if n > 0 && p[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
				end()
				return
			}
			if err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
}
