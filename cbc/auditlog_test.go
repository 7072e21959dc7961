package cbc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const (
	opAudit = "POST /audit_log/v1/orgs/{org_key}/logs/_search"
	opQueue = "GET /audit_log/v1/orgs/{org_key}/logs/_queue"
)

// audited is a world with n entries, one an hour, the newest last.
func audited(n int) cbctest.World {
	world := cbctest.World{}
	for i := range n {
		world.Audit = append(world.Audit, cbctest.AuditEntry{
			Actor: []string{"pat@corp.example", "A1B2C3D4E5"}[i%2], Description: fmt.Sprintf("did %d", i), Flagged: i%3 == 0,
			Created: time.Now().Add(-time.Duration(n-i) * time.Hour),
		})
	}
	return world
}

func deeds(entries []cbc.AuditEntry) string {
	var all []string
	for _, e := range entries {
		all = append(all, strings.TrimPrefix(e.Description, "did "))
	}
	return strings.Join(all, " ")
}

func TestAuditSearch(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(audited(6)).Client())
	for _, tt := range []struct {
		name  string
		query cbc.AuditQuery
		want  string
	}{
		{"everything, the oldest first", cbc.AuditQuery{}, "0 1 2 3 4 5"},
		{"page by page", cbc.AuditQuery{Rows: 4}, "0 1 2 3 4 5"},
		{"the newest first", cbc.AuditQuery{Sort: []cbc.Sort{{Field: "create_time", Descending: true}}}, "5 4 3 2 1 0"},
		{"of an actor", cbc.AuditQuery{Actors: []string{"pat@corp.example"}}, "0 2 4"},
		{"flagged", cbc.AuditQuery{Flagged: new(true)}, "0 3"},
		{"not flagged, of an actor", cbc.AuditQuery{Flagged: new(false), Actors: []string{"A1B2C3D4E5"}}, "1 5"},
		{"lately", cbc.AuditQuery{Window: 150 * time.Minute}, "4 5"},
		{"in a span", cbc.AuditQuery{Start: time.Now().Add(-330 * time.Minute), End: time.Now().Add(-150 * time.Minute)}, "1 2 3"},
		{"by words, without an actor", cbc.AuditQuery{Query: cbc.Field("description").AnyOf("did 3", "did 4"), Exclusions: map[string][]string{"actor": {"A1B2C3D4E5"}}}, "4"},
		{"by another field", cbc.AuditQuery{Criteria: map[string][]string{"description": {"did 2"}}}, "2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			entries, err := gather(client.AuditLog.Search(t.Context(), tt.query))
			if err != nil || deeds(entries) != tt.want {
				t.Errorf("Search = %s, %v, want %s", deeds(entries), err, tt.want)
			}
		})
	}
}

func TestAuditSearchReachesTenThousand(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opAudit: capped(`{"description":"did %d"}`, 4000, 4000, 2000)})
	entries, err := gather(client.AuditLog.Search(t.Context(), cbc.AuditQuery{Rows: 4000}))
	if len(entries) != 10_000 || !errors.Is(err, cbc.ErrTruncated) {
		t.Errorf("Search yields %d entries, %v, want 10,000 and ErrTruncated", len(entries), err)
	}
}

