package vpcd

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// news collects what Serve tells.
type news struct {
	mu   sync.Mutex
	list []error
}

func (n *news) tell(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, err)
}

// are reports whether exactly these were told.
func (n *news) are(want ...error) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.EqualFunc(n.list, want, func(got, want error) bool { return errors.Is(got, want) })
}

func serving(t *testing.T, ctx context.Context, addr string, c Card) (*news, chan error) {
	t.Helper()
	leaks(t)
	n, ended := &news{}, make(chan error, 1)
	go func() { ended <- Serve(ctx, addr, c, n.tell) }()
	return n, ended
}

func result(t *testing.T, ended chan error, want error) {
	t.Helper()
	select {
	case err := <-ended:
		is(t, err, want)
	case <-time.After(patience):
		t.Fatal("Serve does not return")
	}
}

// The reader is not there yet, comes, hangs up, goes and comes again: the card is back each time, and one word is said of each.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := listen(t, "127.0.0.1:0")
	addr := r.addr()
	r.close()
	c := &testCard{}
	n, ended := serving(t, ctx, addr, c)
	eventually(t, "it says that there is no reader", func() bool { return n.are(ErrNoReader) })
	time.Sleep(3 * lastPause / 2) // some more attempts, about which nothing is said
	want := []error{ErrNoReader}
	for range 2 {
		r = listen(t, addr)
		began := time.Now()
		for range 2 {
			r.accept()
			r.send(4)
			r.expect(testATR...)
			want = append(want, nil)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("the card came back after %v", took)
			}
			r.conn.Close()
			want = append(want, ErrHungUp)
		}
		r.close()
	}
	eventually(t, "it said each once", func() bool { return n.are(want...) })
	cancel()
	result(t, ended, context.Canceled)
}

// A reader that hangs up at once, or breaks the protocol, is tried again, neither all the time nor aloud.
func TestServeBacksOff(t *testing.T) {
	for name, tc := range map[string]struct {
		sent []byte
		want error
	}{
		"hangs up":        {nil, ErrHungUp},
		"no message":      {[]byte{0}, ErrHungUp},
		"an empty one":    {[]byte{0, 0}, ErrMessage},
		"powerless, then": {slices.Concat(message(0), message(0, 0xA4, 4, 0)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := listen(t, "127.0.0.1:0")
			n, ended := serving(t, ctx, r.addr(), &testCard{})
			stop := time.Now().Add(1500 * time.Millisecond)
			tries := 0
			for ; time.Now().Before(stop); tries++ {
				r.accept()
				if tc.sent != nil {
					r.raw(tc.sent)
				}
				if tc.want != ErrMessage && tc.want != nil {
					r.conn.Close()
					continue
				}
				r.expectEnd()
			}
			if tries < 2 || tries > 4 {
				t.Errorf("%d attempts in 1.5 s", tries)
			}
			if tc.want != nil {
				eventually(t, "it said so once", func() bool { return n.are(tc.want) })
			}
			cancel()
			result(t, ended, context.Canceled)
		})
	}
}

// vpcd leaves a second card's connection in its queue.
func TestServeOccupied(t *testing.T) {
	r := listen(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, ended := serving(t, ctx, r.addr(), &testCard{})
	eventually(t, "it says that the reader is silent", func() bool { return n.are(ErrSilent) })
	r.accept()
	r.send(4)
	r.expect(testATR...)
	eventually(t, "it says that it is heard", func() bool { return n.are(ErrSilent, nil) })
	cancel()
	result(t, ended, context.Canceled)
}

func TestServeEndsWithTheCard(t *testing.T) {
	for _, tc := range []struct{ err, want error }{{leftError{true}, ErrGone}, {errors.New("broken"), ErrFaulty}} {
		r := listen(t, "127.0.0.1:0")
		n, ended := serving(t, t.Context(), r.addr(), &testCard{transmit: func(context.Context, []byte) ([]byte, error) {
			return nil, tc.err
		}})
		r.accept()
		r.send(0, 0xB0, 0, 0)
		r.expectEnd()
		result(t, ended, tc.want)
		if !n.are(nil) {
			t.Errorf("told %v", n.list)
		}
	}
}

func TestServeContext(t *testing.T) {
	r := listen(t, "127.0.0.1:0")
	r.close()
	// Reserved for documentation, so nobody answers: RFC 5737.
	for _, addr := range []string{r.addr(), "192.0.2.1:" + port(r)} {
		ctx, cancel := context.WithCancel(t.Context())
		_, ended := serving(t, ctx, addr, &testCard{})
		time.Sleep(20 * time.Millisecond)
		began := time.Now()
		cancel()
		result(t, ended, context.Canceled)
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: it took %v", addr, took)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	is(t, Serve(ctx, r.addr(), &testCard{}, nil), context.Canceled)
}

func port(r *virtualReader) string {
	_, p, _ := net.SplitHostPort(r.addr())
	return p
}
