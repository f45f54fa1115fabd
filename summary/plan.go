package summary

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
)

// A kind is how a value is written in JSON and CBOR.
type kind uint8

const (
	kindText kind = iota
	kindEnum
	kindDate
	kindFlag
	kindValue
	kindList
	kindObject
)

// A shape is what one value may be.
type shape struct {
	kind   kind
	max    int  // characters of a text, elements of a list
	min    int  // elements of a list
	block  bool // a text may have several lines
	digits bool // a text of digits stands on the card as a number
	ident  bool // a text that names an item
	enum   *enum
	elem   *shape
	obj    *object
	ptr    bool // an object behind a pointer
}

// A form is how an object departs from a plain map.
type form uint8

const (
	formPlain   form = iota
	formAuthor       // a text alone where only a name is given
	formConcept      // a text alone where there are no codes
	formPair         // two required members: lists of them are flat in CBOR
)

// An object is what the members of a struct are, in the order of the Go fields, which is that of the JSON output.
type object struct {
	name   string
	fields []field
	names  map[string]int
	keys   map[int64]int
	// sorted are the indices of fields in the order of their encoded keys (RFC 8949, section 4.2.1).
	sorted []int
	extra  [2]int
	form   form
	// required says that some member is, so that the object cannot be empty.
	required bool
	// home is the usual level of the unknown members of an object of which several compartments hold a part, else "".
	home Level
	// schema is the value of the member of this name that a document begins with, or "".
	schema string
	// places is the field of a section that only a compartment has (keyPlaces), or nil.
	places *field
	// category is the field of an item that SectionHead.NoneKnown speaks of, or nil.
	category *field
}

// A field is one member of an object. at is its place in the struct: the field, then the field within where that one is
// embedded, else -1.
type field struct {
	name string
	key  int64
	req  bool
	at   [2]int
	*shape
}

func (f *field) of(v reflect.Value) reflect.Value { return embedded(v, f.at) }

func embedded(v reflect.Value, at [2]int) reflect.Value {
	v = v.Field(at[0])
	if at[1] >= 0 {
		v = v.Field(at[1])
	}
	return v
}

func (o *object) extraOf(v reflect.Value) *Extra {
	return embedded(v, o.extra).Addr().Interface().(*Extra)
}

func (o *object) field(name string) *field { return &o.fields[o.names[name]] }

// present says whether a member is there. An object that has no required member, as Sections, is always there where
// it is required itself.
func (f *field) present(v reflect.Value) bool {
	return !f.absent(v) || f.req && f.kind == kindObject && !f.ptr && !f.obj.required
}

func (s *shape) absent(v reflect.Value) bool {
	switch s.kind {
	case kindText, kindEnum:
		return v.Len() == 0
	case kindFlag:
		return v.Int() == int64(Unsaid)
	case kindList:
		return v.IsNil()
	// The rest is v.IsZero() without its cost.
	case kindDate:
		return *v.Addr().Interface().(*Date) == Date{}
	case kindValue:
		return v.Addr().Interface().(*Value).Text == ""
	}
	if s.ptr {
		return v.IsNil()
	}
	switch s.obj.form {
	case formAuthor:
		a := v.Addr().Interface().(*Author)
		return a.Name == "" && !a.Bare && a.Role == "" && a.ID == "" && a.Org == "" && a.Extra == nil
	case formConcept:
		c := v.Addr().Interface().(*Concept)
		return c.Text == "" && c.Codes == nil && c.Extra == nil
	}
	return v.IsZero()
}

// deref follows the pointer of an object.
func (s *shape) deref(v reflect.Value) reflect.Value {
	if s.ptr {
		return v.Elem()
	}
	return v
}

// model is the plan of Summary and Amendment, worked out once from the tags. It holds no state.
var model = sync.OnceValue(func() *models {
	p := planner{enums: enums(), objects: map[reflect.Type]*object{}}
	m := &models{summary: p.object(reflect.TypeFor[Summary]()), amendment: p.object(reflect.TypeFor[Amendment]())}
	m.summary.schema, m.amendment.schema = Schema, AmendmentSchema
	m.sections = m.summary.field("sections").obj
	m.additions = m.amendment.field("add").obj
	for _, name := range sectionNames {
		o := m.sections.field(name).obj
		o.home = DefaultLevel(name)
		m.parts = append(m.parts, o)
		head := &object{name: o.name, names: map[string]int{}, keys: map[int64]int{}, fields: slices.Clone(o.fields[:o.names["items"]])}
		for i := range head.fields {
			head.fields[i].at = [2]int{head.fields[i].at[1], -1}
		}
		head.index()
		m.heads = append(m.heads, head)
		m.items = append(m.items, o.field("items").elem.obj)
	}
	return m
})

type models struct {
	summary, sections, amendment, additions *object
	// By section in canonical order: the object of the whole, that of its SectionHead and that of its items.
	parts, heads, items []*object
}

// maxFields is what a set of members seen fits in (jsonDecoder.object).
const maxFields = 64

