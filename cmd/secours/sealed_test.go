package main

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// ward is a demonstration folder, used by the people it was made for, through the command line.
type ward struct {
	*testing.T
	dir, image string
	now        time.Time
}

func newWard(t *testing.T) *ward {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	w := &ward{t, dir, filepath.Join(dir, "card.img"), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	w.run(0, "demo", dir)
	return w
}

func (w *ward) file(name ...string) string {
	return filepath.Join(append([]string{w.dir}, name...)...)
}

// secret runs a command line with something on standard input, and returns what it ends with.
func (w *ward) secret(input string, args ...string) (code int, stdout, stderr string) {
	w.Helper()
	in := filepath.Join(w.TempDir(), "in")
	if err := os.WriteFile(in, []byte(input), 0o600); err != nil {
		w.Fatal(err)
	}
	f, err := os.Open(in)
	if err != nil {
		w.Fatal(err)
	}
	defer f.Close()
	var out, talk bytes.Buffer
	a := newApp()
	a.in, a.out, a.err = f, &out, &talk
	a.getenv = func(string) string { return "" }
	a.now = func() time.Time { return w.now }
	code = execute(context.Background(), args, a)
	return code, out.String(), talk.String()
}

func (w *ward) run(want int, args ...string) (stdout, stderr string) {
	w.Helper()
	code, out, talk := w.secret("", args...)
	if code != want {
		w.Fatalf("%v: exit code %d, want %d\n%s%s", args, code, want, out, talk)
	}
	return out, talk
}

// as runs a command line in a home, on the card.
func (w *ward) as(home string, want int, args ...string) (stdout, stderr string) {
	w.Helper()
	return w.run(want, w.at(home, args...)...)
}

func (w *ward) at(home string, args ...string) []string {
	return append([]string{"--home", w.file(home), "--card", "sim:" + w.image}, args...)
}

// read is the document of "read --json", which must end with that code.
func (w *ward) read(home string, want int, args ...string) *readDocument {
	w.Helper()
	out, _ := w.as(home, want, append([]string{"read", "--json"}, args...)...)
	return unmarshal[readDocument](w, out)
}

func unmarshal[T any](w *ward, out string) *T {
	w.Helper()
	d := new(T)
	if err := json.Unmarshal([]byte(out), d); err != nil {
		w.Fatalf("%v in %s", err, out)
	}
	return d
}

// edit writes a summary that differs from summary.json.
func (w *ward) edit(name string, change func(*summary.Summary)) string {
	w.Helper()
	data, err := os.ReadFile(w.file("summary.json"))
	if err != nil {
		w.Fatal(err)
	}
	s, err := summary.Parse(data)
	if err != nil {
		w.Fatal(err)
	}
	change(s)
	return w.save(name, s)
}

func (w *ward) save(name string, s *summary.Summary) string {
	w.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		w.Fatal(err)
	}
	return w.put(name, string(data))
}

