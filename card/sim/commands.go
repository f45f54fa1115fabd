package sim

import (
	"errors"
	"fmt"
	"time"
)

// answer is what a command leaves: data, then the status word.
type answer struct {
	data []byte
	sw   uint16
}

func sw(status uint16) answer { return answer{sw: status} }

// File identifiers and short ones.
const (
	fidMF        = 0x3F00
	fidInfo      = 0x2F01
	fidContainer = 0x0101
	fidLog       = 0x0102
)

const (
	sfiContainer = 0x01
	sfiLog       = 0x02
	sfiInfo      = 0x1D
)

// fileOf is the file with this short identifier, 0 for none.
func fileOf(sfi byte) uint16 {
	switch sfi {
	case sfiContainer:
		return fidContainer
	case sfiLog:
		return fidLog
	case sfiInfo:
		return fidInfo
	}
	return 0
}

const aid = "\xF0SECOURS"

// run decodes a command, runs it, and fits what it gives to what was asked for.
func (c *Card) run(apdu []byte) (answer, error) {
	cmd, ok := parse(apdu)
	if !ok || len(apdu) > maxCommandAPDU {
		return sw(swLength), nil
	}
	if c.opt.Tag != nil {
		return c.runTag(cmd)
	}
	if cmd.extended && (c.opt.MaxCommand == 0 || len(apdu) > c.opt.MaxCommand) {
		return sw(swLength), nil
	}
	switch cla := cmd.cla; { // ISO/IEC 7816-4:2020, 5.4.1
	case cla >= 0x80 || cla&0xE0 == 0x20:
		return sw(swClass), nil
	case cla >= 0x40 || cla&0x03 != 0:
		return sw(swChannel), nil
	case cla&0x10 != 0:
		return sw(swChaining), nil
	case cla&0x0C != 0:
		return sw(swSecure), nil
	}
	if cmd.ins == 0xC0 {
		return c.getResponse(cmd), nil
	}
	c.rest = nil
	r, err := c.dispatch(cmd)
	if err != nil || r.sw != swOK && r.sw != swEndOfFile {
		return answer{sw: r.sw}, err
	}
	return c.deliver(cmd, r), nil
}

func (c *Card) dispatch(cmd command) (answer, error) {
	switch cmd.ins {
	case 0x20:
		return c.verify(cmd)
	case 0x24:
		return c.change(cmd)
	case 0x2C:
		return c.resetRetry(cmd)
	case 0xA4:
		return c.selectFile(cmd), nil
	case 0xB0:
		return c.readBinary(cmd)
	case 0xB2:
		return c.readRecord(cmd), nil
	case 0xD6:
		return c.updateBinary(cmd)
	case 0xE2:
		return c.appendRecord(cmd)
	}
	return sw(swInstruction), nil
}

// deliver cuts the data to what was asked for and keeps the rest for GET RESPONSE.
func (c *Card) deliver(cmd command, r answer) answer {
	most := cmd.ne
	if c.opt.T0 && len(cmd.data) > 0 {
		most = 0 // T=0 moves data one way in a command, ISO/IEC 7816-3:2006, 12.2.5
	}
	if cmd.extended {
		most = min(most, c.opt.MaxResponse-2)
	}
	if len(r.data) <= most {
		return r
	}
	c.rest = append([]byte(nil), r.data[most:]...)
	return answer{r.data[:most:most], more(len(c.rest))}
}

// more is the status word 61xx for n more bytes, 00 standing for 256 or more.
func more(n int) uint16 {
	if n > 255 {
		n = 0
	}
	return swMoreResponse | uint16(n)
}

func (c *Card) getResponse(cmd command) answer {
	switch {
	case cmd.p1 != 0 || cmd.p2 != 0:
		return sw(swParameters)
	case len(cmd.data) != 0 || cmd.ne == 0:
		return sw(swLength)
	case len(c.rest) == 0:
		return sw(swConditions)
	case c.opt.T0 && cmd.ne > len(c.rest) && !cmd.extended:
		return sw(swExactLength | uint16(len(c.rest)))
	}
	rest := c.rest
	c.rest = nil
	return c.deliver(command{ne: cmd.ne, extended: cmd.extended}, answer{rest, swOK})
}

