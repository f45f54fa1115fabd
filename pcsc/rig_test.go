//go:build linux && cgo

package pcsc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The rig is a pcscd of our own with a virtual reader of two slots (vpcd). pcscd insists on /run/pcscd and vpcd listens on
// every interface, so the whole test binary starts itself again inside its own mount and network namespaces, where
// neither meets a daemon or a network that is not ours.

const (
	insideEnv = "SECOURS_TEST_INSIDE"
	alone     = "SECOURS_TEST_NO_SERVICE" // for TestNoService: no rig
	socket    = "/run/pcscd/pcscd.comm"
	driver    = "/run/libifdvpcd.so" // a link: a path in pcscd's configuration ends at a space
	// vpcd's first slot; the second is one higher.
	firstPort = 35963
)

// noRig says why there is no rig; empty when there is one.
var noRig string

func TestMain(m *testing.M) {
	daemon := os.Getenv("SECOURS_TEST_PCSCD")
	switch {
	case os.Getenv(alone) != "":
		noRig = "not wanted"
	case daemon == "":
		noRig = "SECOURS_TEST_PCSCD names no pcscd (make test fetches one)"
	case os.Getenv(insideEnv) == "":
		code, err := runInside()
		if err == nil {
			os.Exit(code)
		}
		noRig = "namespaces: " + err.Error()
	default:
		if err := furnish(); err != nil {
			fmt.Fprintln(os.Stderr, "preparing the namespaces:", err)
			os.Exit(1)
		}
	}
	if noRig != "" {
		// Never the developer's own reader.
		os.Setenv("PCSCLITE_CSOCK_NAME", "/nonexistent/pcscd.comm")
	} else {
		os.Setenv("PCSCLITE_CSOCK_NAME", socket)
	}
	os.Exit(m.Run())
}

func runInside() (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	c := exec.Command(self, os.Args[1:]...)
	c.Env = append(os.Environ(), insideEnv+"=1")
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig follows the thread that starts the child
	if err := c.Start(); err != nil {
		return 0, err
	}
	_ = c.Wait()
	return c.ProcessState.ExitCode(), nil
}

// furnish gives the namespaces an empty /run of their own and a loopback interface.
func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mounting /run: %w", err)
	}
	if err := os.Mkdir(filepath.Dir(socket), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(os.Getenv("SECOURS_TEST_VPCD"), driver); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bringing up the loopback interface: %w", err)
	}
	return nil
}

// service starts pcscd with the virtual reader, or without any, and returns what stops it.
func service(t *testing.T, withReader bool) (stop func()) {
	t.Helper()
	if noRig != "" {
		t.Skip("no private pcscd: " + noRig)
	}
	conf := t.TempDir()
	if withReader {
		text := fmt.Sprintf("FRIENDLYNAME \"Virtual\"\nDEVICENAME /dev/null:0x%X\nLIBPATH %s\nCHANNELID 0x%X\n",
			firstPort, driver, firstPort)
		if err := os.WriteFile(filepath.Join(conf, "virtual"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(os.Getenv("SECOURS_TEST_PCSCD"), "--foreground", "--config", conf)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that times out cleans nothing up
	log := &syncBuffer{}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		// Killed, it leaves these behind, and would not start again over them.
		for _, name := range []string{"pcscd.comm", "pcscd.pid"} {
			_ = os.Remove(filepath.Join(filepath.Dir(socket), name))
		}
		if t.Failed() {
			t.Logf("pcscd said:\n%s", log)
		}
	})
	t.Cleanup(stop)
	eventually(t, "pcscd answers", func() bool {
		readers, err := Readers(t.Context())
		return err == nil && (!withReader || len(readers) == 2)
	})
	return stop
}

type syncBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b = append(s.b, p...)
	return len(p), nil
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.b)
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to be that %s", what)
		}
	}
}

// testCard is the card's end of the vpcd protocol: two bytes of length, big-endian, before every body; bodies of one byte
// from the reader are controls (0 power off, 1 power on, 2 reset, 4 send the ATR).
type testCard struct {
	conn net.Conn

	mu       sync.Mutex
	controls []byte // without the ATR questions that poll for presence
}

var testATR = []byte{0x3B, 0x80, 0x01, 0x81} // T=1

// insert puts a card into a slot, 0 or 1. A nil answer pulls it out in the middle of the command.
func insert(t *testing.T, slot int, answer func(command []byte) []byte) *testCard {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+slot))
	if err != nil {
		t.Fatal(err)
	}
	c := &testCard{conn: conn}
	t.Cleanup(c.remove)
	go c.serve(answer)
	eventually(t, "the reader sees the card", func() bool {
		readers, err := Readers(t.Context())
		return err == nil && len(readers) == 2 && readers[slot].Card && string(readers[slot].ATR) == string(testATR)
	})
	return c
}

func (c *testCard) remove() { c.conn.Close() }

func (c *testCard) serve(answer func([]byte) []byte) {
	defer c.conn.Close()
	for {
		var head [2]byte
		if _, err := io.ReadFull(c.conn, head[:]); err != nil {
			return
		}
		body := make([]byte, int(head[0])<<8|int(head[1]))
		if _, err := io.ReadFull(c.conn, body); err != nil {
			return
		}
		var reply []byte
		switch {
		case len(body) == 1 && body[0] == 4:
			reply = testATR
		case len(body) == 1:
			c.mu.Lock()
			c.controls = append(c.controls, body[0])
			c.mu.Unlock()
			continue
		default:
			if reply = answer(body); reply == nil {
				return
			}
		}
		// One write: a second small segment would wait for the first one's acknowledgement.
		if _, err := c.conn.Write(append([]byte{byte(len(reply) >> 8), byte(len(reply))}, reply...)); err != nil {
			return
		}
	}
}

func (c *testCard) powered() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.controls)
}

func connect(t *testing.T, reader string) *Conn {
	t.Helper()
	c, err := Connect(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// echo answers a command with itself and 9000.
func echo(command []byte) []byte { return append(append([]byte{}, command...), 0x90, 0x00) }

func expect(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}
