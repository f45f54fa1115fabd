package main

import (
	"context"
	"crypto/ecdh"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

type resealOptions struct {
	suite        int
	practiceOnly bool
	onlyHere     bool
	addPractice  string
	// recoveryKey, if not nil, takes the place of the patient's earlier one.
	recoveryKey *ecdh.PublicKey
}

func (a *app) cardResealCommand() *cobra.Command {
	l := a.lang
	var o resealOptions
	c := &cobra.Command{
		Use:   "reseal",
		Short: l.s("Sceller de nouveau la carte, sans rien changer à ce qu'elle dit", "Seal the card again, without changing what it says"),
		Long: l.s(`Remet les clés de la synthèse aux clés actuelles des rôles et à ce cabinet, après un changement de
clés, un vol, ou pour un nouveau cabinet ; ni la signature ni le contenu ne changent. Il faut pouvoir
tout lire : avec la clé d'un cabinet qui ouvrait déjà la carte, ou le code de secours (--recovery).
Les autres cabinets et le code de secours continuent d'ouvrir la carte, sauf avec --only-here.

Si quelqu'un ne peut plus l'ouvrir, la synthèse est écrite dans les deux emplacements : rien de
l'ancienne n'y reste.

Codes de sortie : 0 ; 20 les clés d'ici n'ouvrent pas tout ; les autres comme « write ».`,
			`Hands the keys of the summary to the present keys of the roles and to this practice, after a change
of keys, a theft, or for a new practice; neither the signature nor the content changes. It takes keys
that read everything: those of a practice that opened the card already, or the recovery code
(--recovery). Other practices and the recovery code go on opening the card, except with --only-here.

If somebody cannot open it any more, the summary is written to both slots: nothing of the old one
stays there.

Exit codes: 0; 20 the keys here do not open everything; the others as "write".`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			done, err := a.reseal(c.Context(), o)
			if err != nil {
				return err
			}
			return a.printResealed(done)
		},
	}
	f := c.Flags()
	f.IntVar(&o.suite, "suite", 0, "")
	f.MarkHidden("suite")
	f.BoolVar(&o.practiceOnly, "practice-only", false, l.s("aucun rôle ne l'ouvre plus : essais", "no role opens it any more: trials"))
	f.BoolVar(&o.onlyHere, "only-here", false, l.s(
		"retire les autres cabinets et le code de secours",
		"take out the other practices and the recovery code",
	))
	f.StringVar(&o.addPractice, "add-practice", "", l.s(
		"clé publique d'un autre cabinet (keys new --public), qui lira et écrira tout",
		"public key of another practice (keys new --public), which will read and write everything",
	))
	a.addKeyFlags(c)
	return c
}

// resealed is the JSON of "card reseal".
type resealed struct {
	Schema      string      `json:"schema"`
	Card        string      `json:"card"`
	Head        string      `json:"head"`
	SealedFor   []sealedFor `json:"sealedFor"`
	RecordBytes int         `json:"recordBytes"`
	Erased      bool        `json:"erased"`
	Warnings    []problem   `json:"warnings,omitempty"`
}

func (a *app) reseal(ctx context.Context, o resealOptions) (*resealed, error) {
	a.purpose = toWrite
	h, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	store, err := h.trust()
	if err != nil {
		return nil, err
	}
	reader, err := a.reader(ctx, h, store)
	if err != nil {
		return nil, err
	}
	var other *trust.PublicKey
	if o.addPractice != "" {
		if other, err = a.readPublicKey(o.addPractice); err != nil {
			return nil, err
		}
	}
	content, session, err := a.content(ctx)
	if err != nil {
		return nil, err
	}
	defer session.close()
	if err := a.notEmpty(content); err != nil {
		return nil, err
	}
	reader.Simulated = session.simulated
	previous, err := readRecord(content, reader)
	if err != nil {
		return nil, err
	}
	switch {
	case previous.Clearance < 3:
		return nil, &failure{
			code: exitNotAuthorised, name: "clearance", message: a.lang.s(
				"les clés de ce poste n'ouvrent pas tout ce que porte la carte ; rien n'a été changé",
				"the keys of this workstation do not open all that the card holds; nothing was changed",
			),
			hint: a.lang.s("--recovery ouvre avec le code de secours du patient", "--recovery opens with the patient's recovery code"),
		}
	case previous.Suite == record.SuiteNone:
		return nil, &failure{code: exitGeneral, name: "unsealed", message: a.lang.s(
			"cette synthèse n'est pas scellée : « secours write » en écrit une qui l'est",
			"this summary is not sealed: \"secours write\" writes one that is",
		)}
	}
	before := *previous
	if o.onlyHere {
		previous.Ring = nil
	} else if len(previous.Ring) == 0 && previous.Key != nil {
		// The one individual, which the ring need not name, is the key that opened it: another practice's recovery, or an older key of ours.
		previous.Ring = []record.Recipient{{Kind: previous.Key.Kind, Key: previous.Key.Opening.PublicKey()}}
	}
	seals, err := a.sealFor(h, reader.Keys, store, previous, int(previous.Suite), o.practiceOnly)
	if err != nil {
		return nil, err
	}
	if o.recoveryKey != nil {
		seals.without(trust.KeyRecovery)
		seals.add(record.Recipient{Kind: trust.KeyRecovery, Key: o.recoveryKey})
	}
	if other != nil {
		seals.add(record.Recipient{Kind: trust.KeyPractice, Key: other.Opening})
	}
	raw, err := record.Reseal(content.Record, content.Card, reader.Keys, seals.recipients)
	if err != nil {
		return nil, err
	}
	if len(raw) > content.Capacity {
		return nil, &card.NoSpaceError{Need: int64(len(raw)), Have: int64(content.Capacity)}
	}
	done := &resealed{
		Schema: "secours.reseal/1", Card: content.Card.String(), Head: hex.EncodeToString(previous.Head[:]), RecordBytes: len(raw),
		Erased: seals.removes(&before) || h.erasing(content.Card), Warnings: seals.warnings,
	}
	for _, r := range seals.recipients {
		done.SealedFor = append(done.SealedFor, sealedForOf(store, r))
	}
	return done, a.replace(ctx, h, session, content, raw, done.Erased)
}

// readPublicKey reads the public half of another practice's key.
func (a *app) readPublicKey(name string) (*trust.PublicKey, error) {
	data, err := readFile(name, trust.MaxKeystoreSize)
	if err != nil {
		return nil, err
	}
	key, err := trust.ParsePublicKey(data)
	if err == nil && key.Kind != trust.KeyPractice {
		err = trust.ErrKeystore
	}
	if err != nil {
		return nil, &failure{code: exitGeneral, name: "public-key", err: err, message: a.lang.s(
			"ce fichier n'est pas la clé publique d'un cabinet",
			"this file is not the public key of a practice",
		), hint: "secours keys new --public"}
	}
	return key, nil
}

func (a *app) printResealed(r *resealed) error {
	if a.json {
		return a.printJSON(r)
	}
	for _, w := range r.Warnings {
		a.note("%s: %s", a.lang.s("attention", "warning"), w.Message)
	}
	text := a.lang.s("Scellée de nouveau, pour %d clés.\n", "Sealed again, for %d keys.\n")
	if r.Erased {
		text = a.lang.s(
			"Scellée de nouveau, pour %d clés, dans les deux emplacements : rien de l'ancienne n'y reste.\n",
			"Sealed again, for %d keys, in both slots: nothing of the old one stays there.\n",
		)
	}
	_, err := fmt.Fprintf(a.out, text, len(r.SealedFor))
	return err
}
