package main

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

// keysFile is the keystore of a home.
const keysFile = "keys.json"

// keyKindWords name what a key is for.
var keyKindWords = words{
	"role":        {"clé d'un rôle", "key of a role"},
	"practice":    {"clé du cabinet", "key of the practice"},
	"recovery":    {"clé de secours d'un patient", "recovery key of a patient"},
	"bundle":      {"signe les listes de confiance", "signs trust bundles"},
	"bundle-root": {"racine de confiance, hors ligne", "root of trust, kept offline"},
}

func (a *app) keysCommand() *cobra.Command {
	l := a.lang
	return a.group("keys", l.s(
		"Les clés qui ouvrent les synthèses",
		"The keys that open summaries",
	), a.keysNewCommand(), a.keysShowCommand(), a.keysImportCommand(), a.keysPassphraseCommand(), a.keysRecoveryCommand())
}

type keysNewOptions struct {
	curve        string
	public       string
	noPassphrase bool
	replace      bool
}

func (a *app) keysNewCommand() *cobra.Command {
	l := a.lang
	var o keysNewOptions
	c := &cobra.Command{
		Use:   "new",
		Short: l.s("Créer la clé du cabinet", "Make the practice's own key"),
		Long: l.s(`Crée la clé du cabinet et la garde dans le dossier (--home, keys.json), chiffrée sous une phrase de
passe. Les synthèses sont scellées pour elle : sans elle, le cabinet ne lit plus ce qu'il a écrit de
masqué. Gardez une copie du fichier.

--public en écrit la moitié publique, qu'une autorité emploie pour remettre au cabinet les clés de
ses rôles ; donnez-lui l'empreinte par un autre chemin.

Codes de sortie : 0 ; 1 il y a déjà une clé ; 21 phrase de passe, ou fichier de clés abîmé.`,
			`Makes the practice's own key and keeps it in the home (--home, keys.json), encrypted under a
passphrase. Summaries are sealed to it: without it, the practice cannot read any more what it wrote
masked. Keep a copy of the file.

--public writes the public half, which an authority uses to hand the keys of its roles to the
practice; tell it the fingerprint by another way.

Exit codes: 0; 1 there is a key already; 21 passphrase, or the file of keys is damaged.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.keysNew(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.curve, "curve", string(trust.X25519), l.s("courbe : x25519 ou p256", "curve: x25519 or p256"))
	f.StringVar(&o.public, "public", "", l.s("fichier où écrire la clé publique", "file to write the public key to"))
	f.BoolVar(&o.noPassphrase, "no-passphrase", false, l.s(
		"sans phrase de passe (essais seulement)",
		"without a passphrase (trials only)",
	))
	f.BoolVar(&o.replace, "replace", false, l.s(
		"remplace la clé présente, qui reste pour ouvrir les cartes déjà scellées",
		"replace the present key, which stays to open cards already sealed",
	))
	a.addSecretFlags(c)
	c.MarkFlagsMutuallyExclusive("no-passphrase", "passphrase-fd")
	c.MarkFlagsMutuallyExclusive("no-passphrase", "passphrase-stdin")
	return c
}

func (a *app) keysNew(ctx context.Context, o keysNewOptions) error {
	l := a.lang
	curve, ok := map[string]ecdh.Curve{string(trust.X25519): ecdh.X25519(), string(trust.P256): ecdh.P256()}[o.curve]
	if !ok {
		return &failure{code: exitGeneral, name: "usage", message: l.s(
			"--curve : x25519 ou p256",
			"--curve: x25519 or p256",
		)}
	}
	h, err := a.homeDir()
	if err != nil {
		return err
	}
	locked, err := h.lockedKeys()
	if err != nil {
		return err
	}
	if practiceKey(locked.Public()) != nil && !o.replace {
		return &failure{
			code: exitGeneral, name: "keys-exist",
			message: fmt.Sprintf(l.s("il y a déjà une clé du cabinet dans %s", "there is a key of the practice in %s already"), h),
			hint: l.s(
				"« secours keys show » la montre ; --replace en crée une autre, --home choisit un autre dossier",
				"\"secours keys show\" shows it; --replace makes another, --home chooses another folder",
			),
		}
	}
	keys, err := a.keysToChange(ctx, h, o.noPassphrase)
	if err != nil {
		return err
	}
	own, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	key := trust.PrivateKey{Kind: trust.KeyPractice, Created: a.now().UTC().Truncate(time.Second), Opening: own}
	if err := keys.Add(key); err != nil {
		return err
	}
	if err := a.saveKeys(h, keys); err != nil {
		return err
	}
	public := key.PublicKey()
	if err := a.writePublicKey(o.public, &public); err != nil {
		return err
	}
	return a.printKeys([]trust.PublicKey{public})
}

// writePublicKey writes the public half for others, if a file is named.
func (a *app) writePublicKey(name string, key *trust.PublicKey) error {
	if name == "" {
		return nil
	}
	data, err := key.JSON()
	if err != nil {
		return err
	}
	return writeFile(name, data, 0o644)
}

// practiceKey returns the practice's key to seal to: the newest, which stands last. It is nil where there is none.
func practiceKey(keys []trust.PublicKey) *trust.PublicKey {
	for i := range slices.Backward(keys) {
		if keys[i].Kind == trust.KeyPractice {
			return &keys[i]
		}
	}
	return nil
}

func (a *app) noPracticeKey(h home) error {
	return &failure{
		code: exitSigner, name: "no-keys",
		message: fmt.Sprintf(a.lang.s("pas de clé du cabinet dans %s", "no key of the practice in %s"), h),
		hint:    a.lang.s("« secours keys new » en crée une", "\"secours keys new\" makes one"),
	}
}

func (a *app) keysShowCommand() *cobra.Command {
	l := a.lang
	var public string
	c := &cobra.Command{
		Use: "show",
		Short: l.s(
			"Montrer les clés de ce dossier (sans phrase de passe)",
			"Show the keys of this home (no passphrase needed)",
		),
		Long: l.s(`Montre les clés de ce dossier (--home) : à quoi elles servent, leur niveau, leur empreinte. Les clés
privées ne sont pas ouvertes.

Codes de sortie : 0 ; 21 fichier de clés abîmé, ou --public sans clé du cabinet ; 22 plus récent que ce programme.`,
			`Shows the keys of this home (--home): what they are for, their clearance, their fingerprint. The
private keys are not opened.

Exit codes: 0; 21 the file of keys is damaged, or --public without a key of the practice; 22 newer than this program.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			h, err := a.homeDir()
			if err != nil {
				return err
			}
			locked, err := h.lockedKeys()
			if err != nil {
				return err
			}
			keys := locked.Public()
			if public != "" {
				own := practiceKey(keys)
				if own == nil {
					return a.noPracticeKey(h)
				}
				if err := a.writePublicKey(public, own); err != nil {
					return err
				}
			}
			return a.printKeys(keys)
		},
	}
	c.Flags().StringVar(&public, "public", "", l.s(
		"fichier où écrire la clé publique du cabinet",
		"file to write the practice's public key to",
	))
	return c
}

