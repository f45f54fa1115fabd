package fhir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of a document. The largest real summaries have some hundred kilobytes; scanned letters make them grow.
const (
	// MaxSize is the size in bytes of the largest document that Import reads.
	MaxSize = 32 << 20
	// maxNodes bounds the memory that a document of short elements takes: about 100 bytes for each.
	maxNodes = 2_000_000
	// maxDepth is far more than FHIR's resources, contained ones and extensions within extensions, nest.
	maxDepth = 64
	// maxList bounds the elements of a list within a resource but for those of documents as a whole: nothing of a patient is said a thousand
	// times, and what is joined or compared one by one would take time by the square of it.
	maxList = 1000
)

// A kind is what a JSON value is.
type kind uint8

const (
	kindNull kind = iota
	kindObject
	kindArray
	kindString
	kindNumber
	kindBool
)

// A node is a JSON value that remembers whether anybody read it, so that what nobody read can be told: an importer that lists what it
// drops would forget what it does not know of. Methods on a nil node find nothing.
type node struct {
	kind kind
	// text is a string, or a number or boolean as it was written.
	text string
	// names are those of the members of an object, kids their values or the elements of an array.
	names []string
	kids  []*node
	// read is set when the value was looked at: an object or array may have kids that were not.
	read bool
}

// parse reads a document to its end. A member that stands twice is refused: programs differ in which of the two they read, and one of two
// codes would be lost.
func parse(data []byte) (*node, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), MaxSize)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.IndexByte(data[:min(4, len(data))], 0) >= 0:
		return nil, fmt.Errorf("%w: UTF-16 or UTF-32, where UTF-8 is wanted", ErrNotFHIR)
	case !utf8.Valid(data):
		return nil, fmt.Errorf("%w: not UTF-8", ErrNotFHIR)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	p := parser{d: d}
	n, err := p.value(0)
	if err != nil {
		if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrNotFHIR) {
			return nil, err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w: it ends at byte %d, before its end", ErrNotFHIR, len(data))
		}
		// The decoder's own words may quote the document.
		return nil, fmt.Errorf("%w: malformed JSON near byte %d", ErrNotFHIR, d.InputOffset())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something after the end of the document, at byte %d", ErrNotFHIR, d.InputOffset())
	}
	return n, nil
}

type parser struct {
	d     *json.Decoder
	count int
}

func (p *parser) value(depth int) (*node, error) {
	t, err := p.d.Token()
	if err != nil {
		return nil, err
	}
	if p.count++; p.count > maxNodes {
		return nil, fmt.Errorf("%w: more than %d elements", ErrTooLarge, maxNodes)
	}
	switch t := t.(type) {
	case string:
		return &node{kind: kindString, text: t}, nil
	case json.Number:
		return &node{kind: kindNumber, text: t.String()}, nil
	case bool:
		return &node{kind: kindBool, text: fmt.Sprint(t)}, nil
	case nil:
		return &node{}, nil
	case json.Delim:
		if depth++; depth > maxDepth {
			return nil, fmt.Errorf("%w: nested deeper than %d levels", ErrTooLarge, maxDepth)
		}
		n := &node{kind: kindObject}
		if t == '[' {
			n.kind = kindArray
		}
		var seen memberSet
		for p.d.More() {
			if n.kind == kindObject {
				name, err := p.d.Token()
				if err != nil {
					return nil, err
				}
				if seen.twice(n.names, name.(string)) {
					return nil, fmt.Errorf("%w: a member stands twice in an object, near byte %d", ErrNotFHIR, p.d.InputOffset())
				}
				n.names = append(n.names, name.(string))
			}
			kid, err := p.value(depth)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		}
		_, err := p.d.Token()
		return n, err
	}
	return nil, ErrNotFHIR
}

// few is the number of members up to which looking at each is faster than a map.
const few = 16

// A memberSet is the names of an object so far.
type memberSet map[string]bool

