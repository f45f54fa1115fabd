package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// above are the texts of summary.json that stand in sections or items over a level, and nowhere below.
func (w *ward) above(level summary.Level) (list []string) {
	w.Helper()
	s, err := summary.Parse(w.bytes("summary.json"))
	if err != nil {
		w.Fatal(err)
	}
	var high, low any
	collect := func(to *any, item any) {
		data, _ := json.Marshal(item)
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			w.Fatal(err)
		}
		*to = []any{*to, v}
	}
	s.Sections.Each(func(name string, section summary.AnySection) {
		for i := range section.Len() {
			if levelOfItem(name, section.Common(i)).Rank() > level.Rank() {
				collect(&high, section.Item(i))
			} else {
				collect(&low, section.Item(i))
			}
		}
	})
	collect(&low, s.Patient)
	everything := strings.Join(jsonTexts(low, 1), "\n")
	for _, text := range jsonTexts(high, 5) {
		if !strings.Contains(everything, text) {
			list = append(list, text)
		}
	}
	return list
}

// plainWords are texts of items that are words of the program, or dates that a signature has too.
func plainWords(list []string) (rest []string) {
	known := map[string]bool{"masked": true, "disease": true, "family": true, "active": true, "remission": true, "resolved": true, "confirmed": true, "procedure": true, "refusal": true, "opposed": true, "not-opposed": true, "transfusion": true, "advance-directive": true, "organ-donation": true, "cim10": true, "place": true}
	for _, s := range list {
		if !known[s] && strings.ContainsAny(s, " .éè") {
			rest = append(rest, s)
		}
	}
	return rest
}

// Each role sees its levels and is told what it does not see; nothing above its clearance is in anything that any verb prints.
func TestRolesSeeTheirLevels(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	all := func(clinical, others sectionDocument) map[string]sectionDocument {
		m := map[string]sectionDocument{}
		for _, name := range summary.SectionNames() {
			m[name] = others
			if summary.DefaultLevel(name) == summary.LevelClinical {
				m[name] = clinical
			}
		}
		return m
	}
	partial := sectionDocument{"partial", "role"}
	for _, c := range []struct {
		home, clearance, with string
		level                 summary.Level
		sections              map[string]sectionDocument
		incomplete            bool
		items                 int // of the history
	}{
		{"pharmacy", "care", "pharmacist", summary.LevelCare, all(sectionDocument{"none", "role"}, partial), true, 0},
		{"emergency", "clinical", "emergency", summary.LevelClinical, all(partial, partial), true, 7},
		{"gp", "masked", "practice", summary.LevelMasked, all(sectionDocument{"full", ""}, sectionDocument{"full", ""}), false, 8},
	} {
		t.Run(c.home, func(t *testing.T) {
			w := &ward{t, w.dir, w.image, w.now}
			d := w.read(c.home, 0)
			if d.Record.Clearance != c.clearance || d.Record.OpenedWith != c.with || d.MayBeIncomplete != c.incomplete {
				t.Errorf("clearance %s, opened with %s, may be incomplete: %v", d.Record.Clearance, d.Record.OpenedWith, d.MayBeIncomplete)
			}
			if !reflect.DeepEqual(d.Sections, c.sections) {
				t.Errorf("sections %v, want %v", d.Sections, c.sections)
			}
			items := 0
			if h := d.Summary.Sections.History; h != nil {
				items = len(h.Items)
			}
			if items != c.items || len(d.Summary.Sections.Allergies.Items) != 4 || len(d.Summary.Sections.Medications.Items) != 7 {
				t.Errorf("%d items of the history", items)
			}
			hidden := plainWords(w.above(c.level))
			if want := map[string]int{"pharmacy": 25, "emergency": 1}[c.home]; len(hidden) < want {
				t.Fatalf("only %d texts are above %s", len(hidden), c.level)
			}
			for _, verb := range [][]string{
				{"read"},
				{"read", "--lang", "fr"},
				{"read", "--json"},
				{"verify"},
				{"verify", "--json"},
				{"inspect"},
				{"inspect", "--json"},
				{"card", "info"},
				{"card", "info", "--json"},
			} {
				out, talk := w.as(c.home, 0, verb...)
				for _, text := range hidden {
					if holds(out+talk, text) {
						t.Errorf("%v shows %q", verb, text)
					}
				}
				if c.home == "gp" && verb[0] == "read" && !holds(out, "dépression sévère, hospitalisation") {
					t.Errorf("%v hides the masked item from the practice", verb)
				}
				if verb[0] != "read" && holds(out+talk, "DURAND") {
					t.Errorf("%v names the patient", verb)
				}
			}
			out, _ := w.as(c.home, 0, "read", "--lang", "fr")
			if incomplete := strings.Contains(out, "PEUT ÊTRE INCOMPLET"); incomplete != c.incomplete {
				t.Errorf("the screen says that it may be incomplete: %v\n%s", incomplete, out)
			}
		})
	}
	// What a role may not see counts for nothing in what it is told of levels.
	out, _ := w.as("pharmacy", 0, "inspect", "--json")
	d := unmarshal[inspectDocument](w, out)
	for _, l := range d.Levels[2:] {
		if l.State != "sealed" || l.RawBytes != 0 || l.PayloadBytes != 0 || len(l.Items) != 0 {
			t.Errorf("the pharmacy is told of level %s: %+v", l.Level, l)
		}
	}
}

