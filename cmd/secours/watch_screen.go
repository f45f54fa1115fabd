package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// screenFront shows the card that was put in last, page by page, on a terminal. It draws on the alternate screen, which has no
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
		f.show(e.visit)
	case eventRead:
		f.annex(e)
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

// newest is the card that was put in last, of those that are there.
func (f *screenFront) newest() *visit {
	if n := len(f.w.visits); n > 0 {
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

// words are what is on the screen while there is no summary.
func (f *screenFront) words() string {
	l, w := f.a.lang, f.w
	var b strings.Builder
	add := func(s string) { b.WriteString(s); b.WriteByte('\n') }
	v := f.current
	switch {
	case v != nil && (v.last == nil || v.last.failure == nil):
		add(l.s("LECTURE…  ", "READING…  ") + oneLine(v.slot.reader.Name))
		return b.String()
	case v != nil:
		b.WriteString(f.a.talk(v.last.failure))
		for _, n := range v.last.notes {
			add(clean(n))
		}
		if !v.again.IsZero() {
			add("\n" + l.s("Nouvel essai dans un instant.", "It will be tried again in a moment."))
		}
		return b.String()
	case w.down != nil:
		b.WriteString(f.a.talk(w.down))
		add("\n" + l.s("Reprise dès qu'il répond.", "It is taken up as soon as it answers."))
	case !w.started:
		add(l.s("RECHERCHE DES LECTEURS…", "LOOKING FOR READERS…"))
		return b.String()
	case len(w.slots) == 0:
		add(l.s("BRANCHEZ UN LECTEUR DE CARTES", "PLUG IN A CARD READER"))
	default:
		add(l.s("INSÉREZ UNE CARTE", "INSERT A CARD"))
	}
	add("")
	for _, s := range w.slots {
		state := l.s("vide", "empty")
		if s.reader.Exclusive {
			state = l.s("tenu par un autre programme", "held by another program")
		}
		add("  " + oneLine(s.reader.Name) + l.colon() + state)
	}
	if len(w.slots) > 0 {
		add("")
	}
	if f.trust != "" {
		add("  " + f.trust)
	}
	return b.String()
}

// verdict is what the exit code of a reading says ("read --help").
func (f *screenFront) verdict(v *visit) string {
	l := f.a.lang
	switch v.last.code {
	case exitOK:
		return l.s("VÉRIFIÉE", "VERIFIED")
	case exitInvalid:
		return l.s("NE PAS S'Y FIER", "NOT TO BE RELIED ON")
	case exitUnverifiable:
		return l.s("NON VÉRIFIÉE EN ENTIER", "NOT WHOLLY VERIFIED")
	case exitNotAuthorised:
		return l.s("AUCUNE CLÉ POUR L'OUVRIR", "NO KEY TO OPEN IT")
	}
	return l.s("NON LUE", "NOT READ")
}

// statusLine tells what is on the screen. Where there is not room for all, what matters least is left out as a whole.
func (f *screenFront) statusLine() string {
	l, v := f.a.lang, f.current
	line := " "
	add := func(forms ...string) {
		for _, s := range forms {
			if textWidth(line+s) < f.columns {
				line += s + " | "
				return
			}
		}
	}
	if v != nil && v.last != nil {
		add(f.verdict(v))
	}
	first, last, above, below := f.page.span()
	switch {
	case below:
		add(fmt.Sprintf(l.s("lignes %d-%d sur %d : SUITE PLUS BAS", "lines %d-%d of %d: MORE BELOW"), first, last, f.page.lines),
			fmt.Sprintf(l.s("%d-%d/%d SUITE", "%d-%d/%d MORE"), first, last, f.page.lines), l.s("SUITE", "MORE"))
	case above:
		add(fmt.Sprintf(l.s("lignes %d-%d sur %[2]d : fin", "lines %d-%d of %[2]d: end"), first, last), l.s("fin", "end"))
	}
	if n := len(f.w.visits); n > 1 {
		at := slices.Index(f.w.visits, v) + 1
		add(fmt.Sprintf(l.s("carte %d sur %d (Tab)", "card %d of %d (Tab)"), at, n), fmt.Sprintf("%d/%d", at, n))
	}
	if v != nil && v.touched {
		add(l.s("UTILISÉE DEPUIS : r relit", "USED SINCE: r reads again"), l.s("r relit", "r: again"))
	}
	if v != nil && v.last != nil {
		add(fmt.Sprintf(l.s("il y a %s", "%s ago"), ago(time.Since(v.at))))
	}
	if v != nil {
		add(shortened(oneLine(v.slot.reader.Name), f.columns-textWidth(line)-1))
	}
	add(l.s("q quitter", "q quits"))
	return strings.TrimSuffix(line, "| ")
}

// shortened is the name of a reader in so many columns. Its end stays, which tells the slots of a reader apart.
func shortened(name string, columns int) string {
	const end = 5 // as " 00 01" of pcsc-lite
	runes := []rune(name)
	if textWidth(name) <= columns || columns < end+4 {
		return name
	}
	tail := string(runes[len(runes)-end:])
	columns -= textWidth(tail) + 1
	head := 0
	for head < len(runes)-end && columns >= runeWidth(runes[head]) {
		columns -= runeWidth(runes[head])
		head++
	}
	return string(runes[:head]) + "…" + tail
}

// ago is a time that has passed, in the unit that matters.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}

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

// next shows the card after the one on the screen, in the order in which they were put in.
func (f *screenFront) next() {
	for i, v := range f.w.visits {
		if v == f.current {
			f.show(f.w.visits[(i+1)%len(f.w.visits)])
			return
		}
	}
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
			v.refit = v.document != nil
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
