package summary

import "errors"

// MaxJSON is the size of the largest document that Parse reads.
const MaxJSON = 1 << 20

// MaxCompartment is the size of the largest compartment.
const MaxCompartment = 64 << 10

var errStub = errors.New("not built yet")

// Parse reads a summary in JSON.
func Parse(data []byte) (*Summary, error) { return nil, errStub }

// JSON returns the summary in JSON.
func (s *Summary) JSON() ([]byte, error) { return nil, errStub }

// Validate checks the form of a summary, never its medicine.
func (s *Summary) Validate() error { return errStub }

// AssignIDs gives every item without an id the one that it has on the card.
func (s *Summary) AssignIDs() error { return errStub }

// Compartments returns the canonical CBOR of the summary by level.
func (s *Summary) Compartments() ([4][]byte, error) { return [4][]byte{}, errStub }

// Merge rebuilds a summary from its compartments; nil stands for a level that is not available.
func Merge(c [4][]byte) (*Summary, error) { return nil, errStub }

func isASCIIWord(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}
