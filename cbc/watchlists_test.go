package cbc_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

func TestSubscribe(t *testing.T) {
	t.Run("makes a watchlist once", func(t *testing.T) {
		t.Parallel()
		srv := cbctest.New(intel())
		client := connect(t, srv.Client())
		first, err := client.Watchlists.Subscribe(t.Context(), "feedA", cbc.NewWatchlist{Name: "Mail", Description: "d"})
		if err != nil || !first.Created || !first.Watchlist.AlertsEnabled || !first.Watchlist.TagsEnabled || first.Watchlist.FeedID != "feedA" {
			t.Fatalf("Subscribe = %+v, %v", first, err)
		}
		second, err := client.Watchlists.Subscribe(t.Context(), "feedA", cbc.NewWatchlist{Name: "Another name"})
		want := cbc.Subscription{Watchlist: first.Watchlist}
		if diff := cmp.Diff(want, second); diff != "" || err != nil {
			t.Errorf("second Subscribe: %v, mismatch (-want +got):\n%s", err, diff)
		}
		if n := len(srv.Watchlists()); n != 2 {
			t.Errorf("%d watchlists at the vendor, want 2", n)
		}
	})
	t.Run("leaves one that is switched off as it is", func(t *testing.T) {
		t.Parallel()
		world := intel()
		world.Watchlists = []cbctest.Watchlist{{ID: "off", Name: "Off", FeedID: "feedA"}}
		srv := cbctest.New(world)
		got, err := connect(t, srv.Client()).Watchlists.Subscribe(t.Context(), "feedA", cbc.NewWatchlist{Name: "Mail"})
		if err != nil || got.Created || got.Watchlist.ID != "off" || got.Watchlist.AlertsEnabled {
			t.Errorf("Subscribe = %+v, %v", got, err)
		}
	})
	t.Run("prefers one that alerts", func(t *testing.T) {
		t.Parallel()
		world := intel()
		day := time.Date(2025, 2, 11, 0, 0, 0, 0, time.UTC)
		world.Watchlists = []cbctest.Watchlist{
			{ID: "off", Name: "1", FeedID: "feedA", Created: day},
			{ID: "tags", Name: "2", FeedID: "feedA", TagsEnabled: true, Created: day},
			{ID: "newer", Name: "3", FeedID: "feedA", AlertsEnabled: true, Created: day.Add(time.Hour)},
			{ID: "older", Name: "4", FeedID: "feedA", AlertsEnabled: true, Created: day},
		}
		client := connect(t, cbctest.New(world).Client())
		got, err := client.Watchlists.Subscriptions(t.Context(), "feedA")
		var ids []cbc.WatchlistID
		for _, w := range got {
			ids = append(ids, w.ID)
		}
		if diff := cmp.Diff([]cbc.WatchlistID{"older", "newer", "tags", "off"}, ids); diff != "" || err != nil {
			t.Errorf("Subscriptions: %v, mismatch (-want +got):\n%s", err, diff)
		}
	})
	t.Run("refuses what cannot be", func(t *testing.T) {
		t.Parallel()
		srv := cbctest.New(intel())
		client := connect(t, srv.Client())
		for name, call := range map[string]func() error{
			"no feed": func() error {
				_, err := client.Watchlists.Subscribe(t.Context(), "", cbc.NewWatchlist{Name: "n"})
				return err
			},
			"no name": func() error {
				_, err := client.Watchlists.Subscribe(t.Context(), "feedA", cbc.NewWatchlist{})
				return err
			},
			"another feed": func() error {
				_, err := client.Watchlists.Subscribe(t.Context(), "feedA", cbc.NewWatchlist{Name: "n", FeedID: "feedB"})
				return err
			},
			"neither": func() error { _, err := client.Watchlists.Create(t.Context(), cbc.NewWatchlist{Name: "n"}); return err },
			"both": func() error {
				_, err := client.Watchlists.Create(t.Context(), cbc.NewWatchlist{Name: "n", FeedID: "feedA", ReportIDs: []cbc.WatchlistReportID{"x"}})
				return err
			},
		} {
			if err := call(); err == nil {
				t.Errorf("a watchlist with %s was not refused", name)
			}
		}
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests for watchlists that cannot be", n)
		}
	})
	t.Run("does not take an answer that is none for no subscription", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{`{}`, `null`, `{"error":"x"}`, `{"results":[{"name":"no id"}]}`} {
			srv := cbctest.New(intel())
			srv.Inject(onRequest("GET", "/watchlists"), 1, fake.Status(http.StatusOK, nil, body))
			if got, err := connect(t, srv.Client()).Watchlists.Subscribe(t.Context(), "feedA", cbc.NewWatchlist{Name: "n"}); err == nil {
				t.Errorf("Subscribe after %s = %+v, want an error", body, got)
			}
		}
	})
}

