//go:build !windows

package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A home on a disk that hangs does not hold up what is said of the reader.
func TestDoctorHomeHangs(t *testing.T) {
	home := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(home, "trust.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	code, screen, _ := examine(t, &workstation{built: true, cards: &desk{}, system: told{}}, func(a *app) { a.home = home })
	if code != 10 || !strings.Contains(screen, "the home did not answer in time") {
		t.Errorf("%d\n%s", code, screen)
	}
	if took := time.Since(began); took > 2*(400*time.Millisecond+time.Second) {
		t.Errorf("twice took %v", took)
	}
}
