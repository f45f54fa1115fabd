//go:build (cgo && !linux) || windows

package pcsc

import (
	"time"

	"github.com/ebfe/scard"
)

// There is nothing to try: only as long as a call that returns by itself may take.
const cutTime = 50 * time.Millisecond

// line is a PC/SC context's connection to the service, out of reach on these systems. The goroutine of a call that was given up stays, with
// what it holds, until PC/SC lets go of it. There is at most one for every Conn that was open, one for every reader name (stuck.go), one
// that establishes a context and one that asks for the readers' states (the semaphores opening and looking).
type line struct{}

func (l *line) open() (c *scard.Context, severed bool, err error) {
	c, err = scard.EstablishContext()
	return c, false, err
}

func (l *line) cut() {}

func (l *line) cutOpening() {}

func (l *line) unsure() bool { return false }

func (l *line) close() {}
