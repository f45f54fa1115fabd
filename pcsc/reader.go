package pcsc

import "bytes"

// Reader is a reader as it was when [Readers] or [Watch] looked.
type Reader struct {
	Name string
	Card bool   // something is in it; it may still turn out not to answer
	ATR  []byte // of that card, at most 33 bytes (ISO/IEC 7816-3, 8.2.1); nil when there is none or it does not answer
	// Events counts, modulo 2^16, what was put in and pulled out since the service knows the reader: a card that was swapped between
	// two looks shows.
	Events uint16
	// Exclusive: another program holds the reader for itself.
	Exclusive bool
}

func (r Reader) equal(o Reader) bool {
	return r.Name == o.Name && r.Card == o.Card && bytes.Equal(r.ATR, o.ATR) && r.Events == o.Events && r.Exclusive == o.Exclusive
}
