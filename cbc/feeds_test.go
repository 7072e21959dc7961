package cbc_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

const (
	feedsOp      = "/threathunter/feedmgr/v2/orgs/{org_key}/feeds"
	reportsOp    = feedsOp + "/{feed_id}/reports"
	watchlistsOp = "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists"
)

// intel is a world with some feeds.
func intel() cbctest.World {
	feed := func(id, name, access string) cbctest.Feed {
		return cbctest.Feed{ID: id, Name: name, ProviderURL: "https://intel.example", Summary: "s", Category: "Partner", Access: access}
	}
	return cbctest.World{
		Feeds: []cbctest.Feed{
			feed("feedA", "Mail", ""), feed("feedB", "Twice", ""), feed("feedC", "Twice", ""), feed("feedD", "Of the vendor", "public"),
		},
		Watchlists: []cbctest.Watchlist{{ID: "listB", Name: "B", TagsEnabled: true, FeedID: "feedB"}},
	}
}

func report(id string, hashes ...[32]byte) cbc.Report {
	r := cbc.Report{ID: cbc.ReportID(id), Title: "title", Description: "description", Severity: 7}
	for _, h := range hashes {
		r.IOCs = append(r.IOCs, cbc.HashIOC(h))
	}
	return r
}

func TestFeedsByName(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(intel())
	client := connect(t, srv.Client())
	got, err := client.Feeds.ByName(t.Context(), "Mail")
	want := cbc.Feed{
		ID: "feedA", Name: "Mail", ProviderURL: "https://intel.example", Summary: "s", Category: "Partner", Access: "private", Owner: cbctest.OrgKey,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("ByName(Mail): %v, mismatch (-want +got):\n%s", err, diff)
	}
	for _, name := range []string{"mail", "Mail ", "Mai", "", "Of the vendor"} {
		if got, err := client.Feeds.ByName(t.Context(), name); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("ByName(%q) = %+v, %v, want ErrNotFound", name, got, err)
		}
	}
	_, err = client.Feeds.ByName(t.Context(), "Twice")
	e, ok := errors.AsType[*cbc.AmbiguousError](err)
	if !errors.Is(err, cbc.ErrAmbiguous) || !ok || !cmp.Equal(e.Candidates, []string{"feedB", "feedC"}) {
		t.Errorf("ByName(Twice) = %v, want an AmbiguousError with both", err)
	}
	all, err := client.Feeds.ListAll(t.Context())
	if err != nil || len(all) != 4 {
		t.Errorf("ListAll = %d feeds, %v, want 4", len(all), err)
	}
}

func TestFeedsGet(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(intel()).Client())
	if got, err := client.Feeds.Get(t.Context(), "feedB"); err != nil || got.Name != "Twice" {
		t.Errorf("Get(feedB) = %+v, %v", got, err)
	}
	if _, err := client.Feeds.Get(t.Context(), "feedX"); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Get(feedX) = %v, want ErrNotFound", err)
	}
	if _, err := client.Feeds.Get(t.Context(), ""); err == nil {
		t.Error("Get of no id succeeded")
	}
}

func TestFeedsCreate(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(intel())
	client := connect(t, srv.Client())
	feed := cbc.Feed{Name: "New", ProviderURL: "https://intel.example", Summary: "s", Category: "Partner", Muted: true}
	made, err := client.Feeds.Create(t.Context(), feed, report("r1", hash(t, evil)))
	if err != nil || made.ID == "" || !made.Muted {
		t.Fatalf("Create = %+v, %v", made, err)
	}
	feeds := srv.Feeds()
	if got := feeds[len(feeds)-1]; got.Name != "New" || len(got.Reports) != 1 || got.Reports[0].IOCs[0].Values[0] != evil {
		t.Errorf("feed at the vendor = %+v", got)
	}
	sent := len(srv.Requests())
	for name, bad := range map[string]struct {
		feed    cbc.Feed
		reports []cbc.Report
	}{
		"nothing said": {},
		"a blank name": {feed: cbc.Feed{Name: " ", ProviderURL: "x", Summary: "s", Category: "c"}},
		"an id":        {feed: cbc.Feed{ID: "x", Name: "n", ProviderURL: "x", Summary: "s", Category: "c"}},
		"a bad report": {feed: feed, reports: []cbc.Report{{ID: "x"}}},
		"a twin":       {feed: feed, reports: []cbc.Report{report("r", hash(t, evil)), report("r", hash(t, evil))}},
		"too many":     {feed: feed, reports: make([]cbc.Report, cbc.MaxReports+1)},
	} {
		if _, err := client.Feeds.Create(t.Context(), bad.feed, bad.reports...); err == nil {
			t.Errorf("Create with %s succeeded", name)
		}
	}
	if n := len(srv.Requests()); n != sent {
		t.Errorf("%d requests for feeds that cannot be", n-sent)
	}
}

