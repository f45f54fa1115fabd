//go:build linux && cgo

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

// ran is a command line that has ended.
type ran struct {
	code      int
	out, talk []byte
	took      time.Duration
	failure   failureDocument
}

// background runs a command line while the test goes on.
func background(t *testing.T, args ...string) <-chan ran {
	t.Helper()
	ended := make(chan ran, 1)
	began := time.Now()
	go func() {
		var r ran
		r.code, r.out, r.talk = invoke(t, nil, args...)
		r.took, r.failure = time.Since(began), failureOf(r.talk)
		ended <- r
	}()
	return ended
}

// endsWithin waits for it, but not for ever.
func endsWithin(t *testing.T, limit time.Duration, ended <-chan ran) ran {
	t.Helper()
	select {
	case r := <-ended:
		if r.took > limit {
			t.Errorf("it took %v, and %v is the limit: %d %s", r.took, limit, r.code, r.talk)
		}
		return r
	case <-time.After(limit + 10*time.Second):
		t.Fatalf("it hangs, and %v is the limit", limit)
		return ran{}
	}
}

// emergency is the reading of a card as the emergency staff does it.
func (p *playground) emergency(at string, more ...string) []string {
	return append([]string{"--home", p.file("emergency"), "--card", at, "read", "--json"}, more...)
}

// marker is a command that no part of secours sends. Cards do not know it.
var marker = []byte{0x00, 0xCA, 0x5E, 0xC0, 0x00}

// client is another program, connected to the card in the slot.
func (s *readerSlot) client(t *testing.T) *pcsc.Conn {
	t.Helper()
	conn, err := pcsc.Connect(t.Context(), s.name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Leave() })
	return conn
}

func transmit(t *testing.T, c *pcsc.Conn, command []byte) []byte {
	t.Helper()
	answer, err := c.Transmit(t.Context(), command)
	if err != nil {
		t.Fatalf("% X: %v", command, err)
	}
	return answer
}

// sent are the places of a command in what the card has seen.
func sent(log []exchange, command []byte) (at []int) {
	for i, e := range log {
		if bytes.Equal(e.command, command) {
			at = append(at, i)
		}
	}
	return at
}

