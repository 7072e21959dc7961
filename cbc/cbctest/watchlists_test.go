package cbctest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// subscription is the JSON of a watchlist of the mail feed.
const subscription = `{"name": "Mail", "description": "Subscribed", "tags_enabled": true, "alerts_enabled": true,
	"classifier": {"key": "feed_id", "value": "q7TnVd3kQyGm0sWb5LxRfA"}}`

func TestWatchlistLife(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Feeds: []cbctest.Feed{mailFeed()}})
	c.raw("GET", "/threathunter/watchlistmgr/healthcheck", "", http.StatusNoContent)
	got := c.call("POST", "WM/watchlists", subscription, http.StatusOK)
	id, _ := got["id"].(string)
	want := map[string]any{
		"name": "Mail", "description": "Subscribed", "id": id, "tags_enabled": true, "alerts_enabled": true,
		"create_timestamp": 1739275200.0, "last_update_timestamp": 1739275200.0, "report_ids": nil,
		"classifier": map[string]any{"key": "feed_id", "value": "q7TnVd3kQyGm0sWb5LxRfA"},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(id) != 22 {
		t.Errorf("POST /watchlists with id %q mismatch (-want +got):\n%s", id, diff)
	}
	if diff := cmp.Diff(map[string]any{"results": []any{want}}, c.call("GET", "WM/watchlists", "", http.StatusOK)); diff != "" {
		t.Errorf("GET /watchlists mismatch (-want +got):\n%s", diff)
	}
	c.wait(time.Minute)
	want["description"], want["last_update_timestamp"], want["alert_classification_enabled"] = "New", 1739275260.0, true
	put := c.call("PUT", "WM/watchlists/"+id,
		`{"id": "`+id+`", "name": null, "description": "New", "report_ids": [], "alert_classification_enabled": true}`, http.StatusOK)
	if diff := cmp.Diff(want, put); diff != "" {
		t.Errorf("PUT keeps what is not sent, mismatch (-want +got):\n%s", diff)
	}
	for _, name := range []string{"alert", "tag"} {
		path := "WM/watchlists/" + id + "/" + name
		c.raw("DELETE", path, "", http.StatusNoContent)
		if got := c.call("GET", path, "", http.StatusOK); got[name] != false {
			t.Errorf("GET %s = %v after DELETE", path, got)
		}
		c.call("PUT", path, "", http.StatusOK)
		if got := c.call("GET", path, "", http.StatusOK); got[name] != true {
			t.Errorf("GET %s = %v after PUT", path, got)
		}
	}
	// A watchlist outlives its feed.
	c.raw("DELETE", "FM/feeds/q7TnVd3kQyGm0sWb5LxRfA", "", http.StatusNoContent)
	c.call("PUT", "WM/watchlists/"+id, `{"name": "Orphan"}`, http.StatusOK)
	wantList := []cbctest.Watchlist{{
		ID: id, Name: "Orphan", Description: "New", TagsEnabled: true, AlertsEnabled: true, FeedID: "q7TnVd3kQyGm0sWb5LxRfA",
		Created: noon, Updated: noon.Add(time.Minute),
	}}
	if diff := cmp.Diff(wantList, c.srv.Watchlists()); diff != "" {
		t.Errorf("Watchlists() mismatch (-want +got):\n%s", diff)
	}
	c.raw("DELETE", "WM/watchlists/"+id, "", http.StatusNoContent)
	c.call("GET", "WM/watchlists/"+id, "", http.StatusNotFound)
}

