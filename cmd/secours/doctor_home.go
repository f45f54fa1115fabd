package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/secours-card/secours/summary/trust"
)

// soon is how long before a certificate ends, in days, somebody should know: a new one takes its authority some weeks.
const soon = 45

// homeChecks looks at what the home keeps, without any passphrase. What it finds keeps nobody from reading a card, so that nothing
// here is more than attention.
func (a *app) homeChecks() []check {
	h, err := a.homeDir()
	if err != nil {
		return []check{a.attention("home", err)}
	}
	store, trustErr := h.trust()
	checks := []check{a.identityCheck(h, store), a.keysCheck(h), a.trustCheck(store, trustErr), a.clockCheck(store)}
	if runtime.GOOS != "windows" { // its permissions are lists that mode bits say nothing of
		checks = append(checks, a.permissionsCheck(h))
	}
	return checks
}

// attention is a check that failed, in the words of its error.
func (a *app) attention(name string, err error) check {
	c := a.problem(name, err)
	c.State = checkAttention
	return c
}

func (a *app) identityCheck(h home, store *trust.Store) check {
	l := a.lang
	const name = "identity"
	_, err := os.Lstat(h.file("identity.p12"))
	if errors.Is(err, fs.ErrNotExist) {
		return check{Name: name, State: checkOK, Text: l.s(
			"aucune : ce poste lit, il ne signe pas", "none: this workstation reads, it does not sign",
		)}
	}
	var data []byte
	if err == nil {
		data, err = readFile(h.file("identity.pem"), trust.MaxIdentitySize)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return check{Name: name, State: checkAttention, Text: l.s(
			"le certificat manque (identity.pem)", "the certificate is missing (identity.pem)",
		), Remedy: l.s(
			"« secours identity new --replace --import FICHIER.p12 » le remet", "\"secours identity new --replace --import FILE.p12\" puts it back",
		)}
	}
	if err != nil {
		return a.attention(name, err)
	}
	certificates, err := trust.ParseCertificates(data)
	if err != nil {
		return check{Name: name, State: checkAttention, Text: l.s(
			"le certificat est illisible (identity.pem)", "the certificate cannot be read (identity.pem)",
		), Remedy: l.s(
			"« secours identity new --replace --import FICHIER.p12 » le remet", "\"secours identity new --replace --import FILE.p12\" puts it back",
		)}
	}
	certificate, now := certificates[0], a.now()
	if store != nil {
		now = store.Now(now)
	}
	d := certificateDocumentOf(certificate)
	left := int(certificate.NotAfter.Sub(now).Hours() / 24)
	c := check{Name: name, State: checkOK, Details: struct {
		Subject       string    `json:"subject"`
		NotBefore     time.Time `json:"notBefore"`
		NotAfter      time.Time `json:"notAfter"`
		DaysLeft      int       `json:"daysLeft"`
		Demonstration bool      `json:"demonstration"`
	}{d.Subject, d.NotBefore, d.NotAfter, left, d.Demonstration}}
	end := l.day(certificate.NotAfter)
	renew := l.s("demandez-en un nouveau à l'autorité", "ask the authority for a new one")
	switch {
	case now.After(certificate.NotAfter):
		c.State, c.Remedy = checkAttention, renew
		c.Text = fmt.Sprintf(l.s("le certificat a pris fin le %s", "the certificate ended on %s"), end)
	case now.Before(certificate.NotBefore):
		c.State, c.Remedy = checkAttention, l.s("vérifiez l'horloge de cet ordinateur", "check the clock of this computer")
		c.Text = fmt.Sprintf(l.s("le certificat ne vaut qu'à partir du %s", "the certificate is not valid before %s"), l.day(certificate.NotBefore))
	case left < soon:
		c.State, c.Remedy = checkAttention, renew
		c.Text = fmt.Sprintf(l.s("le certificat prend fin le %s", "the certificate ends on %s"), end)
	default:
		c.Text = fmt.Sprintf(l.s("certificat valable jusqu'au %s", "certificate valid until %s"), end)
	}
	if d.Demonstration {
		c.Text += l.s(" (CLÉ DE DÉMONSTRATION)", " (DEMONSTRATION KEY)")
	}
	return c
}

func (a *app) keysCheck(h home) check {
	l := a.lang
	locked, err := h.lockedKeys()
	if err != nil {
		return a.attention("keys", err)
	}
	keys := locked.Public()
	if len(keys) == 0 {
		return check{Name: "keys", State: checkAttention, Text: l.s(
			"aucune : seul ce que le patient a laissé ouvert peut être lu", "none: only what the patient left open can be read",
		), Remedy: l.s(
			"« secours keys new » crée la clé du cabinet, « secours keys import » ajoute celles d'un rôle",
			"\"secours keys new\" makes the practice's key, \"secours keys import\" adds those of a role",
		)}
	}
	text := l.count(len(keys), pair{"clé", "key"}, pair{"clés", "keys"})
	if locked.NeedsPassphrase() {
		text += l.s(", sous une phrase de passe", ", under a passphrase")
	} else {
		text += l.s(", sans phrase de passe", ", without a passphrase")
	}
	return check{Name: "keys", State: checkOK, Text: text, Details: struct {
		Count      int  `json:"count"`
		Passphrase bool `json:"passphrase"`
	}{len(keys), locked.NeedsPassphrase()}}
}