// selectFile is SELECT, ISO/IEC 7816-4:2020, 11.2.2, by full DF name or by file id.
func (c *Card) selectFile(cmd command) answer {
	switch cmd.p2 {
	case 0x00, 0x0C: // first occurrence; FCI or nothing
	case 0x04: // FCP
	default:
		return sw(swParameters)
	}
	switch cmd.p1 {
	case 0x04:
		if len(cmd.data) == 0 || len(cmd.data) > 16 {
			return sw(swLength)
		}
		if string(cmd.data) != aid {
			return sw(swNotFound) // a right-truncated name too: there is no next occurrence to offer
		}
		c.inApp, c.current, c.verified = true, 0, false // a new session, also of the application that was selected
		return c.control(cmd, c.applicationControl())
	case 0x00, 0x02:
		id := uint16(fidMF)
		switch {
		case len(cmd.data) == 2:
			id = uint16(cmd.data[0])<<8 | uint16(cmd.data[1])
		case len(cmd.data) != 0 || cmd.p1 == 0x02:
			return sw(swLength)
		}
		if id == fidMF && cmd.p1 == 0x00 {
			c.inApp, c.current, c.verified = false, 0, false // the PIN is the application's
			return c.control(cmd, tlv(0x83, fidMF>>8, fidMF&0xFF))
		}
		if !c.exists(id) {
			return sw(swNotFound)
		}
		c.current = id
		return c.control(cmd, c.fileControl(id))
	}
	return sw(swParameters)
}

// control is the answer to SELECT: FCI (6F), FCP (62), or nothing.
func (c *Card) control(cmd command, b []byte) answer {
	switch cmd.p2 {
	case 0x0C:
		return sw(swOK)
	case 0x04:
		return answer{tlv(0x62, b...), swOK}
	}
	return answer{tlv(0x6F, b...), swOK}
}

func (c *Card) exists(id uint16) bool {
	return id == fidInfo || c.inApp && (id == fidContainer || id == fidLog)
}

func (c *Card) applicationControl() []byte {
	own := join(tlv(0x80, u16(c.opt.Size)...), tlv(0x81, u16(c.opt.Page)...), c.limits())
	return join(tlv(0x84, []byte(aid)...), tlv(0xA5, own...))
}

// fileControl is the content of an EF's FCP, ISO/IEC 7816-4:2020, 7.4.3: size, descriptor, id, short id, life cycle.
func (c *Card) fileControl(id uint16) []byte {
	size, sfi, descriptor := len(c.info()), byte(sfiInfo), []byte{0x01}
	switch id {
	case fidContainer:
		size, sfi = c.opt.Size, sfiContainer
	case fidLog:
		sfi, size = sfiLog, c.opt.LogRecords*c.opt.LogRecord
		descriptor = []byte{0x06, 0x21, 0x00, byte(c.opt.LogRecord), byte(c.opt.LogRecords)}
	}
	b := join(tlv(0x80, u16(size)...), tlv(0x82, descriptor...), tlv(0x83, u16(int(id))...))
	b = join(b, tlv(0x88, sfi<<3), tlv(0x8A, 0x05))
	if id == fidContainer {
		b = join(b, tlv(0xA5, tlv(0x81, u16(c.opt.Page)...)...))
	}
	return b
}

// info is the content of EF.ATR/INFO: limits of extended APDUs where there are any, and the capabilities.
func (c *Card) info() []byte {
	return join(c.limits(), tlv(0x47, c.functions()...))
}

// limits is the object 7F66, extended length information, nothing on a card for short APDUs.
func (c *Card) limits() []byte {
	if c.opt.MaxCommand == 0 {
		return nil
	}
	return join([]byte{0x7F}, tlv(0x66, join(tlv(0x02, u16(c.opt.MaxCommand)...), tlv(0x02, u16(c.opt.MaxResponse)...))...))
}

