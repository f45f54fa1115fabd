package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// Somebody wrote since: the physician who read before that does not write over it.
func TestExpectedStateOfTheCard(t *testing.T) {
	w := newWard(t)
	file := w.file("summary.json")
	w.as("gp", 18, "write", file, "--expect-head", strings.Repeat("0", 32))
	first := w.write(file)
	if w.read("gp", 0).Record.Head != first.Head {
		t.Error("write and read name different states")
	}
	w.as("pharmacy", 0, "amend", "--add-allergy", "pénicilline G")
	before := w.content().Record
	_, talk := w.as("gp", 18, "write", file, "--expect-head", first.Head, "--json")
	if !strings.Contains(talk, `"name":"conflict"`) {
		t.Error(talk)
	}
	w.as("gp", 18, "write", file, "--expect-head", first.Head, "--dry-run")
	w.as("gp", 18, "write", file, "--expect-head", first.Head[:31])
	w.as("gp", 18, "write", file, "--expect-seq", "2")
	w.as("gp", 18, "write", file, "--expect-seq", "0")
	w.as("pharmacy", 18, "amend", "--add-allergy", "x", "--expect-head", first.Head)
	if !bytes.Equal(before, w.content().Record) {
		t.Fatal("something was written")
	}
	now := w.read("pharmacy", 0).Record.Head
	if now != w.read("gp", 0).Record.Head || now == first.Head {
		t.Error("roles see different heads, or the amendment none")
	}
	w.as("gp", 0, "card", "reseal")
	second := w.write(file, "--expect-head", strings.ToUpper(now), "--expect-seq", "1")
	if second.Seq != 3 {
		t.Errorf("number %d", second.Seq)
	}
	w.as("gp", 18, "write", file, "--expect-seq", "1")
}

// An image that was put back is told by whoever has seen it newer, and by nobody else.
func TestOlderState(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	image := w.bytes("card.img")
	w.as("pharmacy", 0, "amend", "--add-allergy", "pénicilline G")
	w.read("emergency", 0)
	w.put("card.img", string(image))
	d := w.read("emergency", 15)
	if !d.Card.Older || !d.MayBeIncomplete || d.Verdict.Status != record.Valid {
		t.Errorf("%+v %+v", d.Card, d.Verdict)
	}
	for _, verb := range []string{"read", "verify", "inspect"} {
		_, talk := w.as("emergency", 15, verb, "--json")
		if !strings.Contains(talk, `"name":"older-state"`) {
			t.Errorf("%s: %s", verb, talk)
		}
	}
	if out, _ := w.as("emergency", 15, "read", "--lang", "fr"); !strings.Contains(out, "PLUS ANCIENNE QUE CE QUE CE POSTE A DÉJÀ LU") {
		t.Errorf("the screen does not say so:\n%s", out)
	}
	w.read("pharmacy", 15) // it wrote what is missing
	d = w.read("gp", 0)
	if d.Card.Older || d.MayBeIncomplete {
		t.Errorf("who has not seen it newer says %+v", d.Card)
	}
	// It is written over with a newer number, and everybody is content.
	w.as("gp", 0, "write", w.file("summary.json"))
	w.as("gp", 0, "write", w.file("summary.json"))
	for _, home := range []string{"emergency", "pharmacy", "gp"} {
		w.read(home, 0)
	}
	// Another card has nothing to do with it.
	w.as("gp", 0, "card", "wipe", "--yes")
	w.as("gp", 0, "write", w.file("summary.json"))
	w.read("emergency", 0)
}

