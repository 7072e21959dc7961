package nsxtest_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const (
	policiesPath = "/policy/api/v1/infra/domains/default/security-policies"
	excludePath  = "/policy/api/v1/infra/settings/firewall/security/exclude-list"
	machinePath  = "/infra/realized-state/enforcement-points/default/virtual-machines/"
	quarantined  = "/infra/domains/default/groups/quarantined-vms"
)

// isolation is a world of groups within groups, the rule that isolates one of them, and an exclude list.
func isolation() nsxtest.World {
	w := quarantine()
	w.VMs[0].Tags = append(w.VMs[0].Tags, nsxtest.Tag{Scope: "quarantine", Tag: "malicious-file"})
	w.Groups = append(w.Groups,
		nsxtest.Group{ID: "outer", Paths: []string{quarantined, "/infra/domains/default/groups/outer"}, Conditions: []nsxtest.Condition{{Value: "a|b"}, {Key: "Name", Value: "x"}}, Nested: []nsxtest.Nested{{Conditions: []nsxtest.Condition{{Value: "c|d"}, {Value: "a|b"}}}}},
		nsxtest.Group{ID: "listed", ExternalIDs: []string{finance}, Revision: 3},
		nsxtest.Group{ID: "addresses", IPs: []string{"10.20.30.42"}},
		nsxtest.Group{ID: "elsewhere", Domain: "east"},
	)
	w.SecurityPolicies = []nsxtest.SecurityPolicy{
		{ID: "isolate", Category: "Emergency", Sequence: 1, Rules: []nsxtest.Rule{
			{ID: "last", Sequence: 20}, {ID: "drop-all", Action: "DROP", Scope: []string{quarantined}, Sequence: 10},
		}},
		{ID: "far", Domain: "east", Name: "Far away"},
	}
	w.Excluded, w.ExcludedBySystem, w.ExcludeRevision = []string{"/infra/domains/default/groups/outer"}, []string{"/infra/domains/default/groups/edges"}, 2
	return w
}

func TestFirewallSamples(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(isolation())
	for file, path := range map[string]string{
		"security_policy":    policiesPath + "/isolate",
		"rules":              policiesPath + "/isolate/rules",
		"security_policies":  policiesPath,
		"exclude_list":       excludePath,
		"exclude_list_whole": excludePath + "?system_owned=true",
		"group_tags":         groupsPath + "/outer/tags",
		"group_nested":       groupsPath + "/outer",
		"details":            "/policy/api/v1/infra/realized-state/enforcement-points/default/virtual-machines/" + finance + "/details",
	} {
		data, err := os.ReadFile(filepath.Join("testdata", file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		a := get(t, srv, path)
		var want, got any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%s: %d %s: %v", file, a.status, a.body, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", file, diff)
		}
	}
}

func TestExcludeListFilter(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(isolation())
	ask := func(srv *nsxtest.Server, path, more string) answer {
		t.Helper()
		return post(t, srv, excludePath+"?action=filter&intent_path="+url.QueryEscape(path)+more, "")
	}
	outer, vm := "/infra/domains/default/groups/outer", machinePath+finance
	for _, tc := range []struct {
		path, more string
		status     int
		want       string
	}{
		{outer, "", 200, `{"target_id":"` + outer + `","target_display_name":"outer","target_type":"Group","path":"` + outer + `","is_valid":true}` + "\n"},
		{quarantined, "", 404, ""},
		{quarantined, "&deep_check=true", 200, `{"target_id":"` + quarantined + `","target_display_name":"Quarantined VMs","target_type":"Group","path":"` + quarantined + `","is_valid":true}` + "\n"},
		{vm, "&deep_check=false", 404, ""},
		{vm, "&deep_check=true", 200, `{"target_id":"` + vm + `","target_display_name":"fin-ws-0142","target_type":"VirtualMachine","path":"` + vm + `","is_valid":true}` + "\n"},
		{"", "", 400, ""},
		{vm, "&deep_check=yes", 400, ""},
		{vm, "&enforcement_point_path=/infra/sites/default/enforcement-points/other", 400, ""},
	} {
		a := ask(srv, tc.path, tc.more)
		if a.status != tc.status || tc.want != "" && a.body != tc.want {
			t.Errorf("filter %s%s = %d %s, want %d %s", tc.path, tc.more, a.status, a.body, tc.status, tc.want)
		}
	}
	if a := post(t, srv, excludePath+"?action=add", ""); a.status != 400 {
		t.Errorf("another action = %d, want 400", a.status)
	}
	w := isolation()
	w.Switches = nsxtest.Switches{FilterFindsNothing: true, ListRules: true}
	loose := nsxtest.New(w)
	if a := ask(loose, quarantined, ""); a.status != 200 || a.body != "{}\n" {
		t.Errorf("with FilterFindsNothing = %d %s, want an empty object", a.status, a.body)
	}
	if p := decode(t, get(t, loose, policiesPath)); len(p.Results) != 1 || p.Results[0]["rules"] == nil {
		t.Errorf("with ListRules %v, want the rules", p.Results)
	}
}

