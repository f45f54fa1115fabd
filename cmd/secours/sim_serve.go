package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc/vpcd"
)

// simBench is the person who puts cards into the reader and takes them out. Its methods are for one goroutine, but for say.
type simBench struct {
	a       *app
	o       simOptions
	session sim.Session
	slot    *simSlot

	image      string // that is in, or was last
	chosen     string // that goes in next
	other      string // for SIGUSR2
	seed       uint64 // of the card that is in
	insertions uint64
	card       *sim.Card // nil: out
	stop       func()    // ends serving it
	served     chan error
	left       time.Time // when the last one left the reader
	next       <-chan time.Time

	mu      sync.Mutex // of what follows, and of image and seed, which only this goroutine writes
	said    chan simEvent
	dropped int
}

func (a *app) simServe(ctx context.Context, o simOptions, session sim.Session) error {
	s := &simBench{a: a, o: o, session: session, image: o.image, other: o.other, said: make(chan simEvent, untaken)}
	s.slot = &simSlot{pace: o.pace, told: s.say, fault: s.failed}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(ended)
	toggle, swap, stop := simNotify()
	defer stop()

	c, err := s.open(ctx, s.image)
	if err != nil {
		return err
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		s.tellAll()
	}()
	defer func() {
		s.remove("")
		close(s.said) // nobody else is left to say anything
		select {
		case <-told:
		case <-time.After(time.Second):
		}
	}()
	s.card = c
	s.say("listening", simEvent{Seed: s.seed})
	s.serve(ctx)
	lines := s.lines(ctx)
	for {
		select {
		case <-ctx.Done():
			// The signal that ended it may be a moment behind.
			select {
			case sig := <-ended:
				signal.Stop(ended)
				return s.end(sig)
			case <-time.After(time.Second):
				return s.end(os.Interrupt)
			}
		case sig := <-ended:
			signal.Stop(ended) // a second one is obeyed by the system
			return s.end(sig)
		case err := <-s.served:
			s.gone(err)
		case <-s.next:
			s.failed(s.put(ctx))
		case <-toggle:
			if s.card != nil || s.next != nil {
				s.remove("removed")
			} else {
				s.failed(s.insert(ctx, s.image))
			}
		case <-swap:
			s.failed(s.swapOther(ctx))
		case line, ok := <-lines:
			if !ok {
				if s.a.in != nil && term.IsTerminal(int(s.a.in.Fd())) {
					return s.end(nil)
				}
				lines = nil
				continue
			}
			if quit, err := s.command(ctx, line); quit {
				return s.end(nil)
			} else {
				s.failed(err)
			}
		}
	}
}

// end takes the card out for good.
func (s *simBench) end(sig os.Signal) error {
	s.remove("removed")
	s.say("stopped", simEvent{})
	if sig == os.Interrupt {
		return &failure{code: exitInterrupted, name: "interrupted", message: s.a.lang.s("interrompu", "interrupted"), err: context.Canceled}
	}
	return nil
}

// maxLine bounds a command; a path is at most 4096 bytes on Linux.
const maxLine = 8192

