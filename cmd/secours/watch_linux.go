package main

import (
	"os"
	"syscall"
)

// childAttributes put a child into a session of its own, where it has no terminal to prompt on or to be interrupted from, and let
// it die with the process that started it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

func bind(*os.Process) (release func()) { return func() {} }
