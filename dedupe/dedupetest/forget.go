package dedupetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

func forgetChecks() []check {
	return []check{
		{"forget_done", "forgetting removes done records last updated before the time, no others, and counts them", forgetDone},
		{"forget_open", "claimed, failed and released records are never forgotten", forgetOpen},
		{"forget_new", "a key that was forgotten is new", forgetNew},
	}
}

func forgetDone(ctx context.Context, s dedupe.Store) error {
	now := morning()
	for key, age := range map[dedupe.Key]time.Duration{"old": time.Hour, "older": 2 * time.Hour, "exact": 0, "young": -time.Nanosecond} {
		if _, err := ended(ctx, s, now.Add(-age), key, dedupe.Done); err != nil {
			return err
		}
	}
	n, err := s.Forget(ctx, time.Time{})
	if err != nil {
		return err
	}
	if n != 0 {
		return fmt.Errorf("forgetting what is older than the zero time gave %d, want 0", n)
	}
	if n, err = s.Forget(ctx, now); err != nil {
		return err
	}
	records, err := s.Lookup(ctx, "old", "older", "exact", "young")
	if err != nil {
		return err
	}
	var left []dedupe.Key
	for _, r := range records {
		left = append(left, r.Key)
	}
	slices.Sort(left)
	if err := wantKeys("after forgetting", left, "exact", "young"); err != nil {
		return err
	}
	if n != 2 {
		return fmt.Errorf("forgetting gave %d, want 2", n)
	}
	if n, err = s.Forget(ctx, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)); err == nil && n != 2 {
		err = fmt.Errorf("forgetting everything gave %d, want the 2 that were left", n)
	}
	return err
}

func forgetOpen(ctx context.Context, s dedupe.Store) error {
	now := morning()
	if _, err := win(ctx, s, "first", now, dedupe.Key(dedupe.Claimed)); err != nil {
		return err
	}
	for _, state := range []dedupe.State{dedupe.Failed, dedupe.Released} {
		if _, err := ended(ctx, s, now, dedupe.Key(state), state); err != nil {
			return err
		}
	}
	n, err := s.Forget(ctx, now.Add(3*365*24*time.Hour))
	if err != nil {
		return err
	}
	for _, state := range []dedupe.State{dedupe.Claimed, dedupe.Failed, dedupe.Released} {
		if _, err := found(ctx, s, dedupe.Key(state)); err != nil {
			return fmt.Errorf("after forgetting: %w", err)
		}
	}
	if n != 0 {
		return fmt.Errorf("forgetting gave %d, want 0", n)
	}
	return nil
}

func forgetNew(ctx context.Context, s dedupe.Store) error {
	now := morning()
	if _, err := ended(ctx, s, now, "k", dedupe.Done); err != nil {
		return err
	}
	if _, err := s.Forget(ctx, now.Add(time.Hour)); err != nil {
		return err
	}
	g, err := win(ctx, s, "second", now.Add(time.Hour), "k")
	if err != nil {
		return err
	}
	if err := same("the grant's record", g.Record, dedupe.Record{}); err != nil {
		return err
	}
	r, err := found(ctx, s, "k")
	if err == nil && (r.Detail != "" || len(r.Before) > 0) {
		err = fmt.Errorf("the new record has something of the forgotten one: %s", show(r))
	}
	return err
}