func (w *ward) put(name, text string) string {
	w.Helper()
	if err := os.WriteFile(w.file(name), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return w.file(name)
}

func (w *ward) bytes(name ...string) []byte {
	w.Helper()
	data, err := os.ReadFile(w.file(name...))
	if err != nil {
		w.Fatal(err)
	}
	return data
}

// medium opens the card as a program that is not secours would.
func (w *ward) medium(f func(card.Medium)) {
	w.Helper()
	c, err := sim.Open(w.image, sim.Session{})
	if err != nil {
		w.Fatal(err)
	}
	defer c.Close()
	application, err := card.Select(context.Background(), c)
	if err != nil {
		w.Fatal(err)
	}
	f(application.Medium(context.Background()))
}

func (w *ward) content() (c *card.Content) {
	w.Helper()
	w.medium(func(m card.Medium) {
		var err error
		if c, err = card.Read(m); err != nil {
			w.Fatal(err)
		}
	})
	return c
}

// plant puts a record on the card, as somebody would who has the card and no key.
func (w *ward) plant(raw []byte) {
	w.Helper()
	w.medium(func(m card.Medium) {
		c, err := card.Read(m)
		if err != nil {
			w.Fatal(err)
		}
		if _, err := c.Replace(m, raw); err != nil {
			w.Fatal(err)
		}
	})
}

// reader is a home as package record sees it.
func (w *ward) reader(name string) record.Reader {
	w.Helper()
	h := home(w.file(name))
	store, err := h.trust()
	if err != nil {
		w.Fatal(err)
	}
	locked, err := h.lockedKeys()
	if err != nil {
		w.Fatal(err)
	}
	keys, err := locked.Open("")
	if err != nil {
		w.Fatal(err)
	}
	return record.Reader{Trust: store, Keys: keys.Keys, Now: w.now, Simulated: true}
}

func (w *ward) identity(name string) *trust.Identity {
	w.Helper()
	id, err := trust.ParseIdentity(w.bytes(name, "identity.p12"), "")
	if err != nil {
		w.Fatal(err)
	}
	return id
}

// bundle signs a new bundle of the authority and gives it to homes.
func (w *ward) bundle(homes ...string) {
	w.Helper()
	w.run(0, "trust", "bundle", "sign", w.file("authority"), "--out", w.file("next.bundle"))
	for _, h := range homes {
		w.run(0, "--home", w.file(h), "trust", "update", w.file("next.bundle"))
	}
}

// practice makes another home: a professional of another authority, with the keys of a role of the demonstration's programme. Where
// the authority is known it comes with the next bundle.
func (w *ward) practice(name string, subject trust.Subject, role trust.Role, known bool) *trust.Identity {
	w.Helper()
	ca, err := trust.NewAuthority("Autorité "+name, trust.Ed25519, w.now)
	if err != nil {
		w.Fatal(err)
	}
	id, err := ca.NewIdentity(subject, trust.Ed25519, w.now)
	if err != nil {
		w.Fatal(err)
	}
	file, err := id.PKCS12("")
	if err != nil {
		w.Fatal(err)
	}
	if err := home(w.file(name)).saveIdentity(file, id.Certificate); err != nil {
		w.Fatal(err)
	}
	root := w.put(name+".root.pem", string(encodePEM(ca.Certificate)))
	if known {
		w.run(0, "trust", "bundle", "add", w.file("authority"), "--anchor", root)
		w.bundle("gp", "pharmacy", "emergency")
	}
	shown, _ := w.run(0, "--home", w.file("gp"), "trust", "show", "--json")
	trusted := unmarshal[struct {
		Bundle struct {
			Root string `json:"rootFingerprint"`
		} `json:"bundle"`
	}](w, shown)
	public, grant := w.file(name+".public"), w.file(name+".grant")
	bundle := w.file("trust.bundle")
	if known {
		bundle = w.file("next.bundle")
	}
	w.run(0, "--home", w.file(name), "trust", "update", bundle, "--root", trusted.Bundle.Root)
	w.run(0, "--home", w.file(name), "keys", "new", "--no-passphrase", "--public", public)
	w.run(0, "trust", "bundle", "grant", w.file("authority"), "--role", string(role), "--to", public, "--out", grant)
	w.run(0, "--home", w.file(name), "keys", "import", grant)
	return id
}

// jsonTexts are the strings of a JSON document, those of at least so many bytes.
func jsonTexts(v any, least int) []string {
	var list []string
	switch v := v.(type) {
	case string:
		if len(v) >= least {
			list = append(list, v)
		}
	case []any:
		for _, e := range v {
			list = append(list, jsonTexts(e, least)...)
		}
	case map[string]any:
		for _, e := range v {
			list = append(list, jsonTexts(e, least)...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// holds reports whether what a person or a program was given has a text in it.
func holds(given, text string) bool {
	quoted, _ := json.Marshal(text)
	return strings.Contains(given, text) || strings.Contains(given, strings.Trim(string(quoted), `"`))
}

func mustCode(t *testing.T, text string) trust.RecoveryCode {
	t.Helper()
	code, err := trust.ParseRecoveryCode(text)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// recoveryKeysOf are the keys that a code stands for.
func recoveryKeysOf(t *testing.T, code trust.RecoveryCode) []trust.PrivateKey {
	t.Helper()
	key, err := record.RecoveryKey(code, ecdh.X25519())
	if err != nil {
		t.Fatal(err)
	}
	return []trust.PrivateKey{{Kind: trust.KeyRecovery, Opening: key}}
}
