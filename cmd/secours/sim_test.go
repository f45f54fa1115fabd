package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

// simPatience is for what takes a second at most.
const simPatience = 30 * time.Second

// simRun is a "sim serve" in this process.
type simRun struct {
	t      *testing.T
	stdin  *os.File
	events chan simEvent
	code   chan int
	cancel context.CancelFunc
	talk   bytes.Buffer // to be read once it has ended
	seen   []string
}

func serveSim(t *testing.T, addr string, args ...string) *simRun {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	in, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, events := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	r := &simRun{t: t, stdin: stdin, events: make(chan simEvent, untaken), code: make(chan int, 1), cancel: cancel}
	a := newApp()
	a.in, a.out, a.err, a.getenv = in, events, &r.talk, func(string) string { return "" }
	go func() {
		r.code <- execute(ctx, slices.Concat([]string{"sim", "serve", "--json", "--host", host, "--port", port}, args), a)
		events.Close()
	}()
	go func() {
		defer close(r.events)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e simEvent
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Schema != "secours.sim/1" || e.Time.IsZero() || e.Reader != addr {
				t.Errorf("%s: %v", lines.Bytes(), err)
			}
			r.events <- e
		}
	}()
	t.Cleanup(func() {
		cancel()
		for range r.events {
		}
		stdin.Close()
		in.Close()
	})
	return r
}

func (r *simRun) say(line string) {
	r.t.Helper()
	if _, err := fmt.Fprintln(r.stdin, line); err != nil {
		r.t.Fatal(err)
	}
}

// until waits for an event.
func (r *simRun) until(event string) simEvent {
	r.t.Helper()
	limit := time.After(simPatience)
	for {
		select {
		case e, ok := <-r.events:
			if !ok {
				r.t.Fatalf("it ended before %q, after %v: %s", event, r.seen, &r.talk)
			}
			r.seen = append(r.seen, e.Event)
			if e.Event == event {
				return e
			}
			if e.Event == "failed" {
				r.t.Fatalf("%+v before %q, after %v", e.Error, event, r.seen)
			}
		case <-limit:
			r.t.Fatalf("no %q, only %v", event, r.seen)
		}
	}
}

// fails says a command that must be refused under that name.
func (r *simRun) fails(line, name string) {
	r.t.Helper()
	r.say(line)
	if e := r.until("failed"); e.Error == nil || e.Error.Name != name || e.Error.Message == "" || e.Error.Hint == "" {
		r.t.Errorf("%s: %+v, want %s", line, e.Error, name)
	}
}

// ends waits for the exit code.
func (r *simRun) ends(want int) {
	r.t.Helper()
	limit := time.After(simPatience)
	for {
		select {
		case _, ok := <-r.events:
			if ok {
				continue
			}
			if code := <-r.code; code != want {
				r.t.Errorf("exit code %d, want %d: %s", code, want, &r.talk)
			}
			return
		case <-limit:
			r.t.Fatal("it does not end")
		}
	}
}

// simReader is a virtual reader with no pcscd behind it.
type simReader struct {
	t    *testing.T
	l    net.Listener
	conn net.Conn
}

func newSimReader(t *testing.T) *simReader {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &simReader{t: t, l: l}
	t.Cleanup(r.stop)
	return r
}

func (r *simReader) stop() {
	r.l.Close()
	if r.conn != nil {
		r.conn.Close()
	}
}

func (r *simReader) addr() string { return r.l.Addr().String() }

func (r *simReader) send(body ...byte) {
	r.t.Helper()
	if _, err := r.conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(body))), body...)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *simReader) answer() ([]byte, error) {
	_ = r.conn.SetReadDeadline(time.Now().Add(simPatience))
	var head [2]byte
	if _, err := io.ReadFull(r.conn, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(r.conn, body)
	return body, err
}

// find is what pcscd does when it looks for a card and there is one.
func (r *simReader) find() {
	r.t.Helper()
	_ = r.l.(*net.TCPListener).SetDeadline(time.Now().Add(simPatience))
	conn, err := r.l.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.conn = conn
	for _, control := range []byte{4, 4, 1, 4} {
		r.send(control)
		if control == 1 {
			continue
		}
		if atr, err := r.answer(); err != nil || len(atr) < 2 || atr[0] != 0x3B {
			r.t.Fatalf("ATR % X, %v", atr, err)
		}
	}
}

// command sends a command APDU in hexadecimal and returns the status word, or "gone".
func (r *simReader) command(apdu string) string {
	r.t.Helper()
	var body []byte
	if _, err := fmt.Sscanf(strings.ReplaceAll(apdu, " ", ""), "%x", &body); err != nil {
		r.t.Fatal(err)
	}
	r.send(body...)
	answer, err := r.answer()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.t.Fatal("the card neither answers nor leaves")
	}
	if err != nil {
		return "gone"
	}
	return fmt.Sprintf("%X", answer[len(answer)-2:])
}