// twice notes the name of a member that comes after others, and says whether it is one of them.
func (m *memberSet) twice(names []string, name string) bool {
	if len(names) < few {
		return slices.Contains(names, name)
	}
	if *m == nil {
		*m = memberSet{}
		for _, n := range names {
			(*m)[n] = true
		}
	}
	was := (*m)[name]
	(*m)[name] = true
	return was
}

// peek returns a member of an object without reading it, nil where it is absent or null.
func (n *node) peek(name string) *node {
	if n == nil || n.kind != kindObject {
		return nil
	}
	for i, s := range n.names {
		if s == name {
			if n.kids[i].kind == kindNull {
				return nil
			}
			return n.kids[i]
		}
	}
	return nil
}

// get reads a member of an object.
func (n *node) get(name string) *node {
	kid := n.peek(name)
	if kid != nil {
		n.read, kid.read = true, true
	}
	return kid
}

// list returns the elements of an array that are not null, each of them unread. A value that should be in an array and is not stands for
// an array of one.
func (n *node) list() []*node {
	switch {
	case n == nil || n.kind == kindNull:
		return nil
	case n.kind != kindArray:
		return []*node{n}
	}
	n.read = true
	var out []*node
	for _, kid := range n.kids {
		if kid.kind == kindNull {
			kid.read = true
			continue
		}
		out = append(out, kid)
	}
	return out
}

// each is list of a member, its elements read.
func (n *node) each(name string) []*node {
	kids := n.get(name).list()
	for _, kid := range kids {
		kid.read = true
	}
	return kids
}

// str returns the text of a string, and of a number or boolean as it was written. It is "" for anything else, and for what nobody can see.
func (n *node) str() string {
	if n == nil || n.kind == kindObject || n.kind == kindArray {
		return ""
	}
	n.read = true
	if blank(n.text) {
		return ""
	}
	return n.text
}

// string reads the text of a member.
func (n *node) string(name string) string { return n.get(name).str() }

// skip reads members and everything in them: what they say is of no concern to a summary.
func (n *node) skip(names ...string) {
	for _, name := range names {
		if kid := n.peek(name); kid != nil {
			kid.readAll()
		}
	}
}

func (n *node) readAll() {
	if n == nil {
		return
	}
	n.read = true
	for _, kid := range n.kids {
		kid.readAll()
	}
}

// unread calls f for the highest nodes under n that nobody read, with their path from n.
func (n *node) unread(path string, f func(path string, n *node)) {
	switch {
	case n == nil || n.kind == kindNull:
	case !n.read:
		f(path, n)
	case n.kind == kindObject:
		for i, kid := range n.kids {
			at := n.names[i]
			if path != "" {
				at = path + "." + at
			}
			kid.unread(at, f)
		}
	case n.kind == kindArray:
		for i, kid := range n.kids {
			kid.unread(fmt.Sprintf("%s[%d]", path, i), f)
		}
	}
}

// mute are the members whose strings mean nothing to a person.
var mute = map[string]bool{
	"system": true, "url": true, "reference": true, "id": true, "resourceType": true, "meta": true, "div": true, "data": true, "fullUrl": true,
	"use": true, "profile": true, "identifier": true, "contained": true,
}

// gist collects what a person would read of a value, at most about limit bytes of it, without marking it read.
func (n *node) gist(limit int) string {
	var b strings.Builder
	var walk func(n *node, name string)
	walk = func(n *node, name string) {
		if n == nil || b.Len() > limit {
			return
		}
		switch n.kind {
		case kindObject:
			for i, kid := range n.kids {
				// The narrative repeats the rest in markup.
				if !mute[n.names[i]] && !(n.names[i] == "text" && kid.kind == kindObject) {
					walk(kid, n.names[i])
				}
			}
		case kindArray:
			for _, kid := range n.kids {
				walk(kid, name)
			}
		case kindString, kindNumber, kindBool:
			if blank(n.text) {
				return
			}
			if b.Len() > 0 {
				b.WriteString(", ")
			}
			if n.kind == kindBool {
				b.WriteString(name + " ")
			}
			b.WriteString(n.text[:min(len(n.text), limit)])
		}
	}
	walk(n, "")
	return b.String()
}