func TestWatchlistHasOneTarget(t *testing.T) {
	t.Parallel()
	world := cbctest.World{
		Feeds:   []cbctest.Feed{mailFeed()},
		Reports: []cbctest.Report{{ID: "own", Timestamp: 1, Title: "t", Severity: 3}},
		Watchlists: []cbctest.Watchlist{
			{ID: "reports", Name: "R", ReportIDs: []string{"own"}},
			{ID: "feed", Name: "F", FeedID: "q7TnVd3kQyGm0sWb5LxRfA"},
		},
	}
	const both = `"report_ids": ["own"], "classifier": {"key": "feed_id", "value": "q7TnVd3kQyGm0sWb5LxRfA"}`
	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "", `{"name": "n"}`, http.StatusBadRequest},
		{"POST", "", `{"name": "n", "report_ids": []}`, http.StatusBadRequest},
		{"POST", "", `{"name": "n", ` + both + `}`, http.StatusBadRequest},
		{"POST", "", `{"name": "n", "report_ids": ["own", "q7TnVd3kQyGm0sWb5LxRfA-r1"]}`, http.StatusOK},
		{"POST", "", `{"name": "n", "report_ids": ["q7TnVd3kQyGm0sWb5LxRfA-none"]}`, http.StatusBadRequest},
		{"POST", "", `{"name": "n", "classifier": {"key": "feed_id", "value": "none"}}`, http.StatusBadRequest},
		{"POST", "", `{"name": "n", "classifier": {"key": "feed_name", "value": "Mail"}}`, http.StatusBadRequest},
		{"POST", "", `{"report_ids": ["own"]}`, http.StatusBadRequest},
		{"POST", "", `{"id": "x", "name": "n", "report_ids": ["own"]}`, http.StatusBadRequest},
		{"POST", "", `{"name": "n", "report_ids": ["own"], "color": "red"}`, http.StatusBadRequest},
		{"PUT", "/reports", `{"report_ids": []}`, http.StatusBadRequest},
		{"PUT", "/reports", `{"classifier": {"key": "feed_id", "value": "q7TnVd3kQyGm0sWb5LxRfA"}}`, http.StatusBadRequest},
		{"PUT", "/feed", `{"report_ids": ["own"]}`, http.StatusBadRequest},
		{"PUT", "/feed", `{"id": "other"}`, http.StatusBadRequest},
		{"PUT", "/reports", `{"report_ids": ["q7TnVd3kQyGm0sWb5LxRfA-r2"]}`, http.StatusOK},
		{"PUT", "/none", `{"name": "n"}`, http.StatusNotFound},
	} {
		c := newConsole(t, world)
		before := c.srv.Watchlists()
		c.call(tc.method, "WM/watchlists"+tc.path, tc.body, tc.status)
		if diff := cmp.Diff(before, c.srv.Watchlists()); (diff == "") != (tc.status != http.StatusOK) {
			t.Errorf("%s %s changed this (-before +after):\n%s", tc.method, tc.body, diff)
		}
	}
	world.Switches.Watchlists = cbctest.WatchlistSwitches{UnknownTargets: true, BadRequestForUnknown: true}
	c := newConsole(t, world)
	c.call("POST", "WM/watchlists", `{"name": "n", "classifier": {"key": "feed_id", "value": "none"}}`, http.StatusOK)
	c.call("GET", "WM/watchlists/none", "", http.StatusBadRequest)
}

func TestWatchlistReports(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Feeds: []cbctest.Feed{mailFeed()}}
	world.Switches.Watchlists.DropStale = true
	c := newConsole(t, world)
	made := c.call("POST", "WM/reports", report("mine"), http.StatusOK)
	id, _ := made["id"].(string)
	if id == "mine" || len(id) != 22 {
		t.Errorf("the id of the report is %q, want one from the server", id)
	}
	if diff := cmp.Diff(made, c.call("GET", "WM/reports/"+id, "", http.StatusOK)); diff != "" {
		t.Errorf("GET report mismatch (-made +got):\n%s", diff)
	}
	c.call("PUT", "WM/reports/"+id, `{"timestamp": 1715678000, "title": "stale", "description": "", "severity": 2}`, http.StatusOK)
	if got, _ := c.srv.Report(id); got.Title != "active malware attachment" {
		t.Errorf("an update with the old timestamp was taken: %v", got)
	}
	put := c.call("PUT", "WM/reports/"+id, `{"timestamp": 1715678001, "title": "fresh", "description": "", "severity": 2}`, http.StatusOK)
	if put["title"] != "fresh" || put["id"] != id {
		t.Errorf("PUT report = %v", put)
	}
	c.call("PUT", "WM/reports/"+id, `{"id": "other", "timestamp": 1715678002, "title": "t", "description": "", "severity": 2}`, http.StatusBadRequest)
	c.call("POST", "WM/reports", `{"timestamp": 1, "title": "t", "description": "", "severity": 0}`, http.StatusBadRequest)
	c.raw("DELETE", "WM/reports/"+id, "", http.StatusNoContent)
	c.call("GET", "WM/reports/"+id, "", http.StatusNotFound)
}

