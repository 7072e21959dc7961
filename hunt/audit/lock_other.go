//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// keep takes the log for as long as it is open: this system has no lock that ends with its process, so that the log is not shared.
func keep(path string) (func() error, error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- beside the log
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w, or one that died did: then delete %s", ErrLocked, name)
	}
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return func() error { return os.Remove(name) }, nil
}

func tryLock(*os.File, bool) (bool, error) { return true, nil }

func unlock(*os.File) error { return nil }
