package cbctest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// fleet is a handful of machines that differ in everything that can be searched.
func fleet() cbctest.World {
	return cbctest.World{
		Policies: []cbctest.Policy{
			{ID: 10, Name: "Standard", System: true},
			{ID: 20, Name: "Contain", PriorityLevel: "HIGH"},
			{ID: 21, Name: "Contain VDI", NoLiveResponse: true},
		},
		Devices: []cbctest.Device{
			{ID: 1, Name: `CORP\LAP-0417`, User: `CORP\pat`, AssetGroups: []string{"Sales"}},
			{ID: 2, Name: "lap-0418.corp.example", OS: "LINUX", PolicyID: 20, TargetPriority: "HIGH", PolicyOverride: true},
			{ID: 3, Name: "VDI-3", DeploymentType: "VDI", PolicyID: 21, CheckIn: time.Minute},
			{ID: 4, Name: "OLD-4", Status: "DEREGISTERED"},
			{ID: 5, Name: "OFF-5", Offline: true, LastContact: noon.AddDate(0, -2, 0)},
			{
				ID: 6, Name: "VM-6", DeploymentType: "WORKLOAD", VMUUID: "42-6", VMName: "vm six", Quarantined: true, Bypass: true,
				Extra: map[string]any{"nsx_enabled": true, "brand_new_field": 1.5},
			},
		},
	}
}

// ids are the ids of the devices that a search finds.
func ids(c *console, body string) []string {
	c.t.Helper()
	return column(rows(c.call("POST", devices+"/_search", body, 200)), "id")
}