const (
	selectSecours = "00A4040C 08 F05345434F555253"
	readCard      = "00B08100 10"
	updateCard    = "00D68100 04 01020304"
)

// image makes the image of a new card.
func image(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	c, err := sim.Create(path, sim.Options{})
	if err == nil {
		err = c.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// taken reports whether another program could not open the image.
func taken(t *testing.T, path string) bool {
	t.Helper()
	c, err := sim.Open(path, sim.Session{})
	if err == nil {
		c.Close()
	} else if !errors.Is(err, sim.ErrBusy) {
		t.Fatal(err)
	}
	return err != nil
}

func TestSimServe(t *testing.T) {
	reader, img := newSimReader(t), image(t, "card.img")
	s := serveSim(t, reader.addr(), "--image", img)
	if e := s.until("listening"); e.Image != img || e.Seed == 0 {
		t.Errorf("%+v", e)
	}
	reader.find()
	s.until("inserted")
	if sw := reader.command(selectSecours); sw != "9000" {
		t.Errorf("SELECT: %s", sw)
	}
	if !taken(t, img) {
		t.Error("the image is free while its card is in the reader")
	}
	s.say("status")
	if st := s.until("status").Status; !st.In || !st.Seen || !st.Powered || st.Commands != 1 {
		t.Errorf("%+v", st)
	}
	s.say("reset")
	s.until("reset")
	if sw := reader.command(readCard); sw == "9000" {
		t.Error("the selection outlived a loss of power")
	}
	s.fails("insert", "card-in-reader")
	for range 2 {
		s.say("  remove ")
		s.until("removed")
		if taken(t, img) {
			t.Error("the image is taken while its card is out")
		}
		for _, line := range []string{"remove", "reset", "pull 1", "pull-after-apdu 1", "swap " + img, "swap-gap 1s " + img} {
			s.fails(line, "no-card")
		}
		s.say("status")
		if st := s.until("status").Status; st.In || st.Seen || st.Powered {
			t.Errorf("%+v", st)
		}
		s.say("insert")
		reader.find()
		s.until("inserted")
	}
	s.say("quit")
	s.until("removed")
	s.until("stopped")
	s.ends(0)
}

func TestSimServeBadCommands(t *testing.T) {
	reader, img := newSimReader(t), image(t, "card.img")
	s := serveSim(t, reader.addr(), "--image", img, "--timeout", "50ms")
	s.until("listening")
	for _, line := range []string{
		"nonsense", "remove now", "quit please", "swap", "swap-gap", "swap-gap 1s", "swap-gap soon x", "swap-gap -1s x", "pull", "pull -1",
		"pull one", "pull-after-apdu", "pull-after-apdu 1 2", strings.Repeat("x", 100000), "\x1b[2J\xff",
	} {
		s.fails(line, "usage")
	}
	s.say("")
	s.fails("swap "+img, "card-in-reader")
	s.fails("swap none.img", "no-card")
	s.say("remove")
	s.until("removed")
	s.fails("insert none.img", "no-card")
	other := image(t, "other.img")
	held, err := sim.Open(other, sim.Session{})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for { // not before the reader was empty for a while, and until then an image is only chosen
		s.say("insert " + other)
		select {
		case e := <-s.events:
			if e.Event != "failed" || e.Error.Name != "reader-busy" {
				t.Errorf("%s %+v of an image that is in use", e.Event, e.Error)
			}
		case <-time.After(50 * time.Millisecond):
			continue
		}
		break
	}
	s.say("quit")
	s.ends(0)
}

// Swapped at once, the card changes on the connection that the reader has.
func TestSimServeSwap(t *testing.T) {
	reader, first, second := newSimReader(t), image(t, "first.img"), image(t, "second.img")
	s := serveSim(t, reader.addr(), "--image", first)
	reader.find()
	s.until("inserted")
	if sw := reader.command(selectSecours); sw != "9000" {
		t.Errorf("SELECT: %s", sw)
	}
	s.say("swap " + second)
	if e := s.until("swapped"); e.Image != second {
		t.Errorf("%+v", e)
	}
	if taken(t, first) || !taken(t, second) {
		t.Error("the images are not held as they should be")
	}
	if sw := reader.command(readCard); sw == "9000" || sw == "gone" {
		t.Errorf("READ BINARY on a card that was not selected: %s", sw)
	}
	s.fails("swap "+second, "card-in-reader")
	if sw := reader.command(selectSecours); sw != "9000" {
		t.Errorf("SELECT after a swap that was refused: %s", sw)
	}
	s.say("swap-gap 1ms " + first)
	s.until("removed")
	reader.find()
	if e := s.until("inserted"); e.Image != first {
		t.Errorf("%+v", e)
	}
	s.say("swap-gap 1h " + second)
	s.until("removed")
	s.say("remove") // which keeps the other out
	s.until("removed")
	s.say("quit")
	s.ends(0)
}

// Torn out at a cut point or between two commands: the reader sees it leave, the file is free, and it can be put back.
func TestSimServePull(t *testing.T) {
	for _, tc := range []struct {
		arm, at  string
		answered []string
	}{
		{"pull 1", "cut", []string{"gone"}},
		{"pull 3", "cut", []string{"gone"}},
		{"pull-after-apdu 1", "command", []string{"9000", "gone"}},
		{"pull-after-apdu 3", "command", []string{"9000", "9000", "9000", "gone"}},
	} {
		t.Run(tc.arm, func(t *testing.T) {
			reader, img := newSimReader(t), image(t, "card.img")
			s := serveSim(t, reader.addr(), "--image", img)
			reader.find()
			if sw := reader.command(selectSecours); sw != "9000" {
				t.Errorf("SELECT: %s", sw)
			}
			for _, line := range []string{tc.arm, strings.Fields(tc.arm)[0] + " 0"} { // armed, and taken back
				s.say(line)
				s.until("armed")
			}
			for range 5 {
				if sw := reader.command(updateCard); sw != "9000" {
					t.Errorf("UPDATE BINARY: %s", sw)
				}
			}
			s.say(tc.arm)
			if e := s.until("armed"); e.At != tc.at || e.After == 0 {
				t.Errorf("%+v", e)
			}
			for i, want := range tc.answered {
				if want == "gone" && tc.at == "command" {
					if answer, err := reader.answer(); err == nil {
						t.Errorf("another answer: % X", answer)
					}
				} else if sw := reader.command(updateCard); sw != want {
					t.Errorf("UPDATE BINARY %d: %s, want %s", i, sw, want)
				}
			}
			if e := s.until("pulled"); e.At != tc.at {
				t.Errorf("%+v", e)
			}
			if taken(t, img) {
				t.Error("the image is taken after the card was pulled")
			}
			s.say("insert")
			reader.find()
			s.until("inserted")
			if sw := reader.command(selectSecours); sw != "9000" {
				t.Errorf("SELECT: %s", sw)
			}
			s.say("quit")
			s.ends(0)
		})
	}
}

func TestSimServeWaits(t *testing.T) {
	reader, img := newSimReader(t), image(t, "card.img")
	reader.stop()
	s := serveSim(t, reader.addr(), "--image", img)
	s.until("waiting")
	for range 2 {
		l, err := net.Listen("tcp", reader.addr())
		if err != nil {
			t.Fatal(err)
		}
		reader.l = l
		reader.find()
		s.until("inserted")
		reader.stop()
		s.until("lost-reader")
	}
	if n := strings.Count(strings.Join(s.seen, " "), "waiting"); n != 1 {
		t.Errorf("it said %d times that it waits", n)
	}
	// The end of standard input ends nothing.
	s.stdin.Close()
	l, err := net.Listen("tcp", reader.addr())
	if err != nil {
		t.Fatal(err)
	}
	reader.l = l
	reader.find()
	s.until("inserted")
	s.cancel()
	s.ends(exitInterrupted)
}

func TestSimServePace(t *testing.T) {
	reader := newSimReader(t)
	s := serveSim(t, reader.addr(), "--image", image(t, "card.img"), "--pace", "--link", "contact:9600", "--page-time", "300ms")
	reader.find()
	reader.command(selectSecours)
	began := time.Now()
	if sw := reader.command(updateCard); sw != "9000" {
		t.Errorf("UPDATE BINARY: %s", sw)
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("%v for a page that takes 300 ms", took)
	}
	s.say("quit")
	s.ends(0)
}

// A script that waits for one event and then reads no more does not make the reader hang, and hears that it missed some.
func TestSimServeUnread(t *testing.T) {
	reader := newSimReader(t)
	s := serveSim(t, reader.addr(), "--image", image(t, "card.img"))
	reader.find()
	for range 4 * untaken {
		reader.send(2)
	}
	if sw := reader.command(selectSecours); sw != "9000" {
		t.Errorf("SELECT: %s", sw)
	}
	s.say("quit")
	missed := 0
	for e := range s.events {
		missed += e.Dropped
	}
	if missed == 0 {
		t.Error("it does not say that events were dropped")
	}
}

// The same seed draws the same, another at each insertion.
func TestSimServeSeed(t *testing.T) {
	reader := newSimReader(t)
	s := serveSim(t, reader.addr(), "--image", image(t, "card.img"), "--seed", "7")
	for want := uint64(7); want < 9; want++ {
		reader.find()
		if e := s.until("inserted"); e.Seed != want {
			t.Errorf("seed %d, want %d", e.Seed, want)
		}
		s.say("remove")
		s.until("removed")
		s.say("insert")
	}
	s.say("quit")
	s.ends(0)
}

// Through a real pcscd, as another program sees it.
func TestSimServePCSCD(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	ids := map[string]string{}
	first, second := filepath.Join(t.TempDir(), "first.img"), filepath.Join(t.TempDir(), "second.img")
	info := func(card string) (code int, id string) {
		t.Helper()
		code, out, talk := invoke(t, nil, "--card", card, "card", "info", "--json")
		var d struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(out, &d); code == 0 && (err != nil || d.ID == "") {
			t.Fatalf("%v: %s%s", err, out, talk)
		}
		return code, d.ID
	}
	for _, path := range []string{first, second} {
		if code, _, talk := invoke(t, nil, "--card", "sim:"+path, "card", "init"); code != 0 {
			t.Fatalf("card init: %s", talk)
		}
		_, ids[path] = info("sim:" + path)
	}
	reader := "pcsc:" + service.Reader(0)
	sees := func(path string) {
		t.Helper()
		// "inserted" is told as the reader asks for the ATR: the service knows of the card a moment later.
		eventually(t, "the service sees the card", func() bool { return service.ATR(0) != nil })
		if code, id := info(reader); code != 0 || id != ids[path] {
			t.Errorf("card %s, exit %d; want %s", id, code, ids[path])
		}
	}
	s := serveSim(t, service.Addr(0), "--image", first)
	s.until("inserted")
	sees(first)
	s.say("remove")
	s.until("removed")
	for end := time.Now().Add(simPatience); service.ATR(0) != nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if code, _ := info(reader); code != exitNoCard {
		t.Errorf("exit %d without a card", code)
	}
	s.say("insert")
	s.until("inserted")
	sees(first)

	// The trap: a connection from before the swap goes on with the other card, and PC/SC says nothing of it.
	conn, err := pcsc.Connect(t.Context(), service.Reader(0))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	selectApp := []byte("\x00\xA4\x04\x0C\x08\xF0SECOURS")
	if answer, err := conn.Transmit(t.Context(), selectApp); err != nil || !bytes.Equal(answer, []byte{0x90, 0}) {
		t.Fatalf("% X, %v", answer, err)
	}
	s.say("swap " + second)
	s.until("swapped")
	if answer, err := conn.Transmit(t.Context(), []byte{0, 0xB0, 0x81, 0, 0x10}); err != nil || bytes.Equal(answer, []byte{0x90, 0}) {
		t.Errorf("READ BINARY after the swap: % X, %v", answer, err)
	}
	sees(second)
	s.say("swap-gap 1s " + first)
	s.until("inserted")
	if answer, err := conn.Transmit(t.Context(), selectApp); !errors.Is(err, pcsc.ErrCardRemoved) {
		t.Errorf("the gap went unnoticed: % X, %v", answer, err)
	}
	sees(first)

	// Torn out, and back as soon as pcscd has seen it.
	s.say("pull-after-apdu 3")
	s.until("armed")
	if code, _ := info(reader); code != exitNoCard {
		t.Errorf("exit %d of a card that was pulled", code)
	}
	s.until("pulled")
	s.say("insert")
	s.until("inserted")
	sees(first)
	service.Restart()
	s.until("inserted")
	sees(first)
	s.say("quit")
	s.ends(0)
}
