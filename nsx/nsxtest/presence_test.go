package nsxtest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestNewMachineIsMissingAtFirst(t *testing.T) {
	t.Parallel()
	now := noon
	w := quarantine()
	w.Now, w.VMs[0].ListedFrom = func() time.Time { return now }, noon.Add(5*time.Second)
	srv := nsxtest.New(w)
	tag := `{"external_id":"` + finance + `","tags":[{"tag":"x"}]}`
	look := func() []int {
		t.Helper()
		return []int{
			len(decode(t, get(t, srv, vmPath)).Results), len(decode(t, get(t, srv, policyPath)).Results), len(decode(t, get(t, srv, "/api/v1/fabric/vifs")).Results),
			len(search(t, srv, searchPath, "resource_type:VirtualMachine", "").Results), post(t, srv, vmPath+"?action=add_tags", tag).status, len(srv.State().VMs),
		}
	}
	if diff := cmp.Diff([]int{0, 0, 0, 0, 404, 0}, look()); diff != "" {
		t.Errorf("before it is listed mismatch (-want +got):\n%s", diff)
	}
	now = now.Add(5 * time.Second)
	if diff := cmp.Diff([]int{1, 1, 1, 1, 204, 1}, look()); diff != "" {
		t.Errorf("once it is listed mismatch (-want +got):\n%s", diff)
	}
}

func TestMachineThatVanishesLosesItsTags(t *testing.T) {
	t.Parallel()
	for away, want := range map[time.Duration][]nsxtest.Tag{30 * time.Minute: {{Scope: "owner", Tag: "finance"}}, 31 * time.Minute: nil} {
		now := noon
		w := quarantine()
		w.Now = func() time.Time { return now }
		srv := nsxtest.New(w)
		if srv.Return(finance) || srv.Vanish("nobody") || !srv.Vanish(finance) || srv.Vanish(finance) {
			t.Error("Vanish and Return do not tell whether there was anything to do")
		}
		if n := len(decode(t, get(t, srv, vmPath)).Results); n != 0 {
			t.Errorf("%d machines are listed, want none", n)
		}
		now = now.Add(away)
		if !srv.Return(finance) {
			t.Error("Return() = false for a machine that vanished")
		}
		if diff := cmp.Diff(want, tags(srv, finance)); diff != "" {
			t.Errorf("tags after %s mismatch (-want +got):\n%s", away, diff)
		}
		if row := decode(t, get(t, srv, vmPath)).Results[0]; (row["tags"] == nil) != (want == nil) {
			t.Errorf("row after %s: %v", away, row)
		}
	}
}

// A tag isolates nothing where the machine is on the exclude list.
func ExampleSecurityPolicy() {
	const machine = "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94"
	const groups = "/infra/domains/default/groups/"
	world := nsxtest.World{
		VMs: []nsxtest.VM{{Name: "mgmt-01", ExternalID: machine, Tags: []nsxtest.Tag{{Scope: "quarantine", Tag: "malicious-file"}}}},
		Groups: []nsxtest.Group{
			{ID: "quarantined", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}},
			{ID: "mgmt", Conditions: []nsxtest.Condition{{Key: "Name", Operator: "STARTSWITH", Value: "mgmt-"}}},
		},
		SecurityPolicies: []nsxtest.SecurityPolicy{{
			ID: "isolate", Category: "Emergency", Rules: []nsxtest.Rule{{ID: "drop", Action: "DROP", Scope: []string{groups + "quarantined"}}},
		}},
		Excluded: []string{groups + "mgmt"},
	}
	fmt.Println(world.Check())
	for _, vm := range nsxtest.New(world).State().VMs {
		fmt.Println(vm.Name, vm.Groups)
	}

	world.Excluded = []string{groups + "management"}
	fmt.Println(world.Check())

	// Output:
	// <nil>
	// mgmt-01 [quarantined mgmt]
	// nsxtest: world: the exclude list refers to /infra/domains/default/groups/management, which is not there
}
