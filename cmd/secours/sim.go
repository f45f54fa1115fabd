package main

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/card/sim"
	"github.com/secours-card/secours/pcsc/vpcd"
)

func (a *app) simCommand() *cobra.Command {
	l := a.lang
	return a.group("sim", l.s("La carte simulée dans un lecteur", "The simulated card in a reader"), a.simServeCommand())
}

// simOptions is what "sim serve" was asked for.
type simOptions struct {
	image, other string // other: what SIGUSR2 puts in its place
	host         string
	port, slot   int
	pace         bool
	link         string
	pageTime     time.Duration
	seed         uint
}

func (a *app) simServeCommand() *cobra.Command {
	l := a.lang
	var o simOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: l.s("Mettre une carte simulée dans le lecteur virtuel de pcscd", "Put a simulated card into pcscd's virtual reader"),
		Long: l.s(`Met la carte simulée d'un fichier (« card init --card sim:FILE » en crée une) dans le lecteur virtuel
de pcscd (vpcd, du projet vsmartcard) : tous les programmes PC/SC la voient comme une vraie. Attend le
lecteur s'il n'est pas là, et la carte y revient quand pcscd redémarre. Tant qu'elle est dans le lecteur,
le fichier est pris ; sortie, « --card sim:FILE » l'ouvre.

Commandes, une par ligne de l'entrée standard :
  insert [FILE]            met la carte dans le lecteur (ou celle d'un autre fichier), sitôt que le lecteur
                           a vu partir la précédente
  remove                   la retire entre deux commandes
  swap FILE                en met une autre à sa place, si vite que le lecteur ne s'en aperçoit pas
  swap-gap DURATION FILE   de même, le lecteur restant vide entre-temps (1s : il s'en aperçoit)
  reset                    coupe l'alimentation un instant, à l'insu du lecteur
  pull N                   l'arrache au N-ième point de coupure de sa mémoire, page à moitié écrite
  pull-after-apdu N        l'arrache après N réponses encore, entre deux commandes ; 0 annule, ici et ci-dessus
  status                   dit ce qu'il en est
  quit                     la retire et termine
`+signalHelp.fr+`La fin de l'entrée standard ne termine rien (« </dev/null » convient), sauf Ctrl-D au clavier.

Chaque événement est dit sur la sortie d'erreur ; avec --json, en une ligne JSON sur la sortie standard :
  {"schema":"secours.sim/1","event":"inserted","time":"…","reader":"127.0.0.1:35963","image":"card.img"}
event : listening (prêt), waiting (pas de lecteur), occupied (une autre carte est dans le lecteur),
inserted (le lecteur la voit), powered, lost-reader, removed, pulled, swapped, armed, reset, status,
failed (une commande refusée, ou une faute de la carte), stopped. Après removed et pulled, le fichier est libre.

Codes de sortie : 0 ; 1 ; 11 pas de carte dans ce fichier ; 12 ce n'en est pas une ; 16 un autre programme
la tient ; 22 carte plus récente que ce programme ; 130 interrompu (0 si c'est par SIGTERM).`,
			`Puts the simulated card of a file ("card init --card sim:FILE" creates one) into pcscd's virtual reader
(vpcd, of the vsmartcard project): every PC/SC program sees it as a real one. Waits for a reader that is
not there, and the card is back in it when pcscd was restarted. While it is in the reader the file is
taken; while it is out, "--card sim:FILE" opens it.

Commands, one a line on standard input:
  insert [FILE]            puts the card into the reader (or that of another file), as soon as the reader has
                           seen the last one leave
  remove                   takes it out between two commands
  swap FILE                puts another in its place, so fast that the reader does not notice
  swap-gap DURATION FILE   likewise, with the reader empty meanwhile (1s: it notices)
  reset                    takes the power away for an instant, behind the reader's back
  pull N                   tears it out at the N-th cut point of its memory, a page half written
  pull-after-apdu N        tears it out after N more answers, between two commands; 0 takes it back, here and above
  status                   says how things are
  quit                     takes it out and ends
`+signalHelp.en+`The end of standard input ends nothing ("</dev/null" will do), except Ctrl-D on a keyboard.

Every event is told on standard error; with --json, as a line of JSON on standard output:
  {"schema":"secours.sim/1","event":"inserted","time":"…","reader":"127.0.0.1:35963","image":"card.img"}
event: listening (ready), waiting (no reader), occupied (another card is in the reader), inserted (the
reader sees it), powered, lost-reader, removed, pulled, swapped, armed, reset, status, failed (a command
that is refused, or a fault of the card), stopped. After removed and pulled, the file is free.

Exit codes: 0; 1; 11 no card in that file; 12 it is none; 16 another program holds it; 22 card newer
than this program; 130 interrupted (0 where that is by SIGTERM).`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			session, wrong := o.session()
			if wrong == nil {
				wrong = o.check()
			}
			if wrong != nil {
				return a.usage(c, errors.New(l.p(*wrong)))
			}
			session.Wait = a.timeout
			return a.simServe(c.Context(), o, session)
		},
	}
	f := c.Flags()
	f.StringVar(&o.image, "image", "", l.s("le fichier de la carte simulée", "the file of the simulated card"))
	f.StringVar(&o.host, "host", "127.0.0.1", l.s("la machine du lecteur", "the machine of the reader"))
	f.IntVar(&o.slot, "slot", 0, l.s("emplacement du lecteur virtuel, 0 ou 1", "slot of the virtual reader, 0 or 1"))
	f.IntVar(&o.port, "port", vpcd.Port, l.s("port de l'emplacement 0 ; l'emplacement 1 a le suivant", "port of slot 0; slot 1 has the next one"))
	f.StringVar(&o.other, "swap", "", l.s("la carte que SIGUSR2 met à la place, puis l'inverse", "the card that SIGUSR2 puts in its place, and back"))
	f.StringVar(&o.link, "link", "", l.s(
		"contact[:BAUDS] ou contactless[:KBIT] : ce que le temps de la carte compte pour les échanges, et son ATR",
		"contact[:BAUD] or contactless[:KBIT]: what the card's clock charges for exchanges, and its ATR",
	))
	f.DurationVar(&o.pageTime, "page-time", 0, l.s(
		"temps d'écriture d'une page (défaut : 3 ms par 64 octets)",
		"time to write a page (default: 3 ms for each 64 bytes)",
	))
	f.BoolVar(&o.pace, "pace", false, l.s(
		"prend le temps que prendrait une vraie carte (--link contact:115200 si rien n'est dit)",
		"take the time that a real card would (--link contact:115200 if nothing is said)",
	))
	f.UintVar(&o.seed, "seed", 0, l.s(
		"graine des défauts de mémoire, plus un à chaque insertion ; la même les répète (défaut : au hasard, dite)",
		"seed of the memory's faults, plus one at each insertion; the same repeats them (default: random, told)",
	))
	return c
}

