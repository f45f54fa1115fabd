//go:build linux && cgo

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc/pcsctest"
)

// watchProcess is "secours watch --json" in a process of its own.
type watchProcess struct {
	t     *testing.T
	c     *exec.Cmd
	lines chan watchLine
}

type watchLine struct {
	Event  string
	Reader string
	Exit   *int
	Read   json.RawMessage
	text   string
}

func startWatch(t *testing.T, args ...string) *watchProcess {
	t.Helper()
	secours, err := exec.LookPath("secours")
	if err != nil {
		t.Fatal(err)
	}
	w := &watchProcess{t: t, c: exec.Command(secours, append([]string{"watch", "--json"}, args...)...), lines: make(chan watchLine, 100)}
	w.c.Env = append(os.Environ(), pcsctest.Environ()...)
	w.c.Stderr = os.Stderr
	w.c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := w.c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.c.Process.Kill() })
	go func() {
		defer close(w.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, maxDocument+maxEnvelope)
		for s.Scan() {
			l := watchLine{text: s.Text()}
			if err := json.Unmarshal(s.Bytes(), &l); err != nil {
				t.Errorf("%v: %s", err, s.Text())
			}
			w.lines <- l
		}
	}()
	return w
}

// expect waits for these events, in this order, and returns the last.
func (w *watchProcess) expect(want ...string) (last watchLine) {
	w.t.Helper()
	for _, event := range want {
		select {
		case l, ok := <-w.lines:
			if !ok || l.Event != event {
				w.t.Fatalf("told %s, want %s", l.text, event)
			}
			last = l
		case <-time.After(30 * time.Second):
			w.t.Fatalf("%s is never told", event)
		}
	}
	return last
}

// gather waits for these events, in any order.
func (w *watchProcess) gather(want ...string) (lines []watchLine) {
	w.t.Helper()
	for range want {
		select {
		case l := <-w.lines:
			lines = append(lines, l)
		case <-time.After(30 * time.Second):
			w.t.Fatalf("told %v, want %s", lines, want)
		}
	}
	var got []string
	for _, l := range lines {
		got = append(got, l.Event)
	}
	slices.Sort(got)
	if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		w.t.Fatalf("told %s, want %s", got, want)
	}
	return lines
}

// served is a simulated card in a virtual reader, which Insert does not wait for.
func served(c *sim.Card) *pcsctest.Card {
	return &pcsctest.Card{Raw: func(message []byte) []byte {
		switch {
		case len(message) > 1:
			answer, err := c.Transmit(context.Background(), message)
			if err != nil {
				return nil
			}
			return pcsctest.Frame(answer)
		case message[0] == pcsctest.GetATR:
			return pcsctest.Frame(pcsctest.DefaultATR)
		}
		return nil
	}}
}

// end stops the watch as a service is stopped.
func (w *watchProcess) end() {
	w.t.Helper()
	if err := w.c.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	for l := range w.lines {
		w.t.Errorf("told at the end: %s", l.text)
	}
	if err := w.c.Wait(); err != nil {
		w.t.Errorf("stopped by TERM: %v", err)
	}
}

// count is the number of entries of a folder of /proc. The watch is undumpable, so that its descriptors and memory are root's to look at.
func (w *watchProcess) count(dir string) int {
	entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(w.c.Process.Pid), dir))
	switch {
	case errors.Is(err, fs.ErrPermission):
		w.t.Logf("NOT COUNTED, for lack of permission: %s", dir)
	case err != nil:
		w.t.Fatal(err)
	}
	return len(entries)
}

// resident is the memory that the process holds, in bytes.
func (w *watchProcess) resident() int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.c.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		w.t.Fatal(err)
	}
	return n << 10
}

// holds tells which of the texts are in the memory of the process; looked is false where that may not be looked into.
func (w *watchProcess) holds(texts ...string) (found []string, looked bool) {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", w.c.Process.Pid))
	if errors.Is(err, fs.ErrPermission) {
		w.t.Log("MEMORY NOT LOOKED INTO, for lack of permission")
		return nil, false
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer mem.Close()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", w.c.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	total := 0
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") {
			continue
		}
		// What Go has reserved and never touched is not worth reading: a region that large is sparse.
		b := make([]byte, min(to-from, 64<<20))
		n, _ := mem.ReadAt(b, from)
		total += n
		for _, text := range texts {
			if bytes.Contains(b[:n], []byte(text)) {
				found = append(found, text)
			}
		}
	}
	if total < 1<<20 {
		w.t.Fatalf("only %d bytes of memory were read", total)
	}
	return found, true
}

// children are the processes that it started, by whatever thread.
func (w *watchProcess) children() (pids []string) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", w.c.Process.Pid))
	if err != nil || len(lists) == 0 {
		w.t.Skip("this kernel does not list children")
	}
	for _, list := range lists {
		// A thread may just have ended.
		b, _ := os.ReadFile(list)
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}

