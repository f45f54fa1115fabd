package pcsc

import "bytes"

// Reader is a reader as it was when [Readers] or [Watch] looked.
type Reader struct {
	Name string // as the service has it: bytes, most of the time UTF-8
	Card bool   // something is in it
	ATR  []byte // of that card, at most 33 bytes (ISO/IEC 7816-3, 8.2.1); nil when there is none or it does not answer
	// Mute: what is in it does not answer like a card; often one inserted the wrong way round.
	Mute bool
	// Events counts, modulo 2^16, what was put in and pulled out since the service knows the reader: a card that was swapped between
	// two looks shows, unless it was done between two looks of the service itself (0.4 s).
	Events uint16
	// InUse: some program is connected to the card, this one included, be it for itself or not. When it no longer is, what is on the card
	// may have changed.
	InUse bool
	// Exclusive: another program holds the reader for itself.
	Exclusive bool
}

func (r Reader) equal(o Reader) bool {
	return r.Name == o.Name && r.Card == o.Card && bytes.Equal(r.ATR, o.ATR) && r.Mute == o.Mute && r.Events == o.Events &&
		r.InUse == o.InUse && r.Exclusive == o.Exclusive
}
