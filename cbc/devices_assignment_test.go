package cbc_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestPreviewPolicy(t *testing.T) {
	t.Parallel()
	world := devices(upTo(1003)...)
	world.Policies[0].Position, world.Policies[1].Position = 1, 2
	for i := range world.Devices[:2] {
		world.Devices[i].PolicyID, world.Devices[i].PolicyOverride = 88402, true
	}
	srv := cbctest.New(world)
	client := connect(t, srv.Client())
	standard, contain := cbc.PolicyRank{ID: 88231, Position: 1}, cbc.PolicyRank{ID: 88402, Position: 2}
	got, err := client.Devices.PreviewSetPolicy(t.Context(), 88402, upTo(1003)...)
	for i := range got {
		got[i].Query = ""
	}
	if diff := cmp.Diff([]cbc.PolicyChange{{Current: standard, New: contain, Devices: 998}, {Current: standard, New: contain, Devices: 3}}, got); err != nil || diff != "" {
		t.Errorf("PreviewSetPolicy mismatch, error %v (-want +got):\n%s", err, diff)
	}
	got, err = client.Devices.PreviewClearPolicy(t.Context(), 1, 2, 3)
	if diff := cmp.Diff([]cbc.PolicyChange{{Current: contain, New: standard, Devices: 2, Query: "id:1 OR id:2"}}, got); err != nil || diff != "" {
		t.Errorf("PreviewClearPolicy mismatch, error %v (-want +got):\n%s", err, diff)
	}
	if d, _ := srv.Device(3); d.PolicyID != 88231 {
		t.Error("a preview changes something")
	}
	if got, err := client.Devices.PreviewClearPolicy(t.Context()); got != nil || err != nil {
		t.Errorf("PreviewClearPolicy() = %v, %v", got, err)
	}
	calls := len(srv.Requests())
	_, policy := client.Devices.PreviewSetPolicy(t.Context(), 0, 7)
	_, device := client.Devices.PreviewClearPolicy(t.Context(), 0)
	if policy == nil || device == nil || len(srv.Requests()) != calls {
		t.Errorf("%v, %v, want errors and no call", policy, device)
	}
}

func TestPreviewPolicyDecodesWhatComes(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{
		"POST /policy-assignment/v1/orgs/{org_key}/asset-groups/preview": {platformSample(t, "preview.json"), `{}`, `403 {}`},
	})
	got, err := client.Devices.PreviewSetPolicy(t.Context(), 88402, 7, 8)
	want := []cbc.PolicyChange{
		{Current: cbc.PolicyRank{ID: 88231, Position: 2}, New: cbc.PolicyRank{ID: 88402, Position: 3}, Devices: 2, Query: "policy_id:88231"},
		{New: cbc.PolicyRank{ID: 88402}, Devices: 1},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("PreviewSetPolicy mismatch, error %v (-want +got):\n%s", err, diff)
	}
	var body map[string]any
	if err := json.Unmarshal(srv.Requests()[0].Body, &body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"action": "ADD_POLICY_OVERRIDE", "asset_ids": []any{7.0, 8.0}, "policy_id": 88402.0}, body); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	for _, want := range []string{"no preview", "403"} {
		_, err := client.Devices.PreviewClearPolicy(t.Context(), 7)
		if e, ok := errors.AsType[*cbc.DevicesError](err); !ok || !slices.Equal(e.IDs, []cbc.DeviceID{7}) || !strings.Contains(err.Error(), want) {
			t.Errorf("PreviewClearPolicy = %v, want %q for device 7", err, want)
		}
	}
}
