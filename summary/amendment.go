package summary

import (
	"fmt"
	"reflect"
)

// AmendmentSchema is the value of Amendment.Schema that this package reads and writes.
const AmendmentSchema = "secours.amendment/1"

// Amendment is what one professional says about a summary that somebody else wrote: items to add, and operations on items that
// are there. Nothing in it deletes (docs/FORMAT.md, section 4.11).
type Amendment struct {
	Schema    string       `json:"schema" key:"0" req:"1" max:"19"`
	Add       Additions    `json:"add" key:"1"`
	Stop      []Stop       `json:"stop" key:"2" min:"1" max:"100"`
	Annotate  []Annotation `json:"annotate" key:"3" min:"1" max:"100"`
	Taken     []Intake     `json:"taken" key:"4" min:"1" max:"100"`
	Dispensed []Dispensing `json:"dispensed" key:"5" min:"1" max:"100"`
	Retract   []Retraction `json:"retract" key:"6" min:"1" max:"100"`
	Extra     Extra
	// Level is the one level that the amendment is sealed at, as UnmarshalAmendment and ByLevel set it: what it says of an
	// item of another level is said of nothing. It is zero where several levels may be mixed.
	Level Level `json:"-"`
}

// Additions are the items that an amendment adds, by section.
type Additions struct {
	Alerts       []Alert       `json:"alerts" key:"1" min:"1" max:"100"`
	Allergies    []Allergy     `json:"allergies" key:"2" min:"1" max:"100"`
	Medications  []Medication  `json:"medications" key:"3" min:"1" max:"100"`
	History      []Condition   `json:"history" key:"4" min:"1" max:"100"`
	Measurements []Measurement `json:"measurements" key:"5" min:"1" max:"100"`
	Vaccinations []Vaccination `json:"vaccinations" key:"6" min:"1" max:"100"`
	Visits       []Visit       `json:"visits" key:"7" min:"1" max:"100"`
	Directives   []Directive   `json:"directives" key:"8" min:"1" max:"100"`
	Contacts     []Contact     `json:"contacts" key:"9" min:"1" max:"100"`
	Extra        Extra
}

// Target is the item that an operation is about. Recorded is when the operation was said, where that is not when the amendment
// was signed.
type Target struct {
	ID       string `json:"id" key:"-1" req:"1" max:"16" ident:"1"`
	Recorded Date   `json:"recorded" key:"-3"`
}

func (t *Target) target() *Target { return t }

// Stop says that a line of treatment has ended: Date is its end.
type Stop struct {
	Target
	Date   Date   `json:"date" key:"1"`
	Reason string `json:"reason" key:"2" max:"200"`
	Extra  Extra
}

// Annotation is a remark on any item, shown under it with its author.
type Annotation struct {
	Target
	Note  string `json:"note" key:"1" req:"1" max:"500" block:"1"`
	Extra Extra
}

// Intake is what is now known of the patient's real intake of a line of treatment, in place of its Taken.
type Intake struct {
	Target
	Taken
}

// Dispensing is what a pharmacy handed out for a line of treatment, in place of its Dispensed.
type Dispensing struct {
	Target
	Dispensed
}

// Retraction withdraws an item that the same signer added. The item stays, marked.
type Retraction struct {
	Target
	Reason string `json:"reason" key:"1" max:"200"`
	Extra  Extra
}

// ParseAmendment reads an amendment in JSON, as Parse does a summary.
func ParseAmendment(data []byte) (*Amendment, error) {
	a := &Amendment{}
	found, err := readJSON(data, model().amendment, reflect.ValueOf(a).Elem())
	if err != nil {
		return nil, err
	}
	found.merge(a.check(checkOptions{}))
	if err := found.err(); err != nil {
		return nil, err
	}
	return a, nil
}

// JSON returns the amendment as compact JSON, as Summary.JSON does.
func (a *Amendment) JSON() ([]byte, error) {
	return writeJSON(model().amendment, reflect.ValueOf(a).Elem())
}

// UnmarshalJSON is ParseAmendment for users of encoding/json.
func (a *Amendment) UnmarshalJSON(data []byte) error {
	p, err := ParseAmendment(data)
	if err != nil {
		return err
	}
	*a = *p
	return nil
}

// MarshalJSON is JSON for users of encoding/json.
func (a *Amendment) MarshalJSON() ([]byte, error) { return a.JSON() }

// Unknown returns the paths of the members that this version does not know, as Summary.Unknown does.
func (a *Amendment) Unknown() []string { return unknown(model().amendment, reflect.ValueOf(a).Elem()) }

// Validate checks the form of an amendment: there is something in it, no item is open or says what became of it later, and no two
// operations of one kind contradict each other. The error joins up to 20 errors of type *PathError.
func (a *Amendment) Validate() error {
	f := a.check(checkOptions{})
	return f.err()
}

