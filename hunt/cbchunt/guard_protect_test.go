package cbchunt_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

// on is a task on a device, which the search named so.
func on(device int64, name string) hunt.Task {
	return hunt.Task{
		Action: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Target: strconv.FormatInt(device, 10),
		Indicators: []hunt.Indicator{{SHA256: hash(1)}},
		Sightings:  []hunt.Sighting{{SHA256: hash(1), Evidence: hunt.Executed, Device: hunt.Device{ID: device, Name: name}}},
	}
}

// in is a task on a process.
func in(action string, device int64, file hunt.SHA256, reputation string, e hunt.Evidence) hunt.Task {
	guid := fmt.Sprint("ORG-", device)
	return hunt.Task{
		Action: action, Scope: hunt.ScopeProcess, Target: guid + "/" + file.String(), Indicators: []hunt.Indicator{{SHA256: file}},
		Sightings: []hunt.Sighting{{
			SHA256: file, Evidence: e, Process: hunt.Process{GUID: guid, Reputation: reputation}, Device: hunt.Device{ID: device, Name: "H"},
		}},
	}
}

// banOf is a task on a file.
func banOf(file hunt.SHA256) hunt.Task {
	return hunt.Task{Action: "denylist", Scope: hunt.ScopeHash, Target: file.String(), Indicators: []hunt.Indicator{{SHA256: file}}}
}

