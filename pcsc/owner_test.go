//go:build cgo || windows

package pcsc

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

// busy gives the owner a call to do that lasts until it is let go.
func busy(t *testing.T, o *owner) (let func()) {
	t.Helper()
	in, out, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_ = o.do(context.Background(), func() error {
			close(in)
			<-out
			return nil
		})
	}()
	<-in
	return func() {
		close(out)
		<-done
	}
}

// Nothing of a call stays in memory, however it ends without its caller seeing the result.
func TestUnseenCalls(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		run  func(o *owner, call func(context.Context) error) error
		want error
	}{
		"context ended before": {func(_ *owner, call func(context.Context) error) error {
			return call(ended)
		}, context.Canceled},
		"closed before": {func(o *owner, call func(context.Context) error) error {
			o.stop()
			return call(t.Context())
		}, ErrClosed},
		"context ends while others are served": {func(o *owner, call func(context.Context) error) error {
			let := busy(t, o)
			defer let()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			return call(ctx)
		}, context.DeadlineExceeded},
		"closed while others are served": {func(o *owner, call func(context.Context) error) error {
			let := busy(t, o)
			defer let()
			time.AfterFunc(10*time.Millisecond, o.stop)
			return call(t.Context())
		}, ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOwner()
			defer o.end(time.Second)
			secret := []byte("1234")
			began := false
			err := test.run(o, func(ctx context.Context) error {
				return o.call(ctx, func() error { began = true; return nil }, func() { clear(secret) })
			})
			if !errors.Is(err, test.want) || !errors.Is(err, ErrNotBegun) || began {
				t.Errorf("%v, began %v; want %v", err, began, test.want)
			}
			if !bytes.Equal(secret, make([]byte, 4)) {
				t.Errorf("%q is left", secret)
			}
		})
	}
}

// A call that succeeds after it was given up: its answer is nobody's.
func TestAnswerToNobody(t *testing.T) {
	o := newOwner()
	ctx, cancel := context.WithCancel(t.Context())
	out, cleared := make(chan struct{}), make(chan struct{})
	var answer []byte
	err := o.call(ctx, func() error {
		cancel()
		<-out
		answer = []byte("secret")
		return nil
	}, func() {
		clear(answer)
		close(cleared)
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNotBegun) {
		t.Errorf("%v, want the context's error alone", err)
	}
	// It had its time.
	start := time.Now()
	if o.end(5 * time.Second) {
		t.Error("an owner in a call has left")
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("the end of an owner that was given up took %v", d)
	}
	close(out)
	<-cleared
	if !bytes.Equal(answer, make([]byte, 6)) {
		t.Errorf("%q is left", answer)
	}
	<-o.left
	if !o.end(0) {
		t.Error("the owner has left, and end does not know")
	}
}
