package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/term"
)

// input is something that happened at the terminal.
type input struct {
	key    key
	tick   bool
	resize bool
	resume bool
	gone   bool // there is no terminal any more
	trust  *string
}

// How long a terminal's size has to stay before the card is read again to fit it.
const settled = 300 * time.Millisecond

// newScreenFront returns nil where there is no terminal to draw on and to read keys from.
func (a *app) newScreenFront(w *watcher) *screenFront {
	out := a.liveTerminal()
	if out == nil {
		return nil
	}
	tty, err := a.openTerminal()
	if err != nil {
		return nil
	}
	f := &screenFront{
		a: a, w: w, out: out, tty: tty, in: make(chan input),
		size:   func() (int, int) { return terminalSize(out) },
		colour: a.colour == "always" || a.colour == "auto" && colourWanted(out, a.getenv),
	}
	f.columns, f.rows = f.size()
	undo, ok := escapesUnderstood(out)
	if !ok || f.columns == 0 || f.rows == 0 {
		tty.close()
		return nil
	}
	f.enter = func() error { return f.raw(undo) }
	return f
}

const (
	// DECSET 1049 takes the alternate screen, 25 hides the cursor, 7 would wrap what is too long.
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveScreen = sgrReset + "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// raw takes the terminal over.
func (f *screenFront) raw(undo func()) error {
	state, err := term.MakeRaw(int(f.tty.in.Fd()))
	if err != nil {
		return err
	}
	f.restore = sync.OnceFunc(func() {
		f.blank()
		_, _ = io.WriteString(f.out, leaveScreen)
		_ = term.Restore(int(f.tty.in.Fd()), state)
		undo()
	})
	_, err = io.WriteString(f.out, enterScreen)
	return err
}

// open takes the terminal over and begins to listen to it.
func (f *screenFront) open(ctx context.Context) error {
	if err := f.enter(); err != nil {
		return err
	}
	f.stale = true
	send := func(in input) bool {
		select {
		case f.in <- in:
			return true
		case <-ctx.Done():
			return false
		}
	}
	f.signals = make(chan os.Signal, 4)
	if len(screenSignals) > 0 { // none would ask for all
		signal.Notify(f.signals, screenSignals...)
	}
	f.w.guard.do(func() {
		var b [64]byte
		var rest []byte
		for {
			n, err := f.tty.in.Read(b[:])
			if err != nil {
				send(input{gone: true})
				return
			}
			var keys []key
			keys, rest = parseKeys(append(rest, b[:n]...))
			rest = bytes.Clone(rest)
			for _, k := range keys {
				if !send(input{key: k}) {
					return
				}
			}
		}
	})
	f.w.guard.do(func() {
		defer signal.Stop(f.signals)
		second := time.NewTicker(time.Second)
		defer second.Stop()
		hour := time.NewTicker(time.Hour)
		defer hour.Stop()
		for {
			var in input
			select {
			case s := <-f.signals:
				in = screenSignal(s)
			case <-second.C:
				in = input{tick: true}
			case <-hour.C:
				trust := f.trustNow(ctx)
				in = input{trust: &trust}
			case <-ctx.Done():
				return
			}
			if !send(in) {
				return
			}
		}
	})
	return nil
}

// close gives the terminal back.
func (f *screenFront) close() {
	if f.restore != nil {
		f.restore()
	}
	f.tty.close()
}

// blank takes everything off the screen, row by row.
func (f *screenFront) blank() {
	var b []byte
	for i := range max(f.rows, 1) {
		b = fmt.Appendf(b, "\x1b[%d;1H%s\x1b[K", i+1, sgrReset)
	}
	_, _ = f.out.Write(append(b, "\x1b[H"...))
	f.dirty, f.status = true, ""
}

func (f *screenFront) input(in input) error {
	switch {
	case in.gone:
		return errQuit
	case in.trust != nil:
		f.trust, f.stale = *in.trust, true
	case in.key == keySuspend:
		return f.suspend()
	case in.resume:
		// Stopped by a signal that cannot be caught, it did not put the terminal back; the shell did.
		if _, err := term.MakeRaw(int(f.tty.in.Fd())); err != nil {
			return err
		}
		if _, err := io.WriteString(f.out, enterScreen); err != nil {
			return err
		}
		f.resize(true)
	case in.resize:
		f.resize(false)
	case in.tick:
		if columns, rows := f.size(); columns != f.columns || rows != f.rows {
			f.resize(false)
		}
		f.fit()
	case in.key == keyInterrupt:
		return errInterrupted
	case in.key == keyQuit:
		return errQuit
	case in.key == keyRedraw:
		f.dirty = true
	case in.key == keyTab:
		f.next()
	case in.key == keyAgain:
		if v := f.current; v != nil && v.slot.running == nil {
			f.w.abandon(v)
			v.tries = 0
			f.w.start(v)
			f.show(v)
		}
	default:
		f.dirty = f.page.move(in.key) || f.dirty
	}
	return nil
}

// resize fits the screen to the terminal. What is there stays, broken anew, until the card was read again for this width.
func (f *screenFront) resize(redraw bool) {
	columns, rows := f.size()
	if columns == 0 || rows == 0 || columns == f.columns && rows == f.rows && !redraw {
		return
	}
	if min(max(columns, minColumns), maxColumns) != min(max(f.columns, minColumns), maxColumns) || (columns < minColumns) != (f.columns < minColumns) {
		f.resized = time.Now()
		time.AfterFunc(settled, func() {
			select {
			case f.in <- input{tick: true}:
			case <-f.w.ctx.Done():
			}
		})
	}
	f.columns, f.rows, f.stale = columns, rows, true
}

// fit reads every card again whose screen was made for another width.
func (f *screenFront) fit() {
	if f.resized.IsZero() || time.Since(f.resized) < settled {
		return
	}
	f.resized = time.Time{}
	for _, v := range f.w.visits {
		if v.document != nil || v.slot.running != nil {
			v.quiet = v.document != nil
			f.w.start(v)
		}
	}
}

// suspend hands the terminal back to the shell, and with it everything that was read: a card may be taken out while this program is
// stopped, and could then not be taken off the screen or out of memory.
func (f *screenFront) suspend() error {
	for _, v := range f.w.visits {
		f.w.abandon(v)
	}
	f.restore()
	stopSelf()
	if err := f.enter(); err != nil {
		return err
	}
	for _, v := range f.w.visits {
		f.w.start(v)
	}
	f.columns, f.rows = f.size()
	f.stale = true
	return nil
}
