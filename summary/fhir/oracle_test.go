package fhir

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/secours-card/secours/summary"
)

// An oracle reads a bundle with nothing of this package, and knows what a summary of it must account for.

// mustFind are the types of which every single resource must be in the summary or in the report.
var mustFind = []string{
	"AllergyIntolerance", "Condition", "MedicationStatement", "MedicationRequest", "MedicationDispense", "MedicationAdministration",
}

// A sought resource is one of them, with the texts by which it can be recognised.
type sought struct {
	kind, id string
	texts    []string
	absent   bool // it says that there is none
}

func seek(v any) (list []sought) {
	medications := map[string]any{}
	drugs(v, "", medications)
	return seekIn(v, medications)
}

// drugs collects the codes of the Medications by their ids, and the last parts of their fullUrls.
func drugs(v any, fullURL string, byID map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		if v["resourceType"] == "Medication" {
			id, _ := v["id"].(string)
			byID[id], byID[lastPart(fullURL)] = v["code"], v["code"]
		}
		fullURL, _ = v["fullUrl"].(string)
		for _, kid := range v {
			drugs(kid, fullURL, byID)
		}
	case []any:
		for _, kid := range v {
			drugs(kid, "", byID)
		}
	}
}

func lastPart(url string) string { return url[strings.LastIndexAny(url, "/:#")+1:] }

func seekIn(v any, medications map[string]any) (list []sought) {
	switch v := v.(type) {
	case map[string]any:
		if kind, _ := v["resourceType"].(string); slices.Contains(mustFind, kind) {
			s := sought{kind: kind}
			s.id, _ = v["id"].(string)
			for _, name := range []string{"code", "medicationCodeableConcept"} {
				s.names(v[name])
			}
			if ref, ok := v["medicationReference"].(map[string]any); ok {
				s.names(map[string]any{"text": ref["display"]})
				to, _ := ref["reference"].(string)
				s.names(medications[lastPart(to)])
			}
			list = append(list, s)
		}
		for _, kid := range v {
			list = append(list, seekIn(kid, medications)...)
		}
	case []any:
		for _, kid := range v {
			list = append(list, seekIn(kid, medications)...)
		}
	}
	return list
}

// names collects the texts of a CodeableConcept, or of what stands in the place of one.
func (s *sought) names(v any) {
	add := func(v any) {
		if text, ok := v.(string); ok && plain(text) != "" {
			s.texts = append(s.texts, text)
		}
	}
	add(v)
	concept, _ := v.(map[string]any)
	add(concept["text"])
	codings, _ := concept["coding"].([]any)
	for _, c := range codings {
		c, _ := c.(map[string]any)
		add(c["display"])
		add(c["code"])
		switch code, _ := c["code"].(string); code {
		case "716186003", "160244002", "409137002", "429625007", "428607008", "716184000", "1003774007", "787481004", "160245001", "1287211007", "no-known-allergies",
			"no-allergy-info", "no-known-medication-allergies", "no-known-medications", "no-known-problems", "no-medication-info", "no-problem-info",
			"1234391000168107", "no-known-food-allergies", "no-known-environmental-allergies":
			s.absent = true
		}
	}
}

// plain makes texts comparable: without white space, cut as a report cuts them, and without the characters that no summary has.
func plain(s string) string {
	r := []rune(strings.Join(strings.Fields(summary.LossText(s)), ""))
	return string(r[:min(100, len(r))])
}

// texts collects all strings of a document.
func texts(t testing.TB, data []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			b.WriteString(strings.Join(strings.Fields(v), "") + "\n")
		case []any:
			for _, kid := range v {
				walk(kid)
			}
		case map[string]any:
			for _, kid := range v {
				walk(kid)
			}
		}
	}
	walk(v)
	return b.String()
}

