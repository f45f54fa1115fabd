package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPagerLay(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, nil},
		{"one\ntwo\n", 10, []string{"one", "two"}},
		{"no line feed", 12, []string{"no line feed"}},
		{"a\n\nb\n", 10, []string{"a", "", "b"}},
		{"exactly ten\n", 11, []string{"exactly ten"}},
		{"at a space\n", 9, []string{"at a", "space"}},
		{"at a space\n", 4, []string{"at a", "spac", "e"}},
		{"undividable\n", 5, []string{"undiv", "idabl", "e"}},
		{"  indented\n", 8, []string{" ", "indented"}},
		{"été déjà\n", 4, []string{"été", "déjà"}},
		{"日本語\n", 4, []string{"日本", "語"}},
		{"\x1b[1;31mred\x1b[0m text\n", 8, []string{"\x1b[1;31mred\x1b[0m text"}},
		{"\x1b[1;31mred\x1b[0m text\n", 5, []string{"\x1b[1;31mred\x1b[0m", "text"}},
	} {
		var p pager
		p.lay([]byte(c.text), c.width, 5)
		var got []string
		for _, r := range p.rows {
			got = append(got, c.text[r.from:r.to])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

// Whatever the width, everything but spaces at the breaks is on some row, in its order, and no row is too wide.
func FuzzPagerLay(f *testing.F) {
	f.Add("SYNTHÈSE DU 22/11/2026\n!! \x1b[1;31mANTICOAGULANT\x1b[0m  apixaban 日本\n", 7)
	f.Add("\x1b[", 2)
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = 2 + int(uint(width)%130)
		var p pager
		p.lay([]byte(text), width, 3)
		squeeze := strings.NewReplacer(" ", "", "\n", "")
		var all strings.Builder
		for _, r := range p.rows {
			row := text[r.from:r.to]
			all.WriteString(row)
			if columns := textWidth(withoutColour(row)); columns > width {
				t.Errorf("%d columns in %d: %q", columns, width, row)
			}
		}
		if got, want := squeeze.Replace(all.String()), squeeze.Replace(text); got != want {
			t.Errorf("%q became %q", want, got)
		}
	})
}

func withoutColour(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := sgrLength([]byte(s))
		if n == 0 {
			n = 1
			b.WriteByte(s[0])
		}
		s = s[n:]
	}
	return b.String()
}

func TestPagerMove(t *testing.T) {
	text := []byte(strings.Repeat("line\n", 73))
	for _, c := range []struct {
		height int
		keys   []key
		want   string
	}{
		{40, nil, "1-40 more"},
		{40, []key{keyUp, keyPageUp, keyHome}, "1-40 more"},
		{40, []key{keyDown, keyDown}, "3-42 more"},
		{40, []key{keyDown, keyUp}, "1-40 more"},
		{40, []key{keyPageDown}, "34-73 end"},
		{20, []key{keyPageDown}, "20-39 more"},
		{20, []key{keyPageDown, keyPageDown, keyPageUp}, "20-39 more"},
		{20, []key{keyEnd}, "54-73 end"},
		{20, []key{keyEnd, keyDown, keyPageDown}, "54-73 end"},
		{20, []key{keyEnd, keyHome}, "1-20 more"},
		{1, []key{keyPageDown, keyPageDown}, "3-3 more"},
		{0, []key{keyDown}, "2-2 more"},
		{73, []key{keyDown}, "1-73 all"},
		{200, []key{keyEnd, keyPageDown}, "1-73 all"},
	} {
		var p pager
		p.lay(text, 80, c.height)
		for _, k := range c.keys {
			if !p.move(k) {
				t.Errorf("key %d does not move", k)
			}
		}
		first, last, above, below := p.span()
		where := "all"
		switch {
		case below:
			where = "more"
		case above:
			where = "end"
		}
		if got := fmt.Sprintf("%d-%d %s", first, last, where); got != c.want {
			t.Errorf("height %d, %v: %s, want %s", c.height, c.keys, got, c.want)
		}
	}
	// A shorter text, or a higher screen, leaves nothing empty below.
	var p pager
	p.lay(text, 80, 10)
	p.move(keyEnd)
	p.lay(text, 80, 70)
	if p.top != 3 {
		t.Errorf("top %d after the screen grew", p.top)
	}
	p.lay([]byte("one\n"), 80, 70)
	if p.top != 0 || len(p.view()) != 1 {
		t.Errorf("top %d of one line", p.top)
	}
	if p.move(keyQuit) {
		t.Error("q moves")
	}
}

func TestParseKeys(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []key
		rest string
	}{
		{"q", []key{keyQuit}, ""},
		{"\x03", []key{keyInterrupt}, ""},
		{"\x04\x1a\x0c\t r", []key{keyQuit, keySuspend, keyRedraw, keyTab, keyPageDown, keyAgain}, ""},
		{"\x1b[A\x1b[B\x1b[5~\x1b[6~\x1b[H\x1b[F", []key{keyUp, keyDown, keyPageUp, keyPageDown, keyHome, keyEnd}, ""},
		{"\x1bOA\x1bOH\x1b[1~\x1b[4~\x1b[7~\x1b[8~\x1b[Z", []key{keyUp, keyHome, keyHome, keyEnd, keyHome, keyEnd, keyTab}, ""},
		{"xyz\x00\xff", nil, ""},
		{"\x1b", nil, "\x1b"},
		{"\x1b[", nil, "\x1b["},
		{"\x1b[6", nil, "\x1b[6"},
		{"\x1b[1;5A", nil, ""}, // with Ctrl: means nothing
		{"\x1bq", []key{keyQuit}, ""},
		{"\x1b\x1b[A", []key{keyUp}, ""},
		{"\x1b[" + strings.Repeat("1", 30), nil, ""},
		{"\x1b[200~q\x1b[201~", []key{keyQuit}, ""},
	} {
		got, rest := parseKeys([]byte(c.in))
		if !slices.Equal(got, c.want) || string(rest) != c.rest {
			t.Errorf("%q: %v, rest %q; want %v, %q", c.in, got, rest, c.want, c.rest)
		}
	}
}

func TestShortenedReaderName(t *testing.T) {
	for _, c := range []struct {
		name    string
		columns int
		want    string
	}{
		{"Virtual PCD 00 01", 17, "Virtual PCD 00 01"},
		{"Virtual PCD 00 01", 16, "Virtual PC…00 01"},
		{"Virtual PCD 00 01", 9, "Vir…00 01"},
		{"日本語リーダー 00 01", 12, "日本語…00 01"},
		{"Virtual PCD 00 01", 5, "Virtual PCD 00 01"}, // the status leaves it out
	} {
		if got := shortened(c.name, c.columns); got != c.want {
			t.Errorf("%q in %d columns: %q, want %q", c.name, c.columns, got, c.want)
		}
	}
}
