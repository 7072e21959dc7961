package fake

import (
	"bytes"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// limits bound the journal: it keeps the newest requests and the beginning of the newest bodies, so that a fake can run for
// days.
type limits struct {
	requests, overhang int // the oldest requests go once there are overhang too many
	body, bodies       int // bytes of one body, and of all
}

// defaultLimits are those of every server.
func defaultLimits() limits {
	return limits{requests: 100_000, overhang: 1_000, body: 1 << 20, bodies: 256 << 20}
}

// Request is one entry of the journal. It holds no credentials.
type Request struct {
	// Time is when the request arrived, in UTC.
	Time time.Time `json:"time"`
	// Method is the HTTP method.
	Method string `json:"method"`
	// Path is the path as it was sent, escapes included.
	Path string `json:"path"`
	// Query holds the decoded query parameters.
	Query url.Values `json:"query,omitempty"`
	// Operation is the pattern of the route; empty if there is none.
	Operation string `json:"operation,omitempty"`
	// Header holds the few headers that are no secret: content negotiation and User-Agent.
	Header http.Header `json:"header,omitempty"`
	// Body is the body, at most its first MiB; nil where bodies carry credentials, and once many newer ones have come.
	Body []byte `json:"body,omitempty"`
	// Status is what was answered; 0 while there is no answer, and if there never was one.
	Status int `json:"status"`
}

// journal records requests.
type journal struct {
	limits  limits
	mu      sync.Mutex
	entries []*Request
	bodies  int // bytes of all bodies
	bare    int // entries at the front whose bodies are gone
}

// open records a request as it arrives.
func (j *journal) open(r *http.Request, body []byte, secret bool, now time.Time) *Request {
	e := &Request{Time: now, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Operation: r.Pattern, Header: http.Header{}}
	// What may be kept is listed, so that a credential in a header nobody thought of stays out.
	for _, name := range []string{"Accept", "Accept-Encoding", "Content-Encoding", "Content-Type", "User-Agent"} {
		if v := r.Header.Values(name); len(v) > 0 {
			e.Header[name] = append([]string(nil), v...)
		}
	}
	if !secret {
		e.Body = bytes.Clone(body[:min(len(body), j.limits.body)])
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
	j.bodies += len(e.Body)
	surplus := len(j.entries) - j.limits.requests
	for j.bodies > j.limits.bodies || surplus > j.limits.overhang && j.bare < surplus {
		j.bodies -= len(j.entries[j.bare].Body)
		j.entries[j.bare].Body = nil
		j.bare++
	}
	if surplus > j.limits.overhang {
		j.entries = append([]*Request(nil), j.entries[surplus:]...)
		j.bare -= surplus
	}
	return e
}

// status notes the answer's status.
func (j *journal) status(e *Request, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Status = status
}

// all copies the journal. Callers must not change what the entries refer to.
func (j *journal) all() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Request, len(j.entries))
	for i, e := range j.entries {
		out[i] = *e
	}
	return out
}
