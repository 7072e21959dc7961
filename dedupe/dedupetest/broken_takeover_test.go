package dedupetest

import (
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// brokenTakeovers are wrong in taking over.
func brokenTakeovers() map[string]fault {
	return map[string]fault{
		"never releases a dead holder's key": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				if r.State == dedupe.Claimed {
					return r, grant{Claim: dedupe.Claim{Key: k}, Record: r}
				}
				return dedupe.Take(r, k, o, now, l)
			}}
		}, []string{"takeover_expired", "finish_fence", "renew_lost", "one_heir", "note_lost"}},
		"ends a lease too late": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				if r.State == dedupe.Claimed && r.Until.Equal(now) {
					return r, grant{Claim: dedupe.Claim{Key: k}, Record: r}
				}
				return dedupe.Take(r, k, o, now, l)
			}}
		}, []string{"takeover_expired", "finish_fence", "renew_lost", "one_heir", "note_lost"}},
		"keeps failed keys": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				if r.State == dedupe.Failed {
					return r, grant{Claim: dedupe.Claim{Key: k}, Record: r}
				}
				return dedupe.Take(r, k, o, now, l)
			}}
		}, []string{"takeover_failed", "takeover_keeps", "finish_before", "own_memory", "note_records"}},
		"keeps released keys": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				if r.State == dedupe.Released {
					return r, grant{Claim: dedupe.Claim{Key: k}, Record: r}
				}
				return dedupe.Take(r, k, o, now, l)
			}}
		}, []string{"takeover_released"}},
		"counts no attempts": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				next, g := dedupe.Take(r, k, o, now, l)
				next.Attempt, g.Claim.Attempt = min(next.Attempt, 1), min(g.Claim.Attempt, 1)
				return next, g
			}}
		}, []string{"takeover_expired", "takeover_failed", "takeover_released", "finish_fence", "renew_lost", "note_lost"}},
		"loses the note at a takeover": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				next, g := dedupe.Take(r, k, o, now, l)
				if g.Won {
					next.Detail = ""
				}
				return next, g
			}}
		}, []string{"takeover_keeps"}},
		"does not tell what stood there": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				next, g := dedupe.Take(r, k, o, now, l)
				if g.Won {
					g.Record = record{}
				}
				return next, g
			}}
		}, []string{"takeover_keeps", "own_memory"}},
	}
}
