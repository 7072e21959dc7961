package cbchunt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

// changeRows is a fault that changes rows of a result.
func changeRows(change func(row map[string]any)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			var body map[string]any
			d := json.NewDecoder(bytes.NewReader(rec.Body.Bytes()))
			d.UseNumber()
			if err := d.Decode(&body); err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			rows, _ := body["results"].([]any)
			for _, row := range rows {
				change(row.(map[string]any))
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body)
		})
	}
}

// withoutHashes lets rows of a process show no SHA-256.
func withoutHashes(guid string) func(http.Handler) http.Handler {
	return changeRows(func(row map[string]any) {
		if row["process_guid"] == guid {
			row["process_hash"] = []string{md5}
		}
	})
}

func TestFailedSearchIsNeverNothingFound(t *testing.T) {
	t.Parallel()
	found := world(ran("RAN", hash(1).String()), wrote("MAIL", hash(3)))
	for _, c := range []struct {
		name   string
		change func(*cbctest.Server)
		want   map[string]string
		is     error
	}{
		{
			"the first search cannot be started",
			func(srv *cbctest.Server) {
				srv.Inject(answers("POST", "/search_jobs"), 1, status(http.StatusForbidden))
			},
			map[string]string{},
			cbc.ErrForbidden,
		},
		{
			"the second search cannot be started",
			func(srv *cbctest.Server) {
				srv.Inject(func(r *http.Request) bool { return answers("POST", "/search_jobs")(r) && len(srv.SearchJobs()) == 1 }, 1, status(http.StatusForbidden))
			},
			map[string]string{"RAN 1": "executed process_hash", "MAIL 3": "touched"},
			cbc.ErrForbidden,
		},
		{
			"a search within the halving cannot be read",
			func(srv *cbctest.Server) {
				srv.Inject(func(r *http.Request) bool { return answers("GET", "/results")(r) && len(srv.SearchJobs()) == 2 }, -1, status(http.StatusForbidden))
			},
			map[string]string{"RAN 1": "executed process_hash", "MAIL 3": "touched"},
			cbc.ErrForbidden,
		},
		{
			"half of the vendor's searchers do not answer",
			func(srv *cbctest.Server) { srv.SetSearch(cbctest.SearchSwitches{StuckHalfway: true}) },
			map[string]string{"RAN 1": "executed process_hash"},
			cbc.ErrIncomplete,
		},
		{
			"the vendor never begins",
			func(srv *cbctest.Server) { srv.SetSearch(cbctest.SearchSwitches{NeverStarts: true}) },
			map[string]string{},
			cbc.ErrIncomplete,
		},
		{
			"a row cannot be read",
			func(srv *cbctest.Server) {
				srv.AddProcesses(cbctest.Process{GUID: "BROKEN", DeviceID: 7, Time: time.Now(), Touched: map[string][]string{"filemod_hash": {hash(4).String()}}})
				srv.Inject(answers("GET", "/results"), -1, changeRows(func(row map[string]any) {
					if row["process_guid"] == "BROKEN" {
						delete(row, "device_id")
					}
				}))
			},
			map[string]string{"RAN 1": "executed process_hash", "MAIL 3": "touched"},
			cbc.ErrIncomplete,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(found)
				c.change(srv)
				got, err := search(t.Context(), t, newSearcher(t, srv, nil), batch(4))
				if !errors.Is(err, c.is) || !strings.HasPrefix(err.Error(), "cbchunt: searching for ") {
					t.Errorf("Search ended with %v, want %v with what was searched for", err, c.is)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("what was found all the same, mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTruncatedSearchIsSplit(t *testing.T) {
	t.Parallel()
	var processes []cbctest.Process
	want := make(map[string]string)
	for n := range 8 {
		guid := fmt.Sprint("P", n+1)
		processes = append(processes, ran(guid, hash(byte(n+1)).String()))
		want[fmt.Sprint(guid, " ", n+1)] = "executed process_hash"
	}
	for _, c := range []struct {
		name string
		keep int // rows of one search, in place of the vendor's 10,000
		more []cbctest.Process
		fail bool
	}{
		{"until each part fits", 3, nil, false},
		{"and fails where a single file has too many", 3, []cbctest.Process{ran("X1", hash(1).String()), ran("X2", hash(1).String()), ran("X3", hash(1).String())}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(world(slices.Concat(processes, c.more)...))
				real := connect(t, srv.Client()).Processes
				s, err := cbchunt.New(cbchunt.Config{Processes: starter(func(ctx context.Context, q cbc.ProcessQuery) (*cbc.SearchJob, error) {
					if q.Rows == 0 {
						q.Rows = c.keep
					}
					return real.Start(ctx, q)
				})})
				if err != nil {
					t.Fatal(err)
				}
				got, err := search(t.Context(), t, s, batch(8))
				if errors.Is(err, cbc.ErrTruncated) != c.fail || !c.fail && err != nil {
					t.Errorf("Search: %v; truncated should be %t", err, c.fail)
				}
				others := maps.Clone(got)
				maps.DeleteFunc(others, func(key, _ string) bool { return strings.HasSuffix(key, " 1") })
				rest := maps.Clone(want)
				delete(rest, "P1 1")
				if diff := cmp.Diff(rest, others); diff != "" {
					t.Errorf("sightings of the files 2 to 8 mismatch (-want +got):\n%s", diff)
				}
				if n := len(got) - len(others); n != map[bool]int{false: 1, true: 3}[c.fail] {
					t.Errorf("%d sightings of the first file: %v", n, got)
				}
			})
		})
	}
}

func TestOneSearcherShortIsAWarning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(world(ran("RAN", hash(1).String())))
		srv.SetSearch(cbctest.SearchSwitches{StuckOneShort: true})
		var warnings []string
		got, err := search(t.Context(), t, newSearcher(t, srv, func(cfg *cbchunt.Config) {
			cfg.Warn = func(s string) { warnings = append(warnings, s) }
			cfg.Evidence = hunt.Executed
		}), batch(2))
		if err != nil || len(got) != 1 {
			t.Errorf("Search = %v, %v; want the sighting and no error", got, err)
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0], "one of 24 searchers") {
			t.Errorf("warnings = %q, want one about the searcher", warnings)
		}
	})
}

func TestCanceledSearchIsTakenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(world(ran("RAN", hash(1).String())))
		srv.SetSearch(cbctest.SearchSwitches{StuckHalfway: true})
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		begun := time.Now()
		got, err := search(ctx, t, newSearcher(t, srv, nil), batch(2))
		if !errors.Is(err, context.DeadlineExceeded) || len(got) != 0 {
			t.Errorf("Search = %v, %v; want the deadline's error", got, err)
		}
		if took := time.Since(begun); took > 6*time.Second {
			t.Errorf("it took %s to stop", took)
		}
		if jobs := srv.SearchJobs(); len(jobs) != 1 || canceled(srv) != 1 {
			t.Errorf("jobs = %+v, want one, canceled", jobs)
		}
	})
}

func TestStoppedBetweenTheSearches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(world(ran("RAN", hash(1).String()), wrote("MAIL", hash(2))))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for s, err := range newSearcher(t, srv, nil).Search(ctx, batch(2), time.Now().Add(-week)) {
			if s.Evidence == hunt.Executed {
				cancel()
			}
			last = err
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("the search ended with %v although only half of it was done, want the error of the context", last)
		}
	})
}

func TestCallerWhoStopsEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(world(ran("A", hash(1).String()), ran("B", hash(2).String()), wrote("MAIL", hash(2))))
		for _, err := range newSearcher(t, srv, nil).Search(t.Context(), batch(2), time.Now().Add(-week)) {
			if err != nil {
				t.Error(err)
			}
			break
		}
		if n := len(srv.SearchJobs()); n != 1 {
			t.Errorf("%d searches were made, want none after the caller had enough", n)
		}
	})
}
