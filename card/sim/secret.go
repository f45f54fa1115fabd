package sim

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
)

const (
	minSecret = 4
	maxSecret = 16

	triesPIN = 3
	triesPUK = 10

	refPIN = 0x81 // P2: of the application, ISO/IEC 7816-4:2020, 11.6.1
	pad    = 0xFF // after a PIN or PUK, up to maxSecret bytes
)

// secret is a PIN or PUK as the image keeps it. The hash keeps the digits out of backups and screens and protects no more than
// that: there are few PINs, and who has the file has the memory that the PIN guards anyway.
type secret struct {
	length  byte // 0: there is none
	retries byte
	salt    [16]byte
	hash    [32]byte
}

// state is what the card keeps besides its files.
type state struct{ pin, puk secret }

func newState(pin, puk []byte) state {
	return state{newSecret(pin, triesPIN), newSecret(puk, triesPUK)}
}

func newSecret(value []byte, tries byte) secret {
	if len(value) == 0 {
		return secret{}
	}
	s := secret{length: byte(len(value)), retries: tries}
	rand.Read(s.salt[:]) // never fails
	s.hash = s.digest(value)
	return s
}

func (s *secret) digest(value []byte) [32]byte {
	h := sha256.New()
	h.Write(s.salt[:])
	h.Write(value)
	return [32]byte(h.Sum(nil))
}

// unpad takes the padding off. What is left need not be a possible PIN: then it matches none.
func unpad(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == pad {
		b = b[:len(b)-1]
	}
	return b
}

// possible tells whether a new PIN may be that: 4 to 16 bytes and padding behind them only.
func possible(b []byte) bool {
	value := unpad(b)
	return len(value) >= minSecret && bytes.IndexByte(value, pad) < 0
}

// allowed tells whether the container may be read and updated.
func (c *Card) allowed() bool { return c.state.pin.length == 0 || c.verified }

// try compares value with a secret. The lower counter is in the image before the comparison: a card that counts afterwards can be
// unplugged between the two, for as many attempts as one likes.
func (c *Card) try(s *secret, tries byte, value []byte) (uint16, error) {
	if s.retries == 0 {
		return swBlocked, nil
	}
	s.retries--
	if err := c.img.saveState(c.state); err != nil {
		return swMemory, err
	}
	digest := s.digest(unpad(value))
	if subtle.ConstantTimeCompare(digest[:], s.hash[:]) != 1 {
		return swWrongPIN | uint16(s.retries), nil
	}
	s.retries = tries
	return swOK, nil
}

// guard does what the three commands share: their reference, and an image that can keep the counter.
func (c *Card) guard(cmd command) (uint16, error) {
	switch {
	case cmd.p2 != refPIN:
		return swNoReference, nil
	case !c.inApp || c.state.pin.length == 0:
		return swNoReference, nil
	case cmd.ne != 0 && len(cmd.data) > 0: // some readers put a Le behind the query
		return swLength, nil
	}
	if err := c.writable(); err != nil && len(cmd.data) > 0 {
		return swConditions, err
	}
	return swOK, nil
}

// verify is VERIFY, ISO/IEC 7816-4:2020, 11.6.6. Without data it tells the attempts left.
func (c *Card) verify(cmd command) (answer, error) {
	if cmd.p1 != 0 {
		return sw(swParameters), nil
	}
	if status, err := c.guard(cmd); status != swOK {
		return sw(status), err
	}
	if len(cmd.data) == 0 {
		switch {
		case c.verified:
			return sw(swOK), nil
		case c.state.pin.retries == 0:
			return sw(swBlocked), nil
		}
		return sw(swWrongPIN | uint16(c.state.pin.retries)), nil
	}
	if len(cmd.data) != maxSecret {
		return sw(swLength), nil
	}
	c.verified = false
	status, err := c.try(&c.state.pin, triesPIN, cmd.data)
	if status != swOK {
		return c.refuse(status, err)
	}
	return c.keep(true)
}

// change is CHANGE REFERENCE DATA, 11.6.7: the old PIN, then the new one.
func (c *Card) change(cmd command) (answer, error) {
	if cmd.p1 != 0 {
		return sw(swParameters), nil
	}
	if status, err := c.guard(cmd); status != swOK {
		return sw(status), err
	}
	if len(cmd.data) != 2*maxSecret {
		return sw(swLength), nil
	}
	c.verified = false
	status, err := c.try(&c.state.pin, triesPIN, cmd.data[:maxSecret])
	if status != swOK {
		return c.refuse(status, err)
	}
	if !possible(cmd.data[maxSecret:]) {
		return c.impossible()
	}
	c.state.pin = newSecret(unpad(cmd.data[maxSecret:]), triesPIN)
	return c.keep(true)
}

// resetRetry is RESET RETRY COUNTER, 11.6.10: the PUK and a new PIN (P1 = 00), or the PUK alone (P1 = 01).
func (c *Card) resetRetry(cmd command) (answer, error) {
	if cmd.p1 > 1 {
		return sw(swParameters), nil
	}
	if status, err := c.guard(cmd); status != swOK {
		return sw(status), err
	}
	if c.state.puk.length == 0 {
		return sw(swConditions), nil
	}
	if len(cmd.data) != (2-int(cmd.p1))*maxSecret {
		return sw(swLength), nil
	}
	c.verified = false
	status, err := c.try(&c.state.puk, triesPUK, cmd.data[:maxSecret])
	if status != swOK {
		return c.refuse(status, err)
	}
	if cmd.p1 == 0 {
		if !possible(cmd.data[maxSecret:]) {
			return c.impossible()
		}
		c.state.pin = newSecret(unpad(cmd.data[maxSecret:]), triesPIN)
	}
	c.state.pin.retries = triesPIN
	return c.keep(false)
}

// impossible refuses a new PIN that cannot be one, after a right old PIN or PUK: the counter that this restored is kept.
func (c *Card) impossible() (answer, error) {
	if err := c.img.saveState(c.state); err != nil {
		return c.imageFailure(err)
	}
	return sw(swData), nil
}

func (c *Card) refuse(status uint16, err error) (answer, error) {
	if err != nil {
		return c.imageFailure(err)
	}
	return sw(status), nil
}

// keep saves the counters and secrets after a success, and only then opens the session.
func (c *Card) keep(verified bool) (answer, error) {
	if err := c.img.saveState(c.state); err != nil {
		return c.imageFailure(err)
	}
	c.verified = verified
	return sw(swOK), nil
}
