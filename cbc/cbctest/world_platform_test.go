package cbctest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestWorldFileOfThePlatform(t *testing.T) {
	t.Parallel()
	const file = `{
		"csp": {"apps": [{"id": "app", "secret": "s", "permissions": ["device:READ"]}], "lifetime": "10m0s", "only": true,
			"tokens": [{"token": "t", "user": "pat@corp.example", "permissions": null}]},
		"policies": [{"id": 1, "name": "P", "sensor_settings": {"SHOW_UI": "false"}, "updated": "2025-02-11T08:00:00Z", "rules": [
			{"id": 3, "required": true, "action": "DENY", "application": {"type": "NAME_PATH", "value": "x"}, "operation": "RUN"}]}],
		"asset_groups": [{"id": "g", "name": "G", "policy_id": 1, "membership": "MANUAL"}],
		"devices": [{"id": 7, "name": "VM", "nsx_enabled": true, "nsx_tag": "CB-NSX-Custom", "sensor_kit": "RHEL", "sensor_out_of_date": true}],
		"binaries": [{"sha256": "ab", "unavailable": true, "data": "TVo=",
			"signatures": [{"count": 2, "signed_by": "x", "certificate_authority": "y"}]}],
		"switches": {
			"jobs": {"start_delay": "1s", "duration": "2s", "progress": "early", "fail": true, "empty_no_content": true},
			"nsx": {"start_delay": "1s", "duration": "2s", "fail": true, "refuse_ineligible": true},
			"devices": {"scroll_ends_early": true, "export_redirects": true},
			"policies": {"same_names": true, "created": true},
			"binaries": {"download_errors": 2, "signature_member": "signatures"}
		}
	}`
	want := cbctest.World{
		CSP: &cbctest.CSP{
			Apps: []cbctest.CSPApp{{ID: "app", Secret: "s", Permissions: []string{"device:READ"}}}, Lifetime: 10 * time.Minute, Only: true,
			Tokens: []cbctest.CSPToken{{Token: "t", User: "pat@corp.example"}},
		},
		Policies: []cbctest.Policy{{
			ID: 1, Name: "P", SensorSettings: map[string]string{"SHOW_UI": "false"}, Updated: time.Date(2025, 2, 11, 8, 0, 0, 0, time.UTC),
			Rules: []cbctest.PolicyRule{{
				ID: 3, Required: true, Action: "DENY", Application: cbctest.PolicyApplication{Type: "NAME_PATH", Value: "x"}, Operation: "RUN",
			}},
		}},
		AssetGroups: []cbctest.AssetGroup{{ID: "g", Name: "G", PolicyID: 1, Membership: "MANUAL"}},
		Devices:     []cbctest.Device{{ID: 7, Name: "VM", NSXEnabled: true, NSXTag: "CB-NSX-Custom", SensorKit: "RHEL", SensorOutOfDate: true}},
		Binaries: []cbctest.Binary{{
			SHA256: "ab", Unavailable: true, Data: []byte("MZ"),
			Signatures: []cbctest.BinarySignature{{Count: 2, SignedBy: "x", CertificateAuthority: "y"}},
		}},
		Switches: cbctest.Switches{
			Jobs:     cbctest.JobSwitches{StartDelay: time.Second, Duration: 2 * time.Second, Progress: "early", Fail: true, EmptyNoContent: true},
			NSX:      cbctest.NSXSwitches{StartDelay: time.Second, Duration: 2 * time.Second, Fail: true, RefuseIneligible: true},
			Devices:  cbctest.DeviceSwitches{ScrollEndsEarly: true, ExportRedirects: true},
			Policies: cbctest.PolicySwitches{SameNames: true, Created: true},
			Binaries: cbctest.BinarySwitches{DownloadErrors: 2, SignatureMember: "signatures"},
		},
	}
	noClock := cmpopts.IgnoreFields(cbctest.World{}, "Now")
	var world cbctest.World
	if err := json.Unmarshal([]byte(file), &world); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, world, noClock); diff != "" {
		t.Errorf("the world of a file (-want +got):\n%s", diff)
	}
	var again cbctest.World
	if err := json.Unmarshal([]byte(jsonText(t, world)), &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again, noClock); diff != "" {
		t.Errorf("written and read again (-want +got):\n%s", diff)
	}
}

