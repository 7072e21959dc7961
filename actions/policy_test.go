package actions_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

func TestPolicyMoveRecordsWhatItChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{
			Policies: []cbctest.Policy{{ID: 10, Name: "Standard"}, {ID: 20, Name: "Pinned"}, {ID: 30, Name: "Quarantine"}},
			Devices: []cbctest.Device{
				{ID: 1, Name: "A", PolicyID: 10},
				{ID: 2, Name: "B", PolicyID: 20, PolicyOverride: true},
				{ID: 3, Name: "C", PolicyID: 30},
			},
		})
		move, err := actions.NewPolicyMove(connect(t, srv.Client()).Devices, cbc.Policy{ID: 30, Name: "Quarantine"}, hunt.Executed)
		if err != nil {
			t.Fatal(err)
		}
		outcomes := move.Do(t.Context(), []hunt.Task{deviceTask("policy", 1), deviceTask("policy", 2), deviceTask("policy", 3)})
		if diff := cmp.Diff(map[string]hunt.Status{"1": hunt.Done, "2": hunt.Done, "3": hunt.Already}, ends(outcomes)); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
		want := map[string]string{
			"1": `{"policy_id":10,"policy_name":"Standard","policy_override":false,"set":30}`,
			"2": `{"policy_id":20,"policy_name":"Pinned","policy_override":true,"set":30}`,
			"3": "",
		}
		for _, o := range outcomes {
			if string(o.Before) != want[o.Task.Target] {
				t.Errorf("the state before of device %s is %s, want %s", o.Task.Target, o.Before, want[o.Task.Target])
			}
		}
		for id := range int64(3) {
			if d, _ := srv.Device(id + 1); d.PolicyID != 30 || d.PolicyOverride != (id < 2) {
				t.Errorf("device %d is in policy %d (pinned: %t), want 30, pinned if it was moved", d.ID, d.PolicyID, d.PolicyOverride)
			}
		}
		if n := calls(srv, opDeviceAction); n != 1 {
			t.Errorf("%d device actions were called, want one", n)
		}
	})
}

func TestPolicyMoveFailures(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 1, Name: "A"}}}).Client())
	if _, err := actions.NewPolicyMove(client.Devices, cbc.Policy{Name: "Quarantine"}, hunt.Executed); err == nil {
		t.Error("NewPolicyMove to a policy without an id gave no error")
	}
	if _, err := actions.NewPolicyMove(nil, cbc.Policy{ID: 30}, hunt.Executed); err == nil {
		t.Error("NewPolicyMove without devices gave no error")
	}
	move, err := actions.NewPolicyMove(client.Devices, cbc.Policy{ID: 31, Name: "Gone"}, hunt.Executed)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, only(t, move.Do(t.Context(), []hunt.Task{deviceTask("policy", 1)})), hunt.Failed, "400")
}