func (a *app) keysImportCommand() *cobra.Command {
	l := a.lang
	c := &cobra.Command{
		Use:   "import FILE",
		Short: l.s("Ajouter les clés de rôle remises par une autorité", "Add role keys handed over by an authority"),
		Long: l.s(`Ouvre un fichier de clés de rôle scellé pour ce cabinet, et les ajoute à celles du dossier (--home).
Les époques antérieures restent : des cartes sont scellées pour elles. Comparez les empreintes
affichées avec celles que publie l'autorité : quiconque connaît la clé publique du cabinet peut lui
sceller un fichier.

Codes de sortie : 0 ajoutées, ou déjà là ; 1 le fichier n'est pas pour ce cabinet, ou il contredit
une clé présente ; 21 phrase de passe, ou pas de clé du cabinet ; 22 plus récent que ce programme.`,
			`Opens a file of role keys sealed to this practice, and adds them to those of the home (--home).
Earlier epochs stay: there are cards sealed to them. Compare the fingerprints shown with those that
the authority publishes: whoever knows the practice's public key can seal a file to it.

Exit codes: 0 added, or there already; 1 the file is not for this practice, or contradicts a key
that is there; 21 passphrase, or no key of the practice; 22 newer than this program.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.keysImport(c.Context(), args[0]) },
	}
	a.addSecretFlags(c)
	return c
}

// maxGrant bounds a file of keys: what HPKE adds is far below a kilobyte.
const maxGrant = trust.MaxKeystoreSize + 1<<10

func (a *app) keysImport(ctx context.Context, name string) error {
	l := a.lang
	h, err := a.homeDir()
	if err != nil {
		return err
	}
	sealed, err := readFile(name, maxGrant)
	if err != nil {
		return err
	}
	locked, err := h.lockedKeys()
	if err != nil {
		return err
	}
	if practiceKey(locked.Public()) == nil {
		return a.noPracticeKey(h)
	}
	keys, err := a.unlockKeys(ctx, h)
	if err != nil {
		return err
	}
	granted, err := openGrant(keys.Keystore, sealed)
	switch {
	case errors.Is(err, trust.ErrNewerKeystore):
		return err
	case err != nil:
		return &failure{
			code: exitGeneral, name: "grant", err: err,
			message: l.s(
				"ce fichier n'ouvre pas avec les clés de ce cabinet, ou ne porte pas de clés de rôle",
				"this file does not open with the keys of this practice, or holds no role keys",
			),
			hint: l.s(
				"demandez à l'autorité de le sceller pour la clé que montre « secours keys show »",
				"ask the authority to seal it to the key that \"secours keys show\" shows",
			),
		}
	}
	added, public := 0, []trust.PublicKey{}
	for _, key := range granted {
		public = append(public, key.PublicKey())
		switch err := keys.Add(key); {
		case err == nil:
			added++
		case !errors.Is(err, trust.ErrHaveKey):
			return err
		}
	}
	if added > 0 {
		if err := a.saveKeys(h, keys); err != nil {
			return err
		}
	}
	if !a.json {
		fmt.Fprintf(a.out, l.s(
			"%s dans ce fichier, %s (comparez les empreintes avec celles que publie l'autorité) :\n",
			"%s in this file, %s (compare the fingerprints with those that the authority publishes):\n",
		), l.count(len(public), pair{"clé", "key"}, pair{"clés", "keys"}), l.count(added, pair{"ajoutée", "added"}, pair{"ajoutées", "added"}))
	}
	return a.printKeys(public)
}

// openGrant opens a file of role keys with the first of the practice's keys that it is sealed to. Only role keys count:
// anybody can seal something to a public key, and must not be able to add one that signs.
func openGrant(k *trust.Keystore, sealed []byte) ([]trust.PrivateKey, error) {
	for i := range slices.Backward(k.Keys) {
		if k.Keys[i].Kind != trust.KeyPractice {
			continue
		}
		data, err := record.OpenGrant(k.Keys[i].Opening, sealed)
		if err != nil {
			continue
		}
		defer clear(data)
		keys, err := trust.UnmarshalKeys(data)
		if err != nil {
			return nil, err
		}
		if len(keys) == 0 || slices.ContainsFunc(keys, func(key trust.PrivateKey) bool { return key.Kind != trust.KeyRole }) {
			return nil, errors.New("something other than role keys")
		}
		return keys, nil
	}
	return nil, record.ErrGrant
}

func (a *app) keysPassphraseCommand() *cobra.Command {
	l := a.lang
	c := &cobra.Command{
		Use:   "passphrase",
		Short: l.s("Changer la phrase de passe des clés", "Change the passphrase of the keys"),
		Long: l.s(`Demande la phrase de passe des clés, puis la nouvelle, et chiffre de nouveau le fichier. Celle de
l'identité ne change pas. Avec --passphrase-fd ou --passphrase-stdin : l'ancienne sur une ligne (aucune
si les clés n'en ont pas), la nouvelle sur la suivante ; ce qui suit n'est pas lu. Les copies du fichier
gardent l'ancienne.

Codes de sortie : 0 ; 21 phrase de passe, pas de clés, ou fichier abîmé.`,
			`Asks for the passphrase of the keys, then for the new one, and encrypts the file anew. That of the
identity does not change. With --passphrase-fd or --passphrase-stdin: the old one on a line (none where
the keys have none), the new one on the next; what follows is not read. Copies of the file keep the old
one.

Exit codes: 0; 21 passphrase, no keys, or the file is damaged.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := a.homeDir()
			if err != nil {
				return err
			}
			keys, err := a.unlockKeys(c.Context(), h)
			if err != nil {
				return a.unchanged(err)
			}
			if keys.file == nil {
				return a.noPracticeKey(h)
			}
			if keys.passphrase, err = a.newSecret(c.Context()); err != nil {
				return a.unchanged(err)
			}
			if err := a.saveKeys(h, keys); err != nil {
				return err
			}
			locked, err := h.lockedKeys()
			if err != nil {
				return err
			}
			if !a.json {
				fmt.Fprintln(a.out, l.s("La phrase de passe de ces clés est changée :", "The passphrase of these keys was changed:"))
			}
			return a.printKeys(locked.Public())
		},
	}
	a.addSecretFlags(c)
	return c
}

// unchanged adds to a failure that it came before anything was changed.
func (a *app) unchanged(err error) error {
	f := *a.explain(err)
	f.message += a.lang.s(" ; rien n'a été changé", "; nothing was changed")
	return &f
}

func (a *app) keysRecoveryCommand() *cobra.Command {
	l := a.lang
	c := &cobra.Command{
		Use: "recovery",
		Short: l.s(
			"Faire un code de secours pour le patient de la carte insérée",
			"Make a recovery code for the patient of the inserted card",
		),
		Long: l.s(`Tire un code de secours, ajoute sa clé à celles qui ouvrent la carte, et l'affiche une seule fois, sur
la sortie : huit groupes de six chiffres, à remettre au patient sur papier. Avec ce code, tout ce que
la carte porte se lit, ce qui est masqué compris ; il n'est gardé nulle part. Avec --json, il est
dans "code" : ne gardez pas ce document.

Il faut pouvoir tout lire de la carte. Un code antérieur n'ouvre plus la carte.

Codes de sortie : comme « write ».`,
			`Draws a recovery code, adds its key to those that open the card, and shows it once, on standard
output: eight groups of six digits, for the patient to take home on paper. With that code, all that
the card holds can be read, what is masked included; it is kept nowhere. With --json it is in "code":
do not keep that document.

It takes keys that read all of the card. An earlier code does not open the card any more.

Exit codes: as "write".`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.keysRecovery(c.Context()) },
	}
	a.addKeyFlags(c)
	return c
}

func (a *app) keysRecovery(ctx context.Context) error {
	l := a.lang
	h, err := a.homeDir()
	if err != nil {
		return err
	}
	locked, err := h.lockedKeys()
	if err != nil {
		return err
	}
	practice := practiceKey(locked.Public())
	if practice == nil {
		return a.noPracticeKey(h)
	}
	code := trust.NewRecoveryCode()
	// On the curve of the practice's key, which every suite that this practice writes has.
	own, err := record.RecoveryKey(code, practice.Opening.Curve())
	if err != nil {
		return err
	}
	// The code is shown when the card opens with it, not before: what is on paper is taken for granted.
	if _, err := a.reseal(ctx, resealOptions{recoveryKey: own.PublicKey()}); err != nil {
		return err
	}
	key := trust.PublicKey{Kind: trust.KeyRecovery, Opening: own.PublicKey()}
	fingerprint := key.Fingerprint()
	if a.json {
		return a.printJSON(struct {
			Schema      string `json:"schema"`
			Code        string `json:"code"`
			Fingerprint string `json:"fingerprint"`
		}{"secours.recovery/1", code.String(), hex.EncodeToString(fingerprint[:])})
	}
	groups := strings.Fields(code.String())
	half := len(groups) / 2
	_, err = fmt.Fprintf(a.out, "%s\n\n  %s\n  %s\n\n%s\n", l.s(
		"Code de secours du patient. Il n'est gardé nulle part et ne sera plus affiché : écrivez-le maintenant.",
		"The patient's recovery code. It is kept nowhere and is not shown again: write it down now.",
	), strings.Join(groups[:half], " "), strings.Join(groups[half:], " "), l.s(
		"Qui a ce code et la carte lit tout, ce qui est masqué compris.",
		"Whoever has this code and the card reads everything, what is masked included.",
	))
	return err
}

// lockedKeys reads the home's keystore as far as that goes without a passphrase; an absent one is empty.
func (h home) lockedKeys() (*trust.LockedKeystore, error) {
	locked, _, err := h.readKeys()
	return locked, err
}

func (h home) readKeys() (*trust.LockedKeystore, []byte, error) {
	data, err := readFile(h.file(keysFile), trust.MaxKeystoreSize)
	if errors.Is(err, fs.ErrNotExist) {
		return &trust.LockedKeystore{}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	locked, err := trust.ParseKeystore(data)
	return locked, data, err
}

// openKeys opens the home's keystore; an absent one is empty. It asks for a passphrase only if there is one, and if none
// that was given in this run, for the identity say, opens.
func (a *app) openKeys(ctx context.Context, h home) (*trust.Keystore, error) {
	keys, err := a.unlockKeys(ctx, h)
	if err != nil {
		return nil, err
	}
	return keys.Keystore, nil
}

// unlockedKeys is an open keystore that can be saved again.
type unlockedKeys struct {
	*trust.Keystore
	file       []byte // as it was read; nil where there is none
	passphrase string
}

func (a *app) unlockKeys(ctx context.Context, h home) (*unlockedKeys, error) {
	locked, file, err := h.readKeys()
	if err != nil {
		return nil, err
	}
	if file == nil {
		return &unlockedKeys{Keystore: &trust.Keystore{}}, nil
	}
	a.warnIfShared(h.file(keysFile))
	if !locked.NeedsPassphrase() {
		k, err := locked.Open("")
		return &unlockedKeys{Keystore: k, file: file}, err
	}
	k, passphrase, err := unlock(ctx, a, a.lang.s("Phrase de passe des clés : ", "Passphrase of the keys: "), locked.Open)
	if errors.Is(err, trust.ErrPassphrase) {
		return nil, &failure{
			code: exitSigner, name: "passphrase", err: err,
			message: a.lang.s(
				"la phrase de passe n'ouvre pas les clés",
				"the passphrase does not open the keys",
			),
			hint: a.lang.s(
				"réessayez ; --passphrase-fd et --passphrase-stdin la donnent sans invite",
				"try again; --passphrase-fd and --passphrase-stdin give it without a prompt",
			),
		}
	}
	return &unlockedKeys{Keystore: k, file: file, passphrase: passphrase}, err
}

// keysToChange opens the home's keystore to add to it. Where there is none yet it asks for a new passphrase, unless
// noPassphrase says that there shall be none.
func (a *app) keysToChange(ctx context.Context, h home, noPassphrase bool) (*unlockedKeys, error) {
	locked, file, err := h.readKeys()
	if err != nil {
		return nil, err
	}
	if noPassphrase && file != nil && locked.NeedsPassphrase() {
		return nil, &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"--no-passphrase : les clés de ce dossier ont une phrase de passe",
			"--no-passphrase: the keys of this home have a passphrase",
		)}
	}
	keys, err := a.unlockKeys(ctx, h)
	if err == nil && keys.file == nil && !noPassphrase {
		keys.passphrase, err = a.newSecret(ctx)
	}
	return keys, err
}

