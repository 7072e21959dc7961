package sqldedupe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/dedupe"
)

// Imported tells how far another ledger was taken over: the mark of the last [Store.Import] under that name, empty if there was
// none.
func (s *Store) Imported(ctx context.Context, source string) (string, error) {
	var mark string
	err := s.read.QueryRowContext(ctx, s.dialect.bind(`SELECT mark FROM pphunt_imports WHERE source = ?`), source).Scan(&mark)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", s.fail(ctx, "import", err)
	}
	return mark, nil
}

// Import adds the records of tasks that another ledger, named source, has as done, and notes with a mark of the caller's how far
// it has come, in one transaction. It returns how many records are new. Keys that are known already stay as they are, except that a done one takes on
// a later time.
func (s *Store) Import(ctx context.Context, source, mark string, records ...dedupe.Record) (int, error) {
	sorted := slices.Clone(records)
	slices.SortFunc(sorted, func(a, b dedupe.Record) int { return strings.Compare(string(a.Key), string(b.Key)) })
	for _, rec := range sorted {
		if err := importable(rec); err != nil {
			return 0, s.fail(ctx, "import", err)
		}
	}
	n := 0
	err := s.transact(ctx, func(tx *sql.Tx) error {
		rows := s.rows(ctx, tx)
		for _, rec := range sorted {
			added, err := rows.adopt(ctx, rec)
			if err != nil {
				return err
			}
			if added {
				n++
			}
		}
		_, err := tx.ExecContext(ctx, s.dialect.bind(
			`INSERT INTO pphunt_imports (source, mark) VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET mark = excluded.mark`), source, mark)
		return err
	})
	if err != nil {
		return 0, s.fail(ctx, "import", err)
	}
	return n, nil
}

// adopt adds a record, or remembers one that is done for as long as the later of two times says.
func (r rows) adopt(ctx context.Context, rec dedupe.Record) (bool, error) {
	added, err := r.insert(ctx, rec)
	if err != nil || added {
		return added, err
	}
	stood, err := r.locked(ctx, rec.Key)
	if err != nil || stood.State != dedupe.Done || !stood.Updated.Before(rec.Updated) {
		return false, err
	}
	stood.Updated = rec.Updated
	return false, r.update(ctx, stood)
}

func importable(rec dedupe.Record) error {
	if err := rec.Key.Check(); err != nil {
		return err
	}
	if rec.State != dedupe.Done || rec.Attempt < 1 || rec.Updated.IsZero() || rec.Created.IsZero() {
		return fmt.Errorf("%w: the record of %s is not one of a task that is done", dedupe.ErrInvalid, rec.Key)
	}
	return nil
}
