package main

import (
	"github.com/spf13/cobra"
)

// signingOptions are those of every verb that signs something and puts it on a card.
type signingOptions struct {
	encoding     string
	patient      string
	expectHead   string
	dryRun       bool
	maskCritical bool
	onBehalfOf   string
}

func (o *signingOptions) add(a *app, c *cobra.Command) {
	l, f := a.lang, c.Flags()
	f.StringVar(&o.encoding, "encoding", "utf-8", l.s(
		"codage du fichier : utf-8 ou windows-1252",
		"encoding of the file: utf-8 or windows-1252",
	))
	f.StringVar(&o.patient, "patient", "", l.s(
		"n'écrit que pour ce patient, SYSTÈME:VALEUR (par exemple ins-nir:…)",
		"write only for this patient, SYSTEM:VALUE (for example ins-nir:…)",
	))
	f.StringVar(&o.expectHead, "expect-head", "", l.s(
		"n'écrit que si la carte est dans cet état (record.head de « read --json »)",
		"write only if the card is in this state (record.head of \"read --json\")",
	))
	f.BoolVar(&o.dryRun, "dry-run", false, l.s("fait tout sauf écrire", "do everything but write"))
	f.BoolVar(&o.maskCritical, "mask-critical", false, l.s(
		"masque aussi une alerte ou une allergie, comme le patient le veut",
		"mask an alert or an allergy too, as the patient wants it",
	))
	f.StringVar(&o.onBehalfOf, "on-behalf-of", "", l.s(
		"le professionnel remplacé",
		"the professional whom the signer stands in for",
	))
	a.addKeyFlags(c)
}

// maskedCritical is the refusal to mask an alert or an allergy.
func (a *app) maskedCritical(path string) *failure {
	return &failure{
		code: exitGeneral, name: "masked-critical", path: path,
		message: a.lang.s(
			"une alerte ou une allergie serait masquée : aux urgences, personne ne la verrait ; rien n'a été écrit",
			"an alert or an allergy would be masked: nobody would see it in an emergency; nothing was written",
		),
		hint: a.lang.s(
			"si le patient le veut malgré tout : --mask-critical",
			"if the patient wants it all the same: --mask-critical",
		),
	}
}
