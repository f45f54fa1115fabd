package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/secours-card/secours/pcsc/pcsctest"
)

// TestMain lets the scripts run secours as a process of its own, from the test binary, and keeps all of it away from the machine's own
// pcscd. SECOURS_TEST_NOW sets its clock.
func TestMain(m *testing.M) {
	testscript.Main(pcsctest.M{M: m}, map[string]func(){
		"secours": func() {
			a := newApp()
			if v := os.Getenv("SECOURS_TEST_NOW"); v != "" {
				at, err := time.Parse(time.RFC3339, v)
				if err != nil {
					panic(err)
				}
				a.now = func() time.Time { return at }
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
			defer stop()
			os.Exit(execute(ctx, os.Args[1:], a))
		},
	})
}

// TestScripts runs the command line as its users do. The scripts add one command to testscript's:
//
//	exits CODE COMMAND [ARG…]   the command must end with that exit code
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SECOURS_CARD", "sim:card.img")
			e.Vars = append(e.Vars, pcsctest.Environ()...)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 {
					ts.Fatalf("usage: exits CODE COMMAND [ARG…]")
				}
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					var exit *exec.ExitError
					if !errors.As(err, &exit) {
						ts.Fatalf("%v", err)
					}
					got = exit.ExitCode()
				}
				if got != want {
					ts.Fatalf("exit code %d, want %d", got, want)
				}
			},
		},
	})
}
