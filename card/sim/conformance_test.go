package sim_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/secours-card/secours/card/sim"
)

// The cards of testdata/exchanges.txt and testdata/tags.txt.
func conformanceCards() map[string]sim.Options {
	tag := func(size int, t sim.Tag) sim.Options { return sim.Options{Size: size, Tag: &t} }
	return map[string]sim.Options{
		"tag":          tag(512, sim.Tag{}),
		"tag3":         tag(512, sim.Tag{Mapping: 3}),
		"tag3short":    tag(512, sim.Tag{Mapping: 3, NLEN: 2}),
		"long":         tag(65536, sim.Tag{Mapping: 3, MLe: 255, MLc: 255}),
		"readonly":     tag(512, sim.Tag{ReadOnly: true}),
		"st":           tag(512, sim.Tag{FileID: 0x0001, Quirks: sim.QuirksST}),
		"st3":          tag(512, sim.Tag{Mapping: 3, Quirks: sim.QuirksST}),
		"openjavacard": tag(512, sim.Tag{MLe: 128, MLc: 128, Quirks: sim.QuirksOpenJavaCard}),
		"javalong":     tag(32767, sim.Tag{MLe: 128, MLc: 128, Quirks: sim.QuirksOpenJavaCard}),
		"writeonce":    tag(512, sim.Tag{MLe: 128, MLc: 128, Quirks: sim.QuirksOpenJavaCard | sim.QuirkWriteOnce}),
		"nordic":       tag(512, sim.Tag{Quirks: sim.QuirkNeedsLe}),
		"emulated":     tag(512, sim.Tag{MLe: 65535, MLc: 65535, Quirks: sim.QuirksEmulated}),

		"short":    {Size: 512},
		"t0":       {Size: 512, T0: true},
		"extended": {Size: 512, MaxCommand: 399, MaxResponse: 272},
		"pin":      {Size: 512, PIN: []byte("1234"), PUK: []byte("666666")},
		"nopuk":    {Size: 512, PIN: []byte("1234")},
	}
}

// bytesOf decodes the hexadecimal of testdata/exchanges.txt.
func bytesOf(t *testing.T, s string) []byte {
	t.Helper()
	var out []byte
	for _, word := range strings.Fields(s) {
		digits, times, repeated := strings.Cut(word, "*")
		b, err := hex.DecodeString(digits)
		n := 1
		if repeated && err == nil {
			n, err = strconv.Atoi(times)
		}
		if err != nil {
			t.Fatalf("%q: %v", word, err)
		}
		out = append(out, bytes.Repeat(b, n)...)
	}
	return out
}

// matches compares a response with a line. "@n" asks only for so many bytes of data in all, begun as given; a status follows it or is 9000.
func matches(t *testing.T, want string, got []byte) bool {
	t.Helper()
	data, tail, open := strings.Cut(want, "@")
	if !open {
		return bytes.Equal(got, bytesOf(t, want))
	}
	count, status, _ := strings.Cut(tail, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}
	if status == "" {
		status = "9000"
	}
	return len(got) == n+2 && bytes.HasPrefix(got, bytesOf(t, data)) && bytes.HasSuffix(got, bytesOf(t, status))
}

func TestExchanges(t *testing.T) {
	exchanges(t, "testdata/exchanges.txt", 150)
}

func TestTagExchanges(t *testing.T) {
	exchanges(t, "testdata/tags.txt", 100)
}

func exchanges(t *testing.T, file string, least int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The same on a card in memory and on one in a file, which is closed and opened at each reset.
	t.Run("memory", func(t *testing.T) {
		replay(t, string(text), least, func(name string, o sim.Options) *sim.Card {
			c, err := sim.New(o)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}, func(c *sim.Card) *sim.Card {
			if err := c.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			return c
		})
	})
	t.Run("image", func(t *testing.T) {
		var path string
		replay(t, string(text), least, func(name string, o sim.Options) *sim.Card {
			path = filepath.Join(t.TempDir(), name)
			return create(t, path, o)
		}, func(c *sim.Card) *sim.Card {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			return reopen(t, path)
		})
	})
}

