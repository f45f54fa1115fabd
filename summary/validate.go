package summary

import (
	"fmt"
	"reflect"
	"strings"
)

// Limits that the tags of the model do not give.
const (
	// MaxJSON is the size in bytes of the largest document that Parse reads.
	MaxJSON = 1 << 20
	// maxDepth is how deep objects and lists of a document may nest; the model itself needs 9.
	maxDepth = 16
	// maxUnknown is how many members unknown to this version an object may have, maxName how long their names may be.
	maxUnknown = 32
	maxName    = 64
)

// Validate checks the form of a summary, never its medicine: what must be there, limits, characters, and statements that
// cannot all be true. The error joins up to 20 errors of type *PathError.
func (s *Summary) Validate() error {
	f := s.check(checkOptions{})
	return f.err()
}

// checkOptions say what is forgiven when a card is read that another version may have written, or of which a part is missing.
type checkOptions struct {
	// newer allows values that only a newer format can name.
	newer bool
	// partial says that the level 1 compartment, which holds the identity, is not available.
	partial bool
}

func (s *Summary) check(o checkOptions) findings {
	c := checker{checkOptions: o, path: make(path, 0, maxDepth)}
	c.summary(s)
	c.rules(s)
	return c.findings
}

type checker struct {
	checkOptions
	findings
	path  path
	depth int
}

func (c *checker) at(name string, check func()) {
	c.path = append(c.path, step{name: name})
	check()
	c.path = c.path[:len(c.path)-1]
}

func (c *checker) add(err error) { c.findings.add(c.path, err) }

func (c *checker) summary(s *Summary) {
	m := model()
	v := reflect.ValueOf(s).Elem()
	if !c.partial {
		c.object(m.summary, v)
		return
	}
	c.depth++
	c.at("sections", func() { c.object(m.sections, m.summary.field("sections").of(v)) })
	c.unknown(m.summary, s.Extra)
	c.depth--
}

func (c *checker) object(o *object, v reflect.Value) {
	c.depth++
	for i := range o.fields {
		f := &o.fields[i]
		fv := f.of(v)
		if !f.present(fv) || f.req && f.kind == kindList && fv.Len() == 0 {
			if f.req {
				c.path = append(c.path, step{name: f.name})
				c.add(missing(f.shape))
				c.path = c.path[:len(c.path)-1]
			}
			continue
		}
		c.path = append(c.path, step{name: f.name})
		c.value(f.shape, fv)
		c.path = c.path[:len(c.path)-1]
	}
	if o.form == formAuthor {
		if a := v.Addr().Interface().(*Author); a.Bare && !a.bare() {
			c.add(fmt.Errorf("%w: a bare author has a name and nothing else", ErrContradiction))
		}
	}
	if extra := *o.extraOf(v); len(extra) > 0 {
		c.unknown(o, extra)
	}
	c.depth--
}

func missing(s *shape) error {
	if s.kind == kindEnum && !s.enum.uri && len(s.enum.values) <= 8 {
		return fmt.Errorf("%w: say %s", ErrMissing, s.enum.list())
	}
	return ErrMissing
}

