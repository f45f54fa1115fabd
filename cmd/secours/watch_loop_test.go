package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secours-card/secours/pcsc"
)

// vigil is a watcher between a source that the test feeds and a front that tells the test.
type vigil struct {
	t      *testing.T
	w      *watcher
	source chan sight
	told   chan string
	keep   bool
	end    context.CancelCauseFunc
	ended  chan error

	mu     sync.Mutex
	starts []job
	// answers is what becomes of the next readings in a reader; without one, a reading shows "summary of READER".
	answers map[string][]func(ctx context.Context, document []byte) answer
	seen    [][]byte // the buffers of all readings
}

func newVigil(t *testing.T) *vigil {
	v := &vigil{
		t: t, source: make(chan sight), told: make(chan string, 10), ended: make(chan error, 1),
		answers: map[string][]func(context.Context, []byte) answer{},
	}
	v.w = newWatcher(&app{lang: en, timeout: time.Second, now: time.Now}, v.read)
	v.w.front = v
	v.w.source = func(ctx context.Context) iter.Seq2[[]pcsc.Reader, error] {
		return func(yield func([]pcsc.Reader, error) bool) {
			for {
				select {
				case s := <-v.source:
					if !yield(s.readers, s.err) {
						return
					}
				case <-ctx.Done():
					return
				}
			}
		}
	}
	v.w.pauses = []time.Duration{time.Millisecond, 2 * time.Millisecond}
	v.w.own, v.w.restraint, v.w.maxRestraint = 0, time.Millisecond, time.Millisecond
	return v
}

// watching starts a watcher; change adjusts it before.
func watching(t *testing.T, change func(v *vigil)) *vigil {
	t.Helper()
	v := newVigil(t)
	if change != nil {
		change(v)
	}
	ctx, end := context.WithCancelCause(t.Context())
	v.end = end
	go func() { v.ended <- v.w.run(ctx) }()
	t.Cleanup(func() { end(errQuit) })
	return v
}

func (v *vigil) read(ctx context.Context, j job, document []byte) answer {
	v.mu.Lock()
	v.starts = append(v.starts, j)
	v.seen = append(v.seen, document)
	var f func(context.Context, []byte) answer
	if queue := v.answers[j.reader]; len(queue) > 0 {
		f, v.answers[j.reader] = queue[0], queue[1:]
	}
	v.mu.Unlock()
	if f == nil {
		return answer{length: copy(document, "summary of "+j.reader)}
	}
	return f(ctx, document)
}

func (v *vigil) answer(reader string, f ...func(context.Context, []byte) answer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answers[reader] = append(v.answers[reader], f...)
}

// failing is a reading that fails.
func failing(code int, name string, retryable bool) func(context.Context, []byte) answer {
	return func(context.Context, []byte) answer {
		return failedReading(&failure{code: code, name: name, message: name, retryable: retryable})
	}
}

// until is a reading that ends when c is closed, whatever its context says, and then shows text.
func until(c chan struct{}, text string) func(context.Context, []byte) answer {
	return func(_ context.Context, document []byte) answer {
		n := copy(document, text)
		<-c
		return answer{length: n}
	}
}

// saying is a reading that shows a text.
func saying(text string) func(context.Context, []byte) answer {
	return func(_ context.Context, document []byte) answer { return answer{length: copy(document, text)} }
}

// started waits for the n-th reading.
func (v *vigil) started(n int) {
	v.t.Helper()
	count := func() int {
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.starts)
	}
	for end := time.Now().Add(5 * time.Second); count() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			v.t.Fatalf("%d readings, want %d", count(), n)
		}
	}
}

func (v *vigil) tell(e *event) error {
	s := e.kind
	for _, part := range []string{e.reader, strings.Join(e.readers, "+"), fmt.Sprintf("%X", e.atr)} {
		if part != "" {
			s += " " + part
		}
	}
	if e.answer != nil {
		s += fmt.Sprintf(" %d", e.answer.code)
	}
	if e.failure != nil {
		s += " " + e.failure.name
	}
	if len(e.document) > 0 {
		s += fmt.Sprintf(" %q", e.document)
	}
	if e.retry {
		s += " retry"
	}
	v.told <- s
	return nil
}

