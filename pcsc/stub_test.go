//go:build !cgo && !windows

package pcsc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/secours-card/secours/pcsc"
)

func TestEveryCallSaysThereIsNoPCSC(t *testing.T) {
	ctx := t.Context()
	_, readers := pcsc.Readers(ctx)
	_, connect := pcsc.Connect(ctx, "")
	var c pcsc.Conn
	_, transmit := c.Transmit(ctx, []byte{0x00, 0xA4, 0x04, 0x00})
	_, waited := pcsc.WaitCard(ctx, "")
	var watched error
	for _, err := range pcsc.Watch(ctx) {
		watched = err
	}
	for call, err := range map[string]error{
		"Readers": readers, "Connect": connect, "Transmit": transmit, "Reset": c.Reset(ctx), "Close": c.Close(),
		"Begin": c.Begin(ctx), "End": c.End(ctx), "Leave": c.Leave(), "Watch": watched, "WaitCard": waited,
	} {
		if !errors.Is(err, pcsc.ErrUnsupported) || !strings.Contains(err.Error(), "built without PC/SC") {
			t.Errorf("%s: %v, want ErrUnsupported", call, err)
		}
	}
}
