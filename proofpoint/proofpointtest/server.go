package proofpointtest

import (
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// Server is the fake service. Make one with [New].
type Server struct {
	fake     *fake.Server
	now      func() time.Time
	accounts []Account
	lag      time.Duration
	lookBack time.Duration
	limits   map[Pool]int
	seed     uint64
	switches Switches
	more     iter.Seq[Message]
	quota    quota
	// campaigns, reports, people and links are as the world has them.
	campaigns    []Campaign
	reports      []Report
	people       []Person
	links        []Link
	vapThreshold float64

	mu sync.Mutex
	// items and changes grow and are never written to otherwise, so that answers can be made from them without the lock.
	items     []*item
	changes   []Change
	summaries map[string]ThreatSummary
	given     map[string]bool // threats whose summary came with the world
	calls     uint64
}

// New makes a server of a world. It keeps references to what the world refers to: do not change it afterwards.
func New(w World) *Server {
	s := &Server{
		accounts: append([]Account{{Principal: or(w.Principal, Principal), Secret: or(w.Secret, Secret)}}, w.Accounts...),
		lag:      w.Lag, limits: w.Quotas.limits(w.Quota), seed: w.Seed, switches: w.Switches, more: w.More,
		campaigns: slices.Clone(w.Campaigns), reports: slices.Clone(w.Reports), people: slices.Clone(w.People), links: slices.Clone(w.Links),
		vapThreshold: w.VAPThreshold,
		summaries:    map[string]ThreatSummary{}, given: map[string]bool{},
	}
	if s.lookBack = w.LookBack; s.lookBack == 0 {
		s.lookBack = defaultLookBack
	}
	clock := w.Now
	if clock == nil {
		clock = time.Now
	}
	s.now = func() time.Time { return clock().UTC() }
	for _, t := range w.Threats {
		s.summaries[t.ID], s.given[t.ID] = t, true
	}
	s.Add(w.Messages...)
	s.AddClicks(w.Clicks...)
	s.Change(w.Changes...)

	s.fake = fake.New(fake.Config{
		Name: "proofpointtest", URL: URL, Now: s.now, Authenticate: s.authenticate, Unknown: http.HandlerFunc(unknown),
	})
	s.fake.Handle("GET /v2/siem/all", s.siem(PoolSIEM, clicksPermitted, clicksBlocked, messagesDelivered, messagesBlocked))
	s.fake.Handle("GET /v2/siem/issues", s.siem(PoolSIEM, clicksPermitted, messagesDelivered))
	s.fake.Handle("GET /v2/siem/clicks/blocked", s.siem(PoolSIEM, clicksBlocked))
	s.fake.Handle("GET /v2/siem/clicks/permitted", s.siem(PoolPermitted, clicksPermitted))
	s.fake.Handle("GET /v2/siem/messages/delivered", s.siem(PoolSIEM, messagesDelivered))
	s.fake.Handle("GET /v2/siem/messages/blocked", s.siem(PoolSIEM, messagesBlocked))
	s.fake.Handle("GET /v2/threat/summary/{threatId}", s.threatSummary)
	s.fake.Handle("GET /v2/campaign/ids", s.campaignIDs)
	s.fake.Handle("GET /v2/campaign/{campaignId}", s.campaign)
	s.fake.Handle("GET /v2/forensics", s.forensics)
	s.fake.Handle("GET /v2/people/vap", s.veryAttackedPeople)
	s.fake.Handle("GET /v2/people/top-clickers", s.topClickers)
	s.fake.Handle("POST /v2/url/decode", s.decodeURLs, fake.Open)
	return s
}

// Add adds messages to the world.
func (s *Server) Add(messages ...Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range messages {
		m := messages[i]
		it := newMessage(&m, len(s.items))
		s.items = append(s.items, it)
		s.remember(it)
	}
}

// AddClicks adds clicks to the world.
func (s *Server) AddClicks(clicks ...Click) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range clicks {
		c := clicks[i]
		it := newClick(&c, len(s.items))
		s.items = append(s.items, it)
		s.remember(it)
	}
}

// Change lets something happen to a threat; without a time it happens now.
func (s *Server) Change(changes ...Change) {
	if len(changes) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.changes)
	for _, c := range changes {
		if c.At.IsZero() {
			c.At = s.now()
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b Change) int { return a.At.Compare(b.At) })
	s.changes = all
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.fake.ServeHTTP(w, r) }

// Client reaches the server in process, under [URL]. It works inside synctest bubbles.
func (s *Server) Client() *http.Client { return s.fake.Client() }

// Owns says whether a path is one of this service's, for servers that offer several on one port.
func (s *Server) Owns(path string) bool { return path == "/v2" || strings.HasPrefix(path, "/v2/") }

// Operations lists the calls that are served, each a method and a path with its placeholders, sorted.
func (s *Server) Operations() []string { return s.fake.Operations() }

// FailNext answers the next n requests with a status in place of what they ask for; n below zero lasts for ever. A 429 asks
// to wait for a minute, which the real service does not.
func (s *Server) FailNext(n, status int) { s.fake.Inject(nil, n, fake.Fail(status)) }

// Inject lets a fault stand in front of the next n requests that match; nil matches any, n below zero lasts for ever. Faults
// are used up in order, at most one a request. In a match and a fault r.Pattern names the operation.
func (s *Server) Inject(match func(*http.Request) bool, n int, fault func(http.Handler) http.Handler) {
	s.fake.Inject(match, n, fault)
}

// Request is a request that the server received. Credentials are not kept.
type Request struct {
	// Time is when it arrived, in UTC.
	Time time.Time `json:"time"`
	// Method is the HTTP method.
	Method string `json:"method"`
	// Path is the path as it was sent, escapes included.
	Path string `json:"path"`
	// Query holds the decoded query parameters.
	Query url.Values `json:"query,omitempty"`
	// Operation is the entry of Operations that it was taken for; empty if there is none.
	Operation string `json:"operation,omitempty"`
	// Header holds the headers of content negotiation and User-Agent.
	Header http.Header `json:"header,omitempty"`
	// Body is the body, at most its first MiB.
	Body []byte `json:"body,omitempty"`
	// Status is what was answered; 0 if nothing was.
	Status int `json:"status"`
}

// Requests lists what the server received, oldest first.
func (s *Server) Requests() []Request {
	all := s.fake.Requests()
	out := make([]Request, len(all))
	for i, r := range all {
		out[i] = Request(r)
	}
	return out
}

// label sets the content type of a JSON answer.
func (s *Server) label(w http.ResponseWriter) {
	if s.switches.TextPlain {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		return
	}
	w.Header().Set("Content-Type", "application/json")
}

// unknown tells documented calls that are not simulated from paths that exist in no documentation.
func unknown(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	for _, invented := range []string{"/v2/threat/families", "/v2/siem/forensics", "/v2/campaigns", "/v2/quarantine"} {
		if path == invented || strings.HasPrefix(path, invented+"/") {
			http.NotFound(w, r)
			return
		}
	}
	http.Error(w, fmt.Sprintf("proofpointtest: no route for %s %s", r.Method, path), http.StatusNotImplemented)
}
