package vpcd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secours-card/secours/pcsc/pcsctest"
)

func TestMain(m *testing.M) { os.Exit(pcsctest.M{M: m}.Run()) }

// patience is for what takes milliseconds on a machine that does nothing else.
const patience = 20 * time.Second

var testATR = []byte{0x3B, 0x80, 0x01, 0x81}

// testCard writes down what is asked of it, and answers a command with itself and 9000.
type testCard struct {
	atr      []byte                                        // testATR if nil
	transmit func(context.Context, []byte) ([]byte, error) // instead of the echo
	resetErr error

	mu  sync.Mutex
	log []string
}

func (c *testCard) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, what)
}

func (c *testCard) calls() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.log, " ")
}

func (c *testCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	c.note("transmit")
	if c.transmit != nil {
		return c.transmit(ctx, command)
	}
	return append(slices.Clone(command), 0x90, 0x00), nil
}

func (c *testCard) Reset(context.Context) error {
	c.note("reset")
	return c.resetErr
}

func (c *testCard) PowerOff() { c.note("off") }

func (c *testCard) ATR() []byte {
	if c.atr != nil {
		return c.atr
	}
	return testATR
}

// leftError is what a card says that was pulled.
type leftError struct{ gone bool }

func (e leftError) Error() string  { return "pulled" }
func (e leftError) CardGone() bool { return e.gone }

// virtualReader is the reader's end, as vpcd has it.
type virtualReader struct {
	t        testing.TB
	listener net.Listener
	conn     net.Conn
}

func listen(t testing.TB, addr string) *virtualReader {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &virtualReader{t: t, listener: l}
	t.Cleanup(r.close)
	return r
}

func (r *virtualReader) addr() string { return r.listener.Addr().String() }

// accept waits for the card.
func (r *virtualReader) accept() {
	r.t.Helper()
	_ = r.listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := r.listener.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.conn = conn
}

func (r *virtualReader) close() {
	r.listener.Close()
	if r.conn != nil {
		r.conn.Close()
	}
}

func message(body ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(body))), body...)
}

func (r *virtualReader) raw(b []byte) {
	r.t.Helper()
	if _, err := r.conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

func (r *virtualReader) send(body ...byte) {
	r.t.Helper()
	r.raw(message(body...))
}

func (r *virtualReader) receive() ([]byte, error) {
	_ = r.conn.SetReadDeadline(time.Now().Add(patience))
	var head [2]byte
	if _, err := io.ReadFull(r.conn, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(r.conn, body)
	return body, err
}

func (r *virtualReader) expect(want ...byte) {
	r.t.Helper()
	got, err := r.receive()
	if err != nil || !bytes.Equal(got, want) {
		r.t.Fatalf("the card answered % X, %v; want % X", got, err, want)
	}
}

// expectEnd waits for the card to hang up without another answer.
func (r *virtualReader) expectEnd() {
	r.t.Helper()
	if got, err := r.receive(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		r.t.Fatalf("the card answered % X, %v, instead of hanging up", got, err)
	}
}

// plugged plugs a card into a reader, and returns what Plug will have returned.
func plugged(t testing.TB, ctx context.Context, c Card) (*virtualReader, func() error) {
	t.Helper()
	leaks(t)
	r := listen(t, "127.0.0.1:0")
	ended := make(chan error, 1)
	go func() { ended <- Plug(ctx, r.addr(), c) }()
	r.accept()
	return r, func() error {
		t.Helper()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			t.Fatal("Plug does not return")
			return nil
		}
	}
}

// leaks looks, at the end of the test, for goroutines of this package that are still there.
func leaks(t testing.TB) {
	t.Cleanup(func() {
		var all string
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			b := make([]byte, 1<<20)
			all = string(b[:runtime.Stack(b, true)])
			if !strings.Contains(all, "vpcd.(*plug)") && !strings.Contains(all, "vpcd.Serve") && !strings.Contains(all, "vpcd.(*server)") {
				return
			}
		}
		t.Errorf("goroutines are left:\n%s", all)
	})
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to be that %s", what)
		}
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}
