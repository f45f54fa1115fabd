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
	"github.com/secours-card/secours/summary/record"
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
// shows the old summary or the new one, says so where it showed a newer one before, and what write reported is true.
func TestCardPulledDuringWrite(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, "d", name) }
	if code, _, talk := invoke(t, nil, "demo", filepath.Join(dir, "d")); code != 0 {
		t.Fatalf("demo: %d %s", code, talk)
	}
	image, home := "sim:"+at("card.img"), at("gp")
	write := func(open func(string, sim.Session) (*sim.Card, error)) (code int, reported uint64, talk []byte) {
		code, out, talk := invoke(t, open, "--home", home, "--card", image, "write", at("summary.json"), "--json")
		var d written
		if err := json.Unmarshal(out, &d); code == 0 && err != nil {
			t.Fatal(err)
		}
		return code, d.Seq, talk
	}
	highest := uint64(0)
	seq := func() uint64 {
		t.Helper()
		code, out, talk := invoke(t, nil, "--home", at("emergency"), "--card", image, "read", "--json")
		var d readDocument
		if err := json.Unmarshal(out, &d); err != nil || d.Verdict.Status != record.Valid {
			t.Fatalf("read: %v, verdict %q\n%s", err, d.Verdict.Status, talk)
		}
		// A torn mark can name the new summary in one reading and not in the next. Then, and only then, is it an older one: a number that
		// was read once is not given to another summary.
		if older := d.Record.Seq < highest; d.Card.Older != older || (code == exitUnverifiable) != older || code != 0 && !older {
			t.Fatalf("read: %d, number %d after %d, %s", code, d.Record.Seq, highest, talk)
		}
		highest = max(highest, d.Record.Seq)
		return d.Record.Seq
	}
	if code, _, talk := write(nil); code != 0 {
		t.Fatalf("first write: %d %s", code, talk)
	}
	step := 7
	if testing.Short() {
		step = 97
	}
	pulled, conflicts := 0, 0
	for cut := 1; ; cut += step {
		seq()
		known := highest
		code, reported, talk := write(func(path string, s sim.Session) (*sim.Card, error) {
			c, err := sim.Open(path, s)
			if err == nil {
				c.PullAfter(cut)
			}
			return c, err
		})
		after := seq()
		if code == 0 && (after != reported || after <= known) {
			t.Fatalf("cut %d: number %d reported as written, but the card holds number %d", cut, reported, after)
		}
		if code == 0 {
			break // the write ended before the cut
		}
		if code == exitConflict && pulled > 0 && conflicts < 3 {
			conflicts++
			continue // a torn mark read one way when the card was read, and the other way when it was written
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
