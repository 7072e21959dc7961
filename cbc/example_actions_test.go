package cbc_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// Each action sets a state, and can be taken back.
func ExampleDevices_Release() {
	client, ctx := newClient(estate()), context.Background()
	for _, action := range []func(context.Context, ...cbc.DeviceID) error{
		client.Devices.Quarantine, client.Devices.Release,
		client.Devices.Bypass, client.Devices.EndBypass,
		client.Devices.StartScan, client.Devices.StopScan,
	} {
		if err := action(ctx, 4571602, 4571777); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("done")
	// Output: done
}

// A sensor that is no longer wanted: uninstalled first, then taken off the list. Neither call is repeated by itself.
func ExampleDevices_Uninstall() {
	client, ctx := newClient(estate()), context.Background()
	if err := client.Devices.Uninstall(ctx, 4571777); err != nil {
		log.Fatal(err)
	}
	gone, err := client.Devices.Get(ctx, 4571777)
	fmt.Println(gone.Status, err)
	fmt.Println(client.Devices.Delete(ctx, 4571777))
	_, err = client.Devices.Get(ctx, 4571777)
	fmt.Println(errors.Is(err, cbc.ErrNotFound))
	// Output:
	// DEREGISTERED <nil>
	// <nil>
	// true
}

func ExampleDevices_UpdateSensor() {
	client, ctx := newClient(estate()), context.Background()
	fmt.Println(client.Devices.UpdateSensor(ctx, map[cbc.SensorKit]string{cbc.KitWindows: "4.0.3.1234"}, 4571602))
	// Output: <nil>
}

// What would become of devices without the policy that somebody gave them by hand?
func ExampleDevices_PreviewClearPolicy() {
	client, ctx := newClient(estate()), context.Background()
	if err := client.Devices.SetPolicy(ctx, 88402, 4571602); err != nil {
		log.Fatal(err)
	}
	changes, err := client.Devices.PreviewClearPolicy(ctx, 4571602)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changes[0].Current.ID, "becomes", changes[0].New.ID)
	// Output: 88402 becomes 88231
}

// The actions on a selection count first, and never exceed the ceiling.
func ExampleDeviceSelection_Count() {
	client, ctx := newClient(estate()), context.Background()
	windows := client.Devices.Where(cbc.DeviceQuery{OS: []string{"WINDOWS"}}).AtMost(5)
	fmt.Println(windows.Count(ctx))
	for _, action := range []func(context.Context) (int, error){
		windows.Quarantine, windows.Release, windows.Bypass, windows.EndBypass, windows.StartScan, windows.StopScan,
	} {
		if _, err := action(ctx); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(windows.UpdateSensor(ctx, map[cbc.SensorKit]string{cbc.KitWindows: "4.0.3.1234"}))
	fmt.Println(windows.Uninstall(ctx))
	fmt.Println(client.Devices.Where(cbc.DeviceQuery{IDs: []cbc.DeviceID{4571602}}).AtMost(1).Delete(ctx))
	// Output:
	// 2 <nil>
	// 2 <nil>
	// 2 <nil>
	// 1 <nil>
}

func ExampleReputation_Delete() {
	world := estate()
	world.Overrides = []cbctest.Override{{ID: "c0ffee01", SHA256: "1111111111111111111111111111111111111111111111111111111111111111"}}
	client, ctx := newClient(world), context.Background()
	fmt.Println(client.Reputation.Delete(ctx, "c0ffee01"))
	_, err := client.Reputation.Get(ctx, "c0ffee01")
	fmt.Println(errors.Is(err, cbc.ErrNotFound))
	// Output:
	// <nil>
	// true
}

// Rules and policies of one's own come and go.
func ExamplePolicies_Delete() {
	client, ctx := newClient(estate()), context.Background()
	policy, err := client.Policies.Get(ctx, 88402)
	if err != nil {
		log.Fatal(err)
	}
	policy.ID, policy.Name, policy.Raw = 0, "Contain, strictly", nil
	made, err := client.Policies.Create(ctx, policy)
	if err != nil {
		log.Fatal(err)
	}
	rule, err := client.Policies.CreateRule(ctx, made.ID, cbc.PolicyRule{
		Action: "TERMINATE", Operation: "RUN", Application: cbc.PolicyApplication{Type: "REPUTATION", Value: "PUP"},
	})
	if err != nil {
		log.Fatal(err)
	}
	rule.Action = "DENY"
	fmt.Println(client.Policies.ReplaceRule(ctx, made.ID, rule))
	fmt.Println(client.Policies.DeleteRule(ctx, made.ID, rule.ID))
	fmt.Println(client.Policies.Delete(ctx, made.ID))
	// Output:
	// <nil>
	// <nil>
	// <nil>
}

// Take the NSX tag off a machine again, watching the job of the appliance step by step.
func ExampleWorkloads_Untag() {
	client, ctx := newClient(estate()), context.Background()
	jobs, err := client.Workloads.Untag(ctx, cbc.NSXQuarantine, 4571802)
	if err != nil {
		log.Fatal(err)
	}
	if err := jobs.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	status, err := client.Workloads.JobStatus(ctx, jobs.IDs[0])
	fmt.Println(status.State, err)
	// Output: SUCCESSFUL <nil>
}
