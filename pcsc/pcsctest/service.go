//go:build linux && cgo

package pcsctest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	socketEnv = "PCSCLITE_CSOCK_NAME"
	// Names the socket of the process that set the rig up, for those it starts.
	rigEnv = "SECOURS_TEST_RIG"
	// Nothing here takes a second; a loaded machine may make it several.
	patience = 20 * time.Second
)

// What belongs to the process, as libpcsclite's idea of the socket does.
var rig struct {
	dir  string // empty: Setup was not called, or lack says why there is no rig
	port int
	lack string

	mu      sync.Mutex
	running *Service
}

// Setup chooses a folder and ports for the services of this process, and points libpcsclite there: until one is started, PC/SC has no
// service. To be called before anything uses PC/SC. In a process started by one that called it, it changes nothing.
func Setup() (cleanup func()) {
	if s := os.Getenv(rigEnv); s != "" && s == os.Getenv(socketEnv) {
		rig.lack = "the service belongs to the process that started this one"
		return func() {}
	}
	dir, err := shortDir()
	if err != nil {
		rig.lack = err.Error()
		point("/nonexistent/pcscd.comm")
		return func() {}
	}
	point(filepath.Join(dir, "pcscd.comm"))
	port, claim, err := claimPorts()
	if err != nil {
		rig.lack = err.Error()
		return func() { os.RemoveAll(dir) }
	}
	rig.dir, rig.port = dir, port
	return func() {
		if rig.running != nil {
			rig.running.Stop()
		}
		claim.Close()
		os.RemoveAll(dir)
	}
}

func point(socket string) {
	os.Setenv(socketEnv, socket)
	os.Setenv(rigEnv, socket)
}

// Environ is what the environment of a child process must have to reach this process's service instead of the machine's own.
func Environ() []string {
	var vars []string
	// A test binary finds libpcsclite itself through the last, where none is installed.
	for _, name := range []string{socketEnv, rigEnv, "LD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			vars = append(vars, name+"="+value)
		}
	}
	return vars
}

// shortDir makes a folder whose name leaves room for the socket's in sun_path of unix(7).
func shortDir() (string, error) {
	var dir string
	for _, parent := range []string{"", "/tmp"} {
		d, err := os.MkdirTemp(parent, "pcsc")
		if err != nil {
			return "", err
		}
		if len(filepath.Join(d, "pcscd.comm")) < 108 {
			return d, nil
		}
		os.Remove(d)
		dir = d
	}
	return "", fmt.Errorf("%s is too long a path for a socket", dir)
}

// claimPorts finds two adjacent ports that are free, and that nobody who chooses them here takes before the claim is closed. They lie
// below those that Linux hands out by itself.
func claimPorts() (port int, claim io.Closer, err error) {
	for range 100 {
		port = 20000 + 2*rand.IntN(6000)
		// An abstract name: it goes with the process.
		if claim, err = net.Listen("unix", fmt.Sprintf("@secours-pcsctest-%d", port)); err != nil {
			continue
		}
		if err = errors.Join(free(port), free(port+1)); err == nil {
			return port, claim, nil
		}
		claim.Close()
	}
	return 0, nil, fmt.Errorf("no two free ports: %w", err)
}

func free(port int) error {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return err
	}
	return l.Close()
}

// Service is a pcscd that runs for a test.
type Service struct {
	t       testing.TB
	readers ReaderCount
	script  string
	cmd     *exec.Cmd
	log     output
	ended   chan struct{}
}

// Start starts the service, which ends with the test, and waits until it answers. What pcscd says is logged if the test fails.
func Start(t testing.TB, readers ReaderCount) *Service {
	t.Helper()
	switch {
	case rig.lack != "":
		t.Skip("no private pcscd: " + rig.lack)
	case rig.dir == "":
		t.Fatal("TestMain must call pcsctest.Setup")
	case os.Getenv("SECOURS_TEST_PCSCD") == "":
		t.Skip("no private pcscd: SECOURS_TEST_PCSCD names none (make test fetches one)")
	}
	script, err := findScript()
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{t: t, readers: readers, script: script}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("pcscd said:\n%s", s.Log())
		}
	})
	s.start()
	return s
}

// findScript looks in the module that the test belongs to.
func findScript() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "scripts", "pcscd"), nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the test's folder: scripts/pcscd not found")
		}
		dir = up
	}
}

