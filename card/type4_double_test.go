package card

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// paperTag is a Type 4 Tag in a reader, written from the NFC Forum's specification and from what tags in use do otherwise. It shares
// nothing with package sim but the memory that tears, so that a mistake there is not one here.
type paperTag struct {
	mem interface {
		io.ReaderAt
		io.WriterAt
		Size() int64
		Reset() error
	}
	size         int // of the NDEF file
	id           uint16
	mle, mlc     int
	extended     bool // mapping version 3 with ENLEN
	before       []byte
	access       byte // to write
	fci          bool // every SELECT answers with an FCI
	t0           bool // 61xx where a command had data
	refuseLe     bool // in SELECT by name
	endOfFile    bool // 6282 where a READ BINARY reaches the end
	cut          int  // a READ BINARY answers at most so much, with 9000
	lastByte     bool // may not be written
	pastEnd      bool // UPDATE BINARY past the end is acknowledged
	message      bool // no READ BINARY behind the message
	once         bool // writable while NLEN is 0
	app          bool
	current      uint16
	pending      []byte
	off, pulled  bool
	resets       int
	commands     [][]byte
	change       func(command, answer []byte) ([]byte, error)
	onReset      func()
	selectsOther bool // any name selects the NDEF application
}

func newPaperTag(size int) *paperTag {
	return &paperTag{mem: newPlate(size, 64), size: size, id: 0xE104, mle: 255, mlc: 255}
}

func (p *paperTag) Reset(context.Context) error {
	p.resets++
	if p.off && p.pulled {
		return errGone
	}
	if p.onReset != nil {
		p.onReset()
	}
	p.off, p.app, p.current, p.pending = false, false, 0, nil
	return p.mem.Reset()
}

func (p *paperTag) Transmit(_ context.Context, command []byte) ([]byte, error) {
	if p.off {
		return nil, nil
	}
	p.commands = append(p.commands, bytes.Clone(command))
	answer := p.run(command)
	if p.off {
		return nil, nil
	}
	if p.change != nil {
		return p.change(command, answer)
	}
	return answer, nil
}

func status(sw uint16) []byte { return []byte{byte(sw >> 8), byte(sw)} }

// run takes a short APDU apart and answers it.
func (p *paperTag) run(b []byte) []byte {
	if len(b) < 4 || b[0] != 0 {
		return status(0x6E00)
	}
	ins, p1, p2, body := b[1], b[2], b[3], b[4:]
	var data []byte
	le := -1
	if len(body) == 1 {
		le = int(body[0])
	} else if len(body) > 1 {
		lc := int(body[0])
		if lc == 0 || len(body) < 1+lc || len(body) > 2+lc {
			return status(0x6700)
		}
		if data = body[1 : 1+lc]; len(body) == 2+lc {
			le = int(body[1+lc])
		}
	}
	if le == 0 {
		le = 256
	}
	pending := p.pending
	p.pending = nil
	switch {
	case ins == 0xC0 && p1 == 0 && p2 == 0 && len(pending) > 0 && le == len(pending):
		return append(pending, 0x90, 0x00)
	case ins == 0xA4:
		return p.sel(p1, p2, data, le)
	case ins == 0xB0 && len(data) == 0 && le > 0:
		return p.read(int(p1)<<8|int(p2), le)
	case ins == 0xD6 && len(data) > 0 && le < 0:
		return p.update(int(p1)<<8|int(p2), data)
	}
	return status(0x6D00)
}

func (p *paperTag) sel(p1, p2 byte, data []byte, le int) []byte {
	name := p1 == 4 && p2 == 0
	switch {
	case name && p.selectsOther, name && string(data) == "\xD2\x76\x00\x00\x85\x01\x01":
		if p.refuseLe && le >= 0 {
			return status(0x6700)
		}
		if !p.refuseLe && le < 0 {
			return status(0x6A82) // nRF52 and others
		}
		p.app, p.current = true, 0
	case name || !p.app:
		return status(0x6A82)
	case p1 != 0 || p2 != 0x0C:
		return status(0x6A81)
	case len(data) != 2 || le >= 0:
		return status(0x6700)
	default:
		id := binary.BigEndian.Uint16(data)
		if id != 0xE103 && id != p.id {
			return status(0x6A82)
		}
		p.current = id
	}
	fci := []byte{0x6F, 0x03, 0x80, 0x01, 0x00}
	switch {
	case p.fci && p.t0:
		p.pending = fci
		return []byte{0x61, byte(len(fci))}
	case p.fci:
		return append(fci, 0x90, 0x00)
	}
	return status(0x9000)
}

func (p *paperTag) nlen() (b []byte, value int) {
	b = make([]byte, 2)
	if p.extended {
		b = make([]byte, 4)
	}
	if _, err := p.mem.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		p.off = true
	}
	for _, x := range b {
		value = value<<8 | int(x)
	}
	return b, value
}

