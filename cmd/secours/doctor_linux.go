package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/secours-card/secours/pcsc"
)

// linux is a Linux system; tests have one below another root.
type linux struct {
	root       string
	socket     string // of pcscd
	self       int
	privileged bool
}

// thisSystem is the system that this process runs on.
func thisSystem() system {
	socket := os.Getenv("PCSCLITE_CSOCK_NAME") // as libpcsclite does
	if socket == "" {
		socket = "/run/pcscd/pcscd.comm"
	}
	return &linux{root: "/", socket: socket, self: os.Getpid(), privileged: os.Geteuid() == 0}
}

// has tells whether one of some files is there.
func (x *linux) has(paths ...string) bool {
	for _, p := range paths {
		if _, err := os.Stat(filepath.Join(x.root, p)); err == nil {
			return true
		}
	}
	return false
}

func (x *linux) serviceDown(l lang, err error) advice {
	answers := dialSocket(filepath.Join(x.root, x.socket))
	switch {
	case errors.Is(answers, fs.ErrPermission):
		// libpcsclite may say that there is no service.
		return advice{
			cause:  "not-permitted",
			text:   l.s("le service PC/SC n'est pas ouvert à cet utilisateur", "the PC/SC service is not open to this user"),
			remedy: l.s("demandez à l'administrateur le droit d'accès à ", "ask the administrator for access to ") + x.socket,
		}
	case errors.Is(err, pcsc.ErrNotPermitted):
		return advice{cause: "not-permitted", remedy: l.s(
			"demandez à l'administrateur une règle polkit pour org.debian.pcsc-lite.access_pcsc et access_card",
			"ask the administrator for a polkit rule about org.debian.pcsc-lite.access_pcsc and access_card",
		)}
	case errors.Is(err, pcsc.ErrVersion):
		return advice{
			cause: "version",
			text: l.s(
				"le service PC/SC (pcscd) n'est pas de la version de la bibliothèque de ce programme",
				"the PC/SC service (pcscd) is of another version than this program's library",
			),
			remedy: l.s(
				"mettez pcscd et libpcsclite à la même version, puis relancez le service : ",
				"bring pcscd and libpcsclite to the same version, then restart the service: ",
			) + l.quoteCommand(x.restart()) + l.s(
				" ; dans un conteneur ou un paquet Flatpak ou Snap, c'est sa libpcsclite qui diffère",
				"; in a container, a Flatpak, or a Snap, it is the libpcsclite inside that differs",
			),
		}
	case !errors.Is(err, pcsc.ErrNoService):
		return advice{}
	case answers == nil || errors.Is(answers, syscall.EAGAIN):
		// EAGAIN: a pcscd that takes nobody any more, and has a queue.
		return advice{
			cause:  "no-answer",
			text:   l.s("le service PC/SC est là, mais ne répond pas comme il le devrait", "the PC/SC service is there, but does not answer as it should"),
			remedy: l.s("relancez-le : ", "restart it: ") + l.quoteCommand(x.restart()),
		}
	case !x.has("usr/sbin/pcscd", "usr/bin/pcscd", "usr/local/sbin/pcscd", "sbin/pcscd"):
		return advice{
			cause: "not-installed",
			text:  l.s("le service PC/SC (pcscd) n'est pas installé", "the PC/SC service (pcscd) is not installed"),
			remedy: l.s(
				"installez le paquet pcscd (Debian, Ubuntu), pcsc-lite et pcsc-lite-ccid (Fedora), pcsclite et ccid (Arch)",
				"install the package pcscd (Debian, Ubuntu), pcsc-lite and pcsc-lite-ccid (Fedora), pcsclite and ccid (Arch)",
			),
		}
	}
	return advice{
		cause:  "not-running",
		text:   l.s("le service PC/SC (pcscd) est arrêté", "the PC/SC service (pcscd) does not run"),
		remedy: l.s("démarrez-le : ", "start it: ") + l.quoteCommand(x.command("sudo systemctl enable --now pcscd.socket", "sudo pcscd")),
	}
}

func (x *linux) restart() string {
	return x.command("sudo systemctl restart pcscd.service", "sudo killall pcscd; sudo pcscd")
}

// command is what to type, with systemd where that runs and knows of pcscd, or without.
func (x *linux) command(with, without string) string {
	const socket = "lib/systemd/system/pcscd.socket"
	if x.has("run/systemd/system") && x.has("usr/"+socket, socket, "etc/systemd/system/pcscd.socket") {
		return with
	}
	return without
}

