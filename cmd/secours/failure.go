package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes. They are part of the interface: practice software decides by them.
const (
	exitOK            = 0
	exitGeneral       = 1
	exitNoReader      = 10
	exitNoCard        = 11
	exitNotOurCard    = 12
	exitPIN           = 13
	exitInvalid       = 14
	exitUnverifiable  = 15
	exitBusy          = 16
	exitWrongPatient  = 17
	exitConflict      = 18
	exitNoSpace       = 19
	exitNotAuthorised = 20
	exitSigner        = 21
	exitNewerFormat   = 22
	exitInterrupted   = 130
)

// failure is an error as the user sees it: the code and name are stable, the message is in the user's language and never
// holds a clinical value, the hint says what to do.
type failure struct {
	code      int
	name      string
	message   string
	hint      string
	path      string
	retryable bool
	problems  []problem
	err       error
}

func (f *failure) Error() string { return f.message }
func (f *failure) Unwrap() error { return f.err }

// report prints an error, if there is one, and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitOK
	}
	f := a.explain(err)
	if a.json {
		b, err := json.Marshal(struct {
			Code      int    `json:"code"`
			Name      string `json:"name"`
			Message   string `json:"message"`
			Hint      string `json:"hint,omitempty"`
			Path      string `json:"path,omitempty"`
			Retryable bool   `json:"retryable"`
			// Problems lists all that is wrong with a summary; Path is the first.
			Problems []problem `json:"problems,omitempty"`
		}{f.code, f.name, clean(f.message), clean(f.hint), f.path, f.retryable, f.problems})
		if err == nil {
			fmt.Fprintf(a.err, "%s\n", b)
		}
		return f.code
	}
	fmt.Fprint(a.err, a.talk(f))
	return f.code
}

// talk is what a person reads of a failure.
func (a *app) talk(f *failure) string {
	text := fmt.Sprintf("secours: %s: %s\n", a.lang.s("erreur", "error"), indentLines(clean(f.message)))
	if f.hint != "" {
		text += fmt.Sprintf("secours: %s: %s\n", a.lang.s("conseil", "hint"), indentLines(clean(f.hint)))
	}
	return text
}

func indentLines(s string) string { return strings.ReplaceAll(s, "\n", "\n  ") }

func (a *app) usage(c *cobra.Command, err error) error {
	return &failure{
		code: exitGeneral, name: "usage", message: a.lang.s(frenchUsage.Replace(err.Error()), err.Error()), err: err,
		hint: fmt.Sprintf(a.lang.s("« %s --help » montre l'emploi", "\"%s --help\" shows the usage"), c.CommandPath()),
	}
}

// frenchUsage translates what cobra and pflag say of a command line.
var frenchUsage = strings.NewReplacer(
	"unknown flag: ", "option inconnue : ",
	"unknown shorthand flag: ", "option courte inconnue : ",
	"flag needs an argument: ", "il manque la valeur de l'option ",
	"bad flag syntax: ", "option mal écrite : ",
	"invalid argument ", "valeur incorrecte ",
	" for \"", " pour \"",
	"unknown command ", "argument de trop : ",
	"if any flags in the group ", "parmi les options ",
	" are set none of the others can be; ", ", une seule est possible ; ",
	" were all set", " ont été données",
)
