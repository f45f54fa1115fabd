package vpcd

import "errors"

// Why a card is not, or no longer, in the reader. Test with [errors.Is]: returned errors wrap one of these with the reason.
var (
	// ErrNoReader: nothing listens at the address.
	ErrNoReader = errors.New("no virtual reader")
	// ErrSilent is told by Serve: something took the connection and asks nothing, as vpcd does while another card is in the slot.
	ErrSilent = errors.New("the virtual reader asks nothing")
	// ErrHungUp: the reader ended the connection.
	ErrHungUp = errors.New("the virtual reader hung up")
	// ErrMessage: what the reader sent is no message.
	ErrMessage = errors.New("the virtual reader broke the protocol")
	// ErrUnpowered: the reader sent a command to a card whose power it had taken away.
	ErrUnpowered = errors.New("the virtual reader sent a command to a card without power")
	// ErrGone: the card left.
	ErrGone = errors.New("the card has left the virtual reader")
	// ErrFaulty: the card did what no card can.
	ErrFaulty = errors.New("faulty card")
)
