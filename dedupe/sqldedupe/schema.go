package sqldedupe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// schemaVersion is what this version of the module makes and understands.
const schemaVersion = 1

// migrate makes the tables where there are none. Several processes may be starting at once: one of them does.
func (s *Store) migrate(ctx context.Context) error {
	// A later version is refused before anything takes a lock.
	if _, err := s.version(ctx, s.read); err != nil {
		return err
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		version, err := s.version(ctx, tx)
		if err != nil {
			return err
		}
		if version == schemaVersion {
			// This changes no row, and fails now, not at the first claim, when the ledger cannot be written.
			_, err := tx.ExecContext(ctx, `UPDATE pphunt_schema SET version = version WHERE version < 0`)
			return err
		}
		for _, statement := range s.dialect.schema {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("making the tables: %w", err)
			}
		}
		_, err = tx.ExecContext(ctx, s.dialect.bind(`INSERT INTO pphunt_schema (version) VALUES (?)`), schemaVersion)
		return err
	})
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version is the version of the tables, 0 if there are none.
func (s *Store) version(ctx context.Context, q querier) (int, error) {
	var tables int
	if err := q.QueryRowContext(ctx, s.dialect.bind(s.dialect.hasTable), "pphunt_schema").Scan(&tables); err != nil {
		return 0, fmt.Errorf("looking for the tables: %w", err)
	}
	if tables == 0 {
		return 0, nil
	}
	var version int
	switch err := q.QueryRowContext(ctx, `SELECT version FROM pphunt_schema`).Scan(&version); {
	case errors.Is(err, sql.ErrNoRows) || err == nil && version < 1:
		return 0, errors.New("the ledger is damaged: its table pphunt_schema has no version")
	case err != nil:
		return 0, fmt.Errorf("reading the version of the tables: %w", err)
	case version > schemaVersion:
		return 0, fmt.Errorf("%w: its tables have version %d, and this one knows %d", ErrNewerSchema, version, schemaVersion)
	}
	return version, nil
}