// Neither the size of the record nor anything that a role is told says whether something is masked, as long as it is short.
func TestMaskingDoesNotShow(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json")) // only a first record names nothing before it
	var sizes []int
	var told []any
	for _, masked := range []bool{false, true} {
		w.as("gp", 0, "write", w.edit("one.json", func(s *summary.Summary) {
			h := s.Sections.History
			if h.Items = h.Items[:7]; masked {
				h.Items = append(h.Items, summary.Condition{
					Common: summary.Common{ID: "x", Level: summary.LevelMasked}, Condition: summary.Concept{Text: "VIH"},
				})
			}
		}), "--new-patient")
		sizes = append(sizes, len(w.content().Record))
		d := w.read("emergency", 0)
		if !d.MayBeIncomplete || d.Sections["history"] != (sectionDocument{"partial", "role"}) {
			t.Errorf("masked %v: the emergency service is told %v", masked, d.Sections["history"])
		}
		told = append(told, []any{d.Summary, d.Sections, d.MayBeIncomplete})
	}
	if sizes[0] != sizes[1] || !reflect.DeepEqual(told[0], told[1]) {
		t.Errorf("%d bytes without, %d with; told the same: %v", sizes[0], sizes[1], reflect.DeepEqual(told[0], told[1]))
	}
}

// Without keys a sealed card shows nothing, or what the patient opened to everybody; never who the patient is.
func TestNoKeysNoPatient(t *testing.T) {
	w := newWard(t)
	w.run(0, "--home", w.file("stranger"), "trust", "update", w.file("trust.bundle"), "--root", w.fingerprint())
	for _, stage := range []struct {
		code  int
		write []string
	}{
		{20, []string{"write", w.file("summary.json")}},
		{15, []string{"write", w.edit("open.json", func(s *summary.Summary) {
			s.Sections.Alerts.Items[2].Level = summary.LevelOpen
		}), "--consent-open"}},
	} {
		w.as("gp", 0, stage.write...)
		for _, home := range []string{"stranger", "nobody"} {
			for _, verb := range [][]string{{"read"}, {"read", "--json"}, {"read", "--lang", "fr"}, {"verify"}, {"inspect"}, {"inspect", "--json"}} {
				out, talk := w.as(home, stage.code, verb...)
				for _, s := range []string{"DURAND", "MARTIN", "Jeanne", "248129999999985", "1948", "LEROY", "amoxicilline", "apixaban"} {
					if holds(out+talk, s) {
						t.Errorf("%s %v: %q in\n%s%s", home, verb, s, out, talk)
					}
				}
				if open := holds(out, "stimulateur cardiaque"); open != (stage.code == 15 && verb[0] == "read") {
					t.Errorf("%s %v: the open item is shown: %v", home, verb, open)
				}
			}
			// What there is of a summary is not a whole one: it has no patient.
			out, _ := w.as(home, stage.code, "read", "--json")
			d := unmarshal[struct {
				Verdict         verdictDocument            `json:"verdict"`
				Record          recordDocument             `json:"record"`
				MayBeIncomplete bool                       `json:"mayBeIncomplete"`
				Sections        map[string]sectionDocument `json:"sections"`
				Signer          *signerDocument            `json:"signer"`
			}](w, out)
			if d.Signer != nil || d.Verdict.Status == "valid" || !d.MayBeIncomplete || d.Record.Clearance != "none" {
				t.Errorf("%s: %+v", home, d.Verdict)
			}
			for name, s := range d.Sections {
				if s.Visible == "full" || s.Reason == "absent" {
					t.Errorf("%s: section %s is %v", home, name, s)
				}
			}
			// And can seal it for nobody else.
			w.as(home, 20, "card", "reseal")
		}
	}
}

