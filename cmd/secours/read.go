package main

import (
	"bytes"
	"os"
	"strings"

	"github.com/secours-card/secours/summary"
	"github.com/spf13/cobra"
)

func (a *app) readCommand() *cobra.Command {
	l := a.lang
	var asFHIR bool
	c := &cobra.Command{
		Use:   "read",
		Short: l.s("Montrer la synthèse de la carte, vérifiée", "Show the card's summary, verified"),
		Long: l.s(`Lit la carte, vérifie qui a signé, et montre la synthèse : d'abord ce qui est dangereux.
Rien n'est déduit ni interprété : la carte dit ce qu'un professionnel a écrit. Sur un
terminal trop court, le début est répété à la fin : il reste en vue.

Avec --json, un document "secours.read/1" : verdict, signataire, visibilité de chaque section, synthèse.
Avec --fhir, un Bundle FHIR IPS 2.0 pour le logiciel de l'hôpital : le verdict y est une étiquette et une
Provenance ; non vérifié, il est « preliminary ».

Ce qui est montré est ce que les clés de ce poste (secours keys) ouvrent ; ce qu'un rôle ne voit pas
n'est jamais présenté comme absent.

Codes de sortie : 0 vérifiée ; 14 ne pas s'y fier, ou indéchiffrable ; 15 montrée, mais quelque chose
n'est pas vérifiable ou un ajout est refusé ; 20 aucune clé d'ici n'ouvre la carte ; 21 phrase de
passe ou fichier de clés ; 10 pas de lecteur ; 11 pas de carte, carte retirée ou vide ; 12 pas une
carte Secours ; 13 code du patient ; 16 lecteur occupé ; 22 format plus récent que ce programme.`,
			`Reads the card, checks who signed, and shows the summary: what is dangerous comes first.
Nothing is derived or interpreted: the card says what a professional wrote. On a terminal
that is too short the beginning is repeated at the end, so that it stays in view.

With --json, one "secours.read/1" document: verdict, signer, visibility of each section, summary.
With --fhir, a FHIR IPS 2.0 Bundle for the hospital's software: the verdict is a tag and a Provenance in it;
not verified, it is "preliminary".

What is shown is what the keys of this workstation (secours keys) open; what a role may not see is never
presented as absent.

Exit codes: 0 verified; 14 not to be relied on, or undecodable; 15 shown, but something is not
verifiable or an amendment is refused; 20 no key here opens the card; 21 passphrase, or file of keys;
10 no reader; 11 no card, card removed or empty; 12 not a Secours card; 13 the patient's PIN;
16 reader busy; 22 format newer than this program.`),
		Args: a.args(cobra.NoArgs),
		RunE: a.checking(func(r *reading) error {
			if asFHIR {
				return a.showFHIR(r)
			}
			if a.json {
				return a.printJSON(a.readDocument(r))
			}
			return a.show(r)
		}),
	}
	c.Flags().BoolVar(&asFHIR, "fhir", false, l.s(
		"sur la sortie, un Bundle FHIR IPS 2.0 (JSON) avec le verdict",
		"on standard output, a FHIR IPS 2.0 Bundle (JSON) with the verdict",
	))
	a.addKeyFlags(c)
	return c
}

// addKeyFlags adds what a verb wants that opens the record with the home's keys.
func (a *app) addKeyFlags(c *cobra.Command) {
	c.Flags().BoolVar(&a.recovery, "recovery", false, a.lang.s(
		"ouvre avec le code de secours du patient, demandé",
		"open with the patient's recovery code, which is asked for",
	))
	a.addSecretFlags(c)
}

// show draws the screen.
func (a *app) show(r *reading) error {
	var screen bytes.Buffer
	if err := render(&screen, a.view(r), a.renderOptions(r)); err != nil {
		return err
	}
	_, err := screen.WriteTo(a.out)
	return err
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
		o.Width, o.Rows = terminalSize(out)
	}
	if a.width > 0 {
		o.Width, o.Rows = a.width, 0
	}
	if err := a.outcome(r); err != nil && o.Rows > 0 {
		for line := range strings.Lines(a.talk(a.explain(err))) {
			o.Talk += 1 + (textWidth(strings.TrimSuffix(line, "\n"))-1)/max(o.Width, 1)
		}
	}
	return o
}

// readDocument is the JSON of "read". Its members are part of the interface.
type readDocument struct {
	checkedDocument
	// MayBeIncomplete is true unless this reader sees everything that a patient can hide, all of it was readable, and no section was
	// unavailable to its author.
	MayBeIncomplete bool                       `json:"mayBeIncomplete"`
	Sections        map[string]sectionDocument `json:"sections"`
	// Summary is what may be shown, with what the applied amendments add and change. Changes is what they said, in their order, of what was
	// there before.
	Summary *summary.Summary `json:"summary"`
	Changes []changeDocument `json:"changes"`
	// Unverified is what the amendments say that were not applied, by their id: anybody may have written that.
	Unverified map[string]*summary.Amendment `json:"unverifiedAmendments,omitempty"`
}

// changeDocument is one operation of an applied amendment.
type changeDocument struct {
	Operation summary.Operation `json:"operation"`
	Section   string            `json:"section"`
	ID        string            `json:"id"`
	By        string            `json:"by"`
	Role      string            `json:"role,omitempty"`
	On        string            `json:"on"`
	Text      string            `json:"text,omitempty"`
	End       string            `json:"end,omitempty"`
	// Said is what the author of the summary had said of the section, where an added item contradicts it.
	Said summary.SectionStatus `json:"said,omitempty"`
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
		Changes:         []changeDocument{},
	}
	for _, c := range r.record.Changes {
		e := changeDocument{Operation: c.Operation, Section: c.Section, ID: c.ID, By: c.By.Name, Role: c.By.Role, On: c.On.String(), Text: c.Text, End: c.End.String()}
		if c.Head != nil {
			e.Said = c.Head.Status
		}
		d.Changes = append(d.Changes, e)
	}
	for i := range r.record.Amendments {
		if m := &r.record.Amendments[i]; m.Unverified != nil {
			if d.Unverified == nil {
				d.Unverified = map[string]*summary.Amendment{}
			}
			d.Unverified[m.ID] = m.Unverified
		}
	}
	v := a.view(r)
	d.MayBeIncomplete = v.possiblyMasked() || a.doubts(r) != nil || r.record.Summary == nil || r.content.NewerLost || r.record.Dropped != nil
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
