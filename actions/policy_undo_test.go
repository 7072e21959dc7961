package actions_test

import (
	"testing"
	"testing/synctest"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

func TestPolicyUndo(t *testing.T) {
	t.Parallel()
	move := func(to cbc.PolicyID) func(*testing.T, *cbc.Client) {
		return func(t *testing.T, c *cbc.Client) {
			t.Helper()
			if err := c.Devices.SetPolicy(t.Context(), to, 7); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name   string
		device cbctest.Device
		since  func(*testing.T, *cbc.Client)
		status hunt.Status
		detail string
		policy int64
	}{
		{"goes back, and the override of its groups cannot", cbctest.Device{PolicyID: 10}, nil, hunt.Undone, "no documented call takes the override off", 10},
		{"goes back where somebody had pinned it", cbctest.Device{PolicyID: 20, PolicyOverride: true}, nil, hunt.Undone, "moved back to policy Pinned (20)", 20},
		{"stays where somebody moved it since", cbctest.Device{PolicyID: 10}, move(20), hunt.Held, "moved again since, to policy Pinned (20)", 20},
		{"is there already where somebody moved it back", cbctest.Device{PolicyID: 10}, move(10), hunt.Already, "in policy Standard (10) again", 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c.device.ID, c.device.Name = 7, "LAB-7"
				srv, client, analyst := precinct(t, cbctest.World{
					Policies: []cbctest.Policy{{ID: 10, Name: "Standard"}, {ID: 20, Name: "Pinned"}, {ID: 30, Name: "Quarantine"}},
					Devices:  []cbctest.Device{c.device},
				})
				a, err := actions.NewPolicyMove(client.Devices, cbc.Policy{ID: 30, Name: "Quarantine"}, hunt.Executed)
				if err != nil {
					t.Fatal(err)
				}
				moved := only(t, a.Do(t.Context(), []hunt.Task{planTask(t, a, deviceTask("policy", 7))}))
				expect(t, moved, hunt.Done)
				if c.since != nil {
					c.since(t, analyst)
				}
				state, _ := srv.Device(7)
				o := takeBack(t, a, undoOf(moved), func() bool { d, _ := srv.Device(7); return d.PolicyID != state.PolicyID })
				expect(t, o, c.status, c.detail)
				if d, _ := srv.Device(7); d.PolicyID != c.policy {
					t.Errorf("the device is in policy %d, want %d", d.PolicyID, c.policy)
				}
			})
		})
	}
}

func TestPolicyUndoOfWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	const before = `{"policy_id":10,"policy_name":"Standard","policy_override":false,"set":30}`
	for _, c := range []struct {
		name, before string
		device       cbctest.Device
		status       hunt.Status
		detail       string
	}{
		{"nobody recorded it", "", cbctest.Device{PolicyID: 30, PolicyOverride: true}, hunt.Held, "not recorded"},
		{"nobody recorded what it was", "{}", cbctest.Device{PolicyID: 30, PolicyOverride: true}, hunt.Held, "not recorded"},
		{"its groups have it there by now", before, cbctest.Device{PolicyID: 30}, hunt.Held, "took the override off"},
		{"the sensor is gone", before, cbctest.Device{PolicyID: 30, PolicyOverride: true, Status: "DEREGISTERED"}, hunt.Held, "DEREGISTERED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c.device.ID, c.device.Name = 7, "LAB-7"
				srv := cbctest.New(cbctest.World{Policies: []cbctest.Policy{{ID: 10, Name: "Standard"}, {ID: 30, Name: "Quarantine"}}, Devices: []cbctest.Device{c.device}})
				a, err := actions.NewPolicyMove(connect(t, srv.Client()).Devices, cbc.Policy{ID: 30, Name: "Quarantine"}, hunt.Executed)
				if err != nil {
					t.Fatal(err)
				}
				task := deviceTask("policy", 7)
				task.Undo, task.Before = true, []byte(c.before)
				expect(t, takeBack(t, a, task, never), c.status, c.detail)
				if n := calls(srv, opDeviceAction); n != 0 {
					t.Errorf("%d device actions were called, want none", n)
				}
			})
		})
	}
}
