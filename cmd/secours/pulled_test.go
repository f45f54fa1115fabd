package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/secours-card/secours/card/sim"
)

// invoke runs a command line in this process.
func invoke(t testing.TB, open func(string, sim.Session) (*sim.Card, error), args ...string) (code int, stdout, stderr []byte) {
	t.Helper()
	var out, talk bytes.Buffer
	a := newApp()
	a.in, a.out, a.err = nil, &out, &talk
	a.getenv = func(string) string { return "" }
	a.now = func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	if open != nil {
		a.openImage = open
	}
	code = execute(context.Background(), args, a)
	return code, out.Bytes(), talk.Bytes()
}

// TestCardPulledDuringWrite pulls the card at every cut point of a write. Whatever the moment, the next read is verified and
// shows the old summary or the new one, and what write reported is true.
func TestCardPulledDuringWrite(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, "d", name) }
	if code, _, talk := invoke(t, nil, "demo", filepath.Join(dir, "d")); code != 0 {
		t.Fatalf("demo: %d %s", code, talk)
	}
	image, home := "sim:"+at("card.img"), at("gp")
	write := func(open func(string, sim.Session) (*sim.Card, error)) (int, []byte) {
		code, _, talk := invoke(t, open, "--home", home, "--card", image, "write", at("summary.json"), "--json")
		return code, talk
	}
	seq := func() uint64 {
		t.Helper()
		code, out, talk := invoke(t, nil, "--home", at("emergency"), "--card", image, "read", "--json")
		if code != 0 {
			t.Fatalf("read: %d %s", code, talk)
		}
		var d struct {
			Record  struct{ Seq uint64 }
			Verdict struct{ Status string }
		}
		if err := json.Unmarshal(out, &d); err != nil || d.Verdict.Status != "valid" {
			t.Fatalf("read: %v, verdict %q", err, d.Verdict.Status)
		}
		return d.Record.Seq
	}
	if code, talk := write(nil); code != 0 {
		t.Fatalf("first write: %d %s", code, talk)
	}
	step := 7
	if testing.Short() {
		step = 97
	}
	pulled := 0
	for cut := 1; ; cut += step {
		before := seq()
		code, talk := write(func(path string, s sim.Session) (*sim.Card, error) {
			c, err := sim.Open(path, s)
			if err == nil {
				c.PullAfter(cut)
			}
			return c, err
		})
		after := seq()
		if after != before && after != before+1 {
			t.Fatalf("cut %d: the card went from number %d to %d", cut, before, after)
		}
		if code == 0 && after != before+1 {
			t.Fatalf("cut %d: reported as written, but the card holds number %d", cut, after)
		}
		if code == 0 {
			break // the write ended before the cut
		}
		if code != exitNoCard {
			t.Fatalf("cut %d: exit code %d, %s", cut, code, talk)
		}
		pulled++
	}
	if pulled < 5 {
		t.Errorf("the card was pulled %d times only", pulled)
	}
	t.Logf("pulled %d times", pulled)
	if err := os.Remove(at("card.img")); err != nil {
		t.Error(err)
	}
}
