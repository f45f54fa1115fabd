package main

import (
	"context"
	"errors"
	"fmt"
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
			"Créer de quoi essayer : trois professionnels, une carte, une patiente",
			"Make a playground: three professionals, a card, a patient",
		),
		Long: l.s(`Crée dans DIR, qui ne doit pas exister ou être vide, trois dossiers (gp : un médecin traitant,
pharmacy : une pharmacienne, emergency : une urgentiste) avec chacun une identité de démonstration,
sans phrase de passe, et une confiance ; card.img, une carte simulée préparée ; summary.json, la
synthèse d'une patiente imaginaire. Puis dit quoi essayer.

Codes de sortie : 0 ; 1 DIR n'est pas vide.`,
			`Makes in DIR, which must not exist or be empty, three homes (gp: a treating physician, pharmacy: a
pharmacist, emergency: an emergency physician), each with a demonstration identity without a
passphrase, and trust; card.img, a simulated card, prepared; summary.json, the summary of an
imaginary patient. Then says what to try.

Exit codes: 0; 1 DIR is not empty.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.demo(c.Context(), args[0]) },
	}
}

// demoHomes are the homes of a demonstration, in the order in which they are presented.
var demoHomes = []struct {
	name    string
	subject trust.Subject
}{
	{"gp", trust.Subject{Name: "Dr Paul LEROY", ID: "899700000018", Place: "Tours", Role: trust.RolePhysician}},
	{"pharmacy", trust.Subject{Name: "Claire DUBOIS", ID: "899700000026", Organization: "Pharmacie DUBOIS", Place: "Tours", Role: trust.RolePharmacist}},
	{"emergency", trust.Subject{Name: "Dr Samira HADDAD", ID: "899700000034", Organization: "SAMU 37", Place: "Tours", Role: trust.RolePhysician}},
}

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
	authority, err := trust.NewAuthority("Secours, autorité de démonstration", trust.Ed25519, a.now())
	if err != nil {
		return err
	}
	for _, d := range demoHomes {
		h := home(filepath.Join(dir, d.name))
		id, err := authority.NewIdentity(d.subject, trust.Ed25519, a.now())
		if err != nil {
			return err
		}
		file, err := id.PKCS12("")
		if err != nil {
			return err
		}
		anchor := trust.Anchor{Name: authority.Certificate.Subject.CommonName, Certificate: authority.Certificate}
		if err := errors.Join(h.saveIdentity(file, id.Certificate), a.trustAnchors(h, []trust.Anchor{anchor})); err != nil {
			return err
		}
	}
	summaryFile := filepath.Join(dir, "summary.json")
	if err := writeFile(summaryFile, exampleJSON, 0o644); err != nil {
		return err
	}
	playground := *a
	playground.card = simPrefix + filepath.Join(dir, "card.img")
	playground.connection = playground.connect
	if _, err := playground.createImage(8192, 64); err != nil {
		return err
	}
	if _, err := playground.format(ctx, false); err != nil {
		return err
	}
	commands := []string{
		command("--home", filepath.Join(dir, "gp"), "--card", playground.card, "write", summaryFile),
		command("--home", filepath.Join(dir, "emergency"), "--card", playground.card, "read"),
		command("--home", filepath.Join(dir, "emergency"), "--card", playground.card, "read", "--json"),
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
