package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// meaning is what an error of a package means to a user.
type meaning struct {
	of        []error
	code      int
	name      string
	retryable bool
	message   pair
	hint      pair
}

// meanings are tried in order, since an error can be of several kinds: what became of the card's content comes before
// why it did.
var meanings = []meaning{
	{
		of: []error{card.ErrUnknownOutcome}, code: exitNoCard, name: "unknown-outcome", retryable: true,
		message: pair{
			"l'écriture a été interrompue, carte retirée ou muette : la nouvelle synthèse ou la précédente s'y trouve, entière",
			"the write was cut short, card removed or silent: it holds the new summary or the previous one, whole",
		},
		hint: pair{
			"remettez la carte et écrivez de nouveau",
			"put the card back and write again",
		},
	},
	{
		of: []error{fs.ErrPermission}, code: exitGeneral, name: "no-permission",
		message: pair{
			"pas le droit d'accéder à ce fichier ou à cette carte ; rien n'a été changé",
			"no permission for this file or card; nothing was changed",
		},
		hint: pair{
			"vérifiez les droits du fichier",
			"check the permissions of the file",
		},
	},
	{
		of: []error{card.ErrCardChanged}, code: exitConflict, name: "card-changed",
		message: pair{
			"ce n'est plus la même carte ; rien n'a été écrit sur celle-ci",
			"this is no longer the same card; nothing was written to this one",
		},
		hint: pair{
			"reprenez depuis la lecture",
			"start again from the reading",
		},
	},
	{
		of: []error{card.ErrNotWritten}, code: exitGeneral, name: "not-written", retryable: true,
		message: pair{
			"l'écriture a échoué ; la synthèse précédente est intacte",
			"the write failed; the previous summary is intact",
		},
		hint: pair{
			"réessayez ; si cela se répète, la carte est usée",
			"try again; if it happens again, the card is worn",
		},
	},
	{
		of: []error{pcsc.ErrUnsupported}, code: exitNoReader, name: "no-pcsc",
		message: pair{
			"ce programme est construit sans PC/SC",
			"this program is built without PC/SC",
		},
		hint: pair{
			"employez --card sim:FICHIER, ou un secours construit avec PC/SC",
			"use --card sim:FILE, or a secours built with PC/SC",
		},
	},
	{
		of: []error{pcsc.ErrNoService}, code: exitNoReader, name: "no-service", retryable: true,
		message: pair{
			"le service PC/SC ne répond pas",
			"the PC/SC service does not answer",
		},
		hint: pair{
			"démarrez pcscd (Linux) ou le service Carte à puce (Windows) ; « secours doctor » dit ce qui manque",
			"start pcscd (Linux) or the Smart Card service (Windows); \"secours doctor\" says what is missing",
		},
	},
	{
		of: []error{pcsc.ErrVersion}, code: exitNoReader, name: "service-version",
		message: pair{
			"le service PC/SC (pcscd) et sa bibliothèque (libpcsclite) ne sont pas de la même version",
			"the PC/SC service (pcscd) and its library (libpcsclite) are not of one version",
		},
		hint: pair{
			"mettez les deux à jour ensemble, puis redémarrez pcscd ; dans un conteneur, prenez la bibliothèque de la machine",
			"update both together, then restart pcscd; in a container, use the library of the machine",
		},
	},
	{
		of: []error{pcsc.ErrNotPermitted}, code: exitNoReader, name: "no-service",
		message: pair{
			"le service PC/SC refuse cet utilisateur",
			"the PC/SC service refuses this user",
		},
		hint: pair{
			"demandez le droit d'accès aux lecteurs (polkit) à l'administrateur",
			"ask the administrator for access to readers (polkit)",
		},
	},
	{
		of: []error{pcsc.ErrNoReader}, code: exitNoReader, name: "no-reader", retryable: true,
		message: pair{
			"aucun lecteur de cartes",
			"no card reader",
		},
		hint: pair{
			"branchez un lecteur, ou employez --card sim:FICHIER",
			"plug in a reader, or use --card sim:FILE",
		},
	},
	{
		of: []error{pcsc.ErrCardReset, pcsc.ErrClosed}, code: exitBusy, name: "card-reset", retryable: true,
		message: pair{
			"un autre programme a interrompu l'échange avec la carte",
			"another program interrupted the exchange with the card",
		},
		hint: pair{
			"fermez-le et réessayez",
			"close it and try again",
		},
	},
	{
		of: []error{pcsc.ErrReaderBusy, sim.ErrBusy}, code: exitBusy, name: "reader-busy", retryable: true,
		message: pair{
			"un autre programme tient la carte",
			"another program holds the card",
		},
		hint: pair{
			"fermez-le ou réessayez ; --timeout attend plus longtemps",
			"close it or try again; --timeout waits longer",
		},
	},
	{
		of: []error{card.ErrSecurity, card.ErrBlocked}, code: exitPIN, name: "pin",
		message: pair{
			"la carte demande un code : celui du patient, ou, sur un tag, un mot de passe que secours ne sait pas présenter",
			"the card wants a PIN: the patient's, or, on a tag, a password that secours cannot present",
		},
	},
	{
		of: []error{errSilent}, code: exitNoCard, name: "card-silent", retryable: true,
		message: pair{
			"la carte ou le lecteur ne répond plus",
			"the card or the reader does not answer any more",
		},
		hint: pair{
			"retirez la carte et remettez-la ; si cela se répète, débranchez le lecteur un instant",
			"take the card out and put it back; if it happens again, unplug the reader for a moment",
		},
	},
	{
		of: []error{pcsc.ErrNoCard, pcsc.ErrCardRemoved, pcsc.ErrCardUnresponsive, card.ErrCardGone, sim.ErrPowerLost, sim.ErrRemoved}, code: exitNoCard, name: "no-card", retryable: true,
		message: pair{
			"pas de carte, ou carte retirée",
			"no card, or the card was removed",
		},
		hint: pair{
			"insérez la carte et réessayez ; si elle y est, retirez-la et remettez-la",
			"insert the card and try again; if it is in, take it out and put it in again",
		},
	},
	{
		of: []error{card.ErrNewerFormat, record.ErrNewerFormat, sim.ErrImageVersion}, code: exitNewerFormat, name: "newer-format",
		message: pair{
			"la carte a été écrite par une version plus récente de secours",
			"the card was written by a newer version of secours",
		},
		hint: pair{
			"mettez secours à jour",
			"upgrade secours",
		},
	},
	{
		of: []error{record.ErrSuite}, code: exitNewerFormat, name: "newer-format",
		message: pair{
			"la synthèse est scellée d'une façon que cette version ne connaît pas",
			"the summary is sealed in a way this version does not know",
		},
		hint: pair{
			"mettez secours à jour",
			"upgrade secours",
		},
	},
	{
		of: []error{card.ErrBlankTag}, code: exitNotOurCard, name: "tag-blank",
		message: pair{"ce tag est vierge", "this tag is blank"},
		hint: pair{
			"« secours card init --type4 » le prépare",
			"\"secours card init --type4\" prepares it",
		},
	},
	{
		of: []error{card.ErrOtherMessage, card.ErrOtherLayout}, code: exitNotOurCard, name: "tag-other",
		message: pair{
			"ce tag porte un autre message qu'une synthèse Secours",
			"this tag holds another message than a Secours summary",
		},
		hint: pair{
			"prenez une autre carte ; « secours card init --type4 --erase » perd ce message et prépare le tag",
			"take another card; \"secours card init --type4 --erase\" loses that message and prepares the tag",
		},
	},
	{
		of: []error{card.ErrReadOnly}, code: exitGeneral, name: "read-only",
		message: pair{
			"ce tag est protégé contre l'écriture ; rien n'a été changé",
			"this tag is write-protected; nothing was changed",
		},
		hint: pair{
			"écrivez avec l'outil de qui l'a protégé, ou prenez une autre carte",
			"have whoever protected it write to it, or take another card",
		},
	},
	{
		of: []error{card.ErrNotOurCard}, code: exitNotOurCard, name: "not-our-card",
		message: pair{
			"cette carte n'est pas une carte Secours",
			"this is not a Secours card",
		},
		hint: pair{
			"retournez-la ou prenez une autre carte",
			"turn it over, or take another card",
		},
	},
	{
		of: []error{card.ErrNotFormatted}, code: exitNotOurCard, name: "not-formatted",
		message: pair{
			"la carte n'est pas préparée",
			"the card is not prepared",
		},
		hint: pair{
			"« secours card init » la prépare",
			"\"secours card init\" prepares it",
		},
	},
	{
		of: []error{sim.ErrImage}, code: exitNotOurCard, name: "bad-image",
		message: pair{
			"ce fichier n'est pas l'image d'une carte simulée, ou il est abîmé",
			"this file is not the image of a simulated card, or it is damaged",
		},
		hint: pair{
			"« secours card init --card sim:FICHIER » crée une image neuve",
			"\"secours card init --card sim:FILE\" creates a new one",
		},
	},
	{
		of: []error{card.ErrPageSize}, code: exitNotOurCard, name: "page-size",
		message: pair{
			"la carte a été préparée pour une autre mémoire que celle-ci ; rien n'a été écrit",
			"the card was prepared for another memory than this; nothing was written",
		},
		hint: pair{
			"« secours card init --erase » la prépare de nouveau",
			"\"secours card init --erase\" prepares it again",
		},
	},
	{
		of: deselected, code: exitNoCard, name: "card-lost", retryable: true,
		message: pair{
			"la carte a été remplacée, ou a perdu le contact, pendant l'échange",
			"the card was swapped, or lost contact, during the exchange",
		},
		hint: pair{
			"retirez-la, remettez-la et recommencez",
			"take it out, put it in and start again",
		},
	},
	{
		of: []error{
			card.ErrProtocol, card.ErrMemory, card.ErrCard, card.ErrNoSpace, card.ErrLength, card.ErrOffset, card.ErrData, card.ErrInstruction,
			card.ErrClass, card.ErrReference,
		}, code: exitNotOurCard, name: "card-failure",
		message: pair{
			"la carte ne répond pas comme elle le devrait",
			"the card does not answer as it should",
		},
		hint: pair{
			"essayez un autre lecteur ; la carte est peut-être usée",
			"try another reader; the card may be worn",
		},
	},
	{
		of: []error{record.ErrCertificate}, code: exitSigner, name: "certificate",
		message: pair{
			"aucun lecteur n'accepterait le certificat de cette identité",
			"no reader would accept this identity's certificate",
		},
		hint: pair{
			"demandez-en un nouveau à l'autorité",
			"ask the authority for a new one",
		},
	},
	{
		of: []error{card.ErrDamaged}, code: exitInvalid, name: "damaged",
		message: pair{
			"le contenu de la carte est abîmé, ou mal lu : aucune synthèse entière n'en sort",
			"the content of the card is damaged, or misread: no whole summary comes out of it",
		},
		hint: pair{
			"essayez d'abord un autre lecteur ; si la carte est perdue, « secours card init --erase » la prépare de nouveau pour le médecin traitant",
			"try another reader first; if the card is lost, \"secours card init --erase\" prepares it again for the treating physician",
		},
	},
	{
		of: []error{record.ErrCommitment, record.ErrBox, record.ErrMalformed}, code: exitInvalid, name: "undecodable",
		message: pair{
			"ce qui est sur la carte a été modifié, ou vient d'une autre carte : rien ne peut en être montré",
			"what is on the card was changed, or comes from another card: none of it can be shown",
		},
		hint: pair{
			"faites réécrire la synthèse par le médecin traitant",
			"have the treating physician write the summary again",
		},
	},
	{
		of: []error{trust.ErrPassphrase}, code: exitSigner, name: "passphrase",
		message: pair{
			"la phrase de passe n'ouvre pas l'identité",
			"the passphrase does not open the identity",
		},
		hint: pair{
			"réessayez ; --passphrase-fd et --passphrase-stdin la donnent sans invite",
			"try again; --passphrase-fd and --passphrase-stdin give it without a prompt",
		},
	},
	{
		of: []error{trust.ErrNewerKeystore}, code: exitNewerFormat, name: "newer-format",
		message: pair{
			"ces clés ont été écrites par une version plus récente de secours",
			"these keys were written by a newer version of secours",
		},
		hint: pair{
			"mettez secours à jour",
			"upgrade secours",
		},
	},
	{
		of: []error{trust.ErrKeystore}, code: exitSigner, name: "keystore",
		message: pair{
			"le fichier de clés est abîmé, ou ce n'en est pas un",
			"the file of keys is damaged, or is not one",
		},
		hint: pair{
			"reprenez keys.json d'une sauvegarde",
			"take keys.json from a backup",
		},
	},
	{
		of: []error{trust.ErrKeyEpoch}, code: exitGeneral, name: "key-epoch",
		message: pair{
			"il y a déjà une autre clé pour ce rôle et cette époque ; rien n'a été ajouté",
			"there is another key for this role and epoch already; nothing was added",
		},
		hint: pair{
			"comparez les empreintes (« secours keys show ») avec celles que publie l'autorité",
			"compare the fingerprints (\"secours keys show\") with those that the authority publishes",
		},
	},
	{
		of: []error{trust.ErrTrustDamaged}, code: exitGeneral, name: "trust-damaged",
		message: pair{
			"la liste de confiance de ce poste (trust.bundle) manque ou est abîmée",
			"the trust bundle of this workstation (trust.bundle) is missing or damaged",
		},
		hint: pair{
			"« secours trust update FICHIER » la remet",
			"\"secours trust update FILE\" puts it back",
		},
	},
	{
		of: []error{trust.ErrOlderBundle}, code: exitConflict, name: "bundle-older",
		message: pair{
			"cette liste de confiance est plus ancienne que celle de ce poste ; rien n'a été changé",
			"this trust bundle is older than the one of this workstation; nothing was changed",
		},
		hint: pair{
			"demandez la dernière à l'autorité",
			"ask the authority for the last one",
		},
	},
	{
		of: []error{trust.ErrForeignBundle}, code: exitInvalid, name: "bundle",
		message: pair{
			"cette liste de confiance est d'une autre autorité ; rien n'a été changé",
			"this trust bundle is another authority's; nothing was changed",
		},
		hint: pair{
			"« secours trust show » montre l'empreinte de celle à qui ce poste se fie ; --home choisit un autre dossier",
			"\"secours trust show\" shows the fingerprint of the one that this workstation relies on; --home chooses another folder",
		},
	},
	{
		of: []error{trust.ErrTwoBundles}, code: exitInvalid, name: "bundle",
		message: pair{
			"ce poste a une autre liste de confiance avec le même numéro ; rien n'a été changé",
			"this workstation has another trust bundle with the same number; nothing was changed",
		},
		hint: pair{
			"prévenez l'autorité : elle ne signe pas deux listes sous un numéro",
			"tell the authority: it does not sign two bundles with one number",
		},
	},
	{
		of: []error{trust.ErrFutureBundle}, code: exitInvalid, name: "bundle-future",
		message: pair{
			"cette liste de confiance est datée de l'avenir ; rien n'a été changé",
			"this trust bundle is dated in the future; nothing was changed",
		},
		hint: pair{
			"vérifiez l'horloge de cet ordinateur",
			"check the clock of this computer",
		},
	},
	{
		of: []error{trust.ErrNewerBundle}, code: exitNewerFormat, name: "newer-format",
		message: pair{
			"cette liste de confiance est faite pour une version plus récente de secours",
			"this trust bundle was made for a newer version of secours",
		},
		hint: pair{
			"mettez secours à jour",
			"upgrade secours",
		},
	},
	{
		of: []error{trust.ErrBundle}, code: exitInvalid, name: "bundle",
		message: pair{
			"ce fichier n'est pas une liste de confiance, ou il a été modifié ; rien n'a été changé",
			"this file is no trust bundle, or was changed; nothing was changed",
		},
		hint: pair{
			"prenez-le de nouveau à l'autorité",
			"fetch it from the authority again",
		},
	},
	{
		of: []error{trust.ErrNotAuthority}, code: exitGeneral, name: "not-an-authority",
		message: pair{
			"ce certificat n'est pas celui d'une autorité ; rien n'a été ajouté",
			"this certificate is not an authority's; nothing was added",
		},
		hint: pair{
			"demandez le certificat de l'autorité qui l'a émis",
			"ask for the certificate of the authority that issued it",
		},
	},
	{
		of: []error{record.ErrRecipient, record.ErrNoPractice}, code: exitGeneral, name: "recipient",
		message: pair{
			"une des clés pour lesquelles sceller n'est pas utilisable ; rien n'a été écrit",
			"one of the keys to seal for cannot be used; nothing was written",
		},
		hint: pair{
			"« secours trust show » et « secours keys show » les montrent",
			"\"secours trust show\" and \"secours keys show\" show them",
		},
	},
	{
		of: []error{record.ErrContradicts}, code: exitGeneral, name: "contradiction",
		message: pair{
			"la synthèse dit « aucun connu » à des personnes qui ne pourraient pas lire cet ajout ; rien n'a été écrit",
			"the summary says \"none known\" to people who could not read this addition; nothing was written",
		},
		hint: pair{
			"ajoutez-le au niveau de la section (sans --level), ou écrivez une nouvelle synthèse",
			"add it at the level of the section (without --level), or write a new summary",
		},
	},
	{
		of: []error{record.ErrTooMany}, code: exitNoSpace, name: "too-many-amendments",
		message: pair{
			"cette synthèse a eu trop d'ajouts ; rien n'a été écrit",
			"this summary has had too many amendments; nothing was written",
		},
		hint: pair{
			"un médecin écrit d'abord une nouvelle synthèse",
			"a physician writes a new summary first",
		},
	},
	{
		of: []error{record.ErrClearance}, code: exitNotAuthorised, name: "clearance",
		message: pair{
			"les clés de ce poste n'ouvrent pas assez de ce que porte la carte ; rien n'a été écrit",
			"the keys of this workstation do not open enough of what the card holds; nothing was written",
		},
	},
	{
		of: []error{record.ErrRole}, code: exitNotAuthorised, name: "role",
		message: pair{
			"seul un médecin peut écrire une synthèse",
			"only a physician may write a summary",
		},
		hint: pair{
			"employez l'identité d'un médecin (--home)",
			"use a physician's identity (--home)",
		},
	},
}

