package vpcd

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"testing"
	"time"
)

// FuzzServe: whatever comes from the reader, every question is answered, in order and properly, until the connection ends; and it ends.
func FuzzServe(f *testing.F) {
	for _, b := range [][]byte{
		nil,
		{0},
		{0, 0},
		{0, 1},
		message(4), message(0), message(9), message(0, 0xB0, 0, 0, 0),
		{0xFF, 0xFF, 4},
		slices.Concat(message(4), message(1), message(4), message(0, 0xA4, 4, 0), message(2), message(0), message(4)),
		slices.Concat(message(0), message(0, 0xA4, 4, 0), message(4)),
		slices.Concat(message(4), []byte{0, 0}, message(4)),
		slices.Concat(message(make([]byte, 300)...), message(4)),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		conn := &tape{in: bytes.NewReader(sent)}
		ended := make(chan error, 1)
		go func() { ended <- newPlug(conn, &testCard{}, func() {}).serve(t.Context()) }()
		select {
		case err := <-ended:
			if err == nil {
				t.Fatal("it ended without a reason")
			}
		case <-time.After(patience):
			t.Fatal("it hangs")
		}
		if got, want := conn.out.Bytes(), answers(sent); !bytes.Equal(got, want) {
			t.Fatalf("answers % X, want % X", got, want)
		}
	})
}

// tape is a connection to a reader that sends what it has to send and hangs up.
type tape struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (t *tape) Read(b []byte) (int, error)       { return t.in.Read(b) }
func (t *tape) Write(b []byte) (int, error)      { return t.out.Write(b) }
func (t *tape) SetReadDeadline(time.Time) error  { return nil }
func (t *tape) SetWriteDeadline(time.Time) error { return nil }
func (t *tape) Close() error                     { return nil }

// answers is the protocol once more.
func answers(sent []byte) (out []byte) {
	powered := true
	for len(sent) >= 2 {
		n := int(binary.BigEndian.Uint16(sent))
		if n == 0 || len(sent) < 2+n {
			break
		}
		body := sent[2 : 2+n]
		sent = sent[2+n:]
		switch {
		case n > 1 && !powered, n+2 > maxMessage:
			return out
		case n > 1:
			out = append(out, message(append(slices.Clone(body), 0x90, 0)...)...)
		case body[0] == 4:
			out = append(out, message(testATR...)...)
		default:
			powered = body[0] != 0 && (powered || body[0] == 1 || body[0] == 2)
		}
	}
	return out
}
