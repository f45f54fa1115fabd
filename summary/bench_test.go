package summary

import (
	"fmt"
	"testing"
)

// forty is the sample with as many items as a long summary has.
func forty(b *testing.B) *Summary {
	s := parse(b, sample)
	for i := range 11 {
		m := s.Sections.Medications.Items[i%5]
		m.Product.Text += fmt.Sprint(" ", i)
		s.Sections.Medications.Items = append(s.Sections.Medications.Items, m)
	}
	n := 0
	s.Sections.Each(func(_ string, sec AnySection) { n += sec.Len() })
	if n != 40 {
		b.Fatalf("%d items", n)
	}
	return s
}

func BenchmarkParse(b *testing.B) {
	data := []byte(jsonOf(b, forty(b)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	s := forty(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.JSON(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompartments(b *testing.B) {
	s := forty(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Compartments(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	c := compartments(b, forty(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Merge(c); err != nil {
			b.Fatal(err)
		}
	}
}
