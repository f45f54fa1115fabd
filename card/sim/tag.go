package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Tag makes a card an NFC Forum Type 4 Tag (Type 4 Tag Technical Specification, mapping versions 2.0 and 3.0) instead of a card with our
// application: an NDEF application with a capability container and one NDEF file, which is the card's whole memory and begins as zeros,
// an empty message. The zero Tag is an ST25TA64K but for its file id, and for reading behind the message, which [QuirkMessage] refuses.
//
// There are no extended APDUs, no 61xx, and none of the commands that name an offset in a data object (ODO, mapping version 3): 6D00.
// So an NDEF file longer than 32,768 bytes is there, but cannot be reached behind offset 32767 and what one command brings from there.
type Tag struct {
	Mapping  byte   // major mapping version, 2 or 3, default 2
	NLEN     int    // length of NLEN, 2 or 4; 4 (ENLEN, control TLV 06) only with mapping 3, whose default it is
	FileID   uint16 // of the NDEF file, default E104
	MLe, MLc int    // most data of a READ and an UPDATE BINARY, at least 15 and 1, at most 65535, default 246
	ReadOnly bool   // write access FF
	Quirks   Quirk
}

// Quirk is how a tag that is in use departs from the specification, or takes a liberty that it leaves.
type Quirk uint32

const (
	// QuirkSelect refuses SELECT with parameters other than P1 = 00, P2 = 0C (6A81), and so every name but the tag's own once the
	// application is selected: a Java Card hands the SELECT of a name that no applet has to the applet that is selected. OpenJavaCard-NDEF.
	QuirkSelect Quirk = 1 << iota
	// QuirkCut answers a READ BINARY of more than MLe, or over the end of the file, with what there is and 9000; but 6700 where offset and
	// length, MLe at most, are more than a signed short holds. OpenJavaCard-NDEF.
	QuirkCut
	// QuirkLastByte refuses an UPDATE BINARY that reaches the last byte of the file (6700). OpenJavaCard-NDEF.
	QuirkLastByte
	// QuirkWriteOnce makes write access FF as soon as NLEN is not zero. OpenJavaCard-NDEF, where it was installed so.
	QuirkWriteOnce
	// QuirkMessage refuses a READ BINARY over the end of the message, NLEN and as many bytes (6282). ST's M24SR and ST25TA: their data
	// sheets leave the rest of the file to a command of their own.
	QuirkMessage
	// QuirkNeedsLe does not find its own name without Le (6A82). Nordic's library for the nRF52.
	QuirkNeedsLe
	// QuirkFCI answers every SELECT with control information, asked for or not. Cards emulated by phones and microcontrollers.
	QuirkFCI
	// QuirkEndOfFile answers a READ BINARY that reaches the end of the file with what there is and 6282. Emulated cards.
	QuirkEndOfFile
	// QuirkPastEnd acknowledges an UPDATE BINARY over the end of the file, and drops what does not fit. Emulated cards.
	QuirkPastEnd

	quirks = 1<<iota - 1

	QuirksOpenJavaCard = QuirkSelect | QuirkCut | QuirkLastByte
	QuirksST           = QuirkMessage
	QuirksEmulated     = QuirkFCI | QuirkEndOfFile | QuirkPastEnd
)

const (
	fidCC      = 0xE103
	fidNDEF    = 0xE104
	aidNDEF    = "\xD2\x76\x00\x00\x85\x01\x01"
	maxTagSize = 1 << 16 // twice what a 15-bit offset reaches
	minNDEF    = 5       // a file holds NLEN and an empty record
)

func (t *Tag) setDefaults() {
	if t.Mapping == 0 {
		t.Mapping = 2
	}
	if t.NLEN == 0 {
		t.NLEN = 2
		if t.Mapping == 3 {
			t.NLEN = 4
		}
	}
	if t.FileID == 0 {
		t.FileID = fidNDEF
	}
	if t.MLe == 0 {
		t.MLe = 246
	}
	if t.MLc == 0 {
		t.MLc = 246
	}
}

