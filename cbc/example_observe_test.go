package cbc_test

import (
	"context"
	"fmt"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// taskKey is where the context of a call has the task that it is made for.
type taskKey struct{}

// An audit log wants to know by which requests something was done, so that the vendor's support and its own audit log can be asked
// about them. The context of the call tells what it was done for.
func ExampleCall() {
	world := company()
	world.Switches.RequestIDs = true // a fake without it sends none, as its documentation says
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret),
		HTTPClient: cbctest.New(world).Client(),
		Observe: func(ctx context.Context, c cbc.Call) {
			fmt.Println(ctx.Value(taskKey{}), c.Op, c.Status, c.RequestID)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.WithValue(context.Background(), taskKey{}, "isolate/4571602")
	if err := client.Devices.Quarantine(ctx, 4571602); err != nil {
		fmt.Println(err)
	}
	_, err = client.Devices.Get(ctx, 99)
	fmt.Println(err)
	// Output:
	// isolate/4571602 devices.quarantine 204 fake-1
	// isolate/4571602 devices.get 404 fake-2
	// cbc: devices.get: 404 Not Found: NOT_FOUND: device not found (request fake-2)
}
