package sqlitededupe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/pphunt/pphunt/dedupe/sqldedupe"
)

// check looks at the file from outside, and returns its absolute path. It must not open the file: closing it again would drop
// the locks that this process has on it through other stores, as POSIX wants it, and let others destroy it.
func check(path string) (string, error) {
	switch {
	case path == "":
		return "", errors.New("the path of the ledger is empty")
	case strings.HasPrefix(path, ":memory:"):
		return "", fmt.Errorf("%s is no file: a ledger in memory is dedupe.Memory", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	parent := filepath.Dir(abs)
	if dir, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
		return "", &fileError{path: abs, err: fmt.Errorf("the directory %s does not exist", parent)}
	} else if err == nil && !dir.IsDir() {
		return "", &fileError{path: abs, err: fmt.Errorf("%s is not a directory", parent)}
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return abs, nil
	case err != nil:
		return "", err
	case info.IsDir():
		return "", refuse(abs, ErrForeign, "it is a directory")
	case !info.Mode().IsRegular():
		return "", refuse(abs, ErrForeign, "it is not a regular file")
	case info.Size() > 0 && info.Size() < smallest:
		return "", refuse(abs, ErrForeign, "it is not an SQLite database") // SQLite would take some of these for an empty one
	}
	return abs, nil
}

// smallest is the size of a database of one page of the smallest size.
const smallest = 512

// inspect makes the file if there is none, and refuses the database of another program and one that is damaged. It opens the file
// for reading alone, so that looking changes nothing.
func inspect(ctx context.Context, path string, busy time.Duration) error {
	before, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(ctx, path, busy)
	}
	// SQLite would make companions that cannot be written either, and stay so when the file can.
	if err := writable(path); err != nil {
		return &fileError{path: path, kind: ErrReadOnly, err: err}
	}
	if err == nil && alone(path) {
		// Without locks SQLite makes no companions either, which a file that is refused would keep. The verdict counts only if nobody
		// has written meanwhile.
		err := inspectAs(ctx, path, busy, url.Values{"mode": {"ro"}, "immutable": {"1"}})
		after, statErr := os.Stat(path)
		if err != nil && statErr == nil && alone(path) && after.Size() == before.Size() && after.ModTime().Equal(before.ModTime()) {
			return foreign(path, err)
		}
	}
	err = inspectAs(ctx, path, busy, url.Values{"mode": {"ro"}})
	switch code(err) {
	case sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_READONLY_CANTINIT:
		// A process died while it wrote. SQLite has to put the file in order before anybody can read it.
		err = inspectAs(ctx, path, busy, url.Values{"mode": {"rw"}})
	}
	return foreign(path, err)
}

// alone tells whether the file has no companion, as it is when no process has it open, or the old script alone.
func alone(path string) bool {
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if _, err := os.Lstat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// foreign says of what is no database that it is none.
func foreign(path string, err error) error {
	if code(err) == sqlite3.SQLITE_NOTADB {
		return refuse(path, ErrForeign, "it is not an SQLite database")
	}
	return err
}

// create makes an empty file for its owner alone. SQLite copies the mode from a file that has it: see check for why this
// package does not make the file itself.
func create(ctx context.Context, path string, busy time.Duration) (err error) {
	example, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if errors.Is(err, fs.ErrPermission) {
		return &fileError{path: path, kind: ErrReadOnly, err: err}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(example.Name())) }()
	if err := example.Close(); err != nil {
		return err
	}
	db, err := handle(path, "rwc", busy, url.Values{"modeof": {example.Name()}}, 1)
	if err != nil {
		return err
	}
	return errors.Join(db.PingContext(ctx), db.Close())
}

func inspectAs(ctx context.Context, path string, busy time.Duration, how url.Values) error {
	how.Set("_query_only", "1")
	db, err := handle(path, how.Get("mode"), busy, how, 1)
	if err != nil {
		return err
	}
	return errors.Join(recognize(ctx, db, path), db.Close())
}

// recognize accepts an empty database, a ledger, and the database of the old script.
func recognize(ctx context.Context, db *sql.DB, path string) (err error) {
	tx, err := db.BeginTx(ctx, nil) // all answers must be of one moment: another process may be making the tables
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	var application int64
	if err := tx.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&application); err != nil {
		return err
	}
	tables, err := names(ctx, tx, `SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	if err != nil {
		return err
	}
	switch {
	case application == sqldedupe.ApplicationID && slices.Contains(tables, "pphunt_schema"):
		return sound(ctx, tx, path)
	case application == sqldedupe.ApplicationID:
		return refuse(path, ErrDamaged, "it has no table pphunt_schema")
	case application != 0:
		return refuse(path, ErrForeign, fmt.Sprintf("it is the database of another program, with application id %d", application))
	case len(tables) == 0:
		return nil
	}
	legacy, err := hasLegacy(ctx, tx)
	if err == nil && !legacy {
		slices.Sort(tables)
		err = refuse(path, ErrForeign, fmt.Sprintf("it is the database of another program, with the tables %.200s", strings.Join(tables, ", ")))
	}
	if err != nil {
		return err
	}
	return sound(ctx, tx, path)
}

// sound reads the whole file: whoever writes to one that is damaged makes it worse, and forgets what was done.
func sound(ctx context.Context, q querier, path string) error {
	problems, err := names(ctx, q, `PRAGMA quick_check(3)`)
	if err != nil || slices.Equal(problems, []string{"ok"}) {
		return err
	}
	return refuse(path, ErrDamaged, strings.Join(strings.Fields(strings.Join(problems, "; ")), " "))
}

// names returns the one text column of a query.
func names(ctx context.Context, q querier, query string) (all []string, err error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, rows.Err()
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
