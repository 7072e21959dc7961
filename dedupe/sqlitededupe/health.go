package sqlitededupe

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// Health is what can be said of a ledger without opening it for work.
type Health struct {
	// Size is that of the file and of what was written beside it, in bytes.
	Size int64
	// Records counts everything that is remembered, and Unfinished what is not done: tasks, files that are hunted still, cursors.
	Records, Unfinished int
	// Legacy means that it is the database of the old script, which has not become a ledger yet.
	Legacy bool
	// Script is what the old script left in the file, taken over or not: Waiting counts all of it where Legacy, and is zero otherwise.
	Script Legacy
	// Notes are the notes of the unfinished records that were asked for: [dedupe.Record.Before], by key.
	Notes map[dedupe.Key][]byte
}

// Look reads a ledger through, and changes nothing, neither in it nor beside it. It brings the notes of the unfinished records whose keys
// begin with prefix; the empty prefix brings none. Where there is no file the error is [fs.ErrNotExist], and otherwise it is as that of
// [Open]. What a process that is at work has not written into the file yet is not seen.
func Look(ctx context.Context, path string, prefix dedupe.Key) (Health, error) {
	abs, err := check(path)
	if err != nil {
		return Health{}, err
	}
	h, err := look(ctx, abs, prefix)
	if err != nil {
		return Health{}, explain(abs, foreign(abs, err))
	}
	return h, nil
}

func look(ctx context.Context, path string, prefix dedupe.Key) (h Health, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return h, err
	}
	h.Size = info.Size()
	if wal, err := os.Stat(path + "-wal"); err == nil {
		h.Size += wal.Size()
	}
	how := url.Values{"mode": {"ro"}, "immutable": {"1"}, "_query_only": {"1"}} // without locks, so that no companion is made
	db, err := handle(path, "ro", time.Second, how, 1)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := recognize(ctx, db, path); err != nil {
		return h, err
	}
	tables, err := names(ctx, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('pphunt_tasks', 'records')`)
	if err != nil {
		return h, err
	}
	if slices.Contains(tables, "records") {
		if h.Script, err = script(ctx, db); err != nil {
			return h, err
		}
	}
	if !slices.Contains(tables, "pphunt_tasks") {
		h.Legacy, h.Script.Waiting = slices.Contains(tables, "records"), h.Script.Records
		return h, nil
	}
	row := db.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE state <> 'done') FROM pphunt_tasks`)
	if err := row.Scan(&h.Records, &h.Unfinished); err != nil || prefix == "" {
		return h, err
	}
	h.Notes, err = notes(ctx, db, prefix)
	return h, err
}

// script looks at the tables of the old script.
func script(ctx context.Context, q querier) (l Legacy, err error) {
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM records`).Scan(&l.Records); err != nil {
		return l, err
	}
	l.LastPull, err = lastPull(ctx, q)
	return l, err
}

func notes(ctx context.Context, db *sql.DB, prefix dedupe.Key) (all map[dedupe.Key][]byte, err error) {
	rows, err := db.QueryContext(ctx, `SELECT key, before FROM pphunt_tasks WHERE state <> 'done' AND substr(key, 1, ?) = ? AND before IS NOT NULL`, len(prefix), string(prefix))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	all = make(map[dedupe.Key][]byte)
	for rows.Next() {
		var key dedupe.Key
		var note []byte
		if err := rows.Scan(&key, &note); err != nil {
			return nil, err
		}
		all[key] = note
	}
	return all, rows.Err()
}
