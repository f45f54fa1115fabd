// Package summary is the medical model of an emergency summary: its Go types, its JSON, and the canonical CBOR that is
// signed and stored on the card (docs/FORMAT.md, section 4).
package summary
