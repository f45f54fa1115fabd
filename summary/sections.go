package summary

import (
	"iter"
	"slices"
)

// SectionNames returns the JSON names of the sections, in their canonical order.
func SectionNames() []string { return slices.Clone(sectionNames[:]) }

// sectionNames are in the order of their numbers on the card.
var sectionNames = [...]string{
	"alerts", "allergies", "medications", "history", "measurements", "vaccinations", "visits", "directives", "contacts",
}

// AnySection is a section of any kind of item. Item and Common return pointers into the section.
type AnySection interface {
	Head() *SectionHead
	Len() int
	Common(i int) *Common
	// Item returns the i-th item, a *Alert in alerts, a *Allergy in allergies, and so on.
	Item(i int) any
}

// Head returns the statement about the section as a whole.
func (s *Section[I]) Head() *SectionHead { return &s.SectionHead }

// Len returns the number of items.
func (s *Section[I]) Len() int { return len(s.Items) }

// Common returns what the i-th item has in common with all others.
func (s *Section[I]) Common(i int) *Common {
	return any(&s.Items[i]).(interface{ common() *Common }).common()
}

// Item returns a pointer to the i-th item.
func (s *Section[I]) Item(i int) any { return &s.Items[i] }

func (c *Common) common() *Common { return c }

// Section returns a section by its JSON name, nil where it is absent or the name unknown.
func (s *Sections) Section(name string) AnySection {
	for i, n := range sectionNames {
		if n == name {
			if sec := s.at(i); sec != nil {
				return sec
			}
			return nil
		}
	}
	return nil
}

// Each calls f for every section that is present, in canonical order.
func (s *Sections) Each(f func(name string, sec AnySection)) {
	for i, sec := range s.all() {
		f(sectionNames[i], sec)
	}
}

// Find returns the item with an id: its section, a pointer to it as AnySection.Item gives it, and what it has in common with all
// others, which is nil where there is no such item.
func (s *Summary) Find(id string) (section string, item any, common *Common) {
	for i, sec := range s.Sections.all() {
		for j := range sec.Len() {
			if c := sec.Common(j); c.ID == id {
				return sectionNames[i], sec.Item(j), c
			}
		}
	}
	return "", nil, nil
}

// section is what the encoders need of a Section[I] beyond AnySection.
type section interface {
	AnySection
	extra() *Extra
	// grow appends n zero items.
	grow(n int)
	// insert puts the items of another section of the same kind at the given places of the resulting list, or at its end
	// where at is nil.
	insert(from section, at []int)
	// listed says whether there is a list of items, be it empty, and setListed makes it so.
	listed() bool
	setListed()
	void() bool
}

func (s *Section[I]) extra() *Extra { return &s.Extra }
func (s *Section[I]) grow(n int)    { s.Items = append(s.Items, make([]I, n)...) }
func (s *Section[I]) listed() bool  { return s.Items != nil }
func (s *Section[I]) void() bool    { return s == nil }

func (s *Section[I]) setListed() {
	if s.Items == nil {
		s.Items = []I{}
	}
}

func (s *Section[I]) insert(from section, at []int) {
	more := from.(*Section[I]).Items
	switch {
	case at == nil && s.Items == nil:
		s.Items = more
		return
	case at == nil:
		s.Items = append(s.Items, more...)
		return
	}
	old := s.Items
	s.Items = make([]I, 0, len(old)+len(more))
	for i := range more {
		// A place beyond the end happens where a lower compartment is missing: the order is kept, the gap is not.
		for len(old) > 0 && len(s.Items) < at[i] {
			s.Items, old = append(s.Items, old[0]), old[1:]
		}
		s.Items = append(s.Items, more[i])
	}
	s.Items = append(s.Items, old...)
}

// at returns the i-th section in canonical order, nil where it is absent.
func (s *Sections) at(i int) section {
	sec := s.slot(i)
	if sec.void() {
		return nil
	}
	return sec
}

// slot is like at, but an absent section is a nil pointer of its type.
func (s *Sections) slot(i int) section {
	return [...]section{
		s.Alerts, s.Allergies, s.Medications, s.History, s.Measurements, s.Vaccinations, s.Visits, s.Directives, s.Contacts,
	}[i]
}

// make sets the i-th section to an empty one and returns it.
func (s *Sections) make(i int) section {
	switch i {
	case 0:
		s.Alerts = &Section[Alert]{}
	case 1:
		s.Allergies = &Section[Allergy]{}
	case 2:
		s.Medications = &Section[Medication]{}
	case 3:
		s.History = &Section[Condition]{}
	case 4:
		s.Measurements = &Section[Measurement]{}
	case 5:
		s.Vaccinations = &Section[Vaccination]{}
	case 6:
		s.Visits = &Section[Visit]{}
	case 7:
		s.Directives = &Section[Directive]{}
	case 8:
		s.Contacts = &Section[Contact]{}
	}
	return s.at(i)
}

// all iterates over the sections that are present, with their number in canonical order.
func (s *Sections) all() iter.Seq2[int, section] {
	return func(yield func(int, section) bool) {
		for i := range sectionNames {
			if sec := s.at(i); sec != nil && !yield(i, sec) {
				return
			}
		}
	}
}
