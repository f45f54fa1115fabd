package record

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/trust"
)

// The table of FORMAT 4.11, cell by cell: + every item, - none, s what was not prescribed, r what was reported, p pregnancy and
// breastfeeding, o the signer's own.
const (
	nothingAtAll = "- - - - - -"
	everything   = "+ + + + + o"
)

var permissionTable = map[trust.Role][9]string{
	//                 add stop annotate taken dispensed retract
	trust.RolePhysician: {everything, everything, everything, everything, everything, everything, everything, everything, everything},
	trust.RolePharmacist: {
		"- - - - - -", // alerts
		"r - - - - o", // allergies
		"s s + + + o", // medications
		"- - - - - -", // history
		"- - - - - -", // measurements
		"+ - + - - o", // vaccinations
		"- - - - - -", // visits
		"- - - - - -", // directives
		"- - - - - -", // contacts
	},
	trust.RoleMidwife: {
		"p - p - - o", "r - - - - o", "+ s + + + o", "- - - - - -", "- - - - - -", "+ - + - - o", "- - - - - -", "- - - - - -", "- - - - - -",
	},
	trust.RoleDentist: {
		"- - - - - -", "+ - + - - o", "+ s + + - o", "- - - - - -", "- - - - - -", "- - - - - -", "- - - - - -", "- - - - - -", "- - - - - -",
	},
	trust.RoleNurse: {
		"- - - - - -", "r - - - - o", "- - - - - -", "- - - - - -", "+ - + - - o", "+ - + - - o", "- - - - - -", "- - - - - -", "- - - - - -",
	},
	trust.RoleEmergency:      {nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll},
	trust.RoleFirstResponder: {nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll},
	"":                       {nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll},
	"surgeon":                {nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll, nothingAtAll},
}

// A variant is an item of a section, and the letters of the table that let it pass.
type variant struct{ json, letters string }

var variants = [9][]variant{
	{
		{`{"kind":"pregnancy","text":"x"}`, "+p"},
		{`{"kind":"breastfeeding","text":"x"}`, "+p"},
		{`{"kind":"anticoagulant","text":"x"}`, "+"},
		{`{"kind":"other","text":"pregnancy"}`, "+"},
	},
	{
		{`{"agent":{"text":"x"},"basis":"reported"}`, "+r"},
		{`{"agent":{"text":"x"},"source":"reported"}`, "+r"},
		{`{"agent":{"text":"x"},"basis":"reported","source":"diagnosed"}`, "+r"},
		{`{"agent":{"text":"x"},"basis":"test"}`, "+"},
		{`{"agent":{"text":"x"},"source":"diagnosed"}`, "+"},
		{`{"agent":{"text":"x"}}`, "+"},
		{`{"agent":{"text":"x"},"verification":"refuted"}`, "+"},
	},
	{
		{`{"product":{"text":"x"},"origin":"otc"}`, "+s"},
		{`{"product":{"text":"x"},"origin":"dispensed"}`, "+s"},
		{`{"product":{"text":"x"},"origin":"reported"}`, "+s"},
		{`{"product":{"text":"x"},"origin":"prescribed"}`, "+"},
		{`{"product":{"text":"x"},"origin":"hospital"}`, "+"},
		{`{"product":{"text":"x"}}`, "+"},
		{`{"product":{"text":"x"},"source":"reported"}`, "+"},
	},
	{{`{"condition":{"text":"x"}}`, "+"}, {`{"condition":{"text":"x"},"source":"reported"}`, "+"}},
	{{`{"kind":"weight","value":1,"date":"2026"}`, "+"}},
	{{`{"vaccine":{"text":"x"}}`, "+"}},
	{{`{"date":"2026","reason":{"text":"x"}}`, "+"}},
	{{`{"kind":"refusal"}`, "+"}},
	{{`{"name":"x"}`, "+"}},
}

func amendmentOf(t testing.TB, members string) *summary.Amendment {
	t.Helper()
	a, err := summary.ParseAmendment([]byte(`{"schema":"secours.amendment/1",` + members + `}`))
	if err != nil {
		t.Fatalf("%v\n%s", err, members)
	}
	return a
}

// item is the item of a section that the JSON gives.
func item(t testing.TB, section, json string) any {
	t.Helper()
	var found any
	a := amendmentOf(t, `"add":{"`+section+`":[`+json+`]}`)
	a.Add.Each(func(_ string, item any, _ *summary.Common) { found = item })
	return found
}

func nowhere(string) (string, any, bool, bool) { return "", nil, false, false }

// Every role, section and operation, with every kind of item, of the signer and of somebody else.
func TestPermissions(t *testing.T) {
	operations := []struct{ name, members string }{
		{"add", ""},
		{"stop", `"stop":[{"id":"x"}]`},
		{"annotate", `"annotate":[{"id":"x","note":"y"}]`},
		{"taken", `"taken":[{"id":"x","value":"y"}]`},
		{"dispensed", `"dispensed":[{"id":"x","quantity":1}]`},
		{"retract", `"retract":[{"id":"x"}]`},
	}
	cells, allowed := 0, 0
	for role, rows := range permissionTable {
		for i, section := range summary.SectionNames() {
			letters := strings.Fields(rows[i])
			if len(letters) != len(operations) {
				t.Fatalf("%s, %s: %d cells", role, section, len(letters))
			}
			for j, op := range operations {
				cells++
				for _, v := range variants[i] {
					for _, own := range []bool{false, true} {
						want := strings.Contains(v.letters, letters[j]) || letters[j] == "o" && own
						members, target := op.members, nowhere
						if op.name == "add" {
							members = `"add":{"` + section + `":[` + v.json + `]}`
						} else {
							target = func(id string) (string, any, bool, bool) { return section, item(t, section, v.json), own, id == "x" }
						}
						err := permitted(role, amendmentOf(t, members), target)
						if (err == nil) != want {
							t.Errorf("%s, %s, %s, %s, own %v: %v", role, section, op.name, v.json, own, err)
						}
						if err == nil {
							allowed++
							continue
						}
						var p *PermissionError
						if !errors.As(err, &p) || !errors.Is(err, ErrRole) || p.Role != role || string(p.Operation) != op.name || p.Section != section {
							t.Errorf("%s, %s, %s: %#v", role, section, op.name, err)
						}
					}
				}
			}
		}
	}
	if cells != 9*9*6 || allowed == 0 {
		t.Errorf("%d cells", cells)
	}
	for _, role := range slices.Concat(trust.SignerRoles(), trust.KeyRoles()) {
		if _, ok := permissionTable[role]; !ok {
			t.Errorf("the table does not say what %s may do", role)
		}
	}
}

