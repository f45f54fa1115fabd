package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary/trust"
)

// An authority of trust bundles works in a folder of its own:
//
//	keys.json         root key, bundle key, private halves of the role keys
//	authority.json    what the next bundle says, but for the revocations; public, and may be edited
//	revocations.txt   one a line: class, date, name (FORMAT 7.4) in hexadecimal
//	last.bundle       the bundle signed last, against which the next one is held: what was revoked stays revoked
const (
	authorityFile   = "authority.json"
	revocationsFile = "revocations.txt"
	lastBundleFile  = "last.bundle"

	authoritySchema = "secours.authority/1"
	// maxRevocationsFile bounds a list of revocations, here about six million.
	maxRevocationsFile = 512 << 20
)

func (a *app) trustBundleCommand() *cobra.Command {
	l := a.lang
	return a.group("bundle", l.s(
		"Tenir une liste de confiance, pour une autorité",
		"Keep a trust bundle, for an authority",
	), a.bundleNewCommand(), a.bundleAddCommand(), a.bundleRevokeCommand(), a.bundleSignCommand(), a.bundleGrantCommand())
}

// authority is authority.json, and where it stands.
type authority struct {
	dir  home
	file []byte // as it was read

	Schema        string             `json:"schema"`
	Name          string             `json:"name"`
	Counter       uint64             `json:"counter"` // of the bundle signed last
	ValidDays     int                `json:"validDays"`
	Statements    [][]byte           `json:"statements"` // FORMAT 7.3
	Anchors       []authorityAnchor  `json:"anchors"`
	Intermediates [][]byte           `json:"intermediates"` // DER
	RoleKeys      []authorityRoleKey `json:"roleKeys"`
	RetiredSuites []int              `json:"retiredSuites"`
}

type authorityAnchor struct {
	Name          string       `json:"name"`
	Certificate   []byte       `json:"certificate"`
	Role          trust.Role   `json:"role,omitempty"`
	Ceiling       []trust.Role `json:"ceiling,omitempty"`
	DistrustAfter *time.Time   `json:"distrustAfter,omitempty"`
}

type authorityRoleKey struct {
	Role      trust.Role    `json:"role"`
	Epoch     uint32        `json:"epoch"`
	Clearance int           `json:"clearance"`
	Algorithm trust.KeyType `json:"algorithm"`
	Public    []byte        `json:"public"`
	Stolen    *time.Time    `json:"stolen,omitempty"`
}

var keyCurves = map[trust.KeyType]ecdh.Curve{trust.X25519: ecdh.X25519(), trust.P256: ecdh.P256()}

func (a *app) openAuthority(dir string) (*authority, error) {
	l := a.lang
	y := &authority{dir: home(dir)}
	data, err := readFile(y.dir.file(authorityFile), 2*trust.MaxStoreSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &failure{
			code: exitGeneral, name: "no-authority", err: err,
			message: fmt.Sprintf(l.s("pas d'autorité dans %s", "no authority in %s"), dir),
			hint:    l.s("« secours trust bundle new » en crée une", "\"secours trust bundle new\" makes one"),
		}
	}
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(y); err != nil || y.Schema != authoritySchema {
		return nil, &failure{code: exitGeneral, name: "authority-file", err: err, message: fmt.Sprintf(l.s(
			"%s n'est pas lisible comme %s : %v",
			"%s does not read as %s: %v",
		), y.dir.file(authorityFile), authoritySchema, cmp.Or(err, errors.New("schema")))}
	}
	y.file = data
	return y, nil
}

// save replaces authority.json, unless another process did so in the meantime.
func (a *app) saveAuthority(y *authority) error {
	data, err := json.MarshalIndent(y, "", "  ")
	if err != nil {
		return err
	}
	if now, err := readFile(y.dir.file(authorityFile), 2*trust.MaxStoreSize); err == nil && !bytes.Equal(now, y.file) {
		return &failure{
			code: exitGeneral, name: "authority-changed", retryable: true,
			message: a.lang.s(
				"un autre programme vient de changer ce dossier ; rien n'a été écrit",
				"another program has just changed this folder; nothing was written",
			),
			hint: a.lang.s("réessayez", "try again"),
		}
	}
	y.file = append(data, '\n')
	return writeFile(y.dir.file(authorityFile), y.file, 0o644)
}

