package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card/sim"
)

// app is what every verb works with: the streams, the language, and the global options.
type app struct {
	lang   lang
	in     *os.File
	out    io.Writer
	err    io.Writer
	getenv func(string) string
	now    func() time.Time
	// openImage puts a simulated card into its reader; tests put one in that is pulled out half-way.
	openImage func(path string, s sim.Session) (*sim.Card, error)
	// connection reaches the card that --card names; tests put another in its place.
	connection func(ctx context.Context) (*connection, error)

	json    bool
	home    string
	card    string
	colour  string
	timeout time.Duration
	secrets secretFlags
	// recovery opens with the patient's recovery code.
	recovery bool
	// wait waits for a card where there is none.
	wait    bool
	purpose purpose
	// layOut takes a Type 4 Tag whatever message it holds.
	layOut bool
	// width is that of the screen which watch draws; 0 for the terminal's.
	width int
	// patientPIN is there once the card wanted it.
	patientPIN []byte
	// pinFor is the insertion of the card that wanted it.
	pinFor string
}

func newApp() *app {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now, openImage: sim.Open}
	a.connection = a.connect
	return a
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, a *app) int {
	// The language and --json are needed before cobra has parsed anything: for the help texts, and for errors in the
	// command line itself.
	asJSON := earlyBool(args, "--json")
	a.json = asJSON
	var err error
	if a.lang, err = chooseLang(earlyFlag(args, "--lang"), a.getenv); err != nil {
		return a.report(&failure{code: exitGeneral, name: "usage", message: err.Error(), err: err})
	}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err = root.ExecuteContext(ctx)
	clear(a.patientPIN)
	a.json = a.json || asJSON // a command line that does not parse leaves the option unset
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = &failure{code: exitInterrupted, name: "interrupted", message: a.lang.s("interrompu", "interrupted"), err: err}
	}
	return a.report(err)
}

func (a *app) rootCommand() *cobra.Command {
	l := a.lang
	root := &cobra.Command{
		Use:   "secours",
		Short: l.s("La synthèse d'urgence du patient, sur sa carte", "A patient's emergency summary, on a card"),
		Long: l.s(`secours écrit, lit et vérifie la synthèse d'urgence d'un patient (allergies, antécédents,
traitements, motifs des dernières consultations) sur la carte qu'il porte sur lui : signée par
le professionnel qui l'a écrite, lue en une seconde, sans réseau.

Pour essayer, sans lecteur ni carte :
  secours demo essai
  secours --home essai/gp        --card sim:essai/card.img write essai/summary.json
  secours --home essai/emergency --card sim:essai/card.img read`,
			`secours writes, reads and checks a patient's emergency summary (allergies, history, medications,
reasons of the last visits) on the card in the patient's pocket: signed by the professional who
wrote it, read in a second, without a network.

To try it, with no reader and no card:
  secours demo try
  secours --home try/gp        --card sim:try/card.img write try/summary.json
  secours --home try/emergency --card sim:try/card.img read`),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          a.verb,
	}
	shown := root.Flags().Bool("version", false, l.s("la version, comme « secours version »", "the version, as \"secours version\""))
	root.RunE = func(c *cobra.Command, args []string) error {
		if *shown {
			return a.versionCommand().RunE(c, args)
		}
		return a.help(c, args)
	}
	f := root.PersistentFlags()
	f.StringVar(&a.card, "card", a.getenv("SECOURS_CARD"), l.s("la carte : sim:FICHIER, pcsc ou pcsc:LECTEUR (défaut : premier lecteur avec une carte ; SECOURS_CARD)",
		"the card: sim:FILE, pcsc, or pcsc:READER (default: the first reader with a card; SECOURS_CARD)"))
	f.StringVar(&a.home, "home", a.getenv("SECOURS_HOME"), l.s(
		"le dossier de l'identité et de la confiance (défaut : secours dans le dossier de configuration ; SECOURS_HOME)",
		"the folder of identity and trust (default: secours in the configuration folder; SECOURS_HOME)",
	))
	f.BoolVar(&a.json, "json", false, l.s(
		"un document JSON sur la sortie, les erreurs en JSON sur la sortie d'erreur",
		"one JSON document on standard output, errors as JSON on standard error",
	))
	f.String("lang", "", l.s("langue : fr ou en (défaut : celle du système)", "language: fr or en (default: the system's)"))
	f.StringVar(&a.colour, "color", "auto", l.s("couleur : auto, always ou never", "colour: auto, always or never"))
	f.DurationVar(&a.timeout, "timeout", 5*time.Second, l.s(
		"attente maximale d'un lecteur ou d'une carte occupés",
		"how long to wait for a busy reader or card",
	))
	f.BoolVar(&a.wait, "wait", false, l.s("attend qu'une carte soit insérée", "wait for a card to be inserted"))
	root.SetFlagErrorFunc(a.flagError)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if !slices.Contains([]string{"auto", "always", "never"}, a.colour) {
			return a.usage(c, errors.New(l.s("--color : auto, always ou never", "--color: auto, always or never")))
		}
		// cobra checks them too, but its error is none of ours.
		if err := c.ValidateFlagGroups(); err != nil {
			return a.usage(c, err)
		}
		return nil
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		a.watched(a.readCommand()), a.watchCommand(), a.writeCommand(), a.amendCommand(), a.verifyCommand(), a.inspectCommand(), a.cardCommand(),
		a.convertCommand(), a.identityCommand(), a.keysCommand(), a.trustCommand(), a.demoCommand(), a.readersCommand(), a.doctorCommand(),
		a.simCommand(), a.completionCommand(root), a.versionCommand(),
	)
	a.localiseCobra(root)
	return root
}

