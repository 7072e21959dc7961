package cbc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const (
	opStart   = "POST /api/investigate/v2/orgs/{org_key}/processes/search_jobs"
	opResults = "GET /api/investigate/v2/orgs/{org_key}/processes/search_jobs/{job_id}/results"
	opCancel  = "DELETE /api/investigate/v1/orgs/{org_key}/processes/search_jobs/{job_id}"
	opJobs    = "GET /api/investigate/v1/orgs/{org_key}/processes/search_jobs"
)

// fleet is a world of n devices on each of which a file ran.
func fleet(n int, sw cbctest.SearchSwitches) cbctest.World {
	world := cbctest.World{Switches: cbctest.Switches{Search: sw}}
	for i := range int64(n) {
		id := 1001 + i
		world.Devices = append(world.Devices, cbctest.Device{ID: id, Name: fmt.Sprintf("LAP-%d", id)})
		world.Processes = append(world.Processes, cbctest.Process{
			GUID: fmt.Sprintf("G-%d", id), DeviceID: id, PIDs: []int64{id}, Name: `C:\Users\pat\Invoice.exe`, Hashes: []string{strings.Repeat("a", 32), evil},
		})
	}
	return world
}

func executed(t testing.TB) cbc.ProcessQuery {
	t.Helper()
	return cbc.ProcessQuery{Query: cbc.Field("process_hash").SHA256(hash(t, evil))}
}

// collect reads a search to its end.
func collect(seq func(func(cbc.Process, error) bool)) (guids []string, last error) {
	for p, err := range seq {
		if err != nil {
			return guids, err
		}
		guids = append(guids, string(p.GUID))
	}
	return guids, nil
}

func TestSearch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := fleet(3, cbctest.SearchSwitches{})
		world.Processes = append(world.Processes, cbctest.Process{
			GUID: "MAIL", DeviceID: 1001, Name: `c:\office\outlook.exe`, Hashes: []string{other}, Touched: map[string][]string{"filemod_hash": {evil}},
		})
		srv := cbctest.New(world)
		began := time.Now()
		client := connect(t, srv.Client())
		got := map[string]bool{}
		query := cbc.ProcessQuery{Query: cbc.Or(cbc.Field("process_hash").SHA256(hash(t, evil)), cbc.Field("hash").SHA256(hash(t, evil)))}
		for p, err := range client.Processes.Search(t.Context(), query) {
			if err != nil {
				t.Fatal(err)
			}
			got[string(p.GUID)] = p.HasSHA256(hash(t, evil))
			if p.DeviceID == 0 || p.Name == "" || len(p.Raw) == 0 {
				t.Errorf("a row without device, name or raw object: %+v", p)
			}
		}
		if diff := cmp.Diff(map[string]bool{"G-1001": true, "G-1002": true, "G-1003": true, "MAIL": false}, got); diff != "" {
			t.Errorf("Search mismatch (-want +got):\n%s", diff)
		}
		wait(t, began, 900*time.Millisecond, 1400*time.Millisecond)
		ops := operations(srv)
		if ops[0] != opStart || count(ops, opResults) > 5 || count(ops, opCancel) != 0 || len(ops) != 1+count(ops, opResults) {
			t.Errorf("it called %q, want one start, a few looks and nothing else", ops)
		}
		first := srv.Requests()[1]
		if waited := first.Time.Sub(began); waited < 300*time.Millisecond || waited > 310*time.Millisecond {
			t.Errorf("it looked for the first time after %v, want 300 ms", waited)
		}
	})
}

