package main

import _ "embed"

// exampleJSON is the summary of a patient who does not exist, for secours demo: something in every section, and one of
// everything that has gone wrong on screens elsewhere. Her identifier is of a commune (99 999) that no register has, and her
// telephone numbers are of the ranges that ARCEP keeps for fiction.
//
//go:embed example.json
var exampleJSON []byte
