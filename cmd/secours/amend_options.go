package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// amendOption is an option of amend that says something about the patient. A word in back quotes names its argument in the help.
type amendOption struct {
	name  string
	usage pair
	// with are the operations that the option is a detail of; none for an operation.
	with []string
	many bool
}

// The operations: one a command line, several in a file.
var amendOperations = []amendOption{
	{name: "add-medication", usage: pair{
		"ajoute un médicament : `PRODUIT`, tel qu'il est écrit",
		"add a medication: its `PRODUCT` as written",
	}},
	{name: "add-allergy", usage: pair{
		"ajoute une allergie ou une intolérance à `AGENT`",
		"add an allergy or intolerance to `AGENT`",
	}},
	{name: "add-vaccination", usage: pair{"ajoute une vaccination : `VACCIN`", "add a vaccination: `VACCINE`"}},
	{name: "add-visit", usage: pair{"ajoute une consultation : son `MOTIF`", "add a visit: its `REASON`"}},
	{name: "add-alert", usage: pair{
		"ajoute un point de vigilance : `GENRE:TEXTE`",
		"add a point of attention: `KIND:TEXT`",
	}},
	{name: "add-measurement", usage: pair{
		"ajoute une mesure : `GENRE:VALEUR[:UNITÉ]`",
		"add a measurement: `KIND:VALUE[:UNIT]`",
	}},
	{name: "add-history", usage: pair{"ajoute un antécédent : `PROBLÈME`", "add to the history: `CONDITION`"}},
	{name: "stop-medication", usage: pair{
		"dit arrêtée la ligne de traitement `ID`",
		"say that the medication `ID` is stopped",
	}},
	{name: "annotate", usage: pair{
		"ajoute une remarque (--note) à l'élément `ID`",
		"add a remark (--note) to the item `ID`",
	}},
	{name: "taken", usage: pair{
		"dit ce que le patient prend vraiment du médicament `ID`",
		"say what the patient really takes of the medication `ID`",
	}},
	{name: "dispensed", usage: pair{
		"dit ce qui a été délivré pour le médicament `ID`",
		"say what was dispensed for the medication `ID`",
	}},
	{name: "retract", usage: pair{
		"retire l'élément `ID`, que le même signataire avait ajouté",
		"withdraw the item `ID`, which the same signer added",
	}},
	{name: "file", usage: pair{
		"plusieurs opérations, en JSON (secours.amendment/1) ; - : l'entrée standard ; `FICHIER`",
		"several operations, as JSON (secours.amendment/1), from `FILE`; - is standard input",
	}},
}

var amendAdditions = []string{
	"add-medication", "add-allergy", "add-vaccination", "add-visit", "add-alert", "add-measurement", "add-history",
}

