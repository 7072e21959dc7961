package cbctest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestProcessesOfAFile(t *testing.T) {
	t.Parallel()
	var world cbctest.World
	const file = `{
		"devices": [{"id": 7, "name": "LAB-7"}],
		"processes": [
			{"guid": "numbers", "device_id": 7, "pids": [9], "time": "2025-02-11T11:00:00Z",
				"extra": {"device_group_id": 12, "score": 1.5, "flag": true, "alert_id": ["A1", "A2"], "empty": "", "none": null}},
			{"guid": "orphan", "device_id": 99, "parent_guid": "7QRST4UV-00000007-00000f10-00000000-1db7c3e0000aa01",
				"time": "2025-02-11T10:00:00Z"},
			{"guid": "grandchild", "device_id": 7, "parent_guid": "child", "time": "2025-02-11T08:00:00Z"},
			{"guid": "child", "device_id": 7, "parent_guid": "numbers", "time": "2025-02-11T09:00:00Z"}
		]
	}`
	if err := json.Unmarshal([]byte(file), &world); err != nil {
		t.Fatal(err)
	}
	c := newConsole(t, world)
	for query, want := range map[string][]string{
		"device_group_id:12":   {"numbers"},
		"score:1.5":            {"numbers"},
		"score:[1 TO 2]":       {"numbers"},
		"score:[10 TO 20]":     {},
		"flag:true":            {"numbers"},
		"alert_id:A2":          {"numbers"},
		"empty:*":              {},
		"none:*":               {},
		"parent_pid:3856":      {"orphan"},
		"parent_pid:9":         {"child"},
		"device_id:99":         {"orphan"},
		"process_pid:[a TO *]": nil,
	} {
		if want == nil {
			c.raw("POST", searchJobs, jsonText(t, map[string]any{"query": query}), 400)
			continue
		}
		if diff := cmp.Diff(want, found(c, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	// Rows without the field come first when it rises.
	body := `{"query":"*:*","sort":[{"field":"parent_pid","order":"ASC"}]}`
	if diff := cmp.Diff([]string{"numbers", "grandchild", "child", "orphan"}, column(c.search(body), "process_guid")); diff != "" {
		t.Errorf("sorted by parent (-want +got):\n%s", diff)
	}
	body = `{"query":"*:*","collapse_field":["parent_guid"]}`
	if got := c.search(body); len(got) != 4 {
		t.Errorf("rows without the field are collapsed: %v", got)
	}
	if got := c.search(`{"query":"process_guid:orphan"}`)[0]["device_name"]; got != "" {
		t.Errorf("the name of a device that is not there = %v", got)
	}
}

func TestEventForms(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{
		Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		Processes: []cbctest.Process{{
			GUID: "p", DeviceID: 7, Touched: map[string][]string{"filemod_hash": {evilMD, evil}},
			Events: []cbctest.Event{
				{Type: "modload", Name: `c:\x.dll`, Actions: []string{"ACTION_LOAD_MODULE"}, Time: noon.Add(-3 * time.Hour)},
				{Type: "netconn", Extra: map[string]any{"netconn_port": 443, "netconn_domain": nil}, Time: noon.Add(-2 * time.Hour)},
				{Type: "filemod", SHA256: evil, MD5: evilMD},
			},
		}, {
			GUID: "q", DeviceID: 7, Touched: map[string][]string{"modload_hash": {evilMD}},
			Events: []cbctest.Event{{Type: "filemod", Name: `c:\app.log`}},
		}},
	})
	if got := found(c, "filemod_hash:*"); !cmp.Equal(got, []string{"p"}) {
		t.Errorf("filemod_hash:* finds %v, want the one whose file was hashed", got)
	}
	const loaded = `{"query":"modload_md5:*"}`
	c.call("POST", events("q"), loaded, 200)
	c.wait(2 * time.Second)
	if got := column(rows(c.call("POST", events("q"), loaded, 200)), "modload_md5"); !cmp.Equal(got, []string{evilMD}) {
		t.Errorf("modules loaded by q = %v", got)
	}
	all := func(body string) []map[string]any {
		c.call("POST", events("p"), body, 200)
		c.wait(2 * time.Second)
		return rows(c.call("POST", events("p"), body, 200))
	}
	got := all(`{"query":"event_type:*","fields":["modload_action","netconn_port","filemod_md5"]}`)
	for _, row := range got {
		delete(row, "event_guid")
		delete(row, "process_guid")
	}
	want := []map[string]any{
		{"event_type": "filemod", "filemod_md5": evilMD},
		{"event_type": "netconn", "netconn_port": 443.0},
		{"event_type": "modload", "modload_action": "ACTION_LOAD_MODULE"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if got := all(`{"query":"netconn_port:[400 TO 500]"}`); len(got) != 1 || got[0]["netconn_action"] != nil {
		t.Errorf("events by port = %v", got)
	}
	if got := all(`{"query":"event_type:*","time_range":{"window":"-90m"}}`); len(got) != 1 {
		t.Errorf("events of the last 90 minutes = %v", got)
	}
}
