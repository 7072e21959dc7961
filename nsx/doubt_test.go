package nsx_test

import (
	"testing"
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
		for name, value := range m {
			r[name] = value
		}
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
