package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"

	"golang.org/x/term"
)

// showPages prints a screen on a terminal. Printed at once, a screen longer than the terminal leaves its end in view, and the
// first lines, which hold what can kill, scrolled away. So it stops after each page until Enter, and ends at q, at the
// end of the input or when ctx is done. Where out or in is no terminal, or everything fits, it prints and returns.
// It waits for a human: nothing of the card may be held open meanwhile.
func showPages(ctx context.Context, out io.Writer, in io.Reader, text []byte, l lang) error {
	rows := 0
	if o, ok := out.(*os.File); ok {
		if i, ok := in.(*os.File); ok && term.IsTerminal(int(i.Fd())) {
			if _, h, err := term.GetSize(int(o.Fd())); err == nil {
				rows = h
			}
		}
	}
	return pages(ctx, out, in, text, rows, l)
}

// pages is showPages for a terminal of so many rows; fewer than page and a prompt stand for none.
func pages(ctx context.Context, out io.Writer, in io.Reader, text []byte, rows int, l lang) error {
	if rows <= page || bytes.Count(text, []byte("\n")) < rows {
		_, err := out.Write(text)
		return err
	}
	answers := make(chan string)
	go func() {
		// The reading outlives an interrupted wait, since a terminal cannot be made to stop; the process ends then.
		defer close(answers)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			select {
			case answers <- lines.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		n := 0
		for range rows - 1 {
			end := bytes.IndexByte(text[n:], '\n')
			if end < 0 {
				n = len(text)
				break
			}
			n += end + 1
		}
		if _, err := out.Write(text[:n]); err != nil {
			return err
		}
		if text = text[n:]; len(text) == 0 {
			return nil
		}
		if _, err := io.WriteString(out, l.s("-- SUITE : Entrée. Fin : q puis Entrée -- ", "-- MORE: Enter. Stop: q, then Enter -- ")); err != nil {
			return err
		}
		select {
		case answer, ok := <-answers:
			if !ok || answer == "q" || answer == "Q" {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
