package cbctest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// subscribed is a world in which watchlists look for things in different ways.
func subscribed() cbctest.World {
	report := func(id, match, field string, values ...string) cbctest.Report {
		return cbctest.Report{
			ID: id, Timestamp: 1, Title: "report " + id, Description: "d", Severity: 7,
			IOCs: []cbctest.IOC{{ID: "i", MatchType: match, Field: field, Values: values}},
		}
	}
	return cbctest.World{
		Devices:   []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		Processes: []cbctest.Process{{GUID: "before", DeviceID: 7, Hashes: []string{evil}}},
		Feeds: []cbctest.Feed{
			{ID: "F", Name: "mail", Reports: []cbctest.Report{
				report("equal", "equality", "process_hash", office, evil), report("sha", "equality", "process_sha256", script),
				report("regex", "regex", "process_name", `\\temp\\[a-z]+\.exe$`),
			}},
			{ID: "M", Name: "muted", Muted: true, Reports: []cbctest.Report{report("query", "query", "", "process_name:curl.exe AND device_os:WINDOWS")}},
			{ID: "N", Name: "nobody", Reports: []cbctest.Report{report("silent", "equality", "process_hash", evil)}},
		},
		Reports: []cbctest.Report{report("own", "equality", "filemod_sha256", evil)},
		Watchlists: []cbctest.Watchlist{
			{ID: "W1", Name: "one", FeedID: "F", AlertsEnabled: true, TagsEnabled: true},
			{ID: "W2", Name: "two", FeedID: "F", AlertsEnabled: true},
			{ID: "W3", Name: "three", FeedID: "M", AlertsEnabled: true, TagsEnabled: true},
			{ID: "W4", Name: "four", ReportIDs: []string{"own", "N-silent"}},
			{ID: "W5", Name: "five", ReportIDs: []string{"own"}, TagsEnabled: true},
		},
	}
}

func TestWatchlistHits(t *testing.T) {
	t.Parallel()
	type found struct {
		Tags   []string
		Alerts []string // report, indicator, hit and watchlists
	}
	for name, tt := range map[string]struct {
		process cbctest.Process
		want    found
	}{
		"a hash": {
			cbctest.Process{Hashes: []string{evilMD, evil}},
			found{[]string{"F-equal:i:7"}, []string{"F-equal i process_hash:" + evil + " W1 W2"}},
		},
		"another name for the hash": {
			cbctest.Process{Hashes: []string{script}}, found{[]string{"F-sha:i:7"}, []string{"F-sha i process_sha256:" + script + " W1 W2"}},
		},
		"a pattern": {
			cbctest.Process{Name: `C:\Temp\Evil.exe`}, found{[]string{"F-regex:i:7"}, []string{`F-regex i process_name:c:\temp\evil.exe W1 W2`}},
		},
		"a query of a muted feed": {cbctest.Process{Name: `c:\curl.exe`}, found{[]string{"M-query:i:7"}, nil}},
		"a file that was written, for a watchlist without alerts": {
			cbctest.Process{Events: []cbctest.Event{{Type: "filemod", SHA256: evil}}}, found{[]string{"own:i:7"}, nil},
		},
		"nothing": {cbctest.Process{Name: `c:\windows\explorer.exe`}, found{nil, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConsole(t, subscribed())
			p := tt.process
			p.GUID, p.DeviceID, p.Time = "new", 7, noon.Add(-time.Minute)
			c.srv.AddProcesses(p)
			got := found{Tags: c.srv.Processes()[1].WatchlistHits}
			for _, a := range c.srv.Alerts() {
				var line strings.Builder
				line.WriteString(a.ReportID + " " + a.IOCID + " " + a.IOCHit)
				for _, l := range a.Watchlists {
					line.WriteString(" " + l.ID)
				}
				got.Alerts = append(got.Alerts, line.String())
				if a.Type != "WATCHLIST" || a.Severity != 7 || a.ProcessGUID != "new" || a.DeviceID != 7 || !a.Time.Equal(p.Time) {
					t.Errorf("alert = %+v", a)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("hits (-want +got):\n%s", diff)
			}
			if hits := c.srv.Processes()[0].WatchlistHits; hits != nil {
				t.Errorf("what was there before is hit: %v", hits)
			}
		})
	}
}

func TestWatchlistHitsIgnored(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method, path, body string
		want               []string
	}{
		"the report":                  {"PUT", "WM/reports/F-equal/ignore", "", nil},
		"the indicator":               {"PUT", "WM/reports/F-equal/iocs/i/ignore", "", nil},
		"another severity":            {"PUT", "WM/reports/F-equal/severity", `{"report_id":"F-equal","severity":2}`, []string{"F-equal:i:2"}},
		"a feed that is no more":      {"DELETE", "FM/feeds/F", "", nil},
		"a report that is no more":    {"DELETE", "FM/feeds/F/reports/equal", "", nil},
		"a watchlist that is no more": {"DELETE", "WM/watchlists/W1", "", nil},
	} {
		c := newConsole(t, subscribed())
		c.do(tt.method, tt.path, tt.body)
		c.srv.AddProcesses(cbctest.Process{GUID: "new", DeviceID: 7, Hashes: []string{evil}})
		if diff := cmp.Diff(tt.want, c.srv.Processes()[1].WatchlistHits); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	c := newConsole(t, subscribed())
	c.srv.AddProcesses(cbctest.Process{GUID: "new", DeviceID: 7, Hashes: []string{evil}, Time: noon.Add(-time.Minute)})
	if got := found(c, `watchlist_hit:F\-equal\:i\:7`); !cmp.Equal([]string{"new"}, got) {
		t.Errorf("found by its hit: %v", got)
	}
	if got := c.alertIDs(`{"criteria":{"process_sha256":["` + evil + `"],"type":["WATCHLIST"]}}`); len(got) != 1 {
		t.Errorf("alerts = %v", got)
	}
}
