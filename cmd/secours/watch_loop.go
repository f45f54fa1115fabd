package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/secours-card/secours/pcsc"
)

// watcher turns what happens in the readers into readings and events. One goroutine owns everything in it; readings run beside it, one
// at a time in each reader.
type watcher struct {
	a      *app
	source func(context.Context) iter.Seq2[[]pcsc.Reader, error]
	read   readFunc
	front  front
	only   string // the only reader to watch, "" for all
	once   bool
	// limit is how long a reading may take, pauses how long to wait before each further try at a card that another program holds; the
	// last one repeats. Any other failure that may pass is tried again maxTries times.
	limit  time.Duration
	pauses []time.Duration
	// stuck is how long a reading may go on after it was told to end, before that is a failure of the next.
	stuck time.Duration
	// own is how long after a reading the service may still show its use of the card, which is not another program's.
	own time.Duration
	// restraint is how long to wait after a reading before another program's use of the card leads to the next. It doubles up to
	// maxRestraint while nothing is found to have changed: two programs that read whenever the other did would go on for ever.
	restraint, maxRestraint time.Duration
	// salt keeps what is remembered of a document from being tried out against a list of possible ones.
	salt [sha256.Size]byte

	ctx     context.Context
	slots   []*slot // in the service's order
	visits  []*visit
	looks   chan sight
	results chan *attempt
	guard   *guard
	reading sync.WaitGroup
	free    [][]byte
	started bool
	down    *failure // why the service is not there
	outcome error
	ended   bool
}

// front is where the events go: lines of JSON, text, or the screen.
type front interface {
	// tell takes an event, whose document is wiped when it returns, unless the front keeps documents.
	tell(e *event) error
	// keeps tells whether a document stays until its card leaves.
	keeps() bool
	// job says what to ask of a reading.
	job(reader string) job
	// refresh draws what has changed.
	refresh() error
	// inputs are what the user does, for input; nil for nothing.
	inputs() <-chan input
	input(in input) error
}

// sight is what the source gave.
type sight struct {
	readers []pcsc.Reader
	err     error
	at      time.Time
}

// slot is a reader.
type slot struct {
	reader  pcsc.Reader
	visit   *visit   // of the card in it, nil for none
	running *attempt // even of a card that has left, as long as the reading has not ended
	ended   time.Time
	// ours is set from the beginning of a reading until the reader was seen not in use after its end; killed, if it did not end by itself:
	// a card that hangs stays in use for as long as it does.
	ours, killed bool
}

// visit is a card in a reader, from when it was put in until it is taken out.
type visit struct {
	slot *slot
	atr  []byte
	// document is what the last reading showed, a buffer to be wiped; nil for none, or where the front keeps none.
	document []byte
	length   int
	// last is how the last reading ended, at when; nil before.
	last *answer
	at   time.Time
	// tries counts the failures since the last change, again is when to try once more.
	tries int
	again time.Time
	// wanted is since when a reading is to start that cannot yet.
	wanted time.Time
	// quiet is set for a reading of what is shown already: a failure that passes does not take that away.
	quiet bool
	// touched is set when another program has used the card since it was read, and may have written to it.
	touched bool
	// met is set once a reading has shown something.
	met bool
	// digest is what is remembered of the last reading, unchanged how often it was found again.
	digest    [sha256.Size]byte
	unchanged int
}

// The events.
const (
	eventWatching      = "watching"
	eventReaderAdded   = "reader-added"
	eventReaderRemoved = "reader-removed"
	eventInserted      = "inserted"
	eventRead          = "read"
	eventFailed        = "failed" // what was shown of the card counts no more
	eventRemoved       = "removed"
	eventNoService     = "no-service"
	eventService       = "service"
)

type event struct {
	kind    string
	reader  string
	readers []string // of eventWatching
	atr     []byte
	answer  *answer
	failure *failure
	// document is what a reading printed.
	document []byte
	retry    bool
	// final is set where the watch ends with this event and its failure.
	final bool
	visit *visit
	// first is set for the first document of a visit, changed where another program's use of the card has changed what it shows.
	first, changed bool
}

func newWatcher(a *app, read readFunc) *watcher {
	w := &watcher{
		a: a, source: pcsc.Watch, read: read, limit: a.timeout + readingTime, stuck: 5 * time.Second, own: 500 * time.Millisecond,
		restraint: time.Second, maxRestraint: 10 * time.Second,
		pauses: []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second},
		looks:  make(chan sight), results: make(chan *attempt), guard: newGuard(),
	}
	_, _ = rand.Read(w.salt[:]) // never fails
	return w
}

// run watches until ctx ends, and then returns why it did, or until something else ends it.
func (w *watcher) run(parent context.Context) error {
	ctx, cancel := context.WithCancel(parent)
	w.ctx = ctx
	defer w.stop(cancel)
	w.guard.do(func() {
		for readers, err := range w.source(ctx) {
			select {
			case w.looks <- sight{readers, err, time.Now()}:
			case <-ctx.Done():
				return
			}
		}
	})
	for !w.ended {
		if err := w.front.refresh(); err != nil {
			return err
		}
		var alarm <-chan time.Time
		if next := w.next(); !next.IsZero() {
			alarm = time.After(time.Until(next))
		}
		var err error
		select {
		case l := <-w.looks:
			err = w.look(l)
		case at := <-w.results:
			err = w.finish(at)
		case in := <-w.front.inputs():
			err = w.front.input(in)
		case <-alarm:
			err = w.due(time.Now())
		case p := <-w.guard.panic:
			panic(p)
		case <-ctx.Done():
			return context.Cause(parent)
		}
		if err != nil {
			return err
		}
	}
	return w.outcome
}

