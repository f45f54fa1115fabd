//go:build cgo || windows

package pcsc

import (
	"encoding/binary"
	"errors"

	"github.com/ebfe/scard"
)

// PC/SC part 10 (Interoperability Specification for ICCs and Personal Computer Systems, 2.02.09), sections 2.2 and 2.6.18.
const (
	getFeatures   = 3400 // CM_IOCTL_GET_FEATURE_REQUEST
	tlvProperties = 0x12 // FEATURE_GET_TLV_PROPERTIES
	maxAPDUData   = 0x0A // property dwMaxAPDUDataSize
)

// The data of a short APDU (ISO/IEC 7816-3, 12.1.3): a reader that says more passes extended ones.
const maxShortData = 256

// ExtendedAPDU reports whether the reader says that it passes extended APDUs (PC/SC part 10, dwMaxAPDUDataSize). It is asked once, in
// Connect, or, where another program's transaction was in the way, in Begin. Readers are on record that say so and do not.
func (c *Conn) ExtendedAPDU() bool { return c.extended.Load() }

// askExtended asks the reader's driver. One that does not answer, or that says nothing of it, is taken to pass short APDUs only.
func (c *Conn) askExtended() {
	if c.asked {
		return
	}
	extended, err := c.owner.passesExtended()
	// SCardControl does not wait for other programs' transactions, as other calls do.
	c.asked = !errors.Is(err, scard.ErrSharingViolation)
	c.extended.Store(extended)
}

func (o *owner) passesExtended() (bool, error) {
	features, err := o.card.Control(scard.CtlCode(getFeatures), nil)
	if err != nil {
		return false, err
	}
	code, ok := property(features, tlvProperties)
	if !ok || len(code) != 4 {
		return false, nil
	}
	// Control codes are big-endian, the values of properties little-endian.
	properties, err := o.card.Control(binary.BigEndian.Uint32(code), nil)
	if err != nil {
		return false, err
	}
	return saysExtended(properties), nil
}

func saysExtended(properties []byte) bool {
	size, ok := property(properties, maxAPDUData)
	if !ok || len(size) > 4 {
		return false
	}
	var n [4]byte
	copy(n[:], size)
	return binary.LittleEndian.Uint32(n[:]) > maxShortData
}

// property finds a value among objects of a tag, a length and a value, of a byte each the first two.
func property(b []byte, tag byte) ([]byte, bool) {
	for len(b) >= 2 {
		end := 2 + int(b[1])
		if end > len(b) {
			break
		}
		if b[0] == tag {
			return b[2:end], true
		}
		b = b[end:]
	}
	return nil, false
}
