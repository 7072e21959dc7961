package dedupetest

import (
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// brokenNotes are wrong in noting the state before.
func brokenNotes() map[string]fault {
	noting := func(annotate func(record, time.Time, dedupe.Note) (record, bool)) func() *rigged {
		return func() *rigged { return &rigged{annotate: annotate} }
	}
	// then changes what a note leaves behind.
	then := func(change func(stood, next record) record) func() *rigged {
		return noting(func(r record, now time.Time, n dedupe.Note) (record, bool) {
			next, ok := dedupe.Annotate(r, now, n)
			if ok {
				next = change(r, next)
			}
			return next, ok
		})
	}
	return map[string]fault{
		"notes nothing": {
			then(func(stood, _ record) record { return stood }),
			[]string{"note_late", "note_lost", "note_records", "own_memory"},
		},
		"keeps the first note": {then(func(stood, next record) record {
			if len(stood.Before) > 0 {
				next.Before = stood.Before
			}
			return next
		}), []string{"note_records", "own_memory"}},
		"does not tell when it noted": {then(func(stood, next record) record {
			next.Updated = stood.Updated
			return next
		}), []string{"note_late", "note_lost", "note_records"}},
		"closes the claim with a note": {then(func(_, next record) record {
			next.State, next.Until = dedupe.Released, time.Time{}
			return next
		}), []string{"note_late", "note_lost", "note_records", "large_batches"}},
		"prolongs the lease with a note": {then(func(_, next record) record {
			next.Until = next.Until.Add(time.Second)
			return next
		}), []string{"note_late", "note_lost", "note_records"}},
		"loses the detail with a note": {then(func(_, next record) record {
			next.Detail = ""
			return next
		}), []string{"note_records"}},
		"ignores the fence when it notes": {noting(func(r record, now time.Time, n dedupe.Note) (record, bool) {
			if r.State == dedupe.Claimed {
				n.Claim = r.Claim()
			}
			return dedupe.Annotate(r, now, n)
		}), []string{"note_lost"}},
		"fences notes by the owner alone": {noting(func(r record, now time.Time, n dedupe.Note) (record, bool) {
			n.Claim.Attempt = r.Attempt
			return dedupe.Annotate(r, now, n)
		}), []string{"note_lost"}},
		"notes on closed claims": {noting(func(r record, now time.Time, n dedupe.Note) (record, bool) {
			if r.Key == "" || r.State == dedupe.Claimed {
				return dedupe.Annotate(r, now, n)
			}
			r.Before, r.Updated = n.Before, now
			return r, true
		}), []string{"note_lost"}},
		"refuses late notes": {noting(func(r record, now time.Time, n dedupe.Note) (record, bool) {
			if !r.Until.After(now) && r.Key != "" && now.Sub(r.Until) > lease {
				return r, false
			}
			return dedupe.Annotate(r, now, n)
		}), []string{"note_late"}},
	}
}
