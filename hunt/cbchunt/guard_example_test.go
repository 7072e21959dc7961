package cbchunt_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

// A domain controller and a machine in a network that must not be cut off.
func ExampleNewProtectDevices() {
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{
		{ID: 7, Name: `CORP\DC-01`, InternalIP: "10.1.0.1"}, {ID: 8, Name: "PRESS-4", InternalIP: "10.66.2.9"}, {ID: 9, Name: "LAP-9", InternalIP: "10.2.0.9"},
	}})
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: srv.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := cbchunt.NewProtectDevices(cbchunt.ProtectDevicesConfig{
		Devices: client.Devices, Names: []string{"dc-*"}, Networks: []netip.Prefix{netip.MustParsePrefix("10.66.0.0/16")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var review hunt.Review // a hunter makes it
	for _, target := range []string{"7", "8", "9"} {
		review.Tasks = append(review.Tasks, hunt.Task{Action: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Target: target})
	}
	holds, err := guard.Review(context.Background(), review)
	if err != nil {
		fmt.Println(err)
	}
	for _, h := range holds {
		fmt.Println(h.Key, "is held:", h.Reason)
	}
	// Output:
	// isolate/device/7 is held: CORP\DC-01 is protected: its name fits dc-*
	// isolate/device/8 is held: PRESS-4 is protected: its address 10.66.2.9 is in 10.66.0.0/16
}

// Of two condemned files one is signed by a publisher whose programs are everywhere.
func ExampleNewTrustedFiles() {
	viewer, invoice := hunt.SHA256{1}, hunt.SHA256{2}
	srv := cbctest.New(cbctest.World{Binaries: []cbctest.Binary{
		{SHA256: viewer.String(), Signatures: []cbctest.BinarySignature{{SignedBy: "Adobe Inc."}}},
	}})
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: srv.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := cbchunt.NewTrustedFiles(cbchunt.TrustedFilesConfig{Overrides: client.Reputation, Binaries: client.Binaries})
	if err != nil {
		fmt.Println(err)
		return
	}
	var review hunt.Review // a hunter makes it
	for _, file := range []hunt.SHA256{viewer, invoice} {
		review.Tasks = append(review.Tasks, hunt.Task{
			Action: "denylist", Scope: hunt.ScopeHash, Impact: hunt.Destroys, Target: file.String(), Indicators: []hunt.Indicator{{SHA256: file}},
		})
	}
	holds, err := guard.Review(context.Background(), review)
	if err != nil {
		fmt.Println(err)
	}
	for _, h := range holds {
		fmt.Println(h.Key[:len("denylist/hash/01")], "is held:", h.Reason)
	}
	// Output:
	// denylist/hash/01 is held: the file is signed by Adobe Inc., which fits Adobe*
}

// A tenth of the active devices is the most that one run may reach.
func ExampleFleetSize() {
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAP-7"}, {ID: 8, Name: "LAP-8"}, {ID: 9, Name: "OLD-9", Status: "DEREGISTERED"}}})
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: srv.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ceilings := hunt.DefaultCeilings(cbchunt.FleetSize(client.Devices))
	fleet, err := ceilings.Fleet(context.Background())
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println("a tenth of", fleet, "devices:", ceilings.FleetShare)
	// Output:
	// a tenth of 2 devices: 0.1
}
