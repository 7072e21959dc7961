package sqldedupe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// Claim implements [dedupe.Store].
func (s *Store) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) ([]dedupe.Grant, error) {
	sorted, err := dedupe.CheckClaim(owner, now, lease, keys)
	if err != nil {
		return nil, s.fail(ctx, "claim", err)
	}
	grants := make([]dedupe.Grant, 0, len(sorted))
	err = s.transact(ctx, func(tx *sql.Tx) error {
		rows := s.rows(ctx, tx)
		for _, key := range sorted {
			grant, err := rows.claim(ctx, key, owner, now, lease)
			if err != nil {
				return err
			}
			grants = append(grants, grant)
		}
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, "claim", err)
	}
	return grants, nil
}

// claim inserts the row of a new key, which has one winner by the primary key, or decides on the locked row of a known one.
func (r rows) claim(ctx context.Context, key dedupe.Key, owner string, now time.Time, lease time.Duration) (dedupe.Grant, error) {
	fresh, grant := dedupe.Take(dedupe.Record{}, key, owner, now, lease)
	for range patience {
		added, err := r.insert(ctx, fresh)
		if err != nil || added {
			return grant, err
		}
		stood, err := r.locked(ctx, key)
		if err != nil {
			return dedupe.Grant{}, err
		}
		if stood.Key == "" {
			continue // forgotten between the two statements, so it is new after all
		}
		next, grant := dedupe.Take(stood, key, owner, now, lease)
		if !grant.Won {
			return grant, nil
		}
		return grant, r.update(ctx, next)
	}
	return dedupe.Grant{}, fmt.Errorf("the row of %s can neither be added nor read", key)
}

// patience is how often a row may vanish between two statements before something must be wrong with the database.
const patience = 100

// Renew implements [dedupe.Store].
func (s *Store) Renew(ctx context.Context, now time.Time, lease time.Duration, claims ...dedupe.Claim) ([]dedupe.Key, error) {
	sorted, err := dedupe.CheckRenew(now, lease, claims)
	if err != nil {
		return nil, s.fail(ctx, "renew", err)
	}
	lost, err := change(ctx, s, sorted, func(c dedupe.Claim) dedupe.Key { return c.Key },
		func(stood dedupe.Record, c dedupe.Claim) (dedupe.Record, bool) {
			return dedupe.Prolong(stood, c, now, lease)
		})
	if err != nil {
		return nil, s.fail(ctx, "renew", err)
	}
	return lost, nil
}

// Note implements [dedupe.Store].
func (s *Store) Note(ctx context.Context, now time.Time, notes ...dedupe.Note) ([]dedupe.Key, error) {
	sorted, err := dedupe.CheckNote(now, notes)
	if err != nil {
		return nil, s.fail(ctx, "note", err)
	}
	lost, err := change(ctx, s, sorted, func(n dedupe.Note) dedupe.Key { return n.Claim.Key },
		func(stood dedupe.Record, n dedupe.Note) (dedupe.Record, bool) { return dedupe.Annotate(stood, now, n) })
	if err != nil {
		return nil, s.fail(ctx, "note", err)
	}
	return lost, nil
}

// Finish implements [dedupe.Store].
func (s *Store) Finish(ctx context.Context, now time.Time, results ...dedupe.Result) ([]dedupe.Key, error) {
	sorted, err := dedupe.CheckFinish(now, results)
	if err != nil {
		return nil, s.fail(ctx, "finish", err)
	}
	lost, err := change(ctx, s, sorted, func(r dedupe.Result) dedupe.Key { return r.Claim.Key },
		func(stood dedupe.Record, r dedupe.Result) (dedupe.Record, bool) { return dedupe.Close(stood, now, r) })
	if err != nil {
		return nil, s.fail(ctx, "finish", err)
	}
	return lost, nil
}

// change applies a rule to the rows of claims, in one transaction, and returns the keys to which it does not apply.
func change[T any](
	ctx context.Context, s *Store, sorted []T, key func(T) dedupe.Key, rule func(dedupe.Record, T) (dedupe.Record, bool),
) ([]dedupe.Key, error) {
	var lost []dedupe.Key
	err := s.transact(ctx, func(tx *sql.Tx) error {
		rows := s.rows(ctx, tx)
		for _, item := range sorted {
			stood, err := rows.locked(ctx, key(item))
			if err != nil {
				return err
			}
			next, ok := rule(stood, item)
			if !ok {
				lost = append(lost, key(item))
			} else if err := rows.update(ctx, next); err != nil {
				return err
			}
		}
		return nil
	})
	return slices.Compact(lost), err
}

// Lookup implements [dedupe.Store]. All records are of the same moment where the database's transactions are.
func (s *Store) Lookup(ctx context.Context, keys ...dedupe.Key) ([]dedupe.Record, error) {
	sorted, err := dedupe.CheckKeys(keys)
	if err != nil {
		return nil, s.fail(ctx, "lookup", err)
	}
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.fail(ctx, "lookup", err)
	}
	records, err := s.records(ctx, tx, sorted)
	if end := tx.Rollback(); end != nil && !errors.Is(end, sql.ErrTxDone) {
		err = errors.Join(err, end)
	}
	if err != nil {
		return nil, s.fail(ctx, "lookup", err)
	}
	return records, nil
}

func (s *Store) records(ctx context.Context, tx *sql.Tx, keys []dedupe.Key) ([]dedupe.Record, error) {
	look := tx.StmtContext(ctx, s.stmts.look) //nolint:sqlclosecheck // the end of the transaction closes it
	var records []dedupe.Record
	for _, key := range keys {
		rec, err := scan(look.QueryRowContext(ctx, string(key)))
		if err != nil {
			return nil, err
		}
		if rec.Key != "" {
			records = append(records, rec)
		}
	}
	return records, nil
}

// bound is a time to compare with, at the end of the range when it lies beyond what nanoseconds can say.
func bound(t time.Time) int64 {
	switch year := t.UTC().Year(); {
	case year < 1970:
		return 0
	case year > 2200:
		return math.MaxInt64
	}
	return t.UnixNano()
}
