package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// write writes as the treating physician and returns what it says.
func (w *ward) write(file string, args ...string) *written {
	w.Helper()
	out, _ := w.as("gp", 0, append([]string{"write", file, "--json"}, args...)...)
	return unmarshal[written](w, out)
}

// outcomes are what became of what others had said, by item.
func (r *written) outcomes() map[string]string {
	list := map[string]string{}
	for _, m := range r.Amendments {
		list[m.ID] = m.Outcome
	}
	return list
}

// amended is a ward whose pharmacist added a medication and an allergy, and said what is taken of another; with the ids of the two.
func amendedWard(t *testing.T) (w *ward, medication, allergy string) {
	t.Helper()
	w = newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	w.as("pharmacy", 0, "amend", "--file", w.file("amendment.json"))
	w.as("pharmacy", 0, "amend", "--add-allergy", "pénicilline G")
	d := w.read("gp", 0)
	medication = d.Summary.Sections.Medications.Items[7].ID
	allergy = d.Summary.Sections.Allergies.Items[4].ID
	return w, medication, allergy
}

func (w *ward) medication(id string) *summary.Medication {
	w.Helper()
	_, item, _ := w.read("gp", 0).Summary.Find(id)
	m, _ := item.(*summary.Medication)
	return m
}

// screen is what the emergency service sees, on one line.
func (w *ward) screen() string {
	w.Helper()
	out, _ := w.as("emergency", 0, "read", "--lang", "fr")
	return strings.Join(strings.Fields(out), " ")
}

// Software that does not know of an amendment loses nothing of it, however often it writes.
func TestCarryKeepsWhatOthersSaid(t *testing.T) {
	w, medication, allergy := amendedWard(t)
	w.as("emergency", 0, "amend", "--stop-medication", "c5", "--reason", "hépatite")
	w.as("emergency", 0, "amend", "--annotate", "d1", "--note", "cardioversion faite ce jour")
	w.as("emergency", 0, "amend", "--dispensed", "c2", "--quantity", "30 comprimés")
	for round := range 3 {
		r := w.write(w.file("summary.json"))
		if len(r.Amendments) != 6 {
			t.Errorf("round %d: %+v", round, r.Amendments)
		}
		for _, m := range r.Amendments {
			want := "Claire DUBOIS"
			if slices.Contains([]string{"c5", "d1", "c2"}, m.ID) {
				want = "Dr Samira HADDAD"
			}
			if m.Outcome != carriedKept || m.By != want {
				t.Errorf("round %d: %+v", round, m)
			}
		}
		d := w.read("gp", 0)
		if len(d.Record.Amendments) != 0 {
			t.Error("the amendments themselves are still there")
		}
		for _, id := range []string{medication, allergy} {
			_, _, c := d.Summary.Find(id)
			if c == nil || c.Unreviewed != summary.Yes || c.By.Name != "Claire DUBOIS" {
				t.Fatalf("round %d: %s: %+v", round, id, c)
			}
		}
		if m := w.medication("c6"); m.Taken.Value != "n'en prend plus, sur notre conseil" {
			t.Errorf("round %d: taken %+v", round, m.Taken)
		}
		if m := w.medication("c5"); m.Status != summary.MedicationStopped || m.StopReason != "hépatite" || m.End != dateOf(w.now) {
			t.Errorf("round %d: the line that was stopped is %s again", round, m.Status)
		}
		if m := w.medication("c2"); fmt.Sprint(m.Dispensed.Quantity) != fmt.Sprint(summary.Value{Text: "30 comprimés"}) {
			t.Errorf("round %d: dispensed %+v", round, m.Dispensed)
		}
		screen := w.screen()
		for _, s := range []string{
			"pénicilline G", "ajouté par Claire DUBOIS", "NON REVU PAR LE MÉDECIN", "« n'en prend plus, sur notre conseil »",
			"« cardioversion faite ce jour »", "ARRÊTÉ 21/11/2026 DOLIPRANE 1000 mg", "hépatite",
		} {
			if !strings.Contains(screen, s) {
				t.Errorf("round %d: the screen does not say %q", round, s)
			}
		}
		if n := strings.Count(screen, "cardioversion faite ce jour"); n != 1 {
			t.Errorf("round %d: the note is there %d times", round, n)
		}
	}
}

