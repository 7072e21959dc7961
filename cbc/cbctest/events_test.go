package cbctest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// events is the path of the search within a process.
func events(guid string) string {
	return "/api/investigate/v2/orgs/" + cbctest.OrgKey + "/events/" + guid + "/_search"
}

func TestEventsSegments(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	c.srv.AddProcesses(cbctest.Process{
		GUID: "busy", DeviceID: 4571602, PIDs: []int64{5},
		Events: []cbctest.Event{{Type: "netconn"}, {Type: "regmod"}, {Type: "netconn"}, {Type: "netconn"}, {Type: "netconn"}},
	})
	const all = `{"query":"event_type:*"}`
	for step, want := range []struct{ processed, rows float64 }{{1, 2}, {2, 3}, {3, 4}, {4, 5}, {4, 5}} {
		got := c.call("POST", events("busy"), all, 200)
		if got["processed_segments"] != want.processed || got["total_segments"] != 4.0 || got["num_available"] != want.rows {
			t.Errorf("call %d = %v of %v segments, %v events", step, got["processed_segments"], got["total_segments"], got["num_available"])
		}
		c.wait(300 * time.Millisecond)
	}
	if got := c.call("POST", events("busy"), `{"query":"event_type:regmod"}`, 200); got["processed_segments"] != 1.0 {
		t.Errorf("another search begins with %v segments, want 1", got["processed_segments"])
	}
	list := rows(c.call("POST", events("busy"), all, 200))
	page := c.call("POST", events("busy"), `{"query":"event_type:*","start":3,"rows":1}`, 200)
	if page["processed_segments"] != 4.0 || !cmp.Equal(rows(page), list[3:4]) || page["num_found"] != 5.0 {
		t.Errorf("a page = %v", page)
	}
	got := c.call("POST", events("nobody"), all, 200)
	if got["total_segments"] != 0.0 || got["processed_segments"] != 0.0 || len(rows(got)) != 0 {
		t.Errorf("an unknown process = %v", got)
	}
	c.raw("POST", events("busy"), `{}`, 400)
	c.raw("POST", events("busy"), `{"query":"(a"}`, 400)
	c.raw("POST", events("busy"), `{"query":"a:b","max":1}`, 400)
	c.raw("POST", "/api/investigate/v1/orgs/"+cbctest.OrgKey+"/events/search_validation", `{"query":"a:b"}`, 200)
	c.srv.SetSearch(cbctest.SearchSwitches{SegmentsAtOnce: true})
	if got := c.call("POST", events("busy"), `{"query":"event_type:netconn"}`, 200); got["processed_segments"] != 4.0 || len(rows(got)) != 4 {
		t.Errorf("all segments at once = %v", got)
	}
}

func TestEventsOfAProcess(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	body := `{"query":"filemod_sha256:` + evil + `"}`
	c.call("POST", events("outlook"), body, 200)
	c.wait(2 * time.Second)
	got := rows(c.call("POST", events("outlook"), body, 200))
	if len(got) != 1 {
		t.Fatalf("events of outlook = %v", got)
	}
	for _, made := range []string{"event_guid", "event_hash"} {
		if id, _ := got[0][made].(string); len(id) != 22 {
			t.Errorf("%s = %v", made, got[0][made])
		}
		delete(got[0], made)
	}
	want := map[string]any{
		"event_type": "filemod", "event_timestamp": "2025-02-11T11:59:00.000Z", "backend_timestamp": "2025-02-11T12:00:32.000Z",
		"created_timestamp": "2025-02-11T12:04:00.000Z", "legacy": false, "process_guid": "outlook", "process_pid": 3856.0,
		"filemod_action": []any{"ACTION_FILE_CREATE", "ACTION_FILE_LAST_WRITE"},
		"filemod_name":   `c:\users\pat\downloads\invoice_0417.exe`, "filemod_sha256": evil,
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("an event (-want +got):\n%s", diff)
	}
	// What a process touched is an event as well, even if the world does not say when.
	body = `{"criteria":{"event_type":["scriptload"]},"fields":["scriptload_sha256"],"time_range":{"window":"-1d"}}`
	c.call("POST", events("wscript"), body, 200)
	c.wait(2 * time.Second)
	if got := column(rows(c.call("POST", events("wscript"), body, 200)), "scriptload_sha256"); len(got) != 1 || got[0] != script {
		t.Errorf("script loads of wscript = %v", got)
	}
}

// Every type of event with what is odd about it.
func TestEventOddities(t *testing.T) {
	t.Parallel()
	process := cbctest.Process{GUID: "odd", DeviceID: 4571602, PIDs: []int64{5, 6}, Time: noon.Add(-time.Hour)}
	types := []string{
		"childproc", "crossproc", "filemod", "fileless_scriptload", "modload", "netconn", "netconn_proxy", "regmod", "scriptload", "tomorrow",
	}
	for _, kind := range types {
		process.Events = append(process.Events, cbctest.Event{Type: kind, Name: "n", SHA256: evil, Actions: []string{"ACT"}, ContentLength: 9})
	}
	process.Events[5].Extra = map[string]any{"netconn_port": 443, "netconn_ipv4": nil}
	ask := func(c *console, body string) map[string]map[string]any {
		c.srv.AddProcesses(process)
		c.call("POST", events("odd"), body, 200)
		c.wait(2 * time.Second)
		out := map[string]map[string]any{}
		for _, row := range rows(c.call("POST", events("odd"), body, 200)) {
			kind, _ := row["event_type"].(string)
			out[kind] = row
		}
		return out
	}
	got := ask(newConsole(t, office0417()), `{"query":"event_type:*"}`)
	if len(got) != len(types) {
		t.Fatalf("%d types of events, want %d", len(got), len(types))
	}
	for _, kind := range types {
		row := got[kind]
		if row["process_pid"] != 5.0 || row[kind+"_name"] != "n" || row[kind+"_sha256"] != evil {
			t.Errorf("%s = %v", kind, row)
		}
		want := any([]any{"ACT"})
		if kind == "modload" {
			want = "ACT"
		}
		if diff := cmp.Diff(want, row[kind+"_action"]); diff != "" {
			t.Errorf("%s_action (-want +got):\n%s", kind, diff)
		}
	}
	for _, kind := range []string{"scriptload", "fileless_scriptload"} {
		if got[kind][kind+"_content_length"] != 9.0 || !cmp.Equal([]any{"FILE_SIGNATURE_STATE_NOT_SIGNED"}, got[kind][kind+"_publisher_state"]) {
			t.Errorf("%s = %v", kind, got[kind])
		}
	}
	if v, told := got["netconn"]["netconn_ipv4"]; got["netconn"]["netconn_port"] != 443.0 || !told || v != nil {
		t.Errorf("netconn = %v", got["netconn"])
	}
	world := office0417()
	world.Switches.Search.Scalars = true
	got = ask(newConsole(t, world), `{"query":"netconn_port:[400 TO 500} OR event_type:regmod","fields":["regmod_action"]}`)
	if len(got) != 2 || got["regmod"]["regmod_action"] != "ACT" || len(got["regmod"]) != 4 {
		t.Errorf("with scalars = %v", got)
	}
}
