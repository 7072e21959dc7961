package sqldedupe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/pphunt/pphunt/dedupe"
)

const columns = `key, state, owner, attempt, until, updated, created, detail, before`

// statements are prepared once: a batch is a loop over them, which beats statements with many rows.
type statements struct {
	add, get, put, look, list, page *sql.Stmt
}

func (s *Store) prepare(ctx context.Context) error {
	get := `SELECT ` + columns + ` FROM pphunt_tasks WHERE key = ?`
	for _, p := range []struct {
		to   **sql.Stmt
		db   *sql.DB
		text string
	}{
		{&s.stmts.add, s.write, `INSERT INTO pphunt_tasks (` + columns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`},
		{&s.stmts.get, s.write, get + s.dialect.lock},
		{&s.stmts.put, s.write, `UPDATE pphunt_tasks SET state = ?, owner = ?, attempt = ?, until = ?, updated = ?, detail = ?, before = ? WHERE key = ?`},
		{&s.stmts.look, s.read, get},
		{&s.stmts.list, s.read, `SELECT ` + columns + ` FROM pphunt_tasks WHERE state <> 'done' AND key >= ? AND key < ? ORDER BY key`},
		{&s.stmts.page, s.read, `SELECT ` + columns + ` FROM pphunt_tasks WHERE key >= ? AND key < ? ORDER BY key LIMIT ` + strconv.Itoa(pageSize)},
	} {
		stmt, err := p.db.PrepareContext(ctx, s.dialect.bind(p.text)) //nolint:sqlclosecheck // Close closes it
		if err != nil {
			return fmt.Errorf("preparing statements: %w", err)
		}
		*p.to = stmt
	}
	return nil
}

func (st statements) close() error {
	var problems []error
	for _, stmt := range []*sql.Stmt{st.add, st.get, st.put, st.look, st.list, st.page} {
		if stmt != nil {
			problems = append(problems, stmt.Close())
		}
	}
	return errors.Join(problems...)
}

// rows are the statements within one transaction.
type rows struct {
	add, get, put *sql.Stmt
}

func (s *Store) rows(ctx context.Context, tx *sql.Tx) rows {
	return rows{add: tx.StmtContext(ctx, s.stmts.add), get: tx.StmtContext(ctx, s.stmts.get), put: tx.StmtContext(ctx, s.stmts.put)}
}

// insert adds a record, and tells whether there was none with its key.
func (r rows) insert(ctx context.Context, rec dedupe.Record) (bool, error) {
	res, err := r.add.ExecContext(ctx, string(rec.Key), string(rec.State), rec.Owner, rec.Attempt,
		nanos(rec.Until), nanos(rec.Updated), nanos(rec.Created), rec.Detail, rec.Before)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// locked reads a record, zero if there is none, and keeps others from changing it until the transaction ends.
func (r rows) locked(ctx context.Context, key dedupe.Key) (dedupe.Record, error) {
	return scan(r.get.QueryRowContext(ctx, string(key)))
}

func (r rows) update(ctx context.Context, rec dedupe.Record) error {
	_, err := r.put.ExecContext(ctx, string(rec.State), rec.Owner, rec.Attempt, nanos(rec.Until), nanos(rec.Updated),
		rec.Detail, rec.Before, string(rec.Key))
	return err
}

// scan reads the columns of a row, zero if there is none.
func scan(row interface{ Scan(to ...any) error }) (dedupe.Record, error) {
	var rec dedupe.Record
	var until, updated, created int64
	err := row.Scan(&rec.Key, &rec.State, &rec.Owner, &rec.Attempt, &until, &updated, &created, &rec.Detail, &rec.Before)
	if errors.Is(err, sql.ErrNoRows) {
		return dedupe.Record{}, nil
	}
	rec.Until, rec.Updated, rec.Created = instant(until), instant(updated), instant(created)
	return rec, err
}
