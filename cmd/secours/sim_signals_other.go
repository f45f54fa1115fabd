//go:build !unix

package main

import "os"

const simSignals = false

// simNotify delivers nothing.
func simNotify() (toggle, swap chan os.Signal, stop func()) { return nil, nil, func() {} }