type planner struct {
	enums   map[reflect.Type]*enum
	objects map[reflect.Type]*object
}

// object panics on a tag that makes no sense, which every test of the package would show.
func (p *planner) object(t reflect.Type) *object {
	if o := p.objects[t]; o != nil {
		return o
	}
	o := &object{name: t.Name(), names: map[string]int{}, keys: map[int64]int{}, extra: [2]int{-1, -1}}
	p.objects[t] = o
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			for j := range f.Type.NumField() {
				p.member(o, f.Type.Field(j), [2]int{i, j})
			}
			continue
		}
		p.member(o, f, [2]int{i, -1})
	}
	switch t {
	case reflect.TypeFor[Author]():
		o.form = formAuthor
	case reflect.TypeFor[Concept]():
		o.form = formConcept
	case reflect.TypeFor[Summary]():
		o.home = LevelCare
	case reflect.TypeFor[Sections]():
		// A section that this version does not know counts as clinical.
		o.home = LevelClinical
	default:
		if len(o.fields) == 2 && o.fields[0].req && o.fields[1].req {
			o.form = formPair
		}
	}
	if items, ok := o.names["items"]; ok && o.names["noneKnown"] > 0 {
		p.section(o, o.fields[items].elem.obj)
	}
	if o.extra[0] < 0 || len(o.fields) > maxFields {
		panic("summary: " + t.Name() + " has no Extra, or too many fields")
	}
	o.index()
	return o
}

// section gives noneKnown the values that the items' category has, and none where there is no category.
func (p *planner) section(o, item *object) {
	none := o.field("noneKnown")
	values := &enum{}
	if item.category != nil {
		values = item.category.enum
	}
	none.shape = &shape{kind: kindList, max: none.max, elem: &shape{kind: kindEnum, enum: values}}
	o.name = item.name + "Section"
	o.places = &field{name: "places", key: keyPlaces}
}

func (p *planner) member(o *object, f reflect.StructField, at [2]int) {
	if f.Type == reflect.TypeFor[Extra]() {
		o.extra = at
		return
	}
	name := f.Tag.Get("json")
	if name == "-" {
		return
	}
	key, err := strconv.ParseInt(f.Tag.Get("key"), 10, 16)
	if err != nil || name == "" {
		panic("summary: tags of " + o.name + "." + f.Name)
	}
	fl := field{name: name, key: key, req: f.Tag.Get("req") != "", at: at, shape: p.shape(f.Type, f.Tag)}
	o.required = o.required || fl.req
	o.fields = append(o.fields, fl)
	if f.Tag.Get("category") != "" {
		o.category = &fl
	}
	o.names[name] = len(o.fields) - 1
}

func (p *planner) shape(t reflect.Type, tag reflect.StructTag) *shape {
	limit := func(name string) int {
		n, err := strconv.Atoi(tag.Get(name))
		if err != nil {
			panic(fmt.Sprintf("summary: %v needs the tag %s", t, name))
		}
		return n
	}
	s := &shape{block: tag.Get("block") != "", digits: tag.Get("digits") != "", ident: tag.Get("ident") != ""}
	switch {
	case t == reflect.TypeFor[Date]():
		s.kind = kindDate
	case t == reflect.TypeFor[Flag]():
		s.kind = kindFlag
	case t == reflect.TypeFor[Value]():
		s.kind, s.max = kindValue, limit("max")
	case p.enums[t] != nil:
		s.kind, s.enum, s.max = kindEnum, p.enums[t], maxURI
	case t.Kind() == reflect.String:
		s.kind, s.max = kindText, limit("max")
	case t.Kind() == reflect.Pointer:
		s.kind, s.obj, s.ptr = kindObject, p.object(t.Elem()), true
	case t.Kind() == reflect.Struct:
		s.kind, s.obj = kindObject, p.object(t)
	case t.Kind() == reflect.Slice:
		s.kind, s.max = kindList, limit("max")
		if tag.Get("min") != "" {
			s.min = limit("min")
		}
		elemTag := reflect.StructTag("")
		if each := tag.Get("each"); each != "" {
			elemTag = reflect.StructTag(`max:"` + each + `"`)
		}
		s.elem = p.shape(t.Elem(), elemTag)
	default:
		panic(fmt.Sprintf("summary: no shape for %v", t))
	}
	return s
}

// index sorts the fields by their encoded keys: 0, 1, …, then −1, −2, ….
func (o *object) index() {
	o.sorted = o.sorted[:0]
	for i, f := range o.fields {
		if _, twice := o.keys[f.key]; twice {
			panic(fmt.Sprintf("summary: %s has the key %d twice", o.name, f.key))
		}
		o.names[f.name], o.keys[f.key] = i, i
		o.sorted = append(o.sorted, i)
	}
	slices.SortFunc(o.sorted, func(i, j int) int {
		a, b := o.fields[i].key, o.fields[j].key
		if (a < 0) != (b < 0) {
			return cmp.Compare(b, a)
		}
		return cmp.Compare(max(a, -a), max(b, -b))
	})
}
