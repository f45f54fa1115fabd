//go:build linux && cgo

package pcsctest

import (
	"os"
	"os/exec"
	"testing"
)

// OpenSC is opensc-tool, a PC/SC client that is none of ours, ready to run against the service.
func OpenSC(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return foreign(t, "SECOURS_TEST_OPENSC", args)
}

// Python is a python3 that can import smartcard (pyscard), ready to run against the service.
func Python(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return foreign(t, "SECOURS_TEST_PYTHON", args)
}

func foreign(t testing.TB, name string, args []string) *exec.Cmd {
	t.Helper()
	program := os.Getenv(name)
	if program == "" {
		t.Skip("no foreign PC/SC client: " + name + " names none (make test fetches one)")
	}
	return exec.CommandContext(t.Context(), program, args...)
}
