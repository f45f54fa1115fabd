package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
)

// told is a system that says what it is told to.
type told struct {
	down, missing advice
	held          holders
	hang          bool
}

func (x told) serviceDown(lang, error) advice { return x.down }
func (x told) readerMissing(lang) advice      { return x.missing }
func (x told) whereToLook(lang) string        { return "look elsewhere" }

func (x told) holders(context.Context) holders {
	if x.hang {
		select {}
	}
	return x.held
}

// examine runs doctor and returns its exit code, its screen, and its document.
func examine(t *testing.T, w *workstation, change func(*app)) (code int, screen string, d doctorDocument) {
	t.Helper()
	for _, asJSON := range []bool{false, true} {
		var out, talk bytes.Buffer
		a := newApp()
		a.in, a.out, a.err, a.getenv = nil, &out, &talk, func(string) string { return "" }
		a.colour, a.timeout, a.home, a.json = "never", 400*time.Millisecond, filepath.Join(t.TempDir(), "none"), asJSON
		if change != nil {
			change(a)
		}
		code = a.report(a.doctor(t.Context(), w))
		if (code != 0) != (talk.Len() > 0) {
			t.Errorf("exit code %d, and on standard error %q", code, talk.String())
		}
		if !asJSON {
			screen = out.String()
		} else if err := json.Unmarshal(out.Bytes(), &d); err != nil && out.Len() > 0 {
			t.Fatal(err)
		}
	}
	return code, screen, d
}

func (d doctorDocument) check(t *testing.T, name string) check {
	t.Helper()
	for _, c := range d.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %s in %+v", name, d.Checks)
	return check{}
}

func TestDoctor(t *testing.T) {
	ours := simCard(t, sim.Options{}, recorded(t))
	one := func(r deskReader) smartCards { return &desk{readers: []deskReader{r}} }
	in := func(c card.Transmitter) smartCards { return one(deskReader{name: "R", card: c}) }
	for name, c := range map[string]struct {
		w     workstation
		card  string
		code  int
		check string // the one that is not ok; "" for none
		want  string // what the screen says
	}{
		"without PC/SC": {w: workstation{}, code: 10, check: "pcsc", want: "without PC/SC"},
		"service down": {
			w:    workstation{built: true, cards: &desk{err: pcsc.ErrNoService}, system: told{down: advice{"c", "it sleeps", "wake it"}}},
			code: 10, check: "service", want: "it sleeps\n                      > wake it\n",
		},
		"service down, unexplained": {w: workstation{built: true, cards: &desk{err: pcsc.ErrNoService}}, code: 10, check: "service", want: "start pcscd"},
		"not permitted":             {w: workstation{built: true, cards: &desk{err: pcsc.ErrNotPermitted}}, code: 10, check: "service", want: "refuses this user"},
		"service hangs":             {w: workstation{built: true, cards: &desk{hang: true}}, code: 10, check: "service", want: "does not answer"},
		"no reader": {
			w:    workstation{built: true, cards: &desk{}, system: told{missing: advice{remedy: "the driver"}}},
			code: 10, check: "reader", want: "no card reader\n                      > the driver\n",
		},
		"no such reader": {w: workstation{built: true, cards: in(ours)}, card: "pcsc:Q", code: 10, check: "reader", want: "no reader of the name “Q”"},
		"no card":        {w: workstation{built: true, cards: one(deskReader{name: "R"})}, code: 11, check: "card", want: "insert the card"},
		"mute":           {w: workstation{built: true, cards: one(deskReader{name: "R", connect: pcsc.ErrCardUnresponsive})}, code: 11, check: "card", want: "turn it over"},
		"silent":         {w: workstation{built: true, cards: one(deskReader{name: "R", hangs: "transmit"})}, code: 11, check: "card", want: "in time"},
		"another card":   {w: workstation{built: true, cards: in(foreignCard{})}, code: 12, check: "card", want: "not a Secours card"},
		"blank tag":      {w: workstation{built: true, cards: in(simCard(t, sim.Options{Tag: &sim.Tag{}}, nil))}, code: 12, check: "card", want: "init --type4"},
		"unprepared":     {w: workstation{built: true, cards: in(simCard(t, sim.Options{}, nil))}, code: 12, check: "card", want: "card init"},
		"PIN":            {w: workstation{built: true, cards: in(simCard(t, sim.Options{PIN: []byte("1234")}, nil))}, code: 13, check: "card", want: "PIN"},
		"damaged":        {w: workstation{built: true, cards: in(simCard(t, sim.Options{}, scribbled(t, 8, "x")))}, code: 14, check: "card", want: "damaged"},
		"newer":          {w: workstation{built: true, cards: in(simCard(t, sim.Options{}, newerFormat(t)))}, code: 22, check: "card", want: "upgrade secours"},
		"busy": {
			w: workstation{
				built: true, cards: one(deskReader{name: "R", connect: pcsc.ErrReaderBusy}),
				system: told{held: holders{[]program{{"scdaemon", 12}, {"evil\x1b[2J\nok", 13}}, true, true}},
			},
			code: 16, check: "card", want: "now: scdaemon (12), evil\ufffd[2J ok (13); look elsewhere\n",
		},
		"busy, nobody seen": {w: workstation{built: true, cards: one(deskReader{name: "R", hangs: "begin"}), system: told{held: holders{hidden: true}}}, code: 16, check: "card", want: "> look elsewhere\n"},
		"busy, candidates": {
			w:    workstation{built: true, cards: one(deskReader{name: "R", hangs: "begin"}), system: told{held: holders{programs: []program{{"a", 1}}}}},
			code: 16, check: "card", want: "that may use the readers: a (1)\n",
		},
		"busy, all seen":     {w: workstation{built: true, cards: one(deskReader{name: "R", hangs: "begin"}), system: told{}}, code: 16, check: "card", want: "--timeout waits longer"},
		"busy, system hangs": {w: workstation{built: true, cards: one(deskReader{name: "R", hangs: "connect"}), system: told{hang: true}}, code: 16, check: "card", want: "look elsewhere"},
		"empty":              {w: workstation{built: true, cards: in(simCard(t, sim.Options{}, formatted))}, code: 0, want: "nobody has written"},
		"all is well":        {w: workstation{built: true, cards: in(ours)}, code: 0, want: "Secours card, written: 00000000000000010000000000000000, in “R”"},
		"practice's card first": {
			w:    workstation{built: true, cards: &desk{readers: []deskReader{{name: "R", card: foreignCard{}}, {name: "S", card: ours}}}},
			code: 0, want: "in “S”",
		},
		"that one is named": {
			w:    workstation{built: true, cards: &desk{readers: []deskReader{{name: "R", card: foreignCard{}}, {name: "S", card: ours}}}},
			card: "pcsc:R", code: 12, check: "card", want: "not a Secours card",
		},
		"held, beside ours": {
			w:    workstation{built: true, cards: &desk{readers: []deskReader{{name: "R", connect: pcsc.ErrReaderBusy}, {name: "S", card: ours}}}},
			code: 0, want: "in “S”",
		},
		"held, beside another": {
			w: workstation{built: true, system: told{}, cards: &desk{readers: []deskReader{
				{name: "R", card: foreignCard{}}, {name: "S", connect: pcsc.ErrReaderBusy},
			}}},
			code: 16, check: "card", want: "another program holds",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.w.system == nil {
				c.w.system = told{}
			}
			began := time.Now()
			code, screen, d := examine(t, &c.w, func(a *app) { a.card = c.card })
			if took := time.Since(began); took > 2*(400*time.Millisecond+time.Second) {
				t.Errorf("twice took %v", took)
			}
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if !strings.Contains(screen, c.want) {
				t.Errorf("%q is missing in\n%s", c.want, screen)
			}
			for _, x := range d.Checks {
				if (x.State == checkProblem) != (x.Name == c.check) {
					t.Errorf("%s is %s", x.Name, x.State)
				}
				if x.State == checkProblem && x.Remedy == "" {
					t.Errorf("%s: a problem and no remedy", x.Name)
				}
			}
			if c.check != "" {
				d.check(t, c.check)
			}
		})
	}
}