// account checks that everything of the given types that the oracle finds in a bundle is told of.
func account(t testing.TB, data []byte, s *summary.Summary, losses []summary.Loss, kinds ...string) (found int) {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(data), "\ufeff")), &root); err != nil {
		t.Fatal(err)
	}
	said, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	inSummary := texts(t, said)
	report, err := json.Marshal(losses)
	if err != nil {
		t.Fatal(err)
	}
	inReport := texts(t, report)
	var allergies string
	if s.Sections.Allergies != nil {
		part, _ := json.Marshal(s.Sections.Allergies.Items)
		allergies = texts(t, part)
	}
	has := func(in string, list []string) bool {
		return slices.ContainsFunc(list, func(text string) bool { return plain(text) != "" && strings.Contains(in, plain(text)) })
	}
	for _, r := range seek(root) {
		if len(kinds) > 0 && !slices.Contains(kinds, r.kind) {
			continue
		}
		label := plain(r.kind + "/" + r.id)
		known := has(inSummary, r.texts) || has(inReport, r.texts) || r.id != "" && (strings.Contains(inSummary, "\n"+r.id+"\n") || strings.Contains(inReport, label)) || strings.Contains(inReport, "#"+r.id+"\n")
		if r.id == "" && len(r.texts) == 0 {
			known = strings.Contains(inReport, r.kind) // by its place
		}
		switch {
		case r.absent && s.Sections.Section(map[string]string{"AllergyIntolerance": "allergies", "Condition": "history"}[r.kind]) != nil:
			// The status says it, or the report that it does not hold.
		case r.absent && s.Sections.Medications != nil:
		case !known:
			t.Errorf("%s/%s %q is neither in the summary nor in the report", r.kind, r.id, r.texts)
		case r.kind == "AllergyIntolerance" && !r.absent && len(r.texts) > 0 && !has(allergies, r.texts):
			t.Errorf("%s/%s %q is not among the allergies", r.kind, r.id, r.texts)
		}
		found++
	}
	return found
}

func TestOracle(t *testing.T) {
	for _, name := range bundles(t) {
		data := read(t, name)
		s, losses, err := Import(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		account(t, data, s, losses)
	}
}

// TestOracleSees makes sure that the oracle misses what is not there.
func TestOracleSees(t *testing.T) {
	data := read(t, "testdata/french.json")
	s, losses, err := Import(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, take := range map[string]func(s *summary.Summary){
		"allergy":    func(s *summary.Summary) { s.Sections.Allergies.Items = s.Sections.Allergies.Items[1:] },
		"medication": func(s *summary.Summary) { s.Sections.Medications.Items = s.Sections.Medications.Items[:1] },
		"condition":  func(s *summary.Summary) { s.Sections.History.Items = s.Sections.History.Items[3:] },
	} {
		less := *s
		a, m, h := *s.Sections.Allergies, *s.Sections.Medications, *s.Sections.History
		less.Sections.Allergies, less.Sections.Medications, less.Sections.History = &a, &m, &h
		take(&less)
		probe := &probe{TB: t}
		account(probe, data, &less, slices.DeleteFunc(slices.Clone(losses), func(l summary.Loss) bool { return true }))
		if probe.errors == 0 {
			t.Errorf("the oracle does not miss the %s", name)
		}
	}
}

// probe counts errors instead of failing.
type probe struct {
	testing.TB
	errors int
}

func (p *probe) Errorf(string, ...any) { p.errors++ }
func (p *probe) Helper()               {}

// foreign lists the bundles of others, which are not part of the project: they are read where they lie beside it.
func foreign(t testing.TB) []string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "ips")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no bundles of others beside the project (../shared/ips)")
	}
	list, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("the folder of bundles of others is empty")
	}
	return list
}

// refusals are the sentinels with which Import may refuse a bundle.
var refusals = []error{ErrNotFHIR, ErrTooLarge, ErrPatient, ErrTwoPatients, ErrAllergy}

func refused(err error) bool {
	return slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) })
}

