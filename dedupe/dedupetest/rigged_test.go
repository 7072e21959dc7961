package dedupetest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

type records = iter.Seq2[dedupe.Record, error]

// rigged is a store whose every part can be replaced by a broken one. The zero rigged keeps all rules.
type rigged struct {
	take        func(stood dedupe.Record, key dedupe.Key, owner string, now time.Time, lease time.Duration) (dedupe.Record, dedupe.Grant)
	prolong     func(stood dedupe.Record, claim dedupe.Claim, now time.Time, lease time.Duration) (dedupe.Record, bool)
	close       func(stood dedupe.Record, now time.Time, result dedupe.Result) (dedupe.Record, bool)
	annotate    func(stood dedupe.Record, now time.Time, note dedupe.Note) (dedupe.Record, bool)
	outstanding func(record, dedupe.Key) bool
	within      func(record, dedupe.Key) bool
	rescan      func(s *rigged, ctx context.Context, sound func(context.Context) records) records
	backwards   bool
	forgettable func(stood dedupe.Record, before time.Time) bool
	fold        func(dedupe.Key) dedupe.Key
	asked       func([]dedupe.Key) []dedupe.Key
	kept        func(dedupe.Record) dedupe.Record
	pause       func(stood dedupe.Record)
	most        int
	deaf        bool // does not look at the context
	trusting    bool // does not check arguments before it begins
	sharing     bool // hands out its own memory
	timid       bool // stops at the first lost claim
	busy        bool // refuses claims

	mu      sync.Mutex
	records map[dedupe.Key]dedupe.Record
}

func (s *rigged) init() *rigged {
	if s.take == nil {
		s.take = dedupe.Take
	}
	if s.prolong == nil {
		s.prolong = dedupe.Prolong
	}
	if s.close == nil {
		s.close = dedupe.Close
	}
	if s.forgettable == nil {
		s.forgettable = dedupe.Forgettable
	}
	if s.fold == nil {
		s.fold = func(k dedupe.Key) dedupe.Key { return k }
	}
	if s.kept == nil {
		s.kept = func(r dedupe.Record) dedupe.Record { return r }
	}
	s.records = make(map[dedupe.Key]dedupe.Record)
	return s
}

func (s *rigged) over(ctx context.Context) error {
	if s.deaf {
		return nil
	}
	return ctx.Err()
}

func (s *rigged) get(k dedupe.Key) dedupe.Record { return s.records[s.fold(k)] }

func (s *rigged) put(k dedupe.Key, r dedupe.Record) {
	if r.Key == "" {
		delete(s.records, s.fold(k))
		return
	}
	s.records[s.fold(k)] = s.kept(r)
}

func (s *rigged) out(r dedupe.Record) dedupe.Record {
	if !s.sharing {
		r.Before = slices.Clone(r.Before)
	}
	return r
}

func (s *rigged) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) ([]dedupe.Grant, error) {
	sorted, invalid := dedupe.CheckClaim(owner, now, lease, keys)
	if err := s.over(ctx); err != nil {
		return nil, err
	}
	if s.busy {
		return nil, errors.New("busy")
	}
	if invalid != nil && s.trusting {
		sorted = keys
	} else if invalid != nil {
		return nil, invalid
	}
	if s.asked != nil {
		sorted = s.asked(keys)
	}
	if s.most > 0 {
		sorted = sorted[:min(len(sorted), s.most)]
	}
	var grants []dedupe.Grant
	for _, k := range sorted {
		if k.Check() != nil {
			return nil, k.Check()
		}
		grants = append(grants, s.claim(k, owner, now, lease))
	}
	return grants, nil
}

func (s *rigged) claim(k dedupe.Key, owner string, now time.Time, lease time.Duration) dedupe.Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	stood := s.get(k)
	next, g := s.take(stood, k, owner, now, lease)
	if s.pause != nil {
		s.mu.Unlock()
		s.pause(stood)
		s.mu.Lock()
	}
	if g.Won {
		s.put(k, next)
	}
	g.Record = s.out(g.Record)
	return g
}

