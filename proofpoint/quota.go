package proofpoint

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Bucket is a group of calls that the service counts together.
type Bucket string

// The buckets, and the calls of each in any 24 hours. Single campaigns and threat summaries are not counted.
const (
	BucketSIEM            Bucket = "siem"             // 1,800: all feeds but that of permitted clicks
	BucketClicksPermitted Bucket = "clicks_permitted" // 1,800
	BucketCampaignIDs     Bucket = "campaign_ids"     // 50
	// One of the two kinds of forensics has 1,800, but which of them is told in two ways.
	BucketForensicsThreat   Bucket = "forensics_threat"    // 50
	BucketForensicsCampaign Bucket = "forensics_campaign"  // 50
	BucketVeryAttacked      Bucket = "people_vap"          // 50
	BucketTopClickers       Bucket = "people_top_clickers" // 50
	BucketURLDecode         Bucket = "url_decode"          // 1,800
)

// Buckets are all of them.
func Buckets() []Bucket {
	return []Bucket{
		BucketSIEM, BucketClicksPermitted, BucketCampaignIDs, BucketForensicsThreat, BucketForensicsCampaign, BucketVeryAttacked,
		BucketTopClickers, BucketURLDecode,
	}
}

// NoLimit as a limit counts calls, but refuses none.
const NoLimit = -1

const (
	quotaPeriod = 24 * time.Hour
	// A refused bucket is left alone for this long, and twice as long each time it is refused again. The service does not say when
	// it has calls again, and whether refused calls count.
	refusalPause = 5 * time.Minute
	longestPause = time.Hour
	// mostStamps bounds what is kept of a bucket without a limit, and mostCalls the limits.
	mostStamps = 10_000
	mostCalls  = 100_000
	// longestStep is how far a clock may go back before what it counted is given up.
	longestStep = time.Hour
)

// QuotaError is the error of a call that was not sent because of its quota: [ErrQuotaExhausted].
type QuotaError struct {
	QuotaUsage
}

// Error tells which quota it is and when it allows a call again.
func (e *QuotaError) Error() string {
	at := e.NextFree.UTC().Format(time.RFC3339)
	if e.Refused {
		return fmt.Sprintf("%v: the service refused a call of %s, and the next is made at %s", ErrQuotaExhausted, e.Bucket, at)
	}
	return fmt.Sprintf("%v: %d of %d calls of %s in 24 hours are used, and the next is free at %s", ErrQuotaExhausted, e.Used, e.Limit, e.Bucket, at)
}

// Is maps the error to [ErrQuotaExhausted] and [ErrRateLimited].
func (e *QuotaError) Is(target error) bool {
	return target == ErrQuotaExhausted || target == ErrRateLimited
}

// Retryable is always true: the call may be made at NextFree.
func (e *QuotaError) Retryable() bool { return true }

// QuotaUsage tells how much of a bucket is used.
type QuotaUsage struct {
	Bucket Bucket
	// Used is how many attempts of the last 24 hours were counted.
	Used int
	// Limit is how many there may be, or [NoLimit].
	Limit int
	// Refused tells that the service refused a call (429) although there should have been one left: something else uses the same
	// credentials. The bucket counts as full until NextFree.
	Refused bool
	// NextFree is when the next call may be made. It is not after the time of the question if that is at once.
	NextFree time.Time
}

// Left is how many calls may be made at once, and [NoLimit] if there is no limit.
func (u QuotaUsage) Left() int {
	switch {
	case u.Refused:
		return 0
	case u.Limit < 0:
		return NoLimit
	}
	return max(u.Limit-u.Used, 0)
}

// Quota counts the calls of one set of credentials in the way that the service does: in any 24 hours, each bucket for itself. A call
// that the service would refuse is not made, and its error is a [*QuotaError]. Every attempt counts, whatever became of it. After a
// 429 the bucket counts as full: for as long as the service asked for if that is less than 5 minutes, or else for 5 minutes, and up to
// an hour if it is refused again.
//
// Each [Client] has a quota of its own unless [Config] gives it one. Clients that use the same credentials should share one. What
// was counted can be written as text and read again, so that it survives a restart. The zero value has the limits of the service.
// It must not be copied, and is safe for concurrent use.
type Quota struct {
	mu      sync.Mutex
	limits  map[Bucket]int
	buckets map[Bucket]*tally
}

