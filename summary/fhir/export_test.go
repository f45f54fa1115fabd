package fhir

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/summary"
)

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 10, 0, 0, 0, time.UTC) }

// exports checks the document that a summary makes, and that it can be read again.
func exports(t testing.TB, name string, s *summary.Summary, o Origin) []byte {
	t.Helper()
	data, _, err := Export(s, o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, e := range checkR4(data) {
		t.Errorf("%s: %s", name, e)
	}
	if _, _, err := Import(data); err != nil {
		t.Errorf("%s: the export cannot be imported: %v", name, err)
	}
	return data
}

func example(t testing.TB) *summary.Summary {
	t.Helper()
	s, err := summary.Parse(read(t, "../../cmd/secours/example.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExportStructure(t *testing.T) {
	for _, name := range bundles(t) {
		s, _, err := Import(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		exports(t, name, s, origin)
	}
	exports(t, "example.json", example(t), origin)
	exports(t, "example.json, not signed", example(t), Origin{})
}

func TestExportStructureOfForeign(t *testing.T) {
	for _, name := range foreign(t) {
		s, _, err := Import(read(t, name))
		if err == nil {
			exports(t, filepath.Base(name), s, origin)
		}
	}
}

// hostile are texts that would break a document that is put together carelessly.
var hostile = []string{
	`</div><script>alert(1)</script>`, `a & b < c > d "e" 'f'`, "]]>", "<!-- x -->", "&nbsp;&#0;", "אבג \u200f مرحبا", "🥜👩‍⚕️", "line\nbreak", "é\u0301\u00a0x", "{{x}} ${y} %s", " leading and trailing ",
	"a_b", "\u200b", "x\ty",
}

// random fills every member of a value of the model, texts with hostile ones.
func random(rng *rand.Rand, v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case summary.Date:
		d := []summary.Date{{}, {Year: 1999}, {Year: 2001, Month: 2}, {Year: 2026, Month: 11, Day: 2}}[rng.IntN(4)]
		v.Set(reflect.ValueOf(d))
		return
	case summary.Extra:
		return
	case summary.Flag:
		v.SetInt(int64(rng.IntN(3)))
		return
	case summary.Value:
		v.Set(reflect.ValueOf(summary.Value{Text: []string{"", "1", "1,5", "1/2", "<3", "2 comprimés", "007", "positif"}[rng.IntN(8)]}))
		return
	case summary.Level:
		v.SetString([]string{"", "care", "clinical", "masked"}[rng.IntN(4)])
		return
	case summary.System, summary.CodeSystem:
		v.SetString([]string{"https://example.org/s", "urn:oid:1.2.3"}[rng.IntN(2)])
		return
	}
	if list, ok := enumerated[v.Type()]; ok {
		v.SetString(append([]string{""}, list...)[rng.IntN(len(list)+1)])
		return
	}
	switch v.Kind() {
	case reflect.String:
		if rng.IntN(3) > 0 {
			v.SetString(hostile[rng.IntN(len(hostile))])
		}
	case reflect.Pointer:
		if rng.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			random(rng, v.Elem(), depth+1)
		}
	case reflect.Slice:
		for range rng.IntN(4) {
			e := reflect.New(v.Type().Elem()).Elem()
			random(rng, e, depth+1)
			v.Set(reflect.Append(v, e))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			random(rng, v.Field(i), depth+1)
		}
	}
}

func values[T ~string](list []T) (reflect.Type, []string) {
	var out []string
	for _, v := range list {
		out = append(out, string(v))
	}
	return reflect.TypeFor[T](), out
}

// enumerated are the closed lists of the model, those that an export writes as its own codes among them.
var enumerated = func() map[reflect.Type][]string {
	all := map[reflect.Type][]string{}
	add := func(t reflect.Type, list []string) { all[t] = list }
	add(values(ownCategories))
	add(values(ownBases))
	add(values(ownPeriods))
	add(values(ownOrigins))
	add(values(ownMRIs))
	add(values(ownInformants))
	add(values(ownAlertKinds))
	add(values(ownConditionKinds))
	add(values(ownMeasurementKinds))
	add(values(ownDirectiveKinds))
	add(values(ownDirectiveSubjects))
	add(values(ownPositions))
	add(values(ownContactKinds))
	add(values([]summary.IdentityStatus{summary.IdentityProvisional, summary.IdentityRetrieved, summary.IdentityValidated, summary.IdentityQualified}))
	add(values([]summary.Sex{summary.SexFemale, summary.SexMale, summary.SexOther, summary.SexUnknown}))
	add(values([]summary.SectionStatus{summary.StatusItems, summary.StatusNoneKnown, summary.StatusNotAsked, summary.StatusUnavailable}))
	add(values([]summary.Source{summary.SourceDiagnosed, summary.SourceReported, summary.SourceImported}))
	add(values([]summary.AlertPriority{summary.PriorityCritical, summary.PriorityImportant}))
	add(values([]summary.AllergyType{summary.TypeAllergy, summary.TypeIntolerance}))
	add(values([]summary.Criticality{summary.CriticalityLow, summary.CriticalityHigh, summary.CriticalityUnableToAssess}))
	add(values([]summary.Verification{summary.VerificationUnconfirmed, summary.VerificationPresumed, summary.VerificationConfirmed, summary.VerificationRefuted}))
	add(values([]summary.AllergyStatus{summary.AllergyActive, summary.AllergyInactive, summary.AllergyResolved}))
	add(values([]summary.Weekday{summary.WeekdayMon, summary.WeekdayTue, summary.WeekdayWed, summary.WeekdayThu, summary.WeekdayFri, summary.WeekdaySat, summary.WeekdaySun}))
	add(values([]summary.MedicationStatus{
		summary.MedicationActive, summary.MedicationOnHold, summary.MedicationStopped, summary.MedicationCompleted, summary.MedicationUnknown, summary.MedicationIntended, summary.MedicationNotTaken,
	}))
	add(values([]summary.ConditionStatus{summary.HistoryActive, summary.HistoryRemission, summary.HistoryResolved, summary.HistoryRecurrence, summary.HistoryRelapse, summary.HistoryInactive}))
	add(values([]summary.Certainty{
		summary.CertaintySuspected, summary.CertaintyConfirmed, summary.CertaintyUnconfirmed, summary.CertaintyProvisional, summary.CertaintyDifferential, summary.CertaintyRefuted,
	}))
	return all
}()

// TestOwnValues makes sure that an import knows every value of the model that an export may write.
func TestOwnValues(t *testing.T) {
	schema := summary.SchemaJSON()
	for kind, list := range enumerated {
		want, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(strings.Fields(schema), ""), string(want)) {
			t.Errorf("%v: the model has other values than %s, or in another order", kind, want)
		}
	}
}

// randomSummary makes a summary that Validate passes, of every kind of item.
func randomSummary(rng *rand.Rand) *summary.Summary {
	for {
		s := &summary.Summary{}
		random(rng, reflect.ValueOf(s).Elem(), 0)
		s.Schema, s.Language = summary.Schema, []string{"fr", "en", "fr-FR", "x y"}[rng.IntN(4)]
		s.Patient.Family, s.Patient.Given, s.Patient.BirthDate, s.Patient.Sex = "X & <Y>", []string{"Z"}, summary.Date{Year: 1950, Month: 1}, summary.SexFemale
		s.Sections.Each(func(_ string, sec summary.AnySection) {
			head := sec.Head()
			head.NoneKnown = nil
			if head.Status = summary.StatusItems; sec.Len() == 0 {
				head.Status = []summary.SectionStatus{summary.StatusNoneKnown, summary.StatusNotAsked, summary.StatusUnavailable}[rng.IntN(3)]
			}
			for i := range sec.Len() {
				sec.Common(i).ID = []string{"", fmt.Sprintf("%s-%d", "i", rng.IntN(1e6))}[rng.IntN(2)]
			}
		})
		s.Fit(func(summary.Loss) {})
		if s.Validate() == nil {
			return s
		}
		fill(s)
		s.Fit(func(summary.Loss) {})
		if s.Validate() == nil {
			return s
		}
	}
}

// fill gives items what they cannot go without.
func fill(s *summary.Summary) {
	concept := func(c *summary.Concept) {
		if c != nil && strings.TrimSpace(c.Text) == "" {
			c.Text = "text"
		}
	}
	codes := func(list []summary.Code) {
		for i := range list {
			if list[i].Code = strings.Join(strings.Fields(list[i].Code), ""); list[i].Code == "" {
				list[i].Code = "C1"
			}
		}
	}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		if v.CanAddr() {
			switch p := v.Addr().Interface().(type) {
			case *summary.Concept:
				concept(p)
				codes(p.Codes)
			case *summary.Alert:
				p.Text += "x"
				if p.Kind == "" {
					p.Kind = summary.AlertOther
				}
				codes(p.Codes)
			case *summary.Measurement:
				if p.Kind == "" {
					p.Kind = summary.MeasureOther
				}
				if p.Date.IsZero() {
					p.Date.Year = 2020
				}
				p.Value.Text += "1"
			case *summary.Visit:
				if p.Date.IsZero() {
					p.Date.Year = 2020
				}
			case *summary.Directive:
				if p.Kind == "" {
					p.Kind = summary.DirectiveOther
				}
			case *summary.Contact:
				p.Name += "x"
			case *summary.Remark:
				p.Text += "x"
			case *summary.Identifier:
				p.Value += "1"
			case *summary.Dosage:
				p.Text += "x"
				if len(p.Weekdays) > 0 {
					p.Weekdays = p.Weekdays[:1]
				}
			case *summary.Author:
				p.Name += "x"
			case *summary.Taken:
				p.Value += "x"
			case *summary.Dispensed:
				p.Quantity.Text += "1"
			case *summary.Centre:
				p.Name += "x"
			case *summary.Consent:
				p.Scope += "x"
			}
		}
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				if e := v.Index(i); e.Kind() == reflect.String && e.String() == "" {
					if list := enumerated[e.Type()]; list != nil {
						e.SetString(list[0])
					}
				}
				walk(v.Index(i))
			}
		}
	}
	walk(reflect.ValueOf(s).Elem())
}

func TestExportRandom(t *testing.T) {
	for seed := range uint64(100) {
		s := randomSummary(rand.New(rand.NewPCG(seed, 1)))
		exports(t, fmt.Sprintf("seed %d", seed), s, origin)
		if t.Failed() {
			return
		}
	}
}
