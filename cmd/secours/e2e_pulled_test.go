//go:build linux && cgo

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

// manner is how a card leaves its reader.
type manner int

const (
	answered manner = iota // between two commands: it has answered the last
	unheard                // it has carried the command out, and its answer is lost
	torn                   // it lost its power in the middle of writing
)

func (m manner) String() string { return [...]string{"answered", "unheard", "torn"}[m] }

// pull is a card that leaves at the command for which at returns true. It is given the command's number, the first being 1, and how
// many of a mark's length were written, this one included.
type pull struct {
	at func(n, marks int) bool
	manner
	cut   int  // for torn: at which cut point of the memory
	quick bool // it is put back before the service has looked
	what  string
}

// pullBy makes a card leave so. gone tells whether it has.
func (c *labCard) pullBy(p pull) (gone func() bool) {
	var left atomic.Bool
	marks := 0
	c.begin(func(n int, command []byte) ([]byte, error) {
		if isMark(command) {
			marks++
		}
		if !p.at(n, marks) || left.Load() {
			return c.Card.Transmit(context.Background(), command)
		}
		left.Store(true)
		if p.manner == torn {
			c.CutAfter(p.cut)
		}
		answer, err := c.Card.Transmit(context.Background(), command)
		c.CutAfter(0)
		if p.manner == answered {
			return answer, leftError{}
		}
		if err == nil {
			err = leftError{}
		}
		return nil, err
	})
	return left.Load
}

// writePulls are the moments of a write to pull the card at. The first that a write does not reach any more ends each series.
func writePulls() (series [][]pull) {
	command := func(n int, m manner, cut int) pull {
		return pull{func(at, _ int) bool { return at == n }, m, cut, n%17 == 0, fmt.Sprintf("command %d, %v", n, m)}
	}
	if long {
		for _, m := range []manner{answered, unheard, torn, torn, torn} {
			var one []pull
			for n := 1; n <= 200; n++ {
				one = append(one, command(n, m, 1+(n*7+len(series)*3)%17))
			}
			series = append(series, one)
		}
		return series
	}
	var marks, rest []pull
	for n := 1; n <= 12; n++ {
		for _, m := range []manner{torn, unheard} {
			at := func(_, marks int) bool { return marks == n }
			marks = append(marks, pull{at, m, 2 + n, n == 5 && m == torn, fmt.Sprintf("mark %d, %v", n, m)})
		}
	}
	for n := 9; n <= 200; n += 31 {
		rest = append(rest, command(n, manner(n%3), 1+n%17))
	}
	return [][]pull{marks, rest}
}

func TestPulledThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	for n, kind := range []string{"application", "tag"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := &pulling{p: newPlayground(t), s: newSlot(t, service, n), contents: map[uint64]int{}, outcomes: map[string]int{}}
			if kind == "tag" {
				w.p.become(t, sim.Options{Size: 16384, Tag: &sim.Tag{}}, w.p.file("summary.json"))
			}
			w.c = w.p.sim(t, 7)
			w.s.put(w.c)
			if kind == "tag" {
				w.message = w.s.message()
			}
			w.judge(t, "before anything", answered, w.p.show(t, w.s.at()))
			for _, series := range writePulls() {
				for _, pull := range series {
					if !w.write(t, pull) {
						break
					}
				}
			}
			step := 6
			if long {
				step = 1
			}
			for n := 1; w.read(t, n, manner(n/step%2)) && (!long || w.read(t, n, manner((n+1)%2))); n += step {
			}
			t.Logf("%d writes and %d reads; put back %d times, %d times too soon to be seen; %d readings of a torn mark changed; %v",
				w.writes, w.reads, w.back, w.unseen, w.flickers, w.outcomes)
		})
	}
}

// pulling is a campaign against one card.
type pulling struct {
	p *playground
	s *readerSlot
	c *labCard

	message  int            // length of the NDEF message, 0 where it is no tag
	highest  uint64         // number of a summary that was ever read
	contents map[uint64]int // what each number was seen to be
	doubtful int            // the write that was torn and not read since: a torn mark may name it in a later reading

	writes, reads, back, unseen, flickers int
	outcomes                              map[string]int
}