// explain turns any error into a failure.
func (a *app) explain(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	if f := a.explainWithValues(err); f != nil {
		return f
	}
	for _, m := range meanings {
		for _, target := range m.of {
			if errors.Is(err, target) {
				return &failure{
					code: m.code, name: m.name, retryable: m.retryable, err: err,
					message: a.lang.p(m.message), hint: a.lang.p(m.hint),
				}
			}
		}
	}
	return &failure{code: exitGeneral, name: "failed", message: err.Error(), err: err}
}

// explainWithValues explains the errors whose message tells a number or a reason; nil for any other.
func (a *app) explainWithValues(err error) *failure {
	l := a.lang
	var large *tooLargeError
	var conflict *card.ConflictError
	var space *card.NoSpaceError
	var size *record.SizeError
	var recovery *trust.RecoveryError
	var pin *card.PINError
	switch {
	case errors.As(err, &pin):
		return a.explainPIN(pin)
	case errors.As(err, &size):
		return a.explainWithValues(&card.NoSpaceError{Need: int64(size.Size), Have: record.MaxSize})
	case errors.As(err, &recovery):
		f := &failure{
			code: exitSigner, name: "recovery-code", err: err,
			message: l.s("ce n'est pas un code de secours : huit groupes de six chiffres", "this is not a recovery code: eight groups of six digits"),
			hint:    l.s("relisez le papier du patient", "read the patient's slip again"),
		}
		if recovery.Group > 0 {
			f.message = fmt.Sprintf(l.s(
				"le groupe %d du code de secours est faux",
				"group %d of the recovery code is wrong",
			), recovery.Group)
		}
		return f
	case errors.As(err, &large):
		return &failure{
			code: exitGeneral, name: "too-large", err: err,
			message: fmt.Sprintf(l.s("%s dépasse %d octets", "%s is larger than %d bytes"), oneLine(large.name), large.limit),
			hint: l.s(
				"une synthèse tient en quelques milliers d'octets : est-ce le bon fichier ?",
				"a summary takes a few thousand bytes: is it the right file?",
			),
		}
	case errors.As(err, &conflict):
		return a.conflict(l.s("la carte a changé depuis sa lecture", "the card changed since it was read"))
	case errors.As(err, &space):
		return &failure{
			code: exitNoSpace, name: "no-space", err: err,
			message: fmt.Sprintf(l.s(
				"la synthèse ne tient pas sur la carte : %d octets, %d disponibles ; rien n'a été écrit",
				"the summary does not fit on the card: %d bytes, room for %d; nothing was written",
			), space.Need, space.Have),
			hint: l.s(
				"enlevez ce qui presse le moins (visites, antécédents anciens), jamais une allergie, ou prenez une carte plus grande",
				"take out what matters least (visits, old history), never an allergy, or use a larger card",
			),
		}
	case errors.Is(err, trust.ErrIdentity):
		return &failure{
			code: exitSigner, name: "identity", err: err,
			message: l.s(
				"le fichier d'identité (PKCS#12) n'est pas utilisable : ",
				"the identity file (PKCS#12) is not usable: ",
			) + err.Error(),
		}
	}
	return nil
}
