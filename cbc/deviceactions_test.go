package cbc_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestQuarantineAndRelease(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		switches cbctest.DeviceSwitches
	}{{"204", cbctest.DeviceSwitches{}}, {"200 with an object", cbctest.DeviceSwitches{ActionsAnswer: true}}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := devices(7, 8, 9)
			world.Switches.Devices = tt.switches
			srv := cbctest.New(world)
			client := connect(t, srv.Client())
			if err := client.Devices.Quarantine(t.Context(), 7, 8, 7); err != nil {
				t.Fatal(err)
			}
			quarantined := func() (ids []int64) {
				for _, d := range srv.Devices() {
					if d.Quarantined {
						ids = append(ids, d.ID)
					}
				}
				return ids
			}
			if got := quarantined(); !slices.Equal(got, []int64{7, 8}) {
				t.Errorf("quarantined are %v, want 7 and 8", got)
			}
			if err := client.Devices.Release(t.Context(), 8); err != nil {
				t.Fatal(err)
			}
			if got := quarantined(); !slices.Equal(got, []int64{7}) {
				t.Errorf("quarantined are %v, want 7", got)
			}
			want := `{"action_type":"QUARANTINE","device_id":[7,8],"options":{"toggle":"ON"}}`
			if got := string(srv.Requests()[0].Body); got != want || len(srv.Requests()) != 2 {
				t.Errorf("the first of %d calls was %s, want %s", len(srv.Requests()), got, want)
			}
		})
	}
}

func TestQuarantineFollowsTheSensor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := devices(7)
		world.Devices[0].CheckIn = 30 * time.Second
		client := connect(t, cbctest.New(world).Client())
		if err := client.Devices.Quarantine(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
		if d, err := client.Devices.Get(t.Context(), 7); err != nil || d.Quarantined {
			t.Errorf("before the check-in: %v, %v", d.Quarantined, err)
		}
		time.Sleep(31 * time.Second)
		if d, err := client.Devices.Get(t.Context(), 7); err != nil || !d.Quarantined {
			t.Errorf("after the check-in: %v, %v", d.Quarantined, err)
		}
	})
}

func TestSetPolicy(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(upTo(2001)...))
	client := connect(t, srv.Client())
	if err := client.Devices.SetPolicy(t.Context(), 88402, upTo(2001)...); err != nil {
		t.Fatal(err)
	}
	if n := len(srv.Requests()); n != 3 {
		t.Errorf("it took %d calls, want 3", n)
	}
	got, err := client.Devices.Get(t.Context(), 2001)
	if err != nil || got.PolicyID != 88402 || got.PolicyName != "Contain" || !got.PolicyOverride || got.LiveResponse() {
		t.Errorf("Get(2001) = %+v, %v", got, err)
	}
	err = client.Devices.SetPolicy(t.Context(), 99999, 1, 2)
	if e, ok := errors.AsType[*cbc.APIError](err); !ok || e.StatusCode != http.StatusBadRequest || !strings.HasPrefix(err.Error(), "cbc: devices.set_policy: device 1, 2: 400 Bad Request") {
		t.Errorf("SetPolicy(99999) = %v, want the vendor's 400", err)
	}
	if err := client.Devices.SetPolicy(t.Context(), 0, 1); err == nil || len(srv.Requests()) != 5 {
		t.Errorf("SetPolicy(0) = %v after %d calls, want an error and no call", err, len(srv.Requests()))
	}
}

