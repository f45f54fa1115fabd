package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
)

// list runs "readers" and returns its exit code and what it prints.
func listed(t *testing.T, s smartCards, l lang, asJSON bool) (code int, out, talk string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{lang: l, out: &stdout, err: &stderr, json: asJSON, colour: "never", timeout: time.Second}
	code = a.report(a.readers(t.Context(), s))
	return code, stdout.String(), stderr.String()
}

func TestReaders(t *testing.T) {
	d := &desk{readers: []deskReader{
		{name: "ACS ACR122U 00 00", card: simCard(t, sim.Options{}, recorded(t))},
		{name: "Zoë's reader", card: foreignCard{}},
		{name: "No \x1b[2J\nnonsense"},
	}}
	code, out, _ := listed(t, d, fr, false)
	want := `ACS ACR122U 00 00
  carte   carte Secours, écrite
  numéro  00000000000000010000000000000000
  ATR     3B800181
  --card  'pcsc:ACS ACR122U 00 00'

Zoë's reader
  carte   autre carte, pas une carte Secours
  ATR     3B800181
  --card  'pcsc:Zoë'\''s reader'

No ` + "\ufffd" + `[2J nonsense
  carte   pas de carte
  --card  un nom qui ne se tape pas : voir --json
`
	if runtime.GOOS == "windows" {
		want = strings.NewReplacer(`'pcsc:Zoë'\''s reader'`, `"pcsc:Zoë's reader"`, `'pcsc:ACS ACR122U 00 00'`, `"pcsc:ACS ACR122U 00 00"`).Replace(want)
	}
	if code != 0 || out != want {
		t.Errorf("exit code %d\n%s\nwant\n%s", code, out, want)
	}
	if _, out, _ := listed(t, d, en, false); !strings.Contains(out, "  card    Secours card, written\n  number  0000") {
		t.Error(out)
	}

	code, out, _ = listed(t, d, en, true)
	var doc readersDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if doc.Schema != "secours.readers/1" || len(doc.Readers) != 3 || strings.ContainsAny(out, "\x1b") {
		t.Errorf("%s", out)
	}
	if got, want := doc.Readers[0], (readerDocument{
		Name: "ACS ACR122U 00 00", Card: "pcsc:ACS ACR122U 00 00", Present: true, ATR: "3B800181", State: lookWritten, Medium: "application",
		ID: "00000000000000010000000000000000",
	}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := doc.Readers[2], (readerDocument{Name: "No \x1b[2J\nnonsense", Card: "pcsc:No \x1b[2J\nnonsense", State: lookNoCard}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A program that asks for the readers gets its document also where there are none.
func TestReadersNone(t *testing.T) {
	code, out, talk := listed(t, &desk{}, en, true)
	var doc readersDocument
	if err := json.Unmarshal([]byte(out), &doc); code != 10 || err != nil || doc.Readers == nil || len(doc.Readers) != 0 {
		t.Errorf("%d, %v, %s", code, err, out)
	}
	if !strings.Contains(talk, `"name":"no-reader"`) {
		t.Error(talk)
	}
	if code, out, talk := listed(t, &desk{}, en, false); code != 10 || out != "" || !strings.Contains(talk, "plug in a reader") {
		t.Errorf("%d, %q, %q", code, out, talk)
	}
	if code, out, talk := listed(t, &desk{err: pcsc.ErrNoService}, en, true); code != 10 || out != "" || !strings.Contains(talk, `"name":"no-service"`) {
		t.Errorf("%d, %q, %q", code, out, talk)
	}
}

func TestReadersNarrow(t *testing.T) {
	a := &app{lang: fr, colour: "never", out: new(bytes.Buffer)}
	s := a.newScreen()
	s.width = 30
	a.drawReaders(s, []readerDocument{{Name: "A reader with quite a long name 00 00", Card: "pcsc:A reader with quite a long name 00 00", State: lookTag, ATR: strings.Repeat("AB", 33)}})
	for line := range strings.Lines(string(s.out)) {
		if textWidth(strings.TrimSuffix(line, "\n")) > 30 && !strings.HasPrefix(line, "  --card  ") {
			t.Errorf("too long: %q", line)
		}
	}
	if !strings.Contains(string(s.out), "  --card  'pcsc:A reader with quite a long name 00 00'\n") {
		t.Errorf("what is to be copied is not in one piece:\n%s", s.out)
	}
}

func TestShellQuote(t *testing.T) {
	for _, c := range []struct {
		s, posix, windows string // "" is a refusal
	}{
		{"pcsc:A b 00", "'pcsc:A b 00'", `"pcsc:A b 00"`},
		{"it's", `'it'\''s'`, `"it's"`},
		{"$(reboot) `x` \\", "'$(reboot) `x` \\'", ""},
		{`"%PATH%`, `'"%PATH%'`, ""},
		{"a\nb", "", ""},
		{"a\x1bb", "", ""},
		{"a\u202eb", "", ""},
		{"a\xffb", "", ""},
	} {
		for _, windows := range []bool{false, true} {
			got, ok := shellQuote(c.s, windows)
			want := c.posix
			if windows {
				want = c.windows
			}
			if got != want || ok != (want != "") {
				t.Errorf("%q, windows %v: %q %v, want %q", c.s, windows, got, ok, want)
			}
			if windows || !ok {
				continue
			}
			if sh, err := exec.LookPath("sh"); err == nil {
				out, err := exec.Command(sh, "-c", "printf %s "+got).Output()
				if err != nil || string(out) != c.s {
					t.Errorf("the shell makes %q of %s", out, got)
				}
			}
		}
	}
}
