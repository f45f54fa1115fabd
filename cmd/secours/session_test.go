package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
)

// stubbornReader is a simulated card that passes for one in a PC/SC reader: it says when it is opened and closed, and what another
// program does to it.
type stubbornReader struct {
	image  string
	events *[]string
	// resets are the commands, counted over all sessions, before which another program resets the card.
	resets   []int
	silent   bool // PC/SC does not say so: the card answers, with nothing selected
	commands *int
	closed   func()
}

func (r *stubbornReader) connection(context.Context) (*connection, error) {
	c, err := sim.Open(r.image, sim.Session{})
	if err != nil {
		return nil, err
	}
	*r.events = append(*r.events, "open")
	return &connection{Transmitter: &stubbornCard{c, r}, name: "pcsc:test", close: func() error {
		*r.events = append(*r.events, "close")
		err := c.Close()
		r.closed()
		return err
	}}, nil
}

type stubbornCard struct {
	*sim.Card
	r *stubbornReader
}

func (c *stubbornCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	*c.r.commands++
	if slices.Contains(c.r.resets, *c.r.commands) {
		if err := c.Card.Reset(ctx); err != nil {
			return nil, err
		}
		if !c.r.silent {
			return nil, fmt.Errorf("transmitting: %w", pcsc.ErrCardReset)
		}
	}
	return c.Card.Transmit(ctx, command)
}

func (p *playground) inReader(t *testing.T, secrets string, resets []int, args ...string) (code int, out, talk string, events []string) {
	t.Helper()
	return p.inThisReader(t, stubbornReader{resets: resets}, secrets, args...)
}

func (p *playground) inThisReader(t *testing.T, r stubbornReader, secrets string, args ...string) (code int, out, talk string, events []string) {
	t.Helper()
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer feed.Close()
	var stdout, stderr bytes.Buffer
	commands := 0
	// The secrets come when the card is let go of, and not before.
	r.image, r.events, r.commands, r.closed = p.image, &events, &commands, sync.OnceFunc(func() {
		if _, err := feed.WriteString(secrets); err != nil {
			t.Error(err)
		}
	})
	a := newApp()
	a.in, a.out, a.err, a.getenv = in, &stdout, &stderr, func(string) string { return "" }
	a.now = func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	a.connection = r.connection
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	code = execute(ctx, append(args, "--card", "pcsc:test"), a)
	return code, stdout.String(), stderr.String(), events
}

// TestReadStartsOverOnce: a read that another program's reset cut short is begun again with a new session, once, wherever it was.
func TestReadStartsOverOnce(t *testing.T) {
	p := newPlayground(t)
	p.gp(t, 0, "write", p.file("summary.json"))
	read := []string{"--home", p.file("emergency"), "read"}
	code, want, talk, events := p.inReader(t, "", nil, read...)
	if code != 0 || !slices.Equal(events, []string{"open", "close"}) {
		t.Fatalf("undisturbed: %d %v %s", code, events, talk)
	}
	once, twice := []string{"open", "close", "open", "close"}, 0
	for n := 1; ; n++ {
		code, out, talk, events := p.inReader(t, "", []int{n}, read...)
		if len(events) == 2 && code == 0 { // no command has this number any more
			break
		}
		if code != 0 || out != want || !slices.Equal(events, once) {
			t.Errorf("reset before command %d: %d %v %s", n, code, events, talk)
		}
		code, out, talk, events = p.inReader(t, "", []int{n, n + 1}, read...)
		if code != exitBusy || out != "" || !slices.Equal(events, once) {
			t.Errorf("reset before commands %d and %d: %d %v %s", n, n+1, code, events, talk)
		}
		twice++
	}
	if twice < 4 {
		t.Errorf("a read of %d commands", twice)
	}
}

// TestReadStartsOverOfASilentReset: where PC/SC does not tell of the reset, the card's answers do, wherever it hits.
func TestReadStartsOverOfASilentReset(t *testing.T) {
	p := newPlayground(t)
	p.gp(t, 0, "write", p.file("summary.json"))
	read := []string{"--home", p.file("emergency"), "read"}
	_, want, _, _ := p.inReader(t, "", nil, read...)
	over := 0
	for n := 1; n < 20; n++ {
		code, out, talk, events := p.inThisReader(t, stubbornReader{resets: []int{n}, silent: true}, "", read...)
		if code != 0 || out != want {
			t.Errorf("reset before command %d: %d %v %s", n, code, events, talk)
		}
		if len(events) == 4 {
			over++
		}
	}
	if over < 4 {
		t.Errorf("%d reads began again", over)
	}
}

