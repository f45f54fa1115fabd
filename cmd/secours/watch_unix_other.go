//go:build unix && !linux

package main

import (
	"os"
	"syscall"
)

// childAttributes put a child into a session of its own, where it has no terminal to prompt on or to be interrupted from.
// It outlives a parent that was killed, by one reading at most.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func bind(*os.Process) (release func()) { return func() {} }

func undumpable() {}
