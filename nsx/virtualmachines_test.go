package nsx_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestListGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	for _, end := range []bool{false, true} {
		srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(2500), Switches: nsxtest.Switches{EndCursor: end}})
		got, err := names(t, connect(t, srv), nsx.VMQuery{})
		if err != nil || len(got) != 2500 || got[0] == got[2499] {
			t.Errorf("List (a cursor at the end: %v) = %d machines, %v; want 2500", end, len(got), err)
		}
		if n := sent(srv, opList); n != 3 {
			t.Errorf("List asked %d times, want 3", n)
		}
	}
}

func TestListAsksForNoMoreThanIsRead(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Many(30)})
	list := connect(t, srv).VirtualMachines.List(t.Context(), nsx.VMQuery{PageSize: 10})
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests before anything was read", n)
	}
	n := 0
	for _, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 15 {
			break
		}
	}
	if got := sent(srv, opList); got != 2 {
		t.Errorf("15 machines in pages of 10 took %d requests, want 2", got)
	}
}

func TestAMachineThatMovesIsListedOnce(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{Name: "a"}, {Name: "moving", TwinHost: "5f0c7a9e-2d41-4f6b-a0e3-7b1c9d84e250"}, {Name: "b"}}})
	client := connect(t, srv)
	for _, size := range []int{0, 1, 2} {
		got, err := names(t, client, nsx.VMQuery{PageSize: size})
		if diff := cmp.Diff([]string{"a", "b", "moving"}, sorted(got)); diff != "" || err != nil {
			t.Errorf("List with pages of %d: %v (-want +got):\n%s", size, err, diff)
		}
	}
	vm, err := client.VirtualMachines.Find(t.Context(), nsx.Host{Name: "moving"})
	if err != nil || vm.DisplayName != "moving" {
		t.Errorf("Find = %+v, %v", vm, err)
	}
}

func TestQueriesAreEscapedAndCheckedAgain(t *testing.T) {
	t.Parallel()
	const odd = `R&D + "test" #1/2 100% wörk 本`
	for _, fold := range []bool{false, true} {
		srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures(), Switches: nsxtest.Switches{FoldNames: fold}})
		client := connect(t, srv)
		got, err := names(t, client, nsx.VMQuery{DisplayName: odd})
		if diff := cmp.Diff([]string{odd}, got); diff != "" || err != nil {
			t.Errorf("List: %v (-want +got):\n%s", err, diff)
		}
		if got, err := names(t, client, nsx.VMQuery{DisplayName: "no such"}); err != nil || len(got) != 0 {
			t.Errorf("List of what is not there = %v, %v", got, err)
		}
	}
	// A manager that compares by prefix, or not at all.
	client, _ := scripted(t, ok(`{"results":[{"external_id":"1","display_name":"web-2"},{"external_id":"2","display_name":"WEB"}]}`))
	if got, err := names(t, client, nsx.VMQuery{DisplayName: "web"}); err != nil || !cmp.Equal(got, []string{"WEB"}) {
		t.Errorf("List = %q, %v; want WEB alone", got, err)
	}
}

func TestWhatAMachineIs(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, ok(`{"result_count":1,"results":[{
		"resource_type":"VirtualMachine","display_name":"fin-ws-0142","external_id":"50217c3e-4b1d-9a60-2f77-c1d20e8a5b94","local_id_on_host":"37",
		"host_id":"8c1f0b52","type":"REGULAR","power_state":"VM_RUNNING","description":null,"new_in_10":{"a":[1]},
		"compute_ids":["moIdOnHost:37","instanceUuid:50217c3e:x","biosUuid:4221e0aa"],
		"source":{"target_id":"8c1f0b52","target_type":"HostNode","target_display_name":"esx07.lab.example","is_valid":true},
		"guest_info":{"os_name":"Windows","computer_name":"FIN-WS-0142.corp.example"},
		"tags":[{"scope":"owner","tag":"finance"},{"scope":null,"tag":"x"},{"tag":"y"},{"scope":"alone"},{}],
		"_last_sync_time":1735689600000}]}`))
	got, err := client.VirtualMachines.Get(t.Context(), "50217C3E-4b1d-9a60-2f77-c1d20e8a5b94")
	want := nsx.VirtualMachine{
		ExternalID: "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94", DisplayName: "fin-ws-0142", LocalIDOnHost: "37", HostID: "8c1f0b52", HostName: "esx07.lab.example",
		ComputeIDs: []string{"moIdOnHost:37", "instanceUuid:50217c3e:x", "biosUuid:4221e0aa"},
		Type:       nsx.Regular, PowerState: "VM_RUNNING", ComputerName: "FIN-WS-0142.corp.example", OSName: "Windows",
		Tags:     []nsx.Tag{{Scope: "owner", Tag: "finance"}, {Tag: "x"}, {Tag: "y"}, {Scope: "alone"}},
		LastSync: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Get: %v (-want +got):\n%s", err, diff)
	}
	if got.ComputeID("instanceuuid") != "50217c3e:x" || got.ComputeID("none") != "" {
		t.Errorf("ComputeID = %q, %q", got.ComputeID("instanceuuid"), got.ComputeID("none"))
	}
	if !got.HasTag(nsx.Tag{Scope: "alone"}) || got.HasTag(nsx.Tag{Scope: "Owner", Tag: "finance"}) {
		t.Error("HasTag: the pair counts, with its case")
	}
}

