package cbchunt_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

const (
	week = 7 * 24 * time.Hour
	md5  = "d41d8cd98f00b204e9800998ecf8427e"
)

func hash(n byte) hunt.SHA256 { return hunt.SHA256{0: 0xab, 1: n, 31: 0xcd} }

// batch is the indicators of the hashes 1 to n.
func batch(n int) []hunt.Indicator {
	all := make([]hunt.Indicator, n)
	for i := range all {
		all[i].SHA256 = hash(byte(i + 1))
	}
	return all
}

// world has one device, on which the processes run.
func world(processes ...cbctest.Process) cbctest.World {
	for i := range processes {
		processes[i].DeviceID = 7
	}
	return cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: `CORP\LAP-7`}}, Processes: processes}
}

// ran is a process whose own executable has the hash.
func ran(guid string, hashes ...string) cbctest.Process {
	return cbctest.Process{GUID: guid, PIDs: []int64{42}, Name: `C:\Users\pat\` + guid + `.exe`, Hashes: hashes}
}

// wrote is a process of another executable that wrote the files.
func wrote(guid string, files ...hunt.SHA256) cbctest.Process {
	p := ran(guid, md5, strings.Repeat("e", 64))
	p.Touched = map[string][]string{"filemod_hash": {}}
	for _, f := range files {
		p.Touched["filemod_hash"] = append(p.Touched["filemod_hash"], f.String())
	}
	return p
}

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

func newSearcher(t testing.TB, srv *cbctest.Server, change func(*cbchunt.Config)) *cbchunt.Searcher {
	t.Helper()
	cfg := cbchunt.Config{Processes: connect(t, srv.Client()).Processes}
	if change != nil {
		change(&cfg)
	}
	s, err := cbchunt.New(cfg)
	if err != nil {
		t.Fatalf("cbchunt.New: %v", err)
	}
	return s
}

// search reads a search of the last week to its end. The sightings are keyed by process and file, and told by evidence and field.
func search(ctx context.Context, t testing.TB, s hunt.Searcher, files []hunt.Indicator) (map[string]string, error) {
	t.Helper()
	got := make(map[string]string)
	var last error
	for sighting, err := range s.Search(ctx, files, time.Now().Add(-week)) {
		if last != nil {
			t.Errorf("the search went on after its error: %v, %v", sighting, err)
		}
		if last = err; err != nil {
			continue
		}
		key := fmt.Sprintf("%s %d", sighting.Process.GUID, sighting.SHA256[1])
		what := strings.TrimSpace(sighting.Evidence.String() + " " + sighting.Field)
		if had := got[key]; had != "" && had != what { // the same may be told again
			what = had + ", " + what
		}
		got[key] = what
	}
	return got, last
}

// answers is a fault for calls of a method whose path ends so.
func answers(method, suffix string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.HasSuffix(r.URL.Path, suffix) }
}

func status(code int) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
}

func canceled(srv *cbctest.Server) int {
	n := 0
	for _, j := range srv.SearchJobs() {
		if j.Canceled {
			n++
		}
	}
	return n
}

// starter lets a test change each query on its way.
type starter func(context.Context, cbc.ProcessQuery) (*cbc.SearchJob, error)

func (f starter) Start(ctx context.Context, q cbc.ProcessQuery) (*cbc.SearchJob, error) {
	return f(ctx, q)
}