// The details of the operations.
var amendDetails = []amendOption{
	{
		name: "code", many: true, usage: pair{
			"`SYSTÈME:CODE` (atc, cip, cis, cim10, …), plusieurs possibles",
			"`SYSTEM:CODE` (atc, cip, cis, cim10, …), can be repeated",
		},
		with: []string{"add-medication", "add-allergy", "add-vaccination", "add-visit", "add-alert", "add-history", "dispensed"},
	},
	{name: "level", with: amendAdditions, usage: pair{
		"confidentialité : `NIVEAU` care, clinical ou masked",
		"confidentiality: `LEVEL` care, clinical or masked",
	}},
	{name: "dose", with: []string{"add-medication"}, usage: pair{
		"posologie, `TEXTE` gardé à la lettre",
		"dosage, a `TEXT` kept to the letter",
	}},
	{name: "origin", with: []string{"add-medication"}, usage: pair{
		"`ORIGINE` : otc, dispensed, reported, prescribed ou hospital",
		"`ORIGIN`: otc, dispensed, reported, prescribed or hospital",
	}},
	{name: "start", usage: pair{"début, `DATE`", "first day, a `DATE`"}, with: []string{"add-medication"}},
	{name: "dispensed-on", with: []string{"add-medication"}, usage: pair{
		"délivré le, `DATE`",
		"dispensed on, a `DATE`",
	}},
	{name: "quantity", with: []string{"add-medication", "dispensed"}, usage: pair{
		"quantité délivrée, `TEXTE`",
		"quantity dispensed, a `TEXT`",
	}},
	{name: "as", with: []string{"dispensed"}, usage: pair{
		"délivré sous ce nom, `PRODUIT`",
		"dispensed as this `PRODUCT`",
	}},
	{name: "value", with: []string{"taken"}, usage: pair{
		"ce que le patient prend, `TEXTE`",
		"what the patient takes, a `TEXT`",
	}},
	{name: "last", usage: pair{"dernière prise, `DATE`", "last intake, a `DATE`"}, with: []string{"taken"}},
	{name: "reaction", many: true, with: []string{"add-allergy"}, usage: pair{
		"`RÉACTION`, plusieurs possibles",
		"`REACTION`, can be repeated",
	}},
	{name: "criticality", with: []string{"add-allergy"}, usage: pair{
		"`RISQUE` : low, high ou unable-to-assess",
		"`RISK`: low, high or unable-to-assess",
	}},
	{name: "category", usage: pair{
		"`CATÉGORIE` : medication, food, environment, biologic, contrast, latex ou other",
		"`CATEGORY`: medication, food, environment, biologic, contrast, latex or other",
	}, with: []string{"add-allergy"}},
	{name: "priority", with: []string{"add-alert"}, usage: pair{
		"`PRIORITÉ` : critical ou important",
		"`PRIORITY`: critical or important",
	}},
	{name: "conclusion", with: []string{"add-visit"}, usage: pair{
		"`CONCLUSION` de la consultation",
		"`CONCLUSION` of the visit",
	}},
	{name: "onset", usage: pair{"depuis, `DATE`", "since, a `DATE`"}, with: []string{"add-history", "add-allergy"}},
	{name: "date", usage: pair{
		"`DATE` du fait : AAAA, AAAA-MM ou AAAA-MM-JJ",
		"`DATE` of what happened: YYYY, YYYY-MM or YYYY-MM-DD",
	}, with: []string{"add-vaccination", "add-visit", "add-measurement", "stop-medication", "dispensed"}},
	{name: "reason", usage: pair{"pourquoi, `TEXTE`", "why, a `TEXT`"}, with: []string{"stop-medication", "retract"}},
	{
		name: "note", usage: pair{"remarque, `TEXTE`", "remark, a `TEXT`"},
		with: []string{"annotate", "add-allergy", "add-vaccination", "add-visit", "add-measurement", "add-history"},
	},
}

// amendNeeds are operations that say nothing without one of these details.
var amendNeeds = map[string][]string{"annotate": {"note"}, "taken": {"value", "last"}, "dispensed": {"quantity"}}

// amendValues are the options that were given, by name.
type amendValues map[string]*givenTexts

// givenTexts collects what an option is given and refuses nothing: the errors of pflag quote the value, and these values are clinical.
type givenTexts []string

func (t *givenTexts) String() string     { return "" }
func (t *givenTexts) Type() string       { return "" }
func (t *givenTexts) Set(s string) error { *t = append(*t, s); return nil }

func addAmendOptions(a *app, c *cobra.Command) amendValues {
	v := amendValues{}
	for _, o := range slices.Concat(amendOperations, amendDetails) {
		v[o.name] = new(givenTexts)
		usage := a.lang.p(o.usage)
		switch {
		case slices.Equal(o.with, amendAdditions):
			usage += " (" + a.lang.s("tout ajout", "whatever is added") + ")"
		case o.with != nil:
			usage += " (" + optionNames(o.with) + ")"
		}
		c.Flags().Var(v[o.name], o.name, usage)
	}
	return v
}

func dashed(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = "--" + n
	}
	return out
}

func optionNames(names []string) string { return strings.Join(dashed(names), ", ") }

func (v amendValues) given(name string) bool { return len(*v[name]) > 0 }

// one is the value of an option that can be given once.
func (v amendValues) one(name string) string {
	if !v.given(name) {
		return ""
	}
	return (*v[name])[0]
}

