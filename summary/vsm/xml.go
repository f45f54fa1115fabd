package vsm

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits of the document.
const (
	// MaxSize is the size in bytes of the largest document that Import reads. A summary with its own PDF inside has 2 MB.
	MaxSize = 32 << 20
	// maxDepth is how deep elements may nest; the deepest of the published examples needs 25.
	maxDepth = 100
	// maxNodes is how many elements, attributes and texts there may be; a summary has some 3,000, a record of a whole life 200,000.
	maxNodes = 1_000_000
	// maxAttr is the length in bytes of the longest attribute: labels have some hundred.
	maxAttr = 64 << 10
)

// A node is an element, or a text where it has no name. Elements of HL7 version 3 have their local name, those of its two known
// extensions a prefix of ours ("sdtc:", "pharm:") whatever prefix the document uses, and all others "?:".
type node struct {
	name  string
	text  string
	attrs []attr
	kids  []*node
	up    *node
	// nth counts from 1 among the siblings of the same name; it is 0 where there is no other.
	nth int
	// first finds the first child of a name where there are many children: each of them may look for its parent's others.
	first map[string]*node
	// read says that the content of the element itself was taken, or that there is nothing in it to take.
	read bool
}

type attr struct {
	name, value string
	read        bool
}

// parse reads a document into a tree.
func parse(data []byte) (*node, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), MaxSize)
	}
	text, err := decode(data)
	if err != nil {
		return nil, err
	}
	d := newDecoder(text)
	var root, at *node
	depth, count := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// The messages of encoding/xml quote names of the document.
			line, _ := d.InputPos()
			var wrong *xml.SyntaxError
			if errors.As(err, &wrong) {
				line = wrong.Line
			}
			return nil, fmt.Errorf("%w: line %d", ErrXML, line)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, ErrDTD
		case xml.StartElement:
			n := &node{name: qualified(t.Name, false), up: at}
			if at == nil {
				if root != nil {
					return nil, fmt.Errorf("%w: a second root element", ErrXML)
				}
				if n.name != "ClinicalDocument" {
					return nil, fmt.Errorf("%w: want the root element ClinicalDocument in the namespace %s", ErrNotCDA, namespaceV3)
				}
				root = n
			} else {
				at.kids = append(at.kids, n)
			}
			if n.attrs, err = attributes(t.Attr); err != nil {
				return nil, err
			}
			at = n
			depth++
			count += 1 + len(n.attrs)
		case xml.EndElement:
			at.number()
			at = at.up
			depth--
		case xml.CharData:
			// White space between elements says nothing, white space between words of a text does.
			if at == nil || len(bytes.TrimSpace(t)) == 0 && !narrative(at.name) {
				continue
			}
			at.kids = append(at.kids, &node{text: string(t), up: at})
			count++
		}
		switch {
		case depth > maxDepth:
			return nil, fmt.Errorf("%w: elements nested deeper than %d", ErrTooLarge, maxDepth)
		case count > maxNodes:
			return nil, fmt.Errorf("%w: more than %d elements, attributes and texts", ErrTooLarge, maxNodes)
		}
	}
	if root == nil {
		return nil, fmt.Errorf("%w: no element at all", ErrNotCDA)
	}
	return root, nil
}

// number tells children of the same name apart.
func (n *node) number() {
	count, first := map[string]int{}, map[string]*node{}
	for _, k := range n.kids {
		count[k.name]++
		if k.nth = count[k.name]; k.nth == 1 {
			first[k.name] = k
		}
	}
	for name, k := range first {
		if count[name] == 1 {
			k.nth = 0
		}
	}
	if len(n.kids) > 16 {
		n.first = first
	}
}

// newDecoder reads text that is UTF-8 already, whatever its declaration says.
func newDecoder(text []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return d
}

