package sqlitededupe_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/dedupetest"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func open(t testing.TB, path string) *sqlitededupe.Store {
	t.Helper()
	s, err := sqlitededupe.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	dedupetest.TestStore(t, func(t *testing.T) dedupe.Store { return open(t, filepath.Join(t.TempDir(), "app.sql")) })
}

func TestSharedFile(t *testing.T) {
	t.Parallel()
	dedupetest.TestShared(t, func(t *testing.T) func() dedupe.Store {
		path := filepath.Join(t.TempDir(), "app.sql")
		return func() dedupe.Store { return open(t, path) }
	})
}
