package sqlitededupe

import (
	"context"
	"database/sql"
	"time"
)

// OpenBusy is Open with another patience.
func OpenBusy(ctx context.Context, path string, busy time.Duration) (*Store, error) {
	return open(ctx, path, busy)
}

// Writer is the handle that writes.
func (s *Store) Writer() *sql.DB { return s.write }

// ParseLegacyTime and ParseLegacyNumber are fuzzed from outside.
func ParseLegacyTime(text string) (time.Time, bool) { return parseLegacyTime(text) }

func ParseLegacyNumber(text string) (int64, bool) { return parseLegacyNumber(text) }
