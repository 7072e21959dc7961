package cbc_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestWaitForDevices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := devices(7, 8, 9)
		world.Devices[0].CheckIn, world.Devices[1].CheckIn = 30*time.Second, time.Minute
		world.Devices[2].Offline, world.Devices[2].OnlineAfter = true, time.Hour
		srv := cbctest.New(world)
		client := connect(t, srv.Client())
		if err := client.Devices.Quarantine(t.Context(), 7, 8, 9); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		got, err := client.Devices.WaitFor(t.Context(), cbc.IsQuarantined, 7, 8, 9, 7)
		if err != nil || len(got) != 3 || got[0].ID != 7 || !got[0].Quarantined || got[2].ID != 9 || !got[2].Quarantined {
			t.Errorf("WaitFor = %+v, %v", got, err)
		}
		wait(t, began, time.Hour, time.Hour+66*time.Second)
		if n := count(operations(srv), opDevices); n < 60 || n > 75 {
			t.Errorf("%d looks in an hour, want one in a minute", n)
		}
		if got, err := client.Devices.WaitFor(t.Context(), cbc.IsReleased); got != nil || err != nil {
			t.Errorf("WaitFor nothing = %v, %v", got, err)
		}
		if _, err := client.Devices.WaitFor(t.Context(), cbc.IsReleased, 0); err == nil {
			t.Error("WaitFor(0) = nil, want an error")
		}
	})
}

func TestWaitForAPolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := devices(7)
		world.Devices[0].CheckIn = 30 * time.Second
		client := connect(t, cbctest.New(world).Client())
		policy, err := client.Policies.ByName(t.Context(), "Contain")
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Devices.SetPolicy(t.Context(), policy.ID, 7); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		got, err := client.Devices.WaitFor(t.Context(), cbc.PolicyInForce(policy), 7)
		if err != nil || len(got) != 1 || got[0].CurrentSensorPolicy != "Contain" {
			t.Errorf("WaitFor = %+v, %v", got, err)
		}
		wait(t, began, 29*time.Second, time.Minute)
	})
}

func TestWaitForEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := devices(7, 8, 9, 10)
		world.Devices[0].Quarantined = true
		world.Devices[1].Offline = true
		world.Devices[2].Status = "DEREGISTERED"
		world.Devices[3].Offline = true
		client := connect(t, cbctest.New(world).Client())
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		began := time.Now()
		got, err := client.Devices.WaitFor(ctx, cbc.IsQuarantined, 7, 8, 9, 10, 404)
		wait(t, began, 10*time.Minute, 10*time.Minute)
		if len(got) != 4 || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cbc.ErrIncomplete) || !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("WaitFor = %d devices, %v", len(got), err)
		}
		waiting, ok := errors.AsType[*cbc.DevicesError](err)
		if !ok || !slices.Equal(waiting.IDs, []cbc.DeviceID{8, 10}) {
			t.Errorf("WaitFor = %v, want devices 8 and 10 named first", err)
		}
		want := "cbc: devices.wait_for: device 8, 10: 2 of 5 are not as wanted: incomplete: context deadline exceeded\n" +
			"cbc: devices.wait_for: device 404: not found\n" +
			"cbc: devices.wait_for: device 9: deregistered: the sensor does not check in any more"
		if err == nil || err.Error() != want {
			t.Errorf("WaitFor = %v, want %q", err, want)
		}
	})
}

func TestWaitForFails(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opDevices: {`403 {}`}})
	if got, err := client.Devices.WaitFor(t.Context(), cbc.IsQuarantined, 7); got != nil || !errors.Is(err, cbc.ErrForbidden) || errors.Is(err, cbc.ErrIncomplete) {
		t.Errorf("WaitFor = %v, %v, want ErrForbidden", got, err)
	}
}
