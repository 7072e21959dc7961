package dedupe

import (
	"bytes"
	"context"
	"iter"
	"slices"
)

// Scan implements [Store]. It lists the keys once, and reads each record when its turn comes.
func (m *Memory) Scan(ctx context.Context, prefix Key) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		keys, err := m.keys(ctx, prefix)
		for _, key := range keys {
			if err = refuse(ctx, "scan", nil); err != nil {
				break
			}
			if r, ok := m.record(key); ok && !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(Record{}, err)
		}
	}
}

func (m *Memory) keys(ctx context.Context, prefix Key) ([]Key, error) {
	if err := refuse(ctx, "scan", nil); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []Key
	for key, r := range m.records {
		if Within(r, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func (m *Memory) record(key Key) (Record, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[key]
	r.Before = bytes.Clone(r.Before)
	return r, ok
}
