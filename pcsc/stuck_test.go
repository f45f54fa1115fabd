//go:build linux && cgo

package pcsc

import (
	"context"
	"testing"
	"time"
)

// What the other systems come to: PC/SC does not let go of a call that was given up.
func TestReaderThatSomebodyHangsIn(t *testing.T) {
	unleaked(t)
	const reader = "Hanging Reader 00 00"
	o, let := newOwner(), make(chan struct{})
	name := reader
	o.reader.Store(&name)
	within(t, "the call", func(ctx context.Context) error {
		return o.do(ctx, func() error { <-let; return nil })
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Connect(ctx, reader)
	expect(t, "Connect", err, ErrReaderBusy)
	expect(t, "Connect", err, context.DeadlineExceeded)
	if stuckAt("another") != nil {
		t.Error("another reader counts as hanging")
	}
	waited := make(chan error)
	go func() { waited <- letGo(t.Context(), reader) }()
	close(let)
	if err := <-waited; err != nil {
		t.Errorf("after it let go: %v", err)
	}
	if stuckAt(reader) != nil || len(stuck.owners) != 0 {
		t.Error("the reader counts as hanging still")
	}
}
