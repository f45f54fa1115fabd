package vsm

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/secours-card/secours/summary"
)

// allergies is a document whose allergies are what is given; of a section without narrative, text is empty.
func allergies(t *testing.T, text, entry string) ([]summary.Allergy, summary.SectionHead, []summary.Loss) {
	t.Helper()
	doc := string(read(t, "testdata/none-contradicted.xml"))
	from := strings.Index(doc, "<title>Allergies</title>") + len("<title>Allergies</title>")
	to := from + strings.Index(doc[from:], "</section>")
	s, losses, err := Import([]byte(doc[:from] + text + entry + doc[to:]))
	if err != nil {
		t.Fatal(err)
	}
	return s.Sections.Allergies.Items, s.Sections.Allergies.SectionHead, losses
}

// observed is an entry with one observation, in a concern.
func observed(status, attrs, inside string) string {
	return `<entry><act classCode="ACT" moodCode="EVN"><code nullFlavor="NA"/><statusCode code="` + status + `"/>` +
		`<entryRelationship typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN"` + attrs + `>` +
		`<code code="ALG" codeSystem="2.16.840.1.113883.5.4"/>` + inside + `</observation></entryRelationship></act></entry>`
}

func told(losses []summary.Loss, kind summary.LossKind, reason summary.LossReason) bool {
	return slices.ContainsFunc(losses, func(l summary.Loss) bool { return l.Kind == kind && l.Reason == reason })
}

const noneKnownValue = `<value xsi:type="CD" code="716186003" codeSystem="2.16.840.1.113883.6.96"/>`

func valued(inside string) string {
	return strings.Replace(noneKnownValue, "/>", ">"+inside+"</value>", 1)
}

func agentNamed(inside string) string {
	return `<participant typeCode="CSM"><participantRole><playingEntity>` + inside + `</playingEntity></participantRole></participant>`
}

// TestNoneKnownWithAgent guards that an allergy which is named beside a code for "none known" is carried.
func TestNoneKnownWithAgent(t *testing.T) {
	text := func(s string) string { return "<text>" + s + "</text>" }
	for _, tt := range []struct {
		name, narrative, entry string
		want                   string // in the agent, or none-known where it is empty
	}{
		{"name of the agent", "", observed("active", "", noneKnownValue+agentNamed(`<name>pénicilline</name>`)), "pénicilline"},
		{"code of the agent", "", observed("active", "", noneKnownValue+agentNamed(`<code code="X1" codeSystem="1.2.3" displayName="Latex"/>`)), "Latex"},
		{"none in the agent's code", "", observed("active", "", agentNamed(`<code code="716186003" codeSystem="2.16.840.1.113883.6.96"/><name>pénicilline</name>`)), "pénicilline"},
		{"negated", "", observed("active", ` negationInd="true"`, noneKnownValue+agentNamed(`<name>pénicilline</name>`)), "pénicilline"},
		{"gold", "", observed("active", "", noneKnownValue+agentNamed(`<name>Or</name>`)), "Or"},
		{"originalText", "", observed("active", "", valued("<originalText>Aucune connue sauf pénicilline</originalText>")), "pénicilline"},
		{
			"reference", text(`<paragraph ID="a">Aucune connue sauf pénicilline</paragraph>`),
			observed("active", "", valued(`<originalText><reference value="#a"/></originalText>`)), "pénicilline",
		},
		{"text", "", observed("active", "", text("Pénicilline : choc en 1998")+noneKnownValue), "Pénicilline"},
		{
			"comment", "", observed("active", "", noneKnownValue+`<entryRelationship typeCode="SUBJ"><act classCode="ACT" moodCode="EVN">`+
				`<code code="48767-8" codeSystem="2.16.840.1.113883.6.1"/><text>sauf pénicilline</text></act></entryRelationship>`), "pénicilline",
		},
		{"label", "", observed("active", "", strings.Replace(noneKnownValue, "/>", ` displayName="Allergie à la pénicilline"/>`, 1)), "pénicilline"},
		{
			"negated in general", "", observed("active", ` negationInd="1"`,
				`<value xsi:type="CD" code="419199007" codeSystem="2.16.840.1.113883.6.96"><originalText>Aucune sauf latex</originalText></value>`), "latex",
		},
		{
			"a code of the act", "", `<entry><act classCode="ACT" moodCode="EVN"><code code="716186003" codeSystem="2.16.840.1.113883.6.96"/>` +
				text("Aucune excepté le latex") + `</act></entry>`, "latex",
		},
		{"narrative", text("<paragraph>Pas d'allergie sauf pénicilline</paragraph>"), observed("active", "", noneKnownValue), "pénicilline"},
		{"narrative", text("<paragraph>Aucune allergie, à l'exception de la pénicilline</paragraph>"), observed("active", "", noneKnownValue), "pénicilline"},
		{"narrative", text("<paragraph>Pas d'autre allergie que la pénicilline</paragraph>"), observed("active", "", noneKnownValue), "pénicilline"},
		{"narrative", text("<paragraph>Aucune notée. Pénicilline : choc en 1998</paragraph>"), observed("active", "", noneKnownValue), "Pénicilline"},
		{"narrative", text("<paragraph>No known allergies except latex</paragraph>"), observed("active", "", noneKnownValue), "latex"},
		{"narrative alone", text("<paragraph>Pas d'allergie sauf pénicilline</paragraph>"), "", "pénicilline"},

		{"nothing but the code", "", observed("active", "", noneKnownValue), ""},
		{"kind of agent", "", observed("active", "", noneKnownValue+agentNamed(`<code code="105590001" codeSystem="2.16.840.1.113883.6.96" displayName="Substance"/>`)), ""},
		{"name of the kind", "", observed("active", "", noneKnownValue+agentNamed(`<name>Allergène alimentaire</name>`)), ""},
		{"agent denied", "", observed("active", "", noneKnownValue+agentNamed(`<name>Aucune allergie connue</name>`)), ""},
		{"denial", "", observed("active", "", text("No known allergies to drugs")+valued("<originalText>Aucune allergie connue le 02/11/2026</originalText>")), ""},
		{"narrative denies", text("<paragraph>Aucune notée par le spécialiste</paragraph>"), observed("active", "", noneKnownValue), ""},
	} {
		items, head, losses := allergies(t, tt.narrative, tt.entry)
		if tt.want == "" {
			if head.Status != summary.StatusNoneKnown {
				t.Errorf("%s: %s with %v, want none known", tt.name, head.Status, items)
			}
			continue
		}
		if head.Status != summary.StatusItems || len(items) != 1 || !strings.Contains(items[0].Agent.Text, tt.want) || items[0].Verification != "" {
			t.Errorf("%s %s: %s with %+v, want one to %s", tt.name, tt.narrative, head.Status, items, tt.want)
			continue
		}
		if slices.ContainsFunc(items[0].Agent.Codes, func(c summary.Code) bool { return c.Code == "716186003" }) || len(items[0].Reactions) > 0 {
			t.Errorf("%s: the code for none is part of %+v", tt.name, items[0])
		}
		if tt.entry != "" && !told(losses, summary.LossDropped, summary.ReasonContradiction) {
			t.Errorf("%s: no loss for the statement that there is none: %+v", tt.name, losses)
		}
	}
}

