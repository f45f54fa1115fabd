package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// maxTries is how often a reading that failed is repeated, unless another program holds the card.
const maxTries = 3

// shown is what there is to show.
func (v *visit) shown() []byte { return v.document[:v.length] }

// attempt is a reading under way.
type attempt struct {
	slot     *slot
	visit    *visit
	document []byte
	answer   answer
	cancel   context.CancelFunc
	quiet    bool
	void     bool // nobody wants its answer any more
}

// abandon ends a reading, and wipes what earlier ones showed.
func (w *watcher) abandon(v *visit) {
	w.drop(v)
	v.last, v.quiet, v.touched, v.again = nil, false, false, time.Time{}
	if at := v.slot.running; at != nil && at.visit == v {
		at.void = true
		at.cancel()
	}
}

// drop wipes what is shown of a card.
func (w *watcher) drop(v *visit) {
	w.release(v.document)
	v.document, v.length = nil, 0
}

// buffer returns one for a document. They are used again: as many as there are readings at a time are enough.
func (w *watcher) buffer() []byte {
	if n := len(w.free); n > 0 {
		b := w.free[n-1]
		w.free = w.free[:n-1]
		return b
	}
	return make([]byte, maxDocument)
}

// release wipes a buffer.
func (w *watcher) release(b []byte) {
	if b == nil {
		return
	}
	clear(b)
	w.free = append(w.free, b)
}

// start begins to read a card, as soon as an earlier reading in the same reader has ended.
func (w *watcher) start(v *visit) {
	v.again = time.Time{}
	if v.slot.running != nil {
		if v.wanted.IsZero() {
			v.wanted = time.Now()
		}
		return
	}
	v.wanted = time.Time{}
	ctx, cancel := context.WithTimeout(w.ctx, w.limit)
	at := &attempt{slot: v.slot, visit: v, document: w.buffer(), cancel: cancel, quiet: v.quiet}
	v.quiet = false
	v.slot.running, v.slot.ours = at, true
	j := w.front.job(v.slot.reader.Name)
	w.reading.Add(1)
	w.guard.do(func() {
		defer w.reading.Done()
		at.answer = w.read(ctx, j, at.document)
		cancel()
		select {
		case w.results <- at:
		case <-w.ctx.Done():
			clear(at.document)
		}
	})
}

// finish takes over what a reading found.
func (w *watcher) finish(at *attempt) error {
	s, v := at.slot, at.visit
	s.running, s.ended = nil, time.Now()
	s.killed = at.void || at.answer.failure != nil && at.answer.failure.name == "no-answer"
	if s.visit != v || at.void {
		// The card has left meanwhile. What it gave is of no use, and another may be waiting.
		w.release(at.document)
		if s.visit != nil && !s.visit.wanted.IsZero() {
			w.start(s.visit)
		}
		return nil
	}
	var err error
	if !at.quiet || v.last == nil || !w.passing(v, &at.answer) {
		err = w.found(v, at)
	} else {
		w.release(at.document)
		v.quiet = !v.again.IsZero()
	}
	if err == nil && !v.wanted.IsZero() {
		w.start(v)
	}
	return err
}

// passing tells whether a quiet reading failed in a way that says nothing of the card, and what is shown of it may stay. Once it is not
// tried again, it may not if the card was touched.
func (w *watcher) passing(v *visit, an *answer) bool {
	if an.code != exitBusy || !an.failure.retryable || an.length > 0 || v.last.length == 0 {
		return false
	}
	w.retry(v, an)
	if v.again.IsZero() && v.touched {
		v.tries--
		return false
	}
	return true
}

// reread has a card read again that another program may have written to.
func (w *watcher) reread(v *visit) {
	if v.last == nil {
		return
	}
	now := time.Now()
	if now.Sub(v.slot.ended) > 10*w.maxRestraint {
		v.unchanged = 0
	}
	v.quiet, v.touched, v.tries = true, true, 0
	v.again = v.slot.ended.Add(min(w.restraint<<min(v.unchanged, 10), w.maxRestraint))
	if !v.again.After(now) {
		w.start(v)
	}
}

// remember tells whether the card gave something else than the last time.
func (w *watcher) remember(v *visit, e *event) (differs bool) {
	h := hmac.New(sha256.New, w.salt[:])
	name := ""
	if e.failure != nil {
		name = e.failure.name
	}
	fmt.Fprintf(h, "%d %s %t\n", e.answer.code, name, e.retry)
	h.Write(e.document)
	before := v.digest
	h.Sum(v.digest[:0])
	if v.digest == before {
		v.unchanged++
		return false
	}
	v.unchanged = 0
	return true
}

// found takes over what a reading of the card that is there found.
func (w *watcher) found(v *visit, at *attempt) error {
	an := at.answer
	touched := at.quiet && v.touched
	w.drop(v)
	v.last, v.at, v.touched = &an, time.Now(), false
	e := &event{kind: eventRead, reader: v.slot.reader.Name, answer: &an, failure: an.failure, visit: v}
	if an.length > 0 {
		v.document, v.length, v.tries = at.document, an.length, 0
		e.document = v.shown()
		e.first, v.met = !v.met, true
	} else {
		w.release(at.document)
		e.kind = eventFailed
		w.retry(v, &an)
		e.retry = !v.again.IsZero()
	}
	e.changed = w.remember(v, e) && touched
	if w.once && !e.retry {
		w.ended, e.final = true, true
		if an.failure != nil {
			w.outcome = an.failure
		}
	}
	var err error
	if e.changed || !touched || e.final || w.front.keeps() {
		err = w.front.tell(e)
	}
	if !w.front.keeps() {
		w.drop(v)
	}
	return err
}

// retry decides whether and when a reading that failed is repeated.
func (w *watcher) retry(v *visit, an *answer) {
	v.tries++
	v.again = time.Time{}
	f := an.failure
	busy := an.code == exitBusy && f.name != "no-answer"
	if f.retryable && (v.tries <= maxTries || busy && (!w.once || v.tries <= len(w.pauses))) {
		v.again = time.Now().Add(w.pauses[min(v.tries, len(w.pauses))-1])
	}
}

// next is when something is due, zero for never.
func (w *watcher) next() time.Time {
	var next time.Time
	for _, v := range w.visits {
		for _, t := range []time.Time{v.again, w.stuckAt(v)} {
			if !t.IsZero() && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
	}
	return next
}

// stuckAt is when a reading is given up that waits for one that does not end, zero for never.
func (w *watcher) stuckAt(v *visit) time.Time {
	if v.wanted.IsZero() || v.slot.running == nil || v.slot.running.visit == v || v.last != nil {
		return time.Time{}
	}
	return v.wanted.Add(w.stuck)
}

// due does what has become due.
func (w *watcher) due(now time.Time) error {
	for _, v := range slices.Clone(w.visits) {
		if !v.again.IsZero() && !v.again.After(now) {
			w.start(v)
		}
		if t := w.stuckAt(v); !t.IsZero() && !t.After(now) {
			an := failedReading(&failure{
				code: exitBusy, name: "no-answer",
				message: w.a.lang.s("une lecture précédente dans ce lecteur ne se termine pas", "an earlier reading in this reader does not end"),
				hint:    w.a.lang.s("débranchez le lecteur et rebranchez-le", "unplug the reader and plug it in again"),
			})
			v.last, v.at = &an, now
			if err := w.front.tell(&event{kind: eventFailed, reader: v.slot.reader.Name, answer: &an, failure: an.failure, retry: true, visit: v}); err != nil {
				return err
			}
		}
	}
	return nil
}