func (s *rigged) Renew(ctx context.Context, now time.Time, lease time.Duration, claims ...dedupe.Claim) ([]dedupe.Key, error) {
	sorted, err := dedupe.CheckRenew(now, lease, claims)
	if over := s.over(ctx); err != nil || over != nil {
		return nil, firstOf(err, over)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var lost []dedupe.Key
	for _, c := range sorted {
		if next, ok := s.prolong(s.get(c.Key), c, now, lease); ok {
			s.put(c.Key, next)
		} else {
			lost = append(lost, c.Key)
		}
	}
	return slices.Compact(lost), nil
}

func (s *rigged) Finish(ctx context.Context, now time.Time, results ...dedupe.Result) ([]dedupe.Key, error) {
	sorted, err := dedupe.CheckFinish(now, results)
	if over := s.over(ctx); err != nil || over != nil {
		return nil, firstOf(err, over)
	}
	if s.sharing && len(results) == 1 {
		sorted[0].Before = results[0].Before
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var lost []dedupe.Key
	for _, r := range sorted {
		if next, ok := s.close(s.get(r.Claim.Key), now, r); ok && (!s.timid || lost == nil) {
			s.put(r.Claim.Key, next)
		} else if !ok {
			lost = append(lost, r.Claim.Key)
		}
	}
	return lost, nil
}

func (s *rigged) Note(ctx context.Context, now time.Time, notes ...dedupe.Note) ([]dedupe.Key, error) {
	sorted, err := dedupe.CheckNote(now, notes)
	if over := s.over(ctx); err != nil || over != nil {
		return nil, firstOf(err, over)
	}
	if s.sharing && len(notes) == 1 {
		sorted[0].Before = notes[0].Before
	}
	annotate := s.annotate
	if annotate == nil {
		annotate = dedupe.Annotate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var lost []dedupe.Key
	for _, n := range sorted {
		if next, ok := annotate(s.get(n.Claim.Key), now, n); ok && (!s.timid || lost == nil) {
			s.put(n.Claim.Key, next)
		} else if !ok {
			lost = append(lost, n.Claim.Key)
		}
	}
	return lost, nil
}

func (s *rigged) Lookup(ctx context.Context, keys ...dedupe.Key) ([]dedupe.Record, error) {
	sorted, err := dedupe.CheckKeys(keys)
	if over := s.over(ctx); err != nil || over != nil {
		return nil, firstOf(err, over)
	}
	if s.asked != nil {
		sorted = s.asked(keys)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var records []dedupe.Record
	for _, k := range sorted {
		if r := s.get(k); r.Key != "" {
			records = append(records, s.out(r))
		}
	}
	return records, nil
}

func (s *rigged) Forget(ctx context.Context, before time.Time) (int, error) {
	if err := s.over(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for k, r := range s.records {
		if s.forgettable(r, before) {
			delete(s.records, k)
			n++
		}
	}
	return n, nil
}

func (s *rigged) Unfinished(ctx context.Context, prefix dedupe.Key) ([]dedupe.Record, error) {
	if err := s.over(ctx); err != nil {
		return nil, err
	}
	outstanding := s.outstanding
	if outstanding == nil {
		outstanding = dedupe.Outstanding
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var records []dedupe.Record
	for _, key := range slices.Sorted(maps.Keys(s.records)) {
		if r := s.records[key]; outstanding(r, prefix) {
			records = append(records, s.out(r))
		}
	}
	if s.backwards {
		slices.Reverse(records)
	}
	return records, nil
}

func (s *rigged) Scan(ctx context.Context, prefix dedupe.Key) records {
	sound := func(ctx context.Context) records {
		return func(yield func(dedupe.Record, error) bool) { s.scan(ctx, prefix, yield) }
	}
	if s.rescan != nil {
		return s.rescan(s, ctx, sound)
	}
	return sound(ctx)
}

func (s *rigged) scan(ctx context.Context, prefix dedupe.Key, yield func(dedupe.Record, error) bool) {
	within := s.within
	if within == nil {
		within = dedupe.Within
	}
	s.mu.Lock()
	keys := slices.Sorted(maps.Keys(s.records))
	s.mu.Unlock()
	err := s.over(ctx)
	for _, key := range keys {
		if err = s.over(ctx); err != nil {
			break
		}
		s.mu.Lock()
		r := s.out(s.records[key])
		s.mu.Unlock()
		if within(r, prefix) && !yield(r, nil) {
			return
		}
	}
	if err != nil {
		yield(dedupe.Record{}, err)
	}
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
