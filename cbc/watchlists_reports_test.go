package cbc_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestWatchlistUpdate(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(intel())
	client := connect(t, srv.Client()).Watchlists
	got, err := client.Update(t.Context(), "listB", cbc.WatchlistChange{Name: new("Mail"), Alerts: new(true), AlertClassification: new(true)})
	if err != nil || got.Name != "Mail" || !got.AlertsEnabled || !got.AlertClassificationEnabled || !got.TagsEnabled || got.FeedID != "feedB" {
		t.Errorf("Update = %+v, %v, want a new name and alerts, and the rest as it was", got, err)
	}
	if got, err := client.Update(t.Context(), "listB", cbc.WatchlistChange{FeedID: "feedA", Tags: new(false)}); err != nil || got.FeedID != "feedA" || got.TagsEnabled || got.Name != "Mail" {
		t.Errorf("Update to another feed = %+v, %v", got, err)
	}
	for name, on := range map[string]func() (bool, error){
		"AlertsEnabled": func() (bool, error) { return client.AlertsEnabled(t.Context(), "listB") },
		"not TagsEnabled": func() (bool, error) {
			on, err := client.TagsEnabled(t.Context(), "listB")
			return !on, err
		},
	} {
		if ok, err := on(); !ok || err != nil {
			t.Errorf("%s = %v, %v, want true", name, ok, err)
		}
	}
	before := len(srv.Requests())
	for name, change := range map[string]cbc.WatchlistChange{
		"nothing":            {},
		"an empty name":      {Name: new(" ")},
		"a feed and reports": {FeedID: "feedA", ReportIDs: []cbc.WatchlistReportID{"r"}},
		"no reports":         {ReportIDs: []cbc.WatchlistReportID{}},
		"an empty report id": {ReportIDs: []cbc.WatchlistReportID{""}},
	} {
		if _, err := client.Update(t.Context(), "listB", change); err == nil || len(srv.Requests()) != before {
			t.Errorf("%s: %v, %d requests; want an error and none", name, err, len(srv.Requests())-before)
		}
	}
	if _, err := client.Update(t.Context(), "nowhere", cbc.WatchlistChange{Tags: new(true)}); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Update of a watchlist that is not there = %v", err)
	}
}

func TestASwitchUnderAnotherName(t *testing.T) {
	t.Parallel()
	const op = "GET " + watchlistsOp + "/{watchlist_id}/tag"
	for answer, want := range map[string]bool{`{"tag":true}`: true, `{"tags_enabled":true}`: true, `{"tag":false,"alert":true}`: false} {
		client, _ := scripted(t, map[string][]string{op: {answer}})
		if got, err := client.Watchlists.TagsEnabled(t.Context(), "listB"); got != want || err != nil {
			t.Errorf("TagsEnabled of %s = %v, %v, want %v", answer, got, err, want)
		}
	}
	for _, answer := range []string{`{}`, `{"success":true}`, `{"a":true,"b":false}`, `[]`, `{"name":"tag"}`} {
		client, _ := scripted(t, map[string][]string{op: {answer}})
		if got, err := client.Watchlists.TagsEnabled(t.Context(), "listB"); err == nil {
			t.Errorf("TagsEnabled of %s = %v without an error", answer, got)
		}
	}
}

func TestReportsWithoutAFeed(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(intel())
	client := connect(t, srv.Client()).Watchlists
	r := report("", [32]byte{1})
	r.Tags, r.Link = []string{"mail"}, "https://intel.example/1"
	made, err := client.CreateReport(t.Context(), r)
	if err != nil || made.ID == "" {
		t.Fatalf("CreateReport = %+v, %v", made, err)
	}
	id := cbc.WatchlistReportID(made.ID)
	read, err := client.Report(t.Context(), id)
	if diff := cmp.Diff(made, read); diff != "" || err != nil {
		t.Errorf("Report: %v, mismatch (-want +got):\n%s", err, diff)
	}
	if _, err := client.Create(t.Context(), cbc.NewWatchlist{Name: "One", ReportIDs: []cbc.WatchlistReportID{id}}); err != nil {
		t.Error(err)
	}
	made.Title, made.Timestamp = "another title", time.Unix(1, 0)
	changed, err := client.UpdateReport(t.Context(), id, made)
	if err != nil || changed.Title != "another title" || changed.ID != made.ID || !changed.Timestamp.After(time.Now().Add(-time.Hour)) {
		t.Errorf("UpdateReport = %+v, %v, want the new title at the present time", changed, err)
	}
	if err := client.DeleteReport(t.Context(), id); err != nil {
		t.Error(err)
	}
	_, gone := client.Report(t.Context(), id)
	_, gone2 := client.UpdateReport(t.Context(), id, made)
	for call, err := range map[string]error{"Report": gone, "UpdateReport": gone2, "DeleteReport": client.DeleteReport(t.Context(), id)} {
		if !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("%s of a deleted report = %v, want ErrNotFound", call, err)
		}
	}
	before := len(srv.Requests())
	_, withID := client.CreateReport(t.Context(), report("mine", [32]byte{1}))
	_, empty := client.CreateReport(t.Context(), report(""))
	_, other := client.UpdateReport(t.Context(), "a", report("b", [32]byte{1}))
	for name, err := range map[string]error{"a report with an id": withID, "a report without indicators": empty, "a report with another id": other} {
		if err == nil || len(srv.Requests()) != before {
			t.Errorf("%s: %v, %d requests; want an error and none", name, err, len(srv.Requests())-before)
		}
	}
}

