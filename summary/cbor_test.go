package summary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// identity is {1 of care: the patient of with}, without the head of the map.
const identity = "02a40366445552414e440481664a65616e6e650719" + "4ff3" + "0800"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Everything that is not exactly what Compartments writes is refused.
func TestMergeRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("81", n) + "80" }
	if _, err := Merge([4][]byte{nil, unhex(t, "a1"+identity)}); err != nil {
		t.Fatalf("the base of the samples is wrong: %v", err)
	}
	if _, err := Merge([4][]byte{nil, unhex(t, "a2"+identity+"1863"+deep(maxNestedNewer-1))}); err != nil {
		t.Fatalf("an unknown member, 7 deep: %v", err)
	}
	sections := func(s string) string { return "a2" + identity + "04a1" + s }
	for _, tt := range []struct {
		name string
		c    [4]string
		err  error
	}{
		{"nothing", [4]string{}, ErrNoIdentity},
		{"trailing byte", [4]string{1: "a1" + identity + "00"}, ErrEncoding},
		{"no map", [4]string{1: "80"}, ErrEncoding},
		{"empty map at level 0", [4]string{0: "a0"}, ErrEncoding},
		{"no patient", [4]string{1: "a0"}, ErrMissing},
		{"indefinite map", [4]string{1: "bf" + identity + "ff"}, ErrEncoding},
		{"key twice", [4]string{1: "a2" + identity + identity}, ErrEncoding},
		{"keys out of order", [4]string{1: "a2" + identity + "01626672"}, ErrEncoding},
		{"schema is not stored", [4]string{1: "a200" + "6173" + identity}, ErrEncoding},
		{"long key", [4]string{1: "a11802" + identity[2:]}, ErrEncoding},
		{"long text", [4]string{1: "a201780266" + "72" + identity}, ErrEncoding},
		{"text is not UTF-8", [4]string{1: "a20162ff72" + identity}, ErrEncoding},
		{"text with a control character", [4]string{1: "a201621b72" + identity}, ErrCharacter},
		{"empty text", [4]string{1: "a20160" + identity}, ErrEncoding},
		{"text too long", [4]string{1: "a2017824" + strings.Repeat("61", 36) + identity}, ErrTooLarge},
		{"text longer than the compartment", [4]string{1: "a1017bffffffffffffffff"}, ErrEncoding},
		{"array longer than the compartment", [4]string{1: sections("029bffffffffffffffff")}, ErrEncoding},
		{"tag", [4]string{1: "a1" + identity + "c0"}, ErrEncoding},
		{"tag in an unknown member", [4]string{1: "a2" + identity + "1863c001"}, ErrEncoding},
		{"float in an unknown member", [4]string{1: "a2" + identity + "1863f93c00"}, ErrEncoding},
		{"undefined in an unknown member", [4]string{1: "a2" + identity + "1863f7"}, ErrEncoding},
		{"map out of order in an unknown member", [4]string{1: "a2" + identity + "1863a202000100"}, ErrEncoding},
		{"long number in an unknown member", [4]string{1: "a2" + identity + "18631801"}, ErrEncoding},
		{"unknown member 8 deep", [4]string{1: "a2" + identity + "1863" + deep(maxNestedNewer)}, ErrTooLarge},
		{"unknown member 100 deep", [4]string{1: "a2" + identity + "1863" + deep(100)}, ErrEncoding},
		{"unknown JSON member under a known name", [4]string{1: "a2" + identity + "666c616e677561676541" + "31"}, ErrEncoding},
		{"unknown JSON member that is no JSON", [4]string{1: "a2" + identity + "617841" + "7b"}, ErrSyntax},
		{"unknown JSON member that is not compact", [4]string{1: "a2" + identity + "6178425b20"}, ErrSyntax},
		{"unknown JSON member as text", [4]string{1: "a2" + identity + "61786131"}, ErrEncoding},
		{"unknown JSON member with a number's name", [4]string{1: "a2" + identity + "6223394131"}, ErrEncoding},
		{"unknown JSON member of the summary at level 3", [4]string{1: "a1" + identity, 3: "a161784131"}, ErrEncoding},
		{"patient at level 0", [4]string{0: "a1" + identity, 1: "a1" + identity}, ErrEncoding},
		{"number of a sex that is a text", [4]string{1: strings.TrimSuffix("a1"+identity, "00") + "6146"}, ErrEncoding},
		{"date that does not exist", [4]string{1: strings.Replace("a1"+identity, "194ff3", "194ffe", 1)}, ErrDate},
		{"date out of range", [4]string{1: strings.Replace("a1"+identity, "194ff3", "1a00ffffff", 1)}, ErrDate},
		{"no sections", [4]string{1: "a2" + identity + "04a0"}, ErrEncoding},
		{"section says nothing", [4]string{1: sections("02a0")}, ErrEncoding},
		{"status in a map", [4]string{1: sections("02a10101")}, ErrEncoding},
		{"items without items", [4]string{1: sections("0280")}, ErrEncoding},
		{"no status", [4]string{1: sections("02a10219c000")}, ErrMissing},
		{"status items in words", [4]string{1: sections("02a201000681a1016161")}, ErrEncoding},
		{"none known, and items", [4]string{1: sections("02a201010681a1016161")}, ErrContradiction},
		{"101 items", [4]string{1: sections("029865" + strings.Repeat("a1016161", 101))}, ErrTooLarge},
		{"concept in an array without codes", [4]string{1: sections("0281a1018161" + "61")[:len(sections("0281a1018161"+"61"))-2]}, ErrEncoding},
		{"half a code", [4]string{1: sections("0281a101826161" + "00")}, ErrEncoding},
		{"code of digits as text", [4]string{1: sections("0281a10183616100" + "6137")}, ErrEncoding},
		{"concept in a map for nothing", [4]string{1: sections("0281a101a1016161")}, ErrEncoding},
		{"whole number in an array", [4]string{1: sections("0581a301000281613704" + "194ff3")}, ErrEncoding},
		{"flag that is null", [4]string{1: sections("0381a20161610af6")}, ErrEncoding},
		{"flag in two bytes", [4]string{1: sections("0381a20161610af815")}, ErrEncoding},
		{"level that contradicts the compartment", [4]string{1: sections("0281a20161612103")}, ErrContradiction},
		{"level that the compartment implies", [4]string{1: sections("0203"), 3: "a104a10281a20161612103"}, ErrEncoding},
		{"level of a newer format", [4]string{1: sections("0281a20161612104")}, ErrUnknownValue},
		{"id twice", [4]string{1: sections("0282a201616120616ba201616220616b")}, ErrDuplicate},
		{"id that is derived", [4]string{1: sections("0281a201656c61746578206761676436377266")}, ErrEncoding},
		{"section missing at level 1", [4]string{1: "a1" + identity, 3: "a104a10281a1016161"}, ErrEncoding},
		{"head at the wrong level", [4]string{1: sections("0281a1016162"), 3: "a104a102a20219c0000681a1016161"}, ErrEncoding},
		{"head of a clinical section at level 1", [4]string{1: sections("0401")}, ErrEncoding},
		{"head missing at its level", [4]string{1: sections("0481a1016161"), 2: "a104a10801"}, ErrEncoding},
		{"places without items", [4]string{1: sections("02a201010781" + "01")}, ErrEncoding},
		{"places out of order", [4]string{1: sections("02a20682a1016161a1016162078202" + "01")}, ErrEncoding},
		{"open without consent", [4]string{0: "a104a10281a1016161", 1: sections("0200")}, ErrContradiction},
		{"too large", [4]string{1: "a2" + identity + "18635a00010000" + strings.Repeat("00", 1<<16)}, ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c [4][]byte
			for i, s := range tt.c {
				if s != "" {
					c[i] = unhex(t, s)
				}
			}
			s, err := Merge(c)
			if !errors.Is(err, tt.err) || s != nil {
				t.Errorf("want %v, got %v", tt.err, err)
			}
		})
	}
}

