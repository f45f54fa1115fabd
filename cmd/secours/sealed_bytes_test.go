package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/secours-card/secours/card"
	"github.com/secours-card/secours/summary"
	"github.com/secours-card/secours/summary/record"
)

// needles are what a finder of the card must not find on it, by a name.
func (w *ward) needles(files ...string) map[string][]byte {
	w.Helper()
	found := map[string][]byte{}
	add := func(name string, b []byte) {
		if len(b) >= 4 {
			found[name] = b
		}
	}
	text := func(from, s string) {
		add(from+" "+s, []byte(s))
		add(from+" upper "+s, []byte(strings.ToUpper(s)))
		for order, append16 := range map[string]func([]byte, uint16) []byte{
			"little": binary.LittleEndian.AppendUint16, "big": binary.BigEndian.AppendUint16,
		} {
			var wide []byte
			for _, u := range utf16.Encode([]rune(s)) {
				wide = append16(wide, u)
			}
			add(from+" UTF-16 "+order+" "+s, wide)
		}
	}
	for _, name := range files {
		var v any
		if err := json.Unmarshal(w.bytes(name), &v); err != nil {
			w.Fatal(err)
		}
		for _, s := range jsonTexts(v, 4) {
			text(name, s)
		}
	}
	for _, h := range demoHomes {
		c := w.identity(h.name).Certificate
		for _, s := range []string{h.subject.Name, h.subject.ID, h.subject.Organization, h.subject.Place, c.Subject.CommonName, c.Issuer.CommonName} {
			text(h.name, s)
		}
		for _, rdn := range append(slices.Clone(c.Subject.Names), c.Issuer.Names...) {
			if s, ok := rdn.Value.(string); ok {
				text(h.name, s)
			}
		}
		add(h.name+" public key of the identity", c.RawSubjectPublicKeyInfo[len(c.RawSubjectPublicKeyInfo)-32:])
		add(h.name+" serial number", c.SerialNumber.Bytes())
		for _, k := range w.reader(h.name).Keys {
			add(h.name+" public key "+string(k.Kind), k.Public())
			add(h.name+" private key "+string(k.Kind), k.Opening.Bytes())
		}
	}
	return found
}

// windows are the pieces of a byte string, of that many bytes, that chance does not make.
func windows(b []byte, size int) map[string]bool {
	list := map[string]bool{}
	for i := 0; i+size <= len(b); i++ {
		piece := b[i : i+size]
		different := map[byte]bool{}
		for _, c := range piece {
			different[c] = true
		}
		if len(different) > size/2 {
			list[string(piece)] = true
		}
	}
	return list
}

// compartments are the canonical bytes of what the levels of a summary say.
func (w *ward) compartments(file string) (all []byte) {
	w.Helper()
	s, err := summary.Parse(w.bytes(file))
	if err != nil {
		w.Fatal(err)
	}
	parts, err := s.Compartments()
	if err != nil {
		w.Fatal(err)
	}
	return slices.Concat(parts[:]...)
}

// memory is the whole memory of the card.
func (w *ward) memory() (all []byte) {
	w.Helper()
	w.medium(func(m card.Medium) {
		all = make([]byte, m.Size())
		if _, err := m.ReadAt(all, 0); err != nil && !errors.Is(err, io.EOF) {
			w.Fatal(err)
		}
	})
	return all
}

// slots are the records in the two slots (FORMAT 2.1), whatever their marks say.
func (w *ward) slots() (records [][]byte) {
	w.Helper()
	m := w.memory()
	page, size := int(binary.BigEndian.Uint16(m[6:])), int(binary.BigEndian.Uint32(m[8:]))
	up := func(n int) int { return (n + page - 1) / page * page }
	for i := range 2 {
		slot := m[up(40)+6*up(16)+i*size:][:size]
		if n := int(binary.BigEndian.Uint32(slot[8:])); n > 0 && 28+n <= size {
			records = append(records, slot[28:28+n])
		}
	}
	return records
}