// TestWithdrawn guards that an allergy that its author withdrew stays in sight, and that a withdrawn "none known" says nothing.
func TestWithdrawn(t *testing.T) {
	penicillin := agentNamed(`<name>Pénicilline</name>`)
	nullified := `<statusCode code="nullified"/>`
	verified := `<entryRelationship typeCode="REFR"><observation classCode="OBS" moodCode="EVN"><code code="66455-7"/>` +
		`<value xsi:type="CD" code="entered-in-error"/></observation></entryRelationship>`
	for name, entry := range map[string]string{
		"nullified":          observed("active", "", nullified+penicillin),
		"nullified concern":  observed("nullified", "", penicillin),
		"status":             observed("active", "", `<statusCode code="entered-in-error"/>`+penicillin),
		"verification":       observed("active", "", penicillin+verified),
		"beside a none code": observed("active", "", nullified+penicillin),
	} {
		items, _, losses := allergies(t, "", entry)
		if len(items) != 1 || items[0].Agent.Text != "Pénicilline" || items[0].Verification != summary.VerificationRefuted ||
			!strings.Contains(items[0].Note, "retirée par son auteur") {
			t.Errorf("%s: %+v", name, items)
		}
		if !told(losses, summary.LossAmbiguous, summary.ReasonEnteredInError) {
			t.Errorf("%s: not reported: %+v", name, losses)
		}
	}
	_, head, losses := allergies(t, "", observed("active", "", nullified+noneKnownValue))
	if head.Status == summary.StatusNoneKnown || !told(losses, summary.LossDropped, summary.ReasonEnteredInError) {
		t.Errorf("none known that was withdrawn: %s, %+v", head.Status, losses)
	}
}