func (a *app) trustCheck(s *trust.Store, err error) check {
	l := a.lang
	const name = "trust"
	if err != nil {
		return a.attention(name, err)
	}
	if len(s.Anchors) == 0 {
		return check{Name: name, State: checkAttention, Text: l.s(
			"aucune autorité : aucune signature ne peut être vérifiée", "no authority: no signature can be verified",
		), Remedy: l.s(
			"« secours trust update FICHIER » prend la liste de confiance de l'autorité", "\"secours trust update FILE\" takes the authority's trust bundle",
		)}
	}
	b := s.Bundle()
	if b == nil {
		return check{Name: name, State: checkOK, Text: l.count(
			len(s.Anchors), pair{"autorité", "authority"}, pair{"autorités", "authorities"},
		) + l.s(", sans liste de confiance", ", without a trust bundle")}
	}
	now := s.Now(a.now())
	age := max(0, int(now.Sub(b.Issued).Hours()/24))
	old := now.After(b.NextUpdate)
	c := check{Name: name, State: checkOK, Details: struct {
		Counter    uint64    `json:"counter"`
		Issued     time.Time `json:"issued"`
		AgeDays    int       `json:"ageDays"`
		NextUpdate time.Time `json:"nextUpdate"`
		Outdated   bool      `json:"outdated"`
	}{b.Counter, b.Issued, age, b.NextUpdate, old}}
	c.Text = fmt.Sprintf(l.s(
		"liste n° %d, émise %s ; prochaine mise à jour le %s", "bundle no. %d, issued %s; next update on %s",
	), b.Counter, a.ago(age), l.day(b.NextUpdate))
	if old {
		c.State = checkAttention
		c.Text = fmt.Sprintf(l.s(
			"liste n° %d, émise %s, périmée depuis le %s", "bundle no. %d, issued %s, outdated since %s",
		), b.Counter, a.ago(age), l.day(b.NextUpdate))
		c.Remedy = l.s(
			"« secours trust update FICHIER » prend la dernière de l'autorité", "\"secours trust update FILE\" takes the authority's last one",
		)
	}
	return c
}

// ago says how long ago a number of days is.
func (a *app) ago(days int) string {
	if days == 0 {
		return a.lang.days(0)
	}
	if a.lang == en {
		return a.lang.days(days) + " ago"
	}
	return "il y a " + a.lang.days(days)
}

// clockCheck holds the clock against what this home knows to be past.
func (a *app) clockCheck(s *trust.Store) check {
	l := a.lang
	now := a.now()
	text := l.day(now) + " " + now.Format("15:04")
	if s == nil || !s.Now(now).After(now.Add(time.Minute)) {
		return check{Name: "clock", State: checkOK, Text: text}
	}
	return check{Name: "clock", State: checkAttention, Text: fmt.Sprintf(l.s(
		"%s : c'est avant la dernière mise à jour de la confiance, le %s", "%s: this is before the last update of trust, on %s",
	), text, l.day(s.Now(now))), Remedy: l.s("mettez cet ordinateur à l'heure", "set the clock of this computer")}
}

// homeFiles are the files of a home, and the permission bits that must not be set.
var homeFiles = []struct {
	name      string
	forbidden fs.FileMode
}{
	// Whoever can put a file here puts another authority in the place of ours.
	{"", 0o022},
	{"identity.p12", 0o077},
	{keysFile, 0o077},
	{"authority.p12", 0o077},
	// Read by whom it may, written by nobody else.
	{"identity.pem", 0o022},
	{"trust.json", 0o022},
	{bundleFile, 0o022},
	{"seen", 0o077},
}

func (a *app) permissionsCheck(h home) check {
	l := a.lang
	type open struct {
		Path string `json:"path"`
		Mode string `json:"mode"`
	}
	var wide []open
	var remedy []string
	for _, f := range homeFiles {
		path := h.file(f.name)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&f.forbidden == 0 {
			continue // what cannot be asked is told by the check that reads it
		}
		wide = append(wide, open{path, fmt.Sprintf("%04o", info.Mode().Perm())})
		bits := "go-w"
		if f.forbidden == 0o077 {
			bits = "go="
		}
		if quoted, ok := shellQuote(path, false); ok {
			remedy = append(remedy, "chmod "+bits+" "+quoted)
		}
	}
	if len(wide) == 0 {
		return check{Name: "permissions", State: checkOK, Text: l.s("les fichiers ne sont qu'à vous", "the files are yours alone")}
	}
	var names []string
	for _, w := range wide {
		names = append(names, w.Path)
	}
	return check{Name: "permissions", State: checkAttention, Text: l.s(
		"d'autres utilisateurs de cet ordinateur peuvent lire ou changer : ", "other users of this computer can read or change: ",
	) + strings.Join(names, ", "), Remedy: strings.Join(remedy, " && "), Details: struct {
		Files []open `json:"files"`
	}{wide}}
}
