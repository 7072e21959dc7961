package nsx_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func TestFind(t *testing.T) {
	t.Parallel()
	const uuid = "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94"
	world := []nsxtest.VM{
		{Name: "fin-ws-0142", ComputerName: "FIN-WS-0142.corp.example", ExternalID: uuid, BIOSUUID: "4221e0aa-97c4-1b3f-8d52-6f0e13b7a2c8"},
		{Name: "called-otherwise", ComputerName: "hr-ws-7.corp.example", ExternalID: "hr", InstanceUUID: "50210000-0000-0000-0000-000000000007"},
		{Name: "hr-ws-7", ExternalID: "not-hr"}, // bears the name of another's guest
		{Name: "no-tools", ExternalID: "no-tools"},
		{Name: "dotted.lab.example", ExternalID: "dotted"},
		{Name: "twins", ComputerName: "twin-a.corp.example", ExternalID: "twin-a"},
		{Name: "Twins", ComputerName: "twin-b.corp.example", ExternalID: "twin-b"},
		{Name: "x1", ComputerName: "branch.a.example", ExternalID: "branch-a"},
		{Name: "x2", ComputerName: "branch.b.example", ExternalID: "branch-b"},
		{Name: "x3", ComputerName: "BARE", ExternalID: "bare-1"},
		{Name: "x4", ComputerName: "bare.corp.example", ExternalID: "bare-2"},
		{Name: "edge-01", ComputerName: "edge-01.corp.example", ExternalID: "workstation"},
		{Name: "edge-01", Type: "EDGE", ExternalID: "edge"},
		{Name: "edge-only", Type: "EDGE", ExternalID: "edge-only"},
		{Name: "renamed", ComputerName: "somebody-else.corp.example", ExternalID: "renamed"},
		{Name: "clone-1", BIOSUUID: "4221ffff-0000-0000-0000-000000000001", ExternalID: "clone-1"},
		{Name: "clone-2", BIOSUUID: "4221ffff-0000-0000-0000-000000000001", ExternalID: "clone-2"},
		{Name: "long", ComputerName: "accounting-server-of-berlin.corp.example", ExternalID: "long"},
		{Name: "longs-1", ComputerName: "production-web-server-1.corp.example", ExternalID: "longs-1"},
		{Name: "longs-2", ComputerName: "production-web-server-2.corp.example", ExternalID: "longs-2"},
		{Name: "longs-3", ComputerName: "marketing-server-of-rome", ExternalID: "longs-3"},
		{Name: "blank", BIOSUUID: "00000000-0000-0000-0000-000000000000", ExternalID: "blank"},
		{Name: "linux", ComputerName: "localhost.localdomain", ExternalID: "linux"},
		{Name: "web-2", ExternalID: "web-2"},
		{Name: "10.0.0.5", ExternalID: "address"},
		{Name: "10", ExternalID: "ten"},
		{Name: "straße", ExternalID: "strasse"},
	}
	client := connect(t, nsxtest.New(nsxtest.World{VMs: world}), func(c *nsx.Config) { c.Rate = -1 })
	for _, tc := range []struct {
		name string
		host nsx.Host
		want []string // one: found; several: ambiguous; none: not found
	}{
		{"by its name alone", nsx.Host{Name: "fin-ws-0142"}, []string{uuid}},
		{"in capitals, with a domain before it", nsx.Host{Name: `CORP\FIN-WS-0142`}, []string{uuid}},
		{"in full", nsx.Host{Name: "Fin-WS-0142.Corp.Example"}, []string{uuid}},
		{"in full with a dot at the end", nsx.Host{Name: " fin-ws-0142.corp.example. "}, []string{uuid}},
		{"the external id", nsx.Host{UUIDs: []string{uuid}}, []string{uuid}},
		{"the BIOS UUID, written otherwise", nsx.Host{UUIDs: []string{"{4221E0AA97C41B3F8D526F0E13B7A2C8}"}}, []string{uuid}},
		{"the instance UUID before the name", nsx.Host{Name: "fin-ws-0142", UUIDs: []string{"50210000-0000-0000-0000-000000000007"}}, []string{"hr"}},
		{"an unknown UUID, then the name", nsx.Host{Name: "fin-ws-0142", UUIDs: []string{"00000000-0000-0000-0000-000000000009"}}, []string{uuid}},
		{"a UUID of zeros is none", nsx.Host{Name: "fin-ws-0142", UUIDs: []string{"00000000-0000-0000-0000-000000000000", " "}}, []string{uuid}},
		{"a UUID that clones share", nsx.Host{Name: "clone-1", UUIDs: []string{"4221ffff-0000-0000-0000-000000000001"}}, []string{"clone-1", "clone-2"}},
		{"the guest before the display name", nsx.Host{Name: "hr-ws-7"}, []string{"hr"}},
		{"the display name without a guest", nsx.Host{Name: `CORP\NO-TOOLS`}, []string{"no-tools"}},
		{"the display name's first label", nsx.Host{Name: "dotted"}, []string{"dotted"}},
		{"a full name for a short display name", nsx.Host{Name: "no-tools.corp.example"}, []string{"no-tools"}},
		{"a display name of another domain", nsx.Host{Name: "dotted.corp.example"}, nil},
		{"two of one display name", nsx.Host{Name: "twins"}, []string{"twin-a", "twin-b"}},
		{"two guests of one first label", nsx.Host{Name: "branch"}, []string{"branch-a", "branch-b"}},
		{"which a domain tells apart", nsx.Host{Name: "branch.b.example"}, []string{"branch-b"}},
		{"and a third domain fits neither", nsx.Host{Name: "branch.c.example"}, nil},
		{"a bare name is no better than a full one", nsx.Host{Name: "bare"}, []string{"bare-1", "bare-2"}},
		{"infrastructure does not count", nsx.Host{Name: "edge-01"}, []string{"workstation"}},
		{"nor alone", nsx.Host{Name: "edge-only"}, nil},
		{"a display name that the guest contradicts", nsx.Host{Name: "renamed"}, []string{"renamed", ""}},
		{"a NetBIOS name", nsx.Host{Name: `CORP\ACCOUNTING-SERV`}, []string{"long"}},
		{"a NetBIOS name of another domain", nsx.Host{Name: `LAB\ACCOUNTING-SERV`}, nil},
		{"15 characters that nobody cut off", nsx.Host{Name: "accounting-serv"}, nil},
		{"a NetBIOS name where no domain is known", nsx.Host{Name: `CORP\MARKETING-SERVE`}, []string{"longs-3"}},
		{"which nobody cut off", nsx.Host{Name: "marketing-serve"}, nil},
		{"a shorter beginning", nsx.Host{Name: `CORP\ACCOUNTING-SER`}, nil},
		{"a NetBIOS name of two", nsx.Host{Name: `CORP\PRODUCTION-WEB-`}, []string{"longs-1", "longs-2"}},
		{"no prefix", nsx.Host{Name: "web"}, nil},
		{"an address is not cut at its dots", nsx.Host{Name: "10.0.0.9"}, nil},
		{"an address", nsx.Host{Name: "10.0.0.5"}, []string{"address"}},
		{"letters beyond ASCII", nsx.Host{Name: "STRAßE"}, []string{"strasse"}},
		{"nothing", nsx.Host{Name: "nobody"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			vm, err := client.VirtualMachines.Find(t.Context(), tc.host)
			switch {
			case len(tc.want) == 0:
				if !errors.Is(err, nsx.ErrNotFound) {
					t.Errorf("Find(%v) = %q, %v; want ErrNotFound", tc.host, vm.ExternalID, err)
				}
			case len(tc.want) == 1:
				if err != nil || string(vm.ExternalID) != tc.want[0] {
					t.Errorf("Find(%v) = %q, %v; want %s", tc.host, vm.ExternalID, err, tc.want[0])
				}
			default:
				ambiguous, ok := errors.AsType[*nsx.AmbiguousError](err)
				if !ok || !errors.Is(err, nsx.ErrAmbiguous) || errors.Is(err, nsx.ErrNotFound) {
					t.Fatalf("Find(%v) = %q, %v; want an AmbiguousError", tc.host, vm.ExternalID, err)
				}
				var got []string
				for _, c := range ambiguous.Candidates {
					got = append(got, string(c.ExternalID))
					if !strings.Contains(err.Error(), string(c.ExternalID)) {
						t.Errorf("error %q does not name %s", err, c.ExternalID)
					}
				}
				want := slices.DeleteFunc(slices.Clone(tc.want), func(s string) bool { return s == "" })
				if diff := cmp.Diff(want, sorted(got)); diff != "" {
					t.Errorf("Find(%v): candidates (-want +got):\n%s", tc.host, diff)
				}
			}
		})
	}
}