// write writes another summary while the card is pulled, puts it back, and reads it. It returns false where the card stayed in.
func (w *pulling) write(t *testing.T, pull pull) bool {
	t.Helper()
	w.writes++
	gone := w.c.pullBy(pull)
	code, out, talk := invoke(t, nil, "--home", w.p.file("gp"), "--card", w.s.at(), "write", w.p.variant(t, w.writes), "--json")
	left := gone()
	w.c.begin(nil)
	failed := failureOf(talk)
	w.outcomes[fmt.Sprintf("write %d %s", code, failed.Name)]++
	var done written
	if code == 0 {
		if err := json.Unmarshal(out, &done); err != nil {
			t.Fatal(err)
		}
	}
	before := w.highest
	after := w.again(t, left, pull)
	seq := w.judge(t, pull.what, pull.manner, after)
	is := seq > before
	if is && code != 0 && w.doubtful > 0 && variantOf(after.summary) == w.doubtful {
		is = false
		w.flickers++
	}
	switch {
	case is && variantOf(after.summary) != w.writes:
		t.Fatalf("%s: neither the old summary nor the new one, but variant %d", pull.what, variantOf(after.summary))
	case code == 0 && (!is || done.Seq != seq):
		t.Fatalf("%s: number %d is reported as written, and number %d is there", pull.what, done.Seq, seq)
	case code != 0 && failed.Name != "unknown-outcome" && is:
		t.Fatalf("%s: it is written, and reported as %s", pull.what, talk)
	case code != 0 && (code != exitNoCard || failed.Hint == ""), code == 0 && left && pull.manner != answered:
		t.Errorf("%s: %d %s", pull.what, code, talk)
	}
	if is {
		w.doubtful = 0
	} else if pull.manner == torn {
		w.doubtful = w.writes
	}
	return left
}

// read reads while the card is pulled, puts it back, and reads again. It returns false where the card stayed in.
func (w *pulling) read(t *testing.T, n int, m manner) bool {
	t.Helper()
	w.reads++
	what := fmt.Sprintf("read, command %d, %v", n, m)
	pull := pull{func(at, _ int) bool { return at == n }, m, 0, n%5 == 0, what}
	gone := w.c.pullBy(pull)
	during := w.p.show(t, w.s.at())
	left := gone()
	w.c.begin(nil)
	w.outcomes[fmt.Sprintf("read %d %s", during.code, during.failure.Name)]++
	if during.code != exitNoCard || during.summary != "" || during.failure.Hint == "" {
		if left && m != answered || !during.verified() { // after the last answer, all is read
			t.Errorf("%s: %d %s", what, during.code, during.talk)
		}
	}
	w.judge(t, what, m, w.again(t, left, pull))
	return left
}

// again puts the card back, if it has left, and reads it.
func (w *pulling) again(t *testing.T, left bool, pull pull) shown {
	t.Helper()
	if !left {
		return w.p.show(t, w.s.at())
	}
	w.back++
	if pull.quick {
		// Before the service has looked. Where it had tried to reset the card that was gone, it may see none until it is put in once more.
		w.s.out()
		w.s.dial(w.c)
		w.s.await("the card is back", w.c.heard)
		if s := w.p.show(t, w.s.at()); s.code != exitNoCard {
			return s
		}
		w.unseen++
	}
	w.s.take()
	w.s.put(w.c)
	if w.message > 0 {
		if n := w.s.message(); n != w.message {
			t.Fatalf("%s: an NDEF message of %d bytes, which had %d", pull.what, n, w.message)
		}
	}
	return w.p.show(t, w.s.at())
}

// judge fails unless a verified summary was shown, and always the same under one number. It returns the number.
func (w *pulling) judge(t *testing.T, what string, m manner, s shown) uint64 {
	t.Helper()
	seq := s.doc.Record.Seq
	switch older := seq < w.highest; {
	case older && m == torn && s.code == exitUnverifiable && s.doc.Card.Older:
		// A torn mark can name the new summary in one reading and not in the next. Then, and only then, is it an older one.
		w.flickers++
	case older || !s.verified():
		t.Fatalf("%s: %d, number %d after %d, %s", what, s.code, seq, w.highest, s.talk)
	}
	if content, known := w.contents[seq]; known && content != variantOf(s.summary) || !known && seq < w.highest {
		t.Fatalf("%s: number %d is variant %d, which was %d", what, seq, variantOf(s.summary), content)
	}
	w.contents[seq] = variantOf(s.summary)
	w.highest = max(w.highest, seq)
	return seq
}