func TestCarryAccepts(t *testing.T) {
	for name, first := range map[string][]string{"at once": nil, "after it was kept": {"keep"}} {
		t.Run(name, func(t *testing.T) {
			w, medication, allergy := amendedWard(t)
			for range first {
				w.write(w.file("summary.json"))
			}
			r := w.write(w.file("summary.json"), "--amendments", allergy)
			if got := r.outcomes(); got[allergy] != carriedAccepted || got[medication] != carriedKept || got["c6"] != carriedKept {
				t.Errorf("%v", got)
			}
			_, _, c := w.read("gp", 0).Summary.Find(allergy)
			if c.Unreviewed == summary.Yes || c.By.Name != "" {
				t.Errorf("the accepted item is still another's: %+v", c)
			}
			r = w.write(w.save("own.json", w.read("gp", 0).Summary), "--amendments", "accept")
			if got := r.outcomes(); got[medication] == carriedKept {
				t.Errorf("%v", got)
			}
			d := w.read("gp", 0)
			if ids := pending(d.Summary); len(ids) > 0 {
				t.Errorf("still not reviewed: %v", ids)
			}
			if m := w.medication("c6"); m.Taken.Value != "n'en prend plus, sur notre conseil" {
				t.Errorf("accepted, and lost: %+v", m.Taken)
			}
			// What was accepted is the physician's own: his next file decides, but an allergy does not go without a word.
			if _, talk := w.as("gp", 1, "write", w.file("summary.json"), "--json"); !strings.Contains(talk, `"name":"critical-removed"`) || !strings.Contains(talk, allergy) {
				t.Errorf("%s", talk)
			}
			if r = w.write(w.file("summary.json"), "--remove", allergy); len(r.Amendments) != 0 || len(r.Removed) == 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestCarryDiscards(t *testing.T) {
	for name, first := range map[string][]string{"at once": nil, "after it was kept": {"keep"}} {
		t.Run(name, func(t *testing.T) {
			w, medication, allergy := amendedWard(t)
			for range first {
				w.write(w.file("summary.json"))
			}
			w.as("gp", 1, "write", w.file("summary.json"), "--discard", "nosuch")
			w.as("gp", 1, "write", w.file("summary.json"), "--amendments", "nosuch")
			r := w.write(w.file("summary.json"), "--discard", medication+",c6")
			if got := r.outcomes(); got[medication] != carriedDiscarded || got["c6"] != carriedDiscarded || got[allergy] != carriedKept {
				t.Errorf("%v", got)
			}
			s := w.read("gp", 0).Summary
			if _, _, c := s.Find(medication); c != nil {
				t.Error("the discarded item is there")
			}
			if m := w.medication("c6"); m.Taken.Value != "de temps en temps, pour le dos" || len(m.Remarks) != 0 {
				t.Errorf("the discarded intake is there: %+v %v", m.Taken, m.Remarks)
			}
		})
	}
}

// What others say of a line that the physician's file does not have brings the line back, as it stood.
func TestCarryBringsBackTheLine(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	w.as("emergency", 0, "amend", "--stop-medication", "c5", "--reason", "hépatite")
	without := w.edit("without.json", func(s *summary.Summary) {
		s.Sections.Medications.Items = slices.Delete(s.Sections.Medications.Items, 4, 5)
	})
	for range 2 {
		w.write(without)
		m := w.medication("c5")
		if m == nil || m.Status != summary.MedicationStopped || m.Unreviewed != summary.Yes || m.By.Name != "Dr Paul LEROY" ||
			len(m.Remarks) != 1 || m.Remarks[0].By.Name != "Dr Samira HADDAD" {
			t.Fatalf("%+v", m)
		}
	}
	if s := w.screen(); strings.Contains(s, "un auteur inconnu") {
		t.Errorf("the physician's own line has no author:\n%s", s)
	}
	// Accepted, it is the physician's own stopped line, and his next file decides.
	w.write(without, "--amendments", "c5")
	if m := w.medication("c5"); m == nil || m.Unreviewed == summary.Yes || len(m.Remarks) > 0 {
		t.Errorf("accepted: %+v", m)
	}
	w.write(without)
	if w.medication("c5") != nil {
		t.Error("the line comes back for ever")
	}
}

// A line holds so many remarks; one more is not lost, but asks the physician.
func TestCarryLosesNoRemark(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	for i := range summary.MaxRemarks {
		w.as("emergency", 0, "amend", "--annotate", "a1", "--note", fmt.Sprintf("remarque %d", i))
		w.write(w.file("summary.json"))
	}
	w.as("emergency", 0, "amend", "--annotate", "a1", "--note", "une de trop")
	_, talk := w.as("gp", 15, "write", w.file("summary.json"), "--json")
	if !strings.Contains(talk, `"name":"too-many-remarks"`) {
		t.Error(talk)
	}
	if !strings.Contains(w.screen(), "une de trop") {
		t.Error("it is lost")
	}
	w.write(w.file("summary.json"), "--amendments", "a1")
	if strings.Contains(w.screen(), "remarque 1") {
		t.Error("accepted remarks are still there")
	}
}

// An amendment that cannot be applied is not written over without a word.
func TestRefusedAmendmentBlocksTheWrite(t *testing.T) {
	w := newWard(t)
	w.practice("far", trust.Subject{Name: "Jean PETIT", ID: "899700000059", Organization: "Pharmacie PETIT", Role: trust.RolePharmacist}, trust.RolePharmacist, false)
	w.as("gp", 0, "write", w.file("summary.json"))
	w.as("far", 0, "amend", "--add-allergy", "pénicilline G")
	d := w.read("gp", 15)
	if len(d.Record.Amendments) != 1 || d.Record.Amendments[0].State != record.AmendmentApart || d.Record.Amendments[0].Verdict.Reason != record.ReasonUnknownIssuer {
		t.Fatalf("%+v", d.Record.Amendments)
	}
	id := d.Record.Amendments[0].ID
	if len(d.Summary.Sections.Allergies.Items) != 4 || d.Unverified[id] == nil {
		t.Error("it is part of the summary, or not shown at all")
	}
	for _, args := range [][]string{nil, {"--amendments", "accept"}, {"--amendments", id}, {"--if-changed"}} {
		_, talk := w.as("gp", 15, append([]string{"write", w.file("summary.json"), "--json"}, args...)...)
		if !strings.Contains(talk, `"name":"amendment-apart"`) || !strings.Contains(talk, id) || strings.Contains(talk, "pénicilline") {
			t.Errorf("%v: %s", args, talk)
		}
	}
	w.as("emergency", 20, "write", w.file("summary.json"))
	r := w.write(w.file("summary.json"), "--discard", id)
	if len(r.Amendments) != 1 || r.Amendments[0].Outcome != carriedDiscarded || r.Amendments[0].Amendment != id {
		t.Errorf("%+v", r.Amendments)
	}
	w.read("gp", 0)
}

// A record that nobody vouches for can say anything in anybody's name. The next physician does not sign that unseen.
func TestCarryTakesNobodysWord(t *testing.T) {
	w := newWard(t)
	far := w.practice("far", trust.Subject{Name: "Dr Jean PETIT", ID: "899700000067", Role: trust.RolePhysician}, trust.RolePhysician, false)
	w.edit("forged.json", func(s *summary.Summary) {
		s.Sections.Medications.Items = append(s.Sections.Medications.Items, summary.Medication{
			Common:  summary.Common{ID: "z1", Unreviewed: summary.Yes, By: summary.Author{Name: "Claire DUBOIS", Role: "pharmacist"}},
			Product: summary.Concept{Text: "digoxine 0,25 mg"}, Status: summary.MedicationActive,
		})
	})
	s, err := summary.Parse(w.bytes("forged.json"))
	if err != nil {
		t.Fatal(err)
	}
	// Whoever knows the public keys can seal a record for this card.
	var recipients []record.Recipient
	store := w.reader("gp").Trust
	for _, k := range store.SealingKeys() {
		recipients = append(recipients, record.Recipient{Kind: trust.KeyRole, Clearance: k.Clearance, Key: k.Public})
	}
	for _, k := range w.reader("gp").Keys {
		if k.Kind == trust.KeyPractice {
			recipients = append(recipients, record.Recipient{Kind: trust.KeyPractice, Key: k.Opening.PublicKey()})
		}
	}
	w.as("gp", 0, "write", w.file("summary.json"))
	raw, err := record.Write(record.Draft{
		Card: w.content().Card, Summary: s, Signer: far, Seq: 7, Time: w.now, Suite: record.SuiteChaCha, Recipients: recipients,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.plant(raw)
	w.read("gp", 15)
	_, talk := w.as("gp", 15, "write", w.file("summary.json"), "--json")
	if !strings.Contains(talk, `"name":"unverified-item"`) || !strings.Contains(talk, "z1") || strings.Contains(talk, "digoxine") {
		t.Error(talk)
	}
	w.write(w.file("summary.json"), "--discard", "z1")
	if strings.Contains(w.screen(), "digoxine") {
		t.Error("signed all the same")
	}
}

// A write that takes something away and is cut short is done again, whole, by the next one.
func TestCutShortErasingIsDoneAgain(t *testing.T) {
	const secret = "fibrillation atriale permanente"
	for _, again := range [][]string{{"write"}, {"write", "--if-changed"}, {"amend"}, {"reseal"}} {
		t.Run(strings.Join(again, " "), func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			w.as("gp", 0, "write", w.file("summary.json"))
			masked := w.edit("masked.json", func(s *summary.Summary) { s.Sections.History.Items[0].Level = summary.LevelMasked })
			old, image := w.content().Record, w.bytes("card.img")
			visible := func() bool {
				return slices.ContainsFunc(w.slots(), func(raw []byte) bool {
					return shows(raw, w.content().Card, w.reader("emergency"), secret)
				})
			}
			// Pulled later and later, until it says that the old one may still be there.
			for cut := 200; ; cut += 40 {
				w.put("card.img", string(image))
				code, _, talk := invoke(t, func(path string, s sim.Session) (*sim.Card, error) {
					c, err := sim.Open(path, s)
					if err == nil {
						c.PullAfter(cut)
					}
					return c, err
				}, w.at("gp", "write", masked, "--json")...)
				if code == 0 {
					t.Skip("no cut left the old record in its slot")
				}
				if strings.Contains(string(talk), `"name":"not-erased"`) && visible() {
					break
				}
			}
			switch again[0] {
			case "write":
				w.as("gp", 0, append([]string{"write", masked}, again[1:]...)...)
			case "amend":
				w.as("gp", 0, "amend", "--add-visit", "renouvellement")
			case "reseal":
				w.as("gp", 0, "card", "reseal")
			}
			if visible() {
				t.Error("the old record is still there")
			}
			memory := windows(w.memory(), 8)
			for piece := range windows(old, 8) {
				if memory[piece] {
					t.Fatalf("a piece of the old record is left: %x", piece)
				}
			}
			if home(w.file("gp")).erasing(w.content().Card) {
				t.Error("it will be done for ever")
			}
		})
	}
}

// Whatever physicians, pharmacists and the emergency service write, in whatever order: an allergy that somebody noted is on the screen until
// the physician takes it away by name, or was its author and leaves it out.
func TestNoAllergyIsEverLost(t *testing.T) {
	seeds := 4
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(seed), 1))
			w := newWard(t)
			w.as("gp", 0, "write", w.put("base.json", allergySummary(nil)))
			own := []string{}               // in the physician's file
			others := map[string]string{}   // by id: the text
			accepted := map[string]string{} // his own now, until his next file
			n := 0
			name := func() string { n++; return fmt.Sprintf("allergène numéro %d-%d", seed, n) }
			var log []string
			for range 14 {
				w.now = w.now.AddDate(0, 0, 1)
				switch op := random.IntN(7); op {
				case 0, 1, 2:
					who := []string{"pharmacy", "emergency", "gp"}[op]
					text := name()
					out, _ := w.as(who, 0, "amend", "--add-allergy", text, "--json")
					d := unmarshal[amended](w, out)
					others[d.Items[0].ID] = text
					log = append(log, who+" adds "+text)
				case 3, 4:
					if random.IntN(2) == 0 {
						own = append(own, name())
					} else if len(own) > 0 {
						own = own[1:]
					}
					args := []string{}
					clear(accepted)
					if ids := sortedKeys(others); op == 4 && len(ids) > 0 {
						if id := ids[random.IntN(len(ids))]; random.IntN(2) == 0 {
							args = []string{"--amendments", id}
							accepted[id] = others[id]
							delete(others, id)
						} else {
							args = []string{"--discard", id}
							delete(others, id)
						}
					}
					// By name, what he leaves out of what was his.
					if d := w.read("gp", 0); d.Summary.Sections.Allergies != nil {
						for _, a := range d.Summary.Sections.Allergies.Items {
							if a.Unreviewed != summary.Yes {
								args = append(args, "--remove", a.ID)
							}
						}
					}
					w.write(w.put("base.json", allergySummary(own)), args...)
					log = append(log, fmt.Sprintf("gp writes %v %v", own, args))
				case 5:
					w.as("gp", 0, "card", "reseal")
					log = append(log, "reseal")
				case 6:
					// What is on the card, as software would that reads it first.
					w.write(w.save("read.json", w.read("gp", 0).Summary))
					log = append(log, "gp writes what is there")
				}
				screen := w.screen()
				for _, list := range [][]string{own, sortedValues(others), sortedValues(accepted)} {
					for _, text := range list {
						if !strings.Contains(screen, text) {
							t.Fatalf("%s is lost after\n%s\n%s", text, strings.Join(log, "\n"), screen)
						}
					}
				}
			}
		})
	}
}