// operation checks which options stand together, and returns the one operation among them.
func (a *app) operation(v amendValues) (string, error) {
	l := a.lang
	var given []string
	for _, o := range slices.Concat(amendOperations, amendDetails) {
		values := *v[o.name]
		switch {
		case len(values) > 1 && !o.many:
			return "", a.amendUsage(fmt.Sprintf(l.s("--%s est donné deux fois", "--%s is given twice"), o.name))
		case slices.ContainsFunc(values, func(s string) bool { return strings.TrimSpace(s) == "" }):
			return "", a.amendUsage(fmt.Sprintf(l.s("--%s est vide", "--%s is empty"), o.name))
		case len(values) > 0 && o.with == nil:
			given = append(given, o.name)
		}
	}
	switch len(given) {
	case 0:
		return "", a.amendUsage(l.s("il manque ce qu'il faut dire : --add-medication, --stop-medication, --annotate, --file, …",
			"nothing says what to amend: --add-medication, --stop-medication, --annotate, --file, …"))
	case 1:
	default:
		return "", a.amendUsage(fmt.Sprintf(l.s(
			"une opération à la fois, et non %s ; --file en prend plusieurs",
			"one operation at a time, not %s; --file takes several",
		), optionNames(given)))
	}
	operation := given[0]
	for _, o := range amendDetails {
		if v.given(o.name) && !slices.Contains(o.with, operation) {
			return "", a.amendUsage(fmt.Sprintf(l.s("--%s va avec %s, pas avec --%s", "--%s goes with %s, not with --%s"),
				o.name, optionNames(o.with), operation))
		}
	}
	needs := amendNeeds[operation]
	switch {
	case needs != nil && !slices.ContainsFunc(needs, v.given):
		return "", a.amendUsage(fmt.Sprintf(l.s("avec --%s, il faut %s", "--%s wants %s"),
			operation, strings.Join(dashed(needs), l.s(" ou ", " or "))))
	case operation == "dispensed" && v.given("code") && !v.given("as"):
		return "", a.amendUsage(l.s("--code est ici celui du produit de --as", "--code is that of the product of --as here"))
	}
	return operation, nil
}

func (a *app) amendUsage(message string) *failure {
	return &failure{
		code: exitGeneral, name: "usage", message: message,
		hint: a.lang.s("« secours amend --help » montre l'emploi", "\"secours amend --help\" shows the usage"),
	}
}

// amendmentBuilder makes an amendment of options. The first error stays.
type amendmentBuilder struct {
	a       *app
	v       amendValues
	today   summary.Date
	content *summary.Amendment
	// assumed is what the options did not say.
	assumed []problem
	err     error
}

// build makes the amendment. What depends on the role of the signer comes later, in byRole.
func (b *amendmentBuilder) build(operation string) {
	v := b.v
	c := &summary.Amendment{Schema: summary.AmendmentSchema}
	b.content = c
	text := v.one(operation)
	target := summary.Target{ID: text}
	common := summary.Common{Level: summary.Level(v.one("level"))}
	switch operation {
	case "add-medication":
		m := summary.Medication{
			Common: common, Product: b.concept(text), Status: summary.MedicationActive,
			Origin: summary.MedicationOrigin(v.one("origin")), Start: b.date("start"),
		}
		b.assume("add.medications[0].status", string(m.Status))
		if v.given("dose") {
			m.Dosage = &summary.Dosage{Text: v.one("dose")}
		}
		if v.given("quantity") || v.given("dispensed-on") {
			m.Dispensed = &summary.Dispensed{
				Date: b.dateOrToday("dispensed-on", "add.medications[0].dispensed.date"), Quantity: value(v.one("quantity")),
			}
		}
		c.Add.Medications = []summary.Medication{m}
	case "add-allergy":
		g := summary.Allergy{
			Common: common, Agent: b.concept(text), Category: summary.Category(v.one("category")),
			Criticality: summary.Criticality(v.one("criticality")), Onset: b.date("onset"), Note: v.one("note"),
		}
		for _, r := range *v["reaction"] {
			g.Reactions = append(g.Reactions, summary.Concept{Text: r})
		}
		if g.Category == "" && slices.ContainsFunc(g.Agent.Codes, func(c summary.Code) bool { return c.System == summary.CodeATC }) {
			g.Category = summary.CategoryMedication
			b.assume("add.allergies[0].category", string(g.Category))
		}
		c.Add.Allergies = []summary.Allergy{g}
	case "add-vaccination":
		// No date is better than a wrong one: what is told today may have been given years ago.
		c.Add.Vaccinations = []summary.Vaccination{{Common: common, Vaccine: b.concept(text), Date: b.date("date"), Note: v.one("note")}}
	case "add-visit":
		visit := summary.Visit{Common: common, Date: b.dateOrToday("date", "add.visits[0].date"), Reason: b.concept(text), Note: v.one("note")}
		if v.given("conclusion") {
			visit.Conclusion = &summary.Concept{Text: v.one("conclusion")}
		}
		c.Add.Visits = []summary.Visit{visit}
	case "add-alert":
		kind, text := b.kind(operation, text)
		c.Add.Alerts = []summary.Alert{{
			Common: common, Kind: summary.AlertKind(kind), Text: text, Codes: b.codes(),
			Priority: summary.AlertPriority(v.one("priority")),
		}}
	case "add-measurement":
		kind, text := b.kind(operation, text)
		measured, unit, _ := strings.Cut(text, ":")
		if strings.Contains(unit, ":") {
			b.fail(operation, pair{"trop de deux-points ; --file prend toute valeur", "too many colons; --file takes any value"})
		}
		c.Add.Measurements = []summary.Measurement{{
			Common: common, Kind: summary.MeasurementKind(kind), Value: value(strings.TrimSpace(measured)), Unit: strings.TrimSpace(unit),
			Date: b.dateOrToday("date", "add.measurements[0].date"), Note: v.one("note"),
		}}
	case "add-history":
		c.Add.History = []summary.Condition{{Common: common, Condition: b.concept(text), Onset: b.date("onset"), Note: v.one("note")}}
	case "stop-medication":
		c.Stop = []summary.Stop{{Target: target, Date: b.dateOrToday("date", "stop[0].date"), Reason: v.one("reason")}}
	case "annotate":
		c.Annotate = []summary.Annotation{{Target: target, Note: v.one("note")}}
	case "taken":
		c.Taken = []summary.Intake{{Target: target, Taken: summary.Taken{Value: v.one("value"), LastTaken: b.date("last")}}}
	case "dispensed":
		d := summary.Dispensed{Date: b.dateOrToday("date", "dispensed[0].date"), Quantity: value(v.one("quantity"))}
		if v.given("as") {
			as := b.concept(v.one("as"))
			d.As = &as
		}
		c.Dispensed = []summary.Dispensing{{Target: target, Dispensed: d}}
	case "retract":
		c.Retract = []summary.Retraction{{Target: target, Reason: v.one("reason")}}
	}
}

