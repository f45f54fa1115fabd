//go:build !cgo && !windows

package pcsc

import (
	"context"
	"iter"
)

// Built says whether this build has PC/SC.
const Built = false

// Readers lists the readers.
func Readers(context.Context) ([]Reader, error) { return nil, ErrUnsupported }

// Watch gives one error.
func Watch(context.Context) iter.Seq2[[]Reader, error] {
	return func(yield func([]Reader, error) bool) { yield(nil, ErrUnsupported) }
}

// Conn is a connection to the card in a reader. There are none in this build.
type Conn struct{}

// Connect connects to the card in a reader.
func Connect(context.Context, string) (*Conn, error) { return nil, ErrUnsupported }

// Reader returns the reader's name, empty in this build.
func (c *Conn) Reader() string { return "" }

// Transmit sends a command APDU and returns the response APDU.
func (c *Conn) Transmit(context.Context, []byte) ([]byte, error) { return nil, ErrUnsupported }

// Reset takes the card's power away and gives it back.
func (c *Conn) Reset(context.Context) error { return ErrUnsupported }

// ExtendedAPDU is false in this build.
func (c *Conn) ExtendedAPDU() bool { return false }

// Begin begins a transaction.
func (c *Conn) Begin(context.Context) error { return ErrUnsupported }

// End ends a transaction.
func (c *Conn) End(context.Context) error { return ErrUnsupported }

// Leave ends the connection.
func (c *Conn) Leave() error { return ErrUnsupported }

// Close ends the connection.
func (c *Conn) Close() error { return ErrUnsupported }
