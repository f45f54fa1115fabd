package vpcd

import (
	"net"

	"golang.org/x/sys/unix"
)

// quickAck returns what makes the kernel acknowledge at once, for now: the option is not sticky (tcp(7)).
func quickAck(conn *net.TCPConn) func() {
	raw, err := conn.SyscallConn()
	if err != nil {
		return func() {} // slower, no more
	}
	set := func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) }
	return func() { _ = raw.Control(set) }
}
