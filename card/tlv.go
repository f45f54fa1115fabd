package card

import "fmt"

// object is a BER-TLV data object (ISO/IEC 7816-4:2020, 6.3). Its value is a part of what was parsed.
type object struct {
	tag   uint32
	value []byte
}

// Our templates hold a handful of objects; a response of 256 bytes could hold 128 empty ones. More than this is not a template
// of a card.
const maxObjects = 32

// parseObjects splits b into the data objects it consists of, one level deep. It is strict: tags of at most three bytes, definite
// lengths of at most two length bytes, and not one byte left over but 00 before, between and after objects (ISO/IEC 7816-4:2020, 6.3).
func parseObjects(b []byte) ([]object, error) {
	var out []object
	for len(b) > 0 {
		if b[0] == 0x00 {
			b = b[1:]
			continue
		}
		if len(out) == maxObjects {
			return nil, fmt.Errorf("more than %d data objects: %w", maxObjects, ErrProtocol)
		}
		o, rest, err := parseObject(b)
		if err != nil {
			return nil, err
		}
		out, b = append(out, o), rest
	}
	return out, nil
}

func parseObject(b []byte) (o object, rest []byte, err error) {
	i := 1
	o.tag = uint32(b[0])
	if b[0]&0x1F == 0x1F {
		for more := true; more; i++ {
			if i == len(b) || i == 3 {
				return o, nil, fmt.Errorf("tag of a data object cut short or too long: %w", ErrProtocol)
			}
			o.tag = o.tag<<8 | uint32(b[i])
			more = b[i]&0x80 != 0
		}
	}
	if i == len(b) {
		return o, nil, fmt.Errorf("data object %X without length: %w", o.tag, ErrProtocol)
	}
	n, l := int(b[i]), 1
	switch {
	case n < 0x80:
	case n == 0x81 && len(b) > i+1:
		n, l = int(b[i+1]), 2
	case n == 0x82 && len(b) > i+2:
		n, l = int(b[i+1])<<8|int(b[i+2]), 3
	default: // indefinite, longer than any response, or cut short
		return o, nil, fmt.Errorf("length of data object %X: %w", o.tag, ErrProtocol)
	}
	if n > len(b)-i-l {
		return o, nil, fmt.Errorf("data object %X longer than what holds it: %w", o.tag, ErrProtocol)
	}
	o.value = b[i+l : i+l+n]
	return o, b[i+l+n:], nil
}

// find returns the value of the first object with this tag.
func find(objects []object, tag uint32) ([]byte, bool) {
	for _, o := range objects {
		if o.tag == tag {
			return o.value, true
		}
	}
	return nil, false
}
