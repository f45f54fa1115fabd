package main

import (
	"bytes"
	"os"

	"github.com/secours-card/secours/summary"
	"github.com/spf13/cobra"
)

func (a *app) readCommand() *cobra.Command {
	l := a.lang
	return &cobra.Command{
		Use:   "read",
		Short: l.s("Montrer la synthèse de la carte, vérifiée", "Show the card's summary, verified"),
		Long: l.s(`Lit la carte, vérifie qui a signé, et montre la synthèse : d'abord ce qui est dangereux.
Rien n'est déduit ni interprété : la carte dit ce qu'un professionnel a écrit. Sur un
terminal trop court, le début est répété à la fin : il reste en vue.

Avec --json, un document "secours.read/1" : verdict, signataire, visibilité de chaque section, synthèse.

Codes de sortie : 0 vérifiée ; 14 ne pas s'y fier, ou indéchiffrable ; 15 montrée, mais non
vérifiable ; 10 pas de lecteur ; 11 pas de carte, carte retirée ou vide ; 12 pas une carte Secours ;
13 code du patient ; 16 lecteur occupé ; 22 format plus récent que ce programme.`,
			`Reads the card, checks who signed, and shows the summary: what is dangerous comes first.
Nothing is derived or interpreted: the card says what a professional wrote. On a terminal
that is too short the beginning is repeated at the end, so that it stays in view.

With --json, one "secours.read/1" document: verdict, signer, visibility of each section, summary.

Exit codes: 0 verified; 14 not to be relied on, or undecodable; 15 shown, but not verifiable;
10 no reader; 11 no card, card removed or empty; 12 not a Secours card; 13 the patient's PIN;
16 reader busy; 22 format newer than this program.`),
		Args: a.args(cobra.NoArgs),
		RunE: a.checking(func(r *reading) error {
			if a.json {
				return a.printJSON(a.readDocument(r))
			}
			return a.show(r)
		}),
	}
}

// show draws the screen.
func (a *app) show(r *reading) error {
	o, rows := a.renderOptions(r)
	var screen bytes.Buffer
	if err := render(&screen, a.view(r), o); err != nil {
		return err
	}
	screen.Write(repeatTop(screen.Bytes(), rows, o.Width, a.lang))
	_, err := screen.WriteTo(a.out)
	return err
}

// renderOptions fits the screen to where it is printed; rows is 0 where that is no terminal.
func (a *app) renderOptions(r *reading) (o renderOptions, rows int) {
	o = renderOptions{Lang: a.lang, Now: r.now}
	out, ok := a.out.(*os.File)
	switch a.colour {
	case "always":
		o.Colour = true
	case "never":
	default:
		o.Colour = ok && colourWanted(out, a.getenv)
	}
	if ok {
		o.Width, rows = terminalSize(out)
	}
	return o, rows
}

// readDocument is the JSON of "read". Its members are part of the interface.
type readDocument struct {
	checkedDocument
	// MayBeIncomplete is true unless this reader sees everything that a patient can hide, all of it was readable, and no section was
	// unavailable to its author.
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
		checkedDocument: a.checkedDocument("secours.read/1", r),
		Sections:        map[string]sectionDocument{},
		Summary:         r.record.Summary,
	}
	v := a.view(r)
	d.MayBeIncomplete = v.PossiblyMasked || len(v.Damaged) > 0 || v.Amendments > 0 || r.record.Summary == nil || r.content.NewerLost
	if s := r.record.Summary; s != nil {
		s.Sections.Each(func(_ string, section summary.AnySection) {
			d.MayBeIncomplete = d.MayBeIncomplete || section.Head().Status == summary.StatusUnavailable
		})
	}
	for name, s := range v.Sections {
		d.Sections[name] = sectionDocument{s.Visible.String(), s.Reason}
	}
	return d
}