// binary finds the file and the offset that a READ or UPDATE BINARY names, ISO/IEC 7816-4:2020, 11.3.2, and makes the file current.
func (c *Card) binary(cmd command) (id uint16, off int, status uint16) {
	id, off = c.current, int(cmd.p1)<<8|int(cmd.p2)
	if cmd.p1&0x80 != 0 {
		if cmd.p1&0x60 != 0 {
			return 0, 0, swParameters
		}
		id, off = fileOf(cmd.p1&0x1F), int(cmd.p2)
		if !c.exists(id) {
			return 0, 0, swNotFound
		}
		c.current = id
	}
	switch id {
	case 0:
		return 0, 0, swNoFile
	case fidLog:
		return 0, 0, swFileType
	case fidContainer:
		if !c.allowed() {
			return 0, 0, swSecurity
		}
	}
	return id, off, swOK
}

func (c *Card) readBinary(cmd command) (answer, error) {
	if len(cmd.data) != 0 || cmd.ne == 0 {
		return sw(swLength), nil
	}
	id, off, status := c.binary(cmd)
	if status != swOK {
		return sw(status), nil
	}
	info := c.info()
	size := len(info)
	if id == fidContainer {
		size = c.opt.Size
	}
	if off >= size {
		return sw(swOffset), nil
	}
	most := cmd.ne
	if cmd.extended {
		most = min(most, c.opt.MaxResponse-2)
	}
	n, status := min(most, size-off), uint16(swOK)
	if n < cmd.ne && c.opt.T0 && n < 256 && !cmd.extended {
		return sw(swExactLength | uint16(n)), nil
	}
	if n < most && !cmd.all {
		status = swEndOfFile
	}
	if id == fidInfo {
		return answer{info[off : off+n : off+n], status}, nil
	}
	b := make([]byte, n)
	if _, err := c.mem.ReadAt(b, int64(off)); err != nil {
		return c.memoryFailure(err)
	}
	return answer{b, status}, nil
}

func (c *Card) updateBinary(cmd command) (answer, error) {
	if len(cmd.data) == 0 || cmd.ne != 0 {
		return sw(swLength), nil
	}
	id, off, status := c.binary(cmd)
	switch {
	case status != swOK:
		return sw(status), nil
	case id == fidInfo:
		return sw(swSecurity), nil // never updated
	case off >= c.opt.Size:
		return sw(swOffset), nil
	case len(cmd.data) > c.opt.Size-off:
		return sw(swNoSpace), nil
	}
	return c.update(cmd.data, off)
}

// update writes to the memory, and to the image.
func (c *Card) update(data []byte, off int) (answer, error) {
	if err := c.writable(); err != nil {
		return sw(swConditions), err
	}
	_, err := c.mem.WriteAt(data, int64(off))
	first, last := off/c.opt.Page, (off+len(data)-1)/c.opt.Page
	c.elapsed += time.Duration(last-first+1) * c.pageTime()
	// Saved also when the power was lost: that is when the next process must find what the tear left.
	if saved := c.img.savePages(c.mem, first*c.opt.Page, min((last+1)*c.opt.Page, c.opt.Size)); saved != nil {
		return c.imageFailure(saved)
	}
	if err != nil {
		return c.memoryFailure(err)
	}
	return sw(swOK), nil
}

func (c *Card) pageTime() time.Duration {
	if c.opt.PageTime > 0 {
		return c.opt.PageTime
	}
	return pageTime(c.opt.Page)
}

// memoryFailure is 6581, or no answer at all where the power went.
func (c *Card) memoryFailure(err error) (answer, error) {
	if errors.Is(err, ErrPowerLost) {
		return answer{}, err
	}
	return sw(swMemory), nil
}

// imageFailure is the answer where the file could not be written. The file and the memory may differ from here on, so the card does
// nothing more: what it acknowledged is in the file, and only a new Open shows what else is.
func (c *Card) imageFailure(err error) (answer, error) {
	c.failed = fmt.Errorf("simulated card: failed earlier: %w", err)
	return sw(swMemory), err
}

// writable tells whether the image may be written, if there is one.
func (c *Card) writable() error {
	if c.img != nil && c.img.readOnly {
		return &ReadOnlyError{Path: c.img.path}
	}
	return nil
}

func tlv(tag byte, value ...byte) []byte {
	return append([]byte{tag, byte(len(value))}, value...) // always under 128 bytes here
}

func u16(n int) []byte { return []byte{byte(n >> 8), byte(n)} }

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
