package cbctest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// observed is where the paths of observations begin.
const observed = "/api/investigate/v2/orgs/" + cbctest.OrgKey + "/observations"

// watched is the machine of office0417 with observations of what happened there.
func watched() cbctest.World {
	world := office0417()
	world.Observations = []cbctest.Observation{
		{
			ID: "O1", Type: "CB_ANALYTICS", Description: "ran an attachment", ProcessGUID: "invoice", AlertIDs: []string{"A1", "A2"},
			Extra: map[string]any{"attack_tactic": "TA0002"},
		},
		{ID: "O2", ProcessGUID: "wscript", ScriptHashes: []string{script}, ScriptNames: []string{`c:\users\pat\order.js`}, AlertIDs: []string{"A2"}},
		{ID: "O3", Type: "BLOCKED_HASH", DeviceID: 4571603, EventType: "netconn", Time: noon.Add(-6 * time.Minute)},
		{ID: "O4", DeviceID: 4571603, Time: noon.Add(-40 * 24 * time.Hour)},
	}
	return world
}

func TestObservationSearch(t *testing.T) {
	t.Parallel()
	c := newConsole(t, watched())
	for body, want := range map[string][]string{
		`{"query":"*:*"}`:                                                               {"O1", "O2", "O3"},
		`{"query":"process_hash:` + evil + `"}`:                                         {"O1"},
		`{"query":"process_loaded_script_hash:` + script + `"}`:                         {"O2"},
		`{"query":"scriptload_hash:` + script + `"}`:                                    {},
		`{"query":"process_loaded_script_name:order.js"}`:                               {"O2"},
		`{"criteria":{"observation_type":["CONTEXTUAL_ACTIVITY"]}}`:                     {"O2"},
		`{"criteria":{"alert_id":["A2"]}}`:                                              {"O1", "O2"},
		`{"criteria":{"device_id":[4571602,4571603]},"exclusions":{"alert_id":["A1"]}}`: {"O2", "O3"},
		`{"query":"observation_id:O3"}`:                                                 {"O3"},
		`{"query":"attack_tactic:*"}`:                                                   {"O1"},
		`{"query":"*:*","time_range":{"window":"-4m"}}`:                                 {"O1", "O2"},
		`{"query":"*:*","process_guid":"wscript"}`:                                      {"O2"},
		`{"query":"*:*","sort":[{"field":"device_timestamp","order":"ASC"}],"rows":2}`:  {"O3", "O2"},
		`{"query":"*:*","collapse_field":["device_id"]}`:                                {"O1", "O3"},
		`{"query":"event_type:netconn"}`:                                                {"O3"},
		`{"query":"attachment"}`:                                                        {},
	} {
		if diff := cmp.Diff(want, column(rows(c.job(observed+"/search_jobs", body, "rows=50")), "observation_id")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
		c.wait(-finished)
	}
	row := rows(c.job(observed+"/search_jobs", `{"query":"observation_id:O1"}`, ""))[0]
	id, _ := row["event_id"].(string)
	delete(row, "event_id")
	want := map[string]any{
		"observation_id": "O1", "observation_type": "CB_ANALYTICS", "observation_description": "ran an attachment",
		"alert_id": []any{"A1", "A2"}, "attack_tactic": "TA0002", "event_type": []any{"childproc"}, "enriched": true,
		"enriched_event_type": []any{"CREATE_PROCESS"}, "legacy": false, "org_id": cbctest.OrgKey, "process_guid": "invoice",
		"process_pid": []any{6700.0}, "process_hash": []any{evilMD, evil}, "process_username": []any{`CORP\pat`},
		"process_name":                 `c:\users\pat\downloads\invoice_0417.exe`,
		"process_effective_reputation": "NOT_LISTED", "process_reputation": "NOT_LISTED", "parent_guid": "outlook", "parent_pid": 3856.0,
		"device_id": 4571602.0, "device_name": `corp\lap-0417`, "device_os": "WINDOWS", "device_policy": "Standard",
		"device_policy_id": 88231.0, "device_group_id": 0.0, "device_timestamp": "2025-02-11T11:58:00.000Z",
		"backend_timestamp": "2025-02-11T12:00:00.000Z", "ingress_time": 1739275180000.0, "childproc_count": 0.0, "crossproc_count": 0.0,
		"filemod_count": 0.0, "modload_count": 0.0, "netconn_count": 0.0, "regmod_count": 0.0, "scriptload_count": 0.0,
	}
	if diff := cmp.Diff(want, row); diff != "" || id == "" {
		t.Errorf("an observation (-want +got):\n%s", diff)
	}
	for _, body := range []string{`{}`, `{"query":"(a"}`, `{"query":"a:b","rows":10001}`, `{"query":"a:b","time_range":{"range":"-2w"}}`} {
		c.raw("POST", observed+"/search_jobs", body, 400)
	}
	c.raw("GET", searchJobs+"/"+c.start(`{"query":"a:b"}`)+"/results", "", 200)
	c.raw("GET", observed+"/search_jobs/"+c.start(`{"query":"a:b"}`)+"/results", "", 404)
}

func TestObservationDetails(t *testing.T) {
	t.Parallel()
	c := newConsole(t, watched())
	for body, want := range map[string][]string{
		`{"observation_ids":["O3","O1","nobody"]}`: {"O1", "O3"},
		`{"alert_id":"A2"}`:                        {"O1", "O2"},
		`{"alert_id":"nobody"}`:                    {},
	} {
		got := c.job(observed+"/detail_jobs", body, "")
		if diff := cmp.Diff(want, column(rows(got), "observation_id")); diff != "" || got["num_found"] != float64(len(want)) {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	row := rows(c.job(observed+"/detail_jobs", `{"observation_ids":["O1"]}`, ""))[0]
	if row["process_sha256"] != evil || !cmp.Equal([]any{54.0}, row["process_cmdline_length"]) || row["device_os_version"] == nil {
		t.Errorf("details = %v", row)
	}
	for _, body := range []string{`{}`, `{"observation_ids":[]}`, `{"observation_ids":["O1"],"alert_id":"A1"}`, `{"observation_ids":[""]}`, `{"process_guids":["x"]}`} {
		c.raw("POST", observed+"/detail_jobs", body, 400)
	}
}

func TestObservationFacetsAndWords(t *testing.T) {
	t.Parallel()
	c := newConsole(t, watched())
	got := c.job(observed+"/facet_jobs", `{"query":"*:*","terms":{"fields":["observation_type"]}}`, "limit=2")
	if diff := cmp.Diff(map[string]float64{"BLOCKED_HASH": 1, "CB_ANALYTICS": 1}, counts(got, "terms")); diff != "" || got["num_found"] != 3.0 {
		t.Errorf("facets (-want +got):\n%s", diff)
	}
	c.raw("POST", observed+"/facet_jobs", `{"query":"*:*"}`, 400)
	if got := c.call("POST", observed+"/search_validation", `{"query":"a:("}`, 200); got["valid"] != false || got["invalid_trigger_offset"] == nil {
		t.Errorf("validation = %v", got)
	}
	list, _ := c.call("GET", observed+"/search_suggestions?suggest.q=observation_t", "", 200)["suggestions"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["term"] != "observation_type" {
		t.Errorf("suggestions = %v", list)
	}
}

func TestObservationGroups(t *testing.T) {
	t.Parallel()
	c := newConsole(t, watched())
	id, _ := c.call("POST", observed+"/search_jobs", `{"query":"*:*"}`, 200)["job_id"].(string)
	path := observed + "/search_jobs/" + id + "/group_results"
	got := c.call("POST", path, `{"fields":["device_name"],"rows":10}`, 200)
	if got["contacted"] != 0.0 || !cmp.Equal([]any{}, got["group_results"]) {
		t.Errorf("at once = %v", got)
	}
	c.wait(finished)
	groups := func(body string) map[string][]string {
		got := c.call("POST", path, body, 200)
		list, _ := got["group_results"].([]any)
		out := map[string][]string{}
		for _, one := range list {
			g, _ := one.(map[string]any)
			out[g["group_key"].(string)+"="+g["group_value"].(string)] = column(rows(g), "observation_id")
		}
		return out
	}
	const pat, lnx = `device_name=corp\lap-0417`, "device_name=lap-0418.corp.example"
	for body, want := range map[string]map[string][]string{
		`{"fields":["device_name"],"rows":10}`:                {pat: {"O1", "O2"}, lnx: {"O3"}},
		`{"fields":["device_name"],"rows":1}`:                 {pat: {"O1", "O2"}},
		`{"fields":["device_name"],"start":1}`:                {lnx: {"O3"}},
		`{"fields":["device_name"],"max_events_per_group":1}`: {pat: {"O1"}, lnx: {"O3"}},
		`{"fields":["attack_tactic","device_name"],"rows":10,"range":{"method":"interval","duration":"1h","field":"device_timestamp"}}`: {"attack_tactic=TA0002": {"O1"}, pat: {"O1", "O2"}, lnx: {"O3"}},
		`{"fields":["nothing"]}`: {},
	} {
		if diff := cmp.Diff(want, groups(body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	got = c.call("POST", path, `{"fields":["device_name"],"rows":1,"max_events_per_group":0}`, 200)
	want := map[string]any{
		"contacted": 24.0, "completed": 24.0, "message": "", "num_found": 3.0, "num_available": 3.0, "num_aggregated": 3.0,
		"approximate_unaggregated": 3.0, "groups_num_available": 2.0, "group_results": []any{map[string]any{
			"group_key": "device_name", "group_value": `corp\lap-0417`, "group_start_timestamp": "2025-02-11T11:57:00.000Z",
			"group_end_timestamp": "2025-02-11T11:58:00.000Z", "total_events": 2.0, "results": []any{},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	for _, body := range []string{`{}`, `{"fields":[]}`, `{"fields":["no field"]}`, `{"fields":["a"],"rows":-1}`, `{"fields":["a"],"query":"a:b"}`, `{"fields":["a"],"max_events_per_group":-1}`} {
		c.raw("POST", path, body, 400)
	}
	c.raw("POST", observed+"/search_jobs/nobody/group_results", `{"fields":["a"]}`, 404)
	c.raw("GET", path, "", 405)
}
