//go:build linux && cgo

package pcsc

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ebfe/scard"
)

func TestOddServices(t *testing.T) {
	// A folder of a short name: a socket's path is at most 107 bytes.
	dir, err := os.MkdirTemp("/tmp", "odd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, part := range []string{"odd service", "service that accepts nobody"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, strings.ReplaceAll(part, " ", "-"), "pcscd.comm")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			play(t, part, nil, "PCSCLITE_CSOCK_NAME="+path, "SECOURS_TEST_RIG="+path)
		})
	}
}

func init() {
	parts["odd service"] = oddService
	parts["service that accepts nobody"] = func(t *testing.T) {
		unleaked(t)
		(&fake{}).listen(t, socketName(), false)
		for range 4 {
			within(t, "Readers", listing)
			within(t, "Connect", reaching("a reader"))
			within(t, "Watch", watching)
		}
		settled(t)
	}
	parts["another user"] = func(t *testing.T) {
		_, err := Readers(t.Context())
		expect(t, "Readers", err, ErrNotPermitted)
		_, err = Connect(t.Context(), "")
		expect(t, "Connect", err, ErrNotPermitted)
		_, err = WaitCard(t.Context(), "")
		expect(t, "WaitCard", err, ErrNotPermitted)
	}
}

func oddService(t *testing.T) {
	f := &fake{}
	f.listen(t, socketName(), true)
	commands := func(list ...uint32) map[uint32]bool {
		m := map[uint32]bool{}
		for _, c := range list {
			m[c] = true
		}
		return m
	}
	run := func(name string, change func(*fake), test func(*testing.T)) {
		t.Run(name, func(t *testing.T) {
			unleaked(t)
			f.set(change)
			test(t)
		})
	}
	run("ordinary", func(f *fake) {}, func(t *testing.T) {
		c := connect(t, "")
		got, err := c.Transmit(t.Context(), selectMF)
		if err != nil || !bytes.Equal(got, []byte{0x90, 0x00}) || c.ExtendedAPDU() {
			t.Errorf("%x, %v, extended: %v", got, err, c.ExtendedAPDU())
		}
	})
	run("another protocol", func(f *fake) { f.version = uint32(scard.ErrServiceStopped) }, func(t *testing.T) {
		_, err := Readers(t.Context())
		expect(t, "Readers", err, ErrVersion)
		expect(t, "Readers", err, ErrNoService)
		_, err = Connect(t.Context(), "")
		expect(t, "Connect", err, ErrVersion)
	})
	run("polkit: not this user", func(f *fake) { f.hangUp = commands(0) }, func(t *testing.T) {
		_, err := Readers(t.Context())
		expect(t, "Readers", err, ErrNotPermitted)
		if errors.Is(err, ErrNoService) {
			t.Errorf("Readers: %v", err)
		}
	})
	run("polkit: not this reader", func(f *fake) { f.hangUp = commands(fakeConnect) }, func(t *testing.T) {
		if readers, err := Readers(t.Context()); len(readers) != 1 || err != nil {
			t.Errorf("Readers = %v, %v", readers, err)
		}
		_, err := Connect(t.Context(), "Fake 00 00")
		expect(t, "Connect", err, ErrNotPermitted)
		_, err = Connect(t.Context(), "")
		expect(t, "Connect to any", err, ErrNotPermitted)
	})
	for _, command := range []uint32{fakeVersion, fakeEstablish, fakeStates, fakeConnect, fakeControl} {
		run("silent", func(f *fake) { f.silent = commands(command) }, func(t *testing.T) {
			within(t, "Connect", reaching(""))
			settled(t)
		})
	}
	for _, command := range []uint32{fakeRelease, fakeDisconnect, fakeStopWait} {
		run("silent in the end", func(f *fake) { f.silent = commands(command) }, func(t *testing.T) {
			_ = connect(t, "Fake 00 00").Close()
			settled(t)
			within(t, "Watch", watching)
			settled(t)
		})
	}
	run("cut off too late, and silent in the end", func(*fake) {}, func(t *testing.T) {
		o := newOwner()
		f.mu.Lock() // no answer meanwhile
		established := make(chan error)
		go func() { established <- o.do(t.Context(), o.establish) }()
		eventually(t, "a context is being established", func() bool {
			o.line.mu.Lock()
			defer o.line.mu.Unlock()
			o.line.severed = o.line.thread != 0
			return o.line.severed
		})
		f.silent = commands(fakeRelease)
		f.mu.Unlock()
		select {
		case err := <-established: // at the second try
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("what was cut off is being released for ever")
		}
		o.end(releaseTime)
		settled(t)
	})
	run("many readers of odd names", func(f *fake) {
		f.readers = nil
		for i := range 16 {
			name := strings.Repeat("\xFF", 120) + string(rune('a'+i))
			f.readers = append(f.readers, fakeReader{name, fakePresent, bytes.Repeat([]byte{0x3B}, i+18)})
		}
	}, func(t *testing.T) {
		readers, err := Readers(t.Context())
		if err != nil || len(readers) != 16 {
			t.Fatalf("Readers = %v, %v", readers, err)
		}
		for i, r := range readers {
			if len(r.Name) != 121 || !r.Card || len(r.ATR) != i+18 {
				t.Errorf("%d: %+v", i, r)
			}
		}
		if got := connect(t, readers[15].Name).Reader(); got != readers[15].Name {
			t.Errorf("connected to %q", got)
		}
		watching := 0
		for now, err := range Watch(t.Context()) {
			if err != nil || !slices.EqualFunc(now, readers, Reader.equal) {
				t.Errorf("Watch: %v, %v", now, err)
			}
			if watching++; watching == 1 {
				f.mu.Lock()
				f.readers = f.readers[:15]
				f.mu.Unlock()
				readers = readers[:15]
				continue
			}
			break
		}
	})
	run("a protocol that is no longer the one agreed on", func(f *fake) { f.transmit = scard.ErrProtoMismatch }, func(t *testing.T) {
		_, err := connect(t, "").Transmit(t.Context(), selectMF)
		expect(t, "Transmit", err, ErrCardReset)
	})
	run("a reset that leaves no protocol", func(f *fake) { f.mute = true }, func(t *testing.T) {
		c := connect(t, "")
		expect(t, "Reset", c.Reset(t.Context()), ErrCardUnresponsive)
		_, err := c.Transmit(t.Context(), selectMF)
		expect(t, "Transmit", err, ErrCardUnresponsive)
		f.mu.Lock()
		f.mute = false
		f.mu.Unlock()
		if err := c.Reset(t.Context()); err != nil {
			t.Errorf("Reset: %v", err)
		}
		if _, err := c.Transmit(t.Context(), selectMF); err != nil {
			t.Errorf("Transmit: %v", err)
		}
	})
	const code = 0x42330012
	features := []byte{0x0A, 4, 0x42, 0x33, 0, 0x0A, 0x12, 4, 0x42, 0x33, 0, 0x12}
	run("extended APDUs", func(f *fake) {
		f.control = func(c uint32) ([]byte, scard.Error) {
			if c == code {
				return []byte{0x01, 2, 0, 0, 0x0A, 4, 0, 0, 1, 0}, scard.ErrSuccess
			}
			return features, scard.ErrSuccess
		}
	}, func(t *testing.T) {
		if !connect(t, "").ExtendedAPDU() {
			t.Error("no extended APDUs")
		}
	})
	run("extended APDUs, but another's transaction at first", func(f *fake) {
		f.control = func(uint32) ([]byte, scard.Error) { return nil, scard.ErrSharingViolation }
	}, func(t *testing.T) {
		c := connect(t, "")
		if c.ExtendedAPDU() {
			t.Error("extended APDUs")
		}
		f.mu.Lock()
		f.control = func(c uint32) ([]byte, scard.Error) {
			if c == code {
				return []byte{0x0A, 4, 0, 0, 1, 0}, scard.ErrSuccess
			}
			return features, scard.ErrSuccess
		}
		f.mu.Unlock()
		if err := c.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !c.ExtendedAPDU() {
			t.Error("no extended APDUs within the transaction")
		}
	})
	for _, answer := range [][]byte{
		{},
		{0x12},
		{0x12, 0xFF},
		{0x12, 0xFE, 0},
		{0x12, 0},
		{0x12, 4, 1, 2, 3},
		bytes.Repeat([]byte{0x12}, 0xFFFF),
		append([]byte{0x12, 0xFE}, make([]byte, 254)...), append([]byte{0x11, 0xFF}, make([]byte, 255)...),
	} {
		run("hostile properties", func(f *fake) {
			f.control = func(uint32) ([]byte, scard.Error) { return answer, scard.ErrSuccess }
		}, func(t *testing.T) {
			if connect(t, "").ExtendedAPDU() {
				t.Error("extended APDUs")
			}
		})
	}
}

func TestSocketOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	dir, err := os.MkdirTemp("/tmp", "odd")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	path := filepath.Join(dir, "pcscd.comm")
	(&fake{}).listen(t, path, true)
	for _, test := range []struct{ dir, socket os.FileMode }{{0o755, 0o600}, {0o700, 0o666}} {
		if err := errors.Join(os.Chmod(dir, test.dir), os.Chmod(path, test.socket)); err != nil {
			t.Fatal(err)
		}
		play(t, "another user", nobody, "PCSCLITE_CSOCK_NAME="+path, "SECOURS_TEST_RIG="+path)
	}
}

// pcscd serves 200 contexts and hangs up on the next, which libpcsclite takes for this or that.
func TestServiceWithoutRoom(t *testing.T) {
	unleaked(t)
	service(t, false)
	for {
		c, err := scard.EstablishContext()
		if err != nil {
			break
		}
		defer c.Release()
	}
	for range 5 {
		_, err := Readers(t.Context())
		expect(t, "Readers", err, ErrNotPermitted)
	}
}
