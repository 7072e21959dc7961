package sqlitededupe_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqldedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

// run executes statements on a file as any other program would, and closes it.
func run(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// openRaw opens a file as any other program would.
func openRaw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whatever is at the path and is no ledger: one error that says so, and not a byte is changed.
func TestOpenRefusesOtherFilesAndLeavesThemAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want error
		says string
	}{
		"a text file":          {func(t *testing.T, p string) { write(t, p, "general:\n  name = x\n") }, sqlitededupe.ErrForeign, "not an SQLite database"},
		"a long text file":     {func(t *testing.T, p string) { write(t, p, strings.Repeat("app.log line\n", 5000)) }, sqlitededupe.ErrForeign, "not an SQLite database"},
		"a database of zeroes": {func(t *testing.T, p string) { write(t, p, strings.Repeat("\x00", 8192)) }, sqlitededupe.ErrForeign, "not an SQLite database"},
		"another program's database": {func(t *testing.T, p string) {
			run(t, p, `CREATE TABLE users (id INTEGER PRIMARY KEY)`, `CREATE TABLE cookies (v TEXT)`)
		}, sqlitededupe.ErrForeign, "with the tables cookies, users"},
		"another program's database in WAL mode": {func(t *testing.T, p string) {
			run(t, p, `PRAGMA journal_mode = WAL`, `CREATE TABLE users (id INTEGER PRIMARY KEY)`)
		}, sqlitededupe.ErrForeign, "with the tables users"},
		"another program's view alone": {func(t *testing.T, p string) {
			run(t, p, `CREATE VIEW v AS SELECT 1`)
		}, sqlitededupe.ErrForeign, "with the tables v"},
		"another program's marked file": {func(t *testing.T, p string) {
			run(t, p, `PRAGMA application_id = 252006675`, `CREATE TABLE records (id, timestamp, device_id, process_guid, sha256)`)
		}, sqlitededupe.ErrForeign, "application id 252006675"},
		"another program's table of the same name": {func(t *testing.T, p string) {
			run(t, p, `CREATE TABLE records (id INTEGER PRIMARY KEY, artist TEXT, timestamp TEXT)`)
		}, sqlitededupe.ErrForeign, "with the tables records"},
		"a ledger that lost its tables": {func(t *testing.T, p string) {
			run(t, p, `PRAGMA application_id = 1347438676`, `CREATE TABLE records (id)`)
		}, sqlitededupe.ErrDamaged, "restore it from a backup"},
		"a ledger with a broken page": {func(t *testing.T, p string) {
			create(t, p)
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			for i := 100; i < 4096; i++ {
				b[i] = 0x5a
			}
			write(t, p, string(b))
		}, sqlitededupe.ErrDamaged, "restore it from a backup"},
		"a newer ledger": {func(t *testing.T, p string) {
			create(t, p)
			run(t, p, `UPDATE pphunt_schema SET version = 2`, `PRAGMA wal_checkpoint(TRUNCATE)`)
		}, sqldedupe.ErrNewerSchema, "newer version of this program"},
		"a ledger with a version that never was": {func(t *testing.T, p string) {
			create(t, p)
			run(t, p, `UPDATE pphunt_schema SET version = 0`, `PRAGMA wal_checkpoint(TRUNCATE)`)
		}, nil, "damaged"},
		"a ledger without a version": {func(t *testing.T, p string) {
			create(t, p)
			run(t, p, `DELETE FROM pphunt_schema`, `PRAGMA wal_checkpoint(TRUNCATE)`)
		}, nil, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.sql")
			c.make(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := sqlitededupe.Open(t.Context(), path)
			if err == nil {
				_ = s.Close()
				t.Fatal("Open succeeded")
			}
			if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("Open: got the error %q, want %v with the path and %q", err, c.want, c.says)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("Open: the error has more than one line: %q", err)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed (%d bytes, then %d), error %v", len(before), len(after), err)
			}
		})
	}
}

func create(t *testing.T, path string) {
	t.Helper()
	s, err := sqlitededupe.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesPathsWithoutAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	for path, want := range map[string]string{
		"":                                    "the path of the ledger is empty",
		":memory:":                            "dedupe.Memory",
		dir:                                   "is a directory",
		filepath.Join(dir, "no", "app.sql"):   "the directory " + filepath.Join(dir, "no") + " does not exist",
		filepath.Join(dir, "file", "app.sql"): "is not a directory",
	} {
		s, err := sqlitededupe.Open(t.Context(), path)
		if err == nil {
			_ = s.Close()
			t.Errorf("Open(%q) succeeded", path)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): got the error %q, want one with %q", path, err, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("Open left something behind: %v, %v", entries, err)
	}
}

func TestOpenSaysWhenTheFileCannotBeWritten(t *testing.T) {
	t.Parallel()
	if os.Geteuid() <= 0 {
		t.Skip("this user may write whatever the mode says, or the system has no modes")
	}
	for name, c := range map[string]struct{ file, dir os.FileMode }{
		"a file that is read-only":         {0o400, 0o700},
		"a directory that is read-only":    {0o600, 0o500},
		"a new file where nothing may be":  {0, 0o500},
		"a file that may not be read even": {0o000, 0o700},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "app.sql")
			if c.dir != 0o500 || c.file != 0 {
				create(t, path)
				if err := os.Chmod(path, c.file); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, c.dir); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
			s, err := sqlitededupe.Open(t.Context(), path)
			if err == nil {
				_ = s.Close()
				t.Fatal("Open succeeded")
			}
			if !errors.Is(err, sqlitededupe.ErrReadOnly) || !strings.Contains(err.Error(), path) {
				t.Errorf("Open: got the error %q, want ErrReadOnly with the path", err)
			}
		})
	}
}

func TestNewFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "app.sql"))
	if _, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "k"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = info.Mode().String()
	}
	want := map[string]string{"app.sql": "-rw-------", "app.sql-wal": "-rw-------", "app.sql-shm": "-rw-------"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestExistingFileKeepsItsMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.sql")
	write(t, path, "") // empty: as good as none
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("the file has the mode %v, %v; want 0640", info.Mode(), err)
	}
}

func TestFileNamesAreTakenLiterally(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.sql", "100%.sql", "a?mode=ro.sql", "a#b.sql", "a&b=c.sql", "日本.sql", "a%20b.sql", "file:x.sql"} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, "?:") {
			continue
		}
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		s := open(t, path)
		if _, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "k"); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("Open(%q) made another file: %v", name, err)
		}
	}
}

func TestRecordsOutliveTheStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.sql")
	s, err := sqlitededupe.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	grants, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish(t.Context(), noon(), dedupe.Result{Claim: grants[0].Claim, State: dedupe.Done, Detail: "note", Before: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	want, err := s.Lookup(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path).Lookup(t.Context(), "a", "b")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Lookup after reopening mismatch (-want +got), error %v:\n%s", err, diff)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "app.sql") {
			t.Errorf("the store left %s behind", e.Name())
		}
	}
}

func TestRelativePathsStayWhereTheyWere(t *testing.T) {
	t.Chdir(t.TempDir())
	s := open(t, "app.sql")
	t.Chdir(t.TempDir())
	// A reading connection that is opened only now must find the same file.
	if _, err := s.Lookup(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	if _, err := s.Claim(t.Context(), "owner", noon(), time.Minute, "k"); err != nil {
		t.Error(err)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := sqlitededupe.Open(ctx, filepath.Join(t.TempDir(), "app.sql"))
	if err == nil {
		_ = s.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a context that has ended: %v, want context.Canceled", err)
	}
}
