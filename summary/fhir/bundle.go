package fhir

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secours-card/secours/summary"
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
	byID      map[string]*resource
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

// entries lists the resources of a Bundle. It reports what stands where a resource should, and what stands twice.
func (im *importer) entries(root *node) {
	im.bundle = &bundle{byURL: map[string]*resource{}, byTypeID: map[string][]*resource{}, byID: map[string][]*resource{}}
	for i, e := range root.get("entry").list() {
		e.read = true
		label := fmt.Sprintf("entry[%d]", i)
		r := im.resource(e.get("resource"), label)
		e.skip("link", "search", "request", "response")
		if r == nil {
			im.structure(label, e)
			continue
		}
		r.fullURL = e.string("fullUrl")
		if r.id == "" {
			if _, id, ok := strings.Cut(r.fullURL, "urn:uuid:"); ok {
				r.label = summary.LossText(r.kind + "/" + id)
			}
		}
		if twin := im.byURL[r.fullURL]; r.fullURL != "" && twin != nil {
			if twin.kind == r.kind && equal(twin.node, r.node) {
				r.readAll()
				im.told(r.node)
				im.minor(r, summary.LossDropped, summary.ReasonDuplicate, "", "")
				continue
			}
			im.say(r, summary.LossAmbiguous, summary.ReasonDuplicate, "fullUrl", r.fullURL)
		} else if r.fullURL != "" {
			im.byURL[r.fullURL] = r
		}
		im.bundle.add(r)
	}
}

// resource makes one of an entry's, or of a contained one; nil of what is none.
func (im *importer) resource(body *node, label string) *resource {
	if body == nil || body.kind != kindObject || body.peek("resourceType").str() == "" {
		return nil
	}
	r := &resource{node: body, kind: body.string("resourceType"), id: body.string("id"), label: label}
	if r.id != "" {
		r.label = summary.LossText(r.kind + "/" + r.id)
	} else {
		r.label = summary.LossText(r.kind + " " + label)
	}
	if !long[r.kind] {
		if at := body.longList(""); at != "" {
			im.refuse("%w: %s.%s, a list of more than %d elements", ErrTooLarge, r.label, at, maxList)
		}
	}
	for i, c := range body.get("contained").list() {
		at := fmt.Sprintf("contained[%d]", i)
		inner := im.resource(c, at)
		if inner == nil {
			im.structure(r.label+"."+at, c)
			continue
		}
		c.read = true
		inner.container = r
		inner.label = summary.LossText(r.label + "#" + inner.id)
		r.contained = append(r.contained, inner)
		if r.byID == nil {
			r.byID = map[string]*resource{}
		}
		if twin := r.byID[inner.id]; twin != nil && inner.id != "" {
			im.say(inner, summary.LossAmbiguous, summary.ReasonDuplicate, "id", inner.id)
		} else {
			r.byID[inner.id] = inner
		}
	}
	body.skip("implicitRules", "language", "identifier")
	return r
}

// long are the types that list as much as a document has.
var long = map[string]bool{"Composition": true, "List": true, "Provenance": true, "Bundle": true}

// longList finds a list of more than maxList elements.
func (n *node) longList(path string) string {
	if n.kind == kindArray && len(n.kids) > maxList {
		return path
	}
	for i, kid := range n.kids {
		at := path
		if n.kind == kindObject {
			if at = n.names[i]; at == "contained" {
				continue // each for itself
			}
		}
		if found := kid.longList(at); found != "" {
			return found
		}
	}
	return ""
}

// all calls f for every resource, contained ones after what contains them.
func (b *bundle) all(f func(r *resource)) {
	var each func(list []*resource)
	each = func(list []*resource) {
		for _, r := range list {
			f(r)
			each(r.contained)
		}
	}
	each(b.resources)
}

func (b *bundle) add(r *resource) {
	b.resources = append(b.resources, r)
	if r.id != "" {
		key := r.kind + "/" + r.id
		b.byTypeID[key] = append(b.byTypeID[key], r)
		b.byID[r.id] = append(b.byID[r.id], r)
	}
}

// resolve finds what a reference of a resource points to, and marks it as used. It returns nil for what is not in the bundle.
func (im *importer) resolve(from *resource, ref string) *resource {
	r, guess := im.find(from, ref)
	if r == nil {
		return nil
	}
	r.used = true
	if guess {
		// Another one of that type and id may be meant, of a server whose address the reference names.
		alone := len(im.byTypeID[r.kind+"/"+r.id]) == 1
		im.add(summary.Loss{
			Kind: summary.LossAmbiguous, Reason: summary.ReasonNotFound, Minor: alone, Source: from.label, Element: "reference", Text: ref + " = " + r.fullURL,
		})
	}
	return r
}

// find finds what a reference of a resource points to: a contained resource by its fragment, or an entry by its fullUrl, relative to that
// of the entry that it stands in (R4, bundle.html#references), and at last by type and id alone, since many bundles disagree
// with their own fullUrls: then it is a guess.
func (b *bundle) find(from *resource, ref string) (r *resource, guess bool) {
	top := from
	for top != nil && top.container != nil {
		top = top.container
	}
	if id, ok := strings.CutPrefix(ref, "#"); ok && top != nil {
		if id == "" {
			return top, false
		}
		// In the outermost resource, where all of them belong, or in one that holds some of its own all the same.
		for at := from; at != nil; at = at.container {
			if r := at.byID[id]; r != nil {
				return r, false
			}
		}
		return nil, false
	}
	ref, _, _ = strings.Cut(ref, "/_history/")
	if ref == "" {
		return nil, false
	}
	if r := b.byURL[ref]; r != nil {
		return r, false
	}
	typeID := lastTwo(ref)
	if top != nil && typeID == ref {
		if root, ok := strings.CutSuffix(top.fullURL, top.kind+"/"+top.id); ok && root != "" {
			if r := b.byURL[root+ref]; r != nil {
				return r, false
			}
		}
	}
	if list := b.byTypeID[typeID]; len(list) > 0 {
		absolute := typeID != ref && strings.Contains(list[0].fullURL, "://")
		return list[0], absolute || len(list) > 1
	}
	id := ref[strings.LastIndexAny(ref, "/:")+1:]
	if r := b.byURL["urn:uuid:"+id]; r != nil {
		return r, false
	}
	// An id alone, where only one entry has it.
	if list := b.byID[id]; len(list) == 1 && (typeID == id || strings.HasPrefix(ref, "urn:")) {
		return list[0], false
	}
	return nil, false
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