func TestDoctorImage(t *testing.T) {
	p := newPlayground(t)
	at := func(name, content string) string {
		t.Helper()
		name = p.file(name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	whole, err := os.ReadFile(p.image)
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Clone(whole)
	newer[16]++ // the high byte of the version
	held := at("held.img", string(whole))
	c, err := sim.Open(held, sim.Session{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, x := range []struct {
		image string
		code  int
		state string // of the check "card"
	}{
		{p.image, 0, checkOK},
		{p.file("absent.img"), 11, checkProblem},
		{held, 16, checkProblem},
		{at("noise.img", "no card at all"), 12, checkProblem},
		{at("newer.img", string(newer)), 22, checkProblem},
		{at("short.img", string(whole[:3000])), 12, checkProblem},
		{p.dir, 12, checkProblem},
	} {
		code, screen, d := examine(t, &workstation{}, func(a *app) { a.card = simPrefix + x.image })
		if got := d.check(t, "card"); code != x.code || got.State != x.state {
			t.Errorf("%s: exit code %d, want %d\n%s", x.image, code, x.code, screen)
		}
	}
	for _, wrong := range []string{"sim:", "pcsc:", "other"} {
		if code, _, d := examine(t, &workstation{}, func(a *app) { a.card = wrong }); code != 1 || d.Checks != nil {
			t.Errorf("--card %s: exit code %d", wrong, code)
		}
	}
}

func TestDoctorHome(t *testing.T) {
	p := newPlayground(t)
	day := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) // of the playground
	look := func(home string, now time.Time) doctorDocument {
		t.Helper()
		code, _, d := examine(t, &workstation{}, func(a *app) {
			a.home, a.now, a.card = home, func() time.Time { return now }, simPrefix+p.image
		})
		if code != 0 {
			t.Errorf("exit code %d: what is in the home keeps nobody from reading a card", code)
		}
		return d
	}
	expect := func(d doctorDocument, name, state, text string) {
		t.Helper()
		c := d.check(t, name)
		if c.State != state || !strings.Contains(c.Text, text) || (c.Remedy == "") != (state == checkOK) {
			t.Errorf("%s: %s %q %q, want %s %q", name, c.State, c.Text, c.Remedy, state, text)
		}
	}
	d := look(p.file("gp"), day)
	expect(d, "identity", checkOK, "valid until 21 Nov 2029 (DEMONSTRATION KEY)")
	expect(d, "keys", checkOK, "2 keys, without a passphrase")
	expect(d, "trust", checkOK, "bundle no. 1, issued today; next update on")
	expect(d, "clock", checkOK, "21 Nov 2026")
	d = look(p.file("gp"), day.AddDate(0, 6, 0))
	expect(d, "trust", checkAttention, "outdated since")
	expect(d, "identity", checkOK, "valid until")
	expect(look(p.file("gp"), day.AddDate(2, 11, 0)), "identity", checkAttention, "ends on")
	expect(look(p.file("gp"), day.AddDate(4, 0, 0)), "identity", checkAttention, "ended on")
	expect(look(p.file("gp"), day.AddDate(-2, 0, 0)), "clock", checkAttention, "before the last update")

	d = look(p.file("nowhere"), day)
	expect(d, "identity", checkOK, "none")
	expect(d, "keys", checkAttention, "none")
	expect(d, "trust", checkAttention, "no authority")

	spoiled := func(name, content string) string {
		t.Helper()
		home := filepath.Join(t.TempDir(), "home")
		if err := os.CopyFS(home, os.DirFS(p.file("gp"))); err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" {
			for _, private := range []string{"identity.p12", "keys.json", "seen"} {
				// os.CopyFS gives what the umask leaves.
				if err := os.Chmod(filepath.Join(home, private), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(home, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if content == "" {
			if err := os.Remove(filepath.Join(home, name)); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return home
	}
	expect(look(spoiled("trust.bundle", ""), day), "trust", checkAttention, "missing or damaged")
	expect(look(spoiled("trust.bundle", "x"), day), "trust", checkAttention, "missing or damaged")
	expect(look(spoiled("identity.pem", ""), day), "identity", checkAttention, "is missing")
	expect(look(spoiled("identity.pem", "x"), day), "identity", checkAttention, "cannot be read")
	expect(look(spoiled("keys.json", "{"), day), "keys", checkAttention, "damaged")
	home := spoiled("identity.p12", "x")
	expect(look(home, day), "identity", checkOK, "valid until") // not opened: that takes a passphrase

	if runtime.GOOS == "windows" {
		return
	}
	expect(look(home, day), "permissions", checkOK, "yours alone")
	for name, mode := range map[string]os.FileMode{"identity.p12": 0o640, "keys.json": 0o604, "trust.json": 0o664, "": 0o777, "seen": 0o755} {
		path := filepath.Join(home, name)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		d := look(home, day)
		expect(d, "permissions", checkAttention, path)
		if remedy := d.check(t, "permissions").Remedy; !strings.HasPrefix(remedy, "chmod go") || !strings.Contains(remedy, " '"+path) {
			t.Errorf("%s: %s", name, remedy)
		}
		if err := os.Chmod(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// The screen says the same in both languages and on any terminal, and nothing of a reader's name gets out of its line.
func TestDoctorScreen(t *testing.T) {
	w := &workstation{built: true, system: told{}, cards: &desk{readers: []deskReader{{name: "R\x1b[31m\nok   card   fine", card: foreignCard{}}}}}
	for _, l := range []lang{fr, en} {
		_, screen, _ := examine(t, w, func(a *app) { a.lang = l })
		if strings.ContainsAny(screen, "\x1b") || strings.Count(screen, "\n") < 5 {
			t.Errorf("%q", screen)
		}
		for line := range strings.Lines(screen) {
			if strings.HasPrefix(line, "ok   card") {
				t.Errorf("a line of a reader's: %q", line)
			}
		}
		want := map[lang]string{fr: "PROBLÈME   carte", en: "PROBLEM    card"}[l]
		if !strings.Contains(screen, want) {
			t.Errorf("%q is missing in\n%s", want, screen)
		}
	}
	for _, name := range []string{"pcsc", "service", "reader", "card", "home", "identity", "keys", "trust", "clock", "permissions"} {
		if checkWords[name].fr == "" || checkWords[name].en == "" {
			t.Errorf("no wording for %s", name)
		}
	}
	a := &app{lang: en, out: new(bytes.Buffer), colour: "always"}
	if s := a.newScreen(); !s.colour || s.width < 1000 {
		t.Errorf("%+v", s)
	}
}

// The error that ends doctor is the one that "read" would end with.
func TestDoctorErrors(t *testing.T) {
	for _, err := range []error{pcsc.ErrNoService, pcsc.ErrNotPermitted} {
		a := &app{lang: en, out: new(bytes.Buffer), colour: "never", timeout: time.Second, home: t.TempDir(), now: time.Now}
		got := a.explain(a.doctor(t.Context(), &workstation{built: true, cards: &desk{err: fmt.Errorf("x: %w", err)}, system: told{}}))
		if want := a.explain(err); got.code != want.code || got.name != want.name || got.retryable != want.retryable || !errors.Is(got, err) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
