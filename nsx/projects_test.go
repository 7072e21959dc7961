package nsx_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const projectAt = "/orgs/default/projects/team-a/infra/domains/default/groups/"

// shared is a manager that two projects share.
func shared() *nsxtest.Server {
	toQ := []string{projectAt + "q"}
	return nsxtest.New(nsxtest.World{
		Users: []nsxtest.User{
			{Name: nsxtest.Username, Password: nsxtest.Password},
			{Name: "team-a", Password: "secret", Project: "team-a"},
		},
		Projects: []nsxtest.Project{{ID: "team-a", VPCs: []string{"vpc-1"}}, {ID: "team-b"}},
		VMs: []nsxtest.VM{
			{Name: "mine", ExternalID: "vm-a", Project: "team-a", VPC: "vpc-1", Tags: []nsxtest.Tag{{Tag: "keep"}}, VIFs: []nsxtest.VIF{{LPort: "port"}}},
			{Name: "theirs", ExternalID: "vm-b", Project: "team-b"},
			{Name: "nobody's", ExternalID: "vm-c"},
		},
		Groups: []nsxtest.Group{
			{ID: "q", Project: "team-a", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}},
			{ID: "all", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}},
		},
		SecurityPolicies: []nsxtest.SecurityPolicy{{ID: "isolate", Project: "team-a", Rules: []nsxtest.Rule{{ID: "all", Action: "DROP", Scope: toQ}}}},
		BulkStep:         -1,
	})
}

func TestAProjectIsAPlaceOfItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := shared()
		client := connect(t, srv, func(c *nsx.Config) { c.Credentials = nsx.Basic("team-a", "secret") })
		project := client.Project("team-a")

		var got []string
		for vm, err := range project.VirtualMachines.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, vm.DisplayName)
		}
		if diff := cmp.Diff([]string{"mine"}, got); diff != "" {
			t.Errorf("machines (-want +got):\n%s", diff)
		}
		if _, err := project.VirtualMachines.Get(t.Context(), "vm-b"); !errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("a machine of another project: %v, want ErrNotFound", err)
		}
		vm, err := project.VirtualMachines.Find(t.Context(), nsx.Host{Name: "mine"})
		if err != nil || vm.ExternalID != "vm-a" {
			t.Errorf("Find = %+v, %v", vm, err)
		}
		if err := project.VirtualMachines.AddTags(t.Context(), "vm-a", nsx.Tag{Tag: "added"}); err != nil {
			t.Error(err)
		}
		if err := project.VirtualMachines.AddTags(t.Context(), "vm-b", nsx.Tag{Tag: "added"}); !errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("tagging a machine of another project: %v, want ErrNotFound", err)
		}
		job, err := project.Tags.Start(t.Context(), nsx.TagOperation{Tag: quarantine, AddTo: []nsx.ExternalID{"vm-a"}})
		if err != nil {
			t.Fatal(err)
		}
		if results, err := job.Wait(t.Context()); err != nil || len(results) != 1 || !results[0].Done {
			t.Errorf("Wait = %+v, %v", results, err)
		}
		vm, err = project.VirtualMachines.Get(t.Context(), "vm-a")
		if diff := cmp.Diff([]nsx.Tag{{Tag: "keep"}, {Tag: "added"}, quarantine}, vm.Tags); diff != "" || err != nil {
			t.Errorf("tags: %v (-want +got):\n%s", err, diff)
		}

		refs, err := project.Groups.Of(t.Context(), "vm-a")
		if err != nil || len(refs) == 0 {
			t.Errorf("Of = %v, %v", refs, err)
		}
		group, err := project.Groups.Get(t.Context(), "q")
		if err != nil || group.Path != projectAt+"q" {
			t.Errorf("Get = %+v, %v", group, err)
		}
		policy, err := project.SecurityPolicies.Get(t.Context(), "isolate")
		if err != nil || len(policy.Rules) != 1 || policy.Rules[0].AppliedTo[0] != projectAt+"q" {
			t.Errorf("Get = %+v, %v", policy, err)
		}
		uses := 0
		for use, err := range project.Tags.List(t.Context(), nsx.TagQuery{Scope: "quarantine"}) {
			if uses++; err != nil || use.Objects != 1 {
				t.Errorf("tag in use = %+v, %v", use, err)
			}
		}
		if uses != 1 {
			t.Errorf("%d tags of the scope, want 1", uses)
		}

		// What is outside of the project is not this account's to see: neither the interfaces nor the exclude list.
		isolation, err := project.IsolationOf(t.Context(), "vm-a", quarantine)
		want := "unknown (in unknown, out unknown); group q yes, was no; rule all in yes, out yes; it is not known whether the exclude list has the machine; the interfaces cannot be read"
		if err != nil || told(isolation) != want {
			t.Errorf("IsolationOf = %s, %v\nwant          %s", told(isolation), err, want)
		}
		if _, err := client.VirtualMachines.Get(t.Context(), "vm-a"); !errors.Is(err, nsx.ErrForbidden) {
			t.Errorf("the manager API: %v, want ErrForbidden", err)
		}
		if _, err := client.Project("team-z").VirtualMachines.Get(t.Context(), "vm-a"); err == nil {
			t.Error("another project was shown")
		}
	})
}

