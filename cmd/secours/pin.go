package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/pcsc"
)

// A PIN as the card takes one (docs/FORMAT.md, 1), and as any keyboard gives it.
const (
	minPIN = 4
	maxPIN = 16
)

// wantsPIN tells whether a card refused because the patient's PIN was not presented; one that was refused is another matter.
func wantsPIN(err error) bool {
	return errors.Is(err, card.ErrSecurity) && !errors.As(err, new(*card.PINError))
}

// pinWanted is a card that wants the patient's PIN, with the attempts that are left.
type pinWanted struct {
	left int
	err  error
}

func (e *pinWanted) Error() string { return e.err.Error() }
func (e *pinWanted) Unwrap() error { return e.err }

// errPresenting is in the chain of what went wrong while a PIN was presented. Whether it was counted is unknown: it is not presented again.
var errPresenting = errors.New("presenting the PIN")

// expectPIN asks the card for the attempts left, and remembers which insertion of a card it was: another patient's card, put in while the PIN
// is typed, must not be given it.
func (a *app) expectPIN(ctx context.Context, s *session, refused error) error {
	left, verified, err := s.application.PINRetries(ctx)
	switch {
	case err != nil:
		return err
	case verified:
		return refused // it is not for want of the PIN
	case left == 0:
		return &card.PINError{Command: "VERIFY", Blocked: true, Status: 0x6983}
	}
	if a.pinFor, err = a.insertion(ctx, s); err != nil {
		return err
	}
	a.card = s.name
	return &pinWanted{left, refused}
}

// presentPIN presents the PIN, now and after each reset.
func (a *app) presentPIN(ctx context.Context, s *session) error {
	now, err := a.insertion(ctx, s)
	if err != nil {
		return err
	}
	if s.application == nil || now != a.pinFor {
		return card.ErrCardChanged
	}
	present := func(ctx context.Context) error {
		if err := s.application.VerifyPIN(ctx, bytes.Clone(a.patientPIN)); err != nil {
			return fmt.Errorf("%w: %w", errPresenting, err)
		}
		return nil
	}
	s.application.AfterReset(present)
	return present(ctx)
}

// insertion tells one card in a reader from the next, as far as the service notices.
func (a *app) insertion(ctx context.Context, s *session) (string, error) {
	if s.reader == "" {
		return s.name, nil
	}
	readers, err := pcsc.Readers(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range readers {
		if r.Name == s.reader {
			return fmt.Sprintf("%s, %d", r.Name, r.Events), nil
		}
	}
	return "", pcsc.ErrNoReader
}

// askPIN asks for the patient's PIN. No card is held meanwhile.
func (a *app) askPIN(ctx context.Context, left int) error {
	pin, err := a.readSecret(ctx, fmt.Sprintf(a.lang.s("Code de la carte, que le patient donne (essais restants : %d) : ", "The card's PIN, which the patient gives (attempts left: %d): "), left))
	var f *failure
	if errors.As(err, &f) && f.code == exitSigner {
		return &failure{
			code: exitPIN, name: "pin", err: err,
			message: a.lang.s("la carte demande le code du patient", "the card wants the patient's PIN"),
			hint: a.lang.s(
				"donnez-le au terminal, ou par --passphrase-fd ou --passphrase-stdin, sur la ligne qui suit les autres secrets",
				"give it on the terminal, or with --passphrase-fd or --passphrase-stdin, on the line after the other secrets",
			),
		}
	}
	if err != nil {
		return err
	}
	if len(pin) < minPIN || len(pin) > maxPIN || strings.ContainsFunc(pin, func(r rune) bool { return r < ' ' || r > '~' }) {
		return &failure{
			code: exitPIN, name: "pin-form",
			message: fmt.Sprintf(a.lang.s(
				"un code a de %d à %d chiffres ou lettres sans accent ; rien n'a été présenté à la carte",
				"a PIN has %d to %d digits or unaccented letters; nothing was presented to the card",
			), minPIN, maxPIN),
			hint: a.lang.s(
				"demandez-le de nouveau au patient ; avec --passphrase-stdin, c'est la ligne qui suit les autres secrets",
				"ask the patient again; with --passphrase-stdin it is the line after the other secrets",
			),
		}
	}
	a.patientPIN = []byte(pin)
	return nil
}

func (a *app) explainPIN(err *card.PINError) *failure {
	if err.Blocked {
		return &failure{
			code: exitPIN, name: "pin-blocked", err: err,
			message: a.lang.s("le code du patient est bloqué : trop d'essais faux", "the patient's PIN is blocked: too many wrong attempts"),
			hint:    a.lang.s("le code de déblocage (PUK) du patient le rouvre", "the patient's PUK unblocks it"),
		}
	}
	message := a.lang.s("la carte refuse ce code", "the card refuses this PIN")
	if err.Retries >= 0 {
		message += fmt.Sprintf(a.lang.s(" ; essais restants : %d", "; attempts left: %d"), err.Retries)
	}
	return &failure{code: exitPIN, name: "pin-wrong", err: err, message: message, hint: a.lang.s("demandez-le de nouveau au patient", "ask the patient again")}
}
