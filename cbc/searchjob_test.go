package cbc_test

import (
	"context"
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

// TestSearchEnds has one case for each way that a search can end.
func TestSearchEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		switches cbctest.SearchSwitches
		devices  int
		rows     int
		took     [2]time.Duration
		guids    int
		warnings int
		want     *cbc.Status // of the error; nil: none
		text     string
	}{
		{
			name: "one searcher short: finished after three minutes, with a warning", switches: cbctest.SearchSwitches{StuckOneShort: true, Searchers: 5},
			devices: 10, took: [2]time.Duration{3 * time.Minute, 3*time.Minute + time.Second}, guids: 8, warnings: 1,
			want: &cbc.Status{
				Contacted: 5, Completed: 4, Available: 8, Finished: true, Warnings: []string{"one of 5 searchers did not answer within 3m0s"},
			}, text: "one of 5 searchers did not answer within 3m0s",
		},
		{
			name: "half of them missing: incomplete, with what came", switches: cbctest.SearchSwitches{StuckHalfway: true, Searchers: 10},
			devices: 10, took: [2]time.Duration{3 * time.Minute, 3*time.Minute + time.Second}, guids: 5,
			want: &cbc.Status{Contacted: 10, Completed: 5, Available: 5}, text: "the search came to no end in 3m0s: 5 of 10 searchers answered, 5 rows available",
		},
		{
			name: "never begun: not finished, although 0 is 0", switches: cbctest.SearchSwitches{NeverStarts: true},
			devices: 10, took: [2]time.Duration{3 * time.Minute, 3*time.Minute + time.Second}, want: &cbc.Status{}, text: "0 of 0 searchers",
		},
		{
			name: "the vendor says that there is no data", switches: cbctest.SearchSwitches{NoData: true},
			devices: 10, took: [2]time.Duration{300 * time.Millisecond, time.Second},
		},
		{
			name: "more searchers completed than contacted", switches: cbctest.SearchSwitches{Overrun: true},
			devices: 10, took: [2]time.Duration{900 * time.Millisecond, 1400 * time.Millisecond}, guids: 10,
		},
		{
			name: "more found than kept", devices: 10, rows: 4, took: [2]time.Duration{900 * time.Millisecond, 1400 * time.Millisecond}, guids: 4,
			want: &cbc.Status{Contacted: 24, Completed: 24, Available: 4, Finished: true, Truncated: true}, text: "more was found than the rows that were to be kept",
		},
		{
			name: "as many found as kept", devices: 4, rows: 4, took: [2]time.Duration{900 * time.Millisecond, 1400 * time.Millisecond}, guids: 4,
		},
		{
			name: "a long search", switches: cbctest.SearchSwitches{Duration: 100 * time.Second}, devices: 3,
			took: [2]time.Duration{100 * time.Second, 135 * time.Second}, guids: 3,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(fleet(tt.devices, tt.switches))
				client := connect(t, srv.Client())
				query := executed(t)
				query.Rows = tt.rows
				began := time.Now()
				guids, err := collect(client.Processes.Search(t.Context(), query))
				wait(t, began, tt.took[0], tt.took[1])
				if len(guids) != tt.guids {
					t.Errorf("Search yields %d processes, want %d", len(guids), tt.guids)
				}
				if n := count(operations(srv), opResults); n > 45 {
					t.Errorf("it looked %d times", n)
				}
				incomplete, ok := errors.AsType[*cbc.IncompleteError](err)
				switch {
				case tt.want == nil && err != nil:
					t.Fatalf("Search = %v, want no error", err)
				case tt.want == nil:
				case !ok || !errors.Is(err, cbc.ErrIncomplete) || errors.Is(err, cbc.ErrTruncated) != tt.want.Truncated || !strings.Contains(err.Error(), tt.text):
					t.Fatalf("Search = %v, want an IncompleteError that says %q", err, tt.text)
				default:
					got := incomplete.Status
					got.Found, got.Aggregated = 0, 0
					if diff := cmp.Diff(*tt.want, got); diff != "" {
						t.Errorf("the status of the error (-want +got):\n%s", diff)
					}
				}
				job, err := client.Processes.Start(t.Context(), query)
				if err != nil {
					t.Fatal(err)
				}
				status, err := job.Wait(t.Context())
				if len(status.Warnings) != tt.warnings || status.Finished != (tt.want == nil || tt.want.Finished) || status.Finished != (err == nil) {
					t.Errorf("Wait = %+v, %v", status, err)
				}
			})
		})
	}
}

func TestSearchIsCancelledWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	t.Run("the loop stops", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := cbctest.New(fleet(3, cbctest.SearchSwitches{}))
			for _, err := range connect(t, srv.Client()).Processes.Search(t.Context(), executed(t)) {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			if ops := operations(srv); ops[len(ops)-1] != opCancel {
				t.Errorf("it called %q, want a cancellation last", ops)
			}
		})
	})
	t.Run("the context ends", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := cbctest.New(fleet(3, cbctest.SearchSwitches{Duration: time.Minute}))
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			began := time.Now()
			guids, err := collect(connect(t, srv.Client()).Processes.Search(ctx, executed(t)))
			wait(t, began, 20*time.Second, 20500*time.Millisecond)
			incomplete, ok := errors.AsType[*cbc.IncompleteError](err)
			if !ok || !errors.Is(err, context.DeadlineExceeded) || incomplete.Contacted == 0 || len(guids) != 0 {
				t.Errorf("Search = %v, %v, want an IncompleteError with numbers that is also the context's", guids, err)
			}
			if ops := operations(srv); ops[len(ops)-1] != opCancel {
				t.Errorf("it called %q, want a cancellation last", ops)
			}
		})
	})
	t.Run("the search fails", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := cbctest.New(fleet(3, cbctest.SearchSwitches{Lifetime: 500 * time.Millisecond}))
			_, err := collect(connect(t, srv.Client()).Processes.Search(t.Context(), executed(t)))
			if !errors.Is(err, cbc.ErrNotFound) {
				t.Errorf("Search = %v, want ErrNotFound for a job that vanished", err)
			}
			if ops := operations(srv); ops[len(ops)-1] != opCancel {
				t.Errorf("it called %q, want a cancellation last", ops)
			}
		})
	})
}

func TestJobIsPickedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(fleet(3, cbctest.SearchSwitches{Duration: 5 * time.Second}))
		started, err := connect(t, srv.Client()).Processes.Start(t.Context(), executed(t))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		client := connect(t, srv.Client())
		ids, err := client.Processes.Jobs(t.Context())
		if diff := cmp.Diff([]cbc.JobID{started.ID}, ids); err != nil || diff != "" {
			t.Fatalf("Jobs = %v, %v (-want +got):\n%s", ids, err, diff)
		}
		job := client.Processes.Job(ids[0])
		status, err := job.Status(t.Context())
		if err != nil || status.Finished || status.Contacted == 0 {
			t.Errorf("Status = %+v, %v, want a search under way", status, err)
		}
		before := time.Now()
		guids, err := collect(job.Results(t.Context()))
		if err != nil || len(guids) != 3 {
			t.Errorf("Results = %v, %v, want three", guids, err)
		}
		wait(t, before, 4*time.Second, 6*time.Second)
		before = time.Now()
		if status, err := job.Wait(t.Context()); err != nil || !status.Finished || time.Since(before) != 0 {
			t.Errorf("Wait = %+v, %v after %v, want what is known, at once", status, err, time.Since(before))
		}
		if err := job.Cancel(t.Context()); err != nil {
			t.Errorf("Cancel = %v", err)
		}
		if err := job.Cancel(t.Context()); err != nil {
			t.Errorf("Cancel of a search that is gone = %v, want no error", err)
		}
	})
}

// page is an answer of a finished search.
func page(available int, rows ...string) string {
	return fmt.Sprintf(`{"results":[%s],"num_found":%d,"num_available":%d,"contacted":4,"completed":4}`, strings.Join(rows, ","), available, available)
}

