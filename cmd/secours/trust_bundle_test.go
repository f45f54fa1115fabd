package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/summary/trust"
)

// TestBundleReachesTheVerdict follows one doctor through the bundles of an authority: vouched for by an intermediate that only the
// bundle has, then revoked.
func TestBundleReachesTheVerdict(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	run := func(want int, args ...string) []byte {
		t.Helper()
		code, out, talk := invoke(t, nil, append([]string{"--home", at("reader"), "--json"}, args...)...)
		if code != want {
			t.Fatalf("%v: exit code %d, want %d\n%s", args, code, want, talk)
		}
		return append(out, talk...)
	}
	signedAt := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	root, err := trust.NewAuthority("Root", trust.Ed25519, signedAt)
	if err != nil {
		t.Fatal(err)
	}
	doctor, err := root.NewIdentity(trust.Subject{Name: "Dr A", Role: trust.RolePhysician}, trust.Ed25519, signedAt)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"root.pem": encodePEM(root.Certificate), "doctor.pem": encodePEM(doctor.Certificate)} {
		if err := os.WriteFile(at(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want error) {
		t.Helper()
		store, err := home(at("reader")).trust()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Check(doctor.Certificate, signedAt); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}

	run(0, "trust", "bundle", "new", at("auth"), "--name", "P", "--no-passphrase")
	var d authorityDocument
	if err := json.Unmarshal(run(0, "trust", "bundle", "sign", at("auth"), "--out", at("1.bundle")), &d); err != nil {
		t.Fatal(err)
	}
	check(trust.ErrNoAnchors)
	// As people copy fingerprints.
	var copied []string
	for i := 0; i < len(d.Root); i += 2 {
		copied = append(copied, strings.ToUpper(d.Root[i:i+2]))
	}
	wrong := append([]string{"00", "00"}, copied[2:]...)
	run(14, "trust", "update", at("1.bundle"), "--root", strings.Join(wrong, ":"))
	run(0, "trust", "update", at("1.bundle"), "--root", strings.Join(copied, ":"))
	check(trust.ErrNoAnchors)

	sign := func(n int, args ...string) {
		t.Helper()
		run(0, append([]string{"trust", "bundle"}, args...)...)
		run(0, "trust", "bundle", "sign", at("auth"), "--out", at(fmt.Sprint(n)))
		run(0, "trust", "update", at(fmt.Sprint(n)))
	}
	if out := run(1, "trust", "bundle", "revoke", at("auth"), "--certificate", at("doctor.pem"), "--class", "ceased", "--from", "2026-11-20"); !bytes.Contains(out, []byte(`"name":"no-issuer"`)) {
		t.Errorf("revoked without an issuer: %s", out)
	}
	sign(2, "add", at("auth"), "--anchor", at("root.pem"), "--ceiling", "nurse")
	check(trust.ErrCeiling)
	sign(3, "add", at("auth"), "--anchor", at("root.pem"), "--ceiling", "")
	check(nil)
	sign(4, "revoke", at("auth"), "--certificate", at("doctor.pem"), "--class", "ceased", "--from", "2026-11-21")
	check(nil)
	sign(5, "revoke", at("auth"), "--key-of", at("doctor.pem"), "--class", "compromised", "--from", "2026-11-21")
	check(trust.ErrCompromised)
	sign(6, "revoke", at("auth"), "--certificate", at("doctor.pem"), "--class", "ceased", "--from", "2026-11-20")
	check(trust.ErrRevoked)
	sign(7, "add", at("auth"), "--anchor", at("root.pem"), "--distrust-from", "2026-11-01")
	check(trust.ErrDistrusted)

	// One byte of the bundle in the home: it vouches for nobody, and says why.
	data, err := os.ReadFile(at("reader/trust.bundle"))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(at("reader/trust.bundle"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := home(at("reader")).trust(); !errors.Is(err, trust.ErrTrustDamaged) {
		t.Errorf("a damaged bundle: %v", err)
	}
	run(0, "trust", "update", at("7"))
	check(trust.ErrDistrusted)
	// Nothing is left over of the copies.
	if files, _ := filepath.Glob(at("reader/trust.bundle.*")); len(files) > 0 {
		t.Errorf("left over: %v", files)
	}
}

// TestRevocationLists loads a list as an authority exports it from its register.
func TestRevocationLists(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	const n = 50_000
	var list bytes.Buffer
	for i := range n {
		name := [32]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}
		fmt.Fprintf(&list, "%s 2026-%02d-%02d %s\r\n", []string{"ceased", "compromised"}[i%2], 1+i%12, 1+i%28, hex.EncodeToString(name[:]))
	}
	if err := os.WriteFile(at("list.txt"), list.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var d authorityDocument
	for _, args := range [][]string{
		{"new", at("auth"), "--name", "P", "--no-passphrase"},
		{"revoke", at("auth"), "--list", at("list.txt")},
		{"revoke", at("auth"), "--list", at("list.txt")},
		{"sign", at("auth"), "--out", at("1.bundle")},
		{"sign", at("auth"), "--out", at("2.bundle")},
	} {
		code, out, talk := invoke(t, nil, append([]string{"--json", "trust", "bundle"}, args...)...)
		if code != 0 {
			t.Fatalf("%v: %d\n%s", args, code, talk)
		}
		if err := json.Unmarshal(out, &d); err != nil {
			t.Fatal(err)
		}
	}
	if d.Counter != 2 || d.Revocations == nil || d.Revocations.Ceased != n/2 || d.Revocations.Compromised != n/2 {
		t.Errorf("%+v", d)
	}
	// Whatever the lines say that is not a revocation is named by its line, and nothing is added.
	for _, bad := range []string{
		"ceased 2026-01-01\n", "revoked 2026-01-01 %s\n", "ceased 2026-02-30 %s\n", "ceased 2026-01-01 %s %s\n", "ceased 1960-01-01 %s\n", "ceased 2026-01-01 %s00\n",
	} {
		text := "# first\n" + strings.ReplaceAll(bad, "%s", strings.Repeat("ab", 32))
		if err := os.WriteFile(at("bad.txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, talk := invoke(t, nil, "--json", "trust", "bundle", "revoke", at("auth"), "--list", at("bad.txt"))
		if code != 1 || !bytes.Contains(talk, []byte(`"path":"2"`)) {
			t.Errorf("%q: %d %s", bad, code, talk)
		}
	}
	// An editor left the last line without its end: what comes after is a line of its own.
	known, err := os.ReadFile(at("auth/revocations.txt"))
	if err != nil {
		t.Fatal(err)
	}
	line := "ceased 2026-01-01 " + strings.Repeat("cd", 32)
	if err := errors.Join(
		os.WriteFile(at("auth/revocations.txt"), bytes.TrimSuffix(known, []byte("\n")), 0o600), os.WriteFile(at("one.txt"), []byte(line), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	if code, _, talk := invoke(t, nil, "trust", "bundle", "revoke", at("auth"), "--list", at("one.txt")); code != 0 {
		t.Fatalf("one more: %d %s", code, talk)
	}
	if now, _ := os.ReadFile(at("auth/revocations.txt")); string(now) != string(known)+line+"\n" {
		t.Error("the list is not what it was and one line more")
	}
	// A line that was cut short stands in the way, and is not taken for another.
	f, err := os.OpenFile(at("auth/revocations.txt"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "ceased 2026-01-01 abab")
	f.Close()
	if code, _, _ := invoke(t, nil, "trust", "bundle", "sign", at("auth"), "--out", at("3.bundle")); code != 1 {
		t.Errorf("a line cut short: %d", code)
	}
}
