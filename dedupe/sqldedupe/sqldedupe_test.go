package sqldedupe_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/dedupetest"
	"github.com/pphunt/pphunt/dedupe/sqldedupe"
	_ "github.com/pphunt/pphunt/dedupe/sqlitededupe" // registers the driver "sqlite"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// open makes a store on one handle with one connection: whatever waits for a second one waits for ever.
func open(t *testing.T) *sqldedupe.Store {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "any.db")+"?_txlock=immediate&_journal_mode=WAL&_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	s, err := sqldedupe.New(t.Context(), sqldedupe.Config{Write: db, Dialect: sqldedupe.SQLite()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), db.PingContext(context.WithoutCancel(t.Context())), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOneHandleForAll(t *testing.T) {
	t.Parallel()
	dedupetest.TestStore(t, func(t *testing.T) dedupe.Store { return open(t) })
}

func TestNewSaysEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := sqldedupe.New(t.Context(), sqldedupe.Config{})
	if err == nil || !strings.Contains(err.Error(), "Config.Write") || !strings.Contains(err.Error(), "Config.Dialect") {
		t.Errorf("New of nothing: %v, want an error that names Write and Dialect", err)
	}
}

func TestErrorsAreExplained(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "no", "any.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	explained := errors.New("explained")
	_, err = sqldedupe.New(t.Context(), sqldedupe.Config{
		Write: db, Dialect: sqldedupe.SQLite(),
		Explain: func(err error) error { return fmt.Errorf("%w: %w", explained, err) },
	})
	if !errors.Is(err, explained) {
		t.Errorf("New where there is no directory: %v, want the error explained", err)
	}
}

func done(key dedupe.Key, at time.Time) dedupe.Record {
	return dedupe.Record{Key: key, State: dedupe.Done, Owner: "elsewhere", Attempt: 1, Updated: at, Created: at}
}

func TestImport(t *testing.T) {
	t.Parallel()
	s := open(t)
	old, recent := noon().Add(-time.Hour), noon().Add(-time.Minute)
	if mark, err := s.Imported(t.Context(), "elsewhere"); mark != "" || err != nil {
		t.Errorf("Imported before anything was = %q, %v; want nothing", mark, err)
	}
	grants, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "open")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Import(t.Context(), "elsewhere", "third", done("b", recent), done("a", old), done("open", noon().Add(time.Second))); n != 2 || err != nil {
		t.Errorf("Import = %d, %v; want 2: a and b are new, one is open here", n, err)
	}
	if n, err := s.Import(t.Context(), "elsewhere", "fifth", done("a", recent), done("b", old)); n != 0 || err != nil {
		t.Errorf("second Import = %d, %v; want 0", n, err)
	}
	if mark, err := s.Imported(t.Context(), "elsewhere"); mark != "fifth" || err != nil {
		t.Errorf("Imported = %q, %v; want fifth", mark, err)
	}
	later := done("a", recent)
	later.Created = old
	want := []dedupe.Record{later, done("b", recent), {
		Key: "open", State: dedupe.Claimed, Owner: "owner", Attempt: 1, Until: grants[0].Claim.Until, Updated: noon(), Created: noon(),
	}}
	got, err := s.Lookup(t.Context(), "a", "b", "open")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Lookup mismatch (-want +got), error %v:\n%s", err, diff)
	}
}

func TestImportTakesOnlyWhatIsDone(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, rec := range map[string]dedupe.Record{
		"an open record":        {Key: "k", State: dedupe.Claimed, Owner: "o", Attempt: 1, Updated: noon(), Created: noon()},
		"a record without time": {Key: "k", State: dedupe.Done, Owner: "o", Attempt: 1},
		"a record without key":  done("", noon()),
	} {
		if n, err := s.Import(t.Context(), "elsewhere", "first", done("fine", noon()), rec); n != 0 || !errors.Is(err, dedupe.ErrInvalid) {
			t.Errorf("Import of %s = %d, %v; want ErrInvalid", name, n, err)
		}
	}
	if records, err := s.Lookup(t.Context(), "fine", "k"); err != nil || len(records) > 0 {
		t.Errorf("refused imports left %v, %v", records, err)
	}
}

func ExampleNew() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	// Any driver will do. With SQLite, transactions must begin immediate.
	db, err := sql.Open("sqlite", filepath.Join(dir, "service.db")+"?_txlock=immediate")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	store, err := sqldedupe.New(ctx, sqldedupe.Config{Write: db, Dialect: sqldedupe.SQLite()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	grants, err := store.Claim(ctx, "host-a/4711", time.Now(), time.Minute, "isolate/device/7")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(grants[0].Claim.Key, grants[0].Won, grants[0].Claim.Attempt)
	// Output:
	// isolate/device/7 true 1
}