// byRole says what the signer's role says already: who sells over the counter, and who passes on what the patient tells.
func (b *amendmentBuilder) byRole(role trust.Role) {
	for i := range b.content.Add.Medications {
		m := &b.content.Add.Medications[i]
		if m.Origin == "" && role == trust.RolePharmacist {
			m.Origin = summary.OriginOTC
			b.assume(fmt.Sprintf("add.medications[%d].origin", i), string(m.Origin))
		}
	}
	for i := range b.content.Add.Allergies {
		g := &b.content.Add.Allergies[i]
		switch role {
		case trust.RolePharmacist, trust.RoleNurse, trust.RoleMidwife:
			g.Source, g.Basis = summary.SourceReported, summary.BasisReported
			b.assume(fmt.Sprintf("add.allergies[%d].source", i), string(g.Source))
		}
	}
}

func (b *amendmentBuilder) assume(path, what string) {
	b.assumed = append(b.assumed, problem{path, fmt.Sprintf(b.a.lang.s("%s, faute d'autre indication", "%s, as nothing else was said"), what)})
}

func (b *amendmentBuilder) fail(option string, want pair) {
	if b.err == nil {
		b.err = b.a.amendUsage("--" + option + b.a.lang.colon() + b.a.lang.p(want))
	}
}

func (b *amendmentBuilder) date(option string) summary.Date {
	if !b.v.given(option) {
		return summary.Date{}
	}
	d, err := summary.ParseDate(b.v.one(option))
	if err != nil {
		b.fail(option, pair{inFrench(err.Error()), err.Error()})
	}
	return d
}

func (b *amendmentBuilder) dateOrToday(option, path string) summary.Date {
	if b.v.given(option) {
		return b.date(option)
	}
	b.assume(path, b.today.String())
	return b.today
}

func (b *amendmentBuilder) concept(text string) summary.Concept {
	return summary.Concept{Text: text, Codes: b.codes()}
}

// codes cuts at the last colon: the system may be a URI.
func (b *amendmentBuilder) codes() []summary.Code {
	var codes []summary.Code
	for _, s := range *b.v["code"] {
		at := strings.LastIndexByte(s, ':')
		if at < 1 || at == len(s)-1 {
			b.fail("code", pair{"SYSTÈME:CODE, par exemple atc:…", "SYSTEM:CODE, for example atc:…"})
			return nil
		}
		codes = append(codes, summary.Code{System: summary.CodeSystem(s[:at]), Code: s[at+1:]})
	}
	return codes
}

func (b *amendmentBuilder) kind(option, s string) (kind, rest string) {
	kind, rest, _ = strings.Cut(s, ":")
	if rest = strings.TrimSpace(rest); kind == "" || rest == "" {
		b.fail(option, pair{"GENRE:…, comme l'aide le montre", "KIND:…, as the help shows"})
	}
	return kind, rest
}

// value is a number where it is written as JSON writes one, else a text.
func value(s string) summary.Value {
	number := s != "" && strings.Trim(s, "-.0123456789") == "" && json.Valid([]byte(s))
	return summary.Value{Text: s, Number: number}
}
