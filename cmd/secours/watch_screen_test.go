//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/secours-card/secours/pcsc"
)

// glass is the other side of a pseudo-terminal: it shows what is drawn there, as far as watch draws, and types.
type glass struct {
	t        *testing.T
	master   *os.File
	terminal *os.File

	mu            sync.Mutex
	cells         [][]rune
	row, column   int
	alternate     bool
	hidden        bool
	rest          []byte
	unknown       string
	scrolled      int
	columns, rows int
}

func newGlass(t *testing.T, columns, rows int) *glass {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminal: " + err.Error())
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminal: " + err.Error())
	}
	g := &glass{t: t, master: master, terminal: terminal}
	g.size(columns, rows)
	t.Cleanup(func() { terminal.Close(); master.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			g.draw(b[:n])
			if err != nil {
				return
			}
		}
	}()
	return g
}

func (g *glass) size(columns, rows int) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.columns, g.rows = columns, rows
	g.cells = make([][]rune, rows)
	for i := range g.cells {
		g.cells[i] = make([]rune, columns)
	}
	if err := unix.IoctlSetWinsize(int(g.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)}); err != nil {
		g.t.Fatal(err)
	}
}

func (g *glass) draw(b []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rest = append(g.rest, b...)
	for len(g.rest) > 0 {
		n := g.step(g.rest)
		if n == 0 {
			return
		}
		g.rest = g.rest[n:]
	}
}

// step obeys what b begins with, and returns its length; 0 if more has to come.
func (g *glass) step(b []byte) int {
	if b[0] == 0x1b {
		end := bytes.IndexFunc(b, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
		if end < 0 {
			return 0
		}
		switch s := string(b[1 : end+1]); {
		case strings.HasSuffix(s, "m"):
		case s == "[K":
			clear(g.cells[g.row][g.column:])
		case strings.HasSuffix(s, "H"):
			g.row, g.column = 0, 0
			if _, err := fmt.Sscanf(s, "[%d;%dH", &g.row, &g.column); err == nil {
				g.row, g.column = min(g.row, g.rows)-1, g.column-1
			}
		case s == "[?1049h", s == "[?1049l":
			g.alternate = s == "[?1049h"
		case s == "[?25l", s == "[?25h":
			g.hidden = s == "[?25l"
		case s == "[?7l", s == "[?7h":
		default:
			g.unknown += s
		}
		return end + 1
	}
	if !utf8.FullRune(b) {
		return 0
	}
	r, n := utf8.DecodeRune(b)
	switch {
	case r < ' ':
		g.scrolled++
	case g.column+runeWidth(r) <= g.columns:
		g.cells[g.row][g.column] = r
		g.column += runeWidth(r)
	default:
		g.unknown += "too long: " + string(r)
	}
	return n
}

func (g *glass) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var b strings.Builder
	for _, row := range g.cells {
		b.WriteString(strings.TrimRight(strings.ReplaceAll(string(row), "\x00", " "), " ") + "\n")
	}
	return b.String()
}

// shows waits until the screen fulfils what is asked of it.
func (g *glass) shows(what string, is func(text string) bool) {
	g.t.Helper()
	for end := time.Now().Add(5 * time.Second); !is(g.text()); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			g.t.Fatalf("the screen never shows %s:\n%s", what, g.text())
		}
	}
}

func (g *glass) has(parts ...string) {
	g.t.Helper()
	for _, p := range parts {
		g.shows(strconv.Quote(p), func(text string) bool { return strings.Contains(text, p) })
	}
}

func (g *glass) types(keys string) {
	g.t.Helper()
	if _, err := g.master.WriteString(keys); err != nil {
		g.t.Fatal(err)
	}
}

// bedside is a live screen with readers that the test feeds.
type bedside struct {
	*glass
	v       *vigil
	f       *screenFront
	outcome chan error
	before  *term.State
}

