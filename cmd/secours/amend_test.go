package main

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

var amendDay = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// parseAmend is the command line of amend, up to where the signer is known.
func parseAmend(t *testing.T, l lang, role trust.Role, args ...string) (string, []problem, error) {
	t.Helper()
	a := &app{lang: l, now: func() time.Time { return amendDay }}
	c := &cobra.Command{}
	o := amendOptions{values: addAmendOptions(a, c)}
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	b, err := a.amendment(context.Background(), o)
	if err != nil {
		return "", nil, err
	}
	b.byRole(role)
	if err := b.content.Validate(); err != nil {
		t.Errorf("%v: the role's part is not valid: %v", args, err)
	}
	text, err := b.content.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text), b.assumed, nil
}

// Each line of options and the amendment that it stands for.
func TestAmendOptions(t *testing.T) {
	for _, test := range []struct {
		role    trust.Role
		args    []string
		want    string // without the schema
		assumed string
	}{
		{
			trust.RolePharmacist,
			[]string{"--add-medication", "paracétamol 1 g", "--code", "atc:N02BE01", "--dose", "1 comprimé si douleur", "--quantity", "16 comprimés"},
			`"add":{"medications":[{"product":{"text":"paracétamol 1 g","codes":[{"system":"atc","code":"N02BE01"}]},"dosage":{"text":"1 comprimé si douleur"},"status":"active","origin":"otc","dispensed":{"date":"2026-11-21","quantity":"16 comprimés"}}]}`,
			"add.medications[0].status add.medications[0].dispensed.date add.medications[0].origin",
		},
		{
			trust.RolePhysician,
			[]string{
				"--add-medication", "X 5 mg", "--origin", "prescribed", "--start", "2026-11", "--dispensed-on", "2026-11-20", "--quantity", "30",
				"--level", "clinical", "--code", "urn:oid:1.2.3:77", "--code", "cip:3400930000000",
			},
			`"add":{"medications":[{"level":"clinical","product":{"text":"X 5 mg","codes":[{"system":"urn:oid:1.2.3","code":"77"},{"system":"cip","code":"3400930000000"}]},"status":"active","origin":"prescribed","start":"2026-11","dispensed":{"date":"2026-11-20","quantity":30}}]}`,
			"add.medications[0].status",
		},
		{
			trust.RoleDentist,
			[]string{"--add-medication", "X"},
			`"add":{"medications":[{"product":{"text":"X"},"status":"active"}]}`,
			"add.medications[0].status",
		},
		{
			trust.RoleNurse,
			[]string{
				"--add-allergy", "amoxicilline", "--code", "atc:J01CA04", "--reaction", "urticaire", "--reaction", "œdème", "--criticality", "high",
				"--onset", "2012", "--note", "dit par la patiente",
			},
			`"add":{"allergies":[{"source":"reported","agent":{"text":"amoxicilline","codes":[{"system":"atc","code":"J01CA04"}]},"category":"medication","reactions":[{"text":"urticaire"},{"text":"œdème"}],"criticality":"high","basis":"reported","onset":"2012","note":"dit par la patiente"}]}`,
			"add.allergies[0].category add.allergies[0].source",
		},
		{
			trust.RolePhysician,
			[]string{"--add-allergy", "iode", "--code", "atc:V08AB02", "--category", "contrast"},
			`"add":{"allergies":[{"agent":{"text":"iode","codes":[{"system":"atc","code":"V08AB02"}]},"category":"contrast"}]}`,
			"",
		},
		// What was given is not taken to be of today.
		{trust.RolePharmacist, []string{"--add-vaccination", "grippe 2026"}, `"add":{"vaccinations":[{"vaccine":{"text":"grippe 2026"}}]}`, ""},
		{
			trust.RolePharmacist,
			[]string{"--add-vaccination", "grippe 2026", "--date", "2026-10-20"},
			`"add":{"vaccinations":[{"vaccine":{"text":"grippe 2026"},"date":"2026-10-20"}]}`, "",
		},
		{
			trust.RolePhysician,
			[]string{"--add-visit", "douleur thoracique", "--conclusion", "sans anomalie"},
			`"add":{"visits":[{"date":"2026-11-21","reason":{"text":"douleur thoracique"},"conclusion":{"text":"sans anomalie"}}]}`,
			"add.visits[0].date",
		},
		{
			trust.RolePhysician,
			[]string{"--add-alert", "anticoagulant: apixaban : matin et soir", "--priority", "critical"},
			`"add":{"alerts":[{"kind":"anticoagulant","priority":"critical","text":"apixaban : matin et soir"}]}`, "",
		},
		{
			trust.RoleNurse,
			[]string{"--add-measurement", "weight:72.50:kg", "--date", "2026-11-20"},
			`"add":{"measurements":[{"kind":"weight","value":72.50,"unit":"kg","date":"2026-11-20"}]}`, "",
		},
		{
			trust.RoleNurse,
			[]string{"--add-measurement", "ecg:rythme sinusal"},
			`"add":{"measurements":[{"kind":"ecg","value":"rythme sinusal","date":"2026-11-21"}]}`, "add.measurements[0].date",
		},
		{
			trust.RolePhysician,
			[]string{"--add-history", "asthme", "--onset", "1999", "--code", "cim10:J45", "--level", "masked"},
			`"add":{"history":[{"level":"masked","condition":{"text":"asthme","codes":[{"system":"cim10","code":"J45"}]},"onset":"1999"}]}`, "",
		},
		{
			trust.RolePhysician,
			[]string{"--stop-medication", "md12345", "--reason", "chute"},
			`"stop":[{"id":"md12345","date":"2026-11-21","reason":"chute"}]`, "stop[0].date",
		},
		{trust.RolePhysician, []string{"--stop-medication", "md12345", "--date", "2026-10"}, `"stop":[{"id":"md12345","date":"2026-10"}]`, ""},
		{trust.RoleNurse, []string{"--annotate", "ag1", "--note", "à revoir"}, `"annotate":[{"id":"ag1","note":"à revoir"}]`, ""},
		{
			trust.RolePharmacist,
			[]string{"--taken", "md1", "--value", "un jour sur deux", "--last", "2026-11-20"},
			`"taken":[{"id":"md1","value":"un jour sur deux","lastTaken":"2026-11-20"}]`, "",
		},
		{
			trust.RolePharmacist,
			[]string{"--dispensed", "md1", "--quantity", "2 boîtes", "--as", "Y générique", "--code", "cip:123"},
			`"dispensed":[{"id":"md1","date":"2026-11-21","quantity":"2 boîtes","as":{"text":"Y générique","codes":[{"system":"cip","code":"123"}]}}]`,
			"dispensed[0].date",
		},
		{trust.RolePharmacist, []string{"--retract", "md1", "--reason", "erreur"}, `"retract":[{"id":"md1","reason":"erreur"}]`, ""},
	} {
		got, assumed, err := parseAmend(t, en, test.role, test.args...)
		if err != nil {
			t.Errorf("%v: %v", test.args, err)
			continue
		}
		if want := `{"schema":"secours.amendment/1",` + test.want + `}`; got != want {
			t.Errorf("%v:\n got %s\nwant %s", test.args, got, want)
		}
		var paths []string
		for _, p := range assumed {
			paths = append(paths, p.Path)
		}
		if got := strings.Join(paths, " "); got != test.assumed {
			t.Errorf("%v: assumed %q, want %q", test.args, got, test.assumed)
		}
	}
}

