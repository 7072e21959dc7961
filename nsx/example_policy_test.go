package nsx_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// manage connects to a manager that is made up for the example.
func manage(world nsxtest.World, change ...func(*nsx.Config)) *nsx.Client {
	srv := nsxtest.New(world)
	cfg := nsx.Config{
		BaseURL: nsxtest.URL, HTTPClient: srv.Client(), // both only because it is made up
		Credentials: nsx.Session(nsxtest.Username, nsxtest.Password),
	}
	for _, f := range change {
		f(&cfg)
	}
	client, err := nsx.New(cfg)
	if err != nil {
		panic(err)
	}
	return client
}

// Does the tag isolate this machine? And if not, why?
func ExampleSpace_IsolationOf() {
	ctx := context.Background()
	const quarantined = "/infra/domains/default/groups/quarantined"
	client := manage(nsxtest.World{
		VMs: []nsxtest.VM{
			{Name: "web", ExternalID: "vm-a", VIFs: []nsxtest.VIF{{LPort: "port-1"}}},
			{Name: "vcenter", ExternalID: "vm-b", VIFs: []nsxtest.VIF{{LPort: "port-2"}}},
		},
		Groups: []nsxtest.Group{
			{ID: "quarantined", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}},
			{ID: "management", Conditions: []nsxtest.Condition{{Key: "Name", Value: "vcenter"}}},
		},
		SecurityPolicies: []nsxtest.SecurityPolicy{{ID: "isolate", Category: "Emergency", Rules: []nsxtest.Rule{
			{ID: "drop-all", Action: "DROP", Scope: []string{quarantined}},
		}}},
		Excluded: []string{"/infra/domains/default/groups/management"},
	})
	for _, vm := range []nsx.ExternalID{"vm-a", "vm-b"} {
		i, err := client.Policy.IsolationOf(ctx, vm, nsx.Tag{Scope: "quarantine", Tag: "malicious-file"})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(vm, i.Answer, i.Groups[0].Group.ID, i.Rules[0].Rule.ID, i.Reasons)
	}
	// Output:
	// vm-a yes quarantined drop-all []
	// vm-b no quarantined drop-all [the exclude list has the machine: /infra/domains/default/groups/management]
}

// Before a tag is used for the first time: is there anything that asks for it?
func ExampleSpace_Isolation() {
	client := manage(nsxtest.World{Groups: []nsxtest.Group{{ID: "quarantined", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}}}})
	for _, s := range []string{"quarantine|malicious-file", "malicious-file"} {
		tag, _ := nsx.ParseTag(s)
		i, err := client.Policy.Isolation(context.Background(), tag)
		fmt.Println(i.Answer, i.Reasons, err)
	}
	// Output:
	// no [no enabled rule drops or rejects for the groups] <nil>
	// no [no group asks for the tag] <nil>
}

func ExampleGroup_Holds() {
	group := nsx.Group{Expression: []nsx.Expression{
		{Type: nsx.ConditionExpression, MemberType: "VirtualMachine", Key: "Tag", Operator: "EQUALS", Value: "Quarantine|Malicious-File"},
		{Type: nsx.ConjunctionExpression, Conjunction: "AND"},
		{Type: nsx.ConditionExpression, MemberType: "VirtualMachine", Key: "OSName", Operator: "CONTAINS", Value: "windows"},
	}}
	tag := nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}
	fmt.Println(group.Holds(nsx.VirtualMachine{Tags: []nsx.Tag{tag}, OSName: "Microsoft Windows 10 (64-bit)"}))
	fmt.Println(group.Holds(nsx.VirtualMachine{OSName: "Microsoft Windows 10 (64-bit)"}))
	fmt.Println(group.Holds(nsx.VirtualMachine{Tags: []nsx.Tag{tag}})) // without VMware Tools
	fmt.Println(group.Meets(tag))                                      // by itself
	// Output:
	// yes
	// no
	// unknown
	// unknown
}