func TestAnAdministratorSeesIntoProjects(t *testing.T) {
	t.Parallel()
	srv := shared()
	client := connect(t, srv)
	isolation, err := client.Project("team-a").IsolationOf(t.Context(), "vm-a", quarantine)
	if want := "yes (in yes, out yes); group q yes, was no; rule all in yes, out yes"; err != nil || told(isolation) != want {
		t.Errorf("IsolationOf = %s, %v\nwant          %s", told(isolation), err, want)
	}
	for _, tc := range []struct {
		id   nsx.ExternalID
		want []nsx.Owner
	}{
		{"vm-a", []nsx.Owner{{Kind: nsx.OwnerProject, ID: "team-a"}, {Kind: nsx.OwnerVPC, ID: "vpc-1"}}},
		{"vm-b", []nsx.Owner{{Kind: nsx.OwnerProject, ID: "team-b"}}},
		{"vm-c", nil},
	} {
		got, err := client.VirtualMachines.Owners(t.Context(), tc.id)
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("Owners(%s): %v (-want +got):\n%s", tc.id, err, diff)
		}
		if len(got) > 0 {
			if project, ok := got[0].Project(); !ok || string(project) != got[0].ID.ID() {
				t.Errorf("Project() = %v, %v", project, ok)
			}
		}
		if len(got) > 1 {
			if project, ok := got[1].Project(); ok {
				t.Errorf("a VPC is the project %v", project)
			}
		}
	}
	vm, err := client.VirtualMachines.Get(t.Context(), "vm-a")
	if diff := cmp.Diff([]nsx.Owner{{Kind: nsx.OwnerProject, ID: "team-a"}, {Kind: nsx.OwnerVPC, ID: "vpc-1"}}, vm.Owners); diff != "" || err != nil {
		t.Errorf("owners of a machine: %v (-want +got):\n%s", err, diff)
	}
	byPath := nsx.Owner{Kind: nsx.OwnerProject, ID: "/orgs/default/projects/team-a"}
	if project, ok := byPath.Project(); !ok || project != "team-a" {
		t.Errorf("Project() of a path = %v, %v", project, ok)
	}
	if _, err := client.Project("team-z").VirtualMachines.Get(t.Context(), "vm-a"); !errors.Is(err, nsx.ErrNotFound) {
		t.Errorf("a project that is not there: %v, want ErrNotFound", err)
	}
	if _, err := client.VirtualMachines.Owners(t.Context(), ""); err == nil {
		t.Error("no machine was accepted")
	}
	old := connect(t, nsxtest.New(nsxtest.World{Version: "3.2.0", VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a"}}}))
	if _, err := old.VirtualMachines.Owners(t.Context(), "vm-a"); !errors.Is(err, nsx.ErrNotFound) {
		t.Errorf("a manager without projects: %v, want ErrNotFound", err)
	}
}

// On VMware Cloud there is the Policy API and nothing else.
func TestWithoutTheManagerAPI(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const point = "/infra/sites/default/enforcement-points/vmc-enforcementpoint"
		srv := nsxtest.New(nsxtest.World{
			VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a"}}, EnforcementPoint: "vmc-enforcementpoint", Switches: nsxtest.Switches{PolicyOnly: true},
			Users: []nsxtest.User{{Name: "svc", Password: "unused"}}, Tokens: []nsxtest.Token{{Token: "csp-token", User: "svc"}},
			Groups:           []nsxtest.Group{{ID: "q", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}}},
			SecurityPolicies: []nsxtest.SecurityPolicy{{ID: "isolate", Rules: []nsxtest.Rule{{ID: "all", Action: "REJECT", Scope: []string{groupsAt + "q"}}}}},
		})
		client := connect(t, srv, func(c *nsx.Config) { c.Credentials, c.EnforcementPoint = nsx.Bearer("csp-token"), point })
		vm, err := client.Policy.VirtualMachines.Find(t.Context(), nsx.Host{Name: "web"})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Policy.VirtualMachines.AddTags(t.Context(), vm.ExternalID, quarantine); err != nil {
			t.Error(err)
		}
		if err := client.Policy.Groups.WaitFor(t.Context(), vm.ExternalID, groupsAt+"q"); err != nil {
			t.Error(err)
		}
		isolation, err := client.Policy.IsolationOf(t.Context(), vm.ExternalID, quarantine)
		want := "unknown (in unknown, out unknown); group q yes, was no; rule all in yes, out yes; the interfaces cannot be read"
		if err != nil || told(isolation) != want {
			t.Errorf("IsolationOf = %s, %v\nwant          %s", told(isolation), err, want)
		}
		if got, err := found(t, client, nsx.VMSearch{DisplayName: "web"}); err != nil || len(got) != 1 {
			t.Errorf("Search = %v, %v", got, err)
		}
	})
}