// What an amendment adds itself is a target too, whatever else has its id, and one operation refuses all.
func TestPermittedTogether(t *testing.T) {
	otc := `"add":{"medications":[{"id":"x","product":{"text":"a"},"origin":"otc"}]}`
	prescribed := func(string) (string, any, bool, bool) {
		return "medications", item(t, "medications", `{"product":{"text":"b"},"origin":"prescribed"}`), false, true
	}
	for _, tt := range []struct {
		name, members string
		target        func(string) (string, any, bool, bool)
		path          string
	}{
		{"its own item", otc + `,"stop":[{"id":"x"}],"retract":[{"id":"x"}]`, prescribed, ""},
		{"another item beside it", otc + `,"stop":[{"id":"x"},{"id":"y"}]`, prescribed, "stop[1]"},
		{"retracted beside it", otc + `,"retract":[{"id":"y"}]`, prescribed, "retract[0]"},
		{"the second item", `"add":{"medications":[{"product":{"text":"a"},"origin":"otc"},{"product":{"text":"a"}}]}`, nowhere, "add.medications[1]"},
		{"the second section", `"add":{"allergies":[{"agent":{"text":"x"}}],"medications":[{"product":{"text":"a"},"origin":"otc"}]}`, nowhere, "add.allergies[0]"},
		{"the last operation", `"taken":[{"id":"y","value":"a"}],"dispensed":[{"id":"y","quantity":1}],"stop":[{"id":"y"}]`, prescribed, "stop[0]"},
		{"nobody's item", `"stop":[{"id":"y"}],"retract":[{"id":"y"}],"annotate":[{"id":"y","note":"z"}]`, nowhere, ""},
	} {
		err := permitted(trust.RolePharmacist, amendmentOf(t, tt.members), tt.target)
		var p *PermissionError
		switch {
		case tt.path == "" && err == nil:
		case !errors.As(err, &p) || p.Path != tt.path:
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// What a role may do nowhere it may not say of nobody's item either.
	if err := permitted(trust.RoleNurse, amendmentOf(t, `"stop":[{"id":"y"}]`), nowhere); !errors.Is(err, ErrRole) {
		t.Errorf("a nurse stops: %v", err)
	}
	if err := permitted(trust.RoleEmergency, amendmentOf(t, `"retract":[{"id":"y"}]`), nowhere); !errors.Is(err, ErrRole) {
		t.Errorf("a service retracts: %v", err)
	}
}

// Nobody but a physician adds an item by somebody else, or by anybody, since the signer goes without saying.
func TestPermittedNames(t *testing.T) {
	for role := range permissionTable {
		for _, by := range []string{`"Dr LEROY"`, `{"role":"physician"}`} {
			for i, section := range summary.SectionNames() {
				for _, v := range variants[i] {
					a := amendmentOf(t, `"add":{"`+section+`":[`+strings.TrimSuffix(v.json, "}")+`,"by":`+by+`}]}`)
					if err := permitted(role, a, nowhere); (err == nil) != (role == trust.RolePhysician) {
						t.Errorf("%s, %s by %s: %v", role, section, by, err)
					}
				}
			}
		}
	}
}

func TestPermissionErrorText(t *testing.T) {
	for _, tt := range []struct {
		err  PermissionError
		want string
	}{
		{PermissionError{trust.RolePharmacist, summary.OpAdd, "alerts", "add.alerts[0]"}, "add.alerts[0]: pharmacist may not add this in alerts"},
		{PermissionError{"", summary.OpStop, "", "stop[2]"}, "stop[2]: a signer without a role may not stop"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%s", got)
		}
	}
}

// The table of the document is the one tested here.
func TestFormatPermissions(t *testing.T) {
	doc, err := os.ReadFile("../../docs/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := summary.SectionNames()
	got := map[trust.Role]map[string]string{}
	for _, line := range strings.Split(string(doc), "\n") {
		cells := strings.Split(strings.ReplaceAll(strings.Trim(line, "| "), "–", "-"), " | ")
		if len(cells) != 8 || permissionTable[trust.Role(cells[0])] == [9]string{} {
			continue
		}
		role := trust.Role(cells[0])
		if got[role] == nil {
			got[role] = map[string]string{}
		}
		in := []string{cells[1]}
		if cells[1] == "every" {
			in = sections
		}
		for _, section := range in {
			got[role][section] = strings.Join(cells[2:], " ")
		}
	}
	if len(got) != len(trust.SignerRoles()) {
		t.Errorf("%d roles", len(got))
	}
	for role, rows := range got {
		for i, section := range sections {
			row := rows[section]
			if row == "" {
				row = nothingAtAll
			}
			if row != permissionTable[role][i] {
				t.Errorf("%s, %s: %s", role, section, row)
			}
			delete(rows, section)
		}
		if len(rows) > 0 {
			t.Errorf("%s: sections that are none: %v", role, rows)
		}
	}
}
