package cbchunt_test

import (
	"context"
	"fmt"
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

func TestEvidence(t *testing.T) {
	t.Parallel()
	script := ran("SCRIPT", md5, hash(1).String()) // the row of the script, and one of its interpreter
	script.Enriched, script.EnrichedHashes = true, []string{strings.Repeat("f", 64)}
	script.Touched = map[string][]string{"scriptload_hash": {hash(1).String()}}
	loaded := ran("LOADED", strings.Repeat("e", 64))
	loaded.Touched = map[string][]string{"modload_hash": {hash(2).String()}, "blocked_hash": {hash(3).String()}}
	fileless := ran("FILELESS", strings.Repeat("e", 64))
	fileless.Touched = map[string][]string{"fileless_scriptload_hash": {hash(2).String()}}
	interpreted := ran("WSCRIPT", strings.Repeat("e", 64))
	interpreted.Touched = map[string][]string{"scriptload_hash": {hash(3).String()}}
	both := wrote("BOTH", hash(2))
	both.Hashes = []string{hash(1).String()}
	for _, c := range []struct {
		name string
		row  cbctest.Process
		want map[string]string
	}{
		{"its own SHA-256 behind the MD5", ran("P", md5, hash(1).String()), map[string]string{"P 1": "executed process_hash"}},
		{"its own SHA-256 before the MD5", ran("P", hash(3).String(), md5), map[string]string{"P 3": "executed process_hash"}},
		{"its own SHA-256 alone, in capital letters", ran("P", strings.ToUpper(hash(2).String())), map[string]string{"P 2": "executed process_hash"}},
		{"another program that wrote two of the files", wrote("MAIL", hash(1), hash(3)), map[string]string{"MAIL 1": "touched", "MAIL 3": "touched"}},
		{"another program that loaded one and was kept from running another", loaded, map[string]string{"LOADED 2": "touched", "LOADED 3": "touched"}},
		{"another program that ran a script without a file", fileless, map[string]string{"FILELESS 2": "touched"}},
		{"another program that interpreted a script", interpreted, map[string]string{"WSCRIPT 3": "touched"}},
		{"a script with the row of its interpreter", script, map[string]string{"SCRIPT 1": "executed process_hash"}},
		{"one file ran and wrote another", both, map[string]string{"BOTH 1": "executed process_hash"}},
		{"a program that has nothing to do with them", ran("OTHER", strings.Repeat("e", 64)), map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got, err := search(t.Context(), t, newSearcher(t, cbctest.New(world(c.row)), nil), batch(3))
				if err != nil {
					t.Errorf("Search: %v", err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("sightings mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRowsThatDoNotShowWhatTheyMatched(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n, " files"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hidden := ran("HIDDEN", md5, hash(1).String())
				srv := cbctest.New(world(hidden, ran("PLAIN", hash(1).String())))
				s := newSearcher(t, srv, nil)
				srv.Inject(answers("GET", "/results"), -1, withoutHashes("HIDDEN"))
				got, err := search(t.Context(), t, s, batch(n))
				if err != nil {
					t.Errorf("Search: %v", err)
				}
				want := map[string]string{"HIDDEN 1": "touched process_hash", "PLAIN 1": "executed process_hash"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("sightings mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestSightingHasTheWholeRow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := ran("P", md5, hash(1).String())
		p.Username, p.CmdLine, p.Reputation = `CORP\pat`, `"C:\Users\pat\P.exe" /go`, "KNOWN_MALWARE"
		p.Time = time.Now().Add(-time.Hour).UTC()
		p.Start = p.Time.Add(-time.Minute)
		for got, err := range newSearcher(t, cbctest.New(world(p)), nil).Search(t.Context(), batch(1), time.Now().Add(-week)) {
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(got.Process.Raw), `"process_guid":"P"`) {
				t.Errorf("Raw = %s, want the row", got.Process.Raw)
			}
			got.Process.Raw = nil
			want := hunt.Sighting{
				SHA256: hash(1), Evidence: hunt.Executed, Field: "process_hash", Time: p.Time,
				Process: hunt.Process{
					GUID: "P", PIDs: []int64{42}, Path: `c:\users\pat\p.exe`, CommandLine: p.CmdLine, User: p.Username,
					Reputation: p.Reputation, Start: p.Start,
				},
				Device: hunt.Device{ID: 7, Name: `corp\lap-7`, OS: "WINDOWS", PolicyID: 88231, Policy: "Standard"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("sighting mismatch (-want +got):\n%s", diff)
			}
		}
	})
}

func TestSightingHasTheReputationThatTrusts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		effective any
		vendors   string
		want      string
	}{
		{"NOT_LISTED", "NOT_LISTED", "NOT_LISTED"},
		{"LOCAL_WHITE", "NOT_LISTED", "LOCAL_WHITE"},
		{"KNOWN_MALWARE", "NOT_LISTED", "KNOWN_MALWARE"},
		{"RESOLVING", "TRUSTED_WHITE_LIST", "TRUSTED_WHITE_LIST"},
		{nil, "KNOWN_MALWARE", "KNOWN_MALWARE"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := ran("P", hash(1).String())
			p.Extra = map[string]any{"process_effective_reputation": c.effective, "process_reputation": c.vendors}
			for got, err := range newSearcher(t, cbctest.New(world(p)), nil).Search(t.Context(), batch(1), time.Now().Add(-week)) {
				if err != nil || got.Process.Reputation != c.want {
					t.Errorf("the reputation of %v and %s = %s, %v, want %s", c.effective, c.vendors, got.Process.Reputation, err, c.want)
				}
			}
		})
	}
}

func TestSearchCosts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		executedOnly bool
		files        int
		world        cbctest.World
		jobs, seen   int
	}{
		{"one search where nothing was touched", false, 50, world(ran("A", hash(1).String()), ran("B", hash(50).String())), 1, 2},
		{"one search if executed is all that counts", true, 50, world(ran("A", hash(1).String()), wrote("MAIL", hash(3))), 1, 1},
		{"halving where one of 32 was touched", false, 32, world(wrote("MAIL", hash(5))), 1 + 2*5, 1},
		{"two searches for a single file", false, 1, world(wrote("MAIL", hash(1))), 2, 1},
		{"none without files", false, 0, world(), 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(c.world)
				files := append(batch(c.files), batch(c.files)...) // repetitions cost nothing
				got, err := search(t.Context(), t, newSearcher(t, srv, func(cfg *cbchunt.Config) {
					if c.executedOnly {
						cfg.Evidence = hunt.Executed
					}
				}), files)
				if err != nil || len(got) != c.seen {
					t.Errorf("Search = %v, %v; want %d sightings", got, err, c.seen)
				}
				if n := len(srv.SearchJobs()); n != c.jobs {
					t.Errorf("it took %d searches, want %d", n, c.jobs)
				}
			})
		})
	}
}

func TestSearchWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		back   time.Duration
		window time.Duration
	}{
		{"as far as it is asked", 90 * time.Minute, 90 * time.Minute},
		{"two weeks at most", 60 * 24 * time.Hour, 2 * week},
		{"whole seconds, none lost", 1500 * time.Millisecond, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				processes := connect(t, cbctest.New(world()).Client()).Processes
				var got []time.Duration
				s, err := cbchunt.New(cbchunt.Config{Processes: starter(func(ctx context.Context, q cbc.ProcessQuery) (*cbc.SearchJob, error) {
					got = append(got, q.Window)
					return processes.Start(ctx, q)
				})})
				if err != nil {
					t.Fatal(err)
				}
				for _, err := range s.Search(t.Context(), batch(1), time.Now().Add(-c.back)) {
					t.Errorf("Search: %v", err)
				}
				if diff := cmp.Diff([]time.Duration{c.window}, got); diff != "" {
					t.Errorf("windows mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestSearchOfTheFuture(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	s := newSearcher(t, cbctest.New(world()), func(cfg *cbchunt.Config) { cfg.Now = func() time.Time { return now } })
	failed := false
	for _, err := range s.Search(t.Context(), batch(1), now.Add(time.Hour)) {
		failed = err != nil
	}
	if !failed {
		t.Error("a search that begins in the future passed for one that found nothing")
	}
}

func TestNewNeedsProcesses(t *testing.T) {
	t.Parallel()
	if _, err := cbchunt.New(cbchunt.Config{}); err == nil {
		t.Error("New without Processes gave no error")
	}
}
