package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary/record"
)

func (a *app) verifyCommand() *cobra.Command {
	l := a.lang
	c := &cobra.Command{
		Use:   "verify",
		Short: l.s("Dire seulement si la synthèse de la carte est vérifiée", "Say only whether the card's summary is verified"),
		Long: l.s(`Lit et vérifie la carte comme « read », et n'en montre rien de médical.

Codes de sortie : 0 vérifiée ; 14 ne pas s'y fier ; 15 non vérifiable ; les autres comme « read ».`,
			`Reads and checks the card as "read" does, and shows nothing medical.

Exit codes: 0 verified; 14 not to be relied on; 15 not verifiable; the others as "read".`),
		Args: a.args(cobra.NoArgs),
		RunE: a.checking(func(r *reading) error {
			if a.json {
				return a.printJSON(a.checkedDocument("secours.verify/1", r))
			}
			return a.printVerdict(r)
		}),
	}
	a.addKeyFlags(c)
	return c
}

// statusWords and amendmentStateWords are for a person; JSON has the words of the interface.
var (
	statusWords = words{
		"valid":        {"vérifiée", "valid"},
		"valid-stale":  {"vérifiée, confiance périmée", "valid, trust data out of date"},
		"unverifiable": {"non vérifiable", "not verifiable"},
		"invalid":      {"invalide, ne pas s'y fier", "invalid, not to be relied on"},
	}
	amendmentStateWords = words{
		"applied":    {"intégré", "applied"},
		"apart":      {"non intégré, montré à part", "not applied, shown apart"},
		"superseded": {"remplacé par son auteur", "superseded by its author"},
		"unreadable": {"illisible avec ces clés", "unreadable with these keys"},
	}
)

func (a *app) printVerdict(r *reading) error {
	l := a.lang
	rec := r.record
	p := a.lines()
	if r.content.NewerLost {
		p.add(l.s(
			"ATTENTION",
			"WARNING",
		), l.s(
			"ce n'est pas la dernière synthèse : une plus récente est illisible",
			"this is not the last summary: a newer one cannot be read",
		))
	}
	p.add(l.s("verdict", "verdict"), word(l, statusWords, string(rec.Verdict.Status))+" ("+a.reason(rec.Verdict.Reason)+")")
	if s := rec.Signer; s != nil {
		name := s.Name
		if s.Role != "" {
			name += ", " + word(l, roleWords, string(s.Role))
		}
		if s.Place != "" {
			name += ", " + s.Place
		}
		p.add(l.s("signataire", "signer"), name)
		if rec.OnBehalfOf != "" {
			p.add(l.s("pour", "on behalf of"), rec.OnBehalfOf)
		}
		if s.Anchor != "" {
			p.add(l.s("autorité", "authority"), s.Anchor)
		}
		if s.Demonstration {
			p.add("", l.s("clés de démonstration", "demonstration keys"))
		}
	}
	if !rec.Time.IsZero() {
		p.add(l.s("signée le", "signed on"), rec.Time.In(r.now.Location()).Format("2006-01-02 15:04"))
		p.add(l.s("numéro", "number"), fmt.Sprint(rec.Seq))
	}
	for i := range rec.Amendments {
		m := &rec.Amendments[i]
		text := word(l, amendmentStateWords, string(m.State))
		if m.Doubtful() {
			text += " (" + a.reason(m.Verdict.Reason) + ")"
		}
		if m.Signer != nil {
			text += ", " + m.Signer.Name + ", " + word(l, roleWords, string(m.Signer.Role)) + ", " + m.Time.In(r.now.Location()).Format("2006-01-02")
		}
		p.add(l.s("ajout ", "amendment ")+m.ID, text)
	}
	if rec.Suite == record.SuiteNone {
		p.add(l.s("scellement", "sealing"), l.s("NON SCELLÉE, démonstration seulement", "NOT SEALED, demonstration only"))
	}
	return p.print()
}
