package main

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// grant seals keys to a home's practice, as an authority does.
func grant(t *testing.T, h home, keys ...trust.PrivateKey) string {
	t.Helper()
	locked, err := h.lockedKeys()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := record.SealGrant(practiceKey(locked.Public()).Opening, trust.MarshalKeys(keys))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "grant")
	if err := os.WriteFile(name, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func roleKey(t *testing.T, role trust.Role, epoch uint32) trust.PrivateKey {
	t.Helper()
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return trust.PrivateKey{Kind: trust.KeyRole, Authority: "Programme\u200b", Role: role, Epoch: epoch, Opening: own}
}

func TestKeysImport(t *testing.T) {
	h := home(t.TempDir())
	run := func(want int, args ...string) (string, string) {
		t.Helper()
		code, out, talk := invoke(t, nil, append([]string{"--home", string(h)}, args...)...)
		if code != want {
			t.Fatalf("%v: exit code %d, want %d\n%s", args, code, want, talk)
		}
		return string(out), string(talk)
	}
	keys := func() int {
		t.Helper()
		var d struct {
			Keys []keyDocument `json:"keys"`
		}
		out, _ := run(0, "keys", "show", "--json")
		if err := json.Unmarshal([]byte(out), &d); err != nil {
			t.Fatal(err)
		}
		return len(d.Keys)
	}
	run(0, "keys", "new", "--no-passphrase")
	first, second := roleKey(t, trust.RolePharmacist, 1), roleKey(t, trust.RolePharmacist, 2)
	emergency := roleKey(t, trust.RoleEmergency, 1)
	out, _ := run(0, "keys", "import", grant(t, h, first, emergency))
	for _, want := range []string{"2 keys in this file, 2 added", "pharmacist", "epoch", "id on cards"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
	if strings.Contains(out, "\u200b") {
		t.Error("an invisible character of an authority's name is printed")
	}
	// A later epoch does not take the place of the earlier one, and what is there already is no error.
	if out, _ := run(0, "keys", "import", grant(t, h, first, second)); !strings.Contains(out, "1 added") || keys() != 4 {
		t.Errorf("%d keys\n%s", keys(), out)
	}
	// To the earlier key of the practice.
	sealedToTheFirst := grant(t, h, roleKey(t, trust.RoleNurse, 1))
	run(0, "keys", "new", "--replace")
	run(0, "keys", "import", sealedToTheFirst)
	if keys() != 6 {
		t.Errorf("%d keys", keys())
	}

	before, err := os.ReadFile(h.file(keysFile))
	if err != nil {
		t.Fatal(err)
	}
	practice := roleKey(t, trust.RoleNurse, 9)
	practice.Kind, practice.Authority, practice.Role, practice.Epoch = trust.KeyPractice, "", "", 0
	newer := roleKey(t, trust.RoleNurse, 9)
	newer.Role = "optician"
	other := home(t.TempDir())
	if code, _, talk := invoke(t, nil, "--home", string(other), "keys", "new", "--no-passphrase"); code != 0 {
		t.Fatalf("%s", talk)
	}
	for name, c := range map[string]struct {
		file string
		code int
		want string
	}{
		"another key of one epoch":  {grant(t, h, roleKey(t, trust.RoleNurse, 3), roleKey(t, trust.RolePharmacist, 2)), exitGeneral, "key-epoch"},
		"a key of the practice":     {grant(t, h, practice), exitGeneral, "grant"},
		"nothing":                   {grant(t, h), exitGeneral, "grant"},
		"sealed to somebody else":   {grant(t, other, roleKey(t, trust.RoleNurse, 3)), exitGeneral, "grant"},
		"a role of a newer version": {grant(t, h, newer), exitNewerFormat, "newer-format"},
	} {
		if _, talk := run(c.code, "keys", "import", c.file, "--json"); !strings.Contains(talk, `"name":"`+c.want+`"`) {
			t.Errorf("%s: %s", name, talk)
		}
	}
	after, err := os.ReadFile(h.file(keysFile))
	if err != nil || !bytes.Equal(after, before) {
		t.Errorf("a refused import changed the keys: %v", err)
	}
	if info, err := os.Stat(h.file(keysFile)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the keys: %v, %v", info.Mode(), err)
	}
}

// Keys that another process adds while this one waits for a passphrase are not lost.
func TestKeysChangedMeanwhile(t *testing.T) {
	h := home(t.TempDir())
	a := keysApp(t, "")
	ctx := context.Background()
	one, err := a.keysToChange(ctx, h, true)
	if err != nil {
		t.Fatal(err)
	}
	two, err := a.keysToChange(ctx, h, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(one.Add(roleKey(t, trust.RoleNurse, 1)), two.Add(roleKey(t, trust.RoleNurse, 2)), a.saveKeys(h, one)); err != nil {
		t.Fatal(err)
	}
	var f *failure
	if err := a.saveKeys(h, two); !errors.As(err, &f) || f.name != "keys-changed" {
		t.Errorf("%v", err)
	}
	if err := a.saveKeys(h, one); err != nil {
		t.Errorf("its own change: %v", err)
	}
}

// keysApp is secours with these lines on standard input.
func keysApp(t *testing.T, lines string) *app {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString(lines); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { r.Close() })
	a := newApp()
	a.in, a.out, a.err = r, &bytes.Buffer{}, &bytes.Buffer{}
	a.now = func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	a.secrets.fd, a.secrets.stdin = -1, true
	return a
}

// One passphrase for identity and keys is given once; two are two lines; an open keystore needs none.
func TestKeysAndIdentityShareAPassphrase(t *testing.T) {
	ctx := context.Background()
	authority, err := trust.NewAuthority("Root", trust.Ed25519, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.NewIdentity(trust.Subject{Name: "Dr A", Role: trust.RolePhysician}, trust.Ed25519, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		identity, keys, lines string
		want                  string // the name of the failure
	}{
		{"sesame", "sesame", "sesame\n", ""},
		{"sesame", "simsim", "sesame\nsimsim\n", ""},
		{"sesame", "simsim", "sesame\n", "passphrase"},
		{"sesame", "simsim", "sesame\nsesame\n", "passphrase"},
		{"sesame", "", "sesame\n", ""},
	} {
		h := home(t.TempDir())
		p12, err := id.PKCS12(c.identity)
		if err != nil {
			t.Fatal(err)
		}
		keystore, err := (&trust.Keystore{Keys: []trust.PrivateKey{roleKey(t, trust.RoleNurse, 1)}}).Seal(c.keys)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(h.saveIdentity(p12, id.Certificate), writeFile(h.file(keysFile), keystore, 0o600)); err != nil {
			t.Fatal(err)
		}
		for _, keysFirst := range []bool{false, true} {
			lines := c.lines
			if keysFirst && c.want == "" && c.keys != "" && c.keys != c.identity {
				lines = c.keys + "\n" + c.identity + "\n"
			}
			a := keysApp(t, lines)
			open := []func() error{
				func() error { _, err := a.identity(ctx, h); return err },
				func() error { _, err := a.openKeys(ctx, h); return err },
			}
			if keysFirst {
				open[0], open[1] = open[1], open[0]
			}
			err := open[0]()
			if err == nil {
				err = open[1]()
			}
			if name := ""; err != nil || c.want != "" {
				if err != nil {
					name = a.explain(err).name
				}
				if name != c.want {
					t.Errorf("%+v, keys first %v: %v", c, keysFirst, err)
				}
			}
		}
	}
}

// A home without keys has none, and asks for nothing.
func TestNoKeys(t *testing.T) {
	a := keysApp(t, "")
	k, err := a.openKeys(context.Background(), home(t.TempDir()))
	if err != nil || len(k.Keys) != 0 {
		t.Errorf("%v, %v", k, err)
	}
}