func TestSearchSendsWhatItSays(t *testing.T) {
	t.Parallel()
	start, end := time.Date(2025, 2, 1, 9, 0, 0, 0, time.FixedZone("", 3600)), time.Date(2025, 2, 11, 8, 30, 0, 5e8, time.UTC)
	fields := []any{"*", "process_cmdline", "process_start_time", "device_os", "device_policy"}
	for _, tt := range []struct {
		name  string
		query cbc.ProcessQuery
		want  map[string]any
	}{
		{"nothing but an expression", cbc.ProcessQuery{Query: cbc.Field("process_hash").AnyOf("aa")}, map[string]any{
			"query": "process_hash:aa", "rows": 10000.0, "start": 0.0, "fields": fields, "time_range": map[string]any{"window": "-2w"},
		}},
		{"criteria, a window, one row a process", cbc.ProcessQuery{
			Criteria: map[string][]string{"process_hash": {"aa", "bb"}}, Exclusions: map[string][]string{"enriched": {"true"}},
			Window: 36 * time.Hour, Rows: 7, Fields: []string{"process_guid"}, CollapseGUID: true,
		}, map[string]any{
			"criteria": map[string]any{"process_hash": []any{"aa", "bb"}}, "exclusions": map[string]any{"enriched": []any{"true"}},
			"rows": 7.0, "start": 0.0, "fields": []any{"process_guid"}, "time_range": map[string]any{"window": "-36h"}, "collapse_field": []any{"process_guid"},
		}},
		{"a start and an end", cbc.ProcessQuery{Query: cbc.Raw("a OR b"), Start: start, End: end}, map[string]any{
			"query": "a OR b", "rows": 10000.0, "start": 0.0, "fields": fields,
			"time_range": map[string]any{"start": "2025-02-01T08:00:00.000Z", "end": "2025-02-11T08:30:00.500Z"},
		}},
		{"a window of odd seconds", cbc.ProcessQuery{Query: cbc.Raw("a"), Window: 61 * time.Second}, map[string]any{
			"query": "a", "rows": 10000.0, "start": 0.0, "fields": fields, "time_range": map[string]any{"window": "-61s"},
		}},
		{"an order, whose fields are asked for", cbc.ProcessQuery{
			Query: cbc.Raw("a"), Sort: []cbc.Sort{{Field: "device_timestamp", Descending: true}, {Field: "device_policy"}},
		}, map[string]any{
			"query": "a", "rows": 10000.0, "start": 0.0, "fields": append(slices.Clone(fields), "device_timestamp"), "time_range": map[string]any{"window": "-2w"},
			"sort": []any{map[string]any{"field": "device_timestamp", "order": "DESC"}, map[string]any{"field": "device_policy", "order": "ASC"}},
		}},
		{"a window of days", cbc.ProcessQuery{Query: cbc.Raw("a"), Window: 72 * time.Hour}, map[string]any{
			"query": "a", "rows": 10000.0, "start": 0.0, "fields": fields, "time_range": map[string]any{"window": "-3d"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, srv := scripted(t, map[string][]string{opStart: {`{"job_id":"j-1-sqs"}`}})
			job, err := client.Processes.Start(t.Context(), tt.query)
			if err != nil || job.ID != "j-1-sqs" {
				t.Fatalf("Start = %v, %v", job, err)
			}
			var got map[string]any
			if err := json.Unmarshal(srv.Requests()[0].Body, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Start sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchRefusesBeforeItSends(t *testing.T) {
	t.Parallel()
	good := cbc.Field("process_hash").AnyOf("aa")
	now := time.Now()
	for _, tt := range []struct {
		name  string
		query cbc.ProcessQuery
	}{
		{"nothing to search for", cbc.ProcessQuery{}},
		{"a broken expression", cbc.ProcessQuery{Query: cbc.Field("x").AnyOf("")}},
		{"criteria that restrict nothing", cbc.ProcessQuery{Criteria: map[string][]string{"process_hash": {}}}},
		{"an empty criterion", cbc.ProcessQuery{Criteria: map[string][]string{"process_hash": {""}}}},
		{"a criterion that is no field", cbc.ProcessQuery{Criteria: map[string][]string{"process hash": {"a"}}}},
		{"an exclusion that excludes nothing", cbc.ProcessQuery{Query: good, Exclusions: map[string][]string{"enriched": nil}}},
		{"too many rows", cbc.ProcessQuery{Query: good, Rows: 10001}},
		{"rows below zero", cbc.ProcessQuery{Query: good, Rows: -1}},
		{"an order by no field", cbc.ProcessQuery{Query: good, Sort: []cbc.Sort{{}}}},
		{"a window backwards", cbc.ProcessQuery{Query: good, Window: -time.Hour}},
		{"a window of half a second", cbc.ProcessQuery{Query: good, Window: time.Second / 2}},
		{"a window with half a second", cbc.ProcessQuery{Query: good, Window: 3 * time.Second / 2}},
		{"a start without an end", cbc.ProcessQuery{Query: good, Start: now}},
		{"an end without a start", cbc.ProcessQuery{Query: good, End: now}},
		{"an end before its start", cbc.ProcessQuery{Query: good, Start: now, End: now.Add(-time.Hour)}},
		{"an empty span", cbc.ProcessQuery{Query: good, Start: now, End: now}},
		{"a window and a span", cbc.ProcessQuery{Query: good, Window: time.Hour, Start: now.Add(-time.Hour), End: now}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(cbctest.World{})
			guids, err := collect(connect(t, srv.Client()).Processes.Search(t.Context(), tt.query))
			if err == nil || len(guids) != 0 || len(srv.Requests()) != 0 {
				t.Errorf("Search = %v, %v after %d requests, want an error and no request", guids, err, len(srv.Requests()))
			}
		})
	}
}

func TestSearchPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(fleet(1203, cbctest.SearchSwitches{Scalars: true}))
		guids, err := collect(connect(t, srv.Client()).Processes.Search(t.Context(), executed(t)))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(guids)
		if len(slices.Compact(guids)) != 1203 {
			t.Errorf("Search yields %d processes, want 1203", len(slices.Compact(guids)))
		}
		starts := map[string]int{}
		for _, r := range srv.Requests() {
			if r.Operation == opResults {
				starts[r.Query.Get("start")+"+"+r.Query.Get("rows")]++
			}
		}
		if starts["500+500"] != 1 || starts["1000+500"] != 1 || len(starts) != 3 || starts["0+500"] > 5 {
			t.Errorf("it asked for %v, want each later page once and the first one with the look", starts)
		}
	})
}

func TestSearchAsksNothingBeforeItIsRanged(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(fleet(1, cbctest.SearchSwitches{}))
	client := connect(t, srv.Client())
	_ = client.Processes.Search(t.Context(), executed(t))
	_ = client.Processes.Job("j").Results(t.Context())
	_ = client.Devices.Search(t.Context(), cbc.DeviceQuery{})
	_ = client.Reputation.Search(t.Context(), cbc.OverrideQuery{})
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests before anything was ranged", n)
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	query := cbc.ProcessQuery{Query: cbc.Raw("a AND")}
	t.Run("a query that the vendor cannot read", func(t *testing.T) {
		t.Parallel()
		client, _ := scripted(t, map[string][]string{opStart: {`400 {"reason":"query_malformed_syntax","message":"unexpected end"}`}})
		if _, err := collect(client.Processes.Search(t.Context(), query)); !errors.Is(err, cbc.ErrQuerySyntax) {
			t.Errorf("Search = %v, want ErrQuerySyntax", err)
		}
	})
	t.Run("no job", func(t *testing.T) {
		t.Parallel()
		client, _ := scripted(t, map[string][]string{opStart: {`{}`}})
		if job, err := client.Processes.Start(t.Context(), query); err == nil {
			t.Errorf("Start = %v, want an error", job)
		}
	})
	t.Run("a gateway that stumbles is asked again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := cbctest.New(fleet(1, cbctest.SearchSwitches{}))
			srv.FailNext(2, http.StatusBadGateway)
			if guids, err := collect(connect(t, srv.Client()).Processes.Search(t.Context(), executed(t))); err != nil || len(guids) != 1 {
				t.Errorf("Search = %v, %v", guids, err)
			}
		})
	})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{})
	client := connect(t, srv.Client())
	if err := client.Processes.Validate(t.Context(), cbc.Raw("process_name:a.exe AND NOT enriched:true")); err != nil {
		t.Errorf("Validate = %v", err)
	}
	if err := client.Processes.Validate(t.Context(), cbc.Raw("process_name:a.exe AND")); !errors.Is(err, cbc.ErrQuerySyntax) {
		t.Errorf("Validate of half an expression = %v, want ErrQuerySyntax", err)
	}
	if err := client.Processes.Validate(t.Context(), cbc.Raw("(")); err == nil || len(srv.Requests()) != 2 {
		t.Errorf("Validate = %v after %d calls, want an error and no call", err, len(srv.Requests()))
	}
	client, _ = scripted(t, map[string][]string{"POST /api/investigate/v2/orgs/{org_key}/processes/search_validation": {`{}`}})
	if err := client.Processes.Validate(t.Context(), cbc.Raw("a")); err == nil || errors.Is(err, cbc.ErrQuerySyntax) {
		t.Errorf("Validate = %v, want an error about the answer", err)
	}
}

func TestSearchIsSorted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := connect(t, cbctest.New(fleet(3, cbctest.SearchSwitches{})).Client())
		query := executed(t)
		query.Sort = []cbc.Sort{{Field: "device_id", Descending: true}}
		guids, err := collect(client.Processes.Search(t.Context(), query))
		if diff := cmp.Diff([]string{"G-1003", "G-1002", "G-1001"}, guids); err != nil || diff != "" {
			t.Errorf("Search = %v (-want +got):\n%s", err, diff)
		}
	})
}
