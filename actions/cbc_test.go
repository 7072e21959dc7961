package actions_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

// connect makes a client of the fake with the key that it knows.
func connect(t testing.TB, hc *http.Client) *cbc.Client {
	t.Helper()
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: hc,
	})
	if err != nil {
		t.Fatalf("cbc.New: %v", err)
	}
	return client
}

// calls counts the requests that the fake got of an operation.
func calls(srv *cbctest.Server, operation string) int {
	n := 0
	for _, r := range srv.Requests() {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

// only is the outcome of the one task that was given.
func only(t *testing.T, outcomes []hunt.Outcome) hunt.Outcome {
	t.Helper()
	if len(outcomes) != 1 {
		t.Fatalf("Do returned %d outcomes, want 1: %+v", len(outcomes), outcomes)
	}
	return outcomes[0]
}

// expect checks status and detail of an outcome, and that failures alone have an error.
func expect(t *testing.T, o hunt.Outcome, status hunt.Status, details ...string) {
	t.Helper()
	if o.Status != status || (o.Err != nil) != (status == hunt.Failed) {
		t.Errorf("outcome = %s %q (error %v), want %s", o.Status, o.Detail, o.Err, status)
	}
	for _, want := range details {
		if !strings.Contains(o.Detail, want) {
			t.Errorf("detail = %q, want it to say %q", o.Detail, want)
		}
	}
}

// byTarget sorts outcomes, since they come in the order in which tasks end.
func byTarget(outcomes []hunt.Outcome) []hunt.Outcome {
	return slices.SortedFunc(slices.Values(outcomes), func(a, b hunt.Outcome) int { return cmp.Compare(a.Task.Target, b.Task.Target) })
}

// fileTask is a task on a process that ran a file of this content.
func fileTask(action string, device int64, path, content string, pids ...int64) hunt.Task {
	t := processTask(action, 1, device, path, pids...)
	s := &t.Sightings[0]
	s.SHA256 = sha256.Sum256([]byte(content))
	s.Process.GUID = fmt.Sprintf("ORG-%d-%d", device, pids)
	t.Target = s.Process.GUID + "/" + s.SHA256.String()
	t.Indicators[0].SHA256 = s.SHA256
	return t
}
