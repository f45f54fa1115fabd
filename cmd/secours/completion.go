package main

import (
	"bytes"

	"github.com/spf13/cobra"
)

func (a *app) completionCommand(root *cobra.Command) *cobra.Command {
	l := a.lang
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: l.s("Écrire le complètement des commandes pour un shell", "Write the command completion of a shell"),
		Long: l.s(
			"Écrit le script de complètement. Par exemple, pour bash :\n  source <(secours completion bash)\n\nCodes de sortie : 0 ; 1 shell inconnu.",
			"Writes the completion script. For example, for bash:\n  source <(secours completion bash)\n\nExit codes: 0; 1 unknown shell.",
		),
		ValidArgs: shells,
		Args:      a.args(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		RunE: func(_ *cobra.Command, args []string) error {
			var script bytes.Buffer
			generate := map[string]func() error{
				"bash":       func() error { return root.GenBashCompletionV2(&script, true) },
				"zsh":        func() error { return root.GenZshCompletion(&script) },
				"fish":       func() error { return root.GenFishCompletion(&script, true) },
				"powershell": func() error { return root.GenPowerShellCompletionWithDesc(&script) },
			}
			if err := generate[args[0]](); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(struct {
					Schema string `json:"schema"`
					Shell  string `json:"shell"`
					Script string `json:"script"`
				}{"secours.completion/1", args[0], script.String()})
			}
			_, err := script.WriteTo(a.out)
			return err
		},
	}
}
