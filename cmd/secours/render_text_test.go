package main

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/secours-card/secours/summary"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"méthotrexate 2,5 mg":             "méthotrexate 2,5 mg",
		"a\x1b[31mb":                      "a�[31mb",
		"a\u009b31mb":                     "a�31mb",
		"a\x9bb\xff":                      "a�b�",
		"a\rb\tc\x00d\x7fe":               "a�b�c�d�e",
		"a\nb":                            "a\nb",
		"\u202eabc\u2066\u2069\u200f":     "�abc���",
		"a\u200bb\u00adc\ufeffd":          "a�b�c�d",
		"a\u2028b\u2029c":                 "a�b�c",
		"\u3164\u2800\ufe0f":              "���",
		"\ue000\U000e0041":                "��",
		"e\u0301":                         "e\u0301",
		"5 000 mg":                        "5 000 mg",
		"日本語":                             "日本語",
		"z" + strings.Repeat("\u0301", 6): "z" + strings.Repeat("\u0301", 4) + "��",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTextWidth(t *testing.T) {
	for in, want := range map[string]int{"abc": 3, "é": 1, "e\u0301": 1, "日本": 4, "ｱ": 1, "Ａ": 2, "µg": 2, "« x »": 5} {
		if got := textWidth(in); got != want {
			t.Errorf("textWidth(%q) = %d, want %d", in, got, want)
		}
	}
}