// TestAllergyEnd guards that an end in the future resolves nothing. The document is of 2 November 2026.
func TestAllergyEnd(t *testing.T) {
	for high, want := range map[string]summary.AllergyStatus{
		"20300101": "", "2027": "", "2026": "", "20261103": "", "20261101": summary.AllergyResolved, "2019": summary.AllergyResolved,
		"201905": summary.AllergyResolved,
	} {
		for status, otherwise := range map[string]summary.AllergyStatus{"active": summary.AllergyActive, "completed": ""} {
			items, _, _ := allergies(t, "", observed(status, "", `<effectiveTime><low value="2018"/><high value="`+high+`"/></effectiveTime>`+agentNamed("<name>Latex</name>")))
			expect := want
			if expect == "" {
				expect = otherwise
			}
			if len(items) != 1 || items[0].ClinicalStatus != expect {
				t.Errorf("until %s, concern %s: %+v, want %q", high, status, items, expect)
			}
		}
	}
}

func TestNegatedByNumber(t *testing.T) {
	items, _, _ := allergies(t, "", observed("active", ` negationInd="1"`, agentNamed("<name>Latex</name>")))
	if len(items) != 1 || items[0].Verification != summary.VerificationRefuted {
		t.Errorf("%+v", items)
	}
}

// TestRhythm guards that a dose whose words are not those of every day never looks daily.
func TestRhythm(t *testing.T) {
	doc := string(read(t, "testdata/none-contradicted.xml"))
	at := strings.Index(doc, "</structuredBody>")
	every := func(value, unit string) string {
		return `<effectiveTime xsi:type="PIVL_TS" operator="A"><period value="` + value + `" unit="` + unit + `"/></effectiveTime>`
	}
	words := func(text string) string {
		return `<effectiveTime xsi:type="PIVL_TS" operator="A"><period value="1" unit="d"><translation><originalText>` + text + `</originalText></translation></period></effectiveTime>`
	}
	event := `<effectiveTime xsi:type="EIVL_TS" operator="A"><event code="ACM"/></effectiveTime>`
	note := func(text string) string {
		return `<entryRelationship typeCode="SUBJ"><act classCode="ACT" moodCode="EVN"><code code="48767-8" codeSystem="2.16.840.1.113883.6.1"/><text>` + text + `</text></act></entryRelationship>`
	}
	free := func(text string) string {
		return `<entryRelationship typeCode="COMP"><substanceAdministration classCode="SBADM" moodCode="EVN"><code code="76662-6"/><text>` + text + `</text></substanceAdministration></entryRelationship>`
	}
	const limit = `<maxDoseQuantity><numerator value="4" unit="g"/><denominator value="1" unit="d"/></maxDoseQuantity>`
	for _, tt := range []struct {
		name, column, times, more string
		want                      summary.Period
		contradiction             bool
		text                      string // in the text of the dosage
	}{
		{"words of the time", "", words("4 cp une fois par semaine"), "", summary.PeriodOther, true, "1 fois par jour"},
		{"column", "4 cp par semaine", every("1", "d"), "", summary.PeriodOther, true, "1 fois par jour"},
		{"weekday and meal", "4 cp le lundi", event, "", summary.PeriodOther, true, "avant le petit-déjeuner"},
		{"hours", "1 par semaine", every("8", "h"), "", summary.PeriodOther, true, "8 heures"},
		{"note", "", every("1", "d"), note("4 cp par semaine, le lundi"), summary.PeriodOther, true, "1 fois par jour"},
		{"free text", "", every("1", "d"), free("4 cp par semaine"), summary.PeriodOther, true, "1 fois par jour"},
		{"daily words", "1 cp par jour", every("1", "wk"), "", summary.PeriodWeek, true, "1 fois par semaine"},
		{"week then month", "", every("1", "wk") + every("1", "mo"), "", summary.PeriodOther, false, "par mois"},
		{"month then week", "", every("1", "mo") + every("1", "wk"), "", summary.PeriodOther, false, "par semaine"},

		{"agreed", "2 cp par jour", every("1", "d"), "", summary.PeriodDay, false, "2 cp par jour"},
		{"agreed", "4 cp par semaine", every("1", "wk"), "", summary.PeriodWeek, false, "4 cp par semaine"},
		{"a limit is no rhythm", "4 cp par semaine", every("1", "wk"), limit, summary.PeriodWeek, false, "4 cp par semaine"},
		{"no words", "", every("1", "d"), "", summary.PeriodDay, false, "1 fois par jour"},
	} {
		table := `<table><thead><tr><th>Médicament</th><th>Posologie</th></tr></thead><tbody><tr><td ID="m">Invento</td><td>` + tt.column + `</td></tr></tbody></table>`
		s, losses, err := Import([]byte(doc[:at] + `<component><section><code code="10160-0" codeSystem="2.16.840.1.113883.6.1"/><title>Traitements</title><text>` + table + `</text>` +
			`<entry><substanceAdministration classCode="SBADM" moodCode="EVN"><text><reference value="#m"/></text><statusCode code="active"/>` + tt.times + tt.more +
			`<consumable><manufacturedProduct><manufacturedMaterial><code nullFlavor="OTH"><originalText>Invento</originalText></code></manufacturedMaterial></manufacturedProduct></consumable>` +
			`</substanceAdministration></entry></section></component>` + doc[at:]))
		if err != nil {
			t.Fatal(tt.name, err)
		}
		d := s.Sections.Medications.Items[0].Dosage
		if d == nil || d.Period != tt.want || !strings.Contains(d.Text, tt.text) {
			t.Errorf("%s: %+v, want the period %s and %q", tt.name, d, tt.want, tt.text)
		}
		contradiction := slices.ContainsFunc(losses, func(l summary.Loss) bool {
			return l.Kind == summary.LossAmbiguous && l.Reason == summary.ReasonContradiction && strings.HasPrefix(l.Source, "10160-0")
		})
		if contradiction != tt.contradiction {
			t.Errorf("%s: a contradiction reported: %v, want %v: %+v", tt.name, contradiction, tt.contradiction, losses)
		}
	}
}

