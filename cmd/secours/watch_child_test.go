//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// playing runs a script in the place of "secours read".
func playing(t *testing.T, script string) *readings {
	t.Helper()
	self := filepath.Join(t.TempDir(), "secours")
	if err := os.WriteFile(self, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &readings{a: &app{lang: en, timeout: time.Second, err: io.Discard}, self: self}
}

func TestReadingChild(t *testing.T) {
	const object = `{"code":15,"name":"unverifiable","message":"m","retryable":false}`
	for name, c := range map[string]struct {
		script string
		width  int
		code   int
		name   string
		shown  string
		notes  int
	}{
		"read":                    {"echo '{ \"a\": 1 }'", 0, 0, "", `{"a":1}`, 0},
		"a screen":                {"echo a screen", 80, 0, "", "a screen\n", 0},
		"with talk":               {"echo '{}'; echo talk >&2", 0, 0, "", `{}`, 1},
		"a bad verdict":           {"echo '{}'; echo '" + object + "' >&2; exit 15", 0, 15, "unverifiable", `{}`, 0},
		"a failure":               {`echo '{"code":12,"name":"not-our-card","message":"m","retryable":false}' >&2; exit 12`, 0, 12, "not-our-card", "", 0},
		"a failure after output":  {`echo '{}'; echo '{"code":11,"name":"no-card","message":"m","retryable":true}' >&2; exit 11`, 0, 11, "no-card", "", 0},
		"no PIN can be given":     {`echo '{"code":13,"name":"pin","message":"m","hint":"give it on the terminal"}' >&2; exit 13`, 0, 13, "pin", "", 0},
		"nothing at all":          {"exit 0", 0, 1, "failed", "", 0},
		"a crash":                 {"printf partial; exit 2", 80, 1, "failed", "", 0},
		"killed":                  {"printf partial; kill -9 $$", 80, 1, "failed", "", 0},
		"killed after its answer": {"echo '" + object + "' >&2; printf partial; kill -9 $$", 80, 1, "failed", "", 0},
		"half a document":         {`printf '{"a":'`, 0, 1, "failed", "", 0},
		"a code without a reason": {"echo '{}'; exit 15", 0, 1, "failed", "", 0},
		"no end of talk":          {"head -c 1000000 /dev/zero >&2; echo '{}'", 0, 0, "", "{}", 1},
		"no end of output":        {"cat /dev/zero", 80, 14, "too-large", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			document := make([]byte, 64<<10)
			an := playing(t, c.script).read(t.Context(), job{reader: "A", width: c.width}, document)
			said := ""
			if an.failure != nil {
				said = an.failure.name
			}
			if an.code != c.code || said != c.name || string(document[:an.length]) != c.shown || len(an.notes) != c.notes {
				t.Errorf("code %d, %q, showed %q, notes %d", an.code, said, document[:an.length], len(an.notes))
			}
		})
	}
	an := (&readings{a: &app{lang: en}, self: "/nonexistent"}).read(t.Context(), job{reader: "A"}, make([]byte, 10))
	if an.code != exitGeneral || an.failure == nil {
		t.Errorf("nothing to start: %+v", an)
	}
}

// A card that wants the patient's PIN is told with what can be done about it, not with what the child advises.
func TestReadingChildWantsPIN(t *testing.T) {
	const script = `echo '{"code":13,"name":"pin","message":"wanted","hint":"give it on the terminal, or with --passphrase-fd"}' >&2; exit 13`
	an := playing(t, script).read(t.Context(), job{reader: "Lab 00 00", width: 80}, make([]byte, 100))
	if an.failure == nil || an.failure.message != "wanted" || strings.Contains(an.failure.hint, "passphrase") ||
		!strings.Contains(an.failure.hint, `secours read --card "pcsc:Lab 00 00"`) || an.object != nil {
		t.Errorf("%+v, as JSON %s", an.failure, an.object)
	}
}

