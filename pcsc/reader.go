package pcsc

// Reader is a reader as it was when [Readers] looked.
type Reader struct {
	Name string
	Card bool   // something is in it; it may still turn out not to answer
	ATR  []byte // of that card, at most 33 bytes (ISO/IEC 7816-3, 8.2.1); nil when there is none or it does not answer
}