func sortedKeys(m map[string]string) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func sortedValues(m map[string]string) (list []string) {
	for _, v := range m {
		list = append(list, v)
	}
	slices.Sort(list)
	return list
}

func allergySummary(allergies []string) string {
	section := `{"status":"none-known"}`
	if len(allergies) > 0 {
		var items []string
		for _, a := range allergies {
			items = append(items, fmt.Sprintf(`{"agent":{"text":%q}}`, a))
		}
		section = `{"status":"items","items":[` + strings.Join(items, ",") + `]}`
	}
	return `{"schema":"secours.summary/1","language":"fr","patient":{"ids":[{"system":"ins-nir","value":"248129999999985"}],"family":"DURAND","given":["Jeanne"],"birthDate":"1948-12-03","sex":"female"},"sections":{"allergies":` + section + `}}`
}

// The practice software counts its items, so that every file gives a number to something else. What others said goes with the thing.
func TestCarryByThing(t *testing.T) {
	w := newWard(t)
	w.write(w.file("summary.json"))
	w.as("pharmacy", 0, "amend", "--file", w.put("a.json", `{"schema":"secours.amendment/1",
		"add":{"allergies":[{"id":"b5","agent":{"text":"pénicilline V"},"basis":"reported"}]}, "stop":[{"id":"c6","reason":"ulcère"}]}`))
	r := w.write(w.edit("counted.json", func(s *summary.Summary) {
		m := s.Sections.Medications.Items
		m[1].ID, m[5].ID = m[5].ID, m[1].ID // apixaban has the number of ibuprofen now
		s.Sections.Allergies.Items = append(s.Sections.Allergies.Items, summary.Allergy{Common: summary.Common{ID: "b5"}, Agent: summary.Concept{Text: "pollen"}})
	}))
	s := w.read("gp", 0).Summary
	agents := map[string]bool{}
	for _, a := range s.Sections.Allergies.Items {
		agents[a.Agent.Text] = true
	}
	if !agents["pollen"] || !agents["pénicilline V"] {
		t.Errorf("an allergy made way for another: %v, %+v", agents, r.Amendments)
	}
	for _, m := range s.Sections.Medications.Items {
		stopped := m.Status == summary.MedicationStopped
		if strings.Contains(m.Product.Text, "ELIQUIS") && stopped || m.ID == "c6-2" && !stopped {
			t.Errorf("%s %s is %s", m.ID, m.Product.Text, m.Status)
		}
	}
}
