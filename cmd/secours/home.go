package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/secours-card/secours/summary/trust"
)

// home is the folder that holds a user's identity and trust:
//
//	identity.p12    the signing key and its certificate, PKCS#12
//	identity.pem    the certificate alone, so that showing it needs no passphrase
//	keys.json       the keys that open records and sign bundles (FORMAT 8)
//	trust.json      the authorities whose certificates are believed, and which bundle was taken last
//	trust.bundle    that bundle (FORMAT 7)
//	authority.p12   only where "identity new" made a demonstration authority
//	authority.pem   its certificate, for other homes to "trust add"
type home string

func (a *app) homeDir() (home, error) {
	if a.home != "" {
		return home(a.home), nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("%s: %w", a.lang.s(
			"aucun dossier pour l'identité ; donnez --home",
			"no folder for the identity; give --home",
		), err)
	}
	return home(filepath.Join(dir, "secours")), nil
}

func (h home) file(name string) string { return filepath.Join(string(h), name) }

// bundleFile is the trust bundle of a home.
const bundleFile = "trust.bundle"

// trust returns the home's trust store with its bundle; an absent one is empty. The bundle's file stays open, since what it
// revokes is looked up when it is needed.
func (h home) trust() (*trust.Store, error) {
	s, err := h.ownTrust()
	if err != nil || s.Counter == 0 {
		return s, err
	}
	b, _, err := openBundle(h.file(bundleFile))
	if err == nil {
		err = s.Attach(b)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", trust.ErrTrustDamaged, h.file(bundleFile), err)
	}
	return s, nil
}

// ownTrust is trust.json alone: what the user added, and which bundle was taken. It is there to be changed, and vouches for
// nobody where there is a bundle.
func (h home) ownTrust() (*trust.Store, error) {
	data, err := readFile(h.file("trust.json"), trust.MaxStoreSize)
	if errors.Is(err, fs.ErrNotExist) {
		return &trust.Store{}, nil
	}
	if err != nil {
		return nil, err
	}
	return trust.ParseStore(data)
}

// openBundle opens a bundle in a file, which stays open unless there is an error.
func openBundle(name string) (*trust.Bundle, *os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var b *trust.Bundle
		if b, err = trust.OpenBundle(f, info.Size()); err == nil {
			return b, f, nil
		}
	}
	f.Close()
	return nil, nil, err
}

func (h home) saveTrust(s *trust.Store) error {
	data, err := s.JSON()
	if err != nil {
		return err
	}
	return writeFile(h.file("trust.json"), append(data, '\n'), 0o644)
}

// identity opens the home's identity. An identity without a passphrase opens without asking.
func (a *app) identity(ctx context.Context, h home) (*trust.Identity, error) {
	data, err := readFile(h.file("identity.p12"), trust.MaxIdentitySize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &failure{
			code: exitSigner, name: "no-identity", err: err,
			message: fmt.Sprintf(a.lang.s("pas d'identité dans %s", "no identity in %s"), h),
			hint: a.lang.s(
				"« secours identity new --import FICHIER.p12 » en installe une ; --home en choisit une autre",
				"\"secours identity new --import FILE.p12\" installs one; --home chooses another",
			),
		}
	}
	if err != nil {
		return nil, err
	}
	a.warnIfShared(h.file("identity.p12"))
	return a.openIdentity(ctx, data)
}

// warnIfShared says so where others can read a file of private keys.
func (a *app) warnIfShared(name string) {
	if info, err := os.Stat(name); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		a.note(a.lang.s(
			"attention : d'autres utilisateurs de cet ordinateur peuvent lire %s",
			"warning: other users of this computer can read %s",
		), name)
	}
}

// openIdentity opens a PKCS#12 file. It may ask for more work than it is worth, so an interruption ends the wait.
func (a *app) openIdentity(ctx context.Context, data []byte) (*trust.Identity, error) {
	// What was given need not be for the identity: one without a passphrase takes none of it, as it would not ask on a terminal.
	id, err := interruptible(ctx, func() (*trust.Identity, error) { return trust.ParseIdentity(data, "") })
	if !errors.Is(err, trust.ErrPassphrase) {
		return id, err
	}
	prompt := a.lang.s("Phrase de passe de l'identité : ", "Passphrase of the identity: ")
	id, _, err = unlock(ctx, a, prompt, func(passphrase string) (*trust.Identity, error) { return trust.ParseIdentity(data, passphrase) })
	return id, err
}

// readFile reads a file of at most limit bytes.
func readFile(name string, limit int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f, name, limit)
}

func readLimited(r io.Reader, name string, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, &tooLargeError{name, limit}
	}
	return data, nil
}

// tooLargeError is an input that is not read to its end.
type tooLargeError struct {
	name  string
	limit int
}

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d bytes", e.name, e.limit)
}

// writeFile replaces a file as a whole: a crash leaves the old one or the new one. The name in between is random, so that two
// processes do not write into one another's.
func writeFile(name string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	suffix := make([]byte, 6)
	rand.Read(suffix)
	temporary := name + "." + hex.EncodeToString(suffix)
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temporary, name)
	}
	if err != nil {
		os.Remove(temporary)
	}
	return err
}