func (v *vigil) keeps() bool           { return v.keep }
func (v *vigil) job(reader string) job { return job{reader: reader} }
func (v *vigil) refresh() error        { return nil }
func (v *vigil) inputs() <-chan input  { return nil }
func (v *vigil) input(input) error     { return nil }

// card1 is a reader with a card in it, noCard one without.
func card1(name string, events uint16, atr ...byte) pcsc.Reader {
	return pcsc.Reader{Name: name, Card: true, Events: events, ATR: atr}
}

func noCard(name string, events uint16) pcsc.Reader { return pcsc.Reader{Name: name, Events: events} }

func (v *vigil) see(readers ...pcsc.Reader) {
	v.t.Helper()
	v.give(sight{readers: readers})
}

func (v *vigil) give(s sight) {
	v.t.Helper()
	select {
	case v.source <- s:
	case <-time.After(5 * time.Second):
		v.t.Fatal("the watch does not look")
	}
}

// expect waits for exactly these events.
func (v *vigil) expect(want ...string) {
	v.t.Helper()
	for _, w := range want {
		select {
		case got := <-v.told:
			if got != w {
				v.t.Fatalf("told %q, want %q", got, w)
			}
		case <-time.After(5 * time.Second):
			v.t.Fatalf("nothing was told, want %q", w)
		}
	}
}

// finish ends the watch, and checks that nothing more was told.
func (v *vigil) finish(want error) {
	v.t.Helper()
	v.end(errQuit)
	select {
	case err := <-v.ended:
		if !errors.Is(err, want) {
			v.t.Errorf("the watch ended with %v, want %v", err, want)
		}
	case <-time.After(5 * time.Second):
		v.t.Fatal("the watch does not end")
	}
	select {
	case got := <-v.told:
		v.t.Errorf("told %q at the end", got)
	default:
	}
}