func (o *Options) checkTag() error {
	t := o.Tag
	most := MaxSize
	if t.NLEN == 4 {
		most = maxTagSize
	}
	switch {
	case len(o.PIN) > 0 || len(o.PUK) > 0 || o.LogRecords != 0 || o.LogRecord != 0 || o.MaxCommand != 0 || o.MaxResponse != 0:
		return errors.New("simulated card: a tag has no PIN, no access log and no extended APDUs")
	case o.T0:
		return errors.New("simulated card: a tag does not speak T=0")
	case t.Mapping != 2 && t.Mapping != 3:
		return fmt.Errorf("simulated card: mapping version %d is neither 2 nor 3", t.Mapping)
	case t.NLEN != 2 && (t.NLEN != 4 || t.Mapping != 3):
		return fmt.Errorf("simulated card: an NLEN of %d bytes with mapping version %d", t.NLEN, t.Mapping)
	case t.MLe < 15 || t.MLe > 65535 || t.MLc < 1 || t.MLc > 65535:
		return fmt.Errorf("simulated card: MLe %d and MLc %d are not between 15, 1 and 65535", t.MLe, t.MLc)
	case t.Quirks&^quirks != 0:
		return fmt.Errorf("simulated card: unknown quirks %X", uint32(t.Quirks&^quirks))
	case o.Size < minNDEF || o.Size > most:
		return fmt.Errorf("simulated card: an NDEF file of %d bytes is not between %d and %d", o.Size, minNDEF, most)
	}
	switch t.FileID {
	case 0x0000, 0xE102, fidCC, fidMF, 0x3FFF, 0xFFFF: // reserved, Type 4 Tag 2.0, 5.1.2.1
		return fmt.Errorf("simulated card: %04X is no id of an NDEF file", t.FileID)
	}
	return nil
}

func (t *Tag) has(q Quirk) bool { return t.Quirks&q != 0 }

// capabilities is the capability container, Type 4 Tag 2.0, 5.1, and for version 3 with the TLV for four-byte lengths.
func (c *Card) capabilities(writable bool) []byte {
	t := c.opt.Tag
	file := u16(int(t.FileID))
	if t.NLEN == 4 {
		file = binary.BigEndian.AppendUint32(file, uint32(c.opt.Size))
	} else {
		file = append(file, u16(c.opt.Size)...)
	}
	access := byte(0x00)
	if !writable {
		access = 0xFF
	}
	file = append(file, 0x00, access)
	tag := byte(0x04)
	if t.NLEN == 4 {
		tag = 0x06
	}
	b := join([]byte{t.Mapping << 4}, u16(t.MLe), u16(t.MLc), tlv(tag, file...))
	return join(u16(2+len(b)), b)
}

// runTag is run for a tag. What a command leaves is sent as it is: tags do not know GET RESPONSE.
func (c *Card) runTag(cmd command) (answer, error) {
	if cmd.cla != 0 {
		return sw(swClass), nil
	}
	if cmd.extended {
		return sw(swLength), nil
	}
	switch cmd.ins {
	case 0xA4:
		return c.selectTag(cmd), nil
	case 0xB0:
		return c.readTag(cmd)
	case 0xD6:
		return c.updateTag(cmd)
	}
	return sw(swInstruction), nil
}

// selectTag is SELECT, Type 4 Tag 2.0, 5.4.2 and 5.4.3. A selection that fails changes nothing.
func (c *Card) selectTag(cmd command) answer {
	t := c.opt.Tag
	if cmd.p1 == 0x04 && string(cmd.data) == aidNDEF && (cmd.p2 == 0x00 || cmd.p2 == 0x0C) {
		if cmd.ne == 0 && t.has(QuirkNeedsLe) {
			return sw(swNotFound)
		}
		c.inApp, c.current = true, 0
		return c.controlTag(tlv(0x84, cmd.data...))
	}
	switch {
	case t.has(QuirkSelect) && c.inApp && (cmd.p1 != 0x00 || cmd.p2 != 0x0C):
		return sw(swFunction)
	case cmd.p1 != 0x04 && cmd.p1 != 0x00 || cmd.p2 != 0x00 && cmd.p2 != 0x0C:
		return sw(swParameters)
	case cmd.p1 == 0x04 && len(cmd.data) == 0:
		return sw(swLength)
	case cmd.p1 == 0x04:
		return sw(swNotFound)
	case len(cmd.data) != 2 || cmd.p2 == 0x0C && cmd.ne != 0: // ST's refuse a Le where no data can come
		return sw(swLength)
	}
	id := binary.BigEndian.Uint16(cmd.data)
	if !c.inApp || id != fidCC && id != t.FileID {
		return sw(swNotFound)
	}
	c.current = id
	size := c.opt.Size
	if id == fidCC {
		size = len(c.capabilities(true))
	}
	return c.controlTag(join(tlv(0x80, u16(min(size, 65535))...), tlv(0x82, 0x01), tlv(0x83, cmd.data...)))
}

