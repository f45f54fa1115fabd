package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// The exit codes. They are part of the interface: practice software decides by them.
const (
	exitOK            = 0
	exitGeneral       = 1
	exitNoReader      = 10
	exitNoCard        = 11
	exitNotOurCard    = 12
	exitPIN           = 13
	exitInvalid       = 14
	exitUnverifiable  = 15
	exitBusy          = 16
	exitWrongPatient  = 17
	exitConflict      = 18
	exitNoSpace       = 19
	exitNotAuthorised = 20
	exitSigner        = 21
	exitNewerFormat   = 22
	exitInterrupted   = 130
)

// failure is an error as the user sees it: the code and name are stable, the message is in the user's language and never
// holds a clinical value, the hint says what to do.
type failure struct {
	code      int
	name      string
	message   string
	hint      string
	path      string
	retryable bool
	problems  []problem
	err       error
}

func (f *failure) Error() string { return f.message }
func (f *failure) Unwrap() error { return f.err }

// report prints an error, if there is one, and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitOK
	}
	f := a.explain(err)
	if a.json {
		b, err := json.Marshal(struct {
			Code      int    `json:"code"`
			Name      string `json:"name"`
			Message   string `json:"message"`
			Hint      string `json:"hint,omitempty"`
			Path      string `json:"path,omitempty"`
			Retryable bool   `json:"retryable"`
			// Problems lists all that is wrong with a summary; Path is the first.
			Problems []problem `json:"problems,omitempty"`
		}{f.code, f.name, clean(f.message), clean(f.hint), f.path, f.retryable, f.problems})
		if err == nil {
			fmt.Fprintf(a.err, "%s\n", b)
		}
		return f.code
	}
	fmt.Fprintf(a.err, "secours: %s: %s\n", a.lang.s("erreur", "error"), indentLines(clean(f.message)))
	if f.hint != "" {
		fmt.Fprintf(a.err, "secours: %s: %s\n", a.lang.s("conseil", "hint"), indentLines(clean(f.hint)))
	}
	return f.code
}

func indentLines(s string) string { return strings.ReplaceAll(s, "\n", "\n  ") }

func (a *app) usage(c *cobra.Command, err error) error {
	return &failure{
		code: exitGeneral, name: "usage", message: err.Error(), err: err,
		hint: fmt.Sprintf(a.lang.s("« %s --help » montre l'emploi", "\"%s --help\" shows the usage"), c.CommandPath()),
	}
}

