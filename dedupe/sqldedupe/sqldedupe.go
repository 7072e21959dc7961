package sqldedupe

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// Config wires a [Store].
type Config struct {
	// Write is the handle for everything that changes something.
	Write *sql.DB
	// Read is the handle for lookups. Defaults to Write.
	Read *sql.DB
	// Dialect is the kind of database.
	Dialect Dialect
	// Explain puts the errors of the driver into the words of those who see them. Defaults to leaving them as they are.
	Explain func(error) error
}

// Store is a [dedupe.Store] in an SQL database. It is safe for concurrent use, by any number of processes on one database.
type Store struct {
	write, read *sql.DB
	dialect     Dialect
	explain     func(error) error
	stmts       statements
}

var _ dedupe.Store = (*Store)(nil)

// New makes the tables if they are missing, and a store on them. It returns [ErrNewerSchema] if a later version made them.
func New(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{write: cfg.Write, read: cfg.Read, dialect: cfg.Dialect, explain: cfg.Explain}
	var problems []error
	if s.write == nil {
		problems = append(problems, errors.New("sqldedupe: Config.Write is missing"))
	}
	if s.dialect.name == "" {
		problems = append(problems, errors.New("sqldedupe: Config.Dialect is missing"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if s.read == nil {
		s.read = s.write
	}
	if err := s.migrate(ctx); err != nil {
		return nil, s.fail(ctx, "open", err)
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(s.fail(ctx, "open", err), s.Close())
	}
	return s, nil
}

// Close frees the prepared statements. The handles stay open: they belong to whoever opened them.
func (s *Store) Close() error { return s.stmts.close() }

// transact runs do in a transaction on the writing handle, which is committed unless do fails.
func (s *Store) transact(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			err = errors.Join(err, undo)
		}
		return err
	}
	return tx.Commit()
}

// nanos is how a time stands in the tables.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}
