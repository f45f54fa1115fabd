package card

import (
	"context"
	"errors"
	"fmt"
)

// Transmitter carries one command APDU to a card and brings back the response APDU, status word included. It is declared here
// because it is consumed here: readers and simulated cards have the method without knowing this package.
//
// Transmit returns when ctx ends at the latest; nothing here can interrupt it. An answer shorter than two bytes means that
// the card is gone, which is how PC/SC reports a card pulled in the middle of a command. An error whose chain has a method
// CardGone() bool returning true means the same. An error that comes with an answer of two bytes is the reason that the card
// itself cannot know for the status word it gave (a simulated card on a read-only file, for example).
//
// A Transmitter may also have
//
//	ExtendedAPDU() bool             // the reader says that it passes extended APDUs; without it, it does not
//	Reset(ctx context.Context) error // cold reset: the field or the supply goes off and on again
type Transmitter interface {
	Transmit(ctx context.Context, command []byte) ([]byte, error)
}

type extendedTransmitter interface{ ExtendedAPDU() bool }

type coldResetter interface {
	Reset(ctx context.Context) error
}

const (
	maxShortData = 255   // Lc of one byte, ISO/IEC 7816-3:2006, 12.1.3
	maxShortNe   = 256   // Le of one byte, 00 standing for 256
	maxExtData   = 65535 // Lc of three bytes
	maxExtNe     = 65536 // Le of two or three bytes, 0000 standing for 65,536

	// MaxResponse is the longest response APDU that is accepted, from one command or put together by GET RESPONSE: what one
	// extended command can ask for, and the status word.
	MaxResponse = maxExtNe + 2

	// A GET RESPONSE asks for at most 256 bytes, so that this many fetch the longest response there is. Each must bring at least
	// one byte: a card that answers 61xx for ever is dropped after the first empty one, or at this bound.
	maxGetResponse = maxExtNe/maxShortNe + 1
)

// Command is a command APDU (ISO/IEC 7816-4:2020, 5.2).
type Command struct {
	Class, Instruction, P1, P2 byte

	Data []byte // at most 255 bytes, or 65,535 where Extended
	Ne   int    // longest response data expected: 0 none (no Le field), at most 256, or 65,536 where Extended

	// Extended makes the encoding that of extended length fields, needed or not.
	Extended bool
}

// Bytes encodes the command. It refuses lengths that the encoding cannot express.
func (c Command) Bytes() ([]byte, error) {
	maxData, maxNe := maxShortData, maxShortNe
	if c.Extended {
		maxData, maxNe = maxExtData, maxExtNe
	}
	if len(c.Data) > maxData || c.Ne < 0 || c.Ne > maxNe {
		return nil, fmt.Errorf("%s: %d bytes of data and %d expected are more than the encoding allows: %w",
			c.Name(), len(c.Data), c.Ne, ErrLength)
	}
	b := make([]byte, 0, 4+3+len(c.Data)+3)
	b = append(b, c.Class, c.Instruction, c.P1, c.P2)
	if n := len(c.Data); n > 0 {
		if c.Extended {
			b = append(b, 0, byte(n>>8), byte(n))
		} else {
			b = append(b, byte(n))
		}
		b = append(b, c.Data...)
	}
	if c.Ne > 0 {
		switch {
		case !c.Extended:
			b = append(b, byte(c.Ne))
		case len(c.Data) > 0:
			b = append(b, byte(c.Ne>>8), byte(c.Ne))
		default:
			b = append(b, 0, byte(c.Ne>>8), byte(c.Ne))
		}
	}
	return b, nil
}

// ParseCommand decodes a command APDU, short or extended (ISO/IEC 7816-3:2006, 12.1.3). Data is a part of b.
func ParseCommand(b []byte) (Command, error) {
	if len(b) < 4 {
		return Command{}, fmt.Errorf("command of %d bytes has no header: %w", len(b), ErrLength)
	}
	c := Command{Class: b[0], Instruction: b[1], P1: b[2], P2: b[3]}
	body := b[4:]
	switch {
	case len(body) == 0: // case 1
		return c, nil
	case len(body) == 1: // case 2, short
		c.Ne = length(body, maxShortNe)
		return c, nil
	case body[0] != 0: // cases 3 and 4, short
		n := int(body[0])
		switch len(body) {
		case 1 + n:
		case 2 + n:
			c.Ne = length(body[1+n:], maxShortNe)
		default:
			return Command{}, fmt.Errorf("%s: Lc does not fit: %w", c.Name(), ErrLength)
		}
		c.Data = body[1 : 1+n]
		return c, nil
	}
	c.Extended = true
	if len(body) == 3 { // case 2, extended
		c.Ne = length(body[1:], maxExtNe)
		return c, nil
	}
	if len(body) < 3 {
		return Command{}, fmt.Errorf("%s: length field cut short: %w", c.Name(), ErrLength)
	}
	n := int(body[1])<<8 | int(body[2])
	switch {
	case n == 0:
		return Command{}, fmt.Errorf("%s: extended Lc of zero: %w", c.Name(), ErrLength)
	case len(body) == 3+n:
	case len(body) == 5+n:
		c.Ne = length(body[3+n:], maxExtNe)
	default:
		return Command{}, fmt.Errorf("%s: Lc does not fit: %w", c.Name(), ErrLength)
	}
	c.Data = body[3 : 3+n]
	return c, nil
}

// length reads an Le field, where zero stands for the most it can express.
func length(b []byte, zero int) int {
	n := 0
	for _, x := range b {
		n = n<<8 | int(x)
	}
	if n == 0 {
		return zero
	}
	return n
}

