//go:build linux && cgo

package pcsc

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ebfe/scard"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

type sight struct {
	readers []Reader
	err     error
	at      time.Time
}

// watched runs a Watch of the test's.
type watched struct {
	t      *testing.T
	sights chan sight
}

func startWatch(t *testing.T, slice time.Duration) *watched {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	w := &watched{t, make(chan sight, 100)}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for readers, err := range watch(ctx, slice, 600*time.Millisecond) {
			w.sights <- sight{readers, err, time.Now()}
		}
	}()
	t.Cleanup(func() {
		stop()
		select {
		case <-over:
		case <-time.After(loaded):
			t.Error("Watch goes on after its context")
		}
	})
	return w
}

func (w *watched) next(what string) sight {
	w.t.Helper()
	select {
	case s := <-w.sights:
		return s
	case <-time.After(10 * time.Second):
		w.t.Fatalf("%s: nothing seen", what)
		return sight{}
	}
}

func (w *watched) list(what string, is func([]Reader) bool) sight {
	w.t.Helper()
	s := w.next(what)
	if s.err != nil || !is(s.readers) {
		w.t.Fatalf("%s: %+v, %v", what, s.readers, s.err)
	}
	return s
}

func (w *watched) fails(what string, want error) {
	w.t.Helper()
	if s := w.next(what); !errors.Is(s.err, want) || s.readers != nil {
		w.t.Fatalf("%s: %+v, %v; want %v", what, s.readers, s.err, want)
	}
}

// nothing sees that a time passes without a word.
func (w *watched) nothing(what string, d time.Duration) {
	w.t.Helper()
	select {
	case s := <-w.sights:
		w.t.Errorf("%s: %+v, %v", what, s.readers, s.err)
	case <-time.After(d):
	}
}

// The changes themselves wake Watch, not the clock.
func TestWatchCards(t *testing.T) {
	unleaked(t)
	service(t, true)
	w := startWatch(t, time.Minute)
	w.list("at first", func(r []Reader) bool { return len(r) == 2 && !r[0].Card && !r[1].Card })
	card := insert(t, 0, echo)
	first := w.list("put in", func(r []Reader) bool {
		return r[0].Card && !r[0].Mute && slices.Equal(r[0].ATR, pcsctest.DefaultATR) && !r[1].Card
	})
	card.remove()
	out := w.list("pulled", func(r []Reader) bool { return !r[0].Card && r[0].ATR == nil && r[0].Events != first.readers[0].Events })
	insert(t, 0, echo)
	w.list("another", func(r []Reader) bool { return r[0].Card && r[0].Events != out.readers[0].Events })
	w.nothing("no change", watchSlice)
}

func TestWatchOthers(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, echo)
	w := startWatch(t, watchSlice)
	w.list("at first", func(r []Reader) bool { return r[0].Card && !r[0].InUse && !r[0].Exclusive })
	for range 2 {
		first := foreign(t, 0, scard.ShareShared)
		w.list("in use", func(r []Reader) bool { return r[0].InUse && !r[0].Exclusive && !r[1].InUse })
		for range 3 {
			c := connect(t, "")
			if err := c.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.Leave()
		}
		w.nothing("what is done with it", 3*watchSlice)
		if err := first.Disconnect(scard.LeaveCard); err != nil {
			t.Fatal(err)
		}
		w.list("free", func(r []Reader) bool { return r[0].Card && !r[0].InUse })
	}
	holder := foreign(t, 0, scard.ShareExclusive)
	w.list("held", func(r []Reader) bool { return r[0].Exclusive && r[0].InUse && r[0].Card })
	if err := holder.Disconnect(scard.LeaveCard); err != nil {
		t.Fatal(err)
	}
	w.list("let go", func(r []Reader) bool { return !r[0].Exclusive && !r[0].InUse && r[0].Card })
}

// Programs that come and go make no storm.
func TestWatchManyOthers(t *testing.T) {
	unleaked(t)
	service(t, true)
	insert(t, 0, echo)
	w := startWatch(t, time.Millisecond)
	w.next("at first")
	start := time.Now()
	for time.Since(start) < time.Second {
		connect(t, "").Leave()
	}
	took := time.Since(start)
	if n := len(w.sights); n > 1+int(took/watchPause) {
		t.Errorf("%d changes in %v", n, took)
	}
}