func (s *Service) start() {
	s.t.Helper()
	rig.mu.Lock()
	defer rig.mu.Unlock()
	if rig.running != nil {
		s.t.Fatalf("the service of %s runs still: one at a time", rig.running.t.Name())
	}
	s.cmd = exec.Command(s.script, "-d", rig.dir, "-p", strconv.Itoa(rig.port), "-n", strconv.Itoa(int(s.readers)))
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that times out cleans nothing up
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	s.ended = ended
	go func() {
		_ = s.cmd.Wait()
		close(ended)
	}()
	rig.running = s
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		slots, err := s.slots()
		if err == nil && len(slots) == int(s.readers) {
			return
		}
		select {
		case <-ended:
			rig.running = nil
			if s.cmd.ProcessState.ExitCode() == 3 { // says scripts/pcscd: the machine lacks something
				s.t.Skip("NO PRIVATE PCSCD, NOTHING TESTED HERE:\n" + s.Log())
			}
			s.t.Fatalf("pcscd ended: %v\n%s", s.cmd.ProcessState, s.Log())
		default:
		}
		if time.Now().After(end) {
			s.t.Fatalf("pcscd does not answer: %d readers, %v\n%s", len(slots), err, s.Log())
		}
	}
}

// Stop kills pcscd, as a crash would. Told to end, it would take a second and more.
func (s *Service) Stop() {
	rig.mu.Lock()
	defer rig.mu.Unlock()
	if rig.running != s {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
	os.Remove(filepath.Join(rig.dir, "pcscd.comm"))
	os.Remove(filepath.Join(rig.dir, "pcscd.pid"))
	rig.running = nil
}

// Restart stops the service and starts it again, at the same socket and the same ports. The cards are out.
func (s *Service) Restart() {
	s.t.Helper()
	s.Stop()
	s.start()
}

// Pause lets pcscd answer nobody, as one that hangs. Stop works all the same.
func (s *Service) Pause() { s.signal(syscall.SIGSTOP) }

// Continue ends Pause.
func (s *Service) Continue() { s.signal(syscall.SIGCONT) }

func (s *Service) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Errorf("%v to pcscd: %v", sig, err)
	}
}

// Addr is where the card of slot 0 or 1 dials. Whoever dials is a card: do not probe it.
func (s *Service) Addr(slot int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(rig.port+slot))
}

// Reader is the name that PC/SC gives to slot 0 or 1.
func (s *Service) Reader(slot int) string {
	s.t.Helper()
	return s.slot(slot).name
}

// ATR is that of the card in slot 0 or 1, nil while pcscd sees none there.
func (s *Service) ATR(slot int) []byte {
	s.t.Helper()
	return s.slot(slot).atr
}

func (s *Service) slot(slot int) slotState {
	s.t.Helper()
	slots, err := s.slots()
	if err != nil || slot >= len(slots) {
		s.t.Fatalf("slot %d of %d: %v", slot, len(slots), err)
	}
	return slots[slot]
}

// Log is what pcscd has said so far.
func (s *Service) Log() string { return s.log.String() }

// Insert dials the card into slot 0 or 1, where it stays until the end of the test or its Remove, and waits until pcscd sees it; a card
// with Raw is not waited for.
func Insert(t testing.TB, s *Service, slot int, card *Card) *Card {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr(slot))
	if err != nil {
		t.Fatal(err)
	}
	card.conn = conn
	t.Cleanup(card.Remove)
	go card.serve()
	for end := time.Now().Add(patience); card.Raw == nil && !bytes.Equal(s.ATR(slot), card.atr()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("pcscd does not see the card in slot %d", slot)
		}
	}
	return card
}

func acknowledgeAtOnce(conn net.Conn) {
	// The kernel falls back by itself, and 44 ms an APDU are lost.
	if raw, err := conn.(*net.TCPConn).SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
		})
	}
}

type slotState struct {
	name string
	atr  []byte
}

// slots asks pcscd in its own protocol (winscard_msg.h and eventhandler.h of pcsc-lite 1.9.9, protocol 4:4): libpcsclite would read the
// socket's name for good, and cost a thread that a service which hangs never gives back.
func (s *Service) slots() ([]slotState, error) {
	const (
		getReadersState = 0x12
		maxReaders      = 16
		maxName         = 128
		present         = 0x04
		// Name, event counter, state, sharing, ATR (33 bytes, padded to 36), its length, protocol.
		size = maxName + 3*4 + 36 + 2*4
	)
	conn, err := net.Dial("unix", filepath.Join(rig.dir, "pcscd.comm"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	// The length of what follows, then the command.
	if _, err := conn.Write(binary.NativeEndian.AppendUint32(make([]byte, 4), getReadersState)); err != nil {
		return nil, err
	}
	var states [maxReaders * size]byte
	if _, err := io.ReadFull(conn, states[:]); err != nil {
		return nil, err
	}
	var slots []slotState
	for i := range maxReaders {
		state := states[i*size:][:size]
		name, _, _ := strings.Cut(string(state[:maxName]), "\x00")
		if name == "" {
			continue
		}
		slot := slotState{name: name}
		if binary.NativeEndian.Uint32(state[maxName+4:])&present != 0 {
			length := binary.NativeEndian.Uint32(state[maxName+12+36:])
			slot.atr = bytes.Clone(state[maxName+12:][:min(length, 33)])
		}
		slots = append(slots, slot)
	}
	return slots, nil
}

// output collects what pcscd writes while others read it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
