//go:build !linux || !cgo

package pcsctest

import (
	"net"
	"os/exec"
	"testing"
)

const why = "no private pcscd: only on Linux, and with cgo"

// Setup does nothing here.
func Setup() (cleanup func()) { return func() {} }

// Environ is empty here.
func Environ() []string { return nil }

// Service never comes to be here.
type Service struct{}

// Start skips the test.
func Start(t testing.TB, _ ReaderCount) *Service {
	t.Helper()
	t.Skip(why)
	return nil
}

// Stop does nothing here.
func (s *Service) Stop() {}

// Restart does nothing here.
func (s *Service) Restart() {}

// Pause does nothing here.
func (s *Service) Pause() {}

// Continue does nothing here.
func (s *Service) Continue() {}

// Addr is empty here.
func (s *Service) Addr(int) string { return "" }

// Reader is empty here.
func (s *Service) Reader(int) string { return "" }

// ATR is nil here.
func (s *Service) ATR(int) []byte { return nil }

// Log is empty here.
func (s *Service) Log() string { return "" }

// Insert skips the test.
func Insert(t testing.TB, _ *Service, _ int, _ *Card) *Card {
	t.Helper()
	t.Skip(why)
	return nil
}

// OpenSC skips the test.
func OpenSC(t testing.TB, _ ...string) *exec.Cmd {
	t.Helper()
	t.Skip(why)
	return nil
}

// Python skips the test.
func Python(t testing.TB, _ ...string) *exec.Cmd {
	t.Helper()
	t.Skip(why)
	return nil
}

func acknowledgeAtOnce(net.Conn) {}
