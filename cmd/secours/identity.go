package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary/trust"
)

func (a *app) identityCommand() *cobra.Command {
	l := a.lang
	return a.group("identity", l.s(
		"L'identité qui signe",
		"The identity that signs",
	), a.identityNewCommand(), a.identityShowCommand())
}

type identityOptions struct {
	importFile   string
	name         string
	role         string
	id           string
	organization string
	place        string
	key          string
	noPassphrase bool
	replace      bool
}

func (a *app) identityNewCommand() *cobra.Command {
	l := a.lang
	var o identityOptions
	c := &cobra.Command{
		Use:   "new",
		Short: l.s("Installer une identité, ou en créer une d'essai", "Install an identity, or make one for trials"),
		Long: l.s(`Avec --import FICHIER.p12, installe l'identité d'un professionnel, telle que son autorité l'a
délivrée (PKCS#12) ; sa phrase de passe est vérifiée et reste la même.

Sans --import, crée une clé et un certificat d'essai, émis par une autorité de démonstration gardée
dans le dossier (--home) ; d'autres dossiers l'acceptent par « secours trust add authority.pem ».

Codes de sortie : 0 ; 1 il y a déjà une identité ; 21 phrase de passe ou fichier inutilisable.`,
			`With --import FILE.p12, installs a professional's identity as its authority issued it (PKCS#12);
its passphrase is checked and stays the same.

Without --import, makes a key and a certificate for trials, issued by a demonstration authority kept
in the home (--home); other homes accept it with "secours trust add authority.pem".

Exit codes: 0; 1 there is an identity already; 21 passphrase, or file not usable.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.identityNew(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.importFile, "import", "", l.s("fichier PKCS#12 à installer", "PKCS#12 file to install"))
	f.StringVar(&o.name, "name", "", l.s("nom du professionnel", "name of the professional"))
	f.StringVar(&o.role, "role", "", l.s("métier : ", "role: ")+roleNames())
	f.StringVar(&o.id, "id", "", l.s("identifiant professionnel (RPPS)", "professional identifier"))
	f.StringVar(&o.organization, "org", "", l.s("structure", "organisation"))
	f.StringVar(&o.place, "place", "", l.s("ville", "town"))
	f.StringVar(&o.key, "key", string(trust.Ed25519), l.s(
		"clé : ed25519, p256, p384, rsa2048",
		"key: ed25519, p256, p384, rsa2048",
	))
	f.BoolVar(&o.noPassphrase, "no-passphrase", false, l.s(
		"sans phrase de passe (essais seulement)",
		"without a passphrase (trials only)",
	))
	f.BoolVar(&o.replace, "replace", false, l.s("remplace l'identité présente", "replace the present identity"))
	a.addSecretFlags(c)
	c.MarkFlagsMutuallyExclusive("no-passphrase", "passphrase-fd")
	c.MarkFlagsMutuallyExclusive("no-passphrase", "passphrase-stdin")
	for _, other := range []string{"name", "role", "id", "org", "place", "key", "no-passphrase"} {
		c.MarkFlagsMutuallyExclusive("import", other)
	}
	return c
}

func (a *app) identityNew(ctx context.Context, o identityOptions) error {
	l := a.lang
	h, err := a.homeDir()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(h.file("identity.p12")); !errors.Is(err, fs.ErrNotExist) && !o.replace {
		return &failure{
			code: exitGeneral, name: "identity-exists",
			message: fmt.Sprintf(l.s("il y a déjà une identité dans %s", "there is an identity in %s already"), h),
			hint: l.s(
				"--replace la remplace, --home en choisit un autre dossier",
				"--replace replaces it, --home chooses another folder",
			),
		}
	}
	var id *trust.Identity
	var file []byte
	if o.importFile != "" {
		if file, err = readFile(o.importFile, trust.MaxIdentitySize); err != nil {
			return err
		}
		if id, err = a.openIdentity(ctx, file); err != nil {
			return err
		}
	} else {
		role, err := trust.ParseRole(o.role)
		switch {
		case o.name == "" || o.role == "":
			return &failure{code: exitGeneral, name: "usage", message: l.s(
				"--name et --role sont nécessaires, ou --import",
				"--name and --role are needed, or --import",
			), hint: "--role: " + roleNames()}
		case err != nil:
			return &failure{code: exitGeneral, name: "usage", message: l.s(
				"--role : métier inconnu",
				"--role: unknown role",
			), hint: "--role: " + roleNames(), err: err}
		}
		passphrase := ""
		if !o.noPassphrase {
			if passphrase, err = a.newSecret(ctx); err != nil {
				return err
			}
		}
		authority, err := a.demonstrationAuthority(h, o.name, passphrase)
		if err != nil {
			return err
		}
		subject := trust.Subject{Name: o.name, ID: o.id, Organization: o.organization, Place: o.place, Role: role}
		if id, err = authority.NewIdentity(subject, trust.KeyType(o.key), a.now()); err != nil {
			return err
		}
		if file, err = id.PKCS12(passphrase); err != nil {
			return err
		}
		if err := a.trustAnchors(h, []trust.Anchor{{Name: authority.Certificate.Subject.CommonName, Certificate: authority.Certificate}}); err != nil {
			return err
		}
	}
	if err := h.saveIdentity(file, id.Certificate); err != nil {
		return err
	}
	return a.printIdentity(id.Certificate)
}

// roleNames lists the values of --role.
func roleNames() string {
	var names []string
	for _, r := range trust.SignerRoles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

func (h home) saveIdentity(file []byte, certificate *x509.Certificate) error {
	// The key last: what fails before it leaves the old identity in use.
	if err := writeFile(h.file("identity.pem"), encodePEM(certificate), 0o644); err != nil {
		return err
	}
	return writeFile(h.file("identity.p12"), file, 0o600)
}

func encodePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// demonstrationAuthority returns the home's own authority, made on first use and kept under the same passphrase.
func (a *app) demonstrationAuthority(h home, holder, passphrase string) (*trust.Authority, error) {
	data, err := readFile(h.file("authority.p12"), trust.MaxIdentitySize)
	if err == nil {
		id, err := trust.ParseIdentity(data, passphrase)
		if errors.Is(err, trust.ErrPassphrase) {
			return nil, &failure{
				code: exitSigner, name: "passphrase", err: err,
				message: fmt.Sprintf(a.lang.s(
					"l'autorité d'essai de ce dossier (%s) a une autre phrase de passe",
					"the trial authority of this home (%s) has another passphrase",
				), h.file("authority.p12")),
				hint: a.lang.s(
					"donnez la même, ou enlevez ce fichier pour une nouvelle autorité",
					"give the same, or remove that file for a new authority",
				),
			}
		}
		if err != nil {
			return nil, err
		}
		return &trust.Authority{Certificate: id.Certificate, Key: id.Key}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	authority, err := trust.NewAuthority("Secours, autorité d'essai de "+holder, trust.Ed25519, a.now())
	if err != nil {
		return nil, err
	}
	file, err := (&trust.Identity{Certificate: authority.Certificate, Key: authority.Key}).PKCS12(passphrase)
	if err != nil {
		return nil, err
	}
	return authority, errors.Join(
		writeFile(h.file("authority.p12"), file, 0o600),
		writeFile(h.file("authority.pem"), encodePEM(authority.Certificate), 0o644),
	)
}

func (a *app) identityShowCommand() *cobra.Command {
	l := a.lang
	return &cobra.Command{
		Use: "show",
		Short: l.s(
			"Montrer l'identité de ce dossier (sans phrase de passe)",
			"Show the identity of this home (no passphrase needed)",
		),
		Long: l.s("Montre le certificat de l'identité ; la clé n'est pas ouverte.\n\nCodes de sortie : 0 ; 21 pas d'identité.",
			"Shows the identity's certificate; the key is not opened.\n\nExit codes: 0; 21 no identity."),
		Args: a.args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			h, err := a.homeDir()
			if err != nil {
				return err
			}
			data, err := readFile(h.file("identity.pem"), trust.MaxIdentitySize)
			if errors.Is(err, fs.ErrNotExist) {
				return &failure{code: exitSigner, name: "no-identity", message: fmt.Sprintf(l.s(
					"pas d'identité dans %s",
					"no identity in %s",
				), h), hint: "secours identity new"}
			}
			if err != nil {
				return err
			}
			certificates, err := trust.ParseCertificates(data)
			if err != nil {
				return err
			}
			return a.printIdentity(certificates[0])
		},
	}
}

// certificateDocument is what JSON says of a certificate.
type certificateDocument struct {
	Subject   string     `json:"subject"`
	Issuer    string     `json:"issuer"`
	Role      trust.Role `json:"role,omitempty"`
	NotBefore time.Time  `json:"notBefore"`
	NotAfter  time.Time  `json:"notAfter"`
	Key       string     `json:"key"`
	SHA256    string     `json:"sha256"`
	// Demonstration is set where the subject or the issuer says that it was made for demonstrations.
	Demonstration bool `json:"demonstration"`
}

func certificateDocumentOf(c *x509.Certificate) *certificateDocument {
	digest := sha256.Sum256(c.Raw)
	d := &certificateDocument{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		Key: c.PublicKeyAlgorithm.String(), SHA256: hex.EncodeToString(digest[:]),
		Demonstration: trust.Demonstration(c),
	}
	d.Role, _ = trust.CertificateRole(c) // no role is no error here: the field stays empty
	return d
}

func (d *certificateDocument) print(a *app, p *lines) {
	l := a.lang
	p.add(l.s("sujet", "subject"), d.Subject)
	p.add(l.s("émetteur", "issuer"), d.Issuer)
	role := l.s("aucun", "none")
	if d.Role != "" {
		role = word(l, roleWords, string(d.Role))
	}
	p.add(l.s("métier", "role"), role)
	p.add(l.s("valable", "valid"), d.NotBefore.Format(time.DateOnly)+" - "+d.NotAfter.Format(time.DateOnly))
	p.add(l.s("clé", "key"), d.Key)
	p.add("SHA-256", d.SHA256)
	if d.Demonstration {
		p.add("", l.s("CLÉ DE DÉMONSTRATION", "DEMONSTRATION KEY"))
	}
}

func (a *app) printIdentity(c *x509.Certificate) error {
	d := certificateDocumentOf(c)
	if a.json {
		return a.printJSON(struct {
			Schema string `json:"schema"`
			*certificateDocument
		}{"secours.identity/1", d})
	}
	p := a.lines()
	d.print(a, p)
	return p.print()
}
