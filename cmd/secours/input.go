package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/secours-card/secours/summary"
)

// readInput reads the file, or standard input for "-", as UTF-8.
func (a *app) readInput(ctx context.Context, name, encoding string) ([]byte, error) {
	// Twice the limit: UTF-16 takes two bytes where UTF-8 takes one.
	data, err := a.readBytes(ctx, name, 2*summary.MaxJSON+2)
	if err != nil {
		return nil, err
	}
	return a.decodeText(data, encoding)
}

// readBytes reads the file, or standard input for "-".
func (a *app) readBytes(ctx context.Context, name string, limit int) ([]byte, error) {
	data, err := interruptible(ctx, func() ([]byte, error) {
		if name == "-" {
			return readLimited(a.in, a.lang.s("entrée standard", "standard input"), limit)
		}
		return readFile(name, limit)
	})
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &failure{code: exitGeneral, name: "no-file", message: fmt.Sprintf(a.lang.s(
				"pas de fichier %s",
				"no file %s",
			), name), err: err}
		}
		return nil, err
	}
	return data, nil
}

// decodeText makes UTF-8 of a text. A UTF-8 byte order mark is dropped, UTF-16 is taken with one (Windows tools write it); other bytes are
// refused with their offset, unless the user says that they are windows-1252: guessing would turn names into other names.
func (a *app) decodeText(data []byte, encoding string) ([]byte, error) {
	switch encoding {
	case "utf-8", "":
	case "windows-1252":
		return charmap.Windows1252.NewDecoder().Bytes(data)
	default:
		return nil, &failure{code: exitGeneral, name: "usage", message: a.lang.s(
			"--encoding : utf-8 ou windows-1252",
			"--encoding: utf-8 or windows-1252",
		)}
	}
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		data = data[3:]
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		return a.fromUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return a.fromUTF16(data[2:], binary.BigEndian)
	}
	if offset := invalidUTF8(data); offset >= 0 {
		return nil, &failure{
			code: exitGeneral, name: "encoding",
			message: fmt.Sprintf(a.lang.s("l'octet %d n'est pas de l'UTF-8", "byte %d is not UTF-8"), offset),
			hint: a.lang.s(
				"si le fichier vient d'un ancien logiciel Windows : --encoding windows-1252",
				"if the file comes from old Windows software: --encoding windows-1252",
			),
		}
	}
	return data, nil
}

func (a *app) fromUTF16(data []byte, order binary.ByteOrder) ([]byte, error) {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i+1 < len(units) {
				r = utf16.DecodeRune(r, rune(units[i+1]))
			}
			if r == utf8.RuneError || utf16.IsSurrogate(r) {
				return nil, &failure{code: exitGeneral, name: "encoding", message: fmt.Sprintf(a.lang.s(
					"l'octet %d n'est pas de l'UTF-16",
					"byte %d is not UTF-16",
				), 2+2*i)}
			}
			i++
		}
		out = utf8.AppendRune(out, r)
	}
	if len(data)%2 != 0 {
		return nil, &failure{code: exitGeneral, name: "encoding", message: a.lang.s(
			"l'UTF-16 est tronqué",
			"the UTF-16 is truncated",
		)}
	}
	return out, nil
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return -1
}
