package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// printJSON prints one document on standard output.
func (a *app) printJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := a.out.Write(escapeControls(b.Bytes()))
	return err
}

// escapeControls escapes, in a JSON text, the characters that a terminal obeys and encoding/json lets through: a person may
// be looking at it. They can only stand inside strings, where \u escapes mean the same.
func escapeControls(text []byte) []byte {
	var out []byte
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r != '\n' && unprintable(r) && r != utf8.RuneError {
			if out == nil {
				out = append(make([]byte, 0, len(text)+64), text[:i]...)
			}
			if r > 0xFFFF {
				r1, r2 := utf16.EncodeRune(r)
				out = fmt.Appendf(out, `\u%04x\u%04x`, r1, r2)
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
		} else if out != nil {
			out = append(out, text[i:i+size]...)
		}
		i += size
	}
	if out == nil {
		return text
	}
	return out
}

func unprintable(r rune) bool { return !unicode.IsGraphic(r) || invisible(r) }
