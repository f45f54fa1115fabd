package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/secours-card/secours/summary/trust"
)

// checkSigner refuses to sign what no reader would accept, and warns where the writer cannot tell.
func (a *app) checkSigner(store *trust.Store, id *trust.Identity, now time.Time) (*trust.Signer, error) {
	l := a.lang
	who, err := store.Check(id.Certificate, now)
	switch {
	case errors.Is(err, trust.ErrNotValidThen), now.Before(id.Certificate.NotBefore), now.After(id.Certificate.NotAfter):
		return nil, &failure{
			code: exitSigner, name: "certificate-expired", err: err,
			message: fmt.Sprintf(l.s(
				"le certificat de l'identité n'est valable que du %s au %s",
				"the identity's certificate is valid only from %s to %s",
			), id.Certificate.NotBefore.Format(time.DateOnly), id.Certificate.NotAfter.Format(time.DateOnly)),
			hint: l.s("renouvelez le certificat, et vérifiez l'horloge", "renew the certificate, and check the clock"),
		}
	case errors.Is(err, trust.ErrRevoked), errors.Is(err, trust.ErrCompromised), errors.Is(err, trust.ErrDistrusted):
		return nil, &failure{
			code: exitSigner, name: "certificate-revoked", err: err,
			message: l.s("le certificat de cette identité, ou son autorité, est révoqué", "this identity's certificate, or its authority, is revoked"),
			hint:    l.s("demandez-en un nouveau à l'autorité", "ask the authority for a new one"),
		}
	case errors.Is(err, trust.ErrRole), errors.Is(err, trust.ErrCeiling), who != nil && who.Role == "":
		return nil, &failure{
			code: exitNotAuthorised, name: "role", err: err,
			message: l.s(
				"le certificat de l'identité ne donne aucun rôle qui puisse ajouter à une synthèse",
				"the identity's certificate names no role that may amend a summary",
			),
			hint: l.s("employez l'identité d'un professionnel de santé (--home)", "use a health professional's identity (--home)"),
		}
	case errors.Is(err, trust.ErrNoAnchors), errors.Is(err, trust.ErrUnknownIssuer):
		a.note("%s", l.s(
			"attention : l'autorité de cette identité n'est pas dans la confiance de ce dossier ; ses lecteurs doivent la connaître",
			"warning: the authority of this identity is not in this home's trust; its readers must know it",
		))
	case err != nil:
		return nil, &failure{code: exitSigner, name: "identity", message: err.Error(), err: err}
	case store.Bundle() != nil && !slices.ContainsFunc(store.Bundle().Anchors, func(anchor trust.Anchor) bool { return anchor.Name == who.Anchor }):
		a.note("%s", l.s(
			"attention : l'autorité de cette identité est de la confiance de ce dossier, pas de la liste de confiance : d'autres lecteurs ne la connaissent pas",
			"warning: the authority of this identity is of this home's own trust, not of the trust bundle: other readers do not know it",
		))
	}
	return who, nil
}
