package cbc_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestSelectionRefusesTheWholeFleetByAccident(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(7, 8))
	client := connect(t, srv.Client())
	for name, query := range map[string]cbc.DeviceQuery{
		"nothing":                   {},
		"lists without elements":    {IDs: []cbc.DeviceID{}, OS: []string{}, Statuses: []string{}},
		"every status":              {Statuses: []string{"ALL"}},
		"every status among others": {Statuses: []string{"ACTIVE", "all"}},
		"only what to leave out":    {NotSensorVersions: []string{"1.0"}},
		"a wildcard":                {Query: cbc.Field("name").Exists()},
		"a wildcard by hand":        {Query: cbc.Raw("*:*")},
		"page and order":            {Rows: 5, Sort: []cbc.DeviceSort{{Field: "name"}}},
	} {
		for op, act := range actionsOn(client.Devices.Where(query)) {
			if n, err := act(t.Context()); n != 0 || err == nil || !strings.HasPrefix(err.Error(), "cbc: devices."+op+": ") || !strings.Contains(err.Error(), "Devices.All") {
				t.Errorf("%s on %s = %d, %v, want it refused", op, name, n, err)
			}
		}
		if n, err := client.Devices.Where(query).Count(t.Context()); n != 0 || err == nil {
			t.Errorf("Count of %s = %d, %v, want it refused", name, n, err)
		}
	}
	if n, err := (cbc.DeviceSelection{}).Quarantine(t.Context()); n != 0 || err == nil {
		t.Errorf("Quarantine of the zero selection = %d, %v, want it refused", n, err)
	}
	for _, n := range []int{-1, 10001} {
		if _, err := client.Devices.All().AtMost(n).Quarantine(t.Context()); err == nil {
			t.Errorf("AtMost(%d) is accepted", n)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
}

// actionsOn are all actions on a selection.

func actionsOn(s cbc.DeviceSelection) map[string]func(context.Context) (int, error) {
	return map[string]func(context.Context) (int, error){
		"quarantine": s.Quarantine, "release": s.Release, "bypass": s.Bypass, "end_bypass": s.EndBypass,
		"start_scan": s.StartScan, "stop_scan": s.StopScan, "uninstall": s.Uninstall, "delete": s.Delete,
		"set_policy": func(ctx context.Context) (int, error) { return s.SetPolicy(ctx, 88402) },
		"update_sensor": func(ctx context.Context) (int, error) {
			return s.UpdateSensor(ctx, map[cbc.SensorKit]string{cbc.KitWindows: "4.0.3.9"})
		},
	}
}

func TestSelectionActs(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(7, 8, 9))
	client := connect(t, srv.Client())
	some := client.Devices.Where(cbc.DeviceQuery{IDs: []cbc.DeviceID{7, 9}, NotSensorVersions: []string{"1.0"}, Rows: 1})
	state := func() (quarantined, bypassed, moved []int64) {
		for _, d := range srv.Devices() {
			if d.Quarantined {
				quarantined = append(quarantined, d.ID)
			}
			if d.Bypass {
				bypassed = append(bypassed, d.ID)
			}
			if d.PolicyID == 88402 && d.PolicyOverride {
				moved = append(moved, d.ID)
			}
		}
		return quarantined, bypassed, moved
	}
	actions := actionsOn(some)
	for _, op := range []string{"quarantine", "bypass", "set_policy", "start_scan", "stop_scan", "update_sensor"} {
		if n, err := actions[op](t.Context()); n != 2 || err != nil {
			t.Errorf("%s = %d, %v, want 2 devices", op, n, err)
		}
	}
	both := []int64{7, 9}
	if quarantined, bypassed, moved := state(); !slices.Equal(quarantined, both) || !slices.Equal(bypassed, both) || !slices.Equal(moved, both) {
		t.Errorf("quarantined %v, in bypass %v, moved %v, want 7 and 9", quarantined, bypassed, moved)
	}
	if d, _ := srv.Device(9); d.SensorVersion != "4.0.3.9" {
		t.Errorf("the sensor is %s", d.SensorVersion)
	}
	for _, op := range []string{"release", "end_bypass", "uninstall", "delete"} {
		if n, err := actions[op](t.Context()); n != 2 || err != nil {
			t.Errorf("%s = %d, %v, want 2 devices", op, n, err)
		}
	}
	if left := srv.Devices(); len(left) != 1 || left[0].ID != 8 {
		t.Errorf("%d devices are left, want 8 alone", len(left))
	}
	if n, err := some.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("Count = %d, %v, want none", n, err)
	}
	calls := len(srv.Requests())
	if n, err := some.Quarantine(t.Context()); n != 0 || err != nil || len(srv.Requests()) != calls+1 {
		t.Errorf("Quarantine of nothing = %d, %v after %d calls, want nothing done", n, err, len(srv.Requests())-calls)
	}
}