// Whoever holds the card and no key can append what looks like an amendment. It makes nobody believe that an honest card is an older
// state of something.
func TestGarbageDoesNotAgeTheCard(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	image := w.content().Record
	header := []byte{0x84, 0x01, 0x01, 0x50}
	header = append(header, bytes.Repeat([]byte{7}, 16)...)
	header = append(append(header, 0x4A), bytes.Repeat([]byte{9}, 10)...)
	frame := append([]byte{0x83, 0x58, byte(len(header))}, header...)
	frame = append(append(frame, 0x58, 96), bytes.Repeat([]byte{5}, 96)...)
	frame = append(frame, 0x44, 3, 3, 3, 3)
	w.plant(append(slices.Clone(image), frame...))
	for _, home := range []string{"emergency", "pharmacy", "gp"} {
		d := w.read(home, 15)
		if len(d.Record.Amendments) != 1 || d.Record.Amendments[0].State == record.AmendmentApplied || d.Verdict.Status != record.Valid {
			t.Fatalf("%s: %+v %+v", home, d.Verdict, d.Record.Amendments)
		}
	}
	w.plant(image)
	for _, home := range []string{"emergency", "pharmacy", "gp"} {
		if d := w.read(home, 0); d.Card.Older {
			t.Errorf("%s takes the honest card for an older state", home)
		}
	}
	// The physician gets rid of it with one flag and its reason.
	w.plant(append(slices.Clone(image), frame...))
	_, talk := w.as("gp", 14, "write", w.file("summary.json"), "--json")
	if !strings.Contains(talk, `"name":"partly-unreadable"`) {
		t.Error(talk)
	}
	w.as("gp", 0, "write", w.file("summary.json"), "--drop-unreadable", "--reason", "ajout illisible")
	w.read("gp", 0)
	w.read("emergency", 0)
}

// What nobody can read is written over with a number that this home has not seen yet, and the card is not an older state of itself.
func TestDroppedRecordIsNotAnOlderState(t *testing.T) {
	w := newWard(t)
	for range 3 {
		w.as("gp", 0, "write", w.file("summary.json"))
	}
	raw := slices.Clone(w.content().Record)
	raw[8] ^= 1 // the base id
	w.plant(raw)
	w.as("gp", 14, "read")
	w.as("gp", 0, "write", w.file("summary.json"), "--drop-unreadable", "--reason", "illisible", "--patient", "ins-nir:248129999999985")
	if d := w.read("gp", 0); d.Record.Dropped == nil {
		t.Errorf("%+v", d.Record)
	}
}

// Revoked, compromised, stolen, out of date: each with its verdict, by the day of signing.
func TestRevocation(t *testing.T) {
	certificate := []string{"trust", "bundle", "revoke", "", "--certificate", "", "--issuer", ""}
	for _, c := range []struct {
		name, class, from string
		code              int
		status            record.Status
		reason            record.Reason
	}{
		{"ceased before", "ceased", "2026-11-20", 14, record.Invalid, record.ReasonRevoked},
		{"ceased on the day", "ceased", "2026-11-21", 14, record.Invalid, record.ReasonRevoked},
		{"ceased after", "ceased", "2026-11-22", 0, record.Valid, record.ReasonOK},
		{"compromised before", "compromised", "2026-11-20", 14, record.Invalid, record.ReasonRevoked},
		{"compromised after", "compromised", "2026-11-22", 15, record.Unverifiable, record.ReasonCompromised},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			w.as("gp", 0, "write", w.file("summary.json"))
			w.now = w.now.AddDate(0, 0, 3)
			args := slices.Clone(certificate)
			args[3], args[5], args[7] = w.file("authority"), w.file("gp", "identity.pem"), w.file("authority", "root.pem")
			w.run(0, append(args, "--class", c.class, "--from", c.from)...)
			w.bundle("emergency")
			d := w.read("emergency", c.code)
			if d.Verdict.Status != c.status || d.Verdict.Reason != c.reason || d.Summary == nil {
				t.Errorf("%+v", d.Verdict)
			}
			w.read("pharmacy", 0) // has not heard of it
			w.bundle("gp")
			_, talk := w.as("gp", 21, "write", w.file("summary.json"), "--json")
			if !strings.Contains(talk, `"name":"certificate-revoked"`) {
				t.Error(talk)
			}
		})
	}
}

// An amendment of somebody whose certificate is revoked is shown apart; the summary stays what it was.
func TestRevokedAmendment(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	w.as("pharmacy", 0, "amend", "--add-allergy", "pénicilline G")
	w.read("emergency", 0)
	w.run(0, "trust", "bundle", "revoke", w.file("authority"), "--key-of", w.file("pharmacy", "identity.pem"), "--class", "ceased", "--from", "2026-11-01")
	w.bundle("emergency")
	d := w.read("emergency", 15)
	if d.Verdict.Status != record.Valid || d.Card.Older || d.Record.Amendments[0].State != record.AmendmentApart ||
		d.Record.Amendments[0].Verdict.Reason != record.ReasonRevoked || len(d.Summary.Sections.Allergies.Items) != 4 {
		t.Errorf("%+v %+v", d.Card, d.Record.Amendments)
	}
	if out, _ := w.as("emergency", 15, "read", "--lang", "fr"); !strings.Contains(out, "pénicilline G") {
		t.Error("what was refused is not shown at all")
	}
}

