package card

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// The reference data of the application, specific to it (P2 of the commands, ISO/IEC 7816-4:2020, 11.6.1).
const refPIN = 0x81

// A PIN or PUK has 4 to 16 bytes. It is sent as 16, filled up with FF: the length of a command says nothing about the stored PIN,
// and the card need not know it to tell the old one from the new one.
const (
	minPIN = 4
	maxPIN = 16
	padPIN = 0xFF
)

// VerifyPIN presents the patient's PIN. It ends with the next reset. The bytes of pin are wiped before it returns. A refusal is a
// *PINError; ErrReference or ErrNotFound mean that the card has no PIN. Writing takes resets: see [Application.AfterReset].
func (a *Application) VerifyPIN(ctx context.Context, pin []byte) error {
	defer clear(pin)
	return a.present(ctx, Command{Instruction: insVerify, P2: refPIN}, pin)
}

// PINRetries asks for the attempts left without using one. verified tells that the PIN was presented already, in which case the card
// does not say how many are left.
func (a *Application) PINRetries(ctx context.Context) (left int, verified bool, err error) {
	err = pinError(a.send(ctx, Command{Instruction: insVerify, P2: refPIN}))
	var refused *PINError
	switch {
	case err == nil:
		return 0, true, nil
	case errors.As(err, &refused):
		return refused.Retries, false, nil
	}
	return 0, false, err
}

// ChangePIN replaces the PIN. The bytes of both are wiped before it returns.
func (a *Application) ChangePIN(ctx context.Context, old, pin []byte) error {
	defer clear(old)
	defer clear(pin)
	return a.present(ctx, Command{Instruction: insChange, P2: refPIN}, old, pin)
}

// ResetRetryCounter unblocks the PIN with the PUK and sets a new one. The bytes of both are wiped before it returns. A
// *PINError counts the attempts left for the PUK.
func (a *Application) ResetRetryCounter(ctx context.Context, puk, pin []byte) error {
	defer clear(puk)
	defer clear(pin)
	return a.present(ctx, Command{Instruction: insResetRetry, P2: refPIN}, puk, pin)
}

func (a *Application) present(ctx context.Context, c Command, secrets ...[]byte) error {
	data := make([]byte, 0, 2*maxPIN) // never grows, so that no copy is left behind
	defer func() { clear(data) }()
	for _, s := range secrets {
		if len(s) < minPIN || len(s) > maxPIN {
			return fmt.Errorf("%s: a PIN or PUK has %d to %d bytes: %w", c.Name(), minPIN, maxPIN, ErrLength)
		}
		if bytes.IndexByte(s, padPIN) >= 0 {
			return fmt.Errorf("%s: a PIN or PUK has no byte FF: %w", c.Name(), ErrData)
		}
		data = append(data, s...)
		for range maxPIN - len(s) {
			data = append(data, padPIN)
		}
	}
	c.Data = data
	return pinError(a.send(ctx, c))
}

// send sends a command that expects no data. Warnings are errors here: for these commands they mean a wrong PIN.
func (a *Application) send(ctx context.Context, c Command) error {
	r, err := Exchange(ctx, a.t, c)
	if err != nil {
		return err
	}
	if !r.Status.OK() {
		return &CommandError{Command: c.Name(), Status: r.Status}
	}
	return nil
}

// pinError gives 63Cx, 6983 and 6300, a refusal without a count, their type.
func pinError(err error) error {
	var e *CommandError
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Status>>4 == 0x63C:
		n := int(e.Status & 0xF)
		return &PINError{Command: e.Command, Retries: n, Blocked: n == 0, Status: e.Status}
	case e.Status == 0x6300:
		return &PINError{Command: e.Command, Retries: -1, Status: e.Status}
	case e.Status == 0x6983:
		return &PINError{Command: e.Command, Blocked: true, Status: e.Status}
	}
	return err
}