// What cannot be meant is refused, in both languages, by the name of the option; what was typed is not repeated.
func TestAmendUsage(t *testing.T) {
	const clinical = "zolpidem"
	for want, args := range map[string][]string{
		"--stop-medication, --annotate":                                      {"--note", clinical},
		"--add-medication, --add-allergy;":                                   {"--add-medication", clinical, "--add-allergy", clinical},
		"--add-medication is given twice":                                    {"--add-medication", clinical, "--add-medication", clinical},
		"--dose is given twice":                                              {"--add-medication", clinical, "--dose", clinical, "--dose", clinical},
		"--dose is empty":                                                    {"--add-medication", clinical, "--dose", " "},
		"--reaction goes with --add-allergy, not with --add-medication":      {"--add-medication", clinical, "--reaction", clinical},
		"--dose goes with --add-medication, not with --file":                 {"--file", "x.json", "--dose", clinical},
		"--annotate wants --note":                                            {"--annotate", clinical},
		"--taken wants --value or --last":                                    {"--taken", clinical},
		"--dispensed wants --quantity":                                       {"--dispensed", clinical, "--as", clinical},
		"--as here":                                                          {"--dispensed", clinical, "--quantity", "1", "--code", "cip:1"},
		"--code: SYSTEM:CODE":                                                {"--add-medication", clinical, "--code", clinical},
		"--add-alert: KIND:":                                                 {"--add-alert", clinical},
		"--add-measurement: KIND:":                                           {"--add-measurement", "weight:"},
		"too many colons":                                                    {"--add-measurement", "other:a:b:" + clinical},
		"--date: wrong type: want a date":                                    {"--add-visit", clinical, "--date", clinical},
		"--date: no such date":                                               {"--add-visit", clinical, "--date", "2026-02-30"},
		"add.medications[0].origin: unknown value: want prescribed":          {"--add-medication", clinical, "--origin", clinical},
		"add.alerts[0].kind: unknown value: want anticoagulant":              {"--add-alert", clinical + ":" + clinical},
		"stop[0].id: character not allowed: want letters":                    {"--stop-medication", clinical + "!"},
		"add.history[0].level: contradiction: only the author of a base can": {"--add-history", clinical, "--level", "open"},
		"masked: nobody would see it":                                        {"--add-allergy", clinical, "--level", "masked"},
		"add.medications[0].product.codes[0].system: unknown value":          {"--add-medication", clinical, "--code", clinical + ":1"},
		"add.medications[0].product.text: too large":                         {"--add-medication", strings.Repeat(clinical, 30)},
		"add.medications[0].product.text: character not allowed":             {"--add-medication", clinical + "\x1b[2J"},
	} {
		_, _, err := parseAmend(t, en, trust.RolePhysician, args...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
			continue
		}
		var f *failure
		if !errors.As(err, &f) || f.code != exitGeneral || f.hint == "" {
			t.Errorf("%v: %+v", args, f)
		}
		_, _, french := parseAmend(t, fr, trust.RolePhysician, args...)
		if french == nil || french.Error() == err.Error() {
			t.Errorf("%v: not in French: %v", args, french)
		}
		if regexp.MustCompile(`\b(want|the|item|an|only)\b`).MatchString(french.Error()) {
			t.Errorf("%v: half in English: %v", args, french)
		}
		if strings.Contains(err.Error()+french.Error(), clinical) {
			t.Errorf("%v: the value is repeated: %v, %v", args, err, french)
		}
	}
	// Words that the shell took apart.
	_, _, talk := invokeText(t, "amend", "--add-medication", "X", clinical)
	if !strings.Contains(talk, "quotes") || strings.Contains(talk, clinical) {
		t.Errorf("%s", talk)
	}
}

