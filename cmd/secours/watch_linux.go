package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// childAttributes put a child into a session of its own, where it has no terminal to prompt on or to be interrupted from, and let
// it die with the process that started it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

func bind(*os.Process) (release func()) { return func() {} }

// undumpable: the limit on core files does not hold where they are piped to a program (core(5)), as systemd-coredump and apport have it.
// It also keeps the user's other programs from looking into the memory. It ends with exec, so that a child says it for itself.
func undumpable() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
