package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	const prompt = "-- SUITE : Entrée. Fin : q puis Entrée -- "
	text := strings.Repeat("ligne\n", 60)
	for _, c := range []struct {
		name, in string
		rows     int
		want     string
	}{
		{"no terminal", "", 0, text},
		{"too small to page", "", 20, text},
		{"fits", "", 61, text},
		{"all", "\n\n", 24, strings.Repeat("ligne\n", 23) + prompt + strings.Repeat("ligne\n", 23) + prompt + strings.Repeat("ligne\n", 14)},
		{"stopped", "\nq\n", 24, strings.Repeat("ligne\n", 23) + prompt + strings.Repeat("ligne\n", 23) + prompt},
		{"input ends", "", 24, strings.Repeat("ligne\n", 23) + prompt},
	} {
		var out bytes.Buffer
		if err := pages(context.Background(), &out, strings.NewReader(c.in), []byte(text), c.rows, fr); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if out.String() != c.want {
			t.Errorf("%s: got %q", c.name, out.String())
		}
	}
	// An interruption ends the wait though nobody answers.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	never, writer := io.Pipe()
	defer writer.Close()
	if err := pages(ctx, io.Discard, never, []byte(text), 24, fr); err != context.Canceled {
		t.Errorf("interrupted: %v", err)
	}
	// In a file nothing waits.
	var out bytes.Buffer
	if err := showPages(context.Background(), &out, never, []byte(text), fr); err != nil || out.String() != text {
		t.Errorf("into a buffer: %v, %d bytes", err, out.Len())
	}
}
