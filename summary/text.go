package summary

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// maxURI is the length of the longest URI that names a terminology or an identifier system.
const maxURI = 200

// allowed says whether a character may stand in a text. C0, C1 and DEL would command a terminal; the line and paragraph
// separators and the bidirectional overrides and isolates would show a text in another order than it was signed
// ("Trojan Source"); U+FFFD is what a broken conversion left in place of a letter.
func allowed(r rune, block bool) bool {
	switch {
	case r == '\n':
		return block
	case r < 0x20, 0x7f <= r && r <= 0x9f, r == 0x2028, r == 0x2029, 0x202a <= r && r <= 0x202e,
		0x2066 <= r && r <= 0x2069, r == utf8.RuneError:
		return false
	}
	return true
}

// checkText returns what is wrong with the characters or the length of a text.
func checkText(s string, limit int, block bool) error {
	count := 0
	for i, r := range s {
		if !allowed(r, block) {
			switch {
			case r == '\n':
				return fmt.Errorf("%w: line break at byte %d", ErrCharacter, i)
			case r == utf8.RuneError:
				return fmt.Errorf("%w: replacement character, lone surrogate or invalid UTF-8 at byte %d", ErrCharacter, i)
			}
			return fmt.Errorf("%w: control character U+%04X at byte %d", ErrCharacter, r, i)
		}
		count++
	}
	if count > limit {
		return fmt.Errorf("%w: %d characters, at most %d", ErrTooLarge, count, limit)
	}
	return nil
}

// CheckText returns what is wrong with a line of text that travels beside a summary: a character that no text of a summary
// may have, or more than limit characters.
func CheckText(s string, limit int) error { return checkText(s, limit, false) }

func isASCIIWord(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}

// isIdent says whether s names an item: letters, digits, dots, underscores and dashes.
func isIdent(s string) bool {
	for i := range len(s) {
		if !isASCIIWord(s[i]) {
			return false
		}
	}
	return s != ""
}

// decimal returns the number that s spells in the one way in which a number is written back: at most 18 digits, so that
// any integer type holds it, and no leading zero.
func decimal(s string) (uint64, bool) {
	if s == "" || len(s) > 18 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n := uint64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, true
}

// maxDecimal is one above the largest number that decimal returns.
const maxDecimal = 1_000_000_000_000_000_000

// appendQuoted appends s as a JSON text. It escapes what JSON wants escaped and nothing else.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < 0x20:
			b = fmt.Appendf(b, "\\u%04x", c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// numberLength returns the length of the JSON number (RFC 8259, section 6) that b begins with, 0 where there is none.
func numberLength(b []byte) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(b) && '0' <= b[i] && b[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return 0
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

func isNumber(s string) bool { return s != "" && numberLength([]byte(s)) == len(s) }

// isCompact says whether JSON text that is known to be valid has no white space between its tokens.
func isCompact(raw []byte) bool {
	inText := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case !inText && bytes.IndexByte([]byte(" \t\r\n"), c) >= 0:
			return false
		}
	}
	return true
}
