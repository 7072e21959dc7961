package nsx_test

import (
	"maps"
	"testing"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// doubtful is a firewall, and what is told of vm-a and of any machine.
type doubtful struct {
	name string
	f    firewall
	any  string
	vm   string
}

func (d doubtful) check(t *testing.T) {
	t.Helper()
	client := d.f.client(t)
	if got, err := client.Policy.Isolation(t.Context(), quarantine); err != nil || told(got) != d.any {
		t.Errorf("%s: Isolation = %s, %v\nwant %s", d.name, told(got), err, d.any)
	}
	if got, err := client.Policy.IsolationOf(t.Context(), "vm-a", quarantine); err != nil || told(got) != d.vm {
		t.Errorf("%s: IsolationOf = %s, %v\nwant %s", d.name, told(got), err, d.vm)
	}
}

// What such a test is about: one group, and a rule applied to it.
const (
	doubtInQ  = "; group q yes, was no"
	doubtRule = "; rule all in yes, out yes"
	doubtYes  = "yes (in yes, out yes)" + doubtInQ + doubtRule
)

func groupQ() object { return wireGroup("q", wireTag("quarantine|malicious-file")) }

func ruleAll(more ...object) object {
	r := wireRule("all", object{"scope": []string{groupsAt + "q"}})
	for _, m := range more {
		maps.Copy(r, m)
	}
	return r
}

// A rule that is about all services in its list can still be about some traffic only.
func TestRulesThatAreNarrowerThanTheyLook(t *testing.T) {
	t.Parallel()
	const partly = "unknown (in unknown, out unknown)" + doubtInQ + doubtRule + ", partly; the rule is about some peers or services only: " + policiesAt + "p/rules/all"
	for _, tc := range []struct {
		name string
		more object
		want string
	}{
		{"services of its own", object{"services": []string{}, "service_entries": []object{{"resource_type": "L4PortSetServiceEntry", "l4_protocol": "TCP"}}}, partly},
		{"services of its own beside all", object{"service_entries": []object{{"resource_type": "IPProtocolServiceEntry"}}}, partly},
		{"no services of its own", object{"service_entries": []object{}}, doubtYes},
		{"a profile", object{"profiles": []string{"/infra/context-profiles/DNS"}}, partly},
		{"any profile", object{"profiles": []string{"ANY"}}, doubtYes},
		{"one version of IP", object{"ip_protocol": "IPV4"}, partly},
		{"both versions of IP", object{"ip_protocol": "IPV4_IPV6"}, doubtYes},
	} {
		doubtful{tc.name, firewall{groups: []object{groupQ()}, rules: []object{ruleAll(tc.more)}}, tc.want, tc.want}.check(t)
	}
}

// A policy with a schedule is enforced at times.
func TestPoliciesWithASchedule(t *testing.T) {
	t.Parallel()
	const want = "unknown (in unknown, out unknown)" + doubtInQ + doubtRule + ", partly; the rule is enforced at certain times only: " + policiesAt + "p/rules/all"
	doubtful{
		"a schedule",
		firewall{
			groups:   []object{groupQ()},
			policies: []object{{"id": "p", "path": policiesAt + "p", "scheduler_path": "/infra/firewall-schedulers/nights"}}, rules: []object{ruleAll()},
		},
		want, want,
	}.check(t)
}

// Where the conditions do not tell, the machine's present groups do, unless the tag may change them.
func TestGroupsThatTheTagMayChange(t *testing.T) {
	t.Parallel()
	segment := func(value string) object {
		return object{"resource_type": "Condition", "member_type": "Segment", "key": "Tag", "operator": "EQUALS", "value": value}
	}
	conjunction := func(word string) object {
		return object{"resource_type": "ConjunctionOperator", "conjunction_operator": word}
	}
	not := func(value string) object {
		return object{"resource_type": "Condition", "member_type": "VirtualMachine", "key": "Tag", "operator": "NOTEQUALS", "value": value}
	}
	one := object{"resource_type": "Condition", "member_type": "VirtualMachine", "key": "Tag", "operator": "NOTIN", "value": "env|prod,env|lab"}
	mgmt := groupsAt + "mgmt"
	const (
		unsure   = "; group mgmt unknown, was unknown"
		excluded = "; it is not known whether the exclude list has the machine: /infra/domains/default/groups/mgmt"
		want     = "unknown (in unknown, out unknown)" + doubtInQ + unsure + doubtRule + excluded
	)
	for _, tc := range []struct {
		name  string
		group object
		any   string
		vm    string
	}{
		{"the tag in one segment, or another segment", wireGroup("mgmt", segment("|a"), conjunction("AND"), wireTag("quarantine|malicious-file"), conjunction("OR"), segment("|b")), want, want},
		{"not the tag, while the segment decides", wireGroup("mgmt", not("quarantine|malicious-file"), conjunction("AND"), segment("|a")), want, "yes (in yes, out yes)" + doubtInQ + "; group mgmt no, was unknown" + doubtRule},
		{"none of a list of tags", wireGroup("mgmt", one), want, want},
		{"a group that is not among those of the space", wireGroup("mgmt", object{"resource_type": "PathExpression", "paths": []string{"/infra/domains/cgw/groups/g"}}), want, want},
		{"a segment", wireGroup("mgmt", segment("|a")), doubtYes, doubtYes},
	} {
		doubtful{tc.name, firewall{groups: []object{groupQ(), tc.group}, rules: []object{ruleAll()}, excluded: []string{mgmt}}, tc.any, tc.vm}.check(t)
	}
}

// A rule for a group that cannot be looked at may well be one for the tag.
func TestRulesForGroupsOfOtherSpaces(t *testing.T) {
	t.Parallel()
	const want = "unknown (in unknown, out unknown); rule all in unknown, out unknown; it is not known whether the rule reaches the machine: " + policiesAt + "p/rules/all"
	doubtful{"another domain", firewall{rules: []object{ruleAll(object{"scope": []string{"/infra/domains/cgw/groups/q"}})}}, want, want}.check(t)
	const no = "no (in no, out no); no group asks for the tag"
	doubtful{"a segment", firewall{rules: []object{ruleAll(object{"scope": []string{"/infra/segments/s"}})}}, no, no}.check(t)
}

// Groups that all name each other must not take for ever.
func TestGroupsThatNameEachOther(t *testing.T) {
	t.Parallel()
	var paths []string
	for i := range 40 {
		paths = append(paths, groupsAt+"g"+string(rune('a'+i)))
	}
	f := firewall{groups: []object{groupQ()}, rules: []object{ruleAll()}}
	for _, p := range paths {
		f.groups = append(f.groups, wireGroup(p[len(groupsAt):], object{"resource_type": "PathExpression", "paths": paths}))
	}
	doubtful{"a tangle", f, doubtYes, doubtYes}.check(t)
}

// What the system excludes is in a list of its own.
func TestMachinesThatTheSystemExcludes(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{
		VMs: []nsxtest.VM{
			{Name: "nsx-mgr-01", ExternalID: "vm-m", VIFs: []nsxtest.VIF{{LPort: "port-m"}}}, {Name: "web", ExternalID: "vm-a", VIFs: []nsxtest.VIF{{LPort: "port-a"}}},
		},
		Groups: []nsxtest.Group{
			{ID: "q", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}},
			{ID: "managers", Conditions: []nsxtest.Condition{{Key: "Name", Operator: "STARTSWITH", Value: "nsx-mgr"}}},
		},
		SecurityPolicies: []nsxtest.SecurityPolicy{{ID: "p", Category: "Emergency", Rules: []nsxtest.Rule{{ID: "all", Action: "DROP", Scope: []string{groupsAt + "q"}}}}},
		ExcludedBySystem: []string{groupsAt + "managers"},
	})
	client := connect(t, srv)
	for id, want := range map[nsx.ExternalID]string{
		"vm-m": "no (in no, out no)" + doubtInQ + doubtRule + "; the exclude list has the machine: " + groupsAt + "managers",
		"vm-a": doubtYes,
	} {
		got, err := client.Policy.IsolationOf(t.Context(), id, quarantine)
		if err != nil || told(got) != want {
			t.Errorf("IsolationOf(%s) = %s, %v\nwant %s", id, told(got), err, want)
		}
	}
}

