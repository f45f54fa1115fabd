package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/secours-card/secours/pcsc"
	"github.com/secours-card/secours/summary/trust"
)

// Watching lasts for days, and a summary must not outlive the card in its reader. So the process that stays never reads a card
// itself: each reading is a child, "secours read", whose memory goes back to the system with it. What it printed is held in
// buffers that are wiped, never in strings; and a reader that hangs for ever hangs a child, which is killed.

type watchOptions struct {
	once bool
	// prepare is what a watching process has done in a child: "keys" opens the keys, "trust" does not; both tell how old the trust data are.
	prepare string
}

func (a *app) watchCommand() *cobra.Command {
	l := a.lang
	var o watchOptions
	c := &cobra.Command{
		Use:   "watch",
		Short: l.s("Attendre les cartes, et montrer chacune tant qu'elle est là", "Wait for cards, and show each one while it is there"),
		Long: l.s(`Reste en marche. Une carte insérée est lue et montrée comme par « secours read » ; retirée, elle disparaît
de l'écran et de la mémoire. Un lecteur branché plus tard et un service PC/SC redémarré sont repris.
--card "pcsc:LECTEUR" ne surveille que ce lecteur. La phrase de passe des clés n'est demandée qu'une fois.
Une carte qu'un autre programme vient d'utiliser est relue, au plus une fois par seconde, et de plus en
plus rarement (10 s) tant que rien n'y change. Si le service PC/SC ne répond plus, les synthèses sont
effacées dans les 3 secondes : nul ne sait plus quelle carte est là. Une carte qui demande le code du
patient n'est pas montrée ici : « secours read », dans un autre terminal, le demande.

Touches : flèches, PgPréc, PgSuiv, espace, Début et Fin pour parcourir ; Tab pour la carte d'un autre
lecteur ; r pour relire ; q pour quitter.

Sans terminal, les synthèses sont écrites l'une après l'autre, et rien n'en peut être repris.

Avec --json, un objet "secours.watch/1" par ligne, avec "event", "time" et, s'il y a lieu, "reader" et
"card" : "watching" (première ligne ; "readers"), "reader-added", "reader-removed", "inserted" ("atr"),
"read" ("exit", code de sortie de la lecture ; "read", le document de « read --json » ; "error" si le
code n'est pas 0 ; de nouveau pour la même carte quand un autre programme en a changé le contenu),
"failed" ("exit", "error" ; "retry" : un nouvel essai suivra ; un "read" précédent ne vaut plus),
"removed", "no-service" ("error"), "service". Un lecteur ou un service qui disparaît emporte ses cartes, qui sont
annoncées "removed". Qui ne lit pas la sortie fait attendre ; qui la ferme met fin à la surveillance.

Codes de sortie : 0 fin par q, Ctrl-D ou un signal TERM ; 130 par Ctrl-C ; avec --once, celui de la
lecture (13 si la carte demande le code du patient) ; 10 construit sans PC/SC ; 21 phrase de passe ou
fichier de clés ; 1 emploi, ou sortie perdue.`,
			`Stays running. A card that is put in is read and shown as by "secours read"; taken out, it is gone from
the screen and from memory. A reader plugged in later and a PC/SC service that restarted are taken up.
--card "pcsc:READER" watches that reader alone. The passphrase of the keys is asked for once.
A card that another program has just used is read again, at most once a second, and ever more seldom (10 s)
while nothing on it changes. When the PC/SC service does not answer any more, the summaries are cleared
within 3 seconds: nobody knows then which card is there. A card that wants the patient's PIN is not shown
here: "secours read", in another terminal, asks for it.

Keys: arrows, PgUp, PgDn, space, Home and End to move; Tab for the card in another reader; r to read
again; q to quit.

Without a terminal the summaries are written one after the other, and nothing of them can be taken back.

With --json, one "secours.watch/1" object a line, with "event", "time" and, where there is one, "reader"
and "card": "watching" (the first line; "readers"), "reader-added", "reader-removed", "inserted" ("atr"),
"read" ("exit", the exit code of the reading; "read", the document of "read --json"; "error" where the
code is not 0; again for the same card when another program has changed what it holds), "failed" ("exit",
"error"; "retry": it will be tried again; an earlier "read" counts no more), "removed", "no-service"
("error"), "service". A reader or a service that goes takes its cards along, which are told "removed".
Whoever does not read the output is waited for; closing it ends the watch.

Exit codes: 0 ended by q, Ctrl-D or a TERM signal; 130 by Ctrl-C; with --once, that of the reading (13 where
the card wants the patient's PIN); 10 built without PC/SC; 21 passphrase, or file of keys; 1 usage,
or the output was lost.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if o.prepare != "" {
				return a.prepareWatch(c.Context(), o.prepare == "keys")
			}
			return a.watch(c.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.once, "once", false, l.s("finit après la première carte lue", "end after the first card that was read"))
	c.Flags().StringVar(&o.prepare, "prepare", "", "")
	_ = c.Flags().MarkHidden("prepare")
	a.addSecretFlags(c)
	return c
}

// watched adds to "read" the option by which watch starts it: a screen that many columns wide and nothing repeated, but failures as
// JSON; with 0 columns, none of that.
func (a *app) watched(c *cobra.Command) *cobra.Command {
	c.Flags().IntVar(&a.width, "watched", 0, "")
	_ = c.Flags().MarkHidden("watched")
	read := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if c.Flags().Changed("watched") {
			noCoreDumps() // not inherited
		}
		err := read(c, args)
		a.json = a.json || a.width > 0
		return err
	}
	return c
}

// Why a watch ends. All but errInterrupted are as they should be.
var (
	errQuit        = errors.New("ended")
	errInterrupted = errors.New("interrupted")
)

func (a *app) watch(parent context.Context, o watchOptions) error {
	only, named := strings.CutPrefix(a.card, "pcsc:")
	if !named && a.card != "" && a.card != "pcsc" || named && only == "" {
		return &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"watch surveille des lecteurs : --card pcsc ou pcsc:LECTEUR",
			"watch watches readers: --card pcsc, or pcsc:READER",
		)}
	}
	if !named {
		only = ""
	}
	if !pcsc.Built {
		return pcsc.ErrUnsupported
	}
	noCoreDumps()
	run, err := a.newReadings()
	if err != nil {
		return err
	}
	defer run.wipe()
	age, err := a.readyKeys(parent, run)
	if err != nil {
		return err
	}

	// The signals are told apart here: TERM is how a service is stopped, and no failure.
	ctx, end := context.WithCancelCause(context.WithoutCancel(parent))
	defer end(nil)
	defer endBySignals(parent, ctx, end)()

	w := newWatcher(a, run.read)
	w.only, w.once = only, o.once
	var screen *screenFront
	switch {
	case a.json:
		w.front = newJSONFront(a)
		endWhenClosed(ctx, a.out, func() { end(errQuit) })
	default:
		if !o.once {
			screen = a.newScreenFront(w)
		}
		if screen == nil {
			w.front = a.newTextFront(w)
			endWhenClosed(ctx, a.out, func() { end(errQuit) })
			break
		}
		screen.trust = age
		screen.trustNow = run.trustAge
		w.front = screen
		if err := screen.open(ctx); err != nil {
			return err
		}
		defer screen.close()
	}
	return a.watchUntil(ctx, w)
}

// watchUntil runs a watch to its end. A write that nobody takes does not keep it.
func (a *app) watchUntil(ctx context.Context, w *watcher) error {
	type outcome struct {
		err   error
		panic any
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if p := recover(); p != nil {
				o.panic = withStack(p)
			}
			done <- o
		}()
		o.err = w.run(ctx)
	}()
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done():
		select {
		case o = <-done:
		case <-time.After(time.Second):
			o.err = context.Cause(ctx)
		}
	}
	if o.panic != nil {
		panic(o.panic) // where the terminal is put back on the way out
	}
	switch {
	case errors.Is(o.err, errQuit), closedPipe(o.err):
		return nil
	case errors.Is(o.err, errInterrupted), errors.Is(o.err, context.Canceled):
		return &failure{code: exitInterrupted, name: "interrupted", message: a.lang.s("interrompu", "interrupted"), err: o.err}
	}
	return o.err
}

// endBySignals ends ctx by the signals that end a program, and when parent ends. The function it returns stops that.
func endBySignals(parent, ctx context.Context, end context.CancelCauseFunc) (stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, append([]os.Signal{os.Interrupt, syscall.SIGTERM}, hangup...)...)
	// Notified, a write to a closed pipe is an error like another, instead of the end of the process.
	pipe := make(chan os.Signal, 1)
	if len(brokenPipe) > 0 {
		signal.Notify(pipe, brokenPipe...)
	}
	by := func(s os.Signal) {
		if s == os.Interrupt {
			end(errInterrupted)
		} else {
			end(errQuit)
		}
		signal.Stop(signals) // the second one is obeyed by the system
	}
	go func() {
		select {
		case s := <-signals:
			by(s)
		case <-parent.Done():
			// By the same signal, most likely.
			select {
			case s := <-signals:
				by(s)
			case <-time.After(100 * time.Millisecond):
				end(errInterrupted)
			}
		case <-ctx.Done():
		}
	}()
	return func() { signal.Stop(signals); signal.Stop(pipe) }
}

// readyKeys asks for the passphrase of the home's keys, if they have one, and has a child try it: a wrong one must not be found out
// at the bedside. It returns what is to be said of the trust data.
func (a *app) readyKeys(ctx context.Context, run *readings) (string, error) {
	h, err := a.homeDir()
	if err != nil {
		return "", err
	}
	locked, file, err := h.readKeys()
	if err != nil {
		return "", err
	}
	if file != nil && locked.NeedsPassphrase() {
		passphrase, err := a.secretBytes(ctx, a.lang.s("Phrase de passe des clés : ", "Passphrase of the keys: "))
		if err != nil {
			return "", err
		}
		run.setSecret(passphrase)
	}
	return run.prepare(ctx)
}

// prepareWatch is what a child does for readyKeys, and from time to time without the keys. It prints one line: the age of the trust data.
func (a *app) prepareWatch(ctx context.Context, keys bool) error {
	noCoreDumps() // not inherited
	h, err := a.homeDir()
	if err != nil {
		return err
	}
	if keys {
		if _, err := a.openKeys(ctx, h); err != nil {
			return err
		}
	}
	line := ""
	store, err := h.trust()
	if err != nil {
		line = fmt.Sprintf(a.lang.s(
			"LA CONFIANCE DE CE POSTE EST ILLISIBLE (%s)", "THE TRUST DATA OF THIS WORKSTATION IS UNREADABLE (%s)",
		), h.file("trust.json"))
	} else {
		line = a.trustLine(store)
	}
	_, err = fmt.Fprintln(a.out, oneLine(line))
	return err
}

// trustLine says of the trust data what the screen of a reading says.
func (a *app) trustLine(store *trust.Store) string {
	r := &reading{trust: store, now: store.Now(a.now())}
	v := &view{Trust: r.trustAge(), Verdict: verdict{Level: verdictValid}}
	p := new(phrase)
	(&renderer{v: v, l: a.lang, now: r.now}).trust(p)
	var text strings.Builder
	for _, s := range p.spans {
		text.WriteString(s.text)
	}
	return strings.TrimSpace(text.String())
}

// liveTerminal is the terminal that standard output is, nil where it is none that can be drawn on.
func (a *app) liveTerminal() *os.File {
	out, ok := a.out.(*os.File)
	kind := a.getenv("TERM")
	if !ok || kind == "dumb" || kind == "" && !windowsConsole || !term.IsTerminal(int(out.Fd())) {
		return nil
	}
	return out
}

// guard runs f in a goroutine and hands a panic on to whoever puts the terminal back.
type guard struct {
	once  sync.Once
	panic chan any
}

func newGuard() *guard { return &guard{panic: make(chan any, 1)} }

func (g *guard) do(f func()) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				g.once.Do(func() { g.panic <- withStack(p) })
			}
		}()
		f()
	}()
}