func (p *paperTag) cc() []byte {
	access := p.access
	if _, n := p.nlen(); p.once && n != 0 {
		access = 0xFF
	}
	b := []byte{0, 0, 0x20, byte(p.mle >> 8), byte(p.mle), byte(p.mlc >> 8), byte(p.mlc)}
	b = append(b, p.before...)
	if p.extended {
		b[2] = 0x30
		b = append(b, 6, 8, byte(p.id>>8), byte(p.id), byte(p.size>>24), byte(p.size>>16), byte(p.size>>8), byte(p.size), 0, access)
	} else {
		b = append(b, 4, 6, byte(p.id>>8), byte(p.id), byte(p.size>>8), byte(p.size), 0, access)
	}
	binary.BigEndian.PutUint16(b, uint16(len(b)))
	return b
}

func (p *paperTag) read(off, le int) []byte {
	if p.cut > 0 {
		le = min(le, p.cut)
	} else if le > p.mle {
		return status(0x6700)
	}
	var file io.ReaderAt = p.mem
	size := p.size
	if p.current == 0xE103 {
		cc := p.cc()
		file, size = bytes.NewReader(cc), len(cc)
	}
	switch _, n := p.nlen(); {
	case p.current == 0:
		return status(0x6986)
	case off >= size || off > 0x7FFF:
		return status(0x6B00)
	case p.message && p.current != 0xE103 && off+le > n+len(p.head()):
		return status(0x6282)
	}
	b := make([]byte, min(le, size-off))
	if _, err := file.ReadAt(b, int64(off)); err != nil && !errors.Is(err, io.EOF) {
		p.off = true
	}
	if p.endOfFile && off+le >= size || len(b) < le && p.cut == 0 {
		return append(b, 0x62, 0x82)
	}
	return append(b, 0x90, 0x00)
}

// head is NLEN as it stands.
func (p *paperTag) head() []byte { b, _ := p.nlen(); return b }

func (p *paperTag) update(off int, data []byte) []byte {
	_, n := p.nlen()
	switch {
	case p.current == 0:
		return status(0x6986)
	case p.current == 0xE103 || p.access != 0 || p.once && n != 0:
		return status(0x6982)
	case len(data) > p.mlc, p.lastByte && off+len(data) >= p.size, off+len(data) > 0x7FFF: // a signed short
		return status(0x6700)
	case off > p.size || len(data) > p.size-off:
		if !p.pastEnd {
			return status(0x6A84)
		}
		data = data[:max(0, min(len(data), p.size-off))]
	}
	if _, err := p.mem.WriteAt(data, int64(off)); err != nil {
		p.off = true
	}
	return status(0x9000)
}

// file is the NDEF file as it reads now.
func (p *paperTag) file() []byte {
	b := make([]byte, p.size)
	if _, err := p.mem.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		panic(err)
	}
	return b
}

// updates are the UPDATE BINARY commands so far.
func (p *paperTag) updates() (out [][]byte) {
	for _, c := range p.commands {
		if c[1] == 0xD6 {
			out = append(out, c)
		}
	}
	return out
}

// parseMessage reads an NDEF file as a phone does: NFC Forum, NDEF 1.0, chapter 3. It gives the length of the message and the types of its
// records; an empty message has none.
func parseMessage(file []byte, extended bool) (length int, types []string, err error) {
	n := 2
	if extended {
		n = 4
	}
	for _, x := range file[:n] {
		length = length<<8 | int(x)
	}
	if length > len(file)-n {
		return length, nil, fmt.Errorf("NLEN %d in a file of %d", length, len(file))
	}
	b := file[n : n+length]
	if length == 0 {
		return 0, nil, nil
	}
	for first, last := true, false; !last; first = false {
		if len(b) < 3 {
			return length, nil, errors.New("a record cut short, or no last one")
		}
		flags, typeLen := b[0], int(b[1])
		if b = b[2:]; flags&0x80 != 0 != first || flags&0x20 != 0 || flags&0x07 > 4 {
			return length, nil, fmt.Errorf("record with the flags %02X", flags)
		}
		last = flags&0x40 != 0
		payload := int(b[0])
		if flags&0x10 != 0 {
			b = b[1:]
		} else {
			if len(b) < 4 {
				return length, nil, errors.New("a payload length cut short")
			}
			payload, b = int(binary.BigEndian.Uint32(b)), b[4:]
		}
		id := 0
		if flags&0x08 != 0 {
			if len(b) < 1 {
				return length, nil, errors.New("an id length cut short")
			}
			id, b = int(b[0]), b[1:]
		}
		if typeLen+id+payload > len(b) {
			return length, nil, fmt.Errorf("a record of %d bytes in %d", typeLen+id+payload, len(b))
		}
		types = append(types, string(b[:typeLen]))
		b = b[typeLen+id+payload:]
	}
	if len(b) != 0 {
		return length, nil, fmt.Errorf("%d bytes behind the last record", len(b))
	}
	return length, types, nil
}
