package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// playground is a demonstration folder with a written card.
type playground struct {
	dir, image string
}

func newPlayground(t *testing.T) *playground {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	p := &playground{dir, filepath.Join(dir, "card.img")}
	p.run(t, 0, "demo", dir)
	p.gp(t, 0, "write", p.file("summary.json"))
	return p
}

func (p *playground) file(name string) string { return filepath.Join(p.dir, name) }

func (p *playground) run(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	code, out, talk := invoke(t, nil, args...)
	if code != want {
		t.Fatalf("%v: exit code %d, want %d\n%s", args, code, want, talk)
	}
	return string(out), string(talk)
}

func (p *playground) gp(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	return p.run(t, want, append([]string{"--home", p.file("gp"), "--card", "sim:" + p.image}, args...)...)
}

// card opens the card as a program that is not secours would.
func (p *playground) card(t *testing.T, f func(m card.Medium)) {
	t.Helper()
	c, err := sim.Open(p.image, sim.Session{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	application, err := card.Select(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	f(application.Medium(context.Background()))
}

// rewrite replaces the record by what change makes of it.
func (p *playground) rewrite(t *testing.T, change func([]byte) []byte) {
	t.Helper()
	p.card(t, func(m card.Medium) {
		c, err := card.Read(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := card.Write(m, change(bytes.Clone(c.Record)), c.Seq); err != nil {
			t.Fatal(err)
		}
	})
}

// flip changes one byte of the record: an offset from the start, or from the end where it is negative.
func flip(at int) func([]byte) []byte {
	return func(r []byte) []byte {
		if at < 0 {
			at += len(r)
		}
		r[at] ^= 1
		return r
	}
}

func (p *playground) otherPatient(t *testing.T) string {
	t.Helper()
	name := p.file("other.json")
	other := `{"schema":"secours.summary/1","patient":{"ids":[{"system":"ins-nir","value":"190020000000000"}],"family":"MARTINEZ","given":["Luis"],"birthDate":"1990-02-01","sex":"male"},"sections":{}}`
	if err := os.WriteFile(name, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A part that was changed is reported as such everywhere, and written over only on demand; whose card it is still counts.
func TestGuardDamagedLevel(t *testing.T) {
	p := newPlayground(t)
	p.rewrite(t, flip(-80)) // in box 2: box 3 takes the last 66 bytes
	out, talk := p.gp(t, 14, "read", "--json")
	var d readDocument
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	if d.Sections["history"] != (sectionDocument{"none", "undecodable"}) || d.Sections["allergies"] != (sectionDocument{"partial", "undecodable"}) || !d.MayBeIncomplete {
		t.Errorf("sections %+v", d.Sections)
	}
	if !strings.Contains(talk, `"code":14`) {
		t.Errorf("stderr %s", talk)
	}
	if out, _ := p.gp(t, 14, "--lang", "fr", "read"); !strings.Contains(out, "CARTE EN PARTIE ILLISIBLE") || strings.Contains(out, "ANTÉCÉDENTS, ") {
		t.Errorf("the screen hides it:\n%s", out)
	}
	p.gp(t, 14, "write", p.file("summary.json"))
	p.gp(t, 17, "write", p.otherPatient(t), "--drop-unreadable")
	p.gp(t, 18, "write", p.file("summary.json"), "--drop-unreadable", "--expect-seq", "0")
	p.gp(t, 0, "write", p.file("summary.json"), "--drop-unreadable", "--expect-seq", "1")
	if out, _ := p.gp(t, 0, "verify", "--json"); !strings.Contains(out, `"seq": 2`) {
		t.Errorf("the number starts anew:\n%s", out)
	}
}

// Where nothing can be decoded, nothing says whose card it is.
func TestGuardUndecodable(t *testing.T) {
	p := newPlayground(t)
	p.rewrite(t, flip(30))
	p.gp(t, 14, "read")
	p.gp(t, 14, "write", p.file("summary.json"))
	p.gp(t, 17, "write", p.file("summary.json"), "--drop-unreadable")
	p.gp(t, 18, "write", p.file("summary.json"), "--drop-unreadable", "--new-patient", "--expect-seq", "0")
	p.gp(t, 1, "card", "init")
	p.gp(t, 0, "write", p.file("summary.json"), "--drop-unreadable", "--patient", "ins-nir:248129999999985")
	p.gp(t, 0, "read")
}

// A later version's card is left alone.
func TestGuardNewerFormat(t *testing.T) {
	p := newPlayground(t)
	p.rewrite(t, func(r []byte) []byte {
		// The version is the first element of the header, the first element of the record.
		i := bytes.Index(r, []byte{0x84, 0x01, 0x00, 0x50})
		if i < 0 {
			t.Fatal("no header found")
		}
		r[i+1] = 2
		return r
	})
	for _, args := range [][]string{{"read"}, {"write", p.file("summary.json")}, {"write", p.file("summary.json"), "--drop-unreadable", "--new-patient"}} {
		p.gp(t, 22, args...)
	}
	p.gp(t, 1, "card", "init")
}

// What a later version added is not shown, and not written over.
func TestGuardAmended(t *testing.T) {
	p := newPlayground(t)
	amendment := append([]byte{0x83, 0x55, 0x84, 0x01, 0x00, 0x50}, make([]byte, 16)...)
	amendment = append(amendment, 0x01, 0x80, 0x58, 0x20)
	amendment = append(amendment, make([]byte, 32)...)
	p.rewrite(t, func(r []byte) []byte { return append(r, amendment...) })
	out, _ := p.gp(t, 15, "read", "--json")
	if !strings.Contains(out, `"amendmentsNotShown": 1`) || !strings.Contains(out, `"visible": "partial"`) {
		t.Errorf("%s", out)
	}
	p.gp(t, 22, "write", p.file("summary.json"), "--drop-unreadable")
}

// A newer summary that is lost is never passed over in silence.
func TestGuardNewerLost(t *testing.T) {
	p := newPlayground(t)
	p.gp(t, 0, "write", p.file("summary.json"))
	p.card(t, func(m card.Medium) {
		c, err := card.Read(m)
		if err != nil {
			t.Fatal(err)
		}
		memory := make([]byte, m.Size())
		if _, err := m.ReadAt(memory, 0); err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(memory, c.Record)
		if _, err := m.WriteAt(make([]byte, 64), int64(at)); err != nil {
			t.Fatal(err)
		}
	})
	out, _ := p.gp(t, 15, "read", "--json")
	if !strings.Contains(out, `"newerLost": true`) || !strings.Contains(out, `"seq": 1,`) {
		t.Errorf("%s", out)
	}
	if out, _ := p.gp(t, 15, "verify"); !strings.Contains(out, "not the last summary") {
		t.Errorf("verify: %s", out)
	}
	p.gp(t, 14, "write", p.file("summary.json"), "--if-changed")
	p.gp(t, 0, "write", p.file("summary.json"), "--drop-unreadable", "--if-changed")
	if out, _ := p.gp(t, 0, "verify", "--json"); !strings.Contains(out, `"seq": 3,`) {
		t.Errorf("the number of the lost summary is used again: %s", out)
	}
}

// A write that was never finished is not taken for done.
func TestGuardUnconfirmed(t *testing.T) {
	p := newPlayground(t)
	p.card(t, func(m card.Medium) {
		for _, mark := range []int64{64, 192, 320} { // A, B and C of the first slot, with pages of 64 bytes
			if _, err := m.WriteAt(make([]byte, 16), mark); err != nil {
				t.Fatal(err)
			}
		}
	})
	if out, _ := p.gp(t, 0, "read", "--json"); !strings.Contains(out, `"unconfirmed": true`) {
		t.Fatalf("%s", out)
	}
	if out, _ := p.gp(t, 0, "write", p.file("summary.json"), "--if-changed", "--json"); !strings.Contains(out, `"outcome": "written"`) {
		t.Errorf("%s", out)
	}
	if out, _ := p.gp(t, 0, "read", "--json"); strings.Contains(out, `"unconfirmed": true`) {
		t.Errorf("%s", out)
	}
}

// A container without a whole record is not prepared anew by mistake.
func TestGuardDamagedContainer(t *testing.T) {
	p := newPlayground(t)
	p.card(t, func(m card.Medium) {
		if _, err := m.WriteAt(make([]byte, m.Size()-448), 448); err != nil { // both slots, with pages of 64 bytes
			t.Fatal(err)
		}
	})
	p.gp(t, 14, "read")
	p.gp(t, 14, "write", p.file("summary.json"))
	p.gp(t, 1, "card", "init")
	p.gp(t, 0, "card", "init", "--erase")
	p.gp(t, 0, "write", p.file("summary.json"))
}

// A forged number near the limit leaves room for the next one all the same.
func TestGuardForgedNumber(t *testing.T) {
	p := newPlayground(t)
	file, err := os.ReadFile(p.file("gp/identity.p12"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := trust.ParseIdentity(file, "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(p.file("summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := summary.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	p.card(t, func(m card.Medium) {
		c, err := card.Read(m)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := record.Write(record.Draft{Card: c.Card, Summary: s, Signer: id, Seq: 1<<53 - 1, Time: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Replace(m, raw); err != nil {
			t.Fatal(err)
		}
	})
	p.gp(t, 0, "write", p.file("summary.json"))
	if out, _ := p.gp(t, 0, "verify", "--json"); !strings.Contains(out, `"seq": 1,`) {
		t.Errorf("%s", out)
	}
}

// A card whose container lost its first bytes holds two whole summaries still.
func TestGuardLostBeginning(t *testing.T) {
	p := newPlayground(t)
	p.card(t, func(m card.Medium) {
		if _, err := m.WriteAt([]byte{0xA5, 0xA5}, 0); err != nil {
			t.Fatal(err)
		}
	})
	p.gp(t, 14, "read")
	p.gp(t, 1, "card", "init")
	p.gp(t, 0, "card", "init", "--erase")
	p.gp(t, 11, "read")
}

// Records are not sealed in this version: real cards are refused. A simulated card that says it is real stands for one.
func TestGuardUnsealed(t *testing.T) {
	p := newPlayground(t)
	c, err := sim.Open(p.image, sim.Session{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var talk bytes.Buffer
	a := newApp()
	a.out, a.err, a.getenv = &talk, &talk, func(string) string { return "" }
	a.home, a.now = p.file("gp"), func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	a.secrets.fd = -1
	a.connection = func(context.Context) (*connection, error) {
		return &connection{Transmitter: c, name: "pcsc:test", close: func() error { return nil }}, nil
	}
	err = a.write(context.Background(), p.file("summary.json"), writeOptions{})
	var f *failure
	if !errors.As(err, &f) || f.name != "unsealed" {
		t.Errorf("a real card: %v", err)
	}
	if err := a.write(context.Background(), p.file("summary.json"), writeOptions{unsealed: true}); err != nil {
		t.Errorf("--unsealed: %v", err)
	}
}

func TestInputEncodings(t *testing.T) {
	a := &app{lang: en}
	dir := t.TempDir()
	for name, c := range map[string]struct{ data, encoding, want string }{
		"plain":          {"é", "utf-8", "é"},
		"UTF-8 mark":     {"\xEF\xBB\xBFé", "utf-8", "é"},
		"UTF-16 LE":      {"\xFF\xFEé\x00"[:2] + "\xe9\x00\x3d\xd8\x00\xde", "utf-8", "é😀"},
		"UTF-16 BE":      {"\xFE\xFF\x00\xe9", "utf-8", "é"},
		"windows-1252":   {"\xe9\x80", "windows-1252", "é€"},
		"Latin-1":        {"\xe9", "utf-8", ""},
		"lone surrogate": {"\xFF\xFE\x3d\xd8", "utf-8", ""},
		"odd UTF-16":     {"\xFF\xFE\xe9", "utf-8", ""},
		"no such":        {"x", "ebcdic", ""},
	} {
		file := filepath.Join(dir, "f")
		if err := os.WriteFile(file, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := a.readInput(context.Background(), file, c.encoding)
		if (err == nil) != (c.want != "") || string(got) != c.want && err == nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestInspectForAPerson(t *testing.T) {
	p := newPlayground(t)
	out, _ := p.gp(t, 0, "inspect")
	for _, want := range []string{"valid", "level care", "codec 1", "allergies 4", "EdDSA", "BEGIN CERTIFICATE", "NOT SEALED"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
	if strings.Contains(out, "DURAND") || strings.Contains(out, "amoxicilline") {
		t.Error("inspect shows something medical")
	}
}