// Name is the name of the command in ISO/IEC 7816-4, for messages. It never holds parameters or data.
func (c Command) Name() string {
	switch c.Instruction {
	case insVerify:
		return "VERIFY"
	case insChange:
		return "CHANGE REFERENCE DATA"
	case insResetRetry:
		return "RESET RETRY COUNTER"
	case insSelect:
		return "SELECT"
	case insReadBinary:
		return "READ BINARY"
	case insReadRecord:
		return "READ RECORD"
	case insGetResponse:
		return "GET RESPONSE"
	case insUpdateBinary:
		return "UPDATE BINARY"
	case insAppendRecord:
		return "APPEND RECORD"
	}
	return fmt.Sprintf("command %02X", c.Instruction)
}

// Instruction bytes, ISO/IEC 7816-4:2020, table 6.
const (
	insVerify       = 0x20
	insChange       = 0x24
	insResetRetry   = 0x2C
	insSelect       = 0xA4
	insReadBinary   = 0xB0
	insReadRecord   = 0xB2
	insGetResponse  = 0xC0
	insUpdateBinary = 0xD6
	insAppendRecord = 0xE2
)

// Response is a response APDU.
type Response struct {
	Data   []byte
	Status Status
}

// ParseResponse splits a response APDU. Fewer than two bytes are ErrCardGone, more than MaxResponse ErrProtocol. Data is a part of b.
func ParseResponse(b []byte) (Response, error) {
	switch n := len(b); {
	case n < 2:
		return Response{}, ErrCardGone
	case n > MaxResponse:
		return Response{}, fmt.Errorf("response of %d bytes: %w", n, ErrProtocol)
	default:
		return Response{Data: b[:n-2], Status: Status(b[n-2])<<8 | Status(b[n-1])}, nil
	}
}

// Exchange sends a command and returns the whole response: it fetches with GET RESPONSE what a 61xx announces, and resends a command
// that expects data once with the length that a 6Cxx names (ISO/IEC 7816-4:2020, 5.3.4). The error is nil for 9000 and for the
// warnings 62xx and 63xx; any other status word is a *CommandError, returned beside the response.
func Exchange(ctx context.Context, t Transmitter, c Command) (Response, error) {
	r, err := exchangeOnce(ctx, t, c)
	if err != nil || r.Status>>8 != 0x61 {
		return r, err
	}
	// The data that came before GET RESPONSE may be in the transmitter's buffer.
	data := append([]byte(nil), r.Data...)
	for range maxGetResponse {
		ne := int(r.Status & 0xFF)
		if ne == 0 {
			ne = maxShortNe
		}
		// The class byte keeps the logical channel and loses the chaining bit.
		r, err = exchangeOnce(ctx, t, Command{Class: c.Class & 0x03, Instruction: insGetResponse, Ne: ne})
		if err != nil {
			return r, fmt.Errorf("%s: %w", c.Name(), err)
		}
		if len(data)+len(r.Data) > maxExtNe {
			return Response{}, fmt.Errorf("%s: response longer than %d bytes: %w", c.Name(), maxExtNe, ErrProtocol)
		}
		data = append(data, r.Data...)
		if r.Status>>8 != 0x61 {
			return Response{Data: data, Status: r.Status}, nil
		}
		if len(r.Data) == 0 {
			return Response{}, fmt.Errorf("%s: more data announced but none given: %w", c.Name(), ErrProtocol)
		}
	}
	return Response{}, fmt.Errorf("%s: no end of the response: %w", c.Name(), ErrProtocol)
}

// exchangeOnce sends one command, and once again where the card names the length it wants. A second 6Cxx contradicts the first,
// so there is no third attempt. A command without Le (UPDATE BINARY, VERIFY) is never sent twice.
func exchangeOnce(ctx context.Context, t Transmitter, c Command) (Response, error) {
	r, err := transmit(ctx, t, c)
	if err != nil {
		return r, err
	}
	if r.Status>>8 == 0x6C && c.Ne > 0 {
		c.Ne = int(r.Status & 0xFF)
		if c.Ne == 0 {
			c.Ne = maxShortNe
		}
		if r, err = transmit(ctx, t, c); err != nil {
			return r, err
		}
	}
	if s := r.Status; !s.OK() && !s.Warning() && s>>8 != 0x61 {
		return r, &CommandError{Command: c.Name(), Status: s}
	}
	return r, nil
}

func transmit(ctx context.Context, t Transmitter, c Command) (Response, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, fmt.Errorf("%s: %w", c.Name(), err)
	}
	b, err := c.Bytes()
	if err != nil {
		return Response{}, err
	}
	answer, err := t.Transmit(ctx, b)
	clear(b) // it may hold a PIN
	if err != nil {
		if len(answer) == 2 {
			return Response{}, &CommandError{
				Command: c.Name(), Status: Status(answer[0])<<8 | Status(answer[1]), Cause: err,
			}
		}
		return Response{}, fmt.Errorf("%s: %w", c.Name(), transportError(err))
	}
	// What the card was asked for bounds what it may answer. Where nothing was asked for, up to a short response is put up with:
	// some emulated cards answer a SELECT with P2 = 0C with the FCI.
	if most := max(c.Ne, maxShortNe) + 2; len(answer) > most {
		return Response{}, fmt.Errorf("%s: response of %d bytes where %d were asked for: %w",
			c.Name(), len(answer), c.Ne, ErrProtocol)
	}
	r, err := ParseResponse(answer)
	if err != nil {
		return Response{}, fmt.Errorf("%s: %w", c.Name(), err)
	}
	return r, nil
}

// transportError adds ErrCardGone to an error that says so by its shape.
func transportError(err error) error {
	var gone interface{ CardGone() bool }
	if errors.As(err, &gone) && gone.CardGone() {
		return fmt.Errorf("%w: %w", ErrCardGone, err)
	}
	return err
}
