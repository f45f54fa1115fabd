package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/card/sim"
)

// withSecrets runs a command line with secrets on standard input.
func withSecrets(t *testing.T, secrets string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := feed.WriteString(secrets); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	var out, talk bytes.Buffer
	a := newApp()
	a.in, a.out, a.err, a.getenv = in, &out, &talk, func(string) string { return "" }
	a.now = func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	code = execute(context.Background(), args, a)
	return code, out.String(), talk.String()
}

// TestPatientPIN: the PIN is asked for when the card wants it, presented once, and again after each reset of a write; the session ends with
// the card's power.
func TestPatientPIN(t *testing.T) {
	p := newPlayground(t)
	if err := os.Remove(p.image); err != nil {
		t.Fatal(err)
	}
	c, err := sim.Create(p.image, sim.Options{Size: 16384, PIN: []byte("4711"), PUK: []byte("87654321")})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	run := func(home, secrets string, args ...string) (int, string) {
		t.Helper()
		code, out, talk := withSecrets(t, secrets, append([]string{"--home", p.file(home), "--card", "sim:" + p.image}, args...)...)
		if strings.Contains(out+talk, "4711") {
			t.Errorf("%v: the PIN is in what it says: %s", args, talk)
		}
		return code, out + talk
	}
	if code, talk := run("gp", "", "card", "info"); code != exitPIN || !strings.Contains(talk, "PIN") {
		t.Errorf("no PIN to be had: %d %s", code, talk)
	}
	for _, step := range []struct {
		home, secrets string
		args          []string
	}{
		{"gp", "4711\n", []string{"card", "init", "--passphrase-stdin"}},
		{"gp", "4711\n", []string{"write", "--passphrase-stdin", p.file("summary.json")}},
		{"emergency", "4711\n", []string{"read", "--passphrase-stdin"}},
		{"pharmacy", "4711\n", []string{"amend", "--passphrase-stdin", "--file", p.file("amendment.json")}},
		{"gp", "4711\n", []string{"card", "info", "--passphrase-stdin"}},
	} {
		if code, talk := run(step.home, step.secrets, step.args...); code != 0 {
			t.Fatalf("%v: %d %s", step.args, code, talk)
		}
	}
	// What cannot be a PIN is not presented.
	for _, no := range []string{"", "123", "12345678901234567", "123é"} {
		if code, talk := run("gp", no+"\n", "card", "info", "--passphrase-stdin", "--lang", "en"); code != exitPIN || !strings.Contains(talk, "4 to 16") {
			t.Errorf("%q: %d %s", no, code, talk)
		}
	}
	// A wrong PIN counts once, also where a write takes resets.
	for i, want := range []string{"attempts left: 2", "attempts left: 1", "blocked", "blocked"} {
		if code, talk := run("gp", "0000\n", "write", "--passphrase-stdin", p.file("summary.json"), "--lang", "en"); code != exitPIN || !strings.Contains(talk, want) {
			t.Errorf("wrong PIN, time %d: %d %s, want %q", i+1, code, talk, want)
		}
	}
	if code, talk := run("emergency", "4711\n", "read", "--passphrase-stdin", "--lang", "en"); code != exitPIN || !strings.Contains(talk, "blocked") {
		t.Errorf("the right PIN on a blocked card: %d %s", code, talk)
	}
}