func TestResultsThatDoNotAddUp(t *testing.T) {
	t.Parallel()
	row := func(id int) string { return fmt.Sprintf(`{"process_guid":"G-%d","device_id":%d}`, id, id) }
	rows := func(from, n int) (list []string) {
		for i := range n {
			list = append(list, row(from+i))
		}
		return list
	}
	for _, tt := range []struct {
		name  string
		pages []string
		guids int
		want  string // empty: no error
	}{
		{"pages shorter than asked for", []string{page(3, row(1)), page(3, row(2)), page(3, row(3))}, 3, ""},
		{"a count that grows while reading", []string{page(1, row(1)), page(1)}, 1, ""},
		{"a count that grows on a later page", []string{page(2, row(1)), page(3, row(2)), page(3, row(3))}, 3, ""},
		{"a page that is empty too early", []string{page(3, row(1)), page(3)}, 1, "1 rows came where 3 were promised"},
		{"a count that shrinks", []string{page(3, row(1)), page(0)}, 1, "1 rows came where 3 were promised"},
		{"the same page for ever", []string{page(1000, rows(1, 500)...)}, 500, "the same page came twice"},
		{"a page without results", []string{`{"num_available":3,"num_found":3,"contacted":4,"completed":4}`}, 0, "0 rows came where 3 were promised"},
		{"rows that nobody can act on", []string{page(4, row(1), `{"process_guid":"G"}`, `null`, row(2))}, 2, "2 rows could not be read"},
		{"rows that are none", []string{page(2, `"G-1"`, row(2))}, 1, "1 rows could not be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, _ := scripted(t, map[string][]string{opResults: tt.pages})
			guids, err := collect(client.Processes.Job("j").Results(t.Context()))
			if len(guids) != tt.guids {
				t.Errorf("Results yields %d rows, want %d", len(guids), tt.guids)
			}
			switch incomplete, ok := errors.AsType[*cbc.IncompleteError](err); {
			case tt.want == "" && err != nil:
				t.Errorf("Results = %v, want no error", err)
			case tt.want == "":
			case !ok || !strings.Contains(err.Error(), tt.want) || incomplete.Job != "j":
				t.Errorf("Results = %v, want an IncompleteError that says %q", err, tt.want)
			}
		})
	}
}

// TestAnswersWithoutACountAreNone shows that an answer which leaves out how much there is does not pass for nothing found, or for all.
func TestAnswersWithoutACountAreNone(t *testing.T) {
	t.Parallel()
	const row = `{"process_guid":"G","device_id":1}`
	for name, answer := range map[string]string{
		"no count":        `{"results":[` + row + `],"num_found":900,"contacted":4,"completed":4}`,
		"a count of null": `{"results":[` + row + `],"num_available":null,"contacted":4,"completed":4}`,
		"neither":         `{"contacted":4,"completed":4}`,
	} {
		client, _ := scripted(t, map[string][]string{opResults: {answer}})
		if guids, err := collect(client.Processes.Job("j").Results(t.Context())); err == nil || !strings.Contains(err.Error(), "num_available") {
			t.Errorf("%s: Results = %v, %v, want an error", name, guids, err)
		}
	}
	client, _ := scripted(t, map[string][]string{
		"GET /api/investigate/v2/orgs/{org_key}/processes/facet_jobs/{job_id}/results": {`{"contacted":4,"completed":4}`},
		opEventFacets: {`{}`}, opEvents: {`{}`},
	})
	if facets, err := client.Processes.FacetJob("j").Results(t.Context()); err == nil {
		t.Errorf("Results without counts = %+v, want an error", facets)
	}
	if facets, err := client.Processes.EventFacets(t.Context(), "G", cbc.FacetQuery{Terms: []string{"a"}}); err == nil {
		t.Errorf("EventFacets without counts = %+v, want an error", facets)
	}
	if events, err := gather(client.Processes.Events(t.Context(), "G", cbc.EventQuery{})); err == nil || len(events) != 0 {
		t.Errorf("Events without a count = %+v, %v, want an error", events, err)
	}
}

func TestResultsFailOnALaterPage(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opResults: {page(2, `{"process_guid":"G","device_id":1}`), `404 {"error_code":"NOT_FOUND","message":"job"}`}})
	guids, err := collect(client.Processes.Job("j").Results(t.Context()))
	if len(guids) != 1 || !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Results = %v, %v, want one row, then ErrNotFound", guids, err)
	}
}
