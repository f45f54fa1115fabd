//go:build !linux

package main

import (
	"context"
	"errors"
	"runtime"

	"github.com/secours-card/secours/pcsc"
)

// elsewhere is a system that says little without asking a person.
type elsewhere struct{ os string }

func thisSystem() system { return elsewhere{runtime.GOOS} }

func (x elsewhere) serviceDown(l lang, err error) advice {
	if !errors.Is(err, pcsc.ErrNoService) {
		return advice{}
	}
	switch x.os {
	case "windows":
		// The service ends with the last reader, and begins with the first.
		return advice{
			cause: "not-running",
			text:  l.s("le service Carte à puce (SCardSvr) est arrêté", "the Smart Card service (SCardSvr) does not run"),
			remedy: l.s("branchez un lecteur, qui le démarre ; sinon, dans une console d'administrateur : ",
				"plug in a reader, which starts it; otherwise, in an administrator's console: ") + l.quoteCommand("sc start SCardSvr"),
		}
	case "darwin":
		return advice{
			cause: "not-running",
			remedy: l.s("débranchez et rebranchez le lecteur : macOS démarre le service avec lui",
				"unplug the reader and plug it in: macOS starts the service with it"),
		}
	}
	return advice{}
}

func (elsewhere) readerMissing(lang) advice { return advice{} }

func (elsewhere) holders(context.Context) holders { return holders{hidden: true} }

func (x elsewhere) whereToLook(l lang) string {
	switch x.os {
	case "windows":
		return l.s("cette commande montre qui peut la tenir : ", "this command shows who may hold it: ") + l.quoteCommand("tasklist /m winscard.dll")
	case "darwin":
		return l.s(
			"fermez les logiciels qui lisent des cartes ; le Moniteur d'activité les montre",
			"close the programs that read cards; Activity Monitor shows them",
		)
	}
	return ""
}
