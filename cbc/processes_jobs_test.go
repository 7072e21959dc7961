package cbc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// family is a world with a process, its parent, its children and a sibling.
func family(sw cbctest.SearchSwitches) cbctest.World {
	return cbctest.World{
		Switches: cbctest.Switches{Search: sw},
		Devices:  []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		Processes: []cbctest.Process{
			{GUID: "MAIL", DeviceID: 7, PIDs: []int64{1}, Name: `c:\office\outlook.exe`},
			{GUID: "EVIL", DeviceID: 7, PIDs: []int64{2}, Name: `c:\temp\invoice.exe`, ParentGUID: "MAIL", Hashes: []string{evil}},
			{GUID: "SHELL", DeviceID: 7, PIDs: []int64{3}, Name: `c:\windows\cmd.exe`, ParentGUID: "EVIL"},
			{GUID: "WHO", DeviceID: 7, PIDs: []int64{4}, Name: `c:\windows\whoami.exe`, ParentGUID: "SHELL"},
			{GUID: "WORD", DeviceID: 7, PIDs: []int64{5}, Name: `c:\office\winword.exe`, ParentGUID: "MAIL"},
		},
	}
}

func TestProcessFacets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := connect(t, cbctest.New(fleet(3, cbctest.SearchSwitches{})).Client())
		began := time.Now()
		query := cbc.FacetQuery{Query: cbc.Field("process_hash").SHA256(hash(t, evil)), Terms: []string{"device_name", "process_hash"}, Values: 10}
		facets, err := client.Processes.Facets(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		wait(t, began, 900*time.Millisecond, 1400*time.Millisecond)
		counts := map[string]int64{}
		for _, facet := range facets.Terms {
			for _, v := range facet.Values {
				counts[facet.Field+" "+v.ID] += v.Total
			}
		}
		want := map[string]int64{
			"device_name lap-1001": 1, "device_name lap-1002": 1, "device_name lap-1003": 1,
			"process_hash " + evil: 3, "process_hash " + strings.Repeat("a", 32): 3,
		}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("Facets mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestProcessFacetsInBuckets(t *testing.T) {
	t.Parallel()
	world := fleet(3, cbctest.SearchSwitches{StartDelay: time.Millisecond, Duration: 2 * time.Millisecond})
	now := time.Now().UTC().Truncate(24 * time.Hour)
	for i := range world.Processes {
		world.Processes[i].Time = now.Add(-time.Duration(i) * 24 * time.Hour).Add(-time.Hour)
	}
	client := connect(t, cbctest.New(world).Client())
	facets, err := client.Processes.Facets(t.Context(), cbc.FacetQuery{
		Criteria: map[string][]string{"process_hash": {evil}},
		Ranges:   []cbc.FacetRange{cbc.TimeBuckets("device_timestamp", now.AddDate(0, 0, -7), now, 24*time.Hour), cbc.NumberBuckets("device_id", 1000, 1004, 2)},
	})
	if err != nil || len(facets.Ranges) != 2 {
		t.Fatalf("Facets = %+v, %v, want two ranges", facets, err)
	}
	var days []string
	for _, b := range facets.Ranges[0].Buckets {
		at, ok := b.Time()
		if b.Total > 0 {
			days = append(days, fmt.Sprint(ok, int(now.Sub(at)/(24*time.Hour)), b.Total))
		}
	}
	if diff := cmp.Diff([]string{"true 3 1", "true 2 1", "true 1 1"}, days); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
	numbers := map[string]int64{}
	for _, b := range facets.Ranges[1].Buckets {
		if b.Total > 0 {
			numbers[b.Name] = b.Total
		}
	}
	if diff := cmp.Diff(map[string]int64{"1000": 1, "1002": 2}, numbers); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

func TestProcessFacetsSendWhatTheySay(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{"POST /api/investigate/v2/orgs/{org_key}/processes/facet_jobs": {`{"job_id":"f"}`}})
	start := time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)
	job, err := client.Processes.StartFacets(t.Context(), cbc.FacetQuery{
		Query: cbc.Not(cbc.Field("a").AnyOf("1")), Window: time.Hour, Terms: []string{"device_id"}, Values: 5,
		Ranges: []cbc.FacetRange{cbc.TimeBuckets("t", start, start.Add(time.Hour), 90*time.Second), cbc.NumberBuckets("n", -1, 5, 2)},
	})
	if err != nil || job.ID != "f" {
		t.Fatalf("StartFacets = %+v, %v", job, err)
	}
	var got map[string]any
	if err := json.Unmarshal(srv.Requests()[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"query": "process_guid:* AND NOT a:1", "time_range": map[string]any{"window": "-1h"},
		"terms": map[string]any{"fields": []any{"device_id"}, "rows": 5.0},
		"ranges": []any{
			map[string]any{"field": "t", "start": "2025-02-01T00:00:00.000Z", "end": "2025-02-01T01:00:00.000Z", "bucket_size": "+90SECOND"},
			map[string]any{"field": "n", "start": -1.0, "end": 5.0, "bucket_size": 2.0},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("StartFacets sent (-want +got):\n%s", diff)
	}
}

func TestFacetsRefuseBeforeTheySend(t *testing.T) {
	t.Parallel()
	good := cbc.Field("a").AnyOf("1")
	now := time.Now()
	for name, query := range map[string]cbc.FacetQuery{
		"nothing to look for":       {Terms: []string{"a"}},
		"nothing to count":          {Query: good},
		"a field that is none":      {Query: good, Terms: []string{"a b"}},
		"a number below zero":       {Query: good, Terms: []string{"a"}, Values: -1},
		"a range of no field":       {Query: good, Ranges: []cbc.FacetRange{{}}},
		"times backwards":           {Query: good, Ranges: []cbc.FacetRange{cbc.TimeBuckets("t", now, now, time.Hour)}},
		"times of one millisecond":  {Query: good, Ranges: []cbc.FacetRange{cbc.TimeBuckets("t", time.UnixMilli(1), time.UnixMilli(1).Add(time.Microsecond), time.Hour)}},
		"buckets of half a second":  {Query: good, Ranges: []cbc.FacetRange{cbc.TimeBuckets("t", now, now.Add(time.Hour), time.Second/2)}},
		"buckets of nothing":        {Query: good, Ranges: []cbc.FacetRange{cbc.NumberBuckets("n", 1, 2, 0)}},
		"numbers backwards":         {Query: good, Ranges: []cbc.FacetRange{cbc.NumberBuckets("n", 2, 1, 1)}},
		"a window and a start":      {Query: good, Terms: []string{"a"}, Window: time.Hour, Start: now, End: now.Add(time.Hour)},
		"a criterion without value": {Criteria: map[string][]string{"a": nil}, Terms: []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(cbctest.World{})
			if job, err := connect(t, srv.Client()).Processes.StartFacets(t.Context(), query); err == nil || len(srv.Requests()) != 0 {
				t.Errorf("StartFacets = %v, %v after %d requests, want an error and no request", job, err, len(srv.Requests()))
			}
		})
	}
}

// TestJobsEnd shows that the other jobs end like searches do.
func TestJobsEnd(t *testing.T) {
	t.Parallel()
	// known passes over a process that is not found, which a complete job can say as well.
	known := func(err error) error {
		if errors.Is(err, cbc.ErrNotFound) {
			return nil
		}
		return err
	}
	for _, tt := range []struct {
		name     string
		switches cbctest.SearchSwitches
		took     time.Duration
		complete bool
		text     string
	}{
		{"in time", cbctest.SearchSwitches{}, time.Second, true, ""},
		{"more completed than contacted", cbctest.SearchSwitches{Overrun: true}, time.Second, true, ""},
		{"one searcher short", cbctest.SearchSwitches{StuckOneShort: true}, 3 * time.Minute, false, "one of 24 searchers"},
		{"no data", cbctest.SearchSwitches{NoData: true}, time.Second / 2, true, ""},
		{"half of them missing", cbctest.SearchSwitches{StuckHalfway: true}, 3 * time.Minute, false, "12 of 24 searchers"},
		{"never begun", cbctest.SearchSwitches{NeverStarts: true}, 3 * time.Minute, false, "0 of 0 searchers"},
	} {
		for kind, run := range map[string]func(*testing.T, *cbc.Client) error{
			"facets": func(t *testing.T, c *cbc.Client) error {
				_, err := c.Processes.Facets(t.Context(), cbc.FacetQuery{Query: cbc.Field("process_guid").Exists(), Terms: []string{"device_id"}})
				return err
			},
			"details": func(t *testing.T, c *cbc.Client) error {
				_, err := collect(c.Processes.Details(t.Context(), "EVIL"))
				return known(err)
			},
			"summary": func(t *testing.T, c *cbc.Client) error {
				_, err := c.Processes.Summary(t.Context(), "EVIL")
				return known(err)
			},
			"tree": func(t *testing.T, c *cbc.Client) error {
				_, err := c.Processes.Tree(t.Context(), "EVIL")
				return known(err)
			},
		} {
			t.Run(tt.name+": "+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					client := connect(t, cbctest.New(family(tt.switches)).Client())
					began := time.Now()
					err := run(t, client)
					wait(t, began, tt.took-200*time.Millisecond, tt.took+time.Second)
					switch {
					case tt.complete && err != nil:
						t.Errorf("error %v, want none", err)
					case !tt.complete && (!errors.Is(err, cbc.ErrIncomplete) || !strings.Contains(err.Error(), tt.text)):
						t.Errorf("error %v, want an IncompleteError that says %q", err, tt.text)
					}
				})
			})
		}
	}
}

