package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc"
)

func (a *app) doctorCommand() *cobra.Command {
	l := a.lang
	return &cobra.Command{
		Use:   "doctor",
		Short: l.s("Dire ce qui ne va pas sur ce poste, et que faire", "Say what is wrong with this workstation, and what to do"),
		Long: l.s(`Regarde, dans l'ordre, ce qu'il faut pour lire une carte : le service PC/SC, un lecteur, une carte
Secours qui répond ; puis ce que garde le dossier (--home) : identité, clés, liste de confiance,
droits des fichiers. Chaque ligne dit ce qui va, ce qui demande attention, ou le problème et son
remède. Aucun secret n'est demandé, rien de médical n'est lu ni montré, rien n'est changé.

Codes de sortie : 0 une carte peut être lue ici (le dossier peut demander attention) ; sinon celui
que donnerait « read » : 10, 11, 12, 13, 14, 16 ou 22.`,
			`Looks, in this order, at what reading a card takes: the PC/SC service, a reader, a Secours card that
answers; then at what the home (--home) keeps: identity, keys, trust bundle, permissions of the
files. Each line says what is well, what wants attention, or the problem and its remedy. No secret
is asked for, nothing medical is read or shown, nothing is changed.

Exit codes: 0 a card can be read here (the home may want attention); otherwise the one that "read"
would give: 10, 11, 12, 13, 14, 16, or 22.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.doctor(c.Context(), &workstation{built: pcsc.Built, cards: systemCards{}, system: thisSystem()})
		},
	}
}

// workstation is what doctor looks at, besides the home; tests put together another.
type workstation struct {
	built  bool
	cards  smartCards
	system system
}

// system is what an operating system can tell about its smart card service. It is asked where something is wrong, and never changes
// anything.
type system interface {
	// serviceDown says why the service does not answer, where more than that can be seen, and how to start it.
	serviceDown(l lang, err error) advice
	// readerMissing says why a reader that is plugged in may not show; zero where nothing hints at it.
	readerMissing(l lang) advice
	// holders lists the programs that may hold a reader.
	holders(ctx context.Context) holders
	// whereToLook is how a person finds such programs where the system lists none, or not all.
	whereToLook(l lang) string
}

// advice is what was seen and what to do about it; the empty parts leave what the error alone says.
type advice struct{ cause, text, remedy string }

// program is one that may hold a reader.
type program struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
}

// holders are the programs that may hold a reader.
type holders struct {
	programs []program
	// connected: they are connected to the service now; otherwise they have its library loaded, and may never have used it.
	connected bool
	// hidden: there are others, or may be, that this user is not shown.
	hidden bool
}

// The states of a check. They are part of the interface.
const (
	checkOK        = "ok"
	checkAttention = "attention"
	checkProblem   = "problem"
)

// check is one line of the doctor's. Only checks of the reader's side are ever problems.
type check struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Text    string `json:"text"`
	Remedy  string `json:"remedy,omitempty"`
	Details any    `json:"details,omitempty"`
	// err is what "read" would end with.
	err error
}

// doctorDocument is the JSON of "doctor".
type doctorDocument struct {
	Schema string  `json:"schema"`
	Checks []check `json:"checks"`
}

func (a *app) doctor(ctx context.Context, w *workstation) error {
	path, simulated := a.imagePath()
	reader, named := strings.CutPrefix(a.card, "pcsc:")
	if simulated && path == "" || named && reader == "" || !simulated && !named && a.card != "" && a.card != "pcsc" {
		return &failure{
			code: exitGeneral, name: "usage",
			message: a.lang.s("--card : sim:FICHIER, pcsc ou pcsc:LECTEUR", "--card: sim:FILE, pcsc, or pcsc:READER"),
		}
	}
	// Neither half waits for the other, and a home on a share that hangs holds up nothing.
	began := time.Now()
	home := make(chan []check, 1)
	go func() {
		checks, err := within(ctx, max(a.timeout, 100*time.Millisecond), func(context.Context) ([]check, error) { return a.homeChecks(), nil })
		if err != nil {
			checks = []check{{Name: "home", State: checkAttention, Text: a.lang.s(
				"le dossier n'a pas répondu à temps", "the home did not answer in time",
			), Remedy: a.lang.s(
				"est-il sur un disque du réseau ? --home en choisit un autre", "is it on a network drive? --home chooses another",
			)}}
		}
		home <- checks
	}()
	var checks []check
	if simulated {
		checks = a.imageChecks(ctx, path)
	} else {
		checks = a.readerChecks(ctx, w, reader, began.Add(a.timeout+900*time.Millisecond))
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	d := doctorDocument{"secours.doctor/1", append(checks, <-home...)}
	if err := a.printDoctor(d); err != nil {
		return err
	}
	for _, c := range d.Checks {
		if c.State == checkProblem {
			f := a.explain(c.err)
			// The remedy stands on the screen already.
			return &failure{code: f.code, name: f.name, message: c.Text, retryable: f.retryable, err: c.err}
		}
	}
	return nil
}

// problem is a check that failed with an error of "read", in the words of that.
func (a *app) problem(name string, err error) check {
	f := a.explain(err)
	return check{Name: name, State: checkProblem, Text: f.message, Remedy: f.hint, err: err}
}

// with puts better words in the place of the usual ones.
func (c check) with(x advice) check {
	if x.text != "" {
		c.Text = x.text
	}
	if x.remedy != "" {
		c.Remedy = x.remedy
	}
	return c
}

// imageChecks is about a simulated card, which needs neither service nor reader.
func (a *app) imageChecks(ctx context.Context, path string) []check {
	l := a.lang
	checks := []check{{Name: "reader", State: checkOK, Text: l.s(
		"carte simulée : ni service ni lecteur à regarder", "simulated card: there is neither service nor reader to look at",
	)}}
	f, err := within(ctx, a.lookLimit(), func(limited context.Context) (found, error) {
		c, err := a.openImage(path, sim.Session{Wait: a.lookLimit() / 2})
		if err != nil {
			return found{}, err
		}
		defer c.Close()
		return look(limited, c), nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return append(checks, check{
			Name: "card", State: checkProblem,
			Text: fmt.Sprintf(l.s("pas de carte simulée : %s", "no simulated card: %s"), path),
			Remedy: l.s(
				"« secours card init --card sim:FICHIER » en crée une", "\"secours card init --card sim:FILE\" creates one",
			), err: pcsc.ErrNoCard,
		})
	case errors.Is(err, sim.ErrImage), errors.Is(err, fs.ErrPermission):
		return append(checks, a.problem("card", err))
	case err != nil:
		f = notRead(err)
	}
	return append(checks, a.cardCheck(f, ""))
}

// readerChecks goes from the program to the card, and ends at the first problem: what comes after it cannot be seen.
func (a *app) readerChecks(ctx context.Context, w *workstation, wanted string, end time.Time) []check {
	l := a.lang
	if !w.built {
		return []check{a.problem("pcsc", pcsc.ErrUnsupported)}
	}
	checks := []check{{Name: "pcsc", State: checkOK, Text: l.s("ce programme est construit avec PC/SC", "this program is built with PC/SC")}}
	list, looks, err := a.lookInto(ctx, w.cards)
	if err != nil {
		x := w.system.serviceDown(l, err)
		c := a.problem("service", err).with(x)
		if x.cause != "" {
			c.Details = struct {
				Cause string `json:"cause"`
			}{x.cause}
		}
		return append(checks, c)
	}
	checks = append(checks, check{Name: "service", State: checkOK, Text: l.s("le service PC/SC répond", "the PC/SC service answers")})
	if len(list) == 0 {
		x := w.system.readerMissing(l)
		return append(checks, a.problem("reader", pcsc.ErrNoReader).with(x))
	}
	readers := a.readerCheck(list, looks)
	i, err := chosen(list, looks, wanted)
	if errors.Is(err, pcsc.ErrNoReader) {
		readers.State, readers.err = checkProblem, err
		readers.Text = fmt.Sprintf(l.s("aucun lecteur du nom %s ; %s", "no reader of the name %s; %s"), l.quote(wanted), readers.Text)
		readers.Remedy = l.s("prenez un nom que montre « secours readers »", "take a name that \"secours readers\" shows")
		return append(checks, readers)
	}
	checks = append(checks, readers)
	if err != nil {
		return append(checks, a.problem("card", err))
	}
	c := a.cardCheck(looks[i], list[i].Name)
	if looks[i].state == lookBusy {
		c = a.withHolders(ctx, w, c, time.Until(end))
	}
	return append(checks, c)
}

// readerCheck is the line that names the readers.
func (a *app) readerCheck(list []pcsc.Reader, looks []found) check {
	l := a.lang
	var names []string
	for i, r := range list {
		names = append(names, l.quote(r.Name)+l.s(" (", " (")+l.p(lookWords[looks[i].state])+")")
	}
	text := l.count(len(list), pair{"lecteur", "reader"}, pair{"lecteurs", "readers"}) + l.colon() + strings.Join(names, ", ")
	return check{Name: "reader", State: checkOK, Text: text, Details: struct {
		Readers []readerDocument `json:"readers"`
	}{readerDocuments(list, looks)}}
}

// chosen is the reader whose card the other verbs would take: the one that --card names; without, the first with our card; where there
// is none, the one whose trouble they would report.
func chosen(list []pcsc.Reader, looks []found, wanted string) (int, error) {
	best := -1
	for i, f := range looks {
		switch {
		case wanted != "" && list[i].Name != wanted:
		case wanted != "", f.selected:
			return i, nil
		case f.state == lookNoCard, f.state == lookAmbiguous:
		case best < 0, foreign(looks[best]) && !foreign(f):
			best = i
		}
	}
	switch {
	case best >= 0:
		return best, nil
	case wanted != "":
		return 0, pcsc.ErrNoReader
	}
	return 0, pcsc.ErrNoCard
}

// foreign tells a card that is surely none of ours.
func foreign(f found) bool {
	return f.state == lookOther || f.state == lookTag || f.state == lookOtherMessage
}

// cardCheck is the line about a card; the name of the reader is empty for a simulated one.
func (a *app) cardCheck(f found, reader string) check {
	l := a.lang
	details := struct {
		State  string `json:"state"`
		Medium string `json:"medium,omitempty"`
		ID     string `json:"id,omitempty"`
		Reader string `json:"reader,omitempty"`
	}{State: f.state, Medium: f.medium, ID: f.id, Reader: reader}
	if f.err != nil {
		c := a.problem("card", f.err)
		c.Details = details
		return c.with(a.cardAdvice(f))
	}
	text := l.p(lookWords[f.state]) + l.colon() + f.id
	if reader != "" {
		text += l.s(", dans ", ", in ") + l.quote(reader)
	}
	c := check{Name: "card", State: checkOK, Text: text, Details: details}
	switch f.state {
	case lookEmpty:
		c.Remedy = l.s("personne n'y a encore écrit : « secours write FICHIER »", "nobody has written to it yet: \"secours write FILE\"")
	case lookUnconfirmed:
		c.Remedy = l.s("le médecin traitant réécrit la synthèse", "the treating physician writes the summary again")
	case lookNewerLost:
		c.Remedy = l.s(
			"la mémoire de la carte faiblit : le médecin traitant réécrit la synthèse sur une autre carte",
			"the card's memory is failing: the treating physician writes the summary to another card",
		)
	}
	if c.Remedy != "" {
		c.State = checkAttention
	}
	return c
}

// cardAdvice is what can be said of a card beyond the words of its error.
func (a *app) cardAdvice(f found) advice {
	l := a.lang
	switch f.state {
	case lookMute:
		return advice{
			text:   l.s("la carte ne répond pas", "the card does not answer"),
			remedy: l.s("retournez-la : la puce vers le lecteur, en avant", "turn it over: the chip first, towards the reader"),
		}
	case lookSilent:
		return advice{
			text: l.s("la carte ou le lecteur n'a pas répondu à temps", "the card or the reader did not answer in time"),
			remedy: l.s(
				"remettez la carte, débranchez et rebranchez le lecteur ; --timeout attend plus longtemps",
				"put the card in again, unplug the reader and plug it in; --timeout waits longer",
			),
		}
	case lookPIN:
		if f.medium == "application" {
			return advice{
				text:   l.s("la carte demande le code du patient", "the card wants the patient's PIN"),
				remedy: l.s("rien à réparer : « secours read » le demande", "nothing to repair: \"secours read\" asks for it"),
			}
		}
		return advice{remedy: l.s("prenez une autre carte", "take another card")}
	case lookDamaged:
		return advice{text: l.p(lookWords[lookDamaged])}
	}
	return advice{}
}

// withHolders names who may hold the card.
func (a *app) withHolders(ctx context.Context, w *workstation, c check, limit time.Duration) check {
	l := a.lang
	x, err := within(ctx, min(limit, lookTime), func(ctx context.Context) (holders, error) { return w.system.holders(ctx), nil })
	if err != nil {
		x = holders{hidden: true}
	}
	var names []string
	for _, p := range x.programs {
		names = append(names, fmt.Sprintf("%s (%d)", p.Name, p.PID))
	}
	where := w.system.whereToLook(l)
	switch list := strings.Join(names, ", "); {
	case list != "" && x.connected:
		c.Remedy = l.s(
			"fermez celui qui la tient ; programmes qui emploient les lecteurs en ce moment : ",
			"close the one that holds it; programs that use the readers now: ",
		) + list
	case list != "":
		c.Remedy = l.s(
			"fermez celui qui la tient ; programmes qui peuvent employer les lecteurs : ",
			"close the one that holds it; programs that may use the readers: ",
		) + list
	case x.hidden && where != "":
		c.Remedy, where = where, ""
	}
	if x.hidden && where != "" {
		c.Remedy += l.s(" ; ", "; ") + where
	}
	c.Details = struct {
		State string `json:"state"`
		// Programs are connected to the service now, or only have its library loaded. OthersHidden: there are more, or may be.
		Programs     []program `json:"programs"`
		Connected    bool      `json:"connected"`
		OthersHidden bool      `json:"othersHidden"`
	}{lookBusy, append([]program{}, x.programs...), x.connected, x.hidden}
	return c
}

var checkWords = words{
	"pcsc": {"PC/SC", "PC/SC"}, "service": {"service", "service"}, "reader": {"lecteur", "reader"}, "card": {"carte", "card"},
	"home": {"dossier", "home"}, "identity": {"identité", "identity"}, "keys": {"clés", "keys"}, "trust": {"confiance", "trust"},
	"clock": {"horloge", "clock"}, "permissions": {"droits", "permissions"},
}

var checkStateWords = words{checkOK: {"ok", "ok"}, checkAttention: {"ATTENTION", "ATTENTION"}, checkProblem: {"PROBLÈME", "PROBLEM"}}

// narrow is the width below which there are no columns.
const narrow = 72

func (a *app) printDoctor(d doctorDocument) error {
	if a.json {
		return a.printJSON(d)
	}
	l := a.lang
	s := a.newScreen()
	pad := func(text string, to int) string { return text + strings.Repeat(" ", max(1, to-textWidth(text))) }
	for _, c := range d.Checks {
		st := plain
		switch c.State {
		case checkAttention:
			st = caution
		case checkProblem:
			st = danger
		}
		state, name, hang := l.p(checkStateWords[c.State]), word(l, checkWords, c.Name), 24
		first := pad(state, 11) + pad(name, 13)
		if s.width < narrow {
			first, hang = state+" "+name+" ", indent
		}
		s.flow(first, st, quotesKept(new(phrase), c.Text), hang)
		if c.Remedy != "" {
			s.flow(strings.Repeat(" ", hang-2)+"> ", plain, quotesKept(new(phrase), c.Remedy), hang)
		}
	}
	_, err := a.out.Write(s.out)
	return err
}

// quoteCommand puts quotation marks around what is to be typed.
func (l lang) quoteCommand(command string) string {
	return l.s("« ", "\"") + command + l.s(" »", "\"")
}
