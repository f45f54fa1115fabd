// Command secours writes, reads and checks the emergency summary on a patient's card.
//
// One file per verb; run.go builds the command tree, failure.go has the exit codes and meanings.go what errors mean to a user,
// tui.go has every prompt, session.go reaches the card, reading.go checks what is on it, render.go draws the screen.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(mainCode()) }

func mainCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks, the second one is obeyed by the system.
	context.AfterFunc(ctx, stop)
	return execute(ctx, os.Args[1:], newApp())
}