func TestFindRefusesWhatTellsNothing(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "localhost", ComputerName: "localhost"}}})
	client := connect(t, srv)
	for _, host := range []nsx.Host{{}, {Name: `CORP\`}, {Name: "localhost"}, {Name: "LOCALHOST.localdomain"}, {UUIDs: []string{""}}, {Name: "."}} {
		vm, err := client.VirtualMachines.Find(t.Context(), host)
		if err == nil || errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("Find(%v) = %+v, %v; want an error that is not ErrNotFound", host, vm, err)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAmbiguousErrorsName(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{
		{Name: "web", ExternalID: "id-1"}, {Name: "WEB", ExternalID: "id-2", ComputerName: "WEB-B.corp.example"}, {Name: "old", ExternalID: "id-3", ComputerName: "new"},
	}})
	client := connect(t, srv)
	_, err := client.VirtualMachines.Find(t.Context(), nsx.Host{Name: `CORP\web`})
	if want := `nsx: virtual_machines.find: 2 virtual machines fit "CORP\\web" by display name: "web" (id-1), "WEB" (id-2, guest "WEB-B.corp.example")`; err == nil || err.Error() != want {
		t.Errorf("error = %q\nwant    %q", err, want)
	}
	_, err = client.VirtualMachines.Find(t.Context(), nsx.Host{Name: "old"})
	if want := `nsx: virtual_machines.find: a virtual machine fits "old" by display name, but its guest calls itself something else: "old" (id-3, guest "new")`; err == nil || err.Error() != want {
		t.Errorf("error = %q\nwant    %q", err, want)
	}
	many := &nsx.AmbiguousError{Op: "x", Host: nsx.Host{UUIDs: []string{"u"}}, By: "UUID", Candidates: make([]nsx.VirtualMachine, 25)}
	if got := many.Error(); !strings.HasSuffix(got, " and 15 more") || !strings.Contains(got, `the UUID "u"`) {
		t.Errorf("error = %q, want the first ten and a number", got)
	}
}

func TestSearchesShareOneListing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(1200)})
		client := connect(t, srv, func(c *nsx.Config) { c.Rate = -1 })
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				name := fmt.Sprintf("vm-%04d", i*50)
				if vm, err := client.VirtualMachines.Find(t.Context(), nsx.Host{Name: name}); err != nil || vm.DisplayName != name {
					t.Errorf("Find(%s) = %+v, %v", name, vm, err)
				}
			})
		}
		wg.Wait()
		if n := sent(srv, opList); n != 2+20 {
			t.Errorf("20 searches among 1200 machines took %d requests, want 2 pages and 20 readings", n)
		}
		time.Sleep(nsx.DefaultCacheFor)
		srv.Add(nsxtest.VM{Name: "new"})
		if _, err := client.VirtualMachines.Find(t.Context(), nsx.Host{Name: "new"}); err != nil {
			t.Errorf("after the listing is old: %v", err)
		}
	})
}

func TestFindReturnsWhatIsNow(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "web", ExternalID: "1"}}})
	client := connect(t, srv)
	find := func() (nsx.VirtualMachine, error) {
		return client.VirtualMachines.Find(t.Context(), nsx.Host{Name: "web"})
	}
	if vm, err := find(); err != nil || len(vm.Tags) != 0 {
		t.Fatalf("Find = %+v, %v", vm, err)
	}
	if err := client.VirtualMachines.AddTags(t.Context(), "1", nsx.Tag{Tag: "q"}); err != nil {
		t.Fatal(err)
	}
	if vm, err := find(); err != nil || !vm.HasTag(nsx.Tag{Tag: "q"}) {
		t.Errorf("Find = %+v, %v; want the tag that was just added", vm, err)
	}
	srv.Remove("1")
	srv.Add(nsxtest.VM{Name: "web", ExternalID: "2"})
	if vm, err := find(); err != nil || vm.ExternalID != "2" {
		t.Errorf("Find = %+v, %v; want the machine that took its place", vm, err)
	}
	srv.Remove("2")
	srv.Add(nsxtest.VM{Name: "other", ExternalID: "2"})
	if vm, err := find(); !errors.Is(err, nsx.ErrNotFound) {
		t.Errorf("Find = %+v, %v; want ErrNotFound: the machine of that id has another name now", vm, err)
	}
}

func TestAFailedListingIsNotRemembered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "web"}}})
		client := connect(t, srv, func(c *nsx.Config) { c.Attempts = 1 })
		srv.FailNext(1, http.StatusServiceUnavailable)
		if _, err := client.VirtualMachines.Find(t.Context(), nsx.Host{Name: "web"}); err == nil || errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("Find = %v, want the failure", err)
		}
		if _, err := client.VirtualMachines.Find(t.Context(), nsx.Host{Name: "web"}); err != nil {
			t.Errorf("Find = %v, want success", err)
		}
	})
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{`CORP\fin-ws-0142`, "fin-ws-0142.corp.example", "localhost", `\`, ".", "10.0.0.5", `A\B\c.d`, "\xff", "straße"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, name, uuid string) {
		srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "other", ComputerName: "other.corp.example", ExternalID: "00000000-0000-4000-8000-000000000001"}}})
		vm, err := connect(t, srv).VirtualMachines.Find(t.Context(), nsx.Host{Name: name, UUIDs: []string{uuid}})
		if (err == nil) == (vm.ExternalID == "") {
			t.Errorf("Find(%q, %q) = %+v, %v", name, uuid, vm, err)
		}
		if err == nil && !strings.Contains(strings.ToLower(name), "other") && !strings.Contains(uuid, "1") {
			t.Errorf("Find(%q, %q) = %+v: a machine that does not fit", name, uuid, vm)
		}
	})
}
