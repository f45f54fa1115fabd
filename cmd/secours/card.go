package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
)

// minSize is the memory that a card must have, in bytes: two slots of 3 KiB, in which a summary with a handful of items a
// section and a few amendments fits with ease, and the pages around them.
const minSize = 7 << 10

func (a *app) cardCommand() *cobra.Command {
	l := a.lang
	return a.group("card", l.s(
		"Préparer une carte, en montrer l'état, l'effacer",
		"Prepare a card, show its state, erase it",
	), a.cardInitCommand(), a.cardInfoCommand(), a.cardWipeCommand(), a.cardResealCommand())
}

func (a *app) cardInitCommand() *cobra.Command {
	l := a.lang
	var erase bool
	var mapping int
	var size, page int
	c := &cobra.Command{
		Use:   "init",
		Short: l.s("Préparer une carte vierge, ou créer une carte simulée", "Prepare a blank card, or create a simulated one"),
		Long: l.s(`Prépare la carte : un numéro de carte tiré au hasard, et deux emplacements vides. Avec
--card sim:FICHIER, un fichier absent est créé. Une carte qui n'est pas vierge est refusée, sauf
avec --erase, qui perd ce qu'elle porte ; rien n'en reste dans la mémoire.

Avec --type4, un tag NFC (NFC Forum Type 4 : ST25TA, DESFire, Java Card avec une application NDEF) :
la synthèse y est un message NDEF que tout téléphone trouve bien formé, et ne peut lire.

Codes de sortie : 0 ; 1 la carte n'est pas vierge ; 10 à 13 et 16 comme « read » ; 14 sa mémoire ne
garde pas ce qui y est écrit ; 19 carte trop petite.`,
			`Prepares the card: a card number drawn at random, and two empty slots. With --card sim:FILE, an
absent file is created. A card that is not blank is refused, except with --erase, which loses what
it holds; none of that is left in the memory.

With --type4, an NFC tag (NFC Forum Type 4: ST25TA, DESFire, a Java Card with an NDEF applet): the
summary is an NDEF message there, which every phone finds well-formed, and cannot read.

Exit codes: 0; 1 the card is not blank; 10 to 13 and 16 as "read"; 14 its memory does not keep what
is written to it; 19 card too small.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if mapping != 2 && mapping != 3 {
				return a.usage(c, errors.New(l.s("--mapping : 2 ou 3", "--mapping: 2 or 3")))
			}
			a.purpose = toErase
			o := sim.Options{Size: size, Page: page}
			if a.layOut {
				o.Tag = &sim.Tag{Mapping: byte(mapping)}
			}
			return a.cardInit(c.Context(), erase, o)
		},
	}
	a.addSecretFlags(c)
	c.Flags().BoolVar(&erase, "erase", false, l.s("perd la synthèse que porte la carte", "lose the summary that the card holds"))
	c.Flags().BoolVar(&a.layOut, "type4", false, l.s("la carte est un tag NFC de type 4", "the card is an NFC Forum Type 4 Tag"))
	c.Flags().IntVar(&mapping, "mapping", 2, l.s(
		"version de correspondance d'un tag simulé à créer, 2 ou 3",
		"mapping version of a simulated tag to create, 2 or 3",
	))
	c.Flags().IntVar(&size, "size", 8192, l.s(
		"taille d'une carte simulée à créer, en octets",
		"size of a simulated card to create, in bytes",
	))
	c.Flags().IntVar(&page, "page", 64, l.s(
		"page d'une carte simulée à créer, en octets",
		"page of a simulated card to create, in bytes",
	))
	return c
}

func (a *app) cardInit(ctx context.Context, erase bool, o sim.Options) error {
	created, err := a.createImage(o)
	if err != nil {
		return err
	}
	info, err := a.format(ctx, erase)
	if err != nil && created {
		path, _ := a.imagePath()
		os.Remove(path)
	}
	if err != nil {
		return err
	}
	return a.printCardInfo(info)
}

// createImage creates the image of a simulated card that does not exist yet.
func (a *app) createImage(o sim.Options) (created bool, err error) {
	path, simulated := a.imagePath()
	if !simulated || path == "" {
		return false, nil
	}
	c, err := sim.Create(path, o)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, c.Close()
}

func (a *app) format(ctx context.Context, erase bool) (*cardInfo, error) {
	var old *card.Content
	var unreadable error
	look := func(s *session) (err error) {
		if old, err = card.Read(s.medium); isContent(err) {
			unreadable, err = err, nil
		}
		return err
	}
	s, err := a.reading(ctx, func(s *session) error {
		if tag, ok := s.card.(*card.Tag); ok && tag.Message() != nil {
			return nil // there is nothing to read before it is laid out
		}
		return look(s)
	})
	if err != nil {
		return nil, err
	}
	defer s.close()
	if size := s.medium.Size(); size < minSize {
		return nil, a.tooSmall(&card.NoSpaceError{Need: minSize, Have: size}, nil)
	}
	tag, isTag := s.card.(*card.Tag)
	fresh := isTag && tag.Message() != nil
	if isTag || a.layOut {
		if err := a.layOutTag(ctx, s, erase); err != nil {
			return nil, err
		}
	}
	if fresh { // a message that was deleted may have left a container behind it
		if err := look(s); err != nil {
			return nil, err
		}
	}
	// A newer format may hold a summary that this version cannot see; a damaged card, one that somebody may still rescue.
	holds := unreadable == nil && old.Record != nil || errors.Is(unreadable, card.ErrNotFormatted) && !blank(s.medium) ||
		unreadable != nil && !errors.Is(unreadable, card.ErrNotFormatted)
	if holds && !erase {
		return nil, a.notEmptyCard()
	}
	return a.prepare(ctx, s)
}

func (a *app) notEmptyCard() error {
	return &failure{
		code: exitGeneral, name: "not-empty",
		message: a.lang.s(
			"la carte n'est pas vierge, et porte peut-être une synthèse ; rien n'a été changé",
			"the card is not blank, and may hold a summary; nothing was changed",
		),
		hint: a.lang.s(
			"--erase la perd et prépare la carte pour un autre patient",
			"--erase loses it and prepares the card for another patient",
		),
	}
}

// layOutTag makes a Type 4 Tag one of ours: the message that the container lives in. What lies behind a message that was deleted is
// looked at afterwards, like what lies on any card.
func (a *app) layOutTag(ctx context.Context, s *session, erase bool) error {
	tag, ok := s.card.(*card.Tag)
	if a.layOut && !ok {
		return &failure{
			code: exitGeneral, name: "not-a-tag",
			message: a.lang.s(
				"cette carte a l'application Secours : elle se prépare sans --type4 ; rien n'a été changé",
				"this card has the Secours application: it is prepared without --type4; nothing was changed",
			),
			hint: "secours card init",
		}
	}
	if !ok {
		return nil
	}
	err := tag.LayOut(ctx, erase)
	var space *card.NoSpaceError
	switch {
	case errors.As(err, &space):
		return a.tooSmall(space, err)
	case errors.Is(err, card.ErrLength):
		return &failure{
			code: exitNotOurCard, name: "tag-unusable", err: err,
			message: a.lang.s("ce tag ne prend pas assez d'octets par commande : il ne peut servir", "this tag takes too few bytes in one command: it cannot be used"),
			hint:    a.lang.s("prenez une autre carte ; rien n'a été changé", "take another card; nothing was changed"),
		}
	case errors.Is(err, card.ErrOtherMessage), errors.Is(err, card.ErrOtherLayout):
		return &failure{
			code: exitGeneral, name: "not-empty", err: err,
			message: a.lang.s("ce tag porte un autre message ; rien n'a été changé", "this tag holds another message; nothing was changed"),
			hint:    a.lang.s("--erase le perd et prépare le tag", "--erase loses it and prepares the tag"),
		}
	}
	return err
}

// prepare clears the card, whatever it holds, and gives it a new id.
func (a *app) prepare(ctx context.Context, s *session) (*cardInfo, error) {
	var id card.ID
	rand.Read(id[:])
	err := card.Format(s.medium, id)
	var space *card.NoSpaceError
	switch {
	case err == nil:
		return a.cardInfoOf(ctx, s)
	case errors.As(err, &space):
		return nil, a.tooSmall(space, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, card.ErrSecurity), errors.Is(err, card.ErrBlocked):
		return nil, err // refused, not interrupted
	case errors.Is(err, card.ErrNotErased) && errors.Is(err, card.ErrDamaged):
		return nil, &failure{
			code: exitInvalid, name: "not-erased", err: err,
			message: a.lang.s(
				"la mémoire de la carte ne garde pas ce qui y est écrit : ce qu'elle portait s'y trouve peut-être encore",
				"the memory of the card does not keep what is written to it: what it held may still be there",
			),
			hint: a.lang.s("détruisez la carte, et prenez-en une autre", "destroy the card, and take another"),
		}
	case errors.Is(err, card.ErrNotErased):
		return nil, &failure{
			code: exitNoCard, name: "not-erased", retryable: true, err: err,
			message: a.lang.s(
				"la préparation de la carte a été interrompue : ce qu'elle portait s'y trouve peut-être encore",
				"the preparation of the card was interrupted: what it held may still be there",
			),
			hint: a.lang.s(
				"remettez-la ; « secours card wipe » l'efface et la prépare",
				"put it back; \"secours card wipe\" erases and prepares it",
			),
		}
	}
	return nil, err
}

func (a *app) tooSmall(space *card.NoSpaceError, err error) error {
	return &failure{
		code: exitNoSpace, name: "card-too-small", err: err,
		message: fmt.Sprintf(a.lang.s(
			"la carte est trop petite : %d octets, il en faut %d",
			"the card is too small: %d bytes, %d are needed",
		), space.Have, space.Need),
		hint: a.lang.s("prenez une carte de 8 Ko ou plus", "take a card of 8 KB or more"),
	}
}

func (a *app) cardInfoCommand() *cobra.Command {
	l := a.lang
	c := &cobra.Command{
		Use:   "info",
		Short: l.s("Montrer l'état de la carte, sans rien de médical", "Show the state of the card, nothing medical"),
		Long: l.s(`Montre le numéro de la carte, sa place, ses capacités, et si elle porte une synthèse entière.

Codes de sortie : 0 ; 10, 11, 12, 13, 14, 16, 22 comme « read ».`,
			`Shows the number of the card, its room, its capabilities, and whether it holds a whole summary.

Exit codes: 0; 10, 11, 12, 13, 14, 16, 22 as "read".`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var info *cardInfo
			s, err := a.reading(c.Context(), func(s *session) (err error) {
				info, err = a.cardInfoOf(c.Context(), s)
				return err
			})
			if err != nil {
				return err
			}
			defer s.close()
			return a.printCardInfo(info)
		},
	}
	a.addSecretFlags(c)
	return c
}

// cardInfo is the JSON of "card info", "card init" and "card wipe". Sizes are in bytes.
type cardInfo struct {
	Schema      string `json:"schema"`
	Reader      string `json:"reader"`
	Kind        string `json:"kind"` // application, or type4
	ID          string `json:"id"`
	Size        int64  `json:"sizeBytes"`
	PageSize    int    `json:"pageBytes"`
	Capacity    int    `json:"capacityBytes"`
	State       string `json:"state"` // empty, written, unconfirmed, or newer-lost
	RecordBytes int    `json:"recordBytes"`
	MaxCommand  int    `json:"maxCommandAPDU,omitempty"`
	MaxResponse int    `json:"maxResponseAPDU,omitempty"`
	// Tag is there on a Type 4 Tag.
	Tag *tagInfo `json:"tag,omitempty"`
}

// tagInfo is what a Type 4 Tag says of itself in its capability container.
type tagInfo struct {
	Mapping   string `json:"mapping"`
	File      string `json:"file"`
	FileSize  int64  `json:"fileBytes"`
	MaxRead   int    `json:"maxReadBytes"`
	MaxWrite  int    `json:"maxWriteBytes"`
	Protected bool   `json:"protected"`
}

func tagInfoOf(cc card.CapabilityContainer) *tagInfo {
	return &tagInfo{
		Mapping: fmt.Sprintf("%d.%d", cc.Version>>4, cc.Version&0xF), File: fmt.Sprintf("%04X", cc.File), FileSize: cc.FileSize,
		MaxRead: cc.MaxRead, MaxWrite: cc.MaxWrite, Protected: !cc.Writable(),
	}
}

func (a *app) cardInfoOf(ctx context.Context, s *session) (*cardInfo, error) {
	c, err := card.Read(s.medium)
	if err != nil {
		return nil, err
	}
	info := &cardInfo{
		Schema: "secours.card/1", Reader: s.name, Kind: "application", ID: c.Card.String(), Size: s.medium.Size(), PageSize: c.PageSize,
		Capacity: c.Capacity, State: "empty", RecordBytes: len(c.Record),
	}
	if tag, ok := s.card.(*card.Tag); ok {
		info.Kind, info.Tag = "type4", tagInfoOf(tag.CC())
	} else {
		capabilities, err := s.application.Capabilities(ctx)
		if err != nil {
			return nil, err
		}
		info.MaxCommand, info.MaxResponse = capabilities.MaxCommand, capabilities.MaxResponse
	}
	switch {
	case c.Record == nil:
	case c.NewerLost:
		info.State = "newer-lost"
	case c.Unconfirmed:
		info.State = "unconfirmed"
	default:
		info.State = "written"
	}
	return info, nil
}

func (a *app) printCardInfo(info *cardInfo) error {
	if a.json {
		return a.printJSON(info)
	}
	l := a.lang
	p := a.lines()
	p.add(l.s("carte", "card"), info.ID)
	p.add(l.s("lecteur", "reader"), info.Reader)
	if t := info.Tag; t != nil {
		text := fmt.Sprintf(l.s("tag de type 4, version %s, fichier %s de %d octets", "Type 4 Tag, version %s, file %s of %d bytes"), t.Mapping, t.File, t.FileSize)
		if t.Protected {
			text += l.s(", PROTÉGÉ : rien ne peut y être écrit", ", PROTECTED: nothing can be written to it")
		}
		p.add(l.s("genre", "kind"), text)
	}
	p.add(l.s(
		"mémoire",
		"memory",
	), fmt.Sprintf(l.s(
		"%d octets en pages de %d",
		"%d bytes in pages of %d",
	), info.Size, info.PageSize))
	p.add(l.s(
		"place",
		"room",
	), fmt.Sprintf(l.s(
		"%d octets pour une synthèse, deux fois",
		"%d bytes for a summary, twice",
	), info.Capacity))
	switch info.State {
	case "empty":
		p.add(l.s("contenu", "content"), l.s("vide", "empty"))
	case "newer-lost":
		p.add(l.s(
			"contenu",
			"content",
		), fmt.Sprintf(l.s(
			"%d octets ; une synthèse plus récente est illisible : la mémoire de la carte faiblit",
			"%d bytes; a newer summary cannot be read: the card's memory is failing",
		), info.RecordBytes))
	case "unconfirmed":
		p.add(l.s(
			"contenu",
			"content",
		), fmt.Sprintf(l.s(
			"%d octets, écriture non terminée",
			"%d bytes, its write was not finished",
		), info.RecordBytes))
	default:
		p.add(l.s("contenu", "content"), fmt.Sprintf(l.s("%d octets", "%d bytes"), info.RecordBytes))
	}
	if info.MaxCommand > 0 {
		p.add("APDU", fmt.Sprintf(l.s("étendus, %d et %d octets", "extended, %d and %d bytes"), info.MaxCommand, info.MaxResponse))
	}
	return p.print()
}