// session is what the options say of the card.
func (o *simOptions) session() (sim.Session, *pair) {
	s := sim.Session{PageTime: o.pageTime, Seed: uint64(o.seed)}
	for s.Seed == 0 {
		s.Seed = uint64(rand.Uint32())
	}
	if o.link == "" && o.pace {
		o.link = "contact"
	}
	kind, rate, given := strings.Cut(o.link, ":")
	n, err := strconv.Atoi(rate)
	bad := given && (err != nil || n <= 0)
	switch {
	case o.link == "":
	case kind == "contact" && !given:
		s.Link = sim.Contact(115200)
	case kind == "contact" && !bad:
		s.Link = sim.Contact(n)
	case kind == "contactless" && !given:
		s.Link = sim.Contactless(106)
	case kind == "contactless" && !bad:
		s.Link = sim.Contactless(n)
	default:
		return s, &pair{"--link : contact[:BAUDS] ou contactless[:KBIT]", "--link: contact[:BAUD] or contactless[:KBIT]"}
	}
	if o.pageTime < 0 {
		return s, &pair{"--page-time : une durée", "--page-time: a duration"}
	}
	return s, nil
}

func (o *simOptions) check() *pair {
	switch {
	case o.image == "":
		return &pair{"il manque --image FICHIER", "--image FILE is missing"}
	case o.slot != 0 && o.slot != 1:
		return &pair{"--slot : 0 ou 1", "--slot: 0 or 1"}
	case o.port < 1 || o.port+o.slot > 65535:
		return &pair{"--port : un port de 1 à 65535", "--port: a port from 1 to 65535"}
	}
	return nil
}

func (o *simOptions) addr() string { return net.JoinHostPort(o.host, strconv.Itoa(o.port+o.slot)) }

// signalHelp is about systems that have these signals.
var signalHelp = map[bool]pair{true: {
	`Signaux : SIGUSR1 la retire, ou la remet ; SIGUSR2 fait « swap » avec le fichier de --swap, puis l'inverse ;
SIGTERM et SIGINT terminent.
`, `Signals: SIGUSR1 takes it out, or puts it back; SIGUSR2 does "swap" with the file of --swap, and back;
SIGTERM and SIGINT end.
`,
}, false: {
	`Ce système n'a pas SIGUSR1 et SIGUSR2 : seulement l'entrée standard.
`, `This system has no SIGUSR1 and SIGUSR2: standard input only.
`,
}}[simSignals]
