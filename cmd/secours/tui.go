package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/secours-card/secours/summary/trust"
)

// The rules of the interface:
//
//   - standard output is data, and nothing else ever goes there;
//   - a secret comes from a prompt on the terminal, from a file descriptor, or from standard input; never from an argument or
//     the environment, and it is never echoed, logged or put into an error;
//   - prompts come before the card is opened: nothing waits for a human while a card is held;
//   - without a terminal there is no prompt, but an error that says which option to use.

// maxSecret bounds a secret, in bytes.
const maxSecret = 1024

type secretFlags struct {
	fd    int
	stdin bool
	// file is what fd names, kept open: a verb that needs two passphrases reads two lines.
	file *os.File
	// given are the passphrases of this run. Identity and keys often have the same one, which is then asked for once.
	given []string
}

func (a *app) addSecretFlags(c *cobra.Command) {
	c.Flags().IntVar(&a.secrets.fd, "passphrase-fd", -1, a.lang.s(
		"lit les secrets sur ce descripteur de fichier, un par ligne, dans l'ordre où ils seraient demandés : identité, clés (une même phrase de passe ne l'est qu'une fois), code de secours, code de la carte",
		"read the secrets from this file descriptor, one line for each, in the order asked: identity, keys (one passphrase for both is asked for once), recovery code, the card's PIN",
	))
	c.Flags().Lookup("passphrase-fd").DefValue = "0" // no descriptor by default: help is not to show one
	c.Flags().BoolVar(&a.secrets.stdin, "passphrase-stdin", false, a.lang.s(
		"lit les secrets sur l'entrée standard, de même",
		"read the secrets from standard input, likewise",
	))
	c.MarkFlagsMutuallyExclusive("passphrase-fd", "passphrase-stdin")
}

// secretGiven reports whether an option names where the passphrase comes from.
func (a *app) secretGiven() bool { return a.secrets.fd >= 0 || a.secrets.stdin }

// secret returns a passphrase from where the options say, else from the terminal.
func (a *app) secret(ctx context.Context, prompt string) (string, error) {
	secret, err := a.readSecret(ctx, prompt)
	if err == nil && !slices.Contains(a.secrets.given, secret) {
		a.secrets.given = append(a.secrets.given, secret)
	}
	return secret, err
}

func (a *app) readSecret(ctx context.Context, prompt string) (string, error) {
	given, err := a.secretBytes(ctx, prompt)
	defer clear(given)
	return string(given), err
}

// secretBytes returns a secret that can be wiped, which is all there is of it here.
func (a *app) secretBytes(ctx context.Context, prompt string) ([]byte, error) {
	switch {
	case a.secrets.fd >= 0:
		if a.secrets.file == nil {
			if a.secrets.file = os.NewFile(uintptr(a.secrets.fd), "passphrase-fd"); a.secrets.file == nil {
				return nil, &failure{code: exitGeneral, name: "usage", message: a.lang.s(
					"--passphrase-fd : ce descripteur n'est pas ouvert",
					"--passphrase-fd: that descriptor is not open",
				)}
			}
		}
		return interruptible(ctx, func() ([]byte, error) { return a.secretLine(a.secrets.file) })
	case a.secrets.stdin:
		return interruptible(ctx, func() ([]byte, error) { return a.secretLine(a.in) })
	}
	return a.prompt(ctx, prompt)
}

// unlock runs open with the passphrases that were given in this run, then with one that it asks for, as long as the
// error is trust.ErrPassphrase. It returns the passphrase that opened.
func unlock[T any](ctx context.Context, a *app, prompt string, open func(passphrase string) (T, error)) (T, string, error) {
	for _, passphrase := range a.secrets.given {
		v, err := interruptible(ctx, func() (T, error) { return open(passphrase) })
		if !errors.Is(err, trust.ErrPassphrase) {
			return v, passphrase, err
		}
	}
	passphrase, err := a.secret(ctx, prompt)
	if err != nil {
		var none T
		return none, "", err
	}
	v, err := interruptible(ctx, func() (T, error) { return open(passphrase) })
	return v, passphrase, err
}