// Nobody's commands come between those of another's transaction, and whoever waits in vain is told why.
func TestTransactionsThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	p := newPlayground(t)
	s := newSlot(t, service, 0)
	c := p.sim(t, 7)
	s.put(c)

	t.Run("read waits", func(t *testing.T) {
		c.begin(nil)
		other := s.client(t)
		if err := other.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		reading := background(t, p.emergency(s.at())...)
		for range 20 {
			transmit(t, other, marker)
			time.Sleep(10 * time.Millisecond) // the time that the reading has to go wrong in
		}
		transmit(t, other, []byte{0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00}) // the MF: our application is left
		if err := other.End(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := endsWithin(t, 5*time.Second, reading); r.code != 0 {
			t.Errorf("%d %s", r.code, r.talk)
		}
		if at := sent(c.seen(), marker); len(at) != 20 || at[19]-at[0] != 19 || c.commands() < 25 {
			t.Errorf("the card saw the other's commands at %v of %d", at, c.commands())
		}
	})

	t.Run("read gives up", func(t *testing.T) {
		other := s.client(t)
		if err := other.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		transmit(t, other, marker)
		c.begin(nil)
		r := endsWithin(t, 1700*time.Millisecond, background(t, p.emergency(s.at(), "--timeout", "700ms")...))
		if r.code != exitBusy || r.failure.Name != "reader-busy" || r.failure.Hint == "" || r.took < 700*time.Millisecond {
			t.Errorf("after %v: %d %s", r.took, r.code, r.talk)
		}
		if n := len(c.seen()); n > 0 {
			t.Errorf("the card was sent %d commands or resets", n)
		}
		if _, err := other.Transmit(t.Context(), marker); err != nil {
			t.Errorf("the other's transaction: %v", err)
		}
		if err := other.End(t.Context()); err != nil {
			t.Error(err)
		}
	})

	t.Run("a write is not interrupted", func(t *testing.T) {
		other := s.client(t)
		begun := make(chan error, 1)
		var asked atomic.Bool
		c.begin(func(_ int, command []byte) ([]byte, error) {
			if command[1] == 0xD6 && !asked.Swap(true) {
				go func() { begun <- other.Begin(t.Context()) }()
			}
			if asked.Load() {
				time.Sleep(2 * time.Millisecond) // a card takes longer, and the other has the time to come between
			}
			return c.Card.Transmit(context.Background(), command)
		})
		writing := background(t, "--home", p.file("gp"), "--card", s.at(), "write", p.variant(t, 1), "--json")
		if r := endsWithin(t, 10*time.Second, writing); r.code != 0 {
			t.Fatalf("%d %s", r.code, r.talk)
		}
		if err := <-begun; err != nil {
			t.Fatal(err)
		}
		transmit(t, other, marker)
		log := c.seen()
		c.begin(nil)
		if err := other.End(t.Context()); err != nil {
			t.Error(err)
		}
		if at := sent(log, marker); !slices.Equal(at, []int{len(log) - 1}) || len(log) < 50 {
			t.Errorf("the card saw the other's command at %v of %d", at, len(log))
		}
		if now := p.show(t, s.at()); !now.verified() || variantOf(now.summary) != 1 {
			t.Errorf("%d %s", now.code, now.talk)
		}
	})

	t.Run("exclusive", func(t *testing.T) {
		holder := pcsctest.Python(t, "testdata/e2e/exclusive.py", s.name)
		release, err := holder.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		holder.Stderr = t.Output()
		out, err := holder.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
			t.Fatalf("the holder: %q %v", line, err)
		}
		c.begin(nil)
		for _, at := range []string{s.at(), "pcsc"} {
			r := endsWithin(t, 1700*time.Millisecond, background(t, p.emergency(at, "--timeout", "700ms")...))
			if r.code != exitBusy || r.failure.Name != "reader-busy" || r.failure.Hint == "" {
				t.Errorf("--card %s, after %v: %d %s", at, r.took, r.code, r.talk)
			}
		}
		if n := len(c.seen()); n > 0 {
			t.Errorf("the card was sent %d commands or resets", n)
		}
		reading := background(t, p.emergency(s.at())...)
		release.Close()
		if r := endsWithin(t, 5*time.Second, reading); r.code != 0 {
			t.Errorf("released: %d %s", r.code, r.talk)
		}
		if err := holder.Wait(); err != nil {
			t.Errorf("the holder: %v", err)
		}
	})
}

// A card that is swapped for another patient's, faster than anybody can notice, is not written to. The service goes on as if nothing had
// been: one connection, two cards.
func TestSwappedThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	for n, tag := range []*sim.Tag{nil, {}} {
		t.Run([]string{"application", "tag"}[n], func(t *testing.T) {
			t.Parallel()
			p := newPlayground(t)
			other := &playground{p.dir, p.file("other.img")}
			p.become(t, sim.Options{Size: 16384, Tag: tag}, p.file("summary.json"))
			other.become(t, sim.Options{Size: 16384, Tag: tag}, p.otherPatient(t))
			swapDuringWrite(t, newSlot(t, service, n), p, other)
		})
	}
}

// swap is when the second card comes: n counts commands and resets, the first being 1, resets the latter alone, since those after the last
// of them, and marks the marks of the container that are written. This one is included.
type swap func(n, resets, since, marks int) bool

// swaps ends with one that does not happen.
func swaps() (list []swap) {
	if long {
		for at := 2; at < 300; at++ {
			list = append(list, func(n, _, _, _ int) bool { return n == at })
		}
		return list
	}
	list = append(list, func(n, _, _, _ int) bool { return n == 8 })
	for r := 1; r <= 3; r++ {
		for s := range 3 {
			list = append(list, func(_, resets, since, _ int) bool { return resets == r && since == s })
		}
	}
	for _, m := range []int{1, 2, 4, 6, 99} {
		list = append(list, func(_, _, _, marks int) bool { return marks == m })
	}
	return list
}

