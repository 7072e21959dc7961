package cbctest

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// State is what the organization looks like now.
type State struct {
	// Time is the world's clock.
	Time time.Time `json:"time"`
	// Devices are the endpoints, with what runs and lies on them.
	Devices []Device `json:"devices"`
	// Policies are the policies.
	Policies []Policy `json:"policies"`
	// Overrides are the reputation overrides.
	Overrides []Override `json:"overrides"`
	// SearchJobs are the searches and the other jobs of the search services so far.
	SearchJobs []SearchJob `json:"search_jobs"`
	// ServiceJobs are the jobs of the job service so far.
	ServiceJobs []ServiceJob `json:"service_jobs"`
	// Alerts are the alerts.
	Alerts []Alert `json:"alerts"`
	// Threats are what alerts have in common.
	Threats []Threat `json:"threats"`
	// Audit are the entries of the audit log.
	Audit []AuditEntry `json:"audit"`
	EDRState
}

// State copies the state.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{
		Time: s.now(), Devices: s.deviceList(), Policies: s.policyList(), Overrides: slices.Clone(s.overrides),
		SearchJobs: s.jobList(), ServiceJobs: s.serviceJobList(), EDRState: s.edrSnapshot(),
		Alerts: s.alertList(), Threats: s.threatList(), Audit: slices.Clone(s.auditLog.entries),
	}
}

// Request is a request that the server got. It holds no credentials.
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
	// Header holds the headers that are no secret.
	Header http.Header `json:"header,omitempty"`
	// Body is the body, at most its first MiB.
	Body []byte `json:"body,omitempty"`
	// Status is what was answered; 0 while there is no answer, and if there never was one.
	Status int `json:"status"`
}

// Requests lists the requests so far, oldest first, refused ones included.
func (s *Server) Requests() []Request {
	entries := s.fake.Requests()
	out := make([]Request, 0, len(entries))
	for _, e := range entries {
		out = append(out, Request{
			Time: e.Time, Method: e.Method, Path: e.Path, Query: e.Query, Operation: e.Operation, Header: e.Header, Body: e.Body,
			Status: e.Status,
		})
	}
	return out
}