// lines reads standard input until its end.
func (s *simBench) lines(ctx context.Context) <-chan string {
	in := s.a.in
	if in == nil {
		return nil
	}
	lines := make(chan string)
	go func() {
		r := bufio.NewReaderSize(in, maxLine)
		for {
			b, err := r.ReadSlice('\n')
			line := string(b)
			for errors.Is(err, bufio.ErrBufferFull) {
				line = "…" // no command is that long
				_, err = r.ReadSlice('\n')
			}
			if line != "" || err == nil {
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
			if errors.Is(err, io.EOF) {
				close(lines)
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

// command carries out a line.
func (s *simBench) command(ctx context.Context, line string) (quit bool, err error) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "remove", "reset", "status", "quit", "":
		if rest == "" {
			return verb == "quit", s.bare(ctx, verb)
		}
	case "insert":
		if rest == "" {
			rest = s.image
		}
		return false, s.insert(ctx, rest)
	case "swap":
		if rest != "" {
			return false, s.swap(ctx, rest)
		}
	case "swap-gap":
		gap, file, _ := strings.Cut(rest, " ")
		if d, err := time.ParseDuration(gap); err == nil && d >= 0 && file != "" {
			return false, s.swapGap(strings.TrimSpace(file), d)
		}
	case "pull", "pull-after-apdu":
		if n, err := strconv.Atoi(rest); err == nil && n >= 0 {
			return false, s.arm(verb == "pull", n)
		}
	}
	l := s.a.lang
	return false, &failure{
		code: exitGeneral, name: "usage",
		message: fmt.Sprintf(l.s("commande incorrecte : %s", "bad command: %s"), oneLine(strings.TrimSpace(line))),
		hint: "insert [" + l.s("FICHIER", "FILE") + "], remove, swap " + l.s("FICHIER", "FILE") + ", swap-gap 1s " + l.s("FICHIER", "FILE") +
			", reset, pull N, pull-after-apdu N, status, quit",
	}
}

// bare carries out a command that has no argument.
func (s *simBench) bare(ctx context.Context, verb string) error {
	switch verb {
	case "remove":
		if s.card == nil && s.next == nil {
			return s.out()
		}
		s.remove("removed")
	case "reset":
		return s.reset(ctx)
	case "status":
		s.status()
	}
	return nil
}

// open takes an image, and gives its card a seed of its own.
func (s *simBench) open(ctx context.Context, path string) (*sim.Card, error) {
	session := s.session
	session.Seed += s.insertions
	c, err := interruptible(ctx, func() (*sim.Card, error) { return s.a.openImage(path, session) })
	if errors.Is(err, fs.ErrNotExist) {
		l := s.a.lang
		return nil, &failure{
			code: exitNoCard, name: "no-card", err: err,
			message: fmt.Sprintf(l.s("pas de carte simulée : %s", "no simulated card: %s"), oneLine(path)),
			hint:    command("--card", simPrefix+path, "card", "init") + l.s(" en crée une", " creates one"),
		}
	}
	if err != nil {
		return nil, err
	}
	s.insertions++
	s.mu.Lock()
	s.image, s.seed = path, session.Seed
	s.mu.Unlock()
	return c, nil
}

// serve puts the card that was opened into the reader.
func (s *simBench) serve(ctx context.Context) {
	s.slot.put(s.card)
	ctx, cancel := context.WithCancel(ctx)
	served, ended := make(chan error, 1), make(chan struct{})
	s.served, s.next = served, nil
	s.stop = func() {
		cancel()
		<-ended
	}
	go func() {
		defer close(ended)
		served <- vpcd.Serve(ctx, s.o.addr(), s.slot, s.heard)
	}()
}

// heard is what vpcd.Serve tells of the reader.
func (s *simBench) heard(err error) {
	switch {
	case err == nil:
		s.slot.heard()
	case errors.Is(err, vpcd.ErrNoReader):
		s.say("waiting", simEvent{Detail: err.Error()})
	case errors.Is(err, vpcd.ErrSilent):
		s.say("occupied", simEvent{Detail: err.Error()})
	default:
		s.slot.heard()
		s.say("lost-reader", simEvent{Detail: err.Error()})
	}
}

// insert puts a card into the empty reader, now or when the reader has had the time to see that it is empty.
func (s *simBench) insert(ctx context.Context, path string) error {
	if s.card != nil {
		return s.refused("card-in-reader", pair{"il y a une carte dans le lecteur", "there is a card in the reader"}, pair{"remove la retire, swap la remplace", "remove takes it out, swap replaces it"})
	}
	s.chosen = path
	if wait := vpcd.Away - time.Since(s.left); wait > 0 {
		s.next = time.After(wait)
		return nil
	}
	return s.put(ctx)
}

// put puts the chosen card into the empty reader.
func (s *simBench) put(ctx context.Context) error {
	s.next = nil
	c, err := s.open(ctx, s.chosen)
	if err != nil {
		return err
	}
	s.card = c
	s.serve(ctx)
	return nil
}

// remove takes the card out, or keeps one from going in, and says so.
func (s *simBench) remove(event string) {
	if s.card == nil && s.next == nil {
		return
	}
	s.next = nil
	if s.card != nil {
		s.stop()
		_ = s.card.Close() // each of its writes is on the disk already
		s.card, s.served, s.left = nil, nil, time.Now()
	}
	if event != "" {
		s.say(event, simEvent{})
	}
}

// gone is the end of serving a card that nobody took out: it was pulled, or does not work.
func (s *simBench) gone(err error) {
	s.remove("")
	if at := pulledAt(err); at != "" {
		s.say("pulled", simEvent{At: at})
		return
	}
	s.failed(err)
	s.say("removed", simEvent{})
}

// swap exchanges the card on the same connection, so that the reader has no way to notice.
func (s *simBench) swap(ctx context.Context, path string) error {
	if s.card == nil {
		return s.out()
	}
	if sameFile(path, s.image) {
		return s.refused("card-in-reader", pair{"cette carte est déjà dans le lecteur", "this card is in the reader already"}, pair{"remove, puis insert, la remettent", "remove, then insert, put it back"})
	}
	before := s.image
	c, err := s.open(ctx, path)
	if err != nil {
		return err
	}
	old := s.slot.put(c)
	s.card = c
	err = old.Close()
	s.other = before
	s.say("swapped", simEvent{Seed: s.seed})
	return err
}

func (s *simBench) swapOther(ctx context.Context) error {
	if s.other == "" {
		return s.refused("usage", pair{"SIGUSR2 : quelle carte mettre à la place ?", "SIGUSR2: which card to put in its place?"}, pair{"--swap FICHIER", "--swap FILE"})
	}
	return s.swap(ctx, s.other)
}

// swapGap empties the reader for a time.
func (s *simBench) swapGap(path string, gap time.Duration) error {
	if s.card == nil {
		return s.out()
	}
	s.remove("removed")
	s.other = s.image
	s.chosen = path
	s.next = time.After(gap)
	return nil
}

func (s *simBench) reset(ctx context.Context) error {
	if s.card == nil {
		return s.out()
	}
	var err error
	s.slot.with(func(c *sim.Card) {
		if s.slot.powered {
			err = c.Reset(ctx)
		}
	})
	if err == nil {
		s.say("reset", simEvent{})
	}
	return err
}

// arm prepares the pull; n is 0 to take it back.
func (s *simBench) arm(inMemory bool, n int) error {
	if s.card == nil {
		return s.out()
	}
	s.slot.with(func(c *sim.Card) {
		c.PullAfter(0)
		s.slot.answers = 0
		if inMemory {
			c.PullAfter(n)
		} else {
			s.slot.answers = n
		}
	})
	at := "command"
	if inMemory {
		at = "cut"
	}
	s.say("armed", simEvent{At: at, After: n})
	return nil
}

func (s *simBench) status() {
	st := simStatus{In: s.card != nil}
	if st.In {
		s.slot.with(func(c *sim.Card) {
			st.Seen, st.Powered = s.slot.announced, s.slot.powered
			st.Commands, st.CutPoints, st.ElapsedMS = c.Commands(), c.CutPoints(), c.Elapsed().Milliseconds()
		})
	}
	s.say("status", simEvent{Status: &st})
}

func (s *simBench) out() error {
	return s.refused("no-card", pair{"pas de carte dans le lecteur", "no card in the reader"}, pair{"insert l'y met", "insert puts it in"})
}

func (s *simBench) refused(name string, message, hint pair) error {
	return &failure{code: exitGeneral, name: name, message: s.a.lang.p(message), hint: s.a.lang.p(hint)}
}

// sameFile reports whether two paths lead to one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
