package nsxtest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestWorldFile(t *testing.T) {
	t.Parallel()
	text := `{
		"users": [{"name": "a", "password": "b", "read_only": true}], "group_lag": "10s", "bulk_step": "1m0s", "version": "3.2.1",
		"vms": [{"name": "x", "tags": [{"scope": "s"}], "twin_host": "h", "twin_until": "2026-03-02T12:00:00Z", "vifs": [{"mac": "m"}]}],
		"groups": [{"id": "g", "conditions": [{"value": "s|"}]}], "switches": {"fold_names": true}
	}`
	want := nsxtest.World{
		Users: []nsxtest.User{{Name: "a", Password: "b", ReadOnly: true}}, GroupLag: 10 * time.Second, BulkStep: time.Minute, Version: "3.2.1",
		VMs:    []nsxtest.VM{{Name: "x", Tags: []nsxtest.Tag{{Scope: "s"}}, TwinHost: "h", TwinUntil: noon, VIFs: []nsxtest.VIF{{MAC: "m"}}}},
		Groups: []nsxtest.Group{{ID: "g", Conditions: []nsxtest.Condition{{Value: "s|"}}}}, Switches: nsxtest.Switches{FoldNames: true},
	}
	var got, back nsxtest.World
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("world mismatch (-want +got):\n%s", diff)
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(again, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, back); diff != "" {
		t.Errorf("world after a round trip mismatch (-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		`{"machines": []}`:                 `member "machines" is not known`,
		`{"vms": [{"display_name": "x"}]}`: `member "vms[0].display_name" is not known`,
		`{"group_lag": "soon"}`:            `group_lag: time: invalid duration`,
	} {
		if err := json.Unmarshal([]byte(text), &back); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("world %s = %v, want %q", text, err, want)
		}
	}
}