func TestSelectionOfAllDevices(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(7, 8, 9))
	all := connect(t, srv.Client()).Devices.All()
	if n, err := all.Count(t.Context()); n != 3 || err != nil {
		t.Errorf("Count = %d, %v, want 3", n, err)
	}
	n, err := all.AtMost(2).Quarantine(t.Context())
	tooMany, ok := errors.AsType[*cbc.TooManyDevicesError](err)
	if n != 0 || !ok || tooMany.Found != 3 || tooMany.AtMost != 2 || !errors.Is(err, cbc.ErrConflict) {
		t.Errorf("Quarantine = %d, %v, want a TooManyDevicesError", n, err)
	}
	if want := "cbc: devices.quarantine: 3 devices match where 2 may: nothing was done"; err != nil && err.Error() != want {
		t.Errorf("Quarantine = %q, want %q", err, want)
	}
	if n, err := all.AtMost(3).Quarantine(t.Context()); n != 3 || err != nil {
		t.Errorf("Quarantine = %d, %v, want 3", n, err)
	}
	requests := srv.Requests()
	want := `{"action_type":"QUARANTINE","search":{"criteria":{"status":["ALL"]}},"options":{"toggle":"ON"}}`
	if got := string(requests[len(requests)-1].Body); got != want || count(operations(srv), opAction) != 1 {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestSelectionBeyondWhatAnActionReaches(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opDevices: {`{"results":[{"id":1,"name":"x","status":"REGISTERED"}],"num_found":10001}`, `403 {}`}})
	if n, err := client.Devices.All().Quarantine(t.Context()); n != 0 || !errors.Is(err, cbc.ErrConflict) {
		t.Errorf("Quarantine = %d, %v, want it refused: an action reaches 10,000", n, err)
	}
	if n, err := client.Devices.All().Quarantine(t.Context()); n != 0 || !errors.Is(err, cbc.ErrForbidden) {
		t.Errorf("Quarantine = %d, %v, want the error of counting", n, err)
	}
	if n := len(srv.Requests()); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestSelectionThatCannotBeCounted(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opDevices: {
		`{"results":[{"id":1,"name":"x","status":"REGISTERED"}],"num_found":{"value":9000}}`, `{"results":[{"id":1,"name":"x","status":"REGISTERED"}],"num_found":0}`,
	}})
	for range 2 {
		if n, err := client.Devices.All().AtMost(1).Quarantine(t.Context()); n != 0 || err == nil || !strings.Contains(err.Error(), "num_found") {
			t.Errorf("Quarantine = %d, %v, want it refused: nobody knows how many", n, err)
		}
	}
	if n := len(srv.Requests()); n != 2 {
		t.Errorf("%d calls, want the two that count", n)
	}
}

// What cannot be taken back is done once, whatever becomes of the answer.

func TestActionsBySearchAreRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(devices(7))
		client := connect(t, srv.Client())
		selection := client.Devices.Where(cbc.DeviceQuery{OS: []string{"WINDOWS"}})
		srv.Inject(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/device_actions") }, 1, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // done, and the answer is lost
				next.ServeHTTP(discard{w.Header()}, r)
				w.WriteHeader(http.StatusGatewayTimeout)
			})
		})
		if n, err := selection.Quarantine(t.Context()); n != 1 || err != nil {
			t.Errorf("Quarantine = %d, %v", n, err)
		}
		if d, _ := srv.Device(7); !d.Quarantined {
			t.Error("the device is not quarantined")
		}
	})
}

// discard takes an answer that nobody gets.

type discard struct{ header http.Header }

func (d discard) Header() http.Header { return d.header }

func (d discard) Write(p []byte) (int, error) { return len(p), nil }

func (d discard) WriteHeader(int) {}
