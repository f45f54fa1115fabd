package sim_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
)

// The times of plain reads in commands of 240 bytes, without SELECT and resets, against those worked out from the standards
// independently: 37 and 218 ms by contact at 115,200 baud, 10 and 53 ms contactless at 424 kbit/s, for 330 and 2,000 bytes.
func TestLinkTimes(t *testing.T) {
	for _, tc := range []struct {
		name      string
		link      sim.Link
		bytes     int
		want      time.Duration
		tolerance float64
	}{
		{"contact", sim.Contact(115200), 330, 37 * time.Millisecond, 0.05},
		{"contact", sim.Contact(115200), 2000, 218 * time.Millisecond, 0.05},
		{"contactless", sim.Contactless(424), 330, 10 * time.Millisecond, 0.10},
		{"contactless", sim.Contactless(424), 2000, 53 * time.Millisecond, 0.10},
	} {
		got := readTime(t, tc.link, tc.bytes)
		if d := float64(got-tc.want) / float64(tc.want); d < -tc.tolerance || d > tc.tolerance {
			t.Errorf("%s, %d bytes: %v, want about %v", tc.name, tc.bytes, got, tc.want)
		}
	}
	// A faster link is faster, but not in proportion: turnaround times stay.
	slow, fast := readTime(t, sim.Contactless(106), 2000), readTime(t, sim.Contactless(848), 2000)
	if fast*8 <= slow || fast*4 >= slow {
		t.Errorf("848 kbit/s takes %v, 106 kbit/s %v", fast, slow)
	}
	if got := readTime(t, sim.Link{}, 2000); got != 0 {
		t.Errorf("no link takes %v", got)
	}
	// One command more at 9600 baud: the five bytes of it, the status word, two blocks.
	extra := readTime(t, sim.Contact(9600), 241) - readTime(t, sim.Contact(9600), 240)
	if extra < 15*time.Millisecond || extra > 45*time.Millisecond {
		t.Errorf("a command more at 9600 baud takes %v", extra)
	}
}

func readTime(t *testing.T, link sim.Link, n int) time.Duration {
	t.Helper()
	c, err := sim.New(sim.Options{Session: sim.Session{Link: link}})
	if err != nil {
		t.Fatal(err)
	}
	m := medium(t, c)
	before := c.Elapsed()
	if _, err := m.ReadAt(make([]byte, n), 0); err != nil {
		t.Fatal(err)
	}
	return c.Elapsed() - before
}

func TestPageTimes(t *testing.T) {
	for _, tc := range []struct {
		o      sim.Options
		off, n int64
		want   time.Duration
	}{
		{sim.Options{}, 0, 64, 3 * time.Millisecond},
		{sim.Options{}, 0, 128, 6 * time.Millisecond},
		{sim.Options{}, 60, 8, 6 * time.Millisecond}, // two pages
		{sim.Options{Page: 16}, 0, 16, 3 * time.Millisecond},
		{sim.Options{Page: 128}, 0, 1, 6 * time.Millisecond},
		{sim.Options{Session: sim.Session{PageTime: time.Second}}, 0, 1000, 16 * time.Second},
	} {
		c, err := sim.New(tc.o)
		if err != nil {
			t.Fatal(err)
		}
		m := medium(t, c)
		if _, err := m.WriteAt(make([]byte, tc.n), tc.off); err != nil || c.Elapsed() != tc.want {
			t.Errorf("%d bytes at %d on %+v: %v, %v; want %v", tc.n, tc.off, tc.o, c.Elapsed(), err, tc.want)
		}
	}
}

func TestResetTakesTime(t *testing.T) {
	for _, link := range []sim.Link{sim.Contact(115200), sim.Contactless(424)} {
		c, err := sim.New(sim.Options{Session: sim.Session{Link: link}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Reset(t.Context()); err != nil || c.Elapsed() < 10*time.Millisecond || c.Elapsed() > 50*time.Millisecond {
			t.Errorf("a reset takes %v, %v", c.Elapsed(), err)
		}
	}
}

func links() map[string]sim.Options {
	contact := sim.Session{Link: sim.Contact(115200), Seed: 1}
	contactless := sim.Session{Link: sim.Contactless(424), Seed: 1}
	return map[string]sim.Options{
		"contact115k":          {Session: contact},
		"contact115k/extended": {Session: contact, MaxCommand: 2048, MaxResponse: 2048},
		"contactless424k":      {Session: contactless},
	}
}

// The time a card takes, by the virtual clock, from SELECT to the last byte of a record of 1,000 bytes.
func BenchmarkRead(b *testing.B) {
	for name, o := range links() {
		b.Run(name, func(b *testing.B) {
			c, record := written(b, o)
			elapsed, commands := c.Elapsed(), c.Commands()
			for range b.N {
				got, err := card.Read(medium(b, c))
				if err != nil || !bytes.Equal(got.Record, record) {
					b.Fatal(err)
				}
			}
			report(b, c, elapsed, commands)
		})
	}
}

// Likewise to write one over an older one, read-backs and resets included.
func BenchmarkWrite(b *testing.B) {
	for name, o := range links() {
		b.Run(name, func(b *testing.B) {
			c, record := written(b, o)
			before, err := card.Read(medium(b, c))
			if err != nil {
				b.Fatal(err)
			}
			seq := before.Seq
			elapsed, commands := c.Elapsed(), c.Commands()
			for range b.N {
				if seq, err = card.Write(medium(b, c), record, seq); err != nil {
					b.Fatal(err)
				}
			}
			report(b, c, elapsed, commands)
		})
	}
}

// written makes a card that was written twice, so that both slots hold a record, as after the first consultations.
func written(b *testing.B, o sim.Options) (*sim.Card, []byte) {
	b.Helper()
	c, err := sim.New(o)
	if err != nil {
		b.Fatal(err)
	}
	m := medium(b, c)
	if err := card.Format(m, card.ID{1}); err != nil {
		b.Fatal(err)
	}
	record, seq := bytes.Repeat([]byte("secours "), 125), uint32(0)
	for range 2 {
		if seq, err = card.Write(m, record, seq); err != nil {
			b.Fatal(err)
		}
	}
	return c, record
}

func report(b *testing.B, c *sim.Card, elapsed time.Duration, commands int) {
	b.ReportMetric(float64((c.Elapsed()-elapsed).Microseconds())/1000/float64(b.N), "card-ms/op")
	b.ReportMetric(float64(c.Commands()-commands)/float64(b.N), "commands/op")
}