func TestForeignBundles(t *testing.T) {
	list := foreign(t)
	imported, found := 0, 0
	for _, name := range list {
		data := read(t, name)
		s, losses, err := Import(data)
		switch {
		case err == nil:
			imported++
			found += account(t, data, s, losses)
			roundTrip(t, filepath.Base(name), s)
		case refused(err):
			t.Logf("%s: refused: %v", filepath.Base(name), err)
		default:
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
	}
	t.Logf("%d bundles, %d imported, %d allergies, conditions and medications accounted for", len(list), imported, found)
	if imported < len(list)/2 || found == 0 {
		t.Errorf("only %d of %d bundles could be imported", imported, len(list))
	}
}

// kept is what of an item a round trip keeps.
func kept(s *summary.Summary) map[string][]string {
	out := map[string][]string{}
	add := func(name string, format string, args ...any) {
		out[name] = append(out[name], fmt.Sprintf(format, args...))
	}
	if sec := s.Sections.Allergies; sec != nil {
		add("allergies head", "%s %v", sec.Status, sec.NoneKnown)
		for _, a := range sec.Items {
			// AllergyIntolerance wants a clinicalStatus, and an export says in its losses that it gave one.
			if a.ClinicalStatus == "" {
				a.ClinicalStatus = summary.AllergyActive
				if a.Verification == summary.VerificationRefuted {
					a.ClinicalStatus = summary.AllergyInactive
				}
			}
			add("allergies", "%v %v %v %v %v %v %v %v %v on=%v last=%v recorded=%v %v", a.Agent, a.Category, a.Type, a.Reactions, a.Severity, a.Criticality, a.Verification,
				a.ClinicalStatus, a.Basis, a.Onset, a.LastReaction, a.Recorded, a.By.Name)
		}
	}
	if sec := s.Sections.Medications; sec != nil {
		add("medications head", "%s %v", sec.Status, sec.NoneKnown)
		for _, m := range sec.Items {
			if m.Status == "" {
				m.Status = summary.MedicationUnknown
			}
			reason := summary.Concept{}
			if m.Reason != nil {
				reason = *m.Reason
			}
			d := summary.Dosage{}
			if m.Dosage != nil {
				d = *m.Dosage
			}
			add("medications", "%v %v %q %q %q %v origin=%v for=%v %v-%v stop=%q %v %v [%s|%s|%s|%s] %v", m.Product, m.Ingredients, m.Strength, m.Form, m.Route, m.Status, m.Origin, reason, m.Start,
				m.End, m.StopReason, d.Period, d.Weekdays, d.Morning, d.Noon, d.Evening, d.Bedtime, d.AsNeeded)
		}
	}
	if sec := s.Sections.History; sec != nil {
		add("history head", "%s %v", sec.Status, sec.NoneKnown)
		for _, c := range sec.Items {
			if c.Status == "" && !c.End.IsZero() && c.Kind != summary.ConditionProcedure {
				c.Status = summary.HistoryInactive
			}
			if c.Certainty == summary.CertaintySuspected {
				c.Certainty = summary.CertaintyProvisional
			}
			add("history", "%v %v %v %v %v-%v %v %v", c.Condition, c.Kind, c.Status, c.Certainty, c.Onset, c.End, c.Laterality, c.Recorded)
		}
	}
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}

// origin is where the exports of tests come from.
var origin = Origin{
	Time: day(2026, 11, 2), Signer: summary.Author{Name: "Dr Paul LEROY", Role: "physician", Org: "Cabinet"}, Verdict: "valid", Card: "card-1", Seq: 7,
}

// roundTrip exports a summary, checks the document, and imports it again.
func roundTrip(t testing.TB, name string, s *summary.Summary) {
	t.Helper()
	data, _, err := Export(s, origin)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	again, _, err := Import(data)
	if err != nil {
		t.Errorf("%s: the export cannot be imported: %v", name, err)
		return
	}
	if diff := cmp.Diff(kept(s), kept(again), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: a round trip changes (-first +second):\n%s", name, diff)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, name := range bundles(t) {
		s, _, err := Import(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, name, s)
	}
	s, err := summary.Parse(read(t, "../../cmd/secours/example.json"))
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, "example.json", s)
}
