package cbctest_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// The vendor's Python SDK, version 1.5, has habits of its own: it sends null for no order, it repeats the process of a query
// beside the query, with the escapes that it has there, it asks for results without saying which, and it has queries
// validated by parameters. These tests send what it sends, and look at the members that it reads.

// sdkGUID is a process with a name of the form that the service gives.
const sdkGUID = "7QRST4UV-0045c1d2-00001a2c-00000000-1db7c3f1a2b4c5d"

// sdkEscaped is the same as the SDK writes it in queries.
const sdkEscaped = `7QRST4UV\\-0045c1d2\\-00001a2c\\-00000000\\-1db7c3f1a2b4c5d`

// sdkWorld is a world with a process, its child, and what there is to say about it.
func sdkWorld() cbctest.World {
	return cbctest.World{
		Devices: []cbctest.Device{{ID: 4571602, Name: "LAP-0417"}},
		Processes: []cbctest.Process{
			{
				GUID: sdkGUID, DeviceID: 4571602, PIDs: []int64{6700}, Name: `c:\a.exe`, Hashes: []string{evilMD, evil}, CmdLine: "a.exe",
				Time: noon.Add(-time.Hour), Events: []cbctest.Event{{Type: "netconn"}, {Type: "filemod"}},
			},
			{GUID: "child", DeviceID: 4571602, ParentGUID: sdkGUID, Time: noon.Add(-time.Hour)},
		},
		Observations: []cbctest.Observation{{ID: "O1", ProcessGUID: sdkGUID, AlertIDs: []string{"A1"}}},
		Alerts:       []cbctest.Alert{{ID: "A1", ThreatID: "T1", ProcessGUID: sdkGUID}},
	}
}

// poll asks as the SDK does: every half second, until contacted is not 0 and completed has reached it.
func (c *console) poll(path string) map[string]any {
	c.t.Helper()
	for range 20 {
		got := c.call("GET", path, "", 200)
		contacted, _ := got["contacted"].(float64)
		completed, _ := got["completed"].(float64)
		if contacted != 0 && completed >= contacted {
			return got
		}
		c.wait(500 * time.Millisecond)
	}
	c.t.Fatalf("GET %s does not finish", path)
	return nil
}

// startJob starts a job and returns the path of its results.
func (c *console) startJob(path, body string) string {
	c.t.Helper()
	id, _ := c.call("POST", path, body, 200)["job_id"].(string)
	return path + "/" + id + "/results"
}

func TestSDKProcesses(t *testing.T) {
	t.Parallel()
	c := newConsole(t, sdkWorld())
	if got := c.call("POST", processesV2+"/search_validation", `{"query":"process_guid:`+sdkEscaped+`"}`, 200); got["valid"] != true {
		t.Fatalf("validation = %v", got)
	}
	results := c.startJob(processesV2+"/search_jobs", `{"query":"process_guid:`+sdkEscaped+`","process_guid":"`+sdkEscaped+`","sort":null,"rows":10000}`)
	c.poll(results + "?start=0&rows=0")
	if got := c.call("GET", results+"?start=0&rows=500", "", 200); got["num_available"] != 1.0 || rows(got)[0]["process_guid"] != sdkGUID {
		t.Errorf("search = %v", got)
	}
	results = c.startJob(processesV2+"/search_jobs", `{"query":"(process_name:a.exe AND device_name:lap\\-0417)","fields":["*"],
		"sort":[{"field":"device_timestamp","order":"ASC"}],"time_range":{"window":"-3d"},"criteria":{"device_os":["WINDOWS"]},
		"exclusions":{"process_name":["b.exe"]},"collapse_field":["process_guid"],"rows":10000}`)
	c.poll(results + "?start=0&rows=0")
	if got := c.call("GET", results, "", 200); got["num_available"] != 1.0 { // how the SDK counts
		t.Errorf("count = %v", got)
	}
	details := c.poll(c.startJob(processesV2+"/detail_jobs", `{"process_guids":["`+sdkGUID+`"]}`))
	if details["num_found"] != 1.0 || rows(details)[0]["process_sha256"] != evil || rows(details)[0]["process_cmdline"] == nil {
		t.Errorf("details = %v", details)
	}
	results = c.startJob(processesV2+"/summary_jobs", `{"process_guid":"`+sdkGUID+`"}`)
	c.poll(results + "?format=summary")
	summary := c.call("GET", results+"?format=summary", "", 200)
	if summary["exception"] != "" || !cmp.Equal([]string{"child"}, guids(summary["summary"].(map[string]any)["children"])) {
		t.Errorf("summary = %v", summary)
	}
	if tree := c.call("GET", results+"?format=tree", "", 200); tree["exception"] != "" || !cmp.Equal([]string{"child"}, guids(tree["tree"].(map[string]any)["children"])) {
		t.Errorf("tree = %v", tree)
	}
	facet := c.poll(c.startJob(processesV2+"/facet_jobs", `{"terms":{"fields":["device_name"],"rows":5},"query":"process_guid:`+sdkEscaped+`"}`))
	if facet["num_found"] != 1.0 || !cmp.Equal(map[string]float64{"lap-0417": 1}, counts(facet, "terms")) {
		t.Errorf("facet = %v", facet)
	}
	results = c.startJob(processesV2+"/facet_jobs", `{"terms":{},"ranges":[{"bucket_size":"+1DAY","start":"2025-02-01T00:00:00Z",
		"end":"2025-02-12T00:00:00Z","field":"backend_timestamp"}],"query":"*:*"}`)
	c.poll(results)
	if got := c.call("GET", results+"?limit=3", "", 200); !cmp.Equal(map[string]float64{"2025-02-11T00:00:00Z": 2}, counts(got, "ranges")) {
		t.Errorf("ranges = %v", got)
	}
}

