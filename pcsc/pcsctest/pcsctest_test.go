//go:build linux && cgo

package pcsctest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secours-card/secours/pcsc/pcsctest"
)

func TestMain(m *testing.M) { os.Exit(pcsctest.M{M: m}.Run()) }

// says makes a copy of the test binary do one thing of its own.
const says = "SECOURS_PCSCTEST_SAYS"

func copyOfTest(t *testing.T, what string, env []string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(env, says+"="+what)
	return c
}

// withoutRig is the environment as it was before Setup.
func withoutRig() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PCSCLITE_CSOCK_NAME=") && !strings.HasPrefix(v, "SECOURS_TEST_RIG=") {
			env = append(env, v)
		}
	}
	return env
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to be that %s", what)
		}
	}
}

func socket() string { return os.Getenv("PCSCLITE_CSOCK_NAME") }

func answers(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

var application = []byte{0x00, 0xA4, 0x04, 0x00, 0x08, 0xF0, 'S', 'E', 'C', 'O', 'U', 'R', 'S'}

// selectable has one application and nothing else.
func selectable(command []byte) []byte {
	if bytes.HasPrefix(command, application) {
		return []byte{0xDE, 0xAD, 0x90, 0x00}
	}
	return []byte{0x6A, 0x82}
}

func TestOpenSC(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	pcsctest.Insert(t, service, 1, &pcsctest.Card{Answer: selectable})
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"--list-readers"}, []string{service.Reader(0), service.Reader(1)}},
		{[]string{"--reader", "1", "--atr"}, []string{"3b:80:01:81"}},
		{
			[]string{"--reader", "1", "--card-driver", "default", "--send-apdu", hex.EncodeToString(application)},
			[]string{"SW1=0x90, SW2=0x00", "DE AD"},
		},
	} {
		out, err := pcsctest.OpenSC(t, test.args...).CombinedOutput()
		for _, want := range test.want {
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("opensc-tool %s: %v, want %q in\n%s", strings.Join(test.args, " "), err, want, out)
			}
		}
	}
}

func TestPython(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	pcsctest.Insert(t, service, 0, &pcsctest.Card{ATR: []byte{0x3B, 0x81, 0x01, 0x42, 0xC2}, Answer: selectable})
	out, err := pcsctest.Python(t, "-c", `
import sys
from smartcard.System import readers
from smartcard.util import toHexString
connection = readers()[0].createConnection()
connection.connect()
print(readers()[0], toHexString(connection.getATR()))
data, sw1, sw2 = connection.transmit(list(bytes.fromhex(sys.argv[1])))
print(toHexString(data), "%02X%02X" % (sw1, sw2))
`, hex.EncodeToString(application)).CombinedOutput()
	want := service.Reader(0) + " 3B 81 01 42 C2\nDE AD 9000\n"
	if err != nil || string(out) != want {
		t.Errorf("%v, want\n%sgot\n%s", err, want, out)
	}
}

func TestStopAndRestart(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	card := pcsctest.Insert(t, service, 0, &pcsctest.Card{Answer: pcsctest.Echo})
	addr := service.Addr(0)
	service.Restart()
	if !answers(socket()) || service.Addr(0) != addr {
		t.Errorf("restarted, it answers: %v, at %s and not %s", answers(socket()), service.Addr(0), addr)
	}
	if atr := service.ATR(0); atr != nil {
		t.Errorf("a card %x after a restart", atr)
	}
	if string(card.Controls()) == "" {
		t.Error("the card was never given power")
	}
	service.Stop()
	if entries, err := os.ReadDir(filepath.Dir(socket())); err != nil || len(entries) > 0 {
		t.Errorf("stopped, it leaves %v, %v", entries, err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("stopped, its port answers")
	}
}

func TestServiceWithoutReaders(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.NoReaders)
	if !answers(socket()) {
		t.Error("it does not answer")
	}
	if conn, err := net.Dial("tcp", service.Addr(0)); err == nil {
		conn.Close()
		t.Error("there is a slot")
	}
}