func TestActionsOnUnknownDevices(t *testing.T) {
	t.Parallel()
	t.Run("refused: the others are done", func(t *testing.T) {
		t.Parallel()
		world := devices(7, 8)
		world.Switches.Devices.UnknownDevice = true
		srv := cbctest.New(world)
		err := connect(t, srv.Client()).Devices.Quarantine(t.Context(), 7, 404, 8)
		failed, ok := errors.AsType[*cbc.DevicesError](err)
		if !ok || !errors.Is(err, cbc.ErrNotFound) || !slices.Equal(failed.IDs, []cbc.DeviceID{404}) {
			t.Errorf("Quarantine = %v, want ErrNotFound for 404 alone", err)
		}
		for _, d := range srv.Devices() {
			if !d.Quarantined {
				t.Errorf("device %d is not quarantined", d.ID)
			}
		}
		if diff := cmp.Diff([]string{opAction, opDevices, opAction}, operations(srv)); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
	t.Run("refused: none of them exists", func(t *testing.T) {
		t.Parallel()
		world := devices(7)
		world.Switches.Devices.UnknownDevice = true
		err := connect(t, cbctest.New(world).Client()).Devices.Quarantine(t.Context(), 404, 405)
		failed, ok := errors.AsType[*cbc.DevicesError](err)
		if !ok || !errors.Is(err, cbc.ErrNotFound) || !slices.Equal(failed.IDs, []cbc.DeviceID{404, 405}) {
			t.Errorf("Quarantine = %v, want ErrNotFound for both", err)
		}
	})
	t.Run("refused, and nobody says which of them exist", func(t *testing.T) {
		t.Parallel()
		client, srv := scripted(t, map[string][]string{opAction: {`404 {"error_code":"NOT_FOUND"}`}, opDevices: {`403 {}`}})
		err := client.Devices.Quarantine(t.Context(), 7, 8)
		failed, ok := errors.AsType[*cbc.DevicesError](err)
		if !ok || !errors.Is(err, cbc.ErrForbidden) || !slices.Equal(failed.IDs, []cbc.DeviceID{7, 8}) || len(srv.Requests()) != 2 {
			t.Errorf("Quarantine = %v, want an error for both", err)
		}
	})
	t.Run("refused twice", func(t *testing.T) {
		t.Parallel()
		client, _ := scripted(t, map[string][]string{
			opAction:  {`404 {"error_code":"NOT_FOUND"}`, `403 {}`},
			opDevices: {`{"results":[{"id":7,"name":"x","status":"REGISTERED"}],"num_found":1}`},
		})
		err := client.Devices.Quarantine(t.Context(), 7, 8)
		if !errors.Is(err, cbc.ErrNotFound) || !errors.Is(err, cbc.ErrForbidden) || !strings.Contains(err.Error(), "device 8: 404") || !strings.Contains(err.Error(), "device 7: 403") {
			t.Errorf("Quarantine = %v, want 404 for device 8 and 403 for device 7", err)
		}
	})
	t.Run("passed over in silence", func(t *testing.T) {
		t.Parallel()
		if err := connect(t, cbctest.New(devices(7)).Client()).Devices.Quarantine(t.Context(), 7, 404); err != nil {
			t.Errorf("Quarantine = %v", err)
		}
	})
	t.Run("the organization is unknown", func(t *testing.T) {
		t.Parallel()
		client, srv := scripted(t, map[string][]string{opAction: {`404 {"error_code":"NOT_FOUND","message":"org not found","resource_type":"org"}`}})
		if err := client.Devices.Quarantine(t.Context(), 7, 8); !errors.Is(err, cbc.ErrUnknownOrg) || len(srv.Requests()) != 1 {
			t.Errorf("Quarantine = %v after %d calls, want ErrUnknownOrg after one", err, len(srv.Requests()))
		}
	})
}

func TestActionsNeedDevices(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(7))
	client := connect(t, srv.Client())
	if err := client.Devices.Quarantine(t.Context()); err != nil {
		t.Errorf("Quarantine() = %v, want nothing done and no error", err)
	}
	if err := client.Devices.Quarantine(t.Context(), 7, 0); err == nil {
		t.Error("Quarantine(7, 0) = nil, want an error")
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d calls, want none: no list of devices could be read as all of them", n)
	}
}

func TestActionsFailByChunk(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(devices(upTo(2500)...))
	srv.FailNext(1, http.StatusForbidden)
	err := connect(t, srv.Client()).Devices.Quarantine(t.Context(), upTo(2500)...)
	failed, ok := errors.AsType[*cbc.DevicesError](err)
	if !ok || !errors.Is(err, cbc.ErrForbidden) || len(failed.IDs) != 1000 || !strings.Contains(err.Error(), "device 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 990 more: 403") {
		t.Errorf("Quarantine = %v, want an error for the first thousand", err)
	}
	done := 0
	for _, d := range srv.Devices() {
		if d.Quarantined {
			done++
		}
	}
	if done != 1500 {
		t.Errorf("%d devices are quarantined, want 1500", done)
	}
}

func TestActionsAreNotTakenForDone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"a login page": `<html>Please log in</html>`, "a failure with 200": `{"success":false,"message":"no"}`, "an error message with 200": `{"errorMessage":"no"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := scripted(t, map[string][]string{opAction: {answer}})
			if err := client.Devices.Quarantine(t.Context(), 7); err == nil {
				t.Error("Quarantine = nil, want an error")
			}
		})
	}
	t.Run("200 without a body is done", func(t *testing.T) {
		t.Parallel()
		client, _ := scripted(t, map[string][]string{opAction: {""}})
		if err := client.Devices.Quarantine(t.Context(), 7); err != nil {
			t.Errorf("Quarantine = %v", err)
		}
	})
}