func TestWatchEvents(t *testing.T) {
	busy := failing(exitBusy, "reader-busy", true)
	for name, c := range map[string]func(v *vigil){
		"a card": func(v *vigil) {
			v.see(noCard("A", 0))
			v.expect("watching A")
			v.see(card1("A", 1, 0x3B))
			v.expect("inserted A 3B", `read A 0 "summary of A"`)
			v.see(noCard("A", 2))
			v.expect("removed A")
		},
		"a card that is there already": func(v *vigil) {
			v.see(card1("A", 1), noCard("B", 0))
			v.expect("watching A+B", "inserted A", `read A 0 "summary of A"`)
		},
		"nothing changes": func(v *vigil) {
			v.see(card1("A", 1, 0x3B))
			v.expect("watching A", "inserted A 3B", `read A 0 "summary of A"`)
			v.see(card1("A", 1, 0x3B))
			v.see(card1("A", 1, 0x3B))
		},
		"swapped between two looks, by the count": func(v *vigil) {
			v.see(card1("A", 1, 0x3B))
			v.expect("watching A", "inserted A 3B", `read A 0 "summary of A"`)
			v.see(card1("A", 3, 0x3B))
			v.expect("removed A", "inserted A 3B", `read A 0 "summary of A"`)
		},
		"swapped between two looks, by the ATR": func(v *vigil) {
			v.see(card1("A", 0, 0x3B))
			v.expect("watching A", "inserted A 3B", `read A 0 "summary of A"`)
			v.see(card1("A", 0, 0x3F))
			v.expect("removed A", "inserted A 3F", `read A 0 "summary of A"`)
		},
		"readers come and go": func(v *vigil) {
			v.see()
			v.expect("watching")
			v.see(card1("A", 1))
			v.expect("reader-added A", "inserted A", `read A 0 "summary of A"`)
			v.see(noCard("B", 0))
			v.expect("removed A", "reader-removed A", "reader-added B")
		},
		"the service restarts": func(v *vigil) {
			v.see(card1("A", 1), noCard("B", 0))
			v.expect("watching A+B", "inserted A", `read A 0 "summary of A"`)
			v.give(sight{err: fmt.Errorf("waiting: %w", pcsc.ErrNoService)})
			v.expect("removed A", "reader-removed A", "reader-removed B", "no-service no-service")
			v.see(noCard("B", 0), card1("A", 1))
			v.expect("service", "reader-added B", "reader-added A", "inserted A", `read A 0 "summary of A"`)
		},
		"no service at first": func(v *vigil) {
			v.give(sight{err: pcsc.ErrNoService})
			v.expect("watching", "no-service no-service")
			v.give(sight{err: errors.New("of another kind")})
			v.expect("no-service failed")
			v.see(noCard("A", 0))
			v.expect("service", "reader-added A")
		},
		"one reader of several": func(v *vigil) {
			v.see(card1("A", 1), noCard("B", 0))
			v.expect("watching B")
			v.see(noCard("A", 2), card1("B", 1))
			v.expect("inserted B", `read B 0 "summary of B"`)
			v.see(noCard("A", 2))
			v.expect("removed B", "reader-removed B")
		},
		"a verdict is no failure": func(v *vigil) {
			v.answer("A", func(_ context.Context, document []byte) answer {
				return answer{length: copy(document, "shown"), code: exitInvalid, failure: &failure{code: exitInvalid, name: "invalid", retryable: true}}
			})
			v.see(card1("A", 1))
			v.expect("watching A", "inserted A", `read A 14 invalid "shown"`)
		},
		"not our card": func(v *vigil) {
			v.answer("A", failing(exitNotOurCard, "not-our-card", false))
			v.see(card1("A", 1))
			v.expect("watching A", "inserted A", "failed A 12 not-our-card")
		},
		"another program is busy with it": func(v *vigil) {
			for range 6 {
				v.answer("A", busy)
			}
			v.see(card1("A", 1))
			v.expect("watching A", "inserted A")
			for range 6 {
				v.expect("failed A 16 reader-busy retry")
			}
			v.expect(`read A 0 "summary of A"`)
		},
		"a contact that bounces": func(v *vigil) {
			v.answer("A", failing(exitNoCard, "no-card", true), failing(exitNoCard, "no-card", true), failing(exitNoCard, "no-card", true), failing(exitNoCard, "no-card", true))
			v.see(card1("A", 1))
			v.expect("watching A", "inserted A")
			for range maxTries {
				v.expect("failed A 11 no-card retry")
			}
			v.expect("failed A 11 no-card")
		},
		"it answers later": func(v *vigil) {
			v.answer("A", failing(exitNoCard, "no-card", false))
			v.see(card1("A", 1))
			v.expect("watching A", "inserted A", "failed A 11 no-card")
			v.see(card1("A", 1, 0x3B))
			v.expect(`read A 0 "summary of A"`)
		},
		"another program lets go": func(v *vigil) {
			v.answer("A", busy)
			held := card1("A", 1)
			held.Exclusive = true
			v.see(held)
			v.expect("watching A", "inserted A", "failed A 16 reader-busy retry")
			v.see(card1("A", 1))
			v.expect(`read A 0 "summary of A"`)
		},
		"another program leaves the card": func(v *vigil) {
			v.answer("A", busy)
			shared := card1("A", 1)
			shared.InUse = true
			v.see(shared)
			v.expect("watching A", "inserted A", "failed A 16 reader-busy retry")
			v.see(card1("A", 1))
			v.expect(`read A 0 "summary of A"`)
			v.answer("A", saying("with the new allergy"))
			v.see(shared)
			v.see(card1("A", 1))
			v.expect(`read A 0 "with the new allergy"`)
		},
		"several at once": func(v *vigil) {
			slow := make(chan struct{})
			v.answer("A", until(slow, "slow"))
			v.see(card1("A", 1), noCard("B", 0))
			v.expect("watching A+B", "inserted A")
			v.see(card1("A", 1), card1("B", 1))
			v.expect("inserted B", `read B 0 "summary of B"`)
			close(slow)
			v.expect(`read A 0 "slow"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := watching(t, func(v *vigil) {
				switch name {
				case "one reader of several":
					v.w.only = "B"
				case "another program lets go", "another program leaves the card":
					v.w.pauses = []time.Duration{time.Hour}
				}
			})
			c(v)
			v.finish(errQuit)
		})
	}
}

// With --once the watch ends with the first card that was read, or could not be, as the reading ended.
func TestWatchOnce(t *testing.T) {
	v := watching(t, func(v *vigil) { v.w.once = true })
	v.answer("A", failing(exitBusy, "reader-busy", true))
	v.see(card1("A", 1))
	v.expect("watching A", "inserted A", "failed A 16 reader-busy retry", `read A 0 "summary of A"`)
	v.finish(nil)

	doubtful := &failure{code: exitUnverifiable, name: "unverifiable"}
	v = watching(t, func(v *vigil) { v.w.once = true })
	v.answer("A", func(_ context.Context, document []byte) answer {
		return answer{length: copy(document, "x"), code: doubtful.code, failure: doubtful}
	})
	v.see(card1("A", 1))
	v.expect("watching A", "inserted A", `read A 15 unverifiable "x"`)
	v.finish(doubtful)

	// Somebody else's program does not keep it for ever.
	v = watching(t, func(v *vigil) { v.w.once = true })
	for range 10 {
		v.answer("A", failing(exitBusy, "reader-busy", true))
	}
	v.see(card1("A", 1))
	v.expect("watching A", "inserted A", "failed A 16 reader-busy retry", "failed A 16 reader-busy retry", "failed A 16 reader-busy retry",
		"failed A 16 reader-busy")
	if err := <-v.ended; v.w.a.explain(err).code != exitBusy {
		t.Errorf("ended with %v", err)
	}
}

// A build without PC/SC has nothing to wait for.
func TestWatchWithoutPCSC(t *testing.T) {
	v := watching(t, nil)
	v.give(sight{err: pcsc.ErrUnsupported})
	v.finish(pcsc.ErrUnsupported)
}

// A card that leaves ends its reading; what that gives all the same is told to nobody. The next card in the reader waits for it to
// end, since one reading at a time reaches a reader.
func TestWatchEndsReadingWithCard(t *testing.T) {
	v := watching(t, nil)
	told, hang := make(chan struct{}), make(chan struct{})
	v.answer("A", func(ctx context.Context, document []byte) answer {
		<-ctx.Done()
		close(told)
		<-hang
		return answer{length: copy(document, "of the first card")}
	})
	v.see(card1("A", 1))
	v.expect("watching A", "inserted A")
	v.see(noCard("A", 2))
	v.expect("removed A")
	select {
	case <-told:
	case <-time.After(5 * time.Second):
		t.Fatal("the reading was not told to end")
	}
	v.see(card1("A", 3))
	v.expect("inserted A")
	v.see(card1("A", 3), card1("B", 1)) // other readers do not wait
	v.expect("reader-added B", "inserted B", `read B 0 "summary of B"`)
	if n := len(v.starts); n != 2 {
		t.Fatalf("%d readings, want 2", n)
	}
	close(hang)
	v.expect(`read A 0 "summary of A"`)
	v.finish(errQuit)
	for i, b := range v.seen {
		if bytes.Trim(b, "\x00") != nil {
			t.Errorf("buffer %d was not wiped", i)
		}
	}
}

// A reading that does not end although it was told to is said of the next card, once.
func TestWatchSaysWhatIsStuck(t *testing.T) {
	v := watching(t, func(v *vigil) { v.w.stuck = 20 * time.Millisecond })
	hang := make(chan struct{})
	v.answer("A", until(hang, "late"))
	v.see(card1("A", 1))
	v.expect("watching A", "inserted A")
	v.see(card1("A", 3))
	v.expect("removed A", "inserted A", "failed A 16 no-answer retry")
	close(hang)
	v.expect(`read A 0 "summary of A"`)
	v.finish(errQuit)
}

// A reading has a time.
func TestWatchLimitsReading(t *testing.T) {
	v := watching(t, func(v *vigil) { v.w.limit = 20 * time.Millisecond })
	v.answer("A", func(ctx context.Context, _ []byte) answer {
		<-ctx.Done()
		return failedReading(&failure{code: exitBusy, name: "no-answer"})
	})
	v.see(card1("A", 1))
	v.expect("watching A", "inserted A", "failed A 16 no-answer")
	v.finish(errQuit)
}

// What a card gave is gone from memory when its removal is told; where nobody keeps it, when its reading was told.
func TestWatchWipes(t *testing.T) {
	const patient = "DURAND Jeanne"
	shown := func(_ context.Context, document []byte) answer { return answer{length: copy(document, patient)} }
	for name, leave := range map[string]func(v *vigil){
		"the card leaves": func(v *vigil) { v.see(noCard("A", 2)); v.expect("removed A") },
		"it is swapped": func(v *vigil) {
			v.answer("A", failing(exitNotOurCard, "not-our-card", false))
			v.see(card1("A", 3))
			v.expect("removed A", "inserted A", "failed A 12 not-our-card")
		},
		"the reader leaves": func(v *vigil) { v.see(); v.expect("removed A", "reader-removed A") },
		"the service leaves": func(v *vigil) {
			v.give(sight{err: pcsc.ErrNoService})
			v.expect("removed A", "reader-removed A", "no-service no-service")
		},
		"the watch ends": func(v *vigil) { v.finish(errQuit) },
	} {
		t.Run(name, func(t *testing.T) {
			v := watching(t, func(v *vigil) { v.keep = true })
			v.answer("A", shown)
			v.see(card1("A", 1))
			v.expect("watching A", "inserted A", fmt.Sprintf("read A 0 %q", patient))
			buffer := v.seen[0]
			if !bytes.Contains(buffer, []byte(patient)) {
				t.Fatal("it was wiped while the card was there")
			}
			leave(v)
			v.end(errQuit)
			if name != "the watch ends" {
				<-v.ended
			}
			if bytes.Contains(buffer, []byte("DURAND")) {
				t.Error("it is still in memory")
			}
		})
	}
	v := watching(t, nil)
	v.answer("A", shown)
	v.see(card1("A", 1))
	v.expect("watching A", "inserted A", fmt.Sprintf("read A 0 %q", patient))
	v.see(card1("A", 1)) // what comes after the telling is done by now
	if bytes.Trim(v.seen[0], "\x00") != nil {
		t.Error("what nobody keeps is still in memory")
	}
}

// A reading still under way when the watch ends leaves nothing behind either.
func TestWatchWipesWhatComesLate(t *testing.T) {
	v := watching(t, nil)
	v.answer("A", func(ctx context.Context, document []byte) answer {
		n := copy(document, "DURAND")
		<-ctx.Done()
		return answer{length: n}
	})
	v.see(card1("A", 1))
	v.expect("watching A", "inserted A")
	v.finish(errQuit) // waits for the readings
	if bytes.Trim(v.seen[0], "\x00") != nil {
		t.Error("it is still in memory")
	}
}

// A panic beside the loop ends the watch where the terminal is put back.
func TestWatchHandsPanicsOn(t *testing.T) {
	v := newVigil(t)
	v.answer("A", func(context.Context, []byte) answer { panic("in a reading") })
	go v.see(card1("A", 1))
	defer func() {
		if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "in a reading") {
			t.Errorf("panic %v", p)
		}
	}()
	_ = v.w.a.watchUntil(t.Context(), v.w)
	t.Error("it went on")
}

// A write that nobody takes does not keep the watch from ending.
func TestWatchEndsWithBlockedOutput(t *testing.T) {
	v := newVigil(t)
	v.told = make(chan string) // nobody reads
	ctx, end := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { end(errInterrupted) })
	go v.see(card1("A", 1))
	err := v.w.a.watchUntil(ctx, v.w)
	if f := v.w.a.explain(err); f.code != exitInterrupted {
		t.Errorf("%v", err)
	}
	<-v.told
}

// A thousand cards leave nothing behind: no goroutine, no memory.
func TestWatchStorm(t *testing.T) {
	v := watching(t, nil)
	v.see(noCard("A", 0), noCard("B", 0))
	v.expect("watching A+B")
	events := uint16(0)
	storm := func(n int) (goroutines int, heap uint64) {
		for i := range n {
			events++
			v.see(card1("A", events), card1("B", events))
			for range 4 { // two inserted, two read, in any order
				<-v.told
			}
			if i%10 == 9 {
				v.give(sight{err: pcsc.ErrNoService})
				v.expect("removed A", "reader-removed A", "removed B", "reader-removed B", "no-service no-service")
				v.see(noCard("A", events), noCard("B", events))
				v.expect("service", "reader-added A", "reader-added B")
				continue
			}
			events++
			v.see(noCard("A", events), noCard("B", events))
			v.expect("removed A", "removed B")
		}
		v.mu.Lock()
		v.starts, v.seen = nil, nil
		v.mu.Unlock()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	goroutines, heap := storm(20)
	after, heapAfter := storm(1000)
	if after > goroutines+1 { // a reading may just be ending
		t.Errorf("%d goroutines, %d before", after, goroutines)
	}
	if heapAfter > heap+256<<10 {
		t.Errorf("%d bytes in use, %d before", heapAfter, heap)
	}
	v.finish(errQuit)
}

// A card that another program has used is read again. What is found again is not told again, and what the watch itself did is no reason.
func TestWatchReadsAgain(t *testing.T) {
	free := card1("A", 1)
	used := free
	used.InUse = true
	uses := func(v *vigil) { v.see(used); v.see(free) }
	for name, c := range map[string]struct {
		adjust func(w *watcher)
		run    func(v *vigil)
		starts int
	}{
		"changed": {nil, func(v *vigil) {
			v.answer("A", saying("with the new allergy"))
			uses(v)
			v.expect(`read A 0 "with the new allergy"`)
		}, 2},
		"the same": {nil, func(v *vigil) {
			uses(v)
			v.started(2)
			v.w.reading.Wait() // the result was taken
			v.see(free)        // and dealt with
			uses(v)
		}, 3},
		"changed to what it was": {nil, func(v *vigil) {
			v.answer("A", saying("other"))
			uses(v)
			v.expect(`read A 0 "other"`)
			uses(v)
			v.expect(`read A 0 "summary of A"`)
		}, 3},
		"our own use": {func(w *watcher) { w.own = time.Hour }, func(v *vigil) {
			uses(v)
		}, 1},
		"another's after our own": {func(w *watcher) { w.own = time.Hour }, func(v *vigil) {
			v.answer("A", saying("other"))
			uses(v)
			uses(v)
			v.expect(`read A 0 "other"`)
		}, 2},
		"emptied": {nil, func(v *vigil) {
			v.answer("A", failing(exitNoCard, "empty", false))
			uses(v)
			v.expect("failed A 11 empty")
			uses(v)
			v.expect(`read A 0 "summary of A"`)
		}, 3},
		"busy for a moment": {nil, func(v *vigil) {
			v.answer("A", failing(exitBusy, "reader-busy", true), saying("other"))
			uses(v)
			v.expect(`read A 0 "other"`)
		}, 3},
		"it never answers again": {nil, func(v *vigil) {
			for range maxTries + 1 {
				v.answer("A", failing(exitBusy, "no-answer", true))
			}
			uses(v)
			v.expect("failed A 16 no-answer")
		}, 2 + maxTries},
	} {
		t.Run(name, func(t *testing.T) {
			v := watching(t, func(v *vigil) {
				if c.adjust != nil {
					c.adjust(v.w)
				}
			})
			v.see(free)
			v.expect("watching A", "inserted A", `read A 0 "summary of A"`)
			c.run(v)
			v.started(c.starts)
			v.finish(errQuit)
			if n := len(v.starts); n != c.starts {
				t.Errorf("%d readings, want %d", n, c.starts)
			}
		})
	}
}

// Programs that use the card all the time do not make the watch read all the time.
func TestWatchIsNotDrivenByOthers(t *testing.T) {
	v := watching(t, func(v *vigil) { v.w.restraint, v.w.maxRestraint = 40*time.Millisecond, time.Second })
	free := card1("A", 1)
	used := free
	used.InUse = true
	v.see(free)
	v.expect("watching A", "inserted A", `read A 0 "summary of A"`)
	begin := time.Now()
	for time.Since(begin) < 500*time.Millisecond {
		v.see(used)
		v.see(free)
	}
	took := time.Since(begin)
	v.finish(errQuit)
	// After 40, 80, 160 and 320 ms.
	if n := len(v.starts) - 1; n < 2 || n > 4 {
		t.Errorf("%d readings in %v", n, took)
	}
}
