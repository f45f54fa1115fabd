//go:build !race

package fhir

const racing = false
