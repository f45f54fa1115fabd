// Package summary is the medical model of an emergency summary: its Go types, its JSON, and the canonical CBOR that is
// signed and stored on the card (docs/FORMAT.md, section 4).
//
// Start with [Parse], which reads and checks the JSON and returns a [Summary]. [Summary.Compartments] gives what goes on the
// card, by confidentiality level, and [Merge] takes it back, from all levels or from those that a reader may open. Texts,
// doses and codes come back to the letter, in the order they were given, and so does what this version does not know.
//
// [Summary.JSON] writes the JSON again, [Summary.Validate] checks a summary that was made in Go, and [SchemaJSON] is the
// JSON Schema. An error in what a document says is a [*PathError], which names the place; text that is not JSON at all is a
// [*SyntaxError].
//
// What others say about a summary after it was signed is an [Amendment]: [ParseAmendment] reads its JSON, [Amendment.ByLevel] and
// [Amendment.CBOR] give what is sealed, [UnmarshalAmendment] takes it back, and [Summary.Amend] folds it in, item by item with its
// author (docs/FORMAT.md, section 4.11).
//
// A section that is absent, not asked, unavailable or known to be empty stays exactly that. The package checks form, never
// medicine, and derives nothing.
package summary