func TestTrustThatIsOldOrStolen(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	first := w.bytes("trust.bundle")
	w.run(0, "trust", "bundle", "add", w.file("authority"), "--stolen", "pharmacist:1", "--from", "2026-11-01")
	w.bundle("emergency", "gp")
	d := w.read("emergency", 0)
	if d.Card.StolenKey != trust.RolePharmacist {
		t.Errorf("%+v", d.Card)
	}
	if out, _ := w.as("emergency", 0, "read", "--lang", "fr"); !strings.Contains(strings.ToLower(out), "volée") {
		t.Errorf("the screen does not say so:\n%s", out)
	}
	if d := w.read("pharmacy", 0); d.Card.StolenKey != "" {
		t.Error("who has not heard of it says so")
	}
	if r := w.write(w.file("summary.json")); len(r.Warnings) == 0 {
		t.Error("sealed for a stolen key without a word")
	}
	_, talk := w.run(18, "--home", w.file("emergency"), "trust", "update", w.put("first.bundle", string(first)), "--json")
	if !strings.Contains(talk, `"name":"bundle-older"`) {
		t.Error(talk)
	}
	// A new epoch shuts the thief out, of both slots.
	w.run(0, "trust", "bundle", "add", w.file("authority"), "--role-key", "pharmacist")
	w.bundle("emergency", "gp")
	w.as("gp", 0, "card", "reseal")
	for i, raw := range w.slots() {
		if shows(raw, w.content().Card, w.reader("pharmacy"), "DURAND") {
			t.Errorf("the stolen key opens slot %d", i)
		}
	}
	w.as("pharmacy", 20, "read")
	if d := w.read("emergency", 0); d.Card.StolenKey != "" {
		t.Error("still said to be sealed to it")
	}
	w.now = w.now.AddDate(0, 0, 100)
	d = w.read("emergency", 0)
	if d.Verdict.Status != record.ValidStale || !d.Trust.Stale {
		t.Errorf("%+v", d.Verdict)
	}
	if out, _ := w.as("emergency", 0, "read", "--lang", "fr"); !strings.Contains(out, "PÉRIMÉE") && !strings.Contains(out, "périmée") {
		t.Errorf("the screen does not say that the trust is old:\n%s", out)
	}
}

func TestUnknownAuthority(t *testing.T) {
	w := newWard(t)
	w.practice("far", trust.Subject{Name: "Dr Jean PETIT", ID: "899700000067", Role: trust.RolePhysician}, trust.RolePhysician, false)
	_, talk := w.as("far", 0, "write", w.file("summary.json"))
	if !strings.Contains(talk, "authority") {
		t.Errorf("not warned: %s", talk)
	}
	for _, home := range []string{"emergency", "pharmacy", "gp"} {
		d := w.read(home, 15)
		if d.Verdict.Status != record.Unverifiable || d.Verdict.Reason != record.ReasonUnknownIssuer || d.Summary == nil || d.Signer == nil || d.Signer.Authority != "" {
			t.Errorf("%s: %+v", home, d.Verdict)
		}
		w.as(home, 15, "verify")
	}
}

// A record is for one card. On another it opens for nobody, and nothing of it is shown.
func TestRecordOnAnotherCard(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.edit("open.json", func(s *summary.Summary) { s.Sections.Alerts.Items[2].Level = summary.LevelOpen }), "--consent-open")
	raw := w.content().Record
	w.as("gp", 0, "card", "wipe", "--yes")
	w.plant(raw)
	for _, home := range []string{"gp", "pharmacy", "emergency"} {
		for _, verb := range [][]string{{"read"}, {"read", "--json"}, {"verify"}, {"inspect"}} {
			out, talk := w.as(home, 14, verb...)
			if out != "" || holds(talk, "DURAND") || holds(talk, "LEROY") || holds(talk, "stimulateur") {
				t.Errorf("%s %v shows\n%s%s", home, verb, out, talk)
			}
		}
	}
	w.as("gp", 14, "write", w.file("summary.json"))
	w.as("gp", 17, "write", w.file("summary.json"), "--drop-unreadable", "--reason", "x")
	w.as("gp", 0, "write", w.file("summary.json"), "--drop-unreadable", "--reason", "x", "--patient", "ins-nir:248129999999985")
	w.read("emergency", 0)
}

