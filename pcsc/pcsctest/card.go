package pcsctest

import (
	"io"
	"net"
	"slices"
	"sync"
)

// DefaultATR is that of a Card without one: T=1 and nothing else.
var DefaultATR = []byte{0x3B, 0x80, 0x01, 0x81}

// The controls of vpcd: bodies of one byte from the reader. Only GetATR is answered.
const (
	PowerOff = 0
	PowerOn  = 1
	Reset    = 2
	GetATR   = 4
)

// Card is the card's end of the vpcd protocol, in which a big-endian length of two bytes comes before every message. Set the fields,
// then Insert it, once.
type Card struct {
	// ATR is the answer to reset; nil is DefaultATR.
	ATR []byte
	// Answer answers a command. A nil answer pulls the card out in the middle of the command.
	Answer func(command []byte) []byte
	// Raw, where it is set, is given every message, controls too, and returns the very bytes to send, nil for none: Frame makes them
	// proper ones, and anything else breaks the protocol. The other fields are then not looked at.
	Raw func(message []byte) []byte

	conn net.Conn

	mu       sync.Mutex
	controls []byte
}

// Echo answers a command with itself and 9000.
func Echo(command []byte) []byte { return append(slices.Clone(command), 0x90, 0x00) }

// Frame puts the length before a message.
func Frame(message []byte) []byte {
	return append([]byte{byte(len(message) >> 8), byte(len(message))}, message...)
}

// Controls returns those the card has had: PowerOff, PowerOn, Reset, without the ATR questions that ask every 400 ms whether it is there.
func (c *Card) Controls() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.controls)
}

// Remove pulls the card. The service sees it at its next question, within 400 ms; a card put in before that is taken for the same.
func (c *Card) Remove() {
	if c.conn != nil {
		c.conn.Close()
	}
}

// Send sends bytes that nobody asked for.
func (c *Card) Send(raw []byte) error {
	_, err := c.conn.Write(raw)
	return err
}

func (c *Card) serve() {
	defer c.conn.Close()
	for {
		// The reader writes the length and the body apart, and waits in between for the acknowledgement of the first.
		acknowledgeAtOnce(c.conn)
		var length [2]byte
		if _, err := io.ReadFull(c.conn, length[:]); err != nil {
			return
		}
		message := make([]byte, int(length[0])<<8|int(length[1]))
		acknowledgeAtOnce(c.conn)
		if _, err := io.ReadFull(c.conn, message); err != nil {
			return
		}
		reply, ok := c.reply(message)
		if !ok {
			return
		}
		if _, err := c.conn.Write(reply); err != nil {
			return
		}
	}
}

func (c *Card) reply(message []byte) (raw []byte, ok bool) {
	control := len(message) == 1
	if control && message[0] != GetATR {
		c.mu.Lock()
		c.controls = append(c.controls, message[0])
		c.mu.Unlock()
	}
	switch {
	case c.Raw != nil:
		return c.Raw(message), true
	case control && message[0] == GetATR:
		return Frame(c.atr()), true
	case control:
		return nil, true
	}
	answer := c.Answer(message)
	return Frame(answer), answer != nil
}

func (c *Card) atr() []byte {
	if c.ATR != nil {
		return c.ATR
	}
	return DefaultATR
}