// TestSourceBounded guards that the report repeats no text of the document without an end, nor characters that command a terminal.
func TestSourceBounded(t *testing.T) {
	doc := string(read(t, "testdata/none-contradicted.xml"))
	at := strings.Index(doc, "</structuredBody>")
	name := strings.Repeat("é", 400)
	_, losses, err := Import([]byte(doc[:at] + `<component><section><code code="` + strings.Repeat("A", 5000) + "\u202e\u0085" + `"/><title>x</title>` +
		`<entry><observation><x` + name + `>texte</x` + name + `></observation></entry></section></component>` + doc[at:]))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, l := range losses {
		found = found || strings.HasPrefix(l.Source, "AAAA") && strings.HasSuffix(l.Source, "/entry")
		for _, s := range []string{l.Source, l.Element} {
			if utf8.RuneCountInString(s) > summary.MaxLossText || s != summary.LossText(s) {
				t.Errorf("%d characters, %.80q", utf8.RuneCountInString(s), s)
			}
		}
	}
	if !found {
		t.Errorf("no loss that names the entry: %+v", losses)
	}
}

// TestErrorsQuoteNothing guards that an error on malformed XML has the line and no word of the document.
func TestErrorsQuoteNothing(t *testing.T) {
	for _, doc := range []string{
		"<ClinicalDocument xmlns=\"urn:hl7-org:v3\">\n<Dupont>\n</Durand>", "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">\n&Dupont;",
		"<?xml version=\"Dupont\"?>\n<ClinicalDocument/>", "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">\n<a Dupont></a>",
		"<ClinicalDocument xmlns=\"urn:hl7-org:v3\">\n<Dupont>",
	} {
		_, _, err := Import([]byte(doc))
		if err == nil || strings.Contains(err.Error(), "Dup") || strings.Contains(err.Error(), "Durand") || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: error %v", doc, err)
		}
	}
}

// TestDeviceNotInForce guards that what a document negates or denies is no implant, and is not passed over in silence.
func TestDeviceNotInForce(t *testing.T) {
	const named, written = "Stimulateur cardiaque double chambre", ` displayName="Stimulateurs"`
	doc := string(read(t, "testdata/full.xml"))
	for _, tt := range []struct {
		name   string
		edit   *strings.Replacer
		reason summary.LossReason // where none, the implant is carried
	}{
		{"as it is", strings.NewReplacer(), ""},
		{"negated", strings.NewReplacer(`<supply classCode="SPLY" moodCode="EVN">`, `<supply classCode="SPLY" moodCode="EVN" negationInd="true">`), summary.ReasonNotInForce},
		{
			"denied", strings.NewReplacer(
				named, "Aucun dispositif connu", `<code code="J0101" codeSystem="1.2.250.1.213.2.68"`+written+`>`, `<code nullFlavor="OTH">`,
				"<manufacturerModelName>Fictif X2</manufacturerModelName>", "",
			), summary.ReasonNarrative,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, losses, err := Import([]byte(tt.edit.Replace(doc)))
			if err != nil {
				t.Fatal(err)
			}
			var implants []string
			if a := s.Sections.Alerts; a != nil {
				for _, it := range a.Items {
					if it.Kind == summary.AlertImplant {
						implants = append(implants, it.Text)
					}
				}
			}
			if carried := len(implants) > 0; carried != (tt.reason == "") {
				t.Errorf("implants %q", implants)
			}
			reported := slices.ContainsFunc(losses, func(l summary.Loss) bool {
				return l.Reason == tt.reason && (strings.Contains(l.Text, "Stimulateur") || strings.Contains(l.Text, "Aucun dispositif"))
			})
			if tt.reason != "" && !reported {
				t.Errorf("not reported as %s: %+v", tt.reason, losses)
			}
		})
	}
}
