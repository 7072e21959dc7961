package nsx_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestDoesATagIsolate(t *testing.T) {
	t.Parallel()
	q := wireGroup("q", wireTag("quarantine|malicious-file"))
	and, or := object{"resource_type": "ConjunctionOperator", "conjunction_operator": "AND"}, object{"resource_type": "ConjunctionOperator", "conjunction_operator": "OR"}
	named := func(value string) object {
		return object{"resource_type": "Condition", "member_type": "VirtualMachine", "key": "Name", "operator": "EQUALS", "value": value}
	}
	toQ, all := []string{groupsAt + "q"}, []object{wireRule("all", object{"scope": []string{groupsAt + "q"}})}
	const (
		inQ   = "; group q yes, was no"
		byAll = "; rule all in yes, out yes"
		yes   = "yes (in yes, out yes)" + inQ + byAll
	)
	for _, tc := range []struct {
		name string
		f    firewall
		any  string // of any machine
		vm   string // of vm-a
	}{
		{"a rule applied to the group", firewall{groups: []object{q}, rules: all}, yes, yes},
		{
			"rules in the list of policies",
			firewall{groups: []object{q}, policies: []object{{"id": "inline", "path": policiesAt + "inline", "rules": all}}},
			yes, yes,
		},
		{
			"a rule for each direction",
			firewall{groups: []object{q}, rules: []object{wireRule("from", object{"source_groups": toQ, "action": "REJECT"}), wireRule("to", object{"destination_groups": toQ})}},
			"yes (in yes, out yes)" + inQ + "; rule from in no, out yes; rule to in yes, out no",
			"yes (in yes, out yes)" + inQ + "; rule from in no, out yes; rule to in yes, out no",
		},
		{
			"a rule for one direction",
			firewall{groups: []object{q}, rules: []object{wireRule("from", object{"source_groups": toQ})}},
			"no (in no, out yes)" + inQ + "; rule from in no, out yes; the rules are about one direction only",
			"no (in no, out yes)" + inQ + "; rule from in no, out yes; the rules are about one direction only",
		},
		{
			"a rule for the other direction, which others enforce",
			firewall{groups: []object{q}, rules: []object{wireRule("from", object{"source_groups": toQ, "direction": "IN"})}},
			"no (in no, out unknown)" + inQ + "; rule from in no, out unknown; it is not known whether the rule reaches the machine: " + policiesAt + "p/rules/from; the rules are about one direction only",
			"no (in no, out unknown)" + inQ + "; rule from in no, out unknown; it is not known whether the rule reaches the machine: " + policiesAt + "p/rules/from; the rules are about one direction only",
		},
		{
			"no group",
			firewall{groups: []object{wireGroup("g", wireTag("|other"))}, rules: all},
			"no (in no, out no); no group asks for the tag", "no (in no, out no); no group asks for the tag",
		},
		{
			"no groups and no rules at all",
			firewall{policies: []object{}},
			"no (in no, out no); no group asks for the tag", "no (in no, out no); no group asks for the tag",
		},
		{
			"no rule",
			firewall{groups: []object{q}, rules: []object{wireRule("allow", object{"scope": toQ, "action": "ALLOW"})}},
			"no (in no, out no)" + inQ + "; no enabled rule drops or rejects for the groups", "no (in no, out no)" + inQ + "; no enabled rule drops or rejects for the groups",
		},
		{
			"a rule that drops for everybody, with or without the tag",
			firewall{groups: []object{q}, rules: []object{wireRule("default", nil)}},
			"no (in no, out no)" + inQ + "; no enabled rule drops or rejects for the groups", "no (in no, out no)" + inQ + "; no enabled rule drops or rejects for the groups",
		},
		{
			"a rule that spares the group",
			firewall{groups: []object{q}, rules: []object{wireRule("others", object{"source_groups": toQ, "sources_excluded": true})}},
			"no (in no, out no)" + inQ + "; no enabled rule drops or rejects for the groups", "no (in no, out no)" + inQ + "; no enabled rule drops or rejects for the groups",
		},
		{
			"a rule that is disabled",
			firewall{groups: []object{q}, rules: []object{wireRule("all", object{"scope": toQ, "disabled": true})}},
			"no (in no, out no)" + inQ + "; the rule is disabled: " + policiesAt + "p/rules/all; no enabled rule drops or rejects for the groups",
			"no (in no, out no)" + inQ + "; the rule is disabled: " + policiesAt + "p/rules/all; no enabled rule drops or rejects for the groups",
		},
		{
			"a rule about one service",
			firewall{groups: []object{q}, rules: []object{wireRule("smb", object{"scope": toQ, "services": []string{"/infra/services/SMB"}})}},
			"unknown (in unknown, out unknown)" + inQ + "; rule smb in yes, out yes, partly; the rule is about some peers or services only: " + policiesAt + "p/rules/smb",
			"unknown (in unknown, out unknown)" + inQ + "; rule smb in yes, out yes, partly; the rule is about some peers or services only: " + policiesAt + "p/rules/smb",
		},
		{
			"a rule about all but some peers",
			firewall{groups: []object{q}, rules: []object{wireRule("most", object{"source_groups": toQ, "destination_groups": []string{"10.0.0.1"}, "destinations_excluded": true}), wireRule("to", object{"destination_groups": toQ})}},
			"unknown (in yes, out unknown)" + inQ + "; rule most in no, out yes, partly; rule to in yes, out no; the rule is about some peers or services only: " + policiesAt + "p/rules/most",
			"unknown (in yes, out unknown)" + inQ + "; rule most in no, out yes, partly; rule to in yes, out no; the rule is about some peers or services only: " + policiesAt + "p/rules/most",
		},
		{
			"a policy that is for the group",
			firewall{groups: []object{q}, policies: []object{{"id": "p", "path": policiesAt + "p", "scope": toQ}}, rules: []object{wireRule("all", nil)}},
			yes, yes,
		},
		{
			"a policy that is for others, while its rule is for the group",
			firewall{groups: []object{q, wireGroup("none")}, policies: []object{{"id": "p", "path": policiesAt + "p", "scope": []string{groupsAt + "none"}}}, rules: all},
			"no (in no, out no)" + inQ + "; no enabled rule drops or rejects for the groups", "no (in no, out no)" + inQ + "; no enabled rule drops or rejects for the groups",
		},
		{
			"a group of certain machines that have the tag",
			firewall{groups: []object{wireGroup("q", wireTag("quarantine|malicious-file"), and, named("web"))}, rules: all},
			"unknown (in unknown, out unknown); group q unknown, was no; rule all in unknown, out unknown; it is not known whether the group takes the machine in: " + groupsAt + "q; it is not known whether the rule reaches the machine: " + policiesAt + "p/rules/all",
			yes,
		},
		{
			"a group of other machines that have the tag",
			firewall{groups: []object{wireGroup("q", wireTag("quarantine|malicious-file"), and, named("db"))}, rules: all},
			"unknown (in unknown, out unknown); group q unknown, was no; rule all in unknown, out unknown; it is not known whether the group takes the machine in: " + groupsAt + "q; it is not known whether the rule reaches the machine: " + policiesAt + "p/rules/all",
			"no (in no, out no); no group asks for the tag",
		},
		{
			"a group that the machine is in anyway",
			firewall{groups: []object{wireGroup("q", wireTag("quarantine|malicious-file"), or, named("web"))}, rules: all},
			"yes (in yes, out yes); group q yes, was unknown; rule all in yes, out yes",
			"no (in no, out no); no group asks for the tag",
		},
		{
			"a group by addresses, which the machine is in",
			firewall{groups: []object{q, wireGroup("net", object{"resource_type": "IPAddressExpression"})}, present: []string{"net"}, rules: []object{wireRule("both", object{"scope": append([]string{groupsAt + "net"}, toQ...)})}},
			"yes (in yes, out yes)" + inQ + "; rule both in yes, out yes",
			"no (in no, out no)" + inQ + "; no enabled rule drops or rejects for the groups",
		},
		{
			"a group that cannot be decided",
			firewall{groups: []object{wireGroup("q", wireTag("quarantine|"))}, rules: all},
			"unknown (in unknown, out unknown); group q unknown, was unknown; rule all in unknown, out unknown; it is not known whether the group takes the machine in: " + groupsAt + "q; it is not known whether the rule reaches the machine: " + policiesAt + "p/rules/all",
			"unknown (in unknown, out unknown); group q unknown, was no; rule all in unknown, out unknown; it is not known whether the group takes the machine in: " + groupsAt + "q; it is not known whether the rule reaches the machine: " + policiesAt + "p/rules/all",
		},
		{
			"the group within a group",
			firewall{groups: []object{wireGroup("inner", wireTag("|malicious-file")), wireGroup("q", object{"resource_type": "PathExpression", "paths": []string{groupsAt + "inner"}})}, rules: all},
			"yes (in yes, out yes); group inner yes, was no; group q yes, was no; rule all in yes, out yes",
			"yes (in yes, out yes); group inner yes, was no; group q yes, was no; rule all in yes, out yes",
		},
		{
			"the exclude list, by the group that the tag leads to",
			firewall{groups: []object{q}, rules: all, excluded: toQ},
			"no (in no, out no)" + inQ + byAll + "; the exclude list has the machine: " + groupsAt + "q", "no (in no, out no)" + inQ + byAll + "; the exclude list has the machine: " + groupsAt + "q",
		},
		{
			"the exclude list, by another group of the machine",
			firewall{groups: []object{q, wireGroup("mgmt", named("web"))}, rules: all, excluded: []string{groupsAt + "mgmt"}},
			yes, "no (in no, out no)" + inQ + byAll + "; the exclude list has the machine: " + groupsAt + "mgmt",
		},
		{
			"the exclude list, by a group of others",
			firewall{groups: []object{q, wireGroup("mgmt", named("db"))}, rules: all, excluded: []string{groupsAt + "mgmt"}},
			yes, yes,
		},
		{
			"the exclude list, by the machine itself",
			firewall{groups: []object{q}, rules: all, excluded: []string{"/infra/realized-state/enforcement-points/default/virtual-machines/VM-A"}},
			yes, "no (in no, out no)" + inQ + byAll + "; the exclude list has the machine: /infra/realized-state/enforcement-points/default/virtual-machines/VM-A",
		},
		{
			"the exclude list, by a segment",
			firewall{groups: []object{q}, rules: all, excluded: []string{"/infra/segments/s"}},
			yes, "unknown (in unknown, out unknown)" + inQ + byAll + "; it is not known whether the exclude list has the machine: /infra/segments/s",
		},
		{
			"the exclude list, which may not be read",
			firewall{groups: []object{q}, rules: all, status: map[string]int{"/infra/settings/firewall/security/exclude-list": http.StatusForbidden}},
			"unknown (in unknown, out unknown)" + inQ + byAll + "; it is not known whether the exclude list has the machine", "unknown (in unknown, out unknown)" + inQ + byAll + "; it is not known whether the exclude list has the machine",
		},
		{
			"an interface in another network",
			firewall{groups: []object{q}, rules: all, vifs: []object{{"external_id": "vm-a-4000", "owner_vm_id": "vm-a"}}},
			yes, "no (in no, out no)" + inQ + byAll + "; NSX manages no interface of the machine",
		},
		{
			"one of two interfaces in another network",
			firewall{groups: []object{q}, rules: all, vifs: []object{{"external_id": "vm-a-4000", "owner_vm_id": "vm-a"}, {"external_id": "vm-a-4001", "owner_vm_id": "vm-a", "lport_attachment_id": "p"}}},
			yes, "unknown (in unknown, out unknown)" + inQ + byAll + "; NSX does not manage the interface: vm-a-4000",
		},
		{
			"no interface",
			firewall{groups: []object{q}, rules: all, vifs: []object{}},
			yes, "no (in no, out no)" + inQ + byAll + "; NSX manages no interface of the machine",
		},
		{
			"interfaces that may not be read",
			firewall{groups: []object{q}, rules: all, status: map[string]int{"/api/v1/fabric/vifs": http.StatusForbidden}},
			yes, "unknown (in unknown, out unknown)" + inQ + byAll + "; the interfaces cannot be read",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			client := tc.f.client(t)
			got, err := client.Policy.Isolation(t.Context(), quarantine)
			if err != nil || told(got) != tc.any || got.Tag != quarantine || got.VM != "" {
				t.Errorf("Isolation = %s, %v\nwant        %s", told(got), err, tc.any)
			}
			got, err = client.Policy.IsolationOf(t.Context(), "VM-A", quarantine)
			if err != nil || told(got) != tc.vm || got.Tag != quarantine || got.VM != "vm-a" {
				t.Errorf("IsolationOf = %s, %v\nwant          %s", told(got), err, tc.vm)
			}
			for _, r := range tc.f.asked {
				if !strings.HasPrefix(r, "GET ") {
					t.Errorf("it sent %s", r)
				}
			}
		})
	}
}

