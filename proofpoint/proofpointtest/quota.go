package proofpointtest

import (
	"net/http"
	"sync"
	"time"
)

// The default quotas and the time over which they are counted.
const (
	defaultQuota      = 1800
	defaultSmallQuota = 50
	quotaPeriod       = 24 * time.Hour
)

// Pool is a group of calls that are counted together. Each credential has pools of its own.
type Pool string

// The pools. Campaigns by their id and threat summaries are in none: they are not throttled.
const (
	// PoolSIEM is that of the five feeds other than permitted clicks.
	PoolSIEM Pool = "siem"
	// PoolPermitted is that of permitted clicks.
	PoolPermitted Pool = "clicks/permitted"
	// PoolCampaignIDs is that of the ids of campaigns.
	PoolCampaignIDs Pool = "campaign/ids"
	// PoolThreatForensics and PoolCampaignForensics are those of forensics, by what is asked for.
	PoolThreatForensics   Pool = "forensics/threat"
	PoolCampaignForensics Pool = "forensics/campaign"
	// PoolVAP and PoolTopClickers are those of people.
	PoolVAP         Pool = "people/vap"
	PoolTopClickers Pool = "people/top-clickers"
	// PoolDecode is that of the URL decoder for callers with a credential, PoolAnonymousDecode the one that all others share.
	PoolDecode          Pool = "url/decode"
	PoolAnonymousDecode Pool = "url/decode/anonymous"
)

// pools lists them all.
func pools() []Pool {
	return []Pool{
		PoolSIEM, PoolPermitted, PoolCampaignIDs, PoolThreatForensics, PoolCampaignForensics, PoolVAP, PoolTopClickers,
		PoolDecode, PoolAnonymousDecode,
	}
}

// Quotas are how many calls of a kind a credential has in 24 hours. Zero is the default; below zero there is no limit.
type Quotas struct {
	// SIEM is for the five feeds together. Defaults to World.Quota.
	SIEM int `json:"siem,omitempty"`
	// ClicksPermitted is for permitted clicks. Defaults to World.Quota.
	ClicksPermitted int `json:"clicks_permitted,omitempty"`
	// CampaignIDs defaults to 50.
	CampaignIDs int `json:"campaign_ids,omitempty"`
	// ThreatForensics and CampaignForensics default to 50 each. Readings of the documentation give 1800 to one of the two
	// and disagree to which.
	ThreatForensics   int `json:"threat_forensics,omitempty"`
	CampaignForensics int `json:"campaign_forensics,omitempty"`
	// VAP and TopClickers default to 50 each.
	VAP         int `json:"vap,omitempty"`
	TopClickers int `json:"top_clickers,omitempty"`
	// Decode is for the URL decoder. Defaults to 1800.
	Decode int `json:"decode,omitempty"`
	// AnonymousDecode is for all callers of the URL decoder without a credential together. Defaults to 1800; the real size
	// is not known.
	AnonymousDecode int `json:"anonymous_decode,omitempty"`
}

// limits are the quotas with their defaults.
func (q Quotas) limits(siem int) map[Pool]int {
	or := func(n, otherwise int) int {
		if n == 0 {
			return otherwise
		}
		return n
	}
	siem = or(siem, defaultQuota)
	return map[Pool]int{
		PoolSIEM: or(q.SIEM, siem), PoolPermitted: or(q.ClicksPermitted, siem), PoolCampaignIDs: or(q.CampaignIDs, defaultSmallQuota),
		PoolThreatForensics: or(q.ThreatForensics, defaultSmallQuota), PoolCampaignForensics: or(q.CampaignForensics, defaultSmallQuota),
		PoolVAP: or(q.VAP, defaultSmallQuota), PoolTopClickers: or(q.TopClickers, defaultSmallQuota),
		PoolDecode: or(q.Decode, defaultQuota), PoolAnonymousDecode: or(q.AnonymousDecode, defaultQuota),
	}
}

// quota remembers when calls were made.
type quota struct {
	mu    sync.Mutex
	calls map[bucket][]time.Time
}

// bucket is a pool of one credential.
type bucket struct {
	principal string
	pool      Pool
}

// take counts a call and says whether the bucket had one left. Calls that will be refused anyway are counted if countRefused
// says so.
func (q *quota) take(b bucket, now time.Time, limit int, refused, countRefused bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := limit < 0 || q.drop(b, now) < limit
	if left && !refused || countRefused {
		if q.calls == nil {
			q.calls = map[bucket][]time.Time{}
		}
		q.calls[b] = append(q.calls[b], now)
	}
	return left
}

// used counts the calls of the last day; those of all credentials if all says so.
func (q *quota) used(b bucket, now time.Time, all bool) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !all {
		return q.drop(b, now)
	}
	n := 0
	for other := range q.calls {
		if other.pool == b.pool {
			n += q.drop(other, now)
		}
	}
	return n
}

// drop forgets what is older than a day and counts the rest.
func (q *quota) drop(b bucket, now time.Time) int {
	calls := q.calls[b]
	for len(calls) > 0 && now.Sub(calls[0]) > quotaPeriod {
		calls = calls[1:]
	}
	if q.calls != nil {
		q.calls[b] = calls
	}
	return len(calls)
}

// bucketOf is where a call of a credential is counted.
func (s *Server) bucketOf(principal string, p Pool) bucket {
	if s.switches.TenantQuota && p != PoolAnonymousDecode {
		principal = ""
	}
	if s.switches.PeopleShareQuota && p == PoolTopClickers {
		p = PoolVAP
	}
	return bucket{principal, p}
}

// admit counts a call, and answers it if nothing is left or if it is refused for err.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, p Pool, err error) bool {
	b := s.bucketOf(principalOf(r), p)
	if !s.quota.take(b, s.now(), s.limits[b.pool], err != nil, s.switches.CountRefused) {
		// Without Retry-After, as the service does it.
		http.Error(w, "The limit of requests in 24 hours is reached.", http.StatusTooManyRequests)
		return false
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// QuotaUsed counts the calls that a credential made in a pool in the last 24 hours. Those of [PoolAnonymousDecode] belong to
// the empty principal.
func (s *Server) QuotaUsed(principal string, p Pool) int {
	return s.quota.used(s.bucketOf(principal, p), s.now(), false)
}
