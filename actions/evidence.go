package actions

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// mostCompared is the size up to which a file is fetched for its hash alone. What is larger came with no mail.
const mostCompared = 1 << 30

// comparison is what a file turned out to be.
type comparison int

const (
	unknown comparison = iota
	condemned
	another
	beyond // too large to tell
)

// verify fetches the file and tells whether it is the condemned one. A copy is kept if there is a place for it; that none could be kept
// is an error together with condemned.
func (w *containing) verify(ctx context.Context) (comparison, error) {
	// Where the sensor does not tell the size, the limits end the transfer.
	info, there, err := fileAt(ctx, w.s, w.Path, w.t.OS)
	if err == nil && there && info.Size > mostCompared {
		w.note("the file at %s has %d bytes and is not fetched: nothing is killed or deleted, look at it", w.Path, info.Size)
		return beyond, nil
	}
	w.listed = nil
	if err == nil && there {
		w.listed = &info
	}
	keeper := &keeper{dir: w.t.EvidenceDir, hash: w.t.SHA256, limit: w.t.EvidenceLimit}
	if keeper.limit <= 0 {
		keeper.limit = DefaultEvidenceLimit
	}
	keeper.begin(info.Size, w.Copy)
	defer keeper.drop()
	content, err := w.s.GetFile(ctx, w.Path)
	if err != nil {
		return unknown, fmt.Errorf("actions: fetching the file to compare its hash: %w", err)
	}
	defer func() { _ = content.Close() }() // it was only read
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, keeper), io.LimitReader(content, mostCompared+1))
	switch {
	case err != nil:
		return unknown, fmt.Errorf("actions: fetching the file to compare its hash: %w", err)
	case n > mostCompared:
		w.note("the file at %s is larger than %d bytes: nothing is killed or deleted, look at it", w.Path, int64(mostCompared))
		return beyond, nil
	}
	if found := hunt.SHA256(sum.Sum(nil)); found != w.t.SHA256 {
		w.note("the file at %s is another one now (%s): left alone", w.Path, found)
		return another, nil
	}
	w.tooLarge = keeper.tooLarge
	name, err := keeper.end()
	if err != nil {
		return condemned, fmt.Errorf("actions: keeping a copy: %w", err)
	}
	if name != "" && w.Copy == "" {
		w.Copy = name
		w.note("kept a copy as %s", name)
	}
	return condemned, nil
}

// fileAt looks for a file in the list of its directory, which tells its size without a transfer.
func fileAt(ctx context.Context, s interface {
	ListDirectory(ctx context.Context, path string) ([]cbc.FileInfo, error)
}, path, os string,
) (info cbc.FileInfo, there bool, err error) {
	separators := `\/`
	if strings.HasPrefix(path, "/") {
		separators = "/"
	}
	i := strings.LastIndexAny(path, separators)
	if i < 0 {
		return info, false, fmt.Errorf("%q names no directory", path)
	}
	files, err := s.ListDirectory(ctx, path[:i+1])
	if errors.Is(err, cbc.ErrFileNotFound) {
		return info, false, nil
	}
	if err != nil {
		return info, false, err
	}
	name := path[i+1:]
	folds := foldsCase(os, path)
	for _, f := range files {
		if f.Name == name || folds && (strings.EqualFold(f.Name, name) || f.ShortName != "" && strings.EqualFold(f.ShortName, name)) {
			return f, true, nil
		}
	}
	return info, false, nil
}

// foldsCase tells whether a path names the same file in upper and lower case.
func foldsCase(os, path string) bool {
	return os != "LINUX" && (os != "" || !strings.HasPrefix(path, "/"))
}