func TestSDKEvents(t *testing.T) {
	t.Parallel()
	c := newConsole(t, sdkWorld())
	values := url.Values{"query": {"process_guid:" + sdkGUID}, "q": {"process_guid:" + sdkGUID}, "process_guid": {sdkGUID}, "criteria": {"event_type"}}
	validation := "/api/investigate/v1/orgs/" + cbctest.OrgKey + "/events/search_validation?"
	if got := c.call("GET", validation+values.Encode(), "", 200); got["valid"] != true {
		t.Errorf("validation = %v", got)
	}
	if got := c.call("GET", validation+"q=(a", "", 200); got["valid"] != false || got["invalid_message"] == "" {
		t.Errorf("validation of a malformed query = %v", got)
	}
	c.raw("GET", validation+"criteria=a", "", 400)
	body := `{"query":"process_guid:` + sdkEscaped + `","process_guid":"` + sdkGUID + `","sort":null,"rows":500}`
	facet := `{"terms":{"fields":["event_type"]},"query":"process_guid:` + sdkEscaped + `"}`
	for range 4 {
		c.call("POST", eventsV2+sdkGUID+"/_search", body, 200)
		c.call("POST", eventsV2+sdkGUID+"/_facet", facet, 200)
		c.wait(time.Second)
	}
	got := c.call("POST", eventsV2+sdkGUID+"/_search", body, 200)
	if got["processed_segments"] != got["total_segments"] || got["num_available"] != 2.0 {
		t.Errorf("events = %v", got)
	}
	got = c.call("POST", eventsV2+sdkGUID+"/_facet", facet, 200)
	if got["processed_segments"] != got["total_segments"] || !cmp.Equal(map[string]float64{"filemod": 1, "netconn": 1}, counts(got, "terms")) {
		t.Errorf("facets = %v", got)
	}
}

func TestSDKObservations(t *testing.T) {
	t.Parallel()
	c := newConsole(t, sdkWorld())
	results := c.startJob(observed+"/search_jobs", `{"rows":500,"query":"observation_id:O1"}`)
	c.poll(results)
	if got := c.call("GET", results+"?start=0&rows=500", "", 200); got["num_available"] != 1.0 {
		t.Errorf("search = %v", got)
	}
	groups := c.call("POST", results[:len(results)-len("results")]+"group_results", `{"fields":["device_name"],"rows":500}`, 200)
	if list, _ := groups["group_results"].([]any); len(list) != 1 || groups["contacted"] != groups["completed"] {
		t.Errorf("groups = %v", groups)
	}
	for _, body := range []string{`{"observation_ids":["O1"]}`, `{"alert_id":"A1"}`} {
		if got := c.poll(c.startJob(observed+"/detail_jobs", body)); got["num_found"] != 1.0 || len(rows(got)) != 1 {
			t.Errorf("details = %v", got)
		}
	}
	facet := c.poll(c.startJob(observed+"/facet_jobs", `{"terms":{"fields":["process_name"]},"query":"process_pid:6700"}`))
	if !cmp.Equal(map[string]float64{`c:\a.exe`: 1}, counts(facet, "terms")) {
		t.Errorf("facet = %v", facet)
	}
	if got := c.call("GET", observed+"/search_suggestions?suggest.q=device_i&suggest.count=3", "", 200); got["suggestions"] == nil {
		t.Errorf("suggestions = %v", got)
	}
}

