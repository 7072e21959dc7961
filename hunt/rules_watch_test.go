package hunt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

// readingOperations are all operations that change nothing anyone could notice. A search job is a question.
var readingOperations = []string{
	"GET /v2/siem/messages/delivered",
	"GET /v2/siem/messages/blocked",
	"GET /v2/siem/all",
	"POST /api/investigate/v2/orgs/{org_key}/processes/search_jobs",
	"GET /api/investigate/v2/orgs/{org_key}/processes/search_jobs/{job_id}/results",
	"DELETE /api/investigate/v1/orgs/{org_key}/processes/search_jobs/{job_id}",
	"POST /api/investigate/v2/orgs/{org_key}/events/{process_guid}/_search",
	"POST /appservices/v6/orgs/{org_key}/devices/_search",
	"POST /appservices/v6/orgs/{org_key}/reputations/overrides/_search",
	"GET /appservices/v6/orgs/{org_key}/devices/{device_id}",
	"GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds",
	"GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}",
	"GET /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists",
	"GET /api/v1/fabric/virtual-machines",
}

// operations lists every request of any kind that reached a service, as its route, with what was refused as well.
func (o *office) operations() []string {
	var all []string
	for _, r := range o.tap.Requests() {
		all = append(all, orPath(r.Operation, r.Method, r.Path))
	}
	for _, r := range o.cbc.Requests() {
		all = append(all, orPath(r.Operation, r.Method, r.Path))
	}
	for _, r := range o.nsx.Requests() {
		all = append(all, orPath(r.Operation, r.Method, r.Path))
	}
	for range o.hook.received() {
		all = append(all, "POST /finding")
	}
	return all
}

func orPath(operation, method, path string) string {
	if operation == "" {
		return method + " " + path
	}
	return operation
}

// changes lists, sorted, what the services were made to do: not what was asked for, and not what was refused.
func (o *office) changes(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, r := range o.cbc.Requests() {
		if r.Status/100 != 2 {
			continue
		}
		var body struct {
			Action string        `json:"action_type"`
			IDs    []json.Number `json:"device_id"`
			SHA256 string        `json:"sha256_hash"`
		}
		switch r.Operation {
		case "POST /appservices/v6/orgs/{org_key}/device_actions", "POST /appservices/v6/orgs/{org_key}/reputations/overrides":
			if err := json.Unmarshal(r.Body, &body); err != nil {
				t.Fatalf("%s: %v in %s", r.Operation, err, r.Body)
			}
			for _, id := range body.IDs {
				all = append(all, body.Action+" "+id.String())
			}
			if body.SHA256 != "" {
				all = append(all, "BAN "+body.SHA256)
			}
		}
	}
	for _, session := range o.cbc.Sessions() {
		for _, c := range session.Commands {
			if c.Status == "COMPLETE" && !slices.Contains([]string{"process list", "directory list", "get file"}, c.Name) {
				all = append(all, fmt.Sprintf("%s %s on %d", c.Name, c.Object, session.DeviceID))
			}
		}
	}
	for _, feed := range o.cbc.Feeds() {
		for _, report := range feed.Reports {
			all = append(all, "REPORT "+report.ID)
		}
	}
	for _, r := range o.nsx.Requests() {
		if r.Method != http.MethodGet && r.Status/100 == 2 {
			var body struct {
				ID string `json:"external_id"`
			}
			if err := json.Unmarshal(r.Body, &body); err != nil {
				t.Fatal(err)
			}
			all = append(all, "TAG "+body.ID)
		}
	}
	for _, f := range o.hook.received() {
		all = append(all, fmt.Sprintf("POST %s %s on %d", f.Evidence, f.SHA256, f.Device.ID))
	}
	slices.Sort(all)
	return all
}

// contained is what a hunt of the plain world does: everything to the device that ran the invoice, and a note about the other.
func contained() []string {
	all := []string{
		fmt.Sprintf("QUARANTINE %d", ranIt), fmt.Sprintf("UPDATE_POLICY %d", ranIt), "BAN " + invoice.sha(), "REPORT " + invoice.sha(), "TAG " + vmID,
		fmt.Sprintf("kill %d on %d", invoicePID, ranIt), fmt.Sprintf("delete file %s on %d", strings.ToLower(invoiceAt), ranIt),
		fmt.Sprintf("POST executed %s on %d", invoice.sha(), ranIt), fmt.Sprintf("POST touched %s on %d", invoice.sha(), savedIt),
	}
	slices.Sort(all)
	return all
}

// queries lists, sorted, what was searched for.
func (o *office) queries() []string {
	var all []string
	for _, job := range o.cbc.SearchJobs() {
		all = append(all, job.Query)
	}
	slices.Sort(all)
	return all
}

// queryOf is the search for one file.
func queryOf(p program) string {
	fields := []string{"hash", "scriptload_hash", "fileless_scriptload_hash", "blocked_hash"}
	for i, field := range fields {
		fields[i] = field + ":" + p.sha()
	}
	return strings.Join(fields, " OR ")
}

func (o *office) device(t *testing.T, id int64) cbctest.Device {
	t.Helper()
	d, ok := o.cbc.Device(id)
	if !ok {
		t.Fatalf("there is no device %d", id)
	}
	return d
}

// pids lists what runs on a device.
func (o *office) pids(id int64) []int64 {
	var all []int64
	for _, p := range o.cbc.Running(id) {
		all = append(all, p.PID)
	}
	slices.Sort(all)
	return all
}

// details says, by action, what became of the tasks: status and detail.
func details(r *hunt.Report) map[string]string {
	all := make(map[string]string)
	for _, o := range r.Outcomes {
		all[o.Task.Action] += string(o.Status) + ": " + o.Detail
	}
	return all
}

// life is how long a process lives: a number of steps, each a call to a service or to the store. A nil life has no end.
type life struct {
	// steps is the number of the step in which it ends.
	steps int
	// late lets that step take effect before the end. Nobody hears its answer either way.
	late bool
	end  context.CancelFunc

	mu    sync.Mutex
	taken int
	over  bool
}

var errKilled = errors.New("the process was killed")

func (l *life) step(do func() error) error {
	if l == nil {
		return do()
	}
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		return errKilled
	}
	l.taken++
	last := l.taken == l.steps
	l.over = last
	l.mu.Unlock()
	if last && !l.late {
		l.end()
		return errKilled
	}
	err := do()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		l.end()
		return errKilled
	}
	return err
}

// ended tells whether the process died before it was through.
func (l *life) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}
