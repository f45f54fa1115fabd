// Package record makes and checks what stands on the card: a summary in compartments by confidentiality level, each in
// a box under its own key, signed by the physician who wrote it, sealed for those who may read it, and bound to one card;
// behind it the amendments, what others have said since (docs/FORMAT.md, section 3).
//
// Start with [Write], which signs and seals a summary, and [Read], which opens what a card holds with a reader's keys and
// checks it against a trust store. [Amend] adds to somebody else's summary. [Reseal] changes who can open it and nothing
// else. [HeadOf] names the state of a card, for whoever writes next.
//
// What is promised:
//
//   - Read returns a [*Record] without an error only if the record is valid. One that is not comes inside an
//     [*UnverifiedError], so that no caller can show it as verified without having written the word "Unverified". An
//     amendment has a verdict of its own, and is part of the summary only if that is good.
//   - A reader without the key of a level learns nothing of what it says, only how long its box is. Such a level is reported
//     as sealed, one that should have opened as damaged; neither ever passes for empty.
//   - Nobody without the signer's key makes a record that is valid with other content, whatever keys of boxes he has. Nor
//     does a record open on another card than its own.
//   - Write and Amend read back what they made before they return it.
//   - Whatever bytes they are given, the functions end soon, within bounded memory, and do not panic.
//
// What is not promised: that a record is the newest of its card, or who of those with a role has read it (docs/THREATS.md).
//
// Nothing here knows cards or files: a record is bytes, a card is its 16-byte id.
package record
