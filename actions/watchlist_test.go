package actions_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

func newWatchlist(t testing.TB, client *cbc.Client) hunt.Action {
	t.Helper()
	a, err := actions.NewWatchlist(actions.WatchlistConfig{Feeds: client.Feeds, Watchlists: client.Watchlists, Name: "TAP"})
	if err != nil {
		t.Fatalf("NewWatchlist: %v", err)
	}
	return a
}

func TestWatchlistMakesFeedAndWatchlistOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{})
		action := newWatchlist(t, connect(t, srv.Client()))
		tasks := []hunt.Task{hashTask("watchlist", 1), hashTask("watchlist", 2)}
		tasks[1].Indicators[0].Threat.Score = 35
		tasks[1].Sightings = nil // a file that nobody has seen
		for _, want := range []hunt.Status{hunt.Done, hunt.Already} {
			outcomes := action.Do(t.Context(), tasks)
			if diff := cmp.Diff(map[string]hunt.Status{tasks[0].Target: want, tasks[1].Target: want}, ends(outcomes)); diff != "" {
				t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
			}
		}
		feeds, watchlists := srv.Feeds(), srv.Watchlists()
		if len(feeds) != 1 || len(watchlists) != 1 || feeds[0].Name != "TAP" || feeds[0].Muted {
			t.Fatalf("feeds = %+v, watchlists = %+v; want one of each, and the feed not muted", feeds, watchlists)
		}
		if w := watchlists[0]; w.FeedID != feeds[0].ID || !w.AlertsEnabled || w.Name != "TAP" {
			t.Errorf("watchlist = %+v, want TAP, subscribed to the feed with alerts", w)
		}
		severities := make(map[string]int)
		for _, r := range feeds[0].Reports {
			severities[r.ID] = r.Severity
			if len(r.IOCs) != 1 || len(r.IOCs[0].Values) != 1 || r.IOCs[0].Values[0] != r.ID || r.IOCs[0].Field != "process_hash" {
				t.Errorf("report %s has the indicators %+v, want the hash alone", r.ID, r.IOCs)
			}
		}
		// A score that has changed is written again, under the same id.
		tasks[0].Indicators[0].Threat.Score = 91
		expect(t, only(t, action.Do(t.Context(), tasks[:1])), hunt.Done, "severity 10")
		// There is one report for each file.
		if diff := cmp.Diff(map[string]int{hash(1).String(): 8, hash(2).String(): 4}, severities); diff != "" {
			t.Errorf("reports and severities mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestWatchlistSeverity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{})
		want := map[string]int{}
		var tasks []hunt.Task
		for n, c := range []struct{ score, severity int }{{-5, 8}, {0, 8}, {1, 1}, {10, 1}, {11, 2}, {90, 9}, {91, 10}, {100, 10}, {2000, 10}} {
			task := hashTask("watchlist", byte(n+1))
			task.Indicators[0].Threat.Score = c.score
			tasks = append(tasks, task)
			want[task.Target] = c.severity
		}
		newWatchlist(t, connect(t, srv.Client())).Do(t.Context(), tasks)
		got := make(map[string]int)
		for _, r := range srv.Feeds()[0].Reports {
			got[r.ID] = r.Severity
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("severities mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestWatchlistUsesWhatIsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		others := []cbctest.Report{{
			ID: "by-hand", Timestamp: 1700000000, Title: "Ours", Description: "Kept by hand", Severity: 3,
			IOCs: []cbctest.IOC{{ID: "i", MatchType: "equality", Field: "process_hash", Values: []string{hash(9).String()}}},
		}}
		srv := cbctest.New(cbctest.World{
			Feeds:      []cbctest.Feed{{ID: "feedfeedfeedfeedfeed1", Name: "TAP", Reports: others}, {ID: "feedfeedfeedfeedfeed2", Name: "tap"}},
			Watchlists: []cbctest.Watchlist{{Name: "SOC", FeedID: "feedfeedfeedfeedfeed1", TagsEnabled: true}},
		})
		expect(t, only(t, newWatchlist(t, connect(t, srv.Client())).Do(t.Context(), []hunt.Task{hashTask("watchlist", 1)})), hunt.Done)
		feeds, watchlists := srv.Feeds(), srv.Watchlists()
		if len(feeds) != 2 || len(watchlists) != 1 || watchlists[0].AlertsEnabled {
			t.Errorf("%d feeds, watchlists %+v; want no new ones, and the old one as it was", len(feeds), watchlists)
		}
		if len(feeds[0].Reports) != 2 || len(feeds[1].Reports) != 0 {
			t.Fatalf("feeds = %+v, want one more report in the first", feeds)
		}
		if diff := cmp.Diff(others[0], feeds[0].Reports[0]); diff != "" {
			t.Errorf("somebody else's report was changed (-want +got):\n%s", diff)
		}
	})
}

func TestWatchlistFailures(t *testing.T) {
	t.Parallel()
	two := []cbctest.Feed{{ID: "feedfeedfeedfeedfeed1", Name: "TAP"}, {ID: "feedfeedfeedfeedfeed2", Name: "TAP"}}
	for _, c := range []struct {
		name        string
		feeds       []cbctest.Feed
		permissions []string
		details     []string
	}{
		{"two feeds of the name", two, nil, []string{two[0].ID, two[1].ID}},
		{"no permission to read feeds", nil, []string{"org.watchlists:READ", "org.watchlists:CREATE"}, []string{"403"}},
		{"no permission to write reports", two[:1], []string{"org.feeds:READ", "org.watchlists:READ", "org.watchlists:CREATE"}, []string{"403"}},
		{"no permission to subscribe", two[:1], []string{"org.feeds:READ", "org.feeds:UPDATE", "org.watchlists:READ"}, []string{"403"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Feeds: c.feeds, Keys: []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: c.permissions}}})
				for _, o := range newWatchlist(t, connect(t, srv.Client())).Do(t.Context(), []hunt.Task{hashTask("watchlist", 1), hashTask("watchlist", 2)}) {
					expect(t, o, hunt.Failed, c.details...)
				}
				for _, f := range srv.Feeds() {
					if len(f.Reports) != 0 {
						t.Errorf("feed %s got reports: %v", f.ID, f.Reports)
					}
				}
			})
		})
	}
	if _, err := actions.NewWatchlist(actions.WatchlistConfig{Name: "TAP"}); err == nil {
		t.Error("NewWatchlist without feeds gave no error")
	}
}

func TestWatchlistTaskWithoutItsFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{})
		broken := hashTask("watchlist", 1)
		broken.Indicators = nil
		outcomes := byTarget(newWatchlist(t, connect(t, srv.Client())).Do(t.Context(), []hunt.Task{broken, hashTask("watchlist", 2)}))
		if got := fmt.Sprint(outcomes[0].Status, " ", outcomes[1].Status); got != "failed done" {
			t.Errorf("outcomes = %s, want the broken task alone to fail", got)
		}
	})
}

// A 404 of the service, as for a wrong key of the organization, is no missing feed.
func TestWatchlistLookWhereNothingIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{})
		srv.Inject(func(*http.Request) bool { return true }, -1, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
		})
		a := newWatchlist(t, connect(t, srv.Client()))
		expect(t, only(t, a.(hunt.Looker).Look(t.Context(), []hunt.Task{hashTask("watchlist", 1)})), hunt.Failed, "404")
	})
}
