package dedupetest

import (
	"context"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/dedupe"
)

type soundScan = func(context.Context) records

// brokenScans are wrong in scanning.
func brokenScans() map[string]fault {
	scanning := func(rescan func(s *rigged, ctx context.Context, sound soundScan) records) func() *rigged {
		return func() *rigged { return &rigged{rescan: rescan} }
	}
	return map[string]fault{
		"scans what is open alone": {func() *rigged {
			return &rigged{within: dedupe.Outstanding}
		}, []string{"scan_all"}},
		"takes a prefix of a scan for a pattern": {func() *rigged {
			return &rigged{within: func(r record, prefix dedupe.Key) bool {
				return dedupe.Within(r, dedupe.Key(strings.TrimRight(string(prefix), "%_*")))
			}}
		}, []string{"scan_prefix"}},
		"ignores the case of a prefix": {func() *rigged {
			return &rigged{within: func(r record, prefix dedupe.Key) bool {
				return strings.HasPrefix(string(r.Key), strings.ToLower(string(prefix)))
			}}
		}, []string{"scan_prefix"}},
		"scans backwards": {scanning(func(_ *rigged, ctx context.Context, sound soundScan) records {
			return func(yield func(record, error) bool) {
				all := collect(sound(ctx))
				slices.Reverse(all)
				replay(all, yield)
			}
		}), []string{"scan_all", "scan_context", "scan_large", "scan_lazy", "scan_meanwhile", "scan_prefix"}},
		"scans without the state before": {scanning(func(_ *rigged, ctx context.Context, sound soundScan) records {
			return func(yield func(record, error) bool) {
				sound(ctx)(func(r record, err error) bool {
					r.Before = nil
					return yield(r, err)
				})
			}
		}), []string{"own_memory", "scan_all"}},
		"reads before it is ranged": {scanning(func(_ *rigged, ctx context.Context, sound soundScan) records {
			all := collect(sound(ctx))
			return func(yield func(record, error) bool) { replay(all, yield) }
		}), []string{"scan_context", "scan_lazy"}},
		"can be ranged once": {scanning(func(_ *rigged, ctx context.Context, sound soundScan) records {
			ranged := false
			return func(yield func(record, error) bool) {
				if !ranged {
					ranged = true
					sound(ctx)(yield)
				}
			}
		}), []string{"scan_lazy"}},
		"goes on when the loop has ended": {scanning(func(_ *rigged, ctx context.Context, sound soundScan) records {
			return func(yield func(record, error) bool) {
				sound(ctx)(func(r record, err error) bool {
					yield(r, err)
					return true
				})
			}
		}), []string{"scan_lazy"}},
		"counts its pages": {scanning(func(_ *rigged, ctx context.Context, sound soundScan) records {
			return func(yield func(record, error) bool) { pages(ctx, sound, yield) }
		}), []string{"scan_meanwhile"}},
		"keeps others out while it scans": {scanning(func(s *rigged, ctx context.Context, sound soundScan) records {
			return func(yield func(record, error) bool) {
				s.busy = true
				defer func() { s.busy = false }()
				sound(ctx)(yield)
			}
		}), []string{"scan_meanwhile"}},
		"looks at the context of a scan at the beginning alone": {scanning(func(_ *rigged, ctx context.Context, sound soundScan) records {
			return func(yield func(record, error) bool) {
				if ctx.Err() == nil {
					ctx = context.WithoutCancel(ctx)
				}
				sound(ctx)(yield)
			}
		}), []string{"scan_context"}},
		"tells its error twice": {scanning(func(_ *rigged, ctx context.Context, sound soundScan) records {
			return func(yield func(record, error) bool) {
				sound(ctx)(func(r record, err error) bool { return yield(r, err) && (err == nil || yield(r, err)) })
			}
		}), []string{"scan_context"}},
		"scans one page": {scanning(func(_ *rigged, ctx context.Context, sound soundScan) records {
			return func(yield func(record, error) bool) {
				n := 0
				sound(ctx)(func(r record, err error) bool {
					n++
					return yield(r, err) && n < 1_000
				})
			}
		}), []string{"scan_large"}},
	}
}

func collect(seq records) []record {
	var all []record
	for r, err := range seq {
		if err != nil {
			break
		}
		all = append(all, r)
	}
	return all
}

func replay(all []record, yield func(record, error) bool) {
	for _, r := range all {
		if !yield(r, nil) {
			return
		}
	}
}

// pages reads two records at a time, by their place in the list instead of their keys.
func pages(ctx context.Context, sound soundScan, yield func(record, error) bool) {
	for n := 0; ; n += 2 {
		if err := ctx.Err(); err != nil {
			yield(record{}, err)
			return
		}
		all := collect(sound(ctx))
		if n >= len(all) {
			return
		}
		for _, r := range all[n:min(n+2, len(all))] {
			if !yield(r, nil) {
				return
			}
		}
	}
}