// canBeFetched looks for a file where its directory cannot be listed.
func canBeFetched(ctx context.Context, s DeviceSession, path string) (bool, error) {
	content, err := s.GetFile(ctx, path)
	if errors.Is(err, cbc.ErrFileNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_ = content.Close() // it was not read
	return true, nil
}

// keeper writes the copy of a file. It takes all that is written to it: what goes wrong is told at the end, because the hash has to be
// compared all the same.
type keeper struct {
	dir   string
	hash  hunt.SHA256
	limit int64

	file     *os.File
	written  int64
	tooLarge bool
	kept     string
	err      error
}

func (k *keeper) name() string { return evidenceName(k.dir, k.hash) }

func evidenceName(dir string, hash hunt.SHA256) string {
	return filepath.Join(dir, hash.String()+".evidence")
}

// begin opens a file for the copy, unless there is one already or none is to be.
func (k *keeper) begin(size int64, kept string) {
	switch {
	case k.dir == "" || kept != "":
		k.kept = kept
	case size > k.limit:
		k.tooLarge = true
	default:
		if k.err = isCopy(k.name(), k.hash); k.err == nil {
			k.kept = k.name()
		} else if errors.Is(k.err, os.ErrNotExist) {
			sweep(k.dir)
			k.file, k.err = os.CreateTemp(k.dir, incoming)
		}
	}
}

// incoming is what a copy is called until it is whole.
const incoming = "pphunt-incoming-*.part"

// sweep removes the parts of copies that a process has left that was killed. What is younger may be another one's.
func sweep(dir string) {
	parts, _ := filepath.Glob(filepath.Join(dir, incoming)) // the pattern is right unless the directory's name has signs of one: then they stay
	for _, name := range parts {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(name) // the next one tries again
		}
	}
}

// Write implements [io.Writer].
func (k *keeper) Write(p []byte) (int, error) {
	if k.file == nil {
		return len(p), nil
	}
	k.written += int64(len(p))
	if k.written > k.limit {
		k.tooLarge = true
		k.drop()
		return len(p), nil
	}
	if _, err := k.file.Write(p); err != nil {
		k.err = err
		k.drop()
	}
	return len(p), nil
}

// drop leaves no part of a copy.
func (k *keeper) drop() {
	if k.file == nil {
		return
	}
	_ = k.file.Close() // it is closed already if all went well
	if err := os.Remove(k.file.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
		k.err = errors.Join(k.err, err)
	}
	k.file = nil
}

// end gives the copy its name, and returns it: it is there whole or not at all, cannot be run by mistake, and takes no other file's
// place.
func (k *keeper) end() (name string, err error) {
	if k.err != nil || k.file == nil {
		return k.kept, k.err
	}
	defer func() {
		k.drop()
		err = errors.Join(err, k.err)
	}()
	if err := errors.Join(k.file.Chmod(0o400), k.file.Sync(), k.file.Close()); err != nil {
		return "", err
	}
	err = os.Link(k.file.Name(), k.name())
	if err != nil && !errors.Is(err, os.ErrExist) { // a file system without links
		if _, e := os.Lstat(k.name()); errors.Is(e, os.ErrNotExist) {
			err = os.Rename(k.file.Name(), k.name())
		}
	}
	if errors.Is(err, os.ErrExist) { // somebody was faster
		err = isCopy(k.name(), k.hash)
	}
	if err != nil {
		return "", err
	}
	syncDir(k.dir)
	return k.name(), nil
}

// syncDir has a new name survive a loss of power, where the system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil { //nolint:gosec // the operator's own directory
		_ = d.Sync() // Windows cannot
		_ = d.Close()
	}
}

// isCopy checks that a file is a copy with a hash.
func isCopy(name string, hash hunt.SHA256) error {
	f, err := openCopy(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if found := hunt.SHA256(sum.Sum(nil)); found != hash {
		return fmt.Errorf("%s is not what its name says, but %s", name, found)
	}
	return nil
}

// openCopy opens a copy. A link is none.
func openCopy(name string) (*os.File, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	return os.Open(name) //nolint:gosec // named by a hash, in the operator's own directory
}