func TestWhatCannotBeAskedIsAnError(t *testing.T) {
	t.Parallel()
	for path, fails := range map[string]struct{ any, vm bool }{
		"/api/v1/fabric/virtual-machines":                {false, true},
		"/api/v1/fabric/vifs":                            {false, true},
		strings.TrimSuffix(groupsAt, "/"):                {true, true},
		"/infra/virtual-machine-group-associations":      {false, true},
		strings.TrimSuffix(policiesAt, "/"):              {true, true},
		policiesAt + "p/rules":                           {true, true},
		"/infra/settings/firewall/security/exclude-list": {true, true},
	} {
		f := &firewall{
			groups: []object{wireGroup("q", wireTag("quarantine|malicious-file"))}, rules: []object{wireRule("all", object{"scope": []string{groupsAt + "q"}})},
			status: map[string]int{path: http.StatusBadRequest},
		}
		client := f.client(t)
		_, errAny := client.Policy.Isolation(t.Context(), quarantine)
		_, errVM := client.Policy.IsolationOf(t.Context(), "vm-a", quarantine)
		if (errAny != nil) != fails.any || (errVM != nil) != fails.vm {
			t.Errorf("%s: %v and %v; want failures %v", path, errAny, errVM, fails)
		}
	}
	client := (&firewall{}).client(t)
	if _, err := client.Policy.IsolationOf(t.Context(), "vm-none", quarantine); !errors.Is(err, nsx.ErrNotFound) {
		t.Errorf("a machine that is not there: %v, want ErrNotFound", err)
	}
	for _, err := range []error{
		second(client.Policy.Isolation(t.Context(), nsx.Tag{})), second(client.Policy.IsolationOf(t.Context(), "", quarantine)), second(client.Policy.IsolationOf(t.Context(), "vm-a", nsx.Tag{})),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "nsx: isolation") {
			t.Errorf("error = %v, want one about the arguments", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A machine that has the tag already is looked at as if it had not.
func TestIsolationOfAMachineThatHasTheTag(t *testing.T) {
	t.Parallel()
	f := &firewall{
		groups: []object{wireGroup("q", wireTag("quarantine|malicious-file"))}, rules: []object{wireRule("all", object{"scope": []string{groupsAt + "q"}})}, present: []string{"q"},
	}
	tagged := transport(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/api/v1/fabric/virtual-machines" {
			return (&script{answers: []canned{ok(`{"results":[{"external_id":"vm-a","tags":[{"scope":"quarantine","tag":"malicious-file"}]}]}`)}}).RoundTrip(r)
		}
		return f.RoundTrip(r)
	})
	client, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: tagged}, Credentials: nsx.Basic("u", "p")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Policy.IsolationOf(t.Context(), "vm-a", quarantine)
	if want := "yes (in yes, out yes); group q yes, was no; rule all in yes, out yes"; err != nil || told(got) != want {
		t.Errorf("IsolationOf = %s, %v\nwant %s", told(got), err, want)
	}
}

