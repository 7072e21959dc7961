package dedupetest

import (
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// brokenEnds are wrong in renewing and finishing.
func brokenEnds() map[string]fault {
	return map[string]fault{
		"forgets what is done": {func() *rigged {
			return &rigged{close: func(r record, now time.Time, res dedupe.Result) (record, bool) {
				if next, ok := dedupe.Close(r, now, res); !ok || res.State != dedupe.Done {
					return next, ok
				}
				return record{}, true
			}}
		}, []string{"claim_done", "finish_records", "forget_done", "scan_all"}},
		"ignores the fence when it finishes": {func() *rigged {
			return &rigged{close: func(r record, now time.Time, res dedupe.Result) (record, bool) {
				if r.State == dedupe.Claimed {
					res.Claim = r.Claim()
				}
				return dedupe.Close(r, now, res)
			}}
		}, []string{"finish_fence", "finish_others"}},
		"fences by the owner alone": {func() *rigged {
			return &rigged{close: func(r record, now time.Time, res dedupe.Result) (record, bool) {
				res.Claim.Attempt = r.Attempt
				return dedupe.Close(r, now, res)
			}, prolong: func(r record, c dedupe.Claim, now time.Time, l time.Duration) (record, bool) {
				c.Attempt = r.Attempt
				return dedupe.Prolong(r, c, now, l)
			}}
		}, []string{"finish_fence", "renew_lost"}},
		"finishes a closed claim again": {func() *rigged {
			return &rigged{close: func(r record, now time.Time, res dedupe.Result) (record, bool) {
				if r.Owner == res.Claim.Owner && r.Attempt == res.Claim.Attempt && r.Key != "" {
					r.State = dedupe.Claimed
				}
				return dedupe.Close(r, now, res)
			}}
		}, []string{"finish_closed"}},
		"refuses late results": {func() *rigged {
			return &rigged{close: func(r record, now time.Time, res dedupe.Result) (record, bool) {
				if r.State == dedupe.Claimed && !r.Until.After(now) {
					return r, false
				}
				return dedupe.Close(r, now, res)
			}}
		}, []string{"finish_late"}},
		"drops the state before": {func() *rigged {
			return &rigged{close: func(r record, now time.Time, res dedupe.Result) (record, bool) {
				next, ok := dedupe.Close(r, now, res)
				if ok {
					next.Before = res.Before
				}
				return next, ok
			}}
		}, []string{"finish_before"}},
		"keeps the lease of what is finished": {func() *rigged {
			return &rigged{close: func(r record, now time.Time, res dedupe.Result) (record, bool) {
				next, ok := dedupe.Close(r, now, res)
				next.Until = r.Until
				return next, ok
			}}
		}, []string{"finish_records", "renew_lost"}},
		"stops at the first lost claim": {func() *rigged { return &rigged{timid: true} }, []string{"finish_others", "note_lost"}},
		"does not renew": {func() *rigged {
			return &rigged{prolong: func(r record, c dedupe.Claim, now time.Time, l time.Duration) (record, bool) {
				_, ok := dedupe.Prolong(r, c, now, l)
				return r, ok
			}}
		}, []string{"renew_prolongs", "renew_late", "renew_lost"}},
		"renews for strangers": {func() *rigged {
			return &rigged{prolong: func(r record, c dedupe.Claim, now time.Time, l time.Duration) (record, bool) {
				if r.State == dedupe.Claimed {
					c = r.Claim()
				}
				return dedupe.Prolong(r, c, now, l)
			}}
		}, []string{"renew_lost"}},
		"shortens leases": {func() *rigged {
			return &rigged{prolong: func(r record, c dedupe.Claim, now time.Time, l time.Duration) (record, bool) {
				if next, ok := dedupe.Prolong(leaseless(r), c, now, l); ok {
					return next, ok
				}
				return r, false
			}}
		}, []string{"renew_never_shortens"}},
		"does not revive a lease": {func() *rigged {
			return &rigged{prolong: func(r record, c dedupe.Claim, now time.Time, l time.Duration) (record, bool) {
				if r.State == dedupe.Claimed && now.Sub(r.Until) > l {
					return r, false
				}
				return dedupe.Prolong(r, c, now, l)
			}}
		}, []string{"renew_late"}},
	}
}

func leaseless(r record) record {
	r.Until = time.Time{}
	return r
}