// NewQuota makes a quota with other limits than those of the service for some of its buckets: a number of calls in 24 hours, up to
// 100,000, or [NoLimit].
func NewQuota(limits map[Bucket]int) (*Quota, error) {
	q := &Quota{limits: make(map[Bucket]int, len(limits))}
	var problems []error
	for _, b := range Buckets() {
		limit, ok := limits[b]
		if ok {
			q.limits[b] = limit
		}
		if ok && limit != NoLimit && limit < 1 {
			problems = append(problems, fmt.Errorf("proofpoint: new quota: %d calls of %s are no limit", limit, b))
		}
		if limit > mostCalls {
			problems = append(problems, fmt.Errorf("proofpoint: new quota: %d calls of %s are more than can be counted", limit, b))
		}
	}
	if len(q.limits) < len(limits) {
		problems = append(problems, errors.New("proofpoint: new quota: there are limits for buckets that the service does not have"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return q, nil
}

// Usage tells how much of each bucket is used at the time now.
func (q *Quota) Usage(now time.Time) []QuotaUsage {
	q.mu.Lock()
	defer q.mu.Unlock()
	usage := make([]QuotaUsage, 0, len(Buckets()))
	for _, b := range Buckets() {
		usage = append(usage, q.usage(b, now))
	}
	return usage
}

// limit is that of the caller or of the service.
func (q *Quota) limit(b Bucket) int {
	if limit, ok := q.limits[b]; ok {
		return limit
	}
	switch b {
	case BucketSIEM, BucketClicksPermitted, BucketURLDecode:
		return 1800
	default:
		return 50
	}
}

func (q *Quota) tally(b Bucket) *tally {
	if q.buckets == nil {
		q.buckets = make(map[Bucket]*tally)
	}
	t := q.buckets[b]
	if t == nil {
		t = new(tally)
		q.buckets[b] = t
	}
	return t
}

func (q *Quota) usage(b Bucket, now time.Time) QuotaUsage {
	t, limit := q.tally(b), q.limit(b)
	t.prune(now)
	u := QuotaUsage{Bucket: b, Used: len(t.stamps), Limit: limit, Refused: t.refusedUntil.After(now)}
	if limit != NoLimit && len(t.stamps) >= limit {
		u.NextFree = t.stamps[len(t.stamps)-limit].Add(quotaPeriod)
	}
	if t.refusedUntil.After(u.NextFree) {
		u.NextFree = t.refusedUntil
	}
	if u.NextFree.Before(now) {
		u.NextFree = now
	}
	return u
}

// check says why no attempt can be made that long from now.
func (q *Quota) check(b Bucket, now time.Time, wait time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if u := q.usage(b, now); u.NextFree.After(now.Add(wait)) {
		return &QuotaError{u}
	}
	return nil
}

// take counts an attempt, or says why there is none.
func (q *Quota) take(b Bucket, now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if u := q.usage(b, now); u.NextFree.After(now) {
		return &QuotaError{u}
	}
	q.tally(b).count(now, q.kept(b))
	return nil
}

// kept is how many calls of a bucket are remembered.
func (q *Quota) kept(b Bucket) int {
	if limit := q.limit(b); limit != NoLimit {
		return limit
	}
	return mostStamps
}

// answered notes what the service said to an attempt.
func (q *Quota) answered(b Bucket, now time.Time, refused bool, asked time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch t := q.tally(b); {
	case refused:
		t.refuse(now, asked)
	case !t.refusedUntil.After(now): // otherwise it is an answer to a call from before the refusal
		t.strikes = 0
	}
}

// tally is what is known of one bucket.
type tally struct {
	// stamps are when calls went out, oldest first: the full second after it. A call that took longer to arrive is forgotten here
	// before the service forgets it, and may bring a refusal.
	stamps       []time.Time
	refusedUntil time.Time
	strikes      int // refusals in a row
}

// prune forgets calls that no longer count, and what a clock that has gone back a long way left behind.
func (t *tally) prune(now time.Time) {
	kept := t.stamps[:0]
	for _, s := range t.stamps {
		if s.Add(quotaPeriod).After(now) && !s.After(now.Add(longestStep)) {
			kept = append(kept, s)
		}
	}
	t.stamps = kept
	if t.refusedUntil.After(now.Add(longestPause + longestStep)) {
		t.refusedUntil = time.Time{}
	}
}

func (t *tally) count(now time.Time, most int) {
	stamp := now.UTC().Truncate(time.Second).Add(time.Second)
	if n := len(t.stamps); n > 0 && stamp.Before(t.stamps[n-1]) {
		stamp = t.stamps[n-1] // the clock went back a little
	}
	t.stamps = append(t.stamps, stamp)
	if over := len(t.stamps) - most; over > 0 {
		t.stamps = append(t.stamps[:0], t.stamps[over:]...)
	}
}

func (t *tally) refuse(now time.Time, asked time.Duration) {
	if !t.refusedUntil.After(now) {
		t.strikes++ // refusals that come together count once
	}
	pause := asked
	if pause <= 0 || pause >= refusalPause { // a longer one arrives here as 5 minutes
		pause = longestPause
		if t.strikes < 8 {
			pause = min(refusalPause<<max(t.strikes-1, 0), longestPause)
		}
	}
	if until := now.Add(pause); until.After(t.refusedUntil) {
		t.refusedUntil = until.UTC()
	}
}

// meter is a quota as the core of a client sees it.
type meter struct {
	quota *Quota
	now   func() time.Time
}

// Take counts an attempt.
func (m meter) Take(pool string) error { return m.quota.take(Bucket(pool), m.now()) }

// Check says why no attempt can be made that long from now.
func (m meter) Check(pool string, wait time.Duration) error {
	return m.quota.check(Bucket(pool), m.now(), wait)
}

// Answered notes what the service said to it.
func (m meter) Answered(pool string, status int, retryAfter time.Duration) {
	m.quota.answered(Bucket(pool), m.now(), status == http.StatusTooManyRequests, retryAfter)
}