// The same questions to the whole of a manager.
func TestIsolationFromEndToEnd(t *testing.T) {
	t.Parallel()
	for _, list := range []bool{false, true} {
		srv := nsxtest.New(nsxtest.World{
			VMs: []nsxtest.VM{
				{Name: "web", ExternalID: "vm-a", VIFs: []nsxtest.VIF{{LPort: "port-a"}}},
				{Name: "backup", ExternalID: "vm-b", VIFs: []nsxtest.VIF{{LPort: "port-b"}, {MAC: "00:50:56:a1:0b:3c"}}},
				{Name: "mgmt-01", ExternalID: "vm-c", VIFs: []nsxtest.VIF{{LPort: "port-c"}}},
				{Name: "off-nsx", ExternalID: "vm-d", VIFs: []nsxtest.VIF{{}}},
			},
			Groups: []nsxtest.Group{
				{ID: "q", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}},
				{ID: "mgmt", Conditions: []nsxtest.Condition{{Key: "Name", Operator: "STARTSWITH", Value: "mgmt-"}}},
				{ID: "net", IPs: []string{"10.0.0.0/8"}},
			},
			SecurityPolicies: []nsxtest.SecurityPolicy{
				{ID: "app", Rules: []nsxtest.Rule{{ID: "default", Action: "DROP"}}},
				{ID: "isolate", Category: "Emergency", Rules: []nsxtest.Rule{
					{ID: "off", Action: "REJECT", Scope: []string{groupsAt + "q"}, Disabled: true},
					{ID: "all", Action: "DROP", Scope: []string{groupsAt + "q"}},
				}},
			},
			Excluded: []string{groupsAt + "mgmt"},
			Switches: nsxtest.Switches{ListRules: list},
		})
		client := connect(t, srv)
		const rest = "; group q yes, was no; rule all in yes, out yes"
		for id, want := range map[nsx.ExternalID]string{
			"vm-a": "yes (in yes, out yes)" + rest,
			"vm-b": "unknown (in unknown, out unknown)" + rest + "; NSX does not manage the interface: vm-b-4001",
			"vm-c": "no (in no, out no)" + rest + "; the exclude list has the machine: " + groupsAt + "mgmt",
			"vm-d": "no (in no, out no)" + rest + "; NSX manages no interface of the machine",
		} {
			got, err := client.Policy.IsolationOf(t.Context(), id, quarantine)
			if err != nil || told(got) != want {
				t.Errorf("IsolationOf(%s) = %s, %v\nwant %s", id, told(got), err, want)
			}
		}
		got, err := client.Policy.Isolation(t.Context(), quarantine)
		if err != nil || told(got) != "yes (in yes, out yes)"+rest {
			t.Errorf("Isolation = %s, %v", told(got), err)
		}
		got, err = client.Policy.Isolation(t.Context(), nsx.Tag{Scope: "quarantine", Tag: "other"})
		if want := "no (in no, out no); no group asks for the tag"; err != nil || told(got) != want {
			t.Errorf("Isolation = %s, %v\nwant %s", told(got), err, want)
		}
	}
}
