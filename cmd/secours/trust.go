package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary/trust"
)

func (a *app) trustCommand() *cobra.Command {
	l := a.lang
	return a.group("trust", l.s(
		"Les autorités dont les signatures sont crues",
		"The authorities whose signatures are believed",
	), a.trustAddCommand(), a.trustListCommand(), a.trustUpdateCommand(), a.trustShowCommand(), a.trustBundleCommand())
}

func (a *app) trustAddCommand() *cobra.Command {
	l := a.lang
	var name, role string
	var ceiling []string
	c := &cobra.Command{
		Use:   "add FILE",
		Short: l.s("Faire confiance à une autorité (certificat PEM ou DER)", "Trust an authority (certificate in PEM or DER)"),
		Long: l.s(`Ajoute les certificats du fichier aux autorités de ce dossier (--home). Comparez l'empreinte
affichée avec celle que l'autorité publie : quiconque est ajouté ici peut nommer des médecins.

Codes de sortie : 0 ; 1 pas de certificat dans le fichier.`,
			`Adds the certificates of the file to the authorities of this home (--home). Compare the fingerprint
shown with the one that the authority publishes: whoever is added here can name physicians.

Exit codes: 0; 1 no certificate in the file.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			h, err := a.homeDir()
			if err != nil {
				return err
			}
			data, err := readFile(args[0], trust.MaxStoreSize)
			if err != nil {
				return err
			}
			certificates, err := trust.ParseCertificates(data)
			if err != nil {
				return &failure{code: exitGeneral, name: "no-certificate", message: l.s(
					"pas de certificat lisible dans ce fichier (PEM ou DER)",
					"no readable certificate in this file (PEM or DER)",
				), err: err}
			}
			store, err := h.ownTrust()
			if err != nil {
				return err
			}
			var anchors []trust.Anchor
			for _, cert := range certificates {
				anchor := trust.Anchor{Name: cert.Subject.CommonName, Certificate: cert}
				// What is known of an authority stays unless it is said anew.
				for _, known := range store.Anchors {
					if known.Certificate.Equal(cert) {
						anchor = known
					}
				}
				if name != "" {
					anchor.Name = name
				}
				if c.Flags().Changed("role") {
					anchor.Role = trust.Role(role)
				}
				if c.Flags().Changed("ceiling") {
					anchor.Ceiling = nil
					for _, r := range ceiling {
						anchor.Ceiling = append(anchor.Ceiling, trust.Role(r))
					}
				}
				anchors = append(anchors, anchor)
			}
			if err := a.trustAnchors(h, anchors); err != nil {
				return err
			}
			if !a.json {
				fmt.Fprintln(a.out, l.s(
					"Confiance donnée à (comparez l'empreinte SHA-256 avec celle que publie l'autorité) :",
					"Trusted from now on (compare the SHA-256 fingerprint with the one that the authority publishes):",
				))
			}
			return a.printAnchors(&trust.Store{Anchors: anchors, Updated: a.now()})
		},
	}
	c.Flags().StringVar(&name, "name", "", l.s(
		"nom à afficher (défaut : celui du certificat)",
		"name to show (default: the certificate's)",
	))
	c.Flags().StringVar(&role, "role", "", l.s(
		"métier de tous ses certificats, s'ils n'en nomment pas",
		"role of all its certificates, where they name none",
	))
	c.Flags().StringSliceVar(&ceiling, "ceiling", nil, l.s(
		"seuls métiers dont elle peut se porter garante",
		"only roles that it may vouch for",
	))
	return c
}

// trustAnchors adds anchors to a home's own trust.
func (a *app) trustAnchors(h home, anchors []trust.Anchor) error {
	store, err := h.ownTrust()
	if err != nil {
		return err
	}
	for _, anchor := range anchors {
		if err := store.Add(anchor); err != nil {
			return err
		}
	}
	store.Updated = a.now()
	return h.saveTrust(store)
}

func (a *app) trustListCommand() *cobra.Command {
	l := a.lang
	return &cobra.Command{
		Use:   "list",
		Short: l.s("Montrer les autorités de ce dossier", "Show the authorities of this home"),
		Long: l.s(
			"Montre les autorités de ce dossier (--home).\n\nCodes de sortie : 0.",
			"Shows the authorities of this home (--home).\n\nExit codes: 0.",
		),
		Args: a.args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			h, err := a.homeDir()
			if err != nil {
				return err
			}
			store, err := h.trust()
			if err != nil {
				return err
			}
			return a.printAnchors(store)
		},
	}
}

// roles lists roles in the user's language.
func (a *app) roles(list []trust.Role) string {
	var names []string
	for _, r := range list {
		names = append(names, word(a.lang, roleWords, string(r)))
	}
	return strings.Join(names, ", ")
}

type anchorDocument struct {
	Name string `json:"name"`
	// Source is "own" for an anchor that the user added, "bundle" for one of the bundle's. The same certificate may be both; then
	// the more restrictive counts.
	Source        string       `json:"source"`
	PinnedRole    trust.Role   `json:"pinnedRole,omitempty"`
	Ceiling       []trust.Role `json:"ceiling,omitempty"`
	DistrustAfter *time.Time   `json:"distrustAfter,omitempty"`
	*certificateDocument
}

func anchorDocuments(list []trust.Anchor) []anchorDocument {
	anchors := []anchorDocument{}
	for _, anchor := range list {
		d := anchorDocument{
			Name: anchor.Name, Source: "own", PinnedRole: anchor.Role, Ceiling: anchor.Ceiling,
			certificateDocument: certificateDocumentOf(anchor.Certificate),
		}
		if anchor.Bundled {
			d.Source = "bundle"
		}
		if !anchor.DistrustAfter.IsZero() {
			d.DistrustAfter = &anchor.DistrustAfter
		}
		anchors = append(anchors, d)
	}
	return anchors
}

func (a *app) printAnchors(s *trust.Store) error {
	l := a.lang
	anchors := anchorDocuments(s.Anchors)
	if a.json {
		return a.printJSON(struct {
			Schema  string           `json:"schema"`
			Updated time.Time        `json:"updated"`
			Anchors []anchorDocument `json:"anchors"`
		}{"secours.trustlist/1", s.Updated.UTC().Truncate(time.Second), anchors})
	}
	if len(anchors) == 0 {
		_, err := fmt.Fprintln(a.out, l.s(
			"Aucune autorité : toute signature sera « non vérifiable ». « secours trust add FICHIER » en ajoute une.",
			"No authority: every signature will be \"not verifiable\". \"secours trust add FILE\" adds one.",
		))
		return err
	}
	p := a.lines()
	for i, d := range anchors {
		if i > 0 {
			p.add("", "")
		}
		d.print(a, p)
	}
	return p.print()
}

func (d *anchorDocument) print(a *app, p *lines) {
	l := a.lang
	p.add(l.s("autorité", "authority"), d.Name)
	if d.Source == "bundle" {
		p.add(l.s("vient", "from"), l.s("de la liste de confiance", "the trust bundle"))
	}
	p.add("SHA-256", d.SHA256)
	p.add(l.s("valable", "valid"), d.NotBefore.Format(time.DateOnly)+" - "+d.NotAfter.Format(time.DateOnly))
	if d.PinnedRole != "" {
		p.add(l.s("métier imposé", "pinned role"), word(l, roleWords, string(d.PinnedRole)))
	}
	if len(d.Ceiling) > 0 {
		p.add(l.s("métiers permis", "ceiling"), a.roles(d.Ceiling))
	}
	if d.DistrustAfter != nil {
		p.add(l.s("plus crue après le", "not believed after"), d.DistrustAfter.Format(time.DateOnly))
	}
	if d.Demonstration {
		p.add("", l.s("AUTORITÉ DE DÉMONSTRATION", "DEMONSTRATION AUTHORITY"))
	}
}