func TestProcessDetails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(family(cbctest.SearchSwitches{}))
		client := connect(t, srv.Client())
		var names []string
		var last error
		for p, err := range client.Processes.Details(t.Context(), "EVIL", "GONE", "EVIL", "MAIL") {
			if err != nil {
				last = err
				continue
			}
			if h, ok := p.SHA256(); p.GUID == "EVIL" && (!ok || h != hash(t, evil)) {
				t.Errorf("SHA256 of %s = %x, %v", p.GUID, h, ok)
			}
			names = append(names, p.Name)
		}
		if diff := cmp.Diff([]string{`c:\temp\invoice.exe`, `c:\office\outlook.exe`}, names); diff != "" {
			t.Errorf("Details (-want +got):\n%s", diff)
		}
		if !errors.Is(last, cbc.ErrNotFound) || last.Error() != "cbc: processes.details: process GUID GONE: not found" {
			t.Errorf("Details ends with %v, want ErrNotFound that names GONE", last)
		}
		if _, err := collect(client.Processes.Details(t.Context(), "MAIL", "WORD")); err != nil {
			t.Errorf("Details = %v", err)
		}
	})
}

func TestProcessDetailsRefuse(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(family(cbctest.SearchSwitches{}))
	client := connect(t, srv.Client())
	for _, guids := range [][]cbc.ProcessGUID{nil, {""}, {"EVIL", " "}} {
		if _, err := collect(client.Processes.Details(t.Context(), guids...)); err == nil {
			t.Errorf("Details(%q) has no error", guids)
		}
		if job, err := client.Processes.StartDetails(t.Context(), guids...); err == nil {
			t.Errorf("StartDetails(%q) = %v", guids, job)
		}
	}
	if _, err := client.Processes.StartSummary(t.Context(), cbc.SummaryQuery{}); err == nil {
		t.Error("StartSummary of nothing has no error")
	}
	if _, err := client.Processes.StartSummary(t.Context(), cbc.SummaryQuery{GUID: "EVIL", Start: time.Now()}); err == nil {
		t.Error("StartSummary with half a span has no error")
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestManyDetailsAreAskedForInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(fleet(205, cbctest.SearchSwitches{}))
		var ask []cbc.ProcessGUID
		for i := range 205 {
			ask = append(ask, cbc.ProcessGUID(fmt.Sprintf("G-%d", 1001+i)))
		}
		guids, err := collect(connect(t, srv.Client()).Processes.Details(t.Context(), ask...))
		if err != nil || len(guids) != 205 {
			t.Errorf("Details yields %d rows, %v, want 205", len(guids), err)
		}
		if n := count(operations(srv), "POST /api/investigate/v2/orgs/{org_key}/processes/detail_jobs"); n != 3 {
			t.Errorf("%d jobs, want 3", n)
		}
	})
}

