// Package card reads and writes the emergency card: the ISO/IEC 7816-4 commands that reach its memory, and the container
// that keeps the newest complete record readable whatever happens to a write. A record is opaque bytes here.
//
// Start with [Read] and [Write]. Both work on a [Medium], any block of memory addressed from 0; [Open] finds the one on a card in a reader,
// in our application or in the message of an NFC Forum Type 4 Tag. The bytes are defined in docs/FORMAT.md, sections 1 and 2.
//
// Promised of the container: a record that [Write] acknowledged is what [Read] returns, until a newer one takes its place,
// however many writes are torn and whatever the torn pages read as. Nothing that comes from a card can make this package
// panic, loop, or allocate more than one slot.
package card