func invokeText(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	code, out, talk := invoke(t, nil, args...)
	return code, string(out), string(talk)
}

func TestNearIDs(t *testing.T) {
	ids := map[string]string{"md3x1a2": "", "md3x1b2": "", "ag77777": "", "x": ""}
	for id, want := range map[string]string{
		"md3x1a3": "md3x1a2 md3x1b2", "MD3X1A2": "md3x1a2 md3x1b2", "mdx1a2": "md3x1a2 md3x1b2", "ag7777": "ag77777", "y": "", "amiodarone": "", "": "",
	} {
		if got := strings.Join(nearIDs(ids, id), " "); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

// clinic is a card with a sealed summary, and the homes of those who have to do with it.
type clinic struct {
	dir, image string
	authority  *trust.Authority
	gp         *trust.Identity
	keys       map[string]trust.PrivateKey
}

const clinicSummary = `{"schema":"secours.summary/1","language":"fr",
 "patient":{"ids":[{"system":"ins-nir","value":"248120000000152"}],"family":"DURAND","given":["Jeanne"],"birthDate":"1948-12-03","sex":"female"},
 "sections":{
  "allergies":{"status":"items","items":[{"id":"ag1","agent":{"text":"latex"}}]},
  "medications":{"status":"items","items":[{"id":"md10","product":{"text":"amiodarone 200 mg"},"status":"active"},
   {"id":"md11","product":{"text":"apixaban 5 mg"},"status":"active"}]},
  "history":{"status":"items","items":[{"id":"hx1","condition":{"text":"fibrillation atriale"}},
   {"id":"hx2","condition":{"text":"dépression"},"level":"masked"}]}}}`

// newClinic writes the summary to a card of that size.
func newClinic(t *testing.T, size int) *clinic {
	t.Helper()
	dir := t.TempDir()
	c := &clinic{dir: dir, image: filepath.Join(dir, "card.img"), keys: map[string]trust.PrivateKey{}}
	var err error
	if c.authority, err = trust.NewAuthority("Root", trust.Ed25519, amendDay.AddDate(-1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	var recipients []record.Recipient
	for name, key := range map[string]trust.PrivateKey{
		"gp":       {Kind: trust.KeyPractice},
		"er":       {Kind: trust.KeyRole, Authority: "Root", Role: trust.RolePhysician, Epoch: 1},
		"pharmacy": {Kind: trust.KeyRole, Authority: "Root", Role: trust.RolePharmacist, Epoch: 1},
		"nurse":    {Kind: trust.KeyRole, Authority: "Root", Role: trust.RoleNurse, Epoch: 1},
	} {
		if key.Opening, err = ecdh.X25519().GenerateKey(rand.Reader); err != nil {
			t.Fatal(err)
		}
		c.keys[name] = key
		recipients = append(recipients, record.Recipient{Kind: key.Kind, Clearance: key.Role.Clearance(), Key: key.Opening.PublicKey()})
	}
	c.gp = c.home(t, "gp", trust.Subject{Name: "Dr Paul LEROY", Role: trust.RolePhysician}, c.keys["gp"])
	c.home(t, "er", trust.Subject{Name: "Dr Samira HADDAD", Role: trust.RolePhysician}, c.keys["er"])
	c.home(t, "pharmacy", trust.Subject{Name: "Claire DUBOIS", Organization: "Pharmacie DUBOIS", Role: trust.RolePharmacist}, c.keys["pharmacy"])
	c.home(t, "nurse", trust.Subject{Name: "Luc PETIT", Role: trust.RoleNurse}, c.keys["nurse"])
	c.home(t, "stranger", trust.Subject{Name: "Zoé NOIR", Role: trust.RolePharmacist})

	s, err := summary.Parse([]byte(clinicSummary))
	if err != nil {
		t.Fatal(err)
	}
	c.run(t, "gp", 0, "card", "init", "--size", strconv.Itoa(size))
	c.onCard(t, func(m card.Medium, content *card.Content) {
		raw, err := record.Write(record.Draft{
			Card: content.Card, Summary: s, Signer: c.gp, Seq: 1, Time: amendDay.AddDate(0, 0, -20), Suite: record.SuiteChaCha, Recipients: recipients,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := content.Replace(m, raw); err != nil {
			t.Fatal(err)
		}
	})
	return c
}

func (c *clinic) home(t *testing.T, name string, who trust.Subject, keys ...trust.PrivateKey) *trust.Identity {
	t.Helper()
	h := home(filepath.Join(c.dir, name))
	id, err := c.authority.NewIdentity(who, trust.Ed25519, amendDay.AddDate(0, -1, 0))
	if err != nil {
		t.Fatal(err)
	}
	file, err := id.PKCS12("")
	if err != nil {
		t.Fatal(err)
	}
	store := &trust.Store{Updated: amendDay}
	store.Anchors = []trust.Anchor{{Name: "Root", Certificate: c.authority.Certificate}}
	sealed, err := (&trust.Keystore{Keys: keys}).Seal("")
	if err := errors.Join(err, h.saveIdentity(file, id.Certificate), h.saveTrust(store), writeFile(h.file(keysFile), sealed, 0o600)); err != nil {
		t.Fatal(err)
	}
	return id
}

func (c *clinic) run(t *testing.T, name string, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	code, out, talk := invokeText(t, append([]string{"--home", filepath.Join(c.dir, name), "--card", "sim:" + c.image}, args...)...)
	if code != want {
		t.Fatalf("%s %v: exit code %d, want %d\n%s", name, args, code, want, talk)
	}
	return out, talk
}

func (c *clinic) onCard(t *testing.T, f func(card.Medium, *card.Content)) {
	t.Helper()
	simulated, err := sim.Open(c.image, sim.Session{})
	if err != nil {
		t.Fatal(err)
	}
	defer simulated.Close()
	application, err := card.Select(context.Background(), simulated)
	if err != nil {
		t.Fatal(err)
	}
	m := application.Medium(context.Background())
	content, err := card.Read(m)
	if err != nil {
		t.Fatal(err)
	}
	f(m, content)
}

// read is the record as the home's keys open it.
func (c *clinic) read(t *testing.T, name string) (r *record.Record) {
	t.Helper()
	c.onCard(t, func(_ card.Medium, content *card.Content) {
		store, err := home(filepath.Join(c.dir, name)).trust()
		if err != nil {
			t.Fatal(err)
		}
		reader := record.Reader{Trust: store, Keys: []trust.PrivateKey{c.keys[name]}, Now: amendDay}
		if r, err = record.Read(content.Record, content.Card, reader); err != nil {
			t.Fatal(err)
		}
	})
	return r
}

func (c *clinic) amend(t *testing.T, name string, args ...string) (d amended) {
	t.Helper()
	out, _ := c.run(t, name, 0, append([]string{"amend", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return d
}

// A pharmacist's addition is on the card under her name, and what the document says of it is true.
func TestAmend(t *testing.T) {
	c := newClinic(t, 8192)
	d := c.amend(t, "pharmacy", "--add-medication", "paracétamol 1 g", "--patient", "ins-nir:248120000000152")
	r := c.read(t, "pharmacy")
	if d.Schema != "secours.amend/1" || d.Outcome != "written" || d.Head != hex.EncodeToString(r.Head[:]) || d.Seq != 2 ||
		d.Signer.Name != "Claire DUBOIS" || d.Signer.Role != trust.RolePharmacist || d.RecordBytes != r.Size || d.Capacity < d.RecordBytes {
		t.Errorf("%+v", d)
	}
	if len(d.Items) != 1 || d.Items[0].Operation != summary.OpAdd || d.Items[0].Section != "medications" {
		t.Fatalf("items %+v", d.Items)
	}
	if len(d.Amendments) != 1 || d.Amendments[0] != (amendedLevel{r.Amendments[0].ID, summary.LevelCare}) {
		t.Errorf("amendments %+v", d.Amendments)
	}
	items := r.Summary.Sections.Medications.Items
	last := items[len(items)-1]
	if last.ID != d.Items[0].ID || last.Product.Text != "paracétamol 1 g" || last.By.Name != "Claire DUBOIS" || last.Origin != summary.OriginOTC {
		t.Errorf("on the card: %+v", last)
	}
	// Two levels are two amendments; what is above the nurse is not in her reading.
	file := filepath.Join(c.dir, "both.json")
	both := `{"schema":"secours.amendment/1","add":{"visits":[{"date":"2026-11-21","reason":{"text":"chute"}}]},"stop":[{"id":"md10","date":"2026-11-21"}]}`
	if err := os.WriteFile(file, []byte(both), 0o600); err != nil {
		t.Fatal(err)
	}
	d = c.amend(t, "er", "--file", file, "--expect-head", d.Head, "--on-behalf-of", "Dr Jean NOIR")
	if len(d.Amendments) != 2 || d.Amendments[0].Level != summary.LevelCare || d.Amendments[1].Level != summary.LevelClinical || len(d.Items) != 2 ||
		d.Items[0].Section != "visits" || d.Items[1] != (amendedItem{summary.OpStop, "medications", "md10"}) {
		t.Errorf("%+v", d)
	}
	if r := c.read(t, "nurse"); r.Summary.Sections.Medications.Items[0].Status != summary.MedicationStopped || r.Summary.Sections.Visits != nil {
		t.Errorf("the nurse reads %+v", r.Summary.Sections)
	}
	if r := c.read(t, "gp"); r.Amendments[1].OnBehalfOf != "Dr Jean NOIR" || r.Summary.Sections.Visits.Items[0].By.Name != "Dr Samira HADDAD" {
		t.Errorf("the practice reads %+v", r.Amendments)
	}
	// Only K3 masks.
	d = c.amend(t, "gp", "--add-history", "addiction", "--level", "masked")
	if d.Amendments[0].Level != summary.LevelMasked || c.read(t, "er").Summary.Sections.History == nil {
		t.Errorf("%+v", d)
	}
	for _, item := range c.read(t, "er").Summary.Sections.History.Items {
		if item.ID == d.Items[0].ID {
			t.Error("masked, and read without K3")
		}
	}
	// The same again adds nothing, and says so.
	if d := c.amend(t, "pharmacy", "--add-medication", "paracétamol 1 g"); len(d.Items) != 0 || !slices.ContainsFunc(d.Warnings, func(p problem) bool { return p.Path == "add" }) {
		t.Errorf("%+v", d)
	}
}

// For a person: who signed, what it is called, and who will see it.
func TestAmendText(t *testing.T) {
	c := newClinic(t, 8192)
	out, talk := c.run(t, "pharmacy", 0, "--lang", "fr", "amend", "--add-allergy", "amoxicilline", "--code", "atc:J01CA04")
	if !regexp.MustCompile(`(?s)^Signé par Claire DUBOIS, pharmacien\(ne\), écrit et relu : \d+ octets sur \d+\.\n +patient +DURAND Jeanne, 1948-12-03\n +ajouté +ag\w{5} \(ALLERGIES\)\n +ajout [0-9a-f]{8} +visible pour : médecins, urgences, pharmaciens`).MatchString(out) {
		t.Errorf("%s", out)
	}
	if !strings.Contains(talk, "add.allergies[0].source : reported, faute") || !strings.Contains(talk, "add.allergies[0].category : medication") {
		t.Errorf("what was assumed is not said: %s", talk)
	}
	if strings.Contains(out+talk, "amoxicilline") {
		t.Errorf("%s%s", out, talk)
	}
}

func TestAmendDryRun(t *testing.T) {
	c := newClinic(t, 8192)
	before, err := os.ReadFile(c.image)
	if err != nil {
		t.Fatal(err)
	}
	d := c.amend(t, "pharmacy", "--add-medication", "paracétamol 1 g", "--dry-run")
	if d.Outcome != "dry-run" || d.Head != "" || len(d.Items) != 1 || len(d.Amendments) != 1 || d.Amendments[0].ID != "" || d.RecordBytes == 0 {
		t.Errorf("%+v", d)
	}
	if out, _ := c.run(t, "pharmacy", 0, "amend", "--add-medication", "paracétamol 1 g", "--dry-run"); !strings.Contains(out, "Nothing was written") {
		t.Errorf("%s", out)
	}
	if r := c.read(t, "pharmacy"); len(r.Amendments) != 0 {
		t.Errorf("a dry run wrote: %+v", r.Amendments)
	}
	if after, err := os.ReadFile(c.image); err != nil || !bytes.Equal(before, after) {
		t.Errorf("a dry run changed the card (%v)", err)
	}
}

// Everything that stops an amendment: its exit code, its name, its path; and the card stays as it was, in the words of the screen too.
func TestAmendGuards(t *testing.T) {
	c := newClinic(t, 8192)
	head := hex.EncodeToString(make([]byte, 16))
	file := filepath.Join(c.dir, "bad.json")
	if err := os.WriteFile(file, []byte(`{"schema":"secours.amendment/1","stop":[{"id":"md10"},{"id":"md10"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	before := c.read(t, "gp").Head
	for _, test := range []struct {
		home    string
		args    []string
		code    int
		name    string
		path    string
		mention string
	}{
		{"pharmacy", []string{"--stop-medication", "md10"}, exitNotAuthorised, "role", "stop[0]", "pharmacist does not allow this: to stop, medications"},
		{"pharmacy", []string{"--retract", "md10"}, exitNotAuthorised, "role", "retract[0]", "only who added"},
		{"pharmacy", []string{"--annotate", "ag1", "--note", "X"}, exitNotAuthorised, "role", "annotate[0]", "to annotate, allergies"},
		{"pharmacy", []string{"--add-history", "asthme", "--level", "care"}, exitNotAuthorised, "role", "add.history[0]", "to add, history"},
		{"pharmacy", []string{"--add-medication", "X", "--origin", "prescribed"}, exitNotAuthorised, "role", "add.medications[0]", "prescriber"},
		{"nurse", []string{"--add-medication", "X"}, exitNotAuthorised, "role", "add.medications[0]", "nurse"},
		{"pharmacy", []string{"--add-medication", "X", "--level", "clinical"}, exitNotAuthorised, "clearance", "add.medications[0].level", "--level"},
		{"pharmacy", []string{"--add-visit", "X"}, exitNotAuthorised, "role", "add.visits[0]", "the physician says it"},
		{"er", []string{"--add-history", "X", "--level", "masked"}, exitNotAuthorised, "clearance", "add.history[0].level", "masked"},
		{"stranger", []string{"--add-medication", "X"}, exitNotAuthorised, "clearance", "", "keys import"},
		{"er", []string{"--stop-medication", "md12"}, exitGeneral, "unknown-item", "stop[0].id", "md10, md11"},
		{"er", []string{"--stop-medication", "amiodarone"}, exitGeneral, "unknown-item", "stop[0].id", "read --json"},
		{"er", []string{"--stop-medication", "ag1"}, exitGeneral, "not-a-medication", "stop[0].id", "--annotate"},
		{"pharmacy", []string{"--taken", "ag1", "--value", "X"}, exitGeneral, "not-a-medication", "taken[0].id", "--annotate"},
		// It is there, and above the pharmacist.
		{"pharmacy", []string{"--annotate", "hx1", "--note", "X"}, exitGeneral, "unknown-item", "annotate[0].id", "this role"},
		{"er", []string{"--annotate", "hx2", "--note", "X"}, exitGeneral, "unknown-item", "annotate[0].id", "this role"},
		{"pharmacy", []string{"--add-medication", "X", "--patient", "ins-nir:1"}, exitWrongPatient, "wrong-patient", "patient.ids", ""},
		{"pharmacy", []string{"--add-medication", "X", "--patient", "ins-nir"}, exitGeneral, "usage", "", "--patient"},
		{"pharmacy", []string{"--add-medication", "X", "--expect-head", head}, exitConflict, "conflict", "", ""},
		{"pharmacy", []string{"--add-medication", "X", "--expect-head", "12"}, exitGeneral, "usage", "", "--expect-head"},
		{"er", []string{"--file", file}, exitGeneral, "invalid-amendment", "stop[1].id", "duplicate"},
		{"er", []string{"--file", filepath.Join(c.dir, "none.json")}, exitGeneral, "no-file", "", ""},
	} {
		_, talk := c.run(t, test.home, test.code, append([]string{"amend", "--json"}, test.args...)...)
		var got struct {
			Code                      int
			Name, Message, Hint, Path string
		}
		if err := json.Unmarshal([]byte(talk), &got); err != nil {
			t.Errorf("%s %v: %v: %s", test.home, test.args, err, talk)
			continue
		}
		if got.Code != test.code || got.Name != test.name || got.Path != test.path || !strings.Contains(got.Message+got.Hint, test.mention) {
			t.Errorf("%s %v: %+v", test.home, test.args, got)
		}
		if strings.Contains(talk, "amiodarone") {
			t.Errorf("%s %v: a clinical value: %s", test.home, test.args, talk)
		}
	}
	if c.read(t, "gp").Head != before {
		t.Error("the card changed")
	}
}

// noise is a text of 2n characters that does not compress.
func noise(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// A card without a summary, one to which nothing can be added, and one that is full.
func TestAmendCards(t *testing.T) {
	c := newClinic(t, 8192)
	add := []string{"amend", "--add-medication", "X"}
	full := newClinic(t, 7168)
	for n := 0; ; n++ {
		if n == 30 {
			t.Fatal("the card does not fill up")
		}
		code, _, talk := invokeText(t, append([]string{"--home", filepath.Join(full.dir, "pharmacy"), "--card", "sim:" + full.image},
			"amend", "--add-medication", noise(75), "--dose", noise(140))...)
		if code == 0 {
			continue
		}
		if code != exitNoSpace || !regexp.MustCompile(`\d+ bytes are missing; nothing was written`).MatchString(talk) || !strings.Contains(talk, "--amendments accept") {
			t.Errorf("%d %s", code, talk)
		}
		if r := full.read(t, "pharmacy"); len(r.Summary.Sections.Medications.Items) != 2+n {
			t.Errorf("%d medications after %d amendments", len(r.Summary.Sections.Medications.Items), n)
		}
		break
	}
	_, talk := full.run(t, "pharmacy", exitNoSpace, "amend", "--dry-run", "--add-medication", noise(75), "--dose", noise(140))
	if !strings.Contains(talk, "bytes are missing") {
		t.Errorf("%s", talk)
	}

	c.onCard(t, func(m card.Medium, content *card.Content) {
		raw := bytes.Clone(content.Record)
		raw[len(raw)-1] ^= 1
		if _, err := content.Replace(m, raw); err != nil {
			t.Fatal(err)
		}
	})
	_, talk = c.run(t, "gp", exitInvalid, add...)
	if !strings.Contains(talk, "nothing was written") {
		t.Errorf("%s", talk)
	}
	c.run(t, "gp", 0, "card", "init", "--erase")
	c.run(t, "pharmacy", exitNoCard, add...)
	_, talk = c.run(t, "nurse", exitGeneral, "amend", "--file", "-", "--passphrase-stdin")
	if !strings.Contains(talk, "standard input cannot give both") {
		t.Errorf("%s", talk)
	}
}

// A state that is not the last one is not built on where the loss shows, and not in silence where only this home knows.
func TestAmendOlderState(t *testing.T) {
	c := newClinic(t, 8192)
	image, err := os.ReadFile(c.image)
	if err != nil {
		t.Fatal(err)
	}
	c.amend(t, "pharmacy", "--add-medication", "X")
	c.onCard(t, func(m card.Medium, content *card.Content) {
		memory := make([]byte, m.Size())
		if _, err := m.ReadAt(memory, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := m.WriteAt(make([]byte, 64), int64(bytes.Index(memory, content.Record))); err != nil {
			t.Fatal(err)
		}
	})
	if _, talk := c.run(t, "pharmacy", exitInvalid, "amend", "--add-medication", "Y"); !strings.Contains(talk, "not the last summary") {
		t.Errorf("%s", talk)
	}
	if err := os.WriteFile(c.image, image, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"pharmacy": true, "nurse": false} {
		_, talk := c.run(t, name, 0, "amend", "--add-vaccination", "Y", "--dry-run")
		if strings.Contains(talk, "newer state of this card") != want {
			t.Errorf("%s: %s", name, talk)
		}
	}
}

// What is not sealed on a real card is not added to.
func TestAmendUnsealed(t *testing.T) {
	c := newClinic(t, 8192)
	c.run(t, "gp", 0, "card", "init", "--erase")
	s, err := summary.Parse([]byte(clinicSummary))
	if err != nil {
		t.Fatal(err)
	}
	c.onCard(t, func(m card.Medium, content *card.Content) {
		raw, err := record.Write(record.Draft{Card: content.Card, Summary: s, Signer: c.gp, Seq: 1, Time: amendDay})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := content.Replace(m, raw); err != nil {
			t.Fatal(err)
		}
	})
	for simulated, want := range map[bool]int{false: exitNotAuthorised, true: 0} {
		var out, talk bytes.Buffer
		a := newApp()
		a.in, a.out, a.err, a.getenv, a.now = nil, &out, &talk, func(string) string { return "" }, func() time.Time { return amendDay }
		a.connection = func(ctx context.Context) (*connection, error) {
			connected, err := a.connect(ctx)
			if err == nil {
				connected.simulated = simulated
			}
			return connected, err
		}
		args := []string{"--home", filepath.Join(c.dir, "stranger"), "--card", "sim:" + c.image, "amend", "--add-medication", "X"}
		if code := execute(context.Background(), args, a); code != want {
			t.Errorf("simulated %v: %d, want %d: %s", simulated, code, want, talk.String())
		}
	}
}

// Who signs is looked at before the card: a certificate that is out of date, and an authority that nobody here knows.
func TestAmendSigner(t *testing.T) {
	c := newClinic(t, 8192)
	late := newApp()
	var out, talk bytes.Buffer
	late.in, late.out, late.err, late.getenv = nil, &out, &talk, func(string) string { return "" }
	late.now = func() time.Time { return amendDay.AddDate(20, 0, 0) }
	args := []string{"--home", filepath.Join(c.dir, "pharmacy"), "--card", "sim:absent.img", "amend", "--add-medication", "X"}
	if code := execute(context.Background(), args, late); code != exitSigner || !strings.Contains(talk.String(), "valid only from") {
		t.Errorf("%d %s", code, talk.String())
	}
	h := home(filepath.Join(c.dir, "pharmacy"))
	other, err := trust.NewAuthority("Other", trust.Ed25519, amendDay.AddDate(-1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	id, err := other.NewIdentity(trust.Subject{Name: "Ève BLANC", Role: trust.RolePharmacist}, trust.Ed25519, amendDay.AddDate(0, -1, 0))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := id.PKCS12("")
	if err := errors.Join(err, h.saveIdentity(sealed, id.Certificate)); err != nil {
		t.Fatal(err)
	}
	talk.Reset()
	if code := execute(context.Background(), args, late); code != exitSigner || !strings.Contains(talk.String(), "valid only from") {
		t.Errorf("nobody's certificate: %d %s", code, talk.String())
	}
	stdout, warned := c.run(t, "pharmacy", 0, "amend", "--add-medication", "X", "--json")
	if !strings.Contains(warned, "not in this home's trust") {
		t.Errorf("%s", warned)
	}
	var d amended
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || len(d.Items) != 1 {
		t.Errorf("%v %s", err, stdout)
	}
}