// stop ends what is under way, and leaves nothing that was read behind.
func (w *watcher) stop(cancel context.CancelFunc) {
	cancel()
	for _, s := range w.slots {
		if s.visit != nil {
			w.forget(s.visit)
		}
	}
	w.slots, w.visits = nil, nil
	done := make(chan struct{})
	go func() { w.reading.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(500 * time.Millisecond):
	}
}

// look takes over what is in the readers now.
func (w *watcher) look(l sight) error {
	if l.err != nil {
		return w.lost(l.err)
	}
	if w.only != "" {
		l.readers = slices.DeleteFunc(slices.Clone(l.readers), func(r pcsc.Reader) bool { return r.Name != w.only })
	}
	if w.down != nil {
		w.down = nil
		if err := w.front.tell(&event{kind: eventService}); err != nil {
			return err
		}
	}
	if err := w.begin(l.readers); err != nil {
		return err
	}
	for _, s := range slices.Clone(w.slots) {
		if !slices.ContainsFunc(l.readers, func(r pcsc.Reader) bool { return r.Name == s.reader.Name }) {
			if err := w.unplug(s); err != nil {
				return err
			}
		}
	}
	for _, r := range l.readers {
		i := slices.IndexFunc(w.slots, func(s *slot) bool { return s.reader.Name == r.Name })
		if i < 0 {
			w.slots = append(w.slots, &slot{reader: pcsc.Reader{Name: r.Name}})
			i = len(w.slots) - 1
			if w.started {
				if err := w.front.tell(&event{kind: eventReaderAdded, reader: r.Name}); err != nil {
					return err
				}
			}
		}
		if err := w.change(w.slots[i], r, l.at); err != nil {
			return err
		}
	}
	w.started = true
	return nil
}

// begin tells, once, that the watch goes on, and with which readers.
func (w *watcher) begin(readers []pcsc.Reader) error {
	if w.started {
		return nil
	}
	names := []string{}
	for _, r := range readers {
		names = append(names, r.Name)
	}
	return w.front.tell(&event{kind: eventWatching, readers: names})
}

// lost is a service that cannot be asked. Nobody knows what is in the readers, so no card counts as being there.
func (w *watcher) lost(err error) error {
	if errors.Is(err, pcsc.ErrUnsupported) {
		return err
	}
	if err := w.begin(nil); err != nil {
		return err
	}
	w.started = true
	for _, s := range slices.Clone(w.slots) {
		if err := w.unplug(s); err != nil {
			return err
		}
	}
	w.down = w.a.explain(err)
	return w.front.tell(&event{kind: eventNoService, failure: w.down})
}

// unplug is a reader that has gone.
func (w *watcher) unplug(s *slot) error {
	if err := w.leave(s); err != nil {
		return err
	}
	w.slots = slices.DeleteFunc(w.slots, func(o *slot) bool { return o == s })
	return w.front.tell(&event{kind: eventReaderRemoved, reader: s.reader.Name})
}

// change takes over what was in a reader at a time.
func (w *watcher) change(s *slot, r pcsc.Reader, at time.Time) error {
	before := s.reader
	s.reader = r
	released := w.released(s, before, at)
	r.ATR = slices.Clone(r.ATR)
	if s.visit != nil {
		// A card that was swapped between two looks shows in the count of events, or in its ATR.
		swapped := r.Events != before.Events || len(s.visit.atr) > 0 && len(r.ATR) > 0 && !bytes.Equal(s.visit.atr, r.ATR)
		if !r.Card || swapped {
			if err := w.leave(s); err != nil {
				return err
			}
		}
	}
	switch {
	case !r.Card:
	case s.visit == nil:
		v := &visit{slot: s, atr: r.ATR}
		s.visit = v
		w.visits = append(w.visits, v)
		if err := w.front.tell(&event{kind: eventInserted, reader: r.Name, atr: r.ATR, visit: v}); err != nil {
			return err
		}
		w.start(v)
	case len(s.visit.atr) == 0 && len(r.ATR) > 0:
		// It answers now.
		s.visit.atr = r.ATR
		if s.running == nil && s.visit.last != nil && s.visit.last.length == 0 {
			s.visit.tries = 0
			w.start(s.visit)
		}
	case released:
		w.reread(s.visit)
	}
	return nil
}

// released tells whether another program has left the card. The service does not say whose use it shows, so that what shows while a
// reading goes on counts as the reading's, and for a little longer: until then it may not be told that the reading has ended.
func (w *watcher) released(s *slot, before pcsc.Reader, at time.Time) bool {
	if s.running != nil {
		return false
	}
	if before.Exclusive && !s.reader.Exclusive {
		return true // readings share the card
	}
	if s.reader.InUse {
		return false
	}
	ours := s.ours && (s.killed || at.Before(s.ended.Add(w.own)))
	s.ours = s.ours && !at.After(s.ended)
	return before.InUse && !ours
}

// leave is a card that was taken out.
func (w *watcher) leave(s *slot) error {
	v := s.visit
	if v == nil {
		return nil
	}
	w.forget(v)
	return w.front.tell(&event{kind: eventRemoved, reader: s.reader.Name, visit: v})
}

// forget ends a visit, and wipes what it left.
func (w *watcher) forget(v *visit) {
	w.abandon(v)
	v.slot.visit = nil
	w.visits = slices.DeleteFunc(w.visits, func(o *visit) bool { return o == v })
}