func TestSDKAlerts(t *testing.T) {
	t.Parallel()
	c := newConsole(t, sdkWorld())
	got := c.call("POST", alerts+"/_search", `{"criteria":{"minimum_severity":3,"type":["CB_ANALYTICS"]},"query":"process_name:a.exe","rows":100,
		"time_range":{"start":"2025-02-01T00:00:00.000000Z","end":"2025-02-12T00:00:00.000000Z"},"sort":[{"field":"severity","order":"DESC"}]}`, 200)
	if got["num_found"] != 1.0 || rows(got)[0]["id"] != "A1" {
		t.Errorf("search = %v", got)
	}
	got = c.call("POST", alerts+"/_facet", `{"query":"process_name:a.exe","criteria":{"minimum_severity":3},"terms":{"fields":["type"],"rows":0}}`, 200)
	if counts(got, "results")["CB_ANALYTICS"] != 1 {
		t.Errorf("facets = %v", got)
	}
	for _, path := range []string{alerts + "/search_suggestions?suggest.q=dev", alerts + "/A1", alerts + "/A1/history", threats + "/T1/history", alerts + "/A1/notes", threats + "/T1/tags"} {
		c.call("GET", path, "", 200)
	}
	id, _ := c.call("POST", alerts+"/workflow", `{"criteria":{"id":["A1"]},"status":"CLOSED","closure_reason":"RESOLVED",
		"determination":"FALSE_POSITIVE","note":"Normal behavior"}`, 200)["request_id"].(string)
	c.call("GET", jobs+"/"+id, "", 200)
	for range 5 {
		progress := c.call("GET", jobs+"/"+id+"/progress", "", 200)
		if progress["num_completed"].(float64) >= progress["num_total"].(float64) {
			break
		}
		c.wait(500 * time.Millisecond)
	}
	if status := c.srv.Alerts()[0].Status; status != "CLOSED" {
		t.Errorf("the alert is %s", status)
	}
	export := c.call("POST", alerts+"/_export", `{"criteria":{"type":["CB_ANALYTICS"]},"format":"CSV","fields":["id","type","workflow_status"]}`, 200)
	c.wait(finished)
	path := jobs + "/" + fmt.Sprint(int(export["job_id"].(float64))) + "/download"
	if text := string(c.raw("GET", path, "", 200)); text != "id,type,workflow_status\nA1,CB_ANALYTICS,CLOSED" {
		t.Errorf("export = %q", text)
	}
	got = c.call("POST", alerts+"/_search", `{"rows":100,"group_by":{"field":"THREAT_ID"}}`, 200)
	if got["group_by_total_count"] != 1.0 || rows(got)[0]["count"] != 1.0 || rows(got)[0]["most_recent_alert"].(map[string]any)["id"] != "A1" {
		t.Errorf("grouped = %v", got)
	}
}

func TestSDKAudit(t *testing.T) {
	t.Parallel()
	c := newConsole(t, logged())
	if got := c.call("POST", audit+"/_search", `{"criteria":{"create_time":{"range":"-5d"},"flagged":true,"actor":["root@corp.example"]},
		"sort":[{"field":"actor","order":"ASC"}]}`, 200); got["num_found"] != 1.0 {
		t.Errorf("search = %v", got)
	}
	if got := c.call("POST", audit+"/_export", `{"query":"description:Logged","format":"json"}`, 200); got["job_id"] == nil {
		t.Errorf("export = %v", got)
	}
	if got := c.call("GET", audit+"/_queue", "", 200); len(rows(got)) != 4 {
		t.Errorf("queue = %v", got)
	}
}
