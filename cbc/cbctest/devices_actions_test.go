package cbctest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// quarantined are the ids of the devices whose sensors report quarantine.
func quarantined(c *console) []int64 {
	out := []int64{}
	for _, d := range c.srv.Devices() {
		if d.Quarantined {
			out = append(out, d.ID)
		}
	}
	return out
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	if got := c.call("GET", devices+"/1", "", 200)["last_contact_time"]; got != "2025-02-11T12:00:00.000Z" {
		t.Errorf("last contact at the beginning = %v", got)
	}
	c.wait(10 * time.Second)
	if got := c.call("GET", devices+"/1", "", 200)["last_contact_time"]; got != "2025-02-11T12:00:10.000Z" {
		t.Errorf("last contact of a sensor that is always there = %v", got)
	}
	c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[1,3,5,4,1],"options":{"toggle":"ON"}}`, 204)
	c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[6],"options":{"toggle":"OFF"}}`, 204)
	if diff := cmp.Diff([]int64{1}, quarantined(c)); diff != "" {
		t.Errorf("at once (-want +got):\n%s", diff)
	}
	if got := c.call("GET", devices+"/3", "", 200)["last_contact_time"]; got != "2025-02-11T12:00:00.000Z" {
		t.Errorf("last contact of a sensor that comes every minute = %v", got)
	}
	c.wait(50 * time.Second)
	if diff := cmp.Diff([]int64{1, 3}, quarantined(c)); diff != "" {
		t.Errorf("after the next contact (-want +got):\n%s", diff)
	}
	if got := c.call("GET", devices+"/3", "", 200)["last_contact_time"]; got != "2025-02-11T12:01:00.000Z" {
		t.Errorf("last contact after a minute = %v", got)
	}
	c.wait(30 * 24 * time.Hour)
	if diff := cmp.Diff([]int64{1, 3}, quarantined(c)); diff != "" {
		t.Errorf("a device that is off for a month (-want +got):\n%s", diff)
	}
	c.srv.SetOffline(5, false)
	if diff := cmp.Diff([]int64{1, 3, 5}, quarantined(c)); diff != "" {
		t.Errorf("when it comes back (-want +got):\n%s", diff)
	}
	c.srv.SetOffline(1, true)
	c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[1],"options":{"toggle":"OFF"}}`, 204)
	if d, _ := c.srv.Device(1); !d.Quarantined || !d.Offline {
		t.Errorf("Device(1) offline = %+v", d)
	}
	c.srv.SetOffline(99, true)
}

func TestOnlineAfter(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{
		{ID: 1, Name: "A", Offline: true, OnlineAfter: time.Hour, CheckIn: 40 * time.Minute},
	}})
	c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[1],"options":{"toggle":"ON"}}`, 204)
	c.wait(59 * time.Minute)
	if got := quarantined(c); len(got) != 0 {
		t.Errorf("before its return: %v", got)
	}
	c.wait(time.Minute)
	if got := quarantined(c); len(got) != 1 {
		t.Errorf("at its return: %v", got)
	}
	c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[1],"options":{"toggle":"OFF"}}`, 204)
	c.wait(39 * time.Minute)
	if got := quarantined(c); len(got) != 1 {
		t.Errorf("before the next contact: %v", got)
	}
	c.wait(time.Minute)
	d, _ := c.srv.Device(1)
	if d.Quarantined || !d.LastContact.Equal(noon.Add(100*time.Minute)) {
		t.Errorf("at the next contact: %+v", d)
	}
}

func TestUpdatePolicy(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	state := func() map[string]any {
		all := c.call("GET", devices+"/3", "", 200)
		out := map[string]any{}
		for _, member := range []string{
			"policy_id", "policy_name", "policy_override", "policy_assignment_type", "current_sensor_policy_name",
			"last_device_policy_requested_time", "last_device_policy_changed_time",
		} {
			out[member] = all[member]
		}
		states, _ := all["sensor_states"].([]any)
		out["live_response"] = slices.Contains(states, any("LIVE_RESPONSE_ENABLED"))
		if len(states) != 4 {
			t.Errorf("sensor_states = %v", states)
		}
		return out
	}
	before := map[string]any{
		"policy_id": 21.0, "policy_name": "Contain VDI", "policy_override": false, "policy_assignment_type": "DEFAULT",
		"current_sensor_policy_name": "Contain VDI", "last_device_policy_requested_time": nil,
		"last_device_policy_changed_time": nil, "live_response": false,
	}
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	c.raw("POST", actions, `{"action_type":"UPDATE_POLICY","device_id":[3],"options":{"policy_id":"20"}}`, 204)
	asked := map[string]any{
		"policy_id": 20.0, "policy_name": "Contain", "policy_override": true, "policy_assignment_type": "MANUAL",
		"current_sensor_policy_name": "Contain VDI", "last_device_policy_requested_time": "2025-02-11T12:00:00.000Z",
		"last_device_policy_changed_time": nil, "live_response": false,
	}
	if diff := cmp.Diff(asked, state()); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	c.wait(61 * time.Second)
	asked["current_sensor_policy_name"], asked["live_response"] = "Contain", true
	asked["last_device_policy_changed_time"] = "2025-02-11T12:01:00.000Z"
	if diff := cmp.Diff(asked, state()); diff != "" {
		t.Errorf("in force (-want +got):\n%s", diff)
	}
}

func TestOtherActions(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	c.raw("POST", actions, `{"action_type":"BYPASS","device_id":[1],"options":{"toggle":"ON"}}`, 204)
	if got := c.call("GET", devices+"/1", "", 200); got["passive_mode"] != true || got["status"] != "BYPASS" {
		t.Errorf("bypass = %v %v", got["passive_mode"], got["status"])
	}
	c.raw("POST", actions, `{"action_type":"BACKGROUND_SCAN","device_id":[1],"options":{"toggle":"ON"}}`, 204)

	c.raw("POST", actions, `{"action_type":"UPDATE_SENSOR_VERSION","device_id":[1,2,3],"options":{"sensor_version":{"WINDOWS":"5.0"}}}`, 204)
	got := c.call("GET", devices+"/3", "", 200)
	if got["sensor_version"] != "4.0.3.1234" || got["sensor_pending_update"] != true {
		t.Errorf("update before the contact = %v %v", got["sensor_version"], got["sensor_pending_update"])
	}
	c.wait(time.Minute)
	for id, want := range map[string]string{"1": "5.0", "2": "4.0.3.1234", "3": "5.0"} {
		got := c.call("GET", devices+"/"+id, "", 200)
		if got["sensor_version"] != want || got["sensor_pending_update"] != false {
			t.Errorf("update of %s = %v %v", id, got["sensor_version"], got["sensor_pending_update"])
		}
	}

	c.raw("POST", actions, `{"action_type":"DELETE_SENSOR","device_id":[1]}`, 400)
	c.raw("POST", actions, `{"action_type":"UNINSTALL_SENSOR","device_id":[1],"options":null}`, 204)
	if got := c.call("GET", devices+"/1", "", 200); got["status"] != "DEREGISTERED" || got["deregistered_time"] == nil {
		t.Errorf("uninstalled = %v %v", got["status"], got["deregistered_time"])
	}
	c.raw("POST", actions, `{"action_type":"DELETE_SENSOR","device_id":[1],"options":{}}`, 204)
	c.raw("GET", devices+"/1", "", 404)
	if got := ids(c, `{"criteria":{"status":["ALL"]}}`); slices.Contains(got, "1") {
		t.Errorf("the deleted device is still listed: %v", got)
	}
	c.raw("POST", actions, `{"action_type":"UNINSTALL_SENSOR","device_id":[2]}`, 204)
}

func TestActionBySearch(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	body := `{"action_type":"QUARANTINE","search":{"criteria":{"os":["WINDOWS"]},"exclusions":{},"query":"name:lap* OR name:vdi*"},"options":{"toggle":"ON"}}`
	c.raw("POST", actions, body, 204)
	c.wait(time.Minute)
	if diff := cmp.Diff([]int64{1, 3, 6}, quarantined(c)); diff != "" {
		t.Errorf("quarantine by search (-want +got):\n%s", diff)
	}
}

func TestActionRefusals(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	for _, body := range []string{
		`{"device_id":[1]}`,
		`{"action_type":"quarantine","device_id":[1],"options":{"toggle":"ON"}}`,
		`{"action_type":"QUARANTINE","device_id":[1]}`,
		`{"action_type":"QUARANTINE","device_id":[1],"options":{}}`,
		`{"action_type":"QUARANTINE","device_id":[1],"options":{"toggle":"on"}}`,
		`{"action_type":"QUARANTINE","device_id":[1],"options":{"toggle":true}}`,
		`{"action_type":"QUARANTINE","device_id":[1],"options":{"toggle":"ON","force":true}}`,
		`{"action_type":"QUARANTINE","device_ids":[1],"options":{"toggle":"ON"}}`,
		`{"action_type":"QUARANTINE","device_id":["1"],"options":{"toggle":"ON"}}`,
		`{"action_type":"QUARANTINE","device_id":1,"options":{"toggle":"ON"}}`,
		`{"action_type":"QUARANTINE","device_id":[],"options":{"toggle":"ON"}}`,
		`{"action_type":"QUARANTINE","options":{"toggle":"ON"}}`,
		`{"action_type":"QUARANTINE","device_id":[1],"search":{},"options":{"toggle":"ON"}}`,
		`{"action_type":"QUARANTINE","search":{"criteria":{"os":["DOS"]}},"options":{"toggle":"ON"}}`,
		`{"action_type":"UPDATE_POLICY","device_id":[1]}`,
		`{"action_type":"UPDATE_POLICY","device_id":[1],"options":{}}`,
		`{"action_type":"UPDATE_POLICY","device_id":[1],"options":{"policy_id":99}}`,
		`{"action_type":"UPDATE_POLICY","device_id":[1],"options":{"policy_id":"Contain"}}`,
		`{"action_type":"UPDATE_SENSOR_VERSION","device_id":[1],"options":{"sensor_version":{}}}`,
		`{"action_type":"UPDATE_SENSOR_VERSION","device_id":[1],"options":{"sensor_version":{"DOS":"5.0"}}}`,
		`{"action_type":"UNINSTALL_SENSOR","device_id":[1],"options":{"toggle":"ON"}}`,
	} {
		c.raw("POST", actions, body, 400)
	}
	if diff := cmp.Diff([]int64{6}, quarantined(c)); diff != "" {
		t.Errorf("after nothing but refusals (-want +got):\n%s", diff)
	}
	if d, _ := c.srv.Device(1); d.PolicyID != 10 {
		t.Errorf("the policy after nothing but refusals = %d", d.PolicyID)
	}
}

func TestActionSwitches(t *testing.T) {
	t.Parallel()
	const body = `{"action_type":"QUARANTINE","device_id":[1,99],"options":{"toggle":"ON"}}`
	newConsole(t, fleet()).raw("POST", actions, body, 204)
	world := fleet()
	world.Switches.Devices = cbctest.DeviceSwitches{UnknownDevice: true, ActionsAnswer: true}
	c := newConsole(t, world)
	c.raw("POST", actions, body, 404)
	if d, _ := c.srv.Device(1); d.Quarantined {
		t.Error("a refused action was done in part")
	}
	if got := c.raw("POST", actions, `{"action_type":"QUARANTINE","device_id":[1],"options":{"toggle":"ON"}}`, 200); string(got) != "{}" {
		t.Errorf("ActionsAnswer: %s", got)
	}
}
