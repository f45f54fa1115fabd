package main

import (
	"strings"
	"testing"
)

// Somebody who can write to a card puts a record of his own there, sealed for himself and for the practice, whose public key is no
// secret: the practice's next summary must not be sealed for him.
func TestForgedRing(t *testing.T) {
	w := newWard(t)
	w.as("gp", 0, "write", w.file("summary.json"))
	w.as("gp", 0, "keys", "show", "--public", w.file("gp.pub"))
	for _, args := range [][]string{
		{"identity", "new", "--name", "Dr X", "--role", "physician", "--no-passphrase"},
		{"keys", "new", "--no-passphrase"},
		{"write", w.file("summary.json"), "--practice-only", "--drop-unreadable", "--reason", "x", "--patient", "ins-nir:248129999999985"},
		{"card", "reseal", "--practice-only", "--add-practice", w.file("gp.pub")},
		{"read"},
	} {
		w.as("thief", 0, args...)
	}
	w.as("gp", 15, "read")
	if out, _ := w.as("gp", 0, "write", w.file("summary.json"), "--json"); strings.Count(out, `"kind": "practice"`) != 1 || !strings.Contains(out, `"erased": true`) {
		t.Errorf("%s", out)
	}
	if out, _ := w.as("thief", 20, "read"); strings.Contains(out, "dépression") {
		t.Error("the forger reads what is masked")
	}
}
