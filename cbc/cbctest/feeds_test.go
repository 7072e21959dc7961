package cbctest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// hash is a made-up SHA-256.
const hash = "60c8664340cd4a3c0d45923c8da7da762df7c1eb0b1a133a50dd55b7614655c2"

// report is the JSON of a report with that id.
func report(id string) string {
	return `{"id": "` + id + `", "timestamp": 1715678000, "title": "active malware attachment", "description": "Seen in mail",
		"severity": 9, "iocs_v2": [{"id": "` + hash + `", "match_type": "equality", "field": "process_hash", "values": ["` + hash + `"]}]}`
}

// mailFeed is a feed with two reports.
func mailFeed() cbctest.Feed {
	ioc := []cbctest.IOC{{ID: hash, MatchType: "equality", Field: "process_hash", Values: []string{hash}}}
	return cbctest.Feed{
		ID: "q7TnVd3kQyGm0sWb5LxRfA", Name: "Mail", ProviderURL: "https://intel.example.net", Category: "Partner",
		Reports: []cbctest.Report{
			{ID: "r1", Timestamp: 1715678000, Title: "one", Description: "first", Severity: 9, IOCs: ioc},
			{ID: "r2", Timestamp: 1715678000, Title: "two", Description: "second", Severity: 1},
		},
	}
}

func TestFeedLife(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{})
	c.raw("GET", "/threathunter/feedmgr/healthcheck", "", http.StatusNoContent)
	const body = `{"feedinfo": {"name": "Mail", "owner": "7QRST4UV", "provider_url": "https://www.proofpoint.com",
		"summary": "Hashes", "category": "Partner", "access": "private"}, "reports": []}`
	got := c.call("POST", "FM/feeds", body, http.StatusOK)
	id, _ := got["id"].(string)
	if len(id) != 22 {
		t.Errorf("the id of the feed is %q, want 22 characters", id)
	}
	info := map[string]any{
		"name": "Mail", "owner": "7QRST4UV", "provider_url": "https://www.proofpoint.com", "summary": "Hashes",
		"category": "Partner", "source_label": nil, "access": "private", "id": id, "alertable": true,
	}
	if diff := cmp.Diff(info, got); diff != "" {
		t.Errorf("POST /feeds mismatch (-want +got):\n%s", diff)
	}
	if twin := c.call("POST", "FM/feeds", body, http.StatusOK); twin["id"] == id {
		t.Errorf("two feeds have the id %s", id)
	}
	if diff := cmp.Diff(map[string]any{"feedinfo": info, "reports": []any{}}, c.call("GET", "FM/feeds/"+id, "", http.StatusOK)); diff != "" {
		t.Errorf("GET /feeds/{id} mismatch (-want +got):\n%s", diff)
	}
	if list := c.call("GET", "FM/feeds", "", http.StatusOK)["results"].([]any); len(list) != 2 {
		t.Errorf("GET /feeds has %d results, want 2", len(list))
	} else if diff := cmp.Diff(any(info), list[0]); diff != "" {
		t.Errorf("GET /feeds mismatch (-want +got):\n%s", diff)
	}
	info["summary"], info["alertable"], info["source_label"] = "New", false, "label"
	put := c.call("PUT", "FM/feeds/"+id+"/feedinfo", `{"id": "`+id+`", "owner": "someone", "name": "Mail", "provider_url": "https://www.proofpoint.com",
		"summary": "New", "category": "Partner", "alertable": false, "source_label": "label"}`, http.StatusOK)
	if diff := cmp.Diff(info, put); diff != "" {
		t.Errorf("PUT feedinfo mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(info, c.call("GET", "FM/feeds/"+id+"/feedinfo", "", http.StatusOK)); diff != "" {
		t.Errorf("GET feedinfo mismatch (-want +got):\n%s", diff)
	}
	c.raw("DELETE", "FM/feeds/"+id, "", http.StatusNoContent)
	c.call("GET", "FM/feeds/"+id, "", http.StatusNotFound)
	c.call("DELETE", "FM/feeds/"+id, "", http.StatusNotFound)
	if n := len(c.srv.Feeds()); n != 1 {
		t.Errorf("%d feeds are left, want 1", n)
	}
}

