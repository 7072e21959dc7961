// Package lab serves the fakes of TAP, CBC and NSX on one address, and has the made-up company of the demonstration.
package lab

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// Lab is the three fakes behind one handler. Paths below /_lab are its own: the journal, the state, the verdicts and the faults. It is safe for
// concurrent use.
type Lab struct {
	TAP *proofpointtest.Server
	CBC *cbctest.Server
	NSX *nsxtest.Server
	// era counts how often the faults were taken back: those of an earlier one strike no more.
	era atomic.Int64
}

// New builds the fakes of a world.
func New(w World) *Lab {
	return &Lab{TAP: proofpointtest.New(w.TAP), CBC: cbctest.New(w.CBC), NSX: nsxtest.New(w.NSX)}
}

// ServeHTTP hands a request to the service whose path it is.
func (l *Lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	switch {
	case strings.HasPrefix(path, "/_lab/"):
		l.own(w, r)
	case l.TAP.Owns(path):
		l.TAP.ServeHTTP(w, r)
	case l.NSX.Owns(path):
		l.NSX.ServeHTTP(w, r)
	default:
		l.CBC.ServeHTTP(w, r)
	}
}

func (l *Lab) own(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /_lab/requests":
		answer(w, http.StatusOK, map[string]any{"requests": l.Requests()})
	case "GET /_lab/state":
		answer(w, http.StatusOK, map[string]any{"tap": l.TAP.State(), "cbc": l.CBC.State(), "nsx": l.NSX.State()})
	case "POST /_lab/faults":
		l.postFault(w, r)
	case "POST /_lab/verdicts":
		l.postVerdict(w, r)
	case "DELETE /_lab/faults":
		l.era.Add(1)
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusNotFound, errors.New("the lab has GET /_lab/requests, GET /_lab/state, POST /_lab/verdicts, and POST and DELETE /_lab/faults"))
	}
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // the reader has gone away: nobody is left to tell
}

// Request is an entry of the journal.
type Request struct {
	Service   string    `json:"service"`
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Query     string    `json:"query,omitempty"`
	Operation string    `json:"operation,omitempty"`
	Status    int       `json:"status"`
	Body      string    `json:"body,omitempty"`
}

// Requests is the journal of all three services, oldest first, without credentials.
func (l *Lab) Requests() []Request {
	all := []Request{}
	for _, r := range l.TAP.Requests() {
		all = append(all, Request{"tap", r.Time, r.Method, r.Path, r.Query.Encode(), r.Operation, r.Status, string(r.Body)})
	}
	for _, r := range l.CBC.Requests() {
		all = append(all, Request{"cbc", r.Time, r.Method, r.Path, r.Query.Encode(), r.Operation, r.Status, string(r.Body)})
	}
	for _, r := range l.NSX.Requests() {
		all = append(all, Request{"nsx", r.Time, r.Method, r.Path, r.Query.Encode(), r.Operation, r.Status, string(r.Body)})
	}
	slices.SortStableFunc(all, func(a, b Request) int { return a.Time.Compare(b.Time) })
	return all
}
