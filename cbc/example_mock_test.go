package cbc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// The code under test in the first way: it takes a function, and knows nothing of the client that it belongs to.
func isolateAll(ctx context.Context, quarantine func(context.Context, ...cbc.DeviceID) error, ids []cbc.DeviceID) string {
	switch err := quarantine(ctx, ids...); {
	case errors.Is(err, cbc.ErrForbidden):
		return "ask for the permission device.quarantine"
	case err != nil:
		return "try again later"
	}
	return fmt.Sprintf("%d isolated", len(ids))
}

// One call is needed: take it as a function. The method value of a client fits, and so does any function of a test.
func Example_testingWithAFunc() {
	forbidden := func(context.Context, ...cbc.DeviceID) error {
		return &cbc.APIError{Op: "devices.quarantine", StatusCode: 403}
	}
	fmt.Println(isolateAll(context.Background(), forbidden, []cbc.DeviceID{7}))
	// In the program: isolateAll(ctx, client.Devices.Quarantine, ids)

	// Output: ask for the permission device.quarantine
}

// inventory is what the code under test needs in the second way: two methods of [cbc.Devices], declared where they are used.
type inventory interface {
	Get(context.Context, cbc.DeviceID) (cbc.Device, error)
	Quarantine(context.Context, ...cbc.DeviceID) error
}

// *cbc.Devices has both, which the compiler checks here.
var _ inventory = (*cbc.Devices)(nil)

func isolateUnlessImportant(ctx context.Context, devices inventory, id cbc.DeviceID) (bool, error) {
	d, err := devices.Get(ctx, id)
	if err != nil || d.TargetPriority == "MISSION_CRITICAL" {
		return false, err
	}
	err = devices.Quarantine(ctx, id)
	return err == nil, err
}

// cabinet is an inventory of a test.
type cabinet map[cbc.DeviceID]cbc.Device

func (c cabinet) Get(_ context.Context, id cbc.DeviceID) (cbc.Device, error) {
	d, ok := c[id]
	if !ok {
		return d, cbc.ErrNotFound
	}
	return d, nil
}

func (c cabinet) Quarantine(_ context.Context, ids ...cbc.DeviceID) error {
	for _, id := range ids {
		d := c[id]
		d.Quarantined = true
		c[id] = d
	}
	return nil
}

// A few calls belong together: declare an interface of those alone. The parts of a client are structs, so there is nothing to wait
// for and nothing to generate.
func Example_testingWithAnInterface() {
	devices := cabinet{7: {ID: 7, TargetPriority: "LOW"}, 8: {ID: 8, TargetPriority: "MISSION_CRITICAL"}}
	for _, id := range []cbc.DeviceID{7, 8, 9} {
		isolated, err := isolateUnlessImportant(context.Background(), devices, id)
		fmt.Println(isolated, devices[id].Quarantined, err)
	}
	// In the program: isolateUnlessImportant(ctx, client.Devices, id)

	// Output:
	// true true <nil>
	// false false <nil>
	// false false not found
}

// How the whole behaves matters, with retries, refusals and sensors that take their time: let the real client talk to the fake.
func Example_testingWithTheFake() {
	ctx := context.Background()
	srv := cbctest.New(cbctest.World{
		Keys:    []cbctest.Key{{ID: "READONLY01", Secret: "FAKEFAKEFAKE", Permissions: []string{"device:READ"}}},
		Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}},
	})
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, HTTPClient: srv.Client(), Credentials: cbc.APIKey("READONLY01", "FAKEFAKEFAKE"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	isolated, err := isolateUnlessImportant(ctx, client.Devices, 7)
	fmt.Println(isolated, errors.Is(err, cbc.ErrForbidden))
	fmt.Println(len(srv.Requests()), "requests")
	device, _ := srv.Device(7)
	fmt.Println("isolated:", device.Quarantined)
	// Output:
	// false true
	// 2 requests
	// isolated: false
}
