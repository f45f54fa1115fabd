package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card"
)

func (a *app) cardWipeCommand() *cobra.Command {
	l := a.lang
	var yes bool
	c := &cobra.Command{
		Use:   "wipe",
		Short: l.s("Effacer la carte, et la préparer de nouveau", "Erase the card, and prepare it again"),
		Long: l.s(`Efface tout ce que porte la carte, lisible ou non, relit toute la mémoire pour s'assurer que rien
n'en reste, et la prépare sous un nouveau numéro. Demande les quatre derniers caractères du numéro
de la carte, sauf avec --yes. Ce qui est effacé ne revient pas.

Codes de sortie : 0 ; 1 non confirmé, rien n'a été changé ; 10 à 13 et 16 comme « read », 11 aussi si
l'effacement a été interrompu ; 14 sa mémoire ne garde pas ce qui y est écrit ; 18 ce n'est plus la
carte dont l'effacement a été confirmé ; 19 carte trop petite.`,
			`Erases all that the card holds, readable or not, reads the whole memory back to make sure that
nothing of it is left, and prepares the card under a new number. It asks for the last four
characters of the card number, except with --yes. What is erased does not come back.

Exit codes: 0; 1 not confirmed, nothing was changed; 10 to 13 and 16 as "read", 11 also where the
erasing was interrupted; 14 its memory does not keep what is written to it; 18 no longer the card
that was confirmed; 19 card too small.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.cardWipe(c.Context(), yes) },
	}
	a.addSecretFlags(c)
	c.Flags().BoolVar(&yes, "yes", false, l.s("efface sans demander", "erase without asking"))
	return c
}

func (a *app) cardWipe(ctx context.Context, yes bool) error {
	a.purpose = toErase
	if yes {
		return a.wipe(ctx, nil)
	}
	found, err := a.identify(ctx)
	if err != nil {
		return err
	}
	if err := a.confirmWipe(ctx, found); err != nil {
		return err
	}
	return a.wipe(ctx, &found)
}

// wipe erases the card that was confirmed, or any where it is nil.
func (a *app) wipe(ctx context.Context, confirmed *identified) error {
	var found identified
	s, err := a.reading(ctx, func(s *session) (err error) {
		found, err = identify(s.medium)
		return err
	})
	if err != nil {
		return err
	}
	defer s.close()
	if confirmed == nil {
		a.warnNewer(found)
	} else if *confirmed != found {
		return card.ErrCardChanged
	}
	info, err := a.prepare(ctx, s)
	if err != nil {
		return err
	}
	return a.printCardInfo(info)
}

// identified is what tells a card from the one that lies in its place later: its id, or why there is none to read.
type identified struct {
	id         card.ID
	unreadable error
}

// identify looks at the card and lets go of it: nothing waits for a human while a card is held.
func (a *app) identify(ctx context.Context) (identified, error) {
	var found identified
	s, err := a.reading(ctx, func(s *session) (err error) {
		found, err = identify(s.medium)
		return err
	})
	if err != nil {
		return identified{}, err
	}
	s.close()
	return found, nil
}

// contentErrors say what is on a card that cannot be read as a container, not that it could not be read.
var contentErrors = []error{card.ErrNotFormatted, card.ErrDamaged, card.ErrNewerFormat}

func isContent(err error) bool {
	return slices.ContainsFunc(contentErrors, func(e error) bool { return errors.Is(err, e) })
}

func identify(m card.Medium) (identified, error) {
	c, err := card.Read(m)
	if err == nil {
		return identified{id: c.Card}, nil
	}
	for _, unreadable := range contentErrors {
		if errors.Is(err, unreadable) {
			return identified{unreadable: unreadable}, nil
		}
	}
	return identified{}, err
}

func (a *app) warnNewer(found identified) {
	if a.json || !errors.Is(found.unreadable, card.ErrNewerFormat) {
		return
	}
	a.note("%s", a.lang.s(
		"attention : la carte a été écrite par une version plus récente de secours, et porte peut-être une synthèse que celle-ci ne voit pas",
		"warning: the card was written by a newer version of secours, and may hold a summary that this one does not see",
	))
}

// confirmWipe asks for the end of the number that is on the screen, and for a word where the card has none: a reflex gives neither.
func (a *app) confirmWipe(ctx context.Context, found identified) error {
	l := a.lang
	want, prompt := l.s("effacer", "erase"), l.s(
		"Le contenu de la carte ne se lit pas ; il sera perdu. Tapez « effacer » : ",
		"The content of the card cannot be read; it will be lost. Type \"erase\": ",
	)
	if found.unreadable == nil {
		id := found.id.String()
		want, prompt = id[len(id)-4:], fmt.Sprintf(l.s(
			"Tout ce que porte la carte %s sera perdu. Tapez les 4 derniers caractères de ce numéro : ",
			"All that the card %s holds will be lost. Type the last 4 characters of that number: ",
		), id)
	}
	a.warnNewer(found)
	tty, err := a.openTerminal()
	if err != nil {
		return &failure{
			code: exitGeneral, name: "not-confirmed", err: err,
			message: l.s(
				"l'effacement est à confirmer, et il n'y a pas de terminal pour le demander ; rien n'a été changé",
				"erasing wants a confirmation, and there is no terminal to ask for it; nothing was changed",
			),
			hint: l.s("--yes efface sans demander", "--yes erases without asking"),
		}
	}
	defer tty.close()
	fmt.Fprint(tty.out, prompt)
	answer, err := interruptible(ctx, func() (string, error) {
		line, err := bufio.NewReader(io.LimitReader(tty.in, maxSecret)).ReadString('\n')
		if errors.Is(err, io.EOF) { // the end of the input is an answer too, and no confirmation
			err = nil
		}
		return line, err
	})
	if err != nil {
		return err
	}
	if !strings.EqualFold(strings.TrimSpace(answer), want) {
		return &failure{
			code: exitGeneral, name: "not-confirmed",
			message: l.s("non confirmé ; rien n'a été changé", "not confirmed; nothing was changed"),
		}
	}
	return nil
}