func swapDuringWrite(t *testing.T, s *readerSlot, p, other *playground) {
	untouched, err := os.ReadFile(other.image)
	if err != nil {
		t.Fatal(err)
	}
	c := &swapped{cards: [2]*labCard{p.sim(t, 7), other.sim(t, 8)}}
	s.put(c)
	outcomes, writes, last := map[string]int{}, 0, p.show(t, s.at()).doc.Record.Seq
	for i, swap := range swaps() {
		writes++
		c.arm(swap)
		code, _, talk := invoke(t, nil, "--home", p.file("gp"), "--card", s.at(), "write", p.variant(t, writes), "--json")
		swapped := c.disarm()
		failed := failureOf(talk)
		outcomes[fmt.Sprintf("%d %s", code, failed.Name)]++
		if now, err := os.ReadFile(other.image); err != nil || !bytes.Equal(now, untouched) {
			t.Fatalf("swap %d: the other card was written to (%v): %d %s", i, err, code, talk)
		}
		if swapped && !slices.Contains(swapCodes, code) {
			t.Errorf("swap %d: %d %s", i, code, talk)
		}
		after := p.show(t, s.at())
		seq := after.doc.Record.Seq
		is := seq > last
		if !after.verified() || seq < last || is != (variantOf(after.summary) == writes) || is && code != 0 && failed.Name != "unknown-outcome" {
			t.Fatalf("swap %d (%d %s), the first card says: %d, number %d after %d, variant %d %s", i, code, talk, after.code, seq, last,
				variantOf(after.summary), after.talk)
		}
		last = seq
		if !swapped {
			if code != 0 {
				t.Errorf("not swapped: %d %s", code, talk)
			}
			break
		}
	}
	if writes < 10 {
		t.Errorf("%d writes", writes)
	}
	t.Logf("%d writes; %v", writes, outcomes)
}

// Cards that nobody has written to have nothing but their id to tell them apart, and a write to one that was interrupted is finished.
func TestSwappedEmptyThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	for n, tag := range []*sim.Tag{nil, {}} {
		t.Run([]string{"application", "tag"}[n], func(t *testing.T) {
			t.Parallel()
			swapEmpty(t, newSlot(t, service, n), tag)
		})
	}
}

func swapEmpty(t *testing.T, s *readerSlot, tag *sim.Tag) {
	p := newPlayground(t)
	other := &playground{p.dir, p.file("other.img")}
	other.become(t, sim.Options{Size: 16384, Tag: tag}, "")
	untouched, err := os.ReadFile(other.image)
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range []struct {
		when swap
		code int
		name string
	}{
		{func(_, resets, _, _ int) bool { return resets == 1 }, exitConflict, "card-changed"}, // between the reading and the writing
		{func(_, _, _, marks int) bool { return marks == 3 }, exitNoCard, "unknown-outcome"},  // the slot comes next
	} {
		p.become(t, sim.Options{Size: 16384, Tag: tag}, "")
		c := &swapped{cards: [2]*labCard{p.sim(t, 7), other.sim(t, 8)}}
		s.put(c)
		c.arm(test.when)
		code, _, talk := invoke(t, nil, "--home", p.file("gp"), "--card", s.at(), "write", p.file("summary.json"), "--json")
		if !c.disarm() || code != test.code || failureOf(talk).Name != test.name {
			t.Errorf("swap %d: %d %s", i, code, talk)
		}
		if now, err := os.ReadFile(other.image); err != nil || !bytes.Equal(now, untouched) {
			t.Errorf("swap %d: the other card was written to (%v)", i, err)
		}
		s.take()
		for _, c := range c.cards {
			c.Close()
		}
	}
}

// swapCodes: the card is another, perhaps from the beginning, or it has lost what was selected, which is all that a reading can say.
var swapCodes = []int{exitNoCard, exitConflict, exitNotOurCard, exitWrongPatient}