func protect(t testing.TB, srv *cbctest.Server, cfg cbchunt.ProtectDevicesConfig) *cbchunt.ProtectDevices {
	t.Helper()
	cfg.Devices = connect(t, srv.Client()).Devices
	g, err := cbchunt.NewProtectDevices(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// reasons are those of holds, by key and, if it is about one, file.
func reasons(holds []hunt.Hold) map[string]string {
	all := make(map[string]string)
	for _, h := range holds {
		key := h.Key
		if !h.SHA256.IsZero() {
			key += " " + h.SHA256.String()[2:4]
		}
		all[key] = h.Reason
		if h.Unsure {
			all[key] = "unsure: " + h.Reason
		}
	}
	return all
}

func networks(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range texts {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

func TestProtectDevices(t *testing.T) {
	t.Parallel()
	var none []string
	off := []string{}
	for _, tt := range []struct {
		name   string
		cfg    cbchunt.ProtectDevicesConfig
		device cbctest.Device
		seen   string // by the search
		want   string // after "CORP\LAP-7 is protected: ", or more
	}{
		{"nothing is configured and nothing is special", cbchunt.ProtectDevicesConfig{}, cbctest.Device{}, "", ""},
		{"the default priority", cbchunt.ProtectDevicesConfig{Priorities: none}, cbctest.Device{TargetPriority: "MISSION_CRITICAL"}, "", "its priority is MISSION_CRITICAL"},
		{"the default priority is off", cbchunt.ProtectDevicesConfig{Priorities: off}, cbctest.Device{TargetPriority: "MISSION_CRITICAL"}, "", ""},
		{"another priority", cbchunt.ProtectDevicesConfig{Priorities: []string{" high"}}, cbctest.Device{TargetPriority: "HIGH"}, "", "its priority is HIGH"},
		{"a priority that is not listed", cbchunt.ProtectDevicesConfig{Priorities: []string{"high"}}, cbctest.Device{TargetPriority: "MISSION_CRITICAL"}, "", ""},
		{"no priority", cbchunt.ProtectDevicesConfig{}, cbctest.Device{Extra: map[string]any{"target_priority": nil}}, "", "may: its priority is not known"},
		{"no priority, and none counts", cbchunt.ProtectDevicesConfig{Priorities: off}, cbctest.Device{Extra: map[string]any{"target_priority": nil}}, "", ""},
		{"an id", cbchunt.ProtectDevicesConfig{IDs: []cbc.DeviceID{7}}, cbctest.Device{}, "", "its id is 7"},
		{"another id", cbchunt.ProtectDevicesConfig{IDs: []cbc.DeviceID{9}}, cbctest.Device{}, "", ""},
		{"the whole name", cbchunt.ProtectDevicesConfig{Names: []string{`corp\lap-?`}}, cbctest.Device{}, "", `its name fits corp\lap-?`},
		{"the name without the domain", cbchunt.ProtectDevicesConfig{Names: []string{"srv-*", "lap-*"}}, cbctest.Device{}, "", "its name fits lap-*"},
		{"the host of a DNS name", cbchunt.ProtectDevicesConfig{Names: []string{"lap-[0-9]"}}, cbctest.Device{Name: "lap-7.corp.example."}, "", "its name fits lap-[0-9]"},
		{"the DNS name", cbchunt.ProtectDevicesConfig{Names: []string{"*.corp.example"}}, cbctest.Device{Name: "LAP-7.corp.example."}, "", "its name fits *.corp.example"},
		{
			"the domain of the directory",
			cbchunt.ProtectDevicesConfig{Names: []string{`corp\lap-7`}},
			cbctest.Device{Name: "LAP-7", Extra: map[string]any{"ad_domain": "CORP"}},
			"", `its name fits corp\lap-7`,
		},
		{
			"the DNS domain of the directory",
			cbchunt.ProtectDevicesConfig{Names: []string{`lap-7.corp.*`}},
			cbctest.Device{Name: "LAP-7", Extra: map[string]any{"ad_domain": "corp.example"}},
			"", "its name fits lap-7.corp.*",
		},
		{
			"the short domain of the directory",
			cbchunt.ProtectDevicesConfig{Names: []string{`corp\lap-7`}},
			cbctest.Device{Name: "LAP-7", Extra: map[string]any{"ad_domain": "corp.example"}},
			"", `its name fits corp\lap-7`,
		},
		{"a domain and a slash", cbchunt.ProtectDevicesConfig{Names: []string{"lap-7"}}, cbctest.Device{Name: "CORP/LAP-7"}, "", "its name fits lap-7"},
		{"the domain of a DNS name", cbchunt.ProtectDevicesConfig{Names: []string{`corp\lap-7`}}, cbctest.Device{Name: "lap-7.corp.example"}, "", `its name fits corp\lap-7`},
		{"the name that the search had", cbchunt.ProtectDevicesConfig{Names: []string{"dc-*"}}, cbctest.Device{}, `corp\dc-1`, "its name fits dc-*"},
		{"another name", cbchunt.ProtectDevicesConfig{Names: []string{"dc-*", "lap-?.corp.example"}}, cbctest.Device{}, "lap-7", ""},
		{"the internal address", cbchunt.ProtectDevicesConfig{Networks: networks("10.1.2.3/8")}, cbctest.Device{InternalIP: "10.9.9.9"}, "", "its address 10.9.9.9 is in 10.0.0.0/8"},
		{"an address of IPv4 written as IPv6", cbchunt.ProtectDevicesConfig{Networks: networks("10.0.0.0/8")}, cbctest.Device{InternalIP: "::ffff:10.9.9.9"}, "", "its address 10.9.9.9 is in 10.0.0.0/8"},
		{"a network of IPv4 written as IPv6", cbchunt.ProtectDevicesConfig{Networks: networks("::ffff:10.0.0.0/104")}, cbctest.Device{InternalIP: "10.9.9.9"}, "", "its address 10.9.9.9 is in 10.0.0.0/8"},
		{"an address with a zone", cbchunt.ProtectDevicesConfig{Networks: networks("fe80::/10")}, cbctest.Device{InternalIP: "fe80::1%eth0"}, "", "its address fe80::1 is in fe80::/10"},
		{"the external address", cbchunt.ProtectDevicesConfig{Networks: networks("192.168.0.0/16", "203.0.113.0/24")}, cbctest.Device{InternalIP: "10.9.9.9"}, "", "its address 203.0.113.40 is in 203.0.113.0/24"},
		{"another network", cbchunt.ProtectDevicesConfig{Networks: networks("10.1.0.0/16", "fe80::/10")}, cbctest.Device{InternalIP: "10.2.0.1"}, "", ""},
		{
			"no internal address",
			cbchunt.ProtectDevicesConfig{Networks: networks("10.0.0.0/8")},
			cbctest.Device{Extra: map[string]any{"last_internal_ip_address": nil}},
			"", "may: its internal address is not known",
		},
		{"the address of a machine that got none", cbchunt.ProtectDevicesConfig{Networks: networks("10.0.0.0/8")}, cbctest.Device{InternalIP: "169.254.9.9"}, "", "may: its internal address is not known"},
		{"the address of no machine", cbchunt.ProtectDevicesConfig{Networks: networks("10.0.0.0/8")}, cbctest.Device{InternalIP: "0.0.0.0"}, "", "may: its internal address is not known"},
		{"the address of a machine itself", cbchunt.ProtectDevicesConfig{Networks: networks("10.0.0.0/8")}, cbctest.Device{InternalIP: "127.0.0.1"}, "", "may: its internal address is not known"},
		{"the policy by name", cbchunt.ProtectDevicesConfig{Policies: []string{" domain controllers"}}, cbctest.Device{PolicyID: 2, SensorPolicyID: 1}, "", "its policy is domain controllers"},
		{"the policy by id", cbchunt.ProtectDevicesConfig{Policies: []string{"9", "2"}}, cbctest.Device{PolicyID: 2}, "", "its policy is 2"},
		{"the policy that it had", cbchunt.ProtectDevicesConfig{Policies: []string{"Domain Controllers"}}, cbctest.Device{PolicyID: 1}, "", ""},
		{"a part of the policy's name", cbchunt.ProtectDevicesConfig{Policies: []string{"Domain"}}, cbctest.Device{PolicyID: 2}, "", ""},
		{
			"no policy",
			cbchunt.ProtectDevicesConfig{Policies: []string{"Domain Controllers"}},
			cbctest.Device{Extra: map[string]any{"policy_id": nil, "policy_name": nil}},
			"", "may: its policy is not known",
		},
		{"the asset group by name", cbchunt.ProtectDevicesConfig{Groups: []string{"payroll"}}, cbctest.Device{AssetGroups: []string{"Payroll"}}, "", "it is in the group payroll"},
		{"the asset group by id", cbchunt.ProtectDevicesConfig{Groups: []string{"G-1"}}, cbctest.Device{AssetGroups: []string{"Payroll"}}, "", "it is in the group G-1"},
		{"no group", cbchunt.ProtectDevicesConfig{Groups: []string{"Payroll", "0"}}, cbctest.Device{}, "", ""},
		{"the sensor group", cbchunt.ProtectDevicesConfig{Groups: []string{"12"}}, cbctest.Device{Extra: map[string]any{"ad_group_id": 12}}, "", "it is in the group 12"},
		{"the organizational unit", cbchunt.ProtectDevicesConfig{Groups: []string{"ou=tier0"}}, cbctest.Device{Extra: map[string]any{"ad_org_unit": "OU=Tier0"}}, "", "it is in the group ou=tier0"},
		{"the deployment", cbchunt.ProtectDevicesConfig{Deployments: []string{"vdi", "workload"}}, cbctest.Device{DeploymentType: "WORKLOAD"}, "", "its deployment type is WORKLOAD"},
		{"another deployment", cbchunt.ProtectDevicesConfig{Deployments: []string{"workload"}}, cbctest.Device{}, "", ""},
		{
			"no deployment",
			cbchunt.ProtectDevicesConfig{Deployments: []string{"workload"}},
			cbctest.Device{Extra: map[string]any{"deployment_type": nil}},
			"", "may: its deployment type is not known",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			device := tt.device
			device.ID = 7
			if device.Name == "" {
				device.Name = `CORP\LAP-7`
			}
			srv := cbctest.New(cbctest.World{
				Policies:    []cbctest.Policy{{ID: 1, Name: "Standard"}, {ID: 2, Name: "Domain Controllers"}},
				AssetGroups: []cbctest.AssetGroup{{ID: "g-1", Name: "Payroll"}},
				Devices: []cbctest.Device{{
					ID: 8, Name: "OTHER", InternalIP: "172.16.0.1", Extra: map[string]any{"last_external_ip_address": "198.51.100.1"},
				}, device},
			})
			tasks := []hunt.Task{on(8, "other"), in("script", 8, hash(1), "", hunt.Executed), on(7, tt.seen), in("script", 7, hash(1), "", hunt.Executed), banOf(hash(1))}
			holds, err := protect(t, srv, tt.cfg).Review(t.Context(), hunt.Review{Tasks: tasks})
			if err != nil {
				t.Fatal(err)
			}
			want := make(map[string]string)
			if tt.want != "" {
				text, may := strings.CutPrefix(tt.want, "may: ")
				reason := device.Name + " is protected: " + text
				if may {
					reason = device.Name + " may be protected: " + text
				}
				want["isolate/device/7"], want["script/process/ORG-7/"+hash(1).String()] = reason, reason
			}
			if diff := cmp.Diff(want, reasons(holds)); diff != "" {
				t.Errorf("holds mismatch (-want +got):\n%s", diff)
			}
			if n := len(srv.Requests()); n > 1 {
				t.Errorf("%d calls for two devices", n)
			}
		})
	}
}

func TestProtectDevicesWhoseStateIsNotKnown(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAP-7"}, {ID: 9, Name: "DC-9"}}})
	nameless := on(5, "")
	nameless.Target, nameless.Sightings = "x", nil
	byTarget := on(6, "")
	byTarget.Sightings = nil
	g := protect(t, srv, cbchunt.ProtectDevicesConfig{IDs: []cbc.DeviceID{4}, Names: []string{"dc-*"}})
	holds, err := g.Review(t.Context(), hunt.Review{Tasks: []hunt.Task{
		on(7, "lap-7"), on(8, "gone-8"), on(9, "x"), on(4, "listed"), on(3, "dc-3"), on(0, "zero"), nameless, byTarget,
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"isolate/device/8": "gone-8 may be protected: Carbon Black Cloud knows no device 8",
		"isolate/device/9": "DC-9 is protected: its name fits dc-*",
		"isolate/device/4": "listed is protected: its id is 4",
		"isolate/device/3": "dc-3 is protected: its name fits dc-*",
		"isolate/device/0": "zero may be protected: Carbon Black Cloud knows no device 0",
		"isolate/device/x": "the device may be protected: nothing says which one it is",
		"isolate/device/6": "device 6 may be protected: Carbon Black Cloud knows no device 6",
	}
	if diff := cmp.Diff(want, reasons(holds)); diff != "" {
		t.Errorf("holds mismatch (-want +got):\n%s", diff)
	}
	holds, err = g.Review(t.Context(), hunt.Review{Tasks: []hunt.Task{on(8, "gone-8")}})
	if err != nil || len(holds) != 1 {
		t.Errorf("Review of a device that nobody knows = %v, %v, want that it is held alone", holds, err)
	}
}

func TestProtectDevicesWhenSomeCannotBeRead(t *testing.T) {
	t.Parallel()
	world := cbctest.World{}
	var tasks []hunt.Task
	for id := range int64(1001) { // two calls
		world.Devices = append(world.Devices, cbctest.Device{ID: id + 1, Name: fmt.Sprint("LAP-", id+1)})
		tasks = append(tasks, on(id+1, "lap"))
	}
	srv := cbctest.New(world)
	g := protect(t, srv, cbchunt.ProtectDevicesConfig{})
	if holds, err := g.Review(t.Context(), hunt.Review{Tasks: tasks}); err != nil || len(holds) != 0 {
		t.Fatalf("Review = %v, %v", holds, err)
	}
	calls := 0
	second := func(*http.Request) bool { calls++; return calls == 2 }
	srv.Inject(second, 1, status(http.StatusForbidden))
	holds, err := g.Review(t.Context(), hunt.Review{Tasks: tasks})
	want := map[string]string{"isolate/device/1001": "unsure: lap may be protected: its state could not be read: 403 Forbidden"}
	if diff := cmp.Diff(want, reasons(holds)); err != nil || diff != "" {
		t.Errorf("Review: %v, holds mismatch (-want +got):\n%s", err, diff)
	}
	calls = 0
	ctx, cancel := context.WithCancel(t.Context())
	stopped := func(r *http.Request) bool {
		if second(r) {
			cancel()
		}
		return calls == 2
	}
	srv.Inject(stopped, 1, status(http.StatusForbidden))
	if holds, err := g.Review(ctx, hunt.Review{Tasks: tasks}); !errors.Is(err, context.Canceled) || holds != nil {
		t.Errorf("Review that was canceled on its way = %v, %v", holds, err)
	}
	srv.Inject(nil, -1, status(http.StatusForbidden))
	holds, err = g.Review(t.Context(), hunt.Review{Tasks: tasks})
	if !errors.Is(err, cbc.ErrForbidden) || !strings.Contains(err.Error(), "device (READ)") || holds != nil {
		t.Errorf("Review without the permission = %v, %v, want an error that names it", holds, err)
	}
	if holds, err := g.Review(ctx, hunt.Review{Tasks: tasks}); !errors.Is(err, context.Canceled) || holds != nil {
		t.Errorf("Review that was canceled before = %v, %v", holds, err)
	}
	srv = cbctest.New(world)
	srv.Inject(nil, 1, status(http.StatusNotFound))
	if holds, err := protect(t, srv, cbchunt.ProtectDevicesConfig{}).Review(t.Context(), hunt.Review{Tasks: tasks[:1]}); err == nil {
		t.Errorf("Review of an answer that is a 404 = %v, want an error", holds)
	}
}

// reader answers with devices and an error.
type reader struct {
	devices []cbc.Device
	err     error
}

func (r reader) ByIDs(context.Context, ...cbc.DeviceID) ([]cbc.Device, error) {
	return r.devices, r.err
}

func TestProtectDevicesThatAreOnlyPartlyKnown(t *testing.T) {
	t.Parallel()
	unread := &cbc.DevicesError{Op: "devices.by_ids", IDs: []cbc.DeviceID{7, 8, 9}, Err: errors.New("reset")}
	some := reader{devices: []cbc.Device{{ID: 5, TargetPriority: "LOW"}, {ID: 6, Name: "LAP-6", TargetPriority: "LOW"}}, err: unread}
	g, err := cbchunt.NewProtectDevices(cbchunt.ProtectDevicesConfig{Devices: some, IDs: []cbc.DeviceID{7}, Names: []string{"dc-*"}})
	if err != nil {
		t.Fatal(err)
	}
	tasks := []hunt.Task{on(5, ""), on(6, ""), on(7, "listed"), on(8, "dc-8"), on(9, "lap-9")}
	holds, err := g.Review(t.Context(), hunt.Review{Tasks: tasks})
	want := map[string]string{
		"isolate/device/5": "device 5 may be protected: its name is not known",
		"isolate/device/7": "listed is protected: its id is 7",
		"isolate/device/8": "dc-8 is protected: its name fits dc-*",
		"isolate/device/9": "unsure: lap-9 may be protected: its state could not be read: reset",
	}
	if diff := cmp.Diff(want, reasons(holds)); err != nil || diff != "" {
		t.Errorf("Review: %v, holds mismatch (-want +got):\n%s", err, diff)
	}
}

func TestProtectDevicesAsksNobodyWithoutNeed(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{})
	nothing := protect(t, srv, cbchunt.ProtectDevicesConfig{Priorities: []string{}})
	if holds, err := nothing.Review(t.Context(), hunt.Review{Tasks: []hunt.Task{on(7, "x")}}); holds != nil || err != nil {
		t.Errorf("Review of a guard without rules = %v, %v", holds, err)
	}
	g := protect(t, srv, cbchunt.ProtectDevicesConfig{})
	if holds, err := g.Review(t.Context(), hunt.Review{Tasks: []hunt.Task{banOf(hash(1))}, Done: []hunt.Task{on(7, "x")}}); holds != nil || err != nil {
		t.Errorf("Review of a ban = %v, %v", holds, err)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
}

func TestNewProtectDevicesReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := cbchunt.NewProtectDevices(cbchunt.ProtectDevicesConfig{
		IDs: []cbc.DeviceID{7, -1}, Names: []string{"ok*", "dc-[", " "}, Networks: []netip.Prefix{{}, netip.MustParsePrefix("::ffff:1.2.3.4/90")},
		Policies: []string{"ok", " "}, Groups: []string{""}, Priorities: []string{"URGENT"}, Deployments: []string{"CLOUD", "vdi"},
	})
	if err == nil {
		t.Fatal("NewProtectDevices of a broken configuration gave no error")
	}
	for _, want := range []string{
		"the Devices are missing", "-1 is no device id", `"dc-["`, "a pattern is empty", "invalid Prefix is no network", "::ffff:1.2.3.4/90 is no network",
		"a policy has no name", "a group has no name", `"URGENT" is no priority`, `"CLOUD" is no deployment`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not speak of %q: %v", want, err)
		}
	}
}

func TestFleetSize(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{
		{ID: 1, Name: "A"}, {ID: 2, Name: "B", OS: "LINUX"}, {ID: 3, Name: "C", OS: "MAC"}, {ID: 4, Name: "D"}, {ID: 5, Name: "E", Status: "DEREGISTERED"},
	}})
	size := cbchunt.FleetSize(connect(t, srv.Client()).Devices)
	if n, err := size(t.Context()); n != 4 || err != nil {
		t.Errorf("FleetSize = %d, %v, want 4", n, err)
	}
	srv.Inject(nil, 1, status(http.StatusForbidden))
	if n, err := size(t.Context()); n != 0 || !errors.Is(err, cbc.ErrForbidden) {
		t.Errorf("FleetSize without the permission = %d, %v", n, err)
	}
}
