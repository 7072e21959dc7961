package dedupetest

import (
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// brokenKeeping are wrong in keeping and forgetting.
func brokenKeeping() map[string]fault {
	return map[string]fault{
		"forgets open records": {func() *rigged {
			return &rigged{forgettable: func(r record, before time.Time) bool { return r.Updated.Before(before) }}
		}, []string{"forget_open"}},
		"forgets failed records": {func() *rigged {
			return &rigged{forgettable: func(r record, before time.Time) bool {
				return (r.State == dedupe.Done || r.State == dedupe.Failed) && r.Updated.Before(before)
			}}
		}, []string{"forget_open"}},
		"forgets a record too many": {func() *rigged {
			return &rigged{forgettable: func(r record, before time.Time) bool { return r.State == dedupe.Done && !r.Updated.After(before) }}
		}, []string{"forget_done"}},
		"never forgets": {func() *rigged {
			return &rigged{forgettable: func(record, time.Time) bool { return false }}
		}, []string{"forget_done", "forget_new"}},
		"forgets the time of creation": {func() *rigged {
			return &rigged{kept: func(r record) record {
				r.Created = r.Updated.Add(1000 * time.Hour)
				return r
			}}
		}, []string{"claim_new", "exact_times", "finish_records", "takeover_keeps", "note_records", "note_lost", "note_late"}},
		"rounds times to milliseconds": {func() *rigged {
			return &rigged{kept: func(r record) record {
				r.Until, r.Updated, r.Created = r.Until.Truncate(time.Millisecond), r.Updated.Truncate(time.Millisecond), r.Created.Truncate(time.Millisecond)
				return r
			}}
		}, []string{"exact_times"}},
		"keeps notes short": {func() *rigged {
			return &rigged{kept: func(r record) record {
				r.Detail = r.Detail[:min(len(r.Detail), 255)]
				return r
			}}
		}, []string{"exact_notes"}},
		"ignores the case of keys": {func() *rigged {
			return &rigged{fold: func(k dedupe.Key) dedupe.Key { return dedupe.Key(strings.ToLower(string(k))) }}
		}, []string{"exact_keys"}},
		"lists done records as unfinished": {func() *rigged {
			return &rigged{outstanding: func(r record, prefix dedupe.Key) bool { return strings.HasPrefix(string(r.Key), string(prefix)) }}
		}, []string{"unfinished_states"}},
		"leaves failed records out": {func() *rigged {
			return &rigged{outstanding: func(r record, prefix dedupe.Key) bool {
				return r.State != dedupe.Failed && dedupe.Outstanding(r, prefix)
			}}
		}, []string{"unfinished_states"}},
		"takes a prefix for a pattern": {func() *rigged {
			return &rigged{outstanding: func(r record, prefix dedupe.Key) bool {
				return dedupe.Outstanding(r, dedupe.Key(strings.TrimRight(string(prefix), "%_*")))
			}}
		}, []string{"unfinished_prefix"}},
		"lists backwards":              {func() *rigged { return &rigged{backwards: true} }, []string{"unfinished_states", "unfinished_prefix"}},
		"shares its memory":            {func() *rigged { return &rigged{sharing: true} }, []string{"own_memory"}},
		"does not look at the context": {func() *rigged { return &rigged{deaf: true} }, []string{"context", "scan_context"}},
		"cuts large batches":           {func() *rigged { return &rigged{most: 3_640} }, []string{"large_batches"}},
	}
}