// swapped is two cards, of which the second takes the place of the first.
type swapped struct {
	cards [2]*labCard

	mu                       sync.Mutex
	in                       int
	when                     swap
	n, resets, since, marked int
}

// arm puts the first card in, and the second later.
func (c *swapped) arm(when swap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in, c.when, c.n, c.resets, c.since, c.marked = 0, when, 0, 0, 0, 0
	_ = c.cards[0].Card.Reset(context.Background())
}

// disarm puts the first card in, and tells whether the second was.
func (c *swapped) disarm() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.in == 1
	c.in, c.when = 0, nil
	_ = c.cards[0].Card.Reset(context.Background())
	return was
}

// card is the card that gets a command, or a reset where there is none.
func (c *swapped) card(command []byte) *labCard {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	c.since++
	if command == nil {
		c.resets++
		c.since = 0
	}
	if isMark(command) {
		c.marked++
	}
	if c.in == 0 && c.when != nil && c.when(c.n, c.resets, c.since, c.marked) {
		c.in = 1
		c.cards[0].Card.PowerOff()
		_ = c.cards[1].Card.Reset(context.Background()) // the reader gives it power
	}
	return c.cards[c.in]
}

func (c *swapped) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	return c.card(command).Transmit(ctx, command)
}
func (c *swapped) Reset(ctx context.Context) error { return c.card(nil).Reset(ctx) }

func (c *swapped) PowerOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cards[c.in].PowerOff()
}

func (c *swapped) ATR() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cards[c.in].ATR()
}

// Without --card, a professional's card in the first reader is left in peace, with the session that another program has with it.
func TestProfessionalsCardThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	p := newPlayground(t)
	foreign := pcsctest.Insert(t, service, 0, &pcsctest.Card{Answer: func(command []byte) []byte {
		if bytes.Equal(command, marker) {
			return []byte{0x90, 0x00}
		}
		return []byte{0x6A, 0x82}
	}})
	practice := newSlot(t, service, 0).client(t)
	transmit(t, practice, marker)
	s := newSlot(t, service, 1)
	s.put(p.sim(t, 7))
	before := foreign.Controls()
	for _, args := range [][]string{
		{"--home", p.file("emergency"), "read", "--json"},
		{"--home", p.file("gp"), "write", p.variant(t, 1), "--json"},
		{"--home", p.file("emergency"), "--card", "pcsc", "verify", "--json"},
	} {
		if code, _, talk := invoke(t, nil, args...); code != 0 {
			t.Errorf("%v: %d %s", args[2:], code, talk)
		}
	}
	if now := foreign.Controls(); !bytes.Equal(now, before) {
		t.Errorf("the professional's card had % X, and then % X", before, now)
	}
	if answer, err := practice.Transmit(t.Context(), marker); err != nil || !bytes.Equal(answer, []byte{0x90, 0x00}) {
		t.Errorf("the practice software's session: % X %v", answer, err)
	}
	if now := p.show(t, s.at()); !now.verified() || variantOf(now.summary) != 1 {
		t.Errorf("%d %s", now.code, now.talk)
	}
	// By its name it is refused, and left in peace all the same.
	r := p.show(t, "pcsc:"+service.Reader(0))
	if now := foreign.Controls(); r.code != exitNotOurCard || r.failure.Hint == "" || !bytes.Equal(now, before) {
		t.Errorf("%d %s, and the professional's card had % X, then % X", r.code, r.talk, before, now)
	}
}