// draft is the next bundle.
func (y *authority) draft(revocations []trust.Revocation) (*trust.BundleDraft, error) {
	d := &trust.BundleDraft{
		Name: y.Name, Intermediates: y.Intermediates, RetiredSuites: y.RetiredSuites, Revocations: revocations,
	}
	for _, data := range y.Statements {
		s, err := trust.ParseRootStatement(data)
		if err != nil {
			return nil, err
		}
		d.Statements = append(d.Statements, s)
	}
	if len(d.Statements) == 0 {
		return nil, fmt.Errorf("%s: no statements", authorityFile)
	}
	for i, entry := range y.Anchors {
		c, err := x509.ParseCertificate(entry.Certificate)
		if err != nil {
			return nil, fmt.Errorf("%s: anchors[%d]: %w", authorityFile, i, err)
		}
		anchor := trust.Anchor{Name: entry.Name, Certificate: c, Role: entry.Role, Ceiling: entry.Ceiling}
		if entry.DistrustAfter != nil {
			anchor.DistrustAfter = *entry.DistrustAfter
		}
		d.Anchors = append(d.Anchors, anchor)
	}
	for i, entry := range y.RoleKeys {
		k := trust.RoleKey{Authority: y.Name, Role: entry.Role, Epoch: entry.Epoch, Clearance: entry.Clearance}
		curve := keyCurves[entry.Algorithm]
		if curve == nil {
			return nil, fmt.Errorf("%s: roleKeys[%d]: algorithm", authorityFile, i)
		}
		var err error
		if k.Public, err = curve.NewPublicKey(entry.Public); err != nil {
			return nil, fmt.Errorf("%s: roleKeys[%d]: %w", authorityFile, i, err)
		}
		if entry.Stolen != nil {
			k.Stolen = *entry.Stolen
		}
		d.RoleKeys = append(d.RoleKeys, k)
	}
	return d, nil
}

// roots is the root set in force.
func (y *authority) roots() (*trust.RootSet, error) {
	if len(y.Statements) == 0 {
		return nil, fmt.Errorf("%s: no statements", authorityFile)
	}
	s, err := trust.ParseRootStatement(y.Statements[len(y.Statements)-1])
	if err != nil {
		return nil, err
	}
	return &s.Roots, nil
}

// parseDays reads a number of days, as 90d.
func (a *app) parseDays(option, s string) (int, error) {
	digits, isDays := strings.CutSuffix(s, "d")
	n, err := strconv.Atoi(digits)
	if err != nil || !isDays || n < 1 || n > 3650 {
		return 0, &failure{code: exitGeneral, name: "usage", message: option + a.lang.s(
			" : un nombre de jours, de 1d à 3650d",
			": a number of days, from 1d to 3650d",
		)}
	}
	return n, nil
}

// parseDay reads a date, which begins at 0:00 UTC.
func (a *app) parseDay(option, s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 2000 || t.Year() > 9999 {
		return t, &failure{code: exitGeneral, name: "usage", message: option + a.lang.s(
			" : une date AAAA-MM-JJ, à partir de 2000",
			": a date YYYY-MM-DD, from 2000 on",
		)}
	}
	return t, nil
}

type bundleNewOptions struct {
	name         string
	next         string
	noPassphrase bool
}

