//go:build linux && cgo

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/pcsc/pcsctest"
	"github.com/secours-card/secours/pcsc/vpcd"
	"github.com/secours-card/secours/summary/record"
)

// Tests through a pcscd: what a card in a virtual reader sees, and what becomes of it, when the command line works with it.

// long asks for every boundary of the exchanges with a card, which takes minutes. Otherwise it is a part of them, dense where the
// marks are written.
var long = os.Getenv("SECOURS_E2E") == "long"

// readerSlot is one of the two of the virtual reader, for one card at a time.
type readerSlot struct {
	t       *testing.T
	service *pcsctest.Service
	n       int
	name    string

	events uint16 // when the card was in
	pull   context.CancelFunc
	ended  chan struct{}
}

func newSlot(t *testing.T, service *pcsctest.Service, n int) *readerSlot {
	t.Helper()
	return &readerSlot{t: t, service: service, n: n, name: service.Reader(n)}
}

// at is the command line's way to the reader.
func (s *readerSlot) at() string { return "pcsc:" + s.name }

// await waits as eventually does, but lets pcscd breathe: each look is a client that comes and goes.
func (s *readerSlot) await(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(15 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("it never came to be that %s", what)
		}
	}
}

// look is the reader as the service sees it.
func (s *readerSlot) look() pcsc.Reader {
	s.t.Helper()
	readers, err := pcsc.Readers(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range readers {
		if r.Name == s.name {
			return r
		}
	}
	s.t.Fatalf("no reader %s", s.name)
	return pcsc.Reader{}
}

// put puts a card in, and waits until the service sees it.
func (s *readerSlot) put(c vpcd.Card) {
	s.t.Helper()
	before := s.look().Events
	s.dial(c)
	s.await("the service sees the card", func() bool {
		r := s.look()
		s.events = r.Events
		return r.Card && r.Events != before
	})
}

// dial puts a card in without waiting.
func (s *readerSlot) dial(c vpcd.Card) {
	ctx, pull := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = vpcd.Plug(ctx, s.service.Addr(s.n), c)
	}()
	s.pull, s.ended = pull, ended
	s.t.Cleanup(s.out)
}

// out pulls the card, if it is still in, and does not wait for anybody to notice.
func (s *readerSlot) out() {
	if s.pull != nil {
		s.pull()
		<-s.ended
	}
}

// take pulls the card, if it is still in, and waits until the service has noticed. That a card is not seen does not say so: one that
// was torn in the middle of a command may be seen no more while the service still believes that it is there.
func (s *readerSlot) take() {
	s.t.Helper()
	s.out()
	s.await("the service notices that the card left", func() bool { return s.look().Events != s.events })
}

// exchange is a command and its answer, or a reset.
type exchange struct{ command, answer []byte }

// labCard is a simulated card that keeps what it is sent, and lets a test step in.
type labCard struct {
	*sim.Card

	mu    sync.Mutex
	step  func(n int, command []byte) ([]byte, error)
	n     int
	log   []exchange
	asked int
}

// ATR is what the service asks for to see whether the card is there.
func (c *labCard) ATR() []byte {
	c.mu.Lock()
	c.asked++
	c.mu.Unlock()
	return c.Card.ATR()
}

func (c *labCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	c.mu.Lock()
	c.n++
	n, at, step := c.n, len(c.log), c.step
	c.log = append(c.log, exchange{command: bytes.Clone(command)})
	c.mu.Unlock()
	var answer []byte
	var err error
	if step != nil {
		answer, err = step(n, command)
	} else {
		answer, err = c.Card.Transmit(ctx, command)
	}
	c.mu.Lock()
	c.log[at].answer = bytes.Clone(answer)
	c.mu.Unlock()
	return answer, err
}

func (c *labCard) Reset(ctx context.Context) error {
	c.mu.Lock()
	c.log = append(c.log, exchange{})
	c.mu.Unlock()
	return c.Card.Reset(ctx)
}

// seen is what the card was sent.
func (c *labCard) seen() []exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]exchange(nil), c.log...)
}

// commands is how many of those were commands.
func (c *labCard) commands() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// begin counts anew. From here on, step is given every command with its number, the first being 1, and is the card; nil is the card itself.
func (c *labCard) begin(step func(n int, command []byte) ([]byte, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step, c.n, c.log, c.asked = step, 0, nil, 0
}

// heard tells whether the service has asked for the ATR since begin.
func (c *labCard) heard() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked > 0
}

// isMark tells an UPDATE BINARY of 16 bytes on the first pages: a mark of the container (docs/FORMAT.md, 2.1).
func isMark(command []byte) bool {
	return len(command) == 21 && command[1] == 0xD6 && (command[2]&0x80 != 0 || command[2] < 2)
}

// leftError is a card that leaves.
type leftError struct{}

func (leftError) Error() string  { return "pulled by the test" }
func (leftError) CardGone() bool { return true }

// sim opens the card of the playground, for a slot.
func (p *playground) sim(t *testing.T, seed uint64) *labCard {
	t.Helper()
	c, err := sim.Open(p.image, sim.Session{Seed: seed, Wait: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &labCard{Card: c}
}

// become makes the playground's card another, with a summary written to it, if one is named.
func (p *playground) become(t *testing.T, o sim.Options, summary string) {
	t.Helper()
	o.Replace = true
	c, err := sim.Create(p.image, o)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if o.Tag != nil {
		p.gp(t, 0, "card", "init", "--type4")
	} else {
		p.gp(t, 0, "card", "init")
	}
	if summary != "" {
		p.gp(t, 0, "write", summary)
	}
}

// shown is what "read" says of a card.
type shown struct {
	code    int
	failure failureDocument
	talk    string
	doc     readDocument
	summary string // the very bytes
}

// failureDocument is how a failure is told with --json.
type failureDocument struct {
	Code    int    `json:"code"`
	Name    string `json:"name"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

func failureOf(talk []byte) (f failureDocument) {
	_ = json.Unmarshal(talk, &f) // none where it succeeded
	return f
}

// show reads a card with the home of the emergency staff.
func (p *playground) show(t *testing.T, at string, more ...string) (s shown) {
	t.Helper()
	code, out, talk := invoke(t, nil, append([]string{"--home", p.file("emergency"), "--card", at, "read", "--json"}, more...)...)
	s = shown{code: code, failure: failureOf(talk), talk: string(talk)}
	if len(out) == 0 {
		return s
	}
	var parts struct{ Summary json.RawMessage }
	if err := json.Unmarshal(out, &s.doc); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &parts); err != nil {
		t.Fatal(err)
	}
	s.summary = string(parts.Summary)
	return s
}

func (s shown) verified() bool {
	return s.code == 0 && s.doc.Verdict.Status == record.Valid && s.summary != "" && s.summary != "null"
}

// variant is the playground's summary with a sentence of its own.
func (p *playground) variant(t *testing.T, n int) string {
	t.Helper()
	old, err := os.ReadFile(p.file("summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	sentence := []byte("maladie d'Addison, ne jamais")
	if !bytes.Contains(old, sentence) {
		t.Fatal("the example has no such sentence any more")
	}
	name, numbered := p.file("variant.json"), fmt.Appendf(nil, "maladie d'Addison (%d), ne jamais", n)
	if err := os.WriteFile(name, bytes.Replace(old, sentence, numbered, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// variantOf is the number that variant gave to a summary that was read, 0 for none.
func variantOf(summary string) (n int) {
	_, after, _ := strings.Cut(summary, "maladie d'Addison (")
	_, _ = fmt.Sscanf(after, "%d)", &n)
	return n
}