func newBedside(t *testing.T, columns, rows int) *bedside {
	t.Helper()
	g := newGlass(t, columns, rows)
	before, err := term.GetState(int(g.terminal.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	v := newVigil(t)
	a, w := v.w.a, v.w
	a.colour = "always"
	f := &screenFront{
		a: a, w: w, out: g.terminal, tty: &terminal{g.terminal, g.terminal, func() {}}, in: make(chan input), colour: true,
		size: func() (int, int) { return terminalSize(g.terminal) }, trust: "trust list of today",
	}
	f.columns, f.rows = f.size()
	f.enter = func() error { return f.raw(func() {}) }
	w.front = f
	ctx, end := context.WithCancelCause(t.Context())
	v.end = end
	b := &bedside{glass: g, v: v, f: f, outcome: make(chan error, 1), before: before}
	if err := f.open(ctx); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer func() {
			if p := recover(); p != nil {
				b.outcome <- fmt.Errorf("panic: %v", p)
			}
		}()
		defer f.close()
		err := a.watchUntil(ctx, w)
		f.close()
		b.outcome <- err
	}()
	t.Cleanup(func() { end(errQuit) })
	return b
}

// closes waits for the end, and checks that the terminal is as it was.
func (b *bedside) closes(code int) {
	b.t.Helper()
	select {
	case err := <-b.outcome:
		if got := exitCodeOf(b.v.w.a, err); got != code {
			b.t.Errorf("exit code %d, want %d: %v", got, code, err)
		}
	case <-time.After(5 * time.Second):
		b.t.Fatal("it does not end")
	}
	b.shows("nothing", func(text string) bool { return strings.TrimSpace(text) == "" })
	if after, err := term.GetState(int(b.terminal.Fd())); err != nil || fmt.Sprint(after) != fmt.Sprint(b.before) {
		b.t.Errorf("the terminal's mode was not restored: %v", err)
	}
	b.shows("the main screen", func(string) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return !b.alternate && !b.hidden
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.unknown != "" || b.scrolled > 0 {
		b.t.Errorf("drew what it should not: %q, %d line feeds", b.unknown, b.scrolled)
	}
}

// showing is a reading of so many lines for the width asked for.
func showing(patient string, lines int) func(context.Context, []byte) answer {
	return func(_ context.Context, document []byte) answer {
		b := document[:0]
		for i := range lines {
			b = fmt.Appendf(b, "\x1b[1m%s\x1b[0m line %d\n", patient, i+1)
		}
		return answer{length: len(b)}
	}
}

func TestLiveScreen(t *testing.T) {
	b := newBedside(t, 90, 10)
	b.v.see(noCard("Lab 00 00", 0))
	b.has("INSERT A CARD", "Lab 00 00: empty", "trust list of today", "q quits")
	b.v.answer("Lab 00 00", showing("DURAND", 23))
	b.v.see(card1("Lab 00 00", 1))
	b.has("DURAND line 1\n", "DURAND line 9\n", "VERIFIED | lines 1-9 of 23: MORE BELOW | ", " s ago | Lab 00 00")
	if strings.Contains(b.text(), "line 10") {
		t.Error("more than the screen holds")
	}
	if j := b.v.starts[0]; j != (job{reader: "Lab 00 00", width: 90, colour: true}) {
		t.Errorf("asked for %+v", j)
	}
	b.types(" ")
	b.has("lines 9-17 of 23: MORE BELOW")
	b.types("\x1b[F")
	b.has("lines 15-23 of 23: end", "DURAND line 23\n")
	b.types("\x1b[H\x1b[B")
	b.has("lines 2-10 of 23")
	// Another program was at the card: what is shown may not be what is on it any more.
	used := card1("Lab 00 00", 1)
	used.InUse = true
	again := make(chan struct{})
	b.v.answer("Lab 00 00", func(ctx context.Context, document []byte) answer {
		<-again
		return showing("DURAND-MARTIN", 23)(ctx, document)
	})
	b.v.see(used)
	b.v.see(card1("Lab 00 00", 1))
	b.has("USED SINCE, to be read again", "lines 2-10 of 23")
	close(again)
	b.has("lines 1-9 of 23", "DURAND-MARTIN line 1\n")
	b.shows("a new reading", func(text string) bool { return !strings.Contains(text, "USED") })
	// It is read again when nothing has changed, and nobody sees it.
	b.types("\x1b[B")
	b.has("lines 2-10 of 23")
	b.v.answer("Lab 00 00", showing("DURAND-MARTIN", 23))
	b.v.see(used)
	b.v.see(card1("Lab 00 00", 1))
	b.v.started(3)
	b.v.w.reading.Wait()
	b.v.see(card1("Lab 00 00", 1))
	b.types("\x1b[B")
	b.has("lines 3-11 of 23")
	b.v.see(noCard("Lab 00 00", 2))
	b.has("INSERT A CARD")
	if strings.Contains(b.text(), "DURAND") {
		t.Errorf("still on the screen:\n%s", b.text())
	}
	for _, buffer := range append(b.v.seen, b.f.frame[:cap(b.f.frame)], b.f.own[len(b.f.own):cap(b.f.own)]) {
		if bytes.Contains(buffer, []byte("DURAND")) {
			t.Error("still in memory")
		}
	}
	// The next card begins at its top.
	b.v.answer("Lab 00 00", showing("MARTIN", 23))
	b.v.see(card1("Lab 00 00", 3))
	b.has("lines 1-9 of 23", "MARTIN line 1\n")
	b.types("q")
	b.closes(0)
}

func TestLiveScreenOfSeveralReaders(t *testing.T) {
	b := newBedside(t, 100, 6)
	b.v.answer("A", showing("DURAND", 30))
	b.v.answer("B", showing("MARTIN", 30))
	b.v.see(card1("A", 1), noCard("B", 0))
	b.has("DURAND line 1")
	b.v.see(card1("A", 1), card1("B", 1))
	b.has("MARTIN line 1\n", "card 2 of 2 (Tab)", "| B |")
	b.types(" ")
	b.has("MARTIN line 8\n")
	b.types("\t") // another patient begins at the top
	b.has("DURAND line 1\n", "card 1 of 2 (Tab)", "| A |")
	if strings.Contains(b.text(), "MARTIN") {
		t.Error("two patients on one screen")
	}
	b.types("\t")
	b.has("MARTIN line 1\n")
	b.v.see(card1("A", 1), noCard("B", 2))
	b.has("DURAND line 1")
	b.shows("one patient", func(text string) bool { return !strings.Contains(text, "MARTIN") && !strings.Contains(text, "Tab") })
	b.v.give(sight{err: pcsc.ErrNoService})
	b.has("the PC/SC service does not answer")
	b.shows("no patient", func(text string) bool { return !strings.Contains(text, "DURAND") })
	b.v.see()
	b.has("PLUG IN A CARD READER")
	b.types("\x03")
	b.closes(exitInterrupted)
}

func TestLiveScreenOfFailures(t *testing.T) {
	b := newBedside(t, 60, 10)
	b.v.w.pauses = []time.Duration{time.Hour}
	b.v.answer("A", failing(exitBusy, "another program", true))
	b.v.see(card1("A", 1))
	b.has("secours: error: another program", "tried again in a moment", "NOT READ")
	b.v.answer("A", func(_ context.Context, document []byte) answer {
		return answer{
			length: copy(document, "DURAND\n"), code: exitInvalid, notes: []string{"secours: a note"},
			failure: &failure{code: exitInvalid, name: "invalid", message: "do not rely on what is on the card: it was changed by somebody"},
		}
	})
	b.types("r")
	b.has("DURAND\n\nsecours: error: do not rely on what is on the card: it was\nchanged by somebody\n", "secours: a note", "NOT TO BE RELIED ON")
	// A verdict that is not there yet is not taken from the reading before.
	slow := make(chan struct{})
	b.v.answer("A", until(slow, "DURAND again\n"))
	b.types("r")
	b.has("READING…  A")
	b.shows("neither verdict nor patient", func(text string) bool {
		return !strings.Contains(text, "RELIED") && !strings.Contains(text, "DURAND")
	})
	close(slow)
	b.has("DURAND again")
	b.types("\x04")
	b.closes(0)
}

func TestLiveScreenResized(t *testing.T) {
	b := newBedside(t, 80, 10)
	again := make(chan struct{})
	later := make(chan struct{})
	b.v.answer("A", showing("DURAND", 20), until(again, "DURAND for sixty columns\n"), failing(exitBusy, "card-reset", true), until(later, "DURAND for 15\n"))
	b.v.see(card1("A", 1))
	b.has("lines 1-9 of 20")
	b.size(60, 7)
	b.f.in <- input{resize: true}
	b.has("lines 1-6 of 20") // at once, with what is there
	b.size(30, 7)
	b.f.in <- input{resize: true}
	b.has("VERIFIED | 1-6/20 MORE")
	b.size(18, 7)
	b.f.in <- input{resize: true}
	b.has("VERIFIED | MORE")
	b.size(60, 7)
	b.f.in <- input{resize: true}
	b.has("lines 1-6 of 20")
	close(again)
	b.has("DURAND for sixty columns")
	if j := b.v.starts[1]; j.width != 60 {
		t.Errorf("asked for %+v", j)
	}
	// Its failure does not take away what is there.
	b.size(15, 7)
	b.f.in <- input{resize: true}
	b.has("DURAND for\nsixty columns\n")
	b.shows("the fourth reading, after the third failed", func(string) bool {
		b.v.mu.Lock()
		defer b.v.mu.Unlock()
		return len(b.v.starts) == 4
	})
	b.types("\x0c")
	b.v.see(card1("A", 1)) // all of that is drawn by now
	b.has("DURAND for\nsixty columns\n")
	close(later)
	b.has("DURAND for 15\n")
	b.v.end(errQuit) // as by a TERM signal
	b.closes(0)
}

// A panic puts the terminal back before it is reported.
func TestLiveScreenAfterPanic(t *testing.T) {
	b := newBedside(t, 80, 6)
	b.v.answer("A", func(context.Context, []byte) answer { panic("in a reading") })
	b.v.see(card1("A", 1))
	select {
	case err := <-b.outcome:
		if !strings.Contains(err.Error(), "in a reading") {
			t.Error(err)
		}
		b.outcome <- nil
	case <-time.After(5 * time.Second):
		t.Fatal("the panic was lost")
	}
	b.closes(0)
}

// A card that shows nothing does not take the screen from a patient's summary; the status tells of it.
func TestLiveScreenBesideAnotherCard(t *testing.T) {
	b := newBedside(t, 110, 6)
	b.v.answer("A", showing("DURAND", 3))
	hold := make(chan struct{})
	b.v.answer("B", func(ctx context.Context, document []byte) answer {
		<-hold
		return failing(exitNotOurCard, "not a Secours card", false)(ctx, document)
	})
	b.v.see(card1("A", 1), noCard("B", 0))
	b.has("DURAND line 1\n")
	b.v.see(card1("A", 1), card1("B", 1))
	b.has("DURAND line 1\n", "VERIFIED", "B: reading (Tab)", "| A |")
	close(hold)
	b.has("DURAND line 1\n", "VERIFIED", "B: not a Secours card (Tab)", "| A |")
	b.types("\t")
	b.has("secours: error: not a Secours card", "NOT READ", "| B |")
	b.types("\t")
	b.has("DURAND line 1\n")
	// Of what is left, a summary comes first.
	b.v.see(card1("A", 1), card1("B", 1), card1("C", 1))
	b.has("summary of C", "| C |")
	b.v.see(card1("A", 1), card1("B", 1), noCard("C", 2))
	b.has("DURAND line 1\n", "| A |")
	b.v.see(noCard("A", 2), card1("B", 1))
	b.has("secours: error: not a Secours card")
	b.types("q")
	b.closes(0)
}

// What failed in a way that passes does not take away what is shown; any other failure does, at once.
func TestLiveScreenKeepsWhatStillCounts(t *testing.T) {
	for _, c := range []struct {
		name  string
		code  int
		again bool
		keeps bool
	}{
		{"reader-busy", exitBusy, true, true},
		{"card-reset", exitBusy, true, true},
		{"no-answer", exitBusy, true, true},
		{"not-our-card", exitNotOurCard, false, false},
		{"no-card", exitNoCard, true, false},
		{"empty", exitNoCard, false, false},
		{"pin", exitPIN, false, false},
		{"failed", exitGeneral, true, false},
	} {
		for _, why := range []string{"resized", "used"} {
			t.Run(c.name+" "+why, func(t *testing.T) {
				b := newBedside(t, 80, 6)
				b.v.w.pauses = []time.Duration{time.Hour}
				b.v.answer("A", showing("DURAND", 3), failing(c.code, c.name, c.again))
				b.v.see(card1("A", 1))
				b.has("DURAND line 1\n", "VERIFIED")
				if why == "used" {
					used := card1("A", 1)
					used.InUse = true
					b.v.see(used)
					b.v.see(card1("A", 1))
				} else {
					b.size(70, 6)
					b.f.in <- input{resize: true}
				}
				if !c.keeps {
					b.has("secours: error: "+c.name, "NOT READ")
					b.shows("no patient", func(text string) bool { return !strings.Contains(text, "DURAND") })
				} else {
					b.v.started(2)
					b.v.w.reading.Wait() // the failure was taken, and is dealt with before the next look
					b.v.see(card1("A", 1))
					b.types("\x1b[B\x0c")
					b.v.see(card1("A", 1))
					b.has("DURAND line 1\n", "VERIFIED")
				}
				b.types("q")
				b.closes(0)
			})
		}
	}
}
