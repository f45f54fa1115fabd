package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/secours-card/secours/pcsc"
)

// version is set at build time with -ldflags "-X main.version=…".
var version = "dev"

func (a *app) versionCommand() *cobra.Command {
	l := a.lang
	return &cobra.Command{
		Use:   "version",
		Short: l.s("Dire la version", "Say the version"),
		Long: l.s(
			"Dit la version du programme, de Go, et si PC/SC est compris.\n\nCodes de sortie : 0.",
			"Says the version of the program, of Go, and whether PC/SC is built in.\n\nExit codes: 0.",
		),
		Args: a.args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			d := struct {
				Schema   string `json:"schema"`
				Version  string `json:"version"`
				Revision string `json:"revision,omitempty"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
				PCSC     bool   `json:"pcsc"`
			}{"secours.version/1", version, "", runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, pcsc.Built}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						d.Revision = s.Value
					}
				}
			}
			if a.json {
				return a.printJSON(d)
			}
			with := l.s("avec PC/SC", "with PC/SC")
			if !d.PCSC {
				with = l.s("sans PC/SC", "without PC/SC")
			}
			_, err := fmt.Fprintf(a.out, "secours %s (%s, %s, %s)\n", d.Version, d.Go, d.Platform, with)
			return err
		},
	}
}
