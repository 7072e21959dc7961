package cbctest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestPolicies(t *testing.T) {
	t.Parallel()
	world := fleet()
	world.Policies[1].Extra = map[string]any{"rules": []any{"x"}}
	c := newConsole(t, world)
	want := map[string]any{"policies": []any{
		map[string]any{
			"id": 10.0, "name": "Standard", "description": "", "priority_level": "MEDIUM", "position": 1.0, "is_system": true,
			"num_devices": 3.0,
		},
		map[string]any{
			"id": 20.0, "name": "Contain", "description": "", "priority_level": "HIGH", "position": 2.0, "is_system": false,
			"num_devices": 1.0,
		},
		map[string]any{
			"id": 21.0, "name": "Contain VDI", "description": "", "priority_level": "MEDIUM", "position": 3.0, "is_system": false,
			"num_devices": 1.0,
		},
	}}
	if diff := cmp.Diff(want, c.call("GET", policies+"/summary", "", 200)); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	got := c.call("GET", policies+"/21", "", 200)
	settings, _ := got["sensor_settings"].([]any)
	if diff := cmp.Diff(any(map[string]any{"name": "CB_LIVE_RESPONSE", "value": "false"}), settings[0]); diff != "" {
		t.Errorf("sensor_settings (-want +got):\n%s", diff)
	}
	if got := c.call("GET", policies+"/20", "", 200)["rules"]; !cmp.Equal(got, []any{"x"}) {
		t.Errorf("Extra of a policy = %v", got)
	}
	c.raw("GET", policies+"/99", "", 404)
	c.raw("GET", policies+"/Standard", "", 404)
	if got := c.srv.Policies(); len(got) != 3 || got[0].Position != 1 {
		t.Errorf("Policies() = %v", got)
	}
}

func TestBinaries(t *testing.T) {
	t.Parallel()
	world := cbctest.World{Binaries: []cbctest.Binary{{
		SHA256: evil, MD5: evilMD, Size: 184320, Extra: map[string]any{"company_name": "Example Tools Ltd"},
	}}}
	path := "/ubs/v1/orgs/" + cbctest.OrgKey + "/sha256/"
	c := newConsole(t, world)
	got := c.call("GET", path+evil+"/metadata", "", 200)
	for member, want := range map[string]any{
		"sha256": evil, "md5": evilMD, "file_size": 184320.0, "file_available": true, "os_type": "WINDOWS",
		"company_name": "Example Tools Ltd", "comments": nil, "architecture": []any{"amd64"},
	} {
		if diff := cmp.Diff(want, got[member]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", member, diff)
		}
	}
	if got := c.call("GET", path+office+"/metadata", "", 404); got["error_code"] != "NOT_FOUND" {
		t.Errorf("unknown file = %v", got)
	}
	c.raw("GET", path+"xyz/metadata", "", 400)
	world.Switches.UpperHashes = true
	if got := newConsole(t, world).call("GET", path+evil+"/metadata", "", 200)["sha256"]; got == evil {
		t.Errorf("UpperHashes: %v", got)
	}
}