const (
	namespaceV3   = "urn:hl7-org:v3"
	namespaceSDTC = "urn:hl7-org:sdtc"
	// IHE Pharmacy extends manufacturedMaterial; the second is what its first drafts had.
	namespacePharm      = "urn:ihe:pharm:medication"
	namespacePharmDraft = "urn:ihe:pharm"
	namespaceXSI        = "http://www.w3.org/2001/XMLSchema-instance"
)

func qualified(name xml.Name, attribute bool) string {
	switch name.Space {
	case namespaceV3:
		return name.Local
	case namespaceSDTC:
		return "sdtc:" + name.Local
	case namespacePharm, namespacePharmDraft:
		return "pharm:" + name.Local
	case namespaceXSI:
		return "xsi:" + name.Local
	case "":
		if attribute {
			return name.Local
		}
	}
	return "?:" + name.Local
}

func attributes(from []xml.Attr) ([]attr, error) {
	var attrs []attr
	for _, a := range from {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			continue
		}
		if len(a.Value) > maxAttr {
			return nil, fmt.Errorf("%w: an attribute of more than %d bytes", ErrTooLarge, maxAttr)
		}
		name := qualified(a.Name, true)
		if slices.ContainsFunc(attrs, func(b attr) bool { return b.name == name }) {
			return nil, fmt.Errorf("%w: an attribute stands twice", ErrXML)
		}
		attrs = append(attrs, attr{name: name, value: strings.TrimSpace(a.Value)})
		if len(attrs) > maxAttrs {
			return nil, fmt.Errorf("%w: an element with more than %d attributes", ErrTooLarge, maxAttrs)
		}
	}
	return attrs, nil
}

// maxAttrs bounds the search for double attributes; CDA has elements with a dozen.
const maxAttrs = 64

// kids of a nil node are none, so that a path through a document need not be checked at each step.

// kid returns the first child of a name, or nil.
func (n *node) kid(name string) *node {
	switch {
	case n == nil:
	case n.first != nil:
		return n.first[name]
	default:
		for _, k := range n.kids {
			if k.name == name {
				return k
			}
		}
	}
	return nil
}

// at follows first children.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		n = n.kid(name)
	}
	return n
}

// all returns the children of the given names, in the document's order.
func (n *node) all(names ...string) []*node {
	var found []*node
	if n != nil {
		for _, k := range n.kids {
			if k.name != "" && slices.Contains(names, k.name) {
				found = append(found, k)
			}
		}
	}
	return found
}

// elements returns the children that are elements.
func (n *node) elements() []*node {
	var found []*node
	if n != nil {
		for _, k := range n.kids {
			if k.name != "" {
				found = append(found, k)
			}
		}
	}
	return found
}

// attr returns the value of an attribute, and remembers that it was read.
func (n *node) attr(name string) string {
	if n != nil {
		for i := range n.attrs {
			if n.attrs[i].name == name {
				n.attrs[i].read = true
				return n.attrs[i].value
			}
		}
	}
	return ""
}

// peek is attr without remembering.
func (n *node) peek(name string) string {
	if n != nil {
		for i := range n.attrs {
			if n.attrs[i].name == name {
				return n.attrs[i].value
			}
		}
	}
	return ""
}

// take remembers that a subtree was read.
func (n *node) take() {
	if n == nil {
		return
	}
	n.read = true
	for i := range n.attrs {
		n.attrs[i].read = true
	}
	for _, k := range n.kids {
		k.take()
	}
}

// is says whether the element is of a template.
func (n *node) is(templates ...string) bool {
	for _, t := range n.all("templateId") {
		if slices.Contains(templates, t.peek("root")) {
			return true
		}
	}
	return false
}

// path returns where an element stands below another, as XPath writes it where several have the same name.
func (n *node) path(below *node) string {
	var steps []string
	for ; n != nil && n != below; n = n.up {
		step := n.name
		if n.nth > 0 {
			step = fmt.Sprintf("%s[%d]", n.name, n.nth)
		}
		steps = append(steps, step)
	}
	slices.Reverse(steps)
	return strings.Join(steps, "/")
}