// explain turns any error into a failure. The order matters where an error is of several kinds: the outermost meaning
// comes first.
func (a *app) explain(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	l := a.lang
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	f = &failure{code: exitGeneral, name: "failed", err: err}
	say := func(code int, name, message, hint string) {
		f.code, f.name, f.message, f.hint = code, name, message, hint
	}
	var large *tooLargeError
	var conflict *card.ConflictError
	var space *card.NoSpaceError
	var pin *card.PINError
	switch {
	case errors.As(err, &large):
		say(exitGeneral, "too-large", fmt.Sprintf(l.s("%s dépasse %d octets", "%s is larger than %d bytes"), oneLine(large.name), large.limit), l.s("une synthèse tient en quelques milliers d'octets : est-ce le bon fichier ?", "a summary takes a few thousand bytes: is it the right file?"))
	case is(pcsc.ErrUnsupported):
		say(exitNoReader, "no-pcsc", l.s("ce programme est construit sans PC/SC", "this program is built without PC/SC"),
			l.s("employez --card sim:FICHIER, ou un secours construit avec PC/SC", "use --card sim:FILE, or a secours built with PC/SC"))
	case is(pcsc.ErrNoService):
		say(exitNoReader, "no-service", l.s("le service PC/SC ne répond pas", "the PC/SC service does not answer"),
			l.s("démarrez pcscd (Linux) ou le service Carte à puce (Windows), ou employez --card sim:FICHIER", "start pcscd (Linux) or the Smart Card service (Windows), or use --card sim:FILE"))
		f.retryable = true
	case is(pcsc.ErrNotPermitted):
		say(exitNoReader, "no-service", l.s("le service PC/SC refuse cet utilisateur", "the PC/SC service refuses this user"), l.s("demandez le droit d'accès aux lecteurs (polkit) à l'administrateur", "ask the administrator for access to readers (polkit)"))
	case is(pcsc.ErrNoReader):
		say(exitNoReader, "no-reader", l.s("aucun lecteur de cartes", "no card reader"), l.s("branchez un lecteur, ou employez --card sim:FICHIER", "plug in a reader, or use --card sim:FILE"))
		f.retryable = true
	case is(pcsc.ErrCardReset, pcsc.ErrClosed):
		say(exitBusy, "card-reset", l.s("un autre programme a interrompu l'échange avec la carte", "another program interrupted the exchange with the card"), l.s("fermez-le et réessayez", "close it and try again"))
		f.retryable = true
	case is(pcsc.ErrReaderBusy, sim.ErrBusy):
		say(exitBusy, "reader-busy", l.s("un autre programme tient la carte", "another program holds the card"), l.s("fermez-le ou réessayez ; --timeout attend plus longtemps", "close it or try again; --timeout waits longer"))
		f.retryable = true
	case errors.As(err, &conflict):
		say(exitConflict, "conflict", l.s("la carte a changé depuis sa lecture ; rien n'a été écrit", "the card changed since it was read; nothing was written"), l.s("relisez la carte, puis écrivez de nouveau", "read the card again, then write again"))
	case errors.As(err, &space):
		say(exitNoSpace, "no-space", fmt.Sprintf(l.s("la synthèse ne tient pas sur la carte : %d octets, %d disponibles ; rien n'a été écrit", "the summary does not fit on the card: %d bytes, room for %d; nothing was written"), space.Need, space.Have),
			l.s("enlevez ce qui presse le moins (visites, antécédents anciens), jamais une allergie, ou prenez une carte plus grande", "take out what matters least (visits, old history), never an allergy, or use a larger card"))
	case is(fs.ErrPermission):
		say(exitGeneral, "no-permission", l.s("pas le droit d'accéder à ce fichier ou à cette carte ; rien n'a été changé", "no permission for this file or card; nothing was changed"), l.s("vérifiez les droits du fichier", "check the permissions of the file"))
	case is(card.ErrUnknownOutcome):
		say(exitNoCard, "unknown-outcome", l.s("la carte a été retirée pendant l'écriture : la nouvelle synthèse ou la précédente s'y trouve, entière", "the card was removed during the write: it holds the new summary or the previous one, whole"),
			l.s("remettez la carte et écrivez de nouveau", "put the card back and write again"))
		f.retryable = true
	case is(card.ErrCardChanged):
		say(exitConflict, "card-changed", l.s("ce n'est plus la même carte ; rien n'a été écrit sur celle-ci", "this is no longer the same card; nothing was written to this one"), l.s("reprenez depuis la lecture", "start again from the reading"))
	case is(card.ErrNotWritten):
		say(exitGeneral, "not-written", l.s("l'écriture a échoué ; la synthèse précédente est intacte", "the write failed; the previous summary is intact"), l.s("réessayez ; si cela se répète, la carte est usée", "try again; if it happens again, the card is worn"))
		f.retryable = true
	case errors.As(err, &pin), is(card.ErrSecurity):
		say(exitPIN, "pin", l.s("la carte demande le code du patient, que cette version ne sait pas présenter", "the card wants the patient's PIN, which this version cannot present"), "")
	case is(pcsc.ErrNoCard, pcsc.ErrCardRemoved, pcsc.ErrCardUnresponsive, card.ErrCardGone, sim.ErrPowerLost, sim.ErrRemoved):
		say(exitNoCard, "no-card", l.s("pas de carte, ou carte retirée", "no card, or the card was removed"), l.s("insérez la carte et réessayez", "insert the card and try again"))
		f.retryable = true
	case is(card.ErrNewerFormat, record.ErrNewerFormat, sim.ErrImageVersion):
		say(exitNewerFormat, "newer-format", l.s("la carte a été écrite par une version plus récente de secours", "the card was written by a newer version of secours"), l.s("mettez secours à jour", "upgrade secours"))
	case is(record.ErrSuite):
		say(exitNewerFormat, "newer-format", l.s("la synthèse est scellée d'une façon que cette version ne connaît pas", "the summary is sealed in a way this version does not know"), l.s("mettez secours à jour", "upgrade secours"))
	case is(card.ErrNotOurCard):
		say(exitNotOurCard, "not-our-card", l.s("cette carte n'est pas une carte Secours", "this is not a Secours card"), l.s("retournez-la ou prenez une autre carte", "turn it over, or take another card"))
	case is(card.ErrNotFormatted):
		say(exitNotOurCard, "not-formatted", l.s("la carte n'est pas préparée", "the card is not prepared"), l.s("« secours card init » la prépare", "\"secours card init\" prepares it"))
	case is(sim.ErrImage):
		say(exitNotOurCard, "bad-image", l.s("ce fichier n'est pas l'image d'une carte simulée, ou il est abîmé", "this file is not the image of a simulated card, or it is damaged"), l.s("« secours card init --card sim:FICHIER » crée une image neuve", "\"secours card init --card sim:FILE\" creates a new one"))
	case is(card.ErrPageSize):
		say(exitNotOurCard, "page-size", l.s("la carte a été préparée pour une autre mémoire que celle-ci ; rien n'a été écrit", "the card was prepared for another memory than this; nothing was written"), l.s("« secours card init --erase » la prépare de nouveau", "\"secours card init --erase\" prepares it again"))
	case is(card.ErrProtocol, card.ErrMemory):
		say(exitNotOurCard, "card-failure", l.s("la carte ne répond pas comme elle le devrait", "the card does not answer as it should"), l.s("essayez un autre lecteur ; la carte est peut-être usée", "try another reader; the card may be worn"))
	case is(record.ErrCertificate):
		say(exitSigner, "certificate", l.s("aucun lecteur n'accepterait le certificat de cette identité", "no reader would accept this identity's certificate"), l.s("demandez-en un nouveau à l'autorité", "ask the authority for a new one"))
	case is(card.ErrDamaged):
		say(exitInvalid, "damaged", l.s("le contenu de la carte est abîmé : aucune synthèse entière ne s'y trouve", "the content of the card is damaged: there is no whole summary on it"), l.s("« secours card init --erase » la prépare de nouveau, puis le médecin traitant réécrit la synthèse", "\"secours card init --erase\" prepares it again, then the treating physician writes the summary again"))
	case is(record.ErrCommitment, record.ErrBox, record.ErrMalformed):
		say(exitInvalid, "undecodable", l.s("ce qui est sur la carte a été modifié, ou vient d'une autre carte : rien ne peut en être montré", "what is on the card was changed, or comes from another card: none of it can be shown"), l.s("faites réécrire la synthèse par le médecin traitant", "have the treating physician write the summary again"))
	case is(trust.ErrPassphrase):
		say(exitSigner, "passphrase", l.s("la phrase de passe n'ouvre pas l'identité", "the passphrase does not open the identity"), l.s("réessayez ; --passphrase-fd et --passphrase-stdin la donnent sans invite", "try again; --passphrase-fd and --passphrase-stdin give it without a prompt"))
	case is(trust.ErrIdentity):
		say(exitSigner, "identity", l.s("le fichier d'identité (PKCS#12) n'est pas utilisable : ", "the identity file (PKCS#12) is not usable: ")+err.Error(), "")
	case is(trust.ErrNotAuthority):
		say(exitGeneral, "not-an-authority", l.s("ce certificat n'est pas celui d'une autorité ; rien n'a été ajouté", "this certificate is not an authority's; nothing was added"), l.s("demandez le certificat de l'autorité qui l'a émis", "ask for the certificate of the authority that issued it"))
	case is(record.ErrRole):
		say(exitNotAuthorised, "role", l.s("seul un médecin peut écrire une synthèse", "only a physician may write a summary"), l.s("employez l'identité d'un médecin (--home)", "use a physician's identity (--home)"))
	default:
		f.message = err.Error()
	}
	return f
}
