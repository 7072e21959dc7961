package actions_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

const (
	someFeed      = "feedfeedfeedfeedfeed1"
	feedNoReport  = `{"feed_id":"` + someFeed + `","report":false}`
	opFeeds       = "GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds"
	opReport      = "GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports/{report_id}"
	opWatchlists  = "POST /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists"
	ourReportText = "Attachment condemned by Proofpoint TAP, threat t1."
)

func report(id, description string, hashes ...string) cbctest.Report {
	return cbctest.Report{
		ID: id, Timestamp: 1700000000, Title: "t", Description: description, Severity: 3,
		IOCs: []cbctest.IOC{{ID: "i", MatchType: "equality", Field: "process_hash", Values: hashes}},
	}
}

// written is the report as the action writes it.
func written(file string) cbctest.Report {
	r := report(file, ourReportText, file)
	r.Title, r.Severity = "active malware attachment: "+file, 8
	return r
}

func reports(srv *cbctest.Server) []string {
	var ids []string
	for _, f := range srv.Feeds() {
		for _, r := range f.Reports {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func TestWatchlistUndo(t *testing.T) {
	t.Parallel()
	file := hash(1).String()
	ours, others := written(file), report("by-hand", "Kept by hand", hash(9).String())
	severe, titled := ours, ours
	severe.Severity, titled.Title = 10, "Keep: case 4711"
	for _, c := range []struct {
		name    string
		before  string
		reports []cbctest.Report
		status  hunt.Status
		detail  string
		left    []string
	}{
		{"deletes our report and no other", feedNoReport, []cbctest.Report{others, ours}, hunt.Undone, "alerts that it raised stay", []string{"by-hand"}},
		{"knows the feed by its name", `{"feed_id":"","report":false}`, []cbctest.Report{others, ours}, hunt.Undone, "", []string{"by-hand"}},
		{"leaves a report that was there before", `{"feed_id":"` + someFeed + `","report":true}`, []cbctest.Report{ours}, hunt.Already, "before", []string{file}},
		{"finds nothing left", feedNoReport, []cbctest.Report{others}, hunt.Already, "gone", []string{"by-hand"}},
		{"leaves a report with other words", feedNoReport, []cbctest.Report{report(file, "Changed", file)}, hunt.Held, "changed the report", []string{file}},
		{"leaves a report of another severity", feedNoReport, []cbctest.Report{severe}, hunt.Held, "changed the report", []string{file}},
		{"leaves a report with another title", feedNoReport, []cbctest.Report{titled}, hunt.Held, "changed the report", []string{file}},
		{"leaves a report about more", feedNoReport, []cbctest.Report{report(file, ourReportText, file, hash(2).String())}, hunt.Held, "changed the report", []string{file}},
		{"leaves what nobody recorded", "", []cbctest.Report{ours}, hunt.Held, "not recorded", []string{file}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Feeds: []cbctest.Feed{{ID: someFeed, Name: "TAP", Reports: c.reports}}})
				task := hashTask("watchlist", 1)
				task.Undo, task.Before = true, []byte(c.before)
				o := takeBack(t, newWatchlist(t, connect(t, srv.Client())), task, func() bool { return len(reports(srv)) != len(c.reports) })
				expect(t, o, c.status, c.detail)
				if got := reports(srv); !slices.Equal(got, c.left) {
					t.Errorf("reports = %v, want %v", got, c.left)
				}
			})
		})
	}
}

func TestWatchlistThereAndBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Feeds: []cbctest.Feed{{ID: someFeed, Name: "TAP"}}})
		a := newWatchlist(t, connect(t, srv.Client()))
		task := planTask(t, a, hashTask("watchlist", 1))
		if string(task.Before) != feedNoReport {
			t.Errorf("the state before is %s, want %s", task.Before, feedNoReport)
		}
		if len(reports(srv)) != 0 || calls(srv, opWatchlists) != 0 {
			t.Error("Look wrote something")
		}
		asked := calls(srv, opFeeds) + calls(srv, opReport)
		written := only(t, a.Do(t.Context(), []hunt.Task{task}))
		expect(t, written, hunt.Done)
		if n := calls(srv, opFeeds) + calls(srv, opReport) - asked; n != 0 {
			t.Errorf("Do read the feed again: %d calls", n)
		}
		expect(t, takeBack(t, a, undoOf(written), never), hunt.Undone)
		if got := reports(srv); len(got) != 0 {
			t.Errorf("reports = %v, want none", got)
		}
	})
}

// Another program may have made the feed meanwhile: of two with one name none could be used.
func TestWatchlistMakesNoSecondFeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{})
		a, other := newWatchlist(t, connect(t, srv.Client())), newWatchlist(t, connect(t, srv.Client()))
		task := planTask(t, a, hashTask("watchlist", 1))
		expect(t, only(t, other.Do(t.Context(), []hunt.Task{hashTask("watchlist", 2)})), hunt.Done)
		written := only(t, a.Do(t.Context(), []hunt.Task{task}))
		expect(t, written, hunt.Done)
		if n := len(srv.Feeds()); n != 1 {
			t.Errorf("there are %d feeds, want one", n)
		}
		if want := `{"feed_id":"` + srv.Feeds()[0].ID + `","report":false}`; string(written.Before) != want {
			t.Errorf("the state before is %s, want %s", written.Before, want)
		}
	})
}

// A 404 of the service, as for a wrong key of the organization, is none of a report.
func TestWatchlistUndoWhereNothingIsKnown(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"a feed with an id": feedNoReport, "a feed with a name": `{"feed_id":"","report":false}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Feeds: []cbctest.Feed{{ID: someFeed, Name: "TAP", Reports: []cbctest.Report{written(hash(1).String())}}}})
				srv.Inject(func(*http.Request) bool { return true }, -1, func(http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
				})
				task := hashTask("watchlist", 1)
				task.Undo, task.Before = true, []byte(before)
				expect(t, takeBack(t, newWatchlist(t, connect(t, srv.Client())), task, never), hunt.Failed, "404")
			})
		})
	}
}

// The plan saw no feed. An attempt that died has made it.
func TestWatchlistFeedThatThePlanWouldMake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		feed := cbctest.Feed{ID: someFeed, Name: "TAP", Reports: []cbctest.Report{report(hash(1).String(), "Kept by hand", hash(1).String())}}
		a := newWatchlist(t, connect(t, cbctest.New(cbctest.World{Feeds: []cbctest.Feed{feed}}).Client()))
		for expect, want := range map[string]string{
			`{"feed_id":"","report":false}`: `{"feed_id":"","report":`,
			feedNoReport:                    `{"feed_id":"` + someFeed + `","report":`,
			"":                              `{"feed_id":"` + someFeed + `","report":`,
		} {
			for n, there := range map[byte]string{1: "true}", 2: "false}"} {
				task := hashTask("watchlist", n)
				task.Expect = []byte(expect)
				if got := string(planTask(t, a, task).Before); got != want+there {
					t.Errorf("a plan that saw %s: file %d is %s, want %s%s", expect, n, got, want, there)
				}
			}
		}
	})
}