func (a *Amendment) check(o checkOptions) findings {
	c := checker{checkOptions: o, path: make(path, 0, maxDepth)}
	c.object(model().amendment, reflect.ValueOf(a).Elem())
	c.schema(a.Schema, AmendmentSchema)
	if a.void() {
		c.add(fmt.Errorf("%w: want at least one operation", ErrMissing))
	}
	c.additions(a)
	distinct(&c, "stop", a.Stop, sameTarget)
	distinct(&c, "annotate", a.Annotate, func(a, b *Annotation) bool { return reflect.DeepEqual(a, b) })
	distinct(&c, "taken", a.Taken, sameTarget)
	distinct(&c, "dispensed", a.Dispensed, sameTarget)
	distinct(&c, "retract", a.Retract, sameTarget)
	for i := range a.Taken {
		if t := a.Taken[i].Taken; reflect.DeepEqual(t, Taken{}) {
			c.wrong("taken", i, "", errNothing())
		}
	}
	for i := range a.Dispensed {
		if d := a.Dispensed[i].Dispensed; reflect.DeepEqual(d, Dispensed{}) {
			c.wrong("dispensed", i, "", errNothing())
		}
	}
	return c.findings
}

func errNothing() error { return fmt.Errorf("%w: names an item and says nothing", ErrEmpty) }

// void says whether there is no operation. One that only a newer version knows counts.
func (a *Amendment) void() bool {
	for _, list := range a.Add.lists() {
		// An empty list has its own error.
		if list.listed() {
			return false
		}
	}
	return a.Stop == nil && a.Annotate == nil && a.Taken == nil && a.Dispensed == nil && a.Retract == nil &&
		len(a.Add.Extra) == 0 && len(a.Extra) == 0
}

func (c *checker) additions(a *Amendment) {
	ids := make(map[string]bool, 16)
	c.path = append(c.path, step{name: "add"})
	for i, list := range a.Add.lists() {
		for j := range list.Len() {
			common := list.Common(j)
			if common.ID != "" {
				if ids[common.ID] {
					c.wrong(sectionNames[i], j, "id", fmt.Errorf("%w: another item has the same id", ErrDuplicate))
				}
				ids[common.ID] = true
			}
			if common.Level == LevelOpen {
				err := fmt.Errorf("%w: only the author of a base can open an item to everybody", ErrContradiction)
				c.wrong(sectionNames[i], j, "level", err)
			}
			if common.Unreviewed != Unsaid {
				err := fmt.Errorf("%w: whatever an amendment adds is unreviewed", ErrContradiction)
				c.wrong(sectionNames[i], j, "unreviewed", err)
			}
			if common.Remarks != nil {
				err := fmt.Errorf("%w: others annotate what an amendment adds", ErrContradiction)
				c.wrong(sectionNames[i], j, "remarks", err)
			}
		}
	}
	c.path = c.path[:0]
}

// wrong adds an error at an element of a list of the object at hand, or at a member of it.
func (c *checker) wrong(list string, i int, member string, err error) {
	c.at(list, func() {
		c.path = append(c.path, step{index: i})
		if member == "" {
			c.add(err)
		} else {
			c.at(member, func() { c.add(err) })
		}
		c.path = c.path[:len(c.path)-1]
	})
}

// operation is a pointer to an operation on an item.
type operation[O any] interface {
	*O
	target() *Target
}

func sameTarget[O any, P operation[O]](a, b P) bool { return a.target().ID == b.target().ID }

// distinct refuses operations of which the second says again, or otherwise, what the first said.
func distinct[O any, P operation[O]](c *checker, list string, ops []O, same func(a, b P) bool) {
	if len(ops) > maxEntries {
		return // which is an error already
	}
	for i := range ops {
		if P(&ops[i]).target().ID == "" {
			continue
		}
		for j := range i {
			if same(&ops[i], &ops[j]) {
				c.wrong(list, i, "id", fmt.Errorf("%w: another operation of this list is about the same item", ErrDuplicate))
				break
			}
		}
	}
}

// lists returns the items by section, in canonical order, as sections without a head. They share their items with a.
func (a *Additions) lists() [len(sectionNames)]section {
	return [...]section{
		&Section[Alert]{Items: a.Alerts}, &Section[Allergy]{Items: a.Allergies}, &Section[Medication]{Items: a.Medications},
		&Section[Condition]{Items: a.History}, &Section[Measurement]{Items: a.Measurements},
		&Section[Vaccination]{Items: a.Vaccinations}, &Section[Visit]{Items: a.Visits}, &Section[Directive]{Items: a.Directives},
		&Section[Contact]{Items: a.Contacts},
	}
}

// set makes the items of a section those of list.
func (a *Additions) set(list section) {
	switch s := list.(type) {
	case *Section[Alert]:
		a.Alerts = s.Items
	case *Section[Allergy]:
		a.Allergies = s.Items
	case *Section[Medication]:
		a.Medications = s.Items
	case *Section[Condition]:
		a.History = s.Items
	case *Section[Measurement]:
		a.Measurements = s.Items
	case *Section[Vaccination]:
		a.Vaccinations = s.Items
	case *Section[Visit]:
		a.Visits = s.Items
	case *Section[Directive]:
		a.Directives = s.Items
	case *Section[Contact]:
		a.Contacts = s.Items
	}
}

// Each calls f for every item that is added, in canonical order, with its section and a pointer to it.
func (a *Additions) Each(f func(section string, item any, common *Common)) {
	for i, list := range a.lists() {
		for j := range list.Len() {
			f(sectionNames[i], list.Item(j), list.Common(j))
		}
	}
}