// list names the values, for an error message.
func (e *enum) list() string {
	all := e.values
	if e.uri {
		all = append(all[:len(all):len(all)], "a URI")
	}
	last := len(all) - 1
	if last < 1 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// value checks a value that is present.
func (c *checker) value(s *shape, v reflect.Value) {
	var err error
	switch s.kind {
	case kindText:
		err = checkText(v.String(), s.max, s.block)
		if err == nil && s.ident && !isIdent(v.String()) {
			err = fmt.Errorf("%w: want letters, digits, dots, dashes and underscores", ErrCharacter)
		}
	case kindEnum:
		err = c.enum(s.enum, v.String())
	case kindDate:
		err = v.Interface().(Date).check()
	case kindFlag:
		if f := Flag(v.Int()); f != Yes && f != No {
			err = fmt.Errorf("%w: want true or false", ErrUnknownValue)
		}
	case kindValue:
		q := v.Interface().(Value)
		if err = checkText(q.Text, s.max, false); err == nil && q.Number && !isNumber(q.Text) {
			err = fmt.Errorf("%w: want a number", ErrType)
		}
	case kindList:
		c.list(s, v)
	case kindObject:
		c.object(s.obj, s.deref(v))
	}
	if err != nil {
		c.add(err)
	}
}

func (c *checker) enum(e *enum, v string) error {
	switch number, newer := newerNumber(v); {
	case e.has(v):
		if len(v) > maxURI {
			return fmt.Errorf("%w: a URI of more than %d characters", ErrTooLarge, maxURI)
		}
		return nil
	case len(e.values) == 0:
		return fmt.Errorf("%w: this section has no categories", ErrUnknownValue)
	case newer && number >= uint64(len(e.values)):
		if c.newer {
			return nil
		}
		return ErrNewer
	}
	return fmt.Errorf("%w: want %s", ErrUnknownValue, e.list())
}

func (c *checker) list(s *shape, v reflect.Value) {
	n := v.Len()
	if n < s.min {
		c.add(fmt.Errorf("%w list: leave the member out", ErrEmpty))
	}
	if n > s.max {
		c.add(fmt.Errorf("%w: %d elements, at most %d", ErrTooLarge, n, s.max))
		return
	}
	c.depth++
	for i := range n {
		c.path = append(c.path, step{index: i})
		ev := v.Index(i)
		switch {
		case s.elem.kind != kindObject && s.elem.absent(ev):
			c.add(ErrEmpty)
		case s.elem.kind == kindEnum:
			// A list of such values is a set.
			for j := range i {
				if v.Index(j).String() == ev.String() {
					c.add(fmt.Errorf("%w value", ErrDuplicate))
				}
			}
			fallthrough
		default:
			c.value(s.elem, ev)
		}
		c.path = c.path[:len(c.path)-1]
	}
	c.depth--
}

// unknown checks the members that this version does not know.
func (c *checker) unknown(o *object, extra Extra) {
	if len(extra) > maxUnknown {
		c.add(fmt.Errorf("%w: %d unknown members, at most %d", ErrTooLarge, len(extra), maxUnknown))
		return
	}
	for name, raw := range extra {
		c.path = append(c.path, step{name, -1})
		if err := c.member(o, name, raw); err != nil {
			c.add(err)
		}
		c.path = c.path[:len(c.path)-1]
	}
}

func (c *checker) member(o *object, name string, raw []byte) error {
	if name == "" {
		return fmt.Errorf("%w: a member without a name", ErrEmpty)
	}
	if err := checkText(name, maxName, false); err != nil {
		return fmt.Errorf("name of a member: %w", err)
	}
	if _, known := o.names[name]; known {
		return fmt.Errorf("%w: stands among the unknown members", ErrDuplicate)
	}
	if name[0] == '#' {
		_, _, err := o.newerMember(name, raw)
		return err
	}
	sc := scanner{data: raw, depth: c.depth}
	sc.skip()
	switch {
	case sc.err != nil:
		return sc.err
	case sc.pos != len(raw) || !isCompact(raw):
		return fmt.Errorf("%w: want one compact JSON value", ErrSyntax)
	}
	return sc.text
}

// rules checks statements against each other.
func (c *checker) rules(s *Summary) {
	if !c.partial {
		c.schema(s.Schema, Schema)
	}
	ids := make(map[string]bool, 64)
	for i, sec := range s.Sections.all() {
		c.path = append(c.path[:0], step{name: "sections"}, step{name: sectionNames[i]})
		c.status(sec)
		c.noneKnown(i, sec)
		c.path = append(c.path, step{name: "items"}, step{}, step{})
		for j := range sec.Len() {
			common := sec.Common(j)
			c.path[3].index = j
			if common.ID != "" {
				if ids[common.ID] {
					c.path[4].name = "id"
					c.add(fmt.Errorf("%w: another item has the same id", ErrDuplicate))
				}
				ids[common.ID] = true
			}
			if common.Level == LevelOpen && s.Consent == nil && !c.partial {
				c.path[4].name = "level"
				c.add(fmt.Errorf("%w: open wants the patient's consent, and there is none", ErrContradiction))
			}
		}
	}
	c.path = c.path[:0]
}

func (c *checker) schema(got, want string) {
	if got != "" && got != want {
		c.at("schema", func() { c.add(fmt.Errorf("%w: want %s", ErrUnknownValue, want)) })
	}
}

func (c *checker) status(sec section) {
	name, err := "", error(nil)
	switch sec.Head().Status {
	case StatusItems:
		if sec.Len() == 0 {
			name, err = "items", fmt.Errorf("%w: the status is %s, so there must be one", ErrMissing, StatusItems)
		}
	case StatusNoneKnown, StatusNotAsked, StatusUnavailable:
		if sec.Len() > 0 {
			name, err = "status", fmt.Errorf("%w: the status is %s, but there are items", ErrContradiction, sec.Head().Status)
		}
	}
	if err != nil {
		c.at(name, func() { c.add(err) })
	}
}

// noneKnown refuses a category of which none is known where an item of it is listed. A refuted allergy is no such item: it is
// there to say that there is none.
func (c *checker) noneKnown(i int, sec section) {
	category := model().items[i].category
	if category == nil {
		return
	}
	for k, none := range sec.Head().NoneKnown {
		for j := range sec.Len() {
			item := sec.Item(j)
			if isRefuted(item) {
				continue
			}
			if category.of(reflect.ValueOf(item).Elem()).String() != string(none) {
				continue
			}
			c.path = append(c.path, step{name: "noneKnown"}, step{index: k})
			c.add(fmt.Errorf("%w: items[%d] is of this category", ErrContradiction, j))
			c.path = c.path[:len(c.path)-2]
			break
		}
	}
}

// Unknown returns the paths of the members that this version does not know, in no order: a program that writes a card can say
// that it carries them without understanding them, which is most often a misspelt name.
func (s *Summary) Unknown() []string {
	return unknown(model().summary, reflect.ValueOf(s).Elem())
}

func unknown(o *object, v reflect.Value) []string {
	var found []string
	var walk func(sh *shape, v reflect.Value, p path)
	walk = func(sh *shape, v reflect.Value, p path) {
		switch {
		case sh.absent(v):
		case sh.kind == kindList:
			for i := range v.Len() {
				walk(sh.elem, v.Index(i), append(p, step{index: i}))
			}
		case sh.kind == kindObject:
			v = sh.deref(v)
			for i := range sh.obj.fields {
				f := &sh.obj.fields[i]
				walk(f.shape, f.of(v), append(p, step{name: f.name}))
			}
			for name := range *sh.obj.extraOf(v) {
				found = append(found, append(p, step{name: name}).String())
			}
		}
	}
	walk(&shape{kind: kindObject, obj: o}, v, nil)
	return found
}
