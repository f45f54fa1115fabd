//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

const simSignals = true

// simNotify delivers the signals that stand for commands, until stop.
func simNotify() (toggle, swap chan os.Signal, stop func()) {
	toggle, swap = make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(toggle, syscall.SIGUSR1)
	signal.Notify(swap, syscall.SIGUSR2)
	// In the background of a shell, reading the keyboard would stop the program; ignored, reading fails.
	signal.Ignore(syscall.SIGTTIN)
	return toggle, swap, func() {
		signal.Stop(toggle)
		signal.Stop(swap)
		signal.Reset(syscall.SIGTTIN)
	}
}