// The options of the watch reach the child; the passphrase does so through a pipe, and only there.
func TestReadingChildArguments(t *testing.T) {
	got := filepath.Join(t.TempDir(), "got")
	r := playing(t, `{ printf '%s|' "$@"; cat; env | grep -c sesame; } >`+got+`; echo '{}'`)
	r.a.home, r.a.lang = "a home", fr
	given := []byte("sesame")
	r.setSecret(given)
	if !bytes.Equal(given, make([]byte, 6)) {
		t.Error("the passphrase was left behind")
	}
	const common = "read|--lang=fr|--home=a home|--card=pcsc:-x y|--timeout=1s|"
	const secret = "|--passphrase-stdin|sesame\n0\n"
	for options, j := range map[string]job{
		"--json|--watched=0":          {},
		"--watched=44|--color=always": {width: 44, colour: true},
		"--watched=80|--color=never":  {width: 80},
	} {
		j.reader = "-x y"
		if an := r.read(t.Context(), j, make([]byte, 100)); an.code != 0 {
			t.Errorf("%+v", an)
		}
		if b, err := os.ReadFile(got); err != nil || string(b) != common+options+secret {
			t.Errorf("%v, got\n%q, want\n%q", err, b, common+options+secret)
		}
	}
	passphrase := r.secret[:cap(r.secret)]
	r.wipe()
	if len(bytes.Trim(passphrase, "\x00")) > 0 {
		t.Error("the passphrase was not wiped")
	}
}

// A child that hangs is killed with its context, with what it had printed, and is no zombie.
func TestReadingChildIsKilled(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	r := playing(t, "printf partial; echo $$ >"+pid+".new; mv "+pid+".new "+pid+"; exec sleep 1000")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan answer, 1)
	document := make([]byte, 100)
	go func() { done <- r.read(ctx, job{reader: "A", width: 80}, document) }()
	var child int
	for end := time.Now().Add(10 * time.Second); child == 0; time.Sleep(time.Millisecond) {
		if b, err := os.ReadFile(pid); err == nil {
			child, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		if time.Now().After(end) {
			t.Fatal("it did not start")
		}
	}
	if sid, err := unix.Getsid(child); err != nil || sid != child {
		t.Errorf("session %d of child %d, %v: it could reach the terminal", sid, child, err)
	}
	cancel()
	select {
	case an := <-done:
		if an.length != 0 || an.failure == nil || an.failure.name != "no-answer" {
			t.Errorf("%+v", an)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
	if err := syscall.Kill(child, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("it is still there: %v", err)
	}
}

// The passphrase is tried once, before anything is watched.
func TestWatchTriesThePassphrase(t *testing.T) {
	secours, err := exec.LookPath("secours")
	if err != nil {
		t.Skip("the test binary is not on the path as secours")
	}
	home := t.TempDir()
	newKeys := exec.Command(secours, "--home", home, "keys", "new", "--passphrase-stdin")
	newKeys.Stdin = strings.NewReader("sesame\n")
	if out, err := newKeys.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for passphrase, want := range map[string]int{"sesame": 0, "sesamo": exitSigner} {
		in, out := filepath.Join(home, "in"), new(bytes.Buffer)
		if err := os.WriteFile(in, []byte(passphrase+"\nmore\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(in)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		a := &app{lang: en, in: f, out: io.Discard, err: out, getenv: os.Getenv, now: time.Now, home: home, secrets: secretFlags{fd: -1, stdin: true}}
		r := &readings{a: a, self: secours}
		age, err := a.readyKeys(t.Context(), r)
		if got := exitCodeOf(a, err); got != want {
			t.Errorf("%s: exit code %d, want %d (%v)", passphrase, got, want, err)
		}
		if want == 0 && age != "NO TRUST DATA" {
			t.Errorf("the age of the trust data: %q", age)
		}
		if strings.Contains(fmt.Sprint(err, out), passphrase) {
			t.Errorf("the passphrase is said: %v %s", err, out)
		}
	}
}

func exitCodeOf(a *app, err error) int {
	if err == nil {
		return 0
	}
	return a.explain(err).code
}
