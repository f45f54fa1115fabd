package summary

import (
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fit makes what was converted from another format keep the form's limits: it takes out characters that no text may have, cuts
// texts and lists that are too long, and leaves out what is empty. It calls report with the JSON path of each, what became of it and what
// stood there; what a list loses at its end is reported element by element.
//
// It decides nothing else: what is missing or contradicts itself is for [Summary.Validate] to refuse.
func (s *Summary) Fit(report func(Loss)) {
	f := fitter{report: report}
	f.object(model().summary, reflect.ValueOf(s).Elem())
}

type fitter struct {
	report func(Loss)
	path   path
}

func (f *fitter) add(kind LossKind, reason LossReason, minor bool, text string) {
	f.report(Loss{Kind: kind, Reason: reason, Minor: minor, Path: f.path.String(), Text: LossText(text)})
}

func (f *fitter) object(o *object, v reflect.Value) {
	for i := range o.fields {
		fl := &o.fields[i]
		f.path = append(f.path, step{name: fl.name})
		f.value(fl.shape, fl.of(v))
		f.path = f.path[:len(f.path)-1]
	}
}

func (f *fitter) value(s *shape, v reflect.Value) {
	switch s.kind {
	case kindText:
		v.SetString(f.text(v.String(), s.max, s.block))
	case kindValue:
		q := v.Addr().Interface().(*Value)
		if !q.Number {
			q.Text = f.text(q.Text, s.max, false)
		}
	case kindList:
		f.list(s, v)
	case kindObject:
		if !s.absent(v) {
			f.object(s.obj, s.deref(v))
		}
	}
}

func (f *fitter) list(s *shape, v reflect.Value) {
	for i := range v.Len() {
		f.path = append(f.path, step{index: i})
		if i < s.max {
			f.value(s.elem, v.Index(i))
		} else {
			f.add(LossDropped, ReasonTooMany, false, gist(v.Index(i)))
		}
		f.path = f.path[:len(f.path)-1]
	}
	if v.Len() > s.max {
		v.SetLen(s.max)
	}
	if s.elem.kind == kindText || s.elem.kind == kindObject && !s.elem.ptr {
		// Empty elements say nothing, and an empty list but that there is one.
		kept := 0
		for i := range v.Len() {
			if !s.elem.absent(v.Index(i)) {
				v.Index(kept).Set(v.Index(i))
				kept++
			}
		}
		v.SetLen(kept)
	}
	if v.Len() == 0 {
		v.SetZero()
	}
}

// gist is what an element of a list is about, for a person: its own texts and those of its concepts.
func gist(v reflect.Value) string {
	var parts []string
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			if v.Type() == reflect.TypeFor[string]() && v.String() != "" {
				parts = append(parts, v.String())
			}
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[Common]() {
				return
			}
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		}
	}
	walk(v)
	return strings.Join(slices.Compact(parts), ", ")
}

// text takes out what no text may have. A line break in a text of one line, and a tab, become a space; what stands for a character
// that was lost before becomes a question mark, since a letter is missing there.
func (f *fitter) text(s string, limit int, block bool) string {
	was := s
	s = strings.ReplaceAll(s, "\r\n", "\n")
	same := s
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case allowed(r, block):
			return r
		case r == '\n' || r == '\r' || r == '\t' || r == '\v' || r == '\f' || r == 0x85 || r == 0x2028 || r == 0x2029:
			if block && r != '\t' {
				return '\n'
			}
			return ' '
		case r == utf8.RuneError:
			return '?'
		}
		return -1
	}, s)
	if strings.TrimSpace(s) == "" {
		return ""
	}
	if s != same {
		// White space for white space changes nothing that is read.
		f.add(LossChanged, ReasonCharacter, strings.Join(strings.Fields(s), " ") == strings.Join(strings.Fields(was), " "), was)
	}
	if utf8.RuneCountInString(s) > limit {
		f.add(LossShortened, ReasonTooLong, false, was)
		s = shorten(s, limit)
	}
	return s
}
