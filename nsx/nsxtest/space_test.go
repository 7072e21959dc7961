package nsxtest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const (
	projectPath = "/policy/api/v1/orgs/default/projects/blue"
	inBlue      = "11111111-0000-4000-8000-000000000001"
	inVPC       = "11111111-0000-4000-8000-000000000002"
)

// projects is a world of a machine outside of projects, one in a project and one in a VPC of it.
func projects() nsxtest.World {
	return nsxtest.World{
		Now: stopped, BulkStep: -1, Projects: []nsxtest.Project{{ID: "blue", VPCs: []string{"web"}}, {ID: "red"}},
		Users: []nsxtest.User{{Name: nsxtest.Username, Password: nsxtest.Password}, {Name: "blue", Password: "blue", Project: "blue"}},
		VMs: []nsxtest.VM{
			{Name: "free", ExternalID: finance, Tags: []nsxtest.Tag{{Tag: "x"}}},
			{Name: "blue", ExternalID: inBlue, Project: "blue", Tags: []nsxtest.Tag{{Tag: "x"}}},
			{Name: "vpc", ExternalID: inVPC, Project: "blue", VPC: "web", Tags: []nsxtest.Tag{{Tag: "y"}}},
		},
		Groups: []nsxtest.Group{
			{ID: "all-x", Conditions: []nsxtest.Condition{{Value: "|x"}}},
			{ID: "blue-x", Project: "blue", Conditions: []nsxtest.Condition{{Value: "|x"}}},
		},
	}
}

