package main

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/fhir"
)

type convertOptions struct{ from, to, encoding string }

func (a *app) convertCommand() *cobra.Command {
	l := a.lang
	var o convertOptions
	c := &cobra.Command{
		Use:   "convert FILE|-",
		Short: l.s("Convertir une synthèse entre JSON, FHIR et VSM, sans carte", "Convert a summary between JSON, FHIR and VSM, without a card"),
		Long: l.s(`Lit une synthèse en JSON (secours.summary/1), un Bundle FHIR IPS (R4, JSON) ou un VSM (CDA R2), reconnu
à son contenu, et l'écrit sur la sortie en JSON ou en FHIR (IPS 2.0). Ni carte ni clé : rien n'est
signé, et le Bundle le dit.

Ce que le format d'arrivée ne peut pas dire, ce qui a été raccourci et ce qui est à vérifier se lit sur
la sortie d'erreur ; avec --json, dans un document "secours.convert/1" qui contient aussi le
résultat. Une allergie n'est jamais perdue : si rien ne peut en être dit, la conversion est refusée.

  secours convert ips.json --to json
  secours convert vsm.xml | secours write -
  secours convert resume.json --to fhir > ips.json

Codes de sortie : 0 converti ; 1 document refusé ; 17 le document parle de plusieurs patients.`,
			`Reads a summary as JSON (secours.summary/1), a FHIR IPS Bundle (R4, JSON) or a VSM (CDA R2), recognised
by its content, and writes it to standard output as JSON or FHIR (IPS 2.0). No card, no key: nothing is
signed, and the Bundle says so.

What the other format cannot say, what was shortened and what should be checked is told on standard
error; with --json, in a "secours.convert/1" document that holds the result too. An allergy is never
lost: if nothing can be told of one, the conversion is refused.

  secours convert ips.json --to json
  secours convert vsm.xml | secours write -
  secours convert summary.json --to fhir > ips.json

Exit codes: 0 converted; 1 document refused; 17 the document speaks of several patients.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.convert(c.Context(), args[0], o) },
	}
	a.addFrom(c, &o.from)
	c.Flags().StringVar(&o.to, "to", formatJSON, l.s("format d'arrivée : json ou fhir", "format to write: json or fhir"))
	c.Flags().StringVar(&o.encoding, "encoding", "utf-8", l.s(
		"codage du fichier : utf-8 ou windows-1252",
		"encoding of the file: utf-8 or windows-1252",
	))
	return c
}

// converted is the JSON of "convert".
type converted struct {
	Schema  string           `json:"schema"`
	From    string           `json:"from"`
	To      string           `json:"to"`
	Summary *summary.Summary `json:"summary,omitempty"`
	Bundle  json.RawMessage  `json:"bundle,omitempty"`
	Losses  []summary.Loss   `json:"losses"`
}

func (a *app) convert(ctx context.Context, file string, o convertOptions) error {
	if o.to != formatJSON && o.to != formatFHIR {
		return &failure{code: exitGeneral, name: "usage", message: a.lang.s("--to : json ou fhir", "--to: json or fhir")}
	}
	src, err := a.readSource(ctx, file, o.from, o.encoding)
	if err != nil {
		return err
	}
	d := converted{Schema: "secours.convert/1", From: src.format, To: o.to, Losses: append([]summary.Loss{}, src.losses...)}
	if o.to == formatFHIR {
		bundle, losses, err := fhir.Export(src.summary, fhir.Origin{Time: a.now()})
		if err != nil {
			return err
		}
		d.Bundle, d.Losses = bundle, append(d.Losses, losses...)
	} else {
		d.Summary = src.summary
	}
	if a.json {
		return a.printJSON(d)
	}
	a.tellLosses(d.Losses)
	if d.Bundle != nil {
		_, err := a.out.Write(escapeControls(d.Bundle))
		return err
	}
	return a.printSummary(src.summary)
}

// printSummary prints a summary as JSON, indented, its texts to the letter.
func (a *app) printSummary(s *summary.Summary) error {
	text, err := s.JSON()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = a.out.Write(escapeControls(b.Bytes()))
	return err
}
