//go:build cgo || windows

package pcsc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/ebfe/scard"
)

const (
	// How long one look waits for a change. New readers, and those that went, are seen between two, and so is with pcsc-lite, which wakes
	// nobody for it, whether a card is in use. Whoever else wants to look waits as long.
	watchSlice = 100 * time.Millisecond
	// After a change, before the next is waited for: programs that come and go in a reader make no storm.
	watchPause = 50 * time.Millisecond
	// After that time without an answer the service counts as gone. A pcscd that has just started keeps everybody waiting until its
	// readers are ready, so the time is longer until it has answered once, and doubles, up to the longest.
	answeredPatience = 2 * time.Second
	watchPatience    = 5 * time.Second
	maxWatchPatience = time.Minute
)

// Watch gives the readers and what is in them, at once and after every change, until ctx ends, which ends the sequence without a word.
// A change is what shows in a [Reader]. InUse tells that programs come to the card and leave it, but not how many there are, and with
// pcsc-lite it may miss one that stays for less than a fifth of a second. This program's own connections show as well: whoever reads
// the card again when it is let go must not be woken by himself.
//
// An error is given once, until the readers are given again or another kind of error comes; then, as after the first, the sequence goes
// on: ErrNoService means that the service went, or does not answer. That a service hangs which had answered is told within three
// seconds; one that never has may be starting, and gets five, then longer.
func Watch(ctx context.Context) iter.Seq2[[]Reader, error] {
	return watch(ctx, watchSlice, watchPatience)
}

func watch(ctx context.Context, slice, patience time.Duration) iter.Seq2[[]Reader, error] {
	return func(yield func([]Reader, error) bool) {
		w := watcher{slice: slice, patience: patience, unanswered: patience}
		defer w.forget()
		var last, now []Reader
		var said, err error
		for first := true; ctx.Err() == nil; {
			if err == nil {
				now, err = w.look(ctx)
			}
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				w.forget()
				if k := kind(err); said == nil || k != said {
					if !yield(nil, err) {
						return
					}
					said = k
				}
				first, err = true, nil
				pause(ctx, slice)
				continue
			case first || !slices.EqualFunc(now, last, Reader.equal):
				if !yield(slices.Clone(now), nil) {
					return
				}
				last, first = now, false
				pause(ctx, watchPause)
			case w.woken:
				pause(ctx, watchPause)
			}
			said = nil
			err = w.await(ctx)
		}
	}
}

// watcher has a PC/SC context of its own, for as long as the service keeps it.
type watcher struct {
	owner      *owner // nil before the first look, and after a failure
	slice      time.Duration
	patience   time.Duration // with the service
	unanswered time.Duration // what it is at first
	states     []scard.ReaderState
	woken      bool // the last wait ended early
}

func (w *watcher) look(ctx context.Context) ([]Reader, error) {
	if w.owner == nil {
		w.owner = newOwner()
	}
	limited, cancel := context.WithTimeout(ctx, w.patience)
	defer cancel()
	o := w.owner
	var found []scard.ReaderState // not w.states: after a call was given up, the goroutine may still write
	err := o.do(limited, func() error {
		if o.context == nil {
			if err := o.establish(); err != nil {
				return err
			}
		}
		var err error
		found, err = o.states()
		return err
	})
	if err != nil && limited.Err() != nil {
		return nil, w.hung()
	}
	if err != nil {
		w.patience = max(w.patience, w.unanswered)
		return nil, err
	}
	w.patience, w.states = min(w.unanswered, answeredPatience), found
	readers := make([]Reader, len(found))
	for i, s := range found {
		readers[i] = asReader(s)
	}
	return readers, nil
}

func (w *watcher) hung() error {
	w.patience = min(max(2*w.patience, w.unanswered), maxWatchPatience)
	return fmt.Errorf("looking into the readers: %w: no answer", ErrNoService)
}

// await waits for a slice of time or a change. Its error is that the service hangs. What fails otherwise fails again in the next look.
func (w *watcher) await(ctx context.Context) error {
	w.woken = false
	if len(w.states) == 0 {
		pause(ctx, w.slice)
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, w.slice+w.patience)
	defer cancel()
	o, states := w.owner, w.states
	err := o.do(limited, func() error { return o.await(states, w.slice) })
	if errors.Is(err, context.DeadlineExceeded) {
		return w.hung()
	}
	w.woken = !errors.Is(err, scard.ErrTimeout)
	return nil
}

func (w *watcher) forget() {
	if w.owner != nil {
		w.owner.end(releaseTime)
		w.owner = nil
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
