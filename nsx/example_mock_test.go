package nsx_test

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// The code under test in the first way: it takes a function, and knows nothing of the client that it belongs to.
func report(ctx context.Context, list func(context.Context, nsx.VMQuery) iter.Seq2[nsx.VirtualMachine, error]) string {
	n := 0
	for vm, err := range list(ctx, nsx.VMQuery{}) {
		if err != nil {
			return fmt.Sprintf("after %d machines: %v", n, err)
		}
		if vm.HasTag(nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}) {
			n++
		}
	}
	return fmt.Sprintf("%d machines are in quarantine", n)
}

// One call is needed: take it as a function. The method value of a client fits, and so does any function of a test, a list included.
func Example_testingWithAFunc() {
	list := func(context.Context, nsx.VMQuery) iter.Seq2[nsx.VirtualMachine, error] {
		return func(yield func(nsx.VirtualMachine, error) bool) {
			_ = yield(nsx.VirtualMachine{ExternalID: "vm-a", Tags: []nsx.Tag{{Scope: "quarantine", Tag: "malicious-file"}}}, nil) &&
				yield(nsx.VirtualMachine{}, nsx.ErrForbidden)
		}
	}
	fmt.Println(report(context.Background(), list))
	// In the program: report(ctx, client.VirtualMachines.List)

	// Output: after 1 machines: forbidden
}

// machineRoom is what the code under test needs in the second way: two methods, declared where they are used.
type machineRoom interface {
	Find(context.Context, nsx.Host) (nsx.VirtualMachine, error)
	AddTags(context.Context, nsx.ExternalID, ...nsx.Tag) error
}

// Both APIs of a manager have them, which the compiler checks here.
var (
	_ machineRoom = (*nsx.VirtualMachines)(nil)
	_ machineRoom = (*nsx.PolicyVMs)(nil)
)

func quarantineHost(ctx context.Context, vms machineRoom, host string) string {
	vm, err := vms.Find(ctx, nsx.Host{Name: host})
	switch {
	case errors.Is(err, nsx.ErrNotFound):
		return "no such machine"
	case errors.Is(err, nsx.ErrAmbiguous):
		return "several machines: a person has to choose"
	case err != nil:
		return "try again later"
	}
	if err := vms.AddTags(ctx, vm.ExternalID, nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}); err != nil {
		return "try again later"
	}
	return "tagged " + vm.DisplayName
}

// shelf is a machine room of a test.
type shelf map[string]nsx.VirtualMachine

func (s shelf) Find(_ context.Context, h nsx.Host) (nsx.VirtualMachine, error) {
	vm, ok := s[h.Name]
	if !ok {
		return vm, nsx.ErrNotFound
	}
	return vm, nil
}

func (s shelf) AddTags(_ context.Context, id nsx.ExternalID, tags ...nsx.Tag) error {
	for name, vm := range s {
		if vm.ExternalID == id {
			vm.Tags = append(vm.Tags, tags...)
			s[name] = vm
		}
	}
	return nil
}

// A few calls belong together: declare an interface of those alone. The parts of a client are structs, so there is nothing to wait
// for and nothing to generate.
func Example_testingWithAnInterface() {
	vms := shelf{"web": {ExternalID: "vm-a", DisplayName: "web"}}
	fmt.Println(quarantineHost(context.Background(), vms, "web"), vms["web"].Tags)
	fmt.Println(quarantineHost(context.Background(), vms, "db"))
	// In the program: quarantineHost(ctx, client.VirtualMachines, host)

	// Output:
	// tagged web [quarantine|malicious-file]
	// no such machine
}

// How the whole behaves matters, with sessions, names that several machines have and groups that follow: let the real client talk
// to the fake.
func Example_testingWithTheFake() {
	ctx := context.Background()
	srv := nsxtest.New(nsxtest.World{
		VMs:    []nsxtest.VM{{Name: "web", ExternalID: "vm-a"}, {Name: "db", ExternalID: "vm-b"}, {Name: "db", ExternalID: "vm-c"}},
		Groups: []nsxtest.Group{{ID: "quarantined", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}}},
	})
	client, err := nsx.New(nsx.Config{
		BaseURL: nsxtest.URL, HTTPClient: srv.Client(), Credentials: nsx.Session(nsxtest.Username, nsxtest.Password),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(quarantineHost(ctx, client.VirtualMachines, "web"))
	fmt.Println(quarantineHost(ctx, client.VirtualMachines, "db"))
	srv.EndSessions() // nobody notices
	fmt.Println(quarantineHost(ctx, client.VirtualMachines, "web"))
	fmt.Println(srv.State().VMs[0].Groups)
	// Output:
	// tagged web
	// several machines: a person has to choose
	// tagged web
	// [quarantined]
}
