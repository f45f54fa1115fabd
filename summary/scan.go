package summary

import (
	"bytes"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// A scanner reads the tokens of JSON text (RFC 8259). encoding/json lets duplicate members and broken escapes pass and forgets
// how a number was written, and a misread summary is worse than a refused one. The first error stays in err: nothing after
// it is read.
type scanner struct {
	data  []byte
	pos   int
	depth int
	err   error
	// text is what is wrong with the characters of the first wrong text that skip passed.
	text error
}

func (s *scanner) fail(what string) {
	if s.err == nil {
		before := s.data[:min(s.pos, len(s.data))]
		s.err = &SyntaxError{
			Offset: len(before),
			Line:   1 + bytes.Count(before, []byte{'\n'}),
			Column: len(before) - bytes.LastIndexByte(before, '\n'),
			What:   what,
		}
	}
}

// peek returns the first byte of the next token, 0 at the end and after an error.
func (s *scanner) peek() byte {
	if s.err != nil {
		return 0
	}
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// token consumes one punctuation mark, if it is next.
func (s *scanner) token(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// word consumes true, false or null, if it is next.
func (s *scanner) word(w string) bool {
	s.peek()
	if s.err != nil || !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		return false
	}
	s.pos += len(w)
	return true
}

// nest goes one level down, and up again with leave.
func (s *scanner) nest() bool {
	if s.depth++; s.depth > maxDepth {
		if s.err == nil {
			s.err = fmt.Errorf("%w: nested deeper than %d levels", ErrTooLarge, maxDepth)
		}
		return false
	}
	return true
}

// object calls member for each member, which must consume its value.
func (s *scanner) object(member func(name string)) {
	if !s.token('{') {
		s.fail("want an object")
		return
	}
	if !s.nest() {
		return
	}
	defer func() { s.depth-- }()
	for first := true; ; first = false {
		if first && s.token('}') {
			return
		}
		if s.peek() != '"' {
			s.fail("want the name of a member")
			return
		}
		name := s.string()
		if !s.token(':') {
			s.fail("want a colon")
			return
		}
		member(name)
		switch {
		case s.err != nil || s.token('}'):
			return
		case !s.token(','):
			s.fail("want a comma or the end of the object")
			return
		}
	}
}

// array calls element for each element, which must consume it.
func (s *scanner) array(element func(i int)) {
	if !s.token('[') {
		s.fail("want a list")
		return
	}
	if !s.nest() {
		return
	}
	defer func() { s.depth-- }()
	for i := 0; ; i++ {
		if i == 0 && s.token(']') {
			return
		}
		element(i)
		switch {
		case s.err != nil || s.token(']'):
			return
		case !s.token(','):
			s.fail("want a comma or the end of the list")
			return
		}
	}
}

// string consumes a text. A lone surrogate becomes U+FFFD, which no text may hold.
func (s *scanner) string() string {
	if !s.token('"') {
		s.fail("want a text")
		return ""
	}
	start := s.pos
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return string(s.data[start : s.pos-1])
		case c == '\\':
			return s.escaped(append([]byte(nil), s.data[start:s.pos]...))
		case c < 0x20:
			s.fail("control character in a text")
			return ""
		default:
			s.pos++
		}
	}
	s.fail("text without end")
	return ""
}

// escaped goes on from the first backslash of a text.
func (s *scanner) escaped(b []byte) string {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			s.pos++
			return string(b)
		case c < 0x20:
			s.fail("control character in a text")
			return ""
		case c != '\\':
			b = append(b, c)
			s.pos++
			continue
		}
		if s.pos+1 >= len(s.data) {
			break
		}
		short := bytes.IndexByte([]byte(`"\/bfnrt`), s.data[s.pos+1])
		switch {
		case short >= 0:
			b = append(b, "\"\\/\b\f\n\r\t"[short])
			s.pos += 2
		case s.data[s.pos+1] == 'u':
			r := s.hex()
			if utf16.IsSurrogate(r) {
				// Half a pair becomes U+FFFD, and the text is refused for it.
				if bytes.HasPrefix(s.data[s.pos:], []byte(`\u`)) {
					r = utf16.DecodeRune(r, s.hex())
				} else {
					r = utf8.RuneError
				}
			}
			if s.err != nil {
				return ""
			}
			b = utf8.AppendRune(b, r)
		default:
			s.fail("unknown escape in a text")
			return ""
		}
	}
	s.fail("text without end")
	return ""
}

// hex consumes \uXXXX.
func (s *scanner) hex() rune {
	if s.pos+6 > len(s.data) {
		s.fail("text without end")
		return 0
	}
	r := rune(0)
	for _, c := range s.data[s.pos+2 : s.pos+6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			s.fail("unknown escape in a text")
			return 0
		}
	}
	s.pos += 6
	return r
}

// number consumes a number and returns it as it was written.
func (s *scanner) number() string {
	s.peek()
	if s.err != nil {
		return ""
	}
	n := numberLength(s.data[s.pos:])
	if n == 0 {
		s.fail("want a value")
		return ""
	}
	s.pos += n
	return string(s.data[s.pos-n : s.pos])
}

// skip consumes any value, with the same strictness, and returns it compact and otherwise to the letter.
func (s *scanner) skip() []byte {
	s.peek()
	start := s.pos
	s.pass()
	if s.err != nil {
		return nil
	}
	raw := s.data[start:s.pos]
	if isCompact(raw) {
		return bytes.Clone(raw)
	}
	compact := make([]byte, 0, len(raw))
	inText := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case inText && c == '\\':
			compact = append(compact, c)
			i++
			c = raw[i]
		case c == '"':
			inText = !inText
		case !inText && bytes.IndexByte([]byte(" \t\r\n"), c) >= 0:
			continue
		}
		compact = append(compact, c)
	}
	return compact
}

func (s *scanner) pass() {
	switch s.peek() {
	case '{':
		seen := map[string]bool{}
		s.object(func(name string) {
			if seen[name] {
				s.note(fmt.Errorf("%w member within", ErrDuplicate))
			}
			seen[name] = true
			s.note(checkText(name, maxName, false))
			s.pass()
		})
	case '[':
		s.array(func(int) { s.pass() })
	case '"':
		s.note(checkText(s.string(), MaxJSON, true))
	default:
		if !s.word("true") && !s.word("false") && !s.word("null") {
			s.number()
		}
	}
}

func (s *scanner) note(err error) {
	if s.text == nil {
		s.text = err
	}
}
