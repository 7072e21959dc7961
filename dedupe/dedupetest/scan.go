package dedupetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

func scanChecks() []check {
	return []check{
		{"scan_all", "a scan yields the records of every state, sorted by key and as a lookup returns them, and changes nothing", scanAll},
		{"scan_prefix", "a scan yields only keys that begin with the prefix, compared byte by byte", scanPrefix},
		{"scan_lazy", "a scan reads nothing before it is ranged, starts anew each time, and ends when the loop does", scanLazy},
		{"scan_meanwhile", "the loop over a scan may call the store: what changes is seen, what is added may be, and nothing twice", scanMeanwhile},
		{"scan_context", "a scan whose context ends yields its error once, last", scanContext},
		{"scan_large", "a scan goes on until nothing is left, however much there is", scanLarge},
	}
}

// scanned collects what a scan yields.
func scanned(ctx context.Context, s dedupe.Store, prefix dedupe.Key) ([]dedupe.Record, error) {
	var records []dedupe.Record
	for r, err := range s.Scan(ctx, prefix) {
		if err != nil {
			return records, fmt.Errorf("Scan(%q): %w", prefix, err)
		}
		records = append(records, r)
	}
	return records, nil
}

// scannedKeys checks which keys a scan yields.
func scannedKeys(ctx context.Context, s dedupe.Store, prefix dedupe.Key, want ...dedupe.Key) error {
	records, err := scanned(ctx, s, prefix)
	if err != nil {
		return err
	}
	return wantKeys(fmt.Sprintf("Scan(%q)", prefix), keysOf(records), want...)
}

func keysOf(records []dedupe.Record) []dedupe.Key {
	var keys []dedupe.Key
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	return keys
}

func scanAll(ctx context.Context, s dedupe.Store) error {
	now := morning()
	for key, state := range map[dedupe.Key]dedupe.State{"x/4": dedupe.Done, "x/3": dedupe.Failed, "x/2": dedupe.Released} {
		if _, err := ended(ctx, s, now, key, state); err != nil {
			return err
		}
	}
	if _, err := win(ctx, s, "first", now, "x/1"); err != nil {
		return err
	}
	for range 2 { // scanning changes nothing
		records, err := scanned(ctx, s, "")
		if err != nil {
			return err
		}
		if err := wantKeys("Scan of a claimed, a released, a failed and a done record", keysOf(records), "x/1", "x/2", "x/3", "x/4"); err != nil {
			return err
		}
		for _, r := range records {
			if err := stands(ctx, s, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func scanPrefix(ctx context.Context, s dedupe.Store) error {
	if _, err := s.Claim(ctx, "worker", morning(), time.Minute, "p/1", "p/2", "p%/1", "p_/1", "q/1", "p", "é/1"); err != nil {
		return err
	}
	for prefix, want := range map[dedupe.Key][]dedupe.Key{
		"p/": {"p/1", "p/2"}, "p": {"p", "p%/1", "p/1", "p/2", "p_/1"}, "p%": {"p%/1"}, "p_": {"p_/1"}, "*": nil, "q/1x": nil, "P": nil,
		"é": {"é/1"}, "\xc3": {"é/1"}, "\xff": nil, "p\x00": nil,
	} {
		if err := scannedKeys(ctx, s, prefix, want...); err != nil {
			return err
		}
	}
	return nil
}

func scanLazy(ctx context.Context, s dedupe.Store) error {
	all := s.Scan(ctx, "")
	var stood []dedupe.Key
	for _, key := range []dedupe.Key{"a", "b", "c"} {
		if _, err := win(ctx, s, "first", morning(), key); err != nil {
			return err
		}
		stood = append(stood, key)
		var got []dedupe.Key
		for r, err := range all {
			if err != nil {
				return err
			}
			got = append(got, r.Key)
		}
		if err := wantKeys("a scan that was asked for before", got, stood...); err != nil {
			return err
		}
	}
	calls := 0
	all(func(dedupe.Record, error) bool { // a loop that stops at once
		calls++
		return false
	})
	if calls != 1 {
		return fmt.Errorf("the scan yielded %d times to a loop that stopped at the first", calls)
	}
	return nil
}

func scanMeanwhile(ctx context.Context, s dedupe.Store) error {
	now := morning()
	stood := make(map[dedupe.Key]dedupe.Claim)
	for _, key := range []dedupe.Key{"b", "d", "f", "h"} {
		g, err := win(ctx, s, "first", now, key)
		if err != nil {
			return err
		}
		stood[key] = g.Claim
	}
	seen := make(map[dedupe.Key]int)
	var last dedupe.Key
	for r, err := range s.Scan(ctx, "") {
		if err != nil {
			return err
		}
		if r.Key <= last {
			return fmt.Errorf("the scan yielded %q after %q", r.Key, last)
		}
		last = r.Key
		seen[r.Key]++
		claim, old := stood[r.Key]
		if !old {
			continue
		}
		// What is seen just now comes to an end, and there is a new record in front of it and one behind.
		if err := end(ctx, s, now, dedupe.Result{Claim: claim, State: dedupe.Failed}); err != nil {
			return err
		}
		for _, key := range []dedupe.Key{"a" + r.Key, r.Key + "a"} {
			if _, err := win(ctx, s, "first", now, key); err != nil {
				return fmt.Errorf("in the loop over a scan: %w", err)
			}
		}
	}
	for key := range stood {
		if seen[key] != 1 {
			return fmt.Errorf("the scan yielded %q %d times, want once; all: %v", key, seen[key], slices.Sorted(maps.Keys(seen)))
		}
	}
	return nil
}

func scanContext(ctx context.Context, s dedupe.Store) error {
	for _, key := range []dedupe.Key{"a", "b", "c"} {
		if _, err := win(ctx, s, "first", morning(), key); err != nil {
			return err
		}
	}
	for _, before := range []int{0, 2} { // how much is seen until the context ends
		over, cancel := context.WithCancel(ctx)
		defer cancel()
		seen, problems := 0, 0
		if before == 0 {
			cancel()
		}
		s.Scan(over, "")(func(_ dedupe.Record, err error) bool {
			switch {
			case err == nil && problems > 0:
				problems++
			case err == nil:
				if seen++; seen == before {
					cancel()
				}
			case errors.Is(err, context.Canceled):
				problems++
			}
			return true
		})
		if seen != before || problems != 1 {
			return fmt.Errorf("the context ended after %d records; the scan yielded %d, and %d times its error or more", before, seen, problems)
		}
	}
	return nil
}

// scanLarge has more records than any page.
func scanLarge(ctx context.Context, s dedupe.Store) error {
	keys := make([]dedupe.Key, 2_500)
	for i := range keys {
		keys[i] = dedupe.Key(fmt.Sprintf("task/device/%05d", i))
	}
	for batch := range slices.Chunk(keys, 500) {
		if _, err := s.Claim(ctx, "first", morning(), lease, batch...); err != nil {
			return err
		}
	}
	records, err := scanned(ctx, s, "task/")
	if err != nil {
		return err
	}
	if got := keysOf(records); !slices.Equal(got, keys) {
		return fmt.Errorf("of %d records the scan yielded %d, or in another order", len(keys), len(got))
	}
	return scannedKeys(ctx, s, "task/device/024", keys[2400:]...)
}