// A PIN session ends with the command line.
func TestPINThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	p := newPlayground(t)
	c, err := sim.Create(p.image, sim.Options{Size: 16384, PIN: []byte("4711"), Replace: true})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	s := newSlot(t, service, 0)
	lab := p.sim(t, 7)
	s.put(lab)
	other := s.client(t) // shares the card all along, as practice software does
	for _, step := range []struct {
		secrets string
		code    int
		args    []string
	}{
		{"4711\n", 0, []string{"--home", p.file("gp"), "card", "init"}},
		{"4711\n", 0, []string{"--home", p.file("gp"), "write", p.file("summary.json")}},
		{"4711\n", 0, []string{"--home", p.file("emergency"), "read"}},
		{"4712\n", exitPIN, []string{"--home", p.file("emergency"), "read"}},
		{"4711\n", 0, []string{"--home", p.file("emergency"), "verify"}},
	} {
		lab.begin(nil)
		code, _, talk := withSecrets(t, step.secrets, append(step.args, "--card", s.at(), "--passphrase-stdin", "--json")...)
		if code != step.code || strings.Contains(talk, "471") {
			t.Fatalf("%v: %d %s", step.args, code, talk)
		}
		log := lab.seen()
		verified := slices.ContainsFunc(log, func(e exchange) bool { return len(e.command) == 21 && e.command[1] == 0x20 })
		if last := log[len(log)-1]; !verified || last.command != nil {
			t.Errorf("%v: a PIN was presented: %v; and the last that the card saw is % X", step.args, verified, last.command)
		}
		if _, err := other.Transmit(t.Context(), []byte{0x00, 0x20, 0x00, 0x81}); !errors.Is(err, pcsc.ErrCardReset) {
			t.Errorf("%v: another program was not told of the reset: %v", step.args, err)
		}
		if err := other.Begin(t.Context()); err != nil { // acknowledges the reset, and makes none
			t.Fatal(err)
		}
		left := []byte{0x63, 0xC3}
		if step.code != 0 {
			left = []byte{0x63, 0xC2}
		}
		if answer := transmit(t, other, []byte{0x00, 0x20, 0x00, 0x81}); bytes.Equal(answer, []byte{0x90, 0x00}) {
			t.Errorf("%v: the PIN session goes on", step.args)
		}
		transmit(t, other, append([]byte{0x00, 0xA4, 0x04, 0x0C, 8}, card.AID()...))
		if answer := transmit(t, other, []byte{0x00, 0x20, 0x00, 0x81}); !bytes.Equal(answer, left) {
			t.Errorf("%v: VERIFY without data: % X, want % X", step.args, answer, left)
		}
		if err := other.End(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// The service goes away in the middle of a reading.
func TestRestartThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	p := newPlayground(t)
	s := newSlot(t, service, 0)
	c := p.sim(t, 7)
	places := []int{5}
	if long {
		places = []int{1, 2, 3, 5, 9, 17}
	}
	for _, at := range places {
		reached, restarted := make(chan struct{}), make(chan struct{})
		c.begin(func(n int, command []byte) ([]byte, error) {
			if n == at {
				close(reached)
				<-restarted
			}
			return c.Card.Transmit(context.Background(), command)
		})
		s.put(c)
		reading := background(t, p.emergency(s.at())...)
		<-reached
		service.Restart()
		close(restarted)
		if r := endsWithin(t, 5*time.Second, reading); r.code != exitNoReader && r.code != exitNoCard || r.failure.Hint == "" || len(r.out) > 0 {
			t.Errorf("restarted at command %d: %d %s", at, r.code, r.talk)
		}
		s.out()
		c.begin(nil)
		s.put(c)
		if again := p.show(t, s.at()); !again.verified() {
			t.Errorf("after a restart at command %d: %d %s", at, again.code, again.talk)
		}
		s.take()
	}
}

// Whatever a card answers, the command line ends in time and says what to do.
func TestBrokenCardsThroughPCSC(t *testing.T) {
	const timeout = time.Second
	service := pcsctest.Start(t, pcsctest.Readers)
	p := newPlayground(t)
	written, err := os.ReadFile(p.image)
	if err != nil {
		t.Fatal(err)
	}
	noise := func(n int, _ []byte) []byte {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		b := make([]byte, random.IntN(300))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	slots := make(chan int, 2)
	slots <- 0
	slots <- 1
	status := func(sw ...byte) func(int, []byte) []byte { return func(int, []byte) []byte { return sw } }
	for _, test := range []struct {
		name   string
		from   int // the first command that is not answered as it should be
		answer func(n int, command []byte) []byte
	}{
		{"silent", 1, nil},
		{"silent in the middle", 5, nil},
		{"empty answers", 1, status()},
		{"one byte", 1, status(0x90)},
		{"garbage", 1, noise},
		{"garbage in the middle", 3, noise},
		{"61 for ever", 1, status(0x61, 0x10)},
		{"61 with a byte for ever", 2, status(0x00, 0x61, 0xFF)},
		{"6C for ever", 2, status(0x6C, 0x10)},
		{"9000 for ever", 1, status(0x90, 0x00)},
		{"too much", 1, func(int, []byte) []byte { return append(make([]byte, 65000), 0x90, 0x00) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := <-slots
			defer func() { slots <- n }()
			s := newSlot(t, service, n)
			image := filepath.Join(t.TempDir(), "card.img")
			if err := os.WriteFile(image, written, 0o600); err != nil {
				t.Fatal(err)
			}
			good, err := sim.Open(image, sim.Session{})
			if err != nil {
				t.Fatal(err)
			}
			defer good.Close()
			done := make(chan struct{})
			commands := 0
			broken := pcsctest.Insert(t, service, n, &pcsctest.Card{Answer: func(command []byte) []byte {
				if commands++; commands < test.from {
					answer, _ := good.Transmit(context.Background(), command)
					return answer
				}
				if test.answer == nil {
					<-done
					return nil
				}
				return append([]byte{}, test.answer(commands, command)...)
			}})
			s.events = s.look().Events
			r := endsWithin(t, 2*timeout+2*time.Second, background(t, p.emergency(s.at(), "--timeout", timeout.String())...))
			if !slices.Contains(brokenCodes, r.code) || r.failure.Name == "" || len(r.out) > 0 {
				t.Errorf("%d %s", r.code, r.talk)
			}
			t.Logf("after %v: %d %s", r.took, r.code, r.failure.Name)
			close(done)
			broken.Remove()
			s.take()
		})
	}
}

// brokenCodes: what cannot be read is no card, not ours, or says nothing that is valid.
var brokenCodes = []int{exitNoReader, exitNoCard, exitNotOurCard, exitInvalid, exitBusy}

// A card that hangs does not keep the one in the other reader from being read.
func TestHangingNeighbourThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	p := newPlayground(t)
	done := make(chan struct{})
	pcsctest.Insert(t, service, 0, &pcsctest.Card{Answer: func([]byte) []byte {
		<-done
		return nil
	}})
	defer close(done)
	newSlot(t, service, 1).put(p.sim(t, 7))
	for range 2 { // the second time, the reader is known to hang
		args := []string{"--home", p.file("emergency"), "read", "--json", "--timeout", "1s"}
		r := endsWithin(t, 4*time.Second, background(t, args...))
		if r.code != 0 {
			t.Errorf("%d %s", r.code, r.talk)
		}
		t.Logf("after %v", r.took)
	}
}

func TestWaitThroughPCSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	p := newPlayground(t)
	c := p.sim(t, 7)
	for n, at := range []string{"pcsc", "pcsc:" + service.Reader(1)} {
		reading := background(t, p.emergency(at, "--wait")...)
		if n == 0 { // a card that is not ours does not end the wait
			pcsctest.Insert(t, service, 0, &pcsctest.Card{Answer: func([]byte) []byte { return []byte{0x6A, 0x82} }})
		}
		select {
		case r := <-reading:
			t.Fatalf("--card %s did not wait: %d %s", at, r.code, r.talk)
		case <-time.After(100 * time.Millisecond):
		}
		s := newSlot(t, service, 1)
		s.put(c)
		if r := endsWithin(t, 10*time.Second, reading); r.code != 0 || len(r.out) == 0 {
			t.Errorf("--card %s: %d %s", at, r.code, r.talk)
		}
		s.take()
	}
}
