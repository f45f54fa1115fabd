package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
)

func TestChooseLang(t *testing.T) {
	for _, c := range []struct {
		flag string
		env  map[string]string
		want lang
	}{
		{"", nil, en},
		{"", map[string]string{"LANG": "fr_FR.UTF-8"}, fr},
		{"", map[string]string{"LANG": "fr_FR.UTF-8", "LC_MESSAGES": "C"}, en},
		{"", map[string]string{"LC_ALL": "fr_CA", "LC_MESSAGES": "en_GB", "LANG": "en_GB"}, fr},
		{"", map[string]string{"LC_ALL": "", "LANG": "FR"}, fr},
		{"", map[string]string{"LANG": "de_DE"}, en},
		{"en", map[string]string{"LANG": "fr_FR"}, en},
		{"FR", nil, fr},
	} {
		got, err := chooseLang(c.flag, func(k string) string { return c.env[k] })
		if err != nil || got != c.want {
			t.Errorf("chooseLang(%q, %v) = %v, %v; want %v", c.flag, c.env, got, err, c.want)
		}
	}
	if _, err := chooseLang("de", func(string) string { return "" }); err == nil {
		t.Error("--lang de is accepted")
	}
}

// enumWords says where the wording of each enumeration is. Those without one are read by machines.
var enumWords = map[string]words{
	"IdentityStatus": identityStatusWords, "Sex": sexWords, "SectionStatus": sectionStatusWords, "Informant": informantWords,
	"Source": sourceWords, "AlertKind": alertKindWords, "AlertPriority": alertPriorityWords, "MRI": mriWords,
	"Category": categoryWords, "AllergyType": allergyTypeWords, "Criticality": criticalityWords,
	"Verification": verificationWords, "AllergyStatus": allergyStatusWords, "AllergyBasis": allergyBasisWords,
	"Period": periodWords, "Weekday": weekdayWords, "MedicationStatus": medicationStatusWords,
	"MedicationOrigin": medicationOriginWords, "ConditionKind": conditionKindWords, "ConditionStatus": conditionStatusWords,
	"Certainty": certaintyWords, "MeasurementKind": measurementKindWords, "DirectiveKind": directiveKindWords,
	"DirectiveSubject": directiveSubjectWords, "Position": positionWords, "ContactKind": contactKindWords, "Level": levelWords,
	"System": systemWords, "Role": roleWords, "KeyKind": keyKindWords, "Reason": reasonWords,
	"Operation": operationWords, "LossKind": lossKindWords, "LossReason": lossReasonWords, "AmendmentState": nil, "CodeSystem": nil, "Status": nil, "KeyType": nil,
}

// Every constant of an enumerated type has a wording in both languages.
func TestEveryValueHasAWording(t *testing.T) {
	n := 0
	for _, dir := range []string{"../../summary", "../../summary/record", "../../summary/trust"} {
		for typ, values := range constants(t, dir) {
			table, ok := enumWords[typ]
			if !ok {
				t.Errorf("%s: no wordings for type %s", dir, typ)
			}
			if table == nil {
				continue
			}
			for _, v := range values {
				n++
				if p := table[v]; p.fr == "" || p.en == "" {
					t.Errorf("%s %q has no wording in French or English: %q", typ, v, p)
				}
			}
		}
	}
	if n < 140 {
		t.Errorf("only %d values found", n)
	}
	for _, s := range []any{record.Valid, record.ValidStale, record.Unverifiable, record.Invalid} {
		switch string(s.(record.Status)) {
		case verdictValid, verdictStale, verdictUnverifiable, verdictInvalid:
		default:
			t.Errorf("the screen does not know the verdict %v", s)
		}
	}
	for _, s := range []record.Status{record.Valid, record.ValidStale, record.Unverifiable, record.Invalid} {
		if statusWords[string(s)].fr == "" {
			t.Errorf("no wording for the verdict %s", s)
		}
	}
	for _, s := range []record.AmendmentState{record.AmendmentApplied, record.AmendmentApart, record.AmendmentSuperseded, record.AmendmentUnreadable} {
		if amendmentStateWords[string(s)].fr == "" {
			t.Errorf("no wording for an amendment that is %s", s)
		}
	}
	for _, s := range []record.LevelState{record.LevelEmpty, record.LevelRead, record.LevelDamaged, record.LevelSealed} {
		if levelStateWords[levelState(s)].fr == "" {
			t.Errorf("no wording for a level that is %s", levelState(s))
		}
	}
	for _, name := range levelNames() {
		if levelNameWords[string(name)].fr == "" {
			t.Errorf("no wording for the level %s", name)
		}
	}
	for _, name := range []string{"alerts", "allergies", "medications", "history", "measurements", "vaccinations", "visits", "directives", "contacts"} {
		if w := sectionWords[name]; w.title.fr == "" || w.title.en == "" || w.none.fr == "" || w.none.en == "" {
			t.Errorf("no wording for the section %s", name)
		}
	}
}

