package cbctest

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AuditEntry is something that somebody did.
type AuditEntry struct {
	// Actor is a user's address or an API ID. Defaults to "analyst@corp.example".
	Actor string `json:"actor,omitempty"`
	// ActorIP is where the actor was. Defaults to 203.0.113.9.
	ActorIP string `json:"actor_ip,omitempty"`
	// RequestURL is what was called. Empty is null on the wire, which is the rule.
	RequestURL string `json:"request_url,omitempty"`
	// Description is what was done, in words.
	Description string `json:"description"`
	// Flagged marks what is out of the ordinary.
	Flagged bool `json:"flagged,omitempty"`
	// Verbose marks what is of interest to few.
	Verbose bool `json:"verbose,omitempty"`
	// Created defaults to an hour before the server was made.
	Created time.Time `json:"created,omitzero"`
}

// AuditSwitches choose between the behaviors of the audit log that no public source pins down.
type AuditSwitches struct {
	// QueueSize is how many entries one call of the queue hands out at most. Defaults to 2500.
	QueueSize int `json:"queue_size,omitempty"`
	// Silent keeps what is done through the server out of the log.
	Silent bool `json:"silent,omitempty"`
}

// auditState is the audit log. The server's lock guards it.
type auditState struct {
	entries []AuditEntry
	queued  map[string]int // how many entries each key was handed, by its id
}

// registerAudit sets up the audit log from the world and adds its routes.
func (s *Server) registerAudit() {
	s.auditLog = auditState{queued: map[string]int{}}
	for _, e := range s.world.Audit {
		e.Actor, e.ActorIP = cmp.Or(e.Actor, "analyst@corp.example"), cmp.Or(e.ActorIP, "203.0.113.9")
		if e.Created.IsZero() {
			e.Created = s.created.Add(-time.Hour)
		}
		s.auditLog.entries = append(s.auditLog.entries, e)
	}
	const (
		logs = "/audit_log/v1/orgs/{org_key}/logs"
		read = "org.audits:READ"
	)
	s.serve("GET "+logs+"/_queue", read, s.auditQueue)
	s.serve("POST "+logs+"/_search", read, s.searchAudit)
	s.serve("POST "+logs+"/_export", read, s.exportAudit)
}

// audit writes down what the caller of a request has done. The caller holds the lock.
func (s *Server) audit(r *http.Request, description string) {
	if s.switches.Audit.Silent {
		return
	}
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	s.auditLog.entries = append(s.auditLog.entries, AuditEntry{
		Actor: callerID(r), ActorIP: cmp.Or(ip, "192.0.2.1"), Description: description, Created: s.now(),
	})
}

// auditAction writes down a device action. The caller holds the lock.
func (s *Server) auditAction(r *http.Request, in actionBody, targets []*device) {
	names := make([]string, 0, len(targets))
	for _, d := range targets {
		names = append(names, strconv.FormatInt(d.ID, 10))
	}
	what := in.ActionType
	if len(in.Options) > 0 {
		what += " " + string(in.Options)
	}
	s.audit(r, "Asked for "+what+" of the devices "+strings.Join(names, ", "))
}

// auditCall writes down a change that has no words of its own: of a policy, a feed, a watchlist or a Live Response session.
// The caller holds the lock.
func (s *Server) auditCall(r *http.Request) {
	if r.Method == http.MethodGet || strings.Contains(r.Pattern, "/_") {
		return
	}
	for area, of := range map[string]string{
		"/policyservice/v1/": "Policies", "/threathunter/feedmgr/v2/": "Feeds", "/threathunter/watchlistmgr/v3/": "Watchlists",
		"/applianceservice/v1/": "Workloads",
	} {
		if rest, ok := strings.CutPrefix(r.URL.Path, area+"orgs/"+s.orgKey+"/"); ok {
			s.audit(r, of+": "+r.Method+" "+rest)
		}
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/appservices/v6/orgs/"+s.orgKey+"/liveresponse/"); ok {
		s.audit(r, "Live Response: "+r.Method+" "+rest)
	}
}

// Audit lists the entries of the audit log, oldest first: those of the world, and what was done since.
func (s *Server) Audit() []AuditEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.auditLog.entries)
}

// audit finds contradictions in the audit log.
func (c *checker) audit(w World) {
	for i, e := range w.Audit {
		c.need(e.Description != "", "audit[%d] lacks its description", i)
		c.need(e.ActorIP == "" || net.ParseIP(e.ActorIP) != nil, "actor_ip of audit[%d] is no address", i)
		c.need(i == 0 || e.Created.IsZero() || !e.Created.Before(w.Audit[i-1].Created), "audit[%d] is older than the entry before it", i)
	}
	c.need(w.Switches.Audit.QueueSize >= 0, "queue_size is negative")
}

// auditDocument is an entry on the wire.
func (s *Server) auditDocument(e AuditEntry) document {
	return document{
		wire: map[string]any{
			"org_key": s.orgKey, "actor_ip": e.ActorIP, "actor": e.Actor, "request_url": orNull(e.RequestURL),
			"description": e.Description, "flagged": e.Flagged, "verbose": e.Verbose, "create_time": stamp(e.Created),
		},
		bare: []string{"actor", "actor_ip", "description", "request_url"}, time: e.Created,
	}
}

// auditQueue hands each key each entry once, oldest first.
func (s *Server) auditQueue(w http.ResponseWriter, r *http.Request) {
	from := s.auditLog.queued[callerID(r)]
	to := min(len(s.auditLog.entries), from+s.switches.Audit.QueueSize)
	results := []map[string]any{}
	for _, e := range s.auditLog.entries[from:to] {
		results = append(results, s.auditDocument(e).wire)
	}
	s.auditLog.queued[callerID(r)] = to
	s.reply(w, http.StatusOK, map[string]any{
		"results": results, "num_found": len(s.auditLog.entries) - from, "num_available": len(results),
	})
}