func TestCreateReportIsNotRepeated(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(intel())
	srv.FailNext(1, http.StatusBadGateway)
	if _, err := connect(t, srv.Client()).Watchlists.CreateReport(t.Context(), report("", [32]byte{1})); err == nil || len(srv.Requests()) != 1 {
		t.Errorf("CreateReport after a 502 = %v with %d requests, want an error and one", err, len(srv.Requests()))
	}
}

func TestIgnoringAndSeverities(t *testing.T) {
	t.Parallel()
	world := intel()
	world.Feeds[0].Reports = []cbctest.Report{{ID: "r1", Timestamp: 1, Title: "t", Description: "d", Severity: 1, IOCs: []cbctest.IOC{
		{ID: "i1", MatchType: "equality", Field: "process_hash", Values: []string{evil}},
	}}}
	world.Reports = []cbctest.Report{{ID: "own", Timestamp: 1, Title: "t", Description: "d", Severity: 4, IOCs: []cbctest.IOC{
		{ID: "i2", MatchType: "equality", Field: "process_hash", Values: []string{evil}},
	}}}
	client := connect(t, cbctest.New(world).Client()).Watchlists
	ctx := t.Context()
	of := cbc.FeedReportID("feedA", "r1")
	ignored := func(want bool) {
		t.Helper()
		report, err := client.ReportIgnored(ctx, of)
		ioc, err2 := client.IOCIgnored(ctx, of, "i1")
		if report != want || ioc != want || err != nil || err2 != nil {
			t.Errorf("ReportIgnored = %v, %v, IOCIgnored = %v, %v, want %v", report, err, ioc, err2, want)
		}
	}
	ignored(false)
	if err := errors.Join(client.IgnoreReport(ctx, of), client.IgnoreIOC(ctx, of, "i1")); err != nil {
		t.Error(err)
	}
	ignored(true)
	if err := errors.Join(client.HeedReport(ctx, of), client.HeedIOC(ctx, of, "i1")); err != nil {
		t.Error(err)
	}
	ignored(false)

	if _, err := client.Severity(ctx, "own"); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Severity before one was set = %v, want ErrNotFound", err)
	}
	if err := client.SetSeverity(ctx, "own", 9); err != nil {
		t.Error(err)
	}
	if got, err := client.Severity(ctx, "own"); got != 9 || err != nil {
		t.Errorf("Severity = %d, %v, want 9", got, err)
	}
	if got, err := client.Severities(ctx); err != nil || !cmp.Equal(got, map[cbc.WatchlistReportID]int{"own": 9}) {
		t.Errorf("Severities = %v, %v", got, err)
	}
	if err := client.ResetSeverity(ctx, "own"); err != nil {
		t.Error(err)
	}
	if got, err := client.Severities(ctx); err != nil || len(got) != 0 {
		t.Errorf("Severities after a reset = %v, %v", got, err)
	}
	for _, n := range []int{0, 11} {
		if err := client.SetSeverity(ctx, "own", n); err == nil {
			t.Errorf("SetSeverity(%d) was accepted", n)
		}
	}
	odd, _ := scripted(t, map[string][]string{"GET /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/severity": {`{"results":[{"severity":3}]}`}})
	if got, err := odd.Watchlists.Severities(ctx); err == nil {
		t.Errorf("Severities of an entry without a report = %v", got)
	}
}
