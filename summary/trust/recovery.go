package trust

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
)

// RecoveryCode is the seed of a patient's own key (FORMAT 3.2), which reads everything on the card, masked items
// included. It is a secret that is written on paper and kept nowhere else.
type RecoveryCode [16]byte

const (
	recoveryGroups = 8
	recoveryDigits = 6 // of a group: 11 × 65,535 + 8 is the largest
)

// maxRecoveryText bounds what is read as a code: 48 digits, and room for any way to set them apart.
const maxRecoveryText = 512

// RecoveryError says which group of a recovery code is wrong, from 1 to 8, or 0 where there are not eight groups of six
// digits. It quotes nothing.
type RecoveryError struct {
	Group int
}

func (e *RecoveryError) Error() string {
	if e.Group == 0 {
		return "a recovery code has eight groups of six digits"
	}
	return fmt.Sprintf("group %d of the recovery code is wrong", e.Group)
}

// NewRecoveryCode draws a code.
func NewRecoveryCode() RecoveryCode {
	var c RecoveryCode
	rand.Read(c[:])
	return c
}

// String returns the code as it goes on paper: eight groups of six digits with a space between.
func (c RecoveryCode) String() string {
	groups := make([]string, recoveryGroups)
	for i := range groups {
		// Six decimal digits modulo 11: the powers of ten alternate between 1 and -1, so a wrong digit or two swapped
		// neighbours change the remainder, and the remainder differs from group to group.
		groups[i] = fmt.Sprintf("%0*d", recoveryDigits, 11*uint32(binary.BigEndian.Uint16(c[2*i:]))+uint32(i+1))
	}
	return strings.Join(groups, " ")
}

// ParseRecoveryCode reads a code as somebody typed it: the digits may be set apart by white space and dashes anywhere.
// The error is a *RecoveryError, of the first group that is wrong.
func ParseRecoveryCode(s string) (RecoveryCode, error) {
	var c RecoveryCode
	if len(s) > maxRecoveryText {
		return c, &RecoveryError{}
	}
	var digits []uint32
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, uint32(r-'0'))
		case unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '−':
		default:
			if group := len(digits)/recoveryDigits + 1; group <= recoveryGroups {
				return c, &RecoveryError{group}
			}
			return c, &RecoveryError{}
		}
	}
	if len(digits) != recoveryGroups*recoveryDigits {
		return c, &RecoveryError{oddGroup(s)}
	}
	for i := range recoveryGroups {
		var v uint32
		for _, d := range digits[i*recoveryDigits : (i+1)*recoveryDigits] {
			v = 10*v + d
		}
		v -= uint32(i + 1) // below 0 it becomes far too large
		if v%11 != 0 || v/11 > 0xFFFF {
			return RecoveryCode{}, &RecoveryError{i + 1}
		}
		binary.BigEndian.PutUint16(c[2*i:], uint16(v/11))
	}
	return c, nil
}

// oddGroup returns which of eight groups has not six digits, or 0 where the text is not in eight groups: then a digit
// may be missing anywhere.
func oddGroup(s string) int {
	groups := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if len(groups) != recoveryGroups {
		return 0
	}
	for i, g := range groups {
		if len(g) != recoveryDigits {
			return i + 1
		}
	}
	return 0
}