// saveKeys replaces the home's keystore, unless another process did so in the meantime: its keys would be lost.
func (a *app) saveKeys(h home, keys *unlockedKeys) error {
	data, err := keys.Seal(keys.passphrase)
	if err != nil {
		return err
	}
	if now, err := readFile(h.file(keysFile), trust.MaxKeystoreSize); err == nil && !bytes.Equal(now, keys.file) {
		return &failure{
			code: exitGeneral, name: "keys-changed", retryable: true,
			message: a.lang.s(
				"un autre programme vient de changer les clés ; rien n'a été écrit",
				"another program has just changed the keys; nothing was written",
			),
			hint: a.lang.s("réessayez", "try again"),
		}
	}
	if err := writeFile(h.file(keysFile), data, 0o600); err != nil {
		return err
	}
	keys.file = data
	return nil
}

// keyDocument is what JSON says of a key. Clearance is that of the role; a trust bundle may grant another.
type keyDocument struct {
	Kind        trust.KeyKind `json:"kind"`
	Authority   string        `json:"authority,omitempty"`
	Role        trust.Role    `json:"role,omitempty"`
	Epoch       uint32        `json:"epoch,omitempty"`
	Clearance   *int          `json:"clearance,omitempty"` // absent for keys that sign
	Created     *time.Time    `json:"created,omitempty"`
	Algorithm   trust.KeyType `json:"algorithm"`
	Public      []byte        `json:"public"`
	KeyID       string        `json:"keyId,omitempty"` // what a record shows of a role's key
	Fingerprint string        `json:"fingerprint"`
}