// TestFeedsCreateIsNotRepeated keeps a lost answer from making a second feed of the same name.
func TestFeedsCreateIsNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{})
		client := connect(t, srv.Client())
		srv.Inject(onRequest("POST", "/feeds"), 1, fake.ActThenFail(http.StatusGatewayTimeout))
		if _, err := client.Feeds.Create(t.Context(), cbc.Feed{Name: "New", ProviderURL: "x", Summary: "s", Category: "c"}); err == nil {
			t.Error("Create succeeded without an answer")
		}
		if got := srv.Feeds(); len(got) != 1 {
			t.Errorf("%d feeds at the vendor, want 1", len(got))
		}
	})
}

// TestPutReportLeavesTheOthers puts reports at the same time, which would lose some if each replaced all.
func TestPutReportLeavesTheOthers(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(intel())
	client := connect(t, srv.Client())
	var puts sync.WaitGroup
	for i := range 20 {
		puts.Go(func() {
			if _, err := client.Feeds.PutReport(t.Context(), "feedA", report(fmt.Sprintf("r%d", i), hash(t, evil))); err != nil {
				t.Errorf("PutReport(r%d): %v", i, err)
			}
		})
	}
	puts.Wait()
	reports, err := client.Feeds.Reports(t.Context(), "feedA")
	if err != nil || len(reports) != 20 {
		t.Errorf("Reports = %d, %v, want 20", len(reports), err)
	}
	if n := requests(srv, "POST", reportsOp); n != 0 {
		t.Errorf("%d calls replaced all reports", n)
	}
}

func TestPutReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(intel())
		client := connect(t, srv.Client())
		want := report("r.1-_~", hash(t, evil))
		want.Link, want.Tags, want.Visibility = "https://intel.example/t/1", []string{"malware"}, "visible"
		srv.Inject(onRequest("PUT", ""), 1, fake.ActThenFail(http.StatusGatewayTimeout)) // the upload took too long, and was done
		got, err := client.Feeds.PutReport(t.Context(), "feedA", want)
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(got.Timestamp); age < 0 || age > time.Minute {
			t.Errorf("the report is dated %v ago, want now", age)
		}
		want.Timestamp = got.Timestamp
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("PutReport mismatch (-want +got):\n%s", diff)
		}
		read, err := client.Feeds.Report(t.Context(), "feedA", want.ID)
		if diff := cmp.Diff(want, read); diff != "" || err != nil {
			t.Errorf("Report: %v, mismatch (-want +got):\n%s", err, diff)
		}
		want.Severity, want.Timestamp = 9, time.Unix(1715678000, 0).UTC()
		if _, err := client.Feeds.PutReport(t.Context(), "feedA", want); err != nil {
			t.Error(err)
		}
		reports, err := client.Feeds.Reports(t.Context(), "feedA")
		if diff := cmp.Diff([]cbc.Report{want}, reports); diff != "" || err != nil {
			t.Errorf("Reports after an update: %v, mismatch (-want +got):\n%s", err, diff)
		}
		if err := client.Feeds.DeleteReport(t.Context(), "feedA", want.ID); err != nil {
			t.Error(err)
		}
		if err := client.Feeds.DeleteReport(t.Context(), "feedA", want.ID); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("second DeleteReport = %v, want ErrNotFound", err)
		}
		if _, err := client.Feeds.Report(t.Context(), "feedA", want.ID); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Report after DeleteReport = %v, want ErrNotFound", err)
		}
		if _, err := client.Feeds.PutReport(t.Context(), "feedX", want); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("PutReport to no feed = %v, want ErrNotFound", err)
		}
	})
}
