package fhir

import (
	"fmt"
	"slices"
	"strings"
)

// A resource is one entry of the bundle, or a resource contained in one.
type resource struct {
	*node
	kind string
	id   string
	// fullURL is that of the entry, "" where there is none.
	fullURL string
	// label names it in a loss report.
	label string
	// container is what it is contained in, nil for an entry.
	container *resource
	contained []*resource
	// done is set once it is in the summary, or in the report.
	done bool
	// used is set once another resource pointed to it.
	used bool
}

// bundle is the resources of a document, and the way from one to another.
type bundle struct {
	resources []*resource
	byURL     map[string]*resource
	byTypeID  map[string][]*resource
	byID      map[string][]*resource
}

// newBundle lists the resources of a Bundle. It reports what stands where a resource should, and what stands twice.
func newBundle(root *node, report reporter) *bundle {
	b := &bundle{byURL: map[string]*resource{}, byTypeID: map[string][]*resource{}, byID: map[string][]*resource{}}
	entries := root.get("entry")
	for i, e := range entries.list() {
		e.read = true
		label := fmt.Sprintf("entry[%d]", i)
		body := e.get("resource")
		e.skip("link", "search", "request", "response")
		r := newResource(body, label)
		if r == nil {
			report.structure(label, e)
			continue
		}
		r.fullURL = e.string("fullUrl")
		if r.id == "" {
			if _, id, ok := strings.Cut(r.fullURL, "urn:uuid:"); ok {
				r.label = r.kind + "/" + id
			}
		}
		if twin := b.byURL[r.fullURL]; r.fullURL != "" && twin != nil {
			if twin.kind == r.kind && equal(twin.node, r.node) {
				r.readAll()
				report.duplicate(r, true)
				continue
			}
			report.duplicate(r, false)
		} else if r.fullURL != "" {
			b.byURL[r.fullURL] = r
		}
		b.add(r)
	}
	return b
}

func newResource(body *node, label string) *resource {
	if body == nil || body.kind != kindObject || body.peek("resourceType").str() == "" {
		return nil
	}
	r := &resource{node: body, kind: body.string("resourceType"), id: body.string("id"), label: label}
	if r.id != "" {
		r.label = r.kind + "/" + r.id
	} else {
		r.label = r.kind + " " + label
	}
	for i, c := range body.get("contained").list() {
		if inner := newResource(c, fmt.Sprintf("contained[%d]", i)); inner != nil {
			c.read = true
			inner.container = r
			inner.label = r.label + "#" + inner.id
			r.contained = append(r.contained, inner)
		}
	}
	body.skip("implicitRules", "language", "identifier")
	return r
}

func (b *bundle) add(r *resource) {
	b.resources = append(b.resources, r)
	if r.id != "" {
		key := r.kind + "/" + r.id
		b.byTypeID[key] = append(b.byTypeID[key], r)
		b.byID[r.id] = append(b.byID[r.id], r)
	}
}

// resolve finds what a reference of a resource points to: a contained resource by its fragment, or an entry by its fullUrl, relative to that
// of the entry that it stands in (R4, bundle.html#references), and at last by type and id alone, since many bundles disagree
// with their own fullUrls. It returns nil for what is not in the bundle.
func (b *bundle) resolve(from *resource, ref string) *resource {
	r := b.find(from, ref)
	if r != nil {
		r.used = true
	}
	return r
}

func (b *bundle) find(from *resource, ref string) *resource {
	top := from
	for top != nil && top.container != nil {
		top = top.container
	}
	if id, ok := strings.CutPrefix(ref, "#"); ok && top != nil {
		if id == "" {
			return top
		}
		for _, c := range top.contained {
			if c.id == id {
				return c
			}
		}
		return nil
	}
	ref, _, _ = strings.Cut(ref, "/_history/")
	if ref == "" {
		return nil
	}
	if r := b.byURL[ref]; r != nil {
		return r
	}
	typeID := lastTwo(ref)
	if top != nil && typeID == ref {
		if root, ok := strings.CutSuffix(top.fullURL, top.kind+"/"+top.id); ok && root != "" {
			if r := b.byURL[root+ref]; r != nil {
				return r
			}
		}
	}
	if list := b.byTypeID[typeID]; len(list) > 0 {
		return list[0]
	}
	id := ref[strings.LastIndexAny(ref, "/:")+1:]
	if r := b.byURL["urn:uuid:"+id]; r != nil {
		return r
	}
	// An id alone, where only one entry has it.
	if list := b.byID[id]; len(list) == 1 && (typeID == "" || typeID == id) || strings.HasPrefix(ref, "urn:") && len(list) == 1 {
		return list[0]
	}
	return nil
}

// lastTwo returns the Type/id at the end of a URL.
func lastTwo(ref string) string {
	if strings.HasPrefix(ref, "urn:") {
		return ""
	}
	parts := strings.Split(ref, "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}

// of lists the entries of the given types.
func (b *bundle) of(kinds ...string) (list []*resource) {
	for _, r := range b.resources {
		if slices.Contains(kinds, r.kind) {
			list = append(list, r)
		}
	}
	return list
}

// equal compares two values to the letter.
func equal(a, b *node) bool {
	if a.kind != b.kind || a.text != b.text || !slices.Equal(a.names, b.names) || len(a.kids) != len(b.kids) {
		return false
	}
	for i := range a.kids {
		if !equal(a.kids[i], b.kids[i]) {
			return false
		}
	}
	return true
}