func (a *app) bundleNewCommand() *cobra.Command {
	l := a.lang
	var o bundleNewOptions
	c := &cobra.Command{
		Use:   "new DIR",
		Short: l.s("Créer une autorité : sa racine, et de quoi signer", "Make an authority: its root, and what it signs with"),
		Long: l.s(`Crée dans DIR la clé racine et la clé qui signe les listes (keys.json, chiffré sous une phrase de
passe), et un état public, authority.json. Qui a la racine peut nommer des médecins ; gardez-en une
copie hors ligne.

La liste n'existe pas encore. Ensuite :
  secours trust bundle add DIR --anchor FILE     qui certifie les professionnels
  secours trust bundle add DIR --role-key RÔLE   une clé par rôle, pour laquelle les cartes sont scellées
  secours trust bundle sign DIR --out FILE       la liste, que les postes prennent (trust update)
  secours trust bundle grant DIR --role RÔLE --to FILE --out FILE
                                                 les clés privées d'un rôle, remises à un établissement

Publiez la racine, SHA-256, affichée ici (et par « secours trust show ») par un autre chemin que la
liste : c'est l'empreinte que chaque poste compare, une fois, par « secours trust update --root ».

Codes de sortie : 0 ; 1 il y a déjà une autorité dans DIR ; 21 phrase de passe.`,
			`Makes in DIR the root key and the key that signs bundles (keys.json, encrypted under a passphrase),
and a public state, authority.json. Whoever has the root can name physicians; keep a copy of it
offline.

There is no bundle yet. What comes next:
  secours trust bundle add DIR --anchor FILE     who certifies the professionals
  secours trust bundle add DIR --role-key ROLE   a key for each role, which cards are sealed to
  secours trust bundle sign DIR --out FILE       the bundle, which workstations take (trust update)
  secours trust bundle grant DIR --role ROLE --to FILE --out FILE
                                                 the private keys of a role, handed to an establishment

Publish the root, SHA-256, shown here (and by "secours trust show") by another way than the bundle: it
is the fingerprint that every workstation compares, once, with "secours trust update --root".

Exit codes: 0; 1 there is an authority in DIR already; 21 passphrase.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.bundleNew(c.Context(), args[0], o) },
	}
	f := c.Flags()
	f.StringVar(&o.name, "name", "", l.s("nom de l'autorité", "name of the authority"))
	f.StringVar(&o.next, "next-update", "90d", l.s(
		"combien de jours une liste vaut avant d'être périmée",
		"for how many days a bundle is up to date",
	))
	f.BoolVar(&o.noPassphrase, "no-passphrase", false, l.s(
		"sans phrase de passe (essais seulement)",
		"without a passphrase (trials only)",
	))
	a.addSecretFlags(c)
	c.MarkFlagsMutuallyExclusive("no-passphrase", "passphrase-fd")
	c.MarkFlagsMutuallyExclusive("no-passphrase", "passphrase-stdin")
	return c
}

func (a *app) bundleNew(ctx context.Context, dir string, o bundleNewOptions) error {
	l := a.lang
	y := &authority{
		dir: home(dir), Schema: authoritySchema, Name: o.name, Anchors: []authorityAnchor{}, Intermediates: [][]byte{},
		RoleKeys: []authorityRoleKey{}, RetiredSuites: []int{},
	}
	var err error
	if y.ValidDays, err = a.parseDays("--next-update", o.next); err != nil {
		return err
	}
	if o.name == "" {
		return &failure{code: exitGeneral, name: "usage", message: l.s("--name est nécessaire", "--name is needed")}
	}
	for _, name := range []string{authorityFile, keysFile} {
		if _, err := os.Lstat(y.dir.file(name)); !errors.Is(err, fs.ErrNotExist) {
			return &failure{
				code: exitGeneral, name: "authority-exists",
				message: fmt.Sprintf(l.s("il y a déjà %s dans %s", "there is %s in %s already"), name, dir),
				hint:    l.s("choisissez un autre dossier", "choose another folder"),
			}
		}
	}
	keys := &unlockedKeys{Keystore: &trust.Keystore{}}
	if !o.noPassphrase {
		if keys.passphrase, err = a.newSecret(ctx); err != nil {
			return err
		}
	}
	made := map[trust.KeyKind]ed25519.PrivateKey{}
	for _, kind := range []trust.KeyKind{trust.KeyBundleRoot, trust.KeyBundle} {
		if _, made[kind], err = ed25519.GenerateKey(rand.Reader); err != nil {
			return err
		}
		key := trust.PrivateKey{Kind: kind, Authority: o.name, Created: a.now(), Signing: made[kind]}
		if err := keys.Add(key); err != nil {
			return err
		}
	}
	statement := &trust.RootStatement{
		Number: 1, Issued: a.now(), Roots: trust.RootSet{Keys: []ed25519.PublicKey{publicOf(made[trust.KeyBundleRoot])}, Threshold: 1},
		BundleKeys: []ed25519.PublicKey{publicOf(made[trust.KeyBundle])},
	}
	if err := statement.Sign(made[trust.KeyBundleRoot]); err != nil {
		return err
	}
	y.Statements = [][]byte{statement.Bytes()}
	if err := a.saveKeys(y.dir, keys); err != nil {
		return err
	}
	if err := a.saveAuthority(y); err != nil {
		return err
	}
	return a.printAuthority(y, nil, nil)
}

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// authorityDocument is what the verbs of "trust bundle" say.
type authorityDocument struct {
	Schema        string             `json:"schema"`
	Directory     string             `json:"directory"`
	Name          string             `json:"name"`
	Root          string             `json:"rootFingerprint"`
	Counter       uint64             `json:"counter"`
	ValidDays     int                `json:"validDays"`
	Anchors       int                `json:"anchors"`
	Intermediates int                `json:"intermediates"`
	RoleKeys      []authorityRoleKey `json:"roleKeys"`
	RetiredSuites []int              `json:"retiredSuites"`
	Revocations   *revocationCounts  `json:"revocations,omitempty"`
	Signed        *signedBundle      `json:"signed,omitempty"`
}

type signedBundle struct {
	File       string    `json:"file"`
	Issued     time.Time `json:"issued"`
	NextUpdate time.Time `json:"nextUpdate"`
	Size       int       `json:"size"`
}

func (a *app) printAuthority(y *authority, revoked *revocationCounts, signed *signedBundle) error {
	l := a.lang
	roots, err := y.roots()
	if err != nil {
		return err
	}
	d := authorityDocument{
		Schema: "secours.trustbundle/1", Directory: string(y.dir), Name: y.Name, Root: fingerprintOf(roots), Counter: y.Counter,
		ValidDays: y.ValidDays, Anchors: len(y.Anchors), Intermediates: len(y.Intermediates), RoleKeys: y.RoleKeys,
		RetiredSuites: y.RetiredSuites, Revocations: revoked, Signed: signed,
	}
	if a.json {
		return a.printJSON(d)
	}
	p := a.lines()
	p.add(l.s("autorité", "authority"), d.Name)
	p.add(l.s("dossier", "folder"), d.Directory)
	p.add(l.s("racine, SHA-256", "root, SHA-256"), d.Root)
	p.add(l.s("dernière liste", "last bundle"), strconv.FormatUint(d.Counter, 10))
	p.add(l.s("autorités", "authorities"), strconv.Itoa(d.Anchors))
	p.add(l.s("intermédiaires", "intermediates"), strconv.Itoa(d.Intermediates))
	for _, k := range d.RoleKeys {
		stolen := ""
		if k.Stolen != nil {
			stolen = l.s("  VOLÉE", "  STOLEN")
		}
		p.add(l.s("clé de rôle", "role key"), fmt.Sprintf(l.s("%s, époque %d, niveau %d, %s%s", "%s, epoch %d, clearance %d, %s%s"),
			word(l, roleWords, string(k.Role)), k.Epoch, k.Clearance, k.Algorithm, stolen))
	}
	if revoked != nil {
		p.add(l.s("révocations", "revocations"), revoked.text(l))
	}
	if signed != nil {
		p.add(l.s("signée", "signed"), fmt.Sprintf(l.s("%s, %d octets", "%s, %d bytes"), signed.File, signed.Size))
		p.add(l.s("prochaine mise à jour", "next update"), signed.NextUpdate.Format(time.DateOnly))
	}
	return p.print()
}

type bundleSignOptions struct {
	out  string
	next string
	drop int
}

func (a *app) bundleSignCommand() *cobra.Command {
	l := a.lang
	var o bundleSignOptions
	c := &cobra.Command{
		Use:   "sign DIR",
		Short: l.s("Signer la liste suivante", "Sign the next bundle"),
		Long: l.s(`Signe ce que disent authority.json et revocations.txt, sous le numéro suivant, daté de maintenant.
Ce qui était révoqué dans la liste précédente doit l'être encore : s'il en manque, rien n'est signé,
à moins que --drop n'en dise le nombre.

Codes de sortie : 0 ; 1 l'état n'est pas utilisable, ou une révocation manque ; 21 phrase de passe.`,
			`Signs what authority.json and revocations.txt say, with the next number, dated now. What was revoked
in the bundle before must be so still: if any is missing nothing is signed, unless --drop tells how
many they are.

Exit codes: 0; 1 the state is not usable, or a revocation is missing; 21 passphrase.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.bundleSign(c.Context(), args[0], o) },
	}
	f := c.Flags()
	f.StringVar(&o.out, "out", "", l.s("fichier à écrire", "file to write"))
	f.StringVar(&o.next, "next-update", "", l.s(
		"combien de jours cette liste vaut (défaut : ce que dit authority.json)",
		"for how many days this bundle is up to date (default: what authority.json says)",
	))
	f.IntVar(&o.drop, "drop", 0, l.s(
		"accepte que ce nombre de révocations disparaissent",
		"accept that this number of revocations disappear",
	))
	a.addSecretFlags(c)
	return c
}

