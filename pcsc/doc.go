// Package pcsc reaches cards in readers through PC/SC: libpcsclite and pcscd on Linux and the BSDs, the PCSC
// framework on macOS, winscard.dll on Windows.
//
// Start with [Connect], which gives a [Conn] to the card in a reader; [Readers] lists what is plugged in, [Watch] tells of every change,
// [WaitCard] waits for a card. A Conn transmits command APDUs, resets the card and holds it in a transaction, nothing more: the
// commands belong to package card, which takes a Conn by its shape.
//
// # Contexts
//
// Every call takes a context and returns within a second of its end, even where PC/SC itself waits without end: for another program's
// transaction, for a card or reader that does not answer, for a service that hangs. A connection whose call was given up that
// way is closed: whether the card carried out the command is unknown, or whether it still will, where it was the service that hung; the
// answer is thrown away. When the context ends before the call has begun, nothing has happened, and the error is an [ErrNotBegun] too.
// Close and Leave take no context and may need half a second more than a second.
//
// On Linux nothing is left of a call that was given up: its connection to pcscd is shut down, which ends the call in libpcsclite. pcscd
// itself goes on with a command that a reader hangs in, and no other reaches that reader meanwhile. What remains of ours in a rare case
// (no /proc, or other code in the process that has the lock of libpcsclite) and on the other systems is the goroutine in PC/SC: one for
// every Conn that was open, one for every reader by [Connect], where the next one then waits and reports ErrReaderBusy, and one each that
// asks for a context or for the readers.
//
// # Transactions and what stays on the card
//
// The card is shared with other programs. Between [Conn.Begin] and [Conn.End] none of their commands reaches it; outside, they may select
// or verify what they like between any two of ours. So everything that is more than one command belongs in a transaction, and a PIN too:
//
//   - [Conn.Close] resets the card, so that the next program does not inherit a verified PIN; [Conn.Leave] does not.
//   - When a call is given up, or the process ends without Close, pcscd resets the card within a transaction and leaves it as it is
//     outside (pcsc-lite 1.9.9), until it takes the power away some seconds after the last program has gone.
//   - [Conn.Reset] keeps the transaction with pcsc-lite. On Windows SCardReconnect ends it, and Reset begins another.
//   - Windows resets a card whose transaction is idle for five seconds, whereupon ErrCardReset comes. Nothing waits for a human inside one.
//
// # Whose card it is
//
// A service looks at its readers now and then (pcsc-lite every 0.4 s where the driver cannot tell it). A card that is swapped in between
// goes unnoticed, and the connection to the first talks to the second. Once the service has noticed, a Conn answers ErrCardRemoved
// for good; after a command that lost contact, until Reset. Beyond that only the card's own identity tells: select, and look at it, at the
// start of every transaction and after every Reset. [Reader].Events tells two looks at a reader apart.
//
// # Systems
//
//   - Names of readers are bytes from the service; they are given and taken as they are. macOS and Windows have UTF-8 there.
//   - pcsc-lite knows 16 readers. Windows answers about ten at a time; of more, Watch sees changes at its next look, ten times a second.
//   - Windows stops its service with the last reader: ErrNoService may mean no more than that no reader is plugged in.
//   - Only on Linux is ErrNotPermitted told from ErrNoService where the permissions of pcscd's socket are in the way.
//   - ErrVersion comes from pcsc-lite only. Never link libpcsclite statically.
//   - What is said of transactions has been tested with pcsc-lite 1.9.9. Of macOS only that the package builds.
//
// A build without cgo has PC/SC on Windows only. Elsewhere every call answers [ErrUnsupported].
package pcsc