func TestPause(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	// The greeting of a client, protocol 4:4 of winscard_msg.h; an answer of 12 bytes.
	ask := func(patience time.Duration) error {
		conn, err := net.Dial("unix", socket())
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := conn.Write([]byte{12, 0, 0, 0, 0x11, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}); err != nil {
			return err
		}
		_, err = io.ReadFull(conn, make([]byte, 12))
		return err
	}
	if err := ask(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	service.Pause()
	if err := ask(200 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("paused, it answers: %v", err)
	}
	service.Continue()
	if err := ask(10 * time.Second); err != nil {
		t.Errorf("continued: %v", err)
	}
	service.Pause() // and Stop, at the end, works
}

func TestRawCard(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	asked := make(chan []byte, 1000)
	raw := pcsctest.Insert(t, service, 0, &pcsctest.Card{Raw: func(message []byte) []byte {
		asked <- message
		if len(message) == 1 && message[0] == pcsctest.GetATR {
			return pcsctest.Frame(pcsctest.DefaultATR)
		}
		return nil
	}})
	eventually(t, "the card is seen", func() bool { return bytes.Equal(service.ATR(0), pcsctest.DefaultATR) })
	select {
	case message := <-asked:
		if len(message) != 1 {
			t.Errorf("the first message is %x, want a control", message)
		}
	default:
		t.Error("the card was seen without having been asked")
	}
	raw.Remove()
	eventually(t, "the card is gone", func() bool { return service.ATR(0) == nil })

	// A length and no more: the reader gives such a card up.
	half := pcsctest.Insert(t, service, 1, &pcsctest.Card{Raw: func([]byte) []byte { return []byte{0x00} }})
	half.Remove()
	pcsctest.Insert(t, service, 1, &pcsctest.Card{Answer: pcsctest.Echo})
}

// go test runs the tests of several packages at once.
func TestTwoProcesses(t *testing.T) {
	service := pcsctest.Start(t, pcsctest.Readers)
	if os.Getenv(says) != "" {
		pcsctest.Insert(t, service, 0, &pcsctest.Card{Answer: pcsctest.Echo})
		if service.ATR(1) != nil {
			t.Error("somebody else's card is in slot 1")
		}
		return
	}
	pcsctest.Insert(t, service, 1, &pcsctest.Card{Answer: pcsctest.Echo})
	out, err := copyOfTest(t, "other", withoutRig()).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: ")) {
		t.Errorf("%v\n%s", err, out)
	}
	if service.ATR(0) != nil || service.ATR(1) == nil {
		t.Error("the other process's card is in slot 0, or ours has left slot 1")
	}
}

func TestChildIsPointedAtTheSameService(t *testing.T) {
	if os.Getenv(says) != "" {
		fmt.Printf("socket=%s\n", socket())
		pcsctest.Start(t, pcsctest.Readers)
		t.Fatal("a child must not start a service where its parent's is")
	}
	out, err := copyOfTest(t, "child", append(withoutRig(), pcsctest.Environ()...)).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("socket="+socket()+"\n")) || !bytes.Contains(out, []byte("--- SKIP: ")) {
		t.Errorf("%v\n%s", err, out)
	}
	if answers(socket()) {
		t.Error("the child started a service")
	}
}

func TestKilledTestLeavesNoService(t *testing.T) {
	if os.Getenv(says) != "" {
		service := pcsctest.Start(t, pcsctest.Readers)
		fmt.Printf("socket=%s %s\n", socket(), service.Addr(0))
		select {}
	}
	pcsctest.Start(t, pcsctest.NoReaders).Stop() // skips where the copy would
	c := copyOfTest(t, "killed", withoutRig())
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var name, addr string
	for lines := bufio.NewScanner(out); name == "" && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "socket=%s %s", &name, &addr)
	}
	if !answers(name) {
		t.Errorf("the copy's service does not answer at %q", name)
	}
	t.Cleanup(func() {
		if t.Failed() {
			killByFile(t, filepath.Dir(name))
		}
		os.RemoveAll(filepath.Dir(name))
	})
	_ = c.Process.Kill()
	_ = c.Wait()
	eventually(t, "pcscd is gone", func() bool {
		// A connection would make it speak, into a pipe that nobody reads any more, and die of that.
		port, err := net.Listen("tcp4", addr)
		if err == nil {
			port.Close()
		}
		return err == nil
	})
}

