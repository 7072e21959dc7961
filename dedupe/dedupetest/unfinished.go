package dedupetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

func unfinishedChecks() []check {
	return []check{
		{"unfinished_states", "unfinished records are the claimed, the failed and the released ones, never the done ones, sorted by key", unfinishedStates},
		{"unfinished_prefix", "only keys that begin with the prefix count as unfinished, compared byte by byte", unfinishedPrefix},
	}
}

// unfinishedKeys are the keys that a store lists for a prefix.
func unfinishedKeys(ctx context.Context, s dedupe.Store, prefix dedupe.Key) ([]dedupe.Key, error) {
	records, err := s.Unfinished(ctx, prefix)
	if err != nil {
		return nil, err
	}
	keys := make([]dedupe.Key, len(records))
	for i, r := range records {
		keys[i] = r.Key
	}
	return keys, nil
}

func unfinishedStates(ctx context.Context, s dedupe.Store) error {
	now := morning()
	for key, state := range map[dedupe.Key]dedupe.State{"x/4": dedupe.Done, "x/3": dedupe.Failed, "x/2": dedupe.Released} {
		if _, err := ended(ctx, s, now, key, state); err != nil {
			return err
		}
	}
	if _, err := s.Claim(ctx, "worker", now, time.Minute, "x/1"); err != nil {
		return err
	}
	for range 2 { // asking changes nothing
		got, err := unfinishedKeys(ctx, s, "")
		if err != nil {
			return err
		}
		if want := []dedupe.Key{"x/1", "x/2", "x/3"}; !slices.Equal(got, want) {
			return fmt.Errorf("of a claimed, a released, a failed and a done record, unfinished are %q, want %q", got, want)
		}
	}
	return nil
}

func unfinishedPrefix(ctx context.Context, s dedupe.Store) error {
	now := morning()
	if _, err := s.Claim(ctx, "worker", now, time.Minute, "p/1", "p/2", "p%/1", "p_/1", "q/1", "p"); err != nil {
		return err
	}
	for prefix, want := range map[dedupe.Key][]dedupe.Key{
		"p/": {"p/1", "p/2"}, "p": {"p", "p%/1", "p/1", "p/2", "p_/1"}, "p%": {"p%/1"}, "p_": {"p_/1"}, "*": nil, "q/1x": nil,
	} {
		got, err := unfinishedKeys(ctx, s, prefix)
		if err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("with the prefix %q, unfinished are %q, want %q", prefix, got, want)
		}
	}
	return nil
}
