package cbctest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// The paths of the Workload appliance.
const (
	applianceActions = "/applianceservice/v1/orgs/" + cbctest.OrgKey + "/device_actions"
	applianceJobs    = "/applianceservice/v1/orgs/" + cbctest.OrgKey + "/jobs/"
)

// workloads are three machines on two appliances, and two devices that NSX cannot tag.
func workloads() cbctest.World {
	return cbctest.World{Devices: []cbctest.Device{
		{ID: 1, Name: "VM-1", DeploymentType: "WORKLOAD", NSXEnabled: true, Extra: map[string]any{"appliance_uuid": "one"}},
		{ID: 2, Name: "VM-2", DeploymentType: "WORKLOAD", NSXEnabled: true, Extra: map[string]any{"appliance_uuid": "two"}},
		{ID: 3, Name: "VM-3", DeploymentType: "WORKLOAD", NSXEnabled: true, Offline: true, Extra: map[string]any{"appliance_uuid": "one"}},
		{ID: 4, Name: "VM-4", DeploymentType: "WORKLOAD"},
		{ID: 5, Name: "LAP-5"},
	}}
}

// tag asks for a tag and returns the jobs.
func (c *console) tag(ids, toggle, tag string) []string {
	c.t.Helper()
	body := fmt.Sprintf(`{"device_ids":[%s],"action_type":"NSX_REMEDIATION","options":{"toggle":%q,"tag":%q}}`, ids, toggle, tag)
	jobs := []string{}
	list, ok := c.call("POST", applianceActions, body, 201)["job_ids"].([]any)
	if !ok {
		c.t.Fatal("job_ids is no list")
	}
	for _, id := range list {
		jobs = append(jobs, fmt.Sprint(id))
	}
	return jobs
}

// tagged are the tags of the machines as the device service tells them.
func tagged(c *console) map[string]any {
	out := map[string]any{}
	for _, row := range rows(c.call("POST", devices+"/_search", `{}`, 200)) {
		out[fmt.Sprint(row["name"])] = row["nsx_distributed_firewall_policy"]
	}
	return out
}

