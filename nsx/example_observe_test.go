package nsx_test

import (
	"context"
	"fmt"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// taskKey is where the context of a call has the task that it is made for.
type taskKey struct{}

// The id of a request finds it again in the log of the manager.
func ExampleCall() {
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "lab-7", ExternalID: "vm-7"}}})
	client, err := nsx.New(nsx.Config{
		BaseURL: nsxtest.URL, HTTPClient: srv.Client(), Credentials: nsx.Basic(nsxtest.Username, nsxtest.Password),
		Observe: func(ctx context.Context, c nsx.Call) {
			fmt.Println(ctx.Value(taskKey{}), c.Op, c.Status, c.RequestID != "")
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.WithValue(context.Background(), taskKey{}, "look at vm-7")
	if _, err := client.VirtualMachines.Get(ctx, "vm-7"); err != nil {
		fmt.Println(err)
	}
	// Output: look at vm-7 virtual_machines.get 200 true
}