func TestWatchService(t *testing.T) {
	unleaked(t)
	stop := service(t, true)
	insert(t, 1, echo)
	w := startWatch(t, watchSlice)
	w.list("at first", func(r []Reader) bool { return len(r) == 2 && r[1].Card })
	stop()
	w.fails("gone", ErrNoService)
	w.nothing("gone still", 3*watchSlice)
	service(t, false)
	w.list("back without readers", func(r []Reader) bool { return len(r) == 0 })
	w.nothing("without readers", 2*watchSlice)
	rig.Stop()
	w.fails("gone again", ErrNoService)
	service(t, true)
	w.list("back with readers", func(r []Reader) bool { return len(r) == 2 && !r[1].Card })
	insert(t, 1, echo)
	w.list("put in", func(r []Reader) bool { return r[1].Card })
	rig.Pause()
	w.fails("without an answer", ErrNoService)
	rig.Continue()
	w.list("answers again", func(r []Reader) bool { return r[1].Card })
}

// A service that hangs while Watch waits is told once, and soon.
func TestWatchServiceThatHangs(t *testing.T) {
	unleaked(t)
	service(t, true)
	card := insert(t, 0, echo)
	sights := make(chan error)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		defer close(sights)
		for _, err := range Watch(ctx) {
			sights <- err
		}
	}()
	if err := <-sights; err != nil {
		t.Fatal(err)
	}
	eventually(t, "it waits", func() bool { return len(looking) == 1 })
	rig.Pause()
	card.remove()
	start := time.Now()
	expect(t, "Watch", <-sights, ErrNoService)
	if d := time.Since(start); d > 4500*time.Millisecond { // the promise is 3 s
		t.Errorf("told after %v", d)
	}
	rig.Continue()
	if err := <-sights; err != nil {
		t.Errorf("afterwards: %v", err)
	}
	stop()
	for range sights { // what it says until it hears of its end
	}
}

func TestWatchLeftEarly(t *testing.T) {
	unleaked(t)
	service(t, true)
	for range 3 {
		for range Watch(t.Context()) {
			break
		}
		settled(t)
	}
	rig.Stop()
	for _, err := range Watch(t.Context()) {
		expect(t, "Watch", err, ErrNoService)
		break
	}
	settled(t)
}

func TestWatchAndOthersAtOnce(t *testing.T) {
	unleaked(t)
	service(t, true)
	a, b := startWatch(t, watchSlice), startWatch(t, watchSlice)
	a.next("at first")
	b.next("at first")
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				if _, err := Readers(ctx); err != nil {
					t.Errorf("Readers: %v", err)
				}
				cancel()
			}
		})
	}
	insert(t, 0, echo)
	a.list("put in", func(r []Reader) bool { return r[0].Card })
	b.list("put in", func(r []Reader) bool { return r[0].Card })
	all.Wait()
}

func TestWaitCard(t *testing.T) {
	unleaked(t)
	service(t, true)
	within(t, "no card", awaiting(""))
	insert(t, 0, echo)
	for _, reader := range []string{"", rig.Reader(0)} {
		if got, err := WaitCard(t.Context(), reader); got != rig.Reader(0) || err != nil {
			t.Errorf("WaitCard(%q) = %q, %v", reader, got, err)
		}
	}
	within(t, "the other reader", awaiting(rig.Reader(1)))
	within(t, "no such reader", awaiting("no such reader"))
	// The professional's own card.
	foreign(t, 0, scard.ShareExclusive)
	eventually(t, "the reader is held", func() bool {
		readers, err := Readers(t.Context())
		return err == nil && readers[0].Exclusive
	})
	within(t, "only a card that is held", awaiting(""))
	if got, err := WaitCard(t.Context(), rig.Reader(0)); got != rig.Reader(0) || err != nil {
		t.Errorf("WaitCard by name = %q, %v", got, err)
	}
	found := make(chan string)
	go func() {
		reader, err := WaitCard(t.Context(), "")
		if err != nil {
			t.Errorf("WaitCard: %v", err)
		}
		found <- reader
	}()
	insert(t, 1, echo)
	if got := <-found; got != rig.Reader(1) {
		t.Errorf("WaitCard = %q", got)
	}
	name := rig.Reader(1)
	rig.Stop()
	_, err := WaitCard(t.Context(), name)
	expect(t, "WaitCard without a service", err, ErrNoService)
}

func TestWaitCardThroughARestart(t *testing.T) {
	unleaked(t)
	service(t, true)
	name, done := rig.Reader(0), make(chan error)
	go func() {
		_, err := WaitCard(t.Context(), name)
		done <- err
	}()
	eventually(t, "it waits", func() bool { return len(looking) == 1 })
	rig.Restart()
	select {
	case err := <-done:
		t.Fatalf("WaitCard: %v", err)
	case <-time.After(2 * watchSlice):
	}
	insert(t, 0, echo)
	if err := <-done; err != nil {
		t.Errorf("WaitCard: %v", err)
	}
}