func TestProjects(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(projects())
	for path, want := range map[string][]string{
		vmPath: {"blue", "vpc", "free"},
		projectPath + "/infra/realized-state/virtual-machines?sort_by=display_name": {"blue", "vpc"},
		projectPath + "/infra/tags":                                                   {"x", "y"},
		projectPath + "/infra/tags/effective-resources?scope=&tag=x":                  {"blue"},
		projectPath + "/infra/domains/default/groups":                                 {"blue-x"},
		projectPath + "/infra/domains/default/groups/blue-x/members/virtual-machines": {"blue"},
		groupsPath: {"all-x"},
		groupsPath + "/all-x/members/virtual-machines":                                                                            {"blue", "free"},
		projectPath + "/infra/virtual-machine-group-associations?vm_external_id=" + inBlue:                                        {"/orgs/default/projects/blue/infra/domains/default/groups/blue-x"},
		"/policy/api/v1/infra/virtual-machine-group-associations?vm_external_id=" + inBlue:                                        {"/infra/domains/default/groups/all-x"},
		"/api/v1/fabric/scope-associations?discovered_resource_type=VirtualMachine&discovered_resource_external_id=" + inVPC:      {"blue", "web"},
		"/api/v1/fabric/scope-associations?discovered_resource_type=VirtualMachine&discovered_resource_external_id=" + finance:    {},
		"/api/v1/fabric/scope-associations?discovered_resource_type=VirtualMachine&discovered_resource_external_id=not-there-yet": {},
	} {
		member := "display_name"
		switch {
		case strings.Contains(path, "scope-associations"):
			member = "scope_id"
		case strings.Contains(path, "effective"):
			member = "target_display_name"
		case strings.Contains(path, "associations"):
			member = "target_id"
		case strings.HasSuffix(path, "tags"):
			member = "tag"
		}
		got := []string{}
		for _, row := range decode(t, get(t, srv, path)).Results {
			s, _ := row[member].(string)
			got = append(got, s)
		}
		if !strings.Contains(path, "sort_by") {
			want, got = sorted(want), sorted(got)
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	for path, want := range map[string]int{
		"/policy/api/v1/orgs/default/projects/green/infra/tags":                                                           404,
		"/policy/api/v1/orgs/other/projects/blue/infra/tags":                                                              404,
		projectPath + "/infra/virtual-machine-group-associations?vm_external_id=" + finance:                               404,
		"/api/v1/fabric/scope-associations?discovered_resource_type=VirtualMachine":                                       400,
		"/api/v1/fabric/scope-associations?discovered_resource_type=Segment&discovered_resource_external_id=" + finance:   400,
		projectPath + "/infra/realized-state/virtual-machines?enforcement_point_path=/infra/sites/x/enforcement-points/y": 400,
	} {
		if a := get(t, srv, path); a.status != want {
			t.Errorf("GET %s = %d %s, want %d", path, a.status, a.body, want)
		}
	}
}

func TestTagsInProjectsAndVPCs(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(projects())
	one := func(id string) string {
		return `{"tag":{"scope":"s","tag":"t"},"apply_to":[{"resource_type":"VirtualMachine","resource_ids":["` + id + `"]}]}`
	}
	replace := `{"tags":[{"tag":"new"}]}`
	for _, tc := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", projectPath + "/infra/realized-state/virtual-machines/" + inBlue + "/tags", replace, 204},
		{"POST", projectPath + "/infra/realized-state/virtual-machines/" + finance + "/tags", replace, 404},
		{"POST", projectPath + "/vpcs/web/virtual-machines/" + inVPC + "/tags", replace, 204},
		{"POST", projectPath + "/vpcs/web/virtual-machines/" + inBlue + "/tags", replace, 404},
		{"POST", projectPath + "/vpcs/none/virtual-machines/" + inVPC + "/tags", replace, 404},
		{"PUT", projectPath + "/infra/tags/tag-operations/op", one(inBlue), 200},
		{"PUT", projectPath + "/vpcs/web/tags/vpc-tag-operations/op", one(inVPC), 200},
		{"PUT", "/policy/api/v1/infra/tags/tag-operations/op", one(finance), 200}, // the same id in another space is another operation
		{"PUT", projectPath + "/infra/tags/tag-operations/op", one(inBlue), 412},
		{"PUT", projectPath + "/infra/tags/tag-operations/outside", one(finance), 200},
		{"GET", projectPath + "/infra/tags/tag-operations/op", "", 200},
		{"GET", projectPath + "/vpcs/web/tags/vpc-tag-operations/op", "", 200},
		{"GET", projectPath + "/vpcs/web/tags/vpc-tag-operations/outside/status", "", 404},
		{"GET", "/policy/api/v1/orgs/default/projects/red/infra/tags/tag-operations/op", "", 404},
	} {
		if a := call(t, srv.Client(), tc.method, nsxtest.URL+tc.path, tc.body, basic); a.status != tc.want {
			t.Errorf("%s %s = %d %s, want %d", tc.method, tc.path, a.status, a.body, tc.want)
		}
	}
	if a := get(t, srv, projectPath+"/vpcs/web/tags/vpc-tag-operations/op/status"); !strings.Contains(a.body, `"path":"/orgs/default/projects/blue/vpcs/web/tags/vpc-tag-operations/op"`) || !strings.Contains(a.body, `"status":"Success"`) {
		t.Errorf("status in the VPC = %s", a.body)
	}
	if a := get(t, srv, projectPath+"/infra/tags/tag-operations/outside/status"); !strings.Contains(a.body, `"status":"Error"`) {
		t.Errorf("status of a machine outside = %s, want an error", a.body)
	}
	for id, want := range map[string][]nsxtest.Tag{
		finance: {{Tag: "x"}, {Scope: "s", Tag: "t"}}, inBlue: {{Tag: "new"}, {Scope: "s", Tag: "t"}}, inVPC: {{Tag: "new"}, {Scope: "s", Tag: "t"}},
	} {
		if diff := cmp.Diff(want, tags(srv, id)); diff != "" {
			t.Errorf("tags of %s mismatch (-want +got):\n%s", id, diff)
		}
	}
}

func TestUsersOfAProject(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(projects())
	blue := func(path string) answer {
		t.Helper()
		return call(t, srv.Client(), "GET", nsxtest.URL+path, "", basicAs("blue", "blue"))
	}
	for path, want := range map[string]int{
		vmPath: 403, policyPath: 403, projectPath + "/infra/tags": 200, "/api/v1/node/version": 200,
		"/policy/api/v1/orgs/default/projects/red/infra/tags": 403,
	} {
		if a := blue(path); a.status != want || want == 403 && a.code() == 403 {
			t.Errorf("GET %s = %d %s, want %d with a code that is not one of authentication", path, a.status, a.body, want)
		}
	}
}

func TestGuestSessions(t *testing.T) {
	t.Parallel()
	w := quarantine()
	w.VMs[0].Sessions = []nsxtest.GuestSession{
		{Domain: "CORP", User: "ada", Login: noon.Add(-time.Hour)},
		{User: "omar", Login: noon.Add(-2 * time.Hour), Logout: noon.Add(-time.Minute)},
		{User: "later", Login: noon.Add(time.Minute)},
	}
	srv := nsxtest.New(w)
	const base = "/policy/api/v1/infra/realized-state/enforcement-points/default/virtual-machines/"
	want := `{"active_sessions":[{"domain_name":"CORP","user_name":"ada","login_time":1772449200000,"user_session_id":1}],` +
		`"archived_sessions":[{"domain_name":"","user_name":"omar","login_time":1772445600000,"logout_time":1772452740000,"user_session_id":2}]}` + "\n"
	if diff := cmp.Diff(want, get(t, srv, base+finance+"/details").body); diff != "" {
		t.Errorf("details mismatch (-want +got):\n%s", diff)
	}
	if a := get(t, srv, base+"nobody/details"); a.status != 404 {
		t.Errorf("details of nobody = %d, want 404", a.status)
	}
}

func TestWhichVersionHasWhat(t *testing.T) {
	t.Parallel()
	paths := []string{
		projectPath + "/infra/tags", projectPath + "/vpcs/web/tags/vpc-tag-operations/op", policyPath, searchPath + "?query=x",
		"/api/v1/fabric/scope-associations?discovered_resource_type=VirtualMachine&discovered_resource_external_id=x",
		"/api/v1/certificate-management/certificate-bundle", "/api/v1/spec/vmware/types/Tag", "/api/v1/ns-groups/x/effective-virtual-machine-members",
	}
	add := `{"external_id":"` + finance + `","tags":[{"tag":"z"}]}`
	for _, tc := range []struct {
		version  string
		statuses []int
		add      int
		replace  int
	}{
		{"2.5.1", []int{404, 404, 200, 200, 404, 404, 200, 501}, 400, 404},
		{"3.2.1", []int{404, 404, 200, 200, 404, 404, 200, 501}, 204, 404},
		{"4.0.1", []int{200, 404, 200, 200, 404, 404, 404, 501}, 204, 404},
		{"4.1.0", []int{200, 404, 200, 200, 200, 404, 404, 501}, 204, 204},
		{"4.2", []int{200, 200, 200, 200, 200, 404, 404, 501}, 204, 204},
		{"9.0.0", []int{200, 200, 200, 200, 200, 200, 404, 404}, 204, 204},
	} {
		w := projects()
		w.Version = tc.version
		srv := nsxtest.New(w)
		put(t, srv, projectPath+"/vpcs/web/tags/vpc-tag-operations/op", `{"tag":{"tag":"x"}}`)
		var got []int
		for _, path := range paths {
			got = append(got, get(t, srv, path).status)
		}
		if !slices.Equal(got, tc.statuses) {
			t.Errorf("version %s: %v, want %v", tc.version, got, tc.statuses)
		}
		if a := post(t, srv, vmPath+"?action=add_tags", add); a.status != tc.add {
			t.Errorf("version %s: add_tags = %d, want %d", tc.version, a.status, tc.add)
		}
		if a := post(t, srv, policyPath+"/"+finance+"/tags", `{"tags":[]}`); a.status != tc.replace {
			t.Errorf("version %s: replacing tags through Policy = %d, want %d", tc.version, a.status, tc.replace)
		}
	}
	old := nsxtest.New(nsxtest.World{Version: "3.1", Switches: nsxtest.Switches{TagActionsFrom32: true}})
	if a := post(t, old, vmPath+"?action=add_tags", add); a.status != 400 {
		t.Errorf("with TagActionsFrom32 add_tags = %d in 3.1, want 400", a.status)
	}
	limits := nsxtest.New(nsxtest.World{Version: "3.1", TagLimit: 15})
	for path, want := range map[string]string{"Tag": `"maxLength":128`, "ManagedResource": `"maxItems":15`} {
		if a := get(t, limits, "/api/v1/spec/vmware/types/"+path); !strings.Contains(a.body, want) {
			t.Errorf("type %s = %s, want %s in it", path, a.body, want)
		}
	}
	rotated := nsxtest.New(nsxtest.World{Version: "9.1", CertificateBundle: "a.b.c"})
	if a := call(t, rotated.Client(), "GET", nsxtest.URL+"/api/v1/certificate-management/certificate-bundle", ""); a.body != `{"jwt_token":"a.b.c"}`+"\n" {
		t.Errorf("certificate bundle without credentials = %d %s", a.status, a.body)
	}
}

func TestVMwareCloud(t *testing.T) {
	t.Parallel()
	w := quarantine()
	w.EnforcementPoint, w.Switches.PolicyOnly = "vmc-enforcementpoint", true
	srv := nsxtest.New(w)
	for path, want := range map[string]int{
		vmPath: 404, "/api/v1/fabric/vifs": 404, "/api/v1/node/version": 200,
		policyPath + "?enforcement_point_path=/infra/sites/default/enforcement-points/vmc-enforcementpoint": 200,
		policyPath + "?enforcement_point_path=/infra/sites/default/enforcement-points/default":              400,
	} {
		if a := get(t, srv, path); a.status != want {
			t.Errorf("GET %s = %d %s, want %d", path, a.status, a.body, want)
		}
	}
	if a := get(t, srv, policyPath+"?enforcement_point_path=x"); a.code() != 500012 {
		t.Errorf("a bad path = %s, want the code 500012", a.body)
	}
}