// TestWatchThroughPCSC lives through insertions and restarts of pcscd, and ends as light as it began and without the patient's name.
func TestWatchThroughPCSC(t *testing.T) {
	const insertions, restarts = 20, 2
	s := pcsctest.Start(t, pcsctest.Readers)
	p := newPlayground(t)
	// A patient whom no program has in it.
	family, agent := rand.Text(), rand.Text()
	text, err := os.ReadFile(p.file("summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer("DURAND", family, "amoxicilline", agent).Replace(string(text))
	if err := os.WriteFile(p.file("other.json"), []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(t, 0, "--card", "sim:"+p.image, "card", "init", "--erase")
	p.gp(t, 0, "write", p.file("other.json"))
	w := startWatch(t, "--home", p.file("emergency"), "--lang", "fr")
	w.expect("watching")
	second := filepath.Join(p.dir, "second.img")
	image, err := os.ReadFile(p.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(second, image, 0o600); err != nil {
		t.Fatal(err)
	}
	turn := func() {
		var cards []*pcsctest.Card
		for slot, image := range []string{p.image, second} {
			c, err := sim.Open(image, sim.Session{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cards = append(cards, pcsctest.Insert(t, s, slot, served(c)))
		}
		for _, l := range w.gather("inserted", "inserted", "read", "read") {
			if l.Event == "read" && (*l.Exit != 0 || !bytes.Contains(l.Read, []byte(family)) || !bytes.Contains(l.Read, []byte(agent))) {
				t.Fatalf("%.300s", l.text)
			}
		}
		for _, c := range cards {
			c.Remove()
		}
		w.gather("removed", "removed")
	}
	// Twice: what is allocated once for every reader or service is there then.
	turn()
	turn()
	fds, threads, memory := w.count("fd"), w.count("task"), w.resident()
	const turns = insertions / 2
	for i := range turns {
		if i%(turns/restarts) == turns/restarts/2 {
			s.Restart()
			w.expect("reader-removed", "reader-removed", "no-service", "service", "reader-added", "reader-added")
		}
		turn()
	}
	t.Logf("descriptors %d, then %d; threads %d, then %d; memory %d kB, then %d kB", fds, w.count("fd"), threads, w.count("task"), memory>>10, w.resident()>>10)
	if n := w.count("fd"); n > fds+1 {
		t.Errorf("%d descriptors, %d at first", n, fds)
	}
	if n := w.count("task"); n > threads+4 {
		t.Errorf("%d threads, %d at first", n, threads)
	}
	// The race detector remembers what was touched.
	if n := w.resident(); n > memory+16<<20 {
		t.Errorf("%d kB, %d at first", n>>10, memory>>10)
	}
	if c := w.children(); len(c) > 0 {
		t.Errorf("children left: %s", c)
	}
	if found, _ := w.holds(family, agent); found != nil {
		t.Errorf("after the removal, memory holds %q", found)
	}
	if found, looked := w.holds("secours.watch/1"); found == nil && looked {
		t.Error("memory was not looked into")
	}
	w.end()
}

// The watch ends with the one who reads it, and with --once after one card.
func TestWatchEndsWithItsReader(t *testing.T) {
	s := pcsctest.Start(t, pcsctest.Readers)
	secours, err := exec.LookPath("secours")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(secours, "watch", "--json", "--home", t.TempDir())
	c.Env = append(os.Environ(), pcsctest.Environ()...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	out.Close()
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("its reader has gone: %v", err)
		}
	case <-time.After(10 * time.Second):
		_ = c.Process.Kill()
		t.Error("it goes on without its reader")
	}

	w := startWatch(t, "--home", t.TempDir(), "--once", "--card", "pcsc:"+s.Reader(1))
	w.expect("watching")
	pcsctest.Insert(t, s, 0, &pcsctest.Card{Answer: pcsctest.Echo})
	pcsctest.Insert(t, s, 1, &pcsctest.Card{Answer: func([]byte) []byte { return []byte{0x6A, 0x82} }})
	if l := w.expect("inserted", "failed"); l.Exit == nil || *l.Exit != exitNotOurCard || l.Reader != s.Reader(1) {
		t.Errorf("%s", l.text)
	}
	if err := w.c.Wait(); w.c.ProcessState.ExitCode() != exitNotOurCard {
		t.Errorf("ended with %v", err)
	}
}

// A card that never answers hangs its own reading, and nothing else: the other reader is served, the card's removal is told, and
// whatever becomes of the watch, the reading does not stay behind.
func TestWatchWithCardThatHangs(t *testing.T) {
	s := pcsctest.Start(t, pcsctest.Readers)
	w := startWatch(t, "--home", t.TempDir())
	w.expect("watching")
	forever := make(chan struct{})
	defer close(forever)
	hanging := &pcsctest.Card{Answer: func([]byte) []byte { <-forever; return nil }}
	pcsctest.Insert(t, s, 0, hanging)
	w.expect("inserted")
	reading := func() (pids []string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); len(pids) == 0; time.Sleep(time.Millisecond) {
			if pids = w.children(); time.Now().After(end) {
				t.Fatal("nothing reads the card")
			}
		}
		return pids
	}
	first := reading()
	pcsctest.Insert(t, s, 1, &pcsctest.Card{Answer: func([]byte) []byte { return []byte{0x6A, 0x82} }})
	if l := w.expect("inserted", "failed"); l.Reader != s.Reader(1) || *l.Exit != exitNotOurCard {
		t.Errorf("%s", l.text)
	}
	hanging.Remove()
	// Whether the reading finds it out before the watch does is chance.
	for l := range w.lines {
		if l.Reader != s.Reader(0) {
			t.Errorf("%s", l.text)
		}
		if l.Event == "removed" {
			break
		}
	}
	gone := func(pids []string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			left := 0
			for _, pid := range pids {
				// A zombie of a process that is dead waits for init.
				if b, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil && !strings.Contains(string(b), ") Z ") {
					left++
				}
			}
			if left == 0 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("a reading stays behind: %v", pids)
			}
		}
	}
	gone(first)
	pcsctest.Insert(t, s, 0, &pcsctest.Card{Answer: hanging.Answer})
	w.expect("inserted")
	second := reading()
	if err := w.c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(second)
}
