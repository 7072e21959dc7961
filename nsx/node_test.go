package nsx_test

import (
	"errors"
	"net/http"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestTheVersionOfTheManager(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{Version: "4.1.2.0.0.1"})
	got, err := connect(t, srv).Node.Version(t.Context())
	if diff := cmp.Diff(nsx.Version{Product: "4.1.2.0.0.1", Node: "4.1.2.0.0.1"}, got); diff != "" || err != nil {
		t.Errorf("Version: %v (-want +got):\n%s", err, diff)
	}
	for _, tc := range []struct {
		version      nsx.Version
		major, minor int
		want         bool
	}{
		{nsx.Version{Product: "4.1.2"}, 4, 1, true},
		{nsx.Version{Product: "4.1.2"}, 4, 2, false},
		{nsx.Version{Product: "4.1.2"}, 3, 9, true},
		{nsx.Version{Product: "9.0.0"}, 4, 2, true},
		{nsx.Version{Product: "2.5.1"}, 3, 0, false},
		{nsx.Version{Node: "4.2.0"}, 4, 2, true},
		{nsx.Version{Product: "4"}, 4, 0, false},
		{nsx.Version{Product: "x.1"}, 0, 0, false},
		{nsx.Version{}, 0, 0, false},
	} {
		if got := tc.version.AtLeast(tc.major, tc.minor); got != tc.want {
			t.Errorf("%+v.AtLeast(%d, %d) = %v, want %v", tc.version, tc.major, tc.minor, got, tc.want)
		}
	}
	client, _ := scripted(t, ok(`{}`))
	if v, err := client.Node.Version(t.Context()); err == nil {
		t.Errorf("an answer without a version = %+v", v)
	}
}

func TestTheHealthOfTheManager(t *testing.T) {
	t.Parallel()
	for _, sick := range []bool{false, true} {
		srv := nsxtest.New(nsxtest.World{Switches: nsxtest.Switches{Unhealthy: sick}})
		got, err := connect(t, srv).Node.Health(t.Context())
		if err != nil || got.Healthy == sick || got.Components == "" || len(srv.Requests()) != 1 {
			t.Errorf("sick %v: Health = %+v, %v after %d requests", sick, got, err, len(srv.Requests()))
		}
	}
	for _, c := range []canned{
		{status: http.StatusServiceUnavailable, body: "<html>"},
		{status: http.StatusServiceUnavailable, body: `{"error_code":1,"error_message":"busy"}`},
		ok(`{}`), ok(`{"healthy":"yes"}`),
		{status: http.StatusNotFound},
	} {
		client, _ := scripted(t, c)
		got, err := client.Node.Health(t.Context())
		if _, isAPI := errors.AsType[*nsx.APIError](err); !isAPI || got != (nsx.Health{}) {
			t.Errorf("%d %s: Health = %+v, %v; want an APIError", c.status, c.body, got, err)
		}
	}
}

func TestInterfaces(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: append(nsxtest.Fixtures(), nsxtest.VM{Name: "two", ExternalID: "vm-two", VIFs: []nsxtest.VIF{{MAC: "a"}, {MAC: "b", LPort: "port"}}})})
	list := func(q nsx.InterfaceQuery) (out []nsx.Interface) {
		for i, err := range connect(t, srv).Interfaces.List(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, i)
		}
		return out
	}
	got := list(nsx.InterfaceQuery{VM: vmID})
	for i := range got {
		got[i].HostID = ""
	}
	want := []nsx.Interface{{
		ID: vmID + "-4000", VM: vmID, MAC: "00:50:56:a1:0b:3c", Device: "Network adapter 1", Attachment: "5f0c7a9e-2d41-4f6b-a0e3-7b1c9d84e250",
		Addresses: []netip.Addr{netip.MustParseAddr("10.20.30.42"), netip.MustParseAddr("fe80::250:56ff:fea1:b3c")},
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	if all := list(nsx.InterfaceQuery{PageSize: 1}); len(all) != 3 || all[1].Managed() == all[2].Managed() {
		t.Errorf("all interfaces = %+v, want three of which one is not managed", all)
	}
	if port := list(nsx.InterfaceQuery{Attachment: "port"}); len(port) != 1 || port[0].MAC != "b" {
		t.Errorf("the interface at a port = %+v", port)
	}
	client, _ := scripted(t, ok(`{"results":[
		{"external_id":"1","owner_vm_id":"other"},
		{"external_id":"2","owner_vm_id":"VM","ip_address_info":[{"ip_addresses":["10.0.0.1/24","none"]},{"ip_addresses":null}],"lport_attachment_id":null}]}`))
	for i, err := range client.Interfaces.List(t.Context(), nsx.InterfaceQuery{VM: "vm"}) {
		if err != nil || i.ID != "2" || i.Managed() || len(i.Addresses) != 1 || i.Addresses[0] != netip.MustParseAddr("10.0.0.1") {
			t.Errorf("interface = %+v, %v", i, err)
		}
	}
}
