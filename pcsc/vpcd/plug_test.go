package vpcd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestExchange(t *testing.T) {
	c := &testCard{}
	r, ended := plugged(t, t.Context(), c)
	r.send(4)
	r.expect(testATR...)
	r.send(1)
	r.send(4)
	r.expect(testATR...)
	r.send(0x00, 0xB2, 0x01, 0x04, 0x00)
	r.expect(0x00, 0xB2, 0x01, 0x04, 0x00, 0x90, 0x00)
	r.send(2)
	r.send(0)
	r.send(4)
	r.expect(testATR...)
	r.send(1)
	r.send(0x00, 0xB0)
	r.expect(0x00, 0xB0, 0x90, 0x00)
	r.conn.Close()
	is(t, ended(), ErrHungUp)
	if got, want := c.calls(), "reset transmit reset off reset transmit off"; got != want {
		t.Errorf("the card was asked for %s; want %s", got, want)
	}
}

// Byte for byte, or all at once with what comes next: messages have nothing to do with segments.
func TestSegments(t *testing.T) {
	r, _ := plugged(t, t.Context(), &testCard{})
	stream := slices.Concat(message(4), message(1), message(0, 0xA4, 4, 0), message(4))
	go func() {
		for _, b := range stream {
			if _, err := r.conn.Write([]byte{b}); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 2 {
		r.expect(testATR...)
		r.expect(0, 0xA4, 4, 0, 0x90, 0)
		r.expect(testATR...)
		r.raw(stream)
	}
}

// A second write would wait for the acknowledgement of the first.
func TestOneWrite(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go newPlug(ours, &testCard{}, func() {}).serve(t.Context())
	if _, err := theirs.Write(message(4)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, err := theirs.Read(b) // as much as was written at once
	if err != nil || !bytes.Equal(b[:n], message(testATR...)) {
		t.Errorf("% X, %v in the first write", b[:n], err)
	}
}

func TestLongest(t *testing.T) {
	for _, n := range []int{2, 261, 65535} {
		response := bytes.Repeat([]byte{0xA5}, n)
		var got int
		r, _ := plugged(t, t.Context(), &testCard{transmit: func(_ context.Context, command []byte) ([]byte, error) {
			got = len(command)
			return response, nil
		}})
		r.send(response...)
		r.expect(response...)
		if got != n {
			t.Errorf("a command of %d bytes came as %d", n, got)
		}
	}
}

// A card without power hears no command, unless it was put in just now and the reader did not notice.
func TestPower(t *testing.T) {
	for _, tc := range []struct {
		name  string
		sent  [][]byte
		calls string
		err   error // nil: the command is answered
	}{
		{"no power on", nil, "reset transmit off", nil},
		{"on", [][]byte{{1}}, "reset transmit off", nil},
		{"reset", [][]byte{{2}}, "reset transmit off", nil},
		{"off", [][]byte{{0}}, "off off", ErrUnpowered},
		{"on and off", [][]byte{{1}, {0}}, "reset off off", ErrUnpowered},
		{"off and on", [][]byte{{0}, {1}}, "off reset transmit off", nil},
		{"off and reset", [][]byte{{0}, {2}}, "off reset transmit off", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &testCard{}
			r, ended := plugged(t, t.Context(), c)
			for _, b := range tc.sent {
				r.send(b...)
			}
			r.send(0, 0xB0, 0, 0)
			want := tc.err
			if want == nil {
				r.expect(0, 0xB0, 0, 0, 0x90, 0)
				r.conn.Close()
				want = ErrHungUp
			} else {
				r.expectEnd()
			}
			is(t, ended(), want)
			if c.calls() != tc.calls {
				t.Errorf("the card was asked for %s; want %s", c.calls(), tc.calls)
			}
		})
	}
}

// What the card does wrong, or not at all: the reader gets a proper answer or a hang-up, and never neither.
func TestCardEnds(t *testing.T) {
	gone, stays, broken := leftError{true}, leftError{false}, errors.New("broken")
	for _, tc := range []struct {
		name     string
		reset    error
		response []byte
		err      error
		answered bool
	}{
		{name: "torn", response: nil, err: gone},
		{name: "torn, wrapped", response: nil, err: errors.Join(broken, gone)},
		{name: "pulled after its answer", response: []byte{0x90, 0}, err: gone, answered: true},
		{name: "an error of its own", response: nil, err: broken},
		{name: "an error that says it stays", response: nil, err: stays},
		{name: "no answer", response: nil},
		{name: "one byte", response: []byte{0x90}},
		{name: "one byte and an error", response: []byte{0x90}, err: gone},
		{name: "too long", response: make([]byte, 65536)},
		{name: "does not come up", reset: broken},
		{name: "gone at power on", reset: gone, err: gone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &testCard{resetErr: tc.reset, transmit: func(context.Context, []byte) ([]byte, error) { return tc.response, tc.err }}
			r, ended := plugged(t, t.Context(), c)
			r.send(0, 0xB0, 0, 0)
			if tc.answered {
				r.expect(tc.response...)
			}
			r.expectEnd()
			err := ended()
			// An answer that is no answer is the worse fault.
			if errors.Is(tc.err, gone) && len(tc.response) != 1 {
				is(t, err, ErrGone)
			} else {
				is(t, err, ErrFaulty)
			}
			if len(tc.response) != 1 && tc.err != nil {
				is(t, err, tc.err)
			}
		})
	}
	t.Run("an error beside an answer", func(t *testing.T) {
		r, _ := plugged(t, t.Context(), &testCard{transmit: func(context.Context, []byte) ([]byte, error) {
			return []byte{0x69, 0x85}, broken
		}})
		for range 2 {
			r.send(0, 0xB0, 0, 0)
			r.expect(0x69, 0x85)
		}
	})
}

func TestATR(t *testing.T) {
	for n, ok := range map[int]bool{0: false, 1: false, 2: true, 33: true, 34: false, 65535: false, 70000: false} {
		atr := append([]byte{}, make([]byte, n)...)
		r, ended := plugged(t, t.Context(), &testCard{atr: atr})
		r.send(4)
		if ok {
			r.expect(atr...)
			continue
		}
		r.expectEnd()
		is(t, ended(), ErrFaulty)
	}
}

func TestUnknownControls(t *testing.T) {
	c := &testCard{}
	r, _ := plugged(t, t.Context(), c)
	for b := range 256 {
		if b == controlOff || b == controlOn || b == controlReset || b == controlATR {
			continue
		}
		r.send(byte(b))
	}
	r.send(4)
	r.expect(testATR...)
	if c.calls() != "" {
		t.Errorf("the card was asked for %s", c.calls())
	}
}

func TestBrokenMessages(t *testing.T) {
	for _, tc := range []struct {
		name string
		sent []byte
		hang bool // hang up after that
		want error
	}{
		{"no body", []byte{0, 0}, false, ErrMessage},
		{"no body, later", slices.Concat(message(1), []byte{0, 0}), false, ErrMessage},
		{"nothing", nil, true, ErrHungUp},
		{"half a length", []byte{0}, true, ErrHungUp},
		{"a length", []byte{0, 5}, true, ErrHungUp},
		{"half a body", []byte{0, 5, 0, 0xA4}, true, ErrHungUp},
		{"much promised", []byte{0xFF, 0xFF, 0, 0xA4}, true, ErrHungUp},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &testCard{}
			r, ended := plugged(t, t.Context(), c)
			if len(tc.sent) > 0 {
				r.raw(tc.sent)
			}
			if tc.hang {
				r.conn.Close()
			} else {
				r.expectEnd()
			}
			is(t, ended(), tc.want)
			if want := "off"; c.calls() != want && c.calls() != "reset off" {
				t.Errorf("the card was asked for %s; want %s", c.calls(), want)
			}
		})
	}
}

