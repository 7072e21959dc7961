package cbctest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// The paths of alerts.
const (
	alerts  = "/api/alerts/v7/orgs/" + cbctest.OrgKey + "/alerts"
	threats = "/api/alerts/v7/orgs/" + cbctest.OrgKey + "/threats"
	jobs    = "/jobs/v1/orgs/" + cbctest.OrgKey + "/jobs"
)

// alarmed is the machine of office0417 with alerts about what happened there.
func alarmed() cbctest.World {
	world := office0417()
	at := func(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }
	world.Alerts = []cbctest.Alert{
		{ID: "old", Severity: 3, ThreatID: "T2", DeviceID: 4571603, Time: noon.Add(-20 * 24 * time.Hour)},
		{
			ID: "list", Severity: 8, ThreatID: "T1", ProcessGUID: "invoice", Time: at(90), ReportID: "F-R", ReportName: "Mail",
			IOCID: evil, IOCField: "process_hash", IOCHit: "process_hash:" + evil,
			Watchlists: []cbctest.AlertWatchlist{{ID: "W", Name: "pphunt"}},
		},
		{ID: "analytics", ThreatID: "T1", ProcessGUID: "invoice", Time: at(60), Extra: map[string]any{"attack_tactic": "TA0002", "score": 7}},
		{ID: "fire", Type: "HOST_BASED_FIREWALL", Severity: 2, DeviceID: 4571603, Time: at(30), Status: "IN_PROGRESS", Reason: "blocked traffic"},
	}
	return world
}

// alertIDs are the alerts that a search finds, in order.
func (c *console) alertIDs(body string) []string {
	c.t.Helper()
	return column(rows(c.call("POST", alerts+"/_search", body, 200)), "id")
}