func TestGroupsWithinGroups(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(isolation())
	got := sorted(all(t, srv, "/policy/api/v1/infra/virtual-machine-group-associations?vm_external_id="+finance, "target_display_name"))
	if want := []string{"Quarantined VMs", "addresses", "listed", "outer"}; !slices.Equal(got, want) {
		t.Errorf("groups of the machine %v, want %v", got, want)
	}
	for path, want := range map[string][]string{
		groupsPath: {"quarantined-vms", "outer", "listed", "addresses"},
		groupsPath + "?sort_by=display_name&sort_ascending=false":                     {"outer", "listed", "addresses", "quarantined-vms"},
		groupsPath + "?member_types=Group":                                            {"outer"},
		groupsPath + "?member_types=VirtualMachine,Segment&page_size=2":               {"quarantined-vms", "outer", "listed", "addresses"},
		"/policy/api/v1/infra/domains/east/groups":                                    {"elsewhere"},
		"/policy/api/v1/infra/domains/east/security-policies":                         {"far"},
		groupsPath + "/outer/members/virtual-machines":                                {finance},
		groupsPath + "/outer/statistics/virtual-machines":                             {finance},
		"/policy/api/v1/infra/domains/east/groups/elsewhere/members/virtual-machines": {},
	} {
		if diff := cmp.Diff(want, all(t, srv, path, "id")); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", path, diff)
		}
	}
	for path, want := range map[string]int{
		"/policy/api/v1/infra/domains/west/groups":           404,
		"/policy/api/v1/infra/domains/east/groups/outer":     404,
		policiesPath + "/far":                                404,
		policiesPath + "/far/rules":                          404,
		groupsPath + "?member_types=Robot":                   400,
		groupsPath + "/outer/tags?x=1":                       400,
		policiesPath + "?category=Emergency":                 400,
		"/policy/api/v1/infra/domains/east/groups/elsewhere": 200,
	} {
		if a := get(t, srv, path); a.status != want {
			t.Errorf("GET %s = %d %s, want %d", path, a.status, a.body, want)
		}
	}
}

func TestConditionOperators(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		condition nsxtest.Condition
		want      bool
	}{
		"part of a tag":            {nsxtest.Condition{Operator: "CONTAINS", Value: "owner|NAN"}, true},
		"begin of a tag":           {nsxtest.Condition{Operator: "STARTSWITH", Value: "owner|fin"}, true},
		"end of another tag":       {nsxtest.Condition{Operator: "ENDSWITH", Value: "owner|fin"}, false},
		"no such tag":              {nsxtest.Condition{Operator: "NOTEQUALS", Value: "owner|hr"}, true},
		"such a tag":               {nsxtest.Condition{Operator: "NOTEQUALS", Value: "owner|finance"}, false},
		"another scope":            {nsxtest.Condition{ScopeOperator: "NOTEQUALS", Value: "env|finance"}, true},
		"not another scope":        {nsxtest.Condition{ScopeOperator: "NOTEQUALS", Value: "owner|finance"}, false},
		"no bar, whatever it says": {nsxtest.Condition{Operator: "NOTEQUALS", Value: "finance"}, false},
	} {
		w := quarantine()
		w.Groups = []nsxtest.Group{{ID: "g", Conditions: []nsxtest.Condition{tc.condition}}}
		if got := len(nsxtest.New(w).State().VMs[0].Groups) == 1; got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