func (c *Card) controlTag(b []byte) answer {
	if !c.opt.Tag.has(QuirkFCI) {
		return sw(swOK)
	}
	return answer{tlv(0x6F, b...), swOK}
}

// readTag is READ BINARY, Type 4 Tag 2.0, 5.4.4 and 5.4.6.
func (c *Card) readTag(cmd command) (answer, error) {
	t := c.opt.Tag
	off, most := int(cmd.p1)<<8|int(cmd.p2), cmd.ne
	if most > t.MLe && t.has(QuirkCut) {
		most = t.MLe
	}
	size := c.opt.Size
	var cc []byte
	if c.current == fidCC {
		writable, err := c.tagWritable()
		if err != nil {
			return c.memoryFailure(err)
		}
		cc = c.capabilities(writable)
		size = len(cc)
	}
	switch {
	case len(cmd.data) != 0 || cmd.ne == 0 || most > t.MLe:
		return sw(swLength), nil
	case cmd.p1 >= 0x80: // no short file ids
		return sw(swParameters), nil
	case c.current == 0:
		return sw(swNoFile), nil
	case off >= size:
		return sw(swOffset), nil
	case off+most > math.MaxInt16 && t.has(QuirkCut):
		return sw(swLength), nil
	}
	n, status := min(most, size-off), uint16(swOK)
	if t.has(QuirkEndOfFile) && off+most >= size {
		status = swEndOfFile
	} else if n < most && !t.has(QuirkCut) {
		return sw(swOverLe), nil
	}
	if c.current == fidCC {
		return answer{cc[off : off+n : off+n], status}, nil
	}
	if t.has(QuirkMessage) {
		length, err := c.messageEnd()
		if err != nil {
			return c.memoryFailure(err)
		}
		if off+n > length {
			return sw(swEndOfFile), nil
		}
	}
	b := make([]byte, n)
	if _, err := c.mem.ReadAt(b, int64(off)); err != nil {
		return c.memoryFailure(err)
	}
	return answer{b, status}, nil
}

// tagWritable tells whether write access is 00.
func (c *Card) tagWritable() (bool, error) {
	if t := c.opt.Tag; t.ReadOnly || !t.has(QuirkWriteOnce) {
		return !t.ReadOnly, nil
	}
	end, err := c.messageEnd()
	return end == c.opt.Tag.NLEN, err
}

// messageEnd is where the message ends according to NLEN.
func (c *Card) messageEnd() (int, error) {
	b := make([]byte, c.opt.Tag.NLEN)
	if _, err := c.mem.ReadAt(b, 0); err != nil {
		return 0, err
	}
	n := uint64(0)
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return len(b) + int(min(n, maxTagSize)), nil
}

// updateTag is UPDATE BINARY, Type 4 Tag 2.0, 5.4.7.
func (c *Card) updateTag(cmd command) (answer, error) {
	t := c.opt.Tag
	off, data := int(cmd.p1)<<8|int(cmd.p2), cmd.data
	writable, err := c.tagWritable()
	if err != nil {
		return c.memoryFailure(err)
	}
	switch {
	case len(data) == 0 || cmd.ne != 0 || len(data) > t.MLc:
		return sw(swLength), nil
	case cmd.p1 >= 0x80:
		return sw(swParameters), nil
	case c.current == 0:
		return sw(swNoFile), nil
	case c.current == fidCC || !writable:
		return sw(swSecurity), nil
	case off >= c.opt.Size && t.has(QuirkPastEnd):
		return sw(swOK), nil
	case off >= c.opt.Size:
		return sw(swOffset), nil
	case t.has(QuirkLastByte) && off+len(data) >= c.opt.Size:
		return sw(swLength), nil
	case t.has(QuirkPastEnd):
		data = data[:min(len(data), c.opt.Size-off)]
	case len(data) > c.opt.Size-off:
		return sw(swNoSpace), nil
	}
	return c.update(data, off)
}
