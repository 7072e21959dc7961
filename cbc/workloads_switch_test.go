package cbc_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// machines are virtual machines under the appliance, with one of the vendor's tags each or none, and a laptop.
func machines() cbctest.World {
	machine := func(id int64, name, tag string) cbctest.Device {
		return cbctest.Device{
			ID: id, Name: name, DeploymentType: "WORKLOAD", NSXEnabled: true, NSXTag: tag, Extra: map[string]any{"appliance_uuid": name[:1]},
		}
	}
	return cbctest.World{Devices: []cbctest.Device{
		machine(1, "a-1", ""), machine(2, "a-2", "CB-NSX-Quarantine"), machine(3, "b-1", ""), {ID: 4, Name: "LAP-4"},
	}}
}

// tags are the tags of the machines, by name.
func tags(srv *cbctest.Server) map[string]string {
	m := map[string]string{}
	for _, d := range srv.Devices() {
		m[d.Name] = d.NSXTag
	}
	return m
}

func TestWorkloadsOfTheFake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(machines())
		client := connect(t, srv.Client())
		jobs, err := client.Workloads.Tag(t.Context(), cbc.NSXIsolate, 1, 3)
		if err != nil || len(jobs.IDs) != 2 {
			t.Fatalf("Tag = %+v, %v, want a job for each appliance", jobs, err)
		}
		if status, err := client.Workloads.JobStatus(t.Context(), jobs.IDs[0]); err != nil || status.Finished() {
			t.Errorf("JobStatus = %+v, %v, want a job that goes on", status, err)
		}
		if err := client.Workloads.Jobs(jobs.IDs...).Wait(t.Context()); err != nil { // as another process would
			t.Errorf("Wait = %v", err)
		}
		if d, err := client.Devices.Get(t.Context(), 1); err != nil || d.NSXTag != cbc.NSXIsolate || d.NSXEligible() != nil {
			t.Errorf("Get = %+v, %v", d, err)
		}
		// A second tag beside the first fails; Switch takes the first off.
		jobs, err = client.Workloads.Tag(t.Context(), cbc.NSXCustom, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := jobs.Wait(t.Context()); !errors.Is(err, cbc.ErrJobFailed) {
			t.Errorf("Wait = %v, want ErrJobFailed", err)
		}
		err = client.Workloads.Switch(t.Context(), cbc.NSXCustom, 1, 2, 3, 4)
		if failed, ok := errors.AsType[*cbc.DevicesError](err); !ok || !cmp.Equal(failed.IDs, []cbc.DeviceID{4}) || errors.Is(err, cbc.ErrJobFailed) {
			t.Errorf("Switch = %v, want an error for the laptop alone", err)
		}
		const custom = "CB-NSX-Custom"
		if diff := cmp.Diff(map[string]string{"a-1": custom, "a-2": custom, "b-1": custom, "LAP-4": ""}, tags(srv)); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
		calls := len(srv.Requests())
		if err := client.Workloads.Switch(t.Context(), cbc.NSXCustom, 1, 2, 3); err != nil || len(srv.Requests()) != calls+1 {
			t.Errorf("Switch again = %v after %d calls, want nothing to do", err, len(srv.Requests())-calls)
		}
		if _, err := client.Workloads.Tag(t.Context(), cbc.NSXIsolate, 4); err == nil {
			t.Error("Tag of a laptop = nil, want an error: no job was started")
		}
		jobs, err = client.Workloads.Untag(t.Context(), cbc.NSXCustom, 1, 2, 3)
		if err = errors.Join(err, jobs.Wait(t.Context())); err != nil {
			t.Errorf("Untag = %v", err)
		}
		if diff := cmp.Diff(map[string]string{"a-1": "", "a-2": "", "b-1": "", "LAP-4": ""}, tags(srv)); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	})
}
