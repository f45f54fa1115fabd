package card

import (
	"bytes"
	"errors"
	"testing"

	"github.com/secours-card/secours/card/sim"
)

// misreader loses one bit on the way, in one reading.
type misreader struct {
	Medium
	at, pos, reads int
}

func (m *misreader) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.Medium.ReadAt(p, off)
	if m.reads++; m.reads == m.at && n > 0 {
		p[m.pos%n] ^= 0x10
	}
	return n, err
}

func (m *misreader) Reset() error { return reset(m.Medium) }

// TestMisreadOnce: one bit lost on the way, in whatever reading, makes no card damaged, and no write a conflict.
func TestMisreadOnce(t *testing.T) {
	m := sim.NewMemory(8192, 64, sim.Raw, 1)
	if err := Format(m, ID{1}); err != nil {
		t.Fatal(err)
	}
	record := bytes.Repeat([]byte("summary "), 40)
	if _, err := Write(m, record, 0); err != nil {
		t.Fatal(err)
	}
	positions := []int{0, 4, 20, 35, 64, 70, 77, 128, 140, 300}
	for i := 0; ; i++ {
		at := 1 + i/len(positions)
		bad := &misreader{Medium: m, at: at, pos: positions[i%len(positions)]}
		content, err := Read(bad)
		if err != nil {
			t.Fatalf("reading %d misread: %v", at, err)
		}
		if !bytes.Equal(content.Record, record) || content.NewerLost {
			t.Errorf("reading %d misread: another record", at)
		}
		if bad.reads < at {
			break
		}
	}
	for i := 0; ; i++ {
		at := 1 + i/len(positions)
		content, err := Read(m)
		if err != nil {
			t.Fatal(err)
		}
		bad := &misreader{Medium: m, at: at, pos: positions[i%len(positions)]}
		// What is read back wrongly is not reported as written.
		if _, err := content.Replace(bad, record); err != nil && !errors.Is(err, ErrNotWritten) {
			t.Errorf("reading %d of a write misread: %v", at, err)
		}
		if bad.reads < at {
			break
		}
	}
}
