package trust

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// recoveryCodes are the extremes, some in between, and random ones.
func recoveryCodes() []RecoveryCode {
	codes := []RecoveryCode{{}, RecoveryCode(bytes.Repeat([]byte{0xFF}, 16)), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}
	for range 20 {
		codes = append(codes, NewRecoveryCode())
	}
	return codes
}

func TestRecoveryCodeText(t *testing.T) {
	// Reckoned by hand: 11 × 0x0001 + 1, 11 × 0x0203 + 2, … 11 × 0x0E0F + 8.
	want := "000012 005667 011322 016977 022632 028287 033942 039597"
	c := RecoveryCode{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	if c.String() != want {
		t.Errorf("%s, want %s", c, want)
	}
	if c := RecoveryCode(bytes.Repeat([]byte{0xFF}, 16)); c.String() != "720886 720887 720888 720889 720890 720891 720892 720893" {
		t.Errorf("the largest is %s", c)
	}
	if one, two := NewRecoveryCode(), NewRecoveryCode(); one == two {
		t.Error("two codes are the same")
	}
}

func TestRecoveryCodeAsTyped(t *testing.T) {
	for _, c := range recoveryCodes() {
		text := c.String()
		for _, typed := range []string{
			text,
			strings.ReplaceAll(text, " ", "-"),
			strings.ReplaceAll(text, " ", " – "),
			strings.ReplaceAll(text, " ", "\r\n"),
			strings.ReplaceAll(text, " ", ""),
			strings.ReplaceAll(text, " ", "\u00a0"),
			"\n  " + text[:3] + " " + text[3:] + "\n",
		} {
			if got, err := ParseRecoveryCode(typed); err != nil || got != c {
				t.Errorf("%q: %x, %v", typed, got, err)
			}
		}
	}
}

// Every slip that FORMAT 3.2 promises to find.
func TestRecoveryCodeSlips(t *testing.T) {
	refuse := func(text string, group int) {
		t.Helper()
		_, err := ParseRecoveryCode(text)
		var wrong *RecoveryError
		if !errors.As(err, &wrong) || wrong.Group != group {
			t.Fatalf("%q: %v, want group %d", text, err, group)
		}
	}
	for _, c := range recoveryCodes() {
		text := c.String()
		for i := range text {
			group := i/(recoveryDigits+1) + 1
			if text[i] == ' ' {
				continue
			}
			for d := byte('0'); d <= '9'; d++ {
				if d != text[i] {
					refuse(text[:i]+string(d)+text[i+1:], group)
				}
			}
			if i+1 < len(text) && text[i+1] != ' ' && text[i] != text[i+1] {
				refuse(text[:i]+string(text[i+1])+string(text[i])+text[i+2:], group)
			}
			refuse(text[:i]+text[i+1:], group)     // a digit left out
			refuse(text[:i]+"7"+text[i:], group)   // one too many
			refuse(text[:i]+"O"+text[i+1:], group) // a letter
			refuse(strings.ReplaceAll(text[:i]+text[i+1:], " ", ""), 0)
		}
		groups := strings.Fields(text)
		for i := range groups {
			for j := range i {
				swapped := append([]string(nil), groups...)
				swapped[i], swapped[j] = swapped[j], swapped[i]
				refuse(strings.Join(swapped, " "), j+1)
			}
			refuse(strings.Join(append(append([]string(nil), groups[:i]...), groups[i+1:]...), " "), 0)
		}
		refuse(text+" 000009", 0)
		refuse(text+"x", 0)
		refuse(text+strings.Repeat(" ", maxRecoveryText), 0)
	}
	refuse("", 0)
	// A remainder that is right, and a number beyond 16 bits.
	refuse(strings.Replace((RecoveryCode{}).String(), "000001", "720897", 1), 1)
	// Fewer than the number of the group.
	refuse(strings.Replace((RecoveryCode{}).String(), "000008", "000000", 1), 8)
}

func FuzzParseRecoveryCode(f *testing.F) {
	f.Add(NewRecoveryCode().String())
	f.Add("000012-005667\n011322 016977 022632 028287 033942 039597")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseRecoveryCode(s)
		if err != nil {
			var wrong *RecoveryError
			if !errors.As(err, &wrong) || wrong.Group < 0 || wrong.Group > recoveryGroups || c != (RecoveryCode{}) {
				t.Fatalf("%v, %x", err, c)
			}
			return
		}
		digits := func(s string) string {
			return strings.Map(func(r rune) rune {
				if r < '0' || r > '9' {
					return -1
				}
				return r
			}, s)
		}
		if digits(s) != digits(c.String()) {
			t.Fatalf("%q is taken for %s", s, c)
		}
	})
}
