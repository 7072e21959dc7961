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
	}
	return abs, nil
}

// inspect makes the file if there is none, and refuses the database of another program. It opens the file for reading alone, so
// that looking changes nothing.
func inspect(ctx context.Context, path string, busy time.Duration) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return create(ctx, path, busy)
	}
	err := inspectAs(ctx, path, "ro", busy)
	switch code(err) {
	case sqlite3.SQLITE_NOTADB:
		err = refuse(path, ErrForeign, "it is not an SQLite database")
	case sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_READONLY_CANTINIT:
		// A process died while it wrote. SQLite has to put the file in order before anybody can read it.
		err = inspectAs(ctx, path, "rw", busy)
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

func inspectAs(ctx context.Context, path, mode string, busy time.Duration) error {
	db, err := handle(path, mode, busy, url.Values{"_query_only": {"1"}}, 1)
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
		return nil
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
	return err
}

// names returns the one text column of a query.
func names(ctx context.Context, q querier, query string, args ...any) (all []string, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
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
