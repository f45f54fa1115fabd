package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/summary/record"
	"github.com/secours-card/secours/summary/trust"
)

type bundleAddOptions struct {
	anchor, name, role, distrust string
	ceiling                      []string
	intermediate                 string
	roleKey, curve               string
	epoch                        uint32
	clearance                    int
	stolen, from                 string
	retire                       int
}

func (a *app) bundleAddCommand() *cobra.Command {
	l := a.lang
	var o bundleAddOptions
	c := &cobra.Command{
		Use:   "add DIR",
		Short: l.s("Ajouter à la liste suivante", "Add to the next bundle"),
		Long: l.s(`Ajoute à ce que dira la liste suivante :
  --anchor FILE        une autorité (--name, --role, --ceiling, --distrust-from) ; déjà là, elle change
  --intermediate FILE  des certificats intermédiaires
  --role-key ROLE      une nouvelle époque de la clé d'un rôle (--epoch, --curve, --clearance) ; sa
                       moitié privée va dans keys.json, et « grant » la remet aux établissements
  --stolen ROLE:EPOCH  une clé de rôle tombée en d'autres mains, depuis --from
  --retire-suite N     une suite dans laquelle plus rien n'est scellé
« sign » la signe. Les rôles : `+keyRoleNames()+`

Codes de sortie : 0 ; 1 fichier ou valeur inutilisable ; 21 phrase de passe.`,
			`Adds to what the next bundle says:
  --anchor FILE        an authority (--name, --role, --ceiling, --distrust-from); there already, it changes
  --intermediate FILE  intermediate certificates
  --role-key ROLE      a new epoch of a role's key (--epoch, --curve, --clearance); its private half goes
                       to keys.json, and "grant" hands it to establishments
  --stolen ROLE:EPOCH  a role key in strange hands, since --from
  --retire-suite N     a suite in which nothing is sealed any more
"sign" signs it. The roles: `+keyRoleNames()+`

Exit codes: 0; 1 a file or a value cannot be used; 21 passphrase.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.ContainsFunc([]string{"anchor", "intermediate", "role-key", "stolen", "retire-suite"}, c.Flags().Changed) {
				return a.usage(c, errors.New(l.s("rien à ajouter", "nothing to add")))
			}
			return a.bundleAdd(c, args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.anchor, "anchor", "", l.s("certificat d'une autorité, PEM ou DER", "an authority's certificate, PEM or DER"))
	f.StringVar(&o.name, "name", "", l.s("nom à afficher (défaut : celui du certificat)", "name to show (default: the certificate's)"))
	f.StringVar(&o.role, "role", "", l.s(
		"métier de tous ses certificats, s'ils n'en nomment pas",
		"role of all its certificates, where they name none",
	))
	f.StringSliceVar(&o.ceiling, "ceiling", nil, l.s("seuls métiers dont elle peut se porter garante", "only roles that it may vouch for"))
	f.StringVar(&o.distrust, "distrust-from", "", l.s(
		"date à partir de laquelle ses signatures ne comptent plus",
		"date from which signatures under it count no more",
	))
	f.StringVar(&o.intermediate, "intermediate", "", l.s("certificats intermédiaires, PEM ou DER", "intermediate certificates, PEM or DER"))
	f.StringVar(&o.roleKey, "role-key", "", l.s("rôle d'une nouvelle clé", "role of a new key"))
	f.Uint32Var(&o.epoch, "epoch", 0, l.s("époque (défaut : la suivante)", "epoch (default: the next)"))
	f.StringVar(&o.curve, "curve", string(trust.X25519), l.s("courbe : x25519 ou p256", "curve: x25519 or p256"))
	f.IntVar(&o.clearance, "clearance", 0, l.s("niveau lu, 0 à 2 (défaut : celui du rôle)", "clearance, 0 to 2 (default: the role's)"))
	f.StringVar(&o.stolen, "stolen", "", l.s("clé volée : ROLE:EPOCH", "stolen key: ROLE:EPOCH"))
	f.StringVar(&o.from, "from", "", l.s("depuis quand elle est volée, AAAA-MM-JJ", "since when it is stolen, YYYY-MM-DD"))
	f.IntVar(&o.retire, "retire-suite", 0, l.s("numéro d'une suite à retirer", "number of a suite to retire"))
	a.addSecretFlags(c)
	return c
}

// keyRoleNames lists the roles that have keys.
func keyRoleNames() string {
	var names []string
	for _, r := range trust.KeyRoles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

func (a *app) parseKeyRole(option, name string) (trust.Role, error) {
	if slices.Contains(trust.KeyRoles(), trust.Role(name)) {
		return trust.Role(name), nil
	}
	return "", &failure{
		code: exitGeneral, name: "usage", message: option + a.lang.s(" : rôle inconnu", ": unknown role"),
		hint: keyRoleNames(),
	}
}

func (a *app) bundleAdd(c *cobra.Command, dir string, o bundleAddOptions) error {
	y, err := a.openAuthority(dir)
	if err != nil {
		return err
	}
	if o.anchor != "" {
		if err := a.addAnchor(c, y, o); err != nil {
			return err
		}
	}
	if o.intermediate != "" {
		if err := a.addIntermediates(y, o.intermediate); err != nil {
			return err
		}
	}
	if c.Flags().Changed("retire-suite") {
		if o.retire < 0 || o.retire > 255 {
			return &failure{code: exitGeneral, name: "usage", message: "--retire-suite: 0…255"}
		}
		y.RetiredSuites = append(y.RetiredSuites, o.retire)
		slices.Sort(y.RetiredSuites)
		y.RetiredSuites = slices.Compact(y.RetiredSuites)
	}
	if o.stolen != "" {
		if err := a.addStolen(y, o); err != nil {
			return err
		}
	}
	if o.roleKey != "" {
		if err := a.addRoleKey(c, y, o); err != nil {
			return err
		}
	}
	if err := a.saveAuthority(y); err != nil {
		return err
	}
	return a.printAuthority(y, nil, nil)
}

func (a *app) readCertificates(name string) ([]*x509.Certificate, error) {
	data, err := readFile(name, trust.MaxStoreSize)
	if err != nil {
		return nil, err
	}
	certificates, err := trust.ParseCertificates(data)
	if err != nil {
		return nil, &failure{code: exitGeneral, name: "no-certificate", message: a.lang.s(
			"pas de certificat lisible dans ce fichier (PEM ou DER)",
			"no readable certificate in this file (PEM or DER)",
		), err: err}
	}
	return certificates, nil
}

func (a *app) addAnchor(c *cobra.Command, y *authority, o bundleAddOptions) error {
	certificates, err := a.readCertificates(o.anchor)
	if err != nil {
		return err
	}
	for _, cert := range certificates {
		at := slices.IndexFunc(y.Anchors, func(b authorityAnchor) bool { return string(b.Certificate) == string(cert.Raw) })
		if at < 0 {
			at = len(y.Anchors)
			y.Anchors = append(y.Anchors, authorityAnchor{Name: cert.Subject.CommonName, Certificate: cert.Raw})
		}
		entry := &y.Anchors[at]
		if o.name != "" {
			entry.Name = o.name
		}
		if c.Flags().Changed("role") {
			entry.Role = trust.Role(o.role)
		}
		if c.Flags().Changed("ceiling") {
			entry.Ceiling = nil
			for _, r := range o.ceiling {
				entry.Ceiling = append(entry.Ceiling, trust.Role(r))
			}
		}
		if o.distrust != "" {
			day, err := a.parseDay("--distrust-from", o.distrust)
			if err != nil {
				return err
			}
			entry.DistrustAfter = &day
		}
		// Whatever a reader would refuse is refused here, where it can be named.
		anchor := trust.Anchor{Name: entry.Name, Certificate: cert, Role: entry.Role, Ceiling: entry.Ceiling}
		if err := new(trust.Store).Add(anchor); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) addIntermediates(y *authority, name string) error {
	certificates, err := a.readCertificates(name)
	if err != nil {
		return err
	}
	for _, cert := range certificates {
		if !cert.IsCA || !cert.BasicConstraintsValid {
			return trust.ErrNotAuthority
		}
		if !slices.ContainsFunc(y.Intermediates, func(der []byte) bool { return string(der) == string(cert.Raw) }) {
			y.Intermediates = append(y.Intermediates, cert.Raw)
		}
	}
	return nil
}

func (a *app) addStolen(y *authority, o bundleAddOptions) error {
	l := a.lang
	day, err := a.parseDay("--from", o.from)
	if err != nil {
		return err
	}
	name, number, _ := strings.Cut(o.stolen, ":")
	role, err := a.parseKeyRole("--stolen", name)
	if err != nil {
		return err
	}
	epoch, err := strconv.ParseUint(number, 10, 32)
	found := false
	for i := range y.RoleKeys {
		k := &y.RoleKeys[i]
		if err == nil && k.Role == role && uint64(k.Epoch) == epoch {
			found = true
			// What was reported stays: a later date would take days out of suspicion.
			if k.Stolen == nil || day.Before(*k.Stolen) {
				k.Stolen = &day
			} else {
				a.note(l.s("déjà signalée depuis le %s ; cela reste", "reported since %s already; that stays"), k.Stolen.Format(time.DateOnly))
			}
		}
	}
	if !found {
		return &failure{code: exitGeneral, name: "no-role-key", message: l.s(
			"--stolen : pas de clé de ce rôle et de cette époque (ROLE:EPOCH)",
			"--stolen: no key of that role and epoch (ROLE:EPOCH)",
		)}
	}
	return nil
}

func (a *app) addRoleKey(c *cobra.Command, y *authority, o bundleAddOptions) error {
	l := a.lang
	role, err := a.parseKeyRole("--role-key", o.roleKey)
	if err != nil {
		return err
	}
	algorithm := trust.KeyType(o.curve)
	curve := keyCurves[algorithm]
	if curve == nil {
		return &failure{code: exitGeneral, name: "usage", message: l.s("--curve : x25519 ou p256", "--curve: x25519 or p256")}
	}
	clearance := role.Clearance()
	if c.Flags().Changed("clearance") {
		if clearance = o.clearance; clearance < 0 || clearance > 2 {
			return &failure{code: exitGeneral, name: "usage", message: l.s("--clearance : 0, 1 ou 2", "--clearance: 0, 1 or 2")}
		}
	}
	keys, err := a.unlockKeys(c.Context(), y.dir)
	if err != nil {
		return err
	}
	// The keystore counts too: it may hold a key that a crash kept from authority.json.
	newest := uint32(0)
	for _, k := range y.RoleKeys {
		if k.Role == role {
			newest = max(newest, k.Epoch)
		}
	}
	for _, k := range keys.Keys {
		if k.Kind == trust.KeyRole && k.Authority == y.Name && k.Role == role {
			newest = max(newest, k.Epoch)
		}
	}
	epoch := o.epoch
	switch {
	case epoch == 0:
		epoch = newest + 1
	case epoch < newest:
		return &failure{code: exitGeneral, name: "epoch", message: fmt.Sprintf(l.s(
			"--epoch : il y a déjà l'époque %d de ce rôle, et personne ne scellerait pour une plus ancienne",
			"--epoch: there is epoch %d of this role already, and nobody would seal to an older one",
		), newest)}
	}
	private, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	key := trust.PrivateKey{Kind: trust.KeyRole, Authority: y.Name, Role: role, Epoch: epoch, Created: a.now(), Opening: private}
	if err := keys.Add(key); err != nil {
		if errors.Is(err, trust.ErrKeyEpoch) {
			return &failure{code: exitGeneral, name: "epoch", err: err, message: fmt.Sprintf(l.s(
				"--epoch : l'époque %d a déjà une clé sur cette courbe",
				"--epoch: epoch %d has a key on this curve already",
			), epoch)}
		}
		return err
	}
	// The private half first: a public one without it would have cards sealed that nobody opens.
	if err := a.saveKeys(y.dir, keys); err != nil {
		return err
	}
	y.RoleKeys = append(y.RoleKeys, authorityRoleKey{
		Role: role, Epoch: epoch, Clearance: clearance, Algorithm: algorithm, Public: private.PublicKey().Bytes(),
	})
	return nil
}

type bundleRevokeOptions struct {
	certificate, keyOf, list string
	issuer                   string
	class, from              string
}

func (a *app) bundleRevokeCommand() *cobra.Command {
	l := a.lang
	var o bundleRevokeOptions
	c := &cobra.Command{
		Use:   "revoke DIR",
		Short: l.s("Révoquer un certificat ou une clé", "Revoke a certificate or a key"),
		Long: l.s(`Révoque dans la liste suivante, pour toujours. Avec --class ceased, ce qui a été signé avant --from
reste valable ; avec compromised, cela devient non vérifiable. À partir de --from, tout est invalide.
Une révocation de plus ne retire rien aux précédentes : la plus sévère compte.

--certificate révoque un certificat, dont l'émetteur est dans la liste, dans le même fichier ou dans
--issuer ; --key-of tous les certificats qui ont sa clé ; --list les lignes d'un fichier : une classe,
une date, et 64 chiffres hexadécimaux (FORMAT.md, 7.4).

Codes de sortie : 0 ; 1 fichier ou valeur inutilisable.`,
			`Revokes in the next bundle, for ever. With --class ceased, what was signed before --from stays valid;
with compromised, it cannot be verified any more. From --from on, everything is invalid. One more
revocation takes nothing from those before: the most severe counts.

--certificate revokes one certificate, whose issuer is in the bundle, in the same file, or in --issuer;
--key-of every certificate with its key; --list the lines of a file: a class, a date, and 64
hexadecimal digits (FORMAT.md, 7.4).

Exit codes: 0; 1 a file or a value cannot be used.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if o.certificate+o.keyOf+o.list == "" {
				return a.usage(c, errors.New(l.s("--certificate, --key-of ou --list", "--certificate, --key-of or --list")))
			}
			return a.bundleRevoke(args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.certificate, "certificate", "", l.s("le certificat à révoquer, PEM ou DER", "the certificate to revoke, PEM or DER"))
	f.StringVar(&o.issuer, "issuer", "", l.s("le certificat de son émetteur", "the certificate of its issuer"))
	f.StringVar(&o.keyOf, "key-of", "", l.s("un certificat dont révoquer la clé", "a certificate whose key to revoke"))
	f.StringVar(&o.list, "list", "", l.s("un fichier de révocations", "a file of revocations"))
	f.StringVar(&o.class, "class", "", l.s("ceased (cessé) ou compromised (compromis)", "ceased or compromised"))
	f.StringVar(&o.from, "from", "", l.s("à partir de quand, AAAA-MM-JJ (UTC)", "from when on, YYYY-MM-DD (UTC)"))
	c.MarkFlagsMutuallyExclusive("certificate", "key-of", "list")
	c.MarkFlagsMutuallyExclusive("list", "class")
	c.MarkFlagsMutuallyExclusive("list", "from")
	return c
}

func (a *app) bundleRevoke(dir string, o bundleRevokeOptions) error {
	l := a.lang
	y, err := a.openAuthority(dir)
	if err != nil {
		return err
	}
	known, err := a.readRevocations(y.dir.file(revocationsFile), true)
	if err != nil {
		return err
	}
	var lines []byte
	seen := make(map[trust.Revocation]bool, len(known))
	var counts revocationCounts
	for _, r := range known {
		seen[r] = true
		counts.add(r)
	}
	added, already := 0, 0
	add := func(r trust.Revocation, line string) {
		if seen[r] {
			already++
			return
		}
		seen[r] = true
		counts.add(r)
		lines = append(append(lines, line...), '\n')
		added++
	}
	if o.list != "" {
		data, err := readFile(o.list, maxRevocationsFile)
		if err != nil {
			return err
		}
		if _, err := a.readRevocations(o.list, false); err != nil {
			return err // nothing of a list with a mistake in it
		}
		for line := range strings.Lines(string(data)) {
			line, _, _ = strings.Cut(line, "#")
			fields := strings.Fields(line)
			if len(fields) == 0 {
				continue
			}
			r, err := parseRevocation(fields)
			if err != nil {
				return err
			}
			add(r, strings.Join(fields, " "))
		}
	} else {
		name, comment, err := a.revocationName(y, o)
		if err != nil {
			return err
		}
		class, ok := revocationClasses[o.class]
		if !ok {
			return &failure{code: exitGeneral, name: "usage", message: l.s("--class : ceased ou compromised", "--class: ceased or compromised")}
		}
		from, err := a.parseDay("--from", o.from)
		if err != nil {
			return err
		}
		r := trust.Revocation{Name: [8]byte(name[:8]), Class: class, Day: trust.Day(from)}
		for _, k := range known {
			if k.Name == r.Name && k != r && k.Class >= r.Class && k.Day <= r.Day {
				a.note(l.s(
					"déjà révoqué plus sévèrement, depuis le %s ; cela reste",
					"revoked more severely already, from %s; that stays",
				), k.Date().Format(time.DateOnly))
			}
		}
		add(r, fmt.Sprintf("%s %s %s # %s", o.class, o.from, hex.EncodeToString(name[:]), comment))
	}
	if added > 0 {
		if err := appendRevocations(y.dir.file(revocationsFile), lines); err != nil {
			return err
		}
	}
	a.note("%s, %d%s", l.count(added, pair{"révocation ajoutée", "revocation added"}, pair{"révocations ajoutées", "revocations added"}),
		already, l.s(" déjà là", " there already"))
	return a.printAuthority(y, &counts, nil)
}

// revocationName returns the name to revoke, and a comment for whoever reads the list.
func (a *app) revocationName(y *authority, o bundleRevokeOptions) (name [32]byte, comment string, err error) {
	l := a.lang
	certificates, err := a.readCertificates(cmp.Or(o.certificate, o.keyOf))
	if err != nil {
		return name, "", err
	}
	leaf := certificates[0]
	comment = strings.ReplaceAll(oneLine(leaf.Subject.String()), "#", " ")
	if o.keyOf != "" {
		return trust.KeyName(leaf), "key of " + comment, nil
	}
	issuers := certificates[1:]
	if o.issuer != "" {
		more, err := a.readCertificates(o.issuer)
		if err != nil {
			return name, "", err
		}
		issuers = append(issuers, more...)
	}
	for _, entry := range y.Anchors {
		if c, err := x509.ParseCertificate(entry.Certificate); err == nil {
			issuers = append(issuers, c)
		}
	}
	for _, der := range y.Intermediates {
		if c, err := x509.ParseCertificate(der); err == nil {
			issuers = append(issuers, c)
		}
	}
	for _, issuer := range issuers {
		if leaf.CheckSignatureFrom(issuer) == nil {
			return trust.CertificateName(issuer, leaf), comment, nil
		}
	}
	return name, "", &failure{
		code: exitGeneral, name: "no-issuer",
		message: l.s(
			"l'émetteur de ce certificat n'est ni dans la liste ni dans le fichier",
			"the issuer of this certificate is neither in the bundle nor in the file",
		),
		hint: l.s("--issuer FICHIER le donne ; --key-of révoque la clé", "--issuer FILE gives it; --key-of revokes the key"),
	}
}

type bundleGrantOptions struct {
	roles []string
	to    string
	out   string
}

func (a *app) bundleGrantCommand() *cobra.Command {
	l := a.lang
	var o bundleGrantOptions
	c := &cobra.Command{
		Use:   "grant DIR",
		Short: l.s("Remettre des clés de rôle à un établissement", "Hand role keys to an establishment"),
		Long: l.s(`Scelle les clés privées d'un ou plusieurs rôles, toutes époques, pour la clé publique d'un
établissement (« secours keys show --public »), qui les ajoute par « secours keys import ». Vérifiez
l'empreinte affichée avec lui par un autre chemin : ce fichier ouvre toutes les cartes scellées pour
ces rôles.

Codes de sortie : 0 ; 1 pas de clé de ce rôle, ou fichier inutilisable ; 21 phrase de passe.`,
			`Seals the private keys of one or more roles, all epochs, to the public key of an establishment
("secours keys show --public"), which adds them with "secours keys import". Check the fingerprint
shown with it by another way: this file opens every card sealed to those roles.

Exit codes: 0; 1 no key of that role, or a file cannot be used; 21 passphrase.`),
		Args: a.args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if len(o.roles) == 0 || o.to == "" || o.out == "" {
				return a.usage(c, errors.New(l.s("--role, --to et --out sont nécessaires", "--role, --to and --out are needed")))
			}
			return a.bundleGrant(c.Context(), args[0], o)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.roles, "role", nil, l.s("rôles : ", "roles: ")+keyRoleNames())
	f.StringVar(&o.to, "to", "", l.s("clé publique de l'établissement", "public key of the establishment"))
	f.StringVar(&o.out, "out", "", l.s("fichier à écrire", "file to write"))
	a.addSecretFlags(c)
	return c
}

func (a *app) bundleGrant(ctx context.Context, dir string, o bundleGrantOptions) error {
	l := a.lang
	y, err := a.openAuthority(dir)
	if err != nil {
		return err
	}
	data, err := readFile(o.to, trust.MaxKeystoreSize)
	if err != nil {
		return err
	}
	to, err := trust.ParsePublicKey(data)
	if err == nil && to.Kind != trust.KeyPractice {
		err = errors.New("not the key of a practice")
	}
	if err != nil {
		return &failure{code: exitGeneral, name: "public-key", err: err, message: l.s(
			"--to : ce fichier n'est pas la clé publique d'un établissement",
			"--to: this file is not the public key of an establishment",
		), hint: "secours keys show --public"}
	}
	var roles []trust.Role
	for _, name := range o.roles {
		role, err := a.parseKeyRole("--role", name)
		if err != nil {
			return err
		}
		roles = append(roles, role)
	}
	keys, err := a.unlockKeys(ctx, y.dir)
	if err != nil {
		return err
	}
	var granted []trust.PrivateKey
	var public []trust.PublicKey
	for _, role := range roles {
		before := len(granted)
		for _, k := range keys.Keys {
			// Only what the bundle names: a reader could not tell what any other is for.
			named := slices.ContainsFunc(y.RoleKeys, func(r authorityRoleKey) bool {
				return k.Kind == trust.KeyRole && string(r.Public) == string(k.Public())
			})
			if named && k.Role == role && !slices.ContainsFunc(public, func(p trust.PublicKey) bool { return string(p.Bytes()) == string(k.Public()) }) {
				granted = append(granted, k)
				public = append(public, k.PublicKey())
			}
		}
		if len(granted) == before {
			return &failure{
				code: exitGeneral, name: "no-role-key",
				message: fmt.Sprintf(l.s("pas de clé du rôle %s ici", "no key of the role %s here"), role),
				hint:    "secours trust bundle add --role-key",
			}
		}
	}
	plaintext := trust.MarshalKeys(granted)
	sealed, err := record.SealGrant(to.Opening, plaintext)
	clear(plaintext)
	if err != nil {
		return err
	}
	if err := writeFile(o.out, sealed, 0o600); err != nil {
		return err
	}
	fingerprint := to.Fingerprint()
	if !a.json {
		fmt.Fprintf(a.out, l.s(
			"%s pour l'établissement dont la clé a l'empreinte\n%s\n\n",
			"%s to the establishment whose key has the fingerprint\n%s\n\n",
		), l.count(len(granted), pair{"clé scellée", "key sealed"}, pair{"clés scellées", "keys sealed"}), hex.EncodeToString(fingerprint[:]))
	}
	return a.printKeys(public)
}