func TestRemediation(t *testing.T) {
	t.Parallel()
	c := newConsole(t, workloads())
	jobs := c.tag("1,2,3,4,5,99,1", "ON", "CB-NSX-Quarantine")
	if len(jobs) != 2 || jobs[0] == jobs[1] || !strings.HasPrefix(jobs[0], "NSX_REMEDIATE_") {
		t.Fatalf("job_ids = %q, want one for each appliance", jobs)
	}
	want := map[string]any{"status": "SCHEDULED", "reason": "", "error_code": ""}
	for _, state := range []string{"SCHEDULED", "RUNNING", "SUCCESSFUL"} {
		want["status"] = state
		for _, job := range jobs {
			if diff := cmp.Diff(want, c.call("GET", applianceJobs+job+"/status", "", 200)); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		}
		c.wait(450 * time.Millisecond)
	}
	const quarantine = "CB-NSX-Quarantine"
	all := map[string]any{"VM-1": quarantine, "VM-2": quarantine, "VM-3": quarantine, "VM-4": nil, "LAP-5": nil}
	if diff := cmp.Diff(all, tagged(c)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if d, _ := c.srv.Device(2); d.NSXTag != quarantine {
		t.Errorf("Device(2).NSXTag = %q", d.NSXTag)
	}
	c.tag("2", "OFF", quarantine)
	c.tag("3", "OFF", "CB-NSX-Isolate")
	c.wait(finished)
	all["VM-2"] = nil
	if diff := cmp.Diff(all, tagged(c)); diff != "" {
		t.Errorf("tags after one was cleared (-want +got):\n%s", diff)
	}
}

func TestRemediationOneTagAtATime(t *testing.T) {
	t.Parallel()
	world := workloads()
	world.Devices[0].NSXTag = "CB-NSX-Custom"
	c := newConsole(t, world)
	job := c.tag("1,3", "ON", "CB-NSX-Isolate")[0]
	again := c.tag("1", "ON", "CB-NSX-Custom")[0]
	c.wait(finished)
	got := c.call("GET", applianceJobs+job+"/status", "", 200)
	if got["status"] != "FAILED" || got["error_code"] == "" || !strings.Contains(fmt.Sprint(got["reason"]), "another tag") {
		t.Errorf("a second tag = %v", got)
	}
	if got := c.call("GET", applianceJobs+again+"/status", "", 200); got["status"] != "SUCCESSFUL" {
		t.Errorf("the tag that is set = %v", got)
	}
	if got := tagged(c); got["VM-1"] != "CB-NSX-Custom" || got["VM-3"] != "CB-NSX-Isolate" {
		t.Errorf("tags = %v", got)
	}
}

func TestRemediationOfNothing(t *testing.T) {
	t.Parallel()
	c := newConsole(t, workloads())
	if got := c.tag("4,5,99", "ON", "CB-NSX-Isolate"); len(got) != 0 {
		t.Errorf("job_ids = %q, want none", got)
	}
	world := workloads()
	world.Switches.NSX.RefuseIneligible = true
	c = newConsole(t, world)
	const body = `{"device_ids":[1,5],"action_type":"NSX_REMEDIATION","options":{"toggle":"ON","tag":"CB-NSX-Isolate"}}`
	c.raw("POST", applianceActions, body, 400)
	c.wait(finished)
	if got := tagged(c); got["VM-1"] != nil {
		t.Errorf("a refused request set %v", got["VM-1"])
	}
}

func TestRemediationFails(t *testing.T) {
	t.Parallel()
	world := workloads()
	world.Switches.NSX = cbctest.NSXSwitches{Fail: true, Duration: time.Minute}
	c := newConsole(t, world)
	job := c.tag("1", "ON", "CB-NSX-Isolate")[0]
	c.wait(59 * time.Second)
	if got := c.call("GET", applianceJobs+job+"/status", "", 200); got["status"] != "RUNNING" {
		t.Errorf("before the end = %v", got)
	}
	c.wait(time.Second)
	if got := c.call("GET", applianceJobs+job+"/status", "", 200); got["status"] != "FAILED" || got["reason"] == "" {
		t.Errorf("at the end = %v", got)
	}
	if got := tagged(c); got["VM-1"] != nil {
		t.Errorf("a failed job set %v", got["VM-1"])
	}
}

func TestRemediationStrict(t *testing.T) {
	t.Parallel()
	world := workloads()
	world.Keys = []cbctest.Key{
		{ID: "ALL", Secret: "S"},
		{ID: "TAGGER", Secret: "S", Permissions: []string{"appliances.nsx.remediation:EXECUTE"}},
		{ID: "OTHER", Secret: "S", Permissions: []string{"appliance.nsx.remediate:EXECUTE"}},
		{ID: "READER", Secret: "S", Permissions: []string{"appliances.registration:READ"}},
	}
	c := newConsole(t, world)
	const good = `{"device_ids":[1],"action_type":"NSX_REMEDIATION","options":{"toggle":"ON","tag":"CB-NSX-Isolate"}}`
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
		reason                  string
	}{
		{"ALL", "POST", applianceActions, strings.Replace(good, "device_ids", "device_id", 1), 400, "device_id"},
		{"ALL", "POST", applianceActions, strings.Replace(good, "[1]", "[]", 1), 400, "device_ids"},
		{"ALL", "POST", applianceActions, strings.Replace(good, "NSX_REMEDIATION", "QUARANTINE", 1), 400, "NSX_REMEDIATION"},
		{"ALL", "POST", applianceActions, strings.Replace(good, `"ON"`, `"on"`, 1), 400, "options.toggle"},
		{"ALL", "POST", applianceActions, strings.Replace(good, "CB-NSX-Isolate", "Mine", 1), 400, "CB-NSX-Custom"},
		{"ALL", "POST", applianceActions, `{"device_ids":[1],"action_type":"NSX_REMEDIATION"}`, 400, "options"},
		{"ALL", "GET", applianceJobs + "NSX_REMEDIATE_x/status", "", 404, "NOT_FOUND"},
		{"READER", "POST", applianceActions, good, 403, "appliances.nsx.remediation:EXECUTE"},
		{"READER", "GET", applianceJobs + "x/status", "", 404, "NOT_FOUND"},
		{"TAGGER", "GET", applianceJobs + "x/status", "", 403, "appliances.registration:READ"},
		{"TAGGER", "POST", applianceActions, good, 201, "job_ids"},
		{"OTHER", "POST", applianceActions, good, 201, "job_ids"},
	} {
		c.token = "S/" + tt.key
		if got := string(c.raw(tt.method, tt.path, tt.body, tt.status)); !strings.Contains(got, tt.reason) {
			t.Errorf("%s %s %s as %s = %s, want one with %q", tt.method, tt.path, tt.body, tt.key, got, tt.reason)
		}
	}
}