// args wraps a positional-argument check so that its failure is a usage error with the command's own hint.
func (a *app) args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		err := check(c, args)
		if err == nil {
			return nil
		}
		if _, wanted, ok := strings.Cut(c.Use, " "); ok && len(args) != 1 {
			err = fmt.Errorf(a.lang.s("il manque l'argument %s", "the argument %s is missing"), wanted)
			if len(args) > 1 {
				err = fmt.Errorf(a.lang.s("un seul argument, %s : reçu %d", "one argument, %s: received %d"), wanted, len(args))
			}
		}
		return a.usage(c, err)
	}
}

// flagError is a value that an option does not take. pflag gives its reason in the words of the package that refused it.
func (a *app) flagError(c *cobra.Command, err error) error {
	l := a.lang
	if value, why, ok := strings.Cut(err.Error(), "\" flag: "); ok {
		switch {
		case strings.HasPrefix(why, "time: "):
			why = l.s("une durée et son unité, comme 10s", "a duration and its unit, as 10s")
		case strings.HasPrefix(why, "strconv.ParseBool: "):
			why = l.s("true ou false", "true or false")
		case strings.HasPrefix(why, "strconv."):
			why = l.s("un nombre entier", "a whole number")
		}
		err = errors.New(value + "\"" + l.colon() + why)
	}
	return a.usage(c, err)
}

// localiseCobra replaces cobra's English frame where the user reads French, and adds the usage check to groups of verbs.
func (a *app) localiseCobra(root *cobra.Command) {
	l := a.lang
	if l == fr {
		root.SetUsageFunc(frenchUsageOf(root.UsageFunc()))
	}
	root.SetHelpCommand(a.helpCommand(root))
	root.InitDefaultHelpCmd()
	// The exit codes are written with the rest of a verb's help, and shown last. A template of ours would link text/template, and with it every
	// method of every type: a megabyte and more.
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		help(c, args)
		if codes := c.Annotations["exit"]; codes != "" {
			fmt.Fprintf(c.OutOrStdout(), "\n%s\n", codes)
		}
	})
	var flags func(c *cobra.Command)
	flags = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		if l == fr {
			c.Use, c.Long = frenchNames.Replace(c.Use), frenchNames.Replace(c.Long)
		}
		if at := strings.LastIndex(c.Long, l.s("\n\nCodes de sortie", "\n\nExit codes")); at >= 0 {
			c.Annotations = map[string]string{"exit": c.Long[at+2:]}
			c.Long = c.Long[:at]
		}
		if f := c.Flags().Lookup("help"); f != nil {
			f.Usage = l.s("cette aide", "this help")
		}
		for _, sub := range c.Commands() {
			flags(sub)
		}
	}
	flags(root)
}