func flowed(width int, p *phrase) []string {
	s := &screen{width: width}
	s.entry(critical, p)
	return strings.Split(strings.TrimSuffix(string(s.out), "\n"), "\n")
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		width int
		p     *phrase
		want  []string
	}{
		{40, new(phrase).add(plain, "court"), []string{"!! court"}},
		{40, new(phrase).add(plain, "un texte de quarante colonnes au moins, si"), []string{"!! un texte de quarante colonnes au", "      moins, si"}},
		// A figure stays with its unit, a label with its dose, a telephone number in one piece.
		{40, new(phrase).add(plain, "hydrocortisone par voie veineuse 100 mg IV"), []string{"!! hydrocortisone par voie veineuse", "      100 mg IV"}},
		{40, new(phrase).add(plain, "centre de référence appeler 02 61 91 00 01"), []string{"!! centre de référence appeler", "      02 61 91 00 01"}},
		{40, new(phrase).keep(strong, "méthotrexate 2,5 mg").add(plain, "   ").keep(strong, "DOSE 4 comprimés LE LUNDI"), []string{"!! méthotrexate 2,5 mg", "      DOSE 4 comprimés LE LUNDI"}},
		{40, new(phrase).add(plain, "un deux trois quatre cinq six DOSE quatre"), []string{"!! un deux trois quatre cinq six", "      DOSE quatre"}},
		// A word longer than the line is broken, never cut.
		{40, new(phrase).add(plain, "a "+strings.Repeat("x", 70)), []string{"!! a", "      " + strings.Repeat("x", 34), "      " + strings.Repeat("x", 34), "      xx"}},
		{40, new(phrase).add(plain, strings.Repeat("1 ", 30)), []string{"!! " + strings.TrimSpace(strings.Repeat("1 ", 13)), "      " + strings.TrimSpace(strings.Repeat("1 ", 17))}},
		{40, new(phrase).add(plain, strings.Repeat("日", 30)), []string{"!! " + strings.Repeat("日", 18), "      " + strings.Repeat("日", 12)}},
		// What begins a line in the signer's text is indented, so that it can pass neither for a mark nor for a title.
		{40, new(phrase).add(plain, "un\n\n!! deux\n== TROIS =="), []string{"!! un", "      !! deux", "      == TROIS =="}},
		{40, new(phrase).add(plain, "a    b"), []string{"!! a    b"}},
	} {
		if got := flowed(c.width, c.p); !reflect.DeepEqual(got, c.want) {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestSays(t *testing.T) {
	for _, c := range []struct {
		text, part string
		want       bool
	}{
		{"méthotrexate 2,5 mg", "2,5 mg", true},
		{"bisoprolol 12,5 mg", "2,5 mg", false},
		{"bisoprolol 2,5 mg", "5 mg", false},
		{"ELIQUIS 5 mg", "5 m", false},
		{"5 mg/mL", "5 mg", false},
		{"15 mg, 5 mg", "5 mg", true},
		{"x", "", false},
	} {
		if got := says(c.text, c.part); got != c.want {
			t.Errorf("says(%q, %q) = %v", c.text, c.part, got)
		}
	}
}

// source makes anything out of the bytes of a fuzzer.
type source struct {
	data []byte
	rng  *rand.Rand
}

func (s *source) next() byte {
	if len(s.data) == 0 {
		return byte(s.rng.Uint32())
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

// nasty are the pieces of text that terminals and readers have been fooled with.
var nasty = []string{
	"\x1b[2J", "\x1b]0;t\a", "\u009b1m", "\x9b", "\xff\xfe", "\x00", "\r", "\t", "\b", "\x7f", "\u202e", "\u2066", "\u200b", "\u200d", "\u2028",
	"\u0085", "\ufeff", "\u00ad", "\u0301\u0302\u0303\u0304\u0305\u0306", "\n!! ", "\n== ALLERGIES ==", "日本語", "\U0001f600", "\U000e0041", "\ue000",
	"2,5 mg ", "1 ", " ", "   ", "DOSE ", "«", "»", ":", strings.Repeat("x", 130), "é", "mg", "#7", "mon", "week", "refuted", "high", "critical", "items",
	"none-known", "stopped", "refusal", "otc",
}

func (s *source) text() string {
	var b strings.Builder
	for n := s.next() % 8; n > 0; n-- {
		if c := s.next(); int(c) < 3*len(nasty) {
			b.WriteString(nasty[int(c)/3])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (s *source) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s.text())
		// Mostly values that mean something, so that the fuzzer gets past them.
		if table := enumWords[v.Type().Name()]; len(table) > 0 && s.next()%4 > 0 {
			v.SetString(slices.Sorted(maps.Keys(table))[int(s.next())%len(table)])
		}
	case reflect.Int, reflect.Int8:
		v.SetInt(int64(int8(s.next())))
		if v.Kind() == reflect.Int && s.next()%4 > 0 {
			v.SetInt(int64(s.next()%13) + map[bool]int64{true: 2015}[s.next()%4 == 0])
		}
	case reflect.Bool:
		v.SetBool(s.next()%2 == 0)
	case reflect.Pointer:
		if s.next()%4 > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			s.fill(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		n := int(s.next() % 4)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			s.fill(v.Index(i))
		}
	case reflect.Map:
		if s.next()%8 == 0 {
			v.Set(reflect.ValueOf(summary.Extra{s.text(): nil}))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			s.fill(v.Field(i))
		}
	}
}

// reading makes up the rest of what a reading says, about the items that there are and about others.
func (s *source) reading(v *view) {
	v.Clearance, v.Reader, v.StolenKey = int(s.next()%5), s.text(), s.text()
	v.Older, v.NewerLost, v.Unconfirmed, v.Unsealed, v.DemoKeys = s.next()%2 == 0, s.next()%4 == 0, s.next()%4 == 0, s.next()%4 == 0, s.next()%4 == 0
	if s.next()%4 == 0 {
		v.Verdict.Code = "no-key"
	}
	if s.next()%4 == 0 {
		v.Dropped = &dropped{int(int8(s.next())), s.text()}
	}
	for range s.next() % 3 {
		v.Damaged = append(v.Damaged, int(s.next()%5))
	}
	ids := []string{"nobody"}
	v.Summary.Sections.Each(func(name string, sec summary.AnySection) {
		for i := range sec.Len() {
			ids = append(ids, sec.Common(i).ID)
		}
		if s.next()%4 == 0 {
			if v.Sections == nil {
				v.Sections = map[string]sectionView{}
			}
			v.Sections[name] = sectionView{visibility(s.next() % 3), []string{"role", "undecodable", "absent", s.text()}[s.next()%4]}
		}
	})
	id := func() string { return ids[int(s.next())%len(ids)] }
	for range s.next() % 6 {
		var c summary.Change
		s.fill(reflect.ValueOf(&c).Elem())
		c.ID = id()
		c.Operation = []summary.Operation{
			summary.OpAdd, summary.OpStop, summary.OpAnnotate, summary.OpTaken, summary.OpDispensed, summary.OpRetract, c.Operation,
		}[s.next()%7]
		c.Section = summary.SectionNames()[s.next()%9]
		v.Changes = append(v.Changes, c)
	}
	for range s.next() % 4 {
		a := amendmentView{
			ID: s.text(), Verdict: verdict{[]string{verdictValid, verdictUnverifiable, verdictInvalid}[s.next()%3], s.text(), s.text()},
			State:  []string{amendmentApplied, amendmentApart, amendmentSuperseded, amendmentUnreadable, s.text()}[s.next()%5],
			Author: signer{s.text(), s.text(), s.text()}, Time: viewed.AddDate(0, 0, int(int8(s.next()))), Gap: s.next()%4 == 0, Missing: []string{id()},
		}
		if s.next()%4 > 0 {
			a.Content = new(summary.Amendment)
			s.fill(reflect.ValueOf(a.Content).Elem())
		}
		v.Amendments = append(v.Amendments, a)
	}
}

// FuzzRender prints anything at all and looks at what a terminal would get: nothing but text, our own colour codes and line
// breaks, within the width, and the same words in colour as without.
func FuzzRender(f *testing.F) {
	for i := range 64 {
		f.Add(binary.BigEndian.AppendUint64(nil, uint64(i)*0x9e3779b97f4a7c15), uint8(40+i))
	}
	f.Fuzz(func(t *testing.T, data []byte, width uint8) {
		seed := uint64(len(data))
		for _, b := range data {
			seed = seed*1099511628211 + uint64(b)
		}
		s := &source{data, rand.New(rand.NewPCG(seed, 1))}
		sum := new(summary.Summary)
		s.fill(reflect.ValueOf(sum).Elem())
		v := valid(sum)
		v.Verdict = verdict{[]string{verdictValid, verdictStale, verdictUnverifiable, verdictInvalid}[s.next()%4], s.text(), s.text()}
		v.Signer, v.OnBehalfOf = signer{s.text(), s.text(), s.text()}, s.text()
		s.reading(v)
		o := renderOptions{Lang: lang(s.next() % 2), Width: int(width), Rows: int(s.next() % 48), Talk: int(s.next() % 6)}
		text := read(t, v, o)
		o.Colour, o.Now = true, viewed
		var coloured bytes.Buffer
		if err := render(&coloured, v, o); err != nil {
			t.Fatal(err)
		}
		if got := sgrCode.ReplaceAllString(coloured.String(), ""); got != text {
			t.Errorf("in colour the words differ:\n%q\n%q", got, text)
		}
		if !utf8.ValidString(text) {
			t.Error("invalid UTF-8")
		}
		for _, r := range text {
			if r != '\n' && (unicode.IsControl(r) || !unicode.IsGraphic(r)) {
				t.Errorf("%U in the output", r)
			}
		}
	})
}

func TestColourWanted(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if colourWanted(f, func(string) string { return "" }) {
		t.Error("colour into a file")
	}
}