func TestMembersThatAreMissingOrOdd(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"results":[{"external_id":"1"}]}`,
		`{"results":[{"external_id":"1","tags":null,"compute_ids":null,"guest_info":null,"source":null,"_last_sync_time":null}]}`,
		`{"results":[{"external_id":"1","_last_sync_time":"never"}],"cursor":""}`,
		`{"results":[{"external_id":"1","_last_sync_time":-5}],"cursor":"0000"}`,
		`{"results":[{"external_id":"1"}],"cursor":"00001xyz","result_count":7}`,
	} {
		client, s := scripted(t, ok(body))
		got, err := client.VirtualMachines.Get(t.Context(), "1")
		if diff := cmp.Diff(nsx.VirtualMachine{ExternalID: "1"}, got); diff != "" || err != nil || len(s.urls) != 1 {
			t.Errorf("%s: %v after %d requests (-want +got):\n%s", body, err, len(s.urls), diff)
		}
	}
}

func TestListsThatDoNotEnd(t *testing.T) {
	t.Parallel()
	row := func(id int, cursor string) canned {
		return ok(fmt.Sprintf(`{"results":[{"external_id":"%d","display_name":"vm"}],"cursor":%q}`, id, cursor))
	}
	for _, tc := range []struct {
		name    string
		answers []canned
		asked   int
		fails   bool
	}{
		{"the same cursor for ever", []canned{row(1, "a")}, 2, true},
		{"a circle of cursors", []canned{row(1, "a"), row(2, "b"), row(3, "a")}, 3, true},
		{"a cursor and nothing else", []canned{row(1, "a"), ok(`{"results":[],"cursor":"b"}`)}, 2, false},
		{"a cursor that says the end", []canned{row(1, "a"), row(2, "0000zzz")}, 2, false},
	} {
		client, s := scripted(t, tc.answers...)
		_, err := names(t, client, nsx.VMQuery{})
		if _, isAPI := errors.AsType[*nsx.APIError](err); len(s.urls) != tc.asked || isAPI != tc.fails {
			t.Errorf("%s: %d requests, error %v; want %d, failure %v", tc.name, len(s.urls), err, tc.asked, tc.fails)
		}
	}
}

func TestAnAnswerThatIsNoListIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	for _, c := range []canned{
		ok(`{}`), ok(`{"error_code":500,"error_message":"no"}`), ok(`[]`), ok(`<html>log in</html>`), ok(``), ok(`{"results":null}`), ok(`{"results":[{"display_name":"no id"}]}`),
		ok(`{"results":[`), ok(`{"results":{}}`),
		{status: http.StatusNoContent},
	} {
		client, _ := scripted(t, c)
		got, err := names(t, client, nsx.VMQuery{})
		if e, isAPI := errors.AsType[*nsx.APIError](err); !isAPI || e.StatusCode/100 != 2 || len(got) != 0 {
			t.Errorf("%d %s: %v, %v; want an APIError", c.status, c.body, got, err)
		}
		if _, err := client.VirtualMachines.Find(t.Context(), nsx.Host{Name: "web"}); err == nil || errors.Is(err, nsx.ErrNotFound) {
			t.Errorf("%d %s: Find = %v: an answer that cannot be read must not be \"not found\"", c.status, c.body, err)
		}
	}
}

func TestPageSizesAndIDsAreChecked(t *testing.T) {
	t.Parallel()
	client, s := scripted(t, ok(`{"results":[]}`))
	for _, size := range []int{-1, 1001} {
		if _, err := names(t, client, nsx.VMQuery{PageSize: size}); err == nil {
			t.Errorf("a page size of %d was accepted", size)
		}
	}
	if _, err := client.VirtualMachines.Get(t.Context(), " "); err == nil {
		t.Error("an empty id was accepted")
	}
	if len(s.urls) != 0 {
		t.Errorf("sent %v, want nothing", s.urls)
	}
	if _, err := client.VirtualMachines.Get(t.Context(), "a&b"); !errors.Is(err, nsx.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
	if diff := cmp.Diff([]string{"/api/v1/fabric/virtual-machines?external_id=" + url.QueryEscape("a&b")}, s.urls); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// The copy that the inventory saw last is the one that counts.
func TestOfTwoCopiesTheLaterCounts(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, ok(`{"results":[
		{"external_id":"A-1","display_name":"m","host_id":"old","_last_sync_time":1000},
		{"external_id":"a-1","display_name":"m","host_id":"new","_last_sync_time":2000},
		{"external_id":"a-1","display_name":"m","host_id":"older","_last_sync_time":500}]}`))
	vm, err := client.VirtualMachines.Find(t.Context(), nsx.Host{Name: "m"})
	if err != nil || vm.HostID != "new" {
		t.Errorf("Find = %+v, %v; want the copy on host new", vm, err)
	}
}

func TestKindsOfMachinesCanBeLeftOut(t *testing.T) {
	t.Parallel()
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures()})
	client := connect(t, srv)
	for _, tc := range []struct {
		exclude []nsx.VMType
		want    int
	}{{nil, 2}, {[]nsx.VMType{nsx.Edge, nsx.Service}, 1}, {[]nsx.VMType{nsx.Edge, nsx.Regular}, 0}} {
		got, err := names(t, client, nsx.VMQuery{DisplayName: "edge-01", ExcludeTypes: tc.exclude})
		if err != nil || len(got) != tc.want {
			t.Errorf("without %v: %v, %v; want %d", tc.exclude, got, err, tc.want)
		}
	}
	// A manager that does not know the parameter.
	client, s := scripted(t, ok(`{"results":[{"external_id":"1","type":"EDGE"},{"external_id":"2","display_name":"web","type":"REGULAR"}]}`))
	got, err := names(t, client, nsx.VMQuery{ExcludeTypes: []nsx.VMType{nsx.Edge, nsx.VCSystem}})
	if err != nil || !cmp.Equal(got, []string{"web"}) || parameter(t, s.urls[0], "exclude_vm_type") != "EDGE,VC_SYSTEM" {
		t.Errorf("List = %v, %v by %v", got, err, s.urls)
	}
}
