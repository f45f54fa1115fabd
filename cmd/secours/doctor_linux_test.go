package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secours-card/secours/pcsc"
)

// machine makes a system of files below a root; a name that ends in a slash is a folder.
func machine(t *testing.T, files ...string) *linux {
	t.Helper()
	root, err := os.MkdirTemp("/tmp", "m") // short: a socket's path has room for 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for _, f := range files {
		name, content, _ := strings.Cut(f, "=")
		path := filepath.Join(root, name)
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return &linux{root: root, socket: "/run/pcscd/pcscd.comm", self: 7, privileged: true}
}

func TestLinuxServiceDown(t *testing.T) {
	const installed, unit, systemd = "usr/sbin/pcscd=", "usr/lib/systemd/system/pcscd.socket=", "run/systemd/system/"
	listening := machine(t, installed, unit, systemd, "run/pcscd/")
	socket := filepath.Join(listening.root, listening.socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	stale := machine(t, installed, unit, systemd, "run/pcscd/pcscd.comm=")
	for name, c := range map[string]struct {
		machine       *linux
		err           error
		cause, remedy string
	}{
		"not installed":   {machine(t), pcsc.ErrNoService, "not-installed", "Debian"},
		"with systemd":    {machine(t, installed, unit, systemd), pcsc.ErrNoService, "not-running", "systemctl enable --now pcscd.socket"},
		"without systemd": {machine(t, installed, unit), pcsc.ErrNoService, "not-running", "\"sudo pcscd\""},
		"without a unit":  {machine(t, installed, systemd), pcsc.ErrNoService, "not-running", "\"sudo pcscd\""},
		"stale socket":    {stale, pcsc.ErrNoService, "not-running", "systemctl enable"},
		"listening":       {listening, pcsc.ErrNoService, "no-answer", "systemctl restart pcscd.service"},
		"another version": {listening, pcsc.ErrVersion, "version", "the same version"},
		"polkit":          {listening, pcsc.ErrNotPermitted, "not-permitted", "polkit"},
		"something else":  {listening, pcsc.ErrUnsupported, "", ""},
	} {
		x := c.machine.serviceDown(en, fmt.Errorf("x: %w", c.err))
		if x.cause != c.cause || !strings.Contains(x.remedy, c.remedy) || (x.remedy == "") != (c.remedy == "") {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if os.Geteuid() == 0 {
		t.Log("the superuser may connect to any socket: its permissions are not tested")
		return
	}
	if err := os.Chmod(socket, 0); err != nil {
		t.Fatal(err)
	}
	if x := listening.serviceDown(en, pcsc.ErrNoService); x.cause != "not-permitted" || !strings.Contains(x.remedy, listening.socket) {
		t.Errorf("%+v", x)
	}
}

func TestLinuxReaderMissing(t *testing.T) {
	const driver = "usr/lib/pcsc/drivers/ifd-ccid.bundle/"
	if x := machine(t, driver).readerMissing(en); x != (advice{}) {
		t.Errorf("%+v", x)
	}
	if x := machine(t).readerMissing(en); !strings.Contains(x.remedy, "libccid") {
		t.Errorf("%+v", x)
	}
	if x := machine(t, driver, "sys/module/pn533_usb/").readerMissing(en); !strings.Contains(x.remedy, "modprobe -r pn533_usb") {
		t.Errorf("%+v", x)
	}
}

func TestLinuxHolders(t *testing.T) {
	const maps = "7f00-7f10 r-xp 00000000 00:01 5 /usr/lib/x86_64-linux-gnu/libc.so.6\n" +
		"7f20-7f30 r-xp 00000000 00:01 6 /usr/lib/x86_64-linux-gnu/libpcsclite.so.1.0.0\n"
	x := machine(t,
		"proc/1/maps=7f00 /usr/lib/libc.so.6\n", "proc/1/comm=init\n",
		"proc/7/maps="+maps, "proc/7/comm=secours\n", // this process
		"proc/12/maps="+maps, "proc/12/comm=scdaemon\n",
		"proc/13/maps="+maps, "proc/13/comm=pcscd\n",
		"proc/14/maps="+maps, "proc/14/comm=a\x1b[31mb\nc\n",
		"proc/15/comm=gone\n",
		"proc/cpuinfo=libpcsclite",
	)
	h := x.holders(t.Context())
	if want := "[{scdaemon 12} {a\ufffd[31mb c 14}]"; fmt.Sprint(h.programs) != want || h.hidden || h.connected {
		t.Errorf("%+v; want %s", h, want)
	}
	if x.whereToLook(en) != "" {
		t.Error("the superuser is told to become one")
	}
	x.privileged = false
	if h := x.holders(t.Context()); !h.hidden || !strings.Contains(x.whereToLook(en), "sudo secours doctor") {
		t.Error("nothing is said of other users' programs")
	}
	if h := machine(t).holders(t.Context()); h.programs != nil || !h.hidden {
		t.Errorf("without /proc: %+v", h)
	}
}

// The kernel itself says who is connected to a socket, and to that one only.
func TestLinuxConnections(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "m")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	accepted := make(chan struct{})
	listen := func(name string) string {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				t.Cleanup(func() { c.Close() })
				accepted <- struct{}{}
			}
		}()
		return l.Addr().String()
	}
	x := &linux{root: "/", socket: listen("a")}
	connect := func(name string) net.Conn {
		c, err := net.Dial("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		<-accepted // a socket has no number before
		return c
	}
	connect(listen("b"))
	sockets, err := x.connections(t.Context())
	if err != nil {
		t.Skip("this kernel or sandbox does not tell: ", err)
	}
	if len(sockets) != 0 {
		t.Errorf("nobody is connected, and the kernel says %v", sockets)
	}
	c := connect(x.socket)
	if h := x.holders(t.Context()); len(h.programs) != 1 || h.programs[0].PID != os.Getpid() || !h.connected || h.hidden {
		t.Errorf("%+v", h)
	}
	x.self = os.Getpid()
	if h := x.holders(t.Context()); len(h.programs) != 0 || !h.connected || h.hidden {
		t.Errorf("this process itself: %+v", h)
	}
	// One that no process here has open is another user's.
	x.root = machine(t, "proc/1/fd/").root
	if err := os.Symlink(dir, filepath.Join(x.root, "link")); err != nil {
		t.Fatal(err)
	}
	x.socket = "link/a"
	if h := x.holders(t.Context()); len(h.programs) != 0 || !h.connected || !h.hidden {
		t.Errorf("a process that is not shown: %+v", h)
	}
	c.Close()
}

func FuzzPeerOf(f *testing.F) {
	f.Add(append(make([]byte, 16), 12, 0, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 8, 0, 2, 0, 9, 0, 0, 0))
	f.Add(append(make([]byte, 16), 3, 0, 1, 0))
	f.Fuzz(func(_ *testing.T, b []byte) { peerOf(b, 5) })
}
