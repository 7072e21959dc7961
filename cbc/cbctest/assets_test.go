package cbctest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// preview is the path of the preview.
const preview = "/policy-assignment/v1/orgs/" + cbctest.OrgKey + "/asset-groups/preview"

// groups are devices in groups, with and without a policy assigned by hand.
func groups() cbctest.World {
	return cbctest.World{
		Policies: []cbctest.Policy{{ID: 10, Name: "Standard"}, {ID: 20, Name: "Sales"}, {ID: 30, Name: "Lab", Position: 9}},
		AssetGroups: []cbctest.AssetGroup{
			{Name: "Lab", PolicyID: 30}, {ID: "5a1e5000-0000-4000-8000-000000000000", Name: "Sales", PolicyID: 20, Membership: "MANUAL"},
		},
		Devices: []cbctest.Device{
			{ID: 1, Name: "A"},
			{ID: 2, Name: "B", AssetGroups: []string{"Lab", "Sales"}},
			{ID: 3, Name: "C", AssetGroups: []string{"Lab", "Others"}},
			{ID: 4, Name: "D", AssetGroups: []string{"Sales"}, PolicyID: 10, PolicyOverride: true},
			{ID: 5, Name: "E", AssetGroups: []string{"Sales"}, PolicyID: 10, PolicyOverride: true},
			{ID: 6, Name: "F", PolicyID: 30, PolicyOverride: true},
		},
	}
}

func TestAssetGroups(t *testing.T) {
	t.Parallel()
	c := newConsole(t, groups())
	got := map[string]string{}
	for _, row := range rows(c.call("POST", devices+"/_search", `{}`, 200)) {
		got[fmt.Sprint(row["name"])] = fmt.Sprint(row["policy_name"], " ", row["policy_assignment_type"])
	}
	want := map[string]string{
		"A": "Standard DEFAULT", "B": "Sales ASSET_GROUP", "C": "Lab ASSET_GROUP", "D": "Standard MANUAL",
		"E": "Standard MANUAL", "F": "Lab MANUAL",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("assignments (-want +got):\n%s", diff)
	}
	in := c.call("GET", devices+"/4", "", 200)["asset_group"]
	group := map[string]any{"id": "5a1e5000-0000-4000-8000-000000000000", "name": "Sales", "membership_type": "MANUAL"}
	if diff := cmp.Diff([]any{group}, in); diff != "" {
		t.Errorf("asset_group (-want +got):\n%s", diff)
	}
	if in, _ := c.call("GET", devices+"/3", "", 200)["asset_group"].([]any); len(in) != 2 {
		t.Errorf("asset_group of a device in a group without a policy = %v", in)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	c := newConsole(t, groups())
	rank := func(id, position float64) map[string]any { return map[string]any{"id": id, "position": position} }
	for body, want := range map[string][]any{
		`{"action":"REMOVE_POLICY_OVERRIDE","asset_ids":[1,2,4,5,6,99,4]}`: {
			map[string]any{"current_policy": rank(10, 1), "new_policy": rank(20, 2), "asset_count": 2.0, "asset_query": "id:4 OR id:5"},
			map[string]any{"current_policy": rank(30, 9), "new_policy": rank(10, 1), "asset_count": 1.0, "asset_query": "id:6"},
		},
		`{"action":"ADD_POLICY_OVERRIDE","asset_ids":[1,2],"policy_id":10}`: {
			map[string]any{"current_policy": rank(20, 2), "new_policy": rank(10, 1), "asset_count": 1.0, "asset_query": "id:2"},
		},
		`{"action":"REMOVE_POLICY_OVERRIDE","asset_ids":[1,2,3]}`: {},
	} {
		if diff := cmp.Diff(map[string]any{"preview": want}, c.call("POST", preview, body, 200)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	if diff := cmp.Diff([]string{"4", "5"}, ids(c, `{"query":"id:4 OR id:5"}`)); diff != "" {
		t.Errorf("what the query of a preview finds (-want +got):\n%s", diff)
	}
	if d, _ := c.srv.Device(4); d.PolicyID != 10 || !d.PolicyOverride {
		t.Errorf("a preview changed %+v", d)
	}
}

func TestPreviewOfRanks(t *testing.T) {
	t.Parallel()
	const path = "/policy-assignment/v1/orgs/" + cbctest.OrgKey + "/policies/preview"
	c := newConsole(t, groups())
	rank := func(id, position float64) map[string]any { return map[string]any{"id": id, "position": position} }
	want := map[string]any{"preview": []any{
		map[string]any{"current_policy": rank(20, 2), "new_policy": rank(30, 1), "asset_count": 1.0, "asset_query": "id:2"},
	}}
	if diff := cmp.Diff(want, c.call("POST", path, `{"policies":[{"id":30,"position":1}]}`, 200)); diff != "" {
		t.Errorf("the lab's policy first (-want +got):\n%s", diff)
	}
	if got := c.call("GET", policies+"/30", "", 200)["position"]; got != 9.0 {
		t.Errorf("a preview moved the policy to %v", got)
	}
	for _, body := range []string{
		`{}`, `{"policies":[]}`, `{"policies":[{"id":99,"position":1}]}`, `{"policies":[{"id":30,"position":0}]}`,
		`{"policies":[{"id":30,"position":4}]}`, `{"policies":[{"id":30,"rank":1}]}`,
	} {
		c.raw("POST", path, body, 400)
	}
}

func TestPreviewStrict(t *testing.T) {
	t.Parallel()
	world := groups()
	world.Keys = []cbctest.Key{{ID: "ALL", Secret: "S"}, {ID: "READER", Secret: "S", Permissions: []string{"device:READ"}}}
	c := newConsole(t, world)
	c.token = "S/ALL"
	for body, reason := range map[string]string{
		`{"action":"PAINT","asset_ids":[1]}`:                                     "REMOVE_POLICY_OVERRIDE",
		`{"action":"REMOVE_POLICY_OVERRIDE","asset_ids":[]}`:                     "asset_ids",
		`{"action":"REMOVE_POLICY_OVERRIDE","asset_ids":[1],"policy_id":10}`:     "policy_id",
		`{"action":"ADD_POLICY_OVERRIDE","asset_ids":[1]}`:                       "policy_id",
		`{"action":"ADD_POLICY_OVERRIDE","asset_ids":[1],"policy_id":99}`:        "no policy",
		`{"action":"REMOVE_POLICY_OVERRIDE","asset_ids":[1],"device_ids":[1]}`:   "device_ids",
		`{"action":"REMOVE_POLICY_OVERRIDE","asset_ids":["1"]}`:                  "MALFORMED_JSON",
		`{"action":"REMOVE_POLICY_OVERRIDE","asset_ids":[1],"asset_ids":[1,2]}`:  "twice",
		`{"action":"REMOVE_POLICY_OVERRIDE","asset_ids":[1]} "and what follows"`: "after",
	} {
		if got := string(c.raw("POST", preview, body, 400)); !strings.Contains(got, reason) {
			t.Errorf("%s = %s, want a reason with %q", body, got, reason)
		}
	}
	c.token = "S/READER"
	c.raw("POST", preview, `{"action":"REMOVE_POLICY_OVERRIDE","asset_ids":[1]}`, 403)
}