func TestSummaryAndTree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(family(cbctest.SearchSwitches{}))
		started, err := connect(t, srv.Client()).Processes.StartSummary(t.Context(), cbc.SummaryQuery{GUID: "EVIL", ParentGUID: "MAIL", Window: time.Hour * 24})
		if err != nil {
			t.Fatal(err)
		}
		job := connect(t, srv.Client()).Processes.SummaryJob(started.ID)
		status, err := job.Wait(t.Context())
		if err != nil || !status.Finished {
			t.Errorf("Wait = %+v, %v", status, err)
		}
		summary, err := job.Summary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{"process": {string(summary.Process.GUID)}, "parent": {string(summary.Parent.GUID)}}
		for _, n := range summary.Children {
			got["children"] = append(got["children"], string(n.GUID))
		}
		for _, n := range summary.Siblings {
			got["siblings"] = append(got["siblings"], string(n.GUID))
		}
		want := map[string][]string{"process": {"EVIL"}, "parent": {"MAIL"}, "children": {"SHELL"}, "siblings": {"WORD"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Summary (-want +got):\n%s", diff)
		}
		tree, err := job.Tree(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for depth, n := range tree.Walk() {
			lines = append(lines, fmt.Sprint(depth, " ", n.GUID))
		}
		if diff := cmp.Diff([]string{"0 EVIL", "1 SHELL", "2 WHO"}, lines); diff != "" {
			t.Errorf("Tree (-want +got):\n%s", diff)
		}
	})
}

func TestSummaryOfAnUnknownProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := connect(t, cbctest.New(family(cbctest.SearchSwitches{})).Client())
		if summary, err := client.Processes.Summary(t.Context(), "GONE"); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Summary = %+v, %v, want ErrNotFound", summary, err)
		}
		if tree, err := client.Processes.Tree(t.Context(), "GONE"); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Tree = %+v, %v, want ErrNotFound", tree, err)
		}
	})
}

func TestSummaryWithAnException(t *testing.T) {
	t.Parallel()
	const results = "GET /api/investigate/v2/orgs/{org_key}/processes/summary_jobs/{job_id}/results"
	client, _ := scripted(t, map[string][]string{results: {`{"exception":"TOO_LARGE","summary":{},"contacted":1,"completed":1}`}})
	_, err := client.Processes.SummaryJob("s").Summary(t.Context())
	if e, ok := errors.AsType[*cbc.APIError](err); !ok || e.Code != "TOO_LARGE" {
		t.Errorf("Summary = %v, want an APIError with the exception", err)
	}
	client, _ = scripted(t, map[string][]string{results: {`{"summary":{},"contacted":1,"completed":1}`}})
	if _, err := client.Processes.SummaryJob("s").Summary(t.Context()); err == nil || errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Summary = %v, want an error about the answer", err)
	}
}

func TestSuggestAndLimits(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(family(cbctest.SearchSwitches{}))
	client := connect(t, srv.Client())
	fields, err := client.Processes.Suggest(t.Context(), "process_gu", 5)
	if err != nil || len(fields) != 1 || fields[0].Term != "process_guid" || fields[0].Weight <= 0 {
		t.Errorf("Suggest = %+v, %v, want process_guid", fields, err)
	}
	values, err := client.Processes.Suggest(t.Context(), "process_guid:EV", 0)
	if err != nil || len(values) != 1 || values[0].Term != "EVIL" {
		t.Errorf("Suggest = %+v, %v, want EVIL", values, err)
	}
	bounds, err := client.Processes.Limits(t.Context())
	if span := bounds.Newest.Sub(bounds.Oldest); err != nil || span < 24*time.Hour || span > 200*24*time.Hour {
		t.Errorf("Limits = %+v, %v, want some weeks", bounds, err)
	}
	before := len(srv.Requests())
	if _, err := client.Processes.Suggest(t.Context(), " ", 5); err == nil || len(srv.Requests()) != before {
		t.Errorf("Suggest of nothing = %v after a request", err)
	}
	if _, err := client.Processes.Suggest(t.Context(), "p", -1); err == nil || len(srv.Requests()) != before {
		t.Errorf("Suggest of less than nothing = %v after a request", err)
	}
	client, _ = scripted(t, map[string][]string{
		"GET /api/investigate/v1/orgs/{org_key}/processes/limits":             {`{"status_code":200,"time_bounds":{}}`},
		"GET /api/investigate/v2/orgs/{org_key}/processes/search_suggestions": {`{}`},
	})
	if bounds, err := client.Processes.Limits(t.Context()); err == nil {
		t.Errorf("Limits of an empty answer = %+v", bounds)
	}
	if list, err := client.Processes.Suggest(t.Context(), "p", 1); err == nil {
		t.Errorf("Suggest of an empty answer = %+v", list)
	}
}
