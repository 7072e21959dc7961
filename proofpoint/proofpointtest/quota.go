package proofpointtest

import (
	"sync"
	"time"
)

// The default quota and the time over which it is counted.
const (
	defaultQuota = 1800
	quotaPeriod  = 24 * time.Hour
)

// pool is a group of paths whose calls are counted together.
type pool string

// The pools of the SIEM calls.
const (
	poolSIEM      pool = "siem"
	poolPermitted pool = "clicks/permitted"
)

// quota remembers when calls were made.
type quota struct {
	mu    sync.Mutex
	calls map[pool][]time.Time
}

// take counts a call and says whether the pool had one left. Calls that will be refused anyway are counted if countRefused
// says so.
func (q *quota) take(p pool, now time.Time, limit int, refused, countRefused bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := limit < 0 || q.drop(p, now) < limit
	if left && !refused || countRefused {
		if q.calls == nil {
			q.calls = map[pool][]time.Time{}
		}
		q.calls[p] = append(q.calls[p], now)
	}
	return left
}

// used counts the calls of the last day.
func (q *quota) used(p pool, now time.Time) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.drop(p, now)
}

// drop forgets what is older than a day and counts the rest.
func (q *quota) drop(p pool, now time.Time) int {
	calls := q.calls[p]
	for len(calls) > 0 && now.Sub(calls[0]) > quotaPeriod {
		calls = calls[1:]
	}
	if q.calls != nil {
		q.calls[p] = calls
	}
	return len(calls)
}
