// Package vpcd plugs a card made of software into vpcd, the virtual reader for pcscd of the vsmartcard project: programs that use
// PC/SC then see it as they see any card.
//
// Start with [Plug], which inserts a card and serves it until it is taken out, or with [Serve], which also comes back when pcscd was
// restarted.
//
// # The protocol
//
// The reader listens, on TCP port 35963 for its first slot and 35964 for the second, and the card dials: a connection is an inserted
// card, hanging up is pulling it. Both ways a message is its length in two bytes, big-endian, then a body. A body of one byte from
// the reader is a control: 00 power off, 01 power on, 02 reset, 04 send the ATR. Any other is a command APDU. Controls but 04 are not
// answered; 04 is with the ATR, a command with its response. The reader asks for the ATR every 400 ms or so, to see whether the card
// is still there.
//
//	reader  0001 04                        the ATR?
//	card    0004 3B800181
//	reader  0001 01                        power on
//	reader  0005 00B2010400                READ RECORD
//	card    0002 6A83                      record not found
//
// The reader waits for an answer without limit, and while it waits no program gets an answer about that slot. So whatever else goes
// wrong, a card here never leaves a question open: it answers, or hangs up.
//
// # Bounds
//
// A body is at most 65,535 bytes, which two bytes of length cannot exceed; that much is kept for a connection, and no more. Once its
// first byte has come, a message must be whole within five seconds, and an answer be taken within five; between messages the reader
// may be silent for as long as it likes. The connection ends, with the error in brackets, when
//
//   - a message has no body, or is not whole in time [ErrMessage];
//   - a command comes after power off and before power on or reset [ErrUnpowered];
//   - the ATR is not of 2 to 33 bytes (ISO/IEC 7816-3:2006, 8.1), a response not of 2 to 65,535, or Transmit or Reset fails without
//     saying that the card is gone [ErrFaulty]; what does not fit is not sent;
//   - the card is gone [ErrGone], or the reader [ErrHungUp], or the context ends.
//
// A control that is none of the four is ignored, like any to which no answer is due.
package vpcd
