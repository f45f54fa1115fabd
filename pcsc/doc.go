// Package pcsc reaches cards in readers through PC/SC: libpcsclite and pcscd on Linux and the BSDs, the PCSC
// framework on macOS, winscard.dll on Windows.
//
// Start with [Connect], which gives a [Conn] to the card in a reader; [Readers] lists what is plugged in. A Conn
// transmits command APDUs and resets the card, nothing more: the commands belong to package card, which
// takes a Conn by its shape.
//
// Every call takes a context and returns when it ends, even where PC/SC itself cannot be interrupted. A connection whose
// call was given up that way is closed: whether the card carried out the command is unknown, and the answer, if it
// still comes, is thrown away.
//
// A build without cgo has PC/SC on Windows only. Elsewhere every call answers [ErrUnsupported].
package pcsc
