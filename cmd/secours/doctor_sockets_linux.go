package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Of linux/sock_diag.h and linux/unix_diag.h, which golang.org/x/sys leaves out.
const (
	sockDiagByFamily = 20
	unixDiagReqLen   = 24 // struct unix_diag_req
	unixDiagMsgLen   = 16 // struct unix_diag_msg
	showVFS          = 0x02
	showPeer         = 0x04
	attributeVFS     = 1
	attributePeer    = 2
	established      = 1 // TCP_ESTABLISHED, which sockets of every family have
)

const maxSockets = 1 << 17 // that many sockets on a workstation are somebody's joke

var errSockets = errors.New("the kernel does not tell which sockets are connected")

// connections lists the sockets that are connected to pcscd's, by their inode numbers: the kernel tells them apart by the file
// that the service is bound to, so that another pcscd's are not among them (sock_diag(7)).
func (x *linux) connections(ctx context.Context) (map[uint32]bool, error) {
	var bound unix.Stat_t
	if err := unix.Stat(filepath.Join(x.root, x.socket), &bound); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	// The answer comes at once or not at all.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 300_000}); err != nil {
		return nil, err
	}
	request := make([]byte, unix.NLMSG_HDRLEN+unixDiagReqLen)
	order := binary.NativeEndian
	order.PutUint32(request, uint32(len(request)))
	order.PutUint16(request[4:], sockDiagByFamily)
	order.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := request[unix.NLMSG_HDRLEN:]
	body[0] = unix.AF_UNIX
	order.PutUint32(body[4:], 1<<established)
	order.PutUint32(body[12:], showVFS|showPeer)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	sockets := map[uint32]bool{}
	buffer := make([]byte, 1<<16)
	for n := 0; n < maxSockets && ctx.Err() == nil; {
		length, _, err := unix.Recvfrom(fd, buffer, 0)
		if err != nil {
			return nil, err
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:length])
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return sockets, nil
			case sockDiagByFamily:
				n++
				if peer, ok := peerOf(m.Data, uint32(bound.Ino)); ok {
					sockets[peer] = true
				}
			default: // NLMSG_ERROR: no such module, or a sandbox
				return nil, fmt.Errorf("%w: message %d", errSockets, m.Header.Type)
			}
		}
	}
	return nil, errSockets
}

// peerOf is the other end of a socket that came to be at the file with that inode number.
func peerOf(b []byte, file uint32) (peer uint32, ok bool) {
	if len(b) < unixDiagMsgLen {
		return 0, false
	}
	order := binary.NativeEndian
	ours := false
	for b = b[unixDiagMsgLen:]; len(b) >= unix.SizeofRtAttr; {
		n := int(order.Uint16(b))
		if n < unix.SizeofRtAttr || n > len(b) {
			break
		}
		value := b[unix.SizeofRtAttr:n]
		switch kind := order.Uint16(b[2:]); {
		case kind == attributeVFS && len(value) >= 4:
			ours = order.Uint32(value) == file
		case kind == attributePeer && len(value) >= 4:
			peer, ok = order.Uint32(value), true
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return peer, ok && ours
}
