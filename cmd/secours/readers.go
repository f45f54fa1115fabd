package main

import (
	"context"
	"encoding/hex"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/pcsc"
)

func (a *app) readersCommand() *cobra.Command {
	l := a.lang
	return &cobra.Command{
		Use:   "readers",
		Short: l.s("Montrer les lecteurs et ce qu'ils contiennent", "Show the readers and what is in them"),
		Long: l.s(`Montre chaque lecteur, s'il y a une carte, et laquelle : son numéro et son état pour une carte
Secours, jamais rien de médical. Les autres cartes, comme celle d'un professionnel, sont laissées
telles quelles. La ligne --card se recopie dans une commande ; --card lui-même est ici sans effet.

Codes de sortie : 0 ; 10 pas de service ou de lecteur.`,
			`Shows each reader, whether there is a card, and which: its number and state for a Secours card,
never anything medical. Other cards, as a professional's own, are left as they are. The line
--card can be copied into a command; --card itself has no effect here.

Exit codes: 0; 10 no service or reader.`),
		Args: a.args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.readers(c.Context(), systemCards{}) },
	}
}

// readersDocument is the JSON of "readers".
type readersDocument struct {
	Schema  string           `json:"schema"`
	Readers []readerDocument `json:"readers"`
}

// readerDocument is what JSON says of a reader.
type readerDocument struct {
	Name string `json:"name"`
	// Card is what --card takes.
	Card    string `json:"card"`
	Present bool   `json:"present"`
	ATR     string `json:"atr,omitempty"` // hexadecimal
	State   string `json:"state"`
	Medium  string `json:"medium,omitempty"` // of our card or a tag: application or type4
	ID      string `json:"id,omitempty"`     // of our card
}

func (a *app) readers(ctx context.Context, s smartCards) error {
	list, looks, err := a.lookInto(ctx, s)
	if err != nil {
		return err
	}
	d := readersDocument{Schema: "secours.readers/1", Readers: readerDocuments(list, looks)}
	if a.json {
		err = a.printJSON(d)
	} else {
		err = a.printReaders(d.Readers)
	}
	if err == nil && len(list) == 0 {
		err = pcsc.ErrNoReader
	}
	return err
}

func readerDocuments(list []pcsc.Reader, looks []found) []readerDocument {
	documents := make([]readerDocument, len(list))
	for i, r := range list {
		documents[i] = readerDocument{
			Name: r.Name, Card: "pcsc:" + r.Name, Present: r.Card, ATR: strings.ToUpper(hex.EncodeToString(r.ATR)),
			State: looks[i].state, Medium: looks[i].medium, ID: looks[i].id,
		}
		// Taken out between the question and the look.
		if looks[i].state == lookNoCard {
			documents[i].Present, documents[i].ATR = false, ""
		}
	}
	return documents
}

func (a *app) printReaders(readers []readerDocument) error {
	s := a.newScreen()
	a.drawReaders(s, readers)
	_, err := a.out.Write(s.out)
	return err
}

func (a *app) drawReaders(s *screen, readers []readerDocument) {
	l := a.lang
	for i, r := range readers {
		if i > 0 {
			s.newline()
		}
		s.flow("", plain, new(phrase).add(strong, oneLine(r.Name)), indent)
		row := func(name string, value *phrase) {
			// Their widest is "numéro".
			s.flow("  "+name+strings.Repeat(" ", 8-textWidth(name)), plain, value, 10)
		}
		state := lookWords[r.State]
		row(l.s("carte", "card"), quotesKept(new(phrase), l.p(state)))
		if r.ID != "" {
			row(l.s("numéro", "number"), new(phrase).add(plain, r.ID))
		}
		if r.ATR != "" {
			row("ATR", new(phrase).add(plain, r.ATR))
		}
		// Never wrapped: it is there to be copied.
		argument, ok := shellQuote(r.Card, runtime.GOOS == "windows")
		if !ok {
			argument = l.s("un nom qui ne se tape pas : voir --json", "a name that cannot be typed: see --json")
		}
		s.paint(plain, "  --card  "+argument)
		s.newline()
	}
}

// newScreen is a screen for where standard output goes: as wide as its terminal, and without end where it is none.
func (a *app) newScreen() *screen {
	s := &screen{width: 1 << 16, colour: a.colour == "always"}
	if out, ok := a.out.(*os.File); ok {
		if columns, _ := terminalSize(out); columns > 0 {
			s.width = max(columns, 24) // an indent and a word
		}
		s.colour = s.colour || a.colour == "auto" && colourWanted(out, a.getenv)
	}
	return s
}

// quotesKept adds a text in which what stands in quotation marks, commands to be copied, stays on one line.
func quotesKept(p *phrase, text string) *phrase {
	text = oneLine(text)
	for {
		at := strings.IndexAny(text, "«\"")
		if at < 0 {
			return p.add(plain, text)
		}
		end := "\""
		if text[at] != '"' {
			end = "»"
		}
		n := strings.Index(text[at+1:], end)
		if n < 0 {
			return p.add(plain, text)
		}
		n += at + 1 + len(end)
		p.add(plain, text[:at]).keep(plain, text[at:n])
		text = text[n:]
	}
}

// shellQuote makes one argument of s, for a POSIX shell or for both of Windows; false where s holds what does not survive a terminal
// or these shells.
func shellQuote(s string, windows bool) (string, bool) {
	if oneLine(s) != s {
		return "", false
	}
	if windows {
		if strings.ContainsAny(s, "\"%$`!^“”„") { // PowerShell takes typographic quotation marks for its own
			return "", false
		}
		return `"` + s + `"`, true
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", true
}
