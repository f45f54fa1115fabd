package main

import (
	"github.com/spf13/cobra"
)

func (a *app) completionCommand(root *cobra.Command) *cobra.Command {
	l := a.lang
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     l.s("Écrire le complètement des commandes pour un shell", "Write the command completion of a shell"),
		Long:      l.s("Écrit le script de complètement. Par exemple, pour bash :\n  source <(secours completion bash)\n\nCodes de sortie : 0 ; 1 shell inconnu.", "Writes the completion script. For example, for bash:\n  source <(secours completion bash)\n\nExit codes: 0; 1 unknown shell."),
		ValidArgs: shells,
		Args:      a.args(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		RunE: func(_ *cobra.Command, args []string) error {
			if a.json {
				return &failure{code: exitGeneral, name: "usage", message: l.s("le complètement est un script, il n'a pas de forme JSON", "completion is a script and has no JSON form")}
			}
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			}
			return root.GenPowerShellCompletionWithDesc(a.out)
		},
	}
}
