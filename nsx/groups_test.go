package nsx_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const groupsAt = "/infra/domains/default/groups/"

func tagIs(value string) nsx.Expression {
	return nsx.Expression{Type: nsx.ConditionExpression, MemberType: "VirtualMachine", Key: "Tag", Operator: "EQUALS", Value: value}
}

func word(w string) nsx.Expression {
	return nsx.Expression{Type: nsx.ConjunctionExpression, Conjunction: w}
}

func TestGroups(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{
			VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a", Tags: []nsxtest.Tag{{Tag: "legacy"}}}, {Name: "db", ExternalID: "vm-b"}},
			Groups: []nsxtest.Group{
				{ID: "quarantined", Name: "Quarantined VMs", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}},
				{ID: "old", Conditions: []nsxtest.Condition{{Value: "|legacy"}, {Key: "Name", Operator: "STARTSWITH", Value: "w"}}, All: true},
			},
			GroupLag: 20 * time.Second,
		})
		client := connect(t, srv)
		groups := client.Policy.Groups
		want := []nsx.Group{
			{ID: "quarantined", Path: groupsAt + "quarantined", DisplayName: "Quarantined VMs", Expression: []nsx.Expression{tagIs("quarantine|malicious-file")}},
			{ID: "old", Path: groupsAt + "old", DisplayName: "old", Expression: []nsx.Expression{
				tagIs("|legacy"), word("AND"), {Type: nsx.ConditionExpression, MemberType: "VirtualMachine", Key: "Name", Operator: "STARTSWITH", Value: "w"},
			}},
		}
		var got []nsx.Group
		for g, err := range groups.List(t.Context(), nsx.GroupQuery{MemberType: "VirtualMachine", PageSize: 1}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, g)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("List (-want +got):\n%s", diff)
		}
		one, err := groups.Get(t.Context(), "quarantined")
		if diff := cmp.Diff(want[0], one); diff != "" || err != nil {
			t.Errorf("Get: %v (-want +got):\n%s", err, diff)
		}
		if _, err := groups.Get(t.Context(), "none"); !errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("Get of none = %v, want ErrNotFound", err)
		}

		tags, err := groups.Tags(t.Context(), "old")
		if diff := cmp.Diff([]nsx.GroupTags{{MemberType: "VirtualMachine", Tags: []string{"|legacy"}}}, tags); diff != "" || err != nil {
			t.Errorf("Tags: %v (-want +got):\n%s", err, diff)
		}
		if _, err := groups.Tags(t.Context(), "none"); !errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("Tags of none = %v, want ErrNotFound", err)
		}

		refs, err := groups.Of(t.Context(), "vm-a")
		if diff := cmp.Diff([]nsx.GroupRef{{Path: groupsAt + "old", DisplayName: "old"}}, refs); diff != "" || err != nil || refs[0].ID() != "old" {
			t.Errorf("Of: %v (-want +got):\n%s", err, diff)
		}
		if err := client.VirtualMachines.AddTags(t.Context(), "vm-a", quarantine); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := groups.WaitFor(t.Context(), "vm-a", groupsAt+"quarantined"); err != nil || time.Since(start) < 20*time.Second || time.Since(start) > 35*time.Second {
			t.Errorf("WaitFor: %v after %s, want about the 20 s that groups take", err, time.Since(start))
		}
		var members []nsx.Member
		for m, err := range groups.Members(t.Context(), "quarantined") {
			if err != nil {
				t.Fatal(err)
			}
			m.HostID, m.ComputeIDs = "", nil
			members = append(members, m)
		}
		if diff := cmp.Diff([]nsx.Member{{VM: "vm-a", DisplayName: "web", State: "REALIZED", PowerState: "VM_RUNNING"}}, members); diff != "" {
			t.Errorf("Members (-want +got):\n%s", diff)
		}
		for _, err := range groups.Members(t.Context(), "none") {
			if !errors.Is(err, nsx.ErrNotFound) {
				t.Errorf("Members of none = %v, want ErrNotFound", err)
			}
		}
	})
}

func TestWaitingForAGroupEndsWithTheContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a"}}, Groups: []nsxtest.Group{{ID: "g", Conditions: []nsxtest.Condition{{Value: "|x"}}}}})
		groups := connect(t, srv).Policy.Groups
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		const want = `nsx: groups.wait_for: the virtual machine "vm-a" is not in the group "/infra/domains/default/groups/g", but in 0 others: context deadline exceeded`
		if err := groups.WaitFor(ctx, "vm-a", groupsAt+"g"); !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
			t.Errorf("error = %v, want %s", err, want)
		}
		if n := len(srv.Requests()); n < 80 || n > 300 {
			t.Errorf("asked %d times in ten minutes, want pauses that grow to 5 s or so", n)
		}
		if err := groups.WaitFor(t.Context(), "vm-none", groupsAt+"g"); !errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("a machine that is not there: %v, want ErrNotFound", err)
		}
		if err := groups.WaitFor(t.Context(), "", groupsAt+"g"); err == nil {
			t.Error("no machine was accepted")
		}
	})
}

func TestWhatAGroupCanBe(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, ok(sample(t, "groups.json")))
	var got []nsx.Group
	for g, err := range client.Policy.Groups.List(t.Context(), nsx.GroupQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, g)
	}
	first := tagIs("quarantine|malicious-file")
	first.ScopeOperator = "EQUALS"
	want := []nsx.Group{
		{
			ID: "quarantined-vms", Path: groupsAt + "quarantined-vms", DisplayName: "Quarantined VMs", Revision: 3,
			Tags: []nsx.Tag{{Scope: "team", Tag: "soc"}, {Tag: "x"}},
			Expression: []nsx.Expression{first, word("OR"), {Type: nsx.NestedExpression, Expressions: []nsx.Expression{
				{Type: nsx.ConditionExpression, MemberType: "VirtualMachine", Key: "Name", Operator: "STARTSWITH", Value: "fin-"},
				word("AND"),
				{Type: nsx.ExternalIDExpression, MemberType: "VirtualMachine", ExternalIDs: []nsx.ExternalID{"vm-a", "vm-b"}},
			}}},
		},
		{
			ID: "mixed", Path: groupsAt + "mixed",
			Expression: []nsx.Expression{
				{Type: nsx.PathExpression, Paths: []nsx.Path{"/infra/segments/web"}},
				word("OR"),
				{Type: nsx.IPAddressExpression, IPAddresses: []string{"10.0.0.0/8"}},
				word("OR"),
				{Type: nsx.MACAddressExpression, MACAddresses: []string{"00:50:56:a1:0b:3c"}},
				word("OR"),
				{Type: nsx.IdentityExpression, Raw: []byte(`{ "resource_type": "IdentityGroupExpression", "identity_groups": [{ "distinguished_name": "CN=soc,DC=corp" }] }`)},
				word("OR"),
				{Type: "NewInTen", Raw: []byte(`{ "resource_type": "NewInTen", "value": { "not": "a string" } }`)},
			},
		},
		{ID: "empty", Path: groupsAt + "empty"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	for _, c := range []canned{ok(`{}`), ok(`{"results":[{"display_name":"no id"}]}`), ok(`{"id":"g","expression":[7]}`), {status: http.StatusNoContent}} {
		client, _ := scripted(t, c)
		if g, err := client.Policy.Groups.Get(t.Context(), "g"); err == nil {
			t.Errorf("%s: Get = %+v, want an error", c.body, g)
		}
	}
	client, s := scripted(t, ok(`{"results":[{"target_id":"/infra/domains/default/groups/g"}]}`))
	if refs, err := client.Policy.Groups.Of(t.Context(), "a b"); err != nil || len(refs) != 1 || refs[0].ID() != "g" || !strings.HasSuffix(s.urls[0], "?vm_external_id=a+b") {
		t.Errorf("Of = %v, %v by %v", refs, err, s.urls)
	}
}
