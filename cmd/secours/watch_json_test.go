package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// fixed is the time of every event.
func fixed() time.Time { return time.Date(2026, 11, 22, 9, 30, 0, 120_000_000, time.UTC) }

func TestWatchJSON(t *testing.T) {
	refused := &failure{code: exitNotOurCard, name: "not-our-card", message: "not\x1b[2J ours", hint: "another"}
	for _, c := range []struct {
		name string
		e    event
		want string
	}{
		{"watching", event{kind: eventWatching, readers: []string{"A 00 00", "B"}}, `"event":"watching","time":"2026-11-22T09:30:00.120Z","readers":["A 00 00","B"]}`},
		{"watching nothing", event{kind: eventWatching, readers: []string{}}, `"event":"watching","time":"2026-11-22T09:30:00.120Z","readers":[]}`},
		{"inserted", event{kind: eventInserted, reader: "A", atr: []byte{0x3B, 0x8f}}, `"event":"inserted","time":"2026-11-22T09:30:00.120Z","reader":"A","card":"pcsc:A","atr":"3B8F"}`},
		{"mute", event{kind: eventInserted, reader: "A"}, `"event":"inserted","time":"2026-11-22T09:30:00.120Z","reader":"A","card":"pcsc:A"}`},
		{"read", event{kind: eventRead, reader: "A", answer: &answer{}, document: []byte(`{"schema":"secours.read/1"}`)}, `"event":"read","time":"2026-11-22T09:30:00.120Z","reader":"A","card":"pcsc:A","exit":0,"read":{"schema":"secours.read/1"}}`},
		{
			"a bad verdict",
			event{kind: eventRead, reader: "A", answer: &answer{code: 14, object: []byte(`{"code":14,"name":"invalid","more":[1]}`), notes: []string{"secours: talk"}}, failure: refused, document: []byte(`{}`)},
			`"event":"read","time":"2026-11-22T09:30:00.120Z","reader":"A","card":"pcsc:A","exit":14,"error":{"code":14,"name":"invalid","more":[1]},"notes":["secours: talk"],"read":{}}`,
		},
		{
			"failed",
			event{kind: eventFailed, reader: "A", answer: &answer{code: 12}, failure: refused, retry: true},
			`"event":"failed","time":"2026-11-22T09:30:00.120Z","reader":"A","card":"pcsc:A","exit":12,"error":{"code":12,"name":"not-our-card","message":"not�[2J ours","hint":"another","retryable":false},"retry":true}`,
		},
		{"a reader's name", event{kind: eventRemoved, reader: "é\"\n\u009b2J"}, `"event":"removed","time":"2026-11-22T09:30:00.120Z","reader":"é\"\n\u009b2J","card":"pcsc:é\"\n\u009b2J"}`},
		{"no service", event{kind: eventNoService, failure: &failure{code: 10, name: "no-service", message: "m", retryable: true}}, `"event":"no-service","time":"2026-11-22T09:30:00.120Z","error":{"code":10,"name":"no-service","message":"m","retryable":true}}`},
	} {
		var out bytes.Buffer
		f := newJSONFront(&app{lang: en, out: &out, now: fixed})
		if err := f.tell(&c.e); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), `{"schema":"secours.watch/1",`+c.want+"\n"; got != want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, want)
		}
		if !json.Valid(out.Bytes()) {
			t.Errorf("%s: not JSON", c.name)
		}
	}
}

// Nothing of a reading stays in the line that passed it on, and the line never moves to another place.
func TestWatchJSONWipes(t *testing.T) {
	f := newJSONFront(&app{lang: en, out: io.Discard, now: fixed})
	line := f.line[:cap(f.line)]
	for _, n := range []int{10, maxDocument} {
		document := []byte(`"` + strings.Repeat("D", n-2) + `"`)
		if err := f.tell(&event{kind: eventRead, reader: "A", answer: &answer{}, document: document}); err != nil {
			t.Fatal(err)
		}
		if i := bytes.IndexByte(line, 'D'); i >= 0 || &line[0] != &f.line[:1][0] {
			t.Errorf("%d bytes: left behind at %d", n, i)
		}
	}
	if err := f.tell(&event{kind: eventInserted, reader: strings.Repeat("A", maxEnvelope+maxDocument)}); !errors.Is(err, errLongEvent) {
		t.Errorf("an endless name: %v", err)
	}
}