// Any change of any byte is refused, or is another summary's only encoding.
func TestMangledCompartments(t *testing.T) {
	c := compartments(t, parse(t, sample))
	accepted := 0
	for r := range c {
		for i := range c[r] {
			for _, flip := range []byte{1, 0x20, 0x80} {
				d := c
				d[r] = bytes.Clone(c[r])
				d[r][i] ^= flip
				m, err := Merge(d)
				if err != nil {
					if m != nil {
						t.Fatalf("level %d, byte %d: a summary with an error", r, i)
					}
					continue
				}
				accepted++
				e, err := m.Compartments()
				switch {
				case errors.Is(err, ErrNewer):
				case err != nil:
					t.Fatalf("level %d, byte %d: read, but not to be written: %v", r, i, err)
				case !slices.EqualFunc(d[:], e[:], bytes.Equal):
					t.Fatalf("level %d, byte %d: two encodings of one summary", r, i)
				}
			}
		}
		for i := range c[r] {
			d := c
			if d[r] = c[r][:i]; i == 0 {
				continue
			}
			if _, err := Merge(d); err == nil {
				t.Fatalf("level %d cut at byte %d was accepted", r, i)
			}
		}
	}
	if accepted == 0 {
		t.Error("no change at all was accepted, not even of a letter")
	}
}

