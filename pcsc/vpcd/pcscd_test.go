package vpcd

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

// transmit sends a command to the card in slot 0 through PC/SC.
func transmit(t *testing.T, service *pcsctest.Service, command []byte) ([]byte, error) {
	t.Helper()
	c, err := pcsc.Connect(t.Context(), service.Reader(0))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Transmit(t.Context(), command)
}

// A card served to a real reader: PC/SC sees it, commands reach it, and it is back after a restart.
func TestPCSCD(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, ended := serving(t, ctx, service.Addr(0), &testCard{})
	command := append([]byte{0, 0xD6, 0, 0, 0xFF}, make([]byte, 255)...)
	for i := range 2 {
		eventually(t, "pcscd sees the card", func() bool { return bytes.Equal(service.ATR(0), testATR) })
		got, err := transmit(t, service, command)
		if err != nil || !bytes.Equal(got, append(bytes.Clone(command), 0x90, 0)) {
			t.Errorf("% X, %v", got, err)
		}
		if i == 0 {
			service.Restart()
		}
	}
	cancel()
	result(t, ended, context.Canceled)
	if !n.are(nil, ErrHungUp, nil) {
		t.Errorf("told %v", n.list)
	}
	eventually(t, "pcscd sees that the card left", func() bool { return service.ATR(0) == nil })
}

// A card that is torn in the middle of a command is a removed card to PC/SC, and the reader takes the next one.
func TestPCSCDTorn(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	torn := &testCard{transmit: func(context.Context, []byte) ([]byte, error) { return nil, leftError{true} }}
	_, ended := serving(t, t.Context(), service.Addr(0), torn)
	eventually(t, "pcscd sees the card", func() bool { return service.ATR(0) != nil })
	_, err := transmit(t, service, []byte{0, 0xB0, 0, 0})
	is(t, err, pcsc.ErrCardRemoved)
	result(t, ended, ErrGone)
	time.Sleep(Away)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, ended = serving(t, ctx, service.Addr(0), &testCard{atr: append(testATR[:0:0], 0x3B, 0x81, 0x01, 0x55, 0xD5)})
	eventually(t, "pcscd sees the next card", func() bool { return len(service.ATR(0)) == 5 })
	if _, err := transmit(t, service, []byte{0, 0xB0, 0, 0}); err != nil {
		t.Error(err)
	}
	cancel()
	result(t, ended, context.Canceled)
}

// Two cards want one slot: the second waits, says so, and is in when the first left.
func TestPCSCDOccupied(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n1, ended1 := serving(t, ctx, service.Addr(0), &testCard{})
	eventually(t, "pcscd sees the card", func() bool { return service.ATR(0) != nil && n1.are(nil) })
	both, cancelBoth := context.WithCancel(t.Context())
	defer cancelBoth()
	n2, ended2 := serving(t, both, service.Addr(0), &testCard{})
	eventually(t, "the second says that the reader is silent", func() bool { return n2.are(ErrSilent) })
	cancel()
	result(t, ended1, context.Canceled)
	eventually(t, "the second is in", func() bool { return n2.are(ErrSilent, nil) && service.ATR(0) != nil })
	cancelBoth()
	result(t, ended2, context.Canceled)
}

// A reader that hangs: the card waits, and is there when it goes on.
func TestPCSCDPaused(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, ended := serving(t, ctx, service.Addr(0), &testCard{})
	eventually(t, "pcscd sees the card", func() bool { return service.ATR(0) != nil && n.are(nil) })
	service.Pause()
	time.Sleep(time.Second)
	service.Continue()
	if _, err := transmit(t, service, []byte{0, 0xB0, 0, 0}); err != nil {
		t.Error(err)
	}
	cancel()
	result(t, ended, context.Canceled)
	if !n.are(nil) {
		t.Errorf("told %v", n.list)
	}
}