// TestWriteIsNotReplayed: whatever command of a write another program's reset hits, no session is opened once the write has begun, and
// what is reported is true.
func TestWriteIsNotReplayed(t *testing.T) {
	p := newPlayground(t)
	p.gp(t, 0, "write", p.file("summary.json"))
	write := []string{"--home", p.file("gp"), "write", p.file("summary.json"), "--json"}
	seen := map[int]int{}
	for n := 1; ; n += 7 {
		before := p.verify(t, 0).Record.Seq
		code, out, talk, events := p.inReader(t, "", []int{n}, write...)
		after := p.verify(t, 0).Record.Seq
		seen[code]++
		opened := 0
		for _, e := range events {
			if e == "open" {
				opened++
			}
		}
		var done written
		if code == 0 {
			if err := json.Unmarshal([]byte(out), &done); err != nil {
				t.Fatal(err)
			}
		}
		switch {
		// A number that was tried is not given again, so the next may be several higher.
		case code == 0 && (after <= before || after != done.Seq), code != 0 && after != before:
			t.Errorf("reset before command %d: exit code %d, number %d and then %d: %s", n, code, before, after, talk)
		case opened > 2, opened == 2 && code != 0:
			t.Errorf("reset before command %d: %v, exit code %d: %s", n, events, code, talk)
		}
		if n > 400 {
			break
		}
	}
	t.Logf("exit codes: %v", seen)
	if seen[0] == 0 {
		t.Error("no write ended well")
	}
}

// TestPromptsHoldNoCard: the card is let go of before the PIN is asked for.
func TestPromptsHoldNoCard(t *testing.T) {
	p := newPlayground(t)
	if err := os.Remove(p.image); err != nil {
		t.Fatal(err)
	}
	c, err := sim.Create(p.image, sim.Options{Size: 16384, PIN: []byte("4711")})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	code, _, talk, events := p.inReader(t, "4711\n", nil, "card", "init", "--passphrase-stdin")
	if code != 0 || !slices.Equal(events, []string{"open", "close", "open", "close"}) {
		t.Errorf("%d %v %s", code, events, talk)
	}
}

// TestPINIsNotPresentedAgain: a reset that hits VERIFY ends the run, since the card may have counted it; one that hits the question for the
// attempts left does not make a PIN a blocked one.
func TestPINIsNotPresentedAgain(t *testing.T) {
	p := newPlayground(t)
	if err := os.Remove(p.image); err != nil {
		t.Fatal(err)
	}
	c, err := sim.Create(p.image, sim.Options{Size: 16384, PIN: []byte("4711")})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if code, _, talk, _ := p.inReader(t, "4711\n", nil, "card", "init", "--passphrase-stdin"); code != 0 {
		t.Fatal(talk)
	}
	// SELECT, READ BINARY, VERIFY without data; SELECT, VERIFY, …
	info := []string{"--lang", "en", "card", "info", "--passphrase-stdin"}
	for n, want := range map[int]struct {
		code, sessions int
	}{2: {0, 3}, 3: {0, 3}, 4: {0, 3}, 5: {exitBusy, 2}, 6: {0, 3}} {
		code, out, talk, events := p.inReader(t, "4711\n", []int{n}, info...)
		if code != want.code || len(events) != 2*want.sessions || strings.Contains(talk, "blocked") {
			t.Errorf("reset before command %d: %d %v %s%s", n, code, events, out, talk)
		}
	}
}

// TestLayingOutIsNotReplayed: what another program's reset cuts short while a tag is laid out, or a card is formatted, is not begun again.
func TestLayingOutIsNotReplayed(t *testing.T) {
	p := newPlayground(t)
	for n := 1; n < 40; n++ {
		if err := os.Remove(p.image); err != nil {
			t.Fatal(err)
		}
		c, err := sim.Create(p.image, sim.Options{Size: 16384, Tag: &sim.Tag{}})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		_, _, _, events := p.inReader(t, "", []int{n}, "card", "init", "--type4")
		// Six commands find the tag and what it holds: SELECT of our application, of the NDEF application, of the capability container and of
		// the file, and two READ BINARY.
		if sessions := len(events) / 2; sessions > 2 || sessions == 2 && n > 7 {
			t.Errorf("reset before command %d: %v", n, events)
		}
	}
}
