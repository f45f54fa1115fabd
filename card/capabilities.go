package card

import (
	"context"
	"errors"
	"fmt"
)

// Capabilities is what a card says about itself in EF.ATR/INFO or in its historical bytes (ISO/IEC 7816-4:2020, 12.1 and 12.7.1).
type Capabilities struct {
	// Longest command and response APDU in bytes, header, length fields and status word included. Zero: not said, short APDUs only.
	MaxCommand, MaxResponse int

	// Selection methods and the third software function table, from DO 47 or 73. Extended says that the card understands extended
	// length fields, which without MaxCommand and MaxResponse is too little to use them.
	SelectByName, Chaining, Extended bool
}

// Capabilities reads EF.ATR/INFO. A card without one has no capabilities; that is no error.
func (a *Application) Capabilities(ctx context.Context) (Capabilities, error) {
	r, err := Exchange(ctx, a.t, Command{Instruction: insReadBinary, P1: 0x80 | sfiInfo, Ne: maxShortNe})
	a.current = false // the short file id made EF.ATR/INFO the current file
	var refused *CommandError
	if errors.As(err, &refused) {
		return Capabilities{}, nil
	}
	if err != nil {
		return Capabilities{}, fmt.Errorf("reading EF.ATR/INFO: %w", err)
	}
	c, err := ParseInfo(r.Data)
	if err != nil {
		// Cards pad the file with zeros or FF, or put raw bytes in it. What cannot be read promises nothing.
		return Capabilities{}, nil
	}
	return c, nil
}

// ParseInfo reads the content of EF.ATR/INFO: 7F66 with two INTEGERs, or with two raw 16-bit numbers as some cards have it; E0
// with four INTEGERs, as the German eGK has it, of which the first two are the limits without secure messaging; 47, the
// card capabilities.
func ParseInfo(b []byte) (Capabilities, error) {
	var c Capabilities
	for i := 0; len(b) > 0; i++ {
		if b[0] == 0x00 || b[0] == 0xFF { // padding between and after objects, ISO/IEC 7816-4:2020, 6.3
			b = b[1:]
			continue
		}
		if i == maxFileInfo {
			return Capabilities{}, fmt.Errorf("EF.ATR/INFO: too many objects: %w", ErrProtocol)
		}
		o, rest, err := parseObject(b)
		if err != nil {
			return Capabilities{}, fmt.Errorf("EF.ATR/INFO: %w", err)
		}
		b = rest
		switch o.tag {
		case 0x47:
			c.functions(o.value)
		case 0x7F66, 0xE0:
			if c.MaxCommand, c.MaxResponse, err = parseLimits(o.value); err != nil {
				return Capabilities{}, fmt.Errorf("EF.ATR/INFO: %w", err)
			}
		}
	}
	return c, nil
}

// maxFileInfo bounds the objects and padding bytes looked at: no more than one answer holds.
const maxFileInfo = maxShortNe

func parseLimits(b []byte) (command, response int, err error) {
	if len(b) == 4 && b[0] != 0x02 { // raw; two INTEGERs take at least six bytes
		return int(b[0])<<8 | int(b[1]), int(b[2])<<8 | int(b[3]), nil
	}
	objects, err := parseObjects(b)
	if err != nil {
		return 0, 0, err
	}
	if len(objects) < 2 || objects[0].tag != 0x02 || objects[1].tag != 0x02 {
		return 0, 0, fmt.Errorf("extended length information: %w", ErrProtocol)
	}
	if command, err = parseUint(objects[0].value); err == nil {
		response, err = parseUint(objects[1].value)
	}
	if err != nil {
		return 0, 0, err
	}
	// An extended APDU has at most 65,544 and 65,538 bytes; a card that names more can still not be sent more.
	return min(command, maxExtData+9), min(response, MaxResponse), nil
}

// functions reads the software function tables (ISO/IEC 7816-4:2020, tables 117 to 119).
func (c *Capabilities) functions(b []byte) {
	if len(b) > 0 {
		c.SelectByName = b[0]&0x80 != 0
	}
	if len(b) > 2 {
		c.Chaining, c.Extended = b[2]&0x80 != 0, b[2]&0x40 != 0
	}
}

// ParseHistorical reads the historical bytes of an ATR or ATS: category indicator 00 or 80, then COMPACT-TLV objects
// (ISO/IEC 7816-4:2020, 12.1.1). Historical bytes of other categories say nothing that is standardised. They never identify a
// card: contactless readers make up the ATR.
func ParseHistorical(b []byte) (Capabilities, error) {
	var c Capabilities
	if len(b) == 0 {
		return c, nil
	}
	body := b[1:]
	switch b[0] {
	case 0x80:
	case 0x00: // the last three bytes are a status indicator without a tag
		if len(body) < 3 {
			return c, fmt.Errorf("historical bytes cut short: %w", ErrProtocol)
		}
		body = body[:len(body)-3]
	default:
		return c, nil
	}
	for len(body) > 0 {
		tag, n := body[0]>>4, int(body[0]&0x0F)
		if n > len(body)-1 {
			return Capabilities{}, fmt.Errorf("historical bytes: object %X longer than what holds it: %w", tag, ErrProtocol)
		}
		if tag == 0x7 {
			c.functions(body[1 : 1+n])
		}
		body = body[1+n:]
	}
	return c, nil
}
