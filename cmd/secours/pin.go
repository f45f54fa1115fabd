package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/secours-card/secours/card"
)

// wantsPIN tells whether a card refused because the patient's PIN was not presented; one that was refused is another matter.
func wantsPIN(err error) bool {
	return errors.Is(err, card.ErrSecurity) && !errors.As(err, new(*card.PINError))
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
