//go:build race

package fhir

// racing is set where the race detector makes everything ten times slower.
const racing = true