func TestTagsInAVPC(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := shared()
		client := connect(t, srv, func(c *nsx.Config) { c.Credentials = nsx.Basic("team-a", "secret") })
		vpc := client.Project("team-a").VPC("vpc-1")
		if err := vpc.ReplaceTags(t.Context(), "vm-a", nsx.Tag{Tag: "x"}, nsx.Tag{Tag: "x"}); err != nil {
			t.Error(err)
		}
		job, err := vpc.Start(t.Context(), nsx.TagOperation{Tag: quarantine, AddTo: []nsx.ExternalID{"vm-a"}})
		if err != nil {
			t.Fatal(err)
		}
		if results, err := vpc.Job(job.IDs()...).Wait(t.Context()); err != nil || len(results) != 1 || !results[0].Done {
			t.Errorf("Wait = %+v, %v", results, err)
		}
		vm, _ := srv.VM("vm-a")
		if diff := cmp.Diff([]nsxtest.Tag{{Tag: "x"}, {Scope: "quarantine", Tag: "malicious-file"}}, vm.Tags); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
		if err := vpc.ReplaceTags(t.Context(), "vm-b", nsx.Tag{Tag: "x"}); !errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("a machine of another project: %v, want ErrNotFound", err)
		}
		if err := client.Project("team-a").VPC("vpc-9").ReplaceTags(t.Context(), "vm-a"); !errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("a VPC that is not there: %v, want ErrNotFound", err)
		}
		before := len(srv.Requests())
		if err := client.Policy.VPC("vpc-1").ReplaceTags(t.Context(), "vm-a"); err == nil {
			t.Error("the default space has a VPC")
		}
		if err := vpc.ReplaceTags(t.Context(), "", nsx.Tag{}); err == nil || len(srv.Requests()) != before {
			t.Errorf("no machine and no tag: %v", err)
		}
	})
}
