package dedupetest

import (
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// brokenClaims are wrong in claiming.
func brokenClaims() map[string]fault {
	return map[string]fault{
		"begins with attempt 0": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				next, g := dedupe.Take(r, k, o, now, l)
				if r.Key == "" {
					next.Attempt, g.Claim.Attempt = 0, 0
				}
				return next, g
			}}
		}, []string{"claim_new"}},
		"does done tasks again": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				return takeAs(r, dedupe.Failed, k, o, now, l, r.State == dedupe.Done)
			}}
		}, []string{"claim_done"}},
		"does done tasks again after a lease": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				return takeAs(r, dedupe.Failed, k, o, now, l, r.State == dedupe.Done && now.Sub(r.Updated) > l)
			}}
		}, []string{"claim_done"}},
		"takes over a live lease": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				return takeAs(r, dedupe.Failed, k, o, now, l, r.State == dedupe.Claimed && r.Owner != o)
			}}
		}, []string{"claim_live", "one_winner", "one_heir"}},
		"lets an owner claim twice": {func() *rigged {
			return &rigged{take: func(r record, k dedupe.Key, o string, now time.Time, l time.Duration) (record, grant) {
				return takeAs(r, dedupe.Failed, k, o, now, l, r.State == dedupe.Claimed && r.Owner == o)
			}}
		}, []string{"claim_live"}},
		"has two winners": {func() *rigged {
			return &rigged{pause: func(record) { time.Sleep(time.Millisecond) }}
		}, []string{"one_winner", "one_heir"}},
		"has two winners of a new key": {func() *rigged {
			return &rigged{pause: func(stood record) {
				if stood.Key == "" {
					time.Sleep(time.Millisecond)
				}
			}}
		}, []string{"one_winner"}},
		"does not sort": {func() *rigged {
			return &rigged{asked: func(keys []dedupe.Key) []dedupe.Key {
				return slices.Compact(slices.SortedFunc(slices.Values(keys), func(a, b dedupe.Key) int { return strings.Compare(string(b), string(a)) }))
			}}
		}, []string{"claim_sorted", "lookup"}},
		"answers twice for a key asked twice": {func() *rigged {
			return &rigged{asked: func(keys []dedupe.Key) []dedupe.Key { return slices.Sorted(slices.Values(keys)) }}
		}, []string{"claim_sorted", "lookup"}},
		"begins before it checks": {func() *rigged { return &rigged{trusting: true} }, []string{"claim_invalid"}},
	}
}

// takeAs takes a record over as if it were in another state, if it should be.
func takeAs(r record, as dedupe.State, k dedupe.Key, o string, now time.Time, l time.Duration, broken bool) (record, grant) {
	stood := r
	if broken {
		stood.State = as
	}
	next, g := dedupe.Take(stood, k, o, now, l)
	g.Record = r
	return next, g
}