// A line goes out at once, and whole.
func TestWatchJSONWaitsForItsReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	f := newJSONFront(&app{lang: en, out: w, now: fixed})
	told := make(chan error, 1)
	go func() {
		told <- f.tell(&event{kind: eventRead, reader: "A", answer: &answer{}, document: []byte(`"` + strings.Repeat("x", 500<<10) + `"`)})
	}()
	select {
	case <-told:
		t.Fatal("more was taken than a pipe holds")
	case <-time.After(50 * time.Millisecond):
	}
	var d struct{ Read string }
	if err := json.NewDecoder(r).Decode(&d); err != nil || len(d.Read) != 500<<10 {
		t.Errorf("%d bytes arrived: %v", len(d.Read), err)
	}
	if err := <-told; err != nil {
		t.Error(err)
	}
}

func TestWatchText(t *testing.T) {
	var out, talk bytes.Buffer
	a := &app{lang: en, out: &out, err: &talk, now: fixed, colour: "auto", getenv: func(string) string { return "" }}
	f := a.newTextFront(nil)
	if j := f.job("A"); j != (job{reader: "A", width: 80}) {
		t.Errorf("asks for %+v", j)
	}
	wrong := &failure{code: exitInvalid, name: "invalid", message: "tampered"}
	for _, e := range []event{
		{kind: eventWatching, readers: []string{"A"}},
		{kind: eventInserted, reader: "A\x1b[2J"},
		{kind: eventRead, reader: "A", answer: &answer{code: 14, notes: []string{"secours: talk"}}, failure: wrong, document: []byte("the summary\n")},
		{kind: eventRemoved, reader: "A"},
		{kind: eventFailed, reader: "A", answer: &answer{code: 12}, failure: &failure{code: 12, message: "not ours", hint: "another"}},
		{kind: eventRead, reader: "A", answer: &answer{code: 14}, failure: wrong, document: []byte("the last\n"), final: true},
		{kind: eventReaderRemoved, reader: "A"},
		{kind: eventReaderAdded, reader: "A"},
		{kind: eventService},
	} {
		if err := f.tell(&e); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := out.String(), "---- CARD INSERTED  A�[2J  09:30:00 ----\nthe summary\n---- CARD REMOVED  A  09:30:00 ----\nthe last\n"; got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	for _, said := range []string{"cannot be taken back", "tampered", "secours: talk\n", "not ours", "another", "unplugged", "answers again"} {
		if n := strings.Count(talk.String(), said); n != 1 {
			t.Errorf("%q is said %d times in:\n%s", said, n, talk.String())
		}
	}
}

func TestCompactJSON(t *testing.T) {
	for _, text := range []string{
		"{}", " {\n  \"a\": [1, 2,\t3],\r\n  \"b\": \"c  d \\\" : e\\\\\"\n}\n", `"\\"`, `["é \u0020", null , true]`, "12",
	} {
		var want bytes.Buffer
		if err := json.Compact(&want, []byte(text)); err != nil {
			t.Fatal(err)
		}
		b := []byte(text)
		n := compactJSON(b)
		if string(b[:n]) != want.String() {
			t.Errorf("%q: %q, want %q", text, b[:n], want.String())
		}
		if len(bytes.Trim(b[n:], "\x00")) > 0 {
			t.Errorf("%q: left behind %q", text, b[n:])
		}
	}
	for _, text := range []string{"", "{", "{} {}", `{"a":1`, "text"} {
		b := []byte(text)
		if n := compactJSON(b); n != 0 || len(bytes.Trim(b, "\x00")) > 0 {
			t.Errorf("%q: %d bytes, left behind %q", text, n, b)
		}
	}
}

func FuzzCompactJSON(f *testing.F) {
	f.Add([]byte(" {\"a\" : \"\\\" \" } "))
	f.Fuzz(func(t *testing.T, text []byte) {
		var want bytes.Buffer
		_ = json.Compact(&want, text)
		if !json.Valid(text) {
			want.Reset()
		}
		if n := compactJSON(text); !bytes.Equal(text[:n], want.Bytes()) {
			t.Errorf("%q, want %q", text[:n], want.Bytes())
		}
	})
}

func TestParseTalk(t *testing.T) {
	f, object, notes := parseTalk([]byte("secours: a note\n{\"code\":15,\"name\":\"older-state\",\"message\":\"m\",\"hint\":\"h\",\"retryable\":true,\"path\":\"p\"}\nanother\n\n{not JSON\n"))
	if f == nil || f.code != 15 || f.name != "older-state" || f.message != "m" || f.hint != "h" || f.path != "p" || !f.retryable {
		t.Errorf("failure %+v", f)
	}
	if !json.Valid(object) {
		t.Errorf("object %q", object)
	}
	if want := []string{"secours: a note", "another", "{not JSON"}; !slices.Equal(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
	if f, object, notes := parseTalk(nil); f != nil || object != nil || notes != nil {
		t.Error("something out of nothing")
	}
	if _, _, notes := parseTalk(bytes.Repeat([]byte("x\n"), 1000)); len(notes) > 16 {
		t.Errorf("%d notes", len(notes))
	}
}