func (a *app) bundleSign(ctx context.Context, dir string, o bundleSignOptions) error {
	l := a.lang
	if o.out == "" {
		return &failure{code: exitGeneral, name: "usage", message: l.s("--out est nécessaire", "--out is needed")}
	}
	y, err := a.openAuthority(dir)
	if err != nil {
		return err
	}
	days := y.ValidDays
	if o.next != "" {
		if days, err = a.parseDays("--next-update", o.next); err != nil {
			return err
		}
	}
	revocations, err := a.readRevocations(y.dir.file(revocationsFile), true)
	if err != nil {
		return err
	}
	draft, err := y.draft(revocations)
	if err != nil {
		return err
	}
	now := a.now().UTC().Truncate(time.Second)
	draft.Counter, draft.Issued, draft.NextUpdate = y.Counter+1, now, now.AddDate(0, 0, days)
	if err := a.checkAgainstLast(y, draft, o.drop); err != nil {
		return err
	}
	keys, err := a.unlockKeys(ctx, y.dir)
	if err != nil {
		return err
	}
	signer := bundleKey(keys.Keystore, draft.Statements[len(draft.Statements)-1])
	if signer == nil {
		return &failure{code: exitSigner, name: "no-keys", message: fmt.Sprintf(l.s(
			"la clé qui signe les listes n'est pas dans %s",
			"the key that signs bundles is not in %s",
		), y.dir.file(keysFile))}
	}
	data, err := draft.Sign(signer)
	if err != nil {
		return err
	}
	// The number first: a bundle that somebody has must never be followed by another with the same.
	y.Counter = draft.Counter
	if err := a.saveAuthority(y); err != nil {
		return err
	}
	if err := writeFile(y.dir.file(lastBundleFile), data, 0o644); err != nil {
		return err
	}
	if err := writeFile(o.out, data, 0o644); err != nil {
		return err
	}
	var counts revocationCounts
	for _, r := range revocations {
		counts.add(r)
	}
	return a.printAuthority(y, &counts, &signedBundle{o.out, draft.Issued, draft.NextUpdate, len(data)})
}