func TestWorldCheckOfThePlatform(t *testing.T) {
	t.Parallel()
	for _, good := range []cbctest.World{workloads(), store(), groups(), managed(), contacts(3)} {
		if err := good.Check(); err != nil {
			t.Errorf("a good world: %v", err)
		}
	}
	rule := cbctest.PolicyRule{Action: "DENY", Operation: "RUN", Application: cbctest.PolicyApplication{Type: "NAME_PATH", Value: "x"}}
	bare := cbctest.PolicyRule{ID: 2, Action: "PRAISE"}
	bad := cbctest.World{
		CSP: &cbctest.CSP{
			Apps: []cbctest.CSPApp{{ID: "a", Secret: "s"}, {ID: "a", Secret: "t"}, {ID: "b"}}, Lifetime: -1,
			Tokens: []cbctest.CSPToken{{Token: "s3cret", User: "u"}, {Token: "s3cret", User: "v"}, {User: "w"}},
		},
		Policies: []cbctest.Policy{{
			ID: 1, Name: "P", SensorSettings: map[string]string{"CB_LIVE_RESPONSE": "true"}, Rules: []cbctest.PolicyRule{rule, bare, bare},
		}},
		AssetGroups: []cbctest.AssetGroup{{Name: "G", PolicyID: 9, Membership: "STATIC"}, {Name: "G"}, {}},
		Devices:     []cbctest.Device{{ID: 1, Name: "A", NSXTag: "Mine"}},
		Binaries: []cbctest.Binary{
			{SHA256: seenFile, Size: -1, Signatures: []cbctest.BinarySignature{{Count: -1}}}, {SHA256: strings.ToUpper(seenFile)},
		},
		Switches: cbctest.Switches{Jobs: cbctest.JobSwitches{Progress: "late"}, NSX: cbctest.NSXSwitches{Duration: -1}},
	}
	err := bad.Check()
	if err == nil {
		t.Fatal("a bad world has no problems")
	}
	for _, want := range []string{
		"the app a is there twice", "csp.apps[2] lacks", "csp.tokens[1] is there twice", "csp.tokens[2] lacks", "csp.lifetime",
		"CB_LIVE_RESPONSE", "PRAISE is not a value of rules.action", "in policy 1 the rule 2 is there twice", `asset group "G" is no policy: 9`, `"STATIC"`,
		"the asset group G is there twice", "asset_groups[2] lacks", `"Mine"`, "negative size", "negative number of times",
		"the binary " + seenFile + " is there twice", `"late"`, "a delay or a limit is negative",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Check() does not say %s:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("Check() repeats a token:\n%v", err)
	}
	if err := (cbctest.World{CSP: &cbctest.CSP{Only: true}}).Check(); err == nil || !strings.Contains(err.Error(), "csp.only") {
		t.Errorf("a world that lets nobody in: %v", err)
	}
}

// A world can be used for several servers, whatever is done to its policies, groups and machines in one of them.
func TestWorldOfThePlatformIsNotShared(t *testing.T) {
	t.Parallel()
	world := groups()
	world.Policies[2].Rules = []cbctest.PolicyRule{{
		Action: "DENY", Operation: "RUN", Application: cbctest.PolicyApplication{Type: "NAME_PATH", Value: "x"},
	}}
	world.Policies[2].Extra = map[string]any{"brand_new": 1}
	world.Devices = append(world.Devices, workloads().Devices[0])
	world.Devices[len(world.Devices)-1].ID = 99
	before := jsonText(t, world)
	c := newConsole(t, world)
	first := c.srv.Policies()
	c.call("POST", policies+"/30/rules", rule, 200)
	c.call("PUT", policies+"/30/rules/1", rule, 200)
	c.call("PUT", policies+"/30", `{"name":"Other","priority_level":"LOW","position":1}`, 200)
	c.tag("99", "ON", "CB-NSX-Custom")
	c.wait(finished)
	if got := tagged(c)["VM-1"]; got != "CB-NSX-Custom" {
		t.Errorf("the tag = %v", got)
	}
	if diff := cmp.Diff(before, jsonText(t, world)); diff != "" {
		t.Errorf("the world changed (-before +after):\n%s", diff)
	}
	if first[2].Name != "Lab" || len(first[2].Rules) != 1 {
		t.Errorf("a list that was handed out changed: %+v", first[2])
	}
}