func TestFeedReports(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Feeds: []cbctest.Feed{mailFeed()}})
	const feed = "FM/feeds/q7TnVd3kQyGm0sWb5LxRfA"
	want := map[string]any{
		"id": "r1", "timestamp": 1715678000.0, "title": "one", "description": "first", "severity": 9.0, "link": nil, "tags": nil,
		"iocs": nil, "visibility": nil, "iocs_v2": []any{map[string]any{
			"id": hash, "match_type": "equality", "field": "process_hash", "values": []any{hash}, "link": nil,
		}},
	}
	if diff := cmp.Diff(map[string]any{"report": want}, c.call("GET", feed+"/reports/r1", "", http.StatusOK)); diff != "" {
		t.Errorf("GET report mismatch (-want +got):\n%s", diff)
	}
	list := c.call("GET", feed+"/reports", "", http.StatusOK)["results"].([]any)
	if v, ok := list[1].(map[string]any)["iocs_v2"]; len(list) != 2 || !ok || v != nil {
		t.Errorf("GET reports = %v, want two, the second with iocs_v2 null", list)
	}

	put := c.call("PUT", feed+"/reports/r3", report("r3"), http.StatusOK)
	if put["id"] != "r3" || put["tags"] != nil || put["severity"] != 9.0 {
		t.Errorf("PUT of a new report = %v", put)
	}
	c.call("PUT", feed+"/reports/r1", report("r1"), http.StatusOK)
	if diff := cmp.Diff([]string{"r1 active malware attachment", "r2 two", "r3 active malware attachment"}, titles(c)); diff != "" {
		t.Errorf("after the PUTs mismatch (-want +got):\n%s", diff)
	}
	c.raw("DELETE", feed+"/reports/r2", "", http.StatusNoContent)
	c.call("DELETE", feed+"/reports/r2", "", http.StatusNotFound)
	c.call("GET", feed+"/reports/r2", "", http.StatusNotFound)
	replaced := c.call("POST", feed+"/reports", `{"reports": [`+report("r9")+`]}`, http.StatusOK)
	if diff := cmp.Diff(map[string]any{"success": true}, replaced); diff != "" {
		t.Errorf("POST reports mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"r9 active malware attachment"}, titles(c)); diff != "" {
		t.Errorf("POST must replace all reports, mismatch (-want +got):\n%s", diff)
	}
	c.call("POST", feed+"/reports", `{"reports": [`+report("r9")+`, {"id": "bad"}]}`, http.StatusBadRequest)
	c.call("POST", "FM/feeds/none/reports", `{"reports": []}`, http.StatusNotFound)
	if n := len(titles(c)); n != 1 {
		t.Errorf("a refused POST left %d reports, want the 1 from before", n)
	}

	c.srv.Inject(nil, 1, fake.ActThenFail(http.StatusGatewayTimeout))
	c.raw("POST", feed+"/reports", `{"reports": []}`, http.StatusGatewayTimeout)
	if n := len(titles(c)); n != 0 {
		t.Errorf("a write that timed out left %d reports, want it done", n)
	}
}

// titles lists the reports of the first feed.
func titles(c *console) []string {
	var out []string
	for _, r := range c.srv.Feeds()[0].Reports {
		out = append(out, r.ID+" "+r.Title)
	}
	return out
}

func TestFeedReportsInTheOldForm(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Feeds: []cbctest.Feed{mailFeed()}})
	c.call("PUT", "FM/feeds/q7TnVd3kQyGm0sWb5LxRfA/reports/old", `{"id": "old", "timestamp": 1, "title": "t", "description": "", "severity": 5,
		"iocs": {"md5": ["00"], "dns": ["a.example", "b.example"], "query": [{"index_type": "events", "search_query": "process_name:x"}]}}`, http.StatusOK)
	want := cbctest.Report{ID: "old", Timestamp: 1, Title: "t", Severity: 5, IOCs: []cbctest.IOC{
		{ID: "v1-md5", MatchType: "equality", Field: "md5", Values: []string{"00"}},
		{ID: "v1-netconn_domain", MatchType: "equality", Field: "netconn_domain", Values: []string{"a.example", "b.example"}},
		{ID: "v1-query-0", MatchType: "query", Values: []string{"process_name:x"}},
	}}
	got, _ := c.srv.Report("q7TnVd3kQyGm0sWb5LxRfA-old")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Report mismatch (-want +got):\n%s", diff)
	}
}