// secretLine reads one line, without its end. It reads byte by byte, so that what follows on standard input is left for its reader.
func (a *app) secretLine(r io.Reader) ([]byte, error) {
	line := make([]byte, 0, maxSecret+1) // that it does not grow, and leave copies behind
	b := make([]byte, 1)
	for {
		n, err := r.Read(b)
		if n == 1 {
			if b[0] == '\n' {
				break
			}
			if line = append(line, b[0]); len(line) > maxSecret {
				clear(line)
				return nil, &failure{code: exitSigner, name: "passphrase", message: a.lang.s(
					"la phrase de passe est trop longue",
					"the passphrase is too long",
				)}
			}
			continue
		}
		if errors.Is(err, io.EOF) && len(line) > 0 {
			break
		}
		if err != nil {
			clear(line)
			return nil, &failure{code: exitSigner, name: "passphrase", message: a.lang.s(
				"un secret attendu n'a pas pu être lu",
				"a secret that was to come could not be read",
			), hint: a.lang.s(
				"un par ligne : la phrase de passe de l'identité, celle des clés si elle diffère, le code de secours",
				"one a line: the passphrase of the identity, that of the keys where it differs, the recovery code",
			), err: err}
		}
	}
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

func (a *app) prompt(ctx context.Context, prompt string) ([]byte, error) {
	tty, err := a.openTerminal()
	if err != nil {
		return nil, &failure{
			code: exitSigner, name: "passphrase",
			message: fmt.Sprintf(a.lang.s("pas de terminal où demander : %s", "there is no terminal to ask on: %s"),
				a.lang.quote(strings.TrimRight(prompt, ": "))),
			hint: a.lang.s(
				"donnez-le par --passphrase-fd ou --passphrase-stdin, sur une ligne",
				"give it with --passphrase-fd or --passphrase-stdin, on a line",
			),
		}
	}
	defer tty.close()
	state, err := term.GetState(int(tty.in.Fd()))
	if err != nil {
		return nil, err
	}
	fmt.Fprint(tty.out, prompt)
	secret, err := interruptible(ctx, func() ([]byte, error) { return term.ReadPassword(int(tty.in.Fd())) })
	fmt.Fprintln(tty.out)
	switch {
	case err != nil:
		// Interrupted, the reading is still there, with the echo off.
		term.Restore(int(tty.in.Fd()), state)
		return nil, err
	case len(secret) > maxSecret:
		clear(secret)
		return nil, &failure{code: exitSigner, name: "passphrase", message: a.lang.s(
			"la phrase de passe est trop longue",
			"the passphrase is too long",
		)}
	}
	return secret, nil
}

// newSecret asks for a passphrase twice.
func (a *app) newSecret(ctx context.Context) (string, error) {
	first, err := a.secret(ctx, a.lang.s("Nouvelle phrase de passe : ", "New passphrase: "))
	if err == nil && first == "" {
		err = &failure{
			code: exitSigner, name: "passphrase",
			message: a.lang.s(
				"la phrase de passe est vide : la clé serait à qui trouve le fichier",
				"the passphrase is empty: the key would be whoever's who finds the file",
			),
			hint: a.lang.s("pour un essai : --no-passphrase", "for a trial: --no-passphrase"),
		}
	}
	if err != nil || a.secretGiven() {
		return first, err
	}
	again, err := a.secret(ctx, a.lang.s("La même, pour vérifier : ", "The same again: "))
	if err != nil {
		return "", err
	}
	if first != again {
		return "", &failure{code: exitSigner, name: "passphrase", message: a.lang.s(
			"les deux phrases de passe diffèrent",
			"the two passphrases differ",
		)}
	}
	return first, nil
}

// terminal is where prompts are shown and answered.
type terminal struct {
	in    *os.File
	out   io.Writer
	close func()
}

// openTerminal returns the controlling terminal, since standard input may be the summary and standard error a log file. Where
// there is none, standard input will do if it is a terminal.
func (a *app) openTerminal() (*terminal, error) {
	read, write := "/dev/tty", "/dev/tty"
	if runtime.GOOS == "windows" {
		read, write = "CONIN$", "CONOUT$"
	}
	in, err := os.OpenFile(read, os.O_RDWR, 0)
	if err == nil && term.IsTerminal(int(in.Fd())) {
		if out, err := os.OpenFile(write, os.O_RDWR, 0); err == nil {
			return &terminal{in, out, func() { in.Close(); out.Close() }}, nil
		}
	}
	if err == nil {
		in.Close()
	}
	if a.in != nil && term.IsTerminal(int(a.in.Fd())) {
		return &terminal{a.in, a.err, func() {}}, nil
	}
	return nil, errors.New("no terminal")
}

// note is a line of talk on standard error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.err, "secours: %s\n", clean(fmt.Sprintf(format, args...)))
}

// patience is how long a wait may last before it is explained.
const patience = 2 * time.Second

// interruptible runs f, which knows no context, and leaves it behind when ctx ends; the process ends soon after.
func interruptible[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Canceled
	}
}

// waiting runs f, and says what it waits for when that takes long.
func (a *app) waiting(what string, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		if !a.json { // standard error is for one object then
			a.note("%s", what)
		}
		return <-done
	}
}
