// Package record makes and checks what stands on the card: a summary in compartments by confidentiality level, each in
// a box under its own key, signed by the professional who wrote it, and bound to one card (docs/FORMAT.md, section 3).
//
// [Write] signs a summary for a card. [Read] opens what a card holds and checks it against a trust store. Read returns
// a [*Record] without an error only if the record is valid. One that is not comes inside an [*UnverifiedError], so that
// no caller can show it as verified without having written the word "Unverified".
//
// Nothing here knows cards or files: a record is bytes, a card is its 16-byte id.
package record
