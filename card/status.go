package card

import (
	"errors"
	"fmt"
)

// What a status word, or the lack of one, means to a caller. Test with errors.Is.
var (
	ErrCardGone    = errors.New("card removed or silent")
	ErrNotOurCard  = errors.New("no Secours application on this card")
	ErrCardChanged = errors.New("the card in the reader is another one")
	ErrProtocol    = errors.New("the card breaks the protocol")

	ErrNotFound    = errors.New("not found on the card")
	ErrSecurity    = errors.New("security status not satisfied")
	ErrConditions  = errors.New("conditions of use not satisfied")
	ErrBlocked     = errors.New("PIN or PUK blocked")
	ErrReference   = errors.New("PIN or PUK not usable")
	ErrMemory      = errors.New("memory failure")
	ErrNoSpace     = errors.New("no space in the file")
	ErrLength      = errors.New("wrong length")
	ErrOffset      = errors.New("wrong parameters or offset")
	ErrData        = errors.New("wrong data field")
	ErrFile        = errors.New("command does not fit the file")
	ErrInstruction = errors.New("instruction not supported")
	ErrClass       = errors.New("class not supported")
	ErrCard        = errors.New("card reports a failure") // every other error status
)

// Status is the status word SW1-SW2 of a response (ISO/IEC 7816-4:2020, 5.6). As an error it unwraps to what it means to a caller.
type Status uint16

// StatusOK is the status word of a command done.
const StatusOK Status = 0x9000

// OK tells whether the command was done without any qualification.
func (s Status) OK() bool { return s == StatusOK }

// Warning tells whether the command was done with a qualification, 62xx or 63xx. What the qualification means depends on the command:
// 6282 is an end of file, 63Cx a counter, 6300 nothing in particular.
func (s Status) Warning() bool { return s>>8 == 0x62 || s>>8 == 0x63 }

func (s Status) Error() string {
	if err := s.Unwrap(); err != nil {
		return fmt.Sprintf("status %04X, %v", uint16(s), err)
	}
	return fmt.Sprintf("status %04X", uint16(s))
}

// Unwrap gives the error of this package that the status word means, nil for 9000, 61xx and warnings.
func (s Status) Unwrap() error {
	switch s {
	case 0x6A80:
		return ErrData
	case 0x6A81, 0x6D00:
		return ErrInstruction
	case 0x6A82, 0x6A83, 0x6A88:
		return ErrNotFound
	case 0x6A84:
		return ErrNoSpace
	case 0x6A85, 0x6A87:
		return ErrLength
	case 0x6A86:
		return ErrOffset
	case 0x6981, 0x6986:
		return ErrFile
	case 0x6982:
		return ErrSecurity
	case 0x6983:
		return ErrBlocked
	case 0x6984:
		return ErrReference
	case 0x6985:
		return ErrConditions
	}
	switch s >> 8 {
	case 0x90, 0x61, 0x62, 0x63:
		return nil
	case 0x65:
		return ErrMemory
	case 0x67, 0x6C:
		return ErrLength
	case 0x68, 0x6E:
		return ErrClass
	case 0x6B:
		return ErrOffset
	case 0x6D:
		return ErrInstruction
	}
	return ErrCard
}

// CommandError is a command that the card refused. Its text names the command and the status word, never data.
type CommandError struct {
	Command string // as in ISO/IEC 7816-4, "READ BINARY"
	Status  Status
	Cause   error // from the transmitter, where it knows more than the card; or nil
}

func (e *CommandError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %v: %v", e.Command, e.Status, e.Cause)
	}
	return fmt.Sprintf("%s: %v", e.Command, e.Status)
}

// Unwrap gives the status and, where there is one, the transmitter's error.
func (e *CommandError) Unwrap() []error {
	if e.Cause != nil {
		return []error{e.Status, e.Cause}
	}
	return []error{e.Status}
}

// PINError is a PIN or PUK that was refused, or a PIN that cannot be tried any more.
type PINError struct {
	Command string
	Retries int  // attempts left; -1 where the card does not say
	Blocked bool // none left: only the PUK helps, or for a PUK nothing
	Status  Status
}

func (e *PINError) Error() string {
	if e.Blocked {
		return fmt.Sprintf("%s: status %04X, blocked", e.Command, uint16(e.Status))
	}
	if e.Retries < 0 {
		return fmt.Sprintf("%s: status %04X, refused", e.Command, uint16(e.Status))
	}
	return fmt.Sprintf("%s: status %04X, %d attempts left", e.Command, uint16(e.Status), e.Retries)
}

// Unwrap gives ErrBlocked where nothing can be tried any more, ErrSecurity otherwise.
func (e *PINError) Unwrap() error {
	if e.Blocked {
		return ErrBlocked
	}
	return ErrSecurity
}