func replay(t *testing.T, text string, least int, start func(string, sim.Options) *sim.Card, reset func(*sim.Card) *sim.Card) {
	t.Helper()
	var c *sim.Card
	n := 0
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "card "); ok {
			o, known := conformanceCards()[name]
			if !known {
				t.Fatalf("line %d: no card %q", i+1, name)
			}
			c = start(name, o)
			continue
		}
		switch line {
		case "":
			continue
		case "reset":
			c = reset(c)
			continue
		}
		command, want, ok := strings.Cut(line, " => ")
		if !ok {
			t.Fatalf("line %d: %q", i+1, line)
		}
		n++
		got, err := c.Transmit(t.Context(), bytesOf(t, command))
		if err != nil || !matches(t, want, got) {
			t.Errorf("line %d: %s answers %X, %v; want %s", i+1, command, got, err, want)
		}
	}
	if n < least {
		t.Errorf("only %d exchanges", n)
	}
}

// The log keeps as many records as it says, over and over.
func TestLogWrapsAround(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{LogRecords: 3, LogRecord: 2})
	defer func() { c.Close() }()
	send(t, c, "00a4040c08f05345434f555253", "9000")
	for i := range 20 {
		if i%7 == 3 {
			c.Close()
			c = reopen(t, path)
			send(t, c, "00a4040c08f05345434f555253", "9000")
		}
		send(t, c, "00e2001002"+hex.EncodeToString([]byte{0xE0, byte(i)}), "9000")
		for back := range 5 {
			want := "6a83"
			if back < 3 && back <= i {
				want = hex.EncodeToString([]byte{0xE0, byte(i - back)}) + "9000"
			}
			send(t, c, "00b2"+hex.EncodeToString([]byte{byte(1 + back)})+"1400", want)
		}
	}
}

// A record that was torn while being appended is not there, and those before it are.
func TestTornLogRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.img")
	c := create(t, path, sim.Options{LogRecords: 3, LogRecord: 4})
	send(t, c, "00a4040c08f05345434f555253", "9000")
	for _, record := range []string{"e0000001", "e0000002", "e0000003", "e0000004"} {
		send(t, c, "00e2001004"+record, "9000")
	}
	c.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte{0xE0, 0, 0, 4})
	b[at] = 0xFF
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	c = reopen(t, path)
	send(t, c, "00a4040c08f05345434f555253", "9000")
	send(t, c, "00b2011400", "e00000039000")
	send(t, c, "00b2021400", "e00000029000")
	send(t, c, "00b2031400", "e00000019000") // the spare slot took the tear
	send(t, c, "00b2041400", "6a83")
	send(t, c, "00e2001004e0000005", "9000")
	send(t, c, "00b2011400", "e00000059000")
}

func send(t testing.TB, c *sim.Card, command, want string) {
	t.Helper()
	b, err := hex.DecodeString(command)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Transmit(t.Context(), b)
	if err != nil || hex.EncodeToString(got) != want {
		t.Fatalf("%s answers %x, %v; want %s", command, got, err, want)
	}
}

func create(t testing.TB, path string, o sim.Options) *sim.Card {
	t.Helper()
	c, err := sim.Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func reopen(t testing.TB, path string) *sim.Card {
	t.Helper()
	c, err := sim.Open(path, sim.Session{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestATR(t *testing.T) {
	for want, o := range map[string]sim.Options{
		"3B97188131FE4580319873960100":   {}, // without TCK
		"3B9718 8131FE45 80319873960160": {MaxCommand: 1000, MaxResponse: 1000},
		"3B1718 80319873960100":          {T0: true},
		"3B878001 80319873960100":        {Session: sim.Session{Link: sim.Contactless(106)}},
		"3B808001":                       {Tag: &sim.Tag{}},
		"3B9018 8131FE45":                {Tag: &sim.Tag{}, Session: sim.Session{Link: sim.Contact(115200)}},
	} {
		c, err := sim.New(o)
		if err != nil {
			t.Fatal(err)
		}
		atr := c.ATR()
		check := byte(0)
		for _, b := range atr[1:] {
			check ^= b
		}
		if o.T0 {
			check = 0
			atr = append(atr, 0) // no TCK where only T=0 is offered
		}
		if check != 0 {
			t.Errorf("%X: wrong check byte", atr)
		}
		if got := hex.EncodeToString(atr[:len(atr)-1]); !strings.EqualFold(got, strings.ReplaceAll(want, " ", "")) {
			t.Errorf("ATR %s, want %s", got, want)
		}
	}
}
