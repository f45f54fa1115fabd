package vpcd

import (
	"context"
	"encoding/binary"
	"net"
	"testing"

	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

var acknowledgements = []struct {
	name string
	of   func(*net.TCPConn) func()
}{
	{"quickack", quickAck},
	{"delayed", func(*net.TCPConn) func() { return func() {} }},
}

// readBinary asks for 240 bytes, as package card does, and gets them.
var (
	readBinary = []byte{0x00, 0xB0, 0x81, 0x00, 0xF0}
	block      = &testCard{transmit: func(context.Context, []byte) ([]byte, error) {
		return append(make([]byte, 240), 0x90, 0x00), nil
	}}
)

// BenchmarkLoopback is one command to a reader that writes as vpcd does: the length, then the body, with Nagle's algorithm on.
func BenchmarkLoopback(b *testing.B) {
	for _, a := range acknowledgements {
		b.Run(a.name, func(b *testing.B) {
			r := listen(b, "127.0.0.1:0")
			conn, err := dial(b.Context(), r.addr())
			if err != nil {
				b.Fatal(err)
			}
			go newPlug(conn, block, a.of(conn)).serve(b.Context())
			r.accept()
			if err := r.conn.(*net.TCPConn).SetNoDelay(false); err != nil {
				b.Fatal(err)
			}
			length := binary.BigEndian.AppendUint16(nil, uint16(len(readBinary)))
			for b.Loop() {
				r.raw(length)
				r.raw(readBinary)
				if _, err := r.receive(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPCSCD is one command through PC/SC, pcscd and vpcd.
func BenchmarkPCSCD(b *testing.B) {
	for _, a := range acknowledgements {
		b.Run(a.name, func(b *testing.B) {
			service := pcsctest.Start(b, pcsctest.Readers)
			conn, err := dial(b.Context(), service.Addr(0))
			if err != nil {
				b.Fatal(err)
			}
			go newPlug(conn, block, a.of(conn)).serve(b.Context())
			eventually(b, "pcscd sees the card", func() bool { return service.ATR(0) != nil })
			c, err := pcsc.Connect(b.Context(), service.Reader(0))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := c.Transmit(b.Context(), readBinary); err != nil {
					b.Fatal(err)
				}
			}
			c.Close()
			conn.Close()
			service.Stop()
		})
	}
}
