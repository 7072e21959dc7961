package nsx_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// newClient connects to a manager that is made up for the example.
func newClient(vms ...nsxtest.VM) *nsx.Client {
	srv := nsxtest.New(nsxtest.World{VMs: vms})
	client, err := nsx.New(nsx.Config{
		BaseURL: nsxtest.URL, HTTPClient: srv.Client(), // both only because it is made up
		Credentials: nsx.Session(nsxtest.Username, nsxtest.Password),
	})
	if err != nil {
		panic(err)
	}
	return client
}

func Example() {
	ctx := context.Background()
	client := newClient(nsxtest.VM{Name: "fin-ws-0142", ComputerName: "FIN-WS-0142.corp.example", Tags: []nsxtest.Tag{{Scope: "owner", Tag: "finance"}}})
	defer func() { _ = client.Close(ctx) }()

	vm, err := client.VirtualMachines.Find(ctx, nsx.Host{Name: `CORP\FIN-WS-0142`})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := client.VirtualMachines.AddTags(ctx, vm.ExternalID, nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}); err != nil {
		fmt.Println(err)
		return
	}
	vm, err = client.VirtualMachines.Get(ctx, vm.ExternalID)
	fmt.Println(vm.DisplayName, vm.Tags, err)
	// Output: fin-ws-0142 [owner|finance quarantine|malicious-file] <nil>
}

func ExampleVirtualMachines_Find() {
	ctx := context.Background()
	client := newClient(
		nsxtest.VM{Name: "web", ExternalID: "vm-a"},
		nsxtest.VM{Name: "web", ExternalID: "vm-b"},
	)
	_, err := client.VirtualMachines.Find(ctx, nsx.Host{Name: "web.corp.example"})
	if several, ok := errors.AsType[*nsx.AmbiguousError](err); ok {
		for _, vm := range several.Candidates {
			fmt.Println(vm.DisplayName, vm.ExternalID)
		}
	}
	_, err = client.VirtualMachines.Find(ctx, nsx.Host{Name: "mail"})
	fmt.Println(errors.Is(err, nsx.ErrNotFound))
	// Output:
	// web vm-a
	// web vm-b
	// true
}

func ExampleVirtualMachines_List() {
	ctx := context.Background()
	client := newClient(nsxtest.VM{Name: "db"}, nsxtest.VM{Name: "web"})
	for vm, err := range client.VirtualMachines.List(ctx, nsx.VMQuery{DisplayName: "web"}) {
		if err != nil {
			fmt.Println(err) // nothing comes after it
			return
		}
		fmt.Println(vm.DisplayName, vm.PowerState)
	}
	// Output: web VM_RUNNING
}

func ExampleVirtualMachines_RemoveTags() {
	ctx := context.Background()
	client := newClient(nsxtest.VM{Name: "web", ExternalID: "vm-a", Tags: []nsxtest.Tag{{Tag: "isolated"}, {Scope: "owner", Tag: "it"}}})
	if err := client.VirtualMachines.RemoveTags(ctx, "vm-a", nsx.Tag{Tag: "isolated"}); err != nil {
		fmt.Println(err)
		return
	}
	vm, err := client.VirtualMachines.Get(ctx, "vm-a")
	fmt.Println(vm.Tags, err)
	// Output: [owner|it] <nil>
}

func ExampleVirtualMachines_ReplaceTags() {
	ctx := context.Background()
	client := newClient(nsxtest.VM{Name: "web", ExternalID: "vm-a", Tags: []nsxtest.Tag{{Tag: "a"}, {Tag: "b"}}})
	err := client.VirtualMachines.ReplaceTags(ctx, "vm-a") // by none: all are gone
	vm, _ := client.VirtualMachines.Get(ctx, "vm-a")
	fmt.Println(len(vm.Tags), err)
	// Output: 0 <nil>
}

func ExampleParseTag() {
	for _, s := range []string{"quarantine|malicious-file", "CB-NSX-Isolate", "a|b|c"} {
		tag, err := nsx.ParseTag(s)
		fmt.Printf("%+q %+q %v\n", tag.Scope, tag.Tag, err)
	}
	// Output:
	// "quarantine" "malicious-file" <nil>
	// "" "CB-NSX-Isolate" <nil>
	// "" "" nsx: tag "a|b|c" has more than one "|"
}
