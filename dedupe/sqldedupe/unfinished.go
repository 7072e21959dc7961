package sqldedupe

import (
	"context"
	"slices"

	"github.com/pphunt/pphunt/dedupe"
)

// Unfinished implements [dedupe.Store]. All records are of the same moment: they are the answer to one statement.
func (s *Store) Unfinished(ctx context.Context, prefix dedupe.Key) ([]dedupe.Record, error) {
	from, below := span(string(prefix))
	records, err := listed(ctx, s.stmts.list, from, below)
	if err != nil {
		return nil, s.fail(ctx, "unfinished", err)
	}
	// The range may be wider than the prefix.
	return slices.DeleteFunc(records, func(r dedupe.Record) bool { return !dedupe.Outstanding(r, prefix) }), nil
}
