// Package pcsctest gives tests a PC/SC service of their own: a pcscd with a virtual reader of two slots (scripts/pcscd), and
// cards to put in. Start in TestMain, which every package needs that uses PC/SC in its tests, lest they meet the reader on the desk:
//
//	func TestMain(m *testing.M) { os.Exit(pcsctest.M{M: m}.Run()) }
//
//	func TestRead(t *testing.T) {
//		service := pcsctest.Start(t, pcsctest.Readers)
//		pcsctest.Insert(t, service, 0, &pcsctest.Card{Answer: pcsctest.Echo})
//		…
//	}
//
// One service runs at a time in a process: libpcsclite reads the socket's name once. Processes do not disturb each other. Where the
// machine lacks what it takes, Start skips the test and says what that is; elsewhere than on Linux with cgo, it always does.
//
// The package knows nothing of package pcsc, so that the tests inside pcsc can use it.
package pcsctest

import "testing"

// M is a testing.M that runs the tests between Setup and what Setup returns. It suits testscript.Main as well: the commands that it
// runs from the test binary do not get as far as Run. A script's environment is not the process's: give it Environ.
type M struct{ *testing.M }

// Run runs the tests and returns the code to exit with.
func (m M) Run() int {
	defer Setup()()
	return m.M.Run()
}

// ReaderCount says what readers a service has.
type ReaderCount int

const (
	// NoReaders is a service without any.
	NoReaders ReaderCount = 0
	// Readers is the virtual reader with its two slots, which PC/SC counts as two readers.
	Readers ReaderCount = 2
)