// dialSocket tries whether somebody listens.
func dialSocket(path string) error {
	c, err := net.DialTimeout("unix", path, 300*time.Millisecond)
	if err == nil {
		c.Close()
	}
	return err
}

func (x *linux) readerMissing(l lang) advice {
	switch {
	case x.has("sys/module/pn533_usb"):
		return advice{remedy: l.s(
			"branchez un lecteur ; s'il l'est, le pilote NFC du noyau le tient : ",
			"plug in a reader; where one is, the kernel's NFC driver holds it: ",
		) + l.quoteCommand("sudo modprobe -r pn533_usb")}
	case !x.driver():
		return advice{remedy: l.s(
			"branchez un lecteur ; s'il l'est, son pilote manque : installez le paquet libccid (Debian, Ubuntu), pcsc-lite-ccid (Fedora) ou ccid (Arch)",
			"plug in a reader; where one is, its driver is missing: install the package libccid (Debian, Ubuntu), pcsc-lite-ccid (Fedora), or ccid (Arch)",
		)}
	}
	return advice{}
}

// driver tells whether any driver for USB readers is where distributions put them.
func (x *linux) driver() bool {
	for _, pattern := range []string{"usr/lib/pcsc/drivers/*.bundle", "usr/lib64/pcsc/drivers/*.bundle", "usr/lib/*/pcsc/drivers/*.bundle", "usr/local/lib/pcsc/drivers/*.bundle"} {
		if found, _ := filepath.Glob(filepath.Join(x.root, pattern)); len(found) > 0 {
			return true
		}
	}
	return false
}

const (
	maxHolders = 32      // more than that helps nobody
	maxMaps    = 4 << 20 // of /proc/PID/maps, in which a library stands far ahead
	maxFiles   = 4096    // of /proc/PID/fd
)

// holders lists the processes that are connected to pcscd, where the kernel tells which sockets are, and otherwise those that have
// libpcsclite mapped. Without privileges it shows neither of other users' processes.
func (x *linux) holders(ctx context.Context) holders {
	sockets, err := x.connections(ctx)
	h := holders{connected: err == nil, hidden: err != nil && !x.privileged}
	entries, err := os.ReadDir(filepath.Join(x.root, "proc"))
	if err != nil {
		return holders{hidden: true}
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == x.self && !h.connected {
			continue
		}
		if ctx.Err() != nil || len(h.programs) == maxHolders {
			h.hidden = true
			return h
		}
		dir := filepath.Join(x.root, "proc", e.Name())
		if h.connected {
			if len(sockets) == 0 {
				break
			}
			if !hasOneOf(filepath.Join(dir, "fd"), sockets) || pid == x.self {
				continue
			}
		} else if !mapsLibrary(filepath.Join(dir, "maps")) {
			continue
		}
		name := "?"
		if comm, err := os.ReadFile(filepath.Join(dir, "comm")); err == nil {
			name = oneLine(strings.TrimSuffix(string(comm), "\n"))
		}
		if name != "pcscd" {
			h.programs = append(h.programs, program{name, pid})
		}
	}
	h.hidden = h.hidden || len(sockets) > 0
	return h
}

// hasOneOf tells whether a process has one of the sockets open, and takes those that it has out.
func hasOneOf(dir string, sockets map[uint32]bool) (has bool) {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	names, _ := f.Readdirnames(maxFiles)
	for _, name := range names {
		link, err := os.Readlink(filepath.Join(dir, name))
		number, ok := strings.CutPrefix(link, "socket:[")
		if err != nil || !ok {
			continue
		}
		inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32)
		if err == nil && sockets[uint32(inode)] {
			has = true
			delete(sockets, uint32(inode))
		}
	}
	return has
}

func mapsLibrary(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxMaps))
	for lines.Scan() {
		if bytes.Contains(lines.Bytes(), []byte("libpcsclite")) {
			return true
		}
	}
	return false
}

func (x *linux) whereToLook(l lang) string {
	if x.privileged {
		return ""
	}
	return l.s(
		"les programmes des autres utilisateurs ne se voient qu'avec « sudo secours doctor »",
		"other users' programs are only seen with \"sudo secours doctor\"",
	)
}
