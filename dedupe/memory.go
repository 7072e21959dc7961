package dedupe

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Memory is a [Store] that lives as long as its process: for tests, and for programs that keep nothing on purpose. The zero
// Memory is empty and ready. It must not be copied.
type Memory struct {
	mu      sync.Mutex
	records map[Key]Record
}

var _ Store = (*Memory)(nil)

// Claim implements [Store].
func (m *Memory) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...Key) ([]Grant, error) {
	sorted, err := CheckClaim(owner, now, lease, keys)
	if err := refuse(ctx, "claim", err); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = make(map[Key]Record)
	}
	grants := make([]Grant, 0, len(sorted))
	for _, key := range sorted {
		next, grant := Take(m.records[key], key, owner, now, lease)
		if grant.Won {
			m.records[key] = next
		}
		grant.Record.Before = bytes.Clone(grant.Record.Before)
		grants = append(grants, grant)
	}
	return grants, nil
}

// Renew implements [Store].
func (m *Memory) Renew(ctx context.Context, now time.Time, lease time.Duration, claims ...Claim) ([]Key, error) {
	sorted, err := CheckRenew(now, lease, claims)
	if err := refuse(ctx, "renew", err); err != nil {
		return nil, err
	}
	lost := change(m, sorted, func(c Claim) Key { return c.Key },
		func(stood Record, c Claim) (Record, bool) { return Prolong(stood, c, now, lease) })
	return slices.Compact(lost), nil
}

// Note implements [Store].
func (m *Memory) Note(ctx context.Context, now time.Time, notes ...Note) ([]Key, error) {
	sorted, err := CheckNote(now, notes)
	if err := refuse(ctx, "note", err); err != nil {
		return nil, err
	}
	return change(m, sorted, func(n Note) Key { return n.Claim.Key },
		func(stood Record, n Note) (Record, bool) { return Annotate(stood, now, n) }), nil
}

// Finish implements [Store].
func (m *Memory) Finish(ctx context.Context, now time.Time, results ...Result) ([]Key, error) {
	sorted, err := CheckFinish(now, results)
	if err := refuse(ctx, "finish", err); err != nil {
		return nil, err
	}
	return change(m, sorted, func(r Result) Key { return r.Claim.Key },
		func(stood Record, r Result) (Record, bool) { return Close(stood, now, r) }), nil
}

// change applies a rule to the records of claims, and returns the keys to which it does not apply.
func change[T any](m *Memory, sorted []T, key func(T) Key, rule func(Record, T) (Record, bool)) []Key {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lost []Key
	for _, item := range sorted {
		next, ok := rule(m.records[key(item)], item)
		if !ok {
			lost = append(lost, key(item))
			continue
		}
		m.records[key(item)] = next
	}
	return lost
}

// Lookup implements [Store].
func (m *Memory) Lookup(ctx context.Context, keys ...Key) ([]Record, error) {
	sorted, err := CheckKeys(keys)
	if err := refuse(ctx, "lookup", err); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var records []Record
	for _, key := range sorted {
		if r, ok := m.records[key]; ok {
			r.Before = bytes.Clone(r.Before)
			records = append(records, r)
		}
	}
	return records, nil
}

// Unfinished implements [Store].
func (m *Memory) Unfinished(ctx context.Context, prefix Key) ([]Record, error) {
	if err := refuse(ctx, "unfinished", nil); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var records []Record
	for _, r := range m.records {
		if Outstanding(r, prefix) {
			r.Before = bytes.Clone(r.Before)
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(a.Key, b.Key) })
	return records, nil
}

// Forget implements [Store].
func (m *Memory) Forget(ctx context.Context, before time.Time) (int, error) {
	if err := refuse(ctx, "forget", nil); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for key, r := range m.records {
		if Forgettable(r, before) {
			delete(m.records, key)
			n++
		}
	}
	return n, nil
}

// refuse says why a call is not carried out, nil if it is.
func refuse(ctx context.Context, op string, err error) error {
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("dedupe: %s: %w", op, err)
	}
	return nil
}
