package sqlitededupe_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

func TestLookChangesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "app.sql")
	if _, err := sqlitededupe.Look(t.Context(), path, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Look of nothing: %v, want fs.ErrNotExist", err)
	}
	s, err := sqlitededupe.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	grants, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "cursor/tap", "isolate/device/7", "policy/device/7")
	if err != nil {
		t.Fatal(err)
	}
	results := []dedupe.Result{
		{Claim: grants[0].Claim, State: dedupe.Released, Before: []byte("here")},
		{Claim: grants[1].Claim, State: dedupe.Done},
		{Claim: grants[2].Claim, State: dedupe.Failed, Before: []byte("there")},
	}
	if _, err := s.Finish(t.Context(), noon(), results...); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := sqlitededupe.Look(t.Context(), path, "cursor/")
	want := sqlitededupe.Health{Size: int64(len(before)), Records: 3, Unfinished: 2, Notes: map[dedupe.Key][]byte{"cursor/tap": []byte("here")}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Look: %v, mismatch (-want +got):\n%s", err, diff)
	}
	after, err := os.ReadFile(path)
	entries, err2 := os.ReadDir(dir)
	if err := errors.Join(err, err2); err != nil || string(before) != string(after) || len(entries) != 1 {
		t.Errorf("Look left %v, %v, and a file of %d bytes for one of %d", entries, err, len(after), len(before))
	}
}

func TestLookAtTheDatabaseOfTheOldScript(t *testing.T) {
	t.Parallel()
	got, err := sqlitededupe.Look(t.Context(), oldFile(t, `'2026-02-03T04:05:06Z', '7', 'g', ''`), "cursor/")
	if err != nil || !got.Legacy || got.Script.Records != 1 || got.Script.Waiting != got.Script.Records || got.Script.LastPull.IsZero() {
		t.Errorf("Look = %+v, %v; want the old script's", got, err)
	}
}

func TestLookSeesDamage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.sql")
	if err := os.WriteFile(path, append([]byte("SQLite format 3\x00 and nothing of it"), make([]byte, 4096)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlitededupe.Look(t.Context(), path, ""); err == nil {
		t.Error("Look finds nothing wrong with a file that is no database")
	}
}
