//go:build linux && cgo

package pcsc

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/ebfe/scard"
	"golang.org/x/sys/unix"
)

// fake is a pcscd that does what no real one would do for a test: winscard_msg.h of pcsc-lite 1.9.9, protocol 4:4. libpcsclite reads
// the socket's name once, so whoever uses it does so in a process of his own.
type fake struct {
	mu sync.Mutex
	// Before the fields, by command: hang up, or never answer.
	hangUp, silent map[uint32]bool
	version        uint32 // the code that answers CMD_VERSION
	mute           bool   // a reset leaves no protocol
	readers        []fakeReader
	control        func(code uint32) ([]byte, scard.Error)
	transmit       scard.Error // the code that answers a command to the card
	handles        uint32
}

type fakeReader struct {
	name  string
	state uint32
	atr   []byte
}

const (
	fakeEstablish  = 0x01
	fakeRelease    = 0x02
	fakeConnect    = 0x04
	fakeReconnect  = 0x05
	fakeDisconnect = 0x06
	fakeBegin      = 0x07
	fakeEnd        = 0x08
	fakeTransmit   = 0x09
	fakeControl    = 0x0A
	fakeVersion    = 0x11
	fakeStates     = 0x12
	fakeWait       = 0x13
	fakeStopWait   = 0x14

	fakePresent = 0x04 | 0x10 | 0x20 // present, powered, negotiable
)

// fakeSizes are those of the messages' structures.
var fakeSizes = map[uint32]int{
	fakeEstablish: 12, fakeRelease: 8, fakeConnect: 152, fakeReconnect: 24, fakeDisconnect: 12, fakeBegin: 8, fakeEnd: 12, fakeTransmit: 32,
	fakeControl: 24, fakeVersion: 12, fakeWait: 8, fakeStopWait: 8,
}

// set changes the service's ways.
func (f *fake) set(change func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hangUp, f.silent, f.version, f.mute, f.control, f.transmit = nil, nil, 0, false, nil, 0
	f.readers = []fakeReader{{"Fake 00 00", fakePresent, []byte{0x3B, 0x80, 0x01, 0x81}}}
	change(f)
}

// listen starts the service. Without a backlog, connect(2) blocks when one client is waiting to be accepted.
func (f *fake) listen(t *testing.T, path string, accepts bool) {
	t.Helper()
	if !accepts {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
			t.Fatal(err)
		}
		if err := unix.Listen(fd, 0); err != nil {
			t.Fatal(err)
		}
		return
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(conn)
		}
	}()
}

func (f *fake) serve(conn net.Conn) {
	defer conn.Close()
	for {
		f.mu.Lock()
		atOnce := f.hangUp[0]
		f.mu.Unlock()
		if atOnce {
			return
		}
		var header [8]byte
		if _, err := io.ReadFull(conn, header[:]); err != nil {
			return
		}
		body := make([]byte, binary.NativeEndian.Uint32(header[:]))
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		command := binary.NativeEndian.Uint32(header[4:])
		reply, ok := f.answer(command, body, conn)
		if !ok {
			return
		}
		if _, err := conn.Write(reply); err != nil {
			return
		}
	}
}

func (f *fake) answer(command uint32, body []byte, conn io.Reader) (reply []byte, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hangUp[command] {
		return nil, false
	}
	if f.silent[command] {
		return nil, true
	}
	size, ok := fakeSizes[command]
	if command == fakeStates || command == fakeWait {
		return f.states(), true
	}
	if !ok {
		return nil, false
	}
	reply = make([]byte, size)
	copy(reply, body)
	put := func(field int, value uint32) { binary.NativeEndian.PutUint32(reply[4*field:], value) }
	get := func(field int) uint32 { return binary.NativeEndian.Uint32(body[4*field:]) }
	switch command {
	case fakeVersion:
		put(2, f.version)
	case fakeEstablish:
		f.handles++
		put(1, f.handles)
	case fakeConnect:
		f.handles++
		put(35, f.handles)
		put(36, uint32(scard.ProtocolT1))
	case fakeReconnect:
		put(4, uint32(scard.ProtocolT1))
		if f.mute {
			put(4, 0)
		}
	case fakeControl:
		if _, err := io.CopyN(io.Discard, conn, int64(get(2))); err != nil {
			return nil, false
		}
		answer, code := []byte(nil), scard.ErrUnsupportedFeature
		if f.control != nil {
			answer, code = f.control(get(1))
		}
		put(4, uint32(len(answer)))
		put(5, uint32(code))
		reply = append(reply, answer...)
	case fakeTransmit:
		if _, err := io.CopyN(io.Discard, conn, int64(get(3))); err != nil {
			return nil, false
		}
		if f.transmit != 0 {
			put(7, uint32(f.transmit))
			break
		}
		put(6, 2)
		reply = append(reply, 0x90, 0x00)
	}
	return reply, true
}

func (f *fake) states() []byte {
	const size = 184
	b := make([]byte, 16*size)
	for i, r := range f.readers {
		state := b[i*size:][:size]
		copy(state, r.name)
		binary.NativeEndian.PutUint32(state[132:], r.state)
		copy(state[140:], r.atr)
		binary.NativeEndian.PutUint32(state[176:], uint32(len(r.atr)))
	}
	return b
}
