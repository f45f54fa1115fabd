package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

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

// The parts of a record (docs/FORMAT.md, 3).
const (
	partHeader = 0
	partBox    = 2 // of level 0; those of levels 1 to 3 follow
)

// flip changes the last byte of a part of the record.
func flip(t *testing.T, part int) func([]byte) []byte {
	return func(r []byte) []byte {
		var parts []cbor.RawMessage
		if _, err := cbor.UnmarshalFirst(r, &parts); err != nil || len(parts) != 6 {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		end := 1 // the head of the array
		for _, p := range parts[:part+1] {
			end += len(p)
		}
		r[end-1] ^= 1
		return r
	}
}

// sequence takes a record apart: the base, and the amendments to it.
func sequence(t *testing.T, r []byte) (list [][]byte) {
	t.Helper()
	for len(r) > 0 {
		var element cbor.RawMessage
		rest, err := cbor.UnmarshalFirst(r, &element)
		if err != nil {
			t.Fatal(err)
		}
		list, r = append(list, element), rest
	}
	return list
}

// because is what waives the guard of what cannot be read.
var because = []string{"--drop-unreadable", "--reason", "the memory fails"}

func (p *playground) writing(more ...string) []string {
	return append([]string{"write", p.file("summary.json")}, more...)
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
	p.rewrite(t, flip(t, partBox+2))
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
	p.gp(t, 14, p.writing()...)
	if _, talk := p.gp(t, 1, p.writing("--drop-unreadable")...); !strings.Contains(talk, "--reason") {
		t.Errorf("what is given up wants a reason: %s", talk)
	}
	p.gp(t, 17, append([]string{"write", p.otherPatient(t)}, because...)...)
	p.gp(t, 18, p.writing(append(because, "--expect-seq", "0")...)...)
	p.gp(t, 0, p.writing(append(because, "--expect-seq", "1")...)...)
	if d := p.verify(t, 0); d.Record.Seq != 2 || d.Record.Dropped == nil || *d.Record.Dropped != (droppedDocument{"clinical", "the memory fails"}) {
		t.Errorf("the number starts anew, or the card does not say what was given up: %+v", d.Record)
	}
	if out, _ := p.gp(t, 0, "--lang", "fr", "read"); !strings.Contains(out, "the memory fails") {
		t.Errorf("the screen does not say what was given up:\n%s", out)
	}
}

// What the patient hides can be damaged too. Whoever may not see it sees a good card; whoever may is told, and does not write over it.
func TestGuardDamagedMasked(t *testing.T) {
	p := newPlayground(t)
	p.rewrite(t, flip(t, partBox+3))
	for _, home := range []string{"pharmacy", "emergency"} {
		p.run(t, 0, "--home", p.file(home), "--card", "sim:"+p.image, "read")
	}
	if out, _ := p.gp(t, 14, "read", "--json"); !strings.Contains(out, `"reason": "level-damaged"`) {
		t.Errorf("%s", out)
	}
	p.gp(t, 14, p.writing()...)
	p.gp(t, 0, p.writing(because...)...)
	if d := p.verify(t, 0); d.Record.Dropped == nil || d.Record.Dropped.Level != "masked" {
		t.Errorf("%+v", d.Record)
	}
}

// verify is the JSON of the verb.
func (p *playground) verify(t *testing.T, want int) (d checkedDocument) {
	t.Helper()
	out, _ := p.gp(t, want, "verify", "--json")
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Where nothing can be decoded, nothing says whose card it is.
func TestGuardUndecodable(t *testing.T) {
	for name, part := range map[string]int{"header": partHeader, "level 1": partBox + 1} {
		t.Run(name, func(t *testing.T) {
			p := newPlayground(t)
			p.rewrite(t, flip(t, part))
			p.gp(t, 14, "read")
			p.gp(t, 14, p.writing()...)
			p.gp(t, 17, p.writing(because...)...)
			p.gp(t, 18, p.writing(append(because, "--new-patient", "--expect-seq", "0")...)...)
			p.gp(t, 1, "card", "init")
			p.gp(t, 0, p.writing(append(because, "--patient", "ins-nir:248129999999985")...)...)
			if d := p.verify(t, 0); d.Record.Seq != 2 || d.Record.Dropped == nil || d.Record.Dropped.Level != "open" {
				t.Errorf("the number starts anew, or the card does not say what was given up: %+v", d.Record)
			}
		})
	}
}

// A later version's card is left alone.
func TestGuardNewerFormat(t *testing.T) {
	for name, at := range map[string]int{"version": 1, "suite": 2} {
		t.Run(name, func(t *testing.T) {
			p := newPlayground(t)
			p.rewrite(t, func(r []byte) []byte {
				// Version and suite are the first elements of the header, the first element of the record.
				i := bytes.Index(r, []byte{0x83, 0x01, 0x01, 0x50})
				if i < 0 {
					t.Fatal("no header found")
				}
				r[i+at] = 3
				return r
			})
			for _, args := range [][]string{{"read"}, p.writing(), p.writing(append(because, "--new-patient")...), {"card", "reseal"}} {
				p.gp(t, 22, args...)
			}
			p.gp(t, 1, "card", "init")
		})
	}
}

// additions lists what became of what others had said.
func additions(t *testing.T, out string) (outcomes []string) {
	t.Helper()
	var d written
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	for _, m := range d.Amendments {
		outcomes = append(outcomes, string(m.Operation)+" "+m.Outcome)
	}
	return outcomes
}

// What others added is not lost by a summary whose author did not know of it.
func TestGuardAmended(t *testing.T) {
	p := newPlayground(t)
	p.run(t, 0, "--home", p.file("pharmacy"), "--card", "sim:"+p.image, "amend", "--file", p.file("amendment.json"))
	shown := func(unreviewed bool) {
		t.Helper()
		out, _ := p.gp(t, 0, "read", "--json")
		if !strings.Contains(out, "DOLIPRANE") || strings.Contains(out, `"unreviewed": true`) != unreviewed {
			t.Errorf("lost, or under the wrong name:\n%s", out)
		}
	}
	shown(true)
	out, _ := p.gp(t, 0, p.writing("--if-changed", "--json")...)
	if got := additions(t, out); !slices.Equal(got, []string{"add kept", "taken kept"}) || !strings.Contains(out, `"outcome": "written"`) {
		t.Errorf("%v\n%s", got, out)
	}
	if d := p.verify(t, 0); d.Record.Seq != 3 || len(d.Record.Amendments) != 0 {
		t.Errorf("%+v", d.Record)
	}
	shown(true)
	if out, _ := p.gp(t, 0, p.writing("--amendments", "accept", "--json")...); !slices.Contains(additions(t, out), "add accepted") {
		t.Errorf("%s", out)
	}
	shown(false)
}

// A summary for another patient takes over neither what others said of the one before nor whose keys opened his card, and says so.
func TestGuardNewPatient(t *testing.T) {
	p := newPlayground(t)
	if out, talk := p.gp(t, 0, p.writing("--new-patient", "--json")...); !strings.Contains(out, `"warnings": []`) {
		t.Errorf("nothing is left behind: %s%s", out, talk)
	}
	p.gp(t, 0, "card", "reseal", "--add-practice", p.file("authority/emergency.json"))
	p.run(t, 0, "--home", p.file("pharmacy"), "--card", "sim:"+p.image, "amend", "--file", p.file("amendment.json"))
	kinds := func(args ...string) (practices int, d written) {
		t.Helper()
		out, _ := p.gp(t, 0, append(args, "--json")...)
		if err := json.Unmarshal([]byte(out), &d); err != nil {
			t.Fatal(err)
		}
		for _, s := range d.SealedFor {
			if s.Kind == trust.KeyPractice {
				practices++
			}
		}
		return practices, d
	}
	if n, d := kinds(p.writing("--dry-run")...); n != 2 || len(d.Amendments) != 2 || len(d.Warnings) != 0 {
		t.Errorf("the same patient: %d practices, %+v", n, d)
	}
	if n, d := kinds("write", p.otherPatient(t), "--new-patient"); n != 1 || len(d.Amendments) != 0 || len(d.Warnings) != 2 || !d.Erased {
		t.Errorf("another patient: %d practices, %+v", n, d)
	}
	if out, _ := p.gp(t, 0, "read", "--json"); strings.Contains(out, "DOLIPRANE") {
		t.Errorf("%s", out)
	}
}

// What was added and cannot be applied is not written over unless its reader says so, by name; and what cannot be read, not at all.
func TestGuardAmendedApart(t *testing.T) {
	p := newPlayground(t)
	amend := func(home, file, content string) {
		t.Helper()
		if err := os.WriteFile(p.file(file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		p.run(t, 0, "--home", p.file(home), "--card", "sim:"+p.image, "amend", "--file", p.file(file))
	}
	// Two amendments beside the example want a larger card.
	if err := os.Remove(p.image); err != nil {
		t.Fatal(err)
	}
	p.gp(t, 0, "card", "init", "--size", "16384")
	p.gp(t, 0, p.writing()...)
	amend("pharmacy", "a.json", `{"schema":"secours.amendment/1","add":{"medications":[{"product":{"text":"DOLIPRANE"},"origin":"otc"}]}}`)
	amend("emergency", "b.json", `{"schema":"secours.amendment/1","add":{"allergies":[{"agent":{"text":"kiwi"}}]}}`)
	p.gp(t, 0, "read")
	p.rewrite(t, func(r []byte) []byte { // the second was written on the first
		s := sequence(t, r)
		return bytes.Join([][]byte{s[0], s[2], s[1]}, nil)
	})
	out, talk := p.gp(t, 15, "read", "--json")
	if !strings.Contains(out, `"state": "apart"`) || !strings.Contains(out, `"reason": "fork"`) || !strings.Contains(talk, `"name":"amendment"`) {
		t.Fatalf("%s\n%s", out, talk)
	}
	var apart string
	for _, m := range p.verify(t, 15).Record.Amendments {
		if m.State == record.AmendmentApart {
			apart = m.ID
		}
	}
	for _, args := range [][]string{p.writing(), p.writing(because...), p.writing("--amendments", "accept"), p.writing("--amendments", apart), p.writing("--if-changed")} {
		if _, talk := p.gp(t, 15, append(args, "--json")...); !strings.Contains(talk, `"name":"amendment-apart"`) || !strings.Contains(talk, apart) {
			t.Errorf("%v: %s", args, talk)
		}
	}
	p.gp(t, 1, p.writing("--discard", "ffffffff")...)
	before, _ := p.memory(t)
	// Damaged, it can no longer be named.
	p.rewrite(t, func(r []byte) []byte { r[len(r)-20] ^= 1; return r })
	p.gp(t, 15, "read")
	p.gp(t, 14, p.writing("--discard", apart)...)
	p.spoil(t, func(memory []byte) { copy(memory, before) })
	if out, _ := p.gp(t, 0, p.writing("--discard", apart, "--json")...); !slices.Contains(additions(t, out), "add kept") || !slices.Contains(additions(t, out), " discarded") {
		t.Errorf("%s", out)
	}
	p.gp(t, 0, "read")
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
	if err := os.RemoveAll(p.file("gp/seen")); err != nil { // another home knows no more than the card
		t.Fatal(err)
	}
	p.gp(t, 0, p.writing(append(because, "--if-changed")...)...)
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
	// Who has read it does not take what comes after it for an older state.
	p.gp(t, 0, "read")
	p.gp(t, 0, p.writing()...)
	// This home wrote number 1 before.
	if d := p.verify(t, 0); d.Record.Seq != 2 {
		t.Errorf("number %d", d.Record.Seq)
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

// Only simulated cards carry what is not sealed. A simulated card that says it is real stands for a real one.
func TestGuardUnsealed(t *testing.T) {
	p := newPlayground(t)
	real := func() *app {
		a := newApp()
		a.out, a.err, a.getenv = io.Discard, io.Discard, func(string) string { return "" }
		a.card, a.home, a.now = "pcsc:test", p.file("gp"), func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
		a.secrets.fd = -1
		a.connection = func(context.Context) (*connection, error) {
			c, err := sim.Open(p.image, sim.Session{})
			if err != nil {
				return nil, err
			}
			return &connection{Transmitter: c, name: "pcsc:test", close: c.Close}, nil
		}
		return a
	}
	before, _ := p.memory(t)
	options := writeOptions{unsealed: true, carry: carryOptions{amendments: "keep"}}
	err := real().write(context.Background(), p.file("summary.json"), options)
	var f *failure
	if !errors.As(err, &f) || f.name != "unsealed" || f.code != exitGeneral {
		t.Errorf("--unsealed on a real card: %v", err)
	}
	if after, _ := p.memory(t); !bytes.Equal(before, after) {
		t.Error("refused, and written")
	}
	options.unsealed = false
	if err := real().write(context.Background(), p.file("summary.json"), options); err != nil {
		t.Errorf("sealed, on a real card: %v", err)
	}
	if code := execute(context.Background(), []string{"--card", "pcsc:test", "--home", p.file("gp"), "verify"}, real()); code != exitOK {
		t.Errorf("sealed, on a real card: exit code %d", code)
	}

	_, talk := p.gp(t, 0, p.writing("--unsealed")...)
	if !strings.Contains(talk, "NOT SEALED") {
		t.Errorf("it is not said: %s", talk)
	}
	if out, _ := p.gp(t, 0, "verify"); !strings.Contains(out, "NOT SEALED") {
		t.Errorf("it is not said: %s", out)
	}
	r, err := real().readCard(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if v := r.record.Verdict; v != (record.Verdict{Status: record.Unverifiable, Reason: record.ReasonUnsealed}) {
		t.Errorf("unsealed, on a real card: %v", v)
	}
	if code := execute(context.Background(), []string{"--card", "pcsc:test", "--home", p.file("gp"), "read"}, real()); code != exitUnverifiable {
		t.Errorf("unsealed, on a real card: exit code %d", code)
	}
	// The way out: sealed over it, and nothing of what everybody could read is left.
	_, open := p.memory(t)
	if err := real().write(context.Background(), p.file("summary.json"), options); err != nil {
		t.Fatal(err)
	}
	if after, _ := p.memory(t); left(after, open) {
		t.Error("a piece of the unsealed record is left")
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
	for _, want := range []string{"valid", "level care", "codec 1", "allergies 4", "history 1", "3 roles", "1 other key\n", "EdDSA", "BEGIN CERTIFICATE"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
	if strings.Contains(out, "DURAND") || strings.Contains(out, "amoxicilline") || strings.Contains(out, "dépression") {
		t.Error("inspect shows something medical")
	}
	p.gp(t, 0, p.writing("--unsealed")...)
	if out, _ := p.gp(t, 0, "inspect"); !strings.Contains(out, "NOT SEALED") || strings.Contains(out, "sealed for") {
		t.Errorf("not sealed for anybody:\n%s", out)
	}
}