// One tag, many machines. The job can be picked up by its ids, by another process too.
func ExampleTags_Start() {
	ctx := context.Background()
	client := manage(nsxtest.World{VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a"}}, BulkStep: -1})
	job, err := client.Policy.Tags.Start(ctx, nsx.TagOperation{
		Tag: nsx.Tag{Scope: "quarantine", Tag: "malicious-file"}, AddTo: []nsx.ExternalID{"vm-a", "vm-gone"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := client.Policy.Tags.Job(job.IDs()...).Wait(ctx)
	for _, r := range results {
		fmt.Println(r.VM, r.Done)
	}
	if failure, ok := errors.AsType[*nsx.TagResultError](err); ok {
		fmt.Println(failure.Result.VM, "failed")
	}
	// Output:
	// vm-a true
	// vm-gone false
	// vm-gone failed
}

func ExampleTags_List() {
	ctx := context.Background()
	client := manage(nsxtest.World{VMs: []nsxtest.VM{
		{Name: "web", Tags: []nsxtest.Tag{{Scope: "quarantine", Tag: "malicious-file"}}},
		{Name: "db", Tags: []nsxtest.Tag{{Scope: "owner", Tag: "it"}}},
	}})
	for use, err := range client.Policy.Tags.List(ctx, nsx.TagQuery{Scope: "quar*"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(use.Tag, use.Objects)
		for carrier, err := range client.Policy.Tags.Carriers(ctx, use.Tag) {
			fmt.Println(carrier.Type, carrier.Name, err)
		}
	}
	// Output:
	// quarantine|malicious-file 1
	// VirtualMachine web <nil>
}

// Machines of a project are reached through it. Owners tells whose a machine is.
func ExampleClient_Project() {
	ctx := context.Background()
	client := manage(nsxtest.World{
		Projects: []nsxtest.Project{{ID: "team-a"}},
		VMs:      []nsxtest.VM{{Name: "web", ExternalID: "vm-a", Project: "team-a"}, {Name: "db", ExternalID: "vm-b"}},
	})
	owners, err := client.VirtualMachines.Owners(ctx, "vm-a")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, owner := range owners {
		id, ok := owner.Project()
		if !ok {
			continue
		}
		project := client.Project(id)
		if err := project.VirtualMachines.AddTags(ctx, "vm-a", nsx.Tag{Tag: "isolated"}); err != nil {
			fmt.Println(err)
			return
		}
		for vm, err := range project.VirtualMachines.List(ctx) {
			fmt.Println(id, vm.DisplayName, vm.Tags, err)
		}
	}
	// Output: team-a web [isolated] <nil>
}

// On VMware Cloud there is the Policy API alone, with an enforcement point of its own and a token instead of an account.
func ExampleConfig_vmwareCloud() {
	ctx := context.Background()
	client := manage(nsxtest.World{
		VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a"}}, EnforcementPoint: "vmc-enforcementpoint", Switches: nsxtest.Switches{PolicyOnly: true},
		Users: []nsxtest.User{{Name: "svc"}}, Tokens: []nsxtest.Token{{Token: "access-token", User: "svc"}},
	}, func(cfg *nsx.Config) {
		cfg.Credentials = nsx.Bearer("access-token")
		cfg.EnforcementPoint = "/infra/sites/default/enforcement-points/vmc-enforcementpoint"
	})
	vm, err := client.Policy.VirtualMachines.Find(ctx, nsx.Host{Name: "web"})
	if err != nil {
		fmt.Println(err)
		return
	}
	vm, err = client.Policy.VirtualMachines.ChangeTags(ctx, vm.ExternalID, nsx.TagChange{Add: []nsx.Tag{{Tag: "isolated"}}})
	fmt.Println(vm.DisplayName, vm.Tags, err)
	// Output: web [isolated] <nil>
}

func ExampleVirtualMachines_Search() {
	client := newClient(nsxtest.VM{Name: "fin-ws-0142"}, nsxtest.VM{Name: "FIN-WS-0143"}, nsxtest.VM{Name: "web"})
	for vm, err := range client.VirtualMachines.Search(context.Background(), nsx.VMSearch{NamePrefix: "fin-ws-"}) {
		fmt.Println(vm.DisplayName, err)
	}
	// Output:
	// fin-ws-0142 <nil>
	// FIN-WS-0143 <nil>
}

// After the tag: has a group picked it up?
func ExampleGroups_WaitFor() {
	ctx := context.Background()
	client := manage(nsxtest.World{
		VMs:    []nsxtest.VM{{Name: "web", ExternalID: "vm-a", Tags: []nsxtest.Tag{{Tag: "isolated"}}}},
		Groups: []nsxtest.Group{{ID: "isolated", Conditions: []nsxtest.Condition{{Value: "|isolated"}}}},
	})
	fmt.Println(client.Policy.Groups.WaitFor(ctx, "vm-a", "/infra/domains/default/groups/isolated"))
	for m, err := range client.Policy.Groups.Members(ctx, "isolated") {
		fmt.Println(m.DisplayName, m.State, err)
	}
	// Output:
	// <nil>
	// web REALIZED <nil>
}

func ExampleVirtualMachines_ChangeTags() {
	client := newClient(nsxtest.VM{Name: "web", ExternalID: "vm-a", Tags: []nsxtest.Tag{{Scope: "quarantine", Tag: "suspected"}, {Scope: "owner", Tag: "it"}}})
	vm, err := client.VirtualMachines.ChangeTags(context.Background(), "vm-a", nsx.TagChange{
		Add: []nsx.Tag{{Scope: "quarantine", Tag: "confirmed"}}, Remove: []nsx.Tag{{Scope: "quarantine", Tag: "suspected"}},
	})
	fmt.Println(vm.Tags, err)
	// Output: [owner|it quarantine|confirmed] <nil>
}

// Is an interface out of the reach of the firewall?
func ExampleInterfaces_List() {
	client := newClient(nsxtest.VM{Name: "web", ExternalID: "vm-a", VIFs: []nsxtest.VIF{
		{LPort: "5f0c7a9e-2d41-4f6b-a0e3-7b1c9d84e250", IPs: []string{"10.20.30.42"}}, {MAC: "00:50:56:a1:0b:3c"},
	}})
	for i, err := range client.Interfaces.List(context.Background(), nsx.InterfaceQuery{VM: "vm-a"}) {
		fmt.Println(i.Device, i.Managed(), i.Addresses, err)
	}
	// Output:
	// Network adapter 1 true [10.20.30.42] <nil>
	// Network adapter 2 false [] <nil>
}

func ExampleNode_Version() {
	client := manage(nsxtest.World{Version: "4.1.2.0.0.22589037"})
	v, err := client.Node.Version(context.Background())
	fmt.Println(v.Product, v.AtLeast(4, 1), err)
	health, err := client.Node.Health(context.Background())
	fmt.Println(health.Healthy, err)
	// Output:
	// 4.1.2.0.0.22589037 true <nil>
	// true <nil>
}
