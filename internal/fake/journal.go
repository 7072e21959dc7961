package fake

import (
	"bytes"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// The journal keeps the newest requests and the beginning of their bodies, so that a fake can run for days.
const (
	maxRequests     = 100_000
	maxJournalBody  = 1 << 20
	journalOverhang = 1_000
)

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
	// Body is the body, at most its first MiB; nil where bodies carry credentials.
	Body []byte `json:"body,omitempty"`
	// Status is what was answered; 0 while there is no answer, and if there never was one.
	Status int `json:"status"`
}

// journal records requests.
type journal struct {
	mu      sync.Mutex
	entries []*Request
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
		e.Body = bytes.Clone(body[:min(len(body), maxJournalBody)])
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
	if len(j.entries) > maxRequests+journalOverhang {
		j.entries = append([]*Request(nil), j.entries[journalOverhang:]...)
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
