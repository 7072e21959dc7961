// Package lab serves the fakes of TAP, CBC and NSX on one address, and has the made-up company of the demonstration.
package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// World is what the three services know. As JSON it is the world file of examples/lab: each member is documented with its type.
type World struct {
	TAP proofpointtest.World `json:"tap"`
	CBC cbctest.World        `json:"cbc"`
	NSX nsxtest.World        `json:"nsx"`
}

// ReadWorld reads a world file. Unknown members are refused: a typing error must not quietly make another world.
func ReadWorld(r io.Reader) (World, error) {
	var w World
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return World{}, fmt.Errorf("lab: the world file: %w", err)
	}
	return w, nil
}

// Lab is the three fakes behind one handler. Paths below /_lab are its own: the journal, the state and the faults.
type Lab struct {
	TAP *proofpointtest.Server
	CBC *cbctest.Server
	NSX *nsxtest.Server
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
	default:
		answer(w, http.StatusNotFound, map[string]string{"error": "the lab has GET /_lab/requests, GET /_lab/state and POST /_lab/faults"})
	}
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
