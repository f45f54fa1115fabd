package vpcd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Port is where vpcd listens for the card of its first slot, unless told otherwise; the second slot has the next one.
const Port = 35963

// Card is what can be plugged in.
//
// Its methods are called one at a time. Transmit and Reset must return soon after their context has ended.
type Card interface {
	// Transmit runs a command, which it must not keep, and returns the response APDU. An error that has a method CardGone() bool
	// that returns true means that the card left: with a response, after giving it. Any other error beside a response is not the
	// reader's business.
	Transmit(ctx context.Context, command []byte) ([]byte, error)
	// Reset is a cold reset, and gives power to a card without.
	Reset(ctx context.Context) error
	// PowerOff takes the power away until Reset.
	PowerOff()
	// ATR returns the answer to reset, with power or without.
	ATR() []byte
}

const (
	maxMessage = 65535
	// ISO/IEC 7816-3:2006, 8.1: TS and T0, then at most 32 characters less one.
	minATR, maxATR = 2, 33

	// vpcd sends a message at once. Delayed acknowledgements, lost segments and a loaded machine take milliseconds to two seconds.
	messageTime = 5 * time.Second
	dialTime    = 5 * time.Second
)

// Controls of the reader.
const (
	controlOff   = 0x00
	controlOn    = 0x01
	controlReset = 0x02
	controlATR   = 0x04
)

// Plug inserts a card into the reader that listens at addr ("127.0.0.1:35963"), and serves it until ctx ends, the reader hangs up, or
// the card is gone. It returns the context's error or one of this package's, never nil, and leaves the card without power.
//
// A card is inserted without power. It gets it with the first power on or reset, or with the first command: a reader that did not
// notice that one card was swapped for another sends none before. Away says how soon after another card.
func Plug(ctx context.Context, addr string, c Card) error {
	conn, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	return newPlug(conn, c, quickAck(conn)).serve(ctx)
}

// dial connects with Nagle's algorithm off, which is Go's default.
func dial(ctx context.Context, addr string) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", ErrNoReader, err)
	}
	return conn.(*net.TCPConn), nil
}

type power int

const (
	inserted power = iota // without power, which the first command may give it
	on
	off
)

// plug is a card on one connection.
type plug struct {
	card  Card
	conn  net.Conn
	in    *bufio.Reader
	first func() // called when the reader is heard for the first time, if not nil
	power power

	// body is that of the message under way, out the answer with its length.
	body [maxMessage]byte
	out  [2 + maxMessage]byte
}

func newPlug(conn net.Conn, c Card, acknowledge func()) *plug {
	return &plug{card: c, conn: conn, in: bufio.NewReader(acknowledging{conn, acknowledge})}
}

// acknowledging is a connection that asks, before it reads, for what it has read and is about to read to be acknowledged at once.
//
// Some versions of vpcd write a length and its body separately, and all of them write a control that has no answer and then the next
// message, with Nagle's algorithm on: the second write waits for the acknowledgement of the first. The kernel delays that by 40 ms,
// in case there will be an answer for it to travel with, and forgets about each request not to after a while.
type acknowledging struct {
	net.Conn
	now func()
}

func (a acknowledging) Read(b []byte) (int, error) {
	a.now()
	return a.Conn.Read(b)
}

// serve closes the connection.
func (p *plug) serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.conn.Close() })
	defer stop()
	err := p.messages(ctx)
	p.conn.Close()
	p.card.PowerOff()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (p *plug) messages(ctx context.Context) error {
	for {
		body, err := p.receive()
		if err != nil {
			return err
		}
		if p.first != nil {
			p.first()
			p.first = nil
		}
		if len(body) == 1 {
			err = p.control(ctx, body[0])
		} else {
			err = p.command(ctx, body)
		}
		if err != nil {
			return err
		}
	}
}

// receive waits for a message.
func (p *plug) receive() ([]byte, error) {
	_ = p.conn.SetReadDeadline(time.Time{}) // fails on a closed connection only, as reading does
	if _, err := p.in.Peek(1); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHungUp, err)
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(messageTime))
	var head [2]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return nil, broken(err)
	}
	n := binary.BigEndian.Uint16(head[:])
	if n == 0 {
		return nil, fmt.Errorf("%w: a message without a body", ErrMessage)
	}
	body := p.body[:n]
	if _, err := io.ReadFull(p.in, body); err != nil {
		return nil, broken(err)
	}
	return body, nil
}

// broken is a message of which only a part came.
func broken(err error) error {
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("%w: only a part of a message after %v", ErrMessage, messageTime)
	}
	return fmt.Errorf("%w: in the middle of a message: %w", ErrHungUp, err)
}

func (p *plug) control(ctx context.Context, control byte) error {
	switch control {
	case controlOff:
		p.power = off
		p.card.PowerOff()
	case controlOn, controlReset:
		return p.reset(ctx)
	case controlATR:
		atr := p.card.ATR()
		if len(atr) < minATR || len(atr) > maxATR {
			return fmt.Errorf("%w: an ATR of %d bytes", ErrFaulty, len(atr))
		}
		return p.send(atr)
	}
	return nil
}

func (p *plug) reset(ctx context.Context) error {
	if err := p.card.Reset(ctx); err != nil {
		return fault("resetting", err)
	}
	p.power = on
	return nil
}

func (p *plug) command(ctx context.Context, command []byte) error {
	switch p.power {
	case off:
		return ErrUnpowered
	case inserted:
		if err := p.reset(ctx); err != nil {
			return err
		}
	}
	response, err := p.card.Transmit(ctx, command)
	if ctx.Err() != nil {
		return ctx.Err() // taken out meanwhile
	}
	switch n := len(response); {
	case n == 0 && err != nil:
		return fault("transmitting", err)
	case n < 2 || n > maxMessage:
		return fmt.Errorf("%w: a response of %d bytes", ErrFaulty, n)
	}
	if err := p.send(response); err != nil {
		return err
	}
	if gone(err) {
		return fault("transmitting", err)
	}
	return nil
}

func gone(err error) bool {
	var g interface{ CardGone() bool }
	return errors.As(err, &g) && g.CardGone()
}

// fault is a card that does not answer.
func fault(action string, err error) error {
	if gone(err) {
		return fmt.Errorf("%s: %w: %w", action, ErrGone, err)
	}
	return fmt.Errorf("%s: %w: %w", action, ErrFaulty, err)
}

// send writes length and body at once: a second small segment would wait for the acknowledgement of the first.
func (p *plug) send(body []byte) error {
	binary.BigEndian.PutUint16(p.out[:], uint16(len(body)))
	n := copy(p.out[2:], body)
	_ = p.conn.SetWriteDeadline(time.Now().Add(messageTime))
	if _, err := p.conn.Write(p.out[:2+n]); err != nil {
		return fmt.Errorf("%w: %w", ErrHungUp, err)
	}
	return nil
}
