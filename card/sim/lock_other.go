//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package sim

import (
	"errors"
	"os"
)

// tryLock refuses: two programs writing one image at once is worse than none. Cards made with New work everywhere.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func isReadOnlyFS(error) bool { return false }