// script starts scripts/pcscd itself, or skips.
func script(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	pcsctest.Start(t, pcsctest.NoReaders).Stop()
	path, err := filepath.Abs("../../scripts/pcscd")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // what must be refused must not run for ever
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, path, args...)
}

func TestScriptByHand(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		c := script(t)
		c.Env = append(os.Environ(), "TMPDIR="+shortDir(t))
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		var name, text string
		lines := bufio.NewScanner(out)
		for !strings.Contains(text, "Ctrl-C") && lines.Scan() {
			text += lines.Text() + "\n"
			if _, after, ok := strings.Cut(lines.Text(), "export PCSCLITE_CSOCK_NAME="); ok {
				name = strings.Trim(after, "'")
			}
		}
		if !answers(name) || !strings.Contains(text, "sim serve") {
			t.Errorf("no service at %q, as it says:\n%s", name, text)
		}
		_ = c.Process.Signal(signal)
		// pcscd holds the pipe, too: its end is the end of both.
		_ = out.(*os.File).SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.Copy(io.Discard, out); err != nil {
			t.Errorf("%v: pcscd goes on: %v", signal, err)
			killByFile(t, filepath.Dir(name))
		}
		_ = c.Wait()
		if answers(name) {
			t.Errorf("%v: pcscd still answers", signal)
		}
		if _, err := os.Stat(filepath.Dir(name)); signal != syscall.SIGKILL && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: the folder is still there: %v", signal, err)
		}
	}
}

// killByFile does what the program under test has not done.
func killByFile(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "pcscd.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimRight(string(text), "\x00\n"))
	if err != nil || pid < 2 {
		t.Fatalf("pid %q: %v", text, err)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func TestScriptForPrograms(t *testing.T) {
	dir := filepath.Join(shortDir(t), "absent")
	name := filepath.Join(dir, "pcscd.comm")
	start := func() *exec.Cmd {
		t.Helper()
		c := script(t, "-d", dir, "-n", "0")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill() })
		eventually(t, "it answers", func() bool { return answers(name) })
		return c
	}
	c := start()
	out, err := script(t, "-d", dir, "-n", "0").CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 || !bytes.Contains(out, []byte("already")) {
		t.Errorf("a second one in the same folder: %v\n%s", err, out)
	}
	if !answers(name) {
		t.Error("the second one disturbed the first")
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	if answers(name) {
		t.Error("killed, it still answers")
	}
	c = start() // over what the killed one left
	_ = c.Process.Signal(syscall.SIGTERM)
	_ = c.Wait()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("told to end, it leaves %v, %v", entries, err)
	}
}

func TestScriptRefuses(t *testing.T) {
	taken, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	dir := shortDir(t)
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-x"}, 2, "scripts/pcscd -d DIR"},
		{[]string{"-n", "1"}, 2, "two slots"},
		{[]string{"-p", "80"}, 2, "two ports"},
		{[]string{"-p", "65535"}, 2, "two ports"},
		{[]string{"-p", "1e4"}, 2, "not a port"},
		{[]string{"-d", filepath.Join(dir, strings.Repeat("long", 30))}, 1, "too long"},
		{[]string{"-d", filepath.Join(dir, "d"), "-p", port}, 1, "port " + port + " is taken"},
	} {
		out, err := script(t, test.args...).CombinedOutput()
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) || exit.ExitCode() != test.code || !strings.Contains(string(out), test.want) {
			t.Errorf("%q: %v, want %d and %q in\n%s", test.args, err, test.code, test.want, out)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("refusing, it leaves %v, %v", entries, err)
	}
}

// shortDir is where a socket fits, unlike t.TempDir.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rig")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
