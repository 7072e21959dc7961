package nsx_test

import (
	"context"
	"fmt"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// fenced is a manager that drops all traffic of machines with a tag, but for those of the management.
func fenced() nsxtest.World {
	return nsxtest.World{
		VMs: []nsxtest.VM{{
			Name: "web", ExternalID: "vm-a", Tags: []nsxtest.Tag{{Scope: "quarantine", Tag: "malicious-file"}},
			Sessions: []nsxtest.GuestSession{{Domain: "CORP", User: "kim"}},
		}},
		Groups: []nsxtest.Group{{ID: "quarantined", Name: "Quarantined", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}}},
		SecurityPolicies: []nsxtest.SecurityPolicy{{ID: "isolate", Category: "Emergency", Rules: []nsxtest.Rule{
			{ID: "drop-all", Action: "DROP", Scope: []string{"/infra/domains/default/groups/quarantined"}},
		}}},
		Excluded: []string{"/infra/domains/default/groups/management"},
		BulkStep: -1,
	}
}

// Which groups is a machine in, and who is logged in to it?
func ExampleGroups_Of() {
	ctx, client := context.Background(), manage(fenced())
	groups, err := client.Policy.Groups.Of(ctx, "vm-a")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(groups[0].ID(), groups[0].DisplayName)
	sessions, err := client.Policy.VirtualMachines.GuestSessions(ctx, "vm-a")
	fmt.Println(sessions.Active[0].User, err)
	// Output:
	// quarantined Quarantined
	// kim <nil>
}

// What does the firewall do, and what does it leave alone?
func ExampleSecurityPolicies_Rules() {
	ctx, client := context.Background(), manage(fenced())
	rules, err := client.Policy.SecurityPolicies.Rules(ctx, "isolate")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range rules {
		fmt.Println(r.ID, r.Action, r.Blocks(), r.AppliedTo)
	}
	fmt.Println(client.Policy.SecurityPolicies.ExcludeList(ctx))
	// Output:
	// drop-all DROP true [/infra/domains/default/groups/quarantined]
	// [/infra/domains/default/groups/management] <nil>
}

// A job of tags can be looked at without waiting for it.
func ExampleTagJob_Status() {
	ctx, client := context.Background(), manage(fenced())
	job, err := client.Policy.Tags.Start(ctx, nsx.TagOperation{Tag: nsx.Tag{Tag: "seen"}, AddTo: []nsx.ExternalID{"vm-a"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := job.Status(ctx)
	fmt.Println(len(status), status[0].State, err)
	// Output: 1 Success <nil>
}
