package sqldedupe

import (
	"context"
	"database/sql"
	"time"
)

// How much is forgotten at a time. Who wants to claim something waits for one piece, and gets his turn before the next.
const (
	firstPiece   = 1000
	largestPiece = 4000
	longestPiece = 20 * time.Millisecond
)

// Forget implements [dedupe.Store]. It removes records piece by piece, each in a transaction of its own, so that nobody waits for long. If
// it fails, some may be gone: their number comes with the error.
func (s *Store) Forget(ctx context.Context, before time.Time) (int, error) {
	total := 0
	for size := firstPiece; ; {
		begun := time.Now()
		n, err := s.forget(ctx, before, size)
		total += n
		if err != nil {
			return total, s.fail(ctx, "forget", err)
		}
		if n < size {
			return total, nil
		}
		took := time.Since(begun)
		switch {
		case took > longestPiece:
			size = max(1, size/2)
		case took < longestPiece/4:
			size = min(2*size, largestPiece)
		}
		// Other processes look for their turn only now and then.
		pause := time.NewTimer(took)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return total, s.fail(ctx, "forget", ctx.Err())
		}
	}
}

// forget removes a piece, the oldest first.
func (s *Store) forget(ctx context.Context, before time.Time, most int) (int, error) {
	var n int64
	err := s.transact(ctx, func(tx *sql.Tx) error {
		// This is the rule dedupe.Forgettable: reading every row to ask it would take minutes where the index takes none.
		res, err := tx.ExecContext(ctx, s.dialect.bind(`DELETE FROM pphunt_tasks WHERE state = 'done' AND key IN
			(SELECT key FROM pphunt_tasks WHERE state = 'done' AND updated < ? ORDER BY updated LIMIT ?)`), bound(before), most)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return int(n), err
}