func TestWatchlistIgnoreAndSeverity(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Feeds: []cbctest.Feed{mailFeed()}})
	const r1 = "WM/reports/q7TnVd3kQyGm0sWb5LxRfA-r1"
	for _, path := range []string{r1 + "/ignore", r1 + "/iocs/" + hash + "/ignore"} {
		if got := c.call("GET", path, "", http.StatusOK); got["ignored"] != false {
			t.Errorf("GET %s = %v", path, got)
		}
		c.call("PUT", path, "", http.StatusOK)
		if got := c.call("GET", path, "", http.StatusOK); got["ignored"] != true {
			t.Errorf("GET %s = %v after PUT", path, got)
		}
	}
	want := []string{"q7TnVd3kQyGm0sWb5LxRfA-r1", "q7TnVd3kQyGm0sWb5LxRfA-r1/" + hash}
	if diff := cmp.Diff(want, c.srv.Ignored()); diff != "" {
		t.Errorf("Ignored() mismatch (-want +got):\n%s", diff)
	}
	c.raw("DELETE", r1+"/ignore", "", http.StatusNoContent)
	if diff := cmp.Diff(want[1:], c.srv.Ignored()); diff != "" {
		t.Errorf("Ignored() mismatch (-want +got):\n%s", diff)
	}
	c.call("PUT", r1+"/iocs/none/ignore", "", http.StatusNotFound)
	c.call("PUT", "WM/reports/r1/ignore", "", http.StatusNotFound)

	c.call("GET", r1+"/severity", "", http.StatusNotFound)
	c.call("PUT", r1+"/severity", `{"report_id": "r1", "severity": 8}`, http.StatusBadRequest)
	c.call("PUT", r1+"/severity", `{"severity": 11}`, http.StatusBadRequest)
	severity := map[string]any{"report_id": "q7TnVd3kQyGm0sWb5LxRfA-r1", "severity": 8.0}
	put := c.call("PUT", r1+"/severity", `{"report_id": "q7TnVd3kQyGm0sWb5LxRfA-r1", "severity": 8}`, http.StatusOK)
	if diff := cmp.Diff(severity, put); diff != "" {
		t.Errorf("PUT severity mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"results": []any{severity}}, c.call("GET", "WM/reports/severity", "", http.StatusOK)); diff != "" {
		t.Errorf("GET severities mismatch (-want +got):\n%s", diff)
	}
	c.raw("DELETE", r1+"/severity", "", http.StatusNoContent)
	c.call("GET", r1+"/severity", "", http.StatusNotFound)
}

func TestWatchlistPermissions(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{
		Feeds: []cbctest.Feed{mailFeed()},
		Keys: []cbctest.Key{
			{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: []string{"org.watchlists:CREATE", "org.watchlists:READ"}},
			{ID: "DELETER", Secret: "SECRET", Permissions: []string{"org.watchlists:DELETE"}},
		},
	})
	id := c.call("POST", "WM/watchlists", subscription, http.StatusOK)["id"].(string)
	c.call("PUT", "WM/watchlists/"+id, `{"name": "n"}`, http.StatusForbidden)
	c.call("DELETE", "WM/watchlists/"+id+"/alert", "", http.StatusForbidden)
	c.token = "SECRET/DELETER"
	c.raw("DELETE", "WM/watchlists/"+id+"/alert", "", http.StatusNoContent)
	c.call("PUT", "WM/watchlists/"+id+"/alert", "", http.StatusForbidden)
	c.raw("DELETE", "WM/watchlists/"+id, "", http.StatusNoContent)
}
