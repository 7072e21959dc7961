package nsx_test

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

const opPolicyList = "GET /policy/api/v1/infra/realized-state/virtual-machines"

func TestThePolicyListIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ machines, asked int }{{0, 1}, {1, 2}, {1000, 2}, {2500, 4}} {
		srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(tc.machines), Seed: 7})
		seen := make(map[nsx.ExternalID]bool)
		for vm, err := range connect(t, srv).Policy.VirtualMachines.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			seen[vm.ExternalID] = true
		}
		if len(seen) != tc.machines || sent(srv, opPolicyList) != tc.asked {
			t.Errorf("%d machines: %d came with %d requests, want %d", tc.machines, len(seen), sent(srv, opPolicyList), tc.asked)
		}
	}
}

// policyPage is an answer with machines numbered from first, and what else it has.
func policyPage(first, n int, more string) canned {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"external_id":"id-%d","display_name":"vm-%d"}`, first+i, first+i)
	}
	return ok(`{"results":[` + strings.Join(rows, ",") + `]` + more + `}`)
}

func TestPagingOfPolicyListsThatTellMoreOrLess(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		answers []canned
		want    int
		cursors string
		fails   bool
	}{
		{"nothing told", []canned{policyPage(0, 3, ""), policyPage(3, 2, ""), policyPage(0, 0, "")}, 5, " 3 5", false},
		{"a count", []canned{policyPage(0, 3, `,"result_count":3`)}, 3, "", false},
		{"a count that a page does not fill", []canned{policyPage(0, 3, `,"result_count":4`), policyPage(3, 1, ""), policyPage(0, 0, "")}, 4, " 3 4", false},
		{"cursors", []canned{policyPage(0, 3, `,"cursor":"abc","result_count":4`), policyPage(3, 1, "")}, 4, " abc", false},
		{"cursors that are numbers", []canned{policyPage(0, 3, `,"cursor":"3"`), policyPage(3, 1, "")}, 4, " 3", false},
		{"the first page again, all there is", []canned{policyPage(0, 3, "")}, 3, " 3", false},
		{"the first page again, and it was full", []canned{policyPage(0, 1000, "")}, 1000, " 1000", true},
		{"a page of which half was there", []canned{policyPage(0, 4, ""), policyPage(2, 4, ""), policyPage(0, 0, "")}, 6, " 4 8", false},
		{"the same cursor for ever", []canned{policyPage(0, 3, `,"cursor":"abc"`)}, 3, " abc", true},
		{"no results", []canned{ok(`{"result_count":0}`)}, 0, "", true},
	} {
		client, s := scripted(t, tc.answers...)
		got := 0
		var failure error
		for _, err := range client.Policy.VirtualMachines.List(t.Context()) {
			if failure = err; err == nil {
				got++
			}
		}
		var cursors strings.Builder
		for i, u := range s.urls {
			cursor := parameter(t, u, "cursor")
			if i > 0 {
				cursors.WriteString(" " + cursor)
			}
			if parameter(t, u, "sort_by") != "external_id" {
				t.Errorf("%s: %s has no order", tc.name, u)
			}
		}
		if _, isAPI := errors.AsType[*nsx.APIError](failure); got != tc.want || cursors.String() != tc.cursors || isAPI != tc.fails {
			t.Errorf("%s: %d machines with the cursors %q, error %v; want %d, %q, failure %v", tc.name, got, cursors.String(), failure, tc.want, tc.cursors, tc.fails)
		}
	}
}

func TestPolicyListsAskForNoMoreThanIsRead(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(1500)})
	next, stop := iter.Pull2(connect(t, srv).Policy.VirtualMachines.List(t.Context()))
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests before anything was read", n)
	}
	if _, err, more := next(); err != nil || !more {
		t.Errorf("first machine: %v, %v", err, more)
	}
	stop()
	if n := len(srv.Requests()); n != 1 {
		t.Errorf("%d requests for one machine, want 1", n)
	}
}

func TestPolicyMachinesAreThoseOfTheManager(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures()})
	client := connect(t, srv)
	want := make(map[nsx.ExternalID]nsx.VirtualMachine)
	for vm, err := range client.VirtualMachines.List(t.Context(), nsx.VMQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		vm.HostID, vm.HostName = "", "" // of one that moves, either
		want[vm.ExternalID] = vm
	}
	got := make(map[nsx.ExternalID]nsx.VirtualMachine)
	for vm, err := range client.Policy.VirtualMachines.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		vm.HostID, vm.HostName = "", ""
		got[vm.ExternalID] = vm
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("machines (-manager +policy):\n%s", diff)
	}

	vm, err := client.Policy.VirtualMachines.Get(t.Context(), nsx.ExternalID(strings.ToUpper(vmID)))
	if err != nil || vm.DisplayName != "fin-ws-0142" {
		t.Errorf("Get = %+v, %v", vm, err)
	}
	if _, err := client.Policy.VirtualMachines.Get(t.Context(), "nobody"); !errors.Is(err, nsx.ErrNotFound) {
		t.Errorf("Get of none = %v, want ErrNotFound", err)
	}
	if _, err := client.Policy.VirtualMachines.Get(t.Context(), " "); err == nil || errors.Is(err, nsx.ErrNotFound) {
		t.Errorf("Get without an id = %v", err)
	}
	vm, err = client.Policy.VirtualMachines.Find(t.Context(), nsx.Host{Name: `CORP\fin-ws-0142`})
	if err != nil || vm.ExternalID != vmID {
		t.Errorf("Find = %+v, %v", vm, err)
	}
	if _, err = client.Policy.VirtualMachines.Find(t.Context(), nsx.Host{Name: "web"}); !errors.Is(err, nsx.ErrAmbiguous) {
		t.Errorf("Find of a name that three have = %v, want ErrAmbiguous", err)
	}
}

func TestTheEnforcementPointIsAskedAbout(t *testing.T) {
	t.Parallel()
	const point = "/infra/sites/default/enforcement-points/vmc-enforcementpoint"
	s := &script{answers: []canned{ok(`{"results":[{"external_id":"vm-a"}],"result_count":1}`), {status: http.StatusNotFound}, {status: http.StatusNoContent}}}
	client, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: s}, Credentials: nsx.Bearer("t"), EnforcementPoint: point})
	if err != nil {
		t.Fatal(err)
	}
	if vm, err := client.Policy.VirtualMachines.Get(t.Context(), "vm-a"); err != nil || vm.ExternalID != "vm-a" {
		t.Errorf("Get = %v, %v", vm, err)
	}
	if err := client.Policy.VirtualMachines.ReplaceTags(t.Context(), "vm-a", nsx.Tag{Tag: "x"}); err != nil {
		t.Error(err)
	}
	const base, escaped = "/policy/api/v1/infra/realized-state/", "enforcement_point_path=%2Finfra%2Fsites%2Fdefault%2Fenforcement-points%2Fvmc-enforcementpoint"
	want := []string{
		base + "virtual-machines?" + escaped + "&sort_ascending=true&sort_by=external_id",
		base + "virtual-machines/vm-a/tags?" + escaped,
		base + "enforcement-points/vmc-enforcementpoint/virtual-machines?action=update_tags",
	}
	if diff := cmp.Diff(want, s.urls); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	for _, bad := range []nsx.Path{"vmc-enforcementpoint", "/infra/", "https://x.example/infra/"} {
		if _, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, Credentials: nsx.Bearer("t"), EnforcementPoint: bad}); err == nil || !strings.Contains(err.Error(), "EnforcementPoint") {
			t.Errorf("EnforcementPoint %q: %v", bad, err)
		}
	}
}

func TestWhoIsLoggedIn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	srv := nsxtest.New(nsxtest.World{
		Now: func() time.Time { return now },
		VMs: []nsxtest.VM{{Name: "web", ExternalID: "vm-a", Sessions: []nsxtest.GuestSession{
			{Domain: "CORP", User: "ann", Login: now.Add(-time.Hour)},
			{User: "bob", Login: now.Add(-3 * time.Hour), Logout: now.Add(-2 * time.Hour)},
		}}},
	})
	client := connect(t, srv)
	got, err := client.Policy.VirtualMachines.GuestSessions(t.Context(), "vm-a")
	want := nsx.GuestSessions{
		Active: []nsx.GuestSession{{Domain: "CORP", User: "ann", Login: now.Add(-time.Hour)}},
		Past:   []nsx.GuestSession{{User: "bob", Login: now.Add(-3 * time.Hour), Logout: now.Add(-2 * time.Hour)}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("GuestSessions: %v (-want +got):\n%s", err, diff)
	}
	if _, err := client.Policy.VirtualMachines.GuestSessions(t.Context(), "vm-z"); !errors.Is(err, nsx.ErrNotFound) {
		t.Errorf("a machine that is not there: %v, want ErrNotFound", err)
	}
	if _, err := client.Policy.VirtualMachines.GuestSessions(t.Context(), ""); err == nil {
		t.Error("no machine was accepted")
	}
}

// The manager tells ids of one spelling from those of another, the inventory says which is right.
func TestPolicyTagsAreWrittenUnderTheIDOfTheInventory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := aged("4.2.0.0")
		if err := connect(t, srv).Policy.VirtualMachines.AddTags(t.Context(), nsx.ExternalID(strings.ToUpper(vmID)), quarantine); err != nil {
			t.Error(err)
		}
		if vm, _ := srv.VM(vmID); len(vm.Tags) != 3 {
			t.Errorf("tags = %v, want the new one besides the others", vm.Tags)
		}
	})
}
