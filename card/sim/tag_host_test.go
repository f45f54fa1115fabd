package sim_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
)

// wellFormed reads the tag as any phone does, and tells whether it holds one record of our type that takes the whole message.
func wellFormed(t *testing.T, c *sim.Card) {
	t.Helper()
	n, err := detect(c)
	if err != nil {
		t.Fatal(err)
	}
	const kind = "application/vnd.secours"
	b, err := n.message()
	if err != nil || len(b) < 29 || b[0] != 0xC2 || int(b[1]) != len(kind) || string(b[6:6+len(kind)]) != kind ||
		int(binary.BigEndian.Uint32(b[2:])) != len(b)-6-len(kind) || (len(b)+n.nlen)%64 != 0 {
		t.Fatalf("a message of %d bytes that begins with % X, %v", len(b), b[:min(len(b), 32)], err)
	}
}

// tagMedium is the container of a tag that is laid out.
func tagMedium(t *testing.T, c *sim.Card) *card.EF {
	t.Helper()
	opened, err := card.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := opened.(*card.Tag); !ok {
		t.Fatalf("a %T", opened)
	}
	return opened.Medium(t.Context())
}

// layOut makes a tag with a container from a blank one, or from one that holds another message.
func layOut(t *testing.T, c *sim.Card, replace bool) {
	t.Helper()
	tag, err := card.SelectTag(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := tag.LayOut(t.Context(), replace); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, c)
	if err := card.Format(tagMedium(t, c), card.ID{1}); err != nil {
		t.Fatal(err)
	}
}

// What package card lays out, formats, writes and reads on the tag comes through the image, and other readers understand the tag.
func TestContainerOnTags(t *testing.T) {
	for name, o := range tags() {
		if o.Tag.MLc == 1 { // NLEN cannot be written in one command: refused, see below
			continue
		}
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tag.img")
			c := create(t, path, o)
			if _, err := card.Open(t.Context(), c); !errors.Is(err, card.ErrBlankTag) {
				t.Fatalf("a blank tag: %v", err)
			}
			other, err := detect(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := other.update(record(40, 3)); err != nil {
				t.Fatal(err)
			}
			if _, err := card.Open(t.Context(), c); !errors.Is(err, card.ErrOtherMessage) {
				t.Fatalf("a tag with another message: %v", err)
			}
			layOut(t, c, true)
			seq := uint32(0)
			for i := range 3 {
				content := numbered(uint32(i))
				if seq, err = card.Write(tagMedium(t, c), content, seq); err != nil {
					t.Fatal(err)
				}
				c.Close()
				c = reopen(t, path)
				wellFormed(t, c)
				got, err := card.Read(tagMedium(t, c))
				if err != nil || !bytes.Equal(got.Record, content) || got.Seq != seq {
					t.Fatalf("write %d: %d bytes, %v", i, len(got.Record), err)
				}
			}
		})
	}
}

func TestContainerOnTagThatRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		tag  sim.Tag
		want error
	}{
		"read-only":  {sim.Tag{ReadOnly: true}, card.ErrReadOnly},
		"write-once": {sim.Tag{Quirks: sim.QuirkWriteOnce}, card.ErrReadOnly},
		"MLc of 1":   {sim.Tag{MLc: 1}, card.ErrLength},
	} {
		c := newTag(t, sim.Options{Tag: &tc.tag})
		tag, err := card.SelectTag(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := tag.LayOut(t.Context(), true); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// The card is pulled at a random point of one write after the other. At any moment a phone finds the message, and Secours the record
// that was acknowledged last or one that was begun since: which of them, may change from one read to the next, until a write ends well.
func TestTornContainerOnTags(t *testing.T) {
	for name, o := range tags() {
		if o.Tag.MLc == 1 {
			continue
		}
		o.Size = 4096
		t.Run(name, func(t *testing.T) {
			o.Seed = 7
			rng := rand.New(rand.NewPCG(7, uint64(len(name))))
			c := newTag(t, o)
			layOut(t, c, false)
			seq, points := uint32(0), 0
			for range 2 {
				var err error
				start := c.CutPoints()
				if seq, err = card.Write(tagMedium(t, c), numbered(0), seq); err != nil {
					t.Fatal(err)
				}
				points = int(c.CutPoints() - start)
			}
			acknowledged, torn := uint32(0), 0
			for i := uint32(1); i <= 100; i++ {
				m := tagMedium(t, c)
				c.PullAfter(1 + rng.IntN(points*2))
				_, err := card.Write(m, numbered(i), seq)
				c.PullAfter(0)
				c.Insert()
				if err == nil {
					acknowledged = i
				} else {
					torn++
				}
				wellFormed(t, c)
				got, err := card.Read(tagMedium(t, c))
				if err != nil || len(got.Record) < 4 {
					t.Fatalf("write %d: %d bytes, %v", i, len(got.Record), err)
				}
				n := binary.BigEndian.Uint32(got.Record)
				if n < acknowledged || n > i || !bytes.Equal(got.Record, numbered(n)) {
					t.Fatalf("write %d: record %d, after %d was acknowledged", i, n, acknowledged)
				}
				seq = got.Seq
			}
			if torn < 30 || torn > 95 {
				t.Errorf("%d of 100 writes were torn", torn)
			}
		})
	}
}
