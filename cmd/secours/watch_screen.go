package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// screenFront shows the card whose summary came last, page by page, on a terminal. A card that shows nothing does not take the screen
// from one that does. It draws on the alternate screen, which has no
// scrollback, and only ever over what is there: some terminals keep what is erased or scrolled away.
type screenFront struct {
	a      *app
	w      *watcher
	out    io.Writer
	size   func() (columns, rows int)
	tty    *terminal
	colour bool

	in      chan input
	signals chan os.Signal
	restore func() // of the terminal, once
	enter   func() error

	columns, rows int
	current       *visit // on the screen
	trust         string // the age of the trust data
	trustNow      func(context.Context) string
	page          pager
	text          []byte // in view; a document, or own words
	own           []byte // the words, where there is no document
	frame         []byte // drawn last, wiped
	status        string
	stale         bool      // what is to be on the screen has changed
	dirty         bool      // it has to be drawn
	resized       time.Time // a reading to fit the new width is due some time after
}

func (f *screenFront) keeps() bool          { return true }
func (f *screenFront) inputs() <-chan input { return f.in }

func (f *screenFront) job(reader string) job {
	// Where a line has to be broken, a colour would end with its first part.
	return job{reader: reader, width: f.columns, colour: f.colour && f.columns >= minColumns}
}

// The screen of a reading is never narrower or wider than this, whatever it is asked for.
const minColumns, maxColumns = 40, 120

func (f *screenFront) tell(e *event) error {
	switch e.kind {
	case eventInserted:
		if f.current == nil || f.current.document == nil {
			f.show(e.visit)
		}
	case eventRead:
		f.annex(e)
		switch {
		case e.visit == f.current && e.changed:
			f.page.top = 0 // what is new may be what is dangerous, which comes first
		case e.visit != f.current && e.first:
			f.show(e.visit)
		}
	case eventRemoved:
		if e.visit == f.current {
			f.show(f.newest())
		}
	}
	f.stale = true
	return nil
}

// annex puts what a reading said on standard error below what it showed, within the same buffer.
func (f *screenFront) annex(e *event) {
	v, text := e.visit, ""
	if e.failure != nil {
		text = "\n" + f.a.talk(e.failure)
	}
	for _, n := range e.answer.notes {
		text += "\n" + clean(n) + "\n"
	}
	v.length += copy(v.document[v.length:], text)
}

// newest is the card that was put in last, of those whose summary is there, else of all.
func (f *screenFront) newest() *visit {
	n := len(f.w.visits)
	for i := n; i > 0; i-- {
		if v := f.w.visits[i-1]; v.document != nil {
			return v
		}
	}
	if n > 0 {
		return f.w.visits[n-1]
	}
	return nil
}

// show puts a card on the screen, from its first line; nil for none.
func (f *screenFront) show(v *visit) {
	f.current = v
	f.page.top = 0
	f.stale = true
}

// fill lays out what is to be on the screen.
func (f *screenFront) fill() {
	f.dirty, f.stale = true, false
	v := f.current
	if v != nil && v.document != nil {
		f.text = v.shown()
	} else {
		clear(f.own)
		f.own = append(f.own[:0], f.words()...)
		f.text = f.own
	}
	f.page.lay(f.text, f.columns, f.bodyRows())
}

// bodyRows leaves the last row to the status.
func (f *screenFront) bodyRows() int { return max(1, f.rows-1) }

// refresh draws, where something has changed.
func (f *screenFront) refresh() error {
	if f.stale {
		f.fill()
	}
	status := f.statusLine()
	if !f.dirty && status == f.status {
		return nil
	}
	if f.frame == nil {
		f.frame = make([]byte, 0, 64<<10)
	}
	b := f.frame[:0]
	if f.dirty {
		view := f.page.view()
		for i := range f.bodyRows() {
			// The row is erased before it is written: behind its last column, there is none to erase from.
			b = fmt.Appendf(b, "\x1b[%d;1H%s\x1b[K", i+1, sgrReset)
			if i < len(view) {
				b = append(b, f.text[view[i].from:view[i].to]...)
			}
			if cap(b)-len(b) < 16<<10 {
				// No growing: what the buffer had outgrown would stay behind.
				if _, err := f.out.Write(b); err != nil {
					return err
				}
				clear(b)
				b = b[:0]
			}
		}
	}
	if f.rows > 1 {
		style := ""
		if f.colour {
			style = "\x1b[7m"
		}
		b = fmt.Appendf(b, "\x1b[%d;1H%s\x1b[K%s%s%s", f.rows, sgrReset, style, status, sgrReset)
	}
	f.dirty, f.status = false, status
	_, err := f.out.Write(b)
	clear(b)
	return err
}

// next shows the card after the one on the screen, in the order in which they were put in.
func (f *screenFront) next() {
	for i, v := range f.w.visits {
		if v == f.current {
			f.show(f.w.visits[(i+1)%len(f.w.visits)])
			return
		}
	}
}
