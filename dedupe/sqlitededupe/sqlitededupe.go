package sqlitededupe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"

	"github.com/pphunt/pphunt/dedupe/sqldedupe"
)

// Store is a ledger in a file. It is safe for concurrent use.
type Store struct {
	*sqldedupe.Store
	write, read *sql.DB
	path        string
}

// Open opens the ledger at a path, and makes one with mode 0600 where there is no file or an empty one. The directory must exist.
// The database of the old script is recognized and becomes the ledger. Whoever opens a store closes it.
func Open(ctx context.Context, path string) (*Store, error) {
	return open(ctx, path, 5*time.Second)
}

// open lets tests wait less for a lock.
func open(ctx context.Context, path string, busy time.Duration) (*Store, error) {
	s, err := openChecked(ctx, path, busy)
	if err != nil {
		return nil, fmt.Errorf("sqlitededupe: open: %w", err)
	}
	return s, nil
}

func openChecked(ctx context.Context, path string, busy time.Duration) (*Store, error) {
	abs, err := check(path)
	if err != nil {
		return nil, err
	}
	if err := inspect(ctx, abs, busy); err != nil {
		return nil, explain(abs, err)
	}
	s := &Store{path: abs}
	if s.write, err = handle(abs, "rw", busy, url.Values{"_txlock": {"immediate"}}, 1); err != nil {
		return nil, err
	}
	// Reading goes on while the one writing connection waits for its turn.
	if s.read, err = handle(abs, "rw", busy, url.Values{"_query_only": {"1"}}, 4); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := useWAL(ctx, s.write, busy); err != nil {
		return nil, errors.Join(explain(abs, err), s.Close())
	}
	s.Store, err = sqldedupe.New(ctx, sqldedupe.Config{
		Write: s.write, Read: s.read, Dialect: sqldedupe.SQLite(),
		Explain: func(err error) error { return explain(abs, err) },
	})
	if err != nil {
		if _, named := errors.AsType[*fileError](err); !named {
			err = &fileError{path: abs, err: err}
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes the file. Claims that are open stay so until their leases end.
func (s *Store) Close() error {
	var problems []error
	if s.Store != nil {
		problems = append(problems, s.Store.Close())
	}
	for _, db := range []*sql.DB{s.read, s.write} { // the writing one last: it tidies up the companions of the file
		if db != nil {
			problems = append(problems, db.Close())
		}
	}
	return errors.Join(problems...)
}

// handle makes a pool of connections. It opens nothing yet. The mode is ro, rw or, to make the file, rwc.
func handle(path, mode string, busy time.Duration, more url.Values, connections int) (*sql.DB, error) {
	more.Set("mode", mode)
	more.Set("_busy_timeout", strconv.FormatInt(busy.Milliseconds(), 10))
	more.Set("_synchronous", "FULL")
	more.Set("_defensive", "1")
	more.Set("_dqs", "0")
	more.Set("_error_rc", "1")
	more.Set("_pragma", "trusted_schema(0)")
	connector, err := sqlite.NewConnector(uri(path, more))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// uri is the file name as SQLite wants it, whatever characters are in it.
func uri(path string, query url.Values) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/x is /C:/x in a URI
	}
	parameters := strings.ReplaceAll(query.Encode(), "+", "%20") // SQLite does not take a plus for a space
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: parameters, OmitHost: true}).String()
}

// useWAL lets one process write while others read. The setting stays in the file. Switching needs the file for itself for a
// moment, and SQLite does not wait for that as it does for other locks: several processes may be starting at once.
func useWAL(ctx context.Context, db *sql.DB, busy time.Duration) error {
	deadline := time.NewTimer(busy)
	defer deadline.Stop()
	for {
		var mode string
		err := db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
		if err == nil && mode != "wal" {
			return fmt.Errorf("the file system of the ledger does not support write-ahead logging (journal mode %s)", mode)
		}
		if err == nil || !errors.Is(explain("", err), ErrLocked) {
			return err
		}
		pause := time.NewTimer(20 * time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("%w; last attempt: %w", ctx.Err(), err)
		case <-deadline.C:
			pause.Stop()
			return err
		}
	}
}