// A rule that nothing reaches isolates nothing.
func TestRulesBehindOnesThatLetEverythingThrough(t *testing.T) {
	t.Parallel()
	policy := func(id, category string, sequence int, rules ...object) object {
		return object{"id": id, "path": policiesAt + id, "category": category, "sequence_number": sequence, "rules": rules}
	}
	let := func(more object) object {
		r := wireRule("let", object{"action": "ALLOW"})
		maps.Copy(r, more)
		return r
	}
	isolate := policy("isolate", "Environment", 5, ruleAll(object{"sequence_number": 5}))
	const (
		because = "; a rule before lets everything through: " + policiesAt + "p/rules/let"
		no      = "no (in no, out no)" + doubtInQ + doubtRule + because
		maybe   = "unknown (in unknown, out unknown)" + doubtInQ + doubtRule + because
	)
	for _, tc := range []struct {
		name string
		list []object
		any  string
		vm   string
	}{
		{"in a category before", []object{policy("a", "Emergency", 9, let(nil)), isolate}, no, no},
		{"in a category before, though it is listed later", []object{isolate, policy("a", "Infrastructure", 9, let(nil))}, no, no},
		{"in a policy before", []object{policy("a", "Environment", 4, let(nil)), isolate}, no, no},
		{"in the same policy before", []object{policy("isolate", "Environment", 5, let(object{"sequence_number": 4}), ruleAll(object{"sequence_number": 5}))}, no, no},
		{"at the same place", []object{policy("a", "Environment", 5, let(object{"sequence_number": 5})), isolate}, maybe, maybe},
		{"in a category that nobody knows", []object{policy("a", "New", 0, let(nil)), isolate}, maybe, maybe},
		{"in a category after", []object{policy("a", "Application", 0, let(nil)), isolate}, doubtYes, doubtYes},
		{"in a policy after", []object{policy("a", "Environment", 6, let(nil)), isolate}, doubtYes, doubtYes},
		{"for frames", []object{policy("a", "Ethernet", 0, let(nil)), isolate}, doubtYes, doubtYes},
		{"disabled", []object{policy("a", "Emergency", 0, let(object{"disabled": true})), isolate}, doubtYes, doubtYes},
		{"one service", []object{policy("a", "Emergency", 0, let(object{"services": []string{"/infra/services/DNS"}})), isolate}, doubtYes, doubtYes},
		{"some peers", []object{policy("a", "Emergency", 0, let(object{"source_groups": []string{groupsAt + "q"}, "destination_groups": []string{"10.0.0.1"}})), isolate}, doubtYes, doubtYes},
		{"for the group", []object{policy("a", "Emergency", 0, let(object{"scope": []string{groupsAt + "q"}})), isolate}, no, no},
		{"for a segment", []object{policy("a", "Emergency", 0, let(object{"scope": []string{"/infra/segments/s"}})), isolate}, doubtYes, maybe},
		{"one version of IP", []object{policy("a", "Emergency", 0, let(object{"ip_protocol": "IPV4"})), isolate}, no, no},
		{
			"one direction",
			[]object{policy("a", "Emergency", 0, let(object{"direction": "OUT"})), isolate},
			"no (in yes, out no)" + doubtInQ + doubtRule + because + "; the rules are about one direction only",
			"no (in yes, out no)" + doubtInQ + doubtRule + because + "; the rules are about one direction only",
		},
		{"past it", []object{policy("a", "Emergency", 0, let(object{"action": "JUMP_TO_APPLICATION"})), isolate}, no, no},
		{"up to it", []object{policy("a", "Emergency", 0, let(object{"action": "JUMP_TO_APPLICATION"})), policy("isolate", "Application", 5, ruleAll())}, doubtYes, doubtYes},
	} {
		doubtful{tc.name, firewall{groups: []object{groupQ()}, policies: tc.list}, tc.any, tc.vm}.check(t)
	}
}
