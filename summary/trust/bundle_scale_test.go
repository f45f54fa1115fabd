package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// counting tells how much of a file was read, and may fail.
type counting struct {
	io.ReaderAt
	n    int64
	fail bool
}

func (c *counting) ReadAt(b []byte, offset int64) (int, error) {
	if c.fail {
		return 0, errors.New("the disk is gone")
	}
	c.n += int64(len(b))
	return c.ReaderAt.ReadAt(b, offset)
}

func randomRevocations(n int) []Revocation {
	list := make([]Revocation, n)
	for i := range list {
		name := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		list[i] = Revocation{[8]byte(name[:8]), Ceased, 20000}
	}
	return list
}

// A reader of one card does not read a whole national list.
func TestReadsOnlyWhatItNeeds(t *testing.T) {
	p, root := newProgramme(1), newAuthority(t, "Root")
	leaf := newIdentity(t, root, physician).Certificate
	d := p.draft(t)
	d.Anchors = []Anchor{{Name: "A", Certificate: root.Certificate}}
	d.Revocations = randomRevocations(100_000)
	data := p.sign(t, d)
	s := p.pinned()
	file := &counting{ReaderAt: bytes.NewReader(data)}
	b, err := OpenBundle(file, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Attach(b); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(leaf, now); err != nil {
		t.Fatal(err)
	}
	// The header with its table of 128 shards, and the three shards of the leaf, its key, and the anchor's key.
	if limit := int64(len(data)) / 20; file.n > limit {
		t.Errorf("%d of %d bytes were read", file.n, len(data))
	}
}

// BenchmarkMillionRevocations is what a process that reads one card pays for a national list: open, verify, check a signer
// who is not revoked.
func BenchmarkMillionRevocations(b *testing.B) {
	p := newProgramme(1)
	root, err := NewAuthority("Root", Ed25519, now)
	if err != nil {
		b.Fatal(err)
	}
	id, err := root.NewIdentity(physician, Ed25519, now)
	if err != nil {
		b.Fatal(err)
	}
	d := p.draft(b)
	d.Anchors = []Anchor{{Name: "A", Certificate: root.Certificate}}
	d.Revocations = randomRevocations(1_000_000)
	data := p.sign(b, d)
	var read int64
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s := p.pinned()
		file := &counting{ReaderAt: bytes.NewReader(data)}
		bundle, err := OpenBundle(file, int64(len(data)))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Attach(bundle); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Check(id.Certificate, now); err != nil {
			b.Fatal(err)
		}
		read = file.n
	}
	b.ReportMetric(float64(read), "B-read/op")
	b.ReportMetric(float64(len(data)), "B-file")
}

// BenchmarkSignMillion is what the authority pays.
func BenchmarkSignMillion(b *testing.B) {
	p := newProgramme(1)
	d := p.draft(b)
	d.Revocations = randomRevocations(1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Sign(p.bundle); err != nil {
			b.Fatal(err)
		}
	}
}
