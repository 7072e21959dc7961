package actions_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
)

// copyName is where the copy of the condemned file is kept.
func copyName(dir string) string {
	return filepath.Join(dir, evilHash().String()+".evidence")
}

// kept lists what lies in a directory, with the content.
func kept(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(content)
	}
	return all
}

func TestEvidenceLimit(t *testing.T) {
	t.Parallel()
	size := int64(len(evil))
	listed := []cbc.FileInfo{{Name: "INVOICE.EXE", Size: size}}
	for _, c := range []struct {
		name    string
		limit   int64
		files   []cbc.FileInfo
		keeps   bool // a copy
		deletes bool
		dir     bool
	}{
		{name: "up to the limit", limit: size, files: listed, keeps: true, deletes: true, dir: true},
		{name: "up to the limit, of unknown size", limit: size, keeps: true, deletes: true, dir: true},
		{name: "above it", limit: size - 1, files: listed, dir: true},
		{name: "above it, of unknown size", limit: size - 1, dir: true},
		{name: "above it, larger than the sensor said", limit: size - 1, files: []cbc.FileInfo{{Name: "invoice.exe", Size: 1}}, dir: true},
		{name: "without a limit of its own", files: listed, keeps: true, deletes: true, dir: true},
		{name: "without copies", limit: 1, files: listed, deletes: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := &removing{device{running: []cbc.RunningProcess{{PID: 7, Path: found}}, content: strings.NewReader(evil), files: c.files}}
			at := target(7)
			at.EvidenceLimit = c.limit
			if c.dir {
				at.EvidenceDir = dir
			}
			got, err := actions.Contain(t.Context(), d, at)
			if err != nil || got.Deleted != c.deletes || got.Unclear == c.deletes || len(got.Killed) != 1 {
				t.Errorf("Contain = %+v, %v; want the process killed, the file deleted: %t, and otherwise a person to look", got, err, c.deletes)
			}
			want := map[string]string{}
			if c.keeps {
				want[filepath.Base(copyName(dir))] = evil
			}
			if diff := gocmp.Diff(want, kept(t, dir)); diff != "" {
				t.Errorf("evidence mismatch (-want +got):\n%s", diff)
			}
			if (got.Copy == copyName(dir)) != c.keeps {
				t.Errorf("Copy = %q, want the name of the copy if there is one", got.Copy)
			}
		})
	}
}

// removing is a device that has no file any more once it was deleted.
type removing struct{ device }

func (r *removing) DeleteFile(ctx context.Context, path string) error {
	r.files = nil
	return r.device.DeleteFile(ctx, path)
}

func TestContainFetchesNothingOfAnEnormousFile(t *testing.T) {
	t.Parallel()
	d := &device{running: []cbc.RunningProcess{{PID: 7, Path: found}}, files: []cbc.FileInfo{{Name: "invoice.exe", Size: 1<<30 + 1}}, content: reader(func() error {
		return errors.New("it was fetched")
	})}
	got, err := actions.Contain(t.Context(), d, target(7))
	if err != nil || !got.Unclear || len(d.told) != 0 {
		t.Errorf("Contain = %+v, %v after %q; want nothing done, and a person to look", got, err, d.told)
	}
}

func TestEvidenceIsNotOverwritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, name string)
		fails   bool
		content string
	}{
		{"the same copy", func(t *testing.T, name string) {
			t.Helper()
			if err := os.WriteFile(name, []byte(evil), 0o400); err != nil {
				t.Fatal(err)
			}
		}, false, evil},
		{"another file of the name", func(t *testing.T, name string) {
			t.Helper()
			if err := os.WriteFile(name, []byte("the only trace of something else"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, true, "the only trace of something else"},
		{"a link", func(t *testing.T, name string) {
			t.Helper()
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			if err := errors.Join(os.WriteFile(elsewhere, []byte(evil), 0o600), os.Symlink(elsewhere, name)); err != nil {
				t.Fatal(err)
			}
		}, true, evil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c.prepare(t, copyName(dir))
			before, err := os.Lstat(copyName(dir))
			if err != nil {
				t.Fatal(err)
			}
			d := &device{running: []cbc.RunningProcess{{PID: 7, Path: found}}, content: strings.NewReader(evil)}
			at := target(7)
			at.EvidenceDir = dir
			got, err := actions.Contain(t.Context(), d, at)
			if (err != nil) != c.fails || got.Deleted == c.fails || len(got.Killed) != 1 {
				t.Errorf("Contain = %+v, %v; want the process killed, and the file only if there is a copy", got, err)
			}
			if diff := gocmp.Diff(map[string]string{filepath.Base(copyName(dir)): c.content}, kept(t, dir)); diff != "" {
				t.Errorf("evidence mismatch (-want +got):\n%s", diff)
			}
			if after, err := os.Lstat(copyName(dir)); err != nil || after.ModTime() != before.ModTime() || after.Mode() != before.Mode() {
				t.Errorf("the file was touched: %v, before %v (%v)", after, before, err)
			}
		})
	}
}

// A transfer that breaks off leaves nothing behind, and neither does a disk that is full.
func TestEvidenceIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lost := errors.New("the connection was lost")
	d := &device{content: io.MultiReader(strings.NewReader(evil[:5]), reader(func() error {
		if len(kept(t, dir)) != 1 {
			t.Error("there is no part of the copy: this test shows nothing")
		}
		return lost
	}))}
	at := target(7)
	at.EvidenceDir = dir
	if got, err := actions.Contain(t.Context(), d, at); !errors.Is(err, lost) || got.Deleted {
		t.Errorf("Contain = %+v, %v; want the error of the transfer and nothing deleted", got, err)
	}
	if got := kept(t, dir); len(got) != 0 {
		t.Errorf("evidence = %v, want none", got)
	}
	sum := sha256.Sum256([]byte("x"))
	at.SHA256 = sum
	d.content = strings.NewReader(evil)
	if got, err := actions.Contain(t.Context(), d, at); err != nil || got.Deleted || len(kept(t, dir)) != 0 {
		t.Errorf("Contain of another file = %+v, %v with the evidence %v; want nothing kept", got, err, kept(t, dir))
	}
}

// A process that was killed leaves a part behind, which the next one removes, but not that of another one at work.
func TestEvidenceOfAProcessThatWasKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, young, other := filepath.Join(dir, "pphunt-incoming-1.part"), filepath.Join(dir, "pphunt-incoming-2.part"), filepath.Join(dir, "notes.txt")
	yesterday := time.Now().Add(-25 * time.Hour)
	for _, name := range []string{old, young, other} {
		if err := os.WriteFile(name, []byte("MZ"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chtimes(old, yesterday, yesterday), os.Chtimes(other, yesterday, yesterday)); err != nil {
		t.Fatal(err)
	}
	at := target()
	at.EvidenceDir = dir
	if got, err := actions.Contain(t.Context(), &device{content: strings.NewReader(evil)}, at); err != nil || !got.Deleted {
		t.Errorf("Contain = %+v, %v; want the file deleted", got, err)
	}
	want := map[string]string{filepath.Base(young): "MZ", filepath.Base(other): "MZ", filepath.Base(copyName(dir)): evil}
	if diff := gocmp.Diff(want, kept(t, dir)); diff != "" {
		t.Errorf("evidence mismatch (-want +got):\n%s", diff)
	}
}