// Whatever byte of a sealed record is changed, nobody is told that the card is in order: not even who cannot open what it is in, since
// the amendment names all of what it was written on.
func TestNoByteOfASealedRecordIsFree(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	w.as("pharmacy", 0, "amend", "--file", w.file("amendment.json"))
	raw, image := w.content().Record, w.bytes("card.img")
	shown := func(home string) (int, string) {
		code, out, talk := w.secret("", w.at(home, "read", "--json")...)
		if code == 1 || strings.Contains(talk, "panic") {
			t.Errorf("%s: %s", home, talk)
		}
		var d struct {
			Summary json.RawMessage
			Changes json.RawMessage
			Record  struct{ Clearance string }
		}
		json.Unmarshal([]byte(out), &d)
		return code, string(d.Summary) + string(d.Changes) + d.Record.Clearance
	}
	want := map[string]string{}
	for _, home := range []string{"gp", "emergency", "pharmacy"} {
		var code int
		if code, want[home] = shown(home); code != 0 || len(want[home]) < 1000 {
			t.Fatalf("%s: %d", home, code)
		}
	}
	step := 7
	if testing.Short() {
		step = 97
	}
	homes := []string{"gp", "emergency", "pharmacy"}
	for n, at := 0, 0; at < len(raw); n, at = n+1, at+step {
		changed := slices.Clone(raw)
		changed[at] ^= byte(1 << (at % 8))
		w.put("card.img", string(image))
		w.plant(changed)
		home := homes[n%3]
		code, got := shown(home)
		switch {
		case code == 0 && got != want[home]:
			t.Errorf("byte %d of %d: %s is shown something else, in order", at, len(raw), home)
		case code == 0:
			t.Errorf("byte %d of %d: %s does not notice", at, len(raw), home)
		case code != 14 && code != 15 && code != 20 && code != 22:
			t.Errorf("byte %d: exit code %d", at, code)
		}
	}
}

// What nobody could see in an emergency, and what everybody could see, is asked for twice.
func TestMaskingGuards(t *testing.T) {
	w := newWard(t)
	for name, change := range map[string]func(s *summary.Summary){
		"alert":   func(s *summary.Summary) { s.Sections.Alerts.Items[0].Level = summary.LevelMasked },
		"allergy": func(s *summary.Summary) { s.Sections.Allergies.Items[0].Level = summary.LevelMasked },
	} {
		file := w.edit(name+".json", change)
		_, talk := w.as("gp", 1, "write", file, "--json")
		if !strings.Contains(talk, `"name":"masked-critical"`) || !strings.Contains(talk, "items[0].level") {
			t.Error(talk)
		}
		w.as("gp", 1, "write", file, "--consent-open")
		w.as("gp", 11, "read")
	}
	open := w.edit("open.json", func(s *summary.Summary) { s.Sections.Contacts.Items[1].Level = summary.LevelOpen })
	_, talk := w.as("gp", 1, "write", open, "--json")
	if !strings.Contains(talk, `"name":"open-without-consent"`) || !strings.Contains(talk, "contacts.items[1].level") {
		t.Error(talk)
	}
	w.as("gp", 1, "write", open, "--mask-critical")
	w.as("gp", 11, "read")
	w.as("gp", 0, "write", w.file("allergy.json"), "--mask-critical")
	if out, _ := w.as("emergency", 0, "read"); strings.Contains(out, "amoxicilline") {
		t.Error("the masked allergy is shown")
	}
	if d := w.read("pharmacy", 0); d.Sections["allergies"] != (sectionDocument{"partial", "role"}) || !d.MayBeIncomplete {
		t.Errorf("%v", d.Sections["allergies"])
	}
}