// search looks in the file of the card for what must not be there.
func (w *ward) search(stage string, needles map[string][]byte, pieces map[string]bool, found map[string]bool) {
	w.Helper()
	image, err := os.ReadFile(w.image)
	if err != nil {
		w.Fatal(err)
	}
	if !bytes.Contains(image, w.memory()) {
		w.Fatal("the image does not hold the memory as it is: this test would see nothing")
	}
	for name, b := range needles {
		if bytes.Contains(image, b) {
			found[stage+": "+name] = true
		}
	}
	for piece := range windows(image, 8) {
		if pieces[piece] {
			found[stage+": "+hex.EncodeToString([]byte(piece))] = true
		}
	}
}

// Nothing that anybody wrote, and nobody's name, can be found in the memory of a sealed card: not after the first write, not after
// something became masked, not in the slot that is not read.
func TestSealedCardShowsNothingToAFinder(t *testing.T) {
	stages := func() map[string]bool {
		w := newWard(t)
		found := map[string]bool{}
		w.edit("masked.json", func(s *summary.Summary) { s.Sections.History.Items[0].Level = summary.LevelMasked })
		needles := w.needles("summary.json", "amendment.json")
		pieces := windows(w.compartments("summary.json"), 8)
		maps.Copy(pieces, windows(w.compartments("masked.json"), 8))
		for _, h := range demoHomes {
			maps.Copy(pieces, windows(w.identity(h.name).Certificate.Raw, 8))
		}
		if len(needles) < 500 || len(pieces) < 2000 {
			t.Fatalf("only %d needles and %d pieces", len(needles), len(pieces))
		}
		look := func(stage string) { w.search(stage, needles, pieces, found) }

		w.as("gp", 0, "write", w.file("summary.json"))
		look("first write")
		w.as("pharmacy", 0, "amend", "--file", w.file("amendment.json"))
		look("amended")
		w.as("gp", 0, "write", w.file("masked.json"))
		look("masked")
		w.as("gp", 0, "keys", "recovery")
		look("recovery")
		w.as("gp", 0, "card", "reseal", "--only-here")
		look("resealed")
		w.as("gp", 0, "write", w.file("summary.json"), "--unsealed")
		open := w.content().Record
		w.as("gp", 0, "write", w.file("summary.json"))
		look("sealed after unsealed")
		for piece := range windows(w.memory(), 8) {
			if windows(open, 8)[piece] {
				found["sealed after unsealed: of the record that was not sealed"] = true
				break
			}
		}
		last := w.content().Record
		w.as("gp", 0, "card", "wipe", "--yes")
		look("wiped")
		for piece := range windows(w.memory(), 8) {
			if windows(last, 8)[piece] {
				found["wiped: of the last record"] = true
				break
			}
		}
		return found
	}
	found := stages()
	if len(found) == 0 {
		return
	}
	// A text of four letters occurs by chance in a random memory, but not on two cards.
	again := stages()
	for name := range found {
		if again[name] {
			t.Error(name)
		}
	}
}

// shows reports whether what somebody can open of a record has an item of the history.
func shows(raw []byte, id card.ID, reader record.Reader, text string) bool {
	r, err := record.Read(raw, id, reader)
	var unverified *record.UnverifiedError
	if errors.As(err, &unverified) {
		r = unverified.Unverified
	}
	if r == nil || r.Summary == nil {
		return false
	}
	data, _ := json.Marshal(r.Summary)
	return holds(string(data), text)
}