// fingerprint is that of the root of the demonstration's bundle.
func (w *ward) fingerprint() string {
	w.Helper()
	out, _ := w.run(0, "--home", w.file("gp"), "trust", "show", "--json")
	return unmarshal[struct {
		Bundle struct {
			Root string `json:"rootFingerprint"`
		} `json:"bundle"`
	}](w, out).Bundle.Root
}

// Only who opens everything writes; whoever does so all the same says why, and everybody reads it.
func TestOnlyWhoOpensEverythingWrites(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	before := w.content().Record
	_, talk := w.as("emergency", 20, "write", w.file("summary.json"), "--json")
	if !strings.Contains(talk, `"name":"clearance"`) || !strings.Contains(talk, "secours amend") {
		t.Errorf("stderr %s", talk)
	}
	w.as("emergency", 20, "write", w.file("summary.json"), "--new-patient")
	w.as("emergency", 20, "write", w.file("summary.json"), "--if-changed")
	w.as("emergency", 20, "write", w.file("summary.json"), "--unsealed")
	w.as("emergency", 20, "card", "reseal")
	w.as("emergency", 20, "keys", "recovery")
	w.as("pharmacy", 20, "write", w.file("summary.json"))
	w.as("pharmacy", 20, "write", w.file("summary.json"), "--drop-unreadable", "--reason", "x")
	w.as("emergency", 1, "write", w.file("summary.json"), "--drop-unreadable")
	w.as("emergency", 17, "write", w.put("other.json", otherSummary), "--drop-unreadable", "--reason", "x")
	if string(w.content().Record) != string(before) {
		t.Fatal("something was written")
	}
	const reason = "code perdu, patiente d'accord"
	w.as("emergency", 0, "write", w.file("summary.json"), "--drop-unreadable", "--reason", reason)
	for _, home := range []string{"pharmacy", "emergency", "gp"} {
		d := w.read(home, 0)
		if d.Record.Dropped == nil || d.Record.Dropped.Reason != reason || d.Record.Dropped.Level != summary.LevelMasked || !d.MayBeIncomplete {
			t.Errorf("%s: dropped %+v, may be incomplete: %v", home, d.Record.Dropped, d.MayBeIncomplete)
		}
		out, _ := w.as(home, 0, "read", "--lang", "fr")
		if !strings.Contains(strings.Join(strings.Fields(out), " "), reason) {
			t.Errorf("%s: the screen does not say why:\n%s", home, out)
		}
	}
	// The old record showed more to the practice that is no longer a recipient.
	for _, raw := range w.slots() {
		if shows(raw, w.content().Card, w.reader("gp"), "dépression sévère") && string(raw) == string(before) {
			t.Error("the dropped record is still in a slot")
		}
	}
}

const otherSummary = `{"schema":"secours.summary/1","patient":{"ids":[{"system":"ins-nir","value":"190020000000000"}],"family":"MARTINEZ","given":["Luis"],"birthDate":"1990-02-01","sex":"male"},"sections":{}}`

// recoveryCode makes a code and returns it as the patient has it on paper.
func (w *ward) recoveryCode() string {
	w.Helper()
	out, _ := w.as("gp", 0, "keys", "recovery")
	var groups []string
	for _, f := range strings.Fields(out) {
		if len(f) == 6 && strings.Trim(f, "0123456789") == "" {
			groups = append(groups, f)
		}
	}
	if len(groups) != 8 {
		w.Fatalf("no code in %s", out)
	}
	return strings.Join(groups, " ")
}