func TestDeviceSearch(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	for body, want := range map[string][]string{
		`{}`:                                                {"1", "2", "3", "5", "6"},
		`{"criteria":{"status":["ALL"]}}`:                   {"1", "2", "3", "4", "5", "6"},
		`{"criteria":{"id":["4"]}}`:                         {"4"},
		`{"criteria":{"id":[1,"3"]}}`:                       {"1", "3"},
		`{"criteria":{"id":[99]}}`:                          {},
		`{"criteria":{"status":["ACTIVE"]}}`:                {"1", "2", "3", "6"},
		`{"criteria":{"status":["INACTIVE"]}}`:              {"5"},
		`{"criteria":{"status":["QUARANTINE"]}}`:            {"6"},
		`{"criteria":{"status":["BYPASS","DEREGISTERED"]}}`: {"4", "6"},
		`{"criteria":{"status":["LIVE"]}}`:                  {"1", "2", "3", "6"},
		`{"criteria":{"os":["LINUX","MAC"]}}`:               {"2"},
		`{"criteria":{"policy_id":[20,21]}}`:                {"2", "3"},
		`{"criteria":{"target_priority":["HIGH"]}}`:         {"2"},
		`{"criteria":{"deployment_type":["VDI"],"os":["WINDOWS"],"ad_group_id":[0]}}`:                      {"3"},
		`{"criteria":{"virtualization_provider":["VMW_ESX"]}}`:                                             {"6"},
		`{"criteria":{"last_contact_time":{"range":"-2w"}},"exclusions":{}}`:                               {"1", "2", "3", "6"},
		`{"criteria":{"last_contact_time":{"start":"2024-12-01T00:00:00Z","end":"2024-12-31T00:00:00Z"}}}`: {"5"},
		`{"exclusions":{"sensor_version":["4.0.3.1234"]}}`:                                                 {},
		`{"query":"os:WINDOWS name:lap-04*"}`:                                                              {"1"},
		`{"query":"name:LAP-0417 OR name:VDI\\-3"}`:                                                        {"1", "3"},
		`{"query":"lap*"}`:                                    {"1", "2"},
		`{"query":"pat"}`:                                     {"1"},
		`{"query":"Contain"}`:                                 {"2"},
		`{"query":"policy_name:Contain*"}`:                    {"2", "3"},
		`{"query":"id:[2 TO 3]"}`:                             {"2", "3"},
		`{"sort":[{"field":"name","order":"DESC"}],"rows":2}`: {"6", "3"},
		`{"start":1,"rows":2}`:                                {"1", "2"},
		`{"start":0,"rows":2}`:                                {"1", "2"},
		`{"start":3,"rows":2}`:                                {"3", "5"},
		`{"start":1,"rows":10000}`:                            {"1", "2", "3", "5", "6"},
		`{"rows":0}`:                                          {},
		`{"start":9,"rows":2}`:                                {},
	} {
		if diff := cmp.Diff(want, ids(c, body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	if got := c.call("POST", devices+"/_search", `{"start":2,"rows":1}`, 200)["num_found"]; got != 5.0 {
		t.Errorf("num_found = %v, want 5", got)
	}
	want := map[string]any{"results": []any{}, "num_found": 0.0}
	if diff := cmp.Diff(want, c.call("POST", devices+"/_search", `{"criteria":{"id":["99"]}}`, 200)); diff != "" {
		t.Errorf("unknown id (-want +got):\n%s", diff)
	}
}

func TestDeviceSearchSwitch(t *testing.T) {
	t.Parallel()
	world := fleet()
	world.Switches.Devices.ListGone = true
	if got := ids(newConsole(t, world), `{}`); !slices.Contains(got, "4") {
		t.Errorf("ListGone: %v", got)
	}
}

func TestDeviceSearchRefusals(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	got := c.call("POST", devices+"/_search", `{"criteria":{"os":["WINDOWS","windows"]}}`, 400)
	want := map[string]any{
		"error_code": "INVALID_ENUM_VALUE", "message": "Malformed JSON input: criteria.os[1]", "field": "criteria.os[1]",
		"invalid_value": "windows", "known_values": []any{"WINDOWS", "MAC", "LINUX", "ANDROID", "IOS", "OTHER"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unknown system (-want +got):\n%s", diff)
	}
	for _, body := range []string{
		`{"criteria":{"status":["GONE"]}}`, `{"criteria":{"deployment_type":["CLOUD"]}}`, `{"criteria":{"target_priority":[""]}}`,
		`{"criteria":{"id":["x"]}}`, `{"criteria":{"id":7}}`, `{"criteria":{"policy_id":["20"]}}`, `{"query":"name:\"x\""}`,
		`{"query":"(a"}`, `{"rows":10001}`, `{"start":9999,"rows":3}`, `{"rows":-1}`, `{"start":-1}`,
		`{"sort":[{"field":"name","order":"up"}]}`, `{"criteria":{"last_contact_time":{"range":"2w"}}}`,
		`{"criteria":{"last_contact_time":{"range":"-2w","start":"x"}}}`,
		`{"criteria":{"last_contact_time":{"range":"-2w","start":"2025-02-01T00:00:00Z","end":"2025-02-02T00:00:00Z"}}}`, `{"criteria":{"last_contact_time":{"start":"x","end":"y"}}}`,
		`{"criteria":{"last_contact_time":{"start":"2025-02-01T00:00:00Z","end":"y"}}}`,
		`{"exclusions":{"os":["MAC"]}}`,
	} {
		c.raw("POST", devices+"/_search", body, 400)
	}
}

func TestDevice(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	lap := c.call("GET", devices+"/1", "", 200)
	groups, _ := lap["asset_group"].([]any)
	if len(groups) != 1 {
		t.Errorf("asset_group = %v", lap["asset_group"])
	}
	for member, want := range map[string]any{
		"id": 1.0, "name": `CORP\LAP-0417`, "status": "REGISTERED", "os": "WINDOWS", "policy_id": 10.0, "policy_name": "Standard",
		"policy_override": false, "policy_assignment_type": "ASSET_GROUP", "current_sensor_policy_name": "Standard",
		"quarantined": false, "passive_mode": false, "vm_uuid": nil, "nsx_enabled": nil, "login_user_name": `CORP\pat`,
		"last_contact_time": "2025-02-11T12:00:00.000Z", "deployment_type": "ENDPOINT", "last_internal_ip_address": "192.0.2.2",
		"sensor_states": []any{"ACTIVE", "LIVE_RESPONSE_NOT_RUNNING", "LIVE_RESPONSE_NOT_KILLED", "LIVE_RESPONSE_ENABLED"},
	} {
		got, ok := lap[member]
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s of device 1 (-want +got):\n%s", member, diff)
		}
	}
	vm := c.call("GET", devices+"/6", "", 200)
	if vm["status"] != "BYPASS" || vm["vm_uuid"] != "42-6" || vm["nsx_enabled"] != true || vm["brand_new_field"] != 1.5 {
		t.Errorf("device 6 = %v", vm)
	}
	if states := column(rows(map[string]any{"results": []any{c.call("GET", devices+"/3", "", 200)}}), "sensor_states"); !strings.Contains(states[0], "LIVE_RESPONSE_DISABLED") {
		t.Errorf("the states under a policy without Live Response are %v", states)
	}
	if got := c.call("GET", devices+"/99", "", 404); got["error_code"] != "NOT_FOUND" {
		t.Errorf("unknown device = %v", got)
	}
	c.raw("GET", devices+"/x", "", 400)
	c = newConsole(t, cbctest.World{Devices: []cbctest.Device{{
		ID: 1, Name: "A", Running: []cbctest.RunningProcess{{PID: 5, Path: `C:\a.exe`}}, Files: []cbctest.File{{Path: `C:\b.txt`, Content: "b"}},
	}}})
	if d, _ := c.srv.Device(1); len(d.Running) != 1 || len(d.Files) != 2 {
		t.Errorf("Device(1) runs %v and has %v", d.Running, d.Files)
	}
	if _, ok := c.srv.Device(99); ok {
		t.Error("Device(99) is there")
	}
}