// impatient is a connection whose deadlines come sooner.
type impatient struct{ net.Conn }

func (c impatient) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		t = time.Now().Add(20 * time.Millisecond)
	}
	return c.Conn.SetReadDeadline(t)
}

func (c impatient) SetWriteDeadline(time.Time) error {
	return c.Conn.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
}

func TestDeadlines(t *testing.T) {
	for name, tc := range map[string]struct {
		sent []byte
		want error
	}{
		"half a length":          {[]byte{0}, ErrMessage},
		"half a body":            {[]byte{0, 5, 0, 0xA4}, ErrMessage},
		"an answer nobody takes": {message(4), ErrHungUp},
	} {
		t.Run(name, func(t *testing.T) {
			leaks(t)
			ours, theirs := net.Pipe()
			defer theirs.Close()
			ended := make(chan error, 1)
			go func() { ended <- newPlug(impatient{ours}, &testCard{}, func() {}).serve(t.Context()) }()
			if _, err := theirs.Write(message(4)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(theirs, make([]byte, len(message(testATR...)))); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				t.Fatalf("silence between messages ended the connection: %v", err)
			case <-time.After(60 * time.Millisecond):
			}
			if _, err := theirs.Write(tc.sent); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				is(t, err, tc.want)
			case <-time.After(patience):
				t.Fatal("it waits without limit")
			}
		})
	}
}

func TestContextEnds(t *testing.T) {
	for name, start := range map[string]func(*virtualReader){
		"idle":                  func(*virtualReader) {},
		"in the middle":         func(r *virtualReader) { r.raw([]byte{0, 5, 0}) },
		"the card is at work":   func(r *virtualReader) { r.send(0, 0xB0, 0, 0) },
		"after it was answered": func(r *virtualReader) { r.send(4); r.expect(testATR...) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := &testCard{transmit: func(ctx context.Context, _ []byte) ([]byte, error) {
				<-ctx.Done()
				return []byte{0x90, 0}, nil
			}}
			r, ended := plugged(t, ctx, c)
			start(r)
			began := time.Now()
			cancel()
			is(t, ended(), context.Canceled)
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %v", took)
			}
			r.expectEnd()
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	is(t, Plug(ctx, "127.0.0.1:1", &testCard{}), context.Canceled)
}

func TestNoReader(t *testing.T) {
	r := listen(t, "127.0.0.1:0")
	r.close()
	is(t, Plug(t.Context(), r.addr(), &testCard{}), ErrNoReader)
	is(t, Plug(t.Context(), "127.0.0.1:none", &testCard{}), ErrNoReader)
}

// Without acknowledgements at once, a reader that writes as vpcd does waits 40 ms in every exchange.
func TestAcknowledgesAtOnce(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can be asked to")
	}
	r, _ := plugged(t, t.Context(), &testCard{})
	if err := r.conn.(*net.TCPConn).SetNoDelay(false); err != nil {
		t.Fatal(err)
	}
	const exchanges = 20
	best := time.Hour
	for range 5 { // a loaded machine may spoil some
		began := time.Now()
		for range exchanges {
			r.raw([]byte{0, 1}) // a control without an answer, then a question
			r.raw([]byte{1})
			r.raw([]byte{0, 4})
			r.raw([]byte{0, 0xB0, 0, 0})
			r.expect(0, 0xB0, 0, 0, 0x90, 0)
		}
		best = min(best, time.Since(began))
	}
	if best > exchanges*20*time.Millisecond {
		t.Errorf("%v an exchange", best/exchanges)
	}
}