// A patient changes the practice: the code on paper opens everything there, makes it a recipient, and its successor makes it worthless.
func TestRecovery(t *testing.T) {
	w := newWard(t)
	w.practice("next", trust.Subject{Name: "Dr Lise MOREL", ID: "899700000042", Place: "Blois", Role: trust.RolePhysician}, trust.RolePhysician, true)
	w.as("gp", 0, "write", w.file("summary.json"))
	const masked = "dépression sévère, hospitalisation"
	with := func(code string, want int, args ...string) (string, string) {
		t.Helper()
		got, out, talk := w.secret(code+"\n", w.at("next", append(args, "--recovery", "--passphrase-stdin")...)...)
		if got != want {
			t.Fatalf("%v: exit code %d, want %d\n%s%s", args, got, want, out, talk)
		}
		if strings.Contains(out+talk, code) {
			t.Errorf("%v repeats the code", args)
		}
		return out, talk
	}
	code := w.recoveryCode()
	if out, _ := w.as("next", 0, "read"); strings.Contains(out, masked) {
		t.Fatal("the next practice sees it without the code")
	}
	w.as("next", 20, "write", w.file("summary.json"))

	// A slip of the pen is named; a code of another card opens what the role opens, and says so.
	groups := strings.Fields(code)
	slip := []byte(groups[2])
	slip[5] = '0' + (slip[5]-'0'+1)%10
	_, talk := with(strings.Join(append(append([]string{}, groups[0], groups[1], string(slip)), groups[3:]...), " "), 21, "read", "--json")
	if !strings.Contains(talk, `"name":"recovery-code"`) || !strings.Contains(talk, "group 3") || strings.Contains(talk, string(slip)) {
		t.Errorf("stderr %s", talk)
	}
	groups[0], groups[1] = groups[1], groups[0]
	with(strings.Join(groups, " "), 21, "read")
	with("123456", 21, "read")
	stranger := trust.NewRecoveryCode().String()
	out, _ := with(stranger, 0, "read", "--json")
	if d := unmarshal[readDocument](w, out); d.Record.Clearance != "clinical" || strings.Contains(out, masked) {
		t.Errorf("a code of another card: clearance %s", d.Record.Clearance)
	}
	with(stranger, 20, "card", "reseal")
	with(stranger, 20, "write", w.file("summary.json"))

	out, _ = with(code, 0, "read", "--json")
	if d := unmarshal[readDocument](w, out); d.Record.Clearance != "masked" || d.Record.OpenedWith != "recovery" || d.MayBeIncomplete || !strings.Contains(out, masked) {
		t.Errorf("the code opens to %s with %s", d.Record.Clearance, d.Record.OpenedWith)
	}
	with(code, 0, "card", "reseal")
	if d := w.read("next", 0); d.Record.Clearance != "masked" || d.Record.OpenedWith != "practice" {
		t.Errorf("after sealing again: clearance %s with %s", d.Record.Clearance, d.Record.OpenedWith)
	}
	if d := w.read("gp", 0); d.Record.Clearance != "masked" {
		t.Errorf("the first practice lost the card: %s", d.Record.Clearance)
	}
	out, _ = w.as("next", 0, "write", w.file("summary.json"), "--json")
	if d := unmarshal[written](w, out); d.Seq != 2 {
		t.Errorf("number %d", d.Seq)
	}
	d := w.read("gp", 0)
	if d.Record.Dropped != nil || d.Signer.Name != "Dr Lise MOREL" || d.Record.Clearance != "masked" {
		t.Errorf("the next practice's summary: %+v", d.Record)
	}
	with(code, 0, "read")

	// The second code takes the first one's place, in both slots.
	second := w.recoveryCode()
	if second == code {
		t.Fatal("the same code twice")
	}
	out, _ = with(code, 0, "read", "--json")
	if d := unmarshal[readDocument](w, out); d.Record.OpenedWith == "recovery" {
		t.Error("the first code still opens the card")
	}
	out, _ = with(second, 0, "read", "--json")
	if d := unmarshal[readDocument](w, out); d.Record.Clearance != "masked" {
		t.Error("the second code does not open the card")
	}
	first, err := trust.ParseRecoveryCode(code)
	if err != nil {
		t.Fatal(err)
	}
	reader := w.reader("gp")
	reader.Keys = recoveryKeysOf(t, first)
	for i, raw := range w.slots() {
		if shows(raw, w.content().Card, reader, "DURAND") {
			t.Errorf("the first code still opens slot %d", i)
		}
	}
	reader.Keys = recoveryKeysOf(t, mustCode(t, second))
	if !shows(w.content().Record, w.content().Card, reader, masked) {
		t.Error("the second code opens nothing in package record: the test above could not fail")
	}
}
