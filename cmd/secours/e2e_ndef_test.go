//go:build linux && cgo

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/secours-card/secours/pcsc"
)

// ndefRecord is one record of an NDEF message.
type ndefRecord struct {
	format  byte // TNF
	kind    string
	payload []byte
}

// readNDEF is the NDEF detection and read procedure of a reader that knows nothing of Secours: NFC Forum, Type 4 Tag 2.0, 5.4, and
// mapping version 3 with a control TLV for long files. It returns the message and its one record.
func readNDEF(transmit func([]byte) ([]byte, error)) (message []byte, r ndefRecord, err error) {
	send := func(command ...byte) ([]byte, error) {
		answer, err := transmit(command)
		if err != nil {
			return nil, err
		}
		if n := len(answer); n < 2 || answer[n-2] != 0x90 || answer[n-1] != 0 {
			return nil, fmt.Errorf("% X: % X", command[:4], answer[max(0, n-2):])
		}
		return answer[:len(answer)-2], nil
	}
	if _, err := send(0x00, 0xA4, 0x04, 0x00, 0x07, 0xD2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01, 0x00); err != nil {
		return nil, r, err
	}
	if _, err := send(0x00, 0xA4, 0x00, 0x0C, 0x02, 0xE1, 0x03); err != nil {
		return nil, r, err
	}
	cc, err := send(0x00, 0xB0, 0x00, 0x00, 0x0F)
	if err == nil && len(cc) == 15 && binary.BigEndian.Uint16(cc) > 15 {
		var more []byte
		more, err = send(0x00, 0xB0, 0x00, 0x0F, byte(binary.BigEndian.Uint16(cc)-15))
		cc = append(bytes.Clone(cc), more...)
	}
	if err != nil {
		return nil, r, err
	}
	if len(cc) < 15 || len(cc) != int(binary.BigEndian.Uint16(cc)) {
		return nil, r, fmt.Errorf("a capability container of %d bytes: % X", len(cc), cc)
	}
	most := int(binary.BigEndian.Uint16(cc[3:]))
	var size, lengthBytes int
	switch version, tlv := cc[2]>>4, cc[7:]; {
	case (version == 2 || version == 3) && tlv[0] == 0x04 && tlv[1] == 6:
		size, lengthBytes = int(binary.BigEndian.Uint16(tlv[4:])), 2
	case version == 3 && tlv[0] == 0x06 && tlv[1] == 8 && len(tlv) >= 10:
		size, lengthBytes = int(binary.BigEndian.Uint32(tlv[4:])), 4
	default:
		return nil, r, fmt.Errorf("a capability container % X", cc)
	}
	if _, err := send(0x00, 0xA4, 0x00, 0x0C, 0x02, cc[9], cc[10]); err != nil {
		return nil, r, err
	}
	head, err := send(0x00, 0xB0, 0x00, 0x00, byte(lengthBytes))
	if err != nil || len(head) != lengthBytes {
		return nil, r, fmt.Errorf("NLEN % X: %w", head, err)
	}
	length := 0
	for _, b := range head {
		length = length<<8 | int(b)
	}
	if length == 0 || length > size-lengthBytes {
		return nil, r, fmt.Errorf("a message of %d bytes in a file of %d", length, size)
	}
	for len(message) < length {
		at, want := lengthBytes+len(message), min(most, 255, length-len(message))
		if at >= 1<<15 {
			return nil, r, errors.New("behind what READ BINARY reaches")
		}
		part, err := send(0x00, 0xB0, byte(at>>8), byte(at), byte(want))
		if err != nil || len(part) != want {
			return nil, r, fmt.Errorf("READ BINARY at %d: %d bytes: %w", at, len(part), err)
		}
		message = append(message, part...)
	}
	r, err = parseNDEF(message)
	return message, r, err
}

// parseNDEF takes a message of one record apart: NFC Forum, NDEF 1.0, 3.2.
func parseNDEF(message []byte) (r ndefRecord, err error) {
	const begin, end, chunked, short, hasID = 0x80, 0x40, 0x20, 0x10, 0x08
	in := bytes.NewReader(message)
	bytes := func(n int) []byte {
		if n > in.Len() {
			err = errors.New("the message ends within its record")
			n = in.Len()
		}
		b := make([]byte, n)
		_, _ = in.Read(b)
		return b
	}
	number := func(n int) (value int) {
		for _, b := range bytes(n) {
			value = value<<8 | int(b)
		}
		return value
	}
	flags := number(1)
	if flags&begin == 0 || flags&end == 0 || flags&chunked != 0 {
		return r, fmt.Errorf("flags %02X: not one whole record", flags)
	}
	r.format = byte(flags & 7)
	kind, payload, id := number(1), 4, 0
	if flags&short != 0 {
		payload = 1
	}
	payload = number(payload)
	if flags&hasID != 0 {
		id = number(1)
	}
	r.kind = string(bytes(kind))
	bytes(id)
	r.payload = bytes(payload)
	if err == nil && in.Len() > 0 {
		err = fmt.Errorf("%d bytes behind the record", in.Len())
	}
	return r, err
}

// message reads the tag in the slot as any NDEF reader does, through the service, and returns the length of the message.
func (s *readerSlot) message() int {
	s.t.Helper()
	conn, err := pcsc.Connect(s.t.Context(), s.name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	message, r, err := readNDEF(func(command []byte) ([]byte, error) { return conn.Transmit(s.t.Context(), command) })
	if err != nil {
		s.t.Fatalf("an NDEF reader: %v", err)
	}
	if r.format != 2 || r.kind != "application/vnd.secours" {
		s.t.Fatalf("an NDEF reader finds a record of type %d %q", r.format, r.kind)
	}
	return len(message)
}
