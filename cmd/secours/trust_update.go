package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary/trust"
)

func (a *app) trustUpdateCommand() *cobra.Command {
	l := a.lang
	var root string
	c := &cobra.Command{
		Use:   "update FILE",
		Short: l.s("Prendre la liste de confiance d'une autorité", "Take an authority's trust bundle"),
		Long: l.s(`Vérifie la liste de confiance et la garde dans ce dossier (--home) : autorités, clés de rôle,
révocations. FILE peut être « - ». La première fixe l'autorité de ce poste : comparez l'empreinte de
sa racine avec celle qu'elle publie, et donnez-la par --root, ou confirmez-la au terminal. Ensuite une
liste d'une autre autorité, ou plus ancienne, est refusée.

Codes de sortie : 0 ; 1 empreinte à confirmer ; 14 liste abîmée, mal signée ou d'une autre autorité ;
18 plus ancienne que celle de ce poste ; 22 plus récente que ce programme.`,
			`Checks the trust bundle and keeps it in this home (--home): authorities, role keys, revocations. FILE
may be "-". The first one ties this workstation to its authority: compare the fingerprint of its root
with the one that it publishes, and give it with --root, or confirm it on the terminal. From then on
bundles of other authorities, and older ones, are refused.

Exit codes: 0; 1 fingerprint to be confirmed; 14 damaged, badly signed, or another authority's;
18 older than the one of this workstation; 22 newer than this program.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.trustUpdate(c.Context(), args[0], root) },
	}
	c.Flags().StringVar(&root, "root", "", l.s(
		"empreinte SHA-256 de la racine, telle que l'autorité la publie",
		"SHA-256 fingerprint of the root, as the authority publishes it",
	))
	return c
}

func (a *app) trustUpdate(ctx context.Context, name, root string) error {
	h, err := a.homeDir()
	if err != nil {
		return err
	}
	store, err := h.ownTrust()
	if err != nil {
		return err
	}
	// The copy is what is checked: nobody can change it in between. It becomes the home's bundle before trust.json names it,
	// which takes a later bundle than it names, and none that it cannot find.
	copied, err := a.copyBundle(ctx, h, name)
	if err != nil {
		return err
	}
	defer os.Remove(copied)
	b, file, err := openBundle(copied)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := a.pin(ctx, store, b, root); err != nil {
		return err
	}
	if err := store.Update(b, a.now()); err != nil {
		return err
	}
	d, err := a.trustShown(store)
	if err != nil {
		return err
	}
	file.Close() // Windows renames no open file
	if err := os.Rename(copied, h.file(bundleFile)); err != nil {
		return err
	}
	if err := h.saveTrust(store); err != nil {
		return err
	}
	return a.printTrust(d)
}

// pin ties a store to the authority of its first bundle, once somebody said that the fingerprint is right; later it only looks
// whether --root says the same.
func (a *app) pin(ctx context.Context, store *trust.Store, b *trust.Bundle, root string) error {
	l := a.lang
	var said *trust.RootSet
	if root != "" {
		digits := strings.NewReplacer(":", "", " ", "").Replace(root)
		fingerprint, err := hex.DecodeString(digits)
		if err != nil || len(fingerprint) != 32 {
			return &failure{code: exitGeneral, name: "usage", message: l.s(
				"--root : une empreinte de 64 chiffres hexadécimaux",
				"--root: a fingerprint of 64 hexadecimal digits",
			)}
		}
		if said = b.RootsBy([32]byte(fingerprint)); said == nil {
			return &failure{
				code: exitInvalid, name: "root-differs",
				message: fmt.Sprintf(l.s(
					"l'empreinte donnée par --root n'est pas celle de la racine de cette liste, qui est %s ; rien n'a été changé",
					"the fingerprint given with --root is not that of this bundle's root, which is %s; nothing was changed",
				), fingerprintOf(b.Roots())),
				hint: l.s(
					"comparez-la chiffre à chiffre avec celle que l'autorité publie ; si elle en diffère, cette liste n'est pas de cette autorité",
					"compare it digit by digit with the one that the authority publishes; if it differs, this bundle is not that authority's",
				),
			}
		}
	}
	if len(store.Roots.Keys) > 0 {
		return nil
	}
	if said == nil {
		said = b.Roots()
		fingerprint := fingerprintOf(said)
		question := fmt.Sprintf(l.s(
			"Liste de confiance n° %d de %s.\nEmpreinte de sa racine : %s\nEst-ce celle que cette autorité publie ? (oui/non) ",
			"Trust bundle no. %d of %s.\nFingerprint of its root: %s\nIs it the one that this authority publishes? (yes/no) ",
		), b.Counter, l.quote(oneLine(b.Name)), fingerprint)
		yes, err := a.confirm(ctx, question)
		if err != nil {
			return err
		}
		if !yes {
			return &failure{
				code: exitGeneral, name: "root-unconfirmed",
				message: fmt.Sprintf(l.s(
					"ce poste ne connaît pas encore d'autorité ; l'empreinte de la racine de cette liste est %s",
					"this workstation knows no authority yet; the fingerprint of this bundle's root is %s",
				), fingerprint),
				hint: l.s(
					"comparez-la avec celle que l'autorité publie, puis donnez celle-là par --root",
					"compare it with the one that the authority publishes, then give that one with --root",
				),
			}
		}
	}
	store.Roots = *said
	return nil
}

func fingerprintOf(roots *trust.RootSet) string {
	fingerprint := roots.Fingerprint()
	return hex.EncodeToString(fingerprint[:])
}

// confirm asks a question on the terminal. Where there is none, or the output is for a program, nobody says yes.
func (a *app) confirm(ctx context.Context, question string) (bool, error) {
	if a.json {
		return false, nil
	}
	tty, err := a.openTerminal()
	if err != nil {
		return false, nil
	}
	defer tty.close()
	fmt.Fprint(tty.out, question)
	line, err := interruptible(ctx, func() (string, error) {
		return bufio.NewReader(io.LimitReader(tty.in, maxSecret)).ReadString('\n')
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return slices.Contains([]string{"oui", "yes"}, strings.ToLower(strings.TrimSpace(line))), nil
}

// copyBundle copies a bundle into the home, beside the place where it will stand, and returns the name of the copy.
func (a *app) copyBundle(ctx context.Context, h home, name string) (copied string, err error) {
	from := a.in
	if name != "-" {
		if from, err = os.Open(name); err != nil {
			return "", err
		}
		defer from.Close()
	}
	if err := os.MkdirAll(string(h), 0o700); err != nil {
		return "", err
	}
	suffix := make([]byte, 6)
	rand.Read(suffix)
	copied = h.file(bundleFile) + "." + hex.EncodeToString(suffix)
	to, err := os.OpenFile(copied, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	n, err := interruptible(ctx, func() (int64, error) { return io.Copy(to, io.LimitReader(from, trust.MaxBundleSize+1)) })
	if err == nil && n > trust.MaxBundleSize {
		err = trust.ErrBundle
	}
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		os.Remove(copied)
		return "", err
	}
	return copied, nil
}

func (a *app) trustShowCommand() *cobra.Command {
	l := a.lang
	return &cobra.Command{
		Use:   "show",
		Short: l.s("Montrer tout ce à quoi ce poste se fie", "Show all that this workstation relies on"),
		Long: l.s(`Montre la liste de confiance de ce dossier (--home) et ce qui y a été ajouté : âge, prochaine mise à
jour, empreinte de la racine, autorités, certificats intermédiaires, clés de rôle, révocations.

Codes de sortie : 0, même si la liste est périmée ; 1 elle manque ou est abîmée.`,
			`Shows the trust bundle of this home (--home) and what was added there: age, next update, fingerprint of
the root, authorities, intermediate certificates, role keys, revocations.

Exit codes: 0, even if the bundle is outdated; 1 it is missing or damaged.`),
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
			d, err := a.trustShown(store)
			if err != nil {
				return err
			}
			return a.printTrust(d)
		},
	}
}

// trustShowDocument is what "trust show" and "trust update" say.
type trustShowDocument struct {
	Schema  string                `json:"schema"`
	Updated *time.Time            `json:"updated,omitempty"`
	Bundle  *trustBundleDocument  `json:"bundle,omitempty"`
	Anchors []anchorDocument      `json:"anchors"`
	Above   []certificateDocument `json:"intermediates"`
	Keys    []roleKeyDocument     `json:"roleKeys"`
	Retired []int                 `json:"retiredSuites"`
	Revoked revocationCounts      `json:"revocations"`
}

type trustBundleDocument struct {
	Name       string    `json:"name"`
	Counter    uint64    `json:"counter"`
	Issued     time.Time `json:"issued"`
	AgeDays    int       `json:"ageDays"`
	NextUpdate time.Time `json:"nextUpdate"`
	Outdated   bool      `json:"outdated"`
	Root       string    `json:"rootFingerprint"`
	Roots      int       `json:"roots"`
	Threshold  int       `json:"threshold"`
}

type roleKeyDocument struct {
	Authority   string        `json:"authority"`
	Role        trust.Role    `json:"role"`
	Epoch       uint32        `json:"epoch"`
	Clearance   int           `json:"clearance"`
	Algorithm   trust.KeyType `json:"algorithm"`
	Public      []byte        `json:"public"`
	KeyID       string        `json:"keyId"`
	Fingerprint string        `json:"fingerprint"`
	Stolen      *time.Time    `json:"stolen,omitempty"`
	// Sealing is set for the keys that records are sealed to now.
	Sealing bool `json:"sealing"`
}

type revocationCounts struct {
	Ceased      int `json:"ceased"`
	Compromised int `json:"compromised"`
}

func (c *revocationCounts) add(r trust.Revocation) {
	if r.Class == trust.Ceased {
		c.Ceased++
	} else {
		c.Compromised++
	}
}

func (c *revocationCounts) text(l lang) string {
	return l.count(c.Ceased, pair{"cessée", "ceased"}, pair{"cessées", "ceased"}) + ", " +
		l.count(c.Compromised, pair{"compromise", "compromised"}, pair{"compromises", "compromised"})
}

func roleKeyDocumentOf(k trust.RoleKey) roleKeyDocument {
	p := trust.PublicKey{Kind: trust.KeyRole, Opening: k.Public}
	id, fingerprint := trust.KeyID(k.Public), p.Fingerprint()
	d := roleKeyDocument{
		Authority: k.Authority, Role: k.Role, Epoch: k.Epoch, Clearance: k.Clearance, Algorithm: p.Algorithm(),
		Public: k.Public.Bytes(), KeyID: hex.EncodeToString(id[:]), Fingerprint: hex.EncodeToString(fingerprint[:]),
	}
	if !k.Stolen.IsZero() {
		d.Stolen = &k.Stolen
	}
	return d
}

func (a *app) trustShown(s *trust.Store) (*trustShowDocument, error) {
	now := s.Now(a.now())
	d := &trustShowDocument{
		Schema: "secours.trustshow/1", Anchors: anchorDocuments(s.Anchors), Above: []certificateDocument{}, Keys: []roleKeyDocument{},
		Retired: append([]int{}, s.RetiredSuites...),
	}
	if !s.Updated.IsZero() {
		updated := s.Updated.UTC().Truncate(time.Second)
		d.Updated = &updated
	}
	b := s.Bundle()
	if b == nil {
		return d, nil
	}
	d.Bundle = &trustBundleDocument{
		Name: b.Name, Counter: b.Counter, Issued: b.Issued, AgeDays: max(0, int(now.Sub(b.Issued).Hours()/24)),
		NextUpdate: b.NextUpdate, Outdated: now.After(b.NextUpdate),
		Root: fingerprintOf(b.Roots()), Roots: len(b.Roots().Keys), Threshold: b.Roots().Threshold,
	}
	for _, der := range s.Intermediates {
		certificates, err := trust.ParseCertificates(der)
		if err != nil {
			return nil, fmt.Errorf("%w: an intermediate", trust.ErrTrustDamaged)
		}
		d.Above = append(d.Above, *certificateDocumentOf(certificates[0]))
	}
	sealing := s.SealingKeys()
	for _, k := range s.RoleKeys {
		key := roleKeyDocumentOf(k)
		key.Sealing = slices.ContainsFunc(sealing, func(other trust.RoleKey) bool { return other == k })
		d.Keys = append(d.Keys, key)
	}
	err := b.Revocations(func(r trust.Revocation) error {
		d.Revoked.add(r)
		return nil
	})
	return d, err
}

func (a *app) printTrust(d *trustShowDocument) error {
	if a.json {
		return a.printJSON(d)
	}
	l := a.lang
	p := a.lines()
	if b := d.Bundle; b == nil {
		p.add(l.s("liste de confiance", "trust bundle"), l.s("aucune", "none"))
	} else {
		p.add(l.s("liste de confiance", "trust bundle"), fmt.Sprintf(l.s("n° %d de %s", "no. %d of %s"), b.Counter, l.quote(b.Name)))
		p.add(l.s("émise", "issued"), b.Issued.Format(time.DateOnly)+" ("+l.count(b.AgeDays, pair{"jour", "day"}, pair{"jours", "days"})+")")
		next := b.NextUpdate.Format(time.DateOnly)
		if b.Outdated {
			next += l.s("  PÉRIMÉE", "  OUTDATED")
		}
		p.add(l.s("prochaine mise à jour", "next update"), next)
		root := b.Root
		if b.Roots > 1 {
			root += fmt.Sprintf(l.s(" (%d clés sur %d)", " (%d keys of %d)"), b.Threshold, b.Roots)
		}
		p.add(l.s("racine, SHA-256", "root, SHA-256"), root)
		p.add(l.s("révocations", "revocations"), d.Revoked.text(l))
		retired := l.s("aucune", "none")
		if len(d.Retired) > 0 {
			var list []string
			for _, suite := range d.Retired {
				list = append(list, strconv.Itoa(suite))
			}
			retired = strings.Join(list, ", ")
		}
		p.add(l.s("suites retirées", "retired suites"), retired)
	}
	for i := range d.Anchors {
		p.add("", "")
		d.Anchors[i].print(a, p)
	}
	for _, c := range d.Above {
		p.add("", "")
		p.add(l.s("intermédiaire", "intermediate"), c.Subject)
		p.add(l.s("émetteur", "issuer"), c.Issuer)
		p.add("SHA-256", c.SHA256)
	}
	for i := range d.Keys {
		p.add("", "")
		d.Keys[i].print(a, p)
	}
	return p.print()
}

func (d *roleKeyDocument) print(a *app, p *lines) {
	l := a.lang
	p.add(l.s("clé du rôle", "key of the role"), fmt.Sprintf(l.s("%s, époque %d, %s", "%s, epoch %d, %s"), word(l, roleWords, string(d.Role)), d.Epoch, d.Authority))
	p.add(l.s("lit jusqu'au niveau", "clearance"), strconv.Itoa(d.Clearance))
	p.add(l.s("numéro sur les cartes", "id on cards"), d.KeyID)
	p.add(l.s("empreinte", "fingerprint"), d.Fingerprint)
	if d.Stolen != nil {
		p.add("", fmt.Sprintf(l.s("VOLÉE, signalé depuis le %s", "STOLEN, reported since %s"), d.Stolen.Format(time.DateOnly)))
	}
}
