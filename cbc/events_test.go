package cbc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const (
	opEvents      = "POST /api/investigate/v2/orgs/{org_key}/events/{process_guid}/_search"
	opEventFacets = "POST /api/investigate/v2/orgs/{org_key}/events/{process_guid}/_facet"
)

// busy is a world with a process that wrote n files and loaded one module.
func busy(n int) cbctest.World {
	p := cbctest.Process{GUID: "BUSY", DeviceID: 7, PIDs: []int64{412}, Time: time.Now().Add(-time.Minute)}
	for i := range n {
		p.Events = append(p.Events, cbctest.Event{
			Type: "filemod", Time: p.Time.Add(-time.Duration(n-i) * time.Second), Name: fmt.Sprintf(`c:\f-%d`, i), SHA256: evil, Actions: []string{"ACTION_FILE_CREATE"},
		})
	}
	p.Events = append(p.Events, cbctest.Event{Type: "modload", Time: p.Time, Name: `c:\a.dll`, Actions: []string{"ACTION_LOAD_MODULE"}})
	return cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}, Processes: []cbctest.Process{p}}
}

// gather reads a sequence to its end.
func gather[T any](seq iter.Seq2[T, error]) (all []T, last error) {
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(busy(3))
		client := connect(t, srv.Client())
		began := time.Now()
		events, err := gather(client.Processes.Events(t.Context(), "BUSY", cbc.EventQuery{}))
		if err != nil {
			t.Fatal(err)
		}
		wait(t, began, time.Second, 3*time.Second)
		var got []string
		for _, e := range events {
			switch d := e.Detail.(type) {
			case cbc.FileMod:
				got = append(got, fmt.Sprint("wrote ", d.Path, " ", d.SHA256 == hash(t, evil), " ", d.Actions))
			case cbc.ModLoad:
				got = append(got, fmt.Sprint("loaded ", d.Path, " ", d.Actions))
			default:
				t.Errorf("an event of another type: %+v", e)
			}
			if e.ProcessGUID != "BUSY" || e.ProcessPID != 412 || e.Time.IsZero() || len(e.Raw) == 0 {
				t.Errorf("an event without its process, time or raw text: %+v", e)
			}
		}
		want := []string{
			`wrote c:\f-0 true [ACTION_FILE_CREATE]`, `wrote c:\f-1 true [ACTION_FILE_CREATE]`, `wrote c:\f-2 true [ACTION_FILE_CREATE]`,
			`loaded c:\a.dll [ACTION_LOAD_MODULE]`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Events (-want +got):\n%s", diff)
		}
		some, err := gather(client.Processes.Events(t.Context(), "BUSY", cbc.EventQuery{Query: cbc.Field("modload_name").AnyOf(`c:\a.dll`)}))
		if err != nil || len(some) != 1 || some[0].Type != "modload" {
			t.Errorf("Events that load a module = %+v, %v", some, err)
		}
		none, err := gather(client.Processes.Events(t.Context(), "GONE", cbc.EventQuery{}))
		if err != nil || len(none) != 0 {
			t.Errorf("Events of a process that is not there = %+v, %v, want none", none, err)
		}
	})
}

func TestEventsPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		events, err := gather(connect(t, cbctest.New(busy(1203)).Client()).Processes.Events(t.Context(), "BUSY", cbc.EventQuery{}))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, e := range events {
			seen[e.GUID] = true
		}
		if len(events) != 1204 || len(seen) != 1204 {
			t.Errorf("%d events, %d different ones, want 1204", len(events), len(seen))
		}
	})
}

func TestEventsSendWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		query cbc.EventQuery
		want  map[string]any
	}{
		{"nothing", cbc.EventQuery{}, map[string]any{
			"query": "event_type:*", "rows": 500.0, "start": 0.0, "fields": []any{"*", "event_timestamp"}, "time_range": map[string]any{"window": "-180d"},
			"sort": []any{map[string]any{"field": "event_timestamp", "order": "ASC"}},
		}},
		{"everything", cbc.EventQuery{
			Query: cbc.Not(cbc.Field("event_type").AnyOf("modload")), Exclusions: map[string][]string{"event_type": {"netconn"}}, Window: time.Hour,
			Fields: []string{"event_type"}, Sort: []cbc.Sort{{Field: "backend_timestamp", Descending: true}},
		}, map[string]any{
			"query": "event_type:* AND NOT event_type:modload", "exclusions": map[string]any{"event_type": []any{"netconn"}}, "rows": 500.0, "start": 0.0,
			"fields": []any{"event_type", "backend_timestamp"}, "time_range": map[string]any{"window": "-1h"},
			"sort": []any{map[string]any{"field": "backend_timestamp", "order": "DESC"}},
		}},
		{"criteria alone", cbc.EventQuery{Criteria: map[string][]string{"event_type": {"filemod"}}}, map[string]any{
			"criteria": map[string]any{"event_type": []any{"filemod"}}, "rows": 500.0, "start": 0.0, "fields": []any{"*", "event_timestamp"},
			"time_range": map[string]any{"window": "-180d"}, "sort": []any{map[string]any{"field": "event_timestamp", "order": "ASC"}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, srv := scripted(t, map[string][]string{opEvents: {`{"results":[],"num_found":0,"num_available":0}`}})
			if events, err := gather(client.Processes.Events(t.Context(), "G", tt.query)); err != nil || len(events) != 0 {
				t.Fatalf("Events = %v, %v", events, err)
			}
			var got map[string]any
			if err := json.Unmarshal(srv.Requests()[0].Body, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Events sent (-want +got):\n%s", diff)
			}
		})
	}
}

// segment is an answer of a search that has come so far.
func segment(processed, total, available int, rows ...string) string {
	return fmt.Sprintf(`{"results":[%s],"num_found":%d,"num_available":%d,"total_segments":%d,"processed_segments":%d}`,
		strings.Join(rows, ","), available, available, total, processed)
}

func TestEventSegments(t *testing.T) {
	t.Parallel()
	one, two := `{"event_type":"regmod","event_guid":"1"}`, `{"event_type":"regmod","event_guid":"2"}`
	for _, tt := range []struct {
		name    string
		answers []string
		events  int
		took    time.Duration
		want    string // empty: no error
	}{
		{"all at once", []string{segment(4, 4, 1, one)}, 1, 0, ""},
		{"none of none", []string{segment(0, 0, 0)}, 0, 0, ""},
		{"more than there are", []string{segment(5, 4, 1, one)}, 1, 0, ""},
		{"in four steps", []string{segment(1, 4, 0), segment(2, 4, 1, one), segment(3, 4, 1, one), segment(4, 4, 2, one, two)}, 2, 3 * time.Second, ""},
		{"never all", []string{segment(0, 4, 0), segment(3, 4, 1, one)}, 1, 11 * time.Second, "3 of 4 segments searched, 1 rows available): no further segment in 10 tries"},
		{"a later page lags", []string{segment(4, 4, 2, one), segment(3, 4, 2), segment(4, 4, 2, two)}, 2, time.Second, ""},
		{"more than can be read", []string{`{"results":[` + one + `],"num_found":7,"num_available":1,"total_segments":1,"processed_segments":1}`}, 1, 0, "more was found"},
		{"an event that cannot be read", []string{segment(1, 1, 2, one, `{}`)}, 1, 0, "1 rows could not be read"},
		{"the same page twice", []string{segment(1, 1, 3, one)}, 1, 0, "the same page came twice"},
		{"a refusal", []string{`403 {"message":"no"}`}, 0, 0, "403 Forbidden"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, _ := scripted(t, map[string][]string{opEvents: tt.answers})
				began := time.Now()
				events, err := gather(client.Processes.Events(t.Context(), "G", cbc.EventQuery{}))
				if len(events) != tt.events {
					t.Errorf("%d events, want %d", len(events), tt.events)
				}
				wait(t, began, tt.took, tt.took+100*time.Millisecond)
				switch {
				case tt.want == "" && err != nil:
					t.Errorf("error %v, want none", err)
				case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
					t.Errorf("error %v, want one that says %q", err, tt.want)
				case tt.want == "more was found" && !errors.Is(err, cbc.ErrTruncated):
					t.Errorf("error %v, want ErrTruncated", err)
				}
			})
		})
	}
}

func TestEventsAreGivenUpWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, _ := scripted(t, map[string][]string{opEvents: {segment(1, 4, 0)}, opEventFacets: {segment(1, 4, 0)}})
		ctx, stop := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer stop()
		events, err := gather(client.Processes.Events(ctx, "G", cbc.EventQuery{}))
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cbc.ErrIncomplete) || len(events) != 0 {
			t.Errorf("Events = %v, %v, want an incomplete search and the context's error", events, err)
		}
		if facets, err := client.Processes.EventFacets(ctx, "G", cbc.FacetQuery{Terms: []string{"a"}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("EventFacets = %+v, %v, want the context's error", facets, err)
		}
	})
}

func TestEventsRefuseBeforeTheySend(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(busy(1))
	client := connect(t, srv.Client())
	for name, query := range map[string]cbc.EventQuery{
		"a broken expression":    {Query: cbc.Field("x").AnyOf("")},
		"an order by no field":   {Sort: []cbc.Sort{{}}},
		"half a span":            {Start: time.Now()},
		"an empty criterion":     {Criteria: map[string][]string{"a": nil}},
		"a window below nothing": {Window: -time.Second},
	} {
		if _, err := gather(client.Processes.Events(t.Context(), "BUSY", query)); err == nil {
			t.Errorf("Events with %s has no error", name)
		}
	}
	if _, err := gather(client.Processes.Events(t.Context(), "", cbc.EventQuery{})); err == nil {
		t.Error("Events of no process has no error")
	}
	if _, err := client.Processes.EventFacets(t.Context(), "BUSY", cbc.FacetQuery{}); err == nil {
		t.Error("EventFacets of nothing has no error")
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestEventFacets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := connect(t, cbctest.New(busy(5)).Client())
		facets, err := client.Processes.EventFacets(t.Context(), "BUSY", cbc.FacetQuery{Terms: []string{"event_type"}})
		if err != nil || len(facets.Terms) != 1 {
			t.Fatalf("EventFacets = %+v, %v", facets, err)
		}
		want := cbc.Facet{Field: "event_type", Values: []cbc.FacetValue{{ID: "filemod", Name: "filemod", Total: 5}, {ID: "modload", Name: "modload", Total: 1}}}
		if diff := cmp.Diff(want, facets.Terms[0]); diff != "" {
			t.Errorf("EventFacets (-want +got):\n%s", diff)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		client, _ := scripted(t, map[string][]string{opEventFacets: {`{"terms":[{"field":"a","values":[{"id":"x","total":1}]}],"num_found":1,"total_segments":4,"processed_segments":3}`}})
		facets, err := client.Processes.EventFacets(t.Context(), "G", cbc.FacetQuery{Terms: []string{"a"}})
		if !errors.Is(err, cbc.ErrIncomplete) || facets.Found != 1 {
			t.Errorf("EventFacets = %+v, %v, want what was counted, and that it is incomplete", facets, err)
		}
	})
}

func TestValidateEvents(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(busy(1)).Client())
	if err := client.Processes.ValidateEvents(t.Context(), cbc.Field("filemod_name").AnyOf("a.exe")); err != nil {
		t.Errorf("ValidateEvents = %v", err)
	}
	if err := client.Processes.ValidateEvents(t.Context(), cbc.Raw("filemod_name:a.exe AND")); !errors.Is(err, cbc.ErrQuerySyntax) {
		t.Errorf("ValidateEvents of half an expression = %v, want ErrQuerySyntax", err)
	}
}
