package rest

import "time"

// ring remembers when the last calls went out, oldest first. It is what a sliding window needs: a bucket of tokens at the same
// average rate either lets more through in some window or wastes part of each.
type ring struct {
	sent []time.Time
}

// wait is how long a call must wait at now to stay within b.
func (r *ring) wait(now time.Time, b Budget) time.Duration {
	if b.Calls == 0 || len(r.sent) < b.Calls {
		return 0
	}
	return max(r.sent[len(r.sent)-b.Calls].Add(b.Per).Sub(now), 0)
}

// record notes a call. It keeps as many as the widest budget that was asked for needs.
func (r *ring) record(now time.Time, b Budget) {
	keep := max(b.Calls, cap(r.sent))
	if keep == 0 {
		return
	}
	if cap(r.sent) < keep {
		grown := make([]time.Time, len(r.sent), keep)
		copy(grown, r.sent)
		r.sent = grown
	}
	if len(r.sent) == cap(r.sent) {
		copy(r.sent, r.sent[1:])
		r.sent = r.sent[:len(r.sent)-1]
	}
	r.sent = append(r.sent, now)
}
