package cbc_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestActionsByID(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(7, 8))
	client := connect(t, srv.Client())
	d := client.Devices
	for _, tt := range []struct {
		act  func(context.Context, ...cbc.DeviceID) error
		want string
	}{
		{d.Bypass, `{"action_type":"BYPASS","device_id":[7],"options":{"toggle":"ON"}}`},
		{d.EndBypass, `{"action_type":"BYPASS","device_id":[7],"options":{"toggle":"OFF"}}`},
		{d.StartScan, `{"action_type":"BACKGROUND_SCAN","device_id":[7],"options":{"toggle":"ON"}}`},
		{d.StopScan, `{"action_type":"BACKGROUND_SCAN","device_id":[7],"options":{"toggle":"OFF"}}`},
		{
			func(ctx context.Context, ids ...cbc.DeviceID) error {
				return d.UpdateSensor(ctx, map[cbc.SensorKit]string{cbc.KitWindows: "4.0.3.9"}, ids...)
			},
			`{"action_type":"UPDATE_SENSOR_VERSION","device_id":[7],"options":{"sensor_version":{"WINDOWS":"4.0.3.9"}}}`,
		},
		{d.Uninstall, `{"action_type":"UNINSTALL_SENSOR","device_id":[7]}`},
		{d.Delete, `{"action_type":"DELETE_SENSOR","device_id":[7]}`},
	} {
		if err := tt.act(t.Context(), 7); err != nil {
			t.Errorf("%s: %v", tt.want, err)
		}
		requests := srv.Requests()
		if got := string(requests[len(requests)-1].Body); got != tt.want {
			t.Errorf("sent %s, want %s", got, tt.want)
		}
	}
	if _, err := d.Get(t.Context(), 7); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Get = %v, want the device gone", err)
	}
	if err := d.Delete(t.Context(), 8); err == nil {
		t.Error("Delete of a registered device = nil, want the vendor's refusal")
	}
	calls := len(srv.Requests())
	for _, versions := range []map[cbc.SensorKit]string{nil, {cbc.KitMac: ""}, {"": "1.0"}} {
		if err := d.UpdateSensor(t.Context(), versions, 8); err == nil {
			t.Errorf("UpdateSensor(%v) = nil, want an error", versions)
		}
	}
	if n := len(srv.Requests()); n != calls {
		t.Errorf("%d calls, want none", n-calls)
	}
}

func TestUninstallAndDeleteAreNeverRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []string{"502", "503", "500"} {
			client, srv := scripted(t, map[string][]string{
				opAction:  {status + ` {}`},
				opDevices: {`{"results":[{"id":7,"name":"x","status":"DEREGISTERED"}],"num_found":1}`},
			})
			selection := client.Devices.Where(cbc.DeviceQuery{IDs: []cbc.DeviceID{7}})
			_, uninstall := selection.Uninstall(t.Context())
			_, remove := selection.Delete(t.Context())
			for _, err := range []error{client.Devices.Uninstall(t.Context(), 7), client.Devices.Delete(t.Context(), 7), uninstall, remove} {
				if e, ok := errors.AsType[*cbc.APIError](err); !ok || !e.Retryable() {
					t.Errorf("%v, want the vendor's %s", err, status)
				}
			}
			var ops []string
			for _, r := range srv.Requests() {
				ops = append(ops, r.Operation)
			}
			if n := count(ops, opAction); n != 4 {
				t.Errorf("%d calls for four actions after a %s", n, status)
			}
		}
		client, srv := scripted(t, map[string][]string{opAction: {`404 {"error_code":"NOT_FOUND"}`}})
		if err := client.Devices.Delete(t.Context(), 7, 8); !errors.Is(err, cbc.ErrNotFound) || len(srv.Requests()) != 1 {
			t.Errorf("Delete = %v after %d calls, want no second try without the unknown device", err, len(srv.Requests()))
		}
	})
}