func TestAppendixA(t *testing.T) {
	data, err := os.ReadFile("../../shared/vectors/cbor/appendix_a.json")
	if err != nil {
		t.Skip("the vectors of RFC 8949, appendix A, are not here (../shared/vectors/cbor/appendix_a.json)")
	}
	var vectors []struct {
		Hex       string
		Roundtrip bool
		Decoded   any
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, v := range vectors {
		b := unhex(t, v.Hex)
		// No tag, no float, no simple value but false, true and null; nothing that is not deterministic.
		want := v.Roundtrip && (b[0] < 0xc0 || 0xf4 <= b[0] && b[0] <= 0xf6)
		s, err := Merge([4][]byte{nil, append(unhex(t, "a2"+identity+"1863"), b...)})
		if (err == nil) != want {
			t.Errorf("%s: %v", v.Hex, err)
		}
		if err == nil {
			accepted++
			if got := s.Extra["#99"]; string(got) != `"`+base64.StdEncoding.EncodeToString(b)+`"` {
				t.Errorf("%s: kept as %s", v.Hex, got)
			}
		}
		switch d := v.Decoded.(type) {
		case float64:
			if b[0] < 0x40 && math.Abs(d) < 1<<53 && !bytes.Equal(appendInt(nil, int64(d)), b) {
				t.Errorf("%s: written as %x", v.Hex, appendInt(nil, int64(d)))
			}
		case string:
			if v.Roundtrip && !bytes.Equal(appendText(nil, d), b) {
				t.Errorf("%s: written as %x", v.Hex, appendText(nil, d))
			}
		}
	}
	if accepted == 0 || accepted == len(vectors) {
		t.Errorf("%d of %d vectors accepted", accepted, len(vectors))
	}
}

func TestDates(t *testing.T) {
	for _, tt := range []struct {
		text   string
		number int64
	}{
		{"2026", 52416},
		{"2026-11", 52768},
		{"2026-11-21", 52789},
		{"1900", 0},
		{"1899-12-31", -1},
		{"1850", -20800},
		{"2155-12-31", 106495},
	} {
		d, err := ParseDate(tt.text)
		if err != nil || d.number() != tt.number || d.String() != tt.text {
			t.Errorf("%s: %v, %d, %s", tt.text, err, d.number(), d)
		}
		if back, err := dateOf(tt.number); err != nil || back != d {
			t.Errorf("%d: %v, %v", tt.number, back, err)
		}
	}
	// Every number is a date that gives it back, or none.
	count := 0
	for n := int64(-21_000); n < 107_000; n++ {
		d, err := dateOf(n)
		if err != nil {
			continue
		}
		count++
		if p, err := ParseDate(d.String()); err != nil || p != d || p.number() != n {
			t.Fatalf("%d: %v, %v", n, d, err)
		}
	}
	// 306 years, 12 months each, and the days of 76 leap and 230 common years... less 1900 and 2100.
	if leap := 74; count != 306+306*12+306*365+leap {
		t.Errorf("%d dates", count)
	}
}