func TestFeedRefusals(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Feeds: []cbctest.Feed{mailFeed(), {ID: "vendor", Name: "Vendor", Access: "public"}}}
	c := newConsole(t, world)
	const feed = "FM/feeds/q7TnVd3kQyGm0sWb5LxRfA"
	change := func(old, replacement string) string { return strings.Replace(report("r1"), old, replacement, 1) }
	for name, body := range map[string]string{
		"severity 0":       change(`"severity": 9`, `"severity": 0`),
		"severity 11":      change(`"severity": 9`, `"severity": 11`),
		"no severity":      change(`"severity": 9,`, ``),
		"severity as text": change(`"severity": 9`, `"severity": "9"`),
		"no timestamp":     change(`"timestamp": 1715678000,`, ``),
		"empty title":      change(`"active malware attachment"`, `""`),
		"no description":   change(`"description": "Seen in mail",`, ``),
		"another id":       change(`"id": "r1"`, `"id": "r2"`),
		"unknown member":   change(`"severity": 9`, `"severity": 9, "score": 9`),
		"unknown type":     change(`"equality"`, `"substring"`),
		"no field":         change(`"field": "process_hash",`, ``),
		"no values":        change(`"values": ["`+hash+`"]`, `"values": []`),
		"query with field": change(`"equality"`, `"query"`),
	} {
		if got := c.call("PUT", feed+"/reports/r1", body, http.StatusBadRequest); got["message"] == "" {
			t.Errorf("%s is refused without a reason", name)
		}
	}
	for _, body := range []string{
		`{}`,
		`{"feedinfo": {"provider_url": "", "summary": "", "category": ""}}`,
		`{"feedinfo": {"name": "n", "summary": "", "category": ""}}`,
		`{"feedinfo": {"name": "n", "provider_url": "", "summary": "", "category": "", "access": "public"}}`,
		`{"feedinfo": {"name": "n", "provider_url": "", "summary": "", "category": "", "access": "secret"}}`,
		`{"feedinfo": {"name": "n", "provider_url": "", "summary": "", "category": "", "id": "mine"}}`,
		`{"feedinfo": {"name": "n", "provider_url": "", "summary": "", "category": "", "color": "red"}}`,
		`{"feedinfo": {"name": "n", "provider_url": "", "summary": "", "category": ""}, "reports": [{"id": "x"}]}`,
	} {
		c.call("POST", "FM/feeds", body, http.StatusBadRequest)
	}
	if len(c.srv.Feeds()) != 2 {
		t.Errorf("a refused feed was made: %v", c.srv.Feeds())
	}
	c.call("POST", "FM/feeds/public", `{}`, http.StatusForbidden)
	c.call("DELETE", "FM/feeds/vendor", "", http.StatusForbidden)
	c.call("GET", "FM/feeds?name=Mail", "", http.StatusBadRequest)
	for path, want := range map[string]int{"FM/feeds": 1, "FM/feeds?include_public=true": 2, "FM/feeds?include_public=False": 1} {
		if list := c.call("GET", path, "", http.StatusOK)["results"].([]any); len(list) != want {
			t.Errorf("GET %s has %d results, want %d", path, len(list), want)
		}
	}

	world.Switches.Feeds = cbctest.FeedSwitches{Lenient: true, OmitAlertable: true}
	c = newConsole(t, world)
	c.call("PUT", feed+"/reports/r1", change(`"severity": 9`, `"severity": 0`), http.StatusOK)
	if _, ok := c.call("GET", feed+"/feedinfo", "", http.StatusOK)["alertable"]; ok {
		t.Errorf("alertable is there although it is switched off")
	}
}

func TestFeedPermissions(t *testing.T) {
	t.Parallel()
	world := cbctest.World{
		Feeds: []cbctest.Feed{mailFeed()},
		Keys: []cbctest.Key{
			{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: []string{"org.feeds:CREATE", "org.feeds:READ"}},
			{ID: "UPDATER", Secret: "SECRET", Permissions: []string{"org.feeds:UPDATE"}},
		},
	}
	world.Switches.Feeds.UpsertNeedsCreate = true
	c := newConsole(t, world)
	const feed = "FM/feeds/q7TnVd3kQyGm0sWb5LxRfA"
	c.call("POST", feed+"/reports", `{"reports": [`+report("r1")+`]}`, http.StatusOK)
	c.call("PUT", feed+"/reports/r1", report("r1"), http.StatusForbidden)
	c.call("DELETE", feed, "", http.StatusForbidden)
	c.token = "SECRET/UPDATER"
	c.call("PUT", feed+"/reports/r1", report("r1"), http.StatusOK)
	c.call("PUT", feed+"/reports/r2", report("r2"), http.StatusForbidden)
	c.call("GET", feed, "", http.StatusForbidden)
}
