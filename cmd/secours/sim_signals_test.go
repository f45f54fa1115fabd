//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"
)

func TestSimServeSignals(t *testing.T) {
	signal := func(sig syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
	}
	reader, first, second := newSimReader(t), image(t, "first.img"), image(t, "second.img")
	s := serveSim(t, reader.addr(), "--image", first, "--swap", second)
	s.until("listening")
	reader.find()
	s.until("inserted")
	signal(syscall.SIGUSR1)
	s.until("removed")
	signal(syscall.SIGUSR1)
	reader.find()
	s.until("inserted")
	for _, want := range []string{second, first} {
		signal(syscall.SIGUSR2)
		if e := s.until("swapped"); e.Image != want {
			t.Errorf("%+v", e)
		}
	}
	signal(syscall.SIGTERM)
	s.until("stopped")
	s.ends(0)
	for _, tc := range []struct {
		sig  syscall.Signal
		code int
	}{{syscall.SIGTERM, 0}, {syscall.SIGINT, exitInterrupted}} {
		s = serveSim(t, reader.addr(), "--image", first)
		s.until("listening")
		if tc.sig == syscall.SIGINT {
			signal(syscall.SIGUSR2)
			if e := s.until("failed"); e.Error.Name != "usage" {
				t.Errorf("%+v", e.Error)
			}
		}
		signal(tc.sig)
		s.until("stopped")
		s.ends(tc.code)
	}
}
