package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxDocument bounds what a reading may print. A record has at most 16 KiB, and a summary as JSON at most 1 MiB (summary.MaxJSON).
	maxDocument = 1 << 20
	// maxTalk bounds what it may say on standard error.
	maxTalk = 16 << 10
	// readingTime is what a reading may take beyond the wait for a busy reader: a slow card at 9600 baud, and a passphrase to stretch.
	readingTime = 15 * time.Second
)

// job is one reading to do: of the card in a reader, as JSON or for a screen of so many columns.
type job struct {
	reader string
	width  int // 0 for JSON
	colour bool
}

// answer is how a reading ended. There is a document where it showed one, whatever the verdict.
type answer struct {
	length  int // of the document, 0 for none
	code    int
	failure *failure // unless code is 0
	notes   []string
	// object is failure as the reading put it, as JSON.
	object []byte
}

// readFunc does a job, and leaves its document in a buffer that it was given. It ends soon after ctx does.
type readFunc func(ctx context.Context, j job, document []byte) answer

// readings starts this program again for every reading.
type readings struct {
	a      *app
	self   string
	secret []byte // with its line feed; empty where none is needed
	// said are the notes of prepare: every reading would repeat them.
	said []string
}

func (a *app) newReadings() (*readings, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &readings{a: a, self: self}, nil
}

// setSecret takes a passphrase over, and wipes it where it was.
func (r *readings) setSecret(passphrase []byte) {
	// As long as any can be, so that appending leaves no copy behind.
	r.secret = append(make([]byte, 0, maxSecret+1), passphrase...)
	r.secret = append(r.secret, '\n')
	clear(passphrase)
}

func (r *readings) wipe() { clear(r.secret[:cap(r.secret)]) }

// common are the options that a child takes over.
func (r *readings) common() []string {
	lang := "en"
	if r.a.lang == fr {
		lang = "fr"
	}
	args := []string{"--lang=" + lang}
	if r.a.home != "" {
		args = append(args, "--home="+r.a.home)
	}
	return args
}

func (r *readings) read(ctx context.Context, j job, document []byte) answer {
	args := append([]string{"read"}, r.common()...)
	args = append(args, "--card=pcsc:"+j.reader, "--timeout="+r.a.timeout.String())
	if j.width == 0 {
		args = append(args, "--json", "--watched=0")
	} else {
		colour := "never"
		if j.colour {
			colour = "always"
		}
		args = append(args, "--watched="+strconv.Itoa(j.width), "--color="+colour)
	}
	end := r.child(ctx, args, r.secret, document)
	l := r.a.lang
	switch {
	case ctx.Err() != nil || errors.Is(end.err, context.DeadlineExceeded):
		return failedReading(&failure{
			code: exitBusy, name: "no-answer", retryable: true,
			message: l.s("le lecteur ou la carte ne répond pas", "the reader or the card does not answer"),
			hint:    l.s("retirez la carte et remettez-la", "take the card out and put it back"),
		})
	case end.err != nil:
		return failedReading(&failure{
			code: exitGeneral, name: "failed", retryable: true, err: end.err,
			message: l.s("la lecture n'a pas pu commencer", "the reading could not be started"),
		})
	case end.overflow:
		return failedReading(&failure{
			code: exitInvalid, name: "too-large",
			message: fmt.Sprintf(l.s(
				"ce que porte la carte est trop long à montrer ici : plus de %d octets",
				"what the card holds is too long to be shown here: more than %d bytes",
			), len(document)),
			hint: l.s("« secours read » le montre", "\"secours read\" shows it"),
		})
	}
	an := answer{code: end.code}
	an.failure, an.object, an.notes = parseTalk(end.talk)
	if f := an.failure; f != nil && f.code == exitPIN && f.name == "pin" && f.hint != "" {
		// What it advises is not possible here: this program has the terminal, and a PIN is not kept.
		f.hint = fmt.Sprintf(l.s(
			"dans un autre terminal, « secours read --card \"pcsc:%s\" » le demande",
			"in another terminal, 'secours read --card \"pcsc:%s\"' asks for it",
		), j.reader)
		an.object = nil
	}
	an.notes = slices.DeleteFunc(an.notes, func(n string) bool { return slices.Contains(r.said, n) })
	// Only with these codes does "read" show anything. Whatever ended in another way may have been cut short.
	shown := slices.Contains([]int{exitOK, exitInvalid, exitUnverifiable, exitNotAuthorised}, end.code)
	if shown && end.length > 0 {
		an.length = end.length
		if j.width == 0 {
			an.length = compactJSON(document[:end.length])
		}
	}
	if an.length == 0 && (an.failure == nil || !end.exited) || an.code != 0 && an.failure == nil {
		if an.length == 0 {
			clear(document[:end.length])
		}
		return failedReading(&failure{
			code: exitGeneral, name: "failed", retryable: true,
			message: fmt.Sprintf(l.s("la lecture s'est interrompue (code %d)", "the reading broke off (code %d)"), end.code),
		})
	}
	return an
}

