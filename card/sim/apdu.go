package sim

// The card decodes commands and answers by itself, without package card, so that a mistake there does not meet its own mirror image.

// command is a command APDU as the card sees it.
type command struct {
	cla, ins, p1, p2 byte
	data             []byte
	ne               int  // 0: no Le field
	all              bool // Le of zeros only: as much as there is
	extended         bool
}

// parse decodes a command, ISO/IEC 7816-3:2006, 12.1.3.
func parse(b []byte) (c command, ok bool) {
	if len(b) < 4 {
		return c, false
	}
	c = command{cla: b[0], ins: b[1], p1: b[2], p2: b[3]}
	b = b[4:]
	if len(b) == 0 {
		return c, true
	}
	size := 1 // of the length fields
	if b[0] == 0 && len(b) > 1 {
		if len(b) < 3 {
			return c, false
		}
		c.extended, size, b = true, 2, b[1:]
	}
	if len(b) > size { // Lc
		n := int(b[0])
		if size == 2 {
			n = n<<8 | int(b[1])
		}
		b = b[size:]
		if n == 0 || n > len(b) {
			return c, false
		}
		c.data, b = b[:n], b[n:]
	}
	switch {
	case len(b) == 0:
		return c, true
	case len(b) != size:
		return c, false
	case size == 2:
		c.ne = int(b[0])<<8 | int(b[1])
	default:
		c.ne = int(b[0])
	}
	if c.ne == 0 {
		c.ne, c.all = 1<<(8*size), true
	}
	return c, true
}

// Status words, ISO/IEC 7816-4:2020, 5.6.
const (
	swOK           = 0x9000
	swOverLe       = 0x6280 // ST: Le goes over the end of the file
	swEndOfFile    = 0x6282
	swWrongPIN     = 0x63C0
	swMemory       = 0x6581
	swLength       = 0x6700
	swChannel      = 0x6881
	swSecure       = 0x6882
	swChaining     = 0x6884
	swFileType     = 0x6981
	swSecurity     = 0x6982
	swBlocked      = 0x6983
	swConditions   = 0x6985
	swNoFile       = 0x6986 // no current EF
	swData         = 0x6A80
	swFunction     = 0x6A81
	swNotFound     = 0x6A82
	swNoRecord     = 0x6A83
	swNoSpace      = 0x6A84
	swParameters   = 0x6A86
	swNoReference  = 0x6A88
	swOffset       = 0x6B00
	swExactLength  = 0x6C00
	swInstruction  = 0x6D00
	swClass        = 0x6E00
	swMoreResponse = 0x6100
)
