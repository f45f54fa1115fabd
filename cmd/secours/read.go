package main

import (
	"bytes"
	"context"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/secours-card/secours/summary"
)

func (a *app) readCommand() *cobra.Command {
	l := a.lang
	c := &cobra.Command{
		Use:   "read",
		Short: l.s("Montrer la synthèse de la carte, vérifiée", "Show the card's summary, verified"),
		Long: l.s(`Lit la carte, vérifie qui a signé, et montre la synthèse : d'abord ce qui est dangereux.
Rien n'est déduit ni interprété : la carte dit ce qu'un professionnel a écrit. Sur un terminal,
s'arrête après chaque page : la première montre ce qui peut tuer.

Avec --json, un document "secours.read/1" : verdict, signataire, visibilité de chaque section, synthèse.

Codes de sortie : 0 vérifiée ; 14 ne pas s'y fier, ou indéchiffrable ; 15 montrée, mais non
vérifiable ; 10 pas de lecteur ; 11 pas de carte, carte retirée ou vide ; 12 pas une carte Secours ;
13 code du patient ; 16 lecteur occupé ; 22 format plus récent que ce programme.`,
			`Reads the card, checks who signed, and shows the summary: what is dangerous comes first.
Nothing is derived or interpreted: the card says what a professional wrote. On a terminal, stops
after each page: the first shows what can kill.

With --json, one "secours.read/1" document: verdict, signer, visibility of each section, summary.

Exit codes: 0 verified; 14 not to be relied on, or undecodable; 15 shown, but not verifiable;
10 no reader; 11 no card, card removed or empty; 12 not a Secours card; 13 the patient's PIN;
16 reader busy; 22 format newer than this program.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := a.readCard(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(a.readDocument(r))
			} else {
				err = a.show(c.Context(), r)
			}
			if err != nil {
				return err
			}
			return a.outcome(r)
		},
	}
	c.Flags().BoolVar(&a.noPages, "no-pages", false, l.s("n'attend pas entre les pages, sur un terminal", "do not stop between pages on a terminal"))
	return c
}

// show draws the screen, page by page on a terminal. The card is closed by then.
func (a *app) show(ctx context.Context, r *reading) error {
	var screen bytes.Buffer
	if err := render(&screen, a.view(r), a.renderOptions(r)); err != nil {
		return err
	}
	if a.noPages {
		_, err := screen.WriteTo(a.out)
		return err
	}
	return showPages(ctx, a.out, a.in, screen.Bytes(), a.lang)
}

// renderOptions fits the screen to where it is printed.
func (a *app) renderOptions(r *reading) renderOptions {
	o := renderOptions{Lang: a.lang, Now: r.now}
	out, ok := a.out.(*os.File)
	switch a.colour {
	case "always":
		o.Colour = true
	case "never":
	default:
		o.Colour = ok && colourWanted(out, a.getenv)
	}
	if ok {
		if width, _, err := term.GetSize(int(out.Fd())); err == nil {
			o.Width = width
		}
	}
	return o
}

// readDocument is the JSON of "read". Its members are part of the interface.
type readDocument struct {
	Schema  string          `json:"schema"`
	Verdict verdictDocument `json:"verdict"`
	Card    cardDocument    `json:"card"`
	Record  recordDocument  `json:"record"`
	Signer  *signerDocument `json:"signer"`
	Trust   trustDocument   `json:"trust"`
	// MayBeIncomplete is true unless this reader sees everything that a patient can hide, and all of it was readable.
	MayBeIncomplete bool                       `json:"mayBeIncomplete"`
	Sections        map[string]sectionDocument `json:"sections"`
	Summary         *summary.Summary           `json:"summary"`
}

type sectionDocument struct {
	Visible string `json:"visible"`
	Reason  string `json:"reason,omitempty"`
}

func (v visibility) String() string { return [...]string{"full", "partial", "none"}[v] }

func (a *app) readDocument(r *reading) readDocument {
	d := readDocument{
		Schema:   "secours.read/1",
		Verdict:  a.verdictDocument(r),
		Card:     cardDocumentOf(r),
		Record:   recordDocumentOf(r.record),
		Signer:   signerDocumentOf(r.record.Signer),
		Trust:    trustDocumentOf(r),
		Sections: map[string]sectionDocument{},
		Summary:  r.record.Summary,
	}
	v := a.view(r)
	d.MayBeIncomplete = v.PossiblyMasked || len(v.Damaged) > 0 || v.Amendments > 0 || r.record.Summary == nil || r.content.NewerLost
	for name, s := range v.Sections {
		d.Sections[name] = sectionDocument{s.Visible.String(), s.Reason}
	}
	return d
}