func failedReading(f *failure) answer { return answer{code: f.code, failure: f} }

// prepare tries the keys, with the passphrase where there is one, and returns the line on the age of the trust data.
func (r *readings) prepare(ctx context.Context) (string, error) {
	return r.ask(ctx, "keys", r.secret)
}

// trustAge returns the line on the age of the trust data; "" if it cannot be had.
func (r *readings) trustAge(ctx context.Context) string {
	line, _ := r.ask(ctx, "trust", nil)
	return line
}

func (r *readings) ask(ctx context.Context, what string, secret []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readingTime)
	defer cancel()
	out := make([]byte, 4<<10)
	end := r.child(ctx, append([]string{"watch", "--prepare=" + what, "--json"}, r.common()...), secret, out)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	f, _, notes := parseTalk(end.talk)
	if what == "keys" {
		r.said = notes
		for _, n := range notes {
			fmt.Fprintln(r.a.err, clean(n))
		}
	}
	switch {
	case end.err != nil:
		return "", end.err
	case f != nil:
		return "", f
	case end.code != 0:
		return "", fmt.Errorf("secours watch --prepare: exit code %d", end.code)
	}
	return strings.TrimSpace(string(out[:end.length])), nil
}

// childEnd is how a child ended.
type childEnd struct {
	length   int  // of what it printed
	overflow bool // it printed more than there was room for, and was killed
	talk     []byte
	exited   bool // of itself
	code     int
	err      error // it could not be run
}

// child runs this program with other arguments. What it prints is left in out.
func (r *readings) child(ctx context.Context, args []string, secret, out []byte) (end childEnd) {
	// On Linux the child is told to die when the thread that started it does, which must not be before its process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	if len(secret) > 0 {
		args = append(args, "--passphrase-stdin")
	}
	c := exec.CommandContext(ctx, r.self, args...)
	c.SysProcAttr = childAttributes()
	var in io.WriteCloser
	var err error
	if len(secret) > 0 {
		if in, err = c.StdinPipe(); err != nil {
			return childEnd{err: err}
		}
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return childEnd{err: err}
	}
	stderr, err := c.StderrPipe()
	if err != nil {
		return childEnd{err: err}
	}
	if err := c.Start(); err != nil {
		return childEnd{err: err}
	}
	defer bind(c.Process)()
	// Nothing that a killed child may have started keeps this waiting.
	context.AfterFunc(ctx, func() { stdout.Close(); stderr.Close() })
	if in != nil {
		// Shorter than any pipe, so that this waits for nobody. A child that is dead already will say so itself.
		_, _ = in.Write(secret)
		_ = in.Close()
	}
	talk := make(chan []byte, 1)
	go func() {
		b := make([]byte, maxTalk)
		n, more := fill(stderr, b)
		if more {
			_, _ = io.Copy(io.Discard, stderr)
		}
		talk <- b[:n]
	}()
	end.length, end.overflow = fill(stdout, out)
	if end.overflow {
		kill()
	}
	end.talk = <-talk
	_ = c.Wait() // the state says it all
	end.exited, end.code = c.ProcessState.Exited(), c.ProcessState.ExitCode()
	return end
}

// fill reads up to the end, or until b is full and there is more.
func fill(r io.Reader, b []byte) (n int, more bool) {
	n, err := io.ReadFull(r, b)
	if err != nil {
		return n, false
	}
	var one [1]byte
	m, _ := r.Read(one[:])
	return n, m > 0
}

// parseTalk takes apart what a child said on standard error: at most one JSON object, the failure, and lines of talk.
func parseTalk(talk []byte) (f *failure, object []byte, notes []string) {
	for line := range bytes.Lines(talk) {
		line = bytes.TrimSpace(line)
		var d struct {
			Code      int    `json:"code"`
			Name      string `json:"name"`
			Message   string `json:"message"`
			Hint      string `json:"hint"`
			Path      string `json:"path"`
			Retryable bool   `json:"retryable"`
		}
		switch {
		case len(line) == 0:
		case line[0] == '{' && json.Unmarshal(line, &d) == nil && d.Name != "":
			f = &failure{code: d.Code, name: d.Name, message: d.Message, hint: d.Hint, path: d.Path, retryable: d.Retryable}
			object = bytes.Clone(line)
		case len(notes) < 16:
			notes = append(notes, string(line))
		}
	}
	return f, object, notes
}

// compactJSON takes the white space between the tokens of a JSON text out, in its place: encoding/json would leave a copy behind. It
// returns the new length, 0 for what is no JSON text.
func compactJSON(text []byte) int {
	if !json.Valid(text) {
		clear(text)
		return 0
	}
	n, quoted, escaped := 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			continue
		default:
			quoted = c == '"'
		}
		text[n] = c
		n++
	}
	clear(text[n:])
	return n
}

// withStack keeps where a panic came from, which is lost when it is raised again in another goroutine.
func withStack(p any) string { return fmt.Sprintf("%v\n\n%s", p, debug.Stack()) }
