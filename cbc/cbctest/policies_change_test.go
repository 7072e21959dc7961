package cbctest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// rule is a rule as a client sends it.
const rule = `{"required":true,"action":"DENY","application":{"type":"REPUTATION","value":"KNOWN_MALWARE"},"operation":"RUN"}`

func TestPolicyPage(t *testing.T) {
	t.Parallel()
	world := fleet()
	world.Policies[1].SensorSettings = map[string]string{"ALLOW_UPLOAD": "false"}
	world.Policies[1].Rules = []cbctest.PolicyRule{{
		Required: true, Action: "DENY", Operation: "RUN",
		Application: cbctest.PolicyApplication{Type: "REPUTATION", Value: "KNOWN_MALWARE"},
	}}
	world.Policies[1].Extra = map[string]any{"brand_new": 1}
	c := newConsole(t, world)
	got := c.call("GET", policies+"/20", "", 200)
	want := map[string]any{
		"id": 20.0, "name": "Contain", "org_key": cbctest.OrgKey, "version": 2.0, "priority_level": "HIGH", "position": 2.0,
		"is_system": false, "description": "", "update_time": float64(noon.UnixMilli()),
		"rules": []any{map[string]any{
			"id": 1.0, "required": true, "action": "DENY", "operation": "RUN",
			"application": map[string]any{"type": "REPUTATION", "value": "KNOWN_MALWARE"},
		}},
		"sensor_settings": []any{
			map[string]any{"name": "CB_LIVE_RESPONSE", "value": "true"},
			map[string]any{"name": "ALLOW_UPLOAD", "value": "false"},
			map[string]any{"name": "SHOW_UI", "value": "true"},
		},
		"directory_action_rules": []any{}, "sensor_configs": []any{},
		"managed_detection_response_permissions":            map[string]any{"policy_modification": false, "quarantine": false},
		"auto_deregister_inactive_vdi_interval_ms":          0.0,
		"auto_deregister_inactive_vm_workloads_interval_ms": 0.0,
		"auto_delete_known_bad_hashes_delay":                nil,
		"brand_new":                                         1.0,
	}
	for _, member := range []string{"av_settings", "rule_configs"} {
		if text := fmt.Sprint(got[member]); len(text) < 20 {
			t.Errorf("%s = %s", member, text)
		}
		delete(got, member)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

func TestCreatePolicy(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	made := c.call("POST", policies, `{
		"name":"New","description":"d","priority_level":"LOW","version":2,"org_key":"`+cbctest.OrgKey+`","is_system":false,
		"rapid_configs":[],"rules":[`+rule+`,`+rule+`],"sensor_settings":[{"name":"CB_LIVE_RESPONSE","value":"false"}],
		"av_settings":{"on_access_scan":{"enabled":false,"mode":"NORMAL"}},
		"directory_action_rules":[{"path":"/tmp","file_upload":true,"protection":false}],
		"auto_delete_known_bad_hashes_delay":1000}`, 200)
	for member, want := range map[string]any{
		"id": 22.0, "name": "New", "description": "d", "priority_level": "LOW", "position": 4.0, "is_system": false,
		"auto_delete_known_bad_hashes_delay": 1000.0,
		"av_settings":                        map[string]any{"on_access_scan": map[string]any{"enabled": false, "mode": "NORMAL"}},
		"directory_action_rules":             []any{map[string]any{"path": "/tmp", "file_upload": true, "protection": false}},
	} {
		if diff := cmp.Diff(want, made[member]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", member, diff)
		}
	}
	list, _ := made["rules"].([]any)
	if len(list) != 2 || fmt.Sprint(list[1]) != fmt.Sprint(map[string]any{
		"id": 2, "required": true, "action": "DENY", "operation": "RUN",
		"application": map[string]any{"type": "REPUTATION", "value": "KNOWN_MALWARE"},
	}) {
		t.Errorf("rules = %v", list)
	}
	if diff := cmp.Diff(made, c.call("GET", policies+"/22", "", 200)); diff != "" {
		t.Errorf("what is read is not what was answered (-answered +read):\n%s", diff)
	}
	all, _ := c.call("GET", policies+"/summary", "", 200)["policies"].([]any)
	if len(all) != 4 {
		t.Errorf("the summary has %d policies", len(all))
	}
	c.raw("POST", actions, `{"action_type":"UPDATE_POLICY","device_id":[1],"options":{"policy_id":22}}`, 204)
	if d, _ := c.srv.Device(1); d.PolicyID != 22 || slices.Contains(d.SensorStates, "LIVE_RESPONSE_ENABLED") {
		t.Errorf("a device in the new policy = %+v", d)
	}
}

func TestReplacePolicy(t *testing.T) {
	t.Parallel()
	world := fleet()
	world.Policies[2].Rules = []cbctest.PolicyRule{{
		Action: "DENY", Operation: "RUN", Application: cbctest.PolicyApplication{Type: "NAME_PATH", Value: "x"},
	}}
	world.Policies[2].Extra = map[string]any{"brand_new": 1.0, "auto_delete_known_bad_hashes_delay": 5}
	c := newConsole(t, world)
	c.wait(time.Second)
	// What was read can be sent back; nothing but the time changes.
	page := c.call("GET", policies+"/21", "", 200)
	delete(page, "brand_new")
	text, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	back := c.call("PUT", policies+"/21", string(text), 200)
	page["update_time"], page["brand_new"] = float64(noon.Add(time.Second).UnixMilli()), 1.0
	if diff := cmp.Diff(page, back); diff != "" {
		t.Errorf("sent back as it was (-want +got):\n%s", diff)
	}
	// What is left out is gone.
	got := c.call("PUT", policies+"/21", `{"id":21,"name":"Open","priority_level":"LOW","position":1}`, 200)
	if rules, _ := got["rules"].([]any); len(rules) != 0 || got["name"] != "Open" || got["position"] != 1.0 ||
		got["auto_delete_known_bad_hashes_delay"] != nil {
		t.Errorf("replaced = %v", got)
	}
	if got := c.call("GET", policies+"/10", "", 200)["position"]; got != 2.0 {
		t.Errorf("the policy that was first is now number %v", got)
	}
	// The sensor of device 3 comes every minute; the policy allows Live Response now.
	allowed := func() bool {
		d, _ := c.srv.Device(3)
		return slices.Contains(d.SensorStates, "LIVE_RESPONSE_ENABLED")
	}
	if allowed() {
		t.Error("the sensor knows before its next contact")
	}
	c.wait(time.Minute)
	if !allowed() {
		t.Error("the sensor does not know after its next contact")
	}
}

func TestDeletePolicy(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	c.raw("DELETE", policies+"/10", "", 400)
	c.raw("DELETE", policies+"/20", "", 400)
	c.raw("POST", actions, `{"action_type":"UPDATE_POLICY","device_id":[2],"options":{"policy_id":10}}`, 204)
	c.raw("DELETE", policies+"/20", "", 204)
	c.raw("GET", policies+"/20", "", 404)
	c.raw("DELETE", policies+"/20", "", 404)
	if got := c.srv.Policies(); len(got) != 2 {
		t.Errorf("Policies() = %+v", got)
	}
}

func TestPolicyRules(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	c.wait(time.Second)
	first := c.call("POST", policies+"/20/rules", rule, 200)
	second := c.call("POST", policies+"/20/rules", rule, 200)
	if first["id"] != 1.0 || second["id"] != 2.0 {
		t.Errorf("ids = %v, %v", first["id"], second["id"])
	}
	changed := c.call("PUT", policies+"/20/rules/1", strings.Replace(rule, `{`, `{"id":1,`, 1), 200)
	if diff := cmp.Diff(first, changed); diff != "" {
		t.Errorf("replaced by itself (-want +got):\n%s", diff)
	}
	c.call("PUT", policies+"/20/rules/2", strings.Replace(rule, "DENY", "TERMINATE", 1), 200)
	c.raw("DELETE", policies+"/20/rules/1", "", 204)
	c.raw("DELETE", policies+"/20/rules/1", "", 404)
	second["action"] = "TERMINATE"
	page := c.call("GET", policies+"/20", "", 200)
	if diff := cmp.Diff([]any{second}, page["rules"]); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if page["update_time"] != float64(noon.Add(time.Second).UnixMilli()) {
		t.Errorf("update_time = %v", page["update_time"])
	}
}

func TestPolicyStrict(t *testing.T) {
	t.Parallel()
	world := fleet()
	world.Keys = []cbctest.Key{{ID: "ALL", Secret: "S"}}
	for _, op := range []string{"CREATE", "READ", "UPDATE", "DELETE"} {
		world.Keys = append(world.Keys, cbctest.Key{ID: op, Secret: "S", Permissions: []string{"org.policies:" + op}})
	}
	c := newConsole(t, world)
	const good = `{"name":"New","priority_level":"LOW"}`
	with := func(member string) string { return strings.TrimSuffix(good, "}") + "," + member + "}" }
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
		reason                  string
	}{
		{"ALL", "POST", policies, `{"priority_level":"LOW"}`, 400, "name"},
		{"ALL", "POST", policies, `{"name":"New"}`, 400, "priority_level"},
		{"ALL", "POST", policies, `{"name":"Contain","priority_level":"LOW"}`, 409, "DUPLICATE_NAME"},
		{"ALL", "POST", policies, with(`"id":5`), 400, "id"},
		{"ALL", "POST", policies, with(`"is_system":true`), 400, "is_system"},
		{"ALL", "POST", policies, with(`"version":1`), 400, "version"},
		{"ALL", "POST", policies, with(`"org_key":"OTHER"`), 400, "org_key"},
		{"ALL", "POST", policies, with(`"position":0`), 400, "position"},
		{"ALL", "POST", policies, with(`"shade":"red"`), 400, "shade"},
		{"ALL", "POST", policies, with(`"sensor_settings":[{"name":"SHOW_UI","value":true}]`), 400, "MALFORMED_JSON"},
		{"ALL", "POST", policies, with(`"sensor_settings":[{"name":"A","value":""},{"name":"A","value":""}]`), 400, "twice"},
		{"ALL", "POST", policies, with(`"rules":[{"action":"DENY"}]`), 400, "rules[0].required"},
		{"ALL", "POST", policies, with(`"rules":[` + strings.Replace(rule, "DENY", "PRAISE", 1) + `]`), 400, "rules[0].action"},
		{"ALL", "PUT", policies + "/20", with(`"id":21`), 400, "id"},
		{"ALL", "PUT", policies + "/20", `{"name":"Standard","priority_level":"LOW"}`, 409, "DUPLICATE_NAME"},
		{"ALL", "PUT", policies + "/99", good, 404, "NOT_FOUND"},
		{"ALL", "POST", policies + "/20/rules", strings.Replace(rule, "REPUTATION", "SHADE", 1), 400, "application.type"},
		{"ALL", "POST", policies + "/20/rules", strings.Replace(rule, "RUN", "REST", 1), 400, "operation"},
		{"ALL", "POST", policies + "/20/rules", strings.Replace(rule, "KNOWN_MALWARE", "", 1), 400, "application"},
		{"ALL", "POST", policies + "/99/rules", rule, 404, "NOT_FOUND"},
		{"ALL", "PUT", policies + "/20/rules/1", rule, 404, "NOT_FOUND"},
		{"READ", "POST", policies, good, 403, "org.policies:CREATE"},
		{"CREATE", "PUT", policies + "/20", good, 403, "org.policies:UPDATE"},
		{"UPDATE", "DELETE", policies + "/20", "", 403, "org.policies:DELETE"},
		{"READ", "POST", policies + "/20/rules", rule, 403, "org.policies:UPDATE"},
		{"READ", "PUT", policies + "/20/rules/1", rule, 403, "org.policies:UPDATE"},
		{"READ", "DELETE", policies + "/20/rules/1", "", 403, "org.policies:UPDATE"},
		{"DELETE", "GET", policies + "/20", "", 403, "org.policies:READ"},
		{"CREATE", "POST", policies, good, 200, "New"},
	} {
		c.token = "S/" + tt.key
		if got := string(c.raw(tt.method, tt.path, tt.body, tt.status)); !strings.Contains(got, tt.reason) {
			t.Errorf("%s %s %s as %s = %s, want one with %q", tt.method, tt.path, tt.body, tt.key, got, tt.reason)
		}
	}
}

func TestPolicySwitches(t *testing.T) {
	t.Parallel()
	world := fleet()
	world.Switches.Policies = cbctest.PolicySwitches{SameNames: true, Created: true}
	c := newConsole(t, world)
	c.call("POST", policies, `{"name":"Contain","priority_level":"LOW"}`, 201)
	c.call("POST", policies+"/22/rules", rule, 201)
}