func keyDocumentOf(k *trust.PublicKey) keyDocument {
	fingerprint := k.Fingerprint()
	d := keyDocument{
		Kind: k.Kind, Authority: k.Authority, Role: k.Role, Epoch: k.Epoch, Algorithm: k.Algorithm(), Public: k.Bytes(),
		Fingerprint: hex.EncodeToString(fingerprint[:]),
	}
	if !k.Created.IsZero() {
		d.Created = &k.Created
	}
	switch k.Kind {
	case trust.KeyRole:
		clearance, id := k.Role.Clearance(), trust.KeyID(k.Opening)
		d.Clearance, d.KeyID = &clearance, hex.EncodeToString(id[:])
	case trust.KeyPractice, trust.KeyRecovery:
		clearance := 3
		d.Clearance = &clearance
	}
	return d
}

func (a *app) printKeys(keys []trust.PublicKey) error {
	l := a.lang
	documents := []keyDocument{}
	for i := range keys {
		documents = append(documents, keyDocumentOf(&keys[i]))
	}
	if a.json {
		return a.printJSON(struct {
			Schema string        `json:"schema"`
			Keys   []keyDocument `json:"keys"`
		}{"secours.keylist/1", documents})
	}
	if len(documents) == 0 {
		_, err := fmt.Fprintln(a.out, l.s(
			"Aucune clé. « secours keys new » crée celle du cabinet.",
			"No keys. \"secours keys new\" makes the practice's own.",
		))
		return err
	}
	p := a.lines()
	for i, d := range documents {
		if i > 0 {
			p.add("", "")
		}
		p.add(l.s("clé", "key"), word(l, keyKindWords, string(d.Kind)))
		if d.Role != "" {
			p.add(l.s("rôle", "role"), word(l, roleWords, string(d.Role)))
			p.add(l.s("époque", "epoch"), strconv.FormatUint(uint64(d.Epoch), 10))
		}
		if d.Authority != "" {
			p.add(l.s("autorité", "authority"), d.Authority)
		}
		if d.Clearance != nil {
			p.add(l.s("lit jusqu'au niveau", "clearance"), strconv.Itoa(*d.Clearance))
		}
		if d.Created != nil {
			p.add(l.s("créée", "made"), d.Created.Format(time.DateOnly))
		}
		if d.KeyID != "" {
			p.add(l.s("numéro sur les cartes", "id on cards"), d.KeyID)
		}
		p.add(string(d.Algorithm), base64.StdEncoding.EncodeToString(d.Public))
		p.add(l.s("empreinte", "fingerprint"), d.Fingerprint)
	}
	return p.print()
}
