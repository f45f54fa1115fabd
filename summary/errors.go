package summary

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// What is wrong with a document. Each error of Parse, Validate, Compartments and Merge wraps one of these.
var (
	// ErrSyntax is a text that is no JSON. The error is a *SyntaxError.
	ErrSyntax = errors.New("malformed JSON")
	// ErrTooLarge is a document, a list or a text above its limit.
	ErrTooLarge = errors.New("too large")
	// ErrType is a value of the wrong JSON type, or a text that cannot be read as what it should be.
	ErrType = errors.New("wrong type")
	// ErrMissing is a required member that is absent.
	ErrMissing = errors.New("missing")
	// ErrEmpty is a text or an object that says nothing.
	ErrEmpty = errors.New("empty")
	// ErrUnknownValue is a value outside a closed list.
	ErrUnknownValue = errors.New("unknown value")
	// ErrNewer is a value that only a newer card format can name.
	ErrNewer = errors.New("comes from a newer format")
	// ErrDate is a date that does not exist.
	ErrDate = errors.New("no such date")
	// ErrCharacter is a control character, or bytes that are no character.
	ErrCharacter = errors.New("character not allowed")
	// ErrDuplicate is a member, an id or a value that stands twice.
	ErrDuplicate = errors.New("duplicate")
	// ErrContradiction is a document whose parts cannot all be true.
	ErrContradiction = errors.New("contradiction")
	// ErrTarget is an operation of an amendment on an item that is not there.
	ErrTarget = errors.New("no such item")
	// ErrEncoding is a compartment that is not the canonical CBOR of docs/FORMAT.md, section 4.
	ErrEncoding = errors.New("not a canonical compartment")
	// ErrNoIdentity says that the level 1 compartment is not available, so nothing says whose summary this is.
	ErrNoIdentity = errors.New("no identity: the level 1 compartment is missing")
)

// maxErrors bounds the list of errors of one document: more help nobody, and a hostile document has a million.
const maxErrors = 20

// PathError is an error at one place of a document, for example at sections.allergies.items[2].agent.text.
// It never quotes the value found there.
type PathError struct {
	Path string
	Err  error
}

func (e *PathError) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return e.Path + ": " + e.Err.Error()
}

func (e *PathError) Unwrap() error { return e.Err }

// SyntaxError is the place of a JSON text where it stops being one. Line and Column count from 1, Column in bytes.
type SyntaxError struct {
	Offset, Line, Column int
	What                 string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%v at line %d, column %d (byte %d): %s", ErrSyntax, e.Line, e.Column, e.Offset, e.What)
}

func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// step is one step of a path: a member, or an index of a list where name is empty. A member whose name is empty has the
// index -1.
type step struct {
	name  string
	index int
}

type path []step

func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.name == "" && s.index >= 0:
			fmt.Fprintf(&b, "[%d]", s.index)
		case !plainName(s.name):
			// An unknown member's name comes from outside.
			b.WriteString("[" + strconv.QuoteToASCII(clip(s.name, 64)) + "]")
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.name)
		}
	}
	return b.String()
}

func plainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isASCIIWord(c) && c != '#' && c != '@' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// findings collects the errors of one walk.
type findings struct {
	errs []*PathError
	more int
}

func (f *findings) add(p path, err error) {
	if len(f.errs) >= maxErrors {
		f.more++
		return
	}
	f.errs = append(f.errs, &PathError{p.String(), err})
}

// merge adds the errors of a later walk, except those at or under a place that was already found wrong, and what is missing only
// because it could not be read.
func (f *findings) merge(later findings) {
	first := f.errs
	for _, e := range later.errs {
		known := false
		for _, g := range first {
			known = known || within(e.Path, g.Path) || errors.Is(e, ErrMissing) && within(g.Path, e.Path)
		}
		switch {
		case known:
		case len(f.errs) >= maxErrors:
			f.more++
		default:
			f.errs = append(f.errs, e)
		}
	}
	f.more += later.more
}

// within says whether a path is at or under another.
func within(path, other string) bool {
	rest, ok := strings.CutPrefix(path, other)
	return ok && (rest == "" || other == "" || rest[0] == '.' || rest[0] == '[')
}

// err joins what was found, one line for each.
func (f *findings) err() error {
	if len(f.errs) == 0 {
		return nil
	}
	errs := make([]error, 0, len(f.errs)+1)
	for _, e := range f.errs {
		errs = append(errs, e)
	}
	if f.more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", f.more))
	}
	return errors.Join(errs...)
}
