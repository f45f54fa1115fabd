//go:build cgo || windows

package pcsc

import "github.com/ebfe/scard"

// PC/SC part 10 (Interoperability Specification for ICCs and Personal Computer Systems, 2.02.09), sections 2.2 and 2.6.18.
const (
	getFeatures   = 3400 // CM_IOCTL_GET_FEATURE_REQUEST
	tlvProperties = 0x12 // FEATURE_GET_TLV_PROPERTIES
	maxAPDUData   = 0x0A // property dwMaxAPDUDataSize
)

// passesExtended asks the reader's driver. One that does not answer, or that says nothing of it, is taken to pass short APDUs only.
func (o *owner) passesExtended() bool {
	features, err := o.card.Control(scard.CtlCode(getFeatures), nil)
	if err != nil {
		return false
	}
	code, ok := property(features, tlvProperties)
	if !ok || len(code) != 4 {
		return false
	}
	// Control codes are big-endian, the values of properties little-endian.
	properties, err := o.card.Control(uint32(code[0])<<24|uint32(code[1])<<16|uint32(code[2])<<8|uint32(code[3]), nil)
	if err != nil {
		return false
	}
	size, ok := property(properties, maxAPDUData)
	if !ok || len(size) > 4 {
		return false
	}
	n := uint32(0)
	for i, b := range size {
		n |= uint32(b) << (8 * i)
	}
	return n > 256
}

// property finds a value among objects of a tag, a length and a value, of a byte each the first two.
func property(b []byte, tag byte) ([]byte, bool) {
	for len(b) >= 2 && len(b)-2 >= int(b[1]) {
		if b[0] == tag {
			return b[2 : 2+b[1]], true
		}
		b = b[2+int(b[1]):]
	}
	return nil, false
}
