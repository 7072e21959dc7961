package sqldedupe

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"github.com/pphunt/pphunt/dedupe"
)

// pageSize is how many records Scan reads at once, and so how many it has in memory.
const pageSize = 500

// Scan implements [dedupe.Store]. It holds no connection while the loop runs. Each page is of one moment; the next begins behind
// the last key of the one before.
func (s *Store) Scan(ctx context.Context, prefix dedupe.Key) iter.Seq2[dedupe.Record, error] {
	return func(yield func(dedupe.Record, error) bool) {
		from, below := span(string(prefix))
		var last dedupe.Key
		for {
			page, err := listed(ctx, s.stmts.page, from, below)
			if err != nil {
				yield(dedupe.Record{}, s.fail(ctx, "scan", err))
				return
			}
			for _, rec := range page {
				// A page begins with the last key of the one before, and the range may be wider than the prefix.
				if rec.Key == last || !dedupe.Within(rec, prefix) {
					continue
				}
				if err := ctx.Err(); err != nil {
					yield(dedupe.Record{}, s.fail(ctx, "scan", err))
					return
				}
				if !yield(rec, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			last = page[len(page)-1].Key
			from = string(last)
		}
	}
}

// listed reads the rows that a statement selects.
func listed(ctx context.Context, list *sql.Stmt, args ...any) (records []dedupe.Record, err error) {
	rows, err := list.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		rec, err := scan(rows)
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	return records, rows.Err()
}