func bundleKey(k *trust.Keystore, statement *trust.RootStatement) ed25519.PrivateKey {
	for i := range slices.Backward(k.Keys) {
		key := k.Keys[i]
		if key.Kind == trust.KeyBundle && slices.ContainsFunc(statement.BundleKeys, func(k ed25519.PublicKey) bool {
			return k.Equal(publicOf(key.Signing))
		}) {
			return key.Signing
		}
	}
	return nil
}

// checkAgainstLast refuses to go back behind the bundle signed last.
func (a *app) checkAgainstLast(y *authority, draft *trust.BundleDraft, drop int) error {
	l := a.lang
	last, file, err := openBundle(y.dir.file(lastBundleFile))
	if errors.Is(err, fs.ErrNotExist) {
		if y.Counter > 0 {
			a.note(l.s(
				"attention : %s manque ; que rien n'ait disparu des révocations n'est pas vérifié",
				"warning: %s is missing; that no revocation disappeared is not checked",
			), y.dir.file(lastBundleFile))
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", y.dir.file(lastBundleFile), err)
	}
	defer file.Close()
	if last.Counter >= draft.Counter || last.Issued.After(draft.Issued) {
		return &failure{
			code: exitGeneral, name: "clock",
			message: fmt.Sprintf(l.s(
				"la dernière liste (n° %d) est datée du %s, ou son numéro n'est pas dépassé ; rien n'a été signé",
				"the last bundle (no. %d) is dated %s, or its number is not passed; nothing was signed",
			), last.Counter, last.Issued.Format(time.RFC3339)),
			hint: l.s("vérifiez l'horloge, et authority.json", "check the clock, and authority.json"),
		}
	}
	now := make(map[trust.Revocation]bool, len(draft.Revocations))
	for _, r := range draft.Revocations {
		now[r] = true
	}
	missing := 0
	err = last.Revocations(func(r trust.Revocation) error {
		if !now[r] {
			missing++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if missing != drop {
		return &failure{
			code: exitGeneral, name: "revocations-missing",
			message: l.count(missing, pair{
				"révocation de la liste précédente n'y est plus ; rien n'a été signé",
				"revocation of the bundle before is not there any more; nothing was signed",
			}, pair{
				"révocations de la liste précédente n'y sont plus ; rien n'a été signé",
				"revocations of the bundle before are not there any more; nothing was signed",
			}),
			hint: fmt.Sprintf(l.s(
				"remettez-les dans %s ; si c'est voulu : --drop avec ce nombre",
				"put them back into %s; if it is meant: --drop with that number",
			), y.dir.file(revocationsFile)),
		}
	}
	return nil
}

// revocationClasses are the words of a list of revocations.
var revocationClasses = map[string]trust.RevocationClass{"ceased": trust.Ceased, "compromised": trust.Compromised}

// readRevocations reads a list of revocations: a class, a date and a name of 64 hexadecimal digits on each line. What follows
// a "#" is a comment.
func (a *app) readRevocations(name string, mayBeAbsent bool) ([]trust.Revocation, error) {
	data, err := readFile(name, maxRevocationsFile)
	if mayBeAbsent && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list := make([]trust.Revocation, 0, len(data)/80)
	for number := 1; len(data) > 0; number++ {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		line, _, _ = bytes.Cut(line, []byte("#"))
		fields := strings.Fields(string(line))
		if len(fields) == 0 {
			continue
		}
		r, err := parseRevocation(fields)
		if err != nil {
			return nil, &failure{
				code: exitGeneral, name: "revocations", path: strconv.Itoa(number), err: err,
				message: fmt.Sprintf(a.lang.s(
					"%s, ligne %d : une classe (ceased, compromised), une date AAAA-MM-JJ et 64 chiffres hexadécimaux",
					"%s, line %d: a class (ceased, compromised), a date YYYY-MM-DD and 64 hexadecimal digits",
				), filepath.Base(name), number),
			}
		}
		list = append(list, r)
	}
	return list, nil
}

func parseRevocation(fields []string) (trust.Revocation, error) {
	if len(fields) != 3 {
		return trust.Revocation{}, errors.New("not three fields")
	}
	day, err := time.Parse(time.DateOnly, fields[1])
	if err != nil || day.Year() < 1970 {
		return trust.Revocation{}, errors.New("date")
	}
	hash, err := hex.DecodeString(fields[2])
	if err != nil || len(hash) != 32 {
		return trust.Revocation{}, errors.New("name")
	}
	r := trust.Revocation{Name: [8]byte(hash[:8]), Class: revocationClasses[fields[0]], Day: trust.Day(day)}
	if r.Class == 0 {
		return r, errors.New("class")
	}
	return r, nil
}

// appendRevocations adds lines to a list. It may be long, and what stands in it is not written again; a line that a crash
// cut short is refused by the next reading, not taken for another.
func appendRevocations(name string, lines []byte) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err == nil && end > 0 {
		last := make([]byte, 1)
		if _, err = f.ReadAt(last, end-1); err == nil && last[0] != '\n' {
			lines = append([]byte("\n"), lines...) // somebody's editor left the last line open
		}
	}
	if err == nil {
		_, err = f.Write(lines)
	}
	return errors.Join(err, f.Sync(), f.Close())
}