func TestWatchlists(t *testing.T) {
	t.Parallel()
	for name, badRequest := range map[string]bool{"404 for unknown ids": false, "400 for unknown ids": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := intel()
			world.Switches.Watchlists.BadRequestForUnknown = badRequest
			srv := cbctest.New(world)
			client := connect(t, srv.Client()).Watchlists
			got, err := client.ByName(t.Context(), "B")
			if err != nil || got.ID != "listB" || got.FeedID != "feedB" || got.AlertsEnabled {
				t.Fatalf("ByName(B) = %+v, %v", got, err)
			}
			if err := errors.Join(client.EnableAlerts(t.Context(), "listB"), client.DisableTags(t.Context(), "listB")); err != nil {
				t.Error(err)
			}
			if got, err := client.Get(t.Context(), "listB"); err != nil || !got.AlertsEnabled || got.TagsEnabled {
				t.Errorf("Get(listB) = %+v, %v, want alerts and no tags", got, err)
			}
			if err := errors.Join(client.DisableAlerts(t.Context(), "listB"), client.EnableTags(t.Context(), "listB")); err != nil {
				t.Error(err)
			}
			if got := srv.Watchlists()[0]; got.AlertsEnabled || !got.TagsEnabled {
				t.Errorf("watchlist at the vendor = %+v, want tags and no alerts", got)
			}
			if err := client.Delete(t.Context(), "listB"); err != nil {
				t.Error(err)
			}
			_, err = client.Get(t.Context(), "listB")
			for call, err := range map[string]error{
				"Get": err, "Delete": client.Delete(t.Context(), "listB"), "EnableAlerts": client.EnableAlerts(t.Context(), "listB"),
			} {
				if !errors.Is(err, cbc.ErrNotFound) {
					t.Errorf("%s of a deleted watchlist = %v, want ErrNotFound", call, err)
				}
			}
			if n := requests(srv, "PUT", watchlistsOp+"/{watchlist_id}"); n != 0 {
				t.Errorf("%d whole watchlists were written", n)
			}
		})
	}
}

func TestWatchlistOfSingleReports(t *testing.T) {
	t.Parallel()
	world := intel()
	world.Feeds[0].Reports = []cbctest.Report{{ID: "r1", Timestamp: 1, Title: "t", Description: "d", Severity: 1, IOCs: []cbctest.IOC{
		{ID: "1", MatchType: "equality", Field: "process_hash", Values: []string{evil}},
	}}}
	client := connect(t, cbctest.New(world).Client())
	made, err := client.Watchlists.Create(t.Context(), cbc.NewWatchlist{Name: "One", ReportIDs: []cbc.WatchlistReportID{"feedA-r1"}, NoAlerts: true, AlertClassification: true})
	if err != nil {
		t.Fatal(err)
	}
	if made.ID == "" || made.FeedID != "" || made.AlertsEnabled || !made.TagsEnabled || !made.AlertClassificationEnabled || !cmp.Equal(made.ReportIDs, []cbc.WatchlistReportID{"feedA-r1"}) {
		t.Errorf("Create = %+v", made)
	}
}