func TestAuditSendsWhatItSays(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opAudit: {`{"results":[],"num_found":0}`}})
	query := cbc.AuditQuery{
		Actors: []string{"a"}, ActorIPs: []string{"192.0.2.1"}, Verbose: new(false), Criteria: map[string][]string{"description": {"d"}},
		Exclusions: map[string][]string{"actor": {"b"}}, Query: cbc.Field("x").AnyOf("1"), Window: 5 * 24 * time.Hour,
	}
	if _, err := gather(client.AuditLog.Search(t.Context(), query)); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(srv.Requests()[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"criteria": map[string]any{
			"actor": []any{"a"}, "actor_ip": []any{"192.0.2.1"}, "verbose": false, "description": []any{"d"}, "create_time": map[string]any{"range": "-5d"},
		},
		"exclusions": map[string]any{"actor": []any{"b"}}, "query": "x:1", "rows": 1000.0, "start": 0.0,
		"sort": []any{map[string]any{"field": "create_time", "order": "ASC"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Search sent (-want +got):\n%s", diff)
	}
}

func TestAuditRefusesBeforeItSends(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(audited(1))
	l := connect(t, srv.Client()).AuditLog
	for name, query := range map[string]cbc.AuditQuery{
		"an empty actor":                   {Actors: []string{""}},
		"an empty address":                 {ActorIPs: []string{""}},
		"a field twice":                    {Actors: []string{"a"}, Criteria: map[string][]string{"actor": {"b"}}},
		"the time as text":                 {Criteria: map[string][]string{"create_time": {"b"}}},
		"an empty criterion":               {Criteria: map[string][]string{"a": nil}},
		"an empty exclusion":               {Exclusions: map[string][]string{"a": nil}},
		"an expression that only excludes": {Query: cbc.Not(cbc.Field("a").AnyOf("1"))},
		"half a span":                      {End: time.Now()},
		"a window of half a second":        {Window: time.Second / 2},
		"an order by no field":             {Sort: []cbc.Sort{{}}},
	} {
		if _, err := gather(l.Search(t.Context(), query)); err == nil {
			t.Errorf("Search with %s has no error", name)
		}
		if job, err := l.Export(t.Context(), query, cbc.AuditCSV); err == nil {
			t.Errorf("Export with %s = %v", name, job)
		}
	}
	if _, err := gather(l.Search(t.Context(), cbc.AuditQuery{Rows: 10_001})); err == nil {
		t.Error("Search of too many rows has no error")
	}
	if job, err := l.Export(t.Context(), cbc.AuditQuery{Rows: 1}, cbc.AuditCSV); err == nil {
		t.Errorf("Export with rows = %v", job)
	}
	if job, err := l.Export(t.Context(), cbc.AuditQuery{}, ""); err == nil {
		t.Errorf("Export in no format = %v", job)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestAuditExport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := connect(t, cbctest.New(audited(4)).Client())
		for format, want := range map[cbc.AuditFormat]string{cbc.AuditCSV: "did 2", cbc.AuditJSON: `"did 2"`} {
			job, err := client.AuditLog.Export(t.Context(), cbc.AuditQuery{Actors: []string{"pat@corp.example"}}, format)
			if err != nil {
				t.Fatal(err)
			}
			file, err := job.Download(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(file)
			if err := errors.Join(err, file.Close()); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), want) || strings.Contains(string(text), "did 1") {
				t.Errorf("the file in %s is %s", format, text)
			}
		}
	})
	client, _ := scripted(t, map[string][]string{"POST /audit_log/v1/orgs/{org_key}/logs/_export": {`{}`}})
	if job, err := client.AuditLog.Export(t.Context(), cbc.AuditQuery{}, cbc.AuditCSV); err == nil {
		t.Errorf("Export without a job_id = %v", job)
	}
}

func TestAuditQueue(t *testing.T) {
	t.Parallel()
	world := audited(5)
	world.Switches.Audit = cbctest.AuditSwitches{QueueSize: 3, Silent: true}
	l := connect(t, cbctest.New(world).Client()).AuditLog
	for _, want := range []string{"0 1 2", "3 4", ""} {
		entries, err := l.Queue(t.Context())
		if err != nil || deeds(entries) != want {
			t.Errorf("Queue = %s, %v, want %s", deeds(entries), err, want)
		}
		for _, e := range entries {
			if e.Time.IsZero() || e.Actor == "" || len(e.Raw) == 0 {
				t.Errorf("an entry without time, actor or raw text: %+v", e)
			}
		}
	}
}

func TestAuditQueueIsNotReadTwice(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]int{http.StatusBadGateway: 1, http.StatusServiceUnavailable: 1, http.StatusTooManyRequests: 2} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(audited(1))
				srv.FailNext(1, status)
				entries, err := connect(t, srv.Client()).AuditLog.Queue(t.Context())
				if n := count(operations(srv), opQueue); n != want || (err == nil) != (want == 2) {
					t.Errorf("Queue = %s, %v after %d calls, want %d", deeds(entries), err, n, want)
				}
			})
		})
	}
}

func TestAuditQueueLosesNothingItCannotRead(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opQueue: {`{"results":[{"description":"did 0"},{"actor":"x"},7,{"description":"did 1"}]}`}})
	entries, err := client.AuditLog.Queue(t.Context())
	incomplete, ok := errors.AsType[*cbc.IncompleteError](err)
	if !ok || incomplete.Unreadable != 2 || len(entries) != 4 || string(entries[1].Raw) != `{"actor":"x"}` || string(entries[2].Raw) != "7" || entries[3].Description != "did 1" {
		t.Errorf("Queue = %+v, %v, want all four entries, two of them raw", entries, err)
	}
	client, _ = scripted(t, map[string][]string{opQueue: {`{"num_found":1}`}})
	if entries, err := client.AuditLog.Queue(t.Context()); err == nil {
		t.Errorf("Queue without results = %+v", entries)
	}
}