// frenchNames are what stands for an argument.
var frenchNames = strings.NewReplacer("FILE", "FICHIER", "DIR", "DOSSIER")

// frenchUsageOf translates the frame of cobra's usage, and what pflag writes about options. Their names stay aligned: no word gets wider.
func frenchUsageOf(usage func(*cobra.Command) error) func(*cobra.Command) error {
	return func(c *cobra.Command) error {
		var text bytes.Buffer
		out := c.OutOrStderr()
		c.SetOut(&text)
		err := usage(c)
		c.SetOut(out)
		frame := usageHeading().ReplaceAllStringFunc(text.String(), func(s string) string { return frenchHeadings[s] })
		frame = usageMore().ReplaceAllString(frame, "« $1 [commande] --help » en dit plus sur une commande.")
		frame = strings.Replace(strings.Replace(frame, " [command]\n", " [commande]\n", 1), " [flags]\n", " [options]\n", 1)
		french := optionType().ReplaceAllStringFunc(frame, func(s string) string {
			at := strings.LastIndexByte(strings.TrimRight(s, " "), ' ') + 1
			name := map[string]string{"string": "TEXTE", "strings": "TEXTE,…", "int": "N", "uint": "N", "uint32": "N", "duration": "DURÉE"}[strings.TrimRight(s[at:], " ")]
			return s[:at] + name + strings.Repeat(" ", max(0, len(s)-at-textWidth(name)))
		})
		if _, printed := io.WriteString(out, optionDefault().ReplaceAllString(french, "(défaut : $1)")); err == nil {
			err = printed
		}
		return err
	}
}

var (
	optionType = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^ +(?:-\w, )?--[\w-]+ (?:strings?|uint32|u?int|duration) +`)
	})
	usageHeading = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^(?:Usage|Aliases|Examples|Available Commands|Additional Commands|Flags|Global Flags):$`)
	})
	usageMore = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^Use "(.*) \[command\] --help" for more information about a command\.$`)
	})
	optionDefault = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\(default "?([^")]*)"?\)`)
	})
)

// frenchHeadings are those of cobra's usage.
var frenchHeadings = map[string]string{
	"Usage:": "Emploi :", "Aliases:": "Alias :", "Examples:": "Exemples :", "Available Commands:": "Commandes :",
	"Additional Commands:": "Autres commandes :", "Flags:": "Options :", "Global Flags:": "Options générales :",
}

// group is a verb that only has sub-verbs.
func (a *app) group(use, short string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: a.verb, RunE: a.help}
	c.AddCommand(sub...)
	return c
}

// help answers a command line without a verb.
func (a *app) help(c *cobra.Command, _ []string) error {
	if a.json {
		return a.usage(c, errors.New(a.lang.s("il manque une commande", "a command is missing")))
	}
	return c.Help()
}

// verb refuses what is no verb of a command, and suggests what it may stand for.
func (a *app) verb(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	message := fmt.Sprintf(a.lang.s("commande inconnue : %s", "unknown command: %s"), oneLine(args[0]))
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		message += fmt.Sprintf(a.lang.s(" (peut-être %s ?)", " (perhaps %s?)"), strings.Join(near, ", "))
	}
	return a.usage(c, errors.New(message))
}

func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   a.lang.s("help [commande]", "help [command]"),
		Short: a.lang.s("Aide sur une commande", "Help on a command"),
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return a.verb(root, args)
			}
			return c.Help()
		},
	}
}

func earlyFlag(args []string, name string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if v, ok := strings.CutPrefix(arg, name+"="); ok {
			return v
		}
		if arg == name && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

func earlyBool(args []string, name string) bool {
	for _, arg := range args {
		switch arg {
		case "--":
			return false
		case name, name + "=true", name + "=1":
			return true
		}
	}
	return false
}