// constants reads the string constants of a package that have a named type, by the name of the type.
func constants(t *testing.T, dir string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, file := range sources(t, token.NewFileSet(), dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, ok := spec.Type.(*ast.Ident)
			lit, isLit := spec.Values[0].(*ast.BasicLit)
			if ok && isLit && lit.Kind == token.STRING && ast.IsExported(typ.Name) {
				v, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				found[typ.Name] = append(found[typ.Name], v)
			}
			return true
		})
	}
	return found
}

// sources parses the files of a package, its tests left out.
func sources(t *testing.T, fset *token.FileSet, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// Neither half of a pair of wordings is empty anywhere in the program.
func TestBothLanguagesEverywhere(t *testing.T) {
	fset := token.NewFileSet()
	n := 0
	for _, file := range sources(t, fset, ".") {
		ast.Inspect(file, func(node ast.Node) bool {
			var args []ast.Expr
			switch node := node.(type) {
			case *ast.CallExpr:
				if sel, ok := node.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "s" {
					args = node.Args
				}
			case *ast.CompositeLit:
				if typ, ok := node.Type.(*ast.Ident); ok && typ.Name == "pair" {
					args = node.Elts
				}
			}
			if args == nil {
				return true
			}
			n++
			if len(args) != 2 {
				t.Errorf("%v: %d wordings", fset.Position(node.Pos()), len(args))
			}
			for _, a := range args {
				if lit, ok := a.(*ast.BasicLit); ok && lit.Value == `""` {
					t.Errorf("%v: an empty wording", fset.Position(lit.Pos()))
				}
			}
			return true
		})
	}
	if n < 100 {
		t.Errorf("only %d pairs found", n)
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		d             summary.Date
		french, saxon string
	}{
		{summary.Date{}, "", ""},
		{summary.Date{Year: 2026, Month: 11, Day: 2}, "02/11/2026", "2 Nov 2026"},
		{summary.Date{Year: 2026, Month: 11}, "11/2026", "Nov 2026"},
		{summary.Date{Year: 2026}, "2026", "2026"},
		{summary.Date{Year: 26, Month: 13, Day: 40}, "40/13/0026", "40/13/0026"},
		{summary.Date{Year: 2026, Day: 4}, "04/00/2026", "4 ? 2026"},
	} {
		if got := fr.date(c.d); got != c.french {
			t.Errorf("French %v: %q, want %q", c.d, got, c.french)
		}
		if got := en.date(c.d); got != c.saxon {
			t.Errorf("English %v: %q, want %q", c.d, got, c.saxon)
		}
	}
}

func TestAge(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for birth, want := range map[summary.Date]string{
		{Year: 1948, Month: 12, Day: 3}:  "77 ans",
		{Year: 1948, Month: 11, Day: 22}: "78 ans",
		{Year: 1948, Month: 11, Day: 23}: "77 ans",
		{Year: 1948, Month: 11}:          "environ 78 ans",
		{Year: 1948, Month: 10}:          "78 ans",
		{Year: 1948, Month: 12}:          "77 ans",
		{Year: 1948}:                     "environ 78 ans",
		{Year: 2025}:                     "moins de 2 ans",
		{Year: 2025, Month: 9, Day: 22}:  "14 mois",
		{Year: 2025, Month: 9, Day: 23}:  "13 mois",
		{Year: 2026, Month: 11, Day: 20}: "2 jours",
		{Year: 2026, Month: 11, Day: 22}: "0 jour",
		{Year: 2026, Month: 8}:           "environ 3 mois",
		{Year: 2024, Month: 11, Day: 22}: "2 ans",
		// In the future, or nobody's: nothing is said.
		{Year: 2026, Month: 11, Day: 23}: "",
		{Year: 2027}:                     "",
		{Year: 1850}:                     "",
		{}:                               "",
		{Year: 2000, Month: 14, Day: 2}:  "",
	} {
		if got := fr.age(birth, now); got != want {
			t.Errorf("born %v: %q, want %q", birth, got, want)
		}
	}
}

// Every reason of a verdict has a wording, and none is worded that no verdict has.
func TestEveryReasonHasAWording(t *testing.T) {
	reasons := []record.Reason{
		record.ReasonOK, record.ReasonTrustOutdated, record.ReasonNoTrust, record.ReasonUnknownIssuer, record.ReasonTrustDamaged,
		record.ReasonCompromised, record.ReasonClock, record.ReasonNoKey, record.ReasonUnsealed, record.ReasonSignature,
		record.ReasonRecipients, record.ReasonDamaged, record.ReasonContent, record.ReasonCertificate, record.ReasonNotValidThen,
		record.ReasonRole, record.ReasonDistrusted, record.ReasonRevoked, record.ReasonFork, record.ReasonAuthor,
		record.ReasonSuperseded, record.ReasonTarget, record.ReasonNewer,
	}
	for _, r := range reasons {
		if _, ok := reasonWords[string(r)]; !ok {
			t.Errorf("%s has no wording", r)
		}
	}
	if len(reasonWords) != len(reasons) {
		t.Errorf("%d wordings for %d reasons", len(reasonWords), len(reasons))
	}
}