func TestAlertSearch(t *testing.T) {
	t.Parallel()
	c := newConsole(t, alarmed())
	for body, want := range map[string][]string{
		`{}`:                              {"fire", "analytics", "list"},
		`{"time_range":{"range":"-3w"}}`:  {"fire", "analytics", "list", "old"},
		`{"time_range":{"range":"-50m"}}`: {"fire"},
		`{"time_range":{"start":"2025-02-11T10:00:00Z","end":"2025-02-11T11:10:00Z"}}`:               {"analytics", "list"},
		`{"criteria":{"process_sha256":["` + evil + `"],"type":["WATCHLIST"],"minimum_severity":1}}`: {"list"},
		`{"criteria":{"minimum_severity":8}}`:                                                        {"list"},
		`{"criteria":{"minimum_severity":"3"}}`:                                                      {"analytics", "list"},
		`{"criteria":{"id":["fire","nobody"]}}`:                                                      {"fire"},
		`{"criteria":{"device_id":[4571602]}}`:                                                       {"analytics", "list"},
		`{"criteria":{"device_id":["4571603"]}}`:                                                     {"fire"},
		`{"criteria":{"workflow_status":["IN_PROGRESS","CLOSED"]}}`:                                  {"fire"},
		`{"criteria":{"watchlists_id":["W"]}}`:                                                       {"list"},
		`{"criteria":{"severity":[]}}`:                                                               {"fire", "analytics", "list"},
		`{"criteria":{"score":[7]}}`:                                                                 {"analytics"},
		`{"criteria":{"alert_notes_present":true}}`:                                                  {},
		`{"criteria":{"detection_timestamp":{"range":"-70m"}}}`:                                      {"fire", "analytics"},
		`{"exclusions":{"type":["WATCHLIST"]}}`:                                                      {"fire", "analytics"},
		`{"exclusions":{"threat_notes_present":false}}`:                                              {},
		`{"query":"process_name:invoice_0417.exe AND -type:WATCHLIST"}`:                              {"analytics"},
		`{"query":"severity:[5 TO *]"}`:                                                              {"analytics", "list"},
		`{"query":"blocked"}`:                                                                        {},
		`{"query":"reason:\"blocked traffic\""}`:                                                     {"fire"},
		`{"sort":[{"field":"severity","order":"DESC"}]}`:                                             {"list", "analytics", "fire"},
		`{"rows":1}`:           {"fire"},
		`{"rows":2,"start":2}`: {"analytics", "list"},
		`{"rows":1,"start":0}`: {"fire"},
		`{"rows":2,"start":9}`: {},
	} {
		if diff := cmp.Diff(want, c.alertIDs(body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	for _, body := range []string{
		`{"criteria":{"shade":["red"]}}`, `{"criteria":{"type":"WATCHLIST"}}`, `{"criteria":{"minimum_severity":[1]}}`,
		`{"criteria":{"minimum_severity":11}}`, `{"criteria":{"workflow_status":["DONE"]}}`, `{"criteria":{"detection_timestamp":["x"]}}`,
		`{"criteria":{"alert_notes_present":[true]}}`, `{"criteria":{"detection_timestamp":{"window":"-1d"}}}`,
		`{"exclusions":{"minimum_severity":1}}`, `{"time_range":{"range":"2w"}}`, `{"time_range":{"window":"-2w"}}`,
		`{"time_range":{"start":"2025-02-11T10:00:00Z"}}`, `{"time_range":{"start":"2025-02-11T10:00:00Z","end":"2025-02-10T10:00:00Z"}}`, `{"query":"(a"}`, `{"rows":-1}`, `{"rows":10001}`, `{"start":-1}`,
		`{"sort":[{"field":"severity","order":"desc"}]}`, `{"sort":[{"field":"shade","order":"DESC"}]}`, `{"max_rows":1}`,
	} {
		c.raw("POST", alerts+"/_search", body, 400)
	}
	got := c.call("POST", alerts+"/_search", `{"criteria":{"workflow_status":["DONE"]}}`, 400)
	if got["error_code"] != "INVALID_ENUM_VALUE" || got["invalid_value"] != "DONE" {
		t.Errorf("unknown status = %v", got)
	}
}

func TestAlertCeiling(t *testing.T) {
	t.Parallel()
	world := cbctest.World{}
	for i := range 10_050 {
		world.Alerts = append(world.Alerts, cbctest.Alert{ID: fmt.Sprint(i), ThreatID: "T"})
	}
	c := newConsole(t, world)
	got := c.call("POST", alerts+"/_search", `{"rows":100,"start":9901}`, 200)
	if got["num_found"] != 10050.0 || got["num_available"] != 10000.0 || len(rows(got)) != 100 {
		t.Errorf("the last page = %v found, %v available, %d rows", got["num_found"], got["num_available"], len(rows(got)))
	}
	c.raw("POST", alerts+"/_search", `{"rows":100,"start":10001}`, 500)
	c.raw("POST", alerts+"/_search", `{"rows":2,"start":10000}`, 500)
}

func TestAlertOnTheWire(t *testing.T) {
	t.Parallel()
	c := newConsole(t, alarmed())
	got := c.call("GET", alerts+"/list", "", 200)
	workflow := map[string]any{
		"status": "OPEN", "closure_reason": "NO_REASON", "change_timestamp": "2025-02-11T10:30:00.000Z", "changed_by_type": "SYSTEM",
		"changed_by": "ALERT_CREATION",
	}
	for field, want := range map[string]any{
		"id": "list", "type": "WATCHLIST", "severity": 8.0, "threat_id": "T1", "detection_timestamp": "2025-02-11T10:30:00.000Z",
		"backend_timestamp": "2025-02-11T10:31:30.000Z", "device_id": 4571602.0, "device_name": `CORP\LAP-0417`, "process_guid": "invoice",
		"process_pid": 6700.0, "process_name": `c:\users\pat\downloads\invoice_0417.exe`, "process_sha256": evil, "process_md5": evilMD,
		"process_username": `CORP\pat`, "parent_sha256": office, "report_id": "F-R", "report_name": "Mail", "ioc_id": evil,
		"ioc_field": "process_hash", "ioc_hit": "process_hash:" + evil, "watchlists": []any{map[string]any{"id": "W", "name": "pphunt"}},
		"report_tags": []any{}, "report_link": nil, "alert_notes_present": false, "threat_notes_present": false, "workflow": workflow,
		"tags": nil, "user_update_timestamp": nil,
	} {
		if diff := cmp.Diff(want, got[field]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
	if _, told := c.call("GET", alerts+"/analytics", "", 200)["report_id"]; told {
		t.Error("an alert that is of no watchlist has a report")
	}
	if got := c.call("GET", alerts+"/nobody", "", 404); got["error_code"] != "NOT_FOUND" {
		t.Errorf("an unknown alert = %v", got)
	}
	c.raw("GET", alerts+"/nobody/history", "", 404)
}

func TestAlertFacets(t *testing.T) {
	t.Parallel()
	c := newConsole(t, alarmed())
	got := c.call("POST", alerts+"/_facet", `{"terms":{"fields":["TYPE","threat_id"],"rows":0},"criteria":{"type":["WATCHLIST","CB_ANALYTICS"]}}`, 200)
	value := func(id string, total float64) any { return map[string]any{"id": id, "name": id, "total": total} }
	want := map[string]any{"results": []any{
		map[string]any{"field": "type", "values": []any{value("CB_ANALYTICS", 1), value("WATCHLIST", 1)}},
		map[string]any{"field": "threat_id", "values": []any{value("T1", 2)}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facets (-want +got):\n%s", diff)
	}
	got = c.call("POST", alerts+"/_facet", `{"terms":{"fields":["type"],"rows":1},"criteria":{"type":["WATCHLIST"]},"filter_values":false}`, 200)
	want = map[string]any{"results": []any{map[string]any{"field": "type", "values": []any{value("CB_ANALYTICS", 1)}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("without the field's own criteria (-want +got):\n%s", diff)
	}
	got = c.call("POST", alerts+"/_facet", `{"terms":{"fields":["type","shade"]}}`, 400)
	known, _ := got["known_values"].([]any)
	delete(got, "known_values")
	want = map[string]any{
		"error_code": "INVALID_ENUM_VALUE", "message": "Malformed JSON input: terms.fields[1]", "field": "terms.fields[1]",
		"invalid_value": "shade",
	}
	if diff := cmp.Diff(want, got); diff != "" || len(known) < 50 {
		t.Errorf("an unknown field (-want +got), %d known:\n%s", len(known), diff)
	}
	for _, body := range []string{`{}`, `{"terms":{"fields":[]}}`, `{"terms":{"fields":["type"],"rows":-1}}`, `{"terms":{"fields":["type"]},"rows":1}`} {
		c.raw("POST", alerts+"/_facet", body, 400)
	}
}

func TestAlertGroups(t *testing.T) {
	t.Parallel()
	c := newConsole(t, alarmed())
	got := c.call("POST", alerts+"/_search", `{"group_by":{"field":"threat_id"},"sort":[{"field":"severity","order":"DESC"}]}`, 200)
	first := rows(got)[0]
	latest, _ := first["most_recent_alert"].(map[string]any)
	delete(first, "most_recent_alert")
	want := map[string]any{
		"count": 2.0, "workflow_states": map[string]any{"OPEN": 2.0}, "determination_values": map[string]any{"NONE": 2.0}, "device_count": 1.0,
		"workload_count": 0.0, "highest_severity": 8.0, "first_alert_timestamp": "2025-02-11T10:30:00.000Z",
		"last_alert_timestamp": "2025-02-11T11:00:00.000Z", "policy_applied": "NOT_APPLIED", "threat_notes_present": false, "tags": nil,
	}
	if diff := cmp.Diff(want, first); diff != "" || latest["id"] != "analytics" || got["group_by_total_count"] != 3.0 || got["num_found"] != 2.0 {
		t.Errorf("groups: %v of %v, the latest is %v (-want +got):\n%s", got["num_found"], got["group_by_total_count"], latest["id"], diff)
	}
	for _, body := range []string{`{"group_by":{"field":"shade"}}`, `{"group_by":{}}`, `{"group_by":"threat_id"}`} {
		c.raw("POST", alerts+"/_search", body, 400)
	}
	for _, body := range []string{`{}`, `{"format":"JSON"}`, `{"format":"CSV","fields":["shade"]}`, `{"format":"CSV","rows":1}`, `{"format":"CSV","query":"(a"}`} {
		c.raw("POST", alerts+"/_export", body, 400)
	}
}

func TestAlertWorkflow(t *testing.T) {
	t.Parallel()
	c := newConsole(t, alarmed())
	got := c.call("POST", alerts+"/workflow", `{"criteria":{"threat_id":["T1"]},"status":"CLOSED","closure_reason":"RESOLVED",
		"determination":"TRUE_POSITIVE","note":"process killed"}`, 200)
	id, _ := got["request_id"].(string)
	if id == "" || len(got) != 1 {
		t.Fatalf("workflow = %v, want a request_id that is a text", got)
	}
	status := func() any { return c.call("GET", alerts+"/list", "", 200)["workflow"].(map[string]any)["status"] }
	if job := c.call("GET", jobs+"/"+id, "", 200); job["status"] != "CREATED" || job["type"] != "user_workflow_update" || status() != "OPEN" {
		t.Errorf("at once: job %v, alert %v", job, status())
	}
	c.wait(finished)
	job := c.call("GET", jobs+"/"+id, "", 200)
	if diff := cmp.Diff(map[string]any{"num_total": 2.0, "num_completed": 2.0, "message": nil}, job["progress"]); diff != "" || job["status"] != "COMPLETED" {
		t.Errorf("afterwards: job %v", job)
	}
	alert := c.call("GET", alerts+"/list", "", 200)
	when := noon.Add(900 * time.Millisecond).Format("2006-01-02T15:04:05.000Z")
	workflow := map[string]any{
		"status": "CLOSED", "closure_reason": "RESOLVED", "change_timestamp": when, "changed_by_type": "API", "changed_by": cbctest.KeyID,
	}
	determination := map[string]any{
		"value": "TRUE_POSITIVE", "change_timestamp": when, "changed_by_type": "API", "changed_by": cbctest.KeyID,
	}
	if diff := cmp.Diff([]any{workflow, determination, true, true, when},
		[]any{alert["workflow"], alert["determination"], alert["alert_notes_present"], alert["is_updated"], alert["user_update_timestamp"]}); diff != "" {
		t.Errorf("the alert (-want +got):\n%s", diff)
	}
	history, _ := c.call("GET", alerts+"/list/history", "", 200)["history"].([]any)
	var kinds []string
	for _, h := range history {
		for _, kind := range []string{"note", "determination", "workflow"} {
			if _, ok := h.(map[string]any)[kind]; ok {
				kinds = append(kinds, kind)
			}
		}
	}
	if diff := cmp.Diff([]string{"note", "determination", "workflow"}, kinds); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if h, _ := c.call("GET", threats+"/T1/history", "", 200)["history"].([]any); len(h) != 6 {
		t.Errorf("the threat's history = %v", h)
	}
	if diff := cmp.Diff([]string{"fire"}, c.alertIDs(`{"exclusions":{"workflow_status":["CLOSED"]}}`)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	for _, a := range c.srv.Alerts() {
		if (a.ThreatID == "T1") != (a.Status == "CLOSED") {
			t.Errorf("Alerts(): %s is %s", a.ID, a.Status)
		}
	}
	for _, body := range []string{
		`{"criteria":{"id":["list"]}}`, `{"criteria":{"id":["list"]},"status":"DONE"}`, `{"criteria":{"id":["list"]},"status":"CLOSED","closure_reason":"TRUE_POSITIVE"}`,
		`{"criteria":{"id":["list"]},"status":"CLOSED","determination":"RESOLVED"}`, `{"criteria":{"ids":["list"]},"status":"CLOSED"}`,
		`{"criteria":{"id":["list"]},"status":"CLOSED","comment":"x"}`,
	} {
		c.raw("POST", alerts+"/workflow", body, 400)
	}
}

func TestAlertWorkflowSelections(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"status":"CLOSED"}`:                                                                       {"list", "analytics", "fire"},
		`{"criteria":{"id":["nobody"]},"status":"CLOSED"}`:                                          nil,
		`{"query":"severity:8","status":"CLOSED"}`:                                                  {"list"},
		`{"time_range":{"range":"-3w"},"status":"CLOSED"}`:                                          {"old", "list", "analytics", "fire"},
		`{"criteria":{"minimum_severity":1},"exclusions":{"type":["WATCHLIST"]},"status":"CLOSED"}`: {"analytics", "fire"},
	} {
		c := newConsole(t, alarmed())
		c.call("POST", alerts+"/workflow", body, 200)
		c.wait(finished)
		var closed []string
		for _, a := range c.srv.Alerts() {
			if a.Status == "CLOSED" {
				closed = append(closed, a.ID)
			}
		}
		if diff := cmp.Diff(want, closed); diff != "" {
			t.Errorf("%s closed (-want +got):\n%s", body, diff)
		}
	}
	world := alarmed()
	world.Switches.Alerts = cbctest.AlertSwitches{RefuseEmptySelection: true, NoTotals: true}
	c := newConsole(t, world)
	c.raw("POST", alerts+"/workflow", `{"status":"CLOSED"}`, 400)
	id, _ := c.call("POST", alerts+"/workflow", `{"criteria":{"id":["list"]},"status":"CLOSED"}`, 200)["request_id"].(string)
	c.wait(finished)
	if got := c.call("GET", jobs+"/"+id+"/progress", "", 200); got["num_total"] != 0.0 || c.srv.Alerts()[1].Status != "CLOSED" {
		t.Errorf("without totals = %v", got)
	}
	world.Switches.Jobs.Fail = true
	c = newConsole(t, world)
	c.call("POST", alerts+"/workflow", `{"criteria":{"id":["list"]},"status":"CLOSED"}`, 200)
	c.wait(finished)
	if c.srv.Alerts()[1].Status != "OPEN" {
		t.Error("a job that failed changed an alert")
	}
}

func TestDismissedThreat(t *testing.T) {
	t.Parallel()
	c := newConsole(t, alarmed())
	const path = "/appservices/v6/orgs/" + cbctest.OrgKey + "/threat/workflow/_criteria"
	c.raw("POST", path, `{"state":"CLOSED"}`, 400)
	c.call("POST", path, `{"state":"DISMISSED","remediation_state":"RESOLVED","comment":"known","threat_id":"T1"}`, 200)
	c.call("POST", path, `{"state":"DISMISSED"}`, 200)
	c.srv.AddAlerts(cbctest.Alert{ID: "next", ThreatID: "T1"}, cbctest.Alert{ID: "other", ThreatID: "T2"})
	if diff := cmp.Diff([]string{"next"}, c.alertIDs(`{"criteria":{"workflow_status":["CLOSED"]}}`)); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
}

func TestAlertPermissions(t *testing.T) {
	t.Parallel()
	world := alarmed()
	all := []struct{ permission, method, path, body string }{
		{"org.alerts:READ", "POST", alerts + "/_search", `{}`},
		{"org.alerts:READ", "POST", alerts + "/_facet", `{"terms":{"fields":["type"]}}`},
		{"org.alerts:READ", "GET", alerts + "/list", ""},
		{"org.alerts:READ", "GET", alerts + "/list/history", ""},
		{"org.alerts.close:EXECUTE", "POST", alerts + "/workflow", `{"status":"OPEN","criteria":{"id":["list"]}}`},
		{"org.alerts.notes:READ", "GET", alerts + "/list/notes", ""},
		{"org.alerts.notes:CREATE", "POST", threats + "/T1/notes", `{"note":"x"}`},
		{"org.alerts.notes:DELETE", "DELETE", alerts + "/list/notes/n", ""},
		{"org.alerts.tags:READ", "GET", threats + "/T1/tags", ""},
		{"org.alerts.tags:CREATE", "POST", threats + "/T1/tags", `{"tags":["a"]}`},
		{"org.alerts.tags:DELETE", "DELETE", threats + "/T1/tags/a", ""},
		{"org.alerts.dismiss:EXECUTE", "POST", "/appservices/v6/orgs/" + cbctest.OrgKey + "/threat/workflow/_criteria", `{"state":"OPEN"}`},
		{"org.audits:READ", "GET", audit + "/_queue", ""},
		{"org.audits:READ", "POST", audit + "/_search", `{}`},
		{"org.audits:READ", "POST", audit + "/_export", `{"format":"csv"}`},
	}
	for i, call := range all {
		world.Keys = append(world.Keys, cbctest.Key{ID: fmt.Sprint("K", i), Secret: "S", Permissions: []string{call.permission}})
	}
	world.Alerts[1].Notes = []cbctest.AlertNote{{ID: "n", Note: "x"}}
	c := newConsole(t, world)
	for i, call := range all {
		for k := range all {
			c.token = fmt.Sprint("S/K", k)
			res := c.do(call.method, call.path, call.body)
			allowed := all[k].permission == call.permission
			if (res.StatusCode != http.StatusForbidden) != allowed {
				t.Errorf("%s %s with %s = %d", call.method, call.path, all[k].permission, res.StatusCode)
			}
			if i == k && res.StatusCode >= http.StatusMultipleChoices {
				t.Errorf("%s %s with its permission = %d", call.method, call.path, res.StatusCode)
			}
		}
	}
}
