package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary/trust"
)

func (a *app) demoCommand() *cobra.Command {
	l := a.lang
	return &cobra.Command{
		Use: "demo DIR",
		Short: l.s(
			"Créer de quoi essayer : une autorité, trois professionnels, une carte, une patiente",
			"Make a playground: an authority, three professionals, a card, a patient",
		),
		Long: l.s(`Crée dans DIR, qui ne doit pas exister ou être vide, trois dossiers (gp : un médecin traitant,
pharmacy : une pharmacienne, emergency : une urgentiste), avec chacun une identité de démonstration, sans
phrase de passe, et les clés de son rôle ; authority, qui émet les certificats et signe trust.bundle, la
liste de confiance des trois ; card.img, une carte simulée préparée ; summary.json, la synthèse d'une
patiente imaginaire, avec un antécédent masqué ; amendment.json, un ajout de la pharmacienne. Puis dit
quoi essayer.

Codes de sortie : 0 ; 1 DIR n'est pas vide.`,
			`Makes in DIR, which must not exist or be empty, three homes (gp: a treating physician, pharmacy: a
pharmacist, emergency: an emergency physician), each with a demonstration identity without a passphrase
and the keys of its role; authority, which issues the certificates and signs trust.bundle, what the three
trust; card.img, a simulated card, prepared; summary.json, the summary of an imaginary patient, with a
masked item of history; amendment.json, something that the pharmacist adds. Then says what to try.

Exit codes: 0; 1 DIR is not empty.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.demo(c.Context(), args[0]) },
	}
}

// demoHomes are the homes of a demonstration, in the order in which they are presented, with the role whose key each holds.
var demoHomes = []struct {
	name    string
	subject trust.Subject
	key     trust.Role
}{
	{"gp", trust.Subject{Name: "Dr Paul LEROY", ID: "899700000018", Place: "Tours", Role: trust.RolePhysician}, trust.RolePhysician},
	{"pharmacy", trust.Subject{Name: "Claire DUBOIS", ID: "899700000026", Organization: "Pharmacie DUBOIS", Place: "Tours", Role: trust.RolePharmacist}, trust.RolePharmacist},
	{"emergency", trust.Subject{Name: "Dr Samira HADDAD", ID: "899700000034", Organization: "SAMU 37", Place: "Tours", Role: trust.RolePhysician}, trust.RoleEmergency},
}

// amendmentJSON is what the pharmacist of the demonstration adds.
const amendmentJSON = `{
  "schema": "secours.amendment/1",
  "add": {
    "medications": [
      {
        "product": {"text": "DOLIPRANE 500 mg, gélule", "codes": [{"system": "atc", "code": "N02BE01"}]},
        "dosage": {"text": "1 gélule si douleur, 4 par jour au plus", "asNeeded": true, "maxPerDay": "4 gélules"},
        "status": "active",
        "origin": "otc",
        "dispensed": {"date": "2026-11-15", "quantity": "16 gélules"}
      }
    ]
  },
  "taken": [
    {"id": "c6", "value": "n'en prend plus, sur notre conseil", "lastTaken": "2026-11", "reportedBy": "la patiente"}
  ]
}
`

func (a *app) demo(ctx context.Context, dir string) error {
	l := a.lang
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return &failure{code: exitGeneral, name: "not-empty", message: fmt.Sprintf(l.s(
			"le dossier %s n'est pas vide",
			"the folder %s is not empty",
		), dir), hint: l.s(
			"choisissez un dossier neuf",
			"choose a new folder",
		)}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	ca, err := trust.NewAuthority("Secours, autorité de démonstration", trust.Ed25519, a.now())
	if err != nil {
		return err
	}
	// From here on by the verbs that a programme and its practices would use.
	authority, root := in("authority"), in(filepath.Join("authority", "root.pem"))
	steps := [][]string{
		{"trust", "bundle", "new", authority, "--name", "Secours, démonstration", "--no-passphrase"},
		{"trust", "bundle", "add", authority, "--anchor", root},
	}
	for _, d := range demoHomes {
		steps = append(steps, []string{"trust", "bundle", "add", authority, "--role-key", string(d.key)})
	}
	steps = append(steps, []string{"trust", "bundle", "sign", authority, "--out", in("trust.bundle")})
	if err := a.steps(ctx, steps[:1]); err != nil {
		return err
	}
	if err := writeFile(root, encodePEM(ca.Certificate), 0o644); err != nil {
		return err
	}
	if err := a.steps(ctx, steps[1:]); err != nil {
		return err
	}
	fingerprint, err := bundleRoot(in("trust.bundle"))
	if err != nil {
		return err
	}
	for _, d := range demoHomes {
		id, err := ca.NewIdentity(d.subject, trust.Ed25519, a.now())
		if err != nil {
			return err
		}
		file, err := id.PKCS12("")
		if err != nil {
			return err
		}
		if err := home(in(d.name)).saveIdentity(file, id.Certificate); err != nil {
			return err
		}
		public, grant := filepath.Join(authority, d.name+".json"), filepath.Join(authority, d.name+".grant")
		if err := a.steps(ctx, [][]string{
			{"--home", in(d.name), "trust", "update", in("trust.bundle"), "--root", fingerprint},
			{"--home", in(d.name), "keys", "new", "--no-passphrase", "--public", public},
			{"trust", "bundle", "grant", authority, "--role", string(d.key), "--to", public, "--out", grant},
			{"--home", in(d.name), "keys", "import", grant},
		}); err != nil {
			return err
		}
	}
	summaryFile, amendmentFile, card := in("summary.json"), in("amendment.json"), simPrefix+in("card.img")
	if err := errors.Join(writeFile(summaryFile, exampleJSON, 0o644), writeFile(amendmentFile, []byte(amendmentJSON), 0o644)); err != nil {
		return err
	}
	if err := a.steps(ctx, [][]string{{"--card", card, "card", "init", "--size", "16384"}}); err != nil {
		return err
	}
	commands := []string{
		command("--home", in("gp"), "--card", card, "write", summaryFile),
		command("--home", in("pharmacy"), "--card", card, "amend", "--file", amendmentFile),
		command("--home", in("pharmacy"), "--card", card, "read"),
		command("--home", in("emergency"), "--card", card, "read"),
		command("--home", in("gp"), "--card", card, "read"),
		command("--home", in("emergency"), "--card", card, "read", "--json"),
	}
	if a.json {
		return a.printJSON(struct {
			Schema   string   `json:"schema"`
			Dir      string   `json:"dir"`
			Commands []string `json:"commands"`
		}{"secours.demo/1", dir, commands})
	}
	fmt.Fprintf(a.out, l.s(
		"Prêt : %s (clés de démonstration, à ne jamais employer pour un vrai patient). Essayez :\n",
		"Ready: %s (demonstration keys, never to be used for a real patient). Try:\n",
	), oneLine(dir))
	for _, c := range commands {
		if _, err := fmt.Fprintf(a.out, "  %s\n", oneLine(c)); err != nil {
			return err
		}
	}
	return nil
}

// steps runs command lines of secours, and keeps what they print to itself.
func (a *app) steps(ctx context.Context, lines [][]string) error {
	for _, line := range lines {
		quiet := newApp()
		quiet.lang, quiet.now, quiet.getenv, quiet.openImage = a.lang, a.now, func(string) string { return "" }, a.openImage
		quiet.out, quiet.err = io.Discard, io.Discard
		root := quiet.rootCommand()
		root.SetArgs(line)
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		if err := root.ExecuteContext(ctx); err != nil {
			return err
		}
	}
	return nil
}

// bundleRoot is the fingerprint of the root of a bundle that was made just now.
func bundleRoot(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	b, err := trust.OpenBundle(f, info.Size())
	if err != nil {
		return "", err
	}
	return fingerprintOf(b.Roots()), nil
}

// command is a command line of secours for a person to paste; arguments are quoted where a shell would take them apart.
func command(args ...string) string {
	line := "secours"
	for _, arg := range args {
		if strings.IndexFunc(arg, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./:=+@,", r)
		}) >= 0 || arg == "" {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		line += " " + arg
	}
	return line
}