// What becomes masked is gone for who could read it before, from both slots.
func TestMaskingErasesWhatWasVisible(t *testing.T) {
	const secret = "fibrillation atriale permanente"
	mask := func(s *summary.Summary) { s.Sections.History.Items[0].Level = summary.LevelMasked }
	for name, step := range map[string]func(w *ward){
		"masked":            func(w *ward) { w.as("gp", 0, "write", w.edit("masked.json", mask)) },
		"masked, unchanged": func(w *ward) { w.as("gp", 0, "write", w.edit("masked.json", mask), "--if-changed") },
		"masked, another id": func(w *ward) {
			w.as("gp", 0, "write", w.edit("masked.json", func(s *summary.Summary) {
				mask(s)
				s.Sections.History.Items[0].ID = "other"
			}))
		},
		"masked, without ids": func(w *ward) {
			w.as("gp", 0, "write", w.edit("masked.json", func(s *summary.Summary) {
				mask(s)
				s.Sections.Each(func(_ string, section summary.AnySection) {
					for i := range section.Len() {
						section.Common(i).ID = ""
					}
				})
			}))
		},
		"for the practice alone":    func(w *ward) { w.as("gp", 0, "write", w.file("summary.json"), "--practice-only") },
		"resealed for the practice": func(w *ward) { w.as("gp", 0, "card", "reseal", "--practice-only") },
		"the same patient, corrected": func(w *ward) {
			w.as("gp", 0, "write", w.edit("masked.json", mask), "--new-patient")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			w.as("gp", 0, "write", w.file("summary.json"))
			before := w.content()
			if !shows(before.Record, before.Card, w.reader("emergency"), secret) {
				t.Fatal("the emergency key does not see it to begin with")
			}
			step(w)
			after := w.content()
			if after.Card != before.Card {
				t.Fatal("another card")
			}
			records := w.slots()
			if len(records) != 2 {
				t.Fatalf("%d records", len(records))
			}
			for i, raw := range append(records, after.Record) {
				if shows(raw, after.Card, w.reader("emergency"), secret) {
					t.Errorf("record %d of both slots still shows it", i)
				}
			}
			// Nor is a piece left of what said it. Boxes stay the same where only the keys were handed out again.
			if strings.Contains(name, "resealed") {
				return
			}
			memory := windows(w.memory(), 8)
			for piece := range windows(before.Record, 8) {
				if memory[piece] {
					t.Fatalf("a piece of the old record is left: %x", piece)
				}
			}
		})
	}
}

// Without masking anything the older record stays in the other slot: what the tests above see is the erasing.
func TestAnOrdinaryWriteKeepsTheOldRecord(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	before := w.content()
	out, _ := w.as("gp", 0, "write", w.file("summary.json"), "--json")
	if unmarshal[written](w, out).Erased || !slices.ContainsFunc(w.slots(), func(raw []byte) bool { return bytes.Equal(raw, before.Record) }) {
		t.Error("the older record is gone")
	}
}

// What everybody could read stands on the card in the clear. When the patient takes that back, it goes, whichever way the new summary says so.
func TestWhatWasOpenIsErased(t *testing.T) {
	const secret = "pose d'un stimulateur cardiaque"
	item := func(s *summary.Summary) *summary.Condition { return &s.Sections.History.Items[5] }
	for name, change := range map[string]func(s *summary.Summary){
		"closed":             func(*summary.Summary) {},
		"closed, another id": func(s *summary.Summary) { item(s).ID = "other" },
		"closed, without an id": func(s *summary.Summary) {
			item(s).ID = ""
		},
		"left out": func(s *summary.Summary) {
			s.Sections.History.Items = slices.Delete(s.Sections.History.Items, 5, 6)
		},
		"masked": func(s *summary.Summary) { item(s).Level = summary.LevelMasked },
		"another text": func(s *summary.Summary) {
			item(s).ID, item(s).Condition.Text = "", "autre chose"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			w.as("gp", 0, "write", w.edit("open.json", func(s *summary.Summary) { item(s).Level = summary.LevelOpen }), "--consent-open")
			before := w.content()
			stranger := record.Reader{Now: w.now}
			if !shows(before.Record, before.Card, stranger, secret) {
				t.Fatal("nobody could read it to begin with")
			}
			w.as("gp", 0, "write", w.edit("closed.json", change))
			for _, raw := range append(w.slots(), w.content().Record) {
				if shows(raw, before.Card, stranger, secret) {
					t.Error("a finder still reads it")
				}
			}
		})
	}
}
